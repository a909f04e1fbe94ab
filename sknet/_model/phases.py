"""What a fit asks of its two phases: folds, which choose the epoch, and the training of the published networks.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)     for held-out rows, by networks that have not seen them
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sknet._model.fold_progress import FoldProgress
from sknet._model.matrices import Encoding
from sknet._model.model import Network
from sknet._model.network_trainer import NetworkTrainer
from sknet._tables.rows import Rows
from sknet._training.solver import Epoch, State
from sknet._typing import Array, Table


@dataclass(frozen=True)
class EpochReport:
    """The last epoch of a fit, as printers show it."""

    number: int  # from 1; those of folds are counted apart
    n_epochs: int  # how many there will be at most
    figures: Epoch  # the means over the networks
    best_epoch: int | None  # the best epoch so far, where epochs are evaluated
    n_rate_cuts: int  # how often the schedule `adaptive` has lowered the rate
    of_folds: bool  # whether folds have trained it, to choose how many epochs follow


class HeldOutOutputs(NamedTuple):
    """What rows that training has not seen tell of a network."""

    raw: Array  # (m, k) its raw outputs for them
    y: Array  # their parsed targets
    weight: Array | None


class PhaseOutcome(NamedTuple):
    """What a phase leaves: its networks, joined into one, and what held-out rows tell of them."""

    network: Network  # all of them, joined
    held_out: HeldOutOutputs | None = None


@dataclass(frozen=True)
class Progress:
    """How far both phases have come: all that must be kept for a fit to go on, bit for bit."""

    folds: FoldProgress | None  # where folds choose
    states: list[State]  # of the networks that are published; none as long as folds are at work


class Phase(Protocol):
    """What a fit asks of the phase that is at work, or has ended it."""

    @property
    def encoding(self) -> Encoding:
        """How the table is encoded for the networks that are published."""

    @property
    def importance_rows(self) -> Table | None:
        """A few hundred of their training rows, encoded, for `feature_importances_`; None leaves it out."""

    @property
    def trainers_and_states(self) -> list[tuple[NetworkTrainer, State]]:
        """The networks in training that will be published, with their states: none while folds choose."""

    @property
    def has_new_epoch(self) -> bool:
        """Whether all networks have trained an epoch in this call."""

    @property
    def epochs(self) -> list[tuple[Epoch, ...]]:
        """The epochs that each network has trained."""

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch."""

    @property
    def n_iter(self) -> int:
        """How many epochs have been trained, those before the call was resumed included; the most of any network."""

    def outcome(self, rows: Rows) -> PhaseOutcome:
        """Return the networks as they are now, joined; and what held-out rows tell, among `rows` or beside them."""

    def state_to_keep(self) -> State | None:
        """Return the state from which training may go on; None where it cannot."""
