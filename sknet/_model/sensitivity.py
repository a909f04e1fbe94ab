"""Gradients of predictions by the table's numbers: a backward pass through the network, then through the encoder.

Conventions
-----------
n rows, d columns of the table, m inputs of the network, h units of its first layer, k raw outputs.

z : (n, h)         the first layer's sums, x W + b
raw : (n, k)         delta : (n, k)   dJ/draw, where J is the sum of one output over the rows
by_input : (n, k, m)     by_column : (n, k, d)   of each output, NaN for columns that are no numbers
"""

import numpy as np

from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model, Network
from sknet._tables.slopes import gradients_by_column
from sknet._tables.tables import take_rows
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
    """Return d output / d input of the network, (n, k, m): a forward pass, and a backward pass for each output."""
    network = model.network.as_type(np.dtype(np.float64))
    raw, kept = forward_from_first_sums(network, inputs @ network.coefs[0] + network.intercepts[0])
    by_input = np.empty((inputs.shape[0], model.head.n_outputs, model.encoder.n_inputs))
    for output in range(model.head.n_outputs):
        by_output = np.zeros_like(raw)
        by_output[:, output] = (
            1.0  # dJ/d output; rows do not influence each other, so a sum over them gives each its own
        )
        delta = back_to_first_sums(network, kept, model.head.backward_to_raw(raw.copy(), by_output))
        by_input[:, output] = delta @ network.coefs[0].T  # dJ/dx = dJ/dz W^T
    return by_input


def forward_from_first_sums(network: Network, z: Array) -> tuple[Array, list[Array]]:
    """Return the raw output, and what the activations' backward passes read; z, (n, h), may be overwritten."""
    if not network.activations:
        return z, []
    hidden, kept = hidden_from_first_sums(network, z)
    return hidden @ network.coefs[-1] + network.intercepts[-1], kept


def hidden_from_first_sums(network: Network, z: Array) -> tuple[Array, list[Array]]:
    """Return the last hidden layer's outputs, and what the activations' backward passes read; z may be overwritten."""
    kept: list[Array] = []
    for activation, W, b in zip(network.activations, network.coefs, network.intercepts, strict=False):
        if kept:  # the first layer's sums are known
            z = z @ W
            z += b
        kept.append(z.copy() if activation.keeps == "input" else z)
        activation.apply(z)  # in place: where no copy was kept, `kept` now has the outputs
    return z, kept


def back_to_first_sums(network: Network, kept: list[Array], delta: Array) -> Array:
    """Return dJ/dz of the first layer, (n, h), given dJ/draw; unlike in training, without the weights' gradient."""
    return back_from_hidden(network, kept, delta @ network.coefs[-1].T) if kept else delta


def back_from_hidden(network: Network, kept: list[Array], delta: Array) -> Array:
    """Return dJ/dz of the first layer, (n, h), given dJ/da of the last hidden layer, which is overwritten."""
    for i in range(len(kept) - 1, -1, -1):
        network.activations[i].backward(kept[i].copy(), delta)  # dJ/dz = dJ/da f'(z); the kept values may be used up
        if i:
            delta = delta @ network.coefs[i].T  # dJ/da of the layer below = dJ/dz W^T
    return delta
