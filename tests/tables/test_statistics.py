"""Means and deviations, with weights as repetitions; ridge regression as in scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet._tables.statistics import fit_ridge, mean_and_deviation, ridge_basis


def test_mean_and_deviation_of_nothing_are_zero():
    assert mean_and_deviation(np.array([np.nan, np.nan]), None) == (0, 0)
    assert mean_and_deviation(np.array([1.0, np.nan, 3.0]), None) == (2, 1)


@pytest.mark.parametrize("magnitude", [1e-200, 1.0, 1e200])
def test_mean_and_deviation_take_weights_as_repetitions_at_any_magnitude(magnitude):
    rng = np.random.default_rng(0)
    x, w = rng.normal(3, 1, 40) * magnitude, rng.integers(1, 4, 40)
    x[::7] = np.nan
    found = np.array(mean_and_deviation(x, w * 0.3))
    np.testing.assert_allclose(found, mean_and_deviation(np.repeat(x, w), None), rtol=1e-12)
    np.testing.assert_allclose(found / magnitude, [3, 1], atol=0.5)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_ridge_regression_is_that_of_scikit_learn(is_weighted):
    rng = np.random.default_rng(0)
    X, new, w = rng.normal(2, 3, (50, 4)), rng.normal(size=(9, 4)), rng.integers(1, 4, 50)
    y = X[:, :2] - X[:, 2:] + rng.normal(size=(50, 2))
    X[:, 3] = 5  # a constant input
    rows = np.repeat(np.arange(50), w) if is_weighted else np.arange(50)
    expected = make_pipeline(StandardScaler(), Ridge(7.0)).fit(X[rows], y[rows]).predict(new)
    found = fit_ridge(X, y, 7.0, w if is_weighted else None)(new)
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_ridge_basis_gives_what_ridge_regression_fits():
    rng = np.random.default_rng(0)
    X, y = rng.normal(2, 3, (50, 4)), rng.normal(size=(50, 2))
    X[:, 3] = 5  # a constant input
    basis = ridge_basis(X, 7.0)
    np.testing.assert_allclose(basis @ basis.T @ (y - y.mean(axis=0)) + y.mean(axis=0), fit_ridge(X, y, 7.0)(X))
