"""Train the published networks side by side, and join them into one.

Conventions
-----------
m rows held out; k raw outputs.

raw : (m, k)     raw outputs for held-out rows, by networks that were not trained on them
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sknet._model.balance import balancing_shift
from sknet._model.fold_phase import Selection
from sknet._model.joining import join_networks
from sknet._model.matrices import EncodedRows, Encoding
from sknet._model.mixture import ChosenMixture, HeldOutLoss, Mixture
from sknet._model.network_trainer import NetworkTrainer
from sknet._model.phases import EpochReport, HeldOutOutputs, PhaseOutcome
from sknet._model.side_by_side import train_side_by_side
from sknet._tables.read import take_optional
from sknet._tables.rows import Rows
from sknet._training.solver import Epoch, EpochObserver, State, StopReason, TrainingEnd
from sknet._typing import Table


@dataclass
class TrainPhase:
    """The phase that trains the published networks.

    Attributes
    ----------
    trainers : list of NetworkTrainer
    states : list of State
        The initial states, which training updates.
    held_out : EncodedRows or None
        The rows that evaluate each epoch.
    importance_rows : array, CSR matrix or MixedRows, or None
        A few hundred encoded training rows for `feature_importances_`; None to leave it out.
    selection : Selection or None
        The choice of the folds, if there were folds.
    """

    trainers: list[NetworkTrainer]
    states: list[State]
    held_out: EncodedRows | None
    importance_rows: Table | None = None
    selection: Selection | None = None

    def __post_init__(self) -> None:
        self._epochs_before = max(state.epoch for state in self.states)  # epochs trained before this call

    def train(self, observer: EpochObserver | None, *, in_threads: bool) -> TrainingEnd:
        """Train all networks; return the result of highest priority, see `_PRIORITY`."""
        results = train_side_by_side(self.trainers, self.states, observer, in_threads=in_threads)
        return replace(
            max(results, key=lambda result: _PRIORITY.get(result.reason, 0)),
            epochs_done=max(state.epoch for state in self.states),
            scores_undefined=any(result.scores_undefined for result in results),
        )

    @property
    def encoding(self) -> Encoding:
        """The encoding of the networks."""
        return self.trainers[0].encoding

    @property
    def trainers_and_states(self) -> list[tuple[NetworkTrainer, State]]:
        """The trainers and states of the networks."""
        return list(zip(self.trainers, self.states, strict=True))

    @property
    def has_new_epoch(self) -> bool:
        """Whether all networks that had not ended before have trained an epoch in this call."""
        return all(
            state.epoch > self._epochs_before or trainer.solver.reason_not_to_resume(trainer.problem, state)
            for trainer, state in self.trainers_and_states
        )

    @property
    def epochs(self) -> list[tuple[Epoch, ...]]:
        """The epochs that each network has trained."""
        return [tuple(state.history) for state in self.states]

    @property
    def best_epoch(self) -> int | None:
        """The best epoch so far, the largest of several networks; None without evaluation."""
        return max((state.best.epoch for state in self.states if state.best is not None), default=None)

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch."""
        return EpochReport(
            number=max(state.epoch for state in self.states),
            n_epochs=self.trainers[0].solver.n_epochs,
            figures=average_epochs([state.history[-1:] for state in self.states])[-1],
            best_epoch=self.best_epoch,
            n_rate_cuts=self.states[0].n_plateaus,
            of_folds=False,
        )

    @property
    def n_iter(self) -> int:
        """How many epochs have been trained, including epochs before the run was resumed; the most of any network."""
        # `history` has the epochs of this call and of a resumed run; `epoch` counts all calls. The history may be
        # longer: L-BFGS records a loss even if it ends before its first iteration.
        return max(min(state.epoch, len(state.history)) for state in self.states)

    def outcome(self, rows: Rows) -> PhaseOutcome:
        """Return the current networks, joined, and the raw outputs for held-out rows, of folds or of one split."""
        temperature, mixing_weights, held_out = 1.0, None, None
        if self.selection is not None:
            temperature, mixing_weights = self.selection.temperature, self.selection.mixing_weights
            row_indices = self.selection.held_out
            weight = take_optional(rows.weight, row_indices)
            held_out = HeldOutOutputs(self.selection.raw, rows.y[row_indices], weight)
        elif self.held_out is not None:
            temperature, mixing_weights, raw = self._choose_mixture(self.held_out)
            held_out = HeldOutOutputs(raw, self.held_out.y, self.held_out.weight)
        networks = [trainer.network(state, temperature) for trainer, state in self.trainers_and_states]
        # each takes all inputs; weights for skipped bins are 0
        joined = join_networks(networks, self.encoding.encoder.n_inputs, mixing_weights)
        # only if rows chose the epoch, so that k calls of `partial_fit` equal one `fit` of k epochs
        shift = None if mixing_weights is None else balancing_shift(self.trainers, self.states, mixing_weights)
        if shift is not None:
            joined = joined.with_output_shifted(shift)
        if held_out is not None:
            # outputs of folds come from other networks, which are not balanced
            raw = held_out.raw if shift is None or self.selection is not None else held_out.raw + shift
            held_out = held_out._replace(raw=raw.astype(self.encoding.output_dtype))
        return PhaseOutcome(joined, held_out)

    def state_to_keep(self) -> State | None:
        """Return the state from which training may continue; None for several networks, which have been joined."""
        if len(self.states) > 1:
            return None
        # a temperature chosen by folds is in the published weights only
        return self.trainers[0].state_to_keep(self.states[0], from_published=self.selection is not None)

    def _choose_mixture(self, held_out: EncodedRows) -> ChosenMixture:
        """Return the mixture chosen by the held-out rows."""
        first = self.trainers[0]
        mixture = Mixture(first.settings.sees_bins)
        raw_by_component = mixture.mean_raw_by_component(
            lambda j: self.trainers[j].raw_held_out_outputs(self.states[j])
        )
        if len(raw_by_component) == 1:  # no weight to choose, and the temperature of the best epoch is known
            return ChosenMixture(1.0, mixture.weight_of_each_network(mixture.equal_weight), raw_by_component[0])
        # the targets and weights are the same for all networks
        loss = HeldOutLoss(held_out, first.settings.regularisation.temperature_scaling)
        return loss.choose_mixture(raw_by_component, mixture)


# if networks end for different reasons, the one of highest priority is reported
_PRIORITY = {StopReason.INTERRUPTED: 3, StopReason.MAX_ITER: 2, StopReason.CALLBACK: 1}


def average_epochs(each: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Return the means of each epoch over the networks that have trained it; seconds are added up."""
    if len(each) == 1:
        return list(each[0])
    means = []
    for i in range(max(map(len, each), default=0)):
        same_epoch = [epochs[i] for epochs in each if len(epochs) > i]
        values = {name: float(np.mean([getattr(epoch, name) for epoch in same_epoch])) for name in vars(same_epoch[0])}
        means.append(Epoch(**values | {"seconds": sum(epoch.seconds for epoch in same_epoch)}))
    return means
