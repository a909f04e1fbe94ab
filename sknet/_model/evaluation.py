"""What evaluates the epochs of a fit: nothing, rows that are held out, rows of the user's own, or folds.

Of rows and folds, a fitted estimator keeps what they have chosen, without the rows themselves.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sknet._tables.rows import Rows, Split
from sknet._training.solver import Epoch


@dataclass(frozen=True)
class NoEvaluation:
    """Nothing: all rows are trained on."""

    early_stopping: ClassVar[Literal[False]] = False  # what the parameter resolves to
    train: ClassVar[None] = None  # numbers of the rows to train on, where some are held out
    held_out: ClassVar[None] = None
    is_short_of_rows: bool = False  # whether rows were to be held out, and are too few


@dataclass(frozen=True)
class HeldOut:
    """Some rows of the table, which are not trained on."""

    early_stopping: ClassVar[Literal[True]] = True
    split: Split
    held_out: Rows

    @property
    def train(self) -> NDArray[np.intp]:
        """Numbers of the rows to train on."""
        return self.split.train


@dataclass(frozen=True)
class OwnRows:
    """Rows that the user passes beside the table: X_val and y_val."""

    early_stopping: ClassVar[Literal[True]] = True
    train: ClassVar[None] = None
    held_out: Rows


@dataclass(frozen=True)
class Folds:
    """Splits of the rows, each of which holds one fold out: they choose the epoch before training."""

    early_stopping: ClassVar[Literal["folds"]] = "folds"
    train: ClassVar[None] = None
    held_out: ClassVar[None] = None  # in the end, all rows are trained on
    splits: list[Split]
    tolerance_factor: float  # see `FoldRules`
    share_columns: bool = True  # whether what is learnt about columns without targets is learnt once, from all rows


Evaluation: TypeAlias = NoEvaluation | HeldOut | OwnRows | Folds


@dataclass(frozen=True)
class EvaluatedByRows:
    """Rows that were not trained on have evaluated each epoch."""

    chosen_epoch: int  # whose weights are kept, the largest of several networks; from 1, 0 for none
    n_rows_before_split: int  # of the table that they were held out of; 0: they were the user's own


@dataclass(frozen=True)
class EvaluatedByFolds:
    """Folds have evaluated epochs of their own, to choose how many steps to train."""

    chosen_epoch: int  # from 1; the last one, where folds were stopped
    epochs: tuple[Epoch, ...]


Evaluated: TypeAlias = EvaluatedByRows | EvaluatedByFolds
