"""Where the inputs of each column are, and which columns of an array are encoded together.

Numbers are scaled and binned for all columns at once: a loop over columns would spend its time in Python.

Conventions
-----------
n rows; d columns, d_num of them numbers, d_binned of these with bins.

observed : (n, d_num)    rows of the numbers of an array as they come, NaN where a value is missing
out : (n, n_inputs)      the network's input: the bins of all columns first, then all other inputs
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._tables.column import Column
from sknet._tables.numbers import BinnedColumn, ColumnScaler, common_scaler, write_bins
from sknet._typing import Array


@dataclass(frozen=True)
class StackedBins:
    """The bins of all columns, computed together.

    Attributes
    ----------
    columns : ndarray of ints, of shape (d_binned,)
        Which of the columns of numbers have bins.
    fill : ndarray of shape (d_binned,)
        What replaces a missing value of each.
    span : slice
        All bins from the first to the last one, w of them: written in one piece, which is faster than picking.
    source : ndarray of ints, of shape (w,)
        Index of the column of each bin, among the columns with bins; 0 for the bins of other columns, those of dates.
    low, factor : ndarray of shape (w,)
        Lower edge of each bin, and 1 over its width; 0 for the bins of other columns.
    """

    columns: NDArray[np.intp]
    fill: Array
    span: slice
    source: NDArray[np.intp]
    low: Array
    factor: Array

    def write(self, observed: Array, out: Array) -> None:
        """Set the bins of rows of numbers, (n, d_num), in `out`, (n, n_inputs), and to 0 those that lie between."""
        binned = observed if len(self.columns) == observed.shape[1] else observed[:, self.columns]
        values = binned.astype(np.float64)  # a copy
        np.copyto(values, self.fill, where=np.isnan(values))
        # (n, w): the value of each bin's column; of another column's bin, low and factor of 0 make it 0
        write_bins(values.take(self.source, axis=1), self.low, self.factor, out[:, self.span])


@dataclass(frozen=True)
class ColumnLayout:
    """Where each column's inputs are, and which columns are scaled together.

    Attributes
    ----------
    bin_starts : ndarray of ints, of shape (d + 1,)
        First bin of each column; the last entry is the number of bins.
    starts_after_bins : ndarray of ints, of shape (d + 1,)
        First input of each column after its bins; the last entry is the number of inputs.
    number_columns, number_inputs : ndarray of ints, of shape (d_num,)
        Which of the table's columns are numbers, and which of the inputs are these, scaled.
    indicated : ndarray of ints, of shape (m,)
        Which of the numbers have an indicator of missing values: it is the input after the number.
    scaler : ColumnScaler
        Of the numbers.
    bins : StackedBins or None
        Of the numbers that have bins.
    other_columns : list of int
        Positions of all other columns in the table.
    only_numbers : bool
        Whether every column is one number and nothing else.
    """

    bin_starts: NDArray[np.intp]
    starts_after_bins: NDArray[np.intp]
    number_columns: NDArray[np.intp]
    number_inputs: NDArray[np.intp]
    indicated: NDArray[np.intp]
    scaler: ColumnScaler
    bins: StackedBins | None
    other_columns: list[int]
    only_numbers: bool


def compute_layout(columns: Sequence[Column]) -> ColumnLayout:
    """Lay out the inputs of a table's columns: the bins of all, then the others, column by column."""
    bin_starts = np.cumsum([0, *(column.n_bins for column in columns)], dtype=np.intp)
    n_others = (column.n_inputs - column.n_bins for column in columns)
    starts = np.cumsum([bin_starts[-1], *n_others], dtype=np.intp)
    numbers = {j: number for j, column in enumerate(columns) if (number := column.jointly_scaled_number) is not None}
    indices = np.array(list(numbers), dtype=np.intp)
    return ColumnLayout(
        bin_starts=bin_starts,
        starts_after_bins=starts,
        number_columns=indices,
        number_inputs=starts[indices],  # the scaled number is the first input of its column after the bins
        indicated=np.flatnonzero([number.has_missing_indicator for number in numbers.values()]),
        scaler=common_scaler(list(numbers.values())),
        bins=_stack_bins(columns, indices, bin_starts),
        other_columns=[j for j in range(len(columns)) if j not in numbers],
        only_numbers=bool(len(numbers) == len(columns) == starts[-1]),  # one input each: no indicators, no bins
    )


def _stack_bins(
    columns: Sequence[Column], number_indices: NDArray[np.intp], bin_starts: NDArray[np.intp]
) -> StackedBins | None:
    """Stack the bins of all columns; None where no column has bins."""
    # k counts columns of numbers, j those of the table
    binned = [(k, j, c) for k, j in enumerate(number_indices.tolist()) if isinstance(c := columns[j], BinnedColumn)]
    if not binned:
        return None
    inputs = np.concatenate([np.arange(bin_starts[j], bin_starts[j + 1]) for _, j, _ in binned])
    span = slice(int(inputs[0]), int(inputs[-1]) + 1)
    source, (low, factor) = np.zeros(span.stop - span.start, np.intp), np.zeros((2, span.stop - span.start))
    at = inputs - span.start  # where their bins are in the span
    source[at] = np.repeat(np.arange(len(binned)), [column.n_bins for _, _, column in binned])
    low[at], factor[at] = map(np.concatenate, zip(*(column.bins for _, _, column in binned), strict=True))
    return StackedBins(
        columns=np.array([k for k, _, _ in binned]),
        fill=np.array([column.fill for _, _, column in binned]),
        span=span,
        source=source,
        low=low,
        factor=factor,
    )
