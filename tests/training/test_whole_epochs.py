"""The last whole epoch of networks side by side; the solvers' own tests interrupt them at any place."""

import numpy as np
import pytest

from sknet._training.solver import State
from sknet._training.whole_epochs import LastWholeEpoch
from tests.training.problems import Evaluating, Interrupting, epoch, same, state_after


def advance(states):
    for state in states:
        state.theta += 1.0
        state.rng.random(3)
        state.record_epoch(12, epoch())


@pytest.mark.parametrize("n_whole", [0, 1, 3])
def test_a_part_of_an_epoch_is_undone(n_whole):
    states = [state_after(2), state_after(2)]
    last = LastWholeEpoch(states, None)
    for _ in range(n_whole):
        advance(states)
        last.move_here()
    whole = [state.copy() for state in states]
    advance(states[:1])  # the other network is still at the epoch before
    states[1].theta += 0.5
    assert last.restore() is (n_whole > 0)
    assert all(map(same, states, whole))


def test_an_interrupt_while_snapshots_are_taken_undoes_nothing(monkeypatch):
    states = [state_after(2), state_after(2)]
    last = LastWholeEpoch(states, Evaluating(lambda: 1.0))
    advance(states)
    whole = [state.copy() for state in states]
    take = Interrupting(State.snapshot, 2)
    monkeypatch.setattr(State, "snapshot", lambda state: take(state))
    with pytest.raises(KeyboardInterrupt):
        last.move_here()
    assert last.restore()
    assert all(map(same, states, whole))
    np.testing.assert_array_equal(states[0].theta, np.arange(4.0) + 1.0)
