"""A data frame's columns, one at a time: which hold numbers, which hold categories, and their values.

pandas and polars frames are read column by column; a polars column becomes a pandas one without PyArrow's help.

Conventions
-----------
A column is a pandas Series of length n. Numbers are (n,) floats with NaN where a value is missing. Categories are
codes (n,), −1 where missing, into a list of keys: the text of each level, the same whatever type holds it
(1, 1.0 and "1" are one level).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Kind = Literal["number", "category"]

_KINDS: dict[str, Kind] = {
    "boolean": "number",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "empty": "number",
    "string": "category",
    "categorical": "category",
}

_TEMPORAL = "turn it into numbers first (a year, a month, seconds since a date) or drop it"
_REMEDIES = {
    "complex": "pass its real and imaginary parts as two columns",
    "bytes": "decode it to strings",
    "mixed": "make it numbers with pandas.to_numeric(errors='coerce') or categories with astype(str)",
    "mixed-integer": "make it numbers with pandas.to_numeric(errors='coerce') or categories with astype(str)",
    **dict.fromkeys(["datetime64", "datetime", "date", "time", "timedelta64", "timedelta", "period"], _TEMPORAL),
}


def is_frame(X: object) -> bool:
    """Whether X is a pandas or polars data frame."""
    return hasattr(X, "iloc") or hasattr(X, "get_column_index")


def column_names(frame: Any) -> tuple[str, ...]:
    """Names of a frame's columns, as text."""
    return tuple(str(name) for name in frame.columns)


def column_at(frame: Any, position: int) -> pd.Series:
    """One column of a frame, as a pandas Series."""
    if hasattr(frame, "iloc"):
        column: pd.Series = frame.iloc[:, position]
        return column
    return _from_polars(frame.to_series(position))


def _from_polars(column: Any) -> pd.Series:
    """Make a polars column a pandas one: numbers as floats, all else as objects."""
    dtype = column.dtype
    if dtype.is_numeric() or str(dtype) in ("Boolean", "Null"):
        return pd.Series(column.cast(float).to_numpy())
    return pd.Series(column.to_list(), dtype=object)


def inferred_type(column: pd.Series) -> str:
    """What a column holds, in the words of `pandas.api.types.infer_dtype`."""
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categorical"
    if pd.api.types.is_complex_dtype(dtype):
        return "complex"
    if pd.api.types.is_numeric_dtype(dtype):
        return "floating"
    return str(pd.api.types.infer_dtype(column, skipna=True))


def kind_of(column: pd.Series, name: str) -> Kind:
    """Whether a column holds numbers or categories; a TypeError names a column that holds neither."""
    found = inferred_type(column)
    if found not in _KINDS:
        raise TypeError(_refusal(column, name, found))
    return _KINDS[found]


def _refusal(column: pd.Series, name: str, found: str) -> str:
    remedy = _REMEDIES.get(found, "turn it into numbers or strings, or drop it")
    return f"Column {name!r} of X (dtype {column.dtype}) holds {found} values, which are no input for a network: {remedy}."


def read_numbers(column: pd.Series, name: str) -> NDArray[Any]:
    """Values of a column as numbers, NaN where one is missing; floats are not copied."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return column.to_numpy()
    found = inferred_type(column)
    if found in _REMEDIES and found not in ("mixed", "mixed-integer"):
        raise TypeError(_refusal(column, name, found))
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {name!r} of X (dtype {column.dtype}) is read as numbers, but {error}. "
            "Make it a category, by its dtype or by categorical_features, or convert it to numbers."
        ) from error


def read_levels(values: Any) -> tuple[NDArray[np.intp], list[str]]:
    """Codes of a column's values, −1 where missing, and the key of the level that each code stands for."""
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        codes, levels = np.asarray(values.cat.codes), values.cat.categories
    else:
        codes, levels = pd.factorize(values)
    return codes.astype(np.intp), [level_key(level) for level in np.asarray(levels, dtype=object)]


def level_key(level: object) -> str:
    """Text by which a level is known: whole floats read as integers."""
    if isinstance(level, float | np.floating) and float(level).is_integer():
        return str(int(level))
    return str(level)
