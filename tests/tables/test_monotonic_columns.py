"""The sign of each input of the network, from what a user says of columns; what cannot be meant is named."""

import numpy as np
import pandas as pd
import pytest
from sknet._tables.column import ColumnSettings
from sknet._tables.constraints import input_signs

from sknet._tables.encoding import learn_encoder

FRAME = pd.DataFrame(
    {
        "price": [1.0, 2.0, np.nan, 4.0, 5.0],
        "town": list("abcab"),
        "day": pd.date_range("2024-01-01", periods=5),
        "size": [3.0, 1.0, 2.0, 5.0, 4.0],
    }
)
ENCODER = learn_encoder(FRAME, ColumnSettings(numeric_encoding="piecewise_linear", n_bins=2))
ARRAY = learn_encoder(np.arange(8.0).reshape(4, 2))


def test_numbers_and_bins_have_their_columns_sign_and_missing_values_none():
    by_name = input_signs({"price": -1, "size": 1}, ENCODER)
    kinds = [(name, formula.kind) for name, formula in ENCODER.input_formulas]
    expected = [{"price": -1, "size": 1}.get(name, 0) if kind in ("number", "bin") else 0 for name, kind in kinds]
    assert ("price", "missing") in kinds and ("size", "bin") in kinds
    np.testing.assert_array_equal(by_name, expected)
    np.testing.assert_array_equal(input_signs([-1, 0, 0, 1], ENCODER), expected)
    np.testing.assert_array_equal(input_signs(pd.Series([-1, 0, 0, 1]), ENCODER), expected)
    np.testing.assert_array_equal(input_signs(np.array([1.0, -1.0]), ARRAY), [1, -1])


@pytest.mark.parametrize("scaling", ["robust", "quantile"])
def test_a_duration_rises_as_its_seconds_do(scaling):
    X = pd.DataFrame({"wait": pd.to_timedelta([3.0, 1.0, np.nan, 5.0, 4.0], unit="h"), "day": FRAME["day"]})
    encoder = learn_encoder(X, ColumnSettings(numeric_encoding="piecewise_linear", n_bins=2, input_scaling=scaling))
    expected = [-(name == "wait" and formula.kind != "missing") for name, formula in encoder.input_formulas]
    np.testing.assert_array_equal(input_signs({"wait": -1}, encoder), expected)


def test_a_series_with_names_is_read_by_them():
    by_name = input_signs({"price": -1, "size": 1}, ENCODER)
    series = pd.Series({"size": 1, "town": 0, "day": 0, "price": -1})
    np.testing.assert_array_equal(input_signs(series, ENCODER), by_name)
    np.testing.assert_array_equal(input_signs(series[["size", "price"]], ENCODER), by_name)
    with pytest.raises(ValueError, match="monotonic_cst names \\['x0', 'x1'\\], but X has no such columns"):
        input_signs(pd.Series([1, 0], index=["x0", "x1"]), ENCODER)


@pytest.mark.parametrize("nothing", [None, {}, {"price": 0}, [0, 0, 0, 0]])
def test_nothing_is_constrained(nothing):
    assert input_signs(nothing, ENCODER) is None


BAD = {
    "names \\['prize'\\], but X has no such columns": {"prize": 1},
    "gives 2 for the column 'size'": {"size": 2},
    "gives 'up' for the column 'price'": ["up", 0, 0, 0],
    "gives nan for the column 'price'": [np.nan, 0, 0, 0],
    "constrains the column 'town', which holds neither numbers nor durations": {"town": 1},
    "constrains the column 'day', which holds neither numbers nor durations": [0, 0, -1, 0],
    "has shape \\(2,\\), and X has 4 columns": [1, 0],
    "has shape \\(1, 4\\), and X has 4 columns": [[1, 0, 0, 0]],
}


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_meant(message):
    with pytest.raises(ValueError, match=f"monotonic_cst.*{message}"):
        input_signs(BAD[message], ENCODER)


def test_names_for_columns_without_names():
    with pytest.raises(ValueError, match="monotonic_cst.*the columns of X have none: pass a data frame"):
        input_signs({"x0": 1}, ARRAY)
