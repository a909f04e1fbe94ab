"""The comparison of a network with a constant prediction, which tells whether it has learnt anything.

Conventions
-----------
target : (n, k)     raw : (n, m)     m raw outputs, which are k but for several quantile levels
"""

import numpy as np

from sknet._model.fold_phase import MIN_STEPS_TO_JUDGE
from sknet._model.network_trainer import NetworkTrainer
from sknet._model.threads import limit_blas_threads
from sknet._tables.columns.statistics import mean_and_deviation
from sknet._training.state import State


def is_no_better_than_constant(
    trainer: NetworkTrainer, state: State, margin: float, *, stopped_by_user: bool = False
) -> bool:
    """Tell whether the loss of the network that a training keeps is that of a constant or more, on its training rows.

    These are many, where the best of many epochs may be better than a constant on a few held-out rows by chance. Each
    parameter lets their loss fall by about 1 / n even where there is nothing to learn: so much does not count.

    Parameters
    ----------
    trainer : NetworkTrainer
    state : State
        As its training has left it.

    margin : float
        The share of the constant's loss by which the network's must be larger.

    stopped_by_user : bool, default=False
        Whether an interrupt or a callback has ended training.

    Returns
    -------
    bool
        False also where too little was trained to tell.
    """
    target, weight, loss = trainer.training.target, trainer.training.typical_weight, trainer.encoding.head.loss
    # After few steps every network is worse than a constant, whatever the rate. But where held-out rows or a plateau
    # have ended training, there will be no more steps. Of equal targets, a constant is right.
    is_cut_short = stopped_by_user or state.epoch >= trainer.settings.solver.n_epochs
    if (is_cut_short and state.step < MIN_STEPS_TO_JUDGE) or (target == target[0]).all():
        return False
    means = [mean_and_deviation(column, weight)[0] for column in target.T]  # of the targets that are there
    start = np.array(means) if loss.start is None else loss.start(target, weight)
    n, best = len(target), state.best
    with np.errstate(all="ignore"):  # a user's loss may take no such raw output
        constant = loss.mean(np.tile(start.astype(target.dtype), (n, 1)), target, weight)
    limit = constant + abs(constant) * (margin - 1.0 / n)  # abs: a user's loss may be negative
    # first what costs nothing: the training loss of the epoch that is kept; where there is a best one, the history
    # holds all epochs, counted from 1
    if state.history[-1 if best is None else best.epoch - 1].loss < limit:
        return False  # although dropout and penalty are in it
    if trainer.problem.batches is not None:  # the rows are in files
        return best is None or best.validation_loss >= limit
    with limit_blas_threads(trainer.largest_product):
        raw = trainer.raw_outputs(state, trainer.training)
    return loss.mean(raw, target, weight) >= limit
