"""Columns of numbers: a scaled number or a normal score, maybe bins, and an indicator of missing values.

A bin is a piecewise linear function of its column [1]_: 0 below the lower edge, 1 above the upper edge, and linear
between. Most edges are quantiles. With bins, a network can learn a function that bends anywhere in the column. A value
that many rows share, such as 0, is a single edge; otherwise most quantiles would be that value.

A normal score is the inverse normal distribution function of a number's rank among the training values. Numbers of a
CSR matrix are scaled and not shifted, so that zeros stay zeros.

.. [1] Gorishniy, Y., Rubachev, I. & Babenko, A. (2022). "On embeddings for numerical features in tabular deep
   learning". NeurIPS. arXiv:2203.05556.

Conventions
-----------
n rows, d columns; b bins, or columns that are learnt together; q shares, equally spaced from 0 to 1. NaN is a missing
value, which no statistic includes.

X : (n, d)               values as they come; X may be a CSR matrix
numbers : (n,)           one column, float32 or float64
centre, factor : (d,)    float64
quantiles : (q,)         weighted quantiles of the training values at the shares
edges : (b + 1,)         increasing
weight : (n,) or None    sample weights, positive; None is ones
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknet._tables.column import MIN_VALUES_TO_WARN, ColumnKind, ColumnSettings, FormulaColumn, WeightsAndTarget
from sknet._tables.column_values import INFERRED_NUMBER_TYPES, ColumnValues, check_not_infinite, column_as_floats
from sknet._tables.equality import EqualByFields
from sknet._tables.formulas import QUANTILE_SHARES, Formula, MissingIndicator, NormalScore, Ramps, ScaledNumber
from sknet._tables.raw_table import take_optional
from sknet._tables.statistics import mean_and_deviation, safe_reciprocal
from sknet._typing import Array, Table
from sknet._vectors import SortedColumns

QUARTILES = (0.25, 0.5, 0.75)
"""The quantile levels that make a robust centre, the median, and a robust scale."""

RANGE_TOLERANCE = 0.01
"""A number is outside the range by more than this share of it. Less may be the rounding of float32 or of a file."""


# --- the column ------------------------------------------------------------------------------------------------------


class BaseNumberColumn(FormulaColumn):
    """Base of the columns of numbers."""

    __slots__ = ()
    is_number = True
    reads_axis_values = True

    def arguments(self, values: ColumnValues, name: str) -> Sequence[Array]:
        return [column_as_floats(values, name)]

    def lies_mostly_outside(self, values: ColumnValues, name: str) -> bool:
        """Whether most of the observed values are outside the range; False if it is a single value."""
        return bool(lie_mostly_outside(column_as_floats(values, name), *self.training_range))


def lie_mostly_outside(numbers: Array, lowest: ArrayLike, highest: ArrayLike) -> NDArray[np.bool_]:
    """Return whether most of n observed numbers, or of those in each of d columns, are outside the range of training.

    It is never so for few rows, which may be outside by chance, nor if both ends are equal.
    """
    if len(numbers) < MIN_VALUES_TO_WARN:
        return np.zeros(numbers.shape[1:], dtype=bool)
    lowest, highest = np.asarray(lowest, float), np.asarray(highest, float)
    with np.errstate(over="ignore"):  # the ends are rounded as the numbers were, if these have float32
        tolerance = RANGE_TOLERANCE * (highest - lowest)
        low, high = (
            end.astype(np.result_type(numbers, np.float16)) for end in (lowest - tolerance, highest + tolerance)
        )
    is_observed = np.isfinite(numbers)  # encoding raises for infinite numbers
    is_outside = is_observed & ((numbers < low) | (numbers > high))
    return np.asarray((lowest < highest) & (2 * is_outside.sum(axis=0) > is_observed.sum(axis=0)))


@dataclass(frozen=True, slots=True)
class NumberColumn(BaseNumberColumn):
    """The inputs that a column of numbers becomes: the scaled number, and maybe an indicator of missing values.

    Attributes
    ----------
    centre : float
        Weighted median or mean of the observed values, which replaces missing ones. 0 if all were missing.
    factor : float
        The factor; 0 for a constant column.
    bend, shift : bool
        As in `ScaledNumber`.
    has_missing_indicator : bool
        Whether a second input is 1 where the value is missing: some training rows had a value, and some had none.
    lowest, highest : float
        The range of the training values; both 0 if it is unknown: in sparse tables, or with few values.
    """

    centre: float
    factor: float
    bend: bool = False
    shift: bool = True
    has_missing_indicator: bool = False
    lowest: float = 0.0
    highest: float = 0.0

    @property
    def n_inputs(self) -> int:
        """The number, and the indicator if there is one: the same as by the formulas, but faster for many columns."""
        return 1 + self.has_missing_indicator

    @property
    def n_bins(self) -> int:
        """There are none: also faster."""
        return 0

    @property
    def formulas(self) -> tuple[tuple[Formula, ...]]:
        """The scaled number, and whether it is missing."""
        number = ScaledNumber(self.centre, self.factor, self.bend, self.shift)
        return ((number, MissingIndicator()) if self.has_missing_indicator else (number,),)

    @property
    def training_range(self) -> tuple[float, float]:
        return self.lowest, self.highest

    @property
    def is_constant(self) -> bool:
        """Whether all training values were equal: the factor is 0."""
        return self.factor == 0.0

    def rescaled_if_constant(self, values: ColumnValues, name: str, weight: Array | None) -> Self:
        """Return the column with 1 over the root mean square distance of new values from the known value as factor.

        The known value stays the centre. If all new values equal it, the column stays constant.
        """
        numbers = read_number_column(values, name).astype(np.float64)
        mean, deviation = mean_and_deviation(numbers - self.centre, weight)
        factor = float(safe_reciprocal(np.hypot(mean, deviation)))
        lowest, highest = (float(end.reduce(numbers, initial=self.centre)) for end in (np.fmin, np.fmax))
        return replace(self, factor=factor, lowest=lowest, highest=highest)


@dataclass(frozen=True)
class ParsedNumberColumn(FormulaColumn):
    """Base of the columns whose values stand for one number each, as "2h 30m" for 150 minutes.

    A kind must implement `numbers_of`.

    Attributes
    ----------
    number : BaseNumberColumn
        How the numbers become inputs.
    """

    number: BaseNumberColumn

    @abstractmethod
    def numbers_of(self, values: ColumnValues, name: str) -> Array:
        """Return the numbers that n values stand for, NaN where one is missing; errors name the column."""

    @property
    def formulas(self) -> tuple[tuple[Formula, ...], ...]:
        return self.number.formulas

    def arguments(self, values: ColumnValues, name: str) -> Sequence[Array]:
        return [self.numbers_of(values, name)]

    @property
    def is_constant(self) -> bool:
        return self.number.is_constant

    def rescaled_if_constant(self, values: ColumnValues, name: str, weight: Array | None) -> Self:
        """Return the column with the scale of the numbers of n new values."""
        numbers = self.numbers_of(values, name)
        return replace(self, number=self.number.rescaled_if_constant(numbers, name, weight))

    @property
    def training_range(self) -> tuple[float, float]:
        return self.number.training_range

    def lies_mostly_outside(self, values: ColumnValues, name: str) -> bool:
        return self.number.lies_mostly_outside(self.numbers_of(values, name), name)


# --- learning scales -------------------------------------------------------------------------------------------------
# All functions have the signature of the entries of `SCALINGS`, even if they do not use every argument.


def learn_robust(columns: Array, sorted_columns: SortedColumns, weight: Array | None) -> list[NumberColumn]:
    """Learn weighted medians, and 1 over the range between the quartiles.

    Where the quartiles coincide, at least half of the rows share one value, such as 0. The median distance of the other
    rows from this value then replaces the range: it is robust, too.
    """
    first, median, third = sorted_columns.quantiles(QUARTILES).T  # (b,), NaN where there is no value
    half = third / 2 - first / 2  # half of the range, since the whole might overflow
    coincide = half <= 0
    if coincide.any():
        values = sorted_columns.values[coincide]
        # half of each distance, like half of the range; the cast keeps float32 distances in float32
        distances = np.abs(values / 2 - median[coincide, np.newaxis].astype(values.dtype) / 2)
        distances[distances == 0] = np.nan  # leave out the rows that share the value
        apart = SortedColumns.from_columns(distances, take_optional(sorted_columns.weight, coincide))
        half[coincide] = apart.quantiles([0.5])[:, 0]
    return _number_columns(np.nan_to_num(median), 0.5 * safe_reciprocal(half), sorted_columns, bend=True)


def learn_standard(columns: Array, sorted_columns: SortedColumns, weight: Array | None) -> list[NumberColumn]:
    """Learn weighted means, and 1 over the standard deviations."""
    mean, deviation = mean_and_deviation(columns, weight)
    return _number_columns(mean, safe_reciprocal(deviation), sorted_columns)


def learn_unscaled(columns: Array, sorted_columns: SortedColumns, weight: Array | None) -> list[NumberColumn]:
    """Learn weighted means, which replace missing values; the factor is 1, or 0 if all values are missing."""
    mean, _ = mean_and_deviation(columns, weight)
    return _number_columns(mean, (sorted_columns.n_values > 0).astype(np.float64), sorted_columns, shift=False)


def _number_columns(
    centre: Array, factor: Array, sorted_columns: SortedColumns, *, bend: bool = False, shift: bool = True
) -> list[NumberColumn]:
    have_missing = sorted_columns.have_some_missing.tolist()
    has_range = sorted_columns.n_values[:, np.newaxis] >= MIN_VALUES_TO_WARN  # beyond few values, others are usual
    ranges = np.where(has_range, sorted_columns.ranges, 0.0).tolist()
    learnt = zip(centre.tolist(), factor.tolist(), have_missing, ranges, strict=True)
    return [NumberColumn(c, s, bend, shift, has_missing, *ends) for c, s, has_missing, ends in learnt]


# --- normal scores ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class QuantileColumn(EqualByFields, BaseNumberColumn):
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
    def centre(self) -> float:
        """The median, which replaces missing values."""
        return float(self.quantiles[len(self.quantiles) // 2])

    @property
    def training_range(self) -> tuple[float, float]:
        return float(self.quantiles[0]), float(self.quantiles[-1])

    @property
    def is_constant(self) -> bool:
        """Whether all training values were equal or missing."""
        return bool(self.quantiles[0] == self.quantiles[-1])

    @property
    def formulas(self) -> tuple[tuple[Formula, ...]]:
        """The normal score, and whether the number is missing."""
        score = NormalScore(self.quantiles)
        return ((score, MissingIndicator()) if self.has_missing_indicator else (score,),)


def learn_quantiles(columns: Array, sorted_columns: SortedColumns, weight: Array | None) -> list[QuantileColumn]:
    """Learn the weighted quantiles at all levels."""
    quantiles = np.nan_to_num(sorted_columns.quantiles(QUANTILE_SHARES))
    return list(map(QuantileColumn, quantiles, sorted_columns.have_some_missing.tolist()))


# --- sparse columns --------------------------------------------------------------------------------------------------


def learn_sparse(X: Table, settings: ColumnSettings, weight: Array | None) -> list[NumberColumn]:
    """Learn the columns of a CSR matrix, which are never shifted.

    Each is divided by its root mean square, zeros included; by 1 if all its values are 0, or without scaling.
    """
    if settings.input_scaling is None:
        return [NumberColumn(0.0, 1.0, shift=False)] * X.shape[1]  # one object for all: there may be very many columns
    return [NumberColumn(0.0, factor, shift=False) for factor in _sparse_scale(X, weight).tolist()]


def _sparse_scale(X: Table, weight: Array | None) -> Array:
    """Return 1 over the root mean square of every column."""
    n, d = X.shape
    if not X.has_canonical_format:  # several entries of one cell add up
        X = X.copy()
        X.sum_duplicates()
    w = np.ones(n) if weight is None else weight
    # bring each column to magnitude one by a power of two, so that no square overflows or vanishes
    values = X.data.astype(np.float64)
    largest = np.zeros(d)
    np.maximum.at(largest, X.indices, np.abs(values))
    exponent = np.frexp(largest)[1]
    scaled = np.ldexp(values, -exponent[X.indices])
    entry_weight = np.repeat(w, np.diff(X.indptr))  # the weight of each stored value's row
    squares = np.bincount(X.indices, weights=entry_weight * scaled**2, minlength=d)
    rms = np.ldexp(np.sqrt(squares / w.sum()), exponent)
    return np.where(rms > 0, safe_reciprocal(rms), 1.0)


# --- bins ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class BinnedColumn(BaseNumberColumn):
    """The inputs that a column of numbers becomes with bins.

    Attributes
    ----------
    number : NumberColumn or QuantileColumn
        The scaled number, maybe with its indicator of missing values: the last inputs.
    edges : tuple of float
        Edges of the bins, which are the inputs before these; increasing.
    steps : tuple of (float, float)
        Pairs of further edges, between which the target jumps; see `sknet._tables.steps`.
    """

    number: NumberColumn | QuantileColumn
    edges: tuple[float, ...]
    steps: tuple[tuple[float, float], ...] = ()

    @property
    def all_edges(self) -> tuple[float, ...]:
        """The edges, and those of steps; increasing."""
        return tuple(sorted({*self.edges, *chain.from_iterable(self.steps)})) if self.steps else self.edges

    @property
    def ramps(self) -> Ramps:
        """The bins."""
        edges = np.array(self.all_edges)
        return Ramps(edges[:-1], edges[1:], self.number.centre, np.zeros(len(edges) - 1, np.intp))

    @property
    def formulas(self) -> tuple[tuple[Formula, ...]]:
        """A single group, since all take the number itself: the bins, then what the number has without bins."""
        return ((self.ramps, *self.number.formulas[0]),)

    @property
    def training_range(self) -> tuple[float, float]:
        return self.number.training_range

    @property
    def is_constant(self) -> bool:
        """False: bins need several values."""
        return False


# --- learning edges --------------------------------------------------------------------------------------------------


def with_bins(
    columns: Sequence[NumberColumn | QuantileColumn], sorted_columns: SortedColumns, n_bins: int
) -> list[BaseNumberColumn]:
    """Put bins beside columns of numbers, unless a single bin would only repeat the number."""
    return [
        column if len(edges) < 3 else BinnedColumn(column, tuple(edges.tolist()))
        for column, edges in zip(columns, bin_edges(sorted_columns, n_bins), strict=True)
    ]


def bin_edges(sorted_columns: SortedColumns, n_bins: int) -> list[Array]:
    """Choose the edges of at most `n_bins` bins for each column."""
    quantiles = sorted_columns.quantiles(np.linspace(0.0, 1.0, n_bins + 1))  # (b, n_bins + 1)
    all_differ = np.all(quantiles[:, 1:] > quantiles[:, :-1], axis=1).tolist()
    return [
        column_quantiles if are_edges else _edges_amid_repeated(*sorted_columns.observed_values_and_weights(i), n_bins)
        for i, (column_quantiles, are_edges) in enumerate(zip(quantiles, all_differ, strict=True))
    ]


def _edges_amid_repeated(values: Array, weight: Array | None, n_bins: int) -> Array:
    """Choose the edges of a column in which some quantiles coincide, since many of its m rows share a value.

    Each such value becomes one edge. The remaining edges are quantiles of the other rows, which may coincide again.
    """
    repeated: list[float] = []
    # while there are more values than remaining edges, and two edges at least
    while len(np.unique(values)) > n_bins + 1 - len(repeated) > 1:
        quantile_levels = np.linspace(0.0, 1.0, n_bins - len(repeated) + 1)
        quantiles = SortedColumns.from_columns(values[np.newaxis], weight).quantiles(quantile_levels)
        edges, counts = np.unique(quantiles, return_counts=True)
        if (counts == 1).all():
            return np.sort([*edges, *repeated])
        repeated += edges[counts > 1].tolist()
        is_other = ~np.isin(values, repeated)
        values = values[is_other]
        weight = take_optional(weight, is_other)
    # each of the few remaining values is an edge
    return np.sort([*np.unique(values)[: n_bins + 1 - len(repeated)].astype(np.float64), *repeated])


# --- the kind --------------------------------------------------------------------------------------------------------


def read_number_column(values: ColumnValues, name: str) -> Array:
    """Return a column's values as floats that are adjacent in memory; raise a ValueError for infinite values."""
    numbers = column_as_floats(values, name)
    # float32 is kept: it takes half the memory
    numbers = np.ascontiguousarray(numbers, np.float32 if numbers.dtype == np.float32 else np.float64)
    check_not_infinite(numbers, [name])
    return numbers


def learn_number(values: ColumnValues, name: str, settings: ColumnSettings, rows: WeightsAndTarget) -> BaseNumberColumn:
    """Learn a column of numbers from its n values."""
    return learn_numbers(read_number_column(values, name)[np.newaxis], settings, rows.weight)[0]


def learn_numbers(numbers: Array, settings: ColumnSettings, weight: Array | None) -> Sequence[BaseNumberColumn]:
    """Learn how columns of numbers, (b, n), are scaled, and their bins if the settings ask for bins."""
    sorted_columns = SortedColumns.from_columns(numbers, weight)
    columns = SCALINGS[settings.input_scaling](numbers, sorted_columns, weight)
    return columns if settings.numeric_encoding == "raw" else with_bins(columns, sorted_columns, settings.n_bins)


SCALINGS: dict[
    str | None, Callable[[Array, SortedColumns, Array | None], list[NumberColumn] | list[QuantileColumn]]
] = {"robust": learn_robust, "standard": learn_standard, None: learn_unscaled, "quantile": learn_quantiles}
"""How columns of numbers are learnt, by `input_scaling`: (values, (b, n), sorted values, weights) -> columns."""


NUMBER = ColumnKind(
    name="number",
    learn=learn_number,
    classes=(NumberColumn, QuantileColumn, BinnedColumn),
    inferred_types=INFERRED_NUMBER_TYPES,
    may_have_bins=True,
)
