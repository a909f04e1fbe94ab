"""The rule of early stopping: when training ends because its criterion no longer improves, and what is said of it.

Conventions
-----------
criterion : float      of an epoch; the lower the better, NaN if unknown
"""

from dataclasses import dataclass
from math import inf, isfinite

MIN_CRITERION_FOR_RELATIVE_TOL = 1e-300
"""The least size of the least criterion that a relative `tol` multiplies: if it stays 0, this is no improvement."""


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

    def is_improvement(self, criterion: float, least_criterion: float) -> bool:
        """Whether the criterion of an epoch improves on the least one before."""
        tol = self.tol
        if self.schedule_ends and isfinite(least_criterion):
            tol *= max(abs(least_criterion), MIN_CRITERION_FOR_RELATIVE_TOL)
        return criterion <= least_criterion - tol  # NaN is no improvement

    def is_over(self, n_no_improvement: int) -> bool:
        """Whether so many epochs without improvement end training, or make the schedule `adaptive` lower the rate."""
        return n_no_improvement > self.n_iter_no_change

    @property
    def verdict(self) -> str:
        """What the criterion did if patience is over: the predicate of a sentence."""
        return f"did not improve more than tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs"
