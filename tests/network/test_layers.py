"""The layers' two passes: the textbook's sums, buffers, dropout and first layers. Whole gradients: test_objective."""

import numpy as np
import pytest
import scipy.sparse as sp
from pieces import ACTIVATION_NAMES, assert_gradient, network_case, numerical_gradient

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.layers import (
    Activate,
    ActivateAndKeep,
    Dense,
    Dropout,
    FirstDense,
    FirstWithOnes,
    Training,
    bind,
    product_by_columns,
    product_by_rows,
)
from sknet._network.layout import Block, Layout


def by_hand(X, coefs, intercepts, activation):
    signals = [X]
    for W, b in zip(coefs[:-1], intercepts[:-1], strict=True):
        z = signals[-1] @ W + b
        activation.apply(z)
        signals.append(z)
    return [*signals, signals[-1] @ coefs[-1] + intercepts[-1]]


KINDS = {
    "dense": lambda X: X,
    "ones": lambda X: np.column_stack([X, np.ones(len(X))]),
    "sparse": sp.csr_array,
}


# --- a network


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ACTIVATION_NAMES)
@pytest.mark.parametrize("trains", [False, True])
def test_forward_is_what_the_textbook_writes(name, kind, trains):
    case = network_case("squared_error", name, (5, 4))
    chain = case.chain(8, kind=kind, gradient=np.empty_like(case.theta) if trains else None)
    raw = chain.forward(KINDS[kind](case.X))
    *hidden, expected = by_hand(case.X, *case.layout.views(case.theta), case.activations[0])
    np.testing.assert_allclose(raw, expected, rtol=1e-12)
    for found, wanted in zip(chain.hidden, hidden[1:], strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_without_hidden_layers_is_linear(kind):
    case = network_case("squared_error, 3 outputs", "identity", ())
    gradient, (W,), (b,) = np.empty_like(case.theta), *case.layout.views(case.theta)
    for by_columns in (False, True):
        chain = bind(
            case.layout, (), case.theta, 8, kind, by_columns=by_columns, training=Training(gradient, whole=True)
        )
        raw = chain.forward(KINDS[kind](case.X))
        np.testing.assert_allclose(raw, case.X @ W + b, rtol=1e-12)
        delta = np.random.default_rng(0).normal(size=raw.shape)
        assert chain.backward(delta.copy("K")) is None and chain.hidden == []
        (dW,), (db,) = case.layout.views(gradient)
        np.testing.assert_allclose(dW, case.X.T @ delta, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(db, delta.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("by_columns", [False, True])
def test_the_raw_output_lies_as_wanted(by_columns):
    case = network_case("squared_error, 3 outputs", "gelu", (5,))
    raw = bind(case.layout, case.activations, case.theta, 8, by_columns=by_columns).forward(case.X)
    assert raw.shape == (8, 3)
    assert (raw.flags.c_contiguous, raw.flags.f_contiguous) == (not by_columns, by_columns)


def test_buffers_and_views_are_made_once():
    case = network_case("squared_error", "gelu", (5,))
    chain = case.chain(8)
    first = chain.forward(case.X)
    before = first.copy()
    theta = case.theta.copy()
    case.theta[-1] += 1.0  # the last bias: the layers see it
    assert chain.forward(case.X) is first
    np.testing.assert_allclose(first, before + 1.0, rtol=1e-12)
    case.theta[:] = theta


def test_the_gradient_of_all_layers_is_the_slope():
    case = network_case("squared_error, 3 outputs", "silu", (5, 4))
    gradient = np.full_like(case.theta, np.nan)
    chain = case.chain(8, gradient=gradient)
    direction = np.random.default_rng(0).normal(size=(8, 3))

    def function(theta):
        return np.sum(direction * bind(case.layout, case.activations, theta, 8).forward(case.X))

    chain.forward(case.X)
    assert chain.backward(direction.copy()) is None
    assert_gradient(gradient, numerical_gradient(function, case.theta, 1e-4), tolerance=1e-9)


def test_a_chain_for_the_forward_pass_only_has_no_other():
    case = network_case("squared_error", "tanh", (5,))
    theta = case.theta.copy()
    for kind, of in KINDS.items():
        chain = case.chain(8, kind=kind)
        raw = chain.forward(of(case.X))
        with pytest.raises(ValueError):
            chain.backward(raw)
    np.testing.assert_array_equal(case.theta, theta)


@pytest.mark.parametrize(("n_activations", "dropout"), [(1, ()), (3, ()), (2, (0.1,)), (2, (0.1, 0.2, 0.3))])
def test_each_hidden_layer_has_one_activation_and_rate(n_activations, dropout):
    layout = Layout((2, 3, 3, 1))
    theta = np.ones(layout.n_parameters)
    training = Training(np.empty_like(theta), dropout, np.random.default_rng(0))
    with pytest.raises(ValueError, match="one per hidden layer"):
        bind(layout, [ACTIVATIONS["tanh"]] * n_activations, theta, 4, training=training)


# --- each layer by itself


def layers(rng, n, d, h):
    """Every layer that passes errors on, with the array of its parameters."""
    W, b, z, ones = rng.normal(size=(d, h)), rng.normal(size=h), np.empty((n, h)), np.ones(n)
    gradient = Block(np.empty_like(W), np.empty_like(b))
    yield Dense(W, b, *gradient, z, product_by_rows, ones, np.empty((n, d))), d
    yield Dense(W, b, *gradient, np.empty((h, n)).T, product_by_columns, ones, np.empty((n, d))), d
    for name in ACTIVATION_NAMES:
        kept = ACTIVATIONS[name].keeps == "input"
        pair = ACTIVATIONS[name].apply, ACTIVATIONS[name].backward
        yield ActivateAndKeep(*pair, z) if kept else Activate(*pair), h
    yield Dropout(0.3, np.random.default_rng(0), np.empty((n, h)), np.empty((n, h))), h


def test_backward_is_the_derivative_of_forward_by_the_input():
    n, rng = 3, np.random.default_rng(5)
    for layer, width in layers(rng, n, 4, 2):
        x = rng.normal(size=(n, width))
        if isinstance(layer, Dropout):
            layer.forward(x.copy())
            kept = layer.mask.copy()
            layer.forward = lambda a, kept=kept, layer=layer: np.multiply(a, kept, out=layer.dropped)
        direction = rng.normal(size=layer.forward(x.copy()).shape)
        slope = numerical_gradient(lambda x, f=layer.forward, v=direction: np.sum(v * f(x.copy())), x, 1e-4)
        layer.forward(x.copy())
        assert_gradient(layer.backward(direction.copy()).ravel(), slope, tolerance=1e-9)


@pytest.mark.parametrize("by_columns", [False, True])
def test_the_gradient_of_a_dense_layer(by_columns):
    rng = np.random.default_rng(0)
    x, W, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 3)), rng.normal(size=3)
    z = np.empty((3, 5)).T if by_columns else np.empty((5, 3))
    delta = rng.normal(size=(5, 3))
    joined, joined_gradient = np.vstack([W, b]), np.empty((5, 3))
    dW, db, ones = np.empty_like(W), np.empty_like(b), np.ones(5)
    block, gradient = Block(W, b), Block(dW, db)
    multiply = product_by_columns if by_columns else product_by_rows
    dense = Dense(*block, *gradient, z, multiply, ones, np.empty((5, 4)))
    np.testing.assert_allclose(dense.forward(x), x @ W + b, rtol=1e-12)
    np.testing.assert_allclose(dense.backward(delta), delta @ W.T, rtol=1e-12)
    expected = x.T @ delta, delta.sum(axis=0)
    for found, wanted in zip((dW, db), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
        found.fill(np.nan)
    first = FirstDense(*block, *gradient, z, multiply, ones)
    np.testing.assert_allclose(first.forward(x), x @ W + b, rtol=1e-12)
    assert first.backward(delta) is None
    for found, wanted in zip((dW, db), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    with_ones = FirstWithOnes(joined, b, joined_gradient, db, z, multiply, ones)
    np.testing.assert_allclose(with_ones.forward(np.column_stack([x, ones])), x @ W + b, rtol=1e-12)
    assert with_ones.backward(delta) is None
    np.testing.assert_allclose(joined_gradient, np.vstack(expected), rtol=1e-12)


def test_an_activation_works_in_place_and_keeps_only_what_it_needs():
    z = np.random.default_rng(0).normal(size=(5, 3))
    tanh = ACTIVATIONS["tanh"]
    output = Activate(tanh.apply, tanh.backward)
    assert output.forward(z) is z
    silu, kept, before = ACTIVATIONS["silu"], np.empty_like(z), z.copy()
    assert ActivateAndKeep(silu.apply, silu.backward, kept).forward(z) is z
    np.testing.assert_array_equal(kept, before)
    case = network_case("squared_error", "tanh", (5,))
    needs_input = Activation("odd", lambda z: None, lambda z, delta: None, keeps="input")
    for activation, trains, expected in (
        (ACTIVATIONS["tanh"], True, Activate),
        (needs_input, True, ActivateAndKeep),
        (needs_input, False, Activate),  # no backward pass, no copy
    ):
        training = Training(np.empty_like(case.theta)) if trains else None
        assert type(bind(case.layout, [activation], case.theta, 8, training=training).layers[0]) is expected


# --- dropout


def dropping(rate, rng, *, n=4000, activation="identity", sizes=(1, 50, 1)):
    """A chain with dropout, one without, their parameters and the gradient of the first."""
    layout = Layout(sizes)
    activations = [ACTIVATIONS[activation]] * (len(sizes) - 2)
    theta = np.random.default_rng(0).normal(size=layout.n_parameters)
    gradient = np.empty_like(theta)
    rates = (rate,) * len(activations)
    chain = bind(layout, activations, theta, n, training=Training(gradient, rates, rng))
    plain = bind(layout, activations, theta, n, training=Training(gradient, rates))
    return chain, plain, layout.views(theta), layout.views(gradient)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_expectation(rate):
    chain, without, ((W, *_), (b, *_)), _ = dropping(rate, np.random.default_rng(1))
    X = np.ones((4000, 1))
    plain = without.forward(X)[0, 0]
    assert without.hidden[0].min() != 0
    dropped = chain.forward(X)[:, 0]
    assert dropped.mean() == pytest.approx(plain, abs=4 * dropped.std() / np.sqrt(4000))
    hidden = chain.hidden[0]
    assert (hidden == 0).mean() == pytest.approx(rate, abs=0.01)
    kept = hidden[:, 0][hidden[:, 0] != 0]
    np.testing.assert_allclose(kept, (W[0, 0] + b[0]) / (1 - round(rate * 2**16) / 2**16), rtol=1e-13)


@pytest.mark.parametrize("name", ACTIVATION_NAMES)
def test_backward_uses_the_masks_of_forward_and_the_outputs_before_them(name):
    """With f' read from a dropped output, a dropped sigmoid, say, would seem saturated, and a kept one too steep."""
    chain, _, (coefs, intercepts), grads = dropping(
        0.5, np.random.default_rng(1), n=30, activation=name, sizes=(3, 6, 2)
    )
    X = np.random.default_rng(2).normal(size=(30, 3))
    chain.forward(X)
    z = X @ coefs[0] + intercepts[0]
    a = z.copy()
    ACTIVATIONS[name].apply(a)
    mask = 2.0 * (chain.hidden[0] != 0)
    assert 0.2 < (mask == 0).mean() < 0.8
    np.testing.assert_allclose(chain.hidden[0], a * mask, rtol=1e-12)
    slope = np.ones_like(z)
    ACTIVATIONS[name].backward(z if ACTIVATIONS[name].keeps == "input" else a, slope)
    signal = chain.hidden[0].copy()
    delta = np.random.default_rng(3).normal(size=(30, 2))
    chain.backward(delta)
    below = delta @ coefs[1].T * mask * slope
    np.testing.assert_allclose(grads[0][1], signal.T @ delta, rtol=1e-12)
    np.testing.assert_allclose(grads[1][1], delta.sum(axis=0), rtol=1e-12)
    np.testing.assert_allclose(grads[0][0], X.T @ below, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(grads[1][0], below.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize(("rate", "share"), [(1e-9, 0.0), (0.3, 0.3), (1 - 1e-9, 1.0)])
def test_outputs_drop_independently_whatever_their_number(rate, share):
    chain, *_ = dropping(rate, np.random.default_rng(0), n=777, sizes=(1, 53, 1))
    chain.forward(np.ones((777, 1)))
    dropped = chain.hidden[0] == 0
    assert dropped.mean() == pytest.approx(share, abs=0.01)
    for axis in 0, 1:  # by sample and by unit: as often as independent coins
        n = dropped.shape[axis]
        assert dropped.mean(axis=axis).std() == pytest.approx(np.sqrt(share * (1 - share) / n), rel=0.3, abs=1e-3)
    for lag in range(1, 9):
        flat = dropped.ravel().astype(float)
        assert np.mean(flat[lag:] * flat[:-lag]) == pytest.approx(share**2, abs=0.01)


def test_masks_are_drawn_anew_and_by_the_generator_alone():
    X = np.ones((20, 1))
    chain, *_ = dropping(0.5, np.random.default_rng(0), n=20)
    first, second = (chain.forward(X).copy() for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(dropping(0.5, np.random.default_rng(0), n=20)[0].forward(X), first)


def test_the_generator_is_asked_in_the_order_of_the_layers_for_whole_words():
    """A run that goes on from a checkpoint draws what it would have drawn: 16 bits per output, rounded up to a word."""
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    chain, *_ = dropping(0.5, rng, n=300, sizes=(1, 70, 9, 1))
    chain.forward(np.ones((300, 1)))
    for hidden, words in zip(chain.hidden, ([4096, 1154], [675]), strict=True):
        bits = [same.bit_generator.random_raw(n).view(np.uint16) for n in words]
        bits = np.concatenate(bits)[: hidden.size].reshape(hidden.shape)
        np.testing.assert_array_equal(hidden != 0, bits >= 2**15)
    assert rng.bit_generator.state == same.bit_generator.state


def test_a_rate_of_0_makes_no_layer():
    layout = Layout((1, 2, 3, 1))
    theta = np.ones(layout.n_parameters)
    training = Training(np.empty_like(theta), (0.0, 0.5), np.random.default_rng(0))
    chain = bind(layout, [ACTIVATIONS["relu"]] * 2, theta, 4, training=training)
    assert [type(layer) for layer in chain.layers] == [Activate, Dense, Activate, Dropout, Dense]


@pytest.mark.parametrize("rate", [0.1, 1 / 3, 0.5, 0.9, 1.0 - 1e-9])
def test_rates_of_dropout_are_rounded_to_sixteen_bits(rate):
    dropout = Dropout(rate, np.random.default_rng(0), np.empty((1, 1)), np.empty((1, 1)))
    assert dropout.level == min(round(65536 * rate), 65535)
    assert dropout.scale == pytest.approx(1.0 / (1.0 - dropout.level / 65536), rel=1e-12)


def test_what_is_drawn_at_once_changes_no_mask(monkeypatch):
    def mask():
        a = np.ones((37, 11))
        return Dropout(0.3, np.random.default_rng(0), np.empty_like(a), np.empty_like(a)).forward(a)

    whole = mask()
    monkeypatch.setattr("sknet._network.layers.DRAWN", 8)
    np.testing.assert_array_equal(mask(), whole)
