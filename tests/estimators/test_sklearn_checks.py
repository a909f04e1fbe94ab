"""scikit-learn's checks for estimators: the defaults, and every two choices of solver, loss, stopping, ... together."""

import functools
import itertools
import unittest

import numpy as np
import pytest
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.estimator_checks import estimator_checks_generator

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.choices import names_of
from tests.estimators.pairs import covering

FACTORS = {
    "solver": names_of("solver"),
    "early_stopping": (False, True),
    "learning_rate": ("constant", "one_cycle"),
    "averaging": (0.0, 0.9),
    "dropout": (0.0, 0.2),
    "l1_ratio": (0.0, 0.5),
    "max_norm": (None, 2.0),
}
LOSSES = {  # of a kind, of which one stands for the others: they take turns
    SigmoidMLPClassifier: (("log_loss",), ("squared_error",)),
    SigmoidMLPRegressor: (("squared_error", "huber"), ("absolute_error", "quantile"), ("poisson", "gamma", "tweedie")),
}
EPOCHS = 40
"""Enough for what the checks ask of predictions; the defaults are checked with as many as they have."""

NEED_POSITIVE_TARGETS = {"poisson", "gamma", "tweedie"}
# Checks that scikit-learn does not run by itself.
NOT_YIELDED = (
    estimator_checks.check_param_validation,
    estimator_checks.check_dataframe_column_names_consistency,
    estimator_checks.check_inplace_ensure_writeable,
)
# Weights and repeated rows draw other units to drop.
NOT_WITH_DROPOUT = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
}
# scikit-learn's checks of transformers fit targets of 0, whatever the tag `positive_only` says.
FIT_ZEROS = {
    "check_transformer_data_not_an_array",
    "check_transformer_general",
    "check_transformer_n_iter",
    "check_transformer_preserve_dtypes",
}

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:.*early_stopping:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
    pytest.mark.filterwarnings("ignore:y has a single class:UserWarning"),
]


def goes_together(solver, dropout, max_norm, **others):
    return solver != "lbfgs" or not (dropout or max_norm)


def configurations():
    for cls, losses in LOSSES.items():
        yield cls.__name__, cls()
        encoded = {"numeric_encoding": "piecewise_linear", "category_encoding": "target"}
        yield f"{cls.__name__}-members", cls(max_iter=EPOCHS, n_members=3)
        yield f"{cls.__name__}-encoded", cls(max_iter=EPOCHS, **encoded)
        yield f"{cls.__name__}-additive", cls(max_iter=EPOCHS, interaction_cst="no_interactions")
        if cls is SigmoidMLPClassifier:
            yield f"{cls.__name__}-balanced", cls(max_iter=EPOCHS, class_weight="balanced")
        turns = {kind: itertools.cycle(kind) for kind in losses}
        for parameters in covering(FACTORS | {"loss": losses}, goes_together):
            parameters |= {"loss": next(turns[parameters["loss"]])}
            if parameters["solver"] == "rmsprop":  # at a large constant rate it ends wherever chance leaves it
                parameters |= {"learning_rate_init": 0.003, "max_iter": 200}
            yield "-".join([cls.__name__, *map(str, parameters.values())]), cls(**{"max_iter": EPOCHS} | parameters)


def cases():
    for name, estimator in configurations():
        for instance, check in estimator_checks_generator(estimator):
            label = getattr(check, "func", check).__name__
            if label in NOT_WITH_DROPOUT and estimator.dropout not in (0.0, "auto"):
                continue
            if label in FIT_ZEROS and estimator.loss == "gamma":  # which takes targets above 0 only
                continue
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
