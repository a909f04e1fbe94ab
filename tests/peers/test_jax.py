"""The training loop in JAX that the benchmarks time does what ours does: the same loss after every epoch."""

import numpy as np
import pytest

pytest.importorskip("jax")

import jax.numpy as jnp

from sknet import SigmoidMLPClassifier
from tests.benchmarks import with_jax
from tests.benchmarks.harness import unconverged
from tests.benchmarks.networks import FIXED, Shape

pytestmark = pytest.mark.peers


@pytest.mark.parametrize("shape", [Shape((10, 20, 2), 200, 1_050, 5), Shape((12, 9, 8, 4), 32, 640, 5)])
def test_every_epochs_loss_is_the_same(shape):
    X, y = shape.data()
    order = np.arange(len(X))
    state, epoch = with_jax.first_state(shape), with_jax.epoch_of(shape)
    init = [np.array(W) for W, _ in state[0]], [np.array(b) for _, b in state[0]]
    inputs, target = jnp.asarray(X, jnp.float32), with_jax.target_of(shape, y)
    curve = []
    for _ in range(shape.epochs):
        state, total = epoch(state, inputs, target, order)
        curve.append(float(total) / len(X))
    ours = FIXED | {"alpha": 0.0, "max_iter": shape.epochs, "batch_size": shape.batch, "random_state": 0}
    net = SigmoidMLPClassifier(shape.sizes[1:-1], **ours, init=init, input_scaling=None, shuffle=False)
    with unconverged():
        net.fit(X, y)
    np.testing.assert_allclose(curve, net.loss_curve_, rtol=1e-5)


def test_the_products_are_those_that_are_counted():
    shape = Shape((3, 4, 5, 2), 7, 0, 0)
    forward, weights, errors = 3 * 4 + 4 * 5 + 5 * 2, 3 * 4 + 4 * 5 + 5 * 2, 4 * 5 + 5 * 2
    assert shape.flops == 2 * 7 * (forward + weights + errors)
    assert shape.steps(6).sizes == (3, 4, 5, 1)
    assert shape.steps(6).rows == 42
