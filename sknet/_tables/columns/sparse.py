"""The columns of a CSR matrix: numbers that are scaled and never shifted, so that zeros stay zeros.

Conventions
-----------
X : (n, d)               CSR matrix
weight : (n,) or None    sample weights, positive; None is ones
"""

from __future__ import annotations

import numpy as np

from sknet._tables.column import ColumnSettings
from sknet._tables.numbers import NumberColumn
from sknet._tables.statistics import reciprocal
from sknet._typing import Array, Table


def learn_sparse(X: Table, settings: ColumnSettings) -> list[NumberColumn]:
    """Learn the columns of a CSR matrix, which are never shifted.

    Each is divided by its root mean square, zeros included; by 1 if all its values are 0, or without scaling.
    """
    if settings.input_scaling is None:
        return [NumberColumn(0.0, 1.0, shift=False)] * X.shape[1]  # one value for all: there may be very many
    return [NumberColumn(0.0, factor, shift=False) for factor in _sparse_scale(X, settings.weight).tolist()]


def _sparse_scale(X: Table, weight: Array | None) -> Array:
    """Return 1 over the root mean square of every column."""
    n, d = X.shape
    if not X.has_canonical_format:  # several entries of one cell add up
        X = X.copy()
        X.sum_duplicates()
    w = np.ones(n) if weight is None else weight
    # bring each column to magnitude one by a power of two, so that no square overflows or vanishes
    values, largest = X.data.astype(np.float64), np.zeros(d)
    np.maximum.at(largest, X.indices, np.abs(values))
    exponent = np.frexp(largest)[1]
    scaled = np.ldexp(values, -exponent[X.indices])
    entry_weight = np.repeat(w, np.diff(X.indptr))  # of each stored value, that of its row
    squares = np.bincount(X.indices, weights=entry_weight * scaled**2, minlength=d)
    rms = np.ldexp(np.sqrt(squares / w.sum()), exponent)
    return np.where(rms > 0, reciprocal(rms), 1.0)
