"""Whether the parts of each column go together: edges of bins, quantiles, the target's means, the cycles of dates.

Conventions
-----------
means : (1 + F, L + 2, k)      of F folds, L levels and k columns of the target matrix
"""

import re
from collections.abc import Callable

import numpy as np

from sknet._tables.columns import Column
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.datetime import CYCLES, DatetimeColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._tables.columns.target import N_FOLDS, TargetColumn
from sknet._typing import Array

ZONE = re.compile(r"(?!dateutil)[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*(:[0-9]{2})*")
"""The name of a time zone: no path, nor the prefix with which pandas reads a file."""


def refuse_column(column: Column) -> None:
    """Raise a ValueError that says which parts of a column do not go together."""
    check = _CHECKS.get(type(column))
    if check is not None:
        check(column)


def require(holds: bool, otherwise: str) -> None:
    """Raise where something does not hold."""
    if not holds:
        raise ValueError(otherwise)


def _refuse_bins(column: BinnedColumn) -> None:
    require(isinstance(column.number, NumberColumn | QuantileColumn), "bins stand beside another thing than a number")
    require(len(column.edges) > 1, "a column has bins without edges")
    require(_increases(np.array(column.edges), strictly=True), "the edges of bins do not increase")
    refuse_column(column.number)


def _refuse_quantiles(column: QuantileColumn) -> None:
    require(column.quantiles.shape == LEVELS.shape and column.quantiles.dtype.kind == "f", "quantiles are not as many")
    require(_increases(column.quantiles), "quantiles decrease")


def _increases(values: Array, *, strictly: bool = False) -> bool:
    # compared, not subtracted: the difference of finite numbers may be infinite
    pairs = values[1:] > values[:-1] if strictly else values[1:] >= values[:-1]
    return bool(np.isfinite(values).all() and pairs.all())


def _refuse_means(column: TargetColumn) -> None:
    means, scale = column.means, column.scale
    require(means.dtype.kind == scale.dtype.kind == "f" and scale.ndim == 1, "the target's means are not floats")
    expected = 1 + N_FOLDS, len(column.levels) + 2, scale.size
    require(means.shape == expected and scale.size > 0, "the target's means are not those of the levels")


def _refuse_dates(column: DatetimeColumn) -> None:
    require(
        isinstance(column.seconds, NumberColumn | QuantileColumn | BinnedColumn),
        "the seconds of dates are another thing than a number",
    )
    require(set(column.cycles) <= CYCLES.keys() and not (column.elapsed and column.cycles), "a cycle is not known")
    require(column.zone is None or ZONE.fullmatch(column.zone) is not None, "a time zone has no name of one")
    refuse_column(column.seconds)


_CHECKS: dict[type, Callable[..., None]] = {
    BinnedColumn: _refuse_bins,
    QuantileColumn: _refuse_quantiles,
    TargetColumn: _refuse_means,
    DatetimeColumn: _refuse_dates,
}
"""What must hold of columns of each kind, beside the types of their parts."""
