"""Checks of what the user passes: the table, the target, the weights and the groups.

Conventions
-----------
X : (n, d)         array, CSR matrix or data frame, its values not yet encoded
weight : (n,)      float64, not negative; None where all are 1
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from numbers import Real

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import validate_data

from sknet._estimators.zero_weights import drop_zero_weights, n_rows_of, replace_zero_weight_rows
from sknet._model.heads import Head
from sknet._model.table_in_memory import TableInMemory
from sknet._tables.arrays import (
    as_native_array,
    as_numbers,
    fill_table_with_nan,
    missing_as_nan,
    refuse_bad_column,
    refuse_unreadable_collection,
)
from sknet._tables.choices import ColumnChoices
from sknet._tables.frames import (
    as_common_type,
    as_pandas,
    column_names,
    is_frame,
    refuse_broken_text,
    unwrap_narwhals,
    with_common_types,
)
from sknet._tables.messages import short_list
from sknet._tables.rows import MIN_TOTAL_WEIGHT, FeatureTable, Rows
from sknet._tables.tables import MemoryMappedRows, is_memory_mapped, is_sparse, refuse_bad_sparse
from sknet._typing import Array, DType, Table, Target


@dataclass(frozen=True)
class Columns:
    """The columns of the first table, which later ones must have: their number, and their names if all are strings."""

    n: int
    names: Array | None
    float_type: DType  # of fitted arrays and predictions: the table's own, float64 if it has none
    text_positions: tuple[int, ...] = ()  # positions of those of an array that may hold text


@dataclass(frozen=True)
class FitArguments:
    """The arguments of `fit`, `resume` or `partial_fit`."""

    X: Table | FeatureTable
    y: Target
    sample_weight: Target = None
    X_val: Table | FeatureTable = None
    y_val: Target = None
    sample_weight_val: Target = None
    groups: Target = None
    columns: Columns | None = None  # of X, where it was checked when it was written to a file
    classes: Target = None  # all labels that may come, of `partial_fit`

    @property
    def has_own_rows(self) -> bool:
        """Whether any part of a validation set was passed."""
        return not (self.X_val is None and self.y_val is None and self.sample_weight_val is None)


@dataclass(frozen=True)
class ReadData:
    """The data of a call, checked."""

    head: Head
    rows: Rows  # of positive weight
    columns: Columns
    passed: FitArguments  # as the user gave them, rows of weight 0 too
    held_out: Rows | None = None  # X_val and y_val; not rows of X, which `Plan` chooses


# --- all of it -------------------------------------------------------------------------------------------------------


def read_rows(
    arguments: FitArguments,
    name: str,
    columns: Columns | None,
    parse: Callable[[Target], tuple[Head, Array]],
    choices: ColumnChoices | None = None,
) -> tuple[Head, Rows, Columns]:
    """Check a table, its target, weights and groups; rows of weight 0 are dropped.

    Parameters
    ----------
    arguments : FitArguments
    name : str
        The estimator's, for messages.

    columns : Columns or None
        What the table must fit; None if nothing is known yet.

    parse : callable
        y -> head, parsed y.

    choices : ColumnChoices, default=None
        The user's: the columns of an array that may hold text.

    Returns
    -------
    head : Head
    rows : Rows
    columns : Columns
    """
    weight = read_weight_of_rows(arguments.X, arguments.sample_weight)
    table, columns = read_features(drop_zero_weights(arguments.X, weight), name, columns, choices)
    if arguments.y is None:
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    head, values = parse(replace_zero_weight_rows(arguments.y, weight, "y"))
    return head, assemble_rows(table, values, weight, arguments.groups), columns


def read_own_rows(arguments: FitArguments, name: str, head: Head, columns: Columns, early_stopping: object) -> Rows:
    """Check the validation set that the user passes."""
    if arguments.X_val is None and arguments.y_val is None:
        raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided. Give all three.")
    if arguments.y_val is None:
        raise ValueError("X_val is provided, but y_val was not provided. Give both, or neither.")
    if arguments.X_val is None:
        raise ValueError("y_val is provided, but X_val was not provided. Give both, or neither.")
    if not early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping is False. "
            "When passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
        )
    if early_stopping == "folds":
        raise ValueError(
            "X_val and y_val are passed, but early_stopping='folds' chooses the epoch by rows of X: set early_stopping "
            "to True, or leave X_val and y_val out."
        )
    weight = read_weight_of_rows(arguments.X_val, arguments.sample_weight_val, "sample_weight_val")
    with prefix_errors("X_val"):
        table, _ = read_features(drop_zero_weights(arguments.X_val, weight), name, columns)
    with prefix_errors("y_val"):
        values = head.read(replace_zero_weight_rows(arguments.y_val, weight, "y_val"))
    return assemble_rows(table, values, weight, names=("X_val", "y_val"))


@contextmanager
def prefix_errors(name: str) -> Iterator[None]:
    """Put the name of an argument before the message of an error that reading it raises."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{name}: {str(error).removeprefix('X: ')}") from error


# --- tables ----------------------------------------------------------------------------------------------------------


def read_features(
    X: Table | FeatureTable, name: str, columns: Columns | None, choices: ColumnChoices | None = None
) -> tuple[FeatureTable, Columns]:
    """Check a table, against the columns of an earlier one if there was one; one that is elsewhere by a few rows."""
    rows = X.example_rows if isinstance(X, FeatureTable) else X
    if columns is None:
        checked, columns = read_first_table(rows, name, choices or ColumnChoices())
    else:
        checked = read_known_table(rows, columns, name)
    if isinstance(X, FeatureTable):
        return X, columns
    frame = unwrap_narwhals(X)
    is_polars = is_frame(frame) and not isinstance(frame, pd.DataFrame)
    return TableInMemory(checked, frame if is_polars else None), columns


def read_first_table(X: Table, name: str, choices: ColumnChoices) -> tuple[Table, Columns]:
    """Check the table of a first fit; return it, and what later tables must match. `name`: the estimator's."""
    if type(X) is not np.ndarray:
        X = unwrap_narwhals(X)
        refuse_unreadable_collection(X, "X")
    if choices.columns_by_parameter:
        X = as_objects_if_text(X)
    if choices.columns_by_parameter and holds_objects(X):
        kinds = choices.named_kinds(_array_names(X.shape[1]))
        text_positions = tuple([j for j, kind in enumerate(kinds) if kind is not None])
        table = _check_frame(frame_of_objects(X, text_positions), name)
        return table, Columns(X.shape[1], None, np.dtype(np.float64), text_positions)
    if type(X) is not np.ndarray and is_frame(X):
        table = _check_frame(X, name)
        # the types of X: of a polars frame, `table` may have others
        columns = Columns(table.shape[1], feature_names(table), _float_type(X.dtypes))
        return table, columns
    table = _read_array(X, partial(check_array, estimator=name))
    return table, Columns(table.shape[1], None, _float_type([table.dtype]))


def read_known_table(X: Table, columns: Columns, name: str) -> Table:
    """Check a table against that of `fit`: its columns' names and their number."""
    if needs_no_check(X, columns):
        return X
    X = unwrap_narwhals(X)
    refuse_unreadable_collection(X, "X")
    if columns.text_positions:
        X = as_objects_if_text(X)
    if columns.text_positions and holds_objects(X):
        if X.shape[1] != columns.n:
            raise ValueError(f"X has {X.shape[1]} features, but {name} is expecting {columns.n} features as input.")
        return _check_frame(frame_of_objects(X, columns.text_positions), name)
    # `validate_data` compares X with these two attributes of an estimator; a function of columns has none
    stand_in = _class_named(name)()
    stand_in.n_features_in_ = columns.n
    if columns.names is not None:
        stand_in.feature_names_in_ = columns.names
    if is_frame(X):
        _refuse_duplicates(X)
        try:
            validate_data(stand_in, X, reset=False, skip_check_array=True)  # number and names of columns only
        except ValueError as error:
            if columns.names is None or sorted(map(str, X.columns)) != sorted(columns.names):
                raise
            raise ValueError(f"{error}Pass X[model.feature_names_in_].") from None
        return _check_frame(X, name)
    return _read_array(X, partial(validate_data, stand_in, reset=False))


def as_objects_if_text(X: Table) -> Table:
    """Return a list of rows with text or None among their values as an array of objects; all else as it is."""
    if not isinstance(X, list | tuple):
        return X
    try:
        is_text = holds_objects(np.asarray(X))
    except ValueError:  # rows of several lengths: an error of `check_array`, which says more
        return X
    return np.array(X, dtype=object) if is_text else X


def holds_objects(X: object) -> bool:
    """Whether X is an array that may hold text beside numbers."""
    return isinstance(X, np.ndarray) and X.dtype.kind in "OU" and X.ndim == 2  # O: objects, U: Python's strings


def frame_of_objects(X: Array, text_positions: tuple[int, ...]) -> pd.DataFrame:
    """Make an array of objects or text a data frame: columns that may be text as they are, all else as numbers."""
    columns: dict[str, Array | pd.Series] = {}
    for j, name in enumerate(_array_names(X.shape[1])):
        values = X[:, j]
        columns[name] = pd.Series(values, dtype=object) if j in text_positions else _as_numbers(values, name)
    return pd.DataFrame(columns)


def _array_names(n: int) -> list[str]:
    return [f"x{j}" for j in range(n)]


def _as_numbers(values: Array, name: str) -> Array:
    """Return a column of objects or text as float64, missing values as NaN."""
    try:
        return missing_as_nan(values.astype(object)).astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            f"Column {name!r} of X should hold numbers, but {str(error).rstrip('.')}. Convert it, or name it in "
            "categorical_features or text_features."
        ) from error


@cache  # a class is made once, not at each prediction
def _class_named(name: str) -> type[BaseEstimator]:
    """Return a class by which scikit-learn's messages name the estimator."""
    return type(name, (BaseEstimator,), {})


_CHECK_OPTIONS = {"accept_sparse": "csr", "dtype": "numeric", "ensure_all_finite": "allow-nan"}
"""What `check_array` is asked for: numbers of any type, NaN for missing ones, no infinity."""


def _check_frame(X: Table, name: str) -> Table:
    """Return a frame as one of pandas', after a check of its size and of its names."""
    _refuse_duplicates(X)
    for size, what in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"X: Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required by {name}."
            )
    return with_common_types(as_pandas(X))


def _refuse_duplicates(X: Table) -> None:
    names = column_names(X)
    if len(set(names)) < len(names):
        raise ValueError(
            f"X has several columns with one name, {short_list(sorted({n for n in names if names.count(n) > 1}))}: "
            "rename them, or drop the copies with X.loc[:, ~X.columns.duplicated()]."
        )


ROWS_CHECKED_AT_ONCE = 2**14
"""How many rows of a file are checked at a time."""


def _read_array(X: Table, check: Callable[..., Table]) -> Table:
    """Return an array, or what becomes one, as numbers checked by scikit-learn's `check`; errors say what to do."""
    if isinstance(X, MemoryMappedRows):  # of a file: a part is in memory at a time
        for rows in gen_batches(len(X), ROWS_CHECKED_AT_ONCE):
            _read_array(X[rows], check)
        return X
    if type(X) is not np.ndarray or X.dtype.kind not in "fiu":
        X = fill_table_with_nan(X)
    try:
        # scikit-learn looks for infinities by a sum; without its dispatch, arrays of other libraries become NumPy's
        with np.errstate(over="ignore", invalid="ignore"), config_context(array_api_dispatch=False):
            X = check(X, **_CHECK_OPTIONS)
        if isinstance(X, np.ndarray) and X.dtype == bool:
            X = X.view(np.uint8)  # the same bytes
        return X if is_memory_mapped(X) else as_common_type(X)  # which would copy a memory map
    except (ValueError, TypeError, OverflowError) as error:
        # these two raise an error that names the column, if they find one that is to blame
        if is_sparse(X):
            refuse_bad_sparse(X.tocsr())
        else:
            refuse_bad_column(X, str(error))
        if isinstance(error, OverflowError):
            raise ValueError(f"X holds a number too large for a float: {error}.") from error
        if str(error).startswith(("X ", "The feature names")):
            raise
        if X is None:
            raise type(error)("X is None: give a table of two dimensions, rows and columns.") from error
        # of an array of one dimension scikit-learn's message lists all values
        text = re.sub(r"instead:\narray=.*?\.\nReshape", "instead. Reshape", str(error), flags=re.DOTALL)
        raise type(error)(f"X: {text.rstrip('.')}. Give a table of two dimensions, rows and columns.") from error


def needs_no_check(X: Table, columns: Columns) -> bool:
    """Whether `validate_data`, which takes longer than predicting a row, would return X as it is."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and X.shape[1] == columns.n
        and X.shape[0] > 0
        and columns.names is None
        and _has_finite_sum(X)
    )


def _has_finite_sum(X: Array) -> bool:
    """Whether one pass shows that all is finite; a sum that overflows or is NaN leaves it to a full check."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def feature_names(X: Table) -> Array | None:
    """Return a frame's column names; None where none is a string, and an error where only some are."""
    names = np.asarray(X.columns, dtype=object)
    are_text = {isinstance(name, str) for name in names}
    if are_text == {True, False}:  # text in part: this is scikit-learn's own message
        kinds = sorted({type(name).__qualname__ for name in names})
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your input has "
            f"{kinds} as feature name / column name types. If you want feature names to be stored and validated, you "
            "must convert them all to strings, by using X.columns = X.columns.astype(str) for example. Otherwise you "
            "can remove feature / column names from your input data, or convert them all to a non-string data type."
        )
    refuse_broken_text(names, "X.columns")
    return names if are_text == {True} else None


def _float_type(dtypes: Iterable[object]) -> DType:
    """Return float32 if all columns are of it (pandas' and polars' "Float32" too), else float64."""
    names = {str(getattr(dtype, "name", dtype)).lower() for dtype in dtypes}  # polars' types have no name
    return np.dtype(np.float32 if names == {"float32"} else np.float64)


# --- weights and groups ----------------------------------------------------------------------------------------------


def read_weight_of_rows(X: Table, sample_weight: Target, name: str = "sample_weight") -> Array | None:
    """Check sample weights against the rows of a table that is not checked yet; None for no weights, or no table."""
    n = None if sample_weight is None else n_rows_of(X, "X")
    return None if n is None else read_weight(sample_weight, n, name)


def read_weight(sample_weight: Target, n: int, name: str = "sample_weight") -> Array:
    """Check sample weights: one per row, none negative, not all zero."""
    if isinstance(sample_weight, bool):
        raise TypeError(f"{name}={sample_weight!r} is a bool: give one weight per row, or None.")
    if isinstance(sample_weight, np.ndarray) and sample_weight.ndim == 0:
        raise TypeError(f"{name}={sample_weight!r} is an array without dimensions: give one weight per row of X.")
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, sample_weight)
    weight = read_each_weight(sample_weight, n, name)
    with np.errstate(over="ignore"):
        finite = np.isfinite(weight.sum())
    if not finite:
        raise ValueError(f"{name} adds up to more than a float holds, with weights of {weight.max():g}: divide it.")
    if 0.0 < weight.sum() < MIN_TOTAL_WEIGHT:
        raise ValueError(f"{name} adds up to {weight.sum():g}, so little that 1 over it overflows: multiply it.")
    if not weight.any():
        raise ValueError(f"{name} is zero for every row: at least one weight must be positive.")
    return weight


def read_each_weight(sample_weight: Target, n: int, name: str = "sample_weight") -> Array:
    """Check sample weights one by one: those of some rows of a table may all be zero."""
    if type(sample_weight) is not np.ndarray or sample_weight.dtype.kind not in "fiu":
        sample_weight = as_numbers(sample_weight, name)
    with np.errstate(over="ignore"):  # long doubles: they become infinite, which is refused below
        weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise ValueError(f"{name} has shape {weight.shape}, expected ({n},): give one weight per row of X.")
    bad = np.flatnonzero(~np.isfinite(weight))
    if bad.size:
        what = "NaN" if np.isnan(weight).any() else "infinity"
        raise ValueError(f"Input {name} contains {what}, in row {bad[0]}: give a number, 0 to leave the row out.")
    if (weight < 0.0).any():
        raise ValueError(f"{name} holds a negative weight, {weight.min():g}: weights must be 0 or more.")
    return weight


def read_groups(groups: Target, n: int) -> Array:
    """Check the groups of the rows: one per row."""
    values = as_native_array(groups, "groups")
    if values.shape != (n,):
        raise ValueError(f"groups has shape {values.shape}, expected ({n},): one group per row of X.")
    if values.dtype.kind not in "OfmM":  # these types may hold missing values, which `factorize` codes as -1
        return values
    try:
        codes: Array = pd.factorize(values)[0]
    except TypeError as error:
        raise TypeError(f"groups holds what cannot be compared: {error}. Give numbers or strings.") from error
    if (codes < 0).any():
        raise ValueError(f"groups has no group for row {codes.argmin()}: give one to each row.")
    return codes


def different_lengths_message(n_of_table: int, n_of_targets: int, names: tuple[str, str] = ("X", "y")) -> str:
    """Return the message for a table and targets of different lengths."""
    return (
        f"Found input variables with inconsistent numbers of samples: {names[0]} has {n_of_table} rows and {names[1]} "
        f"{n_of_targets}. Give each row a target."
    )


def assemble_rows(
    table: FeatureTable, values: Array, weight: Array | None, groups: Target = None, names: tuple[str, str] = ("X", "y")
) -> Rows:
    """Put the rows of positive weight together: their part of a table, and of the targets, weights and groups of all.

    `names`: what messages call the table and the targets.
    """
    n = len(values)
    n_of_table = table.shape[0] if weight is None else len(weight)
    if n_of_table != n:
        raise ValueError(different_lengths_message(n_of_table, n, names))
    checked_groups = None if groups is None else read_groups(replace_zero_weight_rows(groups, weight, "groups"), n)
    if weight is None or weight.all():
        return Rows(table, values, weight, checked_groups)
    places = np.flatnonzero(weight)  # of the rows that the table has
    checked_groups = None if checked_groups is None else checked_groups[places]
    return Rows(table, values[places], weight[places], checked_groups, places, n)
