"""Assembling a fit: the table is encoded once, and the networks that share it are put together."""

from functools import partial

from sklearn.base import BaseEstimator

from sknet._estimators.fit_run import FitRun
from sknet._estimators.fitted import Fitted
from sknet._estimators.plan import Plan, member_seeds
from sknet._estimators.read_data import prefix_errors
from sknet._model.fold_phase import FoldPhase
from sknet._model.importances import importance_rows
from sknet._model.matrices import encode_rows, encoding_to_continue_by
from sknet._model.network_trainer import make_trainer, refuse_networks_beyond_memory
from sknet._model.starting import refuse_other_weights
from sknet._model.train_phase import TrainPhase, draw_states, states_from_weights


def assemble_run(
    estimator: BaseEstimator, plan: Plan, earlier: Fitted | None, *, end_epoch: int | None = None
) -> FitRun:
    """Encode the table once, and put the networks together that share it.

    `end_epoch`: the epoch after which training ends, counted as `State.epoch` is; None is `max_iter`.
    """
    rows, settings, encoding = plan.rows, plan.settings, plan.encoding
    folds, split = plan.evaluation.folds, plan.evaluation.split
    refuse_networks_beyond_memory(settings, encoding, len(rows), 0 if folds is None else len(folds.splits))
    # cross-fitted: a training row whose level is encoded by a mean of targets does not see its own target
    train, trained_by = plan.evaluation.train, encoding
    if earlier is not None:
        trained_by = encoding_to_continue_by(encoding, rows, train, is_partial_fit=plan.is_partial_fit)
    encoded = encode_rows(trained_by, rows, cross_fit=True, train=train)
    # an epoch of `partial_fit` may have a row or two, and takes no longer than it must
    few_rows = None if plan.is_partial_fit else importance_rows(rows, encoded, train)
    training, validation, validation_rows = encoded, None, plan.validation
    if plan.validation is not None:
        with prefix_errors("X_val"):
            validation = encode_rows(encoding, plan.validation, cross_fit=False)
    elif split is not None:
        training, validation = encoded.take(split.train), encoded.take(split.held_out)
        validation_rows = rows.take(split.held_out)
    # one epoch of `partial_fit` never stops early, but "adaptive" must count epochs without improvement
    trainers = [
        make_trainer(
            settings, encoding, training, validation, sees_bins=sees_bins, end_epoch=end_epoch,
            may_stop_early=end_epoch is None or estimator.learning_rate == "adaptive",
        )
        for sees_bins in settings.sees_bins
    ]  # fmt: skip
    seeds = member_seeds(plan.seeds, len(trainers))
    if earlier is None:
        first_states = partial(draw_states, trainers, seeds)
    else:  # there is one network then: members have been joined
        refuse_other_weights(trainers[0].layout, earlier.model.network, settings.network.init)
        first_states = partial(states_from_weights, trainers, earlier.model.network, plan.seeds.training)
    run = FitRun(
        estimator_name=type(estimator).__name__,
        plan=plan,
        validation_rows=validation_rows,
        earlier=earlier,
        training=TrainPhase(trainers, first_states, validation, few_rows),
        folds=(
            None
            if folds is None or plan.learner is None
            else FoldPhase(settings, encoding, encoded, rows, plan.learner, folds, seeds)
        ),
        keeps_out_of_fold=estimator.early_stopping == "folds",
    )
    run.evaluate_by_scorer(estimator)
    return run
