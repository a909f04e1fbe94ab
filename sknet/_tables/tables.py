"""A table as it comes, an array, a CSR matrix or a data frame: which of these it is, and some of its rows.

Conventions
-----------
X : (n, d)               array, in memory or in a file, CSR matrix or data frame, its values not yet encoded
rows : slice or (m,)     which of the rows
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp

from sknet._typing import Array, Batch, DType, Table


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

    def __getitem__(self, key: Batch | tuple[Batch, Batch | int]) -> Array:
        if not isinstance(key, tuple):  # X[rows]
            return self._values[self._rows[key]]
        # X[rows, columns]: `columns` are integers of shape (c,), or of shape () where the key is one integer
        rows, columns = self._rows[key[0]], np.arange(self.shape[1])[key[1]]
        return self._values[rows[:, np.newaxis], columns] if columns.ndim else self._values[rows, columns]

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


def is_memory_mapped(X: object) -> bool:
    """Whether a dense array's values lie in a file."""
    if isinstance(X, MemoryMappedRows):
        return True
    # a view of a memory map may be a plain array: only its base tells
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return False


def is_sparse(X: object) -> bool:
    """Whether X is a sparse matrix or array; SciPy's own function narrows X to a type without attributes for mypy."""
    return bool(sp.issparse(X))


def refuse_bad_sparse(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with a value that is not finite."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )
