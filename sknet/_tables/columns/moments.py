"""Weighted means and deviations of columns of numbers, learnt at once or part by part.

Conventions
-----------
d columns, n rows. NaN is a missing value and counts nowhere.

V : (d, n)               one column per line
weight : (n,) or None    sample weights, positive; None is ones
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sknet._typing import Array

TINY = float(np.finfo(np.float64).tiny)


class Moments(NamedTuple):
    """What is known of d columns in one part of their rows; all arrays of shape (d,).

    Attributes
    ----------
    total : ndarray
        Weight of the observed values.
    mean, deviation : ndarray
        0 where nothing is observed.
    low, high : ndarray
        The smallest and the largest value; infinity and minus infinity where nothing is observed.
    """

    total: Array
    mean: Array
    deviation: Array
    low: Array
    high: Array

    def merged(self, other: Moments) -> Moments:
        """Return the moments of both parts' rows."""
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        peak = np.where(low <= high, np.maximum(np.abs(low), np.abs(high)), 0.0)
        exponent = np.frexp(peak)[1]  # as in `moments_of`: squares neither overflow nor vanish
        total = self.total + other.total
        whole = np.maximum(total, TINY)
        shares = self.total / whole, other.total / whole
        means = np.ldexp(self.mean, -exponent), np.ldexp(other.mean, -exponent)
        mean = shares[0] * means[0] + shares[1] * means[1]
        variance = np.zeros_like(mean)
        for share, own, part in zip(shares, means, (self, other), strict=True):
            variance += share * (np.ldexp(part.deviation, -exponent) ** 2 + (own - mean) ** 2)
        return Moments(total, np.ldexp(mean, exponent), np.ldexp(np.sqrt(variance), exponent), low, high)

    @property
    def observed(self) -> Array:
        """Whether there are values."""
        return self.low <= self.high

    @property
    def settled(self) -> tuple[Array, Array]:
        """Mean and deviation: of a constant column its value and exactly 0, of an empty one 0 and 0."""
        low = np.where(self.observed, self.low, 0.0)
        constant = ~(low < np.where(self.observed, self.high, 0.0))
        return np.where(constant, low, self.mean), np.where(constant, 0.0, self.deviation)


def moments_of(V: Array, weight: Array | None) -> Moments:
    """Compute the moments of every line of V.

    Each line is first brought to magnitude one by a power of two, so that neither the largest nor the smallest
    numbers overflow or vanish on being squared.
    """
    V = np.asarray(V, dtype=np.float64)
    observed = ~np.isnan(V)
    filled = np.where(observed, V, 0.0)
    exponent = np.frexp(np.abs(filled).max(axis=1, initial=0.0))[1]
    U = np.ldexp(filled, -exponent[:, None])
    W = observed * (1.0 if weight is None else np.asarray(weight, dtype=np.float64))
    total = W.sum(axis=1)
    whole = np.maximum(total, TINY)
    mean = (W * U).sum(axis=1) / whole
    deviation = np.sqrt((W * (U - mean[:, None]) ** 2).sum(axis=1) / whole)
    low = np.where(observed, V, np.inf).min(axis=1, initial=np.inf)
    high = np.where(observed, V, -np.inf).max(axis=1, initial=-np.inf)
    return Moments(total, np.ldexp(mean, exponent), np.ldexp(deviation, exponent), low, high)


def weighted_moments(V: Array, weight: Array | None) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of every line of V; (0, 0) for a line without a value.

    A constant line has its value as mean and exactly 0 as deviation.
    """
    return moments_of(V, weight).settled
