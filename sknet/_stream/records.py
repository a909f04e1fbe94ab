"""Store the rows of a table in a temporary file, as records of a fixed size, in random buckets.

A record holds the values of one row, packed by the `ColumnStorage` of each column.

Each bucket is a sample of all rows. An epoch reads the buckets in a new order and mixes the rows of several buckets, so
that sorted rows are shuffled.

Conventions
-----------
n records of one call, N in all; d columns; b buckets.

records : (n,)     structured array with one field per column, or one for all
record_indices : (n,)    indices of records in the file
bounds : (b + 1,)  index of the first record of each bucket in one segment of the file, and the segment's end

A segment is written at once. It is sorted by bucket, so each bucket has a slice of every segment.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from io import FileIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._stream.storage import (
    STORAGES,
    AllMissingTextStorage,
    ColumnStorage,
    NumberStorage,
    ObjectStorage,
    ScratchFiles,
    check_fits_stored_type,
    float_type,
)
from sknet._tables.column_values import is_categorical
from sknet._tables.kinds import ColumnChoices
from sknet._tables.raw_table import column_at, column_names, is_frame
from sknet._tables.sampling import hash_integers
from sknet._typing import Array, DType, Table

Records = NDArray[np.void]

N_BUCKETS = 512
"""Number of buckets in a file."""

WRITE_BUFFER_BYTES = 2**24
"""Size of a segment: 32 KiB of each bucket are contiguous."""

BYTES_READ_PER_POOL = 2**24
"""Number of bytes of the file to read and mix at once, at least. Whole buckets are read, so it may be a bucket more,
which is 16 MiB in a file of 8 GiB."""

BUCKET_SEED = 0x5EED
"""This is not the seed of the sample that columns are learnt from, so buckets do not depend on the sample."""


class BucketWriter:
    """Write records to a file, by buckets.

    Parameters
    ----------
    files : ScratchFiles
        Opens the file.
    dtype : dtype
        The type of the records.
    """

    def __init__(self, files: ScratchFiles, dtype: DType) -> None:
        self._files = files
        self._file = files.open()
        self.dtype = dtype
        self._buffer = np.empty(max(1, WRITE_BUFFER_BYTES // dtype.itemsize), dtype)
        self._n_buffered = 0
        self._bounds = [np.zeros(N_BUCKETS + 1, np.int64)]  # of buckets in each segment; the first segment is empty

    def append(self, records: Records) -> None:
        """Append records. The bucket of a record depends only on the number of records before it."""
        while len(records):
            fitting = records[: len(self._buffer) - self._n_buffered]
            self._buffer[self._n_buffered : self._n_buffered + len(fitting)] = fitting
            self._n_buffered += len(fitting)
            if self._n_buffered == len(self._buffer):
                self._write()
            records = records[len(fitting) :]

    def _write(self) -> None:
        """Write the buffered records as one segment, sorted by bucket, and empty the buffer."""
        records = self._buffer[: self._n_buffered]
        start = self._bounds[-1][-1]  # number of records written before
        buckets = _buckets(start, start + len(records))
        sizes = np.bincount(buckets, minlength=N_BUCKETS)
        self._bounds.append(start + np.concatenate([[0], np.cumsum(sizes)]))
        self._n_buffered = 0
        # a view as bytes, because `ScratchFiles.write` counts bytes
        self._files.write(self._file, records[np.argsort(buckets, kind="stable")].view(np.uint8).data)

    def finish(self) -> BucketedRecords:
        """Write the rest of the buffer, and return all records."""
        self._write()
        return BucketedRecords(self._file, self.dtype, np.array(self._bounds))


def _buckets(start: int, stop: int) -> NDArray[np.intp]:
    """Return the random buckets of the records from number `start` to `stop`."""
    return (hash_integers(np.arange(start, stop), BUCKET_SEED) % np.uint64(N_BUCKETS)).astype(np.intp)


@dataclass(frozen=True, eq=False)
class BucketedRecords:
    """All records of a stream in one file, dealt at random into buckets, so that a few buckets are a random sample.

    Attributes
    ----------
    file : FileIO
    dtype : dtype
    bounds : ndarray of shape (n_segments, b + 1)
    """

    file: FileIO
    dtype: DType
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.bounds[-1, -1])

    def sort_as_stored(self, values: Array) -> None:
        """Sort values of all records, (N, ...), in place, from the order of `append` to the order in the file."""
        for start, stop in self.bounds[1:, [0, -1]].tolist():  # segment by segment
            values[start:stop] = values[start:stop][np.argsort(_buckets(start, stop), kind="stable")]

    def take(self, record_indices: NDArray[np.intp]) -> Records:
        """Read the records at some indices, in the order of the indices."""
        records = np.empty(len(record_indices), self.dtype)
        for pool, row_indices in self.pools(record_indices):
            records[row_indices] = pool
        return records

    def map(
        self, function: Callable[[Records], Records], dtype: DType, n_rows: int, files: ScratchFiles
    ) -> BucketedRecords:
        """Return the results of a function for all records, in another file and in the same buckets."""
        file = files.open()  # `bounds` count records, so they are the same for this file
        for start in range(0, len(self), n_rows):
            records = np.empty(min(n_rows, len(self) - start), self.dtype)
            self._read_into(records, start)
            files.write(file, function(records).view(np.uint8).data)
        return replace(self, file=file, dtype=dtype)

    def pools(
        self, record_indices: NDArray[np.intp] | None, min_rows: int = 1, rng: np.random.Generator | None = None
    ) -> Iterator[tuple[Records, NDArray[np.intp]]]:
        """Yield records in pools. A pool holds those of a few buckets.

        Parameters
        ----------
        record_indices : ndarray of shape (n,), or None
            The records to yield, in any order; None for all.
        min_rows : int, default=1
            How many records of the file the buckets of a pool hold at least. They also hold `BYTES_READ_PER_POOL`.
        rng : numpy.random.Generator, default=None
            Shuffles the buckets; None keeps their order.

        Yields
        ------
        records : ndarray
        row_indices : ndarray
            The index of each record among `record_indices`.
        """
        if record_indices is not None and (record_indices[1:] < record_indices[:-1]).any():
            increasing = np.argsort(record_indices, kind="stable")
            for records, row_indices in self.pools(record_indices[increasing], min_rows, rng):
                yield records, increasing[row_indices]
            return
        n_rows = max(min_rows, BYTES_READ_PER_POOL // self.dtype.itemsize)
        sizes = np.diff(self.bounds).sum(axis=0)  # (b,): rows of each bucket, over all segments
        order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
        ends = np.cumsum(sizes[order])
        start = n_read = 0
        while n_read < ends[-1]:
            stop = min(int(np.searchsorted(ends, n_read + n_rows)) + 1, len(order))
            yield self._read(order[start:stop], int(ends[stop - 1]) - n_read, record_indices)
            start = stop
            n_read = int(ends[stop - 1])

    def _read(
        self, buckets: NDArray[np.intp], n: int, record_indices: NDArray[np.intp] | None
    ) -> tuple[Records, NDArray[np.intp]]:
        """Return those of the n records in some buckets that `record_indices` names, and their positions in it.

        `record_indices` are increasing. All n records are read, because each bucket has a slice in every segment.
        """
        records = np.empty(n, self.dtype)
        n_read = 0
        # (buckets, segments): bucket by bucket
        starts, stops = self.bounds[:, buckets].T, self.bounds[:, buckets + 1].T
        starts, stops = starts[stops > starts], stops[stops > starts]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            self._read_into(records[n_read : n_read + stop - start], start)
            n_read += stop - start
        if record_indices is None:
            return records, _concatenated_ranges(starts, stops)
        firsts, lasts = np.searchsorted(record_indices, starts), np.searchsorted(record_indices, stops)
        row_indices = _concatenated_ranges(firsts, lasts)
        # what to add to an index in the file to get the index in `records`
        shifts = np.cumsum(stops - starts) - stops
        return records[record_indices[row_indices] + np.repeat(shifts, lasts - firsts)], row_indices

    def _read_into(self, records: Records, start: int) -> None:
        """Fill `records` from the file, beginning with the record at index `start`."""
        self.file.seek(start * self.dtype.itemsize)
        if self.file.readinto(records.view(np.uint8).data) != records.nbytes:
            raise OSError(errno.EIO, "the temporary file of the table is cut short")


def _concatenated_ranges(starts: NDArray[np.integer], stops: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the integers of several ranges, one range after the other."""
    lengths = stops - starts
    return np.arange(lengths.sum()) + np.repeat(stops - np.cumsum(lengths), lengths)


# --- whole tables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ArrayFormat:
    """The format of an array of numbers, which is stored as it is."""

    width: int
    dtype: DType

    @property
    def record_dtype(self) -> DType:
        """The type of records: a single field for all columns."""
        return np.dtype([("X", self.dtype, (self.width,))])

    @property
    def names_of_text(self) -> Collection[str]:
        """There is no column of text."""
        return ()

    def pack_into(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of an array into `records`."""
        if is_frame(X):
            raise TypeError("it is a data frame, and the first chunk is an array: give all chunks one type.")
        check_fits_stored_type(X.dtype, self.dtype, "X")
        records["X"] = X

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return the rows of an array."""
        return np.ascontiguousarray(records["X"])


@dataclass(frozen=True)
class FrameFormat:
    """The format of a data frame, which is stored column by column."""

    names: list[object]
    columns: list[ColumnStorage]

    @property
    def record_dtype(self) -> DType:
        """The type of records: one field for each column."""
        return np.dtype([(f"x{j}", column.dtype) for j, column in enumerate(self.columns)])

    @property
    def names_of_text(self) -> Collection[str]:
        """The columns that are stored as categories, and were passed as text."""
        return {str(name) for name, column in zip(self.names, self.columns, strict=True) if column.has_text}

    def pack_into(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of a frame into `records`."""
        for j, column in enumerate(self.columns):
            records[f"x{j}"] = column.pack(column_at(X, j))

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return rows as a pandas frame for the encoder; with `as_passed`, with the types that the user passed."""
        names = pd.Index(self.names, dtype=object)
        if self._number_type is not None:
            values = np.ascontiguousarray(records).view(self._number_type)
            return pd.DataFrame(values.reshape(len(records), len(names)), columns=names, copy=False)
        unpack_column = [column.unpack_as_passed if as_passed else column.unpack for column in self.columns]
        frame = pd.DataFrame({j: unpack(records[f"x{j}"]) for j, unpack in enumerate(unpack_column)}, copy=False)
        frame.columns = names
        return frame

    @cached_property
    def _number_type(self) -> DType | None:
        """The type of the columns if all are numbers of one type: a frame of one array halves the time of an epoch."""
        dtypes = {column.dtype for column in self.columns}
        are_numbers = all(isinstance(column, NumberStorage) for column in self.columns)
        return dtypes.pop() if are_numbers and len(dtypes) == 1 else None


TableFormat = ArrayFormat | FrameFormat


def choose_format(X: Table, choices: ColumnChoices, files: ScratchFiles) -> TableFormat:
    """Choose the format of a table by its first rows X, and by the columns that the user has named.

    All rows have the same types.
    """
    if not is_frame(X):
        return ArrayFormat(X.shape[1], float_type(X.dtype))
    names = column_names(X)
    columns: list[ColumnStorage] = []
    for j, (name, named_kind) in enumerate(zip(names, choices.named_kinds(names), strict=True)):
        values = column_at(X, j)
        kind = choices.kind_of(values, name, named_kind)
        may_be_category = kind == "category" and named_kind is None and not is_categorical(values)
        is_unknown = may_be_category and bool(values.isna().all())
        make_storage = AllMissingTextStorage if is_unknown else STORAGES.get(kind, ObjectStorage)
        columns.append(make_storage(name, values, files))
    return FrameFormat(list(X.columns), columns)
