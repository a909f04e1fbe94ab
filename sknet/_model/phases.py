"""The interface of the two phases of a fit: folds, which choose the epoch, and training the published networks.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)     raw outputs for held-out rows, by networks that were not trained on them
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
    """The last epoch of a fit, for printers."""

    number: int  # from 1; epochs of folds are counted separately
    n_epochs: int  # how many there will be at most
    figures: Epoch  # means over the networks
    best_epoch: int | None  # the best epoch so far; None if epochs are not evaluated
    n_rate_cuts: int  # how often the schedule `adaptive` has lowered the rate
    of_folds: bool  # whether it is an epoch of folds


class HeldOutOutputs(NamedTuple):
    """Raw outputs for held-out rows, with their targets and weights."""

    raw: Array  # (m, k)
    y: Array  # parsed targets
    weight: Array | None


class PhaseOutcome(NamedTuple):
    """The result of a phase."""

    network: Network  # all networks, joined
    held_out: HeldOutOutputs | None = None


@dataclass(frozen=True)
class Progress:
    """The progress of both phases: everything needed to continue a fit, bit for bit."""

    folds: FoldProgress | None  # None without folds
    states: list[State]  # of the networks that will be published; empty while folds train


class Phase(Protocol):
    """A phase of a fit."""

    @property
    def encoding(self) -> Encoding:
        """The encoding of the published networks."""

    @property
    def importance_rows(self) -> Table | None:
        """A few hundred encoded training rows for `feature_importances_`; None to leave it out."""

    @property
    def trainers_and_states(self) -> list[tuple[NetworkTrainer, State]]:
        """The trainers and states of the networks that will be published; empty for folds."""

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
        """How many epochs have been trained, including epochs before the run was resumed; the most of any network."""

    def outcome(self, rows: Rows) -> PhaseOutcome:
        """Return the current networks, joined, and the raw outputs for held-out rows; `rows`: the training table."""

    def state_to_keep(self) -> State | None:
        """Return the state from which training may continue; None if it cannot."""
