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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sknet._tables.columns import ColumnSettings, InputFacts
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
    found = _quantiles(V, levels.ravel(), None if weight is None else np.asarray(weight, dtype=np.float64))
    return found.reshape(levels.shape)[()]


def _quantiles(V: Array, q: Array, weight: Array | None) -> Array:
    """Quantiles of every line of V, (d, len(q)) in float64."""
    share = np.maximum(q - SLACK, SLACK)
    V, at = _plain_places(V, share) if weight is None else _weighted_places(V, share, weight)
    return np.take_along_axis(V, at, axis=1).astype(np.float64)


def _plain_places(V: Array, share: Array) -> tuple[Array, NDArray[np.intp]]:
    """Sort each line, NaN last, and say where the shares of its observed values end.

    For three quantiles of 784 lines of 10,000, a partition takes three times as long as this sort, which is vectorised.
    """
    V = np.sort(V, axis=1)
    observed = V.shape[1] - np.isnan(V).sum(axis=1, keepdims=True)
    at = np.ceil(share * observed).astype(np.intp) - 1
    return V, np.maximum(at, 0)


def _weighted_places(V: Array, share: Array, weight: Array) -> tuple[Array, NDArray[np.intp]]:
    """Sort each line, NaN last, and say where the shares of its observed weight end."""
    order = np.argsort(V, axis=1)
    V = np.take_along_axis(V, order, axis=1)
    reached = np.cumsum(np.where(np.isnan(V), 0.0, weight[order]), axis=1)
    bars = share * reached[:, -1:]
    at = np.empty(bars.shape, dtype=np.intp)
    for j, line in enumerate(reached):
        at[j] = np.searchsorted(line, bars[j])
    return V, np.minimum(at, V.shape[1] - 1)


def weighted_moments(V: Array, weight: Array | None) -> tuple[Array, Array]:
    """Weighted mean and standard deviation of every line of V; (0, 0) for a line without a value.

    Each line is first brought to magnitude one by a power of two, so that neither the largest nor the smallest
    numbers overflow or vanish on being squared. A constant line has its value as mean and exactly 0 as deviation.
    """
    V = np.asarray(V, dtype=np.float64)
    observed = ~np.isnan(V)
    filled = np.where(observed, V, 0.0)
    exponent = np.frexp(np.abs(filled).max(axis=1, initial=0.0))[1]
    U = np.ldexp(filled, -exponent[:, None])
    W = observed * (1.0 if weight is None else np.asarray(weight, dtype=np.float64))
    total = np.maximum(W.sum(axis=1), np.finfo(np.float64).tiny)
    mean = (W * U).sum(axis=1) / total
    deviation = np.sqrt((W * (U - mean[:, None]) ** 2).sum(axis=1) / total)
    low, high = _range(V, observed)
    constant = ~(low < high)
    return np.where(constant, low, np.ldexp(mean, exponent)), np.where(constant, 0.0, np.ldexp(deviation, exponent))


def _range(V: Array, observed: NDArray[np.bool_]) -> tuple[Array, Array]:
    """Smallest and largest value of every line; (0, 0) for a line without a value."""
    empty = ~observed.any(axis=1)
    low = np.where(observed, V, np.inf).min(axis=1, initial=np.inf)
    high = np.where(observed, V, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(empty, 0.0, low), np.where(empty, 0.0, high)


def inverse(spread: Array) -> Array:
    """1/spread, the largest number there is where that overflows, and 0 for a spread of 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(spread > 0, np.minimum(1.0 / spread, LARGEST), 0.0)


def _robust(V: Array, weight: Array | None) -> tuple[Array, Array]:
    """Median and 1/(quartile range); halves keep it from overflowing."""
    first, median, third = np.nan_to_num(_quantiles(V, np.array([0.25, 0.5, 0.75]), weight)).T
    half = third / 2 - first / 2
    coincide = half <= 0
    scale: Array = 0.5 * inverse(half)
    scale[coincide] = 0.5 * inverse(_distance(V[coincide], median[coincide], weight))
    return median, scale


def _distance(V: Array, median: Array, weight: Array | None) -> Array:
    """Half the median distance from each line's median, over the values that differ from it; 0 where none does.

    Where the quartiles coincide, most rows share one value, zero perhaps. The range of the others would be as wide as
    the farthest of them, and leave the rest no room.
    """
    distances = np.abs(V / 2 - median.astype(V.dtype)[:, np.newaxis] / 2)
    distances[distances == 0] = np.nan
    return np.nan_to_num(_quantiles(distances, np.array([0.5]), weight))[:, 0]


def _standard(V: Array, weight: Array | None) -> tuple[Array, Array]:
    mean, deviation = weighted_moments(V, weight)
    return mean, inverse(deviation)


def _as_is(V: Array, weight: Array | None) -> tuple[Array, Array]:
    mean, _ = weighted_moments(V, weight)
    observed = np.count_nonzero(~np.isnan(V), axis=1)
    return mean, (observed > 0).astype(np.float64)


@dataclass(frozen=True)
class _Method:
    """A way to scale numbers: how centres and scales are learnt, and what is done with them."""

    learn: Callable[[Array, Array | None], tuple[Array, Array]]
    clip: bool
    shift: bool


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


def row_blocks(n: int, d: int) -> list[slice]:
    """Cut n rows of d columns into blocks of about `BLOCK` values."""
    starts = range(0, n, max(1, BLOCK // max(d, 1)))
    return list(map(slice, starts, [*starts[1:], n]))


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
    for rows in row_blocks(*X.shape):
        if not np.isfinite(X[rows]).all():
            refuse_infinite(X[rows] if numbers is None else np.where(numbers, X[rows], 0.0), name_of)
            missing |= np.isnan(X[rows]).any(axis=0)
    return missing


def learn_numbers(
    X: Array, columns: NDArray[np.intp] | None, missing: Array, settings: ColumnSettings
) -> list[NumberColumn]:
    """Learn the columns of a matrix, block by block.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Numbers, NaN where one is missing; it may lie in a file, and is never copied as a whole.
    columns : ndarray of ints, or None
        Which columns of X; None is all.
    missing : ndarray of bool, of shape (d,)
        Which of all columns have missing values, and get an indicator.
    settings : ColumnSettings
        `input_scaling` is a key of `METHODS`: median and quartile range with a smooth clip; mean and standard
        deviation; or nothing.

    Returns
    -------
    list of NumberColumn
    """
    method, found = METHODS[settings.input_scaling], []
    dtype = np.float32 if X.dtype == np.float32 else np.float64
    positions = np.arange(X.shape[1]) if columns is None else columns
    # few columns beside the table, but not so few that it is gone through too often
    width = max(1, LEARNT_BLOCK // max(len(X), 1), len(positions) // MOST_READS)
    for start in range(0, len(positions), width):
        block = positions[start : start + width]
        read = slice(start, start + width) if columns is None else block  # a slice is read faster
        V = np.array(X[:, read].T, dtype=dtype, order="C")
        center, scale = method.learn(V, settings.weight)
        for c, s, flag in zip(center.tolist(), scale.tolist(), missing[block].tolist(), strict=True):
            found.append(NumberColumn(c, s, method.clip, method.shift, flag))
    return found


def learn_sparse(X: Table, settings: ColumnSettings) -> list[NumberColumn]:
    """Learn the columns of a CSR matrix, which are never shifted.

    Each is divided by its root mean square, zeros included; by 1 if all its values are 0, or without scaling.
    """
    if settings.input_scaling is None:
        return [NumberColumn(0.0, 1.0, False, False)] * X.shape[1]  # one value for all: there may be very many
    return [NumberColumn(0.0, factor, False, False) for factor in _sparse_scale(X, settings.weight).tolist()]


def _sparse_scale(X: Table, weight: Array | None) -> Array:
    """1 over the root mean square of every column."""
    n, d = X.shape
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    w = np.ones(n) if weight is None else weight
    exponent = _column_exponents(X)
    parts = np.ldexp(X.data.astype(np.float64), -exponent[X.indices])
    squares = np.bincount(X.indices, weights=np.repeat(w, np.diff(X.indptr)) * parts**2, minlength=d)
    rms = np.ldexp(np.sqrt(squares / w.sum()), exponent)
    return np.where(rms > 0, inverse(rms), 1.0)


def _column_exponents(X: Table) -> NDArray[np.intc]:
    """Binary exponent of the largest magnitude in each column of a CSR matrix."""
    peak = np.zeros(X.shape[1])
    np.maximum.at(peak, X.indices, np.abs(X.data.astype(np.float64)))
    return np.frexp(peak)[1]
