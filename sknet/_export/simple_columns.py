"""Every kind of column as simple ones: what a format has a converter for.

A number with bins is a number and its bins; dates are the numbers of their seconds, and cycles of these. So formats
know numbers, quantiles, bins, cycles and marks of missing numbers; categories and target-encoded categories.

Conventions
-----------
start : the first of a column's inputs among those of the network
seconds : of a date since 1970, in UTC where there is a time zone; of a span of time; NaN where missing
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd

from sknet._export.parts import kind_in
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.datetime import DatetimeColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._tables.columns.statistics import inverse
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder
from sknet._typing import Array

# --- kinds that no table's column has by itself ----------------------------------------------------------------------


@dataclass(frozen=True)
class Missing:
    """The input that is 1 where a number is missing."""

    n_inputs: int = 1


@dataclass(frozen=True)
class Bins:
    """The bins of a number, alone: clip((x - low) / width, 0, 1), x being `fill` where it is missing."""

    edges: tuple[float, ...]
    fill: float

    @property
    def n_inputs(self) -> int:
        """One per bin."""
        return len(self.edges) - 1

    @property
    def ramps(self) -> tuple[Array, Array]:
        """Lower edge of each bin, and 1 over its width."""
        return BinnedColumn(NumberColumn(0.0, 1.0), self.edges, self.fill).bins


@dataclass(frozen=True)
class Cycles:
    """Sine and cosine of each of a date's cycles, computed from its seconds; 0 where it is missing."""

    cycles: tuple[str, ...]
    zone: str | None

    @property
    def n_inputs(self) -> int:
        """Two per cycle."""
        return 2 * len(self.cycles)


SimpleColumn = NumberColumn | QuantileColumn | Bins | Cycles | Missing | CategoryColumn | TargetColumn


@dataclass(frozen=True)
class Placed:
    """A simple column, and where it stands."""

    place: int  # of its column in the table
    name: str  # of that column
    start: int
    column: SimpleColumn
    of_dates: bool = False  # whether it reads the seconds of dates

    @property
    def inputs(self) -> list[int]:
        """Which of the network's inputs it gives."""
        return list(range(self.start, self.start + self.column.n_inputs))


# --- taking apart ----------------------------------------------------------------------------------------------------


def simple_columns(encoder: TableEncoder, target: str) -> list[Placed]:
    """Take a table's columns apart; a kind that is not known is an `ExportError`."""
    starts = np.cumsum([0, *(column.n_inputs for column in encoder.columns)]).tolist()
    found = []
    for place, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        start = starts[place]
        for simple in kind_in(SPLITS, column, f"Column {name!r}", target)(column):
            if simple.n_inputs:
                found.append(Placed(place, name, start, simple, isinstance(column, DatetimeColumn)))
            start += simple.n_inputs
    return found


def _number(column: NumberColumn | QuantileColumn) -> list[SimpleColumn]:
    return [replace(column, has_missing_indicator=False), *[Missing()] * column.has_missing_indicator]


def _target(column: TargetColumn) -> list[SimpleColumn]:
    return [*([] if column.one_hot is None else [column.one_hot]), replace(column, one_hot=None)]


SPLITS: dict[type, Callable[..., list[SimpleColumn]]] = {
    NumberColumn: _number,
    QuantileColumn: _number,
    BinnedColumn: lambda column: [*SPLITS[type(column.number)](column.number), Bins(column.edges, column.fill)],
    CategoryColumn: lambda column: [column],
    IdentifierColumn: lambda column: [CategoryColumn((), has_missing=column.has_missing)],
    TargetColumn: _target,
    DatetimeColumn: lambda column: [*SPLITS[type(column.seconds)](column.seconds), Cycles(column.cycles, column.zone)],
}
"""The simple columns whose inputs, side by side, are those of a column of each kind."""


# --- tables to look up -----------------------------------------------------------------------------------------------


class Ramps(NamedTuple):
    """A function of a number x by the last of m edges that is not above it; line 0 is for x below all edges.

    It is level + (x - edge) * slope, and `at` where x is the edge; (m + 1,) each, but `edges`.
    """

    edges: Array  # (m,), increasing
    edge: Array
    level: Array
    slope: Array
    at: Array


def shares(column: QuantileColumn) -> Ramps:
    """Return the share of the training weight below a number, half of what equals it included."""
    edges, first, count = np.unique(column.quantiles, return_index=True, return_counts=True)
    low, high = LEVELS[first], LEVELS[first + count - 1]
    with np.errstate(over="ignore"):
        slope = np.append((low[1:] - high[:-1]) * inverse(np.diff(edges)), 0.0)
    return Ramps(
        edges, np.append(edges[0], edges), np.append(0.0, np.append(high[:-1], 1.0)), np.append(0.0, slope),
        np.append(0.0, (low + high) / 2),
    )  # fmt: skip


def clock_changes(zone: str | None) -> tuple[Array, Array]:
    """Return from which seconds on the clock of a time zone shows another time than UTC, and how much more, (t,)."""
    return (np.array([-np.inf]), np.zeros(1)) if zone is None else _clock_changes(zone)


@cache
def _clock_changes(zone: str) -> tuple[Array, Array]:
    def ahead(seconds: Array) -> Array:
        instants = pd.DatetimeIndex(seconds.astype("datetime64[s]")).tz_localize("UTC").tz_convert(zone)
        shown = np.asarray(instants.tz_localize(None).as_unit("s").asi8)
        return shown - seconds

    days = np.arange(*FIRST_AND_LAST).astype("datetime64[s]").astype(np.int64)
    offsets = ahead(days)
    before = np.flatnonzero(np.diff(offsets))
    low, high = days[before], days[before + 1]  # between which the clock is changed
    while (high - low > 1).any():
        middle = (low + high) // 2
        changed = ahead(middle) != offsets[before]
        low, high = np.where(changed, low, middle), np.where(changed, middle, high)
    return np.append(-np.inf, high), np.append(offsets[0], offsets[before + 1]).astype(np.float64)


FIRST_AND_LAST = np.datetime64("1677-09-22"), np.datetime64("2262-04-11")
"""Days that 64 bits of nanoseconds can count."""


def year_starts() -> Array:
    """Return the second at which each year begins on the clock, (y,)."""
    first, last = (day.astype("datetime64[Y]") for day in FIRST_AND_LAST)
    years = np.arange(first, last + np.timedelta64(1, "Y"))
    return years.astype("datetime64[s]").astype(np.float64)
