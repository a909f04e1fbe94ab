"""The balance of losses with a log link: predictions of the training rows are made to add up to their targets.

A generalised linear model has this property once it has converged. A network that stops early, at the epoch that is the
best for rows that it has not seen, has not: it has learnt too little of what sets rows apart, on the scale of the
logarithm, and the sum of its predictions is too low. One number for each output, added to its bias, makes up for that:
Wüthrich (2020), "Bias regularization in neural network models for general insurance pricing", European Actuarial
Journal 10, 179-202.

Conventions
-----------
n training rows; k raw outputs.

raw, target : (n, k)     shift : (k,)
"""

from collections.abc import Sequence

import numpy as np

from sknet._model.heads import RegressionHead
from sknet._model.network_trainer import NetworkTrainer
from sknet._network.check import has_log_link
from sknet._training.solver import State
from sknet._typing import Array


def balancing_shift(
    trainers: Sequence[NetworkTrainer], states: Sequence[State], mixing_weights: Sequence[float]
) -> Array | None:
    """Return what to add to the mixed raw outputs of some networks: log(sum w y / sum w exp(raw)).

    Parameters
    ----------
    trainers : sequence of NetworkTrainer
        All of the same training rows.
    states : sequence of State
    mixing_weights : sequence of float
        The weight of each network in the mixed raw output.

    Returns
    -------
    ndarray of shape (k,), or None
        None for losses without a log link, and for those of a user whose training does not start at the targets' means:
        what they predict need not be a mean.
    """
    rows, head = trainers[0].train_rows, trainers[0].encoding.head
    loss = head.loss
    if not isinstance(head, RegressionHead) or loss.start is None or not has_log_link(loss, head.n_outputs):
        return None
    target = rows.target.astype(np.float64)  # in float32, sums over many rows lose two digits
    present = ~np.isnan(target)  # where a target is missing, the prediction does not count, either
    weight = present if rows.relative_weight is None else present * rows.relative_weight[:, np.newaxis]  # (n, k)
    total_weight = weight.sum(axis=0, dtype=np.float64)
    log_mean = np.log((weight * np.where(present, target, 0.0)).sum(axis=0) / total_weight) + head.log_of_unit
    if not np.allclose(loss.start(target, rows.relative_weight), log_mean):
        return None
    raw = np.sum(
        [
            w * trainer.raw_training_outputs(state)
            for w, trainer, state in zip(mixing_weights, trainers, states, strict=True)
        ],
        axis=0,
    )
    with np.errstate(over="ignore", divide="ignore"):  # predictions that overflow or are all 0 are left as they are
        # in this unit, none is beyond a float
        predictions = loss.predictions(raw.astype(np.float64) - head.log_of_unit)
        shift = log_mean - head.log_of_unit - np.log((weight * predictions).sum(axis=0) / total_weight)
    return shift if np.isfinite(shift).all() else None
