"""One column of dates, or of durations, as seconds and as the cycles of day, week and year.

Conventions
-----------
n rows; c cycles.

instants : (n,)          a pandas DatetimeIndex or TimedeltaIndex, NaT where a value is missing
seconds : (n,)           since 1970, in UTC where there is a time zone; or of a duration; NaN where missing
position : (n,)          how far a cycle has come, in its own unit; NaN where missing
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi

import numpy as np
import pandas as pd

from sknet._tables.column import Column, ColumnSettings, InputFormula
from sknet._tables.dates import are_in_utc, read_iso_dates
from sknet._tables.read import ColumnValues, inferred_type
from sknet._typing import Array

Instants = pd.DatetimeIndex | pd.TimedeltaIndex

_DAY = 86_400 * 10**6
"""Microseconds in a day."""


CYCLES: dict[str, tuple[float, Callable[[pd.DatetimeIndex, Array], Array]]] = {
    "hour": (24.0, lambda local, microseconds: np.mod(microseconds, _DAY) * (24.0 / _DAY)),
    "weekday": (7.0, lambda local, microseconds: np.asarray(local.day_of_week, dtype=np.float64)),
    "yearday": (365.25, lambda local, microseconds: np.asarray(local.day_of_year, dtype=np.float64)),
}
"""Length of each cycle and how far it has come: hours since midnight, days since Monday, day of the year from 1."""


_INFERRED_TYPES = {True: ("timedelta64", "timedelta"), False: ("datetime64", "datetime", "date")}
"""What `pandas.api.types.infer_dtype` calls durations, by True, and dates, by False."""

_INFERRED_AS_TEXT = ("string", "mixed", "mixed-integer", "categorical")
"""What it calls text, and text among which there are other values."""


@dataclass(frozen=True)
class DatetimeColumn(Column):
    """The inputs that a column of dates becomes.

    Attributes
    ----------
    seconds : Column
        How the seconds are scaled, and missing dates marked: the first inputs.
    cycles : tuple of str
        Keys of `CYCLES` that vary in training: a sine and a cosine of each, 0 where the date is missing.
    zone : str, or None
        The time zone in which hours and days are read.
    is_duration : bool
        Whether the values are durations, which have no cycles.
    from_text : bool
        Whether the values were text, see `sknet._tables.dates`: text that is no date then is a missing one.
    """

    seconds: Column
    cycles: tuple[str, ...] = ()
    zone: str | None = None
    is_duration: bool = False
    from_text: bool = False

    def __post_init__(self) -> None:
        # a model's file may be hostile, and pandas would open the path
        if self.zone is not None and self.zone.startswith("dateutil"):
            raise ValueError(f"zone={self.zone!r} is the path of a file to pandas: give the name of a time zone.")

    @property
    def n_bins(self) -> int:
        """How many bins the seconds have: cycles have none."""
        return self.seconds.n_bins

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return (*self.seconds.suffixes, *(f"_{cycle}_{wave}" for cycle in self.cycles for wave in ("sin", "cos")))

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: of a cycle, the sine or cosine of position * scale."""
        pairs = [(cycle, wave) for cycle in self.cycles for wave in ("sin", "cos")]
        waves = [InputFormula("date", f"{cycle}_{wave}", scale=2.0 * pi / CYCLES[cycle][0]) for cycle, wave in pairs]
        return (*self.seconds.input_formulas, *waves)

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        instants = self.read(values, name)
        first = self.seconds.n_inputs
        self.seconds.write(seconds_of(instants), out[:, :first], name)
        for i, cycle in enumerate(self.cycles):
            angle = cycle_positions(instants, cycle) * (2.0 * pi / CYCLES[cycle][0])
            out[:, first + 2 * i] = np.nan_to_num(np.sin(angle))  # missing dates: the middle of the circle
            out[:, first + 2 * i + 1] = np.nan_to_num(np.cos(angle))

    def slopes(self, values: ColumnValues, name: str) -> Array:
        """Return the derivatives of the inputs by seconds, (n, n_inputs); weekdays and days of the year are steps."""
        instants = self.read(values, name)
        slopes = np.zeros((len(instants), self.n_inputs))
        first = self.seconds.n_inputs
        slopes[:, :first] = self.seconds.slopes(seconds_of(instants), name)
        if "hour" in self.cycles:
            sine = first + 2 * self.cycles.index("hour")  # index of this input; the cosine is the next one
            per_hour = 2.0 * pi / CYCLES["hour"][0]
            angle = cycle_positions(instants, "hour") * per_hour
            # slopes are by seconds, and the angle is one of hours
            slopes[:, sine] = np.nan_to_num(np.cos(angle)) * per_hour / 3600.0
            slopes[:, sine + 1] = np.nan_to_num(-np.sin(angle)) * per_hour / 3600.0
        return slopes

    def n_unread(self, values: ColumnValues, name: str) -> int:
        """Return how many values are text and no date."""
        if not (self.from_text and is_text(values)):
            return 0
        return int(np.count_nonzero(self.read(values, name).isna() & np.asarray(pd.notna(values))))

    @property
    def is_ordered(self) -> bool:
        """Whether the inputs are seconds alone: a cycle rises and falls."""
        return self.is_duration

    @property
    def is_constant(self) -> bool:
        """Whether the seconds are."""
        return self.seconds.is_constant

    def with_scale_of(self, values: ColumnValues, name: str, weight: Array | None) -> DatetimeColumn:
        """Return the column with the scale of the seconds of n new values."""
        seconds = seconds_of(self.read(values, name))
        return replace(self, seconds=self.seconds.with_scale_of(seconds, name, weight))

    def read(self, values: ColumnValues, name: str) -> Instants:
        """Read dates or durations, dates in the time zone that was learnt."""
        if self.from_text and is_text(values):
            return read_iso_dates(values, name, in_utc=self.zone is not None)
        instants = read_instants(values, name, is_duration=self.is_duration)
        zone = zone_of(instants)
        # a column of missing dates only has no time zone that could be wrong
        if instants.isna().all() or zone == self.zone:
            return instants
        if zone is None or self.zone is None:
            raise TypeError(
                f"Column {name!r} of X has the time zone {zone} and had {self.zone} in fit: give it that one with "
                ".dt.tz_localize()."
            )
        try:
            return pd.DatetimeIndex(instants).tz_convert(self.zone)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"Column {name!r} of X had the time zone {self.zone} in fit, which this system does not know: install "
                "the package tzdata, or give the column that time zone."
            ) from error


def zone_of(instants: Instants) -> str | None:
    """Return the name of the time zone, if there is one."""
    zone = getattr(instants, "tz", None)
    return None if zone is None else str(zone)


def read_instants(values: ColumnValues, name: str, *, is_duration: bool) -> Instants:
    """Read dates or durations; a TypeError names a column that holds something else."""
    index = pd.TimedeltaIndex if is_duration else pd.DatetimeIndex
    if pd.api.types.infer_dtype(values, skipna=True) in _INFERRED_TYPES[is_duration]:
        try:
            instants = index(values)
            microseconds_of(instants)  # raises for a date that is out of range
            return instants
        except (TypeError, ValueError, ArithmeticError) as error:
            remedy = "to_timedelta()" if is_duration else "to_datetime(utc=True)"
            raise TypeError(
                f"Column {name!r} of X cannot be read as dates: {error}. Convert it with pandas.{remedy}, and make "
                "what is out of its range None."
            ) from error
    if bool(np.all(pd.isna(values))):  # no type can be inferred
        return index([pd.NaT] * len(values))
    wanted, remedy = ("durations", "to_timedelta") if is_duration else ("dates", "to_datetime")
    raise TypeError(
        f"Column {name!r} of X (dtype {values.dtype}) should hold {wanted}, as in fit: convert it with pandas.{remedy}."
    )


def seconds_of(instants: Instants) -> Array:
    """Convert instants to seconds, NaN where missing."""
    return np.where(instants.isna(), np.nan, microseconds_of(instants) / 1e6)


def microseconds_of(instants: Instants) -> Array:
    """Convert instants to integers of microseconds; those of missing dates have no meaning."""
    return np.asarray(instants.as_unit("us").asi8)


def cycle_positions(instants: Instants, cycle: str) -> Array:
    """Return the hours since midnight, days since Monday, or day of the year (see `CYCLES`), NaN where missing."""
    local = pd.DatetimeIndex(instants).tz_localize(None)  # the time that a clock shows there
    return np.where(local.isna(), np.nan, CYCLES[cycle][1](local, microseconds_of(local)))


def is_text(values: ColumnValues) -> bool:
    """Whether a column holds text."""
    return inferred_type(pd.Series(values)) in _INFERRED_AS_TEXT


def infer_instants(values: ColumnValues, name: str) -> tuple[Instants, bool]:
    """Read dates or durations, whichever the values are, and tell whether they are durations."""
    if is_text(values):
        return read_iso_dates(values, name, in_utc=are_in_utc(pd.Series(values))), False
    is_duration = pd.api.types.infer_dtype(values, skipna=True) in _INFERRED_TYPES[True]
    return read_instants(values, name, is_duration=is_duration), is_duration


def learn_datetime(
    values: ColumnValues,
    name: str,
    settings: ColumnSettings,
    learn_number: Callable[[ColumnValues, str, ColumnSettings], Column],
) -> DatetimeColumn:
    """Learn a column of dates from its n values; `learn_number` learns how their seconds are scaled."""
    instants, is_duration = infer_instants(values, name)
    seconds = learn_number(seconds_of(instants), name, settings)
    varying = [] if is_duration else [c for c in CYCLES if pd.Series(cycle_positions(instants, c)).nunique() > 1]
    return DatetimeColumn(seconds, tuple(varying), zone_of(instants), is_duration, is_text(values))
