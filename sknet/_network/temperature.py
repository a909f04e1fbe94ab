"""The temperature that suits raw outputs: all are divided by it, so that probabilities are as sure as they should be.

Conventions
-----------
raw, target : (n, k)     see `losses`
weight : (n,) or None    the samples' weights
u : float                log of the inverse temperature, which raw outputs are multiplied by
"""

from functools import cache
from math import exp

import numpy as np
from scipy.optimize import brentq

from sknet._network.losses import Loss, weighted_mean
from sknet._typing import Array

MAX_LOG_TEMPERATURE = 3.0
"""Neither the temperature nor its inverse is larger than e to this power."""

PRIOR_LOG_DEVIATION = 0.6
"""The standard deviation of the prior on the temperature's logarithm."""


def best_inverse_temperature(loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float) -> float:
    """Find the inverse temperature e^u at which mean loss(e^u raw) + u^2 / (2 s^2 total_weight) is least.

    This is the temperature of Guo et al. (2017), arXiv:1706.04599, with a
    normal prior of deviation s on its logarithm: for few samples that are all
    predicted right, the likelihood alone would make it 0.

    Parameters
    ----------
    loss : Loss
        One whose link is a sigmoid or a softmax.

    raw, target : (n, k) arrays
    weight : (n,) array or None
    total_weight : float
        How many samples they count as.

    Returns
    -------
    inverse_temperature : float
        Within e^-3 and e^3; 1 where raw is not finite.
    """
    divisor = PRIOR_LOG_DEVIATION**2 * total_weight  # the prior's slope is u / divisor, which many samples outweigh

    @cache  # the ends of the interval are looked at twice
    def slope(u: float) -> float:
        by_raw = loss.gradient(raw * exp(u), target)  # d loss(e^u raw) / du = gradient . e^u raw
        return exp(u) * weighted_mean(np.einsum("ij,ij->i", by_raw, raw), weight) + u / divisor

    low, high = slope(-MAX_LOG_TEMPERATURE), slope(MAX_LOG_TEMPERATURE)
    if low < 0.0 < high:
        return exp(brentq(slope, -MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE, xtol=1e-6))
    # the least lies at an end of the interval; a NaN is neither above 0 nor below
    return exp(-MAX_LOG_TEMPERATURE) if low >= 0.0 else exp(MAX_LOG_TEMPERATURE) if high <= 0.0 else 1.0


def scale_to_best_temperature_in_place(
    loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float
) -> tuple[float, float]:
    """Multiply raw outputs, in place, by the best inverse temperature; return it and the mean loss."""
    inverse_temperature = best_inverse_temperature(loss, raw, target, weight, total_weight)
    raw *= inverse_temperature
    return inverse_temperature, loss.mean(raw, target, weight)
