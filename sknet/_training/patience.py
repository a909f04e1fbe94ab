"""The rule of early stopping: when training ends because its criterion no longer improves, and what is said of it.

Conventions
-----------
criterion : float      of an epoch; the lower the better, NaN if unknown
"""

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import Self

MIN_CRITERION_FOR_RELATIVE_TOL = 1e-300
"""The least size of the least criterion that a relative `tol` multiplies: if it stays 0, this is no improvement."""


@dataclass(frozen=True)
class PatienceCounters:
    """What the rule remembers from epoch to epoch. A `State` holds it, and so do checkpoints and model files."""

    n_no_improvement: int = 0  # epochs since the criterion last fell below `least_criterion` by at least `tol`
    least_criterion: float = inf


@dataclass(frozen=True)
class Patience:
    """How long training goes on without improvement.

    Attributes
    ----------
    tol : float
        By how much the criterion must at least fall for an improvement.
    n_iter_no_change : float, default=inf
        Training ends after more epochs than these without such an improvement.
    schedule_ends : bool, default=False
        Whether the learning rate's schedule has an end. If so, `tol` is relative to the least criterion; otherwise it
        is absolute, as in scikit-learn.
    """

    tol: float
    n_iter_no_change: float = inf
    schedule_ends: bool = False

    def after_epoch(self, counters: PatienceCounters, criterion: float) -> PatienceCounters:
        """Return the counters after another epoch, which has this criterion."""
        least = counters.least_criterion
        tol = self.tol
        if self.schedule_ends and isfinite(least):
            tol *= max(abs(least), MIN_CRITERION_FOR_RELATIVE_TOL)
        # NaN is no improvement
        n_no_improvement = 0 if criterion <= least - tol else counters.n_no_improvement + 1
        return PatienceCounters(n_no_improvement, min(least, criterion))

    def is_over(self, counters: PatienceCounters) -> bool:
        """Whether training ends, or the schedule `adaptive` lowers the rate."""
        return counters.n_no_improvement > self.n_iter_no_change

    def renewed(self, counters: PatienceCounters) -> PatienceCounters:
        """Return the counters with which patience begins again, as after a lower rate."""
        return replace(counters, n_no_improvement=0)

    def endless(self) -> Self:
        """Return patience that is never over."""
        return replace(self, n_iter_no_change=inf)

    @property
    def verdict(self) -> str:
        """What the criterion did if patience is over: the predicate of a sentence."""
        return f"did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs"
