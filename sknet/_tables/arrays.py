"""What a user passes, as NumPy arrays; errors name the argument that cannot be read.

Conventions
-----------
values : (n,) or (n, k)     numbers or objects, one row per row of X
"""

from collections.abc import Callable, Sized
from decimal import Decimal, InvalidOperation
from os import PathLike

import numpy as np
import pandas as pd

from sknet._tables.read import check_not_infinite, short_repr
from sknet._typing import Array, Table, Target

_UNREADABLE_COLLECTIONS: tuple[tuple[Callable[[object], bool], str, str], ...] = (
    (lambda X: isinstance(X, str | PathLike), "text or a path", "read the file first, with pandas.read_csv perhaps"),
    (lambda X: hasattr(X, "__dask_graph__"), "a dask collection",
     "use the estimators of sknet.dask, or compute it first, {name}.compute()"),
    (lambda X: hasattr(X, "collect") and hasattr(X, "lazy"), "a lazy frame", "collect it first, {name}.collect()"),
    (lambda X: hasattr(X, "schema") and hasattr(X, "to_pandas") and not hasattr(X, "item"), "an Arrow table",
     "convert it first, {name}.to_pandas()"),
)  # fmt: skip
"""Paths, and collections of other libraries, that NumPy would misread: how each is recognised, its name, the remedy.

None of the libraries is imported, so attributes have to tell.
A polars data frame has a schema too, and `item`; a dask collection may look like a data frame.
"""


def check_not_foreign(values: object, name: str) -> None:
    """Raise a TypeError for a collection that NumPy would misread."""
    if isinstance(values, np.ndarray | pd.DataFrame | pd.Series | list):
        return
    for is_foreign, what, remedy in _UNREADABLE_COLLECTIONS:
        if is_foreign(values):
            raise TypeError(f"{name} is {what} ({type(values).__name__}): {remedy.format(name=name)}.")


def as_native_array(values: Target, name: str) -> Array:
    """Convert a list or a Series to an array in this machine's byte order; refuse masked values and lazy frames."""
    check_not_foreign(values, name)
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
        array = np.array(values, dtype=object)  # NumPy has turned numbers among text into text
    # pandas and BLAS ask for this machine's byte order
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def as_numbers(values: Target, name: str) -> Array:
    """Convert values to an array of numbers: text that spells a number is read, and missing values become NaN."""
    array = as_native_array(values, name)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "mMc":
        what = "complex numbers: Complex data not supported" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise ValueError(f"{name} should hold numbers, but holds {what}. Convert it first.")
    objects = array.astype(object)
    try:
        return none_to_nan(objects).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        # the first value that cannot be converted; a single value is of row 0
        at, value = next((at, value) for at, value in np.ndenumerate(objects) if not _is_number(value))
        raise ValueError(
            f"{name} should hold numbers, but row {at[0] if at else 0} holds {short_repr(value)}: "
            f"{str(error).rstrip('.')}. Convert it first."
        ) from error


def none_to_nan(objects: Array) -> Array:
    """Replace None, pandas.NA and NaT by NaN."""
    return np.where(is_missing(objects), np.nan, objects)


def is_missing(values: Array) -> Array:
    """Tell which values are None, NaN, pandas.NA or NaT; a signalling NaN is a ValueError."""
    try:
        return np.asarray(pd.isna(values))
    except InvalidOperation as error:  # a signalling NaN raises when it is compared
        raise ValueError("decimal.Decimal('sNaN') is a signalling NaN: make it None") from error


def _is_number(value: object) -> bool:
    """Whether `as_numbers` can convert a value: what `float` takes, or a missing value."""
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return value is None or value is pd.NA or value is pd.NaT
    return True


# --- tables ----------------------------------------------------------------------------------------------------------


def missing_to_nan(X: Table) -> Table:
    """Replace masked values, None and pandas.NA in an array by NaN; refuse complex numbers and dates."""
    if isinstance(X, np.ma.MaskedArray):
        # only floats can be NaN: integers become float64
        floats = np.ma.asarray(X).astype(X.dtype if X.dtype.kind == "f" else np.float64)
        return np.ma.filled(floats, np.nan)
    if not isinstance(X, np.ndarray):  # frames and sparse matrices have checks of their own
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
    except ValueError as error:
        raise_for_bad_column(X, str(error))
        raise


def raise_for_bad_column(X: Table, reason: str) -> None:
    """Raise an error that names the first column of an array with a value that is neither a finite number nor NaN.

    Return if there is none: the caller then raises `reason`, the message of the error that it has caught.
    """
    array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
    if array.ndim != 2 or array.dtype.kind == "c":
        return
    for j, column in enumerate(array.T):
        try:
            numbers = column.astype(np.float64)
        except (TypeError, OverflowError) as error:
            error_type = TypeError if isinstance(error, TypeError) else ValueError
            raise error_type(f"Column 'x{j}' of X should hold numbers, but {error}. Convert it first.") from error
        except ValueError as error:
            value = next((value for value in column if not _is_number(value)), "")  # "": text that `float` alone reads
            if isinstance(value, Decimal):
                raise ValueError(f"Column 'x{j}' of X holds decimal.Decimal('sNaN'): make it None.") from error
            if isinstance(value, str | bytes):
                raise ValueError(
                    f"Column 'x{j}' of X holds text: {reason.rstrip('.')}. Text is taken as categories in pandas and "
                    "polars data frames only: pass X as one, or name the columns in categorical_features or "
                    "text_features."
                ) from error
            if isinstance(value, Sized):
                raise ValueError(f"Column 'x{j}' of X holds lists or arrays: make each value one number.") from error
            raise  # what a value of the user's own class says
        # the name does not depend on the index, which is 0 in an array of one column
        check_not_infinite(numbers[:, np.newaxis], lambda _, j=j: f"x{j}")  # type: ignore[misc]
