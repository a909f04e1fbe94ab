"""The whole network's gradient against finite differences, in every way it can be computed; and its invariants."""

import tracemalloc
from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._network.activations import ACTIVATIONS
from sknet._network.chain import DenseBatches, Layout, make_chain, n_rows_in_batch
from sknet._network.losses_of_labels import SOFTMAX_LOG_LOSS
from sknet._network.objective import MAX_BOUND_BATCH_SIZES, Objective, ObjectiveSettings, raw_outputs
from sknet._network.weights import ElasticNet
from tests.network.pieces import (
    ACTIVATION_NAMES,
    KINDS,
    LOSSES,
    NetworkCase,
    assert_gradient,
    inputs_of,
    network_case,
    numerical_gradient,
)

FEW = np.array([5, 0, 2])  # these rows touch the inputs 1 and 4 only, a third of all
STEP = 1e-4
NETWORKS = [("identity", ())] + [(name, (5, 4, 3)[:depth]) for name in ACTIVATION_NAMES for depth in (1, 2, 3)]
PAIRS = [(*network, loss) for network, loss in zip(NETWORKS, cycle(LOSSES), strict=False)]  # each loss twice or more
cases = st.builds(
    network_case,
    st.sampled_from(list(LOSSES)),
    st.sampled_from(ACTIVATION_NAMES),
    st.sampled_from([(), (4,), (3, 4)]),
    seed=st.integers(0, 1000),
)


# --- the gradient is the slope


def variants(case):
    """The gradient of the same three rows' objective, in every way there is, and whether it is sparse."""
    for kind in KINDS:
        yield case.gradient(FEW, kind=kind), kind == "sparse"
        yield case.gradient(FEW, kind=kind, n_rows=2), False  # in blocks
        yield case.gradient(slice(0, 3), rows=FEW, kind=kind), False  # of all rows: the whole gradient


@pytest.mark.parametrize(("activation", "hidden", "loss"), PAIRS)
def test_gradients_of_a_whole_network_equal_finite_differences(activation, hidden, loss):
    case = network_case(loss, activation, hidden)
    objective = case.objective()
    scratch = np.empty_like(case.theta)
    expected = numerical_gradient(lambda theta: objective(theta, FEW, scratch)[0], case.theta, STEP)
    for (value, gradient, rows), sparse in variants(case):
        assert value == pytest.approx(objective(case.theta, FEW, scratch)[0], rel=1e-13)
        assert rows.tolist() == [1, 4] if sparse else rows is None
        for array, slope in zip(case.arrays(gradient), case.arrays(expected), strict=True):
            assert_gradient(array, slope)


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("activation", ACTIVATION_NAMES)
def test_gradients_with_dropout_equal_finite_differences(activation, kind):
    """With the same random numbers the objective is a smooth function, and the masks of the two passes are one."""
    case = network_case("log_loss, softmax", activation, (6, 5, 4))
    batch, how = slice(0, 8), {"dropout": (0.3, 0.0, 0.5), "kind": kind}
    objective, scratch = case.objective(**how), np.empty_like(case.theta)
    expected = numerical_gradient(
        lambda theta: objective(theta, batch, scratch, np.random.default_rng(3))[0], case.theta, STEP
    )
    value, gradient, _ = case.gradient(batch, rng=np.random.default_rng(3), **how)
    assert value != case.gradient(batch, **how)[0]
    assert_gradient(gradient, expected)


def test_dropout_leaves_no_trace_in_the_next_pass():
    case = network_case("squared_error", "tanh", (6,))
    objective, first, second = case.objective(dropout=(0.5,)), *np.empty((2, case.theta.size))
    value, _ = objective(case.theta, slice(0, 8), first)
    assert objective(case.theta, slice(0, 8), second, np.random.default_rng(0))[0] != value
    assert objective(case.theta, slice(0, 8), second)[0] == value
    np.testing.assert_array_equal(first, second)


def test_a_sparse_step_leaves_the_l1_penalty_to_be_added():
    case = network_case("squared_error", "tanh", (4,))
    plain, bare = (NetworkCase(**{**vars(case), "penalty": ElasticNet(l1=l1)}) for l1 in (0.2, 0.0))
    (value, gradient, rows), (bare_value, dense, _) = plain.gradient(FEW, kind="sparse"), bare.gradient(FEW)
    of_weights = 0.2 * np.abs(case.theta[: case.layout.n_weights]).sum()
    assert len(rows) == 2
    assert value == pytest.approx(bare_value + of_weights)
    np.testing.assert_allclose(gradient, dense, rtol=1e-12, atol=1e-15)


# --- invariants


@given(cases, st.lists(st.integers(1, 3), min_size=8, max_size=8))
def test_a_weight_is_a_repetition(case, repeats):
    repeats = np.array(repeats)
    rows = np.repeat(np.arange(8), repeats)
    weight = repeats * (8 / repeats.sum())  # divided by their mean
    weighted = NetworkCase(**{**vars(case), "weight": weight}).gradient(slice(0, 8))
    repeated = NetworkCase(**{**vars(case), "weight": None}).gradient(slice(0, len(rows)), rows=rows)
    assert weighted[0] == pytest.approx(repeated[0], rel=1e-12)
    np.testing.assert_allclose(weighted[1], repeated[1], rtol=1e-9, atol=1e-12)


@given(cases, st.floats(0.1, 10))
def test_the_data_term_is_proportional_to_the_weights(case, factor):
    bare = NetworkCase(**{**vars(case), "penalty": ElasticNet()})
    value, gradient, _ = bare.gradient(FEW)
    scaled = NetworkCase(**{**vars(bare), "weight": factor * case.weight}).gradient(FEW)
    assert scaled[0] == pytest.approx(factor * value, rel=1e-12)
    np.testing.assert_allclose(scaled[1], factor * gradient, rtol=1e-11, atol=1e-14)


@given(st.sampled_from(list(LOSSES)), st.sampled_from(ACTIVATION_NAMES), st.permutations(range(5)), st.integers(0, 99))
def test_hidden_units_have_no_order(loss, activation, order, seed):
    case = network_case(loss, activation, (5,), seed=seed)

    def permuted(theta):
        (W1, W2), (b1, b2) = case.layout.coefs_and_intercepts(theta)
        return case.layout.flatten([W1[:, order], W2[order]], [b1[order], b2], float)

    value, gradient, _ = case.gradient(slice(0, 8))
    other_value, other_gradient, _ = case.gradient(slice(0, 8), permuted(case.theta))
    assert other_value == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(other_gradient, permuted(gradient), rtol=1e-10, atol=1e-13)


@given(cases, st.integers(1, 8), st.sampled_from(["dense", "sparse"]), st.booleans())
def test_blocks_add_up_to_the_whole(case, n_rows, kind, shuffled):
    batch = np.random.default_rng(0).permutation(8) if shuffled else slice(0, 8)
    whole, in_blocks = case.gradient(batch), case.gradient(batch, n_rows=n_rows, kind=kind)
    assert in_blocks[0] == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_allclose(in_blocks[1], whole[1], rtol=1e-10, atol=1e-13)
    assert in_blocks[2] is None


@given(cases, st.integers(0, 8))
def test_the_objectives_of_shares_add_up_to_that_of_the_batch(case, cut):
    objective, gradient = case.objective(n_rows=3), np.zeros_like(case.theta)
    w, n_weights, out = case.theta[: case.layout.n_weights], case.layout.n_weights, np.empty_like(case.theta)
    value = case.penalty.value(w)
    for share in (np.arange(cut), np.arange(cut, 8)):
        value += objective.partial_value_and_gradient(case.theta, share, 8, out)
        gradient += out
    case.penalty.add_gradient(w, gradient[:n_weights])
    whole = case.gradient(slice(0, 8))
    assert value == pytest.approx(whole[0], rel=1e-12)
    np.testing.assert_allclose(gradient, whole[1], rtol=1e-10, atol=1e-13)


@given(cases, st.integers(1, 7))
def test_batches_of_an_epoch_average_to_the_whole(case, size):
    """No weighting by batch: the mean over the rows of the batches' objectives is the objective of all rows."""
    objective, out = case.objective(), np.empty_like(case.theta)
    total, gradient = 0.0, np.zeros_like(case.theta)
    for start in range(0, 8, size):
        batch = slice(start, min(start + size, 8))
        total += objective(case.theta, batch, out)[0] * n_rows_in_batch(batch) / 8
        gradient += out * n_rows_in_batch(batch) / 8
    value, whole, _ = case.gradient(slice(0, 8))
    assert total == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(gradient, whole, rtol=1e-10, atol=1e-13)


# --- the same arrays again and again


def test_other_arrays_than_last_time_are_noticed():
    case = network_case("squared_error", "sigmoid", (4,))
    objective, batch = case.objective(n_rows=3), slice(0, 8)
    first, second = np.empty_like(case.theta), np.empty_like(case.theta)
    value, _ = objective(case.theta, batch, first)
    assert objective(case.theta.copy(), batch, second)[0] == value
    np.testing.assert_array_equal(first, second)
    other = objective(2.0 * case.theta, batch, second)[0]
    assert other == case.gradient(batch, 2.0 * case.theta, n_rows=3)[0] != value
    theta = case.theta.copy()
    assert objective(theta, batch, first)[0] == value
    theta *= 2.0  # the views follow
    assert objective(theta, batch, first)[0] == other


def test_another_generator_than_last_time_is_noticed():
    case = network_case("squared_error", "sigmoid", (4,))
    objective, batch, out = case.objective(dropout=(0.5,)), slice(0, 8), np.empty_like(case.theta)
    plain = objective(case.theta, batch, out)[0]
    drawn = [objective(case.theta, batch, out, np.random.default_rng(seed))[0] for seed in (0, 1, 0)]
    assert drawn[0] == drawn[2] != drawn[1]
    assert plain not in drawn
    assert objective(case.theta, batch, out)[0] == plain


@pytest.mark.parametrize("n_rows", [3, 8])
def test_layers_are_bound_once_per_batch_size(n_rows, monkeypatch):
    """Not anew in every step: that would take as long as a small step itself."""
    case = network_case("squared_error", "sigmoid", (4,))
    objective, out, sizes = case.objective(n_rows=n_rows), np.empty_like(case.theta), []
    monkeypatch.setattr(
        "sknet._network.objective.make_chain", lambda *a, **k: sizes.append(a[2]) or make_chain(*a, **k)
    )
    for _ in range(3):
        for batch in (np.array([0, 1, 2]), np.array([3, 4, 5]), slice(6, 8)):
            objective(case.theta, batch, out)
    assert sizes == [3, 2]


def test_few_bound_layers_are_kept():
    """Their buffers would fill the memory where every batch has another size, as those of shards have."""
    case = network_case("squared_error", "sigmoid", (4,))
    objective, out = case.objective(), np.empty_like(case.theta)
    for n in (*range(1, 8), 2):
        assert objective(case.theta, slice(0, n), out)[0] == case.gradient(slice(0, n))[0]
    assert len(objective._bound) == MAX_BOUND_BATCH_SIZES


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_all_arithmetic_is_done_in_the_given_type(loss, dtype):
    case, seen = network_case(loss, "sigmoid", (4,)), []
    (sigmoid,) = case.activations
    watched = replace(
        sigmoid, backward=lambda a, delta: seen.append((a.dtype, delta.dtype)) or sigmoid.backward(a, delta)
    )
    case = replace(case, activations=(watched,))
    theta = case.theta.astype(dtype)
    value, gradient, _ = case.gradient(slice(0, 8), theta, dtype=dtype)
    assert type(value) is float
    assert gradient.dtype == dtype
    assert seen == [(dtype, dtype)]
    np.testing.assert_allclose(gradient, case.gradient(slice(0, 8))[1], rtol=0.01, atol=1e-4)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu", "identity"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_step_allocates_no_array_of_the_batch_or_of_theta(activation, dropout):
    """All large arrays are made once; what a pass makes anew is of the output layer's size, or smaller."""
    n, d, h, k = 1000, 100, 150, 3
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2 * n, d)), np.eye(k)[rng.integers(0, k, 2 * n)]
    layout = Layout((d, h, h, k))
    settings = ObjectiveSettings(
        layout, [ACTIVATIONS[activation]] * 2, SOFTMAX_LOG_LOSS, ElasticNet(l2=0.1), n, (dropout, dropout)
    )
    objective = Objective(settings, DenseBatches(X), y, rng.random(2 * n))
    theta, out = rng.normal(size=layout.n_parameters), np.empty(layout.n_parameters)
    batch = rng.permutation(2 * n)[:n]
    objective(theta, batch, out, rng)
    tracemalloc.start()
    objective(theta, batch, out, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < min(theta.nbytes, X[:n].nbytes, 8 * n * h) / 2


# --- other data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_raw_outputs_equal_products_of_matrices(loss, kind):
    case, other = network_case(loss, "tanh", (4,)), network_case(loss, "tanh", (4,), seed=1, n=7)
    (W1, W2), (b1, b2) = case.layout.coefs_and_intercepts(case.theta)
    expected = np.tanh(other.X @ W1 + b1) @ W2 + b2
    found = raw_outputs(case.settings(block_rows=3, dropout=(0.5,)), case.theta, inputs_of(other.X, kind), 7)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
