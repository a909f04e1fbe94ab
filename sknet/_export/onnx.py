"""Convert a model to an ONNX graph. Each estimator has a converter for skl2onnx, so that pipelines work, too.

The nodes of the encoding come first, by kind of column, then those of the layers and of the outputs. A missing number
is NaN, a missing text the empty string (ONNX has no missing texts), a missing date the lowest integer. The classifier's
outputs are its labels and its probabilities, one tensor per target column; the regressor's are its predictions, of
shape (n, n_outputs).

Conventions
-----------
A feed is one input of the graph: a tensor of shape (n, w) that holds w columns of the table, all of one type.
A value of the graph is represented by its name, a str; constants are NumPy arrays.

x : (n, d)               columns of a feed
encoded : (n, n_inputs)  inputs of the network, in the dtype of the graph
seconds : (n, 1)         dates in seconds since 1970, or durations in seconds; float64, NaN if missing
z : (n, h)               the input of an activation
raw : (n, n_outputs)     the last layer's output, in the type of the weights
P : (n, k)               the probabilities of one target column before they have scikit-learn's shape
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
import skl2onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper
from skl2onnx._parse import _parse_sklearn_column_transformer, _parse_sklearn_feature_union, _parse_sklearn_pipeline
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Operator, Scope, Variable
from skl2onnx.common.data_types import (
    BooleanTensorType,
    DoubleTensorType,
    FloatTensorType,
    Int32TensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from sknet._export import ExportError, check_activation
from sknet._export.feeds import BOOL, FLOAT32, FLOAT64, INT64, STRING, graph_outputs, model_inputs
from sknet._model.heads import LabelHead, RegressionHead
from sknet._model.model import Model
from sknet._network.activations import LEAKY_RELU_SLOPE, SELU_ALPHA, SELU_SCALE
from sknet._network.links import EXP, IDENTITY, SIGMOID, SOFTMAX
from sknet._network.losses import Loss
from sknet._network.weights import output_rounding_unit
from sknet._tables.categories import CATEGORY, BaseCategoryColumn, one_hot_inputs
from sknet._tables.column import ColumnKind
from sknet._tables.column_values import category_key
from sknet._tables.dates import DATE
from sknet._tables.encoder import TableEncoder
from sknet._tables.formulas import MissingIndicator, NormalScore, Ramps, ScaledNumber, Wave, stack_formulas
from sknet._tables.kinds import kinds_by_class
from sknet._tables.numbers import NUMBER
from sknet._tables.raw_table import is_frame
from sknet._tables.text import TEXT
from sknet._typing import Array, DType, Table

NANOSECONDS_PER_MICROSECOND = 1000
"""A microsecond in nanoseconds, the unit of the graph's inputs."""

SECONDS_PER_DAY = 86_400.0
"""The length of a day in seconds, the unit in which cycles of dates are computed."""

NOT_EXPRESSIBLE: dict[object, str] = {
    NormalScore: "is scaled by quantiles, which ONNX cannot express: fit with input_scaling='robust' or 'standard'",
    TEXT: (
        "is free text, which ONNX cannot express: leave the column out, encode it before the estimator, or use "
        "sknet.save"
    ),
}
"""Why a kind of column or a class of formulas has no writer, and what to do instead."""

OF_NO_KNOWN_KIND = (
    "is of a kind that cannot be exported: leave the column out, encode it before the estimator, or use sknet.save"
)
"""The same for all other kinds that have no writer."""

# --- the graph -------------------------------------------------------------------------------------------------------


class Graph:
    """The nodes of one estimator in an ONNX graph.

    Parameters
    ----------
    scope : Scope
        Makes unique names.

    container : ModelComponentContainer
        Receives the nodes.

    dtype : dtype
        Float type of the calculations.
    """

    def __init__(self, scope: Scope, container: ModelComponentContainer, dtype: DType) -> None:
        self._scope = scope
        self._container = container
        self.dtype = dtype

    def node(self, op: str, *inputs: str | Array | float, domain: str = "", **attributes: object) -> str:
        """Write a node; return the name of its output. A Python float becomes a constant of `dtype`."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output: str = self._scope.get_unique_variable_name(f"sknet_{op.lower()}")
        name = self._scope.get_unique_operator_name(f"sknet_{op}")
        self._container.add_node(op, names, [output], op_domain=domain, name=name, **attributes)
        return output

    def constant(self, value: Array | float) -> str:
        """Write a constant; return its name. Text is an array of objects."""
        # `type`, not `isinstance`: NumPy's float64 is a float, and keeps its type
        array = np.array(value, self.dtype if type(value) is float else None)
        name: str = self._scope.get_unique_variable_name("sknet_constant")
        if array.dtype == STRING:
            content = [text.encode("utf-8") for text in array.ravel().tolist()]
            self._container.add_initializer(name, TensorProto.STRING, list(array.shape), content)
        else:
            tensor = numpy_helper.from_array(array, name)
            self._container.add_initializer(name, tensor.data_type, list(array.shape), tensor)
        return name

    def cast(self, value: str, dtype: DType, of: DType | None = None) -> str:
        """Convert a value to a dtype. A value that has it already, as its dtype `of` shows, is returned unchanged."""
        if of is not None and of == dtype:  # NumPy takes None for float64
            return value
        return self.node("Cast", value, to=helper.np_dtype_to_tensor_dtype(dtype))

    def concat(self, values: Sequence[str]) -> str:
        """Concatenate values along axis 1."""
        return values[0] if len(values) == 1 else self.node("Concat", *values, axis=1)

    def columns(self, value: str, which: slice) -> str:
        """Return a slice of the columns of a value."""
        return self.node("Slice", value, integers(which.start), integers(which.stop), integers(1))  # along axis 1


@dataclass(frozen=True)
class Feed:
    """An input of the graph, or a value computed from one."""

    name: str
    dtype: DType  # object for text
    width: int

    def columns(self, graph: Graph, positions: Sequence[int]) -> str:
        """Return the columns at these positions."""
        if list(positions) == list(range(self.width)):  # all columns need no node
            return self.name
        return graph.node("Gather", self.name, integers(*positions), axis=1)


def integers(*values: int) -> Array:
    """Return integers as ONNX takes them for axes, indices and bounds."""
    return np.array(values, INT64)


# --- the table -------------------------------------------------------------------------------------------------------

EncodedColumns = tuple[str, list[int]]
"""A value of the graph, and for each of its columns the index of an input of the network."""


class PlacedColumn(NamedTuple):
    """A column of the table, with its position in a feed and the indices of its inputs in the network."""

    position: int  # the index of the column in its feed
    name: str
    column: Any  # a `Column` of one of the kinds in `COLUMN_WRITERS`
    inputs: list[int]  # bins first


def write_encoding(graph: Graph, encoder: TableEncoder, feeds: Sequence[Feed]) -> list[EncodedColumns]:
    """Write the encoding of a table; return values that hold each of the network's inputs once, in any order."""
    width = sum(feed.width for feed in feeds)
    if width != encoder.n_columns:
        raise ExportError(
            f"The graph's inputs have {width} columns, and the estimator was fitted with {encoder.n_columns}: give "
            "initial_types one input for each column, or one input for all columns."
        )
    all_inputs = np.arange(encoder.n_inputs)
    inputs = [all_inputs[encoder.inputs_of_column(j)].tolist() for j in range(encoder.n_columns)]
    columns = zip(encoder.column_names, encoder.columns, inputs, strict=True)
    encoded: list[EncodedColumns] = []
    for feed in feeds:
        # the feeds hold the columns of the table in order
        placed = [PlacedColumn(position, *next(columns)) for position in range(feed.width)]
        encoded += _encode_feed(graph, feed, [item for item in placed if item.column.n_inputs])
    return encoded


def _encode_feed(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write the columns of a feed, all columns of one kind at a time, and yield the encoded columns."""
    writers = [_find_writer(COLUMN_WRITERS, kinds_by_class().get(type(item.column)), item.name) for item in placed]
    for write in dict.fromkeys(writers):
        yield from write(graph, feed, [item for item, writer in zip(placed, writers, strict=True) if writer is write])


def _find_writer(writers: Mapping[Any, Any], key: object, name: str) -> Any:
    """Return the writer for a kind of column or a class of formulas; an ExportError names a column without a writer."""
    if key not in writers:
        raise ExportError(f"Column {name!r} {NOT_EXPRESSIBLE.get(key, OF_NO_KNOWN_KIND)}.")
    return writers[key]


# --- formulas --------------------------------------------------------------------------------------------------------


def _write_numbers(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write columns of numbers."""
    if feed.dtype == STRING:
        raise ExportError(
            f"Column {placed[0].name!r} holds numbers, and the graph's input {feed.name!r} holds text: give it a "
            "FloatTensorType or DoubleTensorType."
        )
    x = graph.cast(feed.columns(graph, [item.position for item in placed]), FLOAT64, of=feed.dtype)
    yield from _write_formulas(graph, Feed(x, FLOAT64, len(placed)), placed)


def _write_formulas(graph: Graph, x: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write the formulas of columns whose numbers, (n, d), are the columns of x."""
    for group in stack_formulas((chain(*item.column.formulas), item.inputs) for item in placed):
        write = _find_writer(FORMULA_WRITERS, type(group.formula), placed[group.columns[0]].name)
        encoded = write(graph, x.columns(graph, group.columns.tolist()), group.formula)
        yield graph.cast(encoded, graph.dtype, of=FLOAT64), group.inputs.tolist()


def _filled(graph: Graph, x: str, centre: Array | float) -> str:
    """Return numbers, where the centre replaces missing ones."""
    return graph.node("Where", graph.node("IsNaN", x), centre, x)


def _shifted(graph: Graph, x: str, shift: Array | float) -> str:
    """Return x + shift by a Sum: onnxruntime takes a single tiny number for 0, and drops its Add or Sub."""
    return graph.node("Sum", x, shift)


def _write_scaled_number(graph: Graph, x: str, formula: ScaledNumber) -> str:
    """Write the inputs of `ScaledNumber`: (x - centre) * factor, bent if the formula says so."""
    z = _filled(graph, x, formula.centre)
    if formula.shift:
        z = _shifted(graph, z, -formula.centre)
    z = graph.node("Mul", z, formula.factor)
    return _bend(graph, z) if formula.bend else z


def _bend(graph: Graph, z: str) -> str:
    """Return 3 asinh(z/3), as 3 sign(z) log(u + √(u² + 1)) with u = |z|/3, since runtimes lack Asinh of doubles."""
    u = graph.node("Div", graph.node("Abs", z), np.float64(3.0))
    bounded = graph.node("Min", u, np.float64(1e9))  # its square does not overflow; beyond it, the root equals u
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", bounded, bounded), np.float64(1.0)))
    log = graph.node("Log", graph.node("Add", u, graph.node("Max", root, u)))
    return graph.node("Mul", graph.node("Mul", graph.node("Sign", z), log), np.float64(3.0))


def _write_ramps(graph: Graph, x: str, formula: Ramps) -> str:
    """Write the inputs of `Ramps`: bins, which rise from 0 to 1 between two edges."""
    filled = _filled(graph, x, formula.centre)
    values = graph.node("Gather", filled, formula.source, axis=1)  # the values of each bin's column
    ramps = graph.node("Mul", _shifted(graph, values, -formula.low), formula.factor)
    return graph.node("Clip", ramps, np.float64(0.0), np.float64(1.0))


def _write_wave(graph: Graph, seconds: str, formula: Wave) -> str:
    """Write the sine and the cosine of the position in a cycle."""
    day = graph.node("Floor", graph.node("Div", seconds, np.float64(SECONDS_PER_DAY)))
    position = CYCLE_WRITERS[formula.cycle](graph, seconds, day)
    angle = graph.node("Mul", position, np.float64(formula.scale))
    waves = graph.concat([graph.node("Sin", angle), graph.node("Cos", angle)])
    return graph.node("Where", graph.node("IsNaN", seconds), np.float64(0.0), waves)


FORMULA_WRITERS: dict[type, Callable[[Graph, str, Any], str]] = {
    ScaledNumber: _write_scaled_number,
    Ramps: _write_ramps,
    MissingIndicator: lambda graph, x, formula: graph.cast(graph.node("IsNaN", x), FLOAT64),
    Wave: _write_wave,
}
"""The functions that write the inputs of a formula in float64, from numbers, (n, d), or from the seconds of dates."""


# --- dates -----------------------------------------------------------------------------------------------------------


def _write_dates(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write columns of dates, from their seconds."""
    for item in placed:
        if item.column.zone is not None:
            raise ExportError(
                f"Column {item.name!r} has the time zone {item.column.zone}, and ONNX has no time zones: fit on dates "
                "without one, by .dt.tz_localize(None)."
            )
        yield from _write_formulas(graph, Feed(_seconds(graph, feed, item), FLOAT64, 1), [item])


def _seconds(graph: Graph, feed: Feed, placed: PlacedColumn) -> str:
    """Return dates in seconds, rounded down to whole microseconds."""
    if feed.dtype != INT64:
        raise ExportError(
            f"Column {placed.name!r} holds dates, and the graph's input {feed.name!r} does not hold integers: give it "
            "an Int64TensorType, for nanoseconds since 1970, or of a duration."
        )
    x = feed.columns(graph, [placed.position])
    missing = graph.node("Equal", x, integers(np.iinfo(np.int64).min))
    # the result of Mod has the sign of the divisor, so that dates before 1970 are rounded down, too
    without_rest = graph.node("Sub", x, graph.node("Mod", x, integers(NANOSECONDS_PER_MICROSECOND)))
    microseconds = graph.cast(graph.node("Div", without_rest, integers(NANOSECONDS_PER_MICROSECOND)), FLOAT64)
    seconds = graph.node("Div", microseconds, np.float64(1e6))
    return graph.node("Where", missing, np.float64(np.nan), seconds)


def _hour(graph: Graph, seconds: str, day: str) -> str:
    """Hours since midnight, with fractions; `day` counts days since 1970."""
    since = graph.node("Sub", seconds, graph.node("Mul", day, np.float64(SECONDS_PER_DAY)))
    return graph.node("Div", since, np.float64(3600.0))


def _weekday(graph: Graph, seconds: str, day: str) -> str:
    """Days since a Monday (1970 began on a Thursday). The weeks need not be subtracted before a sine."""
    return graph.node("Add", day, np.float64(3.0))


def _yearday(graph: Graph, seconds: str, day: str) -> str:
    """Day of the year, from 1. The table has all years that int64 nanoseconds can express."""
    years = np.arange(np.datetime64("1677"), np.datetime64("2263")).astype("datetime64[D]").astype(np.float64)
    begun = graph.cast(graph.node("GreaterOrEqual", day, years[np.newaxis]), INT64)  # (n, years): 1 or 0
    year = graph.node("Sub", graph.node("ReduceSum", begun, integers(1), keepdims=1), integers(1))
    return graph.node("Add", graph.node("Sub", day, graph.node("Gather", years, year)), np.float64(1.0))


CYCLE_WRITERS: dict[str, Callable[[Graph, str, str], str]] = {"hour": _hour, "weekday": _weekday, "yearday": _yearday}
"""The functions that write the position in each cycle, from the seconds and the day of a date."""


# --- categories ------------------------------------------------------------------------------------------------------


def _write_categories(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write the one-hot inputs, and then the target means, of columns of categories."""
    for item in placed:
        inputs = iter(item.inputs)
        for part in (one_hot_inputs(item.column), item.column.without_one_hot()):
            if part is not None and part.n_inputs:
                yield _inputs_of_categories(graph, feed, item, part), list(islice(inputs, part.n_inputs))


def _inputs_of_categories(graph: Graph, feed: Feed, placed: PlacedColumn, part: BaseCategoryColumn) -> str:
    """Write some inputs of a column of categories: each value selects a row of the table of inputs."""
    categories = part.categories
    inputs = inputs_by_category(part)
    x = feed.columns(graph, [placed.position])
    if feed.dtype == STRING:
        row_indices = _input_row_of_text(graph, x, placed.name, categories, inputs)
    else:
        row_indices = _input_row_of_number(graph, x, feed.dtype, placed.name, categories)
    # row_indices: (n, 1); gathered: (n, 1, n_inputs)
    gathered = graph.node("Gather", inputs.astype(graph.dtype), row_indices, axis=0)
    return graph.node("Squeeze", gathered, integers(1))


def inputs_by_category(column: BaseCategoryColumn) -> Array:
    """Return the inputs of each category, of an unknown category, and of a missing value: one row each."""
    categories = column.categories
    # among one more names than there are categories, at least one is not a category
    unknown = next(name for name in map(str, range(len(categories) + 1)) if name not in categories)
    values = np.array([*categories, unknown, None], dtype=object)
    inputs = np.zeros((len(values), column.n_inputs))
    column.encode_into(values, inputs, "")
    return inputs


def spellings(category: str) -> tuple[str, ...]:
    """Return the texts that `str` makes of a category's values: "2" and "2.0" for the category of 2, 2.0 and "2"."""
    try:
        number = float(category)
    except ValueError:
        return (category,)
    return (category, str(number)) if category_key(number) == category else (category,)


def _input_row_of_text(graph: Graph, x: str, name: str, categories: Sequence[str], inputs: Array) -> str:
    """Write the index of each text's row in the table of inputs."""
    unknown_row = len(categories)
    missing_row = len(categories) + 1
    if "" in categories and not np.array_equal(inputs[missing_row], inputs[unknown_row]):
        raise ExportError(
            f"Column {name!r} has the empty text as a category, and missing values: ONNX cannot tell them apart. Name "
            "the category."
        )
    row_of = {text: row for row, category in enumerate(categories) for text in spellings(category)}
    # later entries win: "2.0" is a spelling of the category "2", unless it is a category itself
    row_of = {"": missing_row} | row_of | {category: row for row, category in enumerate(categories)}
    return _write_row_of_key(graph, x, "keys_strings", row_of, unknown_row)


def _input_row_of_number(graph: Graph, x: str, dtype: DType, name: str, categories: Sequence[str]) -> str:
    """Write the index of each number's row in the table of inputs; floats are compared in the dtype of the feed."""
    words = {"True": "1", "False": "0"}  # the categories of booleans
    texts = [words.get(category, category) for category in categories]
    floats = dtype in (FLOAT32, FLOAT64)
    try:
        numbers = np.array(texts, dtype=float).astype(dtype if floats else FLOAT64)
    except ValueError as error:
        raise ExportError(
            f"Column {name!r} has categories that are text ({error}), and the graph's input holds numbers: give it a "
            "StringTensorType."
        ) from error
    if len(np.unique(numbers)) < len(categories):
        raise ExportError(
            f"Column {name!r} has categories that are the same number, and the graph's input holds numbers: give it a "
            "StringTensorType."
        )
    unknown_row = len(categories)
    if not floats:
        row_of = {0: unknown_row}  # ONNX needs at least one key
        row_of |= {int(text): row for row, text in enumerate(texts) if text.lstrip("-").isdecimal()}
        return _write_row_of_key(graph, graph.cast(x, INT64), "keys_int64s", row_of, unknown_row)
    # start at the row of unknown categories, or for NaN at the next row, which is for missing values
    row = graph.node("Add", graph.cast(graph.node("IsNaN", x), INT64), integers(unknown_row))
    if categories:  # then go back to the row of the category that equals x
        hits = graph.cast(graph.node("Equal", x, numbers[np.newaxis]), FLOAT64)
        back = graph.node("MatMul", hits, np.arange(unknown_row, 0, -1, dtype=FLOAT64)[:, np.newaxis])
        row = graph.node("Sub", row, graph.cast(back, INT64))
    return row


def _write_row_of_key(graph: Graph, x: str, attribute: str, row_of: Mapping[Any, int], unknown_row: int) -> str:
    """Write the row of the table of categories for each value, (n, 1); `unknown_row` for values that are not keys.

    `attribute` is ONNX's name for keys of this type.
    """
    keys_and_rows = {attribute: list(row_of), "values_int64s": list(row_of.values())}
    return graph.node("LabelEncoder", x, domain="ai.onnx.ml", op_version=2, **keys_and_rows, default_int64=unknown_row)


# --- all kinds -------------------------------------------------------------------------------------------------------

ColumnWriter = Callable[[Graph, Feed, Sequence[PlacedColumn]], Iterator[EncodedColumns]]

COLUMN_WRITERS: dict[ColumnKind, ColumnWriter] = {
    NUMBER: _write_numbers,
    DATE: _write_dates,
    CATEGORY: _write_categories,
}
"""The functions that write the columns of each kind in a feed, and yield the encoded columns."""


Tensor = Callable[[list[int | None]], object]
"""A type of skl2onnx, which makes an instance from a shape; None stands for the number of rows."""

TENSORS: dict[DType, Tensor] = {
    FLOAT32: FloatTensorType,
    FLOAT64: DoubleTensorType,
    STRING: StringTensorType,
    INT64: Int64TensorType,
    np.dtype(np.int32): Int32TensorType,
    BOOL: BooleanTensorType,
}
"""skl2onnx's type for an input or output of each NumPy type."""

ModelOf = Callable[[object], Model]
"""Returns the model of a fitted estimator, since this package does not import estimators."""


# --- layers ----------------------------------------------------------------------------------------------------------


def _write_encoder_and_layers(graph: Graph, model: Model, feeds: Sequence[Feed]) -> str:
    """Write the encoding and the layers; return the raw outputs."""
    encoded = write_encoding(graph, model.encoder, feeds)
    network = model.network
    value = graph.concat([columns for columns, _ in encoded])
    # the columns of `value` are the network's inputs in another order: the first layer's weights follow it
    order = [i for _, inputs in encoded for i in inputs]
    first_coefs, *later_coefs = network.coefs
    for layer, (W, b) in enumerate(zip([first_coefs[order], *later_coefs], network.intercepts, strict=True)):
        if layer:  # between two layers
            activation = network.activations[layer - 1]
            check_activation(activation, "ONNX")
            value = ACTIVATION_WRITERS[activation.name](graph, value)
        value = graph.node("Add", graph.node("MatMul", value, W.astype(graph.dtype)), b.astype(graph.dtype))
    return value


# --- activations -----------------------------------------------------------------------------------------------------


def _expm1_of_negative(graph: Graph, z: str) -> str:
    """exp(min(z, 0)) - 1, which does not overflow."""
    return graph.node("Sub", graph.node("Exp", graph.node("Min", z, 0.0)), 1.0)


def _relu(graph: Graph, z: str) -> str:
    return graph.node("Max", z, 0.0)


def _elu(graph: Graph, z: str) -> str:
    return graph.node("Add", _relu(graph, z), _expm1_of_negative(graph, z))


def _selu(graph: Graph, z: str) -> str:
    negative = graph.node("Mul", _expm1_of_negative(graph, z), SELU_ALPHA)
    return graph.node("Mul", graph.node("Add", _relu(graph, z), negative), SELU_SCALE)


def _softplus(graph: Graph, z: str) -> str:
    """log(1 + exp(z)), which does not overflow."""
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    return graph.node("Add", _relu(graph, z), graph.node("Log", graph.node("Add", small, 1.0)))


def _gelu(graph: Graph, z: str) -> str:
    """Write gelu(z) = z (1 + erf(z / √2)) / 2."""
    # compute in float32, since onnxruntime has no Erf of float64
    z32 = graph.cast(graph.node("Mul", z, sqrt(0.5)), FLOAT32)
    erf = graph.cast(graph.node("Erf", z32), graph.dtype)
    half = graph.node("Mul", graph.node("Add", erf, 1.0), 0.5)
    return graph.node("Mul", z, half)


ACTIVATION_WRITERS: dict[str, Callable[[Graph, str], str]] = {
    "sigmoid": lambda graph, z: graph.node("Sigmoid", z),
    "tanh": lambda graph, z: graph.node("Tanh", z),
    "relu": _relu,
    "leaky_relu": lambda graph, z: graph.node("Max", z, graph.node("Mul", z, LEAKY_RELU_SLOPE)),
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "silu": lambda graph, z: graph.node("Mul", z, graph.node("Sigmoid", z)),
    "gelu": _gelu,
    "mish": lambda graph, z: graph.node("Mul", z, graph.node("Tanh", _softplus(graph, z))),
    "identity": lambda graph, z: z,
}
"""The functions that write each activation, and return the name of its output."""


# --- links -----------------------------------------------------------------------------------------------------------


def _sigmoid(graph: Graph, raw: str) -> str:
    """1 / (1 + exp(-raw)). The Sigmoid of onnxruntime has large relative errors where it is small."""
    return graph.node("Reciprocal", graph.node("Add", graph.node("Exp", graph.node("Neg", raw)), 1.0))


def _softmax(graph: Graph, raw: str) -> str:
    return graph.node("Softmax", raw, axis=1)


LINK_WRITERS: dict[Callable[[Array], None], Callable[[Graph, str], str]] = {
    IDENTITY.apply: lambda graph, raw: raw,
    SIGMOID.apply: _sigmoid,
    SOFTMAX.apply: _softmax,
    EXP.apply: lambda graph, raw: graph.node("Exp", raw),
}
"""The functions that write each link, except links that depend on a head's quantile levels or labels."""


def _write_link(graph: Graph, model: Model, raw: str) -> str:
    """Write the link of the model's loss; return the linked outputs, (n, n_outputs)."""
    head = model.head
    loss = head.loss
    link = head.loss.inverse_link
    if link.apply in LINK_WRITERS:
        linked = LINK_WRITERS[link.apply](graph, raw)
        if link.is_identity or not model.network.is_monotone:
            return linked
        # the last bits of onnxruntime's Exp depend on the position of a row in its batch: see `output_rounding_unit`
        return graph.cast(graph.cast(linked, FLOAT32), graph.dtype)
    if isinstance(head.settings.loss, Loss):
        raise ExportError(
            f"loss={loss.name!r}, a loss of your own, has a link of its own, which ONNX cannot express: give it the "
            "link of one of sknet's losses, or use sknet.save."
        )
    return HEAD_WRITERS[type(head)].write_link(graph, head, raw)


def _write_quantile_link(graph: Graph, head: RegressionHead, raw: str) -> str:
    """Write `Quantiles.apply_link`: from the middle, add the softplus of each step upwards, subtract it downwards."""
    n = len(head.loss.levels)
    middle = n // 2
    indices = np.arange(n)
    step, quantile = indices[:, np.newaxis], indices[np.newaxis, :]
    # (n, n): the steps between the middle quantile and each quantile
    up = (step > middle) & (step <= quantile)
    down = (step < middle) & (step >= quantile)
    steps = graph.node("MatMul", _softplus(graph, raw), (up.astype(graph.dtype) - down.astype(graph.dtype)))
    return graph.node("Add", graph.columns(raw, slice(middle, middle + 1)), steps)


def _write_label_link(graph: Graph, head: LabelHead, raw: str) -> str:
    """Write a sigmoid for each target column of two classes, and a softmax for each column of more classes."""
    output_slices = head.labels.output_slices
    links = [_sigmoid if s.stop - s.start == 1 else _softmax for s in output_slices]
    pairs = zip(links, output_slices, strict=True)
    return graph.concat([link(graph, graph.columns(raw, s)) for link, s in pairs])


# --- heads -----------------------------------------------------------------------------------------------------------


def _write_predictions(graph: Graph, head: RegressionHead, linked: str, dtype: DType) -> list[str]:
    """Write predictions in the units of the target."""
    scaler = head.output_scaler
    scaled = graph.node("Mul", linked, scaler.slope.astype(graph.dtype))
    return [graph.cast(_shifted(graph, scaled, scaler.offset.astype(graph.dtype)), dtype)]


def _regressor_output_types(head: RegressionHead, tensor: Tensor) -> list[object]:
    """Return the type of the predictions."""
    return [tensor([None, head.n_outputs])]


def _write_labels_and_probabilities(graph: Graph, head: LabelHead, linked: str, dtype: DType) -> list[str]:
    """Write labels, and the probabilities of each target column."""
    output_slices = head.labels.output_slices
    if not head.labels.exclusive:
        codes = graph.cast(graph.node("Greater", linked, 0.5), INT64)
        return [codes, _clip_probabilities(graph, linked, dtype)]
    by_column = [linked] if len(output_slices) == 1 else [graph.columns(linked, s) for s in output_slices]
    columns = list(zip(head.labels.classes_by_column, by_column, strict=True))
    labels = [_write_label(graph, classes, P) for classes, P in columns]
    if len(labels) > 1:
        labels = [graph.concat([graph.node("Unsqueeze", label, integers(1)) for label in labels])]
    normalize = not head.loss.inverse_link.is_normalized
    probabilities = [_write_probabilities(graph, len(classes), P, normalize) for classes, P in columns]
    return [*labels, *(_clip_probabilities(graph, P, dtype) for P in probabilities)]


def _classifier_output_types(head: LabelHead, tensor: Tensor) -> list[object]:
    """Return the types of the labels and of each output's probabilities; raise for labels of several types."""
    if not head.labels.exclusive:
        shape = [None, head.n_outputs]
        return [Int64TensorType(shape), tensor(shape)]
    by_column = head.labels.classes_by_column
    dtypes = {onnx_labels(classes).dtype for classes in by_column}
    if len(dtypes) > 1:
        raise ExportError(
            "The target's columns have labels of several types, and an ONNX tensor has one type: convert them to one."
        )
    label = TENSORS[dtypes.pop()]([None] if len(by_column) == 1 else [None, len(by_column)])
    return [label, *(tensor([None, len(classes)]) for classes in by_column)]


def _write_label(graph: Graph, classes: Array, P: str) -> str:
    """Write the most probable label, (n,)."""
    if len(classes) > 2:
        codes = graph.node("ArgMax", P, axis=1, keepdims=0)
    else:
        second = graph.cast(graph.node("Greater", P, 0.5), INT64)
        # a single class has the index 0
        codes = graph.node("Squeeze", graph.node("Mul", second, integers(len(classes) - 1)), integers(1))
    return graph.node("Gather", onnx_labels(classes), codes, axis=0)


def onnx_labels(classes: Array) -> Array:
    """Return classes in a type of ONNX: text, int64 or float64."""
    if classes.dtype.kind in "OU":
        return classes.astype(object)
    as_integers = classes.astype(np.int64)
    labels = as_integers if (as_integers == classes).all() else classes.astype(np.float64)
    for label, exact in zip(labels.tolist(), classes.tolist(), strict=True):
        if label != exact:  # NumPy compares uint64 as float64, which rounds
            raise ExportError(
                f"y has the label {exact}, which no int64 or float64 label of ONNX equals: fit with astype(str) of y."
            )
    return labels


def _write_probabilities(graph: Graph, n_classes: int, P: str, normalize: bool) -> str:
    """Write probabilities, (n, n_classes), as `Labels.probabilities` returns them."""
    if n_classes == 1:
        return graph.node("Add", graph.node("Mul", P, 0.0), 1.0)  # ones, (n, 1)
    if n_classes == 2:
        return graph.concat([graph.node("Sub", 1.0, P), P])
    if normalize:  # the outputs are independent sigmoids, and all of them may round to 0
        P = graph.node("Max", P, float(np.finfo(graph.dtype).tiny))
        P = graph.node("Div", P, graph.node("ReduceSum", P, integers(1), keepdims=1))
    return P


def _clip_probabilities(graph: Graph, P: str, dtype: DType) -> str:
    """Write probabilities in the dtype of the outputs, clipped to values strictly between 0 and 1."""
    limits = np.finfo(dtype)  # 1 - epsneg is the largest float below 1
    return graph.node("Clip", graph.cast(P, dtype), limits.tiny, np.subtract(1, limits.epsneg, dtype=dtype))


class HeadWriter(NamedTuple):
    """The functions that write a head of one type."""

    write_link: Callable[..., str]  # (graph, head, raw): the link of a loss whose link is not in `LINK_WRITERS`
    write_outputs: Callable[..., list[str]]  # (graph, head, linked, dtype): from linked outputs, in this dtype
    output_types: Callable[..., list[object]]  # (head, tensor): of tensors of this type, or of labels


HEAD_WRITERS = {
    RegressionHead: HeadWriter(_write_quantile_link, _write_predictions, _regressor_output_types),
    LabelHead: HeadWriter(_write_label_link, _write_labels_and_probabilities, _classifier_output_types),
}
"""How each kind of head is written."""


# --- functions for skl2onnx ------------------------------------------------------------------------------------------


def _feeds(operator: Operator, model: Model) -> list[Feed]:
    """Return the graph's inputs as feeds. A single input of unknown width has all columns."""
    feeds = []
    unknown_width = model.encoder.n_columns if len(operator.inputs) == 1 else 1
    dtypes = {tensor.__name__: dtype for dtype, tensor in TENSORS.items()}
    for variable in operator.inputs:
        shape = variable.type.shape
        tensor = type(variable.type).__name__
        if tensor not in dtypes:
            raise ExportError(
                f"The graph's input {variable.onnx_name!r} is a {tensor}: it must be of {', '.join(dtypes)}."
            )
        width = shape[1] if len(shape) > 1 and isinstance(shape[1], int) else unknown_width
        feeds.append(Feed(variable.onnx_name, dtypes[tensor], width))
    return feeds


def _output_dtype(variables: Sequence[Variable]) -> DType:
    """Return float64 if any input is float64: the outputs follow the inputs, as in skl2onnx's own converters."""
    return FLOAT64 if any(isinstance(v.type, DoubleTensorType) for v in variables) else FLOAT32


def _convert(model_of: ModelOf, scope: Scope, operator: Operator, container: ModelComponentContainer) -> None:
    """Write the nodes of an estimator, from the graph's inputs to its outputs."""
    model = model_of(operator.raw_operator)
    dtype = _output_dtype(operator.inputs)
    graph = Graph(scope, container, model.predict_dtype)
    raw = _write_encoder_and_layers(graph, model, _feeds(operator, model))
    if model.network.is_monotone:  # `output_rounding_unit` says why
        unit = output_rounding_unit(model.network.coefs[-1], model.network.intercepts[-1])
        raw = graph.node("Mul", graph.node("Round", graph.node("Div", raw, unit)), unit)
    # links and heads compute in the type of the predictions; in float64 if the network is monotone, like its layers
    head_graph = Graph(scope, container, FLOAT64 if model.network.is_monotone else model.encoding.output_dtype)
    raw = graph.cast(raw, head_graph.dtype, of=graph.dtype)
    linked = _write_link(head_graph, model, raw)
    outputs = HEAD_WRITERS[type(model.head)].write_outputs(head_graph, model.head, linked, dtype)
    for value, variable in zip(outputs, operator.outputs, strict=True):  # each output gets its declared name
        name = scope.get_unique_operator_name("sknet_Identity")
        container.add_node("Identity", [value], [variable.onnx_name], name=name)


def _output_types(model: Model, variables: Sequence[Variable]) -> list[tuple[str, object]]:
    """Return the name and the type of each output."""
    types = HEAD_WRITERS[type(model.head)].output_types(model.head, TENSORS[_output_dtype(variables)])
    return list(zip(graph_outputs(model.head), types, strict=True))


def _declare_outputs(
    model_of: ModelOf, alias: str, scope: Scope, estimator: object, inputs: list[Variable],
    custom_parsers: object = None,
) -> list[Variable]:  # fmt: skip
    """Declare and return the outputs. Probabilities are tensors, never lists of dicts."""
    operator = scope.declare_local_operator(alias, estimator)
    operator.inputs = inputs
    for name, tensor in _output_types(model_of(estimator), inputs):
        operator.outputs.append(scope.declare_local_variable(name, tensor))
    return operator.outputs


def _set_types(model_of: ModelOf, operator: Operator) -> None:
    """Set the types of outputs that another converter has declared."""
    for variable, (_, tensor) in zip(
        operator.outputs, _output_types(model_of(operator.raw_operator), operator.inputs), strict=True
    ):
        variable.type = tensor


CONTAINERS: dict[type, tuple[Callable[..., list[Variable]], Callable[[Any], list[tuple[str, object]]]]] = {
    Pipeline: (_parse_sklearn_pipeline, lambda model: model.steps[:-1]),
    FeatureUnion: (_parse_sklearn_feature_union, lambda model: model.transformer_list),
    ColumnTransformer: (
        _parse_sklearn_column_transformer, lambda model: [(name, step) for name, step, _ in model.transformers_]
    ),
}  # fmt: skip
"""How skl2onnx parses what holds several estimators, and which of these transform, with their names."""


def register(estimators: Sequence[type], model_of: ModelOf) -> None:
    """Register the estimators' converters with skl2onnx, for estimators alone and inside pipelines."""
    for estimator_class in estimators:
        alias = f"Sknet{estimator_class.__name__}"
        skl2onnx.update_registered_converter(
            estimator_class, alias, partial(_set_types, model_of), partial(_convert, model_of),
            parser=partial(_declare_outputs, model_of, alias),
            options={"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [False]},
        )  # fmt: skip
    for container, (parse, transformers_of) in CONTAINERS.items():
        parser = partial(_parse_container, parse, transformers_of, tuple(estimators))
        skl2onnx.update_registered_parser(container, parser)


def _parse_container(
    parse: Callable[..., list[Variable]], transformers_of: Callable[[Any], list[tuple[str, object]]],
    estimators: tuple[type, ...], scope: Scope, model: object, inputs: list[Variable], custom_parsers: object = None,
) -> list[Variable]:  # fmt: skip
    """Parse a container as skl2onnx does; raise an ExportError for a network that transforms in it."""
    for name, step in transformers_of(model):
        while isinstance(step, Pipeline):
            step = step.steps[-1][1]
        if isinstance(step, estimators):
            raise ExportError(
                f"{name!r} in a {type(model).__name__} is a {type(step).__name__} whose last hidden layer other steps "
                "take, but an ONNX graph returns predictions: save the whole pipeline with joblib or skops."
            )
    return parse(scope, model, inputs, custom_parsers)


# --- a whole estimator -----------------------------------------------------------------------------------------------


def convert(estimator: object, model: Model, X: Table, initial_types: object, target_opset: int | None) -> ModelProto:
    """Return the ONNX model of an estimator whose converter is registered."""
    if initial_types is None:
        width = 1 if is_frame(X) else model.encoder.n_columns
        initial_types = [(name, TENSORS[dtype]([None, width])) for name, dtype in model_inputs(X, model)]
    return skl2onnx.to_onnx(estimator, initial_types=initial_types, target_opset=target_opset)
