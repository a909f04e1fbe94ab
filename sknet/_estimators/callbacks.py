"""Who hears of epochs: scikit-learn's callbacks, and the lines that `verbose` prints."""

from collections.abc import Callable
from typing import Any

from sknet._estimators.checkpoint import Checkpoint, Origin, Writer
from sknet._training.state import State

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn < 1.9 knows no callbacks; `set_callbacks` is then absent

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stand-in that offers nothing."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method as it is."""
        return method


class Callbacks:
    """One `fit` as scikit-learn's callbacks see it: a task, with one subtask an epoch.

    Parameters
    ----------
    estimator : estimator
        The one whose `fit` was called, with its callbacks.

    data : dict
        The X, y and metadata that the hooks are handed.

    fitted : callable
        `fitted(state)` returns the attributes of an estimator fitted thus far,
        in copies. It is called only where a callback asks for them.

    n_epochs : int
        How many epochs there will be at most.
    """

    def __init__(
        self, estimator: Any, data: dict[str, Any], fitted: Callable[[State], dict[str, Any]], n_epochs: int
    ) -> None:
        self._estimator, self._data, self._fitted = estimator, data, fitted
        self._context = estimator._init_callback_context(max_subtasks=n_epochs)
        self._context.call_on_fit_task_begin(estimator=estimator, **data)
        self._epoch: Any = None

    def begin(self, state: State) -> None:
        """Open the epoch's task."""
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(
            estimator=self._estimator, reconstruction_attributes=lambda: self._fitted(state), **self._data
        )

    def end(self, state: State) -> bool:
        """Close the epoch's task; true if a callback asks to stop."""
        epoch, self._epoch = self._epoch, None
        stop = epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=lambda: self._fitted(state), **self._data
        )
        return bool(stop)

    def finish(self) -> None:
        """Close the task of the whole fit, and that of an epoch which was cut short; the estimator is fitted by now."""
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self._estimator)
        self._context.call_on_fit_task_end(estimator=self._estimator, reconstruction_attributes={}, **self._data)


class Printer:
    """The lines that `verbose` prints, worded as scikit-learn's."""

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


def for_hooks(X: Any, y: Any, sample_weight: Any) -> dict[str, Any]:
    """Return what the hooks are handed; the metadata are those that a scorer takes."""
    return {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}


class Watchers:
    """Everybody who is told of one `fit`; as a condition, whether there is anybody.

    Parameters
    ----------
    estimator : estimator
        The one whose `fit` was called.

    data : dict
        The X, y and metadata that callbacks are handed.

    fitted : callable
        `fitted(state)`; see `Callbacks`.

    origin : callable
        `origin()` returns what a checkpoint must know of the run.

    n_epochs : int
        How many epochs there will be at most.

    validated : bool
        Whether rows are held out.

    incremental : bool
        Whether this is `partial_fit`, of which callbacks hear nothing.
    """

    def __init__(
        self,
        estimator: Any,
        data: dict[str, Any],
        fitted: Callable[[State], dict[str, Any]],
        origin: Callable[[], Origin],
        *,
        n_epochs: int,
        validated: bool,
        incremental: bool,
    ) -> None:
        callbacks = [] if incremental else getattr(estimator, "_skl_callbacks", [])
        printers = [Printer(validated)] if estimator.verbose else []
        self._callbacks = [Callbacks(estimator, data, fitted, n_epochs)] if callbacks else []
        writers = [Writer(callback, origin()) for callback in callbacks if isinstance(callback, Checkpoint)]
        self._observers: list[Any] = [*printers, *self._callbacks, *writers]

    def __bool__(self) -> bool:
        return bool(self._observers)

    def begin(self, state: State) -> None:
        """Tell them all."""
        for observer in self._observers:
            observer.begin(state)

    def end(self, state: State) -> bool:
        """Tell them all; true if any asks to stop."""
        answers = [observer.end(state) for observer in self._observers]
        return any(answers)

    def finish(self) -> None:
        """Tell the callbacks that the estimator is fitted."""
        for callbacks in self._callbacks:
            callbacks.finish()


__all__ = ["CallbackSupportMixin", "Callbacks", "Printer", "Watchers", "for_hooks", "with_callbacks"]
