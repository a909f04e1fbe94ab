"""The progress of a fit, and what its phases report: folds that choose the epoch, and the published networks.

Conventions
-----------
m rows held out; k raw outputs.

raw_by_component : (c, m, k)     raw outputs for the held-out rows, for each component: see `evaluation`
"""

from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Protocol

from sknet._model.encoding import Encoding
from sknet._model.evaluation import HeldOutOutputs
from sknet._model.model import Network
from sknet._training.solver import Epoch, State
from sknet._typing import Array, Table

# --- the progress of a fit -------------------------------------------------------------------------------------------


@dataclass
class EpochChoice:
    """The best epoch so far, by the loss of some of the held-out rows."""

    epoch: int = 0  # 0: no epoch could be chosen yet
    raw_by_component: Array | None = None  # for all held-out rows, after this epoch
    least_criterion: float = inf  # the criterion of this epoch

    def update_if_better(self, epoch: int, raw_by_component: Array, criterion: float) -> None:
        """Choose this epoch if none before has a smaller criterion."""
        if not self.epoch or criterion <= self.least_criterion:
            self.epoch = epoch
            self.raw_by_component = raw_by_component
            self.least_criterion = criterion


@dataclass
class FoldProgress:
    """The states of the folds' networks, and what the folds have chosen so far."""

    states: list[list[State]]  # for each fold, of all members; empty once the folds are done
    choices: list[EpochChoice]  # by all held-out rows, then for each cross-fit set by the other rows
    epochs: list[Epoch] = field(default_factory=list)  # of the folds; the validation loss is their joint loss
    patience_epoch: int = 0  # the last epoch that improved the loss
    least_criterion: float = inf  # of all epochs
    inverse_temperature: float = 1.0  # of the last epoch

    def check_start(self, first: "FoldProgress", raw_by_component: Array) -> None:
        """Raise a ValueError if a run that began with `first` and these raw outputs cannot continue from here."""
        if self.states and [*map(len, self.states)] != [*map(len, first.states)]:
            raise ValueError("its networks do not match the folds of this run")
        for own, first_states in zip(self.states, first.states, strict=False):
            for state, first_state in zip(own, first_states, strict=True):
                state.check_same_kind(first_state)
                if state.epoch != len(self.epochs):
                    raise ValueError("its networks have trained another number of epochs than its folds")
        if len(self.choices) != len(first.choices):
            raise ValueError("its folds have chosen another number of epochs")
        expected = (raw_by_component.shape, raw_by_component.dtype)
        for choice in self.choices:
            raw = choice.raw_by_component
            is_chosen = 0 < choice.epoch <= len(self.epochs) and raw is not None and (raw.shape, raw.dtype) == expected
            if not is_chosen and (choice.epoch or raw is not None or not self.states):
                raise ValueError("the outputs that its folds have chosen do not match the held-out rows")


@dataclass(frozen=True)
class Progress:
    """The progress of both phases: everything needed to continue a fit, bit for bit."""

    folds: FoldProgress | None  # None without folds
    states: list[State]  # of the networks that will be published; empty while folds train


# --- what both phases report -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class EpochReport:
    """The last epoch of a fit, for printers."""

    number: int  # from 1; epochs of folds are counted separately
    n_epochs: int  # how many there will be at most
    figures: Epoch  # means over the networks
    best_epoch: int | None  # the best epoch so far, 0 if there is none; None if epochs are not evaluated
    n_rate_cuts: int  # how often the schedule `adaptive` has lowered the rate
    of_folds: bool  # whether it is an epoch of folds


class PhaseOutcome(NamedTuple):
    """The result of a phase."""

    network: Network  # all networks, joined
    held_out_outputs: HeldOutOutputs | None = None


class Phase(Protocol):
    """A phase of a fit, see `FoldPhase` and `TrainPhase`."""

    @property
    def encoding(self) -> Encoding:
        """The encoding of the networks that `outcome` joins."""

    @property
    def importance_rows(self) -> Table | None:
        """A few hundred encoded training rows for `feature_importances_`; None to leave it out."""

    @property
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call, or had ended before."""

    @property
    def epochs_by_network(self) -> list[tuple[Epoch, ...]]:
        """The epochs of each network; those of folds, which end together, as a single item."""

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch."""

    @property
    def n_iter(self) -> int:
        """How many epochs have been trained."""

    def outcome(self) -> PhaseOutcome:
        """Return the current networks, joined."""

    def state_to_keep(self) -> State | None:
        """Return the state from which training may continue; None if it cannot."""
