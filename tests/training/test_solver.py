"""What holds for every solver: the interface, the order of calls, and how runs end."""

from dataclasses import FrozenInstanceError
from math import inf, isnan, nan

import numpy as np
import pytest
from problems import Interrupting, LeastSquares, Script, lbfgs, mini_batch, problem, same, state_of

from sknet._training.result import DivergedError, StopReason
from sknet._training.solver import Solver

START = np.arange(5.0) / 5
each_solver = pytest.mark.parametrize("make", [mini_batch, lbfgs])


def longest(make, n_epochs, **more):
    """A solver that ends after so many epochs."""
    return make(**{"n_epochs" if make is mini_batch else "n_iterations": n_epochs}, **more)


def test_a_problem_has_no_penalty_unless_it_says_so():
    assert problem(LeastSquares()).penalty(START) == 0.0


@each_solver
def test_solvers_are_values(make):
    solver: Solver = make()
    assert solver == make() and solver != make(tol=0.5) and hash(solver) == hash(make())
    with pytest.raises(FrozenInstanceError):
        solver.tol = 1.0


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_new_run_starts_at_theta_with_nothing_remembered(make, dtype):
    theta, rng = START.astype(dtype), np.random.default_rng(3)
    state = make().init(theta, rng)
    assert state.theta is theta and state.rng is rng and state.average is None
    assert all(moment.dtype == dtype and not moment.any() for moment in state.moments)
    assert (state.step, state.epoch, state.best, state.history, state.best_score) == (0, 0, None, [], -inf)


def test_a_moving_average_starts_at_a_copy_of_theta():
    state = mini_batch(averaging=0.9).init(START, np.random.default_rng(0))
    np.testing.assert_array_equal(state.average, START)
    assert not np.shares_memory(state.average, state.theta)


@each_solver
def test_order_of_calls(make):
    script = Script(range(9))
    result = longest(make, 2).train(problem(LeastSquares(), evaluate=script), state_of(START, make()), script)
    assert script.heard == [("began", 0), "evaluate", ("ended", 1), ("began", 1), "evaluate", ("ended", 2)]
    assert (result.reason, result.epochs_done) == (StopReason.MAX_ITER, 2)


@each_solver
def test_a_run_goes_on_until_it_is_exhausted(make):
    the_problem, state = problem(LeastSquares()), state_of(START, make())
    assert longest(make, 2).reason_not_to_resume(the_problem, state) is None
    assert longest(make, 2).train(the_problem, state).reason is StopReason.MAX_ITER
    assert longest(make, 2).reason_not_to_resume(the_problem, state) is StopReason.MAX_ITER
    assert longest(make, 3).reason_not_to_resume(the_problem, state) is None
    assert longest(make, 3).train(the_problem, state).epochs_done == 3


@each_solver
def test_a_score_that_no_longer_rises_exhausts_a_run(make):
    solver = make(tol=0.1, n_iter_no_change=2)
    the_problem, state = problem(LeastSquares(), evaluate=Script([1.0, 1, 1, 1, 1])), state_of(START, make())
    assert solver.train(the_problem, state).epochs_done == 4
    assert solver.reason_not_to_resume(the_problem, state) is StopReason.SCORE_PLATEAU
    assert make(tol=0.1, n_iter_no_change=3).reason_not_to_resume(the_problem, state) is None


@each_solver
@pytest.mark.parametrize(("scores", "undefined"), [([nan] * 3, True), ([nan, 1, nan], False), ([1, 2, 3], False)])
def test_a_result_says_whether_any_score_was_a_number(make, scores, undefined):
    result = longest(make, 3).train(problem(LeastSquares(), evaluate=Script(scores)), state_of(START, make()))
    assert result.scores_undefined is undefined
    assert not longest(make, 3).train(problem(LeastSquares()), state_of(START, make())).scores_undefined


@each_solver
def test_an_interrupted_run_says_so_too(make):
    objective = LeastSquares()
    evaluate = Interrupting(lambda theta: (1.0, nan, theta, 1.0), 3)
    result = longest(make, 9).train(problem(objective, evaluate=evaluate), state_of(START, make()))
    assert (result.reason, result.epochs_done, result.scores_undefined) == (StopReason.INTERRUPTED, 2, True)


@each_solver
def test_without_a_score_the_lowest_loss_is_the_best(make):
    """Its loss is the distance from where the second epoch ends; the first epoch's weights are not kept for ever."""
    _, second = (longest(make, n).train(problem(LeastSquares()), s := state_of(START, make())) and s for n in (1, 2))
    distance = lambda theta: (float(np.abs(theta - second.theta).max()), nan, theta, 1.0)  # noqa: E731
    state = state_of(START, make())
    longest(make, 4).train(problem(LeastSquares(), evaluate=distance), state)
    assert state.best.epoch == 2
    np.testing.assert_array_equal(state.best.theta, second.theta)


@each_solver
def test_with_neither_score_nor_loss_the_last_weights_are_kept(make):
    state = state_of(START, make())
    longest(make, 4).train(problem(LeastSquares(), evaluate=lambda theta: (nan, nan, theta, 1.0)), state)
    assert state.best.epoch == 4
    np.testing.assert_array_equal(state.best.theta, state.theta)


@each_solver
@pytest.mark.parametrize("part", ["epoch_began", "epoch_ended", "evaluate"])
def test_an_interrupt_before_the_first_whole_epoch_changes_nothing(make, part):
    script, evaluate = Script(), lambda theta: (0.0, 0.0, theta, 1.0)
    if part == "evaluate":
        evaluate = Interrupting(evaluate, 1)
    else:
        setattr(script, part, Interrupting(getattr(script, part), 1))
    state = state_of(START, make())
    with pytest.raises(KeyboardInterrupt):
        make().train(problem(LeastSquares(), evaluate=evaluate), state, script)
    assert same(state, state_of(START, make()))


@each_solver
def test_a_function_that_is_not_finite_is_an_error(make):
    def diverging(theta, batch, out, rng=None):
        out[:] = 1.0
        return nan, out

    with pytest.raises(DivergedError) as raised:
        make().train(problem(diverging), state_of(START, make()))
    assert raised.value.epoch == 1


@each_solver
def test_every_epoch_is_recorded(make):
    state = state_of(START, make())
    evaluate = lambda theta: (2.0, -2.0, theta, 1.0)  # noqa: E731
    longest(make, 3).train(problem(LeastSquares(), evaluate=evaluate), state)
    assert len(state.history) == state.epoch == 3 and state.n_samples_seen == 36
    assert all((e.validation_loss, e.validation_score) == (2.0, -2.0) for e in state.history)
    assert all(e.gradient_norm > 0 and isnan(e.learning_rate) == (make is lbfgs) for e in state.history)
