"""What is taken as a collection, and what is refused by name."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.dask
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sknet._dask.cluster import Cluster  # noqa: E402
from sknet._dask.collections import (  # noqa: E402
    as_supported_collection,
    keep_rows,
    open_tables,
    partitions_of,
)


def test_what_is_in_memory_is_refused():
    with pytest.raises(TypeError, match="X is DataFrame, and sknet.dask takes dask DataFrames and Arrays"):
        as_supported_collection(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(ValueError, match="X has 1 dimensions"):
        as_supported_collection(da.zeros(3))
    with pytest.raises(TypeError, match="a dask Array of object"):
        as_supported_collection(da.from_array(np.array([["a"]], dtype=object), chunks=1))
    assert as_supported_collection(da.ones((3, 2), dtype=bool)).dtype == np.float64


@pytest.mark.parametrize("as_collection", [
    lambda X: da.from_array(X, chunks=(4, 2)),
    lambda X: dd.from_pandas(pd.DataFrame(X, columns=["a", "b"]), npartitions=3),
], ids=["Array", "DataFrame"])  # fmt: skip
def test_rows_are_kept_in_every_partition(as_collection):
    X, is_kept = np.arange(20.0).reshape(10, 2), np.arange(10) % 3 > 0
    kept = keep_rows(as_collection(X), is_kept)
    assert np.array_equal(kept.compute(scheduler="sync"), X[is_kept])
    assert kept.npartitions == 3


def test_a_part_has_all_columns():
    X = da.zeros((10, 4), chunks=(4, 2))
    assert [part.compute(scheduler="sync").shape for part in partitions_of(X)] == [(4, 4), (4, 4), (2, 4)]
    frame = dd.from_pandas(pd.DataFrame({"a": np.arange(6.0)}), npartitions=2)
    assert len(partitions_of(frame)) == len(partitions_of(frame["a"])) == 2


@pytest.mark.parametrize("columns", ["ac", "aBc", "abcd", "bac"])
def test_dask_refuses_a_part_of_other_columns(columns):
    def frame(names):
        return pd.DataFrame(0.0, index=range(4), columns=list(names))

    X = dd.from_pandas(frame("abc"), npartitions=2).map_partitions(lambda _: frame(columns), meta=frame("abc"))
    with pytest.raises(ValueError, match="columns in the computed data do not match"):
        partitions_of(X)[0].compute(scheduler="sync")


def test_a_client_is_needed():
    with pytest.raises(ValueError, match="No clients found"), open_tables(da.zeros((3, 2))):
        pass


def test_an_asynchronous_client_is_refused():
    with pytest.raises(RuntimeError, match="The dask client is asynchronous: make one with asynchronous=False"):
        Cluster(SimpleNamespace(asynchronous=True))
