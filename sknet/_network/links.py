"""Links of several outputs at once, their logarithms, and how an error passes back through a link.

Conventions
-----------
raw : (n, k)      the network's last sums; a link turns them, in place, into predictions
P : (n, k)        probabilities, or what is in proportion to them
delta : (n, k)    dJ/dprediction, from which dJ/draw is made
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from sknet._typing import Array


def exp_below(raw: Array) -> tuple[Array, Array]:
    """Return how far each raw output lies below its row's largest, and exp of minus that, to the last digits.

    The difference of two floats is rounded, and exp multiplies what is lost by the difference's size: it is put back.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        top = raw.max(axis=1, keepdims=True)
        below = top - raw
        back = below - top
        lost = (top - (below - back)) - (raw + back)  # Knuth's two-sum: top - raw is below + lost, exactly
        share = np.exp(-below)
        share -= share * np.where(np.isfinite(lost), lost, 0.0)  # what no float is far enough from, has no share
    return below, share


def softmax_link(raw: Array) -> None:
    """Overwrite raw with exp(raw_j) / sum_k exp(raw_k)."""
    raw[...] = exp_below(raw)[1]
    raw /= raw.sum(axis=1, keepdims=True)


def sigmoid_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw = delta a (1 - a), with a = sigmoid(raw)."""
    return delta * expit(raw) * expit(-raw)


def softmax_link_backward(raw: Array, delta: Array) -> Array:
    """Return dJ/draw_j = a_j (delta_j - sum_k a_k delta_k), with a = softmax(raw)."""
    share = raw.copy()
    softmax_link(share)
    return share * (delta - np.vecdot(share, delta)[:, np.newaxis])


DIFFERENCE = 1e-5
"""The step of central differences, relative to a raw output above 1: truncation and rounding are about 1e-10 there."""


def link_differences(link: Callable[[Array], None], raw: Array, delta: Array) -> Array:
    """Return dJ/draw by differences of a link whose derivative nobody has written."""
    gradient = np.empty_like(raw, dtype=np.float64)
    for j in range(raw.shape[1]):
        step = DIFFERENCE * np.maximum(1.0, np.abs(raw[:, j]))
        above, below = raw.astype(np.float64), raw.astype(np.float64)
        above[:, j] += step
        below[:, j] -= step
        link(above)
        link(below)
        gradient[:, j] = np.vecdot(above - below, delta) / (2.0 * step)
    return gradient


def log_softmax_link(raw: Array) -> None:
    """Overwrite raw with the logarithms of the softmax, those near 0 to the last digits."""
    below, others = exp_below(raw)
    np.put_along_axis(others, raw.argmax(axis=1)[:, np.newaxis], 0.0, axis=1)
    below += np.log1p(others.sum(axis=1, keepdims=True))  # two terms that are not negative, here too
    np.negative(below, out=raw)


def log_shares(P: Array) -> Array:
    """Return the logarithms of P's shares of their row's sum, those near 0 to the last digits."""
    others, largest = P.copy(), P.argmax(axis=1)[:, np.newaxis]
    np.put_along_axis(others, largest, 0.0, axis=1)
    total = P.sum(axis=1, keepdims=True)
    found = np.log(P / total)
    # of a share near 1, what is missing keeps its digits
    np.put_along_axis(found, largest, np.log1p(-others.sum(axis=1, keepdims=True) / total), axis=1)
    return found
