"""Where "auto" is answered: parameters and facts about the data become `Settings`, once per fit.

With scikit-learn's own schedules, which have no end of their own, what scikit-learn does not know stays off unless it
is asked for: its settings give its training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral, Real

import numpy as np

from sknet._estimators.parameters import ClassifierParameters, CommonParameters, RegressorParameters
from sknet._model.machine import refuse_beyond_memory
from sknet._model.settings import (
    NetworkSettings,
    PenaltySettings,
    Settings,
    SolverSettings,
    TableSettings,
    TargetSettings,
)
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import REGRESSION_LOSSES, Loss
from sknet._tables.encoding import count_kinds
from sknet._tables.rows import Rows, is_sparse
from sknet._training.optimizers import OPTIMIZERS, Optimizer
from sknet._training.schedules import SCHEDULES, OfFraction, Schedule

FLOAT32_ROWS = 500
"""From so many training rows on, `dtype="auto"` computes in float32; below, float64 costs no time worth mentioning."""

AUTO_AVERAGING = 0.99
"""The decay that `averaging="auto"` means where held-out rows evaluate the weights."""

AUTO_DROPOUT = 0.1
"""The rate that `dropout="auto"` means for a classifier that Adam trains and held-out rows evaluate."""

AUTO_LABEL_SMOOTHING = 0.02
"""What `label_smoothing="auto"` means where a temperature undoes what smoothing does to the probabilities."""

AUTO_CLIP_NORM = 10.0
"""What `clip_norm="auto"` means for SGD, whose steps are as long as the gradient: those of counts may be huge."""

AUTO_WEIGHT_DECAY = 0.02
"""What `weight_decay="auto"` means for Adam."""

AUTO_BINS_ROWS = {"classification": 7_500, "regression": 1_500}
"""From so many training rows on, `numeric_encoding="auto"` puts bins beside numbers; they cost accuracy below."""

AUTO_BINS_COLUMNS = 50
"""Up to so many columns of numbers it does so: the first layer of a wider table, of pixels perhaps, would be huge."""

AUTO_EARLY_STOPPING = 67
"""From so many rows on, `early_stopping="auto"` holds some out."""

PROPORTIONAL_BATCH = (32, 256)
"""Between these, `batch_size="proportional"` is a 32nd of the rows: some thirty steps per epoch, small tables too."""


@dataclass(frozen=True)
class Facts:
    """What "auto" depends on beside the other parameters."""

    n_rows: int  # to train on
    validated: bool  # whether rows are held out
    n_numbers: int = 0  # columns of numbers
    has_many_levels: bool = False  # whether a category has more levels than `max_categories`
    sparse: bool = False
    increment: bool = False  # a call of `partial_fit`
    earlier: Mapping[str, object] | None = None  # what was resolved when the columns were learnt


def facts_of(
    p: CommonParameters,
    training: Rows,
    validation: Rows | None,
    earlier: Mapping[str, object] | None,
    increment: bool,
) -> Facts:
    """Look up what "auto" depends on; the columns only where they are yet to be learnt."""
    known = len(training), validation is not None
    if earlier is not None:
        return Facts(*known, earlier=earlier)
    n_numbers, many = count_kinds(training.X, p.categorical_features, p.max_categories)
    return Facts(*known, n_numbers, many, is_sparse(training.X), increment)


# --- before the rows are known ---------------------------------------------------------------------------------------


def target_settings(p: CommonParameters) -> TargetSettings:
    """Return what is wanted of the target: the loss with its own options, class weights, scaling."""
    class_weight, scaling = getattr(p, "class_weight", None), getattr(p, "target_scaling", None)
    return TargetSettings(p.loss, loss_options(p), class_weight, scaling)


def loss_options(p: CommonParameters) -> dict[str, object]:
    """Return the options of the chosen loss that are set; to set one of another loss is an error."""
    entry = REGRESSION_LOSSES.get(p.loss) if isinstance(p.loss, str) else None
    own = () if entry is None else entry.options
    chosen = {option: getattr(p, option) for option in LOSS_OPTIONS if not _is(getattr(p, option, "auto"), "auto")}
    for option in chosen.keys() - set(own):
        raise ValueError(
            f"{option}={chosen[option]!r} belongs to loss={LOSS_OPTIONS[option]!r}, and loss={p.loss!r}: set the loss "
            f"too, or leave {option} at 'auto'."
        )
    return chosen


LOSS_OPTIONS = {option: name for name, entry in REGRESSION_LOSSES.items() for option in entry.options}
"""The parameters that belong to a single loss, with its name."""


def has_positive_targets(p: CommonParameters) -> bool:
    """Whether the loss takes no targets below 0."""
    if isinstance(p.loss, Loss):
        return p.loss.targets.low >= 0.0
    return p.loss in REGRESSION_LOSSES and REGRESSION_LOSSES[p.loss].make().targets.low >= 0.0


def holds_out(p: CommonParameters, n_rows: int) -> bool:
    """Whether rows are to be held out of so many."""
    return n_rows >= AUTO_EARLY_STOPPING if p.early_stopping == "auto" else bool(p.early_stopping)


# --- what each "auto" becomes ----------------------------------------------------------------------------------------


def resolve(parameters: CommonParameters, facts: Facts) -> tuple[Settings, CommonParameters]:
    """Answer every "auto".

    Parameters
    ----------
    parameters : CommonParameters
        The estimator, its parameters validated; it stays as it is.

    facts : Facts
        About the training rows.

    Returns
    -------
    settings : Settings
        All that the fit will use.

    resolved : CommonParameters
        The parameters with every "auto" replaced. Set on an estimator, they
        give the same fit.
    """
    classifies = isinstance(parameters, ClassifierParameters)
    kind = ClassifierParameters if classifies else RegressorParameters
    resolved = kind(**{field.name: getattr(parameters, field.name) for field in fields(kind)})
    for name, rule in (COMMON_RULES | CLASSIFIER_RULES if classifies else COMMON_RULES).items():
        setattr(resolved, name, rule(resolved, facts))  # in order: later rules use what earlier ones have found
    return settings_of(resolved), resolved


def _is(value: object, name: str) -> bool:
    """Whether a parameter, which may be an array, is this name."""
    return isinstance(value, str) and value == name


def has_end(p: CommonParameters) -> bool:
    """Whether the schedule ends by itself."""
    return not (isinstance(p.learning_rate, str) and SCHEDULES[p.learning_rate].open_ended)


def _numeric_encoding(p: CommonParameters, facts: Facts) -> object:
    if p.numeric_encoding != "auto":
        return p.numeric_encoding
    if facts.earlier is not None:
        return facts.earlier["numeric_encoding"]
    least = AUTO_BINS_ROWS["classification" if isinstance(p, ClassifierParameters) else "regression"]
    suits = facts.n_rows >= least and facts.n_numbers <= AUTO_BINS_COLUMNS
    return "piecewise_linear" if suits and not _keeps_columns(p, facts) else "raw"


def _category_encoding(p: CommonParameters, facts: Facts) -> object:
    if p.category_encoding != "auto":
        return p.category_encoding
    if facts.earlier is not None:
        return facts.earlier["category_encoding"]
    suits = facts.has_many_levels and not facts.increment  # means of a first part of the rows would stay for ever
    return "both" if suits and not _keeps_columns(p, facts) else "one_hot"


def _keeps_columns(p: CommonParameters, facts: Facts) -> bool:
    """Whether a number is to be one input and a category one-hot encoded, as scikit-learn's settings ask for."""
    return isinstance(p.init, tuple) or p.input_scaling is None or facts.sparse or not has_end(p)


def _dtype(p: CommonParameters, facts: Facts) -> object:
    if p.dtype != "auto":
        return p.dtype
    return "float64" if p.solver == "lbfgs" or facts.n_rows < FLOAT32_ROWS else "float32"


def _batch_size(p: CommonParameters, facts: Facts) -> object:
    named = {"auto": 200, "proportional": int(np.clip(facts.n_rows // 32, *PROPORTIONAL_BATCH))}
    return min(facts.n_rows, named[p.batch_size] if isinstance(p.batch_size, str) else int(p.batch_size))


def _averaging(p: CommonParameters, facts: Facts) -> object:
    if p.averaging != "auto":
        return p.averaging
    return AUTO_AVERAGING if facts.validated and has_end(p) else 0.0


def _dropout(p: CommonParameters, facts: Facts) -> object:
    if not _is(p.dropout, "auto"):
        return p.dropout
    suits = isinstance(p, ClassifierParameters) and facts.validated and p.solver == "adam" and has_end(p)
    return AUTO_DROPOUT if suits else 0.0


def _clip_norm(p: CommonParameters, facts: Facts) -> object:
    if p.clip_norm != "auto":
        return p.clip_norm
    return AUTO_CLIP_NORM if p.solver == "sgd" and has_end(p) else None


def _weight_decay(p: CommonParameters, facts: Facts) -> object:
    if p.weight_decay != "auto":
        return p.weight_decay
    return AUTO_WEIGHT_DECAY if p.solver == "adam" and has_end(p) else 0.0


def _init(p: CommonParameters, facts: Facts) -> object:
    return "centred" if _is(p.init, "auto") else p.init


def _early_stopping(p: CommonParameters, facts: Facts) -> object:
    return facts.validated


def _temperature_scaling(p: ClassifierParameters, facts: Facts) -> object:
    if p.temperature_scaling != "auto":
        return p.temperature_scaling and facts.validated
    possible = p.loss == "log_loss" and p.solver != "lbfgs" and p.max_norm is None
    return possible and facts.validated and has_end(p)


def _label_smoothing(p: ClassifierParameters, facts: Facts) -> object:
    if p.label_smoothing != "auto":
        return p.label_smoothing
    return AUTO_LABEL_SMOOTHING if p.temperature_scaling else 0.0


Rule = Callable[..., object]

COMMON_RULES: dict[str, Rule] = {
    "numeric_encoding": _numeric_encoding,
    "category_encoding": _category_encoding,
    "dtype": _dtype,
    "batch_size": _batch_size,
    "averaging": _averaging,
    "dropout": _dropout,
    "clip_norm": _clip_norm,
    "weight_decay": _weight_decay,
    "init": _init,
    "early_stopping": _early_stopping,
}
CLASSIFIER_RULES: dict[str, Rule] = {
    "temperature_scaling": _temperature_scaling,
    "label_smoothing": _label_smoothing,
}
"""What each parameter that may be left to the estimator becomes; a rule sees the answers of those before it."""


# --- settings --------------------------------------------------------------------------------------------------------


def settings_of(p: CommonParameters) -> Settings:
    """Return the settings that resolved parameters stand for."""
    sizes = hidden_sizes(p)
    optimizer = optimizer_of(p)
    dropout = dropout_rates(p, len(sizes))
    if optimizer is None:
        refuse_for_lbfgs(p)
    return Settings(
        target_settings(p),
        TableSettings(
            p.categorical_features, p.input_scaling, p.numeric_encoding, p.n_bins, p.max_categories,
            p.category_encoding,
        ),
        NetworkSettings(sizes, hidden_activations(p, len(sizes)), dropout, p.init),
        SolverSettings(
            optimizer, schedule_of(p), has_end(p), float(p.learning_rate_init), int(p.batch_size), p.max_iter,
            p.max_fun, p.shuffle, float(p.tol), p.n_iter_no_change, float(p.weight_decay),
            None if p.clip_norm is None else float(p.clip_norm), float(p.averaging),
        ),
        PenaltySettings(
            float(p.alpha), float(p.l1_ratio), p.max_norm, float(getattr(p, "label_smoothing", 0.0)),
            bool(getattr(p, "temperature_scaling", False)),
        ),
        np.dtype(p.dtype),
    )  # fmt: skip


def hidden_sizes(p: CommonParameters) -> tuple[int, ...]:
    """Return the hidden layers' sizes."""
    sizes = p.hidden_layer_sizes
    default = next(field.default for field in fields(p) if field.name == "hidden_layer_sizes")
    if p.depth != 1 and isinstance(sizes, tuple) and sizes == default:  # depth alone: that many of the first size
        sizes = default[0]
    if isinstance(sizes, Integral):
        size, depth = int(sizes), int(p.depth)
        refuse_beyond_memory(f"hidden_layer_sizes={size} with depth={depth}", (depth - 1) * (size + 1) * size, 4)
        return (size,) * depth
    sizes = list(sizes)  # type: ignore[arg-type]
    if p.depth != 1:
        raise ValueError(f"depth={p.depth} goes with an int; hidden_layer_sizes={sizes} gives each layer already.")
    if not all(isinstance(size, Integral) and int(size) > 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: give the units of each layer, as integers.")
    return tuple(int(size) for size in sizes)


def hidden_activations(p: CommonParameters, n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation per hidden layer."""
    given = [p.activation] * n_hidden if isinstance(p.activation, str | Activation) else list(p.activation)
    if len(given) != n_hidden:
        raise ValueError(
            f"activation={p.activation!r} has {len(given)} entries for {n_hidden} hidden layers: give one each."
        )
    unknown = [a for a in given if not isinstance(a, Activation) and not (isinstance(a, str) and a in ACTIVATIONS)]
    if unknown:
        raise ValueError(f"activation: {unknown[0]!r} is not known; use one of {sorted(ACTIVATIONS)} or an Activation.")
    return tuple([a if isinstance(a, Activation) else ACTIVATIONS[a] for a in given])


def dropout_rates(p: CommonParameters, n_hidden: int) -> tuple[float, ...]:
    """Return one dropout rate per hidden layer."""
    rates = [p.dropout] * n_hidden if isinstance(p.dropout, Real) else list(p.dropout)  # type: ignore[arg-type]
    if len(rates) != n_hidden:
        raise ValueError(f"dropout={p.dropout!r} has {len(rates)} entries for {n_hidden} hidden layers: give one each.")
    if not all(isinstance(rate, Real) and 0.0 <= float(rate) < 1.0 for rate in rates):
        raise ValueError(f"dropout={p.dropout!r}: rates must be numbers in [0, 1).")
    return tuple(map(float, rates))  # type: ignore[arg-type]


def optimizer_of(p: CommonParameters) -> Optimizer | None:
    """Return the first-order optimizer that `solver` names or is; None for L-BFGS."""
    if not isinstance(p.solver, str):
        return p.solver
    entry = OPTIMIZERS.get(p.solver)
    return None if entry is None else entry.make(**options_of(p, entry.options))


def schedule_of(p: CommonParameters) -> Schedule:
    """Return the schedule that `learning_rate` names or is."""
    if not isinstance(p.learning_rate, str):
        return OfFraction(p.learning_rate)
    entry = SCHEDULES[p.learning_rate]
    return entry.make(**options_of(p, entry.options))


def options_of(p: CommonParameters, names: Sequence[str]) -> dict[str, object]:
    """Return the parameters that belong to a solver or a schedule."""
    return {name: getattr(p, name) for name in names}


def refuse_for_lbfgs(p: CommonParameters) -> None:
    """Raise if a parameter is set that makes no sense with L-BFGS."""
    given = {"dropout": np.any(p.dropout), "max_norm": p.max_norm is not None}
    for name in [name for name, is_set in given.items() if is_set]:
        raise ValueError(
            f"{name}={getattr(p, name)!r} does not go with solver='lbfgs': leave it at 0 or None, or choose "
            "solver='adam'."
        )
