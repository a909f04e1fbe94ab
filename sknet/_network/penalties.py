"""What keeps weights small: the L1/L2 penalty, and the proximal step that follows a step along the gradient.

The loop itself (`_training/minibatch.py`) keeps a monotone network's weights between their bounds.

Conventions
-----------
w : (n_weights,)        all weights, never biases
W : (fan_in, fan_out)   one layer's; a unit's incoming weights are a column
"""

from dataclasses import dataclass

import numpy as np

from sknet._network.chain import Layout
from sknet._typing import Array
from sknet._vectors import add_multiple


@dataclass(frozen=True)
class ElasticNet:
    """The penalty l1 * |w|_1 + l2 / 2 * |w|^2. The L1 term has no gradient here: it is a proximal step."""

    l2: float = 0.0
    l1: float = 0.0

    def value(self, w: Array) -> float:
        """Return the penalty at w."""
        value = 0.5 * self.l2 * float(np.dot(w, w)) if self.l2 else 0.0
        return value + self.l1 * float(np.abs(w).sum()) if self.l1 else value

    def add_gradient(self, w: Array, out: Array) -> float:
        """Add the gradient of the L2 term, l2 * w, to `out`; return the penalty."""
        if self.l2:
            add_multiple(out, self.l2, w)
        return self.value(w)


def soft_threshold(w: Array, amount: float | Array) -> None:
    """Move every weight towards 0 by `amount`, and to exactly 0 where it would pass: the proximal step of L1."""
    w -= np.clip(w, -amount, amount)


def limit_column_norms(W: Array, max_norm: float) -> None:
    """Scale down the columns of W (a unit's incoming weights) whose Euclidean norm exceeds `max_norm`."""
    # float64, because the sum of a wide layer's squares loses digits in float32
    norms = np.sqrt(np.einsum("ij,ij->j", W, W, dtype=np.float64))
    too_long = norms > max_norm
    if too_long.any():
        W[:, too_long] *= (max_norm / norms[too_long]).astype(W.dtype)


@dataclass(frozen=True)
class ProximalStep:
    """The proximal step of an L1 penalty and a limit on norms, after a step of size `rate` along the gradient.

    An optimizer that gives each weight a step of its own gives it a rate of
    its own here, too: an array, as long as theta.
    """

    l1: float
    max_norm: float
    layout: Layout

    def __call__(self, theta: Array, rate: float | Array) -> None:
        """Shrink weights and limit their norms, in place: norms only at a rate of 0, as for an average."""
        if self.l1:
            w = theta[: self.layout.n_weights]
            soft_threshold(w, self.l1 * (rate[: w.size] if isinstance(rate, np.ndarray) else rate))
        if self.max_norm:
            for W, _ in self.layout.layers(theta):
                limit_column_norms(W, self.max_norm)
