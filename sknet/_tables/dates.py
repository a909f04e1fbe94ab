"""Columns of dates or durations: their seconds as a number, and the cycles of day, week and year.

Text may be dates, too: CSV files have no type for dates, and most programs write them in ISO 8601, as "2026-01-31" or
"2026-01-31T10:30:00.5+01:00". Other formats are ambiguous, since they differ from country to country; users convert
them before fit.

Conventions
-----------
n rows; c cycles.

values : (n,)            one column of the table
texts : (m,)             its distinct values, if they are strings
datetimes : (n,)         a pandas DatetimeIndex or TimedeltaIndex, NaT where a value is missing
seconds : (n,)           since 1970 (in UTC if there is a time zone), or of a duration; NaN where missing
position : (n,)          how far a cycle has come, in its own unit; NaN where missing
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from math import inf, pi
from typing import Self

import numpy as np
import pandas as pd

from sknet._tables.column import ColumnKind, ColumnSettings, FormulaColumn, WeightsAndTarget
from sknet._tables.column_values import (
    INFERRED_DATE_TYPES,
    INFERRED_DURATION_TYPES,
    INFERRED_MIXED_TYPES,
    INFERRED_NUMBER_TYPES,
    INFERRED_TEXT_TYPES,
    ColumnValues,
    factorize,
    inferred_type,
)
from sknet._tables.formulas import Formula, Wave
from sknet._tables.messages import short_repr
from sknet._tables.numbers import BaseNumberColumn, learn_number
from sknet._tables.read_arrays import is_missing
from sknet._typing import Array

# --- text that is a date ---------------------------------------------------------------------------------------------


ISO_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?", re.ASCII
)
"""A date, which a time may follow; the group is the offset from UTC."""

_DIGITS_BELOW_MICROSECONDS = re.compile(r"(?<=\.\d{6})\d+")
"""These digits are dropped: with nanoseconds in one text, pandas can read no year before 1678 or after 2262."""

N_VALUES_TRIED = 10
"""How many values are tried first. Nearly all columns of other strings fail here."""


def has_offset(text: object) -> bool | None:
    """Return whether the text of a date has an offset from UTC; None if it is no such text."""
    match = ISO_DATE.fullmatch(text) if isinstance(text, str) else None
    return None if match is None else match[1] is not None


def holds_iso_dates(column: pd.Series) -> bool:
    """Whether a column holds strings that are dates, all of them with an offset from UTC or all without."""
    # there is no test for missing values, since it fails for some objects
    first_texts = islice((value for value in column if isinstance(value, str)), N_VALUES_TRIED)
    if None in map(has_offset, first_texts) or inferred_type(column) != "string":
        return False
    texts = column.dropna().unique().tolist()
    if len(set(map(has_offset, texts))) != 1:  # some have an offset and some none, or all values are missing
        return False
    return bool(parse_iso_dates(texts, in_utc=first_date_has_offset(column)).notna().all())


def first_date_has_offset(column: pd.Series) -> bool:
    """Whether the first date of a column of text has an offset from UTC, as all its dates should have then."""
    return next((answer for answer in map(has_offset, column) if answer is not None), False)


def read_iso_dates(values: ColumnValues, name: str, *, in_utc: bool) -> pd.DatetimeIndex:
    """Return the dates of n values, NaT where a text is no date."""
    codes, texts = factorize(values, name)
    # the code −1 of a missing value picks the last entry, None
    return parse_iso_dates([*texts, None], in_utc=in_utc)[codes]


def parse_iso_dates(values: Iterable[object], *, in_utc: bool) -> pd.DatetimeIndex:
    """Return the dates of texts with (`in_utc`) or without an offset from UTC, and NaT for all other values."""
    texts = map(str, values)  # the text of a Timestamp is a date, too
    dates = [text if has_offset(text) is in_utc else "" for text in texts]
    dates = [_DIGITS_BELOW_MICROSECONDS.sub("", text) for text in dates]
    return pd.DatetimeIndex(pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=in_utc))


# --- the column ------------------------------------------------------------------------------------------------------


DatetimeLike = pd.DatetimeIndex | pd.TimedeltaIndex

DAY_IN_US = 86_400 * 10**6
"""Microseconds in a day."""


CYCLES: dict[str, tuple[Wave, Callable[[pd.DatetimeIndex, Array], Array]]] = {
    "hour": (Wave("hour", 2.0 * pi / 24.0, 3600.0), lambda local, us: np.mod(us, DAY_IN_US) * (24.0 / DAY_IN_US)),
    "weekday": (Wave("weekday", 2.0 * pi / 7.0, inf), lambda local, us: np.asarray(local.day_of_week, np.float64)),
    "yearday": (Wave("yearday", 2.0 * pi / 365.25, inf), lambda local, us: np.asarray(local.day_of_year, np.float64)),
}
"""The formula of each cycle, and a function of local time and microseconds that returns the position in it: hours since
midnight, days since Monday, or the day of the year from 1."""


@dataclass(frozen=True)
class DatetimeColumn(FormulaColumn):
    """The inputs that a column of dates becomes.

    Attributes
    ----------
    seconds : BaseNumberColumn
        The first inputs, which are computed from the seconds.
    cycles : tuple of str
        The keys of `CYCLES` that vary in training. Each adds a sine and a cosine, which are 0 for missing dates.
    zone : str, or None
        The time zone of the hours and days.
    is_duration : bool
        Whether the values are durations, which have no cycles.
    from_text : bool
        Whether the values were text in fit. A text that is no date is then a missing value.
    """

    reads_axis_values = True

    seconds: BaseNumberColumn
    cycles: tuple[str, ...] = ()
    zone: str | None = None
    is_duration: bool = False
    from_text: bool = False

    def __post_init__(self) -> None:
        # pandas would open this path, and a hostile model file may name any
        if self.zone is not None and self.zone.startswith("dateutil"):
            raise ValueError(f"zone={self.zone!r} is the path of a file to pandas: give the name of a time zone.")

    @property
    def formulas(self) -> tuple[tuple[Formula, ...], ...]:
        """The formulas of the seconds, and a wave for each cycle."""
        return (*self.seconds.formulas, *((CYCLES[cycle][0],) for cycle in self.cycles))

    def arguments(self, values: ColumnValues, name: str) -> Sequence[Array]:
        """Return the seconds, and the position in each cycle."""
        datetimes = self.datetimes_of(values, name)
        return [seconds_of(datetimes), *(cycle_positions(datetimes, cycle) for cycle in self.cycles)]

    def axis_values(self, values: ColumnValues, name: str) -> pd.Series:
        """Return the dates or durations."""
        return pd.Series(self.datetimes_of(values, name))

    def read(self, values: ColumnValues, name: str) -> tuple[ColumnValues, str]:
        """Return the dates if the values are text, as in fit, and a warning of texts that are no dates."""
        if not (self.from_text and is_text(values)):
            return values, ""
        dates = self.datetimes_of(values, name)
        wrong = values[dates.isna() & ~is_missing(values)]
        if not len(wrong):
            return pd.Series(dates), ""
        offset = "without an offset from UTC" if self.zone is None else "with an offset from UTC"
        return pd.Series(dates), (
            f"held ISO 8601 dates {offset} in fit, as text, but {len(wrong)} of {len(values)} values, such as "
            f"{short_repr(pd.Series(wrong).iloc[0])}, are no such dates: they count as missing. Write the dates as in "
            "fit, and None for a missing one."
        )

    @property
    def inputs_rise_with_value(self) -> bool:
        """Whether it holds durations; the inputs of most dates rise and fall, such as the time of day."""
        return self.is_duration

    @property
    def is_constant(self) -> bool:
        return self.seconds.is_constant

    def rescaled_if_constant(self, values: ColumnValues, name: str, weight: Array | None) -> Self:
        """Return the column with the scale of the seconds of n new values."""
        seconds = seconds_of(self.datetimes_of(values, name))
        return replace(self, seconds=self.seconds.rescaled_if_constant(seconds, name, weight))

    def datetimes_of(self, values: ColumnValues, name: str) -> DatetimeLike:
        """Return the dates, in the time zone of fit, or the durations."""
        if not self.is_duration and is_text(values):
            dates = read_iso_dates(values, name, in_utc=self.zone is not None)
            # if fit had no text, other text is an error below
            if self.from_text or not np.any(dates.isna() & ~is_missing(values)):
                return dates.tz_convert(self.zone) if self.zone else dates
        datetimes = read_datetimelike(values, name, is_duration=self.is_duration)
        zone = zone_of(datetimes)
        # without any date, the time zone does not matter
        if datetimes.isna().all() or zone == self.zone:
            return datetimes
        if zone is None or self.zone is None:
            raise TypeError(
                f"Column {name!r} of X has the time zone {zone} and had {self.zone} in fit: give it that one with "
                f".dt.tz_localize({self.zone!r}), or with .dt.replace_time_zone({self.zone!r}) in polars."
            )
        return pd.DatetimeIndex(datetimes).tz_convert(self.zone)


def zone_of(datetimes: DatetimeLike) -> str | None:
    """Return the name of the time zone, if there is one."""
    zone = getattr(datetimes, "tz", None)
    return None if zone is None else str(zone)


def read_datetimelike(values: ColumnValues, name: str, *, is_duration: bool) -> DatetimeLike:
    """Return dates or durations; a TypeError names a column with other values."""
    index = pd.TimedeltaIndex if is_duration else pd.DatetimeIndex
    expected, converter = ("durations", "to_timedelta") if is_duration else ("dates", "to_datetime")
    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred in (INFERRED_DURATION_TYPES if is_duration else INFERRED_DATE_TYPES):
        try:
            datetimes = index(values)
            microseconds_of(datetimes)  # raises if a date is out of range
            return datetimes
        except (TypeError, ValueError, ArithmeticError) as error:
            raise TypeError(
                f"Column {name!r} of X cannot be read as dates: {error}. Convert it with "
                f"pandas.{converter}({'' if is_duration else 'utc=True'}), and make what is out of its range None."
            ) from error
    if bool(np.all(pd.isna(values))):  # then pandas infers no type
        return index([pd.NaT] * len(values))
    remedy = f"pandas.{converter}."
    if inferred in INFERRED_NUMBER_TYPES:
        remedy = (
            f"pandas.{converter}(X[{name!r}], unit=...), and unit='s' for seconds, 'ms' for milliseconds or 'D' for "
            "days. Without a unit, pandas takes numbers for nanoseconds."
        )
    raise TypeError(
        f"Column {name!r} of X (dtype {values.dtype}) should hold {expected}, as in fit: convert it with {remedy}"
    )


def seconds_of(datetimes: DatetimeLike) -> Array:
    """Return datetimes as seconds, NaN where missing."""
    return np.where(datetimes.isna(), np.nan, microseconds_of(datetimes) / 1e6)


def microseconds_of(datetimes: DatetimeLike) -> Array:
    """Return datetimes as integers of microseconds; the integers of missing datetimes are meaningless."""
    return np.asarray(datetimes.as_unit("us").asi8)


def cycle_positions(datetimes: DatetimeLike, cycle: str) -> Array:
    """Return the position of each date in a cycle (see `CYCLES`), NaN where missing."""
    local = pd.DatetimeIndex(datetimes).tz_localize(None)  # local time
    return np.where(local.isna(), np.nan, CYCLES[cycle][1](local, microseconds_of(local)))


def is_text(values: ColumnValues) -> bool:
    """Whether a column holds text."""
    return inferred_type(pd.Series(values)) in (*INFERRED_TEXT_TYPES, *INFERRED_MIXED_TYPES)


def read_dates_or_durations(values: ColumnValues, name: str) -> tuple[DatetimeLike, bool]:
    """Return dates or durations, and whether they are durations."""
    if is_text(values):
        return read_iso_dates(values, name, in_utc=first_date_has_offset(pd.Series(values))), False
    is_duration = pd.api.types.infer_dtype(values, skipna=True) in INFERRED_DURATION_TYPES
    return read_datetimelike(values, name, is_duration=is_duration), is_duration


def learn_datetime(values: ColumnValues, name: str, settings: ColumnSettings, rows: WeightsAndTarget) -> DatetimeColumn:
    """Learn how the seconds of a column of dates are scaled, and which cycles vary."""
    datetimes, is_duration = read_dates_or_durations(values, name)
    seconds = learn_number(seconds_of(datetimes), name, settings, rows)
    varying = [] if is_duration else [c for c in CYCLES if pd.Series(cycle_positions(datetimes, c)).nunique() > 1]
    return DatetimeColumn(seconds, tuple(varying), zone_of(datetimes), is_duration, is_text(values))


# --- the kind --------------------------------------------------------------------------------------------------------

DATE = ColumnKind(
    name="date",
    learn=learn_datetime,
    classes=(DatetimeColumn,),
    inferred_types=(*INFERRED_DATE_TYPES, *INFERRED_DURATION_TYPES),
    recognises=holds_iso_dates,
    may_have_bins=True,
)
