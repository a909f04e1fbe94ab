"""Backpropagation by the textbook: each layer, and networks of them. Whole objectives: test_objective."""

import numpy as np
import pytest

from sknet._network.activations import ACTIVATIONS
from sknet._network.backprop import Activate, Dense
from sknet._network.chain import ActivateKeepingInput, Dropout, make_chain
from tests.network.pieces import ACTIVATION_NAMES, KINDS, assert_gradient, network_case, numerical_gradient


def by_hand(X, coefs, intercepts, activation):
    signals = [X]
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        z = signals[-1] @ W + b
        activation.apply(z)
        signals.append(z)
    return [*signals, signals[-1] @ coefs[-1] + intercepts[-1]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("trains", [False, True])
def test_forward_is_what_the_textbook_writes(name, kind, trains):
    case = network_case("squared_error, 3 outputs", name, (5, 4))
    chain = case.chain(8, kind=kind, gradient=np.empty_like(case.theta) if trains else None)
    raw = chain.forward(KINDS[kind](case.X))
    *hidden, expected = by_hand(case.X, *case.layout.coefs_and_intercepts(case.theta), case.activations[0])
    np.testing.assert_allclose(raw, expected, rtol=1e-12)
    for found, wanted in zip(chain.hidden, hidden[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_network_without_hidden_layers(kind):
    case = network_case("squared_error, 3 outputs", "identity", ())
    gradient, (W,), (b,) = np.empty_like(case.theta), *case.layout.coefs_and_intercepts(case.theta)
    chain = case.chain(8, kind=kind, gradient=gradient)
    raw = chain.forward(KINDS[kind](case.X))
    np.testing.assert_allclose(raw, case.X @ W + b, rtol=1e-12)
    delta = np.random.default_rng(0).normal(size=raw.shape)
    assert chain.backward(delta.copy()) is None and chain.hidden == []
    (dW,), (db,) = case.layout.coefs_and_intercepts(gradient)
    np.testing.assert_allclose(dW, case.X.T @ delta, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(db, delta.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_all_layers_is_the_slope(kind):
    case = network_case("squared_error, 3 outputs", "silu", (5, 4))
    gradient = np.full_like(case.theta, np.nan)
    chain = case.chain(8, kind=kind, gradient=gradient)
    direction = np.random.default_rng(0).normal(size=(8, 3))

    def function(theta):
        return np.sum(direction * make_chain(case.activations, case.layout.layers(theta), 8).forward(case.X))

    chain.forward(KINDS[kind](case.X))
    assert chain.backward(direction.copy()) is None
    assert_gradient(gradient, numerical_gradient(function, case.theta, 1e-4), tolerance=1e-9)


# --- each layer by itself


def layers(rng, n, d, h):
    """Every layer that passes errors on, and the width of its input."""
    W, b, z = rng.normal(size=(d, h)), rng.normal(size=h), np.empty((n, h))
    yield Dense(W, b, np.empty_like(W), np.empty_like(b), z, np.ones(n), np.empty((n, d))), d
    for name in ACTIVATION_NAMES:
        pair = ACTIVATIONS[name].apply, ACTIVATIONS[name].backward
        yield ActivateKeepingInput(*pair, z) if ACTIVATIONS[name].keeps == "input" else Activate(*pair), h
    yield Dropout(0.3, np.random.default_rng(0), np.empty((n, h))), h


def test_backward_is_the_derivative_of_forward_by_the_input():
    n, rng = 3, np.random.default_rng(5)
    for layer, width in layers(rng, n, 4, 2):
        x = rng.normal(size=(n, width))
        if isinstance(layer, Dropout):
            layer.forward(x.copy())
            kept = np.concatenate(layer.masks)
            layer.forward = lambda a, kept=kept, layer=layer: np.multiply(a, kept, out=layer.dropped)
        direction = rng.normal(size=layer.forward(x.copy()).shape)
        slope = numerical_gradient(lambda x, f=layer.forward, v=direction: np.sum(v * f(x.copy())), x, 1e-4)
        layer.forward(x.copy())
        assert_gradient(layer.backward(direction.copy()).ravel(), slope, tolerance=1e-9)
