"""Losses: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

What every loss has, and the classification losses; regression losses are in `regression_losses`.

Conventions
-----------
raw : (n, k)        the network's last sums; there is no output activation but the loss's own link
target : (n, k)     numbers, 0/1 labels, or one-hot rows (soft labels too); for several quantile levels (n, 1)
weight : (n,)       the samples' weights; None where all are 1
value : (n,)        each sample's loss: the mean over regression outputs, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
link : (n, k)       turns raw, in place, into predictions: probabilities, or numbers in the target's (scaled) units
delta : (n, k)      of any J, dJ/dpredictions; `link_backward` returns dJ/draw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf

import numpy as np
from scipy.special import expit

from sknet._network.losses import (
    link_differences,
    log_sigmoid_link,
    log_softmax_link,
    sigmoid_link,
    sigmoid_link_backward,
    softmax_link,
    softmax_link_backward,
)
from sknet._typing import Array


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


# --- sums of losses ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SumOfLosses:
    """Several losses, each of its own outputs: the value is their sum."""

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
        raw = np.zeros(target.shape[1])
        for loss, s in self.parts:
            if loss.start is not None:
                raw[s] = loss.start(target[:, s], weight)
        return raw


def sum_of_losses(losses: Sequence[Loss], slices: Sequence[slice]) -> Loss:
    """Return the sum of several losses, each on its own slice of the outputs."""
    total = _SumOfLosses(tuple(zip(losses, slices, strict=True)))
    names, intervals = {loss.out_activation for loss in losses}, {loss.targets for loss in losses}
    return Loss(
        losses[0].name,
        total.value,
        total.gradient,
        total.link,
        names.pop() if len(names) == 1 else "mixed",
        targets=intervals.pop() if len(intervals) == 1 else Interval(),
        scales_targets=all(loss.takes_scaled_targets for loss in losses),
        start=total.start,
        link_backward=total.link_backward,
        log_link=None if any(loss.log_link is None for loss in losses) else total.log_link,
        # a softmax's slice has all of its classes: only single outputs, of two classes, must be mirrored
        mirrored={loss.mirrored for loss, s in total.parts if s.stop - s.start == 1} == {True},
    )


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
    if len(slices) > 1:
        return sum_of_losses([_log_loss([s], exclusive) for s in slices], slices)
    return SIGMOID_LOG_LOSS if slices[0].stop - slices[0].start == 1 else SOFTMAX_LOG_LOSS


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
