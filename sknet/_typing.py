"""Names of types that every room uses.

`Any` stands here once for each thing that NumPy or a user leaves open, under a name that says what it is.
"""

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""An array of any type; shapes stand in the Conventions block of each module."""

DType: TypeAlias = np.dtype[Any]
"""An array's type."""

Positions: TypeAlias = slice | npt.NDArray[np.intp]
"""Which rows or columns of an array: a slice, or their indices."""

Batch: TypeAlias = Positions
"""Which rows of a table: a slice, or their indices, (b,)."""


class SparseGradient(NamedTuple):
    """A gradient that is 0 for most rows of the first layer's weights, theta[start:stop]."""

    out: Array  # (p,) the gradient of all other parameters: weights before `start`, biases from `stop` on
    start: int
    stop: int
    row_indices: Array  # (r,) the rows whose gradient is not 0: the inputs that are not 0 in the whole batch
    values: Array  # (r, h) the gradient of these rows


Gradient: TypeAlias = Array | SparseGradient
"""The gradient of an objective with respect to theta, whole or sparse."""


class ValueAndGradient(Protocol):
    """A function to minimise, batch by batch."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Return the value and the gradient, in the memory of `out`."""


Table: TypeAlias = Any
"""What a user passes as X, or what it became: an array, a CSR matrix, a pandas or polars data frame."""

Target: TypeAlias = Any
"""What a user passes as y: labels or numbers in an array, a Series, a frame, a list or a sparse matrix."""
