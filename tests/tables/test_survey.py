"""What columns are: their kinds, their levels, which cannot be used, and which are misread."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sknet._tables.kinds import ColumnChoices, ColumnSummary, survey_columns
from sknet._tables.read import read_categories

FRAME = pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"], "t": pd.to_datetime(["2020"] * 3), "bad": [1j, 1j, 1j]})


def count_kinds(X, choices, max_categories):
    return survey_columns(X, choices).summary(max_categories)


@pytest.mark.parametrize("most, many", [(2, True), (3, False), (None, False)])
def test_numbers_and_dates_are_counted_and_levels_compared(most, many):
    assert count_kinds(FRAME, ColumnChoices(), most) == ColumnSummary(2, many, ())
    assert count_kinds(np.array(FRAME[["a", "a"]]), ColumnChoices([0]), most) == ColumnSummary(1, many, ())


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_numbers_alone_are_counted_at_once(kind):
    assert count_kinds(kind(np.eye(3)), ColumnChoices(), 2) == ColumnSummary(3, is_sparse=kind is sparse.csr_array)


def test_text_is_named_and_counts_neither_as_a_number_nor_as_a_category():
    frame = FRAME[["a", "c"]].assign(text=["one two three", "four five six", "seven eight nine"])
    assert count_kinds(frame, ColumnChoices("from_dtype", "auto"), 2) == ColumnSummary(1, True, ("text",))
    assert count_kinds(frame, ColumnChoices("from_dtype", ["c"]), 3) == ColumnSummary(1, False, ("c",))


def test_each_column_has_its_kind_or_why_it_has_none():
    survey = survey_columns(FRAME, ColumnChoices())
    assert survey.names == ("a", "c", "t", "bad") and survey.kinds == {0: "number", 1: "category", 2: "date"}
    assert [*survey.errors] == [3] and "'bad' of X holds complex values" in str(survey.errors[3])


@pytest.mark.parametrize("values", [
    pd.Series(["x", None, "y", "x"]), pd.Series([1, "1", None, 1.0], dtype=object), np.array([2.0, np.nan, 1.0, 2.0]),
    pd.Series(pd.Categorical(["x", None, "y", "x"], ["y", "x", "z"])), pd.Series(pd.array([1, None, 2, 1])),
    pd.Series(pd.to_datetime(["2020", None, "2021", "2020"])), pd.Series([True, None, False, True], dtype=object),
], ids=["text", "both", "floats", "type", "Int64", "dates", "bools"])  # fmt: skip
def test_levels_are_found_once_and_are_what_they_were(values):
    table = values[:, np.newaxis] if isinstance(values, np.ndarray) else pd.DataFrame({"a": values})
    found = survey_columns(table, ColumnChoices([0])).categorical[0]
    (codes, keys), (expected_codes, expected_keys) = read_categories(found), read_categories(values)
    assert codes.tolist() == expected_codes.tolist() and keys == expected_keys
    assert isinstance(found.dtype, pd.CategoricalDtype)
