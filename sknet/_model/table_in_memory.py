"""Tables in memory, or in a memory-mapped file: encoded once for all networks, or batch by batch.

`encode_for_training` encodes a table as one matrix, or as `WrittenBatches`. Streams and clusters have other tables.

Conventions
-----------
n rows, b of a batch; d columns; m inputs of the encoded table; k raw outputs. A network may skip the first s inputs.

values, X : (n, d)  array, CSR matrix or data frame, in memory or in a memory-mapped file
encoding_fold : (n,)  as in `TableEncoder.encode`
batch : slice or (b,) array of int
out : (b, m)        inputs of these rows
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.machine import check_table_fits_in_memory
from sknet._model.rows import ALL_ROWS, EncodedRows, FeatureTable
from sknet._network.chain import (
    BatchFormat,
    DenseBatches,
    InputBatches,
    OneHotAndDenseBatches,
    SparseBatches,
    n_rows_in_batch,
)
from sknet._network.objective import Objective, ObjectiveSettings, raw_outputs
from sknet._tables.column import Column
from sknet._tables.compact import VALUES_WRITTEN_AT_ONCE, compact_layout, encode_compact
from sknet._tables.encoded_text import encoder_after_text, replace_text_by_inputs, text_columns
from sknet._tables.encoder import INPUTS_ENCODED_AT_ONCE, TableEncoder
from sknet._tables.raw_table import as_uniform_array, column_names, is_memory_mapped, is_sparse, table_digest, take_rows
from sknet._tables.target_statistics import TargetStatistics, statistics_by_column
from sknet._typing import Array, Batch, DType, Table
from sknet._vectors import blocks_of_batch

# --- a table in memory as the inputs of networks ---------------------------------------------------------------------


@dataclass(eq=False)
class WrittenBatches:
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
        n = n_rows_in_batch(batch)
        if n > len(self._buffer):  # it is filled with ones, because `write` never writes the last column
            self._buffer = np.ones((n, self._buffer.shape[1]), self._buffer.dtype)
        start = 0
        for block in blocks_of_batch(batch, max(1, self.values_at_once // (self.n_inputs + 1))):
            stop = start + n_rows_in_batch(block)
            self.write(block, self._buffer[start:stop, : self.n_inputs], self.n_skipped_inputs)
            start = stop
        return self._buffer[:n, self.n_skipped_inputs :]

    def without_first_inputs(self, s: int) -> WrittenBatches:
        """Return the same rows without the first s inputs, with a separate buffer."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)


MIN_BYTES_TO_COMPACT = 2**26
"""Larger encoded tables are kept as compact rows, if these take less than three quarters of the memory.

In float32, a table of numbers with 8 bins takes 4.5 times its size once it is encoded. Small encoded tables stay in the
processor's cache, where dense rows are fastest. Reading a batch of a large table from memory takes as long as writing
it from compact rows. For 200,000 rows of 40 numbers with 12 bins, a process grows by 99 MB with compact rows and by 425
MB with dense ones; fits that encode each batch from the table take half as long again (tests/benchmarks/notes.md)."""

MAX_KEPT_TO_TABLE_RATIO = 2.5
"""If encoded rows, with what else a fit keeps of each row, take more than this many times the memory of the table, each
batch is encoded from the table: with short integers, few columns, or dates. An epoch then takes little longer for an
array, and two to five times as long for a frame. A default fit may take three times the table."""

MIN_BYTES_TO_SAVE_MEMORY = 50_000_000
"""The memory of a fit to a smaller table may be as large as to a table of this size."""

OTHER_BYTES_PER_ROW = 16
"""What a default fit keeps of a row besides its inputs: its target, its index, and its place in the order of two
networks."""


def encode_for_training(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> InputBatches:
    """Encode a table once for all networks and epochs, or batch by batch; see `choose_form`."""
    if is_sparse(X):
        if encoder.keeps_zeros:
            return SparseBatches(encoder.encode(X, dtype))
        X = encoder.sparse_to_dense(X)  # the encoder was learnt from dense rows
    elif isinstance(X, pd.DataFrame) and (array := as_uniform_array(X)) is not None:
        X = array
    dense_encoder, lookups = encoder.dense_encoder, encoder.lookups
    form, n_bytes = choose_form(dense_encoder, X, dtype)
    if form == "table":
        return encode_batchwise(encoder, X, dtype, encoding_fold)
    check_table_fits_in_memory(X.shape[0], encoder.n_inputs, n_bytes)
    # with a column of ones, one product computes the sums of the first layer with their biases
    batch_format: BatchFormat = "ones" if lookups is None else "dense"
    dense: InputBatches
    if form == "compact":
        write = encode_compact(dense_encoder, X, dtype, encoding_fold).expand_into
        dense = WrittenBatches(write, dense_encoder.n_inputs, dtype, VALUES_WRITTEN_AT_ONCE, batch_format)
    else:
        Z = dense_encoder.encode(X, dtype, ones=batch_format == "ones", encoding_fold=encoding_fold)
        dense = DenseBatches(Z, batch_format)
    return (
        dense if lookups is None else OneHotAndDenseBatches(dense, lookups.one_hot_rows(X, dtype), lookups.dense_inputs)
    )


def choose_form(encoder: TableEncoder, X: Table, dtype: DType) -> tuple[str, int]:
    """Choose how the rows of a dense table are kept for training; return the form, and how many bytes it takes.

    The form is "dense" for one matrix, "compact" for compact rows, or "table" for the table alone, if it is
    memory-mapped, or much smaller than its encoded rows.
    """
    if is_memory_mapped(X):
        return "table", 0
    n = X.shape[0]
    n_bytes = n * encoder.n_inputs * dtype.itemsize
    if n_bytes <= MIN_BYTES_TO_COMPACT:  # small tables never need the compact layout
        return "dense", n_bytes
    form = "dense"
    compact_bytes = n * compact_layout(encoder).row_bytes(dtype)
    if compact_bytes < 0.75 * n_bytes:
        form, n_bytes = "compact", compact_bytes
    n_bytes_kept = n_bytes + n * OTHER_BYTES_PER_ROW
    if n_bytes_kept > MAX_KEPT_TO_TABLE_RATIO * max(_bytes_of(X), MIN_BYTES_TO_SAVE_MEMORY):
        return "table", 0
    return form, n_bytes


def _bytes_of(X: Table) -> float:
    """Return how many bytes a dense table takes; infinity if it has texts, which take more than encoded rows."""
    if isinstance(X, np.ndarray):
        return X.nbytes
    has_text = any(pd.api.types.is_string_dtype(dtype) for dtype in X.dtypes)
    return inf if has_text else float(X.memory_usage(index=False).sum())


def encode_batchwise(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> WrittenBatches:
    """Return inputs that encode each batch when it is needed."""

    def encode_batch(batch: Batch, out: Array, _: int) -> None:
        encoder.encode_rows_into(X, batch, out, encoding_fold)

    return WrittenBatches(encode_batch, encoder.n_inputs, dtype, INPUTS_ENCODED_AT_ONCE)


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TableInMemory(FeatureTable):
    """Rows of an array, a CSR matrix or a data frame."""

    values: Table
    polars_frame: Table = None  # the user's polars frame, if `values` were read from one
    # the learnt text columns, and the table with their inputs in place of the texts
    encoded_text: tuple[tuple[Column, ...], pd.DataFrame] | None = None

    @property
    def is_polars(self) -> bool:
        """Whether the user has passed a polars frame."""
        return self.polars_frame is not None

    @property
    def is_in_memory(self) -> bool:
        """Whether the values are not in a file."""
        return not is_memory_mapped(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and the number of columns."""
        return self.values.shape

    @property
    def example_rows(self) -> Table:
        """The first two rows."""
        return take_rows(self.values, slice(0, 2))

    def __getitem__(self, rows: Batch) -> TableInMemory:
        """Return some of the rows."""
        frame = self.polars_frame
        return TableInMemory(take_rows(self.values, rows), None if frame is None else take_rows(frame, rows))

    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Return some rows."""
        return self.values if isinstance(rows, slice) and rows == ALL_ROWS else take_rows(self.values, rows)

    def for_scorer(self) -> Table:
        """Return the table for a scorer; a memory-mapped file is read into an array."""
        if self.polars_frame is not None:
            return self.polars_frame
        return self.values if self.is_in_memory else np.array(self.values)

    def dense_array_if_small(self, max_values: int) -> Array | None:
        """Return the values as an array; None if there are more than `max_values`, or in a data frame."""
        if self.shape[0] * self.shape[1] > max_values:
            return None
        if is_sparse(self.values):
            return self.values.toarray()
        return self.values if isinstance(self.values, np.ndarray) else None

    def target_statistics(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetStatistics]:  # fmt: skip
        """Return `statistics_by_column` of all rows."""
        return statistics_by_column(encoder.columns, self.values, target_of(y), weight, encoding_fold)

    def digest(self) -> str:
        """Return a hash of the type, the shape and the values."""
        return table_digest(self.values)

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> TableInMemory:
        """Return the table with encoded texts, for encoders with the same text columns."""
        if not (texts := text_columns(encoder)):
            return self
        return replace(self, encoded_text=(texts, replace_text_by_inputs(encoder, self.values, dtype)))

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedLocally:
        """Encode the rows, see `encode_for_training`."""
        X = self.values
        if encoder.names is None and isinstance(X, pd.DataFrame):
            encoder = replace(encoder, names=column_names(X))  # error messages name these
        if self.encoded_text is not None and self.encoded_text[0] == text_columns(encoder):
            encoder = encoder_after_text(encoder)
            _, X = self.encoded_text
        return EncodedLocally(encode_for_training(encoder, X, dtype, encoding_fold))


@dataclass(frozen=True)
class EncodedLocally:
    """Some of the rows that are encoded in this process, in memory or batch by batch."""

    inputs: InputBatches
    row_indices: NDArray[np.intp] | None = None  # which of the rows; None for all
    n_networks_awaited_at_once: ClassVar[int] = 1

    @property
    def batch_format(self) -> BatchFormat:
        """The format of the batches."""
        return self.inputs.batch_format

    def __call__(self, batch: Batch) -> Table:
        """Return the batch's rows; `batch` has indices among the selected rows."""
        return self.inputs(batch if self.row_indices is None else self.row_indices[batch])

    def __getitem__(self, row_indices: NDArray[np.intp]) -> EncodedLocally:
        """Return some of these rows."""
        return replace(self, row_indices=row_indices if self.row_indices is None else self.row_indices[row_indices])

    def without_first_inputs(self, s: int) -> EncodedLocally:
        """Return the same rows without the first s inputs."""
        return replace(self, inputs=self.inputs.without_first_inputs(s))

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> Objective:
        """Return the objective of a network that is trained on these rows."""
        inputs = self.inputs if self.row_indices is None else self  # if all rows are used, do without the selection
        return Objective(settings, inputs, rows.target, rows.relative_weight)

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout."""
        return raw_outputs(settings, theta, self, n)
