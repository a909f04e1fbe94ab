"""The four numbers of training rows at which defaults change, see docs/defaults.md."""

MIN_EVALUATED_ROWS = 40
"""Below, nothing evaluates the epochs: folds of fewer than ten rows are too noisy."""

FEW_ROWS = 500
"""Below, each row is held out once. Without folds, training runs in float64, which costs little time."""

MANY_ROWS = 5_000
"""Below, two networks are trained, and one of them sees fine bins beside the numbers. From here on there is a single
network with coarser bins, and a tenth of the rows is enough to choose the epoch."""

LARGE_ROWS = 15_000
"""Below, folds choose the epoch, and the networks learn from all rows. From here on a tenth of the rows is held out and
never trained on. An epoch then has hundreds of steps, so a few epochs show whether training progresses."""
