"""Regression losses: how wrong a raw output is, its gradient, and the registry of their names.

To add one: write a function of its value and gradient, and give it an entry in `REGRESSION_LOSSES`.

Conventions
-----------
raw, target, value, gradient, link   see `losses`; formulas are those of one output, the value is their mean
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import NamedTuple

import numpy as np

from sknet._network.losses import Interval, Joint, Loss, Pinball, Quantiles, make_loss, row_sums
from sknet._typing import Array

# --- any numbers ------------------------------------------------------------------------------------------------------


def squared_error(raw: Array, target: Array) -> tuple[Array, Array]:
    """1/2 (raw - t)^2."""
    k = raw.shape[1]
    raw -= target
    value = np.vecdot(raw, raw) * (0.5 / k)
    if k > 1:  # the usual single output needs no further pass
        raw /= k
    return value, raw


def absolute_error(raw: Array, target: Array) -> tuple[Array, Array]:
    """|raw - t|."""
    error = raw - target
    return _row_means(np.abs(error)), np.sign(error) / raw.shape[1]


@dataclass(frozen=True)
class Huber:
    """e^2 / 2 for an error e up to delta, delta (|e| - delta / 2) beyond (Huber 1964)."""

    delta: float

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        error = raw - target
        inside = np.clip(error, -self.delta, self.delta)
        return _row_means(inside * (error - 0.5 * inside)), inside / raw.shape[1]  # both cases in one formula


def _row_means(values: Array) -> Array:
    """Return the mean over the outputs."""
    return row_sums(values) / values.shape[1]


# --- positive targets: half the deviance, with a log link (McCullagh & Nelder 1989) ---------------------------------
#
# Terms of the target alone stay in, so that a perfect prediction has the loss 0; and all is written with
# off = raw - log t, since near a perfect prediction the textbook's terms are large and cancel.


def _exp_link(raw: Array) -> None:
    with np.errstate(over="ignore"):
        np.exp(raw, out=raw, dtype=np.float64, casting="same_kind")  # in float32, NumPy's falls here and there


def _exp_link_backward(raw: Array, delta: Array) -> Array:
    with np.errstate(over="ignore"):
        return delta * np.exp(raw)


def poisson(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the Poisson deviance: m - t - t log(m / t) with the mean m = exp(raw)."""
    positive = target > 0.0
    # log t does not exist for t = 0, where the loss is m: `off` is not read there
    off = raw - np.log(target, out=np.zeros_like(raw), where=positive)  # log(m / t)
    mean = np.exp(raw)
    value = np.where(positive, target * (np.expm1(off) - off), mean)
    return _row_means(value), (mean - target) / raw.shape[1]


def gamma(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the gamma deviance: t / m - 1 - log(t / m) with the mean m = exp(raw)."""
    off = raw - np.log(target)  # log(m / t)
    excess = np.expm1(-off)  # t / m - 1
    return _row_means(excess + off), -excess / raw.shape[1]


@dataclass(frozen=True)
class Tweedie:
    """t^b / (a b) - t m^a / a + m^b / b with m = exp(raw), a = 1 - power and b = 2 - power (Jørgensen 1987).

    Half the deviance of a variance mean^power: between counts (power 1) and sizes (2), zeros included.
    """

    power: float

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        a, b = 1.0 - self.power, 2.0 - self.power
        positive = target > 0.0
        off = raw - np.log(target, out=np.zeros_like(raw), where=positive)
        m_to_b = np.exp(b * raw)
        # t^b (m / t)^b / b = m^b / b, the same for a, and 1 / a - 1 / b = 1 / (a b), since b - a = 1
        deviance = target**b * (np.expm1(b * off) / b - np.expm1(a * off) / a)
        # a is negative, so m^a may be infinite: where t is 0, t m^a would be NaN
        slope = m_to_b - np.where(positive, target * np.exp(a * raw), 0.0)
        return _row_means(np.where(positive, deviance, m_to_b / b)), slope / raw.shape[1]


def _log_mean(name: str, targets: Interval, target: Array, weight: Array | None) -> Array:
    """Return the raw outputs whose predictions, exp(raw), are the targets' means, (k,)."""
    mean = np.average(target, axis=0, weights=weight)
    if not mean.all():
        raise ValueError(
            f"loss={name!r} needs targets that are {targets}, and not all 0; y has only zeros in the rows to train on, "
            "or in those of a fold. Choose another loss, shift y, or hold other rows out."
        )
    return np.log(mean)


# --- the losses, by name ---------------------------------------------------------------------------------------------

SQUARED_ERROR = make_loss("squared_error", squared_error)
ABSOLUTE_ERROR = make_loss("absolute_error", absolute_error)


def _with_log_link(name: str, joint: Joint, targets: Interval) -> Loss:
    """Return a loss of predictions exp(raw). Its targets are never scaled; training starts at their mean."""
    start = partial(_log_mean, name, targets)
    return make_loss(
        name, joint, link=_exp_link, out_activation="exp", targets=targets, scales_targets=False, start=start,
        link_backward=_exp_link_backward,
    )  # fmt: skip


POISSON = _with_log_link("poisson", poisson, Interval(0.0))
GAMMA = _with_log_link("gamma", gamma, Interval(0.0, includes_low=False))


def make_tweedie(tweedie_power: float = 1.5) -> Loss:
    """Return half the Tweedie deviance of a power between 1 and 2."""
    return _with_log_link("tweedie", Tweedie(tweedie_power), Interval(0.0))


def make_huber(huber_delta: float = 1.0) -> Loss:
    """Return the Huber loss that turns linear at an error of `huber_delta`."""
    return make_loss("huber", Huber(huber_delta))


def make_pinball(level: float) -> Loss:
    """Return the pinball loss of one quantile level, the same for every output."""
    joint = Pinball(level)
    return make_loss("quantile", joint, start=joint.start)


def make_quantiles(levels: Sequence[float]) -> Loss:
    """Return the pinball loss of several increasing quantile levels of one target, one raw output per level."""
    joint = Quantiles(tuple(levels))
    # Its link is not the identity, but works in any unit of the targets: they may be scaled.
    return make_loss(
        "quantile", joint, link=joint.link, scales_targets=True, start=joint.start, levels=joint.levels,
        link_backward=joint.link_backward,
    )  # fmt: skip


def make_quantile(quantile: float | Sequence[float] = 0.5) -> Loss:
    """Return the pinball loss of one quantile level or of several; see `make_pinball` and `make_quantiles`."""
    if isinstance(quantile, float | Real):  # a float is a Real, which type checkers do not know
        return make_pinball(float(quantile))
    given: list[object] = list(quantile)
    levels = [float(q) for q in given if isinstance(q, Real)]
    inside = all(0.0 < q < 1.0 for q in levels)
    if levels != given or not levels or not inside or levels != sorted(set(levels)):
        raise ValueError(f"quantile={quantile!r}: levels must increase and lie strictly between 0 and 1.")
    return make_quantiles(levels)


class LossEntry(NamedTuple):
    """How a loss is made, and the estimators' parameters that `make` takes by name."""

    make: Callable[..., Loss]
    options: tuple[str, ...] = ()


REGRESSION_LOSSES: dict[str, LossEntry] = {
    "squared_error": LossEntry(lambda: SQUARED_ERROR),
    "absolute_error": LossEntry(lambda: ABSOLUTE_ERROR),
    "huber": LossEntry(make_huber, ("huber_delta",)),
    "quantile": LossEntry(make_quantile, ("quantile",)),
    "poisson": LossEntry(lambda: POISSON),
    "tweedie": LossEntry(make_tweedie, ("tweedie_power",)),
    "gamma": LossEntry(lambda: GAMMA),
}
"""Every loss of a regressor by name."""
