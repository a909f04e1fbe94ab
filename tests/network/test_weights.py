"""First weights, penalties, inputs in sets and the bounds of monotone networks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import norm

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.chain import Layout, make_chain
from sknet._network.weights import (
    BIN_SCALE,
    FIRST_LAYER_SCALE,
    INITIALIZERS,
    RELATIVE_ROUNDING_UNIT,
    ElasticNet,
    InputSets,
    _first_layer_rms_ratio,
    constrained_units,
    draw_weights,
    ever_decreases,
    limit_norms,
    monotone_bounds,
    output_rounding_unit,
)
from tests.network.pieces import ACTIVATION_NAMES

# --- inputs in sets: how units are divided, which weights are 0, and first weights for the inputs that a unit sees ----

HAS_INPUT = np.array([[True, False], [True, False], [True, True], [False, True]])
SETS = InputSets(HAS_INPUT)
LAYOUT = Layout((4, 5, 3, 2))
CONNECTED = [
    [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 0, 1, 1]],
    [[1, 1, 0], [1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 1]],
    [[1, 1], [1, 1], [1, 1]],
]


@pytest.mark.parametrize(("size", "n_sets"), [(7, 3), (3, 3), (100, 7), (96, 45)])
def test_units_are_divided_evenly_in_stretches(size, n_sets):
    set_of_each_unit = InputSets(np.ones((n_sets, n_sets), dtype=bool)).set_of_each_unit(size)
    counts = np.bincount(set_of_each_unit, minlength=n_sets)
    assert (np.diff(set_of_each_unit) >= 0).all()
    assert counts.sum() == size
    assert np.ptp(counts) <= 1
    assert counts.min() >= 1


def test_each_joined_network_has_units_of_every_set():
    np.testing.assert_array_equal(InputSets(HAS_INPUT, n_joined=2).set_of_each_unit(6), [0, 0, 1, 0, 0, 1])


def test_bounds_are_0_outside_the_blocks():
    lower, upper = SETS.weight_bounds(LAYOUT, np.dtype("f4"))
    assert lower.dtype == upper.dtype == np.float32
    for bound, limit in ((lower, -np.inf), (upper, np.inf)):
        for W, connected in zip(LAYOUT.coefs_and_intercepts(bound)[0], CONNECTED, strict=True):
            np.testing.assert_array_equal(W, np.where(connected, limit, 0.0))


def test_a_single_set_leaves_all_weights_free():
    lower, upper = InputSets(np.ones((4, 1), dtype=bool)).weight_bounds(LAYOUT, np.dtype(float))
    assert (lower == -np.inf).all()
    assert (upper == np.inf).all()


def test_weights_outside_the_blocks_are_counted():
    coefs = [np.array(connected, dtype=float) for connected in CONNECTED]
    assert SETS.weights_outside(LAYOUT, coefs) == [0, 0, 0]
    coefs[0][3, :2] = -0.5
    coefs[1][0, 2] = 1e-300
    assert SETS.weights_outside(LAYOUT, coefs) == [2, 1, 0]


@pytest.mark.parametrize("init", [*INITIALIZERS, "centred"])
def test_first_weights_are_drawn_for_the_inputs_that_a_unit_sees(init):
    """A network of as many inputs and units as a set has draws weights of the same size."""
    sets, layout = InputSets(np.repeat(np.eye(4, dtype=bool), 50, axis=0)), Layout((200, 400, 400, 1))
    activations = [ACTIVATIONS["tanh"]] * 2
    coefs, _ = draw_weights(layout, activations, init, np.random.default_rng(0), sets)
    assert sets.weights_outside(layout, coefs) == [0, 0, 0]
    alone, _ = draw_weights(Layout((50, 100, 100, 1)), activations, init, np.random.default_rng(1))
    for W, V in zip(coefs[:2], alone[:2], strict=True):
        assert W[W != 0.0].std() == pytest.approx(V.std(), rel=0.05)
    assert coefs[2].all()  # all units meet in the output


def test_one_set_of_all_draws_what_a_network_without_sets_draws():
    one = InputSets(np.ones((4, 1), dtype=bool))
    for init in ("centred", "orthogonal"):
        drawn = [
            draw_weights(LAYOUT, [ACTIVATIONS["tanh"]] * 2, init, np.random.default_rng(0), sets)
            for sets in (one, None)
        ]
        for W, V in zip(*(coefs for coefs, _ in drawn), strict=True):
            np.testing.assert_array_equal(W, V)


def test_a_function_must_draw_what_it_is_asked_for():
    with pytest.raises(ValueError, match=r"init gives weights of shape \(1, 1\) for 3 inputs and 3 units"):
        draw_weights(LAYOUT, [], lambda fan_in, fan_out, rng: [[1.0]], np.random.default_rng(0), SETS)


# --- first weights: their variance, their determinism, and a signal that survives any depth ---------------------------

VARIANCES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "orthogonal"])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(300, 200), (200, 300)])
def test_initializers_have_the_variance_of_their_formula(name, fan_in, fan_out):
    W = INITIALIZERS[name](fan_in, fan_out, np.random.default_rng(0))
    family, shape = name.split("_")
    variance = VARIANCES[family](fan_in, fan_out)
    assert W.shape == (fan_in, fan_out)
    assert W.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / W.size))
    assert W.var() == pytest.approx(variance, rel=0.03)
    assert (np.abs(W).max() <= np.sqrt(3 * variance)) == (shape == "uniform")


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (8, 3), (3, 8)])
def test_orthogonal_weights_are_orthonormal(fan_in, fan_out):
    W = INITIALIZERS["orthogonal"](fan_in, fan_out, np.random.default_rng(0))
    small = W.T @ W if fan_in >= fan_out else W @ W.T
    assert W.shape == (fan_in, fan_out)
    assert W.flags.c_contiguous
    np.testing.assert_allclose(small, np.eye(min(fan_in, fan_out)), atol=1e-14)


@pytest.mark.parametrize("init", [*INITIALIZERS, "centred"])
def test_draw_depends_on_the_generator_alone(init):
    layout, activations = Layout((4, 3, 2)), [ACTIVATIONS["sigmoid"]]
    one, same, other = (draw_weights(layout, activations, init, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert [W.shape for W in one[0]] == [(4, 3), (3, 2)]
    assert [b.shape for b in one[1]] == [(3,), (2,)]
    for a, b, c in zip(one[0], same[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    if init != "centred":
        assert all((b == 0).all() for b in one[1])


def test_draw_takes_a_function():
    coefs, intercepts = draw_weights(
        Layout((2, 3, 1)), [], lambda i, o, rng: [[i + 10 * o] * o] * i, np.random.default_rng(0)
    )
    assert coefs[0].tolist() == [[32] * 3] * 2
    assert coefs[1].tolist() == [[13]] * 3
    assert [b.tolist() for b in intercepts] == [[0, 0, 0], [0]]


def test_biases_take_out_the_mean_output_of_the_units_below():
    coefs, intercepts = draw_weights(Layout((4, 6, 5)), [ACTIVATIONS["sigmoid"]], "centred", np.random.default_rng(0))
    np.testing.assert_allclose(intercepts[1], -0.5 * coefs[1].sum(axis=0))


def test_the_first_units_bend_all_over_the_table():
    """Where a sum is 0 differs between units by as much as the rows differ; a linear model has no such units."""
    layout, activations = Layout((10, 2000, 1)), [ACTIVATIONS["sigmoid"]]
    (W, _), (b, _) = draw_weights(layout, activations, "centred", np.random.default_rng(0))
    assert b.std() == pytest.approx(2.0, rel=0.05)
    assert b.mean() == pytest.approx(0, abs=0.2)
    assert W.std() == pytest.approx(FIRST_LAYER_SCALE * 2.0 / np.sqrt(10), rel=0.05)
    (W,), (b,) = draw_weights(Layout((2000, 1)), [], "centred", np.random.default_rng(0))
    assert b.tolist() == [0]
    assert W.std() == pytest.approx(1 / np.sqrt(2000), rel=0.05)


def test_sigmoids_start_as_tanh_units():
    """sigmoid(z) = 1/2 + 1/2 tanh(z/2): with the same random numbers both networks compute the same."""
    layout, X = Layout((5, 30, 20, 2)), np.random.default_rng(1).normal(size=(50, 5))
    raw = []
    for name in ("sigmoid", "tanh"):
        activations = [ACTIVATIONS[name]] * 2
        theta = layout.flatten(*draw_weights(layout, activations, "centred", np.random.default_rng(0)), float)
        raw.append(make_chain(activations, layout.layers(theta), 50).forward(X))
    np.testing.assert_allclose(raw[0], raw[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "apply", [lambda z: z.fill(0.0), lambda z: z.fill(np.nan), lambda z: np.exp(np.exp(z * z), out=z)]
)
def test_units_that_never_vary_or_overflow_leave_the_weights_finite(apply):
    odd = Activation("odd", apply, lambda a, delta: None)
    for parts in draw_weights(Layout((4, 6, 5)), [odd], "centred", np.random.default_rng(0)):
        assert all(np.isfinite(part).all() for part in parts)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_the_signal_survives_ten_layers(name):
    """Neither the differences between samples nor the gradient vanish or explode on the way."""
    layout, activations = Layout((20, *[100] * 10, 1)), [ACTIVATIONS[name]] * 10
    theta = layout.flatten(*draw_weights(layout, activations, "centred", np.random.default_rng(0)), float)
    chain = make_chain(activations, layout.layers(theta), 200, gradients=layout.layers(np.empty_like(theta)))
    raw = chain.forward(np.random.default_rng(1).normal(size=(200, 20)))
    assert 0.02 < raw.std() < 10
    seen = []
    chain.layers[0].backward = lambda delta: seen.append(np.linalg.norm(delta, axis=1).mean())  # dJ/dz_1
    chain.backward(np.ones_like(raw))
    assert 0.005 < seen[0] < 20


@pytest.mark.parametrize("name", ["tanh", "relu", "sigmoid"])
def test_the_first_layers_weights_are_half_as_large_again(name):
    """For numbers of deviation 1, the units' sums have 1.5 times the deviation at which they work."""
    activation = ACTIVATIONS[name]
    coefs, _ = draw_weights(Layout((300, 400, 1)), (activation,), "centred", np.random.default_rng(0))
    assert coefs[0].std() * np.sqrt(300) == pytest.approx(1.5 * activation.input_scale, rel=0.01)


def test_the_second_layer_follows_a_dead_first_one_as_it_is():
    """Outputs that do not vary, or are not finite, say nothing of how much more they vary with spread."""
    for value in (0.0, np.inf):
        dead = Activation("dead", lambda z, value=value: z.fill(value), lambda a, delta: None)
        coefs, _ = draw_weights(Layout((50, 60, 50)), (dead,), "centred", np.random.default_rng(0))
        assert coefs[1].std() * np.sqrt(60) == pytest.approx(1.0, rel=0.03)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "identity", "softplus"])
def test_the_second_layer_makes_up_for_the_spread_of_the_first(name):
    """Root mean squares of the first layer's outputs, over the quantiles of the normal distribution."""
    activation = ACTIVATIONS[name]
    z = activation.input_scale * norm.ppf(0.005 + 0.99 * np.arange(100) / 99)

    def size(z):
        a = z[:, np.newaxis].copy()
        activation.apply(a)
        return np.sqrt(((a - activation.center) * (a - activation.center)).mean())

    expected = size(np.sqrt(1.0 + 1.5 * 1.5) * z) / size(z)
    assert _first_layer_rms_ratio(activation, 3) == pytest.approx(expected, rel=1e-9)
    assert expected > 1.1
    coefs, _ = draw_weights(Layout((4, 300, 300, 1)), (activation,) * 2, "centred", np.random.default_rng(0))
    worked_at = activation.input_scale / activation.output_scale
    assert coefs[1].std() * np.sqrt(300) == pytest.approx(worked_at / expected, rel=0.02)


@pytest.mark.parametrize("n_bins", [4, 400])
def test_bins_do_not_change_the_scale_of_weights_or_curves(n_bins):
    """Two numbers with bins, 300 without: the variance of their weights is that of a table without bins."""
    h, activations = 500, [ACTIVATIONS["sigmoid"]]
    plain = draw_weights(Layout((302, h, 1)), activations, "centred", np.random.default_rng(0))[0][0]
    layout, bins = Layout((2 * n_bins + 302, h, 1)), np.full(2 * n_bins, n_bins)
    W = draw_weights(layout, activations, "centred", np.random.default_rng(0), bins_per_column=bins)[0][0]
    assert W[2 * n_bins :].std() == pytest.approx(plain.std(), rel=0.01)
    curve = W[:n_bins].sum(axis=0)  # where all bins of a column are full
    assert curve.std() == pytest.approx(BIN_SCALE * plain.std(), rel=0.15)


def test_with_sets_of_inputs_the_bins_of_a_set_do_not_count():
    has_input = np.array([[True, False], [True, False], [True, False], [False, True]])  # two bins, two numbers
    layout, activations = Layout((4, 2000, 1)), [ACTIVATIONS["tanh"]]
    W = draw_weights(layout, activations, "centred", np.random.default_rng(0), InputSets(has_input), [2, 2])[0][0]
    number, alone = W[2][W[2] != 0.0], W[3][W[3] != 0.0]
    assert len(number) == len(alone) == 1000
    assert number.std() == pytest.approx(alone.std(), rel=0.08)
    assert W[0][W[0] != 0.0].std() == pytest.approx(BIN_SCALE / np.sqrt(2) * number.std(), rel=0.08)


# --- monotone networks: bounds, a start between them, and outputs that do not depend on the order of sums -------------

SIGN = np.array([1, -1, 0, 0])
MEANS = np.array([0.5, 0.0, 0.0, 1.0])
ONE_SET = InputSets(np.ones((4, 1), dtype=bool))


def weights_of(sizes, activation="tanh"):
    layout, activations = Layout(sizes), (ACTIVATIONS[activation],) * (len(sizes) - 2)
    return layout, activations, monotone_bounds(layout, activations, SIGN, MEANS, np.dtype(float), ONE_SET)


def random_theta(layout, weights, seed=0):
    rng = np.random.default_rng(seed)
    coefs = [2.0 * rng.normal(size=shape) for shape in layout.shapes]
    return layout.flatten(
        *weights.initial_parameters(coefs, [rng.normal(size=size) for size in layout.sizes[1:]]), float
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_that_decrease_are_recognised(name):
    assert ever_decreases(ACTIVATIONS[name].apply) == (name in {"silu", "gelu", "mish"})


def test_bounds_of_each_way_through_the_network():
    _, _, weights = weights_of((4, 4, 2, 1))
    (low_1, high_1), (low_2, high_2), (low_3, high_3) = weights.bounds_by_layer
    inf = np.inf
    np.testing.assert_array_equal(low_1, [[0, 0, 0, 0], [-inf, -inf, 0, 0], [-inf] * 4, [-inf] * 4])
    np.testing.assert_array_equal(high_1, [[inf, inf, 0, 0], [0, 0, 0, 0], [inf] * 4, [inf] * 4])
    np.testing.assert_array_equal(low_2, [[0, 0], [0, 0], [-inf, -inf], [-inf, -inf]])
    np.testing.assert_array_equal(high_2, [[inf, 0], [inf, 0], [inf, inf], [inf, inf]])
    np.testing.assert_array_equal(low_3, [[0], [-inf]])
    np.testing.assert_array_equal(high_3, [[inf], [inf]])


def test_units_of_joined_networks_keep_their_halves():
    np.testing.assert_array_equal(
        constrained_units(6, InputSets(np.ones((4, 1), bool), 2), np.array([True])),
        [True, True, False, True, True, False],
    )
    assert constrained_units(1, ONE_SET, np.array([True])).all()


def test_half_of_the_units_of_a_set_see_its_constrained_inputs():
    sets = InputSets(np.eye(3, dtype=bool), n_joined=2)  # 5 units of each network: 2, 2 and 1 of a set
    is_constrained = np.array([True, False, True])
    sees = [True, False, False, False, True]
    np.testing.assert_array_equal(constrained_units(10, sets, is_constrained), sees * 2)


def test_bounds_of_sets_hold_beside_those_of_signs():
    layout = Layout((4, 4, 2, 1))
    sets = InputSets(np.array([[True, False], [True, False], [False, True], [False, True]]))
    bounds = monotone_bounds(layout, (ACTIVATIONS["tanh"],) * 2, SIGN, MEANS, np.dtype(float), sets)
    (low_1, high_1), (low_2, high_2), (low_3, high_3) = bounds.bounds_by_layer
    inf = np.inf
    np.testing.assert_array_equal(low_1, [[0, 0, 0, 0], [-inf, 0, 0, 0], [0, 0, -inf, -inf], [0, 0, -inf, -inf]])
    np.testing.assert_array_equal(high_1, [[inf, 0, 0, 0], [0, 0, 0, 0], [0, 0, inf, inf], [0, 0, inf, inf]])
    np.testing.assert_array_equal(low_2, [[0, 0], [-inf, 0], [0, -inf], [0, -inf]])
    np.testing.assert_array_equal(high_2, [[inf, 0], [inf, 0], [0, inf], [0, inf]])
    np.testing.assert_array_equal(low_3, [[0], [-inf]])  # the second set has no constrained input: it is free
    np.testing.assert_array_equal(high_3, [[inf], [inf]])


@pytest.mark.parametrize("sizes", [(4, 1), (4, 5, 1), (4, 6, 3, 1)])
@pytest.mark.parametrize("activation", ["sigmoid", "relu"])
def test_any_weights_between_the_bounds_are_monotone(sizes, activation):
    layout, activations, weights = weights_of(sizes, activation)
    rng, n = np.random.default_rng(1), 500
    x = rng.normal(size=(n, 4))
    higher = x + rng.exponential(size=(n, 4)) * SIGN
    for seed in range(5):
        chain = make_chain(activations, layout.layers(random_theta(layout, weights, seed)), n)
        below = chain.forward(x).copy()
        assert (chain.forward(higher) >= below - 1e-12).all()
        assert (chain.forward(higher) > below + 0.01).any()


def test_the_free_inputs_are_free():
    """The output may rise and fall with an input that is not constrained."""
    layout, activations, weights = weights_of((4, 8, 1))
    x = np.zeros((101, 4))
    x[:, 2] = np.linspace(-3, 3, 101)
    chain = make_chain(activations, layout.layers(random_theta(layout, weights, 3)), 101)
    slopes = np.diff(chain.forward(x)[:, 0])
    assert (slopes > 0.01).any()
    assert (slopes < -0.01).any()


def test_the_start_keeps_sizes_and_sums():
    """Weights are mirrored or 0, and of inputs that are at their means, sums are as they were."""
    layout, _, weights = weights_of((4, 6, 3, 1), "sigmoid")
    rng = np.random.default_rng(2)
    coefs = [rng.normal(size=shape) for shape in layout.shapes]
    intercepts = [rng.normal(size=size) for size in layout.sizes[1:]]
    starts = zip(
        coefs, intercepts, *weights.initial_parameters(coefs, intercepts), weights.bounds_by_layer, strict=True
    )
    for mean, (W, b, V, c, (low, high)) in zip([MEANS, np.full(6, 0.5), np.full(3, 0.5)], starts, strict=True):
        assert ((low <= V) & (high >= V)).all()
        np.testing.assert_array_equal(np.abs(V), np.where((low == 0) & (high == 0), 0, np.abs(W)))
        np.testing.assert_allclose(mean @ V + c, mean @ W + b, atol=1e-12)


def test_outputs_are_rounded_far_above_the_last_bits_and_far_below_their_size():
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(50, 1)), rng.normal(size=1)
    size, step = np.abs(W).sum() + np.abs(b).sum(), output_rounding_unit(W, b)
    assert np.log2(step) % 1 == 0
    assert RELATIVE_ROUNDING_UNIT * size < step <= 2 * RELATIVE_ROUNDING_UNIT * size
    raw = rng.uniform(-size, size, 1000)
    near = raw * (1 + 1e-14)
    np.testing.assert_array_equal(np.rint(near / step), np.rint(raw / step))
    assert output_rounding_unit(0 * W, 0 * b) == RELATIVE_ROUNDING_UNIT


# --- penalties and limits on norms: closed forms ----------------------------------------------------------------------

W = np.array([1.0, -2.0, 0.0, 0.5])
floats = st.floats(-10, 10)


@pytest.mark.parametrize(
    ("l2", "l1", "value"), [(0, 0, 0), (0.4, 0, 0.2 * 5.25), (0, 0.1, 0.35), (0.4, 0.1, 0.2 * 5.25 + 0.35)]
)
def test_the_penalty_has_its_value_and_gradient(l2, l1, value):
    penalty, out = ElasticNet(l2, l1), np.ones(4)
    penalty.add_gradient(W, out)
    assert penalty.value(W) == pytest.approx(value)
    np.testing.assert_allclose(out, 1 + l2 * W)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_gradient_is_added_in_place_to_a_part_of_a_vector(dtype, n):
    w, out = np.arange(5, dtype=dtype), np.ones(5, dtype)
    ElasticNet(l2=0.5).add_gradient(w[1 : 1 + n], out[2 : 2 + n])
    expected = np.ones(5)
    expected[2 : 2 + n] += 0.5 * np.arange(1, 1 + n)
    assert out.tolist() == expected.tolist()


@given(hnp.arrays(float, (4, 3), elements=floats), st.floats(0.1, 5))
def test_column_norms_are_limited_and_short_columns_are_left_alone(matrix, max_norm):
    layout, before = Layout(matrix.shape), matrix.copy()
    theta = layout.flatten([matrix], [np.zeros(3)], float)
    limit_norms(layout, max_norm, theta)
    ((matrix,), _) = layout.coefs_and_intercepts(theta)
    norms = np.linalg.norm(before, axis=0)
    short = norms <= max_norm * (1 - 1e-12)
    np.testing.assert_array_equal(matrix[:, short], before[:, short])
    assert (np.linalg.norm(matrix, axis=0) <= max_norm * (1 + 1e-12)).all()
    np.testing.assert_allclose(matrix, before * np.minimum(1, max_norm / np.maximum(norms, 1e-300)), rtol=1e-9)


def test_norms_of_all_weights_and_of_no_bias_are_limited():
    theta, layout = np.random.default_rng(0).normal(size=8 + 12 + 6), Layout((3, 4, 2))
    expected = theta.copy()
    for part, shape in ((slice(0, 8), (4, 2)), (slice(8, 20), (3, 4))):
        norms = np.linalg.norm(theta[part].reshape(shape), axis=0)
        expected[part] = (theta[part].reshape(shape) * np.minimum(1, 1.5 / norms)).ravel()
    limit_norms(layout, 1.5, theta)
    np.testing.assert_allclose(theta, expected, rtol=1e-13, atol=1e-16)
