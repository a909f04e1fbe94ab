"""Sets of columns that may interact, from what a user says of columns; what cannot be meant is named."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sknet._tables.categories import MissingOnlyColumn
from sknet._tables.column import ColumnSettings
from sknet._tables.constraints import interaction_sets, sets_with_inputs

from sknet._tables.encoding import learn_encoder

NAMES = ("price", "town", "day", "size")
FRAME = pd.DataFrame(
    {
        "price": [1.0, 2.0, np.nan, 4.0, 5.0],
        "town": list("abcab"),
        "day": pd.date_range("2024-01-01", periods=5),
        "size": [3.0, 1.0, 2.0, 5.0, 4.0],
        "same": 1.0,
    }
)
ENCODER = learn_encoder(FRAME, ColumnSettings(numeric_encoding="piecewise_linear", n_bins=2, keeps_all_categories=True))

MEANT = {
    "nothing is constrained": (None, [[0, 1, 2, 3]]),
    "no interactions": ("no_interactions", [[0], [1], [2], [3]]),
    "pairs": ("pairwise", [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]),
    "all in a set": ([[3, 1], {0, 2}], [[1, 3], [0, 2]]),
    "the others together": ([("size",)], [[3], [0, 1, 2]]),
    "names and indices": ([{"day", 0}, frozenset({1})], [[0, 2], [1], [3]]),
    "overlapping sets": ([[0, 1], [1, 2], [3]], [[0, 1], [1, 2], [3]]),
    "numpy's integers, and one twice": ([[np.int64(1), 1]], [[1], [0, 2, 3]]),
    "empty sets": ([[], [0]], [[0], [1, 2, 3]]),
    "no set": ([], [[0, 1, 2, 3]]),
}


@pytest.mark.parametrize("name", MEANT)
def test_which_columns_a_set_has(name):
    given, expected = MEANT[name]
    assert interaction_sets(given, NAMES, 4) == expected


@pytest.mark.parametrize("given", ["no_interactions", "pairwise", [[0]]])
def test_a_single_column_is_one_set(given):
    assert interaction_sets(given, None, 1) == [[0]]


BAD = {
    "is no list of sets: give 'no_interactions'": ["price", "town"],
    "is no list of sets: give": [0, 1],
    "names 'prize', but X has no such column: give some of \\['price'": [["prize"]],
    "holds the index 4, but X has 4 columns: give indices from 0 to 3": [[0, 4]],
    "holds the index -1, but X has 4 columns": [[-1]],
    "holds True in a set, which is no column": [[True]],
    "holds 1.0 in a set, which is no column": [[1.0]],
    "holds \\(0, 1\\) in a set, which is no column": [[(0, 1)]],
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_meant(message):
    with pytest.raises(ValueError, match=f"interaction_cst.*{message}"):
        interaction_sets(BAD[message], NAMES, 4)


def test_names_for_columns_without_names():
    with pytest.raises(ValueError, match="names 'x0', and the columns of X have no names: pass a data frame, or give"):
        interaction_sets([["x0"]], None, 4)


def test_all_inputs_of_a_column_are_in_its_sets():
    """Bins, levels, the cycles of a date, and the indicator of missing values."""
    columns = [name for name, _ in ENCODER.input_formulas]
    kinds = {formula.kind for _, formula in ENCODER.input_formulas}
    assert {"number", "bin", "missing", "level", "date"} <= kinds
    has_input = sets_with_inputs([["price", "day"], ["town", "price"]], ENCODER)
    for of_set, names in zip(has_input.T, [{"price", "day"}, {"town", "price"}, {"size", "same"}], strict=True):
        np.testing.assert_array_equal(of_set, [name in names for name in columns])


def test_a_set_whose_columns_have_no_inputs_gets_no_units():
    town = list(NAMES).index("town")
    left_out = replace(ENCODER, columns=(*ENCODER.columns[:town], MissingOnlyColumn(), *ENCODER.columns[town + 1 :]))
    assert sets_with_inputs("no_interactions", left_out).shape == (left_out.n_inputs, 4)
