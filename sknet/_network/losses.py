"""Losses: how wrong a raw output is, its gradient, and the link that turns the raw output into a prediction.

Conventions
-----------
raw : (n, k)        the network's last sums; there is no output activation but the loss's own link
target : (n, k)     what is wanted: numbers, 0/1 labels, or one-hot rows (soft labels too); quantile losses: (n, 1)
value : (n,)        each sample's loss: the mean over regression outputs, the sum over labels
gradient : (n, k)   d value_i / d raw_ij; it may be written over raw
link : (n, k)       turns raw, in place, into predictions: probabilities, or numbers in the target's (scaled) units
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, xlogy

Array = npt.NDArray[Any]


def identity(raw: Array) -> None:
    """Leave raw as it is.

    Parameters
    ----------
    raw : array of shape (n, k)
        Raw outputs.
    """


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

    def value_and_gradient(self, raw: Array, target: Array) -> tuple[Array, Array]:
        """Compute each sample's loss and its gradient, at once where `joint` can.

        Parameters
        ----------
        raw : array of shape (n, k)
            Raw outputs; what they were is lost.

        target : array of shape (n, k)
            What is wanted.

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


# --- links ----------------------------------------------------------------------------------------------------------


def _sigmoid_link(raw: Array) -> None:
    expit(raw, out=raw)


def _softmax_link(raw: Array) -> None:
    raw -= raw.max(axis=1, keepdims=True)
    np.exp(raw, out=raw)
    raw /= raw.sum(axis=1, keepdims=True)


def _exp_link(raw: Array) -> None:
    np.exp(raw, out=raw)


# --- log-loss on sigmoid outputs: softplus(raw) - target * raw, summed over the labels ------------------------------


def _sigmoid_value(raw: Array, target: Array) -> Array:
    value = np.logaddexp(0.0, raw)
    value -= target * raw
    return value[:, 0] if value.shape[1] == 1 else value.sum(axis=1)


def _sigmoid_gradient(raw: Array, target: Array) -> Array:
    expit(raw, out=raw)
    raw -= target
    return raw


# --- log-loss on a softmax: log sum_j exp(raw_j) - sum_j target_j raw_j ---------------------------------------------


def _softmax_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    scores, wanted = raw.T, target.T  # (k, n): so a network's raw output lies in memory
    scores -= np.maximum.reduce(scores)
    at_target = np.vecdot(raw, target)
    np.exp(scores, out=scores)
    total = np.add.reduce(scores)
    scores /= total
    scores -= wanted  # softmax - target: the rows of target add up to 1
    return np.log(total) - at_target, raw


def _softmax_value(raw: Array, target: Array) -> Array:
    return _softmax_joint(raw.copy("K"), target)[0]


def _softmax_gradient(raw: Array, target: Array) -> Array:
    return _softmax_joint(raw, target)[1]


# --- squared error on sigmoid outputs, summed over the labels: 1/2 (a - t)^2 with a = sigmoid(raw) ------------------


def _squared_sigmoid_value(raw: Array, target: Array) -> Array:
    error = expit(raw) - target
    return 0.5 * np.einsum("ij,ij->i", error, error)


def _squared_sigmoid_gradient(raw: Array, target: Array) -> Array:
    a = expit(raw)
    return (a - target) * a * (1.0 - a)  # dJ/da * da/draw: not a - t, as it is for the log-loss


# --- regression: the mean over the outputs --------------------------------------------------------------------------


def _squared_joint(raw: Array, target: Array) -> tuple[Array, Array]:
    raw -= target
    value = np.einsum("ij,ij->i", raw, raw) * (0.5 / raw.shape[1])
    if raw.shape[1] > 1:
        raw /= raw.shape[1]
    return value, raw


def _squared_value(raw: Array, target: Array) -> Array:
    return _squared_joint(raw.copy("K"), target)[0]


def _squared_gradient(raw: Array, target: Array) -> Array:
    return _squared_joint(raw, target)[1]


def _absolute_value(raw: Array, target: Array) -> Array:
    return np.abs(raw - target).mean(axis=1)


def _absolute_gradient(raw: Array, target: Array) -> Array:
    return np.sign(raw - target) / raw.dtype.type(raw.shape[1])


@dataclass(frozen=True)
class _Huber:
    """Quadratic up to an error of delta, linear beyond (Huber 1964)."""

    delta: float

    def value(self, raw: Array, target: Array) -> Array:
        error = raw - target
        inside = np.clip(error, -self.delta, self.delta)
        return (inside * (error - 0.5 * inside)).mean(axis=1)

    def gradient(self, raw: Array, target: Array) -> Array:
        raw -= target
        np.clip(raw, -self.delta, self.delta, out=raw)
        raw /= raw.shape[1]
        return raw


# --- positive targets: half the deviance, with a log link (McCullagh & Nelder 1989) ---------------------------------


def _poisson_value(raw: Array, target: Array) -> Array:
    return (xlogy(target, target) - target * raw - target + np.exp(raw)).mean(axis=1)


def _poisson_gradient(raw: Array, target: Array) -> Array:
    np.exp(raw, out=raw)
    raw -= target
    raw /= raw.shape[1]
    return raw


def _gamma_value(raw: Array, target: Array) -> Array:
    return (raw - np.log(target) + target * np.exp(-raw) - 1.0).mean(axis=1)


def _gamma_gradient(raw: Array, target: Array) -> Array:
    return (1.0 - target * np.exp(-raw)) / raw.dtype.type(raw.shape[1])


# --- quantiles: the mean over the levels of the pinball loss (Koenker & Bassett 1978) -------------------------------


@dataclass(frozen=True)
class _Quantiles:
    """Quantile levels whose predictions cannot cross.

    The raw output in the middle is that level's quantile, each other one,
    through softplus, the distance to its neighbour on the side of the middle.
    """

    levels: tuple[float, ...]

    @property
    def middle(self) -> int:
        """Place of the level that the others are counted from."""
        return len(self.levels) // 2

    def link(self, raw: Array) -> None:
        m = self.middle
        step = np.logaddexp(0.0, raw)
        np.cumsum(step[:, m + 1 :], axis=1, out=raw[:, m + 1 :])
        raw[:, m + 1 :] += raw[:, m : m + 1]
        raw[:, :m] = raw[:, m : m + 1] - np.cumsum(step[:, :m][:, ::-1], axis=1)[:, ::-1]

    def _error(self, raw: Array, target: Array) -> Array:
        prediction = raw.copy("K")
        self.link(prediction)
        return target - prediction

    def value(self, raw: Array, target: Array) -> Array:
        error = self._error(raw, target)
        q = np.asarray(self.levels, dtype=raw.dtype)
        return np.maximum(q * error, (q - 1.0) * error).mean(axis=1)

    def gradient(self, raw: Array, target: Array) -> Array:
        error = self._error(raw, target)
        q = np.asarray(self.levels, dtype=raw.dtype)
        by_prediction = (np.where(error > 0.0, -q, 1.0 - q) * (error != 0.0)).astype(raw.dtype, copy=False)
        by_prediction /= len(q)
        m, slope = self.middle, expit(raw)
        slope[:, m] = by_prediction.sum(axis=1)
        # a step moves every quantile beyond it
        slope[:, m + 1 :] *= np.cumsum(by_prediction[:, :m:-1], axis=1)[:, ::-1]
        slope[:, :m] *= -np.cumsum(by_prediction[:, :m], axis=1)
        return slope


# --- the losses ------------------------------------------------------------------------------------------------------

SIGMOID_LOG_LOSS = Loss("log_loss", _sigmoid_value, _sigmoid_gradient, _sigmoid_link, "logistic")
SOFTMAX_LOG_LOSS = Loss("log_loss", _softmax_value, _softmax_gradient, _softmax_link, "softmax", _softmax_joint)
SIGMOID_SQUARED_ERROR = Loss(
    "squared_error", _squared_sigmoid_value, _squared_sigmoid_gradient, _sigmoid_link, "logistic"
)
SQUARED_ERROR = Loss("squared_error", _squared_value, _squared_gradient, joint=_squared_joint)
ABSOLUTE_ERROR = Loss("absolute_error", _absolute_value, _absolute_gradient)
POISSON = Loss("poisson", _poisson_value, _poisson_gradient, _exp_link, "exp")
GAMMA = Loss("gamma", _gamma_value, _gamma_gradient, _exp_link, "exp")


def huber(delta: float) -> Loss:
    """Return the Huber loss that turns linear at an error of `delta`."""
    pieces = _Huber(delta)
    return Loss("huber", pieces.value, pieces.gradient)


@dataclass(frozen=True)
class _Pinball:
    """One quantile level for every output."""

    level: float

    def value(self, raw: Array, target: Array) -> Array:
        error = target - raw
        return np.maximum(self.level * error, (self.level - 1.0) * error).mean(axis=1)

    def gradient(self, raw: Array, target: Array) -> Array:
        slope = np.where(target > raw, -self.level, 1.0 - self.level) * (target != raw)
        return (slope / raw.shape[1]).astype(raw.dtype, copy=False)


def pinball(level: float) -> Loss:
    """Return the pinball loss of one quantile level, the same for every output."""
    pieces = _Pinball(level)
    return Loss("quantile", pieces.value, pieces.gradient)


def quantile(levels: Sequence[float]) -> Loss:
    """Return the pinball loss of several increasing quantile levels of one target, one raw output a level."""
    pieces = _Quantiles(tuple(levels))
    return Loss("quantile", pieces.value, pieces.gradient, pieces.link)


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


def blocks(losses: Sequence[Loss], slices: Sequence[slice]) -> Loss:
    """Return the sum of several losses, each on its own slice of the outputs."""
    pieces = _Blocks(tuple(losses), tuple(slices))
    names = {loss.out_activation for loss in losses}
    out_activation = names.pop() if len(names) == 1 else "mixed"
    return Loss(losses[0].name, pieces.value, pieces.gradient, pieces.link, out_activation)
