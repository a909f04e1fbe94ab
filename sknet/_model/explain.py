"""Contributions of a table's columns to outputs: expected gradients along lines from rows of a background.

A line leads from a background row to the explained row, in the space of encoded inputs. The integral of the output's
gradient along the line, times the change of each input, adds up to the difference of the two outputs (Sundararajan et
al. 2017). Contributions are averaged over the background (Erion et al. 2021). The contributions of all inputs of a
column are added up, so that a column has one number.

The first layer's sums z change linearly along a line, too. So the encoded inputs are multiplied by the first weights
once per row, not once per node of each line, and only the slopes by z are needed.

For additive networks, `explain_additive` computes the contributions exactly, with less work. The raw output of such a
network is a sum of one function per column, since each unit of the last hidden layer depends on a single column. This
holds without hidden layers and with `interaction_cst="no_interactions"`. A column's function is the part of the raw
output that comes from its units. The contribution of a column to a row is the function's value for this row minus its
mean over a background. Another background shifts the contributions of a column by a constant.

Conventions
-----------
n rows, b of the background; m inputs of the network, d columns; h units of the first layer; k outputs.

x : (n, m)      x0 : (b, m)       inputs of the rows, and of the background
z : (n, h)      z0 : (b, h)       first sums, x W + bias
outputs : (n, k)                  the explained outputs, scaled as in training
slopes : (k, n, b, h)             mean of d output / dz over each line
contributions : (k, n, d)         contribution of each column to each output, averaged over the background

In an additive network, h is the number of units of the last hidden layer, or of inputs of a linear model.

columns : (h,)                    the column that each unit depends on; 0 for a unit that depends on no column
by_column : (n, d)                the sum of the terms of one output that come from the units of each column

An `Explanation` holds values : (n, d), or (n, d, k) for several outputs; base_values : (n,), or (n, k); data : (n, d).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from sknet._model.machine import run_on_slices, threads_for_blocks
from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Model, Network
from sknet._model.sensitivity import slopes_of_explained_outputs, slopes_of_hidden
from sknet._packages import explain_missing_package
from sknet._tables.encoder import TableEncoder
from sknet._tables.raw_table import take_rows
from sknet._tables.sampling import hash_integers
from sknet._tables.slopes import sum_by_column
from sknet._typing import Array, Table
from sknet._vectors import blocks_of_batch

# --- what `explain` returns ------------------------------------------------------------------------------------------


if TYPE_CHECKING:
    import shap


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """Contributions of the columns to the outputs of each row, returned by `explain`.

    The contributions of a row add up to its output minus the base value, which is the
    mean output of the background.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_features) or (n_samples, n_features, n_outputs)
        The contributions, in the units that `explain` describes.

    base_values : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        The mean output of the background, repeated for each row.

    data : ndarray of shape (n_samples, n_features)
        The explained rows.

    feature_names : list of str
        Names of the columns.

    output_names : list of str
        Names of the outputs: classes, numbers of targets, or quantile levels.

    is_additive : bool, default=False
        Whether the contribution of a column depends on that column alone, as with
        `interaction_cst="no_interactions"`. Another background then shifts all
        contributions of a column by the same constant.

    output_descriptions : sequence of str, default=()
        What each output is, for the labels of plots: "log-odds of 'yes'", "prediction".
        By default, plots use the names of the outputs.

    See Also
    --------
    ShapeFunctionDisplay : Contributions of a column as a curve over its values.
    ExplanationDisplay : Plot of the mean contributions and of one row.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = SigmoidMLPRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> explanation = net.explain(X.head(50), background=X)
    >>> explanation
    Explanation(50 rows, 10 columns, 1 output)
    >>> explanation.importance().sort_values().index[-1] in ("bmi", "s5")
    True
    """

    values: Array
    base_values: Array
    data: Array
    feature_names: list[str]
    output_names: list[str]
    is_additive: bool = False
    output_descriptions: Sequence[str] = ()

    def output_description(self, output: int) -> str:
        """Return what an output is: "log-odds of 'yes'".

        Parameters
        ----------
        output : int
            Number of the output.

        Returns
        -------
        description : str
            Its description, or by default its name.
        """
        return (self.output_descriptions or self.output_names)[output]

    def __repr__(self) -> str:
        n = len(self.values)
        k = len(self.output_names)
        return f"Explanation({n} row{'s' * (n != 1)}, {len(self.feature_names)} columns, {k} output{'s' * (k != 1)})"

    def importance(self) -> pd.Series:
        """Return the mean absolute contribution of each column.

        Returns
        -------
        importance : Series of shape (n_features,)
            The mean over rows and outputs, in the order of the table.
        """
        all_but_columns = tuple(axis for axis in range(self.values.ndim) if axis != 1)
        return pd.Series(np.abs(self.values).mean(axis=all_but_columns), index=self.feature_names, name="importance")

    def to_shap(self) -> "shap.Explanation":
        """Convert the explanation to an object of SHAP, for its plots.

        Returns
        -------
        explanation : shap.Explanation
            Input of `shap.plots.bar`, `beeswarm`, `waterfall` and others. With several
            outputs, select one by `[..., j]`.

        Raises
        ------
        ImportError
            If shap is not installed.
        """
        with explain_missing_package("to_shap", "shap"):
            import shap
        columns = list(self.data.T)
        return shap.Explanation(
            self.values,
            self.base_values,
            # plots colour and place points by these numbers
            np.column_stack([_numbers_or_ranks(column) for column in columns]),
            display_data=np.column_stack([_to_display(column) for column in columns]),
            feature_names=self.feature_names,
            output_names=self.output_names if self.values.ndim == 3 else None,
        )


def _numbers_or_ranks(column: Array) -> Array:
    """Return a column of numbers as it is, and ranks for other values; NaN for missing values."""
    values = pd.Series(column).infer_objects()
    if not pd.api.types.is_numeric_dtype(values):  # booleans count as numeric
        try:
            values = values.rank(method="dense")
        except TypeError:  # categories of several types have no order: sort them as text
            values = values.astype(str).where(values.notna()).rank(method="dense")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def _to_display(column: Array) -> Array:
    """Return a column of numbers as it is, and other values as text."""
    values = pd.Series(column).infer_objects()
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return (values if is_number else values.astype(str)).to_numpy(dtype=object)


class Contributions(NamedTuple):
    """What each column contributes to each output of each row, in the units of y."""

    values: Array  # (n, d, k)
    base_values: Array  # (k,) the background's mean outputs
    adds_up: Array  # (n,) whether a row's contributions add up to its output minus the base value
    is_additive: bool = False  # whether a column's contributions depend on that column alone, up to a constant


# --- additive networks -----------------------------------------------------------------------------------------------

CONTRIBUTIONS_AT_ONCE = 2**20
"""How many contributions to one output are computed at once. The rows of wide tables are split into smaller blocks."""


def columns_of_units(network: Network, encoder: TableEncoder) -> NDArray[np.intp] | None:
    """Return the column that each unit of the last hidden layer depends on; None if one depends on several."""
    first = last = encoder.input_columns  # the first and last column that an input, or a unit, depends on
    for W in network.coefs[:-1]:
        of_first_unit = W[:, 0] != 0.0  # a check of the first unit alone is fast, and enough for most networks
        if first[of_first_unit].min(initial=encoder.n_columns) < last[of_first_unit].max(initial=-1):
            return None
        depends = W != 0.0
        first = np.where(depends, first[:, np.newaxis], encoder.n_columns).min(axis=0)
        last = np.where(depends, last[:, np.newaxis], -1).max(axis=0)
        if (first < last).any():
            return None
    return np.maximum(last, 0)


def explain_additive(
    model: Model, columns: NDArray[np.intp], table: Table, background: Table, progress: Callable[[int], None]
) -> Contributions:
    """Do the work of `explain` for an additive network; `columns`, (h,), is what `columns_of_units` returns."""
    explained = model.head.explained_outputs
    last = model.network.coefs[-1].astype(np.float64)
    # for each output (h, d): row i holds the weight of unit i, in the column that the unit depends on
    weights_by_column = [
        sp.csr_array((weights, (np.arange(len(columns)), columns)), (len(columns), model.encoder.n_columns))
        for weights in last.T
    ]

    mean = np.asarray(model.last_hidden(background).mean(axis=0, dtype=np.float64)).ravel()
    mean_output = mean @ last + model.network.intercepts[-1]
    base = explained.scaler.decode(mean_output[np.newaxis], model.encoding.output_dtype)[0]
    n = table.shape[0]
    d = model.encoder.n_columns
    values = np.empty((n, d, len(weights_by_column)), base.dtype)
    n_at_once = max(1, CONTRIBUTIONS_AT_ONCE // d)
    for block in blocks_of_batch(slice(0, n), ROWS_PREDICTED_AT_ONCE):
        hidden = model.last_hidden(take_rows(table, block))
        of_block = values[block]  # a view
        for sub_block in blocks_of_batch(slice(0, hidden.shape[0]), n_at_once):
            for output, W in enumerate(weights_by_column):
                by_column = as_dense(hidden[sub_block] @ W) - mean @ W
                of_block[sub_block, :, output] = by_column * explained.scaler.slope[output]
        progress(block.stop)
    return Contributions(values, base, adds_up=np.ones(n, dtype=bool), is_additive=True)


def as_dense(x: Table) -> Array:
    """Return an array as it is, and a sparse matrix as an array."""
    return x if isinstance(x, np.ndarray) else np.asarray(x.toarray())


# --- all other networks ----------------------------------------------------------------------------------------------

MAX_BACKGROUND_ROWS = 100
"""How many rows of a background are used. More rows take more time and change the mean little."""

NODES_PER_LINE = (8, 16, 64, 256)
"""How many nodes a line gets. Eight are enough for most rows of smooth networks. A row whose contributions do not add
up gets more. Activations whose slope jumps, such as "relu", need more than a hundred."""

MAX_GAP_PER_SPREAD = 5e-4
"""If the sum of a row's contributions is off by more than this fraction of the output's spread, its lines get more
nodes. The spread is the standard deviation over the background. With the most nodes, twice this gap is accepted."""

MIN_RELATIVE_SPREAD = 0.1
"""The spread is at least this fraction of the distance between the row's output and the background's mean."""

MAX_ULPS = 64
"""How large a rounding error of the sum is accepted, in units in the last place of the contributions and of the output
layer's sums. Outputs are rounded even if a row is its own background."""

FLOAT32_TINY = np.finfo(np.float32).tiny
"""Added to divisors that may be 0, such as the spread over a single row."""

UNITS_COMPUTED_AT_ONCE = 2**18
"""How many units are computed at once, at one node of each line, so that they stay in the processor's cache."""

MAX_KEPT_PARTIAL_SUMS = 2**22
"""How many partial sums of the background are in memory at a time, see `EncodedBackground`."""

MAX_ROW_BLOCK_FACTOR = 8
"""If there are too many columns to keep all partial sums, up to this many times as many rows are computed at once."""


def background_indices(n: int) -> NDArray[np.intp]:
    """Return the indices of the rows to use of a background of n rows, in increasing order. They depend on n alone."""
    if n <= MAX_BACKGROUND_ROWS:
        return np.arange(n)
    return np.sort(np.argsort(hash_integers(np.arange(n)))[:MAX_BACKGROUND_ROWS])


def explain(model: Model, table: Table, background: Table, progress: Callable[[int], None]) -> Contributions:
    """Compute what each column contributes to each output of each row.

    Parameters
    ----------
    model : Model
    table : ndarray, CSR matrix or data frame of shape (n, d)
    background : ndarray, CSR matrix or data frame of shape (b, d)
    progress : callable
        Called with the number of finished rows, after each block.

    Returns
    -------
    Contributions
    """
    n = table.shape[0]
    explained = model.head.explained_outputs
    columns = columns_of_units(model.network, model.encoder) if explained.are_raw else None
    if columns is not None:
        return explain_additive(model, columns, table, background, progress)
    outputs = model.convert_raw_outputs(table, explained.of_raw)  # raises if an output is not finite
    encoded = EncodedBackground(model, background)
    base = explained.scaler.decode(encoded.mean_outputs[np.newaxis], model.encoding.output_dtype)[0]
    values = np.empty((n, model.encoder.n_columns, outputs.shape[1]), base.dtype)
    adds_up = np.empty(n, dtype=bool)
    widest_layer = max(b.size for b in model.network.intercepts)
    n_at_once = max(1, UNITS_COMPUTED_AT_ONCE // (len(encoded.z0) * widest_layer * outputs.shape[1]))
    if len(encoded.column_batches) > 1:  # each call of `fill` computes all partial sums again, so use more rows at once
        n_at_once = max(1, min(MAX_ROW_BLOCK_FACTOR * n_at_once, MAX_KEPT_PARTIAL_SUMS // model.encoder.n_inputs))

    def fill(x: Table, first: int, span: slice) -> None:
        """Write the contributions of the rows `span` of x into `values` and `adds_up`. x starts at row `first`."""
        for sub_block in blocks_of_batch(span, n_at_once):
            rows = slice(first + sub_block.start, first + sub_block.stop)
            contributions, adds_up[rows] = encoded.contributions(as_dense(x[sub_block]), outputs[rows])
            values[rows] = np.moveaxis(contributions, 0, -1) * explained.scaler.slope

    with threads_for_blocks(
        n // n_at_once, n_at_once * len(encoded.z0) * model.network.layout.max_matrix_size
    ) as n_threads:
        for block in blocks_of_batch(slice(0, n), ROWS_PREDICTED_AT_ONCE):
            x = model.encoder.encode(take_rows(table, block), model.encoding.compute_dtype)
            run_on_slices(partial(fill, x, block.start), slice(0, x.shape[0]), n_at_once, n_threads)
            progress(block.stop)
    return Contributions(values, base, adds_up)


@lru_cache(maxsize=len(NODES_PER_LINE))
def gauss_legendre(n_nodes: int) -> list[tuple[float, float]]:
    """Return the (node, weight) pairs of the Gauss-Legendre rule on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)  # on [-1, 1]
    return list(zip((0.5 + 0.5 * nodes).tolist(), (0.5 * weights).tolist(), strict=True))


class EncodedBackground:
    """The encoded rows of a background, at which lines start.

    The *partial sums* of a column are the part of x0 W that comes from the column's inputs.
    """

    def __init__(self, model: Model, background: Table) -> None:
        self.explained = model.head.explained_outputs
        outputs = model.convert_raw_outputs(background, self.explained.of_raw)  # (b, k)
        self.mean_outputs = outputs.mean(axis=0, dtype=np.float64)  # (k,)
        self.deviation = outputs.std(axis=0, dtype=np.float64)  # (k,)
        self.encoder = model.encoder
        self.network = network = model.network.as_type(model.encoding.compute_dtype)
        self.x0 = as_dense(self.encoder.encode(background, model.encoding.compute_dtype))
        self.z0 = self.x0 @ network.coefs[0] + network.intercepts[0]
        self.mean_inputs = self.x0.mean(axis=0)  # (m,) subtracting them keeps the digits of columns far from 0
        # Columns that are 0 in the whole background are left out, since their partial sums are 0. In a sparse table
        # these are most columns.
        n_used = np.append(0, self.x0.any(axis=0).cumsum())  # how many inputs before each one are not 0
        used = np.flatnonzero(sum(np.diff(n_used[starts]) for starts in self.encoder.input_starts))
        width = max(1, MAX_KEPT_PARTIAL_SUMS // self.z0.size)
        # the columns whose partial sums are in memory at a time
        self.column_batches = [used[start : start + width] for start in range(0, len(used), width)]

    def contributions(self, x: Array, outputs: Array) -> tuple[Array, Array]:
        """Return the contributions of some rows, (k, n, d), and whether they add up, (n,).

        A row's lines get more nodes until its contributions add up.
        """
        coefs = self.network.coefs
        z = x @ coefs[0] + self.network.intercepts[0]  # (n, h)
        difference = outputs - self.mean_outputs  # (n, k)
        weight_sums = np.abs(coefs[-1]).sum(axis=0)  # (k,)  the scale of each output's rounding error
        contributions = np.empty((outputs.shape[1], len(x), self.encoder.n_columns), x.dtype)
        excess = np.empty(len(x))
        unfinished = np.arange(len(x))
        for n_nodes in NODES_PER_LINE:
            by_column = self._contributions_by_column(x[unfinished], self._mean_slopes(z[unfinished], n_nodes))
            contributions[:, unfinished] = by_column
            gap = np.abs(by_column.sum(axis=2).T - difference[unfinished])  # (unfinished, k)
            # with a narrow background, or a single row, no more precision is asked for than float32 has
            spread = np.maximum(self.deviation, MIN_RELATIVE_SPREAD * np.abs(difference[unfinished]))
            rounding = MAX_ULPS * np.finfo(x.dtype).eps * (np.abs(by_column).sum(axis=2).T + weight_sums)
            excess[unfinished] = np.max(gap / (MAX_GAP_PER_SPREAD * spread + rounding + FLOAT32_TINY), axis=1)
            unfinished = np.flatnonzero(excess > 1.0)
            if not unfinished.size:
                break
        return contributions, excess <= 2.0

    def _mean_slopes(self, z: Array, n_nodes: int) -> Array:
        """Return the mean over each line of d output / dz, (k, n, b, h), by a Gauss-Legendre rule."""
        network = self.network
        explained = self.explained
        dz = z[:, np.newaxis] - self.z0  # (n, b, h)
        slopes = np.zeros((len(self.deviation), *dz.shape), z.dtype)
        # with one hidden layer, da/dz is the same for all raw outputs: average it once, then multiply by their weights
        one_layer = explained.are_raw and len(network.activations) == 1
        points = np.empty_like(dz)
        for node, weight in gauss_legendre(n_nodes):
            np.multiply(dz, node, out=points)
            points += self.z0
            flat = points.reshape(-1, z.shape[1])  # a view
            if one_layer:
                of_layer = slopes_of_hidden(network, flat, np.full((1, z.shape[1]), weight, z.dtype))
                slopes[0] += next(of_layer).reshape(dz.shape)
            else:
                for total, slope in zip(
                    slopes, slopes_of_explained_outputs(network, flat, explained, weight), strict=True
                ):
                    total += slope.reshape(dz.shape)
        if one_layer:
            np.multiply(slopes[0].copy(), network.coefs[-1].T[:, np.newaxis, np.newaxis], out=slopes)
        return slopes

    def _contributions_by_column(self, x: Array, slopes: Array) -> Array:
        """Return the sum over each column's inputs j of (x - x0)_j W_j . slopes, averaged over b, (k, n, d).

        x is multiplied by the mean slopes. x0 is multiplied by all slopes, in one product with the partial sums.
        """
        k, n, b, h = slopes.shape
        by_input = (slopes.mean(axis=2) @ self.network.coefs[0].T) * (x - self.mean_inputs)  # (k, n, m)
        contributions = sum_by_column(by_input, self.encoder.input_starts)
        flat = slopes.reshape(k * n, b * h)
        for columns in self.column_batches:
            sums = self._all_partial_sums if len(self.column_batches) == 1 else self._partial_sums(columns)
            contributions[:, :, columns] -= (flat @ sums).reshape(k, n, -1)
        return contributions

    @cached_property
    def _all_partial_sums(self) -> Array:
        """The partial sums of all columns, if they are in memory together."""
        return self._partial_sums(self.column_batches[0])

    def _partial_sums(self, columns: NDArray[np.intp]) -> Array:
        """Return the partial sums of some columns, divided by b, (b h, columns)."""
        W = self.network.coefs[0]
        encoder = self.encoder
        b = len(self.x0)
        # with one input per column and no bins, no loop over thousands of columns is needed
        if not encoder.n_bins and (np.diff(encoder.input_starts[1]) == 1).all():
            partial_sums = ((self.x0[:, columns] - self.mean_inputs[columns]) / b)[:, np.newaxis] * W[columns].T
        else:
            inputs = [encoder.inputs_of_column(j) for j in columns]
            partial_sums = np.stack([((self.x0[:, s] - self.mean_inputs[s]) / b) @ W[s] for s in inputs], axis=2)
        return partial_sums.reshape(self.z0.size, -1)
