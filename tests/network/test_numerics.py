"""Extreme numbers: no warning and no NaN."""

import numpy as np
import pytest

from sknet._network.activations import ACTIVATIONS
from sknet._network.losses import CLASSIFICATION_LOSSES
from sknet._network.regression import REGRESSION_LOSSES

FLOATS = [np.float32, np.float64]


def extremes(dtype):
    """What a float can be: the largest, where exp ends, around 1, the smallest, subnormals and both zeros."""
    limits = np.finfo(dtype)
    sizes = [limits.max, limits.max / 2, 1e30, 745.2, 709.8, 88.8, 40.0, 1.0, limits.eps, limits.tiny,
             limits.smallest_subnormal, 0.0]  # fmt: skip
    return np.array([*sizes, *[-size for size in sizes]], dtype)


# --- extremes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_of_extremes_are_numbers(name, dtype):
    activation, z = ACTIVATIONS[name], extremes(dtype)[:, np.newaxis]
    a = z.copy()
    activation.apply(a)
    assert not np.isnan(a).any() and a.dtype == dtype
    delta = np.ones_like(z)
    activation.backward(z.copy() if activation.keeps == "input" else a.copy(), delta)
    assert np.isfinite(delta).all() and (np.abs(delta) <= 1.8).all()  # the steepest is SELU


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("k", [1, 3])
def test_losses_of_labels_at_extremes_are_numbers(loss, k, dtype):
    loss, values = CLASSIFICATION_LOSSES[loss]([slice(0, k)], True), extremes(dtype)
    raw = np.stack([np.roll(values, shift) for shift in range(k)], axis=1)
    for j in range(k):
        for share in (0.0, 0.5, 1.0):
            target = np.zeros_like(raw)
            target[:, j] = share if k == 1 else 1.0
            before = raw.copy()
            value, gradient, predictions = (
                loss.value(raw, target),
                loss.gradient(raw.copy(), target),
                loss.predictions(raw),
            )
            np.testing.assert_array_equal(raw, before)
            assert (value >= 0.0).all(), "neither NaN nor negative; infinite where no float is as large"
            assert (np.abs(gradient) <= 1.0).all()
            assert ((predictions >= 0.0) & (predictions <= 1.0)).all()
            assert {value.dtype, gradient.dtype, predictions.dtype} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_losses_of_numbers_at_extremes_are_numbers(name, dtype):
    loss, values = REGRESSION_LOSSES[name].make(), extremes(dtype)
    targets = values[loss.targets.contains(values)]
    raw, target = (grid.reshape(-1, 1) for grid in np.meshgrid(values, targets))
    value, gradient, predictions = loss.value(raw, target), loss.gradient(raw.copy(), target), loss.predictions(raw)
    assert not np.isnan(value).any() and (value >= -1e-4 * np.abs(target[:, 0]) - 1e-4).all()
    assert not np.isnan(gradient).any()
    assert not np.isnan(predictions).any()


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
@pytest.mark.parametrize("slices", [[slice(0, 1)], [slice(0, 3)], [slice(0, 1), slice(1, 3)]])
def test_logarithms_of_probabilities_at_extremes_are_finite(slices, name, dtype):
    values, k = extremes(dtype), slices[-1].stop
    raw = np.stack([np.roll(values, shift) for shift in range(k)], axis=1)
    log_P = CLASSIFICATION_LOSSES[name](slices, True).both_log_predictions(raw)
    assert np.isfinite(log_P).all() and (log_P <= 0.0).all() and log_P.dtype == dtype
