"""Rows of a table as records of a fixed size, to be kept in a file, and back.

A category is kept as its index among all that were seen, a date as microseconds, a number as a float, a text in a file
beside.

Conventions
-----------
n rows; d columns.

records : (n,)     structured array: the columns, and whatever else belongs to a row
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._stream.records import ScratchFiles
from sknet._tables.column import ColumnKind
from sknet._tables.dates import (
    Instants,
    holds_iso_dates,
    infer_instants,
    is_text,
    microseconds_of,
    read_instants,
    read_iso_dates,
    zone_of,
)
from sknet._tables.kinds import ColumnChoices
from sknet._tables.read import (
    check_not_infinite,
    column_as_floats,
    column_at,
    column_names,
    is_categorical,
    is_frame,
    read_categories,
)
from sknet._tables.text import read_texts
from sknet._typing import Array, DType, Table

Field = tuple[str, DType, tuple[int, ...]]
"""The name, type and shape of a part of each record."""

MAX_CATEGORIES_OF_COLUMN = 2**20
"""How many categories a column may have: each is kept in memory."""

NO_DATE = np.iinfo(np.int64).min
"""The microseconds of a missing date or duration: NumPy reads them as NaT."""


class ColumnFormat(ABC):
    """How the values of one column are kept.

    Attributes
    ----------
    dtype : dtype
        Of what is kept of a value.
    """

    dtype: DType

    @abstractmethod
    def pack(self, values: Table) -> Array:
        """Return what is kept of n values; a TypeError or ValueError names those that cannot be kept."""

    @abstractmethod
    def unpack(self, packed: Array) -> Table:
        """Return values that are encoded as those that were kept."""

    def unpack_as_passed(self, packed: Array) -> Table:
        """Return values from which the same is learnt as from those that were kept."""
        return self.unpack(packed)


class NumberFormat(ColumnFormat):
    """Numbers are kept as float32 if those of the first chunk, `values`, are; else as float64."""

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self.dtype = float_type(values.dtype)

    def pack(self, values: Table) -> Array:
        """Return the numbers, NaN where one is missing."""
        numbers = column_as_floats(values, self._name)
        check_not_wider(numbers.dtype, self.dtype, f"Column {self._name!r} of X")
        check_not_infinite(numbers[:, np.newaxis], lambda _: self._name)
        return numbers

    def unpack(self, packed: Array) -> Table:
        """Return the numbers."""
        return packed


class CategoryFormat(ColumnFormat):
    """Categories are kept as the index of each among those seen so far, −1 where one is missing."""

    dtype = np.dtype(np.int32)

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self._index: dict[str, int] = {}

    def pack(self, values: Table) -> Array:
        """Return indices; new categories get the next ones."""
        codes, keys = read_categories(values, self._name)
        # the last entry, −1, is what the code −1 of a missing value picks
        indices = np.array([*(self._index.setdefault(key, len(self._index)) for key in keys), -1], dtype=np.int32)
        if len(self._index) > MAX_CATEGORIES_OF_COLUMN:
            raise ValueError(
                f"Column {self._name!r} of X has more than {MAX_CATEGORIES_OF_COLUMN:,} categories, as identifiers "
                "do: drop it, or make it numbers."
            )
        return indices[codes]

    def unpack(self, packed: Array) -> Table:
        """Return categories; a category that does not occur is not declared."""
        used = np.unique(packed[packed >= 0])  # sorted: a category's position among these is its new code
        categories = np.array(list(self._index), dtype=object)[used]
        codes = np.where(packed < 0, -1, np.searchsorted(used, packed))
        return pd.Categorical.from_codes(codes, categories)


class UnknownTextFormat(CategoryFormat):
    """Text of which the first chunk has no value: categories, unless dates come, which would be kept otherwise."""

    def pack(self, values: Table) -> Array:
        """Return indices."""
        if not self._index and holds_iso_dates(pd.Series(values)):
            raise ValueError(
                f"Column {self._name!r} of X has no value in the first chunk, and ISO 8601 dates in another: convert "
                "it to dates in all chunks, or name it in categorical_features."
            )
        return super().pack(values)


class DateFormat(ColumnFormat):
    """Dates or durations are kept as microseconds, dates that were text too."""

    dtype = np.dtype(np.int64)

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name = name
        self._from_text = is_text(values)
        instants, self._is_duration = infer_instants(values, name)
        self._zone = zone_of(instants)

    def pack(self, values: Table) -> Array:
        """Return microseconds."""
        instants = self._read(values)
        missing = np.asarray(instants.isna())
        if zone_of(instants) != self._zone and not missing.all():
            raise TypeError(
                f"Column {self._name!r} of X has the time zone {self._zone} in one chunk and {zone_of(instants)} in "
                "another: give all the same."
            )
        return np.where(missing, NO_DATE, microseconds_of(instants))

    def _read(self, values: Table) -> Instants:
        if not (self._from_text and is_text(values)):
            return read_instants(values, self._name, is_duration=self._is_duration)
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
        return pd.Series(texts).mask(packed == NO_DATE)

    def unpack(self, packed: Array) -> Table:
        """Return dates or durations."""
        if self._is_duration:
            return pd.TimedeltaIndex(packed.astype("timedelta64[us]"))
        dates = pd.DatetimeIndex(packed.astype("datetime64[us]"))
        return dates if self._zone is None else dates.tz_localize("UTC").tz_convert(self._zone)


class TextFormat(ColumnFormat):
    """Texts are kept in a file beside, in the order of the rows; of each row, where its text lies and a checksum.

    With the checksum, a hash of the records depends on the texts, too: see `StoredTable.digest`.
    """

    dtype = np.dtype([("start", np.int64), ("size", np.int32), ("crc", np.uint32)])

    def __init__(self, name: str, values: Table, files: ScratchFiles) -> None:
        self._name, self._files, self._file = name, files, files.open()
        self._end = 0

    def pack(self, values: Table) -> Array:
        """Return where the texts lie; the size of a missing one is −1."""
        codes, texts = read_texts(values, self._name)
        known = [text.encode("utf-8", "surrogatepass") for text in texts]  # keeps broken Unicode
        content = [known[code] if code >= 0 else b"" for code in codes.tolist()]
        packed = np.zeros(len(codes), self.dtype)
        packed["size"] = list(map(len, content))
        ends = self._end + np.cumsum(packed["size"], dtype=np.int64)
        packed["start"] = ends - packed["size"]
        packed["crc"] = list(map(crc32, content))
        packed["size"][codes < 0] = -1
        self._file.seek(self._end)  # `unpack` may have read elsewhere
        self._files.write(self._file, b"".join(content))
        self._end = self._file.tell()
        return packed

    def unpack(self, packed: Array) -> Table:
        """Return the texts."""
        texts = np.empty(len(packed), dtype=object)
        for i in np.argsort(packed["start"]).tolist():  # in the order of the file
            size = int(packed["size"][i])
            if size >= 0:
                self._file.seek(int(packed["start"][i]))
                texts[i] = self._file.read(size).decode("utf-8", "surrogatepass")
        return pd.Series(texts, dtype=object)  # pandas would make strings of its own of an array


FORMATS: dict[ColumnKind, Callable[[str, Table, ScratchFiles], ColumnFormat]] = {
    "number": NumberFormat,
    "category": CategoryFormat,
    "text": TextFormat,
    "date": DateFormat,
}
"""(name, values of the first chunk, files) -> the format of a kind of column; not every kind needs all of them."""


def float_type(given: object) -> DType:
    """Return the type in which numbers of a type are kept."""
    return np.dtype(np.float32 if given == np.float32 else np.float64)


def check_not_wider(given: DType, kept: DType, what: str) -> None:
    """Raise where numbers of one type would lose digits in the type that the first chunk had."""
    if not np.can_cast(given, kept) and kept == np.float32:
        raise TypeError(f"{what} is float32 in the first chunk and {given} in another: give all chunks one type.")


# --- whole tables ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ArrayFormat:
    """An array of numbers is kept as it is."""

    width: int
    dtype: DType

    @property
    def fields(self) -> list[Field]:
        """One for all columns."""
        return [("X", self.dtype, (self.width,))]

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of an array into records."""
        if is_frame(X):
            raise TypeError("it is a data frame, and the first chunk is an array: give all chunks one type.")
        check_not_wider(X.dtype, self.dtype, "X")
        records["X"] = X

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return the rows of an array."""
        return np.ascontiguousarray(records["X"])


@dataclass(frozen=True)
class NumericFrameFormat:
    """A frame whose columns all are numbers of one type is kept as an array, which is read faster."""

    names: list[object]
    columns: list[ColumnFormat]
    dtype: DType

    @property
    def fields(self) -> list[Field]:
        """One for all columns."""
        return [("X", self.dtype, (len(self.names),))]

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of a frame into records."""
        for j, column in enumerate(self.columns):
            records["X"][:, j] = column.pack(column_at(X, j))

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return the rows of a pandas frame."""
        columns = pd.Index(self.names, dtype=object)
        return pd.DataFrame(np.ascontiguousarray(records["X"]), columns=columns, copy=False)


@dataclass(frozen=True)
class FrameFormat:
    """A frame is kept column by column."""

    names: list[object]
    columns: list[ColumnFormat]

    @property
    def fields(self) -> list[Field]:
        """One for each column."""
        return [(f"x{j}", column.dtype, ()) for j, column in enumerate(self.columns)]

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of a frame into records."""
        for j, column in enumerate(self.columns):
            records[f"x{j}"] = column.pack(column_at(X, j))

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return the rows of a pandas frame: to be encoded, or `as_passed`, to be learnt from."""
        unpack_column = [column.unpack_as_passed if as_passed else column.unpack for column in self.columns]
        frame = pd.DataFrame({j: unpack(records[f"x{j}"]) for j, unpack in enumerate(unpack_column)}, copy=False)
        frame.columns = pd.Index(self.names, dtype=object)
        return frame


TableFormat = ArrayFormat | NumericFrameFormat | FrameFormat


def choose_format(X: Table, choices: ColumnChoices, files: ScratchFiles) -> TableFormat:
    """Choose how rows like these are kept.

    Parameters
    ----------
    X : array or data frame
        The first rows of a table, whose types are those of all.
    choices : ColumnChoices
        The user's, of columns.
    files : ScratchFiles
        Where texts are kept.

    Returns
    -------
    TableFormat
    """
    if not is_frame(X):
        return ArrayFormat(X.shape[1], float_type(X.dtype))
    names = column_names(X)
    columns: list[ColumnFormat] = []
    for j, (name, named) in enumerate(zip(names, choices.named_kinds(names), strict=True)):  # named: by the user
        values = column_at(X, j)
        kind = choices.kind_of(values, name, named)
        if kind not in FORMATS:
            raise TypeError(
                f"Column {name!r} of X is of the kind {kind!r}, which a stream cannot keep: leave the column out, or "
                "fit the table in memory."
            )
        is_unknown = kind == "category" and named is None and not is_categorical(values) and bool(values.isna().all())
        make_format = UnknownTextFormat if is_unknown else FORMATS[kind]
        columns.append(make_format(name, values, files))
    dtypes = {column.dtype for column in columns}
    if len(dtypes) == 1 and all(isinstance(column, NumberFormat) for column in columns):
        return NumericFrameFormat(list(X.columns), columns, dtypes.pop())
    return FrameFormat(list(X.columns), columns)
