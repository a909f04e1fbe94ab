"""Turn an estimator's parameters into typed `Settings`, with every "auto" replaced and one entry per layer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

from sknet._estimators.auto import UNITS_PER_SET, Facts, auto_numeric_encoding, replace_autos
from sknet._estimators.conflicts import refuse_conflicts_with_solver
from sknet._estimators.keywords import suggest_value
from sknet._estimators.parameters import CommonParameters, copy_containers, schedule_ends, solver_class
from sknet._model.machine import refuse_beyond_memory
from sknet._model.settings import (
    NetworkSettings,
    RegularisationSettings,
    Settings,
    TargetSettings,
)
from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.losses import REGRESSION_LOSSES, Loss
from sknet._tables.column import ColumnSettings
from sknet._training.lbfgs import LBFGS
from sknet._training.loop import MiniBatchSolver
from sknet._training.optimizers import OPTIMIZERS, SCHEDULES, Optimizer, Schedule, UserSchedule
from sknet._training.solver import Solver, StopReason

T = TypeVar("T")

GAIN_RATE = 3.0
"""The learning rate of input gains, as a multiple of `learning_rate_init`."""


def resolve(parameters: CommonParameters, facts: Facts) -> tuple[Settings, CommonParameters]:
    """Replace every "auto"; return the settings of a fit and the resolved parameters.

    Parameters
    ----------
    parameters : CommonParameters
        The estimator with validated parameters; it is not changed.

    facts : Facts
        About the training rows.

    Returns
    -------
    settings : Settings
    resolved : CommonParameters
        See `replace_autos`.
    """
    resolved = replace_autos(parameters, facts)
    is_continued = facts.earlier_parameters is not None
    settings = make_settings(resolved, is_continued=is_continued, keeps_all_categories=facts.keeps_all_categories)
    refuse_fewer_units_than_sets(settings.network.hidden_sizes, facts.n_interaction_sets)
    return settings, resolved


# --- the target, which is read before the rows are counted -----------------------------------------------------------


def target_settings(p: CommonParameters) -> TargetSettings:
    """Return the loss with its options, the class weights, and the scaling of targets."""
    class_weight = getattr(p, "class_weight", None)  # only the classifier has it
    target_scaling = getattr(p, "target_scaling", None)  # only the regressor has it
    # copies, because the fitted head holds them
    return TargetSettings(p.loss, loss_options(p), copy_containers(class_weight), target_scaling)


def loss_options(p: CommonParameters) -> dict[str, object]:
    """Return the options that are set for the chosen loss; raise if an option of another loss is set."""
    entry = REGRESSION_LOSSES.get(p.loss) if isinstance(p.loss, str) else None
    options = {}
    for option, loss in LOSS_OPTIONS.items():
        value = getattr(p, option, "auto")
        if isinstance(value, str) and value == "auto":
            continue
        if entry is None or option not in entry.options:
            raise ValueError(
                f"{option}={value!r} belongs to loss={loss!r}, and loss={p.loss!r}: set the loss too, or leave "
                f"{option} at 'auto'."
            )
        options[option] = copy_containers(value)
    return options


LOSS_OPTIONS = {option: name for name, entry in REGRESSION_LOSSES.items() for option in entry.options}
"""Parameters that are options of a single loss, with the name of this loss."""


def loss_if_valid(p: CommonParameters) -> Loss | None:
    """Return the loss of a regressor; None if it is invalid, as in an estimator that a notebook displays."""
    loss: object = p.loss
    if isinstance(loss, str) and loss in REGRESSION_LOSSES:
        try:
            loss = REGRESSION_LOSSES[loss].make(**loss_options(p))
        except (TypeError, ValueError):
            return None
    return loss if isinstance(loss, Loss) else None


# --- settings --------------------------------------------------------------------------------------------------------


def make_settings(p: CommonParameters, *, is_continued: bool = False, keeps_all_categories: bool = False) -> Settings:
    """Return the settings for resolved parameters; if `is_continued`, for the joined network of all members.

    For `keeps_all_categories`, see `Facts`.
    """
    sizes = hidden_sizes(p)
    n_members = int(p.n_members)
    if n_members > 1 and not is_continued:  # before anything is allocated; counts only weights between hidden layers
        n_weights = sum([(fan_in + 1) * fan_out for fan_in, fan_out in pairwise(sizes)])
        refuse_beyond_memory(f"n_members={n_members}", n_members * n_weights, 4, n_networks=n_members)
    bins = (
        auto_numeric_encoding(p, is_evaluated=bool(p.early_stopping))
        if p.numeric_encoding == "auto"
        else p.numeric_encoding
    )
    # with "auto", networks without and with bins alternate
    sees_bins = tuple(
        [p.numeric_encoding != "raw" and (p.numeric_encoding != "auto" or i % 2 == 1) for i in range(n_members)]
    )
    if is_continued:  # the joined network is n_members times as wide, and sees bins if a member does
        sizes = tuple([size * n_members for size in sizes])
        sees_bins = (any(sees_bins),)
    refuse_conflicts_with_solver(p)
    return Settings(
        target=target_settings(p),
        table=settings_from(
            ColumnSettings,
            p,
            numeric_encoding=bins if any(sees_bins) else "raw",
            keeps_all_categories=keeps_all_categories,
        ),
        network=settings_from(
            NetworkSettings,
            p,
            hidden_sizes=sizes,
            activations=hidden_activations(p, len(sizes)),
            dropout=dropout_rates(p, len(sizes)),
            n_joined=n_members if is_continued else 1,
        ),
        solver=make_solver(p),
        regularisation=settings_from(RegularisationSettings, p),
        dtype=np.dtype(p.dtype),
        sees_bins=sees_bins,
    )


def hidden_sizes(p: CommonParameters) -> tuple[int, ...]:
    """Return the sizes of the hidden layers, from a list or from a size and a depth; raise if they are invalid."""
    sizes: Any = p.hidden_layer_sizes
    if isinstance(sizes, Integral):
        size, depth = int(sizes), int(p.depth)
        if depth > 1:
            # before the tuple itself becomes too long; counts only weights between hidden layers, 4 bytes each
            refuse_beyond_memory(f"hidden_layer_sizes={size} with depth={depth}", (depth - 1) * (size + 1) * size, 4)
        return (size,) * depth
    listed: list[object] = list(sizes)
    if p.depth != 1:
        raise ValueError(f"depth={p.depth} goes with an int; hidden_layer_sizes={listed} gives each layer already.")
    if isinstance(sizes, Mapping):
        raise ValueError(f"hidden_layer_sizes={sizes} is a mapping: give a list of the units of each layer.")
    other = [size for size in listed if type(size) is bool or not isinstance(size, Integral)]
    if other:
        raise ValueError(f"hidden_layer_sizes={listed} holds {other[0]!r}: give the units of each layer, as integers.")
    layer_sizes = tuple(map(int, listed))  # type: ignore[arg-type]
    if min(layer_sizes, default=1) < 1:  # scikit-learn's own message
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}: leave a layer without units out.")
    return layer_sizes


def refuse_fewer_units_than_sets(sizes: tuple[int, ...], n_sets: int) -> None:
    """Raise if a hidden layer has fewer units than there are sets of columns."""
    if min(sizes, default=n_sets) < n_sets:
        raise ValueError(
            f"interaction_cst makes {n_sets:,} sets of columns, and hidden_layer_sizes={list(sizes)} has a layer of "
            f"{min(sizes)} units: a set needs units of its own in each layer. Give each layer {n_sets:,} units or more "
            f"(hidden_layer_sizes='auto' gives {UNITS_PER_SET * n_sets:,}), or allow fewer sets."
        )


def hidden_activations(p: CommonParameters, n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation per hidden layer, from a single activation or a list, by name or as objects."""
    listed = [p.activation] * n_hidden if isinstance(p.activation, str | Activation) else list(p.activation)
    if len(listed) != n_hidden:
        raise ValueError(
            f"activation={p.activation!r} has {len(listed)} entries for {n_hidden} hidden layers: give one each."
        )
    activations = []
    for entry in listed:
        activation = ACTIVATIONS.get(entry) if isinstance(entry, str) else entry
        if not isinstance(activation, Activation):
            hint = suggest_value(entry, ACTIVATIONS) if isinstance(entry, str) else ""
            raise ValueError(
                f"activation: {entry!r} is not known; use one of {sorted(ACTIVATIONS)} or an Activation.{hint}"
            )
        activations.append(activation)
    return tuple(activations)


def dropout_rates(p: CommonParameters, n_hidden: int) -> tuple[float, ...]:
    """Return one dropout rate per hidden layer, from a single rate or a list; raise for a list of another length."""
    alike = isinstance(p.dropout, Real)
    rates: list[object] = [p.dropout] * n_hidden if alike else list(p.dropout)  # type: ignore[arg-type]
    if len(rates) != n_hidden:
        raise ValueError(f"dropout={p.dropout!r} has {len(rates)} entries for {n_hidden} hidden layers: give one each.")
    for rate in rates:
        if not isinstance(rate, Real) or not 0.0 <= float(rate) < 1.0:
            raise ValueError(f"dropout={p.dropout!r}: rates must be numbers in [0, 1).")
    return tuple(map(float, rates))  # type: ignore[arg-type]


def settings_from(settings_class: type[T], p: CommonParameters, **given: object) -> T:
    """Make settings from the parameters that have the names of its fields, and from `given`."""
    names = {field.name for field in fields(settings_class)} & {field.name for field in fields(p)} - given.keys()  # type: ignore[arg-type]
    return settings_class(**{name: _as_python_number(getattr(p, name)) for name in names}, **given)


def _as_python_number(value: object) -> object:
    """Return a number as int or float, since NumPy scalars of 32 bits would round results; others unchanged."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def make_solver(p: CommonParameters) -> Solver:
    """Return the solver: a first-order method over mini-batches, or L-BFGS."""
    if solver_class(p.solver) is LBFGS:
        return settings_from(LBFGS, p, n_epochs=int(p.max_iter), n_evaluations=int(p.max_fun))
    ends = schedule_ends(p)
    return settings_from(
        MiniBatchSolver,
        p,
        optimizer=make_optimizer(p),
        schedule=make_schedule(p),
        rate=float(p.learning_rate_init),
        gain_rate=GAIN_RATE if p.input_gains else 0.0,
        n_epochs=int(p.max_iter),
        schedule_epochs=int(p.max_iter),
        relative_tol=ends,
        end_reason=StopReason.FINISHED if ends else StopReason.MAX_ITER,
    )


def make_optimizer(p: CommonParameters) -> Optimizer:
    """Return the optimizer for `solver`, a name or an optimizer."""
    if not isinstance(p.solver, str):
        return p.solver
    entry = OPTIMIZERS[p.solver]
    return make_from_parameters(entry.make, entry.options, p)


def make_schedule(p: CommonParameters) -> Schedule:
    """Return the schedule for `learning_rate`, a name or a function."""
    if not isinstance(p.learning_rate, str):
        return UserSchedule(p.learning_rate)
    entry = SCHEDULES[p.learning_rate]
    return make_from_parameters(entry.make, entry.options, p)


def make_from_parameters(make: Callable[..., T], names: Sequence[str], p: CommonParameters) -> T:
    """Call `make` with the parameters that have these names."""
    return make(**{name: getattr(p, name) for name in names})
