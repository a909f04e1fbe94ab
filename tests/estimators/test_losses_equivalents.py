"""A net without a hidden layer is a linear model: each loss against scikit-learn's own, or its closed form."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import logsumexp
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import (
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.preprocessing import StandardScaler

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

LINEAR = dict(
    hidden_layer_sizes=(), solver="lbfgs", max_iter=10_000, max_fun=100_000, tol=1e-9, alpha=0.0, input_scaling=None,
    target_scaling=None, dtype="float64", early_stopping=False, random_state=0,
)  # fmt: skip

rng = np.random.default_rng(0)
X = rng.normal(size=(120, 4))
SIGNAL = X @ [0.5, -0.3, 0.0, 0.2]
WEIGHT = rng.integers(1, 4, 120).astype(float)
N = WEIGHT.sum()


def coefficients(net):
    return np.append(net.coefs_[0].ravel(), net.intercepts_[0])


def expected(model):
    return np.append(model.coef_.ravel(), model.intercept_)


@pytest.mark.parametrize("alpha", [0.0, 3.0])
def test_an_l2_penalty_gives_ridge_regression(alpha):
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.1 * rng.normal(size=120)
    net = SigmoidMLPRegressor(**LINEAR | {"alpha": alpha}).fit(X, y, WEIGHT)
    assert_allclose(coefficients(net), expected(Ridge(alpha=alpha, tol=1e-10).fit(X, y, WEIGHT)), atol=1e-6)


def test_ridge_of_several_outputs():
    Y = np.column_stack([SIGNAL, X[:, 2] - 1.0])  # the loss is the mean over outputs: alpha counts twice
    net = SigmoidMLPRegressor(**LINEAR | {"alpha": 3.0}).fit(X, Y)
    ridge = Ridge(alpha=6.0).fit(X, Y)
    assert_allclose(net.coefs_[0], ridge.coef_.T, atol=1e-6)
    assert_allclose(net.intercepts_[0], ridge.intercept_, atol=1e-6)


def test_ridge_by_long_sgd():
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.1 * rng.normal(size=120)
    parameters = LINEAR | {"alpha": 3.0, "solver": "sgd", "max_iter": 400, "batch_size": 120, "tol": 0.0}
    parameters |= {"learning_rate": "constant", "learning_rate_init": 0.1, "n_iter_no_change": np.inf, "momentum": 0.9}
    with pytest.warns(match="Maximum iterations"):
        net = SigmoidMLPRegressor(**parameters).fit(X, y)
    assert_allclose(coefficients(net), expected(Ridge(alpha=3.0).fit(X, y)), atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_an_l1_penalty_gives_elastic_net_and_lasso(l1_ratio):
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.1 * rng.normal(size=120)
    alpha = 0.05
    net = SigmoidMLPRegressor(**LINEAR | {"alpha": alpha * N, "l1_ratio": l1_ratio}).fit(X, y, WEIGHT)
    model = Lasso(alpha, tol=1e-10) if l1_ratio == 1.0 else ElasticNet(alpha, l1_ratio=l1_ratio, tol=1e-10)
    model.fit(X, y, WEIGHT)
    assert_allclose(coefficients(net), expected(model), atol=1e-5)
    assert ((net.coefs_[0].ravel() == 0.0) == (model.coef_ == 0.0)).all()
    assert (model.coef_ == 0.0).any()


@pytest.mark.parametrize(
    ("solver", "more"),
    [("sgd", {"momentum": 0.0}), ("sgd", {"momentum": 0.9}), ("adam", {}), ("rmsprop", {})],
)
def test_lasso_by_proximal_steps(solver, more):
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.1 * rng.normal(size=120)
    parameters = LINEAR | {"alpha": 0.05 * 120, "l1_ratio": 1.0, "solver": solver, "max_iter": 2000}
    parameters |= {"learning_rate": "cosine", "learning_rate_init": 0.02, "batch_size": 120, "weight_decay": 0.0} | more
    net = SigmoidMLPRegressor(**parameters).fit(X, y)
    model = Lasso(0.05, tol=1e-12).fit(X, y)
    assert_allclose(coefficients(net), expected(model), atol=1e-4)
    assert ((net.coefs_[0].ravel() == 0.0) == (model.coef_ == 0.0)).all()


@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_loss_gives_logistic_regression(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = StandardScaler().fit_transform(X[y < n_classes]), y[y < n_classes]
    weight = 1.0 + np.arange(len(y)) % 3
    net = SigmoidMLPClassifier(**{k: v for k, v in LINEAR.items() if k != "target_scaling"} | {"alpha": 0.5})
    net.fit(X, y, weight)
    model = LogisticRegression(C=2.0, tol=1e-10, max_iter=10_000).fit(X, y, weight)
    assert_allclose(net.predict_proba(X), model.predict_proba(X), atol=1e-5)
    if n_classes == 2:
        assert_allclose(net.decision_function(X), model.decision_function(X), atol=1e-4)


def test_one_sigmoid_is_a_softmax_of_two():
    y = (SIGNAL > 0).astype(int)
    net = SigmoidMLPClassifier(
        hidden_layer_sizes=3, random_state=0, early_stopping=False, max_iter=5, learning_rate="cosine"
    )
    net.fit(X, y)
    assert net.n_outputs_ == 1
    assert net.out_activation_ == "logistic"
    z = net.decision_function(X)
    both = np.column_stack([np.zeros_like(z), z])
    assert_allclose(net.predict_proba(X), np.exp(both - logsumexp(both, axis=1, keepdims=True)), atol=1e-12)


@pytest.mark.parametrize("kind, name", [(PoissonRegressor, "poisson"), (GammaRegressor, "gamma")])
def test_poisson_and_gamma_losses_give_generalised_linear_models(kind, name):
    rng = np.random.default_rng(1)
    y = rng.poisson(np.exp(1.0 + SIGNAL)) + (name == "gamma")
    net = SigmoidMLPRegressor(**LINEAR | {"alpha": 0.02 * N, "loss": name}).fit(X, y, WEIGHT)
    model = kind(alpha=0.02, tol=1e-9, max_iter=10_000, solver="newton-cholesky").fit(X, y, WEIGHT)
    assert_allclose(net.predict(X), model.predict(X), rtol=1e-5)
    assert_allclose(coefficients(net), expected(model), atol=1e-5)


@pytest.mark.parametrize("power", [1.2, 1.7])
def test_tweedie_loss_gives_tweedie_regression(power):
    rng = np.random.default_rng(1)
    y = np.where(rng.random(120) < 0.3, 0.0, rng.gamma(2.0, np.exp(1.0 + SIGNAL) / 2))
    parameters = LINEAR | {"alpha": 0.02 * N, "loss": "tweedie", "tweedie_power": power}
    net = SigmoidMLPRegressor(**parameters).fit(X, y, WEIGHT)
    model = TweedieRegressor(power=power, link="log", alpha=0.02, tol=1e-9, max_iter=10_000, solver="newton-cholesky")
    assert_allclose(net.predict(X), model.fit(X, y, WEIGHT).predict(X), rtol=1e-5)
    assert_allclose(coefficients(net), expected(model), atol=1e-5)


def test_huber_loss_gives_huber_regression():
    """scikit-learn's Huber regression scales by a sigma of its own: its optimum is ours at delta = epsilon * sigma."""
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.2 * rng.standard_t(2, size=120)
    model = HuberRegressor(epsilon=1.35, alpha=0.0, tol=1e-9, max_iter=10_000).fit(X, y, WEIGHT)
    net = SigmoidMLPRegressor(**LINEAR | {"loss": "huber", "huber_delta": 1.35 * model.scale_}).fit(X, y, WEIGHT)
    assert_allclose(coefficients(net), expected(model), atol=1e-5)


LONG = dict(
    hidden_layer_sizes=(), solver="adam", input_scaling=None, dtype="float64", early_stopping=False, random_state=0,
    learning_rate="cosine", learning_rate_init=0.03, max_iter=3000, batch_size=200, alpha=0.0,
)  # fmt: skip


def mean_pinball(net, X, y, level):
    error = y - net.predict(X)
    return np.mean(np.maximum(level * error, (level - 1.0) * error))


@pytest.mark.parametrize("level", [0.1, 0.5])
def test_quantile_loss_gives_quantile_regression(level):
    """The optimum may be flat: what is compared is the loss, which is the scikit-learn model's to 1e-4."""
    X, y = load_diabetes(return_X_y=True)
    X, y = 20.0 * X[:200, :4], (y[:200] - y.mean()) / y.std()
    net = SigmoidMLPRegressor(**LONG, loss="quantile", quantile=level, target_scaling=None).fit(X, y)
    model = QuantileRegressor(quantile=level, alpha=0.0).fit(X, y)
    assert mean_pinball(net, X, y, level) == pytest.approx(mean_pinball(model, X, y, level), abs=1e-4)


def test_absolute_error_is_median_regression():
    rng = np.random.default_rng(1)
    y = SIGNAL + 0.2 * rng.standard_t(2, size=120)
    net = SigmoidMLPRegressor(**LONG | {"batch_size": 120}, loss="absolute_error").fit(X, y)
    model = QuantileRegressor(alpha=0.0).fit(X, y)
    assert mean_pinball(net, X, y, 0.5) == pytest.approx(mean_pinball(model, X, y, 0.5), abs=1e-4)


def test_squared_error_of_a_classifier_fits_probabilities():
    """With saturated inputs, one a group, least squares on sigmoid outputs gives the groups' frequencies."""
    rng = np.random.default_rng(1)
    group = np.arange(120) % 3
    y = rng.random(120) < np.array([0.2, 0.5, 0.9])[group]
    parameters = {k: v for k, v in LINEAR.items() if k != "target_scaling"}
    net = SigmoidMLPClassifier(**parameters, loss="squared_error").fit(np.eye(3)[group], y)
    for k in range(3):
        assert net.predict_proba(np.eye(3)[[k]])[0, 1] == pytest.approx(y[group == k].mean(), abs=1e-5)
