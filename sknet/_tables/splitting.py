"""Which rows are held out, or assigned to folds.

A fraction of the rows or of the groups is held out, or a scikit-learn splitter chooses the rows, or all rows are held
out in turn, in folds.

Conventions
-----------
n rows of positive weight; N rows that the user passed, including those of weight 0.

groups : (n,) or None    the group of each row
strata : (n,)            integers; held-out rows have their share of each
is_positive : (N,)       which rows have a positive weight
*_indices                indices into the n rows; a splitter returns indices into the N rows
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from math import ceil
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit, ShuffleSplit, StratifiedShuffleSplit

from sknet._typing import Array, Table, Target
from sknet._vectors import index_type


class RowSplitter(Protocol):
    """A splitter of scikit-learn or of the user. Its results are checked."""

    def split(self, X: Table, y: Target, groups: Array | None) -> Iterable[object]:
        """Yield pairs, (rows to train on, rows to hold out)."""


MIN_ROWS_TO_DRAW_BY_INTERVAL = 2**18
"""From this many rows on, `_hold_out_of_large` draws the held-out rows, since it takes less memory."""

MIN_ROWS_HELD_OUT = 10
"""Fewer rows than this are not held out: their score would be too noisy."""


class Split(NamedTuple):
    """Indices of rows."""

    train_indices: NDArray[np.intp]
    held_out_indices: NDArray[np.intp]


def split_validation(n: int, groups: Array | None, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Choose the rows to train on and to hold out, by group, or else by stratum. The same seed holds out the same rows.

    The result is None where there are too few rows. Too few groups are a ValueError.
    """
    if groups is not None:
        n_groups = len(np.unique(groups))
        _check_several_groups(n_groups)
        if ceil(n_groups * fraction) >= n_groups:
            raise ValueError(
                f"validation_fraction={fraction} of {n_groups} groups holds all of them out: give a smaller share, or "
                "more groups."
            )
        by_group = GroupShuffleSplit(1, test_size=fraction, random_state=seed)
        return Split(*next(by_group.split(groups, groups=groups)))
    return hold_out(n, strata, fraction, seed)


def _check_several_groups(n_groups: int) -> None:
    if n_groups < 2:
        raise ValueError("groups holds a single group, which cannot be held out in part: pass more, or none.")


# --- a splitter ------------------------------------------------------------------------------------------------------


def splits_of_splitter(
    splitter: RowSplitter, is_positive: Array, seed: int, passed: tuple[Table, Target, Target]
) -> list[Split]:
    """Return all splits of a splitter. A row may be held out by several splits, or by none.

    The splitter gets all rows that the user passed, including those of weight 0, since its indices may refer to them. A
    splitter without a seed gets ours, so that it always splits in the same way.

    Parameters
    ----------
    splitter : splitter
    is_positive : ndarray of bool of shape (N,)
    seed : int
    passed : (X, y, groups)
        The N rows as the user passed them.

    Returns
    -------
    splits : list of Split
        Indices into the rows of positive weight; no split is empty.
    """
    if isinstance(splitter, type):
        raise TypeError(f"validation_fraction={splitter.__name__} is a class: pass a splitter, {splitter.__name__}().")
    # a splitter without `random_state`, or with its own seed, is used as it is
    seeded = splitter
    if getattr(splitter, "random_state", seed) is None:
        seeded = copy(splitter)
        seeded.random_state = seed  # type: ignore[attr-defined]
    try:
        pairs = list(seeded.split(*passed))
    except (TypeError, ValueError) as error:  # a splitter's own message names no argument of `fit`
        lacks_groups = passed[-1] is None and "group" in str(error)
        remedy = "Pass them, with fit(..., groups=...)." if lacks_groups else "Give another splitter, or a share."
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"validation_fraction={splitter}: {str(error).rstrip('.')}. {remedy}") from error
    checked = [_read_split(pair, splitter, is_positive) for pair in pairs]
    if not checked:
        raise ValueError(f"validation_fraction={splitter} makes no split: give a splitter that makes one, or a share.")
    return checked


def _read_split(pair: object, splitter: RowSplitter, is_positive: Array) -> Split:
    """Return a splitter's pair as indices of rows of positive weight; raise a ValueError if it is no valid split."""
    if not isinstance(pair, Sequence) or len(pair) != 2:
        raise ValueError(f"validation_fraction={splitter} must give pairs, (rows to train on, rows to hold out).")
    parts = [_as_indices(part, splitter, len(is_positive)) for part in pair]
    counts = np.bincount(np.concatenate(parts), minlength=1)
    if counts.max() > 1:
        raise ValueError(
            f"validation_fraction={splitter} gives row {counts.argmax()} {counts.max()} times: the two parts must not "
            "overlap, and sample_weight makes some rows count more."
        )
    # turn indices into the N rows that were passed into indices into the n rows; -1 for rows of weight 0
    remaining = np.where(is_positive, np.cumsum(is_positive) - 1, -1)
    split = Split(*[indices[indices >= 0] for indices in (remaining[part] for part in parts)])
    remedies = ("train on", "let it train on some"), ("hold out", "leave such a split out")
    for indices, (what, remedy) in zip(split, remedies, strict=True):
        if not len(indices):
            raise ValueError(
                f"validation_fraction={splitter} makes a split that leaves no rows to {what}, of those of positive "
                f"weight: {remedy}, choose another splitter, or give a share."
            )
    return split


def _as_indices(part: object, splitter: RowSplitter, n: int) -> Array:
    """Return an array of indices of n rows; raise a ValueError for anything else."""
    indices = np.asarray(part)
    if indices.size and (indices.dtype.kind not in "iu" or indices.ndim != 1):
        raise ValueError(
            f"validation_fraction={splitter} gives rows of type {indices.dtype} and shape {indices.shape}: a splitter "
            "must give one-dimensional arrays of integers."
        )
    if indices.size and not 0 <= indices.min() <= indices.max() < n:
        raise ValueError(
            f"validation_fraction={splitter} gives rows from {indices.min()} to {indices.max()}: a splitter must "
            f"give rows from 0 to {n - 1}, the rows of X."
        )
    return indices.astype(np.intp)


# --- folds -----------------------------------------------------------------------------------------------------------


def assign_folds(n: int, strata: Array | None, groups: Array | None, n_folds: int, seed: int) -> Array:
    """Assign rows to at most `n_folds` folds of nearly equal size, each with its share of every stratum.

    With groups, whole groups are assigned, and strata do not count. The same seed gives the same folds.
    """
    rng = np.random.default_rng(seed)
    if n < 2:
        raise ValueError("early_stopping='folds' takes two rows of positive weight at least: give more, or set False.")
    if groups is not None:
        _, unit, sizes = np.unique(groups, return_inverse=True, return_counts=True)
        _check_several_groups(len(sizes))
        order = rng.permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]  # the largest groups go to different folds
    else:
        unit = np.arange(n)  # each row by itself
        order = rng.permutation(n)
        order = order if strata is None else order[np.argsort(strata[order], kind="stable")]
    fold = np.empty(len(order), dtype=np.intp)
    fold[order] = np.arange(len(order)) % n_folds  # taking turns gives each fold its share of every stratum
    return fold[unit]


# --- a fraction ------------------------------------------------------------------------------------------------------


def hold_out(n: int, strata: Array | None, fraction: float, seed: int) -> Split | None:
    """Hold out a fraction of the rows, with its share of each stratum; None if too few are held out or trained on."""
    n_held_out = ceil(n * fraction)
    if n_held_out < MIN_ROWS_HELD_OUT or n - n_held_out < 1:
        return None
    if n >= MIN_ROWS_TO_DRAW_BY_INTERVAL:
        return _hold_out_of_large(n, strata, n_held_out, seed)
    strata = np.zeros(n, dtype=int) if strata is None else strata
    # a row that is alone in its stratum is trained on, if enough other rows can be held out
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    candidates = np.flatnonzero(counts[codes] > 1)
    if len(candidates) <= n_held_out:
        candidates = np.arange(n)
    # scikit-learn raises if there are more strata than rows to train on or to hold out
    merged = merge_rare_strata(strata[candidates], min(n_held_out, len(candidates) - n_held_out))
    splitter = StratifiedShuffleSplit if merged.any() else ShuffleSplit  # all are 0 if there is a single stratum
    _, drawn_positions = next(splitter(1, test_size=n_held_out, random_state=seed).split(merged, merged))
    held_out_indices = np.sort(candidates[drawn_positions])
    return Split(np.delete(np.arange(n), held_out_indices), held_out_indices)


def _hold_out_of_large(n: int, strata: Array | None, n_held_out: int, seed: int) -> Split:
    """Sort the rows by stratum, cut them into intervals, and hold out one row of each interval.

    A row that is alone in its stratum is trained on. This takes 20 bytes per row; scikit-learn's splitter takes 70.
    """
    ends = np.arange(n_held_out + 1) * n // n_held_out  # ends of n_held_out intervals of nearly equal length
    position = np.random.default_rng(seed).integers(ends[:-1], ends[1:])  # a position in each interval, increasing
    held_out_indices = position
    if strata is not None:
        order = np.argsort(strata, kind="stable")
        drawn_rows = order[position]
        # a row whose neighbours are both in other strata is alone in its stratum
        differs = [strata[order[(position + step) % n]] != strata[drawn_rows] for step in (-1, 1)]
        held_out_indices = np.sort(drawn_rows[~(differs[0] & differs[1])])
    train_indices = np.delete(np.arange(n, dtype=index_type(n)), held_out_indices)
    return Split(train_indices, held_out_indices)


def merge_rare_strata(strata: Array, max_strata: int) -> Array:
    """Merge strata of a single row, and the rarest strata beyond `max_strata`, into one.

    Return the rank of each row's stratum by size, from 0 for the largest; the merged strata have the last rank.
    """
    _, codes, counts = np.unique(strata, return_inverse=True, return_counts=True)
    by_size = np.argsort(-counts, kind="stable")
    rank = np.empty_like(by_size)  # the inverse of this permutation
    rank[by_size] = np.arange(len(by_size))
    n_kept = min(int((counts > 1).sum()), max_strata)
    if n_kept < len(counts):
        n_kept -= 1  # merge one more, so that the merged stratum has at least two rows
    return np.minimum(rank, max(n_kept, 0))[codes]
