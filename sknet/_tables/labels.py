"""Class labels of every kind, as the matrix that a network learns, and back again from its probabilities.

y is parsed once, into codes; everything that a fit does with labels, it does with these.

Conventions
-----------
n rows; K classes of one output; L labels of a multilabel target; k target columns: 1, the outputs, or L.

y : (n,) or (n, k)       labels as the user gives them: array-like, Series, data frame, sparse indicator matrix
codes : (n, k)           index of each row's label into the sorted classes, for each target column
T, P : (n, n_outputs)    targets of 0 and 1, and probabilities. A single output of two classes (or one) is one column,
                         the probability of the second; K > 2 classes are K columns; L labels are L columns.
                         P may be (n, 2 n_outputs): before them as many columns, the probabilities of the first class.
log_P                    logarithms of such probabilities
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sknet._tables.arrays import check_columns, is_indicator, labels_of_one_type, refuse_foreign, stack_label_columns
from sknet._tables.frames import as_pandas, integers_from_polars, is_frame, refuse_broken_text
from sknet._tables.messages import short_list, short_repr
from sknet._tables.splitting import combination_strata
from sknet._typing import Array, Target

Codes = NDArray[np.intp]
Kind = Literal["binary", "multiclass", "multilabel", "multioutput"]


class Labels(ABC):
    """The labels of a classification target, of one kind."""

    exclusive: ClassVar[bool] = True
    """Whether each target column has one label out of several; False for multilabel targets."""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What scikit-learn would call the target."""

    @property
    @abstractmethod
    def classes(self) -> Array | list[Array]:
        """The sorted labels; a list of them, one per output, for kind "multioutput"."""

    @property
    @abstractmethod
    def blocks(self) -> tuple[slice, ...]:
        """Columns of the network's output that belong together, one slice per output."""

    @property
    @abstractmethod
    def levels(self) -> list[Array]:
        """The labels that the codes point into, one array per target column."""

    @abstractmethod
    def codes(self, labels: Array) -> Codes:
        """Codes of labels that `as_labels` has made an array."""

    @abstractmethod
    def one_hot(self, codes: Codes, dtype: DTypeLike) -> Array:
        """The matrix T that stands for the codes."""

    @abstractmethod
    def take(self, codes: Codes) -> Array:
        """Labels as `as_labels` gives them: the user's own, in an array."""

    @abstractmethod
    def decode(self, P: Array) -> Array:
        """Give the most probable labels."""

    @abstractmethod
    def probabilities(self, P: Array, *, normalise: bool = False) -> Array | list[Array]:
        """Probabilities in scikit-learn's shape, strictly between 0 and 1.

        With `normalise`, those of exclusive classes, which come from one sigmoid each, are made to add up to 1.
        """

    def log_probabilities(self, log_P: Array) -> Array | list[Array]:
        """Logarithms of probabilities in the same shape."""
        return log_P

    @property
    def n_outputs(self) -> int:
        """Columns of the network's output."""
        return int(self.blocks[-1].stop)

    def read(self, y: Target) -> Codes:
        """Parse labels into codes; a ValueError names labels that are not known."""
        return self.codes(as_labels(y, warn=True))

    def targets(self, codes: Codes, dtype: DTypeLike = np.float64, smoothing: float = 0.0) -> Array:
        """Targets of 0 and 1; with smoothing, this share of each is spread evenly over the labels of its block."""
        T = self.one_hot(codes, dtype)
        if smoothing:
            for block in self.blocks:
                n_labels = max(2, block.stop - block.start) if self.exclusive else 2
                T[:, block] *= 1.0 - smoothing
                T[:, block] += smoothing / n_labels
        return T

    def strata(self, codes: Codes) -> Codes:
        """One integer per row, for stratified splits: its label, or its combination of labels if that is not rare."""
        return codes[:, 0] if codes.shape[1] == 1 else combination_strata(codes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Labels):
            return NotImplemented
        pairs = zip(self.levels, other.levels, strict=False)
        same = self.kind == other.kind and len(self.levels) == len(other.levels)
        return same and all(np.array_equal(a, b) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, eq=False)
class SingleLabels(Labels):
    """One label per row, out of K classes."""

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
        return (slice(0, 1 if len(self.known) <= 2 else len(self.known)),)

    def codes(self, labels: Array) -> Codes:
        """Look labels of shape (n,) up among the classes."""
        if labels.ndim != 1:
            raise ValueError(
                f"y has shape {labels.shape}, but the classifier knows one label per row: give y the shape (n,)."
            )
        codes, found = pd.factorize(labels)
        place = {label: index for index, label in enumerate(self.known.tolist())}
        unknown = [label for label in found.tolist() if label not in place]
        if unknown:
            raise ValueError(
                f"y holds the labels {short_list(unknown)}, which are not among the classes "
                f"{short_list(self.known.tolist())}: leave these rows out, or name every class that may come at the "
                "first fit."
            )
        places = np.array([place[label] for label in found.tolist()], dtype=np.intp)
        return places[codes[:, np.newaxis]]

    def one_hot(self, codes: Codes, dtype: DTypeLike) -> Array:
        if len(self.known) <= 2:
            return codes.astype(dtype)
        T = np.zeros((len(codes), len(self.known)), dtype=dtype)
        T[np.arange(len(codes)), codes[:, 0]] = 1
        return T

    def take(self, codes: Codes) -> Array:
        """Labels of shape (n,)."""
        return self.known[codes[:, 0]]

    def decode(self, P: Array) -> Array:
        """Give the most probable label of each row."""
        second = (P[:, 0] > 0.5) * (len(self.known) - 1)
        codes: Codes = P.argmax(axis=1) if self.kind == "multiclass" else second
        return self.known[codes]

    def probabilities(self, P: Array, *, normalise: bool = False) -> Array:
        """Probabilities of shape (n, K); of a single class they are 1."""
        if self.kind == "multiclass":
            P = P[:, -len(self.known) :]
            if normalise:
                P = np.maximum(P, np.finfo(P.dtype).tiny)  # all of a row may vanish
                P = P / P.sum(axis=1, keepdims=True)
            return inside(P)
        if len(self.known) == 1:
            return np.ones_like(P[:, :1])
        return inside(P if P.shape[1] == 2 else np.concatenate([1 - P, P], axis=1))

    def log_probabilities(self, log_P: Array) -> Array:
        """Logarithms of probabilities of shape (n, K)."""
        if len(self.known) == 1:
            return np.zeros_like(log_P[:, :1])
        if log_P.shape[1] > 1:
            return log_P[:, -len(self.known) :]
        return np.concatenate([np.log(inside(-np.expm1(log_P))), log_P], axis=1)


@dataclass(frozen=True, eq=False)
class MultiOutputLabels(Labels):
    """Several labels per row, each out of classes of its own."""

    outputs: tuple[SingleLabels, ...]

    kind = "multioutput"

    @property
    def classes(self) -> list[Array]:
        return self.levels

    @property
    def levels(self) -> list[Array]:
        return [output.known for output in self.outputs]

    @cached_property
    def blocks(self) -> tuple[slice, ...]:
        stops = np.cumsum([output.n_outputs for output in self.outputs]).tolist()
        return tuple(slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False))

    def codes(self, labels: Array) -> Codes:
        """Look labels of shape (n, outputs) up, column by column."""
        check_columns(labels, len(self.outputs))
        pairs = zip(self.outputs, labels.T, strict=True)
        return np.hstack([output.codes(one_type(column)) for output, column in pairs])

    def one_hot(self, codes: Codes, dtype: DTypeLike) -> Array:
        return np.hstack([output.one_hot(codes[:, [j]], dtype) for j, output in enumerate(self.outputs)])

    def take(self, codes: Codes) -> Array:
        """Labels of shape (n, outputs)."""
        return stack_label_columns([output.take(codes[:, [j]]) for j, output in enumerate(self.outputs)])

    def decode(self, P: Array) -> Array:
        """Give the most probable labels, of shape (n, outputs); of type object where the outputs' types differ."""
        found = [output.decode(P[:, block]) for output, block in zip(self.outputs, self.blocks, strict=True)]
        if len({column.dtype.kind for column in found}) == 1:
            return np.column_stack(found)
        return np.column_stack([column.astype(object) for column in found])

    def probabilities(self, P: Array, *, normalise: bool = False) -> list[Array]:
        """Probabilities of shape (n, K) in a list, one per output."""
        return [output.probabilities(part, normalise=normalise) for output, part in self._parts(P)]

    def log_probabilities(self, log_P: Array) -> list[Array]:
        """Logarithms of probabilities of shape (n, K) in a list, one per output."""
        return [output.log_probabilities(part) for output, part in self._parts(log_P)]

    def _parts(self, P: Array) -> Iterator[tuple[SingleLabels, Array]]:
        """Yield each output and its own columns, of two classes both if they are there."""
        first, P = P[:, : -self.n_outputs], P[:, -self.n_outputs :]
        for output, block in zip(self.outputs, self.blocks, strict=True):
            two = [first[:, block]] if output.kind == "binary" else []
            yield output, np.concatenate([*two, P[:, block]], axis=1)


@dataclass(frozen=True, eq=False)
class IndicatorLabels(Labels):
    """Any number of L labels per row, as a matrix of 0 and 1."""

    n_labels: int
    values: Array
    """0 and 1 in the type that y had."""

    kind = "multilabel"
    exclusive = False

    @property
    def classes(self) -> Array:
        return np.arange(self.n_labels)

    @property
    def levels(self) -> list[Array]:
        return [self.values] * self.n_labels

    @property
    def blocks(self) -> tuple[slice, ...]:
        return (slice(0, self.n_labels),)

    def codes(self, labels: Array) -> Codes:
        """Check an indicator matrix, whose values are its codes."""
        check_columns(labels, self.n_labels)
        if not is_indicator(labels):
            raise ValueError(
                "y holds other values than 0 and 1, but the classifier was given an indicator matrix first."
            )
        return labels.astype(np.intp)

    def one_hot(self, codes: Codes, dtype: DTypeLike) -> Array:
        return codes.astype(dtype)

    def take(self, codes: Codes) -> Array:
        """Give the indicator matrix back."""
        return self.values[codes]

    def decode(self, P: Array) -> Array:
        """Give the labels that are more probable than not."""
        return self.values[(P > 0.5).astype(np.intp)]

    def probabilities(self, P: Array, *, normalise: bool = False) -> Array:
        """Probabilities of shape (n, L), each label's own."""
        return inside(P)


# --- learning --------------------------------------------------------------------------------------------------------


def learn_labels(y: Target, classes: Target | None = None) -> tuple[Labels, Codes]:
    """Learn which labels there are, and parse them.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, outputs), or sparse indicator matrix
        Labels.
    classes : array-like, or a list of them for several outputs, default=None
        All labels there may be, where y holds only some of them.

    Returns
    -------
    labels : Labels
    codes : ndarray of shape (n, k)
        What `labels.read(y)` gives.
    """
    labels = as_labels(y, warn=True)
    if labels.ndim == 1:
        return _learn_single(labels, classes)
    _one_entry_each(classes, labels)
    if is_indicator(labels) and not _nested(classes):
        return IndicatorLabels(labels.shape[1], np.array([0, 1], dtype=labels.dtype)), labels.astype(np.intp)
    lists = [None] * labels.shape[1] if classes is None else list(classes)
    pairs = zip(labels.T, lists, strict=True)
    learnt, codes = zip(*(_learn_single(one_type(column), known) for column, known in pairs), strict=True)
    return MultiOutputLabels(learnt), np.hstack(codes)


def _nested(classes: Target | None) -> bool:
    return classes is not None and any(np.ndim(entry) == 1 for entry in classes)


def _one_entry_each(classes: Target | None, labels: Array) -> None:
    if classes is not None and len(classes) != labels.shape[1]:
        raise ValueError(f"classes has {len(classes)} entries, but y has {labels.shape[1]} columns: give one for each.")


def _learn_single(labels: Array, classes: Target | None) -> tuple[SingleLabels, Codes]:
    """Learn the classes of one output, from those given or else from its labels; and the codes, (n, 1)."""
    codes, found = pd.factorize(labels)
    known = found if classes is None else _given_classes(classes)
    refuse_broken_text(known.tolist(), "y")
    if type_of_target(known, input_name="y") not in ("binary", "multiclass"):
        check_classification_targets(labels)  # raises
    order = np.argsort(known)
    single = SingleLabels(known[order])
    if classes is not None:
        return single, single.codes(labels)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return single, rank[codes[:, np.newaxis]]


def _given_classes(classes: Target) -> Array:
    if np.ndim(classes) != 1:
        raise ValueError(f"classes={short_repr(classes)} has {np.ndim(classes)} dimensions: give a list of labels.")
    return pd.unique(as_labels(classes))


# --- parsing ----------------------------------------------------------------------------------------------------------


def inside(P: Array) -> Array:
    """Keep probabilities strictly between 0 and 1."""
    limits = np.finfo(P.dtype)
    return np.minimum(np.maximum(P, limits.tiny), 1 - limits.epsneg)


def as_labels(y: Target, *, warn: bool = False) -> Array:
    """Make labels of any kind a NumPy array of shape (n,) or (n, outputs); a ValueError says which labels are missing.

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
    if type(y) is not np.ndarray:
        refuse_foreign(y, "y")
    if hasattr(y, "toarray"):  # sparse
        labels: Array = y.toarray()
    elif not isinstance(y, np.ndarray) and is_frame(y):
        labels = stack_label_columns(
            [one_type(column) for _, column in as_pandas(y).items()] or [np.empty((len(y), 0))]
        )
    else:
        labels = one_type(y)
    if labels.ndim not in (1, 2):
        raise ValueError(f"Unknown label type: y has shape {labels.shape}; give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 0:
        raise ValueError("y has no columns: give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = one_type(column_or_1d(labels, warn=warn))
    return labels


def one_type(y: Target) -> Array:
    """Refuse missing and infinite labels; make every kind of text objects, and of other objects what they are."""
    plain = type(y) is np.ndarray and y.dtype.isnative and y.dtype.kind in "biuU"
    return y if plain else labels_of_one_type(integers_from_polars(y))
