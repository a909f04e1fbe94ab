"""Backpropagation on one page: a dense layer, an activation, and a chain of them, each with both of its passes.

The forward pass goes through the layers from the first to the last, the backward pass from the last to the first.
`backward` takes dJ/d(output) and returns dJ/d(input).

These are the lines that every fit of dense rows runs. `make_chain` gives a layer all its arrays: its parameters, which
are views of theta, their gradient, and buffers, which each pass overwrites. `x.dot(W, z)` writes the product of x and W
into z.

Conventions
-----------
n : rows of a batch      d : a layer's inputs      h : its outputs
x : (n, d)               what enters a layer: of the first one the batch
W : (d, h)   b : (h,)    the layer's weights and biases      dW, db : dJ/dW, dJ/db
z : (n, h)               sums      a = f(z) : (n, h)  their activations      raw : (n, k)  z of the output layer
delta : (n, h)           dJ/da or dJ/dz; for the output layer, what the loss gives
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sknet._typing import Array, Table


class Layer(Protocol):
    """Anything with a forward and a backward pass."""

    def forward(self, x: Table, /) -> Array:
        """Return the output, a buffer. May overwrite x, unless it is the batch."""

    def backward(self, delta: Array, /) -> Array | None:
        """Set the gradient of the parameters; return dJ/dx, or None where x is data. May overwrite delta."""


@dataclass(eq=False)
class Dense:
    """z = x W + b: every output sees every input.

    By the chain rule, with z_ij = sum_k x_ik W_kj + b_j:

        dJ/dW_kj = sum_i x_ik dJ/dz_ij      dJ/db_j = sum_i dJ/dz_ij      dJ/dx_ik = sum_j dJ/dz_ij W_kj
    """

    W: Array  # (d, h), or with `biases_in_weights` (d + 1, h)
    b: Array  # (h,)
    dW: Array
    db: Array
    z: Array  # (n, h)
    ones: Array  # (n,) sums the rows of delta
    dx: Array | None = None  # (n, d); None for the first layer, whose x is data
    biases_in_weights: bool = False  # x ends with a column of ones, W with b: one product does both

    def forward(self, x: Table) -> Array:
        """Overwrite z with x W + b, and return it; keep x."""
        self.x = x
        x.dot(self.W, self.z)  # z = x W                       (n, h)
        if not self.biases_in_weights:
            self.z += self.b  #      + b
        return self.z

    def backward(self, delta: Array) -> Array | None:
        """Overwrite dW, db and dx, given delta, dJ/dz; return dx."""
        self.x.T.dot(delta, self.dW)  # dJ/dW = x^T dJ/dz             (d, h)
        if not self.biases_in_weights:
            self.ones.dot(delta, self.db)  # dJ/db = 1^T dJ/dz             (h,)    faster than delta.sum(axis=0)
        if self.dx is not None:
            delta.dot(self.W.T, self.dx)  # dJ/dx = dJ/dz W^T             (n, d)
        return self.dx


@dataclass(eq=False)
class Activate:
    """a = f(z), in place, for an f whose slope can be written from a: the sigmoid's is a (1 - a)."""

    apply: Callable[[Array], None]
    multiply_by_slope: Callable[[Array, Array], None]

    def forward(self, z: Array) -> Array:
        """Overwrite z with a, and return it."""
        self.apply(z)  # a = f(z)                      (n, h)
        self.a = z
        return z

    def backward(self, delta: Array) -> Array:
        """Overwrite delta, dJ/da, with dJ/dz, and return it; may overwrite a."""
        self.multiply_by_slope(self.a, delta)  # dJ/dz = dJ/da f'(z)           (n, h)
        return delta


@dataclass(eq=False)
class Chain:
    """A network: its layers, one after the other."""

    layers: list[Layer]
    hidden: list[Array]  # where the hidden layers' outputs lie after a forward pass

    def forward(self, x: Table) -> Array:
        """Return the raw output of a batch, a buffer that the next call overwrites."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, delta: Array) -> None:
        """Set the gradient, given dJ/draw of the last forward pass.

        May overwrite delta and what the forward pass has kept.
        """
        for layer in reversed(self.layers):
            delta = layer.backward(delta)  # type: ignore[assignment]  # only the first layer may return None
