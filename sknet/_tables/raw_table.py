"""Tables as users pass them: arrays, CSR matrices and data frames, in memory or in a memory-mapped file.

Conventions
-----------
X : (n, d)              a table that is not encoded
rows : slice or (m,)    indices of some rows
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import overload

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._tables.column_values import ColumnValues
from sknet._typing import Array, Batch, DType, Table
from sknet._vectors import blocks_of_batch


def default_names(n: int) -> tuple[str, ...]:
    """Return the names of n columns that have none."""
    return tuple([f"x{j}" for j in range(n)])


def column_names(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of a frame's columns, as text."""
    return tuple(str(name) for name in frame.columns)


def column_in_code(X: Table, j: int) -> str:
    """Return the code that selects a column of a table, for remedies in messages. The names of a frame may be int."""
    return f"X[{X.columns.tolist()[j]!r}]" if isinstance(X, pd.DataFrame) else f"X[:, {j}]"


def take_optional(values: Array | None, rows: Batch | NDArray[np.bool_]) -> Array | None:
    """Return some rows of an array, such as weights or groups, that may be None."""
    return None if values is None else values[rows]


# --- kinds of tables --------------------------------------------------------------------------------------------------


def is_frame(X: object) -> bool:
    """Whether X is a pandas or polars data frame. Polars is recognised by a method, since it need not be installed."""
    return isinstance(X, pd.DataFrame) or (hasattr(X, "columns") and hasattr(X, "get_column_index"))


def is_sparse(X: object) -> bool:
    """Whether X is a sparse matrix or array. SciPy's own function narrows X too far for mypy."""
    return bool(sp.issparse(X))


def is_memory_mapped(X: object) -> bool:
    """Whether the values of a dense array are in a file."""
    return isinstance(X, MemoryMappedRows) or _memory_map_of(X) is not None


def mapped_file(X: Array) -> str | os.PathLike[str] | None:
    """Return the path of the file with an array's values; None if there is none, or it is unknown."""
    return getattr(_memory_map_of(X), "filename", None)


def _memory_map_of(X: object) -> Array | None:
    """Return the memory map that an array is a view of, or None."""
    while isinstance(X, np.ndarray):  # a view of a memory map may be a plain array: look at its base
        if isinstance(X, np.memmap):
            return X
        X = X.base
    return None


def as_uniform_array(frame: pd.DataFrame) -> Array | None:
    """Return a frame as an array if all its columns are NumPy numbers of one type, or bools, else None."""
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in "fiub" for dtype in dtypes):
        return np.asarray(frame.to_numpy())  # usually a view: pandas stores columns of one type in one array
    return None


# --- rows and columns -------------------------------------------------------------------------------------------------


class MemoryMappedRows:
    """Some rows of a memory-mapped array, which are read when this object is indexed.

    Parameters
    ----------
    values : ndarray of shape (N, d)
        The array in the file.
    rows : ndarray of shape (n,)
        Indices of the rows.
    """

    def __init__(self, values: Array, rows: Array) -> None:
        self._values = np.asarray(values)
        self._rows = rows
        self.shape = (len(rows), values.shape[1])
        self.dtype = values.dtype

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
    """Return some rows of an array, a CSR matrix or a data frame; those of a memory map are not read yet."""
    if isinstance(X, MemoryMappedRows):
        return X.take(rows)
    # a slice of a memory map reads nothing; an index array would read the rows
    if not isinstance(rows, slice) and is_memory_mapped(X):
        return MemoryMappedRows(X, rows)
    return X.iloc[rows] if isinstance(X, pd.DataFrame | pd.Series) else X[rows]


@overload
def column_at(X: pd.DataFrame, j: int) -> pd.Series: ...
@overload
def column_at(X: Array, j: int) -> Array: ...
def column_at(X: Table, j: int) -> pd.Series | Array:
    """Return one column of a data frame, of a sparse matrix, or of an array in memory or in a file."""
    if is_sparse(X):
        return X[:, [j]].toarray()[:, 0]
    return X.iloc[:, j] if isinstance(X, pd.DataFrame) else np.asarray(X[:, j])


def set_column(X: Table, j: int, values: ColumnValues) -> None:
    """Overwrite one column of a data frame, or of an array of objects."""
    if isinstance(X, pd.DataFrame):
        X.isetitem(j, pd.Series(values).array)  # an array, which goes by position and not by index
    else:
        X[:, j] = pd.Series(values).astype(object)


# --- values -----------------------------------------------------------------------------------------------------------


def check_sparse_is_finite(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )


def have_equal_values(X: Table, other: Table) -> bool:
    """Whether two tables have the same type and equal values; missing values equal each other."""
    if type(X) is not type(other) or X.shape != other.shape:
        return False
    if hasattr(X, "equals"):  # a data frame of pandas or polars
        return bool(X.equals(other))
    if is_sparse(X):
        return all(np.array_equal(getattr(X, part), getattr(other, part)) for part in ("indptr", "indices", "data"))
    return np.array_equal(X, other, equal_nan=X.dtype.kind == "f" and other.dtype.kind == "f")


ROWS_DIGESTED_AT_ONCE = 4096
"""How many rows are hashed at a time, so that a table in a file is not loaded as a whole."""


def table_digest(values: Table | None) -> str:
    """Return a hash of the type, shape and values of a table or an array, or "none"."""
    if values is None:
        return "none"
    content = hashlib.sha256()
    for array in arrays_of_table(values):
        content.update(f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
        for block in blocks_of_batch(slice(0, array.shape[0]), ROWS_DIGESTED_AT_ONCE):
            rows = np.asarray(array[block])
            # the bytes of objects are their addresses, which differ between processes
            content.update(repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes())
    return content.hexdigest()


def arrays_of_table(table: Table) -> Iterator[Array]:
    """Yield a frame's names, types and columns, a sparse matrix's arrays, or an array itself."""
    if isinstance(table, pd.DataFrame):
        yield np.array([f"{name} {dtype}" for name, dtype in table.dtypes.items()], dtype=object)
        for _, column in table.items():
            # dates in a time zone become those of UTC: an array with the zone has objects; the dtype names the zone
            is_in_zone = isinstance(column.dtype, pd.DatetimeTZDtype)
            yield np.asarray(column.dt.tz_convert(None) if is_in_zone else column)
    elif is_sparse(table):
        yield from (table.data, table.indices, table.indptr)
    else:
        yield table
