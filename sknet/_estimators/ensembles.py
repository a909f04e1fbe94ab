"""Fits of several members, each validated on a fold of its own: the steps of `base`, for `n_members` above 1.

Conventions
-----------
M members; n rows of positive weight, N rows that the user passed.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import TypeVar

import numpy as np

from sknet._estimators.base import BaseSigmoidMLP, Begun, Seeds
from sknet._estimators.callbacks import Checkpoint, Watchers, watchers_of_epoch, watchers_of_fit
from sknet._estimators.fitted import Fitted
from sknet._estimators.parameters import CommonParameters
from sknet._estimators.read_data import Columns, Given
from sknet._estimators.reporting import (
    print_end,
    refuse_or_warn_of_identifiers,
    report,
    warn,
    warn_of_groups_of_one_class,
    warn_of_outcome,
    warn_of_rows_seen,
)
from sknet._estimators.resolve import resolve_for
from sknet._estimators.team import Rounds, Team, WatchedTeam, fold_score, left_by
from sknet._model.encodings import choose_encoding
from sknet._model.fitting import Tables, TrainingRun, learn_tables, place_of
from sknet._model.heads import Head
from sknet._model.members import prepare_increments, prepare_members, share_rows, train_members
from sknet._model.settings import Settings
from sknet._model.starting import continued_state, refuse_other_layers
from sknet._tables.rows import Rows
from sknet._tables.splitting import folds
from sknet._training.result import Result, StopReason
from sknet._training.state import State
from sknet._typing import Table, Target

AnyEstimator = TypeVar("AnyEstimator", bound=BaseSigmoidMLP)


# --- two ways to train -----------------------------------------------------------------------------------------------


def fit_members(estimator: AnyEstimator, given: Given) -> AnyEstimator:
    """Train new members or, in a warm start, those that there are."""
    refuse_conflicts(estimator, given)
    earlier = estimator._fitted if estimator.warm_start else None
    team = _begin(estimator, given, earlier)
    states = [begun.first_state() for begun in team.members]

    def train_and_publish() -> None:
        run = WatchedTeam(team, states)
        watchers = watchers_of_fit(estimator, given, run, n_epochs=estimator.max_iter, validated=True)
        result = _train(estimator, team, states, watchers)
        fitted = left_by(estimator, team, states, result.reason is StopReason.INTERRUPTED)
        if watchers is not None:
            watchers.finish(fitted)
        if estimator.verbose:
            print_end(team.resolved, result)
        report(estimator, result)
        warn_of_outcome(estimator, fitted, zip([begun.run for begun in team.members], states, strict=True))
        estimator._publish(fitted)

    estimator._finished(train_and_publish, states, lambda: left_by(estimator, team, states, True))
    return estimator


def partial_fit_members(
    estimator: AnyEstimator, X: Table, y: Target, sample_weight: Target, classes: Target = None
) -> AnyEstimator:
    """Train each member one epoch, over all rows given."""
    estimator._validate_params()
    earlier = estimator._fitted
    _refuse_other_number(estimator, earlier, None)
    head, rows, columns = estimator._read(Given(X, y, sample_weight), earlier, classes=classes, anew=False)
    team, states = _begin_increment(estimator, head, rows, columns, earlier)
    starts = [state.epoch for state in states]

    def left() -> Fitted:
        trained = zip(team.members, states, starts, strict=True)
        return team.together([begun.fitted_from(state, start) for begun, state, start in trained])

    def train_and_publish() -> None:
        result = _train(estimator, team, states, watchers_of_epoch(estimator))
        fitted = left()
        if result.reason is StopReason.INTERRUPTED:
            report(estimator, result)
        estimator._publish(fitted)

    estimator._finished(train_and_publish, states, left)
    return estimator


# --- before the first step -------------------------------------------------------------------------------------------


def _begin(estimator: BaseSigmoidMLP, given: Given, earlier: Fitted | None) -> Team:
    """Read, deal the rows out to folds, resolve and assemble."""
    if estimator.n_members == 1:
        _refuse_other_number(estimator, earlier, None)
    head, rows, columns = estimator._read(given, earlier)
    warn_of_groups_of_one_class(head.strata(rows.y), rows.groups)
    seeds = _seeds(estimator, earlier)
    dealt = folds(
        rows, head.strata(rows.y), estimator.validation_fraction, estimator.n_members, seeds[1], head.as_given
    )
    _refuse_other_number(estimator, earlier, len(dealt))
    if len(dealt) != estimator.n_members:
        _warn_of_other_number(estimator, len(dealt), len(rows.y))
    n_training = min(len(train) for train, _ in dealt)
    training, held_out = replace(rows, y=rows.y[:n_training]), replace(rows, y=rows.y[n_training:])  # as many of each
    settings, parameters = _resolved(estimator, training, held_out, earlier, len(dealt))
    if settings.table.numeric_encoding == "auto":
        settings = choose_encoding(settings, head, *rows.split(*dealt[0]), seeds, columns.float_type)
    resolved = estimator._as_resolved(parameters, settings)
    if earlier is not None:
        warn_of_rows_seen(earlier, len(rows.y), resolved["validation_fraction"])
    tables = _tables(estimator, settings, head, rows, columns, earlier)
    shared = share_rows(tables, rows)
    scores = [fold_score(estimator, tables, shared.rows, held_out, columns, resolved, seeds) for _, held_out in dealt]
    runs = prepare_members(settings, tables, shared, dealt, scores)
    parts = [None] * len(runs) if earlier is None else earlier.parts
    validation = [shared.part(held_out) for _, held_out in dealt]
    return Team(
        _begun(estimator, runs, rows, validation, columns, seeds, resolved, parts), shared, dealt, seeds, resolved
    )


def _begun(
    estimator: BaseSigmoidMLP, runs: Sequence[TrainingRun], rows: Rows, validation: Sequence[Rows | None],
    columns: Columns, seeds: Seeds, resolved: dict[str, object], parts: Sequence[Fitted | None],
) -> list[Begun]:  # fmt: skip
    """Put together what each member needs besides its run; raise where it goes on from other layers."""
    for run, part in zip(runs, parts, strict=True):
        if part is not None:
            refuse_other_layers(run.layout, part.model.network)
    alone, name = resolved | {"n_members": 1}, type(estimator).__name__
    return [
        Begun(run, rows, held_out, columns, own, alone, part, name)
        for run, held_out, own, part in zip(runs, validation, _own_seeds(seeds, len(runs)), parts, strict=True)
    ]


def _begin_increment(
    estimator: BaseSigmoidMLP, head: Head, rows: Rows, columns: Columns, earlier: Fitted | None
) -> tuple[Team, list[State]]:
    """Resolve and assemble for one more epoch of each member."""
    parts: list[Fitted | None] = [None] * estimator.n_members if earlier is None else list(earlier.parts)
    seeds = _seeds(estimator, earlier)
    settings, parameters = _resolved(estimator, rows, None, earlier, len(parts))
    resolved = estimator._as_resolved(parameters, settings)
    tables = _tables(estimator, settings, head, rows, columns, earlier)
    kept = [None if part is None else part.state for part in parts]
    until = [1 if state is None else state.epoch + 1 for state in kept]
    shared = share_rows(tables, rows)
    may_stop_early = estimator.learning_rate == "adaptive"  # which counts epochs without improvement
    runs = prepare_increments(settings, tables, shared, until, may_stop_early=may_stop_early)
    begun = _begun(estimator, runs, rows, [None] * len(runs), columns, seeds, resolved, parts)
    states = [one.first_state() for one in begun]
    for i, (one, state) in enumerate(zip(begun, kept, strict=True)):
        if one.earlier is not None and state is not None:
            states[i] = continued_state(state, states[i], one.earlier.model.output_dtype)
    return Team(begun, shared, [], seeds, resolved), states


def _seeds(estimator: BaseSigmoidMLP, earlier: Fitted | None) -> Seeds:
    """Draw seeds as `base` does: where training may go on, they are those of the earlier calls."""
    if earlier is not None and earlier.members and earlier.members[0].state is not None:
        return earlier.seeds
    return estimator._seeds(earlier)


def _own_seeds(seeds: Seeds, n_members: int) -> list[Seeds]:
    """Draw seeds for each member; the first members have the same, however many there are."""
    first, training = (np.random.default_rng(seed).integers(2**31 - 1, size=n_members) for seed in seeds[::2])
    return [(a, seeds[1], b) for a, b in zip(first.tolist(), training.tolist(), strict=True)]


def _resolved(
    estimator: BaseSigmoidMLP, rows: Rows, validation: Rows | None, earlier: Fitted | None, n_members: int
) -> tuple[Settings, CommonParameters]:
    """Answer every "auto", once for all members."""
    before = None if earlier is None else earlier.resolved
    settings, parameters = resolve_for(estimator, rows, validation, False, before, validation is None)
    parameters.n_members = n_members
    return settings, parameters


def _tables(
    estimator: BaseSigmoidMLP, settings: Settings, head: Head, rows: Rows, columns: Columns, earlier: Fitted | None
) -> Tables:
    """Learn how the table is encoded and the target scaled, from all rows; or keep what an earlier call has learnt."""
    if earlier is not None:
        return Tables(earlier.model.encoder, head, earlier.model.compute_dtype, earlier.model.output_dtype)
    tables = learn_tables(settings, head, rows, columns.float_type, place_of(rows.X).learn)
    refuse_or_warn_of_identifiers(tables.encoder)
    return tables


# --- training, and what is left --------------------------------------------------------------------------------------


def _train(estimator: BaseSigmoidMLP, team: Team, states: list[State], watchers: Watchers | None) -> Result:
    """Train all members; return the result that is most worth telling."""
    observer = None if watchers is None else Rounds(WatchedTeam(team, states), watchers)
    runs = [begun.run for begun in team.members]
    in_threads = isinstance(estimator.scoring, str) and estimator.scoring == "loss"  # a scorer is the user's own code
    train = partial(train_members, in_threads=in_threads, at_once=team.shared.place.at_once)
    results = estimator._undiverged(runs[0], partial(train, runs, states, observer))
    told = max(results, key=lambda result: _WORTH_TELLING.get(result.reason, 0))
    n_epochs, undefined = max(state.epoch for state in states), any(result.scores_undefined for result in results)
    return replace(told, n_epochs=n_epochs, scores_undefined=undefined)


_WORTH_TELLING = {StopReason.INTERRUPTED: 3, StopReason.MAX_ITER: 2, StopReason.CALLBACK: 1}


# --- errors and warnings ---------------------------------------------------------------------------------------------


def refuse_conflicts(estimator: BaseSigmoidMLP, given: Given) -> None:
    """Raise where folds and what is set do not go together."""
    listed = getattr(estimator, "_skl_callbacks", ())
    conflicts = {
        "X_val and y_val": given.X_val is not None or given.y_val is not None or given.sample_weight_val is not None,
        f"early_stopping={estimator.early_stopping!r}": estimator.early_stopping in (False, "folds"),
        "solver='lbfgs'": isinstance(estimator.solver, str) and estimator.solver == "lbfgs",
        "Checkpoint": any(isinstance(callback, Checkpoint) for callback in listed),
    }
    for what in [what for what, is_set in conflicts.items() if is_set]:
        raise ValueError(
            f"n_members={estimator.n_members} does not go with {what}: each member is a first-order run that is "
            "validated on a fold of its own. Leave it out, or set n_members=1."
        )


def _refuse_other_number(estimator: BaseSigmoidMLP, earlier: Fitted | None, n_members: int | None) -> None:
    """Raise where training is to go on from another number of networks."""
    if earlier is None:
        return
    known, asked = max(len(earlier.members), 1), estimator.n_members if n_members is None else n_members
    resolved_to_fewer = n_members is None and 1 < known < estimator.n_members
    if known != asked and not resolved_to_fewer:
        raise ValueError(
            f"n_members={estimator.n_members} makes {asked} members here, but training goes on from {known}: keep "
            "n_members and the rows, or start anew with fit and warm_start=False."
        )


def _warn_of_other_number(estimator: BaseSigmoidMLP, n_members: int, n_rows: int) -> None:
    if isinstance(estimator.validation_fraction, Real | str):
        why = f"{n_rows} rows, or their groups, make no more folds of 10 rows"
    else:
        why = f"validation_fraction={estimator.validation_fraction} makes so many splits"
    warn(f"n_members={estimator.n_members}: {n_members} members are trained, as {why}.", RuntimeWarning)


__all__ = ["fit_members", "partial_fit_members", "refuse_conflicts"]
