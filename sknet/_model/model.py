"""The model that a fit learns: a value that predicts raw tables, independent of estimators and training.

Several trained networks are joined into one: hidden layers side by side, and a weighted mean of the raw outputs.

Conventions
-----------
table : (n, d)       the user's checked table
inputs : (n, m)      the encoded, scaled table: the network's input
raw : (n, k)         the network's output before the loss's link
coefs[l] : (fan_in, fan_out)      intercepts[l] : (fan_out,)

`join_networks` joins c networks of L layers; network j has h[j, l] units in layer l.

joined W_1 : (m, Σh[:, 1])      W_l : blocks on the diagonal      W_L : (Σh[:, L-1], k), each
network's rows times its mixing weight
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil
from typing import Self

import numpy as np
from scipy.linalg import block_diag

from sknet._model.encoding import Encoding
from sknet._model.heads import Head
from sknet._model.machine import (
    MIN_SPLIT_PRODUCT,
    MIN_SPLIT_VECTOR_PRODUCT,
    limit_blas_threads,
    run_on_slices,
    threads_for_blocks,
)
from sknet._network.activations import Activation
from sknet._network.backprop import Chain
from sknet._network.chain import (
    BatchFormat,
    LayerParameters,
    Layout,
    OneHotAndDenseRows,
    WeightBlock,
    find_weight_blocks,
    make_chain,
)
from sknet._network.weights import output_rounding_unit
from sknet._tables.encoder import TableEncoder
from sknet._tables.raw_table import MemoryMappedRows, column_names, is_sparse, take_rows
from sknet._typing import Array, DType, Table
from sknet._vectors import blocks_of_batch

ROWS_PREDICTED_AT_ONCE = 1024
"""How many rows are predicted at once: enough for fast matrix products, and few enough to stay in the cache."""

BLOCKS_PER_SLICE = 32
"""How many blocks a thread takes at a time. After an interrupt, a thread still finishes its blocks."""


@dataclass(frozen=True)
class Network:
    """Layers with their weights, `coefs_` and `intercepts_`, read-only since other fitted values depend on them."""

    activations: tuple[Activation, ...]
    coefs: tuple[Array, ...]
    intercepts: tuple[Array, ...]
    temperature: float = 1.0  # for information only: the last layer's weights are divided by it already
    is_monotone: bool = False  # whether it is monotone in some columns, up to rounding

    def __post_init__(self) -> None:
        """Check the number of layers, and make the arrays read-only."""
        if not len(self.coefs) == len(self.intercepts) == len(self.activations) + 1:
            raise ValueError("a layer lacks weights, biases or an activation")
        for name in ("coefs", "intercepts"):
            views = tuple([array.view() for array in getattr(self, name)])
            for view in views:
                view.flags.writeable = False
            object.__setattr__(self, name, views)

    @property
    def layout(self) -> Layout:
        """The layout of the weights."""
        return Layout((self.coefs[0].shape[0], *(b.size for b in self.intercepts)))

    @cached_property
    def blocks(self) -> tuple[tuple[WeightBlock, ...], ...]:
        """The blocks of each weight matrix: a joined network has weights of 0 between its networks."""
        return tuple(map(find_weight_blocks, self.coefs))

    def blas_may_split(self, n_rows: int) -> bool:
        """Whether BLAS may split the product of n rows with any of the weight matrices among threads."""
        for W in self.coefs:  # one row or one unit makes a matrix-vector product, which BLAS splits sooner
            if n_rows * W.size >= (MIN_SPLIT_VECTOR_PRODUCT if 1 in (n_rows, W.shape[1]) else MIN_SPLIT_PRODUCT):
                return True
        return False

    def with_output_shifted(self, shift: Array) -> Self:
        """Return the network with `shift`, (k,), added to its raw outputs."""
        last = self.intercepts[-1]
        return replace(self, intercepts=(*self.intercepts[:-1], (last + shift).astype(last.dtype)))

    def with_skipped_inputs(self, n: int) -> Self:
        """Return the network with n more inputs, the first ones, whose weights are 0."""
        return replace(self, coefs=(np.pad(self.coefs[0], [(n, 0), (0, 0)]), *self.coefs[1:])) if n else self

    def theta_vector(self, dtype: DType) -> Array:
        """Copy all parameters into a new theta."""
        return self.layout.flatten(self.coefs, self.intercepts, dtype)

    def as_type(self, dtype: DType) -> Self:
        """Return the network with weights of another float type."""
        coefs, intercepts = (
            tuple([a.astype(dtype, copy=False) for a in arrays]) for arrays in (self.coefs, self.intercepts)
        )
        return replace(self, coefs=coefs, intercepts=intercepts)

    def chain(self, n_rows: int, dtype: DType, batch_format: BatchFormat = "dense") -> Chain:
        """Return the layers for a forward pass of `n_rows` rows."""
        parameters = [
            LayerParameters(W.astype(dtype, copy=False), b.astype(dtype, copy=False), blocks)
            for W, b, blocks in zip(self.coefs, self.intercepts, self.blocks, strict=True)
        ]
        return make_chain(self.activations, parameters, n_rows, batch_format)


@dataclass(frozen=True)
class Model:
    """An encoding and a network: from raw tables to raw outputs and predictions."""

    encoding: Encoding
    network: Network

    @property
    def encoder(self) -> TableEncoder:
        """The encoder, which turns a table into the network's inputs."""
        return self.encoding.encoder

    @property
    def head(self) -> Head:
        """The head, which turns raw outputs into predictions."""
        return self.encoding.head

    def with_names_of(self, frame: Table) -> Self:
        """Return the model, learnt from an array, with a frame's column names: errors then name these."""
        encoder = replace(self.encoder, names=column_names(frame))
        return replace(self, encoding=replace(self.encoding, encoder=encoder))

    @property
    def predict_dtype(self) -> DType:
        """The dtype of computations in `predict`: float64 for a monotone network, see `output_rounding_unit`."""
        return np.dtype(np.float64) if self.network.is_monotone else self.encoding.compute_dtype

    # --- raw outputs -------------------------------------------------------------------------------------------------

    def convert_raw_outputs(self, table: Table, convert_raw: Callable[[Array], Array]) -> Array:
        """Return `convert_raw` of all rows' raw outputs, computed block by block; threads share many blocks.

        `convert_raw` takes the raw outputs of a block, (rows, k), which it may overwrite. It returns an array of shape
        (rows, ...), such as labels. The raw outputs of all rows are never in memory together.
        """
        n = table.shape[0]
        if n <= ROWS_PREDICTED_AT_ONCE:  # too few to start threads
            # setting the limit takes time, so it is set only if BLAS would start threads
            largest_product = n * self.network.layout.max_matrix_size
            with limit_blas_threads(largest_product) if self.network.blas_may_split(n) else nullcontext():
                inputs, batch_format = self._encode(table)
                chain = self.network.chain(n, self.predict_dtype, batch_format)
                return np.ascontiguousarray(self._converted_outputs(chain, inputs, convert_raw))
        # encoding categories holds the GIL, so threads would wait for each other
        n_blocks = ceil(n / ROWS_PREDICTED_AT_ONCE) if self.encoder.is_numeric else 0
        with threads_for_blocks(n_blocks, ROWS_PREDICTED_AT_ONCE * self.network.layout.max_matrix_size) as n_threads:
            # the first block has the shape and dtype of all blocks
            first_rows, block = next(self._converted_blocks(table, slice(0, n), convert_raw))
            outputs = np.empty((n, *block.shape[1:]), block.dtype)
            outputs[first_rows] = block

            def write_outputs(span: slice) -> None:
                for rows, block in self._converted_blocks(table, span, convert_raw):
                    outputs[rows] = block

            run_on_slices(
                write_outputs, slice(first_rows.stop, n), BLOCKS_PER_SLICE * ROWS_PREDICTED_AT_ONCE, n_threads
            )
        return outputs

    def _encode(self, table: Table) -> tuple[Table, BatchFormat]:
        """Return the rows as the network takes them, and their format."""
        if isinstance(table, MemoryMappedRows):
            table = np.asarray(table)  # read these few rows from the file
        Z = self.encoder.dense_encoder.encode(table, self.predict_dtype)
        if (lookups := self.encoder.lookups) is None:
            return Z, "sparse" if is_sparse(Z) else "dense"
        return OneHotAndDenseRows(
            Z, lookups.one_hot_rows(table, self.predict_dtype)[:], lookups.dense_inputs
        ), "one_hot_and_dense"

    def _encoded_blocks(self, table: Table, span: slice) -> Iterator[tuple[slice, Table, Chain]]:
        """Yield the rows of each block of a span, encoded, and the layers that take them."""
        chain_of = self._make_chains()
        for rows in blocks_of_batch(span, ROWS_PREDICTED_AT_ONCE):
            inputs, batch_format = self._encode(take_rows(table, rows))
            yield rows, inputs, chain_of(rows.stop - rows.start, batch_format)

    def _make_chains(self) -> Callable[[int, BatchFormat], Chain]:
        """Return a function that makes layers and caches them; the blocks of a span have at most two sizes."""
        return cache(lambda n_rows, batch_format: self.network.chain(n_rows, self.predict_dtype, batch_format))

    def _converted_blocks(
        self, table: Table, span: slice, convert_raw: Callable[[Array], Array]
    ) -> Iterator[tuple[slice, Array]]:
        """Yield the rows of each block of a span, and `convert_raw` of their raw outputs."""
        for rows, inputs, chain in self._encoded_blocks(table, span):
            yield rows, self._converted_outputs(chain, inputs, convert_raw)

    def _converted_outputs(self, chain: Chain, inputs: Table, convert_raw: Callable[[Array], Array]) -> Array:
        """Return `convert_raw` of the raw outputs of encoded rows; raise if some are not finite."""
        # use a copied context: a Ctrl-C while errstate is entered or left would leave NumPy's warnings off
        return copy_context().run(self._finite_outputs, chain, inputs, convert_raw)

    def _finite_outputs(self, chain: Chain, inputs: Table, convert_raw: Callable[[Array], Array]) -> Array:
        """Do the work of `_converted_outputs`."""
        with np.errstate(over="ignore", invalid="ignore"):  # the error below names the column
            raw = chain.forward(inputs)
            if self.network.is_monotone:  # round off the last bits, which depend on the other rows of the block
                unit = output_rounding_unit(self.network.coefs[-1], self.network.intercepts[-1])
                raw = np.rint(raw / unit) * unit
            raw = raw.astype(self.encoding.output_dtype)
            if np.isfinite(raw).all():
                outputs = convert_raw(raw)
                if outputs.dtype.kind != "f" or np.isfinite(outputs).all():
                    return outputs
        raise ValueError(self._why_not_finite(inputs))

    def _why_not_finite(self, inputs: Table) -> str:
        """Return the message for outputs that overflow, because of the weights or of the largest input."""
        if not all(np.isfinite(array).all() for array in (*self.network.coefs, *self.network.intercepts)):
            return "coefs_ or intercepts_ hold NaN or infinity: set finite numbers, or fit again."
        names = self.encoder.feature_names
        if isinstance(inputs, OneHotAndDenseRows):
            inputs, names = inputs.dense, [names[i] for i in inputs.dense_inputs]  # the one-hot inputs are 0 or 1
        peaks = np.asarray(abs(inputs).max(axis=0).todense() if is_sparse(inputs) else np.abs(inputs).max(axis=0))
        largest = int(peaks.ravel().argmax())
        return (
            f"The predictions of these rows are too large for {self.predict_dtype} numbers. Column "
            f"{names[largest]!r} of X lies farthest from what training saw, at "
            f"{peaks.ravel()[largest]:g} once scaled: correct it, or fit with input_scaling='robust', which bends "
            "outliers."
        )

    # --- outputs of layers -------------------------------------------------------------------------------------------

    def inputs_and_layer_outputs(self, table: Table) -> list[Array]:
        """Return the encoded input, the output of each hidden layer, and the predictions before decoding."""
        inputs = self.encoder.encode(table, self.predict_dtype)  # one matrix, without lookups
        outputs = [inputs.astype(self.encoding.output_dtype, copy=False)]
        outputs += [np.empty((inputs.shape[0], b.size), self.encoding.output_dtype) for b in self.network.intercepts]
        chain_of = self._make_chains()
        with limit_blas_threads(ROWS_PREDICTED_AT_ONCE * self.network.layout.max_matrix_size):
            for rows in blocks_of_batch(slice(0, inputs.shape[0]), ROWS_PREDICTED_AT_ONCE):
                chain = chain_of(rows.stop - rows.start, "sparse" if is_sparse(inputs) else "dense")
                raw = self._converted_outputs(chain, inputs[rows], np.asarray)  # `convert_raw` changes nothing
                for output, block in zip(outputs[1:], [*chain.hidden, raw], strict=True):
                    output[rows] = block
        self.head.loss.inverse_link.apply(outputs[-1])  # in place
        return outputs

    def last_hidden(self, table: Table) -> Table:
        """Return the last hidden layer's outputs; for a linear model, the inputs."""
        if not self.network.activations:
            return self.encoder.encode(table, self.predict_dtype).astype(self.encoding.output_dtype, copy=False)
        outputs = np.empty((table.shape[0], self.network.coefs[-1].shape[0]), self.encoding.output_dtype)
        with limit_blas_threads(ROWS_PREDICTED_AT_ONCE * self.network.layout.max_matrix_size):
            for rows, inputs, chain in self._encoded_blocks(table, slice(0, table.shape[0])):
                self._converted_outputs(chain, inputs, np.asarray)  # raises if an output is not finite
                outputs[rows] = chain.hidden[-1]
        return outputs


# --- several networks as one -----------------------------------------------------------------------------------------


def join_networks(networks: Sequence[Network], mixing_weights: Sequence[float] | None = None) -> Network:
    """Join networks into one, whose raw output is the weighted mean of their raw outputs.

    Parameters
    ----------
    networks : sequence of Network
        All have the same inputs, depth and activations.

    mixing_weights : sequence of float, default=None
        The weights of the networks, with sum 1. By default they are equal.

    Returns
    -------
    Network
        The given network itself, if it is the only one.
    """
    first = networks[0]
    k = len(networks)
    if k == 1:
        return first
    mixing_weights = [1.0 / k] * k if mixing_weights is None else mixing_weights
    coefs: list[Array] = []
    intercepts: list[Array] = []
    last = len(first.coefs) - 1
    for layer in range(last + 1):
        weights = [network.coefs[layer] for network in networks]
        biases = [network.intercepts[layer] for network in networks]
        if layer == last:
            # without hidden layers, the mean of the outputs is the mean of the weights
            weights = [mixing_weight * W for mixing_weight, W in zip(mixing_weights, weights, strict=True)]
            coefs.append(np.sum(weights, axis=0) if layer == 0 else np.concatenate(weights))
            intercepts.append(np.average(biases, axis=0, weights=mixing_weights))
        else:
            coefs.append(np.hstack(weights) if layer == 0 else block_diag(*weights))
            intercepts.append(np.concatenate(biases))
    # for information only: the last layer of each network includes its temperature
    temperature = float(np.mean([network.temperature for network in networks]))
    dtype = first.coefs[0].dtype  # averages of biases are float64
    return replace(first, coefs=tuple(coefs), intercepts=tuple(intercepts), temperature=temperature).as_type(dtype)
