"""Which rows are held out, and how an epoch is judged on them."""

import warnings
from collections.abc import Callable
from math import ceil
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import check_scoring
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

from sknet._estimators.inputs import Data, check_rows, read_table, read_weight
from sknet._network.objective import Objective
from sknet._network.parameters import Layout

Array = npt.NDArray[Any]

MIN_HELD_OUT = 10
"""With fewer rows to hold out, a validation score says too little: training goes without."""

AUTO_EARLY_STOPPING = 1000
"""From so many rows on, `early_stopping="auto"` holds some out."""


def split(estimator: Any, data: Data, own: tuple[Any, Any, Any], incremental: bool) -> tuple[Data, Data | None, bool]:
    """Choose what to train on and what to judge by.

    Parameters
    ----------
    estimator : estimator
        Its early-stopping parameters, its seeds and its target.

    data : Data
    own : (X, y, sample_weight) of the user's own validation set, or None thrice
    incremental : bool
        Whether this is `partial_fit`, which holds nothing out.

    Returns
    -------
    training : Data
    validation : Data or None
    patient : bool
        False where a validation part was asked for and could not be had:
        nothing then stops training early, and to run out of epochs is normal.
    """
    given = read_own(estimator, *own)
    if incremental or given is not None:
        return data, given, True
    if estimator.early_stopping is False or (estimator.early_stopping == "auto" and len(data) < AUTO_EARLY_STOPPING):
        return data, None, True
    rows = hold_out(len(data), estimator._strata(data.y), estimator.validation_fraction, estimator._seeds[1], data)
    if rows is None:
        if estimator.early_stopping is True:
            warn_of_few(len(data), estimator.validation_fraction)
        return data, None, False
    return data.take(rows[0]), data.take(rows[1]), True


def read_own(estimator: Any, X: Any, y: Any, sample_weight: Any) -> Data | None:
    """Check a validation set of the user's own."""
    if X is None and y is None:
        if sample_weight is not None:
            raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided.")
        return None
    if y is None:
        raise ValueError("X_val is provided, but y_val was not provided.")
    if X is None:
        raise ValueError("y_val is provided, but X_val was not provided.")
    if estimator.early_stopping is False:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping is False. "
            "When passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
        )
    table, target = read_table(estimator, X, reset=False), estimator._read_target(y)
    check_rows(table, target)
    return Data(table, target, read_weight(sample_weight, len(target), "sample_weight_val")).without_weightless()


def hold_out(n: int, strata: Array | None, how: Any, seed: int, data: Data) -> tuple[Array, Array] | None:
    """Choose the rows for training and for validation.

    Parameters
    ----------
    n : int
    strata : (n,) array of int, or None
        The validation part holds its share of each.

    how : float or splitter
        `validation_fraction`; of a splitter, the first split is taken.

    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    (training rows, validation rows), or None where they would be too few
    """
    if not isinstance(how, Real):
        train, held_out = next(iter(how.split(data.X, data.y)))
        return np.asarray(train), np.asarray(held_out)
    n_held_out = ceil(n * float(how))
    if n_held_out < MIN_HELD_OUT or n - n_held_out < 1:
        return None
    if strata is None:
        splitter: Any = ShuffleSplit(1, test_size=n_held_out, random_state=seed)
        strata = np.zeros(n, dtype=int)
    else:
        strata = merge_rare(strata, min(n_held_out, n - n_held_out))
        splitter = StratifiedShuffleSplit(1, test_size=n_held_out, random_state=seed)
    train, held_out = next(splitter.split(np.zeros((n, 1)), strata))
    return train, held_out


def merge_rare(strata: Array, most: int) -> Array:
    """Merge strata too rare to be split, those with one row and the rarest beyond `most`, into one."""
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    rank = np.empty_like(by_size)
    rank[by_size] = np.arange(len(by_size))
    n_kept = min(int((counts > 1).sum()), most)
    if n_kept < len(counts):
        n_kept -= 1
        if n_kept >= 1 and counts[by_size[n_kept:]].sum() < 2:  # a single row left over joins the smallest stratum
            n_kept -= 1
    return np.minimum(rank, max(n_kept, 0))[codes]


def warn_of_few(n: int, fraction: Any) -> None:
    """Say that training goes without validation."""
    warnings.warn(
        f"early_stopping: validation_fraction={fraction} of {n} rows leaves fewer than {MIN_HELD_OUT} rows to hold "
        "out (or none to train on). Training goes without a validation part; give more rows, a larger "
        "validation_fraction, or X_val and y_val.",
        RuntimeWarning,
        stacklevel=6,
    )


Monitor = Callable[[Objective, Array], tuple[float, float]]


def monitor_of(estimator: Any, layout: Layout, validation: Data | None) -> Monitor | None:
    """Return a function (objective, theta) -> (loss, score) on the validation part.

    Parameters
    ----------
    estimator : estimator
        Learnt are its target and its tables, not yet its weights.

    layout : Layout
    validation : Data or None

    Returns
    -------
    monitor : callable or None
    """
    if validation is None:
        return None
    held_out = estimator._encode(validation, training=False)
    score = None if estimator.scoring == "loss" else _scorer(estimator, layout, validation)

    def monitor(objective: Objective, theta: Array) -> tuple[float, float]:
        loss = objective.value(theta, held_out.inputs, held_out.target, held_out.weight)
        return loss, -loss if score is None else score(theta)

    return monitor


def _scorer(estimator: Any, layout: Layout, validation: Data) -> Callable[[Array], float]:
    """Return a function theta -> score, by a scikit-learn scorer on a snapshot of the estimator."""
    probe = estimator._draft()
    scorer = check_scoring(probe, estimator.scoring)
    weights = {} if validation.weight is None else {"sample_weight": validation.weight}

    def score(theta: Array) -> float:
        probe.coefs_, probe.intercepts_ = layout.views(theta)
        return float(scorer(probe, validation.X, validation.y, **weights))

    return score
