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
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sknet._typing import Array


class LayerParameters(NamedTuple):
    """One layer's weights and biases, or their gradient, as views of a theta."""

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
    def weight_starts(self) -> list[int]:
        """Where each weight matrix starts in theta, first layer's first; theta itself holds the last layer's first."""
        # the sums of the sizes before each matrix; the last one, of all sizes, is `n_weights`
        *starts, _ = accumulate(map(prod, reversed(self.shapes)), initial=0)
        return starts[::-1]

    @cached_property
    def n_weights(self) -> int:
        """How many of theta's entries, its first ones, are weights."""
        return sum(map(prod, self.shapes))

    @cached_property
    def n_parameters(self) -> int:
        """Length of theta."""
        return self.n_weights + sum(self.sizes[1:])

    @cached_property
    def largest_matrix(self) -> int:
        """Size of the largest weight matrix."""
        return max(map(prod, self.shapes))

    def layers(self, theta: Array, *, biases_in_weights: bool = False) -> list[LayerParameters]:
        """Return each layer's parameters, as views of theta or of its gradient.

        With `biases_in_weights`, the first layer's W has b as its last row, (n_inputs + 1, h_1): they lie together.
        """
        layers, first_bias = [], self.n_weights
        for start, (fan_in, fan_out) in zip(self.weight_starts, self.shapes, strict=True):
            W = theta[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            layers.append(LayerParameters(W, theta[first_bias : first_bias + fan_out]))
            first_bias += fan_out
        if biases_in_weights:
            W_and_b = theta[self.weight_starts[0] : self.n_weights + self.sizes[1]].reshape(-1, self.sizes[1])
            layers[0] = layers[0]._replace(W=W_and_b)
        return layers

    def views(self, theta: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weight matrices and bias vectors, as views of theta."""
        coefs, intercepts = zip(*self.layers(theta), strict=True)
        return coefs, intercepts

    def with_output_scaled(self, theta: Array, factor: float) -> Array:
        """Return a copy of theta in which the output layer's weights and biases are multiplied by a factor."""
        scaled = theta.copy()
        for part in self.layers(scaled)[-1]:  # W and b are views: this changes `scaled`
            part *= factor
        return scaled

    def pack(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        parts = (*reversed(list(coefs)), *intercepts)
        # "unsafe" permits float64 weights in a float32 theta
        return np.concatenate(list(map(np.ravel, parts)), dtype=dtype, casting="unsafe")
