"""On small tables, folds choose the epoch and the temperature of one network that is trained on all rows.

A few held-out rows can be separated by chance; their loss then says nothing about an epoch. Here all folds, or
on larger tables some of them, are each held out from a network that trains on the others; see `plan`.

Conventions
-----------
fold : (n,)         which fold each row belongs to
raw : (m, k)        outputs for the held-out rows, m <= n, one fold after the other
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from math import ceil, inf, log
from typing import NamedTuple

import numpy as np

from sknet._model.fitting import EncodedRows, TrainingRun, place_of, prepare
from sknet._model.heads import Head
from sknet._model.settings import Settings
from sknet._model.threads import suitable_threads
from sknet._network.temperature import PRIOR_LOG, mean_at_best_temperature
from sknet._tables.rows import Rows
from sknet._tables.splitting import deal
from sknet._training.minibatch import MiniBatch
from sknet._training.result import StopReason
from sknet._training.state import State
from sknet._typing import Array, DType


class Plan(NamedTuple):
    """How many rows are held out, and how their losses are read."""

    n_folds: int
    n_held_out: int  # of these folds
    # Of the epochs whose loss is up to so many times the least one, the last is chosen: they differ by chance, which is
    # much for few rows and little for more, and the network that learns from all rows overfits later than those of the
    # folds.
    as_good: float


def plan(n_rows: int, grouped: bool = False) -> Plan:
    """Return the plan for so many rows: each of few says little, and so does one more of a group."""
    if n_rows < FEW_ROWS:
        return Plan(4, 4, 1.05)
    return Plan(4, 2, 1.002) if n_rows < MANY_ROWS or grouped else Plan(10, 1, 1.002)


FEW_ROWS, MANY_ROWS = 500, 5_000
"""Below the first, each row is held out once; from the second on, a tenth is enough, if they are not in groups."""

LEAST_STEPS = 75
"""No earlier epoch is chosen, where so many steps are trained: so early, a low loss is luck, and the average holds the
first weights still."""

IN_VAIN = 4
"""How many epochs more than the best one took to wait for a better one, at most: what learns fast overfits fast too."""


class Choice(NamedTuple):
    """What the folds have chosen."""

    epoch: int  # how many epochs to train
    temperature: float  # of the network that they give


@dataclass(frozen=True)
class Part:
    """A network that trains without the rows of one fold, and these rows."""

    run: TrainingRun
    state: State
    held_out: EncodedRows

    def next_epoch(self) -> Array:
        """Train one more epoch; return the outputs for the held-out rows."""
        train_epoch(self.run, self.state)
        return self.run.objective.raw(self.state.parameters, self.held_out.inputs, len(self.held_out.target))


def limited_by_folds(run: TrainingRun, head: Head, rows: Rows, seeds: tuple[int, int, int]) -> TrainingRun:
    """Return the run over all rows, with the number of epochs and the temperature that folds choose."""
    epoch, temperature = choose_epoch(run.settings, head, rows, seeds, run.tables.output_dtype)
    return replace(run, temperature=temperature, solver=replace(first_order(run), n_epochs=epoch))


def choose_epoch(settings: Settings, head: Head, rows: Rows, seeds: tuple[int, int, int], dtype: DType) -> Choice:
    """Choose the epoch and the temperature for which the loss of the rows that are held out once is least.

    Parameters
    ----------
    settings : Settings
        Of a first-order solver.

    head : Head
        What the targets are; numbers are not yet scaled.

    rows : Rows
    seeds : (int, int, int)
        Of the first weights, of the folds, of what training draws.

    dtype : dtype
        Of weights and predictions.

    Returns
    -------
    Choice
    """
    (_, n_held_out, as_good), fold = dealt(head, rows, seeds[1])
    parts = [part_of(settings, head, rows, fold == i, seeds, dtype) for i in range(min(n_held_out, fold.max() + 1))]
    target = np.concatenate([part.held_out.target for part in parts])
    order, loss, how = np.argsort(fold, kind="stable")[: len(target)], head.loss, settings.solver
    total = float(len(target) if rows.weight is None else rows.weight[order].sum())
    weight = None if rows.weight is None else (rows.weight[order] * (len(target) / total)).astype(target.dtype)
    losses: list[float] = []
    factors: list[float] = []
    best, best_at = inf, 0
    at_once = min(place_of(rows.X).at_once, len(parts))
    pooled = ThreadPoolExecutor(at_once) if at_once > 1 else nullcontext()
    with suitable_threads(how.batch_size * parts[0].run.layout.largest), pooled as pool:
        each = map if pool is None else pool.map
        while len(losses) < how.max_iter and len(losses) - best_at <= min(how.n_iter_no_change, best_at + IN_VAIN):
            raw, factor = np.concatenate(list(each(Part.next_epoch, parts))), 1.0
            if settings.penalty.temperature_scaling:
                factor, value = mean_at_best_temperature(loss, raw, target, weight, total)
                value += log(factor) ** 2 / (2.0 * PRIOR_LOG**2 * total)  # a loss that an extreme one has lowered
            else:
                value = loss.mean(raw, target, weight)
            losses.append(value)
            factors.append(factor)
            best, best_at = min(best, value), len(losses) if value <= times(1.0 - how.tol, best) else best_at
    least = min(ceil(LEAST_STEPS / ceil(len(rows) / how.batch_size)), len(losses)) - 1
    best = min(losses[least:])
    chosen = max((i for i in range(least, len(losses)) if losses[i] <= times(as_good, best)), default=len(losses) - 1)
    return Choice(chosen + 1, 1.0 / factors[chosen])


def times(factor: float, loss: float) -> float:
    """Return a loss that is worse by a factor, or better by one below 1; a user's own loss may be negative."""
    return loss * (factor if loss > 0.0 else 2.0 - factor)


def dealt(head: Head, rows: Rows, seed: int) -> tuple[Plan, Array]:
    """Return the plan for these rows, and which fold each belongs to."""
    found = plan(len(rows), rows.groups is not None)
    return found, deal(len(rows), head.strata(rows.y), rows.groups, found.n_folds, seed)


def part_of(
    settings: Settings, head: Head, rows: Rows, held_out: Array, seeds: tuple[int, int, int], dtype: DType
) -> Part:
    """Prepare the training of a network without some rows."""
    training, others = without(rows, held_out)
    run = prepare(settings, head, training, output_dtype=dtype)
    encoded = place_of(others.X).encode(run.tables, others, len(others.y))
    return Part(run, run.first_state((seeds[0], seeds[2])), encoded)


def first_fold(head: Head, rows: Rows, seed: int) -> tuple[Rows, Rows]:
    """Return the rows that the first network learns from, and those held out from it."""
    return without(rows, dealt(head, rows, seed)[1] == 0)


def without(rows: Rows, held_out: Array) -> tuple[Rows, Rows]:
    """Return the rows that are not held out, and those that are."""
    return rows.split(np.flatnonzero(~held_out), np.flatnonzero(held_out))


def train_epoch(run: TrainingRun, state: State) -> None:
    """Train one more epoch, whether or not the one before has improved anything."""
    one_more = replace(first_order(run), n_epochs=state.epoch + 1, n_iter_no_change=inf)
    if one_more.train(run.problem, state).reason is StopReason.INTERRUPTED:
        raise KeyboardInterrupt  # it is a part of a fit that has not begun


def first_order(run: TrainingRun) -> MiniBatch:
    """Return the solver, which must go epoch by epoch."""
    if not isinstance(run.solver, MiniBatch):
        raise TypeError("folds choose the epoch of a first-order solver")
    return run.solver
