"""A table in partitions on a cluster's workers, as one value: rows are chosen by number, and stay where they are.

Conventions
-----------
N rows of all partitions, one partition after the other; n of them chosen.

rows : (n,)              numbers of the chosen rows among the N
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from sknet._dask import tasks
from sknet._dask.table import EncodedOnWorkers, Partitions, RowGroups
from sknet._tables.categories import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.rows import ALL, FeatureTable, TableLimits
from sknet._typing import Array, Batch, DType, Table


@dataclass(frozen=True, eq=False)
class PartitionedTable(FeatureTable):
    """A table whose partitions are on the workers of a cluster, or some of its rows.

    Attributes
    ----------
    partitions : Partitions
    rows : ndarray of shape (n,)
    """

    partitions: Partitions
    rows: NDArray[np.intp]
    # a step takes its way to the workers and back whatever it holds: batches are larger than in memory
    limits: ClassVar[TableLimits] = TableLimits(largest_batch=8192)

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

    def rows_in_memory(self, rows: Batch = ALL) -> Table:
        """Bring some of these rows, in this order, from the workers, as an array or a data frame."""
        groups, positions = self.partitions.groups_of(self.rows[rows])
        wanted = [i for i, of_partition in enumerate(positions) if len(of_partition)]
        futures = [self.partitions.futures[i] for i in wanted]
        tables = self.partitions.cluster.call_on_workers(tasks.take, futures, [positions[i] for i in wanted])
        order = np.argsort(groups.order)  # the inverse permutation: back to the order of `rows`
        if isinstance(tables[0], np.ndarray):
            return np.concatenate(tables)[order]
        return concatenate_frames(tables).iloc[order]

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        groups, positions = self.partitions.groups_of(self.rows)
        weights = [None] * len(positions) if weight is None else groups.split(weight)
        targets = groups.split(target_of(y))  # of all rows: what stands for a missing one must not depend on the parts
        parts = zip(self.partitions.futures, positions, targets, weights, groups.split(encoding_fold), strict=True)
        arguments = [(future, rows, encoder, *values) for future, rows, *values in parts if len(rows)]
        # transposed: one sequence for each parameter, as of `map`
        return merge_totals(self.partitions.cluster.call_on_workers(tasks.target_totals, *zip(*arguments, strict=True)))

    def digest(self) -> str:
        """Return a hash of these rows, the same whichever workers have them."""
        _, positions = self.partitions.groups_of(self.rows)
        of_partitions = self.partitions.cluster.call_on_workers(
            tasks.digest_of_rows, self.partitions.futures, positions
        )
        return sha256(" ".join(of_partitions).encode()).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnWorkers:
        """Encode these rows where they are, shard by shard; `encoding_fold`, (n,), as in `TableEncoder.encode`."""
        table, cluster, shards = self.partitions, self.partitions.cluster, self.partitions.shards
        groups, positions = table.groups_of(self.rows)
        encoding_folds = [None] * len(positions) if encoding_fold is None else groups.split(encoding_fold)
        n = len(shards)
        # of each shard, the lists of its partitions' futures, positions and folds
        per_shard = [
            [of_partitions[shard] for shard in shards] for of_partitions in (table.futures, positions, encoding_folds)
        ]
        futures = cluster.start_tasks(tasks.encode_shard, *per_shard, [encoder] * n, [dtype] * n, spread=True)
        cluster.call_on_workers(tasks.wait_for, futures)  # what cannot be encoded is an error here
        shard_of = np.repeat(np.arange(n), [shard.stop - shard.start for shard in shards])  # of each partition
        shard = RowGroups(shard_of[groups.group], n)
        first = np.array([bound.start for bound in shard.bounds])  # how many rows the shards before have
        # each row's position among the encoded rows of its shard: there they lie partition after partition, and in each
        # as they were chosen
        position = np.empty(len(self), np.int32)
        position[groups.order] = np.arange(len(self)) - np.repeat(first, np.diff(first, append=len(self)))
        chosen = None if np.array_equal(position, shard.position) else position
        return EncodedOnWorkers(table, futures, shard, chosen, encoder.lookups is not None)


def concatenate_frames(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Concatenate parts of a data frame, whose columns of categories may have others in each."""
    joined = pd.concat(frames, ignore_index=True)
    for name in joined:
        parts = [frame[name] for frame in frames]
        if all(isinstance(part.dtype, pd.CategoricalDtype) for part in parts):
            joined[name] = union_categoricals(parts, ignore_order=True)
    return joined
