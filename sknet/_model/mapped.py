"""The network's input where the rows of a table lie in a file.

Conventions
-----------
n rows; m inputs of the network.

X : (n, d)      a memory-mapped table
batch : slice or (b,) array of int
"""

import numpy as np
from numpy.typing import NDArray

from sknet._network.binding import Kind
from sknet._network.inputs import length, pieces
from sknet._tables.columns.number import CHUNK_VALUES
from sknet._tables.encoding import TableEncoder
from sknet._typing import Array, Batch, DType


class MappedInputs:
    """Rows of a memory map, encoded batch by batch: the whole may not fit in memory."""

    kind: Kind = "ones"

    def __init__(self, encoder: TableEncoder, X: object, dtype: DType, fold: NDArray[np.intp] | None) -> None:
        self._encoder, self._X, self._fold = encoder, X, fold
        self._height = max(1, CHUNK_VALUES // (encoder.n_inputs + 1))
        self._buffer = np.empty((0, encoder.n_inputs + 1), dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows, in a buffer that the next call overwrites; it is as large as the largest batch."""
        n = length(batch)
        if n > len(self._buffer):
            self._buffer = np.ones((n, self._buffer.shape[1]), self._buffer.dtype)
        start = 0
        for piece in pieces(batch, self._height):  # which stay in the processor's cache, with all that encoding needs
            rows = self._buffer[start : start + length(piece), :-1]
            start += len(self._encoder.encode_rows(self._X, piece, rows, self._fold))
        return self._buffer[:n]
