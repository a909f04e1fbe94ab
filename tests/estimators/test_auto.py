"""Facts about the data choose among the numbers that "auto" becomes."""

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.resolve import (
    AutoFacts,
    choose_early_stopping,
    fraction_to_hold_out,
    rules,
)
from tests.estimators.choices import (
    FRACTION_HELD_OUT,
    LARGE_FRACTION_HELD_OUT,
    LARGE_TABLE_ROWS,
    MEDIUM_TABLE_ROWS,
    MIN_EVALUATED_ROWS,
    SMALL_TABLE_ROWS,
)
from tests.estimators.inside import settings_and_answers
from tests.tables.examples import survey_of_numbers


@pytest.mark.parametrize(
    ("n", "early_stopping"),
    [(MIN_EVALUATED_ROWS - 1, False), (MIN_EVALUATED_ROWS, "folds"), (LARGE_TABLE_ROWS - 1, "folds"),
     (LARGE_TABLE_ROWS, True)],
)  # fmt: skip
def test_rows_and_parameters_decide_what_evaluates_the_epochs(n, early_stopping):
    assert choose_early_stopping(SigmoidMLPClassifier(), n) == early_stopping
    assert choose_early_stopping(SigmoidMLPRegressor(), n) == early_stopping
    without_choice = n >= MIN_EVALUATED_ROWS  # one epoch leaves folds no choice
    assert choose_early_stopping(SigmoidMLPClassifier(max_iter=1), n) == without_choice
    assert choose_early_stopping(SigmoidMLPClassifier(early_stopping=False), n) is False
    share = LARGE_FRACTION_HELD_OUT if n >= LARGE_TABLE_ROWS else FRACTION_HELD_OUT
    assert fraction_to_hold_out(SigmoidMLPClassifier(), n) == share
    assert fraction_to_hold_out(SigmoidMLPClassifier(validation_fraction=0.3), n) == 0.3


@pytest.mark.parametrize("cls", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_folds_choose_the_epoch_from_40_rows_on(cls):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = (X[:, 0] > 0.0).astype(int)
    assert cls(max_iter=3, random_state=0).fit(X, y).resolved_params_["early_stopping"] == "folds"
    assert cls(max_iter=3, random_state=0).fit(X[1:], y[1:]).resolved_params_["early_stopping"] is False
    # where folds do not suit, too few rows would be held out: all are trained on, without a warning
    assert cls(max_iter=3, warm_start=True).fit(X, y).resolved_params_["early_stopping"] is False


@pytest.mark.parametrize(
    ("facts", "patience", "share", "tol"),
    [(AutoFacts(SMALL_TABLE_ROWS - 1, "folds"), rules.FOLDS_PATIENCE, FRACTION_HELD_OUT, rules.FOLDS_TOL),
     (AutoFacts(MEDIUM_TABLE_ROWS - 1, "folds"), rules.FOLDS_PATIENCE, FRACTION_HELD_OUT, rules.FOLDS_TOL),
     (AutoFacts(MEDIUM_TABLE_ROWS, "folds"), rules.STEADY_FOLDS_PATIENCE, FRACTION_HELD_OUT, rules.FOLDS_TOL),
     (AutoFacts(2000, True, 300), rules.PATIENCE, FRACTION_HELD_OUT, rules.TOL),
     (AutoFacts(LARGE_TABLE_ROWS, True, 2000), rules.LARGE_PATIENCE, LARGE_FRACTION_HELD_OUT, rules.LARGE_TOL),
     (AutoFacts(LARGE_TABLE_ROWS - 1, True, 1), rules.LARGE_PATIENCE, LARGE_FRACTION_HELD_OUT, rules.LARGE_TOL)],
)  # fmt: skip
def test_patience_and_the_held_out_fraction_depend_on_the_rows(facts, patience, share, tol):
    answers = settings_and_answers(SigmoidMLPClassifier(), facts)[1]
    assert (answers.n_iter_no_change, answers.validation_fraction, answers.tol) == (patience, share, tol)


def test_validation_rows_of_the_user_do_not_make_a_table_large():
    y = np.arange(LARGE_TABLE_ROWS) % 2
    X = y[:, np.newaxis] + 0.5
    net = SigmoidMLPClassifier((2,), max_iter=1, random_state=0)
    few, many = (
        SimpleNamespace(**clone(net).fit(X[:n], y[:n], X_val=X[1:], y_val=y[1:]).resolved_params_)
        for n in (100, LARGE_TABLE_ROWS)
    )
    assert (few.n_iter_no_change, few.validation_fraction, few.tol) == (rules.PATIENCE, FRACTION_HELD_OUT, rules.TOL)
    assert (many.n_iter_no_change, many.validation_fraction, many.tol) == (
        rules.LARGE_PATIENCE, LARGE_FRACTION_HELD_OUT, rules.LARGE_TOL,
    )  # fmt: skip


@pytest.mark.parametrize("n", [SMALL_TABLE_ROWS - 1, MEDIUM_TABLE_ROWS])
def test_folds_of_numbers_wait_for_fewer_epochs(n):
    assert (
        settings_and_answers(SigmoidMLPRegressor(), AutoFacts(n, "folds"))[1].n_iter_no_change
        == rules.STEADY_FOLDS_PATIENCE
    )


@pytest.mark.parametrize("cls", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize(
    ("n_rows", "n_numbers", "n_bins"),
    [(MIN_EVALUATED_ROWS, 1, 12), (1000, 1, 41), (1000, 5, 41), (1000, 20, 12), (1000, 50, 12), (3071, 1, 127),
     (10**6, 1, 128), (10**6, 4, 64), (10**6, 0, 128)],
)  # fmt: skip
def test_bins_grow_with_the_rows_until_all_columns_have_256(cls, n_rows, n_numbers, n_bins):
    facts = AutoFacts(n_rows, "folds", survey=survey_of_numbers(n_numbers))
    settings, answers = settings_and_answers(cls(), facts)
    assert settings.table.n_bins == answers.n_bins == n_bins
    assert settings_and_answers(cls(n_bins=5), facts)[0].table.n_bins == 5


@pytest.mark.parametrize(
    ("net", "n", "early_stopping", "answer", "learnt"),
    [(SigmoidMLPClassifier(), SMALL_TABLE_ROWS, "folds", "auto", "steps"),
     (SigmoidMLPRegressor(), SMALL_TABLE_ROWS, "folds", "auto", "piecewise_linear"),
     (SigmoidMLPClassifier(), MEDIUM_TABLE_ROWS, "folds", "auto", "steps"),
     (SigmoidMLPRegressor(), LARGE_TABLE_ROWS, True, "auto", "piecewise_linear"),
     (SigmoidMLPClassifier(n_members=1), MEDIUM_TABLE_ROWS, "folds", "steps", "steps"),
     (SigmoidMLPRegressor(n_members=1), MEDIUM_TABLE_ROWS, "folds", "piecewise_linear", "piecewise_linear"),
     (SigmoidMLPRegressor(n_members=1), MEDIUM_TABLE_ROWS - 1, "folds", "raw", "raw"),
     (SigmoidMLPClassifier(), MEDIUM_TABLE_ROWS, False, "piecewise_linear", "piecewise_linear"),
     (SigmoidMLPClassifier(n_members=2), SMALL_TABLE_ROWS, False, "auto", "piecewise_linear"),
     (SigmoidMLPRegressor(numeric_encoding="steps"), SMALL_TABLE_ROWS, "folds", "steps", "steps"),
     (SigmoidMLPClassifier(numeric_encoding="piecewise_linear"), SMALL_TABLE_ROWS, "folds", *["piecewise_linear"] * 2),
     (SigmoidMLPClassifier(), MIN_EVALUATED_ROWS - 1, False, "raw", "raw")],
)  # fmt: skip
def test_classifiers_look_for_steps_wherever_they_have_bins_and_rows_evaluate_the_epochs(
    net, n, early_stopping, answer, learnt
):
    settings, answers = settings_and_answers(net, AutoFacts(n, early_stopping, survey=survey_of_numbers(3)))
    assert (answers.numeric_encoding, settings.table.numeric_encoding) == (answer, learnt)


@pytest.mark.parametrize(("n_numbers", "answer"), [(50, "auto"), (51, "raw")])
def test_tables_of_up_to_50_columns_of_numbers_get_bins(n_numbers, answer):
    facts = AutoFacts(MEDIUM_TABLE_ROWS, "folds", survey=survey_of_numbers(n_numbers))
    assert settings_and_answers(SigmoidMLPRegressor(), facts)[1].numeric_encoding == answer


def test_scikit_learns_schedules_wait_as_they_do():
    settings, answers = settings_and_answers(
        SigmoidMLPClassifier(learning_rate="adaptive"), AutoFacts(LARGE_TABLE_ROWS, True)
    )
    assert (answers.n_iter_no_change, answers.tol, settings.solver.patience.schedule_ends) == (
        rules.PATIENCE,
        rules.TOL,
        False,
    )
    assert (
        settings_and_answers(SigmoidMLPClassifier(solver="lbfgs"), AutoFacts(LARGE_TABLE_ROWS, True))[1].tol
        == rules.TOL
    )


@pytest.mark.parametrize(("cls", "sizes"), [(SigmoidMLPClassifier, (128,)), (SigmoidMLPRegressor, (96, 32))])
def test_auto_gives_the_task_its_layers(cls, sizes):
    facts = AutoFacts(100, "folds")
    settings, answers = settings_and_answers(cls(), facts)
    assert settings.hidden_sizes == answers.hidden_layer_sizes == sizes
    assert settings_and_answers(cls(depth=2), facts)[0].hidden_sizes == (sizes[0],) * 2
    assert settings_and_answers(cls(hidden_layer_sizes=7), facts)[0].hidden_sizes == (7,)


def test_weights_that_training_goes_on_from_keep_their_sizes():
    X = np.random.default_rng(0).normal(size=(50, 2))
    net = SigmoidMLPRegressor(7, warm_start=True, early_stopping=False, max_iter=1).fit(X, X[:, 0])
    net.set_params(hidden_layer_sizes="auto").fit(X, X[:, 0])
    assert net.resolved_params_["hidden_layer_sizes"] == 7
