"""Columns of a table as PyTorch modules: each simple kind has one, which encodes all columns of its kind.

Conventions
-----------
numbers : (n, d_num)     columns of numbers, NaN where one is missing; of dates their seconds
codes : (n, d_cat)       columns of categories: the place of each level, len(levels) for any other, −1 where missing
inputs : (n, m)          the network's input
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from sknet._export.parts import inputs_by_level
from sknet._export.simple_columns import Bins, Cycles, Missing, Placed, simple_columns
from sknet._export.torch_numbers import BinsOfColumns, Marks, NormalScores, Numbers, Waves
from sknet._tables.columns import Column
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.datetime import DatetimeColumn, seconds_of
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import QuantileColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.frames import as_pandas, column_at, is_frame, number_values, read_levels
from sknet._typing import Array, Table

TARGET = "PyTorch"

Reads = Literal["numbers", "codes"]


# --- categories ------------------------------------------------------------------------------------------------------


class Categories(nn.Module):
    """Columns of categories: each code is looked up in a table of the column's inputs.

    Parameters
    ----------
    columns : sequence of CategoryColumn or TargetColumn

    levels : sequence of tuples of str
        What the codes of each column stand for; its own levels are among them.
    """

    def __init__(self, columns: Sequence[CategoryColumn | TargetColumn], levels: Sequence[tuple[str, ...]]) -> None:
        super().__init__()
        self.n_levels = [len(known) for known in levels]
        for k, (column, known) in enumerate(zip(columns, levels, strict=True)):
            places = {level: place for place, level in enumerate(column.levels)}
            lines = [*(places.get(level, len(places)) for level in known), len(places), len(places) + 1]
            self.register_buffer(f"lines_{k}", torch.tensor(lines))
            self.register_buffer(f"inputs_{k}", torch.from_numpy(inputs_by_level(column)))

    def forward(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """Return (n, n_inputs of all columns)."""
        blocks = []
        for k, n_levels in enumerate(self.n_levels):
            code = codes[:, k].long()
            code = torch.where(code < 0, n_levels + 1, code.clamp(max=n_levels))
            line = self.get_buffer(f"lines_{k}")[code]
            blocks.append(self.get_buffer(f"inputs_{k}")[line].to(dtype))
        return torch.cat(blocks, 1)


# --- the table -------------------------------------------------------------------------------------------------------

MODULES: dict[type, tuple[Reads, Callable[..., nn.Module]]] = {
    NumberColumn: ("numbers", Numbers),
    Missing: ("numbers", Marks),
    Bins: ("numbers", BinsOfColumns),
    QuantileColumn: ("numbers", NormalScores),
    Cycles: ("numbers", Waves),
    CategoryColumn: ("codes", Categories),
    TargetColumn: ("codes", Categories),
}
"""What the columns of each simple kind are read from, and the module that encodes all of them."""


class Encoder(nn.Module):
    """From the table's numbers and codes to the network's input."""

    def __init__(self, encoder: TableEncoder) -> None:
        super().__init__()
        placed, among = simple_columns(encoder, TARGET), _places(encoder)
        self.reads: list[Reads] = []
        self.places: list[list[int]] = []
        self.parts = nn.ModuleList()
        order: list[int] = []
        for kind in dict.fromkeys(type(one.column) for one in placed):
            own = [one for one in placed if type(one.column) is kind]
            reads, make = MODULES[kind]
            self.reads.append(reads)
            self.places.append([among[one.place] for one in own])
            self.parts.append(make([one.column for one in own], *_given(encoder, own, reads)))
            order += [place for one in own for place in one.inputs]
        self.register_buffer("order", torch.from_numpy(np.argsort(order)))

    def forward(self, numbers: Tensor | None, codes: Tensor | None, dtype: torch.dtype) -> Tensor:
        """Return the inputs, in the table's order."""
        given = {"numbers": numbers, "codes": codes}
        blocks = []
        for reads, places, part in zip(self.reads, self.places, self.parts, strict=True):
            values = given[reads]
            if values is None:
                raise ValueError(f"This network reads {reads} of the table: pass them, as module.read(X) gives them.")
            blocks.append(part(values[:, places], dtype))
        return torch.cat(blocks, 1)[:, self.order]


def _given(encoder: TableEncoder, placed: Sequence[Placed], reads: Reads) -> list[list[tuple[str, ...]]]:
    """Return what the codes of columns stand for, where they are read from such."""
    return [[_levels_of(encoder.columns[one.place]) for one in placed]] if reads == "codes" else []


def _levels_of(column: Column) -> tuple[str, ...]:
    return column.levels if isinstance(column, CategoryColumn | TargetColumn) else ()


# --- reading ---------------------------------------------------------------------------------------------------------


def _numbers(column: Column, values: Table, name: str) -> Array:
    numbers = number_values(values, name)
    return numbers if numbers.dtype == np.float32 else numbers.astype(np.float64)


def _seconds(column: DatetimeColumn, values: Table, name: str) -> Array:
    return seconds_of(column.read(values, name))


def _codes(column: Column, values: Table, name: str) -> Array:
    codes, keys = read_levels(values)
    places = {level: place for place, level in enumerate(_levels_of(column))}
    return np.array([*(places.get(key, len(places)) for key in keys), -1])[codes]


READERS: dict[type, tuple[Reads, Callable[..., Array]]] = {
    **dict.fromkeys([NumberColumn, QuantileColumn, BinnedColumn], ("numbers", _numbers)),
    DatetimeColumn: ("numbers", _seconds),
    **dict.fromkeys([CategoryColumn, TargetColumn, IdentifierColumn], ("codes", _codes)),
}
"""What a table's column of each kind is read as, and how."""


def _places(encoder: TableEncoder) -> dict[int, int]:
    """Return the place of each of the table's columns among the numbers, or the codes; none for those left out."""
    counts: dict[Reads, int] = {"numbers": 0, "codes": 0}
    places = {}
    for j, column in enumerate(encoder.columns):
        if column.n_inputs:
            reads, _ = READERS[type(column)]
            places[j] = counts[reads]
            counts[reads] += 1
    return places


def read_table(encoder: TableEncoder, X: Table) -> tuple[Tensor | None, Tensor | None]:
    """Return the numbers and the codes of a table's columns."""
    found: dict[Reads, list[Array]] = {"numbers": [], "codes": []}
    table = as_pandas(X) if is_frame(X) else np.asarray(X)
    for j in _places(encoder):
        values = column_at(table, j)
        reads, read = READERS[type(encoder.columns[j])]
        found[reads].append(read(encoder.columns[j], values, encoder.column_names[j]))
    numbers, codes = (torch.from_numpy(np.column_stack(part)) if part else None for part in found.values())
    return numbers, codes
