"""Signs that a table is not what the defaults assume: rows in the order of time, and identifiers given as numbers.

Both checks ask the same question of groups of rows: do the means of the groups differ by more than chance allows? The
groups are rows near in time, or rows with the same number. What other columns explain is subtracted from the targets
first. A difference counts only if it is certain and large, since with many rows a tiny difference is certain, too.

Conventions
-----------
n rows; k targets; G groups; f features.

target : (n, k)          numbers or indicators of classes, NaN where missing
ranks : (n, k)           the ranks of each target, with mean 0 and variance 1: outliers do not matter
residual : (n, k)        the ranks less what other columns explain
codes : (n,)             the group of each row, from 0 to G − 1; each group has a row
period : (n,)            the codes of distinct dates, if the rows are in the order of time
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc

from sknet._tables.dates import read_dates_or_durations, seconds_of
from sknet._tables.kinds import Survey
from sknet._tables.sampling import hash_integers
from sknet._tables.statistics import safe_reciprocal
from sknet._tables.tables import as_uniform_array, column_at, is_frame, take_rows
from sknet._tables.values import column_as_floats, read_categories
from sknet._typing import Array, Table
from sknet._vectors import blocks_of_batch

MAX_ROWS_CHECKED = 50_000
"""Of more rows, evenly spaced ones are checked: from half this number on."""

MAX_TARGETS_CHECKED = 4
"""Of more targets, those that vary most are checked: the most frequent classes."""

MIN_DISTINCT = 20
"""Fewer dates or numbers are not checked."""

MAX_P_VALUE = 1e-6
"""A larger p-value is no sign. It is divided by the number of targets."""

MAX_P_VALUE_OF_FIRST_LOOK = 0.01
"""If groups do not even differ by this p-value before other columns are taken into account, these are not read."""


# --- do the means of groups differ? ----------------------------------------------------------------------------------


class GroupEffect(NamedTuple):
    """How much the means of groups differ: arrays of shape (k,)."""

    share: Array  # of the variance, less what chance explains on average
    p_value: Array  # of the F-test that they differ by chance only

    @property
    def certain_share(self) -> Array:
        """The share, or 0 where it may be chance."""
        return np.where(self.p_value < MAX_P_VALUE / len(self.p_value), self.share, 0.0)

    @property
    def means_may_differ(self) -> bool:
        """Whether a closer look is worth its time."""
        return bool(self.p_value.min() < MAX_P_VALUE_OF_FIRST_LOOK)


def group_effect(codes: NDArray[np.intp], values: Array, smooth: Array | None = None) -> GroupEffect:
    """Test whether the means of groups differ (analysis of variance), beyond a smooth function of the group.

    The variance may differ from group to group, as in the test of Brown and Forsythe (1974). Groups of one row do not
    count, since their variance is unknown.

    Parameters
    ----------
    codes : ndarray of shape (n,)
    values : ndarray of shape (n, k)
    smooth : ndarray of shape (G, s), or None
        Functions of the group, whose best sum is subtracted from the means. None: a constant.

    Returns
    -------
    effect : GroupEffect
    """
    counts = np.bincount(codes)
    is_counted = counts > 1
    functions = np.ones((len(counts), 1)) if smooth is None else smooth
    nothing = GroupEffect(np.zeros(values.shape[1]), np.ones(values.shape[1]))
    if is_counted.sum() <= functions.shape[1]:
        return nothing
    sums, squares = (sums_of_groups(codes, power, len(counts))[is_counted] for power in (values, values**2))
    n_rows = counts[is_counted, np.newaxis]
    total = squares.sum(axis=0) - sums.sum(axis=0) ** 2 / n_rows.sum()
    variance = np.maximum(squares - sums**2 / n_rows, 0.0) / (n_rows - 1)  # within each group
    orthogonal, triangular = np.linalg.qr(np.sqrt(n_rows) * functions[is_counted])
    size = np.abs(np.diag(triangular))
    orthogonal = orthogonal[:, size > 1e-9 * size.max()]
    standardized = sums / np.sqrt(n_rows)
    between = ((standardized - orthogonal @ (orthogonal.T @ standardized)) ** 2).sum(axis=0)
    by_chance = (1.0 - (orthogonal**2).sum(axis=1, keepdims=True)).clip(0.0) * variance  # (G, k) of `between`
    expected = by_chance.sum(axis=0)
    varies = total > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Satterthwaite's degrees of freedom
        between_freedom = np.fmin(expected**2 / (by_chance**2).sum(axis=0), len(n_rows) - orthogonal.shape[1])
        within_freedom = expected**2 / (by_chance**2 / (n_rows - 1)).sum(axis=0)
        p_value = fdtrc(between_freedom, within_freedom, between / expected)
        share = (between - expected) / total
    is_exact = expected <= 1e-12 * total  # the groups decide the values
    p_value = np.where(is_exact, np.where(between > 1e-9 * total, 0.0, 1.0), p_value)
    return GroupEffect(np.where(varies, share, 0.0), np.where(varies, p_value, 1.0))


def sums_of_groups(codes: NDArray[np.intp], values: Array, n_groups: int) -> Array:
    """Return the sums of values, (n, k), of each group, (G, k)."""
    return np.column_stack([np.bincount(codes, column, n_groups) for column in values.T])


# --- targets, and what other columns explain of them -----------------------------------------------------------------

KNOTS = (0.25, 0.5, 0.75)
"""The quantiles of a number at which its effect may bend."""

RANGE = (0.02, 0.98)
"""The effect of a number is flat outside these quantiles."""

PRIOR_ROWS = 5.0
"""The mean target of a category is drawn to the mean of all rows, as if that many more rows had it."""

ROWS_PER_COLUMN = 50
"""Of more columns than the rows divided by this number, those that explain most are used."""

MAX_COLUMNS = 20
"""The most columns of numbers, or of categories, that are used."""

MAX_ROWS_OF_REGRESSION = 5_000
"""Coefficients are learnt from this many rows, evenly spaced, or up to twice as many."""

LARGEST_NUMBER = 1e100
"""Larger numbers count as this one, so that no square overflows."""

REGRESSION_RIDGE = 1e-3
"""The L2 penalty on coefficients of features with variance 1, so that equal columns share an effect."""

MIN_SHARE_OF_TIME = 0.8
"""A column that explains this share of the variance of the dates' order follows time, such as a year or a growing
price. It explains no target then: a network does not know its later values."""


@dataclass(frozen=True)
class OtherColumns:
    """Columns that may explain the targets.

    Attributes
    ----------
    numbers : sequence of ndarray of shape (n,)
        NaN where missing.
    categories : sequence of ndarray of shape (n,)
        Codes from 0, of which one may stand for missing values.
    """

    numbers: Sequence[Array] = ()
    categories: Sequence[NDArray[np.intp]] = ()

    @property
    def with_codes(self) -> OtherColumns:
        """The columns, and integers that repeat as categories, too: they may be the numbers of shops or months."""
        repeated = (equal_integers(x, min_distinct=2) for x in self.numbers)
        # 0 for missing numbers
        codes = [integers.codes_of_rows + 1 for integers in repeated if integers is not None]
        return replace(self, categories=[*self.categories, *codes])

    def without_time(self, period: NDArray[np.intp]) -> OtherColumns:
        """Return the columns that do not follow time."""
        order = period[:, np.newaxis].astype(np.float64)
        return OtherColumns(
            [x for x in self.numbers if _squared_correlation(x, period) < MIN_SHARE_OF_TIME],
            [
                codes
                for codes in self.categories
                # of few rows, mean dates are the dates of these rows
                if (codes.max() + 1) * 4 > len(codes) or group_effect(codes, order).share[0] < MIN_SHARE_OF_TIME
            ],
        )


def _squared_correlation(x: Array, period: NDArray[np.intp]) -> float:
    """Return the squared rank correlation of a column of numbers with the dates."""
    observed = ~np.isnan(x)
    if not observed.any():
        return 0.0
    ranks = ranks_of(x[observed, np.newaxis])[:, 0]
    dates = period[observed] - period[observed].mean()
    return float((ranks @ dates) ** 2 / max(len(dates) * (dates @ dates), 1.0))


def ranks_of(target: Array) -> Array:
    """Return the ranks of each target, with mean 0 and variance 1; a missing target has the mean rank."""
    ranks = np.empty(target.shape)
    for j, values in enumerate(target.T):
        _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)  # missing values come last
        ranks[:, j] = (np.cumsum(counts) - 0.5 * counts)[codes]
        observed = ~np.isnan(values)
        ranks[:, j] -= ranks[observed, j].mean() if observed.any() else 0.0
        ranks[~observed, j] = 0.0
    deviation = ranks.std(axis=0)
    return ranks / np.where(deviation > 0.0, deviation, 1.0)


@dataclass(frozen=True)
class CheckedTarget:
    """Targets that are checked for signs of time or of identifiers, with the columns that may explain them.

    Attributes
    ----------
    target : ndarray of shape (n, k)
    read_columns : callable
        Returns the columns, which are read only if a first look at the targets finds something.
    """

    target: Array
    read_columns: Callable[[], OtherColumns] = OtherColumns

    @cached_property
    def ranks(self) -> Array:
        """The ranks of at most `MAX_TARGETS_CHECKED` targets: those that vary most, such as the largest classes."""
        with np.errstate(over="ignore"):
            by_variance = np.argsort(-np.nanvar(self.target, axis=0), kind="stable")
        return ranks_of(self.target[:, by_variance[:MAX_TARGETS_CHECKED]])

    @cached_property
    def columns(self) -> OtherColumns:
        """The columns."""
        return self.read_columns()

    @cached_property
    def unexplained_ranks(self) -> Array:
        """The ranks less what a linear model of the columns explains."""
        return unexplained_part(self.ranks, self.columns)


def unexplained_part(ranks: Array, columns: OtherColumns) -> Array:
    """Return the ranks less what a linear model of functions of the columns explains."""
    n = len(ranks)
    learnt_from = slice(0, n, max(1, n // MAX_ROWS_OF_REGRESSION))
    features_of = learn_features(ranks, columns, learnt_from)
    features = features_of(learnt_from)
    centre, deviation = features.mean(axis=0), features.std(axis=0)
    factor = safe_reciprocal(np.where(deviation > 1e-9 * np.abs(centre), deviation, 0.0))
    scaled = (features - centre) * factor
    gram = scaled.T @ scaled
    gram[np.diag_indices(len(gram))] += REGRESSION_RIDGE * len(scaled)
    coefs = np.linalg.solve(gram, scaled.T @ ranks[learnt_from])
    if learnt_from.step == 1:
        return ranks - scaled @ coefs
    residual = ranks + centre @ (unscaled := factor[:, np.newaxis] * coefs)
    for rows in blocks_of_batch(slice(0, n), MAX_ROWS_OF_REGRESSION):
        residual[rows] -= features_of(rows) @ unscaled
    return residual


def learn_features(ranks: Array, columns: OtherColumns, learnt_from: slice) -> Callable[[slice], Array]:
    """Learn functions of the columns from some rows; the result returns their values, (m, f), for m rows.

    They are each number, how far it is above each of `KNOTS`, and whether it is missing; and for each category, the
    mean targets in the other half of the rows.
    """
    sample = ranks[learnt_from]
    limit = min(len(ranks) // ROWS_PER_COLUMN, MAX_COLUMNS)

    def explained_most(features: Array) -> Array:
        """Return which of some columns are used, by their features' correlations with the targets, (d, k)."""
        centred = features - features.mean(axis=0)
        factor = safe_reciprocal(centred.std(axis=0))
        return np.argsort(-np.abs((centred * factor).T @ sample).max(axis=1), kind="stable")[:limit]

    def numbers_of(numbers: Sequence[Array], rows: slice) -> Array:
        x = np.column_stack([np.empty((len(ranks[rows]), 0)), *(values[rows] for values in numbers)])
        return np.clip(x, -LARGEST_NUMBER, LARGEST_NUMBER)

    x = numbers_of(columns.numbers, learnt_from)
    missing = np.isnan(x)
    x[missing] = 0.0
    fill = x.sum(axis=0) / np.maximum((~missing).sum(axis=0), 1)
    may_be_missing = np.asarray(missing.any(axis=0))
    x = np.where(missing, fill, x)
    low, *knots, high = np.quantile(x, [RANGE[0], *KNOTS, RANGE[1]], axis=0)
    used = explained_most(np.clip(x, low, high))
    numbers = [columns.numbers[i] for i in used]
    fill, low, high, knots = fill[used], low[used], high[used], [knot[used] for knot in knots]
    may_be_missing = may_be_missing[used]

    # a hash, since users draw columns with NumPy's generators, and also with the seed 0
    half = (hash_integers(np.arange(len(ranks))) % np.uint64(2)).astype(np.intp)
    means = [_means_by_half(codes, half, ranks) for codes in columns.categories]

    def means_of(i: int, rows: slice) -> Array:
        return means[i][1 - half[rows], columns.categories[i][rows]]

    first_means = [means_of(i, learnt_from)[:, :1] for i in range(len(means))]
    used_categories = explained_most(np.hstack([np.empty((len(sample), 0)), *first_means]))

    def features_of(rows: slice) -> Array:
        x = numbers_of(numbers, rows)
        missing = np.isnan(x)
        x = np.clip(np.where(missing, fill, x), low, high)
        above = [np.maximum(x - knot, 0.0) for knot in knots]
        return np.hstack([x, *above, missing[:, may_be_missing], *(means_of(i, rows) for i in used_categories)])

    return features_of


def _means_by_half(codes: NDArray[np.intp], half: NDArray[np.intp], ranks: Array) -> Array:
    """Return the mean ranks of each category in each half of the rows, (2, G, k), drawn to 0."""
    n_categories = codes.max() + 1
    cell = half * n_categories + codes
    sums = sums_of_groups(cell, ranks, 2 * n_categories)
    counts = np.bincount(cell, minlength=2 * n_categories)[:, np.newaxis]
    return (sums / (counts + PRIOR_ROWS)).reshape(2, n_categories, -1)


# --- rows in the order of time ---------------------------------------------------------------------------------------

BLOCK_SIZES = (8, 32, 128, 512)
"""The rows of blocks of time; the largest block is a twentieth of the rows. A network cannot learn what shorter blocks
have in common, since its date inputs are too coarse."""

LARGEST_BLOCK = 0.05
"""The share of the rows in the largest block."""

MIN_SHARE_OF_BLOCKS = 0.12
"""Rows near in time are alike if blocks explain this share of the residual's variance. With it, `fit` warns of 34 of 63
public tables, and 30 of these warnings are right (`python -m tests.benchmarks.time_order`)."""

MIN_SHARE_OF_FIFTHS = 0.5
"""Rows near in time are also alike if a fifth of the rows explains this share of the variance of the target itself.
Such a target will soon leave its range, whatever other columns explain until now."""


def codes_of_ordered_dates(seconds: Array) -> NDArray[np.intp] | None:
    """Return codes of the dates, (n,), in the order of the rows; None if dates both rise and fall, or are few.

    A missing date counts as the date of the row before.
    """
    known_rows = np.flatnonzero(~np.isnan(seconds))
    if not len(known_rows):
        return None
    last_known = np.maximum.accumulate(np.where(np.isnan(seconds), known_rows[0], np.arange(len(seconds))))
    change = np.diff(seconds[last_known])
    if (change < 0.0).any() and (change > 0.0).any():
        return None
    period = np.concatenate([[0], np.cumsum(change != 0.0)])
    return period if period[-1] >= MIN_DISTINCT - 1 else None


def blocks_of_time(period: NDArray[np.intp], size: int) -> NDArray[np.intp]:
    """Return the block of each row; a block holds about `size` rows, and all rows of a date."""
    first_row = np.searchsorted(period, period)
    return np.unique(first_row // size, return_inverse=True)[1]


def rows_in_time_order(seconds: Array, checked: CheckedTarget) -> bool:
    """Whether rows are in the order of their dates, and targets near in time are more alike than chance allows.

    Parameters
    ----------
    seconds : ndarray of shape (n,)
        The dates, NaN where missing.
    checked : CheckedTarget
        The targets, and the other columns.

    Returns
    -------
    bool
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
    residual = unexplained_part(checked.ranks, checked.columns.with_codes.without_time(period))
    return any(group_effect(codes, residual).certain_share.max() > MIN_SHARE_OF_BLOCKS for codes in blocks)


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

MAX_GAPS = 5
"""Integers in a wider range than so many times the rows are sorted."""

VALUES_PER_KNOT = 3
"""How many values there are for each knot of the smooth function."""

MAX_KNOTS = 60
"""The most knots of the smooth function."""

MAX_NUMBERS_CHECKED = 60
"""Tables with more columns that may be identifiers are not checked: they hold images or measurements."""


class RepeatedIntegers(NamedTuple):
    """Integers that repeat, which may be identifiers."""

    observed: NDArray[np.bool_]  # (n,) which rows have a number
    values: Array  # (G,) the distinct numbers, increasing
    codes: NDArray[np.intp]  # of the observed rows
    counts: NDArray[np.intp]  # (G,) how many rows have each number

    @property
    def codes_of_rows(self) -> NDArray[np.intp]:
        """The codes of all rows, (n,); -1 for rows without a number."""
        codes = np.full(len(self.observed), -1)
        codes[self.observed] = self.codes
        return codes


def equal_integers(numbers: Array, min_distinct: int = MIN_DISTINCT) -> RepeatedIntegers | None:
    """Return the groups of equal numbers if they are integers, and most of them have several rows; otherwise None."""
    observed = np.isfinite(numbers)
    observed_numbers = numbers[observed].astype(np.float64)
    # most columns of other numbers return at the first condition, before all numbers are read
    if any((part != np.floor(part)).any() for part in (observed_numbers[:MIN_DISTINCT], observed_numbers)):
        return None
    if np.abs(observed_numbers).max(initial=0.0) > LARGEST_NUMBER:
        return None
    values, codes, counts = _factorize_integers(observed_numbers)
    if len(values) < min_distinct or (counts > 1).mean() < MIN_REPEATED:
        return None
    return RepeatedIntegers(observed, values.astype(np.float64), codes, counts)


def _factorize_integers(integers: Array) -> tuple[Array, NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct integers, (G,), the code of each of n integers, and how many have each code."""
    low, high = (integers.min(), integers.max()) if len(integers) else (0, 0)
    if high - low > MAX_GAPS * len(integers):
        return np.unique(integers, return_inverse=True, return_counts=True)
    offset = (integers - low).astype(np.intp)  # without sorting, which takes ten times as long
    counts = np.bincount(offset)
    is_present = counts > 0
    return low + np.flatnonzero(is_present), (np.cumsum(is_present) - 1)[offset], counts[is_present]


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


def behaves_like_identifier(numbers: Array, checked: CheckedTarget) -> bool:
    """Whether rows with the same number have similar targets, and rows with neighbouring numbers do not.

    Parameters
    ----------
    numbers : ndarray of shape (n,)
        NaN where missing.
    checked : CheckedTarget
        The targets, and all columns.

    Returns
    -------
    bool
    """
    integers = equal_integers(numbers)
    if integers is None:
        return False
    whole = group_effect(integers.codes, checked.ranks[integers.observed])
    if not whole.means_may_differ:
        return False
    smooth = piecewise_linear(integers.values, integers.counts)
    if not group_effect(integers.codes, checked.ranks[integers.observed], smooth).means_may_differ:
        return False
    rest = checked.unexplained_ranks[integers.observed]
    beyond_smooth = group_effect(integers.codes, rest, smooth)
    uneven = beyond_smooth.share * rest.var(axis=0)  # as a share of the variance of the ranks, which is 1
    is_large = (beyond_smooth.certain_share > MIN_SHARE_OF_VALUES) & (uneven > MIN_UNEVEN * whole.share)
    return bool(is_large.any())


# --- the columns of a table ------------------------------------------------------------------------------------------


class Signs(NamedTuple):
    """The columns that are not what the defaults assume."""

    time: int | None  # the index of a column of dates whose rows are in the order of time
    is_falling: bool  # whether these dates fall from row to row
    identifiers: tuple[int, ...]  # the indices of columns of numbers that behave like identifiers


def find_signs(X: Table, rows: slice, target: Array, survey: Survey, *, checks_time: bool) -> Signs:
    """Find a column of dates with rows in the order of time, if `checks_time`, and numbers that are identifiers.

    Parameters
    ----------
    X : array or data frame of shape (N, d)
        In the order of the user's rows.
    rows : slice
        The n rows to check. Only whether dates never fall, or never rise, is then checked in all rows.
    target : ndarray of shape (n, k)
        The targets of these rows.
    survey : Survey
        The kinds of the columns.
    checks_time : bool

    Returns
    -------
    signs : Signs
    """
    whole, X = X, take_rows(X, rows)
    columns = [j for j, kind in survey.kinds.items() if kind == "date" and checks_time]
    dates = {j: _seconds_of_column(X, j, survey.names[j]) for j in columns}
    in_order = [j for j, seconds in dates.items() if codes_of_ordered_dates(seconds) is not None]
    numbers = dict(_columns_of_numbers(X, survey))
    repeated = (j for j, values in numbers.items() if equal_integers(values) is not None)
    candidates = list(islice(repeated, MAX_NUMBERS_CHECKED + 1))
    if len(candidates) > MAX_NUMBERS_CHECKED:
        candidates = []
    checked = CheckedTarget(target, lambda: OtherColumns([*numbers.values()], [*_columns_of_categories(X, survey)]))
    alike = (j for j in in_order if rows_in_time_order(dates[j], checked))
    time = next(
        (j for j in alike if codes_of_ordered_dates(_seconds_of_column(whole, j, survey.names[j])) is not None), None
    )
    identifiers = tuple(j for j in candidates if behaves_like_identifier(numbers[j], checked))
    return Signs(time, time is not None and bool((np.diff(dates[time]) < 0.0).any()), identifiers)


def _columns_of_numbers(X: Table, survey: Survey) -> Iterator[tuple[int, Array]]:
    """Yield the index and the values of each column of numbers."""
    array = as_uniform_array(X) if is_frame(X) else X
    for j, kind in survey.kinds.items():
        if kind == "number":
            yield j, column_as_floats(column_at(X if array is None else array, j), survey.names[j])


def _columns_of_categories(X: Table, survey: Survey) -> Iterator[NDArray[np.intp]]:
    """Yield the codes of each column of categories, 0 where missing."""
    for j, kind in survey.kinds.items():
        if kind == "category":
            yield read_categories(column_at(X, j), survey.names[j])[0] + 1


def _seconds_of_column(X: Table, j: int, name: str) -> Array:
    """Return the seconds of a column of dates, (n,); of durations, no seconds, (0,)."""
    datetimes, is_duration = read_dates_or_durations(column_at(X, j), name)
    return np.empty(0) if is_duration else seconds_of(datetimes)
