"""On smaller tables, folds choose how many epochs to train and the temperature; then networks learn from all rows.

A few held-out rows can be separated by chance; their loss then says nothing about an epoch. Here all folds, or on
larger tables some of them, are each held out from networks that train on the other rows; see `fold_plan`.

Conventions
-----------
n rows; m of them held out, m <= n; k raw outputs.

fold : (n,)         which fold each row belongs to
raw : (m, k)        outputs for the held-out rows, one fold after the other
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, inf, log
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sknet._model.joining import joined
from sknet._model.matrices import EncodedRows, Encoding, Samples, samples_of
from sknet._model.model import Network
from sknet._model.network_run import NetworkRun, start_run
from sknet._model.settings import Settings
from sknet._model.threads import threads_for_networks
from sknet._network.temperature import PRIOR_LOG, mean_at_best_temperature
from sknet._tables.splitting import assign_folds
from sknet._training.minibatch import MiniBatch, MiniBatchRun
from sknet._training.result import Epoch, StopReason
from sknet._training.rounds import train_in_rounds
from sknet._training.state import State
from sknet._typing import Array


class FoldPlan(NamedTuple):
    """How many folds there are, and how their losses are read."""

    n_folds: int
    n_held_out: int  # of these folds
    # Of the epochs whose loss is up to so many times the least one, the last is chosen: they differ by chance, which is
    # much for few rows and little for more, and a network that learns from all rows overfits later than those of the
    # folds.
    as_good: float


def fold_plan(n_rows: int, grouped: bool = False) -> FoldPlan:
    """Return the plan for so many rows: each of few rows says little, and so does one more row of a group."""
    if n_rows < FEW_ROWS:
        return FoldPlan(4, 4, 1.05)
    return FoldPlan(4, 2, 1.002) if n_rows < MANY_ROWS or grouped else FoldPlan(10, 1, 1.002)


FEW_ROWS, MANY_ROWS = 500, 5_000
"""Below the first, each row is held out once; from the second on, a tenth is enough, if the rows are not in groups."""

MIN_STEPS = 75
"""No earlier epoch is chosen, where so many steps are trained: so early, a low loss is luck, and the average still holds
the first weights."""

MAX_EXTRA_EPOCHS = 4
"""Folds wait for a better epoch for at most so many epochs more than the best one took: what learns fast overfits fast,
too."""


@dataclass(frozen=True)
class Selection:
    """What folds have chosen, and what their networks predict for the rows that they did not see."""

    n_epochs: int
    temperature: float
    epochs: tuple[Epoch, ...]  # the folds' own: their joint loss as the validation loss
    held_out: NDArray[np.intp]  # (m,)  numbers of the rows that were held out
    raw: Array  # (m, k)  their raw outputs at the chosen epoch and temperature
    cut_short: StopReason | None  # where an interrupt or a callback ended the folds
    first_fold: Network  # as it was when the folds ended


class FoldsObserver(Protocol):
    """Called before and after each epoch of the folds."""

    def begin(self) -> None:
        """Note that an epoch begins."""

    def end(self) -> bool:
        """Note that an epoch has ended; return True to stop."""


def select_epoch(folds: "FoldNetworks", observer: FoldsObserver | None = None, *, in_threads: bool = True) -> Selection:
    """Train without each fold until the joint loss stops falling; choose the epoch and temperature for which it is least.

    Parameters
    ----------
    folds : FoldNetworks
        They are trained in place.

    observer : FoldsObserver, default=None
    in_threads : bool, default=True
        Whether several networks may be trained at a time.

    Returns
    -------
    Selection
    """
    watched = _Watched(folds, observer)
    started = [MiniBatchRun(run.solver, run.problem, state) for run, state in folds.each]  # type: ignore[arg-type]
    with threads_for_networks(len(started), folds.runs[0][0].largest_product) as n_threads:
        n_at_once = max(n_threads, folds.rows.backend.n_at_once) if in_threads else 1
        results = train_in_rounds(started, n_at_once, watched)
    interrupted = any(result.reason is StopReason.INTERRUPTED for result in results)
    if interrupted and not folds.epochs:  # threads have finished their first epoch, which is not rated yet
        raise KeyboardInterrupt
    return folds.selection(StopReason.INTERRUPTED if interrupted else watched.stopped)


class FoldNetworks:
    """Networks that train without the rows of one fold each, epoch by epoch; of each fold one for every member.

    Parameters
    ----------
    settings : Settings
        Of a first-order solver.

    encoding : Encoding
    rows : EncodedRows
        All rows that may be trained on.

    strata, groups : ndarray of shape (n,), or None
        As in `cross_fit_folds`.

    fold_seed : int
    seeds : sequence of (int, int)
        Of each member's first weights, and of what its training draws.
    """

    def __init__(
        self,
        settings: Settings,
        encoding: Encoding,
        rows: EncodedRows,
        *,
        strata: Array | None,
        groups: Array | None,
        fold_seed: int,
        seeds: Sequence[tuple[int, int]],
    ) -> None:
        self.settings, self.encoding, self.rows = settings, encoding, rows
        n = len(rows)
        plan = fold_plan(n, groups is not None)
        fold = assign_folds(n, strata, groups, plan.n_folds, fold_seed)
        self.as_good = plan.as_good
        numbers = [np.flatnonzero(fold == i) for i in range(min(plan.n_held_out, fold.max() + 1))]
        self.held_out = np.concatenate(numbers)
        how = settings.solver
        first_epoch = ceil(MIN_STEPS / ceil(n / how.batch_size))
        self.first_epoch = min(first_epoch, how.max_iter)  # the first that may be chosen
        self.runs: list[list[NetworkRun]] = []
        self.states: list[list[State]] = []
        self._samples: list[list[Samples]] = []  # the held-out rows, as each network takes them
        for held_out in numbers:
            others = np.setdiff1d(np.arange(n), held_out)
            runs = [_run_to_the_end(settings, encoding, rows.take(others), sees) for sees in settings.sees_bins]
            self.runs.append(runs)
            self.states.append([run.first_state(seed) for run, seed in zip(runs, seeds, strict=True)])
            part = rows.take(held_out)
            self._samples.append([run.samples(part) for run in runs])
        joint = samples_of(encoding, rows.take(self.held_out), 0)
        self._target, self._weight, self._total_weight = joint.target, joint.weight, joint.total_weight
        self.epochs: list[Epoch] = []
        self.best_epoch = 0
        self._best_loss, self._best_late_loss = inf, inf
        self._factor = 1.0  # of the last epoch
        self._chosen: tuple[int, float, Array] | None = None

    @property
    def each(self) -> list[tuple[NetworkRun, State]]:
        """All networks with their states, fold after fold."""
        return [
            pair for runs, states in zip(self.runs, self.states, strict=True) for pair in zip(runs, states, strict=True)
        ]

    def raw(self) -> Array:
        """Return the held-out rows' raw outputs, (m, k): of each fold, the mean of its networks'."""
        parts = []
        for runs, states, samples in zip(self.runs, self.states, self._samples, strict=True):
            outputs = [run.raw(state, rows) for run, state, rows in zip(runs, states, samples, strict=True)]
            parts.append(outputs[0] if len(outputs) == 1 else np.mean(outputs, axis=0))
        return np.concatenate(parts)

    def finish_epoch(self) -> bool:
        """Rate an epoch that all networks have trained; return whether to train another one."""
        raw, loss, how = self.raw(), self.encoding.head.loss, self.settings.solver
        if self.settings.penalty.temperature_scaling:
            self._factor, value = mean_at_best_temperature(loss, raw, self._target, self._weight, self._total_weight)
            # a loss that an extreme temperature has lowered is penalised
            rated = value + log(self._factor) ** 2 / (2.0 * PRIOR_LOG**2 * self._total_weight)
        else:
            rated = value = loss.mean(raw, self._target, self._weight)
        last = [state.history[-1] for _, state in self.each]
        means = np.mean([[epoch.loss, epoch.learning_rate, epoch.gradient_norm] for epoch in last], axis=0).tolist()
        seconds = sum(epoch.seconds for epoch in last)
        self.epochs.append(Epoch(means[0], value, -value, means[1], means[2], seconds))
        epoch = len(self.epochs)
        if rated <= scaled_loss(1.0 - how.tol, self._best_loss):
            self.best_epoch = epoch
        self._best_loss = min(self._best_loss, rated)
        if epoch >= self.first_epoch:
            self._best_late_loss = min(self._best_late_loss, rated)
            if self._chosen is None or rated <= scaled_loss(self.as_good, self._best_late_loss):
                self._chosen = epoch, self._factor, raw
        patience = min(how.n_iter_no_change, self.best_epoch + MAX_EXTRA_EPOCHS)
        return epoch < how.max_iter and epoch - self.best_epoch <= patience

    def first_fold(self) -> Network:
        """Return the first fold's networks as they are now, joined and at the last epoch's temperature."""
        runs, states = self.runs[0], self.states[0]
        networks = [run.network(state, 1.0 / self._factor) for run, state in zip(runs, states, strict=True)]
        return joined(networks, [None] * len(networks), self.encoding.encoder.n_inputs)

    def selection(self, cut_short: StopReason | None) -> Selection:
        """Return what has been chosen."""
        chosen = self._chosen or (len(self.epochs), self._factor, self.raw() * self._factor)
        n_epochs, factor, raw = chosen
        return Selection(n_epochs, 1.0 / factor, tuple(self.epochs), self.held_out, raw, cut_short, self.first_fold())


def _run_to_the_end(settings: Settings, encoding: Encoding, training: EncodedRows, sees_bins: bool) -> NetworkRun:
    """Put a run together that goes on for `max_iter` epochs, whether or not they improve anything."""
    return start_run(settings, encoding, training, sees_bins=sees_bins, may_stop_early=False)


def scaled_loss(factor: float, loss: float) -> float:
    """Return a loss that is worse by a factor, or better by one below 1; a user's own loss may be negative."""
    return loss * (factor if loss > 0.0 else 2.0 - factor)


class _Watched:
    """Rates each epoch of the folds, and tells an observer."""

    def __init__(self, folds: FoldNetworks, observer: FoldsObserver | None) -> None:
        self._folds, self._observer = folds, observer
        self.stopped: StopReason | None = None

    def begin(self) -> None:
        if self._observer is not None:
            self._observer.begin()

    def end(self) -> bool:
        goes_on = self._folds.finish_epoch()
        if self._observer is not None and self._observer.end():
            self.stopped = StopReason.CALLBACK
        return self.stopped is not None or not goes_on


def limited_by(selection: Selection, run: NetworkRun) -> NetworkRun:
    """Return a run over all rows that trains for as many epochs as folds have chosen."""
    if not isinstance(run.solver, MiniBatch):
        raise TypeError("folds choose the epoch of a first-order solver")
    return replace(run, solver=replace(run.solver, n_epochs=selection.n_epochs))
