"""Errors for parameters that exclude each other, or that must not change while training continues."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from sknet._estimators.parameters import CommonParameters, schedule_ends, solver_class, validation_splitter

LEARNT_WITH = (
    "categorical_features", "text_features", "max_categories", "category_encoding", "text_components",
    "numeric_encoding", "n_bins", "input_gains", "input_scaling", "monotonic_cst", "interaction_cst", "dtype",
    "target_scaling", "n_members",
)  # fmt: skip
"""Parameters that determine the encoding of table and targets. They must not change while training continues."""

MAY_DIFFER = ("max_iter", "tol", "n_iter_no_change", "verbose", "warm_start", "max_fun")
"""Parameters that may differ when a run is resumed: they decide how long it trains, and what it prints."""


def first_wrong(wrong: Mapping[str, object]) -> str | None:
    """Return the first parameter that is wrong, or None."""
    return next((name for name, is_wrong in wrong.items() if is_wrong), None)


def refuse_conflicts_with_folds(p: CommonParameters) -> None:
    """Raise if a parameter is set that excludes folds, by `early_stopping="folds"` or by a splitter."""
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
    """Raise if validation rows are passed to `fit` although `validation_fraction` is a splitter."""
    splitter = validation_splitter(p)
    if splitter is not None:
        raise ValueError(
            f"X_val and y_val are passed, but validation_fraction={splitter} chooses the epoch by rows of X: leave "
            "validation_fraction at its default, or leave X_val and y_val out."
        )


def refuse_conflicts_with_temperature(p: CommonParameters) -> None:
    """Raise if `temperature_scaling=True` is set with a parameter that excludes it."""
    if getattr(p, "temperature_scaling", False) in (False, "auto"):  # only the classifier has it
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
    """Raise if a parameter of first-order solvers is set with another solver."""
    if solver_class(p.solver).is_first_order:
        return
    wrong = {"dropout": np.any(p.dropout), "max_norm": p.max_norm is not None, "input_gains": p.input_gains}
    if name := first_wrong(wrong):
        raise ValueError(
            f"{name}={getattr(p, name)!r} does not go with solver={p.solver!r}: leave {name} at its default, or "
            "choose solver='adam'."
        )


def unchanged_where_resumed(resolved: Mapping[str, object]) -> dict[str, object]:
    """Return the parameters that must be the same when a run is resumed, with causes before consequences."""
    # a generator has advanced since, so the drawn seeds are compared instead
    drawn = set() if isinstance(resolved["random_state"], Integral) else {"random_state"}
    resolved_first = ("early_stopping", "solver")
    names = sorted(resolved.keys() - drawn - {*MAY_DIFFER}, key=lambda name: (name not in resolved_first, name))
    return {name: resolved[name] for name in names}


def refuse_changed_parameters(p: CommonParameters, earlier: Mapping[str, object]) -> None:
    """Raise if training continues but a parameter of `LEARNT_WITH` has changed."""
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
    """Return a parameter with tuples and arrays converted to lists, which mean the same."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return list(map(_as_lists, value)) if isinstance(value, list | tuple) else value
