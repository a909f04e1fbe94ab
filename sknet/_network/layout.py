"""One flat vector theta, and the weight matrices and bias vectors that are views of it.

Conventions
-----------
sizes : (n_inputs, h_1, ..., n_outputs)
theta : (p,)    W_L, ..., W_1, then b_1, ..., b_L: all weights first, so that theta[:n_weights] is what penalties and
                weight decay act on; and b_1 follows W_1, as the weights of one more input that is always 1
W_l : (sizes[l-1], sizes[l])      b_l : (sizes[l],)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import mul
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sknet._typing import Array


class Block(NamedTuple):
    """One layer's parameters, or their gradient, as views of a theta."""

    W: Array
    b: Array


@dataclass(frozen=True)
class Layout:
    """Where each layer's weights and biases lie in theta."""

    sizes: tuple[int, ...]
    shapes: list[tuple[int, int]] = field(init=False, compare=False, repr=False)
    """Shape of each weight matrix."""
    starts: list[int] = field(init=False, compare=False, repr=False)
    """Where in theta each weight matrix starts."""
    n_weights: int = field(init=False, compare=False, repr=False)
    """How many of theta's entries, its first ones, are weights."""
    n_parameters: int = field(init=False, compare=False, repr=False)
    """Length of theta."""
    largest: int = field(init=False, compare=False, repr=False)
    """Size of the largest weight matrix."""

    def __post_init__(self) -> None:
        shapes = list(pairwise(self.sizes))
        starts, n_weights = [0] * len(shapes), 0
        for layer in reversed(range(len(shapes))):
            starts[layer] = n_weights
            n_weights += shapes[layer][0] * shapes[layer][1]
        found = {"shapes": shapes, "starts": starts, "n_weights": n_weights}
        found |= {"n_parameters": n_weights + sum(self.sizes[1:]), "largest": max(map(mul, self.sizes, self.sizes[1:]))}
        for name, value in found.items():
            object.__setattr__(self, name, value)  # derived, once, in a frozen value

    def blocks(self, *vectors: Array, joined: bool = False) -> list[list[Block]]:
        """One block per layer, as views of theta or its gradient; for each vector a list.

        With `joined`, the first layer's W has b as its last row, (n_inputs + 1, h_1): they are neighbours in theta.
        """
        found = []
        for theta in vectors:
            blocks, first_bias = [], self.n_weights
            for start, (fan_in, fan_out) in zip(self.starts, self.shapes, strict=True):
                stop = start + fan_in * fan_out
                W = theta[start:stop].reshape(fan_in, fan_out)
                blocks.append(Block(W, theta[first_bias : first_bias + fan_out]))
                first_bias += fan_out
            if joined:
                h = self.sizes[1]
                blocks[0] = Block(theta[self.starts[0] : self.n_weights + h].reshape(-1, h), blocks[0].b)
            found.append(blocks)
        return found

    def views(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Weight matrices and bias vectors, as views of theta."""
        coefs, intercepts = zip(*self.blocks(theta)[0], strict=True)
        return list(coefs), list(intercepts)

    def with_output_scaled(self, theta: Array, factor: float) -> Array:
        """Return a copy of theta in which the output layer's weights and biases are multiplied by a factor."""
        scaled = theta.copy()
        for part in self.blocks(scaled)[0][-1]:
            part *= factor
        return scaled

    def pack(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        parts = (*reversed(list(coefs)), *intercepts)
        return np.concatenate(list(map(np.ravel, parts)), dtype=dtype, casting="unsafe")
