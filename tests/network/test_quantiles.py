"""Pinball losses: closed forms, ordered levels, optima and the quantiles that training starts from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import LEVELS, LOSSES, assert_gradient, numerical_gradient
from scipy.special import expit
from sklearn import metrics

from sknet._network import losses as regression_losses
from sknet._network.losses import MIN_QUANTILE_GAP, weighted_quantiles


def test_quantiles_are_the_mean_pinball_loss_of_ordered_predictions():
    loss, raw, target = LOSSES["quantiles"].draw()
    prediction = loss.predictions(raw)
    assert (np.diff(prediction, axis=1) > 0).all()
    expected = [metrics.mean_pinball_loss(target, prediction[:, [i]], alpha=q) for i, q in enumerate(LEVELS)]
    assert loss.value(raw, target).mean() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), (0.1, 0.5, 0.9), (0.05, 0.25, 0.5, 0.75, 0.95)])
def test_quantiles_of_any_number_of_levels(levels):
    """The middle level is a raw output, the others lie softplus steps away from it; the gradient is the slope."""
    loss, k = regression_losses.make_quantiles(levels), len(levels)
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=(6, k)), rng.normal(size=(6, 1))
    prediction, middle = loss.predictions(raw), k // 2
    np.testing.assert_array_equal(prediction[:, middle], raw[:, middle])
    steps = np.delete(np.log1p(np.exp(raw)), middle, axis=1)
    np.testing.assert_allclose(np.diff(prediction, axis=1), steps, rtol=1e-12)
    slope = numerical_gradient(lambda raw: loss.value(raw, target).sum(), raw, 1e-4)
    assert_gradient(loss.gradient(raw.copy(), target).ravel(), slope, tolerance=1e-9)


@pytest.mark.parametrize("name", ["absolute_error", "pinball", "quantiles"])
def test_no_error_no_slope(name):
    loss, raw, _ = LOSSES[name].draw()
    raw = np.abs(raw)
    target = loss.predictions(raw)[:, 1:2] if name == "quantiles" else raw.copy()
    gradient = loss.gradient(raw.copy(), target)
    if name == "quantiles":  # the median is met; what is left is the pull of the two others, which balance
        np.testing.assert_allclose(gradient[:, 0] / expit(raw[:, 0]), 0.1 / 3, rtol=1e-12)
        gradient = gradient[:, 1]
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


@given(st.floats(0.05, 0.95), st.integers(0, 100))
def test_the_pinball_loss_is_least_at_the_quantile(level, seed):
    y = np.random.default_rng(seed).normal(size=(20, 1))
    loss = regression_losses.make_pinball(level)
    candidates = [loss.value(np.full_like(y, c), y).mean() for c in y[:, 0]]
    best = np.quantile(y, level, method="inverted_cdf")
    assert loss.value(np.full_like(y, best), y).mean() == pytest.approx(min(candidates), rel=1e-12)


# --- the target's own quantiles


@given(
    st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    st.lists(st.floats(0.01, 0.99), min_size=1, max_size=3),
    st.booleans(),
    st.integers(0, 99),
)
def test_weighted_quantiles_are_the_first_values_that_reach_the_level(values, levels, weighted, seed):
    y = np.array(values, dtype=np.float32)[:, np.newaxis]
    weight = np.random.default_rng(seed).uniform(0.1, 2, len(y)).astype(np.float32) if weighted else None
    share = np.ones(len(y)) if weight is None else weight.astype(float)
    found = weighted_quantiles(y, levels, weight)
    assert found.shape == (len(levels), 1) and found.dtype == np.float64
    for level, quantile in zip(levels, found[:, 0], strict=True):
        reached = [share[y[:, 0] <= v].sum() / share.sum() >= level - 1e-9 for v in np.unique(y)]
        assert quantile == np.unique(y)[np.argmax(reached)]


def test_rounding_does_not_decide_on_a_quantile():
    """0.1 + 0.2 is more than 0.3; yet three of ten values are three tenths."""
    y = np.arange(10.0)[:, np.newaxis]
    assert weighted_quantiles(y, [0.1 + 0.2, 0.7], None)[:, 0].tolist() == [2, 6]
    assert weighted_quantiles(y, [0.1 + 0.2, 0.7], np.full(10, 0.1))[:, 0].tolist() == [2, 6]


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), LEVELS])
def test_several_levels_start_at_the_quantiles(levels):
    loss, y = regression_losses.make_quantiles(levels), np.random.default_rng(0).normal(size=(50, 1))
    start = loss.start(y, None)
    expected = np.quantile(y, levels, method="inverted_cdf")
    np.testing.assert_allclose(loss.predictions(start[np.newaxis])[0], expected, rtol=1e-9)


def test_neighbouring_levels_start_apart():
    loss = regression_losses.make_quantiles(LEVELS)
    start = loss.start(np.ones((5, 1)), np.ones(5))
    np.testing.assert_allclose(
        loss.predictions(start[np.newaxis])[0], [1 - MIN_QUANTILE_GAP, 1, 1 + MIN_QUANTILE_GAP], rtol=1e-12
    )


def test_one_level_starts_at_each_outputs_quantile():
    y = np.random.default_rng(0).normal(size=(50, 3))
    expected = np.quantile(y, 0.2, axis=0, method="inverted_cdf")
    np.testing.assert_array_equal(regression_losses.make_pinball(0.2).start(y, None), expected)


# --- what `quantile` may be


@pytest.mark.parametrize("given", [0.3, np.float32(0.25), 1 / 3])
def test_a_number_is_one_level_for_every_output(given):
    loss, y = regression_losses.make_quantile(given), np.random.default_rng(0).normal(size=(9, 2))
    assert loss.levels == ()
    np.testing.assert_array_equal(
        loss.value(np.zeros((9, 2)), y), regression_losses.make_pinball(float(given)).value(0 * y, y)
    )


@pytest.mark.parametrize("given", [[0.5], (0.1, 0.9), np.array([0.1, 0.5, 0.9])])
def test_a_sequence_is_levels_of_one_target(given):
    loss = regression_losses.make_quantile(given)
    raw, y = np.random.default_rng(0).normal(size=(9, len(given))), np.zeros((9, 1))
    np.testing.assert_array_equal(loss.value(raw, y), regression_losses.make_quantiles(tuple(given)).value(raw, y))
    assert loss.levels == tuple(given) and all(type(level) is float for level in loss.levels)


@pytest.mark.parametrize(
    "given", [[], [0.5, 0.1], [0.1, 0.1], [0.0, 0.5], [0.5, 1.0], ["0.1", 0.5], [0.1, np.nan], [np.nan], [None]]
)
def test_levels_that_do_not_increase_or_lie_outside_are_refused(given):
    with pytest.raises(ValueError, match=r"quantile=.*: levels must increase and lie strictly between 0 and 1"):
        regression_losses.REGRESSION_LOSSES["quantile"].make(quantile=given)
