"""`predict_interval` of prediction_methods.py: intervals from rows that the last fit held out, or a named error."""

import numpy as np
import pytest

from sknet import SigmoidMLPRegressor
from tests.estimators.data import HELD_OUT

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
NUMBER = X[:, 0] + 0.3 * rng.normal(size=300)


def test_the_width_is_a_quantile_of_the_residuals_of_the_validation_rows():
    net = SigmoidMLPRegressor(**HELD_OUT).fit(X[:200], NUMBER[:200], X_val=X[200:], y_val=NUMBER[200:])
    ends = net.predict_interval(X, coverage=0.8)
    assert ends.shape == (300, 2)
    np.testing.assert_allclose(ends.mean(axis=1), net.predict(X))
    inside = np.abs(NUMBER - net.predict(X))[200:] <= np.diff(ends)[200:, 0] / 2.0 * (1.0 + 1e-9)
    # up to some rows: each error is compared over the scale that the others tell
    assert inside.sum() == pytest.approx(np.ceil(0.8 * 101), abs=4)


def test_a_coverage_is_held_and_more_of_it_is_wider():
    new = np.random.default_rng(1)
    many = new.normal(size=(2000, 3))
    y = many[:, 0] + 0.3 * new.normal(size=2000)
    nets = [SigmoidMLPRegressor(**HELD_OUT | {"random_state": seed}).fit(X, NUMBER) for seed in range(12)]
    widths = []
    for coverage in (0.5, 0.8, 0.9):  # 60 rows calibrate each
        ends = np.stack([net.predict_interval(many, coverage) for net in nets])
        inside = (ends[:, :, 0] <= y) & (y <= ends[:, :, 1])
        assert inside.mean() == pytest.approx(coverage, abs=0.05)
        widths.append(np.diff(ends).mean())
    assert widths == sorted(widths)


def simulated(i, n):
    """Rows of the i-th kind of table: residuals are even, grow with a number, or have heavy tails."""
    new = np.random.default_rng(i)
    table = new.normal(size=(n, 4))
    noise = [new.normal(size=n), (0.2 + np.abs(table[:, 1])) * new.normal(size=n), new.standard_t(3, n)][i % 3]
    return table, np.sin(2.0 * table[:, 0]) + table[:, 1] * table[:, 2] + 0.5 * noise


@pytest.fixture(scope="module")
def fitted_to_simulations():
    """Default regressors, each with new rows and their targets."""
    fitted = []
    for i in range(6):
        (table, y), n = simulated(i, 2400), (400, 700)[i % 2]
        net = SigmoidMLPRegressor(16, max_iter=30, random_state=i).fit(table[:n], y[:n])
        fitted.append((net, table[n:], y[n:]))
    return fitted


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_a_default_regressor_covers_new_rows(coverage, fitted_to_simulations):
    shares = []
    for net, new, y in fitted_to_simulations:
        assert net.resolved_params_["early_stopping"] == "folds"
        assert net.resolved_params_["n_members"] == 2
        low, high = net.predict_interval(new, coverage).T
        shares.append(np.mean((low <= y) & (y <= high)))
    assert np.mean(shares) == pytest.approx(coverage, abs=0.04)


@pytest.mark.parametrize("weight", [None, rng.integers(1, 4, 300).astype(float)])
def test_with_folds_the_width_is_a_quantile_of_the_out_of_fold_residuals(weight):
    """All of them below 500 rows: each row once."""
    net = SigmoidMLPRegressor(4, max_iter=5, random_state=0, early_stopping="folds").fit(X, NUMBER, weight)
    scaled = net._fitted.residuals
    largest = scaled.of_all.conformal_quantile(0.8) * scaled.scale.scale_at(net.oof_prediction_[:, np.newaxis])
    inside = np.abs(NUMBER - net.oof_prediction_) <= largest[:, 0] * (1.0 + 1e-9)
    # each error is compared over the scale that other rows tell
    assert np.average(inside, weights=weight) == pytest.approx(0.8, abs=0.02)


def skewed(n, seed):
    new = np.random.default_rng(seed)
    table = new.normal(size=(n, 3))
    return table, np.exp(table[:, 0] + 0.5 * new.normal(size=n))


def test_intervals_of_skewed_targets_hold_them_in_each_third_and_end_at_0():
    """Errors grow with the prediction, and no target is below 0."""
    thirds = []
    for seed in range(6):
        (table, y), (new, later) = skewed(400, seed), skewed(2000, 100 + seed)
        net = SigmoidMLPRegressor(16, max_iter=40, random_state=seed).fit(table, y)
        low, high = net.predict_interval(new, coverage=0.9).T
        assert low.min() >= 0.0
        inside = (low <= later) & (later <= high)
        thirds.append([part.mean() for part in np.array_split(inside[np.argsort(net.predict(new))], 3)])
    assert np.mean(thirds, axis=0) == pytest.approx(0.9, abs=0.05)
    assert SigmoidMLPRegressor(16, max_iter=40, random_state=seed).fit(table, -y).predict_interval(new).max() <= 0.0


def test_several_outputs_and_quantiles_have_intervals_of_their_own():
    two = SigmoidMLPRegressor(**HELD_OUT).fit(X, np.column_stack([NUMBER, 100.0 * NUMBER]))
    ends = two.predict_interval(X)
    assert ends.shape == (300, 2, 2)
    assert np.ptp(ends[:, 1], axis=1).mean() > 20 * np.ptp(ends[:, 0], axis=1).mean()
    levels = SigmoidMLPRegressor(**HELD_OUT, loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, NUMBER)
    ends, outer = levels.predict_interval(X), levels.predict(X)[:, [0, 2]]
    moved = ends - outer
    np.testing.assert_allclose(moved[:, 0], -moved[:, 1], atol=1e-6)
    np.testing.assert_allclose(moved, moved[:1].repeat(300, axis=0), atol=1e-6)
