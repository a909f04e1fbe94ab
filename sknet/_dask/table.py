"""A table in partitions on the workers of a cluster: select its rows, encode them, and train on them.

Rows are selected by their indices, and stay on their workers. Training is the same loop as in memory, with an objective
that adds up the contributions of the workers. The functions that run on workers come first; all are pure. This module
does not need dask, so tests without dask replace the cluster.

Conventions
-----------
N rows in all partitions, one partition after the other; n of them are selected. A shard is several consecutive
partitions: m of its selected rows are encoded, in the order of `row_indices`; one network is trained on m' of these.

    the table           0   1   2   3   4   5   6   7   8       row_indices = 1, 2, 4, 6, 7, 8
    its partitions    [ 0   1   2 ][0   1   2 ][0   1   2 ]     partition_rows = 1, 2 | 1 | 0, 1, 2
    encoded shards    [     0   1       2     ][0   1   2 ]     shard_rows = 0, 1, 2 | 0, 1, 2, or those of a network

row_indices : (n,)       indices of the selected rows among the N rows
partition_rows           for one partition, the indices of its selected rows in it
encoded : (m, d + 1)     the network's inputs, with a last column of ones, or `OneHotAndDenseRows`
shard_rows : (m',)       indices of the network's rows among the encoded rows of a shard
batch : slice or (b,)    indices of the batch among the n training rows; in a shard, among the m' rows, or None for all
theta, gradient : (p,)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sknet._model.network_setup import ROWS_IN_CACHE
from sknet._model.rows import ALL_ROWS, EncodedRows, FeatureTable
from sknet._model.table_in_memory import EncodedLocally
from sknet._network.chain import (
    BatchFormat,
    DenseBatches,
    InputBatches,
    OneHotAndDenseBatches,
    OneHotAndDenseRows,
    n_rows_in_batch,
)
from sknet._network.objective import Objective, ObjectiveSettings, raw_outputs
from sknet._tables.encoder import TableEncoder
from sknet._tables.raw_table import is_sparse, table_digest, take_rows
from sknet._tables.target_statistics import TargetStatistics, merge_target_statistics, statistics_by_column
from sknet._typing import Array, Batch, DType, Future, Gradient, Table
from sknet._vectors import minibatches

if TYPE_CHECKING:
    from sknet._dask.cluster import Cluster


EncodedShard: TypeAlias = Array | OneHotAndDenseRows
Indices: TypeAlias = NDArray[np.integer]

# --- functions on workers: partitions --------------------------------------------------------------------------------


def n_rows_and_first_rows(partition: Table) -> tuple[int, Table]:
    """Return the number of rows of a partition, and its first two rows."""
    return int(partition.shape[0]), partition[:2]


def take(partition: Table, partition_rows: Indices) -> Table:
    """Return some rows of a partition."""
    has_all = len(partition_rows) == partition.shape[0] and bool((np.diff(partition_rows) == 1).all())
    return partition if has_all else take_rows(partition, partition_rows.astype(np.intp))


def digest_of_rows(partition: Table, partition_rows: Indices) -> str:
    """Return a hash of the values of some rows."""
    return table_digest(take(partition, partition_rows))


def encode_shard(
    partitions: Sequence[Table], partition_rows: Sequence[Indices], shard_rows: Sequence[Indices],
    encoding_folds: Sequence[NDArray[np.intp] | None], encoder: TableEncoder, dtype: DType,
) -> EncodedShard:  # fmt: skip
    """Encode some rows of each partition of a shard as these rows of the shard; see `TableEncoder.encode`."""
    chosen = zip(partitions, partition_rows, shard_rows, encoding_folds, strict=True)
    tables = [(take(X, rows), indices_in_shard, fold) for X, rows, indices_in_shard, fold in chosen if len(rows)]
    lookups = encoder.lookups
    dense_encoder = encoder.dense_encoder
    # dense rows end with a column of ones, `OneHotAndDenseRows` do not
    dense = np.ones((sum(map(len, shard_rows)), dense_encoder.n_inputs + (lookups is None)), dtype)
    for X, indices_in_shard, fold in tables:
        dense[indices_in_shard, : dense_encoder.n_inputs] = dense_encoder.encode(X, dtype, encoding_fold=fold)
    if lookups is None:
        return dense
    no_rows = sp.csr_array((0, lookups.n_not_bins), dtype=dtype)  # `vstack` takes no empty list
    one_hot = sp.vstack([no_rows, *(lookups.one_hot_rows(X, dtype)[:] for X, _, _ in tables)], "csr")
    return OneHotAndDenseRows(dense, one_hot[np.argsort(np.concatenate(shard_rows))], lookups.dense_inputs)


def target_statistics(
    partition: Table,
    partition_rows: Indices,
    encoder: TableEncoder,
    target: Array,
    weight: Array | None,
    encoding_fold: NDArray[np.intp],
) -> dict[int, TargetStatistics]:
    """Add up the target in each category over some rows of a partition; see `statistics_by_column`."""
    return statistics_by_column(encoder.columns, take(partition, partition_rows), target, weight, encoding_fold)


def do_nothing(result: object) -> None:
    """Do nothing. The task ends when `result` has been computed, and the result stays on its worker."""


# --- functions on workers: training ----------------------------------------------------------------------------------


class NetworkOnShard(NamedTuple):
    """A network, and the rows of a shard that it is trained on, with their targets and weights."""

    settings: ObjectiveSettings
    n_skipped_inputs: int  # how many of the first encoded inputs the network skips
    shard_rows: Indices
    target: Array
    weight: Array | None


def with_small_blocks(settings: ObjectiveSettings) -> ObjectiveSettings:
    """Return settings that compute batches in blocks, because the size of a batch varies by shard and step."""
    return replace(settings, block_rows=min(settings.block_rows, ROWS_IN_CACHE))


class ObjectiveOfShard:
    """The objective of a network on the rows of one shard."""

    def __init__(self, encoded: EncodedShard, shard: NetworkOnShard) -> None:
        inputs = _inputs(encoded, shard.shard_rows, shard.n_skipped_inputs)
        self._objective = Objective(with_small_blocks(shard.settings), inputs, shard.target, shard.weight)
        self._theta: Array | None = None

    def value_and_gradient(
        self, theta: Array, batch: Indices | None, n: int, seed: tuple[int, int] | None
    ) -> tuple[float, Array]:
        """Return the contributions of the shard's rows to the objective of a batch of n rows and to its gradient.

        The driver adds the penalty, once for all shards.
        """
        # copy it: a received array may be unaligned in memory, and products with it take three times as long
        if self._theta is None:
            self._theta = theta.copy()
        self._theta[:] = theta
        out = np.empty_like(self._theta)
        rows = slice(0, self._objective.n_samples) if batch is None else batch.astype(np.intp, copy=False)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the driver reports divergence
            rng = None if seed is None else np.random.default_rng(seed)
            value = self._objective.partial_value_and_gradient(self._theta, rows, n, out, rng)
        return value, out


def value_and_gradient(
    encoded: EncodedShard, shard: NetworkOnShard, theta: Array, batch: Indices | None, n: int,
    seed: tuple[int, int] | None,
) -> tuple[float, Array]:  # fmt: skip
    """Return `ObjectiveOfShard.value_and_gradient`, computed in a task, which dask may repeat on another worker."""
    return ObjectiveOfShard(encoded, shard).value_and_gradient(theta, batch, n, seed)


def outputs_of_shard(
    encoded: EncodedShard, shard_rows: Indices, settings: ObjectiveSettings, n_skipped_inputs: int, theta: Array
) -> Array:
    """Return the raw outputs of a shard's rows, (m', k), without dropout."""
    inputs = _inputs(encoded, shard_rows, n_skipped_inputs)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        # the copy is aligned, see `ObjectiveOfShard.value_and_gradient`
        return raw_outputs(with_small_blocks(settings), theta.copy(), inputs, len(shard_rows))


def inputs_of_rows(encoded: EncodedShard, shard_rows: Indices, n_skipped_inputs: int) -> EncodedShard:
    """Return a shard's rows without the first `n_skipped_inputs` inputs."""
    return _inputs(encoded, shard_rows, n_skipped_inputs)(slice(0, len(shard_rows)))


def _inputs(encoded: EncodedShard, shard_rows: Indices, n_skipped_inputs: int) -> InputBatches:
    """Return the inputs of some rows of a shard as a network takes them."""
    if isinstance(encoded, OneHotAndDenseRows):
        all_inputs: InputBatches = OneHotAndDenseBatches(
            DenseBatches(encoded.dense), encoded.one_hot, encoded.dense_inputs
        )
    else:
        all_inputs = DenseBatches(encoded, "ones")
    return EncodedLocally(all_inputs.without_first_inputs(n_skipped_inputs), shard_rows.astype(np.intp, copy=False))


# --- tables in this process ------------------------------------------------------------------------------------------


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
    def slices(self) -> list[slice]:
        """The slice of `order` with the rows of each group."""
        stops = np.cumsum(np.bincount(self.group, minlength=self.n_groups)).tolist()
        return [slice(start, stop) for start, stop in pairwise([0, *stops])]

    @cached_property
    def rank(self) -> NDArray[np.int32]:
        """How many earlier rows are in the group of each row, (n,)."""
        rank = np.empty(len(self.group), np.int32)
        for of_group in self.slices:
            rank[self.order[of_group]] = np.arange(of_group.stop - of_group.start)
        return rank

    def by_group(self, values: Array) -> list[Array]:
        """Return the values of each group, given those of all rows, (n, ...)."""
        return [values[self.order[of_group]] for of_group in self.slices]

    def join(self, of_groups: Sequence[Array]) -> Array:
        """Return the values of all rows, (n, ...), from the values of each group."""
        grouped = np.concatenate(of_groups)
        values = np.empty_like(grouped, order="F" if grouped.ndim > 1 else "C")  # F, like raw outputs in memory
        values[self.order] = grouped
        return values


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
        """Compute the partitions, and divide them into shards."""
        self.cluster = cluster
        self._collection = collection
        lengths, first_rows = zip(*cluster.map_tasks(n_rows_and_first_rows, self.futures), strict=True)
        _check_partitions_have_same_columns(first_rows)
        self.example_rows = next((rows for rows in first_rows if rows.shape[0]), first_rows[0])
        if is_sparse(self.example_rows):
            raise TypeError(
                "X has sparse blocks, which workers do not train on: make them dense, "
                "X.map_blocks(lambda block: block.toarray()), or fit sknet's own estimator."
            )
        self.stops = np.cumsum(lengths)
        # the middle row of a partition determines its shard, so that shards have about the same number of rows
        middle = (self.stops - np.array(lengths) / 2) / max(self.stops[-1], 1)
        n_shards = min(cluster.n_threads, len(lengths))
        shard = np.minimum(middle * n_shards, n_shards - 1).astype(np.intp)
        first = np.flatnonzero(np.diff(shard, prepend=-1)).tolist()  # first partition of each shard that is not empty
        self.shards = [slice(start, stop) for start, stop in pairwise([*first, len(lengths)])]

    @cached_property
    def futures(self) -> list[Future]:
        """The computed partitions; they are computed again if they have been released."""
        return self.cluster.compute(self._collection)

    def release(self) -> None:
        """Release the partitions; `futures` computes them again."""
        vars(self).pop("futures", None)

    def split_by_partition(self, row_indices: NDArray[np.intp]) -> tuple[RowGroups, list[Array]]:
        """Return the rows grouped by partition, and the `partition_rows` of each partition."""
        partition = np.searchsorted(self.stops, row_indices, side="right")  # the first that ends after the row
        groups = RowGroups(partition, len(self.stops))
        starts = [0, *self.stops[:-1].tolist()]
        by_partition = zip(groups.by_group(row_indices), starts, strict=True)
        return groups, [(indices - start).astype(np.int32) for indices, start in by_partition]  # halves the bytes


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
    largest_batch: ClassVar[int] = 8192

    @property
    def example_rows(self) -> Table:
        return self.partitions.example_rows

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.row_indices), self.example_rows.shape[1]

    def __getitem__(self, rows: Batch) -> PartitionedTable:
        return replace(self, row_indices=self.row_indices[rows])

    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Load some of these rows from the workers, in this order, as an array or a data frame."""
        groups, partition_rows = self.partitions.split_by_partition(self.row_indices[rows])
        partitions_with_rows = [i for i, of_partition in enumerate(partition_rows) if len(of_partition)]
        futures = [self.partitions.futures[i] for i in partitions_with_rows]
        tables = self.partitions.cluster.map_tasks(take, futures, [partition_rows[i] for i in partitions_with_rows])
        order = np.argsort(groups.order)  # the inverse permutation restores the order of `rows`
        if isinstance(tables[0], np.ndarray):
            return np.concatenate(tables)[order]
        return concatenate_frames(tables).iloc[order]

    def target_statistics(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetStatistics]:  # fmt: skip
        groups, partition_rows = self.partitions.split_by_partition(self.row_indices)
        weights = [None] * len(partition_rows) if weight is None else groups.by_group(weight)
        # convert all targets at once: the value in place of a missing target must not depend on partitions
        targets = groups.by_group(target_of(y))
        parts = zip(
            self.partitions.futures, partition_rows, targets, weights, groups.by_group(encoding_fold), strict=True
        )
        arguments = [(future, rows, encoder, *values) for future, rows, *values in parts if len(rows)]
        # transpose, since `map` takes one sequence per parameter
        return merge_target_statistics(
            self.partitions.cluster.map_tasks(target_statistics, *zip(*arguments, strict=True))
        )

    def digest(self) -> str:
        """Return a hash of these rows, which does not depend on the workers."""
        _, partition_rows = self.partitions.split_by_partition(self.row_indices)
        of_partitions = self.partitions.cluster.map_tasks(digest_of_rows, self.partitions.futures, partition_rows)
        return sha256(" ".join(of_partitions).encode()).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnWorkers:
        """Encode these rows on the workers, shard by shard; for `encoding_fold`, (n,), see `TableEncoder.encode`."""
        table = self.partitions
        cluster = self.partitions.cluster
        shards = self.partitions.shards
        groups, partition_rows = table.split_by_partition(self.row_indices)
        encoding_folds = [None] * len(partition_rows) if encoding_fold is None else groups.by_group(encoding_fold)
        n = len(shards)
        shard_of = np.repeat(np.arange(n), [shard.stop - shard.start for shard in shards])  # of each partition
        shard = RowGroups(shard_of[groups.group], n)
        by_partition = table.futures, partition_rows, groups.by_group(shard.rank), encoding_folds
        per_shard = [[values[partitions] for partitions in shards] for values in by_partition]
        futures = cluster.start_tasks(encode_shard, *per_shard, [encoder] * n, [dtype] * n, spread=True)
        cluster.map_tasks(do_nothing, futures)  # raises here if rows cannot be encoded
        batch_format: BatchFormat = "ones" if encoder.lookups is None else "one_hot_and_dense"
        return EncodedOnWorkers(table, futures, shard, shard.rank, batch_format)


def _check_partitions_have_same_columns(first_rows: Sequence[Table]) -> None:
    """Raise a ValueError if the first rows of a partition have other columns than those of partition 0."""
    expected = getattr(first_rows[0], "columns", None)
    for number, rows in enumerate(first_rows):
        if expected is None or expected.equals(rows.columns):
            continue
        differing = expected.symmetric_difference(rows.columns, sort=False).tolist()
        what = "has the columns in another order"
        if differing:
            what = f"{'lacks' if differing[0] in expected else 'also has'} the column {differing[0]!r}"
        raise ValueError(
            f"Partition {number} of X {what}, unlike partition 0: give each partition the same columns, as with "
            ".map_partitions(lambda part: part[X.columns])."
        )


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
    shard_rows : ndarray of shape (n,)
        The index of each row among the encoded rows of its shard.
    batch_format : {"ones", "one_hot_and_dense"}
    n_skipped_inputs : int, default=0
        How many of the first inputs a network skips.
    """

    partitions: Partitions
    futures: list[Future]
    shard: RowGroups
    shard_rows: NDArray[np.int32]
    batch_format: BatchFormat
    n_skipped_inputs: int = 0
    n_networks_awaited_at_once: ClassVar[int] = NETWORKS_AT_ONCE

    def __getitem__(self, rows: Batch) -> EncodedOnWorkers:
        """Return some of these rows."""
        shard = RowGroups(self.shard.group[rows], self.shard.n_groups)
        return replace(self, shard=shard, shard_rows=self.shard_rows[rows])

    def without_first_inputs(self, s: int) -> EncodedOnWorkers:
        """Return the same rows without the first s inputs."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)

    def __call__(self, batch: Batch) -> Table:
        """Load the rows of a batch from the workers; training does not need this."""
        batch_rows = self[batch]
        n = len(batch_rows.futures)
        of_shards = batch_rows.partitions.cluster.map_tasks(
            inputs_of_rows, batch_rows.futures, batch_rows.rows_by_shard, [self.n_skipped_inputs] * n
        )
        if self.batch_format == "ones":
            return batch_rows.shard.join(of_shards)
        one_hot = sp.vstack([rows.one_hot for rows in of_shards], "csr")[np.argsort(batch_rows.shard.order)]
        return OneHotAndDenseRows(
            batch_rows.shard.join([rows.dense for rows in of_shards]), one_hot, of_shards[0].dense_inputs
        )

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ShardedObjective:
        """Return the objective of a network that is trained on these rows."""
        return ShardedObjective(settings, self, rows)

    @cached_property
    def rows_by_shard(self) -> list[Array]:
        """The `shard_rows` of each shard."""
        return self.shard.by_group(self.shard_rows)

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout."""
        self.partitions.release()  # training needs only the encoded rows
        n_shards = len(self.futures)
        network = [settings] * n_shards, [self.n_skipped_inputs] * n_shards, [theta] * n_shards
        return self.shard.join(
            self.partitions.cluster.map_tasks(outputs_of_shard, self.futures, self.rows_by_shard, *network)
        )


class ShardedObjective:
    """The objective of one network whose rows are on workers."""

    def __init__(self, settings: ObjectiveSettings, inputs: EncodedOnWorkers, rows: EncodedRows) -> None:
        """Send the targets and weights to the workers, shard by shard."""
        self.n_samples = len(rows)
        self._inputs = inputs
        self._settings = settings
        self.target_sample = rows.target, rows.relative_weight
        n = len(inputs.futures)
        weights = [None] * n if rows.relative_weight is None else inputs.shard.by_group(rows.relative_weight)
        # targets and weights are sent once for all steps, theta is sent at each step
        self._on_shards = inputs.partitions.cluster.start_tasks(
            NetworkOnShard, [settings] * n, [inputs.n_skipped_inputs] * n, inputs.rows_by_shard,
            inputs.shard.by_group(rows.target), weights,
        )  # fmt: skip
        self._objectives = inputs.partitions.cluster.keep(ObjectiveOfShard, inputs.futures, self._on_shards)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of a batch and its gradient; see `Objective`.

        Random numbers and the order of sums depend on the shards, not on which worker computes them.
        """
        inputs = self._inputs
        inputs.partitions.release()  # training needs only the encoded rows
        seed = None if rng is None else int(rng.integers(2**63))
        n = n_rows_in_batch(batch)
        # what each shard's `value_and_gradient` takes, with a seed of its own; None if it has no row of the batch
        calls = [
            (theta, shard_batch, n, None if seed is None else (seed, i))
            if shard_batch is None or len(shard_batch)
            else None
            for i, shard_batch in enumerate(self._split_batch(batch))
        ]
        shares = self._objectives.call_each("value_and_gradient", calls)
        if shares is None:  # a worker is lost, so do the same with tasks, which dask can repeat
            shards = zip(inputs.futures, self._on_shards, calls, strict=True)
            repeated = [(encoded, shard, *call) for encoded, shard, call in shards if call is not None]
            shares = inputs.partitions.cluster.map_tasks(value_and_gradient, *zip(*repeated, strict=True))
        value = 0.0
        out.fill(0.0)
        for value_share, gradient_share in shares:  # the order of the shards makes sums always the same
            value += value_share
            out += gradient_share
        w = theta[: self._settings.layout.n_weights]
        self._settings.penalty.add_gradient(w, out[: w.size])
        return value + self._settings.penalty.value(w), out

    def _split_batch(self, batch: Batch) -> Sequence[Array | None]:
        """Return the batch of each shard, as indices among the network's rows of the shard; None for all of them."""
        shard = self._inputs.shard
        if isinstance(batch, slice):
            if n_rows_in_batch(batch) == self.n_samples:
                return [None if n_rows_in_batch(of_shard) else np.empty(0, np.int32) for of_shard in shard.slices]
            batch = np.arange(batch.start, batch.stop)
        return RowGroups(shard.group[batch], shard.n_groups).by_group(shard.rank[batch])

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Return the batches of an epoch, whose rows may be on any workers."""
        return minibatches(self.n_samples, size, rng)

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows."""
        return self._inputs.raw_outputs(self._settings, theta, self.n_samples)
