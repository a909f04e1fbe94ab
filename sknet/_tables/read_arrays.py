"""Reading targets, weights and tables without names into NumPy arrays. Errors name the argument.

Conventions
-----------
values : (n,) or (n, k)    numbers or objects, one row per row of X
"""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike

import numpy as np
import pandas as pd

from sknet._tables.column_values import ColumnValues, check_not_infinite, column_as_floats
from sknet._tables.messages import short_repr
from sknet._typing import Array, Table, Target

_UNREADABLE_COLLECTIONS: tuple[tuple[Callable[[object], bool], str, str], ...] = (
    (lambda X: isinstance(X, str) and " ~ " in X, "a formula",
     "give the columns on its right as X, and the column on its left as y"),
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
            is_column_name = isinstance(values, str) and name in ("y", "sample_weight", "groups")
            hint = f" If it names a column, pass {name}=X[{short_repr(values)}]." if is_column_name else ""
            raise TypeError(f"{name} is {what} ({type(values).__name__}): {remedy.format(name=name)}.{hint}")


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


def as_numbers(values: Target, name: str, remedy: str = "Convert it first.") -> Array:
    """Return values as an array of numbers. Text may spell numbers, and missing values become NaN."""
    array = as_native_array(values, name)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "mMc":
        what = "complex numbers: Complex data not supported" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise ValueError(f"{name} should hold numbers, but holds {what}. {remedy}")
    objects = array.astype(object)
    try:
        return none_to_nan(objects).astype(np.float64)
    except (TypeError, ValueError, ArithmeticError) as error:
        # the first value that cannot be converted; without dimensions, it is in row 0
        at, value = next((at, value) for at, value in np.ndenumerate(objects) if not _is_number(value))
        raise ValueError(
            f"{name} should hold numbers, but row {at[0] if at else 0} holds {short_repr(value)}: "
            f"{str(error).rstrip('.')}. {remedy}"
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
