"""Temperature scaling: the one factor on the raw outputs that makes probabilities right on data held out.

Conventions
-----------
raw, target : (n, k)   see `losses`
weight : (n,)          the samples' weights, divided by their mean; None where all are 1
u : float              log of the factor, minus log of the temperature
"""

from math import exp

import numpy as np
from scipy.optimize import brentq

from sknet._network.losses import Loss
from sknet._typing import Array

LARGEST_LOG = 3.0
"""Neither the factor nor its inverse is larger than e to this power."""


def weighted_mean(values: Array, weight: Array | None) -> float:
    """Return the mean of (n,) values."""
    return float(values.mean() if weight is None else np.dot(values, weight) / weight.sum())


def inverse_temperature(loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float) -> float:
    """Find the factor e^u for which mean loss(e^u raw) + u^2 / (2 total_weight) is least.

    This is the temperature of Guo et al. (2017), arXiv:1706.04599, with a
    standard normal prior on its logarithm: of few samples that are all
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
    factor : float
        Within e^-3 and e^3; 1 where raw is not finite.
    """

    def slope(u: float) -> float:
        by_raw = loss.gradient(raw * exp(u), target)
        return exp(u) * weighted_mean(np.einsum("ij,ij->i", by_raw, raw), weight) + u / total_weight

    low, high = slope(-LARGEST_LOG), slope(LARGEST_LOG)
    if low < 0.0 < high:
        return exp(brentq(slope, -LARGEST_LOG, LARGEST_LOG, xtol=1e-6))
    return exp(-LARGEST_LOG) if low >= 0.0 else exp(LARGEST_LOG) if high <= 0.0 else 1.0
