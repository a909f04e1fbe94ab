"""Columns of frames are read as they are meant, or refused by name."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sknet._tables.column_values import category_key, column_as_floats, read_categories
from sknet._tables.from_polars import as_pandas
from sknet._tables.kinds import column_kind

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


def test_the_key_of_a_date_category_is_the_text_of_the_date():
    values = pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01"])).astype("category")
    assert read_categories(values)[1] == ["2020-01-01 00:00:00", "2021-01-01 00:00:00"]
