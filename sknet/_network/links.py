"""Links, their logarithms, and how an error passes back through a link.

Conventions
-----------
raw : (n, k)      the network's last sums; a link turns them, in place, into predictions
delta : (n, k)    dJ/dprediction, from which dJ/draw is made
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit

from sknet._typing import Array


def sigmoid_link(raw: Array) -> None:
    """Overwrite raw with 1 / (1 + exp(-raw))."""
    expit(raw, out=raw)


def log_sigmoid_link(raw: Array) -> None:
    """Overwrite raw with the logarithms of its sigmoids."""
    # in float64 for float32 too: there SciPy's function falls here and there, where it must rise
    log_expit(raw, out=raw, dtype=np.float64, casting="same_kind")


def sigmoid_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw = delta a (1 - a), with a = sigmoid(raw)."""
    return delta * expit(raw) * expit(-raw)  # 1 - a would lose the digits of a small 1 - a


def softmax_link(raw: Array) -> None:
    """Overwrite raw with exp(raw_j) / sum_k exp(raw_k)."""
    _subtract_largest(raw)
    np.exp(raw, out=raw)
    raw /= raw.sum(axis=1, keepdims=True)


def log_softmax_link(raw: Array) -> None:
    """Overwrite raw with the logarithms of the softmax."""
    _subtract_largest(raw)
    raw -= np.log(np.exp(raw).sum(axis=1, keepdims=True))


def _subtract_largest(raw: Array) -> None:
    """Move each row so that its largest number is 0: the softmax stays the same, and exp cannot overflow."""
    with np.errstate(over="ignore"):  # what is infinitely far below the largest has no share
        raw -= raw.max(axis=1, keepdims=True)


def softmax_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw_j = a_j (delta_j - sum_k a_k delta_k), with a = softmax(raw)."""
    a = raw.copy()
    softmax_link(a)
    return a * (delta - np.vecdot(a, delta)[:, np.newaxis])


DIFFERENCE_STEP = 1e-5
"""The step of central differences, relative to a raw output above 1: truncation and rounding are about 1e-10 there."""


def link_differences(link: Callable[[Array], None], raw: Array, delta: Array) -> Array:
    """Return dJ/draw by differences of a link whose derivative nobody has written."""
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
