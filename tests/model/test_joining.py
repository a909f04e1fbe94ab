"""Joined networks have the mean raw outputs of the networks, and a gradient."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.model import Network, join_networks
from tests.model.examples import draw_network
from tests.network.pieces import ACTIVATIONS

F64 = np.dtype(float)
N_INPUTS, N_OUTPUTS = 7, 2
X = np.random.default_rng(0).normal(size=(80, 3))
LABEL = (np.abs(X[:, 0]) + X[:, 1] > 0.8).astype(int)


def raw(network, Z):
    return network.chain(len(Z), F64).forward(np.ascontiguousarray(Z)).copy()


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_the_raw_output_is_the_mean_of_the_networks(activation, depth):
    """The networks have different widths, and two of them skip the first inputs."""
    n_skipped_inputs = [0, 4, 5]
    networks = [
        draw_network(N_INPUTS - skipped, *[i + 2, i + 3, i + 1][:depth], N_OUTPUTS, activation=activation, seed=i)
        for i, skipped in enumerate(n_skipped_inputs)
    ]
    Z = np.random.default_rng(9).normal(size=(30, N_INPUTS))
    views = [Z[:, skipped:] for skipped in n_skipped_inputs]
    expected = np.mean([raw(*each) for each in zip(networks, views, strict=True)], axis=0)
    network = join_networks([one.with_skipped_inputs(n) for one, n in zip(networks, n_skipped_inputs, strict=True)])
    assert_allclose(raw(network, Z), expected, rtol=1e-12, atol=1e-12)
    assert [b.size for b in network.intercepts] == [*[9, 12, 6][:depth], N_OUTPUTS]


@pytest.mark.parametrize("depth", [0, 2])
def test_mixing_weights_weigh_the_raw_outputs(depth):
    networks = [draw_network(N_INPUTS, *[i + 2, i + 3][:depth], N_OUTPUTS, seed=i) for i in range(2)]
    Z = np.random.default_rng(9).normal(size=(30, N_INPUTS))
    network = join_networks(networks, [0.7, 0.3])
    assert_allclose(raw(network, Z), 0.7 * raw(networks[0], Z) + 0.3 * raw(networks[1], Z), rtol=1e-12, atol=1e-12)


def test_a_single_network_is_returned_as_it_is():
    network = draw_network(N_INPUTS, 4, N_OUTPUTS)
    assert join_networks([network]) is network


def test_joined_weights_keep_their_type_and_the_temperature_is_the_mean():
    networks = [draw_network(N_INPUTS, 4, N_OUTPUTS, seed=seed) for seed in (0, 1)]
    networks = [
        Network(one.activations, [W.astype("f4") for W in one.coefs], [b.astype("f4") for b in one.intercepts], t)
        for one, t in zip(networks, (1.0, 2.0), strict=True)
    ]
    network = join_networks(networks)
    assert network.temperature == 1.5
    assert {part.dtype for part in network.coefs + network.intercepts} == {np.dtype("f4")}


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_backpropagate_gives_the_gradient_of_the_joined_network(depth, kind):
    """The gradient includes the weights between members, which are 0: continued training may change them."""
    net = kind((3,) * depth, n_members=2, activation="tanh", max_iter=4, dtype="float64", random_state=0, alpha=0.5)
    net.set_params(l1_ratio=0.0, early_stopping=True).fit(X, LABEL)
    assert [W.shape[1] for W in net.coefs_[:-1]] == [6] * depth
    _, coef_grads, intercept_grads = net.backpropagate(X, LABEL)
    for name, gradients in (("coefs_", coef_grads), ("intercepts_", intercept_grads)):
        arrays = [array.copy() for array in getattr(net, name)]
        for array, gradient in zip(arrays, gradients, strict=True):
            assert gradient.shape == array.shape
            for i in np.unique(np.linspace(0, array.size - 1, 7, dtype=int)):
                at, losses = np.unravel_index(i, array.shape), []
                kept = array[at]
                for step in (1e-5, -1e-5):
                    array[at] = kept + step
                    setattr(net, name, arrays)
                    losses.append(net.backpropagate(X, LABEL)[0])
                array[at] = kept
                assert (losses[0] - losses[1]) / 2e-5 == pytest.approx(gradient[at], rel=1e-6, abs=1e-9)
        setattr(net, name, arrays)


def test_weights_between_members_and_of_skipped_inputs_are_zero():
    net = SigmoidMLPClassifier((3, 3), n_members=2, max_iter=2, early_stopping=True, random_state=0).fit(X, LABEL)
    is_bin = (net.inputs_["kind"] == "bin").to_numpy()
    assert is_bin.any()
    assert not net.coefs_[0][is_bin, :3].any()
    assert net.coefs_[0][:, 3:].all()
    assert not net.coefs_[1][:3, 3:].any()
    assert not net.coefs_[1][3:, :3].any()
    assert_array_equal(net.predict(X), net.predict_proba(X).argmax(axis=1))
