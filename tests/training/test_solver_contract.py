"""What every solver, of those in `SOLVERS`, promises: a state to go on from, the order of calls, how training ends."""

from contextlib import nullcontext
from dataclasses import FrozenInstanceError
from math import inf, isnan, nan

import numpy as np
import pytest

from sknet._training.solver import BestEpoch, DivergedError, EndReason, Evaluation, TrainingEnd
from tests.training.problems import (
    Interrupting,
    LeastSquares,
    Script,
    lbfgs,
    mini_batch,
    problem,
    quadratic,
    same,
    state_of,
    train,
)

START = np.arange(5.0) / 5
SOLVERS = {"mini-batches": mini_batch, "L-BFGS": lbfgs}
each_solver = pytest.mark.parametrize("make", SOLVERS.values(), ids=SOLVERS)


def test_a_problem_has_no_penalty_unless_it_says_so():
    assert problem(LeastSquares()).penalty(START) == 0.0


@each_solver
def test_solvers_are_values(make):
    solver = make()
    assert solver == make()
    assert solver != make(tol=0.5)
    assert hash(solver) == hash(make())
    with pytest.raises(FrozenInstanceError):
        solver.n_epochs = 1


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_new_run_starts_at_theta_with_nothing_remembered(make, dtype):
    theta, rng = START.astype(dtype), np.random.default_rng(3)
    state = make().initial_state(theta, rng)
    assert state.theta is theta
    assert state.rng is rng
    assert state.average is None
    assert all(moment.dtype == dtype and not moment.any() for moment in state.moments)
    assert (state.step, state.epoch, state.best, state.history) == (0, 0, BestEpoch(), [])
    assert (state.n_no_improvement, state.least_criterion) == (0, inf)


def test_a_moving_average_starts_at_a_copy_of_theta():
    state = mini_batch(averaging=0.9).initial_state(START, np.random.default_rng(0))
    np.testing.assert_array_equal(state.average, START)
    assert not np.shares_memory(state.average, state.theta)


@each_solver
def test_each_epoch_begins_is_evaluated_and_ends(make):
    script = Script(range(9))
    end = train(make(n_epochs=2), problem(LeastSquares()), state_of(START, make()), script, script)
    assert script.heard == [("began", 0), "evaluate", ("ended", 1), ("began", 1), "evaluate", ("ended", 2)]
    assert (end.reason, end.epochs_done) == (EndReason.MAX_ITER, 2)


@each_solver
def test_a_run_goes_on_until_its_solver_has_a_reason_to_end(make):
    the_problem, state = problem(LeastSquares()), state_of(START, make())
    assert make(n_epochs=2).reason_to_end(state) is None
    assert train(make(n_epochs=2), the_problem, state).reason is EndReason.MAX_ITER
    assert make(n_epochs=2).reason_to_end(state) is EndReason.MAX_ITER
    assert make(n_epochs=3).reason_to_end(state) is None
    assert train(make(n_epochs=3), the_problem, state).epochs_done == 3


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_theta_keeps_its_type_and_its_place_in_memory(make, dtype):
    theta = START.astype(dtype)
    state = state_of(theta, make())
    before = state.theta
    train(make(n_epochs=3), problem(quadratic), state)
    assert state.theta is before
    assert {vector.dtype for vector in state.arrays} == {np.dtype(dtype)}
    assert quadratic(state.theta, None, np.empty(5))[0] < quadratic(START, None, np.empty(5))[0]


@each_solver
def test_the_first_step_is_taken_from_theta(make):
    seen = []

    def objective(theta, batch, out, rng=None):
        seen.append(theta.copy())
        return quadratic(theta, batch, out)

    train(make(n_epochs=1), problem(objective), state_of(START, make()))
    np.testing.assert_array_equal(seen[0], START)


@each_solver
def test_an_observer_stops_training(make):
    state = state_of(START, make())
    end = train(make(n_epochs=5), problem(LeastSquares()), state, Script(stop_at=2))
    assert (end.reason, end.epochs_done, state.epoch) == (EndReason.CALLBACK, 2, 2)


@each_solver
def test_a_score_that_no_longer_rises_ends_a_run_and_the_best_epoch_is_kept(make):
    how, script = {"tol": 1e-3, "n_iter_no_change": 2}, Script([1.0, 3, 2, 3, 2], stop_at=5)
    solver = make(n_epochs=9, **how)
    state = state_of(START, make())
    end = train(solver, problem(LeastSquares()), state, script, script)  # the plateau comes before the observer
    assert (end.reason, end.epochs_done) == (EndReason.SCORE_PLATEAU, 5)
    assert solver.reason_to_end(state) is EndReason.SCORE_PLATEAU
    assert state.best.epoch == 4  # the later of equal ones
    shorter = state_of(START, make())
    train(make(n_epochs=4), problem(LeastSquares()), shorter)
    np.testing.assert_array_equal(state.best.kept, shorter.theta)
    assert make(n_epochs=9, **how | {"n_iter_no_change": 3}).reason_to_end(state) is None


@each_solver
@pytest.mark.parametrize(("scores", "undefined"), [([nan] * 3, True), ([nan, 1, nan], False), ([1, 2, 3], False)])
def test_a_state_says_whether_any_score_was_a_number(make, scores, undefined):
    state, never_evaluated = state_of(START, make()), state_of(START, make())
    train(make(n_epochs=3), problem(LeastSquares()), state, evaluate=Script(scores))
    train(make(n_epochs=3), problem(LeastSquares()), never_evaluated)
    assert state.scores_undefined is undefined
    assert not never_evaluated.scores_undefined


@each_solver
def test_without_a_score_the_lowest_loss_is_the_best(make):
    """Its loss is the distance from where the second epoch ends; the first epoch's weights are not kept for ever."""
    second = state_of(START, make())
    train(make(n_epochs=2), problem(LeastSquares()), second)

    state = state_of(START, make())
    distance = lambda: (nan, float(np.abs(state.theta - second.theta).max()))  # noqa: E731
    train(make(n_epochs=4), problem(LeastSquares()), state, evaluate=distance)
    assert state.best.epoch == 2
    np.testing.assert_array_equal(state.best.kept, second.theta)


@each_solver
def test_with_neither_score_nor_loss_the_last_weights_are_kept(make):
    state = state_of(START, make())
    train(make(n_epochs=4), problem(LeastSquares()), state, evaluate=lambda: (nan, nan))
    assert state.best.epoch == 4
    np.testing.assert_array_equal(state.best.kept, state.theta)


PARTS = ["objective", "evaluate", "epoch_began", "epoch_ended"]


def run_to(make, n_epochs, part=None, nth=0):
    """Train for `n_epochs` epochs, with a Ctrl-C in the nth call of a part if one is named; return end and state."""
    parts, script = {"objective": LeastSquares(), "evaluate": lambda: (nan, 1.0)}, Script()
    if part in parts:
        parts[part] = Interrupting(parts[part], nth)
    elif part is not None:
        setattr(script, part, Interrupting(getattr(script, part), nth))
    state = state_of(START, make())
    try:
        end = train(make(n_epochs=n_epochs), problem(parts["objective"]), state, script, parts["evaluate"])
    except KeyboardInterrupt:
        end = None
    return end, state


@each_solver
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("nth", [4, 5, 6])
def test_an_interrupt_leaves_the_last_whole_epoch(make, part, nth):
    end, state = run_to(make, 9, part, nth)
    assert end == TrainingEnd(EndReason.INTERRUPTED, state.epoch)
    n_whole = nth if part == "epoch_ended" else nth - 1  # an epoch is whole when this is called
    assert 1 <= state.epoch <= n_whole
    assert part == "objective" or state.epoch == n_whole
    assert same(state, run_to(make, state.epoch)[1])


@each_solver
@pytest.mark.parametrize("part", PARTS[:-1])
def test_an_interrupt_before_the_first_whole_epoch_changes_nothing_and_is_raised(make, part):
    end, state = run_to(make, 9, part, 1)
    assert end is None
    assert same(state, state_of(START, make()))


class Recorded(Evaluation):
    """An evaluation that records each epoch in itself, and whose interrupt comes after that."""

    def __init__(self, interrupt_at):
        self.heard, self.interrupt_at = (), interrupt_at

    def evaluate_epoch(self):
        self.heard += (len(self.heard) + 1,)
        if len(self.heard) == self.interrupt_at:
            raise KeyboardInterrupt
        return 1.0

    def snapshot(self):
        return self.heard

    def restore(self, snapshot):
        self.heard = snapshot


@each_solver
@pytest.mark.parametrize("interrupt_at", [1, 3])
def test_an_interrupt_undoes_what_was_evaluated_of_the_epoch_that_it_undoes(make, interrupt_at):
    state, evaluation = state_of(START, make()), Recorded(interrupt_at)
    with nullcontext() if interrupt_at > 1 else pytest.raises(KeyboardInterrupt):
        make(n_epochs=9).train([problem(LeastSquares())], [state], evaluation=evaluation)
    assert state.epoch == len(evaluation.heard) == interrupt_at - 1


@each_solver
@pytest.mark.parametrize("value", [nan, inf])
def test_a_function_that_is_not_finite_is_an_error(make, value):
    def diverging(theta, batch, out, rng=None):
        out[:] = 1.0
        return value, out

    with pytest.raises(DivergedError) as raised:
        train(make(), problem(diverging), state_of(START, make()))
    assert raised.value.epoch == 1


@each_solver
def test_every_epoch_is_recorded(make):
    state = state_of(START, make())
    train(make(n_epochs=3), problem(LeastSquares()), state, evaluate=lambda: (-2.0, 2.0))
    assert len(state.history) == state.epoch == 3
    assert state.n_samples_seen == 36
    assert all((e.validation_loss, e.validation_score) == (2.0, -2.0) for e in state.history)
    assert all(e.gradient_norm > 0 and isnan(e.learning_rate) == (make is lbfgs) for e in state.history)
