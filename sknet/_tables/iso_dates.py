"""Text that is a date: which columns of strings hold dates, and the dates that they spell.

A CSV file has no type for dates, and most programs write them there as ISO 8601 says: a date, "2026-01-31", which a
time may follow, "2026-01-31T10:30:00.5+01:00". The hyphens tell it from a number. Other ways to write a date differ
from country to country: what they mean is left to the user.

Conventions
-----------
values : (n,)        one column of the table, strings
texts : (m,)         its different values
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

import pandas as pd

from sknet._tables.read import ColumnValues, factorize, inferred_type, is_categorical

ISO_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?", re.ASCII
)
"""A date, which a time may follow; the group is the offset from UTC."""

_FINER_THAN_MICROSECONDS = re.compile(r"(?<=\.\d{6})\d+")
"""With digits of nanoseconds in one text, pandas could not read years before 1678 or after 2262 in any other."""

N_VALUES_LOOKED_AT = 10
"""How many values, the first ones, show for nearly every other column of strings that it holds no dates."""


def has_offset(text: object) -> bool | None:
    """Whether a date has an offset from UTC; None for what is no text of a date."""
    found = ISO_DATE.fullmatch(text) if isinstance(text, str) else None
    return None if found is None else found[1] is not None


def holds_iso_dates(column: pd.Series) -> bool:
    """Whether a column holds strings, all of which but missing ones are dates, either all with an offset or none."""
    if getattr(column.dtype, "kind", "O") not in "OUT" or is_categorical(column):
        return False
    if None in map(has_offset, _first_texts(column)) or inferred_type(column) != "string":
        return False
    texts = column.dropna().unique().tolist()
    if len(set(map(has_offset, texts))) != 1:  # with and without an offset, or none where all values are missing
        return False
    return bool(parse_iso_dates(texts, in_utc=are_in_utc(column)).notna().all())


def are_in_utc(column: pd.Series) -> bool:
    """Whether the first date of a column of text has an offset from UTC, as all of them then have."""
    return next((found for found in map(has_offset, column) if found is not None), False)


def _first_texts(column: pd.Series) -> list[str]:
    """Return the first values that are text; whether others are missing is not asked, which not every object allows."""
    return list(islice((value for value in column if isinstance(value, str)), N_VALUES_LOOKED_AT))


def read_iso_dates(values: ColumnValues, name: str, *, in_utc: bool) -> pd.DatetimeIndex:
    """Return the dates of n values, NaT for those whose text is no date."""
    codes, texts = factorize(values, name)
    # the last entry, of None, is what the code −1 of a missing value picks
    return parse_iso_dates([*texts, None], in_utc=in_utc)[codes]


def parse_iso_dates(values: Iterable[object], *, in_utc: bool) -> pd.DatetimeIndex:
    """Return the dates of texts that have offsets from UTC, or of those that have none; NaT for all others."""
    texts = map(str, values)  # that of a Timestamp is a date, too
    dates = [text if has_offset(text) is in_utc else "" for text in texts]
    dates = [_FINER_THAN_MICROSECONDS.sub("", text) for text in dates]
    return pd.DatetimeIndex(pd.to_datetime(dates, format="ISO8601", errors="coerce", utc=in_utc))
