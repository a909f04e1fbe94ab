"""Records in one file, in buckets that rows are assigned to at random: each bucket is a sample of all rows.

An epoch reads the buckets in a new order, and mixes the rows of some of them: rows that come sorted are shuffled.

Conventions
-----------
n records of one call, N in all; b buckets.

records : (n,)     structured array
places : (n,)      where they lie in the file, counted in records
bounds : (b + 1,)  where the buckets of one part of the file begin and end, in records
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import FileIO

import numpy as np
from numpy.typing import NDArray

from sknet._stream.records import ScratchFiles
from sknet._tables.statistics import hash_integers
from sknet._typing import Array, DType

Records = NDArray[np.void]

N_BUCKETS = 512
"""How many buckets there are, which are read one after the other."""

WRITE_BUFFER_BYTES = 2**24
"""How much is kept in memory before it is written, by buckets: of each, 32 KiB then lie together."""

BYTES_READ_AT_ONCE = 2**24
"""How much is read at once where records are looked for by their places."""

BUCKET_SEED = 0x5EED
"""The buckets, and the sample that columns are learnt from, come from other seeds: they do not depend on each other."""


class BucketWriter:
    """Writes records to a file, by buckets.

    Parameters
    ----------
    files : ScratchFiles
        Where the file is opened.
    dtype : dtype
        Of the records.
    """

    def __init__(self, files: ScratchFiles, dtype: DType) -> None:
        self._files, self._file, self.dtype = files, files.open(), dtype
        self._buffer = np.empty(max(1, WRITE_BUFFER_BYTES // dtype.itemsize), dtype)
        self._n_buffered = 0
        self._bounds = [np.zeros(N_BUCKETS + 1, np.int64)]  # of each part written; the first is empty, and begins at 0

    def append(self, records: Records) -> None:
        """Append records; their buckets depend on how many came before alone."""
        while len(records):
            part = records[: len(self._buffer) - self._n_buffered]
            self._buffer[self._n_buffered : self._n_buffered + len(part)] = part
            self._n_buffered += len(part)
            if self._n_buffered == len(self._buffer):
                self._write()
            records = records[len(part) :]

    def _write(self) -> None:
        """Write the buffered records as one part of the file: sorted by bucket, in each bucket as they came."""
        records = self._buffer[: self._n_buffered]
        start = self._bounds[-1][-1]  # all that was written before
        buckets = _buckets(start, start + len(records))
        sizes = np.bincount(buckets, minlength=N_BUCKETS)
        self._bounds.append(start + np.concatenate([[0], np.cumsum(sizes)]))
        self._n_buffered = 0
        # as bytes, which `ScratchFiles.write` counts
        self._files.write(self._file, records[np.argsort(buckets, kind="stable")].view(np.uint8).data)

    def finish(self) -> ShuffledRecords:
        """Write what is left, and return all records."""
        self._write()
        return ShuffledRecords(self._file, self.dtype, np.array(self._bounds))


def _buckets(start: int, stop: int) -> NDArray[np.intp]:
    """Assign the records that are appended from number `start` on to buckets, at random."""
    return (hash_integers(np.arange(start, stop), BUCKET_SEED) % np.uint64(N_BUCKETS)).astype(np.intp)


@dataclass(frozen=True, eq=False)
class ShuffledRecords:
    """Records in a file, by buckets.

    Attributes
    ----------
    file : FileIO
    dtype : dtype
    bounds : ndarray of shape (parts, b + 1)
    """

    file: FileIO
    dtype: DType
    bounds: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.bounds[-1, -1])

    def put_in_place(self, values: Array) -> None:
        """Put values of all records, (N, ...), from the order in which these were appended into that of the file."""
        for start, stop in self.bounds[1:, [0, -1]].tolist():  # part by part
            values[start:stop] = values[start:stop][np.argsort(_buckets(start, stop), kind="stable")]

    def take(self, places: NDArray[np.intp]) -> Records:
        """Read the records at some places, in their order."""
        order = np.argsort(places, kind="stable")
        records, wanted, step = (
            np.empty(len(places), self.dtype),
            places[order],
            BYTES_READ_AT_ONCE // self.dtype.itemsize + 1,
        )
        for start in range(0, len(self), step):
            first, last = np.searchsorted(wanted, [start, start + step])
            if first < last:
                read = np.empty(min(step, len(self) - start), self.dtype)
                self._read_into(read, start)
                records[order[first:last]] = read[wanted[first:last] - start]
        return records

    def convert(
        self, convert: Callable[[Records], Records], dtype: DType, n_rows: int, files: ScratchFiles
    ) -> ShuffledRecords:
        """Write what a function makes of all records, some at a time, to another file, in the same buckets."""
        file = files.open()  # `bounds` count records: they hold there, too
        for start in range(0, len(self), n_rows):
            records = np.empty(min(n_rows, len(self) - start), self.dtype)
            self._read_into(records, start)
            files.write(file, convert(records).view(np.uint8).data)
        return replace(self, file=file, dtype=dtype)

    def pools(
        self, n_rows: int, rng: np.random.Generator | None = None, places: NDArray[np.intp] | None = None
    ) -> Iterator[tuple[Records, NDArray[np.intp]]]:
        """Yield all records, or those at some places, a few buckets at a time: at least this many rows are read.

        Parameters
        ----------
        n_rows : int
        rng : numpy.random.Generator, default=None
            Buckets come in a random order; in their own without it.
        places : ndarray of shape (n,), default=None
            Increasing; None for all.

        Yields
        ------
        records : ndarray
        positions : ndarray
            Which of `places` each record lies at.
        """
        sizes = np.diff(self.bounds).sum(axis=0)  # (b,): rows of each bucket, over all parts
        order = np.arange(len(sizes)) if rng is None else rng.permutation(len(sizes))
        ends, start, read = np.cumsum(sizes[order]), 0, 0  # rows up to each bucket's end; the next bucket; rows read
        while read < ends[-1]:
            stop = min(int(np.searchsorted(ends, read + n_rows)) + 1, len(order))
            yield self._read(order[start:stop], int(ends[stop - 1]) - read, places)
            start, read = stop, int(ends[stop - 1])

    def _read(
        self, buckets: NDArray[np.intp], n: int, places: NDArray[np.intp] | None
    ) -> tuple[Records, NDArray[np.intp]]:
        """Read some buckets, n rows in all: a piece of each from every part of the file."""
        records = np.empty(n, self.dtype)
        n_read = 0
        starts, stops = self.bounds[:, buckets].T, self.bounds[:, buckets + 1].T  # (buckets, parts): bucket by bucket
        starts, stops = starts[stops > starts], stops[stops > starts]
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            self._read_into(records[n_read : n_read + stop - start], start)
            n_read += stop - start
        if places is None:
            return records, _ranges(starts, stops)
        firsts, lasts = np.searchsorted(places, starts), np.searchsorted(places, stops)
        positions = _ranges(firsts, lasts)
        # from a place in the file to one among those that were read, which lie piece after piece
        shifts = np.cumsum(stops - starts) - stops
        return records[places[positions] + np.repeat(shifts, lasts - firsts)], positions

    def _read_into(self, records: Records, start: int) -> None:
        """Read records that lie together in the file, from this one on."""
        self.file.seek(start * self.dtype.itemsize)
        if self.file.readinto(records.view(np.uint8).data) != records.nbytes:
            raise OSError(errno.EIO, "the temporary file of the table is cut short")


def _ranges(starts: NDArray[np.integer], stops: NDArray[np.integer]) -> NDArray[np.intp]:
    """Return the integers of several ranges, one range after the other."""
    lengths = stops - starts
    return np.arange(lengths.sum()) + np.repeat(stops - np.cumsum(lengths), lengths)
