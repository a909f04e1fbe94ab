"""The two passes: the textbook's sums, buffers, dropout and sparse first layers. Gradients: test_objective."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from pieces import ACTIVATION_NAMES, network_case

from sknet._network.activations import ACTIVATIONS
from sknet._network.network import Network, affine, first_layer_gradient
from sknet._network.parameters import Layout


def by_hand(X, coefs, intercepts, activation):
    signals = [X]
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        z = signals[-1] @ W + b
        activation.apply(z)
        signals.append(z)
    return [*signals, signals[-1] @ coefs[-1] + intercepts[-1]]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("backward", [False, True])
def test_forward_is_what_the_textbook_writes(name, sparse, backward):
    case = network_case("squared_error", name, (5, 4))
    coefs, intercepts = case.layout.views(case.theta)
    network = Network(case.layout.sizes, case.activations, 10, float, backward=backward)
    X = sp.csr_array(case.X) if sparse else case.X
    raw = network.forward(X, coefs, intercepts)
    *hidden, expected = by_hand(case.X, coefs, intercepts, case.activations[0])
    np.testing.assert_allclose(raw, expected, rtol=1e-12)
    for found, wanted in zip(network.outputs(), hidden[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_buffers_are_made_once():
    case = network_case("squared_error", "gelu", (5,))
    parameters = case.layout.views(case.theta)
    network = Network(case.layout.sizes, case.activations, 8, float)
    first = network.forward(case.X, *parameters)
    before = first.copy()
    again = network.forward(case.X[:3], *parameters)
    assert np.shares_memory(first, again) and again.shape == (3, 1)
    np.testing.assert_array_equal(again, before[:3])


# --- dropout


def dropping(rate, *, n=4000, activation="identity", sizes=(1, 50, 1)):
    layout = Layout(sizes)
    activations = [ACTIVATIONS[activation]] * (len(sizes) - 2)
    network = Network(sizes, activations, n, float, dropout=(rate,) * len(activations))
    theta = np.random.default_rng(0).normal(size=layout.n_parameters)
    return network, layout.views(theta)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation(rate):
    network, parameters = dropping(rate)
    X = np.ones((4000, 1))
    plain = network.forward(X, *parameters)[0, 0]
    assert network.outputs()[0].min() != 0
    dropped = network.forward(X, *parameters, np.random.default_rng(1))[:, 0]
    assert dropped.mean() == pytest.approx(plain, abs=4 * dropped.std() / np.sqrt(4000))
    hidden = network.outputs()[0]
    assert (hidden == 0).mean() == pytest.approx(rate, abs=0.01)
    kept = hidden[:, 0][hidden[:, 0] != 0]
    W, b = parameters[0][0][0, 0], parameters[1][0][0]
    np.testing.assert_allclose(kept, (W + b) / (1 - round(rate * 2**16) / 2**16), rtol=1e-13)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_backward_uses_the_masks_of_forward_and_the_outputs_before_them(name):
    """With f' read from a dropped output, a dropped sigmoid, say, would seem saturated, and a kept one too steep."""
    network, (coefs, intercepts) = dropping(0.5, n=30, activation=name, sizes=(3, 6, 2))
    X = np.random.default_rng(2).normal(size=(30, 3))
    network.forward(X, coefs, intercepts, np.random.default_rng(1))
    z = X @ coefs[0] + intercepts[0]
    a = z.copy()
    ACTIVATIONS[name].apply(a)
    mask = 2.0 * (network.outputs()[0] != 0)
    assert 0.2 < (mask == 0).mean() < 0.8
    np.testing.assert_allclose(network.outputs()[0], a * mask, rtol=1e-12)
    slope = np.ones_like(z)
    ACTIVATIONS[name].backward(z if ACTIVATIONS[name].keeps == "input" else a, slope)
    grads = [np.empty_like(W) for W in coefs], [np.empty_like(b) for b in intercepts]
    signal = network.outputs()[0].copy()
    delta = np.random.default_rng(3).normal(size=(30, 2))
    found = network.backward(delta, coefs, *grads)
    np.testing.assert_allclose(found, delta @ coefs[1].T * mask * slope, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grads[0][1], signal.T @ delta, rtol=1e-12)
    np.testing.assert_allclose(grads[1][1], delta.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(grads[1][0], found.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("rate", "share"), [(1e-9, 0.0), (0.3, 0.3), (1 - 1e-9, 1.0)])
def test_outputs_drop_independently_whatever_their_number(rate, share):
    network, parameters = dropping(rate, n=777, sizes=(1, 53, 1))
    network.forward(np.ones((777, 1)), *parameters, np.random.default_rng(0))
    dropped = network.outputs()[0] == 0
    assert dropped.mean() == pytest.approx(share, abs=0.01)
    for axis in 0, 1:  # by sample and by unit: as often as independent coins
        n = dropped.shape[axis]
        assert dropped.mean(axis=axis).std() == pytest.approx(np.sqrt(share * (1 - share) / n), rel=0.3, abs=1e-3)
    for lag in range(1, 9):
        flat = dropped.ravel().astype(float)
        assert np.mean(flat[lag:] * flat[:-lag]) == pytest.approx(share**2, abs=0.01)


def test_masks_are_drawn_anew_and_by_the_generator_alone():
    network, parameters = dropping(0.5, n=20)
    X = np.ones((20, 1))
    rng = np.random.default_rng(0)
    first, second = (network.forward(X, *parameters, rng).copy() for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(network.forward(X, *parameters, np.random.default_rng(0)), first)


def test_dropout_without_buffers_is_an_error():
    network = Network((1, 2, 1), [ACTIVATIONS["relu"]], 1, float, dropout=(0.5,), backward=False)
    parameters = Layout((1, 2, 1)).views(np.ones(7))
    with pytest.raises(ValueError, match="without buffers for dropout"):
        network.forward(np.ones((1, 1)), *parameters, np.random.default_rng(0))


# --- the first layer of sparse input

sparse_matrices = st.builds(
    lambda n, d, density, seed: sp.random_array((n, d), density=density, format="csr", rng=seed),
    st.integers(1, 6),
    st.integers(1, 12),
    st.floats(0, 0.6),
    st.integers(0, 999),
)


@given(sparse_matrices, st.booleans())
def test_first_layer_gradient_of_sparse_input(X, whole):
    delta = np.random.default_rng(0).normal(size=(X.shape[0], 3))
    out = np.full((X.shape[1], 3), np.nan)
    rows = first_layer_gradient(X, delta, out, whole=whole)
    expected = X.toarray().T @ delta
    touched = np.unique(X.indices)
    if rows is None:
        assert whole or 2 * len(touched) > X.shape[1]
        np.testing.assert_allclose(out, expected, atol=1e-14)
    else:
        np.testing.assert_array_equal(rows, touched)
        assert not whole and 2 * len(touched) <= X.shape[1]
        np.testing.assert_allclose(out[: len(rows)], expected[rows], atol=1e-14)
        assert np.isnan(out[len(rows) :]).all()  # and nothing else is written


@given(sparse_matrices)
def test_affine_of_sparse_and_dense(X):
    rng = np.random.default_rng(0)
    W, b, out, other = rng.normal(size=(X.shape[1], 2)), rng.normal(size=2), *np.empty((2, X.shape[0], 2))
    affine(X, W, b, out)
    affine(X.toarray(), W, b, other)
    np.testing.assert_allclose(out, X.toarray() @ W + b, atol=1e-14)
    np.testing.assert_allclose(out, other, atol=1e-14)
