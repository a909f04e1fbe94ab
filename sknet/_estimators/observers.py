"""The base class of what observes a fit."""

from sknet._estimators.fitted import Fitted


class FitObserver:
    """An `EpochObserver` that is also called at the end of a fit; it has been given the run that it may ask."""

    def epoch_began(self) -> None:
        """Note that an epoch begins: by default, do nothing."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""
        return False

    def fit_ended(self, fitted: Fitted) -> None:
        """Note what the fit leaves, before it is published: an error here changes nothing. By default, do nothing."""
