"""Columns of many categories as sparse inputs: their product with the weights looks up one row of the weights.

These one-hot inputs are written into a sparse matrix; all other inputs are encoded into a dense one.

Conventions
-----------
n rows; n_inputs inputs of the network, m of them not looked up; n_others that are no bins.

hot : (n, n_others)          CSR, a 1 for each category that is looked up
dense_inputs : (m,)          positions of the other inputs among all
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._tables.column import Column, OneHot
from sknet._tables.read import column_at
from sknet._typing import Batch, DType, Table

MIN_INPUTS_OF_LOOKED_UP_COLUMN = 32
"""Only columns of at least this many one-hot inputs are looked up: fewer are multiplied as fast."""

MIN_LOOKED_UP_INPUTS = 200
"""From this many inputs of wide columns on, looking them up takes less time than multiplying them."""


@dataclass(frozen=True)
class LookedUpCategories:
    """The categories whose one-hot inputs are kept as indices, and not written as 0 and 1.

    Attributes
    ----------
    categories : dict of int to OneHot
        Their one-hot inputs, by position in the table.
    first_inputs : ndarray of ints, of shape (c,)
        The first of these inputs of each, counted without the bins.
    n_others : int
        How many inputs there are in all without the bins.
    dense_inputs : ndarray of ints, of shape (m,)
        Positions of all other inputs.
    """

    categories: dict[int, OneHot]
    first_inputs: NDArray[np.intp]
    n_others: int
    dense_inputs: NDArray[np.intp]

    def other_inputs(self, columns: Sequence[Column]) -> tuple[Column, ...]:
        """Return a table's columns without the inputs that are looked up."""
        return tuple(column.without_one_hot() if j in self.categories else column for j, column in enumerate(columns))

    def one_hot_rows(self, X: Table, dtype: DType) -> OneHotOfSlots:
        """Return the n rows' one-hot inputs, kept as indices; see `OneHotOfSlots`."""
        widest = max(len(column.levels) + 2 for column in self.categories.values())
        # the smallest signed type, as unknown categories have slot −1
        slot = np.empty((X.shape[0], len(self.categories)), np.min_scalar_type(-widest))
        for i, (j, column) in enumerate(self.categories.items()):
            slot[:, i] = column.slots_of_values(column_at(X, j))
        return OneHotOfSlots(slot, self.first_inputs, self.n_others, dtype)


@dataclass(frozen=True)
class OneHotOfSlots:
    """Which one-hot inputs of n rows are 1; indexing by rows makes a CSR matrix of their 0 and 1.

    Attributes
    ----------
    slot : ndarray of ints, of shape (n, c)
        Of each of the c columns that are looked up; −1 for an unknown category, which looks nothing up.
    first_inputs : ndarray of ints, of shape (c,)
        The first input of each column, counted without the bins.
    n_others : int
        How many inputs there are in all without the bins.
    dtype : dtype
        Of the matrix.
    """

    slot: NDArray[np.signedinteger]
    first_inputs: NDArray[np.intp]
    n_others: int
    dtype: DType

    def __getitem__(self, rows: Batch) -> sp.csr_array:
        """Return these rows' inputs without the bins, (b, n_others): those that are not looked up are 0."""
        slot = self.slot[rows]
        known = slot >= 0
        inputs = (slot + self.first_inputs)[known]
        # in CSR's terms: `inputs` are the columns of the ones, `ends` says where each row's end
        ends = np.concatenate([[0], known.sum(axis=1).cumsum()])
        return sp.csr_array((np.ones(len(inputs), self.dtype), inputs, ends), shape=(len(slot), self.n_others))


def choose_lookups(columns: Sequence[Column], first_inputs: NDArray[np.intp]) -> LookedUpCategories | None:
    """Choose the columns that are looked up; None if that would not be worth it."""
    categories = ((j, column.one_hot_inputs) for j, column in enumerate(columns))
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
