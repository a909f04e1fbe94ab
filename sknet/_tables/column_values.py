"""The values of one column as numbers or categories. Errors name the column.

Conventions
-----------
A column is a pandas Series or an array of length n. Numbers are (n,) floats with NaN where a value is missing.
Categories are codes (n,), −1 where missing, into a list of keys: the text of each category. So 1, 1.0 and "1" are one
category. A fraction in float32 is another category than in float64, where its digits differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.messages import short_repr
from sknet._typing import Array, Table

ColumnValues = pd.Series | Array
"""One column of a table as the user passed it."""


# --- types of values --------------------------------------------------------------------------------------------------

INFERRED_NUMBER_TYPES = ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty")
INFERRED_TEXT_TYPES = ("string", "categorical")  # such text may spell numbers
INFERRED_DATE_TYPES = ("datetime64", "datetime", "date")
INFERRED_DURATION_TYPES = ("timedelta64", "timedelta")
INFERRED_MIXED_TYPES = ("mixed", "mixed-integer")  # objects; they are numbers if none of them is text
"""The results of `pandas.api.types.infer_dtype`, by how a column is read."""

_ONE_KIND_REMEDY = "make it numbers with pandas.to_numeric(errors='coerce') or strings with astype(str)"
_SECONDS_REMEDY = "pass dates where fit had dates; turn them into seconds where it had numbers"
_DESCRIPTIONS = {"mixed": "mixed", "mixed-integer": "mixed", "unknown-array": "nested or unknown"}
"""Plain words for some results of `infer_dtype`, for error messages."""

_REMEDIES = {
    "complex": "pass its real and imaginary parts as two columns",
    "bytes": "decode it to strings",
    **dict.fromkeys(INFERRED_MIXED_TYPES, _ONE_KIND_REMEDY),
    **dict.fromkeys([*INFERRED_DATE_TYPES, *INFERRED_DURATION_TYPES], _SECONDS_REMEDY),
    "time": "turn it into a number first (seconds since midnight) or drop it",
    "period": "turn it into dates with .dt.to_timestamp() or drop it",
}
"""What to do with a column that cannot be used, by the result of `infer_dtype`."""


def is_categorical(column: pd.Series) -> bool:
    """Whether a column has the type of categories in pandas or Arrow."""
    return isinstance(column.dtype, pd.CategoricalDtype) or str(column.dtype).startswith("dictionary")


def inferred_type(column: pd.Series) -> str:
    """Return the type of a column's values in the words of `pandas.api.types.infer_dtype`."""
    dtype = column.dtype
    if is_categorical(column):
        return "categorical"
    if str(dtype) == "null[pyarrow]":  # Arrow's type of columns without values
        return "empty"
    if pd.api.types.is_complex_dtype(dtype):
        return "complex"
    if pd.api.types.is_numeric_dtype(dtype):  # integers and bools are read as numbers, too
        return "floating"
    inferred = str(pd.api.types.infer_dtype(column, skipna=True))
    # for pandas NaT is a date, but here it is a missing value
    if inferred in INFERRED_MIXED_TYPES and any(value is pd.NaT for value in column):
        return inferred_type(column[[value is not pd.NaT for value in column]])
    return inferred


def unusable_column_error(column: pd.Series, name: str, inferred: str) -> TypeError:
    """Return the error for a column of values that cannot be used."""
    remedy = _REMEDIES.get(inferred, "turn it into numbers or strings, or drop it")
    description = _DESCRIPTIONS.get(inferred, inferred)
    return TypeError(
        f"Column {name!r} of X holds {description} values (dtype {column.dtype}), which cannot be used: {remedy}."
    )


# --- numbers ----------------------------------------------------------------------------------------------------------


def column_as_floats(column: ColumnValues, name: str) -> Array:
    """Return the values of a column as numbers, NaN where missing; an array of numbers is not copied."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return np.asarray(column)
    column = pd.Series(column)
    inferred = inferred_type(column)
    if inferred not in (*INFERRED_NUMBER_TYPES, *INFERRED_TEXT_TYPES, *INFERRED_MIXED_TYPES):
        raise unusable_column_error(column, name, inferred)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError, ArithmeticError) as error:
        reason = str(error).rstrip(".")
        remedy = (
            "Convert it, or make it a category before fit: by its dtype in a data frame, or by naming it in "
            "categorical_features, which replaces the choice by dtype unless 'from_dtype' is in it, as in "
            "['from_dtype', 'town']."
        )
        collections = (value for value in column if isinstance(value, Sized) and not isinstance(value, str))
        if (collection := next(collections, None)) is not None:
            remedy = "Give each value of such a collection a column of its own, or drop the column."
            if "with a sequence" in reason:  # NumPy does not name its type
                reason = f"holds values of type {type(collection).__name__}, such as {short_repr(collection)}"
        raise (TypeError if isinstance(error, TypeError) else ValueError)(
            f"Column {name!r} of X (dtype {column.dtype}) should hold numbers, but {reason}. {remedy}"
        ) from error


def check_not_infinite(values: Array, names: Sequence[str]) -> None:
    """Raise a ValueError that names the first column, of one, (n,), or of several, (n, d), with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise ValueError(
            f"Column {names[int(np.argmax(infinite))]!r} of X contains infinity: replace it by a finite number, "
            "or by NaN if it stands for a missing value."
        )


# --- categories -------------------------------------------------------------------------------------------------------


def read_categories(values: ColumnValues, name: str = "") -> tuple[NDArray[np.intp], list[str]]:
    """Return the codes of a column's values, (n,), −1 where missing, and the key of the category of each code.

    Some categories may not occur, and two may have the same key (1 and "1"). Errors name the column.
    """
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        codes = np.asarray(values.cat.codes)
        categories = np.asarray(values.cat.categories, dtype=object)  # these include categories that no row has
    else:
        codes, distinct = factorize(values, name)
        categories = np.asarray(distinct, dtype=object)
    return codes.astype(np.intp), [category_key(category) for category in categories]


def find_slots(slots: Mapping[str, int], keys: list[str], unknown: int, missing: int) -> NDArray[np.intp]:
    """Return the slot of each key, or else `unknown`. The last entry is `missing`, which the code −1 picks."""
    return np.array([*(slots.get(key, unknown) for key in keys), missing], dtype=np.intp)


def factorize(values: ColumnValues, name: str) -> tuple[Array, Table]:
    """Return a code for each of n values, −1 where missing, and the value of each code."""
    try:
        return pd.factorize(as_factorizable(values))
    except (TypeError, NotImplementedError) as error:  # a list or a dict cannot be hashed
        raise TypeError(
            f"Column {getattr(values, 'name', None) or name!r} of X holds what is no category, {error}: "
            "make each value a string or a number."
        ) from error


def as_factorizable(values: Table) -> Table:
    """Return an array or a Series in its `factorizable_type`, without a copy if it has this type already."""
    dtype = values.dtype
    common = factorizable_type(dtype)
    return values if common is dtype else values.astype(common)


def with_factorizable_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with each column in its `factorizable_type`."""
    changed = {
        name: common for name, dtype in frame.dtypes.items() if (common := factorizable_type(dtype)) is not dtype
    }
    return frame.astype(changed) if changed else frame


def factorizable_type(dtype: Table) -> Table:
    """Return a native type that pandas can factorize for numbers of any byte order or precision.

    Other types are returned as they are.
    """
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiu":
        return dtype
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float64)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def category_key(category: object) -> str:
    """Return the text that identifies a category. The key of 1.0 is that of 1.

    pandas turns integers into floats if one of them is missing, which must not change the keys.
    """
    if isinstance(category, float | np.floating) and float(category).is_integer():
        return str(int(category))
    return str(category)


def check_text_is_encodable(texts: Iterable[object], what: str) -> None:
    """Raise a ValueError for text with half of a surrogate pair, which cannot be written to a file or a terminal."""
    try:  # encoding one long text is much faster than many short ones
        "".join(text for text in texts if isinstance(text, str)).encode()
    except UnicodeEncodeError as error:
        broken = error.object[error.start : error.end]
        raise ValueError(
            f"{what} holds text with the character {broken!r}, half of a surrogate pair: replace it, with "
            ".str.encode('utf-8', 'replace').str.decode('utf-8') perhaps."
        ) from error
