"""Theta and its views, layers beside those of `backprop`, and the batches that enter the first one."""

from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.backprop import Activate, Dense
from sknet._network.chain import (
    N_DROPOUT_FACTORS,
    ActivateKeepingInput,
    DenseBatches,
    DenseOnOneHotAndDense,
    DenseOnSparse,
    DenseWithWeightBlocks,
    Dropout,
    LayerParameters,
    Layout,
    WeightBlock,
    find_weight_blocks,
    make_chain,
)
from tests.network.pieces import ACTIVATION_NAMES, KINDS, network_case, one_hot_and_dense_rows

# --- one flat vector and its views ------------------------------------------------------------------------------------


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_pack_and_views_are_inverse(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    coefs, intercepts = layout.coefs_and_intercepts(theta)
    assert [W.shape for W in coefs] == layout.shapes == list(pairwise(sizes))
    assert [b.shape for b in intercepts] == [(size,) for size in sizes[1:]]
    np.testing.assert_array_equal(layout.flatten(coefs, intercepts, float), theta)
    assert all(np.shares_memory(part, theta) for part in (*coefs, *intercepts))


def test_weights_come_first():
    layout = Layout((2, 3, 1))
    assert (layout.n_weights, layout.n_parameters) == (9, 13)
    theta = np.zeros(13)
    coefs, intercepts = layout.coefs_and_intercepts(theta)
    for W in coefs:
        W += 1
    for b in intercepts:
        b -= 1
    assert theta.tolist() == [1] * 9 + [-1] * 4


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_the_first_biases_are_one_more_row_of_the_first_weights(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    first, (coefs, intercepts) = layout.layers(theta, "ones")[0].W, layout.coefs_and_intercepts(theta)
    assert np.shares_memory(first, theta)
    np.testing.assert_array_equal(first, np.vstack([coefs[0], intercepts[0]]))


@given(st.lists(st.integers(1, 5), min_size=2, max_size=6))
def test_the_parameters_of_one_layer(sizes):
    layout = Layout(tuple(sizes))
    theta = np.arange(float(layout.n_parameters))
    coefs, intercepts = layout.coefs_and_intercepts(theta)
    for own, start, W, b in zip(layout.layers(theta), layout.weight_starts, coefs, intercepts, strict=True):
        np.testing.assert_array_equal(own.W, W)
        np.testing.assert_array_equal(own.b, b)
        assert own.W[0, 0] == start


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pack_copies(dtype):
    W, b = np.ones((2, 1), dtype), np.zeros(1, dtype)
    theta = Layout((2, 1)).flatten([W], [b], np.float32)
    theta += 5
    assert theta.dtype == np.float32
    assert (W == 1).all()
    assert (b == 0).all()


def test_a_factor_on_the_output_layer():
    layout = Layout((2, 3, 1))
    theta = np.arange(1.0, layout.n_parameters + 1)
    scaled = layout.with_output_scaled(theta, 2.0)
    (first, last), (hidden, output) = layout.coefs_and_intercepts(theta)
    np.testing.assert_array_equal(scaled, layout.flatten([first, 2 * last], [hidden, 2 * output], float))
    assert theta[-1] == layout.n_parameters


def test_a_factor_on_the_distances_of_outputs_from_a_center():
    layout = Layout((2, 3, 2))
    theta = np.arange(1.0, layout.n_parameters + 1)
    center = np.array([5.0, -1.0])
    scaled = layout.with_output_scaled(theta, 0.5, center)
    (first, last), (hidden, output) = layout.coefs_and_intercepts(theta)
    expected = layout.flatten([first, 0.5 * last], [hidden, 0.5 * (output + center)], float)
    np.testing.assert_array_equal(scaled, expected)


def test_a_layout_is_made_and_shown_by_its_sizes_alone():
    assert repr(Layout((2, 3, 1))) == "Layout(sizes=(2, 3, 1))"
    with pytest.raises(TypeError):
        Layout((2, 3, 1), 3)


# --- dropout, and activations that keep what they need ----------------------------------------------------------------


def test_an_activation_works_in_place_and_keeps_only_what_it_needs():
    z = np.random.default_rng(0).normal(size=(5, 3))
    tanh = ACTIVATIONS["tanh"]
    assert Activate(tanh.apply, tanh.backward).forward(z) is z
    silu, kept, before = ACTIVATIONS["silu"], np.empty_like(z), z.copy()
    assert ActivateKeepingInput(silu.apply, silu.backward, kept).forward(z) is z
    np.testing.assert_array_equal(kept, before)
    case = network_case("squared_error", "tanh", (5,))
    needs_input = Activation("odd", lambda z: None, lambda z, delta: None, keeps="input")
    for activation, trains, expected in (
        (ACTIVATIONS["tanh"], True, Activate),
        (needs_input, True, ActivateKeepingInput),
        (needs_input, False, Activate),  # no backward pass, no copy
    ):
        layers = case.layout.layers(case.theta)
        chain = make_chain([activation], layers, 8, gradients=layers if trains else ())
        assert type(chain.layers[1]) is expected


# --- dropout


def dropping(rate, rng, *, n=4000, activation="identity", sizes=(1, 50, 1)):
    """A chain with dropout, one without, their parameters and the gradient of the first."""
    layout = Layout(sizes)
    activations = [ACTIVATIONS[activation]] * (len(sizes) - 2)
    theta = np.random.default_rng(0).normal(size=layout.n_parameters)
    gradient = np.empty_like(theta)
    rates = (rate,) * len(activations)
    bound = partial(make_chain, activations, layout.layers(theta), n, gradients=layout.layers(gradient), dropout=rates)
    chain, plain = bound(rng=rng), bound()
    return chain, plain, layout.coefs_and_intercepts(theta), layout.coefs_and_intercepts(gradient)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation(rate):
    chain, without, ((W, *_), (b, *_)), _ = dropping(rate, np.random.default_rng(1))
    X = np.ones((4000, 1))
    plain = without.forward(X)[0, 0]
    assert without.hidden[0].min() != 0
    dropped = chain.forward(X)[:, 0]
    assert dropped.mean() == pytest.approx(plain, abs=4 * dropped.std() / np.sqrt(4000))
    hidden = chain.hidden[0]
    assert (hidden == 0).mean() == pytest.approx(rate, abs=0.01)
    kept = hidden[:, 0][hidden[:, 0] != 0]
    np.testing.assert_allclose(kept, (W[0, 0] + b[0]) / (1 - rate), rtol=1e-13)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_backward_uses_the_masks_of_forward_and_the_outputs_before_them(name):
    """With f' read from a dropped output, a dropped sigmoid, say, would seem saturated, and a kept one too steep."""
    chain, _, (coefs, intercepts), grads = dropping(
        0.5, np.random.default_rng(1), n=30, activation=name, sizes=(3, 6, 2)
    )
    X = np.random.default_rng(2).normal(size=(30, 3))
    chain.forward(X)
    z = X @ coefs[0] + intercepts[0]
    a = z.copy()
    ACTIVATIONS[name].apply(a)
    mask = 2.0 * (chain.hidden[0] != 0)
    assert 0.2 < (mask == 0).mean() < 0.8
    np.testing.assert_allclose(chain.hidden[0], a * mask, rtol=1e-12)
    slope = np.ones_like(z)
    ACTIVATIONS[name].backward(z if ACTIVATIONS[name].keeps == "input" else a, slope)
    signal = chain.hidden[0].copy()
    delta = np.random.default_rng(3).normal(size=(30, 2))
    chain.backward(delta)
    below = delta @ coefs[1].T * mask * slope
    np.testing.assert_allclose(grads[0][1], signal.T @ delta, rtol=1e-12)
    np.testing.assert_allclose(grads[1][1], delta.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(grads[0][0], X.T @ below, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grads[1][0], below.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("rate", "share"), [(1e-9, 0.0), (0.3, 0.3), (1 - 1e-9, 1.0)])
def test_outputs_drop_independently_whatever_their_number(rate, share):
    chain, *_ = dropping(rate, np.random.default_rng(0), n=777, sizes=(1, 53, 1))
    chain.forward(np.ones((777, 1)))
    dropped = chain.hidden[0] == 0
    assert dropped.mean() == pytest.approx(share, abs=0.01)
    for axis in 0, 1:  # by sample and by unit: as often as independent coins
        n = dropped.shape[axis]
        assert dropped.mean(axis=axis).std() == pytest.approx(np.sqrt(share * (1 - share) / n), rel=0.3, abs=1e-3)
    for lag in range(1, 9):
        flat = dropped.ravel().astype(float)
        assert np.mean(flat[lag:] * flat[:-lag]) == pytest.approx(share**2, abs=0.01)


def test_masks_are_drawn_anew_and_by_the_generator_alone():
    X = np.ones((20, 1))
    chain, *_ = dropping(0.5, np.random.default_rng(0), n=20)
    first, second = (chain.forward(X).copy() for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(dropping(0.5, np.random.default_rng(0), n=20)[0].forward(X), first)


def test_the_generator_is_asked_once_for_each_layer_in_their_order():
    """A run that goes on from a checkpoint draws what it would have drawn."""
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    chain, *_ = dropping(0.5, rng, n=30, sizes=(1, 70, 9, 1))
    chain.forward(np.ones((30, 1)))
    for hidden in chain.hidden:
        mask = Dropout(0.5, same, np.empty_like(hidden)).forward(np.ones_like(hidden))
        np.testing.assert_array_equal(hidden != 0, mask != 0)
    assert rng.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize("shape", [(1, 3 * N_DROPOUT_FACTORS), (N_DROPOUT_FACTORS + 1, 1), (0, 5)])
def test_batches_larger_than_the_pool(shape):
    dropout = Dropout(0.25, np.random.default_rng(0), np.empty(shape))
    dropped = dropout.forward(np.ones(shape))
    if dropped.size:
        assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(dropout.backward(np.ones(shape)), dropped)


def test_masks_of_many_steps_drop_each_output_as_often():
    """Though they come from one pool: of each unit of each row, and of each pair of units."""
    dropout, a = Dropout(0.3, np.random.default_rng(0), np.empty((8, 16))), np.ones((8, 16))
    dropped = np.array([dropout.forward(a) == 0 for _ in range(4000)])  # (steps, n, h)
    assert np.abs(dropped.mean(axis=0) - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 4000)
    pairs = np.cov(dropped.reshape(4000, -1), rowvar=False)[np.triu_indices(128, 1)]
    assert np.abs(pairs).max() < 6 * 0.3 * 0.7 / np.sqrt(4000)


# --- first layers of sparse rows: as a dense one, with the gradient of few inputs or of all ---------------------------

sparse_matrices = st.builds(
    lambda n, d, density, seed: sp.random_array((n, d), density=density, format="csr", random_state=seed),
    st.integers(1, 6),
    st.integers(1, 12),
    st.floats(0, 0.6),
    st.integers(0, 999),
)


def passes(kind, X, n, d, **more):
    """The layer after both passes, with what they give."""
    rng = np.random.default_rng(0)
    W, b, delta = rng.normal(size=(d, 3)), rng.normal(size=3), rng.normal(size=(n, 3))
    layer = kind(W, b, np.full_like(W, np.nan), np.full_like(b, np.nan), np.empty((n, 3)), np.ones(n), **more)
    z = layer.forward(X).copy()
    assert layer.backward(delta) is None
    return layer, [z, layer.dW, layer.db]


@given(sparse_matrices, st.booleans())
def test_sparse_rows_are_dense_ones(X, may_skip_untouched):
    _, dense = passes(Dense, X.toarray(), *X.shape)
    layer, sparse = passes(DenseOnSparse, X, *X.shape, may_skip_untouched=may_skip_untouched)
    touched = np.unique(X.indices)
    if layer.touched is None:
        assert not may_skip_untouched or 2 * len(touched) > X.shape[1]
    else:
        np.testing.assert_array_equal(layer.touched, touched)
        assert may_skip_untouched
        assert 2 * len(touched) <= X.shape[1]
        assert np.isnan(layer.dW[len(touched) :]).all()  # nothing else is written
        sparse[1], dense[1] = sparse[1][: len(touched)], dense[1][touched]
    for found, wanted in zip(sparse, dense, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-13)


@given(sparse_matrices)
def test_mixed_rows_are_dense_ones(X):
    X = X.toarray() + 1.0
    _, dense = passes(Dense, X, *X.shape)
    _, mixed = passes(DenseOnOneHotAndDense, one_hot_and_dense_rows(X), *X.shape)
    for found, wanted in zip(mixed, dense, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-13)


# --- layers bound to theta and to buffers -----------------------------------------------------------------------------


def test_buffers_and_views_are_made_once():
    case = network_case("squared_error", "gelu", (5,))
    chain = case.chain(8)
    first = chain.forward(case.X)
    before = first.copy()
    case.theta[-1] += 1.0  # the last bias: the layers see it
    assert chain.forward(case.X) is first
    np.testing.assert_allclose(first, before + 1.0, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_for_the_forward_pass_only_has_no_other(kind):
    case = network_case("squared_error", "tanh", (5,))
    chain = case.chain(8, kind=kind)
    raw = chain.forward(KINDS[kind](case.X))
    with pytest.raises(ValueError):
        chain.backward(raw)


@pytest.mark.parametrize(("n_activations", "dropout"), [(1, ()), (3, ()), (2, (0.1,)), (2, (0.1, 0.2, 0.3))])
def test_each_hidden_layer_has_one_activation_and_rate(n_activations, dropout):
    case = network_case("squared_error", "tanh", (3, 3))
    case = type(case)(**{**vars(case), "activations": case.activations[:1] * n_activations})
    with pytest.raises(ValueError):
        case.chain(4, gradient=np.empty_like(case.theta), dropout=dropout, rng=np.random.default_rng(0))


def test_a_rate_of_0_makes_no_layer():
    layout = Layout((1, 2, 3, 1))
    theta = np.ones(layout.n_parameters)
    layers, rng = layout.layers(theta), np.random.default_rng(0)
    chain = make_chain([ACTIVATIONS["relu"]] * 2, layers, 4, gradients=layers, dropout=(0.0, 0.5), rng=rng)
    assert [type(layer) for layer in chain.layers] == [Dense, Activate, Dense, Activate, Dropout, Dense]


# --- the network's input, batch by batch ------------------------------------------------------------------------------


def test_rows_are_a_view_of_a_slice_and_a_buffer_else():
    X = np.arange(12.0).reshape(6, 2)
    rows = DenseBatches(X)
    assert np.shares_memory(rows(slice(1, 3)), X)
    picked = rows(np.array([5, 0]))
    assert picked.tolist() == [[10, 11], [0, 1]]
    assert not np.shares_memory(picked, X)
    assert np.shares_memory(rows(np.array([1, 2])), picked)


def test_rows_of_values_that_are_not_contiguous_are_new_arrays():
    rows = DenseBatches(np.arange(12.0).reshape(6, 2)).without_first_inputs(1)
    picked = rows(np.array([5, 0]))
    assert not np.shares_memory(rows(np.array([1, 2])), picked)
    assert picked.tolist() == [[11], [1]]


# --- blocks of joined networks ----------------------------------------------------------------------------------------


def joined_weights(n_inputs=50, n_skipped=30, n_units=20):
    """First weights of two networks, of which the first one skips inputs."""
    W = np.random.default_rng(0).normal(size=(n_inputs, 2 * n_units))
    W[:n_skipped, :n_units] = 0.0
    return W


def test_blocks_leave_out_the_inputs_that_a_network_skips():
    expected = (WeightBlock(slice(30, 50), slice(0, 20)), WeightBlock(slice(0, 50), slice(20, 40)))
    assert find_weight_blocks(joined_weights()) == expected


def test_weights_without_zeros_have_no_blocks():
    assert find_weight_blocks(joined_weights(n_skipped=0)) == ()


def test_blocks_that_save_little_are_one_product():
    assert find_weight_blocks(joined_weights(n_skipped=3)) == ()


def test_many_small_blocks_are_one_product():
    assert find_weight_blocks(np.kron(np.eye(10), np.ones((3, 2)))) == ()


def test_a_chain_with_blocks_has_the_outputs_of_one_without():
    W, b = joined_weights().astype(np.float32), np.arange(40, dtype=np.float32)
    x = np.random.default_rng(1).normal(size=(7, 50)).astype(np.float32)
    dense = make_chain((), [LayerParameters(W, b)], 7)
    in_blocks = make_chain((), [LayerParameters(W, b, find_weight_blocks(W))], 7)
    assert isinstance(in_blocks.layers[0], DenseWithWeightBlocks)
    np.testing.assert_allclose(in_blocks.forward(x), dense.forward(x), rtol=1e-5, atol=1e-5)
