"""Train the published networks side by side, and join them into one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sknet._model.balance import balancing_shift
from sknet._model.encoding import Encoding
from sknet._model.epoch_choice import FoldsProgress, Selection
from sknet._model.evaluation import HeldOutOutputs
from sknet._model.model import join_networks
from sknet._model.phases import EpochReport, Phase, PhaseOutcome
from sknet._model.trainer import NetworkTrainer, pruned_state, train_side_by_side
from sknet._training.solver import Epoch, EpochObserver, State, StopReason, TrainingEnd
from sknet._typing import Table


@dataclass(frozen=True)
class Progress:
    """The progress of both phases: everything needed to continue a fit, bit for bit."""

    folds: FoldsProgress | None  # None without folds
    states: list[State]  # of the networks that will be published; empty while folds train


_STOP_REASON_PRIORITY = {StopReason.INTERRUPTED: 3, StopReason.MAX_ITER: 2, StopReason.CALLBACK: 1}
"""If networks end for different reasons, the one of highest priority is reported; other reasons have priority 0."""


@dataclass
class TrainPhase(Phase):
    """The phase that trains the published networks.

    Attributes
    ----------
    trainers : list of NetworkTrainer
    states : list of State
        The initial states, which training updates.
    importance_rows : array, CSR matrix or OneHotAndDenseRows, or None
        A few hundred encoded training rows for `feature_importances_`; None to leave it out.
    selection : Selection or None
        The choice of the folds, if there were folds.
    """

    trainers: list[NetworkTrainer]
    states: list[State]
    importance_rows: Table | None
    selection: Selection | None

    def __post_init__(self) -> None:
        self._epochs_before = max(state.epoch for state in self.states)  # epochs trained before this call

    def train(self, observer: EpochObserver, *, in_threads: bool) -> TrainingEnd:
        """Train all networks; return the result of highest priority, see `_STOP_REASON_PRIORITY`."""
        results = train_side_by_side(self.trainers, self.states, observer, in_threads=in_threads)
        return replace(
            max(results, key=lambda result: _STOP_REASON_PRIORITY.get(result.reason, 0)),
            epochs_done=max(state.epoch for state in self.states),
        )

    @property
    def encoding(self) -> Encoding:
        return self.trainers[0].encoding

    @property
    def networks(self) -> list[tuple[NetworkTrainer, State]]:
        """The trainer and the state of each network."""
        return list(zip(self.trainers, self.states, strict=True))

    @property
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call, or had ended before."""
        return all(
            state.epoch > self._epochs_before or trainer.solver.reason_not_to_resume(trainer.problem, state)
            for trainer, state in self.networks
        )

    @property
    def epoch_histories(self) -> list[tuple[Epoch, ...]]:
        return [tuple(state.history) for state in self.states]

    @property
    def best_epoch(self) -> int | None:
        """The best epoch so far, the largest of several networks; None without evaluation."""
        return max((state.best.epoch for state in self.states if state.best is not None), default=None)

    @property
    def last_epoch_report(self) -> EpochReport:
        """The last epoch, with means over the networks that have trained it."""
        return EpochReport(
            number=max(state.epoch for state in self.states),
            n_epochs=self.trainers[0].solver.n_epochs,
            figures=mean_history([state.history[-1:] for state in self.states])[-1],
            best_epoch=self.best_epoch,
            n_rate_cuts=self.states[0].n_plateaus,
        )

    @property
    def n_iter(self) -> int:
        # `history` has the epochs of this call and of a resumed run; `epoch` counts all calls. The history may be
        # longer: L-BFGS records a loss even if it ends before its first iteration.
        return max(min(state.epoch, len(state.history)) for state in self.states)

    def outcome(self) -> PhaseOutcome:
        """Return the joined network, with the mixture that folds or held-out rows choose, and balanced then."""
        temperature = 1.0
        mixing_weights = None
        outputs = None
        if self.selection is not None:
            temperature = self.selection.temperature
            mixing_weights = self.selection.mixing_weights
            outputs = self.selection.held_out_outputs
        elif self.trainers[0].held_out_rows is not None:
            held_out_evaluator = self.trainers[0].held_out_evaluator  # the same rows for all networks
            raw_by_component = held_out_evaluator.raw_by_component(
                lambda j: self.trainers[j].raw_held_out_outputs(self.states[j].trained_theta)
            )
            mixing_weight = 1.0
            raw = raw_by_component[0]
            if len(raw_by_component) > 1:  # else outputs are at the temperature of the best epoch already
                mixing_weight, temperature, raw = held_out_evaluator.choose_mixture(raw_by_component)
            mixing_weights = held_out_evaluator.weights_of_networks(mixing_weight)
            outputs = HeldOutOutputs(raw, held_out_evaluator.rows.y, held_out_evaluator.rows.weight)
        networks = [trainer.make_network(state, temperature) for trainer, state in self.networks]
        joined = join_networks(networks, mixing_weights)
        if outputs is None or mixing_weights is None:
            return PhaseOutcome(joined)
        # only if rows chose the epoch, so that k calls of `partial_fit` equal one `fit` of k epochs
        shift = balancing_shift(self.networks, mixing_weights)
        raw = outputs.raw
        if shift is not None:
            joined = joined.with_output_shifted(shift)
            if self.selection is None:  # outputs of folds come from other networks, which are not balanced
                raw = raw + shift
        return PhaseOutcome(joined, outputs._replace(raw=raw.astype(self.encoding.output_dtype)))

    def state_to_keep(self) -> State | None:
        """Return what a single network keeps beside its published weights; None for joined networks."""
        if len(self.states) > 1:  # they have been joined
            return None
        trainer = self.trainers[0]
        # the best epoch, and a temperature chosen by folds, are in the published weights only
        from_published = self.selection is not None or trainer.held_out_rows is not None
        n_parameters = trainer.layout.n_parameters
        return pruned_state(self.states[0], n_parameters, self.encoding.output_dtype, from_published=from_published)


def mean_history(histories: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Return the means of each epoch over the networks that have trained it; seconds are added up."""
    if len(histories) == 1:
        return list(histories[0])
    means = []
    for i in range(max(map(len, histories), default=0)):
        same_epoch = [epochs[i] for epochs in histories if len(epochs) > i]
        values = {name: float(np.mean([getattr(epoch, name) for epoch in same_epoch])) for name in vars(same_epoch[0])}
        means.append(Epoch(**values | {"seconds": sum(epoch.seconds for epoch in same_epoch)}))
    return means
