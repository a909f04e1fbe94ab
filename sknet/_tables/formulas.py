"""The formulas by which the values of a column become inputs of the network.

A formula is executed. The encoder computes inputs with it, explanations take its slopes, and `inputs_` shows its
descriptions. Exports write it into other formats.

A formula of one column has floats as parameters. `stack` joins the formulas of several columns to one formula with
arrays of parameters, which computes the inputs of all these columns in one pass.

Conventions
-----------
n rows; d columns that a formula takes, 1 unless it is stacked; m inputs that it makes.

values : (n, d)          numbers, NaN where a value is missing
dtype                    the float type of the inputs
filled : (n, d)          numbers in float64, where the centre replaces missing ones
z : (n, d)               (value - centre) * factor
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from sknet._tables.column_values import check_not_infinite
from sknet._tables.statistics import FLOAT32_RANGE, safe_reciprocal
from sknet._typing import Array, DType, Positions, Table


class InputDescription(NamedTuple):
    """The name of one input of the network, and how it is computed from its column: a row of `inputs_`.

    Attributes
    ----------
    suffix : str
        The end of the input's name, after the column's name.
    kind : str
        "number", "bin", "missing", "level", "infrequent", "target", or a word for the inputs of one kind of column,
        such as "date" or "text".
    level : str, mapping or None
        The category whose input is 1; the cycle of a date; for a normal score, the quantile of each share, by share;
        for target means, the mean of each category, by category; for a component of text, the idf and the weight of
        each term, by term.
    edge : float
        The lower edge of a bin; NaN for other kinds.
    centre, scale : float
        The input is (value - centre) * scale, before clipping or bending.
    """

    suffix: str
    kind: str
    level: str | Mapping[str | None, float] | Mapping[str, tuple[float, float]] | None = None
    edge: float = float("nan")
    centre: float = 0.0
    scale: float = 1.0

    @property
    def is_indicator(self) -> bool:
        """Whether the input is −1, 0 or 1. If a column has several such inputs, at most one of them is not 0."""
        return self.kind in ("level", "infrequent", "missing")


class Formula(ABC):
    """A formula by which values of a column become one or more inputs, such as a scaled number or bins.

    Attributes
    ----------
    are_bins : bool
        Whether the inputs are bins, which the network may skip: they come before all other inputs.
    """

    are_bins: ClassVar[bool] = False

    @property
    def stack_key(self) -> tuple[Hashable, ...] | None:
        """What formulas of one class must have in common to be stacked; None if they are never stacked."""
        return None

    @property
    def n_inputs(self) -> int:
        """How many inputs a column gets."""
        return 1

    @property
    def keeps_zeros(self) -> bool:
        """Whether a value of 0 becomes an input of 0, so that `encode_sparse` keeps a table sparse."""
        return False

    @property
    @abstractmethod
    def descriptions(self) -> tuple[InputDescription, ...]:
        """The name of each input and how it is computed; not for a stacked formula."""

    @abstractmethod
    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        """Return the inputs of n values, (n, m), to be rounded to the dtype; errors name one of the d columns."""

    def encode_sparse(self, X: Table, dtype: DType, names: Sequence[str]) -> Table:
        """Return the inputs of a CSR matrix as such a matrix."""
        raise NotImplementedError

    @abstractmethod
    def slopes(self, values: Array) -> Array:
        """Return the derivatives of the inputs by the value, (n, m), 0 for missing values."""

    @classmethod
    def stack(cls, formulas: Sequence[Self]) -> Self:
        """Return one formula for d columns, given formulas of one class and `stack_key`."""
        return formulas[0]


# --- numbers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ScaledNumber(Formula):
    """A number, shifted and scaled; outliers may be bent.

    Attributes
    ----------
    centre, factor : float, or ndarray of shape (d,)
    bend : bool
        Whether z becomes 3 asinh(z/3), so that outliers keep their order, but grow only like their logarithm.
    shift : bool
        Whether the centre is subtracted. A missing value then becomes 0, and otherwise the centre.
    """

    centre: float | Array
    factor: float | Array
    bend: bool = False
    shift: bool = True

    @property
    def stack_key(self) -> tuple[Hashable, ...]:
        """The settings that are the same for all columns."""
        return self.bend, self.shift

    @property
    def descriptions(self) -> tuple[InputDescription, ...]:
        centre = float(self.centre) if self.shift else 0.0
        return (InputDescription("", "number", centre=centre, scale=float(self.factor)),)

    @classmethod
    def stack(cls, formulas: Sequence[Self]) -> Self:
        """Return one formula for d columns."""
        centre, factor = (np.array([getattr(f, name) for f in formulas], np.float64) for name in ("centre", "factor"))
        return cls(centre, factor, formulas[0].bend, formulas[0].shift)

    @cached_property
    def fits_float32(self) -> bool:
        """Whether the centres and factors are neither too large nor too small for float32."""
        low, high = FLOAT32_RANGE
        factors = np.where(self.factor, self.factor, 1.0)  # a constant column has the factor 0, which float32 holds
        return bool(np.all(factors > low) and np.all(factors < high) and np.all(np.abs(self.centre) < high))

    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        """Return the scaled numbers; a ValueError names a column with infinite or too large values."""
        # where the range of float32 is too small, compute in float64 and round the result
        type_of_z = dtype if self.fits_float32 else np.dtype(np.float64)
        Z = np.empty_like(values, type_of_z)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.shift:
                # subtract in float64, unless values and Z both are float32: a column with a large offset then loses no
                # digits
                precise = type_of_z if values.dtype == type_of_z else np.dtype(np.float64)
                np.subtract(values, np.asarray(self.centre, precise), out=Z, casting="same_kind")
            else:
                np.copyto(Z, values, casting="same_kind")
            all_finite = bool(np.isfinite(Z).all())  # most tables need no further pass
            if not all_finite:
                # the centre replaces missing values; after the subtraction it is 0
                np.copyto(Z, 0.0 if self.shift else self.centre, where=np.isnan(Z), casting="same_kind")
                if self.bend:
                    _replace_overflows(Z)  # before multiplying, since infinity times a factor of 0 is NaN
            Z *= np.asarray(self.factor, type_of_z)
            if self.bend:
                scaled_arcsinh_inplace(Z)
            Z = Z.astype(dtype, copy=False)
        # bent values are finite: the largest float64 becomes about 2,100
        if not (all_finite and (self.bend or np.isfinite(Z).all())):
            check_not_infinite(values, names)  # if values are only missing, nothing is raised here and below
            excessive = ~np.isfinite(Z).all(axis=0)
            if excessive.any():
                raise excessive_values_error(names[int(np.argmax(excessive))], dtype)
        return Z

    @property
    def keeps_zeros(self) -> bool:
        """Whether numbers are only multiplied."""
        return not (self.shift or self.bend)

    def encode_sparse(self, X: Table, dtype: DType, names: Sequence[str]) -> Table:
        """Return a CSR matrix of the values times their columns' factors."""
        type_of_z = dtype if self.fits_float32 else np.dtype(np.float64)  # as in `encode`
        factor = np.asarray(self.factor, type_of_z)
        with np.errstate(over="ignore"):
            data = (X.data.astype(type_of_z) * factor[X.indices]).astype(dtype, copy=False)
        # not `X.astype`, which may sort the entries of a row and add up those of one cell
        Z = type(X)((data, X.indices.copy(), X.indptr.copy()), shape=X.shape)
        excessive = Z.indices[~np.isfinite(Z.data)]
        if excessive.size:
            raise excessive_values_error(names[excessive.min()], Z.dtype)
        return Z

    def slopes(self, values: Array) -> Array:
        numbers = np.asarray(values, dtype=np.float64)
        z = (numbers - self.centre) * self.factor
        # d/dz 3 asinh(z/3) = 1/√(1 + (z/3)²)
        return np.where(np.isnan(numbers), 0.0, self.factor / np.hypot(1.0, z / 3.0) if self.bend else self.factor)


def scaled_arcsinh_inplace(Z: Array) -> None:
    """Replace z by 3 asinh(z/3), in place: nearly z if z is small, and like a logarithm if z is large."""
    _replace_overflows(Z)
    Z /= 3.0
    np.arcsinh(Z, out=Z)
    Z *= 3.0


def _replace_overflows(Z: Array) -> None:
    """Replace infinite values by the largest finite ones, in place."""
    largest = np.finfo(Z.dtype).max
    np.clip(Z, -largest, largest, out=Z)


def excessive_values_error(name: str, dtype: DType) -> ValueError:
    """Return the error for a column whose values are too large for a float type."""
    return ValueError(
        f"Column {name!r} of X holds values too large for {dtype}: divide it by a number of its magnitude, set "
        "input_scaling='robust', or set dtype='float64'."
    )


QUANTILE_SHARES = np.linspace(0.0, 1.0, 257)
"""The shares (0, 1/256, …, 1) at which quantile scaling learns a column's quantiles.

They are the same for all numbers of rows, so that a row of weight 2 equals two rows.
"""


@dataclass(frozen=True, eq=False)
class NormalScore(Formula):
    """The inverse normal distribution function of the share of training weight below a number.

    Attributes
    ----------
    quantiles : ndarray of shape (257,)
        The quantiles of the training values at `QUANTILE_SHARES`.
    """

    quantiles: Array

    @property
    def descriptions(self) -> tuple[InputDescription, ...]:
        """The score, with the quantile of each share."""
        by_share: dict[str | None, float] = dict(zip(map(str, QUANTILE_SHARES), self.quantiles.tolist(), strict=True))
        return (InputDescription("", "number", by_share),)

    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        """Return the scores. A missing value has the score of the median, 0; a ValueError names an infinite value."""
        check_not_infinite(values, names)
        missing = np.isnan(values)
        # `ndtri` is the inverse normal distribution function
        return np.asarray(ndtri(np.where(missing, 0.5, self.cdf(np.where(missing, 0.0, values)))))

    def cdf(self, numbers: Array) -> Array:
        """Return the share of the training weight below each number; equal values count by half."""
        first, last = self._shares_of(numbers)
        half = 0.5 * QUANTILE_SHARES[1]  # shares of 0 and 1 would have infinite scores
        return np.clip(0.5 * (first + last), half, 1.0 - half)

    def _shares_of(self, numbers: Array) -> tuple[Array, Array]:
        """Return the first and the last share whose quantile is each number: a repeated value is several quantiles."""
        # the first share is the last one in reversed order
        first = 1.0 - np.interp(-numbers, -self.quantiles[::-1], QUANTILE_SHARES)
        return first, np.interp(numbers, self.quantiles, QUANTILE_SHARES)

    def slopes(self, values: Array) -> Array:
        """Return the derivatives, (n, 1); jumps of the score are left out."""
        missing = np.isnan(values)
        share = self.cdf(np.where(missing, 0.0, values))
        knots = np.unique(self.quantiles)
        first, last = self._shares_of(knots)
        # slopes of the share, (knots + 1,): it rises from the last share of a knot to the first one of the next knot,
        # and not beyond the ends
        rises = np.concatenate([[0.0], (first[1:] - last[:-1]) / np.diff(knots), [0.0]])
        # the slopes on both sides of each number, which differ only at a knot
        left, right = (rises[np.searchsorted(knots, values, side)] for side in ("left", "right"))
        beyond = missing | (share <= 0.5 * QUANTILE_SHARES[1]) | (share >= 1.0 - 0.5 * QUANTILE_SHARES[1])
        density = np.exp(-0.5 * ndtri(share) ** 2) / np.sqrt(2.0 * np.pi)  # the density of the normal scores
        return np.where(beyond, 0.0, 0.5 * (left + right) / density)  # d/dp ndtri(p) = 1/density


class MissingIndicator(Formula):
    """1 where a value is missing, and else 0."""

    stack_key = ()
    descriptions = (InputDescription("_missing", "missing"),)

    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        return np.isnan(values)

    def slopes(self, values: Array) -> Array:
        return np.zeros(values.shape)


# --- bins ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Ramps(Formula):
    """Bins: each is 0 below its lower edge, 1 above its upper edge, and linear between.

    Attributes
    ----------
    low, high : ndarray of shape (m,)
        The edges of each bin.
    centre : float, or ndarray of shape (d,)
        What replaces a missing value.
    source : ndarray of ints, of shape (m,)
        Which of the d columns each bin belongs to.
    """

    stack_key = ()
    are_bins = True

    low: Array
    high: Array
    centre: float | Array
    source: NDArray[np.intp]

    @property
    def n_inputs(self) -> int:
        """The number of bins."""
        return len(self.low)

    @cached_property
    def factor(self) -> Array:
        """1 over the width of each bin, (m,)."""
        with np.errstate(over="ignore"):
            width = self.high - self.low
        factor = safe_reciprocal(width)
        # where the width overflows, halve the edges first: infinity times a factor of 0 would be NaN
        if np.isinf(width).any():
            factor = np.where(np.isinf(width), 0.5 * safe_reciprocal(self.high / 2.0 - self.low / 2.0), factor)
        return factor

    @property
    def descriptions(self) -> tuple[InputDescription, ...]:
        """The bins: clip((x - centre) * scale, 0, 1)."""
        bins = enumerate(zip(self.low.tolist(), self.factor.tolist(), strict=True), 1)
        return tuple([InputDescription(f"_bin{i}", "bin", None, edge, edge, factor) for i, (edge, factor) in bins])

    @classmethod
    def stack(cls, formulas: Sequence[Self]) -> Self:
        """Return one formula for all bins of d columns."""
        low, high = (np.concatenate([getattr(f, name) for f in formulas]) for name in ("low", "high"))
        source = np.repeat(np.arange(len(formulas)), [formula.n_inputs for formula in formulas])
        return cls(low, high, np.array([formula.centre for formula in formulas]), source)

    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        filled = values.astype(np.float64)  # a copy
        np.copyto(filled, self.centre, where=np.isnan(filled))
        bins = filled.take(self.source, axis=1)  # the value of each bin's column
        with np.errstate(over="ignore"):
            bins -= self.low  # float64 is rounded at the end, so that a column with a large offset loses no digits
            bins *= self.factor  # how much of each bin lies below the value
        return np.clip(bins, 0.0, 1.0, out=bins)

    def slopes(self, values: Array) -> Array:
        """Return the derivatives, (n, m): at either edge, half the slope of the bin."""
        numbers = np.asarray(values, dtype=np.float64).take(self.source, axis=1)
        # 1 inside of a bin, 0.5 at its edges, where the slope jumps; comparisons with NaN are False
        inside = 0.5 * ((self.low <= numbers) & (numbers < self.high))
        inside += 0.5 * ((self.low < numbers) & (numbers <= self.high))
        return inside * self.factor


# --- cycles ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Wave(Formula):
    """The sine and the cosine of a position in a cycle; 0 for a missing position.

    Attributes
    ----------
    cycle : str
    scale : float
        The angle that belongs to a position of 1.
    seconds : float
        The seconds in which the position moves by 1; infinity if it jumps from day to day.
    """

    cycle: str
    scale: float
    seconds: float

    @property
    def n_inputs(self) -> int:
        """A sine and a cosine."""
        return 2

    @property
    def descriptions(self) -> tuple[InputDescription, ...]:
        """The sine and the cosine of position * scale."""
        names = [f"{self.cycle}_{function}" for function in ("sin", "cos")]
        return tuple([InputDescription(f"_{name}", "date", name, scale=self.scale) for name in names])

    def encode(self, values: Array, dtype: DType, names: Sequence[str]) -> Array:
        """Return the sine and the cosine of positions."""
        angle = values * self.scale
        return np.nan_to_num(np.hstack([np.sin(angle), np.cos(angle)]))

    def slopes(self, values: Array) -> Array:
        """Return the derivatives by seconds, (n, 2)."""
        sine, cosine = self.encode(values, values.dtype, ()).T
        return np.stack([cosine, -sine], axis=1) * self.scale / self.seconds


# --- several columns -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PlacedFormula:
    """A formula, stacked or not, the arguments that it takes, and its inputs.

    Attributes
    ----------
    formula : Formula
    columns : ndarray of ints, of shape (d,)
        The indices of its arguments among those of all formulas: see `sknet._tables.encoder`.
    inputs : ndarray of ints, of shape (m,)
        The indices of its inputs among those of the network.
    """

    formula: Formula
    columns: NDArray[np.intp]
    inputs: NDArray[np.intp]

    @cached_property
    def _positions(self) -> Positions:
        return as_slice_if_adjacent(self.inputs)

    @cached_property
    def _takes_first_arguments(self) -> bool:
        """Whether it takes the first d arguments in their order, as a formula of all arguments does."""
        return np.array_equal(self.columns, np.arange(len(self.columns)))

    def encode_into(self, numbers: Array, out: Array, names: Sequence[str]) -> None:
        """Write the inputs of n rows, given the arguments of all formulas, into `out`, which has all inputs."""
        if not (self._takes_first_arguments and len(self.columns) == numbers.shape[1]):
            numbers, names = numbers[:, self.columns], [names[k] for k in self.columns]
        out[:, self._positions] = self.formula.encode(numbers, out.dtype, names)


def as_slice_if_adjacent(inputs: NDArray[np.intp]) -> Positions:
    """Return the indices of inputs as a slice if they are adjacent: writing to a slice is faster than to an array."""
    return slice(int(inputs[0]), int(inputs[-1]) + 1) if (np.diff(inputs) == 1).all() else inputs


def stack_formulas(columns: Iterable[tuple[Iterable[Formula], Iterable[int]]]) -> list[PlacedFormula]:
    """Stack the formulas that take each of d columns, given with an iterable of the indices of their inputs."""
    groups: dict[Hashable, tuple[list[Formula], list[int], list[int]]] = defaultdict(lambda: ([], [], []))
    for k, (formulas, inputs) in enumerate(columns):
        remaining = iter(inputs)
        for formula in formulas:
            key = (formula, k) if formula.stack_key is None else (type(formula), *formula.stack_key)
            group_formulas, group_columns, group_inputs = groups[key]
            group_formulas.append(formula)
            group_columns.append(k)
            group_inputs.extend(islice(remaining, formula.n_inputs))
    return [
        PlacedFormula(type(formulas[0]).stack(formulas), np.array(columns), np.array(inputs))
        for formulas, columns, inputs in groups.values()
    ]
