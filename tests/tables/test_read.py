"""What a user passes: tables, columns of frames and arrays are read as they are meant, or refused by name."""

import subprocess
import sys
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from sknet._tables.kinds import column_kind
from sknet._tables.read import (
    MemoryMappedRows,
    arrays_of_table,
    as_native_array,
    as_numbers,
    as_pandas,
    as_uniform_array,
    category_key,
    check_readable_collection,
    column_as_floats,
    column_names,
    have_equal_values,
    is_frame,
    is_memory_mapped,
    is_sparse,
    read_categories,
    short_list,
    short_repr,
    table_digest,
    take_rows,
)

# --- messages --------------------------------------------------------------------------------------------------------


def test_long_values_are_cut_short():
    assert short_repr("x" * 100) == "'" + "x" * 59 + "…"
    assert short_repr(3) == "3"


def test_long_lists_are_cut_short():
    assert short_list([1, 2]) == "[1, 2]"
    assert short_list(range(50)) == "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (50 in all)]"


# --- tables ----------------------------------------------------------------------------------------------------------


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


# --- frames ----------------------------------------------------------------------------------------------------------


NUMBERS = {
    "int": pd.Series([1, 2]),
    "float32": pd.Series([1, None], dtype="float32"),
    "bool": pd.Series([True, False]),
    "Int64": pd.Series([1, None], dtype="Int64"),
    "Float32": pd.Series([1, None], dtype="Float32"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "arrow int": pd.Series([1, None], dtype=pd.ArrowDtype(pa.int64())),
    "arrow bool": pd.Series([True, None], dtype=pd.ArrowDtype(pa.bool_())),
    "arrow null": pd.Series([None, None], dtype=pd.ArrowDtype(pa.null())),
    "arrow decimal": pd.Series([Decimal(1), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    "object ints": pd.Series([1, None], dtype=object),
    "object with NA": pd.Series([1.0, pd.NA], dtype=object),
    "object bools": pd.Series([True, None], dtype=object),
    "object decimals": pd.Series([Decimal(1), Decimal(2)], dtype=object),
    "object bool and float": pd.Series([True, 2.0], dtype=object),
    "object of nothing": pd.Series([None, np.nan], dtype=object),
    "pandas sparse": pd.Series([1, np.nan], dtype=pd.SparseDtype(float)),
}
TEXTS = {
    "object": pd.Series(["b", None, "a"], dtype=object),
    "object with NaT": pd.Series(["b", pd.NaT, "a"], dtype=object),
    "str": pd.Series(["b", None, "a"], dtype="str"),
    "string": pd.Series(["b", None, "a"], dtype="string"),
    "arrow": pd.Series(["b", None, "a"], dtype=pd.ArrowDtype(pa.string())),
    "arrow dictionary": pd.Series(["b", None, "a"], dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    "category": pd.Series(["b", None, "a"], dtype="category"),
    "polars": pl.Series(["b", None, "a"]),
    "polars categorical": pl.Series(["b", None, "a"], dtype=pl.Categorical),
    "polars enum": pl.Series(["b", None, "a"], dtype=pl.Enum(["c", "b", "a"])),
}
POLARS_NUMBERS = {
    "int": pl.Series([1, None]),
    "float32": pl.Series([1.0, None], dtype=pl.Float32),
    "bool": pl.Series([True, None]),
    "decimal": pl.Series([Decimal(1), None]),
    "null": pl.Series([None, None]),
}
DATES = {
    "datetime64": pd.Series([datetime(2000, 1, 1)]),
    "zoned": pd.Series(pd.to_datetime(["2000-01-01"], utc=True)),
    "timedelta64": pd.Series([timedelta(1)]),
    "object dates": pd.Series([date(2000, 1, 1), None], dtype=object),
    "object datetimes": pd.Series([datetime(2000, 1, 1), None], dtype=object),
    "arrow timestamp": pd.Series([datetime(2000, 1, 1)], dtype=pd.ArrowDtype(pa.timestamp("ns"))),
    "arrow date": pd.Series([date(2000, 1, 1)], dtype=pd.ArrowDtype(pa.date32())),
    "arrow duration": pd.Series([timedelta(1)], dtype=pd.ArrowDtype(pa.duration("us"))),
    "polars date": pl.Series([date(2000, 1, 1), None]),
    "polars datetime": pl.Series([datetime(2000, 1, 1), None]),
    "polars zoned": pl.Series([datetime(2000, 1, 1)], dtype=pl.Datetime("ms", "Europe/Berlin")),
    "polars duration": pl.Series([timedelta(1), None]),
}
REFUSED = {
    "time": pd.Series([time(12)], dtype=object),
    "polars time": pl.Series([time(12)]),
    "period": pd.Series(pd.period_range("2000", periods=1, freq="D")),
    "complex": pd.Series([1j]),
    "bytes": pd.Series([b"a"], dtype=object),
    "interval": pd.Series(pd.interval_range(0, 1)),
    "arrow list": pd.Series([[1]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
}


def as_column(series):
    return as_pandas(series.to_frame("c"))["c"] if isinstance(series, pl.Series) else series


@pytest.mark.parametrize("series", [*NUMBERS.values(), *POLARS_NUMBERS.values()], ids=[*NUMBERS, *POLARS_NUMBERS])
def test_numbers_are_read_as_floats_with_nan_for_what_is_missing(series):
    column = as_column(series)
    assert column_kind(column, "c") == "number"
    expected = [np.nan if value is None or value is pd.NA else float(value) for value in series.to_list()]
    np.testing.assert_array_equal(np.asarray(column_as_floats(column, "c"), dtype=float), expected)


def test_floats_are_not_copied():
    frame = pd.DataFrame({"c": np.arange(3.0)})
    assert np.shares_memory(column_as_floats(frame["c"], "c"), frame["c"].to_numpy())


def test_frames_of_one_type_are_read_as_the_array_that_holds_them():
    X = np.arange(6.0).reshape(3, 2)
    frame = pd.DataFrame(X)
    assert np.shares_memory(as_uniform_array(frame), frame[0].to_numpy())
    others = [frame.astype({0: "float32"}), frame.astype("Float64"), frame > 1, frame.astype(str)]
    assert all(as_uniform_array(other) is None for other in [*others, frame.iloc[:, :0]])


@pytest.mark.parametrize("series", TEXTS.values(), ids=TEXTS)
def test_texts_of_any_type_are_the_same_categories(series):
    column = as_column(series)
    assert column_kind(column, "c") == "category"
    codes, keys = read_categories(column)
    assert [keys[code] if code >= 0 else None for code in codes] == ["b", None, "a"]


@pytest.mark.parametrize("series", REFUSED.values(), ids=REFUSED)
def test_what_is_neither_number_nor_category_nor_date_is_refused_by_name(series):
    for read in (column_kind, column_as_floats):
        with pytest.raises(TypeError, match=r"Column 'when' of X holds .* cannot be used: .*(drop it|columns|strings)"):
            read(as_column(series), "when")


@pytest.mark.parametrize("series", DATES.values(), ids=DATES)
def test_dates_are_a_kind_of_their_own_and_no_numbers(series):
    column = as_column(series)
    assert column_kind(column, "c") == column_kind(column, "c", finds_categories=False) == "date"
    with pytest.raises(TypeError, match=r"Column 'c' of X holds .* cannot be used: .*turn them into seconds"):
        column_as_floats(column, "c")


def test_an_enum_declares_its_categories():
    codes, keys = read_categories(as_column(TEXTS["polars enum"]))
    assert keys == ["c", "b", "a"]
    assert codes.tolist() == [1, -1, 2]


@pytest.mark.parametrize("values", [[1, "a"], [1.5, "?", None]])
def test_strings_among_numbers_are_refused_with_both_remedies(values):
    column = pd.Series(values, dtype=object)
    with pytest.raises(TypeError, match=r"Column 'c' .*mixed.*to_numeric\(errors='coerce'\).*astype\(str\)"):
        column_kind(column, "c")
    with pytest.raises(ValueError, match=r"Column 'c' .* should hold numbers, but could not convert string"):
        column_as_floats(column, "c")


def test_lists_in_a_column_are_refused_by_name():
    with pytest.raises(
        ValueError,
        match=r"Column 'c' of X .*should hold numbers, but holds values of type list, .*\[2\]\. Give each value",
    ):
        column_as_floats(pd.Series([1.0, [2]], dtype=object), "c")


@pytest.mark.parametrize("column", [pd.Series([2, 1, 2]), pd.Series([2.0, 1.0, 2.0]), pd.Series(["2", "1", "2"])])
@pytest.mark.parametrize("dtype", [None, "category"])
def test_a_number_has_the_same_category_key_in_every_container(column, dtype):
    codes, keys = read_categories(column if dtype is None else column.astype(dtype))
    assert [keys[code] for code in codes] == ["2", "1", "2"]


def test_a_category_key_is_the_text_of_the_value():
    assert [category_key(v) for v in (1, 1.0, np.float32(0.1), 1.5, True, "1.0", np.str_("x"), float("inf"))] == [
        "1",
        "1",
        "0.1",
        "1.5",
        "True",
        "1.0",
        "x",
        "inf",
    ]


def test_column_names_are_read_as_text():
    assert column_names(pd.DataFrame({0: [1], "b": [2]})) == ("0", "b")


def test_polars_needs_no_pyarrow():
    code = """
import sys
sys.modules["pyarrow"] = None
import polars as pl
from tests.tables.examples import encoder_of
from sknet._tables.read import as_pandas
from sknet._tables.labels import learn_labels
from sknet._tables.targets import read_regression_target
frame = pl.DataFrame(
    {"n": [1, None, 3], "s": ["a", None, "b"], "c": pl.Series(["a", "b", None], dtype=pl.Categorical), "f": [1.5, 2, 3]}
)
encoder = encoder_of(as_pandas(frame))
print(encoder.feature_names, encoder.encode(as_pandas(frame), float).shape)
print(learn_labels(frame["f"].cast(int))[0].classes, learn_labels(pl.Series(["x", "y"]))[0].classes.tolist())
print(learn_labels(pl.Series(["x", "y"], dtype=pl.Categorical))[0].classes.tolist())
print(read_regression_target(frame["f"])[1])
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == [
        "['n', 'n_missing', 's_a', 's_b', 's_missing', 'c_a', 'c_b', 'c_missing', 'f'] (3, 9)",
        "[1 2 3] ['x', 'y']",
        "['x', 'y']",
        "True",
    ]


def test_the_key_of_a_date_category_is_the_text_of_the_date():
    values = pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])).astype("category")
    assert read_categories(values)[1] == ["2020-01-01 00:00:00", "2021-01-01 00:00:00"]


# --- the choice of categories


def test_frames_are_known_from_arrays():
    assert is_frame(pd.DataFrame({"a": [1]}))
    assert is_frame(pl.DataFrame({"a": [1]}))
    assert not any(is_frame(X) for X in (np.ones((1, 1)), [[1]], pd.Series([1]), pl.Series([1])))


# --- arrays ----------------------------------------------------------------------------------------------------------


class Dask:
    __dask_graph__ = None
    columns = iloc = ()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (pa.table({"a": [1]}), r"q is an Arrow table \(Table\): convert it first, q\.to_pandas\(\)"),
        (pa.record_batch({"a": [1]}), r"q is an Arrow table \(RecordBatch\)"),
        (pl.LazyFrame({"a": [1]}), r"q is a lazy frame \(LazyFrame\): collect it first, q\.collect\(\)"),
        (
            Dask(),
            r"q is a dask collection \(Dask\): use the estimators of sknet.dask, or compute it first, q\.compute\(\)",
        ),
    ],
)
def test_collections_of_other_libraries_are_refused_with_the_remedy(values, message):
    for read in (check_readable_collection, as_native_array, as_numbers):
        with pytest.raises(TypeError, match=message):
            read(values, "q")


@pytest.mark.parametrize(
    "values", [np.ones(3), [1], pd.DataFrame({"a": [1]}), pl.DataFrame({"a": [1]}), pl.Series([1]), pa.array([1])]
)
def test_all_else_is_read(values):
    check_readable_collection(values, "q")


def test_masked_values_are_no_values():
    values = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])
    with pytest.raises(ValueError, match="q is masked in row 1: leave out the rows that are masked, or fill them"):
        as_native_array(values, "q")
    assert as_native_array(np.ma.masked_array([1.0, 2.0]), "q").tolist() == [1.0, 2.0]


@pytest.mark.parametrize("kind", [">i4", ">f8", ">U3", "<i8"])
def test_arrays_come_in_this_machines_byte_order(kind):
    values = np.array([1, 2]).astype(kind)
    assert as_native_array(values, "q").dtype.isnative
    assert (as_native_array(values, "q") == values).all()


@pytest.mark.parametrize(
    "given", [[1.5, None], ["1.5", "nan"], pd.array([1.5, None], "Float64"), pl.Series([1.5, None])]
)
def test_numbers_are_read_and_what_is_missing_is_nan(given):
    np.testing.assert_array_equal(as_numbers(given, "q"), [1.5, np.nan])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, {}], r"q should hold numbers, but row 1 holds \{\}.*Convert it first"),
        ([[1.0, 2.0], [pd.NaT, "a"]], "q should hold numbers, but row 1 holds 'a'"),
        ([10**400], "q should hold numbers, but row 0 holds an integer of 1329 bits"),
        ({}, r"q should hold numbers, but row 0 holds \{\}"),
        (np.array(["2020"], "M8[D]"), r"q should hold numbers, but holds datetime64\[D\] values"),
        (np.array([1j]), "q should hold numbers, but holds complex numbers"),
        ([[1], [1, 2]], "q is no array.*Give each row the same number of values"),
    ],
)
def test_an_error_names_the_row_of_a_value_that_is_no_number(given, message):
    with pytest.raises(ValueError, match=message):
        as_numbers(given, "q")


# --- digests ---------------------------------------------------------------------------------------------------------


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
