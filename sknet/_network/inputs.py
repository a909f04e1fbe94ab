"""The network's input, batch by batch.

Conventions
-----------
batch : slice or (b,) array of int     which of the rows
d inputs, of which a network may skip the first s
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._network.chain import BatchFormat, MixedRows
from sknet._typing import Array, Batch, Table


class Inputs(Protocol):
    """The rows of a table as one network takes them, batch by batch."""

    @property
    def batch_format(self) -> BatchFormat:
        """What the batches are."""

    def __call__(self, batch: Batch, /) -> Table:
        """Return the batch's rows: (b, d - s), an array, CSR or mixed; "ones": one more column, which is 1."""

    def without_first_inputs(self, s: int, /) -> Self:
        """Return the same rows without the first s inputs, which a network skips; with buffers of their own."""


class DenseInputs:
    """The rows of an array, (n, d) or (n,), gathered batch by batch into one buffer."""

    def __init__(self, values: Array, batch_format: BatchFormat = "dense") -> None:
        self.batch_format, self._values, self._is_view = batch_format, values, not values.flags.c_contiguous
        self._buffer = np.empty((0, *values.shape[1:]), values.dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows: a view for a slice, else the buffer, which the next call overwrites."""
        # An array without its first columns is a view. An index makes a new array of its rows; `take`, which needs 1 us
        # less otherwise, would first copy the whole view.
        if isinstance(batch, slice) or self._is_view:
            return self._values[batch]
        if len(self._buffer) < len(batch):  # the first batch; pieces that are evaluated may be larger
            self._buffer = np.empty((len(batch), *self._values.shape[1:]), self._values.dtype)
        # "clip" skips NumPy's own buffering of the output; the indices are in range
        return self._values.take(batch, 0, self._buffer[: len(batch)], "clip")

    def without_first_inputs(self, s: int) -> DenseInputs:
        """Return the same rows without the first s inputs."""
        return DenseInputs(self._values[:, s:], self.batch_format)


class SparseInputs:
    """The rows of a CSR matrix."""

    batch_format: BatchFormat = "sparse"

    def __init__(self, values: sp.csr_array) -> None:
        self._values = values

    def __call__(self, batch: Batch) -> sp.csr_array:
        """Return the batch's rows."""
        return self._values[batch]

    def without_first_inputs(self, s: int) -> SparseInputs:
        """Return the same rows without the first s inputs."""
        return SparseInputs(self._values[:, s:]) if s else self


class OneHotRows(Protocol):
    """Rows of a CSR matrix, or what makes one of some rows: the last inputs."""

    def __getitem__(self, rows: Batch, /) -> sp.csr_array:
        """Return some rows."""


class MixedInputs:
    """Rows most of whose inputs are one-hot: the others, `dense_inputs` of all, come from `dense`.

    The inputs that a network may skip are the first ones of both.
    """

    batch_format: BatchFormat = "mixed"

    def __init__(self, dense: Inputs, one_hot: OneHotRows, dense_inputs: NDArray[np.intp]) -> None:
        self._dense, self._one_hot, self._dense_inputs = dense, one_hot, dense_inputs

    def __call__(self, batch: Batch) -> MixedRows:
        """Return the batch's rows."""
        return MixedRows(self._dense(batch), self._one_hot[batch], self._dense_inputs)

    def without_first_inputs(self, s: int) -> MixedInputs:
        """Return the same rows without the first s inputs."""
        return MixedInputs(self._dense.without_first_inputs(s), self._one_hot, self._dense_inputs[s:] - s)


@dataclass(frozen=True)
class RowSelection:
    """Rows of other inputs, by their numbers."""

    inputs: Inputs
    rows: NDArray[np.intp] | None = None  # None: all

    @property
    def batch_format(self) -> BatchFormat:
        """What the batches are."""
        return self.inputs.batch_format

    def __call__(self, batch: Batch) -> Table:
        """Return the batch's rows: `batch` counts the selected rows, `inputs` counts all."""
        return self.inputs(batch if self.rows is None else self.rows[batch])

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return some of these rows."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    def without_first_inputs(self, s: int) -> Self:
        """Return the same rows without the first s inputs."""
        return replace(self, inputs=self.inputs.without_first_inputs(s))


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
