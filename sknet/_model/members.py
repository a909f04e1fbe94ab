"""The members of an ensemble: networks of one encoder and one head, each validated on a fold of its own.

The table is encoded once. What is encoded by the target is encoded by the other folds' means, for the rows that
validate a member as well: none sees its own target.

Conventions
-----------
M members, n rows; member i trains on the rows `train[i]` and is validated on `held_out[i]`, indices into the n.

theta : (p,)        raw : (n, k)   raw outputs of each row by the members that were not trained on it
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self, cast

import numpy as np
from numpy.typing import NDArray

from sknet._model.fitting import MAX_ROWS, Place, Score, Tables, TrainingRun, assemble, place_of
from sknet._model.heads import Head
from sknet._model.model import Model
from sknet._model.settings import Settings
from sknet._model.threads import give_way, suitable_threads, threads_for_members
from sknet._tables.rows import LEAST_WEIGHT, Rows, too_light
from sknet._training.minibatch import MiniBatch, MiniBatchRun
from sknet._training.result import Result
from sknet._training.rounds import RoundObserver, train_in_rounds
from sknet._training.state import Evaluate, State
from sknet._typing import Array, Table

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]
"""The rows to train on, and those held out."""


@dataclass(frozen=True)
class SharedRows:
    """All rows, encoded once, from which each member takes its own."""

    rows: Rows
    table: Table  # of all rows, encoded
    place: Place

    def part(self, places: NDArray[np.intp]) -> Rows:
        """Return some of the rows, encoded."""
        weight = None if self.rows.weight is None else self.rows.weight[places]
        if weight is not None and weight.sum() < LEAST_WEIGHT:
            raise ValueError(too_light(weight))
        return Rows(self.table[places], self.rows.y[places], weight)


def share_rows(tables: Tables, rows: Rows) -> SharedRows:
    """Encode all rows, where they are."""
    place = place_of(rows.X)
    return SharedRows(rows, place.share(tables, rows), place)


def prepare_members(
    settings: Settings, tables: Tables, shared: SharedRows, folds: Sequence[Fold], scores: Sequence[Score | None]
) -> list[TrainingRun]:
    """Put a training run together for each fold; `scores` rate models on what it holds out, None by the loss."""
    runs = []
    for (train, places), score in zip(folds, scores, strict=True):
        held_out = shared.part(places)
        run = assemble(settings, tables, shared.part(train), held_out, place=shared.place)
        runs.append(run if score is None else rated_by(score, run, raw_outputs(run, held_out, shared.place)))
    return runs


def rated_by(score: Score, run: TrainingRun, outputs: Callable[[Array], Array]) -> TrainingRun:
    """Return the run with its epochs rated by a user's scorer, which gets raw outputs in place of a model's.

    They are those of rows that are encoded as in training: the means that
    `predict` uses contain their own targets.
    """
    evaluate, head = cast(Evaluate, run.problem.evaluate), run.tables.head

    def evaluate_and_rate(theta: Array) -> tuple[float, float, Array, float]:
        loss, _, theta, temperature = evaluate(theta)
        return loss, score(cast(Model, KnownOutputs(head, outputs(theta)))), theta, temperature

    return replace(run, problem=replace(run.problem, evaluate=evaluate_and_rate))


def raw_outputs(run: TrainingRun, rows: Rows, place: Place) -> Callable[[Array], Array]:
    """Return a function theta -> raw outputs, (m, k), of encoded rows."""
    m, dtype = len(rows.y), run.tables.output_dtype
    inputs = place.encode(run.tables, rows, min(m, MAX_ROWS)).inputs
    return lambda theta: run.objective.raw(theta, inputs, m).astype(dtype)


def prepare_increments(
    settings: Settings, tables: Tables, shared: SharedRows, until: Sequence[int], *, may_stop_early: bool
) -> list[TrainingRun]:
    """Put a run over all rows together for each member, which ends after so many epochs."""
    all_rows = shared.part(np.arange(len(shared.rows.y)))
    how = partial(assemble, settings, tables, all_rows, may_stop_early=may_stop_early, place=shared.place)
    return [how(until=n_epochs) for n_epochs in until]


def train_members(
    runs: Sequence[TrainingRun], states: Sequence[State], observer: RoundObserver | None = None, *, in_threads: bool,
    at_once: int = 1,
) -> list[Result]:  # fmt: skip
    """Train all members, an epoch of each at a time; see `train_in_rounds`. Sets: the states, in place.

    With `in_threads`, epochs of so many of them as suit this machine are
    computed at once, or of `at_once`, if these are more.
    """
    started = []
    for run, state in zip(runs, states, strict=True):
        if not isinstance(run.solver, MiniBatch):
            raise TypeError("members are trained by a first-order solver")
        started.append(MiniBatchRun(run.solver, run.problem, state))
    with threads_for_members(len(runs), runs[0].training.n_rows * runs[0].layout.largest) as n_threads:
        return train_in_rounds(started, max(n_threads, at_once) if in_threads else 1, GivingWay(observer))


@dataclass(frozen=True)
class GivingWay:
    """Between rounds, others that wait for BLAS go first; an observer, which may be a user's, is told without it."""

    observer: RoundObserver | None

    def begin(self) -> None:
        """Note that a round begins."""
        give_way()
        if self.observer is not None:
            with suitable_threads(None):
                self.observer.begin()

    def end(self) -> bool:
        """Note that a round has ended; return True to stop all runs."""
        if self.observer is None:
            return False
        with suitable_threads(None):
            return self.observer.end()


def joined(models: Sequence[Model]) -> Model:
    """Return the model of several members, whose encoder and head are the same."""
    return replace(models[0], others=tuple([model.network for model in models[1:]]))


def held_out_outputs(
    runs: Sequence[TrainingRun], states: Sequence[State], shared: SharedRows, folds: Sequence[Fold]
) -> list[Array]:
    """Return each member's raw outputs, (n_i, k), of the rows held out from it."""
    found = []
    for run, state, (_, places) in zip(runs, states, folds, strict=True):
        outputs = raw_outputs(run, shared.part(places), shared.place)
        with suitable_threads(0):
            found.append(outputs(state.parameters if state.best is None else state.best.theta))
    return found


def mean_by_row(parts: Sequence[Array], folds: Sequence[Fold], n: int) -> Array:
    """Put what members say of their held-out rows together, (n, ...): the mean of several, NaN where none says any."""
    total, times = np.zeros((n, *parts[0].shape[1:])), np.zeros((n, *[1] * (parts[0].ndim - 1)))
    for part, (_, places) in zip(parts, folds, strict=True):
        total[places] += part
        times[places] += 1.0
    with np.errstate(invalid="ignore"):
        return (total / times).astype(parts[0].dtype)


@dataclass(frozen=True)
class KnownOutputs:
    """In place of a model: raw outputs of the rows that are asked for, whichever table is given."""

    head: Head
    raw: Array  # (n, k)

    def as_named_by(self, table: Table) -> Self:
        """Return itself: no column is looked at."""
        return self

    def outputs(self, table: Table, finish: Callable[[Array], Array]) -> Array:
        """Return `finish` of the raw outputs."""
        return finish(self.raw.copy())
