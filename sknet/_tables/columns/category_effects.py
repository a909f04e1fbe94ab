"""How much a target differs between the categories of a column, and how far the mean of a category is to be trusted.

A row of a category has the target μ + a + e: the category's effect a has the variance τ² between categories, e the
variance σ² within them (one-way random effects). The mean squares of the analysis of variance estimate both [1]_. The
mean of a category's n rows is then drawn to μ, to μ + λ·(mean − μ) with λ = n·τ²/(n·τ² + σ²): empirical Bayes [2]_. So
it explains τ²·λ of the variance of new rows.

.. [1] Searle, S. R., Casella, G. and McCulloch, C. E. (1992). "Variance Components". Wiley.
.. [2] Efron, B. and Morris, C. (1975). "Data analysis using Stein's estimator and its generalizations". Journal of the
   American Statistical Association 70, 311-319.

Conventions
-----------
L slots, each a category, or categories that share an input; k columns of the target matrix; N rows in all.

slot : (N,)              which slot each row has
n : (L,)                 weight of the slot's rows, in rows where λ or F is computed: see `effective_row_weight`
mean, squares : (L, k)   the target's weighted mean, and the weighted sum of the squared differences from it
"""

import numpy as np
from numpy.typing import NDArray

from sknet._typing import Array


def sums_by_slot(slot: NDArray[np.intp], n_slots: int, target: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Return the weight, mean and squares of each slot: n, mean and squares of the Conventions."""
    n = np.bincount(slot, weight, n_slots).astype(np.float64)  # of no rows, bincount returns integers
    mean, squares = np.zeros((n_slots, target.shape[1])), np.zeros((n_slots, target.shape[1]))
    for i, column in enumerate(target.T):
        mean[:, i] = divide(np.bincount(slot, weight * column, n_slots).astype(np.float64), n)
        squares[:, i] = np.bincount(slot, weight * (column - mean[slot, i]) ** 2, n_slots)
    return n, mean, squares


def effective_row_weight(total: float, squared: float) -> float:
    """Return the weight that counts as one row: the total weight is then an effective number of rows (Kish 1965)."""
    return squared / total if total > 0.0 else 1.0


def pool_statistics(n: Array, mean: Array, squares: Array) -> tuple[Array, Array, Array]:
    """Pool weights, (p, ...), means and sums of squares, (p, ..., k), over their first axis."""
    weight = n[..., np.newaxis]
    total = weight.sum(axis=0)
    # the squares about the pooled mean are those about each mean and, weighted, those of the means about the pooled one
    pooled = divide((weight * mean).sum(axis=0), np.broadcast_to(total, mean.shape[1:]))
    return total[..., 0], pooled, squares.sum(axis=0) + (weight * (mean - pooled) ** 2).sum(axis=0)


def mean_squares(n: Array, mean: Array, squares: Array) -> tuple[Array, Array, float]:
    """Return the mean squares between and within categories, (k,) each, and the size of a category that τ² goes with.

    Their expectations are size·τ² + σ², and σ². Of a single category, or of a row each, both are 0: nothing is known.
    """
    n_rows, n_categories = n.sum(), np.count_nonzero(n)
    if n_categories < 2 or n_rows <= n_categories:
        return np.zeros(mean.shape[1]), np.zeros(mean.shape[1]), 1.0
    _, _, squares_of_all = pool_statistics(n, mean, squares)
    within = squares.sum(axis=0)
    size = (n_rows - np.square(n).sum() / n_rows) / (n_categories - 1)
    return (squares_of_all - within) / (n_categories - 1), within / (n_rows - n_categories), float(size)


def credibility(n: Array, between: Array, within: Array) -> Array:
    """Return λ = n·τ²/(n·τ² + σ²), how far the mean of n rows is to be trusted; 0 where there is no effect."""
    return divide(n * between, n * between + within)


def shrunk_means(n: Array, mean: Array, squares: Array) -> Array:
    """Return the mean of each slot, drawn to that of all rows by λ; that of all where there is no row, (L, k)."""
    _, overall, _ = pool_statistics(n, mean, squares)
    between_squares, within, size = mean_squares(n, mean, squares)
    between = np.maximum(between_squares - within, 0.0) / size
    difference = np.where(n[:, np.newaxis] > 0, mean - overall, 0.0)
    return overall + difference * credibility(n[:, np.newaxis], between, within)


def divide(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)
