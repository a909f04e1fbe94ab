"""Extreme numbers: no warning and no NaN; and to the last digits, against arithmetic of sixty digits."""

import numpy as np
import pytest

from sknet._network.activations import ACTIVATIONS
from sknet._network.losses import CLASSIFICATION_LOSSES, SIGMOID_LOG_LOSS, SIGMOID_SQUARED_ERROR, SOFTMAX_LOG_LOSS
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
    size = np.spacing(found.dtype.type(abs(exact))) if relative else np.finfo(found.dtype).eps
    return abs((mpmath.mpf(float(found)) - exact) / mpmath.mpf(float(size)))


def exactly(function, *arguments, digits=700):
    with mpmath.workdps(digits):
        return [function(*(mpmath.mpf(float(a)) for a in numbers)) for numbers in zip(*arguments, strict=True)]


def steepest(z):  # SELU as Klambauer et al. 2017 give it
    return mpmath.mpf("1.0507009873554805") * (z if z > 0 else mpmath.mpf("1.6732632423543772") * mpmath.expm1(z))


EXACT = {
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
    "tanh": lambda z: mpmath.tanh(z),
    "relu": lambda z: max(z, 0),
    "leaky_relu": lambda z: z if z > 0 else z * mpmath.mpf("0.01"),
    "elu": lambda z: z if z > 0 else mpmath.expm1(z),
    "selu": steepest,
    "softplus": lambda z: mpmath.log1p(mpmath.exp(z)),
    "silu": lambda z: z / (1 + mpmath.exp(-z)),
    "gelu": lambda z: z * mpmath.ncdf(z),
    "mish": lambda z: z * mpmath.tanh(mpmath.log1p(mpmath.exp(z))),
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + mpmath.exp(-z)),
}


@needs_mpmath
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_within_two_ulps_of_one(name, dtype):
    z = (RAW[::4] if dtype == np.float64 else RAW[np.abs(RAW) < 80.0][::4]).astype(dtype)
    a = z.copy()
    ACTIVATIONS[name].apply(a)
    for found, exact in zip(a, exactly(EXACT[name], z, digits=400), strict=True):
        # of outputs beyond 1, which a float has no more digits of, in their own units
        assert ulps(found, exact, relative=abs(exact) > 1) <= 2


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
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_a_squared_error_of_a_sigmoid_is_within_four_ulps(label):
    raw = RAW[np.abs(RAW) < 350.0][:, np.newaxis]  # its square is no subnormal
    found = SIGMOID_SQUARED_ERROR.value(raw, np.full_like(raw, label))
    exact = exactly(lambda z: (1 / (1 + mpmath.exp(-z if label == 0.0 else z))) ** 2 / 2, raw[:, 0])
    assert max(ulps(*pair) for pair in zip(found, exact, strict=True)) <= 4


def half_deviance(name):
    def tweedie(z, t):
        a, b = 1 - mpmath.mpf(1.05), 2 - mpmath.mpf(1.05)
        return t**b / (a * b) - t * mpmath.exp(a * z) / a + mpmath.exp(b * z) / b

    return {
        "poisson": lambda z, t: t * (mpmath.log(t) - z) - t + mpmath.exp(z),
        "gamma": lambda z, t: z - mpmath.log(t) + t * mpmath.exp(-z) - 1,
        "tweedie": tweedie,
    }[name]


@needs_mpmath
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_deviances_are_within_four_ulps_of_what_the_next_floats_would_give(name, dtype):
    loss = REGRESSION_LOSSES[name].make(**({"tweedie_power": 1.05} if name == "tweedie" else {}))
    off = np.concatenate([[0.0], 10.0 ** -np.arange(14), [1.5, 1.99, 2.01, 8.0]])
    target = np.exp(np.random.default_rng(0).normal(size=(2, off.size)) * 10.0).astype(dtype)
    raw = (np.log(target.astype(float)) + np.stack([off, -off])).astype(dtype)
    found = loss.value(raw.reshape(-1, 1), target.reshape(-1, 1))
    for value, z, t in zip(found, raw.ravel(), target.ravel(), strict=True):
        around = [(z, t)]
        if dtype is np.float64:  # float32 needs no such excuse
            around += [(np.nextafter(z, end), t) for end in (-np.inf, np.inf)]
            around += [(z, np.nextafter(t, end)) for end in (0.0, np.inf)]
        exact = exactly(half_deviance(name), *zip(*around, strict=True), digits=80)
        turns = any((np.log(float(t)) - one) * (np.log(float(t)) - z) <= 0.0 for one, _ in around[1:3])
        low, high = 0.0 if turns else min(exact), max(exact)  # a perfect prediction may lie between two floats
        assert value >= 0.0
        assert low <= value <= high or min(ulps(value, low), ulps(value, high)) <= 4


def both_of(z):
    return [1 / (1 + mpmath.exp(z)), 1 / (1 + mpmath.exp(-z))]


@needs_mpmath
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
def test_both_probabilities_of_two_classes_and_their_logarithms_are_within_four_ulps(name, dtype):
    loss = CLASSIFICATION_LOSSES[name]([slice(0, 1)], True)
    z = (RAW if dtype == np.float64 else RAW[np.abs(RAW) < 85.0])[::3].astype(dtype)
    P, log_P = loss.linked_both(z[:, np.newaxis].copy()), loss.log_linked_both(z[:, np.newaxis].copy())
    for found, logs, exact in zip(P, log_P, exactly(both_of, z), strict=True):
        for p, log_p, share in zip(found, logs, exact, strict=True):
            assert ulps(p, share) <= 4
            with mpmath.workdps(700):
                assert ulps(log_p, mpmath.log(share)) <= 4


def shares_of(*scores):
    total = sum(scores)
    return [score / total for score in scores]


SHARES = {
    "log_loss": lambda *row: shares_of(*(mpmath.exp(z) for z in row)),
    "squared_error": lambda *row: shares_of(*(1 / (1 + mpmath.exp(-z)) for z in row)),
}


@needs_mpmath
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
def test_logarithms_of_probabilities_of_several_classes_are_within_four_ulps(name):
    rng = np.random.default_rng(1)
    raw = np.concatenate([rng.normal(size=(40, 4)) * scale for scale in (1e-3, 1.0, 30.0, 150.0)])
    loss = CLASSIFICATION_LOSSES[name]([slice(0, 4)], True)
    log_P = loss.log_linked(raw.copy())
    for logs, shares in zip(log_P, exactly(SHARES[name], *raw.T), strict=True):
        for log_p, share in zip(logs, shares, strict=True):
            with mpmath.workdps(700):
                assert ulps(log_p, mpmath.log(share)) <= 4


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", CLASSIFICATION_LOSSES)
@pytest.mark.parametrize("slices", [[slice(0, 1)], [slice(0, 3)], [slice(0, 1), slice(1, 3)]])
def test_logarithms_of_probabilities_at_extremes_are_finite(slices, name, dtype):
    values, k = extremes(dtype), slices[-1].stop
    raw = np.stack([np.roll(values, shift) for shift in range(k)], axis=1)
    log_P = CLASSIFICATION_LOSSES[name](slices, True).log_linked_both(raw)
    assert np.isfinite(log_P).all() and (log_P <= 0.0).all() and log_P.dtype == dtype


@needs_mpmath
def test_probabilities_are_within_four_ulps():
    found = SIGMOID_LOG_LOSS.linked(RAW[:, np.newaxis].copy())[:, 0]
    assert max(ulps(*pair) for pair in zip(found, exactly(EXACT["sigmoid"], RAW), strict=True)) <= 4
