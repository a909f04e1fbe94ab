"""A table in partitions on a cluster's workers, as one value: rows are chosen by number, and stay where they are.

Conventions
-----------
N rows of all partitions, one partition after the other; n of them chosen.

rows : (n,)              numbers of the chosen rows among the N
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import Any, Protocol, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sknet._model.matrices import Backend, non_bin_inputs, some_inputs
from sknet._network.binding import InputKind
from sknet._partitions import tasks
from sknet._tables.columns.target import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.rows import ExternalTable
from sknet._typing import Array, Batch, DType, Table

Future: TypeAlias = Any
"""The result of a task, which a worker has."""


class TaskCluster(Protocol):
    """A cluster; see `sknet._partitions.cluster.Cluster`."""

    @property
    def n_threads(self) -> int:
        """How many tasks are computed at the same time."""

    def compute(self, partitions: Sequence[object]) -> list[Future]:
        """Start to compute partitions of a collection."""

    def start(
        self, function: Callable[..., object], *arguments: Iterable[object], spread: bool = False
    ) -> list[Future]:
        """Start a task for each of the arguments."""

    def run(self, function: Callable[..., object], *arguments: Iterable[object]) -> list[Any]:
        """Compute a task for each of the arguments; return what they give."""

    def keep(self, make: Callable[..., object], *arguments: Sequence[object]) -> RemoteValues:
        """Return values that are made of each of the arguments, and stay where these are."""


class RemoteValues(Protocol):
    """Values that stay on workers; see `sknet._partitions.cluster.KeptValues`."""

    def call(self, method: str, arguments: Sequence[tuple[object, ...] | None]) -> list[Any] | None:
        """Call a method of each value that there are arguments for; return what they give, or None if one failed."""


@dataclass(frozen=True, eq=False)
class RowGroups:
    """Which group, a partition or a shard, each of n rows belongs to; splits values by group, and joins them again."""

    group: NDArray[np.integer]  # (n,)
    n_groups: int

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """The rows, group after group."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def bounds(self) -> list[slice]:
        """The part of `order` that is in each group."""
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


class Partitions:
    """The partitions of a collection, whose lengths are known; they stay on the workers.

    Parameters
    ----------
    cluster : TaskCluster
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

    def __init__(self, cluster: TaskCluster, collection: Sequence[object]) -> None:
        self.cluster, self._collection = cluster, collection
        self.rows_here: tuple[NDArray[np.intp], Table] | None = None  # numbers of rows that this process has, and these
        self._futures: list[Future] | None = None
        lengths, samples = zip(*cluster.run(tasks.describe, self.futures), strict=True)
        self.example_rows = next((rows for length, rows in zip(lengths, samples, strict=True) if length), samples[0])
        self.stops = np.cumsum(lengths)
        # a partition belongs to the shard in which its middle row lies: shards then have about as many rows each
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
        """Forget the partitions, here and on the workers, which know how to compute again what others need."""
        self._futures = self.rows_here = None

    def groups_of(self, rows: NDArray[np.intp]) -> tuple[RowGroups, list[Array]]:
        """Return the rows grouped by partition, and of each partition the positions of its rows in it."""
        partition = np.searchsorted(self.stops, rows, side="right")  # the first that ends after the row
        groups = RowGroups(partition, len(self.stops))
        starts = [0, *self.stops[:-1].tolist()]
        parts = zip(groups.split(rows), starts, strict=True)
        return groups, [(numbers - start).astype(np.int32) for numbers, start in parts]  # half of what travels


class RemoteInputs:
    """Stands for a network's inputs, which stay on the workers."""

    kind: InputKind = "ones"  # nobody asks: the workers' inputs may be of kind "mixed"

    def __init__(self, encoded: EncodedOnWorkers) -> None:
        self.encoded = encoded

    def __call__(self, batch: Batch) -> Table:
        """Raise: the objective of these rows, a `ShardedObjective`, asks workers instead."""
        raise TypeError("these rows are on workers")


class EncodedShards:
    """The encoded rows of each shard, with bins and without; they stay on the workers.

    Parameters
    ----------
    cluster : TaskCluster
    futures : list of Future
        What each shard is encoded as.
    non_bin_inputs : ndarray of ints
        Which of the network's inputs are no bins.
    """

    def __init__(self, cluster: TaskCluster, futures: list[Future], non_bin_inputs: NDArray[np.intp]) -> None:
        self._cluster, self.futures, self._non_bin_inputs = cluster, futures, non_bin_inputs

    @cached_property
    def without_bins(self) -> list[Future]:
        """The same without the bins beside numbers, made once."""
        return self._cluster.start(some_inputs, self.futures, [self._non_bin_inputs] * len(self.futures))


@dataclass(frozen=True, eq=False)
class EncodedOnWorkers:
    """Rows that have been encoded, and stay on the workers.

    Attributes
    ----------
    partitions : Partitions
        Of which they are rows.
    shards : EncodedShards
        What these were encoded as.
    shard : RowGroups
        The shard of each of the n rows.
    chosen : ndarray of shape (n,), or None
        The position of each row among those encoded there; None where all are chosen, in their order.
    has_bins : bool
        Whether the inputs include the bins beside the numbers.
    is_sparse : bool
        Always False: sparse blocks are refused, see `make_partitioned_table`.
    """

    partitions: Partitions
    shards: EncodedShards
    shard: RowGroups
    chosen: NDArray[np.int32] | None
    has_bins: bool = True
    is_sparse: bool = False

    @property
    def cluster(self) -> TaskCluster:
        """The cluster that computes with them."""
        return self.partitions.cluster

    @property
    def futures(self) -> list[Future]:
        """What each shard is encoded as."""
        return self.shards.futures if self.has_bins else self.shards.without_bins

    def __getitem__(self, rows: Batch) -> EncodedOnWorkers:
        """Return some of these rows."""
        chosen = (self.shard.position if self.chosen is None else self.chosen)[rows]
        return replace(self, shard=RowGroups(self.shard.group[rows], self.shard.n_groups), chosen=chosen)

    def without_bins(self) -> EncodedOnWorkers:
        """Return the same rows without the bins beside their numbers."""
        return replace(self, has_bins=False)

    def inputs(self, n_rows: int) -> RemoteInputs:
        """Return what stands for the network's inputs; buffers of `n_rows` are made on the workers."""
        return RemoteInputs(self)

    @cached_property
    def rows(self) -> Sequence[Array | None]:
        """Of each shard, the positions of these rows among its encoded ones; None where these are all."""
        return [None] * len(self.futures) if self.chosen is None else self.shard.split(self.chosen)

    def raw(self, network: tasks.NetworkOfRun, theta: Array) -> Array:
        """Return the raw outputs of these rows, (n, k)."""
        n = len(self.futures)
        outputs = self.cluster.run(tasks.raw_outputs, self.futures, self.rows, [network] * n, [theta] * n)
        return self.shard.join(outputs)


@dataclass(frozen=True, eq=False)
class PartitionedTable(ExternalTable):
    """Some rows of a table in partitions.

    Attributes
    ----------
    partitions : Partitions
    rows : ndarray of shape (n,)
    backend : Backend
        What works on these rows.
    """

    partitions: Partitions
    rows: NDArray[np.intp]
    backend: Backend

    @property
    def example_rows(self) -> Table:
        """A few rows of the table, which have the columns and types of all."""
        return self.partitions.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self.rows), self.example_rows.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Batch) -> PartitionedTable:
        """Return some of these rows."""
        return replace(self, rows=self.rows[rows])

    def rows_in_memory(self, rows: NDArray[np.intp]) -> Table:
        """Return some of these rows, in this order, as an array or a data frame in this process."""
        chosen = self.rows[rows]
        rows_here = self.partitions.rows_here  # a fit asks for its sample twice: the last answer is kept
        if rows_here is None or not np.array_equal(rows_here[0], chosen):
            rows_here = self.partitions.rows_here = chosen, self._fetch(chosen)
        return rows_here[1]

    def _fetch(self, rows: NDArray[np.intp]) -> Table:
        """Bring rows of the whole table, by their numbers, from the workers."""
        groups, positions = self.partitions.groups_of(rows)
        wanted = [i for i, of_partition in enumerate(positions) if len(of_partition)]
        futures = [self.partitions.futures[i] for i in wanted]
        tables = self.partitions.cluster.run(tasks.take, futures, [positions[i] for i in wanted])
        order = np.argsort(groups.order)  # the inverse permutation: back to the order of `rows`
        if isinstance(tables[0], np.ndarray):
            return np.concatenate(tables)[order]
        return concatenate_frames(tables).iloc[order]

    def target_totals(
        self, encoder: TableEncoder, target: Array, weight: Array | None, fold: NDArray[np.intp]
    ) -> dict[int, TargetTotals]:
        """Return `TableEncoder.target_totals` of all rows."""
        groups, positions = self.partitions.groups_of(self.rows)
        weights = [None] * len(positions) if weight is None else groups.split(weight)
        parts = zip(self.partitions.futures, positions, groups.split(target), weights, groups.split(fold), strict=True)
        arguments = [(future, rows, encoder, *values) for future, rows, *values in parts if len(rows)]
        # transposed: one sequence for each parameter, as of `map`
        return merge_totals(self.partitions.cluster.run(tasks.target_totals, *zip(*arguments, strict=True)))

    def digest(self) -> str:
        """Return a hash of these rows, the same whichever workers have them."""
        _, positions = self.partitions.groups_of(self.rows)
        of_partitions = self.partitions.cluster.run(tasks.digest_of_rows, self.partitions.futures, positions)
        return sha256(" ".join(of_partitions).encode()).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, fold: NDArray[np.intp] | None = None) -> EncodedOnWorkers:
        """Encode these rows where they are, shard by shard; `fold`, (n,), as in `TableEncoder.encode`."""
        table, cluster, shards = self.partitions, self.partitions.cluster, self.partitions.shards
        groups, positions = table.groups_of(self.rows)
        folds = [None] * len(positions) if fold is None else groups.split(fold)
        n = len(shards)
        # of each shard, the lists of its partitions' futures, positions and folds
        per_shard = [[of_partitions[shard] for shard in shards] for of_partitions in (table.futures, positions, folds)]
        futures = cluster.start(tasks.encode_shard, *per_shard, [encoder] * n, [dtype] * n, spread=True)
        cluster.run(tasks.wait_for, futures)  # what cannot be encoded is an error here
        shard_of = np.repeat(np.arange(n), [shard.stop - shard.start for shard in shards])  # of each partition
        shard = RowGroups(shard_of[groups.group], n)
        first = np.array([bound.start for bound in shard.bounds])  # how many rows the shards before have
        # each row's position among the encoded rows of its shard: there they lie partition after partition, and in each
        # as they were chosen
        position = np.empty(len(self), np.int32)
        position[groups.order] = np.arange(len(self)) - np.repeat(first, np.diff(first, append=len(self)))
        chosen = None if np.array_equal(position, shard.position) else position
        return EncodedOnWorkers(table, EncodedShards(cluster, futures, non_bin_inputs(encoder)), shard, chosen)


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate parts of a data frame, whose columns of categories may have others in each."""
    joined = pd.concat(frames, ignore_index=True)
    for name in joined:
        parts = [frame[name] for frame in frames]
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            joined[name] = union_categoricals(parts, ignore_order=True)
    return joined
