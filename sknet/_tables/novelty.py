"""Which columns of further rows lie far outside of what their encoder was learnt from.

Conventions
-----------
X : (n, d)     array or data frame
"""

import numpy as np

from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.encoding import TableEncoder
from sknet._tables.frames import column_at, number_values, read_levels
from sknet._tables.rows import is_sparse, take_rows
from sknet._typing import Table

SAMPLE_ROWS = 1000
"""Of so many rows, evenly spaced, columns are looked at."""

FAR = 10.0
"""So many scales lie between the centre and the median of rows that are far outside."""


def far_columns(encoder: TableEncoder, X: Table) -> list[str]:
    """Name the columns whose median is far from their centre, or most of whose levels are unknown."""
    if is_sparse(X):
        return []
    sample = take_rows(X, np.arange(0, X.shape[0], max(1, X.shape[0] // SAMPLE_ROWS)))
    far_names = []
    for j, (name, column) in enumerate(zip(encoder.column_names, encoder.columns, strict=True)):
        number = column.number if isinstance(column, BinnedColumn) else column
        if isinstance(number, NumberColumn) and number.shift:
            numbers = number_values(column_at(sample, j), name)
            numbers = numbers[~np.isnan(numbers)]
            with np.errstate(over="ignore"):
                far = len(numbers) and abs(float(np.median(numbers)) - number.center) * number.scale > FAR
            if far:
                far_names.append(name)
        elif isinstance(number, CategoryColumn) and not number.has_infrequent:
            codes, keys = read_levels(column_at(sample, j))
            unknown = np.array([*(key not in number.levels for key in keys), False])[codes]
            if unknown.mean() > 0.5:
                far_names.append(name)
    return far_names
