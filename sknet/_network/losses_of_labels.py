"""The losses of classifiers.

To add one, write a function of its value and gradient, and give it an entry in `CLASSIFICATION_LOSSES`.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     0/1 labels, or one-hot rows (soft labels too)
weight : (n,)       the rows' weights; None where all are 1
value : (n,)        each row's loss, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.special import expit

from sknet._network.links import SIGMOID, SOFTMAX, Link, inplace_log_sigmoid, inplace_log_softmax
from sknet._network.losses import Interval, Loss, make_loss, row_sums
from sknet._typing import Array


def sigmoid_log_loss_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """Return each row's loss, summed over the labels, and its gradient; overwrite `raw`.

    -t log a - (1 - t) log(1 - a) with a = sigmoid(raw) is log(1 + exp(raw)) - t raw.
    """
    value = np.logaddexp(0.0, raw)
    value -= target * raw
    return row_sums(value), sigmoid_log_loss_gradient(raw, target)


def sigmoid_log_loss_gradient(raw: Array, target: Array) -> Array:
    """Overwrite raw with the gradient a - t: dJ/da = (a - t) / (a (1 - a)), and da/draw = a (1 - a) cancels."""
    expit(raw, out=raw)
    raw -= target
    return raw


def softmax_log_loss_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """-sum_j t_j log a_j with a = softmax(raw); it is log sum_j exp(raw_j) - sum_j t_j raw_j. Overwrites raw."""
    a, largest, total = _transposed_softmax(raw)
    at_target = np.vecdot(raw, target)  # (n,) sum_j t_j raw_j, before delta overwrites raw
    delta = np.subtract(a.T, target, out=raw)  # gradient a - t, since each row of t adds up to 1
    value = np.log(total, out=total)  # log sum_j exp(raw_j) - largest
    largest -= at_target
    value += largest
    return value, delta


def softmax_log_loss_gradient(raw: Array, target: Array) -> Array:
    """Overwrite raw with the gradient a - t; see `softmax_log_loss_and_gradient`."""
    a, _, _ = _transposed_softmax(raw)
    return np.subtract(a.T, target, out=raw)


def _transposed_softmax(raw: Array) -> tuple[Array, Array, Array]:
    """Return a = softmax(raw), (k, n), the largest raw_j of each row, and the sum of exp(raw_j - largest), (n,)."""
    a = raw.T.copy()  # sums over the few outputs of a row are faster column by column
    largest = np.maximum.reduce(a)
    a -= largest  # changes no probability, and exp cannot overflow
    np.exp(a, out=a)
    total = np.add.reduce(a)
    a /= total
    return a, largest, total


def sigmoid_squared_error_and_gradient(raw: Array, target: Array) -> tuple[Array, Array]:
    """1/2 (a - t)^2 with a = sigmoid(raw), summed over the labels."""
    a = np.asarray(expit(raw))
    residual = a - target
    return 0.5 * np.vecdot(residual, residual), residual * a * (1.0 - a)  # dJ/da = a - t, times da/draw = a (1 - a)


# --- where training starts: the raw output of the best constant prediction --------------------------------------------

MIN_LABEL_FREQUENCY = 1e-3
"""The least frequency, of a label or of its absence, that training starts from: 0 would give an infinite bias."""


def _label_frequencies(target: Array, weight: Array | None) -> Array:
    """Return the weighted fraction of rows with each label, (k,), clipped by `MIN_LABEL_FREQUENCY`."""
    frequency = np.average(target, axis=0, weights=weight).astype(np.float64)
    return np.clip(frequency, MIN_LABEL_FREQUENCY, 1.0 - MIN_LABEL_FREQUENCY)


def _log_odds(target: Array, weight: Array | None) -> Array:
    """Return the raw outputs whose sigmoids are the labels' frequencies, (k,)."""
    frequency = _label_frequencies(target, weight)
    return np.log(frequency / (1.0 - frequency))


def _centred_log_frequencies(target: Array, weight: Array | None) -> Array:
    """Return the raw outputs, of mean 0, whose softmax gives the labels' frequencies, (k,)."""
    logs = np.log(_label_frequencies(target, weight))
    return logs - logs.mean()  # adding a constant to all raw outputs does not change their softmax


# --- several columns of classes ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _SumOfLogLosses:
    """The sum of one log-loss per column of labels. Each column has its own slice of the raw outputs."""

    parts: tuple[tuple[Loss, slice], ...]

    def value(self, raw: Array, target: Array) -> Array:
        """Return the sum of the log-losses of each row, (n,)."""
        return np.sum([loss.value(raw[:, s], target[:, s]) for loss, s in self.parts], axis=0)

    def overwrite_with_gradient(self, raw: Array, target: Array) -> Array:
        """Overwrite raw with the gradient, and return it."""
        for loss, s in self.parts:
            raw[:, s] = loss.gradient(raw[:, s], target[:, s])
        return raw

    @property
    def link(self) -> Link:
        """The link that applies the link of each log-loss to its slice."""
        links = [loss.inverse_link for loss, _ in self.parts]
        name = links[0].name if len({*links}) == 1 else "mixed"
        return Link(
            name, self.apply_links, self.links_backward, self.apply_log_links,
            is_mirrored=any(link.is_mirrored for link in links),
            is_normalized=all(link.is_normalized for link in links),
        )  # fmt: skip

    def apply_links(self, raw: Array) -> None:
        """Overwrite raw with the probabilities."""
        for loss, s in self.parts:
            loss.inverse_link.apply(raw[:, s])  # the slice is a view, so raw is overwritten

    def links_backward(self, raw: Array, delta: Array) -> Array:
        """Return dJ/draw, given delta, the derivative by the probabilities."""
        return np.hstack([loss.inverse_link.backward(raw[:, s], delta[:, s]) for loss, s in self.parts])

    def apply_log_links(self, raw: Array) -> None:
        """Overwrite raw with the log-probabilities."""
        for loss, s in self.parts:
            raw[:, s] = loss.inverse_link.log_predictions(raw[:, s])

    def start(self, target: Array, weight: Array | None) -> Array:
        return np.concatenate([loss.start(target[:, s], weight) for loss, s in self.parts])  # type: ignore[misc]


# --- by name ----------------------------------------------------------------------------------------------------------

TARGETS_FROM_0_TO_1 = Interval(0.0, 1.0)
"""Targets of classification losses: 0 and 1, or between them with label smoothing."""

SIGMOID_LOG_LOSS = make_loss(
    "log_loss", sigmoid_log_loss_and_gradient, link=SIGMOID, targets=TARGETS_FROM_0_TO_1, start=_log_odds,
    gradient=sigmoid_log_loss_gradient,  # the search for a temperature needs it alone, a dozen times per epoch
)  # fmt: skip
SOFTMAX_LOG_LOSS = make_loss(
    "log_loss", softmax_log_loss_and_gradient, link=SOFTMAX, targets=TARGETS_FROM_0_TO_1,
    start=_centred_log_frequencies,
    gradient=softmax_log_loss_gradient,  # for the same reason
)  # fmt: skip
SIGMOID_SQUARED_ERROR = make_loss(
    "squared_error", sigmoid_squared_error_and_gradient, link=SIGMOID, targets=TARGETS_FROM_0_TO_1
)


def _make_log_loss(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid for two classes, a softmax for more; multilabel targets: one sigmoid per label."""
    if not exclusive:
        return SIGMOID_LOG_LOSS
    losses = [SIGMOID_LOG_LOSS if s.stop - s.start == 1 else SOFTMAX_LOG_LOSS for s in slices]
    if len(losses) == 1:
        return losses[0]
    total = _SumOfLogLosses(tuple(zip(losses, slices, strict=True)))
    return Loss(
        "log_loss",
        total.value,
        total.overwrite_with_gradient,
        total.link,
        targets=TARGETS_FROM_0_TO_1,
        start=total.start,
    )


def _make_brier_loss(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid per output. Probabilities of exclusive classes are the sigmoids divided by their sum."""
    single = [s.stop - s.start == 1 for s in slices]
    if not exclusive or all(single):
        return SIGMOID_SQUARED_ERROR
    link = replace(SIGMOID, log=partial(_inplace_log_normalized_sigmoids, tuple(slices)), is_mirrored=any(single))
    return replace(SIGMOID_SQUARED_ERROR, link=link)


def _inplace_log_normalized_sigmoids(slices: Sequence[slice], raw: Array) -> None:
    """Overwrite raw with log(p_j / sum_k p_k) within each slice, where p = sigmoid(raw); single outputs with log p."""
    inplace_log_sigmoid(raw)
    for s in slices:
        if s.stop - s.start > 1:
            inplace_log_softmax(raw[:, s])  # exp(log p_j) / sum_k exp(log p_k)


CLASSIFICATION_LOSSES: dict[str, Callable[[Sequence[slice], bool], Loss]] = {
    "log_loss": _make_log_loss,
    "squared_error": _make_brier_loss,
}
"""Every loss of a classifier by name. A function makes it from the slices of raw outputs, one per column of labels, and
from whether labels are exclusive: then each row has one label per slice. A multilabel row has any number of labels."""
