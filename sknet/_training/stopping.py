"""When to stop, and which theta to keep.

Conventions
-----------
score : float     the larger the better; minus the training loss where nothing is held out
stale : int       epochs since the score last rose by `tol` above the best one
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

import numpy.typing as npt

from sknet._training.state import Best, State

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Patience:
    """Count the epochs that bring no improvement of `tol`, and say when there are more than `n_epochs` of them."""

    tol: float
    n_epochs: float = inf

    def observe(self, state: State, score: float) -> bool:
        """Set state.stale, state.best_score; return whether patience has run out."""
        state.stale = state.stale + 1 if not score >= state.best_score + self.tol else 0
        state.best_score = max(state.best_score, score)
        return state.stale > self.n_epochs


def judged(monitor: Callable[[Array], tuple[float, float, Array]], state: State) -> tuple[float, float]:
    """Return the validation loss and score of an epoch. Sets: state.best, if the score is the best so far.

    Of equal ones the latest is kept: a score of few values, such as an
    accuracy, stands still while the loss falls. The first epoch is kept even
    if its score is not a number.
    """
    loss, score, theta = monitor(state.parameters)
    best = state.best
    if best is None or score >= best.score or (isnan(best.score) and not isnan(score)):
        state.best = Best(theta.copy(), score, state.epoch)
    return loss, score
