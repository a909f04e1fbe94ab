"""One-hot inputs of columns with many categories: they are stored as indices, and not as 0 and 1.

They are written into a sparse matrix, and the product with the weights picks one row of the weights for each category.
All other inputs are written into a dense matrix.

Conventions
-----------
n rows; c columns that are looked up; n_inputs inputs of the network, of which m are not looked up, and n_not_bins are
not bins.

X : (n, d)               the table
dense_inputs : (m,)      indices of the inputs that are not looked up
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._tables.categories import CategoryColumn, one_hot_inputs
from sknet._tables.column import Column
from sknet._tables.raw_table import column_at
from sknet._typing import Batch, DType, Table

MIN_INPUTS_OF_LOOKED_UP_COLUMN = 32
"""Only columns of at least this many one-hot inputs are looked up: fewer are multiplied just as fast."""

MIN_LOOKED_UP_INPUTS = 400
"""From this many inputs of wide columns on, they are looked up. For fewer, multiplying them is at least as fast.

Three columns of 500 categories take .7 of the time, one takes 1.1 (`python -m tests.benchmarks --only categories`)."""


@dataclass(frozen=True)
class LookedUpCategories:
    """The columns whose one-hot inputs are stored as indices, and not as 0 and 1.

    Attributes
    ----------
    one_hot : dict of int to CategoryColumn
        The one-hot inputs of each of the c columns, by the index of the column.
    first_inputs : ndarray of ints, of shape (c,)
        The index of the first one-hot input of each column, counted without the bins.
    n_not_bins : int
        How many inputs of the network are not bins.
    dense_inputs : ndarray of ints, of shape (m,)
        The indices of the inputs that are not looked up.
    """

    one_hot: dict[int, CategoryColumn]
    first_inputs: NDArray[np.intp]
    n_not_bins: int
    dense_inputs: NDArray[np.intp]

    def one_hot_rows(self, X: Table, dtype: DType) -> OneHotOfSlots:
        """Return the one-hot inputs of n rows."""
        widest = max(len(column.categories) + 2 for column in self.one_hot.values())
        # the smallest signed type: unknown categories have the slot −1
        slot = np.empty((X.shape[0], len(self.one_hot)), np.min_scalar_type(-widest))
        for i, (j, column) in enumerate(self.one_hot.items()):
            slot[:, i] = column.slots_of_values(column_at(X, j))
        return OneHotOfSlots(self, slot, dtype)


@dataclass(frozen=True)
class OneHotOfSlots:
    """The one-hot inputs of n rows, stored as slots. Indexing by rows makes a CSR matrix of 0 and 1.

    Attributes
    ----------
    lookups : LookedUpCategories
    slot : ndarray of ints, of shape (n, c)
        Which of its one-hot inputs is 1, for each column that is looked up; −1 for an unknown category.
    dtype : dtype
        The float type of the matrix.
    """

    lookups: LookedUpCategories
    slot: NDArray[np.signedinteger]
    dtype: DType

    def __getitem__(self, rows: Batch) -> sp.csr_array:
        """Return the inputs of b rows without bins, (b, n_not_bins); inputs that are not looked up are 0."""
        slot = self.slot[rows]
        is_known = slot >= 0
        inputs = (slot + self.lookups.first_inputs)[is_known]
        # in SciPy's words, `inputs` are the indices, and `ends` is the indptr
        ends = np.concatenate([[0], is_known.sum(axis=1).cumsum()])
        return sp.csr_array(
            (np.ones(len(inputs), self.dtype), inputs, ends), shape=(len(slot), self.lookups.n_not_bins)
        )


def choose_lookups(columns: Sequence[Column], first_inputs: NDArray[np.intp]) -> LookedUpCategories | None:
    """Choose the columns that are looked up; None if multiplying is as fast."""
    categories = ((j, one_hot_inputs(column)) for j, column in enumerate(columns))
    wide = {
        j: one_hot
        for j, one_hot in categories
        if one_hot is not None and one_hot.n_inputs >= MIN_INPUTS_OF_LOOKED_UP_COLUMN
    }
    if sum(one_hot.n_inputs for one_hot in wide.values()) < MIN_LOOKED_UP_INPUTS:
        return None
    is_dense = np.ones(first_inputs[-1], dtype=bool)  # of each input, (n_inputs,)
    for j, one_hot in wide.items():
        is_dense[first_inputs[j] : first_inputs[j] + one_hot.n_inputs] = False
    n_bins = int(first_inputs[0])
    return LookedUpCategories(wide, first_inputs[list(wide)] - n_bins, len(is_dense) - n_bins, np.flatnonzero(is_dense))
