"""Losses: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

To add a loss, write a function of its value and gradient, and give it an entry in `CLASSIFICATION_LOSSES` or
`REGRESSION_LOSSES`.

Conventions
-----------
raw : (n, k)        the network's last sums; there is no output activation but the loss's own link
target : (n, k)     numbers, 0/1 labels, or one-hot rows (soft labels too); for several quantile levels (n, 1)
weight : (n,)       the samples' weights; None where all are 1
value : (n,)        each sample's loss: the mean over regression outputs or quantile levels, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
link : (n, k)       turns raw, in place, into predictions: probabilities, or numbers in the target's (scaled) units
delta : (n, k)      of any J, dJ/dpredictions; `link_backward` returns dJ/draw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import exp, inf
from numbers import Real
from typing import TypeVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit

from sknet._typing import Array

T = TypeVar("T")

# --- links, their logarithms and their derivatives --------------------------------------------------------------------


def sigmoid_link(raw: Array) -> None:
    """Overwrite raw with 1 / (1 + exp(-raw))."""
    expit(raw, out=raw)


def log_sigmoid_link(raw: Array) -> None:
    """Overwrite raw with the logarithms of its sigmoids."""
    # in float64 for float32 too: there SciPy's function falls here and there, where it must rise
    log_expit(raw, out=raw, dtype=np.float64, casting="same_kind")


def sigmoid_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw = delta a (1 - a), with a = sigmoid(raw)."""
    return delta * expit(raw) * expit(-raw)  # 1 - a would lose the digits of a small 1 - a


def softmax_link(raw: Array) -> None:
    """Overwrite raw with exp(raw_j) / sum_k exp(raw_k)."""
    _subtract_largest(raw)
    np.exp(raw, out=raw)
    raw /= raw.sum(axis=1, keepdims=True)


def log_softmax_link(raw: Array) -> None:
    """Overwrite raw with the logarithms of the softmax."""
    _subtract_largest(raw)
    raw -= np.log(np.exp(raw).sum(axis=1, keepdims=True))


def _subtract_largest(raw: Array) -> None:
    """Move each row so that its largest number is 0: the softmax stays the same, and exp cannot overflow."""
    with np.errstate(over="ignore"):  # what is infinitely far below the largest has no share
        raw -= raw.max(axis=1, keepdims=True)


def softmax_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw_j = a_j (delta_j - sum_k a_k delta_k), with a = softmax(raw)."""
    a = raw.copy()
    softmax_link(a)
    return a * (delta - np.vecdot(a, delta)[:, np.newaxis])


DIFFERENCE_STEP = 1e-5
"""The step of central differences, relative to a raw output above 1: truncation and rounding are about 1e-10 there."""


def link_differences(link: Callable[[Array], None], raw: Array, delta: Array) -> Array:
    """Return dJ/draw by differences of a link whose derivative nobody has written."""
    gradient = np.empty_like(raw, dtype=np.float64)
    for j in range(raw.shape[1]):  # raw_j may change every prediction of its row: sum_i delta_i dlink_i / draw_j
        step = DIFFERENCE_STEP * np.maximum(1.0, np.abs(raw[:, j]))
        above, below = raw.astype(np.float64), raw.astype(np.float64)
        above[:, j] += step
        below[:, j] -= step
        link(above)
        link(below)
        gradient[:, j] = np.vecdot(above - below, delta) / (2.0 * step)
    return gradient


# --- what every loss has ----------------------------------------------------------------------------------------------


def identity(raw: Array) -> None:
    """Leave raw as it is.

    Parameters
    ----------
    raw : array of shape (n, k)
        Raw outputs.
    """


@dataclass(frozen=True)
class Interval:
    """An interval of numbers.

    Parameters
    ----------
    low : float, default=-inf
        Lower end.

    high : float, default=inf
        Upper end.

    includes_low : bool, default=True
        Whether the lower end belongs to the interval.

    includes_high : bool, default=True
        Whether the upper end belongs to the interval.
    """

    low: float = -inf
    high: float = inf
    includes_low: bool = True
    includes_high: bool = True

    def contains(self, values: Array) -> Array:
        """Test which values lie inside.

        Parameters
        ----------
        values : array
            Numbers. NaN is never inside.

        Returns
        -------
        inside : array of bool, shaped like values
            True for values inside.
        """
        above = values >= self.low if self.includes_low else values > self.low
        below = values <= self.high if self.includes_high else values < self.high
        return above & below

    def __str__(self) -> str:
        if -inf < self.low and self.high < inf and self.includes_low and self.includes_high:
            return f"between {self.low:g} and {self.high:g}"
        ends = []
        if self.low > -inf:
            ends.append(f"{self.low:g} or more" if self.includes_low else f"above {self.low:g}")
        if self.high < inf:
            ends.append(f"{self.high:g} or less" if self.includes_high else f"below {self.high:g}")
        return " and ".join(ends) or "any numbers"


@dataclass(frozen=True)
class Loss:
    """A loss of your own: its value, its gradient and its link.

    All functions take the raw output of the network.

    Parameters
    ----------
    name : str
        Name used in messages and files.

    value : callable
        `value(raw, target)` returns the loss of each sample, of shape (n,). It must not
        change raw.

    gradient : callable
        `gradient(raw, target)` returns the derivatives of each sample's loss with
        respect to its raw outputs, of shape (n, k). It may overwrite raw.

    link : callable, default=identity
        `link(raw)` overwrites raw with predictions.

    out_activation : str, default="identity"
        Name of the link, which estimators show as `out_activation_`.

    joint : callable, default=None
        `joint(raw, target)` returns (value, gradient). It saves time if both can be
        computed together.

    targets : Interval, default=Interval()
        Interval in which targets must lie.

    scales_targets : bool, default=None
        Whether targets may be scaled for training, and predictions scaled back. None
        allows it only if the link is the identity.

    start : callable, default=None
        `start(target, weight)` returns the raw output of a constant prediction, of
        shape (k,), from which training starts. `weight` has shape (n,) or is None.
        Without `start`, training starts from 0.

    levels : tuple of float, default=()
        Quantile levels, if one target has several raw outputs, one per level.

    link_backward : callable, default=None
        `link_backward(raw, delta)` turns derivatives with respect to the predictions
        into derivatives with respect to raw, of shape (n, k). Only `input_gradients`
        needs it. Without it, central differences of the link are used.

    log_link : callable, default=None
        `log_link(raw)` overwrites raw with the logarithms of probabilities, even of
        those that are too small for a float.

    mirrored : bool, default=False
        Whether the link of -raw is the probability of the other class, as for a
        sigmoid. This probability is then more accurate than 1 - p.

    See Also
    --------
    check_gradient : Compare `gradient` with finite differences of `value`.
    """

    name: str
    value: Callable[[Array, Array], Array]
    gradient: Callable[[Array, Array], Array]
    link: Callable[[Array], None] = identity
    out_activation: str = "identity"
    joint: Callable[[Array, Array], tuple[Array, Array]] | None = None
    targets: Interval = Interval()
    scales_targets: bool | None = None
    start: Callable[[Array, Array | None], Array] | None = None
    levels: tuple[float, ...] = ()
    link_backward: Callable[[Array, Array], Array] | None = None
    log_link: Callable[[Array], None] | None = None
    mirrored: bool = False

    def __getstate__(self) -> dict[str, object]:
        # the pickle of a fitted estimator names nothing private, which may be renamed
        return {name: value for name, value in vars(self).items() if value is not identity}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update({"link": identity} | state)

    @property
    def takes_scaled_targets(self) -> bool:
        """Whether targets may be scaled before training."""
        return self.link is identity if self.scales_targets is None else self.scales_targets

    def predictions(self, raw: Array) -> Array:
        """Compute the predictions from raw outputs.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        Returns
        -------
        predictions : array of shape (n, k)
            Probabilities, or numbers in the units of the (scaled) target.
        """
        predictions = np.array(raw, order="F")  # what a link does row by row goes faster along whole columns
        self.link(predictions)
        return predictions

    def log_predictions(self, raw: Array) -> Array:
        """Compute the logarithms of the probabilities, all of them finite.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        Returns
        -------
        log_p : array of shape (n, k)
            Logarithms.
        """
        if self.log_link is None:
            raise TypeError(f"the loss {self.name!r} has no log_link")
        log_p = np.array(raw, order="F")
        self.log_link(log_p)
        return np.maximum(log_p, np.finfo(raw.dtype).min)  # one output may lie infinitely far below another

    def both_predictions(self, raw: Array) -> Array:
        """Compute the probabilities of both classes if the link is mirrored, else the predictions.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        Returns
        -------
        predictions : array of shape (n, 2 k) or (n, k)
            Probabilities. For a mirrored link, those of the other class come first.
        """
        return self._both(self.predictions, raw)

    def both_log_predictions(self, raw: Array) -> Array:
        """Compute the logarithms of `both_predictions`.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        Returns
        -------
        log_p : array of shape (n, 2 k) or (n, k)
            Logarithms.
        """
        return self._both(self.log_predictions, raw)

    def _both(self, predict: Callable[[Array], Array], raw: Array) -> Array:
        return np.concatenate([predict(-raw), predict(raw)], axis=1) if self.mirrored else predict(raw)

    def backward_through_link(self, raw: Array, delta: Array) -> Array:
        """Turn derivatives with respect to predictions into derivatives with respect to raw outputs.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        delta : array of shape (n, k)
            Derivatives with respect to the predictions.

        Returns
        -------
        gradient : array of shape (n, k)
            Derivatives with respect to the raw outputs.
        """
        if self.link is identity:
            return delta
        return (self.link_backward or partial(link_differences, self.link))(raw, delta)

    def mean(self, raw: Array, target: Array, weight: Array | None) -> float:
        """Compute the weighted mean loss.

        Parameters
        ----------
        raw, target : arrays of shape (n, k)
            Raw outputs and targets.

        weight : array of shape (n,), or None
            Sample weights.

        Returns
        -------
        mean : float
            The mean over the samples.
        """
        return weighted_mean(self.value(raw, target), weight)

    def value_and_gradient(self, raw: Array, target: Array) -> tuple[Array, Array]:
        """Compute each sample's loss and its gradient.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs, which may be overwritten.

        target : array of shape (n, k)
            Targets.

        Returns
        -------
        value : array of shape (n,)
            The losses.

        gradient : array of shape (n, k)
            Their derivatives with respect to the raw outputs.
        """
        if self.joint is not None:
            return self.joint(raw, target)
        return self.value(raw, target), self.gradient(raw, target)


def weighted_mean(values: Array, weight: Array | None) -> float:
    """Return the mean of (n,) values, weighted where there are weights: by products, which are faster than NumPy's."""
    # `mean` gives the same number in five times the time, a dozen times an epoch while a temperature is searched
    return float(values.sum() / len(values) if weight is None else np.dot(values, weight) / weight.sum())


# --- losses from one function ---------------------------------------------------------------------------------------

Joint = Callable[[Array, Array], tuple[Array, Array]]
"""(raw, target) -> (value, gradient); it may overwrite raw."""


def _value_from_joint(joint: Joint, raw: Array, target: Array) -> Array:
    with np.errstate(all="ignore"):  # an overflow gives an infinite loss, which training reports as divergence
        return joint(raw.copy(), target)[0]


def _gradient_from_joint(joint: Joint, raw: Array, target: Array) -> Array:
    """Return the gradient alone, of a function that computes the value and the gradient jointly."""
    with np.errstate(all="ignore"):
        return joint(raw, target)[1]


def make_loss(name: str, joint: Joint, **more: object) -> Loss:
    """Return the loss whose value and gradient one function computes; `more` are further arguments of `Loss`."""
    functions = {
        "value": partial(_value_from_joint, joint),
        "gradient": partial(_gradient_from_joint, joint),
        "joint": joint,
    }
    return Loss(name, **functions | more)  # type: ignore[arg-type]


def row_sums(values: Array) -> Array:
    """Return the sum of each row; of a single column, faster than NumPy's sum, that column."""
    return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)


# --- classification losses -------------------------------------------------------------------------------------------


def sigmoid_log_loss(raw: Array, target: Array) -> tuple[Array, Array]:
    """-t log a - (1 - t) log(1 - a) with a = sigmoid(raw), summed over the labels; it is log(1 + exp(raw)) - t raw."""
    value = np.logaddexp(0.0, raw)
    value -= target * raw
    return row_sums(value), sigmoid_log_loss_gradient(raw, target)


def sigmoid_log_loss_gradient(raw: Array, target: Array) -> Array:
    """Overwrite raw with a - t: the slope a (1 - a) of the sigmoid cancels."""
    expit(raw, out=raw)
    raw -= target
    return raw


def softmax_log_loss(raw: Array, target: Array) -> tuple[Array, Array]:
    """-sum_j t_j log a_j with a = softmax(raw); it is log sum_j exp(raw_j) - sum_j t_j raw_j. Overwrites raw."""
    a, largest, total = _softmax_by_column(raw)
    at_target = np.vecdot(raw, target)  # (n,) sum_j t_j raw_j, before delta overwrites raw
    delta = np.subtract(a.T, target, out=raw)  # a - t: the rows of t add up to 1
    value = np.log(total, out=total)  # log sum_j exp(raw_j) - largest
    largest -= at_target
    value += largest
    return value, delta


def softmax_log_loss_gradient(raw: Array, target: Array) -> Array:
    """Overwrite raw with a - t alone, as `softmax_log_loss` does."""
    a, _, _ = _softmax_by_column(raw)
    return np.subtract(a.T, target, out=raw)


def _softmax_by_column(raw: Array) -> tuple[Array, Array, Array]:
    """Return a = softmax(raw), (k, n), the largest raw_j of each row, and the sum of exp(raw_j - largest), (n,)."""
    a = raw.T.copy()  # what is done with all of a row goes faster along whole columns
    largest = np.maximum.reduce(a)
    a -= largest  # changes no probability, and exp cannot overflow
    np.exp(a, out=a)
    total = np.add.reduce(a)
    a /= total
    return a, largest, total


def sigmoid_squared_error(raw: Array, target: Array) -> tuple[Array, Array]:
    """1/2 (a - t)^2 with a = sigmoid(raw), summed over the labels."""
    a = np.asarray(expit(raw))
    error = a - target
    return 0.5 * np.vecdot(error, error), error * a * (1.0 - a)  # dJ/da da/draw: not a - t, as it is for the log-loss


# --- where training starts: the raw output of the best constant prediction ------------------------------------------

MIN_LABEL_FREQUENCY = 1e-3
"""The least frequency of a label that training starts from: no label starts with a probability of 0."""


def _label_frequencies(target: Array, weight: Array | None) -> Array:
    """Return which fraction of the rows has each label, (k,), within limits."""
    frequency = np.average(target, axis=0, weights=weight).astype(np.float64)
    return np.clip(frequency, MIN_LABEL_FREQUENCY, 1.0 - MIN_LABEL_FREQUENCY)


def _log_odds(target: Array, weight: Array | None) -> Array:
    """Return the raw outputs whose sigmoids are the labels' frequencies, (k,)."""
    frequency = _label_frequencies(target, weight)
    return np.log(frequency / (1.0 - frequency))


def _centred_log_frequencies(target: Array, weight: Array | None) -> Array:
    """Return the raw outputs, of mean 0, whose softmax gives the labels' frequencies, (k,)."""
    logs = np.log(_label_frequencies(target, weight))
    return logs - logs.mean()  # a softmax does not change with a constant that is added to all


# --- several columns of classes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SumOfLogLosses:
    """A log-loss for each column of labels, of its own raw outputs: the value is their sum."""

    parts: tuple[tuple[Loss, slice], ...]

    def value(self, raw: Array, target: Array) -> Array:
        return np.sum([loss.value(raw[:, s], target[:, s]) for loss, s in self.parts], axis=0)

    def gradient(self, raw: Array, target: Array) -> Array:
        for loss, s in self.parts:
            raw[:, s] = loss.gradient(raw[:, s], target[:, s])
        return raw

    def link(self, raw: Array) -> None:
        for loss, s in self.parts:
            loss.link(raw[:, s])  # a view: each link writes into raw

    def link_backward(self, raw: Array, delta: Array) -> Array:
        return np.hstack([loss.backward_through_link(raw[:, s], delta[:, s]) for loss, s in self.parts])

    def log_link(self, raw: Array) -> None:
        for loss, s in self.parts:
            raw[:, s] = loss.log_predictions(raw[:, s])

    def start(self, target: Array, weight: Array | None) -> Array:
        return np.concatenate([loss.start(target[:, s], weight) for loss, s in self.parts])  # type: ignore[misc]


# --- targets that are missing in part --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _LossOfPresentTargets:
    """A loss of several outputs, in which a missing target (NaN) has no part; of complete rows it is `whole` itself."""

    whole: Loss
    losses_by_target: Callable[[], Iterable[tuple[Loss, slice]]]  # outputs of a target are there or missing together
    weight_of_each_target: float  # in the value: 1 of a sum, 1 / k of a mean

    def joint(self, raw: Array, target: Array) -> tuple[Array, Array]:
        if not np.isnan(target).any():
            return self.whole.value_and_gradient(raw, target)
        total, delta = np.zeros(len(raw), raw.dtype), np.zeros_like(raw)
        for loss, s, rows in self._losses_with_present_rows(target):
            value, gradient = loss.value_and_gradient(raw[rows, s], target[rows, s])  # indices: a copy, not raw itself
            total[rows] += self.weight_of_each_target * value
            delta[rows, s] = self.weight_of_each_target * gradient
        return total, delta

    def gradient(self, raw: Array, target: Array) -> Array:
        return self.joint(raw, target)[1] if np.isnan(target).any() else self.whole.gradient(raw, target)

    def start(self, target: Array, weight: Array | None) -> Array:
        if self.whole.start is not None and not np.isnan(target).any():
            return self.whole.start(target, weight)
        raw = np.zeros(target.shape[1])
        for loss, s, rows in self._losses_with_present_rows(target):
            if loss.start is not None:
                raw[s] = loss.start(target[rows, s], None if weight is None else weight[rows])
        return raw

    def _losses_with_present_rows(self, target: Array) -> Iterator[tuple[Loss, slice, Array]]:
        """Yield loss and outputs of each target with the rows that have it, if there are any."""
        for loss, s in self.losses_by_target():
            rows = np.flatnonzero(~np.isnan(target[:, s.start]))
            if len(rows):
                yield loss, s, rows


def without_missing_targets(
    whole: Loss, losses_by_target: Callable[[], Iterable[tuple[Loss, slice]]], weight_of_each_target: float
) -> Loss:
    """Return a loss of several outputs that leaves out targets that are NaN.

    Parameters
    ----------
    whole : Loss
        Of rows that have all targets.
    losses_by_target : callable
        Returns the loss and the outputs of each target by itself. It is called where a target is missing: the number of
        labels in a file may be any.
    weight_of_each_target : float
        In the value of `whole`: 1 where it is their sum, 1 / k where their mean.
    """
    present = _LossOfPresentTargets(whole, losses_by_target, weight_of_each_target)
    return replace(
        whole,
        value=partial(_value_from_joint, present.joint),
        gradient=present.gradient,
        joint=None if whole.joint is None else present.joint,
        start=None if whole.start is None else present.start,
    )


# --- a log link, in the unit of the target's mean: a fit then does not depend on the unit of the target --------------
#
# The deviance of a variance mean^p, in a unit u, is u^(p - 2) times what it is in the unit 1. The penalty, the
# tolerance and a solver's constants are not: they are compared with the loss in a unit that the targets themselves
# give.


def _in_unit(function: Callable[[Array, Array], T], log_of_unit: Array, raw: Array, target: Array) -> T:
    """Call a loss's function with raw outputs in the unit of its targets."""
    return function(raw - log_of_unit.astype(raw.dtype), target)


def _start_in_unit(
    start: Callable[[Array, Array | None], Array], log_of_unit: Array, target: Array, weight: Array | None
) -> Array:
    return start(target, weight) + log_of_unit


def in_unit(loss: Loss, unit: Array) -> Loss:
    """Return a loss that is given targets over their unit, (k,); raw outputs stay logarithms in the target's own."""
    log_of_unit = np.log(unit)
    return replace(
        loss,
        value=partial(_in_unit, loss.value, log_of_unit),
        gradient=partial(_in_unit, loss.gradient, log_of_unit),
        joint=loss.joint and partial(_in_unit, loss.joint, log_of_unit),
        start=loss.start and partial(_start_in_unit, loss.start, log_of_unit),
    )


# --- classification losses, by name ---------------------------------------------------------------------------------

TARGETS_FROM_0_TO_1 = Interval(0.0, 1.0)
"""What log-losses take: 0, 1, or a label's part of a row."""

SIGMOID_LOG_LOSS = make_loss(
    "log_loss", sigmoid_log_loss, link=sigmoid_link, out_activation="logistic", targets=TARGETS_FROM_0_TO_1,
    start=_log_odds, link_backward=sigmoid_link_backward, log_link=log_sigmoid_link, mirrored=True,
    gradient=sigmoid_log_loss_gradient,  # which the search for a temperature asks for a dozen times an epoch
)  # fmt: skip
SOFTMAX_LOG_LOSS = make_loss(
    "log_loss", softmax_log_loss, link=softmax_link, out_activation="softmax", targets=TARGETS_FROM_0_TO_1,
    start=_centred_log_frequencies, link_backward=softmax_link_backward, log_link=log_softmax_link,
    gradient=softmax_log_loss_gradient,  # as above
)  # fmt: skip
SIGMOID_SQUARED_ERROR = make_loss(
    "squared_error", sigmoid_squared_error, link=sigmoid_link, out_activation="logistic", targets=TARGETS_FROM_0_TO_1,
    link_backward=sigmoid_link_backward, log_link=log_sigmoid_link, mirrored=True,
)  # fmt: skip


def _log_loss(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid for two classes, a softmax for more; multilabel targets: one sigmoid per label."""
    if not exclusive:
        return SIGMOID_LOG_LOSS
    losses = [SIGMOID_LOG_LOSS if s.stop - s.start == 1 else SOFTMAX_LOG_LOSS for s in slices]
    if len(losses) == 1:
        return losses[0]
    total = _SumOfLogLosses(tuple(zip(losses, slices, strict=True)))
    return replace(
        losses[0], value=total.value, gradient=total.gradient, joint=None, link=total.link,
        out_activation=losses[0].out_activation if len({*losses}) == 1 else "mixed", start=total.start,
        link_backward=total.link_backward, log_link=total.log_link, mirrored=any(loss.mirrored for loss in losses),
    )  # fmt: skip


def _squared_error(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid per output; of exclusive classes, the probabilities are the sigmoids over their sum."""
    single = [s.stop - s.start == 1 for s in slices]
    if not exclusive or all(single):
        return SIGMOID_SQUARED_ERROR
    return replace(
        SIGMOID_SQUARED_ERROR, log_link=partial(_log_normalised_sigmoids, tuple(slices)), mirrored=any(single)
    )


def _log_normalised_sigmoids(slices: Sequence[slice], raw: Array) -> None:
    """Overwrite raw with the logarithms of its sigmoids over their sum in each slice; of single ones, of themselves."""
    log_sigmoid_link(raw)
    for s in slices:
        if s.stop - s.start > 1:
            log_softmax_link(raw[:, s])  # exp(log p_j) / sum_k exp(log p_k)


CLASSIFICATION_LOSSES: dict[str, Callable[[Sequence[slice], bool], Loss]] = {
    "log_loss": _log_loss,
    "squared_error": _squared_error,
}
"""Every loss of a classifier by name: a function of the slices of raw outputs, one per column of labels, and of whether
labels are exclusive: each row then has one label per slice; multilabel targets have none to several in all."""


# --- pinball losses, least where the predictions are quantiles of the target (Koenker & Bassett 1978) -----------------

MIN_QUANTILE_GAP = 1e-3
"""The least distance of neighbouring quantiles at the start of training, in scaled units."""

LEVEL_SLACK = 1e-10
"""How much levels are lowered: a cumulated weight that reaches a level may be rounded to a little less."""


def weighted_quantiles(target: Array, levels: Sequence[float], weight: Array | None) -> Array:
    """Return the first values of each column whose cumulated weight reaches the levels, (len(levels), k)."""
    level = np.maximum(np.asarray(levels) - LEVEL_SLACK, LEVEL_SLACK)
    return np.quantile(target.astype(np.float64), level, axis=0, weights=weight, method="inverted_cdf")


@dataclass(frozen=True)
class Quantiles:
    """Quantile levels whose predictions cannot cross.

    The raw output in the middle is that level's quantile, each other one,
    through softplus, the distance to its neighbour on the side of the middle.
    """

    levels: tuple[float, ...]

    @property
    def middle_index(self) -> int:
        """Index of the level that the others are counted from."""
        return len(self.levels) // 2

    def start(self, target: Array, weight: Array | None) -> Array:
        """Return the raw outputs whose predictions are the target's quantiles, (k,)."""
        quantiles = weighted_quantiles(target, self.levels, weight)[:, 0]
        steps = np.maximum(np.diff(quantiles), MIN_QUANTILE_GAP)  # (k - 1,): one for each level but the middle
        raw = steps + np.log(-np.expm1(-steps))  # the inverse of softplus: the link gives the steps back
        return np.insert(raw, self.middle_index, quantiles[self.middle_index])

    def link(self, raw: Array) -> None:
        """Overwrite raw with the quantiles, which increase along each row."""
        m = self.middle_index
        step = np.logaddexp(0.0, raw)  # softplus; step[:, m] is not used
        # above the middle q_j = q_m + step_(m+1) + ... + step_j; below it q_j = q_m - step_(m-1) - ... - step_j
        np.cumsum(step[:, m + 1 :], axis=1, out=raw[:, m + 1 :])
        raw[:, m + 1 :] += raw[:, m : m + 1]
        raw[:, :m] = raw[:, m : m + 1] - np.cumsum(step[:, :m][:, ::-1], axis=1)[:, ::-1]

    def link_backward(self, raw: Array, delta: Array) -> Array:
        """Return dJ/draw, given delta = dJ/dquantiles."""
        m = self.middle_index
        by_raw = np.asarray(expit(raw))  # the sigmoid is softplus' slope
        by_raw[:, m] = delta.sum(axis=1)  # the middle moves all quantiles
        # step j > m moves all quantiles from j on up, step j < m all from j on down: sums of delta from the far ends
        by_raw[:, m + 1 :] *= np.cumsum(delta[:, :m:-1], axis=1)[:, ::-1]
        by_raw[:, :m] *= -np.cumsum(delta[:, :m], axis=1)
        return by_raw

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        prediction = raw.copy()
        self.link(prediction)
        value, by_prediction = _pinball(np.asarray(self.levels, dtype=raw.dtype), target - prediction)
        return value, self.link_backward(raw, by_prediction)


@dataclass(frozen=True)
class Pinball:
    """One quantile level for every output."""

    level: float

    def start(self, target: Array, weight: Array | None) -> Array:
        return weighted_quantiles(target, [self.level], weight)[0]

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        return _pinball(np.asarray(self.level, dtype=raw.dtype), target - raw)


def _pinball(q: Array, error: Array) -> tuple[Array, Array]:
    """Return each row's mean of q e where the error e = target - prediction is positive, of (q - 1) e elsewhere.

    And its gradient by the predictions, 0 where e is. q is one level, or one for each column, (k,).
    """
    value = np.maximum(q * error, (q - 1.0) * error).mean(axis=1)
    slope = np.where(error > 0.0, -q, 1.0 - q) * (error != 0.0)
    return value, slope / error.shape[1]


# --- regression losses: any numbers; formulas are those of one output, the value is their mean ------------------------


def squared_error(raw: Array, target: Array) -> tuple[Array, Array]:
    """1/2 (raw - t)^2."""
    k = raw.shape[1]
    raw -= target
    value = np.vecdot(raw, raw) * (0.5 / k)
    if k > 1:  # the usual single output needs no further pass
        raw /= k
    return value, raw


def absolute_error(raw: Array, target: Array) -> tuple[Array, Array]:
    """|raw - t|."""
    error = raw - target
    return _row_means(np.abs(error)), np.sign(error) / raw.shape[1]


@dataclass(frozen=True)
class Huber:
    """e^2 / 2 for an error e up to delta, delta (|e| - delta / 2) beyond (Huber 1964)."""

    delta: float

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        error = raw - target
        inside = np.clip(error, -self.delta, self.delta)
        return _row_means(inside * (error - 0.5 * inside)), inside / raw.shape[1]  # both cases in one formula


def _row_means(values: Array) -> Array:
    """Return the mean over the outputs."""
    return row_sums(values) / values.shape[1]


# --- regression losses: positive targets, half the deviance with a log link (McCullagh & Nelder 1989) -----------------
#
# Terms of the target alone stay in, so that a perfect prediction has the loss 0; and all is written with
# off = raw - log t, since near a perfect prediction the textbook's terms are large and cancel.


def _exp_link(raw: Array) -> None:
    with np.errstate(over="ignore"):
        np.exp(raw, out=raw, dtype=np.float64, casting="same_kind")  # in float32, NumPy's falls here and there


def _exp_link_backward(raw: Array, delta: Array) -> Array:
    with np.errstate(over="ignore"):
        return delta * np.exp(raw)


def poisson(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the Poisson deviance: m - t - t log(m / t) with the mean m = exp(raw)."""
    positive = target > 0.0
    # log t does not exist for t = 0, where the loss is m: `off` is not read there
    off = raw - np.log(target, out=np.zeros_like(raw), where=positive)  # log(m / t)
    mean = np.exp(raw)
    value = np.where(positive, target * (np.expm1(off) - off), mean)
    return _row_means(value), (mean - target) / raw.shape[1]


def gamma(raw: Array, target: Array) -> tuple[Array, Array]:
    """Half the gamma deviance: t / m - 1 - log(t / m) with the mean m = exp(raw)."""
    off = raw - np.log(target)  # log(m / t)
    excess = np.expm1(-off)  # t / m - 1
    return _row_means(excess + off), -excess / raw.shape[1]


@dataclass(frozen=True)
class Tweedie:
    """t^b / (a b) - t m^a / a + m^b / b with m = exp(raw), a = 1 - power and b = 2 - power (Jørgensen 1987).

    Half the deviance of a variance mean^power: between counts (power 1) and sizes (2), zeros included.
    """

    power: float

    def __call__(self, raw: Array, target: Array) -> tuple[Array, Array]:
        a, b = 1.0 - self.power, 2.0 - self.power
        positive = target > 0.0
        off = raw - np.log(target, out=np.zeros_like(raw), where=positive)
        m_to_b = np.exp(b * raw)
        # t^b (m / t)^b / b = m^b / b, the same for a, and 1 / a - 1 / b = 1 / (a b), since b - a = 1
        deviance = target**b * (np.expm1(b * off) / b - np.expm1(a * off) / a)
        # a is negative, so m^a may be infinite: where t is 0, t m^a would be NaN
        slope = m_to_b - np.where(positive, target * np.exp(a * raw), 0.0)
        return _row_means(np.where(positive, deviance, m_to_b / b)), slope / raw.shape[1]


def _log_mean(name: str, targets: Interval, target: Array, weight: Array | None) -> Array:
    """Return the raw outputs whose predictions, exp(raw), are the targets' means, (k,)."""
    mean = np.average(target, axis=0, weights=weight)
    if not mean.all():
        raise ValueError(
            f"loss={name!r} needs targets that are {targets}, and not all 0; y has only zeros in the rows to train on, "
            "or in those of a fold. Choose another loss, shift y, or hold other rows out."
        )
    return np.log(mean)


# --- regression losses, by name ---------------------------------------------------------------------------------------

SQUARED_ERROR = make_loss("squared_error", squared_error)
ABSOLUTE_ERROR = make_loss("absolute_error", absolute_error)


def _with_log_link(name: str, joint: Joint, targets: Interval) -> Loss:
    """Return a loss of predictions exp(raw). Its targets are never scaled; training starts at their mean."""
    start = partial(_log_mean, name, targets)
    return make_loss(
        name, joint, link=_exp_link, out_activation="exp", targets=targets, scales_targets=False, start=start,
        link_backward=_exp_link_backward,
    )  # fmt: skip


POISSON = _with_log_link("poisson", poisson, Interval(0.0))
GAMMA = _with_log_link("gamma", gamma, Interval(0.0, includes_low=False))


def make_tweedie(tweedie_power: float = 1.5) -> Loss:
    """Return half the Tweedie deviance of a power between 1 and 2."""
    return _with_log_link("tweedie", Tweedie(tweedie_power), Interval(0.0))


def make_huber(huber_delta: float = 1.0) -> Loss:
    """Return the Huber loss that turns linear at an error of `huber_delta`."""
    return make_loss("huber", Huber(huber_delta))


def make_pinball(level: float) -> Loss:
    """Return the pinball loss of one quantile level, the same for every output."""
    joint = Pinball(level)
    return make_loss("quantile", joint, start=joint.start)


def make_quantiles(levels: Sequence[float]) -> Loss:
    """Return the pinball loss of several increasing quantile levels of one target, one raw output per level."""
    joint = Quantiles(tuple(levels))
    # Its link is not the identity, but works in any unit of the targets: they may be scaled.
    return make_loss(
        "quantile", joint, link=joint.link, scales_targets=True, start=joint.start, levels=joint.levels,
        link_backward=joint.link_backward,
    )  # fmt: skip


def make_quantile(quantile: float | Sequence[float] = 0.5) -> Loss:
    """Return the pinball loss of one quantile level or of several; see `make_pinball` and `make_quantiles`."""
    if isinstance(quantile, float | Real):  # a float is a Real, which type checkers do not know
        return make_pinball(float(quantile))
    given: list[object] = list(quantile)
    levels = [float(q) for q in given if isinstance(q, Real)]
    inside = all(0.0 < q < 1.0 for q in levels)
    if levels != given or not levels or not inside or levels != sorted(set(levels)):
        raise ValueError(f"quantile={quantile!r}: levels must increase and lie strictly between 0 and 1.")
    return make_quantiles(levels)


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


# --- the temperature by which raw outputs are divided, so that probabilities are as sure as they should be ------------

MAX_LOG_TEMPERATURE = 3.0
"""Neither the temperature nor its inverse is larger than e to this power."""

PRIOR_LOG_DEVIATION = 0.6
"""The standard deviation of the prior on the temperature's logarithm."""


def best_inverse_temperature(loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float) -> float:
    """Find the inverse temperature e^u at which mean loss(e^u raw) + u^2 / (2 s^2 total_weight) is least.

    This is the temperature of Guo et al. (2017), arXiv:1706.04599, with a
    normal prior of deviation s on its logarithm: for few samples that are all
    predicted right, the likelihood alone would make it 0.

    Parameters
    ----------
    loss : Loss
        One whose link is a sigmoid or a softmax.

    raw, target : (n, k) arrays
    weight : (n,) array or None
    total_weight : float
        How many samples they count as.

    Returns
    -------
    inverse_temperature : float
        Within e^-3 and e^3; 1 where raw is not finite.
    """
    divisor = PRIOR_LOG_DEVIATION**2 * total_weight  # the prior's slope is u / divisor, which many samples outweigh

    @cache  # the ends of the interval are looked at twice
    def slope(u: float) -> float:
        by_raw = loss.gradient(raw * exp(u), target)  # d loss(e^u raw) / du = gradient . e^u raw
        return exp(u) * weighted_mean(np.einsum("ij,ij->i", by_raw, raw), weight) + u / divisor

    low, high = slope(-MAX_LOG_TEMPERATURE), slope(MAX_LOG_TEMPERATURE)
    if low < 0.0 < high:
        return exp(brentq(slope, -MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE, xtol=1e-6))
    # the least lies at an end of the interval; a NaN is neither above 0 nor below
    return exp(-MAX_LOG_TEMPERATURE) if low >= 0.0 else exp(MAX_LOG_TEMPERATURE) if high <= 0.0 else 1.0


def scale_to_best_temperature_in_place(
    loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float
) -> tuple[float, float]:
    """Multiply raw outputs, in place, by the best inverse temperature; return it and the mean loss."""
    inverse_temperature = best_inverse_temperature(loss, raw, target, weight, total_weight)
    raw *= inverse_temperature
    return inverse_temperature, loss.mean(raw, target, weight)
