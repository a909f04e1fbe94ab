"""Activations and links made of ONNX's nodes."""

import numpy as np
import pytest

pytest.importorskip("skl2onnx")

from sknet._export import onnx_graph
from sknet._export.parts import LINKS
from sknet._network.activations import ACTIVATIONS

pytestmark = pytest.mark.export


def test_every_activation_and_link_is_in_the_table():
    assert set(onnx_graph.ACTIVATIONS) == set(ACTIVATIONS) - {"logistic"}
    assert set(onnx_graph.LINKS) == {*LINKS.values(), "quantiles"}


def test_whole_numbers():
    assert onnx_graph.ints(1, 2).dtype == np.int64 and onnx_graph.ints(1, 2).tolist() == [1, 2]
