"""Bounds that make a network monotone, a start between them, and outputs that do not depend on the order of sums."""

import numpy as np
import pytest
from sknet._network.chain import Layout, bind
from sknet._network.weights import (
    RELATIVE_ROUNDING,
    InputSets,
    constrained_units,
    ever_decreases,
    monotone_bounds,
    output_rounding_step,
)

from sknet._network.activations import ACTIVATIONS

SIGN = np.array([1, -1, 0, 0])
MEANS = np.array([0.5, 0.0, 0.0, 1.0])
ONE_SET = InputSets(np.ones((4, 1), dtype=bool))


def weights_of(sizes, activation="tanh"):
    layout, activations = Layout(sizes), (ACTIVATIONS[activation],) * (len(sizes) - 2)
    return layout, activations, monotone_bounds(layout, activations, SIGN, MEANS, np.dtype(float), ONE_SET)


def random_theta(layout, weights, seed=0):
    rng = np.random.default_rng(seed)
    coefs = [2.0 * rng.normal(size=shape) for shape in layout.shapes]
    return layout.pack(*weights.start(coefs, [rng.normal(size=size) for size in layout.sizes[1:]]), float)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_which_activations_fall(name):
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


def test_half_of_the_units_of_each_set_with_constrained_inputs_see_them():
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
        chain = bind(layout, activations, random_theta(layout, weights, seed), n)
        below = chain.forward(x).copy()
        assert (chain.forward(higher) >= below - 1e-12).all() and (chain.forward(higher) > below + 0.01).any()


def test_the_free_inputs_are_free():
    """The output may rise and fall with an input that is not constrained."""
    layout, activations, weights = weights_of((4, 8, 1))
    x = np.zeros((101, 4))
    x[:, 2] = np.linspace(-3, 3, 101)
    slopes = np.diff(bind(layout, activations, random_theta(layout, weights, 3), 101).forward(x)[:, 0])
    assert (slopes > 0.01).any() and (slopes < -0.01).any()


def test_the_start_keeps_sizes_and_sums():
    """Weights are mirrored or 0, and of inputs that are at their means, sums are as they were."""
    layout, _, weights = weights_of((4, 6, 3, 1), "sigmoid")
    rng = np.random.default_rng(2)
    coefs = [rng.normal(size=shape) for shape in layout.shapes]
    intercepts = [rng.normal(size=size) for size in layout.sizes[1:]]
    starts = zip(coefs, intercepts, *weights.start(coefs, intercepts), weights.bounds_by_layer, strict=True)
    for mean, (W, b, V, c, (low, high)) in zip([MEANS, np.full(6, 0.5), np.full(3, 0.5)], starts, strict=True):
        assert ((low <= V) & (high >= V)).all()
        np.testing.assert_array_equal(np.abs(V), np.where((low == 0) & (high == 0), 0, np.abs(W)))
        np.testing.assert_allclose(mean @ V + c, mean @ W + b, atol=1e-12)


def test_outputs_are_rounded_far_above_the_last_bits_and_far_below_their_size():
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(50, 1)), rng.normal(size=1)
    size, step = np.abs(W).sum() + np.abs(b).sum(), output_rounding_step(W, b)
    assert np.log2(step) % 1 == 0 and RELATIVE_ROUNDING * size < step <= 2 * RELATIVE_ROUNDING * size
    raw = rng.uniform(-size, size, 1000)
    near = raw * (1 + 1e-14)
    np.testing.assert_array_equal(np.rint(near / step), np.rint(raw / step))
    assert output_rounding_step(0 * W, 0 * b) == RELATIVE_ROUNDING
