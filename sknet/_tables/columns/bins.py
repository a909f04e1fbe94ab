"""A column of numbers as piecewise-linear bins between its quantiles [1]_ and, after these, the scaled number.

A bin's input is 0 below its lower edge, 1 above its upper edge, and linear between: a layer of such inputs can bend a
column anywhere, at the scale at which its values lie. Values that many rows share (zeros, codes) are edges of their
own; plain quantiles would spend all their edges on them.

.. [1] Gorishniy, Y., Rubachev, I. & Babenko, A. (2022). "On embeddings for numerical features in tabular deep
   learning". NeurIPS. arXiv:2203.05556.

Conventions
-----------
n rows; b bins.

edges : (b + 1,)         increasing
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from sknet._tables.column import Column, InputFormula, ScaledNumber
from sknet._tables.read import ColumnValues, column_as_floats
from sknet._tables.statistics import SortedColumns, reciprocal
from sknet._typing import Array


@dataclass(frozen=True)
class BinnedColumn(Column):
    """The inputs that a column of numbers becomes with bins.

    Attributes
    ----------
    number : Column
        The scaled number, maybe with its indicator of missing values: the last inputs.
    edges : tuple of float
        Edges of the bins, which are the inputs before these; increasing.
    fill : float
        What a missing value stands for.
    steps : tuple of (float, float)
        Two edges more each, between which the target jumps; see `sknet._tables.numbers`.
    """

    is_number = True

    number: Column
    edges: tuple[float, ...]
    fill: float
    steps: tuple[tuple[float, float], ...] = ()

    @property
    def all_edges(self) -> tuple[float, ...]:
        """The edges, and those of steps; increasing."""
        return tuple(sorted({*self.edges, *chain.from_iterable(self.steps)})) if self.steps else self.edges

    @property
    def n_bins(self) -> int:
        """How many bins there are."""
        return len(self.all_edges) - 1

    @property
    def suffixes(self) -> tuple[str, ...]:
        """What follows the column's name in the name of each input."""
        return (*(f"_bin{i}" for i in range(1, self.n_bins + 1)), *self.number.suffixes)

    @property
    def input_formulas(self) -> tuple[InputFormula, ...]:
        """What each input is: a bin is clip((x - centre) * scale, 0, 1)."""
        low, factor = self.bins
        pairs = zip(low.tolist(), factor.tolist(), strict=True)
        return (*(InputFormula("bin", None, edge, edge, factor) for edge, factor in pairs), *self.number.input_formulas)

    @property
    def jointly_scaled_number(self) -> ScaledNumber | None:
        """That of the number."""
        return self.number.jointly_scaled_number

    @property
    def bins(self) -> tuple[Array, Array]:
        """Lower edge of each bin, and 1 over its width."""
        edges = np.array(self.all_edges)
        with np.errstate(over="ignore"):
            width = np.diff(edges)
        factor = reciprocal(width)
        if np.isinf(width).any():  # half of the width is finite; a factor of 0 would make NaN of infinite distances
            factor = np.where(np.isinf(width), 0.5 * reciprocal(np.diff(edges / 2.0)), factor)
        return edges[:-1], factor

    def write(self, values: ColumnValues, out: Array, name: str) -> None:
        """Set the inputs of n values in `out`, of shape (n, n_inputs)."""
        self.number.write(values, out[:, self.n_bins :], name)
        numbers = column_as_floats(values, name).astype(np.float64)
        filled = np.where(np.isnan(numbers), self.fill, numbers)  # (n,)
        write_bins(np.repeat(filled[:, np.newaxis], self.n_bins, axis=1), *self.bins, out[:, : self.n_bins])

    def slopes(self, values: ColumnValues, name: str) -> Array:
        """Return the derivatives of the inputs, (n, n_inputs); of a bin, half its slope at either edge."""
        numbers = np.asarray(column_as_floats(values, name), dtype=np.float64)[:, np.newaxis]
        low, factor = self.bins
        high = np.array(self.all_edges[1:])
        # (n, b): 1 inside of a bin, 0.5 at its edges, where the slope jumps
        inside = 0.5 * ((low <= numbers) & (numbers < high)) + 0.5 * ((low < numbers) & (numbers <= high))
        slopes = np.zeros((len(numbers), self.n_inputs))
        slopes[:, : self.n_bins] = inside * factor  # no missing value is inside
        slopes[:, self.n_bins :] = self.number.slopes(values, name)
        return slopes


def write_bins(values: Array, low: Array, factor: Array, out: Array) -> None:
    """Set bins, (n, b), from the values of each bin's column, (n, b), in float64; overwrites the values."""
    with np.errstate(over="ignore"):
        values -= low  # in float64, rounded at the end: a column with a large offset loses no digits
        values *= factor  # how much of each bin lies below the value
    out[...] = np.clip(values, 0.0, 1.0, out=values)


# --- learning --------------------------------------------------------------------------------------------------------


def with_bins(columns: Sequence[Column], sorted_columns: SortedColumns, n_bins: int) -> list[Column]:
    """Put bins beside columns of numbers, but for those where a single bin would only repeat the number."""
    edges, medians = bin_edges(sorted_columns, n_bins), sorted_columns.quantiles([0.5])[:, 0].tolist()
    numbers = [column.jointly_scaled_number for column in columns]
    fills = [median if number is None else number.center for number, median in zip(numbers, medians, strict=True)]
    return [
        column if len(own) < 3 else BinnedColumn(column, tuple(own.tolist()), fill)
        for column, own, fill in zip(columns, edges, fills, strict=True)
    ]


def bin_edges(sorted_columns: SortedColumns, n_bins: int) -> list[Array]:
    """Choose the edges of at most `n_bins` bins for each column."""
    quantiles = sorted_columns.quantiles(np.linspace(0.0, 1.0, n_bins + 1))  # (b, n_bins + 1)
    all_differ = np.all(quantiles[:, 1:] > quantiles[:, :-1], axis=1).tolist()
    return [
        own if differ else _edges_amid_repeated(*sorted_columns.observed(i), n_bins)
        for i, (own, differ) in enumerate(zip(quantiles, all_differ, strict=True))
    ]


def _edges_amid_repeated(values: Array, weight: Array | None, n_bins: int) -> Array:
    """Choose the edges where quantiles coincide, which marks a value that many of the rows, (m,), share.

    It becomes one edge, and the bins that are left are spread over the other rows, as often as this happens.
    """
    repeated: list[float] = []
    # there are more values than edges left, and two edges at least
    while len(np.unique(values)) > n_bins + 1 - len(repeated) > 1:
        levels = np.linspace(0.0, 1.0, n_bins - len(repeated) + 1)
        quantiles = SortedColumns.of(values[np.newaxis], weight).quantiles(levels)
        edges, counts = np.unique(quantiles, return_counts=True)
        if (counts == 1).all():
            return np.sort([*edges, *repeated])
        repeated += edges[counts > 1].tolist()
        others = ~np.isin(values, repeated)
        values, weight = values[others], None if weight is None else weight[others]
    # few distinct values are left: each is an edge
    return np.sort([*np.unique(values)[: n_bins + 1 - len(repeated)].astype(np.float64), *repeated])
