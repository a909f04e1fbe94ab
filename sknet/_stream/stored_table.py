"""A table in a file, whose rows are encoded and trained on while they are read.

Each epoch reads the file once. It reads pools of buckets in a random order, and mixes the rows of each pool.

Conventions
-----------
N rows in the file; n of them are selected, in the order of the file.

record_indices : (n,)    indices of the selected rows in the file, increasing
row_indices : (m,)       indices, among the n rows, of the rows that were read
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding import BatchwiseInputs, EncodedRows
from sknet._network.chain import BatchFormat, DenseInputs, Inputs, length
from sknet._network.objective import Objective, ObjectiveSettings
from sknet._stream.records import Records
from sknet._stream.stored import StoredRows
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.read import take_optional
from sknet._tables.rows import ALL, FeatureTable, TableLimits
from sknet._tables.statistics import exceeds_sample_size, sample_rows
from sknet._typing import Array, Batch, DType, Gradient, Table
from sknet._vectors import split_batch

MAX_ROWS_HELD_OUT = 100_000
"""Maximum number of held-out rows. They stay in memory, and more rows would hardly change their mean loss."""


@dataclass(frozen=True, eq=False)
class StoredTable(FeatureTable):
    """Some rows of a table in a file. Each method except `rows_in_memory` reads the file once, from start to end.

    Attributes
    ----------
    stored : StoredRows
    record_indices : ndarray of shape (n,), or None
        None for all rows.
    """

    stored: StoredRows
    record_indices: NDArray[np.intp] | None = None
    # rows are read pool by pool, so training cannot use all rows at once
    limits: ClassVar[TableLimits] = TableLimits(is_sequential=True, max_held_out=MAX_ROWS_HELD_OUT)

    @property
    def example_rows(self) -> Table:
        """The first rows of the source, as the user has them."""
        return self.stored.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return len(self), self.example_rows.shape[1]

    def __len__(self) -> int:
        return len(self.stored.records) if self.record_indices is None else len(self.record_indices)

    def __getitem__(self, rows: Batch) -> StoredTable:
        """Return some of these rows, in increasing order."""
        return replace(self, record_indices=self._record_indices(rows))

    def _record_indices(self, rows: Batch) -> NDArray[np.intp]:
        if self.record_indices is not None:
            return self.record_indices[rows]
        return np.arange(len(self))[rows] if isinstance(rows, slice) else rows

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Read some of these rows, in this order, as an array or a data frame."""
        return self.stored.take(self._record_indices(rows))

    def for_scorer(self) -> Table:
        """Read the rows, for the user's scorer."""
        return self.rows_in_memory()

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        pools = self.stored.records.pools(
            BYTES_READ_PER_POOL // self.stored.records.dtype.itemsize, record_indices=self.record_indices
        )
        return merge_totals(
            encoder.target_totals(
                self.stored.format.unpack(records), target_of(y[rows]), take_optional(weight, rows),
                encoding_fold[rows],
            )
            for records, rows in pools
        )  # fmt: skip

    def digest(self) -> str:
        """Return a hash of these rows, which does not depend on the chunks."""
        record_indices = b"all" if self.record_indices is None else self.record_indices.tobytes()
        return sha256(self.stored.digest.encode() + record_indices).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnRead:
        """Encode texts, which takes longest, once for all epochs. Other columns are encoded whenever they are read."""
        rest, stored = self.stored.with_encoded_text(encoder, dtype) if encoder.text_columns else (encoder, self.stored)
        return EncodedOnRead(stored, rest, dtype, self.record_indices, encoding_fold)


BYTES_READ_PER_POOL = 2**24
"""Number of bytes of the file to read and mix at once, at least. Whole buckets are read, so it may be a bucket more,
which is 16 MiB in a file of 8 GiB."""

BYTES_ENCODED_AT_ONCE = 2**23
"""Number of bytes of encoded rows in memory at once."""

TARGETS_CHECKED_AT_ONCE = 2**16
"""Number of rows whose targets are checked at a time."""


@dataclass(frozen=True, eq=False)
class EncodedOnRead:
    """Rows in a file, with the encoder that encodes them whenever they are read.

    Attributes
    ----------
    stored : StoredRows
    encoder : TableEncoder
    dtype : dtype
    record_indices : ndarray of shape (n,), or None
        None for all rows.
    encoding_fold : ndarray of shape (n,), or None
        As in `TableEncoder.encode`.
    """

    stored: StoredRows
    encoder: TableEncoder
    dtype: DType
    record_indices: NDArray[np.intp] | None
    encoding_fold: NDArray[np.intp] | None
    n_skipped_inputs: int = 0
    batch_format: ClassVar[BatchFormat] = "ones"
    n_networks_awaited_at_once: ClassVar[int] = 1

    def __len__(self) -> int:
        return len(self.stored.records) if self.record_indices is None else len(self.record_indices)

    def __getitem__(self, rows: NDArray[np.intp]) -> EncodedOnRead:
        """Return some of these rows, in increasing order."""
        record_indices = rows if self.record_indices is None else self.record_indices[rows]
        return replace(self, record_indices=record_indices, encoding_fold=take_optional(self.encoding_fold, rows))

    def without_first_inputs(self, s: int) -> EncodedOnRead:
        """Return the same rows without the first s inputs."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)

    def __call__(self, batch: Batch) -> Array:
        """Return the encoded inputs of some rows, for evaluation."""
        return self._evaluated_inputs(batch)

    @cached_property
    def _evaluated_inputs(self) -> BatchwiseInputs:
        """The inputs of a few rows, such as held-out rows. They are read once, and encoded batch by batch."""
        X = self.stored.take(np.arange(len(self)) if self.record_indices is None else self.record_indices)

        def encode_batch(batch: Batch, out: Array, _: int) -> None:
            self.encoder.encode_rows(X, batch, out, self.encoding_fold)

        return BatchwiseInputs(
            encode_batch, self.encoder.n_inputs, self.dtype, BYTES_ENCODED_AT_ONCE // self.dtype.itemsize,
            n_skipped_inputs=self.n_skipped_inputs,
        )  # fmt: skip

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> PooledObjective:
        """Return the objective of a network that is trained on these rows."""
        y, weight = rows.y, rows.relative_weight
        if exceeds_sample_size(len(self)):  # encoded targets of all rows take too much memory: use a sample
            sample = sample_rows(len(self), 0)
            y, weight = y[sample], take_optional(weight, sample)
            for some in split_batch(slice(0, len(self)), TARGETS_CHECKED_AT_ONCE):
                rows.encode_targets(rows.y[some])  # raises for wrong targets; the result is not kept
        # `_set_rows` replaces these targets by those of the rows in memory
        pool = Objective(settings, self, rows.encode_targets(y), weight)
        return PooledObjective(self, rows, pool, settings.layout.sizes[-1])


class PooledObjective:
    """The objective of one training run, which reads its rows from a file in a random order of its own.

    Parameters
    ----------
    inputs : EncodedOnRead
    rows : EncodedRows
        The same rows, with targets and weights.
    pool : Objective
        The objective of the rows in memory, which `batches` replaces.
    n_outputs : int
        Number of outputs of the network.
    """

    def __init__(self, inputs: EncodedOnRead, rows: EncodedRows, pool: Objective, n_outputs: int) -> None:
        self._inputs, self._rows, self._pool, self._n_outputs = inputs, rows, pool, n_outputs
        self.known_targets = pool.known_targets

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of one of `batches` and its gradient; see `Objective`."""
        return self._pool(theta, batch, out, rng)

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""
        return self._pool.penalty(theta)

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        return self._pool.raw(theta, inputs, n)

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows, which are read pool by pool."""
        raw = np.empty((len(self._rows), self._n_outputs), theta.dtype)
        for records, row_indices in self._inputs.stored.records.pools(
            self._pool_rows(1), None, self._inputs.record_indices
        ):
            for some in split_batch(slice(0, len(records)), self._rows_encoded_at_once):
                inputs = self._encode(records[some], row_indices[some])
                raw[row_indices[some]] = self._pool.raw(theta, inputs, length(some))
        return raw

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Yield batches, after setting the rows of the objective; without `rng`, in the order of the file."""
        records_of, n_unread = self._inputs.stored.records, len(self._rows)
        rest: tuple[Records, NDArray[np.intp]] | None = None  # rows that do not fill a batch join the next pool
        step = max(1, self._rows_encoded_at_once // size) * size  # whole batches
        for records, indices in records_of.pools(self._pool_rows(size), rng, self._inputs.record_indices):
            n_unread -= len(records)
            pool = records if rest is None else np.concatenate([rest[0], records])
            row_indices = indices if rest is None else np.concatenate([rest[1], indices])
            del records  # free the memory before the next pool is read
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_unread == 0 else len(pool) // size * size  # the last batch may be small
            for start in range(0, usable, step):
                chosen = order[start : min(start + step, usable)]
                self._set_rows(pool[chosen], row_indices[chosen])  # batches are numbered within these rows
                for i in range(0, len(chosen), size):
                    yield slice(i, min(i + size, len(chosen)))
            rest = pool[order[usable:]], row_indices[order[usable:]]
            del pool

    @property
    def _rows_encoded_at_once(self) -> int:
        """Number of encoded rows in memory at a time."""
        return max(1, BYTES_ENCODED_AT_ONCE // ((self._inputs.encoder.n_inputs + 1) * self._inputs.dtype.itemsize))

    def _pool_rows(self, least: int) -> int:
        """Return the number of records to read at a time, at least `least`."""
        return max(least, BYTES_READ_PER_POOL // self._inputs.stored.records.dtype.itemsize)

    def _encode(self, records: Records, row_indices: NDArray[np.intp]) -> DenseInputs:
        """Return the encoded inputs of some rows; `row_indices` are their indices among the n rows."""
        encoding_fold = self._inputs.encoding_fold
        Z = self._inputs.encoder.encode(
            self._inputs.stored.format.unpack(records),
            self._inputs.dtype,
            ones=True,
            encoding_fold=take_optional(encoding_fold, row_indices),
        )
        return DenseInputs(Z, "ones")

    def _set_rows(self, records: Records, row_indices: NDArray[np.intp]) -> None:
        """Replace the rows of the objective; `row_indices` are the indices of the new rows among the n rows."""
        weight = take_optional(self._rows.relative_weight, row_indices)
        self._pool.set_rows(
            self._encode(records, row_indices), self._rows.encode_targets(self._rows.y[row_indices]), weight
        )
