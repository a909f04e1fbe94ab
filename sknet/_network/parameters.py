"""One flat vector theta, and the weight matrices and bias vectors that are views of it.

Conventions
-----------
sizes : (n_inputs, h_1, ..., n_outputs)
theta : (p,)    W_1, W_2, ..., then b_1, b_2, ...: all weights first, so that theta[:n_weights] is what penalties and
                weight decay act on
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

    def views(self, theta: Array) -> tuple[list[Array], list[Array]]:
        """Weight matrices and bias vectors, as views of theta."""
        stops = np.cumsum([fan_in * fan_out for fan_in, fan_out in self.shapes] + list(self.sizes[1:]))
        parts = np.split(theta, stops[:-1])
        n = len(self.shapes)
        return [part.reshape(shape) for part, shape in zip(parts[:n], self.shapes, strict=True)], parts[n:]

    def with_output_scaled(self, theta: Array, factor: float) -> Array:
        """Return a copy of theta in which the output layer's weights and biases are multiplied by a factor."""
        scaled = theta.copy()
        for parts in self.views(scaled):
            parts[-1] *= factor
        return scaled

    def pack(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        return np.concatenate([np.ravel(part) for part in (*coefs, *intercepts)], dtype=dtype, casting="unsafe")
