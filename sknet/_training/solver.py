"""What a solver is given, changes and returns: the problem, the state of a network in training, and how training ended.

The whole state is in `State`, so that it can be copied, stored and resumed bit for bit. Early stopping is there too,
because a checkpoint must hold its counters and the best epoch.

Conventions
-----------
theta, gradient : (p,), weights first; with input gains (p + d,), see `loop`
moments : arrays of shape (p,)
batch : slice or (b,) array of int     which of the n training samples
score : float      the larger the better; minus the training loss where there is no validation
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from math import inf, isnan, nan
from time import perf_counter
from typing import ClassVar, NamedTuple, Protocol, Self, TypeAlias

import numpy as np

from sknet._typing import Array, Batch, ValueAndGradient

# --- what training returns --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Epoch:
    """What is recorded of one epoch; NaN is what it does not have."""

    loss: float = nan  # mean over the epoch's batches, the penalty included; only folds may have trained that long
    validation_loss: float = nan  # without validation there is none, and no score
    validation_score: float = nan
    learning_rate: float = nan  # of the last step; L-BFGS has none
    gradient_norm: float = nan  # of the last step, before it is clipped
    seconds: float = 0.0


class StopReason(Enum):
    """Why training ended; the value is the sentence for the user, with the names of parameters to be filled in."""

    FINISHED = "All epochs of the schedule are done."
    MAX_ITER = "Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet."
    LOSS_PLATEAU = "Training loss did not improve more than tol={tol:f} for {n_iter_no_change} consecutive epochs."
    SCORE_PLATEAU = "Validation score did not improve more than tol={tol:f} for {n_iter_no_change} consecutive epochs."
    CALLBACK = "A callback asked to stop."
    INTERRUPTED = "Training interrupted by user."
    CONVERGED = "The gradient or the decrease of the objective is below tol={tol:g}."
    LINE_SEARCH = "L-BFGS ended early."


@dataclass(frozen=True)
class TrainingEnd:
    """How training ended, and after how many epochs, those of earlier calls included."""

    reason: StopReason
    epochs_done: int
    message: str = ""  # SciPy's, of L-BFGS
    scores_undefined: bool = False  # epochs were evaluated, and no score was a number


class DivergedError(ArithmeticError):
    """The objective or theta is no longer finite."""

    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__(f"not finite in epoch {epoch} at rate {rate:g}")
        self.epoch, self.rate = epoch, rate


# --- the state of one network in training -----------------------------------------------------------------------------


class EpochEvaluation(NamedTuple):
    """What held-out rows tell of an epoch."""

    validation_loss: float
    score: float
    theta: Array  # as evaluated, which is the one to keep
    temperature: float = 1.0  # that is in theta


Evaluate: TypeAlias = Callable[[Array], EpochEvaluation]
"""theta -> what held-out rows tell of it."""


@dataclass(frozen=True)
class Best:
    """The parameters of the best epoch so far; replaced as a whole, never written to."""

    theta: Array
    score: float
    validation_loss: float
    epoch: int  # counted from 1
    temperature: float = 1.0  # that is in theta


def epoch_rank(score: float, validation_loss: float) -> tuple[int, float]:
    """Return what epochs are compared by: any score comes before any loss, and any loss before none at all."""
    if not isnan(score):
        return 2, score
    return (0, 0.0) if isnan(validation_loss) else (1, -validation_loss)


@dataclass
class State:
    """The training of one network: what has been learnt, remembered and recorded."""

    theta: Array
    moments: tuple[Array, ...]
    rng: np.random.Generator
    step: int = 0  # optimizer steps taken
    epoch: int = 0  # whole epochs done
    n_samples_seen: int = 0  # training samples seen in them
    n_plateaus: int = 0  # how often the schedule `adaptive` has lowered the rate
    n_no_improvement: int = 0  # epochs since the score last rose by `tol` above the best one
    best_score: float = -inf  # what `n_no_improvement` counts from; without validation minus the least training loss
    best: Best | None = None  # the epoch to keep; None without validation
    average: Array | None = None  # moving average of theta, where one is kept
    history: list[Epoch] = field(default_factory=list)

    @property
    def parameters(self) -> Array:
        """What is evaluated and kept: the moving average where there is one, else theta."""
        return self.theta if self.average is None else self.average

    @property
    def vectors_like_theta(self) -> list[Array]:
        """Theta, the moments and, if there is one, the average: whatever is as long as theta."""
        return [self.theta, *self.moments] if self.average is None else [self.theta, *self.moments, self.average]

    @property
    def scores_undefined(self) -> bool:
        """Whether epochs were evaluated, and none of their scores was a number."""
        return self.best is not None and isnan(self.best.score)

    # --- after an epoch --------------------------------------------------------------------------------------------

    def evaluate_epoch(self, evaluate: Evaluate | None, training_loss: float, tol: float) -> tuple[float, float]:
        """Return the validation loss and score of an epoch, NaN without validation.

        Of equal scores the latest is kept: a score of few values, such as an
        accuracy, often stays the same while the loss falls. As long as no score is a
        number, the lowest validation loss is the best.

        Sets: best, if this epoch is; n_no_improvement and best_score, by whether it improved by `tol`.
        """
        loss, score, compared = nan, nan, -training_loss
        if evaluate is not None:
            loss, score, theta, temperature = evaluate(self.parameters)
            compared = score
            if self.best is None or epoch_rank(score, loss) >= epoch_rank(self.best.score, self.best.validation_loss):
                self.best = Best(theta.copy(), score, loss, self.epoch, temperature)
        # a score that is not a number improves on nothing, hence `not >=`
        self.n_no_improvement = self.n_no_improvement + 1 if not compared >= self.best_score + tol else 0
        self.best_score = max(self.best_score, compared)
        return loss, score

    def record_epoch(
        self, evaluate: Evaluate | None, n_samples: int, tol: float, started: float, *,
        loss: float, gradient_norm: float, learning_rate: float = nan,
    ) -> None:  # fmt: skip
        """Count and evaluate an epoch of `n_samples`, which has begun when `perf_counter` was at `started`.

        Sets: the history, what has been counted, and what `evaluate_epoch` sets.
        """
        self.epoch += 1
        self.n_samples_seen += n_samples
        validation_loss, score = self.evaluate_epoch(evaluate, loss, tol)
        seconds = perf_counter() - started
        self.history.append(Epoch(loss, validation_loss, score, learning_rate, gradient_norm, seconds))

    # --- from a file -------------------------------------------------------------------------------------------------

    def refuse_other(self, first: Self) -> None:
        """Raise a ValueError if this is not the state of a training that begins with `first`."""
        types, first_types = ([(v.shape, v.dtype) for v in one.vectors_like_theta] for one in (self, first))
        if types != first_types or (self.best is not None and self.best.theta.shape != first.theta.shape):
            raise ValueError("its arrays are not those of its network")
        if self.epoch != len(self.history):
            raise ValueError("its history is not that of its epochs")

    # --- copies ------------------------------------------------------------------------------------------------------

    def copy(self) -> Self:
        """Return a copy whose arrays and generator are its own, in a time that depends on the arrays alone."""
        return replace(
            self,
            theta=self.theta.copy(),
            moments=tuple(moment.copy() for moment in self.moments),
            rng=deepcopy(self.rng),
            best=None if self.best is None else replace(self.best, theta=self.best.theta.copy()),
            average=None if self.average is None else self.average.copy(),
            history=self.history.copy(),
        )


# numbers, and `Best`, which is never written to: a reference to it is as good as a copy
_REMEMBERED = [f.name for f in fields(State) if f.name not in {"theta", "moments", "average", "rng", "history"}]


class Snapshot:
    """The state at the end of the last whole epoch, in buffers made once.

    An interrupt may come at any moment, in the middle of `take` as well: the
    buffers are then torn, but the state that was being copied is whole.
    """

    def __init__(self, state: State) -> None:
        self._copies = list(map(np.empty_like, state.vectors_like_theta))
        self.take(state)

    def take(self, state: State) -> None:
        """Copy the state into the buffers."""
        self._torn = True
        for mine, theirs in zip(self._copies, state.vectors_like_theta, strict=True):
            np.copyto(mine, theirs)
        values = {name: getattr(state, name) for name in _REMEMBERED}
        self._others = values, state.rng.bit_generator.state, len(state.history)
        self._torn = False

    def restore(self, state: State) -> None:
        """Put the state back to what it was when it was last taken."""
        if self._torn:  # interrupted in `take`: the state is still that of the epoch's end
            return
        for mine, theirs in zip(self._copies, state.vectors_like_theta, strict=True):
            np.copyto(theirs, mine)
        values, state.rng.bit_generator.state, n_recorded = self._others
        del state.history[n_recorded:]
        vars(state).update(values)


# --- the problem, the observer and the solver -------------------------------------------------------------------------


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

    # steps along the gradient of a batch, at a learning rate, L1 a proximal step after each: only these train an epoch
    # of several networks at a time, and resume from a `State` as if training had not stopped; others need all rows for
    # every step
    is_first_order: ClassVar[bool]

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
