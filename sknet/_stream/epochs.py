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

from sknet._model.heads import Head, LabelHead
from sknet._model.matrices import EncodedInMemory, EncodedRows, Encoding, learn_encoding
from sknet._model.network_run import MAX_ROWS, NetworkRun, make_run
from sknet._model.settings import Settings
from sknet._network.binding import InputKind
from sknet._network.inputs import DenseInputs
from sknet._network.objective import Objective
from sknet._stream.shuffled import Records
from sknet._stream.stored import N_KEYS, StoredTable
from sknet._stream.target_summaries import LabelSummary, multiply_weights
from sknet._tables.columns.target import cross_fit_folds
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.rows import Rows
from sknet._tables.sampling import sampled_positions
from sknet._tables.tables import take_rows
from sknet._typing import Array, Batch, DType, Table

POOL_BYTES = 2**24
"""How much of the file is read and mixed at once."""

ENCODED_BYTES = 2**23
"""How much of that is encoded at once."""

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
        self._stored, self.head, self._share = stored, head, share
        self.targets = stored.target_reader(head)
        # keys are evenly spread: below this one lies the share of the rows, or groups, that is held out
        limit = min(share, MAX_HELD_OUT / stored.n_rows) * N_KEYS
        # of few groups, all may lie above: then the one of the least key is held out
        self._limit = np.uint64(max(limit, stored.key_range[0] + 1)) if share > 0.0 else np.uint64(0)
        self._factors = None  # the class weights by which sample weights are multiplied
        if isinstance(head, LabelHead) and isinstance(stored.targets, LabelSummary):
            self._factors = stored.targets.class_weights_by_output(head)

    def pools(self, n_rows: int = 1, rng: np.random.Generator | None = None) -> Iterator[Records]:
        """Yield the training rows, many at a time: `n_rows` at least, fewer where some of them are held out."""
        return self._pools(n_rows, rng, held_out=False)

    def _pools(self, n_rows: int, rng: np.random.Generator | None, *, held_out: bool) -> Iterator[Records]:
        """Yield the training rows of each pool of the file, or its held-out rows; pools without such are skipped."""
        records = self._stored.records
        pools = records.pools(max(n_rows, POOL_BYTES // records.dtype.itemsize), rng)
        # `map` keeps no pool while the next one is read
        return filter(len, map(partial(self._part_of, held_out=held_out), pools))

    def _part_of(self, pool: Records, *, held_out: bool) -> Records:
        """Return a pool's rows that are held out, or those that are not."""
        kept = (pool["key"] < self._limit) == held_out
        if self._factors is not None:  # a class may weigh nothing
            kept &= cast(Array, self.weight(pool)) > 0.0
        return pool[kept]

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, StoredRows]:
        """Return the same rows with their texts encoded, and the encoder of what they have become."""
        rest, stored = self._stored.with_encoded_text(encoder, dtype)
        return rest, StoredRows(stored, self.head, self._share)

    def weight(self, records: Records) -> Array | None:
        """Return the rows' weights, class weights folded in."""
        weight = records["weight"] if self._stored.has_weights else None
        return weight if self._factors is None else multiply_weights(self.targets(records), weight, self._factors)

    def table(self, records: Records) -> Table:
        """Return the rows' table."""
        return self._stored.format.unpack(records)

    def held_out(self) -> Rows:
        """Return the rows that are held out, in memory, in the order in which they came."""
        records = np.concatenate(list(self._pools(1, None, held_out=True)))
        records = records[np.argsort(records["row"])]
        return Rows(self.table(records), self.targets(records), self.weight(records))

    def count(self) -> RowCounts:
        """Count the rows and add up their weights, in two passes; raise for a target that the loss refuses."""
        counts = RowCounts(0, sum(map(len, self._pools(1, None, held_out=True))), 0.0)
        for records in self.pools():
            y, weight = self.targets(records), self.weight(records)
            self.head.targets(y, np.dtype(np.float64))  # for its error; what it returns is not needed
            total = float(len(y)) if weight is None else float(weight.sum())
            counts = replace(counts, n=counts.n + len(y), total=counts.total + total)
        return counts

    def sample(self, seed: int) -> Sample:
        """Return the rows that columns are learnt from, in memory, in the order in which they came."""
        records = np.empty(0, self._stored.records.dtype)
        for pool in self.pools():  # the rows with the least random keys so far: of all rows, they are those of memory
            both = np.concatenate([records, pool])
            records = both[sampled_positions(both["row"], seed)]
        records = records[np.argsort(records["row"])]
        return Sample(Rows(self.table(records), self.targets(records), self.weight(records)), records["row"])


@dataclass(frozen=True)
class Sample:
    """The rows that columns are learnt from, and their numbers in the source."""

    rows: Rows
    row_numbers: Array


@dataclass(frozen=True)
class RowCounts:
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


def make_fold_assigner(encoding: Encoding, n: int, sample: Sample) -> Callable[[Array], Array]:
    """Return what assigns rows to folds by their numbers, as `Encoding.cross_fit_folds` does in memory."""
    target = encoding.head.targets(sample.rows.y, np.dtype(np.float64))
    if len(sample.row_numbers) < n:  # a large table: the row's number decides, and the target is not looked at
        return lambda numbers: cross_fit_folds(target, numbers, n)
    fold = cross_fit_folds(target, sample.row_numbers, n)  # the sample is all rows, their numbers increasing
    return lambda numbers: fold[np.searchsorted(sample.row_numbers, numbers)]


def learn_stream_encoding(
    settings: Settings, head: Head, rows: StoredRows, sample: Sample, n: int, dtype: DType, seed: int
) -> Encoding:
    """Learn how the table is encoded and numbers among the targets are scaled; see `learn_encoding`."""
    encoding = learn_encoding(settings, head, sample.rows, dtype, seed)
    if len(sample.row_numbers) == n or not encoding.encoder.has_target_encoding:
        return encoding
    fold = make_fold_assigner(encoding, n, sample)
    parts = (
        encoding.encoder.target_totals(
            rows.table(records), encoding.head.targets(rows.targets(records), np.dtype(np.float64)),
            rows.weight(records), fold(records["row"]),
        )
        for records in rows.pools()
    )  # fmt: skip
    return replace(encoding, encoder=encoding.encoder.with_totals(merge_totals(parts)))


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
    sample : Sample
        What the columns were learnt from.
    """

    def __init__(
        self, rows: StoredRows, encoding: Encoding, counts: RowCounts, smoothing: float, n_rows: int, sample: Sample
    ) -> None:
        self._rows, self._encoding, self._smoothing, self._n_rows = rows, encoding, smoothing, n_rows
        self._folds = make_fold_assigner(encoding, counts.n, sample) if encoding.encoder.has_target_encoding else None
        self.n_samples, self._mean_weight = counts.n, counts.total / counts.n

    def encode(self, records: Records) -> tuple[DenseInputs, Array, Array | None]:
        """Encode some records: inputs, targets, weights."""
        dtype, head = self._encoding.compute_dtype, self._encoding.head
        fold = None if self._folds is None else self._folds(records["row"])
        Z = self._encoding.encoder.encode(self._rows.table(records), dtype, ones=True, fold=fold)
        target = head.targets(self._rows.targets(records), dtype, self._smoothing)
        return DenseInputs(Z, self._n_rows, kind="ones"), target, self.divide_by_mean_weight(self._rows.weight(records))

    def divide_by_mean_weight(self, weight: Array | None) -> Array | None:
        """Divide weights by their mean over all training rows."""
        return None if weight is None else (weight / self._mean_weight).astype(self._encoding.compute_dtype)

    def batches(self, objective: Objective, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Yield the batches of one epoch, each once `objective` has its rows; in the file's order without `rng`."""
        rest: Records | None = None  # rows of a pool that do not fill a batch, and join the next pool
        n_unread = self.n_samples
        row_bytes = max(1, (self._encoding.encoder.n_inputs + 1) * self._encoding.compute_dtype.itemsize)
        step = max(1, ENCODED_BYTES // row_bytes // size) * size  # rows encoded at once: whole batches
        for records in self._rows.pools(size, rng):
            n_unread -= len(records)
            pool = records if rest is None else np.concatenate([rest, records])
            del records  # the next pool is read when this one is gone
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_unread == 0 else len(pool) // size * size  # the last batch may be small
            for start in range(0, usable, step):
                part = order[start : min(start + step, usable)]
                objective.set_rows(*self.encode(pool[part]))  # batches are numbered within these rows
                for i in range(0, len(part), size):
                    yield slice(i, min(i + size, len(part)))
            rest = pool[order[usable:]]
            del pool


class TableInputs:
    """The inputs of rows whose table is kept as it is: they are encoded whenever they are needed."""

    kind: InputKind = "ones"

    def __init__(self, encoder: TableEncoder, X: Table, dtype: DType) -> None:
        self._encoder, self._X, self._dtype = encoder, X, dtype

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows."""
        return np.asarray(self._encoder.encode(take_rows(self._X, batch), self._dtype, ones=True))


def encode_validation_batchwise(encoding: Encoding, rows: Rows) -> EncodedRows:
    """Return the rows that evaluate each epoch: they stay in memory as a table, and are encoded batch by batch.

    Texts, which take longest, are encoded here.
    """
    encoder, X = encoding.encoder, rows.X
    if encoder.has_text:
        encoder, X = encoder.encode_text(X, encoding.compute_dtype)
    inputs = TableInputs(encoder, X, encoding.compute_dtype)
    return EncodedRows(EncodedInMemory(lambda n_rows, n_skipped: inputs), rows.y, rows.weight)


def make_stream_run(
    settings: Settings,
    encoding: Encoding,
    rows: StoredRows,
    counts: RowCounts,
    sample: Sample,
    validation: EncodedRows | None,
) -> NetworkRun:
    """Put the training of a network on stored rows together."""
    n_rows = min(settings.solver.batch_size, MAX_ROWS)
    epoch_encoding = encoding
    if encoding.encoder.has_text:  # once for all epochs
        encoder, rows = rows.with_encoded_text(encoding.encoder, encoding.compute_dtype)
        epoch_encoding = replace(encoding, encoder=encoder)
    stream = EpochRows(rows, epoch_encoding, counts, settings.regularisation.label_smoothing, n_rows, sample)
    # training starts where the sample's targets tell, and gets its rows from the stream
    y, weight = sample.rows.y, sample.rows.weight
    weight = np.ones(len(y)) if weight is None else weight
    nothing = TableInputs(encoding.encoder, None, encoding.compute_dtype)  # replaced before the first batch
    table = EncodedInMemory(lambda n_rows, n_skipped: nothing)
    first = EncodedRows(table, y, weight * (counts.total / weight.sum()))  # as heavy as all rows
    run = make_run(settings, encoding, first, validation)
    batches = partial(stream.batches, cast(Objective, run.objective))
    return replace(run, problem=replace(run.problem, n_samples=counts.n, batches=batches))
