"""Every simple kind of column has a converter, and the inputs of the graph must be those of the table."""

from typing import get_args

import numpy as np
import pytest

pytest.importorskip("skl2onnx")

from sknet._export.onnx_columns import CONVERTERS, encode
from sknet._export.onnx_graph import Feed
from sknet._export.parts import ExportError
from sknet._export.simple_columns import SimpleColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.encoding import TableEncoder

pytestmark = pytest.mark.export


def test_every_kind_has_a_converter():
    assert set(CONVERTERS) == set(get_args(SimpleColumn))


def test_too_few_columns():
    feed = Feed("X", np.dtype(np.float64), 1)
    with pytest.raises(ExportError, match="inputs have 1 columns, and the estimator was fitted with 2"):
        encode(None, TableEncoder(None, (NumberColumn(0.0, 1.0),) * 2), [feed])
