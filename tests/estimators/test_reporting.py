"""What a fit says of itself: to whom it is said, and in whose numbers."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknet import SigmoidMLPRegressor
from sknet._estimators.reporting import print_end, report, warn_of_few_rows, why_diverged
from sknet._training.result import DivergedError, Result, StopReason

X = np.random.default_rng(0).normal(size=(40, 2))
NET = SigmoidMLPRegressor(max_iter=7, tol=0.25, n_iter_no_change=3)


def said(*args, **how):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        report(*args, **how)
    return [(warning.category, str(warning.message)) for warning in caught]


def test_an_unfinished_run_is_a_convergence_warning():
    ((category, text),) = said(NET, Result(StopReason.MAX_ITER, 7))
    assert category is ConvergenceWarning and text.startswith("Stochastic Optimizer: Maximum iterations (7) reached")
    assert said(NET, Result(StopReason.MAX_ITER, 7), quiet=True) == []
    lbfgs = SigmoidMLPRegressor(solver="lbfgs")
    ((category, text),) = said(lbfgs, Result(StopReason.LINE_SEARCH, 4, "no descent"))
    assert category is ConvergenceWarning and "after 4 iteration(s): no descent. Increase max_iter or max_fun" in text


def test_an_interrupt_and_scores_that_are_no_numbers_are_told():
    assert said(NET, Result(StopReason.INTERRUPTED, 1)) == [(UserWarning, "Training interrupted by user.")]
    ((category, text),) = said(NET, Result(StopReason.FINISHED, 1, scores_undefined=True))
    assert category is RuntimeWarning and text.startswith("scoring='loss' gave no score that is a number")
    assert said(NET, Result(StopReason.LOSS_PLATEAU, 1)) == []


@pytest.mark.parametrize("reason", StopReason)
def test_verbose_tells_the_ends_that_no_warning_tells(reason, capsys):
    print_end(vars(NET), Result(reason, 1))
    told = capsys.readouterr().out
    assert told.endswith(" Stopping.\n") == (not said(NET, Result(reason, 1)))
    if reason is StopReason.LOSS_PLATEAU:
        assert "tol=0.250000 for 3 consecutive epochs" in told


def test_a_warning_points_at_the_users_line():
    with pytest.warns(ConvergenceWarning) as caught:
        SigmoidMLPRegressor(3, max_iter=1, learning_rate="constant", early_stopping=False).fit(X, X[:, 0])
    assert caught[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="validation_fraction=0.1 of 40 rows leaves fewer than 10 rows"):
        warn_of_few_rows(40, 0.1)


def test_why_training_diverged():
    text = why_diverged(SigmoidMLPRegressor(learning_rate_init=5.0), DivergedError(3, 5.0))
    assert "epoch 3 with learning_rate_init=5: try learning_rate_init=0.5, clip_norm=1.0" in text
    assert "solver='lbfgs': check the loss" in why_diverged(SigmoidMLPRegressor(solver="lbfgs"), DivergedError(1, 0.0))
