"""Tables as records in a temporary file: what is written, and in which order it is read."""

import numpy as np
import pandas as pd
import pytest

from sknet._stream.records import N_BUCKETS, BucketWriter
from sknet._stream.storage import ScratchFiles
from tests.stream.files import there_and_back
from tests.stream.limits import buffer_bytes, pool_bytes

DTYPE = np.dtype([("row", np.int64), ("x", np.float32, (3,))])


def records(n, start=0):
    chunk = np.zeros(n, DTYPE)
    chunk["row"] = np.arange(start, start + n)
    chunk["x"] = chunk["row"][:, np.newaxis]
    return chunk


@pytest.fixture
def write(tmp_path):
    with ScratchFiles(tmp_path) as files:

        def write(*chunks):
            writer = BucketWriter(files, DTYPE)
            for chunk in chunks:
                writer.append(chunk)
            return writer.finish()

        yield write


def pools_of_all(buckets, min_rows=1, rng=None):
    """All records of a file, in pools."""
    with pool_bytes(1):
        return [pool for pool, _ in buckets.pools(None, min_rows, rng)]


@pytest.mark.parametrize("buffer", [2**24, 2**14])
def test_every_row_is_in_one_pool(write, buffer):
    n = 80 * N_BUCKETS
    with buffer_bytes(buffer):
        buckets = write(records(300), records(0), records(n - 300, 300))
    pools = pools_of_all(buckets)
    rows = [pool["row"] for pool in pools]
    assert sorted(np.concatenate(rows)) == list(range(n))
    assert len(pools) == N_BUCKETS
    assert all(abs(part.mean() - n / 2) < 0.24 * n for part in rows)
    assert all((pool["x"] == pool["row"][:, np.newaxis]).all() for pool in pools)


@pytest.mark.parametrize("buffer", [33 * DTYPE.itemsize, 1])
def test_chunks_and_the_buffer_do_not_matter(write, buffer):
    one = write(records(90))
    with buffer_bytes(buffer):
        other = write(records(40), records(0), records(50, 40))
    for rng in (lambda: None, lambda: np.random.default_rng(0)):
        for a, b in zip(pools_of_all(one, 20, rng()), pools_of_all(other, 20, rng()), strict=True):
            np.testing.assert_array_equal(a, b)


def test_pools_hold_enough_rows(write):
    buckets = write(records(500))
    pools = [pool["row"] for pool in pools_of_all(buckets, 100, np.random.default_rng(0))]
    assert all(len(pool) >= 100 for pool in pools[:-1])
    assert sorted(np.concatenate(pools)) == list(range(500))
    again = [pool["row"] for pool in pools_of_all(buckets, 100, np.random.default_rng(1))]
    assert not np.array_equal(pools[0], again[0])
    assert [len(pool) for pool in pools_of_all(buckets, 1000)] == [500]
    with pool_bytes(100 * DTYPE.itemsize):
        assert all(len(pool) >= 100 for pool, _ in [*buckets.pools(None)][:-1])


@pytest.fixture
def in_parts(write):
    """Records of a file that has been written in four parts, and its rows in the order of the file."""
    with buffer_bytes(30 * DTYPE.itemsize), pool_bytes(7 * DTYPE.itemsize):
        buckets, order = write(records(100)), np.arange(100)
        buckets.sort_as_stored(order)
        yield buckets, order


def test_records_are_read_by_their_indices(in_parts):
    buckets, order = in_parts
    assert len(buckets) == 100
    assert sorted(order) == list(range(100))
    assert (order != np.arange(100)).any()
    for row_indices in (np.arange(100), np.array([99, 0, 7, 7]), np.empty(0, int)):
        assert buckets.take(row_indices)["row"].tolist() == order[row_indices].tolist()


@pytest.mark.parametrize("row_indices", [None, np.arange(0, 100, 3), np.array([50])], ids=["all", "some", "one"])
def test_pools_tell_which_rows_they_hold(in_parts, row_indices):
    buckets, order = in_parts
    wanted = order if row_indices is None else order[row_indices]
    for rng in (None, np.random.default_rng(0)):
        pools = list(buckets.pools(row_indices, 20, rng))
        assert all((pool["row"] == wanted[positions]).all() for pool, positions in pools)
        assert sorted(np.concatenate([positions for _, positions in pools])) == list(range(len(wanted)))


def test_records_are_converted_in_their_buckets(write, tmp_path):
    buckets, wider = write(records(90)), np.dtype([("row", np.int64), ("twice", np.float64)])

    def convert(part):
        converted = np.zeros(len(part), wider)
        converted["row"], converted["twice"] = part["row"], 2 * part["x"][:, 0]
        return converted

    with ScratchFiles(tmp_path) as files:
        other = buckets.map(convert, wider, 25, files)
        rng = [np.random.default_rng(0), np.random.default_rng(0)]
        for a, b in zip(pools_of_all(buckets, 20, rng[0]), pools_of_all(other, 20, rng[1]), strict=True):
            np.testing.assert_array_equal(a["row"], b["row"])
            np.testing.assert_array_equal(2 * a["x"][:, 0], b["twice"])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int64, np.uint16])
@pytest.mark.parametrize("kind", [np.asarray, lambda X: pd.DataFrame(X, columns=["a", "b"])])
def test_numbers_of_one_type_are_one_array(dtype, kind):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    round_trip = there_and_back([kind(X[:1]), kind(X[1:])])
    assert type(round_trip) is type(kind(X))
    np.testing.assert_array_equal(round_trip, X)


def test_whole_numbers_may_have_fractions_and_missing_ones_later():
    np.testing.assert_array_equal(there_and_back([np.ones((1, 1), "int8"), np.full((1, 1), 1.5)])[:, 0], [1, 1.5])
    round_trip = there_and_back([pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1.5, np.nan]})])
    np.testing.assert_array_equal(round_trip["a"], [1, 2, 1.5, np.nan])
