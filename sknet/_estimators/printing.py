"""What `verbose` prints: scikit-learn's lines for each epoch, or one line that is kept up to date."""

import sys
from shutil import get_terminal_size
from time import perf_counter
from typing import Protocol

from sknet._training.solver import Observer
from sknet._training.state import State

LINES = 10
"""How many lines a run prints where no line can be overwritten: in a log file, or a notebook, which would keep each."""


class Printer(Observer, Protocol):
    """An observer that prints; `finish` is called when the run has ended."""

    def finish(self) -> None:
        """End the output."""


class Lines(Printer):
    """A line or two for each epoch, worded as scikit-learn's."""

    def __init__(self, validated: bool) -> None:
        self._validated = validated
        self._plateaus = 0

    def begin(self, state: State) -> None:
        """Remember how often the rate has fallen."""
        self._plateaus = state.plateaus

    def end(self, state: State) -> bool:
        """Print the epoch's loss and validation score."""
        epoch = state.history[-1]
        print(f"Iteration {state.epoch}, loss = {epoch.loss:.8f}")
        if self._validated:
            print(f"Validation score: {epoch.validation_score:f}")
        if state.plateaus > self._plateaus:
            print(f"No improvement. Setting learning rate to {epoch.learning_rate / 5.0:f}")
        return False

    def finish(self) -> None:
        """Do nothing: every line is complete."""


class ProgressLine(Printer):
    """One line for the whole run: losses, the best epoch, the time so far and the time left.

    Parameters
    ----------
    n_epochs : int
        How many epochs there will be at most.
    """

    def __init__(self, n_epochs: int) -> None:
        self._n_epochs, self._done, self._width = n_epochs, 0, 0
        self._started = perf_counter()
        isatty = getattr(sys.stdout, "isatty", None)  # what stands in for stdout need not have it
        self._overwrites = isatty is not None and bool(isatty())

    def begin(self, state: State) -> None:
        """Do nothing: an epoch is told when it has ended."""

    def end(self, state: State) -> bool:
        """Bring the line up to date; where there is no terminal, print every tenth part of the run."""
        self._done += 1
        if self._overwrites:
            line = self._line(state, get_terminal_size().columns)
            print("\r" + line.ljust(self._width), end="", flush=True)
            self._width = len(line)
        elif self._done * LINES // self._n_epochs > (self._done - 1) * LINES // self._n_epochs:
            print(self._line(state))
        return False

    def finish(self) -> None:
        """End the line."""
        if self._overwrites and self._done:
            print()

    def _line(self, state: State, width: int | None = None) -> str:
        """Return the line, in fewer words where `width` columns are too few: what wraps cannot be overwritten."""
        epoch, spent = state.history[-1], perf_counter() - self._started
        left = duration(spent / self._done * (self._n_epochs - self._done))
        whole = [f"epoch {state.epoch}/{state.epoch - self._done + self._n_epochs}", f"loss {epoch.loss:.4g}"]
        short = whole.copy()
        if state.best is not None:
            figures = [f"validation loss {epoch.validation_loss:.4g}"]
            if epoch.validation_score != -epoch.validation_loss:  # a scorer's
                figures.append(f"score {epoch.validation_score:.4g}")
            whole += [*figures, f"best in epoch {state.best.epoch}"]
            short += [figures[-1], f"best {state.best.epoch}"]
        line = ", ".join([*whole, f"{duration(spent)} so far", f"at most {left} left"])
        if width is None or len(line) < width:
            return line
        return ", ".join([*short, f"{left} left"])[: width - 1]


def duration(seconds: float) -> str:
    """Return a time as people write it."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def printer(verbose: bool | int, validated: bool, n_epochs: int) -> Printer:
    """Return what prints at this level of `verbose`."""
    return ProgressLine(n_epochs) if verbose == 2 else Lines(validated)
