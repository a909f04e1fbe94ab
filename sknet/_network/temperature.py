"""The temperature: raw outputs are divided by it, so that probabilities are calibrated.

With a log link, the distances of raw outputs from the logarithm of the mean are divided by it. This shrinks predictions
towards the mean, as in Copas (1983), "Regression, prediction and shrinkage", JRSS B 45, 311-354.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     0/1 labels or one-hot rows; counts with a log link
center : (k,) or 0.0     the raw outputs that stay as they are: the logarithm of the mean with a log link
weight : (n,)       the rows' weights; None where all are 1
"""

from functools import cache
from math import exp

import numpy as np
from scipy.optimize import brentq

from sknet._network.losses import Loss, weighted_mean
from sknet._typing import Array

MAX_LOG_TEMPERATURE = 3.0
"""The largest absolute logarithm of the temperature: the search for it needs an interval."""

PRIOR_LOG_DEVIATION = 0.6
"""The standard deviation of the prior on the temperature's logarithm. Without a prior, log-losses are 3% larger on 54
tables (tests/benchmarks/notes.md)."""


def temperature_penalty(u: float, total_weight: float) -> float:
    """Return u^2 / (2 s^2 total_weight), minus the logarithm of the prior, for u = log(inverse temperature)."""
    return u**2 / (2.0 * PRIOR_LOG_DEVIATION**2 * total_weight)


def at_temperature(raw: Array, inverse_temperature: float, center: Array | float) -> Array:
    """Return center + (raw - center) * inverse_temperature, which is `raw` itself for 1."""
    if inverse_temperature == 1.0:  # else rounding would change outputs without a temperature
        return raw
    return (center + (raw - center) * inverse_temperature).astype(raw.dtype, copy=False)


def best_inverse_temperature(
    loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float, center: Array | float = 0.0
) -> float:
    """Find the inverse temperature e^u at which mean loss(c + e^u (raw - c)) + `temperature_penalty` is least.

    This is the temperature of Guo et al. (2017), arXiv:1706.04599, with a
    normal prior of standard deviation s on its logarithm. Without the prior,
    the temperature of a few samples that are all predicted right would be 0.

    The result lies between e^-3 and e^3; it is 1 if raw outputs are not finite.
    `total_weight` is the number of samples, each counted by its weight.
    """
    divisor = PRIOR_LOG_DEVIATION**2 * total_weight  # the slope of the penalty is u / divisor
    distance = (raw - center).astype(raw.dtype, copy=False)

    @cache  # since `brentq` evaluates the ends of the interval again
    def slope(u: float) -> float:
        by_raw = loss.gradient(at_temperature(raw, exp(u), center), target)
        by_u = np.einsum("ij,ij->i", by_raw, distance)  # d loss(c + e^u (raw - c)) / du = gradient . e^u (raw - c)
        return exp(u) * weighted_mean(by_u, weight) + u / divisor

    low, high = slope(-MAX_LOG_TEMPERATURE), slope(MAX_LOG_TEMPERATURE)
    if low < 0.0 < high:
        root = brentq(slope, -MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE, xtol=1e-6)
        del raw, distance  # SciPy's wrapper of `slope` refers to itself, and would keep them until the next collection
        return exp(root)
    # the minimum is at an end of the interval; comparisons with NaN are false
    return exp(-MAX_LOG_TEMPERATURE) if low >= 0.0 else exp(MAX_LOG_TEMPERATURE) if high <= 0.0 else 1.0
