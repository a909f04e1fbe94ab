"""`predict_quantiles` of prediction_methods.py: from rows that the last fit held out, or between a network's levels."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sknet import SigmoidMLPRegressor, load, save
from tests.estimators.data import HELD_OUT

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
Y = X[:, 0] + rng.exponential(size=300)
QUICK = HELD_OUT | {"validation_fraction": 0.4}
LEVELS = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])


def made(seed, n):
    """Rows whose noise is skewed, and grows with the prediction."""
    new = np.random.default_rng(seed)
    x = new.uniform(0, 3, size=(n, 2))
    return x, 5 + 3 * x[:, 0] + (0.3 + x[:, 0]) * (new.gamma(2.0, 0.7, n) - 1.4)


def shares(quantiles, y):
    return (y[:, np.newaxis] <= quantiles).mean(axis=0)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"loss": "gamma"},
        {"loss": "absolute_error"},
        {"loss": "quantile", "quantile": (0.05, 0.25, 0.5, 0.75, 0.95)},
    ],
    ids=["squared error", "gamma", "absolute error", "levels"],
)
def test_each_quantile_has_its_share_of_new_rows_below_it(parameters):
    found = []
    for seed in range(4):
        net = SigmoidMLPRegressor(16, max_iter=40, random_state=seed, **parameters).fit(*made(seed, 700))
        x, y = made(100 + seed, 5000)
        quantiles = net.predict_quantiles(x, LEVELS)
        assert quantiles.shape == (5000, 7)
        assert (np.diff(quantiles, axis=1) >= 0).all()
        found.append(shares(quantiles, y))
    assert_allclose(np.mean(found, axis=0), LEVELS, atol=0.03)


def test_quantiles_are_predictions_plus_residuals_of_held_out_rows():
    """With fewer than 60 rows, residuals count as equally large; the rank q (n + 1) of n residuals is interpolated."""
    net = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(X[:250], Y[:250], X_val=X[250:], y_val=Y[250:])
    residuals = np.sort(Y[250:] - net.predict(X[250:]))
    found = net.predict_quantiles(X[:7], [1 / 51, 0.5, 40.25 / 51, 50 / 51])
    expected = [
        residuals[0],
        (residuals[24] + residuals[25]) / 2,
        0.75 * residuals[39] + 0.25 * residuals[40],
        residuals[49],
    ]
    assert_allclose(found - net.predict(X[:7])[:, np.newaxis], np.tile(expected, (7, 1)), atol=1e-9)
    assert_array_equal(net.predict_quantiles(X[:7], 0.5), found[:, 1:2])


def test_many_quantiles_increase_and_intervals_stay_symmetric():
    net = SigmoidMLPRegressor(**QUICK).fit(X, Y)
    fine = net.predict_quantiles(X, np.linspace(0.02, 0.98, 97))
    assert (np.diff(fine, axis=1) >= 0).all()
    assert fine.dtype == net.predict(X).dtype
    low, high = net.predict_interval(X, 0.8).T
    assert_allclose((low + high) / 2, net.predict(X))  # symmetric, as the noise is not


def test_where_no_target_is_below_0_no_quantile_is():
    net = SigmoidMLPRegressor(**QUICK).fit(X, np.maximum(Y, 0.0))
    assert net.predict_quantiles(X, [0.01, 0.9])[:, 0].min() == 0.0
    levels = SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=(0.01, 0.9)).fit(X, np.maximum(Y, 0.0) - 9.0)
    assert levels.predict_quantiles(X, 0.5).max() <= 0.0


def test_between_learnt_quantiles_others_are_interpolated_over_normal_scores():
    net = SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=(0.1, 0.5, 0.9)).fit(X, Y)
    net.partial_fit(X, Y)  # no held-out rows are needed: the levels are those of the network
    low, middle, _ = net.predict(X).astype(float).T
    found = net.predict_quantiles(X, [0.1, 0.3, 0.5, 0.9])
    assert_allclose(found[:, [0, 2, 3]], net.predict(X), rtol=1e-6, atol=1e-6)
    share = 0.5244005127080407 / 1.2815515655446004  # of the normal scores of .3 and .1
    assert_allclose(found[:, 1], middle - share * (middle - low), rtol=1e-5, atol=1e-6)


def test_each_quantile_is_moved_by_its_residuals_on_held_out_rows():
    """As many of them lie below it as should: the rank q (n + 1) of n residuals, the least one where it is below 1."""
    levels = (0.01, 0.5, 0.9)
    net = SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=levels, dtype="float64")
    net.fit(X[:250], Y[:250], X_val=X[250:], y_val=Y[250:])
    residuals = np.sort(Y[250:, np.newaxis] - net.predict(X[250:]), axis=0)
    moves = [
        residuals[0, 0],
        (residuals[24, 1] + residuals[25, 1]) / 2,
        0.1 * residuals[44, 2] + 0.9 * residuals[45, 2],
    ]
    assert_allclose(net.predict_quantiles(X[:7], levels), np.sort(net.predict(X[:7]) + moves), atol=1e-9)


def test_levels_that_are_too_narrow_on_small_tables_are_moved_apart():
    levels, found = (0.1, 0.5, 0.9), []
    # without gains, which let the columns of noise fade
    parameters = dict(hidden_layer_sizes=16, n_members=1, loss="quantile", quantile=levels, input_gains=False)
    for seed in range(4):
        table = np.random.default_rng(seed).normal(size=(2250, 30))
        y = table[:, 0] + np.random.default_rng(100 + seed).normal(size=2250)
        net = SigmoidMLPRegressor(**parameters, random_state=seed).fit(table[:250], y[:250])
        new = table[250:]
        found.append(
            [shares(quantiles, y[250:]) for quantiles in (net.predict(new), net.predict_quantiles(new, levels))]
        )
    of_network, moved = np.mean(found, axis=0)
    assert np.abs(of_network - levels).max() > 0.05
    assert_allclose(moved, levels, atol=0.03)


@pytest.mark.parametrize("weight", [None, rng.integers(1, 4, 300).astype(float)])
@pytest.mark.parametrize("parameters", [{"n_members": 2}, {"early_stopping": "folds"}], ids=str)
def test_pickles_files_and_pipelines_predict_quantiles(parameters, weight, tmp_path):
    frame = pd.DataFrame(X, columns=list("abc")).assign(day="2026-01-31", town=np.where(Y > 1, "x", "y"))
    frame.loc[::7, ["a", "town"]] = None
    net = SigmoidMLPRegressor(**QUICK | parameters)
    pipeline = make_pipeline(FunctionTransformer(), net).fit(frame, Y, sigmoidmlpregressor__sample_weight=weight)
    expected = net.predict_quantiles(pipeline[:-1].transform(frame), LEVELS)
    save(net, tmp_path / "net.safetensors")
    for copy in (load(tmp_path / "net.safetensors"), pickle.loads(pickle.dumps(net))):
        assert_array_equal(copy.predict_quantiles(frame, LEVELS), expected)


def changed_by_hand(net):
    net.fit(X, Y)
    net.coefs_ = net.coefs_


SINGLE = {"loss": "quantile", "quantile": 0.8}
SEVERAL = {"loss": "quantile", "quantile": (0.1, 0.9)}
ERRORS = {
    "not held out": (
        {"early_stopping": False},
        lambda net: net.fit(X, Y),
        0.5,
        "predict_quantiles needs rows that were",
    ),
    "partial_fit": (
        {},
        lambda net: net.fit(X, Y).partial_fit(X, Y),
        0.5,
        "predict_quantiles needs rows that were held",
    ),
    "set by hand": ({}, changed_by_hand, 0.5, "weights have been set by hand since"),
    "several targets": ({}, lambda net: net.fit(X, np.c_[Y, Y]), 0.5, "takes one target, and y had 2: fit a regressor"),
    "one level": (SINGLE, lambda net: net.fit(X, Y), 0.5, "quantile=0.8 is a single level.*: give several"),
    "beyond": (SEVERAL, lambda net: net.fit(X, Y), [0.05, 0.5], r"quantiles=\[0.05, 0.5\] go beyond 0.1 to 0.9"),
    "few rows": ({}, lambda net: net.fit(X, Y), [0.001, 0.5], r"120 held-out .* from 0.00826 to 0.992 only"),
    "few rows above": ({}, lambda net: net.fit(X, Y), 0.999, "120 held-out rows"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_quantiles_that_cannot_be_predicted_raise_with_a_remedy(case):
    parameters, prepare, quantiles, message = ERRORS[case]
    net = SigmoidMLPRegressor(**QUICK | parameters)
    prepare(net)
    with pytest.raises(ValueError, match=message):
        net.predict_quantiles(X, quantiles)


@pytest.mark.parametrize(
    "quantiles", [0.0, 1.0, [0.5, 0.5], [0.9, 0.1], [], None, "0.5", True, [[0.1, 0.2]], [0.1, float("nan")], [0.1, 2]]
)
def test_quantiles_outside_0_and_1_or_out_of_order_raise(quantiles):
    net = SigmoidMLPRegressor(**QUICK).fit(X, Y)
    with pytest.raises(ValueError, match="quantiles=.*: give one number, or several in increasing order"):
        net.predict_quantiles(X, quantiles)
