"""Advice on columns of text that hold numbers, dates or durations, which were not converted when the table was read.

Each number would be a category of its own, without an order.

Conventions
-----------
texts : (L,)     the distinct values of a column of text
is_read : (L,)   bool, which texts are numbers, dates or durations
"""

import re
from itertools import product

import pandas as pd

from sknet._tables.dates import has_offset
from sknet._tables.messages import short_list, short_repr

MIN_MISREAD_CATEGORIES = 20
"""A column of fewer distinct values may be one of categories, even if they are numbers."""

MIN_CONVERTIBLE_FRACTION = 0.9
"""A column of text holds numbers, dates or durations if at least this fraction of its distinct values are such."""

MAX_CATEGORIES_TRIED = 10_000
"""A sample of this many distinct values, evenly spaced, or up to twice as many, is tried first."""

_MONTH_PATTERN = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME_PATTERN = r"([ T]\d{1,2}:\d{2}.*)?"
DATE_PATTERN = (
    r"(?i)\s*("
    r"(18|19|20|21)\d{2}[-/.](0?[1-9]|1[0-2])([-/.]\d{1,2})?"  # 2026-01-31, 2026/01
    r"|\d{1,2}[-/.]\d{1,2}[-/.](18|19|20|21)\d{2}|\d{1,2}/\d{1,2}/\d{2}"  # 31.01.2026, 1/31/26
    rf"|\d{{1,2}}[ -]{_MONTH_PATTERN}[ ,-]+\d{{2,4}}"  # 31 Jan 2026
    rf"|{_MONTH_PATTERN} \d{{1,2}},? \d{{4}}"  # January 31, 2026
    rf"){_TIME_PATTERN}\s*"
)
"""The usual ways to write a date, with or without a time."""

DURATION_PATTERN = r"\s*(?:[-+]?\d+ days?,? )?[-+]?\d{1,3}:[0-5]\d(?P<seconds>:[0-5]\d(?:\.\d+)?)?\s*"
"""A duration or a time of day, such as 0 days 12:26:51, perhaps without days or seconds."""

_DAY_FORMATS = (
    *(order.replace("-", mark) for order in ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y") for mark in "-/."),
    "%d/%m/%y", "%m/%d/%y",
    "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%d-%B-%Y", "%B %d, %Y",
    "%d %b %y", "%d-%b-%y", "%b %d %Y", "%B %d %Y",
)  # fmt: skip
_MONTH_FORMATS = ("%Y-%m", "%Y/%m")
_TIME_FORMATS = ("", " %H:%M", " %H:%M:%S")
_HALF_DAY_FORMATS = (" %I:%M %p", " %I:%M:%S %p")  # polars does not read these after a month without a day
DATE_FORMATS = (
    "ISO8601",
    *map("".join, product(_DAY_FORMATS, _TIME_FORMATS + _HALF_DAY_FORMATS)),
    *map("".join, product(_MONTH_FORMATS, _TIME_FORMATS)),
)
"""The formats that are tried."""

_SPACES = " '’\u00a0\u2009\u202f"  # what may separate thousands without doubt: spaces, some narrow, and apostrophes
_SIGN_PATTERN = r"[-+−]?"  # the last one is the minus sign of typesetting
_NUMBER_PATTERN = rf"\d+(?:[,{_SPACES}]\d{{3}})*(?:\.\d*)?|\d+(?:[.{_SPACES}]\d{{3}})*,\d*|\d{{1,3}}(?:\.\d{{3}}){{2,}}"
_CURRENCY_PATTERN = r"[$€£]|EUR|USD|GBP|CHF|JPY|"
_UNIT_PATTERN = rf"{_CURRENCY_PATTERN}%|°?[^\W\d_]+[23]?(?:/[^\W\d_]+[23]?)?|"
QUANTITY_PATTERN = (
    rf"\s*(?P<open>\(?){_SIGN_PATTERN}(?P<before>{_CURRENCY_PATTERN})\s*{_SIGN_PATTERN}\s*(?P<number>{_NUMBER_PATTERN})"
    rf"\s*(?P<after>{_UNIT_PATTERN})(?P<close>\)?)\s*"
)
"""A number with a currency before it, or with a unit after it, such as $97,000, 80,5 kg or 11.2 mg/dl; (5) is -5."""

WITH_DECIMAL_POINT_PATTERN = rf"\d+(\.\d*)?|[1-9]\d{{0,2}}([,{_SPACES}]\d{{3}})+(\.\d*)?"
"""A number whose decimals may follow a point, and whose thousands may be separated by commas or spaces."""

WITH_DECIMAL_COMMA_PATTERN = rf"\d+(,\d*)?|[1-9]\d{{0,2}}([.{_SPACES}]\d{{3}})+(,\d*)?"
"""A number whose decimals may follow a comma, and whose thousands may be separated by points or spaces."""

DECIMAL_COMMA_PATTERN = r"(?!\d{1,3},\d{3}$).*,.*|.*\..*\..*"
"""If a number matches this and `WITH_DECIMAL_COMMA_PATTERN`, decimals can only follow a comma."""


def advice_for_text(distinct: list[str], column: str, *, is_polars: bool = False) -> str | None:
    """Return what a column of text holds, such as dates, and advice on how to convert it; from its distinct values.

    The advice names a call if this call reads all values and no other reading is possible. Otherwise it says what is
    unclear. `column` is the code that selects the column. For a polars frame, the calls are those of polars. The result
    is None if too few distinct values are numbers, dates or durations.
    """
    if len(distinct) < MIN_MISREAD_CATEGORIES:
        return None
    texts = pd.Series(distinct, dtype=object)
    some_texts = texts[:: max(1, len(texts) // MAX_CATEGORIES_TRIED)]
    advisers = (
        ("numbers", _numbers_advice),
        ("numbers", _quantities_advice),
        ("dates", _dates_advice),
        ("durations", _durations_advice),
    )
    for what, advise in advisers:
        if advise(some_texts, column, is_polars) is not None and (advice := advise(texts, column, is_polars)):
            return f"is text whose values are {what}, but text is not converted. {advice}"
    return None


def _numbers_advice(texts: pd.Series, column: str, is_polars: bool) -> str | None:
    """Return how to convert text that spells numbers; None if most of it does not."""
    is_read = pd.to_numeric(texts, errors="coerce").notna()
    if not _are_enough(is_read):
        return None
    unclear, _ = _decimal_mark(texts[is_read].str.strip().str.lstrip("+-"), texts)
    call = f"{column}.str.strip_chars().cast(pl.Float64" if is_polars else f"pd.to_numeric({column}"
    return unclear or _advice(call, texts, is_read, is_polars)


def _quantities_advice(texts: pd.Series, column: str, is_polars: bool) -> str | None:
    """Return how to convert numbers that have a unit or a comma; None if most texts are not such."""
    parts = texts.str.extract(f"^(?:{QUANTITY_PATTERN})$")
    is_in_parentheses = parts["open"].eq("(")  # of accountants: (5) is -5, if other numbers have none
    is_read = parts["number"].notna() & (is_in_parentheses == parts["close"].eq(")"))
    if not _are_enough(is_read) or is_in_parentheses[is_read].all():
        return None
    if len(parts[is_read].drop_duplicates(["before", "after"])) > 1:
        return None
    unit = parts["after"][is_read].iloc[0]
    unclear, mark = _decimal_mark(parts["number"].dropna(), texts)
    if unclear:
        return unclear
    # what must not be removed like other marks: signs, and digits that are not of the number
    replaced_first = {"−": "-", "(": "-", **({unit: ""} if re.search(r"\d", unit) else {})}
    replaced_first = {old: new for old, new in replaced_first.items() if texts.str.contains(old, regex=False).any()}
    to_remove = f"[^-+{mark}0-9]"
    with_points = texts
    for old, new in replaced_first.items():
        with_points = with_points.str.replace(old, new)
    with_points = with_points.str.replace(to_remove, "", regex=True).str.replace(",", ".")
    is_read &= pd.to_numeric(with_points, errors="coerce").notna()
    literal = ", literal=True" if is_polars else ""
    first = "".join([f".str.replace({old!r}, {new!r}{literal})" for old, new in replaced_first.items()])
    to_point = ".str.replace(',', '.')" if mark == "," else ""
    if is_polars:
        call = f"{column}{first}.str.replace_all({to_remove!r}, ''){to_point}.cast(pl.Float64"
    else:
        call = f"pd.to_numeric({column}{first}.str.replace({to_remove!r}, '', regex=True){to_point}"
    return _advice(call, texts, is_read, is_polars, unit)


def _decimal_mark(numbers: pd.Series, texts: pd.Series) -> tuple[str, str]:
    """Return what is unclear about the marks in numbers, which have the index of their texts, and the decimal mark."""
    may_be_point = numbers.str.fullmatch(WITH_DECIMAL_POINT_PATTERN).all()
    may_be_comma = numbers.str.fullmatch(WITH_DECIMAL_COMMA_PATTERN).all()
    marked = numbers[numbers.str.contains("[,.]")]
    if not len(marked) or (may_be_point and not may_be_comma):
        return "", "."
    if may_be_comma and not may_be_point and numbers.str.fullmatch(DECIMAL_COMMA_PATTERN).any():
        return "", ","
    with_comma = marked[marked.str.contains(",")]
    if not len(with_comma) and not may_be_comma:
        return "", "."  # numbers such as 1e3
    word, mark = ("comma", ",") if len(with_comma) else ("point", ".")
    example = texts[(with_comma if len(with_comma) else marked).index[0]]
    return (
        f"The {word} in {short_repr(example)} may be a decimal {word}, or it may separate thousands: read the file "
        f"with decimal={mark!r} or thousands={mark!r}, or convert the column yourself."
    ), mark


def _dates_advice(texts: pd.Series, column: str, is_polars: bool) -> str | None:
    """Return how to convert text that spells dates; None if most of it does not."""
    is_date = texts.str.fullmatch(DATE_PATTERN)
    if not _are_enough(is_date):
        return None
    dates = texts[is_date]
    in_utc = ", utc=True" if all(map(has_offset, dates)) else ""
    readings = {
        form: dates_read for form in DATE_FORMATS if (dates_read := _read_dates(dates, form, bool(in_utc))) is not None
    }
    are_alike = all(dates_read.equals(next(iter(readings.values()))) for dates_read in readings.values())
    if is_polars:
        readings.pop("ISO8601", None)  # a name that polars does not know
    if not readings or not are_alike:
        call = f"{column}.str.to_datetime(...)" if is_polars else f"pd.to_datetime({column}, format=...)"
        return (
            f"No format reads all of these dates, such as {short_repr(dates.iloc[0])}, or several formats read them "
            f"differently: convert the column with {call} and the right format."
        )
    form = next(iter(readings))
    if is_polars:
        return _advice(f"{column}.str.strip_chars().str.to_datetime({form!r}", texts, is_date, is_polars)
    return _advice(f"pd.to_datetime({column}, format={form!r}{in_utc}", texts, is_date)


def _durations_advice(texts: pd.Series, column: str, is_polars: bool) -> str | None:
    """Return how to convert text that spells durations or times of day; None if most of it does not."""
    is_duration = texts.str.fullmatch(DURATION_PATTERN)
    if not _are_enough(is_duration):
        return None
    durations = texts[is_duration]
    as_argument = "({}).to_list()" if is_polars else "{}"
    if durations.str.extract(DURATION_PATTERN)["seconds"].notna().all():
        return _advice(f"pd.to_timedelta({as_argument.format(column)}", texts, is_duration)
    in_hours, in_minutes = (as_argument.format(text) for text in (f"{column} + ':00'", f"'00:' + {column}"))
    return (
        f"If values such as {short_repr(durations.iloc[0])} are hours and minutes, convert it with "
        f"pd.to_timedelta({in_hours}). If they are minutes and seconds, convert it with pd.to_timedelta({in_minutes})."
    )


def _read_dates(dates: pd.Series, form: str, in_utc: bool) -> pd.Series | None:
    """Return the dates; None if some do not have the format."""
    try:
        return pd.to_datetime(dates, format=form, utc=in_utc)
    except ValueError:
        return None


def _are_enough(is_read: pd.Series) -> bool:
    """Whether enough texts could be read to advise a conversion."""
    return float(is_read.mean()) >= MIN_CONVERTIBLE_FRACTION


def _advice(call: str, texts: pd.Series, is_read: pd.Series, is_polars: bool = False, unit: str = "") -> str:
    """Return the advice to make a call (without its last parenthesis), unless it would lose a value with digits.

    `unit` is that of the resulting numbers, "" if they have none.
    """
    in_units = f", in units of {unit!r}" if unit else ""
    unread = texts[~is_read]
    with_digits = unread[unread.str.contains(r"\d")]
    if len(with_digits):
        return f"The value {short_repr(with_digits.iloc[0])} cannot be converted: correct such values first."
    if len(unread):
        coerced = "strict=False" if is_polars else "errors='coerce'"
        return f"Convert it with {call}, {coerced}){in_units}, which makes {short_list(unread.tolist())} missing."
    return f"Convert it with {call}){in_units}."
