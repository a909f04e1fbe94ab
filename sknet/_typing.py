"""Names of types that all rooms use.

NumPy and users leave some types open. Each of these has a name here, which stands for `Any`.
"""

from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
"""An array of any dtype; the Conventions block of each module gives the shapes."""

DType: TypeAlias = np.dtype[Any]
"""The dtype of an array."""

Positions: TypeAlias = slice | npt.NDArray[np.intp]
"""Rows or columns of an array: a slice, or their indices."""

Batch: TypeAlias = Positions
"""Rows of a table: a slice, or their indices, (b,)."""


class SparseGradient(NamedTuple):
    """A gradient that is 0 in most rows of the first layer's weight matrix, and holds only the other rows.

    In theta, weights come before this matrix and biases after it. The value that is returned with it leaves out the
    penalty, which needs a pass over all weights: the training loop adds the penalty once per epoch.
    """

    out: Array  # (p,) the gradient, like theta; its part [start:stop], for the matrix, is not set
    start: int
    stop: int
    row_indices: Array  # (r,) the rows of the matrix that have a gradient: the inputs in the batch
    values: Array  # (r, h) the gradient of these rows; h columns of the matrix
    n_rows: int  # of the batch


Gradient: TypeAlias = Array | SparseGradient
"""The gradient of an objective with respect to theta, dense or sparse."""


class ValueAndGradient(Protocol):
    """A function to minimise, batch by batch."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Return the value and the gradient, in the memory of `out`."""


Table: TypeAlias = Any
"""X as a user passes it, or after checks: an array, a CSR matrix, a pandas or polars data frame."""

Target: TypeAlias = Any
"""y as a user passes it: labels or numbers in an array, a Series, a frame, a list or a sparse matrix."""

Future: TypeAlias = Any
"""The result of a task, on a worker of a cluster."""
