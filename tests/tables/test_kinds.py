"""What columns are: by the user's word or their values; which are free text, or unusable."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from sknet._tables.categories import count_categories
from sknet._tables.column_values import read_categories
from sknet._tables.from_polars import as_pandas
from sknet._tables.kinds import ColumnChoices, column_mask, parse_categorical_features, survey_columns

# --- choices ---------------------------------------------------------------------------------------------------------


NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("from_dtype", (True, None)),
        (None, (False, None)),
        (["a"], (False, ["a"])),
        (["a", "from_dtype"], (True, ["a"])),
        (np.array(["from_dtype"]), (True, [])),
        (pd.Index(["b", "from_dtype"]), (True, ["b"])),
    ],
)
def test_a_column_may_be_chosen_by_its_type_by_name_or_by_both(given, expected):
    assert parse_categorical_features(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], [0, 0, 0]),
        (["c", "a"], [1, 0, 1]),
        (np.array(["b"], dtype=object), [0, 1, 0]),
        (pd.Index(["b"]), [0, 1, 0]),
        ([0, -1], [1, 0, 1]),
        ([-3], [1, 0, 0]),
        (np.array([1], dtype=np.uint8), [0, 1, 0]),
        ([True, False, True], [1, 0, 1]),
    ],
)
def test_columns_are_chosen_by_name_index_or_mask(given, expected, parameter="text_features"):
    assert column_mask(given, NAMES, parameter).tolist() == [bool(flag) for flag in expected]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["a", "z"], r"names \['z'\], but X has no such columns: give some of \['a', 'b', 'c'\]"),
        ([0, 3, -4], r"holds the indices \[3, -4\], but X has 3 columns: give indices from 0 to 2"),
        ([0, 0, 1], "holds the index 0 several times: give each index once, or a mask of booleans"),
        ([True], "is a mask of 1 booleans, but X has 3 columns: give one each"),
        ("a", "='a' is not understood: give 'from_dtype', None, or a list"),
        ([0.5], "is not understood"),
        ([[0]], "is not understood"),
        ([["a"], "b"], "is not understood"),
        ([None, "a"], "is not understood"),
    ],
)
def test_a_bad_choice_is_named_with_its_remedy(given, message, parameter="categorical_features"):
    with pytest.raises(ValueError, match=rf"categorical_features.*{message}"):
        column_mask(given, NAMES, parameter)


# --- kinds -----------------------------------------------------------------------------------------------------------


def test_each_parameter_names_columns_of_its_kind():
    choices = ColumnChoices(["from_dtype", "a"], [-1])
    assert choices.named_kinds(NAMES) == ["category", None, "text"]
    assert choices.finds_categories
    assert not choices.finds_text
    assert ColumnChoices(None, "auto").columns_by_parameter == {}


def test_a_column_is_not_both():
    with pytest.raises(ValueError, match="Column 'b' of X is in categorical_features and in text_features: leave it"):
        ColumnChoices(["b"], [False, True, False]).named_kinds(NAMES)


SENTENCES = [f"the box number {i} was good" for i in range(30)]


@pytest.mark.parametrize("values", [
    SENTENCES, [*SENTENCES, None], pd.Series(SENTENCES, dtype="string"), pd.Series(SENTENCES, dtype=object),
    pd.Series(SENTENCES, dtype=pd.ArrowDtype(pa.string())),
    pd.Series(SENTENCES, dtype=pd.ArrowDtype(pa.large_string())),
    as_pandas(pl.DataFrame({"t": SENTENCES}))["t"], [*SENTENCES, *SENTENCES[:14]],
], ids=["strings", "missing", "string", "object", "arrow", "large arrow", "polars", "some repeated"])  # fmt: skip
def test_strings_of_three_words_that_mostly_differ_are_text(values):
    assert ColumnChoices("from_dtype", "auto").kind_of(pd.Series(values), "t", None) == "text"
    assert ColumnChoices(None, "auto").kind_of(pd.Series(values), "t", None) == "text"
    assert ColumnChoices("from_dtype", None).kind_of(pd.Series(values), "t", None) == "category"
    assert ColumnChoices("from_dtype", "auto").kind_of(pd.Series(values), "t", "category") == "category"


@pytest.mark.parametrize("values", [
    SENTENCES[:15] * 2, [f"id {i}" for i in range(30)], pd.Categorical(SENTENCES), [""] * 30,
    as_pandas(pl.DataFrame({"t": pl.Series(SENTENCES, dtype=pl.Categorical)}))["t"],
], ids=["repeated", "two words", "category", "empty", "polars category"])  # fmt: skip
def test_other_strings_are_categories(values):
    assert ColumnChoices("from_dtype", "auto").kind_of(pd.Series(values), "t", None) == "category"


@pytest.mark.parametrize("values, kind", [(range(30), "number"), ([None] * 30, "number"), (pd.NaT, "date")])
def test_other_types_stay_what_they_are(values, kind):
    values = pd.Series(values, index=range(30), dtype="datetime64[s]" if kind == "date" else None)
    assert ColumnChoices("from_dtype", "auto").kind_of(values, "t", None) == kind


# --- survey ----------------------------------------------------------------------------------------------------------


FRAME = pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"], "t": pd.to_datetime(["2020"] * 3), "bad": [1j, 1j, 1j]})


def count_kinds(X, choices, max_categories):
    survey = survey_columns(X, choices)
    return survey.n_numbers, survey.needs_target_means(max_categories), survey.free_text_names


@pytest.mark.parametrize("most, many", [(2, True), (3, False), (None, False)])
def test_numbers_and_dates_are_counted_and_categories_compared(most, many):
    assert count_kinds(FRAME, ColumnChoices(), most) == (2, many, ())
    assert count_kinds(np.array(FRAME[["a", "a"]]), ColumnChoices([0]), most) == (1, many, ())


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_numbers_alone_are_counted_at_once(kind):
    assert count_kinds(kind(np.eye(3)), ColumnChoices(), 2) == (3, False, ())
    assert survey_columns(kind(np.eye(3)), ColumnChoices()).is_sparse == (kind is sparse.csr_array)


def test_text_is_named_and_counts_neither_as_a_number_nor_as_a_category():
    frame = FRAME[["a", "c"]].assign(text=["one two three", "four five six", "seven eight nine"])
    assert count_kinds(frame, ColumnChoices("from_dtype", "auto"), 2) == (1, True, ("text",))
    assert count_kinds(frame, ColumnChoices("from_dtype", ["c"]), 3) == (1, False, ("c",))


def test_each_column_has_its_kind_or_why_it_has_none():
    survey = survey_columns(FRAME, ColumnChoices())
    assert survey.names == ("a", "c", "t", "bad")
    assert survey.kinds == {0: "number", 1: "category", 2: "date"}
    assert [*survey.errors] == [3]
    assert "'bad' of X holds complex values" in str(survey.errors[3])


@pytest.mark.parametrize("values", [
    pd.Series(["x", None, "y", "x"]), pd.Series([1, "1", None, 1.0], dtype=object), np.array([2.0, np.nan, 1.0, 2.0]),
    pd.Series(pd.Categorical(["x", None, "y", "x"], ["y", "x", "z"])), pd.Series(pd.array([1, None, 2, 1])),
    pd.Series(pd.to_datetime(["2020", None, "2021", "2020"])), pd.Series([True, None, False, True], dtype=object),
], ids=["text", "both", "floats", "type", "Int64", "dates", "bools"])  # fmt: skip
def test_the_categories_of_a_survey_equal_those_of_the_column(values):
    table = values[:, np.newaxis] if isinstance(values, np.ndarray) else pd.DataFrame({"a": values})
    found = survey_columns(table, ColumnChoices([0])).categories[0]
    assert found == count_categories(*read_categories(values))
