"""The network's input, batch by batch.

Conventions
-----------
batch : slice or (b,) array of int     which of the rows
d inputs, of which a network may skip the first s
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._network.binding import BatchFormat
from sknet._network.sparse_layers import MixedRows
from sknet._typing import Array, Batch, Table


class Inputs(Protocol):
    """The network's input, batch by batch."""

    @property
    def batch_format(self) -> BatchFormat:
        """What the batches are."""

    def __call__(self, batch: Batch, /) -> Table:
        """Return the batch's rows: (b, d - s), an array, CSR or mixed; "ones": one more column, which is 1."""


class DenseInputs:
    """The rows of an array, (n, d) or (n,), gathered batch by batch into one buffer: up to `n_rows` of them."""

    def __init__(self, values: Array, n_rows: int, batch_format: BatchFormat = "dense", n_skipped: int = 0) -> None:
        self.batch_format, self._n_rows, self._is_view = batch_format, n_rows, n_skipped > 0
        self._values = values[:, n_skipped:] if n_skipped else values
        self._buffer: Array | None = None

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows: a view for a slice, else the buffer, which the next call overwrites."""
        # an index of a view makes a new array, in 1 us more than `take`, which would first copy the whole view
        if isinstance(batch, slice) or self._is_view:
            return self._values[batch]
        if self._buffer is None or len(self._buffer) < len(batch):  # pieces that are evaluated may be larger
            self._buffer = np.empty((max(self._n_rows, len(batch)), *self._values.shape[1:]), self._values.dtype)
        # "clip" skips NumPy's own buffering of the output; the indices are in range
        return self._values.take(batch, 0, self._buffer[: len(batch)], "clip")


class SparseInputs:
    """The rows of a CSR matrix."""

    batch_format: BatchFormat = "sparse"

    def __init__(self, values: sp.csr_array) -> None:
        self._values = values

    def __call__(self, batch: Batch) -> sp.csr_array:
        """Return the batch's rows."""
        return self._values[batch]


class OneHotRows(Protocol):
    """Rows of a CSR matrix, or what makes one of some rows: the last inputs."""

    def __getitem__(self, rows: Batch, /) -> sp.csr_array:
        """Return some rows."""


class MixedInputs:
    """Rows most of whose inputs are one-hot: the others, `dense_inputs` of all, come from `dense`.

    Those that are skipped are the first ones of both; `dense` leaves them out.
    """

    batch_format: BatchFormat = "mixed"

    def __init__(self, dense: Inputs, one_hot: OneHotRows, dense_inputs: NDArray[np.intp], n_skipped: int = 0) -> None:
        self._dense, self._one_hot, self._dense_inputs = dense, one_hot, dense_inputs[n_skipped:] - n_skipped

    def __call__(self, batch: Batch) -> MixedRows:
        """Return the batch's rows."""
        return MixedRows(self._dense(batch), self._one_hot[batch], self._dense_inputs)


def mixed_inputs(rows: MixedRows, n_rows: int, n_skipped: int = 0) -> MixedInputs:
    """Return rows as a network takes them, up to `n_rows` at once, without the first inputs."""
    dense = DenseInputs(rows.dense, n_rows, n_skipped=n_skipped)
    return MixedInputs(dense, rows.one_hot, rows.dense_inputs, n_skipped)


@dataclass(frozen=True)
class RowSelection:
    """Inputs of some rows of other inputs, by their numbers."""

    inputs: Inputs
    rows: NDArray[np.intp]

    @property
    def batch_format(self) -> BatchFormat:
        """What the batches are."""
        return self.inputs.batch_format

    def __call__(self, batch: Batch) -> Table:
        """Return the batch's rows: `batch` counts the selected rows, `inputs` counts all."""
        return self.inputs(self.rows[batch])


def length(batch: Batch) -> int:
    """Return how many rows a batch has."""
    return batch.stop - batch.start if isinstance(batch, slice) else len(batch)


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """Split a batch into pieces of at most `size` rows."""
    if isinstance(batch, slice):
        for start in range(batch.start, batch.stop, size):
            yield slice(start, min(start + size, batch.stop))
    else:
        for start in range(0, len(batch), size):
            yield batch[start : start + size]
