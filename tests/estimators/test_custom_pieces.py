"""Activations and losses of the user's own, in everything that scikit-learn does with an estimator."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknet import Activation, Loss, SigmoidMLPClassifier, SigmoidMLPRegressor, check_gradient
from sknet._network.losses import SIGMOID_LOG_LOSS

rng = np.random.default_rng(0)
N = 90
X = rng.normal(size=(N, 4))
NUMBER = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=N)
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
QUICK = dict(
    hidden_layer_sizes=4, max_iter=5, batch_size=30, learning_rate="cosine", learning_rate_init=0.05, random_state=0,
    early_stopping=False,
)  # fmt: skip
KINDS = [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)]
of_both = pytest.mark.parametrize("kind, y", KINDS, ids=["classifier", "regressor"])
every_solver = pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def softsign(z):
    z /= 1.0 + np.abs(z)


def softsign_backward(a, delta):
    delta *= (1.0 - np.abs(a)) ** 2


def tanh(z):
    np.tanh(z, out=z)


def tanh_backward(a, delta):
    a *= a
    np.subtract(1.0, a, out=a)
    delta *= a


SOFTSIGN = Activation("softsign", softsign, softsign_backward)
OWN_TANH = Activation("my tanh", tanh, tanh_backward)


def squared(raw, target):
    return 0.5 * ((raw - target) ** 2).mean(axis=1)


def squared_gradient(raw, target):
    return (raw - target) / raw.shape[1]


def log_cosh(raw, target):
    error = np.abs(raw - target)
    return (error + np.log1p(np.exp(-2.0 * error)) - np.log(2.0).astype(raw.dtype)).mean(axis=1)


def log_cosh_gradient(raw, target):
    return np.tanh(raw - target) / raw.shape[1]


OWN_SQUARED = Loss("my squared error", squared, squared_gradient)
LOG_COSH = Loss("log_cosh", log_cosh, log_cosh_gradient)


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


def test_the_pieces_of_these_tests_are_right():
    for piece in (SOFTSIGN, OWN_TANH, OWN_SQUARED, LOG_COSH):
        assert check_gradient(piece) < 1e-9


@quiet
@of_both
@every_solver
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_own_tanh_is_the_tanh(kind, y, solver, dtype):
    parameters = QUICK | {"solver": solver, "dtype": dtype}
    own, named = (kind(activation=a, **parameters).fit(X, y) for a in (OWN_TANH, "tanh"))
    assert_array_equal(weights(own), weights(named))
    assert_array_equal(own.predict(X), named.predict(X))
    assert_array_equal(own.activations(X)[1], named.activations(X)[1])


@quiet
@every_solver
def test_an_own_squared_error_is_the_squared_error(solver):
    parameters = QUICK | {"solver": solver, "dtype": "float64", "init": "glorot_uniform"}
    own, named = (
        SigmoidMLPRegressor(loss=loss, **parameters).fit(X, NUMBER) for loss in (OWN_SQUARED, "squared_error")
    )
    assert_allclose(weights(own), weights(named), rtol=1e-9, atol=1e-12)
    assert_allclose(own.predict(X), named.predict(X), rtol=1e-9)


@of_both
def test_one_activation_a_layer_some_of_them_own(kind, y):
    parameters = QUICK | {"hidden_layer_sizes": (4, 3)}
    net = kind(activation=[SOFTSIGN, "relu"], **parameters).fit(X, y)
    first, second = net.activations(X)[1:3]
    assert (np.abs(first) < 1.0).all() and (second >= 0.0).all()


@of_both
def test_they_are_cloned_pickled_and_printed(kind, y):
    net = kind(activation=SOFTSIGN, loss=LOG_COSH if kind is SigmoidMLPRegressor else SIGMOID_LOG_LOSS, **QUICK)
    assert clone(net).get_params()["activation"] == SOFTSIGN
    assert "softsign" in repr(net)
    net.fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    assert_array_equal(again.predict(X), net.predict(X))
    assert_array_equal(weights(clone(net).fit(X, y)), weights(net))


@of_both
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_they_are_searched_over(kind, y, n_jobs):
    grid = {"activation": ["tanh", OWN_TANH, SOFTSIGN, [SOFTSIGN]]}
    search = GridSearchCV(kind(**QUICK), grid, cv=2, n_jobs=n_jobs).fit(X, y)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == scores[1] != scores[2] == scores[3]


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_losses_are_searched_over(n_jobs):
    grid = {"loss": ["squared_error", OWN_SQUARED, LOG_COSH]}
    search = GridSearchCV(SigmoidMLPRegressor(**QUICK), grid, cv=2, n_jobs=n_jobs).fit(X, NUMBER)
    scores = search.cv_results_["mean_test_score"]
    assert scores[0] == pytest.approx(scores[1], abs=0.02) and scores[2] != scores[1]
    assert np.isfinite(scores).all()


@of_both
def test_a_held_out_part_is_judged_by_the_own_loss(kind, y):
    loss = LOG_COSH if kind is SigmoidMLPRegressor else SIGMOID_LOG_LOSS
    net = kind(loss=loss, **QUICK | {"early_stopping": True, "validation_fraction": 0.2}).fit(X, y)
    assert_allclose(net.history_["validation_loss"], -np.array(net.validation_scores_))
    assert np.isfinite(net.validation_scores_).all()


def test_a_loss_that_is_less_drawn_by_outliers():
    wild = NUMBER.copy()
    wild[::15] += 60.0
    parameters = QUICK | {"max_iter": 150, "hidden_layer_sizes": ()}
    errors = [
        np.abs(SigmoidMLPRegressor(loss=loss, **parameters).fit(X, wild).predict(X) - NUMBER).mean()
        for loss in (LOG_COSH, "squared_error")
    ]
    assert errors[0] < 0.7 * errors[1]


def test_what_an_own_loss_calls_its_link_does_not_matter():
    """Labels are what the link makes of the raw outputs, whatever name it has."""
    called = Loss("own", SIGMOID_LOG_LOSS.value, SIGMOID_LOG_LOSS.gradient, SIGMOID_LOG_LOSS.link, "softmax")
    labels = np.column_stack([X[:, 0] > 0.0, X[:, 1] > 0.5]).astype(int)
    net = SigmoidMLPClassifier(5, loss=called, max_iter=20, random_state=0).fit(X, labels)
    assert_array_equal(net.predict(X), net.predict_proba(X) > 0.5)
