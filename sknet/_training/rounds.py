"""Several networks side by side, in rounds of one epoch each: an ensemble's members, in threads or one after the other.

After each round all have done the same number of epochs, but for those that have ended. No loop knows of another,
so that its outcome does not depend on how many threads there are.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from typing import Protocol

from sknet._training.solver import EpochObserver, StopReason, TrainingEnd


class EpochLoop(Protocol):
    """The training of one network, an epoch at a time."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""

    @property
    def has_new_epoch(self) -> bool:
        """Whether it has trained an epoch in this call, or has none left to train."""

    def train_epoch(self) -> None:
        """Train one epoch."""

    def restore(self) -> None:
        """Put the state back to the end of its last whole epoch."""

    def result(self, stopped_by: StopReason | None) -> TrainingEnd:
        """Return how training has ended, given what has stopped it from outside, if anything."""


def train_in_rounds(
    loops: Sequence[EpochLoop], n_threads: int = 1, observer: EpochObserver | None = None
) -> list[TrainingEnd]:
    """Train all loops until each has ended, or the observer asks to stop.

    Sets: the states, in place. A Ctrl-C after the first whole round ends all
    loops with their last whole epochs; before it, KeyboardInterrupt is raised,
    and the states are those of whole epochs.

    Parameters
    ----------
    loops : sequence of EpochLoop
    n_threads : int, default=1
        How many epochs are computed at a time; no result depends on it.

    observer : EpochObserver, default=None

    Returns
    -------
    results : list of TrainingEnd
        Why each has ended, and after how many epochs.

    Raises
    ------
    DivergedError
        If the objective or theta of any is not finite.
    """
    stopped_by = None
    try:
        with ThreadPoolExecutor(n_threads) if n_threads > 1 else nullcontext() as pool:
            while stopped_by is None and not all(loop.is_over for loop in loops):
                if observer is not None:
                    observer.epoch_began()
                _one_round([loop for loop in loops if not loop.is_over], pool)
                if observer is not None and observer.epoch_ended():
                    stopped_by = StopReason.CALLBACK
    except KeyboardInterrupt:
        for loop in loops:
            loop.restore()
        if not all(loop.has_new_epoch for loop in loops):
            raise
        stopped_by = StopReason.INTERRUPTED
    return [loop.result(stopped_by) for loop in loops]


def _one_round(loops: list[EpochLoop], pool: ThreadPoolExecutor | None) -> None:
    """Compute an epoch of each; with a pool, return or raise only when none is under way."""
    if pool is None:
        for loop in loops:
            loop.train_epoch()
        return
    futures: list[Future[None]] = []
    try:
        futures += [pool.submit(loop.train_epoch) for loop in loops]
        wait(futures)
    except KeyboardInterrupt:  # which comes to this thread alone: the others finish their epochs
        wait(futures)
        raise
    for future in futures:
        future.result()  # raises what the loop has raised
