"""Estimators around networks that came from elsewhere."""

import numpy as np
import pytest
from sklearn.base import clone

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.rebuilt import estimator_of, with_network
from sknet._export import bare
from sknet._export.parts import ExportError
from sknet._model.model import Network
from sknet._network.activations import ACTIVATIONS

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
NETWORK = Network(
    (ACTIVATIONS["tanh"],), [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))], [rng.normal(size=4), rng.normal(size=2)]
)


def test_it_is_a_fitted_estimator_like_any_other():
    net = estimator_of(bare.of_numbers(NETWORK), {"alpha": 0.5, "unknown": 1}, losses=[2.0, 1.0], n_iter=2)
    assert isinstance(net, SigmoidMLPRegressor) and net.alpha == 0.5 and net.hidden_layer_sizes == (4,)
    assert net.loss_curve_ == [2.0, 1.0] and net.n_iter_ == 2 and net.n_features_in_ == 3
    expected = np.tanh(X @ NETWORK.coefs[0] + NETWORK.intercepts[0]) @ NETWORK.coefs[1] + NETWORK.intercepts[1]
    np.testing.assert_allclose(net.predict(X), expected, rtol=1e-12)
    assert set(net.resolved_params_) == set(net.get_params()) and net.resolved_params_["dtype"] == "float64"
    net.partial_fit(X, X[:, :2])
    clone(net).fit(X, X[:, :2])


def test_labels_make_a_classifier():
    net = estimator_of(bare.of_indicator(NETWORK), {})
    assert isinstance(net, SigmoidMLPClassifier) and net.predict_proba(X).shape == (60, 2)


def test_another_network_in_the_same_place():
    like = SigmoidMLPRegressor(hidden_layer_sizes=5, max_iter=2, random_state=0, learning_rate="cosine").fit(
        X, X[:, :2]
    )
    net = with_network(like, NETWORK)
    assert net.hidden_layer_sizes == (4,) and net.activation == "tanh" and like.hidden_layer_sizes == 5
    assert net.loss_curve_ == like.loss_curve_ and net.resolved_params_["activation"] == "tanh"
    assert not np.allclose(net.predict(X), like.predict(X))
    with pytest.raises(ExportError, match="have 3 inputs and 2 outputs"):
        with_network(like.fit(X[:, :2], X[:, 0]), NETWORK)
