"""A table in a file, as one value: rows are chosen by their places in it, and read when they are asked for.

Conventions
-----------
N rows in the file; n of them chosen.

places : (n,)            where the chosen rows lie in the file, increasing
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sknet._stream.stored import StoredRows
from sknet._stream.stored_table import BYTES_READ_PER_POOL, EncodedOnRead
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.read import take_optional
from sknet._tables.rows import ALL, FeatureTable, TableLimits
from sknet._typing import Array, Batch, DType, Table

MAX_ROWS_HELD_OUT = 100_000
"""The most rows that are held out: they stay in memory, and their loss is as certain as it needs to be."""


@dataclass(frozen=True, eq=False)
class StoredTable(FeatureTable):
    """Some rows of a table in a file; all it does goes through the file once, but for `rows_in_memory`.

    Attributes
    ----------
    stored : StoredRows
    places : ndarray of shape (n,), or None
        None for all rows.
    """

    stored: StoredRows
    places: NDArray[np.intp] | None = None
    # rows come in pools of the file, so that nothing can be trained that needs all of them at once
    limits: ClassVar[TableLimits] = TableLimits(is_sequential=True, max_held_out=MAX_ROWS_HELD_OUT)

    @property
    def example_rows(self) -> Table:
        """The first rows of the source, as the user has them."""
        return self.stored.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self), self.example_rows.shape[1]

    def __len__(self) -> int:
        return len(self.stored.records) if self.places is None else len(self.places)

    def __getitem__(self, rows: Batch) -> StoredTable:
        """Return some of these rows, in increasing order."""
        return replace(self, places=self._places(rows))

    def _places(self, rows: Batch) -> NDArray[np.intp]:
        if self.places is not None:
            return self.places[rows]
        return np.arange(len(self))[rows] if isinstance(rows, slice) else rows

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Read some of these rows, in this order, as an array or a data frame."""
        return self.stored.take(self._places(rows))

    def for_scorer(self) -> Table:
        """Return the rows, read for a scorer of the user's."""
        return self.rows_in_memory()

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        pools = self.stored.records.pools(BYTES_READ_PER_POOL // self.stored.records.dtype.itemsize, places=self.places)
        return merge_totals(
            encoder.target_totals(
                self.stored.format.unpack(records), target_of(y[rows]), take_optional(weight, rows),
                encoding_fold[rows],
            )
            for records, rows in pools
        )  # fmt: skip

    def digest(self) -> str:
        """Return a hash of these rows, the same whatever the chunks they came in."""
        places = b"all" if self.places is None else self.places.tobytes()
        return sha256(self.stored.digest.encode() + places).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnRead:
        """Encode what takes longest, texts, once for all epochs, and all else whenever it is read."""
        rest, stored = self.stored.with_encoded_text(encoder, dtype) if encoder.text_columns else (encoder, self.stored)
        return EncodedOnRead(stored, rest, dtype, self.places, encoding_fold)
