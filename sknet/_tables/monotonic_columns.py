"""Which columns of a table predictions are monotone in, and which inputs of the network this concerns.

Conventions
-----------
d columns; m inputs of the network.

monotonic_cst     as the user gives it: a number for each column, (d,), or a dict of numbers by name
sign : (m,)       1, -1 or 0 for each input
"""

from collections.abc import Mapping
from numbers import Real

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sknet._tables.encoding import TableEncoder
from sknet._tables.read import short_list, short_repr


def input_signs(monotonic_cst: object, encoder: TableEncoder) -> NDArray[np.int8] | None:
    """Return the sign of each input of the network; None where no column is constrained.

    A column's scaled number and its bins rise with it, and have its sign. Its indicator of missing values has none: a
    missing value is neither more nor less than others.
    """
    if monotonic_cst is None:
        return None
    if isinstance(monotonic_cst, pd.Series) and all(isinstance(name, str) for name in monotonic_cst.index):
        monotonic_cst = monotonic_cst.to_dict()  # the names say which columns are meant, not their order
    values = _by_name(monotonic_cst, encoder) if isinstance(monotonic_cst, Mapping) else _listed(monotonic_cst, encoder)
    for name, value in zip(encoder.column_names, values, strict=True):
        if not isinstance(value, Real) or value not in (-1, 0, 1):
            raise ValueError(
                f"monotonic_cst gives {short_repr(value)} for the column {name!r}: give 1 where predictions must not "
                "fall as it rises, -1 where they must not rise, or 0."
            )
    if not any(values):
        return None
    signs: list[list[object]] = []  # of each column's inputs
    for name, value, column in zip(encoder.column_names, values, encoder.columns, strict=True):
        if value and not column.is_ordered:
            raise ValueError(
                f"monotonic_cst constrains the column {name!r}, which holds neither numbers nor durations: only "
                "these rise and fall. Set it to 0, or make the column one of numbers."
            )
        # what is left of such a column is its indicator of missing values
        signs.append([value if formula.kind in ("number", "bin") else 0 for formula in column.input_formulas])
    return np.array(encoder.bins_first(signs), np.int8)


def _by_name(monotonic_cst: Mapping[object, object], encoder: TableEncoder) -> list[object]:
    if encoder.names is None:
        raise ValueError(
            f"monotonic_cst={short_repr(monotonic_cst)} goes by names, and the columns of X have none: pass a data "
            "frame, or give a list of one number per column."
        )
    unknown = [name for name in monotonic_cst if name not in encoder.names]
    if unknown:
        raise ValueError(
            f"monotonic_cst names {short_list(unknown)}, but X has no such columns: give some of "
            f"{short_list(encoder.names)}."
        )
    return [monotonic_cst.get(name, 0) for name in encoder.names]


def _listed(monotonic_cst: object, encoder: TableEncoder) -> list[object]:
    array = np.asarray(monotonic_cst, dtype=object)
    if array.shape != (encoder.n_columns,):
        raise ValueError(
            f"monotonic_cst={short_repr(monotonic_cst)} has shape {array.shape}, and X has {encoder.n_columns} "
            "columns: give one number for each, or a dict of some by name."
        )
    return array.tolist()
