"""Steps along sparse gradients, which move only the rows of the first layer's weights that a batch touches.

Neither weight decay nor momentum moves the other rows. Their moving averages are updated later.

Conventions
-----------
d inputs; h units of the first layer; r rows of weights that a batch touches.

gradient : an array like theta, or a SparseGradient, whose first layer's part has only rows that a batch touches
weights, average : (d, h) of the first layer, or (r, h)
"""

from collections.abc import Callable
from functools import partial
from math import log
from typing import NamedTuple

import numpy as np

from sknet._training.solver import State
from sknet._typing import Array, Gradient, Positions, SparseGradient
from sknet._vectors import blocks_of_batch

PARAMETERS_MOVED_AT_ONCE = 2**15
"""How many parameters a sparse step moves at once, to stay in the cache: see "Sparse steps" in benchmarks/notes.md."""


# --- whole and sparse gradients --------------------------------------------------------------------------------------


def gradient_parts(gradient: Gradient, n_parameters: int) -> list[Array]:
    """Return the arrays, each 1-d, of the gradient of the parameters, without that of gains."""
    if not isinstance(gradient, SparseGradient):
        return [gradient[:n_parameters]]
    return [gradient.out[: gradient.start], gradient.values.reshape(-1), gradient.out[gradient.stop :]]


def zero_fixed_gradient(gradient: Gradient, is_free: Array) -> None:
    """Set the gradient of fixed weights to 0, in place; `is_free`, (n_weights,), is 0 for these and else 1."""
    if not isinstance(gradient, SparseGradient):
        gradient[: len(is_free)] *= is_free
        return
    out, start, stop, row_indices, values = gradient
    out[:start] *= is_free[:start]
    values *= is_free[start:stop].reshape(-1, values.shape[1])[row_indices]


# --- a sparse step ---------------------------------------------------------------------------------------------------


class PartOfState(NamedTuple):
    """A part of a state's theta, with the same part of each moment and of the average."""

    theta: Array
    moments: tuple[Array, ...]
    average: Array | None  # None if none is kept

    @property
    def arrays(self) -> list[Array]:
        """Theta, the moments and the average, if there is one."""
        return [self.theta, *self.moments] if self.average is None else [self.theta, *self.moments, self.average]


def part_of(state: State | PartOfState, function: Callable[[Array], Array]) -> PartOfState:
    """Return the value of the function for theta, each moment and the average."""
    average = None if state.average is None else function(state.average)
    return PartOfState(function(state.theta), tuple(map(function, state.moments)), average)


def move_touched(
    gradient: SparseGradient,
    state: State,
    decay: float,
    late: "LateAverages",
    move: Callable[[PartOfState, Array, int], None],
) -> None:
    """Move theta, its moments and its average by a step: of the first layer's weights, only the touched rows.

    `move` takes a part of the state, the gradient of this part, and how many of its first entries are weights.
    `decay` is that of the average.
    """
    out, start, stop, row_indices, values = gradient
    h = values.shape[1]
    move(part_of(state, lambda vector: vector[:start]), out[:start], start)  # later weights
    move(part_of(state, lambda vector: vector[stop:]), out[stop:], 0)  # biases, which do not decay
    matrices = part_of(state, lambda vector: vector[start:stop].reshape(-1, h))  # (d, h)
    if matrices.average is not None:
        late.begin(matrices.theta, matrices.average)
    for block in blocks_of_batch(slice(0, len(row_indices)), max(1, PARAMETERS_MOVED_AT_ONCE // h)):
        rows = row_indices[block]
        # copies, because NumPy cannot work in place on rows that are selected by index
        touched = part_of(matrices, partial(np.take, indices=rows, axis=0))
        if touched.average is not None:
            touched = touched._replace(average=late.up_to_date(touched.theta, touched.average, rows))
        move(part_of(touched, np.ravel), values[block].ravel(), touched.theta.size)
        for matrix, moved in zip(matrices.arrays, touched.arrays, strict=True):
            matrix[rows] = moved
    late.count_step(decay, row_indices)


class LateAverages:
    """The moving averages of rows of weights, of which an epoch's sparse steps update only those that a batch touches.

    While a row does not change, each step multiplies the difference between its average and theta by the decay. So
    several steps multiply it by the product of their decays. This is applied when a batch touches the row again, and at
    the end of the epoch.
    """

    def __init__(self) -> None:
        """Begin without averages."""
        self._log_product = 0.0  # the logarithm of the product of the decays of this epoch
        # from the first sparse step on: the weights and their average, (d, h) each
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
            for rows in blocks_of_batch(late, max(1, PARAMETERS_MOVED_AT_ONCE // weights.shape[1])):
                average[rows] = self.up_to_date(weights[rows], average[rows], rows)
            self._weights_and_average = None
            self._log_at_update = np.empty(0)
