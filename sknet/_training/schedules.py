"""Learning-rate schedules: plain functions of how far training has come.

The rate is `learning_rate_init` times their value.

Conventions
-----------
fraction : float        (epochs done + steps of this epoch / steps per epoch) / epochs planned, at most 1
n_samples_seen : int    training samples seen in whole epochs
n_plateaus : int        how often the training loss, or the validation score, has stopped improving
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, log2, pi
from typing import NamedTuple


class ScheduleInput(NamedTuple):
    """What a schedule depends on: how far training has come."""

    fraction: float = 0.0
    n_samples_seen: int = 0
    n_plateaus: int = 0


Schedule = Callable[[ScheduleInput], float]
"""Returns the factor of `learning_rate_init`."""


def constant(progress: ScheduleInput) -> float:
    """Return 1: the rate stays what it is."""
    return 1.0


@dataclass(frozen=True)
class InverseScaling:
    """1 / (samples seen in whole epochs + 1) ** power_t."""

    power_t: float

    def __call__(self, progress: ScheduleInput) -> float:
        """Return the rate's factor."""
        return float((progress.n_samples_seen + 1) ** -self.power_t)


PLATEAU_DIVISOR = 5.0
"""What `adaptive` divides the rate by after each plateau, as scikit-learn does."""


def adaptive(progress: ScheduleInput) -> float:
    """Return 1, and after each plateau a fifth of what it was."""
    return float(PLATEAU_DIVISOR**-progress.n_plateaus)


def cosine(progress: ScheduleInput) -> float:
    """Return half a cosine, from 1 to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    return 0.5 * (1.0 + cos(pi * progress.fraction))


def flat_cosine(progress: ScheduleInput) -> float:
    """Return 1 for the first half of training, then half a cosine down to 0."""
    return 0.5 * (1.0 + cos(pi * max(0.0, 2.0 * progress.fraction - 1.0)))


def one_cycle(progress: ScheduleInput) -> float:
    """Return a rise from 1/25 to 1 in the first 30 %, then a fall to 1/250,000, both along half a cosine.

    Smith (2018), arXiv:1803.09820.
    """
    start, peak, end, warm = 1.0 / 25.0, 1.0, 1.0 / 250_000.0, 0.3
    if progress.fraction < warm:
        return _half_cosine(start, peak, progress.fraction / warm)
    return _half_cosine(peak, end, (progress.fraction - warm) / (1.0 - warm))


def _half_cosine(start: float, end: float, fraction: float) -> float:
    """Return the value between start and end, where this fraction of the way is done."""
    return end + 0.5 * (start - end) * (1.0 + cos(pi * fraction))


def coslog4(progress: ScheduleInput) -> float:
    """Return four cosine cycles from 0 over 1 to 0, each twice as long as the one before.

    Holzmüller et al. (2024), arXiv:2407.04491.
    """
    # the logarithm runs from 0 to 4, and each whole number ends a cycle
    return 0.5 * (1.0 - cos(2.0 * pi * log2(1.0 + 15.0 * progress.fraction)))


@dataclass(frozen=True)
class UserSchedule:
    """A user's function of the fraction of training done."""

    function: Callable[[float], float]

    def __call__(self, progress: ScheduleInput) -> float:
        """Return the rate's factor."""
        rate = self.function(progress.fraction)
        try:
            return float(rate)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"learning_rate, a function, returned {rate!r} for the fraction {progress.fraction:g}: "
                "it must return a number, the factor of learning_rate_init."
            ) from error


class ScheduleEntry(NamedTuple):
    """A schedule that `learning_rate` may name."""

    make: Callable[..., Schedule]  # of the estimators' parameters in `options`, by keyword
    options: tuple[str, ...] = ()
    open_ended: bool = False  # no end: training continues until the loss stops improving, as in scikit-learn


SCHEDULES: dict[str, ScheduleEntry] = {
    "constant": ScheduleEntry(lambda: constant, open_ended=True),
    "invscaling": ScheduleEntry(InverseScaling, ("power_t",), open_ended=True),
    "adaptive": ScheduleEntry(lambda: adaptive, open_ended=True),
    "cosine": ScheduleEntry(lambda: cosine),
    "flat_cosine": ScheduleEntry(lambda: flat_cosine),
    "one_cycle": ScheduleEntry(lambda: one_cycle),
    "coslog4": ScheduleEntry(lambda: coslog4),
}
"""Every schedule by name; the open-ended ones are scikit-learn's own."""
