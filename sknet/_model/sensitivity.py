"""Gradients of outputs: by numeric columns, and the importance of each column, which follows from a few of them.

A gradient by a column is a backward pass through network and encoder. Importances say how much the outputs vary with
each column. They approximate the mean absolute contributions that `explain` returns, at a small part of the cost. The
contribution of an input is the mean slope of the output, times the difference between the row and the mean row. The
contributions of a column's inputs are added up. `explain` integrates slopes along lines from all background rows. Here
slopes are averaged over a few points, each between the row and another row.

Conventions
-----------
n rows; d columns of the table; m inputs of the network; h units of its first layer; k raw outputs. Importances are
estimated at r training rows, in which u inputs vary.

z : (n, h)         the first layer's sums, x W + b
raw : (n, k)         delta : (n, k)   dJ/draw, where J is the sum of one output over the rows
by_input : (n, k, m)     by_column : (n, k, d)   for each output; NaN for columns that are not numeric
x : (r, u)         the encoded rows
slopes : (r, h)    the mean of d output / dz over the points, for one output
"""

from collections.abc import Callable, Iterator
from itertools import islice, pairwise

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._model.heads import ExplainedOutputs, Head
from sknet._model.machine import limit_blas_threads
from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model, Network
from sknet._model.rows import EncodedRows
from sknet._network.chain import OneHotAndDenseRows
from sknet._tables.encoder import TableEncoder
from sknet._tables.raw_table import is_sparse, take_optional, take_rows
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._tables.slopes import gradients_by_column, sum_by_column
from sknet._typing import Array, Table
from sknet._vectors import blocks_of_batch

# --- gradients -------------------------------------------------------------------------------------------------------


def input_gradients(model: Model, table: Table) -> Array:
    """Return d output / d number for every row, output and column, (n, k, d), computed in float64."""
    n = table.shape[0]
    k = model.head.n_outputs
    network = model.network.as_type(np.dtype(np.float64))
    by_column = np.empty((n, k, model.encoder.n_columns), model.encoding.output_dtype)
    for rows in blocks_of_batch(slice(0, n), ROWS_PREDICTED_AT_ONCE):
        block = take_rows(table, rows)
        z = model.encoder.encode(block, np.dtype(np.float64)) @ network.coefs[0] + network.intercepts[0]
        by_input = np.empty((len(z), k, model.encoder.n_inputs))
        for output, slopes in enumerate(output_slopes(network, z, model.head.backward_to_raw, 1.0)):
            by_input[:, output] = slopes @ network.coefs[0].T  # dJ/dx = dJ/dz W^T
        by_column[rows] = gradients_by_column(model.encoder, block, by_input)
    return by_column


# --- slopes by the first sums; these functions overwrite z -----------------------------------------------------------


def slopes_of_explained_outputs(
    network: Network, z: Array, explained: ExplainedOutputs, factor: float
) -> Iterator[Array]:
    """Yield `factor` times d output / dz, (n, h), for each explained output; overwrites z."""
    # this skips the product with the output layer, so that time does not grow with k^2
    if explained.are_raw and network.activations:
        return slopes_of_hidden(network, z, factor * network.coefs[-1].T)
    return output_slopes(network, z, explained.backward, factor)


def slopes_of_hidden(network: Network, z: Array, weights: Array) -> Iterator[Array]:
    """Yield d (w . hidden) / dz, (n, h), for each row w of the weights, and the last hidden layer; overwrites z."""
    _, layer_values = _forward_to_hidden(network, z)
    for by_hidden in weights:
        yield _back_from_hidden(network, layer_values, np.tile(by_hidden, (len(z), 1)))


def output_slopes(
    network: Network, z: Array, backward: Callable[[Array, Array], Array], factor: float
) -> Iterator[Array]:
    """Yield `factor` times d output / dz, (n, h), for each output; overwrites z.

    `backward` takes raw outputs and dJ/d output, which it may overwrite, and returns dJ/draw.
    """
    hidden, layer_values = _forward_to_hidden(network, z)
    raw = hidden @ network.coefs[-1] + network.intercepts[-1] if layer_values else hidden
    for output in range(raw.shape[1]):
        by_output = np.zeros_like(raw)
        # rows are independent: the gradient of the sum over rows holds the gradient of each row
        by_output[:, output] = factor
        delta = backward(raw.copy(), by_output)
        yield _back_from_hidden(network, layer_values, delta @ network.coefs[-1].T) if layer_values else delta


def _forward_to_hidden(network: Network, z: Array) -> tuple[Array, list[Array]]:
    """Return the last hidden layer's outputs, and the values that backward passes need; overwrites z."""
    layer_values: list[Array] = []
    for activation, W, b in zip(network.activations, network.coefs, network.intercepts, strict=False):
        if layer_values:  # z already holds the first layer's sums
            z = z @ W
            z += b
        layer_values.append(z.copy() if activation.keeps == "input" else z)
        activation.apply(z)  # this works in place: `layer_values` now holds the outputs, unless it has a copy
    return z, layer_values


def _back_from_hidden(network: Network, layer_values: list[Array], delta: Array) -> Array:
    """Return dJ/dz of the first layer, (n, h), from `delta`, dJ/da of the last hidden layer, which is overwritten."""
    for i in range(len(layer_values) - 1, -1, -1):
        network.activations[i].backward(layer_values[i].copy(), delta)  # dJ/dz = dJ/da f'(z); may overwrite the copy
        if i:
            delta = delta @ network.coefs[i].T  # dJ/da of the layer below = dJ/dz W^T
    return delta


# --- importances -----------------------------------------------------------------------------------------------------

MAX_IMPORTANCE_ROWS = 512
"""How many training rows are used at most."""

MIN_IMPORTANCE_ROWS = 64
"""How many rows are used at least, even after a short fit. In 50 fits to 25 tables, the rank correlation of importances
at 64 rows with importances at 256 to 512 rows was .97 on average and .86 at least. At 32 rows it was .93 and .60."""

MAX_SHARE_OF_TRAINING = 0.01
"""Importances may take this fraction of the training's multiplications. They take up to twice this fraction of its
time, because they have fewer rows than a batch and also sum over columns."""

POINTS_PER_ROW = 4
"""At how many points slopes are computed for each row."""

VALUES_MULTIPLIED_AT_ONCE = 2**17
"""How many values are multiplied at a time, so that wide tables take little memory."""

OUTPUTS_AT_ONCE = 64
"""For sparse rows, the slopes of this many outputs are in memory at once."""


def draw_rows(n: int, weight: Array | None, n_drawn: int) -> NDArray[np.intp]:
    """Draw indices of rows, in increasing order; each drawn row represents the same total weight."""
    if weight is not None and weight.min() == weight.max():
        weight = None
    if weight is None and n <= n_drawn:
        return np.arange(n)
    # one random row in each of n_drawn ranges of equal weight: a fixed step could coincide with a period of the rows
    shares = (np.arange(n_drawn) + np.random.default_rng(0).random(n_drawn)) / n_drawn
    if weight is None:
        return np.minimum((shares * n).astype(np.intp), n - 1)
    ends = np.cumsum(weight, dtype=np.float64)
    return np.minimum(np.searchsorted(ends, shares * ends[-1], side="right"), n - 1)


def draw_importance_rows(train_rows: EncodedRows) -> Table:
    """Return a sample of a few hundred encoded rows."""
    row_indices = np.arange(len(train_rows))
    if train_rows.weight_of_table is not None and exceeds_sample_size(len(train_rows)):  # sums of all take memory
        row_indices = sample_rows(len(train_rows), 0)
    in_table = row_indices if train_rows.row_indices is None else train_rows.row_indices[row_indices]
    weight = take_optional(train_rows.weight_of_table, in_table)
    row_indices = row_indices[draw_rows(len(row_indices), weight, MAX_IMPORTANCE_ROWS)]
    inputs = train_rows.inputs[row_indices].without_first_inputs(0)  # this makes a buffer of its own
    batch = inputs(slice(0, len(row_indices)))
    return batch[:, :-1] if inputs.batch_format == "ones" else batch


def n_encoded_rows(rows: Table) -> int:
    """Return the number of encoded rows."""
    return len(rows.dense) if isinstance(rows, OneHotAndDenseRows) else int(rows.shape[0])


def inputs_per_row(rows: Table) -> float:
    """Return how many inputs of an encoded row are multiplied on average; in sparse rows, only nonzero inputs."""
    if isinstance(rows, OneHotAndDenseRows):
        return (rows.dense.size + rows.one_hot.nnz) / n_encoded_rows(rows)
    return (rows.nnz if is_sparse(rows) else rows.size) / n_encoded_rows(rows)


def n_importance_rows(rows: Table, network: Network, n_outputs: int, training_work: float) -> int:
    """Return how many encoded rows importances may use, after a training of `training_work` multiplications."""
    first = network.coefs[0].size
    later_weights = sum(W.size for W in network.coefs[1:])
    if is_sparse(rows):
        first = inputs_per_row(rows) * network.coefs[0].shape[1]
    of_points = POINTS_PER_ROW * later_weights  # forward, and back for each output
    per_row = first + of_points + n_outputs * (of_points + first)
    return min(max(int(MAX_SHARE_OF_TRAINING * training_work / per_row), MIN_IMPORTANCE_ROWS), MAX_IMPORTANCE_ROWS)


def draw_encoded_rows(rows: Table, n: int) -> Table:
    """Return a sample of at most n encoded rows."""
    row_indices = draw_rows(n_encoded_rows(rows), None, n)
    if isinstance(rows, OneHotAndDenseRows):
        return OneHotAndDenseRows(rows.dense[row_indices], rows.one_hot[row_indices], rows.dense_inputs)
    return rows[row_indices]


def learn_importances(model: Model, rows: Table) -> Array:
    """Return the importance of each column, (d,).

    Parameters
    ----------
    model : Model
    rows : ndarray or CSR matrix of shape (r, m), or OneHotAndDenseRows
        Encoded rows, in the model's compute dtype.

    Returns
    -------
    ndarray of shape (d,)
        Not negative, with sum 1. All are equal if the outputs do not vary.
    """
    network = model.network.as_type(model.encoding.compute_dtype)
    # if outputs overflow, `predict` raises an error that names the column
    with (
        limit_blas_threads(n_encoded_rows(rows) * network.layout.max_matrix_size),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        sums = (contribution_sums_of_sparse if is_sparse(rows) else contribution_sums)(rows, network, model)
    total = sums.sum()
    if not 0.0 < total < np.inf:
        return np.full(len(sums), 1.0 / len(sums))
    return sums / total


def contribution_sums(rows: Array | OneHotAndDenseRows, network: Network, model: Model) -> Array:
    """Return the absolute contributions of each column, added up over rows and outputs, (d,)."""
    x, used = varying_inputs(rows, model.encoder)
    columns, starts = columns_of_inputs(model.encoder, used)
    W = network.coefs[0][used]
    b = network.intercepts[0]
    sums = np.zeros(model.encoder.n_columns)
    difference = x - x.mean(axis=0)
    n_at_once = max(1, VALUES_MULTIPLIED_AT_ONCE // x.shape[1])
    for slopes in mean_slopes_by_unit(network, model.head, x @ W + b):
        for block in blocks_of_batch(slice(0, len(x)), n_at_once):
            by_column = sum_by_column((slopes[block] @ W.T) * difference[block], starts)
            sums[columns] += np.abs(by_column).sum(axis=0, dtype=np.float64)
    return sums


def contribution_sums_of_sparse(rows: sp.csr_array, network: Network, model: Model) -> Array:
    """Return the same as `contribution_sums`, for a sparse table, in which each column is one input.

    Slopes are computed only for nonzero inputs; all slopes would take a hundred times as long. The slope at an input
    that is 0 is estimated by the column's mean slope at nonzero inputs.
    """
    x = rows.copy()
    x.sum_duplicates()
    W = network.coefs[0]
    b = network.intercepts[0]
    mean = np.ravel(x.mean(axis=0))
    n_not_0 = np.bincount(x.indices, minlength=x.shape[1])
    sums, sums_of_slopes = np.zeros((2, x.shape[1]))
    of_outputs = mean_slopes_by_unit(network, model.head, x @ W + b)
    while block := list(islice(of_outputs, OUTPUTS_AT_ONCE)):
        slopes = np.stack(block, axis=2)  # (r, h, outputs)
        for i, (start, end) in enumerate(pairwise(x.indptr)):
            inputs = x.indices[start:end]
            by_input = np.abs(W[inputs] @ slopes[i]).sum(axis=1)
            sums_of_slopes[inputs] += by_input
            sums[inputs] += by_input * np.abs(x.data[start:end] - mean[inputs])
    return sums + sums_of_slopes * np.abs(mean) * (x.shape[0] - n_not_0) / np.maximum(n_not_0, 1)


def mean_slopes_by_unit(network: Network, head: Head, z: Array) -> Iterator[Array]:
    """Yield the mean slopes of each output, (r, h), over evenly spaced points between each row and other rows.

    Outputs of constant targets are left out: their predictions are constant, whatever the network has learnt.
    """
    rng = np.random.default_rng(0)  # a fixed seed: importances depend on weights and rows alone
    fractions = [(i + 0.5) / POINTS_PER_ROW for i in range(POINTS_PER_ROW)]
    points = np.concatenate([fraction * z + (1.0 - fraction) * z[rng.permutation(len(z))] for fraction in fractions])
    # one output at a time: a thousand classes would take much memory
    explained = head.explained_outputs
    of_outputs = slopes_of_explained_outputs(network, points, explained, 1.0 / POINTS_PER_ROW)
    varies = np.broadcast_to(explained.scaler.slope != 0.0, len(explained.names))  # quantiles share a scale
    for slopes, output_varies in zip(of_outputs, varies, strict=True):
        if output_varies:
            yield slopes.reshape(POINTS_PER_ROW, *z.shape).sum(axis=0)


def varying_inputs(rows: Array | OneHotAndDenseRows, encoder: TableEncoder) -> tuple[Array, NDArray[np.intp]]:
    """Return the inputs that may be nonzero, (r, u), and their indices in increasing order."""
    if isinstance(rows, OneHotAndDenseRows):
        first = encoder.n_inputs - rows.one_hot.shape[1]  # the one-hot inputs are the last ones
        looked_up = np.unique(rows.one_hot.indices)
        used = np.union1d(rows.dense_inputs, first + looked_up)
        x = np.zeros((len(rows.dense), len(used)), rows.dense.dtype)
        x[:, np.searchsorted(used, rows.dense_inputs)] = rows.dense
        x[:, np.searchsorted(used, first + looked_up)] = rows.one_hot[:, looked_up].toarray()
        return x, used
    return rows, np.arange(encoder.n_inputs)


def columns_of_inputs(encoder: TableEncoder, used: NDArray[np.intp]) -> tuple[NDArray[np.intp], list[NDArray[np.intp]]]:
    """Return the indices of the columns that have some of the `used` inputs, and their `starts` for `sum_by_column`."""
    starts = [np.searchsorted(used, firsts) for firsts in encoder.input_starts]  # one for bins, one for other inputs
    columns = np.flatnonzero(sum(map(np.diff, starts)))
    # the columns left out have no inputs, so each column ends where the next one begins
    return columns, [np.append(firsts[columns], firsts[-1]) for firsts in starts]
