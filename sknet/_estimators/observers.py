"""The protocol of what observes a fit, and of what it may ask."""

from dataclasses import dataclass
from typing import Protocol

from sknet._estimators.fitted import Fitted
from sknet._storage.checkpoints import Origin
from sknet._training.result import Epoch
from sknet._training.solver import EpochObserver
from sknet._training.state import State


@dataclass(frozen=True)
class EpochReport:
    """The last epoch of a fit, as printers show it."""

    number: int  # from 1; those of folds are counted apart
    n_epochs: int  # how many there will be at most
    figures: Epoch  # the means over the networks
    best_epoch: int | None  # the best epoch so far, where epochs are evaluated
    n_rate_cuts: int  # how often the schedule `adaptive` has lowered the rate
    of_folds: bool  # whether folds have trained it, to choose how many epochs follow


class ObservedRun(Protocol):
    """What observers may ask of a call of `fit`."""

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch: of the folds as long as these are at work."""

    @property
    def states(self) -> list[State]:
        """The states of the networks; none as long as folds are at work."""

    def fitted(self) -> Fitted:
        """Return what `fit` would leave if it ended here."""

    def origin(self) -> Origin:
        """Return what must be the same where this run is taken up again."""


class FitObserver(EpochObserver, Protocol):
    """Called before and after each epoch, and at the end; it has been given the run that it may ask."""

    def fit_ended(self, fitted: Fitted) -> None:
        """Note what the fit leaves, before it is published: an error here changes nothing."""
