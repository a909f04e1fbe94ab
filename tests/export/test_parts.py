"""What every format is told, and what it cannot be."""

import numpy as np
import pytest

from sknet import Activation, Loss
from sknet._export import bare
from sknet._export.parts import ExportError, activation_in, inputs_by_level, kind_in, networks_of, parts_of
from sknet._model.heads import LabelHead, NumberHead
from sknet._model.model import Network
from sknet._model.settings import TargetSettings
from sknet._network.activations import ACTIVATIONS
from sknet._network.regression import POISSON
from sknet._tables.columns.category import CategoryColumn
from sknet._tables.columns.target import TargetColumn
from sknet._tables.labels import IndicatorLabels, MultiOutputLabels, SingleLabels

NETWORK = Network((), [np.ones((3, 2))], [np.ones(2)])
NUMBERS = bare.of_numbers(NETWORK).head.numbers


def labels(known, loss="log_loss"):
    return LabelHead(TargetSettings(loss), known)


def numbers(loss, **options):
    return NumberHead(TargetSettings(loss, options), NUMBERS)


TWO, FIVE = SingleLabels(np.arange(2)), SingleLabels(np.arange(5))


@pytest.mark.parametrize(("head", "parts"), [
    (labels(TWO), [(slice(0, 1), "logistic")]), (labels(FIVE), [(slice(0, 5), "softmax")]),
    (labels(FIVE, "squared_error"), [(slice(0, 5), "logistic")]),
    (labels(IndicatorLabels(3, np.array([0, 1]))), [(slice(0, 3), "logistic")]),
    (labels(MultiOutputLabels((TWO, FIVE))), [(slice(0, 1), "logistic"), (slice(1, 6), "softmax")]),
    (labels(MultiOutputLabels((FIVE, FIVE))), [(slice(0, 5), "softmax"), (slice(5, 10), "softmax")]),
    (labels(MultiOutputLabels((TWO, FIVE)), "squared_error"), [(slice(0, 6), "logistic")]),
    (numbers("huber", huber_delta=2.0), [(slice(0, 2), "identity")]), (numbers("gamma"), [(slice(0, 2), "exp")]),
])  # fmt: skip
def test_the_link_of_each_part(head, parts):
    assert parts_of(head, "anything") == parts


def test_a_loss_of_ones_own_may_have_a_known_link_and_no_other():
    own = Loss("own", lambda raw, target: raw, lambda raw, target: raw, POISSON.link)
    assert parts_of(numbers(own), "anything") == [(slice(0, 2), "exp")]
    other = Loss("own", lambda raw, target: raw, lambda raw, target: raw, lambda raw: None)
    with pytest.raises(ExportError, match="loss='own', a loss of your own, has a link of its own, which ONNX"):
        parts_of(numbers(other), "ONNX")


def test_an_activation_that_is_not_in_the_table_is_named():
    assert activation_in({"tanh": 1}, ACTIVATIONS["tanh"], "ONNX") == 1
    own = Activation("tanh", lambda z: None, lambda a, delta: None)
    for activation in (own, ACTIVATIONS["mish"]):
        with pytest.raises(ExportError, match=f"activation='{activation.name}' is not known to ONNX, which has tanh"):
            activation_in({"tanh": 1}, activation, "ONNX")


def test_a_kind_that_is_not_in_the_table_is_named():
    with pytest.raises(ExportError, match="Column 'a' is a CategoryColumn, which ONNX cannot be told; it knows int"):
        kind_in({int: 1}, CategoryColumn(("a",)), "Column 'a'", "ONNX")


def test_what_levels_become():
    found = inputs_by_level(CategoryColumn(("0", "1", "x"), has_infrequent=True, has_missing=True))
    np.testing.assert_array_equal(found, np.eye(5))
    np.testing.assert_array_equal(inputs_by_level(CategoryColumn(("a", "b")))[:, 0], [-1, 1, 0, 0])
    means = np.array([[[2.0], [4.0], [3.0], [1.0]]])  # of two levels, of missing values, of all
    np.testing.assert_array_equal(
        inputs_by_level(TargetColumn(("a", "b"), means, np.array([2.0])))[:, 0], [2.0, 6.0, 0.0, 4.0]
    )


def test_a_model_has_networks():
    model = bare.of_numbers(NETWORK)
    assert networks_of(model) == (model.network,)
