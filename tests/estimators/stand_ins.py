"""Our classes under scikit-learn's names and with scikit-learn's defaults.

Loaded as a pytest plugin (``-p stand_ins``) before scikit-learn's own tests are imported, it puts them in place of
``MLPClassifier`` and ``MLPRegressor``.
"""

import inspect

import numpy as np
import pytest
import sklearn.neural_network

import sknet

# What scikit-learn does not have is switched off; everything else is read from the installed classes.
SWITCHED_OFF = {
    "input_scaling": None,
    "target_scaling": None,
    "dtype": "float64",
    "weight_decay": 0.0,
    "dropout": 0.0,
    "label_smoothing": 0.0,
    "l1_ratio": 0.0,
    "init": "glorot_uniform",
}


def with_defaults(ours: type, theirs: type) -> type:
    """A subclass of ours that is called and initialised like theirs."""
    defaults = {name: p.default for name, p in inspect.signature(theirs).parameters.items()}
    defaults |= SWITCHED_OFF
    parameters = [
        p.replace(default=defaults.get(name, p.default))
        for name, p in inspect.signature(ours.__init__).parameters.items()
    ]
    signature = inspect.Signature(parameters)

    def __init__(self, *args, **kwargs):
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        ours.__init__(*bound.args, **bound.kwargs)

    __init__.__signature__ = signature
    return type(theirs.__name__, (ours,), {"__init__": __init__, "__module__": __name__})


MLPClassifier = with_defaults(sknet.SigmoidMLPClassifier, sklearn.neural_network.MLPClassifier)
MLPRegressor = with_defaults(sknet.SigmoidMLPRegressor, sklearn.neural_network.MLPRegressor)


def pytest_configure():
    """Runs before the test module takes the two names."""
    sklearn.neural_network.MLPClassifier = MLPClassifier
    sklearn.neural_network.MLPRegressor = MLPRegressor


@pytest.fixture(autouse=True)
def _the_same_numbers_in_every_run():
    np.random.seed(0)
