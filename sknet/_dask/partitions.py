"""The partitions of a table on a cluster's workers, and which row is in which.

Conventions
-----------
N rows of all partitions, one partition after the other; n of them chosen.

rows : (n,)              numbers of the chosen rows among the N
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._dask import tasks
from sknet._dask.tasks import Future
from sknet._tables.read import column_names, short_list
from sknet._typing import Array, Table

if TYPE_CHECKING:  # tables and training need no dask: without it, they run on a stand-in for the cluster
    from sknet._dask.cluster import Cluster


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


def refuse_other_columns(rows: Table, number: int, first_rows: Table, first: int) -> None:
    """Raise if a partition's columns are not those of the first one, in their order; both are given by some rows."""
    if not isinstance(rows, pd.DataFrame):  # blocks of an array all have the same number of columns
        return
    names, expected = column_names(rows), column_names(first_rows)
    if names == expected:
        return
    lacking = [name for name in expected if name not in names]
    added = [name for name in names if name not in expected]
    if lacking:
        what = f"lacks the columns {short_list(lacking)}"
    elif added:
        what = f"has the columns {short_list(added)} too"
    else:
        what = "has its columns in another order"
    raise ValueError(f"Partition {number} of X {what}: give each the columns of partition {first}, in their order.")


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
        lengths, samples = zip(*cluster.call_on_workers(tasks.describe, self.futures), strict=True)
        filled = [i for i, length in enumerate(lengths) if length] or [0]
        self.example_rows = samples[filled[0]]
        for i in filled[1:]:
            refuse_other_columns(samples[i], i, self.example_rows, filled[0])
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
        """Forget the partitions, here and on the workers, which know how to compute again what others need."""
        self._futures = None

    def groups_of(self, rows: NDArray[np.intp]) -> tuple[RowGroups, list[Array]]:
        """Return the rows grouped by partition, and of each partition the positions of its rows in it."""
        partition = np.searchsorted(self.stops, rows, side="right")  # the first that ends after the row
        groups = RowGroups(partition, len(self.stops))
        starts = [0, *self.stops[:-1].tolist()]
        parts = zip(groups.split(rows), starts, strict=True)
        return groups, [(numbers - start).astype(np.int32) for numbers, start in parts]  # half of what travels
