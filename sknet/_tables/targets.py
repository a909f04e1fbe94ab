"""What the network is to learn: labels or numbers as a target matrix, and class weights as sample weights.

Conventions
-----------
n rows, k regression targets.

y : (n,) or (n, k)       as the user gives it: array-like, Series, data frame, sparse indicator matrix
weight : (n,) or None    positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sknet._tables.columns import column_at, is_frame
from sknet._tables.labels import (
    IndicatorLabels,
    Labels,
    MultiOutputLabels,
    SingleLabels,
    as_labels,
    is_indicator,
    one_type,
)
from sknet._tables.scaling import TargetScaler

__all__ = ["Labels", "Numbers", "as_labels", "fold_class_weight", "learn_labels", "learn_numbers"]

Array = NDArray[Any]


def learn_labels(y: Any, classes: Any = None) -> Labels:
    """Learn which labels there are.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, outputs), or sparse indicator matrix
        Labels.
    classes : array-like, or a list of them for several outputs, default=None
        All labels there may be, where y holds only some of them.

    Returns
    -------
    Labels
    """
    labels = as_labels(y, warn=True)
    if labels.ndim == 1:
        return _single(labels, classes)
    if is_indicator(labels) and not _nested(classes):
        _one_entry_each(classes, labels)
        return IndicatorLabels(labels.shape[1], np.array([0, 1], dtype=labels.dtype))
    _one_entry_each(classes, labels)
    lists = [None] * labels.shape[1] if classes is None else list(classes)
    return MultiOutputLabels(tuple(_single(column, known) for column, known in zip(labels.T, lists, strict=True)))


def _nested(classes: Any) -> bool:
    return classes is not None and any(np.ndim(entry) == 1 for entry in classes)


def _one_entry_each(classes: Any, labels: Array) -> None:
    if classes is not None and len(classes) != labels.shape[1]:
        raise ValueError(f"classes has {len(classes)} entries, but y has {labels.shape[1]} columns: give one for each.")


def _single(labels: Array, classes: Any) -> SingleLabels:
    """Learn the classes of one output, from those given or else from its labels."""
    known = pd.unique(one_type(labels) if classes is None else as_labels(classes))
    if type_of_target(known, input_name="y") not in ("binary", "multiclass"):
        check_classification_targets(labels)  # raises
    return SingleLabels(np.sort(known))


def fold_class_weight(
    class_weight: Any, labels: Labels, y: Any, sample_weight: ArrayLike | None = None
) -> Array | None:
    """Multiply the sample weights by the weight of each row's class.

    Parameters
    ----------
    class_weight : None, "balanced", dict, or a list of dicts, one an output
        "balanced" gives every class that occurs the same total of sample weights.
    labels : Labels
        The labels that y may hold.
    y : array-like
        Labels.
    sample_weight : array-like of shape (n,), default=None
        None is ones.

    Returns
    -------
    ndarray of shape (n,) or None
        None if there are weights of neither kind.
    """
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if class_weight is None:
        return weight
    codes = labels.codes(y)
    w = np.ones(len(codes[0])) if weight is None else weight
    folded = w
    for of_output, code, known in zip(_by_output(class_weight, len(codes)), codes, labels.levels, strict=True):
        folded = folded * _class_weights(of_output, code, known, w)[code]
    return folded


def _by_output(class_weight: Any, n_outputs: int) -> list[Any]:
    """One class weight for each output."""
    if isinstance(class_weight, str):
        return [class_weight] * n_outputs
    given = [class_weight] if isinstance(class_weight, Mapping) and n_outputs == 1 else class_weight
    if isinstance(given, list | tuple) and len(given) == n_outputs:
        return list(given)
    wanted = "a dict, None or 'balanced'" if n_outputs == 1 else f"'balanced', None or a list of {n_outputs} dicts"
    raise ValueError(f"class_weight={class_weight!r} does not fit y: give {wanted}.")


def _class_weights(class_weight: Any, codes: Array, known: Array, weight: Array) -> Array:
    """Weight of each class of one output."""
    if class_weight is None:
        return np.ones(len(known))
    if isinstance(class_weight, Mapping):
        return _given_weights(class_weight, known.tolist())
    if isinstance(class_weight, str) and class_weight == "balanced":
        return _balanced_weights(np.bincount(codes, weights=weight, minlength=len(known)))
    raise ValueError(f"class_weight={class_weight!r} is not understood: give a dict of label: weight, or 'balanced'.")


def _balanced_weights(totals: Array) -> Array:
    """Σw/(k·Σw of the class), k classes having weight at all; 0 for the others."""
    occurs = totals > 0
    weights = np.zeros(len(totals))
    weights[occurs] = totals.sum() / (occurs.sum() * totals[occurs])
    return weights


def _given_weights(class_weight: Mapping[Any, Any], known: list[Any]) -> Array:
    """Weight of each class from a dict; 1 where it names none. Keys too many are an error if weights lack."""
    strangers = [key for key in class_weight if key not in known]
    lacking = [label for label in known if label not in class_weight]
    if strangers and lacking:
        raise ValueError(
            f"class_weight has the keys {strangers}, which are no labels of y, and no weight for {lacking}: "
            f"its keys must be among {known}."
        )
    bad = {label: w for label, w in class_weight.items() if not _is_weight(w)}
    if bad:
        raise ValueError(f"class_weight holds {bad}: weights must be finite numbers, 0 or more.")
    return np.array([float(class_weight.get(label, 1.0)) for label in known])


def _is_weight(weight: Any) -> bool:
    try:
        return bool(0 <= float(weight) < np.inf)
    except (TypeError, ValueError):
        return False


@dataclass(frozen=True)
class Numbers:
    """Regression targets: their scaling, and the shape they came in.

    Attributes
    ----------
    flat : bool
        Whether y was of shape (n,), as predictions then are.
    scaler : TargetScaler
        Mean and scale of every target.
    """

    flat: bool
    scaler: TargetScaler

    @property
    def n_outputs(self) -> int:
        """How many targets there are."""
        return len(self.scaler.mean)

    def encode(self, y: Any, dtype: DTypeLike = np.float64) -> Array:
        """Scaled targets of shape (n, k)."""
        values = as_numbers(y)
        columns = values[:, None] if values.ndim == 1 else values
        if columns.shape[1] != self.n_outputs:
            raise ValueError(f"y has {columns.shape[1]} targets, but the regressor knows {self.n_outputs}.")
        return self.scaler.encode(columns, dtype)

    def decode(self, scaled: Array, dtype: DTypeLike | None = None) -> Array:
        """Bring scaled targets of shape (n, k) back to the units and shape of y."""
        values = self.scaler.decode(scaled, dtype)
        return values[:, 0] if self.flat else values


def as_numbers(y: Any, *, warn: bool = False) -> Array:
    """Make regression targets a float64 array of shape (n,) or (n, k); a column vector becomes (n,)."""
    if is_frame(y):
        y = np.column_stack([_floats(column_at(y, j)) for j in range(y.shape[1])])
    values: Array = check_array(_floats(y), ensure_2d=False, dtype=np.float64, input_name="y")
    if values.ndim == 2 and values.shape[1] == 1:
        values = column_or_1d(values, warn=warn)
    return values


def _floats(y: Any) -> Array:
    """Take values out of a Series, make what is missing among objects NaN, and read numerals."""
    values: Array = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if values.dtype.kind in "fiubc":
        return values
    if values.dtype.kind in "mM":
        raise ValueError(f"y should hold numbers, but holds {values.dtype} values. Convert it first.")
    try:
        return np.where(pd.isna(values), np.nan, values.astype(object)).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y should hold numbers, but {error}. Convert it first.") from error


def learn_numbers(y: Any, method: str | None = "standard", weight: ArrayLike | None = None) -> Numbers:
    """Learn how regression targets are scaled.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, k)
        Numbers.
    method : {"standard", None}
        Mean and standard deviation, or nothing.
    weight : array-like of shape (n,), default=None
        Positive; how often each row counts.

    Returns
    -------
    Numbers
    """
    values = as_numbers(y, warn=True)
    flat = values.ndim == 1
    return Numbers(flat, TargetScaler.learn(values[:, None] if flat else values, weight, method))
