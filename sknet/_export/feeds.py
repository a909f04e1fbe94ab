"""A table as the inputs of an ONNX graph: one array for each column of a data frame, or one for an array.

This module does not import onnx or skl2onnx: a service that runs a graph may have a runtime only.

Conventions
-----------
feed : (n, 1), or (n, d)     the value of one input of the graph: a column of a data frame, or all columns
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sknet._export import ExportError
from sknet._model.heads import Head, LabelHead, RegressionHead
from sknet._model.model import Model
from sknet._tables.column import Column, ColumnKind
from sknet._tables.column_values import column_as_floats
from sknet._tables.dates import DATE, is_text, read_dates_or_durations, read_iso_dates, zone_of
from sknet._tables.from_polars import as_pandas
from sknet._tables.kinds import column_kind, kinds_by_class
from sknet._tables.messages import short_list
from sknet._tables.numbers import NUMBER
from sknet._tables.raw_table import is_frame
from sknet._typing import Array, DType, Table

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

FLOAT32 = np.dtype(np.float32)
FLOAT64 = np.dtype(np.float64)
INT64 = np.dtype(np.int64)
BOOL = np.dtype(bool)
STRING = np.dtype(object)
"""The NumPy types of a graph's inputs and outputs."""

FEED_DTYPES: Mapping[str, DType] = {
    "float32": FLOAT32,
    "float64": FLOAT64,
    "bool": BOOL,
    **dict.fromkeys(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"], INT64),
}
"""The dtype of a feed of numbers, by the name of the column's dtype; float64 for all other names."""

DTYPE_BY_TENSOR_TYPE: Mapping[str, DType] = {
    "tensor(string)": STRING,
    "tensor(float)": FLOAT32,
    **{f"tensor({name})": np.dtype(name) for name in ("double", "bool", *(n for n in FEED_DTYPES if "int" in n))},
}
"""The dtype of a feed, by onnxruntime's name for the type of the input."""

FEED_DTYPES_BY_KIND: Mapping[ColumnKind, DType] = {NUMBER: FLOAT64, DATE: INT64}
"""The dtype of a feed by its column's kind, unless its values have a dtype of numbers; text for all other kinds."""

Input = tuple[str, DType]
"""The name of an input of a graph, and the dtype of its feed."""


def dtype_of_feed(dtype: object, column: Column) -> DType:
    """Return the dtype of a learnt column's feed, given the dtype of its values. Dates are integers of nanoseconds."""
    kind = kinds_by_class().get(type(column))
    feed = STRING if kind is None else FEED_DTYPES_BY_KIND.get(kind, STRING)
    return feed if feed == INT64 else FEED_DTYPES.get(str(dtype), feed)


def skl2onnx_names(names: Sequence[str], outputs: Sequence[str] = ()) -> list[str]:
    """Return the names that skl2onnx gives to inputs: unique names of letters, digits, underscores and plus signs.

    If a column has the name of an output, skl2onnx renames the input, and the output keeps its name.
    """
    unique_names: list[str] = []
    for name in (*names, *outputs):
        plain = re.sub(r"[^\w+]", "_", name) or "_"
        plain = f"_{plain}" if plain[:1].isdigit() else plain
        numbered = (f"{plain}{i or ''}" for i in range(len(names) + len(outputs) + 1))
        unique_names.append(next(candidate for candidate in numbered if candidate not in unique_names))
    inputs = unique_names[: len(names)]
    unique_outputs = unique_names[len(names) :]
    renamed = dict(zip(outputs, unique_outputs, strict=True))  # skl2onnx swaps the two names
    return [renamed.get(name, name) for name in inputs]


def session_inputs(session: "InferenceSession") -> list[Input]:
    """Return the inputs of the graph that a session runs."""
    inputs = [(graph_input.name, graph_input.type) for graph_input in session.get_inputs()]
    for name, kind in inputs:
        if kind not in DTYPE_BY_TENSOR_TYPE:
            raise ExportError(f"The graph's input {name!r} is a {kind}, a type that no column of a table has.")
    return [(name, DTYPE_BY_TENSOR_TYPE[kind]) for name, kind in inputs]


def _label_outputs(head: LabelHead) -> Sequence[str]:
    n_columns = len(head.labels.classes_by_column) if head.labels.exclusive else 1
    numbered = [f"probabilities_{k}" for k in range(n_columns)]
    return ["label", *(numbered if n_columns > 1 else ["probabilities"])]


OUTPUTS_BY_HEAD: Mapping[type[Head], Callable[..., Sequence[str]]] = {
    LabelHead: _label_outputs,
    RegressionHead: lambda head: ["variable"],
}
"""The functions that return the names of a graph's outputs, by the class of the head."""


def graph_outputs(head: Head) -> Sequence[str]:
    """Return the names that skl2onnx gives to the outputs of a graph with this head."""
    return OUTPUTS_BY_HEAD[type(head)](head)


def model_inputs(X: Table, model: Model) -> list[Input]:
    """Return the inputs of the graph that `to_onnx` makes of a model for a table like X."""
    if not is_frame(X):
        return [("X", FEED_DTYPES.get(np.asarray(X[:1]).dtype.name, FLOAT64))]
    encoder = model.encoder
    columns = list(map(str, X.columns))
    expected = columns if encoder.names is None else list(encoder.names)
    if len(columns) != encoder.n_columns or columns != expected:
        raise ExportError(
            f"X has {len(columns)} columns, {short_list(columns)}, and fit had {encoder.n_columns}, "
            f"{short_list(expected)}: give X the columns of fit, in the same order."
        )
    dtypes = map(dtype_of_feed, X.dtypes, encoder.columns)
    return list(zip(skl2onnx_names(columns, graph_outputs(model.head)), dtypes, strict=True))


def feeds_from(X: Table, inputs: Sequence[Input]) -> dict[str, Array]:
    """Return the feed of each input by its name. The inputs have the names of the columns, or else their order."""
    if not is_frame(X) and len(inputs) == 1:
        return {name: _cast_exactly(X, dtype, "X") for name, dtype in inputs}
    columns = [values for _, values in (as_pandas(X) if is_frame(X) else pd.DataFrame(X)).items()]
    if len(inputs) == 1 < len(columns):
        return {name: np.hstack([_feed(values, dtype) for values in columns]) for name, dtype in inputs}
    if len(columns) != len(inputs):
        raise ExportError(
            f"X has {len(columns)} columns, and the graph {len(inputs)} inputs: give X the columns of fit."
        )
    by_name = dict(zip(skl2onnx_names([str(values.name) for values in columns]), columns, strict=True))
    if by_name.keys() == {name for name, _ in inputs}:
        columns = [by_name[name] for name, _ in inputs]
    return {name: _feed(values, dtype) for (name, dtype), values in zip(inputs, columns, strict=True)}


def _feed(values: pd.Series, dtype: DType) -> Array:
    """Return a column as a feed of this type, (n, 1)."""
    name = str(values.name)
    if dtype == STRING:
        texts = values.astype(object).where(values.notna(), "").map(str)
        return texts.to_numpy(object).reshape(-1, 1)
    if dtype == INT64 and is_text(values):
        return _nanoseconds(read_iso_dates(values, name, in_utc=False), name)  # no graph has time zones
    if dtype == INT64 and column_kind(values, name) == "date":
        return _nanoseconds(read_dates_or_durations(values, name)[0], name)
    numbers = column_as_floats(values, name)
    return _cast_exactly(numbers, dtype, f"Column {name!r} of X").reshape(-1, 1)


def _cast_exactly(values: Array, dtype: DType, what: str) -> Array:
    """Return values in the dtype of an input; raise an ExportError if an integer or bool cannot hold one of them."""
    with np.errstate(invalid="ignore"):  # missing values and values that are too large
        converted = values.astype(dtype, copy=False)
    changed = values[converted != values] if dtype.kind in "iub" else values[:0]
    if len(changed):
        lost_values = "missing values" if pd.isna(changed[0]) else f"the value {changed[0]}"
        raise ExportError(
            f"{what} has {lost_values}, which its input in the graph, of dtype {dtype}, cannot hold: export the "
            "estimator with a table in which this column is float."
        )
    return converted


def _nanoseconds(datetimes: pd.DatetimeIndex | pd.TimedeltaIndex, name: str) -> Array:
    """Return nanoseconds since 1970, or nanoseconds of durations, (n, 1); the lowest int64 for missing values."""
    if (zone := zone_of(datetimes)) is not None:
        raise ExportError(
            f"Column {name!r} of X has the time zone {zone}, but the dates of a graph have none: drop it with "
            ".dt.tz_localize(None)."
        )
    try:
        return np.asarray(datetimes.as_unit("ns").asi8).reshape(-1, 1)
    except (ValueError, OverflowError) as error:  # pandas raises these for dates out of bounds
        raise ExportError(
            f"Column {name!r} of X holds dates beyond 64 bits of nanoseconds ({error}): leave these rows out, "
            "or give the year as a number."
        ) from error
