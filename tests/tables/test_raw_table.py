"""Every kind of table: its rows, its names, whether it is in a file, and its digest."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from sknet._tables.raw_table import (
    MemoryMappedRows,
    arrays_of_table,
    as_uniform_array,
    column_names,
    have_equal_values,
    is_frame,
    is_memory_mapped,
    is_sparse,
    table_digest,
    take_rows,
)

COUNTS = np.random.default_rng(0).integers(0, 9, (60, 4))
HOLD = {
    "array": np.asarray,
    "csr": sp.csr_array,
    "pandas": pd.DataFrame,
    "polars": lambda X: pl.DataFrame(X, schema=list("abcd")),
}


@pytest.fixture
def mapped(tmp_path):
    np.save(tmp_path / "X.npy", COUNTS)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


@pytest.mark.parametrize("hold", HOLD.values(), ids=HOLD)
@pytest.mark.parametrize("chosen", [np.array([7, 3, 3]), slice(2, 9)], ids=["index", "slice"])
def test_rows_are_taken_from_every_kind_of_table(hold, chosen):
    taken = take_rows(hold(COUNTS), chosen)
    assert_array_equal(taken.toarray() if is_sparse(taken) else taken, COUNTS[chosen])


def test_rows_of_a_memory_map(mapped):
    rows = take_rows(take_rows(mapped, np.arange(10, 40)), np.array([3, 1, 29]))
    expected = COUNTS[[13, 11, 39]]
    assert isinstance(rows, MemoryMappedRows)
    assert is_memory_mapped(rows)
    assert len(rows) == 3
    assert rows.shape == (3, 4)
    assert_array_equal(np.asarray(rows), expected)
    assert_array_equal(rows[1:], expected[1:])
    assert_array_equal(rows[[0, 2]], expected[[0, 2]])
    assert_array_equal(rows[:, 2], expected[:, 2])


def test_a_memory_map_is_recognised(mapped):
    assert is_memory_mapped(mapped)
    assert is_memory_mapped(mapped[3:9].T)
    assert is_memory_mapped(np.asarray(mapped))
    assert not is_memory_mapped(COUNTS)
    assert not is_memory_mapped(sp.csr_array(COUNTS))


def test_frames_of_one_type_are_read_as_the_array_that_holds_them():
    X = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(X)
    assert np.shares_memory(as_uniform_array(frame), frame[0].to_numpy())
    assert_array_equal(as_uniform_array(frame > 1), X > 1)
    others = [frame.astype({0: "float32"}), frame.astype("Float64"), frame.astype({0: bool}), frame.astype(str)]
    assert all(as_uniform_array(other) is None for other in [*others, frame.iloc[:, :0]])


def test_column_names_are_read_as_text():
    assert column_names(pd.DataFrame({0: [1], "b": [2]})) == ("0", "b")


def test_frames_are_known_from_arrays():
    assert is_frame(pd.DataFrame({"a": [1]}))
    assert is_frame(pl.DataFrame({"a": [1]}))
    assert not any(is_frame(X) for X in (np.ones((1, 1)), [[1]], pd.Series([1]), pl.Series([1])))


# --- digests ----------------------------------------------------------------------------------------------------------


def test_dates_in_a_time_zone_are_hashed_as_numbers():
    frame = pd.DataFrame({"d": pd.to_datetime(["2026-03-29T03:30", None]).tz_localize("Europe/Berlin")})
    assert [array.dtype.kind for array in arrays_of_table(frame)] == ["O", "M"]  # the names, and the dates


@pytest.mark.parametrize("hold", HOLD.values(), ids=HOLD)
def test_a_table_equals_another_of_the_same_values_only(hold):
    other = COUNTS.copy()
    other[3, 2] += 1
    assert have_equal_values(hold(COUNTS), hold(COUNTS.copy()))
    assert not have_equal_values(hold(COUNTS), hold(other))


@pytest.mark.parametrize("hold", [np.asarray, sp.csr_array, pd.DataFrame])
def test_equal_values_have_one_digest_and_other_values_another(hold):
    other = COUNTS.copy()
    other[3, 2] += 1
    assert table_digest(hold(COUNTS)) == table_digest(hold(COUNTS.copy()))
    assert table_digest(hold(COUNTS)) != table_digest(hold(other))
