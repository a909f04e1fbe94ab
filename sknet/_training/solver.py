"""What both solvers are given: the problem that they minimise, and the observer that hears of every epoch.

Conventions
-----------
theta, gradient : (p,), weights first
batch : slice or (b,) array of int     which of the n training samples
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknet._training.state import Evaluate
from sknet._typing import Array, Batch, Gradient


class ValueAndGradient(Protocol):
    """A function to minimise, batch by batch."""

    def __call__(
        self, theta: Array, batch: Batch, out: Array, rng: np.random.Generator | None = None
    ) -> tuple[float, Gradient]:
        """Return the value and the gradient, in the memory of `out`."""


@dataclass(frozen=True)
class Problem:
    """What is to be minimised, as training sees it."""

    objective: ValueAndGradient
    n_samples: int
    n_weights: int  # theta[:n_weights] decays, and has penalties
    penalty: Callable[[Array], float] = lambda theta: 0.0  # missing from values with a sparse gradient
    is_random: bool = False  # whether the objective draws random numbers (dropout)
    project: Callable[[Array, float | Array], None] | None = None  # (theta or its average, step lengths): L1, max_norm
    bounds: tuple[Array, Array] | None = None  # lower and upper, (n_weights,) each: a monotone network's weights
    evaluate: Evaluate | None = None  # validation
    # (batch size, generator to shuffle with) -> the batches of an epoch, of samples that are not held in memory
    batches: Callable[[int, np.random.Generator | None], Iterator[Batch]] | None = None


class EpochObserver(Protocol):
    """Called, in the thread that trains, when an epoch of all networks begins and when it has ended."""

    def epoch_began(self) -> None:
        """Note that an epoch begins."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""
