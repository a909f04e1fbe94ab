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
from functools import cached_property, reduce
from hashlib import sha256
from itertools import count
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sknet._model.fitting import Place
from sknet._model.model import Model
from sknet._partitions.shard import slices_of
from sknet._partitions.summaries import Ask, FirstLook, Look, Mergeable
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
class PartedTable:
    """Some rows of a table in parts.

    Attributes
    ----------
    shards : Shards
    lengths : sequence of int
        How many rows each part has.
    rows : ndarray of shape (n,)
    sample : array or data frame
        A few rows, which have the columns and types of all.
    place : Place
        How these rows are trained on.
    """

    shards: Shards
    lengths: Sequence[int]
    rows: NDArray[np.intp]
    sample: Table
    place: Place

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns there are."""
        return len(self.rows), self.sample.shape[1]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: Batch) -> PartedTable:
        """Return some of these rows."""
        return replace(self, rows=self.rows[rows])

    def digest(self) -> str:
        """Return a hash of these rows, the same whichever shards hold them; until training begins."""
        selection, of_parts = Selection(self), dict[int, str]()  # a new one: what is encoded already stays
        selection.select()
        for numbers, found in zip(self.shards.held, selection.call("digests"), strict=True):
            of_parts |= zip(numbers, cast(list[str], found), strict=True)
        return sha256(" ".join(of_parts[number] for number in sorted(of_parts)).encode()).hexdigest()

    def outputs(self, model: Model, finish: Callable[[Array], Array]) -> Array:
        """Return `finish` of the rows' raw outputs, in a run for which they have been encoded; see `Model.outputs`."""
        selection = self.selection
        raw = selection.together(selection.call("raw", model.network.packed(model.compute_dtype)))  # type: ignore[arg-type]
        return np.ascontiguousarray(finish(raw.astype(model.output_dtype)))

    def count_kinds(self, categorical_features: object, max_categories: int | None) -> tuple[int, bool]:
        """Count the columns of numbers; see `sknet._tables.kinds.count_kinds`."""
        self.selection.select()
        return self.selection.ask(FirstLook(categorical_features)).count_kinds(max_categories)

    @cached_property
    def selection(self) -> Selection:
        """These rows as they lie on the shards."""
        return Selection(self)


class Selection:
    """Rows of a table in parts as they lie on its shards, each of which knows them under a name.

    Attributes
    ----------
    shards : Shards
    order : ndarray of shape (n,)
    bounds : list of slice
        The part of `order` that is on each shard.
    shard, place : ndarray of shape (n,)
        The shard of every row, and its position there.
    """

    _numbers = count()

    def __init__(self, table: PartedTable) -> None:
        self.shards, self.name = table.shards, f"rows {next(self._numbers)}"
        stops = np.cumsum(table.lengths)
        part = np.searchsorted(stops, table.rows, side="right")
        held = [number for numbers in self.shards.held for number in numbers]
        rank = np.empty(len(stops), np.int32)
        rank[held] = np.arange(len(held))
        self.order = np.argsort(rank[part], kind="stable")
        counts = np.bincount(part, minlength=len(stops))
        self.bounds = slices_of([int(sum(counts[number] for number in numbers)) for numbers in self.shards.held])
        self.shard, self.place = np.empty(len(part), np.int32), np.empty(len(part), np.int32)
        for i, bound in enumerate(self.bounds):
            self.shard[self.order[bound]] = i
            self.place[self.order[bound]] = np.arange(bound.stop - bound.start)
        of_part = (table.rows - (stops - table.lengths)[part])[self.order]
        pieces = iter(np.split(of_part, np.cumsum(counts[held])[:-1]))
        self._chosen = [[next(pieces) for _ in numbers] for numbers in self.shards.held]

    def select(self, weight: Array | None = None, target: Array | None = None, fold: Array | None = None) -> None:
        """Tell the shards which rows these are, and what belongs to each."""
        own = [self.split(values) for values in (weight, target, fold)]
        calls = {i: (self.name, rows, *(of_one[i] for of_one in own)) for i, rows in enumerate(self._chosen)}
        self.shards.call("select", calls, changes=True)

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

    @property
    def ask(self) -> Ask:
        """What asks all shards about these rows."""

        def ask(look: Look[Mergeable]) -> Mergeable:
            answers: list[Mergeable] = [a for a in self.call("tell", look) if a is not None]  # type: ignore[misc]
            return reduce(lambda one, other: one.merged(other), answers)

        return ask

    def together(self, of_shards: Sequence[Array]) -> Array:
        """Return values of the rows, (n, ...), from those of each shard."""
        values = np.concatenate(of_shards)
        found = np.empty_like(values, order="F" if values.ndim > 1 else "C")  # as raw outputs are, column by column
        found[self.order] = values
        return found
