"""Starts from given weights."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPRegressor
from sknet._model.network_setup import read_initial_weights
from tests.network.pieces import layout_of

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=60)
LAYOUT = layout_of(3, 4, 1)


def regressor(**parameters):
    parameters = {"batch_size": 20, "max_iter": 3, "dtype": "float64", **parameters}
    return SigmoidMLPRegressor(4, early_stopping=False, random_state=0, **parameters)


def test_given_weights_are_copied():
    rng = np.random.default_rng(1)
    coefs = [rng.normal(size=(3, 4)), rng.normal(size=(4, 1))]
    intercepts = [rng.normal(size=4), rng.normal(size=1)]
    net = regressor(init=(coefs, intercepts), learning_rate=lambda _: 0.0, alpha=0.0).fit(X, NUMBER)
    for published_array, initial_array in zip(net.coefs_ + net.intercepts_, coefs + intercepts, strict=True):
        assert_array_equal(published_array, initial_array)
        assert not np.shares_memory(published_array, initial_array)


def test_given_weights_may_be_lists_of_integers():
    arrays = read_initial_weights(LAYOUT, ([[[1] * 4] * 3, [[2]] * 4], [[0] * 4, [1]]))
    assert [part.dtype for part in arrays[0] + arrays[1]] == [np.dtype(float)] * 4
    assert_array_equal(arrays[0][1], np.full((4, 1), 2.0))


@pytest.mark.parametrize(
    "init, message",
    [
        (([np.ones((3, 4))], [np.ones(4)]), "init gives weights of shapes.*this network has"),
        (([np.ones((3, 4)), np.ones((5, 1))], [np.ones(4), np.ones(1)]), "init gives weights of shapes"),
        (([np.ones((3, 4)), np.ones((4, 1))], [np.ones(4), np.ones((1, 1))]), "init gives weights of shapes"),
        (([np.full((3, 4), np.nan), np.ones((4, 1))], [np.ones(4), np.ones(1)]), "init gives.*are not finite"),
        (([np.ones((3, 4)), np.ones((4, 1))], [np.full(4, np.inf), np.ones(1)]), "init gives.*are not finite"),
        ((1, 2, 3), r"init is a tuple of 3; it must be \(coefs, intercepts\)"),
        ((1, 2), r"init must be two lists of arrays, \(coefs, intercepts\); one is not"),
        (([["a"]], [np.ones(4)]), r"init must be two lists of arrays"),
    ],
)  # fmt: skip
def test_given_weights_of_wrong_shapes_or_values_raise(init, message):
    with pytest.raises(ValueError, match=message):
        read_initial_weights(LAYOUT, init)
    with pytest.raises(ValueError, match=message):
        regressor(init=init).fit(X, NUMBER)
