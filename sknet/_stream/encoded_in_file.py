"""Training on a table in a file: each epoch reads it once, in pools of buckets in a random order, and mixes their rows.

Conventions
-----------
n rows, in the order of the file.

places : (n,)            where they lie in the file, increasing
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sknet._model.batchwise import BatchwiseInputs
from sknet._model.matrices import NetworkRows
from sknet._network.activations import Activation
from sknet._network.inputs import DenseInputs, Inputs, length, pieces
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import Objective
from sknet._network.penalties import ElasticNet
from sknet._stream.shuffled import Records
from sknet._stream.stored import StoredRows
from sknet._tables.encoding import TableEncoder
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._typing import Array, Batch, DType, Gradient, Table

BYTES_READ_PER_POOL = 2**24
"""How much of the file is read and mixed at once."""

BYTES_ENCODED_AT_ONCE = 2**23
"""How much of that is encoded at once."""

TARGETS_CHECKED_AT_ONCE = 2**16
"""Rows whose targets are checked for errors at a time; the result is thrown away."""


@dataclass(frozen=True, eq=False)
class EncodedInFile:
    """Rows in a file, and how they are encoded whenever they are read.

    Attributes
    ----------
    stored : StoredRows
    encoder : TableEncoder
    dtype : dtype
    places : ndarray of shape (n,), or None
        None for all rows.
    encoding_part : ndarray of shape (n,), or None
        As in `TableEncoder.encode`.
    """

    stored: StoredRows
    encoder: TableEncoder
    dtype: DType
    places: NDArray[np.intp] | None
    encoding_part: NDArray[np.intp] | None
    is_sparse: ClassVar[bool] = False
    n_networks_at_once: ClassVar[int] = 1

    def __len__(self) -> int:
        return len(self.stored.records) if self.places is None else len(self.places)

    def __getitem__(self, rows: NDArray[np.intp]) -> EncodedInFile:
        """Return some of these rows, in increasing order."""
        places = rows if self.places is None else self.places[rows]
        return replace(
            self, places=places, encoding_part=None if self.encoding_part is None else self.encoding_part[rows]
        )

    @property
    def typical_rows(self) -> NDArray[np.intp] | None:
        """Of many rows, a sample that stands for all where targets of all would take too much memory; else None."""
        return sample_rows(len(self), 0) if exceeds_sample_size(len(self)) else None

    @property
    def inputs(self) -> BatchwiseInputs:
        """All inputs of these rows, if they are to be evaluated: they are read once, and encoded batch by batch."""

        def encode_batch(batch: Batch, out: Array, _: int) -> None:
            self.encoder.encode_rows(self.raw_rows_in_memory, batch, out, self.encoding_part)

        return BatchwiseInputs(
            encode_batch, self.encoder.n_inputs, self.dtype, BYTES_ENCODED_AT_ONCE // self.dtype.itemsize
        )

    def objective(
        self, layout: Layout, activations: Sequence[Activation], loss: Loss, penalty: ElasticNet, samples: NetworkRows,
        dropout: Sequence[float],
    ) -> PooledObjective:  # fmt: skip
        """Return the objective of a network that is trained on these rows."""
        # from the first batch on, it has the rows of a pool
        first = samples.inputs, samples.target, samples.typical_weight
        pool = Objective(layout, activations, loss, penalty, *first, max_rows=samples.max_rows, dropout=dropout)
        return PooledObjective(self, samples, pool, layout.sizes[-1])

    @cached_property
    def raw_rows_in_memory(self) -> Table:
        """These rows' raw table, not encoded, read once: only for small sets, such as held-out rows."""
        places = np.arange(len(self)) if self.places is None else self.places
        return self.stored.take(places)


class PooledObjective:
    """The objective of one training run, whose rows come from a file in an order of its own.

    Parameters
    ----------
    rows : EncodedInFile
    samples : NetworkRows
        The same rows, with their targets and weights.
    pool : Objective
        Gets the rows of each pool.
    n_outputs : int
        The network's.
    """

    def __init__(self, rows: EncodedInFile, samples: NetworkRows, pool: Objective, n_outputs: int) -> None:
        self._rows, self._samples, self._pool, self._n_outputs = rows, samples, pool, n_outputs
        if samples.typical_rows is not None:  # the targets of all rows have not been looked at yet
            for piece in pieces(slice(0, len(samples)), TARGETS_CHECKED_AT_ONCE):
                samples.target_of(samples.y[piece])  # for its error; what it returns is made again when it is needed

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
        raw = np.empty((len(self._samples), self._n_outputs), theta.dtype)
        for records, numbers in self._rows.stored.records.pools(self._pool_rows(1), None, self._rows.places):
            for piece in pieces(slice(0, len(records)), self._rows_encoded_at_once):
                inputs = self._encode(records[piece], numbers[piece])
                raw[numbers[piece]] = self._pool.raw(theta, inputs, length(piece))
        return raw

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Read pools of rows into this objective, and yield batches of them; in the file's order without `rng`."""
        records_of, n_unread = self._rows.stored.records, len(self._samples)
        rest: tuple[Records, NDArray[np.intp]] | None = None  # what does not fill a batch, and joins the next pool
        step = max(1, self._rows_encoded_at_once // size) * size  # whole batches
        for records, rows in records_of.pools(self._pool_rows(size), rng, self._rows.places):
            n_unread -= len(records)
            pool = records if rest is None else np.concatenate([rest[0], records])
            numbers = rows if rest is None else np.concatenate([rest[1], rows])
            del records  # the next pool is read when this one is gone
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_unread == 0 else len(pool) // size * size  # the last batch may be small
            for start in range(0, usable, step):
                part = order[start : min(start + step, usable)]
                self._set_rows(pool[part], numbers[part])  # batches are numbered within these rows
                for i in range(0, len(part), size):
                    yield slice(i, min(i + size, len(part)))
            rest = pool[order[usable:]], numbers[order[usable:]]
            del pool

    @property
    def _rows_encoded_at_once(self) -> int:
        """How many encoded rows are in memory at a time."""
        return max(1, BYTES_ENCODED_AT_ONCE // ((self._rows.encoder.n_inputs + 1) * self._rows.dtype.itemsize))

    def _pool_rows(self, least: int) -> int:
        """Return how many records are read at a time."""
        return max(least, BYTES_READ_PER_POOL // self._rows.stored.records.dtype.itemsize)

    def _encode(self, records: Records, numbers: NDArray[np.intp]) -> DenseInputs:
        """Encode some rows, whose numbers among the n are given."""
        encoding_part = self._rows.encoding_part
        Z = self._rows.encoder.encode(
            self._rows.stored.format.unpack(records),
            self._rows.dtype,
            ones=True,
            encoding_part=None if encoding_part is None else encoding_part[numbers],
        )
        return DenseInputs(Z, "ones")

    def _set_rows(self, records: Records, numbers: NDArray[np.intp]) -> None:
        """Let the objective have some rows, whose numbers among the n are given."""
        samples = self._samples
        weight = None if samples.weight is None else samples.weight[numbers]
        self._pool.set_rows(self._encode(records, numbers), samples.target_of(samples.y[numbers]), weight)
