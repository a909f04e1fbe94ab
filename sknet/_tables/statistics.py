"""Weighted means and deviations of several columns of numbers, and ridge regression.

Conventions
-----------
n rows; m inputs and k targets of a regression. NaN is a missing value, which all means and deviations ignore.

weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from sknet._typing import Array

FLOAT32_RANGE = (1e-30, 1e30)
"""Means and scales in this range leave float32 room to subtract and multiply without overflow."""

MIN_TOTAL_WEIGHT = 1e-200
"""The least sum of weights: the penalty is divided by it, which must not overflow."""

LARGEST_FLOAT = float(np.finfo(np.float64).max)
"""The largest finite float64, about 1.8e308."""


def mean_and_deviation(numbers: Array, weight: Array | None) -> tuple[Array, Array]:
    """Return weighted means and standard deviations, (...,), along the last axis of the numbers, (..., n).

    Both are 0 if all numbers are missing. The deviation of equal numbers is exactly 0. The numbers are first divided by
    a power of two, so that no square overflows or underflows.
    """
    x = np.asarray(numbers, dtype=np.float64)
    observed = ~np.isnan(x)
    low, high = (extreme.reduce(x, axis=-1, initial=np.nan) for extreme in (np.fmin, np.fmax))
    exponent = np.frexp(np.fmax(np.abs(low), np.abs(high)))[1]
    u = np.ldexp(np.where(observed, x, 0.0), -exponent[..., np.newaxis])  # exact: only exponents change
    w = observed * (1.0 if weight is None else np.asarray(weight, dtype=np.float64))
    total = np.where(low < high, w.sum(axis=-1), 1.0)
    mean = (w * u).sum(axis=-1) / total
    deviation = np.sqrt((w * (u - mean[..., np.newaxis]) ** 2).sum(axis=-1) / total)
    # rounding could make the deviation of equal values larger than 0
    varies = low < high
    single = np.where(np.isnan(low), 0.0, low)
    return np.where(varies, np.ldexp(mean, exponent), single), np.where(varies, np.ldexp(deviation, exponent), 0.0)


def safe_reciprocal(spread: ArrayLike) -> Array:
    """Return 1/spread: the largest float where that overflows, and 0 for a spread of 0.

    The factor of a constant column is therefore 0, and so is its input.
    """
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(np.greater(spread, 0.0), np.minimum(np.divide(1.0, spread), LARGEST_FLOAT), 0.0)


def fit_ridge(inputs: Array, target: Array, penalty: float, weight: Array | None = None) -> Callable[[Array], Array]:
    """Fit a ridge regression on standardized inputs, (n, m); return the function that predicts targets, (n, k).

    The penalty is in rows.
    """
    mean, deviation = mean_and_deviation(inputs.T, weight)
    factor = safe_reciprocal(deviation)
    target_mean = np.average(target, axis=0, weights=weight)
    standardized = (inputs - mean) * factor
    weighted = standardized if weight is None else standardized * weight[:, np.newaxis]
    normal = weighted.T @ standardized + penalty * np.eye(inputs.shape[1])  # (m, m)
    coefs = np.linalg.solve(normal, weighted.T @ (target - target_mean))  # (m, k)
    return lambda new_inputs: (new_inputs - mean) * factor @ coefs + target_mean


def ridge_basis(inputs: Array, penalty: float) -> Array:
    """Return B, (n, m): on the rows it learns from, `fit_ridge` fits B Bᵀ (target − its mean)."""
    standardized = (inputs - inputs.mean(axis=0)) * safe_reciprocal(inputs.std(axis=0))
    normal = standardized.T @ standardized + penalty * np.eye(inputs.shape[1])  # (m, m)
    return np.linalg.solve(np.linalg.cholesky(normal), standardized.T).T
