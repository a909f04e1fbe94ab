"""The best epoch, copies, the snapshot for interrupts."""

import gc
import pickle
import sys
from dataclasses import astuple
from math import inf, isnan, nan

import numpy as np
import pytest

from sknet._training.solver import BestEpoch, DivergedError, EndReason, Epoch, State, TrainingEnd
from tests.training.problems import lbfgs, recording, same, state_of

# --- the best epoch


def evaluated(scores, losses):
    """The state after epochs with these scores and losses; theta is the epoch's number."""
    state = state_of([0.0, 0.0])
    for score, loss in zip(scores, losses, strict=True):
        end_epoch(state, score, loss)
        last = state.history[-1]
        np.testing.assert_equal((last.validation_loss, last.validation_score), (loss, score))
    return state


def end_epoch(state, score, loss=nan):
    state.theta += 1.0
    state.record_epoch(12, Epoch(loss=1.0))
    lbfgs().end_epoch([state], recording([state], lambda: (score, loss)))


@pytest.mark.parametrize(
    ("scores", "losses", "best"),
    [
        ([1, 3, 2], [nan] * 3, 2),
        ([3, 3, 2], [1, 2, 0], 2),  # the later of equal scores, whatever the loss
        ([nan, nan, 1, 3, nan, 3, 2], [-1] * 7, 6),
        ([nan, nan, -inf], [1, 0, 9], 3),  # any score is better than none
        ([-inf, nan], [9, 0], 1),
        ([nan, nan, nan, nan], [3, 1, 1, 2], 3),  # without a score, the lowest loss, the later of equal ones
        ([nan, nan, nan], [nan, 2, nan], 2),
        ([nan, nan, nan], [2, inf, nan], 1),
        ([nan, nan, nan], [nan, nan, nan], 3),  # nothing is known: the last
    ],
)
def test_the_best_epoch_is_kept(scores, losses, best):
    state = evaluated(scores, losses)
    assert (state.best.epoch, state.best.kept.tolist()) == (best, [best] * 2)
    assert state.scores_undefined == all(map(isnan, scores))
    assert not np.shares_memory(state.best.kept, state.theta)


def test_the_best_epoch_is_found_as_well_after_a_copy_and_a_pickle():
    for travel in State.copy, by_pickle:
        state = travel(evaluated([nan, nan], [2.0, 1.0]))
        end_epoch(state, nan, 1.5)
        assert (state.best.epoch, state.best.kept.tolist()) == (2, [2.0] * 2)


def test_without_validation_no_epoch_is_the_best():
    state = state_of([0.0])
    state.record_epoch(12, Epoch(loss=1.0))
    lbfgs().end_epoch([state], None)
    assert isnan(state.history[0].validation_loss)
    assert isnan(state.history[0].validation_score)
    assert state.best == BestEpoch()
    assert not state.scores_undefined


def test_the_moving_average_is_what_is_evaluated():
    state = eventful()
    end_epoch(state, 9.0)
    np.testing.assert_array_equal(state.best.kept, state.average)


# --- copies and arrays


def eventful(dtype=float):
    """A state in which every field differs from its default."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=4).astype(dtype)
    history = [Epoch(0.1, nan, -inf, 1e-3, 1 / 3, 0.5), Epoch(0.05, 2.0, 3.0, 1e-4, 1e-300, 0.25)]
    return State(
        theta, (theta + 1, theta**2), rng, step=11, epoch=2, n_samples_seen=24, n_plateaus=1,
        n_no_improvement=3, least_criterion=-0.7, best=BestEpoch(2, theta * 2, 3.0, 2.0), average=theta / 3,
        history=history,
    )  # fmt: skip


def by_pickle(state):
    return pickle.loads(pickle.dumps(state.copy()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("travel", [State.copy, by_pickle], ids=["copy", "pickle"])
@pytest.mark.parametrize("make", [eventful, lambda dtype: state_of(np.zeros(3, dtype))], ids=["eventful", "new"])
def test_a_state_comes_back_bit_for_bit(make, travel, dtype):
    state = make(dtype)
    again = travel(state)
    assert same(state, again)
    assert [e.seconds for e in again.history] == [e.seconds for e in state.history]
    assert (again.best.kept is None) == (state.best.kept is None)
    assert (again.average is None) == (state.average is None)
    assert again.theta.dtype == dtype
    assert again.rng.random() == state.rng.random()
    assert all(type(getattr(again, name)) is int for name in ("step", "epoch", "n_samples_seen", "n_plateaus"))


def test_a_copy_shares_nothing():
    state = eventful()
    copy, before = state.copy(), by_pickle(state)
    copy.theta += 1
    copy.moments[0][:] = copy.average[:] = 0
    copy.history.clear()
    copy.rng.random()
    assert same(state, before)


def n_calls(function):
    """How many calls, of Python and of C, a function makes, without those of a collector of garbage that comes by."""
    calls = []
    gc.disable()
    sys.setprofile(lambda frame, event, argument: calls.append(event) if event in ("call", "c_call") else None)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return len(calls)


def test_a_copy_takes_no_longer_after_many_epochs():
    """A run that goes on in `partial_fit` is copied at each call: neither epochs nor counters may slow that down."""
    young, old = eventful(), eventful()
    old.history *= 500
    old.step, old.epoch, old.n_samples_seen = 10**9, 10**6, 10**12
    assert n_calls(young.copy) == n_calls(old.copy)


# --- the snapshot


def advance(state):
    state.theta += 1
    for vector in (*state.moments, state.average):
        vector *= 2
    state.rng.random(3)
    state.step, state.epoch, state.n_samples_seen, state.n_plateaus = 20, 3, 36, 2
    state.n_no_improvement, state.least_criterion = 0, -9.0
    state.best = BestEpoch(3, state.theta.copy(), 9.0)
    state.history.append(Epoch(0, 0, 0, 0, 0, 0))


def test_restore_undoes_everything_since_the_snapshot():
    state = eventful()
    snapshot, before = state.snapshot(), state.copy()
    advance(state)
    assert not same(state, before)
    state.restore(snapshot)
    assert same(state, before)
    advance(state)
    taken, snapshot = state.copy(), state.snapshot()
    advance(state)
    state.restore(snapshot)
    assert same(state, taken)


def test_a_new_run_has_done_nothing():
    new = State(np.zeros(2), (), np.random.default_rng(0))
    counted = (new.step, new.epoch, new.n_samples_seen, new.n_plateaus, len(new.history))
    assert counted == (0, 0, 0, 0, 0)
    assert (new.n_no_improvement, new.least_criterion) == (0, inf)
    assert new.best == BestEpoch()
    assert new.average is None


# --- a divergence knows where it happened -----------------------------------------------------------------------------


def test_an_error_of_divergence_names_epoch_and_rate():
    error = DivergedError(3, 0.5)
    assert (error.epoch, error.rate, str(error)) == (3, 0.5, "not finite in epoch 3 at rate 0.5")
    assert isinstance(error, ArithmeticError)


def test_values_compare_and_travel():
    epoch, end = Epoch(1.0, 2.0, 3.0, 4.0, 5.0, 6.0), TrainingEnd(EndReason.FINISHED, 4)
    assert astuple(epoch) == (1, 2, 3, 4, 5, 6)
    assert end.message == ""
    assert pickle.loads(pickle.dumps((epoch, end))) == (epoch, end)
