"""One call of `fit`, `resume` or `partial_fit`: the networks in training, and what the estimator knows when they end.

Conventions
-----------
n rows of positive weight, N rows that the user passed; m rows held out.

raw : (m, k)     raw outputs for held-out rows, by networks that have not seen them
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import TypeAlias

import numpy as np

from sknet._estimators.fitted import Fitted
from sknet._estimators.observers import EpochReport
from sknet._estimators.read_data import Columns
from sknet._model.heads import RegressionHead
from sknet._model.intervals import learn_residuals
from sknet._model.joining import joined
from sknet._model.matrices import EncodedRows, Encoding
from sknet._model.model import Model, Network, PrecomputedModel
from sknet._model.network_run import NetworkRun, Score
from sknet._model.selection import FoldNetworks, Selection, limited_by
from sknet._model.settings import Settings
from sknet._model.side_by_side import EpochObserver, train_side_by_side
from sknet._storage import checkpoints
from sknet._tables.rows import Rows
from sknet._training.result import Epoch, Result, StopReason
from sknet._training.state import History, State
from sknet._typing import Array, Table

Seeds: TypeAlias = tuple[int, int, int]
"""Of the first weights, of the held-out rows, of what training draws."""

Predict: TypeAlias = Callable[[Model, Table], Array | list[Array]]
"""What an estimator predicts of a table: numbers, or probabilities."""


@dataclass
class FitRun:
    """The networks of one call, side by side.

    Attributes
    ----------
    name : str
        The estimator's class.
    resolved, settings, seeds
        What was planned.
    columns : Columns
    encoding : Encoding
    rows : Rows
        All rows of positive weight, those held out too.
    n_split : int
        How many rows there were when some were held out; 0 where training sees them all.
    given_validation : Rows or None
        The rows that evaluate each epoch, as a table.
    validation : EncodedRows or None
        The same, encoded.
    earlier : Fitted or None
        What training goes on from.
    networks : list of NetworkRun
    folds : FoldNetworks or None
        Networks that choose the epoch.
    selection : Selection or None
        What they have chosen.
    states : list of State
        Of the networks; none before they start.
    first_epochs : list of int
        Epochs that each state had behind it when this call began.
    source : str
        A hash of what the rows were read from, if it is known.
    """

    name: str
    resolved: dict[str, object]
    settings: Settings
    seeds: Seeds
    columns: Columns
    encoding: Encoding
    rows: Rows
    n_split: int
    given_validation: Rows | None
    validation: EncodedRows | None
    earlier: Fitted | None
    networks: list[NetworkRun]
    folds: FoldNetworks | None = None
    selection: Selection | None = None
    states: list[State] = field(default_factory=list)
    first_epochs: list[int] = field(default_factory=list)
    source: str = ""

    # --- before and while they train ---------------------------------------------------------------------------------

    def first_states(self) -> list[State]:
        """Return the states of new runs: from weights that are drawn, or from those of an earlier fit."""
        if self.earlier is not None:
            return [self.networks[0].state_from(self.earlier.model.network, self.seeds[2])]
        pairs = zip(self.networks, member_seeds(self.seeds, len(self.networks)), strict=True)
        return [network.first_state(seeds) for network, seeds in pairs]

    def start_from(self, states: list[State]) -> None:
        """Begin with these states."""
        self.states, self.first_epochs = states, [state.epoch for state in states]

    def rate_by(self, score: Score) -> None:
        """Rate each epoch by a user's scorer instead of minus the loss."""
        for i, network in enumerate(self.networks):
            self.networks[i] = network.evaluated(score)

    def train_as(self, selection: Selection) -> None:
        """Train for as many epochs as folds have chosen."""
        self.selection = selection
        self.networks = [limited_by(selection, network) for network in self.networks]

    def train(self, observer: EpochObserver | None, *, in_threads: bool) -> Result:
        """Train all networks; return the result that says most."""
        first, state = self.networks[0], self.states[0]
        # only a resumed run has epochs behind it, and may have ended already
        ended = first.solver.exhausted(first.problem, state) if state.epoch and state.history else None
        if ended is not None:
            return Result(ended, state.epoch)
        results = train_side_by_side(self.networks, self.states, observer, in_threads=in_threads)
        most = max(results, key=lambda result: _IMPORTANCE.get(result.reason, 0))
        undefined = any(result.scores_undefined for result in results)
        return replace(most, n_epochs=max(state.epoch for state in self.states), scores_undefined=undefined)

    @property
    def has_whole_epoch(self) -> bool:
        """Whether all networks, of the folds as long as these are at work, have trained an epoch in this call."""
        if not self.states:
            return self.folds is not None and bool(self.folds.epochs)
        return all(state.epoch > first for state, first in zip(self.states, self.first_epochs, strict=True))

    @property
    def epochs_of_each(self) -> list[tuple[Epoch, ...]]:
        """The epochs that each network has trained; those of the folds as long as these are at work."""
        if not self.states:
            return [] if self.folds is None else [tuple(self.folds.epochs)]
        return [tuple(state.history) for state in self.states]

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch: of the folds as long as these are at work."""
        if not self.states and self.folds is not None:
            epochs = self.folds.epochs
            max_iter = self.settings.solver.max_iter
            return EpochReport(len(epochs), max_iter, epochs[-1], self.folds.best_epoch, 0, of_folds=True)
        latest = mean_epochs([state.history[-1:] for state in self.states])[-1]
        bests = [state.best.epoch for state in self.states if state.best is not None]
        n_epochs = self.settings.solver.max_iter if self.selection is None else self.selection.n_epochs
        return EpochReport(
            number=max(state.epoch for state in self.states),
            n_epochs=n_epochs,
            figures=latest,
            best=max(bests, default=None),
            n_rate_cuts=self.states[0].plateaus,
            of_folds=False,
        )

    @property
    def _n_iter(self) -> int:
        """How many epochs this call has trained, those before it was resumed included; the most of any network."""
        if not self.states:
            return sum(map(len, self.epochs_of_each))
        # L-BFGS may end before its first iteration, and records the loss all the same
        return max(min(state.epoch, len(state.history)) for state in self.states)

    # --- what they leave ---------------------------------------------------------------------------------------------

    def network(self) -> Network:
        """Return the networks as they are now, joined: of the first fold as long as folds are at work."""
        if not self.states and self.folds is not None:
            return self.folds.first_fold()
        temperature = 1.0 if self.selection is None else self.selection.temperature
        pairs = zip(self.networks, self.states, strict=True)
        networks = [network.network(state, temperature) for network, state in pairs]
        return joined(networks, [None] * len(networks), self.encoding.encoder.n_inputs)

    def fitted(self) -> Fitted:
        """Return what the call would leave if it ended here; but for what is learnt of held-out rows."""
        each = self.epochs_of_each
        mean = mean_epochs(each)
        n_seen = self.networks[0].problem.n_samples * sum(map(len, each)) if self._n_iter else 0
        earlier = self.earlier
        e = self.encoding
        return Fitted(
            model=Model(e.encoder, e.head, self.network(), e.compute_dtype, e.output_dtype),
            resolved=self.resolved,
            columns=self.columns,
            history=(History() if earlier is None else earlier.history).extended(mean),
            n_iter=self._n_iter,
            n_samples_seen=n_seen + (0 if earlier is None else earlier.n_samples_seen),
            validated=self.validation is not None,
            seeds=self.seeds,
            n_split=self.n_split,
            member_epochs=tuple(each) if len(each) > 1 else (),
            fold_epochs=() if self.folds is None else tuple(self.folds.epochs),
        )

    def published(self, predict: Predict, *, may_go_on: bool) -> Fitted:
        """Return what the call leaves; with `may_go_on`, so that training may continue where it stopped."""
        fitted = self.fitted()
        if may_go_on and len(self.states) == 1:
            fitted = replace(fitted, state=self.networks[0].kept(self.states[0], scaled=self.selection is not None))
        held_out = self._held_out()
        if held_out is None:
            return fitted
        raw, y, weight = held_out
        predicted = predict(PrecomputedModel(**vars(fitted.model), raw=raw), raw)
        head = self.encoding.head
        if isinstance(head, RegressionHead):
            fitted = replace(fitted, residuals=learn_residuals(head, np.asarray(predicted), y, weight))
        if self.selection is not None and self.keeps_out_of_fold:
            parts = predicted if isinstance(predicted, list) else [predicted]
            placed = [self._of_all_rows(part) for part in parts]
            fitted = replace(fitted, out_of_fold=placed if isinstance(predicted, list) else placed[0])
        return fitted

    keeps_out_of_fold: bool = False  # whether `oof_prediction_` is wanted

    def _held_out(self) -> tuple[Array, Array, Array | None] | None:
        """Return raw outputs, targets and weights of rows that the networks have not seen; None where there are none."""
        dtype = self.encoding.output_dtype
        if self.selection is not None:
            rows = self.selection.held_out
            weight = None if self.rows.weight is None else self.rows.weight[rows]
            return self.selection.raw.astype(dtype), self.rows.y[rows], weight
        if self.validation is None or not self.states or not isinstance(self.encoding.head, RegressionHead):
            return None
        raws = [network.raw_of_validation(state) for network, state in zip(self.networks, self.states, strict=True)]
        return np.mean(raws, axis=0).astype(dtype), self.validation.y, self.validation.weight

    def _of_all_rows(self, predicted: Array) -> Array:
        """Put predictions for the held-out rows, (m, ...), where they are among the user's, (N, ...); NaN elsewhere."""
        if self.selection is None:
            raise TypeError("no folds have held rows out")
        rows, n = self.selection.held_out, len(self.rows.y)
        if self.rows.original_index is not None and self.rows.original is not None:  # rows of weight 0 were dropped
            rows, n = self.rows.original_index[rows], len(self.rows.original.y)
        of_all = np.full((n, *predicted.shape[1:]), nan, predicted.dtype)
        of_all[rows] = predicted
        return of_all

    def origin(self) -> checkpoints.Origin:
        """Return what must be the same where this run is taken up again."""
        data = checkpoints.fingerprint(self.rows, self.given_validation)
        return checkpoints.Origin(
            estimator=self.name,
            seeds=self.seeds,
            seen_before=0 if self.earlier is None else self.earlier.n_samples_seen,
            data=data | ({"the rows of the source": self.source} if self.source else {}),
            settings=checkpoints.described(self.resolved),
        )


_IMPORTANCE = {StopReason.INTERRUPTED: 3, StopReason.MAX_ITER: 2, StopReason.CALLBACK: 1}


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw seeds of the first weights and of training for each member; the first has those of a network alone."""
    weights, training = (
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()] for seed in seeds[::2]
    )
    return list(zip(weights, training, strict=True))


def mean_epochs(each: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Return the mean figures of each epoch, over the networks that have trained it; their seconds are added up."""
    if len(each) == 1:
        return list(each[0])
    means = []
    for i in range(max(map(len, each), default=0)):
        figures = np.array([list(vars(epochs[i]).values()) for epochs in each if len(epochs) > i])
        *mean, _ = figures.mean(axis=0).tolist()
        means.append(Epoch(*mean, figures[:, -1].sum()))
    return means
