"""Optimizers: a gradient becomes a direction, and theta moves by -rate * direction.

Conventions
-----------
gradient : any shape     overwritten, in place, with a multiple of the direction
scale : float            direction = scale * that multiple; the loop multiplies by rate and scale in one pass
moments : arrays of the gradient's shape, what the optimizer remembers; all 0 at first, updated in place
step : int               1 at the first step
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import NamedTuple, Self

import numpy as np

from sknet._typing import Array, DType


class Optimizer(ABC):
    """Base class of first-order optimizers, which turn a gradient into the direction of a step.

    Derive from it to train with an optimizer of your own, and pass an instance as
    `solver`. The training loop clips the gradient, applies the learning rate and the
    weight decay, and averages the weights.

    An instance holds settings only. The training loop keeps its state: `n_moments`
    arrays, which start at 0 and are saved with a checkpoint.

    Attributes
    ----------
    n_moments : int
        Number of these arrays, as a class attribute or a property; 0 by default.

    See Also
    --------
    Activation : An activation function of your own.
    Loss : A loss of your own.

    Examples
    --------
    AdaGrad (Duchi et al. 2011) remembers the sum of squared gradients:

    >>> import numpy as np
    >>> from sknet import Optimizer, SigmoidMLPClassifier
    >>> class AdaGrad(Optimizer):
    ...     n_moments = 1
    ...
    ...     def update(self, gradient, moments, step):
    ...         (total,) = moments
    ...         total += gradient * gradient
    ...         gradient /= np.sqrt(total) + 1e-8
    ...         return 1.0
    ...
    ...     def steady_direction(self, moments, step):
    ...         return 1.0 / (np.sqrt(moments[0]) + 1e-8)
    >>> net = SigmoidMLPClassifier(solver=AdaGrad(), learning_rate_init=0.05)
    """

    @property
    def n_moments(self) -> int:
        """Number of arrays that the training loop keeps."""
        return 0

    @abstractmethod
    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with the direction of the step, and update the moments.

        It must work element by element, because it may get any part of the parameters,
        such as the rows of a weight matrix that a sparse batch touches. It does not
        know the learning rate.

        Parameters
        ----------
        gradient : ndarray
            The gradient, overwritten in place.

        moments : sequence of ndarray
            `n_moments` arrays of the gradient's shape, updated in place.

        step : int
            Number of the step, from 1.

        Returns
        -------
        scale : float
            The direction is `scale * gradient`, so a constant factor costs no time.
            Return 1.0 if there is none.
        """

    def steady_direction(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return the direction that a constant gradient of 1 would give, with the current moments.

        An L1 penalty is applied after each step, as strongly as if it had been part of
        the gradient. Override this method if the optimizer rescales or sums up
        gradients.

        Parameters
        ----------
        moments : sequence of ndarray
            `n_moments` arrays, as long as all parameters.

        step : int
            Number of the step just taken.

        Returns
        -------
        scale : float or ndarray
            One number, or one per parameter; 1.0 by default.
        """
        return 1.0

    def with_l1(self, l1: float) -> Self:
        """Return the optimizer to use with an L1 penalty; by default, itself.

        Override this method if the optimizer divides by the size of past gradients. If
        a weight has had no gradient yet, the optimizer must not divide by 0. The
        penalty would then take this weight to 0 in one step. Adam and RMSProp add the
        gradient of the penalty, l1, to their epsilon.

        Parameters
        ----------
        l1 : float
            Strength of the penalty ``l1 * |w|``.

        Returns
        -------
        optimizer : Optimizer
            An optimizer with other settings, or itself.
        """
        return self


@lru_cache(maxsize=16)
def constant_arrays(dtype: DType, *numbers: float) -> tuple[Array, ...]:
    """Return numbers as arrays: converting them at every step takes NumPy as long as a pass over a small theta."""
    return tuple(np.array(number, dtype) for number in numbers)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with classical or Nesterov momentum (Sutskever et al. 2013).

    velocity = momentum * velocity + gradient; the direction is the velocity
    or, after Nesterov, gradient + momentum * velocity.

    The velocity is a sum of gradients, not of past steps: a rate that falls
    takes effect at once, on all of it. scikit-learn sums steps, each at the
    rate of its own time; the two agree while the rate is constant.
    """

    momentum: float = 0.9
    nesterovs_momentum: bool = True

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
        if self.nesterovs_momentum:
            gradient += self.momentum * velocity
        else:
            np.copyto(gradient, velocity)
        return 1.0

    def steady_direction(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return 1 + momentum + momentum^2 + ..., one term per step so far: the velocity of a steady gradient of 1."""
        # Nesterov's direction has one term more, momentum^step, which vanishes after the first steps: it is left out.
        return (1.0 - self.momentum**step) / (1.0 - self.momentum) if self.momentum < 1.0 else float(step)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """The gradient over the root of its mean square (Tieleman & Hinton 2012, lecture 6.5).

    v = beta_2 * v + (1 - beta_2) * gradient^2; the direction is gradient / (sqrt(v) + epsilon).
    For an L1 penalty see `Adam`.
    """

    beta_2: float = 0.99
    epsilon: float = 1e-8

    n_moments = 1

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with the direction, update the mean square; return 1."""
        (v,) = moments
        v *= self.beta_2
        v += (1.0 - self.beta_2) * gradient * gradient
        gradient /= np.sqrt(v) + self.epsilon
        return 1.0

    def steady_direction(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return 1 / (sqrt(v) + epsilon)."""
        return 1.0 / (np.sqrt(moments[0]) + self.epsilon)

    def with_l1(self, l1: float) -> Self:
        """Return the optimizer with l1 added to epsilon."""
        return replace(self, epsilon=self.epsilon + l1)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), with epsilon as in the efficient form at the end of their section 2.

    m = beta_1 m + (1 - beta_1) gradient,   v = beta_2 v + (1 - beta_2) gradient^2;
    the direction is c_t m / (sqrt(v) + epsilon) with c_t = sqrt(1 - beta_2^t) / (1 - beta_1^t).

    An L1 penalty is a proximal step in the same metric, as in ProxGen (Yun, Lozano & Yang 2021, arXiv:2007.07484): with
    d = sqrt(1 - beta_2^t) / (sqrt(v) + epsilon + l1) for each weight, w moves by -rate m d / (1 - beta_1^t), and then
    towards 0 by rate l1 d. Both have the same d, so that the fixed points are those of the penalised loss. Without l1
    beside epsilon, d is huge where v is near 0, as it is for a weight that no batch has touched; with it, the second
    step is no longer than the rate.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    n_moments = 2

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with a multiple of c_t m / (sqrt(v) + epsilon), update m and v; return the scale."""
        # The arrays hold m / (1 - beta_1) and v / (1 - beta_2), which saves a pass over theta each. So sqrt(v) is
        # `root` times the root of what they hold: epsilon is divided by it here, the scale below.
        m, v = moments
        root = sqrt(1.0 - self.beta_2)
        beta_1, beta_2, epsilon = constant_arrays(m.dtype, self.beta_1, self.beta_2, self.epsilon / root)
        m *= beta_1
        m += gradient
        # From here on the gradient's own memory holds gradient^2, then the root of v, then the direction: no temporary.
        gradient *= gradient
        v *= beta_2
        v += gradient
        np.sqrt(v, out=gradient)
        gradient += epsilon
        np.divide(m, gradient, out=gradient)
        return (1.0 - self.beta_1) / root * sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)

    def steady_direction(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)."""
        root = sqrt(1.0 - self.beta_2)
        return sqrt(1.0 - self.beta_2**step) / root / (np.sqrt(moments[1]) + self.epsilon / root)

    def with_l1(self, l1: float) -> Self:
        """Return the optimizer with l1 added to epsilon."""
        return replace(self, epsilon=self.epsilon + l1)


@dataclass(frozen=True)
class Lion(Optimizer):
    """Steps of the same length in every direction: the sign of a momentum (Chen et al. 2023, arXiv:2302.06675).

    The direction is sign(beta_1 m + (1 - beta_1) gradient); then m = beta_2 m + (1 - beta_2) gradient.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99

    n_moments = 1

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with the direction, update the momentum; return 1."""
        (m,) = moments
        blend = (1.0 - self.beta_1) * gradient
        blend += self.beta_1 * m
        m *= self.beta_2
        gradient *= 1.0 - self.beta_2
        m += gradient
        np.sign(blend, out=gradient)
        return 1.0


class OptimizerEntry(NamedTuple):
    """An optimizer that `solver` may name."""

    make: Callable[..., Optimizer]
    options: tuple[str, ...]  # the parameters of the estimators that `make` takes, by keyword


OPTIMIZERS: dict[str, OptimizerEntry] = {
    "adam": OptimizerEntry(Adam, ("beta_1", "beta_2", "epsilon")),
    "sgd": OptimizerEntry(SGD, ("momentum", "nesterovs_momentum")),
    "lion": OptimizerEntry(Lion, ("beta_1", "beta_2")),
    "rmsprop": OptimizerEntry(RMSProp, ("beta_2", "epsilon")),
}
"""Every first-order optimizer by name."""
