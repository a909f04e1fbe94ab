"""Losses of numbers: against scikit-learn's metrics, their targets, and the registry."""

from inspect import signature

import numpy as np
import pytest
from pieces import LOSSES
from sklearn import metrics

from sknet._network import losses as regression_losses

X = np.random.default_rng(0).normal(size=(7, 3))
Y = np.random.default_rng(1).normal(size=(7, 3))


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (regression_losses.SQUARED_ERROR, lambda y, p: metrics.mean_squared_error(y, p) / 2),
        (regression_losses.ABSOLUTE_ERROR, metrics.mean_absolute_error),
        (regression_losses.make_pinball(0.3), lambda y, p: metrics.mean_pinball_loss(y, p, alpha=0.3)),
    ],
    ids=["squared_error", "absolute_error", "pinball"],
)
def test_regression_losses_are_the_metrics(loss, metric):
    assert loss.value(X, Y).mean() == pytest.approx(metric(Y, X), rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "metric"),
    [
        (regression_losses.POISSON, metrics.mean_poisson_deviance),
        (regression_losses.GAMMA, metrics.mean_gamma_deviance),
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
    found = regression_losses.make_tweedie(power).value(raw, target).mean()
    assert found == pytest.approx(metrics.mean_tweedie_deviance(target, np.exp(raw), power=power) / 2, rel=1e-12)


def test_poisson_takes_counts_of_zero():
    assert regression_losses.POISSON.value(np.zeros((1, 1)), np.zeros((1, 1))) == 1.0


def test_huber_is_quadratic_inside_and_linear_outside():
    loss = regression_losses.make_huber(0.5)
    error = np.array([[0.2], [-0.5], [2.0], [-3.0]])
    expected = [0.02, 0.125, 0.5 * (2 - 0.25), 0.5 * (3 - 0.25)]
    np.testing.assert_allclose(loss.value(error, np.zeros((4, 1))), expected, rtol=1e-13)
    wide = regression_losses.make_huber(1e6)
    np.testing.assert_allclose(wide.value(X, Y), regression_losses.SQUARED_ERROR.value(X, Y), rtol=1e-12)


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_targets_that_are_all_0_have_no_start(name):
    target = np.column_stack([np.ones(4), np.zeros(4)])
    with pytest.raises(
        ValueError, match=f"loss='{name}' needs targets that are .*not all 0; y has only zeros in the rows to train on"
    ):
        LOSSES[name].loss.start(target, None)


def test_regression_losses_by_name():
    for entry in regression_losses.REGRESSION_LOSSES.values():
        assert set(entry.options) == set(signature(entry.make).parameters)
    made = {name: entry.make() for name, entry in regression_losses.REGRESSION_LOSSES.items()}
    assert made["poisson"] is regression_losses.POISSON and made["squared_error"] is regression_losses.SQUARED_ERROR
    huber = regression_losses.REGRESSION_LOSSES["huber"].make(huber_delta=0.5)
    assert huber.value(np.array([[3.0]]), np.zeros((1, 1))) == 0.5 * (3 - 0.25)
    assert made["huber"].value(np.array([[3.0]]), np.zeros((1, 1))) == 3 - 0.5
