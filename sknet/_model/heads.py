"""Heads turn labels or numbers into the network's targets, and raw outputs into predictions.

A head holds what was learnt about the targets, and the loss. It parses y once. All later steps use the codes of labels
or numbers.

Conventions
-----------
values : (n, m)       parsed y: codes of labels, one column per target column or label; or float64 numbers. With several
                      columns, a missing value is a code of -1, or NaN
target : (n, n_outputs)     the target matrix, which the loss compares with raw outputs; NaN for missing targets
raw : (n, n_outputs)        the network's output before the loss's link
weight : (n,) or None       positive sample weights
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import inf, log
from typing import ClassVar, Self

import numpy as np

from sknet._model.settings import TargetSettings
from sknet._network.links import Link
from sknet._network.losses import Loss
from sknet._network.losses_by_target import loss_of_divided_targets, loss_of_present_targets, works_in_any_unit
from sknet._network.losses_of_labels import CLASSIFICATION_LOSSES
from sknet._network.losses_of_numbers import REGRESSION_LOSSES
from sknet._tables.labels import Labels, apply_class_weight, as_labels, learn_labels
from sknet._tables.messages import short_list, short_repr
from sknet._tables.missing_codes import MissingCode, find_missing_code
from sknet._tables.statistics import MIN_TOTAL_WEIGHT
from sknet._tables.targets import (
    RegressionTarget,
    TargetScaler,
    check_no_target_is_empty,
    read_regression_target,
    restore_shape,
)
from sknet._typing import Array, DType, Target


@dataclass(frozen=True)
class ExplainedOutputs:
    """The outputs that `explain` splits into contributions: raw outputs, or predictions if the link fits any unit of y.

    Attributes
    ----------
    names : list of str
        For each output its class, label, target or quantile level, (n_outputs,).
    descriptions : list of str
        For each output what it is: "log-odds of 'yes'".
    scaler : TargetScaler
        Converts them to the units of y.
    linked_by : Link or None
        The link that turns raw outputs into these outputs; None if they are raw outputs.
    """

    names: list[str]
    descriptions: list[str]
    scaler: TargetScaler
    linked_by: Link | None = None

    @property
    def are_raw(self) -> bool:
        """Whether they are raw outputs: their slopes by the last hidden layer are the output weights."""
        return self.linked_by is None

    def of_raw(self, raw: Array) -> Array:
        """Compute the explained outputs from raw outputs; both are (n, n_outputs)."""
        return raw if self.linked_by is None else self.linked_by.predictions(raw)

    def backward(self, raw: Array, delta: Array) -> Array:
        """Backpropagate dJ/d of these outputs through the link: return dJ/draw; both are (n, n_outputs)."""
        return delta if self.linked_by is None else self.linked_by.backward(raw, delta)


class Head(ABC):
    """What turns labels or numbers into the network's targets, and raw outputs into predictions."""

    settings: TargetSettings
    # whether the loss must be divided by the dispersion to be minus a log-likelihood: of numbers, the variance of their
    # noise, and of counts, which usually vary more than Poisson's, the same quotient
    has_noise_scale: ClassVar[bool]

    @property
    @abstractmethod
    def loss(self) -> Loss:
        """The named loss with its options, or the user's own, for these targets."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """The number of raw outputs."""

    @property
    def log_divisor(self) -> Array | None:
        """The logarithm of what targets are divided by, with a log link their mean, (k,); None for labels."""
        return None

    @property
    @abstractmethod
    def explained_outputs(self) -> ExplainedOutputs:
        """The outputs that `explain` splits into contributions."""

    # --- targets -----------------------------------------------------------------------------------------------------

    @classmethod
    @abstractmethod
    def learn_and_read(cls, y: Target, settings: TargetSettings, classes: Target = None) -> tuple[Self, Array]:
        """Learn what y is, for labels perhaps with further classes; return the head and the parsed y."""

    @abstractmethod
    def read(self, y: Target) -> Array:
        """Return the values of y; raise for labels that are unknown."""

    @abstractmethod
    def reshape_like_y(self, values: Array) -> Array:
        """Return labels or numbers in the shape and type of the user's y."""

    def start_warnings(self, values: Array, *, holds_rows_out: bool) -> Iterator[str]:
        """Yield what to warn of before the first training."""
        return iter(())

    def with_fitted_scaler(self, values: Array, weight: Array | None, *, in_unit_of_mean: bool = True) -> Self:
        """Return the head with a scaler learnt from numbers, if the loss allows scaling; labels have no scale.

        Targets are centred and scaled to a standard deviation of 1. With a log link, they are divided by their mean
        if `in_unit_of_mean`.
        """
        return self

    def with_constants_of(self, values: Array) -> Self:
        """Return the head that predicts the only value of each target that has a single one; labels have classes."""
        return self

    def with_constants_confirmed_by(self, values: Array) -> Self:
        """Return the head without the constants that new values differ from."""
        return self

    def are_unlike_targets_of_fit(self, values: Array) -> bool:
        """Whether most values of a target are far from those that its scale was learnt from; labels have no scale."""
        return False

    def apply_class_weight(self, values: Array, weight: Array | None) -> Array | None:
        """Return the sample weights multiplied by the class weights; numbers have no classes."""
        return weight

    @abstractmethod
    def strata(self, values: Array) -> Array | None:
        """Return each row's stratum, an integer, see `assign_folds`; None for a plain split."""

    @abstractmethod
    def n_events(self, strata: Array | None) -> float:
        """Return how many rows are outside the largest class, or count an event, from their `strata`.

        It is infinite for numbers that are not counts.
        """

    @property
    def center_of_temperature(self) -> Array | float:
        """The raw outputs that a temperature leaves as they are, (k,) or a number: those of the mean, or even odds."""
        return 0.0

    @abstractmethod
    def targets(self, values: Array, dtype: DType, smoothing: float = 0.0) -> Array:
        """Return the target matrix: scaled numbers, or 0s and 1s with label smoothing."""

    @abstractmethod
    def initial_output_bias(self, target: Array, weight: Array | None, init: object) -> Array | None:
        """Return what to add to the first output biases, the loss's `start` with init="centred"; or None."""

    @abstractmethod
    def with_settings(self, settings: TargetSettings) -> Self:
        """Return the head under another loss or class weight; raise if its targets do not allow this."""

    @abstractmethod
    def check_same_classes(self, new: Self) -> None:
        """Raise if a warm start is given labels of other classes."""

    @abstractmethod
    def check_loaded(self) -> None:
        """Raise for values in a file that no fit learns."""

    # --- predictions -------------------------------------------------------------------------------------------------

    @abstractmethod
    def predict(self, raw: Array) -> Array:
        """Return what `predict` returns for raw outputs, which it may overwrite."""

    @abstractmethod
    def oof_prediction(self, raw: Array) -> Array | list[Array]:
        """Return what `oof_prediction_` holds of held-out rows: probabilities, or predictions."""

    @abstractmethod
    def backward_to_raw(self, raw: Array, delta: Array) -> Array:
        """Backpropagate dJ/d of probabilities, or of predictions in the units of y, to raw outputs: return dJ/draw."""


TEXTS_OF_MISSING_LABELS = ("nan", "NaN", "NaT", "<NA>", "")
"""What a missing label becomes when labels are made text, and an empty cell of a file that is read as it is."""


# --- labels ----------------------------------------------------------------------------------------------------------


def _label_loss(name: str | Loss, output_slices: Sequence[slice], exclusive: bool) -> Loss:
    """Return the loss with this name for slices of the raw outputs, or the user's own loss."""
    return name if isinstance(name, Loss) else CLASSIFICATION_LOSSES[name](output_slices, exclusive)


@dataclass(frozen=True)
class LabelHead(Head):
    """The head of a classifier: labels of any kind, and their probabilities."""

    settings: TargetSettings
    labels: Labels
    has_noise_scale = False  # the log-loss is minus a mean log-likelihood, and Brier's loss is taken for one

    @cached_property
    def loss(self) -> Loss:
        """The loss over all columns of labels."""
        name = self.settings.loss
        output_slices = self.labels.output_slices
        loss = _label_loss(name, output_slices, self.labels.exclusive)
        if len(output_slices) == 1 and self.labels.exclusive:
            return loss
        # with several labels per row, some may be missing
        return loss_of_present_targets(loss, self._losses_by_column, weight_of_each_target=1.0)

    @property
    def _losses_by_column(self) -> tuple[tuple[Loss, slice], ...]:
        """The loss and the raw outputs of each column of labels."""
        name, exclusive = self.settings.loss, self.labels.exclusive
        slices = self.labels.outputs_by_target
        return tuple((_label_loss(name, [slice(0, s.stop - s.start)], exclusive), s) for s in slices)

    @property
    def n_outputs(self) -> int:
        return self.labels.n_outputs

    @classmethod
    def learn_and_read(cls, y: Target, settings: TargetSettings, classes: Target = None) -> tuple[Self, Array]:
        """Learn the classes; return the head and the codes of y."""
        labels, codes = learn_labels(y, classes)
        return cls(settings, labels), codes

    def read(self, y: Target) -> Array:
        return self.labels.codes(as_labels(y, warn=True))

    def reshape_like_y(self, values: Array) -> Array:
        return self.labels.decode(values)

    def start_warnings(self, values: Array, *, holds_rows_out: bool) -> Iterator[str]:
        """Yield warnings of a single class of positive weight and of a class that may be missing labels.

        If rows are held out, yield a warning of classes of one row, too.
        """
        columns = self.labels.classes_by_column
        only_classes = [classes.tolist()[0] for classes in self._weighted_classes if len(classes) == 1]
        if only_classes:
            by_weight, checked = (
                ("", "y") if self.settings.class_weight is None else (" of positive weight", "y and class_weight")
            )
            yield (
                f"y has a single class{by_weight}, {short_repr(only_classes[0])}: the classifier can predict no other. "
                f"Check {checked}, or pass rows of other classes."
            )
        texts = [label for classes in columns for label in classes.tolist() if label in TEXTS_OF_MISSING_LABELS]
        if texts:
            rows = f"y != {texts[0]!r}"
            yield (
                f"y has the class {texts[0]!r}. If it stands for missing labels, leave these rows out: fit(X[{rows}], "
                f"y[{rows}])."
            )
        for classes, codes in zip(columns, values.T, strict=True):
            of_one_row = classes[np.bincount(codes[codes >= 0], minlength=len(classes)) == 1]
            if holds_rows_out and len(of_one_row):
                yield (
                    f"y has a single row for each of the classes {short_list(of_one_row.tolist())}. Such a class "
                    "cannot be both learnt and validated: pass more rows of it, merge it with another class, or leave "
                    f"its row out.{' For numbers, use SigmoidMLPRegressor.' if classes.dtype.kind in 'iuf' else ''}"
                )
                return

    @property
    def _weighted_classes(self) -> Iterator[Array]:
        """The classes of each column whose class weight is positive, whether rows have them or not."""
        columns = self.labels.classes_by_column
        for j, classes in enumerate(columns):
            codes = np.full((len(classes), len(columns)), -1)  # each class once, and no other labels
            codes[:, j] = np.arange(len(classes))
            weight = apply_class_weight(self.settings.class_weight, self.labels, codes)
            yield classes if weight is None else classes[weight > 0.0]

    def apply_class_weight(self, values: Array, weight: Array | None) -> Array | None:
        """Return the products of sample and class weights; raise if their sum is infinite or almost 0."""
        if self.settings.class_weight is None:
            return weight
        product = apply_class_weight(self.settings.class_weight, self.labels, values, weight)
        with np.errstate(over="ignore"):
            if product is not None and not np.isfinite(product.sum()):
                raise ValueError("class_weight times sample_weight adds up to more than a float holds: divide them.")
            if product is not None and 0.0 < product.sum() < MIN_TOTAL_WEIGHT:
                raise ValueError("class_weight times sample_weight adds up to almost nothing: multiply them.")
        if product is not None and not product.any():
            raise ValueError("class_weight and sample_weight make the weight of every row zero: one must be positive.")
        return product

    def strata(self, values: Array) -> Array | None:
        return self.labels.strata(values)

    def n_events(self, strata: Array | None) -> float:
        assert strata is not None  # labels have strata
        return len(strata) - int(np.bincount(strata).max())

    def targets(self, values: Array, dtype: DType, smoothing: float = 0.0) -> Array:
        return self.labels.smoothed_target_matrix(values, dtype, smoothing)

    def initial_output_bias(self, target: Array, weight: Array | None, init: object) -> Array | None:
        return self.loss.start(target, weight) if init == "centred" and self.loss.start is not None else None

    def with_settings(self, settings: TargetSettings) -> Self:
        return replace(self, settings=settings)

    def check_same_classes(self, new: Self) -> None:
        """Raise if a warm start is given labels of other classes."""
        if new.labels != self.labels:
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.labels.classes}, `y` has {new.labels.classes}"
            )

    def check_loaded(self) -> None:
        if any(classes.ndim != 1 for classes in self.labels.classes_by_column):
            raise ValueError("its arrays of labels do not have one dimension")

    def predict(self, raw: Array) -> Array:
        return self.labels.most_probable(self.loss.inverse_link.predictions(raw))

    def oof_prediction(self, raw: Array) -> Array | list[Array]:
        return self.reshape_probabilities(self.output_probabilities(raw))

    def backward_to_raw(self, raw: Array, delta: Array) -> Array:
        """Backpropagate through the link, and through the normalisation of one sigmoid per class."""
        link = self.loss.inverse_link
        if self.labels.exclusive and not link.is_normalized:
            P = link.predictions(raw)
            delta = np.hstack(
                [_backward_through_normalization(P[:, s], delta[:, s]) for s in self.labels.output_slices]
            )
        return link.backward(raw, delta)

    @property
    def explained_outputs(self) -> ExplainedOutputs:
        """Raw outputs, such as log-odds, each named after the class or label that it makes more probable."""
        classes = self.labels.classes
        if isinstance(classes, list):
            pairs = zip(classes, self.labels.output_slices, strict=True)
            # one label per output, the last ones of each column: two classes share one output, named after the second
            names = [f"{j}: {label}" for j, (column, s) in enumerate(pairs) for label in column[s.start - s.stop :]]
        else:  # two classes share one output, named after the second
            names = [str(label) for label in classes[-self.n_outputs :]]
        kinds = [
            loss.inverse_link.raw_output_name for loss, s in self._losses_by_column for _ in range(s.stop - s.start)
        ]
        descriptions = [f"{kind} of {name!r}" for kind, name in zip(kinds, names, strict=True)]
        return ExplainedOutputs(names, descriptions, TargetScaler.unscaled(self.n_outputs))

    def output_probabilities(self, raw: Array) -> Array:
        """Return the probability of each output, (n, n_outputs); with two classes, of both, (n, 2 n_outputs)."""
        link = self.loss.inverse_link
        # two exclusive classes share one output: `with_other_class` adds the probability of the first class
        return link.with_other_class(link.predictions, raw) if self.labels.exclusive else link.predictions(raw)

    def output_log_probabilities(self, raw: Array) -> Array:
        """Return the logarithms of `output_probabilities`; labels must be exclusive."""
        link = self.loss.inverse_link
        return link.with_other_class(link.log_predictions, raw)

    def reshape_probabilities(self, P: Array) -> Array | list[Array]:
        """Return the probabilities from `output_probabilities` in scikit-learn's shape."""
        return self.labels.probabilities(P, normalize=not self.loss.inverse_link.is_normalized)

    def decision_function(self, raw: Array) -> Array | list[Array]:
        """Return raw outputs in scikit-learn's shape: one array per target column, 1-d for two classes."""
        if not self.labels.exclusive:
            return raw
        columns = [raw[:, s] for s in self.labels.output_slices]
        columns = [column[:, 0] if column.shape[1] == 1 else column for column in columns]
        return columns if self.labels.target_type == "multioutput" else columns[0]


def _backward_through_normalization(P: Array, delta: Array) -> Array:
    """Return dJ/dP, (n, k), given delta = dJ/dQ for Q = P / ΣP; a single column is not normalised."""
    if P.shape[1] == 1:
        return delta
    total = P.sum(axis=1, keepdims=True)
    # dQ_i/dP_j = (1[i=j] - Q_i) / ΣP, so dJ/dP_j = (delta_j - Σ_i delta_i Q_i) / ΣP
    return (delta - np.vecdot(P, delta)[:, np.newaxis] / total) / total


# --- numbers ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RegressionHead(Head):
    """The head of a regressor: numbers, scaled for the network if the loss allows it.

    With a log link, the loss divides targets by their mean. Raw outputs and predictions stay in the target's units.
    """

    settings: TargetSettings
    regression_target: RegressionTarget
    has_noise_scale = True

    def __post_init__(self) -> None:
        if self.loss.levels and not self.regression_target.flat:
            raise ValueError(f"quantile={self.loss.levels!r} gives several levels and takes a y of one dimension.")

    @cached_property
    def loss(self) -> Loss:
        """The mean loss over all targets, in their own unit if targets are not scaled."""
        name = self.settings.loss
        loss = name if isinstance(name, Loss) else REGRESSION_LOSSES[name](**self.settings.options)
        k = self.regression_target.n_targets
        if k > 1:
            losses_by_target = tuple((loss, slice(j, j + 1)) for j in range(k))
            loss = loss_of_present_targets(loss, losses_by_target, weight_of_each_target=1.0 / k)
        if not loss.takes_scaled_targets and self.log_divisor.any():
            loss = loss_of_divided_targets(loss, self.regression_target.scaler.scale)
        return loss

    @property
    def n_outputs(self) -> int:
        # one per target, or one per quantile level
        return len(self.loss.levels) or self.regression_target.n_targets

    @property
    def log_divisor(self) -> Array:
        return np.log(self.regression_target.scaler.scale)

    @property
    def output_scaler(self) -> TargetScaler:
        """Converts predictions, after the link, to the units of y."""
        scaler = self.regression_target.scaler
        if self.loss.takes_scaled_targets:
            return scaler
        return replace(TargetScaler.unscaled(self.regression_target.n_targets), constants=scaler.constants)

    @classmethod
    def learn_and_read(cls, y: Target, settings: TargetSettings, classes: Target = None) -> tuple[Self, Array]:
        """Read numbers; return an unscaled head, and the numbers."""
        values, flat = read_regression_target(y)
        check_no_target_is_empty(values)
        # `with_fitted_scaler` learns the scale later, from a weighted sample of the rows
        return cls(settings, RegressionTarget(flat, TargetScaler.unscaled(values.shape[1]))), values

    def read(self, y: Target) -> Array:
        return read_regression_target(y)[0]

    def reshape_like_y(self, values: Array) -> Array:
        return restore_shape(values, self.regression_target.flat)

    def strata(self, values: Array) -> Array | None:
        # whether a count is above 0, so that rare events are held out too
        at_zero = self.loss.targets.low == 0.0 and self.loss.targets.includes_low
        return np.any(values > 0.0, axis=1).astype(int) if at_zero else None

    def n_events(self, strata: Array | None) -> float:
        return inf if strata is None else int(strata.sum())

    @property
    def center_of_temperature(self) -> Array | float:
        return 0.0 if self.loss.takes_scaled_targets else self.log_divisor

    def with_fitted_scaler(self, values: Array, weight: Array | None, *, in_unit_of_mean: bool = True) -> Self:
        """Return the head with the scaler that its loss and `target_scaling` allow."""
        if self.loss.takes_scaled_targets:
            if self.settings.target_scaling is None:
                return self
            scaler = TargetScaler.learn(values, weight)
        elif in_unit_of_mean and works_in_any_unit(self.loss, self.n_outputs):
            scaler = TargetScaler.learn_mean_scale(values, weight)
        else:
            return self
        return self._with_scaler(scaler)

    def start_warnings(self, values: Array, *, holds_rows_out: bool) -> Iterator[str]:
        """Yield a warning of a number that may stand for missing targets; one outside the loss's range raises later."""
        missing_code = self._find_missing_code(values)
        if missing_code is not None and self.loss.targets.contains(np.array(missing_code.code)):
            yield f"y is {missing_code}. {self._remedy_for_missing_code(missing_code)}"

    @staticmethod
    def _find_missing_code(values: Array) -> MissingCode | None:
        """Return the first number of any target that may stand for a missing one; None if there is none."""
        return next(filter(None, map(find_missing_code, values.T)), None)

    def _remedy_for_missing_code(self, missing_code: MissingCode) -> str:
        """Return the end of a message about a number that may stand for missing targets."""
        is_single = self.regression_target.n_targets == 1
        code = missing_code.literal
        rows = f"leave these rows out: fit(X[y != {code}], y[y != {code}])"
        return f"If {code} stands for a missing target, {rows if is_single else 'replace it by NaN'}."

    def with_constants_of(self, values: Array) -> Self:
        return self._with_scaler(self.regression_target.scaler.with_constants_of(values))

    def with_constants_confirmed_by(self, values: Array) -> Self:
        return self._with_scaler(self.regression_target.scaler.with_constants_confirmed_by(values))

    def are_unlike_targets_of_fit(self, values: Array) -> bool:
        return self.regression_target.scaler.lie_mostly_far_off(values)

    def _with_scaler(self, scaler: TargetScaler) -> Self:
        return replace(self, regression_target=replace(self.regression_target, scaler=scaler))

    def targets(self, values: Array, dtype: DType, smoothing: float = 0.0) -> Array:
        """Return the scaled numbers; raise for those outside the range of the loss or of the dtype."""
        self._check_range(values)
        self.regression_target.check_number_of_targets(values)
        with np.errstate(over="ignore"):
            target = self.regression_target.scaler.encode(values, dtype)
        if np.isinf(target).any():
            remedy = "set target_scaling='standard'" if self.loss.takes_scaled_targets else "divide y,"
            raise ValueError(f"y holds values too large for {dtype}: {remedy} or set dtype='float64'.")
        if not self.loss.takes_scaled_targets and (values.any(axis=0) > target.any(axis=0)).any():
            raise ValueError(f"y holds values too small for {dtype}: multiply y, or set dtype='float64'.")
        return target

    def _check_range(self, values: Array) -> None:
        """Raise for targets outside the range of the loss."""
        outside = ~self.loss.targets.contains(values) & ~np.isnan(values)
        if outside.any():
            least, most = np.nanmin(values), np.nanmax(values)
            takes = "all numbers, such as loss='squared_error'" if least < 0 else "zeros, such as loss='tweedie'"
            missing_code = self._find_missing_code(values)
            remedy = f"Choose a loss that takes {takes}."
            if missing_code is not None:
                remedy = self._remedy_for_missing_code(missing_code)
            raise ValueError(
                f"loss={self.loss.name!r} needs targets that are {self.loss.targets}; y has a minimum of {least:g} and "
                f"a maximum of {most:g}. {remedy}"
            )

    def initial_output_bias(self, target: Array, weight: Array | None, init: object) -> Array | None:
        is_centred = init == "centred" or not self.loss.takes_scaled_targets  # unscaled targets may be far from 0
        return self.loss.start(target, weight) if is_centred and self.loss.start is not None else None

    def with_settings(self, settings: TargetSettings) -> Self:
        """Return the head under another loss; raise if it takes other targets or has other outputs."""
        new = replace(self, settings=settings)
        is_scaled = settings.target_scaling is not None or self.log_divisor.any()
        scaled = is_scaled and new.loss.takes_scaled_targets != self.loss.takes_scaled_targets
        if scaled or new.n_outputs != self.n_outputs:
            what = "only one of them takes scaled targets" if scaled else "their numbers of outputs differ"
            raise ValueError(
                f"loss={new.loss.name!r} cannot follow the loss {self.loss.name!r} of the earlier fit that training "
                f"continues from: {what}. Set the loss as it was, or call fit with warm_start=False."
            )
        return new

    def check_same_classes(self, new: Self) -> None:
        pass  # numbers have no classes

    def check_loaded(self) -> None:
        scaler = self.regression_target.scaler
        if not np.isfinite([scaler.mean, scaler.scale]).all():
            raise ValueError("the targets do not have one finite mean and scale each")

    def predict(self, raw: Array) -> Array:
        """Return predictions in the units and the shape of y; with quantile levels, one column each."""
        if not (self.loss.takes_scaled_targets or self.regression_target.scaler.fits_float32):
            raw = raw.astype(np.float64)  # the exponential of a float32 would be 0 or infinite
        predictions = self.loss.inverse_link.predictions(raw)
        decoded = self.output_scaler.decode(predictions, raw.dtype)
        # with several quantile levels, columns are levels, and y has one dimension
        return decoded if self.loss.levels else restore_shape(decoded, self.regression_target.flat)

    def oof_prediction(self, raw: Array) -> Array:
        return self.predict(raw)

    def backward_to_raw(self, raw: Array, delta: Array) -> Array:
        return self.loss.inverse_link.backward(raw, delta * self.output_scaler.slope)

    @property
    def explained_outputs(self) -> ExplainedOutputs:
        """Predictions if targets are scaled; raw outputs if the link fixes the unit, such as a log link."""
        names = [str(name) for name in (self.loss.levels or range(self.n_outputs))]
        link = self.loss.inverse_link
        is_linked = self.loss.takes_scaled_targets and not link.is_identity
        kind = "prediction" if is_linked or link.is_identity else link.raw_output_name
        if self.loss.levels:
            descriptions = [f"quantile {name}" for name in names]
        else:
            descriptions = [f"{kind} of target {name}" for name in names] if len(names) > 1 else [kind]
        scaler = self.output_scaler
        if scaler.constants and not (is_linked or link.is_identity):  # the outputs are raw, and constants are not
            has_logs = link.is_exp(self.n_outputs) and all(value is None or value > 0 for value in scaler.constants)
            logs = tuple(None if value is None else log(value) for value in scaler.constants) if has_logs else ()
            scaler = replace(scaler, constants=logs)
        return ExplainedOutputs(names, descriptions, scaler, link if is_linked else None)
