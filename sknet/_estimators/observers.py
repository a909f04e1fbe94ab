"""The base class of observers of a fit."""

from sknet._estimators.fitted import Fitted


class FitObserver:
    """An `EpochObserver` that is also called at the end of a fit. By default, its methods do nothing."""

    def epoch_began(self) -> None:
        """Note that an epoch begins."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""
        return False

    def fit_ended(self, fitted: Fitted) -> None:
        """Note the result of the fit. It is not published yet, so an error here changes nothing."""
