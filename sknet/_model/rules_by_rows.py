"""The numbers of training rows at which defaults change, and the values below and above them, see docs/defaults.md.

The limits on bins are here, too, even if they depend on the number of columns. The number of rows from which the pull
on gains grows more slowly is in `_training/gains.py`. "What was decided" in tests/benchmarks/notes.md has the
alternatives to these numbers, and what was measured.
"""

from math import inf
from typing import NamedTuple

import numpy as np

MIN_EVALUATED_ROWS = 40
"""Below, nothing evaluates the epochs: folds of fewer than ten rows are too noisy."""

SMALL_TABLE_ROWS = 500
"""Below, each row is held out once. Without folds, training runs in float64, which costs little time."""

FEW_EVENTS = 60
"""Events are the rows outside the largest class, or counts above 0. With fewer of them, each row is held out once, as
on small tables, since a fourth of them would choose the epoch by chance (docs/guide/imbalance.md). Networks for rare
counts also have a temperature (docs/guide/counts.md)."""

MEDIUM_TABLE_ROWS = 5_000
"""Below, one of four folds is held out to choose the epoch, or all four on small tables. From here on it is one of ten,
the folds of a classifier have less patience, and a network that is trained alone sees bins."""

LARGE_TABLE_ROWS = 15_000
"""Below, folds choose the epoch, and the networks learn from all rows. From here on a tenth of the rows is held out and
never trained on. An epoch then has hundreds of steps, so a few epochs show whether training progresses."""

ROWS_PER_BIN = 24
"""With `n_bins="auto"`, each column gets one bin for this many training rows, within the three limits below."""

MAX_BINS_OF_TABLE = 256
"""With `n_bins="auto"`, each column gets at most this number divided by the number of numeric columns. Targets that
vary fast do so along few columns, such as a date or coordinates. Many bins in many columns make each step slower, and
make networks overfit if the loss is already close to 0."""

MIN_AUTO_BINS = 12
"""The least value of `n_bins="auto"`, which goes before the limit on the bins of the table."""

MAX_AUTO_BINS = 128
"""The largest value of `n_bins="auto"`."""

MAX_COLUMNS_WITH_AUTO_BINS = 50
"""With `numeric_encoding="auto"`, networks see bins in tables of up to this many numeric columns. In a wider one, such
as pixels, bins would make the first layer huge."""

PATIENCE = 24
"""The value of `n_iter_no_change="auto"` in general."""

FOLDS_PATIENCE = 10
"""The value of `n_iter_no_change="auto"` with folds."""

STEADY_FOLDS_PATIENCE = 6
"""The value of `n_iter_no_change="auto"` with folds whose losses vary less from epoch to epoch: those of a regressor,
or from `MEDIUM_TABLE_ROWS` on."""

LARGE_PATIENCE = 4
"""The value of `n_iter_no_change="auto"` on large tables."""

FRACTION_HELD_OUT = 0.15
"""The value of `validation_fraction="auto"` in general."""

LARGE_FRACTION_HELD_OUT = 0.1
"""The value of `validation_fraction="auto"` for large tables, where thousands of rows are enough."""

TOL = 1e-4
"""The value of `tol="auto"` in general, as in scikit-learn."""

FOLDS_TOL = 1e-3
"""The value of `tol="auto"` with folds."""

LARGE_TOL = 2e-3
"""The value of `tol="auto"` on large tables, whose losses vary less."""

STEPS_PER_EPOCH = 32
"""With `batch_size="proportional"`, an epoch has this many steps, unless a batch would have fewer rows than
`SMALLEST_PROPORTIONAL_BATCH` or more than `FeatureTable.largest_batch`."""

SMALLEST_PROPORTIONAL_BATCH = 32
"""The least number of rows in a batch with `batch_size="proportional"`. With 16 rows, fits to fewer than 1,000 rows
would take 1.5 times as long and gain nothing."""

MAX_STEPS_PER_EPOCH = 300
"""If an epoch would have more steps, batches grow up to `LARGE_BATCH`. On large tables, less noise in each step is
worth more than many steps."""

LARGE_BATCH = 1024
"""The number of rows up to which batches grow on large tables."""


class FoldCounts(NamedTuple):
    """How many folds a table is divided into, and how many of them are held out."""

    n_folds: int
    n_held_out: int  # how many of these folds are held out in turn


def fold_counts(n_rows: int, grouped: bool = False, n_events: float = inf) -> FoldCounts:
    """Return the numbers of folds. With few rows, few events or groups, losses are noisier, so more are held out."""
    if n_rows < SMALL_TABLE_ROWS or n_events < FEW_EVENTS:
        return FoldCounts(4, 4)
    if grouped:
        return FoldCounts(4, 2)
    return FoldCounts(4, 1) if n_rows < MEDIUM_TABLE_ROWS else FoldCounts(10, 1)


def fraction_held_out(n_rows: int) -> float:
    """Return the value of `validation_fraction="auto"` for n rows."""
    return LARGE_FRACTION_HELD_OUT if n_rows >= LARGE_TABLE_ROWS else FRACTION_HELD_OUT


def auto_n_bins(n_rows: int, n_numbers: int) -> int:
    """Return the value of `n_bins="auto"` for a table with `n_numbers` numeric columns."""
    n_bins = min(n_rows // ROWS_PER_BIN, MAX_BINS_OF_TABLE // max(n_numbers, 1))
    return int(np.clip(n_bins, MIN_AUTO_BINS, MAX_AUTO_BINS))
