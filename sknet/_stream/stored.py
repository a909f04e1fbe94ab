"""A table that is read once from a source, written to a file, and trained on from this file.

Each epoch reads the file once. It reads pools of buckets in a random order, and mixes the rows of each pool. The rows
are encoded while they are read.

Conventions
-----------
N rows in the file, those of positive weight; n of them are selected; k target columns.

kept : bool              whether a row's weight is positive, for each row of a chunk
y : (N,) or (N, k)       targets as `fit` takes them; targets, weights and groups are in the order of the file
record_indices : (n,)    indices of the selected rows in the file
row_indices : (m,)       indices, among the n rows, of the rows that were read
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from hashlib import blake2b, sha256
from typing import ClassVar, NamedTuple, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.rows import ALL_ROWS, EncodedRows, FeatureTable
from sknet._model.table_in_memory import WrittenBatches, encode_batchwise
from sknet._network.chain import BatchFormat, DenseBatches, n_rows_in_batch
from sknet._network.objective import Objective, ObjectiveSettings, raw_outputs
from sknet._stream.records import BucketedRecords, BucketWriter, FrameFormat, Records, TableFormat
from sknet._stream.sources import Chunk
from sknet._stream.storage import ColumnStorage, NumberStorage, ScratchFiles
from sknet._tables.encoded_text import encoder_after_text, replace_text_by_inputs, text_columns
from sknet._tables.encoder import TableEncoder
from sknet._tables.labels import as_label_column, as_labels, labels_of_codes, stack_label_columns
from sknet._tables.raw_table import take_optional
from sknet._tables.sampling import exceeds_sample_size, sample_rows
from sknet._tables.target_statistics import TargetStatistics, merge_target_statistics, statistics_by_column
from sknet._tables.targets import read_regression_target, restore_shape
from sknet._typing import Array, Batch, DType, Table, Target
from sknet._vectors import blocks_of_batch

# --- reading a source ------------------------------------------------------------------------------------------------


class LabelCollector:
    """The labels of all chunks. If there are several columns, labels may be missing."""

    def __init__(self) -> None:
        self._labels: list[Array] = []  # for each target column, the distinct labels, in order of appearance
        self._indices: list[NDArray[np.int32]] = []
        self._flat = True

    def append(self, y: Target, row_mask: Array) -> None:
        """Check the labels of a chunk, and append those of the rows in `row_mask`."""
        labels = as_labels(y)[row_mask]
        columns = [labels] if labels.ndim == 1 else list(labels.T)
        if not self._labels:
            self._labels = [np.empty(0, np.int64)] * len(columns)
            self._flat = labels.ndim == 1
        if (self._flat, len(self._labels)) != (labels.ndim == 1, len(columns)):
            raise ValueError(f"y has {len(self._labels)} columns in one chunk and {len(columns)} in another.")
        indices = []
        for j, column in enumerate(columns):
            codes, distinct = pd.factorize(column)  # -1 where a label is missing
            self._labels[j], index = extend_and_index_labels(self._labels[j], as_label_column(np.asarray(distinct)))
            indices.append(np.append(index, -1)[codes])
        self._indices.append(np.column_stack(indices).astype(np.int32))

    def finish(self) -> Array:
        """Return all appended targets as one array."""
        indices = np.concatenate(self._indices)
        self._indices = []
        columns = list(map(labels_of_codes, self._labels, indices.T))
        return columns[0] if self._flat else stack_label_columns(columns)


def extend_and_index_labels(known_labels: Array, labels: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the known labels followed by new ones, and the index of each of `labels` among them."""
    if len({values.dtype.kind in "OUT" for values in (known_labels, labels) if len(values)}) == 2:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    codes, distinct = pd.factorize(np.concatenate([known_labels, labels]) if len(known_labels) else labels)
    return np.asarray(distinct), codes[len(known_labels) :]


class NumberTargetCollector:
    """The numbers of all chunks. If there are several columns, numbers may be missing."""

    def __init__(self) -> None:
        self._chunks: list[Array] = []
        self._flat = True

    def append(self, y: Target, row_mask: Array) -> None:
        """Check the numbers of a chunk, and append those of the rows in `row_mask`."""
        values, flat = read_regression_target(y)
        if self._chunks and (flat, values.shape[1]) != (self._flat, self._chunks[0].shape[1]):
            raise ValueError("y has another number of columns in one chunk than in another.")
        self._flat = flat
        self._chunks.append(values[row_mask])

    def finish(self) -> Array:
        """Return all appended targets as one array."""
        values = np.concatenate(self._chunks)
        self._chunks = []
        return restore_shape(values, self._flat)


TargetCollector: TypeAlias = LabelCollector | NumberTargetCollector
"""The targets of the chunks so far."""


class StoredSource(NamedTuple):
    """All rows of positive weight of a source: features in a file, and the rest in memory, in the same order."""

    table: StoredTable
    y: Array
    weight: Array | None
    groups: NDArray[np.uint64] | None  # hashes of the user's groups


class SourceWriter:
    """Write chunks of rows to a file, and collect their targets, weights and groups.

    Parameters
    ----------
    files : ScratchFiles
        Opens the file.
    table_format : TableFormat
        The format of the records.
    targets : TargetCollector
        Collects the targets; empty at first.
    first : Chunk
        The first chunk, which says whether chunks have weights and groups. It is not written yet.
    first_rows : array or data frame
        Its first rows, as the user passed them.
    """

    def __init__(
        self, files: ScratchFiles, table_format: TableFormat, targets: TargetCollector, first: Chunk, first_rows: Table
    ) -> None:
        self._files = files
        self._format = table_format
        self._targets = targets
        self._first, self._first_rows = first, first_rows
        self._writer = BucketWriter(files, table_format.record_dtype)
        self._weights: list[Array] = []
        self._groups: list[NDArray[np.uint64]] = []
        self._hash = blake2b(digest_size=32)

    def append(self, chunk: Chunk) -> None:
        """Write the rows of positive weight of a checked chunk."""
        n = chunk.X.shape[0]
        row_mask = np.ones(n, dtype=bool) if chunk.weight is None else chunk.weight > 0.0
        records = np.zeros(n, self._writer.dtype)
        self._format.pack_into(chunk.X, records)
        self._targets.append(chunk.y, row_mask)
        for what, chunk_values, first_values in (
            ("sample weights", chunk.weight, self._first.weight), ("groups", chunk.groups, self._first.groups)
        ):  # fmt: skip
            if (chunk_values is None) != (first_values is None):
                raise ValueError(f"Some chunks have {what} and some have none: give all of them {what.split()[-1]}.")
        if chunk.weight is not None:
            records = records[row_mask]
            self._weights.append(chunk.weight[row_mask])
        if chunk.groups is not None:
            self._groups.append(hash_groups(chunk.groups)[row_mask])
        self._hash.update(records.view(np.uint8).data)
        self._writer.append(records)

    def finish(self) -> StoredSource:
        """Return all rows that have been appended."""
        records = self._writer.finish()
        y = self._targets.finish()
        weight = np.concatenate(self._weights) if self._weights else None
        groups = np.concatenate(self._groups) if self._groups else None
        for values in (y, weight, groups):
            if values is not None:
                records.sort_as_stored(values)
        table = StoredTable(self._format, records, self._first_rows, self._hash.hexdigest(), self._files)
        return StoredSource(table, y, weight, groups)


def hash_groups(groups: Array) -> NDArray[np.uint64]:
    """Return a hash of each group, which depends only on its value: 1 and 1.0 are the same group."""
    values = groups.astype(np.float64) if groups.dtype.kind == "f" else groups
    codes, distinct = pd.factorize(values)
    keys = np.array([group_key(group) for group in pd.Index(distinct).tolist()], dtype=object)
    return pd.util.hash_array(keys, categorize=False)[codes]


def group_key(group: object) -> str:
    """Return a text that is the same for equal groups: numbers are written as fractions, so 1, 1.0 and True are one."""
    value: object = group.item() if isinstance(group, np.number | np.bool_) else group
    if isinstance(value, int | float | Decimal) and value not in (np.inf, -np.inf):
        numerator, denominator = value.as_integer_ratio()
        return f"number {numerator}/{denominator}"
    return str(value)


# --- training from the file ------------------------------------------------------------------------------------------

ROWS_CONVERTED_AT_ONCE = 2**14
"""Number of rows whose texts are encoded at a time."""

MAX_ROWS_HELD_OUT = 100_000
"""Maximum number of held-out rows. They stay in memory, and more rows would hardly change their mean loss."""


@dataclass(frozen=True, eq=False)
class StoredTable(FeatureTable):
    """Some rows of a table in a file. Each method except `rows_in_memory` reads the file once, from start to end.

    Attributes
    ----------
    format : TableFormat
        The format of the records.
    records : BucketedRecords
        The records of all rows.
    first_rows : array or data frame
        The first rows of the source, as the user passed them.
    digest_of_all : str
        A hash of all rows, in the order of the source.
    files : ScratchFiles
        The open files.
    record_indices : ndarray of shape (n,), or None
        None for all rows.
    """

    format: TableFormat
    records: BucketedRecords
    first_rows: Table
    digest_of_all: str
    files: ScratchFiles
    record_indices: NDArray[np.intp] | None = None
    # rows are read pool by pool, so training cannot use all rows at once
    max_held_out: ClassVar[float] = MAX_ROWS_HELD_OUT
    is_stream: ClassVar[bool] = True

    @property
    def example_rows(self) -> Table:
        """The first rows of the source, as the user passed them."""
        return self.first_rows

    @property
    def names_of_text(self) -> Collection[str]:
        return self.format.names_of_text

    @property
    def shape(self) -> tuple[int, int]:
        n = len(self.records) if self.record_indices is None else len(self.record_indices)
        return n, self.first_rows.shape[1]

    def __getitem__(self, rows: Batch) -> StoredTable:
        """Return some of these rows."""
        return replace(self, record_indices=self._record_indices(rows))

    def _record_indices(self, rows: Batch) -> NDArray[np.intp]:
        if self.record_indices is not None:
            return self.record_indices[rows]
        return np.arange(len(self))[rows] if isinstance(rows, slice) else rows

    def rows_in_memory(self, rows: Batch = ALL_ROWS) -> Table:
        """Read some of these rows, in this order, as an array or a data frame."""
        return self.format.unpack(self.records.take(self._record_indices(rows)), as_passed=True)

    def pools(
        self, min_rows: int = 1, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[Records, NDArray[np.intp]]]:
        """Yield the records of these rows, see `BucketedRecords.pools`."""
        return self.records.pools(self.record_indices, min_rows, rng)

    def for_scorer(self) -> Table:
        """Read the rows, for the user's scorer."""
        return self.rows_in_memory()

    def target_statistics(
        self, encoder: TableEncoder, y: Array, target_of: Callable[[Array], Array], weight: Array | None,
        encoding_fold: NDArray[np.intp],
    ) -> dict[int, TargetStatistics]:  # fmt: skip
        return merge_target_statistics(
            statistics_by_column(
                encoder.columns, self.format.unpack(records), target_of(y[row_indices]),
                take_optional(weight, row_indices), encoding_fold[row_indices],
            )
            for records, row_indices in self.pools()
        )  # fmt: skip

    def digest(self) -> str:
        """Return a hash of these rows, which does not depend on the chunks."""
        record_indices = b"all" if self.record_indices is None else self.record_indices.tobytes()
        return sha256(self.digest_of_all.encode() + record_indices).hexdigest()

    def encode(self, encoder: TableEncoder, dtype: DType, encoding_fold: NDArray[np.intp] | None) -> EncodedOnRead:
        """Encode texts, which takes longest, once for all epochs. Other columns are encoded whenever they are read."""
        after_text, table = self._encode_text(encoder, dtype) if text_columns(encoder) else (encoder, self)
        return EncodedOnRead(table, after_text, dtype, encoding_fold)

    def _encode_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, StoredTable]:
        """Return an encoder of all columns except texts, and a table in a new file in which the texts are encoded."""
        columns: list[ColumnStorage] = []
        numbers = np.empty(0, dtype)  # has the type of the stored numbers
        for column, stored in zip(encoder.columns, cast(FrameFormat, self.format).columns, strict=True):
            columns += [NumberStorage("", numbers, self.files)] * column.n_inputs if column.is_free_text else [stored]
        after_text = encoder_after_text(encoder)
        table_format = FrameFormat(list(after_text.column_names), columns)
        record_dtype = table_format.record_dtype

        def convert(records: Records) -> Records:
            converted = np.zeros(len(records), record_dtype)
            table_format.pack_into(replace_text_by_inputs(encoder, self.format.unpack(records), dtype), converted)
            return converted

        records = self.records.map(convert, record_dtype, ROWS_CONVERTED_AT_ONCE, self.files)
        return after_text, replace(self, format=table_format, records=records)


BYTES_ENCODED_AT_ONCE = 2**23
"""Number of bytes of encoded rows in memory at once."""

TARGETS_CHECKED_AT_ONCE = 2**16
"""Number of rows whose targets are checked at a time."""


@dataclass(frozen=True, eq=False)
class EncodedOnRead:
    """Rows in a file, with the encoder that encodes them whenever they are read.

    Attributes
    ----------
    table : StoredTable
        The rows; their texts are encoded already.
    encoder : TableEncoder
    dtype : dtype
    encoding_fold : ndarray of shape (n,), or None
        As in `TableEncoder.encode`.
    """

    table: StoredTable
    encoder: TableEncoder
    dtype: DType
    encoding_fold: NDArray[np.intp] | None
    n_skipped_inputs: int = 0
    batch_format: ClassVar[BatchFormat] = "ones"
    n_networks_awaited_at_once: ClassVar[int] = 1

    def __getitem__(self, rows: NDArray[np.intp]) -> EncodedOnRead:
        """Return some of these rows."""
        return replace(self, table=self.table[rows], encoding_fold=take_optional(self.encoding_fold, rows))

    def without_first_inputs(self, s: int) -> EncodedOnRead:
        """Return the same rows without the first s inputs."""
        return replace(self, n_skipped_inputs=self.n_skipped_inputs + s)

    def __call__(self, batch: Batch) -> Array:
        """Return the encoded inputs of some rows, for evaluation."""
        return self._held_out_inputs(batch)

    @cached_property
    def _held_out_inputs(self) -> WrittenBatches:
        """Loads these rows, which must be few, such as held-out rows. They stay in memory, and are encoded by batch."""
        inputs = encode_batchwise(self.encoder, self.table.rows_in_memory(), self.dtype, self.encoding_fold)
        return inputs.without_first_inputs(self.n_skipped_inputs)

    def raw_outputs(self, settings: ObjectiveSettings, theta: Array, n: int) -> Array:
        """Return the raw output of a network for all n rows, (n, k), without dropout; for a few rows."""
        return raw_outputs(settings, theta, self, n)

    def objective(self, settings: ObjectiveSettings, rows: EncodedRows) -> PooledObjective:
        """Return the objective of a network that is trained on these rows."""
        y = y_of_all = rows.y
        weight = rows.relative_weight
        if exceeds_sample_size(len(rows)):  # encoded targets of all rows take too much memory: use a sample
            row_indices = sample_rows(len(rows), 0)
            y = y[row_indices]
            weight = take_optional(weight, row_indices)
            for block in blocks_of_batch(slice(0, len(rows)), TARGETS_CHECKED_AT_ONCE):
                rows.encode_targets(y_of_all[block])  # raises for wrong targets; the result is not kept
        return PooledObjective(settings, self, rows, rows.encode_targets(y), weight)


class PooledObjective(Objective):
    """The objective of one training run, which reads its rows from a file in a random order of its own.

    Parameters
    ----------
    settings : ObjectiveSettings
    encoded : EncodedOnRead
        All training rows.
    rows : EncodedRows
        The same rows, with targets and weights.
    target, weight
        The known targets and weights.
    """

    def __init__(
        self, settings: ObjectiveSettings, encoded: EncodedOnRead, rows: EncodedRows, target: Array,
        weight: Array | None,
    ) -> None:  # fmt: skip
        super().__init__(settings, encoded, target, weight)  # `batches` sets the rows of each call
        self._encoded = encoded
        self._rows = rows
        self._y = rows.y

    def raw_training_outputs(self, theta: Array) -> Array:
        """Return the raw output, without dropout, for all training rows, which are read pool by pool."""
        raw = np.empty((len(self._rows), self._settings.layout.sizes[-1]), theta.dtype)
        for records, row_indices in self._encoded.table.pools():
            for block in blocks_of_batch(slice(0, len(records)), self._rows_encoded_at_once):
                inputs = self._encode(records[block], row_indices[block])
                raw[row_indices[block]] = raw_outputs(self._settings, theta, inputs, n_rows_in_batch(block))
        return raw

    def batches(self, size: int, rng: np.random.Generator | None) -> Iterator[Batch]:
        """Load the rows of an epoch pool by pool, and yield its batches as slices of the rows in memory.

        These rows are replaced when the next batch needs others. Without `rng`, they come in the order of the file.
        """
        n_unread = len(self._rows)
        left_over: tuple[Records, NDArray[np.intp]] | None = None  # rows that do not fill a batch join the next pool
        n_at_once = max(1, self._rows_encoded_at_once // size) * size  # whole batches
        for records, indices in self._encoded.table.pools(size, rng):
            n_unread -= len(records)
            pool = records if left_over is None else np.concatenate([left_over[0], records])
            row_indices = indices if left_over is None else np.concatenate([left_over[1], indices])
            del records  # free the memory before the next pool is read
            order = np.arange(len(pool)) if rng is None else rng.permutation(len(pool))
            usable = len(pool) if n_unread == 0 else len(pool) // size * size  # the last batch may be small
            for start in range(0, usable, n_at_once):
                chosen = order[start : min(start + n_at_once, usable)]
                self._load_rows(pool[chosen], row_indices[chosen])
                yield from blocks_of_batch(slice(0, len(chosen)), size)
            left_over = pool[order[usable:]], row_indices[order[usable:]]
            del pool

    @property
    def _rows_encoded_at_once(self) -> int:
        """Number of encoded rows in memory at a time."""
        return max(1, BYTES_ENCODED_AT_ONCE // ((self._encoded.encoder.n_inputs + 1) * self._encoded.dtype.itemsize))

    def _encode(self, records: Records, row_indices: NDArray[np.intp]) -> DenseBatches:
        """Return the encoded inputs of some rows; `row_indices` are their indices among the n rows."""
        encoded = self._encoded
        X = encoded.table.format.unpack(records)
        encoding_fold = take_optional(encoded.encoding_fold, row_indices)
        Z = encoded.encoder.encode(X, encoded.dtype, ones=True, encoding_fold=encoding_fold)
        return DenseBatches(Z, "ones").without_first_inputs(encoded.n_skipped_inputs)

    def _load_rows(self, records: Records, row_indices: NDArray[np.intp]) -> None:
        """Replace the rows in memory; `row_indices` are the indices of the new rows among the n rows."""
        target = self._rows.encode_targets(self._y[row_indices])
        weight = take_optional(self._rows.relative_weight, row_indices)
        self.set_rows(self._encode(records, row_indices), target, weight)
