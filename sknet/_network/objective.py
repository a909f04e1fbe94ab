"""What training minimises: the weighted mean loss of a batch plus the penalty, and the gradient of both.

Conventions
-----------
theta, gradient : (p,)   see `chain`
weight : (n,)            the training rows' weights, divided by their mean; None where all are 1
batch : slice or (b,)    which training rows
J(theta; B) = 1/|B| sum_{i in B} weight_i loss_i + penalty(W)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from sknet._network.activations import Activation
from sknet._network.backprop import Chain
from sknet._network.chain import DenseBatches, DenseOnSparse, InputBatches, Layout, make_chain, n_rows_in_batch
from sknet._network.losses import Loss, value_and_gradient
from sknet._network.weights import ElasticNet
from sknet._typing import Array, Batch, Gradient, SparseGradient, ValueAndGradient
from sknet._vectors import blocks_of_batch, minibatches

MIN_ROWS_EVALUATED_AT_ONCE = 256
"""Rows of other data pass through the network in blocks of at least this size: small products take longer per row."""

MAX_BOUND_BATCH_SIZES = 4
"""Layers stay bound for at most this many batch sizes: workers see many sizes, whose buffers would fill the memory."""


class ObjectiveFunction(ValueAndGradient, Protocol):
    """What training minimises: an `Objective`, or one whose rows are on workers or in a file."""

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Yield the batches of an epoch, shuffled by `rng`; each is valid until the next one is asked for."""

    @property
    def target_sample(self) -> tuple[Array, Array | None]:
        """Targets, (t, k), and weights, (t,), of the training rows, or of a sample of many rows in a file."""

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows, in their order."""


@dataclass(frozen=True)
class _BoundChain:
    """A chain for a number of rows, and the arrays that belong to it."""

    chain: Chain
    n: int  # rows of the whole batch, which may pass through the chain block by block
    # the objects that the chain is bound to: it can be used again for the same ones
    theta: Array
    out: Array  # the gradient
    rng: np.random.Generator | None
    reciprocal: Array  # 1/n as an array, which is faster than a Python number: see `activations.HALF_BY_DTYPE`
    row_weights: Array  # 1/n for each row of the chain: a product with it is faster than a sum
    sparse: DenseOnSparse | None  # the first layer, if it takes sparse rows


@dataclass(frozen=True)
class ObjectiveSettings:
    """What an objective needs besides rows: network, loss and penalty."""

    layout: Layout
    activations: Sequence[Activation]  # one per hidden layer
    loss: Loss
    penalty: ElasticNet
    block_rows: int  # larger batches are computed block by block
    dropout: tuple[float, ...] = ()  # one rate per hidden layer; empty for none


class Objective:
    """The objective of one training run: J(theta; B) and its gradient, for batches of the training rows."""

    def __init__(
        self, settings: ObjectiveSettings, inputs: InputBatches, target: Array, weight: Array | None = None
    ) -> None:
        self._settings = settings
        self.target_sample = target, weight
        self._bound: dict[int, _BoundChain] = {}
        self._block_gradient: Array | None = None
        self.set_rows(inputs, target, weight)

    def set_rows(self, inputs: InputBatches, target: Array, weight: Array | None) -> None:
        """Set the training rows. Layers stay bound, because they hold no rows."""
        self.n_samples = target.shape[0]
        self._inputs = inputs
        self._target = DenseBatches(target)
        self._weight = None if weight is None else DenseBatches(weight)

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Return the batches of an epoch."""
        return minibatches(self.n_samples, size, rng)

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Overwrite `out` with the gradient for a batch; return the objective and the gradient. `rng` turns dropout on.

        For a batch of sparse rows, but not of all rows, the gradient may be a `SparseGradient` in the memory of `out`.
        It then leaves out the first-layer weights of inputs that are 0 in the batch.
        """
        n = n_rows_in_batch(batch)
        w = theta[: self._settings.layout.n_weights]
        penalty = self._settings.penalty
        if n > self._settings.block_rows:
            value = self.partial_value_and_gradient(theta, batch, n, out, rng)
        else:
            bound = self._bind(n, n, theta, out, rng)
            value = self._loss_and_gradient(bound, batch, n)
            if bound.sparse is not None and bound.sparse.touched is not None:
                return value, self._sparse_gradient(theta, out, bound.sparse.touched, n)
        penalty.add_gradient(w, out[: w.size])
        return value + penalty.value(w), out

    def _bind(self, n_rows: int, n: int, theta: Array, out: Array, rng: np.random.Generator | None) -> _BoundChain:
        """Return the chain for n_rows of a batch of n rows, which is made again only if an array is a new one.

        A run always uses the same arrays. Its batches have two sizes, because
        the last batch of an epoch may be smaller. So it binds twice.
        """
        bound = self._bound.get(n_rows)
        if bound is None or not (bound.n == n and bound.theta is theta and bound.out is out and bound.rng is rng):
            if n_rows not in self._bound and len(self._bound) >= MAX_BOUND_BATCH_SIZES:
                del self._bound[next(iter(self._bound))]  # drop the oldest, whose buffers are as large as its batches
            batch_format = self._inputs.batch_format
            settings = self._settings
            parameters, gradients = (settings.layout.layers(vector, batch_format) for vector in (theta, out))
            chain = make_chain(settings.activations, parameters, n_rows, batch_format, gradients, settings.dropout, rng)
            sparse = chain.layers[0] if isinstance(chain.layers[0], DenseOnSparse) else None
            if sparse is not None:  # the gradients of blocks are added up, and L-BFGS needs the whole gradient
                sparse.may_skip_untouched = n_rows == n < self.n_samples
            bound = self._bound[n_rows] = _BoundChain(
                chain, n, theta, out, rng, sparse=sparse,
                reciprocal=np.array(1.0 / n, theta.dtype), row_weights=np.full(n_rows, 1.0 / n, theta.dtype),
            )  # fmt: skip
        return bound

    def partial_value_and_gradient(
        self, theta: Array, batch: Batch, n: int, out: Array, rng: np.random.Generator | None = None
    ) -> float:
        """Overwrite `out` with what these rows contribute to the gradient of n rows, without the penalty.

        Return what they contribute to the value. The other rows may be on other workers. `rng` turns dropout on.
        """
        out[:] = 0.0
        if self._block_gradient is None:
            self._block_gradient = np.empty_like(out)
        value = 0.0
        for block in blocks_of_batch(batch, self._settings.block_rows):
            # the chain overwrites the gradient of the block, which is then added to `out`
            bound = self._bind(n_rows_in_batch(block), n, theta, self._block_gradient, rng)
            value += self._loss_and_gradient(bound, block, n)
            out += self._block_gradient
        return value

    def _loss_and_gradient(self, bound: _BoundChain, batch: Batch, n: int) -> float:
        """Overwrite `bound.out` with the gradient of 1/n sum_i weight_i loss_i over the batch; return this sum."""
        raw = bound.chain.forward(self._inputs(batch))
        # raw is not needed again: the loss may overwrite it with delta, and the backward pass with dJ/dz
        losses, delta = value_and_gradient(self._settings.loss, raw, self._target(batch))
        if delta.dtype != raw.dtype:  # for example a user's np.where(raw > 0.0, 0.1, -0.9), which is float64
            delta = delta.astype(raw.dtype)
        if self._weight is None:
            value = float(losses.dot(bound.row_weights))
            delta *= bound.reciprocal
        else:
            weight = self._weight(batch) / n  # n is the sum of all weights, since their mean is 1
            value = float(losses.dot(weight))
            delta *= weight[:, np.newaxis]
        bound.chain.backward(delta)
        return value

    def _sparse_gradient(self, theta: Array, out: Array, touched: Array, n: int) -> SparseGradient:
        """Return the gradient of the weights that a batch of n rows touches, with their L2 penalty."""
        layout, penalty = self._settings.layout, self._settings.penalty
        # W_1 is the last matrix
        start = layout.weight_starts[0]
        stop = layout.n_weights
        h = layout.sizes[1]
        values = out[start : start + len(touched) * h].reshape(-1, h)  # see `DenseOnSparse`
        penalty.add_gradient(theta[:start], out[:start])
        W = theta[start:stop].reshape(-1, h)
        penalty.add_gradient(W.take(touched, axis=0).ravel(), values.reshape(-1))  # reshape makes a view
        return SparseGradient(out, start, stop, touched, values, n)

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows."""
        return raw_outputs(self._settings, theta, self._inputs, self.n_samples)


def raw_outputs(settings: ObjectiveSettings, theta: Array, inputs: InputBatches, n: int) -> Array:
    """Return the raw output of a network, without dropout, for n rows of any data, (n, k)."""
    raw = np.empty((n, settings.layout.sizes[-1]), theta.dtype)
    parameters = settings.layout.layers(theta, inputs.batch_format)
    chain = cache(lambda n_rows: make_chain(settings.activations, parameters, n_rows, inputs.batch_format))
    for rows in blocks_of_batch(slice(0, n), max(settings.block_rows, MIN_ROWS_EVALUATED_AT_ONCE)):
        raw[rows] = chain(n_rows_in_batch(rows)).forward(inputs(rows))
    return raw
