"""Train the published networks side by side, and join them into one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sknet._model.balance import balancing_shift
from sknet._model.epoch_choice import FoldsProgress, Selection
from sknet._model.held_out import HeldOutEvaluator, HeldOutOutputs
from sknet._model.kept_state import pruned_state
from sknet._model.model import Model, Network, join_networks
from sknet._model.network_setup import NetworkSetup, train_side_by_side
from sknet._model.phase import Phase
from sknet._training.solver import Epoch, Observer, State, TrainingEnd
from sknet._typing import Array

ModelScorer = Callable[[Model, Array], float]
"""A user's scorer: (model, raw outputs for the validation rows, (n, k)) -> score."""


@dataclass(frozen=True)
class Progress:
    """The progress of both phases: everything needed to continue a fit, bit for bit."""

    folds: FoldsProgress | None  # None without folds
    states: list[State]  # of the networks that will be published; empty while folds train


@dataclass
class TrainPhase(Phase):
    """The phase that trains the published networks.

    Attributes
    ----------
    setups : list of NetworkSetup
    states : list of State
        The initial states, which training updates.
    selection : Selection or None
        The choice of the folds, if there were folds.
    score : callable or None
        Returns the score of an epoch; None for minus the loss.
    """

    is_of_folds: ClassVar[bool] = False

    setups: list[NetworkSetup]
    states: list[State]
    selection: Selection | None
    score: ModelScorer | None = None

    def __post_init__(self) -> None:
        self._epochs_before_call = self.states[0].epoch
        first = self.setups[0]
        rows = first.held_out_rows  # they have the same targets for all networks
        self._evaluator = None if rows is None else HeldOutEvaluator(rows, first.settings)

    def train(self, observer: Observer) -> TrainingEnd:
        """Train all networks."""
        return train_side_by_side(self.setups, self.states, observer, None if self._evaluator is None else self)

    def evaluate_epoch(self) -> float:
        """Evaluate the mean raw output of the networks after their last epoch, at the best temperature.

        Each network keeps its weights if it is the best epoch of all networks together.
        """
        evaluator = self._evaluator
        assert evaluator is not None  # there is one if this method is called
        thetas = [state.averaged_theta for state in self.states]
        mixture = evaluator.mix(self._raw_by_bins(evaluator, thetas))
        # users see the losses and their best epoch, so the loss decides, and not the criterion with the penalty
        score = -mixture.loss
        if self.score is not None:
            model = Model(self.encoding, self._joined(thetas, mixture.temperature))
            score = self.score(model, mixture.raw.astype(self.encoding.output_dtype))
        for state in self.states:
            state.record_evaluation(mixture.loss, score)
        return -score

    def snapshot(self) -> None:
        """Return nothing: the states record all evaluations."""

    def restore(self, snapshot: None) -> None:
        """Undo nothing."""

    def _raw_by_bins(self, evaluator: HeldOutEvaluator, thetas: Sequence[Array]) -> Array:
        """Return the mean raw outputs for the held-out rows, of networks without and with bins, (1 or 2, m, k)."""
        return evaluator.raw_by_bins(lambda j: self.setups[j].raw_held_out_outputs(thetas[j]))

    def _joined(
        self, thetas: Sequence[Array], temperature: float, mixing_weights: Sequence[float] | None = None
    ) -> Network:
        """Return the joined network of each network's theta; by default they have equal weights."""
        networks = zip(self.setups, thetas, strict=True)
        return join_networks([setup.make_network(theta, temperature) for setup, theta in networks], mixing_weights)

    @property
    def networks(self) -> list[tuple[NetworkSetup, State]]:
        """The setup and the state of each network."""
        return list(zip(self.setups, self.states, strict=True))

    @property
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call, or had ended before."""
        is_over = self.setups[0].solver.reason_to_end(self.states[0]) is not None
        return is_over or all(state.epoch > self._epochs_before_call for state in self.states)

    @property
    def epoch_histories(self) -> list[tuple[Epoch, ...]]:
        """The epochs of each network."""
        return [tuple(state.history) for state in self.states]

    @property
    def best_epoch(self) -> int | None:
        """The best epoch so far of all networks together; 0 if there is none yet, None without evaluation."""
        return None if self._evaluator is None else self.states[0].best.epoch

    @property
    def n_iter(self) -> int:
        """How many epochs this call has trained, with those of the run that it resumes."""
        # `history` has the epochs of this call and of a resumed run; `epoch` counts all calls. The history may be
        # longer: L-BFGS records a loss even if it ends before its first iteration.
        first = self.states[0]
        return min(first.epoch, len(first.history))

    def join(self) -> tuple[Network, HeldOutOutputs | None]:
        """Return the joined network, and raw outputs for the rows that chose its mixture, if any rows did.

        If rows chose the mixture, the network is balanced, which may take a pass over all training rows.
        """
        thetas = [state.theta_to_publish for state in self.states]
        if self.selection is not None:
            temperature = self.selection.temperature
            mixing_weights = self.selection.mixing_weights
            outputs = self.selection.held_out_outputs
        elif self._evaluator is not None:
            evaluator = self._evaluator
            mixture = evaluator.choose_mixture(self._raw_by_bins(evaluator, thetas))
            temperature = mixture.temperature
            mixing_weights = evaluator.weights_of_networks(mixture.mixing_weight)
            outputs = HeldOutOutputs(mixture.raw, evaluator.rows.y, evaluator.rows.weight)
        else:
            return self._joined(thetas, 1.0), None
        joined = self._joined(thetas, temperature, mixing_weights)
        # balance only if rows chose the epoch, so that k calls of `partial_fit` equal one `fit` of k epochs
        shift = balancing_shift(self.networks, mixing_weights, temperature)
        raw = outputs.raw
        if shift is not None:
            joined = joined.with_output_shifted(shift)
            if self.selection is None:  # outputs of folds come from other networks, which are not balanced
                raw = raw + shift
        return joined, outputs._replace(raw=raw.astype(self.encoding.output_dtype))

    def state_to_keep(self) -> State | None:
        """Return what a single network keeps beside its published weights; None for joined networks."""
        if len(self.states) > 1:  # they have been joined
            return None
        setup = self.setups[0]
        # the best epoch, and a temperature chosen by folds, are in the published weights only
        from_published = self.selection is not None or setup.held_out_rows is not None
        n_parameters = setup.layout.n_parameters
        return pruned_state(self.states[0], n_parameters, self.encoding.output_dtype, from_published=from_published)
