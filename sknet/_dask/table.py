"""A table in partitions on a cluster's workers: its rows, what they are encoded as, and training on them.

Rows are chosen by their indices, and stay where they are. Training is the same loop as in memory, with an objective
that adds up what the workers compute.

Conventions
-----------
N rows of all partitions, one partition after the other; n of them chosen, or trained on.

row_indices : (n,)       which of the N rows are chosen
position : (n,)          each row's index in its partition, or in its shard
theta, gradient : (p,)
batch : slice or (b,)    which of the n training rows
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sknet._dask import tasks
from sknet._dask.tasks import Future
from sknet._model.encoding import EncodedRows
from sknet._model.trainer import ROWS_IN_CACHE
from sknet._network.chain import BatchFormat, Inputs, MixedRows, length
from sknet._network.objective import ObjectiveSettings
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.read import column_names, short_list
from sknet._tables.rows import ALL, FeatureTable, TableLimits
from sknet._typing import Array, Batch, DType, Gradient, Table

if TYPE_CHECKING:  # nothing here needs dask: without it, tests run on a stand-in for the cluster
    from sknet._dask.cluster import Cluster


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Which group, a partition or a shard, each of n rows belongs to; splits values by group, and joins them again."""

    group: NDArray[np.integer]  # (n,)
    n_groups: int

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The row indices, sorted by group."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def bounds(self) -> list[slice]:
        """The slice of `order` that is in each group."""
        stops = np.cumsum(np.bincount(self.group, minlength=self.n_groups)).tolist()
        return [slice(start, stop) for start, stop in pairwise([0, *stops])]

    @cached_property
    def position(self) -> NDArray[np.int32]:
        """Each row's position in its group, (n,): 0 for the first row of each."""
        position = np.empty(len(self.group), np.int32)
        for bound in self.bounds:
            position[self.order[bound]] = np.arange(bound.stop - bound.start)
        return position

    def split(self, values: Array) -> list[Array]:
        """Return the values, (n, ...), of each group's rows."""
        return [values[self.order[bound]] for bound in self.bounds]

    def join(self, of_groups: Sequence[Array]) -> Array:
        """Return the values of all rows, (n, ...), from those of each group's."""
        grouped = np.concatenate(of_groups)
        values = np.empty_like(grouped, order="F" if grouped.ndim > 1 else "C")  # as raw outputs are, column by column
        values[self.order] = grouped
        return values


def check_columns(rows: Table, number: int, first_rows: Table, first: int) -> None:
    """Raise if a partition's columns are not those of the first one, in their order; both are given by some rows."""
    if not isinstance(rows, pd.DataFrame):  # blocks of an array all have the same number of columns
        return
    names, expected = column_names(rows), column_names(first_rows)
    if names == expected:
        return
    raise ValueError(
        f"Partition {number} of X has the columns {short_list(names)}: give each the columns of partition {first}, "
        f"{short_list(expected)}, in this order."
    )


class Partitions:
    """The partitions of a collection, whose lengths are known; they stay on the workers.

    Parameters
    ----------
    cluster : Cluster
    collection : sequence of Delayed
        Each partition, not yet computed.

    Attributes
    ----------
    example_rows : array or data frame
        Two rows, which have the columns and types of all.
    stops : ndarray of shape (n_partitions,)
        The number of the row after the last one of each partition.
    shards : list of slice
        Partitions that are encoded and trained on together: for each thread of the workers, some that follow one
        another.
    """

    def __init__(self, cluster: Cluster, collection: Sequence[object]) -> None:
        self.cluster, self._collection = cluster, collection
        self._futures: list[Future] | None = None
        lengths, samples = zip(*cluster.map_tasks(tasks.describe, self.futures), strict=True)
        filled = [i for i, length in enumerate(lengths) if length] or [0]
        self.example_rows = samples[filled[0]]
        for i in filled[1:]:
            check_columns(samples[i], i, self.example_rows, filled[0])
        self.stops = np.cumsum(lengths)
        # a partition belongs to the shard in which its middle row lies: shards then have about the same number of rows
        middle = (self.stops - np.array(lengths) / 2) / max(self.stops[-1], 1)
        n_shards = min(cluster.n_threads, len(lengths))
        shard = np.minimum(middle * n_shards, n_shards - 1).astype(np.intp)
        first = np.flatnonzero(np.diff(shard, prepend=-1)).tolist()  # first partition of each shard that has any
        self.shards = [slice(start, stop) for start, stop in pairwise([*first, len(lengths)])]

    @property
    def futures(self) -> list[Future]:
        """The partitions as they are, computed again if they have been released."""
        if self._futures is None:
            self._futures = self.cluster.compute(self._collection)
        return self._futures

    def release(self) -> None:
        """Release the partitions. dask computes them again where they are needed."""
        self._futures = None

    def groups_of(self, row_indices: NDArray[np.intp]) -> tuple[RowGroups, list[Array]]:
        """Return the rows grouped by partition, and of each partition the positions of its rows in it."""
        partition = np.searchsorted(self.stops, row_indices, side="right")  # the first that ends after the row
        groups = RowGroups(partition, len(self.stops))
        starts = [0, *self.stops[:-1].tolist()]
        by_partition = zip(groups.split(row_indices), starts, strict=True)
        return groups, [(indices - start).astype(np.int32) for indices, start in by_partition]  # half of what travels


@dataclass(frozen=True, eq=False)
class PartitionedTable(FeatureTable):
    """A table whose partitions are on the workers of a cluster, or some of its rows.

    Attributes
    ----------
    partitions : Partitions
    row_indices : ndarray of shape (n,)
    """

    partitions: Partitions
    row_indices: NDArray[np.intp]
    # the calls to the workers cost as much for a small batch: batches are larger than in memory
    limits: ClassVar[TableLimits] = TableLimits(largest_batch=8192)

    @property
    def example_rows(self) -> Table:
        """A few rows of the table, which have the columns and types of all."""
        return self.partitions.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self.row_indices), self.example_rows.shape[1]

    def __len__(self) -> int:
        return len(self.row_indices)

    def __getitem__(self, rows: Batch) -> PartitionedTable:
        """Return some of these rows."""
        return replace(self, row_indices=self.row_indices[rows])

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Bring some of these rows, in this order, from the workers, as an array or a data frame."""
        groups, positions = self.partitions.groups_of(self.row_indices[rows])
        wanted = [i for i, of_partition in enumerate(positions) if len(of_partition)]
        futures = [self.partitions.futures[i] for i in wanted]
        tables = self.partitions.cluster.map_tasks(tasks.take, futures, [positions[i] for i in wanted])
        order = np.argsort(groups.order)  # the inverse permutation: back to the order of `rows`
        if isinstance(tables[0], np.ndarray):
            return np.concatenate(tables)[order]
        return concatenate_frames(tables).iloc[order]

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        groups, positions = self.partitions.groups_of(self.row_indices)
        weights = [None] * len(positions) if weight is None else groups.split(weight)
        targets = groups.split(
            target_of(y)
        )  # of all rows: the value in place of a missing target must not depend on partitions
        parts = zip(self.partitions.futures, positions, targets, weights, groups.split(encoding_fold), strict=True)
        arguments = [(future, rows, encoder, *values) for future, rows, *values in parts if len(rows)]
        # transposed: one sequence for each parameter, as of `map`
        return merge_totals(self.partitions.cluster.map_tasks(tasks.target_totals, *zip(*arguments, strict=True)))

    def digest(self) -> str:
        """Return a hash of these rows, the same whichever workers have them."""
        _, positions = self.partitions.groups_of(self.row_indices)
        of_partitions = self.partitions.cluster.map_tasks(tasks.digest_of_rows, self.partitions.futures, positions)
        return sha256(" ".join(of_partitions).encode()).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnWorkers:
        """Encode these rows where they are, shard by shard; `encoding_fold`, (n,), as in `TableEncoder.encode`."""
        table, cluster, shards = self.partitions, self.partitions.cluster, self.partitions.shards
        groups, positions = table.groups_of(self.row_indices)
        encoding_folds = [None] * len(positions) if encoding_fold is None else groups.split(encoding_fold)
        n = len(shards)
        # for each shard, lists of its partitions' futures, positions and folds
        per_shard = [
            [of_partitions[shard] for shard in shards] for of_partitions in (table.futures, positions, encoding_folds)
        ]
        futures = cluster.start_tasks(tasks.encode_shard, *per_shard, [encoder] * n, [dtype] * n, spread=True)
        cluster.map_tasks(tasks.wait_for, futures)  # raises here if rows cannot be encoded
        shard_of = np.repeat(np.arange(n), [shard.stop - shard.start for shard in shards])  # of each partition
        shard = RowGroups(shard_of[groups.group], n)
        first = np.array([bound.start for bound in shard.bounds])  # (n_shards,): number of rows in the shards before
        # each row's position in its encoded shard: partition after partition, and in each as in `row_indices`
        position = np.empty(len(self), np.int32)
        position[groups.order] = np.arange(len(self)) - np.repeat(first, np.diff(first, append=len(self)))
        are_all = np.array_equal(position, shard.position)
        return EncodedOnWorkers(table, futures, shard, None if are_all else position, encoder.lookups is not None)


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate data frames, whose columns of categories may have other categories in each."""
    joined = pd.concat(frames, ignore_index=True)
    for name in joined:
        columns = [frame[name] for frame in frames]
        if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            joined[name] = union_categoricals(columns, ignore_order=True)
    return joined


NETWORKS_AT_ONCE = 8
"""How many networks wait for workers at a time: workers compute for one while messages of another travel."""


@dataclass(frozen=True, eq=False)
class EncodedOnWorkers:
    """Rows that have been encoded, and stay on the workers.

    Attributes
    ----------
    partitions : Partitions
        The table that the rows belong to.
    futures : list of Future
        The encoded rows of each shard.
    shard : RowGroups
        The shard of each of the n rows.
    positions : ndarray of shape (n,), or None
        The position of each row among those encoded in its shard; None for all of these, in their order.
    has_lookups : bool
        Whether the rows are `MixedRows`.
    n_skipped_inputs : int, default=0
        How many of the first inputs a network skips.
    """

    partitions: Partitions
    futures: list[Future]
    shard: RowGroups
    positions: NDArray[np.int32] | None
    has_lookups: bool
    n_skipped_inputs: int = 0
    n_networks_awaited_at_once: ClassVar[int] = NETWORKS_AT_ONCE

    @property
    def cluster(self) -> Cluster:
        """The cluster that computes with them."""
        return self.partitions.cluster

    def __getitem__(self, rows: Batch) -> EncodedOnWorkers:
        """Return some of these rows."""
        positions = (self.shard.position if self.positions is None else self.positions)[rows]
        return replace(self, shard=RowGroups(self.shard.group[rows], self.shard.n_groups), positions=positions)

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
        parts = some.cluster.map_tasks(
            tasks.inputs_of_rows, some.futures, some.positions_by_shard, [self.n_skipped_inputs] * n
        )
        if not self.has_lookups:
            return some.shard.join(parts)
        one_hot = sp.vstack([part.one_hot for part in parts], "csr")[np.argsort(some.shard.order)]
        return MixedRows(some.shard.join([part.dense for part in parts]), one_hot, parts[0].dense_inputs)

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ShardedObjective:
        """Return the objective of a network that is trained on these rows."""
        return ShardedObjective(settings, self, rows)

    @cached_property
    def positions_by_shard(self) -> Sequence[Array | None]:
        """For each shard, the positions of these rows among its encoded ones; None where these are all."""
        return [None] * len(self.futures) if self.positions is None else self.shard.split(self.positions)

    def raw(self, settings: ObjectiveSettings, theta: Array) -> Array:
        """Return the raw outputs of these rows, (n, k)."""
        n = len(self.futures)
        network = [settings] * n, [self.n_skipped_inputs] * n, [theta] * n
        return self.shard.join(
            self.cluster.map_tasks(tasks.raw_outputs, self.futures, self.positions_by_shard, *network)
        )


class ShardedObjective:
    """The objective of one network, whose rows, with these inputs, are on workers."""

    batches = None

    def __init__(self, settings: ObjectiveSettings, inputs: EncodedOnWorkers, rows: EncodedRows) -> None:
        self.n_samples, self._n_weights, self._inputs = len(rows), settings.layout.n_weights, inputs
        self._penalty = settings.penalty
        self.known_targets = rows.target, rows.relative_weight
        # batches have other sizes on each shard and at each step: their rows are computed some at a time
        self._settings = replace(settings, max_rows=min(settings.max_rows, ROWS_IN_CACHE))
        n = len(inputs.futures)
        weights = [None] * n if rows.relative_weight is None else inputs.shard.split(rows.relative_weight)
        # futures on the workers, for all steps: targets and weights travel once, theta with each step
        self._on_shards = inputs.cluster.start_tasks(
            tasks.NetworkOnShard, [self._settings] * n, [inputs.n_skipped_inputs] * n, inputs.positions_by_shard,
            inputs.shard.split(rows.target), weights,
        )  # fmt: skip
        self._objectives = inputs.cluster.keep(tasks.ObjectiveOfShard, inputs.futures, self._on_shards)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of a batch and its gradient; see `Objective`.

        Random numbers and the order of sums depend on the shards, not on which worker computes them.
        """
        inputs = self._inputs
        inputs.partitions.release()  # from now on, only the encoded rows are needed
        seed = None if rng is None else int(rng.integers(2**63))
        n = length(batch)
        # for each shard, the arguments of `gradient`, with its own seed; None if it has no row of the batch
        calls = [
            (theta, positions, n, None if seed is None else (seed, i)) if positions is None or len(positions) else None
            for i, positions in enumerate(self._split_batch(batch))
        ]
        shares = self._objectives.call("gradient", calls)
        if shares is None:  # a worker is lost: dask computes its results again, and then these tasks
            shards = zip(inputs.futures, self._on_shards, calls, strict=True)
            repeated = [(encoded, shard, *call) for encoded, shard, call in shards if call is not None]
            shares = inputs.cluster.map_tasks(tasks.gradient, *zip(*repeated, strict=True))
        value = 0.0
        out.fill(0.0)
        for share, gradient in shares:  # in the order of the shards, whichever answers first: sums are then the same
            value += share
            out += gradient
        return value + self._penalty.add_gradient(theta[: self._n_weights], out[: self._n_weights]), out

    def _split_batch(self, batch: Batch) -> Sequence[Array | None]:
        """Return the positions of a batch's rows in each shard; None for all of its rows, empty for none."""
        shard = self._inputs.shard  # positions are among the network's rows of the shard, not among all encoded there
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
        return self._inputs.raw(self._settings, theta)
