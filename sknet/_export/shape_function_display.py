"""What each column contributes, as a function of its value: a curve for numbers and dates, bars for categories.

Conventions
-----------
n rows, d columns; g values of a column

values : (g,)            of the column, where its function is drawn
contributions : (g,)     to the output that is drawn, less their mean over the rows of X
"""

from collections.abc import Sequence
from math import ceil
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from sknet._export.explanation_display import (
    Explains,
    estimator_that_explains,
    is_whole_number,
    output_number,
    shorten_label,
    value_as_text,
)
from sknet._model.explanation import Explanation
from sknet._tables.dates import infer_instants
from sknet._tables.read import as_pandas, column_as_floats, is_frame, is_sparse, unwrap_narwhals
from sknet._typing import Array, Table

N_POINTS = 200
"""How many points a curve has."""

DRAWN_SHARE = 0.99
"""Between which quantiles of the rows a curve is drawn: few rows far away would squeeze it."""

MAX_BARS = 20
"""How many categories of a column are drawn, the most frequent ones."""

MAX_RUG_LINES = 500
"""How many rows of X have a line in the rug, at most."""

PANELS_PER_ROW = 3

CURVE, MISSING = "#14606b", "#c2571a"
"""Colours of functions, and of what a missing value contributes."""

CURVES, BARS = {"number", "bin", "date"}, {"level", "infrequent", "target"}
"""Kinds of inputs, see `inputs_`, whose columns are drawn as curves and as bars."""


class ShapeFunction(NamedTuple):
    """What one column contributes at its values."""

    name: str
    values: pd.Series  # (g,) for a curve in increasing order, for bars each category
    contributions: Array  # (g,)
    is_curve: bool
    observed: pd.Series  # the column of X, without missing values
    missing: float | None  # what a missing value contributes; None where X has none
    importance: float  # mean absolute contribution over X


class ShapeFunctionDisplay:
    """Plot of what each column contributes to the output, as a function of its value.

    It needs a network whose raw output is a sum of functions of single columns: fit it
    with `interaction_cst="no_interactions"` or without hidden layers. Each panel then
    shows the whole effect of a column, exactly. Numbers, dates and durations give a
    curve above a rug of the rows' values, categories give bars, and missing values a
    dotted line or a bar. Contributions have mean 0 over `X`. Create it with
    `from_estimator`.

    Parameters
    ----------
    functions : sequence of ShapeFunction
        The functions that `from_estimator` finds, the most important first.

    ylabel : str, default="contribution"
        Label of the vertical axes.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        One axes per function.

    figure_ : matplotlib Figure
        The figure.

    artists_ : list of matplotlib Line2D or BarContainer
        The curve or the bars of each panel.

    See Also
    --------
    Explanation : What each column contributes to the output of each row.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import ShapeFunctionDisplay, SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = SigmoidMLPRegressor(interaction_cst="no_interactions", max_iter=20, random_state=0).fit(X, y)
    >>> display = ShapeFunctionDisplay.from_estimator(net, X, columns=["bmi", "s5"])
    >>> [function.name for function in display.functions]
    ['bmi', 's5']
    """

    def __init__(self, functions: Sequence[ShapeFunction], *, ylabel: str = "contribution") -> None:
        self.functions = functions
        self.ylabel = ylabel

    @classmethod
    def from_estimator(
        cls,
        estimator: object,
        X: Table,
        *,
        columns: Sequence[str] | None = None,
        output: int | str = 0,
        ax: Any = None,
        max_columns: int = 12,
    ) -> Self:
        """Find the functions of the columns and plot them.

        Parameters
        ----------
        estimator : SigmoidMLPClassifier, SigmoidMLPRegressor, or a search of one
            The fitted estimator, whose raw output is a sum of functions of single
            columns. For a pipeline, pass its last step, and the table that the other
            steps return.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            Rows with usual values, such as the training rows.

        columns : sequence of str, default=None
            Names of the columns to draw, in this order ("x0", "x1", … if they have
            none). None draws those that contribute most. Columns of text, and columns
            that the network does not use, have no function.

        output : int or str, default=0
            Number or name of the output to draw.

        ax : sequence of matplotlib Axes, default=None
            Axes to draw on, one per column; None creates a figure.

        max_columns : int, default=12
            Number of columns to draw if `columns` is None.

        Returns
        -------
        display : ShapeFunctionDisplay
            The display.
        """
        if not is_whole_number(max_columns) or max_columns < 1:
            raise ValueError(f"max_columns={max_columns!r}: give a whole number of columns to draw, at least 1.")
        inner = estimator_that_explains(estimator)
        explanation = inner.explain(X, background=X)
        if not explanation.is_additive:
            raise ValueError(
                "The outputs of this network are not sums of functions of single columns: fit it with "
                "interaction_cst='no_interactions' and a single output or quantile level for each target, or use "
                "scikit-learn's PartialDependenceDisplay."
            )
        number = output_number(output, explanation)
        functions = find_functions(inner, X, explanation, number)
        if isinstance(columns, str):
            raise ValueError(f"columns={columns!r} is text: give a list of names, as [{columns!r}].")
        if columns is None:
            chosen = sorted(functions.values(), key=lambda function: -function.importance)[:max_columns]
        else:
            unknown = [name for name in columns if name not in functions]
            if unknown:
                raise ValueError(f"columns={unknown} have no function to draw: give some of {list(functions)}.")
            chosen = [functions[name] for name in columns]
        if not chosen:
            raise ValueError(
                f"columns={columns} leaves nothing to draw, of the columns with a function, {list(functions)}: text, "
                "columns that the network does not use, and those of which X has no value have none."
            )
        return cls(chosen, ylabel=f"contribution to\n{explanation.description_of(number)}").plot(ax=ax)

    def plot(self, *, ax: Any = None) -> Self:
        """Draw the functions.

        Parameters
        ----------
        ax : sequence of matplotlib Axes, default=None
            Axes to draw on, one per function; None creates a figure.

        Returns
        -------
        display : ShapeFunctionDisplay
            The display itself.
        """
        import matplotlib.pyplot as plt

        n = len(self.functions)
        if ax is None:
            n_wide = min(n, PANELS_PER_ROW)
            n_high = ceil(n / n_wide)
            size = (3.6 * n_wide, 2.7 * n_high)
            panels = plt.subplots(n_high, n_wide, figsize=size, sharey=True, squeeze=False, layout="constrained")[1]
            for panel in panels.ravel()[n:]:
                panel.set_visible(False)
            ax = panels.ravel()[:n]
        self.axes_: Array = np.ravel(ax)
        if self.axes_.shape != (n,):
            raise ValueError(f"ax holds {self.axes_.size} axes: pass {n}, one for each column.")
        self.figure_: Any = self.axes_[0].figure
        self.artists_: list[Any] = [
            (draw_curve if function.is_curve else draw_bars)(panel, function)
            for panel, function in zip(self.axes_, self.functions, strict=True)
        ]
        for panel, function in zip(self.axes_, self.functions, strict=True):
            panel.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
            panel.set_title(shorten_label(function.name), fontsize="medium", parse_math=False)
            panel.spines[["top", "right"]].set_visible(False)
            if panel.get_subplotspec() is None or panel.get_subplotspec().is_first_col():
                panel.set_ylabel(self.ylabel, parse_math=False)
        return self


# --- the functions --------------------------------------------------------------------------------------------------


def find_functions(estimator: Explains, X: Table, explanation: Explanation, output: int) -> dict[str, ShapeFunction]:
    """Return the function of each column that has one, by its name.

    One table has values of all columns at once: what a column contributes does not depend on the others.
    """
    X = unwrap_narwhals(X)
    table = as_pandas(X) if is_frame(X) else pd.DataFrame(X.toarray() if is_sparse(X) else np.asarray(X))
    kinds = estimator.inputs_.groupby("column", sort=False)["kind"].agg(set)
    values = [table.iloc[:, j] for j in range(table.shape[1])]
    grids: dict[int, tuple[pd.Series, bool]] = {}
    for j, name in enumerate(explanation.feature_names):
        own = kinds.get(name, set())
        is_curve = bool(own & CURVES) and not pd.api.types.is_bool_dtype(values[j].dtype)
        if is_curve:
            values[j] = in_order(values[j], name)
        observed = values[j].dropna()
        if len(observed) and own & (CURVES | BARS):
            grids[j] = (curve_values(observed) if is_curve else most_frequent(observed)), is_curve
    n_rows = max([len(grid) for grid, _ in grids.values()], default=0) + 1  # the last one has missing values
    columns = [column.iloc[np.zeros(n_rows, dtype=int)].reset_index(drop=True) for column in values]
    for j, (grid, _) in grids.items():
        column = grid.take(np.arange(n_rows) % len(grid)).reset_index(drop=True)
        columns[j] = column.where(column.index < n_rows - 1) if values[j].isna().any() else column
    # by number first: two columns may have one name
    drawn = pd.concat(dict(enumerate(columns)), axis=1).set_axis(table.columns, axis=1)
    contributions = of_output(estimator.explain(drawn if is_frame(X) else drawn.to_numpy(), background=X), output)
    of_rows = of_output(explanation, output)
    functions = {}
    for j, (grid, is_curve) in grids.items():
        name, centred = explanation.feature_names[j], contributions[:, j] - of_rows[:, j].mean()
        observed = values[j]
        functions[name] = ShapeFunction(
            name, grid, centred[: len(grid)], is_curve, observed.dropna(),
            missing=float(centred[-1]) if observed.isna().any() else None,
            importance=float(np.abs(of_rows[:, j] - of_rows[:, j].mean()).mean()),
        )  # fmt: skip
    return functions


def of_output(explanation: Explanation, output: int) -> Array:
    """Return the contributions to one output, (n, d), in float64."""
    values = explanation.values[:, :, output] if explanation.values.ndim == 3 else explanation.values
    return values.astype(np.float64)


def in_order(values: pd.Series, name: str) -> pd.Series:
    """Return the numbers, dates or durations that a column holds, as objects or text perhaps."""
    try:
        return pd.Series(column_as_floats(values, name))
    except (TypeError, ValueError):  # no numbers, and yet the network has read them
        return pd.Series(infer_instants(values, name)[0])


def curve_values(observed: pd.Series) -> pd.Series:
    """Return values at even distances, over the range of most rows."""
    if pd.api.types.is_numeric_dtype(observed.dtype):
        observed = observed.astype(np.float64)
    low, high = observed.quantile(0.5 - DRAWN_SHARE / 2), observed.quantile(0.5 + DRAWN_SHARE / 2)
    return pd.Series([low + (high - low) * (i / (N_POINTS - 1)) for i in range(N_POINTS)])


def most_frequent(observed: pd.Series) -> pd.Series:
    """Return the most frequent categories, in their order where they have one, else the most frequent first."""
    counts = observed.value_counts()
    counts = counts[counts > 0].iloc[:MAX_BARS]
    if isinstance(observed.dtype, pd.CategoricalDtype):
        found = pd.Series(pd.Categorical(counts.index, dtype=observed.dtype))
        return found.sort_values(ignore_index=True) if observed.dtype.ordered else found
    found = pd.Series(counts.index, dtype=observed.dtype)
    return found if observed.dtype == object else found.sort_values(ignore_index=True)


# --- the panels -----------------------------------------------------------------------------------------------------


def draw_curve(panel: Any, function: ShapeFunction) -> Any:
    """Draw a curve, the rug of the rows below it, and what a missing value contributes."""
    (line,) = panel.plot(as_plotted(function.values), function.contributions, color=CURVE)
    rug = function.observed.iloc[:: ceil(len(function.observed) / MAX_RUG_LINES)]
    low, high = function.values.iloc[0], function.values.iloc[-1]
    places = as_plotted(rug[(rug >= low) & (rug <= high)])
    panel.plot(
        places,
        np.full(len(places), 0.02),
        "|",
        transform=panel.get_xaxis_transform(),
        color="0.3",
        alpha=0.4,
        markersize=6,
    )
    if function.missing is not None:
        panel.axhline(function.missing, color=MISSING, linestyle=":", linewidth=1.2)
        panel.annotate(
            "missing", (1.0, function.missing), xycoords=("axes fraction", "data"), xytext=(-2, 2),
            textcoords="offset points", ha="right", fontsize="small", color=MISSING,
        )  # fmt: skip
    if pd.api.types.is_timedelta64_dtype(function.values.dtype):
        panel.set_xlabel("days")
    panel.tick_params(axis="x", rotation=30 if pd.api.types.is_datetime64_any_dtype(function.values.dtype) else 0)
    return line


def as_plotted(values: pd.Series) -> Array:
    """Return what Matplotlib takes: dates as they are, durations in days."""
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return np.asarray(values.dt.total_seconds() / 86_400.0)
    return values.to_numpy() if pd.api.types.is_datetime64_any_dtype(values.dtype) else values.to_numpy(np.float64)


def draw_bars(panel: Any, function: ShapeFunction) -> Any:
    """Draw a bar for each category, and one for missing values."""
    labels = [shorten_label(value_as_text(value)) for value in function.values]
    heights, colors = list(function.contributions), [CURVE] * len(labels)
    if function.missing is not None:
        labels, heights, colors = [*labels, "missing"], [*heights, function.missing], [*colors, MISSING]
    bars = panel.bar(np.arange(len(heights)), heights, color=colors)
    crowded = sum(map(len, labels)) > 24
    panel.set_xticks(
        np.arange(len(labels)), labels, rotation=40 if crowded else 0, ha="right" if crowded else "center",
        fontsize="small", parse_math=False,
    )  # fmt: skip
    return bars
