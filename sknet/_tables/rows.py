"""Rows of a table with their targets, weights and groups, held in memory, in a file or in a data frame.

Conventions
-----------
n rows; d columns; k target columns.

X : (n, d)               array, CSR matrix or data frame, its values not yet encoded
y : (n, k)               codes of labels, or numbers
weight : (n,) or None    sample weights, float64, positive; None is ones
groups : (n,) or None    which group each row belongs to, for a splitter
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._tables.sampling import sample_rows
from sknet._typing import Array, Batch, DType, Table

if TYPE_CHECKING:
    from sknet._tables.columns.target import TargetTotals
    from sknet._tables.encoding import TableEncoder

MERGED = 2**20
"""How many values a table may have for its equal rows to be merged."""

LEAST_WEIGHT = 1e-200
"""Weights must add up to so much: the penalty is divided by their sum."""


@dataclass(frozen=True)
class Rows:
    """Rows of a table: their values, targets, weights and groups.

    Attributes
    ----------
    X : array, CSR matrix or data frame of shape (n, d)
    y : ndarray of shape (n, k)
    weight : ndarray of shape (n,), or None
    groups : ndarray of shape (n,), or None
    whole : Rows or None
        What the user passed, where rows of weight 0 were dropped.
    place : ndarray of shape (n,), or None
        Where in `whole` each row is.
    in_file : bool
        Whether the table's values lie in a file.
    """

    X: Table
    y: Array
    weight: Array | None = None
    groups: Array | None = None
    whole: Rows | None = None
    place: Array | None = None
    in_file: bool = False

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: Array) -> Rows:
        """Return some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Rows(take_rows(self.X, rows), self.y[rows], weight, groups, in_file=self.in_file)

    def sample(self, seed: int) -> Rows:
        """Return the rows that columns are learnt from: all, or a sample of many. Those of a file stay there."""
        rows = sample_rows(len(self), seed)
        if isinstance(self.X, ExternalTable):
            weight = None if self.weight is None else self.weight[rows]
            return Rows(self.X.rows_in_memory(rows), self.y[rows], weight)
        return self if len(rows) == len(self) else self.take(rows)

    def in_memory(self) -> Rows:
        """Return the rows with a table in memory."""
        return replace(self, X=np.array(self.X), in_file=False) if self.in_file else self

    def without_weightless(self) -> Rows:
        """Drop the rows of weight 0: nothing may depend on them."""
        if self.weight is None or self.weight.all():
            return self
        rows = np.flatnonzero(self.weight)
        place = rows if self.place is None else self.place[rows]
        return replace(self.take(rows), whole=self.whole or self, place=place)

    def merged(self) -> Rows:
        """Merge equal rows of an array or CSR matrix, adding up their weights, in an order set by their values.

        A row of weight 2 then equals two rows to the last bit, even where a
        solver's steps amplify rounding errors.
        """
        if (not isinstance(self.X, np.ndarray) and not is_sparse(self.X)) or self.X.shape[0] * self.X.shape[1] > MERGED:
            return self
        X = self.X.toarray() if is_sparse(self.X) else self.X
        # a single column is sorted as such, which is much faster than as rows of length 1
        targets, axis = (self.y[:, 0], None) if self.y.shape[1] == 1 else (self.y, 0)
        labels = np.unique(targets, axis=axis, return_inverse=True)[1].ravel()
        first, place = distinct_rows(X, labels)
        if self.weight is None and len(first) == len(self):
            return self
        weight = np.bincount(place, weights=self.weight).astype(np.float64)
        return self.take(first).weighted(None if (weight == 1.0).all() else weight)

    def weighted(self, weight: Array | None) -> Rows:
        """Return the same rows under other weights."""
        return replace(self, weight=weight)


def too_light(weight: Array) -> str:
    """Return the message for a part of the rows with such weights."""
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
        One row of each kind, in an order that depends only on the rows' values.
    place : ndarray of shape (n,)
        Which kind each row is.
    """
    factors = np.random.default_rng(0).random(X.shape[1])
    with np.errstate(over="ignore", invalid="ignore"):
        keys = (X * factors).sum(axis=1) + labels  # of equal rows to the last bit, as a BLAS' sums might not be
    _, first, place = np.unique(keys, return_index=True, return_inverse=True)
    kind = first[place]
    if np.array_equal(labels, labels[kind]) and np.array_equal(X, X[kind]):
        return first, place
    # rows with missing values, or different ones that happen to have one key
    X_bytes = np.ascontiguousarray(X).view(np.uint8).reshape(len(X), -1)
    label_bytes = np.ascontiguousarray(labels).view(np.uint8).reshape(len(X), -1)
    values = np.hstack([X_bytes, label_bytes])
    _, first, place = np.unique(values, axis=0, return_index=True, return_inverse=True)
    return first, place.ravel()


class ExternalTable(ABC):
    """A table whose rows are not in this process: those that are needed here are brought."""

    @abstractmethod
    def rows_in_memory(self, rows: NDArray[np.intp]) -> Table:
        """Return some rows, in this order, as an array or a data frame."""

    @abstractmethod
    def target_totals(
        self, encoder: TableEncoder, target: Array, weight: Array | None, fold: NDArray[np.intp]
    ) -> dict[int, TargetTotals]:
        """Return `TableEncoder.target_totals` of all rows."""


class MappedRows:
    """Some rows of a memory-mapped array, read when they are asked for.

    Parameters
    ----------
    values : ndarray of shape (N, d)
        The array in the file.
    rows : ndarray of shape (n,)
        Indices of the rows.
    """

    def __init__(self, values: Array, rows: Array) -> None:
        self._values, self._rows = np.asarray(values), rows
        self.shape, self.dtype = (len(rows), values.shape[1]), values.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Batch | tuple[Batch, Batch | int]) -> Array:
        if not isinstance(key, tuple):
            return self._values[self._rows[key]]
        rows, columns = self._rows[key[0]], np.arange(self.shape[1])[key[1]]
        return self._values[rows[:, np.newaxis], columns] if columns.ndim else self._values[rows, columns]

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def take(self, rows: Batch) -> MappedRows:
        """Return some of these rows."""
        return MappedRows(self._values, self._rows[rows])


def take_rows(X: Table, rows: Batch) -> Table:
    """Return some rows of an array, a CSR matrix or a data frame; an index into a file is kept as such."""
    if isinstance(X, MappedRows):
        return X.take(rows)
    if not isinstance(rows, slice) and is_memory_mapped(X):
        return MappedRows(X, rows)
    return X.iloc[rows] if isinstance(X, pd.DataFrame | pd.Series) else X[rows]


def is_memory_mapped(X: object) -> bool:
    """Whether a dense array's values lie in a file."""
    if isinstance(X, MappedRows):
        return True
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def is_sparse(X: object) -> bool:
    """Whether X is a sparse matrix or array."""
    return bool(sp.issparse(X))


def refuse_numbers_for(name: str) -> NoReturn:
    """Raise for a sparse table, which holds numbers only, where a column was something else in fit."""
    raise ValueError(
        f"Column {name!r} held other things than numbers in fit, and a sparse X holds nothing else: pass X as it was "
        "in fit, a data frame or a dense array."
    )


def refuse_bad_sparse(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )
