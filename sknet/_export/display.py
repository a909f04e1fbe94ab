"""The history of a fit as a plot."""

from collections.abc import Sequence
from math import ceil
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

LOSS_STYLES = {"loss": ("training loss", "C0"), "validation_loss": ("validation loss", "C1")}
"""Label and colour of each loss, by the columns of `history_`."""

NETWORKS = {"loss": " of the final network", "validation_loss": " of the folds' networks"}
"""What the labels add with folds, because the two losses are then those of different networks."""

INSIDE = ("best_estimator_", "regressor_", "estimator_", "_final_estimator")
"""Where searches, `TransformedTargetRegressor`, other wrappers and pipelines keep what they have fitted."""


class HasHistory(Protocol):
    """A fitted estimator: the attributes that tell which epochs were kept."""

    history_: pd.DataFrame
    loss_curve_: list[float]
    validation_scores_: list[float] | None
    n_iter_: int
    best_epoch_: int
    resolved_params_: dict[str, object]


def inner_estimator(estimator: object, attribute: str) -> Any:
    """Return the fitted estimator with an attribute: this one, or one in a pipeline, a search or another wrapper."""
    inner: object = estimator
    while not hasattr(type(inner), attribute):
        inside = [name for name in INSIDE if hasattr(inner, name)]
        if not inside:
            raise TypeError(
                f"{type(estimator).__name__} holds no fitted SigmoidMLPClassifier or SigmoidMLPRegressor: pass one of "
                "these, or a fitted pipeline or search that ends with one (a search needs refit=True)."
            )
        inner = getattr(inner, inside[0])
    check_is_fitted(inner)
    return inner


class TrainingHistoryDisplay:
    """Plot of training loss, validation loss and learning rate by epoch.

    Create it with `from_estimator`.

    Parameters
    ----------
    history : DataFrame
        The `history_` of an estimator: one row per epoch, or with a column "member" one
        row per epoch and member.

    best_epochs : sequence of int, default=None
        Epochs to mark as chosen, counted from 1. None marks the epoch with the best
        validation score of each member.

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
        With several members, a curve is the mean of those still training, inside a band
        from the lowest to the highest.

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

    def __init__(
        self,
        history: pd.DataFrame,
        *,
        best_epochs: Sequence[int] | None = None,
        estimator_name: str | None = None,
        has_folds: bool = False,
    ) -> None:
        self.history = history
        self.best_epochs = best_epochs
        self.estimator_name = estimator_name
        self.has_folds = has_folds

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
        display = cls(
            inner.history_, best_epochs=epochs_to_mark(inner), estimator_name=type(inner).__name__,
            has_folds=chosen_by_folds(inner),
        )  # fmt: skip
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
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        self.ax_: Any = plt.subplots(layout="constrained")[1] if ax is None else ax
        self.rate_ax_: Any = None
        self.figure_: Any = self.ax_.figure
        has_members = "member" in self.history
        self._members = [part for _, part in self.history.groupby("member")] if has_members else [self.history]
        self.lines_: dict[str, Any] = {
            name: self._curve(self.ax_, name, label + NETWORKS[name] * self.has_folds, color)
            for name, (label, color) in LOSS_STYLES.items()
            if self._has_values(name)
        }
        handles = [*self.lines_.values(), *self._best_epochs()]
        if self._has_values("learning_rate"):
            self.rate_ax_ = self.ax_.twinx()
            rate = self._curve(self.rate_ax_, "learning_rate", "learning rate", "0.55", linestyle="--", linewidth=1.2)
            self.rate_ax_.set(ylabel="learning rate", ylim=(0.0, None))
            self.rate_ax_.spines["top"].set_visible(False)
            self.lines_["learning_rate"] = rate
            handles.append(rate)
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear")
        if log_scale:
            for set_formatter in self.ax_.yaxis.set_major_formatter, self.ax_.yaxis.set_minor_formatter:
                set_formatter(tick_label)
        # the legend lies between: no curve runs through it
        self.ax_.set_title(self.estimator_name or "", pad=12 + 14 * ceil(len(handles) / 2), parse_math=False)
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True))
        self.ax_.set_xlim(left=0.5)  # the first epoch is number 1
        self.ax_.spines["top"].set_visible(False)
        self.ax_.legend(
            handles=handles, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2,
            fontsize="small", columnspacing=1.2, handlelength=1.6, borderpad=0.2,
        )  # fmt: skip
        return self

    def _has_values(self, name: str) -> bool:
        """Whether a column of the history has any number."""
        return bool(self.history[name].notna().any())

    def _curve(self, ax: Any, name: str, label: str, color: str, **style: Any) -> Any:
        """Draw a column of the history: its mean over the members, and how far they spread."""
        columns = [part[name].reset_index(drop=True) for part in self._members]
        values = pd.concat(columns, axis=1)  # NaN where a member has ended before
        epochs = values.index + 1
        if len(columns) > 1:
            ax.fill_between(epochs, values.min(axis=1), values.max(axis=1), color=color, alpha=0.2, linewidth=0)
        return ax.plot(epochs, values.mean(axis=1), label=label, color=color, **style)[0]

    def _best_epochs(self) -> list[Any]:
        """Mark the epochs whose weights were kept; return what the legend shows of it."""
        found = map(best_epoch, self._members) if self.best_epochs is None else self.best_epochs
        epochs = sorted({epoch for epoch in found if epoch is not None})
        lines = [self.ax_.axvline(epoch, color="0.4", linestyle=":", linewidth=1.2, zorder=0) for epoch in epochs]
        if not lines:
            return []
        lines[0].set_label(f"chosen epoch, {epochs[0]}" if len(epochs) == 1 else "chosen epochs")
        return lines[:1]


def epochs_to_mark(estimator: HasHistory) -> list[int] | None:
    """Return the epochs of `history_`, from 1, whose weights were kept; None for the best one of each member."""
    if estimator.validation_scores_ is None:
        return []
    if "member" in estimator.history_ and not chosen_by_folds(estimator):
        return None
    n_before = len(estimator.loss_curve_) - estimator.n_iter_  # epochs of earlier calls, which a warm start has
    return [n_before + estimator.best_epoch_]


def chosen_by_folds(estimator: HasHistory) -> bool:
    """Whether folds chose the epoch."""
    return estimator.resolved_params_["early_stopping"] == "folds"


def tick_label(value: float, _: object) -> str:
    """Label 1, 2 and 5 times a power of ten, as plain numbers."""
    return f"{value:g}" if f"{value:e}"[0] in "125" else ""


def best_epoch(history: pd.DataFrame) -> int | None:
    """Return the epoch, counted from 1, whose weights were kept, as far as a history tells; None for none evaluated."""
    scores, losses = history["validation_score"].to_numpy(), history["loss"].to_numpy()
    if np.isnan(scores).all():  # a scorer gave no number: the loss has decided
        scores = -history["validation_loss"].to_numpy()
    if np.isnan(scores).all():
        return None
    if np.isnan(losses).any():  # folds have trained for longer than the network that they chose the epoch for
        return int(np.flatnonzero(~np.isnan(losses))[-1]) + 1
    return int(np.flatnonzero(scores == np.nanmax(scores))[-1]) + 1  # of equal ones, training keeps the last
