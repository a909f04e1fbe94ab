"""Find columns of text that hold numbers or dates: whatever read the table has not converted them.

Each number would be a category of its own, and nothing could be learnt from its order.

Conventions
-----------
categories : (L,)     the texts of a column, each once
"""

import pandas as pd

MIN_MISREAD_CATEGORIES = 20
"""A column of fewer may well be meant as categories, even if these are numbers."""

MIN_CONVERTIBLE_FRACTION = 0.9
"""From this fraction of its categories on, a column is taken for one of numbers, or of dates: some may be misspelt."""

MAX_CATEGORIES_TRIED = 10_000
"""How many categories are looked at, evenly spaced, or up to twice as many: enough to see, and it takes no time."""

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

NUMBER_SYMBOLS = r"[$€£%\s]|,(?=\d{3}(?!\d))"
"""Symbols beside the digits of a number, and commas before three digits."""

NUMBER_WITH_UNIT = r"\s*[-+]?\d[\d.]*(?P<unit>\s*[^\W\d_]+)\s*"
"""A number and a word behind it, such as 80 kg."""


def remedy_for_text(column: pd.Series, name: str) -> str | None:
    """Return the pandas call that converts a column of text, as codes of categories, to the numbers or dates in it.

    None where too few of its categories are either.
    """
    categories = pd.Series(column.cat.categories, dtype=object)
    if len(categories) < MIN_MISREAD_CATEGORIES or not all(isinstance(category, str) for category in categories):
        return None
    categories = categories[:: max(1, len(categories) // MAX_CATEGORIES_TRIED)]
    if _fraction_of_numbers(categories) >= MIN_CONVERTIBLE_FRACTION:
        return f"pd.to_numeric(X[{name!r}], errors='coerce')"
    if _fraction_of_numbers(categories.str.replace(NUMBER_SYMBOLS, "", regex=True)) >= MIN_CONVERTIBLE_FRACTION:
        return f"pd.to_numeric(X[{name!r}].str.replace('[$€£%, ]', '', regex=True), errors='coerce')"
    units = categories.str.extract(f"^{NUMBER_WITH_UNIT}$")["unit"]
    if units.nunique() == 1 and units.notna().mean() >= MIN_CONVERTIBLE_FRACTION:
        return f"pd.to_numeric(X[{name!r}].str.removesuffix({units.dropna().iloc[0]!r}), errors='coerce')"
    if categories.str.fullmatch(DATE_PATTERN).mean() >= MIN_CONVERTIBLE_FRACTION:
        first_numbers = categories.str.extract(r"^\s*(\d\d?)[-/.]")[0].astype(float)
        day_first = ", dayfirst=True" if (first_numbers > 12).any() else ""  # else pandas swaps days and months
        return f"pd.to_datetime(X[{name!r}], errors='coerce'{day_first})"
    return None


def _fraction_of_numbers(texts: pd.Series) -> float:
    return float(pd.to_numeric(texts, errors="coerce").notna().mean())
