"""What a loss is: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

The package's own losses are in losses_of_labels.py and losses_of_numbers.py.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     numbers, 0/1 labels, or one-hot rows (soft labels too); for several quantile levels (n, 1)
weight : (n,)       the rows' weights; None where all are 1
value : (n,)        each row's loss: the mean over regression outputs or quantile levels, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf
from typing import Any

import numpy as np

from sknet._network.links import IDENTITY, LINKS, Link, link_differences
from sknet._typing import Array


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

    All functions except `start` take the raw output of the network.

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

    link : callable, default=None
        `link(raw)` overwrites raw with predictions. Without it, raw outputs are the
        predictions.

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
        shape (k,), from which training starts with the default `init`. `weight` has
        shape (n,) or is None. Without `start`, training starts from 0.

    levels : tuple of float, default=()
        Quantile levels, if one target has several raw outputs, one for each.

    link_backward : callable, default=None
        `link_backward(raw, delta)` turns derivatives with respect to the predictions
        into derivatives with respect to raw, of shape (n, k). Training does not need
        it. Without it, central differences of the link are used.

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
    link: Callable[[Array], None] | Link | None = None  # sknet's own losses pass a `Link`, and none of its parts below
    out_activation: str = "identity"
    joint: Callable[[Array, Array], tuple[Array, Array]] | None = None
    targets: Interval = Interval()
    scales_targets: bool | None = None
    start: Callable[[Array, Array | None], Array] | None = None
    levels: tuple[float, ...] = ()
    link_backward: Callable[[Array, Array], Array] | None = None
    log_link: Callable[[Array], None] | None = None
    mirrored: bool = False

    @property
    def takes_scaled_targets(self) -> bool:
        """Whether targets may be scaled before training."""
        return self.inverse_link.is_identity if self.scales_targets is None else self.scales_targets

    @property
    def inverse_link(self) -> Link:
        """The link, with all that is known about it."""
        if isinstance(self.link, Link):
            return self.link
        differences = IDENTITY.backward if self.link is None else partial(link_differences, self.link)
        return replace(
            LINKS.get(self.out_activation, IDENTITY), name=self.out_activation, apply=self.link or IDENTITY.apply,
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


# --- losses from one function -----------------------------------------------------------------------------------------

LossAndGradient = Callable[[Array, Array], tuple[Array, Array]]
"""(raw, target) -> (value, gradient); it may overwrite raw."""


def one_of_both(index: int, joint: LossAndGradient, raw: Array, target: Array) -> Array:
    """Return the value, for index 0, or the gradient, for index 1; raw is left as it is."""
    with np.errstate(all="ignore"):  # training reports an infinite loss as divergence
        return joint(raw.copy(), target)[index]


def make_loss(
    name: str, joint: LossAndGradient, gradient: Callable[[Array, Array], Array] | None = None, **more: Any
) -> Loss:
    """Return a `Loss` from one function that computes both value and gradient; `more` are other arguments of `Loss`.

    `gradient` computes the gradient alone, if that is faster.
    """
    return Loss(name, partial(one_of_both, 0, joint), gradient or partial(one_of_both, 1, joint), joint=joint, **more)


def row_sums(values: Array) -> Array:
    """Return the sum of each row, (n,). A single column is returned as it is, which is faster than NumPy's sum."""
    return values[:, 0] if values.shape[1] == 1 else values.sum(axis=1)
