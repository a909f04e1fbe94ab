"""Losses of numbers: against scikit-learn's metrics, ordered quantile levels, optima and starts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn import metrics

from sknet._network.losses_of_numbers import (
    ABSOLUTE_ERROR,
    GAMMA,
    MIN_QUANTILE_GAP,
    POISSON,
    REGRESSION_LOSSES,
    SQUARED_ERROR,
    make_huber,
    make_quantile,
    make_tweedie,
)
from tests.network.pieces import LEVELS, LOSSES, assert_gradient, numerical_gradient

X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.random.default_rng(1).normal(size=(7, 3))


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (SQUARED_ERROR, lambda y, p: metrics.mean_squared_error(y, p) / 2),
        (ABSOLUTE_ERROR, metrics.mean_absolute_error),
        (make_quantile(0.3), lambda y, p: metrics.mean_pinball_loss(y, p, alpha=0.3)),
    ],
    ids=["squared_error", "absolute_error", "pinball"],
)
def test_regression_losses_are_the_metrics(loss, metric):
    assert loss.value(X, Y).mean() == pytest.approx(metric(Y, X), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (POISSON, metrics.mean_poisson_deviance),
        (GAMMA, metrics.mean_gamma_deviance),
    ],
    ids=["poisson", "gamma"],
)
def test_positive_losses_are_half_the_deviance(loss, metric):
    raw, target = X[:, :1], np.exp(Y[:, :1])
    assert loss.value(raw, target).mean() == pytest.approx(metric(target, np.exp(raw)) / 2, rel=1e-12)
    np.testing.assert_allclose(loss.value(np.log(target), target), 0, atol=1e-14)


@pytest.mark.parametrize("power", [1.01, 1.5, 1.99])
def test_tweedie_is_half_the_deviance_of_its_power(power):
    raw, target = X[:, :1], np.where(Y[:, :1] > 0, np.exp(Y[:, :1]), 0.0)
    mean = make_tweedie(power).value(raw, target).mean()
    assert mean == pytest.approx(metrics.mean_tweedie_deviance(target, np.exp(raw), power=power) / 2, rel=1e-12)


def test_poisson_takes_counts_of_zero():
    assert POISSON.value(np.zeros((1, 1)), np.zeros((1, 1))) == 1.0


def test_huber_is_quadratic_inside_and_linear_outside():
    loss = make_huber(0.5)
    error = np.array([[0.2], [-0.5], [2.0], [-3.0]])
    expected = [0.02, 0.125, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25)]
    np.testing.assert_allclose(loss.value(error, np.zeros((4, 1))), expected, rtol=1e-13)
    wide = make_huber(1e6)
    np.testing.assert_allclose(wide.value(X, Y), SQUARED_ERROR.value(X, Y), rtol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_targets_that_are_all_0_have_no_start(name):
    target = np.column_stack([np.ones(4), np.zeros(4)])
    with pytest.raises(
        ValueError,
        match=f"loss='{name}' needs targets that are .*; y has only zeros in .* such as 'squared_error', or hold",
    ):
        LOSSES[name].loss.start(target, None)


def test_regression_losses_are_made_by_name():
    made = {name: make() for name, make in REGRESSION_LOSSES.items()}
    assert made["poisson"] is POISSON
    assert made["squared_error"] is SQUARED_ERROR
    huber = REGRESSION_LOSSES["huber"](huber_delta=0.5)
    assert huber.value(np.array([[3.0]]), np.zeros((1, 1))) == 0.5 * (3 - 0.25)
    assert made["huber"].value(np.array([[3.0]]), np.zeros((1, 1))) == 3 - 0.5


def test_quantiles_are_the_mean_pinball_loss_of_ordered_predictions():
    loss, raw, target = LOSSES["quantiles"].draw()
    prediction = loss.inverse_link.predictions(raw)
    assert (np.diff(prediction, axis=1) > 0).all()
    expected = [metrics.mean_pinball_loss(target, prediction[:, [i]], alpha=q) for i, q in enumerate(LEVELS)]
    assert loss.value(raw, target).mean() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), (0.1, 0.5, 0.9), (0.05, 0.25, 0.5, 0.75, 0.95)])
def test_quantiles_of_any_number_of_levels(levels):
    """The middle level is a raw output, the others lie softplus steps away from it; the gradient is the slope."""
    loss, k = make_quantile(levels), len(levels)
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=(6, k)), rng.normal(size=(6, 1))
    prediction, middle = loss.inverse_link.predictions(raw), k // 2
    np.testing.assert_array_equal(prediction[:, middle], raw[:, middle])
    steps = np.delete(np.log1p(np.exp(raw)), middle, axis=1)
    np.testing.assert_allclose(np.diff(prediction, axis=1), steps, rtol=1e-12)
    slope = numerical_gradient(lambda raw: loss.value(raw, target).sum(), raw, 1e-4)
    assert_gradient(loss.gradient(raw.copy(), target).ravel(), slope, tolerance=1e-9)


@pytest.mark.parametrize("name", ["absolute_error", "pinball", "quantiles"])
def test_the_gradient_is_zero_where_predictions_equal_targets(name):
    loss, raw, _ = LOSSES[name].draw()
    raw = np.abs(raw)
    target = loss.inverse_link.predictions(raw)[:, 1:2] if name == "quantiles" else raw.copy()
    gradient = loss.gradient(raw.copy(), target)
    if name == "quantiles":  # the median is met; what is left is the pull of the two others, which balance
        np.testing.assert_allclose(gradient[:, 0] / expit(raw[:, 0]), 0.1 / 3, rtol=1e-12)
        gradient = gradient[:, 1]
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


@given(st.floats(0.05, 0.95), st.integers(0, 100))
def test_the_pinball_loss_is_least_at_the_quantile(level, seed):
    y = np.random.default_rng(seed).normal(size=(20, 1))
    loss = make_quantile(level)
    candidates = [loss.value(np.full_like(y, c), y).mean() for c in y[:, 0]]
    best = np.quantile(y, level, method="inverted_cdf")
    assert loss.value(np.full_like(y, best), y).mean() == pytest.approx(min(candidates), rel=1e-12)


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), LEVELS])
def test_several_levels_start_at_the_quantiles(levels):
    loss, y = make_quantile(levels), np.random.default_rng(0).normal(size=(50, 1))
    start = loss.start(y, None)
    expected = np.quantile(y, levels, method="inverted_cdf")
    np.testing.assert_allclose(loss.inverse_link.predictions(start[np.newaxis])[0], expected, rtol=1e-9)


def test_neighbouring_levels_start_apart():
    loss = make_quantile(LEVELS)
    start = loss.start(np.ones((5, 1)), np.ones(5))
    np.testing.assert_allclose(
        loss.inverse_link.predictions(start[np.newaxis])[0], [1 - MIN_QUANTILE_GAP, 1, 1 + MIN_QUANTILE_GAP], rtol=1e-12
    )


def test_one_level_starts_at_each_outputs_quantile():
    y = np.random.default_rng(0).normal(size=(50, 3))
    expected = np.quantile(y, 0.2, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(make_quantile(0.2).start(y, None), expected)


@pytest.mark.parametrize("level", [0.3, np.float32(0.25), 1 / 3])
def test_a_number_is_one_level_for_every_output(level):
    loss, y = make_quantile(level), np.random.default_rng(0).normal(size=(9, 2))
    assert loss.levels == ()
    np.testing.assert_array_equal(loss.value(np.zeros((9, 2)), y), make_quantile(float(level)).value(0 * y, y))


@pytest.mark.parametrize("levels", [[0.5], (0.1, 0.9), np.array([0.1, 0.5, 0.9])])
def test_a_sequence_holds_quantile_levels_of_one_target(levels):
    loss = make_quantile(levels)
    raw, y = np.random.default_rng(0).normal(size=(9, len(levels))), np.zeros((9, 1))
    np.testing.assert_array_equal(loss.value(raw, y), make_quantile(tuple(levels)).value(raw, y))
    assert loss.levels == tuple(levels)
    assert all(type(level) is float for level in loss.levels)


@pytest.mark.parametrize(
    "levels", [[], [0.5, 0.1], [0.1, 0.1], [0.0, 0.5], [0.5, 1.0], ["0.1", 0.5], [0.1, np.nan], [np.nan], [None]]
)
def test_quantile_levels_that_do_not_increase_or_lie_outside_0_and_1_are_refused(levels):
    with pytest.raises(ValueError, match=r"quantile=.*: levels must increase and lie strictly between 0 and 1"):
        REGRESSION_LOSSES["quantile"](quantile=levels)
