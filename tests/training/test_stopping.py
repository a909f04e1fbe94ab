"""Patience and the best epoch, on scripted scores."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from problems import state_of

from sknet._training.stopping import Patience, judged


def observed(patience, scores):
    """At which score, counted from 1, patience ran out; None if it did not."""
    state = state_of([0.0])
    for i, score in enumerate(scores, 1):
        if patience.observe(state, score):
            return i
    return None


@pytest.mark.parametrize(
    ("tol", "scores", "end"),
    [
        (0, [1, 2, 3, 4, 5, 6], None),
        (0, [1, 1, 1, 1, 1], None),  # not to fall by less than 0 is to improve by at least 0
        (0.1, [1, 1, 1, 1, 1], 4),  # the third without improvement
        (0.1, [1, 1.05, 1.1, 1.15], 4),  # each within tol of the best so far, which rises with them
        (0.1, [1, 0, 0, 1.2, 0, 0, 0], 7),  # counting starts again
        (0.1, [nan, nan, nan, nan], 3),
        (0.1, [1, nan, nan, 2, nan], None),
    ],
)
def test_patience(tol, scores, end):
    assert observed(Patience(tol, 2), scores) == end


def test_patience_without_end():
    assert observed(Patience(1.0), [0] * 1000) is None


@given(st.lists(st.floats(-5, 5), max_size=30), st.floats(0, 1), st.integers(1, 5))
def test_patience_is_scikit_learns_count(scores, tol, n_epochs):
    best, count, end = inf, 0, None
    for i, loss in enumerate((-score for score in scores), 1):
        count = count + 1 if loss > best - tol else 0
        best = min(best, loss)
        if count > n_epochs:
            end = i
            break
    assert observed(Patience(tol, n_epochs), scores) == end


def test_the_best_epoch_is_kept():
    state = state_of([0.0, 0.0])
    for epoch, score in enumerate([nan, nan, 1.0, 3.0, nan, 3.0, 2.0], 1):
        state.theta += 1.0
        state.epoch = epoch
        before = state.best
        assert judged(lambda theta, score=score: (-1.0, score, 2.0 * theta), state)[0] == -1.0
        if epoch == 2:
            assert state.best is before  # not a number is no improvement on not a number
    assert (state.best.score, state.best.epoch, state.best.theta.tolist()) == (3.0, 6, [12, 12])  # the later of equals
    assert not np.shares_memory(state.best.theta, state.theta)
