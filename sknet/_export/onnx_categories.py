"""Categories as nodes of an ONNX graph: one-hot, or by the target's means.

Conventions
-----------
x : (n, 1)           a column of a feed: text, "" where it is missing, or numbers, NaN where one is missing
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import numpy as np

from sknet._export.onnx_graph import DOUBLE, FLOATS, INTEGER, TEXT, Block, Feed, Graph, ints
from sknet._export.parts import ExportError, inputs_by_level
from sknet._export.simple_columns import Placed
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.target import TargetColumn
from sknet._typing import Array, DType


def encode_categories(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write one-hot inputs, column by column."""
    for column in placed:
        kind = cast(CategoryColumn, column.column)
        x = feed.columns(graph, [column.place])
        slots = _slots_of_text(graph, x, kind, column.name) if feed.dtype == TEXT else None
        hits = graph.node("Equal", slots, ints(*range(_n_slots(kind)))) if slots else _hits(graph, x, feed, column)
        block = graph.cast(hits, graph.dtype)
        if kind.signed:
            block = graph.node("MatMul", block, np.array([[-1.0], [1.0]], graph.dtype))
        yield block, column.inputs


def _n_slots(kind: CategoryColumn) -> int:
    return len(kind.levels) + kind.has_infrequent + kind.has_missing


def _slots_of_text(graph: Graph, x: str, kind: CategoryColumn, name: str) -> str:
    """Look levels up; what is not among them has the slot of the infrequent ones, or −1."""
    places = dict(zip([*kind.levels, ""], kind.slots(list(kind.levels)).tolist(), strict=True))  # "" is missing
    if "" in kind.levels:
        _refuse_empty_text(kind.has_missing, name)
        places[""] = kind.levels.index("")
    return _looked_up(graph, x, places, len(kind.levels) if kind.has_infrequent else -1)


def _looked_up(graph: Graph, x: str, places: Mapping[str, int] | Mapping[int, int], default: int) -> str:
    """Return the place of each text or whole number."""
    keys = "keys_strings" if isinstance(next(iter(places)), str) else "keys_int64s"
    return graph.node(
        "LabelEncoder", x, domain="ai.onnx.ml", op_version=2,
        **{keys: list(places)}, values_int64s=list(places.values()), default_int64=default,
    )  # fmt: skip


def _refuse_empty_text(missing_too: bool, name: str) -> None:
    if missing_too:
        raise ExportError(
            f"Column {name!r} has the empty text as a level, and missing values: ONNX cannot tell them apart. "
            "Name the level."
        )


def _hits(graph: Graph, x: str, feed: Feed, column: Placed) -> str:
    """Compare numbers with the levels, in the type of the feed."""
    kind = cast(CategoryColumn, column.column)
    levels = _as_numbers(kind.levels, feed.dtype, column.name)
    x = x if feed.dtype == levels.dtype else graph.cast(x, levels.dtype)
    hits = [graph.node("Equal", x, levels[np.newaxis])]
    missing = [graph.node("IsNaN", x if levels.dtype in FLOATS else graph.cast(x, DOUBLE))] if kind.has_missing else []
    if kind.has_infrequent:
        # what is missing counts as infrequent where it has no input of its own
        known = graph.node("Concat", *hits, *missing, axis=1)
        count = graph.node("ReduceSum", graph.cast(known, graph.dtype), ints(1), keepdims=1)
        hits.append(graph.node("Equal", count, graph.number(0.0)))
    return graph.node("Concat", *hits, *missing, axis=1)


# --- the target's means ----------------------------------------------------------------------------------------------


def encode_means(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write the target's means of each level, column by column."""
    for one in placed:
        kind = cast(TargetColumn, one.column)
        x, table = feed.columns(graph, [one.place]), inputs_by_level(kind).astype(graph.dtype)
        write = _means_of_text if feed.dtype == TEXT else _means_of_numbers
        yield write(graph, x, feed, one, table), one.inputs


def _means_of_text(graph: Graph, x: str, feed: Feed, one: Placed, table: Array) -> str:
    """Look levels up; the last two lines of the table are those of other levels and of missing values."""
    levels = cast(TargetColumn, one.column).levels
    places = {"": len(levels) + 1} | {level: place for place, level in enumerate(levels)}
    if "" in levels:
        _refuse_empty_text(not np.array_equal(table[-1], table[-2]), one.name)
    return _line_of(graph, table, _looked_up(graph, x, places, len(levels)))


def _means_of_numbers(graph: Graph, x: str, feed: Feed, one: Placed, table: Array) -> str:
    levels = _as_numbers(cast(TargetColumn, one.column).levels, feed.dtype, one.name)
    if levels.dtype == INTEGER:
        places = {level: place for place, level in enumerate(levels.tolist())}
        whole = x if feed.dtype == INTEGER else graph.cast(x, INTEGER)
        return _line_of(graph, table, _looked_up(graph, whole, places, len(levels)))
    x = x if feed.dtype == levels.dtype else graph.cast(x, levels.dtype)
    other = table[-2:-1]
    hits = graph.cast(graph.node("Equal", x, levels[np.newaxis]), graph.dtype)
    found = graph.node("Add", graph.node("MatMul", hits, table[:-2] - other), other)
    return graph.node("Where", graph.node("IsNaN", x), table[-1:], found)


def _line_of(graph: Graph, table: Array, place: str) -> str:
    """Return a line of a table for each place, (n, 1) to (n, k)."""
    return graph.node("Squeeze", graph.node("Gather", table, place, axis=0), ints(1))


# --- levels ----------------------------------------------------------------------------------------------------------


def _as_numbers(levels: Sequence[str], dtype: DType, name: str) -> Array:
    """Return levels in the type of the feed; as floats if not all of them are whole numbers."""
    words = {"True": "1", "False": "0"}
    spelled = [words.get(level, level) for level in levels]
    try:
        if dtype not in FLOATS and all(level.lstrip("-").isdecimal() for level in spelled):
            return np.array([int(level) for level in spelled], INTEGER)
        return np.array([float(level) for level in spelled], dtype if dtype in FLOATS else DOUBLE)
    except ValueError as error:
        raise ExportError(
            f"Column {name!r} has levels that are text ({error}), and the graph's input holds numbers: give it a "
            "StringTensorType."
        ) from error
