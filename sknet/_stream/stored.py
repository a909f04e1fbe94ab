"""All rows of a source, read once, checked, and written to a file in a random order.

Conventions
-----------
n rows of a chunk; N rows of positive weight in all.

y : (N,) or (N, k)       targets as `fit` takes them, in the order of the file, as weights and groups are
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._stream.packing import FrameFormat, TableFormat
from sknet._stream.records import BucketWriter, Records, ScratchFiles, ShuffledRecords
from sknet._stream.stored import CollectedTargets
from sknet._tables.column import ColumnFormat
from sknet._tables.encoding import TableEncoder
from sknet._tables.numbers import NumberFormat
from sknet._typing import Array, DType, Table, Target

ROWS_CONVERTED_AT_ONCE = 2**14
"""How many rows are read at a time for their texts to be encoded."""


@dataclass(frozen=True)
class Chunk:
    """A chunk whose table, weights and groups have been checked; its targets are still those of the user."""

    X: Table
    y: Target
    weight: Array | None
    groups: Array | None


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The values of a table's rows, in a file.

    Attributes
    ----------
    format : TableFormat
        How they are kept in the records.
    records : ShuffledRecords
    example_rows : array or data frame
        The first rows of the source, as the user has them.
    digest : str
        A hash of all rows, in the order in which they came.
    files : ScratchFiles
        Where they are kept.
    """

    format: TableFormat
    records: ShuffledRecords
    example_rows: Table
    digest: str
    files: ScratchFiles

    def take(self, places: NDArray[np.intp]) -> Table:
        """Read the rows at some places, in their order."""
        return self.format.unpack(self.records.take(places), as_passed=True)

    def with_encoded_text(self, encoder: TableEncoder, dtype: DType) -> tuple[TableEncoder, StoredRows]:
        """Return the same rows, whose texts are encoded once for all epochs, and the encoder of what they have become.

        See `TableEncoder.encode_text`.
        """
        columns: list[ColumnFormat] = []
        numbers = np.empty(0, dtype)  # as first values, which tell the type in which numbers are kept
        for column, kept in zip(encoder.columns, cast(FrameFormat, self.format).columns, strict=True):
            columns += [NumberFormat("", numbers, self.files)] * column.n_inputs if column.is_text else [kept]
        rest = encoder.encoder_after_text
        table_format = FrameFormat(list(rest.column_names), columns)
        fields = np.dtype(table_format.fields)

        def convert(records: Records) -> Records:
            converted = np.zeros(len(records), fields)
            table_format.pack(encoder.encode_text(self.format.unpack(records), dtype), converted)
            return converted

        records = self.records.convert(convert, fields, ROWS_CONVERTED_AT_ONCE, self.files)
        return rest, replace(self, format=table_format, records=records)


class StoredSource(NamedTuple):
    """All rows of positive weight of a source: their values in a file, all else in memory, in the same order."""

    rows: StoredRows
    y: Array
    weight: Array | None
    groups: NDArray[np.uint64] | None  # hashes of those that the user has


class SourceWriter:
    """Writes chunks of rows to a file, and collects their targets, weights and groups.

    Parameters
    ----------
    files : ScratchFiles
        Where the rows are kept.
    targets : CollectedTargets
        Those of no chunk yet.
    choose_format : callable
        Chooses, by the table of the first chunk, how rows are kept.
    name : str
        What messages call the source.
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
        """Write the rows of a chunk that have a positive weight; the first chunk decides on their format."""
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
        """Return all rows that have been written."""
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
