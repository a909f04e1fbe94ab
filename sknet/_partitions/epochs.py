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
from functools import partial
from typing import cast

import numpy as np

from sknet._model.fitting import (
    MAX_ROWS,
    EncodedRows,
    Place,
    Score,
    Tables,
    TrainingRun,
    assemble,
    encode_rows,
    learn_tables,
)
from sknet._model.heads import Head, LabelHead
from sknet._model.settings import Settings
from sknet._network.layers import Kind
from sknet._network.objective import EncodedTable, Objective
from sknet._network.objective import Rows as EncodedMatrix
from sknet._partitions.dealt import DealtRecords, Records, joined
from sknet._partitions.stored import KEYS, Stored
from sknet._partitions.target_summaries import LabelSummary, with_factors
from sknet._tables.columns.target import assign_folds
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.rows import Rows, take_rows
from sknet._tables.sampling import in_sample
from sknet._typing import Array, Batch, DType, Table

POOL_BYTES = 2**24
"""How much of the files is mixed at once."""

ENCODED_BYTES = 2**23
"""How much of that is encoded at once."""

HELD_OUT = 100_000
"""The most rows that are held out: they stay in memory, and their loss is as certain as it needs to be."""


class StoredRows:
    """The rows of a source with their targets and weights, read out of files again and again.

    Parameters
    ----------
    stored : Stored
    head : Head
        What is known of the targets.
    share : float
        Of the rows (or groups) that is held out.
    """

    def __init__(self, stored: Stored, head: Head, share: float) -> None:
        self._stored, self.head = stored, head
        self._read = stored.reader(head)
        limit = min(share, HELD_OUT / stored.n_rows) * KEYS
        # of few groups, the first is held out
        self._limit = np.uint64(max(limit, stored.keys[0] + 1)) if share > 0.0 else np.uint64(0)
        self._factors = None
        if isinstance(head, LabelHead) and isinstance(stored.targets, LabelSummary):
            self._factors = stored.targets.class_factors(head)
        self.training = DealtRecords(stored.files, stored.dtype, lambda records: self._kept(records, held_out=False))
        self._held_out = DealtRecords(stored.files, stored.dtype, lambda records: self._kept(records, held_out=True))

    def _kept(self, records: Records, *, held_out: bool) -> Array:
        part = (records["key"] < self._limit) == held_out
        weight = self.weight(records) if self._factors is not None else None
        return part if weight is None else part & (weight > 0.0)

    def weight(self, records: Records) -> Array | None:
        """Return the rows' weights."""
        weight = records["weight"] if "weight" in self._stored.dtype.names else None  # type: ignore[operator]
        return with_factors(self._read(records), weight, self._factors) if self._factors is not None else weight

    def targets(self, records: Records) -> Array:
        """Return the rows' targets, parsed."""
        return self._read(records)

    def table(self, records: Records) -> Table:
        """Return the rows' table."""
        return self._stored.packing.unpack(records)

    def rows(self, records: Records) -> Rows:
        """Return the rows."""
        return Rows(self.table(records), self.targets(records), self.weight(records))

    def held_out(self) -> Rows:
        """Return the rows that are held out, in memory, in the order in which they came."""
        records = joined(list(self._held_out))
        records = records[np.argsort(records["row"])]
        return self.rows(records)

    def count(self) -> Counted:
        """Count the rows to train on."""
        found = Counted(0, 0, 0.0)
        for records in self._held_out:
            found = replace(found, n_held_out=found.n_held_out + len(records))
        for records in self.training:
            y, weight = self.targets(records), self.weight(records)
            self.head.targets(y, np.dtype(np.float64))  # a target that the loss cannot take is refused here
            total = float(len(y)) if weight is None else float(weight.sum())
            found = replace(found, n=found.n + len(y), total=found.total + total)
        return found

    def sample(self, seed: int) -> Sample:
        """Return the rows that columns are learnt from, in memory, in the order in which they came."""
        records = np.empty(0, self._stored.dtype)
        for more in self.training:
            both = np.concatenate([records, more])
            records = both[in_sample(both["row"], seed)]
        records = records[np.argsort(records["row"])]
        return Sample(self.rows(records), records["row"])


@dataclass(frozen=True)
class Sample:
    """The rows that columns are learnt from, and their numbers in the source."""

    rows: Rows
    numbers: Array


@dataclass(frozen=True)
class Counted:
    """How many rows there are.

    Attributes
    ----------
    n, n_held_out : int
        To train on, and held out.
    total : float
        Weight of those to train on.
    """

    n: int
    n_held_out: int
    total: float


def folds_of(tables: Tables, n: int, sample: Sample) -> Callable[[Array], Array]:
    """Return what assigns rows to folds by their numbers, as `Tables.folds` does where all are in memory."""
    target = tables.head.targets(sample.rows.y, np.dtype(np.float64))
    if len(sample.numbers) < n:
        return lambda numbers: assign_folds(target, numbers, n)
    fold = assign_folds(target, sample.numbers, n)
    return lambda numbers: fold[np.searchsorted(sample.numbers, numbers)]


def learn_stored(settings: Settings, head: Head, rows: StoredRows, sample: Sample, n: int, dtype: DType) -> Tables:
    """Learn how the table is encoded and numbers among the targets are scaled; see `learn_tables`."""
    tables = learn_tables(settings, head, sample.rows, dtype)
    if len(sample.numbers) == n or not tables.encoder.by_target:
        return tables
    fold = folds_of(tables, n, sample)
    parts = (
        tables.encoder.target_totals(
            rows.table(records), tables.head.targets(rows.targets(records), np.dtype(np.float64)),
            rows.weight(records), fold(records["row"]),
        )
        for records in rows.training.pools(max(1, POOL_BYTES // rows.training.itemsize), None) if len(records)
    )  # fmt: skip
    return replace(tables, encoder=tables.encoder.with_totals(merge_totals(parts)))


# --- training --------------------------------------------------------------------------------------------------------


class StreamedRows:
    """The training rows of an epoch, batch by batch.

    Parameters
    ----------
    rows : StoredRows
    tables : Tables
    counted : Counted
    smoothing : float
        Of labels.
    n_rows : int
        The largest batch that is computed at once.
    sample : Sample
        What the tables were learnt from.
    """

    def __init__(
        self, rows: StoredRows, tables: Tables, counted: Counted, smoothing: float, n_rows: int, sample: Sample
    ) -> None:
        self._rows, self._tables, self._smoothing = rows, tables, smoothing
        self._n_rows = n_rows
        self._folds = folds_of(tables, counted.n, sample) if tables.encoder.by_target else None
        self.n_samples, self._mean_weight = counted.n, counted.total / counted.n

    def encoded(self, records: Records) -> tuple[EncodedMatrix, Array, Array | None]:
        """Encode some records: inputs, targets, weights."""
        dtype, head = self._tables.compute_dtype, self._tables.head
        fold = None if self._folds is None else self._folds(records["row"])
        Z = self._tables.encoder.encode(self._rows.table(records), dtype, ones=True, fold=fold)
        target = head.targets(self._rows.targets(records), dtype, self._smoothing)
        return EncodedMatrix(Z, self._n_rows, kind="ones"), target, self.scaled(self._rows.weight(records))

    def scaled(self, weight: Array | None) -> Array | None:
        """Divide weights by their mean over all training rows."""
        return None if weight is None else (weight / self._mean_weight).astype(self._tables.compute_dtype)

    def batches(self, objective: Objective, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Yield the batches of one epoch, each once `objective` has its rows; in the files' order without `rng`."""
        left: Records | None = None
        n_left = self.n_samples
        row_bytes = max(1, (self._tables.encoder.n_inputs + 1) * self._tables.compute_dtype.itemsize)
        step = max(1, ENCODED_BYTES // row_bytes // size) * size
        for records in self._rows.training.pools(self._pool_rows(size), rng):
            n_left -= len(records)
            pool = records if left is None else np.concatenate([left, records])
            del records  # the next pool is read when this one is gone
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_left == 0 else len(pool) // size * size
            for start in range(0, usable, step):
                part = order[start : min(start + step, usable)]
                objective.set_rows(*self.encoded(pool[part]))
                for i in range(0, len(part), size):
                    yield slice(i, min(i + size, len(part)))
            left = pool[order[usable:]]
            del pool

    def _pool_rows(self, size: int) -> int:
        return max(size, POOL_BYTES // self._rows.training.itemsize)


class TableInputs:
    """The inputs of rows whose table is kept as it is: they are encoded whenever they are needed."""

    kind: Kind = "ones"

    def __init__(self, encoder: TableEncoder, X: Table, dtype: DType) -> None:
        self._encoder, self._X, self._dtype = encoder, X, dtype

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows."""
        return np.asarray(self._encoder.encode(take_rows(self._X, batch), self._dtype, ones=True))


def run_of(
    settings: Settings,
    tables: Tables,
    rows: StoredRows,
    counted: Counted,
    sample: Sample,
    validation: Rows | None,
    score: Score | None,
) -> TrainingRun:
    """Put a training run on stored rows together."""
    n_rows = min(settings.solver.batch_size, MAX_ROWS)
    stream = StreamedRows(rows, tables, counted, settings.penalty.label_smoothing, n_rows, sample)

    def encode(
        tables: Tables, part: Rows, n_rows: int, smoothing: float = 0.0, *, cross_fit: bool = False
    ) -> EncodedRows:
        inputs = TableInputs(tables.encoder, part.X, tables.compute_dtype)
        later = EncodedTable(lambda _: inputs, (len(part.y), tables.encoder.n_inputs))
        encoded = encode_rows(tables, replace(part, X=later), n_rows, smoothing)
        if part.X is not None:
            return encoded
        return replace(encoded, weight=stream.scaled(part.weight), total_weight=counted.total)  # of all rows

    # training starts where the sample's targets tell, and gets its rows from the stream
    first = Rows(None, sample.rows.y, sample.rows.weight)
    run = assemble(settings, tables, first, validation, score, place=Place(encode, Objective))
    batches = partial(stream.batches, cast(Objective, run.objective))
    return replace(run, problem=replace(run.problem, n_samples=counted.n, batches=batches))
