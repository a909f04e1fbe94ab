"""Extreme numbers: no warning and no NaN; and to the last digits, against arithmetic of sixty digits."""

import numpy as np
import pytest

from sknet._network.activations import ACTIVATIONS
from sknet._network.losses import CLASSIFICATION_LOSSES, SIGMOID_LOG_LOSS, SOFTMAX_LOG_LOSS
from sknet._network.regression import REGRESSION_LOSSES

try:
    import mpmath
except ImportError:
    mpmath = None

needs_mpmath = pytest.mark.skipif(mpmath is None, reason="mpmath is not installed")
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
            value, gradient, linked = (
                loss.value(raw, target),
                loss.gradient(raw.copy(), target),
                loss.linked(raw.copy()),
            )
            np.testing.assert_array_equal(raw, before)
            assert (value >= 0.0).all(), "neither NaN nor negative; infinite where no float is as large"
            assert (np.abs(gradient) <= 1.0).all()
            assert ((linked >= 0.0) & (linked <= 1.0)).all()
            assert {value.dtype, gradient.dtype, linked.dtype} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_losses_of_numbers_at_extremes_are_numbers(name, dtype):
    loss, values = REGRESSION_LOSSES[name].make(), extremes(dtype)
    targets = values[loss.targets.contains(values)]
    raw, target = (grid.reshape(-1, 1) for grid in np.meshgrid(values, targets))
    value, gradient, linked = loss.value(raw, target), loss.gradient(raw.copy(), target), loss.linked(raw.copy())
    assert not np.isnan(value).any() and (value >= -1e-4 * np.abs(target[:, 0]) - 1e-4).all()
    assert not np.isnan(gradient).any()
    assert not np.isnan(linked).any()


# --- the last digits -------------------------------------------------------------------------------------------------

RAW = np.concatenate([-np.geomspace(1e-300, 700.0, 120), [0.0], np.geomspace(1e-300, 700.0, 120)])


def ulps(found, exact, relative=True):
    """How many units in the last place a float is off, of the exact number, or of 1."""
    size = np.spacing(np.abs(float(exact))) if relative else np.finfo(found.dtype).eps / 2
    return abs((mpmath.mpf(float(found)) - exact) / mpmath.mpf(float(size)))


def exactly(function, *arguments):
    with mpmath.workdps(700):
        return [function(*(mpmath.mpf(float(a)) for a in numbers)) for numbers in zip(*arguments, strict=True)]


EXACT = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": lambda z: mpmath.tanh(z),
}


@needs_mpmath
@pytest.mark.parametrize("name", EXACT)
def test_activations_are_within_two_ulps_of_one(name):
    a = RAW.copy()
    ACTIVATIONS[name].apply(a)
    assert (
        max(ulps(found, exact, relative=False) for found, exact in zip(a, exactly(EXACT[name], RAW), strict=True)) <= 2
    )


@needs_mpmath
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_log_loss_of_one_sigmoid_is_within_four_ulps(label):
    exact = exactly(lambda z: mpmath.log1p(mpmath.exp(-z if label else z)), RAW)
    raw = RAW[:, np.newaxis]
    found = SIGMOID_LOG_LOSS.value(raw, np.full_like(raw, label))
    assert max(ulps(*pair) for pair in zip(found, exact, strict=True)) <= 4


@needs_mpmath
@pytest.mark.parametrize("label", [0, 1, 2])
def test_a_log_loss_of_a_softmax_is_within_four_ulps(label):
    rng = np.random.default_rng(0)
    raw = np.concatenate([rng.normal(size=(100, 3)) * scale for scale in (1e-3, 1.0, 30.0, 200.0)])
    target = np.eye(3)[np.full(len(raw), label)]

    def exact(*row):
        return mpmath.log(sum(mpmath.exp(z - row[label]) for z in row))

    found = SOFTMAX_LOG_LOSS.value(raw, target)
    assert max(ulps(*pair) for pair in zip(found, exactly(exact, *raw.T), strict=True)) <= 4


@needs_mpmath
def test_probabilities_are_within_four_ulps():
    found = SIGMOID_LOG_LOSS.linked(RAW[:, np.newaxis].copy())[:, 0]
    assert max(ulps(*pair) for pair in zip(found, exactly(EXACT["sigmoid"], RAW), strict=True)) <= 4
