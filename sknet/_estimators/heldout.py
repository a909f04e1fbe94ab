"""Which rows are held out, and how an epoch is judged on them."""

from collections.abc import Callable
from copy import copy
from math import ceil
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import check_scoring
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from sknet._estimators.inputs import Data, gather, read_table, warn
from sknet._network.calibration import inverse_temperature, weighted_mean
from sknet._network.objective import Objective
from sknet._network.parameters import Layout

Array = npt.NDArray[Any]

MIN_HELD_OUT = 10
"""With fewer rows to hold out, a validation score says too little: training goes without."""

AUTO_EARLY_STOPPING = 67
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
        to run out of epochs is then normal.
    """
    given = read_own(estimator, *own)
    if incremental or given is not None:
        return data, given, True
    auto = estimator.early_stopping == "auto"
    if not estimator.early_stopping or (auto and len(data) < AUTO_EARLY_STOPPING):
        return data, None, True
    rows = _rows(estimator, data)
    if rows is None:
        if not auto:
            warn_of_few(len(data), estimator.validation_fraction)
        return data, None, False
    return data.take(rows[0]), data.take(rows[1]).in_memory(), True


def _rows(estimator: Any, data: Data) -> tuple[Array, Array] | None:
    """Choose rows by a splitter, by groups or by strata."""
    how, seed = estimator.validation_fraction, estimator._seeds[1]
    if not isinstance(how, Real):
        return by_splitter(how, data, seed)
    if data.groups is not None:
        if len(np.unique(data.groups)) < 2:
            raise ValueError("groups holds a single group, of which no part can be held out: pass more, or none.")
        return by_splitter(GroupShuffleSplit(1, test_size=float(how), random_state=seed), data, seed)
    return hold_out(len(data), estimator._strata(data.y), float(how), seed)


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
    if not estimator.early_stopping:
        raise ValueError(
            "X_val and y_val are passed to fit while at the same time early_stopping is False. "
            "When passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
        )
    table, target = read_table(estimator, X, reset=False), estimator._read_target(y)
    return gather(table, target, sample_weight, name="sample_weight_val")


def by_splitter(splitter: Any, data: Data, seed: int) -> tuple[Array, Array]:
    """Choose rows by the first split of a splitter.

    It sees the rows as the user passed them, those of weight 0 too; one that
    would draw anew each time is given the seed.
    """
    whole = data.whole or data
    if getattr(splitter, "random_state", seed) is None:
        splitter = copy(splitter)
        splitter.random_state = seed
    first = next(iter(splitter.split(whole.X, whole.y, whole.groups)), None)
    if first is None:
        raise ValueError(f"validation_fraction={splitter} makes no split: give a splitter that makes one, or a share.")
    train, held_out = map(np.asarray, first)
    if max(train.max(initial=0), held_out.max(initial=0)) >= len(whole):
        raise ValueError(f"validation_fraction={splitter} is made for more rows than the {len(whole)} that X has.")
    if data.place is not None:
        now = np.full(len(whole), -1)
        now[data.place] = np.arange(len(data))
        train, held_out = (rows[rows >= 0] for rows in (now[train], now[held_out]))
    if not len(train) or not len(held_out):
        what = "to hold out" if len(train) else "to train on"
        raise ValueError(f"validation_fraction={splitter} leaves no rows {what}: choose another splitter, or a share.")
    return train, held_out


def hold_out(n: int, strata: Array | None, fraction: float, seed: int) -> tuple[Array, Array] | None:
    """Choose the rows for training and for validation.

    Parameters
    ----------
    n : int
    strata : (n,) array of int, or None
        The validation part holds its share of each.

    fraction : float
        The share of the rows that is held out.

    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    (training rows, validation rows), or None where they would be too few
    """
    n_held_out = ceil(n * fraction)
    if n_held_out < MIN_HELD_OUT or n - n_held_out < 1:
        return None
    strata = np.zeros(n, dtype=int) if strata is None else strata
    candidates = common(strata)
    if len(candidates) <= n_held_out:
        candidates = np.arange(n)
    merged = merge_rare(strata[candidates], min(n_held_out, len(candidates) - n_held_out))
    splitter: Any = StratifiedShuffleSplit if merged.any() else ShuffleSplit
    _, chosen = next(splitter(1, test_size=n_held_out, random_state=seed).split(merged, merged))
    held_out = np.sort(candidates[chosen])
    return np.delete(np.arange(n), held_out), held_out


def common(strata: Array) -> Array:
    """Return the rows that are not the only one of their stratum: what has one row is to be trained on."""
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[codes] > 1)


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
    warn(
        f"early_stopping: validation_fraction={fraction} of {n} rows leaves fewer than {MIN_HELD_OUT} rows to hold "
        "out (or none to train on). Training goes without a validation part; give more rows, a larger "
        "validation_fraction, or X_val and y_val.",
        RuntimeWarning,
    )


Monitor = Callable[[Objective, Array], tuple[float, float, Array]]


def monitor_of(estimator: Any, layout: Layout, validation: Data | None) -> Monitor | None:
    """Return a function (objective, theta) -> (loss, score, theta as judged) on the validation part.

    Parameters
    ----------
    estimator : estimator
        Learnt are its target, its tables and its loss, not yet its weights.

    layout : Layout
    validation : Data or None

    Returns
    -------
    monitor : callable or None
    """
    if validation is None:
        return None
    held_out = estimator._encode(validation, training=False)
    target, weight, loss = held_out.target, held_out.weight, estimator._loss
    score = None if estimator.scoring == "loss" else _scorer(estimator, layout, validation)

    def monitor(objective: Objective, theta: Array) -> tuple[float, float, Array]:
        raw = objective.raw(theta, held_out.inputs, len(held_out))
        if estimator._scales_temperature():
            factor = inverse_temperature(loss, raw, target, weight, held_out.total_weight)
            raw *= factor
            theta = layout.with_output_scaled(theta, factor)
        value = weighted_mean(loss.value(raw, target), weight)
        return value, -value if score is None else score(theta), theta

    return monitor


def _scorer(estimator: Any, layout: Layout, validation: Data) -> Callable[[Array], float]:
    """Return a function theta -> score, by a scikit-learn scorer on a snapshot of the estimator."""
    probe = estimator._draft()
    scorer = check_scoring(probe, estimator.scoring)
    weights = {} if validation.weight is None else {"sample_weight": validation.weight}

    def score(theta: Array) -> float:
        probe.coefs_, probe.intercepts_ = layout.views(theta)
        try:
            return float(scorer(probe, validation.X, validation.y, **weights))
        except TypeError as error:
            if "sample_weight" not in str(error):
                raise
            raise ValueError(
                f"scoring={estimator.scoring!r} takes no sample_weight, but rows or classes are weighted: choose "
                "another, or make it of a function that takes the keyword sample_weight."
            ) from error

    return score
