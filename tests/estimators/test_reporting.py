"""What a fit says of itself: to whom it is said, and in whose numbers."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknet import SigmoidMLPRegressor
from sknet._estimators.reporting import print_end, report, warn_of_few_rows
from sknet._training.result import Result, StopReason

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


BIG = np.random.default_rng(1).normal(size=(100, 2))
SPREAD = np.where(np.arange(100) == 0, 1e300, 1e-10)


@pytest.mark.parametrize(("parameters", "weight", "message"), [
    ({"weight_decay": 1e300}, None, r"with weight_decay=1e\+300: times the rate 0.015 it must be below 2"),
    ({"weight_decay": 1e6, "solver": "sgd", "early_stopping": False}, None, r"with weight_decay=1e\+06"),
    ({"alpha": 1e9, "solver": "sgd", "clip_norm": None}, None, r"with alpha=1e\+09: so strong a penalty overshoots"),
    ({"learning_rate": lambda done: np.nan}, None, "with a rate of nan, which the function learning_rate made"),
    ({"learning_rate": lambda done: np.inf}, None, "with a rate of inf, which the function learning_rate made"),
    ({}, SPREAD, "with sample weights that differ .*-fold: leave out"),
    ({"learning_rate_init": 1e30, "activation": "relu", "clip_norm": None}, None, "with learning_rate_init=1e"),
])  # fmt: skip
def test_divergence_names_the_parameter_to_blame(parameters, weight, message):
    net = SigmoidMLPRegressor(**{"hidden_layer_sizes": 4, "max_iter": 50, "random_state": 0} | parameters)
    with pytest.raises(ValueError, match=message):
        net.fit(BIG, BIG[:, 0], sample_weight=weight)
    assert net._fitted is None
