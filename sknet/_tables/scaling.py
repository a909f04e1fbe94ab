"""Scaling that counts weights: columns of numbers into what a network likes to be fed, and regression targets.

Conventions
-----------
n rows, d columns, k targets. NaN is a missing value and counts nowhere.

X, Z : (n, d)            values as they come, and scaled
V : (d, n)               a block of columns, one a line, so that what is sorted or added up lies side by side
weight : (n,) or None    positive; a row of weight 2 is two rows, None is ones
center, scale : (d,)     float64
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

Floats = NDArray[np.floating[Any]]
Array = NDArray[Any]

BLOCK = 2**19
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


def weighted_quantile(values: ArrayLike, q: ArrayLike, weight: ArrayLike | None = None) -> Any:
    """Quantiles by the inverted distribution function: the first value whose cumulated weight reaches q.

    Parameters
    ----------
    values : array-like of shape (n,)
        The sample; NaN is ignored.
    q : float or array-like of floats
        Levels in [0, 1].
    weight : array-like of shape (n,), default=None
        How often each value counts. None is once each.

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


def _quantiles(V: Floats, q: Floats, weight: Floats | None) -> Floats:
    """Quantiles of every line of V, (d, len(q)) in float64."""
    share = np.maximum(q - SLACK, SLACK)
    V, at = _plain_places(V, share) if weight is None else _weighted_places(V, share, weight)
    return np.take_along_axis(V, at, axis=1).astype(np.float64)


def _plain_places(V: Floats, share: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Sort each line, NaN last, and say where the shares of its observed values end."""
    V = np.sort(V, axis=1)
    observed = V.shape[1] - np.isnan(V).sum(axis=1, keepdims=True)
    at = np.ceil(share * observed).astype(np.intp) - 1
    return V, np.maximum(at, 0)


def _weighted_places(V: Floats, share: Floats, weight: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Sort each line, NaN last, and say where the shares of its observed weight end."""
    order = np.argsort(V, axis=1)
    V = np.take_along_axis(V, order, axis=1)
    reached = np.cumsum(np.where(np.isnan(V), 0.0, weight[order]), axis=1)
    bars = share * reached[:, -1:]
    at = [np.searchsorted(line, bar) for line, bar in zip(reached, bars, strict=True)]
    return V, np.minimum(np.array(at, dtype=np.intp), V.shape[1] - 1)


def weighted_moments(V: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
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


def _range(V: Floats, observed: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Smallest and largest value of every line; (0, 0) for a line without a value."""
    empty = ~observed.any(axis=1)
    low = np.where(observed, V, np.inf).min(axis=1, initial=np.inf)
    high = np.where(observed, V, -np.inf).max(axis=1, initial=-np.inf)
    return np.where(empty, 0.0, low), np.where(empty, 0.0, high)


def _inverse(spread: Floats) -> Floats:
    """1/spread, the largest number there is where that overflows, and 0 for a spread of 0."""
    with np.errstate(divide="ignore", over="ignore"):
        return np.where(spread > 0, np.minimum(1.0 / spread, LARGEST), 0.0)


def _robust(V: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    """Median, and 1/(quartile range); 2/(max - min) where the quartiles coincide; halves keep it from overflowing."""
    found = _quantiles(V, np.array([0.0, 0.25, 0.5, 0.75, 1.0]), weight)
    low, first, median, third, high = np.nan_to_num(found).T
    quartiles, full = third / 2 - first / 2, high / 2 - low / 2
    scale: Floats = np.where(quartiles > 0, 0.5 * _inverse(quartiles), _inverse(full))
    return median, scale


def _standard(V: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    mean, deviation = weighted_moments(V, weight)
    return mean, _inverse(deviation)


def _as_is(V: Floats, weight: Floats | None) -> tuple[Floats, Floats]:
    mean, _ = weighted_moments(V, weight)
    observed = np.count_nonzero(~np.isnan(V), axis=1)
    return mean, (observed > 0).astype(np.float64)


_METHODS: dict[str | None, Callable[[Floats, Floats | None], tuple[Floats, Floats]]] = {
    "robust": _robust,
    "standard": _standard,
    None: _as_is,
}


@dataclass(frozen=True, eq=False)
class ColumnScaler:
    """What is subtracted from each column and what it is multiplied by.

    Attributes
    ----------
    center : ndarray of shape (d,)
        Weighted median or mean of the observed values; what a missing value stands for. 0 where nothing was observed.
    scale : ndarray of shape (d,)
        The factor; 0 for a column that says nothing.
    clip : bool
        Whether z becomes z/sqrt(1 + (z/3)**2): outliers end at ±3.
    shift : bool
        Whether the centre is subtracted. With it a missing value becomes 0, without it the centre.
    single : bool
        Whether float32 can do this arithmetic without loss of range; found out, not given.
    """

    center: Floats
    scale: Floats
    clip: bool = False
    shift: bool = True
    single: bool = field(init=False)

    def __post_init__(self) -> None:
        low, high = SINGLE_RANGE
        factors = self.scale[self.scale != 0]
        fits = np.all(factors > low) and np.all(factors < high) and np.all(np.abs(self.center) < high)
        object.__setattr__(self, "single", bool(fits))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ColumnScaler):
            return NotImplemented
        arrays = np.array_equal(self.center, other.center) and np.array_equal(self.scale, other.scale)
        return arrays and (self.clip, self.shift) == (other.clip, other.shift)

    __hash__ = None  # type: ignore[assignment]

    def column(self, j: int) -> ColumnScaler:
        """Give the scaler of one column, for matrices of shape (n, 1)."""
        return ColumnScaler(self.center[j : j + 1], self.scale[j : j + 1], self.clip, self.shift)

    def apply(self, Z: Floats) -> Floats:
        """Scale a float matrix in place and return it."""
        self.scale_into(Z, Z)
        return Z

    def scale_into(self, values: Array, out: Floats) -> bool:
        """Write the scaled values into `out`, which may be `values`; tell whether all went without trouble.

        Missing values are imputed. Infinite ones end at the clip, or stay what they are without one. Either is
        trouble, and so is a result that `out` cannot hold: the caller says which, if it matters.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            if self.single or out.dtype != np.float32:
                return self._scale(values, out)
            Z = np.empty(out.shape)
            easy = self._scale(values, Z)
            out[...] = Z
        return easy and all_finite(out)

    def _scale(self, values: Array, out: Floats) -> bool:
        if self.shift:
            precise = out.dtype if values.dtype == out.dtype else np.dtype(np.float64)
            np.subtract(values, self.center.astype(precise, copy=False), out=out, casting="same_kind")
        else:
            np.copyto(out, values, casting="same_kind")
        easy = all_finite(out)
        if not easy:
            self._mend(out)
        out *= self.scale.astype(out.dtype, copy=False)
        if self.clip:
            smooth_clip(out)
        return easy and (self.clip or all_finite(out))

    def _mend(self, out: Floats) -> None:
        """Impute what is missing; make what overflowed large, so that a factor of 0 still gives 0."""
        missing = np.isnan(out)
        np.copyto(out, 0.0 if self.shift else self.center, where=missing, casting="same_kind")
        if self.clip:
            largest = np.finfo(out.dtype).max
            np.clip(out, -largest, largest, out=out)


def all_finite(values: Array) -> bool:
    """Whether there is neither NaN nor infinity among the values."""
    return bool(np.isfinite(values).all())


def smooth_clip(Z: Floats) -> None:
    """Replace z by z/sqrt(1 + (z/3)**2), in place."""
    np.clip(Z, -SATURATED, SATURATED, out=Z)
    root = Z * Z
    root += 9.0
    np.sqrt(root, out=root)
    Z /= root
    Z *= 3.0


def _block_width(n: int, d: int) -> int:
    """How many columns of n rows are read at once: few beside the table, but not so few that it is read too often."""
    return max(1, BLOCK // max(n, 1), d // MOST_READS)


def learn_scaler(
    X: Any, method: str | None, weight: ArrayLike | None = None, columns: NDArray[np.intp] | None = None
) -> ColumnScaler:
    """Learn how to scale the columns of a matrix, block by block of columns.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
        Numbers; NaN is ignored. A memory-mapped array is never loaded as a whole.
    method : {"robust", "standard", None}
        Median and quartile range with a smooth clip; mean and standard deviation; or nothing. A sparse matrix is
        divided by the root mean square of its columns instead of the first two, and never shifted.
    weight : array-like of shape (n,), default=None
        How often each row counts.
    columns : ndarray of ints, default=None
        Which columns of a dense X; None is all.

    Returns
    -------
    ColumnScaler
    """
    w = None if weight is None else np.asarray(weight, dtype=np.float64)
    if issparse(X):
        return _learn_sparse(X, method, w)
    parts = [_METHODS[method](V, w) for V in _lines(X, columns)]
    return scaler_of(parts, method)


def scaler_of(parts: Sequence[tuple[Floats, Floats]], method: str | None) -> ColumnScaler:
    """Put the centres and scales of neighbouring columns together."""
    center = np.concatenate([np.empty(0), *(part[0] for part in parts)])
    scale = np.concatenate([np.empty(0), *(part[1] for part in parts)])
    return ColumnScaler(center, scale, clip=method == "robust", shift=method is not None)


def _lines(X: Array, columns: NDArray[np.intp] | None) -> Iterator[Floats]:
    """Blocks of columns as lines that lie side by side, in float32 where X is, else in float64."""
    dtype = np.float32 if X.dtype == np.float32 else np.float64
    d = X.shape[1] if columns is None else len(columns)
    width = _block_width(len(X), d)
    for block in (slice(start, start + width) for start in range(0, d, width)):
        yield np.array(X[:, block if columns is None else columns[block]].T, dtype=dtype, order="C")


def _learn_sparse(X: Any, method: str | None, weight: Floats | None) -> ColumnScaler:
    """Root mean square of every column, zeros included; 1 for a column of zeros."""
    n, d = X.shape
    center = np.zeros(d)
    if method is None:
        return ColumnScaler(center, np.ones(d), shift=False)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    w = np.ones(n) if weight is None else weight
    exponent = _column_exponents(X)
    parts = np.ldexp(X.data.astype(np.float64), -exponent[X.indices])
    squares = np.bincount(X.indices, weights=np.repeat(w, np.diff(X.indptr)) * parts**2, minlength=d)
    rms = np.ldexp(np.sqrt(squares / w.sum()), exponent)
    return ColumnScaler(center, np.where(rms > 0, _inverse(rms), 1.0), shift=False)


def _column_exponents(X: Any) -> NDArray[np.intc]:
    """Binary exponent of the largest magnitude in each column of a CSR matrix."""
    peak = np.zeros(X.shape[1])
    np.maximum.at(peak, X.indices, np.abs(X.data.astype(np.float64)))
    return np.frexp(peak)[1]


@dataclass(frozen=True, eq=False)
class TargetScaler:
    """The mean and the scale of every regression target.

    Attributes
    ----------
    mean : ndarray of shape (k,)
    scale : ndarray of shape (k,)
        The standard deviation; 1 for a constant target.
    """

    mean: Floats
    scale: Floats

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TargetScaler):
            return NotImplemented
        return np.array_equal(self.mean, other.mean) and np.array_equal(self.scale, other.scale)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def learn(cls, y: Floats, weight: ArrayLike | None = None, method: str | None = "standard") -> TargetScaler:
        """Learn from targets of shape (n, k); `method` None leaves them as they are."""
        if method is None:
            return cls(np.zeros(y.shape[1]), np.ones(y.shape[1]))
        w = None if weight is None else np.asarray(weight, dtype=np.float64)
        mean, deviation = weighted_moments(np.ascontiguousarray(y.T), w)
        return cls(mean, np.where(deviation > 0, deviation, 1.0))

    def encode(self, y: Floats, dtype: Any = np.float64) -> Floats:
        """Scale targets of shape (n, k)."""
        return ((y - self.mean) / self.scale).astype(dtype, copy=False)

    def decode(self, scaled: Floats, dtype: Any = None) -> Floats:
        """Bring scaled targets of shape (n, k) back to their own units, by default in their own float type."""
        return (scaled * self.scale + self.mean).astype(dtype or scaled.dtype, copy=False)
