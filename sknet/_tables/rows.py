"""Rows of a table with their targets, weights and groups, and how they are held out or assigned to folds.

The table may be in memory or elsewhere. A fraction of the rows or of the groups is held out, or a scikit-learn splitter
chooses the rows, or all rows are held out in turn, in folds.

Conventions
-----------
n rows of positive weight; N rows that the user passed, including those of weight 0; d columns; k target columns.

X : (n, d)               `FeatureTable`, not encoded
y : (n, k)               codes of labels, or numbers
weight : (n,) or None    sample weights, float64, positive; None is ones
groups : (n,) or None    the group of each row
strata : (n,)            integers; held-out rows have their share of each
train, held_out          indices into the n rows; a splitter returns indices into the N rows
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from math import ceil, inf
from typing import ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from sknet._tables.categories import TargetTotals
from sknet._tables.encoder import TableEncoder
from sknet._tables.read import take_optional, take_rows
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._typing import Array, Batch, DType, Table, Target
from sknet._vectors import index_type

# --- rows ------------------------------------------------------------------------------------------------------------


ALL_ROWS = slice(None)
"""All rows."""

MIN_TOTAL_WEIGHT = 1e-200
"""The least sum of weights: the penalty is divided by it, which must not overflow."""


class TableLimits(NamedTuple):
    """The limits of a fit that depend on where the table is."""

    largest_batch: int = 256  # of `batch_size="proportional"`; in memory, larger batches cost more than they gain
    max_held_out: float = inf  # how many rows evaluate each epoch
    is_stream: bool = False  # whether each epoch reads a file in one pass; then there is one network and no folds


IN_MEMORY_LIMITS = TableLimits()
"""The limits of tables in memory or in a memory-mapped file."""


class FeatureTable(ABC):
    """A table of features, whose rows are in memory, in a file or on a cluster's workers.

    The targets are always in this process. Row indices select rows.
    """

    limits: ClassVar[TableLimits] = IN_MEMORY_LIMITS

    @property
    def is_in_memory(self) -> bool:
        """Whether all rows are in memory, so that any of them can be read at once."""
        return False

    @property
    def is_sparse(self) -> bool:
        """Whether the table is a sparse matrix."""
        return False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """The number of rows and columns."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    @abstractmethod
    def example_rows(self) -> Table:
        """A few rows, as an array or a data frame with all columns and their types."""

    @property
    def is_polars(self) -> bool:
        """Whether the user has passed a polars frame."""
        return False

    @property
    def names_of_text(self) -> Collection[str]:
        """The columns that the user has passed as text, and that `rows_in_memory` returns as categoricals."""
        return ()

    @abstractmethod
    def __getitem__(self, rows: Batch) -> Self:
        """Return a table of some of the rows."""

    @abstractmethod
    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Return some rows, in the given order, as an array, a CSR matrix or a data frame."""

    @abstractmethod
    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows; `target_of(y)` is the target matrix of y."""

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> Self:
        """Return the table with its text encoded, so that this is done once for all encoders of the same text."""
        return self

    @abstractmethod
    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> Table:
        """Return the encoded rows, which stay where the table is: see `EncodedInputs` in `sknet._model.encoding`."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of the rows."""

    def for_scorer(self) -> Table:
        """Return what the user's scorer gets as X: by default this object, which can only be predicted."""
        return self

    def copy(self) -> Self:
        """Return the table itself, which is immutable."""
        return self

    def dense_array_if_small(self, max_values: int) -> Array | None:
        """Return the values as an array of numbers; None if there are more, or they are not an array in memory."""
        return None


@dataclass(frozen=True)
class Sample:
    """The rows that columns are learnt from, in memory."""

    X: Table  # array, CSR matrix or data frame
    y: Array
    weight: Array | None
    row_indices: NDArray[np.intp] | None = None  # in the whole table; None: all rows, in order

    def __len__(self) -> int:
        return len(self.y)

    def restricted_to(self, train: NDArray[np.intp]) -> Sample:
        """Return the rows of the sample whose indices in the whole table are among `train`."""
        positions = train if self.row_indices is None else np.flatnonzero(np.isin(self.row_indices, train))
        return self._take(positions)

    def subsample(self, n: int, seed: int) -> Sample:
        """Return n of the rows, drawn at random; all of them, if there are no more."""
        if len(self) <= n:
            return self
        return self._take(np.sort(np.random.default_rng(seed).choice(len(self), n, replace=False)))

    def _take(self, positions: NDArray[np.intp]) -> Sample:
        row_indices = positions if self.row_indices is None else self.row_indices[positions]
        weight = take_optional(self.weight, positions)
        return Sample(take_rows(self.X, positions), self.y[positions], weight, row_indices)


MAX_VALUES_TO_MERGE_ROWS = 2**20
"""Equal rows of larger tables are not merged, since finding them would take as long as some steps of training."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table: their values, targets, weights and groups.

    Attributes
    ----------
    X : FeatureTable of shape (n, d)
    y : ndarray of shape (n, k)
    weight : ndarray of shape (n,), or None
    groups : ndarray of shape (n,), or None
    positive_weight_mask : ndarray of bool of shape (N,), or None
        Which of the rows that the user passed are in the table: all but those of weight 0. None if no row was dropped.
        Splitters and `oof_prediction_` need it.
    """

    X: FeatureTable
    y: Array
    weight: Array | None = None
    groups: Array | None = None
    positive_weight_mask: Array | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        weight = take_optional(self.weight, rows)
        groups = take_optional(self.groups, rows)
        return Rows(self.X[rows], self.y[rows], weight, groups)

    def sample(self, seed: int, train: NDArray[np.intp] | None = None) -> Sample:
        """Return the rows that columns are learnt from: the rows `train`, or all; a random sample if they are many."""
        row_indices = train
        n = len(self) if train is None else len(train)
        if exceeds_sample_size(n):
            drawn = sample_rows(n, seed)
            row_indices = drawn if train is None else train[drawn]
        rows = ALL_ROWS if row_indices is None else row_indices
        weight = take_optional(self.weight, rows)
        return Sample(self.X.rows_in_memory(rows), self.y[rows], weight, row_indices)

    def without_zero_weights(self) -> Rows:
        """Return the rows of positive weight. No result may depend on the other rows."""
        if self.weight is None or self.weight.all():
            return self
        mask = self.positive_weight_mask
        mask = np.ones(len(self), dtype=bool) if mask is None else mask.copy()
        mask[mask] = self.weight != 0.0
        return replace(self.take(np.flatnonzero(self.weight)), positive_weight_mask=mask)

    def merge_duplicates_if_small(self) -> Rows:
        """Return the distinct rows of a small table of numbers, with the sums of their weights.

        Their order depends only on their values. A row of weight 2 then equals two rows to the last bit, even if the
        solver amplifies rounding errors.
        """
        X = self.X.dense_array_if_small(MAX_VALUES_TO_MERGE_ROWS)
        if X is None:
            return self
        # a single column is sorted as such, which is much faster than as rows of length 1
        targets, axis = (self.y[:, 0], None) if self.y.shape[1] == 1 else (self.y, 0)
        labels = np.unique(targets, axis=axis, return_inverse=True)[1].ravel()  # a code for each distinct target
        first, inverse = distinct_rows(X, labels)
        if self.weight is None and len(first) == len(self):
            return self
        weight = np.bincount(inverse, weights=self.weight).astype(np.float64)  # (m,); numbers of rows if weight is None
        return replace(self.take(first), weight=None if (weight == 1.0).all() else weight)


def too_little_weight_message(total_weight: float) -> str:
    """Return the error message for weights whose sum is below `MIN_TOTAL_WEIGHT`."""
    return (
        f"sample_weight adds up to {total_weight:g} in the rows trained on, or in those held out, so little that 1 "
        "over it overflows: give weights that are less far apart, or 0."
    )


def distinct_rows(X: Array, labels: Array) -> tuple[Array, Array]:
    """Find the distinct pairs of a row and its label.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    labels : ndarray of shape (n,)
        Integers.

    Returns
    -------
    first : ndarray of shape (m,)
        The index of one row of each distinct pair, in an order that depends only on the values.
    inverse : ndarray of shape (n,)
        The index in `first` of the pair of each row.
    """
    # Sorting a random projection of the rows is much faster than sorting the rows. The projection is not a BLAS
    # product, whose last bit may differ for equal rows.
    factors = np.random.default_rng(0).random(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        keys = (X * factors).sum(axis=1) + labels
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    representative = first[inverse]  # (n,) the first row that has the same key
    if np.array_equal(labels, labels[representative]) and np.array_equal(X, X[representative]):
        return first, inverse
    # there are missing values, or different rows with the same key: compare bytes, where NaN equals NaN
    X_bytes = np.ascontiguousarray(X).view(np.uint8).reshape(len(X), -1)
    label_bytes = np.ascontiguousarray(labels).view(np.uint8).reshape(len(X), -1)
    _, first, inverse = np.unique(np.hstack([X_bytes, label_bytes]), axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()


# --- held-out rows and folds -----------------------------------------------------------------------------------------


class RowSplitter(Protocol):
    """A splitter of scikit-learn or of the user. Its results are checked."""

    def split(self, X: Table, y: Target, groups: Array | None) -> Iterable[object]:
        """Yield pairs, (rows to train on, rows to hold out)."""


MIN_ROWS_TO_DRAW_BY_INTERVAL = 2**18
"""From this many rows on, `_hold_out_of_large` draws the held-out rows, since it takes less memory."""

MIN_ROWS_HELD_OUT = 10
"""Fewer rows than this are not held out: their score would be too noisy."""


class Split(NamedTuple):
    """Indices of rows."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


def split_validation(rows: Rows, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Choose the rows to train on and to hold out, by group or strata.

    None where there are too few rows; a ValueError for too few groups.

    Parameters
    ----------
    rows : Rows
        Without rows of weight 0.
    strata : ndarray of shape (n,), or None
        Integers; used only without groups.
    fraction : float
        The fraction of rows (or groups) to hold out.
    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    split : Split or None
    """
    if rows.groups is not None:
        n_groups = len(np.unique(rows.groups))
        _check_several_groups(n_groups)
        if ceil(n_groups * fraction) >= n_groups:
            raise ValueError(
                f"validation_fraction={fraction} of {n_groups} groups holds all of them out: give a smaller share, or "
                "more groups."
            )
        by_group = GroupShuffleSplit(1, test_size=fraction, random_state=seed)
        return Split(*next(by_group.split(rows.groups, groups=rows.groups)))
    return hold_out(len(rows.y), strata, fraction, seed)


def _check_several_groups(n_groups: int) -> None:
    if n_groups < 2:
        raise ValueError("groups holds a single group, which cannot be held out in part: pass more, or none.")


# --- a splitter ------------------------------------------------------------------------------------------------------


def splits_of_splitter(
    splitter: RowSplitter, rows: Rows, seed: int, passed: tuple[Table, Target, Target]
) -> list[Split]:
    """Return all splits of a splitter. A row may be held out by several splits, or by none.

    The splitter gets all rows that the user passed, including those of weight 0, since its indices may refer to them. A
    splitter without a seed gets ours, so that it always splits in the same way.

    Parameters
    ----------
    splitter : splitter
    rows : Rows
        Without rows of weight 0.
    seed : int
    passed : (X, y, groups)
        The N rows as the user passed them.

    Returns
    -------
    splits : list of Split
        Indices into the rows of positive weight; no split is empty.
    """
    if isinstance(splitter, type):
        raise TypeError(f"validation_fraction={splitter.__name__} is a class: pass a splitter, {splitter.__name__}().")
    # a splitter without `random_state`, or with its own seed, is used as it is
    seeded = splitter
    if getattr(splitter, "random_state", seed) is None:
        seeded = copy(splitter)
        seeded.random_state = seed  # type: ignore[attr-defined]
    try:
        made = list(seeded.split(*passed))
    except (TypeError, ValueError) as error:  # a splitter's own message names no argument of `fit`
        lacks_groups = passed[-1] is None and "group" in str(error)
        remedy = "Pass them, with fit(..., groups=...)." if lacks_groups else "Give another splitter, or a share."
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation_fraction={splitter}: {str(error).rstrip('.')}. {remedy}") from error
    checked = [_check_split(split, splitter, rows) for split in made]
    if not checked:
        raise ValueError(f"validation_fraction={splitter} makes no split: give a splitter that makes one, or a share.")
    return checked


def _check_split(split: object, splitter: RowSplitter, rows: Rows) -> Split:
    """Return a split as indices into the rows of positive weight; raise a ValueError if it is no valid split."""
    if not isinstance(split, Sequence) or len(split) != 2:
        raise ValueError(f"validation_fraction={splitter} must give pairs, (rows to train on, rows to hold out).")
    n = len(rows) if rows.positive_weight_mask is None else len(rows.positive_weight_mask)
    train, held_out = (_as_indices(part, splitter, n) for part in split)
    counts = np.bincount(np.concatenate([train, held_out]), minlength=1)
    if counts.max() > 1:
        raise ValueError(
            f"validation_fraction={splitter} gives row {counts.argmax()} {counts.max()} times: the two parts must not "
            "overlap, and sample_weight makes some rows count more."
        )
    if rows.positive_weight_mask is not None:
        # from indices into the N rows that were passed to indices into the n rows; -1 for rows of weight 0
        remaining = np.where(rows.positive_weight_mask, np.cumsum(rows.positive_weight_mask) - 1, -1)
        train, held_out = remaining[train], remaining[held_out]
        train, held_out = train[train >= 0], held_out[held_out >= 0]
    if not len(train) or not len(held_out):
        what, remedy = ("hold out", "leave such a split out") if len(train) else ("train on", "let it train on some")
        raise ValueError(
            f"validation_fraction={splitter} makes a split that leaves no rows to {what}, of those of positive weight: "
            f"{remedy}, choose another splitter, or give a share."
        )
    return Split(train, held_out)


def _as_indices(part: object, splitter: RowSplitter, n: int) -> Array:
    """Return an array of indices of n rows; raise a ValueError for anything else."""
    indices = np.asarray(part)
    if indices.size and (indices.dtype.kind not in "iu" or indices.ndim != 1):
        raise ValueError(
            f"validation_fraction={splitter} gives rows of type {indices.dtype} and shape {indices.shape}: a splitter "
            "must give one-dimensional arrays of integers."
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < n:
        raise ValueError(
            f"validation_fraction={splitter} gives rows from {indices.min()} to {indices.max()}: a splitter must "
            f"give rows from 0 to {n - 1}, the rows of X."
        )
    return indices.astype(np.intp)


# --- folds -----------------------------------------------------------------------------------------------------------


def assign_folds(n: int, strata: Array | None, groups: Array | None, n_folds: int, seed: int) -> Array:
    """Assign rows to folds of nearly equal size, each with its share of every stratum, or whole groups to folds.

    Parameters
    ----------
    n : int
    strata : ndarray of shape (n,), or None
        Integers; used only without groups.
    groups : ndarray of shape (n,), or None
        All rows of a group are in the same fold.
    n_folds : int
        The largest number of folds.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    fold : ndarray of shape (n,)
        Integers from 0 on.
    """
    rng = np.random.default_rng(seed)
    if n < 2:
        raise ValueError("early_stopping='folds' takes two rows of positive weight at least: give more, or set False.")
    if groups is not None:
        _, unit, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        _check_several_groups(len(sizes))
        order = rng.permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]  # the largest groups go to different folds
    else:
        unit = np.arange(n)  # each row by itself
        order = rng.permutation(n)
        order = order if strata is None else order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) % n_folds  # in turn, so that each fold has its share of every stratum
    return fold[unit]


# --- a fraction ------------------------------------------------------------------------------------------------------


def hold_out(n: int, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Hold out a stratified fraction of the rows; return None if too few would be held out or trained on.

    Parameters
    ----------
    n : int
    strata : ndarray of shape (n,), or None
        Integers; held-out rows have their share of each.
    fraction : float
        The fraction of the rows to hold out.
    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    split : Split or None
    """
    n_held_out = ceil(n * fraction)
    if n_held_out < MIN_ROWS_HELD_OUT or n - n_held_out < 1:
        return None
    if n >= MIN_ROWS_TO_DRAW_BY_INTERVAL:
        return _hold_out_of_large(n, strata, n_held_out, seed)
    strata = np.zeros(n, dtype=int) if strata is None else strata
    # a row that is alone in its stratum is trained on, if enough other rows can be held out
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[codes] > 1)
    if len(candidates) <= n_held_out:
        candidates = np.arange(n)
    # scikit-learn raises if there are more strata than rows to train on or to hold out
    merged = merge_rare_strata(strata[candidates], min(n_held_out, len(candidates) - n_held_out))
    splitter = StratifiedShuffleSplit if merged.any() else ShuffleSplit  # all are 0 if there is a single stratum
    _, drawn = next(splitter(1, test_size=n_held_out, random_state=seed).split(merged, merged))
    held_out = np.sort(candidates[drawn])
    return Split(np.delete(np.arange(n), held_out), held_out)


def _hold_out_of_large(n: int, strata: Array | None, n_held_out: int, seed: int) -> Split:
    """Sort the rows by stratum, cut them into intervals, and hold out one row of each interval.

    A row that is alone in its stratum is trained on. This takes 20 bytes per row; scikit-learn's splitter takes 70.
    """
    ends = np.arange(n_held_out + 1) * n // n_held_out  # ends of n_held_out intervals of nearly equal length
    position = np.random.default_rng(seed).integers(ends[:-1], ends[1:])  # a position in each interval, increasing
    held_out = position
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        drawn = order[position]
        # a row whose neighbours are both in other strata is alone in its stratum
        differs = [strata[order[(position + step) % n]] != strata[drawn] for step in (-1, 1)]
        held_out = np.sort(drawn[~(differs[0] & differs[1])])
    train = np.delete(np.arange(n, dtype=index_type(n)), held_out)
    return Split(train, held_out)


def merge_rare_strata(strata: Array, max_strata: int) -> Array:
    """Merge strata of a single row, and the rarest strata beyond `max_strata`, into one.

    Returns
    -------
    ndarray of shape (n,)
        The rank of each row's stratum by size, from 0 for the largest; the merged strata have the last rank.
    """
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    rank = np.empty_like(by_size)  # the inverse of this permutation
    rank[by_size] = np.arange(len(by_size))
    n_kept = min(int((counts > 1).sum()), max_strata)
    if n_kept < len(counts):
        n_kept -= 1  # merge one more, so that the merged stratum has at least two rows
    return np.minimum(rank, max(n_kept, 0))[codes]
