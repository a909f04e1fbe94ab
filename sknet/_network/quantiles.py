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

LEAST_STEP = 1e-3
"""The least distance of neighbouring quantiles at the start of training, in scaled units."""

SLACK = 1e-10
"""How much levels are lowered, so that rounding does not decide on the quantile."""


def weighted_quantiles(target: Array, levels: Sequence[float], weight: Array | None) -> Array:
    """Return the first values of each column whose cumulated weight reaches the levels, (len(levels), k)."""
    share = np.maximum(np.asarray(levels) - SLACK, SLACK)
    return np.quantile(target.astype(np.float64), share, axis=0, weights=weight, method="inverted_cdf")


@dataclass(frozen=True)
class Quantiles:
    """Quantile levels whose predictions cannot cross.

    The raw output in the middle is that level's quantile, each other one,
    through softplus, the distance to its neighbour on the side of the middle.
    """

    levels: tuple[float, ...]

    @property
    def middle(self) -> int:
        """Index of the level that the others are counted from."""
        return len(self.levels) // 2

    def start(self, target: Array, weight: Array | None) -> Array:
        quantiles = weighted_quantiles(target, self.levels, weight)[:, 0]
        steps = np.maximum(np.diff(quantiles), LEAST_STEP)
        raw = steps + np.log(-np.expm1(-steps))  # the inverse of softplus: the link gives the steps back
        return np.insert(raw, self.middle, quantiles[self.middle])

    def link(self, raw: Array) -> None:
        m = self.middle
        step = np.logaddexp(0.0, raw)
        np.cumsum(step[:, m + 1 :], axis=1, out=raw[:, m + 1 :])
        raw[:, m + 1 :] += raw[:, m : m + 1]
        raw[:, :m] = raw[:, m : m + 1] - np.cumsum(step[:, :m][:, ::-1], axis=1)[:, ::-1]

    def link_backward(self, raw: Array, delta: Array) -> Array:
        m, slope = self.middle, np.asarray(expit(raw))  # the sigmoid is softplus' slope
        slope[:, m] = delta.sum(axis=1)
        # a step moves every quantile beyond it
        slope[:, m + 1 :] *= np.cumsum(delta[:, :m:-1], axis=1)[:, ::-1]
        slope[:, :m] *= -np.cumsum(delta[:, :m], axis=1)
        return slope

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
    """Return the mean of q e where the target lies above the prediction by e, and of (q - 1) e elsewhere."""
    value = np.maximum(q * error, (q - 1.0) * error).mean(axis=1)
    slope = np.where(error > 0.0, -q, 1.0 - q) * (error != 0.0)
    return value, slope / error.dtype.type(error.shape[1])
