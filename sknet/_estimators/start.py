"""What a call starts from: nothing, what an earlier call has left, or how far the run of a checkpoint had come."""

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sknet._estimators.fitted import Fitted
from sknet._estimators.read_data import Columns
from sknet._model.evaluation import Evaluated
from sknet._model.model import Model
from sknet._storage.checkpoints import LoadedCheckpoint
from sknet._training.solver import Epoch, State


class Seeds(NamedTuple):
    """The seeds of a fit."""

    weights: int  # the first ones
    rows: int  # which are held out, in which fold, and in the sample that columns are learnt from
    steps: int  # the order of the rows, and dropout

    def as_tuple(self) -> tuple[int, int, int]:
        """Return a plain tuple: pickles and files name no private class."""
        return self.weights, self.rows, self.steps


def draw_seeds(source: np.random.RandomState) -> Seeds:
    """Draw the seeds of a fit."""
    return Seeds(*source.randint(np.iinfo(np.int32).max, size=3).tolist())


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw seeds of the first weights and of training for each member; the first has those of a network alone."""
    weights, steps = (  # all members share the held-out rows
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
        for seed in (seeds.weights, seeds.steps)
    )
    return list(zip(weights, steps, strict=True))


@dataclass(frozen=True)
class Start:
    """What a call starts from."""

    seeds: Seeds
    is_increment: bool = False  # `partial_fit`: one epoch, over rows that are not the whole table
    model: Model | None = None  # encoder, head and weights to continue with; None: all is learnt anew
    columns: Columns | None = None  # of the model's table
    resolved: Mapping[str, object] | None = None  # the parameters that the model was learnt with
    evaluation: Evaluated | None = None  # of the call before
    history: tuple[Epoch, ...] = ()
    n_samples_seen: int = 0
    state: State | None = None  # of training, after increments that went before
    checkpoint: LoadedCheckpoint | None = None

    @property
    def has_one_network(self) -> bool:
        """Whether training began with `partial_fit`, which has one network whatever `n_members` says."""
        was_alone = self.resolved is None or (self.state is not None and self.resolved["n_members"] == 1)
        return self.is_increment and was_alone

    @property
    def epochs_done(self) -> int:
        """How many epochs the run has behind it that this call continues."""
        states = [] if self.checkpoint is None else self.checkpoint.progress.states
        return max([state.epoch for state in (*states, self.state) if state is not None], default=0)


@contextmanager
def draw_start(estimator: BaseEstimator, earlier: Fitted | None, *, is_increment: bool = False) -> Iterator[Start]:
    """Draw the seeds of the call in the `with` block, which continues what an earlier one has left, or starts anew.

    An unfinished run keeps its seeds, and a warm start those of the held-out rows: they never enter the rows to train
    on. Calls that share a generator in several threads draw different seeds. A call that fails rewinds the generator,
    unless it has been used since.
    """
    if earlier is not None and earlier.state is not None:
        yield start_from_fitted(earlier, Seeds(*earlier.seeds), is_increment=is_increment)
        return
    source, fitted_before = check_random_state(estimator.random_state), estimator._fitted
    with _GENERATOR_LOCK:
        before = source.get_state(legacy=False)
        drawn = draw_seeds(source)
        after = source.get_state(legacy=False)
    try:
        if earlier is None:
            yield Start(drawn, is_increment)
        else:
            seeds = drawn._replace(rows=Seeds(*earlier.seeds).rows)
            yield start_from_fitted(earlier, seeds, is_increment=is_increment)
    except BaseException:
        with _GENERATOR_LOCK:
            is_unused_since = pickle.dumps(source.get_state(legacy=False)) == pickle.dumps(after)
            if is_unused_since and estimator._fitted is fitted_before:  # an interrupt may come after publishing
                source.set_state(before)
        raise


_GENERATOR_LOCK = Lock()
"""Held while seeds are drawn, and while they are given back."""


def start_from_fitted(fitted: Fitted, seeds: Seeds, *, is_increment: bool) -> Start:
    """Return the start of a call that continues what an earlier one has left."""
    return Start(
        seeds,
        is_increment,
        model=fitted.model,
        columns=fitted.columns,
        resolved=fitted.resolved,
        evaluation=fitted.evaluation,
        history=fitted.history,
        n_samples_seen=fitted.n_samples_seen,
        # a warm start trains as many epochs as a new fit, with moments of its own
        state=fitted.state if is_increment else None,
    )


def start_from_checkpoint(checkpoint: LoadedCheckpoint, fitted: Fitted | None) -> Start:
    """Return the start of a call that resumes a run; `fitted`: what the estimator has learnt, if anything."""
    seeds = Seeds(*checkpoint.origin.seeds)
    if fitted is None or not checkpoint.origin.seen_before:
        return Start(seeds, checkpoint=checkpoint)
    return replace(start_from_fitted(fitted, seeds, is_increment=False), checkpoint=checkpoint)  # a warm start


def advance_random_state(estimator: BaseEstimator) -> None:
    """Draw from the user's own generator what `draw_start` draws."""
    if isinstance(estimator.random_state, np.random.RandomState):
        draw_seeds(estimator.random_state)
