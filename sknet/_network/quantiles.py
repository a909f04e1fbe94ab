"""Pinball losses, least where the predictions are quantiles of the target (Koenker & Bassett 1978).

Conventions
-----------
raw : (n, k)           the network's last sums
target : (n, k)        numbers; for several levels (n, 1), and k is the number of levels
value : (n,)           each sample's loss: the mean over the outputs, or over the levels
gradient : (n, k)      d value_i / d raw_ij
start : (k,)           the raw outputs whose predictions are the quantiles of the target
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from sknet._typing import Array

MIN_QUANTILE_GAP = 1e-3
"""The least distance of neighbouring quantiles at the start of training, in scaled units."""

LEVEL_SLACK = 1e-10
"""How much levels are lowered: a cumulated weight that reaches a level may be rounded to a little less."""


def weighted_quantiles(target: Array, levels: Sequence[float], weight: Array | None) -> Array:
    """Return the first values of each column whose cumulated weight reaches the levels, (len(levels), k)."""
    level = np.maximum(np.asarray(levels) - LEVEL_SLACK, LEVEL_SLACK)
    return np.quantile(target.astype(np.float64), level, axis=0, weights=weight, method="inverted_cdf")


@dataclass(frozen=True)
class Quantiles:
    """Quantile levels whose predictions cannot cross.

    The raw output in the middle is that level's quantile, each other one,
    through softplus, the distance to its neighbour on the side of the middle.
    """

    levels: tuple[float, ...]

    @property
    def middle_index(self) -> int:
        """Index of the level that the others are counted from."""
        return len(self.levels) // 2

    def start(self, target: Array, weight: Array | None) -> Array:
        """Return the raw outputs whose predictions are the target's quantiles, (k,)."""
        quantiles = weighted_quantiles(target, self.levels, weight)[:, 0]
        steps = np.maximum(np.diff(quantiles), MIN_QUANTILE_GAP)  # (k - 1,): one for each level but the middle
        raw = steps + np.log(-np.expm1(-steps))  # the inverse of softplus: the link gives the steps back
        return np.insert(raw, self.middle_index, quantiles[self.middle_index])

    def link(self, raw: Array) -> None:
        """Overwrite raw with the quantiles, which increase along each row."""
        m = self.middle_index
        step = np.logaddexp(0.0, raw)  # softplus; step[:, m] is not used
        # above the middle q_j = q_m + step_(m+1) + ... + step_j; below it q_j = q_m - step_(m-1) - ... - step_j
        np.cumsum(step[:, m + 1 :], axis=1, out=raw[:, m + 1 :])
        raw[:, m + 1 :] += raw[:, m : m + 1]
        raw[:, :m] = raw[:, m : m + 1] - np.cumsum(step[:, :m][:, ::-1], axis=1)[:, ::-1]

    def link_backward(self, raw: Array, delta: Array) -> Array:
        """Return dJ/draw, given delta = dJ/dquantiles."""
        m = self.middle_index
        by_raw = np.asarray(expit(raw))  # the sigmoid is softplus' slope
        by_raw[:, m] = delta.sum(axis=1)  # the middle moves all quantiles
        # step j > m moves all quantiles from j on up, step j < m all from j on down: sums of delta from the far ends
        by_raw[:, m + 1 :] *= np.cumsum(delta[:, :m:-1], axis=1)[:, ::-1]
        by_raw[:, :m] *= -np.cumsum(delta[:, :m], axis=1)
        return by_raw

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        prediction = raw.copy()
        self.link(prediction)
        value, by_prediction = _pinball(np.asarray(self.levels, dtype=raw.dtype), target - prediction)
        return value, self.link_backward(raw, by_prediction)


@dataclass(frozen=True)
class Pinball:
    """One quantile level for every output."""

    level: float

    def start(self, target: Array, weight: Array | None) -> Array:
        return weighted_quantiles(target, [self.level], weight)[0]

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        return _pinball(np.asarray(self.level, dtype=raw.dtype), target - raw)


def _pinball(q: Array, error: Array) -> tuple[Array, Array]:
    """Return each row's mean of q e where the error e = target - prediction is positive, of (q - 1) e elsewhere.

    And its gradient by the predictions, 0 where e is. q is one level, or one for each column, (k,).
    """
    value = np.maximum(q * error, (q - 1.0) * error).mean(axis=1)
    slope = np.where(error > 0.0, -q, 1.0 - q) * (error != 0.0)
    return value, slope / error.shape[1]
