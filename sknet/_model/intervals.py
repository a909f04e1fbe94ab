"""Prediction intervals: how far predictions were off for rows that no training has seen (split conformal).

For rows that are exchangeable with the held-out ones, an interval as wide as their quantile of errors holds the target
with the probability asked for, whatever the network [1]_. With several quantile levels the outer ones are moved by
such a quantile, so that the interval keeps its own width for each row [2]_.

.. [1] Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. & Wasserman, L. (2018). "Distribution-free predictive
   inference for regression". Journal of the American Statistical Association 113, 1094-1111. arXiv:1604.04173.
.. [2] Romano, Y., Patterson, E. & Candès, E. (2019). "Conformalized quantile regression". NeurIPS. arXiv:1905.03222.

Conventions
-----------
n rows, k targets, m kept quantiles.

values : (n, k)          targets, in their own units
predictions : (n, k)     or (n, levels)
ends : (n, k, 2)         lower and upper end of each interval
errors : (n, k)          how far a target lies outside of the prediction, or of the outer levels (negative: inside)
weight : (n,) or None    sample weights, positive
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from sknet._model.heads import RegressionHead
from sknet._tables.columns.statistics import weighted_quantile
from sknet._typing import Array

MAX_QUANTILES = 1000
"""How many quantiles of the errors are kept at most."""

SLACK = 1e-9
"""A share of the rows is reached when it is this near: rounding must not decide."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """The quantiles of the errors of held-out rows.

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
        if wanted > self.effective_size * (1.0 + SLACK):
            return None
        level, m = wanted / self.effective_size, len(self.quantiles)
        rank = min(max(ceil(level * m - SLACK), 1), m)
        return np.asarray(self.quantiles[rank - 1])


def has_interval(head: RegressionHead) -> bool:
    """Whether an interval can be made around what is predicted: not around a single quantile."""
    return len(head.loss.levels) > 1 or (not head.loss.levels and head.settings.loss != "quantile")


def learn_regression_residuals(
    head: RegressionHead, predictions: Array, values: Array, weight: Array | None
) -> Residuals | None:
    """Return the errors of predictions, as `predict` returns them, for rows that no training has seen."""
    if not has_interval(head):
        return None
    ends = interval_ends(head, predictions)
    with np.errstate(over="ignore"):  # an infinite error is the largest one, as it should be
        errors = np.maximum(ends[:, :, 0] - values, values - ends[:, :, 1])
    return residuals_of(errors, weight)


def residuals_of(errors: Array, weight: Array | None) -> Residuals:
    """Return the quantiles of errors, (n, k); of no rows, none."""
    if not len(errors):
        return Residuals(errors, 0.0)
    # of few rows without weights, all errors are kept, sorted
    m = len(errors) if weight is None and len(errors) <= MAX_QUANTILES else MAX_QUANTILES
    levels = np.arange(1, m + 1) / m
    quantiles = np.column_stack([weighted_quantile(column, levels, weight) for column in errors.T])
    share = np.ones(len(errors)) if weight is None else weight / weight.max()  # whose squares do not overflow
    return Residuals(quantiles, float(share.sum() ** 2 / np.square(share).sum()))


def interval_ends(head: RegressionHead, predictions: Array) -> Array:
    """Return the outer quantile levels, (n, 1, 2), or the prediction twice, (n, k, 2), in float64."""
    columns = predictions.reshape(len(predictions), -1).astype(np.float64)
    if head.loss.levels:
        return columns[:, np.newaxis, [0, -1]]
    return np.stack([columns, columns], axis=2)


def intervals_around(head: RegressionHead, predictions: Array, largest_error: Array) -> Array:
    """Return the intervals around predictions, in their type: (n, 2) for targets of one dimension, else (n, k, 2).

    `largest_error`, (k,), is what `Residuals.quantile` returns; it is negative where quantile levels are too far apart.
    Intervals end where the loss says that targets do; where the outer levels cross once they are moved, both ends are
    in their middle.
    """
    ends = interval_ends(head, predictions) + np.stack([-largest_error, largest_error], axis=1)
    crossed = ends[:, :, 0] > ends[:, :, 1]
    ends[crossed] = ends[crossed].mean(axis=1, keepdims=True)
    ends = np.clip(ends, head.loss.targets.low, head.loss.targets.high).astype(predictions.dtype)
    return ends[:, 0] if head.regression_target.flat else ends
