"""Class labels of every kind, as the matrix a network learns and back again from its probabilities.

Conventions
-----------
n rows; K classes of one output; L labels of a multilabel target; n_outputs columns of the network's output.

codes : (n,)             index of each row's label into the sorted classes
T, P : (n, n_outputs)    targets of 0 and 1, and probabilities. A single output of two classes (or one) is one column,
                         the probability of the second; K > 2 classes are K columns; L labels are L columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]
Codes = NDArray[np.intp]
Kind = Literal["binary", "multiclass", "multilabel", "multioutput"]

COMMON_ROWS = 10
"""A combination of labels with fewer rows shares its stratum with the other rare ones."""


class Labels(ABC):
    """The labels of a classification target, of one kind."""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What scikit-learn would call the target."""

    @property
    @abstractmethod
    def classes(self) -> Any:
        """The sorted labels; a list of them, one an output, for kind "multioutput"."""

    @property
    @abstractmethod
    def blocks(self) -> tuple[slice, ...]:
        """Columns of the network's output that belong together, one slice an output."""

    @abstractmethod
    def codes(self, y: Array) -> list[Codes]:
        """Index of each row's label, output by output; a ValueError names labels that are not known."""

    @property
    @abstractmethod
    def levels(self) -> list[Array]:
        """The labels that the codes point into, output by output."""

    @abstractmethod
    def encode(self, y: Array, dtype: DTypeLike = np.float64) -> Array:
        """Targets of 0 and 1 for the labels y, an array as `as_labels` makes it."""

    @abstractmethod
    def decode(self, P: Array) -> Array:
        """Give the most probable labels."""

    @abstractmethod
    def probabilities(self, P: Array) -> Any:
        """Probabilities in scikit-learn's shape, strictly between 0 and 1."""

    @property
    def n_outputs(self) -> int:
        """Columns of the network's output."""
        return int(self.blocks[-1].stop)

    def strata(self, y: Array) -> Codes:
        """One integer a row, for stratified splits: its label, or its combination of labels if that is not rare."""
        codes = self.codes(y)
        if len(codes) == 1:
            return codes[0]
        _, pattern, rows = np.unique(np.column_stack(codes), axis=0, return_inverse=True, return_counts=True)
        pattern = pattern.ravel()
        return np.where(rows[pattern] < COMMON_ROWS, len(rows), pattern)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        pairs = zip(self.levels, other.levels, strict=False)
        same = self.kind == other.kind and len(self.levels) == len(other.levels)
        return same and all(np.array_equal(a, b) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class SingleLabels(Labels):
    """One label a row, out of K classes."""

    known: Array

    @property
    def kind(self) -> Kind:
        return "binary" if len(self.known) <= 2 else "multiclass"

    @property
    def classes(self) -> Array:
        return self.known

    @property
    def levels(self) -> list[Array]:
        return [self.known]

    @property
    def blocks(self) -> tuple[slice, ...]:
        return (slice(0, 1 if self.kind == "binary" else len(self.known)),)

    def codes(self, y: Array) -> list[Codes]:
        """Index of each row's label; a ValueError names labels that are not known."""
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}, but the classifier knows one label a row: give y the shape (n,).")
        return [self._look_up(y)]

    def _look_up(self, y: Array) -> Codes:
        codes, found = pd.factorize(y)
        place = {label: index for index, label in enumerate(self.known.tolist())}
        unknown = [label for label in found.tolist() if label not in place]
        if unknown:
            raise ValueError(
                f"y holds the labels {unknown}, which are not among the classes {self.known.tolist()}: leave these "
                "rows out, or fit anew (partial_fit: name every class in classes at the first call)."
            )
        return np.array([place[label] for label in found.tolist()], dtype=np.intp)[codes]

    def encode(self, y: Array, dtype: DTypeLike = np.float64) -> Array:
        """One column of 0 and 1 for two classes, one-hot for more."""
        (codes,) = self.codes(y)
        if self.kind == "binary":
            return codes[:, None].astype(dtype)
        T = np.zeros((len(codes), len(self.known)), dtype=dtype)
        T[np.arange(len(codes)), codes] = 1
        return T

    def decode(self, P: Array) -> Array:
        """Give the most probable label of each row."""
        if self.kind == "multiclass":
            return self.known[P.argmax(axis=1)]
        return self.known[(P[:, 0] > 0.5) * (len(self.known) - 1)]

    def probabilities(self, P: Array) -> Array:
        """Probabilities of shape (n, K); of a single class they are 1."""
        if self.kind == "multiclass":
            return inside(P)
        return np.ones_like(P) if len(self.known) == 1 else inside(np.concatenate([1 - P, P], axis=1))


@dataclass(frozen=True, eq=False)
class MultiOutputLabels(Labels):
    """Several labels a row, each out of classes of its own."""

    outputs: tuple[SingleLabels, ...]

    @property
    def kind(self) -> Kind:
        return "multioutput"

    @property
    def classes(self) -> list[Array]:
        return self.levels

    @property
    def levels(self) -> list[Array]:
        return [output.known for output in self.outputs]

    @property
    def blocks(self) -> tuple[slice, ...]:
        stops = np.cumsum([output.n_outputs for output in self.outputs]).tolist()
        return tuple(slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False))

    def codes(self, y: Array) -> list[Codes]:
        """Index of each row's label, output by output; a ValueError names labels that are not known."""
        _check_columns(y, len(self.outputs))
        return [output.codes(column)[0] for output, column in zip(self.outputs, y.T, strict=True)]

    def encode(self, y: Array, dtype: DTypeLike = np.float64) -> Array:
        """The outputs' targets, side by side."""
        _check_columns(y, len(self.outputs))
        return np.hstack([output.encode(column, dtype) for output, column in zip(self.outputs, y.T, strict=True)])

    def decode(self, P: Array) -> Array:
        """Give the most probable labels, of shape (n, outputs); of type object where the outputs' types differ."""
        found = [output.decode(P[:, block]) for output, block in zip(self.outputs, self.blocks, strict=True)]
        if len({column.dtype.kind for column in found}) == 1:
            return np.column_stack(found)
        return np.column_stack([column.astype(object) for column in found])

    def probabilities(self, P: Array) -> list[Array]:
        """Probabilities of shape (n, K) in a list, one an output."""
        return [output.probabilities(P[:, block]) for output, block in zip(self.outputs, self.blocks, strict=True)]


@dataclass(frozen=True, eq=False)
class IndicatorLabels(Labels):
    """Any number of L labels a row, as a matrix of 0 and 1."""

    n_labels: int
    values: Array
    """0 and 1 in the type that y had."""

    @property
    def kind(self) -> Kind:
        return "multilabel"

    @property
    def classes(self) -> Array:
        return np.arange(self.n_labels)

    @property
    def levels(self) -> list[Array]:
        return [self.values] * self.n_labels

    @property
    def blocks(self) -> tuple[slice, ...]:
        return (slice(0, self.n_labels),)

    def codes(self, y: Array) -> list[Codes]:
        """0 or 1 by row, label by label; a ValueError says if y is anything else."""
        return list(self.encode(y, np.intp).T)

    def encode(self, y: Array, dtype: DTypeLike = np.float64) -> Array:
        """The indicator matrix itself."""
        _check_columns(y, self.n_labels)
        if not is_indicator(y):
            raise ValueError("y holds other values than 0 and 1, but the classifier knows labels as an indicator matrix.")
        return y.astype(dtype)

    def decode(self, P: Array) -> Array:
        """Give the labels that are more probable than not."""
        return self.values[(P > 0.5).astype(np.intp)]

    def probabilities(self, P: Array) -> Array:
        """Probabilities of shape (n, L)."""
        return inside(P)


def is_indicator(y: Array) -> bool:
    """Whether a two-dimensional array is a multilabel target: nothing but 0 and 1."""
    return y.dtype.kind in "biuf" and bool(((y == 0) | (y == 1)).all())


def _check_columns(y: Array, expected: int) -> None:
    if y.ndim != 2 or y.shape[1] != expected:
        raise ValueError(f"y has shape {y.shape}, but the classifier knows {expected} outputs: give y that many columns.")


def inside(P: Array) -> Array:
    """Keep probabilities strictly between 0 and 1."""
    limits = np.finfo(P.dtype)
    return np.clip(P, limits.tiny, 1 - limits.epsneg)
