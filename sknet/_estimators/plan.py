"""The plan of one `fit`, `resume` or `partial_fit`: what is settled before anything is encoded."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sknet._estimators.read_data import Columns
from sknet._estimators.start import Start
from sknet._model.fold_phase import Folds
from sknet._model.matrices import Encoding, EncodingLearner
from sknet._model.settings import Settings
from sknet._tables.rows import Rows
from sknet._tables.splitting import Split


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
    """The plan of a call: its start, its settings, its rows, how they are encoded, and what evaluates each epoch."""

    start: Start
    settings: Settings
    resolved: dict[str, object]  # all parameters, every "auto" answered
    rows: Rows  # all of positive weight, those held out too
    columns: Columns
    encoding: Encoding
    evaluation: Evaluation
    held_out: Rows | None = None  # the rows that evaluate each epoch: some of `rows`, or X_val and y_val
    learner: EncodingLearner | None = None  # what folds learn their own columns with; None without folds
