"""Several runs side by side: the same as one after the other, whatever the number of threads; and interrupts."""

from math import nan

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import OPTIMIZERS, Interrupting, LeastSquares, mini_batch, problem, state_of, train
from sknet._training.loop import MiniBatchLoop, train_in_rounds

from sknet._training import loop as rounds
from sknet._training.solver import DivergedError, EpochEvaluation, StopReason

ADAM = OPTIMIZERS["adam"]
START = np.linspace(-1.0, 1.0, 5)


def runs_of(n=3, evaluate=None, **more):
    """Runs of different lengths, whose batches are shuffled by seeds of their own."""
    found = []
    for i in range(n):
        solver = mini_batch(ADAM, n_epochs=4 + i, **more)
        found.append(MiniBatchLoop(solver, problem(LeastSquares(), evaluate=evaluate), state_of(START, solver, seed=i)))
    return found


def alone(**more):
    return [one.state for one in runs_of(**more) if train(one.solver, one.problem, one.state)]


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_each_run_is_what_it_is_alone(n_threads):
    together = runs_of()
    results = train_in_rounds(together, n_threads)
    assert [result.epochs_done for result in results] == [4, 5, 6]
    assert {result.reason for result in results} == {StopReason.MAX_ITER}
    for one, expected in zip(together, alone(), strict=True):
        assert_array_equal(one.state.theta, expected.theta)
        assert [epoch.loss for epoch in one.state.history] == [epoch.loss for epoch in expected.history]


class Script:
    """An observer that writes down how far all runs are, and stops after some rounds."""

    def __init__(self, states, stop_after=None):
        self.states, self.stop_after, self.heard = states, stop_after, []

    def epoch_began(self):
        self.heard.append("begin")

    def epoch_ended(self):
        self.heard.append([state.epoch for state in self.states])
        return len(self.heard) == 2 * (self.stop_after or 99)


def test_a_round_is_an_epoch_of_every_run_that_has_not_ended():
    runs = runs_of()
    script = Script([one.state for one in runs])
    train_in_rounds(runs, 1, script)
    assert script.heard[1::2] == [[1, 1, 1], [2, 2, 2], [3, 3, 3], [4, 4, 4], [4, 5, 5], [4, 5, 6]]
    runs = runs_of()
    results = train_in_rounds(runs, 2, Script([one.state for one in runs], stop_after=5))
    assert [result.reason for result in results] == [StopReason.MAX_ITER, StopReason.MAX_ITER, StopReason.CALLBACK]


def interrupting(at):
    """A validation with a Ctrl-C during its nth call."""
    return Interrupting(lambda theta: EpochEvaluation(nan, 0.0, theta), at)


@pytest.mark.parametrize("at", [4, 5, 6])
def test_an_interrupt_keeps_the_last_whole_epoch_of_each(at):
    runs = runs_of(evaluate=interrupting(at))
    results = train_in_rounds(runs)
    assert {result.reason for result in results} == {StopReason.INTERRUPTED}
    done = [2 if i < at - 4 else 1 for i in range(3)]
    assert [one.state.epoch for one in runs] == done
    for one, expected, n in zip(runs, runs_of(evaluate=interrupting(99)), done, strict=True):
        until = mini_batch(ADAM, n_epochs=n, schedule_epochs=expected.solver.n_epochs)
        train(until, expected.problem, expected.state)
        assert_array_equal(one.state.theta, expected.state.theta)
        assert len(one.state.history) == n


@pytest.mark.parametrize("at", [1, 3])
def test_an_interrupt_in_the_first_round_is_raised(at):
    with pytest.raises(KeyboardInterrupt):
        train_in_rounds(runs_of(evaluate=interrupting(at)))


def test_an_interrupt_while_threads_work_waits_for_their_epochs():
    runs = runs_of()
    script = Script([one.state for one in runs])
    begun = []

    def epoch_began():
        begun.append(None)
        if len(begun) == 3:
            raise KeyboardInterrupt

    script.epoch_began = epoch_began
    results = train_in_rounds(runs, 2, script)
    assert [result.epochs_done for result in results] == [2, 2, 2]


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_that_diverges_is_an_error(n_threads):
    runs = [*runs_of(), *runs_of(1, rate=1e200)]
    with pytest.raises(DivergedError):
        train_in_rounds(runs, n_threads)


def test_an_interrupt_while_others_compute_waits_for_them(monkeypatch):
    """It comes to the thread that waits; the epochs under way are finished, and none is lost or torn."""
    real, waited = rounds.wait, []

    def wait(futures):
        waited.append(len(futures))
        if len(waited) == 3:
            raise KeyboardInterrupt
        return real(futures)

    monkeypatch.setattr(rounds, "wait", wait)
    runs = runs_of()
    results = train_in_rounds(runs, 2)
    assert waited == [3, 3, 3, 3] and {result.reason for result in results} == {StopReason.INTERRUPTED}
    assert [one.state.epoch for one in runs] == [3, 3, 3]
    for one, expected in zip(runs, alone(), strict=True):
        assert [epoch.loss for epoch in one.state.history] == [epoch.loss for epoch in expected.history[:3]]
