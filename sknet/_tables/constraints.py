"""The inputs of the network that `monotonic_cst` and `interaction_cst` constrain.

Conventions
-----------
d columns; m inputs of the network; S sets.

monotonic_cst     the user's parameter: a number for each column, (d,), or a dict of numbers by name
sign : (m,)       1, -1 or 0 for each input
interaction_cst   the user's parameter: "no_interactions", "pairwise", or sets of names or indices
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from sknet._tables.encoder import TableEncoder
from sknet._tables.kinds import COLUMNS_REMEDY, column_mask
from sknet._tables.messages import short_repr
from sknet._typing import Array

# --- monotone columns ------------------------------------------------------------------------------------------------


def column_signs(monotonic_cst: object, names: Sequence[str]) -> Array:
    """Return the sign of each column, (d,), 0 where it is not constrained; raise for other values."""
    if monotonic_cst is None:
        return np.zeros(len(names), dtype=object)
    if isinstance(monotonic_cst, Mapping):
        values = np.zeros(len(names), dtype=object)
        for column, value in monotonic_cst.items():
            values[column_mask([column], names, "monotonic_cst")] = value
    else:
        values = np.asarray(monotonic_cst, dtype=object)
    if values.shape != (len(names),):
        raise ValueError(
            f"monotonic_cst={short_repr(monotonic_cst)} has shape {values.shape}, and X has {len(names)} "
            f"columns: {COLUMNS_REMEDY['monotonic_cst']}."
        )
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, Real) or value not in (-1, 0, 1):
            raise ValueError(
                f"monotonic_cst gives {short_repr(value)} for the column {name!r}: give 1 where predictions must not "
                "fall as it rises, -1 where they must not rise, or 0."
            )
    return values


def input_signs(monotonic_cst: object, encoder: TableEncoder) -> NDArray[np.int8] | None:
    """Return the sign of each input of the network; None where no column is constrained.

    A column's scaled number and its bins rise with the column, and have its sign. The sign of its indicator of missing
    values is 0, since a missing value is neither larger nor smaller than others.
    """
    values = column_signs(monotonic_cst, encoder.column_names)
    if not any(values):
        return None
    for name, value, column in zip(encoder.column_names, values, encoder.columns, strict=True):
        if value and not column.inputs_rise_with_value:
            raise ValueError(
                f"monotonic_cst constrains the column {name!r}, which holds neither numbers nor durations: only "
                "these rise and fall. Set it to 0, or make the column one of numbers."
            )
    is_indicator = [description.kind == "missing" for _, description in encoder.input_descriptions]
    return np.where(is_indicator, 0, values[encoder.input_columns]).astype(np.int8)


# --- columns that may interact ---------------------------------------------------------------------------------------


def interaction_sets(interaction_cst: object, names: Sequence[str]) -> list[list[int]]:
    """Return the sets of columns that may interact, as increasing indices. The columns in no set form a further set.

    If nothing is constrained, a single set has all columns.
    """
    columns = range(len(names))
    if interaction_cst is None:
        return [list(columns)]
    if isinstance(interaction_cst, str):  # the estimator has checked that it is one of two
        size = 1 if interaction_cst == "no_interactions" else min(2, len(names))
        return [list(combination) for combination in combinations(columns, size)]
    if not isinstance(interaction_cst, Sequence) or not all(
        isinstance(column_set, Collection) and not isinstance(column_set, str | bytes) for column_set in interaction_cst
    ):
        raise ValueError(
            f"interaction_cst={short_repr(interaction_cst)} is no list of sets: {COLUMNS_REMEDY['interaction_cst']}."
        )
    user_sets = []
    for column_set in interaction_cst:
        # column by column: a set may have names and indices
        masks = [column_mask([column], names, "interaction_cst") for column in column_set]
        user_sets.append(np.flatnonzero(np.any(masks, axis=0)).tolist() if masks else [])
    other_columns = sorted(set(columns).difference(*user_sets))
    return [column_set for column_set in (*user_sets, other_columns) if column_set]


def sets_with_inputs(interaction_cst: object, encoder: TableEncoder) -> NDArray[np.bool_]:
    """Return a mask of the inputs of each set, (m, S). Sets without inputs are left out.

    All inputs of a column are in its sets, including bins, categories and the indicator of missing values.
    """
    sets = interaction_sets(interaction_cst, encoder.column_names)
    has_column = np.zeros((encoder.n_columns, len(sets)), dtype=bool)
    for i, columns in enumerate(sets):
        has_column[columns, i] = True
    has_input = has_column[encoder.input_columns]
    return has_input[:, has_input.any(axis=0)]
