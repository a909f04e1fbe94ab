"""Whether the parts of a column go together."""

import numpy as np
import pytest

from sknet._storage.column_consistency import refuse_column
from sknet._tables.columns.bins import BinnedColumn
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.datetime import DatetimeColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.columns.quantile import LEVELS, QuantileColumn
from sknet._tables.columns.target import TargetColumn

NUMBER, SCORES = NumberColumn(0.0, 1.0), QuantileColumn(np.zeros(257))
BINS = BinnedColumn(SCORES, (-1e308, 1e308), 0.0)
MEANS = TargetColumn(("a",), np.zeros((6, 3, 2)), np.ones(2), CategoryColumn(("a",)))


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/Port-au-Prince", "Etc/GMT+5", "UTC-03:30"])
def test_columns_that_go_together(zone):
    for column in (NUMBER, SCORES, BINS, MEANS, DatetimeColumn(BINS, ("hour",), zone), DatetimeColumn(NUMBER)):
        refuse_column(column)


@pytest.mark.parametrize("column", [
    BinnedColumn(MEANS, (0.0, 1.0), 0.0), BinnedColumn(NUMBER, (0.0,), 0.0), BinnedColumn(NUMBER, (0.0, 0.0), 0.0),
    BinnedColumn(NUMBER, (0.0, np.nan), 0.0), BinnedColumn(QuantileColumn(np.zeros(3)), (0.0, 1.0), 0.0),
    QuantileColumn(np.zeros((257, 1))), QuantileColumn(np.zeros(257, int)), QuantileColumn(-LEVELS),
    QuantileColumn(np.full(257, np.inf)), TargetColumn(("a", "b"), np.zeros((6, 3, 2)), np.ones(2)),
    TargetColumn(("a",), np.zeros((6, 3, 2)), np.ones(3)), TargetColumn(("a",), np.zeros((1, 3, 2)), np.ones(2)),
    TargetColumn(("a",), np.zeros((6, 3, 2), int), np.ones(2)), TargetColumn((), np.zeros((6, 2, 0)), np.ones(0)),
    TargetColumn(("a",), np.zeros((6, 3, 2)), np.ones((2, 1))), DatetimeColumn(MEANS),
    DatetimeColumn(NUMBER, ("year",)),
    DatetimeColumn(DatetimeColumn(NUMBER)), DatetimeColumn(NUMBER, ("hour",), elapsed=True),
    DatetimeColumn(BINS, (), ""), DatetimeColumn(BINS, (), "/etc/localtime"),
    DatetimeColumn(BINS, (), "dateutil/x"), DatetimeColumn(BINS, (), "a/../b"),
], ids=str)  # fmt: skip
def test_columns_that_do_not(column):
    with pytest.raises(ValueError):
        refuse_column(column)
