"""Layers bound to theta and to buffers."""

import numpy as np
import pytest
from pieces import KINDS, network_case
from sknet._network.chain import BackwardOptions, Dropout, Layout, bind

from sknet._network.activations import ACTIVATIONS
from sknet._network.backprop import Activate, Dense


def test_buffers_and_views_are_made_once():
    case = network_case("squared_error", "gelu", (5,))
    chain = case.chain(8)
    first = chain.forward(case.X)
    before = first.copy()
    case.theta[-1] += 1.0  # the last bias: the layers see it
    assert chain.forward(case.X) is first
    np.testing.assert_allclose(first, before + 1.0, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_a_chain_for_the_forward_pass_only_has_no_other(kind):
    case = network_case("squared_error", "tanh", (5,))
    chain = case.chain(8, kind=kind)
    raw = chain.forward(KINDS[kind](case.X))
    with pytest.raises(ValueError):
        chain.backward(raw)


@pytest.mark.parametrize(("n_activations", "dropout"), [(1, ()), (3, ()), (2, (0.1,)), (2, (0.1, 0.2, 0.3))])
def test_each_hidden_layer_has_one_activation_and_rate(n_activations, dropout):
    case = network_case("squared_error", "tanh", (3, 3))
    case = type(case)(**{**vars(case), "activations": case.activations[:1] * n_activations})
    with pytest.raises(ValueError):
        case.chain(4, gradient=np.empty_like(case.theta), dropout=dropout, rng=np.random.default_rng(0))


def test_a_rate_of_0_makes_no_layer():
    layout = Layout((1, 2, 3, 1))
    theta = np.ones(layout.n_parameters)
    backward = BackwardOptions(np.empty_like(theta), (0.0, 0.5), np.random.default_rng(0))
    chain = bind(layout, [ACTIVATIONS["relu"]] * 2, theta, 4, backward=backward)
    assert [type(layer) for layer in chain.layers] == [Dense, Activate, Dense, Activate, Dropout, Dense]
