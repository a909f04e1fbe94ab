"""Where "auto" is answered: parameters and facts about the data become `Settings`, once per fit.

With scikit-learn's own schedules, which have no end, everything that scikit-learn does not have stays off unless it is
set: with its settings, training does what it does there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from operator import attrgetter
from typing import TypeVar

import numpy as np

from sknet._estimators.conflicts import (
    refuse_changed,
    refuse_for_lbfgs,
    refuse_members,
    refuse_with_folds,
    single_network_reasons,
    suits_folds,
)
from sknet._estimators.facts import (
    AUTO_AVERAGING,
    AUTO_BINS_COLUMNS,
    AUTO_CLIP_NORM,
    AUTO_DROPOUT,
    AUTO_EARLY_STOPPING,
    AUTO_FOLDS,
    AUTO_LABEL_SMOOTHING,
    AUTO_WEIGHT_DECAY,
    FLOAT32_ROWS,
    FOLDS_PATIENCE,
    FOLDS_TOL,
    LARGE,
    LARGE_PATIENCE,
    LARGE_SHARE,
    LARGE_TOL,
    LEARNT,
    PATIENCE,
    PROPORTIONAL_BATCH,
    SHARE,
    SMALL_ROWS,
    TOL,
    WORKERS_BATCH,
    Facts,
    How,
)
from sknet._estimators.parameters import ClassifierParameters, CommonParameters, RegressorParameters
from sknet._model.machine import refuse_beyond_memory
from sknet._model.selection import MANY_ROWS
from sknet._model.settings import (
    NetworkSettings,
    PenaltySettings,
    Settings,
    SolverSettings,
    TableSettings,
    TargetSettings,
)
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import Loss
from sknet._network.regression import REGRESSION_LOSSES
from sknet._partitions.table import PartedTable
from sknet._tables.kinds import count_kinds
from sknet._tables.rows import Rows, is_sparse
from sknet._training.optimizers import OPTIMIZERS, Optimizer
from sknet._training.schedules import SCHEDULES, OfFraction, Schedule

T = TypeVar("T")


# --- before the rows are known ---------------------------------------------------------------------------------------


def target_settings(p: CommonParameters) -> TargetSettings:
    """Return what the target needs: the loss with its own options, class weights, scaling."""
    class_weight, scaling = getattr(p, "class_weight", None), getattr(p, "target_scaling", None)
    return TargetSettings(p.loss, loss_options(p), class_weight, scaling)


def loss_options(p: CommonParameters) -> dict[str, object]:
    """Return the options of the chosen loss that are set; to set one of another loss is an error."""
    entry = REGRESSION_LOSSES.get(p.loss) if isinstance(p.loss, str) else None
    chosen = {}
    for option, loss in LOSS_OPTIONS.items():
        value = getattr(p, option, "auto")
        if isinstance(value, str) and value == "auto":
            continue
        if entry is None or option not in entry.options:
            raise ValueError(
                f"{option}={value!r} belongs to loss={loss!r}, and loss={p.loss!r}: set the loss too, or leave "
                f"{option} at 'auto'."
            )
        chosen[option] = value
    return chosen


LOSS_OPTIONS = {option: name for name, entry in REGRESSION_LOSSES.items() for option in entry.options}
"""The parameters that belong to a single loss, with its name."""


def has_positive_targets(p: CommonParameters) -> bool:
    """Whether the loss takes no targets below 0."""
    if isinstance(p.loss, Loss):
        return p.loss.targets.low >= 0.0
    return p.loss in REGRESSION_LOSSES and REGRESSION_LOSSES[p.loss].make().targets.low >= 0.0


def evaluates(p: CommonParameters, n_rows: int) -> How:
    """Return what evaluates the epochs of a fit to so many rows."""
    if p.early_stopping == "folds":
        refuse_with_folds(p, has_end(p))
        return "folds"
    if p.early_stopping == "auto" and n_rows < AUTO_FOLDS:
        if n_rows < AUTO_EARLY_STOPPING:
            return None
        if p.max_iter > 1 and suits_folds(p, has_end(p)):
            return "folds"
    if not p.early_stopping:
        return None
    return share_held_out(n_rows) if isinstance(p.validation_fraction, str) else p.validation_fraction


def share_held_out(n_rows: int) -> float:
    """Return the share of so many rows that `validation_fraction="auto"` holds out."""
    return LARGE_SHARE if n_rows >= LARGE else SHARE


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
    kind = ClassifierParameters if isinstance(parameters, ClassifierParameters) else RegressorParameters
    names = tuple(kind.__dataclass_fields__)
    resolved = kind(**dict(zip(names, attrgetter(*names)(parameters), strict=True)))
    resolved.n_members = n_members_of(resolved, facts)
    for name, answer in answers(resolved, facts).items():
        given = getattr(resolved, name)
        if isinstance(given, str) and given in ("auto", "proportional"):
            setattr(resolved, name, answer)
    if facts.earlier is not None:
        refuse_changed(resolved, facts.earlier)
    resolved.batch_size = min(facts.n_rows, int(resolved.batch_size))
    resolved.early_stopping = facts.validated  # "folds"; False where True was asked for, and the rows were too few
    if isinstance(resolved, ClassifierParameters):
        resolved.temperature_scaling = bool(resolved.temperature_scaling and facts.validated)
        if resolved.label_smoothing == "auto":  # a temperature undoes what smoothing does to the probabilities
            resolved.label_smoothing = AUTO_LABEL_SMOOTHING if resolved.temperature_scaling else 0.0
    return settings_of(resolved, goes_on=facts.earlier is not None), resolved


def facts_of(p: CommonParameters, rows: Rows, facts: Facts, seed: int) -> Facts:
    """Return the facts with those about the table's columns, seen in the sample of this seed, if they are to be learnt."""
    X = rows.X
    if isinstance(X, PartedTable):
        facts = replace(facts, largest_batch=WORKERS_BATCH)
    if facts.earlier is not None:
        return facts
    if type(X) is np.ndarray and isinstance(p.categorical_features, str):
        return replace(facts, n_numbers=X.shape[1])  # numbers, all of them
    n_numbers, many = count_kinds(rows.sample(seed).X, p.categorical_features, p.max_categories)
    return replace(facts, n_numbers=n_numbers, has_many_levels=many, is_sparse=is_sparse(X))


def n_members_of(p: CommonParameters, facts: Facts) -> int:
    """Return how many networks are trained side by side."""
    if facts.earlier is not None and (p.n_members == "auto" or facts.increment):
        return int(facts.earlier["n_members"])  # type: ignore[call-overload]  # joined into one, which goes on
    if facts.increment:
        return 1
    reasons = single_network_reasons(p, facts, has_end(p))
    if p.n_members == "auto":
        return 2 if not reasons and facts.validated and facts.n_rows < SMALL_ROWS else 1
    if facts.earlier is None:
        refuse_members(int(p.n_members), reasons)
    return int(p.n_members)


def answers(p: CommonParameters, facts: Facts) -> dict[str, object]:
    """Return what "auto" means here, for each parameter that may be left to the estimator."""
    ours = has_end(p)  # a schedule that scikit-learn does not have
    validated, n = bool(facts.validated), facts.n_rows
    by_adam, by_lbfgs = p.solver == "adam", p.solver == "lbfgs"
    proportional = int(np.clip(n // 32, PROPORTIONAL_BATCH[0], facts.largest_batch))
    found: dict[str, object] = {
        "dtype": "float64" if by_lbfgs or n < FLOAT32_ROWS else "float32",
        "batch_size": proportional if p.batch_size == "proportional" else 200,
        "averaging": AUTO_AVERAGING if validated and ours else 0.0,
        "dropout": 0.0,
        "clip_norm": AUTO_CLIP_NORM if p.solver == "sgd" and ours else None,
        "weight_decay": AUTO_WEIGHT_DECAY if by_adam and ours else 0.0,
        "init": "centred",
        "validation_fraction": share_held_out(n + facts.n_held_out),
        "tol": LARGE_TOL if n >= LARGE and ours and not by_lbfgs else TOL,
        "n_iter_no_change": LARGE_PATIENCE if n >= LARGE and ours else PATIENCE,
        "numeric_encoding": "raw",
        "category_encoding": "one_hot",
    }
    if facts.validated == "folds":
        found |= {"n_iter_no_change": FOLDS_PATIENCE[n >= MANY_ROWS], "tol": FOLDS_TOL}
    if facts.earlier is not None:
        found |= {name: facts.earlier[name] for name in LEARNT if name in found}
    elif not (isinstance(p.init, tuple) or p.input_scaling is None or facts.is_sparse or not ours):
        if 0 < facts.n_numbers <= AUTO_BINS_COLUMNS and int(p.n_members) > 1:
            found["numeric_encoding"] = "auto"  # by turns: members with bins and members without
        elif 0 < facts.n_numbers <= AUTO_BINS_COLUMNS and n >= SMALL_ROWS:
            found["numeric_encoding"] = "piecewise_linear"
        if facts.has_many_levels and not facts.increment:  # means of a first part of the rows would stay for ever
            found["category_encoding"] = "both"
    if isinstance(p, ClassifierParameters):
        found["dropout"] = AUTO_DROPOUT if by_adam and validated and ours else 0.0
        possible = p.loss == "log_loss" and not by_lbfgs and p.max_norm is None
        found["temperature_scaling"] = possible and validated and ours
    return found


def has_end(p: CommonParameters) -> bool:
    """Whether the schedule ends by itself."""
    return not (isinstance(p.learning_rate, str) and SCHEDULES[p.learning_rate].open_ended)


# --- settings --------------------------------------------------------------------------------------------------------


def settings_of(p: CommonParameters, *, goes_on: bool = False) -> Settings:
    """Return the settings that resolved parameters stand for; where training goes on, those of the joined network."""
    sizes, n_members = hidden_sizes(p), int(p.n_members)
    by_turns = p.numeric_encoding == "auto"
    sees_bins = tuple([p.numeric_encoding != "raw" and not (by_turns and i % 2 == 0) for i in range(n_members)])
    if goes_on:
        sizes, sees_bins = tuple([size * n_members for size in sizes]), (any(sees_bins),)
    entry = OPTIMIZERS.get(p.solver) if isinstance(p.solver, str) else None
    optimizer = (
        p.solver if isinstance(p.solver, Optimizer) else None if entry is None else made(entry.make, entry.options, p)
    )
    dropout = dropout_rates(p, len(sizes))
    if optimizer is None:
        refuse_for_lbfgs(p)
    return Settings(
        target_settings(p),
        TableSettings(
            p.categorical_features, p.input_scaling, "piecewise_linear" if any(sees_bins) else "raw", p.n_bins,
            p.max_categories, p.category_encoding,
        ),
        NetworkSettings(sizes, hidden_activations(p, len(sizes)), dropout, p.init),
        SolverSettings(
            optimizer=optimizer, schedule=schedule_of(p), has_end=has_end(p),
            learning_rate_init=float(p.learning_rate_init), batch_size=int(p.batch_size), max_iter=p.max_iter,
            max_fun=p.max_fun, shuffle=p.shuffle, tol=float(p.tol), n_iter_no_change=float(p.n_iter_no_change),
            weight_decay=float(p.weight_decay), clip_norm=None if p.clip_norm is None else float(p.clip_norm),
            averaging=float(p.averaging),
        ),
        PenaltySettings(
            float(p.alpha), float(p.l1_ratio), p.max_norm, float(getattr(p, "label_smoothing", 0.0)),
            bool(getattr(p, "temperature_scaling", False)),
        ),
        np.dtype(p.dtype),
        sees_bins,
    )  # fmt: skip


def hidden_sizes(p: CommonParameters) -> tuple[int, ...]:
    """Return the hidden layers' sizes."""
    sizes = p.hidden_layer_sizes
    if p.depth != 1 and isinstance(sizes, tuple) and sizes == type(p).hidden_layer_sizes:
        sizes = sizes[0]  # depth alone: as many layers of the default's first size
    if isinstance(sizes, Integral):
        size, depth = int(sizes), int(p.depth)
        if depth > 1:
            # before the tuple of sizes itself is too long
            refuse_beyond_memory(f"hidden_layer_sizes={size} with depth={depth}", (depth - 1) * (size + 1) * size, 4)
        return (size,) * depth
    given: list[object] = list(sizes)  # type: ignore[arg-type]
    if p.depth != 1:
        raise ValueError(f"depth={p.depth} goes with an int; hidden_layer_sizes={given} gives each layer already.")
    sound = all(type(one) is not bool and isinstance(one, Integral) and int(one) >= 1 for one in given)
    if not sound or isinstance(sizes, Mapping):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: give the units of each layer, as integers.")
    return tuple(map(int, given))  # type: ignore[arg-type]


def hidden_activations(p: CommonParameters, n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation per hidden layer."""
    given = [p.activation] * n_hidden if isinstance(p.activation, str | Activation) else list(p.activation)
    if len(given) != n_hidden:
        raise ValueError(
            f"activation={p.activation!r} has {len(given)} entries for {n_hidden} hidden layers: give one each."
        )
    found = []
    for one in given:
        activation = ACTIVATIONS.get(one) if isinstance(one, str) else one
        if not isinstance(activation, Activation):
            raise ValueError(f"activation: {one!r} is not known; use one of {sorted(ACTIVATIONS)} or an Activation.")
        found.append(activation)
    return tuple(found)


def dropout_rates(p: CommonParameters, n_hidden: int) -> tuple[float, ...]:
    """Return one dropout rate per hidden layer."""
    alike = isinstance(p.dropout, Real)
    rates: list[object] = [p.dropout] * n_hidden if alike else list(p.dropout)  # type: ignore[arg-type]
    if len(rates) != n_hidden:
        raise ValueError(f"dropout={p.dropout!r} has {len(rates)} entries for {n_hidden} hidden layers: give one each.")
    for rate in rates:
        if not isinstance(rate, Real) or not 0.0 <= float(rate) < 1.0:
            raise ValueError(f"dropout={p.dropout!r}: rates must be numbers in [0, 1).")
    return tuple(map(float, rates))  # type: ignore[arg-type]


def schedule_of(p: CommonParameters) -> Schedule:
    """Return the schedule that `learning_rate` names or is."""
    if not isinstance(p.learning_rate, str):
        return OfFraction(p.learning_rate)
    entry = SCHEDULES[p.learning_rate]
    return entry.schedule or made(entry.make, entry.options, p)


def made(make: Callable[..., T] | None, names: Sequence[str], p: CommonParameters) -> T:
    """Make what a registry's entry describes, from the parameters that it names."""
    if make is None:
        raise TypeError("a registry's entry must be a thing or say how it is made")
    options = {}
    for name in names:
        options[name] = getattr(p, name)
    return make(**options)
