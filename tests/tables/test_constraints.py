"""Monotone columns and sets that may interact, from what a user says; what cannot be meant is named."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sknet._tables.categories import CategoryColumn
from sknet._tables.constraints import input_signs, interaction_sets, sets_with_inputs
from tests.tables.examples import encoder_of

# --- monotonic columns -----------------------------------------------------------------------------------------------


FRAME = pd.DataFrame(
    {
        "price": [1.0, 2.0, np.nan, 4.0, 5.0],
        "town": list("abcab"),
        "day": pd.date_range("2024-01-01", periods=5),
        "size": [3.0, 1.0, 2.0, 5.0, 4.0],
    }
)
ENCODER = encoder_of(FRAME, numeric_encoding="piecewise_linear", n_bins=2)
ARRAY = encoder_of(np.arange(8.0).reshape(4, 2))


def test_numbers_and_bins_have_their_columns_sign_and_missing_values_none():
    by_name = input_signs({"price": -1, "size": 1}, ENCODER)
    kinds = [(name, each.kind) for name, each in ENCODER.input_descriptions]
    expected = [{"price": -1, "size": 1}.get(name, 0) if kind in ("number", "bin") else 0 for name, kind in kinds]
    assert ("price", "missing") in kinds
    assert ("size", "bin") in kinds
    np.testing.assert_array_equal(by_name, expected)
    np.testing.assert_array_equal(input_signs([-1, 0, 0, 1], ENCODER), expected)
    np.testing.assert_array_equal(input_signs(pd.Series([-1, 0, 0, 1]), ENCODER), expected)
    np.testing.assert_array_equal(input_signs(np.array([1.0, -1.0]), ARRAY), [1, -1])


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_a_duration_rises_as_its_seconds_do(scaling):
    X = pd.DataFrame({"wait": pd.to_timedelta([3.0, 1.0, np.nan, 5.0, 4.0], unit="h"), "day": FRAME["day"]})
    encoder = encoder_of(X, numeric_encoding="piecewise_linear", n_bins=2, input_scaling=scaling)
    expected = [-(name == "wait" and each.kind != "missing") for name, each in encoder.input_descriptions]
    np.testing.assert_array_equal(input_signs({"wait": -1}, encoder), expected)


@pytest.mark.parametrize("nothing", [None, {}, {"price": 0}, [0, 0, 0, 0]])
def test_constraints_without_a_sign_are_none(nothing):
    assert input_signs(nothing, ENCODER) is None


BAD_SIGNS = {
    "names \\['prize'\\], but X has no such columns": {"prize": 1},
    "gives 2 for the column 'size'": {"size": 2},
    "gives 'up' for the column 'price'": ["up", 0, 0, 0],
    "gives nan for the column 'price'": [np.nan, 0, 0, 0],
    "constrains the column 'town', which holds neither numbers nor durations": {"town": 1},
    "constrains the column 'day', which holds neither numbers nor durations": [0, 0, -1, 0],
    "has shape \\(2,\\), and X has 4 columns": [1, 0],
    "has shape \\(1, 4\\), and X has 4 columns": [[1, 0, 0, 0]],
}


@pytest.mark.parametrize("message", BAD_SIGNS)
def test_unsuitable_signs_are_refused(message):
    with pytest.raises(ValueError, match=f"monotonic_cst.*{message}"):
        input_signs(BAD_SIGNS[message], ENCODER)


def test_columns_without_names_are_called_as_in_errors():
    np.testing.assert_array_equal(input_signs({"x1": 1}, ARRAY), [0, 1])
    with pytest.raises(ValueError, match=r"monotonic_cst names \['a'\], but X has no such columns: give .*'x0', 'x1'"):
        input_signs({"a": 1}, ARRAY)


# --- interaction sets ------------------------------------------------------------------------------------------------


NAMES = ("price", "town", "day", "size")
COLUMNS = pd.DataFrame(
    {
        "price": [1.0, 2.0, np.nan, 4.0, 5.0],
        "town": list("abcab"),
        "day": pd.date_range("2024-01-01", periods=5),
        "size": [3.0, 1.0, 2.0, 5.0, 4.0],
        "same": 1.0,
    }
)
WITHOUT_BINS = encoder_of(COLUMNS, numeric_encoding="piecewise_linear", n_bins=2, keeps_all_categories=True)

MEANT = {
    "nothing is constrained": (None, [[0, 1, 2, 3]]),
    "no interactions": ("no_interactions", [[0], [1], [2], [3]]),
    "pairs": ("pairwise", [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]),
    "all in a set": ([[3, 1], {0, 2}], [[1, 3], [0, 2]]),
    "the others together": ([("size",)], [[3], [0, 1, 2]]),
    "names and indices": ([{"day", 0}, frozenset({1})], [[0, 2], [1], [3]]),
    "overlapping sets": ([[0, 1], [1, 2], [3]], [[0, 1], [1, 2], [3]]),
    "numpy's integers, and one twice": ([[np.int64(1), 1]], [[1], [0, 2, 3]]),
    "the last one": ([[-1]], [[3], [0, 1, 2]]),
    "empty sets": ([[], [0]], [[0], [1, 2, 3]]),
    "no set": ([], [[0, 1, 2, 3]]),
}


@pytest.mark.parametrize("name", MEANT)
def test_which_columns_a_set_has(name):
    given, expected = MEANT[name]
    assert interaction_sets(given, NAMES) == expected


@pytest.mark.parametrize("given", ["no_interactions", "pairwise", [[0]]])
def test_a_single_column_is_one_set(given):
    assert interaction_sets(given, ["x0"]) == [[0]]


BAD_SETS = {
    "is no list of sets: give 'no_interactions'": ["price", "town"],
    "is no list of sets: give": [0, 1],
    "names \\['prize'\\], but X has no such columns: give some of \\['price'": [["prize"]],
    "holds the indices \\[4\\], but X has 4 columns: give indices from 0 to 3": [[0, 4]],
    "is a mask of 1 booleans, but X has 4 columns": [[True]],
    "=\\[1.0\\] is not understood: give 'no_interactions'": [[1.0]],
    "=\\[\\(0, 1\\)\\] is not understood": [[(0, 1)]],
}


@pytest.mark.parametrize("message", BAD_SETS)
def test_unsuitable_sets_are_refused(message):
    with pytest.raises(ValueError, match=f"interaction_cst.*{message}"):
        interaction_sets(BAD_SETS[message], NAMES)


def test_all_inputs_of_a_column_are_in_its_sets():
    """Bins, levels, the cycles of a date, and the indicator of missing values."""
    columns = [name for name, _ in WITHOUT_BINS.input_descriptions]
    kinds = {each.kind for _, each in WITHOUT_BINS.input_descriptions}
    assert {"number", "bin", "missing", "level", "date"} <= kinds
    has_input = sets_with_inputs([["price", "day"], ["town", "price"]], WITHOUT_BINS)
    for of_set, names in zip(has_input.T, [{"price", "day"}, {"town", "price"}, {"size", "same"}], strict=True):
        np.testing.assert_array_equal(of_set, [name in names for name in columns])


def test_a_set_whose_columns_have_no_inputs_gets_no_units():
    town = list(NAMES).index("town")
    left_out = replace(
        WITHOUT_BINS, columns=(*WITHOUT_BINS.columns[:town], CategoryColumn(), *WITHOUT_BINS.columns[town + 1 :])
    )
    assert sets_with_inputs("no_interactions", left_out).shape == (left_out.n_inputs, 4)
