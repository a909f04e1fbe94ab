"""The run of a call: its networks in training, and their result.

Conventions
-----------
n rows of positive weight, N rows passed by the user; m held-out rows.

raw : (m, k)     raw outputs for held-out rows, by networks that were not trained on them
"""

from contextlib import suppress
from copy import copy, deepcopy
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import check_scoring
from sklearn.utils import get_tags

from sknet._estimators.fitted import Fitted, OutputsForScorer, ParametersAndAttributes, publish
from sknet._estimators.parameters import USER_SCORER, parameters_to_compare, solver_name_or_class
from sknet._estimators.planning import Plan
from sknet._estimators.read_data import prefix_errors
from sknet._model.encoding_learner import encode_rows, encoding_to_continue_with
from sknet._model.epoch_choice import FoldPhase, Selection, make_fold_phase
from sknet._model.held_out import HeldOutOutputs
from sknet._model.kept_state import state_with_published_weights
from sknet._model.model import Model, Network
from sknet._model.network_setup import NetworkSetup, check_networks_fit_in_memory, make_network_setups
from sknet._model.phase import Phase, mean_history
from sknet._model.residuals import learn_residuals
from sknet._model.rows import EncodedRows, FeatureTable, Rows
from sknet._model.sensitivity import (
    draw_encoded_rows,
    draw_importance_rows,
    inputs_per_row,
    learn_importances,
    n_importance_rows,
)
from sknet._model.train_phase import ModelScorer, Progress, TrainPhase
from sknet._storage.checkpoints import Origin, data_digests, describe_parameter
from sknet._tables.messages import short_repr
from sknet._training.solver import Observer, State, TrainingEnd
from sknet._typing import Array

# --- the run ---------------------------------------------------------------------------------------------------------


@dataclass
class FitRun:
    """The networks of a call, and everything that their result needs.

    Attributes
    ----------
    plan : Plan
    fold_phase : FoldPhase or None
        The first phase, if folds choose the epoch.
    train_rows : EncodedRows
        The rows that the published networks are trained on.
    held_out_rows : EncodedRows or None
        The rows that evaluate their epochs.
    score : callable or None
        Returns the score of an epoch; None for minus the loss.
    keeps_oof_prediction : bool
        Whether to keep `oof_prediction_`.
    train_phase : TrainPhase or None
        The networks that will be published; None until the folds have ended.
    """

    plan: Plan
    fold_phase: FoldPhase | None
    train_rows: EncodedRows
    held_out_rows: EncodedRows | None
    score: ModelScorer | None
    keeps_oof_prediction: bool
    train_phase: TrainPhase | None = None

    # --- while they train --------------------------------------------------------------------------------------------

    def select_and_train(self, observer: Observer) -> TrainingEnd:
        """Let folds choose the epoch, if there are any, then train the published networks."""
        if self.fold_phase is not None:
            if self.fold_phase.progress.states:  # there are none if a run is resumed after its folds
                end = self.fold_phase.train(observer)
                if end.is_by_user:  # the networks of the first fold are published
                    return end
            selection = self.fold_phase.choose()
            self.fold_phase.free_networks()
            self.make_published_networks(selection)
        assert self.train_phase is not None
        return self.train_phase.train(observer)

    def make_published_networks(self, selection: Selection | None) -> None:
        """Make the networks that will be published. Folds have ended before, since they need the memory."""
        settings = self.plan.settings
        if selection is not None:
            settings = replace(settings, solver=selection.solver_for(settings.solver, len(self.train_rows)))
        setups = make_network_setups(settings, self.plan.encoding, self.train_rows, self.held_out_rows)
        states = first_states(self.plan, setups)
        self.train_phase = TrainPhase(setups, states, selection, self.score)

    @property
    def phase(self) -> Phase:
        """The current phase."""
        phase = self.train_phase or self.fold_phase
        assert phase is not None  # without folds, there is `train_phase` from the beginning
        return phase

    @property
    def selection(self) -> Selection | None:
        """What folds have chosen; None without folds, and while they train."""
        return None if self.train_phase is None else self.train_phase.selection

    @property
    def progress(self) -> Progress:
        """The progress of the run."""
        of_folds = None if self.fold_phase is None else self.fold_phase.progress
        return Progress(of_folds, [state for _, state in self.published_networks])

    @property
    def published_networks(self) -> list[tuple[NetworkSetup, State]]:
        """The networks that will be published, each with its state; none while folds train."""
        return [] if self.train_phase is None else self.train_phase.networks

    # --- what is published -------------------------------------------------------------------------------------------

    def current_fitted(self) -> Fitted:
        """Return what the call would publish now, without state, residuals and importances."""
        network, _ = self.phase.join()
        return self._fitted_with(network)

    def _fitted_with(self, network: Network) -> Fitted:
        """Return what the call publishes with this network, without state, residuals and importances."""
        epochs = self.phase.epoch_histories
        n_iter = self.phase.n_iter
        plan = self.plan
        call = plan.call
        if self.fold_phase is None:
            chosen_epoch = self.phase.best_epoch
        else:
            chosen_epoch = n_iter if self.selection is None else self.selection.chosen_epoch
        earlier_history = () if call.earlier is None else call.earlier.history
        # L-BFGS may have a history without an iteration, see `TrainPhase.n_iter`
        n_seen = plan.n_train_rows * sum(map(len, epochs)) if n_iter else 0
        return Fitted(
            model=Model(self.phase.encoding, network),
            resolved=plan.resolved,
            schema=plan.schema,
            history=earlier_history + tuple(mean_history(epochs)),
            n_iter=n_iter,
            n_samples_seen=call.n_samples_seen + n_seen,
            seeds=call.seeds,
            chosen_epoch=chosen_epoch,
            n_earlier_epochs=len(earlier_history),
            held_out_digest=plan.holdout.digest,
            fold_epochs=() if self.fold_phase is None else self.fold_phase.epoch_histories[0],
            member_epochs=tuple(epochs) if len(epochs) > 1 else (),
        )

    def final_fitted(self, network: Network, held_out_outputs: HeldOutOutputs | None, *, keeps_state: bool) -> Fitted:
        """Return what the call publishes; with `keeps_state`, training can continue where it stopped."""
        fitted = self._fitted_with(network)
        residuals = None
        out_of_fold = None
        if held_out_outputs is not None:
            head = fitted.model.head
            predicted = head.oof_prediction(held_out_outputs.raw)
            residuals = learn_residuals(head, held_out_outputs, predicted, self.plan.rows.y)
            if self.selection is not None and self.keeps_oof_prediction:
                outputs = predicted if isinstance(predicted, list) else [predicted]  # one array per target column
                for_all = [self._scatter_to_all_rows(output, self.selection.held_out_indices) for output in outputs]
                out_of_fold = for_all if isinstance(predicted, list) else for_all[0]
        return replace(
            fitted,
            state=self.train_phase.state_to_keep() if keeps_state and self.train_phase is not None else None,
            importances=self._importances(fitted.model),
            residuals=residuals,
            out_of_fold=out_of_fold,
        )

    def _importances(self, model: Model) -> Array | None:
        """Return the columns' importances, (d,), at a number of rows that takes little of the training's time."""
        if self.plan.call.is_partial_fit:  # it has no importances, so that it is fast on a few rows
            return None
        of_first_fold = None if self.fold_phase is None else self.fold_phase.first_train_rows
        rows = draw_importance_rows(self.train_rows if of_first_fold is None else of_first_fold)
        n_inputs = inputs_per_row(rows)
        training_work = sum(
            len(state.history) * len(setup.train_rows) * setup.work_per_row(n_inputs)
            for setup, state in self.published_networks
        )
        n_rows = n_importance_rows(rows, model.network, model.head.n_outputs, training_work)
        return learn_importances(model, draw_encoded_rows(rows, n_rows))

    def _scatter_to_all_rows(self, predicted: Array, row_indices: NDArray[np.intp]) -> Array:
        """Return predictions for all rows that the user passed, (N, ...): `predicted`, (m, ...), and NaN elsewhere."""
        positive_weight_mask = self.plan.rows.positive_weight_mask
        if positive_weight_mask is not None:
            row_indices = np.flatnonzero(positive_weight_mask)[row_indices]
        n = len(self.plan.rows if positive_weight_mask is None else positive_weight_mask)
        for_all = np.full((n, *predicted.shape[1:]), nan, predicted.dtype)
        for_all[row_indices] = predicted
        return for_all


# --- how a run is made -----------------------------------------------------------------------------------------------


def make_run(estimator: ParametersAndAttributes, plan: Plan) -> FitRun:
    """Encode the table once for all networks, and make the networks of folds if folds choose the epoch."""
    call = plan.call
    holdout = plan.holdout
    rows = plan.rows
    n_folds = len(holdout.fold_splits)
    check_networks_fit_in_memory(plan.settings, plan.encoding, len(rows), n_folds, keeps_best=holdout.rows is not None)
    if call.checkpoint is not None:
        call.checkpoint.check_run(origin_of(plan), has_folds=n_folds > 0)
    if n_folds:  # folds may encode the table again, but not its texts
        rows = replace(rows, X=rows.X.with_encoded_text(plan.encoding.encoder, plan.encoding.compute_dtype))
    encoded = encode_table(plan, rows)
    score = None
    if holdout.rows is not None and USER_SCORER.holds(estimator):
        score = held_out_scorer(estimator, holdout.rows, plan)
    run = FitRun(
        plan=plan,
        fold_phase=make_or_resume_fold_phase(plan, encoded, rows) if n_folds else None,
        train_rows=encoded if holdout.train_indices is None else encoded.take(holdout.train_indices),
        held_out_rows=encoded_held_out_rows(plan, encoded),
        score=score,
        keeps_oof_prediction=estimator.early_stopping == "folds",
    )
    if run.fold_phase is None:
        run.make_published_networks(None)
    return run


def encode_table(plan: Plan, rows: Rows) -> EncodedRows:
    """Encode all rows of the table. The target means of a training row do not contain its own target."""
    encoding = plan.encoding
    train_indices = plan.holdout.train_indices
    if plan.call.earlier is not None:
        encoding = encoding_to_continue_with(encoding, rows, train_indices, has_all_rows=not plan.call.is_partial_fit)
    return encode_rows(encoding, rows, cross_fit=True, train_indices=train_indices)


def encoded_held_out_rows(plan: Plan, encoded: EncodedRows) -> EncodedRows | None:
    """Return the encoded rows that evaluate the epochs of the published networks, if there are any."""
    holdout = plan.holdout
    if holdout.split is not None:
        return encoded.take(holdout.split.held_out_indices)
    if holdout.rows is None:
        return None
    with prefix_errors("X_val"):
        return encode_rows(plan.encoding, holdout.rows, cross_fit=False)


def make_or_resume_fold_phase(plan: Plan, encoded: EncodedRows, rows: Rows) -> FoldPhase:
    """Make the networks of folds; their training continues from a checkpoint, if there is one."""
    assert plan.learner is not None  # folds never continue an earlier call
    seeds = plan.call.member_seeds(len(plan.settings.members_see_bins))
    phase = make_fold_phase(encoded, rows, plan.learner, plan.holdout, seeds)
    checkpoint = plan.call.checkpoint
    if checkpoint is not None and checkpoint.progress.folds is not None:
        with checkpoint.as_file_errors():
            phase.resume(checkpoint.progress.folds)
    return phase


def first_states(plan: Plan, setups: list[NetworkSetup]) -> list[State]:
    """Return the initial states of networks: new ones, or those of an earlier call or a checkpoint."""
    call = plan.call
    earlier = call.earlier
    seeds = call.member_seeds(len(setups))
    if earlier is None:
        states = [setup.first_state(member_seeds) for setup, member_seeds in zip(setups, seeds, strict=True)]
    else:  # there is a single network, since members have been joined
        network = earlier.model.network
        theta = network.theta_vector(plan.encoding.compute_dtype)
        _, seed_of_steps = seeds[0]
        states = [setups[0].new_state(theta, seed_of_steps)]
        kept = call.state_to_continue
        if kept is not None:
            before, now = (solver_name_or_class(resolved["solver"]) for resolved in (earlier.resolved, plan.resolved))
            n = network.layout.n_parameters
            dtype = earlier.model.encoding.output_dtype
            states = [state_with_published_weights(kept, states[0], n, dtype, keep_moments=now == before)]
    return states if call.checkpoint is None else call.checkpoint.states_or(states)


def origin_of(plan: Plan) -> Origin:
    """Return what must be the same when a run with this plan is resumed."""
    holdout = plan.holdout
    return Origin(
        estimator=plan.estimator_name,
        seeds=plan.call.seeds,
        seen_before=plan.call.n_samples_seen,
        data=data_digests(plan.rows, holdout.rows, holdout.fold_splits),
        settings={name: describe_parameter(value) for name, value in parameters_to_compare(plan.resolved).items()},
    )


# --- the score of every epoch ----------------------------------------------------------------------------------------


def held_out_scorer(estimator: ParametersAndAttributes, held_out_rows: Rows, plan: Plan) -> ModelScorer:
    """Return a function (model, its raw outputs) -> score, by a scikit-learn scorer on a copy of the estimator."""
    trained = copy(estimator)  # the estimator itself must not change before the fit ends
    scorer = check_scoring(trained, estimator.scoring)
    X = held_out_rows.X.for_scorer()
    table_copy = X if isinstance(X, FeatureTable) else deepcopy(X)  # a scorer may change the table
    weights = {} if held_out_rows.weight is None else {"sample_weight": held_out_rows.weight}
    head = plan.encoding.head
    kind = get_tags(estimator).estimator_type
    y = head.reshape_like_y(held_out_rows.y)

    def score(model: Model, raw: Array) -> float:
        """Return the score of the copy, whose fitted values this model replaces."""
        publish(trained, Fitted(model, plan.resolved, plan.schema, plan.call.seeds, chosen_epoch=0))
        trained._outputs_for_scorer = OutputsForScorer(raw, table_copy)
        try:
            result = scorer(trained, X, y, **weights)
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TypeError) and "sample_weight" in str(error):
                raise ValueError(
                    f"scoring={estimator.scoring!r} takes no sample_weight, but rows or classes are weighted: choose "
                    "another, or make it of a function that takes the keyword sample_weight."
                ) from error
            if not isinstance(estimator.scoring, str):
                raise  # this is an error of the user's own code
            raise ValueError(
                f"scoring={estimator.scoring!r} cannot rate this {kind}: {str(error).rstrip('.')}. Choose a scorer of "
                f"{kind}s, or scoring='loss'."
            ) from error
        return _as_score(result, estimator.scoring)

    return score


def _as_score(result: Any, scoring: object) -> float:
    """Return a scorer's result as a float; raise if it is not a single number."""
    with suppress(TypeError, ValueError):
        if np.ndim(result) == 0 and not isinstance(result, str | bytes) and not np.iscomplexobj(result):
            return float(result)
    raise TypeError(
        f"scoring={scoring!r} returned {short_repr(result)}: a scorer must return one number, the larger the better."
    )
