"""What a module reads of a table, and in which order it gives the network's inputs."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

torch = pytest.importorskip("torch")

from sknet._export.simple_columns import SPLITS, SimpleColumn  # noqa: E402
from sknet._export.torch_columns import MODULES, READERS, Encoder, read_table  # noqa: E402
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn  # noqa: E402
from sknet._tables.columns.datetime import DatetimeColumn  # noqa: E402
from sknet._tables.columns.number import NumberColumn  # noqa: E402
from sknet._tables.columns.target import TargetColumn  # noqa: E402
from sknet._tables.encoding import TableEncoder  # noqa: E402

pytestmark = pytest.mark.export


def test_every_kind_has_a_module_and_a_reader():
    assert set(MODULES) == set(get_args(SimpleColumn)) and set(READERS) == set(SPLITS)


def test_numbers_and_codes_of_every_kind():
    means = np.arange(8.0).reshape(2, 4, 1)
    columns = (
        IdentifierColumn(), TargetColumn(("a", "b"), means, np.ones(1), CategoryColumn(("b",), has_infrequent=True)),
        DatetimeColumn(NumberColumn(0.0, 1.0), ("weekday",)), NumberColumn(1.0, 2.0, has_missing_indicator=True),
        IdentifierColumn(True),
    )  # fmt: skip
    encoder = TableEncoder(("key", "town", "when", "x", "id"), columns)
    X = pd.DataFrame({
        "key": ["p", "q", "r", "s"], "town": ["a", "b", None, "c"],
        "when": pd.to_datetime(["1970-01-01 00:00:00", "1970-01-05 00:00:01", None, "1969-12-31 00:00:00"]), "x": [1.0, 2.0, np.nan, 3.0],  # noqa: E501
        "id": ["x", "y", None, "z"],
    })  # fmt: skip
    numbers, codes = read_table(encoder, X)
    assert numbers[:2].tolist() == [[0.0, 1.0], [345601.0, 2.0]]
    assert codes.tolist() == [
        [0, 0],
        [1, 0],
        [-1, -1],
        [2, 0],
    ]
    inputs = Encoder(encoder)(numbers, codes, torch.float64).numpy()
    np.testing.assert_allclose(inputs, encoder.encode(X, np.float64), atol=1e-9)
