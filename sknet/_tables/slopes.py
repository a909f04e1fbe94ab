"""From numbers for the network's inputs, derivatives above all, to those for the columns of the table.

Conventions
-----------
n rows; d columns; k outputs whose derivatives are taken.

by_input : (n, k, n_inputs)      derivatives by the network's inputs
by_column : (n, k, d)            derivatives by the table's columns; NaN for columns that are no numbers
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sknet._tables.encoding import TableEncoder
from sknet._tables.read import column_at, is_sparse
from sknet._typing import Array, Table


def sum_by_column(by_input: Array, starts: Sequence[NDArray[np.intp]]) -> Array:
    """Add up what there is for each column's inputs, over the last axis: (..., n_inputs) becomes (..., d).

    `starts`, as `TableEncoder.input_starts`: the first bin of each column, and its first other input.
    """
    by_column = np.zeros((*by_input.shape[:-1], len(starts[0]) - 1), by_input.dtype)
    for firsts in starts:
        n_inputs = np.diff(firsts)
        has_any = n_inputs > 0
        if (n_inputs == 1).all():  # as `reduceat`, which takes ten times as long
            by_column += by_input[..., firsts[0] : firsts[-1]]
        elif has_any.any():
            by_column[..., has_any] += np.add.reduceat(by_input[..., : firsts[-1]], firsts[:-1][has_any], axis=-1)
    return by_column


def gradients_by_column(encoder: TableEncoder, X: Table, by_input: Array) -> Array:
    """Add up, for each column, the derivatives by its inputs times the inputs' slopes.

    Parameters
    ----------
    encoder : TableEncoder
    X : ndarray, CSR matrix or data frame of shape (n, d)
        Rows that can be encoded.
    by_input : ndarray of shape (n, k, n_inputs)

    Returns
    -------
    ndarray of shape (n, k, d)
    """
    if is_sparse(X):
        if encoder.keeps_zeros:  # every input is its column times a scale; there may be too many columns for a loop
            return by_input * np.array([formula.scale for _, formula in encoder.input_formulas])
        X = X.toarray()
    by_column = np.full((*by_input.shape[:2], encoder.n_columns), np.nan)
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        slopes = column.slopes(column_at(X, j), name)  # (n, inputs of the column)
        if slopes is not None:
            # (n, k, inputs) times (n, 1, inputs), added up over the inputs: (n, k)
            by_column[:, :, j] = np.vecdot(by_input[:, :, encoder.input_positions(j)], slopes[:, np.newaxis])
    return by_column
