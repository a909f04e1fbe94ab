"""Every optimizer against its textbook formula, written with the learning rate, and on functions to minimise."""

import numpy as np
import pytest
from problems import OPTIMIZERS, plan, problem, quadratic, rosenbrock, state_of

from sknet._training import minibatch
from sknet._training.optimizers import SGD, Adam, RMSProp
from sknet._training.schedules import cosine

RATE = 0.01
GRADIENTS = np.random.default_rng(0).normal(size=(30, 6))


def run(optimizer, gradients=GRADIENTS, shape=(6,)):
    """Theta after each step, from 0."""
    theta, path = np.zeros(shape), []
    moments = [np.zeros(shape) for _ in range(optimizer.n_moments)]
    for step, gradient in enumerate(gradients, 1):
        direction = gradient.reshape(shape).copy()
        direction *= optimizer.update(direction, moments, step)
        theta -= RATE * direction
        path.append(theta.copy())
    return np.array(path)


def by_formula(move):
    theta, memory, path = np.zeros(6), {}, []
    for t, g in enumerate(GRADIENTS, 1):
        theta = theta + move(memory, g, t)
        path.append(theta)
    return np.array(path)


def sgd(memory, g, t):
    return -RATE * g


def momentum(memory, g, t):
    v = memory["v"] = 0.9 * memory.get("v", 0) - RATE * g
    return v


def nesterov(memory, g, t):
    v = memory["v"] = 0.9 * memory.get("v", 0) - RATE * g
    return 0.9 * v - RATE * g


def rmsprop(memory, g, t):
    v = memory["v"] = 0.8 * memory.get("v", 0) + 0.2 * g * g
    return -RATE * g / (np.sqrt(v) + 1e-3)


def adam(memory, g, t):
    m = memory["m"] = 0.8 * memory.get("m", 0) + 0.2 * g
    v = memory["v"] = 0.95 * memory.get("v", 0) + 0.05 * g * g
    return -RATE * np.sqrt(1 - 0.95**t) / (1 - 0.8**t) * m / (np.sqrt(v) + 1e-3)


def adam_without_epsilon(memory, g, t):
    m = memory["m"] = 0.8 * memory.get("m", 0) + 0.2 * g
    v = memory["v"] = 0.95 * memory.get("v", 0) + 0.05 * g * g
    m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
    return -RATE * m_hat / np.sqrt(v_hat)


TEXTBOOK = [
    (SGD(momentum=0.0), sgd),
    (SGD(0.9, nesterov=False), momentum),
    (SGD(0.9, nesterov=True), nesterov),
    (RMSProp(0.8, 1e-3), rmsprop),
    (Adam(0.8, 0.95, 1e-3), adam),
    (Adam(0.8, 0.95, 1e-30), adam_without_epsilon),
]


@pytest.mark.parametrize(("optimizer", "move"), TEXTBOOK, ids=[move.__name__ for _, move in TEXTBOOK])
def test_steps_are_the_textbook_ones(optimizer, move):
    np.testing.assert_allclose(run(optimizer), by_formula(move), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_updates_work_element_by_element(optimizer):
    whole = run(optimizer)
    np.testing.assert_array_equal(run(optimizer, shape=(2, 3)).reshape(30, 6), whole)
    for part in (slice(0, 1), slice(1, 4)):
        np.testing.assert_array_equal(run(optimizer, GRADIENTS[:, part], whole[0, part].shape), whole[:, part])


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_single_precision_stays_so(optimizer):
    gradient = np.float32([1, -2, 0])
    moments = [np.zeros(3, np.float32) for _ in range(optimizer.n_moments)]
    optimizer.update(gradient, moments, 1)
    assert gradient.dtype == np.float32 and np.isfinite(gradient).all() and gradient[2] == 0
    assert all(moment.dtype == np.float32 for moment in moments)


def test_the_first_adam_step_is_the_rate_in_every_direction():
    np.testing.assert_allclose(run(Adam(), np.array([[5.0, -1e-3]]), (2,)), [[-RATE, RATE]], rtol=4e-4)


@pytest.mark.parametrize(("name", "rate"), [("sgd", 1.0), ("momentum", 0.1), ("nesterov", 0.1), ("adam", 0.3)])
def test_finds_the_least_of_a_quadratic(name, rate):
    the_plan = plan(OPTIMIZERS[name], rate=rate, batch_size=12, n_epochs=600)
    state = state_of(np.zeros(5), the_plan)
    minibatch.train(problem(quadratic), the_plan, state)
    np.testing.assert_allclose(state.theta, [1, 2, 3, 4, 5], atol=1e-6)


def test_rmsprop_needs_a_falling_rate():
    """Its steps near the optimum are as long as the rate; along a cosine they end there."""
    the_plan = plan(OPTIMIZERS["rmsprop"], rate=0.05, batch_size=12, n_epochs=600, schedule=cosine)
    state = state_of(np.zeros(5), the_plan)
    minibatch.train(problem(quadratic), the_plan, state)
    np.testing.assert_allclose(state.theta, [1, 2, 3, 4, 5], atol=1e-4)


VALLEY = {
    "sgd": (1e-3, 20000),
    "momentum": (3e-4, 8000),
    "nesterov": (3e-4, 8000),
    "rmsprop": (1e-2, 4000),
    "adam": (0.1, 2000),
}


@pytest.mark.parametrize("name", VALLEY)
def test_finds_the_end_of_rosenbrocks_valley(name):
    rate, n_epochs = VALLEY[name]
    the_plan = plan(OPTIMIZERS[name], rate=rate, batch_size=1, n_epochs=n_epochs, schedule=cosine)
    state = state_of([-1.2, 1.0], the_plan)
    minibatch.train(problem(rosenbrock, n=1, p=2), the_plan, state)
    np.testing.assert_allclose(state.theta, [1, 1], atol=0.02)
