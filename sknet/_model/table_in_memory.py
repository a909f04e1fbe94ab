"""A table in memory, or in a memory-mapped file.

Conventions
-----------
n rows; d columns; m inputs of the network.

values : (n, d)     array, CSR matrix or data frame
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.encoded_inputs import encode_for_training
from sknet._model.matrices import EncodedRows
from sknet._network.chain import RowSelection
from sknet._network.objective import Objective, ObjectiveSettings
from sknet._tables.categories import TargetTotals
from sknet._tables.column import Column
from sknet._tables.encoding import TableEncoder
from sknet._tables.read import is_memory_mapped, is_sparse, table_digest, take_rows
from sknet._tables.rows import ALL, FeatureTable
from sknet._typing import Array, Batch, DType, Table


class EncodedText(NamedTuple):
    """A table whose text columns have been encoded as numbers."""

    columns: tuple[Column, ...]  # the learnt text columns
    table: pd.DataFrame


@dataclass(frozen=True, eq=False)
class TableInMemory(FeatureTable):
    """Rows of an array, a CSR matrix or a data frame."""

    values: Table
    polars_frame: Table = None  # the user's polars frame, if `values` were read from one
    encoded_text: EncodedText | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return is_sparse(self.values)

    @property
    def is_memory_mapped(self) -> bool:
        """Whether the values are in a file."""
        return is_memory_mapped(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns."""
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
        """Return the table for a scorer; a memory-mapped file is read into an array."""
        if self.polars_frame is not None:
            return self.polars_frame
        return np.array(self.values) if self.is_memory_mapped else self.values

    def as_numbers(self, max_values: int) -> Array | None:
        """Return the values as an array; None if there are more than `max_values`, or in a data frame."""
        if self.shape[0] * self.shape[1] > max_values:
            return None
        if self.is_sparse:
            return self.values.toarray()
        return self.values if isinstance(self.values, np.ndarray) else None

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        return encoder.target_totals(self.values, target_of(y), weight, encoding_fold)

    def digest(self) -> str:
        """Return a hash of the type, the shape and the values."""
        return table_digest(self.values)

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> TableInMemory:
        """Return the table with encoded texts, for encoders with the same text columns."""
        columns = encoder.text_columns
        return replace(
            self, encoded_text=EncodedText(columns, encoder.encode_text(self.values, dtype)) if columns else None
        )

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedInMemory:
        """Encode the rows, see `encode_for_training`."""
        X, text = self.values, self.encoded_text
        if encoder.names is None and not isinstance(X, np.ndarray):
            encoder = encoder.with_names_of(X)  # for error messages
        if text is not None and text.columns == encoder.text_columns:
            encoder, X = encoder.encoder_after_text, text.table
        return EncodedInMemory(encode_for_training(encoder, X, dtype, encoding_fold))


@dataclass(frozen=True)
class EncodedInMemory(RowSelection):
    """Rows that are encoded in memory, or batch by batch."""

    n_networks_awaited_at_once: ClassVar[int] = 1

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> Objective:
        """Return the objective of a network that is trained on these rows."""
        inputs = self.inputs if self.rows is None else self  # for all rows, skip the selection of rows
        return Objective(settings, inputs, rows.target, rows.relative_weight)
