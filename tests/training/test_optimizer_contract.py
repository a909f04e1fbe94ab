"""What every optimizer promises. A new one is tested once `OPTIMIZERS` of `problems` and `CASES` have it, too."""

import pickle
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from typing import NamedTuple

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier
from sknet._training.optimizers import OPTIMIZERS as REGISTRY
from sknet._training.optimizers import SGD, Adam, Lion, Optimizer, RMSProp, Schedule, constant, cosine
from tests.training.problems import (
    OPTIMIZERS,
    LeastSquares,
    mini_batch,
    problem,
    quadratic,
    rosenbrock,
    same,
    state_of,
    train,
)

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


def lion(memory, g, t):
    m = memory.get("m", 0)
    memory["m"] = 0.9 * m + 0.1 * g
    return -RATE * np.sign(0.8 * m + 0.2 * g)


def adam_without_epsilon(memory, g, t):
    m = memory["m"] = 0.8 * memory.get("m", 0) + 0.2 * g
    v = memory["v"] = 0.95 * memory.get("v", 0) + 0.05 * g * g
    m_hat, v_hat = m / (1 - 0.8**t), v / (1 - 0.95**t)
    return -RATE * m_hat / np.sqrt(v_hat)


class Case(NamedTuple):
    """One optimizer as every test of this file needs it; `OPTIMIZERS` has the one with its usual settings."""

    optimizer: Optimizer  # with settings that tell its numbers apart
    formula: Callable  # memory, gradient, step -> the change of theta
    bowl: tuple[float, Schedule, float]  # the quadratic: rate, schedule, how near to its least point
    valley: tuple[float, int]  # Rosenbrock's: rate along a cosine, epochs


CASES = {
    "sgd": Case(SGD(0.0), sgd, (1.0, constant, 1e-6), (1e-3, 20000)),
    "momentum": Case(SGD(0.9, nesterovs_momentum=False), momentum, (0.1, constant, 1e-6), (3e-4, 8000)),
    "nesterov": Case(SGD(0.9, nesterovs_momentum=True), nesterov, (0.1, constant, 1e-6), (3e-4, 8000)),
    # its steps near the optimum are as long as the rate, which has to fall
    "rmsprop": Case(RMSProp(0.8, 1e-3), rmsprop, (0.05, cosine, 1e-4), (1e-2, 4000)),
    "adam": Case(Adam(0.8, 0.95, 1e-3), adam, (0.3, constant, 1e-6), (0.1, 2000)),
    # its steps are all as long as the rate
    "lion": Case(Lion(0.8, 0.9), lion, (0.05, cosine, 1e-3), (3e-3, 8000)),
}
each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def test_every_optimizer_is_tested():
    assert CASES.keys() == OPTIMIZERS.keys()
    assert {type(case.optimizer) for case in CASES.values()} == {*REGISTRY.values()}


@pytest.mark.parametrize("name", REGISTRY)
def test_an_optimizer_of_the_registry_has_fields_named_like_the_estimators_parameters(name):
    values = {field.name: 0.5 for field in fields(REGISTRY[name])}
    assert values.keys() <= SigmoidMLPClassifier().get_params().keys()
    optimizer = REGISTRY[name](**values)
    assert isinstance(optimizer, Optimizer)
    assert hash(optimizer) == hash(REGISTRY[name](**values))
    assert pickle.loads(pickle.dumps(optimizer)) == optimizer


@each_case
def test_steps_are_the_textbook_ones(case):
    np.testing.assert_allclose(run(case.optimizer), by_formula(case.formula), rtol=1e-12, atol=1e-15)


def test_adam_without_epsilon():
    np.testing.assert_allclose(run(Adam(0.8, 0.95, 1e-30)), by_formula(adam_without_epsilon), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("steps", [1, 2, 7, 200])
@each_case
def test_the_steady_direction_is_what_a_steady_gradient_of_1_gives(case, steps):
    optimizer = case.optimizer
    moments = [np.zeros(3) for _ in range(optimizer.n_moments)]
    for step in range(1, steps + 1):
        direction = np.ones(3)
        direction *= optimizer.update(direction, moments, step)
    scale = optimizer.steady_direction(moments, steps)
    if optimizer == SGD(0.9, nesterovs_momentum=True):  # looks one step ahead, which the scale leaves out
        scale += 0.9**steps
    np.testing.assert_allclose(np.broadcast_to(scale, 3), direction, rtol=1e-12)


def test_the_steady_direction_of_momentum_without_friction_is_the_number_of_steps():
    assert SGD(1.0).steady_direction([np.ones(3)], 7) == 7.0


@each_case
def test_the_steady_direction_changes_nothing(case):
    moments = [np.full(3, 0.5) for _ in range(case.optimizer.n_moments)]
    case.optimizer.steady_direction(moments, 2)
    assert all((moment == 0.5).all() for moment in moments)


@pytest.mark.parametrize("optimizer", [RMSProp(0.8, 1e-3), Adam(0.8, 0.95, 1e-3)])
def test_the_steady_direction_is_one_for_each_parameter_where_steps_are(optimizer):
    """Steady gradients of other sizes: each parameter is moved by its gradient times its own scale."""
    moments, gradient = [np.zeros(4) for _ in range(optimizer.n_moments)], np.array([1e-3, 0.5, -1.0, 20.0])
    for step in range(1, 8):
        direction = gradient.copy()
        direction *= optimizer.update(direction, moments, step)
    scale = optimizer.steady_direction(moments, 7)
    np.testing.assert_allclose(scale * gradient, direction, rtol=1e-12)
    assert len({*scale.tolist()}) == 4


@each_optimizer
def test_updates_work_element_by_element(optimizer):
    whole = run(optimizer)
    np.testing.assert_array_equal(run(optimizer, shape=(2, 3)).reshape(30, 6), whole)
    for part in (slice(0, 1), slice(1, 4)):
        np.testing.assert_array_equal(run(optimizer, GRADIENTS[:, part], whole[0, part].shape), whole[:, part])


@each_optimizer
def test_single_precision_stays_so(optimizer):
    gradient = np.float32([1, -2, 0])
    moments = [np.zeros(3, np.float32) for _ in range(optimizer.n_moments)]
    optimizer.update(gradient, moments, 1)
    assert gradient.dtype == np.float32
    assert np.isfinite(gradient).all()
    assert gradient[2] == 0
    assert all(moment.dtype == np.float32 for moment in moments)


def test_the_first_adam_step_is_the_rate_in_every_direction():
    np.testing.assert_allclose(run(Adam(), np.array([[5.0, -1e-3]]), (2,)), [[-RATE, RATE]], rtol=4e-4)


@pytest.mark.parametrize("name", CASES)
def test_finds_the_least_of_a_quadratic(name):
    rate, schedule, atol = CASES[name].bowl
    solver = mini_batch(OPTIMIZERS[name], rate=rate, batch_size=12, n_epochs=600, schedule=schedule)
    state = state_of(np.zeros(5), solver)
    train(solver, problem(quadratic), state)
    np.testing.assert_allclose(state.theta, [1, 2, 3, 4, 5], atol=atol)


@pytest.mark.parametrize("name", CASES)
def test_finds_the_end_of_rosenbrocks_valley(name):
    rate, n_epochs = CASES[name].valley
    solver = mini_batch(OPTIMIZERS[name], rate=rate, batch_size=1, n_epochs=n_epochs, schedule=cosine)
    state = state_of([-1.2, 1.0], solver)
    train(solver, problem(rosenbrock, n=1, p=2), state)
    np.testing.assert_allclose(state.theta, [1, 1], atol=0.02)


# --- in training


def noisy():
    """A random problem of three batches an epoch."""
    return problem(LeastSquares(noise=0.1), is_random=True)


@each_optimizer
@pytest.mark.parametrize("cut", [1, 3])
def test_training_that_is_taken_up_again_equals_the_uninterrupted_one(optimizer, cut):
    """What an optimizer remembers is all in the moments of the state, and the seed decides on the rest."""
    solver = mini_batch(optimizer, schedule=cosine, n_epochs=6, schedule_epochs=6, averaging=0.9)
    whole, part, other = (state_of(np.ones(5), solver, seed) for seed in (0, 0, 1))
    train(solver, noisy(), whole)
    train(replace(solver, n_epochs=cut), noisy(), part)
    assert len(part.moments) == optimizer.n_moments
    part = pickle.loads(pickle.dumps(part))
    assert train(solver, noisy(), part).epochs_done == 6
    assert same(part, whole)
    train(solver, noisy(), other)
    assert not np.array_equal(other.theta, whole.theta)


@each_optimizer
def test_weight_decay_is_decoupled_and_spares_biases(optimizer):
    solver, theta = mini_batch(optimizer, batch_size=12, n_epochs=1), np.arange(5.0) / 5
    plain, decayed = (state_of(theta, solver) for _ in range(2))
    train(solver, problem(quadratic, p=3), plain)
    train(replace(solver, weight_decay=0.5), problem(quadratic, p=3), decayed)
    expected = plain.theta - 0.1 * 0.5 * np.where(np.arange(5) < 3, theta, 0)
    np.testing.assert_allclose(decayed.theta, expected, rtol=1e-13)
    for a, b in zip(plain.moments, decayed.moments, strict=True):
        np.testing.assert_array_equal(a, b)


# --- an optimizer of the user's own


class Sign(Optimizer):
    """Nothing but what must be written."""

    def update(self, gradient, moments, step):
        np.sign(gradient, out=gradient)
        return 1.0


def test_an_optimizer_needs_no_more_than_an_update():
    assert Sign().n_moments == 0
    assert Sign().steady_direction([], 3) == 1.0
    solver = mini_batch(Sign(), rate=0.125, batch_size=12, n_epochs=4)
    state = state_of(np.zeros(5), solver)
    train(solver, problem(quadratic), state)
    assert state.moments == ()
    assert state.theta.tolist() == [0.5] * 5
    with pytest.raises(TypeError, match="update"):
        Optimizer()


def test_defaults_are_those_of_their_papers():
    assert asdict(SGD()) == {"momentum": 0.9, "nesterovs_momentum": True}
    assert asdict(RMSProp()) == {"beta_2": 0.99, "epsilon": 1e-8}
    assert asdict(Adam()) == {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
    assert asdict(Lion()) == {"beta_1": 0.9, "beta_2": 0.99}
