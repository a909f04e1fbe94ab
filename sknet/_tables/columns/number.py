"""A column of numbers as one scaled input, and one more that marks missing values; quantiles and moments with weights.

Conventions
-----------
n rows, d columns. NaN is a missing value and counts nowhere.

X, Z : (n, d)            values as they come, and scaled
V : (d, n)               a block of columns, one per line, so that what is sorted or added up lies side by side
weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
center, scale : (d,)     float64
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknet._tables.columns import InputFacts
from sknet._tables.columns.moments import Moments, moments_of
from sknet._tables.frames import number_values
from sknet._typing import Array, DType, Table

BLOCK = 2**16
"""How many values are scaled in one piece, so that they stay in the processor's cache."""

LEARNT_BLOCK = 2**19
"""How many values of a table are looked at in one piece while its scaling is learnt, if it is not tall."""

MOST_READS = 16
"""How often, at most, the rows of a tall table are gone through while its scaling is learnt."""

SLACK = 1e-10
"""A cumulated share of the weight has reached q when it is this near: rounding must not decide on the quantile."""

QUARTILES = np.array([0.25, 0.5, 0.75])

LARGEST = float(np.finfo(np.float64).max)

SATURATED = 1e9
"""Beyond this many scales the smooth clip is flat to the last bit; its squares are kept from overflowing."""

SINGLE_RANGE = (1e-30, 1e30)
"""Centres and scales in this range leave float32 room to subtract and multiply."""


def weighted_quantile(values: ArrayLike, q: ArrayLike, weight: ArrayLike | None = None) -> Array:
    """Quantiles by the inverted distribution function: the first value whose cumulated weight reaches q.

    Parameters
    ----------
    values : array-like of shape (n,)
        The sample; NaN is ignored.
    q : float or array-like of floats
        Levels in [0, 1].
    weight : array-like of shape (n,), default=None
        Sample weights. None is ones.

    Returns
    -------
    float or ndarray
        Values of the sample, in the shape of `q`; NaN if the sample is empty.
    """
    levels = np.asarray(q, dtype=np.float64)
    V = np.asarray(values, dtype=np.float64).reshape(1, -1)
    if V.size == 0:
        return np.full(levels.shape, np.nan)[()]
    block = Block(V, None if weight is None else np.asarray(weight, dtype=np.float64))
    found = block.quantiles(levels.ravel())
    return found.reshape(levels.shape)[()]


def quantiles_of(distinct: Array, share: Array, q: Array) -> Array:
    """Quantiles of values that are known with their weights; NaN where there is none."""
    if not len(distinct):
        return np.full(len(q), np.nan)
    reached = np.cumsum(share)
    return distinct[np.minimum(np.searchsorted(reached, (q - SLACK) * reached[-1]), len(distinct) - 1)]


def distinct_values(values: Array, weight: Array | None) -> tuple[Array, Array]:
    """Find the different values of a column, in float64, and the weight of each; NaN is none."""
    observed = ~np.isnan(values)
    if weight is None:
        distinct, share = np.unique(values[observed], return_counts=True)
    else:
        distinct, place = np.unique(values[observed], return_inverse=True)
        share = np.bincount(place, weights=weight[observed], minlength=len(distinct))
    return distinct.astype(np.float64), share


Wanted = Callable[[Array, Array], Array]
"""(different values, the weight of each) -> those of them that something is learnt from."""


class Statistics(Protocol):
    """What scales are learnt from: d columns in memory, or what has been put together about their parts."""

    def quantiles(self, q: Array) -> Array:
        """Return quantiles by the inverted distribution function, (d, len(q)) in float64; NaN without a value."""

    def half_distances(self, where: NDArray[np.bool_], median: Array) -> Array:
        """Return half the median distance from the medians of some columns; see `halved`."""

    def moments(self) -> Moments:
        """Return means, deviations and ranges."""

    def distributions(self, wanted: Wanted) -> Iterable[tuple[Array, Array]]:
        """Return each column's different values and their weights, exact where `wanted` finds values."""


@dataclass(frozen=True, eq=False)
class Block:
    """Columns in memory, one per line of V, and their sample weights."""

    V: Array
    weight: Array | None

    def quantiles(self, q: Array) -> Array:
        """Sort the lines, NaN last, and find where the shares of their observed weight end."""
        share = np.maximum(q - SLACK, SLACK)
        if self.weight is None:
            # for three quantiles of 784 lines of 10,000, a partition takes three times as long as this vectorised sort
            V = np.sort(self.V, axis=1)
            observed = V.shape[1] - np.isnan(V).sum(axis=1, keepdims=True)
            at = np.maximum(np.ceil(share * observed).astype(np.intp) - 1, 0)
        else:
            order = np.argsort(self.V, axis=1)
            V = np.take_along_axis(self.V, order, axis=1)
            reached = np.cumsum(np.where(np.isnan(V), 0.0, self.weight[order]), axis=1)
            bars = share * reached[:, -1:]
            at = np.empty(bars.shape, dtype=np.intp)
            for j, line in enumerate(reached):
                at[j] = np.searchsorted(line, bars[j])
            at = np.minimum(at, V.shape[1] - 1)
        return np.take_along_axis(V, at, axis=1).astype(np.float64)

    def half_distances(self, where: NDArray[np.bool_], median: Array) -> Array:
        """Return half the median distance from the medians of some lines; 0 where no value differs from it."""
        distances = halved(self.V[where], median[where])
        return np.nan_to_num(Block(distances, self.weight).quantiles(np.array([0.5])))[:, 0]

    def moments(self) -> Moments:
        """Return means, deviations and ranges."""
        return moments_of(self.V, self.weight)

    def distributions(self, wanted: Wanted) -> Iterable[tuple[Array, Array]]:
        """Return each line's different values and their weights."""
        return (distinct_values(line, self.weight) for line in self.V)


def inverse(spread: Array) -> Array:
    """1/spread, the largest number there is where that overflows, and 0 for a spread of 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(spread > 0, np.minimum(1.0 / spread, LARGEST), 0.0)


def halved(V: Array, median: Array) -> Array:
    """Half the distance of each value from its line's median; NaN for values that equal it.

    Where the quartiles coincide, most rows share one value, zero perhaps. The range of the others would be as wide as
    the farthest of them, and leave the rest no room.
    """
    distances = np.abs(V / 2 - median.astype(V.dtype)[:, np.newaxis] / 2)
    distances[distances == 0] = np.nan
    return distances


def _robust(columns: Statistics) -> tuple[Array, Array]:
    """Median and 1/(quartile range); halves keep it from overflowing."""
    first, median, third = np.nan_to_num(columns.quantiles(QUARTILES)).T
    half = third / 2 - first / 2
    coincide = half <= 0
    scale: Array = 0.5 * inverse(half)
    if coincide.any():
        scale[coincide] = 0.5 * inverse(columns.half_distances(coincide, median))
    return median, scale


def _standard(columns: Statistics) -> tuple[Array, Array]:
    mean, deviation = columns.moments().settled
    return mean, inverse(deviation)


def _as_is(columns: Statistics) -> tuple[Array, Array]:
    moments = columns.moments()
    return moments.settled[0], moments.observed.astype(np.float64)


@dataclass(frozen=True)
class _Method:
    """A way to scale numbers: how centres and scales are learnt, and what is done with them."""

    learn: Callable[[Statistics], tuple[Array, Array]]
    clip: bool
    shift: bool

    def columns(self, statistics: Statistics, missing: Array) -> list[NumberColumn]:
        """Learn columns from their statistics, and which of them have missing values."""
        center, scale = self.learn(statistics)
        triples = zip(center.tolist(), scale.tolist(), missing.tolist(), strict=True)
        found = []
        for c, s, flag in triples:
            found.append(NumberColumn(c, s, self.clip, self.shift, flag))
        return found


METHODS: dict[str | None, _Method] = {
    "robust": _Method(_robust, clip=True, shift=True),
    "standard": _Method(_standard, clip=False, shift=True),
    None: _Method(_as_is, clip=False, shift=False),
}
"""What `input_scaling` may name."""


# --- scaling ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class ColumnScaler:
    """What is subtracted from each of d columns and what it is multiplied by.

    Attributes
    ----------
    center : ndarray of shape (d,)
    scale : ndarray of shape (d,)
    clip, shift : bool
        As in `NumberColumn`.
    single : bool
        Whether float32 can do this arithmetic without loss of range.
    """

    center: Array
    scale: Array
    clip: bool
    shift: bool
    single: bool

    def scale_into(self, values: Array, out: Array) -> bool:
        """Write the scaled values into `out`, which may be `values`; tell whether all went without trouble.

        Missing values are imputed. Infinite ones end at the clip, or stay what they are without one. Either is
        trouble, and so is a result that `out` cannot hold: the caller says which, if it matters.
        """
        # where float32 has not the range, float64 does it, and the result is rounded once
        Z = out if self.single or out.dtype != np.float32 else np.empty(out.shape)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.shift:
                # float64 less a float64 centre, then rounded: an offset of the column costs no digits
                precise = Z.dtype if values.dtype == Z.dtype else np.dtype(np.float64)
                np.subtract(values, self.center.astype(precise, copy=False), out=Z, casting="same_kind")
            else:
                np.copyto(Z, values, casting="same_kind")
            easy = bool(np.isfinite(Z).all())  # most tables have no missing values: one pass says so
            if not easy:
                self._mend(Z)
            Z *= self.scale.astype(Z.dtype, copy=False)
            if self.clip:
                smooth_clip(Z)
            if Z is not out:
                out[...] = Z
        return easy and ((self.clip and Z is out) or bool(np.isfinite(out).all()))

    def scaled_sparse(self, X: Table, dtype: DType) -> Table:
        """Return a CSR matrix of the values times their columns' scales."""
        with np.errstate(over="ignore"):
            Z = X.astype(dtype, copy=True)
            if self.single:
                Z.data *= self.scale.astype(dtype)[Z.indices]
            else:  # as in `scale_into`
                Z.data = (X.data * self.scale[X.indices]).astype(dtype)
        return Z

    def _mend(self, out: Array) -> None:
        """Impute what is missing; make what overflowed large, so that a factor of 0 still gives 0."""
        missing = np.isnan(out)
        np.copyto(out, 0.0 if self.shift else self.center, where=missing, casting="same_kind")
        if self.clip:
            largest = np.finfo(out.dtype).max
            np.clip(out, -largest, largest, out=out)


def smooth_clip(Z: Array) -> None:
    """Replace z by z/sqrt(1 + (z/3)**2), in place."""
    np.clip(Z, -SATURATED, SATURATED, out=Z)
    root = Z * Z
    root += 9.0
    np.sqrt(root, out=root)
    Z /= root
    Z *= 3.0


# --- the column ------------------------------------------------------------------------------------------------------


class OneNumber:
    """What the kinds of column have in common that become one number, and maybe an indicator of missing values."""

    __slots__ = ()
    has_missing_indicator: bool

    @property
    def n_inputs(self) -> int:
        """1, or 2 with the indicator."""
        return 1 + self.has_missing_indicator

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return ("", "_missing") if self.has_missing_indicator else ("",)


@dataclass(frozen=True, slots=True)
class NumberColumn(OneNumber):
    """The inputs that a column of numbers becomes: the scaled number, and maybe an indicator of missing values.

    Attributes
    ----------
    center : float
        Weighted median or mean of the observed values; what a missing value stands for. 0 where nothing was observed.
    scale : float
        The factor; 0 for a column that says nothing.
    clip : bool
        Whether z becomes z/sqrt(1 + (z/3)**2): outliers end at ±3.
    shift : bool
        Whether the centre is subtracted. With it a missing value becomes 0, without it the centre.
    has_missing_indicator : bool
        Whether a second input is 1 where the value is missing: there were missing values in training.
    """

    center: float
    scale: float
    clip: bool = False
    shift: bool = True
    has_missing_indicator: bool = False

    @property
    def inputs(self) -> tuple[InputFacts, ...]:
        """What each input is: the scaled number, and 1 where it is missing."""
        number = InputFacts("number", None, centre=self.center, scale=self.scale)
        return (number, InputFacts("missing")) if self.has_missing_indicator else (number,)

    def write(self, values: Table, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, of shape (n, n_inputs)."""
        numbers = number_values(values, name)[:, np.newaxis]  # (n, 1)
        scaled = np.empty(numbers.shape, out.dtype)
        out[:, :1] = scale_or_refuse(stacked([self]), numbers, scaled, lambda _: name)
        out[:, 1:] = np.isnan(numbers)  # into no column, where there is no indicator

    def slopes(self, values: Table, name: str) -> Array:
        """Return the derivatives of the inputs, (n, n_inputs): an indicator's is 0."""
        numbers = np.asarray(number_values(values, name), dtype=np.float64)
        z = np.clip((numbers - self.center) * self.scale, -SATURATED, SATURATED)
        found = np.zeros((len(z), self.n_inputs))
        found[:, 0] = self.scale * (1.0 + (z / 3.0) ** 2) ** -1.5 if self.clip else self.scale
        found[np.isnan(numbers)] = 0.0
        return found


def stacked(columns: Sequence[NumberColumn]) -> ColumnScaler:
    """Put columns that were learnt together side by side, to be scaled at once."""
    center, scale = np.empty(len(columns)), np.empty(len(columns))
    for j, column in enumerate(columns):
        center[j], scale[j] = column.center, column.scale
    low, high = SINGLE_RANGE
    factors = scale[scale != 0]
    single = np.all(factors > low) and np.all(factors < high) and np.all(np.abs(center) < high)
    first = columns[0] if columns else NumberColumn(0.0, 0.0)
    return ColumnScaler(center, scale, first.clip, first.shift, bool(single))


def scale_or_refuse(scaler: ColumnScaler, values: Array, out: Array, name_of: Callable[[int], str]) -> Array:
    """Write scaled values into `out` and return it; a ValueError names a column with infinite or too large values."""
    if not scaler.scale_into(values, out):
        refuse_infinite(values, name_of)
        _refuse_overflow(out, name_of)
    return out


def refuse_infinite(values: Array, name_of: Callable[[int], str]) -> None:
    """Raise a ValueError that names the first column with an infinite value."""
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        raise ValueError(
            f"Column {name_of(int(np.argmax(infinite)))!r} of X contains infinity: replace it by a finite number, "
            "or by NaN if it stands for a missing value."
        )


def _refuse_overflow(out: Array, name_of: Callable[[int], str]) -> None:
    excessive = ~np.isfinite(out).all(axis=0)
    if excessive.any():
        refuse_excessive(name_of(int(np.argmax(excessive))), out.dtype)


def refuse_excessive(name: str, dtype: DType) -> NoReturn:
    """Raise for a column with values that a type of floats cannot hold."""
    raise ValueError(
        f"Column {name!r} of X holds values too large for {dtype}: divide it by a number of its magnitude, set "
        "input_scaling='robust', or set dtype='float64'."
    )


# --- learning --------------------------------------------------------------------------------------------------------


def missing_columns(X: Array, name_of: Callable[[int], str], numbers: NDArray[np.bool_] | None = None) -> Array:
    """Which columns of an array have missing values, (d,); infinite values are refused, in `numbers` if given."""
    missing = np.zeros(X.shape[1], dtype=bool)
    height = max(1, BLOCK // max(X.shape[1], 1))
    for start in range(0, len(X), height):
        rows = slice(start, start + height)
        if not np.isfinite(X[rows]).all():
            refuse_infinite(X[rows] if numbers is None else np.where(numbers, X[rows], 0.0), name_of)
            missing |= np.isnan(X[rows]).any(axis=0)
    return missing
