"""What a solver takes, changes and returns: the problem, the state of a network in training, and how training ended.

`State` is the whole state, so that it can be copied, stored and resumed bit for bit. It includes early stopping,
because a checkpoint must contain its counters and the weights of the best epoch. After each epoch of all networks side
by side, the phase evaluates them together, and the solver counts how long they have not improved: see `patience.py`.

Conventions
-----------
theta, gradient : (p,), weights first; with input gains (p + d,), see `gains.py`
moments : arrays of shape (p,)
batch : slice or (b,) array of int     which of the n training samples
criterion : float      the lower the better, NaN if unknown; the training loss where nothing evaluates the epochs
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from math import inf, isnan, nan
from typing import Any, ClassVar, Self

import numpy as np

from sknet._training.gains import GainedInputs
from sknet._training.patience import Patience
from sknet._training.proximal import ProximalTerms
from sknet._typing import Array, Batch, ValueAndGradient

# --- what training returns --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Epoch:
    """The record of one epoch. Values that it does not have are NaN."""

    loss: float = nan  # mean over the epoch's batches, with the penalty
    validation_loss: float = nan  # NaN without validation, like the score
    validation_score: float = nan
    learning_rate: float = nan  # of the last step; L-BFGS has none
    gradient_norm: float = nan  # of the last step, before it is clipped
    seconds: float = 0.0


@dataclass(frozen=True)
class BestEpoch:
    """The best epoch so far, and what is kept of it.

    An accuracy often stays the same while the loss still falls, so the last of equal epochs is the best.
    """

    epoch: int = 0  # from 1; 0 before the first epoch
    kept: Array | None = None
    score: float = nan  # the higher the better; NaN if unknown
    loss: float = nan  # counts if all scores are NaN

    @property
    def rank(self) -> tuple[int, float]:
        """A sort key, the best epoch last: by score; without a score by loss; epochs without either come first."""
        if not isnan(self.score):
            return 2, self.score
        return (0, 0.0) if isnan(self.loss) else (1, -self.loss)

    def updated_by(self, later: "BestEpoch") -> "BestEpoch":
        """Return a later epoch unless this one is better."""
        return later if later.rank >= self.rank else self


class EndReason(Enum):
    """Why training ended."""

    FINISHED = auto()  # the schedule has ended
    MAX_ITER = auto()
    LOSS_PLATEAU = auto()
    SCORE_PLATEAU = auto()
    CALLBACK = auto()
    INTERRUPTED = auto()
    CONVERGED = auto()
    LINE_SEARCH = auto()


@dataclass(frozen=True)
class TrainingEnd:
    """How training ended."""

    reason: EndReason
    epochs_done: int  # including those of earlier calls
    message: str = ""  # from SciPy, if it ended L-BFGS
    callback_asked: bool = False  # whether an observer has asked to stop after the last epoch, whatever the reason

    @property
    def is_by_user(self) -> bool:
        """Whether an interrupt or a callback has ended it."""
        return self.reason in (EndReason.INTERRUPTED, EndReason.CALLBACK)


class DivergedError(ArithmeticError):
    """The objective or theta is no longer finite."""

    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__(f"not finite in epoch {epoch} at rate {rate:g}")
        self.epoch = epoch
        self.rate = rate


# --- the state of one network in training -----------------------------------------------------------------------------


@dataclass
class ThetaAndMoments:
    """What a step moves: theta, its moments and its average, or the same part of each of them."""

    theta: Array
    moments: tuple[Array, ...]
    average: Array | None = field(default=None, kw_only=True)  # moving average of theta, where one is kept

    @property
    def arrays(self) -> list[Array]:
        """Theta, its moments and its average, if there is one."""
        return [self.theta, *self.moments] if self.average is None else [self.theta, *self.moments, self.average]

    def map(self, function: Callable[[Array], Array]) -> "ThetaAndMoments":
        """Return the value of the function for each of these arrays."""
        average = None if self.average is None else function(self.average)
        return ThetaAndMoments(function(self.theta), tuple(map(function, self.moments)), average=average)


@dataclass
class State(ThetaAndMoments):
    """The state of one network in training: parameters, moments, random numbers, counters and history."""

    rng: np.random.Generator
    step: int = 0  # optimizer steps taken
    epoch: int = 0  # whole epochs done
    n_samples_seen: int = 0  # training samples in these epochs
    n_plateaus: int = 0  # how often the schedule `adaptive` has lowered the rate
    n_no_improvement: int = 0  # epochs since the criterion last improved, see `Patience`
    least_criterion: float = inf  # the least one so far
    best: BestEpoch = BestEpoch()  # keeps `averaged_theta` if evaluations are recorded
    history: list[Epoch] = field(default_factory=list)

    @property
    def averaged_theta(self) -> Array:
        """The moving average of theta if there is one, else theta: what is evaluated after an epoch."""
        return self.theta if self.average is None else self.average

    @property
    def theta_to_publish(self) -> Array:
        """The result of training so far: that of the best epoch with validation, else `averaged_theta`."""
        return self.averaged_theta if self.best.kept is None else self.best.kept

    @property
    def scores_undefined(self) -> bool:
        """Whether epochs were evaluated, and all scores were NaN."""
        return self.best.epoch > 0 and isnan(self.best.score)

    # --- after an epoch --------------------------------------------------------------------------------------------

    def record_epoch(self, n_samples: int, record: Epoch) -> None:
        """Count an epoch, and append it to the history."""
        self.epoch += 1
        self.n_samples_seen += n_samples
        self.history.append(record)

    def record_evaluation(self, loss: float, score: float) -> None:
        """Add the figures of held-out rows to the last epoch, and keep its weights if it is the best."""
        self.history[-1] = replace(self.history[-1], validation_loss=loss, validation_score=score)
        last = BestEpoch(len(self.history), score=score, loss=loss)
        if self.best.updated_by(last) is last:
            self.best = replace(last, kept=self.averaged_theta.copy())

    # --- from a file -------------------------------------------------------------------------------------------------

    def check_same_kind(self, first: Self) -> None:
        """Raise a ValueError if training that begins with `first` cannot have led to this state."""
        types, first_types = ([(v.shape, v.dtype) for v in state.arrays] for state in (self, first))
        if types != first_types or (self.best.kept is not None and self.best.kept.shape != first.theta.shape):
            raise ValueError("its arrays are not those of its network")
        if self.epoch != len(self.history):
            raise ValueError("its history is not that of its epochs")

    # --- copies ------------------------------------------------------------------------------------------------------

    def copy(self) -> Self:
        """Return a copy that shares no generator and no array that changes."""
        return replace(self._copy_of_all_but_rng(), rng=deepcopy(self.rng))

    def _copy_of_all_but_rng(self) -> Self:
        """Return a copy that shares the generator, but no array that changes."""
        return replace(self, **vars(self.map(np.copy)), history=self.history.copy())

    def snapshot(self) -> tuple[Self, Any]:
        """Return what `restore` needs to undo later changes. It is taken after each epoch, so it must be fast."""
        return self._copy_of_all_but_rng(), self.rng.bit_generator.state  # copying the generator takes much longer

    def restore(self, snapshot: tuple[Self, Any]) -> None:
        """Overwrite the state with a snapshot of it, which must not be used again.

        The arrays are other ones afterwards: a loop that holds views of them must not train any more.
        """
        earlier, rng_state = snapshot
        vars(self).update(vars(earlier))
        self.rng.bit_generator.state = rng_state


# --- the problem, the observer and the solver -------------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """What a solver minimises, with penalties and constraints."""

    objective: ValueAndGradient
    n_samples: int
    n_weights: int  # penalties and weight decay act on theta[:n_weights]
    # (batch size, generator to shuffle with) -> the batches of an epoch, each valid until the next one is asked for
    batches: Callable[[int, np.random.Generator | None], Iterator[Batch]]
    gained_inputs: GainedInputs | None = None  # None if the solver learns no gains
    proximal: ProximalTerms = field(default_factory=ProximalTerms)
    penalty: Callable[[Array], float] = lambda w: 0.0  # of the weights; left out of the value of a sparse gradient
    has_sparse_gradients: bool = False  # whether the gradient of a batch may be a `SparseGradient`
    is_random: bool = False  # whether the objective draws random numbers, for dropout


class Observer:
    """Called, in the thread that trains, when an epoch of all networks begins and ends, and when a fit has ended.

    By default, its methods do nothing.
    """

    def epoch_began(self) -> None:
        """Note that an epoch begins."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""
        return False

    def fit_ended(self, fitted: Any) -> None:
        """Note the result of the fit. It is not published yet, so an error here changes nothing."""


NO_OBSERVER = Observer()
"""An observer that never stops training."""


class Evaluation(ABC):
    """Evaluates an epoch of all networks together, by rows that they are not trained on."""

    @abstractmethod
    def evaluate_epoch(self) -> float:
        """Return the criterion of the last epoch. It may record it in the states, or in itself."""

    @abstractmethod
    def snapshot(self) -> Any:
        """Return what `restore` needs to undo later evaluations, except for what they record in the states."""

    @abstractmethod
    def restore(self, snapshot: Any) -> None:
        """Undo what was evaluated since a snapshot."""


@dataclass(frozen=True, kw_only=True)
class Solver(ABC):
    """The settings of training, which are the same for all networks side by side."""

    # whether a step needs only a batch of rows. Only such solvers have a learning rate, train several networks side by
    # side and resume exactly from a `State`
    uses_batches: ClassVar[bool]

    n_epochs: int  # including those already done
    patience: Patience

    @property
    def learns_gains(self) -> bool:
        """Whether input gains are learnt."""
        return False

    @property
    def pull_strength(self) -> float:
        """How strongly gains are pulled down."""
        return 0.0

    def samples_per_step(self, n_samples: int) -> int:
        """Return the number of samples that a step uses: all, unless it takes batches."""
        return n_samples

    @abstractmethod
    def bytes_per_parameter(self, itemsize: int, *, keeps_best: bool, has_l1: bool) -> int:
        """Return how many bytes training takes at least for each parameter, which has `itemsize` bytes itself.

        `keeps_best` if the weights of the best epoch are kept. Arrays that live for one operation come on top.
        """

    def initial_state(self, theta: Array, rng: np.random.Generator, n_inputs: int = 0) -> State:
        """Return the first state of training that starts at theta, without moments unless the solver has some."""
        return State(theta, (), rng)

    def with_epochs(self, n_epochs: int, stretch: float, pull_factor: float) -> Self:
        """Return the solver for another number of epochs, with a stretched schedule and another pull on gains."""
        return replace(self, n_epochs=n_epochs)

    @abstractmethod
    def train(
        self,
        problems: Sequence[Problem],
        states: Sequence[State],
        observer: Observer = NO_OBSERVER,
        n_threads: int = 1,
        evaluation: Evaluation | None = None,
    ) -> TrainingEnd:
        """Minimise the problems side by side, and update their states in place. All networks end after the same epoch.

        After each epoch of all networks, the evaluation returns its criterion. Then the observer is called, which may
        ask to stop. After the first whole epoch, Ctrl-C ends training with the states of the last
        whole epoch. Before, KeyboardInterrupt is raised, and the states are those of whole epochs.

        Raises
        ------
        DivergedError
            If an objective or a theta is not finite.
        """

    # --- the end of an epoch -----------------------------------------------------------------------------------------

    def end_epoch(self, states: Sequence[State], evaluation: Evaluation | None) -> None:
        """Evaluate the last epoch of all networks; without an evaluation, their mean training loss may count."""
        if evaluation is None:
            # it does not cut short a schedule that ends, since it falls most at the end; L-BFGS ends by itself
            if self.patience.schedule_ends or not self.uses_batches:
                return
            criterion = float(np.mean([state.history[-1].loss for state in states]))
        else:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                criterion = evaluation.evaluate_epoch()
        for state in states:
            is_improvement = self.patience.is_improvement(criterion, state.least_criterion)
            state.n_no_improvement = 0 if is_improvement else state.n_no_improvement + 1
            state.least_criterion = min(state.least_criterion, criterion)

    def reason_to_end(self, state: State) -> EndReason | None:
        """Return why training ends after the last epoch; None if it goes on."""
        # a state that was kept for `partial_fit` has no history; training goes on from it at any rate
        if state.history and self.patience.is_over(state.n_no_improvement):
            return EndReason.SCORE_PLATEAU if state.best.epoch else EndReason.LOSS_PLATEAU
        if state.epoch < self.n_epochs:
            return None
        return EndReason.FINISHED if self.patience.schedule_ends else EndReason.MAX_ITER
