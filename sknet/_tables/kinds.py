"""Facts about a table that are needed before it is learnt: what kinds of columns it has.

Conventions
-----------
X : (n, d)     array, CSR matrix or data frame
"""

from contextlib import suppress

import pandas as pd

from sknet._tables.columns.category import learn_levels
from sknet._tables.frames import chosen_categories, column_at, column_names, held_as_array, kind_of, split_choice
from sknet._tables.rows import is_sparse
from sknet._typing import Table


def count_kinds(X: Table, categorical_features: object, max_categories: int | None) -> tuple[int, bool]:
    """Count the columns of numbers, and tell whether a category has more levels than may have inputs.

    Columns that cannot be used count as neither: learning them says why.
    """
    if is_sparse(X):
        return X.shape[1], False
    by_dtype, chosen = split_choice(categorical_features)
    framed = isinstance(X, pd.DataFrame)
    names = column_names(X) if framed else [f"x{j}" for j in range(X.shape[1])]
    mask = chosen_categories(chosen, names)
    n_numbers, many = 0, False
    if (not framed or held_as_array(X) is not None) and not mask.any():
        return X.shape[1], False
    for j, (name, is_one) in enumerate(zip(names, mask, strict=True)):
        values = column_at(X, j)
        with suppress(TypeError, ValueError):
            kind = "category" if is_one else kind_of(values, name, by_dtype=by_dtype) if framed else "number"
            n_numbers += kind != "category"
            many = many or (kind == "category" and learn_levels(values, name).exceed(max_categories))
    return n_numbers, many
