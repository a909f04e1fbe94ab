"""A data frame's columns, one at a time: which hold numbers, categories, text or dates, and their values.

A polars frame becomes a pandas one when it is read, without PyArrow: from then on there is one kind of frame.

Conventions
-----------
A column is a pandas Series of length n. Numbers are (n,) floats with NaN where a value is missing. Categories are
codes (n,), −1 where missing, into a list of keys: the text of each category, the same for every type
(1, 1.0 and "1" are one category).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sized
from decimal import InvalidOperation
from typing import Literal, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.read import is_sparse
from sknet._typing import Array, Table

ColumnKind = Literal["number", "category", "text", "date"]

ColumnValues = pd.Series | Array
"""One column of a table as it comes."""

_INFERRED_KINDS: dict[str, ColumnKind] = {  # by what `pandas.api.types.infer_dtype` returns
    "boolean": "number",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "empty": "number",
    "string": "category",
    "categorical": "category",
    **dict.fromkeys(["datetime64", "datetime", "date", "timedelta64", "timedelta"], "date"),
}

_MIXED = ("mixed", "mixed-integer")  # of objects: numbers if none of them is text

# what error messages advise, and how they call some types that pandas infers
_TO_ONE_KIND = "make it numbers with pandas.to_numeric(errors='coerce') or strings with astype(str)"
_TO_SECONDS = "pass dates where fit had dates; turn them into seconds where it had numbers"
_DESCRIPTIONS = {"mixed": "mixed", "mixed-integer": "mixed", "unknown-array": "nested or unknown"}
_REMEDIES = {
    "complex": "pass its real and imaginary parts as two columns",
    "bytes": "decode it to strings",
    **dict.fromkeys(_MIXED, _TO_ONE_KIND),
    "time": "turn it into a number first (seconds since midnight) or drop it",
    "period": "turn it into dates with .dt.to_timestamp() or drop it",
}


def column_names(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of a frame's columns, as text."""
    return tuple(str(name) for name in frame.columns)


def as_uniform_array(frame: pd.DataFrame) -> Array | None:
    """Return a frame as an array if all its columns are NumPy numbers of one type, else None."""
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in dtypes):
        return np.asarray(frame.to_numpy())  # mostly a view: pandas keeps columns of one type in one array
    return None


@overload
def column_at(X: pd.DataFrame, j: int) -> pd.Series: ...
@overload
def column_at(X: Array, j: int) -> Array: ...
def column_at(X: Table, j: int) -> pd.Series | Array:
    """Return one column of a data frame, of a sparse matrix, or of an array in memory or in a file."""
    if is_sparse(X):
        return X[:, [j]].toarray()[:, 0]
    return X.iloc[:, j] if isinstance(X, pd.DataFrame) else np.asarray(X[:, j])


def is_frame(X: object) -> bool:
    """Whether X is a pandas or polars data frame; polars, which need not be installed, is known by a method."""
    return isinstance(X, pd.DataFrame) or (hasattr(X, "columns") and hasattr(X, "get_column_index"))


def unwrap_narwhals(X: Table) -> Table:
    """Return the frame that a narwhals frame wraps; all else as it is.

    Narwhals need not be installed: its frames are known by two attributes, which a frame of pandas may have as columns.
    """
    is_wrapper = not isinstance(X, pd.DataFrame) and hasattr(X, "to_native") and hasattr(X, "implementation")
    return X.to_native() if is_wrapper else X


def as_pandas(frame: Table) -> pd.DataFrame:
    """Convert a data frame to a pandas one; a pandas one is returned as it is."""
    if isinstance(frame, pd.DataFrame):
        return frame
    return pd.DataFrame({name: _from_polars(frame.to_series(j)) for j, name in enumerate(frame.columns)})


def _from_polars(column: Table) -> pd.Series:
    """Convert a polars column: numbers to floats, dates to dates, categories to a categorical, all else to objects."""
    dtype = column.dtype
    column = integers_from_polars(column)
    if isinstance(column, pd.Series):  # it held integers or bools, and has been converted
        return column
    if dtype.is_numeric() or str(dtype) in ("Boolean", "Null"):
        return pd.Series(column.cast(float).to_numpy(), copy=False)
    convert = _FROM_POLARS.get(type(dtype).__name__)
    return pd.Series(column.to_list(), dtype=object) if convert is None else convert(column)


def _from_polars_datetime(column: Table) -> pd.Series:
    instants = pd.Series(column.dt.cast_time_unit("us").to_numpy())  # in UTC, if there is a time zone
    zone = column.dtype.time_zone
    return instants if zone is None else instants.dt.tz_localize("UTC").dt.tz_convert(zone)


def _from_polars_enum(column: Table) -> pd.Series:
    codes = column.to_physical().cast(float).fill_null(-1.0).to_numpy().astype(np.intp)  # -1: missing, as in pandas
    return pd.Series(pd.Categorical.from_codes(codes, column.dtype.categories.to_list()))


_FROM_POLARS: dict[str, Callable[[Table], pd.Series]] = {
    "Datetime": _from_polars_datetime,
    "Date": lambda column: pd.Series(column.to_numpy().astype("datetime64[s]")),  # pandas has no unit of days
    "Duration": lambda column: pd.Series(column.to_numpy()),
    "Enum": _from_polars_enum,
    "Categorical": lambda column: pd.Series(pd.Categorical(column.to_list())),
}
"""How polars columns that are neither numbers nor plain objects are converted, by the name of their type."""


def integers_from_polars(column: Table) -> Table:
    """Convert a polars column of integers or bools without missing values to a Series; return others as they are.

    As floats, integers from 2**53 on would be rounded, and different labels or categories might become one.
    """
    dtype: Table = getattr(column, "dtype", None)
    if not hasattr(dtype, "is_integer") or column.null_count() or not (dtype.is_integer() or str(dtype) == "Boolean"):
        return column
    try:
        return pd.Series(column.to_numpy(), copy=False)
    except Exception:  # an error type of polars, which is not imported: NumPy has no integers of 128 bits
        return pd.Series(column.to_list(), dtype=object)


def is_categorical(column: pd.Series) -> bool:
    """Whether a column's type is that of categories, of pandas or of Arrow."""
    return isinstance(column.dtype, pd.CategoricalDtype) or str(column.dtype).startswith("dictionary")


def inferred_type(column: pd.Series) -> str:
    """Return what a column holds, in the words of `pandas.api.types.infer_dtype`."""
    dtype = column.dtype
    if is_categorical(column):
        return "categorical"
    if str(dtype) == "null[pyarrow]":  # Arrow's type of columns without any value
        return "empty"
    if pd.api.types.is_complex_dtype(dtype):
        return "complex"
    if pd.api.types.is_numeric_dtype(dtype):  # integers and bools, too: all of them are read as numbers
        return "floating"
    inferred = str(pd.api.types.infer_dtype(column, skipna=True))
    if inferred in _MIXED and any(value is pd.NaT for value in column):  # missing, but to pandas a date
        return inferred_type(column[[value is not pd.NaT for value in column]])
    return inferred


def column_kind(column: pd.Series, name: str, *, finds_categories: bool = True) -> ColumnKind:
    """Tell whether a column holds numbers, categories or dates; a TypeError names one that holds none or several.

    Without `finds_categories` every column is one of numbers, or of dates: text that spells no number is then refused
    by `column_as_floats`.
    """
    inferred = inferred_type(column)
    if not finds_categories:
        return "date" if _INFERRED_KINDS.get(inferred) == "date" else "number"
    # decimals among floats, say, which are numbers although pandas has no word for them
    if inferred in _MIXED and not any(isinstance(value, str) for value in column):
        return "number"
    if inferred not in _INFERRED_KINDS:
        raise _unusable_column_error(column, name, inferred)
    return _INFERRED_KINDS[inferred]


def _unusable_column_error(column: pd.Series, name: str, inferred: str) -> TypeError:
    default = _TO_SECONDS if _INFERRED_KINDS.get(inferred) == "date" else "turn it into numbers or strings, or drop it"
    remedy, description = _REMEDIES.get(inferred, default), _DESCRIPTIONS.get(inferred, inferred)
    return TypeError(
        f"Column {name!r} of X holds {description} values (dtype {column.dtype}), which cannot be used: {remedy}."
    )


def column_as_floats(column: ColumnValues, name: str) -> Array:
    """Return the values of a Series or an array as numbers, NaN where one is missing; floats are not copied."""
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiub":
        return np.asarray(column)
    column = pd.Series(column)
    inferred = inferred_type(column)
    # text goes on, although it is of the kind "category": it may spell numbers
    if _INFERRED_KINDS.get(inferred) == "date" or (inferred not in _INFERRED_KINDS and inferred not in _MIXED):
        raise _unusable_column_error(column, name, inferred)
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except InvalidOperation as error:  # a signalling NaN raises when it is compared
        raise ValueError(f"Column {name!r} of X holds decimal.Decimal('sNaN'): make it None.") from error
    except (TypeError, ValueError, OverflowError) as error:
        if any(isinstance(value, Sized) and not isinstance(value, str) for value in column):
            raise ValueError(
                f"Column {name!r} of X holds lists or other collections: give each of their values a column, or drop "
                "it."
            ) from error
        raise ValueError(
            f"Column {name!r} of X (dtype {column.dtype}) should hold numbers, but {str(error).rstrip('.')}. "
            "Convert it, or make it a category before fit: by its dtype, with categorical_features='from_dtype', or by "
            "naming it there."
        ) from error


def read_categories(values: ColumnValues, name: str = "") -> tuple[NDArray[np.intp], list[str]]:
    """Return codes of a column's values, (n,), −1 where missing, and the key of the category that each stands for.

    Categories that do not occur may be among them, and two may have one key (1 and "1"). An error names the column,
    by its own name if it has one.
    """
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        codes = np.asarray(values.cat.codes)
        categories = np.asarray(values.cat.categories, dtype=object)  # those that no row has, too
    else:
        codes, distinct = factorize(values, name)
        categories = np.asarray(distinct, dtype=object)
    return codes.astype(np.intp), [category_key(category) for category in categories]


def as_categorical(values: ColumnValues, name: str) -> pd.Series:
    """Return a column as codes of its categories, so that whoever needs them does not look for them again."""
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        return values
    return pd.Series(pd.Categorical.from_codes(*factorize(values, name)), copy=False)


def factorize(values: ColumnValues, name: str) -> tuple[Array, Table]:
    """Return a code for each of n values, −1 where one is missing, and the value that each code stands for."""
    try:
        return pd.factorize(as_common_type(values))
    except (TypeError, NotImplementedError) as error:  # a list or a dict cannot be hashed
        raise TypeError(
            f"Column {getattr(values, 'name', None) or name!r} of X holds what is no category, {error}: "
            "make each value a string or a number."
        ) from error


def as_common_type(values: Table) -> Table:
    """Return an array or a Series in the type that `common_type` says; as it is, where that is its own."""
    dtype = values.dtype
    common = common_type(dtype)
    return values if common is dtype else values.astype(common)


def with_common_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame with each column in the type that `common_type` says."""
    changed = {name: common for name, dtype in frame.dtypes.items() if (common := common_type(dtype)) is not dtype}
    return frame.astype(changed) if changed else frame


def common_type(dtype: Table) -> Table:
    """Return the type for numbers of a type that pandas cannot look up, of another byte order or precision.

    All other types are returned as they are.
    """
    if not isinstance(dtype, np.dtype) or dtype.kind not in "fiu":
        return dtype
    if dtype.kind == "f" and dtype.itemsize not in (4, 8):
        return np.dtype(np.float64)
    return dtype if dtype.isnative else dtype.newbyteorder("=")


def category_key(category: object) -> str:
    """Return the text that identifies a category: 1.0 has the key of 1.

    pandas makes integers floats where one of them is missing: this must change no key.
    """
    if isinstance(category, float | np.floating) and float(category).is_integer():
        return str(int(category))
    return str(category)


def check_text_is_encodable(texts: Iterable[object], what: str) -> None:
    """Raise a ValueError for text with half of a surrogate pair: it cannot be written to a file or a terminal."""
    try:  # one text to encode is much faster than many
        "".join(text for text in texts if isinstance(text, str)).encode()
    except UnicodeEncodeError as error:
        broken = error.object[error.start : error.end]
        raise ValueError(
            f"{what} holds text with the character {broken!r}, half of a surrogate pair: replace it, with "
            ".str.encode('utf-8', 'replace').str.decode('utf-8') perhaps."
        ) from error
