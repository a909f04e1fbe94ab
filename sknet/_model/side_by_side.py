"""Train several networks side by side, an epoch of each at a time, in threads if steps are large."""

from collections.abc import Sequence

from sknet._model.network_trainer import NetworkTrainer
from sknet._model.threads import threads_for_networks
from sknet._training.solver import EpochObserver, State, TrainingEnd


def train_side_by_side(
    trainers: Sequence[NetworkTrainer],
    states: Sequence[State],
    observer: EpochObserver | None = None,
    *,
    in_threads: bool = True,
) -> list[TrainingEnd]:
    """Train all networks until each has ended; updates the states in place.

    Parameters
    ----------
    trainers : sequence of NetworkTrainer
        All have the same solver; for L-BFGS there is a single trainer.

    states : sequence of State
    observer : EpochObserver, default=None
    in_threads : bool, default=True
        Whether several networks may train at a time. Results do not depend on it.

    Returns
    -------
    results : list of TrainingEnd
        Why each has ended.

    Raises
    ------
    DivergedError
        If the objective or theta of a network is not finite.
    """
    first = trainers[0]
    with threads_for_networks(len(trainers), first.largest_product) as n_threads:
        # there may be more threads that wait for workers than threads that compute
        n_waiting = min(first.train_rows.inputs.n_networks_awaited_at_once, len(trainers))
        n_networks_at_once = max(n_threads, n_waiting) if in_threads else 1
        return first.solver.train([trainer.problem for trainer in trainers], states, observer, n_networks_at_once)
