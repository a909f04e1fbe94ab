"""What training minimises: the weighted mean loss of a batch plus the penalty, and the gradient of both.

Conventions
-----------
theta, gradient : (p,)   see `layout`
weight : (n,)            the training rows' weights, divided by their mean; None where all are 1
batch : slice or (b,)    which training rows
J(theta; B) = 1/|B| sum_{i in B} weight_i loss_i + penalty(W)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._network.activations import Activation
from sknet._network.layers import Chain, Kind, Training, bind
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.penalties import ElasticNet
from sknet._network.sparse_layers import Split
from sknet._typing import Array, Batch, Table

KEPT = 4
"""Layers stay bound to so many sizes of batches at most: of those that have rows elsewhere, no two need be alike."""

# --- data, batch by batch ---------------------------------------------------------------------------------------------


class Inputs(Protocol):
    """The network's input, batch by batch."""

    @property
    def kind(self) -> Kind:
        """What the batches are."""

    def __call__(self, batch: Batch, /) -> Table:
        """Return the batch's rows: (b, d), dense, CSR or split; of kind "ones" (b, d + 1), the last column 1."""


@dataclass(eq=False)
class Rows:
    """The rows of an array, gathered batch by batch into one buffer: up to `n_rows` of them."""

    values: Array
    n_rows: int
    kind: Kind = "dense"
    _buffer: Array | None = None

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows: a view for a slice, else the buffer, which the next call overwrites."""
        if isinstance(batch, slice):
            return self.values[batch]
        if self._buffer is None:  # rows that are only evaluated are never gathered
            self._buffer = np.empty((self.n_rows, *self.values.shape[1:]), self.values.dtype)
        # "clip" skips NumPy's own buffering of the output; the indices are in range
        return self.values.take(batch, 0, self._buffer[: len(batch)], "clip")


class SparseRows:
    """The rows of a CSR matrix."""

    kind: Kind = "sparse"

    def __init__(self, values: sp.csr_array) -> None:
        self._values = values

    def __call__(self, batch: Batch) -> sp.csr_array:
        """Return the batch's rows."""
        return self._values[batch]


class SplitRows:
    """Rows most of whose inputs are one-hot, see `Split`; up to `n_rows` of them at once."""

    kind: Kind = "split"

    def __init__(self, values: Split, n_rows: int) -> None:
        self._dense, self._hot, self._places = Rows(values.dense, n_rows), values.hot, values.places

    def __call__(self, batch: Batch) -> Split:
        """Return the batch's rows."""
        return Split(self._dense(batch), self._hot[batch], self._places)


@dataclass(frozen=True)
class Chosen:
    """Some rows of inputs, known by their places."""

    inputs: Inputs
    rows: NDArray[np.intp]

    @property
    def kind(self) -> Kind:
        """What the batches are."""
        return self.inputs.kind

    def __call__(self, batch: Batch) -> Table:
        """Return the batch's rows."""
        return self.inputs(self.rows[batch])


@dataclass(frozen=True)
class EncodedTable:
    """In place of a table: one that has been encoded, for several runs at once, or some of its rows."""

    inputs: Callable[[int], Inputs]  # in buffers of so many rows
    shape: tuple[int, int]

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return some of these rows."""
        return replace(self, inputs=lambda n_rows: Chosen(self.inputs(n_rows), rows), shape=(len(rows), self.shape[1]))


class Columns:
    """As `Rows`, but stored and gathered column by column, as the network's raw output is."""

    def __init__(self, values: Array, n_rows: int) -> None:
        self._values = np.ascontiguousarray(values.T)
        self._buffer = np.empty(n_rows * values.shape[1], values.dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows."""
        if isinstance(batch, slice):
            return self._values[:, batch].T
        k, n = len(self._values), len(batch)
        return self._values.take(batch, 1, self._buffer[: k * n].reshape(k, n), "clip").T


def length(batch: Batch) -> int:
    """Return how many rows a batch has."""
    return batch.stop - batch.start if isinstance(batch, slice) else len(batch)


def pieces(batch: Batch, size: int) -> Iterator[Batch]:
    """Split a batch into pieces of at most `size` rows."""
    if isinstance(batch, slice):
        for start in range(batch.start, batch.stop, size):
            yield slice(start, min(start + size, batch.stop))
    else:
        for start in range(0, len(batch), size):
            yield batch[start : start + size]


# --- the objective ----------------------------------------------------------------------------------------------------


class Minimised(Protocol):
    """What training minimises: an `Objective`, or one whose rows are elsewhere."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Array | None]:
        """Set `out` to the gradient; return the value and the touched rows."""

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data."""


@dataclass(frozen=True)
class Bound:
    """A chain for batches of one size, and the arrays that belong to it."""

    chain: Chain
    theta: Array
    out: Array  # the gradient
    rng: np.random.Generator | None
    w: Array  # theta's weights, and their gradient
    w_grad: Array
    ones: Array  # (n,)


class Objective:
    """The objective of one training run: data, network, loss and penalty.

    Parameters
    ----------
    layout : Layout
    activations : sequence of Activation, one per hidden layer
    loss : Loss
    penalty : ElasticNet
    inputs : Inputs
        The training rows' inputs.

    target : (n, k) array
    weight : (n,) array or None
    n_rows : int
        Larger batches are computed piece by piece.

    dropout : sequence of float, one per hidden layer, default=()
        Rates; empty for none.
    """

    def __init__(
        self,
        layout: Layout,
        activations: Sequence[Activation],
        loss: Loss,
        penalty: ElasticNet,
        inputs: Inputs,
        target: Array,
        weight: Array | None = None,
        *,
        n_rows: int,
        dropout: Sequence[float] = (),
    ) -> None:
        self.n_samples, self.n_rows = target.shape[0], n_rows
        self._layout, self._activations, self._loss, self._penalty = layout, activations, loss, penalty
        self._dropout = tuple(dropout)
        self.set_rows(inputs, target, weight)
        self._bound: dict[int, Bound] = {}
        self._part: Array | None = None  # a piece's gradient

    def set_rows(self, inputs: Inputs, target: Array, weight: Array | None) -> None:
        """Take other training rows, of the same kind: those of a stream are never all in memory."""
        self._inputs = inputs
        self._target = Columns(target, self.n_rows)
        self._weight = None if weight is None else Rows(weight, self.n_rows)

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
            If given, hidden outputs are dropped.

        Returns
        -------
        value : float
            Where rows are returned, without the penalty: `penalty` is left to
            be added once for many batches, since it goes through all weights.

        rows : array of int, or None
            The inputs whose first-layer weights the batch touches, None for all;
            a batch of all samples always gives the whole gradient.
        """
        n = length(batch)
        if n > self.n_rows:
            return self._in_pieces(theta, batch, n, out, rng), None
        bound = self._bind(n, theta, out, rng, whole=n == self.n_samples)
        value, rows = self._data_term(bound, batch, n)
        return value + self._add_penalty(bound.w, bound.w_grad, rows), rows

    def _bind(self, n: int, theta: Array, out: Array, rng: np.random.Generator | None, *, whole: bool) -> Bound:
        """Return the chain for batches of n rows; a new one only where the arrays are not those of the last call.

        A run uses the same arrays throughout, and has batches of two sizes,
        the last of an epoch being smaller: it binds twice.
        """
        bound = self._bound.get(n)
        if bound is None or bound.theta is not theta or bound.out is not out or bound.rng is not rng:
            training = Training(out, self._dropout, rng, whole)
            chain = bind(
                self._layout, self._activations, theta, n, self._inputs.kind, by_columns=True, training=training
            )
            w, w_grad = theta[: self._layout.n_weights], out[: self._layout.n_weights]
            if n not in self._bound and len(self._bound) >= KEPT:
                del self._bound[next(iter(self._bound))]  # the oldest: its buffers are as large as its batches
            bound = self._bound[n] = Bound(chain, theta, out, rng, w, w_grad, np.ones(n, theta.dtype))
        return bound

    def _in_pieces(self, theta: Array, batch: Batch, n: int, out: Array, rng: np.random.Generator | None) -> float:
        """Add up the pieces' values and gradients."""
        value, n_weights = self.share(theta, batch, n, out, rng), self._layout.n_weights
        return value + self._add_penalty(theta[:n_weights], out[:n_weights], None)

    def share(self, theta: Array, batch: Batch, n: int, out: Array, rng: np.random.Generator | None = None) -> float:
        """Compute what these rows contribute to a batch of n rows, some of which may be elsewhere.

        Parameters
        ----------
        theta : (p,) array
        batch : slice or array of int
        n : int
            How many rows the whole batch has.

        out : (p,) array
            Sets: their part of the gradient, without the penalty.

        rng : numpy.random.Generator, default=None
            If given, hidden outputs are dropped.

        Returns
        -------
        value : float
            Their part of the value, without the penalty.
        """
        out[:] = 0.0
        part = self._part = np.empty_like(out) if self._part is None else self._part
        value = 0.0
        for piece in pieces(batch, self.n_rows):
            bound = self._bind(length(piece), theta, part, rng, whole=True)
            value += self._data_term(bound, piece, n)[0]
            out += part
        return value

    def _data_term(self, bound: Bound, batch: Batch, n: int) -> tuple[float, Array | None]:
        """Set the gradient of 1/n sum of weight * loss over the batch; return its value and the touched rows."""
        raw = bound.chain.forward(self._inputs(batch))
        # raw is not needed again: the loss may put delta, and the backward pass dJ/dz, in its memory
        losses, delta = self._loss.value_and_gradient(raw, self._target(batch))
        if self._weight is None:
            value = float(losses.dot(bound.ones)) / n  # faster than losses.sum()
            delta *= 1.0 / n
        else:
            weight = self._weight(batch) / n  # the weights' mean is 1: large batches and small ones agree on average
            value = float(losses.dot(weight))
            delta *= weight[:, np.newaxis]
        return value, bound.chain.backward(delta)

    def _add_penalty(self, w: Array, out: Array, rows: Array | None) -> float:
        """Add the penalty's gradient and return its value; where few inputs are touched, their gradient only, and 0."""
        if rows is None:
            return self._penalty.add(w, out)
        if self._penalty.l2:
            # W_1 is the last block of weights: what lies before it has a whole gradient, W_1 a packed one
            start, h = self._layout.starts[0], self._layout.sizes[1]
            touched = w[start:].reshape(-1, h).take(rows, axis=0).ravel()
            self._penalty.add_gradient(w[:start], out[:start])
            self._penalty.add_gradient(touched, out[start : start + touched.size])
        return 0.0

    def penalty(self, theta: Array) -> float:
        """Return the penalty, which the values of batches that touch few inputs do not include."""
        return self._penalty.value(theta[: self._layout.n_weights])

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        raw = np.empty((self._layout.sizes[-1], n), theta.dtype).T  # column by column, as a chain's own
        n_rows = 0
        for part in pieces(slice(0, n), self.n_rows):
            if length(part) != n_rows:  # the first piece, and the last one
                n_rows = length(part)
                chain = bind(self._layout, self._activations, theta, n_rows, inputs.kind, by_columns=True)
            raw[part] = chain.forward(inputs(part))
        return raw
