"""Steps: very narrow bins of numbers, where the target jumps.

The edges of a step are two neighbouring values between which the target jumps; a bin between two quantiles would blur
this jump. A small regression tree on all columns with bins finds the jumps. The two values on either side of a split
become edges, so that the bin between them is 0 or 1 in all training rows. Since trees find jumps in noise, too, one
half of the rows proposes steps, and a linear model of the other half shows whether they reduce the error; then the
halves are exchanged. Columns get steps only if the gain is large and significant.

Conventions
-----------
n rows; c columns with bins; k columns of the target matrix.

filled : (n, c)          numbers in float64, where the centre replaces missing ones
target : (n, k)          float64
weight : (n,)            sample weights, positive
inputs : (n, m)          the m bins that a linear model uses
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from math import inf, log

import numpy as np

from sknet._tables.column_values import column_as_floats
from sknet._tables.encoder import TableEncoder
from sknet._tables.numbers import BinnedColumn
from sknet._tables.raw_table import column_at
from sknet._tables.sampling import cross_fit_folds
from sknet._tables.statistics import fit_ridge, mean_and_deviation
from sknet._typing import Array, Table

MAX_LEAVES = 16
"""The tree has at most this many leaves, so at most 15 splits: enough to separate six ranges of a code."""

MIN_ROWS_OF_LEAF = 5
"""How many rows are on either side of a split, at least."""

MIN_ERROR_REDUCTION = 0.03
"""Steps must reduce the squared error of a linear model by this share. Where the target depends on a threshold, they
reduce it by a tenth to a third. If it gained less, networks gained nothing (tests/benchmarks/notes.md)."""

MIN_STANDARD_ERRORS = 2.0
"""The mean gain of a row must exceed this many standard errors."""

RIDGE = 30.0
"""The ridge penalty of the linear models that evaluate steps, in rows."""


def with_learnt_steps(encoder: TableEncoder, X: Table, target: Array, weight: Array | None) -> TableEncoder:
    """Return the encoder with steps where the target clearly jumps, instead of any that it has.

    Only columns of numbers with bins have steps. The n rows of X are training rows.
    """
    binned = {
        j: replace(column, steps=()) for j, column in enumerate(encoder.columns) if isinstance(column, BinnedColumn)
    }
    if not binned:
        return encoder
    numbers = np.stack([column_as_floats(column_at(X, j), encoder.column_names[j]) for j in binned], axis=1)
    centres = [column.number.centre for column in binned.values()]
    filled = np.where(np.isnan(numbers), centres, numbers.astype(np.float64))
    finder = StepFinder(list(binned.values()), filled, target, np.ones(len(filled)) if weight is None else weight)
    stepped = finder.find() if finder.reduces_error() else {}
    column_indices = list(binned)
    return encoder.with_columns(binned | {column_indices[i]: column for i, column in stepped.items()})


@dataclass(frozen=True, eq=False)
class StepFinder:
    """Finds steps of columns with bins in n training rows."""

    columns: Sequence[BinnedColumn]
    filled: Array
    target: Array
    weight: Array

    @cached_property
    def _distinct(self) -> tuple[list[Array], Array]:
        """The distinct values of each column, increasing, and the rank of each row's value among them, (n, c)."""
        values, ranks = zip(*(np.unique(column, return_inverse=True) for column in self.filled.T), strict=True)
        return list(values), np.stack(ranks, axis=1)

    def find(self, row_mask: Array | slice = slice(None)) -> dict[int, BinnedColumn]:
        """Return the columns in which a tree on some rows finds steps, with these steps."""
        from sklearn.tree import DecisionTreeRegressor  # here, since it takes long to import

        values, ranks = self._distinct
        target, weight = self.target[row_mask], self.weight[row_mask]
        variance = np.mean(mean_and_deviation(target.T, weight)[1] ** 2)
        tree = DecisionTreeRegressor(
            max_leaf_nodes=MAX_LEAVES,
            min_samples_leaf=MIN_ROWS_OF_LEAF,
            min_impurity_decrease=variance * log(len(target)) / len(target),  # smaller gains are noise by the BIC
            random_state=0,
        )
        # trees compute in float32, which holds all ranks but not all values
        tree.fit(ranks[row_mask].astype(np.float32), target, weight)
        steps: dict[int, set[tuple[float, float]]] = {}
        for i, threshold in zip(tree.tree_.feature.tolist(), tree.tree_.threshold.tolist(), strict=True):
            if i >= 0:  # this is no leaf
                low, high = values[i][int(threshold) : int(threshold) + 2].tolist()
                steps.setdefault(i, set()).add((low, high))
        stepped = {i: with_steps(self.columns[i], new_steps) for i, new_steps in steps.items()}
        return {i: column for i, column in stepped.items() if column.steps}

    def reduces_error(self) -> bool:
        """Whether the steps found in each half of the rows clearly reduce a linear model's error in the other half."""
        n = len(self.filled)
        half = cross_fit_folds(self.target, np.arange(n), n, n_folds=2)
        error, gain = np.zeros((2, n))
        for i in range(2):
            judged = half == i
            stepped = self.find(half != i)
            if stepped:
                error[judged] = self._squared_errors({j: self.columns[j] for j in stepped}, judged)
                gain[judged] = error[judged] - self._squared_errors(stepped, judged)
            if gain[judged] @ self.weight[judged] <= 0.0:  # most tables return here, without fitting the second half
                return False
        mean_error, mean = np.average([error, gain], axis=1, weights=self.weight)
        standard_error = np.linalg.norm(self.weight * (gain - mean)) / self.weight.sum()
        return bool(mean > max(MIN_ERROR_REDUCTION * mean_error, MIN_STANDARD_ERRORS * standard_error))

    def _squared_errors(self, columns: Mapping[int, BinnedColumn], judged: Array) -> Array:
        """Return the squared errors of the judged rows by a ridge regression on the columns' bins in the other rows."""
        dtype = self.filled.dtype
        inputs = np.hstack([column.ramps.encode(self.filled[:, [i]], dtype, ()) for i, column in columns.items()])
        trained = ~judged
        weight = self.weight[trained] / self.weight[trained].mean()
        predict = fit_ridge(inputs[trained], self.target[trained], RIDGE, weight)
        return ((predict(inputs[judged]) - self.target[judged]) ** 2).sum(axis=1)


def with_steps(column: BinnedColumn, steps: set[tuple[float, float]]) -> BinnedColumn:
    """Return the column with steps between these pairs of values, except pairs that are the edges of a bin already."""
    new = sorted(steps - set(pairwise(column.edges)))
    # keep steps for which 1 over the width is positive and finite
    return replace(column, steps=tuple([(low, high) for low, high in new if 0.0 < 1.0 / (high - low) < inf]))
