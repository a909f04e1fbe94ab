"""Intervals as users get them: from the rows that the last fit held out, or a named error."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPRegressor, load, save

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
NUMBER = X[:, 0] + 0.3 * rng.normal(size=300)
QUICK = dict(hidden_layer_sizes=4, max_iter=5, random_state=0, early_stopping=True, validation_fraction=0.2)


def test_the_width_is_a_quantile_of_the_errors_on_rows_of_ones_own():
    net = SigmoidMLPRegressor(**QUICK).fit(X[:200], NUMBER[:200], X_val=X[200:], y_val=NUMBER[200:])
    ends = net.predict_interval(X, coverage=0.8)
    errors = np.sort(np.abs(NUMBER[200:] - net.predict(X[200:])))
    assert ends.shape == (300, 2)
    np.testing.assert_allclose(ends.mean(axis=1), net.predict(X))
    np.testing.assert_allclose(np.diff(ends)[:, 0], 2.0 * errors[int(np.ceil(0.8 * 101)) - 1])


def test_a_coverage_is_held_and_more_of_it_is_wider():
    new = np.random.default_rng(1)
    many = new.normal(size=(2000, 3))
    y = many[:, 0] + 0.3 * new.normal(size=2000)
    nets = [SigmoidMLPRegressor(**QUICK | {"random_state": seed}).fit(X, NUMBER) for seed in range(12)]
    widths = []
    for coverage in (0.5, 0.8, 0.9):  # 60 rows calibrate each
        ends = np.stack([net.predict_interval(many, coverage) for net in nets])
        inside = (ends[:, :, 0] <= y) & (y <= ends[:, :, 1])
        assert inside.mean() == pytest.approx(coverage, abs=0.05)
        widths.append(np.diff(ends).mean())
    assert widths == sorted(widths)


def test_several_outputs_and_levels():
    two = SigmoidMLPRegressor(**QUICK).fit(X, np.column_stack([NUMBER, 100.0 * NUMBER]))
    ends = two.predict_interval(X)
    assert ends.shape == (300, 2, 2) and np.ptp(ends[:, 1], axis=1).mean() > 20 * np.ptp(ends[:, 0], axis=1).mean()
    levels = SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=[0.1, 0.5, 0.9]).fit(X, NUMBER)
    ends, outer = levels.predict_interval(X), levels.predict(X)[:, [0, 2]]
    moved = ends - outer
    np.testing.assert_allclose(moved[:, 0], -moved[:, 1], atol=1e-6)
    np.testing.assert_allclose(moved, moved[:1].repeat(300, axis=0), atol=1e-6)


@pytest.mark.parametrize("weight", [None, rng.integers(0, 3, 300)])
def test_pickles_and_files_keep_them_and_little_else(weight, tmp_path):
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER, sample_weight=weight)
    save(net, tmp_path / "net.safetensors")
    for again in pickle.loads(pickle.dumps(net)), load(tmp_path / "net.safetensors"):
        assert_array_equal(again.predict_interval(X), net.predict_interval(X))


def no_held_out_rows(net):
    net.set_params(early_stopping=False).fit(X, NUMBER)


def weights_set_by_hand(net):
    net.fit(X, NUMBER)
    net.coefs_ = net.coefs_


CASES = {
    "not held out": (no_held_out_rows, "held out in the last call to fit"),
    "partial_fit": (lambda net: net.fit(X, NUMBER).partial_fit(X, NUMBER), "held out in the last call to fit"),
    "set by hand": (weights_set_by_hand, "held out in the last call to fit"),
    "one level": (
        lambda net: net.set_params(loss="quantile", quantile=0.3).fit(X, NUMBER), "quantile=0.3 is a single level"
    ),
    "a median": (lambda net: net.set_params(loss="quantile").fit(X, NUMBER), "quantile='auto' is a single level"),
    "too few rows": (
        lambda net: net.fit(X, NUMBER, X_val=X[:8], y_val=NUMBER[:8]), "coverage=0.9 takes 9 held-out rows at least"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_without_such_rows_there_is_an_error_with_the_remedy(case):
    prepare, message = CASES[case]
    net = SigmoidMLPRegressor(**QUICK)
    prepare(net)
    with pytest.raises(ValueError, match=message):
        net.predict_interval(X)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 1.5, -0.1, True, "0.9", None, float("nan"), 10**400])
def test_a_coverage_that_is_none(coverage):
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    with pytest.raises(ValueError, match="coverage="):
        net.predict_interval(X, coverage)
