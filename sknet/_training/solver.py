"""What solvers have in common, and what they are given: the problem, and the observer that hears of every epoch.

Conventions
-----------
theta, gradient : (p,), weights first; with input gains (p + d,), see `minibatch`
batch : slice or (b,) array of int     which of the n training samples
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from typing import ClassVar, Protocol, Self

import numpy as np

from sknet._training.solver import Evaluate, State, StopReason, TrainingEnd
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
    n_inputs: int = 0  # d, whose weights, a row for each, are theta[first_input_weight:n_weights]
    first_input_weight: int = 0
    penalty: Callable[[Array], float] = lambda theta: 0.0  # missing from values with a sparse gradient
    is_random: bool = False  # whether the objective draws random numbers (dropout)
    l1: float = 0.0  # strength of an L1 penalty, where neither the objective nor `proximal_step` has it
    # L1 and max_norm, after each step: (theta or its average, step lengths)
    proximal_step: Callable[[Array, float | Array], None] | None = None
    bounds: tuple[Array, Array] | None = None  # lower and upper, (n_weights,) each, between which the weights stay
    evaluate: Evaluate | None = None  # validation
    # (batch size, generator to shuffle with) -> the batches of an epoch, of samples that are not held in memory
    batches: Callable[[int, np.random.Generator | None], Iterator[Batch]] | None = None

    def rows_of_inputs(self, vector: Array) -> Array:
        """Return the first layer's weights in theta, or what belongs to them in a vector like it, as a view: (d, h)."""
        return vector[self.first_input_weight : self.n_weights].reshape(self.n_inputs, -1)


class EpochObserver(Protocol):
    """Called, in the thread that trains, when an epoch of all networks begins and when it has ended."""

    def epoch_began(self) -> None:
        """Note that an epoch begins."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""


@dataclass(frozen=True, kw_only=True)
class Solver(ABC):
    """The settings of a training, the same for all networks side by side."""

    # steps along the gradient, at a learning rate, L1 a proximal step after each: only these train an epoch of several
    # networks at a time, and resume from a `State` as if training had not stopped
    is_first_order: ClassVar[bool]
    needs_all_rows: ClassVar[bool]  # for every step

    n_epochs: int  # those already done included
    tol: float  # what counts as an improvement of the score or the training loss
    n_iter_no_change: float = inf  # epochs to wait for one
    end_reason: StopReason = StopReason.MAX_ITER  # once all epochs are used: FINISHED for a schedule with an end

    @property
    def learns_gains(self) -> bool:
        """Whether it learns input gains, for which it needs whole gradients."""
        return False

    @abstractmethod
    def samples_per_step(self, n_samples: int) -> int:
        """Return how many of all samples a step takes."""

    @abstractmethod
    def init(self, theta: Array, rng: np.random.Generator, n_inputs: int = 0) -> State:
        """Return the first state of a training that starts at theta, of a network with so many inputs."""

    def with_epochs(self, n_epochs: int, share: float) -> Self:
        """Return the solver for another number of epochs, which are a share of those that it has planned for."""
        return replace(self, n_epochs=n_epochs)

    def with_l1(self, l1: float) -> Self:
        """Return the solver for a problem with an L1 penalty of this strength."""
        return self

    @abstractmethod
    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: EpochObserver | None = None,
        n_threads: int = 1,
    ) -> list[TrainingEnd]:
        """Minimise each problem from its state, until it ends or the observer asks to stop.

        Sets: the states, in place. A Ctrl-C after the first whole epoch ends training
        with the states of the last whole ones; before it, KeyboardInterrupt is
        raised, and the states are those of whole epochs.

        Raises
        ------
        DivergedError
            If an objective or a theta is not finite.
        """

    def reason_not_to_resume(self, problem: Problem, state: State) -> StopReason | None:
        """Return why a resumed training has nothing left to do; None if it has, or begins with this state."""
        if not state.history:  # as in `partial_fit`, which always trains an epoch
            return None
        return self.reason_to_stop_early(problem, state) or (self.end_reason if state.epoch >= self.n_epochs else None)

    def reason_to_stop_early(self, problem: Problem, state: State) -> StopReason | None:
        """Return why to stop early: no better score (`early_stopping`) or loss for too many epochs; else None."""
        if state.n_no_improvement <= self.n_iter_no_change:
            return None
        return StopReason.LOSS_PLATEAU if problem.evaluate is None else StopReason.SCORE_PLATEAU
