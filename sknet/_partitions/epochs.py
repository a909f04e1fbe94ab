"""Training on stored rows, which are never all in memory: files in a random order, their rows mixed, batch by batch.

Conventions
-----------
n rows of some records.

X : (n, d)               a table, its values not yet encoded
y : (n, m)               parsed targets: codes of labels, or numbers
weight : (n,) or None    sample weights, class weights folded in; None where all are 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import cast

import numpy as np

from sknet._model.heads import Head, LabelHead, NumberHead
from sknet._model.matrices import IN_MEMORY, EncodedInMemory, EncodedRows, Encoding
from sknet._model.network_run import MAX_ROWS, NetworkRun, start_run
from sknet._model.settings import Settings
from sknet._network.binding import Kind
from sknet._network.inputs import DenseInputs
from sknet._network.objective import Objective
from sknet._partitions.shuffled import Records
from sknet._partitions.stored import KEYS, StoredTable
from sknet._partitions.summaries import Look, Mergeable, Part, fold_of
from sknet._partitions.target_summaries import LabelSummary, with_factors
from sknet._tables.columns.moments import Moments, moments_of
from sknet._tables.encoding import TableEncoder
from sknet._tables.rows import Rows, take_rows
from sknet._typing import Array, Batch, DType, Table

POOL_BYTES = 2**24
"""How much of the file is read and mixed at once."""

ENCODED_BYTES = 2**23
"""How much of that is encoded at once."""

SAMPLE_ROWS = 200_000
"""How many targets tell where training starts: a random sample, whose mean is off by 1/450 of a deviation."""

MAX_HELD_OUT = 100_000
"""The most rows that are held out: they stay in memory, and their loss is as certain as it needs to be."""


class StoredRows:
    """The rows of a stored table, of which some are held out, with their targets and weights.

    Parameters
    ----------
    stored : StoredTable
    head : Head
        What is known of the targets.
    share : float
        Of the rows (or groups) that is held out.
    """

    def __init__(self, stored: StoredTable, head: Head, share: float) -> None:
        self._stored, self.head = stored, head
        self.targets = stored.target_reader(head)
        limit = min(share, MAX_HELD_OUT / stored.n_rows) * KEYS
        # of few groups, the first is held out
        self._limit = np.uint64(max(limit, stored.keys[0] + 1)) if share > 0.0 else np.uint64(0)
        self._factors = None
        if isinstance(head, LabelHead) and isinstance(stored.targets, LabelSummary):
            self._factors = stored.targets.class_factors(head)

    def pools(self, n_rows: int = 1, rng: np.random.Generator | None = None) -> Iterator[Records]:
        """Yield the training rows, many at a time: `n_rows` at least, fewer where some of them are held out."""
        return self._pools(n_rows, rng, held_out=False)

    def _pools(self, n_rows: int, rng: np.random.Generator | None, *, held_out: bool) -> Iterator[Records]:
        records = self._stored.records
        pools = records.pools(max(n_rows, POOL_BYTES // records.dtype.itemsize), rng)
        # `map` keeps no pool while the next one is read
        return filter(len, map(partial(self._part_of, held_out=held_out), pools))

    def _part_of(self, pool: Records, *, held_out: bool) -> Records:
        kept = (pool["key"] < self._limit) == held_out
        if self._factors is not None:  # a class may weigh nothing
            kept &= cast(Array, self.weight(pool)) > 0.0
        return pool[kept]

    def weight(self, records: Records) -> Array | None:
        """Return the rows' weights, class weights folded in."""
        weight = records["weight"] if self._stored.has_weights else None
        return weight if self._factors is None else with_factors(self.targets(records), weight, self._factors)

    def table(self, records: Records) -> Table:
        """Return the rows' table."""
        return self._stored.format.unpack(records)

    def held_out(self) -> Rows:
        """Return the rows that are held out, in memory, in the order in which they came."""
        records = np.concatenate(list(self._pools(1, None, held_out=True)))
        records = records[np.argsort(records["row"])]
        return Rows(self.table(records), self.targets(records), self.weight(records))

    def count(self) -> RowCounts:
        """Count the rows."""
        n_held_out = sum(map(len, self._pools(1, None, held_out=True)))
        counts = RowCounts(0, n_held_out, 0.0, None)
        for records in self.pools():
            y, weight = self.targets(records), self.weight(records)
            self.head.targets(y, np.dtype(np.float64))  # a target that the loss cannot take is refused here
            moments = moments_of(np.ascontiguousarray(y.T), weight) if isinstance(self.head, NumberHead) else None
            if moments is not None and counts.moments is not None:
                moments = counts.moments.merged(moments)
            total = float(len(y)) if weight is None else float(weight.sum())
            counts = replace(counts, n=counts.n + len(y), total=counts.total + total, moments=moments)
        return counts

    def asking(self, head: Head | None) -> Callable[[Look[Mergeable]], Mergeable]:
        """Return a function that asks all training rows; with the targets, if there is a head."""

        def part(records: Records) -> Part:
            X, weight = self.table(records), self.weight(records)
            if head is None:
                return Part(X, weight)
            target = head.targets(self.targets(records), np.dtype(np.float64))
            return Part(X, weight, target, fold_of(records["row"]))

        def ask(look: Look[Mergeable]) -> Mergeable:
            return reduce(lambda one, other: one.merged(other), (look.answer(part(pool)) for pool in self.pools()))

        return ask

    def sample(self) -> tuple[Array, Array | None]:
        """Return the targets and weights of a random sample of the training rows."""
        y: list[Array] = []
        weight: list[Array] = []
        for records in self.pools():
            y.append(self.targets(records))
            weight += [] if (of_pool := self.weight(records)) is None else [of_pool]
            if sum(map(len, y)) >= SAMPLE_ROWS:
                break
        return np.concatenate(y)[:SAMPLE_ROWS], np.concatenate(weight)[:SAMPLE_ROWS] if weight else None


@dataclass(frozen=True)
class RowCounts:
    """How many rows there are.

    Attributes
    ----------
    n, n_held_out : int
        To train on, and held out.
    total : float
        Weight of those to train on.
    moments : Moments or None
        Of their targets, if these are numbers.
    """

    n: int
    n_held_out: int
    total: float
    moments: Moments | None


# --- training --------------------------------------------------------------------------------------------------------


class EpochRows:
    """The training rows of an epoch, batch by batch.

    Parameters
    ----------
    rows : StoredRows
    encoding : Encoding
    counts : RowCounts
    smoothing : float
        Of labels.
    n_rows : int
        The largest batch that is computed at once.
    cross_fit : bool
        Whether categories may be encoded by the target.
    """

    def __init__(
        self, rows: StoredRows, encoding: Encoding, counts: RowCounts, smoothing: float, n_rows: int, cross_fit: bool
    ) -> None:
        self._rows, self._encoding, self._smoothing = rows, encoding, smoothing
        self._n_rows, self._cross_fit = n_rows, cross_fit
        self.n_samples, self._mean_weight = counts.n, counts.total / counts.n

    def encoded(self, records: Records) -> tuple[DenseInputs, Array, Array | None]:
        """Encode some records: inputs, targets, weights."""
        dtype, head = self._encoding.compute_dtype, self._encoding.head
        fold = fold_of(records["row"]) if self._cross_fit else None
        Z = self._encoding.encoder.encode(self._rows.table(records), dtype, ones=True, fold=fold)
        target = head.targets(self._rows.targets(records), dtype, self._smoothing)
        return DenseInputs(Z, self._n_rows, kind="ones"), target, self.scaled(self._rows.weight(records))

    def scaled(self, weight: Array | None) -> Array | None:
        """Divide weights by their mean over all training rows."""
        return None if weight is None else (weight / self._mean_weight).astype(self._encoding.compute_dtype)

    def batches(self, objective: Objective, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Yield the batches of one epoch, each once `objective` has its rows; in the file's order without `rng`."""
        rest: Records | None = None
        n_unread = self.n_samples
        row_bytes = max(1, (self._encoding.encoder.n_inputs + 1) * self._encoding.compute_dtype.itemsize)
        step = max(1, ENCODED_BYTES // row_bytes // size) * size
        for records in self._rows.pools(size, rng):
            n_unread -= len(records)
            pool = records if rest is None else np.concatenate([rest, records])
            del records  # the next pool is read when this one is gone
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_unread == 0 else len(pool) // size * size
            for start in range(0, usable, step):
                part = order[start : min(start + step, usable)]
                objective.set_rows(*self.encoded(pool[part]))
                for i in range(0, len(part), size):
                    yield slice(i, min(i + size, len(part)))
            rest = pool[order[usable:]]
            del pool


class TableInputs:
    """The inputs of rows whose table is kept as it is: they are encoded whenever they are needed."""

    kind: Kind = "ones"

    def __init__(self, encoder: TableEncoder, X: Table, dtype: DType) -> None:
        self._encoder, self._X, self._dtype = encoder, X, dtype

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows."""
        return np.asarray(self._encoder.encode(take_rows(self._X, batch), self._dtype, ones=True))


def validation_of(encoding: Encoding, rows: Rows) -> EncodedRows:
    """Return the rows that evaluate each epoch: they stay in memory as a table, and are encoded batch by batch."""
    inputs = TableInputs(encoding.encoder, rows.X, encoding.compute_dtype)
    return EncodedRows(EncodedInMemory(lambda _, n_rows: inputs, len(rows)), rows.y, rows.weight, IN_MEMORY)


def network_of(
    settings: Settings, encoding: Encoding, rows: StoredRows, counts: RowCounts, validation: EncodedRows | None
) -> NetworkRun:
    """Put the training of a network on stored rows together."""
    n_rows = min(settings.solver.batch_size, MAX_ROWS)
    smoothing, by_target = settings.penalty.label_smoothing, settings.table.category_encoding != "one_hot"
    stream = EpochRows(rows, encoding, counts, smoothing, n_rows, by_target)
    y, weight = rows.sample()  # training starts where these tell, and gets its rows from the stream
    weight = np.ones(len(y)) if weight is None else weight
    nothing = TableInputs(encoding.encoder, None, encoding.compute_dtype)
    table = EncodedInMemory(lambda _, n_rows: nothing, len(y))
    sample = EncodedRows(table, y, weight * (counts.total / weight.sum()), IN_MEMORY)  # as heavy as all rows
    run = start_run(settings, encoding, sample, validation)
    batches = partial(stream.batches, cast(Objective, run.objective))
    return replace(run, problem=replace(run.problem, n_samples=counts.n, batches=batches))
