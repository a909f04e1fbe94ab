"""Whether a step has enough work to be worth its way to the workers and back.

Conventions
-----------
work : seconds that the rows of a step take, all workers' together
trip : seconds that a step takes beyond the slowest worker's work; of steps that overlap, each takes only the time since
       the last of them that has ended
"""

from collections.abc import Callable, Sequence
from math import inf
from statistics import median
from threading import Lock

STEPS = 20
"""After so many steps it is told whether they are too small; the first ones are slower than others."""

TRIPS = 4
"""A step's work should take so many trips, at least: on one machine, it would be done in as long."""


class Pace:
    """How long steps take, and how much of it is work.

    Parameters
    ----------
    warn : callable
        Called once, with a message, if the steps are too small.
    """

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._works: list[float] = []
        self._trips: list[float] = []
        self._last, self._lock = -inf, Lock()

    def record(self, started: float, ended: float, seconds: Sequence[float]) -> None:
        """Note when a step began and ended, and the time that each worker took for its part."""
        with self._lock:
            if len(self._works) == STEPS:
                return
            elapsed, self._last = ended - max(started, self._last), max(ended, self._last)
            self._works.append(sum(seconds))
            self._trips.append(max(elapsed - max(seconds, default=0.0), 0.0))
            is_known = len(self._works) == STEPS
        work, trip = median(self._works), median(self._trips)
        if is_known and work < TRIPS * trip:
            self._warn(
                f"A step's work takes {1e3 * work:.1f} ms, and its way to the workers and back {1e3 * trip:.1f} ms: "
                "one machine may be as fast. Set a larger batch_size, or train where the data fits into memory with "
                "sknet's own estimator."
            )
