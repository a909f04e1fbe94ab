"""The checks of `sknet/_tables/assumptions.py`, as `fit` calls them, for programs outside the tests of tables."""

from sknet._tables.assumptions import MAX_ROWS_CHECKED, find_signs
from sknet._tables.kinds import ColumnChoices, survey_columns


def checks_of(X, y, groups=None):
    """A function that checks evenly spaced rows of a frame for time and identifiers; their columns are known.

    `groups` are the codes of the rows' groups, if the user passes them.
    """
    survey = survey_columns(X, ColumnChoices())
    rows = slice(0, len(X), -(-len(X) // MAX_ROWS_CHECKED))
    groups = None if groups is None else groups[rows]
    return lambda: find_signs(X, rows, y.to_numpy()[rows, None], survey, groups, checks_time=groups is None)
