"""What tests of other rooms ask of an estimator's inside: what it would train with, and what a fit has left in it."""

from inspect import signature
from types import SimpleNamespace

from sknet._estimators.planning import drawing_seeds
from sknet._estimators.read_data import FitArguments
from sknet._estimators.resolve import (
    AUTO_RULES,
    LOSS_OPTIONS,
    REGRESSION_LOSSES,
    AutoFacts,
    choose_early_stopping,
    make_target_settings,
    resolve,
)
from tests.tables.examples import survey_of_numbers


def settings_and_answers(net, facts):
    """The settings of a fit, and its parameters as attributes, with the answer to each "auto"."""
    settings, resolved = resolve(net, facts)
    return settings, SimpleNamespace(**resolved)


def settings_of(net, n_rows, validated=False):
    """The settings of a fit of `n_rows` rows and three numbers; `validated` is what `early_stopping` becomes."""
    return resolve(net, AutoFacts(n_rows, validated, survey=survey_of_numbers(3)))[0]


def target_settings_of(net):
    """The settings of the head of a fit."""
    return make_target_settings(net)


def resolved_of(net, n_rows):
    """What each "auto" becomes in a fit to `n_rows` training rows and three numbers."""
    facts = AutoFacts(n_rows, choose_early_stopping(net, n_rows), survey=survey_of_numbers(3))
    return settings_and_answers(net, facts)[1]


def rules_for_auto():
    """The parameters that have a rule."""
    return set(AUTO_RULES)


def defaults_of_loss_options():
    """What "auto" becomes for each parameter that is an option of a single loss."""
    functions = {option: REGRESSION_LOSSES[loss] for option, loss in LOSS_OPTIONS.items()}
    return {option: signature(function).parameters[option].default for option, function in functions.items()}


def run_of(net, X, y):
    """A call of `fit` whose networks are about to train."""
    with drawing_seeds(net, FitArguments(X, y)) as call:
        return net._make_run(call)


def fitted_of(net):
    """All that the last fit has left."""
    return net._fitted


def model_of(net):
    return net._fitted.model


def publish(net, fitted):
    """Leave in an estimator what a fit has left in another one; nothing changes it."""
    net._fitted = fitted._fitted


def seeds_of(net):
    """The three seeds that a fit has drawn."""
    return net._fitted.seeds
