"""Training on a table in partitions: the same loop as in memory, whose objective adds up what workers compute.

Conventions
-----------
n training rows of all shards.

theta, gradient : (p,)
batch : slice or (b,)    which of the n training rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._dask import tasks
from sknet._dask.table import Partitions, RowGroups
from sknet._dask.tasks import Future
from sknet._model.matrices import EncodedRows
from sknet._model.network_trainer import ROWS_IN_CACHE
from sknet._network.chain import BatchFormat, Inputs, MixedRows, length
from sknet._network.objective import ObjectiveSettings
from sknet._typing import Array, Batch, Gradient, Table

if TYPE_CHECKING:
    from sknet._dask.cluster import Cluster

NETWORKS_AT_ONCE = 8
"""How many networks wait for workers at a time: enough that workers compute for one while others are on their way."""


@dataclass(frozen=True, eq=False)
class EncodedOnWorkers:
    """Rows that have been encoded, and stay on the workers.

    Attributes
    ----------
    partitions : Partitions
        Of which they are rows.
    futures : list of Future
        What each shard is encoded as.
    shard : RowGroups
        The shard of each of the n rows.
    chosen : ndarray of shape (n,), or None
        The position of each row among those encoded there; None where all are chosen, in their order.
    has_lookups : bool
        Whether the rows are `MixedRows`.
    n_skipped_inputs : int, default=0
        How many of the first inputs a network does without.
    """

    partitions: Partitions
    futures: list[Future]
    shard: RowGroups
    chosen: NDArray[np.int32] | None
    has_lookups: bool
    n_skipped_inputs: int = 0
    n_networks_awaited_at_once: ClassVar[int] = NETWORKS_AT_ONCE

    @property
    def cluster(self) -> Cluster:
        """The cluster that computes with them."""
        return self.partitions.cluster

    def __getitem__(self, rows: Batch) -> EncodedOnWorkers:
        """Return some of these rows."""
        chosen = (self.shard.position if self.chosen is None else self.chosen)[rows]
        return replace(self, shard=RowGroups(self.shard.group[rows], self.shard.n_groups), chosen=chosen)

    def without_first_inputs(self, s: int) -> EncodedOnWorkers:
        """Return the same rows without the first s inputs."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)

    @property
    def batch_format(self) -> BatchFormat:
        """What the batches are; sparse blocks are refused, see `collections.make_partitioned_table`."""
        return "mixed" if self.has_lookups else "ones"

    def __call__(self, batch: Batch) -> Table:
        """Bring the batch's rows from the workers; to train on them, a `ShardedObjective` leaves them there."""
        some = self[batch]
        n = len(some.futures)
        parts = some.cluster.call_on_workers(tasks.inputs_of_rows, some.futures, some.rows, [self.n_skipped_inputs] * n)
        if not self.has_lookups:
            return some.shard.join(parts)
        one_hot = sp.vstack([part.one_hot for part in parts], "csr")[np.argsort(some.shard.order)]
        return MixedRows(some.shard.join([part.dense for part in parts]), one_hot, parts[0].dense_inputs)

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ShardedObjective:
        """Return the objective of a network that is trained on these rows."""
        return ShardedObjective(settings, self, rows)

    @cached_property
    def rows(self) -> Sequence[Array | None]:
        """Of each shard, the positions of these rows among its encoded ones; None where these are all."""
        return [None] * len(self.futures) if self.chosen is None else self.shard.split(self.chosen)

    def raw(self, settings: ObjectiveSettings, theta: Array) -> Array:
        """Return the raw outputs of these rows, (n, k)."""
        n = len(self.futures)
        network = [settings] * n, [self.n_skipped_inputs] * n, [theta] * n
        return self.shard.join(self.cluster.call_on_workers(tasks.raw_outputs, self.futures, self.rows, *network))


class ShardedObjective:
    """The objective of one network, whose rows, with these inputs, are on workers."""

    batches = None

    def __init__(self, settings: ObjectiveSettings, inputs: EncodedOnWorkers, rows: EncodedRows) -> None:
        self.n_samples, self._n_weights, self._rows = len(rows), settings.layout.n_weights, inputs
        self._penalty = settings.penalty
        self.known_targets = rows.target, rows.relative_weight
        # batches have other sizes on each shard and at each step, which are computed in small pieces
        self._settings = replace(settings, max_rows=min(settings.max_rows, ROWS_IN_CACHE))
        n = len(inputs.futures)
        weights = [None] * n if rows.relative_weight is None else inputs.shard.split(rows.relative_weight)
        # futures on the workers, for all steps: targets and weights travel once, theta with each step
        self._on_shards = inputs.cluster.start_tasks(
            tasks.NetworkOnShard, [self._settings] * n, [inputs.n_skipped_inputs] * n, inputs.rows,
            inputs.shard.split(rows.target), weights,
        )  # fmt: skip
        self._objectives = inputs.cluster.keep(tasks.ObjectiveOfShard, inputs.futures, self._on_shards)

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
            for i, chosen in enumerate(self._split_batch(batch))
        ]
        shares = self._objectives.call("gradient", calls)
        if shares is None:  # a worker is lost: dask computes again what it had, and these tasks with it
            shards = zip(rows.futures, self._on_shards, calls, strict=True)
            repeated = [(encoded, shard, *call) for encoded, shard, call in shards if call is not None]
            shares = rows.cluster.call_on_workers(tasks.gradient, *zip(*repeated, strict=True))
        value = 0.0
        out.fill(0.0)
        for share, gradient in shares:  # in the order of the shards, whichever answers first: sums are then the same
            value += share
            out += gradient
        return value + self._penalty.add_gradient(theta[: self._n_weights], out[: self._n_weights]), out

    def _split_batch(self, batch: Batch) -> Sequence[Array | None]:
        """Return the positions of a batch's rows in each shard; None for all of its rows, empty for none."""
        shard = self._rows.shard  # positions are among the network's rows of the shard, not among all encoded there
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
        encoded = cast(EncodedOnWorkers, inputs)
        encoded.partitions.release()
        return encoded.raw(self._settings, theta)

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows."""
        return self._rows.raw(self._settings, theta)
