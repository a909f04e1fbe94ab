"""Parts of a table in memory, and how they are asked."""

from functools import reduce

import numpy as np

from sknet._partitions.summaries import Part
from sknet._tables.rows import is_frame


def cut(X, cuts, *others):
    """Cut a table, and arrays of as many rows or None, into parts."""
    n = len(X)
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, n], strict=True)]
    rows = X.iloc if is_frame(X) and hasattr(X, "iloc") else X
    return [Part(rows[p], *(None if other is None else np.asarray(other)[p] for other in others)) for p in pieces]


def asking(parts):
    """Return a function that asks parts, one after the other."""
    return lambda look: reduce(lambda one, other: one.merged(other), [look.answer(part) for part in parts])
