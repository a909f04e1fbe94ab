"""The start of a call: from nothing, from the result of an earlier call, or from a checkpoint."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state

from sknet._estimators.fitted import Fitted
from sknet._storage.checkpoints import LoadedCheckpoint
from sknet._training.solver import State


class Seeds(NamedTuple):
    """The seeds of a fit."""

    weights: int  # of the first weights
    rows: int  # of held-out rows, folds, and the sample that columns are learnt from
    steps: int  # of the order of rows, and dropout

    def as_tuple(self) -> tuple[int, int, int]:
        """Return a plain tuple, so that pickles and files do not name a private class."""
        return self.weights, self.rows, self.steps


def draw_seeds(source: np.random.RandomState) -> Seeds:
    """Draw the seeds of a fit."""
    return Seeds(*source.randint(np.iinfo(np.int32).max, size=3).tolist())


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw (weights, steps) seeds for each member. The first member has the seeds of a single network."""
    weights, steps = (  # members share the seed of rows
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
        for seed in (seeds.weights, seeds.steps)
    )
    return list(zip(weights, steps, strict=True))


@dataclass(frozen=True)
class Start:
    """The start of a call."""

    seeds: Seeds
    earlier: Fitted | None = None  # the result to continue from; None for new training
    is_increment: bool = False  # whether the call is `partial_fit`
    checkpoint: LoadedCheckpoint | None = None

    @property
    def state(self) -> State | None:
        """The training state to continue from; a warm start has none, since it trains like a new fit."""
        return None if self.earlier is None or not self.is_increment else self.earlier.state

    @property
    def n_samples_seen(self) -> int:
        """How many rows earlier calls have trained on, counted once per epoch."""
        return 0 if self.earlier is None else self.earlier.n_samples_seen

    @property
    def has_one_network(self) -> bool:
        """Whether training began with `partial_fit`, which trains a single network."""
        earlier = self.earlier
        was_alone = earlier is None or (self.state is not None and earlier.resolved["n_members"] == 1)
        return self.is_increment and was_alone

    @property
    def epochs_done(self) -> int:
        """How many epochs were trained before this call continues."""
        states = [] if self.checkpoint is None else self.checkpoint.progress.states
        return max([state.epoch for state in (*states, self.state) if state is not None], default=0)


@contextmanager
def draw_start(estimator: BaseEstimator, earlier: Fitted | None, *, is_increment: bool = False) -> Iterator[Start]:
    """Draw the seeds of a call, and yield its start. The call runs in the `with` block.

    An unfinished run keeps its seeds. A warm start keeps the seed of held-out rows, so that they are never trained on.
    Calls that share a generator in several threads draw different seeds. If the call fails, the generator is rewound,
    unless it has been used since.
    """
    if earlier is not None and earlier.state is not None:
        yield Start(Seeds(*earlier.seeds), earlier, is_increment)
        return
    source, fitted_before = check_random_state(estimator.random_state), estimator._fitted
    with _GENERATOR_LOCK:
        before = source.get_state(legacy=False)
        drawn = draw_seeds(source)
        after = source.get_state(legacy=False)
    try:
        seeds = drawn if earlier is None else drawn._replace(rows=Seeds(*earlier.seeds).rows)
        yield Start(seeds, earlier, is_increment)
    except BaseException:
        with _GENERATOR_LOCK:
            is_unused_since = pickle.dumps(source.get_state(legacy=False)) == pickle.dumps(after)
            if is_unused_since and estimator._fitted is fitted_before:  # an interrupt may come after publishing
                source.set_state(before)
        raise


_GENERATOR_LOCK = Lock()
"""Held while a generator draws seeds or is rewound."""


def start_from_checkpoint(checkpoint: LoadedCheckpoint, fitted: Fitted | None) -> Start:
    """Return the start of a call that resumes a run; `fitted` is the result of an earlier call, if any."""
    was_warm_start = checkpoint.origin.seen_before > 0
    return Start(Seeds(*checkpoint.origin.seeds), fitted if was_warm_start else None, checkpoint=checkpoint)


def advance_random_state(estimator: BaseEstimator) -> None:
    """Advance the user's own generator as `draw_start` does."""
    if isinstance(estimator.random_state, np.random.RandomState):
        draw_seeds(estimator.random_state)
