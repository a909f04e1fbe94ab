"""Every differentiable piece against finite differences: one table, one test."""

import numpy as np
import pytest
from pieces import ACTIVATION_NAMES, LOSSES, assert_gradient, numerical_gradient

from sknet._network.activations import ACTIVATIONS
from sknet._network.penalties import ElasticNet

STEP = 1e-4
AWAY_FROM_KINKS = np.array([-6.0, -2.3, -1.1, -0.4, -0.07, 0.05, 0.3, 0.9, 1.7, 4.0])


def activation_piece(activation):
    """f(z) for a grid of z, and f' at the same places as the backward pass computes it."""

    def function(z):
        a = z.copy()
        activation.apply(a)
        return a

    def gradient(z):
        kept = z.copy() if activation.keeps == "input" else function(z)
        delta = np.ones_like(z)
        activation.backward(kept, delta)
        return np.diag(delta)

    return function, gradient, AWAY_FROM_KINKS


def loss_piece(case, gradient_of):
    """The sum of the samples' losses as a function of the raw outputs."""
    rng = np.random.default_rng(1)
    target = case.target(rng, 9, case.n_outputs)
    raw = rng.normal(size=(9, case.n_outputs))
    return (
        lambda raw: case.loss.value(raw, target).sum(),
        lambda raw: gradient_of(case.loss)(raw.copy(), target).ravel(),
        raw,
    )


def link_piece(case):
    """Predictions times fixed numbers, as a function of the raw outputs."""
    rng = np.random.default_rng(2)
    raw, delta = rng.normal(size=(2, 9, case.n_outputs))
    return (
        lambda raw: (delta * case.loss.predictions(raw)).sum(),
        lambda raw: case.loss.backward_through_link(raw.copy(), delta).ravel(),
        raw,
    )


def penalty_piece(penalty):
    """The L1 part has no gradient of its own (it is a proximal step): its sign is added here."""

    def gradient(w):
        out = penalty.l1 * np.sign(w)
        penalty.add(w, out)
        return out

    return penalty.value, gradient, AWAY_FROM_KINKS


PIECES = {
    **{f"activation {name}": activation_piece(ACTIVATIONS[name]) for name in ACTIVATION_NAMES},
    **{f"loss {name}": loss_piece(case, lambda loss: loss.gradient) for name, case in LOSSES.items()},
    **{
        f"loss {name}, with its value": loss_piece(case, lambda loss: lambda *a: loss.value_and_gradient(*a)[1])
        for name, case in LOSSES.items()
    },
    **{f"link of {name}": link_piece(case) for name, case in LOSSES.items()},
    "penalty L2": penalty_piece(ElasticNet(l2=0.3)),
    "penalty L1": penalty_piece(ElasticNet(l1=0.2)),
    "penalty L1 and L2": penalty_piece(ElasticNet(l2=0.3, l1=0.2)),
}


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_gradient_is_the_slope(piece):
    function, gradient, x = piece
    assert_gradient(gradient(x), numerical_gradient(function, x, STEP), tolerance=1e-9)
