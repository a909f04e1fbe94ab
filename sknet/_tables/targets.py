"""Regression targets: reading them, scaling them, and bringing predictions back to the units and shape of y.

Conventions
-----------
n rows, k regression targets.

y : (n,) or (n, k)       as the user passed it: array-like, Series, data frame
values : (n, k)          float64; of several targets, some may be missing in a row (NaN)
weight : (n,) or None    sample weights, positive; None is ones
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, DTypeLike
from sklearn.utils import column_or_1d

from sknet._tables.column import MIN_VALUES_TO_WARN
from sknet._tables.equality import EqualByFields
from sknet._tables.from_polars import as_pandas
from sknet._tables.raw_table import is_frame
from sknet._tables.read_arrays import as_numbers, check_readable_collection
from sknet._tables.statistics import FLOAT32_RANGE, mean_and_deviation
from sknet._typing import Array, Target

REMEDY = "Convert it first, or use SigmoidMLPClassifier for classes."
"""The remedy of an error about a target that is no number."""

LARGEST_TARGET = 1e300
"""The largest target. Predictions may be many scales away from the mean, and must be finite."""


def read_regression_target(y: Target, *, warn: bool = True) -> tuple[Array, bool]:
    """Return regression targets as numbers, (n, k), and whether y had the shape (n,) or was a column vector.

    Of several targets, some may be missing in a row. With `warn`, a column vector gives a `DataConversionWarning`.
    """
    if is_frame(y):
        check_readable_collection(y, "y")
        columns = [as_numbers(column, "y", REMEDY) for _, column in as_pandas(y).items()]
        y = np.column_stack(columns or [np.empty((len(y), 0))])
    numbers = as_numbers(y, "y", REMEDY)
    if numbers.ndim not in (1, 2) or numbers.size == 0:
        raise ValueError(f"y has shape {numbers.shape}: give it the shape (n,) or (n, targets), a row for each of X.")
    with np.errstate(over="ignore"):  # longer floats may become infinite
        values = np.asarray(numbers, dtype=np.float64)
    _check_targets_are_usable(values.reshape(len(values), -1))
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=warn)
    flat = values.ndim == 1
    return values[:, np.newaxis] if flat else values, flat


def _check_targets_are_usable(columns: Array) -> None:
    """Raise a ValueError for targets that are infinite or too large, and for rows without any target."""
    missing = np.isnan(columns)
    bad_rows = np.flatnonzero(np.isinf(columns).any(axis=1) | missing.all(axis=1))
    if bad_rows.size:
        row = bad_rows[0]
        what = "NaN" if missing[row].all() else "infinity or a value too large for dtype('float64')"
        raise ValueError(f"Input y contains {what}, in row {row}: leave such rows out.")
    largest = np.nanmax(np.abs(columns))
    if largest > LARGEST_TARGET:
        raise ValueError(
            f"y holds a value of magnitude {largest:g}, and predictions of such targets overflow: divide y, so that "
            f"none is beyond {LARGEST_TARGET:g}."
        )


def check_no_target_is_empty(values: Array) -> None:
    """Raise a ValueError for a target that is missing in every row."""
    empty = np.flatnonzero(np.isnan(values).all(axis=0))
    if empty.size:
        raise ValueError(f"y has no value in column {empty[0]}: leave that column out.")


def restore_shape(values: Array, flat: bool) -> Array:
    """Return targets of shape (n, k) in the shape that y had."""
    return values[:, 0] if flat else values


FAR_OFF_IN_SCALES = 10.0
"""At most 1% of the targets that a standard deviation was learnt from are so many of it from their mean (Chebyshev)."""

FLOAT32_OFFSET = 1000.0
"""If the mean is this many scales or more, more than three of float32's seven digits are the same in all targets. The
other digits are too few to tell targets apart."""


@dataclass(frozen=True, eq=False)
class TargetScaler(EqualByFields):
    """The mean and the scale of each regression target. Scaled targets are (values - mean) / scale.

    Attributes
    ----------
    mean : ndarray of shape (k,)
    scale : ndarray of shape (k,)
        The standard deviation, 1 for a constant target; or the mean, see `learn_mean_scale`.
    constants : tuple of float or None
        For each target its only value, which is always predicted, or None if it has several; () if all have several.
    """

    mean: Array
    scale: Array
    constants: tuple[float | None, ...] = ()

    def __post_init__(self) -> None:
        if self.mean.ndim != 1 or self.scale.shape != self.mean.shape or not (self.scale > 0.0).all():
            raise ValueError("the targets do not have one positive scale each")
        if len(self.constants) not in (0, len(self.mean)):
            raise ValueError("there is not a constant or None for each target")

    @classmethod
    def unscaled(cls, k: int) -> TargetScaler:
        """Return a scaler that does not change k targets."""
        return cls(np.zeros(k), np.ones(k))

    @classmethod
    def learn(cls, values: Array, weight: ArrayLike | None = None) -> TargetScaler:
        """Learn a scaler from targets, (n, k)."""
        w = None if weight is None else np.asarray(weight, dtype=np.float64)
        mean, deviation = np.array([mean_and_deviation(column, w) for column in np.ascontiguousarray(values.T)]).T
        return cls(mean, np.where(deviation > 0, deviation, 1.0))  # a constant target is only shifted

    @classmethod
    def learn_mean_scale(cls, values: Array, weight: ArrayLike | None) -> TargetScaler:
        """Learn a scaler that divides targets, which are 0 or more, by their means, and does not shift them."""
        mean = cls.learn(values, weight).mean
        return cls(np.zeros(len(mean)), np.where(mean > 0.0, mean, 1.0))

    def with_constants_of(self, values: Array) -> TargetScaler:
        """Return the scaler with the targets, (n, k), that have a single value in all rows where they are present."""
        low, high = (extreme.reduce(values, axis=0, initial=np.nan) for extreme in (np.fmin, np.fmax))
        if not np.equal(low, high).any():
            return replace(self, constants=())
        return replace(
            self,
            constants=tuple(
                only if only == last else None for only, last in zip(low.tolist(), high.tolist(), strict=True)
            ),
        )

    def with_constants_confirmed_by(self, values: Array) -> TargetScaler:
        """Return the scaler without the constants that targets of other rows, (n, k), differ from."""
        kept = [
            constant if ((column == constant) | np.isnan(column)).all() else None
            for constant, column in zip(self.constants, values.T, strict=False)
        ]
        return replace(self, constants=tuple(kept) if any(constant is not None for constant in kept) else ())

    def lie_mostly_far_off(self, values: Array) -> bool:
        """Whether most values of a target, (n, k), are many scales from its mean; False for few, or without a scale."""
        is_far = np.abs(values - self.mean) > FAR_OFF_IN_SCALES * self.scale
        n_observed = np.count_nonzero(~np.isnan(values), axis=0)
        is_learnt = self.scale != 1.0  # neither unscaled nor constant
        return bool((is_learnt & (n_observed >= MIN_VALUES_TO_WARN) & (2 * is_far.sum(axis=0) > n_observed)).any())

    @cached_property
    def _is_constant(self) -> Array:
        """Whether each target is constant, (k,)."""
        return np.array([constant is not None for constant in self.constants or [None] * len(self.mean)])

    @cached_property
    def slope(self) -> Array:
        """The derivatives of predictions by scaled targets, (k,): the scale, but 0 for a constant target."""
        return np.where(self._is_constant, 0.0, self.scale)

    @cached_property
    def offset(self) -> Array:
        """The predictions where scaled targets are 0, (k,): the mean or the constant."""
        return np.where(self._is_constant, [constant or 0.0 for constant in self.constants or [0.0]], self.mean)

    def encode(self, values: Array, dtype: DTypeLike = np.float64) -> Array:
        """Return targets, (n, k), scaled."""
        return ((values - self.mean) / self.scale).astype(dtype, copy=False)

    def decode(self, scaled: Array, dtype: DTypeLike | None = None) -> Array:
        """Return scaled targets, (n, k), in the units of y, by default in the float type of `scaled`.

        The result is always in float64 if float32 lacks the precision or the range.
        """
        float_type = np.dtype(dtype or scaled.dtype) if self.fits_float32 else np.dtype(np.float64)
        if not self.constants:
            return (scaled * self.scale + self.mean).astype(float_type, copy=False)
        offset = self.offset
        with np.errstate(over="ignore"):
            is_exact = (offset.astype(float_type) == offset)[self._is_constant].all()
        # a product with a slope of 0 would be NaN for infinite raw outputs
        decoded = np.where(self._is_constant, offset, scaled * self.scale + offset)
        return decoded.astype(float_type if is_exact else np.float64, copy=False)

    @cached_property
    def fits_float32(self) -> bool:
        """Whether float32 can hold differences of targets that are small compared with the scale."""
        low, high = FLOAT32_RANGE
        inside = (self.scale > low) & (self.scale < high)
        return bool((inside & (np.abs(self.mean) < FLOAT32_OFFSET * self.scale)).all())


@dataclass(frozen=True)
class RegressionTarget:
    """The scaling of regression targets, and their shape.

    Attributes
    ----------
    flat : bool
        Whether y had the shape (n,), which predictions then have, too.
    scaler : TargetScaler
    """

    flat: bool
    scaler: TargetScaler

    @property
    def n_targets(self) -> int:
        """The number of targets."""
        return len(self.scaler.mean)

    def check_number_of_targets(self, values: Array) -> None:
        """Raise a ValueError if the number of targets is not that of fit."""
        if values.shape[1] != self.n_targets:
            raise ValueError(
                f"y has {values.shape[1]} targets, but the regressor knows {self.n_targets}: give y that many columns."
            )
