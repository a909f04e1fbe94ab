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
from scipy.sparse import issparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from sknet._tables.columns import column_at, is_frame
from sknet._tables.labels import IndicatorLabels, Labels, MultiOutputLabels, SingleLabels, is_indicator
from sknet._tables.scaling import TargetScaler

__all__ = ["Labels", "Numbers", "as_labels", "fold_class_weight", "learn_labels", "learn_numbers"]

Array = NDArray[Any]


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
    if issparse(y):
        labels = y.toarray()
    elif is_frame(y):
        labels = _stack([_one_type(_values(column_at(y, j))) for j in range(y.shape[1])])
    else:
        labels = _one_type(_values(y))
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = _one_type(column_or_1d(labels, warn=warn))
    return labels


def _values(y: Any) -> Array:
    return np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)


def _stack(columns: list[Array]) -> Array:
    """Put columns side by side, as objects where text meets numbers."""
    texts = {column.dtype.kind in "OUT" for column in columns}
    return np.column_stack([column.astype(object) for column in columns] if len(texts) == 2 else columns)


def _one_type(labels: Array) -> Array:
    """Refuse missing labels and find the type of objects that are no text."""
    if pd.isna(labels).any():
        raise ValueError("Input y contains NaN: some labels are missing. Leave these rows out, or give them a label.")
    if labels.dtype != object:
        return labels
    texts = {isinstance(label, str) for label in labels.ravel().tolist()}
    if texts == {True, False} and labels.ndim == 1:
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    return labels if True in texts else np.array(labels.tolist())


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
    if labels.ndim == 2 and is_indicator(labels) and not _nested(classes):
        return _indicators(labels, classes)
    if labels.ndim == 2:
        lists = [None] * labels.shape[1] if classes is None else list(classes)
        if len(lists) != labels.shape[1]:
            raise ValueError(f"classes has {len(lists)} entries, but y has {labels.shape[1]} columns: give one list each.")
        return MultiOutputLabels(tuple(_single(column, known) for column, known in zip(labels.T, lists, strict=True)))
    return _single(labels, classes)


def _nested(classes: Any) -> bool:
    return classes is not None and len(classes) > 0 and np.ndim(classes[0]) == 1


def _single(labels: Array, classes: Any) -> SingleLabels:
    labels = _one_type(labels)
    if classes is not None:
        return SingleLabels(np.unique(as_labels(classes)))
    check_classification_targets(labels)
    return SingleLabels(np.unique(labels))


def _indicators(labels: Array, classes: Any) -> IndicatorLabels:
    if classes is not None and len(classes) != labels.shape[1]:
        raise ValueError(f"classes has {len(classes)} entries, but the indicator matrix y has {labels.shape[1]} columns.")
    return IndicatorLabels(labels.shape[1], np.array([0, 1], dtype=labels.dtype))


def fold_class_weight(class_weight: Any, labels: Labels, y: Any, sample_weight: ArrayLike | None = None) -> Array | None:
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
    codes = labels.codes(as_labels(y))
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
    return np.divide(totals.sum(), occurs.sum() * totals, out=np.zeros(len(totals)), where=occurs)


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
        y = np.column_stack([_values(column_at(y, j)) for j in range(y.shape[1])])
    elif hasattr(y, "to_numpy"):
        y = y.to_numpy()
    values: Array = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    return column_or_1d(values, warn=warn) if values.ndim == 2 and values.shape[1] == 1 else values


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
