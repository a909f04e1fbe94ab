"""A network's layers, bound to theta, to its gradient and to buffers for batches of one size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from sknet._network.activations import Activation
from sknet._network.backprop import Activate, Chain, Dense, Layer
from sknet._network.chain import ActivateKeepingInput, DenseOnMixed, DenseOnSparse, Dropout, LayerParameters, Layout
from sknet._typing import Array

BatchFormat = Literal["dense", "ones", "sparse", "mixed"]
"""What the first layer takes: an array, an array whose last column is 1, a CSR matrix, or `MixedRows`.

The column of ones saves a pass over the first sums: 2 % of a default fit of 2,000 rows, 4 to 7 % of networks as small
as 10-20-1.
"""

FIRST_LAYERS: dict[BatchFormat, Callable[..., Layer]] = {
    "dense": Dense,
    "ones": partial(Dense, biases_in_weights=True),
    "sparse": DenseOnSparse,
    "mixed": DenseOnMixed,
}

NO_ARRAY = np.empty((0, 0))
"""Stands for the gradient where no backward pass is wanted: one that runs all the same fails, by its shape."""


@dataclass(frozen=True)
class BackwardOptions:
    """What a chain needs for the backward pass and for dropout."""

    gradient: Array  # (p,), like theta: where the backward pass writes
    dropout: tuple[float, ...] = ()  # one rate per hidden layer; empty for none
    rng: np.random.Generator | None = None  # draws what is dropped; None for passes without dropout


def bind(
    layout: Layout, activations: Sequence[Activation], theta: Array, n_rows: int, batch_format: BatchFormat = "dense",
    backward: BackwardOptions | None = None,
) -> Chain:  # fmt: skip
    """Make a network's layers, bound to their parameters and to buffers.

    Parameters
    ----------
    layout : Layout
    activations : sequence of Activation, one per hidden layer
    theta : (p,) array
        The layers hold views of it, so they follow its changes.

    n_rows : int
        How many rows every batch has.

    batch_format : {"dense", "ones", "sparse", "mixed"}, default="dense"
        What the first layer takes.

    backward : BackwardOptions, default=None
        None for the forward pass only.

    Returns
    -------
    chain : Chain
    """
    biases_in_weights = batch_format == "ones"
    parameters = layout.layers(theta, biases_in_weights=biases_in_weights)
    gradients = None if backward is None else layout.layers(backward.gradient, biases_in_weights=biases_in_weights)
    return bind_layers(activations, parameters, n_rows, batch_format, backward, gradients)


def bind_layers(
    activations: Sequence[Activation], parameters: Sequence[LayerParameters], n_rows: int,
    batch_format: BatchFormat = "dense",
    backward: BackwardOptions | None = None, gradients: Sequence[LayerParameters] | None = None,
) -> Chain:  # fmt: skip
    """As `bind`, for the parameters of each layer, which need not lie in one theta."""
    gradients = gradients or [LayerParameters(NO_ARRAY, NO_ARRAY)] * len(parameters)
    # no rates, or no training: 0 for every hidden layer
    rates = (backward and backward.dropout) or [0.0] * len(activations)
    dtype = parameters[0].b.dtype
    ones = np.ones(n_rows, dtype)
    layers: list[Layer] = []
    hidden: list[Array] = []
    each = zip(parameters, gradients, [*activations, None], [*rates, 0.0], strict=True)  # nothing follows the last
    for number, (layer, gradient, activation, rate) in enumerate(each):
        d, h = layer.W.shape  # of a first layer with `biases_in_weights`, d counts the column of ones
        # one buffer per layer: the activation overwrites z with a, which the next layer's backward pass still needs
        z = np.empty((n_rows, h), dtype)
        dx = np.empty((n_rows, d), dtype) if number > 0 and backward is not None else None  # the first x is data
        make_layer = FIRST_LAYERS[batch_format] if number == 0 else Dense
        layers.append(make_layer(*layer, *gradient, z, ones, dx))  # W, b, dW, db, and the buffers
        if activation is not None:
            hidden.append(_add_activation(layers, activation, rate, z, backward))
    return Chain(layers, hidden)


def _add_activation(
    layers: list[Layer], activation: Activation, rate: float, z: Array, backward: BackwardOptions | None
) -> Array:
    """Append an activation and, in training, the dropout that follows it; return where their output lies."""
    if backward is None or activation.keeps == "output":
        layers.append(Activate(activation.apply, activation.backward))
    else:
        layers.append(ActivateKeepingInput(activation.apply, activation.backward, np.empty_like(z)))
    if not rate or backward is None or backward.rng is None:
        return z
    dropout = Dropout(rate, backward.rng, np.empty_like(z))
    layers.append(dropout)
    return dropout.dropped
