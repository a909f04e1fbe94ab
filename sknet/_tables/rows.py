"""Rows of a table with their targets, weights and groups; the table itself may be in memory or elsewhere.

Conventions
-----------
n rows; d columns; k target columns.

X : (n, d)               `FeatureTable`, its values not yet encoded
y : (n, k)               codes of labels, or numbers
weight : (n,) or None    sample weights, float64, positive; None is ones
groups : (n,) or None    which group each row belongs to, for a splitter
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder
from sknet._tables.read import take_optional, take_rows
from sknet._tables.statistics import exceeds_sample_size, sample_rows
from sknet._typing import Array, Batch, DType, Table

ALL = slice(None)
"""All rows."""

MIN_TOTAL_WEIGHT = 1e-200
"""Weights must add up to this at least: the penalty is divided by their sum, which must not overflow."""


class TableLimits(NamedTuple):
    """What a fit must know of the place where a table is."""

    largest_batch: int = 256  # of `batch_size="proportional"`: steps of more rows gain less than they cost
    max_held_out: float = inf  # rows that evaluate each epoch
    is_sequential: bool = False  # whether rows come in pools of an epoch's order: one network alone, and no folds


IN_MEMORY = TableLimits()
"""The limits of tables in this process's memory, or in a file that it maps."""


class FeatureTable(ABC):
    """The columns of a table that is fitted to, wherever its rows are: in memory, in a file, on a cluster's workers.

    It is cut by row numbers; the targets of its rows are in this process.
    """

    limits: ClassVar[TableLimits] = IN_MEMORY

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return False

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    @abstractmethod
    def example_rows(self) -> Table:
        """A few rows, as an array or a data frame, which have the columns and types of all."""

    @abstractmethod
    def __getitem__(self, rows: Batch) -> Self:
        """Return some of the rows."""

    @abstractmethod
    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Return some rows, in this order, as an array, a CSR matrix or a data frame."""

    @abstractmethod
    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows; `target_of(y)` is the target matrix of some rows' y."""

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> Self:
        """Return the table with its texts encoded, which takes longest, once for all encoders of the same texts."""
        return self

    @abstractmethod
    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> Table:
        """Encode the rows where they are: `EncodedInputs`, see `sknet._model.matrices`."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of the rows."""

    def for_scorer(self) -> Table:
        """Return what a scorer of the user's is given: by default something that only can be predicted."""
        return self

    def copy(self) -> Self:
        """Return itself: nobody can change it."""
        return self

    def as_numbers(self, max_values: int) -> Array | None:
        """Return the values as an array of numbers; None where there are more, or they are not in memory as such."""
        return None


@dataclass(frozen=True)
class Sample:
    """The rows that columns are learnt from, in memory."""

    X: Table  # array, CSR matrix or data frame
    y: Array
    weight: Array | None
    numbers: NDArray[np.intp] | None = None  # of the rows in their table; None: all of them, in order

    def __len__(self) -> int:
        return len(self.y)

    def among(self, train: NDArray[np.intp]) -> Sample:
        """Return the rows of the sample that are among the rows numbered `train`."""
        rows = train if self.numbers is None else np.flatnonzero(np.isin(self.numbers, train))
        return self._take(rows)

    def some(self, n: int, seed: int) -> Sample:
        """Return n of the rows, drawn at random; all of them, if there are no more."""
        if len(self) <= n:
            return self
        return self._take(np.sort(np.random.default_rng(seed).choice(len(self), n, replace=False)))

    def _take(self, rows: NDArray[np.intp]) -> Sample:
        numbers = rows if self.numbers is None else self.numbers[rows]
        return Sample(take_rows(self.X, rows), self.y[rows], take_optional(self.weight, rows), numbers)


MAX_VALUES_TO_MERGE_ROWS = 2**20
"""Equal rows of larger tables are not merged: looking for them would take as long as some steps of training."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table: their values, targets, weights and groups.

    Attributes
    ----------
    X : FeatureTable of shape (n, d)
    y : ndarray of shape (n, k)
    weight : ndarray of shape (n,), or None
    groups : ndarray of shape (n,), or None
    places : ndarray of shape (n,), or None
        Where each row is among those that the user passed, if some of these had a weight of 0 and were dropped:
        splitters and `oof_prediction_` count all of them.
    n_passed : int or None
        How many the user passed, if some were dropped.
    """

    X: FeatureTable
    y: Array
    weight: Array | None = None
    groups: Array | None = None
    places: Array | None = None
    n_passed: int | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        weight = take_optional(self.weight, rows)
        groups = take_optional(self.groups, rows)
        return Rows(self.X[rows], self.y[rows], weight, groups)

    def sample(self, seed: int, train: NDArray[np.intp] | None = None) -> Sample:
        """Return the rows that columns are learnt from: those numbered `train`, or all; of many a random sample."""
        numbers, n = train, len(self) if train is None else len(train)
        if exceeds_sample_size(n):
            drawn = sample_rows(n, seed)
            numbers = drawn if train is None else train[drawn]
        rows = ALL if numbers is None else numbers
        weight = take_optional(self.weight, rows)
        return Sample(self.X.rows_in_memory(rows), self.y[rows], weight, numbers)

    def without_zero_weights(self) -> Rows:
        """Return the rows of positive weight: nothing may depend on the others."""
        if self.weight is None or self.weight.all():
            return self
        rows = np.flatnonzero(self.weight)
        places = rows if self.places is None else self.places[rows]
        return replace(self.take(rows), places=places, n_passed=self.n_passed or len(self))

    def merge_duplicates_if_small(self) -> Rows:
        """Merge equal rows of a small table of numbers, adding up their weights, in an order set by their values.

        A row of weight 2 then equals two rows to the last bit, even where a solver's steps amplify rounding errors.
        """
        X = self.X.as_numbers(MAX_VALUES_TO_MERGE_ROWS)
        if X is None:
            return self
        # a single column is sorted as such, which is much faster than as rows of length 1
        targets, axis = (self.y[:, 0], None) if self.y.shape[1] == 1 else (self.y, 0)
        labels = np.unique(targets, axis=axis, return_inverse=True)[1].ravel()  # an integer for each distinct target
        first, inverse = distinct_rows(X, labels)
        if self.weight is None and len(first) == len(self):
            return self
        weight = np.bincount(inverse, weights=self.weight).astype(np.float64)  # (m,); of weights None, numbers of rows
        return self.take(first).with_weight(None if (weight == 1.0).all() else weight)

    def with_weight(self, weight: Array | None) -> Rows:
        """Return the same rows with other weights."""
        return replace(self, weight=weight)


def too_little_weight_message(weight: Array) -> str:
    """Return the error message for weights whose sum is below `MIN_TOTAL_WEIGHT`."""
    return (
        f"sample_weight adds up to {weight.sum():g} in the rows trained on, or in those held out, so little that 1 "
        "over it overflows: give weights that are less far apart, or 0."
    )


def distinct_rows(X: Array, labels: Array) -> tuple[Array, Array]:
    """Find equal rows of numbers under the same label.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    labels : ndarray of shape (n,)
        Integers.

    Returns
    -------
    first : ndarray of shape (m,)
        Index of one row of each distinct one, in an order that depends only on the rows' values.
    inverse : ndarray of shape (n,)
        Which of these each row equals.
    """
    # Sorting one random projection of the rows is much faster than sorting the rows. It is no BLAS product, which
    # might give equal rows different keys in the last bit.
    factors = np.random.default_rng(0).random(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        keys = (X * factors).sum(axis=1) + labels
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    representative = first[inverse]  # (n,) the first row that has the same key
    if np.array_equal(labels, labels[representative]) and np.array_equal(X, X[representative]):
        return first, inverse
    # rows with missing values, or different ones that happen to have the same key: compare bytes, where NaN equals NaN
    X_bytes = np.ascontiguousarray(X).view(np.uint8).reshape(len(X), -1)
    label_bytes = np.ascontiguousarray(labels).view(np.uint8).reshape(len(X), -1)
    _, first, inverse = np.unique(np.hstack([X_bytes, label_bytes]), axis=0, return_index=True, return_inverse=True)
    return first, inverse.ravel()
