"""Rows of a table as records of a fixed size, to be kept in a file, and back.

Each kind of column has a `ColumnFormat`: a category is kept as its index among all that were seen, a date as
microseconds, a number as a float, a text in a file beside.

Conventions
-----------
n rows; d columns.

records : (n,)     structured array: the columns, and whatever else belongs to a row
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._stream.records import ScratchFiles
from sknet._tables.categories import UnknownTextFormat
from sknet._tables.column import ColumnFormat
from sknet._tables.kinds import KINDS, ColumnChoices
from sknet._tables.numbers import NumberFormat, check_not_wider, float_type
from sknet._tables.read import column_at, column_names, is_categorical, is_frame
from sknet._typing import DType, Table

Field = tuple[str, DType, tuple[int, ...]]
"""The name, type and shape of a field of each record."""

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
class FrameFormat:
    """A frame is kept column by column; one whose columns all are numbers of one type is read as an array."""

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
        """The one type of the columns, if they are numbers: of 200 such columns, an epoch takes half the time."""
        dtypes = {column.dtype for column in self.columns}
        are_numbers = all(isinstance(column, NumberFormat) for column in self.columns)
        return dtypes.pop() if are_numbers and len(dtypes) == 1 else None


TableFormat = ArrayFormat | FrameFormat


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
        is_unknown = kind == "category" and named is None and not is_categorical(values) and bool(values.isna().all())
        make_format = UnknownTextFormat if is_unknown else KINDS[kind].format
        columns.append(make_format(name, values, files))
    return FrameFormat(list(X.columns), columns)
