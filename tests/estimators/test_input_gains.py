"""Input gains in the estimators: where they are learnt, what carries them on, and what they leave alone."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.inside import settings_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = X[:, 0] + 0.1 * RNG.normal(size=60)
FRAME = pd.DataFrame(X, columns=list("abcde")).assign(f=np.repeat(["u", "v", "w"], 20))
QUICK = {"hidden_layer_sizes": 6, "n_members": 1, "max_iter": 4, "random_state": 0}
UNEVALUATED = QUICK | {"early_stopping": False}


def log_gains_of(net):
    """The logarithms of the gains that a training state holds."""
    state, n = net._fitted.state, sum(W.size for W in (*net.coefs_, *net.intercepts_))
    return state.theta[n if state.theta.size >= n else 0 :]


OFF = {
    "a schedule of scikit-learn": {"learning_rate": "constant"},
    "first weights": {"init": ([np.ones((5, 6)), np.ones((6, 1))], [np.zeros(6), np.zeros(1)]), "input_scaling": None},
    "no scaling": {"input_scaling": None},
    "L-BFGS": {"solver": "lbfgs"},
    "no hidden layer": {"hidden_layer_sizes": ()},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("parameters", OFF.values(), ids=OFF)
def test_auto_is_off_where_the_network_is_that_of_scikit_learn(parameters):
    net = SigmoidMLPRegressor(**UNEVALUATED | parameters).fit(X, Y)
    assert net.resolved_params_["input_gains"] is False
    off = SigmoidMLPRegressor(**UNEVALUATED | parameters, input_gains=False).fit(X, Y)
    np.testing.assert_array_equal(net.coefs_[0], off.coefs_[0])


def test_auto_is_off_for_sparse_tables():
    assert SigmoidMLPRegressor(**UNEVALUATED).fit(sp.csr_array(X), Y).resolved_params_["input_gains"] is False


def test_auto_is_on_elsewhere_and_changes_the_weights():
    net = SigmoidMLPRegressor(**QUICK).fit(FRAME, Y)
    assert net.resolved_params_["input_gains"] is True
    assert not np.array_equal(net.coefs_[0], SigmoidMLPRegressor(**QUICK, input_gains=False).fit(FRAME, Y).coefs_[0])


@pytest.mark.parametrize(("parameters", "table", "message"), [
    ({"solver": "lbfgs"}, X, "solver='lbfgs' does not go with input_gains=True"),
    ({}, sp.csr_array(X), "input_gains=True does not go with sparse X"),
])  # fmt: skip
def test_gains_that_cannot_be_learnt_are_refused(parameters, table, message):
    net = SigmoidMLPRegressor(**UNEVALUATED | parameters, input_gains=True)
    with pytest.raises(ValueError, match=message):
        net.fit(table, Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["adam", "sgd", "lion", "rmsprop"])
def test_increments_are_one_fit(solver, dtype):
    parameters = UNEVALUATED | {"solver": solver, "numeric_encoding": "raw", "dtype": "float32"}
    whole = SigmoidMLPRegressor(**parameters).fit(X.astype(dtype), Y)
    assert whole.resolved_params_["input_gains"] is True
    net = SigmoidMLPRegressor(**parameters)
    for _ in range(4):
        net = pickle.loads(pickle.dumps(net.partial_fit(X.astype(dtype), Y)))
    for one, other in zip((*net.coefs_, *net.intercepts_), (*whole.coefs_, *whole.intercepts_), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_carries_the_gains_on(tmp_path):
    net = SigmoidMLPRegressor(**UNEVALUATED).partial_fit(X, Y)
    assert log_gains_of(net).shape == (5,)
    assert log_gains_of(net).all()
    sknet.save(net, tmp_path / "net.safetensors")
    loaded = sknet.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(loaded.partial_fit(X, Y).coefs_[0], net.partial_fit(X, Y).coefs_[0])


def test_weights_that_are_set_start_from_gains_of_one():
    net = SigmoidMLPRegressor(**UNEVALUATED).partial_fit(X, Y)
    assert log_gains_of(net).all()
    net.coefs_ = net.coefs_
    assert not log_gains_of(net).any()
    n = sum(W.size for W in (*net.coefs_, *net.intercepts_))
    assert not any(moment[n:].any() for moment in net._fitted.state.moments)
    assert all(moment[:n].any() for moment in net._fitted.state.moments)  # those of the weights stay
    net.partial_fit(X, Y)
    assert log_gains_of(net).all()


def test_a_fitted_model_keeps_no_gains():
    net = SigmoidMLPClassifier(**QUICK).fit(FRAME, Y > 0)
    assert net._fitted.state is None
    assert len(pickle.dumps(net.coefs_[0])) < 3 * net.coefs_[0].nbytes + 1000


def test_weight_two_is_two_rows():
    parameters = UNEVALUATED | {"dtype": "float64", "numeric_encoding": "raw"}
    weighted = SigmoidMLPRegressor(**parameters, batch_size=60).fit(
        X, Y, sample_weight=np.where(np.arange(60) < 30, 2.0, 1.0)
    )
    repeated = SigmoidMLPRegressor(**parameters, batch_size=90).fit(np.r_[X[:30], X], np.r_[Y[:30], Y])
    assert weighted.resolved_params_["input_gains"]
    assert repeated.resolved_params_["input_gains"]
    np.testing.assert_allclose(weighted.coefs_[0], repeated.coefs_[0], rtol=1e-9, atol=1e-11)


# --- inputs that fade -------------------------------------------------------------------------------------------------

WIDE = RNG.normal(size=(500, 30))
OF_ONE = WIDE[:, 0] + 0.2 * RNG.normal(size=500)


@pytest.mark.parametrize(
    ("parameters", "fade"),
    [
        ({"early_stopping": "folds"}, True),
        ({"early_stopping": True}, True),
        ({"early_stopping": False, "max_iter": 20}, False),
        ({"input_gains": False, "max_iter": 20}, False),
    ],
    ids=str,
)
def test_inputs_fade_where_there_are_gains_and_rows_that_evaluate_epochs(parameters, fade):
    net = SigmoidMLPRegressor(random_state=0, numeric_encoding="raw", **parameters).fit(WIDE, OF_ONE)
    size = np.abs(net.coefs_[0]).mean(axis=1)
    assert (np.median(size[1:]) < size[0] / 20) == fade


def test_the_unit_of_the_target_does_not_decide_which_inputs_fade():
    nets = [SigmoidMLPRegressor(random_state=0, dtype="float64").fit(WIDE, unit * OF_ONE) for unit in (1.0, 1024.0)]
    np.testing.assert_allclose(*(net.coefs_[0] for net in nets), rtol=1e-6, atol=1e-9)


def test_a_resumed_run_fades_as_one_that_was_not_interrupted(tmp_path):
    path = tmp_path / "run"
    parameters = {"random_state": 0, "early_stopping": True, "n_iter_no_change": 100}
    whole = SigmoidMLPRegressor(**parameters, max_iter=8).fit(WIDE, OF_ONE)
    SigmoidMLPRegressor(**parameters, max_iter=8).set_callbacks(sknet.Checkpoint(path, every=3)).fit(WIDE, OF_ONE)
    resumed = SigmoidMLPRegressor(**parameters, max_iter=8).resume(path, WIDE, OF_ONE)
    for one, other in zip(resumed.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


def test_gains_are_pulled_down_if_something_evaluates_the_epochs():
    net = SigmoidMLPRegressor()
    assert settings_of(net, 90, "folds").solver.pull_strength == 1.5
    assert settings_of(net, 90, validated=False).solver.pull_strength == 0.0
