"""Layers beside those of `backprop`: dropout, and activations that keep what they need."""

import numpy as np
import pytest
from pieces import ACTIVATION_NAMES, network_case
from sknet._network.chain import N_POOLED_MASKS, ActivateKeepingInput, BackwardOptions, Dropout, Layout, bind

from sknet._network.activations import ACTIVATIONS, Activation
from sknet._network.backprop import Activate


def test_an_activation_works_in_place_and_keeps_only_what_it_needs():
    z = np.random.default_rng(0).normal(size=(5, 3))
    tanh = ACTIVATIONS["tanh"]
    assert Activate(tanh.apply, tanh.backward).forward(z) is z
    silu, kept, before = ACTIVATIONS["silu"], np.empty_like(z), z.copy()
    assert ActivateKeepingInput(silu.apply, silu.backward, kept).forward(z) is z
    np.testing.assert_array_equal(kept, before)
    case = network_case("squared_error", "tanh", (5,))
    needs_input = Activation("odd", lambda z: None, lambda z, delta: None, keeps="input")
    for activation, trains, expected in (
        (ACTIVATIONS["tanh"], True, Activate),
        (needs_input, True, ActivateKeepingInput),
        (needs_input, False, Activate),  # no backward pass, no copy
    ):
        backward = BackwardOptions(np.empty_like(case.theta)) if trains else None
        assert type(bind(case.layout, [activation], case.theta, 8, backward=backward).layers[1]) is expected


# --- dropout


def dropping(rate, rng, *, n=4000, activation="identity", sizes=(1, 50, 1)):
    """A chain with dropout, one without, their parameters and the gradient of the first."""
    layout = Layout(sizes)
    activations = [ACTIVATIONS[activation]] * (len(sizes) - 2)
    theta = np.random.default_rng(0).normal(size=layout.n_parameters)
    gradient = np.empty_like(theta)
    rates = (rate,) * len(activations)
    chain = bind(layout, activations, theta, n, backward=BackwardOptions(gradient, rates, rng))
    plain = bind(layout, activations, theta, n, backward=BackwardOptions(gradient, rates))
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
    np.testing.assert_allclose(kept, (W[0, 0] + b[0]) / (1 - rate), rtol=1e-13)


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


def test_the_generator_is_asked_once_for_each_layer_in_their_order():
    """A run that goes on from a checkpoint draws what it would have drawn."""
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    chain, *_ = dropping(0.5, rng, n=30, sizes=(1, 70, 9, 1))
    chain.forward(np.ones((30, 1)))
    for hidden in chain.hidden:
        mask = Dropout(0.5, same, np.empty_like(hidden)).forward(np.ones_like(hidden))
        np.testing.assert_array_equal(hidden != 0, mask != 0)
    assert rng.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize("shape", [(1, 3 * N_POOLED_MASKS), (N_POOLED_MASKS + 1, 1), (0, 5)])
def test_batches_larger_than_the_pool(shape):
    dropout = Dropout(0.25, np.random.default_rng(0), np.empty(shape))
    dropped = dropout.forward(np.ones(shape))
    if dropped.size:
        assert (dropped == 0).mean() == pytest.approx(0.25, abs=0.01)
    np.testing.assert_array_equal(dropout.backward(np.ones(shape)), dropped)


def test_masks_of_many_steps_drop_each_output_as_often():
    """Though they come from one pool: of each unit of each row, and of each pair of units."""
    dropout, a = Dropout(0.3, np.random.default_rng(0), np.empty((8, 16))), np.ones((8, 16))
    dropped = np.array([dropout.forward(a) == 0 for _ in range(4000)])  # (steps, n, h)
    assert np.abs(dropped.mean(axis=0) - 0.3).max() < 5 * np.sqrt(0.3 * 0.7 / 4000)
    pairs = np.cov(dropped.reshape(4000, -1), rowvar=False)[np.triu_indices(128, 1)]
    assert np.abs(pairs).max() < 6 * 0.3 * 0.7 / np.sqrt(4000)
