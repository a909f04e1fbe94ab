"""Remove rows of weight 0 before anything is checked, since nothing may depend on their values.

Conventions
-----------
N rows passed by the user; n rows with a positive weight.

weight : (N,) or None    checked sample weights; None for ones
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknet._tables.read import check_not_foreign, is_memory_mapped, is_sparse, take_rows, unwrap_narwhals
from sknet._typing import Array, Table, Target


def n_rows_of(values: Any, name: str) -> int | None:
    """Return the number of rows; None for a value without a length, which is refused elsewhere."""
    check_not_foreign(values, name)
    try:
        return values.shape[0] if is_sparse(values) else len(values)
    except TypeError:
        return None


def drop_zero_weights(X: Table, weight: Array | None) -> Table:
    """Return the rows of positive weight of an unchecked table; rows of a memory-mapped file are not read."""
    if weight is None or weight.all():
        return X
    if is_memory_mapped(X):
        if X.ndim != 2:  # refused later
            return X
        X = X.view(np.uint8) if X.dtype == bool else X  # bools are read as uint8, as in `_read_array`
    return _take(X, np.flatnonzero(weight))


def replace_zero_weight_rows(values: Target, weight: Array | None, name: str) -> Target:
    """Return unchecked values with each row of weight 0 replaced by a copy of another row.

    The number of rows stays N, so that row numbers in messages are right. Values of another length stay unchanged.
    """
    if weight is None or weight.all() or n_rows_of(values, name) != len(weight):
        return values
    rows = np.where(weight > 0.0, np.arange(len(weight)), np.flatnonzero(weight)[0])
    return _take(np.array(values) if is_memory_mapped(values) else values, rows)


def _take(values: Table, rows: NDArray[np.intp]) -> Table:
    values = unwrap_narwhals(values)
    if isinstance(values, list | tuple):
        return [values[row] for row in rows]
    if not hasattr(values, "shape"):  # a range, a deque or an Arrow array, which row indices cannot index
        array = np.asarray(values)
        return array[rows] if array.ndim else values  # 0-d, as for a set: refused later
    return take_rows(values.tocsr() if is_sparse(values) else values, rows)
