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
    for signal, wanted in zip(chain.hidden, hidden[1:], strict=True):
        np.testing.assert_allclose(signal, wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_network_without_hidden_layers(kind):
    case = network_case("squared_error, 3 outputs", "identity", ())
    gradient, (W,), (b,) = np.empty_like(case.theta), *case.layout.coefs_and_intercepts(case.theta)
    chain = case.chain(8, kind=kind, gradient=gradient)
    raw = chain.forward(KINDS[kind](case.X))
    np.testing.assert_allclose(raw, case.X @ W + b, rtol=1e-12)
    delta = np.random.default_rng(0).normal(size=raw.shape)
    assert chain.backward(delta.copy()) is None
    assert chain.hidden == []
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


def activation_layer(name, z):
    """The layer of an activation; `z` is where one that needs its input keeps it."""
    pair = ACTIVATIONS[name].apply, ACTIVATIONS[name].backward
    return ActivateKeepingInput(*pair, z) if ACTIVATIONS[name].keeps == "input" else Activate(*pair)


def assert_backward_is_the_derivative_by_the_input(layer, x):
    direction = np.random.default_rng(0).normal(size=layer.forward(x.copy()).shape)
    slope = numerical_gradient(lambda x: np.sum(direction * layer.forward(x.copy())), x, 1e-4)
    layer.forward(x.copy())
    assert_gradient(layer.backward(direction.copy()).ravel(), slope, tolerance=1e-9)


def test_backward_of_a_dense_layer_is_the_derivative_by_its_input():
    n, d, h, rng = 3, 4, 2, np.random.default_rng(5)
    W, b, z = rng.normal(size=(d, h)), rng.normal(size=h), np.empty((n, h))
    layer = Dense(W, b, np.empty_like(W), np.empty_like(b), z, np.ones(n), np.empty((n, d)))
    assert_backward_is_the_derivative_by_the_input(layer, rng.normal(size=(n, d)))


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_backward_of_an_activation_is_its_derivative(name):
    x = np.random.default_rng(5).normal(size=(3, 2))
    assert_backward_is_the_derivative_by_the_input(activation_layer(name, np.empty_like(x)), x)


def test_dropout_multiplies_inputs_and_deltas_by_the_same_factors():
    rng = np.random.default_rng(5)
    x, delta = rng.normal(size=(2, 3, 2))
    layer = Dropout(0.3, np.random.default_rng(0), np.empty_like(x))
    outputs = layer.forward(x)
    factors = np.concatenate(layer.masks)
    np.testing.assert_array_equal(outputs, x * factors)
    np.testing.assert_array_equal(layer.backward(delta.copy()), delta * factors)
