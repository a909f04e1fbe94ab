"""L-BFGS: known optima, the L1 split against a closed form, iterations as epochs, interrupts."""

from math import inf, isnan

import numpy as np
import pytest

from sknet._training.optimizers import SGD, Adam, RMSProp, cosine
from sknet._training.solver import NO_OBSERVER, DivergedError, EndReason
from tests.training.problems import (
    LeastSquares,
    Script,
    lbfgs,
    mini_batch,
    problem,
    quadratic,
    rosenbrock,
    state_of,
    train,
)

START = np.zeros(5)


def trained(the_problem, solver=None, state=None, observer=NO_OBSERVER, evaluate=None):
    state = state_of(START) if state is None else state
    return train(solver or lbfgs(), the_problem, state, observer, evaluate), state


# --- optima


def test_lbfgs_minimises_a_quadratic():
    end, state = trained(problem(quadratic))
    np.testing.assert_allclose(state.theta, [1, 2, 3, 4, 5], rtol=1e-7)
    assert end.reason is EndReason.CONVERGED
    assert end.epochs_done == state.epoch == len(state.history)


def test_lbfgs_minimises_rosenbrocks_function():
    end, state = trained(problem(rosenbrock, 1, 2), state=state_of([-1.2, 1.0]))
    np.testing.assert_allclose(state.theta, [1, 1], rtol=1e-6)
    assert end.reason is EndReason.CONVERGED


# --- L1


def orthogonal_design(n=40, p=6):
    """A design with A^T A = n I: the lasso's solution is the least-squares one, moved towards 0."""
    objective = LeastSquares(n, p, seed=4)
    objective.A = np.linalg.qr(objective.A)[0] * np.sqrt(n)
    return objective, objective.A.T @ objective.b / n


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 1.1])
@pytest.mark.parametrize("start", ["zero", "far"])
def test_lasso_on_an_orthogonal_design(share, start):
    """1/(2n) |A w - b|^2 + l1 |w|_1 is least at sign(c) max(|c| - l1, 0), c = A^T b / n; the zeros are exact."""
    objective, c = orthogonal_design()
    l1 = share * np.abs(c).max()
    first = np.zeros(6) if start == "zero" else np.linspace(-3, 3, 6)
    _, state = trained(problem(objective, 40, 6, l1=l1), state=state_of(first))
    expected = np.sign(c) * np.maximum(np.abs(c) - l1, 0)
    np.testing.assert_allclose(state.theta, expected, atol=1e-7)
    assert ((state.theta == 0) == (expected == 0)).all()
    loss = 0.5 * np.mean((objective.A @ expected - objective.b) ** 2) + l1 * np.abs(expected).sum()
    assert (state.history or [None])[-1].loss == pytest.approx(loss, rel=1e-9)


def test_biases_are_not_penalised():
    """theta = 4 weights, 2 biases: the biases stay at the least-squares solution."""
    objective, c = orthogonal_design()
    l1 = 0.3 * np.abs(c).max()
    _, state = trained(problem(objective, 40, 4, l1=l1), state=state_of(np.zeros(6)))
    np.testing.assert_allclose(state.theta[:4], np.sign(c[:4]) * np.maximum(np.abs(c[:4]) - l1, 0), atol=1e-7)
    np.testing.assert_allclose(state.theta[4:], c[4:], atol=1e-7)


@pytest.mark.parametrize(
    ("optimizer", "rate"),
    [(SGD(0.0), 0.1), (SGD(0.9, nesterovs_momentum=False), 0.01), (SGD(0.9), 0.01), (Adam(), 0.02), (RMSProp(), 0.02)],
)
def test_the_proximal_steps_of_the_first_order_solvers_find_the_same_lasso(optimizer, rate):
    objective, c = orthogonal_design()
    l1 = 0.3 * np.abs(c).max()

    solver = mini_batch(optimizer, rate=rate, batch_size=40, n_epochs=3000, schedule=cosine)
    state = state_of(np.zeros(6), solver)
    train(solver, problem(objective, 40, 6, l1=l1), state)
    _, other = trained(problem(objective, 40, 6, l1=l1), state=state_of(np.zeros(6)))
    np.testing.assert_allclose(state.theta, other.theta, atol=1e-4)
    assert ((state.theta == 0) == (other.theta == 0)).all()


# --- bounds


@pytest.mark.parametrize("share", [0.0, 0.2])
@pytest.mark.parametrize("start", ["zero", "outside"])
def test_bounds_on_an_orthogonal_design(share, start):
    """There the solution between bounds is the one without them, each weight clipped: the objective is a sum over w."""
    objective, c = orthogonal_design()
    l1 = share * np.abs(c).max()
    lower, upper = np.array([0, 0, -np.inf, -np.inf, 0, -np.inf]), np.array([np.inf, np.inf, 0, 0, 0, np.inf])
    first = np.zeros(6) if start == "zero" else np.linspace(-3, 3, 6)
    the_problem = problem(objective, 40, 6, bounds=(lower, upper), l1=l1)
    _, state = trained(the_problem, state=state_of(first))
    expected = np.clip(np.sign(c) * np.maximum(np.abs(c) - l1, 0), lower, upper)
    np.testing.assert_allclose(state.theta, expected, atol=1e-7)
    assert (state.theta >= lower).all()
    assert (state.theta <= upper).all()
    assert (expected == 0).any()
    assert (expected != 0).any()


# --- iterations as epochs


def test_each_iteration_is_evaluated_and_recorded():
    script = Script(range(100))
    objective = LeastSquares()
    end, state = trained(problem(objective), lbfgs(n_epochs=3), observer=script, evaluate=script)
    assert script.heard == [call for i in range(3) for call in (("began", i), "evaluate", ("ended", i + 1))]
    assert (end.reason, end.epochs_done) == (EndReason.MAX_ITER, 3)
    assert (state.epoch, state.n_samples_seen, state.step) == (3, 36, objective.calls)
    losses = [epoch.loss for epoch in state.history]
    assert losses == sorted(losses, reverse=True)
    gradient = np.empty(5)
    assert objective(state.theta, slice(0, 12), gradient)[0] == pytest.approx(losses[-1], rel=1e-13)
    assert state.history[-1].gradient_norm == pytest.approx(np.linalg.norm(gradient), rel=1e-10)
    assert all(isnan(epoch.learning_rate) and epoch.seconds >= 0 for epoch in state.history)


def test_a_limit_on_evaluations_ends_training():
    end, _ = trained(problem(rosenbrock, 1, 2), lbfgs(n_evaluations=5), state_of([-1.2, 1.0]))
    assert end.reason is EndReason.MAX_ITER
    assert "EVALUATIONS" in end.message.upper()


def test_at_the_optimum_no_iteration_is_needed_and_there_is_a_loss():
    end, state = trained(problem(quadratic), state=state_of([1.0, 2, 3, 4, 5]))
    assert (end.reason, end.epochs_done) == (EndReason.CONVERGED, 0)
    assert [epoch.loss for epoch in state.history] == [0.0]


def test_a_line_search_that_fails_is_told():
    def wrong(theta, batch, out, rng=None):
        value, _ = quadratic(theta, batch, out)
        out *= -1.0
        return value, out

    end, state = trained(problem(wrong))
    assert end.reason is EndReason.LINE_SEARCH
    assert end.message
    np.testing.assert_array_equal(state.theta, START)


# --- divergence


def test_an_objective_without_a_bottom_is_an_error():
    def falling(theta, batch, out, rng=None):
        out[:] = -np.exp(theta)
        return -float(np.exp(theta).sum()), out

    with pytest.raises(DivergedError):
        trained(problem(falling), state=state_of(np.full(5, 700.0)))


# --- interrupts


def test_only_a_start_that_is_not_finite_raises():
    calls = []

    def at(nth, value):
        def objective(theta, batch, out, rng=None):
            calls.append(quadratic(theta, batch, out))
            return (value if len(calls) == nth else calls[-1][0]), out

        return objective

    with pytest.raises(DivergedError):
        trained(problem(at(1, inf)))
    assert len(calls) == 1
    calls.clear()
    end, state = trained(problem(at(2, inf)))
    assert end.reason is EndReason.CONVERGED
    assert len(calls) > 2
    assert state.step == len(calls)
