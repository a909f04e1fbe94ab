"""Gradients of predictions with respect to numeric columns: a backward pass through network and encoder.

Conventions
-----------
n rows, d columns of the table, m inputs of the network, h units of its first layer, k raw outputs.

z : (n, h)         the first layer's sums, x W + b
raw : (n, k)         delta : (n, k)   dJ/draw, where J is the sum of one output over the rows
by_input : (n, k, m)     by_column : (n, k, d)   for each output; NaN for columns that are not numeric
"""

from collections.abc import Callable, Iterator

import numpy as np

from sknet._model.heads import ExplainedOutputs
from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model, Network
from sknet._tables.encoding import gradients_by_column
from sknet._tables.read import take_rows
from sknet._typing import Array, Table


def input_gradients(model: Model, table: Table) -> Array:
    """Return d output / d number for every row, output and column, (n, k, d), computed in float64."""
    n, k = table.shape[0], model.head.n_outputs
    by_column = np.empty((n, k, model.encoder.n_columns), model.output_dtype)
    for start in range(0, n, ROWS_PREDICTED_AT_ONCE):
        rows = slice(start, min(start + ROWS_PREDICTED_AT_ONCE, n))
        piece = take_rows(table, rows)
        inputs = model.encoder.encode(piece, np.dtype(np.float64))
        by_column[rows] = gradients_by_column(model.encoder, piece, _gradients_by_input(model, inputs))
    return by_column


def _gradients_by_input(model: Model, inputs: Table) -> Array:
    """Return d output / d input of the network, (n, k, m), by one backward pass for each output."""
    network = model.network.as_type(np.dtype(np.float64))
    z = inputs @ network.coefs[0] + network.intercepts[0]
    by_input = np.empty((inputs.shape[0], model.head.n_outputs, model.encoder.n_inputs))
    for output, slopes in enumerate(slopes_of_outputs(network, z, model.head.backward_to_raw, 1.0)):
        by_input[:, output] = slopes @ network.coefs[0].T  # dJ/dx = dJ/dz W^T
    return by_input


# --- slopes by the first sums; these functions overwrite z -----------------------------------------------------------


def slopes_of_explained(network: Network, z: Array, explained: ExplainedOutputs, factor: float) -> Iterator[Array]:
    """Yield `factor` times d output / dz, (n, h), for each explained output; overwrites z."""
    if (
        explained.are_raw and network.activations
    ):  # skips the product with the output layer, so that time does not grow with k^2
        return slopes_of_sums(network, z, factor * network.coefs[-1].T)
    return slopes_of_outputs(network, z, explained.backward, factor)


def slopes_of_sums(network: Network, z: Array, weights: Array) -> Iterator[Array]:
    """Yield dJ/dz, (n, h), for J = the last hidden layer's outputs times each row of weights; overwrites z."""
    _, kept = _forward_to_hidden(network, z)
    for by_hidden in weights:
        yield _back_from_hidden(network, kept, np.tile(by_hidden, (len(z), 1)))


def slopes_of_outputs(
    network: Network, z: Array, backward: Callable[[Array, Array], Array], factor: float
) -> Iterator[Array]:
    """Yield `factor` times d output / dz, (n, h), for each output; overwrites z.

    `backward` takes raw outputs and dJ/d output, which it may overwrite, and returns dJ/draw.
    """
    hidden, kept = _forward_to_hidden(network, z)
    raw = hidden @ network.coefs[-1] + network.intercepts[-1] if kept else hidden
    for output in range(raw.shape[1]):
        by_output = np.zeros_like(raw)
        by_output[:, output] = (
            factor  # rows are independent: the gradient of the sum over rows holds the gradient of each row
        )
        delta = backward(raw.copy(), by_output)
        yield _back_from_hidden(network, kept, delta @ network.coefs[-1].T) if kept else delta


def _forward_to_hidden(network: Network, z: Array) -> tuple[Array, list[Array]]:
    """Return the last hidden layer's outputs, and the values that backward passes need; overwrites z."""
    kept: list[Array] = []
    for activation, W, b in zip(network.activations, network.coefs, network.intercepts, strict=False):
        if kept:  # z already holds the first layer's sums
            z = z @ W
            z += b
        kept.append(z.copy() if activation.keeps == "input" else z)
        activation.apply(z)  # in place: without a copy, `kept` now holds the outputs
    return z, kept


def _back_from_hidden(network: Network, kept: list[Array], delta: Array) -> Array:
    """Return dJ/dz of the first layer, (n, h), given `delta`, dJ/da of the last hidden layer; overwrites delta."""
    for i in range(len(kept) - 1, -1, -1):
        network.activations[i].backward(kept[i].copy(), delta)  # dJ/dz = dJ/da f'(z); may overwrite the copy
        if i:
            delta = delta @ network.coefs[i].T  # dJ/da of the layer below = dJ/dz W^T
    return delta
