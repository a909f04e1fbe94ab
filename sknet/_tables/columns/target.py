"""One column of categories as the target's mean of each category: target encoding [1]_, cross-fitted and shrunk.

A category's mean is drawn towards the mean of all rows, the more the fewer rows it has and the less categories differ:
`category_effects`. Training rows never see their own target: each is encoded by the means of the other folds. These
means are kept, so that a later call encodes the same rows alike.

.. [1] Micci-Barreca, D. (2001). "A preprocessing scheme for high-cardinality categorical attributes in classification
   and prediction problems". SIGKDD Explorations 3, 27-32.

Conventions
-----------
n rows; L categories; k columns of the target matrix; F folds of the rows.

target : (n, k)              float64
slot : (n,)                  which category each row has; L for a missing value, L + 1 for an unseen category
encoding_fold : (n,)         which fold each row is in; -1 for a held-out row, whose target is in no mean
means : (1 + F, L + 2, k)    of all rows, then of the rows outside of each fold
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sknet._tables.categories import (
    CategoryColumn,
    IdentifierColumn,
    effective_row_weight,
    find_slots,
    learn_categories,
    name_of_no_category,
    pool_statistics,
    shrunk_means,
    sums_by_slot,
)
from sknet._tables.column import Column, ColumnSettings, InputFormula
from sknet._tables.read import ColumnValues, check_text_is_encodable, read_categories
from sknet._tables.statistics import EqualByFields, exceeds_sample_size, hash_integers, mean_and_deviation, reciprocal
from sknet._typing import Array

N_ENCODING_FOLDS = 5
"""In how many folds the training rows are encoded, as in scikit-learn."""


@dataclass(frozen=True, eq=False)
class TargetColumn(EqualByFields, Column):
    """The inputs that a column of categories becomes by the target's means, maybe beside one-hot inputs.

    Attributes
    ----------
    levels : tuple of str
        Keys of all categories.
    means : ndarray of shape (1 + F, L + 2, k)
        Shrunk means; those of unseen categories are the means of all rows.
    factor : ndarray of shape (k,)
        1 over the target's standard deviation.
    one_hot : CategoryColumn, or None
        What the first inputs are.
    """

    uses_target = True

    levels: tuple[str, ...]
    means: Array
    factor: Array
    one_hot: CategoryColumn | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        endings = [""] if len(self.factor) == 1 else [f"_{i}" for i in range(len(self.factor))]
        word = name_of_no_category("target", () if self.one_hot is None else self.one_hot.levels, endings)
        names = [f"_{word}{ending}" for ending in endings]
        return (*(() if self.one_hot is None else self.one_hot.suffixes), *names)

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: (mean of the category - centre) * scale; the mean of missing values is under None."""
        means = []
        for i, factor in enumerate(self.factor.tolist()):
            mean = dict(zip((*self.levels, None), self.means[0, :-1, i].tolist(), strict=True))
            means.append(InputFormula("target", mean, centre=float(self.means[0, -1, i]), scale=factor))
        return (*(() if self.one_hot is None else self.one_hot.input_formulas), *means)

    @cached_property
    def _slots(self) -> dict[str, int]:
        return {key: slot for slot, key in enumerate(self.levels)}

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        if self.one_hot is not None:
            self.one_hot.write(values, out[:, : -len(self.factor)], name)
        self._write_means(values, 0, out, name)

    def write_cross_fitted(self, values: ColumnValues, encoding_fold: NDArray[np.intp], out: Array) -> None:
        """Overwrite the target's means for training rows, by those of the other folds; held-out rows keep theirs."""
        self._write_means(values, 1 + encoding_fold, out)

    def _write_means(
        self, values: ColumnValues, means_index: NDArray[np.intp] | int, out: Array, name: str = ""
    ) -> None:
        """Write means, those of all rows at index 0 or those outside of each row's fold."""
        codes, keys = read_categories(values, name)
        missing = len(self.levels)
        slot = find_slots(self._slots, keys, missing + 1, missing)[codes]
        # (n, k) means minus the mean of all rows, (k,): an unseen category becomes 0
        out[:, -len(self.factor) :] = (self.means[means_index, slot] - self.means[0, -1]) * self.factor

    @property
    def known_categories(self) -> tuple[str, ...]:
        """All categories, which have means."""
        return self.levels

    @property
    def one_hot_inputs(self) -> CategoryColumn | None:
        """The inputs before the means, if there are such."""
        return self.one_hot

    def without_one_hot(self) -> TargetColumn:
        """Return the column of the means alone."""
        return replace(self, one_hot=None)

    def with_categories_and_means(self, categories: tuple[str, ...], means: Array) -> TargetColumn:
        """Return the column with other categories and means, (1 + F, L + 2, k)."""
        return replace(self, levels=categories, means=means)


# --- learning --------------------------------------------------------------------------------------------------------


def cross_fit_folds(
    target: Array, numbers: NDArray[np.integer], n_rows: int, n_folds: int = N_ENCODING_FOLDS
) -> NDArray[np.intp]:
    """Assign training rows to the folds of cross-fitting, so that no row is encoded by its own target.

    In a small table, all of whose rows are given, each fold has its share of each label, or of small and of large
    numbers. In a large one, which may come in parts, a row's number decides. The same rows always have the same folds.

    Parameters
    ----------
    target : ndarray of shape (n, k)
    numbers : ndarray of shape (n,)
        The rows' numbers in the table.
    n_rows : int
        How many rows the table has.
    n_folds : int, default=N_ENCODING_FOLDS

    Returns
    -------
    encoding_fold : ndarray of shape (n,)
        Integers from 0 to `n_folds` - 1.
    """
    if exceeds_sample_size(n_rows):
        return (hash_integers(numbers) % np.uint64(n_folds)).astype(np.intp)
    # sort by the target, equal ones in random order, and assign in turn
    shuffled = np.random.default_rng(0).permutation(len(target))
    by_target = shuffled[np.lexsort(np.round(target[shuffled], 3).T)]
    encoding_fold = np.empty(len(target), dtype=np.intp)
    encoding_fold[by_target] = np.arange(len(target)) % n_folds
    return encoding_fold


def learn_category(
    values: ColumnValues, name: str, settings: ColumnSettings
) -> TargetColumn | CategoryColumn | IdentifierColumn:
    """Learn what a column of categories becomes: one-hot inputs, the target's means, or both.

    With "both", the means stand beside one-hot inputs if many categories or rows share one of these.
    """
    codes, keys = read_categories(values, name)
    check_text_is_encodable(keys, f"Column {name!r} of X")
    target, weight, encoding = settings.target, settings.weight, settings.category_encoding
    categories = learn_categories(codes, keys, weight)
    if categories.all_differ:
        return IdentifierColumn(categories.has_missing)
    one_hot = categories.one_hot(settings.max_categories, rare_share_input=not settings.keeps_all_categories)
    if target is None or encoding == "one_hot":
        return one_hot
    if encoding == "both" and not one_hot.needs_means(settings.max_categories):
        return one_hot
    totals = compute_target_totals(
        codes, keys, target, weight, cross_fit_folds(target, np.arange(len(target)), len(target))
    )
    deviation = np.array([mean_and_deviation(column, weight)[1] for column in target.T])
    return TargetColumn(totals.keys, totals.means(), reciprocal(deviation), one_hot if encoding == "both" else None)


@dataclass(frozen=True, eq=False)
class TargetTotals:
    """The target of some rows, added up in each slot and fold; those of further rows can be merged into it.

    Attributes
    ----------
    keys : tuple of str
        Of the L categories.
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

    def merge(self, other: TargetTotals) -> TargetTotals:
        """Return the totals of both sets of rows."""
        keys = tuple(dict.fromkeys((*self.keys, *other.keys)))
        both = zip(self._aligned(keys), other._aligned(keys), strict=True)
        return TargetTotals(keys, self.squared_weight + other.squared_weight, *pool_statistics(*map(np.stack, both)))

    def _aligned(self, keys: tuple[str, ...]) -> list[Array]:
        """Return totals, means and squares by the slots of `keys`, which contain ours."""
        slots = {key: slot for slot, key in enumerate(keys)}
        # the last two are those of missing values and of unseen categories
        new_slots = [*(slots[key] for key in self.keys), len(keys), len(keys) + 1]
        aligned = []
        for values in (self.total, self.mean, self.squares):
            aligned.append(np.zeros((N_ENCODING_FOLDS, len(keys) + 2, *values.shape[2:])))
            aligned[-1][:, new_slots] = values
        return aligned

    def means(self) -> Array:
        """Return the shrunk means of all rows and of those outside of each fold, (1 + F, L + 2, k)."""
        # which folds' totals are pooled for each of the 1 + F: all, then all but one
        pooled = [slice(None), *(np.arange(N_ENCODING_FOLDS) != f for f in range(N_ENCODING_FOLDS))]
        unit = effective_row_weight(float(self.total.sum()), self.squared_weight)
        n, squares = self.total / unit, self.squares / unit
        return np.stack([shrunk_means(*pool_statistics(n[f], self.mean[f], squares[f])) for f in pooled])


def compute_target_totals(
    codes: NDArray[np.intp], keys: list[str], target: Array, weight: Array | None, encoding_fold: NDArray[np.intp]
) -> TargetTotals:
    """Add up the target in each slot and fold of a column, from its n values, as `read_categories` returns them.

    Held-out rows count nothing, but their categories are among the others.
    """
    distinct = tuple(dict.fromkeys(keys))  # each key once: two codes may have the same
    n_slots, n_cells = len(distinct) + 2, N_ENCODING_FOLDS * (len(distinct) + 2)
    slot = find_slots({key: i for i, key in enumerate(distinct)}, keys, len(distinct) + 1, len(distinct))[codes]
    cell = np.maximum(encoding_fold, 0) * n_slots + slot  # of each row, among those of all folds
    w = np.where(encoding_fold < 0, 0.0, 1.0 if weight is None else weight)
    n, mean, squares = sums_by_slot(cell, n_cells, target, w)
    shape = N_ENCODING_FOLDS, n_slots
    return TargetTotals(distinct, float(w @ w), n.reshape(shape), mean.reshape(*shape, -1), squares.reshape(*shape, -1))
