"""How streams store columns of every kind."""

import errno
from io import FileIO
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknet._stream.storage import STORAGES, ScratchFiles
from tests.stream.files import there_and_back
from tests.stream.limits import categories_kept
from tests.tables.column_cases import CASES as COLUMNS
from tests.tables.examples import encoder_of, pandas_of, table_encoder


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


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_stored_dates_come_back_in_their_zone(zone):
    when = pd.Series(pd.date_range("2020-01-30", periods=9, freq="31h", unit="us", tz=zone)).mask(np.arange(9) == 7)
    storage = STORAGES["date"]("when", when, None)
    pd.testing.assert_index_equal(storage.unpack(storage.pack(when)), pd.DatetimeIndex(when), exact=False)
