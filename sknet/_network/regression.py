"""Losses of numbers: how wrong a raw output is, its gradient, and the registry of their names.

To add one: write its `value` and `gradient`, and give it an entry in `REGRESSION_LOSSES`.

Conventions
-----------
raw, target, value, gradient, link   see `losses`; the value is the mean over the outputs
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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


@quietly
def _poisson_value(raw: Array, target: Array) -> Array:
    # terms of the target alone stay in, so that a perfect prediction has the loss 0
    mean = np.exp(raw)
    # t (log t - raw) is 0 for t = 0; where the mean is infinite, so is the loss, whatever is subtracted from it
    log = np.log(np.maximum(target, np.finfo(target.dtype).tiny))
    return np.where(np.isinf(mean), mean, target * (log - raw) - target + mean).mean(axis=1)


@quietly
def _poisson_gradient(raw: Array, target: Array) -> Array:
    np.exp(raw, out=raw)
    raw -= target
    raw /= raw.shape[1]
    return raw


@quietly
def _gamma_value(raw: Array, target: Array) -> Array:
    return (raw - np.log(target) + target * np.exp(-raw) - 1.0).mean(axis=1)


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

    @quietly
    def value(self, raw: Array, target: Array) -> Array:
        a, b = 1.0 - self.power, 2.0 - self.power  # with mean = exp(raw)
        deviance = target**b / (a * b) - _times(target, np.exp(a * raw)) / a + np.exp(b * raw) / b
        return deviance.mean(axis=1)

    @quietly
    def gradient(self, raw: Array, target: Array) -> Array:
        slope = np.exp((2.0 - self.power) * raw) - _times(target, np.exp((1.0 - self.power) * raw))
        slope /= raw.shape[1]
        return slope


# --- the losses, by name ---------------------------------------------------------------------------------------------

SQUARED_ERROR = Loss("squared_error", _squared_value, _squared_gradient, joint=_squared_joint)
ABSOLUTE_ERROR = Loss("absolute_error", _absolute_value, _absolute_gradient)


def _with_log_link(
    name: str, value: Callable[[Array, Array], Array], gradient: Callable[[Array, Array], Array], targets: Interval
) -> Loss:
    """Return a loss of predictions exp(raw). Its targets are never scaled; training starts at their mean."""
    start = partial(_log_mean, name, targets)
    return Loss(
        name, value, gradient, _exp_link, "exp", targets=targets, scales_targets=False, start=start,
        link_backward=_exp_link_backward,
    )  # fmt: skip


POISSON = _with_log_link("poisson", _poisson_value, _poisson_gradient, Interval(0.0))
GAMMA = _with_log_link("gamma", _gamma_value, _gamma_gradient, Interval(0.0, includes_low=False))


def tweedie(tweedie_power: float = 1.5) -> Loss:
    """Return half the Tweedie deviance of a power between 1 and 2."""
    pieces = _Tweedie(tweedie_power)
    return _with_log_link("tweedie", pieces.value, pieces.gradient, Interval(0.0))


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
