"""Contributions to outputs that are sums of functions, one of each column: exact, by a forward pass.

Each unit of such a network's last hidden layer depends on a single column, directly or through the units before: as
with `interaction_cst="no_interactions"`, or without hidden layers. A column's function is the part of the raw output
that comes from its units. What it contributes to a row is its value there, less its mean over a background; another
background changes it by a constant.

Conventions
-----------
n rows; m inputs of the network, d columns; h units of the last hidden layer, or inputs of a linear model; k outputs.

columns : (h,)         the column that each unit depends on; any one where it depends on none
parts : (n, d)         of an output, from the units of each column
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
"""How many contributions to one output are computed at once: rows of wide tables in smaller pieces."""


def columns_of_units(network: Network, encoder: TableEncoder) -> NDArray[np.intp] | None:
    """Return the column that each unit of the last hidden layer depends on; None if one depends on several."""
    first = last = encoder.input_columns  # of the columns that an input, or a unit, depends on
    for W in network.coefs[:-1]:
        seen = W[:, 0] != 0.0
        if first[seen].min(initial=encoder.n_columns) < last[seen].max(initial=-1):
            return None  # as most networks: all units are looked at only where the first one depends on a single column
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
        Called with the number of rows that are done, piece by piece.

    Returns
    -------
    values : ndarray of shape (n, d, k)
        The contributions, in the units of y.
    base_values : ndarray of shape (k,)
        The background's mean outputs.
    """
    explained, last = model.head.explained, model.network.coefs[-1].astype(np.float64)
    # (h, d) for each output: the weights of the units, each in its column's place
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
