"""Write the encoding of a table as nodes of an ONNX graph. Each kind of column has a converter.

A missing number is NaN, a missing text the empty string (ONNX has no missing texts), a missing date the lowest integer.

Conventions
-----------
A feed is one input of the graph: a tensor of shape (n, w) that holds w columns of the table, all of one type.
A value of the graph is represented by its name, a str; constants are NumPy arrays.

x : (n, d)               columns of a feed
encoded : (n, n_inputs)  inputs of the network, in the dtype of the graph
seconds : (n, 1)         dates in seconds since 1970, or durations in seconds; float64, NaN if missing
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from skl2onnx.common._container import ModelComponentContainer
from skl2onnx.common._topology import Scope

from sknet._export import ExportError
from sknet._export.feeds import DOUBLE, INTEGER, SINGLE, TEXT
from sknet._tables.categories import CategoryColumn, IdentifierColumn, TargetColumn
from sknet._tables.dates import DatetimeColumn, angle_per_unit
from sknet._tables.encoding import TableEncoder
from sknet._tables.numbers import BinnedColumn, NumberColumn, QuantileColumn
from sknet._tables.read import category_key
from sknet._tables.text import TextColumn
from sknet._typing import Array, DType

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
        self._scope, self._container, self.dtype = scope, container, dtype

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
        if array.dtype == TEXT:
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
        if list(positions) == list(range(self.width)):  # all of them: no node is needed
            return self.name
        return graph.node("Gather", self.name, integers(*positions), axis=1)


def integers(*values: int) -> Array:
    """Return integers as ONNX takes them for axes, indices and bounds."""
    return np.array(values, INTEGER)


# --- the table -------------------------------------------------------------------------------------------------------

EncodedColumns = tuple[str, list[int]]
"""A value of the graph, and for each of its columns the index of an input of the network."""


class PlacedColumn(NamedTuple):
    """A column of the table, with its position in a feed and the indices of its inputs in the network."""

    position: int  # in its feed
    name: str
    column: Any  # of one of the classes in `CONVERTERS`
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
    """Write the columns of a feed, all columns of one kind at a time."""
    for column_class in dict.fromkeys(type(item.column) for item in placed):
        same = [item for item in placed if type(item.column) is column_class]
        if column_class not in CONVERTERS:
            remedy = REMEDIES.get(column_class, "leave the column out, or use sknet.save")
            raise ExportError(
                f"Column {same[0].name!r} is encoded by {column_class.__name__}, and ONNX can express only "
                f"{', '.join(known.__name__ for known in CONVERTERS)}: {remedy}."
            )
        yield from CONVERTERS[column_class](graph, feed, same)


# --- numbers ---------------------------------------------------------------------------------------------------------


def _read_numbers(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> str:
    """Return numeric columns in float64."""
    if feed.dtype == TEXT:
        raise ExportError(
            f"Column {placed[0].name!r} holds numbers, and the graph's input {feed.name!r} holds text: give it a "
            "FloatTensorType or DoubleTensorType."
        )
    return graph.cast(feed.columns(graph, [item.position for item in placed]), DOUBLE, of=feed.dtype)


def _write_numbers(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write scaled numbers, and the indicators of missing values."""
    x, columns = _read_numbers(graph, feed, placed), [item.column for item in placed]
    missing = graph.node("IsNaN", x)
    center = np.array([column.center for column in columns])
    if columns[0].shift:  # columns that were learnt together are scaled alike
        # centre before missing values are filled in, which are then filled with 0
        x, center = graph.node("Sub", x, center), np.zeros(1)
    z = graph.node("Mul", graph.node("Where", missing, center, x), np.array([column.factor for column in columns]))
    if columns[0].bend:
        z = _bend(graph, z)
    yield graph.cast(z, graph.dtype, of=DOUBLE), [item.inputs[0] for item in placed]
    indicated = [k for k, column in enumerate(columns) if column.has_missing_indicator]
    if indicated:
        indicators = Feed(graph.cast(missing, graph.dtype), graph.dtype, len(columns))
        yield indicators.columns(graph, indicated), [placed[k].inputs[1] for k in indicated]


def _bend(graph: Graph, z: str) -> str:
    """Return 3 asinh(z/3), as 3 sign(z) log(u + √(u² + 1)) with u = |z|/3, since runtimes lack Asinh of doubles."""
    u = graph.node("Div", graph.node("Abs", z), np.float64(3.0))
    bounded = graph.node("Min", u, np.float64(1e9))  # its square does not overflow; beyond it, the root equals u
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", bounded, bounded), np.float64(1.0)))
    log = graph.node("Log", graph.node("Add", u, graph.node("Max", root, u)))
    return graph.node("Mul", graph.node("Mul", graph.node("Sign", z), log), np.float64(3.0))


def _write_bins(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write numbers, and the bins of all columns at once."""
    numbers = [item._replace(column=item.column.number, inputs=item.inputs[item.column.n_bins :]) for item in placed]
    yield from _encode_feed(graph, feed, numbers)
    x, columns = _read_numbers(graph, feed, placed), [item.column for item in placed]
    filled = graph.node("Where", graph.node("IsNaN", x), np.array([column.number.center for column in columns]), x)
    source = np.repeat(np.arange(len(columns)), [column.n_bins for column in columns])  # the column of each bin
    low, factor = map(np.concatenate, zip(*(column.bins for column in columns), strict=True))
    ramps = graph.node("Mul", graph.node("Sub", graph.node("Gather", filled, source, axis=1), low), factor)
    inside = graph.node("Clip", ramps, np.float64(0.0), np.float64(1.0))
    yield graph.cast(inside, graph.dtype, of=DOUBLE), [i for item in placed for i in item.inputs[: item.column.n_bins]]


# --- dates -----------------------------------------------------------------------------------------------------------

MICROSECOND = 1000
"""A microsecond in nanoseconds, the unit of the graph's inputs."""

DAY = 86_400.0


def _write_dates(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write dates: their seconds as numbers, and the sine and cosine of each cycle."""
    for item in placed:
        column: DatetimeColumn = item.column
        if column.zone is not None:
            raise ExportError(
                f"Column {item.name!r} has the time zone {column.zone}, and ONNX has no time zones: fit on dates "
                "without one, by .dt.tz_localize(None)."
            )
        seconds, n = _seconds(graph, feed, item), column.seconds.n_inputs
        numbers = item._replace(position=0, column=column.seconds, inputs=item.inputs[:n])
        yield from _encode_feed(graph, Feed(seconds, DOUBLE, 1), [numbers])
        if column.cycles:
            waves = graph.concat([wave for cycle in column.cycles for wave in _sine_and_cosine(graph, seconds, cycle)])
            known = graph.node("Where", graph.node("IsNaN", seconds), np.float64(0.0), waves)
            yield graph.cast(known, graph.dtype, of=DOUBLE), item.inputs[n:]


def _seconds(graph: Graph, feed: Feed, placed: PlacedColumn) -> str:
    """Return dates in seconds, rounded down to whole microseconds."""
    if feed.dtype != INTEGER:
        raise ExportError(
            f"Column {placed.name!r} holds dates, and the graph's input {feed.name!r} does not hold integers: give it "
            "an Int64TensorType, for nanoseconds since 1970, or of a duration."
        )
    x = feed.columns(graph, [placed.position])
    missing = graph.node("Equal", x, integers(np.iinfo(np.int64).min))
    # the result of Mod has the sign of the divisor, so that dates before 1970 are rounded down, too
    without_rest = graph.node("Sub", x, graph.node("Mod", x, integers(MICROSECOND)))
    microseconds = graph.cast(graph.node("Div", without_rest, integers(MICROSECOND)), DOUBLE)
    seconds = graph.node("Div", microseconds, np.float64(1e6))
    return graph.node("Where", missing, np.float64(np.nan), seconds)


def _sine_and_cosine(graph: Graph, seconds: str, cycle: str) -> list[str]:
    """Return the sine and the cosine of the position in a cycle."""
    day = graph.node("Floor", graph.node("Div", seconds, np.float64(DAY)))
    position = POSITIONS[cycle](graph, seconds, day)
    angle = graph.node("Mul", position, np.float64(angle_per_unit(cycle)))
    return [graph.node("Sin", angle), graph.node("Cos", angle)]


def _hour(graph: Graph, seconds: str, day: str) -> str:
    """Hours since midnight, with fractions; `day` counts days since 1970."""
    since = graph.node("Sub", seconds, graph.node("Mul", day, np.float64(DAY)))
    return graph.node("Div", since, np.float64(3600.0))


def _weekday(graph: Graph, seconds: str, day: str) -> str:
    """Days since a Monday (1970 began on a Thursday). The weeks need not be subtracted before a sine."""
    return graph.node("Add", day, np.float64(3.0))


def _yearday(graph: Graph, seconds: str, day: str) -> str:
    """Day of the year, from 1. The table has all years that int64 nanoseconds can express."""
    years = np.arange(np.datetime64("1677"), np.datetime64("2263")).astype("datetime64[D]").astype(np.float64)
    begun = graph.cast(graph.node("GreaterOrEqual", day, years[np.newaxis]), INTEGER)  # (n, years): 1 or 0
    year = graph.node("Sub", graph.node("ReduceSum", begun, integers(1), keepdims=1), integers(1))
    return graph.node("Add", graph.node("Sub", day, graph.node("Gather", years, year)), np.float64(1.0))


POSITIONS: dict[str, Callable[[Graph, str, str], str]] = {"hour": _hour, "weekday": _weekday, "yearday": _yearday}
"""The functions that write the position in each cycle, from the seconds and the day of a date."""


# --- categories ------------------------------------------------------------------------------------------------------


def _write_categories(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write the one-hot inputs, or the target means, of columns of categories."""
    for item in placed:
        yield _inputs_of_categories(graph, feed, item, item.column.categories), item.inputs


def _write_target_means(graph: Graph, feed: Feed, placed: Sequence[PlacedColumn]) -> Iterator[EncodedColumns]:
    """Write the one-hot inputs that may come first, and the means of all categories."""
    for item in placed:
        column: TargetColumn = item.column
        n = 0 if column.one_hot is None else column.one_hot.n_inputs
        if column.one_hot is not None:
            yield from _write_categories(graph, feed, [item._replace(column=column.one_hot, inputs=item.inputs[:n])])
        means = item._replace(column=replace(column, one_hot=None), inputs=item.inputs[n:])
        yield from _write_categories(graph, feed, [means])


def _inputs_of_categories(graph: Graph, feed: Feed, placed: PlacedColumn, categories: Sequence[str]) -> str:
    """Write the inputs of a column of categories: each value selects a row of the table of inputs."""
    inputs = inputs_by_category(placed.column, categories)
    x = feed.columns(graph, [placed.position])
    if feed.dtype == TEXT:
        row_indices = _input_row_of_text(graph, x, placed.name, categories, inputs)
    else:
        row_indices = _input_row_of_number(graph, x, feed.dtype, placed.name, categories)
    # row_indices: (n, 1); gathered: (n, 1, n_inputs)
    gathered = graph.node("Gather", inputs.astype(graph.dtype), row_indices, axis=0)
    return graph.node("Squeeze", gathered, integers(1))


def inputs_by_category(column: CategoryColumn | TargetColumn, categories: Sequence[str]) -> Array:
    """Return the inputs of each category, of an unknown category, and of a missing value: one row each."""
    # among one more names than there are categories, at least one is not a category
    unknown = next(name for name in map(str, range(len(categories) + 1)) if name not in categories)
    values = np.array([*categories, unknown, None], dtype=object)
    inputs = np.zeros((len(values), column.n_inputs))
    column.write(values, inputs, "")
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
    other, missing = len(categories), len(categories) + 1
    if "" in categories and not np.array_equal(inputs[missing], inputs[other]):
        raise ExportError(
            f"Column {name!r} has the empty text as a category, and missing values: ONNX cannot tell them apart. Name "
            "the category."
        )
    row_of = {text: row for row, category in enumerate(categories) for text in spellings(category)}
    # later entries win: "2.0" is a spelling of the category "2", unless it is a category itself
    row_of = {"": missing} | row_of | {category: row for row, category in enumerate(categories)}
    return _look_up(graph, x, {"keys_strings": list(row_of)}, list(row_of.values()), other)


def _input_row_of_number(graph: Graph, x: str, dtype: DType, name: str, categories: Sequence[str]) -> str:
    """Write the index of each number's row in the table of inputs; floats are compared in the dtype of the feed."""
    words = {"True": "1", "False": "0"}  # the categories of booleans
    texts = [words.get(category, category) for category in categories]
    floats = dtype in (SINGLE, DOUBLE)
    try:
        numbers = np.array(texts, dtype=float).astype(dtype if floats else DOUBLE)
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
    other = len(categories)
    if not floats:
        row_of = {0: other}  # ONNX needs at least one key
        row_of |= {int(text): row for row, text in enumerate(texts) if text.lstrip("-").isdecimal()}
        return _look_up(graph, graph.cast(x, INTEGER), {"keys_int64s": list(row_of)}, list(row_of.values()), other)
    # start at the row of unknown categories, or for NaN at the next row, which is for missing values
    row = graph.node("Add", graph.cast(graph.node("IsNaN", x), INTEGER), integers(other))
    if categories:  # then go back to the row of the category that equals x
        hits = graph.cast(graph.node("Equal", x, numbers[np.newaxis]), DOUBLE)
        back = graph.node("MatMul", hits, np.arange(other, 0, -1, dtype=DOUBLE)[:, np.newaxis])
        row = graph.node("Sub", row, graph.cast(back, INTEGER))
    return row


def _look_up(graph: Graph, x: str, keys: dict[str, list[Any]], rows: list[int], other: int) -> str:
    """Write the row of each value's key, (n, 1), or `other` for values that are not among the keys."""
    return graph.node(
        "LabelEncoder", x, domain="ai.onnx.ml", op_version=2, **keys, values_int64s=rows, default_int64=other
    )


# --- all kinds -------------------------------------------------------------------------------------------------------

Converter = Callable[[Graph, Feed, Sequence[PlacedColumn]], Iterator[EncodedColumns]]

CONVERTERS: dict[type, Converter] = {
    NumberColumn: _write_numbers,
    BinnedColumn: _write_bins,
    DatetimeColumn: _write_dates,
    CategoryColumn: _write_categories,
    IdentifierColumn: _write_categories,
    TargetColumn: _write_target_means,
}
"""The functions that write the columns of each kind in a feed."""

REMEDIES: dict[type, str] = {
    QuantileColumn: "fit with input_scaling='robust' or 'standard'",
    TextColumn: "leave the column out, encode it before the estimator, or use sknet.save",
}
"""What to do instead, for kinds of columns without a converter."""
