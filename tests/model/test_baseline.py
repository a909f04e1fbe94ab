"""A warning if a network is no better than a constant prediction, for every loss."""

import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning

from sknet import Loss, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.baseline import _loss_of_constant, best_constant
from sknet._model.heads import RegressionHead
from sknet._model.settings import TargetSettings

pytestmark = pytest.mark.filterwarnings("error")  # also where the package's other tests do not mind the warning
rng = np.random.default_rng(0)
X = rng.normal(size=(400, 3))
NUMBER = np.exp(X[:, 0])
WEIGHT = rng.random(400)
QUICK = {"max_iter": 20, "n_members": 1, "random_state": 0}
OWN = Loss("own", lambda raw, target: ((raw - target) ** 2).mean(axis=1), lambda raw, target: 2.0 * (raw - target))


@pytest.mark.parametrize(("parameters", "weight"), [
    ({"loss": "squared_error"}, None), ({"loss": "absolute_error"}, None), ({"loss": "huber"}, None),
    ({"loss": "quantile", "quantile": 0.9}, None), ({"loss": "quantile", "quantile": [0.1, 0.9]}, WEIGHT),
    ({"loss": OWN}, WEIGHT), ({"target_scaling": None}, WEIGHT), ({"solver": "sgd"}, None),
])  # fmt: skip
def test_a_network_no_better_than_a_constant_warns(parameters, weight):
    net = SigmoidMLPRegressor(**QUICK, learning_rate_init=100.0, clip_norm=1.0, input_gains=False, **parameters)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init=100: the best epoch is no better than a constant"):
        net.fit(X, NUMBER, sample_weight=weight)
    net.set_params(learning_rate_init=0.015).fit(X, NUMBER, sample_weight=weight)


@pytest.mark.parametrize("y", [X[:, 0] > 0.0, np.digitize(X[:, 0], [-1.0, 1.0]), (X > 0.0).astype(int)])
def test_a_classifier_no_better_than_a_constant_warns(y):
    net = SigmoidMLPClassifier(**QUICK, learning_rate_init=100, input_gains=False)
    with pytest.warns(ConvergenceWarning, match="no better than a constant prediction. Try 0.015"):
        net.fit(X, y)
    net.set_params(learning_rate_init=0.015).fit(X, y)


def test_a_learning_rate_that_is_too_small_warns():
    # the first weights stay, which may be better than a constant by chance: not those of this seed
    net = SigmoidMLPRegressor(max_iter=20, random_state=2, learning_rate_init=1e-9)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init=1e-09: the best .* Try 0.015"):
        net.fit(X, NUMBER)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_lbfgs_that_ends_at_once_warns(early_stopping):
    """If targets are not scaled, its tolerance is compared with a gradient in the unit of the target."""
    given = {"solver": "lbfgs", "early_stopping": early_stopping, "max_iter": 500, "random_state": 0}
    net = SigmoidMLPRegressor(**given, target_scaling=None, tol=0.1)
    with pytest.warns(ConvergenceWarning, match="solver='lbfgs': the best iteration is no better than a constant.*tol"):
        net.fit(X, 1e-6 * NUMBER)
    net.set_params(target_scaling="standard", tol=0.01).fit(X, 1e-6 * NUMBER)


@pytest.mark.parametrize("seed", [2, 3, 4])  # of 24 tables of noise, 21 are told
def test_noise_warns_at_the_default_learning_rate(seed):
    """Only held-out rows show it: on the training rows, networks are better than a constant."""
    net = SigmoidMLPRegressor(max_iter=20, random_state=0)
    with pytest.warns(
        ConvergenceWarning, match="learning_rate_init=0.015: the best .* X may hold no information about y"
    ):
        net.fit(X, np.random.default_rng(seed).normal(size=400))


def test_held_out_rows_may_favour_a_constant_by_chance():
    net = SigmoidMLPRegressor(max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning, match="a constant prediction on the held-out rows. .* may be chance"):
        net.fit(X, np.random.default_rng(2).normal(size=400))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_penalty_that_is_too_strong_warns_without_held_out_rows(solver):
    net = SigmoidMLPRegressor(solver=solver, alpha=1e6, early_stopping=False, random_state=0)
    with pytest.warns(ConvergenceWarning, match="no better than a constant prediction. Try .*alpha"):
        net.fit(X, NUMBER)
    net.set_params(alpha=0.0, max_iter=500, tol=0.01).fit(X, NUMBER)


class FirstWeights:
    """Draws the first weights of relu networks, one matrix a call; the matrices at `dead` are 0 and stay 0."""

    def __init__(self, dead=()):
        self.dead, self.n_drawn = dead, 0

    def __call__(self, fan_in, fan_out, rng):
        self.n_drawn += 1
        weights = rng.normal(size=(fan_in, fan_out)) / np.sqrt(fan_in)
        return 0.0 * weights if self.n_drawn in self.dead else weights

    def __deepcopy__(self, memo):
        return self


def drawn_by(weights, y, n_members):
    """How many matrices a fit to folds draws; the published networks, of two matrices each, come last."""
    net = SigmoidMLPRegressor(10, activation="relu", init=weights, early_stopping="folds", **QUICK)
    net.set_params(n_members=n_members).fit(X, y)
    return weights.n_drawn


@pytest.mark.parametrize("n_members", [1, 2])
def test_published_networks_that_learn_nothing_beside_folds_that_do_warn(n_members):
    n = drawn_by(FirstWeights(), X[:, 0], n_members)
    dead = range(n + 1 - 2 * n_members, n + 1)
    learnt_nothing = (
        f"of {n_members} published .*, {n_members} learnt nothing beyond .* of sample_weight, .*_init=0.005"
    )
    with pytest.warns(ConvergenceWarning, match=learnt_nothing):
        drawn_by(FirstWeights(dead), X[:, 0], n_members)


@pytest.mark.parametrize("seed", range(8))
def test_published_networks_that_learn_nothing_of_noise_do_not_warn(seed):
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"town": [f"town {k}" for k in rng.integers(0, 300, 1000)]})
    net = SigmoidMLPRegressor(category_encoding="target", random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*learnt nothing")
        warnings.filterwarnings("ignore", ".*no better than a constant")
        net.fit(table, rng.normal(size=1000))


def test_a_published_network_that_learns_nothing_warns_if_the_other_one_does_not_make_up_for_it():
    n = drawn_by(FirstWeights(), X[:, 0], 2)
    with pytest.warns(ConvergenceWarning, match="of 2 published .*, 1 learnt nothing"):
        drawn_by(FirstWeights(range(n - 1, n + 1)), X[:, 0], 2)
    # what folds predict of a noisy target is hardly better than half a network
    noisy = X[:, 0] + 3.0 * np.random.default_rng(1).normal(size=400)
    drawn_by(FirstWeights(range(n - 1, n + 1)), noisy, 2)


@pytest.mark.parametrize(
    "loss", [OWN, Loss("absolute", lambda raw, y: abs(raw - y)[:, 0], lambda raw, y: np.sign(raw - y))]
)
def test_the_best_constant_has_the_least_loss(loss):
    rng = np.random.default_rng(1)
    y, weight = NUMBER[:, np.newaxis], rng.random(400)

    def mean_loss(raw):
        return np.average(loss.value(np.full_like(y, raw), y), weights=weight)

    losses = [mean_loss(raw) for raw in np.linspace(-1.0, 6.0, 701)]
    best = mean_loss(best_constant(loss, y, weight))
    assert best <= min(losses) * (1.0 + 1e-3)


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "huber", "poisson"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_constant_of_many_rows_takes_little_memory(name, weighted):
    """A table may have a single column: an array as long as it is then as large as the table."""
    rng = np.random.default_rng(0)
    y = np.exp(rng.standard_normal((2**21, 1), dtype=np.float32))
    weight = rng.random(len(y), dtype=np.float32) if weighted else None
    loss = RegressionHead.learn_and_read([1.0, 2.0], TargetSettings(name, {}))[0].loss
    tracemalloc.start()
    constant = best_constant(loss, y, weight)
    constant_loss = _loss_of_constant(loss, constant, y, weight)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.5 * y.nbytes
    assert constant_loss == pytest.approx(
        np.average(loss.value(np.tile(constant, (len(y), 1)), y), weights=weight), rel=1e-4
    )
