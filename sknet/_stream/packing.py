"""Convert rows of a table to records of a fixed size, which a file stores, and back.

Each kind of column has a `ColumnFormat`. A category is stored as its index, a date as microseconds, and a number as a
float. Texts are stored in a second file.

Conventions
-----------
n rows; d columns.

records : (n,)     structured array with one field per column, or one for all
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
    """The format of an array of numbers, which is stored as it is."""

    width: int
    dtype: DType

    @property
    def fields(self) -> list[Field]:
        """A single field for all columns."""
        return [("X", self.dtype, (self.width,))]

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
        """Write rows of an array into `records`."""
        if is_frame(X):
            raise TypeError("it is a data frame, and the first chunk is an array: give all chunks one type.")
        check_not_wider(X.dtype, self.dtype, "X")
        records["X"] = X

    def unpack(self, records: NDArray[np.void], *, as_passed: bool = False) -> Table:
        """Return the rows of an array."""
        return np.ascontiguousarray(records["X"])


@dataclass(frozen=True)
class FrameFormat:
    """The format of a data frame, which is stored column by column."""

    names: list[object]
    columns: list[ColumnFormat]

    @property
    def fields(self) -> list[Field]:
        """One field for each column."""
        return [(f"x{j}", column.dtype, ()) for j, column in enumerate(self.columns)]

    def pack(self, X: Table, records: NDArray[np.void]) -> None:
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
        are_numbers = all(isinstance(column, NumberFormat) for column in self.columns)
        return dtypes.pop() if are_numbers and len(dtypes) == 1 else None


TableFormat = ArrayFormat | FrameFormat


def choose_format(X: Table, choices: ColumnChoices, files: ScratchFiles) -> TableFormat:
    """Choose the format of a table by its first rows.

    Parameters
    ----------
    X : array or data frame
        The first rows. All rows have the same types.
    choices : ColumnChoices
        The columns that the user has named as categories or as text.
    files : ScratchFiles
        The files that store texts.

    Returns
    -------
    TableFormat
    """
    if not is_frame(X):
        return ArrayFormat(X.shape[1], float_type(X.dtype))
    names = column_names(X)
    columns: list[ColumnFormat] = []
    for j, (name, named) in enumerate(zip(names, choices.named_kinds(names), strict=True)):  # named by the user
        values = column_at(X, j)
        kind = choices.kind_of(values, name, named)
        is_unknown = kind == "category" and named is None and not is_categorical(values) and bool(values.isna().all())
        make_format = UnknownTextFormat if is_unknown else KINDS[kind].format
        columns.append(make_format(name, values, files))
    return FrameFormat(list(X.columns), columns)
