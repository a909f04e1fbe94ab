"""Turn an estimator's parameters into typed `Settings`, which have no "auto" and one entry per layer.

The value of an "auto" depends on the other parameters and on facts about the training rows. With scikit-learn's own
schedules, which have no end, "auto" turns off everything that scikit-learn does not have. So training with
scikit-learn's settings does the same as there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from inspect import signature
from itertools import pairwise
from math import inf
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, TypeVar

import numpy as np

from sknet._estimators.fitted import ParametersAndAttributes
from sknet._estimators.parameters import (
    AGAINST_ADDED_INPUTS,
    AGAINST_AUTO_AVERAGING,
    AGAINST_AUTO_TEMPERATURE,
    AGAINST_FOLDS,
    AGAINST_MEMBERS,
    ENDLESS_SCHEDULE,
    FOLDS,
    FULL_BATCHES,
    NOT_LOG_LOSS,
    UNSCALED_INPUTS,
    USER_FOLDS,
    USER_FRACTION,
    ClassifierParameters,
    CommonParameters,
    RegressorParameters,
    check_conflicts_with_folds,
    check_conflicts_with_solver,
    check_unchanged,
    fixed_once_learnt,
    none_holds,
)
from sknet._estimators.suggestions import suggest_value
from sknet._model import rules_by_rows as rules
from sknet._model.fading import PULL_STRENGTH
from sknet._model.machine import check_fits_in_memory
from sknet._model.rows import LARGEST_BATCH_IN_MEMORY
from sknet._model.settings import Settings, TargetSettings
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import Loss
from sknet._network.losses_of_numbers import REGRESSION_LOSSES
from sknet._tables.column import ColumnSettings
from sknet._tables.kinds import UNKNOWN_COLUMNS, Survey
from sknet._training.lbfgs import LBFGS
from sknet._training.loop import MiniBatchSolver
from sknet._training.optimizers import OPTIMIZERS, SCHEDULES, UserSchedule
from sknet._training.patience import Patience
from sknet._training.solver import Solver

# --- values that "auto" becomes --------------------------------------------------------------------------------------
#
# Those that depend on the number of rows are in `_model/rules_by_rows.py`, and docs/defaults.md lists all. "What was
# decided" in tests/benchmarks/notes.md has the alternatives, and what was measured.

AUTO_CLASSIFIER_SIZES = (128,)
"""The value of `hidden_layer_sizes="auto"` for a classifier."""

AUTO_REGRESSOR_SIZES = (96, 32)
"""The value of `hidden_layer_sizes="auto"` for a regressor."""

UNITS_PER_SET = 8
"""With `hidden_layer_sizes="auto"`, each set of columns that may interact gets at least this many units per layer."""

AUTO_AVERAGING = 0.99
"""The value of `averaging="auto"` if held-out rows evaluate the weights."""

AUTO_DROPOUT = 0.1
"""The value of `dropout="auto"` for a classifier that Adam trains and held-out rows evaluate."""

AUTO_LABEL_SMOOTHING = 0.02
"""The value of `label_smoothing="auto"` if a temperature corrects the smoothed probabilities."""

AUTO_CLIP_NORM = 10.0
"""The value of `clip_norm="auto"` for SGD, whose steps grow with the gradient, which may be huge for counts."""

AUTO_WEIGHT_DECAY = 0.02
"""The value of `weight_decay="auto"` for Adam."""


# --- the facts that they depend on -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AutoFacts:
    """What "auto" depends on, in addition to the other parameters."""

    n_rows: int  # training rows
    early_stopping: bool | Literal["folds"]  # what evaluates the epochs: nothing, validation rows, or folds
    n_held_out: int = 0  # rows of the table that are held out
    n_events: float = inf  # see `Head.n_events`
    survey: Survey = UNKNOWN_COLUMNS
    n_interaction_sets: int = 1  # how many sets of columns `interaction_cst` keeps apart
    is_stream: bool = False  # see `FeatureTable`
    largest_batch: int = LARGEST_BATCH_IN_MEMORY  # see `FeatureTable`
    earlier_resolved: Mapping[str, object] | None = None  # the resolved parameters of the fit that learnt the columns
    is_incremental: bool = False  # in `partial_fit`: see `Call`
    n_epochs: int | None = None  # how many epochs to train, with those already done; None for `max_iter`

    @property
    def n_table_rows(self) -> int:
        """The number of rows of the table: training rows and held-out rows, without `X_val`."""
        return self.n_rows + self.n_held_out


# --- what evaluates the epochs ---------------------------------------------------------------------------------------


def choose_early_stopping(params: CommonParameters, n_rows: int, *, is_stream: bool = False) -> bool | Literal["folds"]:
    """Return what evaluates the epochs: folds (of n rows or by the user's splitter), held-out rows, or nothing."""
    if USER_FOLDS.holds(params) or FOLDS.holds(params):
        check_conflicts_with_folds(params)
        return "folds"
    if params.early_stopping == "auto" and n_rows < rules.LARGE_TABLE_ROWS:
        if n_rows < rules.MIN_EVALUATED_ROWS:
            return False
        # else rows are held out as below: a single epoch leaves nothing to choose, and some parameters need held-out
        # rows or belong to scikit-learn's way of training
        if params.max_iter > 1 and none_holds(params, (*AGAINST_FOLDS, USER_FRACTION)) and not is_stream:
            return "folds"
    return bool(params.early_stopping)


def fraction_to_hold_out(params: CommonParameters, n_rows: int, max_held_out: float = inf) -> float:
    """Return the fraction of the table's rows to hold out."""
    parameter: Any = params.validation_fraction  # here, it is no splitter
    fraction = rules.fraction_held_out(n_rows) if isinstance(parameter, str) else float(parameter)
    return min(fraction, max_held_out / n_rows)


# --- what each "auto" becomes ----------------------------------------------------------------------------------------
#
# A rule is a function (params, facts) -> value. In params, the parameters that it reads are resolved already. Rules
# named `auto_...` replace "auto" alone, and those named `resolved_...` also change values of the user.


def resolved_n_members(params: CommonParameters, facts: AutoFacts) -> int:
    """Return the number of networks to train; raise if the user asks for several and another setting forbids it."""
    if facts.is_incremental:
        return 1
    reasons = [condition.name_and_value(params) for condition in AGAINST_MEMBERS if condition.holds(params)]
    if facts.survey.is_sparse:
        reasons.append("sparse X")
    if facts.is_stream:
        reasons.append("a stream")
    if params.n_members == "auto":
        return 2 if params.early_stopping and not reasons else 1
    n_members = int(params.n_members)
    if n_members > 1 and reasons and facts.earlier_resolved is None:
        raise ValueError(
            f"n_members={n_members} does not go with {reasons[0]}, which takes a single network: leave it out, or set "
            "n_members=1."
        )
    return n_members


def resolved_batch_size(params: CommonParameters, facts: AutoFacts) -> int:
    """Return the number of rows per step, at most all rows."""
    n = facts.n_rows
    if params.batch_size == "auto":
        return min(n, 200)  # as in scikit-learn
    if params.batch_size != "proportional":
        return min(n, int(params.batch_size))
    largest = max(facts.largest_batch, min(n // rules.MAX_STEPS_PER_EPOCH, rules.LARGE_BATCH))
    return min(n, int(np.clip(n // rules.STEPS_PER_EPOCH, rules.SMALLEST_PROPORTIONAL_BATCH, largest)))


def resolved_temperature_scaling(params: ClassifierParameters, facts: AutoFacts) -> bool:
    """Whether to choose a temperature, which needs held-out rows."""
    if params.temperature_scaling == "auto":
        return none_holds(params, (NOT_LOG_LOSS, *AGAINST_AUTO_TEMPERATURE))
    return bool(params.temperature_scaling and params.early_stopping)


def has_temperature(params: CommonParameters, facts: AutoFacts) -> bool:
    """Whether held-out rows choose a temperature: as `temperature_scaling` says, or for counts with few events."""
    if isinstance(params, ClassifierParameters):
        return bool(params.temperature_scaling)
    are_rare = isinstance(params.loss, str) and facts.n_events < rules.FEW_EVENTS
    # with unscaled inputs, targets are not divided by their mean, which the temperature would need
    return are_rare and none_holds(params, (*AGAINST_AUTO_TEMPERATURE, UNSCALED_INPUTS))


def resolved_target_scaling(params: RegressorParameters, facts: AutoFacts) -> str | None:
    """Return how targets are scaled: not at all by losses that do not allow it, such as a user's with its own link."""
    # the loss's options do not matter here
    loss = REGRESSION_LOSSES[params.loss]() if isinstance(params.loss, str) else params.loss
    return params.target_scaling if loss.takes_scaled_targets else None


def auto_sizes(params: CommonParameters, facts: AutoFacts) -> tuple[int, ...] | int:
    """Return the sizes of the hidden layers, larger if sets of columns share the units."""
    sizes: tuple[int, ...] = AUTO_CLASSIFIER_SIZES if isinstance(params, ClassifierParameters) else AUTO_REGRESSOR_SIZES
    if facts.n_interaction_sets > 1:
        sizes = tuple([max(size, UNITS_PER_SET * facts.n_interaction_sets) for size in sizes])
    return sizes if params.depth == 1 else sizes[0]  # `depth` layers of the first size


def auto_dtype(params: CommonParameters, facts: AutoFacts) -> str:
    """Return the float type. Folds train several networks, and float64 would take twice the time even for few rows."""
    is_small = FULL_BATCHES.holds(params) or facts.n_rows < rules.SMALL_TABLE_ROWS
    return "float64" if is_small and params.early_stopping != "folds" else "float32"


def is_trained_by(params: CommonParameters, solver: str) -> bool:
    """Whether this solver trains the networks, and not with one of scikit-learn's schedules, which have no end."""
    return params.solver == solver and not ENDLESS_SCHEDULE.holds(params)


def auto_dropout(params: CommonParameters, facts: AutoFacts) -> float:
    """Return the dropout rate of all hidden layers."""
    has_dropout = isinstance(params, ClassifierParameters) and is_trained_by(params, "adam") and params.early_stopping
    return AUTO_DROPOUT if has_dropout else 0.0


def auto_tol(params: CommonParameters, facts: AutoFacts) -> float:
    """Return the least improvement that counts."""
    if params.early_stopping == "folds":
        return rules.FOLDS_TOL
    return rules.LARGE_TOL if is_large(params, facts) and not FULL_BATCHES.holds(params) else rules.TOL


def auto_patience(params: CommonParameters, facts: AutoFacts) -> int:
    """Return the value of `n_iter_no_change`."""
    if params.early_stopping == "folds":
        is_steady = isinstance(params, RegressorParameters) or facts.n_rows >= rules.MEDIUM_TABLE_ROWS
        return rules.STEADY_FOLDS_PATIENCE if is_steady else rules.FOLDS_PATIENCE
    return rules.LARGE_PATIENCE if is_large(params, facts) else rules.PATIENCE


def is_large(params: CommonParameters, facts: AutoFacts) -> bool:
    """Whether the table is large; not with scikit-learn's schedules, which have the same values for all tables."""
    return facts.n_table_rows >= rules.LARGE_TABLE_ROWS and not ENDLESS_SCHEDULE.holds(params)


ALTERNATING_BINS = "auto"
"""The resolved `numeric_encoding` if every second network sees bins. It stays "auto": no other value says so."""


def auto_numeric_encoding(params: CommonParameters, facts: AutoFacts) -> str:
    """Return the encoding of numbers, or `ALTERNATING_BINS` for several networks."""
    if not (may_add_inputs(params, facts) and 0 < facts.survey.n_numbers <= rules.MAX_COLUMNS_WITH_AUTO_BINS):
        return "raw"
    if int(params.n_members) > 1:
        return ALTERNATING_BINS
    return "raw" if facts.n_rows < rules.MEDIUM_TABLE_ROWS else encoding_with_bins(params)


def encoding_with_bins(params: CommonParameters) -> str:
    """Return the encoding of numbers for networks that see bins, if the user has not chosen it.

    A classifier's networks get steps if epochs are evaluated. Otherwise they do not, so that k calls of `partial_fit`
    equal one fit, and a row of weight 2 equals two rows.
    """
    return "steps" if isinstance(params, ClassifierParameters) and params.early_stopping else "piecewise_linear"


def auto_input_gains(params: CommonParameters, facts: AutoFacts) -> bool:
    """Whether each input has a factor that is learnt; without hidden layers, it would be one weight more."""
    return may_add_inputs(params, facts) and not FULL_BATCHES.holds(params) and np.size(params.hidden_layer_sizes) > 0


def auto_category_encoding(params: CommonParameters, facts: AutoFacts) -> str:
    """Return the encoding of categories: without target means if `partial_fit` would keep those of its first call."""
    may_have_means = may_add_inputs(params, facts) and not facts.is_incremental
    return "both" if may_have_means and facts.survey.needs_target_means(params.max_categories) else "one_hot"


def may_add_inputs(params: CommonParameters, facts: AutoFacts) -> bool:
    """Whether "auto" may add inputs to the network.

    It may not with the user's initial weights, with unscaled or sparse inputs, or with scikit-learn's schedules.
    """
    return not facts.survey.is_sparse and none_holds(params, AGAINST_ADDED_INPUTS)


AUTO_RULES: dict[str, Callable[[Any, AutoFacts], object]] = {
    # these read no parameter that may be "auto"; early_stopping is False also if there are too few rows to hold out
    "early_stopping": lambda params, facts: facts.early_stopping,
    "batch_size": resolved_batch_size,
    "target_scaling": resolved_target_scaling,
    "init": lambda params, facts: "centred",
    "hidden_layer_sizes": auto_sizes,
    "validation_fraction": lambda params, facts: rules.fraction_held_out(facts.n_table_rows),
    "n_bins": lambda params, facts: rules.auto_n_bins(facts.n_rows, facts.survey.n_numbers),
    "text_features": lambda params, facts: list(facts.survey.free_text_names) or None,
    "clip_norm": lambda params, facts: AUTO_CLIP_NORM if is_trained_by(params, "sgd") else None,
    "weight_decay": lambda params, facts: AUTO_WEIGHT_DECAY if is_trained_by(params, "adam") else 0.0,
    # these read early_stopping
    "dtype": auto_dtype,
    "averaging": lambda params, facts: AUTO_AVERAGING if none_holds(params, AGAINST_AUTO_AVERAGING) else 0.0,
    "dropout": auto_dropout,
    "tol": auto_tol,
    "n_iter_no_change": auto_patience,
    "temperature_scaling": resolved_temperature_scaling,
    # this reads temperature_scaling, since a temperature corrects the smoothed probabilities
    "label_smoothing": lambda params, facts: AUTO_LABEL_SMOOTHING if params.temperature_scaling else 0.0,
    # these read init, for a user's weights; n_members also reads early_stopping, input_gains reads hidden_layer_sizes,
    # and numeric_encoding reads early_stopping and n_members
    "n_members": resolved_n_members,
    "category_encoding": auto_category_encoding,
    "input_gains": auto_input_gains,
    "numeric_encoding": auto_numeric_encoding,
}
"""The rules of the parameters that may be "auto". Each comes after those of the parameters that it reads."""

RESOLVED_FOR_ALL_VALUES = {"early_stopping", "batch_size", "target_scaling", "temperature_scaling", "n_members"}
"""The parameters whose values by the user may change too, for instance if there are too few rows."""


def resolved_copy(estimator: CommonParameters, facts: AutoFacts) -> CommonParameters:
    """Return a copy of the parameters with every "auto" replaced. Set on an estimator, they give the same fit."""
    kind = ClassifierParameters if isinstance(estimator, ClassifierParameters) else RegressorParameters
    # copy only the fields, not attributes or parameters of a subclass
    params = kind(**{field.name: getattr(estimator, field.name) for field in fields(kind)})
    earlier = facts.earlier_resolved or {}
    # training continues with the learnt encoders, and from weights of these sizes
    learnt = {name: earlier[name] for name in (*fixed_once_learnt(params), "hidden_layer_sizes") if name in earlier}
    for name, resolve_value in AUTO_RULES.items():
        value = getattr(params, name, None)  # None for a parameter of the other estimator
        is_auto = isinstance(value, str) and value == "auto"  # an array is not
        if is_auto and name in learnt:
            setattr(params, name, learnt[name])
        elif is_auto or (name in RESOLVED_FOR_ALL_VALUES and hasattr(params, name)):
            setattr(params, name, resolve_value(params, facts))
    if earlier:
        check_unchanged(params, earlier)
    return params


# --- the target, which is read before the rows are counted -----------------------------------------------------------


LOSS_OPTIONS = {option: name for name, make in REGRESSION_LOSSES.items() for option in signature(make).parameters}
"""Parameters that are options of a single loss, with the name of this loss."""


def make_target_settings(params: CommonParameters) -> TargetSettings:
    """Return the loss with its options, the class weights, and the scaling of targets."""
    class_weight = getattr(params, "class_weight", None)  # only the classifier has it
    target_scaling = getattr(params, "target_scaling", None)  # only the regressor has it
    return TargetSettings(params.loss, loss_options(params), class_weight, target_scaling)


def loss_options(params: CommonParameters) -> dict[str, object]:
    """Return the options that are set for the chosen loss; raise if an option of another loss is set."""
    options = {}
    for option, loss in LOSS_OPTIONS.items():
        value = getattr(params, option, "auto")
        if isinstance(value, str) and value == "auto":
            continue
        if params.loss != loss:
            raise ValueError(
                f"{option}={value!r} belongs to loss={loss!r}, and loss={params.loss!r}: set the loss too, or leave "
                f"{option} at 'auto'."
            )
        options[option] = value
    return options


def loss_if_valid(params: CommonParameters) -> Loss | None:
    """Return the loss of a regressor; None if it is invalid, as in an estimator that a notebook displays."""
    try:
        return params.loss if isinstance(params.loss, Loss) else REGRESSION_LOSSES[params.loss](**loss_options(params))
    except (KeyError, TypeError, ValueError):
        return None


# --- from parameters to settings -------------------------------------------------------------------------------------

T = TypeVar("T")

GAIN_RATE = 3.0
"""The learning rate of input gains, as a multiple of `learning_rate_init`.

Without gains, 83 tables have 1.016, 1.003 and 1.020 times the error rate, log-loss and RMSE: see
tests/benchmarks/notes.md."""


def resolve(estimator: ParametersAndAttributes, facts: AutoFacts) -> tuple[Settings, dict[str, object]]:
    """Replace every "auto"; return the settings of a fit and the resolved parameters.

    Parameters
    ----------
    estimator : estimator
        Its parameters are validated, and in plain containers. It is not changed.

    facts : AutoFacts

    Returns
    -------
    settings : Settings
    resolved : dict
        All parameters by name, see `resolved_copy`, with those of a subclass, which have no "auto".
    """
    params = resolved_copy(estimator, facts)
    is_continued = facts.earlier_resolved is not None
    sizes = hidden_sizes(params.hidden_layer_sizes, params.depth)
    if facts.earlier_resolved is not None:
        check_same_layers(params, sizes, facts.earlier_resolved)
    n_members = int(params.n_members)
    if n_members > 1 and not is_continued:  # check before anything is allocated; the sum leaves out the outer layers
        n_weights = sum([(fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes)])
        check_fits_in_memory(f"n_members={n_members}", n_members * n_weights, n_networks=n_members)
    encoding: str = params.numeric_encoding
    members_see_bins: tuple[bool, ...] = (encoding != "raw",) * n_members
    if encoding == ALTERNATING_BINS:
        encoding = encoding_with_bins(params)
        members_see_bins = tuple([i % 2 == 1 for i in range(n_members)])
    if is_continued:  # the joined network is n_members times as wide, and sees bins if a member does
        sizes = tuple([size * n_members for size in sizes])
        members_see_bins = (any(members_see_bins),)
    check_conflicts_with_solver(params)
    settings = make_from_parameters(
        Settings,
        params,
        table=make_from_parameters(
            ColumnSettings,
            params,
            numeric_encoding=encoding,
            keeps_all_categories=not params.early_stopping,  # so that k calls of `partial_fit` equal one `fit`
        ),
        dtype=np.dtype(params.dtype),
        hidden_sizes=sizes,
        activations=hidden_activations(params, len(sizes)),
        dropout=dropout_rates(params, len(sizes)),
        solver=make_solver(params, facts.n_epochs or int(params.max_iter)),
        label_smoothing=getattr(params, "label_smoothing", 0.0),  # only the classifier has it
        temperature_scaling=has_temperature(params, facts),
        members_see_bins=members_see_bins,
        n_joined=n_members if is_continued else 1,
    )
    check_units_for_sets(sizes, facts.n_interaction_sets)
    return settings, estimator.get_params(deep=False) | vars(params)


def hidden_sizes(sizes: Any, depth: Any) -> tuple[int, ...]:
    """Return the sizes of the hidden layers, from a list or from a size and a depth; raise if they are invalid."""
    if isinstance(sizes, Integral):
        size = int(sizes)
        depth = int(depth)
        if depth > 1:
            # check before the tuple itself becomes too long; only weights between hidden layers count, 4 bytes each
            check_fits_in_memory(f"hidden_layer_sizes={size} with depth={depth}", (depth - 1) * (size + 1) * size)
        return (size,) * depth
    listed: list[object] = list(sizes)
    if depth != 1:
        raise ValueError(f"depth={depth} goes with an int; hidden_layer_sizes={listed} gives each layer already.")
    if isinstance(sizes, Mapping):
        raise ValueError(f"hidden_layer_sizes={sizes} is a mapping: give a list of the units of each layer.")
    invalid = [size for size in listed if type(size) is bool or not isinstance(size, Integral)]
    if invalid:
        raise ValueError(
            f"hidden_layer_sizes={listed} holds {invalid[0]!r}: give the units of each layer, as integers."
        )
    layer_sizes = tuple(map(int, listed))  # type: ignore[arg-type]
    if min(layer_sizes, default=1) < 1:  # this is scikit-learn's own message
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: leave a layer without units out.")
    return layer_sizes


def check_same_layers(params: CommonParameters, sizes: tuple[int, ...], earlier: Mapping[str, Any]) -> None:
    """Raise if training continues, but the hidden layers of each member are not of the sizes of the earlier fit."""
    before = hidden_sizes(earlier["hidden_layer_sizes"], earlier["depth"])
    if sizes != before:
        raise ValueError(
            f"hidden_layer_sizes={params.hidden_layer_sizes!r} with depth={params.depth} makes hidden layers of "
            f"{list(sizes)} units, but training continues from a fit with {list(before)}: keep the layers, or call "
            "fit with warm_start=False."
        )


def check_units_for_sets(sizes: tuple[int, ...], n_sets: int) -> None:
    """Raise if a hidden layer has fewer units than there are sets of columns."""
    if min(sizes, default=n_sets) < n_sets:
        raise ValueError(
            f"interaction_cst makes {n_sets:,} sets of columns, and hidden_layer_sizes={list(sizes)} has a layer of "
            f"{min(sizes)} units: a set needs units of its own in each layer. Give each layer {n_sets:,} units or more "
            f"(hidden_layer_sizes='auto' gives {UNITS_PER_SET * n_sets:,}), or allow fewer sets."
        )


def one_per_layer(params: CommonParameters, parameter_name: str, n_hidden: int, single: UnionType | type) -> list[Any]:
    """Return a parameter's value for each hidden layer; a value of the type `single` is the value of all layers."""
    value = getattr(params, parameter_name)
    listed = [value] * n_hidden if isinstance(value, single) else list(value)
    if len(listed) != n_hidden:
        raise ValueError(
            f"{parameter_name}={value!r} has {len(listed)} entries for {n_hidden} hidden layers: give one each."
        )
    return listed


def hidden_activations(params: CommonParameters, n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation per hidden layer, from a single activation or a list, by name or as objects."""
    activations = []
    for entry in one_per_layer(params, "activation", n_hidden, str | Activation):
        activation = ACTIVATIONS.get(entry) if isinstance(entry, str) else entry
        if not isinstance(activation, Activation):
            hint = suggest_value(entry, ACTIVATIONS) if isinstance(entry, str) else ""
            raise ValueError(
                f"activation: {entry!r} is not known; use one of {sorted(ACTIVATIONS)} or an Activation.{hint}"
            )
        activations.append(activation)
    return tuple(activations)


def dropout_rates(params: CommonParameters, n_hidden: int) -> tuple[float, ...]:
    """Return one dropout rate per hidden layer, from a single rate or a list; raise for a list of another length."""
    rates = one_per_layer(params, "dropout", n_hidden, Real)
    for rate in rates:
        if not isinstance(rate, Real) or not 0.0 <= float(rate) < 1.0:
            raise ValueError(f"dropout={params.dropout!r}: rates must be numbers in [0, 1).")
    return tuple(map(float, rates))


def make_from_parameters(make: Callable[..., T], params: CommonParameters, **other_arguments: object) -> T:
    """Call `make` with the parameters that have the names of its arguments, and with others."""
    names = _argument_names(make) - other_arguments.keys()
    if missing := names - vars(params).keys():  # even those with a default, which a misspelt name would take in silence
        raise TypeError(f"{make!r} takes {sorted(missing)}, which are no parameters: pass their values.")
    return make(**{name: _as_python_number(getattr(params, name)) for name in names}, **other_arguments)


@cache
def _argument_names(make: Callable[..., object]) -> frozenset[str]:
    """Return the names of a function's arguments or of a dataclass's fields."""
    return frozenset(signature(make).parameters)


def _as_python_number(value: object) -> object:
    """Return a number as int or float, since NumPy scalars of 32 bits would round results; other values stay."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def make_solver(params: CommonParameters, n_epochs: int) -> Solver:
    """Return the solver: a first-order method over mini-batches, or L-BFGS."""
    if FULL_BATCHES.holds(params):
        return make_from_parameters(
            LBFGS,
            params,
            n_evaluations=int(params.max_fun),
            n_epochs=n_epochs,
            patience=make_from_parameters(Patience, params, schedule_ends=False),
        )
    solver, rates = params.solver, params.learning_rate
    return make_from_parameters(
        MiniBatchSolver,
        params,
        optimizer=make_from_parameters(OPTIMIZERS[solver], params) if isinstance(solver, str) else solver,
        schedule=make_from_parameters(SCHEDULES[rates].make, params) if isinstance(rates, str) else UserSchedule(rates),
        rate=float(params.learning_rate_init),
        gain_rate=GAIN_RATE if params.input_gains else 0.0,
        # pull only if rows evaluate the epochs: `partial_fit` may get few rows, and k calls of it must equal one fit
        pull_strength=PULL_STRENGTH if params.input_gains and params.early_stopping else 0.0,
        n_epochs=n_epochs,
        schedule_epochs=int(params.max_iter),
        patience=make_from_parameters(Patience, params, schedule_ends=not ENDLESS_SCHEDULE.holds(params)),
    )
