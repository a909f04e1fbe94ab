"""Columns of new rows that are unlike the training rows: far from their centre, unread, missing or no longer constant.

X is a table of new rows that the encoder accepts.
"""

from __future__ import annotations

import numpy as np

from sknet._tables.column import MIN_VALUES_TO_WARN
from sknet._tables.encoder import TableEncoder
from sknet._tables.read import ColumnValues, column_at, is_missing, is_sparse, take_rows
from sknet._typing import Array, Table

DRIFT_SAMPLE_ROWS = 1000
"""This many rows, evenly spaced, or up to twice as many, are compared: their median is accurate enough."""


def columns_far_from_training(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns whose median is far from the centre, or in which most categories are unknown."""
    if is_sparse(X):
        return []
    sample = take_rows(X, np.arange(0, X.shape[0], max(1, X.shape[0] // DRIFT_SAMPLE_ROWS)))
    named = enumerate(zip(encoder.column_names, encoder.columns, strict=True))
    return [name for j, (name, column) in named if column.is_far_from(column_at(sample, j), name)]


ALL_MISSING_WARNING = (
    "are missing in all rows, but were never missing in fit: predictions make no use of them. Check how the table was "
    "made."
)
"""The warning of columns without any value in many new rows."""


def columns_with_unread_values(encoder: TableEncoder, X: Table) -> dict[str, list[str]]:
    """Return the names of columns with values that cannot be read, or without values, by the reason for a warning."""
    unread: dict[str, list[str]] = {}
    if is_sparse(X):
        return unread
    is_few, may_be_missing = X.shape[0] < MIN_VALUES_TO_WARN, np.zeros(X.shape[1], dtype=bool)
    if not is_few:
        # nearly always, the first values are not all missing, so that the other values are not read
        may_be_missing = _all_missing(take_rows(X, slice(0, MIN_VALUES_TO_WARN)))
    if encoder.is_numeric and not may_be_missing.any():
        return unread
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        if may_be_missing[j] and _all_missing(column_at(X, j)):
            if not column.expects_missing_values and column.n_inputs:
                unread.setdefault(ALL_MISSING_WARNING, []).append(name)
        elif (column.reads_every_value or not is_few) and (reason := column.why_unread(column_at(X, j), name)):
            unread.setdefault(reason, []).append(name)
    return unread


def _all_missing(values: Table | ColumnValues) -> Array:
    """Return whether all values of a column, or of each column, are missing."""
    try:
        return np.asarray(np.all(is_missing(values), axis=0))
    except ArithmeticError:  # a signalling NaN: encoding names it
        return np.zeros(values.shape[1:], dtype=bool)


def rescale_constant_columns(encoder: TableEncoder, X: Table, weight: Array | None) -> tuple[TableEncoder, list[str]]:
    """Return the encoder with constant columns scaled by the values of new rows, and the names of these columns."""
    columns, names = list(encoder.columns), []
    constant = [j for j, column in enumerate(columns) if column.is_constant]
    if constant and is_sparse(X):
        X = X.tocsc()  # reading a column of a CSC matrix is fast
    for j in constant:
        name = encoder.column_names[j]
        columns[j] = columns[j].with_scale_of(column_at(X, j), name, weight)
        if not columns[j].is_constant:
            names.append(name)
    return (TableEncoder(encoder.names, tuple(columns)) if names else encoder), names
