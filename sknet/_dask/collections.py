"""Dask collections as tables in partitions for the time of a fit, and what of them comes to the driver.

The partitions of the table stay where they are. Targets, weights and groups, a number or two for each row, come to the
driver: what is learnt of them, and which rows are held out, is then what it is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.delayed import delayed
from distributed import Client, default_client
from numpy.typing import NDArray

from sknet._dask.cluster import Cluster, Delayed
from sknet._dask.table import PartitionedTable, Partitions
from sknet._dask.tasks import take
from sknet._tables.read import is_sparse
from sknet._typing import Target

Collection: TypeAlias = Any
"""A dask DataFrame, Series or Array."""


@contextmanager
def open_tables(*collections: Collection) -> Iterator[tuple[list[PartitionedTable], Callable[[Target], Target]]]:
    """Open tables for the time of a fit, on the cluster of the present dask client.

    Yields
    ------
    tables : list of PartitionedTable
    local : callable
        Brings targets, weights or groups here, if they are a collection: frames and Series as such.
    """
    partitions = [partitions_of(check_collection(X)) for X in collections]  # checked before any worker is asked
    cluster = Cluster(current_client())

    def local(values: Target) -> Target:
        if not is_collection(values):
            return values
        partitions = cluster.results(cluster.compute(partitions_of(values)))
        return np.concatenate(partitions) if isinstance(partitions[0], np.ndarray) else pd.concat(partitions)

    try:
        # targets travel as parts of tasks, so that they are there again after any loss
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}):
            yield [make_partitioned_table(Partitions(cluster, of_table)) for of_table in partitions], local
    finally:
        cluster.close()


def make_partitioned_table(partitions: Partitions) -> PartitionedTable:
    """Return all rows of a table in partitions; refuse one that cannot be trained on."""
    if is_sparse(partitions.example_rows):
        raise TypeError(
            "X has sparse blocks, which workers do not train on: make them dense, "
            "X.map_blocks(lambda block: block.toarray()), or fit sknet's own estimator."
        )
    return PartitionedTable(partitions, np.arange(partitions.stops[-1]))


def current_client() -> Client:
    """Return the present dask client."""
    try:
        client = default_client()
    except ValueError:
        raise RuntimeError(
            "sknet.dask trains on the workers of a cluster, and there is no dask client: make one first, "
            "distributed.Client() on this machine or distributed.Client(address)."
        ) from None
    if client.asynchronous:
        raise RuntimeError("The dask client is asynchronous: make one with asynchronous=False.")
    return client


def is_collection(values: object) -> bool:
    """Whether something is a dask DataFrame, Series or Array."""
    return isinstance(values, dd.DataFrame | dd.Series | da.Array)


def compute_if_collection(values: Target) -> Target:
    """Return what a collection holds; anything else as it is."""
    return values.compute() if is_collection(values) else values


def check_collection(X: Collection) -> Collection:
    """Return a table if its type is right: a dask data frame, or an array of numbers, of float64 if they are bools."""
    if not isinstance(X, dd.DataFrame | da.Array):
        raise TypeError(
            f"X is {type(X).__name__}, and sknet.dask takes dask DataFrames and Arrays: use sknet's own estimator "
            "for what is in memory."
        )
    if isinstance(X, da.Array):
        if X.ndim != 2:
            raise ValueError(f"X has {X.ndim} dimensions: give it the shape (n_samples, n_features).")
        if X.dtype.kind not in "fiub":
            raise TypeError(f"X is a dask Array of {X.dtype}: make it numbers, or a dask DataFrame.")
        plain = X.dtype.kind in "iu" or X.dtype in (np.float32, np.float64)
        return X if plain else X.astype(np.float64)
    return X


def partitions_of(values: Collection) -> list[Delayed]:
    """Return the partitions of a collection, not yet computed, each with all its columns."""
    if isinstance(values, da.Array):  # one chunk along every axis but the first
        values = values.rechunk(dict.fromkeys(range(1, values.ndim), -1))
        return list(values.to_delayed().ravel())
    return list(values.to_delayed())


def keep_rows(X: Collection, kept: NDArray[np.bool_]) -> Collection:
    """Return some rows of a table, in partitions as before, not yet computed but for the partitions' lengths."""
    X = check_collection(X)
    partitions = partitions_of(X)
    stops = np.cumsum(delayed([delayed(len)(partition) for partition in partitions]).compute())
    if stops[-1] != len(kept):
        raise ValueError(f"X has {stops[-1]} rows, and sample_weight has {len(kept)}: give each row of X a weight.")
    rows = list(map(np.flatnonzero, np.split(kept, stops[:-1])))
    taken = [delayed(take)(partition, chosen) for partition, chosen in zip(partitions, rows, strict=True)]
    if isinstance(X, dd.DataFrame):
        return dd.from_delayed(taken, meta=X._meta)
    blocks = zip(taken, rows, strict=True)
    return da.concatenate(
        [da.from_delayed(partition, (len(chosen), X.shape[1]), X.dtype) for partition, chosen in blocks]
    )
