"""An unknown keyword is answered with the nearest known one, by the name of the class that the user called."""

import inspect

import numpy as np
import pytest
from sklearn.base import clone

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

X = np.random.default_rng(0).normal(size=(40, 2))


class Mine(SigmoidMLPRegressor):
    def __init__(self, alpha=1.0):
        super().__init__(alpha=alpha, hidden_sizes=3)


@pytest.mark.parametrize(("make", "message"), [
    (lambda: SigmoidMLPRegressor(hidden_layers=3), "SigmoidMLPRegressor got .* do you mean hidden_layer_sizes?"),
    (lambda: SigmoidMLPClassifier(label_smooth=0.1), "SigmoidMLPClassifier got .*: do you mean label_smoothing?"),
    (lambda: SigmoidMLPRegressor(epochs=3), "'epochs': do you mean max_iter?"),
    (lambda: SigmoidMLPClassifier(zzz=3), r"'zzz': known are those of help\(SigmoidMLPClassifier\)"),
    (lambda: SigmoidMLPRegressor(3, "relu", 3), r"SigmoidMLPRegressor.__init__\(\) takes from 1 to 3 positional"),
    (lambda: Mine(), "Mine got an unexpected keyword argument 'hidden_sizes': do you mean hidden_layer_sizes"),
])  # fmt: skip
def test_parameters(make, message):
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(("method", "name", "message"), [
    ("fit", "eval_set", r"SigmoidMLPRegressor.fit\(\) got an .* 'eval_set': do you mean X_val and y_val\?"),
    ("fit", "sample_weights", "do you mean sample_weight?"),
    ("partial_fit", "classes", "'classes': known are X, y, sample_weight"),
])  # fmt: skip
def test_arguments(method, name, message):
    net = SigmoidMLPRegressor()
    with pytest.raises(TypeError, match=message):
        getattr(net, method)(X, X[:, 0], **{name: X})
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_signatures_stay_what_they_are(kind):
    assert list(inspect.signature(kind).parameters) == list(inspect.signature(kind.__init__).parameters)[1:]
    assert {*inspect.signature(kind).parameters} == {*kind().get_params()} == {*clone(kind(alpha=1.0)).get_params()}
    assert [*inspect.signature(kind.fit).parameters][:4] == ["self", "X", "y", "sample_weight"]
