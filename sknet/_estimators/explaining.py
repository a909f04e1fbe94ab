"""The method `explain` of estimators: checks rows and background, and returns an `Explanation`.

Conventions
-----------
n rows, d columns, k outputs.

values : (n, d, k)      base : (k,)
"""

import numpy as np
import pandas as pd

from sknet._estimators.fitted import FittedAttributes, model_and_checked_table
from sknet._estimators.read_data import prefix_errors
from sknet._estimators.user_warnings import warn
from sknet._model.explain import MAX_BACKGROUND_ROWS, NODES_PER_LINE, Explanation, draw_background, explain
from sknet._tables.read import is_sparse, take_rows
from sknet._typing import Array, Table

MIN_ROWS_AS_OWN_BACKGROUND = 20
"""The least number of explained rows that can be their own background."""


def explain_rows(estimator: FittedAttributes, X: Table, background: Table, *, verbose: bool) -> Explanation:
    """Explain rows. Without a background, compare them with each other."""
    model, table = model_and_checked_table(estimator, X)
    n = table.shape[0]
    others = table  # the rows to compare with
    if background is not None:
        with prefix_errors("background"):
            _, others = model_and_checked_table(estimator, background)
    elif n < MIN_ROWS_AS_OWN_BACKGROUND:
        raise ValueError(
            f"X has {n} rows, too few to be their own background, which needs {MIN_ROWS_AS_OWN_BACKGROUND}: pass "
            "background=, for example 100 rows of the training table."
        )
    others = take_rows(others, draw_background(others.shape[0]))

    def report_progress(n_done: int) -> None:
        if verbose:
            print(f"Rows explained: {n_done:,} of {n:,}")

    values, base, adds_up, is_additive = explain(model, table, others, report_progress)
    if not adds_up.all():
        warn(
            f"The contributions to {(~adds_up).sum()} of {n} rows do not add up to within a thousandth, even with "
            f"{NODES_PER_LINE[-1]} nodes on each line: the network's output jumps, or its slopes do, as with "
            "activation='relu'. If it is the slopes, pass a background of more rows, of which up to "
            f"{MAX_BACKGROUND_ROWS} are used.",
            UserWarning,
        )
    base_values = np.tile(base, (n, 1))
    if len(base) == 1:  # no axis for a single output
        values, base_values = values[:, :, 0], base_values[:, 0]
    names, outputs = list(model.encoder.column_names), model.head.explained
    return Explanation(
        values,
        base_values,
        _as_array(table),
        names,
        outputs.names,
        is_additive,
        output_descriptions=outputs.descriptions,
    )


def _as_array(table: Table) -> Array:
    """Return the rows of a table as an array, of objects if columns have several types."""
    if is_sparse(table):
        return np.asarray(table.toarray())
    return table.to_numpy() if isinstance(table, pd.DataFrame) else np.asarray(table)
