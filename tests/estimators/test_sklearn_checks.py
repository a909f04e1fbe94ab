"""scikit-learn's checks for estimators, with the defaults and with other choices of solver, loss, stopping, ...

Every check meets every choice, and every two choices from `FACTORS` meet in some checks.
"""

import functools
import itertools
import unittest

import numpy as np
import pytest
from sklearn.base import clone
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
    "n_members": (1, 3),
}
SMALL = {"hidden_layer_sizes": 20}
NETWORKS = {  # these take turns
    "plain": SMALL,
    "encoded": SMALL | {"numeric_encoding": "piecewise_linear", "category_encoding": "target"},
    "additive": {"interaction_cst": "no_interactions"},
}
LOSSES = {  # of a kind, of which one stands for the others: they take turns
    SigmoidMLPClassifier: (("log_loss",), ("squared_error",)),
    SigmoidMLPRegressor: (("squared_error", "huber"), ("absolute_error", "quantile"), ("poisson", "gamma", "tweedie")),
}
ASK_OF_PREDICTIONS = {
    "check_class_weight_classifiers", "check_classifiers_train", "check_regressors_train",
}  # fmt: skip
FEW_EPOCHS, EPOCHS, EPOCHS_OF_SMALL_STEPS = 6, 40, 200
"""For most checks, and enough for what those above ask; the defaults are checked with as many as they have."""

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


def goes_together(solver, learning_rate, dropout, max_norm, n_members, **others):
    if solver == "lbfgs":
        return not (dropout or max_norm) and n_members == 1
    return learning_rate != "constant" or n_members == 1


def is_constant_rmsprop(solver, learning_rate, **others):
    return (solver, learning_rate) == ("rmsprop", "constant")


def configurations_in_turns(cls):
    """Return the configurations in which every two choices meet, each with its choices."""
    turns = {kind: itertools.cycle(kind) for kind in LOSSES[cls]}
    networks = NETWORKS | ({"balanced": SMALL | {"class_weight": "balanced"}} if cls is SigmoidMLPClassifier else {})
    names_of_networks = itertools.cycle(networks)
    configurations = []
    for choices in covering(FACTORS | {"loss": LOSSES[cls]}, goes_together):
        parameters = choices | {"loss": next(turns[choices["loss"]])}
        if is_constant_rmsprop(**parameters):  # at a large rate, it ends wherever chance leaves it
            parameters |= {"learning_rate_init": 0.003}
        network = next(names_of_networks)
        name = "-".join([cls.__name__, *map(str, parameters.values()), network])
        estimator = cls(max_iter=FEW_EPOCHS, **networks[network], **parameters)
        configurations.append((name, estimator, {*choices.items(), ("network", network)}))
    return configurations


def names_with_every_choice(configurations, start):
    """Return the names of the configurations from `start` on that have a choice which those before them lack."""
    names, met = set(), set()
    for name, _, choices in configurations[start:] + configurations[:start]:
        if choices - met:
            names.add(name)
            met |= choices
    return names


def cases():
    for cls in LOSSES:
        for label, instance, check in checks_of(cls()):
            yield pytest.param(instance, check, id=f"{cls.__name__}-{label}")
        configurations, starts = configurations_in_turns(cls), {}
        for name, estimator, _ in configurations:
            for label, instance, check in checks_of(estimator):
                start = starts.setdefault(label, len(starts) % len(configurations))
                if name in names_with_every_choice(configurations, start):
                    if label.split("-")[0] in ASK_OF_PREDICTIONS:
                        epochs = EPOCHS_OF_SMALL_STEPS if is_constant_rmsprop(**instance.get_params()) else EPOCHS
                        instance = clone(instance).set_params(max_iter=epochs)
                    yield pytest.param(instance, check, id=f"{name}-{label}")


def checks_of(estimator):
    """Yield the checks that apply to an estimator, each with its name and the estimator to call it with."""
    for instance, check in estimator_checks_generator(estimator):
        name = getattr(check, "func", check).__name__
        if name in NOT_WITH_DROPOUT and estimator.dropout not in (0.0, "auto"):
            continue
        if name in FIT_ZEROS and estimator.loss == "gamma":  # which takes targets above 0 only
            continue
        details = "-".join(f"{value}" for value in getattr(check, "keywords", {}).values())
        yield "-".join(filter(None, [name, details])), instance, check
    for check in NOT_YIELDED:
        yield check.__name__, estimator, functools.partial(check, type(estimator).__name__)


@pytest.mark.parametrize(("estimator", "check"), list(cases()))
def test_scikit_learns_check_passes(estimator, check):
    np.random.seed(0)  # some checks leave random_state as it is
    try:
        check(estimator)
    except unittest.SkipTest as skipped:
        pytest.fail(f"no check may be skipped: {skipped}")


@pytest.mark.parametrize("cls", LOSSES)
def test_tags_say_what_the_loss_asks_for(cls):
    for _, estimator, _ in configurations_in_turns(cls):
        assert get_tags(estimator).target_tags.positive_only == (estimator.loss in NEED_POSITIVE_TARGETS)


@pytest.mark.parametrize("cls", LOSSES)
def test_checks_cover_every_choice_from_any_start(cls):
    configurations = configurations_in_turns(cls)
    choices = set().union(*(own for _, _, own in configurations))
    for start in range(len(configurations)):
        names = names_with_every_choice(configurations, start)
        assert set().union(*(own for name, _, own in configurations if name in names)) == choices
