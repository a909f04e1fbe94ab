"""Importances of columns agree with `explain`, in every format of encoded rows."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import spearmanr

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.model import Network
from sknet._model.sensitivity import (
    MAX_IMPORTANCE_ROWS,
    MIN_IMPORTANCE_ROWS,
    draw_encoded_rows,
    draw_rows,
    inputs_per_row,
    learn_importances,
    n_importance_rows,
)
from tests.estimators.inside import model_of
from tests.network.pieces import ACTIVATIONS, KINDS, as_array
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


def test_few_rows_are_all_used():
    assert_array_equal(draw_rows(256, None, 256), np.arange(256))


@pytest.mark.parametrize("weight", [None, np.arange(3000) % 3.0], ids=["alike", "weighted"])
def test_each_drawn_row_represents_equal_weight(weight):
    numbers = draw_rows(3000, weight, 375)
    assert len(numbers) == 375
    assert (np.diff(numbers) >= 0).all()
    assert numbers.min() >= 0
    assert numbers.max() < 3000
    assert_allclose(np.histogram(numbers, 4, (0, 3000))[0], 375 / 4, atol=2)
    if weight is not None:
        assert_allclose(np.bincount(weight[numbers].astype(int)) / 375, [0.0, 1 / 3, 2 / 3], atol=0.1)


def test_equal_weights_equal_no_weights():
    for n in (200, 5000):
        for weight in (2.0, 0.1):
            assert_array_equal(draw_rows(n, np.full(n, weight), 256), draw_rows(n, None, 256))


def test_importances_take_a_hundredth_of_the_work_of_training():
    sizes = (7, 5, 4, 3)
    coefs, biases = [*map(np.zeros, pairwise(sizes))], [*map(np.zeros, sizes[1:])]
    network = Network((ACTIVATIONS["tanh"],) * 2, coefs, biases)
    # 35 for the sums; 4 x 32 forward, and for each of 3 outputs 4 x 32 back, then 35 for the columns
    per_row = 35 + 128 + 3 * (128 + 35)
    rows = np.zeros((600, 7))
    for n_rows in (100, 350):
        assert n_importance_rows(rows, network, 3, 100 * n_rows * per_row + 1) == n_rows
    assert n_importance_rows(rows, network, 3, 0) == MIN_IMPORTANCE_ROWS
    assert n_importance_rows(rows, network, 3, 10**9) == MAX_IMPORTANCE_ROWS
    few_per_row = per_row - (1 + 3) * (35 - 2 * 5)
    assert (
        n_importance_rows(sp.csr_array(np.tile([1, 1, 0, 0, 0, 0, 0], (6, 1))), network, 3, 20000 * few_per_row + 1)
        == 200
    )


@pytest.mark.parametrize(("kind", "expected"), [("dense", 5.0), ("sparse", 3.0), ("one_hot_and_dense", 4.0)])
def test_inputs_per_row_counts_nonzero_inputs_of_sparse_rows(kind, expected):
    # dense among mixed ones are every second input
    assert inputs_per_row(KINDS[kind](np.tile([1.0, 1.0, 0.0, 0.0, 1.0], (6, 1)))) == expected


@pytest.mark.parametrize("kind", ["dense", "sparse", "one_hot_and_dense"])
def test_every_format_of_encoded_rows_is_sampled_alike(kind):
    values = np.arange(80.0).reshape(20, 4)
    assert_array_equal(as_array(draw_encoded_rows(KINDS[kind](values), 6), kind, 4), values[draw_rows(20, None, 6)])


@pytest.mark.parametrize(("max_iter", "expected"), [(1, 64), (8, 152)])
def test_longer_fits_use_more_rows_for_importances(max_iter, expected):
    table = np.random.default_rng(0).normal(size=(2000, 40))
    parameters = QUICK | dict(max_iter=max_iter, dtype="float64", numeric_encoding="raw", batch_size=200)
    net = SigmoidMLPRegressor(**parameters).fit(table, table[:, 0])
    # A row takes 2 x 40 x 16 + 3 x 16 multiplications in an epoch, and 5 x 41 x 16 / 200 of the steps; its importances
    # take 40 x 16 + 4 x 16 twice.
    drawn = net.activations(table)[0][draw_rows(2000, None, MAX_IMPORTANCE_ROWS)]
    assert_allclose(
        net.feature_importances_, learn_importances(model_of(net), draw_encoded_rows(drawn, expected)), rtol=1e-9
    )


# --- what they are ---------------------------------------------------------------------------------------------------


def test_importances_of_a_linear_model_equal_explain():
    net = SigmoidMLPRegressor(**QUICK | {"hidden_layer_sizes": (), "dtype": "float64"}).fit(X, NUMBER)
    found = learn_importances(model_of(net), net.activations(X)[0])
    assert_allclose(found, shares(net, X[:100]), atol=0.03)  # whose background is at most 100 rows
    Z = net.activations(X)[0]
    by_hand = np.abs(net.coefs_[0][:, 0]) * np.abs(Z - Z.mean(axis=0)).mean(axis=0)
    assert_allclose(found, by_hand / by_hand.sum(), rtol=1e-9)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_importances_rank_columns_as_explain_does(kind):
    y = np.digitize(NUMBER, [0.0, 2.0]) if kind is SigmoidMLPClassifier else NUMBER
    net = kind(**QUICK | {"max_iter": 60, "numeric_encoding": "piecewise_linear"}).fit(X, y)
    found = net.feature_importances_
    assert found.argsort()[-3:].tolist() == [2, 1, 0]
    assert found.sum() == pytest.approx(1.0)
    assert spearmanr(found, shares(net, X)).statistic > 0.8
    assert_allclose(found, shares(net, X), atol=0.06)


def test_importances_do_not_depend_on_the_units_of_targets():
    y = np.column_stack([NUMBER, X[:, 3]])
    one = SigmoidMLPRegressor(**QUICK).fit(X, y).feature_importances_
    assert_allclose(SigmoidMLPRegressor(**QUICK).fit(X, y * [1.0, 1000.0]).feature_importances_, one, rtol=1e-3)


SPARSE = np.where(rng.random((N, 30)) < 0.1, rng.normal(size=(N, 30)), 0.0)
SPARSE[:, 7] = 0.0


@pytest.mark.parametrize("n_entries", [1, 2], ids=["canonical", "entries that add up"])
def test_sparse_and_dense_rows_agree_if_slopes_are_constant(n_entries):
    parameters = QUICK | dict(hidden_layer_sizes=(), input_scaling=None, batch_size=N, dtype="float64")
    net = SigmoidMLPRegressor(**parameters).fit(SPARSE, np.column_stack([SPARSE[:, 0], SPARSE[:, 1] - SPARSE[:, 2]]))
    rows = sp.csr_array(SPARSE)
    if n_entries == 2:
        halves = np.repeat(rows.data / 2, 2), np.repeat(rows.indices, 2), 2 * rows.indptr
        rows = sp.csr_array(halves, rows.shape)
    assert_allclose(learn_importances(model_of(net), rows), learn_importances(model_of(net), SPARSE), rtol=1e-9)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csr_matrix])
def test_sparse_and_dense_rows_have_similar_importances(container):
    parameters = QUICK | dict(input_scaling=None, max_iter=200)
    dense, sparse = (SigmoidMLPRegressor(**parameters).fit(T, SPARSE[:, 0]) for T in (SPARSE, container(SPARSE)))
    assert_allclose(sparse.feature_importances_, dense.feature_importances_, atol=0.02)
    assert sparse.feature_importances_[7] == 0.0
    assert sparse.feature_importances_.argmax() == 0


def test_looked_up_categories_have_the_same_importance():
    rng = np.random.default_rng(1)
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


def test_importances_are_equal_if_outputs_do_not_vary():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    net.coefs_ = [np.zeros_like(W) for W in net.coefs_]
    assert_array_equal(learn_importances(model_of(net), net.activations(X)[0]), np.full(5, 0.2))


def test_outputs_that_hardly_vary_have_importances_all_the_same():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    encoded = net.activations(X)[0]
    expected = learn_importances(model_of(net), encoded)
    net.coefs_ = [*net.coefs_[:-1], 1e-9 * net.coefs_[-1]]
    assert_allclose(learn_importances(model_of(net), encoded), expected, rtol=1e-5)
