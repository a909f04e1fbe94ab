"""The columns' contributions as a plot: their mean sizes, and how they lead to one row's output.

Conventions
-----------
n rows, d columns; the columns that are drawn one by one, and one for all others.

values : (n, d)        contributions to the output that is drawn
"""

from numbers import Integral, Real
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd

from sknet._model.explanation import Explanation
from sknet._typing import Array, Table

MORE, LESS = "#c0504d", "#4f81bd"
"""Colours of contributions above and below 0."""

MAX_LABEL_CHARACTERS = 30
"""How many characters of a column's name and value are written."""


class Explains(Protocol):
    """A fitted estimator of ours, as displays use it."""

    inputs_: pd.DataFrame

    def explain(self, X: Table, background: Table = None) -> Explanation:
        """Compute what each column contributes to each prediction."""


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

    def __init__(self, explanation: Explanation, *, row: int = 0, output: int | str = 0) -> None:
        self.explanation = explanation
        self.row = row
        self.output = output

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
        explanation = estimator_that_explains(estimator).explain(X, background)
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
        import matplotlib.pyplot as plt

        if not is_whole_number(max_columns) or max_columns < 1:
            raise ValueError(f"max_columns={max_columns!r}: give a whole number of columns to draw, at least 1.")
        output, several = output_number(self.output, self.explanation), self.explanation.values.ndim == 3
        values = self.explanation.values[:, :, output] if several else self.explanation.values
        base_values = self.explanation.base_values[:, output] if several else self.explanation.base_values
        n = len(values)
        if not is_index(self.row, n):
            raise ValueError(f"row={self.row!r}: there are {n} rows, 0 to {n - 1}.")
        if ax is None:
            height = 1.8 + 0.3 * min(values.shape[1], max_columns + 1)
            ax = plt.subplots(1, 2, figsize=(11.0, height), layout="constrained")[1]
        self.axes_: Array = np.ravel(ax)
        if self.axes_.shape != (2,):
            raise ValueError(f"ax holds {self.axes_.size} axes: pass two, for the means and for the row.")
        self.figure_: Any = self.axes_[0].figure
        means = self._draw_means(np.abs(values).mean(axis=0), max_columns)
        steps = self._draw_row(values[self.row], float(base_values[self.row]), max_columns)
        self.bars_: list[Any] = [means, steps]
        self.axes_[0].set_title("mean absolute contribution")
        self.axes_[1].set_title(f"contributions in row {self.row}")
        for axes in self.axes_:
            axes.set_xlabel(self.explanation.description_of(output), parse_math=False)
            axes.spines[["top", "right"]].set_visible(False)
        return self

    def _draw_means(self, means: Array, max_columns: int) -> Any:
        """Draw the mean absolute contributions, the largest at the top."""
        sizes, labels, _ = self._largest(means, max_columns)
        positions = np.arange(len(sizes))  # names may be equal once they are shortened
        bars = self.axes_[0].barh(positions, sizes, color="0.45")
        self.axes_[0].set_yticks(positions, labels, parse_math=False)
        self.axes_[0].bar_label(bars, [f"{size:.3g}" for size in sizes], padding=3, fontsize="small")
        self.axes_[0].margins(x=0.12)
        return bars

    def _draw_row(self, contributions: Array, base: float, max_columns: int) -> Any:
        """Draw the way from the mean output of the background to the row's, the largest steps last."""
        axes = self.axes_[1]
        steps, labels, columns = self._largest(contributions, max_columns)
        data = self.explanation.data[self.row]
        for i, j in enumerate(columns, start=len(labels) - len(columns)):  # past the label of the others
            labels[i] = shorten_label(f"{labels[i]} = {value_as_text(data[j])}")
        ends = base + np.cumsum(steps)
        positions = np.arange(len(steps))
        bars = axes.barh(positions, steps, left=ends - steps, color=np.where(steps > 0.0, MORE, LESS))
        axes.bar_label(bars, [f"{step:+.3g}" for step in steps], padding=3, fontsize="small")
        for x, what, y in ((base, "mean", 0), (ends[-1], "output", 1)):  # y: at the bottom, or at the top
            axes.axvline(x, color="0.6", linestyle=":", linewidth=1.2, zorder=0)
            axes.annotate(
                f"{what} {x:.4g}", (x, y), xycoords=("data", "axes fraction"), xytext=(3, 4 - 14 * y),
                textcoords="offset points", fontsize="small", color="0.4",
            )  # fmt: skip
        axes.set_yticks(positions, labels, parse_math=False)  # a "$" is one
        axes.set_ylim(-1.2, len(steps) + 0.2)  # room for both outputs
        axes.use_sticky_edges = False  # of bars that begin anywhere
        axes.margins(x=0.2)
        return bars

    def _largest(self, values: Array, max_columns: int) -> tuple[Array, list[str], Array]:
        """Return what is drawn, its labels, and the numbers of its columns, which come last and increase in size."""
        order = np.argsort(np.abs(values), kind="stable")
        rest, columns = order[:-max_columns], order[-max_columns:]
        labels = [shorten_label(self.explanation.feature_names[j]) for j in columns]
        if not rest.size:
            return values[columns], labels, columns
        return np.append(values[rest].sum(), values[columns]), [f"{rest.size} others", *labels], columns


def estimator_that_explains(estimator: object) -> Explains:
    """Return the estimator, or the best one of a search; a TypeError for what has no `explain`."""
    inner: Any = getattr(estimator, "best_estimator_", estimator)
    if not hasattr(type(inner), "explain"):
        raise TypeError(
            f"{type(estimator).__name__} has no explain: pass a fitted SigmoidMLPClassifier or SigmoidMLPRegressor. "
            "For a pipeline, pass pipeline[-1], and pipeline[:-1].transform(X) as X."
        )
    found: Explains = inner
    return found


def output_number(output: int | str, explanation: Explanation) -> int:
    """Return the number of the output that is drawn, which is given by its number or its name."""
    names = explanation.output_names
    if output in names:
        return names.index(str(output))
    if not is_index(output, len(names)):
        raise ValueError(f"output={output!r} is none of the outputs {names}, nor one of their numbers.")
    return int(output)


def is_index(number: object, n: int) -> bool:
    """Whether a number is the index of one of n things, from the end where it is negative."""
    return is_whole_number(number) and -n <= int(number) < n  # type: ignore[call-overload]


def is_whole_number(number: object) -> bool:
    """Whether a number is a whole one; True is none."""
    return isinstance(number, Integral) and not isinstance(number, bool)


def shorten_label(text: str) -> str:
    """Return a text that fits beside a bar."""
    return text if len(text) <= MAX_LABEL_CHARACTERS else text[: MAX_LABEL_CHARACTERS - 1] + "…"


def value_as_text(value: object) -> str:
    """Return a value of a table as it is written beside a bar."""
    is_number = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    return f"{value:.4g}" if is_number else str(value)
