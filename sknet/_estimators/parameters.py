"""The parameters of both estimators, one per line, with type, constraints, marks and default; and their checks.

The classes are dataclasses: `__init__` only stores its arguments, and editors know the signature. The docstrings of the
estimators describe the parameters, and `resolve` replaces every "auto". In the code, `params` has the parameters as
attributes: it is an estimator, or a copy without "auto". `parameters` is a dict of them, by name.

`repr=False, eq=False`: scikit-learn has its own repr, and estimators are compared by identity, so that they can be
hashed.
"""

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import KW_ONLY, dataclass
from enum import Enum, auto
from numbers import Integral, Real
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, TypeVar, get_args, get_origin

import numpy as np
import pandas as pd
from sklearn.metrics import get_scorer_names

from sknet._estimators.sklearn_api import (
    AllowedRange,
    HasMethods,
    InvalidParameterError,
    Options,
    StrOptions,
    validate_parameter_constraints,
    with_checked_keywords,
)
from sknet._estimators.suggestions import PAGES_WITH_LOSSES, suggest_value
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import Loss
from sknet._network.losses_of_labels import CLASSIFICATION_LOSSES
from sknet._network.losses_of_numbers import REGRESSION_LOSSES
from sknet._network.weights import INITIALIZERS, Initializer
from sknet._storage.checkpoints import describe_parameter
from sknet._tables.kinds import ColumnChoices
from sknet._tables.messages import suggest_fraction
from sknet._tables.numbers import SCALINGS
from sknet._tables.splitting import RowSplitter
from sknet._training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer
from sknet._typing import Array

# --- constraints -----------------------------------------------------------------------------------------------------

T = TypeVar("T")
Constraints: TypeAlias = dict[str, list[object]]

COUNT = AllowedRange(Integral, 1, None, closed="left")
TWO_OR_MORE = AllowedRange(Integral, 2, None, closed="left")
POSITIVE = AllowedRange(Real, 0, None, closed="neither")
NON_NEGATIVE = AllowedRange(Real, 0, None, closed="left")
FROM_0_BELOW_1 = AllowedRange(Real, 0, 1, closed="left")
OPEN_UNIT_INTERVAL = AllowedRange(Real, 0, 1, closed="neither")
CLOSED_UNIT_INTERVAL = AllowedRange(Real, 0, 1, closed="both")
BETWEEN_1_AND_2 = AllowedRange(Real, 1, 2, closed="neither")
INFINITE = Options(Real, {np.inf})  # infinity is not Integral
SPLITTER = HasMethods(["split", "get_n_splits"])
SCORER_NAMES = get_scorer_names()


class OneOf(StrOptions):
    """The constraint for a str that is one of several names. Messages list the names in a fixed order."""

    def __init__(self, *names: str) -> None:
        super().__init__(set(names))
        self.names = names

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, self.names))}}}"


AUTO = OneOf("auto")
"""The constraint that allows "auto", in a list of allowed values."""


class Mark(Enum):
    """A property of a parameter that is not a constraint. The parameter's line has it after the constraints."""

    FIXED = auto()  # must not change when training continues, since the encoding was learnt with it
    USES_BATCHES = auto()  # with L-BFGS, any value but 0, False, None and "auto" is an error
    FREE_ON_RESUME = auto()  # may differ when a run is resumed: it decides how long the run trains, or what it prints


FIXED, USES_BATCHES, FREE_ON_RESUME = Mark


def derive_constraints(cls: type[T]) -> type[T]:
    """Decorate a dataclass of parameters: set `_parameter_constraints`, for scikit-learn, and `_marked`.

    The constraints follow the type in `Annotated`, or come from the type itself. The signature shows the types alone.
    Errors of `__init__` name the class.
    """
    annotations: dict[str, Any] = cls.__init__.__annotations__
    constraints: Constraints = {}
    marked: dict[Mark, list[str]] = {mark: [] for mark in Mark}
    for name, annotated in annotations.items():
        hint, *metadata = get_args(annotated) if get_origin(annotated) is Annotated else [annotated]
        annotations[name] = hint
        for mark in [item for item in metadata if isinstance(item, Mark)]:
            metadata.remove(mark)
            marked[mark].append(name)
        if metadata:
            constraints[name] = metadata
        elif get_origin(hint) is Literal:
            constraints[name] = [OneOf(*get_args(hint))]
        elif hint is bool:
            constraints[name] = ["boolean"]
    cls._parameter_constraints = constraints  # type: ignore[attr-defined]
    cls._marked = marked  # type: ignore[attr-defined]
    cls.__init__ = with_checked_keywords(cls.__init__)  # type: ignore[method-assign]
    return cls


# --- the parameters ---------------------------------------------------------------------------------------------------

Auto: TypeAlias = Literal["auto"]
Activations: TypeAlias = str | Activation | Sequence[str | Activation]
Weights: TypeAlias = tuple[Sequence[Array], Sequence[Array]]
ClassWeight: TypeAlias = Mapping[object, float] | Sequence[Mapping[object, float]] | Literal["balanced"] | None
ColumnNames: TypeAlias = Sequence[str] | Sequence[int] | Sequence[bool]
"""Columns by their names or indices, or a mask."""
InteractionSets: TypeAlias = Sequence[Collection[str | int]]
"""Sets of columns by their names or indices."""

INTERACTIONS = ("no_interactions", "pairwise")
"""The names that `interaction_cst` accepts."""


@dataclass(repr=False, eq=False)
class CommonParameters:
    """The parameters of both estimators."""

    _parameter_constraints: ClassVar[Constraints]
    _marked: ClassVar[dict[Mark, list[str]]]  # the names of the parameters with each mark

    # --- the network ---
    hidden_layer_sizes: Annotated[int | Sequence[int] | Auto, "array-like", COUNT, AUTO] = "auto"
    activation: Annotated[Activations, OneOf(*ACTIVATIONS), Activation, "array-like"] = "sigmoid"
    _: KW_ONLY
    loss: str | Loss = ""  # the default is set in the subclasses
    depth: Annotated[int, COUNT] = 1
    n_members: Annotated[int | Auto, COUNT, AUTO, FIXED] = "auto"
    # --- training ---
    learning_rate_init: Annotated[float, POSITIVE] = 0.015
    max_iter: Annotated[int, COUNT, FREE_ON_RESUME] = 128
    batch_size: Annotated[int | Literal["auto", "proportional"], OneOf("auto", "proportional"), COUNT] = "proportional"
    solver: Annotated[str | Optimizer, OneOf(*OPTIMIZERS, "lbfgs"), Optimizer] = "adam"
    learning_rate: Annotated[str | Callable[[float], float], OneOf(*SCHEDULES), callable] = "flat_cosine"
    random_state: Annotated[int | np.random.RandomState | None, "random_state"] = None
    verbose: Annotated[bool | int, "verbose", FREE_ON_RESUME] = False
    # --- when to stop ---
    early_stopping: Annotated[bool | Literal["auto", "folds"], "boolean", OneOf("auto", "folds")] = "auto"
    validation_fraction: Annotated[float | RowSplitter | Auto, OPEN_UNIT_INTERVAL, SPLITTER, AUTO] = "auto"
    scoring: Annotated[str | Callable[..., float], OneOf("loss", *SCORER_NAMES), callable] = "loss"
    n_iter_no_change: Annotated[int | float | Auto, COUNT, INFINITE, AUTO, FREE_ON_RESUME] = "auto"
    tol: Annotated[float | Auto, NON_NEGATIVE, AUTO, FREE_ON_RESUME] = "auto"
    # --- the table ---
    categorical_features: Annotated[str | ColumnNames | None, "array-like", OneOf("from_dtype"), None, FIXED] = (
        "from_dtype"
    )
    text_features: Annotated[str | ColumnNames | None, "array-like", AUTO, None, FIXED] = "auto"
    max_categories: Annotated[int | None, COUNT, None, FIXED] = 100
    category_encoding: Annotated[Literal["one_hot", "target", "both", "auto"], FIXED] = "auto"
    text_components: Annotated[int, COUNT, FIXED] = 30
    numeric_encoding: Annotated[Literal["raw", "piecewise_linear", "steps", "auto"], FIXED] = "auto"
    n_bins: Annotated[int | Auto, TWO_OR_MORE, AUTO, FIXED] = "auto"
    input_gains: Annotated[bool | Auto, "boolean", AUTO, FIXED, USES_BATCHES] = "auto"
    input_scaling: Annotated[str | None, OneOf(*filter(None, SCALINGS)), None, FIXED] = "robust"
    monotonic_cst: Annotated[Mapping[str, int] | Sequence[int] | None, "array-like", dict, None, FIXED] = None
    interaction_cst: Annotated[str | InteractionSets | None, OneOf(*INTERACTIONS), list, tuple, None, FIXED] = None
    # --- regularisation ---
    alpha: Annotated[float, NON_NEGATIVE] = 0.01
    l1_ratio: Annotated[float, CLOSED_UNIT_INTERVAL] = 0.0
    weight_decay: Annotated[float | Auto, NON_NEGATIVE, AUTO] = "auto"
    dropout: Annotated[float | Sequence[float] | Auto, FROM_0_BELOW_1, AUTO, "array-like", USES_BATCHES] = "auto"
    max_norm: Annotated[float | None, POSITIVE, None, USES_BATCHES] = None
    clip_norm: Annotated[float | Auto | None, POSITIVE, AUTO, None] = "auto"
    averaging: Annotated[float | Auto, FROM_0_BELOW_1, AUTO] = "auto"
    # --- initial weights, order and precision ---
    init: Annotated[str | Initializer | Weights, OneOf("centred", "auto", *INITIALIZERS), callable, tuple] = "auto"
    warm_start: Annotated[bool, FREE_ON_RESUME] = False
    shuffle: bool = True
    dtype: Annotated[Literal["auto", "float32", "float64"], FIXED] = "auto"
    # --- single solvers and schedules ---
    beta_1: Annotated[float, FROM_0_BELOW_1] = 0.9
    beta_2: Annotated[float, FROM_0_BELOW_1] = 0.95
    epsilon: Annotated[float, POSITIVE] = 1e-8
    momentum: Annotated[float, CLOSED_UNIT_INTERVAL] = 0.9
    nesterovs_momentum: bool = True
    power_t: Annotated[float, NON_NEGATIVE] = 0.5
    max_fun: Annotated[int, COUNT, FREE_ON_RESUME] = 15000


@derive_constraints
@dataclass(repr=False, eq=False)
class ClassifierParameters(CommonParameters):
    """The parameters of the classifier: the common ones, `loss` with its default, and its own."""

    _: KW_ONLY
    loss: Annotated[str | Loss, OneOf(*CLASSIFICATION_LOSSES), Loss] = "log_loss"
    class_weight: Annotated[ClassWeight, dict, list, OneOf("balanced"), None] = None
    label_smoothing: Annotated[float | Auto, FROM_0_BELOW_1, AUTO] = "auto"
    temperature_scaling: Annotated[bool | Auto, "boolean", AUTO] = "auto"


@derive_constraints
@dataclass(repr=False, eq=False)
class RegressorParameters(CommonParameters):
    """The parameters of the regressor: the common ones, `loss` with its default, and its own."""

    _: KW_ONLY
    loss: Annotated[str | Loss, OneOf(*REGRESSION_LOSSES), Loss] = "squared_error"
    quantile: Annotated[float | Sequence[float] | Auto, OPEN_UNIT_INTERVAL, AUTO, "array-like"] = "auto"
    huber_delta: Annotated[float | Auto, POSITIVE, AUTO] = "auto"
    tweedie_power: Annotated[float | Auto, BETWEEN_1_AND_2, AUTO] = "auto"
    target_scaling: Annotated[Literal["standard"] | None, OneOf("standard"), None, FIXED] = "standard"


# --- checks of single values ------------------------------------------------------------------------------------------

LOSS_NAMES = {*CLASSIFICATION_LOSSES, *REGRESSION_LOSSES}
"""The names of losses, which users may pass as the first positional argument by mistake."""

UNBOUNDED_PARAMETERS = ("hidden_layer_sizes", "depth")
"""Parameters without an upper limit here, since layers are compared with the memory later."""

LARGEST_INTEGER = 2**63
"""Integers of this size raise an error. No size or count is that large, and some cannot become a float."""


def check_parameters(estimator_name: str, parameters: Mapping[str, object], constraints: Constraints) -> None:
    """Raise for invalid parameters as scikit-learn does, and for values that it would misread."""
    check_misread_values(estimator_name, parameters, constraints)
    try:
        validate_parameter_constraints(constraints, parameters, caller_name=estimator_name)
    except InvalidParameterError as error:
        wrong = next(name for name in parameters if str(error).startswith(f"The {name!r} parameter"))
        raise InvalidParameterError(f"{error}{_suggestion(parameters[wrong], constraints[wrong])}") from None


def _suggestion(value: object, allowed: Sequence[object]) -> str:
    """Return a hint at the probable meaning of an invalid value, "" if there is none."""
    if isinstance(value, str):
        if Loss in allowed and value in LOSS_NAMES:
            return f" SigmoidMLP{'Classifier' if value in CLASSIFICATION_LOSSES else 'Regressor'} has this loss."
        if value.lower() == "none":
            return " Did you mean None, without quotes?" if None in allowed else ""
        hint = suggest_value(value, [name for names in allowed if isinstance(names, OneOf) for name in names.names])
        page = PAGES_WITH_LOSSES.get(value.lower()) if Loss in allowed else None
        return hint or (f" The page {page!r} of the user guide defines a sknet.Loss for this." if page else "")
    if callable(value) and Loss in allowed:
        return " A function becomes a loss with its gradient: pass sknet.Loss(name, value, gradient)."
    is_fraction = any(isinstance(limits, AllowedRange) and limits.right == 1 for limits in allowed)
    return suggest_fraction(value) if is_fraction else ""


def check_misread_values(estimator_name: str, parameters: Mapping[str, object], constraints: Constraints) -> None:
    """Raise for values that scikit-learn's checks would misread; `estimator_name` is that of the class."""
    sizes = parameters.get("hidden_layer_sizes")
    rate = parameters.get("learning_rate")
    if isinstance(sizes, str) and sizes != "auto":
        what = f"the name of a loss: write loss={sizes!r}" if sizes in LOSS_NAMES else "text"
        raise InvalidParameterError(
            f"The 'hidden_layer_sizes' parameter of {estimator_name} must be an int, or one int for each layer, such "
            f"as (96, 32), or 'auto'. Got {sizes!r} instead, which is {what}."
        )
    if isinstance(rate, int | float | np.number) and not isinstance(rate, bool):
        raise InvalidParameterError(
            f"learning_rate={rate!r} is the name of a schedule, or a function: give the number as "
            f"learning_rate_init={rate!r}."
        )
    for name, value in parameters.items():
        allowed = constraints.get(name, [])  # empty for parameters of a subclass
        # scikit-learn's checks accept True and False as the integers 1 and 0
        may_be_number = any(
            isinstance(constraint, AllowedRange) or constraint == "random_state" for constraint in allowed
        )
        if isinstance(value, bool | np.bool_) and may_be_number:
            raise InvalidParameterError(f"{name}={value!r} is a bool, and a number is expected: give a number.")
        if isinstance(value, Set):
            raise InvalidParameterError(f"{name}={value!r} is a set, which has no order: give a list.")
        if isinstance(value, np.ndarray) and value.ndim == 0:
            raise InvalidParameterError(f"{name}={value!r} is a 0-d array: give {name}={value.item()!r}.")
        for number in value if isinstance(value, list | tuple) else [value]:
            if isinstance(number, int) and abs(number) >= LARGEST_INTEGER and name not in UNBOUNDED_PARAMETERS:
                raise InvalidParameterError(f"{name} holds an integer of more than 63 bits: give a smaller one.")


# --- questions about parameters ---------------------------------------------------------------------------------------


def plain_parameters(parameters: Mapping[str, object]) -> dict[str, object]:
    """Return copies of an estimator's parameters in the containers that a fit works with: see `as_plain_copies`.

    Where the labels of a Series are text, they name columns: a mask becomes a list of the columns that it selects, and
    `monotonic_cst` a dict.
    """
    plain = {}
    for name, value in parameters.items():
        if isinstance(value, pd.Series) and all(isinstance(label, str) for label in value.index):
            by_label = value.to_dict()
            if all(isinstance(entry, bool) for entry in by_label.values()):
                value = [label for label, is_selected in by_label.items() if is_selected]
            elif name == "monotonic_cst":
                value = by_label
        plain[name] = as_plain_copies(value)
    return plain


def as_plain_copies(value: Any) -> Any:
    """Return a copy of a parameter's lists, dicts and arrays, at all depths, so that later changes have no effect.

    Other mappings and collections, such as a Series or an Index, become dicts and lists, which files can store. Sets
    become lists in a fixed order. All other objects, such as frames, activations and functions, are not copied.
    """
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: as_plain_copies(part) for key, part in value.items()}
    if isinstance(value, Set):
        return sorted(value, key=lambda entry: (str(type(entry)), entry))
    if isinstance(value, Collection) and not isinstance(value, str | bytes | pd.DataFrame):
        container = tuple if isinstance(value, tuple) else list
        return container(map(as_plain_copies, value))
    return value


def solver_name_or_class(solver: object) -> object:
    """Return the solver's name, or the class of a user's optimizer; moments depend on it."""
    return solver if isinstance(solver, str) else type(solver)


def column_choices(params: CommonParameters) -> ColumnChoices:
    """Return the columns that the user has named as categories or as text."""
    return ColumnChoices(params.categorical_features, params.text_features)


def check_has_partial_fit(params: CommonParameters) -> None:
    """Raise an AttributeError if the estimator has no `partial_fit`."""
    if FULL_BATCHES.holds(params):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {params.solver} is not stochastic."
        )
    class_weight = getattr(params, "class_weight", None)  # only the classifier has it
    entries = class_weight if isinstance(class_weight, list) else [class_weight]  # a list has one entry per output
    if any(isinstance(entry, str) and entry == "balanced" for entry in entries):
        raise AttributeError(
            "partial_fit is not available with class_weight='balanced': it does not know how many rows of each class "
            "are to come. Give a dict of weights, as compute_class_weight('balanced', classes=classes, y=y) of "
            "sklearn.utils.class_weight has them for all rows, or pass sample_weight."
        )


# --- conflicts -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Condition:
    """A property of a parameter's value, such as one that excludes folds."""

    name: str
    test: Callable[[Any], object]  # value -> whether it is such a value
    shown: str = ""  # in messages, instead of the value

    def holds(self, params: CommonParameters) -> bool:
        """Whether an estimator's parameter has such a value."""
        return bool(self.test(getattr(params, self.name)))

    def name_and_value(self, params: CommonParameters) -> str:
        """Return the parameter with its value, as `name=value`, for a message."""
        return f"{self.name}={self.shown or repr(getattr(params, self.name))}"


FULL_BATCHES = Condition("solver", lambda solver: isinstance(solver, str) and solver == "lbfgs")
# only scikit-learn's schedules have no end: a user's function takes the fraction of training done
ENDLESS_SCHEDULE = Condition("learning_rate", lambda rate: isinstance(rate, str) and SCHEDULES[rate].open_ended)
NO_EVALUATION = Condition("early_stopping", lambda value: not value)
FOLDS = Condition("early_stopping", lambda value: value == "folds")
USER_FOLDS = Condition("validation_fraction", lambda value: not isinstance(value, Real | str))
USER_FRACTION = Condition("validation_fraction", lambda value: value != "auto")
USER_SCORER = Condition("scoring", lambda scoring: scoring != "loss")
USER_WEIGHTS = Condition("init", lambda init: isinstance(init, tuple), "(coefs, intercepts)")
WARM_START = Condition("warm_start", bool)
UNSCALED_INPUTS = Condition("input_scaling", lambda scaling: scaling is None)
SEVERAL_MEMBERS = Condition("n_members", lambda n: n not in (1, "auto"))
NOT_LOG_LOSS = Condition("loss", lambda loss: loss != "log_loss")
MAX_NORM = Condition("max_norm", lambda norm: norm is not None)

# a warm start's weights have seen all rows
AGAINST_FOLDS = (NO_EVALUATION, FULL_BATCHES, ENDLESS_SCHEDULE, USER_SCORER, WARM_START)
AGAINST_VALIDATION_ROWS = (NO_EVALUATION, FOLDS, USER_FOLDS)
AGAINST_TEMPERATURE = (NOT_LOG_LOSS, MAX_NORM, NO_EVALUATION)
AGAINST_AUTO_TEMPERATURE = (MAX_NORM, NO_EVALUATION, FULL_BATCHES, ENDLESS_SCHEDULE)
AGAINST_AUTO_AVERAGING = (NO_EVALUATION, FULL_BATCHES, ENDLESS_SCHEDULE)
AGAINST_STREAMS = (FULL_BATCHES, SEVERAL_MEMBERS, FOLDS, WARM_START, USER_FOLDS)
AGAINST_ADDED_INPUTS = (ENDLESS_SCHEDULE, USER_WEIGHTS, UNSCALED_INPUTS)
AGAINST_MEMBERS = (*AGAINST_ADDED_INPUTS, FULL_BATCHES)


def none_holds(params: CommonParameters, conditions: Sequence[Condition]) -> bool:
    """Whether none of the conditions holds."""
    return not any(condition.holds(params) for condition in conditions)


def check_no_conflict(params: CommonParameters, what: str, against: Sequence[Condition], remedy: str) -> None:
    """Raise for the first condition that excludes `what`, such as "warm_start=True does"."""
    for condition in against:
        if condition.holds(params):
            value = condition.name_and_value(params)
            raise ValueError(f"{what} not go with {value}: leave {condition.name} at its default, or {remedy}.")


def check_conflicts_with_folds(params: CommonParameters) -> None:
    """Raise if a parameter is set that excludes folds, by `early_stopping="folds"` or by a splitter."""
    what = "early_stopping='folds' does"
    remedy = "set early_stopping=True"
    if USER_FOLDS.holds(params):
        what = f"{USER_FOLDS.name_and_value(params)} gives folds, which do"
        remedy = "give a fraction of the rows to hold out"
    check_no_conflict(params, what, AGAINST_FOLDS, remedy)


def check_conflicts_with_temperature(params: CommonParameters) -> None:
    """Raise if `temperature_scaling=True` is set with a parameter that excludes it."""
    if getattr(params, "temperature_scaling", False) not in (False, "auto"):  # only the classifier has it
        remedy = "set temperature_scaling to 'auto' or False"
        check_no_conflict(params, "temperature_scaling=True does", AGAINST_TEMPERATURE, remedy)


def check_conflicts_with_solver(params: CommonParameters) -> None:
    """Raise if a parameter is set that the solver does not have, because it uses no batches."""
    if FULL_BATCHES.holds(params):
        of_batches = [Condition(name, np.any) for name in params._marked[USES_BATCHES]]
        check_no_conflict(params, f"{FULL_BATCHES.name_and_value(params)} does", of_batches, "choose solver='adam'")


def check_resumable(solver: object) -> None:
    """Raise for a solver whose state cannot be written."""
    if FULL_BATCHES.test(solver):
        raise ValueError(
            f"solver={solver!r} keeps its curvature inside SciPy, so its runs cannot be written to a checkpoint and "
            "resumed: choose a first-order solver such as 'adam'."
        )


def check_streamable(params: CommonParameters) -> None:
    """Raise if a parameter is set that needs all rows at once, or an earlier fit."""
    check_no_conflict(params, "A stream does", AGAINST_STREAMS, "fit a table in memory")


def parameters_to_compare(resolved: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that must be the same when a run is resumed; those that change others come first."""
    # a generator has advanced since, so the drawn seeds are compared instead
    as_seeds = set() if isinstance(resolved["random_state"], Integral) else {"random_state"}
    resolved_first = ("early_stopping", "solver")
    means_may_differ = {*ClassifierParameters._marked[FREE_ON_RESUME], *RegressorParameters._marked[FREE_ON_RESUME]}
    names = sorted(resolved.keys() - as_seeds - means_may_differ, key=lambda name: (name not in resolved_first, name))
    return {name: resolved[name] for name in names}


def fixed_once_learnt(params: CommonParameters) -> list[str]:
    """Return the parameters that must not change while training continues; with L-BFGS, `input_gains` may."""
    return [name for name in params._marked[FIXED] if name != "input_gains" or not FULL_BATCHES.holds(params)]


def check_unchanged(params: CommonParameters, earlier: Mapping[str, object]) -> None:
    """Raise if training continues, but a parameter differs from the fit that learnt the encoding."""
    for name in fixed_once_learnt(params):
        now = getattr(params, name)
        before = earlier.get(name)
        if describe_parameter(now) != describe_parameter(before):
            raise ValueError(
                f"{name}={now!r} cannot take effect: training continues from an earlier fit, which learnt the table "
                f"and the targets with {name}={before!r}. Set it as it was, or call fit with warm_start=False."
            )
