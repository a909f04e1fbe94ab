"""All rows of a source, read once, checked, and kept in files that they were dealt out to at random.

Which rows are held out depends on their numbers, or on their groups, and not on the chunks they came in.

Conventions
-----------
n rows of some records; k target columns.

codes : (n, k)      places of labels among those found, in the order in which they were found
key : (n,)          64 random bits of each row, the same for all rows of a group
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._model.heads import Head, LabelHead
from sknet._model.settings import TargetSettings
from sknet._partitions.dealt import Deal, Records
from sknet._partitions.packing import Packing
from sknet._partitions.target_summaries import LabelSummary, NumberTargets
from sknet._tables.labels import as_labels
from sknet._tables.sampling import random_keys
from sknet._tables.targets import read_numbers
from sknet._typing import Array, DType, Table, Target

KEYS = float(2**64)


@dataclass(frozen=True)
class Checked:
    """A chunk whose table and weights have been checked; its targets are still those of the user."""

    X: Table
    y: Target
    weight: Array | None
    groups: Array | None


@dataclass(frozen=True, eq=False)
class Stored:
    """What is known of the rows of a source.

    Attributes
    ----------
    packing : Packing
    files : list of Path
    dtype : dtype
        Of the records.
    targets : LabelSummary or NumberTargets
        Of all rows of positive weight.
    n_rows : int
        How many there are.
    keys : tuple of int
        The least and the largest key.
    digest : str
        A hash of all rows, in their order.
    """

    packing: Packing
    files: list[Path]
    dtype: DType
    targets: LabelSummary | NumberTargets
    n_rows: int
    keys: tuple[int, int]
    digest: str

    def head(self, settings: TargetSettings) -> Head:
        """Learn what the targets are; numbers are not yet scaled."""
        if isinstance(self.targets, LabelSummary):
            return self.targets.head(settings)
        return self.targets.head(TargetSettings(settings.loss, settings.options))

    def reader(self, head: Head) -> Callable[[Records], Array]:
        """Return the function that reads targets out of records, as the head knows them."""
        if not isinstance(self.targets, LabelSummary) or not isinstance(head, LabelHead):
            return lambda records: records["y"].astype(np.float64)
        places = []
        for column, known in zip(self.targets.columns, head.labels.levels, strict=True):
            place = {label: code for code, label in enumerate(known.tolist())}
            places.append(np.array([place[label] for label in column.labels.tolist()], dtype=np.intp))

        def read(records: Records) -> Array:
            return np.column_stack([place[codes] for place, codes in zip(places, records["y"].T, strict=True)])

        return read


def store(
    chunks: Iterable[Checked],
    folder: Path,
    seed: int,
    *,
    categorical_features: object,
    labels: bool,
    progress: Callable[[int], None] | None = None,
) -> Stored:
    """Read all rows once, and deal them out to files in a folder.

    Parameters
    ----------
    chunks : iterable of Checked
    folder : Path
        An empty one, with room for a copy of the table.
    seed : int
        Of the keys.
    categorical_features : object
        As in `sknet._tables.encoding.learn_encoder`.
    labels : bool
        Whether the targets are labels, not numbers.
    progress : callable, default=None
        Told after every chunk how many rows there are so far.

    Returns
    -------
    Stored
    """
    storing: Storing | None = None
    try:
        for chunk in chunks:
            if storing is None:
                storing = Storing(chunk, folder, seed, categorical_features, labels)
            storing.add(chunk)
            if progress is not None:
                progress(storing.n_given)
    finally:
        files = [] if storing is None else storing.deal.close()
    if storing is None or storing.targets is None:
        raise ValueError("The source has no row of positive weight.")
    keys = int(storing.low), int(storing.high)
    return Stored(
        storing.packing, files, storing.dtype, storing.targets, storing.n_rows, keys, storing.hash.hexdigest()
    )


class Storing:
    """What is being stored: the files, and what is known so far."""

    def __init__(self, first: Checked, folder: Path, seed: int, categorical_features: object, labels: bool) -> None:
        self.packing, self._seed, self._labels = Packing.of(first.X, categorical_features), seed, labels
        width = 1 if np.ndim(first.y) == 1 else np.shape(first.y)[1]
        fields = [*self.packing.fields, ("y", np.dtype(np.int32 if labels else np.float64), (width,))]
        fields += [("row", np.dtype(np.int64), ()), ("key", np.dtype(np.uint64), ())]
        self._weighted = first.weight is not None
        self.dtype = np.dtype([*fields, ("weight", np.dtype(np.float64), ())] if self._weighted else fields)
        self.deal, self.hash = Deal(folder, self.dtype), blake2b(digest_size=32)
        self.targets: LabelSummary | NumberTargets | None = None
        self.n_given = self.n_rows = 0
        self.low, self.high = np.uint64(2**64 - 1), np.uint64(0)

    def add(self, chunk: Checked) -> None:
        """Pack a chunk, and deal its rows of positive weight out."""
        n = chunk.X.shape[0]
        if (chunk.weight is not None) != self._weighted:
            raise ValueError("Some chunks have sample weights and some have none: give all of them weights.")
        records = np.zeros(n, self.dtype)
        self.packing.pack(chunk.X, records)
        records["row"] = np.arange(self.n_given, self.n_given + n)
        records["key"] = random_keys(records["row"] if chunk.groups is None else hashes(chunk.groups), self._seed)
        self.n_given += n
        y = chunk.y
        if chunk.weight is not None:
            records["weight"] = chunk.weight
            if not chunk.weight.all():
                kept = np.flatnonzero(chunk.weight)
                records, y = records[kept], _rows_of(y, kept)
        if len(records):
            self._add_targets(y, records)
            self.low, self.high = min(self.low, records["key"].min()), max(self.high, records["key"].max())
            self.n_rows += len(records)
            self.hash.update(records.tobytes())
            self.deal.add(records)

    def _add_targets(self, y: Target, records: Records) -> None:
        weight = records["weight"] if self._weighted else None
        if not self._labels:
            values, flat = read_numbers(y)
            self.targets = _merged(self.targets, NumberTargets(values.shape[1], flat))
            records["y"] = values
            return
        labels = as_labels(y)
        known_by_column = _merged(self.targets, LabelSummary.of(labels, weight))
        self.targets = known_by_column
        columns = [labels] if labels.ndim == 1 else labels.T
        for j, (column, known) in enumerate(zip(columns, known_by_column.columns, strict=True)):
            codes, different = pd.factorize(column)
            place = {label: code for code, label in enumerate(known.labels.tolist())}
            records["y"][:, j] = np.array([place[label] for label in different.tolist()])[codes]


T = TypeVar("T", LabelSummary, NumberTargets)


def _merged(earlier: LabelSummary | NumberTargets | None, found: T) -> T:
    return found if earlier is None else earlier.merged(found)  # type: ignore[arg-type, return-value]


def _rows_of(y: Target, rows: Array) -> Target:
    return y.iloc[rows] if hasattr(y, "iloc") else np.asarray(y)[rows]


def hashes(groups: Array) -> NDArray[np.uint64]:
    """Return a number for each group, the same in any chunk and for 1, 1.0 and True."""
    values = np.asarray(groups)
    if values.dtype.kind == "f" and (np.floor(values) == values).all():
        values = values.astype(np.int64)
    if values.dtype.kind in "biu":
        return values.astype(np.int64).view(np.uint64)
    return pd.util.hash_array(values if values.dtype == object else values.astype(object), categorize=True)
