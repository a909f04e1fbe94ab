"""Layers that some networks have beside those of `backprop`: activations that keep their input, and dropout.

Conventions
-----------
z, a, delta : (n, h), as in `backprop`
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np

from sknet._typing import Array


@dataclass(eq=False)
class ActivateAndKeep:
    """As `Activate`, for an activation whose slope needs z: it keeps a copy."""

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


N_LEVELS = 2**16
"""How many values the random number has that decides on an output."""

CHUNK = 2**14
"""How many outputs are decided on at once: their random numbers then fit in the cache."""


class Dropout:
    """Each output is 0 with probability `rate`, else divided by 1 - rate, which keeps its mean.

    Srivastava et al. 2014. Drawing random numbers takes most of the time here, so an output gets only 16 bits of them,
    a quarter of a 64-bit word of the generator (PCG64). Rates are therefore rounded to multiples of 2^-16.
    """

    def __init__(self, rate: float, rng: np.random.Generator, mask: Array, dropped: Array) -> None:
        self.level = min(round(rate * N_LEVELS), N_LEVELS - 1)
        self.scale = N_LEVELS / (N_LEVELS - self.level)  # 1 / (1 - rate)
        self.draw_words = rng.bit_generator.random_raw
        # (n, h) each; not in place, since the activation's backward pass reads `a` as it was before the mask
        self.mask, self.dropped = mask, dropped

    def forward(self, a: Array) -> Array:
        entries = self.mask.reshape(-1)
        for start in range(0, entries.size, CHUNK):
            part = entries[start : start + CHUNK]
            numbers = self.draw_words(ceil(part.size / 4)).view(np.uint16)
            np.greater_equal(numbers[: part.size], self.level, out=part)  # 0 with probability `rate`, else 1
        self.mask *= self.scale
        return np.multiply(a, self.mask, out=self.dropped)  # a * mask

    def backward(self, delta: Array) -> Array:
        delta *= self.mask  # dJ/da = dJ/d(a * mask) * mask
        return delta
