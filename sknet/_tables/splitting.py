"""Which rows are held out for validation: by a fraction, by groups, by a scikit-learn splitter, or in folds.

Conventions
-----------
n rows of positive weight; N rows that the user passed, those of weight 0 too.

strata : (n,)            an integer for each row; the held-out part has its share of each
train, held_out          indices into the n rows; a splitter returns indices into the N
"""

from collections.abc import Iterable, Sequence
from copy import copy
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from sknet._tables.rows import Rows
from sknet._typing import Array, Table, Target


class RowSplitter(Protocol):
    """A splitter of scikit-learn or of the user's own; what it returns is checked."""

    def split(self, X: Table, y: Target, groups: Array | None) -> Iterable[object]:
        """Yield pairs, (rows to train on, rows to hold out)."""


MIN_ROWS_OF_COMBINATION = 10
"""Combinations of labels with fewer rows share one stratum: they are too few to have their share in every part."""

LARGE_TABLE_ROWS = 2**18
"""From this many rows on, held-out rows are drawn by `_hold_out_of_large`, which takes less memory."""

MIN_ROWS_HELD_OUT = 10
"""At least this many rows are held out, or none: the validation score of fewer says too little."""


class Split(NamedTuple):
    """Numbers of rows."""

    train: NDArray[np.intp]
    held_out: NDArray[np.intp]


def split_validation(rows: Rows, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Choose the rows to train on and to hold out, by group or strata.

    None where there are too few rows; a ValueError for too few groups.

    Parameters
    ----------
    rows : Rows
        Without rows of weight 0.
    strata : ndarray of shape (n,), or None
        Integers; used only without groups.
    fraction : float
        The fraction of rows (or groups) to hold out.
    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    split : Split or None
    """
    if rows.groups is not None:
        n_groups = len(np.unique(rows.groups))
        _check_several_groups(n_groups)
        if ceil(n_groups * fraction) >= n_groups:
            raise ValueError(
                f"validation_fraction={fraction} of {n_groups} groups holds all of them out: give a smaller share, or "
                "more groups."
            )
        by_group = GroupShuffleSplit(1, test_size=fraction, random_state=seed)
        return Split(*next(by_group.split(rows.groups, groups=rows.groups)))
    return hold_out(len(rows.y), strata, fraction, seed)


def _check_several_groups(n_groups: int) -> None:
    if n_groups < 2:
        raise ValueError("groups holds a single group, which cannot be held out in part: pass more, or none.")


# --- a splitter ------------------------------------------------------------------------------------------------------


def splits_of_splitter(
    splitter: RowSplitter, rows: Rows, seed: int, passed: tuple[Table, Target, Target]
) -> list[Split]:
    """Return all splits of a splitter; a row may be held out by several of them, or by none.

    It gets the rows as the user passed them, those of weight 0 too: its indices may be made for them. One that has no
    seed is given ours, so that it splits the same way each time.

    Parameters
    ----------
    splitter : splitter
    rows : Rows
        Without rows of weight 0.
    seed : int
    passed : (X, y, groups)
        The N rows as the user passed them.

    Returns
    -------
    splits : list of Split
        Numbers of rows of positive weight; neither is empty.
    """
    if isinstance(splitter, type):
        raise TypeError(f"validation_fraction={splitter.__name__} is a class: pass a splitter, {splitter.__name__}().")
    # a splitter without `random_state`, or with a seed of its own, is used as it is
    seeded = splitter
    if getattr(splitter, "random_state", seed) is None:
        seeded = copy(splitter)
        seeded.random_state = seed  # type: ignore[attr-defined]
    splits: object = seeded.split(*passed)
    checked = [_check_split(split, splitter, rows) for split in splits] if isinstance(splits, Iterable) else []
    if not checked:
        raise ValueError(f"validation_fraction={splitter} makes no split: give a splitter that makes one, or a share.")
    return checked


def _check_split(split: object, splitter: RowSplitter, rows: Rows) -> Split:
    """Return a split as numbers of rows of positive weight; raise where it is none, or a part of it is empty."""
    if not isinstance(split, Sequence) or len(split) != 2:
        raise ValueError(f"validation_fraction={splitter} must give pairs, (rows to train on, rows to hold out).")
    n = rows.n_passed or len(rows)
    train, held_out = (_as_indices(part, splitter, n) for part in split)
    _check_not_repeated(train, held_out, splitter)
    if rows.places is not None:
        # from indices into the rows that were passed to indices into those of positive weight; -1 for the others
        remaining = np.full(n, -1)
        remaining[rows.places] = np.arange(len(rows))
        train, held_out = remaining[train], remaining[held_out]
        train, held_out = train[train >= 0], held_out[held_out >= 0]
    if not len(train) or not len(held_out):
        what, remedy = ("hold out", "leave such a split out") if len(train) else ("train on", "let it train on some")
        raise ValueError(
            f"validation_fraction={splitter} makes a split that leaves no rows to {what}, of those of positive weight: "
            f"{remedy}, choose another splitter, or give a share."
        )
    return Split(train, held_out)


def _as_indices(part: object, splitter: RowSplitter, n: int) -> Array:
    """Return one part of a split, which may be a mask, as indices; refuse what does not index n rows."""
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


def _check_not_repeated(train: Array, held_out: Array, splitter: RowSplitter) -> None:
    """Raise where a row is in both parts, or twice in one of them."""
    overlap = np.intersect1d(train, held_out)
    if overlap.size:
        raise ValueError(
            f"validation_fraction={splitter} gives {overlap.size} rows both to train on and to hold out, row "
            f"{overlap[0]} among them: the two parts of a split must not overlap."
        )
    counts = np.bincount(np.concatenate([train, held_out]), minlength=1)
    if counts.max() > 1:
        raise ValueError(
            f"validation_fraction={splitter} gives row {counts.argmax()} {counts.max()} times: give each row at most "
            "once, and pass sample_weight to make some count more."
        )


# --- folds -----------------------------------------------------------------------------------------------------------


def assign_folds(n: int, strata: Array | None, groups: Array | None, n_folds: int, seed: int) -> Array:
    """Assign rows to folds of equal size, each with its share of every stratum; or assign groups as a whole.

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
        _, unit, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        _check_several_groups(len(sizes))
        order = rng.permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]  # the largest groups first, each to another fold
    else:
        unit = np.arange(n)  # each row is assigned on its own
        order = rng.permutation(n)
        order = order if strata is None else order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) % n_folds  # in turn: each fold gets its share of every stratum
    return fold[unit]  # of each row, that of its group, or its own


# --- a fraction ------------------------------------------------------------------------------------------------------


def hold_out(n: int, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Split rows into those to train on and a stratified fraction to hold out; None where either would be too few.

    Parameters
    ----------
    n : int
    strata : ndarray of shape (n,), or None
        Integers; the validation part has its share of each.
    fraction : float
        The fraction of the rows that is held out.
    seed : int
        The same seed holds out the same rows.

    Returns
    -------
    split : Split
        None where they would be too few.
    """
    n_held_out = ceil(n * fraction)
    if n_held_out < MIN_ROWS_HELD_OUT or n - n_held_out < 1:
        return None
    if n >= LARGE_TABLE_ROWS:
        return _hold_out_of_large(n, strata, n_held_out, seed)
    strata = np.zeros(n, dtype=int) if strata is None else strata
    # a row that is the only one of its stratum is trained on, if there are enough others to hold out
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[codes] > 1)
    if len(candidates) <= n_held_out:
        candidates = np.arange(n)
    # scikit-learn refuses more strata than either part has rows
    merged = merge_rare_strata(strata[candidates], min(n_held_out, len(candidates) - n_held_out))
    splitter = StratifiedShuffleSplit if merged.any() else ShuffleSplit  # all 0: a single stratum
    _, drawn = next(splitter(1, test_size=n_held_out, random_state=seed).split(merged, merged))
    held_out = np.sort(candidates[drawn])
    return Split(np.delete(np.arange(n), held_out), held_out)


def _hold_out_of_large(n: int, strata: Array | None, n_held_out: int, seed: int) -> Split:
    """Draw one row of each stretch of the rows sorted by strata; a lone row of a stratum is trained on.

    scikit-learn's splitter needs 70 bytes for each row, this 20.
    """
    ends = np.arange(n_held_out + 1) * n // n_held_out  # of the stretches: n_held_out of them, of nearly equal length
    position = np.random.default_rng(seed).integers(ends[:-1], ends[1:])  # one in each, increasing
    held_out = position
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        drawn = order[position]
        # where both neighbours are of other strata, the row is alone in its own
        differs = [strata[order[(position + step) % n]] != strata[drawn] for step in (-1, 1)]
        held_out = np.sort(drawn[~(differs[0] & differs[1])])
    is_train = np.ones(n, dtype=bool)
    is_train[held_out] = False
    return Split(np.flatnonzero(is_train), held_out)


def combination_strata(codes: Array) -> Array:
    """Return one integer per row of codes, (n, k), for its combination of labels; rare combinations share one."""
    # the bytes of a row as one value sort much faster than rows do
    rows_as_bytes = np.ascontiguousarray(codes).view(f"V{codes.itemsize * codes.shape[1]}").ravel()
    _, combination, counts = np.unique(rows_as_bytes, return_inverse=True, return_counts=True)
    return np.where(counts[combination] < MIN_ROWS_OF_COMBINATION, len(counts), combination)  # a number not in use


def merge_rare_strata(strata: Array, max_strata: int) -> Array:
    """Merge strata too rare to be split into one: those with one row, and the rarest beyond `max_strata`.

    Returns
    -------
    ndarray of shape (n,)
        The rank of each row's stratum: 0 for the largest; all merged ones have the last.
    """
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    rank = np.empty_like(by_size)  # the inverse of this permutation
    rank[by_size] = np.arange(len(by_size))
    n_kept = min(int((counts > 1).sum()), max_strata)
    if n_kept < len(counts):
        n_kept -= 1  # the smallest one kept joins the merged ones, which then have two rows at least
    return np.minimum(rank, max(n_kept, 0))[codes]
