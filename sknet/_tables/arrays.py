"""What a user passes, as plain NumPy arrays; what would be misread is refused, by the argument's name.

Conventions
-----------
values : (n,) or (n, k)     numbers or objects, one row per row of X
"""

from collections.abc import Callable, Collection
from decimal import InvalidOperation

import numpy as np
import pandas as pd

from sknet._tables.columns.number import refuse_infinite
from sknet._tables.messages import short_repr
from sknet._typing import Array, Table, Target

_FOREIGN: tuple[tuple[Callable[[object], bool], str, str], ...] = (
    (lambda X: hasattr(X, "__dask_graph__"), "a dask collection",
     "use the estimators of sknet.dask, or compute it first, {name}.compute()"),
    (lambda X: hasattr(X, "collect") and hasattr(X, "lazy"), "a lazy frame", "collect it first, {name}.collect()"),
    (lambda X: hasattr(X, "schema") and hasattr(X, "to_pandas") and not hasattr(X, "item"), "an Arrow table",
     "convert it first, {name}.to_pandas()"),
)  # fmt: skip
"""Collections of other libraries that NumPy would misread: how each is known, what it is called, and the remedy.

A polars data frame has a schema too, and `item`; a dask collection may look like a data frame.
"""


def refuse_foreign(values: object, name: str) -> None:
    """Raise a TypeError for a collection that NumPy would misread."""
    if isinstance(values, np.ndarray | pd.DataFrame | pd.Series | list):
        return
    for is_foreign, what, remedy in _FOREIGN:
        if is_foreign(values):
            raise TypeError(f"{name} is {what} ({type(values).__name__}): {remedy.format(name=name)}.")


def as_native_array(values: Target, name: str) -> Array:
    """Take values out of a Series or a list, in this machine's byte order; refuse masked ones and lazy ones."""
    refuse_foreign(values, name)
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        row = int(np.argwhere(np.ma.getmaskarray(values))[0][0])
        raise ValueError(f"{name} is masked in row {row}: leave out the rows that are masked, or fill them.")
    if hasattr(values, "to_numpy"):
        return native(np.asarray(values.to_numpy()))
    try:
        array = np.asarray(values)
    except ValueError as error:  # of rows of several lengths
        raise ValueError(f"{name} is no array: {str(error).rstrip('.')}. Give each row as many values.") from error
    if isinstance(values, list | tuple) and array.dtype.kind in "US":  # in which NumPy writes numbers as text
        array = np.array(values, dtype=object)
    return native(array)


def native(values: Array) -> Array:
    """Return an array in this machine's byte order, which pandas and BLAS ask for."""
    return values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))


def as_numbers(values: Target, name: str) -> Array:
    """As `as_native_array`, with numbers in it: what is missing among objects is NaN, and numerals are read."""
    array = as_native_array(values, name)
    if array.dtype.kind in "fiub":
        return array
    if array.dtype.kind in "mMc":
        what = "complex numbers: Complex data not supported" if array.dtype.kind == "c" else f"{array.dtype} values"
        raise ValueError(f"{name} should hold numbers, but holds {what}. Convert it first.")
    objects = array.astype(object)
    try:
        return missing_as_nan(objects).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        rows = objects.reshape(len(objects), -1) if objects.ndim else objects.reshape(1, 1)
        row, value = next(
            (row, value) for row, values_ in enumerate(rows.tolist()) for value in values_ if not _is_number(value)
        )
        raise ValueError(
            f"{name} should hold numbers, but row {row} holds {short_repr(value)}: {str(error).rstrip('.')}. Convert it "
            "first."
        ) from error


def missing_as_nan(objects: Array) -> Array:
    """Make None, pandas.NA and NaT NaN."""
    return np.where(is_missing(objects), np.nan, objects)


def is_missing(values: Array) -> Array:
    """Tell which values are None, NaN, pandas.NA or NaT; a signalling NaN is a ValueError."""
    try:
        return np.asarray(pd.isna(values))
    except InvalidOperation as error:  # it may not even be compared
        raise ValueError("decimal.Decimal('sNaN') is a signalling NaN: make it None") from error


def _is_number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return value is None or value is pd.NA or value is pd.NaT
    return True


# --- tables ----------------------------------------------------------------------------------------------------------


def with_missing_as_nan(X: Table) -> Table:
    """Make masked values, None and pandas.NA NaN; refuse what NumPy would misread."""
    if isinstance(X, np.ma.MaskedArray):
        floats = np.ma.asarray(X).astype(X.dtype if X.dtype.kind == "f" else np.float64)
        return np.ma.filled(floats, np.nan)
    if not isinstance(X, np.ndarray):
        return X
    if X.dtype.kind == "c":
        raise ValueError("X: Complex data not supported: pass real and imaginary parts as columns of their own.")
    if X.dtype.kind in "mM":
        raise TypeError(
            f"X is an array of {X.dtype}, which is read in pandas and polars data frames only: pass X as one, or turn "
            "it into numbers."
        )
    try:
        return missing_as_nan(X) if X.dtype == object else X
    except ValueError as error:
        refuse_columns(X, str(error))
        raise


def refuse_columns(X: Table, reason: str) -> None:
    """Raise a ValueError that names the first column of an array with what is no number, or an infinite one."""
    array = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)  # of rows that may differ in length
    if array.ndim != 2 or array.dtype.kind in "c":
        return
    for j, column in enumerate(array.T):
        try:
            refuse_infinite(column.astype(np.float64)[:, np.newaxis], lambda _, j=j: f"x{j}")  # type: ignore[misc]
        except (TypeError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"Column 'x{j}' of X should hold numbers, but {error}. Convert it first.") from error
        except ValueError as error:
            if "sequence" in str(error):
                raise ValueError(f"Column 'x{j}' of X holds lists or arrays: make each value one number.") from error
            if "signaling NaN" in str(error):
                raise ValueError(f"Column 'x{j}' of X holds decimal.Decimal('sNaN'): make it None.") from error
            if "could not convert" not in str(error):
                raise
            raise ValueError(
                f"Column 'x{j}' of X holds text: {reason.rstrip('.')}. Text is taken as categories in pandas and "
                "polars data frames only: pass X as one, or name the columns in categorical_features."
            ) from error


# --- labels ----------------------------------------------------------------------------------------------------------


def is_indicator(y: Array) -> bool:
    """Whether a two-dimensional array is a multilabel target: nothing but 0 and 1."""
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())


def check_columns(y: Array, expected: int) -> None:
    if y.ndim != 2 or y.shape[1] != expected:
        raise ValueError(f"y has shape {y.shape}, but the classifier knows {expected} outputs: give a column for each.")


def stack_label_columns(columns: list[Array]) -> Array:
    """Put columns of labels side by side, as objects where text meets numbers."""
    texts = {column.dtype.kind in "OUT" for column in columns}
    return np.column_stack([column.astype(object) for column in columns] if len(texts) == 2 else columns)


def labels_of_one_type(y: Target) -> Array:
    """Make every kind of text objects, and of other objects what they are; refuse missing and infinite labels."""
    labels = y if type(y) is np.ndarray and y.dtype.isnative else as_native_array(y, "y")
    if labels.ndim == 0:
        raise ValueError(f"Unknown label type: y is {short_repr(y)}; give it the shape (n,) or (n, outputs).")
    if labels.dtype.kind == "T":
        labels = labels.astype(object)
    if labels.dtype.kind == "V":
        raise ValueError(
            f"Unknown label type: y has the dtype {labels.dtype}: give it a column for each field, of shape "
            "(n, outputs), or numbers or strings."
        )
    if labels.dtype.kind not in "biuU":
        refuse_no_labels(labels)
    found = plain_objects(labels) if labels.dtype == object else labels
    if found.dtype.kind == "f" and (labels.dtype == object or isinstance(y, list | tuple)):
        _refuse_merged(np.array(y, dtype=object).ravel().tolist())
    return found


def _refuse_merged(labels: list[object]) -> None:
    """Raise a ValueError for whole numbers among floats that no float is equal to: two labels would become one."""
    for label in labels:
        if isinstance(label, int | np.integer) and int(float(label)) != int(label):
            raise ValueError(f"y mixes floats with the integer {label}, which no float is: make all of them integers.")


def plain_objects(labels: Array) -> Array:
    """Return objects that all are text, or what other objects are: numbers, say; refuse what is neither."""
    nested = next((label for label in labels.ravel().tolist() if _is_collection(label)), None)
    if nested is not None:
        raise ValueError(
            f"Unknown label type: y holds {short_repr(nested)}, a {type(nested).__name__}, as a label: make labels strings "
            "or numbers; for several labels per row, give y the shape (n, outputs)."
        )
    texts = {isinstance(label, str) for label in labels.ravel().tolist()}
    if texts == {True, False} and labels.ndim == 1:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    if True in texts:
        return labels
    found = np.array(labels.tolist())
    if found.dtype == object:
        unusable = next((label for label in labels.ravel().tolist() if np.array(label).dtype == object), labels.flat[0])
        raise ValueError(
            f"Unknown label type: y holds labels such as {short_repr(unusable)}: make them strings, or integers of 64 bits "
            "at most."
        )
    if found.dtype.kind in "cf":
        refuse_no_labels(found)
    return found


def refuse_no_labels(labels: Array) -> None:
    """Raise a ValueError for labels that are missing, infinite or complex."""
    if labels.dtype.kind == "c":
        raise ValueError(
            "Unknown label type: y holds complex numbers. Complex data not supported: make them strings, or integers."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            f"Input y contains infinity, which is not a label, in row {np.argwhere(np.isinf(labels))[0][0]} first. "
            "Leave these rows out, or give them another one."
        )
    try:
        missing = is_missing(labels)
    except ValueError as error:
        raise ValueError(f"Unknown label type: in y, {error}, or another label.") from error
    if missing.any():
        raise ValueError(
            f"Input y contains NaN: some labels are missing, that of row {np.argwhere(missing)[0][0]} first. Leave "
            "these rows out, or give them a label."
        )


def _is_collection(label: object) -> bool:
    return isinstance(label, Collection | np.ndarray) and not isinstance(label, str | bytes)
