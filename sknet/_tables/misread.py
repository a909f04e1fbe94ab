"""Find columns of text that hold numbers or dates: whatever read the table has not converted them.

Each number would be a category of its own, and nothing could be learnt from its order.

Conventions
-----------
texts : (L,)     the categories of a column of text, each once
"""

from itertools import product

import pandas as pd

from sknet._tables.dates import has_offset, parse_iso_dates
from sknet._tables.read import short_list, short_repr

MIN_MISREAD_CATEGORIES = 20
"""A column of fewer may well be meant as categories, even if these are numbers."""

MIN_CONVERTIBLE_FRACTION = 0.9
"""From this fraction of its categories on, a column is taken for one of numbers, or of dates: some may be misspelt."""

MAX_CATEGORIES_TRIED = 10_000
"""So many categories, evenly spaced, or up to twice as many, decide whether a column is looked at in full."""

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"([ T]\d{1,2}:\d{2}.*)?"
DATE_PATTERN = (
    r"(?i)\s*("
    r"(18|19|20|21)\d{2}[-/.](0?[1-9]|1[0-2])([-/.]\d{1,2})?"  # 2026-01-31, 2026/01
    r"|\d{1,2}[-/.]\d{1,2}[-/.](18|19|20|21)\d{2}|\d{1,2}/\d{1,2}/\d{2}"  # 31.01.2026, 1/31/26
    rf"|\d{{1,2}}[ -]{_MONTH}[ ,-]+\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}"  # 31 Jan 2026, January 31, 2026
    rf"){_TIME}\s*"
)
"""The usual ways to write a date, with or without a time."""

_DAYS = (
    *(order.replace("-", mark) for order in ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y") for mark in "-/."),
    "%d/%m/%y", "%m/%d/%y", "%Y-%m", "%Y/%m",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%d-%B-%Y", "%B %d, %Y",
)  # fmt: skip
DATE_FORMATS = tuple(map("".join, product(_DAYS, ("", " %H:%M", " %H:%M:%S"))))
"""The formats that are tried on dates that are not in ISO 8601."""

QUANTITY = (
    r"\s*[-+]?(?P<before>[$€£]?)[-+]?\s*(?P<number>\d+(?:[, ]\d{3})*(?:\.\d*)?)\s*(?P<after>[$€£%]|[^\W\d_]+|)\s*"
)
"""A number with a symbol before it, or with a symbol or a word behind it, such as $97,000 or 80 kg."""

NO_DIGITS = "[^-+.0-9]"
"""What is removed from a number with a unit."""

WITH_THOUSANDS = r"[1-9]\d{0,2}([, ]\d{3})*(\.\d*)?|0(\.\d*)?"
"""A number in which commas or spaces may separate thousands."""

ONE_COMMA = r"\d{1,3},\d{3}"
"""A number whose comma separates thousands, or is a decimal comma."""


def advice_for_text(column: pd.Series, name: str) -> str | None:
    """Return how a column of text, as codes of categories, becomes the numbers or dates in it.

    This is a pandas call, if the call reads all values and no other reading of them is possible, and else what is
    unclear. None where too few categories are numbers or dates.
    """
    texts = pd.Series(column.cat.categories, dtype=object)
    if len(texts) < MIN_MISREAD_CATEGORIES or not all(isinstance(text, str) for text in texts):
        return None
    sample = texts[:: max(1, len(texts) // MAX_CATEGORIES_TRIED)]
    for advise in (_advise_on_numbers, _advise_on_quantities, _advise_on_dates):
        if advise(sample, name) is not None:
            return advise(texts, name)
    return None


def _advise_on_numbers(texts: pd.Series, name: str) -> str | None:
    is_read = pd.to_numeric(texts, errors="coerce").notna()
    return _advice(f"pd.to_numeric(X[{name!r}]", texts, is_read) if _are_enough(is_read) else None


def _advise_on_quantities(texts: pd.Series, name: str) -> str | None:
    parts = texts.str.extract(f"^(?:{QUANTITY})$")
    is_read, number = parts["number"].notna(), parts["number"].dropna()
    if not _are_enough(is_read) or len(parts[is_read].drop_duplicates(["before", "after"])) > 1:
        return None
    has_comma = number.str.contains(",")
    is_clear = number.str.fullmatch(WITH_THOUSANDS).all() and not number.str.fullmatch(ONE_COMMA).all()
    if has_comma.any() and not is_clear:
        example = texts[number.index[has_comma][0]]
        return (
            f"The comma in {short_repr(example)} may be a decimal comma, or it may separate thousands: read the file "
            "with decimal=',' or thousands=',', or convert the column yourself."
        )
    is_read &= pd.to_numeric(texts.str.replace(NO_DIGITS, "", regex=True), errors="coerce").notna()
    return _advice(f"pd.to_numeric(X[{name!r}].str.replace({NO_DIGITS!r}, '', regex=True)", texts, is_read)


def _advise_on_dates(texts: pd.Series, name: str) -> str | None:
    is_date = texts.str.fullmatch(DATE_PATTERN)
    if not _are_enough(is_date):
        return None
    dates = texts[is_date]
    offsets = set(map(has_offset, dates))
    if offsets == {True, False}:
        return "Some of these dates have an offset from UTC, and others have none: write them alike."
    if None not in offsets:
        (in_utc,) = offsets
        call = f"pd.to_datetime(X[{name!r}], format='ISO8601'{', utc=True' if in_utc else ''}"
        return _advice(call, texts, pd.Series(parse_iso_dates(texts, in_utc=bool(in_utc)).notna(), texts.index))
    readings = {form: read for form in DATE_FORMATS if (read := _read_dates(dates, form)) is not None}
    if not readings:
        return "No single format reads all of these dates: write them alike, or convert the column yourself."
    (form, read), *others = readings.items()
    for other, read_otherwise in others:
        if not read.equals(read_otherwise):
            example = dates[read != read_otherwise].iloc[0]
            return (
                f"The day and the month in {short_repr(example)} may be in either order: convert it with "
                f"pd.to_datetime(X[{name!r}], format={form!r}) or with format={other!r}."
            )
    return _advice(f"pd.to_datetime(X[{name!r}], format={form!r}", texts, is_date)


def _read_dates(dates: pd.Series, form: str) -> pd.Series | None:
    """Return the dates in a format; None unless all of them have it."""
    try:
        return pd.to_datetime(dates, format=form)
    except ValueError:
        return None


def _are_enough(is_read: pd.Series) -> bool:
    return float(is_read.mean()) >= MIN_CONVERTIBLE_FRACTION


def _advice(call: str, texts: pd.Series, is_read: pd.Series) -> str:
    """Return the advice to make a call, unless it loses a value; the call is given without its last parenthesis."""
    other = texts[~is_read]
    with_digits = other[other.str.contains(r"\d")]
    if len(with_digits):
        return f"The value {short_repr(with_digits.iloc[0])} cannot be converted: correct such values first."
    if len(other):
        return f"Convert it with {call}, errors='coerce'), which makes {short_list(other.tolist())} missing."
    return f"Convert it with {call})."
