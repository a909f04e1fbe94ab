"""A table in a file: its rows are chosen by their places, and encoded and trained on as they are read.

Each epoch reads the file once, in pools of buckets in a random order, and mixes their rows.

Conventions
-----------
N rows in the file; n of them chosen, in the order of the file.

places : (n,)            where the chosen rows lie in the file, increasing
row_indices : (m,)       which of the n rows were read
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding import EncodedRows
from sknet._model.inputs import BatchwiseInputs
from sknet._network.chain import BatchFormat, DenseInputs, Inputs, length, pieces
from sknet._network.objective import Objective, ObjectiveSettings
from sknet._stream.records import Records
from sknet._stream.stored import StoredRows
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.read import take_optional
from sknet._tables.rows import ALL, FeatureTable, TableLimits
from sknet._tables.statistics import exceeds_sample_size, sample_rows
from sknet._typing import Array, Batch, DType, Gradient, Table

MAX_ROWS_HELD_OUT = 100_000
"""The most rows that are held out: they stay in memory, and more would hardly change their mean loss."""


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
    # rows come pool by pool: what needs all rows at once cannot be trained
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
        """Encode texts, which take longest, once for all epochs, and all other columns whenever they are read."""
        rest, stored = self.stored.with_encoded_text(encoder, dtype) if encoder.text_columns else (encoder, self.stored)
        return EncodedOnRead(stored, rest, dtype, self.places, encoding_fold)


BYTES_READ_PER_POOL = 2**24
"""How many bytes of the file are read and mixed at once, at least. Whole buckets are read, so it may be a bucket more:
16 MiB in a file of 8 GiB."""

BYTES_ENCODED_AT_ONCE = 2**23
"""How many bytes of encoded rows are in memory at once."""

TARGETS_CHECKED_AT_ONCE = 2**16
"""Rows whose targets are checked for errors at a time; the result is thrown away."""


@dataclass(frozen=True, eq=False)
class EncodedOnRead:
    """Rows in a file, and how they are encoded whenever they are read.

    Attributes
    ----------
    stored : StoredRows
    encoder : TableEncoder
    dtype : dtype
    places : ndarray of shape (n,), or None
        None for all rows.
    encoding_fold : ndarray of shape (n,), or None
        As in `TableEncoder.encode`.
    """

    stored: StoredRows
    encoder: TableEncoder
    dtype: DType
    places: NDArray[np.intp] | None
    encoding_fold: NDArray[np.intp] | None
    n_skipped_inputs: int = 0
    batch_format: ClassVar[BatchFormat] = "ones"
    n_networks_awaited_at_once: ClassVar[int] = 1

    def __len__(self) -> int:
        return len(self.stored.records) if self.places is None else len(self.places)

    def __getitem__(self, rows: NDArray[np.intp]) -> EncodedOnRead:
        """Return some of these rows, in increasing order."""
        places = rows if self.places is None else self.places[rows]
        return replace(self, places=places, encoding_fold=take_optional(self.encoding_fold, rows))

    def without_first_inputs(self, s: int) -> EncodedOnRead:
        """Return the same rows without the first s inputs."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)

    def __call__(self, batch: Batch) -> Array:
        """Return the inputs of some rows that are to be evaluated."""
        return self._evaluated_inputs(batch)

    @cached_property
    def _evaluated_inputs(self) -> BatchwiseInputs:
        """Inputs of few rows, such as held-out ones, which are read once, and encoded batch by batch."""
        X = self.stored.take(np.arange(len(self)) if self.places is None else self.places)

        def encode_batch(batch: Batch, out: Array, _: int) -> None:
            self.encoder.encode_rows(X, batch, out, self.encoding_fold)

        return BatchwiseInputs(
            encode_batch, self.encoder.n_inputs, self.dtype, BYTES_ENCODED_AT_ONCE // self.dtype.itemsize,
            n_skipped_inputs=self.n_skipped_inputs,
        )  # fmt: skip

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> PooledObjective:
        """Return the objective of a network that is trained on these rows."""
        y, weight = rows.y, rows.relative_weight
        if exceeds_sample_size(len(self)):  # encoded targets of all rows take too much memory: take a sample's
            sample = sample_rows(len(self), 0)
            y, weight = y[sample], take_optional(weight, sample)
            for some in pieces(slice(0, len(self)), TARGETS_CHECKED_AT_ONCE):
                rows.encode_targets(
                    rows.y[some]
                )  # raises for wrong targets; the result is computed again when it is needed
        # `_set_rows` replaces these targets by those of the rows in memory
        pool = Objective(settings, self, rows.encode_targets(y), weight)
        return PooledObjective(self, rows, pool, settings.layout.sizes[-1])


class PooledObjective:
    """The objective of one training run, whose rows come from a file in an order that this run draws.

    Parameters
    ----------
    inputs : EncodedOnRead
    rows : EncodedRows
        With these inputs.
    pool : Objective
        Gets the rows of each pool.
    n_outputs : int
        The network's.
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
        """Return the raw output, without dropout, for all training rows: they are read once more, pool by pool."""
        raw = np.empty((len(self._rows), self._n_outputs), theta.dtype)
        for records, row_indices in self._inputs.stored.records.pools(self._pool_rows(1), None, self._inputs.places):
            for some in pieces(slice(0, len(records)), self._rows_encoded_at_once):
                inputs = self._encode(records[some], row_indices[some])
                raw[row_indices[some]] = self._pool.raw(theta, inputs, length(some))
        return raw

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Read pools of rows into this objective, and yield batches of them; in the file's order without `rng`."""
        records_of, n_unread = self._inputs.stored.records, len(self._rows)
        rest: tuple[Records, NDArray[np.intp]] | None = None  # rows that do not fill a batch join the next pool
        step = max(1, self._rows_encoded_at_once // size) * size  # whole batches
        for records, indices in records_of.pools(self._pool_rows(size), rng, self._inputs.places):
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
        """How many encoded rows are in memory at a time."""
        return max(1, BYTES_ENCODED_AT_ONCE // ((self._inputs.encoder.n_inputs + 1) * self._inputs.dtype.itemsize))

    def _pool_rows(self, least: int) -> int:
        """Return how many records are read at a time."""
        return max(least, BYTES_READ_PER_POOL // self._inputs.stored.records.dtype.itemsize)

    def _encode(self, records: Records, row_indices: NDArray[np.intp]) -> DenseInputs:
        """Encode some rows, whose indices among the n are given."""
        encoding_fold = self._inputs.encoding_fold
        Z = self._inputs.encoder.encode(
            self._inputs.stored.format.unpack(records),
            self._inputs.dtype,
            ones=True,
            encoding_fold=take_optional(encoding_fold, row_indices),
        )
        return DenseInputs(Z, "ones")

    def _set_rows(self, records: Records, row_indices: NDArray[np.intp]) -> None:
        """Replace the rows of the objective by some rows, whose indices among the n are given."""
        weight = take_optional(self._rows.relative_weight, row_indices)
        self._pool.set_rows(
            self._encode(records, row_indices), self._rows.encode_targets(self._rows.y[row_indices]), weight
        )
