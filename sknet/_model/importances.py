"""The importance of each column of a table: how much the outputs vary with it, found at a few hundred training rows.

It is what `explain` says on average over these rows, at a small part of its cost. A column contributes to an output the
slope, averaged along lines from other rows, times how far the row is from the rows' mean, its inputs added up. Where
`explain` takes each line from each row of a background to its end, a few points of it are taken here.

Conventions
-----------
r rows; m inputs of the network, of which u vary in these rows; d columns; h units of the first layer; k outputs.

x : (r, u)             the rows, encoded
z : (r, h)             first sums, x W + bias
slopes : (r, h)        the mean of d output / dz over the points, for one output
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sknet._model.heads import Head
from sknet._model.matrices import EncodedRows
from sknet._model.model import Model, Network
from sknet._model.sensitivity import slopes_of_explained
from sknet._model.threads import limit_blas_threads
from sknet._network.sparse_layers import MixedRows
from sknet._tables.encoding import TableEncoder
from sknet._tables.rows import Rows
from sknet._tables.slopes import sum_by_column
from sknet._tables.tables import is_sparse
from sknet._typing import Array, Table

MIN_AND_MAX_ROWS_USED = (256, 512)
"""How many training rows are looked at: an eighth of them, but at least and at most so many."""

POINTS_PER_ROW = 4
"""How many points of lines each row gets, each between it and another row."""

VALUES_MULTIPLIED_AT_ONCE = 2**17
"""How many values of the rows are multiplied at a time, so that wide tables take little memory."""


def draw_importance_rows(n: int, weight: Array | None) -> NDArray[np.intp]:
    """Draw the numbers of rows that stand for n, increasing: each for as much weight as the others."""
    n_drawn = min(max(n // 8, MIN_AND_MAX_ROWS_USED[0]), MIN_AND_MAX_ROWS_USED[1])
    if weight is not None and weight.min() == weight.max():
        weight = None
    if weight is None and n <= n_drawn:
        return np.arange(n)
    ends = np.arange(1.0, n + 1.0) if weight is None else np.cumsum(weight, dtype=np.float64)
    # one in each of so many stretches of equal weight, wherever it falls: rows may come in a rhythm
    places = (np.arange(n_drawn) + np.random.default_rng(0).random(n_drawn)) / n_drawn
    return np.minimum(np.searchsorted(ends, places * ends[-1], side="right"), n - 1)


def importance_rows(rows: Rows, encoded: EncodedRows, train: NDArray[np.intp] | None) -> Table:
    """Draw a few hundred of the rows that are trained on, numbered `train` if others are held out, as encoded."""
    numbers = np.arange(len(rows)) if train is None else train
    drawn = numbers[draw_importance_rows(len(numbers), None if rows.weight is None else rows.weight[numbers])]
    inputs = encoded.inputs[drawn].without_first_inputs(0)  # with buffers that nothing else overwrites
    batch = inputs(slice(0, len(drawn)))
    return batch[:, :-1] if inputs.batch_format == "ones" else batch


def learn_importances(model: Model, rows: Table) -> Array:
    """Return the importance of each column, (d,): together 1.

    Parameters
    ----------
    model : Model
    rows : ndarray or CSR matrix of shape (r, m), or MixedRows
        Encoded rows, in the type that the model computes in.

    Returns
    -------
    ndarray of shape (d,)
        Not negative, together 1; all the same where no column makes a difference.
    """
    network = model.network.as_type(model.compute_dtype)
    x, used = varying_inputs(rows, model.encoder)
    W, b = network.coefs[0][used], network.intercepts[0]
    importances = np.zeros(model.encoder.n_columns)
    # outputs that overflow are an error of `predict`, which names the column
    with limit_blas_threads(x.shape[0] * network.largest_matrix), np.errstate(over="ignore", invalid="ignore"):
        centre, step = np.asarray(x.mean(axis=0)), max(1, VALUES_MULTIPLIED_AT_ONCE // max(1, x.shape[1]))
        for slopes in mean_slopes(network, model.head, x @ W + b):
            for start in range(0, x.shape[0], step):
                some = slice(start, start + step)
                difference = (x[some].toarray() if is_sparse(x) else x[some]) - centre
                columns, by_column = sum_by_used_column(model.encoder, used, (slopes[some] @ W.T) * difference)
                importances[columns] += np.abs(by_column).sum(axis=0, dtype=np.float64)
    total = importances.sum()
    if not 0.0 < total < np.inf:
        return np.full(len(importances), 1.0 / len(importances))
    return importances / total


def mean_slopes(network: Network, head: Head, z: Array) -> Iterator[Array]:
    """Yield the mean slopes of each output, (r, h): at points that lie evenly between each row and others."""
    rng = np.random.default_rng(0)  # the same for each call: importances depend on the weights and rows alone
    fractions = [(i + 0.5) / POINTS_PER_ROW for i in range(POINTS_PER_ROW)]
    points = [fraction * z + (1.0 - fraction) * z[rng.permutation(len(z))] for fraction in fractions]
    by_point = [slopes_of_explained(network, point, head.explained, 1.0 / POINTS_PER_ROW) for point in points]
    for _ in range(head.n_outputs):  # one at a time: of a thousand classes, all would take much memory
        mean = np.zeros_like(z)
        for slopes in by_point:
            mean += next(slopes)
        yield mean


def varying_inputs(rows: Table, encoder: TableEncoder) -> tuple[Table, NDArray[np.intp]]:
    """Return the rows, an array or CSR, of those inputs that may be other than 0; and which these are, increasing."""
    if isinstance(rows, MixedRows):
        first = encoder.n_inputs - rows.one_hot.shape[1]  # the one-hot inputs are the last ones, from here on
        looked_up = np.unique(rows.one_hot.indices)
        used = np.union1d(rows.dense_inputs, first + looked_up)
        x = np.zeros((len(rows.dense), len(used)), rows.dense.dtype)
        x[:, np.searchsorted(used, rows.dense_inputs)] = rows.dense
        x[:, np.searchsorted(used, first + looked_up)] = rows.one_hot[:, looked_up].toarray()
        return x, used
    if is_sparse(rows):
        used = np.unique(rows.indices).astype(np.intp)
        return rows[:, used], used
    return rows, np.arange(encoder.n_inputs)


def sum_by_used_column(
    encoder: TableEncoder, used: NDArray[np.intp], by_input: Array
) -> tuple[NDArray[np.intp], Array]:
    """Add up the numbers, (r, u), of each column's inputs; return which columns have such, and (r, these columns).

    In a sparse table they are few of all.
    """
    starts = [
        np.searchsorted(used, firsts) for firsts in encoder.input_starts
    ]  # of columns' bins, and of their other inputs
    columns = np.flatnonzero(sum(map(np.diff, starts)))
    # the columns between these have no inputs: each ends where the next one of these begins
    return columns, sum_by_column(by_input, [np.append(firsts[columns], firsts[-1]) for firsts in starts])
