"""Prediction intervals and prediction sets from the residuals of held-out rows (split conformal prediction).

An interval around a mean prediction comes from a quantile of scaled residuals [1]_. The scale is the expected absolute
residual as a function of the prediction. It is learnt from the held-out rows: the mean absolute residual in bins of the
prediction, and beyond the means of the outer bins a linear trend. The half-width of an interval is the quantile times
the scale at the new prediction. With several quantile levels, residuals are not scaled: the outer levels are moved by a
quantile of the residuals, so that the width still varies from row to row [2]_. If quantiles are predicted and many rows
share a target, such as 0, an end that only noise separates from it is moved to it.

Quantiles of the target come from signed residuals, whose distribution may be skewed. With several quantile levels, the
prediction of each level is moved by the quantile, at this level, of its residuals. Between the levels, quantiles are
interpolated linearly in the normal score, which is exact for a normal distribution.

A prediction set contains the classes that cannot be ruled out for a row. A row's residual for a class is one minus the
class's probability [4]_. It is 0 for the most probable class, so that no set is empty. A set contains each class whose
residual is at most the `coverage` quantile of the residuals of held-out rows of this class. So each class has the
coverage, even a rare one [4]_ [5]_. This holds for any network, if new rows are exchangeable with the held-out rows.
With folds there is no guarantee, since residuals come from other networks.

.. [1] Lei, J., G'Sell, M., Rinaldo, A., Tibshirani, R. J. & Wasserman, L. (2018). "Distribution-free predictive
   inference for regression". Journal of the American Statistical Association 113, 1094-1111. arXiv:1604.04173.
   Section 5.2: locally weighted split conformal inference.
.. [2] Romano, Y., Patterson, E. & Candès, E. (2019). "Conformalized quantile regression". NeurIPS. arXiv:1905.03222.
.. [3] MacKinnon, J. G. & White, H. (1985). "Some heteroskedasticity-consistent covariance matrix estimators with
   improved finite sample properties". Journal of Econometrics 29, 305-325.
.. [4] Sadinle, M., Lei, J. & Wasserman, L. (2019). "Least ambiguous set-valued classifiers with bounded error levels".
   Journal of the American Statistical Association 114, 223-234. arXiv:1609.00451.
.. [5] Vovk, V. (2012). "Conditional validity of inductive conformal predictors". ACML, PMLR 25, 475-490.
   arXiv:1209.2673.

Conventions
-----------
n rows, k targets, K classes, m kept quantiles.

values : (n, k)          targets, in the units of y
predictions : (n, k)     or (n, levels)
ends : (n, k, 2)         lower and upper end of each interval
residuals : (n, k)       target minus prediction; or how far the target lies outside of the outer levels (negative:
                         inside); NaN for a missing target
middle : (n, k)          the prediction, or the middle of the outer levels
P : (n, K)               probabilities
codes : (n, 1)           index of each row's class
weight : (n,) or None    sample weights, positive
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Self

import numpy as np
from scipy.special import ndtri

from sknet._model.heads import Head, LabelHead, RegressionHead
from sknet._model.held_out import HeldOutOutputs
from sknet._tables.equality import EqualByFields
from sknet._tables.raw_table import take_optional
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._typing import Array
from sknet._vectors import SortedColumns

# --- residuals of both heads -----------------------------------------------------------------------------------------

MAX_RESIDUAL_QUANTILES = 1000
"""How many quantiles of the residuals are kept at most."""

SHARE_SLACK = 1e-9
"""A tolerance for shares of rows, so that rounding does not decide."""


@dataclass(frozen=True, eq=False)
class Residuals:
    """Quantiles of the residuals of held-out rows, and their effective sample size.

    Attributes
    ----------
    quantiles : ndarray of shape (m, k)
        At the levels 1/m, 2/m, …, 1, by the inverted distribution function.
    effective_size : float
        The equivalent number of rows of equal weight: (Σw)²/Σw² (Kish 1965).
    """

    quantiles: Array
    effective_size: float

    def __post_init__(self) -> None:
        is_increasing = self.quantiles.ndim == 2 and not (self.quantiles[1:] < self.quantiles[:-1]).any()
        if not (is_increasing and np.isfinite(self.effective_size)):
            raise ValueError("the residuals of held-out rows do not increase, or have no finite number of rows")

    def conformal_quantile(self, coverage: float) -> Array | None:
        """Return what a new row's residual does not exceed with this probability, (k,); None for too few rows."""
        # n + 1, since the residual of the new row may be larger than all others: then no known residual is large enough
        expected_rank = coverage * (self.effective_size + 1.0)
        if expected_rank > self.effective_size * (1.0 + SHARE_SLACK):
            return None
        quantile_level = expected_rank / self.effective_size
        m = len(self.quantiles)
        rank = min(max(ceil(quantile_level * m - SHARE_SLACK), 1), m)
        return np.asarray(self.quantiles[rank - 1])

    def quantiles_of_new_residual(self, quantile_levels: Array) -> Array | None:
        """Return the quantiles of a new row's residual at these levels, (levels,), for a single column.

        None if a level is below 1 / (n + 1), the level of the least residual, or above n / (n + 1).
        """
        n = self.effective_size
        # at these ranks, a new residual is as likely between any two known ones as beyond either end
        ranks = quantile_levels * (n + 1.0)
        if ranks.min() < 1.0 - SHARE_SLACK or ranks.max() > n * (1.0 + SHARE_SLACK):
            return None
        return self._at_ranks(ranks, self.quantiles.squeeze(axis=1))

    def quantiles_by_level(self, quantile_levels: Array) -> Array:
        """Return for each quantile level the quantile of the residuals in its own column, (levels,).

        Added to the predictions of the level, it makes the right share of targets lie below them. Levels beyond the
        ranks of the smallest and the largest residual get this residual.
        """
        ranks = quantile_levels * (self.effective_size + 1.0)
        return np.array([self._at_ranks(rank, column) for rank, column in zip(ranks, self.quantiles.T, strict=True)])

    def _at_ranks(self, ranks: Array, column: Array) -> Array:
        """Return the residuals of one column at these ranks among `effective_size` rows, by interpolation."""
        m = len(column)
        return np.interp(ranks / self.effective_size * m, np.arange(1, m + 1), column)


class HeldOutResiduals:
    """What the residuals of held-out rows tell about new rows."""

    of_all: Residuals  # those of all held-out rows

    def conformal_quantile(self, coverage: float) -> Array | None:
        """Return for each target or class what a new row's residual does not exceed with this probability, (k,).

        None if there are too few rows.
        """
        return self.of_all.conformal_quantile(coverage)


# --- intervals and quantiles -----------------------------------------------------------------------------------------

MAX_PREDICTION_BINS = 10
"""Into how many bins of the prediction the held-out rows are divided at most, to learn the scale."""

MIN_ROWS_PER_PREDICTION_BIN = 30
"""Each bin has at least this many held-out rows. With fewer than two bins, the scale is constant."""

PRIOR_ROWS_OF_PREDICTION_BIN = 3.0
"""The mean absolute residual of all rows is added to each bin, with the weight of this many rows."""

N_SCALE_FOLDS = 5
"""How many folds there are whose residuals are divided by a scale learnt from the other folds. With one scale for all
rows, the coverage was .01 too low for 300 held-out rows of noise."""


@dataclass(frozen=True, eq=False)
class ResidualScale:
    """The scale of residuals by the prediction: piecewise linear, and constant beyond the outer knots.

    Attributes
    ----------
    knots : ndarray of shape (b, k)
        The smallest prediction, the mean prediction of each bin, and the largest prediction.
    scales : ndarray of shape (b, k)
        The mean absolute residual at each knot; 1 for a constant scale.
    """

    knots: Array
    scales: Array

    def __post_init__(self) -> None:
        if self.knots.shape != self.scales.shape or not (self.scales > 0.0).all():
            raise ValueError("the residuals of held-out rows do not have one positive scale for each knot")

    def scale_at(self, middle: Array) -> Array:
        """Return the scale of each prediction, (n, k)."""
        return np.column_stack(
            [
                np.interp(p, knots, scales)
                for p, knots, scales in zip(middle.T, self.knots.T, self.scales.T, strict=True)
            ]
        )


def learn_residual_scale(middle: Array, residuals: Array, weight: Array | None, n_bins: int) -> ResidualScale:
    """Learn the scale as a function of the prediction: means in bins of equal size, and a trend beyond."""
    if n_bins < 2:
        return unit_scale(residuals.shape[1])
    knots, scales = np.ones((2, n_bins + 2, residuals.shape[1]))
    for j, present in enumerate(~np.isnan(residuals.T)):
        p = middle[present, j]
        size = np.abs(residuals[present, j])
        w = np.ones(len(size)) if weight is None else weight[present] / weight[present].mean()
        order = np.argsort(p, kind="stable")
        bins = np.array_split(order, n_bins)
        knots[:, j] = [p[order[0]], *(np.average(p[rows], weights=w[rows]) for rows in bins), p[order[-1]]]
        mean = np.average(size, weights=w)
        if not 0.0 < mean < np.inf:  # all residuals are 0, or one overflows
            continue
        sums = [size[rows] @ w[rows] for rows in bins]
        n_rows = np.array([w[rows].sum() for rows in bins])
        scales[1:-1, j] = (sums + PRIOR_ROWS_OF_PREDICTION_BIN * mean) / (n_rows + PRIOR_ROWS_OF_PREDICTION_BIN)
        for end, outer, half in ((0, 1, order[: len(order) // 2]), (-1, -2, order[len(order) // 2 :])):
            to_end = knots[end, j] - knots[outer, j]
            # x is 1 at the end, so the slope is the growth from the outer bin's mean to the end
            growth = shrunk_nonnegative_slope(p[half] / to_end, size[half] / mean, w[half]) if to_end else 0.0
            scales[end, j] = scales[outer, j] + mean * growth
    return ResidualScale(knots, scales)


def cross_fitted_scaled_residuals(middle: Array, residuals: Array, weight: Array | None, n_bins: int) -> Array:
    """Return residuals divided by a scale learnt from other rows, (n, k).

    A large residual would otherwise make its own scale large.
    """
    fold = np.random.default_rng(0).permutation(len(residuals)) % N_SCALE_FOLDS
    scaled = np.empty_like(residuals)
    for i in range(N_SCALE_FOLDS):
        in_fold = fold == i
        outside_fold = fold != i
        weight_outside = take_optional(weight, outside_fold)
        scale = learn_residual_scale(middle[outside_fold], residuals[outside_fold], weight_outside, n_bins)
        scaled[in_fold] = residuals[in_fold] / scale.scale_at(middle[in_fold])
    return scaled


def shrunk_nonnegative_slope(x: Array, y: Array, weight: Array) -> float:
    """Return the least-squares slope, shrunk by its standard error; 0 for a negative or an uncertain slope.

    The standard error is HC3 [3]_. It is large if a single point decides the slope, so one distant prediction makes no
    trend.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # NaN becomes 0 below
        x, y = (v - np.average(v, weights=weight) for v in (x, y))
        square = weight * x @ x
        slope = weight * x @ y / square
        leverage = weight * np.square(x) / square + weight / weight.sum()
        variance = np.square(weight * x * (y - slope * x) / (1.0 - leverage)).sum() / square**2
        shrunk = slope - variance / slope
    return float(shrunk) if 0.0 < shrunk <= slope else 0.0


MIN_SHARE_OF_ATOM = 0.05
"""A target of this share of the held-out rows is an atom: an end that leaves it out costs so much of the coverage."""

LOSSES_FOR_QUANTILES = ("quantile", "absolute_error", "huber")
"""Losses whose predictions are quantiles, or nearly so: they come as near to an atom as training allows."""

MIN_ROWS_OF_ATOM = 1.5
"""A single row is no atom, even if it is a large share of a few rows."""


@dataclass(frozen=True, eq=False)
class Atoms(EqualByFields):
    """Targets that many rows share, such as 0. An interval whose end is nearest to one of them holds it.

    Otherwise, a quantile would come as near to 0 as training allows, and noise would decide on which side of 0 it is.

    Attributes
    ----------
    values : ndarray of shape (a,)
        The atoms, increasing.
    low, high : ndarray of shape (a,)
        Where the ends that are nearest to an atom begin and end: half-way to the next target, infinite if there is
        none.
    """

    values: Array
    low: Array
    high: Array

    @classmethod
    def find(cls, values: Array, weight: Array | None) -> Self | None:
        """Return the atoms among n targets, (n,); None if there are none."""
        distinct, codes = np.unique(values, return_inverse=True)
        w = np.ones(len(values)) if weight is None else weight / weight.min()  # in rows
        is_atom = np.bincount(codes, weights=w) >= max(MIN_SHARE_OF_ATOM * w.sum(), MIN_ROWS_OF_ATOM)
        half_way = np.concatenate([[-np.inf], distinct[:-1] / 2.0 + distinct[1:] / 2.0, [np.inf]])
        return cls(distinct[is_atom], half_way[:-1][is_atom], half_way[1:][is_atom]) if is_atom.any() else None

    def nearest_to(self, ends: Array) -> Array:
        """Return the atom that is nearest to each end; the end itself, where another target is nearer."""
        i = np.minimum(np.searchsorted(self.high, ends), len(self.values) - 1)
        return np.where((self.low[i] < ends) & (ends < self.high[i]), self.values[i], ends)


@dataclass(frozen=True, eq=False)
class ScaledResiduals(HeldOutResiduals):
    """Scaled residuals of held-out rows, and the limits of the targets.

    Attributes
    ----------
    of_all : Residuals
        Of each target, one column each.
    scale : ResidualScale
    low, high : ndarray of shape (k,)
        The limits of the loss's targets; 0 if no training target is below 0, or above 0.
    signed : Residuals or None
        Signed residuals, target minus prediction: (m, 1), or (m, levels) for several quantile levels; None for several
        targets.
    atoms : Atoms or None
        Of the target, if predictions are quantiles.
    """

    of_all: Residuals
    scale: ResidualScale
    low: Array
    high: Array
    signed: Residuals | None = None
    atoms: Atoms | None = None

    def __post_init__(self) -> None:
        if not self.low.shape == self.high.shape == self.scale.knots.shape[1:]:
            raise ValueError("the residuals of held-out rows do not match the targets")


def has_interval(head: RegressionHead) -> bool:
    """Whether predictions can have intervals; a single quantile cannot."""
    return len(head.loss.levels) > 1 or (not head.loss.levels and head.settings.loss != "quantile")


def learn_regression_residuals(
    head: RegressionHead, predictions: Array, values: Array, weight: Array | None, training_values: Array
) -> ScaledResiduals | None:
    """Return the residuals of held-out rows; None if predictions cannot have intervals.

    `predictions` are what `predict` returns for these rows, and `values` their targets. `training_values` are the
    targets of all rows; if they all have one sign, intervals keep this sign.
    """
    if not has_interval(head):
        return None
    if exceeds_sample_size(len(predictions)):  # more residuals hardly change their quantiles
        rows = sample_rows(len(predictions), 0)
        predictions, values, weight = predictions[rows], values[rows], take_optional(weight, rows)
    ends = uncorrected_interval(head, predictions)
    middle = ends.mean(axis=2)
    with np.errstate(over="ignore", invalid="ignore"):  # an infinite residual counts as the largest
        if head.loss.levels:  # the width between the outer levels is the scale
            residuals = np.maximum(ends[:, :, 0] - values, values - ends[:, :, 1])
            scale = unit_scale(residuals.shape[1])
            scaled = residuals
            signed_residuals = values - predictions
        else:
            residuals = values - middle
            n_rows = smallest_effective_sample_size(residuals, weight)
            n_bins = int(min(MAX_PREDICTION_BINS, n_rows // MIN_ROWS_PER_PREDICTION_BIN))
            scale = learn_residual_scale(middle, residuals, weight, n_bins)
            # with the same number of bins, the scales of folds are comparable with the scale of all rows
            signed_residuals = cross_fitted_scaled_residuals(middle, residuals, weight, n_bins)
            scaled = np.abs(signed_residuals)
        summary = summarize_residuals(scaled, weight)
        signed = summarize_residuals(signed_residuals, weight) if values.shape[1] == 1 else None
    low = np.maximum(head.loss.targets.low, np.where((training_values < 0.0).any(axis=0), -np.inf, 0.0))
    high = np.minimum(head.loss.targets.high, np.where((training_values > 0.0).any(axis=0), np.inf, 0.0))
    is_quantile = head.settings.loss in LOSSES_FOR_QUANTILES
    atoms = Atoms.find(values[:, 0], weight) if is_quantile and values.shape[1] == 1 else None
    return ScaledResiduals(summary, scale, low, high, signed, atoms)


def unit_scale(k: int) -> ResidualScale:
    """Return a scale of 1 for all predictions."""
    return ResidualScale(np.zeros((1, k)), np.ones((1, k)))


def summarize_residuals(residuals: Array, weight: Array | None) -> Residuals:
    """Return the quantiles of residuals, (n, k)."""
    if not len(residuals):
        return Residuals(residuals, 0.0)
    # a few residuals without weights are all kept, in increasing order
    m = len(residuals) if weight is None and len(residuals) <= MAX_RESIDUAL_QUANTILES else MAX_RESIDUAL_QUANTILES
    quantile_levels = np.arange(1, m + 1) / m
    quantiles = SortedColumns.from_columns(residuals.T, weight).quantiles(quantile_levels).T
    return Residuals(quantiles, smallest_effective_sample_size(residuals, weight))


def smallest_effective_sample_size(residuals: Array, weight: Array | None) -> float:
    """Return the smallest effective sample size of a column; missing residuals are ignored."""
    weight = np.ones(len(residuals)) if weight is None else weight
    columns = [weight[present] for present in ~np.isnan(residuals.T)]
    if not all(map(len, columns)):
        return 0.0
    shares = [w / w.max() for w in columns]  # so that squares do not overflow
    return min(float(share.sum() ** 2 / np.square(share).sum()) for share in shares)


def uncorrected_interval(head: RegressionHead, predictions: Array) -> Array:
    """Return the outer quantile levels, (n, 1, 2), or the prediction twice, (n, k, 2), in float64."""
    columns = predictions.reshape(len(predictions), -1).astype(np.float64)
    if head.loss.levels:
        return columns[:, np.newaxis, [0, -1]]
    return np.stack([columns, columns], axis=2)


def intervals_around(
    head: RegressionHead, residuals: ScaledResiduals, conformal_quantile: Array, predictions: Array
) -> Array:
    """Return intervals around predictions, in their dtype: (n, 2) for a one-dimensional y, else (n, k, 2).

    `conformal_quantile`, (k,), is that of the residuals. It is negative if quantile levels are too far apart. Intervals
    are clipped to the limits of the targets. If moving the outer levels would make them cross, both ends become their
    mean. See `Atoms` for targets that many rows share.
    """
    ends = uncorrected_interval(head, predictions)
    middle = ends.mean(axis=2)  # the middle of the unmoved levels, so that intervals of all coverages are nested
    margin = conformal_quantile * residuals.scale.scale_at(middle)
    lower = np.minimum(ends[:, :, 0] - margin, middle)
    upper = np.maximum(ends[:, :, 1] + margin, middle)
    if residuals.atoms is not None:
        lower = np.minimum(lower, residuals.atoms.nearest_to(lower))
        upper = np.maximum(upper, residuals.atoms.nearest_to(upper))
    ends = np.stack([lower, upper], axis=2)
    limits = residuals.low[:, np.newaxis], residuals.high[:, np.newaxis]
    ends = np.clip(ends, *limits, out=ends).astype(predictions.dtype)
    return ends[:, 0] if head.regression_target.flat else ends


def quantiles_around(residuals: ScaledResiduals, signed: Array, predictions: Array) -> Array:
    """Return quantiles of the target, (n, levels), in the dtype of the predictions, (n,).

    `signed`, (levels,), is what `Residuals.quantiles_of_new_residual` returns for signed residuals.
    """
    middle = predictions.reshape(-1, 1).astype(np.float64)
    quantiles = middle + signed * residuals.scale.scale_at(middle)
    return np.clip(quantiles, residuals.low, residuals.high, out=quantiles).astype(predictions.dtype)


def quantiles_between(
    head: RegressionHead, residuals: ScaledResiduals | None, quantile_levels: Array, predictions: Array
) -> Array:
    """Return quantiles of the target, (n, levels), interpolated between the levels that the network predicts.

    If there are held-out rows, the network's levels are first moved by quantiles of their residuals, so that the right
    share of targets lies below each level.
    """
    columns = predictions.astype(np.float64)
    if residuals is not None and residuals.signed is not None and residuals.of_all.effective_size:  # there are rows
        columns += residuals.signed.quantiles_by_level(np.asarray(head.loss.levels))
        columns.sort(axis=1)  # moved levels may cross
    level_scores = np.asarray(ndtri(head.loss.levels))
    scores = ndtri(quantile_levels)
    right = np.clip(np.searchsorted(level_scores, scores), 1, len(level_scores) - 1)  # the network's level above each
    share = (scores - level_scores[right - 1]) / (level_scores[right] - level_scores[right - 1])
    quantiles = columns[:, right - 1] * (1.0 - share) + columns[:, right] * share
    if residuals is not None:
        np.clip(quantiles, residuals.low, residuals.high, out=quantiles)
    return quantiles.astype(predictions.dtype)


# --- prediction sets -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class LabelResiduals(HeldOutResiduals):
    """The residuals of held-out rows for their own class.

    Attributes
    ----------
    of_all : Residuals
        Of all held-out rows, one column.
    by_class : tuple of Residuals
        Of the held-out rows of each class.
    """

    of_all: Residuals
    by_class: tuple[Residuals, ...]

    def classes_too_rare_for(self, coverage: float) -> list[int]:
        """Return the classes with too few held-out rows for this coverage."""
        return [code for code, of_class in enumerate(self.by_class) if of_class.conformal_quantile(coverage) is None]

    def conformal_quantile(self, coverage: float) -> Array | None:
        """Return each class's largest residual at which a set contains the class, (K,); None if rows are too few."""
        of_all = self.of_all.conformal_quantile(coverage)
        if of_all is None:
            return None
        return np.array([_conformal_quantile_of_class(of_class, coverage, of_all.item()) for of_class in self.by_class])


def _conformal_quantile_of_class(of_class: Residuals, coverage: float, of_all: float) -> float:
    """Return the conformal quantile of the residuals of a class's rows.

    If there are too few rows, return the largest residual of the class, or `of_all`, the quantile of all rows, if it is
    larger. So it never falls as the coverage grows.
    """
    quantile = of_class.conformal_quantile(coverage)
    return float(max(of_class.quantiles.max(initial=0.0), of_all) if quantile is None else quantile.item())


def residuals_by_class(P: Array) -> Array:
    """Return each row's residual for each class, (n, K) in float64: 1 - P, and 0 for its most probable classes."""
    P = P.astype(np.float64)
    is_largest = np.equal(P, P.max(axis=1, keepdims=True))  # several classes may tie
    return np.where(is_largest, 0.0, 1.0 - P)


def has_prediction_sets(head: LabelHead) -> bool:
    """Whether sets of classes can be predicted: only with one label per row."""
    return head.labels.target_type in ("binary", "multiclass")


def learn_label_residuals(
    head: LabelHead,
    probabilities: Array | list[Array],
    codes: Array,
    weight: Array | None,
    variance_of_means: float = 0.0,
) -> LabelResiduals | None:
    """Return the residuals of held-out rows; None if sets cannot be predicted.

    `probabilities` are what `predict_proba` returns for these rows. If they come from networks that were trained on
    fewer rows, a probability p differs from that of the published network at least by chance, with the variance
    p (1 - p) (1 / n_trained - 1 / n) of a mean of fewer rows. Residuals grow by its root; `variance_of_means` is the
    last factor. Where inputs carry nothing, many rows share one residual, and sets would else lose all of them at once.
    """
    if not has_prediction_sets(head):
        return None
    P = np.asarray(probabilities)
    residuals = np.take_along_axis(residuals_by_class(P), codes, axis=1)  # (n, 1): for each row's own class
    residuals = np.minimum(residuals + np.sqrt(residuals * (1.0 - residuals) * variance_of_means), 1.0)
    row_masks = codes[:, 0] == np.arange(P.shape[1])[:, np.newaxis]  # (K, n)
    by_class = tuple([summarize_residuals(residuals[mask], take_optional(weight, mask)) for mask in row_masks])
    return LabelResiduals(summarize_residuals(residuals, weight), by_class)


# --- both ------------------------------------------------------------------------------------------------------------


def learn_residuals(
    head: Head, held_out: HeldOutOutputs, predictions: Array | list[Array], training_values: Array
) -> HeldOutResiduals | None:
    """Return the residuals of held-out rows; None if nothing can be predicted by them.

    `predictions` are `Head.oof_prediction` of these rows. `training_values` are the parsed y of all rows.
    """
    if isinstance(head, LabelHead):
        return learn_label_residuals(head, predictions, held_out.y, held_out.weight, held_out.variance_of_means)
    assert isinstance(head, RegressionHead)
    assert isinstance(predictions, np.ndarray)  # only those of several columns of labels are a list
    return learn_regression_residuals(head, predictions, held_out.y, held_out.weight, training_values)
