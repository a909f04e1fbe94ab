"""Encoded rows in a fraction of their memory: one or two numbers describe a group of inputs.

Of a column's bins, the first are full (1), the next is between 0 and 1, and the others are 0. Two numbers describe
them: how many bins are full, and the value of the next one. One number describes one-hot inputs: the index of the 1. A
row of 50 numbers with 8 bins each takes 450 bytes instead of 1,800, and expanding it takes as long as reading 1,800
bytes.

Conventions
-----------
n rows; d_bin columns with bins; c columns of categories; m inputs of the network.

Z : (b, m)              some rows, encoded
uncompressed : (n, m_u) inputs that are kept as they are
sign_inputs : (n, m_s)  inputs that are −1, 0 or 1: indicators, and columns of two categories
n_full : (n, d_bin)     how many bins of each column are full, without the last bin
next_fill : (n, d_bin)  the value of the next bin
category : (n, c)       which one-hot input of each column of categories is 1; −1 where none is
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from sknet._tables.encoder import TableEncoder
from sknet._tables.formulas import as_slice_if_adjacent
from sknet._typing import Array, Batch, DType, Positions, Table

VALUES_WRITTEN_AT_ONCE = 2**18
"""How many values are written at a time, so that they fit in the processor's cache."""


@dataclass(frozen=True)
class ColumnsOfEqualBins:
    """Columns of the same number of bins.

    Attributes
    ----------
    columns : slice
        The columns of `n_full` and `next_fill` that belong to the group.
    inputs : slice or ndarray of ints
        The indices of their bins.
    patterns : ndarray of shape (n_bins, n_bins)
        Row i has i full bins: i ones, and then zeros.
    """

    columns: slice
    inputs: Positions
    patterns: Array

    def compress(self, Z: Array) -> tuple[Array, Array]:
        """Return `n_full` and `next_fill` of encoded rows, each (b, columns of the group)."""
        bins = Z[:, self.inputs].reshape(len(Z), self.columns.stop - self.columns.start, -1)  # (b, columns, n_bins)
        # the last bin that is not 0 is the next bin, even if it is full; if all bins are 0, the first one is
        n_full = np.maximum(np.count_nonzero(bins, axis=2) - 1, 0)
        return n_full, np.take_along_axis(bins, n_full[:, :, np.newaxis], 2)[:, :, 0]

    def expand_into(self, n_full: Array, next_fill: Array, out: Array) -> None:
        """Write the bins of b rows into `out`, (b, m)."""
        index = n_full.ravel().astype(np.intp)
        bins = self.patterns.astype(out.dtype).take(index, 0)  # (b * columns, n_bins)
        # turn the number of full bins into the index of the next bin in the flat array
        index += np.arange(0, bins.size, bins.shape[1])
        bins.reshape(-1)[index] = next_fill.ravel()
        out[:, self.inputs] = bins.reshape(len(out), n_full.shape[1] * bins.shape[1])


@dataclass(frozen=True)
class CompactLayout:
    """Which inputs each array of `CompactRows` describes.

    Attributes
    ----------
    uncompressed, sign_inputs : ndarray of ints
        The indices of these inputs.
    categories : tuple of slice
        The one-hot inputs of each column of categories.
    bins : tuple of ColumnsOfEqualBins
    """

    uncompressed: NDArray[np.intp]
    sign_inputs: NDArray[np.intp]
    categories: tuple[slice, ...]
    bins: tuple[ColumnsOfEqualBins, ...]

    @cached_property
    def category_starts(self) -> NDArray[np.intp]:
        """The first one-hot input of each column of categories."""
        return np.array([inputs.start for inputs in self.categories], dtype=np.intp)

    def arrays(self, dtype: DType) -> dict[str, tuple[int, DType]]:
        """Return the width and the type of each array of `CompactRows` whose floats are of this type."""
        n_binned = self.bins[-1].columns.stop if self.bins else 0
        most_bins = max((len(group.patterns) for group in self.bins), default=0)
        most_categories = max((inputs.stop - inputs.start for inputs in self.categories), default=1)
        return {
            "uncompressed": (len(self.uncompressed), dtype),
            "sign_inputs": (len(self.sign_inputs), np.dtype(np.int8)),
            "n_full": (n_binned, np.min_scalar_type(most_bins)),
            "next_fill": (n_binned, dtype),
            "category": (len(self.categories), np.min_scalar_type(-most_categories)),  # signed, for −1
        }

    def row_bytes(self, dtype: DType) -> int:
        """Return the bytes of a row whose floats are of this type."""
        return sum(width * array_dtype.itemsize for width, array_dtype in self.arrays(dtype).values())


@dataclass(frozen=True)
class CompactRows:
    """Encoded rows, as the arrays of the Conventions."""

    layout: CompactLayout
    uncompressed: Array
    sign_inputs: Array
    n_full: Array
    next_fill: Array
    category: Array

    def set_rows(self, rows: slice, Z: Array) -> None:
        """Overwrite these rows by the inputs Z, (b, m)."""
        self.uncompressed[rows] = Z[:, self.layout.uncompressed]
        self.sign_inputs[rows] = Z[:, self.layout.sign_inputs]
        for group in self.layout.bins:
            self.n_full[rows, group.columns], self.next_fill[rows, group.columns] = group.compress(Z)
        for j, inputs in enumerate(self.layout.categories):
            one_hot = Z[:, inputs]
            self.category[rows, j] = np.where(one_hot.any(axis=1), one_hot.argmax(axis=1), -1)

    def expand_into(self, batch: Batch, out: Array, n_skipped_inputs: int = 0) -> None:
        """Write the rows of a batch into `out`, (b, m), without bins if the network skips inputs: bins take longest."""
        layout = self.layout
        if layout.bins and not n_skipped_inputs:
            n_full, next_fill = _rows_of(self.n_full, batch), _rows_of(self.next_fill, batch)
            for group in layout.bins:
                group.expand_into(n_full[:, group.columns], next_fill[:, group.columns], out)
        out[:, layout.uncompressed] = _rows_of(self.uncompressed, batch)
        if len(layout.sign_inputs):
            out[:, layout.sign_inputs] = _rows_of(self.sign_inputs, batch)
        if layout.categories:
            for inputs in layout.categories:
                out[:, inputs] = 0.0
            category = _rows_of(self.category, batch)
            row, column = np.nonzero(category >= 0)
            out[row, layout.category_starts[column] + category[row, column]] = 1.0


def _rows_of(values: Array, batch: Batch) -> Array:
    """Return the rows of a batch."""
    # a slice gives a view; for an index array, `take` is faster than indexing
    return values[batch] if isinstance(batch, slice) else values.take(batch, 0)


def encode_compact(
    encoder: TableEncoder, X: Table, dtype: DType, encoding_fold: NDArray[np.intp] | None
) -> CompactRows:
    """Return the inputs that `TableEncoder.encode` makes of a dense table, compressed to a fraction of the size."""
    n = X.shape[0]
    layout = compact_layout(encoder)
    arrays = {name: np.empty((n, width), array_dtype) for name, (width, array_dtype) in layout.arrays(dtype).items()}
    compact = CompactRows(layout, **arrays)
    for rows in encoder.row_blocks(n):
        Z = np.empty((rows.stop - rows.start, encoder.n_inputs), dtype)
        compact.set_rows(rows, encoder.encode_rows_into(X, rows, Z, encoding_fold))
    return compact


# --- the layout ------------------------------------------------------------------------------------------------------


def compact_layout(encoder: TableEncoder) -> CompactLayout:
    """Find which inputs of an encoder are compressed, and how."""
    uncompressed: list[int] = []
    sign_inputs: list[int] = []
    categories: list[slice] = []
    binned: list[tuple[int, int]] = []  # for each column with bins, their number and the index of the first one
    bin_starts, other_starts = (starts[:-1].tolist() for starts in encoder.input_starts)
    for column, bin_start, start in zip(encoder.columns, bin_starts, other_starts, strict=True):
        n_bins = column.n_bins
        if n_bins:
            binned.append((n_bins, bin_start))
        descriptions = column.input_descriptions[n_bins:]
        # several such inputs are one-hot; a single one is an indicator, or −1 and 1 for two categories
        one_hot = [i for i, description in enumerate(descriptions) if description.is_indicator]
        if len(one_hot) > 1:
            categories.append(slice(start + one_hot[0], start + one_hot[-1] + 1))
        else:
            sign_inputs += [start + i for i in one_hot]
        uncompressed += [start + i for i in range(len(descriptions)) if i not in one_hot]
    uncompressed_inputs, signs = (np.array(inputs, dtype=np.intp) for inputs in (uncompressed, sign_inputs))
    return CompactLayout(uncompressed_inputs, signs, tuple(categories), _group_bins(binned))


def _group_bins(binned: Sequence[tuple[int, int]]) -> tuple[ColumnsOfEqualBins, ...]:
    """Group columns with bins, (number of bins, first bin), by the number of bins."""
    groups = []
    stop = 0
    # sorted by number of bins, and within a group by input
    for n_bins, columns in groupby(sorted(binned), key=lambda column: column[0]):
        inputs = np.concatenate([np.arange(start, start + n_bins) for _, start in columns])
        start, stop = stop, stop + len(inputs) // n_bins
        patterns = np.tri(n_bins, n_bins, -1, np.float32)
        groups.append(ColumnsOfEqualBins(slice(start, stop), as_slice_if_adjacent(inputs), patterns))
    return tuple(groups)
