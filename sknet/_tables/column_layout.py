"""Where the inputs of each column are, and which columns of an array are encoded at once.

Conventions
-----------
n rows; d columns, d_num of them numbers, d_binned of these with bins; b bins in all.

observed : (n, d_num)    rows of the numbers of an array as they come, NaN where a value is missing
out : (n, n_inputs)      the network's input
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._tables.columns import Column
from sknet._tables.columns.bins import BinnedColumn, write_bins
from sknet._tables.columns.number import ColumnScaler, NumberColumn, joint_scaler
from sknet._typing import Array


@dataclass(frozen=True)
class StackedBins:
    """The bins of all columns, to be computed at once.

    Attributes
    ----------
    numbers : ndarray of ints, of shape (d_binned,)
        Which of the columns of numbers have bins.
    fill : ndarray of shape (d_binned,)
        What a missing value of each stands for.
    source : ndarray of ints, of shape (b,)
        Which of these columns each bin belongs to.
    inputs : ndarray of ints, of shape (b,)
        Positions of the bins among the inputs.
    low, scale : ndarray of shape (b,)
        Lower edge of each bin, and 1 over its width.
    """

    numbers: NDArray[np.intp]
    fill: Array
    source: NDArray[np.intp]
    inputs: NDArray[np.intp]
    low: Array
    scale: Array

    def write(self, observed: Array, out: Array) -> None:
        """Set the bins of rows of numbers, (n, d_num), in `out`."""
        values = observed[:, self.numbers].astype(np.float64)
        np.copyto(values, self.fill, where=np.isnan(values))
        placed = np.empty((len(values), len(self.source)), out.dtype)
        write_bins(values[:, self.source], self.low, self.scale, placed)
        out[:, self.inputs] = placed


@dataclass(frozen=True)
class ColumnLayout:
    """Where each column's inputs are, and which columns are scaled at once.

    Attributes
    ----------
    starts : ndarray of ints, of shape (d + 1,)
        First input of each column; at last, how many inputs there are.
    numbers, inputs : ndarray of ints, of shape (d_num,)
        Positions of the columns of numbers in the table, and of their numbers among the inputs.
    indicated : ndarray of ints, of shape (m,)
        Which of these have an indicator of missing values, right after their input.
    scaler : ColumnScaler
        Of the numbers.
    bins : StackedBins or None
        Of the numbers that have bins.
    others : list of int
        Positions of all other columns.
    plain : bool
        Whether every column is one number and nothing else.
    """

    starts: NDArray[np.intp]
    numbers: NDArray[np.intp]
    inputs: NDArray[np.intp]
    indicated: NDArray[np.intp]
    scaler: ColumnScaler
    bins: StackedBins | None
    others: list[int]
    plain: bool


def compute_layout(columns: Sequence[Column]) -> ColumnLayout:
    """Lay out the inputs of a table's columns."""
    starts = np.cumsum([0, *(column.n_inputs for column in columns)], dtype=np.intp)
    numbers = {j: number for j, column in enumerate(columns) if (number := _number_of(column)) is not None}
    where = np.array(list(numbers), dtype=np.intp)
    indicated = np.flatnonzero([number.has_missing_indicator for number in numbers.values()])
    others = [j for j in range(len(columns)) if j not in numbers]
    plain = not others and starts[-1] == len(columns)
    scaler, bins = joint_scaler(list(numbers.values())), _bins_of(columns, where, starts)
    return ColumnLayout(starts, where, starts[where], indicated, scaler, bins, others, bool(plain))


def _number_of(column: Column) -> NumberColumn | None:
    """Return what scales the number of a column of an array, if it is one that can be scaled beside others."""
    inner = column.number if isinstance(column, BinnedColumn) else column
    return inner if isinstance(inner, NumberColumn) else None


def _bins_of(columns: Sequence[Column], where: NDArray[np.intp], starts: NDArray[np.intp]) -> StackedBins | None:
    binned = [(k, j, column) for k, j in enumerate(where.tolist()) if isinstance(column := columns[j], BinnedColumn)]
    if not binned:
        return None
    low, scale = map(np.concatenate, zip(*(column.bins for _, _, column in binned), strict=True))
    return StackedBins(
        np.array([k for k, _, _ in binned]),
        np.array([column.fill for _, _, column in binned]),
        np.repeat(np.arange(len(binned)), [column.n_bins for _, _, column in binned]),
        np.concatenate([np.arange(starts[j + 1] - column.n_bins, starts[j + 1]) for _, j, column in binned]),
        low,
        scale,
    )
