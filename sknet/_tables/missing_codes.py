"""Numbers such as -999 that may stand for missing values, which `fit` takes for numbers."""

from typing import NamedTuple

import numpy as np

from sknet._tables.column_values import column_as_floats
from sknet._tables.kinds import Survey
from sknet._tables.raw_table import column_at
from sknet._typing import Array, Table

CODES = (*(sign * (10.0**digits - 1.0) for digits in range(2, 8) for sign in (-1.0, 1.0)), -9.0)
"""The usual codes are numbers of 9s. A 9 may be a value, but hardly a -9 that is the only negative number."""

MIN_ROWS_OF_CODE = 2
"""A number in a single row is rather an outlier."""


class MissingCode(NamedTuple):
    """A number that may stand for missing values, the number of its rows, and the range of all other numbers."""

    code: float
    n_rows: int
    least: float
    most: float


def find_missing_code(values: Array) -> MissingCode | None:
    """Return a number of `values`, (n,), that may stand for missing ones; None if there is none.

    It is the only negative number, or further away from the others than these are from each other.
    """
    numbers = values[~np.isnan(values)]
    for code in {numbers.min(), numbers.max()}.intersection(CODES) if len(numbers) else ():
        others = numbers[numbers != code]
        if len(others) == 0 or len(others) > len(numbers) - MIN_ROWS_OF_CODE:
            continue
        least, most = float(others.min()), float(others.max())
        is_far = code < 0.0 <= least or max(code - most, least - code) > most - least
        if least < most and is_far:
            return MissingCode(float(code), len(numbers) - len(others), least, most)
    return None


def find_missing_codes(X: Table, survey: Survey) -> dict[str, MissingCode]:
    """Return the numbers that may stand for missing values in the columns of numbers of a table, by column."""
    if survey.is_sparse:
        return {}
    numbers = {survey.names[j]: column_at(X, j) for j, kind in survey.kinds.items() if kind == "number"}
    found = {name: find_missing_code(column_as_floats(values, name)) for name, values in numbers.items()}
    return {name: code for name, code in found.items() if code is not None}
