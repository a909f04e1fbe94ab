"""Labels as they are passed: read as they are meant, or refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

from sknet._tables.labels import as_labels

BIG = [2**53, 2**53 + 1]


@pytest.mark.parametrize(
    "y",
    [
        BIG, pd.Series(BIG, dtype="Int64"), pd.Series(BIG, dtype="int64[pyarrow]"), pl.Series(BIG),
        pl.DataFrame({"y": BIG}), pl.Series(BIG, dtype=pl.UInt64), pl.Series(BIG, dtype=pl.Int128),
        pl.DataFrame({"y": pl.Series(BIG, dtype=pl.Int128)}), np.array(BIG, ">i8"),
    ],
    ids=str,
)  # fmt: skip
def test_integers_keep_all_their_digits(y):
    assert as_labels(y).tolist() == BIG and as_labels(y).dtype.isnative


def test_polars_bools_stay_bools():
    assert as_labels(pl.DataFrame({"y": [True, False]})).dtype == bool


@pytest.mark.parametrize("y", [[1, "a"], (True, "a"), ["a", 1.5]])
def test_numbers_in_a_list_of_text_are_not_taken_for_text(y):
    with pytest.raises(ValueError, match="y mixes strings and other labels"):
        as_labels(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.Series([(0, 1), (1, 1)]), r"y holds \(0, 1\), a tuple, as a label: make labels strings or numbers"),
        ([{1}, {2}], r"y holds \{1\}, a set, as a label"),
        (pl.Series([[0, 1], [1, 1]]), "a ndarray, as a label"),
        ([float("nan"), "a"], "y contains NaN: some labels are missing, that of row 0 first"),
        ([10**400, 1], "y holds labels such as an integer of 1329 bits"),
        ([0, object()], "y holds labels such as <object"),
        (np.array([0, np.inf], dtype=object), "infinity, which is not a label, in row 1 first"),
        (None, "y is None; give it the shape"),
        (np.array([1j, 2]), "Complex data not supported"),
        (np.empty((3, 0)), "y has no columns"),
        (pd.DataFrame(index=range(3)), "y has no columns"),
        (np.ma.masked_array([0, 1], [True, False]), "y is masked in row 0"),
    ],
)
def test_labels_that_would_be_misread_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        as_labels(y)


@pytest.mark.parametrize("y", [[2.0**53, 2**53 + 1], np.array([2.0**53, 2**53 + 1], dtype=object)])
def test_whole_numbers_among_floats_that_would_merge_are_refused(y):
    with pytest.raises(ValueError, match="mixes floats with the integer 9007199254740993, which no float is"):
        as_labels(y)
    assert as_labels([0.5, 2**53]).tolist() == [0.5, 2.0**53]
