"""Plan a call: draw its seeds, choose the rows that evaluate epochs, replace every "auto", and learn the encoding.

A call starts from nothing, from the result of an earlier call, or from a checkpoint.
"""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from os import PathLike
from typing import Any

import numpy as np
from sklearn.model_selection import TimeSeriesSplit
from sklearn.utils import check_random_state

from sknet._estimators import fit_messages
from sknet._estimators.fitted import Fitted, ParametersAndAttributes, fitted_or_none
from sknet._estimators.parameters import (
    AGAINST_VALIDATION_ROWS,
    FULL_BATCHES,
    USER_FOLDS,
    CommonParameters,
    check_conflicts_with_temperature,
    check_no_conflict,
    column_choices,
)
from sknet._estimators.read_data import FitArguments, TableSchema, read_validation_rows
from sknet._estimators.resolve import AutoFacts, choose_early_stopping, fraction_to_hold_out, resolve
from sknet._estimators.sklearn_api import warn
from sknet._model.encoding import Encoding
from sknet._model.encoding_learner import EncodingLearner
from sknet._model.epoch_choice import draw_folds
from sknet._model.heads import Head
from sknet._model.held_out import Holdout
from sknet._model.rows import Rows
from sknet._model.settings import Settings
from sknet._storage.checkpoints import LoadedCheckpoint, read_checkpoint
from sknet._tables.assumptions import MAX_ROWS_CHECKED, count_copies, find_signs, unsorted_dates
from sknet._tables.constraints import column_signs, interaction_sets
from sknet._tables.kinds import UNKNOWN_COLUMNS, Survey, survey_columns
from sknet._tables.missing_codes import find_missing_codes
from sknet._tables.new_rows import rescale_constant_columns
from sknet._tables.raw_table import column_in_code, default_names
from sknet._tables.splitting import MIN_ROWS_HELD_OUT, split_validation, splits_of_splitter
from sknet._training.solver import State

# --- a call and its seeds --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """A call that trains: its arguments, its seeds, and the result or the checkpoint to continue from.

    A `fit` has neither `earlier` nor `checkpoint`. A warm start has `earlier`; `resume` has `checkpoint`, and also
    `earlier` if it resumes a warm start. All three get all rows, and train up to `max_iter` epochs.

    A `partial_fit` has `earlier`, except in the first call. It trains one epoch, which nothing evaluates and no
    callback observes, and keeps the state of training. Like its preparation and `backpropagate`, it gets a part of the
    table, which may lack classes and vary less than the rest.

    Attributes
    ----------
    arguments : FitArguments
    seeds : tuple of (int, int, int)
        The seeds of the first weights; of held-out rows, folds and the sample that columns are learnt from; and of the
        order of rows and dropout.
    earlier : Fitted or None
        The result to continue from; None for new training.
    checkpoint : LoadedCheckpoint or None
    is_partial_fit : bool
    """

    arguments: FitArguments
    seeds: tuple[int, int, int]
    earlier: Fitted | None = None
    checkpoint: LoadedCheckpoint | None = None
    is_partial_fit: bool = False

    @property
    def seed_of_rows(self) -> int:
        """The seed of held-out rows, folds and the sample that columns are learnt from."""
        _, of_rows, _ = self.seeds
        return of_rows

    def member_seeds(self, n_members: int) -> list[tuple[int, int]]:
        """Draw the seeds of weights and of steps for each member. The first member has those of a single network."""
        of_weights, _, of_steps = self.seeds  # members share the seed of rows
        weights, steps = (
            [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
            for seed in (of_weights, of_steps)
        )
        return list(zip(weights, steps, strict=True))

    @property
    def state_to_continue(self) -> State | None:
        """The training state to continue from; a warm start has none, since it trains like a new fit."""
        return self.earlier.state if self.earlier is not None and self.is_partial_fit else None

    @property
    def n_samples_seen(self) -> int:
        """How many rows earlier calls have trained on, counted once per epoch."""
        return 0 if self.earlier is None else self.earlier.n_samples_seen

    @property
    def is_incremental(self) -> bool:
        """Whether the call is a `partial_fit` that begins or continues one network, whatever `n_members` is.

        After a finished `fit`, which keeps no state, `n_members` must stay as it was.
        """
        if self.earlier is None:
            return self.is_partial_fit
        return self.state_to_continue is not None and self.earlier.resolved["n_members"] == 1

    @property
    def epochs_done_before(self) -> int:
        """How many epochs were done before this call: by the calls whose state it continues, or the run it resumes.

        It is 0 for a warm start, which counts its epochs from the beginning.
        """
        states = [] if self.checkpoint is None else self.checkpoint.progress.states
        return max([state.epoch for state in (*states, self.state_to_continue) if state is not None], default=0)


def draw_seeds(source: np.random.RandomState) -> tuple[int, int, int]:
    """Draw the seeds of a fit."""
    weights, rows, steps = source.randint(np.iinfo(np.int32).max, size=3).tolist()
    return weights, rows, steps


@contextmanager
def drawing_seeds(
    estimator: ParametersAndAttributes,
    arguments: FitArguments,
    earlier: Fitted | None = None,
    *,
    is_partial_fit: bool = False,
) -> Iterator[Call]:
    """Draw the seeds of a call, and yield it. It runs in the `with` block.

    An unfinished run keeps its seeds. A warm start keeps the seed of held-out rows, so that they are never trained on.
    If the call fails, the generator is rewound, unless it has been used since.
    """
    if earlier is not None and earlier.state is not None:
        yield Call(arguments, earlier.seeds, earlier, is_partial_fit=is_partial_fit)
        return
    source = check_random_state(estimator.random_state)
    fitted_before = fitted_or_none(estimator)
    before = source.get_state(legacy=False)
    seeds = draw_seeds(source)
    after = source.get_state(legacy=False)
    try:
        if earlier is not None:
            of_weights, _, of_steps = seeds
            _, of_rows, _ = earlier.seeds
            seeds = of_weights, of_rows, of_steps
        yield Call(arguments, seeds, earlier, is_partial_fit=is_partial_fit)
    except BaseException:
        is_unused_since = pickle.dumps(source.get_state(legacy=False)) == pickle.dumps(after)
        if is_unused_since and fitted_or_none(estimator) is fitted_before:  # an interrupt may come after publishing
            source.set_state(before)
        raise


@contextmanager
def resuming(estimator: ParametersAndAttributes, arguments: FitArguments, path: str | PathLike[str]) -> Iterator[Call]:
    """Yield a call that continues the run of a checkpoint file. It runs in the `with` block."""
    checkpoint = read_checkpoint(path)
    before = fitted_or_none(estimator)
    checkpoint.check_estimator(type(estimator).__name__, 0 if before is None else before.n_samples_seen)
    seeds = checkpoint.origin.seeds
    was_warm_start = checkpoint.origin.seen_before > 0
    yield Call(arguments, seeds, before if was_warm_start else None, checkpoint)
    # if another estimator has drawn the seeds, the user's own generator advances here as in `drawing_seeds`
    source = estimator.random_state
    if isinstance(source, np.random.RandomState) and (before is None or before.seeds != seeds):
        draw_seeds(source)


# --- the plan of a call ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its rows, what evaluates the epochs, the settings and the encoding."""

    estimator_name: str  # the name of its class
    call: Call
    rows: Rows  # including held-out rows; for full batches, equal rows of a small table are merged
    schema: TableSchema
    holdout: Holdout
    settings: Settings
    resolved: dict[str, object]  # all parameters, with every "auto" replaced
    encoding: Encoding
    learner: EncodingLearner | None  # learns the columns again for each fold; None without folds
    n_train_rows: int  # how many rows the published networks are trained on, before equal rows are merged


def make_plan(estimator: ParametersAndAttributes, call: Call, head: Head, all_rows: Rows, schema: TableSchema) -> Plan:
    """Choose what evaluates each epoch, replace every "auto", and learn the encoding, unless training continues."""
    fit_messages.warn_of_labels_in_another_order(call.arguments)
    validation_rows = read_validation_rows(call.arguments, type(estimator).__name__, head, schema)
    holdout = choose_holdout(estimator, call, head, all_rows, validation_rows)
    rows = all_rows
    # with full batches, neither order nor number of rows matters, except that counts of rows show rare categories
    if FULL_BATCHES.holds(estimator) and holdout.rows is None and not column_choices(estimator).columns_by_parameter:
        rows = rows.merge_duplicates_if_small()
    learner = None  # folds never continue an earlier call
    if call.earlier is None:
        settings, resolved, encoding, learner = learn_columns(estimator, call, head, all_rows, rows, schema, holdout)
    else:
        settings, resolved = resolve(estimator, facts_of_call(estimator, call, all_rows, holdout))
        encoding = encoding_of_earlier(call.earlier, head, rows, call)
        fit_messages.warn_of_unread_rows(encoding.encoder, rows.X, "X")
        fit_messages.warn_of_ended_schedule(settings.solver, call.earlier, call.state_to_continue)
    plan = Plan(
        estimator_name=type(estimator).__name__,
        call=call,
        rows=rows,
        schema=schema,
        holdout=holdout,
        settings=settings,
        resolved=resolved,
        encoding=encoding,
        learner=learner if holdout.fold_splits else None,  # it holds a sample of the table in memory
        n_train_rows=len(all_rows if holdout.train_indices is None else holdout.train_indices),
    )
    fit_messages.warn_of_clipped_batches(estimator, plan.n_train_rows)
    if validation_rows is not None:
        fit_messages.warn_of_unread_rows(encoding.encoder, validation_rows.X, "X_val")
        if rows.X.is_in_memory and validation_rows.X.is_in_memory:
            fit_messages.warn_of_unlike_validation_rows(encoding, rows, validation_rows)
    return plan


def learn_columns(
    estimator: ParametersAndAttributes, call: Call, head: Head, all_rows: Rows, rows: Rows, schema: TableSchema,
    holdout: Holdout,
) -> tuple[Settings, dict[str, object], Encoding, EncodingLearner]:  # fmt: skip
    """Survey a sample of the rows, replace every "auto", and learn the encoding; warn of what the columns show.

    Returns
    -------
    settings : Settings
    resolved : dict
        All parameters, with every "auto" replaced.
    encoding : Encoding
    learner : EncodingLearner
    """
    for message in head.start_warnings(rows.y, holds_rows_out=holdout.holds_out_rows_of_table):
        warn(message, UserWarning)
    sample = rows.sample(call.seed_of_rows, holdout.train_indices)  # it has training rows only
    survey = survey_columns(sample.X, column_choices(estimator), rows.X.names_of_text, is_polars=rows.X.is_polars)
    fit_messages.warn_of_misread_columns(survey, sample.X, is_polars=rows.X.is_polars)
    fit_messages.warn_of_missing_codes(
        find_missing_codes(sample.X, survey), survey, sample.X, is_polars=rows.X.is_polars
    )
    n_sets = len(interaction_sets(estimator.interaction_cst, survey.names or default_names(schema.n)))
    settings, resolved = resolve(estimator, facts_of_call(estimator, call, all_rows, holdout, survey, n_sets))
    learner = EncodingLearner(settings, head, sample, survey, output_dtype=schema.float_type, seed=call.seed_of_rows)
    encoding = learner.learn(rows, holdout.train_indices)
    fit_messages.warn_of_left_out_columns(encoding.encoder, survey)
    fit_messages.warn_of_target_in_table(call.arguments.X, call.arguments.y)
    fit_messages.warn_of_normalised_weights(estimator, all_rows.weight)
    if not call.is_partial_fit and rows.X.is_in_memory and not survey.is_sparse:
        warn_of_unlike_assumptions(estimator, all_rows, holdout, encoding.head, survey)
    return settings, resolved, encoding, learner


def warn_of_unlike_assumptions(
    params: CommonParameters, rows: Rows, holdout: Holdout, head: Head, survey: Survey
) -> None:
    """Warn of a table that is not what the defaults assume, if some of its rows show it."""
    checked = slice(0, len(rows), ceil(len(rows) / MAX_ROWS_CHECKED))
    target = head.targets(rows.y[checked], np.dtype(np.float64))
    could_use_groups = holdout.holds_out_rows_of_table and rows.groups is None
    holds_out_at_random = could_use_groups and not USER_FOLDS.holds(params)
    groups = None if rows.groups is None else np.unique(rows.groups[checked], return_inverse=True)[1]
    X = rows.X.rows_in_memory()
    signs = find_signs(X, checked, target, survey, groups, checks_time=holds_out_at_random)
    if isinstance(params.validation_fraction, TimeSeriesSplit) and USER_FOLDS.holds(params):
        unsorted = unsorted_dates(X, survey)
        if unsorted is not None:
            column = column_in_code(X, unsorted)
            fit_messages.warn_of_unsorted_dates(survey.names[unsorted], column, is_polars=rows.X.is_polars)
    if could_use_groups and (n_copies := count_copies(X, rows.y)):
        fit_messages.warn_of_copies(n_copies, len(rows), X, is_polars=rows.X.is_polars)
    if signs.time is not None:
        fit_messages.warn_of_time_order(params, survey.names[signs.time], len(rows), is_falling=signs.is_falling)
    for j in signs.identifiers:
        fit_messages.warn_of_identifier(params, X, j, survey.names[j], uses_groups=could_use_groups)


def facts_of_call(
    estimator: ParametersAndAttributes, call: Call, rows: Rows, holdout: Holdout, survey: Survey = UNKNOWN_COLUMNS,
    n_interaction_sets: int = 1,
) -> AutoFacts:  # fmt: skip
    """Return what "auto" depends on; `survey` is of columns to learn, and duplicates count as rows of their own."""
    n = len(rows)
    n_train = n if holdout.train_indices is None else len(holdout.train_indices)
    return AutoFacts(
        n_train,
        holdout.early_stopping,
        n_held_out=n - n_train,
        n_events=holdout.n_events,
        survey=survey,
        n_interaction_sets=n_interaction_sets,
        is_stream=rows.X.is_stream,
        largest_batch=rows.X.largest_batch,
        earlier_resolved=None if call.earlier is None else earlier_parameters(estimator, call.earlier),
        is_incremental=call.is_incremental,
        n_epochs=call.epochs_done_before + 1 if call.is_partial_fit else None,
    )


def earlier_parameters(estimator: ParametersAndAttributes, earlier: Fitted) -> Mapping[str, object]:
    """Return the resolved parameters of an earlier call, with this call's `monotonic_cst` if it means the same."""
    names = earlier.model.encoder.column_names
    now, before = estimator.monotonic_cst, earlier.resolved["monotonic_cst"]
    is_same = np.array_equal(column_signs(now, names), column_signs(before, names))
    return {**earlier.resolved, "monotonic_cst": now} if is_same else earlier.resolved


def settings_of_objective(estimator: ParametersAndAttributes, call: Call, earlier: Fitted, rows: Rows) -> Settings:
    """Return the settings of the objective that a `partial_fit` would minimise on these rows."""
    facts = facts_of_call(estimator, call, rows, Holdout())
    # what label_smoothing="auto" becomes depends on whether the last fit evaluated epochs
    settings, _ = resolve(estimator, replace(facts, early_stopping=earlier.chosen_epoch is not None))
    return settings


def encoding_of_earlier(earlier: Fitted, head: Head, rows: Rows, call: Call) -> Encoding:
    """Return the encoding of an earlier call, with this call's head.

    A target that was constant until now, and has another value in this call, is predicted by the network from now on.
    If this call has a part of the table, columns that had a single value until now are scaled by its rows.
    """
    encoding = replace(earlier.model.encoding, head=head.with_constants_confirmed_by(rows.y))
    if not call.is_partial_fit:
        if rows.X.is_in_memory:
            fit_messages.warn_of_far_rows(encoding, rows, "fit", "Call fit with warm_start=False.")
        return encoding
    encoder, names = rescale_constant_columns(encoding.encoder, rows.X.rows_in_memory(), rows.weight)
    fit_messages.warn_of_rescaled_columns(names)
    encoding = replace(encoding, encoder=encoder)
    if call.state_to_continue is not None:
        remedy = fit_messages.UNREPRESENTATIVE_ROWS_REMEDY
        fit_messages.warn_of_far_rows(encoding, rows, "partial_fit", remedy)
    return encoding


def choose_holdout(
    params: CommonParameters, call: Call, head: Head, rows: Rows, validation_rows: Rows | None
) -> Holdout:
    """Choose what evaluates each epoch: the user's validation rows, held-out rows, folds, or nothing."""
    if call.is_partial_fit:
        return Holdout()
    check_conflicts_with_temperature(params)
    n = len(rows)
    strata = head.strata(rows.y)
    n_events = head.n_events(strata)
    if validation_rows is not None:
        check_no_conflict(params, "X_val does", AGAINST_VALIDATION_ROWS, "leave X_val and y_val out")
        fit_messages.warn_of_unused_groups(rows.groups, "X_val and y_val evaluate the epochs", "Leave groups out")
        return Holdout(validation_rows, n_events=n_events)
    early_stopping = choose_early_stopping(params, n, is_stream=rows.X.is_stream)
    if not early_stopping:
        why = f"early_stopping={params.early_stopping!r} holds none of {n} rows out"
        fit_messages.warn_of_unused_groups(rows.groups, why, "Set early_stopping=True, or leave groups out")
        return Holdout()
    seed = call.seed_of_rows
    if USER_FOLDS.holds(params):
        splitter: Any = params.validation_fraction
        is_positive = np.ones(n, bool) if rows.positive_weight_mask is None else rows.positive_weight_mask
        passed = call.arguments
        splits = splits_of_splitter(splitter, is_positive, seed, (passed.X, passed.y, passed.groups))
        fit_messages.warn_of_split_groups(rows.groups, splits, splitter)
        if len(np.unique(np.concatenate([split.held_out_indices for split in splits]))) < MIN_ROWS_HELD_OUT:
            fit_messages.warn_of_few_rows(n, splitter)
            return Holdout(has_too_few_rows=True)
        return Holdout(fold_splits=splits, folds_share_columns=False, n_events=n_events)
    fit_messages.warn_of_groups_of_one_class(strata, rows.groups)
    if early_stopping == "folds":
        return draw_folds(n, strata, rows.groups, seed, n_events)
    fraction = fraction_to_hold_out(params, n, rows.X.max_held_out)
    split = split_validation(n, rows.groups, strata, fraction, seed)
    if split is None:
        if params.early_stopping != "auto":
            fit_messages.warn_of_few_rows(n, fraction)
        return Holdout(has_too_few_rows=True)
    if rows.groups is not None:
        fit_messages.warn_of_few_rows_of_groups(len(split.held_out_indices), fraction)
    holdout = Holdout(rows.take(split.held_out_indices), split, n_events=n_events)
    fit_messages.warn_of_held_out_rows_trained_on_earlier(call.earlier, holdout.digest, fraction)
    return holdout
