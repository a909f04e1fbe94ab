"""Labels as a user passes them, as one NumPy array; what cannot be a label is refused.

Conventions
-----------
y : (n,) or (n, k)       labels as the user gives them: array-like, Series, data frame, sparse indicator matrix
labels : (n,) or (n, k)  the same as an array: bools, numbers, or text as objects; of several columns, some labels may
                         be missing in a row: NaN among floats, None among objects
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d

from sknet._tables.read import (
    as_native_array,
    as_pandas,
    check_not_foreign,
    integers_from_polars,
    is_frame,
    is_missing,
    is_sparse,
    short_repr,
)
from sknet._typing import Array, Target


def as_labels(y: Target, *, warn: bool = False) -> Array:
    """Convert labels of any kind to an array of shape (n,) or (n, outputs); a ValueError says which are missing.

    Parameters
    ----------
    y : array-like, Series, data frame or sparse matrix
        The labels.
    warn : bool, default=False
        Whether a column vector, which is taken as (n,), gives a `DataConversionWarning`.

    Returns
    -------
    ndarray
    """
    check_not_foreign(y, "y")
    if is_sparse(y):
        labels: Array = y.toarray()
    elif is_frame(y):
        frame = as_pandas(y)
        columns = [as_label_column(column, may_have_missing=frame.shape[1] > 1) for _, column in frame.items()]
        labels = stack_label_columns(columns) if columns else np.empty((len(y), 0))
    else:
        labels = as_label_column(y)
    if labels.ndim not in (1, 2):
        raise ValueError(f"Unknown label type: y has shape {labels.shape}; give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 0:
        raise ValueError("y has no columns: give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 1:
        # convert once more: in two dimensions, strings beside other labels have been let through
        labels = as_label_column(column_or_1d(labels, warn=warn))
    if labels.ndim == 2 and labels.dtype.kind in "Of":
        is_empty = is_missing(labels).all(axis=1)
        if is_empty.any():
            raise ValueError(
                f"Input y contains NaN and nothing else in row {is_empty.argmax()}: leave out rows without any label."
            )
    return labels


def as_label_column(y: Target, *, may_have_missing: bool = False) -> Array:
    """Convert labels of one type to an array; objects become text or the numbers that they are.

    With `may_have_missing`, or in one of several columns, labels may be missing; objects then stay objects.
    """
    if type(y) is np.ndarray and y.dtype.isnative and y.dtype.kind in "biuU":
        return y  # the usual labels, which cannot be missing
    labels = as_native_array(integers_from_polars(y), "y")
    if labels.ndim == 0:
        raise ValueError(f"Unknown label type: y is {short_repr(y)}; give it the shape (n,) or (n, outputs).")
    if labels.dtype.kind == "T":  # NumPy's strings of variable length
        labels = labels.astype(object)
    if labels.dtype.kind == "V":  # a structured array
        raise ValueError(
            f"Unknown label type: y has the dtype {labels.dtype}: give it a column for each field, of shape "
            "(n, outputs), or numbers or strings."
        )
    may_have_missing = may_have_missing or (labels.ndim == 2 and labels.shape[1] > 1)
    if labels.dtype.kind not in "biuU":
        _check_labels_are_usable(labels, may_have_missing)
    typed = labels
    if labels.dtype == object:
        missing = is_missing(labels)
        if missing.any():
            for column, is_absent in zip(np.atleast_2d(labels.T), np.atleast_2d(missing.T), strict=True):
                _from_objects(column[~is_absent])  # raises for values that are not labels
            return np.where(missing, np.array(None), labels)  # pandas.NA cannot be compared
        typed = _from_objects(labels)
    # NumPy makes integers floats where one label is a float
    if typed.dtype.kind == "f" and (labels.dtype == object or isinstance(y, list | tuple)):
        _check_not_rounded(np.array(y, dtype=object).ravel().tolist())
    return typed


def stack_label_columns(columns: list[Array]) -> Array:
    """Stack columns of labels side by side, as objects where text meets numbers: NumPy would make numbers text."""
    is_text = {column.dtype.kind in "OUT" for column in columns}
    return np.column_stack([column.astype(object) for column in columns] if is_text == {True, False} else columns)


def present_labels(column: Array) -> Array:
    """Return the labels of a column that are not missing."""
    return as_label_column(column[~is_missing(column)])


def is_indicator(labels: Array) -> bool:
    """Whether a two-dimensional array is a multilabel target: nothing but 0, 1 and what is missing."""
    present = labels if labels.dtype.kind in "biu" else labels[~is_missing(labels)]
    return present.dtype.kind in "biufO" and bool(((present == 0) | (present == 1)).all())


def indicator_codes(labels: Array) -> NDArray[np.intp]:
    """Return 0 and 1 as they are, and -1 for what is missing."""
    return np.where(is_missing(labels), -1, labels).astype(np.intp)


def check_number_of_outputs(labels: Array, n_outputs: int) -> None:
    """Raise a ValueError for labels with another number of columns than those that were learnt."""
    if labels.ndim != 2 or labels.shape[1] != n_outputs:
        raise ValueError(
            f"y has shape {labels.shape}, but the classifier knows {n_outputs} outputs: give a column for each."
        )


def _from_objects(labels: Array) -> Array:
    """Return objects that all are text, or else the numbers or bools that they are; refuse all others."""
    values = labels.ravel().tolist()
    nested = next(
        (v for v in values if isinstance(v, Collection | np.ndarray) and not isinstance(v, str | bytes)), None
    )
    if nested is not None:
        raise ValueError(
            f"Unknown label type: y holds {short_repr(nested)}, a {type(nested).__name__}, as a label: make labels "
            "strings or numbers; for several labels per row, give y the shape (n, outputs)."
        )
    is_text = {isinstance(value, str) for value in values}
    if is_text == {True, False} and labels.ndim == 1:  # of two dimensions, each column is converted again, by itself
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    if True in is_text:
        return labels
    typed = np.array(labels.tolist())  # NumPy chooses the type
    if typed.dtype == object:
        unusable = next((value for value in values if np.array(value).dtype == object), values[0])
        raise ValueError(
            f"Unknown label type: y holds labels such as {short_repr(unusable)}: make them strings, or integers of 64 "
            "bits at most."
        )
    if typed.dtype.kind in "cf":
        _check_labels_are_usable(typed)
    return typed


def _check_labels_are_usable(labels: Array, may_have_missing: bool = False) -> None:
    """Raise a ValueError for labels that are infinite or complex, or missing unless they may be."""
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
    if missing.any() and not may_have_missing:
        raise ValueError(
            f"Input y contains NaN: some labels are missing, that of row {np.argwhere(missing)[0][0]} first. Leave "
            "these rows out, or give them a label."
        )


def _check_not_rounded(labels: list[object]) -> None:
    """Raise a ValueError for an integer among floats that no float equals: rounded, it might be another label."""
    for label in labels:
        if isinstance(label, int | np.integer) and int(float(label)) != int(label):
            raise ValueError(f"y mixes floats with the integer {label}, which no float is: make all of them integers.")
