"""Pieces of the user's own that return what they should not: named at once, by `fit`."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import Activation, Loss, SigmoidMLPClassifier, SigmoidMLPRegressor

X = np.random.default_rng(0).normal(size=(40, 2))
Y = {"one": X[:, 0], "two": X}


def value(raw, target):
    return 0.5 * ((raw - target) ** 2).mean(axis=1)


def gradient(raw, target):
    return (raw - target) / raw.shape[1]


GOOD = Loss("own", value, gradient)

BAD = {
    "a number": ({"value": lambda raw, target: value(raw, target).mean()}, r"value\(raw, target\) returned a float64"),
    "a column": ({"value": lambda raw, target: (raw - target)[:, :1] ** 2}, r"value\(.*the shape \(7, 1\) for 7 rows"),
    "nothing": ({"value": lambda raw, target: None}, r"value\(.*a NoneType.*an array of floats of shape \(n,\)"),
    "NaN": ({"value": lambda raw, target: value(raw, target) * np.nan}, "value.*NaN for raw outputs near 0"),
    "a row less": ({"gradient": lambda raw, target: gradient(raw, target)[1:]}, r"gradient\(.*the shape \(6, [12]\)"),
    "a list": ({"gradient": lambda raw, target: gradient(raw, target).tolist()}, r"gradient\(.*returned a list"),
    "integers": ({"gradient": lambda raw, target: np.sign(raw).astype(int)}, r"gradient\(.*an array of int64"),
    "a new array": ({"link": lambda raw: np.exp(raw)}, r"link\(raw\) returned a new array: it must overwrite"),
    "too long": ({"start": lambda target, weight: np.zeros(9)}, r"start\(target, weight\) returned the shape \(9,\)"),
    "together": ({"joint": lambda raw, target: (raw, raw)}, r"joint\(raw, target\)\[0\] returned the shape"),
}


@pytest.mark.parametrize("y", Y)
@pytest.mark.parametrize("what", BAD)
def test_a_loss_that_returns_other_shapes_is_named(what, y):
    change, message = BAD[what]
    net = SigmoidMLPRegressor(4, max_iter=1, loss=replace(GOOD, **change))
    with pytest.raises(ValueError, match=f"loss='own': {message}"):
        net.fit(X, Y[y])
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize("joint", [None, lambda raw, target: (value(raw, target), gradient(raw, target).astype(float))])
def test_a_loss_may_return_a_gradient_of_another_type(joint):
    same, other = (SigmoidMLPRegressor(4, max_iter=1, random_state=0, dtype="float32") for _ in range(2))
    same.set_params(loss=GOOD).fit(X, X)
    wide = replace(GOOD, gradient=lambda raw, target: gradient(raw, target).astype(float), joint=joint)
    assert_array_equal(other.set_params(loss=wide).fit(X, X).predict(X), same.predict(X))


@pytest.mark.parametrize(("apply", "backward", "message"), [
    (np.tanh, lambda a, delta: None, r"apply\(z\) returned a new array"),
    (lambda z: np.tanh(z, out=z), lambda a, delta: delta * (1.0 - a), r"backward\(kept, delta\) returned a new array"),
])  # fmt: skip
def test_an_activation_that_returns_instead_of_overwriting_is_named(apply, backward, message):
    with pytest.raises(ValueError, match=f"activation='own': {message}.*must overwrite its last argument"):
        SigmoidMLPClassifier(4, max_iter=1, activation=Activation("own", apply, backward)).fit(X, X[:, 0] > 0)
