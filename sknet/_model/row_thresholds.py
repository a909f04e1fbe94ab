"""The four numbers of training rows on which a default depends; docs/defaults.md says what holds between them."""

MIN_EVALUATED_ROWS = 40
"""Below, nothing evaluates the epochs: folds of fewer than ten rows say too little."""

FEW_ROWS = 500
"""Below, each row is held out once; without folds, all is computed in float64, which costs no time worth mentioning."""

MANY_ROWS = 5_000
"""Below, two networks are trained, one of which sees fine bins beside the numbers; from here on one, which sees coarser
ones, and a tenth of the rows is enough to choose the epoch."""

LARGE_ROWS = 15_000
"""Below, folds choose the epoch, so that the networks learn from all rows. From here on a tenth is held out for ever:
an epoch is hundreds of steps, and a few of them tell whether there is progress."""
