"""A table as the inputs of an ONNX graph: one array for each column of a data frame, or one for an array.

Nothing here needs a package for ONNX: a service that runs a graph has a runtime, and no more.

Conventions
-----------
feed : (n, 1), or (n, d)     what an input of the graph holds: a column of a data frame, or all columns
"""

import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from sknet._export.formats import ExportError
from sknet._model.heads import Head, LabelHead
from sknet._model.model import Model
from sknet._tables.column import Column
from sknet._tables.dates import DatetimeColumn, infer_instants, is_text, read_iso_dates, zone_of
from sknet._tables.encoding import TableEncoder
from sknet._tables.kinds import column_kind
from sknet._tables.read import as_pandas, column_as_floats, is_frame, short_list
from sknet._typing import Array, DType, Table

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
INTEGER, BOOLEAN, TEXT = np.dtype(np.int64), np.dtype(bool), np.dtype(object)

NUMBERS: Mapping[str, DType] = {
    "float32": SINGLE,
    "float64": DOUBLE,
    "bool": BOOLEAN,
    **dict.fromkeys(["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"], INTEGER),
}
"""What a feed of numbers holds, by the name of their type; of all other types float64."""

RUNTIME_TYPES: Mapping[str, DType] = {
    "tensor(string)": TEXT,
    "tensor(float)": SINGLE,
    **{f"tensor({name})": np.dtype(name) for name in ("double", "bool", *(n for n in NUMBERS if "int" in n))},
}
"""What a feed holds, by how onnxruntime calls the type of an input."""


Input = tuple[str, DType]
"""The name of an input of a graph, and what it holds."""


class GraphInput(Protocol):
    """What is used of an input of an onnxruntime session."""

    name: str
    type: str


class Session(Protocol):
    """What is used of an onnxruntime session."""

    def get_inputs(self) -> Sequence[GraphInput]:
        """Return the graph's inputs."""


def dtype_of_feed(dtype: object, column: Column) -> DType:
    """Return what the feed of a learnt column holds, by the type of its values: dates are integers of nanoseconds."""
    if isinstance(column, DatetimeColumn):
        return INTEGER
    return NUMBERS.get(str(dtype), DOUBLE if column.is_number else TEXT)


def output_names(head: Head) -> list[str]:
    """Return the names of a graph's outputs, which are skl2onnx's names for a regressor and a classifier."""
    if not isinstance(head, LabelHead):
        return ["variable"]
    n_columns = len(head.labels.classes_by_column) if head.labels.exclusive else 1
    numbered = [f"probabilities_{k}" for k in range(n_columns)]
    return ["label", *(numbered if n_columns > 1 else ["probabilities"])]


def names_of_feeds(names: Sequence[str], outputs: Sequence[str] = ()) -> list[str]:
    """Return the names that skl2onnx gives to inputs: letters, digits and underscores, each name once.

    Outputs keep their names. If a column has the name of an output, skl2onnx renames the input.
    """
    found: list[str] = []
    for name in (*names, *outputs):
        plain = re.sub(r"[^\w+]", "_", name) or "_"
        plain = f"_{plain}" if plain[:1].isdigit() else plain
        numbered = (f"{plain}{i or ''}" for i in range(len(names) + len(outputs) + 1))
        found.append(next(other for other in numbered if other not in found))
    inputs, unique_outputs = found[: len(names)], found[len(names) :]
    renamed = dict(zip(outputs, unique_outputs, strict=True))  # skl2onnx swaps the two names
    return [renamed.get(name, name) for name in inputs]


def inputs_of_session(session: Session) -> list[Input]:
    """Return the inputs of a graph, which a session knows."""
    inputs = [(given.name, given.type) for given in session.get_inputs()]
    for name, kind in inputs:
        if kind not in RUNTIME_TYPES:
            raise ExportError(f"The graph's input {name!r} is a {kind}, which holds no column of a table.")
    return [(name, RUNTIME_TYPES[kind]) for name, kind in inputs]


def dtypes_of_feeds(X: Table, encoder: TableEncoder) -> list[DType]:
    """Return what the feed of each column of a data frame holds; an ExportError for columns that fit did not have."""
    names = list(map(str, X.columns))
    expected = names if encoder.names is None else list(encoder.names)
    if len(names) != encoder.n_columns or names != expected:
        raise ExportError(
            f"X has {len(names)} columns, {short_list(names)}, and fit had {encoder.n_columns}, "
            f"{short_list(expected)}: give X those of fit, in their order."
        )
    return list(map(dtype_of_feed, X.dtypes, encoder.columns))


def inputs_for(X: Table, model: Model) -> list[Input]:
    """Return the inputs of the graph that `to_onnx` makes of a model for a table like X."""
    if not is_frame(X):
        return [_input_of_array(X)]
    names = names_of_feeds(list(map(str, X.columns)), output_names(model.head))
    return list(zip(names, dtypes_of_feeds(X, model.encoder), strict=True))


def inputs_of_pipeline(X: Table, model: Model) -> list[Input]:
    """Return the inputs of the graph that skl2onnx makes of a pipeline for a table like X: numbers keep their types."""
    if not is_frame(X):
        return [_input_of_array(X)]
    names, outputs = names_of_feeds(list(map(str, X.columns))), output_names(model.head)
    if (same := next((name for name in names if name in outputs), None)) is not None:
        # the new name depends on the names that the steps' converters have used
        raise ExportError(
            f"Column {same!r} of X has the name of an output, and skl2onnx renames the input: pass the session to "
            "feeds_of instead of the pipeline."
        )
    return [(name, _own_dtype(values, name)) for name, values in zip(names, _columns_of(as_pandas(X)), strict=True)]


def _input_of_array(X: Array) -> Input:
    return "X", NUMBERS.get(X.dtype.name, DOUBLE)


def _own_dtype(values: pd.Series, name: str) -> DType:
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "fiub":
        return values.dtype
    return {"number": DOUBLE, "date": INTEGER}.get(column_kind(values, name), TEXT)


def feeds_from(X: Table, inputs: Sequence[Input]) -> dict[str, Array]:
    """Return what each input of a graph holds, by its name: columns in the order of the inputs, or with their names."""
    if not is_frame(X) and len(inputs) == 1:
        return {name: _converted(X, dtype, "X") for name, dtype in inputs}
    columns = _columns_of(as_pandas(X) if is_frame(X) else pd.DataFrame(X))
    if len(inputs) == 1 < len(columns):
        return {name: np.hstack([_feed(values, dtype) for values in columns]) for name, dtype in inputs}
    if len(columns) != len(inputs):
        raise ExportError(f"X has {len(columns)} columns, and the graph {len(inputs)} inputs: give X those of fit.")
    by_name = dict(zip(names_of_feeds([str(values.name) for values in columns]), columns, strict=True))
    if by_name.keys() == {name for name, _ in inputs}:
        columns = [by_name[name] for name, _ in inputs]
    return {name: _feed(values, dtype) for (name, dtype), values in zip(inputs, columns, strict=True)}


def _columns_of(frame: pd.DataFrame) -> list[pd.Series]:
    return [frame.iloc[:, j] for j in range(frame.shape[1])]


def _feed(values: pd.Series, dtype: DType) -> Array:
    """Return a column as a feed of this type, (n, 1)."""
    name = str(values.name)
    if dtype == TEXT:
        texts = values.astype(object).where(values.notna(), "").map(str)
        return texts.to_numpy(object).reshape(-1, 1)
    if dtype == INTEGER and is_text(values):
        return _nanoseconds(read_iso_dates(values, name, in_utc=False), name)  # no graph has time zones
    if dtype == INTEGER and column_kind(values, name) == "date":
        return _nanoseconds(infer_instants(values, name)[0], name)
    numbers = column_as_floats(values, name)
    return _converted(numbers, dtype, f"Column {name!r} of X").reshape(-1, 1)


def _converted(values: Array, dtype: DType, what: str) -> Array:
    """Return values in the type of an input; an ExportError where integers or bools would not be what they were."""
    with np.errstate(invalid="ignore"):  # of values that no integer equals
        converted = values.astype(dtype, copy=False)
    changed = values[converted != values] if dtype.kind in "iub" else values[:0]
    if len(changed):
        found = "missing values" if pd.isna(changed[0]) else f"the value {changed[0]}"
        raise ExportError(
            f"{what} has {found}, and its input in the graph holds {dtype}, which has none such: export the estimator "
            "with a table whose column is float."
        )
    return converted


def _nanoseconds(instants: pd.DatetimeIndex | pd.TimedeltaIndex, name: str) -> Array:
    """Return dates since 1970, or durations, in nanoseconds, (n, 1); a missing one is the least integer."""
    if (zone := zone_of(instants)) is not None:
        raise ExportError(
            f"Column {name!r} of X has the time zone {zone}, and the dates of a graph have none: give it those of fit "
            "with .dt.tz_localize(None)."
        )
    try:
        return np.asarray(instants.as_unit("ns").asi8).reshape(-1, 1)
    except (ValueError, OverflowError) as error:  # pandas' errors of what is out of bounds
        raise ExportError(f"Column {name!r} of X holds dates beyond 64 bits of nanoseconds: {error}.") from error
