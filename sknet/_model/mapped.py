"""The network's input where the rows of a table lie in a file.

Conventions
-----------
n rows; m inputs of the network.

X : (n, d)      a memory-mapped table
batch : slice or (b,) array of int
"""

import numpy as np
from numpy.typing import NDArray

from sknet._network.layers import Kind
from sknet._network.objective import length
from sknet._tables.encoding import TableEncoder
from sknet._typing import Array, Batch, DType


class MappedInputs:
    """Rows of a memory map, encoded batch by batch: the whole may not fit in memory."""

    kind: Kind = "ones"

    def __init__(
        self, encoder: TableEncoder, X: object, dtype: DType, n_rows: int, fold: NDArray[np.intp] | None
    ) -> None:
        self._encoder, self._X, self._fold = encoder, X, fold
        self._buffer = np.ones((n_rows, encoder.n_inputs + 1), dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows, in a buffer that the next call overwrites."""
        rows = self._buffer[: length(batch)]
        self._encoder.encode_rows(self._X, batch, rows[:, :-1], self._fold)
        return rows
