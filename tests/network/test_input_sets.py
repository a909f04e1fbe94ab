"""Inputs in sets: how units are divided, which weights are 0, and first weights for the inputs that a unit sees."""

import numpy as np
import pytest
from sknet._network.chain import Layout
from sknet._network.weights import INITIALIZERS, InputSets, draw_weights

from sknet._network.activations import ACTIVATIONS

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
    unit_sets = InputSets(np.ones((n_sets, n_sets), dtype=bool)).unit_sets(size)
    counts = np.bincount(unit_sets, minlength=n_sets)
    assert (np.diff(unit_sets) >= 0).all() and counts.sum() == size and np.ptp(counts) <= 1 and counts.min() >= 1


def test_each_joined_network_has_units_of_every_set():
    np.testing.assert_array_equal(InputSets(HAS_INPUT, n_joined=2).unit_sets(6), [0, 0, 1, 0, 0, 1])


def test_bounds_are_0_outside_the_blocks():
    lower, upper = SETS.bounds(LAYOUT, np.dtype("f4"))
    assert lower.dtype == upper.dtype == np.float32
    for bound, limit in ((lower, -np.inf), (upper, np.inf)):
        for W, connected in zip(LAYOUT.views(bound)[0], CONNECTED, strict=True):
            np.testing.assert_array_equal(W, np.where(connected, limit, 0.0))


def test_a_single_set_leaves_all_weights_free():
    lower, upper = InputSets(np.ones((4, 1), dtype=bool)).bounds(LAYOUT, np.dtype(float))
    assert (lower == -np.inf).all() and (upper == np.inf).all()


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
