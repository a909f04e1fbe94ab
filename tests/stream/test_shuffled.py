"""Records that are shuffled in a file: all rows once, mixed, whatever the chunks they came in."""

import numpy as np
import pytest
from sknet._stream.records import N_BUCKETS, BucketWriter, ScratchFiles

from tests.stream.limits import buffer_bytes

DTYPE = np.dtype([("row", np.int64), ("x", np.float32, (3,))])


def records(n, start=0):
    found = np.zeros(n, DTYPE)
    found["row"] = np.arange(start, start + n)
    found["x"] = found["row"][:, np.newaxis]
    return found


@pytest.fixture
def write(tmp_path):
    with ScratchFiles(tmp_path) as files:

        def write(*chunks):
            writer = BucketWriter(files, DTYPE)
            for chunk in chunks:
                writer.append(chunk)
            return writer.finish()

        yield write


@pytest.mark.parametrize("buffer", [2**24, 2**14])
def test_every_row_is_in_one_pool(write, buffer):
    n = 80 * N_BUCKETS
    with buffer_bytes(buffer):
        found = write(records(300), records(0), records(n - 300, 300))
    pools = [pool for pool, _ in found.pools(1)]
    rows = [pool["row"] for pool in pools]
    assert sorted(np.concatenate(rows)) == list(range(n)) and len(pools) == N_BUCKETS
    assert all(abs(part.mean() - n / 2) < 0.24 * n for part in rows)
    assert all((pool["x"] == pool["row"][:, np.newaxis]).all() for pool in pools)


@pytest.mark.parametrize("buffer", [33 * DTYPE.itemsize, 1])
def test_chunks_and_the_buffer_do_not_matter(write, buffer):
    one = write(records(90))
    with buffer_bytes(buffer):
        other = write(records(40), records(0), records(50, 40))
    for rng in (lambda: None, lambda: np.random.default_rng(0)):
        for (a, _), (b, _) in zip(one.pools(20, rng()), other.pools(20, rng()), strict=True):
            np.testing.assert_array_equal(a, b)


def test_pools_hold_enough_rows(write):
    found = write(records(500))
    pools = [pool["row"] for pool, _ in found.pools(100, np.random.default_rng(0))]
    assert all(len(pool) >= 100 for pool in pools[:-1]) and sorted(np.concatenate(pools)) == list(range(500))
    again = [pool["row"] for pool, _ in found.pools(100, np.random.default_rng(1))]
    assert not np.array_equal(pools[0], again[0])
    assert [len(pool) for pool, _ in found.pools(1000)] == [500]


@pytest.fixture
def in_parts(write):
    """Records of a file that has been written in four parts, and its rows in the order of the file."""
    with buffer_bytes(30 * DTYPE.itemsize, read=7 * DTYPE.itemsize):
        found, order = write(records(100)), np.arange(100)
        found.put_in_place(order)
        yield found, order


def test_records_are_read_by_their_places(in_parts):
    found, order = in_parts
    assert len(found) == 100 and sorted(order) == list(range(100)) and (order != np.arange(100)).any()
    for places in (np.arange(100), np.array([99, 0, 7, 7]), np.empty(0, int)):
        assert found.take(places)["row"].tolist() == order[places].tolist()


@pytest.mark.parametrize("places", [None, np.arange(0, 100, 3), np.array([50])], ids=["all", "some", "one"])
def test_pools_tell_which_rows_they_hold(in_parts, places):
    found, order = in_parts
    wanted = order if places is None else order[places]
    for rng in (None, np.random.default_rng(0)):
        pools = list(found.pools(20, rng, places))
        assert all((pool["row"] == wanted[positions]).all() for pool, positions in pools)
        assert sorted(np.concatenate([positions for _, positions in pools])) == list(range(len(wanted)))


def test_records_are_converted_in_their_buckets(write, tmp_path):
    found, wider = write(records(90)), np.dtype([("row", np.int64), ("twice", np.float64)])

    def convert(part):
        converted = np.zeros(len(part), wider)
        converted["row"], converted["twice"] = part["row"], 2 * part["x"][:, 0]
        return converted

    with ScratchFiles(tmp_path) as files:
        other = found.convert(convert, wider, 25, files)
        rng = [np.random.default_rng(0), np.random.default_rng(0)]
        for (a, _), (b, _) in zip(found.pools(20, rng[0]), other.pools(20, rng[1]), strict=True):
            np.testing.assert_array_equal(a["row"], b["row"])
            np.testing.assert_array_equal(2 * a["x"][:, 0], b["twice"])
