"""All rows of a source, read once, checked, and kept in a file in a random order.

Which rows are held out depends on their numbers, or on their groups, and not on the chunks they came in.

Conventions
-----------
n rows of a chunk, or of some records; k target columns.

key : (n,)          64 random bits of each row, the same for all rows of a group
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.heads import Head, LabelHead
from sknet._model.settings import ObjectiveSettings
from sknet._stream.packing import ColumnFormat, FrameFormat, NumberFormat, TableFormat, choose_format
from sknet._stream.scratch import ScratchFiles
from sknet._stream.shuffled import Records, ShuffledRecords, ShuffledWriter
from sknet._stream.target_summaries import LabelSummary, RegressionTargetShape
from sknet._tables.choices import ColumnChoices
from sknet._tables.columns.text import TextColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.label_arrays import as_labels
from sknet._tables.sampling import random_keys
from sknet._tables.targets import read_regression_target
from sknet._typing import Array, DType, Table, Target

N_KEYS = float(2**64)
"""How many keys there are: a share of the rows lies below this share of it."""

CONVERTED_ROWS = 2**14
"""How many rows are read at a time for their texts to be encoded."""


@dataclass(frozen=True)
class CheckedChunk:
    """A chunk whose table, weights and groups have been checked; its targets are still those of the user."""

    X: Table
    y: Target
    weight: Array | None
    groups: Array | None


@dataclass(frozen=True, eq=False)
class StoredTable:
    """The rows of positive weight of a source.

    Attributes
    ----------
    format : TableFormat
        How the table's values are kept in the records.
    records : ShuffledRecords
        A record has the columns of X and the fields "y", "row", "key" and, where rows have weights, "weight".
    targets : LabelSummary or RegressionTargetShape
    n_rows : int
    key_range : tuple of int
        The least and the largest key.
    digest : str
        A hash of all rows, in their order.
    files : ScratchFiles
        Where they are kept.
    """

    format: TableFormat
    records: ShuffledRecords
    targets: LabelSummary | RegressionTargetShape
    n_rows: int
    key_range: tuple[int, int]
    digest: str
    files: ScratchFiles

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, StoredTable]:
        """Return the same rows, whose texts are encoded once for all epochs, and the encoder of what they have become.

        See `TableEncoder.encode_text`.
        """
        columns: list[ColumnFormat] = []
        numbers = np.empty(0, dtype)  # as first values, which tell the type in which numbers are kept
        for column, kept in zip(encoder.columns, cast(FrameFormat, self.format).columns, strict=True):
            is_text = isinstance(column, TextColumn)
            columns += [NumberFormat("", numbers, self.files)] * column.n_inputs if is_text else [kept]
        rest, empty = encoder.encode_text(self.format.unpack(np.empty(0, self.records.dtype)), dtype)  # for the names
        table_format = FrameFormat(list(empty.columns), columns)
        others = [name for name in ("y", "row", "key", "weight") if name in (self.records.dtype.names or ())]
        fields = np.dtype([*table_format.fields, *((name, self.records.dtype[name]) for name in others)])

        def convert(records: Records) -> Records:
            converted = np.zeros(len(records), fields)
            table_format.pack(encoder.encode_text(self.format.unpack(records), dtype)[1], converted)
            for name in others:
                converted[name] = records[name]
            return converted

        records = self.records.convert(convert, fields, CONVERTED_ROWS, self.files)
        return rest, replace(self, format=table_format, records=records)

    @property
    def has_weights(self) -> bool:
        """Whether rows have weights of their own."""
        return "weight" in (self.records.dtype.names or ())

    def learn_head(self, settings: ObjectiveSettings) -> Head:
        """Learn what the targets are; numbers are not yet scaled."""
        if isinstance(self.targets, LabelSummary):
            return self.targets.head(settings)
        return self.targets.head(ObjectiveSettings(settings.loss, settings.options))

    def target_reader(self, head: Head) -> Callable[[Records], Array]:
        """Return the function that reads the targets of records, as the head knows them."""
        if not isinstance(self.targets, LabelSummary) or not isinstance(head, LabelHead):
            return lambda records: records["y"].astype(np.float64)
        columns = zip(self.targets.columns, head.labels.classes_by_column, strict=True)
        # records have the index of a label in the order in which labels came; the head sorts them
        codes = [_indices(seen.labels, levels).astype(np.intp) for seen, levels in columns]
        return lambda records: np.column_stack([of[y] for of, y in zip(codes, records["y"].T, strict=True)])


class TableWriter:
    """Writes chunks of rows to a file.

    Parameters
    ----------
    files : ScratchFiles
        Where the rows are kept.
    seed : int
        Of the keys.
    choices : ColumnChoices
        The user's, of columns.
    has_labels : bool
        Whether the targets are labels, not numbers.

    Attributes
    ----------
    n_read : int
        How many rows have been appended, those of weight 0 included.
    """

    def __init__(self, files: ScratchFiles, seed: int, *, choices: ColumnChoices, has_labels: bool) -> None:
        self._files, self._seed = files, seed
        self._choices, self._has_labels = choices, has_labels
        self._format: TableFormat | None = None
        self._targets: LabelSummary | RegressionTargetShape | None = None
        self._hash = blake2b(digest_size=32)
        self._lowest, self._highest = np.uint64(2**64 - 1), np.uint64(0)  # of the keys so far
        self.n_read = self._n_rows = 0

    def append(self, chunk: CheckedChunk) -> None:
        """Write the rows of a chunk that have a positive weight; the first chunk decides on their format."""
        parsed, flat = (as_labels(chunk.y), False) if self._has_labels else read_regression_target(chunk.y)
        table_format = self._format
        if table_format is None:
            table_format = self._open_writer(chunk, 1 if parsed.ndim == 1 else parsed.shape[1])
        if (chunk.weight is not None) != self._weighted:
            raise ValueError("Some chunks have sample weights and some have none: give all of them weights.")
        records = np.zeros(len(parsed), self._dtype)
        table_format.pack(chunk.X, records)
        records["row"] = np.arange(self.n_read, self.n_read + len(parsed))
        records["key"] = random_keys(records["row"] if chunk.groups is None else hash_groups(chunk.groups), self._seed)
        self.n_read += len(parsed)  # those dropped below have numbers, too
        if chunk.weight is not None:
            records["weight"] = chunk.weight
            kept = chunk.weight > 0.0
            records, parsed = records[kept], parsed[kept]
        if not len(records):
            return
        weight = records["weight"] if self._weighted else None
        records["y"] = self._label_indices(parsed, weight) if self._has_labels else self._checked_values(parsed, flat)
        self._lowest = min(self._lowest, records["key"].min())
        self._highest = max(self._highest, records["key"].max())
        self._n_rows += len(records)
        self._hash.update(records.tobytes())
        self._writer.append(records)

    def _open_writer(self, first: CheckedChunk, n_targets: int) -> TableFormat:
        """Choose the format of the records by the first chunk, and open the file that they are written to."""
        table_format = self._format = choose_format(first.X, self._choices, self._files)
        self._weighted = first.weight is not None
        fields = [*table_format.fields, ("y", np.dtype(np.int32 if self._has_labels else np.float64), (n_targets,))]
        fields += [("row", np.dtype(np.int64), ()), ("key", np.dtype(np.uint64), ())]
        self._dtype: DType = np.dtype([*fields, ("weight", np.dtype(np.float64), ())] if self._weighted else fields)
        self._writer = ShuffledWriter(self._files, self._dtype)
        return table_format

    def _label_indices(self, labels: Array, weight: Array | None) -> Array:
        """Return the index of each label, (n, k), among those seen so far, and remember the new ones."""
        seen = LabelSummary.of(labels, weight)
        if isinstance(self._targets, LabelSummary):
            seen = self._targets.merge(seen)
        self._targets = seen
        columns = zip([labels] if labels.ndim == 1 else labels.T, seen.columns, strict=True)
        return np.column_stack([_indices(column, known.labels) for column, known in columns])

    def _checked_values(self, values: Array, flat: bool) -> Array:
        """Return the targets as they are; a ValueError if earlier chunks had another number of columns."""
        targets = RegressionTargetShape(values.shape[1], flat)
        self._targets = self._targets.merge(targets) if isinstance(self._targets, RegressionTargetShape) else targets
        return values

    def finish(self) -> StoredTable:
        """Return all rows that have been written."""
        if self._format is None or self._targets is None:
            raise ValueError("The source has no row of positive weight.")
        keys = int(self._lowest), int(self._highest)
        digest = self._hash.hexdigest()
        return StoredTable(self._format, self._writer.finish(), self._targets, self._n_rows, keys, digest, self._files)


def _indices(labels: Array, known: Array) -> NDArray[np.int32]:
    """Return the index of each label among the known ones."""
    codes, distinct = pd.factorize(labels)  # Python looks up each distinct label once
    index = {label: i for i, label in enumerate(known.tolist())}
    return np.array([index[label] for label in distinct.tolist()], dtype=np.int32)[codes]


def hash_groups(groups: Array) -> NDArray[np.uint64]:
    """Return a hash of each group, which depends on its value alone: it is the same in any chunk, of any type."""
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
