"""First layers of rows most of whose inputs are 0: a CSR matrix, or an array beside one.

Conventions
-----------
As in `layers`: x (n, d), W (d, h), b (h,), z (n, h), delta (n, h); m of the d inputs are dense.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sknet._typing import Array


class Split(NamedTuple):
    """Rows most of whose inputs are one-hot: the others as an array, and where a 1 is."""

    dense: Array  # (n, m)
    hot: sp.csr_array  # (n, d)
    places: Array  # (m,) positions of the dense inputs among all d


@dataclass(eq=False)
class FirstSparse:
    """As `FirstDense`, for a CSR matrix: only the weights of inputs that are not 0 in all rows have a gradient.

    Where these are few, dW's first rows hold theirs, one after the other, and the others are left as they were.
    """

    W: Array
    b: Array
    dW: Array
    db: Array
    z: Array
    multiply: Callable[[Array, Array, Array], object]
    ones: Array
    whole: bool = True  # compute the gradient of all weights, even where a batch touches few inputs

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
        else:  # the other rows of dJ/dW are 0: neither computed nor cleared, which would take as long as a dense step
            self.dW[: len(rows)] = only_columns(self.x, rows).T @ delta
        return rows


@dataclass(eq=False)
class FirstSplit:
    """As `FirstDense`, for rows most of whose inputs are one-hot: these pick rows of W instead of multiplying them."""

    W: Array
    b: Array
    dW: Array
    db: Array
    z: Array
    multiply: Callable[[Array, Array, Array], object]
    ones: Array
    whole: bool = True

    def forward(self, x: Split) -> Array:
        self.x = x
        self.multiply(x.dense, self.W.take(x.places, 0), self.z)  # z = x W, of the dense inputs
        self.z += x.hot @ self.W  #                                       + rows of W
        self.z += self.b  #                                               + b
        return self.z

    def backward(self, delta: Array) -> None:
        self.dW[:] = self.x.hot.T @ delta  # dJ/dW = x^T dJ/dz: of a level, the sum over its rows
        self.dW[self.x.places] = self.x.dense.T @ delta
        self.ones.dot(delta, self.db)  # dJ/db = sum over rows


def touched_inputs(x: sp.csr_array) -> Array | None:
    """Return the columns with entries, increasing; None where they are most of them."""
    touched = np.zeros(x.shape[1], dtype=bool)
    touched[x.indices] = True
    rows = np.flatnonzero(touched)
    return rows if 2 * len(rows) <= x.shape[1] else None  # packing more would cost more than it saves


def only_columns(x: sp.csr_array, columns: Array) -> sp.csr_array:
    """Return x without its other columns, which have no entries."""
    place = np.empty(x.shape[1], dtype=x.indices.dtype)
    place[columns] = np.arange(len(columns))
    return sp.csr_array((x.data, place[x.indices], x.indptr), shape=(x.shape[0], len(columns)))
