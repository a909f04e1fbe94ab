"""What a step needs of a gradient, be it whole or sparse: this module alone tells the two apart.

Conventions
-----------
vectors : list of (p,) arrays      theta, and all that moves with it
"""

from collections.abc import Iterator, Sequence
from math import log, sqrt

import numpy as np

from sknet._typing import Array, Gradient, SparseGradient

PARAMETERS_MOVED_AT_ONCE = 2**15
"""How many parameters of a sparse step are moved at once: they stay in the cache for the dozen passes over them."""


def norm(gradient: Gradient, n_parameters: int) -> float:
    """Return the Euclidean norm of the parameters' gradient, without that of gains; what a sparse one lacks is 0."""
    parts = _arrays(gradient) if isinstance(gradient, SparseGradient) else [gradient[:n_parameters]]
    return sqrt(sum([float(np.dot(part, part)) for part in parts]))


def multiply(gradient: Gradient, factor: float) -> None:
    """Multiply by a number, in place."""
    for part in _arrays(gradient):
        part *= factor


def clear_fixed(gradient: Gradient, is_free: Array) -> None:
    """Set the gradient of fixed weights to 0, in place; `is_free`, (n_weights,) and of its type, has a 0 for each."""
    if not isinstance(gradient, SparseGradient):
        gradient[: len(is_free)] *= is_free
        return
    out, start, stop, rows, values = gradient
    out[:start] *= is_free[:start]
    values *= is_free[start:stop].reshape(-1, values.shape[1])[rows]


def _arrays(gradient: Gradient) -> list[Array]:
    """Return the vectors that a gradient consists of."""
    if not isinstance(gradient, SparseGradient):
        return [gradient]
    return [gradient.out[: gradient.start], gradient.values.reshape(-1), gradient.out[gradient.stop :]]


class UntouchedRows:
    """Catches up a moving average of what it misses where sparse gradients touch only some rows of a matrix.

    As long as a row of theta stays as it is, each step leaves of its average's distance from it the share that is the
    step's decay: of all steps that a row has missed, the product of theirs. It is made up for when the row is touched
    again, and at the end of an epoch.
    """

    def __init__(self, theta: Array, average: Array) -> None:
        self._vectors = theta, average
        self._log_kept = 0.0  # the logarithm of this product, over the steps of this epoch
        self._caught_up: Array | None = None  # (d,) of each row, what it was when that was last up to date

    def before_step(self, gradient: Gradient) -> None:
        """Catch up the rows that a step is about to touch."""
        if not isinstance(gradient, SparseGradient):
            self.catch_up_all()
            return
        if self._caught_up is None:
            at, h = slice(gradient.start, gradient.stop), gradient.values.shape[1]
            self._theta, self._average = (vector[at].reshape(-1, h) for vector in self._vectors)  # (d, h)
            self._caught_up = np.full(len(self._theta), self._log_kept)
        self._catch_up(gradient.rows, self._caught_up)

    def after_step(self, gradient: Gradient, decay: float) -> None:
        """Count a step; the rows that it has touched have missed nothing of it."""
        self._log_kept += log(decay)
        if self._caught_up is not None and isinstance(gradient, SparseGradient):
            self._caught_up[gradient.rows] = self._log_kept

    def catch_up_all(self) -> None:
        """Catch up all rows."""
        if self._caught_up is not None:
            self._catch_up(np.flatnonzero(self._caught_up != self._log_kept), self._caught_up)
            self._caught_up = None

    def _catch_up(self, rows: Array, caught_up: Array) -> None:
        n_rows = max(1, PARAMETERS_MOVED_AT_ONCE // self._theta.shape[1])
        for i in range(0, len(rows), n_rows):
            chunk = rows[i : i + n_rows]
            kept = np.exp(self._log_kept - caught_up[chunk]).astype(self._theta.dtype)[:, np.newaxis]
            target = self._theta.take(chunk, axis=0)
            self._average[chunk] = target + kept * (self._average.take(chunk, axis=0) - target)


Move = tuple[Sequence[Array], Array, int]
"""Parts of the vectors and of the gradient, which a step changes in place, and how many weights come first in them."""


def parts_to_move(gradient: Gradient, vectors: Sequence[Array], n_weights: int) -> Iterator[Move]:
    """Yield what a step is to move: everything, or what a sparse gradient touches.

    The caller moves each part before it asks for the next. Sets: the vectors, where it yields copies.
    """
    if not isinstance(gradient, SparseGradient):
        yield vectors, gradient, n_weights
        return
    out, start, stop, rows, values = gradient
    yield [vector[:start] for vector in vectors], out[:start], start  # weights, which decay
    yield [vector[stop:] for vector in vectors], out[stop:], 0  # biases, which do not
    h = values.shape[1]
    matrices = [vector[start:stop].reshape(-1, h) for vector in vectors]
    n_rows = max(1, PARAMETERS_MOVED_AT_ONCE // h)
    for i in range(0, len(rows), n_rows):
        chunk = rows[i : i + n_rows]
        # copies, (len(chunk), h) each: NumPy cannot work in place on rows chosen by index
        copies = [matrix.take(chunk, axis=0) for matrix in matrices]
        yield copies, values[i : i + n_rows], len(chunk)
        for matrix, copy in zip(matrices, copies, strict=True):  # which the caller has moved by now
            matrix[chunk] = copy
