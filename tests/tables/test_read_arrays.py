"""What becomes an array, or is refused by name."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from sknet._tables.read_arrays import as_native_array, as_numbers, check_readable_collection


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


def test_the_name_of_a_column_is_answered_with_its_values():
    with pytest.raises(TypeError, match=r"If it names a column, pass groups=X\['batch'\]\.$"):
        check_readable_collection("batch", "groups")
