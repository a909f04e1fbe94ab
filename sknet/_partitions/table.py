"""A table whose parts are on shards, as one value: rows are chosen by their numbers, and stay where they are.

Conventions
-----------
N rows of all parts, one part after the other; n of them chosen.

rows : (n,)              numbers of the chosen rows among the N
order : (n,)             the chosen rows, shard after shard and part after part
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import count
from typing import Protocol, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.matrices import Backend
from sknet._model.model import Model
from sknet._partitions.shard import slices_of
from sknet._tables.columns.target import TargetTotals
from sknet._tables.encoding import TableEncoder, merge_totals
from sknet._tables.rows import ExternalTable
from sknet._typing import Array, Batch, Table

Arguments = tuple[object, ...]


class Shards(Protocol):
    """Where the parts of a table are, and how their shards are called."""

    @property
    def held(self) -> Sequence[Sequence[int]]:
        """The numbers of the parts that each shard has."""

    def call(self, method: str, arguments: Mapping[int, Arguments], *, changes: bool = False) -> dict[int, object]:
        """Call a method of some shards, at the same time, and return what each returned.

        With `changes`, the calls are repeated on a shard that has to be made anew.
        """


@dataclass(frozen=True, eq=False)
class PartedTable(ExternalTable):
    """Some rows of a table in parts.

    Attributes
    ----------
    shards : Shards
    lengths : sequence of int
        How many rows each part has.
    rows : ndarray of shape (n,)
    sample : array or data frame
        A few rows, which have the columns and types of all.
    backend : Backend
        How these rows are trained on.
    encoded : (Selection, ndarray of shape (n,)), or None
        For rows that have been encoded together with others: these, and which of them the n are.
    """

    shards: Shards
    lengths: Sequence[int]
    rows: NDArray[np.intp]
    sample: Table
    backend: Backend
    encoded: tuple[Selection, NDArray[np.intp]] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self.rows), self.sample.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Batch) -> PartedTable:
        """Return some of these rows."""
        encoded = None if self.encoded is None else (self.encoded[0], self.encoded[1][rows])
        return replace(self, rows=self.rows[rows], encoded=encoded)

    def digest(self) -> str:
        """Return a hash of these rows, the same whichever shards hold them; until training begins."""
        selection, of_parts = selection_of(self), dict[int, str]()  # a new one: what is encoded already stays
        selection.select()
        for numbers, found in zip(self.shards.held, selection.call("digests"), strict=True):
            of_parts |= zip(numbers, cast(list[str], found), strict=True)
        return sha256(" ".join(of_parts[number] for number in sorted(of_parts)).encode()).hexdigest()

    def outputs(self, model: Model, finish: Callable[[Array], Array]) -> Array:
        """Return `finish` of the rows' raw outputs, in a run for which they have been encoded; see `Model.outputs`."""
        selection = self.selection
        raw = selection.together(selection.call("raw", model.network.packed(model.compute_dtype)))  # type: ignore[arg-type]
        return np.ascontiguousarray(finish(raw.astype(model.output_dtype)))

    def rows_in_memory(self, rows: NDArray[np.intp]) -> Table:
        """Bring some of these rows here, as an array or a data frame."""
        selection = selection_of(replace(self, rows=self.rows[rows], encoded=None))
        selection.select()
        of_shards = cast(list[list[Table]], selection.call("tables"))
        parts = [part for of_one in of_shards for part in of_one if part.shape[0]]
        back = np.argsort(selection.order)
        if isinstance(parts[0], pd.DataFrame):
            return pd.concat(parts, ignore_index=True).iloc[back]
        return np.concatenate(parts)[back]

    def target_totals(
        self, encoder: TableEncoder, target: Array, weight: Array | None, fold: NDArray[np.intp]
    ) -> dict[int, TargetTotals]:
        """Return `TableEncoder.target_totals` of all rows, added up where they are."""
        selection = selection_of(replace(self, encoded=None))
        selection.select()
        of_shards = zip(*map(selection.split, (target, weight, fold)), strict=True)
        calls = {i: (selection.name, encoder, *own) for i, own in enumerate(of_shards)}
        answers = selection.shards.call("target_totals", calls)
        return merge_totals([part for i in calls for part in cast(list[dict[int, TargetTotals]], answers[i])])

    @cached_property
    def selection(self) -> Selection:
        """These rows as they lie on the shards."""
        return selection_of(self) if self.encoded is None else self.encoded[0].part(self.encoded[1])


class Selection:
    """Rows of a table in parts as they lie on its shards, each of which knows them under a name.

    Parameters
    ----------
    shards : Shards
    shard : ndarray of shape (n,)
        The shard of every row.
    order : ndarray of shape (n,)
        The rows, shard after shard.
    chosen : sequence
        What tells each shard which rows these are.

    Attributes
    ----------
    bounds : list of slice
        The part of `order` that is on each shard.
    place : ndarray of shape (n,)
        Every row's position on its shard.
    """

    _numbers = count()

    def __init__(
        self, shards: Shards, shard: NDArray[np.integer], order: NDArray[np.intp], chosen: Sequence[object] = ()
    ) -> None:
        self.shards, self.name = shards, f"rows {next(self._numbers)}"
        self.shard, self.order, self._chosen = shard.astype(np.int32), order, chosen
        self.bounds = slices_of(np.bincount(shard, minlength=len(shards.held)).tolist())
        self.place = np.empty(len(shard), np.int32)
        for bound in self.bounds:
            self.place[order[bound]] = np.arange(bound.stop - bound.start)

    def select(self, fold: Array | None = None) -> None:
        """Tell the shards which rows these are, and in which fold each is."""
        folds = self.split(fold)
        calls = {i: (self.name, rows, folds[i]) for i, rows in enumerate(self._chosen)}
        self.shards.call("select", calls, changes=True)

    def part(self, places: NDArray[np.intp]) -> Selection:
        """Return some of these rows, which have been encoded, and tell the shards."""
        shard = self.shard[places]
        found = Selection(self.shards, shard, np.argsort(shard, kind="stable"))
        own = cast(Sequence[Array], found.split(self.place[places]))
        self.shards.call("choose", {i: (found.name, self.name, rows) for i, rows in enumerate(own)}, changes=True)
        return found

    def split(self, values: Array | None) -> Sequence[Array | None]:
        """Return what belongs to the rows of each shard."""
        if values is None:
            return [None] * len(self.bounds)
        return [values[self.order[bound]] for bound in self.bounds]

    def call(self, method: str, *arguments: object, changes: bool = False) -> list[object]:
        """Call a method of all shards for these rows, with the same arguments; return what each returned."""
        calls = dict.fromkeys(range(len(self.bounds)), (self.name, *arguments))
        answers = self.shards.call(method, calls, changes=changes)
        return [answers[i] for i in calls]

    def together(self, of_shards: Sequence[Array]) -> Array:
        """Return values of the rows, (n, ...), from those of each shard."""
        values = np.concatenate(of_shards)
        found = np.empty_like(values, order="F" if values.ndim > 1 else "C")  # as raw outputs are, column by column
        found[self.order] = values
        return found


def selection_of(table: PartedTable) -> Selection:
    """Return the rows of a table as they lie on its shards."""
    stops = np.cumsum(table.lengths)
    part = np.searchsorted(stops, table.rows, side="right")
    held = [number for numbers in table.shards.held for number in numbers]
    rank, shard = np.empty(len(stops), np.int32), np.empty(len(stops), np.int32)
    rank[held] = np.arange(len(held))
    shard[held] = np.repeat(np.arange(len(table.shards.held)), list(map(len, table.shards.held)))
    order = np.argsort(rank[part], kind="stable")
    of_part = (table.rows - (stops - table.lengths)[part])[order]
    pieces = iter(np.split(of_part, np.cumsum(np.bincount(part, minlength=len(stops))[held])[:-1]))
    return Selection(table.shards, shard[part], order, [[next(pieces) for _ in of_one] for of_one in table.shards.held])
