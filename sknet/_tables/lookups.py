"""Categories of many levels, looked up: the product of one-hot inputs with the weights picks one row of the weights.

Such columns never become a matrix of zeros and ones: a sparse one says which row each sample picks. All other inputs
are encoded as ever, side by side.

Conventions
-----------
n rows; n_inputs inputs of the network, m of them of the other columns.

dense : (n, m)               the other columns' inputs
hot : (n, n_inputs)          CSR, a 1 for each level that is looked up
places : (m,)                positions of the dense inputs among all
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._tables.columns import Column
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.frames import column_at
from sknet._typing import Array, DType, Table

MIN_COLUMN_INPUTS = 32
"""A column of so many one-hot inputs may be looked up."""

MIN_LOOKUP_INPUTS = 200
"""From so many inputs of wide columns on, looking them up takes less time than multiplying them."""


class Encoder(Protocol):
    """What encodes a table, see `encoding`."""

    def encode(self, X: Table, dtype: DType, *, fold: NDArray[np.intp] | None = None) -> Table:
        """Encode a table."""


@dataclass(frozen=True)
class Lookups:
    """The columns that are looked up.

    Attributes
    ----------
    categories : dict of int to CategoryColumn
        Their one-hot inputs, by position in the table.
    starts : dict of int to int
        The first of these inputs.
    n_inputs : int
        How many inputs there are in all.
    others : TableEncoder
        What encodes all columns of the table without these inputs.
    places : ndarray of ints, of shape (m,)
        Positions of the others' inputs among all.
    """

    categories: dict[int, CategoryColumn]
    starts: dict[int, int]
    n_inputs: int
    others: Encoder
    places: NDArray[np.intp]

    def encode(self, X: Table, dtype: DType, fold: NDArray[np.intp] | None = None) -> tuple[Table, sp.csr_array, Array]:
        """Encode n rows: return dense, hot and places."""
        return self.others.encode(X, dtype, fold=fold), self._hot(X, dtype), self.places

    def _hot(self, X: Table, dtype: DType) -> sp.csr_array:
        values = {j: column_at(X, j) for j in self.categories}
        found = [self.starts[j] + column.slot_of(values[j]) for j, column in self.categories.items()]
        positions = np.stack(found, axis=1)  # (n, c)
        known = positions >= np.array(list(self.starts.values()))  # an unknown level picks nothing
        ends = np.concatenate([[0], known.sum(axis=1).cumsum()])
        return sp.csr_array((np.ones(ends[-1], dtype), positions[known], ends), shape=(len(found[0]), self.n_inputs))


def choose_lookups(
    columns: Sequence[Column], starts: NDArray[np.intp], encoder_of: Callable[[tuple[Column, ...]], Encoder]
) -> Lookups | None:
    """Choose which columns are looked up; None if there are none."""
    categories = {j: one_hot for j, column in enumerate(columns) if (one_hot := one_hot_of(column)) is not None}
    wide = {j: one_hot for j, one_hot in categories.items() if one_hot.n_inputs >= MIN_COLUMN_INPUTS}
    if sum(one_hot.n_inputs for one_hot in wide.values()) < MIN_LOOKUP_INPUTS:
        return None
    others = tuple(without_one_hot(column) if j in wide else column for j, column in enumerate(columns))
    is_dense = np.ones(starts[-1], dtype=bool)
    for j, one_hot in wide.items():
        is_dense[starts[j] : starts[j] + one_hot.n_inputs] = False
    firsts = {j: int(starts[j]) for j in wide}
    return Lookups(wide, firsts, len(is_dense), encoder_of(others), np.flatnonzero(is_dense))


def one_hot_of(column: Column) -> CategoryColumn | None:
    """Return the one-hot inputs of a column, which are its first ones."""
    inner = column.one_hot if isinstance(column, TargetColumn) else column
    return inner if isinstance(inner, CategoryColumn) else None


def without_one_hot(column: Column) -> Column:
    """Return what is left of a column whose levels are looked up: the target's means, or nothing."""
    return replace(column, one_hot=None) if isinstance(column, TargetColumn) else IdentifierColumn()
