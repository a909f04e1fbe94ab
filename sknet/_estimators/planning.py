"""Planning a fit: which rows evaluate each epoch, what every "auto" becomes, and how the table is encoded."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sknet._estimators.auto import Facts, evaluation_method
from sknet._estimators.fit_messages import (
    refuse_or_warn_of_left_out,
    warn_of_few_rows,
    warn_of_groups_of_one_class,
    warn_of_misread_columns,
    warn_of_rescaled_columns,
    warn_of_rows_seen,
    warn_of_unused_groups,
)
from sknet._estimators.fitted import Fitted
from sknet._estimators.parameters import RegressorParameters, column_choices, copy_containers, solver_class
from sknet._estimators.plan import Evaluation, Plan, Seeds
from sknet._estimators.read_data import ReadData
from sknet._estimators.resolve import resolve
from sknet._estimators.user_warnings import warn
from sknet._model.fold_phase import draw_folds, folds_of_splits
from sknet._model.matrices import EncodingLearner, encoding_of
from sknet._model.settings import Settings
from sknet._tables.frames import column_names
from sknet._tables.interaction_sets import interaction_sets
from sknet._tables.novelty import rescale_constant_columns
from sknet._tables.splitting import MIN_ROWS_HELD_OUT, split_validation, splits_of_splitter
from sknet._tables.survey import survey_columns

_GENERATOR_LOCK = Lock()
"""Held while seeds are drawn, and while they are given back."""


@contextmanager
def draw_seeds(estimator: BaseEstimator, earlier: Fitted | None) -> Iterator[Seeds]:
    """Draw the seeds of the fit in the `with` block; an unfinished run keeps its own.

    A warm start keeps the held-out rows: they never enter the training part. Fits that share a generator in several
    threads draw different seeds. A fit that fails rewinds the generator, unless it has been used since.
    """
    if earlier is not None and earlier.state is not None:  # a run that is not over: it goes on
        yield Seeds(*earlier.seeds)
        return
    source, fitted_before = check_random_state(estimator.random_state), estimator._fitted
    with _GENERATOR_LOCK:
        before = source.get_state(legacy=False)
        drawn = Seeds(*source.randint(np.iinfo(np.int32).max, size=3).tolist())
        after = source.get_state(legacy=False)
    try:
        yield drawn if earlier is None else drawn._replace(rows=Seeds(*earlier.seeds).rows)
    except BaseException:
        with _GENERATOR_LOCK:
            is_unused_since = pickle.dumps(source.get_state(legacy=False)) == pickle.dumps(after)
            if is_unused_since and estimator._fitted is fitted_before:  # an interrupt may come after publishing
                source.set_state(before)
        raise


def advance_random_state(estimator: BaseEstimator) -> None:
    """Draw from the user's own generator what `draw_seeds` draws."""
    if isinstance(estimator.random_state, np.random.RandomState):
        estimator.random_state.randint(np.iinfo(np.int32).max, size=3)


def plan_fit(estimator: BaseEstimator, data: ReadData, earlier: Fitted | None, seeds: Seeds) -> Plan:
    """Choose what evaluates each epoch, answer every "auto", and learn how the table is encoded."""
    evaluation = choose_evaluation(estimator, data, earlier, seeds)
    n_held_out = 0 if evaluation.split is None else len(evaluation.split.held_out)
    has_validation = data.validation is not None or evaluation.split is not None
    facts = Facts(
        len(data.rows) - n_held_out,
        "folds" if evaluation.folds is not None else has_validation,
        n_held_out=n_held_out if data.validation is None else len(data.validation),
        limits=data.rows.X.limits,
        earlier_parameters=None if earlier is None else earlier.resolved,
    )
    # full batches: the order and number of rows do not matter
    if solver_class(estimator.solver).needs_all_rows and not has_validation:
        data = replace(data, rows=data.rows.merge_duplicates())
    return complete_plan(estimator, data, earlier, seeds, facts, evaluation)


def plan_increment(estimator: BaseEstimator, data: ReadData, earlier: Fitted | None, seeds: Seeds) -> Plan:
    """Answer every "auto" for one more epoch, and learn how the table is encoded if it is the first."""
    facts = Facts(
        len(data.rows),
        validated=False,
        limits=data.rows.X.limits,
        began_with_increments=earlier is None or earlier.began_with_increments,
        earlier_parameters=None if earlier is None else earlier.resolved,
    )
    plan = complete_plan(estimator, data, earlier, seeds, facts, Evaluation())
    encoding = plan.encoding
    if earlier is not None:
        X = data.rows.X.rows_in_memory()
        encoder, names = rescale_constant_columns(encoding.encoder, X, data.rows.weight)
        encoding = replace(encoding, encoder=encoder)
        warn_of_rescaled_columns(names)
    return replace(plan, encoding=encoding, is_partial_fit=True)


def choose_evaluation(estimator: BaseEstimator, data: ReadData, earlier: Fitted | None, seeds: Seeds) -> Evaluation:
    """Choose the rows of the table that evaluate each epoch, if no others were passed: some, or folds of all."""
    rows, n = data.rows, len(data.rows)
    if data.validation is not None:
        warn_of_unused_groups(rows.groups, "X_val and y_val evaluate the epochs", "Leave groups out")
        return Evaluation()
    method = evaluation_method(estimator, n, rows.X.limits)
    if method is None:
        why = f"early_stopping={estimator.early_stopping!r} holds none of {n} rows out"
        warn_of_unused_groups(rows.groups, why, "Set early_stopping=True, or leave groups out")
        return Evaluation()
    is_regression = isinstance(estimator, RegressorParameters)
    if method != "folds" and not isinstance(method, float):  # a splitter of the user
        splits = splits_of_splitter(method, rows, seeds.rows, (data.passed.X, data.passed.y, data.passed.groups))
        if len(np.unique(np.concatenate([split.held_out for split in splits]))) < MIN_ROWS_HELD_OUT:
            warn_of_few_rows(n, method)
            return Evaluation(lacks_validation=True)
        return Evaluation(folds=folds_of_splits(n, splits, rows.groups, is_regression=is_regression))
    strata = data.head.strata(rows.y)
    warn_of_groups_of_one_class(strata, rows.groups)
    if method == "folds":
        return Evaluation(folds=draw_folds(n, strata, rows.groups, seeds.rows, is_regression=is_regression))
    split = split_validation(rows, strata, method, seeds.rows)
    if split is None:
        if estimator.early_stopping != "auto":
            warn_of_few_rows(n, method)
        return Evaluation(lacks_validation=True)
    if earlier is not None:
        warn_of_rows_seen(earlier, n, method)
    return Evaluation(split=split, n_rows_before_split=n)


def complete_plan(
    estimator: BaseEstimator, data: ReadData, earlier: Fitted | None, seeds: Seeds, facts: Facts, evaluation: Evaluation
) -> Plan:
    """Answer every "auto" and learn how the table is encoded, both from a sample of it; an earlier encoding stays."""
    batch_size, rows = estimator.batch_size, data.rows
    in_batches = not solver_class(estimator.solver).needs_all_rows
    if in_batches and not isinstance(batch_size, str) and batch_size > facts.n_rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped", UserWarning)
    if earlier is not None and evaluation.folds is None:
        settings, resolved = resolve_parameters(estimator, facts)
        encoding = encoding_of(earlier.model, data.head)
        return Plan(settings, resolved, seeds, rows, data.columns, encoding, evaluation, validation=data.validation)
    sample = rows.sample(seeds.rows, evaluation.train)  # nothing is learnt from rows that are held out for ever
    survey = survey_columns(sample.X, column_choices(estimator))
    if earlier is None:
        warn_of_misread_columns(survey)
        names = column_names(sample.X) if isinstance(sample.X, pd.DataFrame) else None
        sets = interaction_sets(estimator.interaction_cst, names, data.columns.n)
        facts = replace(facts, columns=survey.summary(estimator.max_categories), n_interaction_sets=len(sets))
    settings, resolved = resolve_parameters(estimator, facts)
    learner = EncodingLearner(settings, data.head, rows, sample, survey, data.columns.float_type, seeds.rows)
    if earlier is None:
        encoding = learner.learn(evaluation.train)
        refuse_or_warn_of_left_out(encoding.encoder)
    else:
        encoding = encoding_of(earlier.model, data.head)
    learner_of_folds = None if evaluation.folds is None else learner
    return Plan(settings, resolved, seeds, rows, data.columns, encoding, evaluation, learner_of_folds, data.validation)


def resolve_parameters(estimator: BaseEstimator, facts: Facts) -> tuple[Settings, dict[str, object]]:
    """Answer every "auto"; return the settings, and all parameters, also those that a subclass adds."""
    settings, parameters = resolve(estimator, facts)
    own = {name: copy_containers(value) for name, value in estimator.get_params(deep=False).items()}
    return settings, own | vars(parameters)  # the right one wins: the answers
