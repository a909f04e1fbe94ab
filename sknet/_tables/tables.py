"""A table as it comes, an array, a CSR matrix or a data frame: which of these it is, and some of its rows.

Conventions
-----------
X : (n, d)               array, in memory or in a file, CSR matrix or data frame, its values not yet encoded
rows : slice or (m,)     which of the rows
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sknet._typing import Array, Batch, DType, Table

ROWS_DIGESTED_AT_ONCE = 4096
"""Rows that are hashed at once: a table in a file is never loaded whole."""


class MemoryMappedRows:
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

    def __getitem__(self, key: Batch | tuple[slice, int]) -> Array:
        rows, *column = key if isinstance(key, tuple) else (key,)  # X[rows], or one column of them, X[rows, j]
        return self._values[self._rows[rows], *column]

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def take(self, rows: Batch) -> MemoryMappedRows:
        """Return some of these rows."""
        return MemoryMappedRows(self._values, self._rows[rows])


def take_rows(X: Table, rows: Batch) -> Table:
    """Return some rows of an array, a CSR matrix or a data frame; of a memory-mapped array without reading them."""
    if isinstance(X, MemoryMappedRows):
        return X.take(rows)
    # a slice of a memory map reads nothing, but an index array would
    if not isinstance(rows, slice) and is_memory_mapped(X):
        return MemoryMappedRows(X, rows)
    return X.iloc[rows] if isinstance(X, pd.DataFrame | pd.Series) else X[rows]


def take_optional(values: Array | None, rows: Batch) -> Array | None:
    """Return some rows of an array, such as weights or groups, that may be None."""
    return None if values is None else values[rows]


def is_memory_mapped(X: object) -> bool:
    """Whether a dense array's values lie in a file."""
    return isinstance(X, MemoryMappedRows) or _memory_map_of(X) is not None


def mapped_file(X: Array) -> str | os.PathLike[str] | None:
    """Return the path of the file in which an array's values lie; None if they do not, or it is not known."""
    return getattr(_memory_map_of(X), "filename", None)


def _memory_map_of(X: object) -> Array | None:
    """Return the memory map that an array is a view of, or None."""
    while isinstance(X, np.ndarray):  # a view of a memory map may be a plain array: only its base tells
        if isinstance(X, np.memmap):
            return X
        X = X.base
    return None


def is_sparse(X: object) -> bool:
    """Whether X is a sparse matrix or array; SciPy's own function narrows X to a type without attributes for mypy."""
    return bool(sp.issparse(X))


def check_sparse_is_finite(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )


def have_equal_values(X: Table, other: Table) -> bool:
    """Whether two tables are of one type and hold the same values, missing ones in the same places."""
    if type(X) is not type(other) or X.shape != other.shape:
        return False
    if hasattr(X, "equals"):  # a data frame of pandas or polars
        return bool(X.equals(other))
    if is_sparse(X):
        return all(np.array_equal(getattr(X, part), getattr(other, part)) for part in ("indptr", "indices", "data"))
    return np.array_equal(X, other, equal_nan=X.dtype.kind == "f" and other.dtype.kind == "f")


def table_digest(values: Table | None) -> str:
    """Return a hash of a table's or an array's type, shape and values; of None too."""
    if values is None:
        return "none"
    content = hashlib.sha256()
    for array in _arrays_of(values):
        content.update(f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
        for start in range(0, array.shape[0], ROWS_DIGESTED_AT_ONCE):
            rows = np.asarray(array[start : start + ROWS_DIGESTED_AT_ONCE])
            # the bytes of objects are addresses, other ones in each process
            content.update(repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes())
    return content.hexdigest()


def _arrays_of(table: Table) -> Iterator[Array]:
    """Yield a frame's names and columns, a sparse matrix's arrays, or an array itself."""
    if isinstance(table, pd.DataFrame):
        yield np.array([str(name) for name in table.columns], dtype=object)
        yield from (np.asarray(table[name]) for name in table.columns)
    elif is_sparse(table):
        yield from (table.data, table.indices, table.indptr)
    else:
        yield table
