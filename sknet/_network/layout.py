"""One flat vector theta, and the weight matrices and bias vectors that are views of it.

Conventions
-----------
sizes : (n_inputs, h_1, ..., n_outputs)
theta : (p,)    W_L, ..., W_1, then b_1, ..., b_L: all weights first, so that theta[:n_weights] is what penalties and
                weight decay act on; and b_1 follows W_1, as the weights of one more input that is always 1
W_l : (sizes[l-1], sizes[l])      b_l : (sizes[l],)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
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

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape of each weight matrix."""
        return list(pairwise(self.sizes))

    @cached_property
    def n_weights(self) -> int:
        """How many of theta's entries, its first ones, are weights."""
        return sum(fan_in * fan_out for fan_in, fan_out in self.shapes)

    @property
    def n_parameters(self) -> int:
        """Length of theta."""
        return self.n_weights + sum(self.sizes[1:])

    @cached_property
    def starts(self) -> list[int]:
        """Where in theta each weight matrix starts."""
        sizes = [fan_in * fan_out for fan_in, fan_out in reversed(self.shapes)]
        return list(accumulate(sizes[:-1], initial=0))[::-1]

    @cached_property
    def _slices(self) -> list[tuple[slice, slice]]:
        """Where in theta each layer's weights and biases lie."""
        first_biases = accumulate(self.sizes[1:-1], initial=self.n_weights)
        return [
            (slice(start, start + fan_in * fan_out), slice(first, first + fan_out))
            for start, first, (fan_in, fan_out) in zip(self.starts, first_biases, self.shapes, strict=True)
        ]

    def blocks(self, theta: Array) -> list[Block]:
        """One block per layer, as views of theta."""
        return [
            Block(theta[weights].reshape(shape), theta[biases])
            for (weights, biases), shape in zip(self._slices, self.shapes, strict=True)
        ]

    def views(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Weight matrices and bias vectors, as views of theta."""
        blocks = self.blocks(theta)
        return [block.W for block in blocks], [block.b for block in blocks]

    def joined(self, theta: Array) -> Array:
        """W_1 with b_1 as its last row, (n_inputs + 1, h_1): they are neighbours in theta."""
        h = self.sizes[1]
        return theta[self.starts[0] : self.n_weights + h].reshape(-1, h)

    def with_output_scaled(self, theta: Array, factor: float) -> Array:
        """Return a copy of theta in which the output layer's weights and biases are multiplied by a factor."""
        scaled = theta.copy()
        for part in self.blocks(scaled)[-1]:
            part *= factor
        return scaled

    def pack(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        parts = (*reversed(list(coefs)), *intercepts)
        return np.concatenate([np.ravel(part) for part in parts], dtype=dtype, casting="unsafe")
