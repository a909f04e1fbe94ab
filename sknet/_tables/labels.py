"""Class labels: reading them as codes, the target matrix of a network, and predicted labels and probabilities.

A fit reads y once, as codes, and uses only these afterwards. Errors name values that cannot be labels. Class weights
become sample weights.

Conventions
-----------
n rows; K classes of one output; L labels of a multilabel target; k target columns: 1, the outputs, or L.

y : (n,) or (n, k)       labels as the user passed them: array-like, Series, data frame, sparse indicator matrix
labels : (n,) or (n, k)  the same as an array: bools, numbers, or text as objects. Of several columns, some labels may
                         be missing in a row: NaN among floats, None among objects
codes : (n, k)           indices of the labels in the sorted classes of each target column; -1 for missing labels
T, P : (n, n_outputs)    targets of 0 and 1, NaN for a missing label, and probabilities. A single output of two classes
                         (or one) is one column, the probability of the second; K > 2 classes are K columns; L labels
                         are L columns. P may be (n, 2 n_outputs): the first n_outputs columns are then the
                         probabilities of the first of two classes, which 1 − P would round.
log_P                    logarithms of such probabilities
weight : (n,) or None    sample weights, positive; a row of weight 2 is two rows, None is ones
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from sknet._tables.column_values import check_text_is_encodable
from sknet._tables.equality import EqualByFields
from sknet._tables.from_polars import as_pandas, integers_from_polars
from sknet._tables.messages import short_list, short_repr
from sknet._tables.raw_table import is_frame, is_sparse
from sknet._tables.read_arrays import as_native_array, check_readable_collection, is_missing
from sknet._tables.statistics import LARGEST_FLOAT
from sknet._typing import Array, Target

# --- labels as arrays ------------------------------------------------------------------------------------------------


def as_labels(y: Target, *, warn: bool = False) -> Array:
    """Return labels of any kind as an array of shape (n,) or (n, outputs).

    With `warn`, a column vector, which is taken as (n,), gives a `DataConversionWarning`.
    """
    check_readable_collection(y, "y")
    if is_sparse(y):
        labels: Array = y.toarray()
    elif is_frame(y):
        frame = as_pandas(y)
        columns = [as_label_column(column, may_have_missing=frame.shape[1] > 1) for _, column in frame.items()]
        labels = stack_label_columns(columns) if columns else np.empty((len(y), 0))
    else:
        labels = as_label_column(y)
    if labels.ndim not in (1, 2) or 0 in labels.shape[1:]:
        raise ValueError(f"Unknown label type: y has shape {labels.shape}; give it the shape (n,) or (n, outputs).")
    if labels.ndim == 2 and labels.shape[1] == 1:
        # convert again: a single column must not mix strings and other labels
        labels = as_label_column(column_or_1d(labels, warn=warn))
    if labels.ndim == 2 and labels.dtype.kind in "Of":
        is_empty = is_missing(labels).all(axis=1)
        if is_empty.any():
            raise ValueError(
                f"Input y contains NaN and nothing else in row {is_empty.argmax()}: leave out rows without any label."
            )
    return labels


def as_label_column(y: Target, *, may_have_missing: bool = False) -> Array:
    """Return labels as an array; objects become text or numbers.

    Labels may be missing with `may_have_missing`, or if there are several columns. The result is then of objects.
    """
    if type(y) is np.ndarray and y.dtype.isnative and y.dtype.kind in "biuU":
        return y  # the most frequent case, without missing labels
    labels = as_native_array(integers_from_polars(y), "y")
    if labels.ndim == 0:
        raise ValueError(f"Unknown label type: y is {short_repr(y)}; give it the shape (n,) or (n, outputs).")
    if labels.dtype.kind == "T":  # NumPy's strings of variable length
        labels = labels.astype(object)
    if labels.dtype.kind == "V":  # a structured array
        raise ValueError(
            f"Unknown label type: y has the dtype {labels.dtype}: give it a column for each field, of shape "
            "(n, outputs), or numbers or strings."
        )
    may_have_missing = may_have_missing or (labels.ndim == 2 and labels.shape[1] > 1)
    if labels.dtype.kind not in "biuU":
        _check_labels_are_usable(labels, may_have_missing)
    if labels.dtype != object:
        return labels
    missing = is_missing(labels)
    if not missing.any():
        return _from_objects(labels)
    for column, is_absent in zip(np.atleast_2d(labels.T), np.atleast_2d(missing.T), strict=True):
        _from_objects(column[~is_absent])  # raises for values that are not labels
    return np.where(missing, np.array(None), labels)  # pandas.NA cannot be compared


def stack_label_columns(columns: list[Array]) -> Array:
    """Return columns of labels side by side; as objects if text and numbers meet, since NumPy would make all text."""
    is_text = {column.dtype.kind in "OUT" for column in columns}
    return np.column_stack([column.astype(object) for column in columns] if is_text == {True, False} else columns)


def present_labels(column: Array) -> Array:
    """Return the labels of a column without missing ones."""
    return as_label_column(column[~is_missing(column)])


def is_indicator(labels: Array) -> bool:
    """Whether a two-dimensional array is a multilabel target: it holds only 0, 1 and missing labels."""
    present = labels if labels.dtype.kind in "biu" else labels[~is_missing(labels)]
    return present.dtype.kind in "biufO" and bool(((present == 0) | (present == 1)).all())


def indicator_codes(labels: Array) -> NDArray[np.intp]:
    """Return the codes of an indicator matrix: 0, 1, and -1 for missing labels."""
    return np.where(is_missing(labels), -1, labels).astype(np.intp)


def labels_of_codes(labels: Array, codes: Codes) -> Array:
    """Return the labels of some codes. The label of −1 is None, or NaN if labels are floats."""
    if (codes >= 0).all():
        return labels[codes]
    may_be_missing = labels if labels.dtype.kind == "f" else labels.astype(object)
    return np.append(may_be_missing, np.array([None], may_be_missing.dtype))[codes]  # −1 picks the last entry


def check_number_of_columns(labels: Array, n_columns: int) -> None:
    """Raise a ValueError if the number of columns is not that of fit."""
    if labels.ndim != 2 or labels.shape[1] != n_columns:
        raise ValueError(
            f"y has shape {labels.shape}, but the classifier knows {n_columns} outputs: give a column for each."
        )


def _from_objects(labels: Array) -> Array:
    """Return objects that all are text as they are, and others as numbers or bools; raise if they are neither."""
    values = labels.ravel().tolist()
    nested = next(
        (v for v in values if isinstance(v, Collection | np.ndarray) and not isinstance(v, str | bytes)), None
    )
    if nested is not None:
        raise ValueError(
            f"Unknown label type: y holds {short_repr(nested)}, a {type(nested).__name__}, as a label: make labels "
            "strings or numbers; for several labels per row, give y the shape (n, outputs)."
        )
    is_text = {isinstance(value, str) for value in values}
    if is_text == {True, False} and labels.ndim == 1:  # with two dimensions, each column is converted again
        raise ValueError("y mixes strings and other labels: make all of them strings, or none.")
    if True in is_text:
        return labels
    typed = np.array(labels.tolist())  # NumPy chooses the type
    if typed.dtype == object:
        unusable = next((value for value in values if np.array(value).dtype == object), values[0])
        raise ValueError(
            f"Unknown label type: y holds labels such as {short_repr(unusable)}: make them strings, or integers of 64 "
            "bits at most."
        )
    if typed.dtype.kind in "cf":
        _check_labels_are_usable(typed)
    return typed


def _check_labels_are_usable(labels: Array, may_have_missing: bool = False) -> None:
    """Raise a ValueError for labels that are infinite or complex, or missing unless they may be."""
    if labels.dtype.kind == "c":
        raise ValueError(
            "Unknown label type: y holds complex numbers. Complex data not supported: make them strings, or integers."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(
            f"Input y contains infinity, which is not a label, in row {np.argwhere(np.isinf(labels))[0][0]} first. "
            "Leave these rows out, or give them another one."
        )
    missing = is_missing(labels)
    if missing.any() and not may_have_missing:
        raise ValueError(
            f"Input y contains NaN: some labels are missing, that of row {np.argwhere(missing)[0][0]} first. Leave "
            "these rows out, or give them a label."
        )


# --- labels as codes -------------------------------------------------------------------------------------------------


Codes = NDArray[np.signedinteger[Any]]
TargetType = Literal["binary", "multiclass", "multilabel", "multioutput"]

MIN_ROWS_OF_COMBINATION = 10
"""Combinations of labels with fewer rows share one stratum, since they are too few to be split."""


class Labels(EqualByFields, ABC):
    """The labels of a classification target, as they were learnt."""

    exclusive: ClassVar[bool] = True
    """Whether each target column has one label out of several; False for multilabel targets."""

    @property
    @abstractmethod
    def target_type(self) -> TargetType:
        """The type of the target in scikit-learn's words."""

    @property
    def classes(self) -> Array | list[Array]:
        """The sorted labels; for "multioutput" targets a list of them, one per output."""
        return self.classes_by_column

    @property
    @abstractmethod
    def output_slices(self) -> tuple[slice, ...]:
        """The columns of the network's output that share a link: one slice per target column, or one for all labels."""

    @property
    def outputs_by_target(self) -> tuple[slice, ...]:
        """The columns of the network's output for each target column."""
        return self.output_slices

    @property
    @abstractmethod
    def classes_by_column(self) -> list[Array]:
        """The sorted labels that the codes index, one array per target column."""

    @abstractmethod
    def codes(self, labels: Array) -> Codes:
        """Return the codes of labels from `as_labels`; a ValueError names unknown labels."""

    @abstractmethod
    def target_matrix(self, codes: Codes, dtype: DTypeLike) -> Array:
        """Return the target matrix T of codes."""

    @abstractmethod
    def decode(self, codes: Codes) -> Array:
        """Return the labels of codes, in the form of `as_labels`."""

    @abstractmethod
    def most_probable(self, P: Array) -> Array:
        """Return the most probable labels, from P of shape (n, n_outputs)."""

    @abstractmethod
    def probabilities(self, P: Array, *, normalize: bool = False) -> Array | list[Array]:
        """Return probabilities in scikit-learn's shape, strictly between 0 and 1.

        `normalize` divides the probabilities of exclusive classes by their sum, if each comes from its own sigmoid.
        """

    def log_probabilities(self, log_P: Array) -> Array | list[Array]:
        """Return the logarithms of probabilities, in the shape of `probabilities`."""
        return log_P

    @property
    def n_outputs(self) -> int:
        """The number of columns of the network's output."""
        return int(self.output_slices[-1].stop)

    def smoothed_target_matrix(self, codes: Codes, dtype: DTypeLike = np.float64, smoothing: float = 0.0) -> Array:
        """Return the target matrix; `smoothing` is the share of each 1 that is spread over all labels of its column."""
        T = self.target_matrix(codes, dtype)
        if smoothing:
            for outputs in self.output_slices:
                # a single column stands for two labels: 1 and 0
                n_labels = max(2, outputs.stop - outputs.start) if self.exclusive else 2
                T[:, outputs] *= 1.0 - smoothing
                T[:, outputs] += smoothing / n_labels
        return T

    def strata(self, codes: Codes) -> Codes:
        """Return an integer for each row's label or combination of labels; rare combinations share one."""
        if codes.shape[1] == 1:
            return codes[:, 0]
        # sorting the bytes of each row as one value is much faster than sorting rows
        rows_as_bytes = np.ascontiguousarray(codes).view(f"V{codes.itemsize * codes.shape[1]}").ravel()
        _, combination, counts = np.unique(rows_as_bytes, return_inverse=True, return_counts=True)
        # len(counts) is an unused code
        return np.where(counts[combination] < MIN_ROWS_OF_COMBINATION, len(counts), combination)


@dataclass(frozen=True, eq=False)
class SingleLabels(Labels):
    """One label per row, out of K classes."""

    class_labels: Array

    @property
    def target_type(self) -> TargetType:
        return "binary" if len(self.class_labels) <= 2 else "multiclass"

    @property
    def classes(self) -> Array:
        return self.class_labels

    @property
    def classes_by_column(self) -> list[Array]:
        return [self.class_labels]

    @property
    def output_slices(self) -> tuple[slice, ...]:
        return (slice(0, 1 if len(self.class_labels) <= 2 else len(self.class_labels)),)

    def codes(self, labels: Array) -> Codes:
        """Look labels of shape (n,) up among the classes."""
        if labels.ndim != 1:
            raise ValueError(
                f"y has shape {labels.shape}, but the classifier knows one label per row: give y the shape (n,)."
            )
        # a dict, since 1, 1.0 and True are the same label, but differ in sorted arrays
        index, uniques = pd.factorize(labels)
        code_of = {label: code for code, label in enumerate(self.class_labels.tolist())}
        unknown = [label for label in uniques.tolist() if label not in code_of]
        if unknown:
            raise ValueError(
                f"y holds the labels {short_list(unknown)}, which are not among the classes "
                f"{short_list(self.class_labels.tolist())}: leave these rows out, or name every class that may come at "
                "the first fit."
            )
        codes = np.array([code_of[label] for label in uniques.tolist()], dtype=np.intp)
        return _small_integers(codes)[index[:, np.newaxis]]

    def target_matrix(self, codes: Codes, dtype: DTypeLike) -> Array:
        """Return 0 or 1 for two classes, (n, 1), and one-hot rows for more, (n, K)."""
        if len(self.class_labels) <= 2:
            return codes.astype(dtype)
        T = np.zeros((len(codes), len(self.class_labels)), dtype=dtype)
        T[np.arange(len(codes)), codes[:, 0]] = 1
        return T

    def decode(self, codes: Codes) -> Array:
        return self.class_labels[codes[:, 0]]

    def most_probable(self, P: Array) -> Array:
        if self.target_type == "multiclass":
            return self.class_labels[P.argmax(axis=1)]
        return self.class_labels[(P[:, 0] > 0.5) * (len(self.class_labels) - 1)]  # a single class is always predicted

    def probabilities(self, P: Array, *, normalize: bool = False) -> Array:
        """Return probabilities of shape (n, K); of a single class they are 1."""
        if self.target_type == "multiclass":
            P = P[:, -len(self.class_labels) :]  # without the probabilities of first classes
            if normalize:
                P = np.maximum(P, np.finfo(P.dtype).tiny)  # all probabilities of a row may round to 0
                P = P / P.sum(axis=1, keepdims=True)
            return _clip_probabilities(P)
        if len(self.class_labels) == 1:
            return np.ones_like(P[:, :1])
        return _clip_probabilities(P if P.shape[1] == 2 else np.concatenate([1 - P, P], axis=1))

    def log_probabilities(self, log_P: Array) -> Array:
        """Return logarithms of probabilities of shape (n, K)."""
        if len(self.class_labels) == 1:
            return np.zeros_like(log_P[:, :1])
        if log_P.shape[1] > 1:  # K > 2 classes, or both of two
            return log_P[:, -len(self.class_labels) :]
        # only the second of two classes is given: log(1 − p)
        return np.concatenate([np.log(_clip_probabilities(-np.expm1(log_P))), log_P], axis=1)


@dataclass(frozen=True, eq=False)
class MultiOutputLabels(Labels):
    """Several labels per row, each out of its own classes."""

    outputs: tuple[SingleLabels, ...]

    target_type = "multioutput"

    @property
    def classes_by_column(self) -> list[Array]:
        return [output.class_labels for output in self.outputs]

    @cached_property
    def output_slices(self) -> tuple[slice, ...]:
        stops = np.cumsum([output.n_outputs for output in self.outputs]).tolist()
        return tuple(slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False))

    def codes(self, labels: Array) -> Codes:
        """Look labels of shape (n, outputs) up, column by column."""
        check_number_of_columns(labels, len(self.outputs))
        codes = np.full(labels.shape, -1)
        for j, (output, column) in enumerate(zip(self.outputs, labels.T, strict=True)):
            present = ~is_missing(column)
            if present.any():
                codes[present, j] = output.codes(present_labels(column))[:, 0]
        return codes

    def target_matrix(self, codes: Codes, dtype: DTypeLike) -> Array:
        """Return the targets of all outputs side by side, NaN where a label is missing."""
        T = np.hstack([output.target_matrix(codes[:, [j]], dtype) for j, output in enumerate(self.outputs)])
        for code, outputs in zip(codes.T, self.output_slices, strict=True):
            T[code < 0, outputs] = np.nan
        return T

    def decode(self, codes: Codes) -> Array:
        return stack_label_columns(list(map(labels_of_codes, self.classes_by_column, codes.T)))

    def most_probable(self, P: Array) -> Array:
        """Return the most probable labels, (n, outputs); as objects if the types of the outputs differ."""
        columns = [output.most_probable(P[:, s]) for output, s in zip(self.outputs, self.output_slices, strict=True)]
        if len({column.dtype.kind for column in columns}) > 1:
            columns = [column.astype(object) for column in columns]
        return np.column_stack(columns)

    def probabilities(self, P: Array, *, normalize: bool = False) -> list[Array]:
        """Return probabilities of shape (n, K) in a list, one per output."""
        return [output.probabilities(columns, normalize=normalize) for output, columns in self._by_output(P)]

    def log_probabilities(self, log_P: Array) -> list[Array]:
        """Return logarithms of probabilities of shape (n, K) in a list, one per output."""
        return [output.log_probabilities(columns) for output, columns in self._by_output(log_P)]

    def _by_output(self, P: Array) -> Iterator[tuple[SingleLabels, Array]]:
        """Yield each output and its columns of P; of two classes both columns, if P has them."""
        first_class, P = P[:, : -self.n_outputs], P[:, -self.n_outputs :]  # `first_class` has n_outputs columns or none
        for output, s in zip(self.outputs, self.output_slices, strict=True):
            columns = [first_class[:, s], P[:, s]] if output.target_type == "binary" else [P[:, s]]
            yield output, np.concatenate(columns, axis=1)


@dataclass(frozen=True, eq=False)
class IndicatorLabels(Labels):
    """Any number of L labels per row, as a matrix of 0 and 1."""

    n_labels: int
    values: Array
    """0 and 1 in the type of y."""

    target_type = "multilabel"
    exclusive = False

    @property
    def classes(self) -> Array:
        """The indices of the labels, which have no names. Codes are indices into `values`."""
        return np.arange(self.n_labels)

    @property
    def classes_by_column(self) -> list[Array]:
        return [self.values] * self.n_labels

    @property
    def output_slices(self) -> tuple[slice, ...]:
        return (slice(0, self.n_labels),)

    def codes(self, labels: Array) -> Codes:
        """Return the codes of an indicator matrix; raise a ValueError for other values."""
        check_number_of_columns(labels, self.n_labels)
        if not is_indicator(labels):
            raise ValueError(
                "y holds other values than 0 and 1, but the classifier was given an indicator matrix first."
            )
        return indicator_codes(labels)

    @property
    def outputs_by_target(self) -> tuple[slice, ...]:
        return tuple(slice(j, j + 1) for j in range(self.n_labels))

    def target_matrix(self, codes: Codes, dtype: DTypeLike) -> Array:
        T: Array = codes.astype(dtype)
        T[codes < 0] = np.nan
        return T

    def decode(self, codes: Codes) -> Array:
        return labels_of_codes(self.values, codes)

    def most_probable(self, P: Array) -> Array:
        """Return the labels that are more probable than not."""
        return self.values[(P > 0.5).astype(np.intp)]

    def probabilities(self, P: Array, *, normalize: bool = False) -> Array:
        """Return probabilities of shape (n, L), which do not add up to 1."""
        return _clip_probabilities(P)


# --- learning --------------------------------------------------------------------------------------------------------


def learn_labels(y: Target, classes: Target | None = None) -> tuple[Labels, Codes]:
    """Learn which labels there are, and return them with the codes of y, (n, k).

    If y holds only some of the possible labels, `classes` are all of them; for several outputs, a list of such.
    """
    labels = as_labels(y, warn=True)
    if labels.ndim == 1:
        return _learn_single(labels, classes)
    n_columns = labels.shape[1]
    is_empty = is_missing(labels).all(axis=0)
    if classes is None and is_empty.any():
        raise ValueError(f"y has no label in column {is_empty.argmax()}: leave that column out.")
    if classes is not None and len(classes) != n_columns:
        raise ValueError(f"classes has {len(classes)} entries, but y has {n_columns} columns: give one for each.")
    # the entries of `classes` are lists for several outputs, and labels for a multilabel target
    has_lists = classes is not None and any(np.ndim(entry) == 1 for entry in classes)
    if is_indicator(labels) and not has_lists:
        dtype = labels.dtype if labels.dtype.kind in "biuf" else np.dtype(np.int64)  # objects: some labels are missing
        return IndicatorLabels(n_columns, np.array([0, 1], dtype=dtype)), indicator_codes(labels)
    lists = [None] * n_columns if classes is None else list(classes)
    outputs = [
        _learn_single(present_labels(column), classes_of_output)[0]
        for column, classes_of_output in zip(labels.T, lists, strict=True)
    ]
    several = MultiOutputLabels(tuple(outputs))
    return several, several.codes(labels)


def _learn_single(labels: Array, classes: Target | None) -> tuple[SingleLabels, Codes]:
    """Return the classes of one output, as given or found in its labels, and the codes, (n, 1)."""
    if classes is not None and np.ndim(classes) != 1:
        raise ValueError(f"classes={short_repr(classes)} has {np.ndim(classes)} dimensions: give a list of labels.")
    index, class_labels = pd.factorize(labels) if classes is None else (None, pd.unique(as_labels(classes)))
    check_text_is_encodable(class_labels.tolist(), "y")
    # check the distinct labels, which is fast; the error message needs all labels
    if type_of_target(class_labels, input_name="y") == "continuous":
        try:
            check_classification_targets(labels)
        except ValueError as error:
            raise ValueError(f"{error} Use SigmoidMLPRegressor for them.") from None
    order = np.argsort(class_labels)
    single = SingleLabels(class_labels[order])
    # if labels were factorized, the inverse permutation maps their codes
    return single, single.codes(labels) if index is None else _small_integers(np.argsort(order))[index[:, np.newaxis]]


def _small_integers(codes: Codes) -> Codes:
    """Return codes in the smallest type: those of all rows in int64 may take as much memory as the table."""
    return codes.astype(np.min_scalar_type(-1 - codes.max(initial=0)))


def _clip_probabilities(P: Array) -> Array:
    """Clip probabilities to the floats strictly between 0 and 1."""
    limits = np.finfo(P.dtype)
    return np.minimum(np.maximum(P, limits.tiny), 1 - limits.epsneg)


# --- class weights ---------------------------------------------------------------------------------------------------


def apply_class_weight(
    class_weight: object, labels: Labels, codes: Codes, sample_weight: ArrayLike | None = None
) -> Array | None:
    """Return the sample weights times the weight of each row's class; with several outputs, times all of them.

    `class_weight` is None, "balanced", a dict, or a list of dicts, one per output. "balanced" gives every class that
    occurs the same total of sample weights. The result is None if both weights are None.
    """
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if class_weight is None:
        return weight
    weight = np.ones(len(codes)) if weight is None else weight
    product = weight
    by_output = _for_each_column(class_weight, codes.shape[1])
    for setting, classes, codes_of_output in zip(by_output, labels.classes_by_column, codes.T, strict=True):
        present = codes_of_output >= 0
        # (K,), the total weight of each class
        total = np.bincount(codes_of_output[present], weight[present], len(classes))
        factor = _class_weights(setting, classes, total)
        # a missing label does not change the weight
        product = product * np.where(present, factor[codes_of_output], 1.0)
    return product


def _for_each_column(class_weight: object, n_columns: int) -> list[object]:
    """Return the class weights of each column of labels."""
    if isinstance(class_weight, str):
        return [class_weight] * n_columns
    if isinstance(class_weight, Mapping) and n_columns == 1:
        return [class_weight]
    if isinstance(class_weight, list | tuple) and len(class_weight) == n_columns:
        return list(class_weight)
    expected = "a dict, None or 'balanced'" if n_columns == 1 else f"'balanced', None or a list of {n_columns} dicts"
    raise ValueError(f"class_weight={class_weight!r} does not fit y: give {expected}.")


def _class_weights(class_weight: object, classes: Array, total: Array) -> Array:
    """Return the weight of each class of one output."""
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, Mapping):
        _check_weights_are_usable(class_weight)
        return _weights_by_label(class_weight, classes.tolist())
    if isinstance(class_weight, str) and class_weight == "balanced":
        # Σw / (k Σw of the class) for the k classes that occur; 0 for the others, which have no rows
        occurs = total > 0
        return np.divide(total.sum(), occurs.sum() * total, out=np.zeros(len(total)), where=occurs)
    raise ValueError(f"class_weight={class_weight!r} is not understood: give a dict of label: weight, or 'balanced'.")


def _weights_by_label(class_weight: Mapping[Any, Any], labels: list[Any]) -> Array:
    """Return the weight of each label, 1 by default; raise if a key is no label and a label has no key.

    If all labels have keys, others may be classes that a part of the rows lacks, as in cross-validation.
    """
    unknown = [key for key in class_weight if key not in labels]
    if unknown and any(label not in class_weight for label in labels):
        raise ValueError(
            f"class_weight has the keys {short_list(unknown)}, and the classes are {short_list(labels)}: correct these "
            "keys, or give every class a weight."
        )
    return np.array([class_weight.get(label, 1.0) for label in labels], dtype=np.float64)


def _check_weights_are_usable(class_weight: Mapping[Any, Any]) -> None:
    """Raise a ValueError for weights that are negative, not finite, or no numbers."""
    numbers = int | float | np.integer | np.floating
    bad = {
        label: weight
        for label, weight in class_weight.items()
        if not isinstance(weight, numbers)
        or isinstance(weight, bool)
        or not 0 <= np.asarray(weight).item() <= LARGEST_FLOAT  # a Python number: the limit would overflow in float32
    }
    if bad:
        raise ValueError(f"class_weight holds {bad}: weights must be finite numbers, 0 or more, and no bools.")
