"""Losses with a log link, in the unit of the target's mean: a fit then does not depend on the unit of the target.

The deviance of a variance mean^p, in a unit u, is u^(p - 2) times what it is in the unit 1. The penalty, the tolerance
and a solver's constants are not: they are compared with the loss in a unit that the targets themselves give.

Conventions
-----------
raw : (n, k)       logarithms of predictions, in the target's own unit
target : (n, k)    over `unit`, (k,)
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from sknet._network.losses import Loss
from sknet._typing import Array


def has_log_link(loss: Loss, k: int) -> bool:
    """Whether predictions are exp(raw), whatever a user's loss calls its link."""
    raw = np.repeat([[0.0], [1.0]], k, axis=1)
    return np.allclose(loss.predictions(raw), np.exp(raw))


def works_in_any_unit(loss: Loss, k: int) -> bool:
    """Whether a loss with a log link has the same gradient in another unit of the targets, but for a factor.

    All deviances have. Of a user's own loss, the gradients of a few rows tell; its start must move with the unit.
    """
    raw = np.repeat([[-1.0], [0.0], [1.0], [2.0]], k, axis=1)
    target = np.repeat([[1.0], [0.5], [3.0], [2.0]], k, axis=1)
    unit, log_of_unit = 8.0, np.log(8.0)
    if loss.takes_scaled_targets or loss.start is None or not loss.targets.contains(unit * target).all():
        return False
    try:
        one = loss.gradient(raw.copy(), target)
        other = loss.gradient(raw + log_of_unit, unit * target)
        starts = loss.start(target, None) + log_of_unit, loss.start(unit * target, None)
        factor = np.vdot(one, other) / np.vdot(one, one)
        in_proportion = factor > 0.0 and np.allclose(other, factor * one)
        return has_log_link(loss, k) and bool(in_proportion) and np.allclose(*starts)
    except Exception:  # a user's loss that fails here is refused, with a reason, before training
        return False


@dataclass(frozen=True)
class _InUnit:
    """A loss of targets over their unit; raw outputs are logarithms in the target's own unit all the same."""

    loss: Loss
    unit: tuple[float, ...]

    @cached_property
    def log_of_unit(self) -> Array:
        return np.log(self.unit)

    def value(self, raw: Array, target: Array) -> Array:
        return self.loss.value(self._shifted(raw), target)

    def gradient(self, raw: Array, target: Array) -> Array:
        return self.loss.gradient(self._shifted(raw), target)

    def joint(self, raw: Array, target: Array) -> tuple[Array, Array]:
        return self.loss.value_and_gradient(self._shifted(raw), target)

    def start(self, target: Array, weight: Array | None) -> Array:
        if self.loss.start is None:
            raise TypeError(f"the loss {self.loss.name!r} has no start")
        return self.loss.start(target, weight) + self.log_of_unit

    def _shifted(self, raw: Array) -> Array:
        return raw - self.log_of_unit.astype(raw.dtype)


def in_unit(loss: Loss, unit: Array) -> Loss:
    """Return a loss that is given targets over their unit, (k,); raw outputs stay logarithms in the target's own."""
    own = _InUnit(loss, tuple(unit.tolist()))
    joint = None if loss.joint is None else own.joint
    return replace(loss, value=own.value, gradient=own.gradient, joint=joint, start=own.start)
