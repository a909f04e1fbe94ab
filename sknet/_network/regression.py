"""Losses of numbers: how wrong a raw output is, its gradient, and the registry of their names.

To add one: write its `value` and `gradient`, and give it an entry in `REGRESSION_LOSSES`.

Conventions
-----------
raw, target, value, gradient, link   see `losses`; the value is the mean over the outputs
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from math import factorial
from numbers import Real
from typing import NamedTuple

import numpy as np

from sknet._network.losses import Interval, Loss
from sknet._network.quantiles import Pinball, Quantiles
from sknet._typing import Array

quietly = np.errstate(over="ignore", invalid="ignore")
"""Losses of numbers too large for a float are infinite, without a warning: training says what it makes of that."""


# --- any numbers ------------------------------------------------------------------------------------------------------


def _squared_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    raw -= target
    value = np.einsum("ij,ij->i", raw, raw) * (0.5 / raw.shape[1])
    if raw.shape[1] > 1:  # the usual single output needs no further pass
        raw /= raw.shape[1]
    return value, raw


@quietly
def _squared_value(raw: Array, target: Array) -> Array:
    return _squared_joint(raw.copy("K"), target)[0]


@quietly
def _squared_gradient(raw: Array, target: Array) -> Array:
    return _squared_joint(raw, target)[1]


@quietly
def _absolute_value(raw: Array, target: Array) -> Array:
    return np.abs(raw - target).mean(axis=1)


@quietly
def _absolute_gradient(raw: Array, target: Array) -> Array:
    return np.sign(raw - target) / raw.dtype.type(raw.shape[1])


@dataclass(frozen=True)
class _Huber:
    """Quadratic up to an error of delta, linear beyond (Huber 1964)."""

    delta: float

    @quietly
    def value(self, raw: Array, target: Array) -> Array:
        error = raw - target
        # e^2 / 2 inside, delta (|e| - delta / 2) outside, in one formula without a branch
        inside = np.clip(error, -self.delta, self.delta)
        return (inside * (error - 0.5 * inside)).mean(axis=1)

    @quietly
    def gradient(self, raw: Array, target: Array) -> Array:
        raw -= target
        np.clip(raw, -self.delta, self.delta, out=raw)
        raw /= raw.shape[1]
        return raw


# --- positive targets: half the deviance, with a log link (McCullagh & Nelder 1989) ---------------------------------


@quietly
def _exp_link(raw: Array) -> None:
    np.exp(raw, out=raw)


@quietly
def _exp_link_backward(raw: Array, delta: Array) -> Array:
    return delta * np.exp(raw)


def _log_mean(name: str, targets: Interval, target: Array, weight: Array | None) -> Array:
    mean = np.average(target, axis=0, weights=weight)
    if not mean.all():
        raise ValueError(
            f"loss={name!r} needs targets that are {targets}, and not all 0; y has only zeros. "
            "Choose another loss, or shift y."
        )
    return np.log(mean)


def _in_double(value: Callable[..., Array]) -> Callable[..., Array]:
    """Compute a loss in float64, quietly: of raw less a logarithm, float32 keeps too little.

    What a float64 keeps is the loss between those of the floats next to raw and the target: near a perfect prediction
    these differ by more than the last digits.
    """

    @quietly
    @wraps(value)
    def compute(*arguments: Array) -> Array:
        *own, raw, target = arguments
        return value(*own, raw.astype(np.float64), target.astype(np.float64)).astype(raw.dtype)

    return compute


NEAR = 2.0
"""Below this distance of raw from the logarithm of the target, a deviance is the difference of larger numbers."""

SERIES = tuple(1.0 / factorial(k) for k in range(17, 1, -1))
"""The coefficients of (exp(x) - 1 - x) / x^2, from that of x^15 to that of 1: to the last digit up to |x| = 1/2."""


def _exp_beyond_line(x: Array) -> Array:
    """Return exp(x) - 1 - x for |x| up to 2, to the last digits: twice by f(x) = expm1(x/2)^2 + 2 f(x/2)."""
    half, quarter = np.expm1(x / 2.0), np.expm1(x / 4.0)
    x = x / 4.0
    value = np.full_like(x, SERIES[0])
    for coefficient in SERIES[1:]:
        value *= x
        value += x.dtype.type(coefficient)
    value *= x * x
    return half * half + 2.0 * (quarter * quarter + 2.0 * value)


def _near_and_far(raw: Array, target: Array) -> tuple[Array, Array, Array]:
    """Return raw - log(target), the same cut to where it is near 0, and where it is; never where the target is 0."""
    off = raw - np.log(np.where(target > 0.0, target, 1.0))
    return off, np.clip(off, -NEAR, NEAR), (np.abs(off) < NEAR) & (target > 0.0)


@_in_double
def _poisson_value(raw: Array, target: Array) -> Array:
    # terms of the target alone stay in, so that a perfect prediction has the loss 0
    off, close, near = _near_and_far(raw, target)
    mean = np.exp(raw)  # where it is infinite, so is the loss, whatever is subtracted from it
    far = np.where(np.isinf(mean), mean, mean - target - np.where(target > 0.0, target * off, 0.0))
    return np.where(near, target * _exp_beyond_line(close), far).mean(axis=1)


@quietly
def _poisson_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    # as in training: faster than `_poisson_value`, and as exact as a sum of many needs
    mean = np.exp(raw)
    log = np.log(np.maximum(target, np.finfo(target.dtype).tiny))  # t (log t - raw) is 0 for t = 0
    value = np.where(np.isinf(mean), mean, target * (log - raw) - target + mean).mean(axis=1)
    return value, _poisson_gradient(raw, target)


@quietly
def _poisson_gradient(raw: Array, target: Array) -> Array:
    np.exp(raw, out=raw)
    raw -= target
    raw /= raw.shape[1]
    return raw


@_in_double
def _gamma_value(raw: Array, target: Array) -> Array:
    off, close, near = _near_and_far(raw, target)
    return np.where(near, _exp_beyond_line(-close), off + (target * np.exp(-raw) - 1.0)).mean(axis=1)


@quietly
def _gamma_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    share = target * np.exp(-raw)
    value = (raw - np.log(target) + share - 1.0).mean(axis=1)
    return value, (1.0 - share) / raw.dtype.type(raw.shape[1])


@quietly
def _gamma_gradient(raw: Array, target: Array) -> Array:
    return (1.0 - target * np.exp(-raw)) / raw.dtype.type(raw.shape[1])


def _times(target: Array, factor: Array) -> Array:
    """Multiply; a target of 0 makes 0, even of infinity."""
    return np.where(target > 0.0, target * factor, target)


@dataclass(frozen=True)
class _Tweedie:
    """Half the deviance of a variance mean^power: between counts (1) and sizes (2), zeros included (Jørgensen 1987)."""

    power: float

    @_in_double
    def value(self, raw: Array, target: Array) -> Array:
        a, b = 1.0 - self.power, 2.0 - self.power  # with mean = exp(raw)
        off, close, near = _near_and_far(raw, target)
        whole = target**b
        # without the terms that cancel: both that are left are positive
        deviance = whole * (_exp_beyond_line(b * close) / b - _exp_beyond_line(a * close) / a)
        by_mean = self._power(b, off, whole, np.exp(b * raw))
        by_target = self._power(a, off, whole, _times(target, np.exp(a * raw)))
        return np.where(near, deviance, by_mean - by_target).mean(axis=1)

    def _power(self, c: float, off: Array, whole: Array, power: Array) -> Array:
        """Return (power - whole) / c, where power is whole * exp(c off) unless whole is 0."""
        rate = c * off
        return np.where((np.abs(rate) < 1.0) & (whole > 0.0), whole * np.expm1(rate), power - whole) / c

    @quietly
    def joint(self, raw: Array, target: Array) -> tuple[Array, Array]:
        a, b = 1.0 - self.power, 2.0 - self.power
        deviance = target**b / (a * b) - _times(target, np.exp(a * raw)) / a + np.exp(b * raw) / b
        return deviance.mean(axis=1), self.gradient(raw, target)

    @quietly
    def gradient(self, raw: Array, target: Array) -> Array:
        slope = np.exp((2.0 - self.power) * raw) - _times(target, np.exp((1.0 - self.power) * raw))
        slope /= raw.shape[1]
        return slope


# --- the losses, by name ---------------------------------------------------------------------------------------------

SQUARED_ERROR = Loss("squared_error", _squared_value, _squared_gradient, joint=_squared_joint)
ABSOLUTE_ERROR = Loss("absolute_error", _absolute_value, _absolute_gradient)


def _with_log_link(
    name: str, value: Callable[[Array, Array], Array], gradient: Callable[[Array, Array], Array],
    joint: Callable[[Array, Array], tuple[Array, Array]], targets: Interval,
) -> Loss:  # fmt: skip
    """Return a loss of predictions exp(raw). Its targets are never scaled; training starts at their mean."""
    start = partial(_log_mean, name, targets)
    return Loss(
        name, value, gradient, _exp_link, "exp", joint, targets, scales_targets=False, start=start,
        link_backward=_exp_link_backward,
    )  # fmt: skip


POISSON = _with_log_link("poisson", _poisson_value, _poisson_gradient, _poisson_joint, Interval(0.0))
GAMMA = _with_log_link("gamma", _gamma_value, _gamma_gradient, _gamma_joint, Interval(0.0, includes_low=False))


def tweedie(tweedie_power: float = 1.5) -> Loss:
    """Return half the Tweedie deviance of a power between 1 and 2."""
    pieces = _Tweedie(tweedie_power)
    return _with_log_link("tweedie", pieces.value, pieces.gradient, pieces.joint, Interval(0.0))


def huber(huber_delta: float = 1.0) -> Loss:
    """Return the Huber loss that turns linear at an error of `huber_delta`."""
    pieces = _Huber(huber_delta)
    return Loss("huber", pieces.value, pieces.gradient)


def pinball(level: float) -> Loss:
    """Return the pinball loss of one quantile level, the same for every output."""
    pieces = Pinball(level)
    return Loss("quantile", pieces.value, pieces.gradient, start=pieces.start)


def quantiles(levels: Sequence[float]) -> Loss:
    """Return the pinball loss of several increasing quantile levels of one target, one raw output per level."""
    pieces = Quantiles(tuple(levels))
    # Its link is not the identity, but works in any unit of the targets: they may be scaled.
    return Loss(
        "quantile", pieces.value, pieces.gradient, pieces.link,
        scales_targets=True, start=pieces.start, levels=pieces.levels, link_backward=pieces.link_backward,
    )  # fmt: skip


def quantile(quantile: float | Sequence[float] = 0.5) -> Loss:
    """Return the pinball loss of one quantile level or of several; see `pinball` and `quantiles`."""
    if isinstance(quantile, float | Real):
        return pinball(float(quantile))
    given: list[object] = list(quantile)
    levels = [float(q) for q in given if isinstance(q, Real)]
    inside = all(0.0 < q < 1.0 for q in levels)
    if levels != given or not levels or not inside or levels != sorted(set(levels)):
        raise ValueError(f"quantile={quantile!r}: levels must increase and lie strictly between 0 and 1.")
    return quantiles(levels)


class LossEntry(NamedTuple):
    """How a loss is made, and the estimators' parameters that `make` takes by name."""

    make: Callable[..., Loss]
    options: tuple[str, ...] = ()


REGRESSION_LOSSES: dict[str, LossEntry] = {
    "squared_error": LossEntry(lambda: SQUARED_ERROR),
    "absolute_error": LossEntry(lambda: ABSOLUTE_ERROR),
    "huber": LossEntry(huber, ("huber_delta",)),
    "quantile": LossEntry(quantile, ("quantile",)),
    "poisson": LossEntry(lambda: POISSON),
    "tweedie": LossEntry(tweedie, ("tweedie_power",)),
    "gamma": LossEntry(lambda: GAMMA),
}
"""Every loss of a regressor by name."""
