"""Several networks trained side by side: an epoch of each at a time, in threads where steps are large."""

from collections.abc import Sequence
from typing import Protocol

from sknet._model.network_run import NetworkRun
from sknet._model.threads import threads_for_networks
from sknet._training.minibatch import MiniBatch, MiniBatchRun
from sknet._training.result import Result
from sknet._training.rounds import train_in_rounds
from sknet._training.state import State


class EpochObserver(Protocol):
    """Called before and after each epoch of all networks."""

    def begin(self) -> None:
        """Note that an epoch begins."""

    def end(self) -> bool:
        """Note that an epoch has ended; return True to stop."""


def train_side_by_side(
    runs: Sequence[NetworkRun],
    states: Sequence[State],
    observer: EpochObserver | None = None,
    *,
    in_threads: bool = True,
) -> list[Result]:
    """Train all networks until each has ended. Sets: the states, in place.

    Parameters
    ----------
    runs : sequence of NetworkRun
        One of them may be trained by L-BFGS, if it is alone.

    states : sequence of State
    observer : EpochObserver, default=None
    in_threads : bool, default=True
        Whether several may be trained at a time; no result depends on it.

    Returns
    -------
    results : list of Result
        Why each has ended.

    Raises
    ------
    DivergedError
        If the objective or theta of any is not finite.
    """
    first = runs[0]
    with threads_for_networks(len(runs), first.largest_product) as n_threads:
        if not isinstance(first.solver, MiniBatch):
            watched = None if observer is None else _WithoutState(observer)
            return [first.solver.train(first.problem, states[0], watched)]
        started = [MiniBatchRun(run.solver, run.problem, state) for run, state in zip(runs, states, strict=True)]  # type: ignore[arg-type]
        n_at_once = max(n_threads, min(first.n_at_once, len(runs))) if in_threads else 1
        return train_in_rounds(started, n_at_once, observer)


class _WithoutState:
    """Passes the epochs of one solver on to an observer that knows the states."""

    def __init__(self, observer: EpochObserver) -> None:
        self._observer = observer

    def begin(self, state: State) -> None:
        self._observer.begin()

    def end(self, state: State) -> bool:
        return self._observer.end()
