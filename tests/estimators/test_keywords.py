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
    (lambda: SigmoidMLPRegressor(3, "relu", 3), "SigmoidMLPRegressor: too many positional arguments"),
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


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_no_error_names_a_private_class(kind):
    """Neither for a keyword that does not exist, nor for an argument that is missing, nor for one too many."""
    public = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")}
    methods = [n for n, m in public.items() if inspect.isfunction(m) and m.__module__.startswith("sknet.")]
    assert {"fit", "resume", "explain", "transform", "activations", "input_gradients", "backpropagate"} <= {*methods}
    net = kind(max_iter=1).fit(X, X[:, 0] > 0)
    for name in methods:
        for call in (lambda m: m(bg=X), lambda m: m(), lambda m: m(*[X] * 20)):
            try:
                call(getattr(net, name))
            except TypeError as error:
                assert f"{name}()" in str(error) and "InMemoryMLP" not in str(error), error


def test_an_argument_of_explain_is_answered_with_the_nearest():
    net = SigmoidMLPRegressor(max_iter=1).fit(X, X[:, 0])
    with pytest.raises(TypeError, match=r"SigmoidMLPRegressor.explain\(\) got an unexpected keyword argument 'bg': "):
        net.explain(X, bg=X)
    with pytest.raises(TypeError, match="do you mean background?"):
        net.explain(X, back_ground=X)
    with pytest.raises(TypeError, match=r"SigmoidMLPRegressor.explain\(\): missing a required argument: 'X'"):
        net.explain()
