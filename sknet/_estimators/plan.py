"""The plan of one `fit`, `resume` or `partial_fit`: what is settled before anything is encoded."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sknet._estimators.read_data import Columns
from sknet._model.fold_phase import Folds
from sknet._model.matrices import Encoding, EncodingLearner
from sknet._model.settings import Settings
from sknet._tables.rows import Rows
from sknet._tables.splitting import Split


class Seeds(NamedTuple):
    """The seeds of a fit."""

    weights: int  # the first ones
    rows: int  # which are held out, in which fold, and in the sample that columns are learnt from
    training: int  # the order of the rows, and dropout

    def as_tuple(self) -> tuple[int, int, int]:
        """Return a plain tuple: pickles and files name no private class."""
        return self.weights, self.rows, self.training


def member_seeds(seeds: Seeds, n_members: int) -> list[tuple[int, int]]:
    """Draw seeds of the first weights and of training for each member; the first has those of a network alone."""
    weights, training = (  # all members share the held-out rows
        [seed, *np.random.default_rng(seed).integers(2**31 - 1, size=n_members - 1).tolist()]
        for seed in (seeds.weights, seeds.training)
    )
    return list(zip(weights, training, strict=True))


@dataclass(frozen=True)
class Evaluation:
    """Which rows of the table evaluate each epoch."""

    folds: Folds | None = None  # which are held out in turn, where folds choose the epoch
    split: Split | None = None  # where some rows are held out
    n_rows_before_split: int = 0  # how many rows there were before some were held out; 0 where training sees them all
    lacks_validation: bool = False  # whether rows were to be held out, and are too few

    @property
    def train(self) -> NDArray[np.intp] | None:
        """Numbers of the rows to train on; None: all."""
        return None if self.split is None else self.split.train


@dataclass(frozen=True)
class Plan:
    """The plan of a call: its settings, its seeds, its rows, how they are encoded, and what evaluates each epoch."""

    settings: Settings
    resolved: dict[str, object]  # all parameters, every "auto" answered
    seeds: Seeds
    rows: Rows  # all of positive weight, those held out too
    columns: Columns
    encoding: Encoding
    evaluation: Evaluation
    learner: EncodingLearner | None = None  # what folds learn their own columns with; None without folds
    validation: Rows | None = None  # X_val and y_val
    is_partial_fit: bool = False  # whether it is one epoch of `partial_fit`
