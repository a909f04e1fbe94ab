"""The four numbers of training rows at which defaults change, see docs/defaults.md."""

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
