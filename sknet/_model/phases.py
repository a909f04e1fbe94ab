"""What both phases of a fit report: folds that choose the epoch, and the training of the published networks."""

from dataclasses import dataclass
from typing import Protocol

from sknet._model.encoding import Encoding
from sknet._model.evaluation import HeldOutOutputs
from sknet._model.model import Network
from sknet._training.solver import Epoch, State
from sknet._typing import Table


@dataclass(frozen=True)
class EpochReport:
    """The last epoch of a fit, for printers."""

    number: int  # from 1; epochs of folds are counted separately
    n_epochs: int  # how many there will be at most
    figures: Epoch  # means over the networks
    best_epoch: int | None  # the best epoch so far, 0 if there is none; None if epochs are not evaluated
    n_rate_cuts: int = 0  # how often the schedule `adaptive` has lowered the rate
    of_folds: bool = False  # whether it is an epoch of folds


class Phase(Protocol):
    """A phase of a fit, see `FoldPhase` and `TrainPhase`."""

    importance_rows: Table | None  # a few hundred encoded training rows, for `feature_importances_`; None to omit it

    @property
    def encoding(self) -> Encoding:
        """The encoding of the networks that `outcome` joins."""

    @property
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call, or had ended before."""

    @property
    def epoch_histories(self) -> list[tuple[Epoch, ...]]:
        """The epochs of each network; those of folds, which end together, as a single item."""

    @property
    def last_epoch_report(self) -> EpochReport:
        """The last epoch."""

    @property
    def n_iter(self) -> int:
        """How many epochs have been trained."""

    def outcome(self) -> tuple[Network, HeldOutOutputs | None]:
        """Return the current networks, joined, and their outputs for held-out rows, if they are known.

        This may take a pass over all training rows.
        """

    def state_to_keep(self) -> State | None:
        """Return the state from which training may continue; None if it cannot."""
