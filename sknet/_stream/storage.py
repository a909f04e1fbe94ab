"""How the records of a stream store the values of one column, by its kind.

A category is stored as its index, a date as microseconds, and a number as a float. Texts are stored in a second file,
and so are the values of a kind without a storage of its own.
All files are temporary. They have no names, so the system removes them when they are closed, even if the process is
killed.

Conventions
-----------
n rows.

values : (n,)            one column of a chunk
packed : (n,)            what a record holds of it, of the storage's `dtype`
"""

from __future__ import annotations

import errno
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile
from zlib import crc32

import numpy as np
import pandas as pd

from sknet._tables.column_values import check_not_infinite, column_as_floats, is_categorical, read_categories
from sknet._tables.dates import (
    DatetimeLike,
    is_text,
    microseconds_of,
    read_dates_or_durations,
    read_datetimelike,
    read_iso_dates,
    zone_of,
)
from sknet._tables.kinds import recognized_kind
from sknet._tables.text import read_texts
from sknet._typing import Array, DType, Table

# --- files ------------------------------------------------------------------------------------------------------------


class ScratchFiles(ExitStack):
    """Open temporary files in a folder, and close them at the end of a `with` block.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def open(self) -> FileIO:
        """Open a new file for writing and reading, without a buffer."""
        return self.enter_context(TemporaryFile(dir=self._folder, buffering=0))

    def write(self, file: FileIO, content: bytes | memoryview) -> None:
        """Write all bytes at the current position of a file; raise an OSError that names the folder if it is full."""
        unwritten = memoryview(content)
        try:
            while len(unwritten):  # a file without a buffer may write only a part
                unwritten = unwritten[file.write(unwritten) :]
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            message = f"{self._folder} has no room for a copy of the table: pass a larger cache_dir"
            raise OSError(errno.ENOSPC, message) from error


# --- columns ----------------------------------------------------------------------------------------------------------


class ColumnStorage(ABC):
    """How a stream stores the values of one column.

    Attributes
    ----------
    dtype : dtype
        The type of a packed value.
    has_text : bool
        Whether values that were passed as text are unpacked as categoricals.
    """

    dtype: DType
    has_text: bool = False

    @abstractmethod
    def pack(self, values: Table) -> Array:
        """Return n values in packed form; a TypeError or ValueError names a value that cannot be packed."""

    @abstractmethod
    def unpack(self, packed: Array) -> Table:
        """Return values whose encoding is that of the packed values."""

    def unpack_as_passed(self, packed: Array) -> Table:
        """Return values from which the same column is learnt as from the packed values."""
        return self.unpack(packed)


# --- numbers ----------------------------------------------------------------------------------------------------------


class NumberStorage(ColumnStorage):
    """Numbers are stored as float32 if the first chunk, `values`, is float32, and otherwise as float64."""

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self.dtype = float_type(values.dtype)
        self._was_empty = bool(pd.isna(values).all())  # a column without a value counts as numbers

    def pack(self, values: Table) -> Array:
        """Return the numbers, NaN where one is missing."""
        try:
            numbers = column_as_floats(values, self._name)
        except (TypeError, ValueError) as error:
            if not self._was_empty:
                raise
            raise late_values_error(self._name, "values that are no numbers") from error
        check_fits_stored_type(numbers.dtype, self.dtype, f"Column {self._name!r} of X")
        check_not_infinite(numbers, [self._name])
        return numbers

    def unpack(self, packed: Array) -> Table:
        return packed


def late_values_error(name: str, what: str) -> ValueError:
    """Return the error for values of another kind than that of a column without a value in the first chunk."""
    return ValueError(
        f"Column {name!r} of X has no value in the first chunk, and {what} in another: begin with a chunk in which it "
        "has a value, or name it in categorical_features."
    )


def float_type(dtype: object) -> DType:
    """Return the type in which numbers of a type are stored."""
    return np.dtype(np.float32 if dtype == np.float32 else np.float64)


def check_fits_stored_type(dtype: DType, stored_dtype: DType, what: str) -> None:
    """Raise a TypeError if numbers of a chunk would lose digits in the type of the first chunk, which is stored."""
    if not np.can_cast(dtype, stored_dtype) and stored_dtype == np.float32:
        raise TypeError(f"{what} is float32 in the first chunk and {dtype} in another: give all chunks one type.")


# --- categories -------------------------------------------------------------------------------------------------------

MAX_CATEGORIES_OF_COLUMN = 2**20
"""How many categories a column of a stream may have: all of them are in memory."""


class CategoryStorage(ColumnStorage):
    """Categories are stored as indices into the categories seen so far, −1 where one is missing."""

    dtype = np.dtype(np.int32)

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self._index: dict[str, int] = {}
        self._declared: set[int] = set()  # the indices of categories that a dtype declares: rows may not have them

    def pack(self, values: Table) -> Array:
        """Return indices, and add new categories to those seen so far."""
        codes, keys = read_categories(values, self._name)
        is_declared = is_categorical(values)
        self.has_text = self.has_text or not is_declared
        # a missing value has the code −1, which picks the last entry
        indices = np.array([*(self._index.setdefault(key, len(self._index)) for key in keys), -1], dtype=np.int32)
        if len(self._index) > MAX_CATEGORIES_OF_COLUMN:
            raise ValueError(
                f"Column {self._name!r} of X has more than {MAX_CATEGORIES_OF_COLUMN:,} categories, as identifiers "
                "do: drop it, or make it numbers."
            )
        if is_declared:
            self._declared.update(indices[:-1].tolist())
        return indices[codes]

    def unpack(self, packed: Array) -> Table:
        """Return a categorical of the categories that occur, or that a dtype declares."""
        # sorted, so that `searchsorted` finds the new codes
        declared = np.fromiter(self._declared, packed.dtype)
        used = np.unique(np.concatenate([packed[packed >= 0], declared]))
        categories = np.array(list(self._index), dtype=object)[used]
        codes = np.where(packed < 0, -1, np.searchsorted(used, packed))
        return pd.Categorical.from_codes(codes, categories)


class AllMissingTextStorage(CategoryStorage):
    """Text without a value in the first chunk: categories, or an error if another kind follows, such as dates."""

    def pack(self, values: Table) -> Array:
        kind = None if self._index else recognized_kind(pd.Series(values))
        if kind is not None:
            raise late_values_error(self._name, f"values of the kind {kind!r}")
        return super().pack(values)


# --- dates ------------------------------------------------------------------------------------------------------------

NAT_MICROSECONDS = np.iinfo(np.int64).min
"""The microseconds of a missing date or duration, which NumPy reads as NaT."""


class DateStorage(ColumnStorage):
    """Dates and durations are stored as microseconds, whether they were text or not."""

    dtype = np.dtype(np.int64)

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self._from_text = is_text(values)
        datetimes, self._is_duration = read_dates_or_durations(values, name)
        self._zone = zone_of(datetimes)

    def pack(self, values: Table) -> Array:
        """Return microseconds."""
        datetimes = self._datetimes_of(values)
        missing = np.asarray(datetimes.isna())
        if zone_of(datetimes) != self._zone and not missing.all():
            raise TypeError(
                f"Column {self._name!r} of X has the time zone {self._zone} in one chunk and {zone_of(datetimes)} in "
                "another: give all the same."
            )
        return np.where(missing, NAT_MICROSECONDS, microseconds_of(datetimes))

    def _datetimes_of(self, values: Table) -> DatetimeLike:
        """Return the dates or durations of values; raise if they are not what the first chunk had."""
        if not (self._from_text and is_text(values)):
            return read_datetimelike(values, self._name, is_duration=self._is_duration)
        dates = read_iso_dates(values, self._name, in_utc=self._zone is not None)
        wrong = values[dates.isna() & pd.notna(values)]
        if len(wrong):
            raise ValueError(
                f"Column {self._name!r} of X holds ISO 8601 dates as text in the first chunk, and {wrong.iloc[0]!r} in "
                "another: make that a date or None; or, if the dates are categories, name the column in "
                "categorical_features."
            )
        return dates

    def unpack_as_passed(self, packed: Array) -> Table:
        """Return dates or durations, as text if they were text."""
        if not self._from_text:
            return self.unpack(packed)
        texts = np.datetime_as_string(packed.astype("datetime64[us]"), timezone="UTC" if self._zone else "naive")
        return pd.Series(texts).mask(packed == NAT_MICROSECONDS)

    def unpack(self, packed: Array) -> Table:
        """Return dates or durations."""
        if self._is_duration:
            return pd.TimedeltaIndex(packed.astype("timedelta64[us]"))
        dates = pd.DatetimeIndex(packed.astype("datetime64[us]"))
        return dates if self._zone is None else dates.tz_localize("UTC").tz_convert(self._zone)


# --- texts and other objects ------------------------------------------------------------------------------------------


class ObjectStorage(ColumnStorage):
    """Values of a kind that is not in `STORAGES` are pickled: what they mean is known to their kind alone.

    Pickles are stored in a file of their own, and for each row where its pickle begins, its size and a checksum. Due to
    the checksums, a hash of the records depends on the values, too: see `StoredTable.digest`.
    """

    dtype = np.dtype([("start", np.int64), ("size", np.int32), ("crc", np.uint32)])

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self._files = files
        self._file = files.open()
        self._end = 0

    def _as_bytes(self, values: Table) -> list[bytes | None]:
        """Return each value as bytes, None if it is missing."""
        objects = pd.Series(values, dtype=object)
        try:
            return [
                None if missing else pickle.dumps(value)
                for value, missing in zip(objects.tolist(), objects.isna().tolist(), strict=True)
            ]
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise TypeError(
                f"Column {self._name!r} of X holds values that a stream cannot store, because they cannot be pickled "
                f"({error}): turn them into text, or call fit with the whole table."
            ) from error

    def _from_bytes(self, content: bytes) -> object:
        """Return the value that was stored as these bytes."""
        return pickle.loads(content)

    def pack(self, values: Table) -> Array:
        """Return where the values are in the file; the size of a missing value is −1."""
        parts = self._as_bytes(values)
        content = [part or b"" for part in parts]
        packed = np.zeros(len(parts), self.dtype)
        packed["size"] = list(map(len, content))
        ends = self._end + np.cumsum(packed["size"], dtype=np.int64)
        packed["start"] = ends - packed["size"]
        packed["crc"] = list(map(crc32, content))
        packed["size"][[part is None for part in parts]] = -1
        self._file.seek(self._end)  # `unpack` moves the file's position
        self._files.write(self._file, b"".join(content))
        self._end = self._file.tell()
        return packed

    def unpack(self, packed: Array) -> Table:
        values = np.empty(len(packed), dtype=object)
        for i in np.argsort(packed["start"]).tolist():  # read in the order of the file
            size = int(packed["size"][i])
            if size >= 0:
                self._file.seek(int(packed["start"][i]))
                values[i] = self._from_bytes(self._file.read(size))
        return pd.Series(values, dtype=object)  # from an array, pandas would infer its own type of strings


class TextStorage(ObjectStorage):
    """Texts are stored as UTF-8."""

    def _as_bytes(self, values: Table) -> list[bytes | None]:
        """Return each text as bytes; raise for other values."""
        codes, texts = read_texts(values, self._name)
        encoded_texts = [text.encode("utf-8", "surrogatepass") for text in texts]  # keeps broken Unicode
        return [encoded_texts[code] if code >= 0 else None for code in codes.tolist()]

    def _from_bytes(self, content: bytes) -> object:
        return content.decode("utf-8", "surrogatepass")


# --- all kinds --------------------------------------------------------------------------------------------------------

STORAGES: dict[str, Callable[[str, Table, ScratchFiles], ColumnStorage]] = {
    "number": NumberStorage,
    "category": CategoryStorage,
    "date": DateStorage,
    "text": TextStorage,
}
"""The storage of each kind of column: (name, values of the first chunk, files) -> storage. Others are pickled."""
