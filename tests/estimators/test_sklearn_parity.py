"""With scikit-learn's defaults, its first weights and no shuffling, training is scikit-learn's, loss by loss.

Left out, because scikit-learn is at fault or differs by construction:

- several regression outputs: the gradient of its squared error is n_outputs times that of the loss that it reports,
  a mean over the outputs (`test_k_outputs_need_k_times_the_rate`: it takes our steps at n_outputs times our rate);
- mini-batches with alpha > 0: its penalty is alpha / (2 |B|) |W|^2 for a batch B, so it grows as batches shrink; ours
  is alpha / (2 n) |W|^2 whatever the batch;
- momentum under a rate that changes: its velocity is a sum of past steps, each at the rate of its own time, ours of
  gradients, so that a fallen rate takes effect at once. The schedules are compared without momentum;
- L-BFGS where a trial step saturates the outputs: it clips probabilities at 2e-16, so its log-loss there is not the one
  whose gradient it computes, and the line search goes elsewhere.
"""

import inspect
import warnings
from itertools import product

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.pairs import over_pairs

N = 90
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
SOLVERS = {
    "adam": {"solver": "adam"},
    "Nesterov": {"solver": "sgd"},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "momentum": 0.8},
    "sgd": {"solver": "sgd", "momentum": 0.0},
}
BATCHES = {"mini-batches": {"alpha": 0.0, "batch_size": 32}, "full batch": {"alpha": 0.3, "batch_size": N}}


def table(kind):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 6))
    signal = X @ rng.normal(size=(6, 3)) + 0.3 * rng.normal(size=(N, 3))
    targets = {
        "binary": np.where(signal[:, 0] > 0, "yes", "no"),
        "multiclass": signal.argmax(axis=1),
        "multilabel": (signal > 0).astype(int),
        "regression": signal[:, 0],
        "poisson": rng.poisson(np.exp(0.3 * signal[:, 0])).astype(float),
    }
    return X, targets[kind]


KINDS = ["binary", "multiclass", "multilabel", "regression", "poisson"]


def pair(kind, **parameters):
    """Scikit-learn's estimator, and ours with all of its defaults and what it does not have switched off."""
    theirs, ours = (
        (MLPRegressor, SigmoidMLPRegressor)
        if kind in ("regression", "poisson")
        else (MLPClassifier, SigmoidMLPClassifier)
    )
    parameters = {"hidden_layer_sizes": (7, 5), "max_iter": 50, "tol": 0.0, "shuffle": False} | parameters
    if kind == "poisson":
        parameters["loss"] = "poisson"
    peer = theirs(random_state=3, n_iter_no_change=1000).set_params(**parameters)
    more = {"input_scaling": None, "dtype": "float64", "early_stopping": False, "weight_decay": 0.0, "averaging": 0.0}
    if ours is SigmoidMLPRegressor:
        more["target_scaling"] = None
    known = inspect.signature(ours).parameters
    settings = {name: value for name, value in peer.get_params().items() if name in known}
    assert set(peer.get_params()) == set(settings)
    return peer, ours().set_params(**settings | more)


def first_weights(peer, X, y):
    """Scikit-learn's initial weights: what is left after one step of no length."""
    still = type(peer)(**peer.get_params()).set_params(solver="sgd", learning_rate_init=1e-300, max_iter=1)
    fitted(still, X, y)
    return still.coefs_, still.intercepts_


def fitted(estimator, X, y, **more):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, **more)


def both(kind, X, y, sample_weight=None, **parameters):
    peer, ours = pair(kind, **parameters)
    ours.set_params(init=first_weights(peer, X, y))
    return fitted(peer, X, y, sample_weight=sample_weight), fitted(ours, X, y, sample_weight=sample_weight)


def assert_alike(peer, ours, n_epochs=50):
    assert len(ours.loss_curve_) == len(peer.loss_curve_) == peer.n_iter_ == ours.n_iter_ == n_epochs
    np.testing.assert_allclose(ours.loss_curve_, peer.loss_curve_, rtol=1e-9, atol=0)
    for a, b in zip([*ours.coefs_, *ours.intercepts_], [*peer.coefs_, *peer.intercepts_], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
    assert (peer.t_, peer.out_activation_, peer.n_layers_) == (ours.t_, ours.out_activation_, ours.n_layers_)


@over_pairs(kind=KINDS, activation=ACTIVATIONS, solver=list(SOLVERS), batches=list(BATCHES))
def test_first_order_solvers_have_the_losses_and_weights_of_scikit_learn(kind, activation, solver, batches):
    parameters = SOLVERS[solver] | BATCHES[batches]
    peer, ours = both(kind, *table(kind), activation=activation, learning_rate_init=0.01, **parameters)
    assert_alike(peer, ours)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_all_defaults_but_shuffling_give_the_losses_of_scikit_learn(kind):
    X, y = table(kind)
    assert_alike(*both(kind, X, y, hidden_layer_sizes=(100,), max_iter=20), n_epochs=20)


@pytest.mark.parametrize("power_t", [0.5, 0.2])
@pytest.mark.parametrize("kind", KINDS)
def test_inverse_scaling_has_the_losses_of_scikit_learn(kind, power_t):
    schedule = {"solver": "sgd", "momentum": 0.0, "learning_rate": "invscaling", "power_t": power_t}
    assert_alike(*both(kind, *table(kind), learning_rate_init=0.5, **schedule, **BATCHES["mini-batches"]))


@pytest.mark.parametrize("kind", KINDS)
def test_an_adaptive_rate_has_the_losses_of_scikit_learn(kind):
    """With tol = 0.01 plateaus come early, and training ends when the rate is down to a millionth."""
    schedule = {"solver": "sgd", "momentum": 0.0, "learning_rate": "adaptive", "learning_rate_init": 0.2}
    patience = {"tol": 0.01, "n_iter_no_change": 2, "max_iter": 300}
    peer, ours = both(kind, *table(kind), **schedule, **patience, **BATCHES["mini-batches"])
    assert 20 < peer.n_iter_ < 300
    assert_alike(peer, ours, n_epochs=peer.n_iter_)
    rates = np.unique(np.round(np.log(0.2 / ours.history_["learning_rate"]) / np.log(5), 9))
    np.testing.assert_array_equal(rates, np.arange(9))


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_stops_after_the_same_epoch(solver):
    patience = {"tol": 0.01, "n_iter_no_change": 3, "max_iter": 300, "learning_rate_init": 0.02}
    peer, ours = both("multiclass", *table("multiclass"), solver=solver, **patience, **BATCHES["full batch"])
    assert 5 < peer.n_iter_ < 300
    assert_alike(peer, ours, n_epochs=peer.n_iter_)
    assert ours.best_loss_ == pytest.approx(peer.best_loss_, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_sparse_rows_have_the_losses_of_scikit_learn(kind, solver):
    X, y = table(kind)
    X[np.abs(X) < 0.8] = 0.0
    more = {"solver": solver, "learning_rate_init": 0.01, **BATCHES["full batch"]}
    assert_alike(*both(kind, sp.csr_matrix(X), y, **more))


@pytest.mark.parametrize("kind", KINDS)
def test_weighted_rows_have_the_losses_of_scikit_learn(kind):
    """Full batches: weights divided by their sum are the same in both."""
    X, y = table(kind)
    weight = np.random.default_rng(1).uniform(0.5, 2.0, N)
    # scikit-learn adds up the epoch's loss over the rows, which is the weighted mean for one full batch
    assert_alike(*both(kind, X, y, weight, learning_rate_init=0.01, **BATCHES["full batch"]))


SATURATED = [("multiclass", "logistic", 0.0), ("multilabel", "logistic", 0.3)]
LBFGS = [case for case in product(KINDS, ACTIVATIONS, [0.0, 0.3]) if case not in SATURATED]


@pytest.mark.parametrize(("kind", "activation", "alpha"), LBFGS)
def test_lbfgs_after_twenty_iterations(kind, activation, alpha):
    peer, ours = both(kind, *table(kind), activation=activation, solver="lbfgs", alpha=alpha, max_iter=20, tol=1e-4)
    assert peer.n_iter_ == ours.n_iter_ <= 20
    assert ours.loss_ == ours.loss_curve_[-1] == pytest.approx(peer.loss_, rel=1e-9)
    assert peer.n_iter_ == 20 or activation == "identity"  # a linear model is done before


@pytest.mark.parametrize(("kind", "activation", "alpha"), SATURATED)
def test_lbfgs_until_a_trial_step_saturates(kind, activation, alpha):
    peer, ours = both(kind, *table(kind), activation=activation, solver="lbfgs", alpha=alpha, max_iter=6, tol=1e-4)
    assert ours.loss_ == pytest.approx(peer.loss_, rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_weights_give_the_same_predictions(kind):
    X, y = table(kind)
    peer, ours = both(kind, X, y, max_iter=3)
    if hasattr(peer, "predict_proba"):
        np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-9)
        np.testing.assert_array_equal(ours.predict(X), peer.predict(X))
    else:
        np.testing.assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-9)
    assert ours.score(X, y) == pytest.approx(peer.score(X, y))


@pytest.mark.parametrize("k", [2, 3])
def test_k_outputs_need_k_times_the_rate(k):
    """Its gradient is k times that of the loss it reports: k times our rate gives its curve, and its rate does not."""
    X, _ = table("regression")
    y = X @ np.random.default_rng(2).normal(size=(6, k)) / 3
    more = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "max_iter": 20}
    peer, ours = pair("regression", learning_rate_init=0.01, **more)
    ours.set_params(init=first_weights(peer, X, y))
    fitted(peer, X, y)
    assert abs(fitted(ours, X, y).loss_ / peer.loss_ - 1) > 1e-3
    ours.set_params(learning_rate_init=0.01 * k)
    np.testing.assert_allclose(fitted(ours, X, y).loss_curve_, peer.loss_curve_, rtol=1e-9)
