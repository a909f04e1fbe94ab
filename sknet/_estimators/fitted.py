"""The result of a fit as one value, and the attributes that users read from it.

A fit publishes with one assignment, see `publish`, so that an estimator is never half changed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar, cast, overload

import numpy as np
import pandas as pd
from sklearn.exceptions import NotFittedError

from sknet._estimators.parameters import CommonParameters, as_plain_copies, plain_parameters
from sknet._estimators.read_data import TableSchema, read_known_table
from sknet._estimators.sklearn_api import BaseEstimator, CallbackSupportMixin, warn
from sknet._model.kept_state import state_with_new_gains
from sknet._model.model import Model
from sknet._model.residuals import (
    Atoms,
    HeldOutResiduals,
    LabelResiduals,
    Residuals,
    ResidualScale,
    ScaledResiduals,
)
from sknet._storage.pack import STORED_CLASSES, classes_by_name, pack, unpack
from sknet._tables.encoder import TableEncoder
from sknet._tables.formulas import InputDescription
from sknet._tables.messages import short_list
from sknet._tables.new_rows import columns_missing_only_now, numbers_outside_training, read_new_values
from sknet._tables.raw_table import have_equal_values
from sknet._training.solver import Epoch, State
from sknet._typing import Array, Table

T = TypeVar("T")


@dataclass(frozen=True)
class Fitted:
    """The result of a fit: everything that an estimator stores in addition to its parameters."""

    model: Model
    resolved: Mapping[str, object]
    schema: TableSchema
    seeds: tuple[int, int, int]  # see `Call`
    history: tuple[Epoch, ...] = ()
    n_iter: int = 0  # epochs of the last call
    n_samples_seen: int = 0  # by all calls and all members together
    state: State | None = None  # what training continues from, after `partial_fit` or an interrupt
    residuals: HeldOutResiduals | None = None  # of the rows held out by the last call
    # the epoch of the last call, from 1, whose weights are kept or that folds have chosen; 0 if there is none, and None
    # if no rows evaluated the epochs
    chosen_epoch: int | None = None
    n_earlier_epochs: int = 0  # epochs of earlier calls, which the last call went on from
    held_out_digest: str = ""  # of the rows that were held out once; "" with folds or validation rows
    fold_epochs: tuple[Epoch, ...] = ()  # the epochs of folds, if folds chose the epoch
    member_epochs: tuple[tuple[Epoch, ...], ...] = ()  # epochs of the last call for each network, if there were several
    out_of_fold: Array | list[Array] | None = None  # out-of-fold predictions
    importances: Array | None = None  # (d,)  of the columns, with sum 1; None after `partial_fit`

    def __post_init__(self) -> None:
        """Raise if the parts do not belong to tables of the same number of columns."""
        if self.schema.n != self.model.encoder.n_columns:
            raise ValueError("the table and the encoder have different numbers of columns")
        shares = self.importances
        if shares is not None and (shares.shape != (self.schema.n,) or shares.min() < 0.0):
            raise ValueError("the importances are not one number of 0 or more for each column")

    @property
    def scores(self) -> list[float] | None:
        """The validation score of every epoch, or of every epoch of folds; None without evaluation."""
        epochs = self.fold_epochs or self.history
        return None if self.chosen_epoch is None else [epoch.validation_score for epoch in epochs]

    @property
    def best_epoch(self) -> int:
        """The chosen epoch among those of all calls, 0 if there is none; without evaluation, the last one."""
        if self.chosen_epoch == 0:
            return 0
        return self.n_earlier_epochs + (self.n_iter if self.chosen_epoch is None else self.chosen_epoch)

    @property
    def best_score(self) -> float | None:
        """The validation score of the chosen epoch; NaN if it has none, and None without evaluation."""
        if self.scores is None:
            return None
        return self.scores[self.best_epoch - 1] if self.best_epoch else np.nan

    @property
    def losses(self) -> list[float]:
        """The training loss of every epoch."""
        return [epoch.loss for epoch in self.history]

    def with_names(self, names: object) -> "Fitted":
        """Return the result with other names of columns; SHAP sets None, so that arrays raise no warning."""
        new = None if names is None else np.asarray(names, dtype=object)
        if new is not None and new.shape != (self.schema.n,):
            raise ValueError(f"feature_names_in_ must hold {self.schema.n} names, got shape {new.shape}.")
        return replace(self, schema=replace(self.schema, names=new))

    def with_weights(self, name: str, arrays: object) -> "Fitted":
        """Return the result with other "coefs" or "intercepts", and without residuals and importances."""
        network = self.model.network
        changed: dict[str, Any] = {name: _checked_copies(f"{name}_", getattr(network, name), arrays)}
        network = replace(network, **changed)
        state = None if self.state is None else state_with_new_gains(self.state, network.layout.n_parameters)
        model = replace(self.model, network=network)
        return replace(self, model=model, state=state, residuals=None, importances=None)


def _checked_copies(name: str, old: tuple[Array, ...], new: object) -> tuple[Array, ...]:
    """Return copies of the user's arrays, in the dtype of the old arrays; raise if shapes differ."""
    try:
        with np.errstate(over="ignore"):  # `predict` raises for infinities
            # C order, as in learnt arrays: products with other orders are rounded differently
            copies = tuple([np.array(array, old[0].dtype, order="C") for array in new])  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        copies = ()  # it is no sequence, or does not hold numbers
    if [array.shape for array in copies] != [array.shape for array in old]:
        raise ValueError(f"{name} must hold arrays of the shapes {[array.shape for array in old]}: give these.")
    return copies


FITTED_CLASSES = (
    STORED_CLASSES
    | classes_by_name(Fitted, Residuals, ResidualScale, Atoms, ScaledResiduals, LabelResiduals)
    | {"Columns": TableSchema}  # the name that files keep
)
"""The classes of values in a file or a pickle, by name."""


def fitted_of(estimator: "ParametersAndAttributes") -> Fitted:
    """Return the result of an estimator's fit; raise scikit-learn's NotFittedError if it is not fitted."""
    if estimator._fitted is None:
        raise NotFittedError(
            f"This {type(estimator).__name__} instance is not fitted yet. Call 'fit' with appropriate arguments before "
            "using this estimator."
        )
    return estimator._fitted


def fitted_or_none(estimator: "ParametersAndAttributes") -> Fitted | None:
    """Return the result of an estimator's last fit; None before the first."""
    return estimator._fitted


def publish(estimator: "ParametersAndAttributes", fitted: Fitted) -> None:
    """Make a result the one that users see, in one assignment, so that the estimator is never half changed.

    What is in it is *published*: the weights, in `coefs_` and `intercepts_`, and the networks that they come from. The
    networks of folds only choose the epoch, so they are not published.
    """
    estimator._fitted = fitted


def model_and_checked_table(estimator: "ParametersAndAttributes", X: Table) -> tuple[Model, Table]:
    """Return the model and the checked table, dates instead of their text; warn of columns that cannot be read."""
    return model_and_read_table(estimator, checked_table(estimator, X))


def model_and_read_table(estimator: "ParametersAndAttributes", table: Table) -> tuple[Model, Table]:
    """Return what `model_and_checked_table` does, for a table that `checked_table` has returned."""
    fitted = fitted_of(estimator)
    model = fitted.model
    # X is a frame, but the model was fitted to an array: columns go by position, and errors use the frame's names
    if fitted.schema.names is None and isinstance(table, pd.DataFrame):
        model = model.with_names_of(table)
    missing = columns_missing_only_now(model.encoder, table)
    if missing:
        warn(
            f"Columns {short_list(missing)} of X are missing in all rows, but were never missing in fit: predictions "
            "make no use of them. Check how the table was made.",
            UserWarning,
        )
    table, unread = read_new_values(model.encoder, table)
    warn_of_unread_columns(unread, "X")
    if not fitted.n_earlier_epochs:  # the range is that of the first call's rows
        warn_of_columns_outside_range(model.encoder, table)
    return model, table


def checked_table(estimator: "ParametersAndAttributes", X: Table) -> Table:
    """Return the checked table, its values as they were passed."""
    return read_known_table(X, fitted_of(estimator).schema, type(estimator).__name__)


def warn_of_columns_outside_range(encoder: TableEncoder, X: Table) -> None:
    """Warn of columns of numbers with most of many new values outside the range of the training rows."""
    outside = numbers_outside_training(encoder, X)
    if outside:
        lowest, highest = encoder.columns[outside[0]].training_range
        names = [encoder.column_names[j] for j in outside]
        further_columns = f" The same holds for {short_list(names[1:])}." if names[1:] else ""
        warn(
            f"Column {names[0]!r} of X ranged from {lowest:.6g} to {highest:.6g} in fit, and most values are now "
            f"outside.{further_columns} Predictions there are guesses, and intervals are too narrow. Check the unit, "
            "and leave out columns that grow with time.",
            UserWarning,
        )


def warn_of_unread_columns(unread: Mapping[str, Sequence[str]], argument: str) -> None:
    """Warn of columns whose values the encoder could not read, with the reason: see `read_new_values`."""
    for reason, names in unread.items():
        warn(f"Columns {short_list(names)} of {argument} {reason}", UserWarning)


def outputs_of(estimator: "ParametersAndAttributes", X: Table, convert_raw: Callable[[Array], Array]) -> Array:
    """Return `Model.convert_raw_outputs` of a table; use known raw outputs if there are any."""
    outputs = estimator._outputs_for_scorer
    # identity is tested first, for tables that are not in memory: their values cannot be compared
    if outputs is not None and (X is outputs.table or have_equal_values(outputs.table, X)):
        return convert_raw(outputs.raw.copy())  # a copy, since `convert_raw` may overwrite it
    model, table = model_and_checked_table(estimator, X)
    return model.convert_raw_outputs(table, convert_raw)


@dataclass(frozen=True)
class OutputsForScorer:
    """Raw outputs for the held-out rows, computed when an epoch is evaluated, so that a scorer can use them.

    A scorer calls `predict`, which would encode these rows again: a fit with a scorer would take 10 to 20% longer.
    """

    raw: Array  # (n, k)
    table: Table  # (n, d)  a copy, since a scorer may change the table


class FittedAttribute(Generic[T]):
    """A descriptor that reads a fitted attribute from the result of the last fit.

    Before a fit it raises NotFittedError, an AttributeError, so that `hasattr` is False, as scikit-learn expects.

    Parameters
    ----------
    read : callable
        fitted -> value; None for a missing value, if `missing` is given.

    write : callable, default=None
        (fitted, value) -> a new `Fitted` with this value; lets users set the attribute.

    missing : str, default=""
        Why an attribute may be missing after a fit.
    """

    def __init__(
        self,
        read: Callable[[Fitted], T | None],
        write: Callable[[Fitted, object], Fitted] | None = None,
        missing: str = "",
    ) -> None:
        self._read = read
        self._write = write
        self._missing = missing

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, estimator: None, owner: type) -> "FittedAttribute[T]": ...

    @overload
    def __get__(self, estimator: "ParametersAndAttributes", owner: type) -> T: ...

    def __get__(self, estimator: "ParametersAndAttributes | None", owner: type) -> "T | FittedAttribute[T]":
        """Return the value; without an estimator, this descriptor."""
        if estimator is None:
            return self
        value = self._read(fitted_of(estimator))
        if value is None and self._missing:
            name = type(estimator).__name__
            raise AttributeError(f"{name!r} object has no attribute {self._name!r}: {self._missing}.")
        return cast(T, value)

    def __set__(self, estimator: "ParametersAndAttributes", value: object) -> None:
        """Set the value by hand, if `write` allows it."""
        if self._write is None:
            raise AttributeError(f"{self._name} is set by fit: it cannot be set by hand.")
        publish(estimator, self._write(fitted_of(estimator), value))


def history_table(fitted: Fitted) -> pd.DataFrame:
    """Return one row per epoch, and per network if there were several."""
    tables = [_epochs_table(epochs) for epochs in fitted.member_epochs or [fitted.history]]
    # The folds' joint losses go into the table of each network. The join is outer because folds also trained epochs
    # after the chosen one, which get rows without a training loss.
    if fitted.fold_epochs:
        losses = _epochs_table(fitted.fold_epochs)[["validation_loss", "validation_score"]]
        tables = [table.drop(columns=losses.columns).join(losses, how="outer")[table.columns] for table in tables]
    if not fitted.member_epochs:
        return tables[0]
    for i, table in enumerate(tables):
        table.insert(0, "member", i)
    return pd.concat(tables)


def _epochs_table(epochs: Iterable[Epoch]) -> pd.DataFrame:
    return pd.DataFrame(list(epochs), columns=list(Epoch.__dataclass_fields__)).rename_axis("epoch")


def inputs_table(encoder: TableEncoder) -> pd.DataFrame:
    """Return one row per input of the network, with its column and description."""
    columns, descriptions = zip(*encoder.input_descriptions, strict=True)  # one pair for each input
    names = pd.Index(encoder.feature_names, name="input")
    table = pd.DataFrame(list(descriptions), columns=list(InputDescription._fields), index=names).drop(columns="suffix")
    table.insert(0, "column", list(columns))
    return table


_NOT_PICKLED = {
    "_outputs_for_scorer",  # these are as large as the held-out rows
    "_skl_callbacks", "_skl_callbacks_to_teardown", "_callback_fit_ctx", "_parent_callback_ctx",  # scikit-learn's
}  # fmt: skip
"""Attributes that are left out of pickles: the outputs for a scorer, and the state of callbacks."""


class ParametersAndAttributes(CallbackSupportMixin, BaseEstimator, CommonParameters):
    """What both estimators hold: parameters, fitted attributes, and scikit-learn's callbacks."""

    _fitted: Fitted | None = None
    _outputs_for_scorer: OutputsForScorer | None = None  # set on the copy that a scorer gets

    coefs_: FittedAttribute[tuple[Array, ...]] = FittedAttribute(
        lambda f: f.model.network.coefs, lambda f, arrays: f.with_weights("coefs", arrays)
    )
    intercepts_: FittedAttribute[tuple[Array, ...]] = FittedAttribute(
        lambda f: f.model.network.intercepts, lambda f, arrays: f.with_weights("intercepts", arrays)
    )
    n_layers_: FittedAttribute[int] = FittedAttribute(lambda f: len(f.model.network.coefs) + 1)
    n_outputs_: FittedAttribute[int] = FittedAttribute(lambda f: f.model.head.n_outputs)
    out_activation_: FittedAttribute[str] = FittedAttribute(lambda f: f.model.head.loss.inverse_link.name)
    n_features_in_: FittedAttribute[int] = FittedAttribute(lambda f: f.schema.n)
    n_iter_: FittedAttribute[int] = FittedAttribute(lambda f: f.n_iter)
    t_: FittedAttribute[int] = FittedAttribute(lambda f: f.n_samples_seen)
    loss_curve_: FittedAttribute[list[float]] = FittedAttribute(lambda f: f.losses)
    loss_: FittedAttribute[float] = FittedAttribute(lambda f: f.history[-1].loss if f.history else np.nan)
    best_loss_: FittedAttribute[float | None] = FittedAttribute(
        lambda f: min(f.losses, default=np.nan) if f.scores is None or f.fold_epochs else None
    )
    validation_scores_: FittedAttribute[list[float] | None] = FittedAttribute(lambda f: f.scores)
    best_validation_score_: FittedAttribute[float | None] = FittedAttribute(lambda f: f.best_score)
    best_epoch_: FittedAttribute[int] = FittedAttribute(lambda f: f.best_epoch)
    temperature_: FittedAttribute[float] = FittedAttribute(lambda f: f.model.network.temperature)
    network_feature_names_: FittedAttribute[Array] = FittedAttribute(
        lambda f: np.asarray(f.model.encoder.feature_names, dtype=object)
    )
    inputs_: FittedAttribute[pd.DataFrame] = FittedAttribute(lambda f: inputs_table(f.model.encoder))
    history_: FittedAttribute[pd.DataFrame] = FittedAttribute(history_table)
    oof_prediction_: FittedAttribute[Array | list[Array]] = FittedAttribute(
        lambda f: f.out_of_fold,
        missing="only a fit with early_stopping='folds' keeps it ('auto' does not), and partial_fit drops it",
    )
    feature_importances_: FittedAttribute[Array] = FittedAttribute(
        lambda f: f.importances,
        missing="fit computes it, and partial_fit and weights set by hand drop it; use explain(X).importance() instead",
    )
    feature_names_in_: FittedAttribute[Array] = FittedAttribute(
        lambda f: f.schema.names, Fitted.with_names, missing="fit sets it if the names of all columns are text"
    )

    @property
    def resolved_params_(self) -> dict[str, object]:
        """All parameters, with the value that each "auto" took.

        The options of a loss stay "auto", and so does `numeric_encoding` if networks with and without bins alternate.
        Setting them on an estimator gives the same fit. Lists, dicts and arrays are copies; functions and other objects
        are your own.
        """
        resolved = fitted_of(self).resolved
        return {name: as_plain_copies(resolved[name]) for name in self.get_params(deep=False)}

    def _with_plain_parameters(self) -> Self:
        """Return a copy whose parameters are in the containers that a fit works with: see `plain_parameters`."""
        copied = copy(self)
        vars(copied).update(plain_parameters(self.get_params(deep=False)))
        return copied

    # --- scikit-learn's contract -------------------------------------------------------------------------------------

    def __copy__(self) -> Self:
        """Return a copy that shares the fitted values; the default would pack them as in a pickle."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __getstate__(self) -> dict[str, object]:
        """Return what is pickled, with the fitted values packed."""
        state: dict[str, object] = super().__getstate__()  # type: ignore[assignment]
        if self._fitted is None:
            return state
        pickled = {name: value for name, value in state.items() if name not in _NOT_PICKLED}
        # pack them as dicts, text and arrays: pickles of private classes could not be read once one is moved or renamed
        return pickled | {"_fitted": pack(self._fitted, FITTED_CLASSES)}

    def __setstate__(self, state: dict[str, object]) -> None:
        super().__setstate__(state)  # type: ignore[misc]
        if self._fitted is not None:  # `__getstate__` has packed it
            self._fitted = unpack(self._fitted, FITTED_CLASSES)  # type: ignore[assignment, arg-type]

    def __sklearn_is_fitted__(self) -> bool:
        return self._fitted is not None
