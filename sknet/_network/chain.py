"""What a network consists of: the layout of theta, layers, and the batches that enter the first one.

`backprop` has the dense layer, the activation and the chain of layers. This file has the layers that only some networks
use, and `make_chain`, which makes a chain for batches of one size.

Conventions
-----------
sizes : (n_inputs, h_1, ..., n_outputs)
theta : (p,)    W_L, ..., W_1, then b_1, ..., b_L. Weights come first, so penalties and weight decay act on
                theta[:n_weights]. b_1 follows W_1, like the weights of another input that is always 1
W_l : (sizes[l-1], sizes[l])      b_l : (sizes[l],)

x (n, d), W (d, h), b (h,), z, a, delta (n, h) : of one layer, as in `backprop`
batch : slice or (b,) array of int     the indices of its rows
s : how many of the d inputs a network skips, the first ones
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import accumulate, pairwise
from math import prod
from typing import Literal, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._network.activations import Activation
from sknet._network.backprop import Activate, Chain, Dense, Layer
from sknet._typing import Array, Batch, DType, Table

# --- theta: one flat vector, and the weight matrices and bias vectors that are views of it ----------------------------


class WeightBlock(NamedTuple):
    """Adjacent outputs of a layer, and the adjacent inputs that they see: all their other weights are 0."""

    inputs: slice
    outputs: slice


class LayerParameters(NamedTuple):
    """One layer's weights and biases, or their gradient, mostly as views of a theta."""

    W: Array
    b: Array
    blocks: Sequence[WeightBlock] = ()  # which weights may differ from 0, without a backward pass; () for all


@dataclass(frozen=True)
class Layout:
    """Where each layer's weights and biases lie in theta."""

    sizes: tuple[int, ...]

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """Shape of each weight matrix."""
        return list(pairwise(self.sizes))

    @cached_property
    def weight_starts(self) -> list[int]:
        """Where each weight matrix starts in theta, from the first layer to the last; theta has the opposite order."""
        # each start is the sum of the sizes before it; the last sum is `n_weights`
        *starts, _ = accumulate(map(prod, reversed(self.shapes)), initial=0)
        return starts[::-1]

    @cached_property
    def n_weights(self) -> int:
        """Number of weights, which are theta's first entries."""
        return sum(map(prod, self.shapes))

    @cached_property
    def n_parameters(self) -> int:
        """Length of theta."""
        return self.n_weights + sum(self.sizes[1:])

    @cached_property
    def max_matrix_size(self) -> int:
        """Size of the largest weight matrix."""
        return max(map(prod, self.shapes))

    def layers(self, theta: Array, batch_format: "BatchFormat" = "dense") -> list[LayerParameters]:
        """Return each layer's parameters, as views of theta or of its gradient.

        For batches with a column of ones, the first layer's W has b as its last row, (n_inputs + 1, h_1).
        """
        layers = []
        first_bias = self.n_weights
        for start, (fan_in, fan_out) in zip(self.weight_starts, self.shapes, strict=True):
            W = theta[start : start + fan_in * fan_out].reshape(fan_in, fan_out)
            layers.append(LayerParameters(W, theta[first_bias : first_bias + fan_out]))
            first_bias += fan_out
        if batch_format == "ones":
            W_and_b = theta[self.weight_starts[0] : self.n_weights + self.sizes[1]].reshape(-1, self.sizes[1])
            layers[0] = layers[0]._replace(W=W_and_b)
        return layers

    def coefs_and_intercepts(self, theta: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        """Weight matrices and bias vectors, as views of theta."""
        coefs, intercepts, _ = zip(*self.layers(theta), strict=True)
        return coefs, intercepts

    def with_output_scaled(self, theta: Array, factor: float, center: Array | float = 0.0) -> Array:
        """Return a copy of theta that multiplies the distances of raw outputs from `center`, (k,), by a factor."""
        scaled = theta.copy()
        W, b, _ = self.layers(scaled)[-1]  # views: this changes `scaled`
        W *= factor
        b[:] = center + (b - center) * factor
        return scaled

    def flatten(self, coefs: Iterable[Array], intercepts: Iterable[Array], dtype: npt.DTypeLike) -> Array:
        """Copy weight matrices and bias vectors into a new theta."""
        parts = (*reversed(list(coefs)), *intercepts)
        # "unsafe" permits float64 weights in a float32 theta
        return np.concatenate(list(map(np.ravel, parts)), dtype=dtype, casting="unsafe")


# --- layers of some networks: activations that keep their input, and dropout ------------------------------------------


@dataclass(eq=False)
class ActivateKeepingInput(Activate):
    """As `Activate`, for an activation whose slope is computed from a copy of z."""

    z: Array

    def forward(self, z: Array) -> Array:
        """Copy z, overwrite z with a, and return it."""
        np.copyto(self.z, z)
        return super().forward(z)

    def backward(self, delta: Array) -> Array:
        """Overwrite delta, dJ/da, with dJ/dz, and return it."""
        self.multiply_by_slope(self.z, delta)  # dJ/dz = dJ/da f'(z)
        return delta


N_DROPOUT_FACTORS = 2**17
"""How many random factors dropout chooses from: half a megabyte in float32, which fits in the processor's cache."""


@lru_cache(maxsize=4)
def dropout_factors(rate: float, dtype: DType, size: int) -> Array:
    """Return `size` random factors: 0 with probability `rate`, else 1 / (1 - rate). All calls return the same."""
    factors = (np.random.default_rng(0).random(size) >= rate).astype(dtype)
    factors /= 1.0 - rate
    return factors


class Dropout:
    """Each output is 0 with probability `rate`, else divided by 1 - rate, which keeps its mean.

    Srivastava et al. 2014. An array of random factors is drawn once, and a batch takes a stretch of it that starts at a
    random index. If a number were drawn for each output, a forward pass of this layer would take 12 times as long, and
    a default fit 1.15 times (tests/benchmarks/notes.md, "Dropout").
    """

    def __init__(self, rate: float, rng: np.random.Generator, dropped: Array) -> None:
        """Draw from `rng` for each batch; `dropped`, (n, h), is overwritten by the forward pass."""
        n, h = dropped.shape
        # a row that is longer than the usual array still has h + 1 indices to start from
        self.factors = dropout_factors(rate, dropped.dtype, max(N_DROPOUT_FACTORS, 2 * h))
        self.draw_word = rng.bit_generator.random_raw  # 64 random bits: cheaper than `rng.integers`
        self.dropped = dropped  # a separate array, since the activation's backward pass needs `a` itself
        # a part takes at most a quarter of the factors, so that there are many indices to start from
        n_rows = max(1, N_DROPOUT_FACTORS // 4 // h)
        self.parts = [slice(start, min(start + n_rows, n)) for start in range(0, n, n_rows)]
        self.masks: list[Array] = []

    def forward(self, a: Array) -> Array:
        """Overwrite `dropped` with the outputs times new random factors, and return it."""
        self.masks = []
        for part in self.parts:
            rows = a[part]
            start = self.draw_word() % (self.factors.size - rows.size + 1)
            mask = self.factors[start : start + rows.size].reshape(rows.shape)  # a view
            np.multiply(rows, mask, out=self.dropped[part])  # a * mask
            self.masks.append(mask)
        return self.dropped

    def backward(self, delta: Array) -> Array:
        """Multiply delta by the factors of the last forward pass, in place, and return it."""
        for part, mask in zip(self.parts, self.masks, strict=True):
            delta[part] *= mask  # dJ/da = dJ/d(a * mask) * mask
        return delta


# --- first layers for rows whose inputs are mostly 0: a CSR matrix, or an array beside one ----------------------------


class OneHotAndDenseRows(NamedTuple):
    """Rows whose inputs are mostly one-hot: a CSR matrix of the one-hot inputs, and an array of the dense inputs."""

    dense: Array  # (n, m)
    one_hot: sp.csr_array  # (n, e) the last e inputs; the columns of dense inputs among them are empty
    dense_inputs: Array  # (m,) which of the d inputs are the columns of `dense`


@dataclass(eq=False)
class DenseOnSparse(Dense):
    """As `Dense`, for a CSR matrix. Inputs that are 0 in the whole batch have a gradient of 0.

    If the others are few and `may_skip_untouched`, `touched` has their indices, and the first rows of dW are their
    gradients; the other rows of dW are not written. Otherwise `touched` is None, and dW is the whole gradient.
    """

    may_skip_untouched: bool = False
    touched: Array | None = None

    def forward(self, x: sp.csr_array) -> Array:
        """Overwrite z with x W + b, and return it; keep x."""
        self.x = x
        self.z[:] = x @ self.W  # z = x W                    (n, h)
        self.z += self.b  #           + b
        return self.z

    def backward(self, delta: Array) -> None:
        """Overwrite db and dW, or only the first rows of dW, and set `touched`."""
        self.ones.dot(delta, self.db)  # dJ/db = 1^T dJ/dz          (h,)
        self.touched = touched_inputs(self.x) if self.may_skip_untouched else None
        if self.touched is None:
            self.dW[:] = self.x.T @ delta  # dJ/dW = x^T dJ/dz          (d, h)
        else:  # clearing the other rows would take as long as a dense step
            self.dW[: len(self.touched)] = drop_empty_columns(self.x, self.touched).T @ delta


@dataclass(eq=False)
class DenseOnOneHotAndDense(Dense):
    """As `Dense`, for rows whose inputs are mostly one-hot: these select rows of W instead of multiplying them."""

    def forward(self, x: OneHotAndDenseRows) -> Array:
        """Overwrite z with x W + b, and return it; keep x."""
        self.x = x
        x.dense.dot(self.W.take(x.dense_inputs, 0), self.z)  # z = x W, of the dense inputs
        self.z += x.one_hot @ self._rows_of_one_hot(self.W)  #         + rows of W
        self.z += self.b  #                                      + b
        return self.z

    def backward(self, delta: Array) -> None:
        """Overwrite dW and db, given delta, dJ/dz."""
        # dJ/dW = x^T dJ/dz: for a category, the sum of dJ/dz over its rows
        self._rows_of_one_hot(self.dW)[:] = self.x.one_hot.T @ delta
        self.dW[self.x.dense_inputs] = self.x.dense.T @ delta  # the same for the dense inputs
        self.ones.dot(delta, self.db)  # dJ/db = 1^T dJ/dz

    def _rows_of_one_hot(self, W: Array) -> Array:
        """Return the weights of the one-hot inputs, the last e rows of W, (e, h)."""
        return W[len(W) - self.x.one_hot.shape[1] :]


def touched_inputs(x: sp.csr_array) -> Array | None:
    """Return the sorted indices of the columns with entries; None if more than half of the columns have entries."""
    touched = np.zeros(x.shape[1], dtype=bool)
    touched[x.indices] = True
    columns = np.flatnonzero(touched)
    return columns if 2 * len(columns) <= x.shape[1] else None  # for more columns, a dense gradient is faster


def drop_empty_columns(x: sp.csr_array, columns: Array) -> sp.csr_array:
    """Return x with only these columns, which must include all columns with entries."""
    new_index = np.empty(x.shape[1], dtype=x.indices.dtype)  # by old index; columns without entries are never read
    new_index[columns] = np.arange(len(columns))
    return sp.csr_array((x.data, new_index[x.indices], x.indptr), shape=(x.shape[0], len(columns)))


# --- layers of joined networks, whose weights between two networks are 0 ----------------------------------------------


MIN_OUTPUTS_OF_BLOCK = 16
"""The least mean number of outputs in a block. Single weights that are 0, as with L1, would make many small blocks,
whose products take longer than one large product."""

MAX_SHARE_IN_BLOCKS = 0.8
"""The product is split into blocks if they have at most this share of the weights."""


def find_weight_blocks(W: Array) -> tuple[WeightBlock, ...]:
    """Return the blocks of a weight matrix, in the order of their outputs; none if a single product is as fast."""
    is_seen = W != 0.0
    first, last = is_seen.argmax(axis=0), len(W) - is_seen[::-1].argmax(axis=0)
    is_new = (np.diff(first, prepend=-1) != 0) | (np.diff(last, prepend=-1) != 0)
    starts = np.flatnonzero(is_new).tolist()
    stops = [*starts[1:], len(first)]
    blocks = tuple(
        WeightBlock(slice(int(first[start]), int(last[start])), slice(start, stop))
        for start, stop in zip(starts, stops, strict=True)
    )
    size = sum((inputs.stop - inputs.start) * (outputs.stop - outputs.start) for inputs, outputs in blocks)
    are_few = len(blocks) * MIN_OUTPUTS_OF_BLOCK <= len(first)
    return blocks if are_few and size <= MAX_SHARE_IN_BLOCKS * W.size else ()


@dataclass(eq=False)
class DenseWithWeightBlocks(Dense):
    """As `Dense`, but only the weights in some blocks may differ from 0. It has no backward pass."""

    blocks: Sequence[WeightBlock] = ()

    def forward(self, x: Array) -> Array:
        """Overwrite z with x W + b, and return it."""
        for inputs, outputs in self.blocks:
            # `matmul` can write into a part of z, `dot` cannot
            np.matmul(x[:, inputs], self.W[inputs, outputs], out=self.z[:, outputs])  # z = x W
        self.z += self.b  #                                                                     + b
        return self.z


# --- a network's layers, bound to theta, to its gradient and to buffers -----------------------------------------------

BatchFormat = Literal["dense", "ones", "sparse", "one_hot_and_dense"]
"""What the first layer takes: an array, an array whose last column is 1, a CSR matrix, or `OneHotAndDenseRows`.

With the column of ones, the product with W adds the biases. This saves 2% of the time of a default fit of 2,000 rows,
and 4 to 7% for networks as small as 10-20-1.
"""

FIRST_LAYERS: dict[BatchFormat, Callable[..., Layer]] = {
    "dense": Dense,
    "ones": partial(Dense, biases_in_weights=True),
    "sparse": DenseOnSparse,
    "one_hot_and_dense": DenseOnOneHotAndDense,
}
"""The class of the first layer by the format of batches."""

NO_GRADIENT = LayerParameters(np.empty((0, 0)), np.empty(0))
"""The gradient of a layer without a backward pass. Its shape makes a backward pass fail."""


def make_chain(
    activations: Sequence[Activation], parameters: Sequence[LayerParameters], n_rows: int,
    batch_format: BatchFormat = "dense", gradients: Sequence[LayerParameters] = (), dropout: Sequence[float] = (),
    rng: np.random.Generator | None = None,
) -> Chain:  # fmt: skip
    """Return a network's layers for batches of `n_rows` rows, bound to their parameters, so that they follow changes.

    Without `gradients`, which the backward pass overwrites, they have no backward pass. `dropout` has a rate for each
    hidden layer, and is empty for none; without `rng`, it is off.
    """
    dtype = parameters[0].b.dtype
    ones = np.ones(n_rows, dtype)
    layers: list[Layer] = []
    hidden: list[Array] = []
    every_gradient = gradients or [NO_GRADIENT] * len(parameters)
    rates = dropout or [0.0] * len(activations)
    each_layer = zip(parameters, every_gradient, [*activations, None], [*rates, 0.0], strict=True)
    for i, ((W, b, blocks), (dW, db, _), activation, rate) in enumerate(each_layer):
        # one buffer per layer: the activation overwrites z with a, which the next layer's backward pass needs
        z = np.empty((n_rows, len(b)), dtype)
        dx = np.empty((n_rows, len(W)), dtype) if i > 0 and gradients else None  # the first x is data
        x_format = batch_format if i == 0 else "dense"
        make_layer = FIRST_LAYERS[x_format]
        if blocks and x_format == "dense":
            make_layer = partial(DenseWithWeightBlocks, blocks=blocks)
        layers.append(make_layer(W, b, dW, db, z, ones, dx))
        if activation is None:  # the output layer
            continue
        if gradients and activation.keeps == "input":
            layers.append(ActivateKeepingInput(activation.apply, activation.backward, np.empty_like(z)))
        else:
            layers.append(Activate(activation.apply, activation.backward))
        hidden.append(z)
        if rate and rng is not None:
            dropped = hidden[-1] = np.empty_like(z)
            layers.append(Dropout(rate, rng, dropped))
    return Chain(layers, hidden)


# --- the network's input, batch by batch ------------------------------------------------------------------------------


class InputBatches(Protocol):
    """The rows of a table as one network takes them, batch by batch."""

    @property
    def batch_format(self) -> BatchFormat:
        """The format of the batches."""

    def __call__(self, batch: Batch, /) -> Table:
        """Return the batch's rows, (b, d - s), in the batch format; with "ones", (b, d - s + 1)."""

    def without_first_inputs(self, s: int, /) -> Self:
        """Return the same rows without the first s inputs, which a network skips. They share no buffers."""


class DenseBatches:
    """The rows of an array, (n, d) or (n,)."""

    def __init__(self, values: Array, batch_format: BatchFormat = "dense") -> None:
        self.batch_format = batch_format
        self._values = values
        self._is_contiguous = values.flags.c_contiguous
        self._buffer = np.empty((0, *values.shape[1:]), values.dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows: a view for a slice, otherwise a copy, which the next call may overwrite."""
        # `take` would first copy all values that are not contiguous, such as an array's without its first columns
        if isinstance(batch, slice) or not self._is_contiguous:
            return self._values[batch]
        if len(self._buffer) < len(batch):  # this is the first batch, or a larger one
            self._buffer = np.empty((len(batch), *self._values.shape[1:]), self._values.dtype)
        # with "clip", NumPy does not buffer the output; all indices are in range
        return self._values.take(batch, 0, self._buffer[: len(batch)], "clip")

    def without_first_inputs(self, s: int) -> "DenseBatches":
        """Return the same rows without the first s inputs."""
        return DenseBatches(self._values[:, s:], self.batch_format)


class SparseBatches:
    """The rows of a CSR matrix."""

    batch_format: BatchFormat = "sparse"

    def __init__(self, values: sp.csr_array) -> None:
        self._values = values

    def __call__(self, batch: Batch) -> sp.csr_array:
        """Return the batch's rows."""
        return self._values[batch]

    def without_first_inputs(self, s: int) -> "SparseBatches":
        """Return the same rows without the first s inputs."""
        return SparseBatches(self._values[:, s:]) if s else self


class OneHotAndDenseBatches:
    """Rows whose inputs are mostly one-hot. `dense` has the others, and `dense_inputs` their indices.

    `one_hot` has the last inputs, and some rows of it are a CSR matrix. The inputs that a network may skip are the
    first inputs, and the first columns of `dense`.
    """

    batch_format: BatchFormat = "one_hot_and_dense"

    def __init__(self, dense: InputBatches, one_hot: Table, dense_inputs: NDArray[np.intp]) -> None:
        self._dense = dense
        self._one_hot = one_hot
        self._dense_inputs = dense_inputs

    def __call__(self, batch: Batch) -> OneHotAndDenseRows:
        """Return the batch's rows."""
        return OneHotAndDenseRows(self._dense(batch), self._one_hot[batch], self._dense_inputs)

    def without_first_inputs(self, s: int) -> "OneHotAndDenseBatches":
        """Return the same rows without the first s inputs."""
        return OneHotAndDenseBatches(self._dense.without_first_inputs(s), self._one_hot, self._dense_inputs[s:] - s)


def n_rows_in_batch(batch: Batch) -> int:
    """Return the number of rows of a batch."""
    return batch.stop - batch.start if isinstance(batch, slice) else len(batch)
