"""How training runs: rates, patience, when it ends and what is said of it."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from sknet import Loss, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import NUMBER, N, X
from tests.estimators.results import weights

PLAIN = dict(
    hidden_layer_sizes=4, max_iter=5, early_stopping=False, random_state=0, batch_size=20, dtype="float64",
    learning_rate="constant", learning_rate_init=0.01, averaging=0.0, alpha=0.0, n_iter_no_change=10, tol=1e-4,
    momentum=0.9, nesterovs_momentum=True,
)  # fmt: skip
FIRST_ORDER = ["sgd", "adam", "rmsprop"]


def fitted(**parameters):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SigmoidMLPRegressor(**PLAIN | parameters).fit(X, NUMBER)


def rates(**parameters):
    """Return the rate of each step, by way of a single batch an epoch."""
    return fitted(**{"batch_size": N, **parameters}).history_["learning_rate"].to_numpy()


# --- rates -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_schedules_of_scikit_learn_for_every_first_order_solver(solver):
    assert_array_equal(rates(solver=solver), 0.01)
    falling = rates(solver=solver, learning_rate="invscaling", power_t=0.5)
    assert_allclose(falling, 0.01 / np.sqrt(1 + N * np.arange(5)), rtol=1e-12)
    stepped = rates(solver=solver, learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=7)
    assert_allclose(stepped, 0.01 / 5.0 ** np.array([0, 0, 0, 1, 1, 2, 2]), rtol=1e-12)


@pytest.mark.parametrize("solver", FIRST_ORDER)
@pytest.mark.parametrize(
    "name, expected",
    [
        ("cosine", lambda f: (1 + np.cos(np.pi * f)) / 2),
        ("coslog4", lambda f: (1 - np.cos(2 * np.pi * np.log2(1 + 15 * f))) / 2),
        ("one_cycle", None),
    ],
)
def test_schedules_with_an_end(solver, name, expected):
    f = np.arange(40) / 40
    found = rates(solver=solver, learning_rate=name, max_iter=40) / 0.01
    if expected is None:
        assert found[0] == pytest.approx(1 / 25)
        assert found.argmax() == 12
        assert found[12] == pytest.approx(1.0)
        assert (np.diff(found[:13]) > 0).all()
        assert (np.diff(found[12:]) < 0).all()
        assert found[-1] < 0.01
    else:
        assert_allclose(found, expected(f), atol=1e-12)


@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_a_rate_of_ones_own_hears_the_fraction_of_training_done(solver):
    heard = []

    def rate(fraction):
        heard.append(fraction)
        return 1.0 - fraction / 2

    found = fitted(solver=solver, learning_rate=rate, max_iter=4).history_["learning_rate"]
    assert_allclose(heard, np.arange(12) / 12)  # three steps an epoch
    assert_allclose(found, 0.01 * (1 - (np.arange(4) * 3 + 2) / 12 / 2))


def test_past_the_end_the_last_rate_is_kept():
    heard = []

    def rate(fraction):
        heard.append(fraction)
        return 1.0

    net = SigmoidMLPRegressor(**PLAIN | {"learning_rate": rate, "max_iter": 2})
    for _ in range(4):
        net.partial_fit(X, NUMBER)
    assert_allclose(np.unique(heard), np.unique(np.minimum(np.arange(12) / 6, 1.0)))


@pytest.mark.parametrize("bad", [lambda f: "fast", lambda f: np.nan, lambda: 1.0])
def test_an_unsuitable_learning_rate_function_raises(bad):
    net = SigmoidMLPRegressor(**PLAIN | {"learning_rate": bad})
    with pytest.raises((TypeError, ValueError)):
        net.fit(X, NUMBER)
    assert not hasattr(net, "coefs_")


# --- the end of training ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", FIRST_ORDER)
@pytest.mark.parametrize("name", ["constant", "invscaling", "adaptive"])
def test_reaching_max_iter_warns_if_the_schedule_has_no_end(solver, name):
    message = r"Stochastic Optimizer: Maximum iterations \(2\) reached and the optimization hasn't converged yet"
    with pytest.warns(ConvergenceWarning, match=message) as caught:
        net = SigmoidMLPRegressor(**PLAIN | {"solver": solver, "learning_rate": name, "max_iter": 2}).fit(X, NUMBER)
    assert net.n_iter_ == 2
    assert caught[0].filename == __file__


@pytest.mark.parametrize("solver", FIRST_ORDER)
@pytest.mark.parametrize("name", ["cosine", "one_cycle", "coslog4", "flat_cosine", lambda fraction: 1.0])
def test_patience_does_not_end_a_schedule_early(solver, name):
    parameters = PLAIN | {"solver": solver, "learning_rate": name, "max_iter": 12, "tol": 10.0, "n_iter_no_change": 1}
    assert SigmoidMLPRegressor(**parameters).fit(X, NUMBER).n_iter_ == 12  # and no warning


def test_no_warning_where_partial_fit_is_called_on_purpose():
    SigmoidMLPRegressor(**PLAIN | {"max_iter": 1}).partial_fit(X, NUMBER).partial_fit(X, NUMBER)


@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_patience_on_the_training_loss(solver):
    net = SigmoidMLPRegressor(**PLAIN | {"solver": solver, "tol": 10.0, "n_iter_no_change": 3, "max_iter": 50})
    assert net.fit(X, NUMBER).n_iter_ == 5  # the first epoch improves on nothing; four after it do not
    assert net.best_loss_ == min(net.loss_curve_)


def test_infinite_patience():
    assert fitted(tol=10.0, n_iter_no_change=np.inf, max_iter=30).n_iter_ == 30


def test_adaptive_ends_when_the_rate_is_spent():
    net = fitted(learning_rate="adaptive", tol=10.0, n_iter_no_change=1, max_iter=1000)
    used = net.history_["learning_rate"]
    assert net.n_iter_ < 1000
    assert used.min() <= 1e-5
    assert_allclose(np.unique(np.round(np.log(used / 0.01) / np.log(5))), np.arange(-len(np.unique(used)) + 1, 1))


@pytest.mark.parametrize(
    ("limit", "why"),
    [({"max_iter": 3}, "max_iter is reached"), ({"max_fun": 4, "max_iter": 1000}, "STOP: .*EVALUATIONS.*")],
)
def test_lbfgs_that_runs_out_says_so(limit, why):
    said = rf"lbfgs failed to converge after \d iteration\(s\): {why}\. Increase max_iter or max_fun, or raise tol\.$"
    with pytest.warns(ConvergenceWarning, match=said):
        net = SigmoidMLPRegressor(**PLAIN | {"solver": "lbfgs", "tol": 1e-12, **limit}).fit(X, NUMBER)
    assert 1 <= net.n_iter_ <= 4


def test_lbfgs_goes_by_iterations():
    net = fitted(solver="lbfgs", max_iter=15, tol=1e-9)
    assert net.n_iter_ == len(net.loss_curve_) == len(net.history_) == 15
    assert net.t_ == 15 * N
    assert (np.diff(net.loss_curve_) < 0).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_lbfgs_has_no_partial_fit(solver):
    for kind in (SigmoidMLPRegressor, SigmoidMLPClassifier):
        assert hasattr(kind(solver=solver), "partial_fit") == (solver == "adam")
    if solver == "lbfgs":
        with pytest.raises(AttributeError, match="partial_fit"):
            SigmoidMLPRegressor(solver=solver).partial_fit(X, NUMBER)


# --- steps -----------------------------------------------------------------------------------------------------------


def trajectory(update, n_steps=5):
    """Take steps in the full gradient by hand: update(gradient, memory, step) returns the direction."""
    net = fitted(learning_rate=lambda _: 0.0, batch_size=N)
    memory = {}
    for step in range(1, n_steps + 1):
        _, *gradients = net.backpropagate(X, NUMBER)
        for name, grads in zip(("coefs_", "intercepts_"), gradients, strict=True):
            moved = []
            for i, (part, gradient) in enumerate(zip(getattr(net, name), grads, strict=True)):
                of_part = memory.setdefault((name, i), {"m": 0.0, "v": 0.0})
                moved.append(part - 0.01 * update(gradient, of_part, step))
            setattr(net, name, moved)
    return weights(net)


def momentum(g, memory, step):
    memory["m"] = 0.9 * memory["m"] + g
    return memory["m"]


def nesterov(g, memory, step):
    memory["m"] = 0.9 * memory["m"] + g
    return g + 0.9 * memory["m"]


def rmsprop(g, memory, step):
    memory["v"] = 0.95 * memory["v"] + 0.05 * g**2
    return g / (np.sqrt(memory["v"]) + 1e-3)


def adam(g, memory, step):
    memory["m"] = 0.8 * memory["m"] + 0.2 * g
    memory["v"] = 0.95 * memory["v"] + 0.05 * g**2
    return np.sqrt(1 - 0.95**step) / (1 - 0.8**step) * memory["m"] / (np.sqrt(memory["v"]) + 1e-3)


@pytest.mark.parametrize(
    "parameters, update",
    [
        ({"solver": "sgd", "momentum": 0.0}, lambda g, memory, step: g),
        ({"solver": "sgd", "nesterovs_momentum": False}, momentum),
        ({"solver": "sgd", "nesterovs_momentum": True}, nesterov),
        ({"solver": "rmsprop", "beta_2": 0.95, "epsilon": 1e-3}, rmsprop),
        ({"solver": "adam", "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}, adam),
    ],
)
def test_weights_after_each_step_are_those_of_the_update_rule(parameters, update):
    assert_allclose(weights(fitted(**parameters, batch_size=N)), trajectory(update), rtol=1e-10, atol=1e-12)


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows():
    """With a rate of 0 it is the full objective, also where the last batch is smaller."""
    for batch_size in (7, 20, N):
        net = fitted(batch_size=batch_size, learning_rate=lambda _: 0.0, alpha=1.0)
        assert_allclose(net.loss_curve_, net.backpropagate(X, NUMBER)[0], rtol=1e-12)


def test_averaging_keeps_a_moving_average_of_the_weights():
    first = fitted(batch_size=N, learning_rate=lambda _: 0.0)
    steps = [weights(fitted(batch_size=N, max_iter=k)) for k in (1, 2, 3)]
    average = fitted(batch_size=N, max_iter=3, averaging=0.5)
    assert average.n_iter_ == 3
    assert (weights(average) != steps[-1]).any()
    low, high = np.minimum.reduce([weights(first), *steps]), np.maximum.reduce([weights(first), *steps])
    assert (weights(average) >= low - 1e-12).all()
    assert (weights(average) <= high + 1e-12).all()


def test_a_loss_that_is_not_a_number_is_no_fault_of_the_rate_in_lbfgs():
    def value(raw, target):  # a number for the rows that pieces of one's own are tried on
        return np.where(target[:, 0] < 1.0, 0.5, np.nan)

    nan = Loss("nan", value, lambda raw, target: np.where(target < 1.0, raw, np.nan))
    with pytest.raises(ValueError, match="try solver='adam', and check your own loss, 'nan'\\.$") as raised:
        SigmoidMLPRegressor(4, solver="lbfgs", loss=nan).fit(np.eye(20), np.arange(20.0))
    assert "learning_rate" not in str(raised.value)


# --- equal rows ------------------------------------------------------------------------------------------------------

EACH_TEN_TIMES = np.repeat(np.arange(30.0), 10)[:, np.newaxis]
TEN_OF_EACH = np.repeat(np.random.default_rng(0).normal(size=30), 10)


def test_lbfgs_counts_the_rows_of_categories():
    """Equal rows are merged for full batches; merged, thirty categories of ten rows would look like identifiers."""
    net = SigmoidMLPRegressor(solver="lbfgs", early_stopping=False, categorical_features=[0], max_iter=5)
    with pytest.warns(ConvergenceWarning, match="max_iter is reached"):
        net.fit(EACH_TEN_TIMES, TEN_OF_EACH)
    assert net.n_features_in_ == 1
    assert len(net.network_feature_names_) == 30


def test_lbfgs_counts_all_rows_as_seen():
    net = SigmoidMLPRegressor(2, solver="lbfgs", early_stopping=False, max_iter=3)
    with pytest.warns(ConvergenceWarning, match="max_iter is reached"):
        net.fit(np.sin(EACH_TEN_TIMES), TEN_OF_EACH)
    assert net.t_ == 3 * 300


def test_lbfgs_on_many_equal_rows_is_better_than_a_constant():
    """A gain of a tenth over the constant is no chance for 5,000 rows, of which four differ."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, (5000, 1)).astype(float)
    y = rng.random(5000) < np.where(x[:, 0] > 0, 0.65, 0.35)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = SigmoidMLPClassifier(solver="lbfgs", early_stopping=False, random_state=0).fit(x, y)
    assert net.loss_ < 0.66
