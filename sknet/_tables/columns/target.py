"""One column of categories as the target's mean of each level: target encoding [1]_, cross-fitted and smoothed.

A level's mean is drawn towards the mean of all rows, the more the fewer rows it has and the less it differs from them
(empirical Bayes, as in scikit-learn's `TargetEncoder`). Training rows never see their own target: each is encoded by
the means of the other folds. These means are kept, so that a later call encodes the same rows alike.

.. [1] Micci-Barreca, D. (2001). "A preprocessing scheme for high-cardinality categorical attributes in classification
   and prediction problems". SIGKDD Explorations 3, 27-32.

Conventions
-----------
n rows; L levels; k columns of the target matrix; F folds.

target : (n, k)              float64
slot : (n,)                  which level each row has; L for a missing value, L + 1 for an unseen level
fold : (n,)                  which fold each row is in
means : (1 + F, L + 2, k)    of all rows, then of the rows outside of each fold
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sknet._tables.columns import ColumnSettings, InputFacts, WithoutSlopes
from sknet._tables.columns.category import (
    CategoryColumn,
    IdentifierColumn,
    distinct_word,
    find_slots,
    level_shares,
)
from sknet._tables.columns.moments import weighted_moments
from sknet._tables.columns.number import inverse
from sknet._tables.frames import read_levels
from sknet._typing import Array, Table

N_FOLDS = 5
"""How many folds the training rows are encoded in, as in scikit-learn."""


@dataclass(frozen=True, eq=False)
class TargetColumn(WithoutSlopes):
    """The inputs that a column of categories becomes by the target's means, maybe beside one-hot inputs.

    Attributes
    ----------
    levels : tuple of str
        Keys of all levels.
    means : ndarray of shape (1 + F, L + 2, k)
        Smoothed means; those of unseen levels are the means of all levels' rows.
    scale : ndarray of shape (k,)
        1 over the target's standard deviation.
    one_hot : CategoryColumn, or None
        What the first inputs are.
    """

    levels: tuple[str, ...]
    means: Array
    scale: Array
    one_hot: CategoryColumn | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TargetColumn):
            return NotImplemented
        same = (self.levels, self.one_hot) == (other.levels, other.one_hot)
        return same and np.array_equal(self.means, other.means) and np.array_equal(self.scale, other.scale)

    __hash__ = None  # type: ignore[assignment]

    @property
    def _first(self) -> int:
        """How many one-hot inputs come first."""
        return 0 if self.one_hot is None else self.one_hot.n_inputs

    @property
    def n_inputs(self) -> int:
        """The one-hot inputs, and one per column of the target matrix."""
        return self._first + len(self.scale)

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        word = distinct_word("target", () if self.one_hot is None else self.one_hot.levels)
        own = [f"_{word}"] if len(self.scale) == 1 else [f"_{word}_{i}" for i in range(len(self.scale))]
        return (*(() if self.one_hot is None else self.one_hot.suffixes), *own)

    @property
    def inputs(self) -> tuple[InputFacts, ...]:
        """What each input is: (mean of the level - centre) * scale; the mean of a missing value stands under None."""
        own = []
        for i, factor in enumerate(self.scale.tolist()):
            mean = dict(zip((*self.levels, None), self.means[0, :-1, i].tolist(), strict=True))
            own.append(InputFacts("target", mean, centre=float(self.means[0, -1, i]), scale=factor))
        return (*(() if self.one_hot is None else self.one_hot.inputs), *own)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level: slot for slot, level in enumerate(self.levels)}

    def write(self, values: Table, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, zeros of shape (n, n_inputs)."""
        if self.one_hot is not None:
            self.one_hot.write(values, out[:, : self._first], name)
        self._write_means(values, 0, out)

    def write_fitted(self, values: Table, fold: NDArray[np.intp], out: Array) -> None:
        """Set the target's means again, for training rows: those of the other folds."""
        self._write_means(values, 1 + fold, out)

    def _write_means(self, values: Table, line: NDArray[np.intp] | int, out: Array) -> None:
        codes, keys = read_levels(values)
        missing = len(self.levels)
        slot = find_slots(self._places, keys, missing + 1, missing)[codes]
        out[:, self._first :] = (self.means[line, slot] - self.means[0, -1]) * self.scale


# --- learning --------------------------------------------------------------------------------------------------------


def folds(target: Array) -> NDArray[np.intp]:
    """Deal the rows out to folds, each of which has its share of each label, or of small and of large numbers.

    The order is drawn from a seed of its own: the same rows are in the same folds whenever they come.
    """
    drawn = np.random.default_rng(0).permutation(len(target))
    ranked = drawn[np.lexsort(np.round(target[drawn], 3).T)]
    fold = np.empty(len(target), dtype=np.intp)
    fold[ranked] = np.arange(len(target)) % N_FOLDS
    return fold


def learn_target(
    values: Table, name: str, settings: ColumnSettings, target: Array
) -> TargetColumn | CategoryColumn | IdentifierColumn:
    """Learn the target's means of a column's levels from its n values, their targets and weights.

    With "both", a column whose levels all have an input of their own is left at its one-hot inputs.
    """
    found = level_shares(values, name, settings.weight)
    if found.all_differ:
        return IdentifierColumn(found.has_missing)
    one_hot = found.column(settings.max_categories)
    if settings.category_encoding == "both" and not one_hot.has_infrequent:
        return one_hot
    levels = tuple(found.shares)
    codes, keys = read_levels(values)
    slot = find_slots({level: i for i, level in enumerate(levels)}, keys, len(levels) + 1, len(levels))[codes]
    weight, fold = np.ones(len(slot)) if settings.weight is None else settings.weight, folds(target)
    parts = [np.ones(len(slot), dtype=bool), *(fold != f for f in range(N_FOLDS))]
    means = [smoothed_means(slot[part], target[part], weight[part], len(levels) + 2) for part in parts]
    scale = inverse(weighted_moments(target.T, settings.weight)[1])
    return TargetColumn(levels, np.stack(means), scale, one_hot if settings.category_encoding == "both" else None)


def smoothed_means(slot: NDArray[np.intp], target: Array, weight: Array, n_slots: int) -> Array:
    """Compute the mean of the target in each slot, smoothed by empirical Bayes.

    Parameters
    ----------
    slot : ndarray of shape (n,)
    target : ndarray of shape (n, k)
    weight : ndarray of shape (n,)
        Positive.
    n_slots : int

    Returns
    -------
    ndarray of shape (n_slots, k)
        λ·mean of the slot + (1 − λ)·mean of all, λ = n·v/(n·v + s), with n the slot's weight, s the variance inside
        it and v that of all; the mean of all where there is no row.
    """
    total = np.bincount(slot, weights=weight, minlength=n_slots)
    means = np.empty((n_slots, target.shape[1]))
    for i, values in enumerate(target.T):
        overall = np.average(values, weights=weight) if len(values) else 0.0
        centred = values - overall
        variance = np.average(centred**2, weights=weight) if len(values) else 0.0
        own = _divided(np.bincount(slot, weights=weight * centred, minlength=n_slots), total)
        within = _divided(np.bincount(slot, weights=weight * (centred - own[slot]) ** 2, minlength=n_slots), total)
        means[:, i] = overall + own * _divided(total * variance, total * variance + within)
    return means


def _divided(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where both are 0."""
    return np.divide(numerator, denominator, out=np.zeros_like(denominator), where=denominator > 0)
