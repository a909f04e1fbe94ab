"""Steps: bins as narrow as the gap between two neighbouring values, where the target jumps from one to the other.

A bin is a ramp between two quantiles, and blurs a limit that lies inside it. One small regression tree on all columns
with bins finds where the target jumps. The two values that it splits between become edges of their column, so that the
bin between them is 0 or 1 for all rows that it was learnt from.

Trees find jumps in noise, too. So one half of the rows finds steps, and the other half judges whether a linear model
gains by them; then the halves change places. Columns get steps only where the gain is large, and no chance.

Conventions
-----------
n rows; c columns with bins; k columns of the target matrix; m bins of a linear model.

numbers : (n, c)         NaN where one is missing
filled : (n, c)          float64, with what stands for missing ones
target : (n, k)          float64
weight : (n,)            sample weights, positive
inputs : (n, m)          bins
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import inf, log

import numpy as np

from sknet._tables.numbers import BinnedColumn, write_bins
from sknet._tables.statistics import cross_fit_folds, mean_and_deviation, reciprocal
from sknet._typing import Array

MAX_LEAVES = 16
"""How many leaves the tree has, at most: it splits at 15 places, which six ranges of a code need."""

MIN_ROWS_OF_LEAF = 5
"""How many rows are on either side of a split, at least."""

MIN_GAIN = 0.03
"""Which share of the squared error of a linear model steps must take away. Where a threshold decides, they take a tenth
to a third. By a smaller gain of the linear model, networks gained nothing: they bend bins by themselves."""

MIN_STANDARD_ERRORS = 2.0
"""How many standard errors the mean gain of a row must be above 0."""

RIDGE = 30.0
"""The ridge penalty of the linear models that judge, in rows."""


def learn_steps(
    columns: Mapping[int, BinnedColumn], numbers: Array, target: Array, weight: Array | None
) -> dict[int, BinnedColumn]:
    """Learn in which columns the target jumps, and where.

    Parameters
    ----------
    columns : dict of int to BinnedColumn
        The columns that may have steps, by their numbers in the table.
    numbers : ndarray of shape (n, c)
        Their values.
    target : ndarray of shape (n, k)
    weight : ndarray of shape (n,), or None

    Returns
    -------
    dict of int to BinnedColumn
        Those that have steps now; none, if no gain by steps is clear.
    """
    of_table = list(columns)
    filled = np.where(np.isnan(numbers), [column.fill for column in columns.values()], numbers.astype(np.float64))
    rows = StepFinder(list(columns.values()), filled, target, np.ones(len(filled)) if weight is None else weight)
    return {of_table[i]: column for i, column in rows.find().items()} if rows.gain_is_clear() else {}


@dataclass(frozen=True, eq=False)
class StepFinder:
    """Rows in which steps are looked for."""

    columns: Sequence[BinnedColumn]
    filled: Array
    target: Array
    weight: Array

    @cached_property
    def _distinct(self) -> tuple[list[Array], Array]:
        """The distinct values of each column, increasing, and the place of each value among them, (n, c)."""
        values, places = zip(*(np.unique(column, return_inverse=True) for column in self.filled.T), strict=True)
        return list(values), np.stack(places, axis=1)

    def find(self, rows: Array | slice = slice(None)) -> dict[int, BinnedColumn]:
        """Return the columns in which a tree on these rows finds steps, with their steps."""
        from sklearn.tree import DecisionTreeRegressor  # only here: it takes long to import

        values, places = self._distinct
        target, weight = self.target[rows], self.weight[rows]
        variance = np.mean(mean_and_deviation(target.T, weight)[1] ** 2)
        tree = DecisionTreeRegressor(
            max_leaf_nodes=MAX_LEAVES,
            min_samples_leaf=MIN_ROWS_OF_LEAF,
            min_impurity_decrease=variance * log(len(target)) / len(target),  # as by the BIC: less is noise
            random_state=0,
        )
        # places, not values: float32, in which trees compute, holds all of them
        tree.fit(places[rows].astype(np.float32), target, weight)
        steps: dict[int, set[tuple[float, float]]] = {}
        for i, threshold in zip(tree.tree_.feature.tolist(), tree.tree_.threshold.tolist(), strict=True):
            if i >= 0:  # not a leaf
                low, high = values[i][int(threshold) : int(threshold) + 2].tolist()
                steps.setdefault(i, set()).add((low, high))
        stepped = {i: with_steps(self.columns[i], found) for i, found in steps.items()}
        return {i: column for i, column in stepped.items() if column.steps}

    def gain_is_clear(self) -> bool:
        """Whether a linear model of one half of the rows clearly gains by the steps that the other half finds."""
        n = len(self.filled)
        half = cross_fit_folds(self.target, np.arange(n), n, n_folds=2)
        error, gain = np.zeros((2, n))
        for i in range(2):
            judged, stepped = half == i, self.find(half != i)
            if stepped:
                error[judged] = self._squared_errors({j: self.columns[j] for j in stepped}, judged)
                gain[judged] = error[judged] - self._squared_errors(stepped, judged)
            if gain[judged] @ self.weight[judged] <= 0.0:  # most tables end here, after half of the time
                return False
        mean_error, mean = np.average([error, gain], axis=1, weights=self.weight)
        standard_error = np.linalg.norm(self.weight * (gain - mean)) / self.weight.sum()
        return bool(mean > max(MIN_GAIN * mean_error, MIN_STANDARD_ERRORS * standard_error))

    def _squared_errors(self, columns: Mapping[int, BinnedColumn], judged: Array) -> Array:
        """Return the squared errors of a linear model of the columns' bins, which the rows not judged have taught."""
        inputs = np.concatenate([self._bins(i, column) for i, column in columns.items()], axis=1)
        others, weight = ~judged, self.weight[~judged] / self.weight[~judged].mean()
        mean, deviation = mean_and_deviation(inputs[others].T, weight)
        inputs = (inputs - mean) * reciprocal(deviation)
        target_mean = np.average(self.target[others], axis=0, weights=weight)
        weighted = inputs[others] * weight[:, np.newaxis]
        normal = weighted.T @ inputs[others] + RIDGE * np.eye(inputs.shape[1])  # (m, m)
        coefs = np.linalg.solve(normal, weighted.T @ (self.target[others] - target_mean))  # (m, k)
        return ((inputs[judged] @ coefs + target_mean - self.target[judged]) ** 2).sum(axis=1)

    def _bins(self, i: int, column: BinnedColumn) -> Array:
        bins = np.empty((len(self.filled), column.n_bins))
        write_bins(np.repeat(self.filled[:, i : i + 1], column.n_bins, axis=1), *column.bins, bins)
        return bins


def with_steps(column: BinnedColumn, steps: set[tuple[float, float]]) -> BinnedColumn:
    """Return the column with steps between these pairs of values, but for those that are the edges of a bin."""
    new = sorted(steps - set(pairwise(column.edges)))
    # 1 over the width of a bin is a number
    return replace(column, steps=tuple([(low, high) for low, high in new if 0.0 < 1.0 / (high - low) < inf]))
