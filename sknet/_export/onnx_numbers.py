"""Numbers and dates as nodes of an ONNX graph: scaled, as normal scores, as bins, as cycles; what is missing marked.

Conventions
-----------
x : (n, d)           columns of a feed, NaN where one is missing; (n, 1) where they are written one by one
edges : (m,)         increasing; a number's place among them is how many are not above it
seconds : (n, d)     of dates, float64, NaN where one is missing
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from math import log, pi
from typing import cast

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from scipy.special import ndtri

from sknet._export.onnx_graph import DOUBLE, FLOATS, INTEGER, TEXT, Block, Feed, Graph, ints
from sknet._export.parts import ExportError
from sknet._export.simple_columns import Bins, Cycles, Placed, Ramps, clock_changes, shares, year_starts
from sknet._tables.columns.datetime import CYCLES
from sknet._tables.columns.number import NumberColumn, stacked
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._typing import Array, DType


def _read(graph: Graph, feed: Feed, placed: Sequence[Placed], dtype: DType | None = None) -> tuple[str, DType]:
    """Return columns of numbers as floats, and their type: the one given, or if they are no floats float64."""
    if feed.dtype == TEXT:
        raise ExportError(
            f"Column {placed[0].name!r} is one of numbers, and the graph's input {feed.name!r} holds text: give it a "
            "FloatTensorType or DoubleTensorType."
        )
    x = feed.columns(graph, [one.place for one in placed])
    wanted = dtype or (feed.dtype if feed.dtype in FLOATS else DOUBLE)
    return (x if feed.dtype == wanted else graph.cast(x, wanted)), wanted


def encode_missing(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Mark what is missing."""
    x, _ = _read(graph, feed, placed)
    yield graph.cast(graph.node("IsNaN", x), graph.dtype), [one.start for one in placed]


# --- scaled ----------------------------------------------------------------------------------------------------------


def encode_numbers(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Scale the numbers of a feed, those that are scaled alike at once."""
    for _, group in groupby(sorted(placed, key=_way_of), key=_way_of):
        alike = list(group)
        x, dtype = _read(graph, feed, alike)
        columns = [cast(NumberColumn, one.column) for one in alike]
        yield _scaled(graph, x, dtype, columns), [one.start for one in alike]


def _way_of(placed: Placed) -> tuple[bool, bool]:
    column = cast(NumberColumn, placed.column)
    return column.bend, column.shift


def _scaled(graph: Graph, x: str, dtype: DType, columns: Sequence[NumberColumn]) -> str:
    """Follow `ColumnScaler.scale_into` step by step, in the same types."""
    scaler = stacked(columns)
    missing = graph.node("IsNaN", x)
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
    if scaler.bend:
        z = _bent(graph, z, within)
    return z if within == graph.dtype else graph.cast(z, graph.dtype)


def _bent(graph: Graph, z: str, dtype: DType) -> str:
    """Return 3 asinh(z/3), as 3 sign(z) log(u + √(u² + 1)) with u = |z|/3: runtimes have no Asinh of doubles."""
    u = graph.node("Div", graph.node("Abs", z), graph.number(3.0, dtype))
    bounded = graph.node("Min", u, graph.number(1e9, dtype))  # whose square does not overflow, and is all of the root
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", bounded, bounded), graph.number(1.0, dtype)))
    log = graph.node("Log", graph.node("Add", u, graph.node("Max", root, u)))
    return graph.node("Mul", graph.node("Mul", graph.node("Sign", z), log), graph.number(3.0, dtype))


# --- bins and quantiles ----------------------------------------------------------------------------------------------


def encode_bins(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write the bins of all columns at once."""
    x, _ = _read(graph, feed, placed, DOUBLE)
    columns = [cast(Bins, one.column) for one in placed]
    values = graph.node("Where", graph.node("IsNaN", x), np.array([column.fill for column in columns]), x)
    source = np.repeat(np.arange(len(columns)), [column.n_inputs for column in columns])
    low, scale = map(np.concatenate, zip(*(column.ramps for column in columns), strict=True))
    ramps = graph.node("Mul", graph.node("Sub", graph.node("Gather", values, source, axis=1), low), scale)
    within = graph.node("Clip", ramps, graph.number(0.0, DOUBLE), graph.number(1.0, DOUBLE))
    block = within if graph.dtype == DOUBLE else graph.cast(within, graph.dtype)
    yield block, [place for one in placed for place in one.inputs]


def encode_quantiles(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write the share of each column below its numbers, then normal scores of all."""
    x, _ = _read(graph, feed, placed, DOUBLE)
    found = []
    for k, one in enumerate(placed):
        own = x if len(placed) == 1 else graph.node("Gather", x, ints(k), axis=1)
        found.append(_on_ramps(graph, own, shares(cast(QuantileColumn, one.column))))
    share = found[0] if len(found) == 1 else graph.node("Concat", *found, axis=1)
    half = 0.5 * LEVELS[1]
    bounded = graph.node("Clip", share, graph.number(half, DOUBLE), graph.number(1.0 - half, DOUBLE))
    score = graph.node("Where", graph.node("IsNaN", x), graph.number(0.0, DOUBLE), _normal_score(graph, bounded))
    yield score if graph.dtype == DOUBLE else graph.cast(score, graph.dtype), [one.start for one in placed]


def _places(graph: Graph, x: str, edges: Array) -> str:
    """Return how many edges are not above each number, (n, 1)."""
    above = graph.cast(graph.node("GreaterOrEqual", x, edges[np.newaxis]), INTEGER)
    return graph.node("ReduceSum", above, ints(1), keepdims=1)


def _on_ramps(graph: Graph, x: str, ramps: Ramps) -> str:
    place = _places(graph, x, ramps.edges)
    edge, level, slope, at = (graph.node("Gather", line, place, axis=0) for line in ramps[1:])
    sloped = graph.node("Add", level, graph.node("Mul", graph.node("Sub", x, edge), slope))
    return graph.node("Where", graph.node("Equal", x, edge), at, sloped)


def _normal_score(graph: Graph, p: str) -> str:
    """The inverse of the normal distribution function: p - 1/2 times a polynomial of t = a log(4 p (1 - p)) - 1."""
    one = graph.number(1.0, DOUBLE)
    product = graph.node("Mul", graph.node("Mul", p, graph.number(4.0, DOUBLE)), graph.node("Sub", one, p))
    t = graph.node("Sub", graph.node("Mul", graph.node("Log", product), graph.number(2.0 / FARTHEST, DOUBLE)), one)
    highest, *others, last = _score_polynomial()[::-1]
    value = graph.node("Mul", t, graph.number(highest, DOUBLE))
    for coefficient in others:
        value = graph.node("Mul", graph.node("Add", value, graph.number(coefficient, DOUBLE)), t)
    value = graph.node("Add", value, graph.number(last, DOUBLE))
    return graph.node("Mul", graph.node("Sub", p, graph.number(0.5, DOUBLE)), value)


FARTHEST = log(2.0 * LEVELS[1] * (1.0 - 0.5 * LEVELS[1]))
"""log(4 p (1 - p)) at the ends of the shares."""


def _score_polynomial() -> Array:
    """Return the coefficients in t, from -1 to 1, of the score over p - 1/2: smooth, and even in p - 1/2."""

    def ratio(t: Array) -> Array:
        distance = 0.5 * np.sqrt(-np.expm1(0.5 * FARTHEST * (t + 1.0)))  # of p from 1/2
        return ndtri(0.5 + distance) / distance

    found: Array = Chebyshev.interpolate(ratio, 18).convert(kind=Polynomial).coef
    return found


# --- dates -----------------------------------------------------------------------------------------------------------

MICROSECOND = 1000
"""In nanoseconds, which the graph's inputs count."""

DAY = 86_400.0


def seconds_of(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> tuple[Feed, list[Placed]]:
    """Return a feed of the seconds of dates, and where each column stands in it."""
    if feed.dtype != INTEGER:
        raise ExportError(
            f"Column {placed[0].name!r} is one of dates, and the graph's input {feed.name!r} holds others: give it an "
            "Int64TensorType, which takes nanoseconds since 1970, or those of a span of time."
        )
    places = sorted({one.place for one in placed})
    x = feed.columns(graph, places)
    missing = graph.node("Equal", x, np.array(np.iinfo(np.int64).min))
    whole = graph.node("Sub", x, graph.node("Mod", x, np.array(MICROSECOND)))
    microseconds = graph.cast(graph.node("Div", whole, np.array(MICROSECOND)), DOUBLE)
    seconds = graph.node("Div", microseconds, graph.number(1e6, DOUBLE))
    known = graph.node("Where", missing, graph.number(np.nan, DOUBLE), seconds)
    return Feed(known, DOUBLE, len(places)), [replace(one, place=places.index(one.place)) for one in placed]


def encode_cycles(graph: Graph, feed: Feed, placed: Sequence[Placed]) -> Iterator[Block]:
    """Write the sine and the cosine of every cycle, column by column."""
    for one in placed:
        column = cast(Cycles, one.column)
        x = feed.columns(graph, [one.place])
        ahead = _looked_up(graph, x, *clock_changes(column.zone))
        clock = graph.node("Add", x, ahead)
        day = graph.node("Floor", graph.node("Div", clock, graph.number(DAY, DOUBLE)))
        angles = [_angle(graph, cycle, clock, day) for cycle in column.cycles]
        waves = [graph.node(wave, angle) for angle in angles for wave in ("Sin", "Cos")]
        both = graph.node("Concat", *waves, axis=1)
        known = graph.node("Where", graph.node("IsNaN", x), graph.number(0.0, DOUBLE), both)
        yield known if graph.dtype == DOUBLE else graph.cast(known, graph.dtype), one.inputs


def _looked_up(graph: Graph, x: str, edges: Array, values: Array) -> str:
    """Return the value of the last edge that is not above x, (n, 1)."""
    return graph.node("Gather", values, graph.node("Sub", _places(graph, x, edges), ints(1)), axis=0)


def _angle(graph: Graph, cycle: str, clock: str, day: str) -> str:
    """Return how far a cycle has come, as an angle."""
    position = POSITIONS[cycle](graph, clock, day)
    return graph.node("Mul", position, graph.number(2.0 * pi / CYCLES[cycle][0], DOUBLE))


def _hour(graph: Graph, clock: str, day: str) -> str:
    since = graph.node("Sub", clock, graph.node("Mul", day, graph.number(DAY, DOUBLE)))
    return graph.node("Div", since, graph.number(3600.0, DOUBLE))


def _weekday(graph: Graph, clock: str, day: str) -> str:
    """Days since a Monday: 1970 began on a Thursday. The wave needs no remainder of the week."""
    return graph.node("Add", day, graph.number(3.0, DOUBLE))


def _yearday(graph: Graph, clock: str, day: str) -> str:
    starts = year_starts()
    first = _looked_up(graph, clock, starts, starts / DAY)
    return graph.node("Add", graph.node("Sub", day, first), graph.number(1.0, DOUBLE))


POSITIONS = {"hour": _hour, "weekday": _weekday, "yearday": _yearday}
"""How far each cycle of a date has come."""
