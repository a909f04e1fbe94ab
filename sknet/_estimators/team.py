"""The members of one fit together: what they leave, and what they say of the rows that they did not see.

Conventions
-----------
M members; n rows of positive weight, N rows that the user passed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from sknet._estimators.base import BaseSigmoidMLP, Begun, Seeds
from sknet._estimators.callbacks import Watchers
from sknet._estimators.fitted import Fitted, Member, while_training
from sknet._estimators.read_data import Columns
from sknet._estimators.scoring import score_on
from sknet._model.fitting import Score, Tables
from sknet._model.heads import NumberHead
from sknet._model.intervals import learn_errors
from sknet._model.members import Fold, KnownOutputs, SharedRows, held_out_outputs, joined, mean_by_row
from sknet._model.model import Model
from sknet._storage.checkpoints import Origin
from sknet._tables.rows import Rows
from sknet._training.result import Epoch
from sknet._training.state import History, State
from sknet._typing import Array, Table


@dataclass(frozen=True)
class Team:
    """The runs of all members, and what their end will need."""

    members: list[Begun]
    shared: SharedRows
    folds: list[Fold]  # none in `partial_fit`
    seeds: Seeds
    resolved: dict[str, object]

    def fitted_at(self, states: Sequence[State]) -> Fitted:
        """Return what `fit` would leave if it ended here, but for what is learnt of the held-out rows."""
        each = [begun.fitted_at(state) for begun, state in zip(self.members, states, strict=True)]
        return self.together(each)

    def together(self, each: Sequence[Fitted]) -> Fitted:
        """Return what was fitted of all members as one value."""
        members = tuple([Member(f.history, f.n_iter, f.n_samples_seen, f.seeds, f.state) for f in each])
        n_iter, seen = max(f.n_iter for f in each), sum(f.n_samples_seen for f in each)
        model, first = joined([f.model for f in each]), each[0]
        return Fitted(
            model,
            self.resolved,
            first.columns,
            History(),
            n_iter,
            seen,
            first.validated,
            self.seeds,
            n_split=first.n_split,
            members=members,
        )


class WatchedTeam:
    """The members as one run, for what watches runs: a round is an epoch, its figures are the means of theirs."""

    def __init__(self, team: Team, states: Sequence[State]) -> None:
        self._team, self._states = team, states

    def fitted_at(self, state: State) -> Fitted:
        """Return what `fit` would leave if it ended here."""
        return self._team.fitted_at(self._states)

    def origin(self) -> Origin:
        """Return nothing: there are no checkpoints of members."""
        raise NotImplementedError

    @property
    def summary(self) -> State:
        """The state that is shown."""
        last = [list(vars(state.history[-1]).values()) for state in self._states if state.history]
        history = [Epoch(*np.mean(last, axis=0).tolist())] if last else []
        epoch = max(state.epoch for state in self._states)
        return replace(self._states[0], epoch=epoch, history=history, best=None)


class Rounds:
    """Tells observers of a run when a round begins and when it has ended."""

    def __init__(self, run: WatchedTeam, watchers: Watchers) -> None:
        self._run, self._watchers = run, watchers

    def begin(self) -> None:
        """Tell that an epoch begins."""
        self._watchers.begin(self._run.summary)

    def end(self) -> bool:
        """Tell that an epoch has ended; return True to stop."""
        return self._watchers.end(self._run.summary)


# --- what is left ----------------------------------------------------------------------------------------------------


def fold_score(
    estimator: BaseSigmoidMLP, tables: Tables, rows: Rows, held_out: Array, columns: Columns,
    resolved: dict[str, object], seeds: Seeds,
) -> Score | None:  # fmt: skip
    """Return how a user's scorer rates a member on its fold; None for minus the loss."""
    if estimator.scoring == "loss":
        return None
    return score_on(estimator, rows.take(held_out), tables.head, while_training(resolved, columns, seeds))


def left_by(estimator: BaseSigmoidMLP, team: Team, states: list[State], interrupted: bool) -> Fitted:
    """Return what `fit` leaves: the members, and what they say of the rows that they did not see."""
    each = []
    for begun, state in zip(team.members, states, strict=True):
        kept = begun.run.kept(state) if interrupted else None
        each.append(begun.fitted(begun.run.trained(state), state.epoch, state.history, kept))
    fitted, rows, n = team.together(each), team.shared.rows, len(team.shared.rows.y)
    head, whole = fitted.model.head, team.shared.rows.whole or team.shared.rows
    raws = held_out_outputs([begun.run for begun in team.members], states, team.shared, team.folds)
    predict = cast(Callable[[KnownOutputs, Table], Array | list[Array]], type(estimator)._predictions)
    predicted = [predict(KnownOutputs(head, raw), None) for raw in raws]
    several = isinstance(predicted[0], list)
    by_output = zip(*predicted, strict=True) if several else [cast("list[Array]", predicted)]
    out_of_fold = [mean_by_row(parts, team.folds, n) for parts in by_output]
    seen = np.unique(np.concatenate([held_out for _, held_out in team.folds]))
    raw, weight = mean_by_row(raws, team.folds, n)[seen], None if rows.weight is None else rows.weight[seen]
    score = fold_score(estimator, team.members[0].run.tables, rows, seen, each[0].columns, team.resolved, team.seeds)
    if score is None:
        rated = -head.loss.mean(raw.astype(np.float64), head.targets(rows.y[seen], np.dtype(np.float64)), weight)
    else:
        rated = score(cast(Model, KnownOutputs(head, raw)))
    errors = None
    if isinstance(head, NumberHead):
        errors = learn_errors(head, out_of_fold[0][seen], rows.y[seen], weight)
    placed = [_placed(part, rows.place, len(whole.y)) for part in out_of_fold]
    return replace(fitted, errors=errors, out_of_fold=placed if several else placed[0], out_of_fold_score=float(rated))


def _placed(values: Array, place: Array | None, n: int) -> Array:
    """Put what belongs to the rows that are left where they were among all; NaN elsewhere."""
    if place is None:
        return values
    found = np.full((n, *values.shape[1:]), np.nan, values.dtype)
    found[place] = values
    return found
