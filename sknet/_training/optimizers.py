"""Optimizers and learning-rate schedules: theta moves by -rate * direction.

An optimizer turns a gradient into a direction. A schedule is a function of how far training has come; the rate is
`learning_rate_init` times its value.

Conventions
-----------
gradient : any shape     overwritten with direction / scale
scale : float            the loop multiplies by rate and scale in one pass
moments : arrays of the gradient's shape     the optimizer's memory, 0 at first and updated in place
step : int               1 at the first step

fraction : float         (epochs done + steps of this epoch / steps per epoch) / epochs planned, at most 1
n_samples_seen : int     training samples seen in whole epochs
n_plateaus : int         how often the training loss, or the validation score, has stopped improving
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import cos, log2, pi, sqrt
from typing import NamedTuple, Self

import numpy as np

from sknet._typing import Array, DType

# --- optimizers -------------------------------------------------------------------------------------------------------


class Optimizer(ABC):
    """Base class of first-order optimizers, which turn a gradient into a direction.

    Derive from it to train with an optimizer of your own, and pass an instance as
    `solver`. The training loop clips the gradient, moves the weights against the
    direction by the learning rate, applies the weight decay, and averages the weights.

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
        """Overwrite the gradient with the direction, and update the moments.

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
def scalars_as_arrays(dtype: DType, *constants: float) -> tuple[Array, ...]:
    """Return constants as arrays: NumPy takes as long to convert a Python number as to pass over a small theta."""
    return tuple(np.array(constant, dtype) for constant in constants)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with classical or Nesterov momentum (Sutskever et al. 2013).

    velocity = momentum * velocity + gradient; the direction is the velocity
    or, with Nesterov momentum, gradient + momentum * velocity.

    The velocity is a sum of gradients, so a lower rate affects all of it at
    once. scikit-learn sums steps, each at its own rate; both agree if the rate
    is constant.
    """

    momentum: float = 0.9
    nesterovs_momentum: bool = True

    @property
    def n_moments(self) -> int:
        """1, or 0 without momentum."""
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
        """Return the velocity for a constant gradient of 1: 1 + momentum + momentum^2 + ..., with a term per step."""
        # Nesterov's direction has another term, momentum^step, which is soon negligible
        return (1.0 - self.momentum**step) / (1.0 - self.momentum) if self.momentum < 1.0 else float(step)


@dataclass(frozen=True)
class RMSProp(Optimizer):
    """The gradient over the root of its mean square (Tieleman & Hinton 2012, lecture 6.5).

    v = beta_2 * v + (1 - beta_2) * gradient^2; the direction is gradient / (sqrt(v) + epsilon).
    An L1 penalty is applied as for `Adam`.
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
        """Return the direction that a gradient of 1 would give: 1 / (sqrt(v) + epsilon)."""
        return 1.0 / (np.sqrt(moments[0]) + self.epsilon)

    def with_l1(self, l1: float) -> Self:
        """Return the optimizer with l1 added to epsilon."""
        return replace(self, epsilon=self.epsilon + l1)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, arXiv:1412.6980), with epsilon as in the efficient form at the end of their section 2.

    m = beta_1 m + (1 - beta_1) gradient,   v = beta_2 v + (1 - beta_2) gradient^2;
    the direction is c_t m / (sqrt(v) + epsilon) with c_t = sqrt(1 - beta_2^t) / (1 - beta_1^t).

    An L1 penalty is a proximal step in the same metric, as in ProxGen (Yun, Lozano & Yang 2021, arXiv:2007.07484). With
    d = sqrt(1 - beta_2^t) / (sqrt(v) + epsilon + l1) for each weight, w moves by -rate m d / (1 - beta_1^t), and then
    towards 0 by rate l1 d. Both steps have the same d, so the fixed points are those of the penalised loss. l1 is added
    to epsilon because d would be huge for a weight with v near 0, such as one that no batch has touched. With l1, the
    second step is at most as long as the rate.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    n_moments = 2

    def update(self, gradient: Array, moments: Sequence[Array], step: int) -> float:
        """Overwrite the gradient with a multiple of c_t m / (sqrt(v) + epsilon), update m and v; return the scale."""
        # The arrays are m / (1 - beta_1) and v / (1 - beta_2), which saves two passes over theta. So sqrt(v) is `root`
        # times the square root of the array: epsilon is divided by `root` here, and the scale below.
        m, v = moments
        root = sqrt(1.0 - self.beta_2)
        beta_1, beta_2, epsilon = scalars_as_arrays(m.dtype, self.beta_1, self.beta_2, self.epsilon / root)
        m *= beta_1
        m += gradient
        # no temporary array: the gradient is overwritten with gradient^2, then with sqrt(v), then with the direction
        gradient *= gradient
        v *= beta_2
        v += gradient
        np.sqrt(v, out=gradient)
        gradient += epsilon
        np.divide(m, gradient, out=gradient)
        return (1.0 - self.beta_1) / root * sqrt(1.0 - self.beta_2**step) / (1.0 - self.beta_1**step)

    def steady_direction(self, moments: Sequence[Array], step: int) -> float | Array:
        """Return the direction that a constant gradient of 1 would give: sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)."""
        root = sqrt(1.0 - self.beta_2)
        return sqrt(1.0 - self.beta_2**step) / root / (np.sqrt(moments[1]) + self.epsilon / root)

    def with_l1(self, l1: float) -> Self:
        """Return the optimizer with l1 added to epsilon."""
        return replace(self, epsilon=self.epsilon + l1)


@dataclass(frozen=True)
class Lion(Optimizer):
    """The sign of a momentum, so that all weights move equally far (Chen et al. 2023, arXiv:2302.06675).

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


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"adam": Adam, "sgd": SGD, "lion": Lion, "rmsprop": RMSProp}
"""Every first-order optimizer by name; its fields are the estimators' parameters of the same names."""


# --- schedules --------------------------------------------------------------------------------------------------------


class ScheduleInput(NamedTuple):
    """The input of a schedule: how far training has come."""

    fraction: float = 0.0
    n_samples_seen: int = 0
    n_plateaus: int = 0


Schedule = Callable[[ScheduleInput], float]
"""Returns the factor of `learning_rate_init`."""


def constant(progress: ScheduleInput) -> float:
    """Return 1."""
    return 1.0


@dataclass(frozen=True)
class InverseScaling:
    """1 / (samples seen in whole epochs + 1) ** power_t."""

    power_t: float

    def __call__(self, progress: ScheduleInput) -> float:
        """Return the rate's factor."""
        return float((progress.n_samples_seen + 1) ** -self.power_t)


PLATEAU_DIVISOR = 5.0
"""What `adaptive` divides the rate by after each plateau, as scikit-learn does."""


def adaptive(progress: ScheduleInput) -> float:
    """Return 1, divided by 5 for each plateau."""
    return float(PLATEAU_DIVISOR**-progress.n_plateaus)


def cosine(progress: ScheduleInput) -> float:
    """Return half a cosine, from 1 to 0 (Loshchilov & Hutter 2017, arXiv:1608.03983)."""
    return 0.5 * (1.0 + cos(pi * progress.fraction))


def flat_cosine(progress: ScheduleInput) -> float:
    """Return 1 for the first half of training, then half a cosine down to 0."""
    return 0.5 * (1.0 + cos(pi * max(0.0, 2.0 * progress.fraction - 1.0)))


def one_cycle(progress: ScheduleInput) -> float:
    """Rise from 1/25 to 1 in the first 30%, then fall to 1/250,000, both along half a cosine.

    Smith (2018), arXiv:1803.09820.
    """
    start = 1.0 / 25.0
    peak = 1.0
    end = 1.0 / 250_000.0
    warm = 0.3
    if progress.fraction < warm:
        return _half_cosine(start, peak, progress.fraction / warm)
    return _half_cosine(peak, end, (progress.fraction - warm) / (1.0 - warm))


def _half_cosine(start: float, end: float, fraction: float) -> float:
    """Return the value between start and end, where this fraction of the way is done."""
    return end + 0.5 * (start - end) * (1.0 + cos(pi * fraction))


def coslog4(progress: ScheduleInput) -> float:
    """Run through four cosine cycles from 0 over 1 to 0, each twice as long as the one before.

    Holzmüller et al. (2024), arXiv:2407.04491.
    """
    # the logarithm runs from 0 to 4, and each whole number ends a cycle
    return 0.5 * (1.0 - cos(2.0 * pi * log2(1.0 + 15.0 * progress.fraction)))


@dataclass(frozen=True)
class UserSchedule:
    """A user's function of the fraction of training done."""

    function: Callable[[float], float]

    def __call__(self, progress: ScheduleInput) -> float:
        """Return the rate's factor."""
        rate = self.function(progress.fraction)
        try:
            return float(rate)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"learning_rate, a function, returned {rate!r} for the fraction {progress.fraction:g}: "
                "it must return a number, the factor of learning_rate_init."
            ) from error


class ScheduleEntry(NamedTuple):
    """A schedule that `learning_rate` may name."""

    make: Callable[..., Schedule]  # of the estimators' parameters that are its arguments
    open_ended: bool = False  # whether training continues until the loss stops improving, as in scikit-learn


SCHEDULES: dict[str, ScheduleEntry] = {
    "constant": ScheduleEntry(lambda: constant, open_ended=True),
    "invscaling": ScheduleEntry(InverseScaling, open_ended=True),
    "adaptive": ScheduleEntry(lambda: adaptive, open_ended=True),
    "cosine": ScheduleEntry(lambda: cosine),
    "flat_cosine": ScheduleEntry(lambda: flat_cosine),
    "one_cycle": ScheduleEntry(lambda: one_cycle),
    "coslog4": ScheduleEntry(lambda: coslog4),
}
"""Every schedule by name; the open-ended ones are scikit-learn's own."""
