"""What training minimises: the weighted mean loss of a batch plus the penalty, and the gradient of both.

Conventions
-----------
theta, gradient : (p,)   see `layout`
weight : (n,)            the training rows' weights, divided by their mean; None where all are 1
batch : slice or (b,)    which training rows
J(theta; B) = 1/|B| sum_{i in B} weight_i loss_i + penalty(W)
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from sknet._network.activations import Activation
from sknet._network.backprop import Chain
from sknet._network.chain import BackwardOptions, DenseInputs, DenseOnSparse, Inputs, Layout, bind, length, pieces
from sknet._network.losses import Loss
from sknet._network.weights import ElasticNet
from sknet._typing import Array, Batch, Gradient, SparseGradient

MIN_ROWS_EVALUATED_AT_ONCE = 256
"""How many rows of other data pass through the network at once; more where batches are larger."""

MAX_BOUND_BATCH_SIZES = 4
"""Layers stay bound to at most this many sizes of batches: where rows are on workers, every batch may differ."""


class ObjectiveFunction(Protocol):
    """What training minimises: an `Objective`, or one whose rows are elsewhere."""

    @property
    def batches(self) -> Callable[[int, np.random.Generator | None], Iterator[Batch]] | None:
        """(batch size, generator to shuffle with) -> the batches of an epoch; None where any rows may be a batch."""

    @property
    def known_targets(self) -> tuple[Array, Array | None]:
        """Targets, (t, k), and weights, (t,), of the training rows; of many rows in a file, those of a sample."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Return the value and the gradient, in the memory of `out`."""

    def penalty(self, theta: Array) -> float:
        """Return the penalty."""

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data."""

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows, in their order."""


@dataclass(frozen=True)
class BoundChain:
    """A chain for a number of rows, and the arrays that belong to it."""

    chain: Chain
    n: int  # rows of the whole batch, of which the chain may take a piece
    # what the chain is bound to: it serves a call that brings the very same objects
    theta: Array
    out: Array  # the gradient
    rng: np.random.Generator | None
    weight: Array  # 1/n for each row, where n is the size of the whole batch
    weight_of_each: Array  # the same as a single number in an array, for speed: see `activations.HALF`
    sparse: DenseOnSparse | None  # the first layer, where a batch may touch few of its weights


@dataclass(frozen=True)
class ObjectiveSettings:
    """What an objective is made of, besides its rows: network, loss and penalty."""

    layout: Layout
    activations: Sequence[Activation]  # one per hidden layer
    loss: Loss
    penalty: ElasticNet
    max_rows: int  # larger batches are computed piece by piece
    dropout: tuple[float, ...] = ()  # one rate per hidden layer; empty for none


class Objective:
    """The objective of one training run.

    Parameters
    ----------
    settings : ObjectiveSettings
    inputs : Inputs
        The training rows' inputs.

    target : (n, k) array
    weight : (n,) array or None
    """

    batches = None

    def __init__(self, settings: ObjectiveSettings, inputs: Inputs, target: Array, weight: Array | None = None) -> None:
        self.n_samples, self.max_rows = target.shape[0], settings.max_rows
        self._layout, self._activations, self._loss = settings.layout, settings.activations, settings.loss
        self._penalty, self._dropout = settings.penalty, settings.dropout
        self.known_targets = target, weight
        self.set_rows(inputs, target, weight)
        self._bound: dict[int, BoundChain] = {}
        self._piece_gradient: Array | None = None

    def set_rows(self, inputs: Inputs, target: Array, weight: Array | None) -> None:
        """Take other training rows, of the same format: those of a stream are never all in memory.

        `n_samples` stays the number of all training rows; bound chains stay valid, since they hold no rows.
        """
        self._inputs = inputs
        self._target = DenseInputs(target)
        self._weight = None if weight is None else DenseInputs(weight)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Compute the objective of a batch and its gradient.

        Parameters
        ----------
        theta : (p,) array
        batch : slice or array of int
        out : (p,) array
            Where the gradient is written.

        rng : numpy.random.Generator, default=None
            If given, hidden outputs are dropped.

        Returns
        -------
        value : float
            With a sparse gradient, it lacks the penalty: `penalty` is left to
            be added once for many batches, since it goes through all weights.

        gradient : (p,) array or SparseGradient
            `out`; or, of sparse rows, the gradient of the first-layer weights
            that the batch touches, and of all others, in the memory of `out`.
            A batch of all samples always gives the whole gradient.
        """
        n, n_weights = length(batch), self._layout.n_weights
        if n > self.max_rows:
            value = self.partial_batch(theta, batch, n, out, rng)
        else:
            bound = self._bind(n, n, theta, out, rng)
            value = self._data_term(bound, batch, n)
            if bound.sparse is not None and bound.sparse.touched is not None:
                return value, self._sparse_gradient(theta, out, bound.sparse.touched)
        return value + self._penalty.add_gradient(theta[:n_weights], out[:n_weights]), out

    def _bind(self, n_rows: int, n: int, theta: Array, out: Array, rng: np.random.Generator | None) -> BoundChain:
        """Return the chain for n_rows of a batch of n; a new one only where the arrays are not those of the last call.

        A run uses the same arrays throughout, and has batches of two sizes,
        the last of an epoch being smaller: it binds twice.
        """
        bound = self._bound.get(n_rows)
        if bound is None or not (bound.n == n and bound.theta is theta and bound.out is out and bound.rng is rng):
            if n_rows not in self._bound and len(self._bound) >= MAX_BOUND_BATCH_SIZES:
                del self._bound[next(iter(self._bound))]  # the oldest: its buffers are as large as its batches
            backward = BackwardOptions(out, self._dropout, rng)
            chain = bind(self._layout, self._activations, theta, n_rows, self._inputs.batch_format, backward)
            sparse = chain.layers[0] if isinstance(chain.layers[0], DenseOnSparse) else None
            if sparse is not None:  # pieces are added up, and L-BFGS wants the whole gradient
                sparse.may_skip_untouched = n_rows == n < self.n_samples
            bound = self._bound[n_rows] = BoundChain(
                chain, n, theta, out, rng, sparse=sparse,
                weight=np.full(n_rows, 1.0 / n, theta.dtype), weight_of_each=np.array(1.0 / n, theta.dtype),
            )  # fmt: skip
        return bound

    def partial_batch(
        self, theta: Array, batch: Batch, n: int, out: Array, rng: np.random.Generator | None = None
    ) -> float:
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
        if self._piece_gradient is None:
            self._piece_gradient = np.empty_like(out)
        value = 0.0
        for piece in pieces(batch, self.max_rows):  # a chain overwrites its gradient, so each piece's is added to `out`
            bound = self._bind(length(piece), n, theta, self._piece_gradient, rng)
            value += self._data_term(bound, piece, n)
            out += self._piece_gradient
        return value

    def _data_term(self, bound: BoundChain, batch: Batch, n: int) -> float:
        """Set the gradient of 1/n sum of weight * loss over the batch; return its value."""
        raw = bound.chain.forward(self._inputs(batch))
        # raw is not needed again: the loss may put delta, and the backward pass dJ/dz, in its memory
        losses, delta = self._loss.value_and_gradient(raw, self._target(batch))
        if delta.dtype != raw.dtype:  # a user's np.where(raw > 0.0, 0.1, -0.9) is of float64
            delta = delta.astype(raw.dtype)
        if self._weight is None:
            value = float(losses.dot(bound.weight))
            delta *= bound.weight_of_each
        else:
            weight = self._weight(batch) / n  # the weights' mean is 1: large batches and small ones agree on average
            value = float(losses.dot(weight))
            delta *= weight[:, np.newaxis]
        bound.chain.backward(delta)
        return value

    def _sparse_gradient(self, theta: Array, out: Array, rows: Array) -> SparseGradient:
        """Return the gradient of what a batch touches, the L2 penalty on it included."""
        layout = self._layout
        start, stop, h = layout.weight_starts[0], layout.n_weights, layout.sizes[1]  # W_1 is the last matrix
        values = out[start : start + len(rows) * h].reshape(-1, h)  # where the first layer has packed them
        if self._penalty.l2:
            self._penalty.add_gradient(theta[:start], out[:start])
            # `values` is contiguous: reshape gives a view of it, to which the penalty's gradient is added
            W = theta[start:stop].reshape(-1, h)
            self._penalty.add_gradient(W.take(rows, axis=0).ravel(), values.reshape(-1))
        return SparseGradient(out, start, stop, rows, values)

    def penalty(self, theta: Array) -> float:
        """Return the penalty, which values with a sparse gradient do not include."""
        return self._penalty.value(theta[: self._layout.n_weights])

    def raw(self, theta: Array, inputs: Inputs, n: int) -> Array:
        """Return the raw output, without dropout, for n rows of other data (a validation set)."""
        raw = np.empty((n, self._layout.sizes[-1]), theta.dtype)
        chain = cache(lambda n_rows: bind(self._layout, self._activations, theta, n_rows, inputs.batch_format))
        for rows in pieces(slice(0, n), max(self.max_rows, MIN_ROWS_EVALUATED_AT_ONCE)):
            raw[rows] = chain(length(rows)).forward(inputs(rows))
        return raw

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows."""
        return self.raw(theta, self._inputs, self.n_samples)
