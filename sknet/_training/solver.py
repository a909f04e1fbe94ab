"""The interface of all solvers: the problem that they minimise, and the observer that they call after every epoch.

Conventions
-----------
theta, gradient : (p,), weights first
batch : slice or (b,) array of int     which of the n training samples
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from sknet._training.result import Result, StopReason
from sknet._training.state import Evaluate, State
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
    project: Callable[[Array, float | Array], None] | None = None  # (theta, step lengths): L1, max_norm
    limit_norms: Callable[[Array], None] | None = (
        None  # the part of `project` that the moving average must obey: max_norm
    )
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


class Solver(Protocol):
    """Minimises a problem, epoch by epoch; a frozen set of settings, whose progress is in a `State`."""

    def init(self, theta: Array, rng: np.random.Generator) -> State:
        """Return the state of a new training that starts at theta, which it takes over."""

    def train(self, problem: Problem, state: State, observer: EpochObserver | None = None) -> Result:
        """Minimise the problem until the epochs are done, the score stops improving, or the observer asks to stop.

        Order of calls, for each epoch: `observer.epoch_began`, `problem.objective`
        for each step, `problem.evaluate`, `observer.epoch_ended`.

        Sets: everything in `state`, in place. A Ctrl-C after the first whole
        epoch ends training with the state of the last whole one; before it,
        the state is put back and KeyboardInterrupt is raised.

        Raises
        ------
        DivergedError
            If the objective or theta is not finite.
        """

    def reason_not_to_resume(self, problem: Problem, state: State) -> StopReason | None:
        """Return why a resumed training has nothing left to do; None if it has."""
