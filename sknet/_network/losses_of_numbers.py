"""The losses of regressors.

To add one, write a function of its value and gradient, and give it an entry in `REGRESSION_LOSSES`.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     numbers; for several quantile levels (n, 1)
weight : (n,)       the rows' weights; None where all are 1
value : (n,)        each row's loss, the mean over outputs or quantile levels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real

import numpy as np
from scipy.special import expit

from sknet._network.links import EXP, Link
from sknet._network.losses import Interval, Loss, LossAndGradient, make_loss, row_sums
from sknet._typing import Array
from sknet._vectors import SortedColumns

# --- pinball losses, least where the predictions are quantiles of the target (Koenker & Bassett 1978) -----------------

MIN_QUANTILE_GAP = 1e-3
"""The least distance of neighbouring quantiles at the start of training, scaled: 0 would give an infinite bias."""


@dataclass(frozen=True)
class Quantiles:
    """The pinball loss of several quantile levels, whose predictions cannot cross.

    The raw output of the middle quantile level is its quantile. Each other raw output
    gives, through softplus, the distance to the next quantile towards the middle.
    """

    levels: tuple[float, ...]

    @property
    def middle_index(self) -> int:
        """Index of the level whose raw output is its quantile."""
        return len(self.levels) // 2

    def start(self, target: Array, weight: Array | None) -> Array:
        """Return the raw outputs whose predictions are the target's quantiles, (k,)."""
        quantiles = SortedColumns.from_columns(target.T, weight).quantiles(self.levels)[0]
        gaps = np.maximum(np.diff(quantiles), MIN_QUANTILE_GAP)  # (k - 1,): one for each level but the middle
        raw = gaps + np.log(-np.expm1(-gaps))  # the inverse of softplus
        return np.insert(raw, self.middle_index, quantiles[self.middle_index])

    def apply_link(self, raw: Array) -> None:
        """Overwrite raw with the quantiles, which increase along each row."""
        m = self.middle_index
        gap = np.logaddexp(0.0, raw)  # softplus; gap[:, m] is not used
        # above the middle q_j = q_m + gap_(m+1) + ... + gap_j; below it q_j = q_m - gap_(m-1) - ... - gap_j
        np.cumsum(gap[:, m + 1 :], axis=1, out=raw[:, m + 1 :])
        raw[:, m + 1 :] += raw[:, m : m + 1]
        raw[:, :m] = raw[:, m : m + 1] - np.cumsum(gap[:, :m][:, ::-1], axis=1)[:, ::-1]

    def link_backward(self, raw: Array, delta: Array) -> Array:
        """Return dJ/draw, given delta = dJ/dquantiles."""
        m = self.middle_index
        by_raw = np.asarray(expit(raw))  # softplus' = sigmoid
        by_raw[:, m] = delta.sum(axis=1)  # dq_j/draw_m = 1 for all j
        # gap j > m moves the quantiles j, j + 1, ... up; gap j < m moves the quantiles j, j - 1, ... down
        by_raw[:, m + 1 :] *= np.cumsum(delta[:, :m:-1], axis=1)[:, ::-1]
        by_raw[:, :m] *= -np.cumsum(delta[:, :m], axis=1)
        return by_raw

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        """Return the values and the gradient."""
        prediction = raw.copy()
        self.apply_link(prediction)
        value, by_prediction = _pinball(np.asarray(self.levels, dtype=raw.dtype), target - prediction)
        return value, self.link_backward(raw, by_prediction)


def pinball_and_gradient(quantile_level: float, raw: Array, target: Array) -> tuple[Array, Array]:
    """Return the pinball loss of one quantile level for every output."""
    return _pinball(np.asarray(quantile_level, dtype=raw.dtype), target - raw)


def _quantiles_of(quantile_level: float, target: Array, weight: Array | None) -> Array:
    return SortedColumns.from_columns(target.T, weight).quantiles([quantile_level])[:, 0]


def _pinball(q: Array, residual: Array) -> tuple[Array, Array]:
    """Return max(q r, (q - 1) r) for residuals r = target - prediction, and the gradient by predictions.

    The gradient is -q for r > 0, 1 - q for r < 0, and 0 for r = 0. q is one quantile level, or one per column, (k,).
    """
    value = np.maximum(q * residual, (q - 1.0) * residual).mean(axis=1)
    slope = np.where(residual > 0.0, -q, 1.0 - q) * (residual != 0.0)
    return value, slope / residual.shape[1]


# --- any numbers; the formulas are for one output, and several outputs are averaged -----------------------------------


def squared_error_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """1/2 (raw - t)^2, with the gradient raw - t. Overwrites raw."""
    k = raw.shape[1]
    raw -= target
    value = np.vecdot(raw, raw) * (0.5 / k)
    if k > 1:  # the usual single output needs no further pass
        raw /= k
    return value, raw


def absolute_error_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """|raw - t|, with the gradient sign(raw - t)."""
    residual = raw - target
    return _row_means(np.abs(residual)), np.sign(residual) / raw.shape[1]


def huber_and_gradient(delta: float, raw: Array, target: Array) -> tuple[Array, Array]:
    """r^2 / 2 for residuals |r| <= delta, else delta (|r| - delta / 2); gradient: r clipped at delta (Huber 1964)."""
    residual = raw - target
    clipped = np.clip(residual, -delta, delta)
    return _row_means(clipped * (residual - 0.5 * clipped)), clipped / raw.shape[1]  # both cases in one formula


def _row_means(values: Array) -> Array:
    """Return the mean over the outputs."""
    return row_sums(values) / values.shape[1]


# --- positive targets, half the deviance with a log link (McCullagh & Nelder 1989) ------------------------------------
#
# Terms of the target alone are included, so that a perfect prediction has the loss 0. Near it, the terms of the
# textbook formulas are large and cancel. So the losses are computed from log(m / t) = raw - log t, where m = exp(raw).


def poisson_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the Poisson deviance: m - t - t log(m / t) with the mean m = exp(raw); gradient: m - t."""
    positive = target > 0.0
    # for t = 0, the loss is m, and `log_ratio` is not used
    log_ratio = raw - np.log(target, out=np.zeros_like(raw), where=positive)  # log(m / t)
    mean = np.exp(raw)
    value = np.where(positive, target * (np.expm1(log_ratio) - log_ratio), mean)
    return _row_means(value), (mean - target) / raw.shape[1]


def gamma_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the gamma deviance: t / m - 1 - log(t / m) with the mean m = exp(raw); gradient: 1 - t / m."""
    log_ratio = raw - np.log(target)  # log(m / t)
    excess = np.expm1(-log_ratio)  # t / m - 1
    return _row_means(excess + log_ratio), -excess / raw.shape[1]


def tweedie_and_gradient(power: float, raw: Array, target: Array) -> tuple[Array, Array]:
    """t^b / (a b) - t m^a / a + m^b / b with m = exp(raw), a = 1 - power and b = 2 - power (Jørgensen 1987).

    Half the deviance for a variance of mean^power, between Poisson (power 1) and gamma (2). Targets may be 0.
    The gradient is m^b - t m^a.
    """
    a, b = 1.0 - power, 2.0 - power
    positive = target > 0.0
    log_ratio = raw - np.log(target, out=np.zeros_like(raw), where=positive)  # log(m / t)
    m_to_b = np.exp(b * raw)
    # t^b (m / t)^b = m^b, t^b (m / t)^a = t m^a, and 1 / a - 1 / b = 1 / (a b), since b - a = 1
    deviance = target**b * (np.expm1(b * log_ratio) / b - np.expm1(a * log_ratio) / a)
    # a is negative, so m^a may be infinite; for t = 0, t m^a would then be NaN
    slope = m_to_b - np.where(positive, target * np.exp(a * raw), 0.0)
    return _row_means(np.where(positive, deviance, m_to_b / b)), slope / raw.shape[1]


def _log_of_means(name: str, targets: Interval, target: Array, weight: Array | None) -> Array:
    """Return the raw outputs whose predictions, exp(raw), are the targets' means, (k,)."""
    mean = np.average(target, axis=0, weights=weight)
    if not mean.all():
        raise ValueError(
            f"loss={name!r} needs targets that are {targets}, and not all 0; y has only zeros in the rows to train on, "
            "or in those of a fold. Choose another loss, such as 'squared_error', or hold other rows out."
        )
    return np.log(mean)


# --- by name ----------------------------------------------------------------------------------------------------------

SQUARED_ERROR = make_loss("squared_error", squared_error_and_gradient)
ABSOLUTE_ERROR = make_loss("absolute_error", absolute_error_and_gradient)


def _with_exp_link(name: str, joint: LossAndGradient, targets: Interval) -> Loss:
    """Return a loss whose predictions are exp(raw). Targets are not scaled, and training starts at their mean."""
    start = partial(_log_of_means, name, targets)
    return make_loss(name, joint, link=EXP, targets=targets, scales_targets=False, start=start)


POISSON = _with_exp_link("poisson", poisson_and_gradient, Interval(0.0))
GAMMA = _with_exp_link("gamma", gamma_and_gradient, Interval(0.0, includes_low=False))


def make_tweedie(tweedie_power: float = 1.5) -> Loss:
    """Return half the Tweedie deviance of a power between 1 and 2."""
    return _with_exp_link("tweedie", partial(tweedie_and_gradient, tweedie_power), Interval(0.0))


def make_huber(huber_delta: float = 1.0) -> Loss:
    """Return the Huber loss, which is linear in residuals larger than `huber_delta`."""
    return make_loss("huber", partial(huber_and_gradient, huber_delta))


def make_quantile(quantile: float | Sequence[float] = 0.5) -> Loss:
    """Return the pinball loss of one quantile level for every output, or of several of one target, each an output."""
    if isinstance(quantile, float | Real):  # a float is a Real, which type checkers do not know
        quantile_level = float(quantile)
        return make_loss(
            "quantile", partial(pinball_and_gradient, quantile_level), start=partial(_quantiles_of, quantile_level)
        )
    passed_levels: list[object] = list(quantile)
    levels = [float(q) for q in passed_levels if isinstance(q, Real)]
    inside = all(0.0 < q < 1.0 for q in levels)
    if levels != passed_levels or not levels or not inside or levels != sorted(set(levels)):
        raise ValueError(f"quantile={quantile!r}: levels must increase and lie strictly between 0 and 1.")
    joint = Quantiles(tuple(levels))
    # The link only orders the levels. Predictions have the unit of raw outputs, as with the identity, so targets may be
    # scaled.
    link = Link("identity", joint.apply_link, joint.link_backward)
    return make_loss("quantile", joint, link=link, scales_targets=True, start=joint.start, levels=joint.levels)


REGRESSION_LOSSES: dict[str, Callable[..., Loss]] = {
    "squared_error": lambda: SQUARED_ERROR,
    "absolute_error": lambda: ABSOLUTE_ERROR,
    "huber": make_huber,
    "quantile": make_quantile,
    "poisson": lambda: POISSON,
    "tweedie": make_tweedie,
    "gamma": lambda: GAMMA,
}
"""Every loss of a regressor by name: a function of the estimators' parameters that are its arguments."""
