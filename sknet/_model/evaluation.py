"""What evaluates the epochs of a fit: nothing, held-out rows, the user's validation rows, or folds.

A fitted estimator keeps what rows or folds have chosen, but not the rows.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sknet._tables.rows import Rows, Split
from sknet._training.solver import Epoch


@dataclass(frozen=True)
class NoEvaluation:
    """No evaluation: all rows are trained on."""

    early_stopping: ClassVar[Literal[False]] = False  # what the parameter resolves to
    train: ClassVar[None] = None  # indices of the rows to train on, if some are held out
    held_out: ClassVar[None] = None
    is_short_of_rows: bool = False  # whether rows should be held out, but there are too few


@dataclass(frozen=True)
class HeldOut:
    """Rows of the table that are not trained on."""

    early_stopping: ClassVar[Literal[True]] = True
    split: Split
    held_out: Rows

    @property
    def train(self) -> NDArray[np.intp]:
        """Indices of the rows to train on."""
        return self.split.train


@dataclass(frozen=True)
class OwnRows:
    """The user's validation rows: X_val and y_val."""

    early_stopping: ClassVar[Literal[True]] = True
    train: ClassVar[None] = None
    held_out: Rows


@dataclass(frozen=True)
class Folds:
    """Splits of the rows, which choose the epoch before training. Each split holds out one fold."""

    early_stopping: ClassVar[Literal["folds"]] = "folds"
    train: ClassVar[None] = None
    held_out: ClassVar[None] = None  # the published networks are trained on all rows
    splits: list[Split]
    tolerance_factor: float  # see `FoldRules`
    share_columns: bool = True  # whether folds share the columns' encodings that do not depend on targets


Evaluation: TypeAlias = NoEvaluation | HeldOut | OwnRows | Folds


@dataclass(frozen=True)
class EvaluatedByRows:
    """Rows that were not trained on have evaluated each epoch."""

    chosen_epoch: int  # the epoch whose weights are kept, from 1; the largest of several networks; 0 for none
    n_rows_before_split: int  # rows of the table before some were held out; 0 for the user's validation rows


@dataclass(frozen=True)
class EvaluatedByFolds:
    """Folds have evaluated their own epochs, to choose how many steps to train."""

    chosen_epoch: int  # from 1; the last one, if folds were stopped
    epochs: tuple[Epoch, ...]


Evaluated: TypeAlias = EvaluatedByRows | EvaluatedByFolds
