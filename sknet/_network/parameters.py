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
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """Where each layer's weights and biases lie in theta."""

    sizes: tuple[int, ...]

    @property
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
        sizes = [fan_in * fan_out for fan_in, fan_out in self.shapes]
        return [sum(sizes[layer + 1 :]) for layer in range(len(sizes))]

    def views(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Weight matrices and bias vectors, as views of theta."""
        coefs = [
            theta[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            for start, (fan_in, fan_out) in zip(self.starts, self.shapes, strict=True)
        ]
        return coefs, np.split(theta[self.n_weights :], np.cumsum(self.sizes[1:-1]))

    def joined_views(self, theta: Array) -> tuple[list[Array], list[Array | None]]:
        """As `views`, but W_1 has one more row, b_1, and None takes its place."""
        coefs, intercepts = self.views(theta)
        start, h = self.starts[0], self.sizes[1]
        first = theta[start : self.n_weights + h].reshape(-1, h)
        return [first, *coefs[1:]], [None, *intercepts[1:]]

    def with_output_scaled(self, theta: Array, factor: float) -> Array:
        """Return a copy of theta in which the output layer's weights and biases are multiplied by a factor."""
        scaled = theta.copy()
        for parts in self.views(scaled):
            parts[-1] *= factor
        return scaled

    def pack(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        parts = (*reversed(list(coefs)), *intercepts)
        return np.concatenate([np.ravel(part) for part in parts], dtype=dtype, casting="unsafe")
