"""Inputs of a network whose encoded table is not kept in memory: each batch is encoded on demand.

Conventions
-----------
b rows of a batch; m inputs of the encoded table. A network may skip the first s of them.

batch : slice or (b,) array of int
out : (b, m)     inputs of these rows
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sknet._network.chain import BatchFormat, length, pieces
from sknet._typing import Array, Batch, DType


class BatchwiseInputs:
    """Rows that are written batch by batch into a buffer as large as the largest batch.

    Parameters
    ----------
    write : callable
        (batch, out, s), writes the rows of a batch into `out`. It may leave out the first s inputs.
    n_inputs : int
    dtype : dtype
    piece_values : int
        How many values are written at a time, so that they stay in the processor's cache.
    batch_format : {"ones", "dense"}, default="ones"
        "ones" appends a column of ones.
    n_skipped_inputs : int, default=0
        How many inputs the network skips, the first ones.
    """

    def __init__(
        self,
        write: Callable[[Batch, Array, int], object],
        n_inputs: int,
        dtype: DType,
        piece_values: int,
        batch_format: BatchFormat = "ones",
        n_skipped_inputs: int = 0,
    ) -> None:
        self.batch_format, self._piece_values = batch_format, piece_values
        self._write, self._n_inputs, self._n_skipped = write, n_inputs, n_skipped_inputs
        self._buffer = np.empty((0, n_inputs + (batch_format == "ones")), dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows, a view of a buffer that the next call overwrites."""
        n = length(batch)
        if n > len(self._buffer):  # ones, because `write` never writes the last column
            self._buffer = np.ones((n, self._buffer.shape[1]), self._buffer.dtype)
        start = 0
        for piece in pieces(batch, max(1, self._piece_values // (self._n_inputs + 1))):
            stop = start + length(piece)
            self._write(piece, self._buffer[start:stop, : self._n_inputs], self._n_skipped)
            start = stop
        return self._buffer[:n, self._n_skipped :]

    def without_first_inputs(self, s: int) -> BatchwiseInputs:
        """Return the same rows without the first s inputs, with a separate buffer."""
        return BatchwiseInputs(
            self._write, self._n_inputs, self._buffer.dtype, self._piece_values, self.batch_format, self._n_skipped + s
        )
