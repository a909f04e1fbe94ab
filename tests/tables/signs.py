"""The checks of `sknet/_tables/assumptions.py`, as `fit` calls them, for programs outside the tests of tables."""

from sknet._tables.assumptions import MAX_ROWS_CHECKED, find_signs
from sknet._tables.kinds import ColumnChoices, survey_columns


def checks_of(X, y):
    """A function that checks evenly spaced rows of a frame for time and identifiers; their columns are known."""
    survey = survey_columns(X, ColumnChoices())
    rows = slice(0, len(X), -(-len(X) // MAX_ROWS_CHECKED))
    return lambda: find_signs(X, rows, y.to_numpy()[rows, None], survey, checks_time=True)
