"""What training returns: one record per epoch, and why it ended."""

from dataclasses import dataclass
from enum import Enum
from math import nan


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
