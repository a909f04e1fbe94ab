"""The history of a fit as a plot."""

from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class HasHistory(Protocol):
    """A fitted estimator, as far as it is read here."""

    @property
    def history_(self) -> "pd.DataFrame":
        """One row per epoch."""


class TrainingHistoryDisplay:
    """Training loss, validation loss and learning rate, epoch by epoch.

    Make one with `from_estimator`.

    Parameters
    ----------
    history : DataFrame
        As the estimators' `history_`: one row per epoch.

    estimator_name : str, default=None
        Shown as the title.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the losses are drawn.

    rate_ax_ : matplotlib Axes
        Where the learning rate is drawn, on the right.

    figure_ : matplotlib Figure
        The figure of both.

    lines_ : dict of str to matplotlib Line2D
        The curves by their names: "loss", "validation_loss" where rows were
        held out, "learning_rate" where there is one.
    """

    def __init__(self, history: "pd.DataFrame", *, estimator_name: str | None = None) -> None:
        self.history = history
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator: HasHistory, *, ax: Any = None, log_scale: bool = False) -> Self:
        """Plot the history of a fitted estimator.

        Parameters
        ----------
        estimator : SigmoidMLPClassifier or SigmoidMLPRegressor
            A fitted one.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        log_scale : bool, default=False
            Whether losses are drawn on a logarithmic scale.

        Returns
        -------
        display : TrainingHistoryDisplay
            With the drawn lines.
        """
        display = cls(estimator.history_, estimator_name=type(estimator).__name__)
        return display.plot(ax=ax, log_scale=log_scale)

    def plot(self, *, ax: Any = None, log_scale: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        log_scale : bool, default=False
            Whether losses are drawn on a logarithmic scale.

        Returns
        -------
        display : TrainingHistoryDisplay
            This one.
        """
        import matplotlib.pyplot as plt

        self.ax_ = plt.subplots()[1] if ax is None else ax
        self.rate_ax_, self.figure_ = self.ax_.twinx(), self.ax_.figure
        self.lines_ = self._losses() | self._rate()
        self.ax_.set(xlabel="epoch", ylabel="loss", yscale="log" if log_scale else "linear", title=self.estimator_name)
        self.rate_ax_.set(ylabel="learning rate", ylim=(0.0, None))
        self.ax_.legend(handles=list(self.lines_.values()), frameon=False)
        return self

    def _losses(self) -> dict[str, Any]:
        """Draw the losses, and mark the best validation epoch."""
        names = {"loss": "training", "validation_loss": "validation"}
        there = {name: label for name, label in names.items() if self.history[name].notna().any()}
        lines = {
            name: self.ax_.plot(self.history.index, self.history[name], label=label)[0] for name, label in there.items()
        }
        if self.history["validation_score"].notna().any():
            scores = self.history["validation_score"].to_numpy()
            best = np.flatnonzero(scores == np.nanmax(scores))[-1]  # of equal ones, training keeps the last
            self.ax_.axvline(float(best), color="0.7", linestyle=":", zorder=0)
        return lines

    def _rate(self) -> dict[str, Any]:
        """Draw the learning rate."""
        rate = self.history["learning_rate"]
        if rate.isna().all():  # L-BFGS
            return {}
        (line,) = self.rate_ax_.plot(rate.index, rate, color="0.6", linestyle="--", label="learning rate")
        return {"learning_rate": line}
