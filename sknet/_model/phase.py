"""What both phases of a fit have in common: the folds that choose the epoch, and the published networks."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import astuple, replace
from typing import ClassVar

import numpy as np

from sknet._model.encoding import Encoding
from sknet._model.held_out import HeldOutOutputs
from sknet._model.model import Network
from sknet._model.network_setup import NetworkSetup
from sknet._training.solver import Epoch, Evaluation, Observer, State, TrainingEnd


class Phase(Evaluation):
    """A part of a fit in which several networks train side by side.

    Attributes
    ----------
    is_of_folds : bool
        Whether it is the phase of folds.
    """

    is_of_folds: ClassVar[bool]

    @property
    @abstractmethod
    def networks(self) -> list[tuple[NetworkSetup, State]]:
        """The setup and the state of each network, first those that `join` joins."""

    @abstractmethod
    def train(self, observer: Observer) -> TrainingEnd:
        """Train all networks."""

    @abstractmethod
    def join(self) -> tuple[Network, HeldOutOutputs | None]:
        """Return the joined network, and raw outputs for the rows that chose its mixture, if any rows did."""

    @property
    def encoding(self) -> Encoding:
        """The encoding of the networks that `join` joins."""
        return self.networks[0][0].encoding

    # --- epochs ------------------------------------------------------------------------------------------------------

    @property
    @abstractmethod
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call, or had ended before."""

    @property
    @abstractmethod
    def epoch_histories(self) -> list[tuple[Epoch, ...]]:
        """The epochs of each network; of folds, those of all networks together."""

    @property
    @abstractmethod
    def n_iter(self) -> int:
        """How many epochs this call has trained, with those of the run that it resumes."""

    @property
    @abstractmethod
    def best_epoch(self) -> int | None:
        """The best epoch so far of all networks together; 0 if there is none yet, None without evaluation."""

    @property
    def epochs_done(self) -> int:
        """How many epochs all calls have trained."""
        return self.networks[0][1].epoch

    @property
    def n_epochs(self) -> int:
        """How many epochs all calls will have trained at most."""
        return self.networks[0][0].solver.n_epochs

    @property
    def last_epoch(self) -> Epoch:
        """The last epoch, with means over the networks."""
        return mean_history([epochs[-1:] for epochs in self.epoch_histories])[-1]


def mean_history(histories: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Return the means of each epoch over the networks; seconds are added up."""
    if len(histories) == 1:
        return list(histories[0])
    means = []
    for same_epoch in zip(*histories, strict=False):
        mean = Epoch(*np.mean([astuple(epoch) for epoch in same_epoch], axis=0).tolist())
        means.append(replace(mean, seconds=sum(epoch.seconds for epoch in same_epoch)))
    return means
