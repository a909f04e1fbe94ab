"""The layers of a network, each with its forward and its backward pass.

The forward pass goes through the layers from the first to the last, the backward pass from the last to the first. What
enters a layer's `backward` is dJ/d(its output), what leaves it is dJ/d(its input): the chain rule.

All arrays that a layer works with are given to it when it is made: its parameters, views of theta; their gradient,
views of a vector like theta; and buffers, which each pass overwrites.

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
import scipy.sparse as sp

from sknet._network.activations import Activation
from sknet._network.layout import Block, Layout
from sknet._typing import Array, Table

Kind = Literal["dense", "ones", "sparse"]
"""What the first layer takes: an array, an array whose last column is 1, or a CSR matrix."""


class Layer(Protocol):
    """A layer whose input is another layer's output."""

    def forward(self, x: Array, /) -> Array:
        """Return the output, a buffer."""

    def backward(self, delta: Array, /) -> Array:
        """Set the gradient of the parameters; return dJ/dx. May overwrite delta."""


class FirstLayer(Protocol):
    """A layer whose input is data, so that nobody asks for dJ/dx."""

    def forward(self, x: Table, /) -> Array:
        """Return the output, a buffer."""

    def backward(self, delta: Array, /) -> Array | None:
        """Set the gradient of the parameters; return the inputs it was computed for, None for all."""


# --- sums: z = x W + b ------------------------------------------------------------------------------------------------


class Dense:
    """A layer whose units each see all of x.

    By the chain rule, with z_ij = sum_k x_ik W_kj + b_j:

        dJ/dW_kj = sum_i x_ik dJ/dz_ij      dJ/db_j = sum_i dJ/dz_ij      dJ/dx_ik = sum_j dJ/dz_ij W_kj
    """

    def __init__(self, parameters: Block, gradient: Block, z: Array, dx: Array, ones: Array) -> None:
        self.W, self.b = parameters  # (d, h), (h,)
        self.dW, self.db = gradient
        self.z, self.dx, self.ones = z, dx, ones  # (n, h), (n, d), (n,)
        self.multiply = product_into(z)

    def forward(self, x: Array) -> Array:
        self.x = x
        self.multiply(x, self.W, self.z)  # z = x W                    (n, h)
        self.z += self.b  #                      + b
        return self.z

    def backward(self, delta: Array) -> Array:
        self.x.T.dot(delta, self.dW)  # dJ/dW = x^T dJ/dz          (d, h)
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows      (h,)     faster than delta.sum(axis=0)
        return delta.dot(self.W.T, self.dx)  # dJ/dx = dJ/dz W^T          (n, d)


class FirstDense:
    """As `Dense`, for data: dJ/dx is not wanted."""

    def __init__(self, parameters: Block, gradient: Block, z: Array, ones: Array) -> None:
        self.W, self.b = parameters
        self.dW, self.db = gradient
        self.z, self.ones = z, ones
        self.multiply = product_into(z)

    def forward(self, x: Array) -> Array:
        self.x = x
        self.multiply(x, self.W, self.z)  # z = x W                    (n, h)
        self.z += self.b  #                      + b
        return self.z

    def backward(self, delta: Array) -> None:
        self.x.T.dot(delta, self.dW)  # dJ/dW = x^T dJ/dz          (d, h)
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows      (h,)


class FirstWithOnes:
    """As `FirstDense`, for data whose last column is 1: b is W's last row, and one product does for both."""

    def __init__(self, W: Array, dW: Array, z: Array) -> None:
        self.W, self.dW, self.z = W, dW, z  # (d + 1, h), (d + 1, h), (n, h)
        self.multiply = product_into(z)

    def forward(self, x: Array) -> Array:
        self.x = x  # (n, d + 1)
        self.multiply(x, self.W, self.z)  # z = [x 1] [W; b]           (n, h)
        return self.z

    def backward(self, delta: Array) -> None:
        self.x.T.dot(delta, self.dW)  # dJ/d[W; b] = [x 1]^T dJ/dz (d + 1, h)


class FirstSparse:
    """As `FirstDense`, for a CSR matrix: only the weights of inputs that are not 0 in all rows have a gradient.

    Where these are few, dW's first rows hold theirs, one after the other, and the others are left as they were.
    """

    def __init__(self, parameters: Block, gradient: Block, z: Array, ones: Array, *, whole: bool) -> None:
        self.W, self.b = parameters
        self.dW, self.db = gradient
        self.z, self.ones = z, ones
        self.whole = whole  # the gradient of all weights is wanted, whatever a batch touches

    def forward(self, x: sp.csr_array) -> Array:
        self.x = x
        self.z[:] = x @ self.W  # z = x W                    (n, h)
        self.z += self.b  #           + b
        return self.z

    def backward(self, delta: Array) -> Array | None:
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows      (h,)
        rows = None if self.whole else touched_inputs(self.x)
        if rows is None:
            self.dW[:] = self.x.T @ delta  # dJ/dW = x^T dJ/dz          (d, h)
        else:
            self.dW[: len(rows)] = only_columns(self.x, rows).T @ delta
        return rows


def touched_inputs(x: sp.csr_array) -> Array | None:
    """Return the columns with entries, increasing; None where they are most of them."""
    touched = np.zeros(x.shape[1], dtype=bool)
    touched[x.indices] = True
    rows = np.flatnonzero(touched)
    return rows if 2 * len(rows) <= x.shape[1] else None


def only_columns(x: sp.csr_array, columns: Array) -> sp.csr_array:
    """Return x without its other columns, which have no entries."""
    place = np.empty(x.shape[1], dtype=x.indices.dtype)
    place[columns] = np.arange(len(columns))
    return sp.csr_array((x.data, place[x.indices], x.indptr), shape=(x.shape[0], len(columns)))


# --- activations: a = f(z) --------------------------------------------------------------------------------------------


class Activate:
    """An activation whose derivative can be written from its output a; it works in place."""

    def __init__(self, activation: Activation) -> None:
        self.apply, self.multiply_by_slope = activation.apply, activation.backward

    def forward(self, z: Array) -> Array:
        self.apply(z)  # a = f(z)
        self.a = z
        return z

    def backward(self, delta: Array) -> Array:
        self.multiply_by_slope(self.a, delta)  # dJ/dz = dJ/da f'(z)
        return delta


class ActivateAndKeep:
    """As `Activate`, for an activation whose derivative needs z: it keeps a copy."""

    def __init__(self, activation: Activation, z: Array) -> None:
        self.apply, self.multiply_by_slope = activation.apply, activation.backward
        self.z = z

    def forward(self, z: Array) -> Array:
        np.copyto(self.z, z)
        self.apply(z)  # a = f(z)
        return z

    def backward(self, delta: Array) -> Array:
        self.multiply_by_slope(self.z, delta)  # dJ/dz = dJ/da f'(z)
        return delta


# --- dropout (Srivastava et al. 2014): a random part of the outputs is 0 in a training step ---------------------------

LEVELS = 2**16
"""Of the numbers that decide on an output."""

DRAWN = 2**14
"""So many outputs are decided on at once: what is drawn for them fits in the cache."""


class Dropout:
    """Each output is 0 with probability `rate`, else divided by 1 - rate, which keeps its expectation.

    Random numbers are what takes time here. Sixteen bits are enough for an output, a quarter of a word of the generator
    (PCG64; a word has 64 bits); so rates are rounded to multiples of 2^-16.
    """

    def __init__(self, rate: float, rng: np.random.Generator, mask: Array, dropped: Array) -> None:
        self.level = min(round(rate * LEVELS), LEVELS - 1)
        self.scale = LEVELS / (LEVELS - self.level)  # 1 / (1 - rate)
        self.draw_words = rng.bit_generator.random_raw
        self.mask, self.dropped = mask, dropped  # (n, h): the activation's backward reads `a` as it was before the mask
        entries = mask.reshape(-1)
        self.parts = [entries[start : start + DRAWN] for start in range(0, entries.size, DRAWN)]

    def forward(self, a: Array) -> Array:
        self.draw()
        return np.multiply(a, self.mask, out=self.dropped)  # a * mask

    def backward(self, delta: Array) -> Array:
        delta *= self.mask  # dJ/da = dJ/d(a * mask) * mask
        return delta

    def draw(self) -> None:
        """Set the mask's entries to 0 or 1 / (1 - rate)."""
        for part in self.parts:
            numbers = self.draw_words(ceil(part.size / 4)).view(np.uint16)
            np.greater_equal(numbers[: part.size], self.level, out=part)
        self.mask *= self.scale


# --- products ---------------------------------------------------------------------------------------------------------


def product_into(z: Array) -> Callable[[Array, Array, Array], None]:
    """Return how to set z = x W.

    `dot` writes to arrays that lie in memory row by row. `np.matmul` writes to others, too, but takes a quarter of a
    microsecond longer to start: as long as a whole pass over a small layer.
    """
    return _by_rows if z.flags.c_contiguous else _by_columns


def _by_rows(x: Array, W: Array, z: Array) -> None:
    x.dot(W, z)


def _by_columns(x: Array, W: Array, z: Array) -> None:
    W.T.dot(x.T, z.T)  # z^T = W^T x^T


# --- all layers -------------------------------------------------------------------------------------------------------


class Chain:
    """A network: its layers, one after the other."""

    def __init__(self, first: FirstLayer, layers: Sequence[Layer], hidden: Sequence[Array]) -> None:
        self.first, self.layers = first, tuple(layers)
        self.hidden = tuple(hidden)  # where the hidden layers' outputs lie: after the activation, and after dropout

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
        The layers hold views of it: its changes are seen.

    n_rows : int
        How many rows every batch has.

    kind : {"dense", "ones", "sparse"}, default="dense"
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
    arrays = _Arrays(layout, theta, n_rows, by_columns, training)
    rates = (training.dropout if training is not None else ()) or (0.0,) * len(activations)
    layers: list[Layer] = []
    hidden = []
    for number, (activation, rate, z) in enumerate(zip(activations, rates, arrays.sums[:-1], strict=True), start=1):
        dropout = _dropout(rate, z, training)
        layers += [_activate(activation, z, training), *dropout, arrays.dense(number)]
        hidden.append(dropout[0].dropped if dropout else z)
    return Chain(_FIRST[kind](arrays), layers, hidden)


def bind_forward(
    activations: Sequence[Activation], parameters: Sequence[Block], n_rows: int, *, sparse: bool = False
) -> Chain:
    """Make a network's layers for the forward pass only, from weights that need not lie in one theta.

    Parameters
    ----------
    activations : sequence of Activation, one per hidden layer
    parameters : sequence of Block, one per layer
    n_rows : int
        How many rows every batch has.

    sparse : bool, default=False
        Whether batches are CSR matrices.

    Returns
    -------
    chain : Chain
    """
    sums = [np.empty((n_rows, b.size), b.dtype) for _, b in parameters]
    nothing = Block(_NOTHING, _NOTHING)
    layers: list[Layer] = []
    for activation, block, z in zip(activations, parameters[1:], sums[1:], strict=True):
        layers += [Activate(activation), Dense(block, nothing, z, _NOTHING, _NOTHING)]
    if sparse:
        return Chain(FirstSparse(parameters[0], nothing, sums[0], _NOTHING, whole=True), layers, sums[:-1])
    return Chain(FirstDense(parameters[0], nothing, sums[0], _NOTHING), layers, sums[:-1])


def _activate(activation: Activation, z: Array, training: Training | None) -> Layer:
    if training is None or activation.keeps == "output":
        return Activate(activation)
    return ActivateAndKeep(activation, np.empty_like(z))


def _dropout(rate: float, a: Array, training: Training | None) -> list[Dropout]:
    """Return the dropout that follows a hidden layer's activation, if any."""
    if not rate or training is None or training.rng is None:
        return []
    return [Dropout(rate, training.rng, np.empty_like(a), np.empty_like(a))]


_NOTHING = np.empty((0, 0))
"""In place of what only a backward pass writes: NumPy refuses it, should there be one."""


class _Arrays:
    """A network's parameters, their gradient, and the buffers for its sums, by layer."""

    def __init__(self, layout: Layout, theta: Array, n_rows: int, by_columns: bool, training: Training | None) -> None:
        self.layout, self.theta, self.training = layout, theta, training
        self.parameters = layout.blocks(theta)
        self.gradients = (
            [Block(_NOTHING, _NOTHING)] * len(self.parameters) if training is None else layout.blocks(training.gradient)
        )
        self.sums = [np.empty((n_rows, h), theta.dtype) for h in layout.sizes[1:]]
        if by_columns:
            self.sums[-1] = np.empty((layout.sizes[-1], n_rows), theta.dtype).T
        self.ones = np.ones(n_rows, theta.dtype)

    def dense(self, number: int) -> Dense:
        """Return a layer after the first."""
        dx = _NOTHING if self.training is None else np.empty_like(self.sums[number - 1])
        return Dense(self.parameters[number], self.gradients[number], self.sums[number], dx, self.ones)

    def first_dense(self) -> FirstDense:
        return FirstDense(self.parameters[0], self.gradients[0], self.sums[0], self.ones)

    def first_with_ones(self) -> FirstWithOnes:
        gradient = _NOTHING if self.training is None else self.layout.joined(self.training.gradient)
        return FirstWithOnes(self.layout.joined(self.theta), gradient, self.sums[0])

    def first_sparse(self) -> FirstSparse:
        whole = self.training is not None and self.training.whole
        return FirstSparse(self.parameters[0], self.gradients[0], self.sums[0], self.ones, whole=whole)


_FIRST: dict[Kind, Callable[[_Arrays], FirstLayer]] = {
    "dense": _Arrays.first_dense,
    "ones": _Arrays.first_with_ones,
    "sparse": _Arrays.first_sparse,
}
