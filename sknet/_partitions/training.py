"""Training on a table in partitions: the same run as in memory, whose objective adds up what workers compute.

Conventions
-----------
n training rows of all shards.

theta, gradient : (p,)
batch : slice or (b,)    which of the n training rows
"""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sknet._model.matrices import Backend, Encoding
from sknet._model.network_run import FULL_BATCH_ROWS
from sknet._network.activations import Activation
from sknet._network.inputs import Inputs, length
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.penalties import ElasticNet
from sknet._partitions import tasks
from sknet._partitions.table import EncodedOnWorkers, PartitionedTable, RemoteInputs, RowGroups
from sknet._tables.rows import Rows
from sknet._typing import Array, Batch, Gradient

NETWORKS_AT_ONCE = 8
"""How many networks wait for workers at a time: enough that workers compute for one while others are on their way."""


def encode_on_workers(encoding: Encoding, rows: Rows, fold: NDArray[np.intp] | None) -> EncodedOnWorkers:
    """Encode the rows of a table on the workers that have them; see `sknet._model.matrices.encode_in_memory`."""
    return cast(PartitionedTable, rows.X).encode(encoding.encoder, encoding.compute_dtype, fold)


class ShardedObjective:
    """The objective of one training run, whose rows are on workers; the parameters are those of `Objective`."""

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
        max_rows: int,
        dropout: Sequence[float] = (),
    ) -> None:
        self.n_samples, self._n_weights, self._penalty = len(target), layout.n_weights, penalty
        self._rows = rows = inputs.encoded
        # batches have other sizes on each shard and at each step, which are computed in small pieces
        self._network = tasks.NetworkOfRun(
            layout, tuple(activations), loss, min(max_rows, FULL_BATCH_ROWS), tuple(dropout)
        )
        n = len(rows.futures)
        weights = [None] * n if weight is None else rows.shard.split(weight)
        # futures on the workers, for all steps: targets and weights travel once, theta with each step
        self._runs = rows.cluster.start(
            tasks.RunOfShard, [self._network] * n, rows.rows, rows.shard.split(target), weights
        )
        self._objectives = rows.cluster.keep(tasks.ObjectiveOfShard, rows.futures, self._runs)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of a batch and its gradient; see `Objective`.

        What is drawn and the order of the sums depend on the shards, not on which worker computes them.
        """
        rows = self._rows
        rows.partitions.release()  # what is needed is encoded
        seed = None if rng is None else int(rng.integers(2**63))
        n = length(batch)
        # of each shard, the arguments of `gradient`, with a seed of its own; None where it has no row of the batch
        calls = [
            (theta, chosen, n, None if seed is None else (seed, i)) if chosen is None or len(chosen) else None
            for i, chosen in enumerate(self._batches(batch))
        ]
        shares = self._objectives.call("gradient", calls)
        if shares is None:  # a worker is lost: dask computes again what it had, and these tasks with it
            shards = zip(rows.futures, self._runs, calls, strict=True)
            repeated = [(encoded, run, *call) for encoded, run, call in shards if call is not None]
            shares = rows.cluster.run(tasks.gradient, *zip(*repeated, strict=True))
        value = 0.0
        out.fill(0.0)
        for share, gradient in shares:  # in the order of the shards, whichever answers first: sums are then the same
            value += share
            out += gradient
        return value + self._penalty.add(theta[: self._n_weights], out[: self._n_weights]), out

    def _batches(self, batch: Batch) -> Sequence[Array | None]:
        """Return the positions of a batch's rows in each shard; None for all of its rows, empty for none."""
        shard = self._rows.shard  # positions are among the run's rows of the shard, not among all encoded there
        if isinstance(batch, slice):
            if length(batch) == self.n_samples:
                return [None if bound.stop > bound.start else np.empty(0, np.int32) for bound in shard.bounds]
            batch = np.arange(batch.start, batch.stop)
        return RowGroups(shard.group[batch], shard.n_groups).split(shard.position[batch])

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""
        return self._penalty.value(theta[: self._n_weights])

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set), also on workers."""
        encoded = cast(RemoteInputs, inputs).encoded
        encoded.partitions.release()
        return encoded.raw(self._network, theta)


ON_WORKERS = Backend(encode_on_workers, ShardedObjective, NETWORKS_AT_ONCE)
"""The rows of a table are on the workers of a cluster."""
