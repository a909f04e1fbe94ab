"""Find columns of text that hold numbers or dates: whatever read the table has not converted them.

Each number would be a category of its own, and nothing could be learnt from its order.

Conventions
-----------
levels : (L,)     the texts of a column, each once
"""

from collections.abc import Iterator

import pandas as pd

from sknet._tables.choices import ColumnChoices
from sknet._tables.frames import as_uniform_array, column_at, column_names
from sknet._tables.tables import take_rows

MIN_LEVELS = 20
"""A column of fewer levels may well be meant as categories, even if these are numbers."""

MIN_SHARE = 0.9
"""From this share of its levels on, a column is taken for one of numbers, or of dates: some may be misspelt."""

MAX_ROWS_READ = 10_000
"""The most rows that are looked at, evenly spaced: enough to see, and it takes no time."""

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"([ T]\d{1,2}:\d{2}.*)?"
DATE = (
    r"(?i)\s*("
    r"(18|19|20|21)\d{2}[-/.](0?[1-9]|1[0-2])([-/.]\d{1,2})?"  # 2026-01-31, 2026/01
    r"|\d{1,2}[-/.]\d{1,2}[-/.](18|19|20|21)\d{2}|\d{1,2}/\d{1,2}/\d{2}"  # 31.01.2026, 1/31/26
    rf"|\d{{1,2}}[ -]{_MONTH}[ ,-]+\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}"  # 31 Jan 2026, January 31, 2026
    rf"){_TIME}\s*"
)
"""The usual ways to write a date, with or without a time."""

SYMBOLS = r"[$€£%\s]|,(?=\d{3}(?!\d))"
"""Symbols beside the digits of a number, and commas before three digits."""


def misread_columns(frame: pd.DataFrame, choices: ColumnChoices) -> Iterator[tuple[str, str]]:
    """Yield the name of each column of text that holds numbers or dates, and the pandas call that converts it.

    Columns that the user names, or has made categories, are passed over: they are what the user says.
    """
    if not choices.by_dtype or as_uniform_array(frame) is not None:
        return
    sample = take_rows(frame, slice(None, None, max(1, frame.shape[0] // MAX_ROWS_READ)))
    names = column_names(frame)
    for j, (name, named) in enumerate(zip(names, choices.named_kinds(names), strict=True)):
        column = column_at(sample, j)
        is_category = isinstance(column.dtype, pd.CategoricalDtype)  # its kind is that of objects, too
        # O, U, T: NumPy's kinds of objects and strings
        if named is None and not is_category and getattr(column.dtype, "kind", "O") in "OUT":
            remedy = _remedy(_text_levels(column), name)
            if remedy:
                yield name, remedy


def _text_levels(column: pd.Series) -> pd.Series:
    """Return the levels of a column of text; none of other columns."""
    try:
        levels = pd.Series(column.dropna().unique(), dtype=object)
    except (TypeError, ArithmeticError, NotImplementedError):  # lists or signalling NaNs: refused elsewhere
        return pd.Series(dtype=object)
    return levels if all(isinstance(level, str) for level in levels) else levels[:0]


def _remedy(levels: pd.Series, name: str) -> str | None:
    """Return the pandas call that converts the column to numbers or dates; None where too few levels are either."""
    if len(levels) < MIN_LEVELS:
        return None
    if _share_of_numbers(levels) >= MIN_SHARE:
        return f"pd.to_numeric(X[{name!r}], errors='coerce')"
    if _share_of_numbers(levels.str.replace(SYMBOLS, "", regex=True)) >= MIN_SHARE:
        return f"pd.to_numeric(X[{name!r}].str.replace('[$€£%, ]', '', regex=True), errors='coerce')"
    if levels.str.fullmatch(DATE).mean() >= MIN_SHARE:
        return f"pd.to_datetime(X[{name!r}], errors='coerce')"
    return None


def _share_of_numbers(texts: pd.Series) -> float:
    return float(pd.to_numeric(texts, errors="coerce").notna().mean())
