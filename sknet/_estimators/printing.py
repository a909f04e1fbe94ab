"""The printers of `verbose`, which observe a fit."""

import sys
from shutil import get_terminal_size
from time import perf_counter

from sknet._estimators.fit_run import FitRun
from sknet._estimators.fitted import Fitted
from sknet._model.phases import EpochReport
from sknet._training.optimizers import PLATEAU_DIVISOR


class FitObserver:
    """An `EpochObserver` that is also called at the end of a fit. By default, its methods do nothing."""

    def epoch_began(self) -> None:
        """Note that an epoch begins."""

    def epoch_ended(self) -> bool:
        """Note that an epoch has ended; return True to stop training."""
        return False

    def fit_ended(self, fitted: Fitted) -> None:
        """Note the result of the fit. It is not published yet, so an error here changes nothing."""


MAX_PRINTED_LINES = 10
"""How many lines a run prints if lines cannot be overwritten, as in a log file or a notebook."""


class EpochPrinter(FitObserver):
    """Prints a line or two for each epoch, in scikit-learn's words."""

    def __init__(self, run: FitRun, *, evaluated: bool = False) -> None:
        self._run = run
        self._evaluated = evaluated
        self._n_rate_cuts = next((state.n_plateaus for state in run.progress.states), 0)  # rate cuts of earlier calls

    def epoch_ended(self) -> bool:
        """Print the epoch's loss and validation score."""
        epoch = self._run.phase.last_epoch
        print(
            f"{'Folds: iteration' if epoch.of_folds else 'Iteration'} {epoch.number}, loss = {epoch.figures.loss:.8f}"
        )
        if self._evaluated or epoch.of_folds:
            print(f"Validation score: {epoch.figures.validation_score:f}")
        if epoch.n_rate_cuts > self._n_rate_cuts:
            # the figures are for the last epoch; the next epoch has the lower rate, see `adaptive`
            print(f"No improvement. Setting learning rate to {epoch.figures.learning_rate / PLATEAU_DIVISOR:f}")
        self._n_rate_cuts = epoch.n_rate_cuts
        return False


class ProgressPrinter(FitObserver):
    """Prints a line for folds and one for the published networks: losses, best epoch, time so far and time left."""

    def __init__(self, run: FitRun) -> None:
        self._run = run
        isatty = getattr(sys.stdout, "isatty", None)  # a replacement of stdout may lack it
        self._overwrites = isatty is not None and bool(isatty())
        self._last_ended = perf_counter()  # when the last epoch ended, or when training started
        self._start(of_folds=False)

    def _start(self, *, of_folds: bool) -> None:
        """Begin a new line, for folds or for the published networks."""
        self._of_folds = of_folds
        self._started = self._last_ended
        self._done = 0  # epochs on this line
        self._width = 0  # of the printed line

    def epoch_ended(self) -> bool:
        """Update the line; without a terminal, print a line for every tenth of the run."""
        epoch = self._run.phase.last_epoch
        if epoch.of_folds is not self._of_folds:
            self._end_line()
            self._start(of_folds=epoch.of_folds)
        self._done += 1
        self._last_ended = perf_counter()
        # epochs of this call, without epochs before the run was resumed
        n_epochs = epoch.n_epochs - epoch.number + self._done
        if self._overwrites:
            line = self._line(epoch, get_terminal_size().columns)
            print("\r" + line.ljust(self._width), end="", flush=True)  # spaces overwrite the rest of a longer line
            self._width = len(line)
        elif self._done * MAX_PRINTED_LINES // n_epochs > (self._done - 1) * MAX_PRINTED_LINES // n_epochs:
            print(self._line(epoch))
        return False

    def fit_ended(self, fitted: Fitted) -> None:
        """End the line."""
        self._end_line()

    def _end_line(self) -> None:
        if self._overwrites and self._done:
            print()

    def _line(self, epoch: EpochReport, width: int | None = None) -> str:
        """Return the line, shortened to fit `width`, because a wrapped line cannot be overwritten."""
        figures = epoch.figures
        spent = self._last_ended - self._started
        left = duration(spent / self._done * (epoch.n_epochs - epoch.number))
        what = "folds, epoch" if epoch.of_folds else "epoch"
        long_form = [f"{what} {epoch.number}/{epoch.n_epochs}", f"loss {figures.loss:.4g}"]
        short_form = [f"{'folds' if epoch.of_folds else 'epoch'} {epoch.number}/{epoch.n_epochs}", long_form[1]]
        if epoch.best_epoch is not None:
            validation = [f"validation loss {figures.validation_loss:.4g}"]
            if figures.validation_score != -figures.validation_loss:  # a scorer's
                validation.append(f"score {figures.validation_score:.4g}")
            long_form += validation
            short_form.append(validation[-1])
            if epoch.best_epoch:
                long_form.append(f"best in epoch {epoch.best_epoch}")
                short_form.append(f"best {epoch.best_epoch}")
        line = ", ".join([*long_form, f"{duration(spent)} so far", f"at most {left} left"])
        if width is None or len(line) < width:
            return line
        return ", ".join([*short_form, f"{left} left"])[: width - 1]


def duration(seconds: float) -> str:
    """Return a time with its unit, in two digits or more: "1.2 s", "25 s", "3 min", "2 h 05 min"."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
