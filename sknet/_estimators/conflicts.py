"""Errors for parameters that exclude each other, or that must not change once the table is learnt."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from sknet._estimators.parameters import CommonParameters, schedule_ends, solver_class, validation_splitter

LEARNT_WITH = (
    "categorical_features", "text_features", "max_categories", "category_encoding", "text_components",
    "numeric_encoding", "n_bins", "input_gains", "input_scaling", "monotonic_cst", "interaction_cst", "dtype",
    "target_scaling", "n_members",
)  # fmt: skip
"""Parameters by which the table and the targets were learnt: they hold as long as training goes on from there."""

MAY_DIFFER = ("max_iter", "tol", "n_iter_no_change", "verbose", "warm_start", "max_fun")
"""Parameters that may be other ones where a run is taken up: they say how long it goes on, and what is told of it."""


def first_wrong(wrong: Mapping[str, object]) -> str | None:
    """Return the first parameter that is wrong, or None."""
    return next((name for name, is_wrong in wrong.items() if is_wrong), None)


def refuse_conflicts_with_folds(p: CommonParameters) -> None:
    """Raise if a parameter is set that makes no sense with folds: those of `early_stopping`, or of a splitter."""
    splitter = validation_splitter(p)
    if splitter is not None and not p.early_stopping:
        raise ValueError(
            f"validation_fraction={splitter} is a splitter, whose test sets are to choose the epoch, and "
            "early_stopping=False: set early_stopping='folds', or leave validation_fraction at its default."
        )
    wrong = {
        "solver": not solver_class(p.solver).is_first_order,
        "learning_rate": not schedule_ends(p),
        "scoring": p.scoring != "loss",
        "warm_start": p.warm_start,  # its weights have seen all rows
    }
    folds, remedy = "early_stopping='folds' does", "set early_stopping=True"
    if splitter is not None:
        folds = f"validation_fraction={splitter} gives folds, which do"
        remedy = "give a share of the rows, which are then held out"
    if name := first_wrong(wrong):
        raise ValueError(f"{folds} not go with {name}={getattr(p, name)!r}: leave {name} at its default, or {remedy}.")


def refuse_conflicts_with_own_rows(p: CommonParameters) -> None:
    """Raise if the rows that evaluate each epoch are passed to `fit`, and a splitter is to choose them too."""
    splitter = validation_splitter(p)
    if splitter is not None:
        raise ValueError(
            f"X_val and y_val are passed, but validation_fraction={splitter} chooses the epoch by rows of X: leave "
            "validation_fraction at its default, or leave X_val and y_val out."
        )


def refuse_conflicts_with_temperature(p: CommonParameters) -> None:
    """Raise if `temperature_scaling=True` is set beside a parameter with which no temperature can be found."""
    if getattr(p, "temperature_scaling", False) in (False, "auto"):  # which only the classifier has
        return
    wrong = {
        "loss": p.loss != "log_loss",
        "max_norm": p.max_norm is not None,
        "early_stopping": not p.early_stopping,
    }
    if name := first_wrong(wrong):
        raise ValueError(
            f"temperature_scaling=True does not go with {name}={getattr(p, name)!r}: it multiplies the "
            "output layer by what makes the log-loss of held-out rows least. Set it to 'auto' or False."
        )


def refuse_conflicts_with_solver(p: CommonParameters) -> None:
    """Raise if a parameter is set that belongs to first-order solvers, beside another one."""
    if solver_class(p.solver).is_first_order:
        return
    wrong = {"dropout": np.any(p.dropout), "max_norm": p.max_norm is not None, "input_gains": p.input_gains}
    if name := first_wrong(wrong):
        raise ValueError(
            f"{name}={getattr(p, name)!r} does not go with solver={p.solver!r}: leave {name} at its default, or "
            "choose solver='adam'."
        )


def unchanged_where_resumed(resolved: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that must be the same where a run is taken up: first those by which others resolve."""
    # a generator has moved on since: the seeds that were drawn from it are compared instead
    drawn = set() if isinstance(resolved["random_state"], Integral) else {"random_state"}
    resolved_first = ("early_stopping", "solver")
    names = sorted(resolved.keys() - drawn - {*MAY_DIFFER}, key=lambda name: (name not in resolved_first, name))
    return {name: resolved[name] for name in names}


def refuse_changed_parameters(p: CommonParameters, earlier: Mapping[str, object]) -> None:
    """Raise where training is to go on, but a parameter has changed by which the table or the targets were learnt."""
    for name in LEARNT_WITH:  # of a regressor or of both: a classifier has no `target_scaling`, hence the None
        if name == "input_gains" and not solver_class(p.solver).is_first_order:
            continue  # a warm start by L-BFGS, which learns none
        now = getattr(p, name, None)
        before = earlier.get(name)
        if _as_lists(now) == _as_lists(before):
            continue
        raise ValueError(
            f"{name}={now!r} cannot take effect: training goes on from an earlier fit, which learnt the table and the "
            f"targets with {name}={before!r}. Set it as it was, or start anew: call fit with warm_start=False."
        )


def _as_lists(value: object) -> object:
    """Return a parameter with lists in the place of tuples and arrays, which are the same choice."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return list(map(_as_lists, value)) if isinstance(value, list | tuple) else value
