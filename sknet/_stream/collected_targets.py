"""The targets of a source, collected chunk by chunk: of labels, only the index of each among those seen so far is kept.

Conventions
-----------
n rows of a chunk; k target columns.

kept : (n,)              bool, whether a row's weight is positive
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.labels import as_label_column, as_labels, stack_label_columns
from sknet._tables.targets import read_regression_target, restore_shape
from sknet._typing import Array, Target


class CollectedTargets(Protocol):
    """The targets of the chunks so far."""

    def append(self, y: Target, kept: Array) -> None:
        """Check the targets of a chunk, and keep those of some of its rows."""

    def finish(self) -> Array:
        """Return all that were kept, as one array."""


class CollectedLabels:
    """Labels of any kind; in one of several columns, some may be missing."""

    def __init__(self) -> None:
        self._known: list[Array] = []  # of each target column, the labels in the order in which they were found
        self._indices: list[NDArray[np.int32]] = []
        self._flat = True

    def append(self, y: Target, kept: Array) -> None:
        """Check the labels of a chunk, and keep those of some of its rows."""
        labels = as_labels(y)[kept]
        columns = [labels] if labels.ndim == 1 else list(labels.T)
        if not self._known:
            self._known, self._flat = [np.empty(0, np.int64)] * len(columns), labels.ndim == 1
        if (self._flat, len(self._known)) != (labels.ndim == 1, len(columns)):
            raise ValueError(f"y has {len(self._known)} columns in one part and {len(columns)} in another.")
        indices = []
        for j, column in enumerate(columns):
            codes, distinct = pd.factorize(column)  # -1 where a label is missing
            self._known[j], index = extend_labels(self._known[j], as_label_column(np.asarray(distinct)))
            indices.append(np.append(index, -1)[codes])
        self._indices.append(np.column_stack(indices).astype(np.int32))

    def finish(self) -> Array:
        """Return all that were kept, as one array."""
        indices = np.concatenate(self._indices)
        self._indices = []
        columns = [take_labels(known, index) for known, index in zip(self._known, indices.T, strict=True)]
        return columns[0] if self._flat else stack_label_columns(columns)


def extend_labels(known: Array, labels: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the distinct labels of both, those that are known first, and the index of each of the others."""
    if len({part.dtype.kind in "OUT" for part in (known, labels) if len(part)}) == 2:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    codes, distinct = pd.factorize(np.concatenate([known, labels]) if len(known) else labels)
    return np.asarray(distinct), codes[len(known) :]


def take_labels(known: Array, index: NDArray[np.int32]) -> Array:
    """Return the labels that indices stand for; None, or NaN among floats, for -1."""
    if (index >= 0).all():
        return known[index]
    is_float = known.dtype.kind == "f"
    return np.append(known if is_float else known.astype(object), [np.nan if is_float else None])[index]


class CollectedNumbers:
    """Numbers."""

    def __init__(self) -> None:
        self._chunks: list[Array] = []
        self._flat = True

    def append(self, y: Target, kept: Array) -> None:
        """Check the numbers of a chunk, and keep those of some of its rows."""
        values, flat = read_regression_target(y)
        if self._chunks and (flat, values.shape[1]) != (self._flat, self._chunks[0].shape[1]):
            raise ValueError("y has another number of columns in one part than in another.")
        self._flat = flat
        self._chunks.append(values[kept])

    def finish(self) -> Array:
        """Return all that were kept, as one array."""
        values = np.concatenate(self._chunks)
        self._chunks = []
        return restore_shape(values, self._flat)
