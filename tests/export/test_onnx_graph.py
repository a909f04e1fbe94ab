"""Activations and links made of ONNX's nodes."""

import numpy as np
import pytest

pytest.importorskip("skl2onnx")

from sknet._export import onnx_graph
from tests.estimators.choices import names_of

pytestmark = pytest.mark.export


def test_every_activation_is_in_the_table():
    assert set(onnx_graph.ACTIVATIONS) == set(names_of("activation")) - {"logistic"}


def test_integers():
    assert onnx_graph.integers(1, 2).dtype == np.int64 and onnx_graph.integers(1, 2).tolist() == [1, 2]
