"""Facts about the data, and the numbers that "auto" becomes by them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sknet._estimators.parameters import Splitter

FLOAT32_ROWS = 500
"""From so many training rows on, `dtype="auto"` computes in float32; below, float64 costs no time worth mentioning."""

AUTO_AVERAGING = 0.99
"""The decay that `averaging="auto"` means where held-out rows evaluate the weights."""

AUTO_DROPOUT = 0.1
"""The rate that `dropout="auto"` means for a classifier that Adam trains and held-out rows evaluate."""

AUTO_LABEL_SMOOTHING = 0.02
"""What `label_smoothing="auto"` means where a temperature undoes what smoothing does to the probabilities."""

AUTO_CLIP_NORM = 10.0
"""What `clip_norm="auto"` means for SGD, whose steps are as long as the gradient: those of counts may be huge."""

AUTO_WEIGHT_DECAY = 0.02
"""What `weight_decay="auto"` means for Adam."""

SMALL_ROWS = 5_000
"""Below so many training rows `n_members="auto"` is two networks, one of which sees bins beside the numbers; from there on
one, which sees them."""

AUTO_BINS_COLUMNS = 50
"""Up to so many columns of numbers it does so: the first layer of a wider table, of pixels perhaps, would be huge."""

AUTO_EARLY_STOPPING = 67
"""From so many rows on, `early_stopping="auto"` evaluates the epochs."""

PATIENCE, FOLDS_PATIENCE, LARGE_PATIENCE = 24, (16, 6), 4
"""How many epochs `n_iter_no_change="auto"` waits for a better one: in general, with folds of less and of more than
`MANY_ROWS` rows, on large tables."""

SHARE, LARGE_SHARE = 0.15, 0.1
"""What `validation_fraction="auto"` holds out, in general and of large tables: thousands of rows are enough."""

TOL, FOLDS_TOL, LARGE_TOL = 1e-4, 1e-3, 2e-3
"""What `tol="auto"` means: scikit-learn's; with folds and on large tables, whose losses are steadier."""

LARGE = 15_000
"""From so many training rows on, an epoch is hundreds of steps, and a few of them tell whether there is progress."""

AUTO_FOLDS = LARGE
"""Below so many rows folds choose the epoch, so that the networks learn from all rows."""

PROPORTIONAL_BATCH = (32, 256)
"""Between these, `batch_size="proportional"` is a 32nd of the rows: some thirty steps per epoch, small tables too."""

WORKERS_BATCH = 8192
"""Up to so many on workers, where a step takes its way to them and back whatever it holds."""

LEARNT = (
    "categorical_features", "max_categories", "category_encoding", "numeric_encoding", "n_bins", "input_scaling",
    "dtype", "target_scaling", "n_members",
)  # fmt: skip
"""Parameters by which the table and the targets were learnt: they hold as long as training goes on from there."""

Validated: TypeAlias = bool | Literal["folds"]
EvaluationMethod: TypeAlias = float | Splitter | Literal["folds"] | None
"""What evaluates the epochs: the share of rows that is held out, a splitter that says which, folds, or nothing."""


@dataclass(frozen=True)
class Facts:
    """What "auto" depends on besides the other parameters."""

    n_rows: int  # to train on
    validated: Validated  # whether rows are held out, or folds are
    n_numbers: int = 0  # columns of numbers
    has_many_levels: bool = False  # whether a category has more levels than `max_categories`
    is_sparse: bool = False
    increment: bool = False  # a call of `partial_fit`
    earlier: Mapping[str, object] | None = None  # what was resolved when the columns were learnt
    n_held_out: int = 0  # rows for validation
    largest_batch: int = PROPORTIONAL_BATCH[1]
    has_checkpoint: bool = False  # whether the run is written to a file, or comes from one
    is_stream: bool = False  # whether the rows never are in memory at once
