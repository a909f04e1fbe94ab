"""Every kind of column has a converter, or the error names it."""

import numpy as np
import pytest

pytest.importorskip("skl2onnx")

from sknet._export.onnx_columns import CONVERTERS, Feed, encode
from sknet._export.parts import ExportError
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.number import NumberColumn
from sknet._tables.encoding import TableEncoder

pytestmark = pytest.mark.export


class Strange:
    n_inputs = 1
    suffixes = ("",)


def test_the_kinds_there_are():
    assert set(CONVERTERS) >= {NumberColumn, CategoryColumn}


def test_a_kind_without_a_converter_is_named():
    feed = Feed("X", np.dtype(np.float64), 1)
    with pytest.raises(ExportError, match="Column 'x0' is a Strange, which ONNX cannot be told; it knows NumberColumn"):
        encode(None, TableEncoder(None, (Strange(),)), [feed])
