"""A fitted network as a drawing: its layers, the weights between them, and the names of its inputs and outputs."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from sknet._export.display import inner_estimator
from sknet._typing import Array

COLORMAP = "RdBu_r"
"""matplotlib's name of blue for 0, white for 1/2 and red for 1."""


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

    def __init__(
        self,
        coefs: Sequence[Array],
        *,
        input_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        estimator_name: str | None = None,
    ) -> None:
        self.coefs = coefs
        self.input_names = input_names
        self.output_names = output_names
        self.estimator_name = estimator_name

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
        classes, n_outputs = getattr(inner, "classes_", None), inner.n_outputs_
        names: Sequence[str] | None = None
        if isinstance(classes, np.ndarray):  # one output per class, or one for two classes
            names = [str(label) for label in (classes if n_outputs == len(classes) else classes[-n_outputs:])]
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
        import matplotlib.pyplot as plt

        if max_units < 1:
            raise ValueError(f"max_units={max_units!r}: draw at least one circle of a layer.")
        self.shown_: list[Array] = strongest_units(self.coefs, max_units)
        tallest = max(len(shown) for shown in self.shown_)
        if ax is None:
            size = (2.4 + 1.9 * len(self.shown_), max(2.6, 0.36 * tallest + 1.2))
            ax = plt.subplots(figsize=size, layout="constrained")[1]
        self.ax_: Any = ax
        self.figure_: Any = ax.figure
        positions = [_positions(column, len(shown)) for column, shown in enumerate(self.shown_)]
        self.weights_: list[Any] = [self._draw_weights(layer, positions) for layer in range(len(self.coefs))]
        for position in positions:
            ax.scatter(*position.T, s=110, color="white", edgecolor="0.25", linewidth=1.1, zorder=3)
        self._write_names(positions)
        self._write_sizes(tallest)
        ax.set_title(self.estimator_name or "", parse_math=False)
        ax.set_axis_off()
        ax.margins(0.06)
        return self

    def _draw_weights(self, layer: int, positions: list[Array]) -> Any:
        """Draw the weights between two layers."""
        from matplotlib import colormaps
        from matplotlib.collections import LineCollection

        weights = self.coefs[layer][np.ix_(self.shown_[layer], self.shown_[layer + 1])].ravel()
        largest = max(float(np.abs(self.coefs[layer]).max()), np.finfo(float).tiny)
        strength = np.abs(weights) / largest
        start = np.repeat(positions[layer], len(positions[layer + 1]), axis=0)
        end = np.tile(positions[layer + 1], (len(positions[layer]), 1))
        colors = colormaps[COLORMAP](0.5 + 0.5 * weights / largest)
        colors[:, 3] = np.clip(0.12 + strength, 0.0, 1.0)  # opacity: even the weakest can be seen
        order = np.argsort(strength)  # drawn last, the strongest lie on top
        lines = LineCollection(
            list(np.stack([start, end], axis=1)[order]), colors=colors[order], linewidths=(0.3 + 2.4 * strength)[order]
        )
        self.ax_.add_collection(lines)
        return lines

    def _write_names(self, positions: list[Array]) -> None:
        """Write the inputs' names on the left, the outputs' on the right."""
        for names, column, side, shift in (
            (self.input_names, 0, "right", -0.09),
            (self.output_names, -1, "left", 0.09),
        ):
            if names is None:
                continue
            for unit, (x, y) in zip(self.shown_[column], positions[column], strict=True):
                self.ax_.text(
                    x + shift, y, names[unit], ha=side, va="center", fontsize="small", parse_math=False
                )  # a "$" is one

    def _write_sizes(self, tallest: int) -> None:
        """Write below each layer what it is, and how much of it is shown."""
        sizes = [self.coefs[0].shape[0], *(W.shape[1] for W in self.coefs)]
        for column, (size, shown) in enumerate(zip(sizes, self.shown_, strict=True)):
            kind = "inputs" if column == 0 else "outputs" if column == len(self.coefs) else "units"
            what = f"{size} {kind if size != 1 else kind[:-1]}"
            if len(shown) < size:
                what = f"{len(shown)} of {what}"
            self.ax_.text(column, -0.5 * tallest - 0.4, what, ha="center", va="top", fontsize="small", color="0.35")


def strongest_units(coefs: Sequence[Array], max_units: int) -> list[Array]:
    """Return which inputs, units and outputs have the largest weights, in their order.

    A unit needs large weights on both sides: what counts is the product of their norms.
    """
    strengths = [np.abs(coefs[0]).sum(axis=1)]
    for before, after in pairwise(coefs):
        strengths.append(np.linalg.norm(before, axis=0) * np.linalg.norm(after, axis=1))
    strengths.append(np.abs(coefs[-1]).sum(axis=0))
    return [np.sort(np.argsort(-strength, kind="stable")[:max_units]) for strength in strengths]


def _positions(column: int, n: int) -> Array:
    """Return where the circles of a layer lie, (n, 2), from top to bottom."""
    return np.stack([np.full(n, float(column)), 0.5 * (n - 1) - np.arange(n)], axis=1)
