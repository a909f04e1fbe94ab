"""The rule of early stopping: which epochs count as no improvement, and when training ends."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._training.patience import Patience
from tests.training.problems import Evaluating, mini_batch, state_after


def observed(scores, tol, n_to_wait, *, schedule_ends=False):
    """At which score, counted from 1, more than `n_to_wait` epochs brought no improvement; None if never."""
    state, solver = state_after(0), mini_batch(tol=tol, n_iter_no_change=n_to_wait, schedule_ends=schedule_ends)
    for i, score in enumerate(scores, 1):
        solver.end_epoch([state], Evaluating(lambda criterion=-score: criterion))
        if solver.patience.is_over(state.n_no_improvement):
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
def test_epochs_without_improvement(tol, scores, end):
    assert observed(scores, tol, 2) == end


def test_infinite_patience_never_ends():
    assert observed([0] * 1000, 1.0, inf) is None


@given(st.lists(st.floats(-5, 5), max_size=30), st.floats(0, 1), st.integers(1, 5))
def test_the_count_is_scikit_learns(scores, tol, n_to_wait):
    best, count, end = inf, 0, None
    for i, loss in enumerate((-score for score in scores), 1):
        count = count + 1 if loss > best - tol else 0
        best = min(best, loss)
        if count > n_to_wait:
            end = i
            break
    assert observed(scores, tol, n_to_wait) == end


@pytest.mark.parametrize(("schedule_ends", "end"), [(False, None), (True, 4)])
def test_an_improvement_may_be_a_share_of_the_best_score(schedule_ends, end):
    """Each epoch is .02 better than the one before: 2% of 1, .2% of 10."""
    assert observed([-10.0 + 0.02 * i for i in range(9)], 0.01, 2, schedule_ends=schedule_ends) == end


@pytest.mark.parametrize("score", [0.0, 0.5, -0.5])
@pytest.mark.parametrize("schedule_ends", [False, True])
def test_a_constant_score_is_a_plateau_whatever_it_is(schedule_ends, score):
    """Such as an F1 of 0, which that of a rare class is for long: a share of 0 is no improvement."""
    assert observed([score] * 20, 1e-4, 2, schedule_ends=schedule_ends) == 4


def test_any_positive_score_improves_on_0():
    assert observed([0.0, 0.0, 1e-9, *[0.0] * 6], 1e-4, 2, schedule_ends=True) == 6


def test_the_verdict_names_the_parameters():
    assert Patience(0.25, 3).verdict == "did not improve more than tol=0.250000 for 3 consecutive epochs"
