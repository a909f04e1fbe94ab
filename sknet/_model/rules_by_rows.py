"""All rules by the number of training rows, see docs/defaults.md.

Other parts of a fit know only what these rules return.
"""

from typing import NamedTuple

MIN_EVALUATED_ROWS = 40
"""Below, nothing evaluates the epochs: folds of fewer than ten rows are too noisy."""

FEW_ROWS = 500
"""Below, each row is held out once. Without folds, training runs in float64, which costs little time."""

MANY_ROWS = 5_000
"""Below, a quarter of the rows chooses the epoch. From here on it is a tenth, a classifier's folds wait for fewer
epochs, and a network that is trained alone sees bins."""

LARGE_ROWS = 15_000
"""Below, folds choose the epoch, and the networks learn from all rows. From here on a tenth of the rows is held out and
never trained on. An epoch then has hundreds of steps, so a few epochs show whether training progresses."""


class FoldRules(NamedTuple):
    """How many folds there are, and which epoch their losses choose."""

    n_folds: int
    n_held_out: int  # how many of these folds are held out in turn
    # The chosen epoch is the last one whose loss is at most this factor times the least loss. Losses of nearby epochs
    # differ by chance: more for few rows than for many, and more for labels than for numbers. A later epoch is chosen
    # because a network that learns from all rows overfits later than the networks of the folds.
    tolerance_factor: float


def fold_rules(n_rows: int, grouped: bool = False, is_regression: bool = False) -> FoldRules:
    """Return the rules for `n_rows` rows. Few or grouped rows tell less, so more folds are held out."""
    few, some = (1.01, 1.0) if is_regression else (1.05, 1.01)
    if n_rows < FEW_ROWS:
        return FoldRules(4, 4, few)
    if grouped:
        return FoldRules(4, 2, some)
    return FoldRules(4, 1, some) if n_rows < MANY_ROWS else FoldRules(10, 1, 1.002)
