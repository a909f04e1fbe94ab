"""Facts about a table that are needed before it is learnt: what kinds of columns it has.

Conventions
-----------
X : (n, d)     array, CSR matrix or data frame
"""

from contextlib import suppress

import pandas as pd
from scipy.sparse import issparse

from sknet._tables.columns.category import learn_levels
from sknet._tables.frames import (
    as_uniform_array,
    category_mask,
    column_at,
    column_kind,
    column_names,
    parse_categorical_features,
)
from sknet._typing import Table


def count_kinds(X: Table, categorical_features: object, max_categories: int | None) -> tuple[int, bool]:
    """Count the columns of numbers, and tell whether a category has more levels than may have inputs.

    Columns that cannot be used count as neither: learning them says why.
    """
    if issparse(X):
        return X.shape[1], False
    by_dtype, chosen = parse_categorical_features(categorical_features)
    framed = isinstance(X, pd.DataFrame)
    names = column_names(X) if framed else [f"x{j}" for j in range(X.shape[1])]
    mask = category_mask(chosen, names)
    n_numbers, many = 0, False
    if (not framed or as_uniform_array(X) is not None) and not mask.any():
        return X.shape[1], False
    for j, (name, is_one) in enumerate(zip(names, mask, strict=True)):
        values = column_at(X, j)
        with suppress(TypeError, ValueError):
            kind = "category" if is_one else column_kind(values, name, by_dtype=by_dtype) if framed else "number"
            n_numbers += kind != "category"
            many = many or (kind == "category" and learn_levels(values, name).exceed(max_categories))
    return n_numbers, many
