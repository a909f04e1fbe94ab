"""Losses: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

To add a loss, write a function of its value and gradient, and give it an entry in `CLASSIFICATION_LOSSES` or
`REGRESSION_LOSSES`. To add a link, write a `Link`, and add it to `LINKS`.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     numbers, 0/1 labels, or one-hot rows (soft labels too); for several quantile levels (n, 1)
weight : (n,)       the samples' weights; None where all are 1
value : (n,)        each sample's loss: the mean over regression outputs or quantile levels, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
predictions : (n, k)  what the link makes of raw: probabilities, or numbers in the target's (scaled) units
delta : (n, k)      dJ/dpredictions of any J; `Link.backward` returns dJ/draw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from math import exp, inf
from numbers import Real
from typing import Any, TypeVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_expit

from sknet._typing import Array
from sknet._vectors import SortedColumns

T = TypeVar("T")

# --- links ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Link:
    """How raw outputs become predictions: the functions, and what is known about them.

    In the words of statistics, this is the inverse of a link: the sigmoid, and not the logarithm of the odds.
    """

    name: str  # the estimators' `out_activation_`
    apply: Callable[[Array], None]  # overwrites raw with predictions
    backward: Callable[[Array, Array], Array]  # (raw, delta) -> dJ/draw; overwrites neither
    log: Callable[[Array], None] | None = None  # overwrites raw with the logarithms of probabilities
    is_mirrored: bool = False  # whether the link of -raw is the probability of the other class
    is_normalised: bool = False  # whether a row's probabilities add up to 1; those of sigmoids, one per class, do not
    raw_output_name: str = "raw output"  # in explanations

    @property
    def is_identity(self) -> bool:
        """Whether predictions are the raw outputs."""
        return self.apply is identity

    def is_exp(self, k: int) -> bool:
        """Whether the predictions of k raw outputs are exp(raw). A user's link is recognised by what it does."""
        raw = np.repeat([[0.0], [1.0]], k, axis=1)
        return np.allclose(self.predictions(raw), np.exp(raw))

    def predictions(self, raw: Array) -> Array:
        """Return predictions, (n, k): probabilities, or numbers in the (scaled) units of the target."""
        predictions = np.array(raw, order="F")  # links reduce over the few outputs of a row: faster column by column
        self.apply(predictions)
        return predictions

    def log_predictions(self, raw: Array) -> Array:
        """Return the logarithms of probabilities, (n, k), all of them finite."""
        if self.log is None:
            raise TypeError(f"the link {self.name!r} has no logarithm")
        log_p = np.array(raw, order="F")
        self.log(log_p)
        return np.maximum(log_p, np.finfo(raw.dtype).min)  # a logarithm may be minus infinity

    def with_other_class(self, predict: Callable[[Array], Array], raw: Array) -> Array:
        """Return predict(raw); for a mirrored link, predict(-raw) is put before it, (n, 2 k): the other class.

        `predict` is one of the link's two functions above.
        """
        return np.concatenate([predict(-raw), predict(raw)], axis=1) if self.is_mirrored else predict(raw)


def identity(raw: Array) -> None:
    """Leave raw as it is.

    Parameters
    ----------
    raw : array of shape (n, k)
        Raw outputs.
    """


IDENTITY = Link("identity", identity, lambda raw, delta: delta)


def inplace_sigmoid(raw: Array) -> None:
    """Overwrite raw with 1 / (1 + exp(-raw))."""
    expit(raw, out=raw)


def inplace_log_sigmoid(raw: Array) -> None:
    """Overwrite raw with the logarithms of its sigmoids."""
    # always in float64: in float32, SciPy's function is not monotone everywhere
    log_expit(raw, out=raw, dtype=np.float64, casting="same_kind")


def sigmoid_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw = delta a (1 - a), with a = sigmoid(raw)."""
    return delta * expit(raw) * expit(-raw)  # 1 - a would lose the digits of a small 1 - a


SIGMOID = Link(
    "logistic", inplace_sigmoid, sigmoid_link_backward, inplace_log_sigmoid, is_mirrored=True,
    raw_output_name="log-odds",
)  # fmt: skip


def inplace_softmax(raw: Array) -> None:
    """Overwrite raw with exp(raw_j) / sum_k exp(raw_k)."""
    _subtract_largest(raw)
    np.exp(raw, out=raw)
    raw /= raw.sum(axis=1, keepdims=True)


def inplace_log_softmax(raw: Array) -> None:
    """Overwrite raw with the logarithms of the softmax."""
    _subtract_largest(raw)
    raw -= np.log(np.exp(raw).sum(axis=1, keepdims=True))


def _subtract_largest(raw: Array) -> None:
    """Move each row so that its largest number is 0: the softmax stays the same, and exp cannot overflow."""
    with np.errstate(over="ignore"):  # the difference may be minus infinity, whose exp is 0
        raw -= raw.max(axis=1, keepdims=True)


def softmax_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw_j = a_j (delta_j - sum_k a_k delta_k), with a = softmax(raw)."""
    a = raw.copy()
    inplace_softmax(a)
    return a * (delta - np.vecdot(a, delta)[:, np.newaxis])


SOFTMAX = Link(
    "softmax", inplace_softmax, softmax_link_backward, inplace_log_softmax, is_normalised=True,
    raw_output_name="softmax input",
)  # fmt: skip


def inplace_exp(raw: Array) -> None:
    """Overwrite raw with exp(raw)."""
    with np.errstate(over="ignore"):
        # always in float64: in float32, NumPy's exp is not monotone everywhere
        np.exp(raw, out=raw, dtype=np.float64, casting="same_kind")


def exp_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw = delta exp(raw)."""
    with np.errstate(over="ignore"):
        return delta * np.exp(raw)


EXP = Link("exp", inplace_exp, exp_link_backward, raw_output_name="logarithm of the prediction")

LINKS = {link.name: link for link in (IDENTITY, SIGMOID, SOFTMAX, EXP)}
"""The links by name. A user's link of one of these names has the same name for raw outputs, and is as normalised."""

DIFFERENCE_STEP = 1e-5
"""The step of central differences, relative to raw outputs above 1. Truncation and rounding both err by about 1e-10."""


def link_differences(link: Callable[[Array], None], raw: Array, delta: Array) -> Array:
    """Return dJ/draw by central differences of a link, for a user's link without a derivative."""
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
        """Return the interval in words, such as "between 0 and 1"."""
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
        Quantile levels, if one target has several raw outputs, one for each.

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
    link: Callable[[Array], None] | Link = identity  # sknet's own losses pass a `Link`, and none of its parts below
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
        # private functions may be renamed, so the pickle of a fitted estimator must not name them
        return {name: value for name, value in vars(self).items() if value is not identity}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update({"link": identity} | state)

    @property
    def takes_scaled_targets(self) -> bool:
        """Whether targets may be scaled before training."""
        return self.inverse_link.is_identity if self.scales_targets is None else self.scales_targets

    @property
    def inverse_link(self) -> Link:
        """The link, with all that is known about it."""
        if isinstance(self.link, Link):
            return self.link
        differences = IDENTITY.backward if self.link is identity else partial(link_differences, self.link)
        return replace(
            LINKS.get(self.out_activation, IDENTITY), name=self.out_activation, apply=self.link,
            backward=self.link_backward or differences, log=self.log_link, is_mirrored=self.mirrored,
        )  # fmt: skip


# --- what follows from a loss's functions -----------------------------------------------------------------------------


def value_and_gradient(loss: Loss, raw: Array, target: Array) -> tuple[Array, Array]:
    """Return each row's loss and its gradient; may overwrite raw."""
    if loss.joint is not None:
        return loss.joint(raw, target)
    return loss.value(raw, target), loss.gradient(raw, target)


def mean_loss(loss: Loss, raw: Array, target: Array, weight: Array | None) -> float:
    """Return the weighted mean of the rows' losses."""
    return weighted_mean(loss.value(raw, target), weight)


def weighted_mean(values: Array, weight: Array | None) -> float:
    """Return the weighted mean of (n,) values; without weights, the mean."""
    # faster than NumPy's `mean` and `average`: the search for a temperature calls this a dozen times per epoch
    return float(values.sum() / len(values) if weight is None else np.dot(values, weight) / weight.sum())


# --- losses from one function ---------------------------------------------------------------------------------------

LossAndGradient = Callable[[Array, Array], tuple[Array, Array]]
"""(raw, target) -> (value, gradient); it may overwrite raw."""


def _one_of_both(index: int, joint: LossAndGradient, raw: Array, target: Array) -> Array:
    """Return the value, for index 0, or the gradient, for index 1; raw is left as it is."""
    with np.errstate(all="ignore"):  # training reports an infinite loss as divergence
        return joint(raw.copy(), target)[index]


def make_loss(
    name: str, joint: LossAndGradient, gradient: Callable[[Array, Array], Array] | None = None, **more: Any
) -> Loss:
    """Return a `Loss` from one function that computes both value and gradient; `more` are other arguments of `Loss`.

    `gradient` computes the gradient alone, if that is faster.
    """
    return Loss(name, partial(_one_of_both, 0, joint), gradient or partial(_one_of_both, 1, joint), joint=joint, **more)


def row_sums(values: Array) -> Array:
    """Return the sum of each row, (n,). A single column is returned as it is, which is faster than NumPy's sum."""
    return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)


# --- classification losses -------------------------------------------------------------------------------------------


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


# --- where training starts: the raw output of the best constant prediction ------------------------------------------

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

    def gradient(self, raw: Array, target: Array) -> Array:
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
            is_normalised=all(link.is_normalised for link in links),
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


# --- targets that are missing in part --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _LossOfPresentTargets:
    """A loss of several outputs that leaves out missing targets (NaN). For complete rows, it is `whole`."""

    # not a sum of parts like `_SumOfLogLosses`: most losses compute all outputs in one pass, which is faster

    whole: Loss
    losses_by_target: tuple[tuple[Loss, slice], ...]  # each target's loss and outputs
    weight_of_each_target: float  # 1 if the value of `whole` is a sum over targets, 1 / k if it is their mean

    def joint(self, raw: Array, target: Array) -> tuple[Array, Array]:
        """Return the values, (n,), and the gradient, which is 0 where a target is missing."""
        if not np.isnan(target).any():
            return value_and_gradient(self.whole, raw, target)
        total = np.zeros(len(raw), raw.dtype)
        delta = np.zeros_like(raw)
        for loss, s, present in self._losses_with_present_rows(target):
            # an index array copies, so the loss cannot overwrite raw
            value, gradient = value_and_gradient(loss, raw[present, s], target[present, s])
            total[present] += self.weight_of_each_target * value
            delta[present, s] = self.weight_of_each_target * gradient
        return total, delta

    def gradient(self, raw: Array, target: Array) -> Array:
        return self.joint(raw, target)[1] if np.isnan(target).any() else self.whole.gradient(raw, target)

    def start(self, target: Array, weight: Array | None) -> Array:
        """Return the first output biases, each from the rows that have its target."""
        if self.whole.start is not None and not np.isnan(target).any():
            return self.whole.start(target, weight)
        raw = np.zeros(target.shape[1])
        for loss, s, present in self._losses_with_present_rows(target):
            if loss.start is not None:
                raw[s] = loss.start(target[present, s], None if weight is None else weight[present])
        return raw

    def _losses_with_present_rows(self, target: Array) -> Iterator[tuple[Loss, slice, Array]]:
        """Yield each target's loss, its outputs, and the indices of the rows that have it, if there are any."""
        for loss, s in self.losses_by_target:
            present = np.flatnonzero(~np.isnan(target[:, s.start]))  # all outputs of a target are missing together
            if len(present):
                yield loss, s, present


def loss_of_present_targets(
    whole: Loss, losses_by_target: tuple[tuple[Loss, slice], ...], weight_of_each_target: float
) -> Loss:
    """Return `whole`, a loss of several outputs, for targets of which some may be NaN: see `_LossOfPresentTargets`."""
    present = _LossOfPresentTargets(whole, losses_by_target, weight_of_each_target)
    return replace(
        whole,
        value=partial(_one_of_both, 0, present.joint),
        gradient=present.gradient,
        joint=whole.joint and present.joint,
        start=whole.start and present.start,
    )


# --- a log link, with targets divided by their mean: a fit then does not depend on the unit of the target ------------
#
# If targets are divided by a unit u, the deviance for a variance of mean^p is divided by u^(2 - p). The penalty, the
# tolerance and the solver's constants stay the same, so their effect depends on u. The targets' mean as u makes it the
# same in every unit.


def _call_in_unit(function: Callable[[Array, Array], T], log_of_unit: Array, raw: Array, target: Array) -> T:
    """Call a function of a loss with raw outputs converted to the unit of its targets: log(m / u) = log m - log u."""
    return function(raw - log_of_unit.astype(raw.dtype), target)


def _start_in_unit(
    start: Callable[[Array, Array | None], Array], log_of_unit: Array, target: Array, weight: Array | None
) -> Array:
    return start(target, weight) + log_of_unit


def loss_in_unit(loss: Loss, unit: Array) -> Loss:
    """Return the loss for targets that are divided by a unit, (k,). Raw outputs keep the original unit."""
    log_of_unit = np.log(unit)
    return replace(
        loss,
        value=partial(_call_in_unit, loss.value, log_of_unit),
        gradient=partial(_call_in_unit, loss.gradient, log_of_unit),
        joint=loss.joint and partial(_call_in_unit, loss.joint, log_of_unit),
        start=loss.start and partial(_start_in_unit, loss.start, log_of_unit),
    )


def works_in_any_unit(loss: Loss, k: int) -> bool:
    """Whether another unit of the targets only multiplies the gradient of a loss with a log link by a factor.

    This is true of deviances. The gradients of a few rows decide, for sknet's own losses and for a user's. The start of
    the loss must also follow the unit.
    """
    raw = np.repeat([[-1.0], [0.0], [1.0], [2.0]], k, axis=1)
    target = np.repeat([[1.0], [0.5], [3.0], [2.0]], k, axis=1)
    unit, log_of_unit = 8.0, np.log(8.0)
    if loss.takes_scaled_targets or loss.start is None or not loss.targets.contains(unit * target).all():
        return False
    try:
        gradient = loss.gradient(raw.copy(), target)
        gradient_in_unit = loss.gradient(raw + log_of_unit, unit * target)
        starts = loss.start(target, None) + log_of_unit, loss.start(unit * target, None)
        factor = np.vdot(gradient, gradient_in_unit) / np.vdot(gradient, gradient)
        in_proportion = factor > 0.0 and np.allclose(gradient_in_unit, factor * gradient)
        return loss.inverse_link.is_exp(k) and bool(in_proportion) and np.allclose(*starts)
    except Exception:  # if a user's loss fails here, `check_custom_functions` raises an error before training
        return False


# --- classification losses, by name ---------------------------------------------------------------------------------

TARGETS_FROM_0_TO_1 = Interval(0.0, 1.0)
"""Targets of classification losses: 0 and 1, or between them with label smoothing."""

SIGMOID_LOG_LOSS = make_loss(
    "log_loss", sigmoid_log_loss_and_gradient, link=SIGMOID, targets=TARGETS_FROM_0_TO_1, start=_log_odds,
    gradient=sigmoid_log_loss_gradient,  # the search for a temperature needs it alone, a dozen times per epoch
)  # fmt: skip
SOFTMAX_LOG_LOSS = make_loss(
    "log_loss", softmax_log_loss_and_gradient, link=SOFTMAX, targets=TARGETS_FROM_0_TO_1,
    start=_centred_log_frequencies,
    gradient=softmax_log_loss_gradient,  # as above
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
    return Loss("log_loss", total.value, total.gradient, total.link, targets=TARGETS_FROM_0_TO_1, start=total.start)


def _make_brier_loss(slices: Sequence[slice], exclusive: bool) -> Loss:
    """One sigmoid per output. Probabilities of exclusive classes are the sigmoids divided by their sum."""
    single = [s.stop - s.start == 1 for s in slices]
    if not exclusive or all(single):
        return SIGMOID_SQUARED_ERROR
    link = replace(SIGMOID, log=partial(_inplace_log_normalised_sigmoids, tuple(slices)), is_mirrored=any(single))
    return replace(SIGMOID_SQUARED_ERROR, link=link)


def _inplace_log_normalised_sigmoids(slices: Sequence[slice], raw: Array) -> None:
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


# --- regression losses of any numbers; the formulas are for one output, and several outputs are averaged --------------


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


# --- regression losses: positive targets, half the deviance with a log link (McCullagh & Nelder 1989) -----------------
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


# --- regression losses, by name ---------------------------------------------------------------------------------------

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


# --- the temperature: raw outputs are divided by it, so that probabilities are calibrated -----------------------------

MAX_LOG_TEMPERATURE = 3.0
"""The largest absolute logarithm of the temperature: the search for it needs an interval."""

PRIOR_LOG_DEVIATION = 0.6
"""The standard deviation of the prior on the temperature's logarithm. Without a prior, log-losses are 3 % larger on 54
tables (tests/benchmarks/notes.md)."""


def temperature_penalty(u: float, total_weight: float) -> float:
    """Return u^2 / (2 s^2 total_weight), minus the logarithm of the prior, for u = log(inverse temperature)."""
    return u**2 / (2.0 * PRIOR_LOG_DEVIATION**2 * total_weight)


def best_inverse_temperature(loss: Loss, raw: Array, target: Array, weight: Array | None, total_weight: float) -> float:
    """Find the inverse temperature e^u at which mean loss(e^u raw) + `temperature_penalty` is least.

    This is the temperature of Guo et al. (2017), arXiv:1706.04599, with a
    normal prior of standard deviation s on its logarithm. Without the prior,
    the temperature of a few samples that are all predicted right would be 0.

    The result lies between e^-3 and e^3; it is 1 if raw outputs are not finite.
    `total_weight` is the number of samples, each counted by its weight.
    """
    divisor = PRIOR_LOG_DEVIATION**2 * total_weight  # the slope of the penalty is u / divisor

    @cache  # `brentq` evaluates the ends of the interval again
    def slope(u: float) -> float:
        by_raw = loss.gradient(raw * exp(u), target)  # d loss(e^u raw) / du = gradient . e^u raw
        return exp(u) * weighted_mean(np.einsum("ij,ij->i", by_raw, raw), weight) + u / divisor

    low, high = slope(-MAX_LOG_TEMPERATURE), slope(MAX_LOG_TEMPERATURE)
    if low < 0.0 < high:
        return exp(brentq(slope, -MAX_LOG_TEMPERATURE, MAX_LOG_TEMPERATURE, xtol=1e-6))
    # the minimum is at an end of the interval; comparisons with NaN are false
    return exp(-MAX_LOG_TEMPERATURE) if low >= 0.0 else exp(MAX_LOG_TEMPERATURE) if high <= 0.0 else 1.0
