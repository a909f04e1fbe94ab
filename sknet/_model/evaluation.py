"""What evaluates the epochs of a fit: nothing, rows that are held out, rows of the user's own, or folds."""

from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sknet._tables.rows import Rows
from sknet._tables.splitting import Split


@dataclass(frozen=True)
class NoEvaluation:
    """Nothing: all rows are trained on."""

    early_stopping: ClassVar[Literal[False]] = False  # what the parameter resolves to
    n_held_out: ClassVar[int] = 0
    train: ClassVar[None] = None
    is_short_of_rows: bool = False  # whether rows were to be held out, and are too few

    def held_out_of(self, rows: Rows) -> None:
        """Return None: no rows are held out."""


@dataclass(frozen=True)
class HeldOut:
    """Some rows of the table, which are not trained on."""

    early_stopping: ClassVar[Literal[True]] = True
    split: Split

    @property
    def n_held_out(self) -> int:
        """How many rows evaluate each epoch."""
        return len(self.split.held_out)

    @property
    def train(self) -> NDArray[np.intp]:
        """Numbers of the rows to train on."""
        return self.split.train

    def held_out_of(self, rows: Rows) -> Rows:
        """Return the rows that evaluate each epoch."""
        return rows.take(self.split.held_out)


@dataclass(frozen=True)
class OwnRows:
    """Rows that the user passes beside the table: X_val and y_val."""

    early_stopping: ClassVar[Literal[True]] = True
    train: ClassVar[None] = None
    rows: Rows

    @property
    def n_held_out(self) -> int:
        """How many rows evaluate each epoch."""
        return len(self.rows)

    def held_out_of(self, rows: Rows) -> Rows:
        """Return the rows that evaluate each epoch."""
        return self.rows


@dataclass(frozen=True)
class Folds:
    """Splits of the rows, each of which holds one fold out: they choose the epoch before training."""

    early_stopping: ClassVar[Literal["folds"]] = "folds"
    n_held_out: ClassVar[int] = 0  # in the end: all rows are trained on
    train: ClassVar[None] = None
    splits: list[Split]
    tolerance_factor: float  # see `FoldPlan`
    share_columns: bool = True  # whether what is learnt about columns without targets is learnt once, from all rows

    def held_out_of(self, rows: Rows) -> None:
        """Return None: no rows are held out while the published networks train."""


Evaluation: TypeAlias = NoEvaluation | HeldOut | OwnRows | Folds
