"""Regression targets: parsed once into numbers, scaled, and brought back into their own units and shape.

Conventions
-----------
n rows, k regression targets.

y : (n,) or (n, k)       as the user gives it: array-like, Series, data frame
values : (n, k)          its numbers, float64
weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import check_array, column_or_1d

from sknet._tables.arrays import as_numbers, refuse_foreign
from sknet._tables.columns.statistics import mean_and_deviation
from sknet._tables.frames import as_pandas, is_frame
from sknet._typing import Array, Target


def read_regression_target(y: Target, *, warn: bool = True) -> tuple[Array, bool]:
    """Parse regression targets.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, k)
        Numbers; a column vector is taken as (n,).
    warn : bool, default=True
        Whether it then gives a `DataConversionWarning`.

    Returns
    -------
    values : ndarray of shape (n, k)
        In float64.
    flat : bool
        Whether y was of shape (n,).
    """
    if is_frame(y):
        refuse_foreign(y, "y")
        columns = [as_numbers(column, "y") for _, column in as_pandas(y).items()]
        y = np.column_stack(columns or [np.empty((len(y), 0))])
    given = y if type(y) is np.ndarray and y.dtype.kind in "fiu" else as_numbers(y, "y")
    if given.ndim not in (1, 2):
        raise ValueError(f"y has {given.ndim} dimensions, {given.shape}: give it the shape (n,) or (n, targets).")
    if len(given) == 0:
        raise ValueError("y is empty: pass a target for each row of X.")
    if given.size == 0:
        raise ValueError("y has no columns: give it the shape (n,) or (n, targets).")
    with np.errstate(over="ignore"):
        wrong = np.flatnonzero(~np.isfinite(given.astype(np.float64).reshape(len(given), -1)).all(axis=1))
    if wrong.size:
        what = "NaN" if np.isnan(given[wrong[0]]).any() else "infinity or a value too large for dtype('float64')"
        raise ValueError(f"Input y contains {what}, in row {wrong[0]}: leave such rows out, or give them a number.")
    values: Array = check_array(given, ensure_2d=False, dtype=np.float64, input_name="y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=warn)
    flat = values.ndim == 1
    return values[:, np.newaxis] if flat else values, flat


def restore_shape(values: Array, flat: bool) -> Array:
    """Give targets of shape (n, k) the shape that y had."""
    return values[:, 0] if flat else values


FLOAT32_SCALES = (1e-30, 1e30)
"""Targets of a scale in this range leave float32 room for a few thousand scales, or a thousandth of one."""

FLOAT32_OFFSET = 1000.0
"""From a mean of so many scales on, more than three of float32's seven digits are the same for all targets."""


@dataclass(frozen=True, eq=False)
class TargetScaler:
    """The mean and the scale of every regression target.

    Attributes
    ----------
    mean : ndarray of shape (k,)
    scale : ndarray of shape (k,)
        The standard deviation; 1 for a constant target.
    """

    mean: Array
    scale: Array

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TargetScaler):
            return NotImplemented
        return np.array_equal(self.mean, other.mean) and np.array_equal(self.scale, other.scale)

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def learn(cls, values: Array, method: str | None = "standard", weight: ArrayLike | None = None) -> TargetScaler:
        """Learn from targets of shape (n, k); `method` None leaves them as they are."""
        if method is None:
            return cls(np.zeros(values.shape[1]), np.ones(values.shape[1]))
        w = None if weight is None else np.asarray(weight, dtype=np.float64)
        mean, deviation = np.array([mean_and_deviation(column, w) for column in np.ascontiguousarray(values.T)]).T
        return cls(mean, np.where(deviation > 0, deviation, 1.0))  # a constant target is only shifted

    def encode(self, values: Array, dtype: DTypeLike = np.float64) -> Array:
        """Scale targets of shape (n, k)."""
        return ((values - self.mean) / self.scale).astype(dtype, copy=False)

    def decode(self, scaled: Array, dtype: DTypeLike | None = None) -> Array:
        """Bring scaled targets of shape (n, k) back to their own units, by default in their own float type.

        In float64 whatever the type, where float32 has not their precision or range.
        """
        own = np.dtype(dtype or scaled.dtype)
        return (scaled * self.scale + self.mean).astype(own if self.fits_float32 else np.float64, copy=False)

    @cached_property
    def fits_float32(self) -> bool:
        """Whether float32 tells targets apart that differ by a small part of their scale."""
        low, high = FLOAT32_SCALES
        inside = (self.scale > low) & (self.scale < high)
        return bool((inside & (np.abs(self.mean) < FLOAT32_OFFSET * self.scale)).all() or self.is_identity)

    @property
    def is_identity(self) -> bool:
        """Whether targets are left as they are."""
        return not self.mean.any() and bool((self.scale == 1.0).all())

    def __reduce__(self) -> tuple[type[TargetScaler], tuple[object, ...]]:
        return TargetScaler, (self.mean, self.scale)  # without what is found again from them


@dataclass(frozen=True)
class RegressionTarget:
    """Regression targets: their scaling, and the shape they came in.

    Attributes
    ----------
    flat : bool
        Whether y was of shape (n,), as predictions then are.
    scaler : TargetScaler
        Mean and scale of every target.
    """

    flat: bool
    scaler: TargetScaler

    @property
    def n_outputs(self) -> int:
        """How many targets there are."""
        return len(self.scaler.mean)

    def encode(self, values: Array, dtype: DTypeLike = np.float64) -> Array:
        """Scale targets of shape (n, k)."""
        self.refuse_other_number(values)
        return self.scaler.encode(values, dtype)

    def refuse_other_number(self, values: Array) -> None:
        """Raise where values have other columns than those that were learnt."""
        if values.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has {values.shape[1]} targets, but the regressor knows {self.n_outputs}: give as many columns."
            )

    def decode(self, scaled: Array, dtype: DTypeLike | None = None) -> Array:
        """Bring scaled targets of shape (n, k) back to the units and shape of y."""
        return restore_shape(self.scaler.decode(scaled, dtype), self.flat)


def learn_regression_target(
    values: Array, flat: bool, method: str | None = "standard", weight: ArrayLike | None = None
) -> RegressionTarget:
    """Learn how regression targets are scaled.

    Parameters
    ----------
    values : ndarray of shape (n, k)
        Numbers.
    flat : bool
        Whether y was of shape (n,).
    method : {"standard", None}
        Mean and standard deviation, or nothing.
    weight : array-like of shape (n,), default=None
        Sample weights, positive.

    Returns
    -------
    RegressionTarget
    """
    return RegressionTarget(flat, TargetScaler.learn(values, method, weight))
