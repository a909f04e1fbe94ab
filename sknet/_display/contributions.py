"""Plot the contributions of columns: on average, in one row, and as functions of the values of a column.

Conventions
-----------
n rows, d columns; g values of one column

contributions : (n, d), or (d,) of one row    contributions to the output that is drawn
ShapeFunction.values : (g,)                   axis values of a column drawn as a curve, or categories, in their order
"""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from math import ceil
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd

from sknet._display.history_and_network import check_integer, new_axes
from sknet._model.explain import Explanation
from sknet._tables.column import Column
from sknet._tables.from_polars import as_pandas
from sknet._tables.raw_table import is_frame, is_sparse
from sknet._typing import Array, Table

POSITIVE_COLOR, NEGATIVE_COLOR = "#c0504d", "#4f81bd"
"""Colours of bars for positive and negative contributions to one row."""

CURVE_COLOR, MISSING_COLOR = "#14606b", "#c2571a"
"""Colours of functions, and of the contribution of a missing value."""

MAX_LABEL_CHARACTERS = 30
"""Length of the longest label of a bar."""

N_CURVE_POINTS = 200
"""Number of points of a curve."""

CURVE_RANGE_SHARE = 0.99
"""A curve covers the range of this share of the rows, because a few outliers would squeeze it."""

MAX_CATEGORIES_SHOWN = 20
"""Maximum number of categories to draw, the most frequent ones."""

MAX_RUG_LINES = 500
"""Maximum number of rows in the rug below a curve."""

PANELS_PER_ROW = 3
"""The number of plots side by side."""


# --- contributions of rows -------------------------------------------------------------------------------------------


@dataclass(eq=False, repr=False)
class ExplanationDisplay:
    """Plot of the contributions of columns: on average, and to the output of one row.

    The bars on the left are mean absolute contributions. On the right, contributions
    lead from the mean output of the background, at the bottom, to the output of one
    row. Red bars raise the output, blue bars lower it. The labels below the bars name
    the output, such as "log-odds of 'yes'". Create it with `from_estimator`.

    Parameters
    ----------
    explanation : Explanation
        The result of `explain`.

    row : int, default=0
        Number of the row on the right.

    output : int or str, default=0
        Number or name of the output to draw.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, of shape (2,)
        Axes of the mean contributions and of the row.

    figure_ : matplotlib Figure
        The figure.

    bars_ : list of two matplotlib BarContainers
        The bars on each axes, from bottom to top.

    See Also
    --------
    Explanation : The numbers.
    ShapeFunctionDisplay : Contributions of a column as a curve over its values.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sknet import ExplanationDisplay, SigmoidMLPRegressor
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> net = SigmoidMLPRegressor(max_iter=20, random_state=0).fit(X, y)
    >>> display = ExplanationDisplay.from_estimator(net, X.head(50), max_columns=5)
    >>> [len(bars) for bars in display.bars_]
    [6, 6]
    """

    explanation: Explanation
    _: KW_ONLY
    row: int = 0
    output: int | str = 0

    @classmethod
    def from_estimator(
        cls,
        estimator: object,
        X: Table,
        background: Table = None,
        *,
        row: int = 0,
        output: int | str = 0,
        ax: Any = None,
        max_columns: int = 10,
    ) -> Self:
        """Explain rows and plot the contributions.

        Parameters
        ----------
        estimator : SigmoidMLPClassifier, SigmoidMLPRegressor, or a search of one
            The fitted estimator. For a pipeline, pass its last step, and the table that
            the other steps return.

        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            The rows to explain.

        background : {array-like, sparse matrix, DataFrame} of shape (n_background, n_features), default=None
            The rows to compare with, as in `explain`.

        row : int, default=0
            Number of the row on the right.

        output : int or str, default=0
            Number or name of the output to draw.

        ax : sequence of two matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        max_columns : int, default=10
            Number of columns to draw, those that contribute most. The others share a
            bar.

        Returns
        -------
        display : ExplanationDisplay
            The display.
        """
        explanation = explaining_estimator(estimator).explain(X, background)
        display = cls(explanation, row=row, output=output)
        return display.plot(ax=ax, max_columns=max_columns)

    def plot(self, *, ax: Any = None, max_columns: int = 10) -> Self:
        """Draw the contributions.

        Parameters
        ----------
        ax : sequence of two matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        max_columns : int, default=10
            Number of columns to draw, those that contribute most. The others share a
            bar.

        Returns
        -------
        display : ExplanationDisplay
            The display itself.
        """
        check_integer(max_columns, "max_columns", smallest=1)
        output = output_index(self.output, self.explanation)
        contributions = contributions_to(self.explanation, output)
        n_rows, n_columns = contributions.shape
        check_integer(self.row, "row", smallest=-n_rows, largest=n_rows - 1)
        if ax is None:
            height = 1.8 + 0.3 * min(n_columns, max_columns + 1)
            ax = new_axes(self, 1, 2, figsize=(11.0, height))
        self.axes_: Array = checked_axes(ax, 2, "the means and the row")
        self.figure_: Any = self.axes_[0].figure
        means = self._draw_means(np.abs(contributions).mean(axis=0), max_columns)
        base = float(np.atleast_2d(self.explanation.base_values.T)[output, self.row])
        steps = self._draw_row(contributions[self.row], base, max_columns)
        self.bars_: list[Any] = [means, steps]
        self.axes_[0].set_title("mean absolute contribution")
        self.axes_[1].set_title(f"contributions in row {self.row}")
        for axes in self.axes_:
            axes.set_xlabel(self.explanation.output_description(output), parse_math=False)
            axes.spines[["top", "right"]].set_visible(False)
        return self

    def _draw_means(self, means: Array, max_columns: int) -> Any:
        """Draw the mean absolute contributions, the largest at the top; return the bars."""
        sizes, labels = self._largest(means, max_columns, [(name,) for name in self.explanation.feature_names])
        positions = np.arange(len(sizes))  # labels do not suit, since two columns may have the same one
        bars = self.axes_[0].barh(positions, sizes, color="0.45")
        self.axes_[0].set_yticks(positions, labels, parse_math=False)
        self.axes_[0].bar_label(bars, [plain_number(size, ".3g") for size in sizes], padding=3, fontsize="small")
        self.axes_[0].margins(x=0.12)
        return bars

    def _draw_row(self, contributions: Array, base: float, max_columns: int) -> Any:
        """Draw the steps from the mean output to the row's output, the largest at the top; return the bars."""
        axes = self.axes_[1]
        names_and_values = list(zip(self.explanation.feature_names, self.explanation.data[self.row], strict=True))
        steps, labels = self._largest(contributions, max_columns, names_and_values)
        ends = base + np.cumsum(steps)
        positions = np.arange(len(steps))
        bars = axes.barh(
            positions, steps, left=ends - steps, color=np.where(steps > 0.0, POSITIVE_COLOR, NEGATIVE_COLOR)
        )
        axes.bar_label(bars, [plain_number(step, "+.3g") for step in steps], padding=3, fontsize="small")
        for x, what, y in ((base, "mean", 0), (ends[-1], "output", 1)):  # y is at the bottom or at the top
            axes.axvline(x, color="0.6", linestyle=":", linewidth=1.2, zorder=0)
            axes.annotate(
                f"{what} {plain_number(x)}", (x, y), xycoords=("data", "axes fraction"), xytext=(3, 4 - 14 * y),
                textcoords="offset points", fontsize="small", color="0.4",
            )  # fmt: skip
        axes.set_yticks(positions, labels, parse_math=False)
        axes.set_ylim(-1.2, len(steps) + 0.2)  # room for both outputs
        axes.use_sticky_edges = False  # sticky edges would cut the margin where a bar begins
        axes.margins(x=0.2)
        return bars

    def _largest(
        self, values: Array, max_columns: int, label_parts: Sequence[tuple[object, ...]]
    ) -> tuple[Array, list[str]]:
        """Return the largest values and their labels, in increasing order after the sum of all other values."""
        order = np.argsort(np.abs(values), kind="stable")
        rest, largest = order[:-max_columns], order[-max_columns:]
        labels = [label_of(*label_parts[j]) for j in largest]
        if not rest.size:
            return values[largest], labels
        return np.append(values[rest].sum(), values[largest]), [f"{rest.size} others", *labels]


# --- contributions as functions --------------------------------------------------------------------------------------


class ShapeFunction(NamedTuple):
    """The contributions of one column at some of its values."""

    name: str
    values: pd.Series  # (g,)  in increasing order for a curve
    contributions: Array  # (g,)  minus their mean over the rows of X
    is_curve: bool
    observed: pd.Series  # the axis values or categories of the rows of X, without missing ones
    missing: float | None  # the contribution of a missing value; None if X has none
    importance: float  # mean absolute contribution over X


@dataclass(eq=False, repr=False)
class ShapeFunctionDisplay:
    """Plot of what each column contributes to the output, as a function of its value.

    It needs a network whose raw output is a sum of functions of single columns: fit it
    with `interaction_cst="no_interactions"` or without hidden layers, but not with
    several quantile levels. Each panel then shows the whole effect of a column,
    exactly. Numbers, dates and durations give a curve above a rug of the rows' values,
    categories give bars, and missing values a dotted line or a bar. Contributions have
    mean 0 over `X`. Create it with `from_estimator`.

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

    functions: Sequence[ShapeFunction]
    _: KW_ONLY
    ylabel: str = "contribution"

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
        check_integer(max_columns, "max_columns", smallest=1)
        inner = explaining_estimator(estimator)
        explanation = inner.explain(X, background=X)
        if not explanation.is_additive:
            raise ValueError(
                "The outputs of this network are not sums of functions of single columns: fit it with "
                "interaction_cst='no_interactions' and a single output or quantile level for each target, or use "
                "scikit-learn's PartialDependenceDisplay."
            )
        index = output_index(output, explanation)
        columns_in_order = inner._fitted.model.encoder.columns
        functions = compute_shape_functions(columns_in_order, inner.explain, X, explanation, index)
        if columns is None:
            chosen = sorted(functions.values(), key=lambda function: -function.importance)[:max_columns]
        else:
            unknown = [name for name in columns if name not in functions]
            if unknown:
                raise ValueError(f"columns={unknown} have no function to draw: give some of {list(functions)}.")
            chosen = [functions[name] for name in columns]
        if not chosen:
            raise ValueError(
                f"columns={columns} leaves nothing to draw: the columns with a function are {list(functions)}. Text, "
                "columns that the network does not use, and columns of which X has no value have no function."
            )
        return cls(chosen, ylabel=f"contribution to\n{explanation.output_description(index)}").plot(ax=ax)

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
        n = len(self.functions)
        if ax is None:
            n_wide = min(n, PANELS_PER_ROW)
            n_high = ceil(n / n_wide)
            size = (3.6 * n_wide, 2.7 * n_high)
            panels = new_axes(self, n_high, n_wide, figsize=size, sharey=True, squeeze=False)
            for panel in panels.ravel()[n:]:
                panel.set_visible(False)
            ax = panels.ravel()[:n]
        self.axes_: Array = checked_axes(ax, n, "one function each")
        self.figure_: Any = self.axes_[0].figure
        self.artists_: list[Any] = []
        for panel, function in zip(self.axes_, self.functions, strict=True):
            self.artists_.append((plot_curve if function.is_curve else plot_bars)(panel, function))
            panel.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
            panel.set_title(label_of(function.name), fontsize="medium", parse_math=False)
            panel.spines[["top", "right"]].set_visible(False)
            if panel.get_subplotspec() is None or panel.get_subplotspec().is_first_col():
                panel.set_ylabel(self.ylabel, parse_math=False)
        return self


def compute_shape_functions(
    columns: Sequence[Column], explain: Callable[..., Explanation], X: Table, explanation: Explanation, output: int
) -> dict[str, ShapeFunction]:
    """Return the functions of the columns that have one, by name of the column.

    `columns` are the learnt columns, `explain` is the estimator's method, `explanation` explains the rows of X. One
    table holds the drawn values of all columns, because the contribution of a column depends on this column alone.
    """
    table = as_pandas(X) if is_frame(X) else pd.DataFrame(X.toarray() if is_sparse(X) else np.asarray(X))
    values = [column for _, column in table.items()]
    by_column: dict[int, DrawnValues] = {}
    for j, (name, column) in enumerate(zip(explanation.feature_names, columns, strict=True)):
        of_column = choose_drawn_values(column, values[j], name)
        if of_column is not None:
            by_column[j] = of_column
    n_rows = max([len(each.values) for each in by_column.values()], default=0) + 1  # the last row is for missing values
    drawn_columns = [column.iloc[np.zeros(n_rows, dtype=int)].reset_index(drop=True) for column in values]
    for j, of_column in by_column.items():
        repeated = of_column.values.take(np.arange(n_rows) % len(of_column.values)).reset_index(drop=True)
        drawn_columns[j] = repeated.where(repeated.index < n_rows - 1) if of_column.has_missing else repeated
    # `concat` gets the columns by number, because two columns may have the same name
    drawn_table = pd.concat(dict(enumerate(drawn_columns)), axis=1).set_axis(table.columns, axis=1)
    of_drawn = explain(drawn_table if is_frame(X) else drawn_table.to_numpy(), background=X)
    of_values, of_rows = (
        contributions_to(explained, output).astype(np.float64) for explained in (of_drawn, explanation)
    )
    functions = {}
    for j, of_column in by_column.items():
        name = explanation.feature_names[j]
        mean = of_rows[:, j].mean()
        centred = of_values[:, j] - mean
        functions[name] = ShapeFunction(
            name, of_column.points, centred[: len(of_column.points)], of_column.is_curve, of_column.observed,
            missing=float(centred[-1]) if of_column.has_missing else None,
            importance=float(np.abs(of_rows[:, j] - mean).mean()),
        )  # fmt: skip
    return functions


class DrawnValues(NamedTuple):
    """The values of one column at which its contributions are drawn."""

    values: pd.Series  # (g,)  as in a table
    points: pd.Series  # (g,)  their axis values, or the same categories
    observed: pd.Series  # the axis values or categories of the rows of X, without missing ones
    is_curve: bool
    has_missing: bool  # whether a value of X is missing


def choose_drawn_values(column: Column, values: pd.Series, name: str) -> DrawnValues | None:
    """Return the values to draw of a column with n values in X; None if it has no function.

    A curve whose column does not read axis values is drawn at values of rows that are nearly evenly spaced.
    """
    if column.is_free_text or all(description.kind == "missing" for description in column.input_descriptions):
        return None
    axis_values = None if pd.api.types.is_bool_dtype(values.dtype) else column.axis_values(values, name)
    is_curve = axis_values is not None
    of_rows = values if axis_values is None else axis_values
    observed = of_rows.dropna()
    if not len(observed):
        return None
    points = curve_values(observed) if is_curve else shown_categories(observed)
    drawn_values = points
    if is_curve and not column.reads_axis_values:
        in_order = of_rows.reset_index(drop=True).dropna().sort_values()  # the index keeps the row of each value
        in_order = in_order.iloc[np.unique(np.minimum(in_order.searchsorted(points), len(in_order) - 1))]
        points, drawn_values = in_order.reset_index(drop=True), values.iloc[in_order.index]
    return DrawnValues(drawn_values, points, observed, is_curve, len(observed) < len(of_rows))


def curve_values(observed: pd.Series) -> pd.Series:
    """Return evenly spaced values over the range of most rows."""
    if pd.api.types.is_numeric_dtype(observed.dtype):
        observed = observed.astype(np.float64)
    low, high = observed.quantile(0.5 - CURVE_RANGE_SHARE / 2), observed.quantile(0.5 + CURVE_RANGE_SHARE / 2)
    return pd.Series([low + (high - low) * (i / (N_CURVE_POINTS - 1)) for i in range(N_CURVE_POINTS)])


def shown_categories(observed: pd.Series) -> pd.Series:
    """Return the most frequent categories: sorted, or the most frequent first if they have no order."""
    counts = observed.value_counts()
    counts = counts[counts > 0].iloc[:MAX_CATEGORIES_SHOWN]
    if isinstance(observed.dtype, pd.CategoricalDtype):
        categories = pd.Series(pd.Categorical(counts.index, dtype=observed.dtype))
        return categories.sort_values(ignore_index=True) if observed.dtype.ordered else categories
    categories = pd.Series(counts.index, dtype=observed.dtype)
    if observed.dtype == object:
        return categories
    # NumPy sorts them, since a column of Arrow dictionaries cannot sort itself
    return categories.iloc[np.argsort(counts.index.to_numpy())].reset_index(drop=True)


def plot_curve(panel: Any, function: ShapeFunction) -> Any:
    """Draw a curve above a rug of the rows' values, and the contribution of a missing value; return the curve."""
    (line,) = panel.plot(as_plottable(function.values), function.contributions, color=CURVE_COLOR)
    rug = function.observed.iloc[:: ceil(len(function.observed) / MAX_RUG_LINES)]
    low, high = function.values.iloc[0], function.values.iloc[-1]
    x = as_plottable(rug[(rug >= low) & (rug <= high)])
    panel.plot(
        x, np.full(len(x), 0.02), "|", transform=panel.get_xaxis_transform(), color="0.3", alpha=0.4, markersize=6
    )
    if function.missing is not None:
        panel.axhline(function.missing, color=MISSING_COLOR, linestyle=":", linewidth=1.2)
        panel.annotate(
            "missing", (1.0, function.missing), xycoords=("axes fraction", "data"), xytext=(-2, 2),
            textcoords="offset points", ha="right", fontsize="small", color=MISSING_COLOR,
        )  # fmt: skip
    if pd.api.types.is_timedelta64_dtype(function.values.dtype):
        panel.set_xlabel("days")
    panel.tick_params(axis="x", rotation=30 if pd.api.types.is_datetime64_any_dtype(function.values.dtype) else 0)
    return line


def as_plottable(values: pd.Series) -> Array:
    """Return values for Matplotlib: dates, or numbers; durations become days."""
    if pd.api.types.is_timedelta64_dtype(values.dtype):
        return np.asarray(values.dt.total_seconds() / 86_400.0)
    return values.to_numpy() if pd.api.types.is_datetime64_any_dtype(values.dtype) else values.to_numpy(np.float64)


def plot_bars(panel: Any, function: ShapeFunction) -> Any:
    """Draw a bar for each category, and one for missing values; return the bars."""
    labels = list(map(label_of, function.values))
    heights = list(function.contributions)
    colors = [CURVE_COLOR] * len(labels)
    if function.missing is not None:
        labels = [*labels, "missing"]
        heights = [*heights, function.missing]
        colors = [*colors, MISSING_COLOR]
    bars = panel.bar(np.arange(len(heights)), heights, color=colors)
    crowded = sum(map(len, labels)) > 24
    panel.set_xticks(
        np.arange(len(labels)), labels, rotation=40 if crowded else 0, ha="right" if crowded else "center",
        fontsize="small", parse_math=False,
    )  # fmt: skip
    return bars


# --- for both --------------------------------------------------------------------------------------------------------


def explaining_estimator(estimator: object) -> Any:
    """Return the estimator, or the best one of a search; raise a TypeError if it has no `explain`."""
    inner: Any = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(type(inner), "explain"):
        raise TypeError(
            f"{type(estimator).__name__} has no explain: pass a fitted SigmoidMLPClassifier or SigmoidMLPRegressor. "
            "For a pipeline, pass pipeline[-1], and pipeline[:-1].transform(X) as X."
        )
    return inner


def output_index(output: int | str, explanation: Explanation) -> int:
    """Return the index of an output that is given by its index or its name."""
    names = explanation.output_names
    if output in names:
        return names.index(str(output))
    if isinstance(output, bool) or output not in range(-len(names), len(names)):
        raise ValueError(f"output={output!r} is none of the outputs {names}, nor one of their numbers.")
    return int(output)


def contributions_to(explanation: Explanation, output: int) -> Array:
    """Return the contributions to one output, (n, d)."""
    return np.atleast_3d(explanation.values)[:, :, output]


def checked_axes(ax: Any, n: int, what: str) -> Array:
    """Return the axes that a user or Matplotlib gives as an array, (n,)."""
    axes = np.ravel(ax)
    if len(axes) != n:
        raise ValueError(f"ax holds {len(axes)} axes: pass {n}, for {what}.")
    return axes


def plain_number(number: Any, form: str = ".4g") -> str:
    """Return a number in the given form, but without a power of ten if it is rounded and less than a billion."""
    text = f"{number:{form}}"
    return f"{number:{form[:-3]},.0f}" if "e+" in text and abs(number) < 1e9 else text


def label_of(*values: object) -> str:
    """Return names and values of a table as the label of a bar: "length = 1.23", cut if it is long."""
    is_number = [isinstance(value, Real) and not isinstance(value, bool | np.bool_) for value in values]
    texts = [plain_number(value) if number else str(value) for value, number in zip(values, is_number, strict=True)]
    text = " = ".join(texts)
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"
