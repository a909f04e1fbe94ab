"""The epoch loop: order of calls, what each setting does to a step, interrupts, runs side by side."""

import tracemalloc
from contextlib import nullcontext
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet._training import loop
from sknet._training.optimizers import SGD, InverseScaling, adaptive, constant, cosine
from sknet._training.solver import NO_OBSERVER, DivergedError, EndReason, State, TrainingEnd
from tests.training.problems import (
    OPTIMIZERS,
    Evaluating,
    Interrupting,
    LeastSquares,
    Script,
    mini_batch,
    problem,
    quadratic,
    recording,
    same,
    state_of,
    train,
)

START = np.arange(5.0) / 5
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)


def trained(the_problem, solver, state=None, observer=NO_OBSERVER, evaluate=None):
    state = state_of(START, solver) if state is None else state
    return train(solver, the_problem, state, observer, evaluate), state


# --- the loop


@each_optimizer
def test_a_run_by_hand(optimizer):
    """Batches in order, one update a batch, rate times direction; every figure of the history."""
    objective, solver = LeastSquares(), mini_batch(optimizer, batch_size=5, n_epochs=2, shuffle=False)
    end, state = trained(problem(objective), solver)
    theta, moments, gradient = START.copy(), [np.zeros(5) for _ in state.moments], np.empty(5)
    step, losses = 0, []
    for _ in range(2):
        total = 0.0
        for batch in (slice(0, 5), slice(5, 10), slice(10, 12)):
            step += 1
            value, _ = objective(theta, batch, gradient)
            norm, total = np.linalg.norm(gradient), total + value * (batch.stop - batch.start)
            scale = optimizer.update(gradient, moments, step)
            theta -= 0.1 * scale * gradient
        losses.append(total / 12)
    np.testing.assert_allclose(state.theta, theta, rtol=1e-13)
    assert [epoch.loss for epoch in state.history] == pytest.approx(losses, rel=1e-13)
    assert state.history[-1].gradient_norm == pytest.approx(norm, rel=1e-13)
    assert (state.step, state.epoch, state.n_samples_seen) == (6, 2, 24)
    assert end == TrainingEnd(EndReason.MAX_ITER, 2)
    assert all(isnan(e.validation_loss) and isnan(e.validation_score) and e.seconds >= 0 for e in state.history)


def test_each_epoch_sees_every_sample_once_in_a_new_order():
    seen = []

    def objective(theta, batch, out, rng=None):
        seen.append(batch)
        return quadratic(theta, batch, out)

    trained(problem(objective), mini_batch(batch_size=5, n_epochs=2))
    first, second = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert sorted(first) == sorted(second) == list(range(12))
    assert not np.array_equal(first, second)
    seen.clear()
    trained(problem(objective), mini_batch(batch_size=50, n_epochs=1))
    assert seen == [slice(0, 12)]  # one batch: the order does not matter, and nothing is gathered


def test_a_finished_schedule_ends_with_its_reason():
    solvers = [mini_batch(schedule=cosine, schedule_ends=True), mini_batch()]
    results = [trained(problem(quadratic), solver)[0] for solver in solvers]
    assert [end.reason for end in results] == [EndReason.FINISHED, EndReason.MAX_ITER]


@pytest.mark.parametrize(("schedule_ends", "reason"), [(False, EndReason.MAX_ITER), (True, EndReason.FINISHED)])
def test_a_run_that_is_over_does_nothing(schedule_ends, reason):
    solver = mini_batch(schedule_ends=schedule_ends)
    _, state = trained(problem(quadratic), solver)
    before = state.copy()
    assert solver.reason_to_end(state) is reason
    assert trained(problem(quadratic), solver, state)[0] == TrainingEnd(reason, state.epoch)
    assert same(state, before)
    assert replace(solver, n_epochs=6).reason_to_end(state) is None


# --- stopping


def flat(theta, batch, out, rng=None):
    out[:] = 0.0
    return 1.0, out


def test_the_training_loss_stops_falling():
    end, state = trained(problem(flat), mini_batch(n_epochs=50, tol=1e-4, n_iter_no_change=3))
    assert (end.reason, state.epoch, state.best.epoch) == (EndReason.LOSS_PLATEAU, 5, 0)


def test_the_training_loss_cuts_no_schedule_short_that_ends():
    solver = mini_batch(schedule=cosine, n_epochs=9, tol=1e-4, n_iter_no_change=3, schedule_ends=True)
    end, state = trained(problem(flat), solver)
    assert (end.reason, state.epoch, state.n_no_improvement) == (EndReason.FINISHED, 9, 0)
    end, _ = trained(problem(flat), solver, evaluate=Script([0.0] * 30))
    assert (end.reason, end.epochs_done) == (EndReason.SCORE_PLATEAU, 5)


def test_adaptive_divides_the_rate_by_five_at_each_plateau_until_it_is_tiny():
    solver = mini_batch(schedule=adaptive, rate=1e-4, n_epochs=100, tol=1e-4, n_iter_no_change=1)
    end, state = trained(problem(flat), solver)
    rates = [epoch.learning_rate for epoch in state.history]
    # one improvement on nothing, then two epochs without; 1e-4, 2e-5, 4e-6, 8e-7: at 1e-6 and below it is over
    assert rates == pytest.approx([1e-4] * 3 + [2e-5] * 2 + [4e-6] * 2 + [8e-7] * 2)
    assert (end.reason, state.n_plateaus) == (EndReason.LOSS_PLATEAU, 3)


def test_adaptive_follows_the_score_where_there_is_one():
    script = Script([0.0] * 30)
    solver = mini_batch(schedule=adaptive, rate=1e-5, n_epochs=30, tol=1e-4, n_iter_no_change=1)
    end, state = trained(problem(quadratic), solver, evaluate=script)
    assert (end.reason, state.n_plateaus, state.epoch) == (EndReason.SCORE_PLATEAU, 2, 7)


# --- the rate


def rates(solver, n=12):
    """The rate of every step, read off theta: the gradient is 1 and the optimizer plain."""
    thetas = []

    def objective(theta, batch, out, rng=None):
        thetas.append(theta[0])
        out[:] = 1.0
        return 0.0, out

    _, state = trained(problem(objective, n), solver, state_of([0.0], solver))
    return -np.diff([*thetas, state.theta[0]])


def test_schedules_see_the_fraction_of_training_done():
    fractions = np.arange(6) / 6  # two epochs of three steps each
    expected = 0.1 * (1 + np.cos(np.pi * fractions)) / 2
    np.testing.assert_allclose(rates(mini_batch(schedule=cosine, n_epochs=2)), expected)
    longer = rates(mini_batch(schedule=cosine, n_epochs=2, schedule_epochs=4))
    np.testing.assert_allclose(longer, 0.1 * (1 + np.cos(np.pi * fractions / 2)) / 2)
    past_the_end = rates(mini_batch(schedule=lambda progress: progress.fraction, n_epochs=3, schedule_epochs=1))
    np.testing.assert_allclose(past_the_end, 0.1 * np.array([0, 1 / 3, 2 / 3, 1, 1, 1, 1, 1, 1]))


def test_inverse_scaling_changes_between_epochs():
    found = rates(mini_batch(schedule=InverseScaling(0.5), n_epochs=3))
    np.testing.assert_allclose(found, np.repeat(0.1 / np.sqrt([1, 13, 25]), 3))


def test_the_rate_of_the_history_is_the_last_steps():
    _, state = trained(problem(quadratic), mini_batch(schedule=cosine, n_epochs=2))
    assert state.history[0].learning_rate == pytest.approx(0.1 * (1 + np.cos(np.pi / 3)) / 2)


def test_momentum_under_a_falling_rate_is_of_gradients_not_of_steps():
    """The velocity knows no rate: a step is the present rate times it. Where the velocity is a sum of past steps
    (each at the rate of its own time) a fallen rate takes effect late; the two agree as long as the rate is constant.
    """
    solver = mini_batch(SGD(0.9, nesterovs_momentum=False), schedule=InverseScaling(0.5), batch_size=12, n_epochs=3)
    velocities = np.array([1, 1.9, 2.71])
    np.testing.assert_allclose(rates(solver), 0.1 / np.sqrt([1, 13, 25]) * velocities)


# --- what a setting does to a step


def one_step(solver, gradient, theta=START, **more):
    def objective(theta, batch, out, rng=None):
        out[:] = gradient
        return 0.0, out

    solver = replace(solver, batch_size=12, n_epochs=1)
    _, state = trained(problem(objective, **more), solver, state_of(theta, solver))
    return state


@pytest.mark.parametrize(("limit", "factor"), [(5.0, 0.5), (10.0, 1.0), (20.0, 1.0)])
def test_clip_norm_shortens_long_gradients(limit, factor):
    gradient = np.array([6.0, 0, 0, 8, 0])
    state = one_step(mini_batch(clip_norm=limit), gradient)
    np.testing.assert_allclose(state.theta, START - 0.1 * factor * gradient)
    assert state.history[0].gradient_norm == 10


def test_an_l1_penalty_shrinks_weights_after_each_step_and_no_bias():
    def flat(theta, batch, out, rng=None):
        out[:] = 0.0
        return 0.0, out

    _, state = trained(problem(flat, p=4, l1=1.5), mini_batch(schedule=cosine, n_epochs=1))
    rates = 0.1 * (1 + np.cos(np.pi * np.arange(3) / 3)) / 2
    np.testing.assert_allclose(state.theta[:4], np.maximum(START[:4] - 1.5 * rates.sum(), 0.0), atol=1e-15)
    assert state.theta[4] == START[4]


def test_norms_are_limited_after_each_step():
    seen = []

    def limit_norms(theta):
        seen.append(theta.copy())
        np.clip(theta, 0.0, 0.5, out=theta)

    _, state = trained(problem(quadratic, limit_norms=limit_norms), mini_batch(n_epochs=1))
    assert (state.theta <= 0.5).all()
    assert len(seen) == 3


def test_dropout_gets_the_generator_and_nobody_else_does():
    given = []

    def objective(theta, batch, out, rng=None):
        given.append(rng)
        return quadratic(theta, batch, out)

    _, state = trained(problem(objective, is_random=True), mini_batch(n_epochs=1))
    assert all(rng is state.rng for rng in given)
    given.clear()
    trained(problem(objective), mini_batch(n_epochs=1))
    assert given == [None] * 3


def test_a_moving_average_follows_theta_and_is_what_is_evaluated():
    thetas, evaluated = [], []

    def objective(theta, batch, out, rng=None):
        thetas.append(theta.copy())
        return quadratic(theta, batch, out)

    solver = mini_batch(averaging=0.4, n_epochs=2)
    state = state_of(START, solver)
    evaluate = lambda: evaluated.append(state.averaged_theta.copy()) or (len(evaluated), nan)  # noqa: E731
    trained(problem(objective), solver, state, evaluate=evaluate)
    average = START.copy()
    for step, theta in enumerate([*thetas[1:], state.theta], 1):
        decay = min(0.4, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * theta
    np.testing.assert_allclose(state.average, average, rtol=1e-13)
    np.testing.assert_array_equal(evaluated[-1], state.average)
    np.testing.assert_array_equal(state.best.kept, state.average)
    assert state.averaged_theta is state.average


def test_zeros_of_an_l1_penalty_are_zeros_of_the_average():
    solver = mini_batch(averaging=0.9)
    _, state = trained(problem(quadratic, p=3, l1=100.0), solver, state_of(START, solver))
    assert (state.average[:3] == 0).all()
    assert (state.average[3:] != 0).all()


def shorten(theta, longest=0.5):
    """Scale down the two columns of a matrix of 2 x 2 weights; the last parameter is a bias."""
    W = theta[:4].reshape(2, 2)
    W *= np.minimum(1.0, longest / np.maximum(np.linalg.norm(W, axis=0), 1e-300))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_optimizer
def test_a_limit_on_norms_holds_for_the_average_at_every_epoch(optimizer, dtype):
    """The average starts where theta does, outside the limit, and follows it slowly."""
    norms = []

    def evaluate():
        norms.append(np.linalg.norm(state.averaged_theta[:4].reshape(2, 2), axis=0).max())
        return 1.0, nan

    solver = mini_batch(optimizer, averaging=0.99, rate=0.01, n_epochs=30)
    state = state_of(np.linspace(2, 3, 5, dtype=dtype), solver)
    trained(problem(quadratic, p=4, limit_norms=shorten), solver, state, evaluate=evaluate)
    assert len(norms) == 30
    assert max(norms) <= 0.5 * (1 + 1e-6)
    assert norms[-1] > 0.4  # the limit binds
    assert state.average[4] > 1.0
    assert state.theta[4] > 1.0


@each_optimizer
def test_weights_and_their_average_stay_between_bounds(optimizer):
    """From a start outside; the biases, and the weights whose optimum lies inside, are not touched."""
    bounds = np.array([-inf, 0.0, -0.5]), np.array([0.2, inf, 0.5])
    seen = []

    def evaluate():
        seen.append(state.averaged_theta[:3].copy())
        return 1.0, nan

    solver = mini_batch(optimizer, averaging=0.9, n_epochs=40, rate=0.02)
    state = state_of([1.0, -1.0, 1.0, 0.0, 0.0], solver)
    trained(problem(quadratic, n=4, p=3, bounds=bounds), solver, state, evaluate=evaluate)
    for w in (state.theta[:3], *seen):
        assert (w >= bounds[0]).all()
        assert (w <= bounds[1]).all()
    assert state.theta[0] == 0.2
    assert state.theta[2] == 0.5
    assert state.theta[3] > 0.5


def test_a_limit_leaves_theta_and_a_short_average_alone():
    solver = mini_batch(OPTIMIZERS["adam"], averaging=0.9)

    def limited(limit):
        state = state_of(START, solver)

        def limit_norms(vector):
            if limit is not None and vector is state.average:
                limit(vector)

        return trained(problem(quadratic, limit_norms=limit_norms), solver, state)[1]

    free, loose, tight = limited(None), limited(lambda theta: shorten(theta, 100.0)), limited(shorten)
    assert same(free, loose)
    np.testing.assert_array_equal(tight.theta, free.theta)
    assert not np.array_equal(tight.average, free.average)


# --- divergence


@pytest.mark.parametrize("value", [inf, nan])
def test_an_objective_that_is_not_finite_is_an_error_at_once(value):
    objective = LeastSquares()

    def diverging(theta, batch, out, rng=None):
        end = objective(theta, batch, out)
        return (value, out) if objective.calls == 5 else end

    with pytest.raises(DivergedError) as raised:
        trained(problem(diverging), mini_batch())
    assert objective.calls == 5
    assert (raised.value.epoch, raised.value.rate) == (2, 0.1)


def test_a_theta_that_is_not_finite_is_an_error_within_its_epoch():
    def diverging(theta, batch, out, rng=None):
        out[:] = inf
        return 1.0, out

    with pytest.raises(DivergedError, match="epoch 1 at rate 0.1"):
        trained(problem(diverging), mini_batch())


def test_too_high_a_rate_diverges_without_a_warning():
    with pytest.raises(DivergedError):
        trained(problem(quadratic), mini_batch(rate=1e200, n_epochs=10))


# --- interrupts


class HalfDone(Interrupting):
    """A Ctrl-C in the middle of a step: theta's gradient is half written and random numbers are drawn."""

    @staticmethod
    def half_done(theta, batch, out, rng=None):
        out[::2] = 1e9
        if rng is not None:
            rng.normal(size=3)


def interruptible(**wrapped):
    """A random problem of 3 batches an epoch, whose objective or limit on norms may be interrupted."""
    parts = {"objective": LeastSquares(noise=0.1), "limit_norms": lambda theta: np.clip(theta, -5, 5, out=theta)}
    parts |= {name: wrap(parts[name]) for name, wrap in wrapped.items()}
    return problem(parts["objective"], is_random=True, limit_norms=parts["limit_norms"])


def evaluation_of(state, validated=True):
    """An evaluation by the length of theta; None without validation."""
    return (lambda: (-float(state.averaged_theta @ state.averaged_theta), 0.0)) if validated else None


def run_to(n_epochs, optimizer, validated=True):
    """The state after some undisturbed epochs."""
    solver = mini_batch(optimizer, n_epochs=n_epochs, clip_norm=2.0, weight_decay=0.01, averaging=0.5)
    state = state_of(START, solver)
    trained(interruptible(), solver, state, evaluate=evaluation_of(state, validated))
    return state


@each_optimizer
@pytest.mark.parametrize("part", ["objective", "limit_norms"])
@pytest.mark.parametrize("nth", range(1, 10))
def test_an_interrupt_at_any_step_leaves_the_last_whole_epoch(optimizer, part, nth):
    """Of three steps each. Before the end of the first one nothing has changed, and the interrupt is raised."""
    calls = 6 if part == "limit_norms" else 3  # an epoch; a step calls it for theta and for its average
    validated, n_whole = nth % 2 == 0, (nth - 1) // calls
    solver = mini_batch(optimizer, n_epochs=9, clip_norm=2.0, weight_decay=0.01, averaging=0.5)
    kind = HalfDone if part == "objective" else Interrupting
    interrupted = interruptible(**{part: lambda f: kind(f, nth)})
    state = state_of(START, solver)
    with nullcontext() if n_whole else pytest.raises(KeyboardInterrupt):
        end, _ = trained(interrupted, solver, state, evaluate=evaluation_of(state, validated))
        assert (end.reason, end.epochs_done) == (EndReason.INTERRUPTED, n_whole)
    assert same(state, run_to(n_whole, optimizer, validated) if n_whole else state_of(START, solver))


def test_an_interrupt_before_the_first_whole_epoch_of_a_run_taken_up_again():
    optimizer = OPTIMIZERS["adam"]
    state = run_to(2, optimizer)
    solver = mini_batch(optimizer, n_epochs=9, clip_norm=2.0, weight_decay=0.01, averaging=0.5)
    with pytest.raises(KeyboardInterrupt):
        trained(interruptible(objective=lambda f: HalfDone(f, 2)), solver, state, evaluate=evaluation_of(state))
    assert same(state, run_to(2, optimizer))


# --- taken up again, and again the same


def test_counts_and_plateaus_go_on_where_they_were():
    solver = mini_batch(schedule=adaptive, rate=1e-4, n_epochs=9, tol=1e-4, n_iter_no_change=1)
    _, whole = trained(problem(flat), solver)
    _, part = trained(problem(flat), replace(solver, n_epochs=4))
    assert (part.n_plateaus, part.n_no_improvement) == (1, 1)
    trained(problem(flat), solver, part.copy())
    state = part.copy()
    assert trained(problem(flat), solver, state)[0].reason is EndReason.LOSS_PLATEAU
    assert same(state, whole)


@pytest.mark.parametrize("reason", [EndReason.LOSS_PLATEAU, EndReason.SCORE_PLATEAU])
def test_a_run_that_has_waited_long_enough_has_nothing_left_to_do(reason):
    evaluate = Script([0] * 9) if reason is EndReason.SCORE_PLATEAU else None
    solver = mini_batch(n_epochs=9, tol=1e-4, n_iter_no_change=3)
    state = state_of(START, solver)
    assert solver.reason_to_end(state) is None
    assert trained(problem(flat), solver, state, evaluate=evaluate)[0].reason is solver.reason_to_end(state) is reason


# --- memory


@pytest.mark.parametrize(
    ("name", "temporaries"), [("sgd", 0), ("momentum", 0), ("nesterov", 1), ("rmsprop", 2), ("adam", 0)]
)
@pytest.mark.parametrize("more", [{}, {"weight_decay": 0.1, "clip_norm": 1e-3}])
def test_a_step_allocates_no_array_of_thetas_size(name, temporaries, more):
    """Nesterov's and RMSProp's formulas need one or two for a moment; the others none, whatever the settings."""
    theta = np.zeros(100_000)
    solver = mini_batch(OPTIMIZERS[name], schedule=constant, batch_size=1, shuffle=False, n_epochs=1, **more)
    state = state_of(theta, solver)
    peaks = []

    def objective(theta, batch, out, rng=None):
        peaks.append(tracemalloc.get_traced_memory()[1] - tracemalloc.get_traced_memory()[0])
        tracemalloc.reset_peak()
        out[:] = 1.0
        return 1.0, out

    tracemalloc.start()
    train(solver, problem(objective, 5, theta.size), state)
    tracemalloc.stop()
    assert max(peaks[1:]) < (temporaries + 0.1) * theta.nbytes


@pytest.mark.parametrize(("rate", "n_plateaus"), [(0.9e-6, 0), (1e-6, 0), (1.1e-6, 1), (24e-6, 2)])
def test_the_least_rate_of_adaptive_is_a_millionth(rate, n_plateaus):
    """It is divided by five as long as it is larger."""
    solver = mini_batch(schedule=adaptive, rate=rate, n_epochs=50, tol=10.0, n_iter_no_change=0)
    end, state = trained(problem(LeastSquares()), solver)
    assert state.n_plateaus == n_plateaus
    assert end.epochs_done < 50


@pytest.mark.parametrize(("value", "diverges"), [(0.9e30, False), (1.1e30, True)])
def test_a_loss_has_exploded_at_1e30_times_what_it_was(value, diverges):
    values = iter([0.0, value, 0.0])

    def objective(theta, batch, out, rng=None):
        out[:] = 0.0
        return next(values), out

    if diverges:
        with pytest.raises(DivergedError):
            trained(problem(objective), mini_batch(n_epochs=1))
    else:
        assert trained(problem(objective), mini_batch(n_epochs=1))[0].epochs_done == 1


# --- several runs side by side: as one after the other, whatever the number of threads; and interrupts ----------------

ADAM = OPTIMIZERS["adam"]
SOLVER = mini_batch(ADAM, n_epochs=4)
THETA = np.linspace(-1.0, 1.0, 5)


def problems_and_states(n=3):
    """Networks side by side, whose batches are shuffled by seeds of their own."""
    return [problem(LeastSquares()) for _ in range(n)], [state_of(THETA, SOLVER, seed=i) for i in range(n)]


def alone(n_epochs=4):
    """The states of networks that are trained one after the other."""
    problems, states = problems_and_states()
    for the_problem, state in zip(problems, states, strict=True):
        train(mini_batch(ADAM, n_epochs=n_epochs, schedule_epochs=4), the_problem, state)
    return states


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_each_network_is_what_it_is_alone(n_threads):
    problems, together = problems_and_states()
    assert SOLVER.train(problems, together, n_threads=n_threads) == TrainingEnd(EndReason.MAX_ITER, 4)
    for one, expected in zip(together, alone(), strict=True):
        assert_array_equal(one.theta, expected.theta)
        assert [epoch.loss for epoch in one.history] == [epoch.loss for epoch in expected.history]


class RoundScript:
    """An observer that writes down how far all networks are, and stops after some rounds."""

    def __init__(self, states, stop_after=None):
        self.states, self.stop_after, self.heard = states, stop_after, []

    def epoch_began(self):
        self.heard.append("begin")

    def epoch_ended(self):
        self.heard.append([state.epoch for state in self.states])
        return len(self.heard) == 2 * (self.stop_after or 99)


@pytest.mark.parametrize(("stop_after", "reason"), [(2, EndReason.CALLBACK), (4, EndReason.MAX_ITER)])
def test_a_round_is_an_epoch_of_every_network(stop_after, reason):
    """A callback that asks to stop after the last epoch is no reason to end, but it has asked."""
    problems, states = problems_and_states()
    script = RoundScript(states, stop_after)
    assert SOLVER.train(problems, states, script, 2) == TrainingEnd(reason, stop_after, callback_asked=True)
    assert script.heard[1::2] == [[i] * 3 for i in range(1, stop_after + 1)]


def test_the_mean_training_loss_of_all_networks_is_what_must_improve():
    """One gets better by as much as the other gets worse."""
    losses = {"better": iter([3.0, 2.0, 1.0, 0.0, 0.0]), "worse": iter([1.0, 1.0, 2.0, 3.0, 4.0])}

    def problem_of(name):
        return problem(lambda theta, batch, out, rng=None: (next(losses[name]), np.zeros_like(out)))

    solver = mini_batch(batch_size=12, n_epochs=5, tol=1e-4, n_iter_no_change=1)
    states = [state_of(THETA, solver) for _ in range(2)]
    end = solver.train([problem_of("better"), problem_of("worse")], states)
    assert end == TrainingEnd(EndReason.LOSS_PLATEAU, 4)


def test_all_networks_are_evaluated_at_once_and_they_keep_the_same_epoch():
    problems, states = problems_and_states()
    seen, scores = [], [1.0, 3.0, 2.0, 0.0]

    def evaluate():
        seen.append([state.epoch for state in states])
        return scores[len(seen) - 1], 0.5

    SOLVER.train(problems, states, n_threads=2, evaluation=recording(states, evaluate))
    assert seen == [[i] * 3 for i in range(1, 5)]
    for one, expected in zip(states, alone(2), strict=True):
        assert_array_equal(one.best.kept, expected.theta)
        assert [epoch.validation_score for epoch in one.history] == scores


def test_an_evaluation_that_records_nothing_keeps_no_weights():
    problems, states = problems_and_states()
    criteria = iter([3.0, 1.0, 2.0, 1.5])
    SOLVER.train(problems, states, evaluation=Evaluating(lambda: next(criteria)))
    assert [(state.best.epoch, state.n_no_improvement, state.least_criterion) for state in states] == [(0, 2, 1.0)] * 3


@pytest.mark.parametrize("at", [2, 3])
def test_an_interrupt_of_the_evaluation_keeps_the_last_whole_epoch(at):
    problems, states = problems_and_states()
    end = SOLVER.train(problems, states, evaluation=Evaluating(Interrupting(lambda: 1.0, at)))
    assert end == TrainingEnd(EndReason.INTERRUPTED, at - 1)
    for one, expected in zip(states, alone(at - 1), strict=True):
        assert_array_equal(one.theta, expected.theta)
        assert len(one.history) == at - 1


@pytest.mark.parametrize("at", [4, 5, 6])
def test_an_interrupt_while_snapshots_are_taken_leaves_all_networks_at_one_epoch(monkeypatch, at):
    """Three networks take one each before the first round, and after each round."""
    problems, states = problems_and_states()
    take = Interrupting(State.snapshot, at)
    monkeypatch.setattr(State, "snapshot", lambda state: take(state))
    assert SOLVER.train(problems, states) == TrainingEnd(EndReason.INTERRUPTED, 1)
    for one, expected in zip(states, alone(1), strict=True):
        assert one.epoch == len(one.history) == 1
        assert_array_equal(one.theta, expected.theta)


def test_an_interrupt_in_the_first_round_is_raised():
    problems, states = problems_and_states()
    with pytest.raises(KeyboardInterrupt):
        SOLVER.train(problems, states, evaluation=Evaluating(Interrupting(lambda: 1.0, 1)))
    assert all(same(one, new) for one, new in zip(states, problems_and_states()[1], strict=True))


def test_an_interrupt_between_rounds():
    problems, states = problems_and_states()
    script = RoundScript(states)
    script.epoch_began = Interrupting(script.epoch_began, 3)
    assert SOLVER.train(problems, states, script, 2) == TrainingEnd(EndReason.INTERRUPTED, 2)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_diverging_network_raises(n_threads):
    problems, states = problems_and_states()
    problems[-1] = problem(lambda theta, batch, out, rng=None: (inf, out))
    with pytest.raises(DivergedError):
        SOLVER.train(problems, states, n_threads=n_threads)


def test_an_interrupt_while_others_compute_waits_for_them(monkeypatch):
    """It comes to the thread that waits; the epochs under way are finished, and none is torn."""
    real, waited = loop.wait, []

    def wait(futures):
        waited.append(len(futures))
        if len(waited) == 3:
            raise KeyboardInterrupt
        return real(futures)

    monkeypatch.setattr(loop, "wait", wait)
    problems, states = problems_and_states()
    assert SOLVER.train(problems, states, n_threads=2) == TrainingEnd(EndReason.INTERRUPTED, 2)
    assert waited == [3, 3, 3, 3]
    for one, expected in zip(states, alone(2), strict=True):
        assert_array_equal(one.theta, expected.theta)
