"""Facts about a table: how many columns are numbers, which are text, and whether a category has too many levels."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sknet._tables.choices import ColumnChoices
from sknet._tables.kinds import count_kinds

FRAME = pd.DataFrame({"a": [1.0, 2, 3], "c": ["x", "y", "z"], "t": pd.to_datetime(["2020"] * 3), "bad": [1j, 1j, 1j]})


@pytest.mark.parametrize("most, many", [(2, True), (3, False), (None, False)])
def test_numbers_and_dates_are_counted_and_levels_compared(most, many):
    assert count_kinds(FRAME, ColumnChoices(), most) == (2, many, ())
    assert count_kinds(np.array(FRAME[["a", "a"]]), ColumnChoices([0]), most) == (1, many, ())


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, pd.DataFrame])
def test_numbers_alone_are_counted_at_once(kind):
    assert count_kinds(kind(np.eye(3)), ColumnChoices(), 2) == (3, False, ())


def test_text_is_named_and_counts_neither_as_a_number_nor_as_a_category():
    frame = FRAME[["a", "c"]].assign(text=["one two three", "four five six", "seven eight nine"])
    assert count_kinds(frame, ColumnChoices("from_dtype", "auto"), 2) == (1, True, ("text",))
    assert count_kinds(frame, ColumnChoices("from_dtype", ["c"]), 3) == (1, False, ("c",))
