"""Losses: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

What every loss has, the losses of labels, and the temperature that suits them; those of numbers are in `regression`.

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
u : float           log of the factor on the raw outputs, minus log of the temperature
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import exp, inf

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from sknet._network.links import (
    exp_below,
    link_differences,
    log_shares,
    log_softmax_link,
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
    """The numbers between two others.

    Parameters
    ----------
    low : float, default=-inf
        The lower end.

    high : float, default=inf
        The upper end.

    includes_low : bool, default=True
        Whether the lower end is inside.

    includes_high : bool, default=True
        Whether the upper end is inside.
    """

    low: float = -inf
    high: float = inf
    includes_low: bool = True
    includes_high: bool = True

    def contains(self, values: Array) -> Array:
        """Say which values are inside.

        Parameters
        ----------
        values : array
            Numbers; NaN is never inside.

        Returns
        -------
        inside : array of bool, shaped like values
            True where a value is inside.
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
    """A loss as a function of the network's raw output.

    Parameters
    ----------
    name : str
        What the loss is called in messages.

    value : callable
        `value(raw, target)` returns each sample's loss, shape (n,), and leaves
        raw alone.

    gradient : callable
        `gradient(raw, target)` returns the derivative of each sample's loss
        with respect to its raw outputs, shape (n, k). It may overwrite raw.

    link : callable, default=identity
        `link(raw)` turns raw, in place, into predictions.

    out_activation : str, default="identity"
        The link's name, the estimators' `out_activation_`.

    joint : callable, default=None
        `joint(raw, target)` returns (value, gradient) where computing them
        together is cheaper.

    targets : Interval, default=Interval()
        Where targets must lie; by default they may be any numbers.

    scales_targets : bool, default=None
        Whether targets may be scaled before training, and predictions scaled
        back. None allows it only where the link is the identity.

    start : callable, default=None
        `start(target, weight)` returns the raw output, shape (k,), of a
        constant prediction, from which training starts. `weight` has shape
        (n,), or is None. Without it training starts from 0.

    levels : tuple of float, default=()
        Quantile levels, where one target has several raw outputs, one per level.

    link_backward : callable, default=None
        `link_backward(raw, delta)` returns the derivatives of a number by raw,
        shape (n, k), where delta holds those by the predictions. Training does
        not need it, `input_gradients` does; without it, it takes central
        differences of the link.

    log_link : callable, default=None
        `log_link(raw)` turns raw, in place, into the logarithms of
        probabilities: of small ones and of those near 1 to the last digits,
        which the logarithm of `link` has not. Without it that is what is taken.

    mirrored : bool, default=False
        Whether the probability of the other class is the link of -raw, as a
        sigmoid's is: it then keeps the digits that 1 - p would lose.

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
        # a pickle must not name a private function of this package, which may be renamed
        return {name: value for name, value in vars(self).items() if value is not identity}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update({"link": identity} | state)

    @property
    def may_scale(self) -> bool:
        """Whether targets may be scaled before training."""
        return self.link is identity if self.scales_targets is None else self.scales_targets

    def linked(self, raw: Array) -> Array:
        """Return the predictions that belong to raw outputs.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; they may be overwritten.

        Returns
        -------
        predictions : array of shape (n, k)
            Probabilities, or numbers in the target's (scaled) units.
        """
        raw = np.asfortranarray(raw)  # what a link does row by row goes faster along whole columns
        self.link(raw)
        return raw

    def through_link(self, raw: Array, delta: Array) -> Array:
        """Return the derivatives of a number by raw outputs, given those by the predictions.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs.

        delta : array of shape (n, k)
            The derivatives by the predictions.

        Returns
        -------
        gradient : array of shape (n, k)
            The derivatives by the raw outputs.
        """
        if self.link is identity:
            return delta
        return (self.link_backward or partial(link_differences, self.link))(raw, delta)

    def log_linked(self, raw: Array) -> Array:
        """Return the logarithms of the probabilities that belong to raw outputs, all of them finite.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; they may be overwritten.

        Returns
        -------
        log_p : array of shape (n, k)
            Logarithms.
        """
        if self.log_link is None:
            raise TypeError(f"the loss {self.name!r} has no log_link")
        self.log_link(raw)
        return np.maximum(raw, np.finfo(raw.dtype).min, out=raw)  # one output may lie infinitely far below another

    def linked_both(self, raw: Array) -> Array:
        """Return, where the link is mirrored, the predictions of -raw and those of raw side by side; else the latter.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; they may be overwritten.

        Returns
        -------
        predictions : array of shape (n, 2 k) or (n, k)
            Probabilities.
        """
        if not self.mirrored:
            return self.linked(raw)
        both = np.concatenate([-raw, raw], axis=1)
        self.link(both[:, : raw.shape[1]])
        self.link(both[:, raw.shape[1] :])
        return both

    def log_linked_both(self, raw: Array) -> Array:
        """Return the logarithms of the same.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; they may be overwritten.

        Returns
        -------
        log_p : array of shape (n, 2 k) or (n, k)
            Logarithms.
        """
        if not self.mirrored:
            return self.log_linked(raw)
        return np.concatenate([self.log_linked(-raw), self.log_linked(raw)], axis=1)

    def mean(self, raw: Array, target: Array, weight: Array | None) -> float:
        """Return the weighted mean of the samples' losses.

        Parameters
        ----------
        raw, target : arrays of shape (n, k)
            Raw outputs, and what they should be.

        weight : array of shape (n,), or None
            Sample weights.

        Returns
        -------
        mean : float
            The loss of the rows together.
        """
        return weighted_mean(self.value(raw, target), weight)

    def value_and_gradient(self, raw: Array, target: Array) -> tuple[Array, Array]:
        """Compute each sample's loss and its gradient, at once where `joint` can.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; overwritten.

        target : array of shape (n, k)
            What the outputs should be.

        Returns
        -------
        value : array of shape (n,)
            The losses.

        gradient : array of shape (n, k)
            Their derivatives by the raw outputs.
        """
        if self.joint is not None:
            return self.joint(raw, target)
        return self.value(raw, target), self.gradient(raw, target)


def weighted_mean(values: Array, weight: Array | None) -> float:
    """Return the mean of (n,) values."""
    return float(values.mean() if weight is None else np.dot(values, weight) / weight.sum())


# --- links ----------------------------------------------------------------------------------------------------------


def _sigmoid_link(raw: Array) -> None:
    expit(raw, out=raw)


def _log_sigmoid_link(raw: Array) -> None:
    raw[...] = -_sigmoid_value(raw.reshape(-1, 1), np.ones(1, raw.dtype)).reshape(raw.shape)  # the loss of the label 1


def _log_share_link(slices: Sequence[slice], raw: Array) -> None:
    """Set raw to the logarithms of its sigmoids' shares of their sum over each slice; of single ones, of themselves."""
    for s in slices:
        if s.stop - s.start == 1:
            _log_sigmoid_link(raw[:, s])
        else:
            P = np.maximum(expit(raw[:, s]), np.finfo(raw.dtype).tiny)  # all of a row may vanish
            raw[:, s] = log_shares(P)


# --- where training starts: the raw output of the best constant prediction ------------------------------------------

LEAST_SHARE = 1e-3
"""The least share of a label that training starts from: no label starts with a probability of 0."""


def _shares(target: Array, weight: Array | None) -> Array:
    share = np.average(target, axis=0, weights=weight).astype(np.float64)
    return np.clip(share, LEAST_SHARE, 1.0 - LEAST_SHARE)


def _log_odds(target: Array, weight: Array | None) -> Array:
    share = _shares(target, weight)
    return np.log(share / (1.0 - share))


def _centred_logs(target: Array, weight: Array | None) -> Array:
    logs = np.log(_shares(target, weight))
    return logs - logs.mean()


# --- log-loss on sigmoid outputs: softplus(raw) - target * raw, summed over the labels ------------------------------


def _sigmoid_value(raw: Array, target: Array) -> Array:
    # log(1 + exp(-|raw|)) + max(raw, 0) - target * raw: terms of one sign, so that small losses keep their digits
    value = np.abs(raw)
    np.negative(value, out=value)
    np.exp(value, out=value)
    np.log1p(value, out=value)
    value += raw * ((raw > 0.0) - target)
    return value[:, 0] if value.shape[1] == 1 else value.sum(axis=1)


def _sigmoid_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    value = np.logaddexp(0.0, raw)  # as in training: faster than `_sigmoid_value`, and as exact as a sum of many needs
    value -= target * raw
    return value[:, 0] if value.shape[1] == 1 else value.sum(axis=1), _sigmoid_gradient(raw, target)


def _sigmoid_gradient(raw: Array, target: Array) -> Array:
    expit(raw, out=raw)
    raw -= target
    return raw


# --- log-loss on a softmax: log sum_j exp(raw_j) - sum_j target_j raw_j ---------------------------------------------


def _softmax_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    scores, wanted = raw.T, target.T  # (k, n), row by row: as a network's raw output lies in memory
    scores -= np.maximum.reduce(scores)  # changes no probability, and exp cannot overflow
    at_target = np.vecdot(raw, target)  # before raw is overwritten
    np.exp(scores, out=scores)
    total = np.add.reduce(scores)
    scores /= total
    scores -= wanted  # softmax - target: the rows of target add up to 1
    return np.log(total) - at_target, raw


def _softmax_value(raw: Array, target: Array) -> Array:
    below, others = exp_below(raw)
    wanted = np.where(target > 0.0, below * target, 0.0).sum(axis=1)  # also where `below` is infinite
    np.put_along_axis(others, raw.argmax(axis=1)[:, np.newaxis], 0.0, axis=1)
    return np.log1p(others.sum(axis=1)) + wanted  # a small loss keeps its digits, which log(1 + others) would lose


def _softmax_gradient(raw: Array, target: Array) -> Array:
    return _softmax_joint(raw, target)[1]


# --- squared error on sigmoid outputs, summed over the labels: 1/2 (a - t)^2 with a = sigmoid(raw) ------------------


def _squared_sigmoid_value(raw: Array, target: Array) -> Array:
    # |a - t| = |(1 - a) - (1 - t)|, and 1 - a is the sigmoid of -raw: where t is 1, a small error keeps its digits
    upper = target > 0.5
    error = np.asarray(expit(np.where(upper, -raw, raw)))
    error -= np.where(upper, 1.0 - target, target)
    return 0.5 * np.einsum("ij,ij->i", error, error)


def _squared_sigmoid_gradient(raw: Array, target: Array) -> Array:
    a = expit(raw)
    return (a - target) * a * (1.0 - a)  # dJ/da * da/draw: not a - t, as it is for the log-loss


# --- losses side by side ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """Several losses side by side: the value is their sum, each has its own outputs."""

    losses: tuple[Loss, ...]
    slices: tuple[slice, ...]

    def value(self, raw: Array, target: Array) -> Array:
        parts = zip(self.losses, self.slices, strict=True)
        return np.sum([loss.value(raw[:, s], target[:, s]) for loss, s in parts], axis=0)

    def gradient(self, raw: Array, target: Array) -> Array:
        for loss, s in zip(self.losses, self.slices, strict=True):
            raw[:, s] = loss.gradient(raw[:, s], target[:, s])
        return raw

    def link(self, raw: Array) -> None:
        for loss, s in zip(self.losses, self.slices, strict=True):
            loss.link(raw[:, s])

    def link_backward(self, raw: Array, delta: Array) -> Array:
        pairs = zip(self.losses, self.slices, strict=True)
        return np.hstack([loss.through_link(raw[:, s], delta[:, s]) for loss, s in pairs])

    def log_link(self, raw: Array) -> None:
        for loss, s in zip(self.losses, self.slices, strict=True):
            raw[:, s] = loss.log_linked(raw[:, s])

    def start(self, target: Array, weight: Array | None) -> Array:
        raw = np.zeros(target.shape[1])
        for loss, s in zip(self.losses, self.slices, strict=True):
            if loss.start is not None:
                raw[s] = loss.start(target[:, s], weight)
        return raw


def blocks(losses: Sequence[Loss], slices: Sequence[slice]) -> Loss:
    """Return the sum of several losses, each on its own slice of the outputs."""
    pieces = _Blocks(tuple(losses), tuple(slices))
    names, intervals = {loss.out_activation for loss in losses}, {loss.targets for loss in losses}
    return Loss(
        losses[0].name,
        pieces.value,
        pieces.gradient,
        pieces.link,
        names.pop() if len(names) == 1 else "mixed",
        targets=intervals.pop() if len(intervals) == 1 else Interval(),
        scales_targets=all(loss.may_scale for loss in losses),
        start=pieces.start,
        link_backward=pieces.link_backward,
        log_link=None if any(loss.log_link is None for loss in losses) else pieces.log_link,
        mirrored={loss.mirrored for loss, s in zip(losses, slices, strict=True) if s.stop - s.start == 1} == {True},
    )


# --- the losses of labels, by name ---------------------------------------------------------------------------------

SHARES = Interval(0.0, 1.0)
"""What log-losses take: 0, 1, or the share of a label."""

SIGMOID_LOG_LOSS = Loss(
    "log_loss", _sigmoid_value, _sigmoid_gradient, _sigmoid_link, "logistic", _sigmoid_joint, SHARES, start=_log_odds,
    link_backward=sigmoid_link_backward, log_link=_log_sigmoid_link, mirrored=True,
)  # fmt: skip
SOFTMAX_LOG_LOSS = Loss(
    "log_loss", _softmax_value, _softmax_gradient, softmax_link, "softmax", _softmax_joint, SHARES,
    start=_centred_logs, link_backward=softmax_link_backward, log_link=log_softmax_link,
)  # fmt: skip
SIGMOID_SQUARED_ERROR = Loss(
    "squared_error", _squared_sigmoid_value, _squared_sigmoid_gradient, _sigmoid_link, "logistic", targets=SHARES,
    link_backward=sigmoid_link_backward, log_link=_log_sigmoid_link, mirrored=True,
)  # fmt: skip


def _log_loss(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid for two classes, a softmax for more; multilabel targets: one sigmoid per label."""
    if not exclusive:
        return SIGMOID_LOG_LOSS
    if len(slices) > 1:
        return blocks([_log_loss([s], exclusive) for s in slices], slices)
    return SIGMOID_LOG_LOSS if slices[0].stop - slices[0].start == 1 else SOFTMAX_LOG_LOSS


def _squared_error(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid per output; the probabilities of exclusive classes are their sigmoids' shares of the sum."""
    single = [s.stop - s.start == 1 for s in slices]
    if not exclusive or all(single):
        return SIGMOID_SQUARED_ERROR
    return replace(SIGMOID_SQUARED_ERROR, log_link=partial(_log_share_link, tuple(slices)), mirrored=any(single))


CLASSIFICATION_LOSSES: dict[str, Callable[[Sequence[slice], bool], Loss]] = {
    "log_loss": _log_loss,
    "squared_error": _squared_error,
}
"""Every loss of a classifier by name: a function of the slices of raw outputs, one per column of labels, and of whether
labels are exclusive: each row then has one label per slice; multilabel targets have none to several in all."""


# --- temperature scaling ---------------------------------------------------------------------------------------------

LARGEST_LOG = 3.0
"""Neither the factor nor its inverse is larger than e to this power."""

PRIOR_LOG = 0.6
"""The standard deviation of the prior on the factor's logarithm."""


def inverse_temperature(loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float) -> float:
    """Find the factor e^u for which mean loss(e^u raw) + u^2 / (2 s^2 total_weight) is least, s the prior's.

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
    factor : float
        Within e^-3 and e^3; 1 where raw is not finite.
    """
    prior_weight = PRIOR_LOG**2 * total_weight

    @cache  # the ends of the interval are looked at twice
    def slope(u: float) -> float:
        by_raw = loss.gradient(raw * exp(u), target)
        return exp(u) * weighted_mean(np.einsum("ij,ij->i", by_raw, raw), weight) + u / prior_weight

    low, high = slope(-LARGEST_LOG), slope(LARGEST_LOG)
    if low < 0.0 < high:
        return exp(brentq(slope, -LARGEST_LOG, LARGEST_LOG, xtol=1e-6))
    return exp(-LARGEST_LOG) if low >= 0.0 else exp(LARGEST_LOG) if high <= 0.0 else 1.0


def mean_at_best_temperature(
    loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float
) -> tuple[float, float]:
    """Multiply raw outputs, in place, by one over the best temperature; return that factor and the mean loss."""
    factor = inverse_temperature(loss, raw, target, weight, total_weight)
    raw *= factor
    return factor, loss.mean(raw, target, weight)
