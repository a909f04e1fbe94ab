"""Signs that a table is not what the defaults assume: copies of rows, an order of time, identifiers given as numbers.

The last two checks ask whether the targets of groups of rows differ (`sknet._tables.group_effects`). The groups are
rows near in time, or rows with the same number. A difference counts only if it is certain and large, since with many
rows a tiny difference is certain, too.

Conventions
-----------
n rows; k targets; G groups.

codes : (n,)             the group of each row, from 0 to G − 1; each group has a row
period : (n,)            the codes of distinct dates, if the rows are in the order of time
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from math import ceil
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import spearmanr

from sknet._tables.column_values import column_as_floats, read_categories
from sknet._tables.dates import read_dates_or_durations, seconds_of
from sknet._tables.group_effects import (
    LARGEST_NUMBER,
    CheckedTarget,
    OtherColumns,
    group_effect,
    ranks_of,
    unexplained_part,
    without_means,
)
from sknet._tables.kinds import Survey
from sknet._tables.raw_table import column_at, take_rows
from sknet._typing import Array, Table

MAX_ROWS_CHECKED = 50_000
"""Of more rows, evenly spaced ones are checked: from half this number on."""

MIN_DISTINCT = 20
"""Columns of fewer distinct values are not checked."""

MIN_CORRELATION_WITH_ORDER = 0.95
"""Rows are in the order of dates if their rank correlation is so large. It still is if dates lie up to a quarter of the
whole time ahead of the row's own; with two series below each other, it is 0.5."""


class Signs(NamedTuple):
    """The columns that are not what the defaults assume."""

    time: int | None  # the index of a column of dates whose rows are in the order of time
    is_falling: bool  # whether these dates fall from row to row
    identifiers: tuple[int, ...]  # the indices of columns of numbers that behave like identifiers


def find_signs(
    X: Table, rows: slice, target: Array, survey: Survey, groups: NDArray[np.intp] | None = None, *, checks_time: bool
) -> Signs:
    """Find a column of dates with rows in the order of time, if `checks_time`, and numbers that are identifiers.

    X has the user's rows in their order. `rows` are the n rows to check, `target` has their targets, (n, k), and
    `groups` are the codes of the groups that the user passed, (n,). Only whether dates never fall, or never rise, is
    then checked in all rows.
    """
    X_rows, kinds, names = take_rows(X, rows), survey.kinds.items(), survey.names
    numbers = {j: column_as_floats(column_at(X_rows, j), names[j]) for j, kind in kinds if kind == "number"}
    categories = [read_categories(column_at(X_rows, j), names[j])[0] + 1 for j, kind in kinds if kind == "category"]
    checked = CheckedTarget(target, OtherColumns([*numbers.values()], categories))
    identifiers = find_identifiers(numbers, checked, groups)
    for j in (j for j, kind in kinds if kind == "date" and checks_time):
        seconds = _seconds_of_column(X_rows, j, names[j])
        is_ordered = rows_in_time_order(seconds, checked)
        if is_ordered and codes_of_ordered_dates(_seconds_of_column(X, j, names[j])) is not None:
            return Signs(j, bool((np.diff(seconds) < 0.0).any()), identifiers)
    return Signs(None, False, identifiers)


MIN_SHARE_OF_COPIES = 0.1
"""A few copies of rows hardly change what held-out rows say."""

MIN_SHARE_OF_DISTINCT_VALUES = 0.5
"""Rows are copies of one row if they agree in two columns with so many distinct values for each different row."""


def count_copies(X: Table, y: Array) -> int:
    """Return how many of n rows are copies of others, targets included; 0 if few, or if rows may agree by chance.

    y has the targets, (n, k). Of more than `MAX_ROWS_CHECKED` rows, 0 is returned.
    """
    n = X.shape[0]
    if n > MAX_ROWS_CHECKED:
        return 0
    table = pd.DataFrame(X).reset_index(drop=True).set_axis(range(X.shape[1]), axis=1)
    try:
        is_copy = table.join(pd.DataFrame(y).add_prefix("y")).duplicated() & table.notna().any(axis=1)
        n_distinct = table.nunique()
    except TypeError:  # values that cannot be hashed, such as lists
        return 0
    is_fine = n_distinct >= max(MIN_SHARE_OF_DISTINCT_VALUES * (~is_copy).sum(), MIN_DISTINCT)
    return int(is_copy.sum()) if is_fine.sum() > 1 and is_copy.mean() >= MIN_SHARE_OF_COPIES else 0


def unsorted_dates(X: Table, survey: Survey) -> int | None:
    """Return the index of the first column of dates; None if the rows are in the order of any, or if there are none.

    Dates that overlap for short times are in order, such as those of forecasts for one and for seven days ahead.
    """
    dates = {j: _seconds_of_column(X, j, survey.names[j]) for j, kind in survey.kinds.items() if kind == "date"}
    observed = {j: seconds[np.isfinite(seconds)] for j, seconds in dates.items() if np.isfinite(seconds).any()}
    return None if any(map(_rise, observed.values())) else next(iter(observed), None)


def _rise(seconds: Array) -> bool:
    """Return whether dates rise from row to row, or overlap for a short time only."""
    if (np.diff(seconds) >= 0.0).all():
        return True
    return bool(spearmanr(seconds, np.arange(len(seconds))).statistic >= MIN_CORRELATION_WITH_ORDER)


def _seconds_of_column(X: Table, j: int, name: str) -> Array:
    """Return the seconds of a column of dates, (n,); of durations, no seconds, (0,)."""
    datetimes, is_duration = read_dates_or_durations(column_at(X, j), name)
    return np.empty(0) if is_duration else seconds_of(datetimes)


# --- rows in the order of time ---------------------------------------------------------------------------------------

BLOCK_SIZES = (8, 32, 128, 512)
"""The rows of blocks of time; the largest block is a twentieth of the rows. A network cannot learn what shorter blocks
have in common, since its date inputs are too coarse."""

LARGEST_BLOCK = 0.05
"""The share of the rows in the largest block."""

MIN_SHARE_OF_BLOCKS = 0.12
"""Rows near in time are alike if blocks explain this share of the residual's variance. With it, `fit` warns of 34 of 63
targets of public tables, and 30 of these warnings are right (`python -m tests.benchmarks.time_order`)."""

MIN_SHARE_OF_FIFTHS = 0.5
"""Rows near in time are also alike if a fifth of the rows explains this share of the variance of the target itself.
Such a target will soon leave its range, whatever other columns explain until now."""

MIN_SHARE_OF_TIME = 0.8
"""A column that explains this share of the variance of the dates' order follows time, such as a year or a growing
price. It explains no target then: a network does not know its later values."""


def rows_in_time_order(seconds: Array, checked: CheckedTarget) -> bool:
    """Whether rows are in the order of their dates, and targets near in time are more alike than chance allows.

    `seconds` are the dates, (n,), NaN where missing.
    """
    period = codes_of_ordered_dates(seconds)
    if period is None:
        return False
    fifths = group_effect(blocks_of_time(period, ceil(len(period) / 5)), checked.ranks)
    if fifths.certain_share.max() > MIN_SHARE_OF_FIFTHS:
        return True
    largest = ceil(LARGEST_BLOCK * len(period))
    blocks = [blocks_of_time(period, size) for size in (*BLOCK_SIZES, largest) if size <= largest]
    if not any(group_effect(codes, checked.ranks).means_may_differ for codes in blocks):
        return False
    residual = unexplained_part(checked.ranks, columns_without_time(checked.columns, period)).ranks
    return any(group_effect(codes, residual).certain_share.max() > MIN_SHARE_OF_BLOCKS for codes in blocks)


def codes_of_ordered_dates(seconds: Array) -> NDArray[np.intp] | None:
    """Return codes of the dates, (n,), in the order of the rows; None if dates both rise and fall, or are few.

    A missing date counts as the date of the row before.
    """
    filled = pd.Series(seconds).ffill().bfill()
    is_ordered = filled.is_monotonic_increasing or filled.is_monotonic_decreasing
    return pd.factorize(filled)[0] if is_ordered and filled.nunique() >= MIN_DISTINCT else None


def blocks_of_time(period: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return the block of each row; a block holds about `size` rows, and all rows of a date."""
    first_row = np.searchsorted(period, period)
    return np.unique(first_row // size, return_inverse=True)[1]


def columns_without_time(columns: OtherColumns, period: NDArray[np.intp]) -> OtherColumns:
    """Return the columns that do not follow time.

    Integers that repeat are categories, too: they may be the numbers of shops or months.
    """
    repeated = (equal_integers(x, min_distinct=2) for x in columns.numbers)
    categories = [*columns.categories, *(integers.codes + 1 for integers in repeated if integers is not None)]
    return OtherColumns(
        [x for x in columns.numbers if not number_follows_time(x, period)],
        [codes for codes in categories if not category_follows_time(codes, period)],
    )


def number_follows_time(x: Array, period: NDArray[np.intp]) -> bool:
    """Whether the squared rank correlation of a column of numbers with the dates is large."""
    observed = ~np.isnan(x)
    if not observed.any():
        return False
    ranks = ranks_of(x[observed, np.newaxis])[:, 0]
    dates = period[observed] - period[observed].mean()
    return bool((ranks @ dates) ** 2 >= MIN_SHARE_OF_TIME * max(len(dates) * (dates @ dates), 1.0))


def category_follows_time(codes: NDArray[np.intp], period: NDArray[np.intp]) -> bool:
    """Whether categories explain most of the dates' variance; never if they have few rows, so few dates."""
    order = period[:, np.newaxis].astype(np.float64)
    return (codes.max() + 1) * 4 <= len(codes) and group_effect(codes, order).share[0] >= MIN_SHARE_OF_TIME


# --- identifiers -----------------------------------------------------------------------------------------------------

MIN_REPEATED = 0.5
"""Of an identifier's values, at least this share has several rows."""

MIN_SHARE_OF_VALUES = 0.05
"""The values of an identifier explain this share of the residual's variance, beyond a smooth function of the number.
As a category, such a number has a lower loss (`python -m tests.benchmarks.assumptions`)."""

MIN_UNEVEN = 0.3
"""At least this share of what the values explain is not smooth. Where y is a steep function of a number, a little is
left beside the piecewise linear one. Of 353 columns of integers in 100 tables, those that reached
`MIN_SHARE_OF_VALUES` had up to .17 here, and most of them a larger loss as a category."""

VALUES_PER_KNOT = 3
"""How many values there are for each knot of the smooth function."""

MAX_KNOTS = 60
"""The most knots of the smooth function."""

MAX_NUMBERS_CHECKED = 60
"""Tables with more columns that may be identifiers are not checked: they hold images or measurements."""


def find_identifiers(
    numbers: Mapping[int, Array], checked: CheckedTarget, groups: NDArray[np.intp] | None
) -> tuple[int, ...]:
    """Return the indices of columns of numbers that behave like identifiers.

    Columns with more values come first. The next must explain more than those that are found, and more than the groups
    if it has fewer values than they. So a patient's age, which is the same in all of the patient's rows, is not named
    beside the patient's number, nor if patients are the groups.
    """
    columns = ((j, integers) for j, x in numbers.items() if (integers := equal_integers(x)) is not None)
    repeated = dict(islice(columns, MAX_NUMBERS_CHECKED + 1))
    if len(repeated) > MAX_NUMBERS_CHECKED:
        return ()
    identifiers: list[int] = []
    known_groups: list[NDArray[np.intp]] = []
    for j in sorted(repeated, key=lambda j: len(repeated[j].values), reverse=True):
        if groups is not None and len(repeated[j].values) < groups.max() + 1:
            known_groups.append(groups)
            groups = None
        if behaves_like_identifier(numbers[j], checked, known_groups):
            identifiers.append(j)
            known_groups.append(repeated[j].codes + 1)
    return tuple(sorted(identifiers))


def behaves_like_identifier(
    numbers: Array, checked: CheckedTarget, known_groups: Sequence[NDArray[np.intp]] = ()
) -> bool:
    """Whether rows with the same number have similar targets, and rows with neighbouring numbers do not.

    `numbers` are a column of the table, (n,), NaN where missing. It may be one of the columns that explain the targets.
    `known_groups` are the codes of groups whose means are no sign.
    """
    integers = equal_integers(numbers)
    if integers is None:
        return False
    observed = integers.codes >= 0
    codes, ranks = integers.codes[observed], checked.ranks[observed]
    whole = group_effect(codes, ranks)
    if not whole.means_may_differ:
        return False
    smooth = piecewise_linear(integers.values, integers.counts)
    if not group_effect(codes, ranks, smooth).means_may_differ:
        return False
    rest = checked.unexplained.ranks
    for codes_of_groups in known_groups:
        rest = without_means(codes_of_groups, rest)
    rest = rest[observed]
    beyond_smooth = group_effect(codes, rest, smooth, checked.unexplained.fitted_means(integers.codes))
    uneven = beyond_smooth.share * rest.var(axis=0)  # a share of the variance of the ranks, which is 1
    is_large = (beyond_smooth.certain_share > MIN_SHARE_OF_VALUES) & (uneven > MIN_UNEVEN * whole.share)
    return bool(is_large.any())


class RepeatedIntegers(NamedTuple):
    """Integers that repeat, which may be identifiers."""

    values: Array  # (G,) the distinct numbers, increasing
    codes: NDArray[np.intp]  # (n,) −1 where a number is missing
    counts: NDArray[np.intp]  # (G,) how many rows have each number


def equal_integers(numbers: Array, min_distinct: int = MIN_DISTINCT) -> RepeatedIntegers | None:
    """Return the groups of equal numbers if they are integers, and most of them have several rows; otherwise None."""
    floats = numbers.astype(np.float64)
    is_integer = (floats == np.floor(floats)) & (np.abs(floats) <= LARGEST_NUMBER)
    if not (is_integer | np.isnan(floats)).all():
        return None
    codes, values = pd.factorize(floats, sort=True)
    counts = np.bincount(codes[codes >= 0])
    if len(values) < min_distinct or (counts > 1).mean() < MIN_REPEATED:
        return None
    return RepeatedIntegers(values, codes, counts)


def piecewise_linear(values: Array, counts: NDArray[np.intp]) -> Array:
    """Return functions, (G, s), whose sums are the piecewise linear functions of some increasing values.

    Half of the knots are quantiles of the rows, and half of the values, so that there are knots where y may be steep.
    """
    n_values = len(values)
    n_knots = min(n_values // VALUES_PER_KNOT, MAX_KNOTS)
    position = np.arange(1, n_knots + 1) / (n_knots + 1)
    by_rows = np.searchsorted(np.cumsum(counts), position[::2] * counts.sum())
    by_values = (position[1::2] * n_values).astype(np.intp)
    knots = np.setdiff1d(np.concatenate([by_rows, by_values]), [0, n_values - 1])
    x = (values - values[0]) / (values[-1] - values[0])
    return np.column_stack([np.ones(n_values), x, np.maximum(x[:, np.newaxis] - x[knots], 0.0)])
