"""The whole state of one network in training, so that it can be copied, stored and resumed bit for bit.

Early stopping is here, because its counters and the best epoch are part of what a checkpoint must hold.

Conventions
-----------
theta : (p,)       moments : arrays of shape (p,)
score : float      the larger the better; minus the training loss where there is no validation
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, fields, replace
from math import inf, isnan, nan
from typing import NamedTuple, Self, TypeAlias

import numpy as np

from sknet._training.solver import Epoch
from sknet._typing import Array


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
