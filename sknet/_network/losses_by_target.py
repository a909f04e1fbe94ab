"""Losses for targets of which some are missing, or that are divided by a unit.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
target : (n, k)     numbers or labels; NaN where missing
weight : (n,)       the rows' weights; None where all are 1
value : (n,)        each row's loss: the mean over regression outputs or quantile levels, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
start : (k,)        the raw output of a constant prediction, from which training starts
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from sknet._network.losses import Loss, one_of_both, value_and_gradient
from sknet._typing import Array

T = TypeVar("T")


# --- targets that are missing in part ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _LossOfPresentTargets:
    """A loss of several outputs that leaves out missing targets (NaN). For complete rows, it is `whole`."""

    # this is no sum of parts like `_SumOfLogLosses`: most losses compute all outputs in one pass, which is faster

    whole: Loss
    losses_by_target: tuple[tuple[Loss, slice], ...]  # each target's loss and outputs
    weight_of_each_target: float  # 1 if the value of `whole` is a sum over targets, 1 / k if it is their mean

    def value_and_gradient(self, raw: Array, target: Array) -> tuple[Array, Array]:
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
        return self.value_and_gradient(raw, target)[1] if np.isnan(target).any() else self.whole.gradient(raw, target)

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
        value=partial(one_of_both, 0, present.value_and_gradient),
        gradient=present.gradient,
        joint=whole.joint and present.value_and_gradient,
        start=whole.start and present.start,
    )


# --- a log link, with targets divided by their mean: a fit then does not depend on the unit of the target -------------
#
# If targets are divided by a unit u, the deviance for a variance of mean^p is divided by u^(2 - p). The penalty, the
# tolerance and the solver's constants stay the same, so their effect depends on u. The targets' mean as u makes it the
# same in every unit.


def _call_in_unit(function: Callable[[Array, Array], T], log_divisor: Array, raw: Array, target: Array) -> T:
    """Call a function of a loss with raw outputs converted to the unit of its targets: log(m / u) = log m - log u."""
    return function(raw - log_divisor.astype(raw.dtype), target)


def _start_in_unit(
    start: Callable[[Array, Array | None], Array], log_divisor: Array, target: Array, weight: Array | None
) -> Array:
    return start(target, weight) + log_divisor


def loss_of_divided_targets(loss: Loss, divisor: Array) -> Loss:
    """Return the loss for targets that are divided by a number each, (k,). Raw outputs keep the original unit."""
    log_divisor = np.log(divisor)
    return replace(
        loss,
        value=partial(_call_in_unit, loss.value, log_divisor),
        gradient=partial(_call_in_unit, loss.gradient, log_divisor),
        joint=loss.joint and partial(_call_in_unit, loss.joint, log_divisor),
        start=loss.start and partial(_start_in_unit, loss.start, log_divisor),
    )


def works_in_any_unit(loss: Loss, k: int) -> bool:
    """Whether another unit of the targets only multiplies the gradient of a loss with a log link by a factor.

    This is true of deviances. The gradients of a few rows decide, for sknet's own losses and for a user's. The start of
    the loss must also follow the unit.
    """
    raw = np.repeat([[-1.0], [0.0], [1.0], [2.0]], k, axis=1)
    target = np.repeat([[1.0], [0.5], [3.0], [2.0]], k, axis=1)
    unit, log_unit = 8.0, np.log(8.0)
    if loss.takes_scaled_targets or loss.start is None or not loss.targets.contains(unit * target).all():
        return False
    try:
        gradient = loss.gradient(raw.copy(), target)
        gradient_in_unit = loss.gradient(raw + log_unit, unit * target)
        starts = loss.start(target, None) + log_unit, loss.start(unit * target, None)
        factor = np.vdot(gradient, gradient_in_unit) / np.vdot(gradient, gradient)
        in_proportion = factor > 0.0 and np.allclose(gradient_in_unit, factor * gradient)
        return loss.inverse_link.is_exp(k) and bool(in_proportion) and np.allclose(*starts)
    except Exception:  # if a user's loss fails here, `check_custom_functions` raises an error before training
        return False
