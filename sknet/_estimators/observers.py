"""The protocol of what observes a fit, and of what it may ask."""

from typing import Protocol

from sknet._estimators.fitted import Fitted
from sknet._model.phases import EpochReport, Progress
from sknet._storage.checkpoints import Origin
from sknet._training.solver import EpochObserver


class ObservedRun(Protocol):
    """What observers may ask of a call of `fit`."""

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch: of the folds as long as these are at work."""

    @property
    def progress(self) -> Progress:
        """How far the run has come."""

    def fitted(self) -> Fitted:
        """Return what `fit` would leave if it ended here."""

    def origin(self) -> Origin:
        """Return what must be the same where this run is taken up again."""


class FitObserver(EpochObserver, Protocol):
    """Called before and after each epoch, and at the end; it has been given the run that it may ask."""

    def fit_ended(self, fitted: Fitted) -> None:
        """Note what the fit leaves, before it is published: an error here changes nothing."""
