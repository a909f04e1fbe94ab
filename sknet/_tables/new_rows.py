"""Columns of new rows that are unlike the training rows: outside their range, unread, missing or no longer constant.

X is a table of new rows that the encoder accepts.
"""

from __future__ import annotations

from copy import copy

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.column import MIN_VALUES_TO_WARN, Column
from sknet._tables.column_values import ColumnValues
from sknet._tables.encoder import TableEncoder
from sknet._tables.numbers import lie_mostly_outside
from sknet._tables.raw_table import as_uniform_array, column_at, is_sparse, set_column, take_rows
from sknet._tables.read_arrays import is_missing
from sknet._typing import Array, Table

DRIFT_SAMPLE_ROWS = 1000
"""So many rows are compared: their share outside the range is accurate to about 2% of the rows."""


def rows_to_compare(n: int) -> NDArray[np.intp]:
    """Return the indices of all n rows or, of many, of some drawn at random, always the same ones.

    Evenly spaced rows of a grid may be all alike.
    """
    if n <= DRIFT_SAMPLE_ROWS:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).integers(n, size=DRIFT_SAMPLE_ROWS))


def columns_outside_training(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns whose values are mostly outside the training range, or mostly unknown categories."""
    if is_sparse(X):
        return []
    some_rows = take_rows(X, rows_to_compare(X.shape[0]))
    return [name for j, name in enumerate(encoder.column_names) if _is_outside(encoder, some_rows, j)]


def _is_outside(encoder: TableEncoder, X: Table, j: int) -> bool:
    return encoder.columns[j].lies_mostly_outside(column_at(X, j), encoder.column_names[j])


def numbers_outside_training(encoder: TableEncoder, X: Table) -> list[int]:
    """Return the indices of columns whose numbers, in many new rows, are mostly outside the training range.

    A few evenly spaced rows nearly always show that none is; else `rows_to_compare` decides.
    """
    n = X.shape[0]
    if is_sparse(X) or n < MIN_VALUES_TO_WARN:
        return []
    some_rows = take_rows(X, slice(None, None, n // MIN_VALUES_TO_WARN))
    array = as_uniform_array(some_rows) if isinstance(some_rows, pd.DataFrame) else np.asarray(some_rows)
    if encoder.is_numeric and array is not None:
        suspects = np.flatnonzero(lie_mostly_outside(array, *encoder.training_ranges)).tolist()
    else:
        numbers = (j for j, column in enumerate(encoder.columns) if not column.categories)
        suspects = [j for j in numbers if _is_outside(encoder, some_rows, j)]
    if not suspects:
        return []
    rows = take_rows(X, rows_to_compare(n))
    suspects = [j for j in suspects if _is_outside(encoder, rows, j)]
    return [j for j in suspects if _n_observed(column_at(rows, j)) >= MIN_VALUES_TO_WARN]


def _n_observed(values: ColumnValues) -> int:
    return int(np.count_nonzero(~is_missing(values)))


def read_new_values(encoder: TableEncoder, X: Table) -> tuple[Table, dict[str, list[str]]]:
    """Return new rows with dates instead of their text, and the names of unread columns by the reason for a warning."""
    unread: dict[str, list[str]] = {}
    if is_sparse(X) or encoder.is_numeric:
        return X, unread
    X_read = X
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        # few values may all be unknown by chance, so that they are not read for a warning
        if not (column.is_number or (column.categories and X.shape[0] < MIN_VALUES_TO_WARN)):
            column_values = column_at(X, j)
            values, reason = column.read(column_values, name)
            if reason:
                unread.setdefault(reason, []).append(name)
            if values is not column_values:
                X_read = copy(X) if X_read is X else X_read  # this copies no columns of a frame
                set_column(X_read, j, values)
    return X_read, unread


def columns_missing_only_now(encoder: TableEncoder, X: Table) -> list[str]:
    """Return the names of columns without any value in many new rows, if none was missing in training."""
    if is_sparse(X) or X.shape[0] < MIN_VALUES_TO_WARN:
        return []
    # nearly always, the first values are not all missing, so that the other values are not read
    may_be_missing = np.flatnonzero(_are_columns_empty(take_rows(X, slice(0, MIN_VALUES_TO_WARN)))).tolist()
    candidates = ((encoder.column_names[j], encoder.columns[j], j) for j in may_be_missing)
    return [
        name
        for name, column, j in candidates
        if column.n_inputs and not column.expects_missing_values and _are_columns_empty(column_at(X, j))
    ]


def _are_columns_empty(values: Table | ColumnValues) -> Array:
    """Return whether all values of a column, or of each column, are missing."""
    try:
        return np.asarray(np.all(is_missing(values), axis=0))
    except ArithmeticError:  # a signalling NaN: encoding names it
        return np.zeros(values.shape[1:], dtype=bool)


def rescale_constant_columns(encoder: TableEncoder, X: Table, weight: Array | None) -> tuple[TableEncoder, list[str]]:
    """Return the encoder with constant columns scaled by the values of new rows, and the names of these columns."""
    constant = [j for j, column in enumerate(encoder.columns) if column.is_constant]
    if constant and is_sparse(X):
        X = X.tocsc()  # reading a column of a CSC matrix is fast
    rescaled: dict[int, Column] = {}
    for j in constant:
        column = encoder.columns[j].rescaled_if_constant(column_at(X, j), encoder.column_names[j], weight)
        if not column.is_constant:
            rescaled[j] = column
    return (encoder.with_columns(rescaled) if rescaled else encoder), [encoder.column_names[j] for j in rescaled]
