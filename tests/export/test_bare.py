"""Models around networks that came from elsewhere."""

import numpy as np
import pytest

from sknet._export import bare
from sknet._export.parts import ExportError
from sknet._model.model import Network
from sknet._network.activations import ACTIVATIONS

rng = np.random.default_rng(0)
X = rng.normal(size=(6, 3))


def network(n_outputs):
    return Network(
        (ACTIVATIONS["tanh"],), [rng.normal(size=(3, 4)), rng.normal(size=(4, n_outputs))],
        [rng.normal(size=4), rng.normal(size=n_outputs)],
    )  # fmt: skip


def raw(net):
    return np.tanh(X @ net.coefs[0] + net.intercepts[0]) @ net.coefs[1] + net.intercepts[1]


def probabilities(model):
    return model.head.labels.probabilities(model.outputs(X, model.head.loss.predictions))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def test_numbers_go_in_as_they_are():
    net = network(2)
    model = bare.of_numbers(net)
    np.testing.assert_allclose(model.outputs(X, model.head.predict), raw(net), rtol=1e-12)


def test_classes_come_in_the_order_of_the_outputs():
    net = network(3)
    model = bare.of_labels(net, ["b", "c", "a"])
    assert model.head.labels.classes.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(probabilities(model), softmax(raw(net))[:, [2, 0, 1]], rtol=1e-12)


@pytest.mark.parametrize("classes", [["a", "b"], ["b", "a"]])
@pytest.mark.parametrize("n_outputs", [1, 2])
def test_two_classes_are_one_output_or_two(classes, n_outputs):
    net = network(n_outputs)
    z = raw(net) if n_outputs == 2 else np.c_[np.zeros(6), raw(net)]
    expected = softmax(z)[:, np.argsort(classes)]
    np.testing.assert_allclose(probabilities(bare.of_labels(net, classes)), expected, rtol=1e-12)


@pytest.mark.parametrize("classes", [["a"], ["a", "a", "b"], ["a", "b", "c", "d"], ["a", "b"], [["a"], ["b"]]], ids=str)
def test_classes_that_are_not_those_of_the_outputs(classes):
    with pytest.raises(ExportError, match="classes"):
        bare.of_labels(network(3), classes)


def test_an_indicator_has_a_sigmoid_each():
    net = network(3)
    np.testing.assert_allclose(probabilities(bare.of_indicator(net)), 1 / (1 + np.exp(-raw(net))), rtol=1e-12)
