"""Weighted quantiles, means and deviations of one column of numbers.

Conventions
-----------
n rows, m of them with a value. NaN is a missing value and counts nowhere.

numbers : (n,)           one column
weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from sknet._typing import Array

SHARE_TOLERANCE = 1e-10
"""A cumulated share of the weight has reached q when it is this near: rounding must not decide on the quantile."""

LARGEST_FLOAT = float(np.finfo(np.float64).max)


@dataclass(frozen=True, eq=False)
class Distribution:
    """The values of a column in order, and the weight of each.

    Attributes
    ----------
    values : ndarray of shape (m,)
        Those that are not missing, sorted, in the column's own type.
    weight : ndarray of shape (m,), or None
    has_missing : bool
        Whether there are rows without a value.
    """

    values: Array
    weight: Array | None
    has_missing: bool = False

    @classmethod
    def of(cls, numbers: Array, weight: Array | None) -> Distribution:
        """Sort the numbers of a column, without its missing values."""
        missing = np.isnan(numbers)
        has_missing = bool(missing.any())
        if has_missing:
            numbers, weight = numbers[~missing], None if weight is None else weight[~missing]
        if weight is None:
            return cls(np.sort(numbers), None, has_missing)
        order = np.argsort(numbers)
        return cls(numbers[order], weight[order], has_missing)

    def quantiles(self, q: ArrayLike) -> Array:
        """Return quantiles by the inverted distribution function: the first value whose cumulated share reaches q.

        In float64 and the shape of `q`; NaN where there is no value.
        """
        levels, m = np.asarray(q, dtype=np.float64), len(self.values)
        if not m:
            return np.full(levels.shape, np.nan)
        if self.weight is None:
            # the first of m equal weights that reaches the level; −1 for level 0, clipped below
            index = np.ceil((levels - SHARE_TOLERANCE) * m).astype(np.intp) - 1
        else:
            reached = np.cumsum(self.weight)
            index = np.searchsorted(reached, (levels - SHARE_TOLERANCE) * reached[-1])
        return self.values[np.clip(index, 0, m - 1)].astype(np.float64)

    @property
    def n_distinct(self) -> int:
        """How many different values there are."""
        return int(np.count_nonzero(self.values[1:] != self.values[:-1])) + (len(self.values) > 0)

    def without(self, values: ArrayLike) -> Distribution:
        """Return the distribution of the other values."""
        kept = ~np.isin(self.values, values)
        weight = None if self.weight is None else self.weight[kept]
        return Distribution(self.values[kept], weight, self.has_missing)


def weighted_quantile(values: ArrayLike, q: ArrayLike, weight: ArrayLike | None = None) -> Array:
    """Return quantiles by the inverted distribution function: the first value whose cumulated weight reaches q.

    Parameters
    ----------
    values : array-like of shape (n,)
        The sample; NaN is ignored.
    q : float or array-like of floats
        Levels in [0, 1].
    weight : array-like of shape (n,), default=None
        Sample weights. None is ones.

    Returns
    -------
    float or ndarray
        Values of the sample, in the shape of `q`; NaN if the sample is empty.
    """
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    return Distribution.of(np.asarray(values, dtype=np.float64), w).quantiles(q)[()]  # a float for a single level


def mean_and_deviation(numbers: Array, weight: Array | None) -> tuple[float, float]:
    """Return the weighted mean and standard deviation: (0, 0) without a value; of equal ones, that value and exactly 0.

    The numbers are first brought to magnitude one by a power of two: neither the largest nor the smallest ones
    overflow or vanish on being squared.
    """
    x = np.asarray(numbers, dtype=np.float64)
    observed = ~np.isnan(x)
    if not observed.any():
        return 0.0, 0.0
    low, high = float(x[observed].min()), float(x[observed].max())
    if low == high:
        return low, 0.0  # sums would round: the deviation of equal values might not be 0
    exponent = np.frexp(max(abs(low), abs(high)))[1]
    u = np.ldexp(np.where(observed, x, 0.0), -exponent)  # only the exponents change: no digit is lost
    w = observed * (1.0 if weight is None else np.asarray(weight, dtype=np.float64))
    mean = (w * u).sum() / w.sum()
    deviation = np.sqrt((w * (u - mean) ** 2).sum() / w.sum())
    return float(np.ldexp(mean, exponent)), float(np.ldexp(deviation, exponent))


def reciprocal(spread: ArrayLike) -> Array:
    """Return 1/spread, the largest number there is where that overflows, and 0 for a spread of 0.

    A constant column, whose spread is 0, then has the factor 0 and says nothing.
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(np.greater(spread, 0.0), np.minimum(np.divide(1.0, spread), LARGEST_FLOAT), 0.0)
