"""Contributions of a table's columns to outputs: expected gradients along lines from rows of a background.

A line leads from a background row to the row that is explained, in the encoded space. The output's slopes along it,
times how far each input moves, add up to the difference of the two outputs (Sundararajan et al. 2017); the mean over
the background is taken (Erion et al. 2021). A column's inputs are added up, so that it has one number.

Where outputs are sums of functions of one column each, there is an exact and shorter way: `additive`.

What makes it fast: the first layer's sums z are straight along a line, too. So the encoded inputs, which are many, are
multiplied once for each row, not once for each node of each line, and slopes are needed by z alone.

Conventions
-----------
n rows, b of the background; m inputs of the network, d columns; h units of the first layer; k outputs.

x : (n, m)      x0 : (b, m)       inputs of the rows, and of the background
z : (n, h)      z0 : (b, h)       first sums, x W + bias
outputs : (n, k)                  what is explained, scaled as in training
slopes : (k, n, b, h)             the mean over each line of d output / dz
contributions : (k, n, d)         of each column to each output, the mean over the background
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknet._model.additive import as_dense, columns_of_units, explain_additive
from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model
from sknet._model.sensitivity import slopes_of_explained, slopes_of_sums
from sknet._model.threads import run_on_slices, split_among_threads
from sknet._tables.encoding import sum_by_column
from sknet._tables.read import take_rows
from sknet._tables.statistics import hash_integers
from sknet._typing import Array, Table

MAX_BACKGROUND_ROWS = 100
"""How many rows of a background are used: time grows with them, and the mean over them changes little."""

NODES_PER_LINE = (8, 16, 64, 256)
"""How many nodes a line gets. Eight do for most rows of smooth networks; the lines of others get more until their
contributions add up. Where slopes jump, as those of "relu", it takes more than a hundred."""

MAX_SUM_GAP = 5e-4
"""How far from adding up contributions may be before lines get more nodes, of the output's spread over the background.

With the largest number of nodes, a gap of twice this size is accepted.
"""

MIN_RELATIVE_SPREAD = 0.1
"""The least that counts as this spread, of how far a row's output is from the background's mean."""

ROUNDING_UNITS = 64
"""How many units in the last place of the contributions, and of the output layer's sums, rounding may take from their
sum: outputs are rounded even for a row that is its own background."""

TINY = np.finfo(np.float32).tiny
"""Added to what may be 0, such as the spread over a single row."""

UNITS_COMPUTED_AT_ONCE = 2**18
"""How many units, at one node of each line, are computed at once: they stay in the processor's cache."""

MAX_KEPT_PARTIAL_SUMS = 2**22
"""How many partial sums of the background are kept at a time, see `EncodedBackground`."""

MAX_ROWS_FACTOR = 8
"""By which factor more rows are computed at once, at most, if there are too many columns to keep partial sums."""


def draw_background(n: int) -> NDArray[np.intp]:
    """Return the numbers of the rows of a background that are used, increasing; the same ones for the same n."""
    if n <= MAX_BACKGROUND_ROWS:
        return np.arange(n)
    return np.sort(np.argsort(hash_integers(np.arange(n)))[:MAX_BACKGROUND_ROWS])


class Contributions(NamedTuple):
    """What each column contributes to each output of each row, in the units of y."""

    values: Array  # (n, d, k)
    base_values: Array  # (k,) the background's mean outputs
    adds_up: Array  # (n,) whether a row's contributions add up to what they should
    is_additive: bool = False  # whether a column's contributions depend on that column alone, but for a constant


def explain(model: Model, table: Table, background: Table, progress: Callable[[int], None]) -> Contributions:
    """Compute what each column contributes to each output of each row.

    Parameters
    ----------
    model : Model
    table : ndarray, CSR matrix or data frame of shape (n, d)
    background : ndarray, CSR matrix or data frame of shape (b, d)
    progress : callable
        Called with the number of rows that are done, piece by piece.

    Returns
    -------
    Contributions
    """
    n, explained = table.shape[0], model.head.explained
    columns = columns_of_units(model.network, model.encoder) if explained.are_raw else None
    if columns is not None:
        functions = explain_additive(model, columns, table, background, progress)
        return Contributions(*functions, adds_up=np.ones(n, dtype=bool), is_additive=True)
    outputs = model.outputs(table, explained.of_raw)  # raises where one is not finite
    encoded = EncodedBackground.from_background(model, background)
    base = explained.scaler.decode(encoded.mean_outputs[np.newaxis], model.output_dtype)[0]
    values = np.empty((n, model.encoder.n_columns, outputs.shape[1]), base.dtype)
    adds_up = np.empty(n, dtype=bool)
    widest_layer = max(b.size for b in model.network.intercepts)
    step = max(1, UNITS_COMPUTED_AT_ONCE // (len(encoded.z0) * widest_layer * outputs.shape[1]))
    if len(encoded.column_blocks) > 1:  # each piece of rows computes partial sums again: fewer, larger pieces
        step = max(1, min(MAX_ROWS_FACTOR * step, MAX_KEPT_PARTIAL_SUMS // model.encoder.n_inputs))

    def fill(x: Table, first: int, span: slice) -> None:
        """Explain some of the rows x, which begin at row `first` of the table."""
        for start in range(span.start, span.stop, step):
            some = slice(start, min(start + step, span.stop))
            rows = slice(first + some.start, first + some.stop)
            contributions, adds_up[rows] = encoded.contributions(as_dense(x[some]), outputs[rows])
            values[rows] = np.moveaxis(contributions, 0, -1) * explained.scaler.scale

    with split_among_threads(n // step, step * len(encoded.z0) * model.network.largest_matrix) as n_threads:
        for start in range(0, n, ROWS_PREDICTED_AT_ONCE):
            stop = min(start + ROWS_PREDICTED_AT_ONCE, n)
            x = model.encoder.encode(take_rows(table, slice(start, stop)), model.compute_dtype)
            run_on_slices(lambda span, x=x, first=start: fill(x, first, span), slice(0, stop - start), step, n_threads)  # type: ignore[misc]
            progress(stop)
    return Contributions(values, base, adds_up)


@lru_cache(maxsize=len(NODES_PER_LINE))
def gauss_legendre(n_nodes: int) -> list[tuple[float, float]]:
    """Return the nodes of a rule on [0, 1], and their weights."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)  # on [-1, 1]
    return list(zip((0.5 + 0.5 * nodes).tolist(), (0.5 * weights).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class EncodedBackground:
    """The rows of a background, encoded: lines lead from them to the rows that are explained.

    A column's *partial sums* are the part of a background row's first sums x0 W that comes from its inputs.
    """

    model: Model  # with weights of the type that it computes in
    x0: Array
    z0: Array
    outputs: Array  # (b, k) of the background

    @classmethod
    def from_background(cls, model: Model, background: Table) -> "EncodedBackground":
        """Encode a background, and compute its first sums."""
        outputs = model.outputs(background, model.head.explained.of_raw)
        model = replace(model, network=model.network.as_type(model.compute_dtype))
        x0 = as_dense(model.encoder.encode(background, model.compute_dtype))
        return cls(model, x0, x0 @ model.network.coefs[0] + model.network.intercepts[0], outputs)

    @cached_property
    def mean_outputs(self) -> Array:
        """The mean outputs of the background, (k,)."""
        return self.outputs.mean(axis=0, dtype=np.float64)

    @cached_property
    def output_deviations(self) -> Array:
        """The outputs' standard deviation over the background, (k,)."""
        return self.outputs.std(axis=0, dtype=np.float64)

    @cached_property
    def mean_inputs(self) -> Array:
        """The mean inputs of the background, (m,): differences from it lose no digits to a column far from 0."""
        return self.x0.mean(axis=0)

    @cached_property
    def output_weight_sums(self) -> Array:
        """The absolute weights of each output added up, (k,): about as large as the sums that it is made of."""
        return np.abs(self.model.network.coefs[-1]).sum(axis=0)

    def contributions(self, x: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the contributions of some rows, (k, n, d), and whether they add up, (n,).

        Lines get more nodes until those of their row do.
        """
        W, b = self.model.network.coefs[0], self.model.network.intercepts[0]
        z, difference = x @ W + b, outputs - self.mean_outputs  # (n, h), (n, k)
        contributions = np.empty((outputs.shape[1], len(x), self.model.encoder.n_columns), x.dtype)
        excess, unfinished = np.empty(len(x)), np.arange(len(x))
        for n_nodes in NODES_PER_LINE:
            by_column = self._contributions_by_column(x[unfinished], self._mean_slopes(z[unfinished], n_nodes))
            contributions[:, unfinished] = by_column
            gap = np.abs(by_column.sum(axis=2).T - difference[unfinished])  # (unfinished, k)
            # rows far from a narrow background, or from one of a single row, need not add up better than float32 can
            spread = np.maximum(self.output_deviations, MIN_RELATIVE_SPREAD * np.abs(difference[unfinished]))
            rounding = (
                ROUNDING_UNITS * np.finfo(x.dtype).eps * (np.abs(by_column).sum(axis=2).T + self.output_weight_sums)
            )
            excess[unfinished] = np.max(gap / (MAX_SUM_GAP * spread + rounding + TINY), axis=1)
            unfinished = np.flatnonzero(excess > 1.0)
            if not unfinished.size:
                break
        return contributions, excess <= 2.0

    def _mean_slopes(self, z: Array, n_nodes: int) -> Array:
        """Return the mean over each line of d output / dz, (k, n, b, h), by a Gauss-Legendre rule."""
        network, explained = self.model.network, self.model.head.explained
        dz = z[:, np.newaxis] - self.z0  # (n, b, h)
        slopes = np.zeros((self.outputs.shape[1], *dz.shape), z.dtype)
        # one hidden layer: its slopes da/dz serve all raw outputs, and their weights multiply the means
        one_layer = explained.are_raw and len(network.activations) == 1
        points = np.empty_like(dz)
        for node, weight in gauss_legendre(n_nodes):
            np.multiply(dz, node, out=points)
            points += self.z0
            flat = points.reshape(-1, z.shape[1])  # a view
            if one_layer:
                of_layer = slopes_of_sums(network, flat, np.full((1, z.shape[1]), weight, z.dtype))
                slopes[0] += next(of_layer).reshape(dz.shape)
            else:
                for total, slope in zip(slopes, slopes_of_explained(network, flat, explained, weight), strict=True):
                    total += slope.reshape(dz.shape)
        if one_layer:
            np.multiply(slopes[0].copy(), network.coefs[-1].T[:, np.newaxis, np.newaxis], out=slopes)
        return slopes

    def _contributions_by_column(self, x: Array, slopes: Array) -> Array:
        """Return, of each column, the mean over b of the sum over its inputs j of (x - x0)_j W_j . slopes, (k, n, d).

        The part of x is multiplied by the mean slopes; that of x0, by the columns' partial sums, is one product.
        """
        k, n, b, h = slopes.shape
        by_input = (slopes.mean(axis=2) @ self.model.network.coefs[0].T) * (x - self.mean_inputs)  # (k, n, m)
        contributions = sum_by_column(by_input, self.model.encoder.input_starts)
        flat = slopes.reshape(k * n, b * h)
        for columns in self.column_blocks:
            contributions[:, :, columns] -= (flat @ self._partial_sums(columns)).reshape(k, n, -1)
        return contributions

    @cached_property
    def column_blocks(self) -> list[NDArray[np.intp]]:
        """The columns that are not 0 in all of the background, in blocks whose partial sums are computed at once.

        In a sparse table these are few of all columns; the partial sums of the others are 0.
        """
        n_used = np.append(0, self.x0.any(axis=0).cumsum())  # inputs up to each one
        used = np.flatnonzero(sum(np.diff(n_used[starts]) for starts in self.model.encoder.input_starts))
        width = max(1, MAX_KEPT_PARTIAL_SUMS // self.z0.size)
        return [used[start : start + width] for start in range(0, len(used), width)]

    def _partial_sums(self, columns: NDArray[np.intp]) -> Array:
        """Return the partial sums of some columns, divided by b, (b h, columns): those of all are computed once."""
        return self._all_partial_sums if len(self.column_blocks) == 1 else self._compute_partial_sums(columns)

    @cached_property
    def _all_partial_sums(self) -> Array:
        return self._compute_partial_sums(self.column_blocks[0])

    def _compute_partial_sums(self, columns: NDArray[np.intp]) -> Array:
        W, encoder, b = self.model.network.coefs[0], self.model.encoder, len(self.x0)
        # one input each, and no bins: of thousands of columns, a loop would take longer
        if not encoder.n_bins and (np.diff(encoder.input_starts[1]) == 1).all():
            partial_sums = ((self.x0[:, columns] - self.mean_inputs[columns]) / b)[:, np.newaxis] * W[columns].T
        else:
            inputs = [encoder.input_positions(j) for j in columns]
            partial_sums = np.stack([((self.x0[:, s] - self.mean_inputs[s]) / b) @ W[s] for s in inputs], axis=2)
        return partial_sums.reshape(self.z0.size, -1)
