"""A table as the network's input: encoded once and kept in memory, or encoded batch by batch.

Conventions
-----------
n rows, b of a batch; d columns; m inputs of the encoded table. A network may skip the first s of them.

X : (n, d)               array, CSR matrix or data frame
encoding_fold : (n,)     as in `TableEncoder.encode`
batch : slice or (b,) array of int
out : (b, m)             inputs of these rows
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.machine import check_table_fits_in_memory
from sknet._network.chain import BatchFormat, DenseInputs, Inputs, MixedInputs, SparseInputs, length, split_batch
from sknet._tables.compact import VALUES_WRITTEN_AT_ONCE, compact_layout, encode_compact
from sknet._tables.encoding import INPUTS_ENCODED_AT_ONCE, TableEncoder
from sknet._tables.read import as_uniform_array, is_memory_mapped, is_sparse
from sknet._typing import Array, Batch, DType, Table


@dataclass(eq=False)
class BatchwiseInputs:
    """Rows that are written batch by batch into a buffer as large as the largest batch.

    Attributes
    ----------
    write : callable
        (batch, out, s), writes the rows of a batch into `out`. It may leave out the first s inputs.
    n_inputs : int
    dtype : dtype
    values_at_once : int
        How many values are written at a time, so few that they stay in the processor's cache.
    batch_format : {"ones", "dense"}, default="ones"
        "ones" appends a column of ones.
    n_skipped_inputs : int, default=0
        How many inputs the network skips, the first ones.
    """

    write: Callable[[Batch, Array, int], object]
    n_inputs: int
    dtype: DType
    values_at_once: int
    batch_format: BatchFormat = "ones"
    n_skipped_inputs: int = 0

    def __post_init__(self) -> None:
        self._buffer = np.empty((0, self.n_inputs + (self.batch_format == "ones")), self.dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows, a view of a buffer that the next call overwrites."""
        n = length(batch)
        if n > len(self._buffer):  # ones, because `write` never writes the last column
            self._buffer = np.ones((n, self._buffer.shape[1]), self._buffer.dtype)
        start = 0
        for block in split_batch(batch, max(1, self.values_at_once // (self.n_inputs + 1))):
            stop = start + length(block)
            self.write(block, self._buffer[start:stop, : self.n_inputs], self.n_skipped_inputs)
            start = stop
        return self._buffer[:n, self.n_skipped_inputs :]

    def without_first_inputs(self, s: int) -> BatchwiseInputs:
        """Return the same rows without the first s inputs, with a separate buffer."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)


MIN_BYTES_TO_COMPACT = 2**26
"""Larger encoded tables are kept as compact rows, if these take less than three quarters of the memory.

In float32, a table of numbers with 8 bins takes 4.5 times its size once it is encoded. Small encoded tables stay in the
processor's cache, where dense rows are fastest. Reading a batch of a large table from memory takes as long as writing
it from compact rows. For 200,000 rows of 40 numbers with 12 bins, a process grows by 99 MB with compact rows and by 425
MB with dense ones; fits that encode each batch from the table take half as long again (tests/benchmarks/notes.md)."""

MAX_COMPACT_TO_ARRAY_RATIO = 2.5
"""If encoded rows take more than this many times the memory of the array, as with short integers, each batch is encoded
from the array. This takes two to three times as long as writing compact rows, which is a tenth of a step."""


def encode_for_training(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> Inputs:
    """Encode a table once for all networks and epochs, or batch by batch.

    A memory-mapped table, and an array much smaller than its encoded rows, are encoded batch by batch.
    """
    if is_sparse(X):
        if encoder.keeps_zeros:
            return encode_whole(encoder, X, dtype)
        X = encoder.as_dense(X)  # the encoder was learnt from dense rows
    n = X.shape[0]
    n_bytes = n * kept_row_bytes(encoder, n, dtype)
    array = X if is_memory_mapped(X) else None
    if n_bytes > MIN_BYTES_TO_COMPACT:
        array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else X
    if array is not None and (is_memory_mapped(X) or n_bytes > MAX_COMPACT_TO_ARRAY_RATIO * array.nbytes):

        def encode_batch(batch: Batch, out: Array, _: int) -> None:
            encoder.encode_rows(array, batch, out, encoding_fold)

        return BatchwiseInputs(encode_batch, encoder.n_inputs, dtype, INPUTS_ENCODED_AT_ONCE)
    dense_encoder = encoder.encoder_without_lookups
    row_bytes = kept_row_bytes(dense_encoder, n, dtype)
    check_table_fits_in_memory(n, encoder.n_inputs, n * row_bytes)
    if row_bytes == dense_row_bytes(dense_encoder, dtype):
        return encode_whole(encoder, X, dtype, encoding_fold, ones=True)
    compact = encode_compact(dense_encoder, X, dtype, encoding_fold)
    batch_format: BatchFormat = "ones" if encoder.lookups is None else "dense"
    dense = BatchwiseInputs(compact.write, dense_encoder.n_inputs, dtype, VALUES_WRITTEN_AT_ONCE, batch_format)
    return beside_lookups(dense, encoder, X, dtype)


def encode_whole(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None = None, *, ones: bool = False
) -> Inputs:
    """Encode a table into a dense or CSR matrix, or into a dense matrix and the categories that are looked up.

    `ones` appends a column of ones to a dense matrix (without lookups), so that one product computes the sums of the
    first layer with their biases.
    """
    if is_sparse(X) and encoder.keeps_zeros:  # such an encoder has neither bins nor categories
        return SparseInputs(encoder.encode(X, dtype))
    if encoder.lookups is None:
        Z = encoder.encode(X, dtype, ones=ones, encoding_fold=encoding_fold)
        return DenseInputs(Z, "ones" if ones else "dense")
    Z = encoder.encoder_without_lookups.encode(X, dtype, encoding_fold=encoding_fold)
    return beside_lookups(DenseInputs(Z), encoder, X, dtype)


def beside_lookups(dense: Inputs, encoder: TableEncoder, X: Table, dtype: DType) -> Inputs:
    """Return dense inputs, combined with the categories that are looked up, if there are any."""
    lookups = encoder.lookups
    return dense if lookups is None else MixedInputs(dense, lookups.one_hot_rows(X, dtype), lookups.dense_inputs)


def dense_row_bytes(encoder: TableEncoder, dtype: DType) -> int:
    """Return how many bytes a dense encoded row takes."""
    return encoder.n_inputs * dtype.itemsize


def kept_row_bytes(encoder: TableEncoder, n: int, dtype: DType) -> int:
    """Return how many bytes each of n encoded rows takes: compact if that saves much memory, otherwise dense."""
    n_bytes = dense_row_bytes(encoder, dtype)
    if n * n_bytes <= MIN_BYTES_TO_COMPACT:  # small tables never need the compact layout
        return n_bytes
    compact_bytes = compact_layout(encoder).row_bytes(dtype)
    return compact_bytes if compact_bytes < 0.75 * n_bytes else n_bytes
