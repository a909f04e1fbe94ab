"""The run of one `fit`, `resume` or `partial_fit`: its plan, its networks in training, and the result they give.

Conventions
-----------
n rows of positive weight, N rows that the user passed; m rows held out.

raw : (m, k)     raw outputs for held-out rows, by networks that have not seen them
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import nan
from typing import NamedTuple, TypeAlias

import numpy as np
from sklearn.base import BaseEstimator

from sknet._estimators.fitted import Fitted
from sknet._estimators.observers import EpochReport
from sknet._estimators.read_data import Columns
from sknet._estimators.scoring import validation_scorer
from sknet._model.heads import Head
from sknet._model.importances import learn_importances
from sknet._model.intervals import ScaledResiduals
from sknet._model.joining import join_networks
from sknet._model.matrices import EncodedRows, Encoding
from sknet._model.model import Model, Network, PrecomputedModel
from sknet._model.network_run import NetworkRun
from sknet._model.prediction_sets import LabelResiduals
from sknet._model.selection import FoldNetworks, Folds, Selection, stop_at_selected_epoch
from sknet._model.settings import Settings
from sknet._model.shares import HeldOutLoss, KindsOfNetworks
from sknet._model.side_by_side import train_side_by_side
from sknet._storage import checkpoints
from sknet._tables.rows import Rows
from sknet._tables.survey import Survey
from sknet._training.result import Epoch, Result, StopReason
from sknet._training.rounds import RoundObserver
from sknet._training.state import History, State
from sknet._typing import Array, Table

Predict: TypeAlias = Callable[[Model, Table], Array | list[Array]]
"""What an estimator predicts of a table: numbers, or probabilities."""


class Seeds(NamedTuple):
    """The seeds of a fit."""

    weights: int  # the first ones
    rows: int  # which are held out, in which fold, and in the sample that columns are learnt from
    training: int  # the order of the rows, and dropout

    def as_tuple(self) -> tuple[int, int, int]:
        """Return a plain tuple: pickles and files name no private class."""
        return self.weights, self.rows, self.training


@dataclass(frozen=True)
class Task:
    """The functions in which classification and regression differ, as training sees them."""

    learn_head: Callable[..., tuple[Head, Array]]  # (y, target settings, classes) -> head, parsed y
    predict: Predict  # (model, table) -> probabilities, or numbers
    # (head, what was predicted of held-out rows, their parsed y, their weights, all rows' y) -> how far off it was
    learn_residuals: Callable[..., ScaledResiduals | LabelResiduals | None]


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its settings, its seeds, and what evaluates each epoch."""

    settings: Settings
    resolved: dict[str, object]  # all parameters, every "auto" answered
    seeds: Seeds
    survey: Survey | None = None  # of the columns; None where an earlier fit has learnt them
    folds: Folds | None = None  # which are held out in turn, where folds choose the epoch
    held_out: tuple[Array, Array] | None = None  # numbers of the rows to train on, and of those held out
    n_rows_before_split: int = 0  # how many rows there were before some were held out; 0 where training sees them all
    lacks_validation: bool = False  # whether rows were to be held out, and are too few
    is_partial_fit: bool = False  # whether it is one epoch of `partial_fit`


@dataclass
class FitRun:
    """The networks that one call trains side by side, and all that their result is made of.

    Attributes
    ----------
    estimator_name : str
        Of its class.
    plan : Plan
    columns : Columns
    encoding : Encoding
    rows : Rows
        All rows of positive weight, those held out too.
    validation_table : Rows or None
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
    epochs_before : list of int
        Epochs that each state had behind it when this call began.
    keeps_out_of_fold : bool
        Whether `oof_prediction_` is wanted.
    importance_rows : callable or None
        Returns a few hundred training rows, encoded, for `feature_importances_`; None leaves it out.
    """

    estimator_name: str
    plan: Plan
    columns: Columns
    encoding: Encoding
    rows: Rows
    validation_table: Rows | None
    validation: EncodedRows | None
    earlier: Fitted | None
    networks: list[NetworkRun]
    folds: FoldNetworks | None = None
    selection: Selection | None = None
    states: list[State] = field(default_factory=list)
    epochs_before: list[int] = field(default_factory=list)
    keeps_out_of_fold: bool = False
    importance_rows: Callable[[], Table] | None = None

    # --- before and while they train ---------------------------------------------------------------------------------

    def first_states(self) -> list[State]:
        """Return the states of new runs: from weights that are drawn, or from those of an earlier fit."""
        if self.earlier is not None:
            return [self.networks[0].state_from(self.earlier.model.network, self.plan.seeds.training)]
        pairs = zip(self.networks, member_seeds(self.plan.seeds, len(self.networks)), strict=True)
        return [network.first_state(seeds) for network, seeds in pairs]

    def start_from(self, states: list[State]) -> None:
        """Set the states that the networks start from."""
        self.states, self.epochs_before = states, [state.epoch for state in states]

    def evaluate_by_scorer(self, estimator: BaseEstimator) -> None:
        """Let the estimator's scorer evaluate each epoch; `scoring="loss"` leaves the networks as they are."""
        if self.validation_table is None or estimator.scoring == "loss":
            return
        score = validation_scorer(estimator, self.validation_table, self.encoding.head, self._snapshot)
        self.networks = [network.with_evaluation(score) for network in self.networks]

    def _snapshot(self, model: Model) -> Fitted:
        """Return what a scorer needs of an estimator in training: to predict with this model."""
        return Fitted(
            model=model,
            resolved=self.plan.resolved,
            columns=self.columns,
            history=History(),
            n_iter=0,
            n_samples_seen=0,
            validated=True,
            seeds=self.plan.seeds.as_tuple(),
        )

    def limit_epochs(self, selection: Selection) -> None:
        """Set the number of epochs to that which folds have chosen, before the networks train."""
        self.selection = selection
        self.networks = [stop_at_selected_epoch(selection, network) for network in self.networks]

    def train(self, observer: RoundObserver | None, *, in_threads: bool) -> Result:
        """Train all networks; return the most important of their results, see `_IMPORTANCE`."""
        first, state = self.networks[0], self.states[0]
        # a resumed run, which may have ended already (the state that partial_fit goes on from has no history)
        if state.epoch and state.history:
            reason = first.solver.exhausted(first.problem, state)
            if reason is not None:
                return Result(reason, state.epoch)
        results = train_side_by_side(self.networks, self.states, observer, in_threads=in_threads)
        return replace(
            max(results, key=lambda result: _IMPORTANCE.get(result.reason, 0)),
            n_epochs=max(state.epoch for state in self.states),
            scores_undefined=any(result.scores_undefined for result in results),
        )

    @property
    def has_whole_epoch(self) -> bool:
        """Whether all networks, of the folds as long as these are at work, have trained an epoch in this call."""
        if not self.states:
            return self.folds is not None and bool(self.folds.epochs)
        return all(state.epoch > first for state, first in zip(self.states, self.epochs_before, strict=True))

    @property
    def epochs_by_network(self) -> list[tuple[Epoch, ...]]:
        """The epochs that each network has trained; those of the folds as long as these are at work."""
        if not self.states:
            return [] if self.folds is None else [tuple(self.folds.epochs)]
        return [tuple(state.history) for state in self.states]

    @property
    def last_epoch(self) -> EpochReport:
        """The last epoch: of the folds as long as these are at work."""
        if not self.states and self.folds is not None:
            epochs = self.folds.epochs
            max_iter = self.plan.settings.solver.n_epochs
            return EpochReport(len(epochs), max_iter, epochs[-1], self.folds.best_epoch, 0, of_folds=True)
        latest = mean_epochs([state.history[-1:] for state in self.states])[-1]
        bests = [state.best.epoch for state in self.states if state.best is not None]
        n_epochs = self.plan.settings.solver.n_epochs if self.selection is None else self.selection.n_epochs
        return EpochReport(
            number=max(state.epoch for state in self.states),
            n_epochs=n_epochs,
            figures=latest,
            best=max(bests, default=None),
            n_rate_cuts=self.states[0].n_plateaus,
            of_folds=False,
        )

    @property
    def _n_iter(self) -> int:
        """How many epochs this call has trained, those before it was resumed included; the most of any network."""
        if not self.states:  # those of the folds
            return sum(map(len, self.epochs_by_network))
        # history: this call's epochs (a resumed run brings its own); epoch: of all calls. The history may be longer:
        # L-BFGS may end before its first iteration, and records the loss all the same.
        return max(min(state.epoch, len(state.history)) for state in self.states)

    # --- what they leave ---------------------------------------------------------------------------------------------

    def network(self) -> Network:
        """Return the networks as they are now, joined: of the first fold as long as folds are at work."""
        if not self.states and self.folds is not None:
            return self.folds.first_fold_network()
        temperature, shares = 1.0, None
        if self.selection is not None:
            temperature, shares = self.selection.temperature, self.selection.shares
        elif self.validation is not None and len(self.networks) > 1:
            temperature, shares, _ = self._mixture()
        pairs = zip(self.networks, self.states, strict=True)
        networks = [network.network(state, temperature) for network, state in pairs]
        # None: each has all inputs, with weights of 0 for the bins that it does not see
        return join_networks(networks, self.encoding.encoder.n_inputs, shares)

    def fitted(self) -> Fitted:
        """Return what the call would leave if it ended here, without what is learnt from held-out rows."""
        epochs = self.epochs_by_network
        # all networks learn from the same rows; without an iteration L-BFGS has a history all the same, see `_n_iter`
        n_seen = self.networks[0].problem.n_samples * sum(map(len, epochs)) if self._n_iter else 0
        earlier = self.earlier
        return Fitted(
            model=self.encoding.model(self.network()),
            resolved=self.plan.resolved,
            columns=self.columns,
            history=(History() if earlier is None else earlier.history).extended(mean_epochs(epochs)),
            n_iter=self._n_iter,
            n_samples_seen=n_seen + (0 if earlier is None else earlier.n_samples_seen),
            validated=self.validation is not None,
            seeds=self.plan.seeds.as_tuple(),
            n_rows_before_split=self.plan.n_rows_before_split,
            member_epochs=tuple(epochs) if len(epochs) > 1 else (),
            fold_epochs=() if self.folds is None else tuple(self.folds.epochs),
        )

    def final_result(self, task: Task, *, may_go_on: bool) -> Fitted:
        """Return what the call leaves; with `may_go_on`, so that training may continue where it stopped."""
        fitted = self.fitted()
        fitted = replace(fitted, weights_checksum=fitted.model.network.checksum())
        if may_go_on and len(self.states) == 1:  # the moments of several networks are not those of the joined one
            # the temperature that folds have chosen is in the published weights only
            kept = self.networks[0].state_to_keep(self.states[0], from_published=self.selection is not None)
            fitted = replace(fitted, state=kept)
        if self.importance_rows is not None:
            fitted = replace(fitted, importances=learn_importances(fitted.model, self.importance_rows()))
        held_out = self._held_out()
        if held_out is None:
            return fitted
        raw, y, weight = held_out
        # the outputs are known, and `task.predict` wants a model and a table: `raw` stands for the table, too
        predicted = task.predict(PrecomputedModel(**vars(fitted.model), raw=raw, known_table=raw), raw)
        residuals = task.learn_residuals(self.encoding.head, predicted, y, weight, self.rows.y)
        fitted = replace(fitted, residuals=residuals)
        if self.selection is not None and self.keeps_out_of_fold:
            outputs = predicted if isinstance(predicted, list) else [predicted]  # one array per target column
            for_all = [self._for_all_rows(output) for output in outputs]
            fitted = replace(fitted, out_of_fold=for_all if isinstance(predicted, list) else for_all[0])
        return fitted

    def _held_out(self) -> tuple[Array, Array, Array | None] | None:
        """Return held-out rows' raw outputs, of networks that did not see them, targets and weights; or None."""
        dtype = self.encoding.output_dtype
        if self.selection is not None:
            rows = self.selection.held_out
            weight = None if self.rows.weight is None else self.rows.weight[rows]
            return self.selection.raw.astype(dtype), self.rows.y[rows], weight
        if self.validation is None or not self.states:
            return None
        _, _, raw = self._mixture()
        return raw.astype(dtype), self.validation.y, self.validation.weight

    def _mixture(self) -> tuple[float, tuple[float, ...] | None, Array]:
        """Return the temperature and the shares that the validation rows choose, and their raw outputs with these."""
        validation = self.networks[0].validation  # targets and weights, which are the same for all networks
        if validation is None:
            raise TypeError("no rows evaluate the epochs")
        kinds = KindsOfNetworks(self.plan.settings.sees_bins)
        by_kind = kinds.by_kind(lambda j: self.networks[j].raw_of_validation(self.states[j]))
        if len(by_kind) == 1:  # no share to choose; each network has found its temperature, epoch by epoch
            return 1.0, None, by_kind[0]
        loss = HeldOutLoss(self.encoding, validation, self.plan.settings.regularisation.temperature_scaling)
        return loss.choose_mixture(by_kind, kinds)

    def _for_all_rows(self, predicted: Array) -> Array:
        """Put predictions for the held-out rows, (m, ...), where they are among the user's, (N, ...); NaN elsewhere."""
        if self.selection is None:
            raise TypeError("no folds have held rows out")
        rows, n = self.selection.held_out, len(self.rows.y)
        if self.rows.original_index is not None and self.rows.original is not None:  # rows of weight 0 were dropped
            rows, n = self.rows.original_index[rows], len(self.rows.original.y)
        for_all = np.full((n, *predicted.shape[1:]), nan, predicted.dtype)
        for_all[rows] = predicted
        return for_all

    def origin(self) -> checkpoints.Origin:
        """Return what must be the same where this run is taken up again."""
        return checkpoints.Origin(
            estimator=self.estimator_name,
            seeds=self.plan.seeds.as_tuple(),
            seen_before=0 if self.earlier is None else self.earlier.n_samples_seen,
            data=checkpoints.fingerprint(self.rows, self.validation_table),
            settings=checkpoints.describe_parameters(self.plan.resolved),
        )


# several networks end for several reasons: the user hears of the one with the largest number, if it is listed here
_IMPORTANCE = {StopReason.INTERRUPTED: 3, StopReason.MAX_ITER: 2, StopReason.CALLBACK: 1}


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw seeds of the first weights and of training for each member; the first has those of a network alone."""
    weights, training = (  # all members share the held-out rows
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
        for seed in (seeds.weights, seeds.training)
    )
    return list(zip(weights, training, strict=True))


def mean_epochs(each: Sequence[Sequence[Epoch]]) -> list[Epoch]:
    """Return the mean figures of each epoch, over the networks that have trained it; their seconds are added up."""
    if len(each) == 1:
        return list(each[0])
    means = []
    for i in range(max(map(len, each), default=0)):
        same_epoch = [epochs[i] for epochs in each if len(epochs) > i]
        values = {name: float(np.mean([getattr(epoch, name) for epoch in same_epoch])) for name in vars(same_epoch[0])}
        means.append(Epoch(**values | {"seconds": sum(epoch.seconds for epoch in same_epoch)}))
    return means
