"""A fully connected network: its buffers, the forward pass and the backward pass.

Conventions
-----------
X : (n, d)          one batch: dense, or CSR
coefs[l] : W_l, (fan_in, fan_out)     intercepts[l] : b_l, (fan_out,)
a_0 = X,   z_l = a_{l-1} W_l + b_l,   a_l = f_l(z_l),   raw = z_L: the last layer's sums, no activation
delta_l : (n, fan_out)     dJ/dz_l; delta_L is the loss's gradient
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from sknet._network.activations import Activation

Array = npt.NDArray[Any]


def affine(X: Any, W: Array, b: Array | None, out: Array) -> None:
    """Set out = X W + b; X may be sparse, and `out` lie in memory row by row or column by column.

    Without b, the biases are the last row of W, for X's last column of ones.
    """
    if not isinstance(X, np.ndarray):
        out[:] = X @ W
    elif out.flags.c_contiguous:
        X.dot(W, out)
    else:
        W.T.dot(X.T, out.T)
    if b is not None:
        out += b


@dataclass(frozen=True)
class _Hidden:
    """A hidden layer's buffers, all of shape (n, h)."""

    output: Array  # z, then a = f(z)
    kept: Array  # what the activation's backward reads: `output` itself, or a copy of z
    delta: Array | None  # dJ/da, then dJ/dz
    mask: Array | None  # dropout: 0, or 1 / (1 - rate)
    dropped: Array | None  # a * mask: `kept` must stay as it was before the mask

    def rows(self, n: int) -> "_Hidden":
        """Return the same buffers, of the first n rows."""
        output = self.output[:n]
        kept = output if self.kept is self.output else self.kept[:n]
        others = [None if buffer is None else buffer[:n] for buffer in (self.delta, self.mask, self.dropped)]
        return _Hidden(output, kept, *others)


_Layer = tuple[_Hidden, Activation, float]
"""A hidden layer's buffers, its activation and its dropout rate."""


class Network:
    """Buffers for batches of up to `n_rows` rows, and the two passes through them.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden layers' units, outputs.

    activations : sequence of Activation, one a hidden layer

    n_rows : int
        The largest batch.

    dtype : dtype
        Of all buffers; data and parameters must have it too.

    dropout : sequence of float, one a hidden layer, default=()
        Rates; empty for none.

    backward : bool, default=True
        Whether a loss and the backward pass are to follow.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activations: Sequence[Activation],
        n_rows: int,
        dtype: npt.DTypeLike,
        *,
        dropout: Sequence[float] = (),
        backward: bool = True,
    ) -> None:
        self.activations = tuple(activations)
        self.dropout = tuple(dropout) or (0.0,) * len(self.activations)
        self.n_rows = n_rows
        self._raw = np.empty(n_rows * sizes[-1], dtype)
        self._backward = backward
        self._ones = np.ones(n_rows, dtype)
        self._hidden = [
            self._allocate((n_rows, size), np.dtype(dtype), activation, rate, backward)
            for size, activation, rate in zip(sizes[1:-1], self.activations, self.dropout, strict=True)
        ]
        self._views: dict[int, tuple[list[_Layer], Array, Array]] = {}
        self._signals: list[Any] = []  # what entered each layer in the last forward pass
        self._masked = False

    @staticmethod
    def _allocate(
        shape: tuple[int, int], dtype: np.dtype[Any], activation: Activation, rate: float, backward: bool
    ) -> _Hidden:
        output = np.empty(shape, dtype)
        kept = np.empty(shape, dtype) if backward and activation.keeps == "input" else output
        delta = np.empty(shape, dtype) if backward else None
        mask, dropped = (np.empty(shape, dtype), np.empty(shape, dtype)) if backward and rate else (None, None)
        return _Hidden(output, kept, delta, mask, dropped)

    def _buffers(self, n: int) -> tuple[list[_Layer], Array, Array]:
        """Return the hidden layers, the raw output's buffer and n ones; there are few n, so views are made once.

        Where losses are to come, the raw output lies in memory column by
        column: what they do row by row (a softmax's maximum and sum) then goes
        along whole columns. Else row by row, the faster product.
        """
        if n not in self._views:
            raw = self._raw[: n * (self._raw.size // self.n_rows)]
            raw = raw.reshape(-1, n).T if self._backward else raw.reshape(n, -1)
            hidden = [layer.rows(n) for layer in self._hidden]
            self._views[n] = list(zip(hidden, self.activations, self.dropout, strict=True)), raw, self._ones[:n]
        return self._views[n]

    def forward(
        self, X: Any, coefs: Sequence[Array], intercepts: Sequence[Array | None], rng: np.random.Generator | None = None
    ) -> Array:
        """Compute the raw output of a batch.

        Parameters
        ----------
        X : (n, d) array or CSR, n at most `n_rows`
        coefs, intercepts : sequences of arrays
            For an X whose last column is 1, the first intercept is None, and
            the first coefs' last row in its place.

        rng : numpy.random.Generator, default=None
            Given, hidden outputs are dropped at the layers' rates (Srivastava
            et al. 2014).

        Returns
        -------
        raw : (n, n_outputs) array
            A buffer: the next pass overwrites it.
        """
        layers, raw, _ = self._buffers(X.shape[0])
        self._signals, self._masked = [X], rng is not None
        signal = X
        for (hidden, activation, rate), W, b in zip(layers, coefs, intercepts, strict=False):
            affine(signal, W, b, hidden.output)
            if hidden.kept is not hidden.output:
                np.copyto(hidden.kept, hidden.output)
            activation.apply(hidden.output)
            signal = hidden.output if rng is None or not rate else drop(hidden, rate, rng)
            self._signals.append(signal)
        affine(signal, coefs[-1], intercepts[-1], raw)
        return raw

    def outputs(self) -> list[Array]:
        """Return the hidden layers' outputs of the last forward pass (buffers)."""
        return self._signals[1:]

    def backward(
        self,
        delta: Array,
        coefs: Sequence[Array],
        coef_grads: Sequence[Array],
        intercept_grads: Sequence[Array | None],
    ) -> Array:
        """Carry the loss's gradient back through the layers of the last forward pass.

        Parameters
        ----------
        delta : (n, n_outputs) array
            dJ/draw, every sample's share of the batch's mean included.

        coefs : sequence of arrays

        coef_grads, intercept_grads : sequences of arrays
            Sets: dJ/dW_l and dJ/db_l, but for coef_grads[0] and for what is
            None.

        Returns
        -------
        delta : (n, h_1) array
            dJ/dz_1, from which `first_layer_gradient` follows.
        """
        layers, _, ones = self._buffers(delta.shape[0])
        for layer in range(len(coefs) - 1, 0, -1):
            self._signals[layer].T.dot(delta, coef_grads[layer])
            ones.dot(delta, intercept_grads[layer])  # the sum over the samples
            below, activation, _ = layers[layer - 1]
            delta = delta.dot(coefs[layer].T, below.delta)
            if self._masked and below.mask is not None:
                delta *= below.mask
            activation.backward(below.kept, delta)
        if intercept_grads[0] is not None:
            ones.dot(delta, intercept_grads[0])
        return delta


LEVELS = 2**16
"""Of the numbers that decide on an output."""

DRAWN = 2**14
"""So many outputs are decided on at once: what is drawn for them fits in the cache."""


def drop(hidden: _Hidden, rate: float, rng: np.random.Generator) -> Array:
    """Set and return hidden.dropped: each output 0 with probability `rate`, else divided by 1 - rate.

    Random numbers are what takes time here. Sixteen bits are enough for an
    output, a quarter of a word of the generator (PCG64; a word has 64 bits); so
    rates are rounded to multiples of 2^-16.
    """
    mask, dropped = hidden.mask, hidden.dropped
    if mask is None or dropped is None:
        raise ValueError("this network was made without buffers for dropout")
    level, values = min(round(rate * LEVELS), LEVELS - 1), mask.reshape(-1)
    for start in range(0, values.size, DRAWN):
        some = values[start : start + DRAWN]
        drawn = rng.bit_generator.random_raw(ceil(some.size / 4)).view(np.uint16)
        np.greater_equal(drawn[: some.size], level, out=some)
    mask *= LEVELS / (LEVELS - level)
    return np.multiply(hidden.output, mask, out=dropped)


def first_layer_gradient(X: Any, delta: Array, out: Array, *, whole: bool = False) -> Array | None:
    """Set out = X^T delta, or only its rows for the inputs that a sparse batch touches.

    Parameters
    ----------
    X : (n, d) array or CSR
    delta : (n, h) array
    out : (d, h) array
        Dense X, or a sparse X most of whose columns are touched: the gradient.
        Else its first rows hold the touched inputs' gradients, one after the
        other, and the others are left as they were.

    whole : bool, default=False
        Whether all of the gradient is wanted, whatever X touches.

    Returns
    -------
    rows : array of int, or None
        The touched inputs, increasing, where only they were computed.
    """
    if isinstance(X, np.ndarray):
        X.T.dot(delta, out)
        return None
    touched = np.zeros(X.shape[1], dtype=bool)
    touched[X.indices] = True
    rows = np.flatnonzero(touched)
    if whole or 2 * len(rows) > X.shape[1]:
        out[:] = X.T @ delta
        return None
    place = np.empty(X.shape[1], dtype=X.indices.dtype)
    place[rows] = np.arange(len(rows))
    packed = sp.csr_array((X.data, place[X.indices], X.indptr), shape=(X.shape[0], len(rows)))
    out[: len(rows)] = packed.T @ delta
    return rows
