"""Tables as records in a temporary file: what is written, in which order it is read, and what it encodes as."""

import errno
from io import FileIO
from pathlib import Path
from tempfile import gettempdir

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknet._stream.records import N_BUCKETS, BucketWriter, ScratchFiles, choose_format
from tests.stream.limits import buffer_bytes, pool_bytes
from tests.tables.column_cases import CASES as COLUMNS
from tests.tables.examples import column_choices, encoder_of, pandas_of, table_encoder
from tests.tables.limits import categories_kept


def test_files_have_no_names_and_are_closed_together(tmp_path):
    with ScratchFiles(tmp_path) as files:
        one, other = files.open(), files.open()
        files.write(one, b"some bytes")
        one.seek(5)
        assert one.read(3) == b"byt"
        assert other.read(1) == b""
        assert not list(tmp_path.iterdir())
    assert one.closed
    assert other.closed


class FailingFile(FileIO):
    def __init__(self, path, error):
        super().__init__(path, "w")
        self.error = error

    def write(self, data):
        raise OSError(self.error, "as the system says")


@pytest.mark.parametrize("error, message", [
    (errno.ENOSPC, "folder has no room for a copy of the table: pass a larger cache_dir"),
    (errno.EIO, r"^\[Errno \d+\] as the system says$"),
])  # fmt: skip
def test_a_full_disk_is_named_and_another_error_stays_what_it_is(tmp_path, error, message):
    with FailingFile(tmp_path / "a", error) as file, pytest.raises(OSError, match=message) as caught:
        ScratchFiles(Path("folder")).write(file, b"abc")
    assert caught.value.errno == error


def test_what_is_written_in_parts_is_written_whole(tmp_path):
    class ShortFile(FileIO):
        def write(self, data):
            return super().write(data[:3])

    with ShortFile(tmp_path / "a", "w") as file:
        ScratchFiles(tmp_path).write(file, b"ten bytes!")
    assert (tmp_path / "a").read_bytes() == b"ten bytes!"


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


def frame(n=12):
    days = pd.date_range("2024-03-30", periods=n, freq="5h")
    table = pd.DataFrame(
        {
            "a": np.linspace(-1, 1, n),
            "single": np.linspace(0, 9, n).astype(np.float32),
            "count": pd.array([1, 2, None] * (n // 3), dtype="Int64"),
            "flag": [True, False] * (n // 2),
            "city": pd.Series(["x", None, "y", "z"] * (n // 4), dtype=object),
            "code": pd.Categorical([10, 2, 10] * (n // 3)),
            "day": days,
            "zoned": days.tz_localize("UTC").tz_convert("Asia/Tokyo"),
            "span": pd.to_timedelta(np.arange(n), unit="h"),
        }
    )
    table.loc[3, ["a", "day", "zoned", "span"]] = None
    return table


def there_and_back(chunks, categorical_features="from_dtype", text_features=None, *, as_passed=False):
    with ScratchFiles(Path(gettempdir())) as files:
        how = choose_format(chunks[0], column_choices(categorical_features, text_features), files)
        records = [np.zeros(len(chunk), np.dtype(how.fields)) for chunk in chunks]
        for chunk, into in zip(chunks, records, strict=True):
            how.pack_into(chunk, into)
        return how.unpack(np.concatenate(records), as_passed=as_passed)


@pytest.mark.parametrize(
    "chunks", [[frame()], [frame()[:2], frame()[2:7], frame()[7:]], [pandas_of(pl.DataFrame(frame()))]]
)
def test_a_frame_is_encoded_as_before(chunks):
    X, round_trip = frame(), there_and_back(chunks)
    encoder = encoder_of(chunks[0] if len(chunks) == 1 else X)  # polars numbers are read in double precision
    assert encoder_of(round_trip) == encoder
    assert list(round_trip.columns) == list(X.columns)
    np.testing.assert_array_equal(encoder.encode(round_trip, np.float64), encoder.encode(X, np.float64))


@pytest.mark.parametrize("case", COLUMNS.values(), ids=COLUMNS)
def test_values_of_every_kind_of_column_come_back(case):
    X, column = pd.DataFrame({"c": case.values}), case.learn()
    round_trip = there_and_back([X[:2], X[2:50], X[50:]], text_features=["c"] if case.kind == "text" else None)
    encoder = table_encoder(column, names=("c",))
    np.testing.assert_array_equal(encoder.encode(round_trip, float), encoder.encode(X, float))


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%Y-%m-%dT%H:%MZ"])
def test_dates_that_are_text_are_learnt_as_text_and_encoded_as_dates(form):
    days = pd.date_range("2024-03-30", periods=12, freq="29h")
    X = pd.DataFrame({"day": pd.Series(days.strftime(form)).where(np.arange(12) != 7)})
    chunks, encoder = [X[:2], X[2:8].astype("category"), X[8:]], encoder_of(X)
    assert encoder_of(there_and_back(chunks, as_passed=True)) == encoder
    round_trip = there_and_back(chunks)
    assert round_trip["day"].dtype.kind == "M"
    np.testing.assert_array_equal(encoder.encode(round_trip, float), encoder.encode(X, float))


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


@pytest.mark.parametrize(
    "first, second, message",
    [
        (pd.DataFrame({"a": [1.0]}, dtype="float32"), pd.DataFrame({"a": [0.1]}), "'a' of X is float32"),
        (np.ones((1, 1), "float32"), np.ones((1, 1)), "X is float32"),
        (frame()[["a"]], pd.DataFrame({"a": [np.inf]}), "Column 'a' of X contains infinity"),
        (frame()[["zoned"]], frame()[["day"]], "'zoned' of X has the time zone Asia/Tokyo"),
        (frame()[["day"]], pd.DataFrame({"day": ["x"]}), "'day' of X .* should hold dates"),
        (pd.DataFrame({"d": ["2024-01-01"]}), pd.DataFrame({"d": [None, "x"]}), "'d' of X holds ISO .* 'x' in another"),
        (frame()[["a"]], pd.DataFrame({"a": ["x"]}), "'a' of X .* should hold numbers"),
    ],
)
def test_chunks_of_other_types_are_named(first, second, message):
    second = second.set_axis(first.columns, axis=1) if hasattr(first, "columns") else second
    with pytest.raises((TypeError, ValueError), match=message):
        there_and_back([first, second])


def test_texts_come_back_as_they_were_whatever_the_chunks():
    texts = ["the first of them", "zwei Äpfel 再 \ud800 and half a pair", None, "", "the first of them", "with\0 zero"]
    table = pd.DataFrame({"n": range(6), "t": pd.Series(texts, dtype=object)})
    round_trip = there_and_back([table[:2], table[2:5], table[5:]], text_features="auto")
    assert [None if pd.isna(text) else text for text in round_trip["t"]] == texts


def test_numbers_in_a_later_chunk_of_texts_are_named():
    chunks = [pd.DataFrame({"t": ["some words of text"], "n": [1.0]}), pd.DataFrame({"t": [3], "n": [1.0]})]
    with pytest.raises(TypeError, match="Column 't' of X should hold text, but holds 3"):
        there_and_back(chunks, text_features=["t"])


def test_an_error_names_a_column_with_too_many_categories():
    with categories_kept(3), pytest.raises(ValueError, match="'id' of X has more than 3 categories"):
        there_and_back([pd.DataFrame({"id": list("abcd")})])
