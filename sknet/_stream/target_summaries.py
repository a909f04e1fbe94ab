"""What the parts of a table tell about its targets, put together: labels and their weights.

Conventions
-----------
n rows of a part; k target columns.

labels : (n,) or (n, k)  parsed targets
weight : (n,) or None    sample weights, positive; None is ones
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sknet._model.heads import LabelHead, RegressionHead, learn_label_head, learn_regression_head
from sknet._model.settings import ObjectiveSettings
from sknet._tables.class_weight import class_weights_by_output
from sknet._tables.label_arrays import stack_label_columns
from sknet._typing import Array


@dataclass(frozen=True, eq=False)
class LabelTotals:
    """The labels of one target column, and the weight of the rows that have each.

    Attributes
    ----------
    labels : ndarray of shape (L,)
        In the order in which they were found.
    weight : ndarray of shape (L,)
    """

    labels: Array
    weight: Array

    def merge(self, other: LabelTotals) -> LabelTotals:
        """Return the labels of both parts, those of this one first."""
        texts = {part.labels.dtype.kind in "OUT" for part in (self, other) if len(part.labels)}
        if len(texts) == 2:
            raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
        return _totals(np.concatenate([self.labels, other.labels]), np.concatenate([self.weight, other.weight]))


def _totals(labels: Array, weight: Array) -> LabelTotals:
    """Add up the weight of each distinct label."""
    codes, distinct = pd.factorize(labels)
    return LabelTotals(np.asarray(distinct), np.bincount(codes, weight, len(distinct)))


@dataclass(frozen=True, eq=False)
class LabelSummary:
    """The labels of all target columns.

    Attributes
    ----------
    columns : tuple of LabelTotals
    flat : bool
        Whether y was of shape (n,).
    """

    columns: tuple[LabelTotals, ...]
    flat: bool

    @classmethod
    def of(cls, labels: Array, weight: Array | None) -> LabelSummary:
        """Summarise one part, its labels as `as_labels` returns them."""
        w = np.ones(len(labels)) if weight is None else weight
        flat = labels.ndim == 1
        return cls(tuple(_totals(column, w) for column in ([labels] if flat else labels.T)), flat)

    def merge(self, other: LabelSummary) -> LabelSummary:
        """Return the summary of both parts."""
        if (self.flat, len(self.columns)) != (other.flat, len(other.columns)):
            raise ValueError(f"y has {len(self.columns)} columns in one part and {len(other.columns)} in another.")
        pairs = zip(self.columns, other.columns, strict=True)
        return LabelSummary(tuple(first.merge(second) for first, second in pairs), self.flat)

    def head(self, settings: ObjectiveSettings) -> LabelHead:
        """Learn which labels there are."""
        most = max(len(column.labels) for column in self.columns)
        # as if they were the y of so many rows; shorter columns repeat their labels
        labels = [np.resize(column.labels, most) for column in self.columns]
        return learn_label_head(labels[0] if self.flat else stack_label_columns(labels), settings)[0]

    def class_weights_by_output(self, head: LabelHead) -> list[Array] | None:
        """Return the class weights, one array for each target column; None where there are none."""
        if head.settings.class_weight is None:
            return None
        totals = []
        for column, known in zip(self.columns, head.labels.classes_by_column, strict=True):
            by_label = dict(zip(column.labels.tolist(), column.weight.tolist(), strict=True))
            totals.append(np.array([by_label.get(label, 0.0) for label in known.tolist()]))
        return class_weights_by_output(head.settings.class_weight, head.labels, totals)


def multiply_weights(codes: Array, weight: Array | None, factors: list[Array] | None) -> Array | None:
    """Multiply the sample weights by the class weights of rows with these codes, (n, k)."""
    if factors is None:
        return weight
    folded = np.ones(len(codes)) if weight is None else weight
    for factor, code in zip(factors, codes.T, strict=True):
        folded = folded * factor[code]
    return folded


@dataclass(frozen=True)
class RegressionTargetShape:
    """What all parts must agree on where the targets are numbers.

    Attributes
    ----------
    n_targets : int
    flat : bool
        Whether y was of shape (n,).
    """

    n_targets: int
    flat: bool

    def merge(self, other: RegressionTargetShape) -> RegressionTargetShape:
        """Return the same, if the other part agrees."""
        if self != other:
            raise ValueError("y has another number of columns in one part than in another.")
        return self

    def head(self, settings: ObjectiveSettings) -> RegressionHead:
        """Return what the targets are, not yet scaled."""
        return learn_regression_head(np.zeros(1) if self.flat else np.zeros((1, self.n_targets)), settings)[0]
