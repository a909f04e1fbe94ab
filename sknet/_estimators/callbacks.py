"""The public callbacks, and the observers of a fit: they call callbacks, write checkpoints and print the progress."""

import os
import sys
from collections.abc import Sequence
from numbers import Real
from pathlib import Path
from shutil import get_terminal_size
from time import perf_counter
from typing import Any

import numpy as np

from sknet._estimators.fit_run import FitRun, origin_of
from sknet._estimators.fitted import Fitted, ParametersAndAttributes
from sknet._estimators.parameters import check_resumable
from sknet._model.phase import Phase
from sknet._model.rows import FeatureTable
from sknet._packages import explain_missing_package
from sknet._storage.checkpoints import write_checkpoint
from sknet._storage.files import as_path, check_writable
from sknet._training.optimizers import PLATEAU_DIVISOR
from sknet._training.solver import Observer

# --- callbacks and checkpoints ---------------------------------------------------------------------------------------


class CallbackObserver(Observer):
    """Calls scikit-learn's callbacks. In its terms, a fit is a task with one subtask per epoch, also of folds."""

    def __init__(self, estimator: ParametersAndAttributes, run: FitRun) -> None:
        self._estimator = estimator
        self._run = run
        call = run.plan.call
        X, y, weight = call.arguments.X, call.arguments.y, call.arguments.sample_weight
        if isinstance(X, FeatureTable):  # hooks get no data from files or workers
            X = y = weight = None
        self._data = {"X": X, "y": y, "metadata": None if weight is None else {"sample_weight": weight}}
        n_epochs = max(estimator.max_iter - call.epochs_done_before, 0)
        if run.fold_phase is not None:  # folds also train up to max_iter epochs
            n_epochs += estimator.max_iter
        self._context = estimator._init_callback_context(max_subtasks=n_epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **self._data)
        self._epoch: Any = None

    def _hook_arguments(self) -> dict[str, object]:
        """Return the arguments of a hook. The current result is computed only if the hook asks for it."""
        return {
            "estimator": self._estimator,
            # scikit-learn calls it, and sets these attributes on a copy of the estimator, which can then predict
            "reconstruction_attributes": lambda: {"_fitted": self._run.current_fitted()},
            **self._data,
        }

    def epoch_began(self) -> None:
        """Open the epoch's task."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._hook_arguments())

    def epoch_ended(self) -> bool:
        """Close the epoch's task; return True if a callback asks to stop."""
        epoch = self._epoch
        self._epoch = None
        return epoch is not None and bool(epoch.call_on_fit_task_end(**self._hook_arguments()))

    def fit_ended(self, fitted: Fitted) -> None:
        """Close the task of the fit, and the task of an unfinished epoch."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
        attributes = {"_fitted": fitted}
        self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._data
        )


class SilentCallback:
    """A callback of scikit-learn that does nothing. An ImportError says so if this scikit-learn has no callbacks."""

    def __init__(self) -> None:
        try:
            import sklearn.callback  # noqa: F401
        except ImportError:
            name = type(self).__name__
            raise ImportError(f"sknet.{name} is a callback, and callbacks need scikit-learn 1.9 or later.") from None

    def setup(self, estimator: object, context: object) -> None:
        """Do nothing before a fit."""

    def teardown(self, estimator: object, context: object) -> None:
        """Do nothing after a fit."""

    def on_fit_task_begin(self, estimator: object, context: object) -> None:
        """Do nothing before a fit or an epoch."""

    def on_fit_task_end(self, estimator: object, context: object) -> bool:
        """Do nothing after a fit or an epoch, and do not stop training."""
        return False


class TimeLimit(SilentCallback):
    """Stop training if another epoch might end after a time limit.

    Pass it to `set_callbacks`, which needs scikit-learn 1.9 or later. Another epoch is
    expected to take as long as the longest epoch so far.

    Parameters
    ----------
    seconds : float
        The time limit of each call of `fit`. The clock starts when training starts, and
        training stops only between epochs. So reading and encoding the table come on
        top, and so does the first epoch if it takes longer than the limit.

    See Also
    --------
    Checkpoint : Save the state of a run, to continue it later.

    Notes
    -----
    Set `early_stopping=True` or pass `X_val` and `y_val`: the estimator then has the
    weights of the best epoch so far.

    By default, tables of 40 to 14,999 rows are trained in two phases. First, networks
    that leave out one fold each choose the number of epochs, and then the published
    networks are trained on all rows. The limit applies to both phases together. If the
    first phase is stopped, the estimator gets the members of the first fold, which have
    not seen the rows of that fold. If the second phase is stopped, it gets members with
    fewer epochs than the folds have chosen.

    `solver="lbfgs"` stops after an iteration. `partial_fit` calls no callbacks.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknet import SigmoidMLPClassifier, TimeLimit
    >>> X, y = load_iris(return_X_y=True)
    >>> net = SigmoidMLPClassifier(early_stopping=True, random_state=0)
    >>> net.set_callbacks(TimeLimit(60.0)).fit(X, y).score(X, y) > 0.9  # doctest: +SKIP
    True
    """

    def __init__(self, seconds: float) -> None:
        limit: object = seconds  # a user may pass anything
        if isinstance(limit, bool | np.bool_) or not isinstance(limit, Real) or not float(limit) >= 0.0:
            raise ValueError(f"seconds={seconds!r}: give the time limit in seconds, as a number of 0 or more.")
        super().__init__()
        self.seconds: float = float(seconds)
        self._start = self._last = self._longest = 0.0

    def setup(self, estimator: object, context: object) -> None:
        """Start the clock."""
        self._start = self._last = perf_counter()
        self._longest = 0.0

    def on_fit_task_end(self, estimator: object, context: object) -> bool:
        """Return whether another epoch might end after the limit."""
        now = perf_counter()
        self._longest = max(self._longest, now - self._last)
        self._last = now
        return now + self._longest > self._start + self.seconds


class Checkpoint(SilentCallback):
    """Save the state of a training run to a file, every few epochs.

    Pass it to `set_callbacks`, which needs scikit-learn 1.9 or later. An estimator with
    the same parameters continues the run with `resume(path, X, y)`, and ends exactly
    where the uninterrupted run would have ended.

    Parameters
    ----------
    path : str or path-like
        The file, in the format of `sknet.save`. A new checkpoint replaces the old one
        only when it is complete.

    every : int, default=1
        Number of epochs between two checkpoints. Epochs of folds are counted
        separately.

    See Also
    --------
    SigmoidMLPClassifier.resume : Continue a run.
    SigmoidMLPRegressor.resume : Continue a run.

    Notes
    -----
    The minor version of sknet that wrote a file can resume it: 0.1.1 resumes a file of
    0.1.0, and 0.2.0 does not. A file holds a single run. In a search or a
    cross-validation, every fit would write to the same file. `solver="lbfgs"` has no
    checkpoints.

    The file holds all networks in training, including those of folds, with the state of
    the optimizer and the random generator, the parameters, the history, and a
    fingerprint of the data: tables, targets, weights, groups and folds. `resume` raises
    an error for other data or other parameters, except for those that decide how long
    training goes on and what it prints: `max_iter`, `tol`, `n_iter_no_change`,
    `verbose` and, without folds, `warm_start`. It cannot tell whether you have changed
    a function of your own, or a loss, activation or optimizer of the same name, so keep
    these as they were.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknet import Checkpoint, SigmoidMLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = SigmoidMLPClassifier(random_state=0)
    >>> net.set_callbacks(Checkpoint("run.safetensors", every=10)).fit(X, y)  # doctest: +SKIP
    >>> net.resume("run.safetensors", X, y)  # doctest: +SKIP
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        n_epochs: object = every  # a user may pass anything; mypy would call the check of an int needless
        if isinstance(n_epochs, bool) or not isinstance(n_epochs, int | np.integer) or n_epochs < 1:
            raise ValueError(f"every={every!r}: give the number of epochs between checkpoints, as an int of 1 or more.")
        super().__init__()
        with explain_missing_package("sknet.Checkpoint", "safetensors"):
            import safetensors  # noqa: F401
        self.path: Path = as_path(path)
        self.every: int = int(every)

    def setup(self, estimator: object, context: object) -> None:
        """Check, before training, that its state and the file can be written."""
        if not hasattr(estimator, "resume"):
            raise TypeError(
                f"Checkpoint writes runs of sknet's estimators; {type(estimator).__name__} is not one of them."
            )
        check_resumable(getattr(estimator, "solver", None))
        check_writable(self.path)


def check_checkpoints(estimator: object) -> None:
    """Raise if a `Checkpoint` among the callbacks of an estimator cannot write its file."""
    for callback in getattr(estimator, "_skl_callbacks", []):
        if isinstance(callback, Checkpoint):
            callback.setup(estimator, None)


class CheckpointWriter(Observer):
    """Writes a checkpoint's file. It is an observer because callbacks have no access to the run.

    Parameters
    ----------
    checkpoint : Checkpoint
        The user's callback, with the path and the interval.

    run : FitRun
        The run, with the parameters, seeds and data that `resume` compares.
    """

    def __init__(self, checkpoint: Checkpoint, run: FitRun) -> None:
        self._checkpoint = checkpoint
        self._run = run
        self._origin = origin_of(run.plan)

    def epoch_ended(self) -> bool:
        """Write the progress of the run, every few epochs of folds or of the published networks."""
        if self._run.phase.epochs_done % self._checkpoint.every == 0:
            write_checkpoint(self._checkpoint.path, self._origin, self._run.progress)
        return False


# --- what `verbose` prints -------------------------------------------------------------------------------------------

MAX_PRINTED_LINES = 10
"""How many lines a run prints if lines cannot be overwritten, as in a log file or a notebook."""


class EpochPrinter(Observer):
    """Prints a line or two for each epoch, in scikit-learn's words."""

    def __init__(self, run: FitRun) -> None:
        self._run = run
        self._n_rate_cuts = self._count_rate_cuts()  # earlier calls made these

    def _count_rate_cuts(self) -> int:
        """Return how often the schedule `adaptive`, which folds do not have, has lowered the rate of all networks."""
        return next((state.n_plateaus for state in self._run.progress.states), 0)

    def epoch_ended(self) -> bool:
        """Print the epoch's loss and validation score."""
        phase = self._run.phase
        epoch = phase.last_epoch
        what = "Folds: iteration" if phase.is_of_folds else "Iteration"
        print(f"{what} {phase.epochs_done}, loss = {epoch.loss:.8f}")
        if phase.best_epoch is not None:
            print(f"Validation score: {epoch.validation_score:f}")
        n_rate_cuts = self._count_rate_cuts()
        if n_rate_cuts > self._n_rate_cuts:
            # the next epoch has a lower rate than this one, see `adaptive`
            print(f"No improvement. Setting learning rate to {epoch.learning_rate / PLATEAU_DIVISOR:f}")
        self._n_rate_cuts = n_rate_cuts
        return False


class ProgressPrinter(Observer):
    """Prints a line for folds and one for the published networks: losses, best epoch and time left."""

    def __init__(self, run: FitRun) -> None:
        self._run = run
        isatty = getattr(sys.stdout, "isatty", None)  # a replacement of stdout may lack it
        self._overwrites = isatty is not None and bool(isatty())
        self._line_is_of_folds = False
        self._times = [perf_counter()]  # when the line's first epoch began, and when each of its epochs ended

    def epoch_ended(self) -> bool:
        """Update the line; without a terminal, print a line for every tenth of the run."""
        phase = self._run.phase
        if phase.is_of_folds is not self._line_is_of_folds:
            self._end_line()
            self._line_is_of_folds, self._times = phase.is_of_folds, self._times[-1:]
        self._times.append(perf_counter())
        if self._overwrites:
            width = get_terminal_size().columns - 1  # a wrapped line cannot be overwritten
            print("\r" + self._line(phase)[:width].ljust(width), end="", flush=True)
        elif phase.epochs_done * MAX_PRINTED_LINES % phase.n_epochs < MAX_PRINTED_LINES:
            print(self._line(phase))
        return False

    def fit_ended(self, fitted: Fitted) -> None:
        """End the line."""
        self._end_line()

    def _end_line(self) -> None:
        if self._overwrites and len(self._times) > 1:
            print()

    def _line(self, phase: Phase) -> str:
        """Return the line for an epoch, such as "epoch 3/200, loss 0.51, at most 12 s left"."""
        epoch = phase.last_epoch
        what = "folds" if phase.is_of_folds else "epoch"
        parts = [f"{what} {phase.epochs_done}/{phase.n_epochs}", f"loss {epoch.loss:.4g}"]
        if phase.best_epoch is not None:
            parts.append(f"validation loss {epoch.validation_loss:.4g}")
            if epoch.validation_score != -epoch.validation_loss:  # it is a scorer's
                parts[-1] = f"score {epoch.validation_score:.4g}"
            if phase.best_epoch:
                parts.append(f"best {phase.best_epoch}")
        seconds_per_epoch = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        left = duration(seconds_per_epoch * (phase.n_epochs - phase.epochs_done))
        return ", ".join([*parts, f"at most {left} left"])


def duration(seconds: float) -> str:
    """Return a time with its unit, in two digits or more: "1.2 s", "25 s", "3 min", "2 h 05 min"."""
    if seconds < 99.5:
        return f"{seconds:.2g} s" if seconds < 9.95 else f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60.0), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


# --- all observers of a call -----------------------------------------------------------------------------------------


class Observers(Observer):
    """All observers of a call of `fit`, called one after the other.

    Parameters
    ----------
    observers : sequence of Observer
    """

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers

    def epoch_began(self) -> None:
        """Call all observers."""
        for observer in self._observers:
            observer.epoch_began()

    def epoch_ended(self) -> bool:
        """Call all observers; return True if any asks to stop."""
        answers = [observer.epoch_ended() for observer in self._observers]  # a list, so that `any` skips no call
        return any(answers)

    def fit_ended(self, fitted: Fitted) -> None:
        """Pass the result to all observers before it is published, so that an error changes nothing."""
        for observer in self._observers:
            observer.fit_ended(fitted)


def observers_of(estimator: ParametersAndAttributes, run: FitRun) -> Observers:
    """Return the observers of a call that is about to train. `partial_fit` calls no callbacks."""
    call = run.plan.call
    callbacks = [] if call.is_partial_fit else getattr(estimator, "_skl_callbacks", [])
    observers: list[Observer] = []
    if estimator.verbose:
        is_line = estimator.verbose == 2 and not call.is_partial_fit
        observers.append(ProgressPrinter(run) if is_line else EpochPrinter(run))
    if callbacks:
        observers.append(CallbackObserver(estimator, run))
    observers += [CheckpointWriter(callback, run) for callback in callbacks if isinstance(callback, Checkpoint)]
    return Observers(observers)
