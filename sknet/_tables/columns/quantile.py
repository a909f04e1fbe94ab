"""One column of numbers as normal scores: how far along the sorted training values a number lies, on a normal scale.

Conventions
-----------
n rows; q levels, equally spaced from 0 to 1.

values : (n,)            one column of the table as it comes
quantiles : (q,)         the training values at the levels, weighted; where a value repeats, so does the quantile
out : (n, n_inputs)      the normal score, and maybe an indicator of missing values
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from sknet._tables.column import ColumnSettings, InputFormula
from sknet._tables.numbers import SingleNumber
from sknet._tables.read import ColumnValues, check_not_infinite, column_as_floats
from sknet._tables.statistics import EqualByFields, SortedColumns
from sknet._typing import Array

QUANTILE_SHARES = np.linspace(0.0, 1.0, 257)
"""The shares (0, 1/256, …, 1) at which a column's quantiles are learnt, for quantile scaling.

Their number does not depend on that of the rows: a row of weight 2 is then two rows.
"""


@dataclass(frozen=True, eq=False)
class QuantileColumn(EqualByFields, SingleNumber):
    """The inputs that a column of numbers becomes when it is scaled by quantiles.

    Attributes
    ----------
    quantiles : ndarray of shape (257,)
        Zeros where nothing was observed.
    has_missing_indicator : bool
        Whether a second input is 1 where the value is missing.
    """

    quantiles: Array
    has_missing_indicator: bool = False

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: the normal score of the share below, by the quantile at each level, and 1 if missing."""
        of_levels: dict[str | None, float] = dict(zip(map(str, QUANTILE_SHARES), self.quantiles.tolist(), strict=True))
        score = InputFormula("number", of_levels)
        return (score, InputFormula("missing")) if self.has_missing_indicator else (score,)

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, of shape (n, n_inputs)."""
        numbers = np.asarray(column_as_floats(values, name), dtype=np.float64)
        check_not_infinite(numbers[:, np.newaxis], lambda _: name)
        missing = np.isnan(numbers)
        # a missing value has the score of the median, 0; `ndtri` is the inverse of the normal distribution function
        out[:, 0] = ndtri(np.where(missing, 0.5, self.cdf(np.where(missing, 0.0, numbers))))
        out[:, 1:] = missing[:, np.newaxis]  # an empty slice where there is no indicator

    def cdf(self, numbers: Array) -> Array:
        """Return the share of the training weight below each number, half of what equals it included, (n,)."""
        # a value that repeats has several levels: the middle of the first and the last of them
        last = np.interp(numbers, self.quantiles, QUANTILE_SHARES)
        # the same, with the order turned round
        first = 1.0 - np.interp(-numbers, -self.quantiles[::-1], QUANTILE_SHARES)
        half = 0.5 * QUANTILE_SHARES[1]  # scores end where those of training do: a share of 0 or 1 would be infinite
        return np.clip(0.5 * (first + last), half, 1.0 - half)

    def slopes(self, values: ColumnValues, name: str) -> Array:
        """Return the derivatives of the inputs, (n, n_inputs); jumps of the score are left out."""
        numbers = np.asarray(column_as_floats(values, name), dtype=np.float64)
        missing = np.isnan(numbers)
        share = self.cdf(np.where(missing, 0.0, numbers))
        knots = np.unique(self.quantiles)
        last = np.interp(knots, self.quantiles, QUANTILE_SHARES)
        first = 1.0 - np.interp(-knots, -self.quantiles[::-1], QUANTILE_SHARES)
        # slopes of the share, (knots + 1,): it rises from the last level of a quantile to the first one of the next,
        # not beyond the ends
        rises = np.concatenate([[0.0], (first[1:] - last[:-1]) / np.diff(knots), [0.0]])
        # of the stretches on both sides of each number, which differ only where it is a knot
        left, right = (rises[np.searchsorted(knots, numbers, side)] for side in ("left", "right"))
        beyond = missing | (share <= 0.5 * QUANTILE_SHARES[1]) | (share >= 1.0 - 0.5 * QUANTILE_SHARES[1])
        density = np.exp(-0.5 * ndtri(share) ** 2) / np.sqrt(2.0 * np.pi)  # of the normal scores
        slopes = np.zeros((len(numbers), self.n_inputs))
        slopes[:, 0] = np.where(beyond, 0.0, 0.5 * (left + right) / density)  # d/dp ndtri(p) = 1/density
        return slopes


def learn_quantiles(columns: Array, sorted_columns: SortedColumns, settings: ColumnSettings) -> list[QuantileColumn]:
    """Learn the weighted quantiles at all levels."""
    quantiles = np.nan_to_num(sorted_columns.quantiles(QUANTILE_SHARES))
    return list(map(QuantileColumn, quantiles, sorted_columns.have_missing.tolist()))
