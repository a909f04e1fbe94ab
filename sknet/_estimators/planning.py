"""Plan a fit: choose the rows that evaluate epochs, replace every "auto", learn the encoding, and make the networks.

The table is encoded once for all networks of a call.
"""

from collections.abc import Callable
from contextlib import suppress
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier
from sklearn.metrics import check_scoring

from sknet._estimators import fit_messages
from sknet._estimators.fit_run import FitRun, Plan, Start, member_seeds, origin_of
from sknet._estimators.fitted import Fitted, OutputsForScorer
from sknet._estimators.parameters import (
    column_choices,
    copy_containers,
    solver_class,
    validation_splitter,
)
from sknet._estimators.read_data import ReadData, prefix_errors
from sknet._estimators.resolve import Facts, evaluation_class, fraction_to_hold_out, resolve
from sknet._estimators.user_warnings import warn
from sknet._model.encoding import Encoding, EncodingLearner, encode_rows, encoding_to_continue_by
from sknet._model.evaluation import EvaluatedByRows, Evaluation, Folds, HeldOut, NoEvaluation, OwnRows
from sknet._model.folds import FoldPhase, draw_folds
from sknet._model.heads import LabelHead
from sknet._model.model import Model
from sknet._model.sensitivity import importance_rows
from sknet._model.settings import Settings
from sknet._model.trainer import check_networks_fit_in_memory
from sknet._tables.constraints import interaction_sets
from sknet._tables.encoding import rescale_constant_columns
from sknet._tables.kinds import survey_columns
from sknet._tables.read import default_names, is_frame, short_repr
from sknet._tables.rows import MIN_ROWS_HELD_OUT, Rows, split_validation, splits_of_splitter
from sknet._typing import Array

# --- the plan --------------------------------------------------------------------------------------------------------


def make_plan(estimator: BaseEstimator, data: ReadData, start: Start) -> Plan:
    """Choose what evaluates each epoch, replace every "auto", and learn the encoding, unless training continues.

    The encoding is learnt from a sample of the training rows.
    """
    rows, batch_size = data.rows, estimator.batch_size
    evaluation = NoEvaluation() if start.is_increment else choose_evaluation(estimator, data, start)
    n_train = len(rows) if evaluation.train is None else len(evaluation.train)
    facts = Facts(
        n_train,
        evaluation.early_stopping,
        n_held_out=len(rows) - n_train,
        limits=rows.X.limits,
        earlier_parameters=None if start.earlier is None else start.earlier.resolved,
        began_with_increments=start.has_one_network,
    )
    is_first_order = solver_class(estimator.solver).is_first_order
    if not is_first_order and evaluation.held_out_rows is None:  # full batches: order and number of rows do not matter
        rows = rows.merge_duplicates_if_small()
    if is_first_order and not isinstance(batch_size, str) and batch_size > facts.n_rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
    learner = None
    if start.earlier is not None:
        settings, resolved = resolve_parameters(estimator, facts)
        encoding = replace(start.earlier.model.encoding, head=data.head)
        if start.is_increment:
            encoding = rescale_encoding(encoding, rows, start)
    else:
        if isinstance(data.head, LabelHead):
            fit_messages.warn_of_single_class(data.head.labels.classes_by_column)
        elif not start.is_increment:
            fit_messages.warn_of_single_row(len(rows))
        sample = rows.sample(start.seeds.rows, evaluation.train)  # without held-out rows
        survey = survey_columns(sample.X, column_choices(estimator))
        fit_messages.warn_of_misread_columns(survey)
        names = survey.names or default_names(data.columns.n)
        sets = interaction_sets(estimator.interaction_cst, names)
        facts = replace(facts, columns=survey.summary(estimator.max_categories), n_interaction_sets=len(sets))
        settings, resolved = resolve_parameters(estimator, facts)
        learner = EncodingLearner(
            settings, data.head, rows, sample, survey, output_dtype=data.columns.float_type, seed=start.seeds.rows
        )
        encoding = learner.learn(evaluation.train)
        fit_messages.check_left_out_columns(encoding.encoder)
    fit_messages.warn_of_ended_schedule(settings, start)
    learner_of_folds = learner if isinstance(evaluation, Folds) else None
    return Plan(
        start=start,
        settings=settings,
        resolved=resolved,
        rows=rows,
        columns=data.columns,
        encoding=encoding,
        evaluation=evaluation,
        learner=learner_of_folds,
    )


def rescale_encoding(encoding: Encoding, rows: Rows, start: Start) -> Encoding:
    """Return the encoding for `partial_fit`, with new scales for columns that had a single value until now."""
    X = rows.X.rows_in_memory()
    encoder, names = rescale_constant_columns(encoding.encoder, X, rows.weight)
    fit_messages.warn_of_rescaled_columns(names)
    if start.state is not None:
        fit_messages.warn_of_far_columns(encoding.encoder, X)
    return replace(encoding, encoder=encoder)


def choose_evaluation(estimator: BaseEstimator, data: ReadData, start: Start) -> Evaluation:
    """Choose what evaluates each epoch: the user's validation rows, held-out rows, folds, or nothing."""
    rows, n = data.rows, len(data.rows)
    if data.held_out is not None:
        fit_messages.warn_of_unused_groups(rows.groups, "X_val and y_val evaluate the epochs", "Leave groups out")
        return OwnRows(data.held_out)
    kind = evaluation_class(estimator, n, rows.X.limits)
    if kind is NoEvaluation:
        why = f"early_stopping={estimator.early_stopping!r} holds none of {n} rows out"
        fit_messages.warn_of_unused_groups(rows.groups, why, "Set early_stopping=True, or leave groups out")
        return NoEvaluation()
    seed = start.seeds.rows
    splitter = validation_splitter(estimator)
    if splitter is not None:
        splits = splits_of_splitter(splitter, rows, seed, (data.passed.X, data.passed.y, data.passed.groups))
        if len(np.unique(np.concatenate([split.held_out for split in splits]))) < MIN_ROWS_HELD_OUT:
            fit_messages.warn_of_few_rows(n, splitter)
            return NoEvaluation(is_short_of_rows=True)
        return Folds(splits, shares_columns=False)
    strata = data.head.strata(rows.y)
    fit_messages.warn_of_groups_of_one_class(strata, rows.groups)
    if kind is Folds:
        return draw_folds(n, strata, rows.groups, seed)
    fraction = fraction_to_hold_out(estimator, n, rows.X.limits)
    split = split_validation(rows, strata, fraction, seed)
    if split is None:
        if estimator.early_stopping != "auto":
            fit_messages.warn_of_few_rows(n, fraction)
        return NoEvaluation(is_short_of_rows=True)
    fit_messages.warn_of_rows_seen(start, n, fraction)
    return HeldOut(split, rows.take(split.held_out))


def resolve_parameters(estimator: BaseEstimator, facts: Facts) -> tuple[Settings, dict[str, object]]:
    """Replace every "auto"; return the settings and all parameters, including parameters of a subclass."""
    settings, parameters = resolve(estimator, facts)
    given = {name: copy_containers(value) for name, value in estimator.get_params(deep=False).items()}
    return settings, given | vars(parameters)  # resolved values replace the original ones


# --- the networks ----------------------------------------------------------------------------------------------------


def assemble_run(estimator: BaseEstimator, plan: Plan) -> FitRun:
    """Encode the table once for all networks, and make the networks of folds if folds choose the epoch."""
    start, rows, settings, encoding, evaluation = plan.start, plan.rows, plan.settings, plan.encoding, plan.evaluation
    n_folds = len(evaluation.splits) if isinstance(evaluation, Folds) else 0
    check_networks_fit_in_memory(settings, encoding, len(rows), n_folds)
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
        fold_phase = FoldPhase(settings, encoded, rows, plan.learner, folds=evaluation, seeds=seeds)
        if checkpoint is not None and checkpoint.progress.folds is not None:
            with checkpoint.errors():
                fold_phase.resume(checkpoint.progress.folds)

    score = None
    if evaluation.held_out_rows is not None and estimator.scoring != "loss":
        score = held_out_scorer(estimator, evaluation.held_out_rows, plan)
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


# --- the score of every epoch ----------------------------------------------------------------------------------------


def held_out_scorer(estimator: BaseEstimator, held_out: Rows, plan: Plan) -> Callable[[Model, Array], float]:
    """Return a function (model, its raw outputs) -> score, by a scikit-learn scorer on a copy of the estimator."""
    trained = copy(estimator)  # the estimator itself must not change before the fit ends
    scorer = check_scoring(trained, estimator.scoring)
    X = held_out.X.for_scorer()
    kept = deepcopy(X) if is_frame(X) else X.copy()  # a copy, since a scorer may change the table; polars has no `copy`
    kind = "classifier" if is_classifier(estimator) else "regressor"
    weights = {} if held_out.weight is None else {"sample_weight": held_out.weight}
    y = plan.encoding.head.reshape_like_y(held_out.y)

    def score(model: Model, raw: Array) -> float:
        trained._fitted = Fitted(
            model, plan.resolved, plan.columns, plan.start.seeds.as_tuple(), evaluation=EvaluatedByRows(0, 0)
        )
        trained._outputs_for_scorer = OutputsForScorer(raw, kept)
        try:
            found = scorer(trained, X, y, **weights)
        except (TypeError, ValueError, AttributeError) as error:
            if isinstance(error, TypeError) and "sample_weight" in str(error):
                raise ValueError(
                    f"scoring={estimator.scoring!r} takes no sample_weight, but rows or classes are weighted: choose "
                    "another, or make it of a function that takes the keyword sample_weight."
                ) from error
            if not isinstance(estimator.scoring, str):
                raise  # an error of the user's own code
            raise ValueError(
                f"scoring={estimator.scoring!r} cannot rate this {kind}: {str(error).rstrip('.')}. Choose a scorer of "
                f"{kind}s, or scoring='loss'."
            ) from error
        return _as_score(found, estimator.scoring)

    return score


def _as_score(found: Any, scoring: object) -> float:
    """Return a scorer's result as a float; raise if it is not a single number."""
    with suppress(TypeError, ValueError):
        if np.ndim(found) == 0 and not isinstance(found, str | bytes) and not np.iscomplexobj(found):
            return float(found)
    raise TypeError(
        f"scoring={scoring!r} returned {short_repr(found)}: a scorer must return one number, the larger the better."
    )
