"""Prediction intervals: how far predictions were off for rows that no training has seen (split conformal).

An interval around a mean is as wide as a quantile of the held-out rows' errors, each divided by how large errors are
where predictions are such, times how large they are at the new prediction [1]_. That scale is learnt from the
same rows: the mean absolute error in bins of the prediction, and beyond the outer bins' means its trend in the outer
half of the rows. With several quantile levels the outer ones are moved by a quantile of the errors as they are, so that
the interval keeps its own width for each row [2]_.

Quantiles come from the same errors with their signs: as many lie below as above, and their distribution may be skewed.
With several quantile levels, each is moved by the quantile of its own errors at its level. Between levels, quantiles
are joined by straight lines over the normal scores, so that three levels of a normal distribution tell all others.

.. [1] Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. & Wasserman, L. (2018). "Distribution-free predictive
   inference for regression". Journal of the American Statistical Association 113, 1094-1111. arXiv:1604.04173.
   Section 5.2: locally weighted split conformal inference.
.. [2] Romano, Y., Patterson, E. & Candès, E. (2019). "Conformalized quantile regression". NeurIPS. arXiv:1905.03222.
.. [3] MacKinnon, J. G. & White, H. (1985). "Some heteroskedasticity-consistent covariance matrix estimators with
   improved finite sample properties". Journal of Econometrics 29, 305-325.

Conventions
-----------
n rows, k targets, m kept quantiles.

values : (n, k)          targets, in their own units
predictions : (n, k)     or (n, levels)
ends : (n, k, 2)         lower and upper end of each interval
errors : (n, k)          how far a target lies outside of the prediction, or of the outer levels (negative: inside); NaN
                         where the target is missing
middle : (n, k)          the prediction, or the middle of the outer levels
weight : (n,) or None    sample weights, positive
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import ndtri

from sknet._model.heads import RegressionHead
from sknet._tables.read import take_optional
from sknet._tables.statistics import weighted_quantile
from sknet._typing import Array

MAX_ERROR_QUANTILES = 1000
"""How many quantiles of the errors are kept at most."""

SHARE_SLACK = 1e-9
"""A share of the rows is reached when it is this near: rounding must not decide."""

MAX_PREDICTION_BINS = 10
"""Into how many bins of predictions the held-out rows are put at most, to learn how errors grow with them."""

MIN_ROWS_PER_BIN = 30
"""Each bin has at least this many held-out rows; with fewer than two bins, errors count as equally large."""

PRIOR_ROWS_PER_BIN = 3.0
"""The mean error over all rows is added to each bin with the weight of this many rows."""

N_SCALE_FOLDS = 5
"""In how many folds the held-out rows tell one another how large errors are. With one scale for all rows, intervals of
300 rows of noise held .01 less than they should."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """Quantiles of held-out rows' errors, negative inside the interval, and how many rows they are worth.

    Attributes
    ----------
    quantiles : ndarray of shape (m, k)
        At the levels 1/m, 2/m, …, 1, by the inverted distribution function.
    effective_size : float
        How many rows of equal weight they are worth: (Σw)²/Σw² (Kish 1965).
    """

    quantiles: Array
    effective_size: float

    def quantile(self, coverage: float) -> Array | None:
        """Return how large the error of a new row is at most, with this probability, (k,); None for too few rows."""
        # a share of the n held-out rows and the new one, whose error may be the largest: hence n + 1, and None where
        # even the largest error that is known does not reach it
        wanted = coverage * (self.effective_size + 1.0)
        if wanted > self.effective_size * (1.0 + SHARE_SLACK):
            return None
        level, m = wanted / self.effective_size, len(self.quantiles)
        rank = min(max(ceil(level * m - SHARE_SLACK), 1), m)
        return np.asarray(self.quantiles[rank - 1])

    def at_levels(self, levels: Array) -> Array | None:
        """Return what the error of a new row lies below with each of these probabilities, (levels, k).

        None where a level is below that of the least error, 1 / (n + 1), or above that of the largest, n / (n + 1).
        """
        n = self.effective_size
        wanted = levels * (n + 1.0)  # the rank among n rows: a new one is as likely between any two as beyond the ends
        if wanted.min() < 1.0 - SHARE_SLACK or wanted.max() > n * (1.0 + SHARE_SLACK):
            return None
        return np.column_stack([self._at(wanted, column) for column in self.quantiles.T])

    def at_own_levels(self, levels: Array) -> Array:
        """Return, of the errors of each quantile level, the quantile at that level, (levels,); the outer ones at most.

        It is added to the prediction of this level, below which then lies as large a share of new rows.
        """
        wanted = levels * (self.effective_size + 1.0)
        return np.array([self._at(rank, column) for rank, column in zip(wanted, self.quantiles.T, strict=True)])

    def _at(self, ranks: Array, column: Array) -> Array:
        """Return the errors of one column that have these ranks among `effective_size` rows."""
        m = len(column)
        return np.interp(ranks / self.effective_size * m, np.arange(1, m + 1), column)


@dataclass(frozen=True, eq=False)
class ErrorScale:
    """How large errors are, as a function of the prediction: piecewise linear, and constant beyond the outer knots.

    Attributes
    ----------
    knots : ndarray of shape (b, k)
        The smallest prediction, the mean prediction of each bin, and the largest prediction.
    scales : ndarray of shape (b, k)
        The mean absolute error there; 1 where errors count as equally large.
    """

    knots: Array
    scales: Array

    def of_predictions(self, middle: Array) -> Array:
        """Return the scale of each prediction, (n, k)."""
        return np.column_stack(
            [
                np.interp(p, knots, scales)
                for p, knots, scales in zip(middle.T, self.knots.T, self.scales.T, strict=True)
            ]
        )


def n_prediction_bins(errors: Array, weight: Array | None) -> int:
    """Return in how many bins of predictions these errors tell their scale; fewer than 2 where they cannot."""
    return int(min(MAX_PREDICTION_BINS, least_effective_size(errors, weight) // MIN_ROWS_PER_BIN))


def learn_error_scale(middle: Array, errors: Array, weight: Array | None, n_bins: int | None = None) -> ErrorScale:
    """Learn how errors grow with the prediction: their mean in bins of equally many rows, and the trend beyond."""
    n_bins = n_prediction_bins(errors, weight) if n_bins is None else n_bins
    if n_bins < 2:
        return constant_scale(errors.shape[1])
    knots, scales = np.ones((2, n_bins + 2, errors.shape[1]))
    for j, present in enumerate(~np.isnan(errors.T)):
        p, error = middle[present, j], np.abs(errors[present, j])
        w = np.ones(len(error)) if weight is None else weight[present] / weight[present].mean()
        order = np.argsort(p, kind="stable")
        bins = np.array_split(order, n_bins)
        knots[:, j] = [p[order[0]], *(np.average(p[rows], weights=w[rows]) for rows in bins), p[order[-1]]]
        mean = np.average(error, weights=w)
        if not 0.0 < mean < np.inf:  # all errors are 0, or one is beyond what a float holds
            continue
        sums, sizes = [error[rows] @ w[rows] for rows in bins], np.array([w[rows].sum() for rows in bins])
        scales[1:-1, j] = (sums + PRIOR_ROWS_PER_BIN * mean) / (sizes + PRIOR_ROWS_PER_BIN)
        for end, outer, half in ((0, 1, order[: len(order) // 2]), (-1, -2, order[len(order) // 2 :])):
            to_end = knots[end, j] - knots[outer, j]
            # 1 at the end: the slope is how much errors grow from the outer bin's mean to it
            growth = increase(p[half] / to_end, error[half] / mean, w[half]) if to_end else 0.0
            scales[end, j] = scales[outer, j] + mean * growth
    return ErrorScale(knots, scales)


def scale_by_others(middle: Array, errors: Array, weight: Array | None) -> Array:
    """Return errors over the scale that other rows tell, (n, k): a large error would make its own scale large."""
    fold = np.random.default_rng(0).permutation(len(errors)) % N_SCALE_FOLDS
    n_bins = n_prediction_bins(errors, weight)  # as of all rows: the scales of the folds have its unit
    scaled = np.empty_like(errors)
    for i in range(N_SCALE_FOLDS):
        own, others = fold == i, fold != i
        weight_of_others = take_optional(weight, others)
        scale = learn_error_scale(middle[others], errors[others], weight_of_others, n_bins)
        scaled[own] = errors[own] / scale.of_predictions(middle[own])
    return scaled


def increase(x: Array, y: Array, weight: Array) -> float:
    """Return the slope of the line through points, shrunk by its standard error; 0 where it is not above that.

    The line is that of least squares. The standard error is HC3 [3]_, which is large where a single point decides:
    so one far prediction makes no trend.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a slope of NaN becomes 0, below
        x, y = (v - np.average(v, weights=weight) for v in (x, y))
        square = weight * x @ x
        slope = weight * x @ y / square
        leverage = weight * np.square(x) / square + weight / weight.sum()
        variance = np.square(weight * x * (y - slope * x) / (1.0 - leverage)).sum() / square**2
        shrunk = slope - variance / slope
    return float(shrunk) if 0.0 < shrunk <= slope else 0.0


@dataclass(frozen=True, eq=False)
class ScaledResiduals:
    """The errors of held-out rows over the scale of their predictions, and between which ends targets lie.

    Attributes
    ----------
    residuals : Residuals
    scale : ErrorScale
    low, high : ndarray of shape (k,)
        0 where no training target is below, or above it; else infinite.
    signed : Residuals or None
        The same errors with their signs, positive where the target is above the prediction, (m, 1), or above each of
        several quantile levels, (m, levels); None for several targets.
    """

    residuals: Residuals
    scale: ErrorScale
    low: Array
    high: Array
    signed: Residuals | None = None

    @property
    def effective_size(self) -> float:
        """How many rows of equal weight they are worth."""
        return self.residuals.effective_size

    def quantile(self, coverage: float) -> Array | None:
        """Return how many scales the error of a new row is at most, with this probability, (k,); None for too few."""
        return self.residuals.quantile(coverage)


def has_interval(head: RegressionHead) -> bool:
    """Whether an interval can be made around what is predicted: not around a single quantile."""
    return len(head.loss.levels) > 1 or (not head.loss.levels and head.settings.loss != "quantile")


def learn_regression_residuals(
    head: RegressionHead, predictions: Array, values: Array, weight: Array | None, training_values: Array
) -> ScaledResiduals | None:
    """Return how far predictions are off for rows that no training has seen; None where no interval can be made.

    `predictions`: as `predict` returns them.

    Where `training_values`, those of all rows, have one sign, so have the ends of intervals.
    """
    if not has_interval(head):
        return None
    ends = interval_ends(head, predictions)
    middle = ends.mean(axis=2)
    signed = None
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite error is the largest one, as it should be
        if head.loss.levels:  # they say themselves where errors are large
            errors = np.maximum(ends[:, :, 0] - values, values - ends[:, :, 1])
            scale, scaled = constant_scale(errors.shape[1]), errors
            signed = residuals_from_errors(values - predictions, weight)
        else:
            errors = values - middle
            scale, with_signs = learn_error_scale(middle, errors, weight), scale_by_others(middle, errors, weight)
            scaled = np.abs(with_signs)
            signed = residuals_from_errors(with_signs, weight) if errors.shape[1] == 1 else None
        residuals = residuals_from_errors(scaled, weight)
    low = np.where((training_values < 0.0).any(axis=0), -np.inf, 0.0)
    high = np.where((training_values > 0.0).any(axis=0), np.inf, 0.0)
    return ScaledResiduals(residuals, scale, low, high, signed)


def constant_scale(k: int) -> ErrorScale:
    """Return the scale of errors that count as equally large everywhere: 1."""
    return ErrorScale(np.zeros((1, k)), np.ones((1, k)))


def residuals_from_errors(errors: Array, weight: Array | None) -> Residuals:
    """Return the quantiles of errors, (n, k); of no rows, none."""
    if not len(errors):
        return Residuals(errors, 0.0)
    # of few rows without weights, all errors are kept, sorted
    m = len(errors) if weight is None and len(errors) <= MAX_ERROR_QUANTILES else MAX_ERROR_QUANTILES
    levels = np.arange(1, m + 1) / m
    quantiles = np.column_stack([weighted_quantile(column, levels, weight) for column in errors.T])
    return Residuals(quantiles, least_effective_size(errors, weight))


def least_effective_size(errors: Array, weight: Array | None) -> float:
    """Return the least effective size of a column: of errors that are there."""
    columns = ~np.isnan(errors.T)
    if weight is None:
        return float(columns.sum(axis=1).min())
    return min(effective_size(weight[present]) for present in columns)


def effective_size(weight: Array) -> float:
    """Return how many rows of equal weight rows of these weights are worth."""
    if not len(weight):
        return 0.0
    share = weight / weight.max()  # whose squares do not overflow
    return float(share.sum() ** 2 / np.square(share).sum())


def interval_ends(head: RegressionHead, predictions: Array) -> Array:
    """Return the outer quantile levels, (n, 1, 2), or the prediction twice, (n, k, 2), in float64."""
    columns = predictions.reshape(len(predictions), -1).astype(np.float64)
    if head.loss.levels:
        return columns[:, np.newaxis, [0, -1]]
    return np.stack([columns, columns], axis=2)


def intervals_around(
    head: RegressionHead,
    predictions: Array,
    largest: Array,
    scaled: ScaledResiduals,
) -> Array:
    """Return the intervals around predictions, in their type: (n, 2) for targets of one dimension, else (n, k, 2).

    `largest`, (k,), is what `ScaledResiduals.quantile` returns; it is negative where quantile levels are too far apart.
    Intervals end where the loss says that targets do, and at 0 where all training targets have one sign; where the
    outer levels cross once they are moved, both ends are in their middle.
    """
    ends = interval_ends(head, predictions)
    middle = ends.mean(axis=2)  # before the levels are moved: rounding does not move it, and intervals are nested
    error = largest * scaled.scale.of_predictions(middle)
    lower, upper = np.minimum(ends[:, :, 0] - error, middle), np.maximum(ends[:, :, 1] + error, middle)
    ends = np.stack([lower, upper], axis=2)
    low, high = limits_of_targets(head, scaled)
    ends = np.clip(ends, low[:, np.newaxis], high[:, np.newaxis], out=ends).astype(predictions.dtype)
    return ends[:, 0] if head.regression_target.flat else ends


def limits_of_targets(head: RegressionHead, scaled: ScaledResiduals) -> tuple[Array, Array]:
    """Return between which ends targets lie, (k,) each: those of the loss, and of the training targets."""
    return np.maximum(head.loss.targets.low, scaled.low), np.minimum(head.loss.targets.high, scaled.high)


def quantiles_around(head: RegressionHead, predictions: Array, errors: Array, scaled: ScaledResiduals) -> Array:
    """Return quantiles of the target, (n, levels) in the type of the predictions, of which there is one a row.

    `errors`, (levels, 1), is what `Residuals.at_levels` returns.
    """
    middle = predictions.reshape(-1, 1).astype(np.float64)
    quantiles = middle + errors[:, 0] * scaled.scale.of_predictions(middle)
    return np.clip(quantiles, *limits_of_targets(head, scaled), out=quantiles).astype(predictions.dtype)


def quantiles_between(head: RegressionHead, predictions: Array, levels: Array, scaled: ScaledResiduals | None) -> Array:
    """Return quantiles of the target, (n, levels), between those that a network predicts, (n, its levels).

    Held-out rows, if there are any, move these by their errors, so that each has its share of the targets below it.
    """
    columns = predictions.astype(np.float64)
    if scaled is not None and scaled.signed is not None and scaled.effective_size:  # there are such rows
        columns += scaled.signed.at_own_levels(np.asarray(head.loss.levels))
        columns.sort(axis=1)  # where they cross once they are moved
    known = ndtri(head.loss.levels)
    right = np.clip(np.searchsorted(known, ndtri(levels)), 1, len(known) - 1)  # the level above each
    share = (ndtri(levels) - known[right - 1]) / (known[right] - known[right - 1])
    quantiles = columns[:, right - 1] * (1.0 - share) + columns[:, right] * share
    if scaled is not None:
        np.clip(quantiles, *limits_of_targets(head, scaled), out=quantiles)
    return quantiles.astype(predictions.dtype)
