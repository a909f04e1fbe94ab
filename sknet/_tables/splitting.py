"""Which rows are held out for validation: by share, by groups, or by a scikit-learn splitter.

Conventions
-----------
n rows of positive weight; N rows that the user passed, those of weight 0 too.

strata : (n,)            an integer for each row; the held-out part has its share of each
train, held_out          indices into the n rows; a splitter's own are indices into the N
"""

from collections.abc import Callable, Iterable, Sequence
from copy import copy
from math import ceil
from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from sknet._tables.rows import Rows
from sknet._typing import Array, Target

Splitter: TypeAlias = Any
"""A scikit-learn splitter: what has a method `split`."""

COMMON_ROWS = 10
"""A combination of labels with fewer rows shares its stratum with the other rare ones."""

MANY_ROWS = 2**18
"""From so many rows on, held-out rows are chosen in a way that takes little memory beside the table's."""

MIN_HELD_OUT = 10
"""The least number of rows to hold out: a validation score of fewer says too little."""


def split(
    rows: Rows, strata: Array | None, how: float | Splitter, seed: int, as_given: Callable[[Array], Target]
) -> tuple[Array, Array] | None:
    """Choose what to train on and what to validate on.

    Parameters
    ----------
    rows : Rows
        Without rows of weight 0.
    strata : ndarray of shape (n,), or None
        Integers; used only with a share and without groups.
    how : float or splitter
        The share of rows (or groups) to hold out, or a scikit-learn splitter,
        whose first split is taken.
    seed : int
        The same seed holds out the same rows.
    as_given : callable
        Turns codes or numbers, (N, k), into y as the user passed it, for a splitter.

    Returns
    -------
    (train, held_out) : tuple of ndarray
        Row numbers; None where they would be too few.
    """
    if not isinstance(how, Real):
        return split_by_splitter(how, rows, seed, as_given)
    if rows.groups is not None:
        return split_by_splitter(_splitter_of_groups(rows.groups, float(how), seed), rows, seed, as_given)
    return hold_out(len(rows.y), strata, float(how), seed)


def _splitter_of_groups(groups: Array, fraction: float, seed: int) -> Splitter:
    if len(np.unique(groups)) < 2:
        raise ValueError("groups holds a single group, of which no part can be held out: pass more, or none.")
    return GroupShuffleSplit(1, test_size=fraction, random_state=seed)


# --- a splitter ------------------------------------------------------------------------------------------------------


def split_by_splitter(
    splitter: Splitter, rows: Rows, seed: int, as_given: Callable[[Array], Target]
) -> tuple[Array, Array]:
    """Choose rows by the first split of a splitter.

    It gets the rows as the user passed them, those of weight 0 too. One that
    has no seed is given ours, so that it splits the same way each time.
    """
    splits = _splits_of(splitter, rows, seed, as_given)
    first = next(iter(splits), None) if isinstance(splits, Iterable) else None
    if first is None:
        raise ValueError(f"validation_fraction={splitter} makes no split: give a splitter that makes one, or a share.")
    return _checked(first, splitter, rows)


def _splits_of(splitter: Splitter, rows: Rows, seed: int, as_given: Callable[[Array], Target]) -> object:
    """Ask a splitter; one without a seed is given ours."""
    whole = rows.original or rows
    if getattr(splitter, "random_state", seed) is None:
        splitter = copy(splitter)
        splitter.random_state = seed
    return splitter.split(whole.X, as_given(whole.y), whole.groups)


def _checked(pair: object, splitter: Splitter, rows: Rows) -> tuple[Array, Array]:
    """Check one split of a splitter; return it as indices into the rows that are left."""
    whole = rows.original or rows
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"validation_fraction={splitter} must give pairs, (rows to train on, rows to hold out).")
    train, held_out = (_as_indices(part, splitter, len(whole)) for part in pair)
    _refuse_repeated(train, held_out, splitter)
    if rows.original_index is not None:  # indices into what the user passed -> into what is left of it
        now = np.full(len(whole), -1)
        now[rows.original_index] = np.arange(len(rows))
        train, held_out = now[train], now[held_out]
        train, held_out = train[train >= 0], held_out[held_out >= 0]
    if not len(train) or not len(held_out):
        what = "to hold out" if len(train) else "to train on"
        raise ValueError(f"validation_fraction={splitter} leaves no rows {what}: choose another splitter, or a share.")
    return train, held_out


def _as_indices(part: object, splitter: Splitter, n: int) -> Array:
    """Check one part of a split, which may be a mask; return the indices of its rows."""
    rows = np.asarray(part)
    if rows.dtype.kind == "b" and rows.shape == (n,):
        return np.flatnonzero(rows)
    if rows.size and (rows.dtype.kind not in "iu" or rows.ndim != 1):
        raise ValueError(
            f"validation_fraction={splitter} gives rows of type {rows.dtype} and shape {rows.shape}: a splitter must "
            "give one-dimensional arrays of integers."
        )
    if rows.max(initial=0) >= n:
        raise ValueError(f"validation_fraction={splitter} is made for more rows than the {n} that X has.")
    if rows.min(initial=0) < 0:
        raise ValueError(
            f"validation_fraction={splitter} gives the negative row {rows.min()}: a splitter must give rows from 0 to "
            f"{n - 1}."
        )
    return rows.astype(np.intp)


def _refuse_repeated(train: Array, held_out: Array, splitter: Splitter) -> None:
    """Raise where a row is in both parts, or twice in one of them."""
    overlap = np.intersect1d(train, held_out)
    if overlap.size:
        raise ValueError(
            f"validation_fraction={splitter} gives {overlap.size} rows both to train on and to hold out, row "
            f"{overlap[0]} among them: the two parts of a split must not overlap."
        )
    both = np.concatenate([train, held_out])
    times = np.bincount(both, minlength=1)
    if times.max() > 1:
        raise ValueError(
            f"validation_fraction={splitter} gives row {times.argmax()} {times.max()} times: give each row at most "
            "once, and pass sample_weight to make some count more."
        )


# --- folds -----------------------------------------------------------------------------------------------------------


def assign_folds(n: int, strata: Array | None, groups: Array | None, n_folds: int, seed: int) -> Array:
    """Deal the rows out to folds of equal size, each with its share of every stratum; or whole groups.

    Parameters
    ----------
    n : int
    strata : ndarray of shape (n,), or None
        Integers; used only without groups.
    groups : ndarray of shape (n,), or None
        A group's rows are all in one fold.
    n_folds : int
        The most folds there are.
    seed : int
        The same seed gives the same folds.

    Returns
    -------
    fold : ndarray of shape (n,)
        Integers from 0 on.
    """
    rng = np.random.default_rng(seed)
    if n < 2:
        raise ValueError("early_stopping='folds' takes two rows of positive weight at least: give more, or set False.")
    if groups is not None:
        names, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        if len(names) < 2:
            raise ValueError("groups holds a single group, of which no part can be held out: pass more, or none.")
        order = rng.permutation(len(names))
        order = order[np.argsort(-sizes[order], kind="stable")]  # the largest first, each to a fold of its own
    else:
        order, place = rng.permutation(n), np.arange(n)
        order = order if strata is None else order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) % n_folds
    return fold[place]


# --- a share ---------------------------------------------------------------------------------------------------------


def hold_out(n: int, strata: Array | None, fraction: float, seed: int) -> tuple[Array, Array] | None:
    """Choose the rows for training and for validation.

    Parameters
    ----------
    n : int
    strata : ndarray of shape (n,), or None
        Integers; the validation part has its share of each.
    fraction : float
        The share of the rows that is held out.
    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    (train, held_out) : tuple of ndarray, or None where they would be too few
    """
    n_held_out = ceil(n * fraction)
    if n_held_out < MIN_HELD_OUT or n - n_held_out < 1:
        return None
    if n >= MANY_ROWS:
        return _hold_out_of_many(n, strata, n_held_out, seed)
    strata = np.zeros(n, dtype=int) if strata is None else strata
    # a row that is the only one of its stratum is to be trained on
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[codes] > 1)
    if len(candidates) <= n_held_out:
        candidates = np.arange(n)
    merged = merge_rare(strata[candidates], min(n_held_out, len(candidates) - n_held_out))
    splitter = StratifiedShuffleSplit if merged.any() else ShuffleSplit
    _, chosen = next(splitter(1, test_size=n_held_out, random_state=seed).split(merged, merged))
    held_out = np.sort(candidates[chosen])
    return np.delete(np.arange(n), held_out), held_out


def _hold_out_of_many(n: int, strata: Array | None, n_held_out: int, seed: int) -> tuple[Array, Array]:
    """Draw one of every few rows, these in the order of their strata; a lone row of a stratum is trained on.

    scikit-learn's splitter needs 70 bytes for each row, this 20.
    """
    ends = np.arange(n_held_out + 1) * n // n_held_out
    held_out = np.random.default_rng(seed).integers(ends[:-1], ends[1:])
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        places = order[held_out]
        new = [strata[order[(held_out + step) % n]] != strata[places] for step in (-1, 1)]
        held_out = np.sort(places[~(new[0] & new[1])])
    training = np.ones(n, dtype=bool)
    training[held_out] = False
    return np.flatnonzero(training), held_out


def combination_strata(codes: Array) -> Array:
    """Return one integer per row of codes, (n, k): of its combination of labels, if that is not rare."""
    # a row's bytes as one value: they sort much faster than rows do
    rows_as_bytes = np.ascontiguousarray(codes).view(f"V{codes.itemsize * codes.shape[1]}").ravel()
    _, pattern, rows = np.unique(rows_as_bytes, return_inverse=True, return_counts=True)
    return np.where(rows[pattern] < COMMON_ROWS, len(rows), pattern)


def merge_rare(strata: Array, most: int) -> Array:
    """Merge strata too rare to be split, those with one row and the rarest beyond `most`, into one."""
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    rank = np.empty_like(by_size)
    rank[by_size] = np.arange(len(by_size))
    n_kept = min(int((counts > 1).sum()), most)
    if n_kept < len(counts):
        n_kept -= 1  # the smallest that could be kept joins the merged ones, which then have two rows at least
    return np.minimum(rank, max(n_kept, 0))[codes]
