"""Training on a table in partitions: the same run as in memory, whose objective adds up what workers compute.

Conventions
-----------
n training rows of all shards.

theta, gradient : (p,)
batch : slice or (b,)    which of the n training rows
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sknet._model.fitting import FULL_BATCH_ROWS, EncodedRows, Place, Tables, encode_rows
from sknet._network.activations import Activation
from sknet._network.layers import Kind
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import EncodedTable, Inputs, length
from sknet._network.penalties import ElasticNet
from sknet._partitions import tasks
from sknet._partitions.table import EncodedParts, PartedTable, RowGroups
from sknet._tables.columns.target import folds
from sknet._tables.encoding import TableEncoder, learn_encoder
from sknet._tables.rows import Rows
from sknet._typing import Array, Batch, Table

AT_ONCE = 8
"""So many runs wait for workers at a time: enough for one to compute while others are on their way."""


class RemoteInputs:
    """The network's inputs, which stay on the workers."""

    kind: Kind = "ones"

    def __init__(self, encoded: EncodedParts) -> None:
        self.encoded = encoded

    def __call__(self, batch: Batch) -> Table:
        """Refuse: nobody here needs them."""
        raise TypeError("these rows are on workers")


def learn(
    X: PartedTable, *, weight: Array | None = None, target: Array | None = None, **settings: object
) -> TableEncoder:
    """Learn how a table becomes the network's input, in this process; see `sknet._tables.encoding.learn_encoder`."""
    rows, table = X.learnt_from
    return learn_encoder(
        table, weight=None if weight is None else weight[rows], target=None if target is None else target[rows],
        fold=None if target is None else folds(target)[rows], **settings,  # type: ignore[arg-type]
    )  # fmt: skip


def encode(tables: Tables, rows: Rows, n_rows: int, smoothing: float = 0.0, *, cross_fit: bool = False) -> EncodedRows:
    """Encode rows where they are; see `sknet._model.fitting.encode_rows`."""
    inputs = RemoteInputs(_encoded(tables, rows, cross_fit=cross_fit))
    there = EncodedTable(lambda _: inputs, (len(rows.y), tables.encoder.n_inputs))
    return encode_rows(tables, replace(rows, X=there), n_rows, smoothing)


def share(tables: Tables, rows: Rows) -> PartedTable:
    """Encode rows for several runs where they are; see `sknet._model.fitting.encode_once`."""
    _encoded(tables, rows, cross_fit=True)
    return cast(PartedTable, rows.X)


def _encoded(tables: Tables, rows: Rows, *, cross_fit: bool) -> EncodedParts:
    fold = tables.encoder.folds(tables.head.targets(rows.y, np.dtype(np.float64))) if cross_fit else None
    return cast(PartedTable, rows.X).encoded_by(tables.encoder, tables.compute_dtype, fold)


class ShardedObjective:
    """The objective of one training run, whose rows are on workers; the parameters are those of `Objective`.

    Parameters
    ----------
    columns : ndarray of ints, default=None
        Which of the encoded inputs the network has, in increasing order; None is all.
    """

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
        columns: NDArray[np.intp] | None = None,
    ) -> None:
        self.n_samples, self._n_weights, self._penalty = len(target), layout.n_weights, penalty
        self._columns = columns
        self._rows = rows = inputs.encoded.with_inputs(columns)
        # batches have other sizes on each shard and at each step, which are computed in small pieces
        self._network = tasks.NetworkOfRun(
            layout, tuple(activations), loss, min(n_rows, FULL_BATCH_ROWS), tuple(dropout)
        )
        n = len(rows.futures)
        weights = [None] * n if weight is None else rows.shard.split(weight)
        self._runs = rows.cluster.start(
            tasks.RunOfShard, [self._network] * n, rows.rows, rows.shard.split(target), weights
        )

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Array | None]:
        """Compute the objective of a batch and its gradient; see `Objective`.

        What is drawn and the order of the sums depend on the shards, not on which worker computes them.
        """
        rows = self._rows
        rows.partitions.release()  # what is needed is encoded
        seed = None if rng is None else int(rng.integers(2**63))
        n, calls = length(batch), []
        for i, (encoded, run, own) in enumerate(zip(rows.futures, self._runs, self._batches(batch), strict=True)):
            if own is None or len(own):
                calls.append((encoded, run, theta, own, n, None if seed is None else (seed, i)))
        found = rows.cluster.run(tasks.gradient, *zip(*calls, strict=True))
        value, out[:] = 0.0, 0.0
        for of_shard, gradient in found:
            value += of_shard
            out += gradient
        return value + self._penalty.add(theta[: self._n_weights], out[: self._n_weights]), None

    def _batches(self, batch: Batch) -> Sequence[Array | None]:
        """Return which of each shard's rows are in a batch; None where all are."""
        shard = self._rows.shard
        if isinstance(batch, slice):
            if length(batch) == self.n_samples:
                return [None if bound.stop > bound.start else np.empty(0, np.int32) for bound in shard.bounds]
            batch = np.arange(batch.start, batch.stop)
        return RowGroups(shard.group[batch], shard.n_groups).split(shard.position[batch])

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""
        return self._penalty.value(theta[: self._n_weights])

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        encoded = cast(RemoteInputs, inputs).encoded
        encoded.partitions.release()
        return encoded.with_inputs(self._columns).raw(self._network, theta)


ON_WORKERS = Place(learn, encode, ShardedObjective, share, AT_ONCE, ShardedObjective)
"""The rows of a table are on the workers of a cluster."""
