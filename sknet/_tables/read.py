"""Reading what users pass into NumPy arrays and tables. Errors name the argument or the column.

A table is an array, a CSR matrix or a data frame. A polars frame is converted to a pandas frame at once, without
PyArrow, so that all other code knows one kind of frame.

Conventions
-----------
X : (n, d)                  a table that is not encoded, in memory or in a file
rows : slice or (m,)        indices of some rows
values : (n,) or (n, k)     numbers or objects, one row per row of X

A column is a pandas Series or an array of length n. Numbers are (n,) floats with NaN where a value is missing.
Categories are codes (n,), −1 where missing, into a list of keys: the text of each category, the same for every type
(1, 1.0 and "1" are one category).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from os import PathLike
from typing import overload

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._typing import Array, Batch, DType, Table, Target
from sknet._vectors import blocks_of_batch

# --- values in messages ----------------------------------------------------------------------------------------------


MAX_CHARACTERS, MAX_ITEMS = 60, 10
"""How much of a value and of a list a message shows."""


def short_repr(value: object) -> str:
    """Return the repr of a value, cut after `MAX_CHARACTERS`."""
    if isinstance(value, int) and abs(value) >= 10**MAX_CHARACTERS:  # Python refuses to print very large integers
        return f"an integer of {value.bit_length()} bits"
    text = repr(value)
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}…"


def short_list(items: Sequence[object]) -> str:
    """Return the first `MAX_ITEMS` items as the text of a list."""
    text = ", ".join(repr(item) for item in items[:MAX_ITEMS])
    return f"[{text}, … ({len(items)} in all)]" if len(items) > MAX_ITEMS else f"[{text}]"


def suggest_fraction(value: object) -> str:
    """Return a hint for a message if the value seems to be a percentage instead of a fraction, and else ""."""
    is_percentage = isinstance(value, int | float | np.number) and 2 <= value < 100
    return f" Did you mean {float(value) / 100:g}?" if is_percentage else ""  # type: ignore[arg-type]


# --- tables as passed ------------------------------------------------------------------------------------------------


ROWS_DIGESTED_AT_ONCE = 4096
"""How many rows are hashed at a time, so that a table in a file is not loaded as a whole."""


class MemoryMappedRows:
    """Some rows of a memory-mapped array, which are read when this object is indexed.

    Parameters
    ----------
    values : ndarray of shape (N, d)
        The array in the file.
    rows : ndarray of shape (n,)
        Indices of the rows.
    """

    def __init__(self, values: Array, rows: Array) -> None:
        self._values = np.asarray(values)
        self._rows = rows
        self.shape = (len(rows), values.shape[1])
        self.dtype = values.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: Batch | tuple[slice, int]) -> Array:
        rows, *column = key if isinstance(key, tuple) else (key,)  # X[rows], or one column of them, X[rows, j]
        return self._values[self._rows[rows], *column]

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Array:
        return np.asarray(self[:], dtype)

    def take(self, rows: Batch) -> MemoryMappedRows:
        """Return some of these rows."""
        return MemoryMappedRows(self._values, self._rows[rows])


def take_rows(X: Table, rows: Batch) -> Table:
    """Return some rows of an array, a CSR matrix or a data frame; those of a memory map are not read yet."""
    if isinstance(X, MemoryMappedRows):
        return X.take(rows)
    # a slice of a memory map reads nothing; an index array would read the rows
    if not isinstance(rows, slice) and is_memory_mapped(X):
        return MemoryMappedRows(X, rows)
    return X.iloc[rows] if isinstance(X, pd.DataFrame | pd.Series) else X[rows]


def default_names(n: int) -> tuple[str, ...]:
    """Return the names of n columns that have none."""
    return tuple([f"x{j}" for j in range(n)])


def take_optional(values: Array | None, rows: Batch | NDArray[np.bool_]) -> Array | None:
    """Return some rows of an array, such as weights or groups, that may be None."""
    return None if values is None else values[rows]


def is_memory_mapped(X: object) -> bool:
    """Whether the values of a dense array are in a file."""
    return isinstance(X, MemoryMappedRows) or _memory_map_of(X) is not None


def mapped_file(X: Array) -> str | os.PathLike[str] | None:
    """Return the path of the file with an array's values; None if there is none, or it is unknown."""
    return getattr(_memory_map_of(X), "filename", None)


def _memory_map_of(X: object) -> Array | None:
    """Return the memory map that an array is a view of, or None."""
    while isinstance(X, np.ndarray):  # a view of a memory map may be a plain array: look at its base
        if isinstance(X, np.memmap):
            return X
        X = X.base
    return None


def is_sparse(X: object) -> bool:
    """Whether X is a sparse matrix or array. SciPy's own function narrows X too far for mypy."""
    return bool(sp.issparse(X))


def check_sparse_is_finite(X: Table) -> None:
    """Raise a ValueError that names the first column of a CSR matrix with NaN or infinity."""
    bad = np.flatnonzero(~np.isfinite(X.data))
    if bad.size:
        column = X.indices[bad].min()
        raise ValueError(
            f"Sparse X contains NaN or infinity in column 'x{column}': missing values are accepted in dense input "
            "only. Impute them first, or pass X as a dense array."
        )


def have_equal_values(X: Table, other: Table) -> bool:
    """Whether two tables have the same type and equal values; missing values equal each other."""
    if type(X) is not type(other) or X.shape != other.shape:
        return False
    if hasattr(X, "equals"):  # a data frame of pandas or polars
        return bool(X.equals(other))
    if is_sparse(X):
        return all(np.array_equal(getattr(X, part), getattr(other, part)) for part in ("indptr", "indices", "data"))
    return np.array_equal(X, other, equal_nan=X.dtype.kind == "f" and other.dtype.kind == "f")


def table_digest(values: Table | None) -> str:
    """Return a hash of the type, shape and values of a table or an array, or "none"."""
    if values is None:
        return "none"
    content = hashlib.sha256()
    for array in arrays_of_table(values):
        content.update(f"{array.dtype.kind}{array.dtype.itemsize}{array.shape}".encode())
        for block in blocks_of_batch(slice(0, array.shape[0]), ROWS_DIGESTED_AT_ONCE):
            rows = np.asarray(array[block])
            # the bytes of objects are their addresses, which differ between processes
            content.update(repr(rows.tolist()).encode() if rows.dtype.hasobject else rows.tobytes())
    return content.hexdigest()


def arrays_of_table(table: Table) -> Iterator[Array]:
    """Yield a frame's names, types and columns, a sparse matrix's arrays, or an array itself."""
    if isinstance(table, pd.DataFrame):
        yield np.array([f"{name} {dtype}" for name, dtype in table.dtypes.items()], dtype=object)
        for _, column in table.items():
            # dates in a time zone become those of UTC: an array with the zone has objects; the dtype names the zone
            is_in_zone = isinstance(column.dtype, pd.DatetimeTZDtype)
            yield np.asarray(column.dt.tz_convert(None) if is_in_zone else column)
    elif is_sparse(table):
        yield from (table.data, table.indices, table.indptr)
    else:
        yield table


# --- data frames -----------------------------------------------------------------------------------------------------


ColumnValues = pd.Series | Array
"""One column of a table as the user passed it."""

INFERRED_NUMBER_TYPES = ("boolean", "integer", "floating", "mixed-integer-float", "decimal", "empty")
INFERRED_TEXT_TYPES = ("string", "categorical")  # which may spell numbers
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


def column_names(frame: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of a frame's columns, as text."""
    return tuple(str(name) for name in frame.columns)


def as_uniform_array(frame: pd.DataFrame) -> Array | None:
    """Return a frame as an array if all its columns are NumPy numbers of one type, else None."""
    dtypes = set(frame.dtypes)
    if len(dtypes) == 1 and all(isinstance(dtype, np.dtype) and dtype.kind in "fiu" for dtype in dtypes):
        return np.asarray(frame.to_numpy())  # usually a view: pandas stores columns of one type in one array
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


def set_column(X: Table, j: int, values: ColumnValues) -> None:
    """Overwrite one column of a data frame, or of an array of objects."""
    if isinstance(X, pd.DataFrame):
        X.isetitem(j, pd.Series(values).array)  # an array, which goes by position and not by index
    else:
        X[:, j] = pd.Series(values).astype(object)


def is_frame(X: object) -> bool:
    """Whether X is a pandas or polars data frame. Polars is recognised by a method, since it need not be installed."""
    return isinstance(X, pd.DataFrame) or (hasattr(X, "columns") and hasattr(X, "get_column_index"))


def as_pandas(frame: Table) -> pd.DataFrame:
    """Return a data frame as a pandas frame."""
    if isinstance(frame, pd.DataFrame):
        return frame
    return pd.DataFrame({name: _from_polars(frame.to_series(j)) for j, name in enumerate(frame.columns)})


def _from_polars(column: Table) -> pd.Series:
    """Return a polars column as floats, dates, a categorical, or else objects."""
    dtype = column.dtype
    column = integers_from_polars(column)
    if isinstance(column, pd.Series):  # it was a column of integers or bools
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
"""The conversions of polars columns of dates and categories, by the name of their type."""


def integers_from_polars(column: Table) -> Table:
    """Return a polars column of integers or bools without missing values as a Series, and other values as they are.

    If integers from 2**53 on became floats, they would be rounded, and different labels could become equal.
    """
    dtype: Table = getattr(column, "dtype", None)
    if not hasattr(dtype, "is_integer") or column.null_count() or not (dtype.is_integer() or str(dtype) == "Boolean"):
        return column
    try:
        return pd.Series(column.to_numpy(), copy=False)
    except Exception:  # an error of polars, which is not imported: NumPy has no integers of 128 bits
        return pd.Series(column.to_list(), dtype=object)


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
    if pd.api.types.is_numeric_dtype(dtype):  # also integers and bools: all are read as numbers
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
        remedy = (
            "Convert it, or make it a category before fit: by its dtype in a data frame, or by naming it in "
            "categorical_features."
        )
        if any(isinstance(value, Sized) and not isinstance(value, str) for value in column):
            remedy = "Give each value of such a collection a column of its own, or drop the column."
        raise (TypeError if isinstance(error, TypeError) else ValueError)(
            f"Column {name!r} of X (dtype {column.dtype}) should hold numbers, but "
            f"{reason_for_no_numbers(column, error)}. {remedy}"
        ) from error


def reason_for_no_numbers(column: ColumnValues, error: Exception) -> str:
    """Return why values cannot become numbers: the error, or the type of a sequence, which NumPy does not name."""
    for value in column if "with a sequence" in str(error) else []:
        if isinstance(value, Sized) and not isinstance(value, str):
            return f"holds values of type {type(value).__name__}, such as {short_repr(value)}"
    return str(error).rstrip(".")


def check_not_infinite(values: Array, names: Sequence[str]) -> None:
    """Raise a ValueError that names the first column, of one, (n,), or of several, (n, d), with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise ValueError(
            f"Column {names[int(np.argmax(infinite))]!r} of X contains infinity: replace it by a finite number, "
            "or by NaN if it stands for a missing value."
        )


def read_categories(values: ColumnValues, name: str = "") -> tuple[NDArray[np.intp], list[str]]:
    """Return the codes of a column's values, (n,), −1 where missing, and the key of the category of each code.

    Some categories may not occur, and two may have the same key (1 and "1"). Errors name the column.
    """
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        codes = np.asarray(values.cat.codes)
        categories = np.asarray(values.cat.categories, dtype=object)  # also categories that no row has
    else:
        codes, distinct = factorize(values, name)
        categories = np.asarray(distinct, dtype=object)
    return codes.astype(np.intp), [category_key(category) for category in categories]


def as_categorical(values: ColumnValues, name: str) -> pd.Series:
    """Return a column with dtype "category", so that its categories are found only once."""
    if isinstance(values, pd.Series) and isinstance(values.dtype, pd.CategoricalDtype):
        return values
    return pd.Series(pd.Categorical.from_codes(*factorize(values, name)), copy=False)


def factorize(values: ColumnValues, name: str) -> tuple[Array, Table]:
    """Return a code for each of n values, −1 where missing, and the value of each code."""
    try:
        return pd.factorize(as_common_type(values))
    except (TypeError, NotImplementedError) as error:  # a list or a dict cannot be hashed
        raise TypeError(
            f"Column {getattr(values, 'name', None) or name!r} of X holds what is no category, {error}: "
            "make each value a string or a number."
        ) from error


def as_common_type(values: Table) -> Table:
    """Return an array or a Series in its `factorizable_type`, without a copy if it has this type already."""
    dtype = values.dtype
    common = factorizable_type(dtype)
    return values if common is dtype else values.astype(common)


def with_common_types(frame: pd.DataFrame) -> pd.DataFrame:
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


# --- arrays ----------------------------------------------------------------------------------------------------------


_UNREADABLE_COLLECTIONS: tuple[tuple[Callable[[object], bool], str, str], ...] = (
    (lambda X: isinstance(X, str | PathLike), "text or a path",
     "give the values; pandas.read_csv reads them from a file"),
    (lambda X: hasattr(X, "__dask_graph__"), "a dask collection",
     "use the estimators of sknet.dask, or compute it first, {name}.compute()"),
    (lambda X: hasattr(X, "collect") and hasattr(X, "lazy"), "a lazy frame", "collect it first, {name}.collect()"),
    (lambda X: hasattr(X, "schema") and hasattr(X, "to_pandas") and not hasattr(X, "item"), "an Arrow table",
     "convert it first, {name}.to_pandas()"),
)  # fmt: skip
"""Paths and collections of other libraries that NumPy would misread: (is it one?, its name, the remedy).

The libraries are not imported, so that attributes recognise the collections. A polars data frame has a schema, too,
and `item`. A dask collection may look like a data frame.
"""


def check_readable_collection(values: object, name: str) -> None:
    """Raise a TypeError for a collection that NumPy would misread."""
    if isinstance(values, np.ndarray | pd.DataFrame | pd.Series | list):
        return
    for is_foreign, what, remedy in _UNREADABLE_COLLECTIONS:
        if is_foreign(values):
            raise TypeError(f"{name} is {what} ({type(values).__name__}): {remedy.format(name=name)}.")


def as_native_array(values: Target, name: str) -> Array:
    """Return values as an array in native byte order; raise for masked values and foreign collections."""
    check_readable_collection(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        row = int(np.argwhere(np.ma.getmaskarray(values))[0][0])
        raise ValueError(f"{name} is masked in row {row}: leave out the rows that are masked, or fill them.")
    try:
        array = np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)
    except ValueError as error:  # rows differ in length
        raise ValueError(
            f"{name} is no array: {str(error).rstrip('.')}. Give each row the same number of values."
        ) from error
    if isinstance(values, list | tuple) and array.dtype.kind in "US":
        array = np.array(values, dtype=object)  # NumPy turned numbers among text into text
    # pandas and BLAS need native byte order
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_numbers(values: Target, name: str) -> Array:
    """Return values as an array of numbers. Text may spell numbers, and missing values become NaN."""
    array = as_native_array(values, name)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "mMc":
        what = "complex numbers: Complex data not supported" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise ValueError(f"{name} should hold numbers, but holds {what}. Convert it first.")
    objects = array.astype(object)
    try:
        return none_to_nan(objects).astype(np.float64)
    except (TypeError, ValueError, ArithmeticError) as error:
        # the first value that cannot be converted; without dimensions, it is in row 0
        at, value = next((at, value) for at, value in np.ndenumerate(objects) if not _is_number(value))
        raise ValueError(
            f"{name} should hold numbers, but row {at[0] if at else 0} holds {short_repr(value)}: "
            f"{str(error).rstrip('.')}. Convert it first."
        ) from error


def none_to_nan(objects: Array) -> Array:
    """Return objects with NaN instead of None, pandas.NA and NaT."""
    return np.where(is_missing(objects), np.nan, objects)


def is_missing(values: Table | ColumnValues) -> Array:
    """Return a mask of the values that are None, NaN, pandas.NA or NaT."""
    return np.asarray(pd.isna(values))


def _is_number(value: object) -> bool:
    """Whether `as_numbers` can convert a value."""
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return value is None or value is pd.NA or value is pd.NaT
    return True


# --- arrays of several columns ---------------------------------------------------------------------------------------


def missing_to_nan(X: Table) -> Table:
    """Return an array with NaN for masked values, None and pandas.NA; other tables as they are.

    Raise for arrays of complex numbers and of dates.
    """
    if isinstance(X, np.ma.MaskedArray):
        # only floats can be NaN: integers become float64
        floats = np.ma.asarray(X).astype(X.dtype if X.dtype.kind == "f" else np.float64)
        return np.ma.filled(floats, np.nan)
    if not isinstance(X, np.ndarray):  # frames and sparse matrices are checked elsewhere
        return X
    if X.dtype.kind == "c":
        raise ValueError("X: Complex data not supported: pass real and imaginary parts as columns of their own.")
    if X.dtype.kind in "mM":
        raise TypeError(
            f"X is an array of {X.dtype}, which is read in pandas and polars data frames only: pass X as one, or turn "
            "it into numbers."
        )
    try:
        return none_to_nan(X) if X.dtype == object else X
    except (ValueError, ArithmeticError):
        check_columns_are_finite(X)
        raise


def check_columns_are_finite(X: Table) -> None:
    """Raise an error that names the first column of a table that is no frame with other values than finite numbers."""
    array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    if array.ndim == 2 and array.dtype.kind != "c":
        for j, column in enumerate(array.T):
            check_not_infinite(column_as_floats(pd.Series(column), f"x{j}"), [f"x{j}"])
