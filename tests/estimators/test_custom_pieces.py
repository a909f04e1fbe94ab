"""Activations and losses of the user's own, in everything that scikit-learn does with an estimator."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import xlogy
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from sknet import (
    Activation,
    Checkpoint,
    Interval,
    Loss,
    Optimizer,
    SigmoidMLPClassifier,
    SigmoidMLPRegressor,
    check_gradient,
)
from tests.estimators.data import quiet
from tests.estimators.results import weights
from tests.network.pieces import LOSSES

rng = np.random.default_rng(0)
N = 90
X = rng.normal(size=(N, 4))
NUMBER = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=N)
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
QUICK = dict(
    n_members=1,
    hidden_layer_sizes=4, max_iter=5, batch_size=30, learning_rate="cosine", learning_rate_init=0.05, random_state=0,
    early_stopping=False,
)  # fmt: skip
KINDS = [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)]
of_both = pytest.mark.parametrize("kind, y", KINDS, ids=["classifier", "regressor"])
every_solver = pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])


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


SIGMOID_LOG_LOSS = LOSSES["log_loss, binary"].loss
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


def deviance(raw, target):
    return (xlogy(target, target) - target * raw - target + np.exp(raw)).mean(axis=1)


def deviance_gradient(raw, target):
    return (np.exp(raw) - target) / raw.shape[1]


def exponential(raw):
    np.exp(raw, out=raw)


def log_mean(target, weight):
    return np.log(np.average(target, axis=0, weights=weight))


OWN_POISSON = Loss("counts", deviance, deviance_gradient, exponential, targets=Interval(0.0), start=log_mean)


@dataclass(frozen=True)
class OwnSGD(Optimizer):
    """Momentum, as ours does it."""

    momentum: float = 0.9
    n_moments = 1

    def update(self, gradient, moments, step):
        moments[0][:] *= self.momentum
        moments[0][:] += gradient
        gradient[:] = moments[0]
        return 1.0

    def steady_direction(self, moments, step):
        return (1.0 - self.momentum**step) / (1.0 - self.momentum)


@dataclass(frozen=True)
class SignDescent(Optimizer):
    """Without memory."""

    def update(self, gradient, moments, step):
        np.sign(gradient, out=gradient)
        return 1.0


OWN_SQUARED = Loss("my squared error", squared, squared_gradient)
LOG_COSH = Loss("log_cosh", log_cosh, log_cosh_gradient)


def test_the_pieces_of_these_tests_are_right():
    for piece in (SOFTSIGN, OWN_TANH, OWN_SQUARED, LOG_COSH, OWN_POISSON):
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
def test_layers_may_mix_named_and_custom_activations(kind, y):
    parameters = QUICK | {"hidden_layer_sizes": (4, 3)}
    net = kind(activation=[SOFTSIGN, "relu"], **parameters).fit(X, y)
    first, second = net.activations(X)[1:3]
    assert (np.abs(first) < 1.0).all()
    assert (second >= 0.0).all()


@of_both
@pytest.mark.parametrize("solver", [OwnSGD(), SignDescent()])
def test_estimators_with_custom_pieces_are_cloned_pickled_and_printed(kind, y, solver):
    loss = LOG_COSH if kind is SigmoidMLPRegressor else SIGMOID_LOG_LOSS
    net = kind(activation=SOFTSIGN, loss=loss, solver=solver, **QUICK)
    assert clone(net).get_params()["activation"] == SOFTSIGN
    assert clone(net).solver == solver
    assert "softsign" in repr(net)
    assert type(solver).__name__ in repr(net)
    net.partial_fit(X, y).partial_fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    assert again.solver == solver
    assert_array_equal(again.predict(X), net.predict(X))
    assert_array_equal(weights(again.partial_fit(X, y)), weights(net.partial_fit(X, y)))
    assert_array_equal(weights(clone(net).fit(X, y)), weights(clone(again).fit(X, y)))


@of_both
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_grid_search_takes_custom_pieces(kind, y, n_jobs):
    grid = [{"activation": ["tanh", OWN_TANH, SOFTSIGN, [SOFTSIGN]]}, {"solver": ["adam", OwnSGD(), SignDescent()]}]
    grid += [{"loss": ["squared_error", OWN_SQUARED, LOG_COSH]}] if kind is SigmoidMLPRegressor else []
    scores = GridSearchCV(kind(**QUICK), grid, cv=2, n_jobs=n_jobs).fit(X, y).cv_results_["mean_test_score"]
    assert np.isfinite(scores).all()
    assert scores[0] == scores[1] != scores[2] == scores[3]
    assert len(set(scores[4:7])) > 1
    if kind is SigmoidMLPRegressor:
        assert scores[7] == pytest.approx(scores[8], abs=0.02)
        assert scores[9] != scores[8]


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


def test_the_name_of_a_custom_link_does_not_matter():
    """Labels are what the link makes of the raw outputs, whatever name it has."""
    called = Loss("own", SIGMOID_LOG_LOSS.value, SIGMOID_LOG_LOSS.gradient, SIGMOID_LOG_LOSS.link.apply, "softmax")
    labels = np.column_stack([X[:, 0] > 0.0, X[:, 1] > 0.5]).astype(int)
    net = SigmoidMLPClassifier(5, loss=called, max_iter=20, random_state=0).fit(X, labels)
    assert_array_equal(net.predict(X), net.predict_proba(X) > 0.5)


# --- a loss with a link ----------------------------------------------------------------------------------------------

COUNTS = rng.poisson(np.exp(1.0 + 0.5 * NUMBER)).astype(float)


@quiet
@every_solver
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_custom_poisson_loss_trains_as_the_named_one(solver, early_stopping):
    """At the default scaling of targets too: a loss with a link says that it wants none."""
    parameters = QUICK | {
        "solver": solver,
        "early_stopping": early_stopping,
        "validation_fraction": 0.2,
        "max_iter": 30,
    }
    weight = 1.0 + np.arange(N) % 3
    own, named = (
        SigmoidMLPRegressor(loss=loss, **parameters).fit(X, COUNTS, weight) for loss in (OWN_POISSON, "poisson")
    )
    assert own.get_params()["target_scaling"] == "standard"
    assert_allclose(own.predict(X), named.predict(X), rtol=1e-6)
    assert_allclose(own.loss_curve_, named.loss_curve_, rtol=1e-6)
    assert own.__sklearn_tags__().target_tags.positive_only


def test_a_loss_of_the_users_own_names_the_targets_it_cannot_take():
    with pytest.raises(ValueError, match=r"loss='counts' needs targets that are 0 or more; y has a minimum of -1"):
        SigmoidMLPRegressor(loss=OWN_POISSON, **QUICK).fit(X, np.append(COUNTS[1:], -1.0))


# --- optimizers ------------------------------------------------------------------------------------------------------


@quiet
@of_both
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_an_own_momentum_is_that_of_sgd(kind, y, l1_ratio):
    parameters = QUICK | {
        "alpha": 1.0,
        "l1_ratio": l1_ratio,
        "clip_norm": None,
        "weight_decay": 0.0,
        "dtype": "float64",
    }
    own = kind(solver=OwnSGD(), **parameters).fit(X, y)
    named = kind(solver="sgd", nesterovs_momentum=False, **parameters).fit(X, y)
    assert_allclose(weights(own), weights(named), rtol=1e-12, atol=1e-14)
    own.partial_fit(X, y)
    named.partial_fit(X, y)
    assert_allclose(weights(own), weights(named), rtol=1e-12, atol=1e-14)
    assert (weights(own) != weights(kind(solver=OwnSGD(0.5), **parameters).fit(X, y))).any()


@of_both
def test_k_partial_fits_with_an_own_optimizer_are_one_fit(kind, y):
    parameters = QUICK | {"tol": 0.0}
    whole, parts = kind(solver=OwnSGD(), **parameters).fit(X, y), kind(solver=OwnSGD(), **parameters)
    for _ in range(5):
        parts.partial_fit(X, y)
    assert_array_equal(weights(whole), weights(parts))


class Stops:
    """A callback that ends training after two epochs."""

    def __init__(self):
        self.left = 2

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context):
        self.left -= context.task_name == "epoch"
        return self.left == 0


@pytest.mark.skipif(not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")
@of_both
def test_a_run_with_an_own_optimizer_is_resumed(kind, y, tmp_path):
    parameters = QUICK | {"solver": OwnSGD(), "tol": 0.0}
    whole = kind(**parameters).fit(X, y)
    kind(**parameters).set_callbacks(Checkpoint(tmp_path / "run.npz"), Stops()).fit(X, y)
    resumed = kind(**parameters).resume(tmp_path / "run.npz", X, y)
    assert_array_equal(weights(resumed), weights(whole))
    assert resumed.loss_curve_ == whole.loss_curve_
    assert resumed.n_iter_ == 5
    for other in (OwnSGD(0.5), SignDescent(), "sgd"):
        with pytest.raises(
            ValueError, match=r"written with solver=OwnSGD\(momentum=0.9\), and this is a run with solver="
        ):
            kind(**parameters | {"solver": other}).resume(tmp_path / "run.npz", X, y)


@pytest.mark.parametrize("solver", [OwnSGD, object(), 3])
def test_a_solver_that_is_no_optimizer_is_refused(solver):
    with pytest.raises(ValueError, match="The 'solver' parameter"):
        SigmoidMLPRegressor(solver=solver, **QUICK).fit(X, NUMBER)
