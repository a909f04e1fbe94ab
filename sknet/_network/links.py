"""Links turn raw outputs into predictions. To add one, write a `Link`, and add it to `LINKS`.

Conventions
-----------
raw : (n, k)        the network's last sums; the link is the output activation
predictions : (n, k)  what the link makes of raw: probabilities, or numbers in the target's (scaled) units
delta : (n, k)      dJ/dpredictions of any J; `Link.backward` returns dJ/draw
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_expit

from sknet._typing import Array


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
    is_normalized: bool = False  # whether a row's probabilities add up to 1; those of sigmoids, one per class, do not
    raw_output_name: str = "raw output"  # explanations call raw outputs this

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
        predictions = np.array(raw, order="F")  # links reduce over the outputs of a row: F order makes this faster
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
    """Leave raw as it is."""


IDENTITY = Link("identity", identity, lambda raw, delta: delta)


def inplace_sigmoid(raw: Array) -> None:
    """Overwrite raw with 1 / (1 + exp(-raw))."""
    expit(raw, out=raw)


def inplace_log_sigmoid(raw: Array) -> None:
    """Overwrite raw with the logarithms of its sigmoids."""
    # use float64, since SciPy's function is not monotone everywhere in float32
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
    "softmax", inplace_softmax, softmax_link_backward, inplace_log_softmax, is_normalized=True,
    raw_output_name="softmax input",
)  # fmt: skip


def inplace_exp(raw: Array) -> None:
    """Overwrite raw with exp(raw)."""
    with np.errstate(over="ignore"):
        # use float64, since NumPy's exp is not monotone everywhere in float32
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
