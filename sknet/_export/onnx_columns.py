"""Columns of a table as nodes of an ONNX graph: each kind of column has its converter.

A missing number is NaN; a missing text is the empty string, as ONNX has none.

Conventions
-----------
A feed is one input of the graph: a tensor of shape (n, w) that holds w columns of the table, one type for all.
x : (n, 1) or (n, d_num)     columns of a feed
block : (n, n_inputs)        what they become, in the type of the arithmetic
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import cast

import numpy as np

from sknet._export.onnx_graph import Graph, ints
from sknet._export.parts import ExportError, kind_in
from sknet._tables.columns import Column
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import SATURATED, NumberColumn, stacked
from sknet._tables.encoding import TableEncoder
from sknet._typing import Array, DType

TARGET = "ONNX"

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
TEXT = np.dtype(object)
DOUBLE = np.dtype(np.float64)


@dataclass(frozen=True)
class Feed:
    """One input of the graph."""

    name: str
    dtype: DType  # object for text
    width: int

    def columns(self, graph: Graph, places: Sequence[int]) -> str:
        """Return some of its columns."""
        if list(places) == list(range(self.width)):
            return self.name
        return graph.node("Gather", self.name, ints(*places), axis=1)


@dataclass(frozen=True)
class Placed:
    """A column of the table, and where it is."""

    place: int  # in its feed
    column: Column
    name: str
    start: int  # of its inputs among the network's


Block = tuple[str, list[int]]
"""A value of the graph, and which of the network's inputs its columns are."""


def encode(graph: Graph, encoder: TableEncoder, feeds: Sequence[Feed]) -> list[Block]:
    """Write the encoding of a table; the blocks hold each of the network's inputs once, in any order."""
    width = sum(feed.width for feed in feeds)
    if width != encoder.n_columns:
        raise ExportError(
            f"The graph's inputs have {width} columns, and the estimator was fitted with {encoder.n_columns}: give "
            "initial_types with one column each, or one input that has them all."
        )
    starts = np.cumsum([0, *(column.n_inputs for column in encoder.columns)]).tolist()
    columns = zip(encoder.columns, encoder.column_names, starts, strict=False)
    blocks: list[Block] = []
    for feed in feeds:
        placed = [Placed(place, *column) for place, column in zip(range(feed.width), columns, strict=False)]
        blocks += _encode_feed(graph, feed, placed)
    return blocks


def _encode_feed(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    for convert, group in _by_converter(placed):
        yield from convert(graph, feed, group)


def _by_converter(placed: Sequence[Placed]) -> Iterator[tuple["Converter", list[Placed]]]:
    """Put columns of one kind together, whatever stands between them."""
    converters = {
        kind: kind_in(CONVERTERS, column.column, f"Column {column.name!r}", TARGET)
        for column in placed
        for kind in [type(column.column)]
    }
    for kind, convert in converters.items():
        yield convert, [column for column in placed if type(column.column) is kind]


# --- numbers ---------------------------------------------------------------------------------------------------------


def _numbers(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Scale all numbers of a feed at once; then mark what is missing."""
    if feed.dtype == TEXT:
        raise ExportError(
            f"Column {placed[0].name!r} is one of numbers, and the graph's input {feed.name!r} holds text: give it a "
            "FloatTensorType or DoubleTensorType."
        )
    for _, group in groupby(sorted(placed, key=_way_of), key=_way_of):
        yield from _alike_numbers(graph, feed, list(group))


def _way_of(placed: Placed) -> tuple[bool, bool]:
    """Columns that are scaled alike can be scaled at once."""
    column = cast(NumberColumn, placed.column)
    return column.clip, column.shift


def _alike_numbers(graph: Graph, feed: Feed, placed: list[Placed]) -> Iterator[Block]:
    x = feed.columns(graph, [column.place for column in placed])
    if feed.dtype not in FLOATS:
        x, feed = graph.cast(x, DOUBLE), Feed(feed.name, DOUBLE, feed.width)
    missing = graph.node("IsNaN", x)
    columns = [cast(NumberColumn, column.column) for column in placed]
    yield _scaled(graph, x, feed.dtype, missing, columns), [column.start for column in placed]
    flagged = [k for k, column in enumerate(placed) if column.column.n_inputs == 2]
    if flagged:
        marks = graph.node("Gather", missing, ints(*flagged), axis=1)
        yield graph.cast(marks, graph.dtype), [placed[k].start + 1 for k in flagged]


def _scaled(graph: Graph, x: str, dtype: DType, missing: str, columns: Sequence[NumberColumn]) -> str:
    """Follow `ColumnScaler.scale_into` step by step, in the same types."""
    scaler = stacked(columns)
    within = graph.dtype if scaler.single else DOUBLE
    if scaler.shift:
        precise = dtype if dtype == within else DOUBLE
        x = x if dtype == precise else graph.cast(x, precise)
        x = graph.node("Sub", x, scaler.center.astype(precise))
        filling, dtype = np.zeros(1, precise), precise
    else:
        filling = scaler.center.astype(dtype)
    z = graph.node("Where", missing, filling, x)
    z = z if dtype == within else graph.cast(z, within)
    z = graph.node("Mul", z, scaler.scale.astype(within))
    if scaler.clip:
        z = _smooth_clip(graph, z, within)
    return z if within == graph.dtype else graph.cast(z, graph.dtype)


def _smooth_clip(graph: Graph, z: str, dtype: DType) -> str:
    z = graph.node("Clip", z, graph.number(-SATURATED, dtype), graph.number(SATURATED, dtype))
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", z, z), graph.number(9.0, dtype)))
    return graph.node("Mul", graph.node("Div", z, root), graph.number(3.0, dtype))


# --- categories ------------------------------------------------------------------------------------------------------


def _categories(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    for column in placed:
        kind = cast(CategoryColumn, column.column)
        x = feed.columns(graph, [column.place])
        slots = _slots_of_text(graph, x, kind, column.name) if feed.dtype == TEXT else None
        hits = graph.node("Equal", slots, ints(*range(_n_slots(kind)))) if slots else _hits(graph, x, feed, column)
        block = graph.cast(hits, graph.dtype)
        if kind.signed:
            block = graph.node("MatMul", block, np.array([[-1.0], [1.0]], graph.dtype))
        yield block, list(range(column.start, column.start + kind.n_inputs))


def _n_slots(kind: CategoryColumn) -> int:
    return len(kind.levels) + kind.has_infrequent + kind.has_missing


def _slots_of_text(graph: Graph, x: str, kind: CategoryColumn, name: str) -> str:
    """Look levels up; what is not among them has the slot of the infrequent ones, or −1."""
    places = dict(zip([*kind.levels, ""], kind.slots(list(kind.levels)).tolist(), strict=True))  # "" is missing
    if "" in kind.levels:
        if kind.has_missing:
            raise ExportError(
                f"Column {name!r} has the empty text as a level, and missing values: ONNX cannot tell them apart. "
                "Name the level."
            )
        places[""] = kind.levels.index("")
    unseen = len(kind.levels) if kind.has_infrequent else -1
    return graph.node(
        "LabelEncoder", x, domain="ai.onnx.ml", op_version=2,
        keys_strings=list(places), values_int64s=list(places.values()), default_int64=unseen,
    )  # fmt: skip


def _hits(graph: Graph, x: str, feed: Feed, column: Placed) -> str:
    """Compare numbers with the levels, in the type of the feed."""
    kind = cast(CategoryColumn, column.column)
    levels = _as_numbers(kind.levels, feed.dtype, column.name)
    x = x if feed.dtype == levels.dtype else graph.cast(x, levels.dtype)
    hits = [graph.node("Equal", x, levels[np.newaxis])] if kind.levels else []
    missing = [graph.node("IsNaN", x if levels.dtype in FLOATS else graph.cast(x, DOUBLE))] if kind.has_missing else []
    if kind.has_infrequent:
        # what is missing counts as infrequent where it has no input of its own
        known = graph.node("Concat", *hits, *missing, axis=1)
        count = graph.node("ReduceSum", graph.cast(known, graph.dtype), ints(1), keepdims=1)
        hits.append(graph.node("Equal", count, graph.number(0.0)))
    return graph.node("Concat", *hits, *missing, axis=1)


def _as_numbers(levels: Sequence[str], dtype: DType, name: str) -> Array:
    """Return levels in the type of the feed; as floats if not all of them are whole numbers."""
    words = {"True": "1", "False": "0"}
    spelled = [words.get(level, level) for level in levels]
    try:
        if dtype not in FLOATS and all(level.lstrip("-").isdecimal() for level in spelled):
            return np.array([int(level) for level in spelled], np.int64)
        return np.array([float(level) for level in spelled], dtype if dtype in FLOATS else DOUBLE)
    except ValueError as error:
        raise ExportError(
            f"Column {name!r} has levels that are text ({error}), and the graph's input holds numbers: give it a "
            "StringTensorType."
        ) from error


# --- by kind ---------------------------------------------------------------------------------------------------------

Converter = Callable[[Graph, Feed, Sequence[Placed]], Iterator[Block]]

CONVERTERS: dict[type, Converter] = {NumberColumn: _numbers, CategoryColumn: _categories}
"""How the columns of each kind in one feed are written."""
