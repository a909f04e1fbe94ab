"""From a table and its targets to encoded rows, once for all networks of a fit, or batch by batch.

An `EncodingLearner` learns the `Encoding` of a table and its targets. `encode_for_training` encodes a table in memory:
as one matrix, or as `BatchwiseInputs`. `EncodedRows` are encoded rows with their targets and weights, from any source.
`TableInMemory` is the source for a fit in memory; streams and clusters have their own.

Conventions
-----------
n rows, b of a batch; d columns; m inputs of the encoded table; k raw outputs. A network may skip the first s inputs.

values, X : (n, d)  array, CSR matrix or data frame, in memory or in a memory-mapped file
encoding_fold : (n,)  as in `TableEncoder.encode`
batch : slice or (b,) array of int
out : (b, m)        inputs of these rows
target : (n, k)     the target matrix, which the loss compares with raw outputs
weight : (n,)       sample weights; None where all are 1
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Literal, Protocol, Self, TypeAlias, TypeVar, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.heads import Head
from sknet._model.machine import check_table_fits_in_memory
from sknet._model.settings import Settings
from sknet._network.chain import (
    BatchesOfSubset,
    BatchFormat,
    DenseBatches,
    InputBatches,
    MixedBatches,
    SparseBatches,
    n_rows_in_batch,
)
from sknet._network.objective import Objective, ObjectiveFunction, ObjectiveSettings, raw_outputs
from sknet._tables.categories import TargetTotals
from sknet._tables.column import Column, TrainingRows
from sknet._tables.compact import VALUES_WRITTEN_AT_ONCE, compact_layout, encode_compact
from sknet._tables.encoder import INPUTS_ENCODED_AT_ONCE, TableEncoder, learn_encoder
from sknet._tables.kinds import Survey
from sknet._tables.read import as_uniform_array, is_memory_mapped, is_sparse, table_digest, take_rows
from sknet._tables.rows import ALL_ROWS, MIN_TOTAL_WEIGHT, FeatureTable, Rows, Sample, too_little_weight_message
from sknet._tables.sampling import cross_fit_folds, exceeds_sample_size
from sknet._typing import Array, Batch, DType, Table
from sknet._vectors import blocks_of_batch

T = TypeVar("T")

# --- what is learnt about a table and its targets --------------------------------------------------------------------


@dataclass(frozen=True)
class Encoding:
    """How a table and its targets become matrices, and how raw outputs become predictions."""

    encoder: TableEncoder
    head: Head
    compute_dtype: DType
    output_dtype: DType  # dtype of weights and predictions: the float type of the training table

    def encoding_folds(self, rows: Rows, train: NDArray[np.intp] | None) -> NDArray[np.intp] | None:
        """Assign training rows to folds for target means; each fold is encoded by the targets of the other folds.

        `train` holds the indices of the training rows; None means all rows. All other rows get -1. Returns None if no
        column is encoded by target means.
        """
        if not self.encoder.has_target_encoding:
            return None
        n = len(rows)
        row_indices = np.arange(n) if train is None else train
        encoding_fold = np.full(n, -1)
        y = rows.y[row_indices]
        # the folds of a large table depend on row indices alone, so the target matrix is not needed
        target = y if exceeds_sample_size(n) else imputed_target_matrix(self.head, y)
        encoding_fold[row_indices] = cross_fit_folds(target, row_indices, n)
        return encoding_fold

    def with_target_means(self, rows: Rows, train: NDArray[np.intp] | None) -> Encoding:
        """Return the encoding with target means learnt from the rows `train`, or from all rows."""
        encoding_fold = self.encoding_folds(rows, train)
        if encoding_fold is None:
            return self
        target_of = partial(imputed_target_matrix, self.head)
        totals = rows.X.target_totals(self.encoder, rows.y, target_of, rows.weight, encoding_fold)
        return replace(self, encoder=self.encoder.with_target_totals(totals))


MIN_ROWS_PER_CATEGORY = 3
"""With at least this many rows per category on average, `partial_fit` learns new target means to train on. Means of
fewer rows are close to 0: training on them would make the network unlearn the use of means."""


def encoding_to_continue_with(
    encoding: Encoding, rows: Rows, train: NDArray[np.intp] | None, *, has_all_rows: bool
) -> Encoding:
    """Return an earlier encoding with new target means, cross-fitted on the rows to train on.

    The earlier means may contain the targets of these rows, so they would leak. If the table is the same as before, the
    new means equal the earlier ones. `partial_fit` keeps the earlier means if it gets few rows, or if one of several
    targets is missing in all rows.
    """
    n = len(rows) if train is None else len(train)
    n_known = max((len(column.categories) for column in encoding.encoder.columns if column.uses_target), default=0)
    if not has_all_rows and n < MIN_ROWS_PER_CATEGORY * n_known:
        return encoding
    if not has_all_rows and n_known and np.isnan(encoding.head.targets(rows.y, np.dtype(np.float64))).all(axis=0).any():
        return encoding
    return encoding.with_target_means(rows, train)


def imputed_target_matrix(head: Head, values: Array) -> Array:
    """Return the target matrix, (n, k), with missing targets replaced by the mean of the target."""
    target = head.targets(values, np.dtype(np.float64))
    missing = np.isnan(target)
    if not missing.any():
        return target
    n_known = len(target) - missing.sum(axis=0)
    mean = np.nansum(target, axis=0) / np.maximum(n_known, 1)  # 0 for a target without values, as in some folds
    return np.where(missing, mean, target)


MAX_ROWS_FOR_STEPS = 2_000
"""How many rows are used at most to find steps of the target."""


@dataclass(frozen=True)
class EncodingLearner:
    """Learns the encoding of a table from the training rows of a fit, and again from the training rows of each fold.

    Attributes
    ----------
    settings : Settings
    head : Head
    sample : Sample
        A sample of the training rows.
    survey : Survey
        The kinds of the sample's columns.
    output_dtype : dtype
    seed : int
    """

    settings: Settings
    head: Head
    sample: Sample
    survey: Survey
    output_dtype: DType
    seed: int

    def learn(self, rows: Rows, train: NDArray[np.intp] | None) -> Encoding:
        """Learn all columns, and the scale of a regressor's targets, from the sample.

        `rows` are all rows of the table, including held-out rows.
        On large tables, target means of categories are learnt from the rows `train`, or from all rows. The sample has
        too few rows for this: with a thousand categories, its means would make the loss several per cent larger.
        """
        # with input_scaling=None nothing is scaled, and the loss equals scikit-learn's
        in_unit_of_mean = self.settings.table.input_scaling is not None
        head = self.head.with_fitted_scaler(self.sample.y, self.sample.weight, in_unit_of_mean=in_unit_of_mean)
        head = head.with_constants_of(rows.y)  # of all rows: the sample may lack a rare value
        return self._with_steps(self._learn(head, self.sample, self.survey, rows, train), self.sample)

    def learn_for_fold(
        self, rows: Rows, shared: Encoding, train: NDArray[np.intp], *, shares_columns: bool
    ) -> Encoding | None:
        """Return the encoding for a fold, without information from its held-out rows; None if it is the shared one.

        Then the table need not be encoded again. Steps and target means are learnt from the fold's training rows,
        `train`. Everything else is shared if `shares_columns`. The scale of the targets is always shared, so that the
        losses of folds are comparable.
        """
        encoding = shared.with_target_means(rows, train)
        if not isinstance(self.settings.init, tuple):  # the user's weights fit the shared inputs only
            sample = self.sample.restricted_to(train)
            if not shares_columns:
                encoding = self._learn(shared.head, sample, self.survey.of_rows(sample.X), rows, train)
            encoding = self._with_steps(encoding, sample)
        # the inputs of training rows are cross-fitted among the rows of the fold, even if its target means are the same
        has_changed = encoding.encoder.has_target_encoding or encoding != shared
        return encoding if has_changed else None

    def _with_steps(self, encoding: Encoding, sample: Sample) -> Encoding:
        """Return the encoding with steps, if `numeric_encoding` is "steps" and the sample's targets have steps."""
        if self.settings.table.numeric_encoding != "steps":
            return encoding
        subsample = sample.subsample(MAX_ROWS_FOR_STEPS, self.seed)
        target = imputed_target_matrix(encoding.head, subsample.y)
        return replace(encoding, encoder=encoding.encoder.with_learnt_steps(subsample.X, target, subsample.weight))

    def _learn(
        self, head: Head, sample: Sample, survey: Survey, rows: Rows, train: NDArray[np.intp] | None
    ) -> Encoding:
        """Learn all columns from a sample; on large tables, target means from the rows `train`, or from all rows."""
        table = self.settings.table
        target = imputed_target_matrix(head, sample.y) if table.category_encoding != "one_hot" else None
        encoder = learn_encoder(sample.X, table, survey, TrainingRows(sample.weight, target, self.seed))
        encoding = Encoding(encoder, head, self.settings.dtype, self.output_dtype)
        return encoding.with_target_means(rows, train) if exceeds_sample_size(len(rows)) else encoding


# --- a table in memory as the inputs of networks ---------------------------------------------------------------------


@dataclass(eq=False)
class BatchwiseInputs:
    """Rows that are written batch by batch into a buffer as large as the largest batch.

    Attributes
    ----------
    write : callable
        (batch, out, s), writes the rows of a batch into `out`. It may leave out the first s inputs.
    n_inputs : int
    dtype : dtype
    values_at_once : int
        How many values are written at a time, so few that they stay in the processor's cache.
    batch_format : {"ones", "dense"}, default="ones"
        "ones" appends a column of ones.
    n_skipped_inputs : int, default=0
        How many inputs the network skips, the first ones.
    """

    write: Callable[[Batch, Array, int], object]
    n_inputs: int
    dtype: DType
    values_at_once: int
    batch_format: BatchFormat = "ones"
    n_skipped_inputs: int = 0

    def __post_init__(self) -> None:
        self._buffer = np.empty((0, self.n_inputs + (self.batch_format == "ones")), self.dtype)

    def __call__(self, batch: Batch) -> Array:
        """Return the batch's rows, a view of a buffer that the next call overwrites."""
        n = n_rows_in_batch(batch)
        if n > len(self._buffer):  # ones, because `write` never writes the last column
            self._buffer = np.ones((n, self._buffer.shape[1]), self._buffer.dtype)
        start = 0
        for block in blocks_of_batch(batch, max(1, self.values_at_once // (self.n_inputs + 1))):
            stop = start + n_rows_in_batch(block)
            self.write(block, self._buffer[start:stop, : self.n_inputs], self.n_skipped_inputs)
            start = stop
        return self._buffer[:n, self.n_skipped_inputs :]

    def without_first_inputs(self, s: int) -> BatchwiseInputs:
        """Return the same rows without the first s inputs, with a separate buffer."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)


MIN_BYTES_TO_COMPACT = 2**26
"""Larger encoded tables are kept as compact rows, if these take less than three quarters of the memory.

In float32, a table of numbers with 8 bins takes 4.5 times its size once it is encoded. Small encoded tables stay in the
processor's cache, where dense rows are fastest. Reading a batch of a large table from memory takes as long as writing
it from compact rows. For 200,000 rows of 40 numbers with 12 bins, a process grows by 99 MB with compact rows and by 425
MB with dense ones; fits that encode each batch from the table take half as long again (tests/benchmarks/notes.md)."""

MAX_KEPT_TO_ARRAY_RATIO = 2.5
"""If encoded rows, with what else a fit keeps of each row, take more than this many times the memory of the array, each
batch is encoded from the array: with short integers, and with few columns. This takes two to three times as long as
writing compact rows, which is a tenth of a step. A default fit may take three times the table."""

MIN_BYTES_TO_SAVE_MEMORY = 50_000_000
"""The memory of a fit to a smaller array may be as large as to an array of this size."""

OTHER_BYTES_PER_ROW = 16
"""What a default fit keeps of a row besides its inputs: its target, its index, and its place in the order of two
networks."""


KeptForm: TypeAlias = Literal["dense", "compact", "table"]
"""How the rows of a dense table are kept: as one matrix, as compact rows, or only as the table itself."""


def encode_for_training(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> InputBatches:
    """Encode a table once for all networks and epochs, or batch by batch; see `choose_form`."""
    if is_sparse(X):
        if encoder.keeps_zeros:
            return SparseBatches(encoder.encode(X, dtype))
        X = encoder.sparse_to_dense(X)  # the encoder was learnt from dense rows
    elif isinstance(X, pd.DataFrame) and (array := as_uniform_array(X)) is not None:
        X = array
    dense_encoder, lookups = encoder.dense_encoder, encoder.lookups
    form, n_bytes = choose_form(dense_encoder, X, dtype)
    if form == "table":
        return encode_batchwise(encoder, X, dtype, encoding_fold)
    check_table_fits_in_memory(X.shape[0], encoder.n_inputs, n_bytes)
    # with a column of ones, one product computes the sums of the first layer with their biases
    batch_format: BatchFormat = "ones" if lookups is None else "dense"
    dense: InputBatches
    if form == "compact":
        write = encode_compact(dense_encoder, X, dtype, encoding_fold).expand_into
        dense = BatchwiseInputs(write, dense_encoder.n_inputs, dtype, VALUES_WRITTEN_AT_ONCE, batch_format)
    else:
        Z = dense_encoder.encode(X, dtype, ones=batch_format == "ones", encoding_fold=encoding_fold)
        dense = DenseBatches(Z, batch_format)
    return dense if lookups is None else MixedBatches(dense, lookups.one_hot_rows(X, dtype), lookups.dense_inputs)


def choose_form(encoder: TableEncoder, X: Table, dtype: DType) -> tuple[KeptForm, int]:
    """Choose how the rows of a dense table are kept for training; return the form, and how many bytes it takes.

    Only the table is kept if it is memory-mapped, or an array that is much smaller than its encoded rows.
    """
    if is_memory_mapped(X):
        return "table", 0
    n = X.shape[0]
    n_bytes = n * encoder.n_inputs * dtype.itemsize
    if n_bytes <= MIN_BYTES_TO_COMPACT:  # small tables never need the compact layout
        return "dense", n_bytes
    form: KeptForm = "dense"
    compact_bytes = n * compact_layout(encoder).row_bytes(dtype)
    if compact_bytes < 0.75 * n_bytes:
        form, n_bytes = "compact", compact_bytes
    n_bytes_kept = n_bytes + n * OTHER_BYTES_PER_ROW
    if isinstance(X, np.ndarray) and n_bytes_kept > MAX_KEPT_TO_ARRAY_RATIO * max(X.nbytes, MIN_BYTES_TO_SAVE_MEMORY):
        return "table", 0
    return form, n_bytes


def encode_batchwise(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> BatchwiseInputs:
    """Return inputs that encode each batch when it is needed."""

    def encode_batch(batch: Batch, out: Array, _: int) -> None:
        encoder.encode_rows_into(X, batch, out, encoding_fold)

    return BatchwiseInputs(encode_batch, encoder.n_inputs, dtype, INPUTS_ENCODED_AT_ONCE)


# --- encoded rows, from any source -----------------------------------------------------------------------------------


class EncodedInputs(InputBatches, Protocol):
    """The encoded inputs of a table, or of some of its rows, shared by several networks."""

    @property
    def n_networks_awaited_at_once(self) -> int:
        """How many networks may train at a time; several if each waits for results from workers."""

    def __getitem__(self, rows: NDArray[np.intp]) -> Self:
        """Return the inputs of some of the rows."""

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> ObjectiveFunction:
        """Return the objective of a network that is trained on `rows`; these are the inputs of the rows."""

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout."""


TARGETS_ENCODED_AT_ONCE = 2**16
"""Number of rows whose targets are encoded at a time."""


@dataclass(frozen=True)
class EncodedRows:
    """Encoded rows with their targets and weights."""

    inputs: EncodedInputs
    y_of_table: Array  # parsed targets of all rows of the table, one column for each target
    weight_of_table: Array | None  # of all rows of the table, not rescaled
    encoding: Encoding
    smoothing: float = 0.0  # label smoothing
    row_indices: NDArray[np.intp] | None = None  # (n,), which rows of the table these are; None for all
    # what was computed from all targets or weights, by name: the networks of a fit share it
    computed: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.y_of_table if self.row_indices is None else self.row_indices)

    @property
    def y(self) -> Array:
        """The parsed targets of these rows, (n, k)."""
        return self.y_of_table if self.row_indices is None else self.y_of_table[self.row_indices]

    @property
    def weight(self) -> Array | None:
        """The weights of these rows, (n,), not rescaled."""
        if self.weight_of_table is None or self.row_indices is None:
            return self.weight_of_table
        return self.weight_of_table[self.row_indices]

    def _blocks_in_table(self) -> Iterator[tuple[slice, Batch]]:
        """Yield blocks of these rows, and the rows of the table that they are.

        Arrays in float64 that are as long as y may be as large as a table of few columns.
        """
        for block in blocks_of_batch(slice(0, len(self)), TARGETS_ENCODED_AT_ONCE):
            yield block, block if self.row_indices is None else self.row_indices[block]

    def _computed_once(self, name: str, compute: Callable[[], T]) -> T:
        if name not in self.computed:
            self.computed[name] = compute()
        return cast(T, self.computed[name])

    def take(self, row_indices: NDArray[np.intp]) -> Self:
        """Return the rows with these indices; raise a ValueError if their total weight is almost 0."""
        in_table = row_indices if self.row_indices is None else self.row_indices[row_indices]
        rows = replace(self, inputs=self.inputs[row_indices], row_indices=in_table, computed={})
        if rows.weight_of_table is not None and rows.total_weight < MIN_TOTAL_WEIGHT:
            raise ValueError(too_little_weight_message(rows.total_weight))
        return rows

    def for_network(self, n_skipped_inputs: int, smoothing: float = 0.0) -> Self:
        """Return the rows for one network: without the skipped inputs, and with a separate buffer."""
        return replace(self, inputs=self.inputs.without_first_inputs(n_skipped_inputs), smoothing=smoothing)

    @property
    def total_weight(self) -> float:
        """The sum of the weights; without weights, the number of rows."""
        weight = self.weight_of_table
        if weight is None:
            return float(len(self))
        return self._computed_once(
            "total weight", lambda: sum(float(weight[rows].sum()) for _, rows in self._blocks_in_table())
        )

    def encode_targets(self, y: Array) -> Array:
        """Return the target matrix of some rows' y, (b, k)."""
        return self.encoding.head.targets(y, self.encoding.compute_dtype, self.smoothing)

    @property
    def target(self) -> Array:
        """The target matrix of these rows, (n, k). A stream makes those of a few rows at a time instead."""
        return self._computed_once(f"target, smoothed by {self.smoothing}", self._make_target)

    def _make_target(self) -> Array:
        target: Array | None = None
        try:
            for block, rows in self._blocks_in_table():
                of_block = self.encode_targets(self.y_of_table[rows])
                if target is None:
                    target = np.empty((len(self), of_block.shape[1]), of_block.dtype)
                target[block] = of_block
        except ValueError:
            target = None  # the message would be about a block, and all rows together may be right
        return self.encode_targets(self.y) if target is None else target

    @property
    def relative_weight(self) -> Array | None:
        """The weights, (n,), scaled to a mean of 1, so that their unit does not change the size of gradients."""
        return None if self.weight_of_table is None else self._computed_once("relative weight", self._make_weight)

    def _make_weight(self) -> Array:
        assert self.weight_of_table is not None
        factor = len(self) / self.total_weight
        weight = np.empty(len(self), self.encoding.compute_dtype)
        for block, rows in self._blocks_in_table():
            weight[block] = self.weight_of_table[rows] * factor
        return weight


def encode_rows(
    encoding: Encoding, rows: Rows, *, cross_fit: bool, train: NDArray[np.intp] | None = None
) -> EncodedRows:
    """Encode rows, once for all networks.

    With `cross_fit`, the target means of a training row do not contain its own target. `train` holds the indices of the
    training rows; None means all rows.
    """
    encoding_fold = encoding.encoding_folds(rows, train) if cross_fit else None
    inputs = rows.X.encode(encoding.encoder, encoding.compute_dtype, encoding_fold)
    return EncodedRows(inputs, rows.y, rows.weight, encoding)


# --- a table in memory -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class TableInMemory(FeatureTable):
    """Rows of an array, a CSR matrix or a data frame."""

    values: Table
    polars_frame: Table = None  # the user's polars frame, if `values` were read from one
    # the learnt text columns, and the table with their inputs in place of the texts
    encoded_text: tuple[tuple[Column, ...], pd.DataFrame] | None = None

    @property
    def is_sparse(self) -> bool:
        """Whether it is a sparse matrix."""
        return is_sparse(self.values)

    @property
    def is_polars(self) -> bool:
        """Whether the user has passed a polars frame."""
        return self.polars_frame is not None

    @property
    def is_in_memory(self) -> bool:
        """Whether the values are not in a file."""
        return not self.is_memory_mapped

    @property
    def is_memory_mapped(self) -> bool:
        """Whether the values are in a file."""
        return is_memory_mapped(self.values)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of rows and the number of columns."""
        return self.values.shape

    @property
    def example_rows(self) -> Table:
        """The first two rows."""
        return take_rows(self.values, slice(0, 2))

    def __getitem__(self, rows: Batch) -> TableInMemory:
        """Return some of the rows."""
        frame = self.polars_frame
        return TableInMemory(take_rows(self.values, rows), None if frame is None else take_rows(frame, rows))

    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Return some rows."""
        return self.values if isinstance(rows, slice) and rows == ALL_ROWS else take_rows(self.values, rows)

    def for_scorer(self) -> Table:
        """Return the table for a scorer; a memory-mapped file is read into an array."""
        if self.polars_frame is not None:
            return self.polars_frame
        return np.array(self.values) if self.is_memory_mapped else self.values

    def dense_array_if_small(self, max_values: int) -> Array | None:
        """Return the values as an array; None if there are more than `max_values`, or in a data frame."""
        if self.shape[0] * self.shape[1] > max_values:
            return None
        if self.is_sparse:
            return self.values.toarray()
        return self.values if isinstance(self.values, np.ndarray) else None

    def target_totals(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetTotals]:  # fmt: skip
        """Return `TableEncoder.target_totals` of all rows."""
        return encoder.target_totals(self.values, target_of(y), weight, encoding_fold)

    def digest(self) -> str:
        """Return a hash of the type, the shape and the values."""
        return table_digest(self.values)

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> TableInMemory:
        """Return the table with encoded texts, for encoders with the same text columns."""
        if not encoder.text_columns:
            return self
        table = encoder.replace_text_by_inputs(self.values, dtype)
        return replace(self, encoded_text=(encoder.text_columns, table))

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedInMemory:
        """Encode the rows, see `encode_for_training`."""
        X = self.values
        if encoder.names is None and not isinstance(X, np.ndarray):
            encoder = encoder.with_names_of(X)  # for error messages
        if self.encoded_text is not None and self.encoded_text[0] == encoder.text_columns:
            encoder = encoder.encoder_after_text
            _, X = self.encoded_text
        return EncodedInMemory(encode_for_training(encoder, X, dtype, encoding_fold))


@dataclass(frozen=True)
class EncodedInMemory(BatchesOfSubset):
    """Rows that are encoded in memory, or batch by batch."""

    n_networks_awaited_at_once: ClassVar[int] = 1

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> Objective:
        """Return the objective of a network that is trained on these rows."""
        inputs = self.inputs if self.row_indices is None else self  # if all rows are used, do without the selection
        return Objective(settings, inputs, rows.target, rows.relative_weight)

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout."""
        return raw_outputs(settings, theta, self, n)
