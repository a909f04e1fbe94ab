"""Assembling a call: the table is encoded once, and the networks that share it are put together."""

from dataclasses import replace

from sklearn.base import BaseEstimator

from sknet._estimators.fit_run import FitRun, origin_of
from sknet._estimators.parameters import solver_name_or_class
from sknet._estimators.plan import Plan
from sknet._estimators.read_data import prefix_errors
from sknet._estimators.scoring import validation_scorer
from sknet._estimators.start import Start, member_seeds
from sknet._model.evaluation import Folds, HeldOut, OwnRows
from sknet._model.fold_phase import FoldPhase, Selection
from sknet._model.importances import importance_rows
from sknet._model.matrices import encode_rows, encoding_to_continue_by
from sknet._model.network_trainer import NetworkTrainer, make_trainer, refuse_networks_beyond_memory
from sknet._model.starting import refuse_other_weights, state_to_continue_from
from sknet._model.train_phase import TrainPhase
from sknet._training.state import State


def assemble_run(estimator: BaseEstimator, plan: Plan) -> FitRun:
    """Encode the table once, and put the networks together that share it."""
    start, rows, settings, encoding = plan.start, plan.rows, plan.settings, plan.encoding
    evaluation = plan.evaluation
    folds = evaluation if isinstance(evaluation, Folds) else None
    refuse_networks_beyond_memory(settings, encoding, len(rows), 0 if folds is None else len(folds.splits))
    if folds is not None:  # folds that learn columns of their own encode the table again, but not its texts
        rows = replace(rows, X=rows.X.with_encoded_text(encoding.encoder, encoding.compute_dtype))
    # cross-fitted: a training row whose level is encoded by a mean of targets does not see its own target
    train, trained_by = evaluation.train, encoding
    if start.model is not None:
        trained_by = encoding_to_continue_by(encoding, rows, train, is_partial_fit=start.is_increment)
    encoded = encode_rows(trained_by, rows, cross_fit=True, train=train)
    # an epoch of `partial_fit` may have a row or two, and takes no longer than it must
    few_rows = None if start.is_increment else importance_rows(rows, encoded, train)
    train_rows, held_out = encoded, None
    match evaluation:
        case HeldOut(split):
            train_rows, held_out = encoded.take(split.train), encoded.take(split.held_out)
        case OwnRows(own_rows):
            with prefix_errors("X_val"):
                held_out = encode_rows(encoding, own_rows, cross_fit=False)
    score = None
    if evaluation.held_out is not None and estimator.scoring != "loss":
        score = validation_scorer(estimator, evaluation.held_out, plan)
    seeds = member_seeds(start.seeds, len(settings.sees_bins))

    def build_training(selection: Selection | None) -> TrainPhase:
        solver = settings.solver
        if start.is_increment:
            solver = replace(solver, n_epochs=start.epochs_done + 1)
        elif selection is not None:
            solver = selection.solver_for(solver, len(train_rows))
        # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
        may_stop_early = not start.is_increment or estimator.learning_rate == "adaptive"
        trainers = [
            make_trainer(
                settings, encoding, train_rows, held_out, score, sees_bins=sees_bins, solver=solver,
                may_stop_early=may_stop_early,
            )
            for sees_bins in settings.sees_bins
        ]  # fmt: skip
        return TrainPhase(trainers, first_states(start, trainers, seeds, plan), held_out, few_rows, selection)

    estimator_name = type(estimator).__name__
    if start.checkpoint is not None:
        start.checkpoint.refuse_other_run(origin_of(estimator_name, plan), has_folds=folds is not None)
    fold_phase = None
    if folds is not None and plan.learner is not None:
        fold_phase = FoldPhase(settings, encoding, encoded, rows, plan.learner, folds, seeds)
        if start.checkpoint is not None and start.checkpoint.progress.folds is not None:
            with start.checkpoint.errors():
                fold_phase.resume(start.checkpoint.progress.folds)
    return FitRun(
        estimator_name=estimator_name,
        plan=plan,
        train_rows=train_rows,
        folds=fold_phase,
        build_training=build_training,
        keeps_out_of_fold=estimator.early_stopping == "folds",
    )


def first_states(start: Start, trainers: list[NetworkTrainer], seeds: list[tuple[int, int]], plan: Plan) -> list[State]:
    """Return the states that networks start from: new ones, those of an earlier call, or those of a checkpoint."""
    if start.model is None:
        states = [trainer.first_state(own_seeds) for trainer, own_seeds in zip(trainers, seeds, strict=True)]
    else:  # there is one network then: members have been joined
        network = start.model.network
        refuse_other_weights(trainers[0].layout, network, plan.settings.network.init)
        states = [trainers[0].state_from(network, start.seeds.training)]
        if start.state is not None and start.resolved is not None:
            same_solver = solver_name_or_class(plan.resolved["solver"]) == solver_name_or_class(
                start.resolved["solver"]
            )
            dtype = start.model.output_dtype
            states = [state_to_continue_from(start.state, states[0], dtype, keep_moments=same_solver)]
    saved = start.checkpoint
    return states if saved is None else saved.states_instead_of(states)
