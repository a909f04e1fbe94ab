"""scikit-learn's checks for estimators: the defaults, and every solver, loss and kind of stopping."""

import functools
import itertools
import unittest

import numpy as np
import pytest
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

SOLVERS = ("adam", "sgd", "rmsprop", "lbfgs")
LOSSES = {
    SigmoidMLPClassifier: ("log_loss", "squared_error"),
    SigmoidMLPRegressor: ("squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma"),
}
NEED_POSITIVE_TARGETS = {"poisson", "gamma", "tweedie"}
# Checks that scikit-learn does not run by itself.
NOT_YIELDED = (
    estimator_checks.check_param_validation,
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_inplace_ensure_writeable,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*early_stopping:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
]


def configurations():
    for cls, losses in LOSSES.items():
        yield cls.__name__, cls()
        for solver, early_stopping, loss in itertools.product(SOLVERS, (False, True), losses):
            name = f"{cls.__name__}-{loss}-{solver}-{'stopping' if early_stopping else 'full'}"
            yield name, cls(loss=loss, solver=solver, early_stopping=early_stopping)


def cases():
    for name, estimator in configurations():
        for instance, check in estimator_checks_generator(estimator):
            label = getattr(check, "func", check).__name__
            details = "-".join(f"{value}" for value in getattr(check, "keywords", {}).values())
            yield pytest.param(instance, check, id="-".join(filter(None, [name, label, details])))
        for check in NOT_YIELDED:
            yield pytest.param(
                estimator, functools.partial(check, type(estimator).__name__), id=f"{name}-{check.__name__}"
            )


@pytest.mark.parametrize(("estimator", "check"), list(cases()))
def test_check(estimator, check):
    np.random.seed(0)  # some checks leave random_state as it is
    try:
        check(estimator)
    except unittest.SkipTest as skipped:
        pytest.fail(f"no check may be skipped: {skipped}")


@pytest.mark.parametrize(("name", "estimator"), list(configurations()))
def test_tags_say_what_the_loss_asks_for(name, estimator):
    assert get_tags(estimator).target_tags.positive_only == (estimator.loss in NEED_POSITIVE_TARGETS)
