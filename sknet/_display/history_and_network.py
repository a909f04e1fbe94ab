"""Plot the training history and the network of a fitted estimator."""

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise, product
from math import ceil
from numbers import Integral
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted, check_scalar

from sknet._packages import explain_missing_package
from sknet._typing import Array

LOSS_CURVES = {
    "loss": ("training loss", " of the final network", "C0"),
    "validation_loss": ("validation loss", " of the folds' networks", "C1"),
}
"""For each loss in `history_`: its label, what the label adds if folds chose the epoch, and the colour of the curve."""

WEIGHT_COLORMAP = "RdBu_r"
"""Matplotlib's colours of weights: blue for the most negative, white for 0, and red for the most positive."""

INNER_ESTIMATOR_ATTRIBUTES = ("best_estimator_", "regressor_", "estimator_", "_final_estimator")
"""Attributes that hold the fitted estimator of searches, `TransformedTargetRegressor`, other wrappers and pipelines."""


def inner_estimator(estimator: object, attribute: str) -> Any:
    """Return the fitted estimator with an attribute: this one, or one in a pipeline, a search or another wrapper."""
    inner: object = estimator
    while not hasattr(type(inner), attribute):
        inside = [name for name in INNER_ESTIMATOR_ATTRIBUTES if hasattr(inner, name)]
        if not inside:
            raise TypeError(
                f"{type(estimator).__name__} holds no fitted SigmoidMLPClassifier or SigmoidMLPRegressor: pass one of "
                "these, or a fitted pipeline or search that ends with one (a search needs refit=True)."
            )
        inner = getattr(inner, inside[0])
    check_is_fitted(inner)
    return inner


def check_integer(value: object, name: str, *, smallest: int, largest: int | None = None) -> None:
    """Raise if an argument is not an integer between limits. A bool does not count as an integer."""
    if isinstance(value, bool):
        raise TypeError(f"{name}={value!r} is a bool: give an integer.")
    check_scalar(value, name, Integral, min_val=smallest, max_val=largest)


def new_axes(display: object, *n_high_and_wide: int, **options: Any) -> Any:
    """Return the axes of a new figure; raise an ImportError that names the display if matplotlib is missing."""
    with explain_missing_package(type(display).__name__, "matplotlib"):
        import matplotlib.pyplot as plt
    return plt.subplots(*n_high_and_wide, layout="constrained", **options)[1]


@dataclass(eq=False, repr=False)
class TrainingHistoryDisplay:
    """Plot of training loss, validation loss and learning rate by epoch.

    Create it with `from_estimator`.

    Parameters
    ----------
    history : DataFrame
        The `history_` of an estimator: one row per epoch, or with a column "member" one
        row per epoch and member.

    best_epoch : int, default=None
        Epoch to mark as chosen, counted from 1; None marks none.

    estimator_name : str, default=None
        Title of the plot.

    has_folds : bool, default=False
        Whether folds chose the epoch. The labels of the losses then say that the
        training loss is the final network's, and the validation loss is that of the
        networks of the folds.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the losses.

    rate_ax_ : matplotlib Axes or None
        Axes of the learning rate, on the right; None without one, as for "lbfgs".

    figure_ : matplotlib Figure
        The figure.

    lines_ : dict of str to matplotlib Line2D
        The curves: "loss", and if they exist "validation_loss" and "learning_rate".
        With several members, a curve is their mean, inside a band from the lowest to the
        highest.

    See Also
    --------
    NetworkDisplay : Layers and weights of a fitted network.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknet import SigmoidMLPClassifier, TrainingHistoryDisplay
    >>> model = SigmoidMLPClassifier(max_iter=5, early_stopping=True, random_state=0)
    >>> model = model.fit(*load_iris(return_X_y=True))
    >>> display = TrainingHistoryDisplay.from_estimator(model)
    >>> sorted(display.lines_)
    ['learning_rate', 'loss', 'validation_loss']
    """

    history: pd.DataFrame
    _: KW_ONLY
    best_epoch: int | None = None
    estimator_name: str | None = None
    has_folds: bool = False

    @classmethod
    def from_estimator(cls, estimator: object, *, ax: Any = None, log_scale: bool = False) -> Self:
        """Plot the training history of a fitted estimator.

        Parameters
        ----------
        estimator : SigmoidMLPClassifier, SigmoidMLPRegressor, or a pipeline or search
            The fitted estimator: the last step of a pipeline, the best estimator of a
            search.

        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        log_scale : bool, default=False
            Whether to draw losses on a logarithmic scale.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display.
        """
        inner = inner_estimator(estimator, "history_")
        has_folds = inner.resolved_params_["early_stopping"] == "folds"
        best_epoch = None if inner.validation_scores_ is None else inner.best_epoch_
        display = cls(inner.history_, best_epoch=best_epoch, estimator_name=type(inner).__name__, has_folds=has_folds)
        return display.plot(ax=ax, log_scale=log_scale)

    def plot(self, *, ax: Any = None, log_scale: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        log_scale : bool, default=False
            Whether to draw losses on a logarithmic scale.

        Returns
        -------
        display : TrainingHistoryDisplay
            The display itself.
        """
        self.ax_: Any = new_axes(self) if ax is None else ax
        from matplotlib.ticker import MaxNLocator

        self.figure_: Any = self.ax_.figure
        self.lines_: dict[str, Any] = {
            name: self._curve(self.ax_, name, label + of_network * self.has_folds, color)
            for name, (label, of_network, color) in LOSS_CURVES.items()
            if self.history[name].notna().any()
        }
        handles = [*self.lines_.values()]
        if self.best_epoch is not None:
            # the final network may have trained for fewer epochs than this line shows
            chosen = "epoch chosen by the folds" if self.has_folds else "chosen epoch"
            label = f"{chosen}, {self.best_epoch}"
            handles.append(self.ax_.axvline(self.best_epoch, color="0.4", ls=":", lw=1.2, zorder=0, label=label))
        self.rate_ax_: Any = None
        if self.history["learning_rate"].notna().any():
            self.rate_ax_ = self.ax_.twinx()
            rate = self._curve(self.rate_ax_, "learning_rate", "learning rate", "0.55", linestyle="--", linewidth=1.2)
            self.rate_ax_.set(ylabel="learning rate", ylim=(0.0, None))
            self.rate_ax_.spines["top"].set_visible(False)
            self.lines_["learning_rate"] = rate
            handles.append(rate)
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear")
        if log_scale:
            self.ax_.yaxis.set_major_formatter(tick_label)
            self.ax_.yaxis.set_minor_formatter(tick_label)
        # the legend is between the axes and the title, so that no curve runs through it
        self.ax_.set_title(self.estimator_name or "", pad=12 + 14 * ceil(len(handles) / 2), parse_math=False)
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.ax_.set_xlim(left=0.5)  # the first epoch is number 1
        self.ax_.spines["top"].set_visible(False)
        self.ax_.legend(
            handles=handles, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
            fontsize="small", columnspacing=1.2, handlelength=1.6, borderpad=0.2,
        )  # fmt: skip
        return self

    def _curve(self, ax: Any, name: str, label: str, color: str, **style: Any) -> Any:
        """Draw the mean of a column of the history over the members, in a band from the lowest to the highest."""
        members = [part for _, part in self.history.groupby("member")] if "member" in self.history else [self.history]
        values = pd.concat([part[name].reset_index(drop=True) for part in members], axis=1)
        epochs = values.index + 1
        if len(members) > 1:
            ax.fill_between(epochs, values.min(axis=1), values.max(axis=1), color=color, alpha=0.2, linewidth=0)
        return ax.plot(epochs, values.mean(axis=1), label=label, color=color, **style)[0]


def tick_label(value: float, _: object) -> str:
    """Return a plain number for 1, 2 and 5 times a power of ten, and no text for other ticks."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


@dataclass(eq=False, repr=False)
class NetworkDisplay:
    """Drawing of the layers and weights of a network.

    Circles are inputs, units and outputs. Lines are weights: red if positive, blue if
    negative, stronger if larger. Of a large layer, only the units with the largest
    weights are drawn. Create it with `from_estimator`.

    Parameters
    ----------
    coefs : sequence of arrays of shape (fan_in, fan_out)
        The `coefs_` of an estimator.

    input_names : sequence of str, default=None
        Name of each input.

    output_names : sequence of str, default=None
        Name of each output.

    estimator_name : str, default=None
        Title of the drawing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes of the drawing.

    figure_ : matplotlib Figure
        The figure.

    weights_ : list of matplotlib LineCollection
        The weights of each layer.

    shown_ : list of arrays of int
        Indices of the inputs, units and outputs that are drawn, layer by layer.

    See Also
    --------
    TrainingHistoryDisplay : Losses and learning rate by epoch.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknet import NetworkDisplay, SigmoidMLPClassifier
    >>> model = SigmoidMLPClassifier(5, n_members=1, max_iter=5).fit(*load_iris(return_X_y=True, as_frame=True))
    >>> display = NetworkDisplay.from_estimator(model)
    >>> [len(shown) for shown in display.shown_]
    [4, 5, 3]
    """

    coefs: Sequence[Array]
    _: KW_ONLY
    input_names: Sequence[str] | None = None
    output_names: Sequence[str] | None = None
    estimator_name: str | None = None

    @classmethod
    def from_estimator(cls, estimator: object, *, ax: Any = None, max_units: int = 16) -> Self:
        """Draw the network of a fitted estimator.

        Parameters
        ----------
        estimator : SigmoidMLPClassifier, SigmoidMLPRegressor, or a pipeline or search
            The fitted estimator: the last step of a pipeline, the best estimator of a
            search.

        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        max_units : int, default=16
            Maximum number of circles per layer.

        Returns
        -------
        display : NetworkDisplay
            The display.
        """
        inner = inner_estimator(estimator, "coefs_")
        classes = getattr(inner, "classes_", None)
        names = None
        if isinstance(classes, np.ndarray):  # there is one output per class; of two classes, only the second has one
            names = [str(label) for label in classes[-inner.n_outputs_ :]]
        display = cls(
            inner.coefs_, input_names=list(inner.network_feature_names_), output_names=names,
            estimator_name=type(inner).__name__,
        )  # fmt: skip
        return display.plot(ax=ax, max_units=max_units)

    def plot(self, *, ax: Any = None, max_units: int = 16) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None creates a figure.

        max_units : int, default=16
            Maximum number of circles per layer.

        Returns
        -------
        display : NetworkDisplay
            The display itself.
        """
        check_integer(max_units, "max_units", smallest=1)
        self.shown_: list[Array] = strongest_units(self.coefs, max_units)
        tallest = max(map(len, self.shown_))
        if ax is None:
            size = (2.4 + 1.9 * len(self.shown_), max(2.6, 0.36 * tallest + 1.2))
            ax = new_axes(self, figsize=size)
        self.ax_: Any = ax
        self.figure_: Any = ax.figure
        circles = [
            [(float(x), 0.5 * (len(shown) - 1) - row) for row in range(len(shown))]
            for x, shown in enumerate(self.shown_)
        ]
        self.weights_: list[Any] = [
            plot_connections(ax, W[np.ix_(*shown)] / (np.abs(W).max() or 1.0), product(*ends))
            for W, shown, ends in zip(self.coefs, pairwise(self.shown_), pairwise(circles), strict=True)
        ]
        for names, layer, side, shift in ((self.input_names, 0, "right", -0.09), (self.output_names, -1, "left", 0.09)):
            for unit, (x, y) in zip(self.shown_[layer], circles[layer], strict=True):
                if names is not None:
                    ax.text(x + shift, y, names[unit], ha=side, va="center", fontsize="small", parse_math=False)
        sizes = [len(self.coefs[0]), *(W.shape[1] for W in self.coefs)]
        kinds = ["input", *["unit"] * (len(self.coefs) - 1), "output"]
        for circle, size, kind in zip(circles, sizes, kinds, strict=True):
            ax.scatter(*zip(*circle, strict=True), s=110, color="white", edgecolor="0.25", linewidth=1.1, zorder=3)
            text = f"{len(circle)} of " * (len(circle) < size) + f"{size} {kind}" + "s" * (size > 1)
            ax.text(circle[0][0], -0.5 * tallest - 0.4, text, ha="center", va="top", fontsize="small", color="0.35")
        ax.set_title(self.estimator_name or "", parse_math=False)
        ax.set_axis_off()
        ax.margins(0.06)
        return self


def plot_connections(ax: Any, weights: Array, ends: Iterable[tuple[Any, Any]]) -> Any:
    """Draw a line between the two ends of each weight, all in [-1, 1]; return the lines."""
    from matplotlib.collections import LineCollection

    order = np.argsort(np.abs(weights), axis=None)  # the strongest are drawn last, on top
    sorted_weights = weights.ravel()[order]
    segments = list(np.array(list(ends))[order])
    widths = 0.3 + 2.4 * np.abs(sorted_weights)
    lines = LineCollection(segments, linewidths=widths, array=sorted_weights, cmap=WEIGHT_COLORMAP, clim=(-1.0, 1.0))
    return ax.add_collection(lines)


def strongest_units(coefs: Sequence[Array], max_units: int) -> list[Array]:
    """Return the indices of the inputs, units and outputs with the largest weights, in increasing order.

    The strength of a unit is the norm of its incoming weights times the norm of its outgoing weights.
    """
    incoming = [1.0, *(np.linalg.norm(W, axis=0) for W in coefs)]
    outgoing = [*(np.linalg.norm(W, axis=1) for W in coefs), 1.0]
    strengths = [before * after for before, after in zip(incoming, outgoing, strict=True)]
    return [np.sort(np.argsort(-strength, kind="stable")[:max_units]) for strength in strengths]
