"""First layers of rows most of whose inputs are 0: a CSR matrix, or an array beside one.

Conventions
-----------
As in `backprop`: x (n, d), W (d, h), b (h,), z (n, h), delta (n, h); m of the d inputs are dense, and the one-hot ones
are among the last e.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from sknet._network.backprop import Dense
from sknet._typing import Array


class MixedRows(NamedTuple):
    """Rows most of whose inputs are one-hot: the others as an array, and where a 1 is."""

    dense: Array  # (n, m)
    one_hot: sp.csr_array  # (n, e) the last e inputs, with no entries in the dense ones' columns
    dense_inputs: Array  # (m,) which of the d inputs the columns of `dense` are


@dataclass(eq=False)
class DenseOnSparse(Dense):
    """As `Dense`, for a CSR matrix: only the weights of inputs that are not 0 in all rows have a gradient.

    Where `may_skip_untouched` and these inputs are few, `touched` says which they are, and dW's first rows hold
    theirs, one after the other; the others are left as they were. Else `touched` is None.
    """

    may_skip_untouched: bool = False
    touched: Array | None = None

    def forward(self, x: sp.csr_array) -> Array:
        self.x = x
        self.z[:] = x @ self.W  # z = x W                    (n, h)
        self.z += self.b  #           + b
        return self.z

    def backward(self, delta: Array) -> None:
        self.ones.dot(delta, self.db)  # dJ/db = 1^T dJ/dz          (h,)
        self.touched = touched_inputs(self.x) if self.may_skip_untouched else None
        if self.touched is None:
            self.dW[:] = self.x.T @ delta  # dJ/dW = x^T dJ/dz          (d, h)
        else:  # the other rows of dJ/dW are 0: neither computed nor cleared, which would take as long as a dense step
            self.dW[: len(self.touched)] = select_columns(self.x, self.touched).T @ delta


@dataclass(eq=False)
class DenseOnMixed(Dense):
    """As `Dense`, for rows most of whose inputs are one-hot: these pick rows of W instead of multiplying them."""

    def forward(self, x: MixedRows) -> Array:
        self.x = x
        x.dense.dot(self.W.take(x.dense_inputs, 0), self.z)  # z = x W, of the dense inputs
        self.z += x.one_hot @ self._rows_of_one_hot(self.W)  #         + rows of W
        self.z += self.b  #                                      + b
        return self.z

    def backward(self, delta: Array) -> None:
        # dJ/dW = x^T dJ/dz: for a category, the sum over its rows
        self._rows_of_one_hot(self.dW)[:] = self.x.one_hot.T @ delta
        self.dW[self.x.dense_inputs] = self.x.dense.T @ delta  # all other rows
        self.ones.dot(delta, self.db)  # dJ/db = 1^T dJ/dz

    def _rows_of_one_hot(self, W: Array) -> Array:
        """Return W's last e rows, those of the one-hot inputs, (e, h)."""
        return W[len(W) - self.x.one_hot.shape[1] :]


def touched_inputs(x: sp.csr_array) -> Array | None:
    """Return the columns with entries, increasing; None where they are most of them."""
    touched = np.zeros(x.shape[1], dtype=bool)
    touched[x.indices] = True
    columns = np.flatnonzero(touched)  # of x, and so rows of W
    return columns if 2 * len(columns) <= x.shape[1] else None  # packing more would cost more than it saves


def select_columns(x: sp.csr_array, columns: Array) -> sp.csr_array:
    """Return x without its other columns, which have no entries."""
    new_index = np.empty(x.shape[1], dtype=x.indices.dtype)  # by old index; never read where a column has no entries
    new_index[columns] = np.arange(len(columns))
    return sp.csr_array((x.data, new_index[x.indices], x.indptr), shape=(x.shape[0], len(columns)))
