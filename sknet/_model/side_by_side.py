"""Several networks trained side by side: an epoch of each at a time, in threads where steps are large."""

from collections.abc import Sequence

from sknet._model.network_run import NetworkRun
from sknet._model.threads import threads_for_networks
from sknet._training.minibatch import MiniBatchRun, MiniBatchSolver
from sknet._training.result import Result
from sknet._training.rounds import train_in_rounds
from sknet._training.solver import EpochObserver
from sknet._training.state import State


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
        All of them for mini-batch solvers, or a single one for L-BFGS.

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
        if not isinstance(first.solver, MiniBatchSolver):  # L-BFGS: there is one run
            return [first.solver.train(first.problem, states[0], observer)]
        started = [MiniBatchRun(run.solver, run.problem, state) for run, state in zip(runs, states, strict=True)]  # type: ignore[arg-type]
        # threads that wait for workers may be more than those that compute here
        n_networks_at_once = max(n_threads, min(first.n_networks_at_once, len(runs))) if in_threads else 1
        return train_in_rounds(started, n_networks_at_once, observer)
