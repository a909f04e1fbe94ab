"""Who hears of epochs: scikit-learn's callbacks, and the lines that `verbose` prints."""

from collections.abc import Callable
from typing import Any

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
    """

    def __init__(
        self, estimator: Any, data: dict[str, Any], fitted: Callable[[State], dict[str, Any]], max_epochs: int
    ) -> None:
        self._estimator, self._data, self._fitted = estimator, data, fitted
        self._context = estimator._init_callback_context(max_subtasks=max_epochs)
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
        stop = self._epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=lambda: self._fitted(state), **self._data
        )
        return bool(stop)

    def finish(self, state: State) -> None:
        """Close the task of the whole fit."""
        self._context.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=lambda: self._fitted(state), **self._data
        )


class Printer:
    """The lines that `verbose` prints, worded as scikit-learn's."""

    def __init__(self, first_epoch: int, validated: bool) -> None:
        self._first, self._validated = first_epoch, validated
        self._plateaus = 0

    def begin(self, state: State) -> None:
        """Remember how often the rate has fallen."""
        self._plateaus = state.plateaus

    def end(self, state: State) -> bool:
        """Print the epoch's loss and validation score."""
        epoch = state.history[-1]
        print(f"Iteration {state.epoch - self._first}, loss = {epoch.loss:.8f}")
        if self._validated:
            print(f"Validation score: {epoch.validation_score:f}")
        if state.plateaus > self._plateaus:
            print(f"No improvement. Setting learning rate to {epoch.learning_rate / 5.0:f}")
        return False


class Observers:
    """Several observers as one."""

    def __init__(self, observers: list[Any]) -> None:
        self._observers = observers

    def begin(self, state: State) -> None:
        """Tell them all."""
        for observer in self._observers:
            observer.begin(state)

    def end(self, state: State) -> bool:
        """Tell them all; true if any asks to stop."""
        answers = [observer.end(state) for observer in self._observers]
        return any(answers)


__all__ = ["CallbackSupportMixin", "Callbacks", "Observers", "Printer", "with_callbacks"]
