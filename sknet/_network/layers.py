"""The layers of a network, each with its forward and its backward pass.

The forward pass goes through the layers from the first to the last, the backward pass from the last to the first. What
enters a layer's `backward` is dJ/d(its output), what leaves it is dJ/d(its input): the chain rule.

All arrays that a layer works with are given to it when it is made: its parameters, views of theta; their gradient,
views of a vector like theta; and buffers, which each pass overwrites. `sparse_layers` has first layers of sparse rows.

Conventions
-----------
n : rows of a batch      d : a layer's inputs      h : its outputs
x : (n, d)               what enters a layer: of the first one the batch, an array or CSR
W : (d, h)   b : (h,)    the layer's weights and biases      dW, db : dJ/dW, dJ/db
z : (n, h)               sums      a = f(z) : (n, h)  their activations      raw : (n, k)  z of the output layer
delta : (n, h)           dJ/dz or dJ/da; of the output layer, the loss's gradient
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal, Protocol

import numpy as np

from sknet._network.activations import Activation
from sknet._network.layout import Block, Layout
from sknet._network.sparse_layers import FirstSparse, FirstSplit
from sknet._typing import Array, Table

Kind = Literal["dense", "ones", "sparse", "split"]
"""What the first layer takes: an array, an array whose last column is 1, a CSR matrix, or a `Split`."""


class Layer(Protocol):
    """A layer whose input is another layer's output."""

    def forward(self, x: Array, /) -> Array:
        """Return the output, a buffer."""

    def backward(self, delta: Array, /) -> Array:
        """Set the gradient of the parameters; return dJ/dx. May overwrite delta."""


class FirstLayer(Protocol):
    """A layer whose input is data: training does not need dJ/dx."""

    W: Array

    def forward(self, x: Table, /) -> Array:
        """Return the output, a buffer."""

    def backward(self, delta: Array, /) -> Array | None:
        """Set the gradient of the parameters; return the inputs it was computed for, None for all."""


Product = Callable[[Array, Array, Array], object]
"""Sets z = x W, given x, W and z."""

product_by_rows: Product = np.ndarray.dot
"""For a z that lies in memory row by row."""


def product_by_columns(x: Array, W: Array, z: Array) -> None:
    """Set z = x W, for a z that lies in memory column by column.

    `np.matmul` writes to any array, but takes a quarter of a microsecond longer to start: as long as a pass over a
    small layer.
    """
    W.T.dot(x.T, z.T)  # z^T = W^T x^T


# --- sums: z = x W + b ------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Dense:
    """A layer whose units each see all of x.

    By the chain rule, with z_ij = sum_k x_ik W_kj + b_j:

        dJ/dW_kj = sum_i x_ik dJ/dz_ij      dJ/db_j = sum_i dJ/dz_ij      dJ/dx_ik = sum_j dJ/dz_ij W_kj
    """

    W: Array  # (d, h)
    b: Array  # (h,)
    dW: Array
    db: Array
    z: Array  # (n, h)
    multiply: Product
    ones: Array  # (n,)
    dx: Array  # (n, d)

    def forward(self, x: Array) -> Array:
        self.x = x
        self.multiply(x, self.W, self.z)  # z = x W                    (n, h)
        self.z += self.b  #                      + b
        return self.z

    def backward(self, delta: Array) -> Array:
        self.x.T.dot(delta, self.dW)  # dJ/dW = x^T dJ/dz          (d, h)
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows      (h,)     faster than delta.sum(axis=0)
        return delta.dot(self.W.T, self.dx)  # dJ/dx = dJ/dz W^T          (n, d)


@dataclass(eq=False)
class FirstDense:
    """As `Dense`, for the first layer, whose input is data: dJ/dx is not needed."""

    W: Array
    b: Array
    dW: Array
    db: Array
    z: Array
    multiply: Product
    ones: Array
    whole: bool = True  # see `FirstSparse`

    def forward(self, x: Array) -> Array:
        self.x = x
        self.multiply(x, self.W, self.z)  # z = x W                    (n, h)
        self.z += self.b  #                      + b
        return self.z

    def backward(self, delta: Array) -> None:
        self.x.T.dot(delta, self.dW)  # dJ/dW = x^T dJ/dz          (d, h)
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows      (h,)


@dataclass(eq=False)
class FirstWithOnes:
    """As `FirstDense`, for data whose last column is 1: b is W's last row, and one product does for both."""

    W: Array  # (d + 1, h)
    b: Array
    dW: Array  # (d + 1, h)
    db: Array
    z: Array
    multiply: Product
    ones: Array
    whole: bool = True

    def forward(self, x: Array) -> Array:
        self.x = x  # (n, d + 1)
        self.multiply(x, self.W, self.z)  # z = [x 1] [W; b]           (n, h)
        return self.z

    def backward(self, delta: Array) -> None:
        self.x.T.dot(delta, self.dW)  # dJ/d[W; b] = [x 1]^T dJ/dz (d + 1, h)


# --- activations: a = f(z) --------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Activate:
    """An activation whose derivative can be written from its output a; it works in place."""

    apply: Callable[[Array], None]
    multiply_by_slope: Callable[[Array, Array], None]

    def forward(self, z: Array) -> Array:
        self.apply(z)  # a = f(z)
        self.a = z
        return z

    def backward(self, delta: Array) -> Array:
        self.multiply_by_slope(self.a, delta)  # dJ/dz = dJ/da f'(z)
        return delta


@dataclass(eq=False)
class ActivateAndKeep:
    """As `Activate`, for an activation whose derivative needs z: it keeps a copy."""

    apply: Callable[[Array], None]
    multiply_by_slope: Callable[[Array, Array], None]
    z: Array

    def forward(self, z: Array) -> Array:
        np.copyto(self.z, z)
        self.apply(z)  # a = f(z)
        return z

    def backward(self, delta: Array) -> Array:
        self.multiply_by_slope(self.z, delta)  # dJ/dz = dJ/da f'(z)
        return delta


# --- dropout (Srivastava et al. 2014): a random part of the outputs is 0 in a training step ---------------------------

LEVELS = 2**16
"""How many values the random number has that decides on an output."""

DRAWN = 2**14
"""How many outputs are decided on at once: their random numbers then fit in the cache."""


class Dropout:
    """Each output is 0 with probability `rate`, else divided by 1 - rate, which keeps its expectation.

    Drawing random numbers takes most of the time here, so an output gets only 16 bits of them, a quarter of a 64-bit
    word of the generator (PCG64). Rates are therefore rounded to multiples of 2^-16.
    """

    def __init__(self, rate: float, rng: np.random.Generator, mask: Array, dropped: Array) -> None:
        self.level = min(round(rate * LEVELS), LEVELS - 1)
        self.scale = LEVELS / (LEVELS - self.level)  # 1 / (1 - rate)
        self.draw_words = rng.bit_generator.random_raw
        self.mask, self.dropped = mask, dropped  # (n, h): the activation's backward reads `a` as it was before the mask

    def forward(self, a: Array) -> Array:
        entries = self.mask.reshape(-1)
        for start in range(0, entries.size, DRAWN):
            part = entries[start : start + DRAWN]
            numbers = self.draw_words(ceil(part.size / 4)).view(np.uint16)
            np.greater_equal(numbers[: part.size], self.level, out=part)  # 0 with probability `rate`, else 1
        self.mask *= self.scale
        return np.multiply(a, self.mask, out=self.dropped)  # a * mask

    def backward(self, delta: Array) -> Array:
        delta *= self.mask  # dJ/da = dJ/d(a * mask) * mask
        return delta


# --- all layers -------------------------------------------------------------------------------------------------------


@dataclass(eq=False)
class Chain:
    """A network: its layers, one after the other."""

    first: FirstLayer
    layers: list[Layer]
    hidden: list[Array]  # where the hidden layers' outputs lie: after the activation, and after dropout

    def forward(self, x: Table) -> Array:
        """Return the raw output of a batch, a buffer."""
        x = self.first.forward(x)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, delta: Array) -> Array | None:
        """Set the gradient, given dJ/draw of the last forward pass, which may be overwritten.

        Returns
        -------
        rows : array of int, or None
            The inputs that the gradient of W_1 was computed for, see `FirstSparse`; None for all.
        """
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        return self.first.backward(delta)


@dataclass(frozen=True)
class Training:
    """What a chain needs for the backward pass and for dropout."""

    gradient: Array  # (p,), like theta: where the backward pass writes
    dropout: tuple[float, ...] = ()  # one rate per hidden layer; empty for none
    rng: np.random.Generator | None = None  # draws what is dropped; None for passes without dropout
    whole: bool = False  # see `FirstSparse`


def bind(
    layout: Layout,
    activations: Sequence[Activation],
    theta: Array,
    n_rows: int,
    kind: Kind = "dense",
    *,
    by_columns: bool = False,
    training: Training | None = None,
) -> Chain:
    """Make a network's layers, bound to their parameters and to buffers.

    Parameters
    ----------
    layout : Layout
    activations : sequence of Activation, one per hidden layer
    theta : (p,) array
        The layers hold views of it, so they follow its changes.

    n_rows : int
        How many rows every batch has.

    kind : {"dense", "ones", "sparse", "split"}, default="dense"
        What the first layer takes.

    by_columns : bool, default=False
        Whether the raw output lies in memory column by column: what a loss does row by row (a softmax's maximum and
        sum) then goes along whole columns. Otherwise row by row, the faster product.

    training : Training, default=None
        None for the forward pass only.

    Returns
    -------
    chain : Chain
    """
    vectors = [theta] if training is None else [theta, training.gradient]
    parameters, *trained = layout.blocks(*vectors, joined=kind == "ones")
    gradients = trained[0] if trained else [_NO_GRADIENT] * len(parameters)
    rates = (training and training.dropout) or [0.0] * len(activations)
    return _chain(parameters, gradients, activations, rates, n_rows, kind, by_columns, training)


def bind_forward(
    activations: Sequence[Activation], parameters: list[Block], n_rows: int, kind: Kind = "dense"
) -> Chain:
    """Make a network's layers for the forward pass only, from weights that need not lie in one theta.

    Parameters
    ----------
    activations : sequence of Activation, one per hidden layer
    parameters : list of Block, one per layer
    n_rows : int
        How many rows every batch has.

    kind : {"dense", "sparse", "split"}, default="dense"
        What the first layer takes.

    Returns
    -------
    chain : Chain
    """
    gradients, rates = [_NO_GRADIENT] * len(parameters), [0.0] * len(activations)
    return _chain(parameters, gradients, activations, rates, n_rows, kind, False, None)


def _chain(
    parameters: list[Block], gradients: list[Block], activations: Sequence[Activation], rates: Sequence[float],
    n_rows: int, kind: Kind, by_columns: bool, training: Training | None,
) -> Chain:  # fmt: skip
    """Make the layers and their buffers, from the first to the last."""
    if not len(activations) == len(rates) == len(parameters) - 1:
        raise ValueError(
            f"{len(activations)} activations and {len(rates)} dropout rates for {len(parameters) - 1} hidden layers: "
            "give one per hidden layer."
        )
    dtype, ones = parameters[0].b.dtype, np.ones(n_rows, parameters[0].b.dtype)
    layers: list[Layer] = []
    hidden: list[Array] = []
    x = _NOTHING  # (n, d) what enters the layer: tells the shape of dJ/dx
    for number, (block, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        h, is_last = block.b.size, number == len(activations)
        columns = by_columns and is_last
        # one buffer per layer: the activation overwrites z with a, which the next layer's backward pass still needs
        z = np.empty((h, n_rows), dtype).T if columns else np.empty((n_rows, h), dtype)
        product = product_by_columns if columns else product_by_rows
        if number == 0:
            whole = training is None or training.whole
            first = _FIRST[kind](*block, *gradient, z, product, ones, whole=whole)
        else:
            dx = _NOTHING if training is None else np.empty_like(x)
            layers.append(Dense(*block, *gradient, z, product, ones, dx))
        if not is_last:
            x = _add_activation(layers, activations[number], rates[number], z, training)
            hidden.append(x)
    return Chain(first, layers, hidden)


def _add_activation(
    layers: list[Layer], activation: Activation, rate: float, z: Array, training: Training | None
) -> Array:
    """Append an activation and, in training, the dropout that follows it; return where their output lies."""
    if training is None or activation.keeps == "output":
        layers.append(Activate(activation.apply, activation.backward))
    else:
        layers.append(ActivateAndKeep(activation.apply, activation.backward, np.empty_like(z)))
    if not rate or training is None or training.rng is None:
        return z
    dropout = Dropout(rate, training.rng, np.empty_like(z), np.empty_like(z))
    layers.append(dropout)
    return dropout.dropped


_NOTHING = np.empty((0, 0))
"""In place of the arrays that only a backward pass writes: NumPy raises if there is one all the same."""

_NO_GRADIENT = Block(_NOTHING, _NOTHING)

_FIRST: dict[Kind, Callable[..., FirstLayer]] = {
    "dense": FirstDense,
    "ones": FirstWithOnes,
    "sparse": FirstSparse,
    "split": FirstSplit,
}
