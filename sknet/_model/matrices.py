"""The matrices that networks are trained on: rows are encoded once, and all networks of a fit share them.

Conventions
-----------
n rows; m inputs of the network; k raw outputs.

target : (n, k)     what the raw outputs are compared with
weight : (n,)       sample weights divided by their mean; None where all are 1
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.batchwise import BatchwiseInputs
from sknet._model.heads import Head, RegressionHead
from sknet._model.machine import refuse_large_table
from sknet._model.model import Model, Network
from sknet._model.settings import Settings
from sknet._network.activations import Activation
from sknet._network.inputs import DenseInputs, Inputs, MixedInputs, RowSelection, SparseInputs
from sknet._network.layout import Layout
from sknet._network.losses import Loss
from sknet._network.objective import Objective, ObjectiveFunction
from sknet._network.penalties import ElasticNet
from sknet._tables.columns.target import cross_fit_parts
from sknet._tables.compact import PIECE_VALUES
from sknet._tables.encoding import CHUNK_VALUES, TableEncoder, learn_encoder
from sknet._tables.frames import as_uniform_array
from sknet._tables.rows import MIN_TOTAL_WEIGHT, ExternalTable, Rows, too_little_weight_message
from sknet._tables.sampling import exceeds_sample_size
from sknet._tables.survey import Survey
from sknet._tables.tables import is_sparse
from sknet._typing import Array, Batch, DType, Table


@dataclass(frozen=True)
class Encoding:
    """How a table and its targets become matrices, and how raw outputs become predictions."""

    encoder: TableEncoder
    head: Head
    compute_dtype: DType
    output_dtype: DType

    def model(self, network: Network) -> Model:
        """Return the model that a network makes of what was encoded so."""
        return Model(self.encoder, self.head, network, self.compute_dtype, self.output_dtype)

    def cross_fit_parts(self, rows: Rows, train: NDArray[np.intp] | None = None) -> NDArray[np.intp] | None:
        """Assign the rows numbered `train`, or all, to parts that are encoded by the others' targets; -1 for others.

        None where the target encodes nothing.
        """
        if not self.encoder.has_target_encoding:
            return None
        n = len(rows)
        numbers = np.arange(n) if train is None else train
        encoding_part = np.full(n, -1)
        y = rows.y[numbers]
        # a large table's rows go by their numbers: the matrix of their targets is not needed
        target = y if exceeds_sample_size(n) else targets_to_encode_by(self.head, y)
        encoding_part[numbers] = cross_fit_parts(target, numbers, n)
        return encoding_part

    def with_target_means(self, rows: Rows, train: NDArray[np.intp] | None = None) -> "Encoding":
        """Return the encoding with the target's means of the rows numbered `train`, or of all; all else stays."""
        encoding_part = self.cross_fit_parts(rows, train)
        if encoding_part is None:
            return self
        target_of = partial(targets_to_encode_by, self.head)
        if isinstance(rows.X, ExternalTable):
            totals = rows.X.target_totals(self.encoder, rows.y, target_of, rows.weight, encoding_part)
        else:
            totals = self.encoder.target_totals(rows.X, target_of(rows.y), rows.weight, encoding_part)
        return replace(self, encoder=self.encoder.with_target_totals(totals))


def targets_to_encode_by(head: Head, values: Array) -> Array:
    """Return the target matrix, (n, k); a missing target says nothing of its row's levels: it is the mean of all."""
    target = head.targets(values, np.dtype(np.float64))
    missing = np.isnan(target)
    return np.where(missing, np.nanmean(target, axis=0), target) if missing.any() else target


def encoding_of(model: Model, head: Head) -> Encoding:
    """Return how a model encodes tables, for training to go on from it; the head may have another loss."""
    return Encoding(model.encoder, head, model.compute_dtype, model.output_dtype)


def learn_encoding(
    settings: Settings,
    head: Head,
    rows: Rows,
    output_dtype: DType,
    seed: int = 0,
    train: NDArray[np.intp] | None = None,
    survey: Survey | None = None,
) -> Encoding:
    """Learn how the table is encoded and numbers among the targets are scaled, from a sample of the rows.

    `survey`: what is known about the sample's columns; None where nobody has looked.
    Where categories are encoded by the target, means are those of all rows that are trained on, numbered `train` if
    others are held out: of thousands of levels, a sample has a few rows each, and costs several per cent of the error.
    """
    sample = rows.sample(seed)
    if isinstance(head, RegressionHead):
        head = head.scaled_to(sample.y, sample.weight)
    may_have_categories = survey is None or "category" in survey.kinds.values()
    needs_target = settings.table.category_encoding != "one_hot" or may_have_categories
    target = targets_to_encode_by(head, sample.y) if needs_target else None
    encoder = learn_encoder(sample.X, replace(settings.table, weight=sample.weight, target=target, seed=seed), survey)
    encoding = Encoding(encoder, head, settings.dtype, output_dtype)
    if len(sample) < len(rows):
        return encoding.with_target_means(rows, train)
    return encoding if train is None else encoding.with_target_means(sample, train)  # all have been counted already


# --- an encoded table ------------------------------------------------------------------------------------------------


class EncodedTable(Protocol):
    """A table that has been encoded once, for several networks; or some of its rows."""

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return some of these rows."""

    @property
    def n_networks_at_once(self) -> int:
        """How many networks may be trained at a time: several, where each waits for what is computed elsewhere."""

    @property
    def typical_rows(self) -> NDArray[np.intp] | None:
        """Which rows stand for all where targets of all would take too much memory; None: all."""

    @property
    def inputs(self) -> Inputs:
        """All inputs of these rows; each network takes them without those that it skips."""

    def objective(
        self, layout: Layout, activations: Sequence[Activation], loss: Loss, penalty: ElasticNet, samples: "Samples",
        dropout: Sequence[float],
    ) -> ObjectiveFunction:  # fmt: skip
        """Return the objective of a network that is trained on these rows, which are `samples`; see `Objective`."""


@dataclass(frozen=True)
class EncodedInMemory:
    """An encoded table in this process's memory, or one whose rows are encoded batch by batch."""

    inputs_of_all: Inputs
    rows: NDArray[np.intp] | None = None  # None: all
    n_networks_at_once: ClassVar[int] = 1
    typical_rows: ClassVar[None] = None

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return some of these rows."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return self.inputs_of_all.batch_format == "sparse"

    @property
    def inputs(self) -> Inputs:
        """All inputs of these rows."""
        return self.inputs_of_all if self.rows is None else RowSelection(self.inputs_of_all, self.rows)

    def objective(
        self, layout: Layout, activations: Sequence[Activation], loss: Loss, penalty: ElasticNet, samples: "Samples",
        dropout: Sequence[float],
    ) -> ObjectiveFunction:  # fmt: skip
        """Return the objective of a network that is trained on these rows."""
        return Objective(
            layout, activations, loss, penalty, samples.inputs, samples.target, samples.weight,
            max_rows=samples.max_rows, dropout=dropout,
        )  # fmt: skip


MIN_COMPACT_BYTES = 2**26
"""Encoded tables of more bytes are kept as compact rows, if these take less than three quarters of them.

A table of numbers with 8 bins is encoded into 4.5 times its size, in float32. Smaller encoded tables are gathered from
the processor's cache, and faster so; of larger ones a batch is read from memory, which takes as long as writing it from
compact rows."""

MAX_MULTIPLE = 2.5
"""Where compact rows take so many times the memory of an array, of short integers, its rows are encoded batch by batch:
that takes two to three times as long as writing them, a tenth of a step."""


def encode_in_memory(encoding: Encoding, rows: Rows, encoding_part: NDArray[np.intp] | None) -> EncodedInMemory:
    """Encode the rows of a table once, as a whole or into compact rows; those of a memory map batch by batch.

    `encoding_part`: see `Encoding.cross_fit_parts`; None encodes all rows alike. The four ways, by the table: a CSR
    matrix stays one; an array that is much smaller than its encoded rows, or in a file, is kept and encoded batch by
    batch; many one-hot inputs are looked up (`MixedRows`); all else is dense.
    """
    dtype, encoder, n = encoding.compute_dtype, encoding.encoder, len(rows.y)
    if encoder.names is None and not isinstance(rows.X, np.ndarray):
        encoder = encoder.with_names_of(rows.X)  # so that errors name a frame's columns
    if is_sparse(rows.X) and encoder.keeps_zeros:  # it then has neither bins, which could be skipped, nor categories
        return EncodedInMemory(SparseInputs(encoder.encode(rows.X, dtype)))
    array = rows.X if rows.memory_mapped else array_if_smaller_than_encoded(encoder, rows.X, dtype)
    if array is not None:

        def encode_batch(batch: Batch, out: Array, _: int) -> None:
            encoder.encode_rows(array, batch, out, encoding_part)

        return EncodedInMemory(BatchwiseInputs(encode_batch, encoder.n_inputs, dtype, CHUNK_VALUES))
    refuse_large_table(n, encoder.n_inputs, kept_bytes(encoder.encoder_without_lookups, rows.X, dtype))
    encode_rest = encode_mixed if encoder.lookups is not None else encode_dense
    return EncodedInMemory(encode_rest(encoder, rows.X, dtype, encoding_part))


def encode_dense(encoder: TableEncoder, X: Table, dtype: DType, encoding_part: NDArray[np.intp] | None) -> Inputs:
    """Encode a table into one dense matrix, or into compact rows."""
    if is_compact(encoder, X, dtype):
        compact = encoder.encode_compact(X, dtype, encoding_part)
        return BatchwiseInputs(compact.write, encoder.n_inputs, dtype, PIECE_VALUES)
    # Dense rows end with a 1, so that the first layer's biases are weights like the others: one product computes both.
    return DenseInputs(encoder.encode(X, dtype, ones=True, encoding_part=encoding_part), "ones")


def encode_mixed(encoder: TableEncoder, X: Table, dtype: DType, encoding_part: NDArray[np.intp] | None) -> Inputs:
    """Encode a table, some categories as indices to look up, all else dense or into compact rows."""
    encoder_without_lookups, lookups = encoder.encoder_without_lookups, encoder.lookups
    if lookups is None:
        raise TypeError("no categories are looked up")
    if not is_compact(encoder_without_lookups, X, dtype):
        dense, one_hot, dense_inputs = encoder.encode_mixed(X, dtype, encoding_part)
        return MixedInputs(DenseInputs(dense), one_hot, dense_inputs)
    compact = encoder_without_lookups.encode_compact(X, dtype, encoding_part)
    written = BatchwiseInputs(compact.write, encoder_without_lookups.n_inputs, dtype, PIECE_VALUES, "dense")
    return MixedInputs(written, lookups.slots(X, dtype), lookups.dense_inputs)


def is_compact(encoder: TableEncoder, X: Table, dtype: DType) -> bool:
    """Whether the encoded rows of a table are kept as compact rows: where that saves much of much memory."""
    row_bytes = encoder.n_inputs * dtype.itemsize
    return X.shape[0] * row_bytes > MIN_COMPACT_BYTES and encoder.compact_layout.row_bytes(dtype) < 0.75 * row_bytes


def kept_bytes(encoder: TableEncoder, X: Table, dtype: DType) -> int:
    """Return how many bytes the encoded rows of a table take, dense or as compact rows, whichever is chosen."""
    dense_bytes = encoder.n_inputs * dtype.itemsize
    row_bytes = encoder.compact_layout.row_bytes(dtype) if is_compact(encoder, X, dtype) else dense_bytes
    return X.shape[0] * row_bytes


def array_if_smaller_than_encoded(encoder: TableEncoder, X: Table, dtype: DType) -> Array | None:
    """Return a table as an array if that takes far less memory than its encoded rows, compact or not; else None.

    Arrays of short integers, such as pixels, do.
    """
    dense_bytes = encoder.n_inputs * dtype.itemsize
    if is_sparse(X) or X.shape[0] * dense_bytes <= MIN_COMPACT_BYTES:  # small tables never need the compact layout
        return None
    n_bytes = X.shape[0] * min(dense_bytes, encoder.compact_layout.row_bytes(dtype))
    if n_bytes <= MIN_COMPACT_BYTES:
        return None
    array = as_uniform_array(X) if isinstance(X, pd.DataFrame) else X
    return array if array is not None and n_bytes > MAX_MULTIPLE * array.nbytes else None


# --- rows that share an encoded table --------------------------------------------------------------------------------


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows with their targets and weights."""

    table: EncodedTable
    y: Array
    weight: Array | None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.intp]) -> Self:
        """Return some of the rows; a ValueError if they have next to no weight."""
        weight = None if self.weight is None else self.weight[rows]
        if weight is not None and weight.sum() < MIN_TOTAL_WEIGHT:
            raise ValueError(too_little_weight_message(weight))
        return replace(self, table=self.table[rows], y=self.y[rows], weight=weight)

    @property
    def total_weight(self) -> float:
        """How many rows of weight 1 they are worth."""
        return float(len(self.y)) if self.weight is None else float(self.weight.sum())


def encode_rows(
    encoding: Encoding, rows: Rows, *, cross_fit: bool, train: NDArray[np.intp] | None = None
) -> EncodedRows:
    """Encode rows where they are, once for all networks; see `encode_in_memory`.

    With `cross_fit`, where a column is encoded by the target, no row that is trained on, numbered `train` if others are
    held out, sees its own.
    """
    encoding_part = encoding.cross_fit_parts(rows, train) if cross_fit else None
    if isinstance(rows.X, ExternalTable):
        table: EncodedTable = rows.X.encode(encoding.encoder, encoding.compute_dtype, encoding_part)
    else:
        table = encode_in_memory(encoding, rows, encoding_part)
    return EncodedRows(table, rows.y, rows.weight)


def encode_validation(encoding: Encoding, rows: Rows) -> EncodedRows:
    """Encode the validation rows that a user brings; errors say so."""
    try:
        return encode_rows(encoding, rows, cross_fit=False)
    except (ValueError, TypeError) as error:
        raise type(error)(f"In the rows that validate, X_val if it was passed: {error}") from error


@dataclass(frozen=True)
class Samples:
    """Rows as one network takes them, batch by batch."""

    inputs: Inputs
    y: Array  # (n, m), parsed
    target_of: Callable[[Array], Array]  # y -> what raw outputs are compared with: (b, m) -> (b, k)
    target: Array  # (n, k); or (t, k) where there are typical rows, and those of all are made when they are needed
    weight: Array | None  # (n,), of mean 1
    total_weight: float
    max_rows: int  # that are computed at once
    typical_rows: NDArray[np.intp] | None = None  # (t,)

    def __len__(self) -> int:
        return len(self.y)

    @property
    def typical_weight(self) -> Array | None:
        """The weights of the rows whose targets are `target`."""
        return self.weight if self.weight is None or self.typical_rows is None else self.weight[self.typical_rows]


def make_samples(
    encoding: Encoding,
    rows: EncodedRows,
    max_rows: int,
    n_skipped: int = 0,
    smoothing: float = 0.0,
    typical_rows: NDArray[np.intp] | None = None,
) -> Samples:
    """Return rows as one network takes them, so many at once, without the first inputs; labels smoothed."""
    dtype, total = encoding.compute_dtype, rows.total_weight
    # mean 1: a gradient has the same size whatever unit the user's weights have
    weight = None if rows.weight is None else (rows.weight * (len(rows) / total)).astype(dtype)
    target_of = partial(encoding.head.targets, dtype=dtype, smoothing=smoothing)
    target = target_of(rows.y if typical_rows is None else rows.y[typical_rows])
    inputs = rows.table.inputs.without_first(n_skipped)
    return Samples(inputs, rows.y, target_of, target, weight, total, max_rows, typical_rows)
