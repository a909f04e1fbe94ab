"""The progress of folds in choosing the epoch: everything needed to continue them, bit for bit.

Conventions
-----------
m rows held out; k raw outputs.

raw_by_component     raw outputs for the held-out rows, (m, k), one array for each component: see `mixture`
"""

from dataclasses import dataclass, field
from math import inf

from sknet._training.solver import Epoch, State
from sknet._typing import Array


@dataclass
class ChosenEpoch:
    """The epoch that some of the held-out rows have chosen so far."""

    number: int = 0  # 0: none could be chosen yet
    raw_by_component: list[Array] = field(default_factory=list)  # for all held-out rows, after this epoch
    temperature: float | None = None  # the best one at equal mixing weights; None if unknown
    best_loss: float = inf  # the least among epochs that may be chosen


@dataclass
class FoldProgress:
    """The states of the folds' networks, and what the folds have chosen so far."""

    states: list[list[State]]  # for each fold, of all members; empty once the folds are done
    choices: list[ChosenEpoch]  # by all held-out rows, then for each judged set by the other rows
    epochs: list[Epoch] = field(default_factory=list)  # of the folds; the validation loss is their joint loss
    patience_epoch: int = 0  # the last epoch that improved the loss
    best_loss: float = inf  # the least of all epochs
    inverse_temperature: float = 1.0  # of the last epoch

    def refuse_other(self, first: "FoldProgress", raw_by_component: list[Array]) -> None:
        """Raise a ValueError if this progress does not belong to folds that start with `first` and these outputs."""
        if self.states and [*map(len, self.states)] != [*map(len, first.states)]:
            raise ValueError("its networks are not those of these folds")
        for own, first_states in zip(self.states, first.states, strict=False):
            for state, first_state in zip(own, first_states, strict=True):
                state.refuse_other(first_state)
                if state.epoch != len(self.epochs):
                    raise ValueError("its epochs are not those of its folds")
        if len(self.choices) != len(first.choices):
            raise ValueError("its folds have made other choices")
        shapes = [raw.shape for raw in raw_by_component]
        for chosen in self.choices:
            found = [raw.shape for raw in chosen.raw_by_component]
            is_chosen = 0 < chosen.number <= len(self.epochs) and found == shapes
            if not is_chosen and (chosen.number or found or not self.states):
                raise ValueError("what its folds have chosen is not of these rows")
