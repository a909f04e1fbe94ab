"""Exact contributions for additive networks, whose raw output is a sum of one function per column.

In such a network each unit of the last hidden layer depends on a single column. This holds without hidden layers and
with `interaction_cst="no_interactions"`. A column's function is the part of the raw output that comes from its units.
The contribution of a column to a row is the function's value for this row minus its mean over a background. Another
background shifts the contributions of a column by a constant.

Conventions
-----------
n rows; m inputs of the network, d columns; h units of the last hidden layer, or inputs of a linear model; k outputs.

columns : (h,)         the column that each unit depends on; 0 for a unit that depends on no column
parts : (n, d)         the part of one output that comes from the units of each column
"""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model, Network
from sknet._tables.encoding import TableEncoder
from sknet._tables.read import take_rows
from sknet._typing import Array, Table

PARTS_COMPUTED_AT_ONCE = 2**20
"""How many contributions to one output are computed at once. The rows of wide tables are split into smaller pieces."""


def columns_of_units(network: Network, encoder: TableEncoder) -> NDArray[np.intp] | None:
    """Return the column that each unit of the last hidden layer depends on; None if one depends on several."""
    first = last = encoder.input_columns  # the first and last column that an input, or a unit, depends on
    for W in network.coefs[:-1]:
        seen = W[:, 0] != 0.0
        if first[seen].min(initial=encoder.n_columns) < last[seen].max(initial=-1):
            return None  # checked on the first unit alone, which is fast and settles it for most networks
        depends = W != 0.0
        first = np.where(depends, first[:, np.newaxis], encoder.n_columns).min(axis=0)
        last = np.where(depends, last[:, np.newaxis], -1).max(axis=0)
        if (first < last).any():
            return None
    return np.maximum(last, 0)


def explain_additive(
    model: Model, columns: NDArray[np.intp], table: Table, background: Table, progress: Callable[[int], None]
) -> tuple[Array, Array]:
    """Compute what each column contributes to each raw output of each row.

    Parameters
    ----------
    model : Model
    columns : ndarray of shape (h,)
        As `columns_of_units` returns it.
    table : ndarray, CSR matrix or data frame of shape (n, d)
    background : ndarray, CSR matrix or data frame of shape (b, d)
    progress : callable
        Called with the number of finished rows, after each piece.

    Returns
    -------
    values : ndarray of shape (n, d, k)
        The contributions, in the units of y.
    base_values : ndarray of shape (k,)
        The background's mean outputs.
    """
    explained, last = model.head.explained, model.network.coefs[-1].astype(np.float64)
    # (h, d) for each output: row i holds the weight of unit i, in the column that the unit depends on
    placed = [
        sp.csr_array((weights, (np.arange(len(columns)), columns)), (len(columns), model.encoder.n_columns))
        for weights in last.T
    ]

    mean = np.asarray(model.last_hidden(background).mean(axis=0, dtype=np.float64)).ravel()
    base = explained.scaler.decode((mean @ last + model.network.intercepts[-1])[np.newaxis], model.output_dtype)[0]
    n, d = table.shape[0], model.encoder.n_columns
    values, n_at_once = np.empty((n, d, len(placed)), base.dtype), max(1, PARTS_COMPUTED_AT_ONCE // d)
    for start in range(0, n, ROWS_PREDICTED_AT_ONCE):
        stop = min(start + ROWS_PREDICTED_AT_ONCE, n)
        hidden = model.last_hidden(take_rows(table, slice(start, stop)))
        for first in range(0, stop - start, n_at_once):
            some = hidden[first : first + n_at_once]
            rows = slice(start + first, start + first + some.shape[0])
            for output, of_output in enumerate(placed):
                parts = as_dense(some @ of_output) - mean @ of_output
                values[rows, :, output] = parts * explained.scaler.scale[output]
        progress(stop)
    return values, base


def as_dense(x: Table) -> Array:
    """Return an array as it is, and a sparse matrix as an array."""
    return x if isinstance(x, np.ndarray) else np.asarray(x.toarray())
