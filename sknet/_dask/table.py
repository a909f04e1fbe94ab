"""A table in partitions on the workers of a cluster: select its rows, encode them, and train on them.

Rows are selected by their indices, and stay on their workers. Training is the same loop as in memory, with an objective
that adds up the contributions of the workers.

Conventions
-----------
N rows in all partitions, one partition after the other; n of them are selected.

row_indices : (n,)       indices of the selected rows among the N rows
position : (n,)          index of each row in its partition, or in its shard
theta, gradient : (p,)
batch : slice or (b,)    indices of the batch among the n training rows
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

if TYPE_CHECKING:  # this module does not need dask, so tests without dask replace the cluster
    from sknet._dask.cluster import Cluster


@dataclass(frozen=True, eq=False)
class RowGroups:
    """The group of each of n rows, a partition or a shard; splits values by group, and joins them again."""

    group: NDArray[np.integer]  # (n,)
    n_groups: int

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The row indices, sorted by group."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def bounds(self) -> list[slice]:
        """The slice of `order` with the rows of each group."""
        stops = np.cumsum(np.bincount(self.group, minlength=self.n_groups)).tolist()
        return [slice(start, stop) for start, stop in pairwise([0, *stops])]

    @cached_property
    def position(self) -> NDArray[np.int32]:
        """The position of each row in its group, (n,), from 0."""
        position = np.empty(len(self.group), np.int32)
        for bound in self.bounds:
            position[self.order[bound]] = np.arange(bound.stop - bound.start)
        return position

    def split(self, values: Array) -> list[Array]:
        """Split values of all rows, (n, ...), by group."""
        return [values[self.order[bound]] for bound in self.bounds]

    def join(self, of_groups: Sequence[Array]) -> Array:
        """Return the values of all rows, (n, ...), from the values of each group."""
        grouped = np.concatenate(of_groups)
        values = np.empty_like(grouped, order="F" if grouped.ndim > 1 else "C")  # F, as raw outputs in memory
        values[self.order] = grouped
        return values


def check_columns(rows: Table, number: int, first_rows: Table, first: int) -> None:
    """Raise if the columns of a partition are not those of the first partition; both are given by some rows."""
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
    """The partitions of a collection, which stay on the workers.

    Parameters
    ----------
    cluster : Cluster
    collection : sequence of Delayed
        The partitions, not yet computed.

    Attributes
    ----------
    example_rows : array or data frame
        Two rows.
    stops : ndarray of shape (n_partitions,)
        The index of the first row after each partition.
    shards : list of slice
        Consecutive partitions that are encoded and trained on together, one slice per thread of the workers.
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
        # the middle row of a partition determines its shard, so that shards have about the same number of rows
        middle = (self.stops - np.array(lengths) / 2) / max(self.stops[-1], 1)
        n_shards = min(cluster.n_threads, len(lengths))
        shard = np.minimum(middle * n_shards, n_shards - 1).astype(np.intp)
        first = np.flatnonzero(np.diff(shard, prepend=-1)).tolist()  # first partition of each shard that is not empty
        self.shards = [slice(start, stop) for start, stop in pairwise([*first, len(lengths)])]

    @property
    def futures(self) -> list[Future]:
        """The computed partitions; they are computed again if they have been released."""
        if self._futures is None:
            self._futures = self.cluster.compute(self._collection)
        return self._futures

    def release(self) -> None:
        """Release the partitions; `futures` computes them again."""
        self._futures = None

    def groups_of(self, row_indices: NDArray[np.intp]) -> tuple[RowGroups, list[Array]]:
        """Return the rows grouped by partition, and for each partition the positions of its rows."""
        partition = np.searchsorted(self.stops, row_indices, side="right")  # the first that ends after the row
        groups = RowGroups(partition, len(self.stops))
        starts = [0, *self.stops[:-1].tolist()]
        by_partition = zip(groups.split(row_indices), starts, strict=True)
        return groups, [(indices - start).astype(np.int32) for indices, start in by_partition]  # half the bytes


@dataclass(frozen=True, eq=False)
class PartitionedTable(FeatureTable):
    """Some rows of a table whose partitions are on the workers of a cluster.

    Attributes
    ----------
    partitions : Partitions
    row_indices : ndarray of shape (n,)
    """

    partitions: Partitions
    row_indices: NDArray[np.intp]
    # a call to the workers takes as long for a small batch, so batches are larger than in memory
    limits: ClassVar[TableLimits] = TableLimits(largest_batch=8192)

    @property
    def example_rows(self) -> Table:
        """A few rows of the table."""
        return self.partitions.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and of columns."""
        return len(self.row_indices), self.example_rows.shape[1]

    def __len__(self) -> int:
        return len(self.row_indices)

    def __getitem__(self, rows: Batch) -> PartitionedTable:
        """Return some of these rows."""
        return replace(self, row_indices=self.row_indices[rows])

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Load some of these rows from the workers, in this order, as an array or a data frame."""
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
        # convert all targets at once: the value in place of a missing target must not depend on partitions
        targets = groups.split(target_of(y))
        parts = zip(self.partitions.futures, positions, targets, weights, groups.split(encoding_fold), strict=True)
        arguments = [(future, rows, encoder, *values) for future, rows, *values in parts if len(rows)]
        # transposed: one sequence per parameter, as for `map`
        return merge_totals(self.partitions.cluster.map_tasks(tasks.target_totals, *zip(*arguments, strict=True)))

    def digest(self) -> str:
        """Return a hash of these rows, which does not depend on the workers."""
        _, positions = self.partitions.groups_of(self.row_indices)
        of_partitions = self.partitions.cluster.map_tasks(tasks.digest_of_rows, self.partitions.futures, positions)
        return sha256(" ".join(of_partitions).encode()).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnWorkers:
        """Encode these rows on the workers, shard by shard; for `encoding_fold`, (n,), see `TableEncoder.encode`."""
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
        first = np.array([bound.start for bound in shard.bounds])  # (n_shards,): number of rows in earlier shards
        # position of each row in its encoded shard: by partition, and within a partition in the order of `row_indices`
        position = np.empty(len(self), np.int32)
        position[groups.order] = np.arange(len(self)) - np.repeat(first, np.diff(first, append=len(self)))
        are_all = np.array_equal(position, shard.position)
        return EncodedOnWorkers(table, futures, shard, None if are_all else position, encoder.lookups is not None)


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate data frames; columns of categories may have other categories in each frame."""
    joined = pd.concat(frames, ignore_index=True)
    for name in joined:
        columns = [frame[name] for frame in frames]
        if all(isinstance(column.dtype, pd.CategoricalDtype) for column in columns):
            joined[name] = union_categoricals(columns, ignore_order=True)
    return joined


NETWORKS_AT_ONCE = 8
"""How many networks train at a time: workers compute for one while messages of another travel."""


@dataclass(frozen=True, eq=False)
class EncodedOnWorkers:
    """Encoded rows, which stay on the workers.

    Attributes
    ----------
    partitions : Partitions
        The table of the rows.
    futures : list of Future
        The encoded rows of each shard.
    shard : RowGroups
        The shard of each of the n rows.
    positions : ndarray of shape (n,), or None
        The position of each row among the encoded rows of its shard; None if these are all encoded rows, in order.
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
        """The cluster of the workers."""
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
        """The format of batches; it is never sparse, see `collections.make_partitioned_table`."""
        return "mixed" if self.has_lookups else "ones"

    def __call__(self, batch: Batch) -> Table:
        """Load the rows of a batch from the workers; training does not need this."""
        some = self[batch]
        n = len(some.futures)
        of_shards = some.cluster.map_tasks(
            tasks.inputs_of_rows, some.futures, some.positions_by_shard, [self.n_skipped_inputs] * n
        )
        if not self.has_lookups:
            return some.shard.join(of_shards)
        one_hot = sp.vstack([rows.one_hot for rows in of_shards], "csr")[np.argsort(some.shard.order)]
        return MixedRows(some.shard.join([rows.dense for rows in of_shards]), one_hot, of_shards[0].dense_inputs)

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ShardedObjective:
        """Return the objective of a network that is trained on these rows."""
        return ShardedObjective(settings, self, rows)

    @cached_property
    def positions_by_shard(self) -> Sequence[Array | None]:
        """For each shard, the positions of these rows among its encoded rows; None for all encoded rows."""
        return [None] * len(self.futures) if self.positions is None else self.shard.split(self.positions)

    def raw(self, settings: ObjectiveSettings, theta: Array) -> Array:
        """Return the raw outputs of these rows, (n, k)."""
        n = len(self.futures)
        network = [settings] * n, [self.n_skipped_inputs] * n, [theta] * n
        return self.shard.join(
            self.cluster.map_tasks(tasks.raw_outputs, self.futures, self.positions_by_shard, *network)
        )


class ShardedObjective:
    """The objective of one network whose rows are on workers."""

    batches = None

    def __init__(self, settings: ObjectiveSettings, inputs: EncodedOnWorkers, rows: EncodedRows) -> None:
        self.n_samples, self._n_weights, self._inputs = len(rows), settings.layout.n_weights, inputs
        self._penalty = settings.penalty
        self.known_targets = rows.target, rows.relative_weight
        # the size of a batch varies by shard and step, so its rows are computed in blocks
        self._settings = replace(settings, max_rows=min(settings.max_rows, ROWS_IN_CACHE))
        n = len(inputs.futures)
        weights = [None] * n if rows.relative_weight is None else inputs.shard.split(rows.relative_weight)
        # targets and weights are sent once for all steps, theta is sent at each step
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
        inputs.partitions.release()  # training needs only the encoded rows
        seed = None if rng is None else int(rng.integers(2**63))
        n = length(batch)
        # the arguments of `gradient` for each shard, with a seed of its own; None if it has no row of the batch
        calls = [
            (theta, positions, n, None if seed is None else (seed, i)) if positions is None or len(positions) else None
            for i, positions in enumerate(self._split_batch(batch))
        ]
        shares = self._objectives.call("gradient", calls)
        if shares is None:  # a worker is lost: do the same with tasks, which dask can repeat
            shards = zip(inputs.futures, self._on_shards, calls, strict=True)
            repeated = [(encoded, shard, *call) for encoded, shard, call in shards if call is not None]
            shares = inputs.cluster.map_tasks(tasks.gradient, *zip(*repeated, strict=True))
        value = 0.0
        out.fill(0.0)
        for (
            share,
            gradient,
        ) in shares:  # in the order of the shards, so that sums are always the same
            value += share
            out += gradient
        return value + self._penalty.add_gradient(theta[: self._n_weights], out[: self._n_weights]), out

    def _split_batch(self, batch: Batch) -> Sequence[Array | None]:
        """Return the positions of a batch's rows in each shard; None for all rows of a shard."""
        shard = self._inputs.shard  # positions among the network's rows of the shard, not among all its encoded rows
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
