"""Class labels of every kind, as the matrix a network learns and back again from its probabilities.

Conventions
-----------
n rows; K classes of one output; L labels of a multilabel target; n_outputs columns of the network's output.

y : (n,) or (n, outputs) labels as the user gives them: array-like, Series, data frame, sparse indicator matrix
codes : (outputs, n)     index of each row's label into the sorted classes; a line for each output, or each label
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
from sklearn.utils import column_or_1d

from sknet._tables.columns import column_at, is_frame, shortened

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

    @property
    @abstractmethod
    def levels(self) -> list[Array]:
        """The labels that the codes point into, output by output."""

    @abstractmethod
    def _codes(self, y: Array) -> Codes:
        """Codes of labels that `as_labels` has made an array."""

    @abstractmethod
    def _targets(self, codes: Codes, dtype: DTypeLike) -> Array:
        """The matrix T that stands for the codes."""

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

    def codes(self, y: Any) -> Codes:
        """Index of each row's label, output by output; a ValueError names labels that are not known."""
        return self._codes(as_labels(y))

    def encode(self, y: Any, dtype: DTypeLike = np.float64) -> Array:
        """Targets of 0 and 1; a ValueError names labels that are not known."""
        return self._targets(self.codes(y), dtype)

    def strata(self, y: Any) -> Codes:
        """One integer a row, for stratified splits: its label, or its combination of labels if that is not rare."""
        codes = self.codes(y)
        if len(codes) == 1:
            return codes.ravel()
        rows_as_bytes = np.ascontiguousarray(codes.T).view(f"V{codes.itemsize * len(codes)}").ravel()
        _, pattern, rows = np.unique(rows_as_bytes, return_inverse=True, return_counts=True)
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

    def _codes(self, y: Array) -> Codes:
        if y.ndim != 1:
            raise ValueError(f"y has shape {y.shape}, but the classifier knows one label a row: give y the shape (n,).")
        codes, found = pd.factorize(y)
        place = {label: index for index, label in enumerate(self.known.tolist())}
        unknown = [label for label in found.tolist() if label not in place]
        if unknown:
            raise ValueError(
                f"y holds the labels {shortened(unknown)}, which are not among the classes "
                f"{shortened(self.known.tolist())}: leave these rows out, or name every class that may come at the "
                "first fit."
            )
        places: Codes = np.array([place[label] for label in found.tolist()], dtype=np.intp)
        return places[np.newaxis, codes]

    def _targets(self, codes: Codes, dtype: DTypeLike) -> Array:
        (own,) = codes
        if self.kind == "binary":
            return own[:, None].astype(dtype)
        T = np.zeros((len(own), len(self.known)), dtype=dtype)
        T[np.arange(len(own)), own] = 1
        return T

    def decode(self, P: Array) -> Array:
        """Give the most probable label of each row."""
        second = (P[:, 0] > 0.5) * (len(self.known) - 1)
        codes: Codes = P.argmax(axis=1) if self.kind == "multiclass" else second
        labels: Array = self.known[codes]
        return labels

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

    def _codes(self, y: Array) -> Codes:
        _check_columns(y, len(self.outputs))
        return np.vstack([output._codes(one_type(column)) for output, column in zip(self.outputs, y.T, strict=True)])

    def _targets(self, codes: Codes, dtype: DTypeLike) -> Array:
        return np.hstack([output._targets(own[None], dtype) for output, own in zip(self.outputs, codes, strict=True)])

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

    def _codes(self, y: Array) -> Codes:
        _check_columns(y, self.n_labels)
        if not is_indicator(y):
            raise ValueError(
                "y holds other values than 0 and 1, but the classifier was given an indicator matrix first."
            )
        return y.T.astype(np.intp)

    def _targets(self, codes: Codes, dtype: DTypeLike) -> Array:
        return codes.T.astype(dtype)

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
        raise ValueError(f"y has shape {y.shape}, but the classifier knows {expected} outputs: give a column for each.")


def inside(P: Array) -> Array:
    """Keep probabilities strictly between 0 and 1."""
    limits = np.finfo(P.dtype)
    return np.clip(P, limits.tiny, 1 - limits.epsneg)


def as_labels(y: Any, *, warn: bool = False) -> Array:
    """Make labels of any kind a NumPy array of shape (n,) or (n, outputs); a ValueError says where labels miss.

    Parameters
    ----------
    y : array-like, Series, data frame or sparse matrix
        The labels.
    warn : bool, default=False
        Whether a column vector, which is taken as (n,), gives a `DataConversionWarning`.

    Returns
    -------
    ndarray
    """
    if hasattr(y, "toarray"):  # sparse
        labels: Array = y.toarray()
    elif is_frame(y):
        labels = _stack([one_type(_values(column_at(y, j))) for j in range(y.shape[1])])
    else:
        labels = one_type(_values(y))
    if labels.ndim not in (1, 2):
        raise ValueError(f"Unknown label type: y has shape {labels.shape}; give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = one_type(column_or_1d(labels, warn=warn))
    return labels


def _values(y: Any) -> Array:
    values: Array = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    return values


def _stack(columns: list[Array]) -> Array:
    """Put columns side by side, as objects where text meets numbers."""
    texts = {column.dtype.kind in "OUT" for column in columns}
    return np.column_stack([column.astype(object) for column in columns] if len(texts) == 2 else columns)


def one_type(labels: Array) -> Array:
    """Refuse missing and infinite labels; make every kind of text objects, and of other objects what they are."""
    if labels.dtype.kind == "T":
        labels = labels.astype(object)
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            "Input y contains infinity, which is no label. Leave these rows out, or give them another one."
        )
    if pd.isna(labels).any():
        raise ValueError("Input y contains NaN: some labels are missing. Leave these rows out, or give them a label.")
    if labels.dtype != object:
        return labels
    texts = {isinstance(label, str) for label in labels.ravel().tolist()}
    if texts == {True, False} and labels.ndim == 1:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    return labels if True in texts else np.array(labels.tolist())
