"""Open dask collections as partitioned tables during a fit, and predict them lazily, partition by partition.

The partitions of a table stay on the workers. Targets, weights and groups are loaded into this process, so the encoding
and the held-out rows are the same as for a table in memory.

Conventions
-----------
values : (n,), (n, k) or (n, k, 2)     predictions for the n rows of a partition
like : the same for no rows            has the dtype and the shape of all predictions
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any, TypeAlias
from uuid import uuid4

import dask
import dask.array as da
import dask.dataframe as dd
import numpy as np
import pandas as pd
from dask.delayed import delayed
from distributed import default_client
from numpy.typing import NDArray

from sknet._dask.cluster import Cluster, Delayed
from sknet._dask.table import PartitionedTable, Partitions
from sknet._typing import Array, Table

Collection: TypeAlias = Any
"""A dask DataFrame, Series or Array."""


@contextmanager
def open_tables(*collections: Collection) -> Iterator[list[PartitionedTable]]:
    """Open tables for the time of a fit, on the cluster of the current dask client."""
    partitions = [partitions_of(as_supported_collection(X)) for X in collections]  # checked before any worker is asked
    cluster = Cluster(default_client())
    try:
        # targets are sent inside tasks, so that they survive the loss of a worker
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TiB"}):
            tables = [Partitions(cluster, of_table) for of_table in partitions]
            yield [PartitionedTable(table, np.arange(table.stops[-1])) for table in tables]
    finally:
        cluster.close()


def as_supported_collection(X: Collection) -> Collection:
    """Check the type of a table, and return it; bools and unusual floats become float64."""
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
    if isinstance(values, da.Array):  # give each axis except the first a single chunk
        values = values.rechunk(dict.fromkeys(range(1, values.ndim), -1))
        return list(values.to_delayed().ravel())
    return list(values.to_delayed())


def keep_rows(X: Collection, row_mask: NDArray[np.bool_]) -> Collection:
    """Return the rows of a table where `row_mask` is true, lazily, in the same partitions."""
    X = as_supported_collection(X)
    partitions = partitions_of(X)
    stops = np.cumsum(delayed([delayed(len)(partition) for partition in partitions]).compute())
    if stops[-1] != len(row_mask):
        raise ValueError(f"X has {stops[-1]} rows, and sample_weight has {len(row_mask)}: give each row of X a weight.")
    masks = np.split(row_mask, stops[:-1])
    kept = [partition[mask] for partition, mask in zip(partitions, masks, strict=True)]
    if isinstance(X, dd.DataFrame):
        return dd.from_delayed(kept, meta=X._meta)
    sizes = [int(mask.sum()) for mask in masks]
    chunks = zip(kept, sizes, strict=True)
    return da.concatenate([da.from_delayed(chunk, (size, X.shape[1]), X.dtype) for chunk, size in chunks])


# --- lazy predictions ------------------------------------------------------------------------------------------------


def predict_lazily(estimator: object, X: Collection, method: str, *arguments: object) -> Collection:
    """Return lazy predictions of a collection, or a list of these if there is one for each output.

    The estimator's method is called with each partition and the arguments.
    """
    X = as_supported_collection(X)
    # dask needs the dtype and the shape of predictions in advance: predict a row of missing values
    row = np.full((1, X.shape[1]), np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        example = getattr(estimator, method)(
            row if isinstance(X, da.Array) else pd.DataFrame(row, columns=X.columns), *arguments
        )
    # all tasks share the estimator; with a name, dask need not hash its weights
    shared = delayed(estimator, name=f"{type(estimator).__name__}-{uuid4().hex}", traverse=False)
    names = estimator._decoding(method, *arguments).names  # type: ignore[attr-defined]

    def predictions(output: int | None, like: Array, names: Any) -> Collection:
        return _map_partitions(_Predict(method, arguments, output, like[:0], names), X, shared)

    if isinstance(example, list):
        return [predictions(i, of_output, names[i]) for i, of_output in enumerate(example)]
    return predictions(None, example, names)


def _map_partitions(predict: _Predict, X: Collection, shared: object) -> Collection:
    """Return a collection that will be computed by `predict` from each partition of X."""
    if not isinstance(X, da.Array):
        return X.map_partitions(predict, shared, meta=predict.to_frame(predict.like, None))
    X = X.rechunk({1: -1})  # each chunk then has all columns
    like = predict.like
    rows = X.chunks[0]
    # tell dask the axes of a chunk of predictions: (rows, d) becomes (rows,), (rows, k) or (rows, k, 2)
    return X.map_blocks(
        predict, shared, chunks=(rows, *((size,) for size in like.shape[1:])), drop_axis=1,
        new_axis=list(range(1, like.ndim)) or None, meta=like,
    )  # fmt: skip


class _Predict:
    """Predict one partition of a collection: the function of dask's tasks."""

    def __init__(self, method: str, arguments: tuple[object, ...], output: int | None, like: Array, names: Any) -> None:
        self.method = method
        self.arguments = arguments
        self.like = like
        self.columns = names  # of a data frame; for intervals of several outputs, these are below each output's number
        if like.ndim == 3:
            self.columns = pd.MultiIndex.from_product([range(like.shape[1]), names])
        self.output = output  # index in the list that the method returns; None if it returns an array
        self.__name__ = f"sknet-{method}"  # dask names the tasks after it

    def __call__(self, partition: Table, estimator: object) -> Table:
        """Predict a partition, which may be empty."""
        values = self.like  # it has no rows
        if len(partition):
            values = getattr(estimator, self.method)(partition, *self.arguments)
            values = values if self.output is None else values[self.output]
        return self.to_frame(values, partition.index) if hasattr(partition, "index") else values

    def to_frame(self, values: Array, index: pd.Index | None) -> pd.Series | pd.DataFrame:
        """Return values with the index of the partition, as a Series or a frame."""
        if values.ndim == 1:
            return pd.Series(values, index=index)
        return pd.DataFrame(values.reshape(len(values), prod(values.shape[1:])), index=index, columns=self.columns)
