"""How much the targets of groups of rows differ, beyond chance and beyond what other columns explain.

`group_effect` is an analysis of variance. `unexplained_part` subtracts a linear model of other columns from the targets
first. `sknet._tables.assumptions` asks about rows near in time, and about rows with the same number.

Conventions
-----------
n rows; k targets; G groups; f functions of columns.

target : (n, k)          numbers or indicators of classes, NaN where missing
ranks : (n, k)           the ranks of each target, with mean 0 and variance 1: outliers do not matter
codes : (n,)             the group of each row, from 0 to G − 1; each group has a row
learnt_from              the rows that functions and coefficients are learnt from
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtrc
from scipy.stats import rankdata

from sknet._tables.sampling import hash_integers
from sknet._tables.statistics import fit_ridge, ridge_basis, safe_reciprocal
from sknet._typing import Array
from sknet._vectors import blocks_of_batch

MAX_TARGETS_CHECKED = 4
"""Of more targets, those that vary most are checked: the most frequent classes."""

MAX_P_VALUE = 1e-6
"""A larger p-value is no sign. It is divided by the number of targets."""

MAX_P_VALUE_OF_FIRST_LOOK = 0.01
"""Groups whose means do not even differ by this p-value are left alone, whatever other columns explain."""


# --- do the means of groups differ? ----------------------------------------------------------------------------------


class GroupEffect(NamedTuple):
    """How much the means of groups differ: arrays of shape (k,)."""

    share: Array  # of the variance, less what chance explains on average
    p_value: Array  # of the F-test: the probability of such a difference by chance

    @property
    def certain_share(self) -> Array:
        """The share, or 0 where it may be chance."""
        return np.where(self.p_value < MAX_P_VALUE / len(self.p_value), self.share, 0.0)

    @property
    def means_may_differ(self) -> bool:
        """Whether a closer look is worth its time."""
        return bool(self.p_value.min() < MAX_P_VALUE_OF_FIRST_LOOK)


def group_effect(
    codes: NDArray[np.intp], values: Array, smooth: Array | None = None, fitted: Array | None = None
) -> GroupEffect:
    """Test whether the means of groups of values, (n, k), differ (analysis of variance), beyond a smooth function.

    The variance may differ from group to group, as in the test of Brown and Forsythe (1974). Groups of one row do not
    count, since their variance is unknown. `smooth` holds functions of the group, (G, s), whose best sum is subtracted
    from the means; None stands for a constant. `fitted` says what a model that was subtracted from the values has taken
    of the means (`Unexplained.fitted_means`); the share is as large as if it had taken nothing by chance.
    """
    counts = np.bincount(codes)
    is_counted = counts > 1
    functions = np.ones((len(counts), 1)) if smooth is None else smooth
    if is_counted.sum() <= functions.shape[1]:
        return GroupEffect(np.zeros(values.shape[1]), np.ones(values.shape[1]))
    sums, squares = (sums_of_groups(codes, power, len(counts))[is_counted] for power in (values, values**2))
    n_rows = counts[is_counted, np.newaxis]
    total = squares.sum(axis=0) - sums.sum(axis=0) ** 2 / n_rows.sum()
    variance = np.maximum(squares - sums**2 / n_rows, 0.0) / (n_rows - 1)  # within each group
    orthogonal, triangular = np.linalg.qr(np.sqrt(n_rows) * functions[is_counted])
    size = np.abs(np.diag(triangular))
    orthogonal = orthogonal[:, size > 1e-9 * size.max()]
    standardized = sums / np.sqrt(n_rows)
    between = ((standardized - orthogonal @ (orthogonal.T @ standardized)) ** 2).sum(axis=0)
    left_by_smooth = (1.0 - (orthogonal**2).sum(axis=1, keepdims=True)).clip(0.0)  # (G, 1)
    left = left_by_smooth
    if fitted is not None:
        beside_smooth = fitted[is_counted] - orthogonal @ (orthogonal.T @ fitted[is_counted])
        left = (left_by_smooth - (beside_smooth**2).sum(axis=1, keepdims=True)).clip(0.0)
    if left.sum() < 0.5:  # the functions and the model fit any means
        return GroupEffect(np.zeros(values.shape[1]), np.ones(values.shape[1]))
    by_chance = left * variance  # (G, k) of `between`
    expected = by_chance.sum(axis=0)
    varies = total > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        # Satterthwaite's degrees of freedom
        between_freedom = np.fmin(expected**2 / (by_chance**2).sum(axis=0), left.sum())
        within_freedom = expected**2 / (by_chance**2 / (n_rows - 1)).sum(axis=0)
        p_value = fdtrc(between_freedom, within_freedom, between / expected)
        share = (between - expected) / total * ((left_by_smooth * n_rows).sum() / (left * n_rows).sum())
    is_exact = expected <= 1e-12 * total  # the groups decide the values
    p_value = np.where(is_exact, np.where(between > 1e-9 * total, 0.0, 1.0), p_value)
    return GroupEffect(np.where(varies, share, 0.0), np.where(varies, p_value, 1.0))


def without_means(codes: NDArray[np.intp], values: Array) -> Array:
    """Return values, (n, k), less the mean of their group."""
    means = sums_of_groups(codes, values, codes.max() + 1) / np.maximum(np.bincount(codes), 1)[:, np.newaxis]
    difference: Array = values - means[codes]
    return difference


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
"""The L2 penalty on coefficients of features with variance 1, for each row, so that equal columns share an effect."""


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


@dataclass(frozen=True)
class CheckedTarget:
    """Targets that are checked for signs of time or of identifiers, with the columns that may explain them."""

    target: Array
    columns: OtherColumns

    @cached_property
    def ranks(self) -> Array:
        """The ranks of at most `MAX_TARGETS_CHECKED` targets: those that vary most, such as the largest classes."""
        with np.errstate(over="ignore"):
            by_variance = np.argsort(-np.nanvar(self.target, axis=0), kind="stable")
        return ranks_of(self.target[:, by_variance[:MAX_TARGETS_CHECKED]])

    @cached_property
    def unexplained(self) -> Unexplained:
        """The ranks less what the columns explain."""
        return unexplained_part(self.ranks, self.columns)


def ranks_of(target: Array) -> Array:
    """Return the ranks of each target, with mean 0 and variance 1; a missing target has the mean rank."""
    observed = ~np.isnan(target)
    ranks = rankdata(target, axis=0, nan_policy="omit") - (observed.sum(axis=0) + 1) / 2
    ranks[~observed] = 0.0
    deviation = ranks.std(axis=0)
    return ranks / np.where(deviation > 0.0, deviation, 1.0)


class Unexplained(NamedTuple):
    """Ranks less what a linear model of other columns explains, and what the model takes of any values by chance."""

    ranks: Array  # (n, k)
    learnt_from: slice
    basis: Array  # (rows learnt from, features) of the model, see `ridge_basis`

    def fitted_means(self, codes: NDArray[np.intp]) -> Array:
        """Return what the model takes of the means of groups, (G, features); a code of −1 is in no group.

        A column that is the same in all rows of a group has only G values to fit, however many rows there are. A few
        of them explain much of any G means. The squares of a group's row add up to the share that they take of it.
        """
        of_rows = codes[self.learnt_from]
        n_groups = codes.max() + 1
        sums = sums_of_groups(of_rows[of_rows >= 0], self.basis[of_rows >= 0], n_groups)
        counts = np.bincount(of_rows[of_rows >= 0], minlength=n_groups)
        return sums / np.sqrt(np.maximum(counts, 1))[:, np.newaxis]


def unexplained_part(ranks: Array, columns: OtherColumns) -> Unexplained:
    """Subtract what a linear model of functions of the columns explains of the ranks."""
    n = len(ranks)
    learnt_from = slice(0, n, max(1, n // MAX_ROWS_OF_REGRESSION))
    # a hash, since users draw columns with NumPy's generators, and also with the seed 0
    half = (hash_integers(np.arange(n)) % np.uint64(2)).astype(np.intp)
    numbers = [functions_of_number(x, learnt_from) for x in columns.numbers]
    categories = [functions_of_category(codes, half, ranks) for codes in columns.categories]
    limit = min(n // ROWS_PER_COLUMN, MAX_COLUMNS)
    used = [f for kind in (numbers, categories) for f in most_correlated(kind, ranks, learnt_from)[:limit]]
    if not used:
        return Unexplained(ranks, learnt_from, np.empty((len(ranks[learnt_from]), 0)))

    def features_of(rows: slice) -> Array:
        return np.hstack([functions(rows) for functions in used])

    penalty = REGRESSION_RIDGE * len(ranks[learnt_from])
    features = features_of(learnt_from)
    predict = fit_ridge(features, ranks[learnt_from], penalty)
    residual = ranks.copy()
    for rows in blocks_of_batch(slice(0, n), MAX_ROWS_OF_REGRESSION):
        residual[rows] -= predict(features_of(rows))
    return Unexplained(residual, learnt_from, ridge_basis(features, penalty))


Functions = Callable[[slice], Array]
"""Functions of a column of the table: returns their values for m rows, (m, f)."""


def functions_of_number(numbers: Array, learnt_from: slice) -> Functions:
    """Return the functions of a column of numbers: the number, how far it is above knots, and whether it is missing.

    Knots and limits are quantiles, see `KNOTS` and `RANGE`.
    """
    x = np.clip(numbers[learnt_from].astype(np.float64), -LARGEST_NUMBER, LARGEST_NUMBER)
    observed = ~np.isnan(x)
    fill = x[observed].mean() if observed.any() else 0.0
    low, *knots, high = np.quantile(np.where(observed, x, fill), [RANGE[0], *KNOTS, RANGE[1]])

    def functions(rows: slice) -> Array:
        missing = np.isnan(numbers[rows])
        x = np.clip(np.where(missing, fill, numbers[rows].astype(np.float64)), low, high)
        return np.column_stack([x, np.maximum(x[:, np.newaxis] - knots, 0.0), missing])

    return functions


def functions_of_category(codes: NDArray[np.intp], half: NDArray[np.intp], ranks: Array) -> Functions:
    """Return the functions of a column of categories: its mean ranks in the other half of the rows, drawn to 0."""
    n_categories = codes.max() + 1
    cell = half * n_categories + codes
    sums = sums_of_groups(cell, ranks, 2 * n_categories)
    counts = np.bincount(cell, minlength=2 * n_categories)[:, np.newaxis]
    means = (sums / (counts + PRIOR_ROWS)).reshape(2, n_categories, -1)
    return lambda rows: means[1 - half[rows], codes[rows]]


def most_correlated(functions_of_columns: list[Functions], ranks: Array, learnt_from: slice) -> list[Functions]:
    """Return columns, as functions, by the correlation of their first function with a target: the largest first."""

    def correlation(functions: Functions) -> float:
        first = functions(learnt_from)[:, 0]
        return float(np.abs((first - first.mean()) @ ranks[learnt_from]).max() * safe_reciprocal(first.std()))

    return sorted(functions_of_columns, key=correlation, reverse=True)
