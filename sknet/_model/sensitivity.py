"""How predictions change with the numbers of the table: a backward pass through the network, then through the encoder.

Conventions
-----------
n rows, d columns of the table, m inputs of the network, k raw outputs.

raw : (n, k)         delta : (n, k)   dJ/draw, where J is the sum of one output over the rows
by_input : (n, k, m)     by_column : (n, k, d)   of each output, NaN for columns that are no numbers
"""

import numpy as np

from sknet._model.model import PREDICT_ROWS, Model, Network
from sknet._network.backprop import Chain
from sknet._network.binding import Kind, Training, bind
from sknet._tables.rows import is_sparse, take_rows
from sknet._tables.slopes import to_columns
from sknet._typing import Array, Table


def input_gradients(model: Model, table: Table) -> Array:
    """Return d output / d number for every row, output and column, (n, k, d), computed in float64."""
    n, k = table.shape[0], model.head.n_outputs
    by_column = np.empty((n, k, model.encoder.n_columns), model.output_dtype)
    for start in range(0, n, PREDICT_ROWS):
        rows = slice(start, min(start + PREDICT_ROWS, n))
        piece = take_rows(table, rows)
        inputs = model.encoder.encode(piece, np.dtype(np.float64))
        by_column[rows] = to_columns(model.encoder, piece, _to_inputs(model, inputs))
    return by_column


def _to_inputs(model: Model, inputs: Table) -> Array:
    """Return d output / d input of the network, (n, k, m), by a forward and a backward pass per output."""
    chains = [_chain(network, inputs) for network in model.networks]
    by_input = np.empty((inputs.shape[0], model.head.n_outputs, model.encoder.n_inputs))
    for output in range(model.head.n_outputs):
        # again: a backward pass may use up what the forward pass has kept
        raw = np.mean([chain.forward(inputs) for chain in chains], axis=0)
        chosen = np.zeros_like(raw)
        chosen[:, output] = 1.0
        delta = model.head.to_raw(raw, chosen) / len(chains)
        by_input[:, output] = np.sum([np.asarray(chain.backward(delta.copy())) for chain in chains], axis=0)
    return by_input


def _chain(network: Network, inputs: Table) -> Chain:
    """Return the layers, bound for the backward pass; the gradient of the weights is not looked at."""
    theta = network.packed(np.dtype(np.float64))
    training = Training(np.empty_like(theta), to_input=True)
    kind: Kind = "sparse" if is_sparse(inputs) else "dense"
    return bind(network.layout, network.activations, theta, inputs.shape[0], kind, training)
