"""Rows of a table as records of a fixed size, to be kept in a file, and back.

A category is kept as the place of its level among all that were found, a date as microseconds, a number as it is.

Conventions
-----------
n rows; d columns.

records : (n,)     structured array: the columns, and whatever else belongs to a row
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.columns.datetime import instants_of, microseconds_of, read_instants, zone_of
from sknet._tables.frames import (
    Kind,
    chosen_categories,
    column_at,
    column_names,
    is_frame,
    kind_of,
    number_values,
    read_levels,
    split_choice,
)
from sknet._typing import Array, DType, Table

MAX_LEVELS = 2**20
"""How many levels a column may have: each is kept in memory."""

NO_DATE = np.iinfo(np.int64).min


class Packer(ABC):
    """One kind of column: how its values are kept."""

    def __init__(self, name: str, values: Table) -> None:
        self.name = name

    dtype: DType = np.dtype(np.float64)

    @abstractmethod
    def pack(self, values: Table) -> Array:
        """Return values of a fixed size."""

    @abstractmethod
    def unpack(self, packed: Array) -> Table:
        """Return them as a column of a frame."""


class Numbers(Packer):
    """Numbers, in single precision if they are given so."""

    def __init__(self, name: str, values: Table) -> None:
        super().__init__(name, values)
        single = getattr(values, "dtype", None) == np.float32
        self.dtype = np.dtype(np.float32 if single else np.float64)

    def pack(self, values: Table) -> Array:
        """Return the numbers, NaN where one is missing."""
        numbers = number_values(values, self.name)
        refuse_wider(numbers.dtype, self.dtype, f"Column {self.name!r} of X")
        return numbers

    def unpack(self, packed: Array) -> Table:
        """Return the numbers."""
        return packed


class Levels(Packer):
    """Categories: the place of each level among those found so far, −1 where missing."""

    def __init__(self, name: str, values: Table) -> None:
        super().__init__(name, values)
        self.dtype = np.dtype(np.int32)
        self._places: dict[str, int] = {}

    def pack(self, values: Table) -> Array:
        """Return places; levels that are new get the next ones."""
        codes, keys = read_levels(values)
        places = np.array([*(self._places.setdefault(key, len(self._places)) for key in keys), -1], dtype=np.int32)
        if len(self._places) > MAX_LEVELS:
            raise ValueError(
                f"Column {self.name!r} of X has more than {MAX_LEVELS:,} levels, as identifiers have: drop it, or make "
                "it numbers."
            )
        return places[codes]

    def unpack(self, packed: Array) -> Table:
        """Return categories; a level that does not occur is not declared."""
        used = np.unique(packed[packed >= 0])
        known = np.array(list(self._places), dtype=object)[used]
        codes = np.where(packed < 0, -1, np.searchsorted(used, packed))
        return pd.Categorical.from_codes(codes, known)


class Dates(Packer):
    """Dates or spans of time: microseconds."""

    def __init__(self, name: str, values: Table) -> None:
        super().__init__(name, values)
        self.dtype = np.dtype(np.int64)
        instants, self._elapsed = instants_of(values, name)
        self._zone = zone_of(instants)

    def pack(self, values: Table) -> Array:
        """Return microseconds."""
        instants = read_instants(values, self.name, elapsed=self._elapsed)
        missing = np.asarray(instants.isna())
        if zone_of(instants) != self._zone and not missing.all():
            raise TypeError(
                f"Column {self.name!r} of X has the time zone {self._zone} in one chunk and {zone_of(instants)} in "
                "another: give all the same."
            )
        return np.where(missing, NO_DATE, microseconds_of(instants))

    def unpack(self, packed: Array) -> Table:
        """Return dates or spans of time."""
        if self._elapsed:
            return pd.TimedeltaIndex(packed.astype("timedelta64[us]"))
        found = pd.DatetimeIndex(packed.astype("datetime64[us]"))
        return found if self._zone is None else found.tz_localize("UTC").tz_convert(self._zone)


PACKERS: dict[Kind, Callable[[str, Table], Packer]] = {"number": Numbers, "category": Levels, "date": Dates}


def refuse_wider(given: DType, kept: DType, what: str) -> None:
    """Raise where numbers of one type would lose digits in the type that the first chunk had."""
    if kept == np.float32 and given != np.float32 and not np.can_cast(given, kept):
        raise TypeError(f"{what} is float32 in the first chunk and {given} in another: give all chunks one type.")


# --- whole tables ----------------------------------------------------------------------------------------------------


@dataclass
class Packing:
    """How the rows of a table are kept: as one array where all columns are numbers of one type, else by column."""

    names: list[object] | None  # of a frame's columns
    packers: list[Packer]
    width: int
    array_dtype: DType | None  # None where columns are kept one by one
    fields: list[tuple[str, DType, tuple[int, ...]]] = field(init=False)

    def __post_init__(self) -> None:
        if self.array_dtype is not None:
            self.fields = [("X", self.array_dtype, (self.width,))]
        else:
            self.fields = [(f"x{j}", packer.dtype, ()) for j, packer in enumerate(self.packers)]

    @classmethod
    def of(cls, X: Table, categorical_features: object) -> Packing:
        """Choose how rows like these are kept."""
        if not is_frame(X):
            small = X.dtype.kind in "iu" and X.dtype.itemsize <= 2
            dtype = X.dtype if small or X.dtype == np.float32 else np.dtype(np.float64)
            return cls(None, [], X.shape[1], dtype)
        by_dtype, chosen = split_choice(categorical_features)
        names = column_names(X)
        packers = []
        for j, (name, is_one) in enumerate(zip(names, chosen_categories(chosen, names), strict=True)):
            values = column_at(X, j)
            packers.append(PACKERS["category" if is_one else kind_of(values, name, by_dtype=by_dtype)](name, values))
        dtypes = {packer.dtype for packer in packers if isinstance(packer, Numbers)}
        plain = len(dtypes) == 1 and all(isinstance(packer, Numbers) for packer in packers)
        return cls(list(X.columns), packers, len(names), dtypes.pop() if plain else None)

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of a table, checked to have the right columns, into records."""
        if self.array_dtype is None:
            for j, packer in enumerate(self.packers):
                records[f"x{j}"] = packer.pack(column_at(X, j))
        elif is_frame(X):
            for j, packer in enumerate(self.packers):
                records["X"][:, j] = packer.pack(column_at(X, j))
        else:
            if X.dtype != self.array_dtype and not np.can_cast(X.dtype, self.array_dtype, "same_kind"):
                raise TypeError(f"X is {self.array_dtype} in the first chunk and {X.dtype} in another: give one type.")
            refuse_wider(X.dtype, self.array_dtype, "X")
            records["X"] = X

    def unpack(self, records: NDArray[np.void]) -> Table:
        """Return the rows of a table: an array, or a pandas frame."""
        if self.array_dtype is not None:
            values = np.ascontiguousarray(records["X"])
            return values if self.names is None else _named(pd.DataFrame(values, copy=False), self.names)
        columns = {j: packer.unpack(records[f"x{j}"]) for j, packer in enumerate(self.packers)}
        return _named(pd.DataFrame(columns, copy=False), self.names or [])


def _named(frame: pd.DataFrame, names: list[object]) -> pd.DataFrame:
    frame.columns = pd.Index(names, dtype=object)
    return frame
