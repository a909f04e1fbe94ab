"""Input gains: a step by step comparison with training that holds V and the gains apart, and what they promise."""

from dataclasses import replace
from functools import partial
from math import inf

import numpy as np
import pytest

from sknet._training.gains import GainedInputs
from sknet._training.optimizers import Adam
from sknet._training.proximal import ProximalTerms
from sknet._training.solver import Problem
from sknet._vectors import minibatches
from tests.training.problems import OPTIMIZERS, mini_batch, same

D, H, N_OUT, N = 4, 3, 6, 24  # inputs, units, other weights, samples
SIZE = N_OUT + D * H + H  # theta: the other weights, W, biases
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


class WeightedLeastSquares:
    """1/2 weighted mean of (A theta - b)^2 over a batch's rows, plus l2 / 2 of the squared weights."""

    def __init__(self, seed=0, l2=0.0, dtype=np.float64):
        rng = np.random.default_rng(seed)
        self.A, self.b = rng.normal(size=(N, SIZE)).astype(dtype), rng.normal(size=N).astype(dtype)
        self.weight, self.l2 = rng.uniform(0.5, 1.5, N).astype(dtype), l2

    def __call__(self, theta, batch, out, rng=None):
        A, weight, theta, whole, out = self.A[batch], self.weight[batch], theta[:SIZE], out, out[:SIZE]
        error = A @ theta - self.b[batch]
        out[:] = A.T @ (weight * error) / len(error)
        w = theta[: N_OUT + D * H]
        out[: len(w)] += self.l2 * w
        return 0.5 * float(weight @ error**2) / len(error) + 0.5 * self.l2 * float(w @ w), whole


def problem(objective, groups=None, pull=None, l1=0.0, bounds=None):
    inputs = GainedInputs(D, N_OUT, N_OUT + D * H, groups, pull)
    proximal = ProximalTerms(l1, bounds=bounds)
    return Problem(objective, N, N_OUT + D * H, partial(minibatches, N), inputs, proximal)


def start(solver, dtype=np.float64):
    return solver.initial_state(np.linspace(-1, 1, SIZE).astype(dtype), np.random.default_rng(0), D)


def rows(vector):
    return vector[N_OUT : N_OUT + D * H].reshape(D, H)


def soft_threshold(theta, steps, l1=0.01):
    """The proximal step of an L1 penalty on the weights, as long as `steps` says."""
    w = theta[: N_OUT + D * H]
    amount = l1 * (steps[: len(w)] if isinstance(steps, np.ndarray) else steps)
    w -= np.clip(w, -amount, amount)


class Plain:
    """Training that holds V and g apart, and makes W = exp(g) V of them for each gradient: the definition, no more."""

    def __init__(self, optimizer, theta, gain_rate, *, weight_decay, clip_norm, averaging, l1, bounds, groups, pull):
        self.optimizer, self.gain_rate, self.weight_decay = optimizer, gain_rate, weight_decay
        self.groups, self.pull = np.arange(D) if groups is None else groups, np.zeros(D) if pull is None else pull
        self.clip_norm, self.averaging, self.l1, self.bounds = clip_norm, averaging, l1, bounds
        self.v, self.g = theta.copy(), np.zeros(D)  # v: theta with V in place of W
        self.v_moments = [np.zeros(SIZE) for _ in range(optimizer.n_moments)]
        self.g_moments = [np.zeros(D) for _ in range(optimizer.n_moments)]
        self.average, self.t = theta.copy(), 0

    @property
    def theta(self):
        theta = self.v.copy()
        rows(theta)[:] *= np.exp(self.g)[:, np.newaxis]
        return theta

    def step(self, objective, batch, rate):
        self.t += 1
        by_theta = np.empty(SIZE)
        loss, _ = objective(self.theta, batch, by_theta)
        if self.clip_norm is not None:
            by_theta *= min(1.0, self.clip_norm / np.linalg.norm(by_theta))
        gain = np.exp(self.g)
        # the chain rule: J as a function of V_j and g_j
        by_own_g = np.array([rows(by_theta)[j] @ rows(self.v)[j] * gain[j] for j in range(D)])
        by_own_g += loss * min(1.0, self.t / 75) * self.pull
        by_g = np.array([by_own_g[self.groups == group].sum() for group in self.groups])
        by_v = by_theta.copy()
        rows(by_v)[:] *= gain[:, np.newaxis]
        self.v[: N_OUT + D * H] *= 1.0 - rate * self.weight_decay
        self.v -= rate * self.optimizer.update(by_v, self.v_moments, self.t) * by_v
        self.g -= rate * self.gain_rate * self.optimizer.update(by_g, self.g_moments, self.t) * by_g
        decay = min(self.averaging, (1.0 + self.t) / (10.0 + self.t))
        self.average = decay * self.average + (1.0 - decay) * self.theta
        if self.l1:
            # the penalty l1 |W_j| = l1 exp(g_j) |V_j| takes V_j as far as a step along its gradient by V_j
            steady = np.array(np.broadcast_to(self.optimizer.steady_direction(self.v_moments, self.t), SIZE))
            rows(steady)[:] *= np.exp(self.g)[:, np.newaxis]
            soft_threshold(self.v, rate * steady, self.l1)
            self.average[self.theta == 0.0] = 0.0
        if self.bounds is not None:
            lower, upper = self.bounds
            scale = np.ones(SIZE)
            rows(scale)[:] = np.exp(self.g)[:, np.newaxis]
            w = slice(0, N_OUT + D * H)
            self.v[w] = np.clip(self.v[w], lower / scale[w], upper / scale[w])
            self.average[w] = np.clip(self.average[w], lower, upper)


OPTIONS = {
    "plain": {},
    "l2 and decay": {"l2": 0.3, "weight_decay": 0.1},
    "clipping": {"clip_norm": 0.2},
    "averaging": {"averaging": 0.9},
    "l1": {"l1": 0.05, "averaging": 0.9},
    "bounds": {"bounds": True, "averaging": 0.9, "weight_decay": 0.1},
    "shared gains": {"groups": np.array([0, 1, 1, 0])},
    "pull": {"pull": np.array([0.0, 0.1, 0.2, 0.3]), "averaging": 0.9},
    "pull of shared gains": {"pull": np.array([0.0, 0.1, 0.2, 0.3]), "groups": np.array([0, 1, 1, 0]), "l1": 0.05},
}


@each_optimizer
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_each_step_is_that_of_training_with_v_and_gains_apart(optimizer, options):
    none = {"l2": 0.0, "weight_decay": 0.0, "clip_norm": None, "averaging": 0.0, "l1": 0.0, "bounds": None}
    options = none | {"groups": None, "pull": None} | options
    objective = WeightedLeastSquares(l2=options.pop("l2"))
    if options["bounds"]:
        low = np.full(N_OUT + D * H, -inf)
        low[N_OUT : N_OUT + H] = 0.0  # the weights of the first input are not negative
        options["bounds"] = low, np.full(N_OUT + D * H, 0.8)
    l1 = options["l1"]
    the_problem = problem(
        objective,
        l1=l1,
        bounds=options["bounds"],
        groups=options["groups"],
        pull=options["pull"],
    )
    training = {name: options[name] for name in ("weight_decay", "clip_norm", "averaging")}
    solver = mini_batch(optimizer, rate=0.02, batch_size=6, n_epochs=1, shuffle=False, gain_rate=3.0, **training)
    state = start(solver)
    plain = Plain(optimizer.with_l1(l1) if l1 else optimizer, state.theta[:SIZE], 3.0, **options)
    for epoch in range(1, 4):
        solver = replace(solver, n_epochs=epoch)
        solver.train([the_problem], [state])
        for i in range(0, N, 6):
            plain.step(objective, slice(i, i + 6), 0.02)
        np.testing.assert_allclose(state.theta[:SIZE], plain.theta, rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(state.theta[SIZE:], plain.g, rtol=1e-11, atol=1e-13)
        if options["averaging"]:
            np.testing.assert_allclose(state.average[:SIZE], plain.average, rtol=1e-11, atol=1e-13)
    assert np.abs(state.theta[SIZE:]).min() > 1e-3  # they have moved


def test_the_first_step_is_along_the_gradient_by_finite_differences():
    """Gradient descent moves g by -rate * gain_rate * dJ/dg and V by -rate * dJ/dV, which V = W shows at first."""
    objective, every_row, tiny = WeightedLeastSquares(l2=0.1), slice(0, N), 1e-6
    solver = mini_batch(OPTIMIZERS["sgd"], rate=0.01, batch_size=N, n_epochs=1, shuffle=False, gain_rate=3.0)
    state = start(solver)
    v, g = state.theta[:SIZE].copy(), np.zeros(D)

    def loss(v, g):
        theta = v.copy()
        rows(theta)[:] *= np.exp(g)[:, np.newaxis]
        return objective(theta, every_row, np.empty(SIZE))[0]

    by_g = [(loss(v, g + e) - loss(v, g - e)) / (2 * tiny) for e in tiny * np.eye(D)]
    by_v = [(loss(v + e, g) - loss(v - e, g)) / (2 * tiny) for e in tiny * np.eye(SIZE)]
    solver.train([problem(objective)], [state])
    np.testing.assert_allclose(state.theta[SIZE:], -0.03 * np.array(by_g), rtol=1e-7, atol=1e-10)
    moved = v - 0.01 * np.array(by_v)
    rows(moved)[:] *= np.exp(state.theta[SIZE:])[:, np.newaxis]
    np.testing.assert_allclose(state.theta[:SIZE], moved, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gains_start_at_one_with_moments_of_zero(dtype):
    state = start(mini_batch(Adam(), gain_rate=3.0, averaging=0.9), dtype)
    assert [vector.shape for vector in state.arrays] == [(SIZE + D,)] * 4
    assert all(vector.dtype == dtype and not vector[SIZE:].any() for vector in state.arrays)


def test_without_a_rate_there_are_no_gains():
    assert start(mini_batch(Adam())).theta.size == SIZE


@each_optimizer
def test_an_interrupted_epoch_leaves_the_gains_of_the_last_whole_one(optimizer):
    objective, calls = WeightedLeastSquares(), []

    def interrupted(theta, batch, out, rng=None):
        calls.append(batch)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return objective(theta, batch, out)

    solver = mini_batch(optimizer, rate=0.02, batch_size=6, gain_rate=3.0)
    whole, cut = start(replace(solver, n_epochs=1)), start(solver)
    replace(solver, n_epochs=1).train([problem(objective)], [whole])
    solver.train([problem(interrupted)], [cut])
    assert same(whole, cut)


def test_a_run_in_two_halves_is_that_in_one():
    objective, solver = WeightedLeastSquares(dtype=np.float32), mini_batch(Adam(), batch_size=6, gain_rate=3.0)
    whole, halves = start(solver, np.float32), start(solver, np.float32)
    replace(solver, n_epochs=4).train([problem(objective)], [whole])
    for n_epochs in (2, 4):
        replace(solver, n_epochs=n_epochs).train([problem(objective)], [halves])
        halves = halves.copy()
    assert same(whole, halves)


def test_a_pull_is_a_share_of_the_objective_which_grows_over_75_steps():
    objective, pull = WeightedLeastSquares(), np.array([0.0, 0.1, 0.2, 0.3])
    solver = mini_batch(OPTIMIZERS["sgd"], rate=0.01, batch_size=N, n_epochs=1, shuffle=False, gain_rate=3.0)
    states = [start(solver), start(solver)]
    loss, _ = objective(states[0].theta, slice(0, N), np.empty(SIZE))
    for state, the_problem in zip(states, [problem(objective), problem(objective, pull=pull)], strict=True):
        solver.train([the_problem], [state])
    without, with_pull = (state.theta[SIZE:] for state in states)
    np.testing.assert_allclose(with_pull - without, -0.03 * loss / 75 * pull, rtol=1e-10, atol=1e-14)


def test_an_objective_below_zero_pulls_no_gain():
    class BelowZero(WeightedLeastSquares):
        def __call__(self, theta, batch, out, rng=None):
            loss, gradient = super().__call__(theta, batch, out, rng)
            return loss - 1e3, gradient

    solver = mini_batch(Adam(), rate=0.01, batch_size=6, n_epochs=2, gain_rate=3.0)
    states = [start(solver), start(solver)]
    for state, pull in zip(states, (None, np.full(D, 0.5)), strict=True):
        solver.train([problem(BelowZero(), pull=pull)], [state])
    assert same(*(state.theta for state in states))
