"""Columns of text that hold numbers or dates, which a table's reader has left as text.

Each of their levels would be a category of its own, and say nothing of the levels beside it.

Conventions
-----------
levels : (L,)     the texts of a column, each once
"""

from collections.abc import Iterator

import pandas as pd

from sknet._tables.frames import as_uniform_array, category_mask, column_at, column_names, parse_categorical_features
from sknet._tables.rows import take_rows
from sknet._typing import Table

MIN_LEVELS = 20
"""A column of fewer levels is one of categories, whatever they spell."""

MIN_SHARE = 0.9
"""So many of the levels are numbers, or dates, where the column is."""

SAMPLE_ROWS = 10_000
"""How many rows are looked at, at most."""

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_TIME = r"([ T]\d{1,2}:\d{2}.*)?"
DATE = (
    r"(?i)\s*("
    r"(18|19|20|21)\d{2}[-/.](0?[1-9]|1[0-2])([-/.]\d{1,2})?"  # 2026-01-31, 2026/01
    r"|\d{1,2}[-/.]\d{1,2}[-/.](18|19|20|21)\d{2}|\d{1,2}/\d{1,2}/\d{2}"  # 31.01.2026, 1/31/26
    rf"|\d{{1,2}}[ -]{_MONTH}[ ,-]+\d{{2,4}}|{_MONTH} \d{{1,2}},? \d{{4}}"  # 31 Jan 2026, January 31, 2026
    rf"){_TIME}\s*"
)
"""How dates are written, maybe with a time."""

SIGNS = r"[$€£%\s]|,(?=\d{3}(?!\d))"
"""What may stand in a number beside its digits: signs, and commas before three digits."""


def misread_columns(frame: Table, categorical_features: object) -> Iterator[tuple[str, str]]:
    """Yield the name of each column of text that holds numbers or dates, and how pandas makes it such.

    Columns that `categorical_features` names are categories.
    """
    by_dtype, chosen = parse_categorical_features(categorical_features)
    if not by_dtype or as_uniform_array(frame) is not None:
        return
    some = take_rows(frame, slice(None, None, max(1, frame.shape[0] // SAMPLE_ROWS)))
    names = column_names(frame)
    for j, (name, is_named) in enumerate(zip(names, category_mask(chosen, names), strict=True)):
        column = None if is_named else column_at(some, j)
        if column is not None and getattr(column.dtype, "kind", "O") in "OUT":
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
    """Return how pandas makes the column one of numbers or dates; None where most levels are neither."""
    if len(levels) < MIN_LEVELS:
        return None
    if _share_of_numbers(levels) >= MIN_SHARE:
        return f"pd.to_numeric(X[{name!r}], errors='coerce')"
    if _share_of_numbers(levels.str.replace(SIGNS, "", regex=True)) >= MIN_SHARE:
        return f"pd.to_numeric(X[{name!r}].str.replace('[$€£%, ]', '', regex=True), errors='coerce')"
    if levels.str.fullmatch(DATE).mean() >= MIN_SHARE:
        return f"pd.to_datetime(X[{name!r}], errors='coerce')"
    return None


def _share_of_numbers(texts: pd.Series) -> float:
    return float(pd.to_numeric(texts, errors="coerce").notna().mean())
