"""A table in this process's memory, or in a file that it maps: how it is encoded, once for all networks of a fit.

Conventions
-----------
n rows; d columns; m inputs of the network.

values : (n, d)     array, CSR matrix or data frame
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.batchwise import BatchwiseInputs
from sknet._model.machine import refuse_large_table
from sknet._model.matrices import NetworkRows
from sknet._model.row_thresholds import LARGE_ROWS
from sknet._network.activations import Activation
from sknet._network.inputs import DenseInputs, Inputs, MixedInputs, RowSelection, SparseInputs
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import Objective
from sknet._network.penalties import ElasticNet
from sknet._tables.columns import Column
from sknet._tables.columns.target import TargetTotals
from sknet._tables.compact import VALUES_WRITTEN_AT_ONCE
from sknet._tables.encoding import INPUTS_ENCODED_AT_ONCE, TableEncoder
from sknet._tables.frames import as_uniform_array
from sknet._tables.rows import ALL, FeatureTable
from sknet._tables.tables import is_memory_mapped, is_sparse, table_digest, take_rows
from sknet._typing import Array, Batch, DType, Table

MIN_BYTES_TO_COMPACT = 2**26
"""Encoded tables of more bytes are kept as compact rows, if these take less than three quarters of them.

A table of numbers with 8 bins is encoded into 4.5 times its size, in float32. Smaller encoded tables are gathered from
the processor's cache, and faster so; of larger ones a batch is read from memory, which takes as long as writing it from
compact rows."""

MAX_COMPACT_TO_ARRAY_RATIO = 2.5
"""Where compact rows take so many times the memory of an array, of short integers, its rows are encoded batch by batch:
that takes two to three times as long as writing them, a tenth of a step."""


@dataclass(frozen=True, eq=False)
class TableInMemory(FeatureTable):
    """Rows of an array, a CSR matrix or a data frame."""

    values: Table
    polars_frame: Table = None  # the same rows as the user passed them, if `values` were read from a polars frame
    # the last encoder's columns of text, and the table with the numbers that these become in their place
    _encoded_text: list[tuple[tuple[Column, ...], Table]] = field(default_factory=list, init=False, repr=False)

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return is_sparse(self.values)

    @property
    def is_memory_mapped(self) -> bool:
        """Whether the values lie in a file."""
        return is_memory_mapped(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return self.values.shape

    @property
    def example_rows(self) -> Table:
        """The first two rows."""
        return take_rows(self.values, slice(0, 2))

    def __getitem__(self, rows: Batch) -> TableInMemory:
        """Return some of the rows."""
        frame = self.polars_frame
        return TableInMemory(take_rows(self.values, rows), None if frame is None else take_rows(frame, rows))

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Return some rows."""
        return self.values if isinstance(rows, slice) and rows == ALL else take_rows(self.values, rows)

    def for_scorer(self) -> Table:
        """Return the table, with which a scorer may do whatever an array can: of a file, it is read."""
        if self.polars_frame is not None:
            return self.polars_frame
        return np.array(self.values) if self.is_memory_mapped else self.values

    def as_numbers(self, max_values: int) -> Array | None:
        """Return the values as an array of numbers; None where there are more, or some may be text."""
        if self.shape[0] * self.shape[1] > max_values:
            return None
        if self.is_sparse:
            return self.values.toarray()
        return self.values if isinstance(self.values, np.ndarray) else None

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_part: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Compute `TableEncoder.target_totals` of all rows."""
        return encoder.target_totals(self.values, target_of(y), weight, encoding_part)

    def digest(self) -> str:
        """Return a hash of the type, the shape and the values."""
        return table_digest(self.values)

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_part: NDArray[np.intp] | None) -> EncodedInMemory:
        """Encode the rows once, as a whole or into compact rows; those of a memory map batch by batch.

        The ways, by the table: a CSR matrix stays one where zeros are encoded as zeros; an array that is much smaller
        than its encoded rows, or in a file, is kept and encoded batch by batch; many one-hot inputs are looked up
        (`MixedRows`), beside all others; these are dense, or compact where that saves much.
        """
        X = self.values
        if encoder.names is None and not isinstance(X, np.ndarray):
            encoder = encoder.with_names_of(X)  # so that errors name a frame's columns
        if self.is_sparse and encoder.keeps_zeros:  # it then has neither bins, which could be skipped, nor categories
            return EncodedInMemory(SparseInputs(encoder.encode(X, dtype)))
        X = encoder.as_dense(X) if self.is_sparse else X  # of an encoder that was learnt from dense rows
        if encoder.text_columns and len(self) < LARGE_ROWS:  # there may be folds
            encoder, X = self._encode_text(encoder, dtype)
        array = X if self.is_memory_mapped else array_if_smaller_than_encoded(encoder, X, dtype)
        if array is not None:

            def encode_batch(batch: Batch, out: Array, _: int) -> None:
                encoder.encode_rows(array, batch, out, encoding_part)

            return EncodedInMemory(BatchwiseInputs(encode_batch, encoder.n_inputs, dtype, INPUTS_ENCODED_AT_ONCE))
        refuse_large_table(X.shape[0], encoder.n_inputs, kept_bytes(encoder.encoder_without_lookups, X, dtype))
        encode = encode_mixed if encoder.lookups is not None else encode_dense
        return EncodedInMemory(encode(encoder, X, dtype, encoding_part))

    def _encode_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, Table]:
        """Encode texts, which takes longest, once: encoders of the folds differ in other columns."""
        columns = encoder.text_columns
        if not self._encoded_text or self._encoded_text[0][0] != columns:
            self._encoded_text[:] = [(columns, encoder.encode_text(self.values, dtype)[1])]
        return encoder.encode_text(take_rows(self.values, slice(0, 0)), dtype)[0], self._encoded_text[0][1]


@dataclass(frozen=True)
class EncodedInMemory:
    """An encoded table in this process's memory, or one whose rows are encoded batch by batch."""

    inputs_of_all: Inputs
    rows: NDArray[np.intp] | None = None  # None: all
    n_networks_at_once: ClassVar[int] = 1
    typical_rows: ClassVar[None] = None

    def __getitem__(self, rows: NDArray[np.intp]) -> EncodedInMemory:
        """Return some of these rows."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return self.inputs_of_all.batch_format == "sparse"

    @property
    def inputs(self) -> Inputs:
        """All inputs of these rows."""
        return self.inputs_of_all if self.rows is None else RowSelection(self.inputs_of_all, self.rows)

    def objective(
        self, layout: Layout, activations: Sequence[Activation], loss: Loss, penalty: ElasticNet, samples: NetworkRows,
        dropout: Sequence[float],
    ) -> Objective:  # fmt: skip
        """Return the objective of a network that is trained on these rows."""
        return Objective(
            layout, activations, loss, penalty, samples.inputs, samples.target, samples.weight,
            max_rows=samples.max_rows, dropout=dropout,
        )  # fmt: skip


def encode_dense(encoder: TableEncoder, X: Table, dtype: DType, encoding_part: NDArray[np.intp] | None) -> Inputs:
    """Encode a table into one dense matrix, or into compact rows."""
    if is_compact(encoder, X, dtype):
        compact = encoder.encode_compact(X, dtype, encoding_part)
        return BatchwiseInputs(compact.write, encoder.n_inputs, dtype, VALUES_WRITTEN_AT_ONCE)
    # Dense rows end with a 1, so that the first layer's biases are weights like the others: one product computes both.
    return DenseInputs(encoder.encode(X, dtype, ones=True, encoding_part=encoding_part), "ones")


def encode_mixed(encoder: TableEncoder, X: Table, dtype: DType, encoding_part: NDArray[np.intp] | None) -> Inputs:
    """Encode a table, some categories as indices to look up, all else dense or into compact rows."""
    encoder_without_lookups, lookups = encoder.encoder_without_lookups, encoder.lookups
    if lookups is None:
        raise TypeError("no categories are looked up")
    if not is_compact(encoder_without_lookups, X, dtype):
        dense, one_hot, dense_inputs = encoder.encode_mixed(X, dtype, encoding_part)
        return MixedInputs(DenseInputs(dense), one_hot, dense_inputs)
    compact = encoder_without_lookups.encode_compact(X, dtype, encoding_part)
    written = BatchwiseInputs(compact.write, encoder_without_lookups.n_inputs, dtype, VALUES_WRITTEN_AT_ONCE, "dense")
    return MixedInputs(written, lookups.one_hot_rows(X, dtype), lookups.dense_inputs)


def is_compact(encoder: TableEncoder, X: Table, dtype: DType) -> bool:
    """Whether the encoded rows of a table are kept as compact rows: where that saves much of much memory."""
    row_bytes = encoder.n_inputs * dtype.itemsize
    return X.shape[0] * row_bytes > MIN_BYTES_TO_COMPACT and encoder.compact_layout.row_bytes(dtype) < 0.75 * row_bytes


def kept_bytes(encoder: TableEncoder, X: Table, dtype: DType) -> int:
    """Return how many bytes the encoded rows of a table take, dense or as compact rows, whichever is chosen."""
    dense_bytes = encoder.n_inputs * dtype.itemsize
    row_bytes = encoder.compact_layout.row_bytes(dtype) if is_compact(encoder, X, dtype) else dense_bytes
    return X.shape[0] * row_bytes


def array_if_smaller_than_encoded(encoder: TableEncoder, X: Table, dtype: DType) -> Array | None:
    """Return a table as an array if that takes far less memory than its encoded rows, compact or not; else None.

    Arrays of short integers, such as pixels, do.
    """
    dense_bytes = encoder.n_inputs * dtype.itemsize
    if is_sparse(X) or X.shape[0] * dense_bytes <= MIN_BYTES_TO_COMPACT:  # small tables never need the compact layout
        return None
    n_bytes = X.shape[0] * min(dense_bytes, encoder.compact_layout.row_bytes(dtype))
    if n_bytes <= MIN_BYTES_TO_COMPACT:
        return None
    array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else X
    return array if array is not None and n_bytes > MAX_COMPACT_TO_ARRAY_RATIO * array.nbytes else None
