"""Rows of weight 0: they are gone before anything is checked, for nothing may depend on what they hold.

Conventions
-----------
N rows as the user passes them; n of them have a positive weight.

weight : (N,) or None    checked sample weights; None is ones
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sknet._tables.arrays import refuse_unreadable_collection
from sknet._tables.frames import unwrap_narwhals
from sknet._tables.tables import is_memory_mapped, is_sparse, take_rows
from sknet._typing import Array, Table, Target


def n_rows_of(values: Any, name: str) -> int | None:
    """Return the number of rows that a user passes; None for a value without a length, which is refused elsewhere."""
    refuse_unreadable_collection(values, name)
    try:
        return values.shape[0] if is_sparse(values) else len(values)
    except TypeError:
        return None


def drop_zero_weights(X: Table, weight: Array | None) -> Table:
    """Return the n rows of a table, not yet checked, that have a positive weight; those of a file stay there."""
    if weight is None or weight.all():
        return X
    if is_memory_mapped(X):
        if X.ndim != 2:  # which is refused later
            return X
        X = X.view(np.uint8) if X.dtype == bool else X  # as whole arrays of bools are read
    return _take(X, np.flatnonzero(weight))


def replace_zero_weight_rows(values: Target, weight: Array | None, name: str) -> Target:
    """Return what a user passes, not yet checked, with a copy of another row in place of each row of weight 0.

    So there are N rows still, and messages count as the user does. Of another length, they are left as they are.
    """
    if weight is None or weight.all() or n_rows_of(values, name) != len(weight):
        return values
    rows = np.where(weight > 0.0, np.arange(len(weight)), np.flatnonzero(weight)[0])
    return _take(np.array(values) if is_memory_mapped(values) else values, rows)


def _take(values: Table, rows: NDArray[np.intp]) -> Table:
    values = unwrap_narwhals(values)
    if isinstance(values, list | tuple):
        return [values[row] for row in rows]
    if not hasattr(values, "shape"):  # a range, a deque or an Arrow array: row numbers cannot index it, NumPy reads it
        array = np.asarray(values)
        return array[rows] if array.ndim else values  # without dimensions, as of a set, it is refused later
    return take_rows(values.tocsr() if is_sparse(values) else values, rows)
