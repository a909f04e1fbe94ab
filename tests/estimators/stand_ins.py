"""Our classes under scikit-learn's names, with scikit-learn's defaults and its first weights.

Loaded as a pytest plugin (``-p stand_ins``) before scikit-learn's own tests are imported, it puts them in place of
``MLPClassifier`` and ``MLPRegressor``.
"""

import inspect
from itertools import pairwise

import numpy as np
import pytest
import sklearn.neural_network
from sklearn.base import is_classifier
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

import sknet

# What scikit-learn does not have is switched off; everything else is read from the installed classes.
SWITCHED_OFF = {
    "input_scaling": None,
    "target_scaling": None,
    "dtype": "float64",
    "weight_decay": 0.0,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "temperature_scaling": False,
    "l1_ratio": 0.0,
}


def first_weights(estimator, X, y, classes=None):
    """What scikit-learn draws from this random_state: its tests' thresholds hold for these weights, not for any."""
    if is_classifier(estimator):
        labels = y if classes is None or np.ndim(y) == 2 else classes
        n_outputs = LabelBinarizer().fit(labels).transform(y).shape[1]
    else:
        n_outputs = 1 if np.ndim(y) == 1 else np.shape(y)[1]
    random_state = check_random_state(estimator.random_state)
    factor = 2.0 if estimator.activation == "logistic" else 6.0
    coefs, intercepts = [], []
    for fan_in, fan_out in pairwise([np.shape(X)[1], *np.atleast_1d(estimator.hidden_layer_sizes), n_outputs]):
        bound = np.sqrt(factor / (fan_in + fan_out))
        coefs.append(random_state.uniform(-bound, bound, (fan_in, fan_out)))
        intercepts.append(random_state.uniform(-bound, bound, fan_out))
    return coefs, intercepts


def with_their_parameters(ours: type, theirs: type) -> type:
    """A subclass of ours that has the parameters of theirs and no others, as scikit-learn's users write them."""
    signature = inspect.signature(theirs.__init__)
    own = inspect.signature(ours).parameters

    def __init__(self, *args, **kwargs):
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        given = {name: value for name, value in bound.arguments.items() if name != "self"}
        ours.__init__(self, **{name: value for name, value in (SWITCHED_OFF | given).items() if name in own})

    __init__.__signature__ = signature

    def fit(self, X, y, **more):
        return started(self, self.warm_start, X, y).fit(X, y, **more)

    def partial_fit(self, X, y, **more):
        return started(self, True, X, y, more.get("classes")).partial_fit(X, y, **more)

    def started(self, goes_on, X, y, classes=None):
        if not (goes_on and hasattr(self, "coefs_")):
            self.init = first_weights(self, X, y, classes)
        return super(stand_in, self)

    namespace = {"__init__": __init__, "__module__": __name__, "fit": fit}
    namespace["partial_fit"] = available_if(lambda self: self.solver != "lbfgs")(partial_fit)
    stand_in = type(theirs.__name__, (ours,), namespace)
    return stand_in


MLPClassifier = with_their_parameters(sknet.SigmoidMLPClassifier, sklearn.neural_network.MLPClassifier)
MLPRegressor = with_their_parameters(sknet.SigmoidMLPRegressor, sklearn.neural_network.MLPRegressor)


def pytest_configure():
    """Runs before the test module takes the two names."""
    sklearn.neural_network.MLPClassifier = MLPClassifier
    sklearn.neural_network.MLPRegressor = MLPRegressor


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    np.random.seed(0)
