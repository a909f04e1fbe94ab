"""A run as arrays and back, and the snapshot that an interrupt falls back on."""

import io
from math import inf, nan

import numpy as np
import pytest
from problems import same, state_of

from sknet._training import state as state_module
from sknet._training.result import Epoch
from sknet._training.state import Best, Snapshot, State


def eventful(dtype=float):
    """A state in which every field differs from its default."""
    rng = np.random.default_rng(3)
    theta = rng.normal(size=4).astype(dtype)
    history = [Epoch(0.1, nan, -inf, 1e-3, 1 / 3, 0.5), Epoch(0.05, 2.0, 3.0, 1e-4, 1e-300, 0.25)]
    best = Best(theta * 2, 0.7, 1)
    return State(
        theta, (theta + 1, theta**2), rng, step=11, epoch=2, seen=24, plateaus=1, stale=3,
        best_score=0.7, best=best, average=theta / 3, history=history,
    )  # fmt: skip


def through_a_file(state):
    file = io.BytesIO()
    np.savez(file, **state.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return State.from_arrays(arrays)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("travel", [State.copy, through_a_file], ids=["copy", "file"])
@pytest.mark.parametrize("make", [eventful, lambda dtype: state_of(np.zeros(3, dtype))], ids=["eventful", "new"])
def test_round_trip_bit_for_bit(make, travel, dtype):
    state = make(dtype)
    again = travel(state)
    assert same(state, again) and [e.seconds for e in again.history] == [e.seconds for e in state.history]
    assert (again.best is None) == (state.best is None) and (again.average is None) == (state.average is None)
    assert again.theta.dtype == dtype and again.rng.random() == state.rng.random()
    assert all(type(getattr(again, name)) is int for name in ("step", "epoch", "seen", "plateaus", "stale"))


def test_a_copy_shares_nothing():
    state = eventful()
    copy, before = state.copy(), state.copy()
    copy.theta += 1
    copy.moments[0][:] = copy.average[:] = 0
    copy.best.theta[:] = 0
    copy.history.clear()
    copy.rng.random()
    assert same(state, before)


def advance(state):
    state.theta += 1
    for vector in (*state.moments, state.average):
        vector *= 2
    state.rng.random(3)
    state.step, state.epoch, state.seen, state.plateaus, state.stale = 20, 3, 36, 2, 0
    state.best_score, state.best = 9.0, Best(state.theta.copy(), 9.0, 3)
    state.history.append(Epoch(0, 0, 0, 0, 0, 0))


def test_restore_undoes_everything_since_take():
    state = eventful()
    snapshot, before, theta = Snapshot(state), state.copy(), state.theta
    advance(state)
    assert not same(state, before)
    snapshot.restore(state)
    assert same(state, before) and state.theta is theta
    advance(state)
    snapshot.take(state)
    taken = state.copy()
    advance(state)
    snapshot.restore(state)
    assert same(state, taken)


@pytest.mark.parametrize("nth", range(1, 5))
def test_an_interrupted_take_leaves_the_state_it_was_taking(nth, monkeypatch):
    """The copies of theta, of two moments and of the average, each cut short: what is restored is never a mixture."""
    state = eventful()
    snapshot = Snapshot(state)
    advance(state)
    whole, calls, copyto = state.copy(), [], np.copyto

    def interrupted(to, source):
        calls.append(to)
        if len(calls) == nth:
            to[:2] = source[:2]
            raise KeyboardInterrupt
        copyto(to, source)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(state_module.np, "copyto", interrupted)
        snapshot.take(state)
    snapshot.restore(state)
    assert same(state, whole)
