"""From derivatives by the network's inputs to those by the columns of the table: the chain rule through the encoder.

Conventions
-----------
n rows; d columns; k numbers that are derived.

by_input : (n, k, n_inputs)      by_column : (n, k, d)   NaN for columns that are no numbers
"""

import numpy as np
from scipy.sparse import issparse

from sknet._tables.encoding import TableEncoder
from sknet._tables.frames import column_at
from sknet._typing import Array, Table


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
    if issparse(X):
        if encoder.keeps_zeros:  # every column is divided by a number, and very many need no loop
            return by_input * np.array([facts.scale for _, facts in encoder.inputs])
        X = X.toarray()
    by_column = np.full((*by_input.shape[:2], encoder.n_columns), np.nan)
    first = 0
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        own = by_input[:, :, first : first + column.n_inputs]
        slopes = column.slopes(column_at(X, j), name)
        if slopes is not None:
            by_column[:, :, j] = np.vecdot(own, slopes[:, np.newaxis])
        first += column.n_inputs
    return by_column
