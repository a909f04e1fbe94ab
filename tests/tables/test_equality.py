"""Learnt values are equal if their types and their arrays are."""

from dataclasses import replace

import numpy as np

from sknet._tables.numbers import QuantileColumn
from sknet._tables.targets import TargetScaler


def test_arrays_are_compared_by_value_and_types_by_identity():
    column = QuantileColumn(np.array([0.0, 1.0]))
    assert column == QuantileColumn(np.array([0.0, 1.0]))
    assert column != replace(column, quantiles=np.array([0.0, 2.0]))
    assert column != replace(column, has_missing_indicator=True)
    assert column != TargetScaler(np.array([0.0, 1.0]), np.array([1.0, 1.0]))
    assert column != "column"
