"""Estimators of every kind go through files without losing a bit; and what no format has is named."""

import pytest
from configurations import SEEDS, configuration
from formats import FORMATS

from sknet import Activation
from sknet._export.formats import ExportError, activation_of_format
from tests.network.pieces import ACTIVATIONS


@pytest.mark.export
@pytest.mark.parametrize("seed", SEEDS)
def test_random_configurations(seed):
    through, _ = FORMATS["file"]
    assert through(configuration(seed)) == 0.0


def test_an_activation_that_is_not_in_the_table_is_named():
    assert activation_of_format({"tanh": 1}, ACTIVATIONS["tanh"], "ONNX") == 1
    own = Activation("tanh", lambda z: None, lambda a, delta: None)
    for activation in (own, ACTIVATIONS["mish"]):
        with pytest.raises(ExportError, match=f"activation='{activation.name}' is not known to ONNX, which has tanh"):
            activation_of_format({"tanh": 1}, activation, "ONNX")
