"""Layers that some networks have beside those of `backprop`: activations that keep their input, and dropout.

Conventions
-----------
z, a, delta : (n, h), as in `backprop`
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sknet._typing import Array, DType


@dataclass(eq=False)
class ActivateKeepingInput:
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


N_POOLED_MASKS = 2**17
"""How many random factors the pool holds, one for each output that is masked: they fit in the processor's cache."""


@lru_cache(maxsize=4)
def dropout_factors(rate: float, dtype: DType, size: int) -> Array:
    """Return `size` random factors, the same at every call: 0 with probability `rate`, else 1 / (1 - rate)."""
    pool = (np.random.default_rng(0).random(size) >= rate).astype(dtype)
    pool /= 1.0 - rate
    return pool


class Dropout:
    """Each output is 0 with probability `rate`, else divided by 1 - rate, which keeps its mean.

    Srivastava et al. 2014. A random number for each output would take longer than all else here. So a pool of masks is
    drawn once, and the rows of a batch take those from a random index of it on, which is one random number.
    """

    def __init__(self, rate: float, rng: np.random.Generator, dropped: Array) -> None:
        n, h = dropped.shape
        # where one row is longer than the pool, it still has h + 1 places to start from
        self.pool = dropout_factors(rate, dropped.dtype, max(N_POOLED_MASKS, 2 * h))
        self.draw_word = rng.bit_generator.random_raw  # 64 random bits: cheaper than `rng.integers`
        self.dropped = dropped  # not in place, since the activation's backward pass reads `a` as it was
        # a part takes a quarter of the pool at most: three quarters are left to choose its start from
        n_rows = max(1, N_POOLED_MASKS // 4 // h)
        self.parts = [slice(start, min(start + n_rows, n)) for start in range(0, n, n_rows)]
        self.masks: list[Array] = []

    def forward(self, a: Array) -> Array:
        self.masks = []
        for part in self.parts:
            rows = a[part]
            start = self.draw_word() % (self.pool.size - rows.size + 1)
            mask = self.pool[start : start + rows.size].reshape(rows.shape)  # a view
            np.multiply(rows, mask, out=self.dropped[part])  # a * mask
            self.masks.append(mask)
        return self.dropped

    def backward(self, delta: Array) -> Array:
        for part, mask in zip(self.parts, self.masks, strict=True):
            delta[part] *= mask  # dJ/da = dJ/d(a * mask) * mask
        return delta
