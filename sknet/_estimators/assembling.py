"""Encode the table once for all networks of a call, and make the networks of folds."""

from dataclasses import replace

from sklearn.base import BaseEstimator

from sknet._estimators.fit_run import FitRun, origin_of
from sknet._estimators.plan import Plan
from sknet._estimators.read_data import prefix_errors
from sknet._estimators.scoring import held_out_scorer
from sknet._estimators.start import member_seeds
from sknet._model.encoding import encode_rows, encoding_to_continue_by
from sknet._model.evaluation import Folds, HeldOut, OwnRows
from sknet._model.folds import FoldPhase
from sknet._model.sensitivity import importance_rows
from sknet._model.trainer import refuse_networks_beyond_memory


def assemble_run(estimator: BaseEstimator, plan: Plan) -> FitRun:
    """Encode the table once for all networks, and make the networks of folds if folds choose the epoch."""
    start, rows, settings, encoding, evaluation = plan.start, plan.rows, plan.settings, plan.encoding, plan.evaluation
    n_folds = len(evaluation.splits) if isinstance(evaluation, Folds) else 0
    refuse_networks_beyond_memory(settings, encoding, len(rows), n_folds)
    if n_folds:  # folds may encode the table again, but not its texts
        rows = replace(rows, X=rows.X.with_encoded_text(encoding.encoder, encoding.compute_dtype))

    # cross-fitted: the target means of a training row do not contain its own target
    trained_by = encoding
    if start.earlier is not None:
        trained_by = encoding_to_continue_by(encoding, rows, evaluation.train, is_partial_fit=start.is_increment)
    encoded = encode_rows(trained_by, rows, cross_fit=True, train=evaluation.train)
    train_rows, held_out = encoded, None
    match evaluation:
        case HeldOut(split):
            train_rows, held_out = encoded.take(split.train), encoded.take(split.held_out)
        case OwnRows(own_rows):
            with prefix_errors("X_val"):
                held_out = encode_rows(encoding, own_rows, cross_fit=False)

    name, checkpoint, fold_phase = type(estimator).__name__, start.checkpoint, None
    if checkpoint is not None:
        checkpoint.check_run(origin_of(name, plan), has_folds=n_folds > 0)
    if isinstance(evaluation, Folds) and plan.learner is not None:
        seeds = member_seeds(start.seeds, len(settings.sees_bins))
        fold_phase = FoldPhase(settings, encoded, rows, plan.learner, evaluation, seeds)
        if checkpoint is not None and checkpoint.progress.folds is not None:
            with checkpoint.errors():
                fold_phase.resume(checkpoint.progress.folds)

    score = None
    if evaluation.held_out is not None and estimator.scoring != "loss":
        score = held_out_scorer(estimator, evaluation.held_out, plan)
    return FitRun(
        estimator_name=name,
        plan=plan,
        train_rows=train_rows,
        held_out=held_out,
        score=score,
        # `partial_fit` skips importances, to be fast on a few rows
        importance_rows=None if start.is_increment else importance_rows(rows, encoded, evaluation.train),
        fold_phase=fold_phase,
        keeps_out_of_fold=estimator.early_stopping == "folds",
    )
