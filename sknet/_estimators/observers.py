"""The protocol of what observes a fit."""

from typing import Protocol

from sknet._estimators.fitted import Fitted
from sknet._training.solver import EpochObserver


class FitObserver(EpochObserver, Protocol):
    """Called before and after each epoch, and at the end; it has been given the run that it may ask."""

    def fit_ended(self, fitted: Fitted) -> None:
        """Note what the fit leaves, before it is published: an error here changes nothing."""
