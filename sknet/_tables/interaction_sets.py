"""Which sets of columns may interact, from what a user says of columns.

Conventions
-----------
d columns; m inputs of the network; S sets.

interaction_cst   as the user gives it: "no_interactions", "pairwise", or sets of names or indices
"""

from collections.abc import Collection, Sequence
from itertools import combinations
from numbers import Integral

import numpy as np
from numpy.typing import NDArray

from sknet._tables.encoding import TableEncoder
from sknet._tables.read import short_list, short_repr

REMEDY = "give 'no_interactions', 'pairwise', or a list of sets of columns, as [['age', 'income'], ['town']]"


def interaction_sets(interaction_cst: object, names: Sequence[str] | None, n_columns: int) -> list[list[int]]:
    """Return the sets of columns that may interact, by the columns' numbers; columns in no set form one more together.

    Parameters
    ----------
    interaction_cst : object
    names : sequence of str, or None
        Names of the columns; None if they have none.
    n_columns : int

    Returns
    -------
    list of lists of int, increasing
        A single one of all columns if nothing is constrained.
    """
    columns = range(n_columns)
    if interaction_cst is None:
        return [list(columns)]
    if isinstance(interaction_cst, str):  # one of two, which the parameters' own check has made sure of
        size = 1 if interaction_cst == "no_interactions" else min(2, n_columns)
        return [list(combination) for combination in combinations(columns, size)]
    if not isinstance(interaction_cst, Sequence) or not all(
        isinstance(each, Collection) and not isinstance(each, str | bytes) for each in interaction_cst
    ):
        raise ValueError(f"interaction_cst={short_repr(interaction_cst)} is no list of sets: {REMEDY}.")
    found = [sorted({_number_of(column, names, n_columns) for column in each}) for each in interaction_cst]
    rest = sorted(set(columns).difference(*found))
    return [each for each in (*found, rest) if each]


def _number_of(column: object, names: Sequence[str] | None, n_columns: int) -> int:
    """Return the number of a column that is given by its name or index."""
    if isinstance(column, str):
        if names is None:
            raise ValueError(
                f"interaction_cst names {column!r}, and the columns of X have no names: pass a data frame, or give "
                f"indices from 0 to {n_columns - 1}."
            )
        if column not in names:
            raise ValueError(
                f"interaction_cst names {column!r}, but X has no such column: give some of {short_list(names)}."
            )
        return names.index(column)
    if isinstance(column, bool) or not isinstance(column, Integral):
        raise ValueError(f"interaction_cst holds {short_repr(column)} in a set, which is no column: {REMEDY}.")
    if not 0 <= int(column) < n_columns:
        raise ValueError(
            f"interaction_cst holds the index {column}, but X has {n_columns} columns: give indices from 0 to "
            f"{n_columns - 1}."
        )
    return int(column)


def sets_with_inputs(interaction_cst: object, encoder: TableEncoder) -> NDArray[np.bool_]:
    """Return which inputs of the network each set has, (m, S); sets of columns without inputs are left out.

    All inputs of a column are in its sets: its bins, its categories, its indicator of missing values.
    """
    sets = interaction_sets(interaction_cst, encoder.names, encoder.n_columns)
    has_column = np.zeros((encoder.n_columns, len(sets)), dtype=bool)
    for number, columns in enumerate(sets):
        has_column[columns, number] = True
    has_input = has_column[encoder.input_columns]
    return has_input[:, has_input.any(axis=0)]
