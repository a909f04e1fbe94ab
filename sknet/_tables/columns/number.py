"""A column of numbers as one scaled input, and one more that marks missing values.

Conventions
-----------
n rows, d columns. NaN is a missing value and counts nowhere.

X, Z : (n, d)            values as they come, and scaled
numbers : (n,)           one column, float32 or float64
center, factor : (d,)    float64
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from sknet._tables.column import Column, ColumnSettings, InputFormula, ScaledNumber
from sknet._tables.read import ColumnValues, column_as_floats
from sknet._tables.statistics import SortedColumns, mean_and_deviation, reciprocal
from sknet._typing import Array, DType, Table

QUARTILES = (0.25, 0.5, 0.75)

FLOAT32_RANGE = (1e-30, 1e30)
"""Centres and scales in this range leave float32 room to subtract and multiply without overflow."""


# --- scaling ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ColumnScaler:
    """The centres and factors of d columns, which are scaled together.

    Attributes
    ----------
    center : ndarray of shape (d,)
    factor : ndarray of shape (d,)
    bend, shift : bool
        As in `NumberColumn`.
    float32_suffices : bool
        Whether float32 has the range for this arithmetic.
    """

    center: Array
    factor: Array
    bend: bool
    shift: bool
    float32_suffices: bool

    def impute_and_scale_into(self, values: Array, out: Array) -> bool:
        """Write the scaled values into `out`, which may be `values`; return whether all are finite.

        Missing values are imputed, and make it return False, as infinite values do and results too large for `out`:
        the caller tells them apart, which takes more passes.
        """
        # where float32 has not the range, compute in float64 and round the result once
        Z = out if self.float32_suffices or out.dtype != np.float32 else np.empty(out.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.shift:
                # subtract in float64, unless values and Z both are float32, then round: a column with a large offset
                # loses no digits
                precise = Z.dtype if values.dtype == Z.dtype else np.dtype(np.float64)
                np.subtract(values, self.center.astype(precise, copy=False), out=Z, casting="same_kind")
            else:
                np.copyto(Z, values, casting="same_kind")
            all_finite = bool(np.isfinite(Z).all())  # most tables have no missing values: this one pass is enough
            if not all_finite:
                # missing values are the centre, which is 0 where it has been subtracted
                np.copyto(Z, 0.0 if self.shift else self.center, where=np.isnan(Z), casting="same_kind")
                if self.bend:
                    _replace_overflows(Z)  # before the factor is applied: it may be 0
            Z *= self.factor.astype(Z.dtype, copy=False)
            if self.bend:
                bend_outliers(Z)
            if Z is not out:
                out[...] = Z
        # bent values need no second look: the largest number becomes 2,100 or so
        return all_finite and (self.bend or bool(np.isfinite(out).all()))

    def scaled_sparse(self, X: Table, dtype: DType) -> Table:
        """Return a CSR matrix of the values times their columns' factors."""
        with np.errstate(over="ignore"):  # the caller looks for infinite results
            Z = X.astype(dtype, copy=True)
            if self.float32_suffices:
                Z.data *= self.factor.astype(dtype)[Z.indices]
            else:  # as in `impute_and_scale_into`
                Z.data = (X.data * self.factor[X.indices]).astype(dtype)
        return Z


def bend_outliers(Z: Array) -> None:
    """Replace z by 3 asinh(z/3), in place: about z near 0, it grows like a logarithm far from it."""
    _replace_overflows(Z)
    Z /= 3.0
    np.arcsinh(Z, out=Z)
    Z *= 3.0


def _replace_overflows(Z: Array) -> None:
    """Replace what overflowed by the largest number there is, in place: a factor of 0 still gives 0."""
    largest = np.finfo(Z.dtype).max
    np.clip(Z, -largest, largest, out=Z)


# --- the column ------------------------------------------------------------------------------------------------------


class SingleNumber(Column):
    """Base of the columns that become one number, and maybe an indicator of missing values."""

    __slots__ = ()
    is_number = True
    has_missing_indicator: bool

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return ("", "_missing") if self.has_missing_indicator else ("",)


@dataclass(frozen=True, slots=True)
class NumberColumn(SingleNumber):
    """The inputs that a column of numbers becomes: the scaled number, and maybe an indicator of missing values.

    Attributes
    ----------
    center : float
        Weighted median or mean of the observed values; what a missing value stands for. 0 where nothing was observed.
    factor : float
        The factor; 0 for a column that says nothing.
    bend : bool
        Whether z becomes 3 asinh(z/3): outliers keep their order, and grow no faster than their logarithm.
    shift : bool
        Whether the centre is subtracted. With it a missing value becomes 0, without it the centre.
    has_missing_indicator : bool
        Whether a second input is 1 where the value is missing: there were missing values in training.
    """

    center: float
    factor: float
    bend: bool = False
    shift: bool = True
    has_missing_indicator: bool = False

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: the scaled number, and 1 where it is missing."""
        number = InputFormula("number", None, centre=self.center, scale=self.factor)
        return (number, InputFormula("missing")) if self.has_missing_indicator else (number,)

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, of shape (n, n_inputs)."""
        numbers = column_as_floats(values, name)[:, np.newaxis]  # (n, 1)
        scaled = np.empty(numbers.shape, out.dtype)
        out[:, :1] = scale_and_check(common_scaler([self]), numbers, scaled, lambda _: name)
        out[:, 1:] = np.isnan(numbers)  # an empty slice where there is no indicator

    def slopes(self, values: ColumnValues, name: str) -> Array:
        """Return the derivatives of the inputs, (n, n_inputs): an indicator's is 0."""
        numbers = np.asarray(column_as_floats(values, name), dtype=np.float64)
        z = (numbers - self.center) * self.factor
        slopes = np.zeros((len(z), self.n_inputs))
        # d/dz 3 asinh(z/3) = 1/√(1 + (z/3)²)
        slopes[:, 0] = self.factor / np.hypot(1.0, z / 3.0) if self.bend else self.factor
        slopes[np.isnan(numbers)] = 0.0
        return slopes

    @property
    def jointly_scaled_number(self) -> NumberColumn:
        """The column itself."""
        return self

    @property
    def is_constant(self) -> bool:
        """Whether a single value is known: the factor is 0."""
        return self.factor == 0.0

    def with_scale_of(self, values: ColumnValues, name: str, weight: Array | None) -> NumberColumn:
        """Return the column with 1 over the root mean square distance of new values from the one that is known.

        That value is the centre, and stays 0 to the network. Values that are all the same leave the column constant.
        """
        numbers = np.asarray(column_as_floats(values, name), dtype=np.float64)
        check_not_infinite(numbers[:, np.newaxis], lambda _: name)
        mean, deviation = mean_and_deviation(numbers - self.center, weight)
        return replace(self, factor=float(reciprocal(np.hypot(mean, deviation))))


def common_scaler(columns: Sequence[ScaledNumber]) -> ColumnScaler:
    """Return one scaler of columns that were learnt with the same settings, to scale them all at once."""
    center = np.array([column.center for column in columns], dtype=np.float64)
    factor = np.array([column.factor for column in columns], dtype=np.float64)
    low, high = FLOAT32_RANGE
    factors = factor[factor != 0]  # a column that says nothing has the factor 0, which float32 holds
    float32_suffices = np.all(factors > low) and np.all(factors < high) and np.all(np.abs(center) < high)
    first = columns[0] if columns else NumberColumn(0.0, 0.0)
    return ColumnScaler(center, factor, first.bend, first.shift, bool(float32_suffices))


def scale_and_check(scaler: ColumnScaler, values: Array, out: Array, name_of: Callable[[int], str]) -> Array:
    """Write scaled values into `out` and return it; a ValueError names a column with infinite or too large values."""
    if not scaler.impute_and_scale_into(values, out):  # neither raises where values are only missing
        check_not_infinite(values, name_of)
        excessive = ~np.isfinite(out).all(axis=0)
        if excessive.any():
            raise_for_excessive_values(name_of(int(np.argmax(excessive))), out.dtype)
    return out


def check_not_infinite(values: Array, name_of: Callable[[int], str]) -> None:
    """Raise a ValueError that names the first column with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise ValueError(
            f"Column {name_of(int(np.argmax(infinite)))!r} of X contains infinity: replace it by a finite number, "
            "or by NaN if it stands for a missing value."
        )


def raise_for_excessive_values(name: str, dtype: DType) -> NoReturn:
    """Raise the ValueError for a column with values that a type of floats cannot hold."""
    raise ValueError(
        f"Column {name!r} of X holds values too large for {dtype}: divide it by a number of its magnitude, set "
        "input_scaling='robust', or set dtype='float64'."
    )


# --- learning --------------------------------------------------------------------------------------------------------
# All have the signature that `SCALINGS` asks for, and some do without one of its arguments.


def learn_robust(columns: Array, sorted_columns: SortedColumns, settings: ColumnSettings) -> list[NumberColumn]:
    """Learn weighted medians, and 1 over the range between the quartiles.

    Where the quartiles coincide, most rows share one value, zero perhaps: the median distance of the others from it
    stands for the range. Their own range would be as wide as the farthest of them, and leave the rest no room.
    """
    first, median, third = sorted_columns.quantiles(QUARTILES).T  # (b,), NaN where there is no value
    half = third / 2 - first / 2  # of the range: the whole might overflow
    coincide = half <= 0
    if coincide.any():
        values, weight = sorted_columns.values[coincide], sorted_columns.weight
        # half of each distance, as of the range; a median in float64 would make all of them float64
        distances = np.abs(values / 2 - median[coincide, np.newaxis].astype(values.dtype) / 2)
        distances[distances == 0] = np.nan  # not one of the others
        apart = SortedColumns.of(distances, None if weight is None else weight[coincide])
        half[coincide] = apart.quantiles([0.5])[:, 0]
    return _number_columns(np.nan_to_num(median), 0.5 * reciprocal(half), sorted_columns, bend=True)


def learn_standard(columns: Array, sorted_columns: SortedColumns, settings: ColumnSettings) -> list[NumberColumn]:
    """Learn weighted means, and 1 over the standard deviations."""
    mean, deviation = mean_and_deviation(columns, settings.weight)
    return _number_columns(mean, reciprocal(deviation), sorted_columns)


def learn_unscaled(columns: Array, sorted_columns: SortedColumns, settings: ColumnSettings) -> list[NumberColumn]:
    """Learn weighted means, which stand for missing values; a column without any value says nothing."""
    mean, _ = mean_and_deviation(columns, settings.weight)
    return _number_columns(mean, (sorted_columns.n_values > 0).astype(np.float64), sorted_columns, shift=False)


def _number_columns(
    center: Array, factor: Array, sorted_columns: SortedColumns, *, bend: bool = False, shift: bool = True
) -> list[NumberColumn]:
    learnt = zip(center.tolist(), factor.tolist(), sorted_columns.have_missing.tolist(), strict=True)
    return [NumberColumn(c, s, bend, shift, has_missing) for c, s, has_missing in learnt]
