"""What does not go together: held-out rows with folds, mini-batches with L-BFGS, what has been learnt with a change."""

from collections.abc import Mapping
from numbers import Real

import numpy as np

from sknet._estimators.facts import LEARNT, Facts
from sknet._estimators.parameters import CommonParameters


def suits_folds(p: CommonParameters, has_end: bool) -> bool:
    """Whether "auto" means folds on a smaller table; `has_end`: whether the schedule does.

    Not where something is set that belongs to held-out rows or to scikit-learn.
    """
    as_by_default = p.scoring == "loss" and p.validation_fraction == "auto" and not p.warm_start
    return as_by_default and p.solver != "lbfgs" and has_end


def refuse_with_folds(p: CommonParameters, has_end: bool) -> None:
    """Raise if a parameter is set that makes no sense with folds."""
    wrong = {
        "solver": p.solver == "lbfgs",
        "learning_rate": not has_end,
        "scoring": p.scoring != "loss",
        "validation_fraction": not isinstance(p.validation_fraction, Real | str),
        "warm_start": p.warm_start,  # its weights have seen all rows
    }
    for name in [name for name, is_wrong in wrong.items() if is_wrong]:
        raise ValueError(
            f"early_stopping='folds' does not go with {name}={getattr(p, name)!r}: leave {name} at its default, or set "
            "early_stopping=True."
        )


def single_network_reasons(p: CommonParameters, facts: Facts, has_end: bool) -> list[str]:
    """Return what is set that only a single network can have."""
    reasons = {
        f"learning_rate={p.learning_rate!r}": not has_end,
        "init=(coefs, intercepts)": isinstance(p.init, tuple),
        "input_scaling=None": p.input_scaling is None,
        "sparse X": facts.is_sparse,
        "solver='lbfgs'": p.solver == "lbfgs",
        "Checkpoint or resume": facts.has_checkpoint,
        "a stream": facts.is_stream,
    }
    return [what for what, is_set in reasons.items() if is_set]


def refuse_members(n_members: int, reasons: list[str]) -> None:
    """Raise where several networks are asked for, and only one can be trained."""
    if n_members > 1 and reasons:
        raise ValueError(
            f"n_members={n_members} does not go with {reasons[0]}, which takes a single network: leave it out, or set "
            "n_members=1."
        )


def refuse_for_lbfgs(p: CommonParameters) -> None:
    """Raise if a parameter is set that makes no sense with L-BFGS."""
    given = {"dropout": np.any(p.dropout), "max_norm": p.max_norm is not None}
    for name in [name for name, is_set in given.items() if is_set]:
        raise ValueError(
            f"{name}={getattr(p, name)!r} does not go with solver='lbfgs': leave it at 0 or None, or choose "
            "solver='adam'."
        )


def refuse_changed(p: CommonParameters, earlier: Mapping[str, object]) -> None:
    """Raise where training is to go on although what was learnt would have to be learnt anew."""
    for name in LEARNT:
        now, before = getattr(p, name, None), earlier.get(name)
        if np.array_equal(np.asarray(now, dtype=object), np.asarray(before, dtype=object)):
            continue
        raise ValueError(
            f"{name}={now!r} cannot take effect: training goes on from an earlier fit, which learnt the table and the "
            f"targets with {name}={before!r}. Set it as it was, or call fit with warm_start=False."
        )
