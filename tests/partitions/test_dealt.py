"""Files that rows are dealt out to: all rows once, mixed, and large files dealt out again."""

import errno

import numpy as np
import pytest

from sknet._partitions import dealt
from sknet._partitions.dealt import Deal, DealtRecords

DTYPE = np.dtype([("row", np.int64), ("x", np.float32, (3,))])


def records(n, start=0):
    found = np.zeros(n, DTYPE)
    found["row"] = np.arange(start, start + n)
    return found


def deal(folder, *chunks):
    found = Deal(folder, DTYPE)
    for chunk in chunks:
        found.add(chunk)
    return DealtRecords(found.close(), DTYPE, lambda chunk: np.ones(len(chunk), bool))


@pytest.mark.parametrize("most", [2**24, 600])
def test_every_row_is_in_one_file(tmp_path, most, monkeypatch):
    monkeypatch.setattr(dealt, "MAX_BYTES", most)
    monkeypatch.setattr(dealt, "N_FILES", 8)
    found = [part["row"] for part in deal(tmp_path, records(300), records(200, 300))]
    assert sorted(np.concatenate(found)) == list(range(500)) and len(found) == (8 if most > 600 else 64)
    assert all(abs(part.mean() - 250) < 120 for part in found if len(part) > 20)


def test_chunks_do_not_matter(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir(), other.mkdir()
    whole, cut = deal(one, records(90)), deal(other, records(40), records(0), records(50, 40))
    for a, b in zip(whole, cut, strict=True):
        np.testing.assert_array_equal(a, b)


def test_pools_hold_enough_rows(tmp_path):
    found = deal(tmp_path, records(500))
    pools = [pool["row"] for pool in found.pools(100, np.random.default_rng(0))]
    assert all(len(pool) >= 100 for pool in pools[:-1]) and sorted(np.concatenate(pools)) == list(range(500))
    again = [pool["row"] for pool in found.pools(100, np.random.default_rng(1))]
    assert not np.array_equal(pools[0], again[0])
    np.testing.assert_array_equal(*(next(found.pools(100, None))["row"] for _ in range(2)))


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    found = Deal(tmp_path, DTYPE)

    class Full:
        def tofile(self, file):
            raise OSError("10 requested and 0 written")

        def __getitem__(self, key):
            return self

    class Rows(dict):
        def __getitem__(self, key):
            return np.arange(3) if isinstance(key, str) else Full()

    with pytest.raises(OSError, match="pass a larger cache_dir") as caught:
        found.add(Rows())
    assert caught.value.errno == errno.ENOSPC
    found.close()


def test_another_error_of_the_disk_stays_what_it_is(tmp_path, monkeypatch):
    found = Deal(tmp_path, DTYPE)

    class Broken(np.ndarray):
        def tofile(self, file):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match=r"^\[Errno \d+\] Input/output error$"):
        found.add(records(300).view(Broken))
    found.close()
