"""The observers of a fit: scikit-learn's callbacks, the writer of checkpoints, and the printer."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sknet._estimators.fit_run import FitRun
from sknet._estimators.fitted import Fitted
from sknet._estimators.observers import FitObserver
from sknet._estimators.parameters import solver_class
from sknet._estimators.printing import EpochLines, ProgressLine
from sknet._estimators.read_data import FitArguments
from sknet._packages import require_package
from sknet._storage import checkpoints
from sknet._storage.files import as_path, check_writable
from sknet._tables.rows import FeatureTable
from sknet._typing import Target


class CallbackObserver(FitObserver):
    """Calls scikit-learn's callbacks. A fit is a task with one subtask per epoch, including epochs of folds.

    Parameters
    ----------
    estimator : estimator
        The estimator whose `fit` was called, with its callbacks.

    data : mapping
        X, y and metadata for the hooks.

    run : FitRun
        The run of the fit.

    n_epochs : int
        How many epochs there will be at most.
    """

    def __init__(self, estimator: BaseEstimator, data: Mapping[str, Target], run: FitRun, n_epochs: int) -> None:
        self._estimator, self._data, self._run = estimator, data, run
        self._context = estimator._init_callback_context(max_subtasks=n_epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **data)
        self._epoch: Any = None

    def _hook_arguments(self) -> dict[str, object]:
        """Return the arguments of a hook. The current result is computed only if the hook asks for it."""
        return {
            "estimator": self._estimator,
            # scikit-learn calls it, and sets these attributes on a copy of the estimator, which can then predict
            "reconstruction_attributes": lambda: {"_fitted": self._run.fitted()},
            **self._data,
        }

    def epoch_began(self) -> None:
        """Open the epoch's task."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._hook_arguments())

    def epoch_ended(self) -> bool:
        """Close the epoch's task; return True if a callback asks to stop."""
        epoch, self._epoch = self._epoch, None
        return epoch is not None and bool(epoch.call_on_fit_task_end(**self._hook_arguments()))

    def fit_ended(self, fitted: Fitted) -> None:
        """Close the task of the fit, and the task of an unfinished epoch."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
        attributes = {"_fitted": fitted}
        self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._data
        )


class Checkpoint:
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
    0.1.0, and 0.2.0 does not. A file holds a single run. In a search or a cross-validation, every fit would write
    to the same file. `solver="lbfgs"` has no checkpoints.

    The file holds all networks in training, including those of folds, with the state of
    the optimizer and the random generator, the parameters, the history, and a
    fingerprint of the data: tables, targets, weights, groups and folds. `resume` raises
    an error for other parameters or other data. It cannot tell whether you have changed
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
        n_epochs: object = every  # a user may pass anything: as an int, mypy would call the check needless
        if isinstance(n_epochs, bool) or not isinstance(n_epochs, int | np.integer) or n_epochs < 1:
            raise ValueError(f"every={every!r}: give the number of epochs between checkpoints, as an int of 1 or more.")
        try:
            import sklearn.callback  # noqa: F401
        except ImportError:
            raise ImportError("sknet.Checkpoint is a callback, and callbacks need scikit-learn 1.9 or later.") from None
        with require_package("sknet.Checkpoint", "safetensors", extra="files"):
            import safetensors  # noqa: F401
        self.path: Path = as_path(path)
        self.every: int = int(every)

    def setup(self, estimator: object, context: object) -> None:
        """Check, before a fit, that its state and the file can be written.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : sklearn.callback.CallbackContext
            Context of the fit.
        """
        if not hasattr(estimator, "resume"):
            raise TypeError(
                f"Checkpoint writes runs of sknet's estimators; {type(estimator).__name__} is not one of them."
            )
        refuse_unresumable_solver(getattr(estimator, "solver", None))
        check_writable(self.path)

    def teardown(self, estimator: object, context: object) -> None:
        """Do nothing after a fit.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : sklearn.callback.CallbackContext
            Context of the fit.
        """

    def on_fit_task_begin(self, estimator: object, context: object) -> None:
        """Do nothing before a fit or an epoch.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : sklearn.callback.CallbackContext
            Context of the fit or epoch.
        """

    def on_fit_task_end(self, estimator: object, context: object) -> None:
        """Do nothing after a fit or an epoch; the estimator writes the file itself.

        Parameters
        ----------
        estimator : estimator
            The estimator that is fitted.

        context : sklearn.callback.CallbackContext
            Context of the fit or epoch.
        """


def refuse_unresumable_solver(solver: object) -> None:
    """Raise for a solver whose state cannot be written."""
    if not solver_class(solver).is_first_order:
        raise ValueError(
            f"solver={solver!r} keeps its curvature inside SciPy, so its runs cannot be written to a checkpoint and "
            "resumed: choose a first-order solver such as 'adam'."
        )


class CheckpointWriter(FitObserver):
    """Writes a checkpoint's file. It is an observer because callbacks have no access to the run.

    Parameters
    ----------
    checkpoint : Checkpoint
        The user's callback, with the path and the interval.

    run : FitRun
        The run, with the parameters, seeds and data that `resume` compares.
    """

    def __init__(self, checkpoint: Checkpoint, run: FitRun) -> None:
        self._path, self._every, self._run, self._origin = checkpoint.path, checkpoint.every, run, run.origin()

    def epoch_ended(self) -> bool:
        """Write the progress of the run, every few epochs of folds or of the published networks."""
        if self._run.last_epoch.number % self._every == 0:
            checkpoints.write_checkpoint(self._path, self._origin, self._run.progress)
        return False


def data_for_hooks(arguments: FitArguments) -> dict[str, Target]:
    """Return X, y and metadata (sample weights) for callback hooks; all None for tables in files or on workers."""
    if isinstance(arguments.X, FeatureTable):  # in files or on workers
        return {"X": None, "y": None, "metadata": None}
    metadata = None if arguments.sample_weight is None else {"sample_weight": arguments.sample_weight}
    return {"X": arguments.X, "y": arguments.y, "metadata": metadata}


class Observers(FitObserver):
    """All observers of a call of `fit`, called one after the other.

    Parameters
    ----------
    observers : sequence of FitObserver
    """

    def __init__(self, observers: Sequence[FitObserver]) -> None:
        self._observers = observers

    def epoch_began(self) -> None:
        """Call all observers."""
        for observer in self._observers:
            observer.epoch_began()

    def epoch_ended(self) -> bool:
        """Call all observers; return True if any asks to stop."""
        answers = [
            observer.epoch_ended() for observer in self._observers
        ]  # a list, so that any() does not skip observers
        return any(answers)

    def fit_ended(self, fitted: Fitted) -> None:
        """Pass the result to all observers before it is published, so that an error changes nothing."""
        for observer in self._observers:
            observer.fit_ended(fitted)


def observers_of(estimator: BaseEstimator, arguments: FitArguments, run: FitRun) -> Observers | None:
    """Return the observers of a call that is about to train; None if there are none."""
    start, is_evaluated = run.plan.start, run.plan.evaluation.held_out is not None
    listed = [] if start.is_increment else getattr(estimator, "_skl_callbacks", [])  # `partial_fit` calls no callbacks
    observers: list[FitObserver] = []
    if estimator.verbose:
        is_line = estimator.verbose == 2 and not start.is_increment
        observers.append(ProgressLine(run) if is_line else EpochLines(run, evaluated=is_evaluated))
    if listed:
        n_epochs = max(estimator.max_iter - start.epochs_done, 0)
        n_epochs += (
            0 if run.fold_phase is None else estimator.max_iter
        )  # an upper limit: folds also train up to max_iter epochs
        observers.append(CallbackObserver(estimator, data_for_hooks(arguments), run, n_epochs))
    observers += [CheckpointWriter(callback, run) for callback in listed if isinstance(callback, Checkpoint)]
    return Observers(observers) if observers else None


__all__ = [
    "Checkpoint",
    "Observers",
    "observers_of",
    "refuse_unresumable_solver",
]
