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

    @property
    def literal(self) -> str:
        """The number as code; `:g` would round those of seven digits."""
        return f"{self.code:.15g}"

    def __str__(self) -> str:
        number_range = f"{self.least:g}" if self.least == self.most else f"from {self.least:g} to {self.most:g}"
        return f"{self.literal} in {self.n_rows} rows, and {number_range} in all others"


def find_missing_code(values: Array) -> MissingCode | None:
    """Return a number of `values`, (n,), that may stand for missing ones; None if there is none.

    It is the only negative number, or further away from the others than these are from each other.
    """
    numbers = values[~np.isnan(values)]
    for code in {numbers.min(), numbers.max()}.intersection(CODES) if len(numbers) else ():
        other_numbers = numbers[numbers != code]
        if len(other_numbers) == 0 or len(other_numbers) > len(numbers) - MIN_ROWS_OF_CODE:
            continue
        least, most = float(other_numbers.min()), float(other_numbers.max())
        is_far = code < 0.0 <= least or max(code - most, least - code) > most - least
        if is_far:
            return MissingCode(float(code), len(numbers) - len(other_numbers), least, most)
    return None


def find_missing_codes(X: Table, survey: Survey) -> dict[str, MissingCode]:
    """Return the numbers that may stand for missing values in the columns of numbers of a table, by column."""
    codes = {}
    for j, kind in survey.kinds.items() if not survey.is_sparse else ():
        if kind == "number":  # one column in memory at a time
            codes[survey.names[j]] = find_missing_code(column_as_floats(column_at(X, j), survey.names[j]))
    return {name: code for name, code in codes.items() if code is not None}
