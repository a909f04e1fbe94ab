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
"""Which rows or columns of an array: a slice, or their numbers."""

Batch: TypeAlias = Positions
"""Which rows of a table: a slice, or their numbers, (b,)."""


class SparseGradient(NamedTuple):
    """A gradient that is 0 in most rows of one matrix of weights: only the other rows are there.

    The matrix is the first layer's. Before it, theta holds weights; after it, biases.
    """

    out: Array  # (p,) the gradient, like theta; its part [start:stop], where the matrix lies, holds none
    start: int
    stop: int
    rows: Array  # (r,) which rows of the matrix have a gradient: the inputs that the batch holds
    values: Array  # (r, h) the gradient of these rows; h columns of the matrix


Gradient: TypeAlias = Array | SparseGradient
"""The gradient of an objective with respect to theta: whole, or in part."""


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
