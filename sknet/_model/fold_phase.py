"""On smaller tables, folds choose how many epochs to train and the temperature; then networks learn from all rows.

A few held-out rows can be separated by chance; their loss then says nothing about an epoch. Here all folds, or on
larger tables some of them, are each held out from networks that train on the other rows; see `fold_rules`.

Conventions
-----------
n rows; m of them held out, m <= n; k raw outputs.

fold : (n,)          which fold each row belongs to
raw : (m, k)         outputs for the held-out rows, one fold after the other
raw_by_component     such outputs, one array for each component: see `mixture`
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknet._model.evaluation import Folds
from sknet._model.fold_progress import ChosenEpoch, FoldProgress
from sknet._model.importances import importance_rows
from sknet._model.joining import join_networks
from sknet._model.matrices import EncodedRows, EncodingLearner, encode_rows
from sknet._model.mixture import Calibration, HeldOutLoss, Mixture, mix_outputs
from sknet._model.network_trainer import NetworkTrainer, make_trainer
from sknet._model.phases import EpochReport, PhaseOutcome
from sknet._model.row_thresholds import FEW_ROWS, MANY_ROWS
from sknet._model.settings import Settings
from sknet._model.side_by_side import train_side_by_side
from sknet._tables.rows import Rows
from sknet._tables.splitting import Split, assign_folds
from sknet._training.result import Epoch, StopReason
from sknet._training.solver import EpochObserver, Solver
from sknet._training.state import State
from sknet._typing import Array


class FoldRules(NamedTuple):
    """How many folds there are, and how their losses are read."""

    n_folds: int
    n_held_out: int  # of these folds
    # How close to the least loss an epoch may be chosen: the last one is whose loss is at most this factor times the
    # least. Losses of near epochs differ by chance: more for few rows than for many, less for numbers than for labels.
    # And a network that learns from all rows overfits later than those of the folds.
    tolerance_factor: float


def fold_rules(n_rows: int, grouped: bool = False, is_regression: bool = False) -> FoldRules:
    """Return the rules for `n_rows` rows: each of few rows says little, and so does one more row of a group."""
    few, some = (1.01, 1.0) if is_regression else (1.05, 1.01)
    if n_rows < FEW_ROWS:
        return FoldRules(4, 4, few)
    if grouped:
        return FoldRules(4, 2, some)
    return FoldRules(4, 1, some) if n_rows < MANY_ROWS else FoldRules(10, 1, 1.002)


def draw_folds(
    n_rows: int, strata: Array | None, groups: Array | None, seed: int, *, is_regression: bool = False
) -> Folds:
    """Draw (train, held-out) splits, stratified or by group; of many rows only some folds are held out."""
    rules = fold_rules(n_rows, groups is not None, is_regression)
    fold = assign_folds(n_rows, strata, groups, rules.n_folds, seed)
    n_held_out = min(rules.n_held_out, fold.max() + 1)
    return Folds(
        [Split(np.flatnonzero(fold != i), np.flatnonzero(fold == i)) for i in range(n_held_out)],
        rules.tolerance_factor,
    )


def folds_of_splits(n_rows: int, splits: list[Split], groups: Array | None, *, is_regression: bool = False) -> Folds:
    """Return the folds that the splits of a user's splitter make: the rows that one of them holds out.

    What comes later in time must not be known: each split's network learns all columns from its own rows.
    """
    tolerance_factor = fold_rules(n_rows, groups is not None, is_regression).tolerance_factor
    return Folds(splits, tolerance_factor, share_columns=False)


MIN_STEPS_TO_JUDGE = 75
"""An epoch that ends before this many steps is not chosen: its low loss would be luck, and the average still holds the
first weights."""

MAX_EXTRA_EPOCHS = 4
"""Folds wait for a better epoch for at most this many epochs more than the best one took: what learns fast overfits
fast."""


MAX_JUDGED_SETS = 4
"""How many sets of held-out rows are judged by the others' choice, at most: each costs a look at every epoch."""


@dataclass(frozen=True)
class Selection:
    """What folds have chosen, with their predictions for the rows that were held out."""

    chosen_epoch: int
    n_steps: float  # that the folds' networks took until then, on average
    temperature: float
    mixing_weights: tuple[float, ...]  # of each network in their joint raw output
    epochs: tuple[Epoch, ...]  # the folds' own: their joint loss as the validation loss
    held_out: NDArray[np.intp]  # (m,)  numbers of the rows that were held out
    raw: Array  # (m, k)  their raw outputs, at the epoch, mixing weights and temperature that rows of other sets choose
    stop_reason: StopReason | None  # where an interrupt or a callback ended the folds

    def solver_for(self, solver: Solver, n_rows: int) -> Solver:
        """Return a solver that takes the number of steps that folds have chosen, in whole epochs of n rows.

        In the same number of epochs, all rows make more steps than a fold's do, and a network fits more of the noise
        than the folds have judged: on tables of noise, the error on new rows was 2 to 6 % larger.
        """
        if self.chosen_epoch >= solver.n_epochs:  # `max_iter` has ended training, not the folds
            return solver
        n_epochs = max(1, round(self.n_steps / steps_per_epoch(solver, n_rows)))
        # each step has the rate that it had among the folds
        return solver.with_epochs(n_epochs, n_epochs / self.chosen_epoch)


class EpochChoice:
    """The epoch that some of the held-out rows choose: of those nearly as good as the best, the last.

    Parameters
    ----------
    loss : HeldOutLoss
        Of these rows.
    rows : ndarray of shape (r,)
        Which of the held-out rows they are.
    first_epoch : int
        The first that may be chosen.
    tolerance_factor : float
        See `FoldRules`.
    """

    def __init__(self, loss: HeldOutLoss, rows: NDArray[np.intp], first_epoch: int, tolerance_factor: float) -> None:
        self._loss, self._rows = loss, rows
        self._first_epoch, self._tolerance_factor = first_epoch, tolerance_factor
        self.chosen = ChosenEpoch()

    def look_at(
        self, epoch: int, raw_by_component: list[Array], mixing_weight: float, inverse_temperature: float | None = None
    ) -> Calibration:
        """Take an epoch into account; return how good it is for these rows, at a given temperature or their best."""
        raw = mix_outputs([raw[self._rows] for raw in raw_by_component], mixing_weight)
        calibration = self._loss.calibrate_in_place(raw, inverse_temperature)
        if epoch >= self._first_epoch:
            best_loss = min(self.chosen.best_loss, calibration.criterion)
            self.chosen.best_loss = best_loss
            if not self.chosen.number or calibration.criterion <= loss_worse_by(self._tolerance_factor, best_loss):
                self.chosen.number, self.chosen.raw_by_component = epoch, raw_by_component
                self.chosen.temperature = calibration.temperature if inverse_temperature is None else None
        return calibration

    def choose_mixture(self, mixture: Mixture) -> tuple[float, float]:
        """Return the mixing weight that these rows choose, and then the temperature."""
        if len(self.chosen.raw_by_component) == 1 and self.chosen.temperature is not None:
            return mixture.equal_weight, self.chosen.temperature
        own = [raw[self._rows] for raw in self.chosen.raw_by_component]
        mixing_weight = self._loss.choose_mixing_weight(own, mixture.equal_weight)
        return mixing_weight, self._loss.calibrate_in_place(mix_outputs(own, mixing_weight)).temperature


def draw_judged_sets(splits: Sequence[Split], groups: Array | None) -> list[NDArray[np.intp]]:
    """Divide the rows that splits hold out into sets. No set chooses the epoch at which it is judged.

    A set is a fold, or several if there are more than `MAX_JUDGED_SETS`; a single fold is halved. A row that several
    splits hold out is in the set of the first.

    Returns
    -------
    list of ndarray
        Where the rows of each set are among all that are held out, one split after the other.
    """
    held_out = np.concatenate([split.held_out for split in splits])
    numbers, first = np.unique(held_out, return_index=True)
    if len(splits) > 1:
        set_of_split = np.arange(len(splits)) % MAX_JUDGED_SETS
        judged_set = np.repeat(set_of_split, [len(split.held_out) for split in splits])[first]
    elif len(held_out) < 2 or (groups is not None and len(np.unique(groups[numbers])) < 2):
        judged_set = np.zeros(len(numbers), np.intp)
    else:
        judged_set = assign_folds(len(numbers), None, None if groups is None else groups[numbers], 2, seed=0)
    return [np.sort(first[judged_set == i]) for i in np.unique(judged_set)]


class FoldPhase:
    """Networks that train without the rows of one fold each, epoch by epoch; of each fold one for every member.

    Their epochs, for whoever observes a fit, are those of their joint loss.

    Parameters
    ----------
    settings : Settings
        Of a first-order solver.

    encoded : EncodedRows
        All rows that may be trained on.

    rows : Rows
        The same, not encoded.

    learner : EncodingLearner
        Learns columns from a fold's rows: where the targets of held-out rows would have a say in what a column becomes,
        the table is encoded once more for each fold.

    folds : Folds
    seeds : sequence of (int, int)
        Of each member's first weights, and of what its training draws.
    """

    def __init__(
        self,
        settings: Settings,
        encoded: EncodedRows,
        rows: Rows,
        learner: EncodingLearner,
        folds: Folds,
        seeds: Sequence[tuple[int, int]],
    ) -> None:
        self._settings, self._mixture = settings, Mixture(settings.sees_bins)
        self.held_out = np.concatenate([split.held_out for split in folds.splits])
        solver = settings.solver
        n_steps = [steps_per_epoch(solver, len(split.train)) for split in folds.splits]
        self.first_epoch = min(ceil(MIN_STEPS_TO_JUDGE / min(n_steps)), solver.n_epochs)  # that may be chosen
        self._steps_per_epoch = float(np.mean(n_steps))
        # of each fold those of all members
        self._trainers: list[list[NetworkTrainer]] = []
        self._held_out_rows: list[list[EncodedRows]] = []  # the held-out rows, as each network takes them
        for train, held_out in folds.splits:
            encoding = learner.learn_for_fold(encoded.encoding, train, shares_columns=folds.share_columns)
            is_shared = encoding is encoded.encoding
            own = encoded if is_shared else encode_rows(encoding, rows, cross_fit=True, train=train)
            train_rows, held_out_rows = own.take(train), own.take(held_out)
            trainers = [
                make_trainer(settings, encoding, train_rows, sees_bins=sees_bins, may_stop_early=False)
                for sees_bins in settings.sees_bins
            ]
            if not self._trainers:  # of the fold whose networks are published after an interrupt
                self.encoding, self.importance_rows = encoding, importance_rows(rows, own, train)
            self._trainers.append(trainers)
            self._held_out_rows.append([held_out_rows.for_network(trainer.n_skipped_inputs) for trainer in trainers])
        self._judged_sets = draw_judged_sets(folds.splits, rows.groups)
        m = len(self.held_out)
        self._choice = self._choice_by(np.arange(m), encoded, folds.tolerance_factor)
        self._choices_of_others = []  # for each set, by the rows that are not in it; by all, where there is one set
        for judged in self._judged_sets:
            others = np.flatnonzero(~np.isin(self.held_out, self.held_out[judged]))
            self._choices_of_others.append(
                self._choice_by(others, encoded, folds.tolerance_factor) if len(others) else self._choice
            )
        states = [
            [trainer.first_state(seed) for trainer, seed in zip(of_fold, seeds, strict=True)]
            for of_fold in self._trainers
        ]
        self.progress = FoldProgress(states, [choice.chosen for choice in self._all_choices])
        self._epochs_before = 0  # that were trained before this call
        # empty: after an interrupt, `outcome` joins the first fold's networks; no others are published
        self.trainers_and_states: list[tuple[NetworkTrainer, State]] = []

    def _choice_by(self, places: NDArray[np.intp], encoded: EncodedRows, tolerance_factor: float) -> EpochChoice:
        """Return the choice that some of the held-out rows are to make."""
        rows = encoded.take(self.held_out[places])
        loss = HeldOutLoss(rows, self._settings.regularisation.temperature_scaling)
        return EpochChoice(loss, places, self.first_epoch, tolerance_factor)

    @property
    def _all_choices(self) -> list[EpochChoice]:
        """The choice by all held-out rows, and those by the rows outside of each judged set."""
        return list(dict.fromkeys((self._choice, *self._choices_of_others)))

    def resume(self, progress: FoldProgress) -> None:
        """Go on from what folds have trained and chosen; a ValueError if these were others."""
        progress.refuse_other(self.progress, self.raw_by_component())
        self.progress, self._epochs_before = progress, len(progress.epochs)
        for choice, chosen in zip(self._all_choices, progress.choices, strict=True):
            choice.chosen = chosen

    def train(self, observer: EpochObserver | None = None) -> Selection:
        """Train until the joint loss stops falling; choose the epoch and the temperature of the least one."""
        if not (self.progress.states and self._goes_on):  # of a resumed run, which has ended its folds
            return self.selection(None)
        evaluator = _EpochEvaluator(self, observer)
        trainers, states = zip(*self._all_networks, strict=True)
        results = train_side_by_side(trainers, states, evaluator)
        interrupted = any(result.reason is StopReason.INTERRUPTED for result in results)
        # threads have finished their first epoch, which is not evaluated yet
        if interrupted and not self.progress.epochs:
            raise KeyboardInterrupt
        return self.selection(StopReason.INTERRUPTED if interrupted else evaluator.stopped)

    @property
    def _all_networks(self) -> list[tuple[NetworkTrainer, State]]:
        """All networks with their states, fold after fold."""
        return [
            pair
            for trainers, states in zip(self._trainers, self.progress.states, strict=True)
            for pair in zip(trainers, states, strict=True)
        ]

    def raw_by_component(self) -> list[Array]:
        """Return the held-out rows' raw outputs, (m, k): for each component, the mean of its networks'."""
        folds = list(zip(self._trainers, self.progress.states, self._held_out_rows, strict=True))
        return self._mixture.mean_raw_by_component(
            lambda j: np.concatenate([trainers[j].raw_outputs(states[j], rows[j]) for trainers, states, rows in folds])
        )

    def evaluate_epoch(self) -> bool:
        """Evaluate an epoch that all networks have trained; return whether to train another one."""
        progress, raw_by_component = self.progress, self.raw_by_component()
        epoch, equal = len(progress.epochs) + 1, self._mixture.equal_weight
        progress.inverse_temperature, value, criterion = self._choice.look_at(epoch, raw_by_component, equal)
        for choice in self._choices_of_others:  # at the same temperature, which takes longest to find
            if choice is not self._choice:
                choice.look_at(epoch, raw_by_component, equal, progress.inverse_temperature)
        last = [state.history[-1] for _, state in self._all_networks]
        means = np.mean([[epoch.loss, epoch.learning_rate, epoch.gradient_norm] for epoch in last], axis=0).tolist()
        progress.epochs.append(
            Epoch(
                loss=means[0],
                validation_loss=value,
                validation_score=-value,
                learning_rate=means[1],
                gradient_norm=means[2],
                seconds=sum(epoch.seconds for epoch in last),
            )
        )
        # any epoch's loss counts for patience, but only one after MIN_STEPS_TO_JUDGE may be chosen
        # strictly: a constant 0 does not improve
        if criterion < loss_worse_by(1.0 - self._settings.solver.tol, progress.best_loss):
            progress.patience_epoch = epoch
        progress.best_loss = min(progress.best_loss, criterion)
        return self._goes_on

    @property
    def _goes_on(self) -> bool:
        """Whether to train another epoch."""
        solver, epoch, patience_epoch = self._settings.solver, len(self.progress.epochs), self.progress.patience_epoch
        patience = min(solver.n_iter_no_change, patience_epoch + MAX_EXTRA_EPOCHS)
        return epoch < solver.n_epochs and epoch - patience_epoch <= patience

    # --- what a fit asks of a phase ----------------------------------------------------------------------------------

    @property
    def has_new_epoch(self) -> bool:
        """Whether all networks have trained an epoch in this call, and are still there."""
        return len(self.progress.epochs) > self._epochs_before and bool(self._trainers)

    @property
    def epochs(self) -> list[tuple[Epoch, ...]]:
        """The joint epochs, as those of one network."""
        return [tuple(self.progress.epochs)]

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch."""
        progress = self.progress
        return EpochReport(
            number=len(progress.epochs),
            n_epochs=self._settings.solver.n_epochs,
            figures=progress.epochs[-1],
            best_epoch=progress.patience_epoch,
            n_rate_cuts=0,
            of_folds=True,
        )

    @property
    def n_iter(self) -> int:
        """How many epochs have been trained."""
        return len(self.progress.epochs)

    def outcome(self, rows: Rows) -> PhaseOutcome:
        """Return the first fold's networks, joined and at the last epoch's temperature; nothing has been chosen."""
        networks = [
            trainer.network(state, 1.0 / self.progress.inverse_temperature)
            for trainer, state in zip(self._trainers[0], self.progress.states[0], strict=True)
        ]
        return PhaseOutcome(join_networks(networks, self.encoding.encoder.n_inputs))

    def state_to_keep(self) -> None:
        """Return None: training does not go on from folds."""

    def forget_networks(self) -> None:
        """Free the memory of the networks: each takes as much as one that learns from all rows."""
        self._trainers, self.progress.states, self._held_out_rows, self.importance_rows = [], [], [], None

    def selection(self, stop_reason: StopReason | None) -> Selection:
        """Return the choice: the last epoch, where none could be chosen yet."""
        progress = self.progress
        for chosen in progress.choices:
            if not chosen.number:
                chosen.number, chosen.raw_by_component = len(progress.epochs), self.raw_by_component()
                chosen.temperature = 1.0 / progress.inverse_temperature
        mixing_weight, temperature = self._choice.choose_mixture(self._mixture)
        raw = np.empty_like(self._choice.chosen.raw_by_component[0])
        for judged, others in zip(self._judged_sets, self._choices_of_others, strict=True):
            weight_of_others, temperature_of_others = others.choose_mixture(self._mixture)
            own = [raw_of_all[judged] for raw_of_all in others.chosen.raw_by_component]
            raw[judged] = mix_outputs(own, weight_of_others) / temperature_of_others
        # A row that several folds hold out has chosen with each; its residual is its first one: the mean of several
        # networks errs less than the one network that is published.
        first = np.sort(np.concatenate(self._judged_sets))
        return Selection(
            chosen_epoch=self._choice.chosen.number,
            n_steps=self._choice.chosen.number * self._steps_per_epoch,
            temperature=temperature,
            mixing_weights=self._mixture.weight_of_each_network(mixing_weight),
            epochs=tuple(progress.epochs),  # at equal weights, which observers have seen
            held_out=self.held_out[first],
            raw=raw[first],
            stop_reason=stop_reason,
        )


def loss_worse_by(factor: float, loss: float) -> float:
    """Return a loss that is worse by a factor, or better by one below 1; a user's own loss may be negative."""
    return loss * (factor if loss > 0.0 else 2.0 - factor)


class _EpochEvaluator:
    """Evaluates each epoch of the folds, and calls an observer."""

    def __init__(self, folds: FoldPhase, observer: EpochObserver | None) -> None:
        self._folds, self._observer = folds, observer
        self.stopped: StopReason | None = None

    def epoch_began(self) -> None:
        if self._observer is not None:
            self._observer.epoch_began()

    def epoch_ended(self) -> bool:
        goes_on = self._folds.evaluate_epoch()
        if self._observer is not None and self._observer.epoch_ended():
            self.stopped = StopReason.CALLBACK
        return self.stopped is not None or not goes_on


def steps_per_epoch(solver: Solver, n_rows: int) -> float:
    """Return how many batches an epoch of n rows has: 225 rows are 7.03 of 32.

    The last batch counts by its rows. With whole steps, 7 epochs of 225 rows would become 6 epochs of 300 rows: a
    network would see a seventh more rows than those that chose its epoch.
    """
    return n_rows / solver.samples_per_step(n_rows)
