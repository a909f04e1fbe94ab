"""What training minimises: the weighted mean loss of a batch plus the penalty, and the gradient of both.

Conventions
-----------
theta, gradient : (p,)   see `parameters`
weight : (n,)            the training rows' weights, divided by their mean; None where all are 1
batch : slice or (b,)    which training rows
J(theta; B) = 1/|B| sum_{i in B} weight_i loss_i + penalty(W)
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sknet._network.losses import Loss
from sknet._network.network import Network, first_layer_gradient
from sknet._network.parameters import Layout
from sknet._network.penalties import ElasticNet

Array = npt.NDArray[Any]
Batch = slice | npt.NDArray[np.intp]


class Rows:
    """The rows of an array, gathered batch by batch into one buffer."""

    def __init__(self, values: Array, n_rows: int) -> None:
        self._values = values
        self._buffer = np.empty((n_rows, *values.shape[1:]), values.dtype)
        self._views: dict[int, Array] = {}  # of the buffer, by their rows: there are few such numbers

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows: a view for a slice, else the buffer, which the next call overwrites."""
        if isinstance(batch, slice):
            return self._values[batch]
        n = len(batch)
        if n not in self._views:
            self._views[n] = self._buffer[:n]
        # "clip" skips NumPy's own buffering of the output; the indices are in range
        return self._values.take(batch, 0, self._views[n], "clip")


class Columns:
    """As `Rows`, but kept and gathered column by column: a network's raw output, too, lies so in memory."""

    def __init__(self, values: Array, n_rows: int) -> None:
        self._values = np.ascontiguousarray(values.T)
        self._buffer = np.empty(n_rows * values.shape[1], values.dtype)
        self._views: dict[int, Array] = {}

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows."""
        if isinstance(batch, slice):
            return self._values[:, batch].T
        n = len(batch)
        if n not in self._views:
            self._views[n] = self._buffer[: len(self._values) * n].reshape(-1, n)
        return self._values.take(batch, 1, self._views[n], "clip").T


class Objective:
    """The objective of one training run: data, network, loss and penalty.

    Parameters
    ----------
    layout : Layout
    network : Network
        Batches larger than its `n_rows` are computed piece by piece.

    loss : Loss
    penalty : ElasticNet
    inputs : callable
        `inputs(batch)` returns those rows of X, (b, d): dense or CSR; or
        (b, d + 1), where the last column is 1 and stands for the biases.

    target : (n, k) array
    weight : (n,) array or None
    """

    def __init__(
        self,
        layout: Layout,
        network: Network,
        loss: Loss,
        penalty: ElasticNet,
        inputs: Callable[[Batch], Any],
        target: Array,
        weight: Array | None = None,
    ) -> None:
        self.n_samples = target.shape[0]
        self._layout, self._network, self._loss, self._penalty = layout, network, loss, penalty
        self._inputs = inputs
        self._views = self._views_for(inputs(slice(0, 1)))
        self._target = Columns(target, network.n_rows)
        self._weight = None if weight is None else Rows(weight, network.n_rows)
        self._ones = np.ones(network.n_rows, target.dtype)
        self._theta: Array | None = None
        self._out: Array | None = None
        self._part: Array | None = None  # a piece's gradient

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Array | None]:
        """Compute the objective of a batch and its gradient.

        Parameters
        ----------
        theta : (p,) array
        batch : slice or array of int
        out : (p,) array
            Sets: the gradient. Where rows are returned, the part of W_1 holds,
            packed at its start, these rows' gradients only.

        rng : numpy.random.Generator, default=None
            Given, hidden units are dropped.

        Returns
        -------
        value : float
            Where rows are returned, without the penalty: `penalty` is left to
            be added once for many batches, since it goes through all weights.

        rows : array of int, or None
            The inputs whose first-layer weights the batch touches, None for all;
            a batch of all samples always gives the whole gradient.
        """
        self._bind(theta, out)
        n = length(batch)
        if n > self._network.n_rows:
            return self._in_pieces(theta, self._pieces(batch), out, rng), None
        value, rows = self._data_term(batch, n, self._grads, rng, whole=n == self.n_samples)
        return value + self._add_penalty(rows), rows

    def _bind(self, theta: Array, out: Array) -> None:
        """Set the views of theta and of the gradient; both stay the same arrays for a whole run."""
        if theta is not self._theta:
            self._theta, (self._coefs, self._intercepts) = theta, self._views(theta)
            self._w = theta[: self._layout.n_weights]
        if out is not self._out:
            self._out, self._grads = out, self._views(out)
            self._w_grad = out[: self._layout.n_weights]

    def _views_for(self, X: Any) -> Callable[[Array], Any]:
        """Return how theta is seen by rows with or without a last column of ones."""
        return self._layout.joined_views if X.shape[1] > self._layout.sizes[0] else self._layout.views

    def _pieces(self, batch: Batch) -> list[Batch]:
        """Split a batch into pieces that the network's buffers hold."""
        size = self._network.n_rows
        if isinstance(batch, slice):
            return [slice(i, min(i + size, batch.stop)) for i in range(batch.start, batch.stop, size)]
        return [batch[i : i + size] for i in range(0, len(batch), size)]

    def _in_pieces(self, theta: Array, pieces: list[Batch], out: Array, rng: np.random.Generator | None) -> float:
        """Add up the pieces' values and gradients."""
        n = sum(map(length, pieces))
        out[:] = 0.0
        part = self._part = np.empty_like(out) if self._part is None else self._part
        grads = self._views(part)
        value = 0.0
        for piece in pieces:
            value += self._data_term(piece, n, grads, rng, whole=True)[0]
            out += part
        return value + self._add_penalty(None)

    def _data_term(
        self,
        batch: Batch,
        n: int,
        grads: tuple[list[Array], list[Array | None]],
        rng: np.random.Generator | None,
        *,
        whole: bool,
    ) -> tuple[float, Array | None]:
        """Set the gradient of 1/n sum of weight * loss over the batch; return its value and the touched rows."""
        X = self._inputs(batch)
        raw = self._network.forward(X, self._coefs, self._intercepts, rng)
        losses, delta = self._loss.value_and_gradient(raw, self._target(batch))
        if self._weight is None:
            value = float(losses.dot(self._ones[: len(losses)])) / n
            delta *= 1.0 / n
        else:
            weight = self._weight(batch) / n
            value = float(losses.dot(weight))
            delta *= weight[:, np.newaxis]
        coef_grads, intercept_grads = grads
        delta = self._network.backward(delta, self._coefs, coef_grads, intercept_grads)
        return value, first_layer_gradient(X, delta, coef_grads[0], whole=whole)

    def _add_penalty(self, rows: Array | None) -> float:
        """Add the penalty's gradient and return its value; of the touched rows only, if so, and 0."""
        if rows is None:
            self._penalty.add_gradient(self._w, self._w_grad)
            return self._penalty.value(self._w)
        if self._penalty.l2:
            first, start = self._coefs[0].take(rows, axis=0).ravel(), self._layout.starts[0]
            self._penalty.add_gradient(self._w[:start], self._w_grad[:start])
            self._penalty.add_gradient(first, self._w_grad[start : start + first.size])
        return 0.0

    def penalty(self, theta: Array) -> float:
        """Return the penalty, which the values of batches that touch few inputs do not hold."""
        return self._penalty.value(theta[: self._layout.n_weights])

    def raw(self, theta: Array, inputs: Callable[[Batch], Any], n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        coefs, intercepts = self._views_for(inputs(slice(0, 1)))(theta)
        raw = np.empty((self._layout.sizes[-1], n), theta.dtype).T  # column by column, as a network's own
        for piece in self._pieces(slice(0, n)):
            raw[piece] = self._network.forward(inputs(piece), coefs, intercepts)
        return raw


def length(batch: Batch) -> int:
    """Return how many rows a batch has."""
    return batch.stop - batch.start if isinstance(batch, slice) else len(batch)
