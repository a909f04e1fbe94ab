"""Training on a table whose parts are on shards: the same run as in memory, whose objective adds up the shards' parts.

Conventions
-----------
n training rows of all shards.

theta, gradient : (p,)
batch : slice or (b,)    which of the n training rows
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import cast

import numpy as np

from sknet._model.fitting import EncodedRows, Place, Tables, encode_rows
from sknet._network.activations import Activation
from sknet._network.binding import Kind
from sknet._network.inputs import EncodedTable, Inputs, length
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.penalties import ElasticNet
from sknet._partitions.pace import Pace
from sknet._partitions.shard import Step
from sknet._partitions.table import PartedTable, Selection
from sknet._tables.rows import Rows
from sknet._typing import Array, Batch, Gradient, Table


class RemoteInputs:
    """The network's inputs, which stay on the shards."""

    kind: Kind = "ones"

    def __init__(self, selection: Selection) -> None:
        self.selection = selection

    def __call__(self, batch: Batch) -> Table:
        """Refuse: nobody here needs them."""
        raise TypeError("these rows are on shards")


def encode(tables: Tables, rows: Rows, n_rows: int, smoothing: float = 0.0, *, cross_fit: bool = False) -> EncodedRows:
    """Encode rows where they are; see `sknet._model.fitting.encode_rows`."""
    X = cast(PartedTable, rows.X)
    if X.encoded is None:
        _encode_there(tables, rows, cross_fit=cross_fit)
    there = EncodedTable(lambda _: RemoteInputs(X.selection), (len(rows.y), tables.encoder.n_inputs))
    return encode_rows(tables, replace(rows, X=there), n_rows, smoothing)


def share(tables: Tables, rows: Rows) -> PartedTable:
    """Encode rows for several runs where they are; see `sknet._model.fitting.encode_once`."""
    _encode_there(tables, rows, cross_fit=True)
    X = cast(PartedTable, rows.X)
    return replace(X, encoded=(X.selection, np.arange(len(X))))


def _encode_there(tables: Tables, rows: Rows, *, cross_fit: bool) -> None:
    selection = cast(PartedTable, rows.X).selection
    selection.select(tables.folds(rows) if cross_fit else None)
    selection.call("encode", tables, changes=True)


class ShardedObjective:
    """The objective of one training run, whose rows are on shards; the parameters are those of `Objective`."""

    def __init__(
        self,
        layout: Layout,
        activations: Sequence[Activation],
        loss: Loss,
        penalty: ElasticNet,
        inputs: RemoteInputs,
        target: Array,
        weight: Array | None = None,
        *,
        n_rows: int,
        dropout: Sequence[float] = (),
        pace: Pace,
        first: Iterator[bool],
    ) -> None:
        self.n_samples, self._n_weights, self._penalty, self._pace = len(target), layout.n_weights, penalty, pace
        selection = self._selection = inputs.selection
        targets, weights = selection.split(target), selection.split(weight)
        calls = {
            i: (selection.name, layout, tuple(activations), loss, targets[i], weights[i], n_rows, tuple(dropout))
            for i in range(len(targets))
        }
        selection.shards.call("minimise", calls, changes=True)
        # at the first step of the first run that is not on trial: folds, which come before it, end after it has been
        # put together
        self._releases = next(first, False)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of a batch and its gradient; see `Objective`.

        A lost shard is made anew and does its part again; the sums are always in the order of the shards.
        """
        self._release()
        seed = None if rng is None else int(rng.integers(2**63))
        calls = {
            i: (self._selection.name, theta, rows, length(batch), None if seed is None else seed + i)
            for i, rows in enumerate(self._rows_of(batch))
            if rows is None or len(rows)
        }
        started = perf_counter()
        steps = cast(dict[int, Step], self._selection.shards.call("step", calls))
        self._pace.record(started, perf_counter(), [step.seconds for step in steps.values()])
        out[:] = 0.0
        value = 0.0
        for i in calls:
            value += steps[i].value
            out += steps[i].gradient
        return value + self._penalty.add(theta[: self._n_weights], out[: self._n_weights]), out

    def _rows_of(self, batch: Batch) -> Sequence[Array | None]:
        """Return which rows of each shard are in a batch; None where all are."""
        selection = self._selection
        if isinstance(batch, slice):
            if length(batch) == self.n_samples:
                return [None if bound.stop > bound.start else np.empty(0, np.int32) for bound in selection.bounds]
            batch = np.arange(batch.start, batch.stop)
        shard, place = selection.shard[batch], selection.place[batch]
        return [place[shard == i] for i in range(len(selection.bounds))]

    def _release(self) -> None:
        """Before the first step, when all rows are encoded, let the shards forget the table."""
        if self._releases:
            self._releases = False
            self._selection.shards.call("release", dict.fromkeys(range(len(self._selection.bounds)), ()), changes=True)

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""
        return self._penalty.value(theta[: self._n_weights])

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        self._release()
        selection = cast(RemoteInputs, inputs).selection
        return selection.together(cast(list[Array], selection.call("raw", theta, self._selection.name)))


AT_ONCE = 8
"""So many runs wait for workers at a time: enough for one to compute while others are on their way."""


def on_shards(warn: Callable[[str], None]) -> Place:
    """Return the place of rows that are on shards; `warn` is told where training there does not pay."""
    objective = partial(ShardedObjective, pace=Pace(warn))
    return Place(encode, partial(objective, first=iter([True])), share, AT_ONCE, partial(objective, first=iter(())))
