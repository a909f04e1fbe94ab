"""What has been learnt, as a value: it predicts raw tables, and knows neither estimators nor training.

Conventions
-----------
table : (n, d)       the user's table, checked
inputs : (n, m)      the encoded, scaled table: the network's input
raw : (n, k)         the network's output before the loss's link
coefs[l] : (fan_in, fan_out)      intercepts[l] : (fan_out,)
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from sknet._model.heads import Head
from sknet._model.machine import in_parts, threads_for_rows
from sknet._network.activations import Activation
from sknet._network.layers import Chain, bind_forward
from sknet._network.layout import Block, Layout
from sknet._tables.encoding import TableEncoder
from sknet._tables.rows import is_sparse, take_rows
from sknet._typing import Array, DType, Table

PREDICT_ROWS = 1024
"""Rows predicted at once: enough for fast matrix products, few enough to stay in the cache."""

PART = 32
"""How many pieces a thread takes at a time; after an interrupt it still finishes them."""


@dataclass(frozen=True)
class Network:
    """Layers and their weights. The lists are `coefs_` and `intercepts_`: weights set by hand are used."""

    activations: tuple[Activation, ...]
    coefs: list[Array]
    intercepts: list[Array]

    @property
    def layout(self) -> Layout:
        """The layout of the weights there are."""
        return Layout((self.coefs[0].shape[0], *(b.size for b in self.intercepts)))

    def packed(self, dtype: DType) -> Array:
        """Copy all parameters into a new theta."""
        return self.layout.pack(self.coefs, self.intercepts, dtype)

    def chain(self, n_rows: int, dtype: DType, *, sparse: bool = False) -> Chain:
        """Return the layers for a forward pass of `n_rows` rows."""
        blocks = [
            Block(W.astype(dtype, copy=False), b.astype(dtype, copy=False))
            for W, b in zip(self.coefs, self.intercepts, strict=True)
        ]
        return bind_forward(self.activations, blocks, n_rows, sparse=sparse)


@dataclass(frozen=True)
class Model:
    """An encoder, a network and a head: from raw tables to raw outputs and predictions."""

    encoder: TableEncoder
    head: Head
    network: Network
    compute_dtype: DType
    output_dtype: DType  # of weights and predictions: the float type of the training table

    # --- raw outputs -------------------------------------------------------------------------------------------------

    def outputs(self, table: Table, finish: Callable[[Array], Array]) -> Array:
        """Return `finish` of all rows' raw outputs, computed piece by piece; several threads share many pieces."""
        n = table.shape[0]
        if n <= PREDICT_ROWS:  # faster than to start threads
            return np.ascontiguousarray(finish(self._raw(table)))
        # encoding categories holds Python's global lock: several threads would only wait for each other
        n_pieces = ceil(n / PREDICT_ROWS) if self.encoder.numeric else 0
        with threads_for_rows(n_pieces, PREDICT_ROWS, self.network.layout.sizes) as n_threads:
            first, raw = next(self._raw_pieces(table, slice(0, n)))
            found = finish(raw)  # the first piece tells the shape and type of the whole
            outputs = np.empty((n, *found.shape[1:]), found.dtype)
            outputs[first] = found

            def fill(part: slice) -> None:
                for rows, raw in self._raw_pieces(table, part):
                    outputs[rows] = finish(raw)

            in_parts(fill, slice(first.stop, n), PART * PREDICT_ROWS, n_threads)
        return outputs

    def _raw(self, table: Table) -> Array:
        """Return the raw outputs of few rows, in the output's float type."""
        inputs = self.encoder.encode(table, self.compute_dtype)
        chain = self.network.chain(inputs.shape[0], self.compute_dtype, sparse=not isinstance(inputs, np.ndarray))
        return chain.forward(inputs).astype(self.output_dtype)

    def _raw_pieces(self, table: Table, part: slice) -> Iterator[tuple[slice, Array]]:
        """Yield pieces of these rows and their raw outputs, in the output's float type."""
        for rows, chain in self._chains(part, sparse=is_sparse(table)):
            inputs = self.encoder.encode(take_rows(table, rows), self.compute_dtype)
            yield rows, chain.forward(inputs).astype(self.output_dtype)

    def _chains(self, part: slice, *, sparse: bool) -> Iterator[tuple[slice, Chain]]:
        """Yield pieces of these rows with layers bound to as many: to PREDICT_ROWS, and once to what is left."""
        n_rows = 0
        for start in range(part.start, part.stop, PREDICT_ROWS):
            rows = slice(start, min(start + PREDICT_ROWS, part.stop))
            if rows.stop - start != n_rows:
                n_rows = rows.stop - start
                chain = self.network.chain(n_rows, self.compute_dtype, sparse=sparse)
            yield rows, chain

    # --- a look inside -----------------------------------------------------------------------------------------------

    def activations(self, table: Table) -> list[Array]:
        """Return every layer's output: the encoded input, each hidden layer's, the predictions before decoding."""
        inputs = self.encoder.encode(table, self.compute_dtype)
        outputs = [inputs.astype(self.output_dtype, copy=False)]
        outputs += [np.empty((inputs.shape[0], b.size), self.output_dtype) for b in self.network.intercepts]
        for rows, chain in self._chains(slice(0, inputs.shape[0]), sparse=is_sparse(table)):
            raw = chain.forward(inputs[rows])
            for whole, piece in zip(outputs[1:], [*chain.hidden, raw], strict=True):
                whole[rows] = piece
        self.head.loss.link(outputs[-1])
        return outputs
