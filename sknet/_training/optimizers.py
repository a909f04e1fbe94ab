"""Optimizers: a gradient becomes a direction, and theta moves by -rate * direction.

Conventions
-----------
gradient : any shape     overwritten, in place, with what is along the direction
scale : float            direction = scale * what is along it: the loop multiplies by rate and scale in one pass
moments : arrays of the gradient's shape, what the optimizer remembers; all 0 at first, updated in place
step : int               1 at the first step

An update never knows the learning rate: the loop applies it, once, for all optimizers. It works element by element, so
it may be given any part of theta.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@lru_cache(maxsize=16)
def constants(dtype: np.dtype[Any], *numbers: float) -> tuple[Array, ...]:
    """Return numbers as arrays: to convert them takes NumPy as long, each time, as a pass over a small theta."""
    return tuple(np.array(number, dtype) for number in numbers)


class Optimizer(Protocol):
    """What every optimizer can do."""

    @property
    def n_moments(self) -> int:
        """How many arrays it remembers."""

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with what is along the direction, update the moments; return the scale."""

    def reach(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return the direction that a steady gradient of 1 would now give: what a proximal step must match."""


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with classical or Nesterov momentum (Sutskever et al. 2013).

    velocity = momentum * velocity + gradient; the direction is the velocity
    or, after Nesterov, gradient + momentum * velocity.

    The velocity is a sum of gradients, not of past steps: a rate that falls
    takes effect at once, on all of it. scikit-learn sums steps, each at the
    rate of its own time; the two agree while the rate is constant.
    """

    momentum: float = 0.9
    nesterov: bool = True

    @property
    def n_moments(self) -> int:
        """One, or none without momentum."""
        return 1 if self.momentum else 0

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with the direction, update the velocity; return 1."""
        if not self.momentum:
            return 1.0
        (velocity,) = moments
        velocity *= self.momentum
        velocity += gradient
        if self.nesterov:
            gradient += self.momentum * velocity
        else:
            np.copyto(gradient, velocity)
        return 1.0

    def reach(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return 1 + momentum + momentum^2 + ..., a term a step so far."""
        return (1.0 - self.momentum**step) / (1.0 - self.momentum) if self.momentum < 1.0 else float(step)


@dataclass(frozen=True)
class RMSProp:
    """The gradient over the root of its mean square (Tieleman & Hinton 2012, lecture 6.5).

    v = decay * v + (1 - decay) * gradient^2; the direction is gradient / (sqrt(v) + epsilon).
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    n_moments: int = 1

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with the direction, update the mean square; return 1."""
        (v,) = moments
        v *= self.decay
        v += (1.0 - self.decay) * gradient * gradient
        gradient /= np.sqrt(v) + self.epsilon
        return 1.0

    def reach(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return 1 / (sqrt(v) + epsilon)."""
        return 1.0 / (np.sqrt(moments[0]) + self.epsilon)


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), with epsilon as in the efficient form at the end of their section 2.

    m = beta_1 m + (1 - beta_1) gradient,   v = beta_2 v + (1 - beta_2) gradient^2;
    the direction is c_t m / (sqrt(v) + epsilon) with c_t = sqrt(1 - beta_2^t) / (1 - beta_1^t).
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_moments: int = 2

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with what is along c_t m / (sqrt(v) + epsilon), update m and v; return the scale."""
        # The arrays hold m / (1 - beta_1) and v / (1 - beta_2), which saves a pass over theta each.
        m, v = moments
        root = sqrt(1.0 - self.beta_2)
        beta_1, beta_2, epsilon = constants(m.dtype, self.beta_1, self.beta_2, self.epsilon / root)
        m *= beta_1
        m += gradient
        gradient *= gradient
        v *= beta_2
        v += gradient
        np.sqrt(v, out=gradient)
        gradient += epsilon
        np.divide(m, gradient, out=gradient)
        return (1.0 - self.beta_1) / root * sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)

    def reach(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)."""
        root = sqrt(1.0 - self.beta_2)
        return sqrt(1.0 - self.beta_2**step) / root / (np.sqrt(moments[1]) + self.epsilon / root)
