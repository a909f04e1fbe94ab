"""Additive networks: how they are recognised, and the contributions of their columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPRegressor
from sknet._model.explain import columns_of_units
from tests.estimators.inside import model_of

rng = np.random.default_rng(0)
X = rng.normal(size=(80, 3))
FIRST, SECOND, LAST = np.kron(np.eye(3), [[1.0, -2.0]]), np.kron(np.eye(3), [[0.5], [1.5]]), [[1.0], [-1.0], [2.0]]
PLAIN = dict(
    activation="tanh", input_scaling=None, target_scaling=None, dtype="float64", max_iter=1, early_stopping=False,
    n_members=1, random_state=0,
)  # fmt: skip


def network_with(*coefs):
    net = SigmoidMLPRegressor(tuple(np.shape(W)[1] for W in coefs[:-1]), **PLAIN).fit(X, X[:, 0])
    net.coefs_ = [np.array(W, dtype=float) for W in coefs]
    return net


def columns_of(net):
    model = model_of(net)
    return columns_of_units(model.network, model.encoder)


def test_each_unit_of_an_additive_network_has_one_column():
    assert_array_equal(columns_of(network_with(FIRST, np.ones((6, 1)))), [0, 0, 1, 1, 2, 2])
    assert_array_equal(columns_of(network_with(FIRST, SECOND, LAST)), [0, 1, 2])
    assert_array_equal(columns_of(network_with(np.ones((3, 1)))), [0, 1, 2])  # a linear model: its inputs


def test_a_unit_without_inputs_keeps_a_network_additive():
    net = network_with(FIRST * [1, 0, 1, 1, 1, 1], SECOND, LAST)
    second = net.coefs_[1].copy()
    second[0, 0] = 0.0  # of the first unit below: the second one below depends on no input
    net.coefs_ = [net.coefs_[0], second, net.coefs_[2]]
    assert_array_equal(columns_of(net)[1:], [1, 2])
    assert_allclose(net.explain(X, X).values[:, 0], 0.0, atol=1e-15)


@pytest.mark.parametrize(("layer", "index"), [(0, (2, 0)), (1, (0, 2))])
def test_a_unit_of_two_columns_makes_a_network_not_additive(layer, index):
    net = network_with(FIRST, SECOND, LAST)
    coefs = [W.copy() for W in net.coefs_]
    coefs[layer][index] = 1e-3
    net.coefs_ = coefs
    assert columns_of(net) is None
    found = net.explain(X, X)  # another way, to a thousandth
    off = found.values.sum(axis=1) + found.base_values - net.predict(X)
    assert 0.0 < np.abs(off).max() < 1e-3 * net.predict(X).std()


def test_a_contribution_is_the_columns_function_minus_its_mean():
    net = network_with(FIRST, SECOND, LAST)
    b, c, (d,) = net.intercepts_
    functions = np.tanh(np.tanh(X @ FIRST + b) @ SECOND + c) * np.ravel(LAST)
    found = net.explain(X[:30], background=X[30:])
    assert_allclose(found.values, functions[:30] - functions[30:].mean(axis=0), rtol=1e-12, atol=1e-14)
    assert_allclose(found.base_values, functions[30:].mean(axis=0).sum() + d, rtol=1e-12)


def test_the_contributions_of_a_columns_inputs_are_added_up():
    """These are bins, categories and indicators of missing values."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame({"number": np.where(X[:, 0] > 1, np.nan, X[:, 0]), "town": rng.choice(list("xyz"), 80)})
    net = SigmoidMLPRegressor(
        12, numeric_encoding="piecewise_linear", interaction_cst="no_interactions", max_iter=3, dtype="float64",
        random_state=0,
    ).fit(table, X[:, 1])  # fmt: skip
    model = model_of(net)
    assert set(columns_of(net)) == {0, 1}
    assert model.encoder.n_inputs > 6
    found = net.explain(table, table)
    assert_allclose(found.values.sum(axis=1) + found.base_values, net.predict(table), rtol=1e-9, atol=1e-12)
