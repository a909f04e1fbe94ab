"""Whether a network has learnt anything, for every loss."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknet import Loss, SigmoidMLPClassifier, SigmoidMLPRegressor

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 3))
NUMBER = np.exp(X[:, 0])
QUICK = {"max_iter": 20, "random_state": 0}
OWN = Loss("own", lambda raw, target: ((raw - target) ** 2).mean(axis=1), lambda raw, target: 2.0 * (raw - target))


@pytest.mark.parametrize("weight", [None, rng.random(400)])
@pytest.mark.parametrize("parameters", [
    {"loss": "squared_error"}, {"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "quantile", "quantile": 0.9},
    {"loss": "quantile", "quantile": [0.1, 0.9]}, {"loss": OWN}, {"target_scaling": None}, {"solver": "sgd"},
])  # fmt: skip
def test_a_network_that_is_no_better_than_a_constant(parameters, weight):
    net = SigmoidMLPRegressor(**QUICK, learning_rate_init=100.0, clip_norm=1.0, **parameters)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init=100: the best epoch is no better than a constant"):
        net.fit(X, NUMBER, sample_weight=weight)
    net.set_params(learning_rate_init=0.015).fit(X, NUMBER, sample_weight=weight)


@pytest.mark.parametrize("y", [X[:, 0] > 0.0, np.digitize(X[:, 0], [-1.0, 1.0]), (X > 0.0).astype(int)])
def test_labels(y):
    net = SigmoidMLPClassifier(**QUICK, learning_rate_init=100)
    with pytest.warns(ConvergenceWarning, match="no better than a constant prediction. Try 10"):
        net.fit(X, y)
    net.set_params(learning_rate_init=0.015).fit(X, y)


def test_a_rate_that_is_too_small():
    net = SigmoidMLPRegressor(**QUICK, learning_rate_init=1e-9)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init=1e-09: the best .* Try 0.015"):
        net.fit(X, NUMBER)
