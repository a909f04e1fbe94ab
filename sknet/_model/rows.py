"""Rows of a table with their targets, weights and groups: as the user passed them, and encoded.

Two interfaces hide where a table is: `FeatureTable` is the raw table, and `EncodedInputs` the encoded one.

Conventions
-----------
n rows of positive weight; N rows that the user passed, including those of weight 0; d columns.

X : (n, d)               `FeatureTable`, not encoded
y : (n, k)               codes of labels, or numbers; k target columns
target : (n, k)          the target matrix, which the loss compares with k raw outputs
weight : (n,) or None    sample weights, float64, positive; None is ones
groups : (n,) or None    the group of each row
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding import Encoding
from sknet._network.chain import InputBatches
from sknet._network.objective import ObjectiveFunction, ObjectiveSettings
from sknet._tables.encoder import TableEncoder
from sknet._tables.raw_table import take_optional, take_rows
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._tables.statistics import MIN_TOTAL_WEIGHT
from sknet._tables.target_statistics import TargetStatistics
from sknet._typing import Array, Batch, DType, Table
from sknet._vectors import blocks_of_batch

# --- encoded rows -----------------------------------------------------------------------------------------------------


class EncodedInputs(InputBatches, Protocol):
    """The encoded inputs of a table, or of some of its rows, shared by several networks."""

    @property
    def n_networks_awaited_at_once(self) -> int:
        """How many networks may train at a time; several if each waits for results from workers."""

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return the inputs of some of the rows, in the given order."""

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ObjectiveFunction:
        """Return the objective of a network that is trained on `rows`; these are the inputs of the rows."""

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout."""


TARGETS_ENCODED_AT_ONCE = 2**16
"""Number of rows whose targets are encoded at a time."""


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows with their targets and weights, which all networks share."""

    inputs: EncodedInputs
    y_of_table: Array  # parsed targets of all rows of the table, one column for each target
    weight_of_table: Array | None  # of all rows of the table, not rescaled
    encoding: Encoding
    label_smoothing: float = 0.0
    row_indices: NDArray[np.intp] | None = None  # (n,), which rows of the table these are; None for all

    def __len__(self) -> int:
        return len(self.y_of_table if self.row_indices is None else self.row_indices)

    @property
    def y(self) -> Array:
        """The parsed targets of these rows, (n, k)."""
        return self.y_of_table if self.row_indices is None else self.y_of_table[self.row_indices]

    @property
    def weight(self) -> Array | None:
        """The weights of these rows, (n,), not rescaled."""
        if self.weight_of_table is None or self.row_indices is None:
            return self.weight_of_table
        return self.weight_of_table[self.row_indices]

    def _blocks_in_table(self) -> Iterator[tuple[slice, Batch]]:
        """Yield blocks of these rows, and the rows of the table that they are.

        Arrays in float64 that are as long as y may be as large as a table of few columns.
        """
        for block in blocks_of_batch(slice(0, len(self)), TARGETS_ENCODED_AT_ONCE):
            yield block, block if self.row_indices is None else self.row_indices[block]

    def take(self, row_indices: NDArray[np.intp]) -> Self:
        """Return the rows with these indices; raise a ValueError if their total weight is almost 0."""
        in_table = row_indices if self.row_indices is None else self.row_indices[row_indices]
        rows = replace(self, inputs=self.inputs[row_indices], row_indices=in_table)
        if rows.weight_of_table is not None and rows.total_weight < MIN_TOTAL_WEIGHT:
            raise ValueError(
                f"sample_weight adds up to {rows.total_weight:g} in the rows trained on, or in those held out, so "
                "little that 1 over it overflows: give weights that are less far apart, or 0."
            )
        return rows

    @cached_property
    def total_weight(self) -> float:
        """The sum of the weights; without weights, the number of rows."""
        weight = self.weight_of_table
        if weight is None:
            return float(len(self))
        return sum(float(weight[rows].sum()) for _, rows in self._blocks_in_table())

    def encode_targets(self, y: Array) -> Array:
        """Return the target matrix of some rows' y, (b, k)."""
        return self.encoding.head.targets(y, self.encoding.compute_dtype, self.label_smoothing)

    @cached_property
    def target(self) -> Array:
        """The target matrix of these rows, (n, k). A stream makes those of a few rows at a time instead."""
        target: Array | None = None
        try:
            for block, rows in self._blocks_in_table():
                of_block = self.encode_targets(self.y_of_table[rows])
                if target is None:
                    target = np.empty((len(self), of_block.shape[1]), of_block.dtype)
                target[block] = of_block
        except ValueError:
            target = None  # the message would be about a block, and all rows together may be right
        return self.encode_targets(self.y) if target is None else target

    @cached_property
    def relative_weight(self) -> Array | None:
        """The weights, (n,), scaled to a mean of 1, so that their unit does not change the size of gradients."""
        if self.weight_of_table is None:
            return None
        factor = len(self) / self.total_weight
        weight = np.empty(len(self), self.encoding.compute_dtype)
        for block, rows in self._blocks_in_table():
            weight[block] = self.weight_of_table[rows] * factor
        return weight


# --- tables -----------------------------------------------------------------------------------------------------------


ALL_ROWS = slice(None)
"""All rows."""

LARGEST_BATCH_IN_MEMORY = 256
"""The largest batch of `batch_size="proportional"` in memory, where larger ones cost more than they gain."""


class FeatureTable(ABC):
    """A table of features, whose rows are in memory, in a file or on a cluster's workers.

    The targets are always in this process. Row indices select rows.
    """

    largest_batch: ClassVar[int] = LARGEST_BATCH_IN_MEMORY  # the limit of `batch_size="proportional"`
    max_held_out: ClassVar[float] = inf  # how many rows evaluate each epoch
    is_stream: ClassVar[bool] = False  # whether each epoch reads a file in one pass; then one network, and no folds

    @property
    def is_in_memory(self) -> bool:
        """Whether all rows are in memory, so that any of them can be read at once."""
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
        """Return a table of some of the rows, in the given order."""

    @abstractmethod
    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Return some rows, in the given order, as an array, a CSR matrix or a data frame."""

    @abstractmethod
    def target_statistics(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetStatistics]:  # fmt: skip
        """Return `statistics_by_column` of all rows; `target_of(y)` is the target matrix of y."""

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> Self:
        """Return the table with its text encoded, so that this is done once for all encoders of the same text."""
        return self

    @abstractmethod
    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedInputs:
        """Return the encoded rows, which stay where the table is."""

    @abstractmethod
    def digest(self) -> str:
        """Return a hash of the rows."""

    def for_scorer(self) -> Table:
        """Return what the user's scorer gets as X: by default this object, which can only be predicted."""
        return self

    def dense_array_if_small(self, max_values: int) -> Array | None:
        """Return the values as an array of numbers; None if there are more, or they are not an array in memory."""
        return None


# --- rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """The rows that columns are learnt from, in memory."""

    X: Table  # array, CSR matrix or data frame
    y: Array
    weight: Array | None
    row_indices: NDArray[np.intp] | None = None  # indices in the whole table; None for all rows, in order

    def __len__(self) -> int:
        return len(self.y)

    def restricted_to(self, indices: NDArray[np.intp]) -> Sample:
        """Return the rows of the sample whose indices in the whole table are among `indices`."""
        positions = indices if self.row_indices is None else np.flatnonzero(np.isin(self.row_indices, indices))
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

    def sample(self, seed: int, train_indices: NDArray[np.intp] | None = None) -> Sample:
        """Return the rows that columns are learnt from: the training rows, or all; of many, a random sample."""
        row_indices = train_indices
        n = len(self) if train_indices is None else len(train_indices)
        if exceeds_sample_size(n):
            positions = sample_rows(n, seed)
            row_indices = positions if train_indices is None else train_indices[positions]
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
