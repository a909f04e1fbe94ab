"""What kinds of columns a table has: some settings depend on that before the columns are learnt.

Conventions
-----------
X : (n, d)     array, CSR matrix or data frame
"""

from contextlib import suppress
from typing import NamedTuple

import pandas as pd

from sknet._tables.choices import ColumnChoices
from sknet._tables.columns.category import learn_levels
from sknet._tables.frames import ColumnKind, as_uniform_array, column_at, column_names
from sknet._tables.tables import is_sparse
from sknet._typing import Table


class KindCounts(NamedTuple):
    """What kinds of columns a table has.

    Attributes
    ----------
    n_numbers : int
        How many columns are neither categories nor text: those of numbers and of dates.
    has_many_levels : bool
        Whether some column of categories has more levels than `max_categories` allows inputs.
    text_names : tuple of str
        Columns of free text.
    """

    n_numbers: int
    has_many_levels: bool = False
    text_names: tuple[str, ...] = ()


def count_kinds(X: Table, choices: ColumnChoices, max_categories: int | None) -> KindCounts:
    """Count a table's columns by kind.

    Columns that cannot be used are passed over: learning them raises the error that names them.
    """
    if is_sparse(X):
        return KindCounts(X.shape[1])
    is_frame = isinstance(X, pd.DataFrame)
    names = column_names(X) if is_frame else tuple(f"x{j}" for j in range(X.shape[1]))
    named = choices.named_kinds(names)  # what the user says about each column, or None
    # an array, or a frame whose columns all have one numeric type: nothing to look for
    if (not is_frame or as_uniform_array(X) is not None) and not any(named):
        return KindCounts(X.shape[1])
    n_numbers, has_many_levels, text_names = 0, False, []
    for j, name in enumerate(names):
        values = column_at(X, j)
        with suppress(TypeError, ValueError):
            kind: ColumnKind = choices.kind_of(values, name, named[j]) if is_frame else named[j] or "number"
            if kind == "category":
                has_many_levels = has_many_levels or learn_levels(values, name).exceed(max_categories)
            elif kind == "text":
                text_names.append(name)
            else:
                n_numbers += 1
    return KindCounts(n_numbers, has_many_levels, tuple(text_names))
