"""Check the user's data: tables, targets, weights and groups.

Rows of weight 0 are removed before anything is checked, since nothing may depend on their values.

Conventions
-----------
n rows; N rows passed by the user; d columns.

X : (n, d)                array, CSR matrix or data frame, not yet encoded
weight : (n,)             float64, not negative; None if all are 1. For `drop_zero_weights`, (N,)
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, gen_batches
from sklearn.utils.validation import validate_data

from sknet._model.heads import Head
from sknet._model.rows import FeatureTable, Rows
from sknet._model.table_in_memory import TableInMemory
from sknet._tables.column_values import (
    as_factorizable,
    check_text_is_encodable,
    column_as_floats,
    with_factorizable_columns,
)
from sknet._tables.from_polars import as_pandas
from sknet._tables.kinds import ColumnChoices
from sknet._tables.messages import short_list
from sknet._tables.raw_table import (
    MemoryMappedRows,
    check_sparse_is_finite,
    column_names,
    default_names,
    is_frame,
    is_memory_mapped,
    is_sparse,
    take_optional,
    take_rows,
)
from sknet._tables.read_arrays import (
    as_native_array,
    as_numbers,
    check_columns_are_finite,
    check_readable_collection,
    missing_to_nan,
)
from sknet._tables.statistics import MIN_TOTAL_WEIGHT
from sknet._typing import Array, DType, Table, Target

# --- what is read ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TableSchema:
    """The columns of the first table, which later tables must match, and the type of fitted arrays."""

    n: int
    names: Array | None  # None unless all names are str
    float_type: DType  # dtype of fitted arrays and predictions: float32 if the table has it, else float64
    text_positions: tuple[int, ...] = ()  # indices of the columns of an array that may hold text


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
    schema: TableSchema | None = None  # given if X was checked when it was written to a file
    classes: Target = None  # the argument of `partial_fit`


# --- rows of weight 0 ------------------------------------------------------------------------------------------------


def n_rows_of(values: Any, argument_name: str) -> int | None:
    """Return the number of rows; None for a value without a length, for which a later check raises."""
    check_readable_collection(values, argument_name)
    try:
        return values.shape[0] if is_sparse(values) else len(values)
    except TypeError:
        return None


def drop_zero_weights(X: Table, weight: Array | None) -> Table:
    """Return the rows of positive weight of an unchecked table; rows of a memory-mapped file are not read."""
    if weight is None or weight.all():
        return X
    if is_memory_mapped(X):
        if X.ndim != 2:  # a later check raises
            return X
        X = X.view(np.uint8) if X.dtype == bool else X  # bools are read as uint8, as in `_read_array`
    return _take(X, np.flatnonzero(weight))


def replace_zero_weight_rows(values: Target, weight: Array | None, argument_name: str) -> Target:
    """Return unchecked values with each row of weight 0 replaced by a copy of another row.

    The number of rows stays N, so that messages name the right row. Values of another length stay unchanged.
    """
    if weight is None or weight.all() or n_rows_of(values, argument_name) != len(weight):
        return values
    row_indices = np.where(weight > 0.0, np.arange(len(weight)), np.flatnonzero(weight)[0])
    return _take(np.array(values) if is_memory_mapped(values) else values, row_indices)


def _take(values: Table, row_indices: NDArray[np.intp]) -> Table:
    """Return rows of an unchecked table or array-like."""
    if isinstance(values, list | tuple):
        return [values[row] for row in row_indices]
    if not hasattr(values, "shape"):  # a range, a deque or an Arrow array, which row indices cannot index
        array = np.asarray(values)
        return array[row_indices] if array.ndim else values  # a set becomes 0-d, for which a later check raises
    return take_rows(values.tocsr() if is_sparse(values) else values, row_indices)


# --- tables with their targets ---------------------------------------------------------------------------------------


def read_validation_rows(arguments: FitArguments, estimator_name: str, head: Head, schema: TableSchema) -> Rows | None:
    """Check the validation set that the user passes; return None if there is none."""
    names = ("X_val", "y_val", "sample_weight_val")
    passed_names = [name for name in names if getattr(arguments, name) is not None]
    if not passed_names:
        return None
    for required_name in ("X_val", "y_val"):
        if required_name not in passed_names:
            raise ValueError(
                f"{passed_names[0]} is provided, but {required_name} was not provided. "
                "Give X_val and y_val, or neither."
            )
    weight = read_sample_weight(arguments.X_val, arguments.sample_weight_val, "sample_weight_val")
    with prefix_errors("X_val"):
        table, _ = read_features(drop_zero_weights(arguments.X_val, weight), estimator_name, schema)
    with prefix_errors("y_val"):
        values = head.read(replace_zero_weight_rows(arguments.y_val, weight, "y_val"))
    return rows_of_positive_weight(table, values, weight, names=("X_val", "y_val"))


@contextmanager
def prefix_errors(argument_name: str) -> Iterator[None]:
    """Put the name of an argument before the message of a ValueError or TypeError."""
    try:
        yield
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{argument_name}: {str(error).removeprefix('X: ')}") from error


# --- tables ----------------------------------------------------------------------------------------------------------


def read_features(
    X: Table | FeatureTable, estimator_name: str, schema: TableSchema | None, choices: ColumnChoices | None = None
) -> tuple[FeatureTable, TableSchema]:
    """Check a table, against the schema of an earlier table if there is one.

    Only example rows of a `FeatureTable` are checked.
    """
    rows = X.example_rows if isinstance(X, FeatureTable) else X
    if schema is None:
        checked, schema = read_first_table(rows, estimator_name, choices or ColumnChoices())
    else:
        checked = read_known_table(rows, schema, estimator_name)
    if isinstance(X, FeatureTable):
        return X, schema
    is_polars = is_frame(X) and not isinstance(X, pd.DataFrame)
    return TableInMemory(checked, X if is_polars else None), schema


def read_first_table(X: Table, estimator_name: str, choices: ColumnChoices) -> tuple[Table, TableSchema]:
    """Check the table of a first fit; return it, and its schema."""
    check_readable_collection(X, "X")
    objects = as_objects(X) if choices.columns_by_parameter else None
    if objects is not None:
        kinds = choices.named_kinds(default_names(objects.shape[1]))
        text_positions = tuple([j for j, kind in enumerate(kinds) if kind is not None])
        table = _read_frame(frame_of_objects(objects, text_positions), estimator_name)
        return table, TableSchema(objects.shape[1], None, np.dtype(np.float64), text_positions)
    if type(X) is not np.ndarray and is_frame(X):
        table = _read_frame(X, estimator_name)
        stand_in = _class_named(estimator_name)()
        validate_data(stand_in, table, skip_check_array=True)  # raises if only some names are text
        names = getattr(stand_in, "feature_names_in_", None)
        if names is not None:
            check_text_is_encodable(names, "X.columns")
        # the types of X, since `table` may have other types if X is a polars frame
        return table, TableSchema(table.shape[1], names, _float_type(X.dtypes))
    table = _read_array(X, partial(check_array, estimator=estimator_name))
    return table, TableSchema(table.shape[1], None, _float_type([table.dtype]))


def read_known_table(X: Table, schema: TableSchema, estimator_name: str) -> Table:
    """Check a table against the schema of the table of `fit`."""
    if needs_no_check(X, schema):
        return X
    check_readable_collection(X, "X")
    objects = as_objects(X) if schema.text_positions else None
    if objects is not None:
        if objects.shape[1] != schema.n:
            raise ValueError(
                f"X has {objects.shape[1]} features, but {estimator_name} is expecting {schema.n} features as input."
            )
        return _read_frame(frame_of_objects(objects, schema.text_positions), estimator_name)
    # `validate_data` compares X with these two attributes of an estimator
    stand_in = _class_named(estimator_name)()
    stand_in.n_features_in_ = schema.n
    if schema.names is not None:
        stand_in.feature_names_in_ = schema.names
    if is_frame(X):
        _check_unique_names(X)
        try:
            validate_data(stand_in, X, reset=False, skip_check_array=True)  # checks number and names of columns
        except ValueError as error:
            if schema.names is None or not set(schema.names) <= set(map(str, X.columns)):
                raise
            raise ValueError(f"{error}Pass X[model.feature_names_in_].") from None
        return _read_frame(X, estimator_name)
    try:
        return _read_array(X, partial(validate_data, stand_in, reset=False))
    except (ValueError, TypeError) as error:
        objects = None if schema.names is None else as_objects(X)
        if objects is None or objects.shape[1] != schema.n:
            raise
        raise ValueError(
            f"X holds values that are no numbers, and no names of columns, but {estimator_name} was fitted to a data "
            "frame: pass pd.DataFrame(X, columns=model.feature_names_in_)."
        ) from error


def as_objects(X: Table) -> Array | None:
    """Return an array or a list of rows that may hold text beside numbers as an array; None for other tables."""
    is_list = isinstance(X, list | tuple)
    try:
        values = np.asarray(X) if is_list else X
    except ValueError:  # rows of different lengths: `check_array` raises a better error
        return None
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "OU" or values.ndim != 2:
        return None  # O: objects, U: Python's strings
    return np.array(X, dtype=object) if is_list else values


def frame_of_objects(X: Array, text_positions: tuple[int, ...]) -> pd.DataFrame:
    """Return an array of objects or text as a data frame, with numbers in all columns that cannot be text."""
    columns: dict[str, Array | pd.Series] = {}
    for j, column_name in enumerate(default_names(X.shape[1])):
        values = pd.Series(X[:, j], dtype=object)
        columns[column_name] = values if j in text_positions else column_as_floats(values, column_name)
    return pd.DataFrame(columns)


@cache  # so that predictions do not make the class again
def _class_named(name: str) -> type[BaseEstimator]:
    """Return a class with this name, for scikit-learn's messages."""
    return type(name, (BaseEstimator,), {})


def _read_frame(X: Table, estimator_name: str) -> Table:
    """Return a frame as a pandas frame; raise if it is empty, or if columns share a name."""
    _check_unique_names(X)
    for size, what in zip(X.shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise ValueError(
                f"X: Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required by "
                f"{estimator_name}."
            )
    return with_factorizable_columns(as_pandas(X))


def _check_unique_names(X: Table) -> None:
    """Raise if columns of a frame share a name."""
    names = column_names(X)
    if len(set(names)) < len(names):
        raise ValueError(
            f"X has several columns with one name, {short_list(sorted({n for n in names if names.count(n) > 1}))}: "
            "rename them, or drop the copies with X.loc[:, ~X.columns.duplicated()]."
        )


_CHECK_OPTIONS = {"accept_sparse": "csr", "dtype": "numeric", "ensure_all_finite": "allow-nan"}
"""Arguments of `check_array`: numbers of any type, NaN for missing values, no infinity."""

ROWS_CHECKED_AT_ONCE = 2**14
"""How many rows of a file are checked at a time."""


def _read_array(X: Table, check: Callable[..., Table]) -> Table:
    """Return an array-like as numbers that passed `check` of scikit-learn. Errors name the column and the remedy."""
    if isinstance(X, MemoryMappedRows):  # read the file in blocks
        for block in gen_batches(len(X), ROWS_CHECKED_AT_ONCE):
            _read_array(X[block], check)
        return X
    if type(X) is not np.ndarray or X.dtype.kind not in "fiu":
        if remedy := _remedy_for_records(X):
            raise ValueError(f"X is a {type(X).__name__}{remedy}.")
        objects = as_objects(X)
        # `check` would leave None in a list of rows; it refuses a list whose rows NumPy makes text
        X = missing_to_nan(X if objects is None or np.asarray(X).dtype.kind == "U" else objects)
    try:
        # scikit-learn's check for infinities may overflow; without dispatch, `check` converts arrays of other libraries
        with np.errstate(over="ignore", invalid="ignore"), config_context(array_api_dispatch=False):
            X = check(X, **_CHECK_OPTIONS)
        if isinstance(X, np.ndarray) and X.dtype == bool:
            X = X.view(np.uint8)  # this copies nothing
        return X if is_memory_mapped(X) else as_factorizable(X)  # `as_factorizable` would copy a memory map
    except (ValueError, TypeError, OverflowError) as error:
        # these two raise an error that names the column, if they find a bad column
        if is_sparse(X):
            check_sparse_is_finite(X.tocsr())
        else:
            check_columns_are_finite(X)
        if isinstance(error, OverflowError):
            raise ValueError(f"X holds a number too large for a float: {error}.") from error
        if str(error).startswith(("X ", "The feature names")):
            raise
        if X is None:
            raise type(error)("X is None: give a table of two dimensions, rows and columns.") from error
        # for a 1-d array, scikit-learn's message lists all values
        text = re.sub(r"instead:\narray=.*?\.\nReshape", "instead. Reshape", str(error), flags=re.DOTALL)
        raise type(error)(f"X: {text.rstrip('.')}. Give a table of two dimensions, rows and columns.") from error


def _remedy_for_records(X: Table) -> str:
    """Return how to make a frame of a record, of records or of a single row of a frame; "" for other values."""
    if isinstance(X, dict) and not is_sparse(X):  # a DOK matrix is a dict
        holds_columns = any(isinstance(value, Sized) and not isinstance(value, str) for value in X.values())
        return f", and a table is expected: pass pd.DataFrame({'X' if holds_columns else '[X]'})"
    if isinstance(X, pd.Series):
        return ", and a table is expected: pass X.to_frame().T if it is a row, or X.to_frame() if it is a column"
    if isinstance(X, list | tuple) and X and isinstance(X[0], dict):
        return " of dicts, and a table is expected: pass pd.DataFrame(X)"
    return ""


def needs_no_check(X: Table, schema: TableSchema) -> bool:
    """Whether `validate_data` would return X unchanged; calling it takes longer than predicting a row."""
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float32, np.float64)
        and X.ndim == 2
        and X.shape[1] == schema.n
        and X.shape[0] > 0
        and schema.names is None
        and _has_finite_sum(X)
    )


def _has_finite_sum(X: Array) -> bool:
    """Whether the sum is finite, so that all values are; if not, a full check is needed."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(X.sum()))


def _float_type(dtypes: Iterable[object]) -> DType:
    """Return float32 if all columns have it (or "Float32" of pandas or polars), else float64."""
    names = {str(getattr(dtype, "name", dtype)).lower() for dtype in dtypes}  # polars' types have no name
    return np.dtype(np.float32 if names == {"float32"} else np.float64)


# --- weights and groups ----------------------------------------------------------------------------------------------


def read_sample_weight(X: Table, sample_weight: Target, argument_name: str = "sample_weight") -> Array | None:
    """Return the weights of an unchecked table's rows; None without. None may be negative, and not all zero."""
    n = None if sample_weight is None else n_rows_of(X, "X")
    if n is None:  # no weights, or an X without a length, for which a later check raises
        return None
    if isinstance(sample_weight, bool):
        raise TypeError(f"{argument_name}={sample_weight!r} is a bool: give one weight per row, or None.")
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, sample_weight)
    weight = read_each_sample_weight(sample_weight, n, argument_name)
    with np.errstate(over="ignore"):
        finite = np.isfinite(weight.sum())
    if not finite:
        raise ValueError(
            f"{argument_name} adds up to more than a float holds, with weights of {weight.max():g}: divide it."
        )
    if 0.0 < weight.sum() < MIN_TOTAL_WEIGHT:
        raise ValueError(
            f"{argument_name} adds up to {weight.sum():g}, so little that 1 over it overflows: multiply it."
        )
    if not weight.any():
        raise ValueError(f"{argument_name} is zero for every row: at least one weight must be positive.")
    return weight


def read_each_sample_weight(sample_weight: Target, n: int, argument_name: str = "sample_weight") -> Array:
    """Return checked weights. All may be zero, since they may belong to a chunk of a stream."""
    if type(sample_weight) is not np.ndarray or sample_weight.dtype.kind not in "fiu":
        sample_weight = as_numbers(sample_weight, argument_name)
    with np.errstate(over="ignore"):  # long doubles may become infinite, for which the check below raises
        weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != (n,):
        raise ValueError(f"{argument_name} has shape {weight.shape}, expected ({n},): give one weight per row of X.")
    bad = np.flatnonzero(~np.isfinite(weight))
    if bad.size:
        what = "NaN" if np.isnan(weight).any() else "infinity"
        raise ValueError(
            f"Input {argument_name} contains {what}, in row {bad[0]}: give a number, 0 to leave the row out."
        )
    if (weight < 0.0).any():
        raise ValueError(f"{argument_name} holds a negative weight, {weight.min():g}: weights must be 0 or more.")
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


def rows_of_positive_weight(
    table: FeatureTable, values: Array, weight: Array | None, groups: Target = None, names: tuple[str, str] = ("X", "y")
) -> Rows:
    """Return the rows of positive weight. `table` has only these rows; `values`, `weight` and `groups` have all rows.

    `names` are the names of the table and the targets in messages.
    """
    n = len(values)
    n_of_table = table.shape[0] if weight is None else len(weight)
    if n_of_table != n:
        raise ValueError(different_lengths_message(n_of_table, n, names))
    checked_groups = None if groups is None else read_groups(replace_zero_weight_rows(groups, weight, "groups"), n)
    if weight is None or weight.all():
        return Rows(table, values, weight, checked_groups)
    has_weight = weight > 0.0  # the table has only these rows
    return Rows(table, values[has_weight], weight[has_weight], take_optional(checked_groups, has_weight), has_weight)
