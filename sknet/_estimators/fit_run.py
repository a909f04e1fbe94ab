"""The run of one `fit`, `resume` or `partial_fit`: its start, its plan, its networks, and its result.

A call starts from nothing, from the result of an earlier call, or from a checkpoint. Its plan is made before the table
is encoded.

Conventions
-----------
n rows of positive weight, N rows passed by the user; m held-out rows.

raw : (m, k)     raw outputs for held-out rows, by networks that were not trained on them
"""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import nan
from threading import Lock
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sknet._estimators.fitted import Fitted
from sknet._estimators.methods import ProblemType
from sknet._estimators.parameters import solver_name_or_class, unchanged_where_resumed
from sknet._estimators.read_data import Columns
from sknet._model.encoding import EncodedRows, Encoding, EncodingLearner
from sknet._model.evaluation import Evaluated, EvaluatedByFolds, EvaluatedByRows, Evaluation, Folds
from sknet._model.folds import EpochReport, FoldPhase, PhaseOutcome, Progress, Selection
from sknet._model.model import Model, Network
from sknet._model.sensitivity import inputs_per_row, learn_importances, n_rows_used, some_of
from sknet._model.settings import Settings
from sknet._model.train import Phase, TrainPhase, average_epochs
from sknet._model.trainer import ModelScorer, NetworkTrainer, check_same_layout, make_trainer, state_to_continue_from
from sknet._storage.files import LoadedCheckpoint, Origin, describe_parameters, fingerprint
from sknet._tables.rows import Rows
from sknet._training.solver import EpochObserver, State, TrainingEnd
from sknet._typing import Array, Table

# --- the start of a call ---------------------------------------------------------------------------------------------


class Seeds(NamedTuple):
    """The seeds of a fit."""

    weights: int  # of the first weights
    rows: int  # of held-out rows, folds, and the sample that columns are learnt from
    steps: int  # of the order of rows, and dropout

    def as_tuple(self) -> tuple[int, int, int]:
        """Return a plain tuple, so that pickles and files do not name a private class."""
        return self.weights, self.rows, self.steps


def draw_seeds(source: np.random.RandomState) -> Seeds:
    """Draw the seeds of a fit."""
    return Seeds(*source.randint(np.iinfo(np.int32).max, size=3).tolist())


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw (weights, steps) seeds for each member. The first member has the seeds of a single network."""
    weights, steps = (  # members share the seed of rows
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
        for seed in (seeds.weights, seeds.steps)
    )
    return list(zip(weights, steps, strict=True))


@dataclass(frozen=True)
class Start:
    """Where a call starts: its seeds, and the result or the checkpoint to continue from."""

    seeds: Seeds
    earlier: Fitted | None = None  # the result to continue from; None for new training
    is_increment: bool = False  # whether the call is `partial_fit`
    checkpoint: LoadedCheckpoint | None = None

    @property
    def state(self) -> State | None:
        """The training state to continue from; a warm start has none, since it trains like a new fit."""
        return None if self.earlier is None or not self.is_increment else self.earlier.state

    @property
    def n_samples_seen(self) -> int:
        """How many rows earlier calls have trained on, counted once per epoch."""
        return 0 if self.earlier is None else self.earlier.n_samples_seen

    @property
    def has_one_network(self) -> bool:
        """Whether training began with `partial_fit`, which trains a single network."""
        earlier = self.earlier
        was_alone = earlier is None or (self.state is not None and earlier.resolved["n_members"] == 1)
        return self.is_increment and was_alone

    @property
    def epochs_done(self) -> int:
        """How many epochs earlier calls have trained, or the run that a checkpoint holds."""
        states = [] if self.checkpoint is None else self.checkpoint.progress.states
        return max([state.epoch for state in (*states, self.state) if state is not None], default=0)


@contextmanager
def draw_start(estimator: BaseEstimator, earlier: Fitted | None, *, is_increment: bool = False) -> Iterator[Start]:
    """Draw the seeds of a call, and yield its start. The call runs in the `with` block.

    An unfinished run keeps its seeds. A warm start keeps the seed of held-out rows, so that they are never trained on.
    Calls that share a generator in several threads draw different seeds. If the call fails, the generator is rewound,
    unless it has been used since.
    """
    if earlier is not None and earlier.state is not None:
        yield Start(Seeds(*earlier.seeds), earlier, is_increment)
        return
    source, fitted_before = check_random_state(estimator.random_state), estimator._fitted
    with _GENERATOR_LOCK:
        before = source.get_state(legacy=False)
        drawn = draw_seeds(source)
        after = source.get_state(legacy=False)
    try:
        seeds = drawn if earlier is None else drawn._replace(rows=Seeds(*earlier.seeds).rows)
        yield Start(seeds, earlier, is_increment)
    except BaseException:
        with _GENERATOR_LOCK:
            is_unused_since = pickle.dumps(source.get_state(legacy=False)) == pickle.dumps(after)
            if is_unused_since and estimator._fitted is fitted_before:  # an interrupt may come after publishing
                source.set_state(before)
        raise


_GENERATOR_LOCK = Lock()
"""Held while a generator draws seeds or is rewound."""


def start_from_checkpoint(checkpoint: LoadedCheckpoint, fitted: Fitted | None) -> Start:
    """Return the start of a call that resumes a run; `fitted` is the result of an earlier call, if any."""
    was_warm_start = checkpoint.origin.seen_before > 0
    return Start(Seeds(*checkpoint.origin.seeds), fitted if was_warm_start else None, checkpoint=checkpoint)


def advance_random_state(estimator: BaseEstimator) -> None:
    """Advance the user's own generator as `draw_start` does."""
    if isinstance(estimator.random_state, np.random.RandomState):
        draw_seeds(estimator.random_state)


# --- the plan of a call ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its start, settings, rows, encoding, and the evaluation of epochs."""

    start: Start
    settings: Settings
    resolved: dict[str, object]  # all parameters, with every "auto" replaced
    rows: Rows  # of positive weight, including held-out rows
    columns: Columns
    encoding: Encoding
    evaluation: Evaluation
    learner: EncodingLearner | None = None  # learns the columns again for each fold; None without folds


# --- the run ---------------------------------------------------------------------------------------------------------


@dataclass
class FitRun:
    """The networks of a call, and everything that their result needs.

    Attributes
    ----------
    estimator_name : str
        The name of the estimator's class.
    plan : Plan
    train_rows : EncodedRows
        The rows that the published networks are trained on.
    held_out : EncodedRows or None
        The rows that evaluate each epoch.
    score : callable or None
        Returns the score of an epoch; None for minus the loss.
    importance_rows : array, CSR matrix or MixedRows, or None
        See `TrainPhase`.
    fold_phase : FoldPhase or None
        The phase before, if folds choose the epoch.
    keeps_out_of_fold : bool
        Whether to keep `oof_prediction_`.
    """

    estimator_name: str
    plan: Plan
    train_rows: EncodedRows
    held_out: EncodedRows | None
    score: ModelScorer | None
    importance_rows: Table | None
    fold_phase: FoldPhase | None
    keeps_out_of_fold: bool

    def __post_init__(self) -> None:
        self.selection: Selection | None = None  # once folds have chosen
        if self.fold_phase is None:
            self._begin_training(None)
        else:
            self.phase: Phase = self.fold_phase  # the current phase

    def _begin_training(self, selection: Selection | None) -> None:
        """Make the networks that will be published; sets `train_phase`, `phase` and `selection`.

        This waits until the folds have ended, since folds need the memory.
        """
        settings, start = self.plan.settings, self.plan.start
        solver = settings.solver
        if start.is_increment:
            solver = replace(solver, n_epochs=start.epochs_done + 1)
        elif selection is not None:
            solver = selection.solver_for(solver, len(self.train_rows))
        # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
        may_stop_early = not start.is_increment or self.plan.resolved["learning_rate"] == "adaptive"
        trainers = [
            make_trainer(
                settings, self.plan.encoding, self.train_rows, self.held_out, self.score, sees_bins=sees_bins,
                solver=solver, may_stop_early=may_stop_early,
            )
            for sees_bins in settings.sees_bins
        ]  # fmt: skip
        states = first_states(self.plan, trainers)
        self.train_phase = TrainPhase(trainers, states, self.importance_rows, selection)
        self.phase, self.selection = self.train_phase, selection

    # --- while they train --------------------------------------------------------------------------------------------

    def select_and_train(self, observer: EpochObserver | None, *, in_threads: bool) -> TrainingEnd:
        """Let folds choose the epoch, if there are any, then train the published networks."""
        if self.fold_phase is not None:
            selection = self.fold_phase.train(observer)
            if selection.stop_reason is not None:  # stopped during folds: publish the first fold's network
                return TrainingEnd(selection.stop_reason, selection.chosen_epoch)
            self.fold_phase.free_networks()
            self._begin_training(selection)
        return self.train_phase.train(observer, in_threads=in_threads)

    @property
    def progress(self) -> Progress:
        """The progress of the run."""
        folds = None if self.fold_phase is None else self.fold_phase.progress
        return Progress(folds, [state for _, state in self.networks])

    @property
    def networks(self) -> list[tuple[NetworkTrainer, State]]:
        """The networks that will be published, each with its state; none while folds train."""
        return [] if self.phase is self.fold_phase else self.train_phase.networks

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch of the current phase."""
        return self.phase.last_epoch

    # --- the result --------------------------------------------------------------------------------------------------

    def fitted(self) -> Fitted:
        """Return the current result, without residuals and importances."""
        return self._fitted_with(self.phase.outcome().network)

    def _fitted_with(self, network: Network) -> Fitted:
        """Return the result with this network, without state, residuals and importances."""
        epochs, n_iter, plan = self.phase.epochs_by_network, self.phase.n_iter, self.plan
        start = plan.start
        evaluation: Evaluated | None = None
        if plan.evaluation.held_out_rows is not None:
            n_rows_before_split = 0 if plan.evaluation.train is None else len(plan.rows)
            evaluation = EvaluatedByRows(self.train_phase.best_epoch or 0, n_rows_before_split)
        elif self.fold_phase is not None and self.fold_phase.n_iter:
            chosen_epoch = n_iter if self.selection is None else self.selection.chosen_epoch
            evaluation = EvaluatedByFolds(chosen_epoch, self.fold_phase.epochs_by_network[0])
        # L-BFGS may have a history without an iteration, see `TrainPhase.n_iter`
        n_seen = len(self.train_rows) * sum(map(len, epochs)) if n_iter else 0
        return Fitted(
            model=Model(self.phase.encoding, network),
            resolved=plan.resolved,
            columns=plan.columns,
            history=(() if start.earlier is None else start.earlier.history) + tuple(average_epochs(epochs)),
            n_iter=n_iter,
            n_samples_seen=start.n_samples_seen + n_seen,
            seeds=start.seeds.as_tuple(),
            evaluation=evaluation,
            member_epochs=tuple(epochs) if len(epochs) > 1 else (),
        )

    def final_fitted(self, outcome: PhaseOutcome, problem_type: ProblemType, *, keeps_state: bool) -> Fitted:
        """Return the result of the call; with `keeps_state`, training can continue where it stopped."""
        network, held_out = outcome
        fitted = self._fitted_with(network)
        fitted = replace(
            fitted,
            state=self.phase.state_to_keep() if keeps_state else None,
            importances=self._importances(fitted.model),
        )
        if held_out is None:
            return fitted
        decoding = problem_type.methods[problem_type.out_of_fold_method](fitted)
        predicted = decoding.finish(decoding.convert(held_out.raw))
        residuals = problem_type.learn_residuals(
            self.plan.encoding.head, predicted, held_out.y, held_out.weight, self.plan.rows.y
        )
        fitted = replace(fitted, residuals=residuals)
        if self.selection is not None and self.keeps_out_of_fold:
            outputs = predicted if isinstance(predicted, list) else [predicted]  # one array per target column
            for_all = [self._for_all_rows(output, self.selection.held_out) for output in outputs]
            fitted = replace(fitted, out_of_fold=for_all if isinstance(predicted, list) else for_all[0])
        return fitted

    def _importances(self, model: Model) -> Array | None:
        """Return the columns' importances, (d,), at a number of rows that takes little of the training's time."""
        rows = self.phase.importance_rows
        if rows is None:
            return None
        n_inputs = inputs_per_row(rows)
        training_work = sum(
            len(state.history) * len(trainer.train_rows) * trainer.work_per_row(n_inputs)
            for trainer, state in self.networks
        )
        n_rows = n_rows_used(rows, model.network, model.head.n_outputs, training_work)
        return learn_importances(model, some_of(rows, n_rows))

    def _for_all_rows(self, predicted: Array, row_indices: NDArray[np.intp]) -> Array:
        """Return predictions for all rows that the user passed, (N, ...): `predicted`, (m, ...), and NaN elsewhere."""
        all_rows, n = self.plan.rows, len(self.plan.rows)
        if all_rows.passed_indices is not None and all_rows.n_passed is not None:  # rows of weight 0 were dropped
            row_indices, n = all_rows.passed_indices[row_indices], all_rows.n_passed
        for_all = np.full((n, *predicted.shape[1:]), nan, predicted.dtype)
        for_all[row_indices] = predicted
        return for_all


def first_states(plan: Plan, trainers: list[NetworkTrainer]) -> list[State]:
    """Return the initial states of networks: new ones, or those of an earlier call or a checkpoint."""
    start = plan.start
    earlier = start.earlier
    if earlier is None:
        seeds = member_seeds(start.seeds, len(trainers))
        states = [trainer.first_state(own_seeds) for trainer, own_seeds in zip(trainers, seeds, strict=True)]
    else:  # there is a single network, since members have been joined
        network = earlier.model.network
        check_same_layout(trainers[0].layout, network, plan.settings.network.init)
        theta = network.theta_vector(plan.encoding.compute_dtype)
        states = [trainers[0].state_of_weights(theta, start.seeds.steps)]
        if start.state is not None:
            before, now = (solver_name_or_class(resolved["solver"]) for resolved in (earlier.resolved, plan.resolved))
            n, dtype = network.layout.n_parameters, earlier.model.encoding.output_dtype
            states = [state_to_continue_from(start.state, states[0], n, dtype, keep_moments=now == before)]
    return states if start.checkpoint is None else start.checkpoint.states_instead_of(states)


def origin_of(estimator_name: str, plan: Plan) -> Origin:
    """Return what must be the same when a run with this plan is resumed."""
    evaluation = plan.evaluation
    splits = evaluation.splits if isinstance(evaluation, Folds) else []
    return Origin(
        estimator=estimator_name,
        seeds=plan.start.seeds.as_tuple(),
        seen_before=plan.start.n_samples_seen,
        data=fingerprint(plan.rows, evaluation.held_out_rows, splits),
        settings=describe_parameters(unchanged_where_resumed(plan.resolved)),
    )
