"""First weights: their variance, their determinism, and a signal that survives any depth."""

import numpy as np
import pytest
from pieces import ACTIVATION_NAMES
from scipy.stats import norm
from sknet._network.chain import BackwardOptions, Layout, bind
from sknet._network.weights import (
    BIN_SPREAD,
    FIRST_LAYER_SPREAD,
    INITIALIZERS,
    InputSets,
    _first_layer_spread,
    draw_centred_weights,
    draw_weights,
)

from sknet._network.activations import ACTIVATIONS, Activation

VARIANCES = {"glorot": lambda i, o: 2 / (i + o), "he": lambda i, o: 2 / i, "lecun": lambda i, o: 1 / i}


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "orthogonal"])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(300, 200), (200, 300)])
def test_variance(name, fan_in, fan_out):
    W = INITIALIZERS[name](fan_in, fan_out, np.random.default_rng(0))
    family, shape = name.split("_")
    variance = VARIANCES[family](fan_in, fan_out)
    assert W.shape == (fan_in, fan_out)
    assert W.mean() == pytest.approx(0, abs=4 * np.sqrt(variance / W.size))
    assert W.var() == pytest.approx(variance, rel=0.03)
    assert (np.abs(W).max() <= np.sqrt(3 * variance)) == (shape == "uniform")


@pytest.mark.parametrize(("fan_in", "fan_out"), [(5, 5), (8, 3), (3, 8)])
def test_orthogonal(fan_in, fan_out):
    W = INITIALIZERS["orthogonal"](fan_in, fan_out, np.random.default_rng(0))
    small = W.T @ W if fan_in >= fan_out else W @ W.T
    assert W.shape == (fan_in, fan_out) and W.flags.c_contiguous
    np.testing.assert_allclose(small, np.eye(min(fan_in, fan_out)), atol=1e-14)


@pytest.mark.parametrize("init", [*INITIALIZERS, "centred", "auto"])
def test_draw_depends_on_the_generator_alone(init):
    layout, activations = Layout((4, 3, 2)), [ACTIVATIONS["sigmoid"]]
    one, same, other = (draw_weights(layout, activations, init, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert [W.shape for W in one[0]] == [(4, 3), (3, 2)] and [b.shape for b in one[1]] == [(3,), (2,)]
    for a, b, c in zip(one[0], same[0], other[0], strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)
    if init not in ("centred", "auto"):
        assert all((b == 0).all() for b in one[1])


def test_auto_is_another_name_of_centred():
    layout, activations = Layout((4, 3, 2)), [ACTIVATIONS["sigmoid"]]
    one, other = (draw_weights(layout, activations, name, np.random.default_rng(0)) for name in ("centred", "auto"))
    for a, b in zip([*one[0], *one[1]], [*other[0], *other[1]], strict=True):
        np.testing.assert_array_equal(a, b)


def test_draw_takes_a_function():
    coefs, intercepts = draw_weights(
        Layout((2, 3, 1)), [], lambda i, o, rng: [[i + 10 * o] * o] * i, np.random.default_rng(0)
    )
    assert coefs[0].tolist() == [[32] * 3] * 2 and coefs[1].tolist() == [[13]] * 3
    assert [b.tolist() for b in intercepts] == [[0, 0, 0], [0]]


def test_biases_take_out_the_mean_output_of_the_units_below():
    coefs, intercepts = draw_centred_weights(Layout((4, 6, 5)), [ACTIVATIONS["sigmoid"]], np.random.default_rng(0))
    np.testing.assert_allclose(intercepts[1], -0.5 * coefs[1].sum(axis=0))


def test_the_first_units_bend_all_over_the_table():
    """Where a sum is 0 differs between units by as much as the rows differ; a linear model has no such units."""
    layout, activations = Layout((10, 2000, 1)), [ACTIVATIONS["sigmoid"]]
    (W, _), (b, _) = draw_centred_weights(layout, activations, np.random.default_rng(0))
    assert b.std() == pytest.approx(2.0, rel=0.05) and b.mean() == pytest.approx(0, abs=0.2)
    assert W.std() == pytest.approx(FIRST_LAYER_SPREAD * 2.0 / np.sqrt(10), rel=0.05)
    (W,), (b,) = draw_centred_weights(Layout((2000, 1)), [], np.random.default_rng(0))
    assert b.tolist() == [0] and W.std() == pytest.approx(1 / np.sqrt(2000), rel=0.05)


def test_sigmoids_start_as_tanh_units():
    """sigmoid(z) = 1/2 + 1/2 tanh(z/2): with the same random numbers both networks compute the same."""
    layout, X = Layout((5, 30, 20, 2)), np.random.default_rng(1).normal(size=(50, 5))
    raw = []
    for name in ("sigmoid", "tanh"):
        activations = [ACTIVATIONS[name]] * 2
        theta = layout.pack(*draw_weights(layout, activations, "centred", np.random.default_rng(0)), float)
        raw.append(bind(layout, activations, theta, 50).forward(X))
    np.testing.assert_allclose(raw[0], raw[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "apply", [lambda z: z.fill(0.0), lambda z: z.fill(np.nan), lambda z: np.exp(np.exp(z * z), out=z)]
)
def test_units_that_never_vary_or_overflow_leave_the_weights_finite(apply):
    odd = Activation("odd", apply, lambda a, delta: None)
    for parts in draw_centred_weights(Layout((4, 6, 5)), [odd], np.random.default_rng(0)):
        assert all(np.isfinite(part).all() for part in parts)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_the_signal_survives_ten_layers(name):
    """Neither the differences between samples nor the gradient vanish or explode on the way."""
    layout, activations = Layout((20, *[100] * 10, 1)), [ACTIVATIONS[name]] * 10
    theta = layout.pack(*draw_weights(layout, activations, "centred", np.random.default_rng(0)), float)
    chain = bind(layout, activations, theta, 200, backward=BackwardOptions(np.empty_like(theta)))
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
    assert _first_layer_spread(activation, 3) == pytest.approx(expected, rel=1e-9) and expected > 1.1
    coefs, _ = draw_weights(Layout((4, 300, 300, 1)), (activation,) * 2, "centred", np.random.default_rng(0))
    worked_at = activation.input_scale / activation.output_scale
    assert coefs[1].std() * np.sqrt(300) == pytest.approx(worked_at / expected, rel=0.02)


@pytest.mark.parametrize("n_bins", [4, 400])
def test_bins_change_neither_the_weights_of_numbers_nor_how_much_their_curves_vary(n_bins):
    """Two numbers with bins, 300 without: the variance of their weights is that of a table without bins."""
    h, activations = 500, [ACTIVATIONS["sigmoid"]]
    plain = draw_centred_weights(Layout((302, h, 1)), activations, np.random.default_rng(0))[0][0]
    layout, bins = Layout((2 * n_bins + 302, h, 1)), np.full(2 * n_bins, n_bins)
    W = draw_centred_weights(layout, activations, np.random.default_rng(0), bins_per_column=bins)[0][0]
    assert W[2 * n_bins :].std() == pytest.approx(plain.std(), rel=0.01)
    curve = W[:n_bins].sum(axis=0)  # where all bins of a column are full
    assert curve.std() == pytest.approx(BIN_SPREAD * plain.std(), rel=0.15)


def test_with_sets_of_inputs_the_bins_of_a_set_do_not_count():
    has_input = np.array([[True, False], [True, False], [True, False], [False, True]])  # two bins, two numbers
    layout, activations = Layout((4, 2000, 1)), [ACTIVATIONS["tanh"]]
    W = draw_centred_weights(layout, activations, np.random.default_rng(0), InputSets(has_input), [2, 2])[0][0]
    number, alone = W[2][W[2] != 0.0], W[3][W[3] != 0.0]
    assert len(number) == len(alone) == 1000
    assert number.std() == pytest.approx(alone.std(), rel=0.08)
    assert W[0][W[0] != 0.0].std() == pytest.approx(BIN_SPREAD / np.sqrt(2) * number.std(), rel=0.08)
