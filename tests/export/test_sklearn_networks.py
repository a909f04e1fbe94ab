"""scikit-learn's networks as estimators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

from sknet.export import ExportError, from_sklearn, to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3)) + np.array([0, 5, -5])
MISSING = np.where(rng.random(X.shape) < 0.1, np.nan, X)
HOW = dict(hidden_layer_sizes=(5, 4), max_iter=4, random_state=0)
TARGETS = {
    "binary": np.arange(90) % 2, "text": rng.choice(["p", "q", "r"], 90), "multilabel": rng.integers(0, 2, (90, 3)),
    "numbers": X[:, 0], "several": X[:, :2], "counts": rng.poisson(2, 90).astype(float),
}  # fmt: skip
NETWORKS = {
    "numbers": MLPRegressor(**HOW, activation="tanh"), "several": MLPRegressor(**HOW, solver="lbfgs"),
    "counts": MLPRegressor(**HOW, loss="poisson"),
}  # fmt: skip
STEPS = {
    "none": [], "standard": [StandardScaler()], "robust": [RobustScaler()],
    "min, max": [MinMaxScaler(), MaxAbsScaler()],
    "mean": [SimpleImputer(), StandardScaler()], "a number": [SimpleImputer(strategy="constant", fill_value=3.0)],
    "scales only": [StandardScaler(with_mean=False), RobustScaler(with_scaling=False)], "passed": ["passthrough"],
}  # fmt: skip


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("steps", STEPS)
def test_the_same_predictions(target, steps):
    table = MISSING if any(isinstance(step, SimpleImputer) for step in STEPS[steps]) else X
    network = NETWORKS.get(target, MLPClassifier(**HOW, activation="logistic"))
    pipeline = make_pipeline(*map(clone, filter(lambda s: s != "passthrough", STEPS[steps])), clone(network))
    pipeline.fit(table, TARGETS[target])
    net = from_sklearn(pipeline)
    np.testing.assert_allclose(net.predict(table), pipeline.predict(table), rtol=1e-12) if target in NETWORKS else None
    if target not in NETWORKS:
        np.testing.assert_allclose(net.predict_proba(table), pipeline.predict_proba(table), rtol=1e-12)
        assert (net.predict(table) == pipeline.predict(table)).all() and (net.classes_ == pipeline.classes_).all()


def test_parameters_and_figures_come_along():
    network = MLPRegressor(**HOW, alpha=0.3).fit(X, X[:, 0])
    net = from_sklearn(network)
    assert (net.alpha, net.hidden_layer_sizes, net.max_iter, net.activation) == (0.3, (5, 4), 4, "relu")
    assert net.loss_curve_ == network.loss_curve_ and (net.t_, net.n_iter_) == (network.t_, network.n_iter_)
    assert net.partial_fit(X, X[:, 0]).t_ == network.t_ + 90


def test_names_of_columns_come_along():
    frame = pd.DataFrame(X, columns=list("abc"))
    net = from_sklearn(make_pipeline(StandardScaler(), MLPRegressor(**HOW)).fit(frame, X[:, 0]))
    assert net.feature_names_in_.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="feature names"):
        net.predict(frame.rename(columns={"a": "x"}))


def test_there_and_back():
    network = MLPClassifier(**HOW).fit(X, TARGETS["text"])
    again = to_sklearn(from_sklearn(network))
    np.testing.assert_allclose(again.predict_proba(X), network.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize(("steps", "message"), [
    ([PolynomialFeatures(), MLPRegressor(**HOW)], "PolynomialFeatures stands before the network"),
    ([StandardScaler(), Ridge()], "Ridge is no network of scikit-learn's"),
    ([StandardScaler(), SimpleImputer(), MLPRegressor(**HOW)], "SimpleImputer must be the first step"),
    ([SimpleImputer(add_indicator=True), MLPRegressor(**HOW)], "without add_indicator"),
    ([MinMaxScaler(clip=True), MLPRegressor(**HOW)], "clip=False"),
    ([RobustScaler(unit_variance=True), MLPRegressor(**HOW)], "unit_variance"),
])  # fmt: skip
def test_what_is_not_read(steps, message):
    with pytest.raises(ExportError, match=message):
        from_sklearn(make_pipeline(*steps).fit(MISSING if isinstance(steps[0], SimpleImputer) else X, X[:, 0]))


def test_a_network_that_is_not_fitted():
    with pytest.raises(NotFittedError):
        from_sklearn(MLPRegressor())
