"""Losses: closed forms, links, optima and extremes. Derivatives: test_derivatives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pieces import LEVELS, LOSSES, assert_gradient, numerical_gradient
from scipy.special import expit
from sklearn import metrics

from sknet._network import losses

X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.random.default_rng(1).normal(size=(7, 3))


def linked(loss, raw):
    prediction = np.array(raw, dtype=float)
    loss.link(prediction)
    return prediction


def drawn(name, n=7):
    case = LOSSES[name]
    rng = np.random.default_rng(2)
    return case.loss, rng.normal(size=(n, case.n_outputs)), case.target(rng, n, case.n_outputs)


# --- values: the mean over regression outputs, the sum over labels


def test_log_loss_of_labels_is_their_summed_cross_entropy():
    loss, raw, target = drawn("log_loss, multilabel")
    p = 1 / (1 + np.exp(-raw))
    expected = -(target * np.log(p) + (1 - target) * np.log(1 - p)).sum(axis=1)
    np.testing.assert_allclose(loss.value(raw, target), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["log_loss, softmax", "log_loss, softmax, soft labels"])
def test_log_loss_of_classes_is_their_cross_entropy(name):
    loss, raw, target = drawn(name)
    np.testing.assert_allclose(loss.value(raw, target), -(target * np.log(linked(loss, raw))).sum(axis=1), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (losses.SQUARED_ERROR, lambda y, p: metrics.mean_squared_error(y, p) / 2),
        (losses.ABSOLUTE_ERROR, metrics.mean_absolute_error),
        (losses.pinball(0.3), lambda y, p: metrics.mean_pinball_loss(y, p, alpha=0.3)),
    ],
    ids=["squared_error", "absolute_error", "pinball"],
)
def test_regression_losses_are_the_metrics(loss, metric):
    assert loss.value(X, Y).mean() == pytest.approx(metric(Y, X), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [(losses.POISSON, metrics.mean_poisson_deviance), (losses.GAMMA, metrics.mean_gamma_deviance)],
    ids=["poisson", "gamma"],
)
def test_positive_losses_are_half_the_deviance(loss, metric):
    raw, target = X[:, :1], np.exp(Y[:, :1])
    assert loss.value(raw, target).mean() == pytest.approx(metric(target, np.exp(raw)) / 2, rel=1e-12)
    np.testing.assert_allclose(loss.value(np.log(target), target), 0, atol=1e-14)


def test_poisson_takes_counts_of_zero():
    assert losses.POISSON.value(np.zeros((1, 1)), np.zeros((1, 1))) == 1.0


def test_huber_is_quadratic_inside_and_linear_outside():
    loss = losses.huber(0.5)
    error = np.array([[0.2], [-0.5], [2.0], [-3.0]])
    expected = [0.02, 0.125, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25)]
    np.testing.assert_allclose(loss.value(error, np.zeros((4, 1))), expected, rtol=1e-13)
    wide = losses.huber(1e6)
    np.testing.assert_allclose(wide.value(X, Y), losses.SQUARED_ERROR.value(X, Y), rtol=1e-12)


def test_squared_error_of_sigmoids_is_half_the_squared_distance():
    loss, raw, target = drawn("squared_error on sigmoids")
    np.testing.assert_allclose(loss.value(raw, target), 0.5 * ((linked(loss, raw) - target) ** 2).sum(axis=1))


def test_quantiles_are_the_mean_pinball_loss_of_ordered_predictions():
    loss, raw, target = drawn("quantiles")
    prediction = linked(loss, raw)
    assert (np.diff(prediction, axis=1) > 0).all()
    expected = [metrics.mean_pinball_loss(target, prediction[:, [i]], alpha=q) for i, q in enumerate(LEVELS)]
    assert loss.value(raw, target).mean() == pytest.approx(np.mean(expected), rel=1e-12)


@pytest.mark.parametrize("levels", [(0.3,), (0.2, 0.7), (0.1, 0.5, 0.9), (0.05, 0.25, 0.5, 0.75, 0.95)])
def test_quantiles_of_any_number_of_levels(levels):
    """The middle level is a raw output, the others lie softplus steps away from it; the gradient is the slope."""
    loss, k = losses.quantile(levels), len(levels)
    rng = np.random.default_rng(0)
    raw, target = rng.normal(size=(6, k)), rng.normal(size=(6, 1))
    prediction, middle = linked(loss, raw), k // 2
    np.testing.assert_array_equal(prediction[:, middle], raw[:, middle])
    steps = np.delete(np.log1p(np.exp(raw)), middle, axis=1)
    np.testing.assert_allclose(np.diff(prediction, axis=1), steps, rtol=1e-12)
    slope = numerical_gradient(lambda raw: loss.value(raw, target).sum(), raw, 1e-4)
    assert_gradient(loss.gradient(raw.copy(), target).ravel(), slope, tolerance=1e-9)


def test_several_outputs_average_and_several_labels_add_up():
    for name in ("squared_error, 3 outputs", "absolute_error", "huber", "poisson", "gamma", "pinball"):
        loss, raw, target = drawn(name)
        columns = [loss.value(raw[:, [j]], target[:, [j]]) for j in range(raw.shape[1])]
        np.testing.assert_allclose(loss.value(raw, target), np.mean(columns, axis=0), rtol=1e-12)
    for name in ("log_loss, multilabel", "squared_error on sigmoids"):
        loss, raw, target = drawn(name)
        columns = [loss.value(raw[:, [j]], target[:, [j]]) for j in range(raw.shape[1])]
        np.testing.assert_allclose(loss.value(raw, target), np.sum(columns, axis=0), rtol=1e-12)


# --- what every loss promises


@pytest.mark.parametrize("name", LOSSES)
def test_value_leaves_the_raw_outputs_alone(name):
    loss, raw, target = drawn(name)
    before, wanted = raw.copy(), target.copy()
    value = loss.value(raw, target)
    assert value.shape == (7,)
    np.testing.assert_array_equal(raw, before)
    joint, gradient = loss.value_and_gradient(raw.copy(), target)
    np.testing.assert_allclose(joint, value, rtol=1e-14)
    np.testing.assert_allclose(gradient, loss.gradient(raw, target), rtol=1e-14)
    np.testing.assert_array_equal(target, wanted)


@pytest.mark.parametrize("name", LOSSES)
def test_samples_are_independent_and_single_precision_stays_so(name):
    loss, raw, target = drawn(name)
    whole = loss.value(raw, target)
    for i in range(7):
        np.testing.assert_allclose(loss.value(raw[[i]], target[[i]]), whole[i], rtol=1e-13)
    raw, target = raw.astype(np.float32), target.astype(np.float32)
    value, gradient = loss.value_and_gradient(raw.copy(), target)
    assert value.dtype == gradient.dtype == np.float32
    np.testing.assert_allclose(value, whole, rtol=1e-4)
    prediction = raw.copy()
    loss.link(prediction)
    assert prediction.dtype == np.float32


@pytest.mark.parametrize("name", [name for name in LOSSES if "log_loss" in name])
def test_log_losses_of_huge_outputs_are_finite(name):
    loss, raw, target = drawn(name)
    for size in (1e3, 1e8, -1e3):
        value, gradient = loss.value_and_gradient(size * raw, target)
        assert np.isfinite(value).all() and (value >= 0).all() and np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["absolute_error", "pinball", "quantiles"])
def test_no_error_no_slope(name):
    loss, raw, _ = drawn(name)
    raw = np.abs(raw)
    target = linked(loss, raw)[:, 1:2] if name == "quantiles" else raw.copy()
    gradient = loss.gradient(raw.copy(), target)
    if name == "quantiles":  # the median is met; what is left is the pull of the two others, which balance
        np.testing.assert_allclose(gradient[:, 0] / expit(raw[:, 0]), 0.1 / 3, rtol=1e-12)
        gradient = gradient[:, 1]
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


@given(st.floats(0.05, 0.95), st.integers(0, 100))
def test_the_pinball_loss_is_least_at_the_quantile(level, seed):
    y = np.random.default_rng(seed).normal(size=(20, 1))
    loss = losses.pinball(level)
    candidates = [loss.value(np.full_like(y, c), y).mean() for c in y[:, 0]]
    best = np.quantile(y, level, method="inverted_cdf")
    assert loss.value(np.full_like(y, best), y).mean() == pytest.approx(min(candidates), rel=1e-12)


# --- links


@pytest.mark.parametrize(
    ("name", "out_activation"),
    [
        ("log_loss, binary", "logistic"),
        ("log_loss, softmax", "softmax"),
        ("squared_error on sigmoids", "logistic"),
        ("squared_error", "identity"),
        ("huber", "identity"),
        ("poisson", "exp"),
        ("gamma", "exp"),
        ("quantiles", "identity"),
        ("blocks", "mixed"),
    ],
)
def test_links_have_names(name, out_activation):
    assert LOSSES[name].loss.out_activation == out_activation


def test_links():
    raw = np.array([[-800.0, 0.0, 800.0]])
    np.testing.assert_allclose(linked(losses.SOFTMAX_LOG_LOSS, raw), [[0, 0, 1]])
    np.testing.assert_allclose(linked(losses.SIGMOID_LOG_LOSS, raw), [[0, 0.5, 1]])
    np.testing.assert_allclose(linked(losses.POISSON, X), np.exp(X))
    np.testing.assert_array_equal(linked(losses.SQUARED_ERROR, X), X)
    np.testing.assert_allclose(linked(losses.SOFTMAX_LOG_LOSS, X).sum(axis=1), 1)


def test_blocks_are_losses_side_by_side():
    loss, raw, target = drawn("blocks")
    parts = [(losses.SOFTMAX_LOG_LOSS, slice(0, 3)), (losses.SIGMOID_LOG_LOSS, slice(3, 4))]
    parts += [(losses.SQUARED_ERROR, slice(4, 6))]
    np.testing.assert_allclose(loss.value(raw, target), sum(part.value(raw[:, s], target[:, s]) for part, s in parts))
    np.testing.assert_allclose(linked(loss, raw), np.hstack([linked(part, raw[:, s]) for part, s in parts]))
    alike = losses.blocks([losses.SOFTMAX_LOG_LOSS] * 2, [slice(0, 2), slice(2, 5)])
    assert (alike.name, alike.out_activation) == ("log_loss", "softmax")
