"""Steps along sparse gradients, which move only the rows of the first layer's weights that a batch touches.

`SparseLoop` takes them. Neither weight decay nor momentum moves the other rows. Their moving averages are updated
later.

Conventions
-----------
d inputs; h units of the first layer; r rows of weights that a batch touches.

gradient : an array like theta, or a SparseGradient, whose first layer's part has only rows that a batch touches
weights, average : (d, h) of the first layer, or (r, h)
"""

from collections.abc import Iterator
from math import log

import numpy as np

from sknet._typing import Array, Gradient, Positions, SparseGradient
from sknet._vectors import blocks_of_batch

PARAMETERS_MOVED_AT_ONCE = 2**15
"""How many parameters a sparse step moves at once, to stay in the cache: see "Sparse steps"
in tests/benchmarks/notes.md."""


def blocks_to_move(rows: Positions, h: int) -> Iterator[Positions]:
    """Yield blocks of rows of h weights each, which a sparse step moves at once."""
    return blocks_of_batch(rows, max(1, PARAMETERS_MOVED_AT_ONCE // h))


def zero_fixed_gradient(gradient: Gradient, is_free: Array) -> None:
    """Set the gradient of fixed weights to 0, in place; `is_free`, (n_weights,), is 0 for these and else 1."""
    if not isinstance(gradient, SparseGradient):
        gradient[: len(is_free)] *= is_free
        return
    out, start, stop, row_indices, values, _ = gradient
    out[:start] *= is_free[:start]
    values *= is_free[start:stop].reshape(-1, values.shape[1])[row_indices]


class LateAverages:
    """The moving averages of rows of weights, of which an epoch's sparse steps update only those that a batch touches.

    While a row does not change, each step multiplies the difference between its average and theta by the decay. So
    several steps multiply it by the product of their decays. This is applied when a batch touches the row again, and at
    the end of the epoch.
    """

    def __init__(self) -> None:
        """Begin without averages."""
        self._log_product = 0.0  # the logarithm of the product of the decays of this epoch
        # the weights and their average, (d, h) each, once a sparse step was taken
        self._weights_and_average: tuple[Array, Array] | None = None
        self._log_at_update = np.empty(0)  # (d,) `_log_product` when the average of each row was last updated

    def begin(self, weights: Array, average: Array) -> None:
        """Begin to note when the average of each row is updated, unless this has begun since the last `update_all`."""
        if self._weights_and_average is None:
            self._weights_and_average = weights, average
            self._log_at_update = np.full(len(weights), self._log_product)

    def up_to_date(self, weights: Array, average: Array, row_indices: Positions) -> Array:
        """Return the average of some rows, (r, h), after all steps so far, given their last average."""
        decay = np.exp(self._log_product - self._log_at_update[row_indices]).astype(weights.dtype)
        return weights + decay[:, np.newaxis] * (average - weights)

    def count_step(self, decay: float, row_indices: Positions = slice(0)) -> None:
        """Note that a step has updated the averages of some rows; its decay is 0 if there are no averages."""
        if decay:
            self._log_product += log(decay)
            self._log_at_update[row_indices] = self._log_product

    def update_all(self) -> None:
        """Update the averages of all rows that the last steps have not touched."""
        if self._weights_and_average is not None:
            weights, average = self._weights_and_average
            late = np.flatnonzero(self._log_at_update != self._log_product)
            for rows in blocks_to_move(late, weights.shape[1]):
                average[rows] = self.up_to_date(weights[rows], average[rows], rows)
            self._weights_and_average = None
            self._log_at_update = np.empty(0)
