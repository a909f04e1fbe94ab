"""How far folds have come in choosing the epoch: all that must be kept for them to go on, bit for bit.

Conventions
-----------
m rows held out; k raw outputs.

raw_by_component     outputs for the held-out rows, (m, k), one array for each component: see `mixture`
"""

from dataclasses import dataclass, field
from math import inf

from sknet._training.solver import Epoch, State
from sknet._typing import Array


@dataclass
class ChosenEpoch:
    """The epoch that some of the held-out rows have chosen so far."""

    number: int = 0  # 0: none could be chosen yet
    raw_by_component: list[Array] = field(default_factory=list)  # of all held-out rows, after this epoch
    temperature: float | None = None  # that suits these rows then, at equal mixing weights, if it is known
    best_loss: float = inf  # of the epochs that may be chosen


@dataclass
class FoldProgress:
    """What folds have trained and chosen so far."""

    states: list[list[State]]  # of each fold those of all members; none once the folds are done
    choices: list[ChosenEpoch]  # by all held-out rows, then by those outside of each judged set
    epochs: list[Epoch] = field(default_factory=list)  # the folds' own: their joint loss as the validation loss
    patience_epoch: int = 0
    best_loss: float = inf  # of any epoch
    inverse_temperature: float = 1.0  # of the last epoch

    def refuse_other(self, first: "FoldProgress", raw_by_component: list[Array]) -> None:
        """Raise a ValueError if this is not the progress of folds that begin with `first` and these outputs."""
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
