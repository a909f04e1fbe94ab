"""Several runs side by side, in rounds of one epoch each: an ensemble's members, in threads or one after the other.

After each round all runs have done the same number of epochs, but for those that have ended. No run knows of another,
so that its outcome does not depend on how many threads there are.

Conventions
-----------
theta, gradient : (p,), as in `minibatch`
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknet._training.minibatch import MiniBatch
from sknet._training.result import Result, StopReason
from sknet._training.solver import Problem
from sknet._training.state import Snapshot, State


class RoundObserver(Protocol):
    """Called, in the thread that trains all, when a round begins and when it has ended."""

    def begin(self) -> None:
        """Note that a round begins."""

    def end(self) -> bool:
        """Note that a round has ended; return True to stop all runs."""


@dataclass(frozen=True)
class Entrant:
    """One of the runs: what is minimised, how, and how far it has come."""

    solver: MiniBatch
    problem: Problem
    state: State


class _Running:
    """An entrant on its way, with the buffers of a whole run."""

    def __init__(self, entrant: Entrant) -> None:
        self.solver, self.problem, self.state = entrant.solver, entrant.problem, entrant.state
        self.start = self.state.epoch
        self.gradient, self.snapshot = np.empty_like(self.state.theta), Snapshot(self.state)
        self.reason: StopReason | None = None

    @property
    def runs(self) -> bool:
        return self.reason is None and self.state.epoch < self.solver.n_epochs

    def one_epoch(self) -> None:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            self.reason = self.solver.one_epoch(self.problem, self.state, self.snapshot.live, self.gradient, None)
            self.snapshot.take(self.state)

    def result(self, reason: StopReason | None) -> Result:
        why = self.reason or (reason if self.runs else None) or self.solver.end
        return Result(why, self.state.epoch - self.start, scores_undefined=self.state.scores_undefined)


def train_in_rounds(
    entrants: Sequence[Entrant], n_threads: int = 1, observer: RoundObserver | None = None
) -> list[Result]:
    """Train all runs until each has ended, or the observer asks to stop.

    Sets: the states, in place. A Ctrl-C after the first whole round ends all
    runs with their last whole epochs; before it, KeyboardInterrupt is raised,
    and the states are those of whole epochs.

    Parameters
    ----------
    entrants : sequence of Entrant
    n_threads : int, default=1
        How many epochs are computed at a time; no result depends on it.

    observer : RoundObserver, default=None

    Returns
    -------
    results : list of Result
        Why each has ended, and after how many epochs.

    Raises
    ------
    DivergedError
        If the objective or theta of any is not finite.
    """
    running, reason = list(map(_Running, entrants)), None
    try:
        with ThreadPoolExecutor(n_threads) if n_threads > 1 else nullcontext() as pool:
            while reason is None and any(one.runs for one in running):
                if observer is not None:
                    observer.begin()
                _one_round([one for one in running if one.runs], pool)
                if observer is not None and observer.end():
                    reason = StopReason.CALLBACK
    except KeyboardInterrupt:
        for one in running:
            one.snapshot.restore(one.state)
        if any(one.state.epoch == one.start for one in running):
            raise
        reason = StopReason.INTERRUPTED
    return [one.result(reason) for one in running]


def _one_round(running: list[_Running], pool: ThreadPoolExecutor | None) -> None:
    """Compute an epoch of each; with a pool, return or raise only when none is under way."""
    if pool is None:
        for one in running:
            one.one_epoch()
        return
    futures: list[Future[None]] = []
    try:
        futures += [pool.submit(one.one_epoch) for one in running]
        wait(futures)
    except KeyboardInterrupt:  # which comes to this thread alone: the others finish their epochs
        wait(futures)
        raise
    for future in futures:
        future.result()
