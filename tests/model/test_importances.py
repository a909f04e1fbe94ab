"""Importances of columns: those of `explain` on the same rows, whatever form the encoded rows have."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.importances import draw_importance_rows, learn_importances
from tests.estimators.inside import model_of
from tests.tables.limits import lookup_inputs

rng = np.random.default_rng(0)
N = 240
X = rng.normal(size=(N, 5))
NUMBER = 2.0 * X[:, 0] + X[:, 1] ** 2 + 0.3 * X[:, 2]
QUICK = dict(hidden_layer_sizes=16, max_iter=20, early_stopping=False, n_members=1, random_state=0)


def shares(net, table):
    importance = net.explain(table).importance().to_numpy()
    return importance / importance.sum()


# --- which rows ------------------------------------------------------------------------------------------------------


def test_few_rows_are_all_looked_at():
    assert_array_equal(draw_importance_rows(256, None), np.arange(256))


@pytest.mark.parametrize("weight", [None, np.arange(3000) % 3.0], ids=["alike", "weighted"])
def test_rows_stand_for_equal_weight(weight):
    numbers = draw_importance_rows(3000, weight)
    assert len(numbers) == 375 and (np.diff(numbers) >= 0).all() and numbers.min() >= 0 and numbers.max() < 3000
    assert_allclose(np.histogram(numbers, 4, (0, 3000))[0], 375 / 4, atol=2)
    if weight is not None:
        assert_allclose(np.bincount(weight[numbers].astype(int)) / 375, [0.0, 1 / 3, 2 / 3], atol=0.1)


@pytest.mark.parametrize(("n", "expected"), [(257, 256), (2000, 256), (4000, 500), (10**6, 512)])
def test_of_more_rows_an_eighth_within_bounds(n, expected):
    assert len(draw_importance_rows(n, None)) == expected


# --- what they are ---------------------------------------------------------------------------------------------------


def test_of_a_linear_model_they_are_those_of_explain():
    net = SigmoidMLPRegressor(**QUICK | {"hidden_layer_sizes": (), "dtype": "float64"}).fit(X, NUMBER)
    found = learn_importances(model_of(net), net.activations(X)[0])
    assert_allclose(found, shares(net, X[:100]), atol=0.03)  # whose background is at most 100 rows
    Z = net.activations(X)[0]
    by_hand = np.abs(net.coefs_[0][:, 0]) * np.abs(Z - Z.mean(axis=0)).mean(axis=0)
    assert_allclose(found, by_hand / by_hand.sum(), rtol=1e-9)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_they_rank_columns_as_explain_does(kind):
    y = np.digitize(NUMBER, [0.0, 2.0]) if kind is SigmoidMLPClassifier else NUMBER
    net = kind(**QUICK | {"max_iter": 60, "numeric_encoding": "piecewise_linear"}).fit(X, y)
    found = net.feature_importances_
    assert found.argsort()[-3:].tolist() == [2, 1, 0] and found.sum() == pytest.approx(1.0)
    assert spearmanr(found, shares(net, X)).statistic > 0.8
    assert_allclose(found, shares(net, X), atol=0.06)


def test_rows_of_equal_weight_are_rows_without():
    for n in (200, 5000):
        for weight in (2.0, 0.1):
            assert_array_equal(draw_importance_rows(n, np.full(n, weight)), draw_importance_rows(n, None))


def test_units_of_targets_do_not_matter():
    y = np.column_stack([NUMBER, X[:, 3]])
    one = SigmoidMLPRegressor(**QUICK).fit(X, y).feature_importances_
    assert_allclose(SigmoidMLPRegressor(**QUICK).fit(X, y * [1.0, 1000.0]).feature_importances_, one, rtol=1e-3)


def test_sparse_rows_have_those_of_dense_ones():
    table = np.where(rng.random((N, 30)) < 0.1, rng.normal(size=(N, 30)), 0.0)
    table[:, 7] = 0.0
    parameters = QUICK | dict(input_scaling=None, batch_size=N, dtype="float64")
    dense, sparse = (SigmoidMLPRegressor(**parameters).fit(T, table[:, 0]) for T in (table, sp.csr_array(table)))
    assert_allclose(sparse.feature_importances_, dense.feature_importances_, rtol=1e-6, atol=1e-12)
    assert sparse.feature_importances_[7] == 0.0 and sparse.feature_importances_.argmax() == 0


def test_levels_that_are_looked_up_count_as_others_do():
    code, size = np.arange(2500) % 250, rng.normal(size=2500)
    table = pd.DataFrame({"city": pd.Series(code).astype("category"), "size": size, "other": size[::-1]})
    parameters = QUICK | {"max_categories": None, "max_iter": 2, "numeric_encoding": "piecewise_linear"}
    found = []
    for least in (200, 10**6):  # inputs that are worth it
        with lookup_inputs(least):
            net = SigmoidMLPRegressor(**parameters, dtype="float64").fit(table, size + code % 2)
        assert (model_of(net).encoder.lookups is None) == (least > 200)
        found.append(net.feature_importances_)
    assert_allclose(*found, rtol=1e-6)


def test_without_any_effect_all_columns_are_alike():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    net.coefs_ = [np.zeros_like(W) for W in net.coefs_]
    assert_array_equal(learn_importances(model_of(net), net.activations(X)[0]), np.full(5, 0.2))
