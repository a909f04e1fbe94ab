"""The last whole epoch of all networks side by side, to which an interrupt returns."""

from collections.abc import Sequence
from typing import Any

from sknet._training.solver import Evaluation, State


class LastWholeEpoch:
    """What all networks, and what evaluates them, were at the end of the last whole epoch.

    Nothing else undoes a part of an epoch. While snapshots are taken, the states themselves are those of a whole epoch.
    """

    def __init__(self, states: Sequence[State], evaluation: Evaluation | None) -> None:
        """Take the snapshots from before the first epoch."""
        self.states = states
        self._evaluation = evaluation
        self._epochs_before = states[0].epoch
        self._snapshots: tuple[list[Any], Any] | None = None
        self.move_here()

    def move_here(self) -> None:
        """Take snapshots after an epoch of all networks and its evaluation."""
        self._snapshots = None  # free the memory, then take new ones, of all networks at once
        of_evaluation = None if self._evaluation is None else self._evaluation.snapshot()
        self._snapshots = [state.snapshot() for state in self.states], of_evaluation

    def restore(self) -> bool:
        """Return to it; return whether it ended after the beginning of this call. Loops must not train any more."""
        if self._snapshots is not None:
            of_states, of_evaluation = self._snapshots
            for state, snapshot in zip(self.states, of_states, strict=True):
                state.restore(snapshot)
            if self._evaluation is not None:
                self._evaluation.restore(of_evaluation)
        return self.states[0].epoch > self._epochs_before
