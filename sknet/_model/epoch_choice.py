"""On smaller tables, folds choose the number of epochs and the temperature; then networks learn from all rows.

Chance decides much of the loss of a few held-out rows, so they would often choose a bad epoch. Here all folds, or on
larger tables some of them, are held out in turn; see `fold_counts`. Training with folds is the first phase of a fit.

The rule: all networks train side by side. After each epoch, all held-out rows rate their raw outputs together: by the
loss at the best temperature, plus a penalty on extreme temperatures. The epoch with the lowest sum is chosen, and among
equal ones the last. NaN counts as the highest sum. Epochs before `MIN_STEPS_TO_CHOOSE` steps are not chosen, unless the
networks are overconfident. The folds end when patience is over. The outputs for held-out rows that are kept, for
intervals and `oof_prediction_`, come from epochs chosen by other rows: see `draw_cross_fit_sets`.

Conventions
-----------
n rows; m of them held out, m <= n; k raw outputs.

fold : (n,)          which fold each row belongs to
raw : (m, k)         raw outputs for the held-out rows, fold after fold, by networks that were not trained on them
raw_by_bins : (1 or 2, m, k)     their means over the networks without bins, and over those with bins: see `held_out`
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import ceil, inf, isnan, nan, sqrt
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sknet._model.encoding_learner import EncodingLearner, encode_rows
from sknet._model.held_out import HeldOutEvaluator, HeldOutOutputs, Holdout
from sknet._model.model import Network, join_networks
from sknet._model.network_setup import NetworkSetup, make_network_setups, train_side_by_side
from sknet._model.phase import Phase, mean_history
from sknet._model.rows import EncodedRows, Rows
from sknet._model.rules_by_rows import fold_counts
from sknet._tables.raw_table import take_optional
from sknet._tables.splitting import Split, assign_folds
from sknet._training.solver import BestEpoch, EndReason, Epoch, Observer, Solver, State, TrainingEnd
from sknet._typing import Array

# --- folds -----------------------------------------------------------------------------------------------------------


def draw_folds(n_rows: int, strata: Array | None, groups: Array | None, seed: int, n_events: float = inf) -> Holdout:
    """Draw (train, held-out) splits, stratified or by group. See `fold_counts` for how many of the folds."""
    counts = fold_counts(n_rows, groups is not None, n_events)
    fold = assign_folds(n_rows, strata, groups, counts.n_folds, seed)
    n_held_out = min(counts.n_held_out, fold.max() + 1)
    splits = [Split(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(n_held_out)]
    return Holdout(fold_splits=splits, n_events=n_events)


MIN_STEPS_TO_CHOOSE = 75
"""An epoch that ends before this many steps is not chosen, unless it is the last one, or its networks are
overconfident, see `OVERCONFIDENT_INVERSE_TEMPERATURE`. Its loss could only be low by chance, and the average of the
weights still includes the first ones. If any epoch may be chosen, error rates are .8% larger on 54 tables
(tests/benchmarks/notes.md)."""

OVERCONFIDENT_INVERSE_TEMPERATURE = 0.2
"""If the best inverse temperature is below this number, raw outputs are more than five times as large as held-out rows
support, so the networks have been trained for long enough. On 300 rows of noise with 20 columns of 25 categories, 75
steps are too many: the published network overfits more than those of the folds, and its sets cover .86 instead of .9
(tests/benchmarks/notes.md)."""

MAX_CROSS_FIT_SETS = 4
"""How many sets `draw_cross_fit_sets` makes at most. Each set takes time every epoch."""


@dataclass(frozen=True)
class FoldsProgress:
    """How far the folds have come: the states of their networks, and the best epoch so far.

    Training changes the states. Each epoch makes a new value of the rest, so that an interrupt can undo it.
    """

    states: list[State]  # of all members of each fold, fold after fold; empty once the folds are done
    choices: list[BestEpoch]  # of each evaluator of the phase, with the raw outputs by bins after the epoch
    epochs: list[Epoch] = field(default_factory=list)  # of the folds; the validation loss is their joint loss
    inverse_temperature: float = 1.0  # of the last epoch

    def check_can_continue_from(self, first: "FoldsProgress", raw_by_bins: Array) -> None:
        """Raise a ValueError if a run that began with `first` and these raw outputs cannot continue from here."""
        if self.states and len(self.states) != len(first.states):
            raise ValueError("its networks do not match the folds of this run")
        for state, first_state in zip(self.states, first.states, strict=False):
            state.check_same_kind(first_state)
            if state.epoch != len(self.epochs):
                raise ValueError("its networks have trained another number of epochs than its folds")
        if len(self.choices) != len(first.choices):
            raise ValueError("its folds have chosen another number of epochs")
        expected = (raw_by_bins.shape, raw_by_bins.dtype)
        for choice in self.choices:
            raw = choice.kept
            if not 0 < choice.epoch <= len(self.epochs) or raw is None or (raw.shape, raw.dtype) != expected:
                raise ValueError("the outputs that its folds have chosen do not match the held-out rows")


@dataclass(frozen=True)
class Selection:
    """The choice of the folds, with their predictions for the held-out rows."""

    chosen_epoch: int
    n_rows: float  # how many rows a fold's network has learnt from, on average
    temperature: float
    mixing_weights: tuple[float, ...]  # weight of each network in the mean raw output
    held_out_indices: NDArray[np.intp]  # (m,)  the indices of the held-out rows
    held_out_outputs: HeldOutOutputs  # at the epoch, mixing weights and temperature chosen by the other cross-fit sets

    def solver_for(self, solver: Solver, n_rows: int) -> Solver:
        """Return a solver that takes as many steps as folds have chosen, rounded to whole epochs of n rows.

        The number of epochs is not kept: an epoch of all rows has more steps than an epoch of a fold, so the network
        would fit more of the noise. On tables of noise, the loss on new rows was then 2 to 6% larger.

        Each step has the learning rate of the folds' steps, and the geometric mean of their pull on gains and of that
        of n rows, which is weaker. With the latter, inputs that carry nothing would fade less than in the networks that
        chose the steps; with the former, columns that are informative only together were lost in some fits: see "Inputs
        that carry nothing" in tests/benchmarks/notes.md. If folds have chosen the last epoch of `max_iter`, the solver
        is returned as it is.
        """
        if self.chosen_epoch >= solver.n_epochs:  # the last epoch of `max_iter` is the best: keep all epochs
            return solver
        n_steps = self.chosen_epoch * steps_per_epoch(solver, self.n_rows)
        n_epochs = max(1, round(n_steps / steps_per_epoch(solver, n_rows)))
        return solver.with_epochs(n_epochs, n_epochs / self.chosen_epoch, sqrt(n_rows / self.n_rows))


def draw_cross_fit_sets(splits: Sequence[Split], groups: Array | None) -> list[NDArray[np.intp]]:
    """Divide the held-out rows into sets. The epoch at which a set is evaluated is chosen by the other sets.

    Each fold is a set. If there are more than `MAX_CROSS_FIT_SETS` folds, a set holds several; a single fold is halved.
    A row that several splits hold out belongs to the set of the first.

    Returns
    -------
    list of ndarray
        For each set, the indices of its rows in the concatenated held-out rows of all splits.
    """
    held_out_indices = np.concatenate([split.held_out_indices for split in splits])
    row_indices, first = np.unique(held_out_indices, return_index=True)
    if len(splits) > 1:
        set_of_split = np.arange(len(splits)) % MAX_CROSS_FIT_SETS
        cross_fit_set = np.repeat(set_of_split, [len(split.held_out_indices) for split in splits])[first]
    elif len(held_out_indices) < 2 or (groups is not None and len(np.unique(groups[row_indices])) < 2):
        cross_fit_set = np.zeros(len(row_indices), np.intp)
    else:
        cross_fit_set = assign_folds(len(row_indices), None, take_optional(groups, row_indices), 2, seed=0)
    return [np.sort(first[cross_fit_set == i]) for i in np.unique(cross_fit_set)]


@dataclass
class FoldPhase(Phase):
    """The phase whose networks train without the rows of a fold, one network per fold and member.

    An epoch, as observers see it, is an epoch of all networks, with their joint loss.

    Attributes
    ----------
    splits : sequence of Split
        For each fold, the rows to train on and the rows held out.
    setups : list of NetworkSetup
        Of all members of each fold, fold after fold.
    first_train_rows : EncodedRows or None
        The training rows of the first fold, whose networks are published after an interrupt; None once folds are done.
    evaluators : list of HeldOutEvaluator
        An epoch and a mixture are chosen by the losses of each. The first has all held-out rows, and its choice is
        published. If there are several cross-fit sets, there is one more for each set, with the rows outside of it:
        from its choice, the raw outputs for the set are kept.
    progress : FoldsProgress
    """

    is_of_folds: ClassVar[bool] = True

    splits: Sequence[Split]
    setups: list[NetworkSetup]
    first_train_rows: EncodedRows | None
    evaluators: list[HeldOutEvaluator]
    progress: FoldsProgress

    def __post_init__(self) -> None:
        """Derive the held-out rows and the first epoch that may be chosen."""
        self.held_out_indices = np.concatenate([split.held_out_indices for split in self.splits])
        self._n_train = np.array([len(split.train_indices) for split in self.splits])
        self._n_members = len(self.setups) // len(self.splits)
        solver = self.setups[0].solver
        n_steps = steps_per_epoch(solver, self._n_train.min())
        self.first_epoch = min(ceil(MIN_STEPS_TO_CHOOSE / n_steps), solver.n_epochs)
        self._epochs_before_call = 0

    def resume(self, progress: FoldsProgress) -> None:
        """Continue from the progress of earlier folds; raise a ValueError if these were other folds."""
        progress.check_can_continue_from(self.progress, self.raw_by_bins())
        self.progress = progress
        self._epochs_before_call = len(progress.epochs)

    def train(self, observer: Observer) -> TrainingEnd:
        """Train until the joint loss stops falling."""
        end = train_side_by_side(self.setups, self.progress.states, observer, self)
        if end.callback_asked and end.reason is not EndReason.INTERRUPTED:  # even if it was the last epoch anyway
            return replace(end, reason=EndReason.CALLBACK)
        return end

    def raw_by_bins(self) -> Array:
        """Return the mean raw outputs for the held-out rows, of networks without and with bins, (1 or 2, m, k)."""
        networks = self.networks

        def raw_of_member(j: int) -> Array:
            of_folds = networks[j :: self._n_members]
            return np.concatenate([setup.raw_held_out_outputs(state.theta_to_publish) for setup, state in of_folds])

        return self.evaluators[0].raw_by_bins(raw_of_member)

    def evaluate_epoch(self) -> float:
        """Choose the last epoch of all networks if it is the best, and record it; return its criterion."""
        progress = self.progress
        epoch = self.n_iter + 1
        raw_by_bins = self.raw_by_bins()
        first, *later = self.evaluators
        mixture = first.mix(raw_by_bins)
        criteria = [nan] * len(self.evaluators)  # an epoch of NaN is only chosen if it is the last one
        if epoch >= self.first_epoch or mixture.inverse_temperature < OVERCONFIDENT_INVERSE_TEMPERATURE:
            # all evaluators use the temperature of the first one, since finding it takes longest
            of_sets = [e.mix(raw_by_bins, None, mixture.inverse_temperature).criterion for e in later]
            criteria = [mixture.criterion, *of_sets]
        choices = [
            choice.updated_by(BestEpoch(epoch, raw_by_bins, score=-of_evaluator))
            for choice, of_evaluator in zip(progress.choices, criteria, strict=True)
        ]
        (last_epoch,) = mean_history([state.history[-1:] for _, state in self.networks])
        loss = mixture.loss
        epochs = [*progress.epochs, replace(last_epoch, validation_loss=loss, validation_score=-loss)]
        self.progress = FoldsProgress(progress.states, choices, epochs, mixture.inverse_temperature)
        # every epoch counts for patience, but few may be chosen before MIN_STEPS_TO_CHOOSE
        return mixture.criterion

    def snapshot(self) -> FoldsProgress:
        """Return the progress, which no later epoch changes, but for the states."""
        return self.progress

    def restore(self, snapshot: FoldsProgress) -> None:
        """Undo what was evaluated since a snapshot."""
        self.progress = snapshot

    def choose(self) -> Selection:
        """Return the chosen epoch, with the mixing weights and the temperature that fit best after it."""
        chosen = [choice.kept for choice in self.progress.choices if choice.kept is not None]
        first = self.evaluators[0]
        published = first.choose_mixture(chosen[0])
        center = first.rows.encoding.head.center_of_temperature
        raw = published.of(chosen[0], center)
        for evaluator, raw_by_bins in zip(self.evaluators[1:], chosen[1:], strict=True):
            mixture = evaluator.choose_mixture(raw_by_bins)
            mixed = mixture.of(raw_by_bins, center)
            assert evaluator.row_indices is not None  # only the first evaluator has all rows
            cross_fit_set = np.delete(np.arange(len(raw)), evaluator.row_indices)
            raw[cross_fit_set] = mixed[cross_fit_set]
        # If several folds hold out a row, the first residual is kept: the mean of its residuals would be smaller than
        # the residual of the single published network.
        kept_rows = np.sort(np.unique(self.held_out_indices, return_index=True)[1])
        weight = take_optional(first.rows.weight, kept_rows)
        n_train = self._n_train
        variance_of_means = np.mean(1.0 / n_train - 1.0 / (n_train + [len(s.held_out_indices) for s in self.splits]))
        return Selection(
            chosen_epoch=self.progress.choices[0].epoch,
            n_rows=float(n_train.mean()),
            temperature=published.temperature,
            mixing_weights=first.weights_of_networks(published.mixing_weight),
            held_out_indices=self.held_out_indices[kept_rows],
            held_out_outputs=HeldOutOutputs(raw[kept_rows], first.rows.y[kept_rows], weight, float(variance_of_means)),
        )

    # --- what every phase has ----------------------------------------------------------------------------------------

    @property
    def networks(self) -> list[tuple[NetworkSetup, State]]:
        """The setup and the state of each network, fold after fold."""
        return list(zip(self.setups, self.progress.states, strict=True))

    @property
    def has_finished_epoch(self) -> bool:
        """Whether all networks have finished an epoch in this call."""
        return len(self.progress.epochs) > self._epochs_before_call and bool(self.setups)

    @property
    def epoch_histories(self) -> list[tuple[Epoch, ...]]:
        """The epochs of all folds, which end together, as a single item."""
        return [tuple(self.progress.epochs)]

    @property
    def best_epoch(self) -> int:
        """The chosen epoch so far; 0 if no epoch could be chosen yet."""
        choice = self.progress.choices[0]
        return 0 if isnan(choice.score) else choice.epoch

    @property
    def n_iter(self) -> int:
        """How many epochs this call has trained, with those of the run that it resumes."""
        return len(self.progress.epochs)

    def join(self) -> tuple[Network, None]:
        """Return the joined networks of the first fold, at the last epoch's temperature, for an interrupted fit."""
        temperature = 1.0 / self.progress.inverse_temperature
        of_first_fold = self.networks[: self._n_members]
        return join_networks([s.make_network(state.theta_to_publish, temperature) for s, state in of_first_fold]), None

    def free_networks(self) -> None:
        """Free the memory of the networks. Each takes as much as a published network."""
        self.setups = []
        self.progress = replace(self.progress, states=[])
        self.first_train_rows = None


def make_fold_phase(
    encoded: EncodedRows, rows: Rows, learner: EncodingLearner, holdout: Holdout, seeds: Sequence[tuple[int, int]]
) -> FoldPhase:
    """Encode the table for each fold, and make the networks with their first states.

    Parameters
    ----------
    encoded : EncodedRows
        All rows that may be trained on, encoded.
    rows : Rows
        The same rows.
    learner : EncodingLearner
        Learns columns from the training rows of a fold. If a column's encoding depends on targets, the table is
        encoded again for each fold. Its settings have a first-order solver.
    holdout : Holdout
        The folds.
    seeds : sequence of (int, int)
        For each member, the seed of its first weights and the seed of its training.
    """
    settings = learner.settings
    setups: list[NetworkSetup] = []
    first_train_rows = None
    for train, held_out in holdout.fold_splits:
        encoding = learner.learn_for_fold(rows, encoded.encoding, train, shares_columns=holdout.folds_share_columns)
        fold_rows = encoded if encoding is None else encode_rows(encoding, rows, cross_fit=True, train_indices=train)
        train_rows = fold_rows.take(train)
        first_train_rows = train_rows if first_train_rows is None else first_train_rows
        setups += make_network_setups(settings, fold_rows.encoding, train_rows, fold_rows.take(held_out))
    held_out_indices = np.concatenate([split.held_out_indices for split in holdout.fold_splits])
    cross_fit_sets = draw_cross_fit_sets(holdout.fold_splits, rows.groups)
    # all rows choose for themselves first; then, for each of several cross-fit sets, all other rows choose
    evaluators = [HeldOutEvaluator(encoded.take(held_out_indices), settings)]
    for cross_fit_set in cross_fit_sets if len(cross_fit_sets) > 1 else ():
        outside_set = np.flatnonzero(~np.isin(held_out_indices, held_out_indices[cross_fit_set]))
        evaluators.append(HeldOutEvaluator(encoded.take(held_out_indices[outside_set]), settings, outside_set))
    states = [setup.first_state(seed) for setup, seed in zip(setups, cycle(seeds), strict=False)]
    return FoldPhase(
        splits=holdout.fold_splits,
        setups=setups,
        first_train_rows=first_train_rows,
        evaluators=evaluators,
        progress=FoldsProgress(states, [BestEpoch() for _ in evaluators]),
    )


def steps_per_epoch(solver: Solver, n_rows: float) -> float:
    """Return how many batches an epoch of n rows has, as a fraction: 7.03 for 225 rows and batches of 32.

    Counting whole batches would be too coarse: 7 epochs of 225 rows would become 6 epochs of 300 rows, so the network
    would see a seventh more rows than the networks that chose its epoch.
    """
    return n_rows / solver.samples_per_step(ceil(n_rows))
