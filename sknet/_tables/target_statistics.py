"""Statistics of the target by category, and the means of categories, cross-fitted and shrunk.

A category's mean is shrunk towards the mean of all rows: more if it has few rows, or if categories hardly differ. The
model is one-way random effects: the target of a row is μ + a + e. The effect a of its category has the variance τ², and
e has the variance σ². The mean squares of the analysis of variance estimate both [1]_. The mean of a category of n rows
becomes μ + λ·(mean − μ) with λ = n·τ²/(n·τ² + σ²), which is empirical Bayes [2]_.

.. [1] Searle, S. R., Casella, G. and McCulloch, C. E. (1992). "Variance Components". Wiley.
.. [2] Efron, B. and Morris, C. (1975). "Data analysis using Stein's estimator and its generalizations". Journal of the
   American Statistical Association 70, 311-319.

Conventions
-----------
n rows; L categories; k columns of the target matrix; F folds of the rows.

target : (n, k)              float64
slot : (n,)                  which category each row has; L for a missing value, L + 1 for an unknown category
encoding_fold : (n,)         which fold each row is in; -1 for a held-out row, whose target no mean includes
means : (1 + F, L + 2, k)    of all rows, then of the rows outside of each fold
n : (L,)                     the weight of each slot's rows; for λ in rows, see `effective_row_weight`
mean, squares : (L, k)       the target's weighted mean, and the weighted sum of the squared differences from it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._tables.column import Column
from sknet._tables.column_values import find_slots, read_categories
from sknet._tables.raw_table import column_at
from sknet._tables.sampling import N_ENCODING_FOLDS
from sknet._typing import Array, Table

# --- shrinkage -------------------------------------------------------------------------------------------------------


def statistics_by_slot(
    slot: NDArray[np.intp], n_slots: int, target: Array, weight: Array
) -> tuple[Array, Array, Array]:
    """Return n, mean and squares of each slot; see the Conventions."""
    n = np.bincount(slot, weight, n_slots).astype(np.float64)  # without rows, bincount returns integers
    mean = np.zeros((n_slots, target.shape[1]))
    squares = np.zeros((n_slots, target.shape[1]))
    for i, column in enumerate(target.T):
        mean[:, i] = safe_divide(np.bincount(slot, weight * column, n_slots).astype(np.float64), n)
        squares[:, i] = np.bincount(slot, weight * (column - mean[slot, i]) ** 2, n_slots)
    return n, mean, squares


def effective_row_weight(total: float, squared: float) -> float:
    """Return the weight of one row, if the rows are replaced by Kish's (1965) effective number of equal rows."""
    return squared / total if total > 0.0 else 1.0


def merge_statistics(n: Array, mean: Array, squares: Array) -> tuple[Array, Array, Array]:
    """Merge weights, (p, ...), means and sums of squares, (p, ..., k), over their first axis."""
    weight = n[..., np.newaxis]
    total = weight.sum(axis=0)
    # squares about the mean of all = squares about each mean + weighted squares of the means' distances from it
    merged = safe_divide((weight * mean).sum(axis=0), np.broadcast_to(total, mean.shape[1:]))
    return total[..., 0], merged, squares.sum(axis=0) + (weight * (mean - merged) ** 2).sum(axis=0)


def anova_mean_squares(n: Array, mean: Array, squares: Array) -> tuple[Array, Array, float]:
    """Return the mean squares between and within categories, (k,) each, and an average size of the categories.

    Their expectations are size·τ² + σ² and σ². Both are 0 if there is a single category, or a single row in each one,
    since τ² and σ² cannot be told apart then.
    """
    n_rows = n.sum()
    n_categories = np.count_nonzero(n)
    if n_categories < 2 or n_rows <= n_categories:
        return np.zeros(mean.shape[1]), np.zeros(mean.shape[1]), 1.0
    _, _, squares_of_all = merge_statistics(n, mean, squares)
    within = squares.sum(axis=0)
    size = (n_rows - np.square(n).sum() / n_rows) / (n_categories - 1)
    return (squares_of_all - within) / (n_categories - 1), within / (n_rows - n_categories), float(size)


def shrunk_means(n: Array, mean: Array, squares: Array) -> Array:
    """Return the mean of each slot, (L, k), shrunk by λ; the mean of all rows where a slot has no row."""
    _, overall, _ = merge_statistics(n, mean, squares)
    between_squares, within, size = anova_mean_squares(n, mean, squares)
    between = np.maximum(between_squares - within, 0.0) / size
    difference = np.where(n[:, np.newaxis] > 0, mean - overall, 0.0)
    signal = n[:, np.newaxis] * between  # n·τ²
    return overall + difference * safe_divide(signal, signal + within)  # λ of the module's docstring


def safe_divide(numerator: Array, denominator: Array) -> Array:
    """Return the quotient, or 0 where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(numerator, denominator, out=np.zeros(numerator.shape), where=denominator > 0)


# --- one column -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TargetStatistics:
    """Statistics of the target of some rows by fold and slot, which can be merged with those of other rows.

    Attributes
    ----------
    keys : tuple of str
        The L categories.
    squared_weight : float
        Sum of the squares of the rows' weights.
    total : ndarray of shape (F, L + 2)
        Weight of the rows.
    mean, squares : ndarray of shape (F, L + 2, k)
        The target's weighted mean, and the weighted sum of the squared differences from it.
    """

    keys: tuple[str, ...]
    squared_weight: float
    total: Array
    mean: Array
    squares: Array

    def __add__(self, other: TargetStatistics) -> TargetStatistics:
        """Return the statistics of both sets of rows."""
        keys = tuple(dict.fromkeys((*self.keys, *other.keys)))
        statistics_of_both = zip(self._aligned(keys), other._aligned(keys), strict=True)
        return TargetStatistics(
            keys, self.squared_weight + other.squared_weight, *merge_statistics(*map(np.stack, statistics_of_both))
        )

    def _aligned(self, keys: tuple[str, ...]) -> list[Array]:
        """Return weights, means and squares by the slots of `keys`, which include all categories."""
        slots = {key: slot for slot, key in enumerate(keys)}
        # the last two slots are for missing values and unknown categories
        new_slots = [*(slots[key] for key in self.keys), len(keys), len(keys) + 1]
        aligned = []
        for values in (self.total, self.mean, self.squares):
            aligned.append(np.zeros((N_ENCODING_FOLDS, len(keys) + 2, *values.shape[2:])))
            aligned[-1][:, new_slots] = values
        return aligned

    def means(self) -> Array:
        """Return the shrunk means of all rows and of those outside of each fold, (1 + F, L + 2, k)."""
        # which folds are pooled for each of the 1 + F means: all, then all but one
        pooled = [slice(None), *(np.arange(N_ENCODING_FOLDS) != f for f in range(N_ENCODING_FOLDS))]
        unit = effective_row_weight(float(self.total.sum()), self.squared_weight)
        n, squares = self.total / unit, self.squares / unit
        return np.stack([shrunk_means(*merge_statistics(n[f], self.mean[f], squares[f])) for f in pooled])


def compute_target_statistics(
    codes: NDArray[np.intp], keys: list[str], target: Array, weight: Array | None, encoding_fold: NDArray[np.intp]
) -> TargetStatistics:
    """Return the statistics of the target by fold and slot, from the results of `read_categories`.

    The targets of held-out rows are left out, but their categories are included.
    """
    distinct = tuple(dict.fromkeys(keys))  # each key once: two codes may have the same key
    n_slots = len(distinct) + 2
    n_cells = N_ENCODING_FOLDS * (len(distinct) + 2)
    slot = find_slots({key: i for i, key in enumerate(distinct)}, keys, len(distinct) + 1, len(distinct))[codes]
    cell = np.maximum(encoding_fold, 0) * n_slots + slot  # the index of each row's fold and slot
    w = np.where(encoding_fold < 0, 0.0, 1.0 if weight is None else weight)
    n, mean, squares = statistics_by_slot(cell, n_cells, target, w)
    shape = N_ENCODING_FOLDS, n_slots
    return TargetStatistics(
        distinct, float(w @ w), n.reshape(shape), mean.reshape(*shape, -1), squares.reshape(*shape, -1)
    )


# --- all columns of a table -------------------------------------------------------------------------------------------


def statistics_by_column(
    columns: Sequence[Column], X: Table, target: Array, weight: Array | None, encoding_fold: NDArray[np.intp]
) -> dict[int, TargetStatistics]:
    """Return the statistics of each column that uses the target, by its index. X is an array or a data frame."""
    return {
        j: compute_target_statistics(*read_categories(column_at(X, j)), target, weight, encoding_fold)
        for j, column in enumerate(columns)
        if column.uses_target
    }


def merge_target_statistics(blocks: Iterable[Mapping[int, TargetStatistics]]) -> dict[int, TargetStatistics]:
    """Merge the results of `statistics_by_column` for blocks of rows."""
    merged: dict[int, TargetStatistics] = {}
    for block in blocks:
        for j, statistics in block.items():
            merged[j] = merged[j] + statistics if j in merged else statistics
    return merged


def columns_with_means(columns: Sequence[Column], statistics: Mapping[int, TargetStatistics]) -> dict[int, Column]:
    """Return the columns with these statistics, with the categories and target means of all rows."""
    return {j: columns[j].with_categories_and_means(each.keys, each.means()) for j, each in statistics.items()}
