"""What training returns: one record per epoch, and why it ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain


@dataclass(frozen=True)
class Epoch:
    """What is recorded of one epoch."""

    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    gradient_norm: float
    seconds: float


@dataclass(frozen=True)
class History:
    """The epochs of many calls, one after the other, in chunks each at least twice as long as the next one.

    To go on from a history of n epochs copies log n of them, on the average: thousands of short calls do not slow down.
    """

    chunks: tuple[tuple[Epoch, ...], ...] = ()

    def __iter__(self) -> Iterator[Epoch]:
        return chain.from_iterable(self.chunks)

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    @property
    def last(self) -> Epoch | None:
        """The last epoch, if there is one."""
        return self.chunks[-1][-1] if self.chunks else None

    def extended(self, epochs: Sequence[Epoch]) -> "History":
        """Return the history with more epochs at its end."""
        chunks, last = self.chunks, tuple(epochs)
        while last and chunks and len(chunks[-1]) < 2 * len(last):
            chunks, last = chunks[:-1], chunks[-1] + last
        return History((*chunks, last) if last else chunks)


class StopReason(Enum):
    """Why training ended; the value is the sentence for the user."""

    FINISHED = "All epochs of the schedule are done."
    MAX_ITER = "Maximum iterations ({max_iter}) reached and the optimization hasn't converged yet."
    LOSS_PLATEAU = "Training loss did not improve more than tol={tol:f} for {n_iter_no_change} consecutive epochs."
    SCORE_PLATEAU = "Validation score did not improve more than tol={tol:f} for {n_iter_no_change} consecutive epochs."
    CALLBACK = "A callback asked to stop."
    INTERRUPTED = "Training interrupted by user."
    CONVERGED = "The gradient or the decrease of the objective is below tol={tol:g}."
    LINE_SEARCH = "L-BFGS ended early: {message}"


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    reason: StopReason
    n_epochs: int
    message: str = ""
    scores_undefined: bool = False  # epochs were evaluated, and no score was a number


class DivergedError(ArithmeticError):
    """The objective or theta is no longer finite."""

    def __init__(self, epoch: int, rate: float) -> None:
        super().__init__(f"not finite in epoch {epoch} at rate {rate:g}")
        self.epoch, self.rate = epoch, rate
