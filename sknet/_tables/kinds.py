"""What kinds of columns a table has: some settings depend on that before the columns are learnt.

Conventions
-----------
X : (n, d)     array, CSR matrix or data frame
"""

from contextlib import suppress

import pandas as pd

from sknet._tables.columns.category import learn_levels
from sknet._tables.frames import (
    as_uniform_array,
    category_mask,
    column_at,
    column_kind,
    column_names,
    parse_categorical_features,
)
from sknet._tables.rows import is_sparse
from sknet._typing import Table


def count_kinds(X: Table, categorical_features: object, max_categories: int | None) -> tuple[int, bool]:
    """Count the columns that are no categories, and tell whether a category has more levels than may have inputs.

    Columns that cannot be used are passed over: learning them raises the error that names them.
    """
    if is_sparse(X):
        return X.shape[1], False
    by_dtype, named = parse_categorical_features(categorical_features)
    is_frame = isinstance(X, pd.DataFrame)
    names = column_names(X) if is_frame else [f"x{j}" for j in range(X.shape[1])]
    is_named = category_mask(named, names)
    if (not is_frame or as_uniform_array(X) is not None) and not is_named.any():
        return X.shape[1], False
    n_numbers, has_many_levels = 0, False
    for j, name in enumerate(names):
        values = column_at(X, j)
        with suppress(TypeError, ValueError):
            if is_named[j] or (is_frame and column_kind(values, name, by_dtype=by_dtype) == "category"):
                has_many_levels = has_many_levels or learn_levels(values, name).exceed(max_categories)
            else:
                n_numbers += 1
    return n_numbers, has_many_levels
