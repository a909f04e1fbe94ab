"""PyTorch's layers as estimators."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor  # noqa: E402
from sknet._export.torch import MODULES  # noqa: E402
from sknet.export import ExportError, from_torch  # noqa: E402

pytestmark = pytest.mark.export

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def outputs(module):
    with torch.no_grad():
        return module.eval()(torch.tensor(X)).numpy()


@pytest.mark.parametrize("name", MODULES)
def test_every_activation_comes_back(name):
    module = nn.Sequential(nn.Linear(3, 8), MODULES[name](), nn.Linear(8, 2))
    net = from_torch(module)
    assert isinstance(net, SigmoidMLPRegressor) and net.activation == name
    np.testing.assert_allclose(net.predict(X), outputs(module), rtol=1e-5, atol=1e-6)


def test_dropout_nesting_no_bias_and_linear_layers_side_by_side():
    inner = nn.Sequential(nn.Linear(3, 8, bias=False), nn.ReLU(), nn.Dropout(0.5))
    module = nn.Sequential(inner, nn.Linear(8, 5), nn.Linear(5, 1))
    net = from_torch(module)
    assert net.activation == ["relu", "identity"] and net.hidden_layer_sizes == (8, 5)
    np.testing.assert_allclose(net.predict(X), outputs(module)[:, 0], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("end", [[], [nn.Softmax(1)], [nn.LogSoftmax(1)]], ids=str)
def test_a_classifier(end):
    layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 3))
    net = from_torch(nn.Sequential(layers, *end), classes=["c", "a", "b"])
    assert isinstance(net, SigmoidMLPClassifier) and net.classes_.tolist() == ["a", "b", "c"]
    expected = outputs(nn.Sequential(layers, nn.Softmax(1)))[:, [1, 2, 0]]
    np.testing.assert_allclose(net.predict_proba(X), expected, rtol=1e-5)
    net.partial_fit(X, np.array(["a", "b", "c", "a"] * 10))


@pytest.mark.parametrize(("layers", "message"), [
    ([nn.Linear(3, 4), nn.Hardtanh(), nn.Linear(4, 1)], "Hardtanh.* none of sknet's activations"),
    ([nn.Linear(3, 4), nn.LeakyReLU(0.3), nn.Linear(4, 1)], "LeakyReLU"),
    ([nn.ReLU(), nn.Linear(3, 1)], "ReLU does not stand"),
    ([nn.Linear(3, 4), nn.GELU("tanh"), nn.Linear(4, 1)], "GELU"),
    ([nn.Linear(3, 4), nn.ReLU()], "does not stand|last module"),
    ([nn.Linear(3, 4), nn.ReLU(), nn.Tanh(), nn.Linear(4, 1)], "Tanh does not stand"),
    ([nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)], "BatchNorm1d"), ([], "last module"),
], ids=str)  # fmt: skip
def test_other_layers_are_named(layers, message):
    with pytest.raises(ExportError, match=message):
        from_torch(nn.Sequential(*layers))


def test_layers_of_another_size_than_like():
    like = SigmoidMLPRegressor(hidden_layer_sizes=3, max_iter=2, learning_rate="cosine").fit(X, X[:, 0])
    with pytest.raises(ExportError, match="have 4 inputs and 1 outputs"):
        from_torch(nn.Sequential(nn.Linear(4, 1)), like=like)
