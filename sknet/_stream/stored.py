"""Read all rows of a source once, and write them to a file in a random order.

Conventions
-----------
n rows of a chunk; N rows of positive weight in all; k target columns.

kept : (n,)              bool, whether a row's weight is positive
y : (N,) or (N, k)       targets as `fit` takes them; targets, weights and groups are in the order of the file
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple, TypeAlias, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._stream.packing import FrameFormat, TableFormat
from sknet._stream.records import BucketWriter, Records, ScratchFiles, ShuffledRecords
from sknet._stream.sources import Chunk
from sknet._tables.column import ColumnFormat
from sknet._tables.encoding import TableEncoder
from sknet._tables.labels import as_label_column, as_labels, stack_label_columns
from sknet._tables.numbers import NumberFormat
from sknet._tables.targets import read_regression_target, restore_shape
from sknet._typing import Array, DType, Table, Target


class CollectedLabels:
    """The labels of all chunks. If there are several columns, labels may be missing."""

    def __init__(self) -> None:
        self._known: list[Array] = []  # for each target column, the distinct labels, in order of appearance
        self._indices: list[NDArray[np.int32]] = []
        self._flat = True

    def append(self, y: Target, kept: Array) -> None:
        """Check the labels of a chunk, and append those of the rows in `kept`."""
        labels = as_labels(y)[kept]
        columns = [labels] if labels.ndim == 1 else list(labels.T)
        if not self._known:
            self._known, self._flat = [np.empty(0, np.int64)] * len(columns), labels.ndim == 1
        if (self._flat, len(self._known)) != (labels.ndim == 1, len(columns)):
            raise ValueError(f"y has {len(self._known)} columns in one chunk and {len(columns)} in another.")
        indices = []
        for j, column in enumerate(columns):
            codes, distinct = pd.factorize(column)  # -1 where a label is missing
            self._known[j], index = extend_labels(self._known[j], as_label_column(np.asarray(distinct)))
            indices.append(np.append(index, -1)[codes])
        self._indices.append(np.column_stack(indices).astype(np.int32))

    def finish(self) -> Array:
        """Return all appended targets as one array."""
        indices = np.concatenate(self._indices)
        self._indices = []
        columns = [take_labels(known, index) for known, index in zip(self._known, indices.T, strict=True)]
        return columns[0] if self._flat else stack_label_columns(columns)


def extend_labels(known: Array, labels: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the known labels followed by new ones, and the index of each of `labels` among them."""
    if len({some.dtype.kind in "OUT" for some in (known, labels) if len(some)}) == 2:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    codes, distinct = pd.factorize(np.concatenate([known, labels]) if len(known) else labels)
    return np.asarray(distinct), codes[len(known) :]


def take_labels(known: Array, index: NDArray[np.int32]) -> Array:
    """Return the labels at some indices. For -1, return None, or NaN if labels are floats."""
    if (index >= 0).all():
        return known[index]
    is_float = known.dtype.kind == "f"
    return np.append(known if is_float else known.astype(object), [np.nan if is_float else None])[index]


class CollectedNumbers:
    """The numbers of all chunks. If there are several columns, numbers may be missing."""

    def __init__(self) -> None:
        self._chunks: list[Array] = []
        self._flat = True

    def append(self, y: Target, kept: Array) -> None:
        """Check the numbers of a chunk, and append those of the rows in `kept`."""
        values, flat = read_regression_target(y)
        if self._chunks and (flat, values.shape[1]) != (self._flat, self._chunks[0].shape[1]):
            raise ValueError("y has another number of columns in one chunk than in another.")
        self._flat = flat
        self._chunks.append(values[kept])

    def finish(self) -> Array:
        """Return all appended targets as one array."""
        values = np.concatenate(self._chunks)
        self._chunks = []
        return restore_shape(values, self._flat)


ROWS_CONVERTED_AT_ONCE = 2**14
"""Number of rows whose texts are encoded at a time."""


CollectedTargets: TypeAlias = CollectedLabels | CollectedNumbers
"""The targets of the chunks so far."""


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The rows of a table, stored in a file.

    Attributes
    ----------
    format : TableFormat
        The format of the records.
    records : ShuffledRecords
    example_rows : array or data frame
        The first rows of the source, as the user passed them.
    digest : str
        A hash of all rows, in the order of the source.
    files : ScratchFiles
        The open files.
    """

    format: TableFormat
    records: ShuffledRecords
    example_rows: Table
    digest: str
    files: ScratchFiles

    def take(self, record_indices: NDArray[np.intp]) -> Table:
        """Read the rows at some indices, in the order of the indices."""
        return self.format.unpack(self.records.take(record_indices), as_passed=True)

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, StoredRows]:
        """Return an encoder of all columns except texts, and a new file of rows in which the texts are encoded."""
        columns: list[ColumnFormat] = []
        numbers = np.empty(0, dtype)  # has the type of the stored numbers
        for column, kept in zip(encoder.columns, cast(FrameFormat, self.format).columns, strict=True):
            columns += [NumberFormat("", numbers, self.files)] * column.n_inputs if column.is_free_text else [kept]
        rest = encoder.encoder_after_text
        table_format = FrameFormat(list(rest.column_names), columns)
        fields = np.dtype(table_format.fields)

        def convert(records: Records) -> Records:
            converted = np.zeros(len(records), fields)
            table_format.pack(encoder.replace_text_by_inputs(self.format.unpack(records), dtype), converted)
            return converted

        records = self.records.convert(convert, fields, ROWS_CONVERTED_AT_ONCE, self.files)
        return rest, replace(self, format=table_format, records=records)


class StoredSource(NamedTuple):
    """All rows of positive weight of a source: features in a file, and the rest in memory, in the same order."""

    rows: StoredRows
    y: Array
    weight: Array | None
    groups: NDArray[np.uint64] | None  # hashes of the user's groups


class SourceWriter:
    """Write chunks of rows to a file, and collect their targets, weights and groups.

    Parameters
    ----------
    files : ScratchFiles
        Opens the file.
    targets : CollectedTargets
        Collects the targets; empty at first.
    choose_format : callable
        (first table) -> format of the records.
    name : str
        The name of the source in messages.
    """

    def __init__(
        self, files: ScratchFiles, targets: CollectedTargets, choose_format: Callable[[Table], TableFormat], name: str
    ) -> None:
        self._files, self._targets, self._choose_format, self._name = files, targets, choose_format, name
        self._first: Chunk | None = None
        self._weights: list[Array] = []
        self._groups: list[NDArray[np.uint64]] = []
        self._hash = blake2b(digest_size=32)

    def append(self, chunk: Chunk, example_rows: Table) -> None:
        """Write the rows of positive weight of a checked chunk. The first chunk determines the format."""
        n = chunk.X.shape[0]
        if self._first is None:
            self._first, self._example_rows = chunk, example_rows
            self._format = self._choose_format(chunk.X)
            self._writer = BucketWriter(self._files, np.dtype(self._format.fields))
        kept = np.ones(n, dtype=bool) if chunk.weight is None else chunk.weight > 0.0
        records = np.zeros(n, self._writer.dtype)
        self._format.pack(chunk.X, records)
        self._targets.append(chunk.y, kept)
        for what, given, first in (
            ("sample weights", chunk.weight, self._first.weight), ("groups", chunk.groups, self._first.groups)
        ):  # fmt: skip
            if (given is None) != (first is None):
                raise ValueError(f"Some chunks have {what} and some have none: give all of them {what.split()[-1]}.")
        if chunk.weight is not None:
            records = records[kept]
            self._weights.append(chunk.weight[kept])
        if chunk.groups is not None:
            self._groups.append(hash_groups(chunk.groups)[kept])
        self._hash.update(records.view(np.uint8).data)
        self._writer.append(records)

    def finish(self) -> StoredSource:
        """Return all rows that have been appended."""
        records = None if self._first is None else self._writer.finish()
        if records is None or not len(records):
            raise ValueError(f"The {self._name} has no row of positive weight.")
        y = self._targets.finish()
        weight = np.concatenate(self._weights) if self._weights else None
        groups = np.concatenate(self._groups) if self._groups else None
        for values in (y, weight, groups):
            if values is not None:
                records.put_in_place(values)
        rows = StoredRows(self._format, records, self._example_rows, self._hash.hexdigest(), self._files)
        return StoredSource(rows, y, weight, groups)


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
