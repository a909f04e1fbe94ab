"""Operations on vectors for which NumPy needs more than one pass, blocks of rows, and weighted quantiles.

Conventions
-----------
n rows; b columns. NaN is a missing value.

x, y : (n,)                      contiguous and of the same type, float32 or float64
columns : (b, n)                 each column adjacent in memory
weight : (n,), (b, n) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg.blas import daxpy, saxpy

from sknet._typing import Array, Batch, DType

AXPY_BY_DTYPE = {np.dtype(np.float32): saxpy, np.dtype(np.float64): daxpy}
"""BLAS's y += a x, by type."""


def add_multiple(y: Array, a: float, x: Array) -> None:
    """Add a x to y, in place.

    NumPy multiplies and adds in two passes, with a temporary array, which takes twice the time for the weights of a
    network. A fit gives SciPy's BLAS one thread, so that idle threads do not keep the cores busy (`_model/machine.py`).
    """
    if y.size:  # SciPy's wrapper raises for empty arrays
        AXPY_BY_DTYPE[y.dtype](x, y, a=a)


@overload
def blocks_of_batch(batch: slice, size: int) -> Iterator[slice]: ...


@overload
def blocks_of_batch(batch: Batch, size: int) -> Iterator[Batch]: ...


def blocks_of_batch(batch: Batch, size: int) -> Iterator[Batch]:
    """Split a batch of rows, a slice or an array of indices, into blocks of at most `size` rows."""
    if isinstance(batch, slice):
        for start in range(batch.start, batch.stop, size):
            yield slice(start, min(start + size, batch.stop))
    else:
        for start in range(0, len(batch), size):
            yield batch[start : start + size]


def minibatches(n: int, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
    """Return the batches of an epoch of n rows; without `rng`, or if one batch has all rows, they are not shuffled."""
    if rng is None or size >= n:
        return blocks_of_batch(slice(0, n), size)
    order = np.arange(n, dtype=index_type(n))
    rng.shuffle(order)
    return blocks_of_batch(order, size)


def index_type(n: int) -> DType:
    """Return the type of the indices of n rows: in int32, they take half the memory of a column of numbers."""
    return np.dtype(np.int32 if n <= np.iinfo(np.int32).max else np.intp)


# --- weighted quantiles -----------------------------------------------------------------------------------------------


SHARE_TOLERANCE = 1e-10
"""A cumulated share of the weight reaches a level if it is smaller by at most this much: rounding may cause that."""


@dataclass(frozen=True, eq=False)
class SortedColumns:
    """The values of columns in order, and the weight of each.

    Attributes
    ----------
    values : ndarray of shape (b, n)
        Sorted, in the columns' own type; the missing ones are last.
    weight : ndarray of shape (b, n), or None
        0 where a value is missing.
    n_values : ndarray of shape (b,)
        How many are not missing.
    """

    values: Array
    weight: Array | None
    n_values: NDArray[np.intp]

    @classmethod
    def from_columns(cls, columns: Array, weight: Array | None) -> SortedColumns:
        """Sort the numbers of each column."""
        n_values = columns.shape[1] - np.isnan(columns).sum(axis=1)
        if weight is None:
            return cls(np.sort(columns, axis=1), None, n_values)
        order = np.argsort(columns, axis=1)
        values, w = (np.take_along_axis(np.broadcast_to(a, columns.shape), order, axis=1) for a in (columns, weight))
        return cls(values, np.where(np.isnan(values), 0.0, w), n_values)

    @property
    def have_some_missing(self) -> NDArray[np.bool_]:
        """Whether some rows have a value and some have none, (b,)."""
        return (self.n_values > 0) & (self.n_values < self.values.shape[1])

    @property
    def ranges(self) -> Array:
        """The smallest and the largest value of each column, (b, 2) in float64; zeros where there is no value."""
        if not self.values.shape[1]:
            return np.zeros((len(self.values), 2))
        last = np.maximum(self.n_values - 1, 0)[:, np.newaxis]
        ends = np.hstack([self.values[:, :1], np.take_along_axis(self.values, last, axis=1)]).astype(np.float64)
        return np.nan_to_num(ends)

    def observed_values_and_weights(self, i: int) -> tuple[Array, Array | None]:
        """Return the values of one column that are not missing, (m,), and their weights."""
        observed = slice(self.n_values[i])
        return self.values[i, observed], None if self.weight is None else self.weight[i, observed]

    def quantiles(self, quantile_levels: ArrayLike) -> Array:
        """Return quantiles by the inverted distribution function: the first value whose cumulated share reaches each.

        In float64, (b, quantile_levels); NaN where there is no value.
        """
        q = np.asarray(quantile_levels, dtype=np.float64) - SHARE_TOLERANCE
        m = self.n_values[:, np.newaxis]
        if not self.values.shape[1]:
            return np.full((len(m), len(q)), np.nan)
        if self.weight is None:
            # the first of m equal weights that reaches the level; −1 for level 0, clipped below
            index = np.ceil(q * m).astype(np.intp) - 1
        else:
            reached = np.cumsum(self.weight, axis=1, dtype=np.float64)
            index = np.array([np.searchsorted(of_column, q * of_column[-1]) for of_column in reached])
        # where all values are missing, this takes the first one, which is NaN
        return np.take_along_axis(self.values, np.clip(index, 0, np.maximum(m - 1, 0)), axis=1).astype(np.float64)
