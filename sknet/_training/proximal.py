"""What is applied to the weights after each step, because no gradient shows it: an L1 penalty, norm limits and bounds.

Conventions
-----------
theta, average : (p,), weights first
w : (n_weights,), the weights in one of them
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sknet._typing import Array


@dataclass(frozen=True)
class ProximalTerms:
    """The penalty and the constraints that are applied to the weights after each step. By default, there are none.

    Attributes
    ----------
    l1 : float
        Strength of an L1 penalty.
    limit_norms : callable or None
        Limits the norms of weights in theta, or in its average, in place.
    bounds : (ndarray, ndarray) or None
        Lower and upper bounds on the weights, (n_weights,) each.
    """

    l1: float = 0.0
    limit_norms: Callable[[Array], None] | None = None
    bounds: tuple[Array, Array] | None = None

    @property
    def change_every_weight(self) -> bool:
        """Whether they may change weights that a step along a sparse gradient has not moved."""
        return bool(self.l1) or self.limit_norms is not None

    def apply(self, theta: Array, average: Array | None, n_weights: int, step_lengths: float | Array) -> None:
        """Apply them to theta and to its average, in place.

        `step_lengths` of the L1 penalty are those along a constant gradient of 1, for all weights or for each.
        """
        if self.l1:
            soft_threshold(theta[:n_weights], self.l1 * step_lengths)
        if self.limit_norms is not None:
            self.limit_norms(theta)
        if average is not None and self.change_every_weight:
            average[theta == 0.0] = 0.0  # the L1 penalty has set these weights to 0
            if self.limit_norms is not None:  # the average includes the first weights, whose norms were not limited
                self.limit_norms(average)
        if self.bounds is not None:
            lower, upper = self.bounds
            for vector in (theta, average):  # the average has followed theta before it was bounded
                if vector is not None:
                    w = vector[:n_weights]
                    np.maximum(w, lower, out=w)  # five times as fast as np.clip
                    np.minimum(w, upper, out=w)


def soft_threshold(w: Array, amount: float | Array) -> None:
    """Move every weight towards 0 by `amount`, in place, but not beyond 0: the proximal step of L1."""
    w -= np.clip(w, -amount, amount)
