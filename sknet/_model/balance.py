"""The constant that balances a network with a log link.

With a log link, the predictions of the training rows add up to their targets at the end. A generalised linear model has
this property once it has converged. A network that stops early does not: its raw outputs, which are logarithms, differ
too little between rows, so the sum of its predictions is too low. Adding one number to the bias of each output corrects
this: Wüthrich (2020), "Bias regularization in neural network models for general insurance pricing", European Actuarial
Journal 10, 179-202.

Conventions
-----------
n rows trained on; l raw outputs; k target columns, equal to l except with quantile levels.

target : (n, k)     the target matrix
raw : (n, l)        raw outputs
shift : (k,)        what is added to each raw output, so that predictions add up to targets
"""

from collections.abc import Sequence

import numpy as np

from sknet._model.network_setup import NetworkSetup
from sknet._network.temperature import at_temperature
from sknet._training.solver import State
from sknet._typing import Array


def balancing_shift(
    networks: Sequence[tuple[NetworkSetup, State]], mixing_weights: Sequence[float], temperature: float = 1.0
) -> Array | None:
    """Return the shift of the networks' mean raw output at a temperature: log(sum w y / sum w exp(raw)).

    Parameters
    ----------
    networks : sequence of (NetworkSetup, State)
        All have the same training rows.
    mixing_weights : sequence of float
        The weight of each network in the mean.
    temperature : float, default=1.0

    Returns
    -------
    ndarray of shape (k,), or None
        None for losses without a log link, and for a user's loss that does not start at the targets' means: it need
        not predict a mean. The shift is 0 for a target that is missing in all training rows.
    """
    setup, _ = networks[0]
    rows = setup.train_rows
    head = setup.encoding.head
    loss = head.loss
    log_divisor = head.log_divisor
    if log_divisor is None or loss.start is None or not loss.inverse_link.is_exp(head.n_outputs):
        return None
    target = rows.target.astype(np.float64)  # in float32, sums over many rows lose two digits
    present = ~np.isnan(target)  # a prediction counts only if its target is present
    weight = present if rows.relative_weight is None else present * rows.relative_weight[:, np.newaxis]  # (n, k)
    is_known = present.any(axis=0)
    total_weight = np.where(is_known, weight.sum(axis=0, dtype=np.float64), np.nan)  # NaN, since 0 / 0 would warn
    log_mean = np.log((weight * np.where(present, target, 0.0)).sum(axis=0) / total_weight) + log_divisor
    if not np.allclose(loss.start(target, rows.relative_weight)[is_known], log_mean[is_known]):
        return None
    raws = [setup.raw_training_outputs(state) for setup, state in networks]
    raw = np.sum([w * raw_of_network for w, raw_of_network in zip(mixing_weights, raws, strict=True)], axis=0)
    raw = at_temperature(raw, 1.0 / temperature, head.center_of_temperature)
    with np.errstate(over="ignore", divide="ignore"):  # if predictions overflow or are all 0, there is no shift
        # in this unit, predictions of a usable network do not overflow
        predictions = loss.inverse_link.predictions(raw.astype(np.float64) - log_divisor)
        shift = log_mean - log_divisor - np.log((weight * predictions).sum(axis=0) / total_weight)
    shift = np.where(is_known, shift, 0.0)
    return shift if np.isfinite(shift).all() else None
