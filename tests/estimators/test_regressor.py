"""Every loss for numbers: units, quantiles, positive targets, several outputs."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_pinball_score, mean_poisson_deviance, r2_score
from sklearn.model_selection import KFold, cross_val_predict

from sknet import SigmoidMLPRegressor
from tests.estimators.data import outside_training
from tests.estimators.pairs import over_pairs

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 3))
NUMBER = 100.0 + 20.0 * (X[:, 0] + 0.3 * rng.normal(size=N))
COUNT = rng.poisson(np.exp(0.5 + 0.7 * X[:, 0])).astype(float)
PLAIN = dict(
    hidden_layer_sizes=6, max_iter=60, early_stopping=False, random_state=0, batch_size=30, dtype="float64",
    learning_rate="cosine", learning_rate_init=0.03, averaging=0.0, alpha=0.0, target_scaling="standard",
)  # fmt: skip
LOSSES = {
    "squared_error": (NUMBER, {}),
    "absolute_error": (NUMBER, {}),
    "huber": (NUMBER, {"huber_delta": 0.7}),
    "quantile": (NUMBER, {"quantile": 0.5}),
    "poisson": (COUNT, {}),
    "gamma": (COUNT + 1.0, {}),
    "tweedie": (COUNT, {"tweedie_power": 1.5}),
}


def fitted(y, **parameters):
    return SigmoidMLPRegressor(**PLAIN | parameters).fit(X, y)


def loss_by_hand(net, y):
    """Compute the mean loss from predictions in the target's own units, in units of the target's deviation or mean."""
    predicted = net.predict(X)
    m = y.mean(axis=0)
    z = (y - predicted) / y.std(axis=0)
    d = net.huber_delta
    value = {
        "squared_error": lambda: z**2 / 2,
        "absolute_error": lambda: np.abs(z),
        "huber": lambda: np.where(np.abs(z) <= d, z**2 / 2, d * (np.abs(z) - d / 2)),
        "quantile": lambda: np.maximum(net.quantile * z, (net.quantile - 1) * z),
        "poisson": lambda: (np.where(y > 0, y * np.log(np.maximum(y, 1) / predicted), 0.0) - y + predicted) / m,
        "gamma": lambda: np.log(predicted / y) + y / predicted - 1,
        "tweedie": lambda: (-4 * np.sqrt(y) + 2 * y / np.sqrt(predicted) + 2 * np.sqrt(predicted)) / np.sqrt(m),  # 1.5
    }[net.loss]()
    return np.mean(value)


# --- every loss ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.filterwarnings("ignore:lbfgs failed")
def test_every_loss_learns_by_every_solver(name, solver):
    y, more = LOSSES[name]
    rate = {"adam": 0.03, "sgd": 0.05, "rmsprop": 0.02, "lbfgs": 1.0}[solver]
    net = fitted(y, loss=name, **more, solver=solver, learning_rate_init=rate)
    assert net.score(X, y) > (0.25 if y is not NUMBER else 0.8)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_is_the_mean_over_rows_and_outputs(name, outputs):
    y, more = LOSSES[name]
    y = y if outputs == 1 else np.column_stack([y, y[::-1]])
    net = fitted(y, loss=name, **more, max_iter=3)
    assert net.backpropagate(X, y)[0] == pytest.approx(loss_by_hand(net, y), rel=1e-10)


@pytest.mark.parametrize("name", LOSSES)
def test_the_gradient_is_the_gradient_of_the_loss(name):
    y, more = LOSSES[name]
    Y = np.column_stack([y, y[::-1], 2.0 * y])
    net = fitted(Y, loss=name, **more, max_iter=3, alpha=0.5)
    _, coef_grads, intercept_grads = net.backpropagate(X, Y)
    for kind, gradients in (("coefs_", coef_grads), ("intercepts_", intercept_grads)):
        parts = [part.copy() for part in getattr(net, kind)]
        for part, gradient in zip(parts, gradients, strict=True):
            where, h = np.unravel_index(np.abs(gradient).argmax(), part.shape), 1e-6
            values = []
            for shift in (h, -2 * h):
                part[where] += shift
                setattr(net, kind, parts)
                values.append(net.backpropagate(X, Y)[0])
            part[where] += h
            assert (values[0] - values[1]) / (2 * h) == pytest.approx(gradient[where], rel=1e-4, abs=1e-8)
        setattr(net, kind, parts)


def test_predictions_and_scores_are_in_the_targets_own_units():
    plain = fitted((NUMBER - NUMBER.mean()) / NUMBER.std())
    scaled = fitted(NUMBER)
    assert_allclose(scaled.predict(X), plain.predict(X) * NUMBER.std() + NUMBER.mean(), rtol=1e-8)
    assert_allclose(scaled.loss_curve_, plain.loss_curve_, rtol=1e-8)  # the loss is the scaled objective's
    assert scaled.score(X, NUMBER) == pytest.approx(r2_score(NUMBER, scaled.predict(X)))
    weight = np.arange(N) % 3
    assert scaled.score(X, NUMBER, weight) == pytest.approx(r2_score(NUMBER, scaled.predict(X), sample_weight=weight))


def test_without_target_scaling_the_network_speaks_the_targets_units():
    net = fitted(NUMBER / 100, target_scaling=None)
    assert_array_equal(net.predict(X), net.activations(X)[-1][:, 0])


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie"])
def test_positive_targets_are_not_scaled(name):
    y, _ = LOSSES[name]
    one, other = (fitted(y, loss=name, target_scaling=scaling) for scaling in ("standard", None))
    assert_array_equal(one.predict(X), other.predict(X))
    assert (one.predict(X) > 0).all()
    assert one.out_activation_ == "exp"
    assert one.resolved_params_["target_scaling"] is None
    assert_array_equal(one.predict(X), one.activations(X)[-1][:, 0])


@over_pairs(name=["poisson", "gamma", "tweedie"], unit=[2.0**-20, 2.0**10, 1e-200, 1e100], is_weighted=[False, True])
def test_fits_of_positive_targets_do_not_depend_on_the_unit(name, unit, is_weighted):
    """Nor does the loss. Raw outputs have a logarithm of the unit in them: sums with it round to parts of its size.

    These are errors of a prediction as such: 2 times as large at most were found. The line searches of L-BFGS
    make them up to 730 times as large in eight iterations.
    """
    y, weight = LOSSES[name][0] + 1e-3, np.arange(N) % 3 + 0.5 if is_weighted else None
    for more in ({}, {"solver": "lbfgs", "max_iter": 8}, {"dtype": "float32", "max_iter": 10}):
        nets = [SigmoidMLPRegressor(**PLAIN | {"loss": name, "alpha": 1.0} | more) for _ in range(2)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            one, other = (net.fit(X, factor * y, weight) for net, factor in zip(nets, (1.0, unit), strict=True))
        rounding = np.finfo(more.get("dtype", "float64")).eps * (1.0 + abs(np.log(unit)))
        tolerance = (1e4 if "solver" in more else 20.0) * rounding
        assert_allclose(other.predict(X) / unit, one.predict(X), rtol=tolerance)
        assert_allclose(other.loss_curve_, one.loss_curve_, rtol=tolerance)
        assert_allclose(other.backpropagate(X, unit * y, weight)[0], one.backpropagate(X, y, weight)[0], rtol=tolerance)


def test_target_means_of_categories_do_not_overflow():
    """Neither does any product of huge counts that tells which levels differ."""
    table = pd.DataFrame({"a": X[:, 0], "level": pd.Categorical([f"l{i % 30}" for i in range(N)])})
    net = SigmoidMLPRegressor(**PLAIN | {"max_iter": 2}, loss="poisson", category_encoding="target")
    assert_allclose(
        net.fit(table, 1e100 * COUNT).predict(table) / 1e100, net.fit(table, COUNT).predict(table), rtol=1e-6
    )


def test_without_input_scaling_the_loss_of_counts_is_in_their_own_unit():
    net = fitted(1000.0 * COUNT, loss="poisson", input_scaling=None, max_iter=1)
    half = mean_poisson_deviance(1000.0 * COUNT, net.predict(X)) / 2
    assert net.backpropagate(X, 1000.0 * COUNT)[0] == pytest.approx(half, rel=1e-10)


# --- several outputs -------------------------------------------------------------------------------------------------


def test_several_outputs_are_predicted_and_scored_together():
    Y = np.column_stack([NUMBER, -3.0 * NUMBER + 7.0])
    net = fitted(Y)
    assert net.predict(X).shape == Y.shape
    assert net.n_outputs_ == 2
    assert net.score(X, Y) == pytest.approx(r2_score(Y, net.predict(X)))
    assert net.score(X, Y) > 0.8


def test_targets_in_any_container_give_the_same():
    expected = fitted(NUMBER).predict(X)
    for y in (NUMBER.tolist(), pd.Series(NUMBER), pl.Series(NUMBER), pd.Series(NUMBER, dtype="Float64")):
        assert_array_equal(fitted(y).predict(X), expected)
    Y = np.column_stack([NUMBER, NUMBER**2])
    for frame in (pd.DataFrame(Y), pl.DataFrame(Y, schema=["a", "b"])):
        assert_array_equal(fitted(frame).predict(X), fitted(Y).predict(X))
    for dtype in ("int32", "float32", "bool"):
        assert np.isfinite(fitted(NUMBER.astype(dtype)).predict(X)).all()


# --- quantiles -------------------------------------------------------------------------------------------------------

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@outside_training
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.filterwarnings("ignore:lbfgs failed")
def test_quantiles_never_cross(solver):
    net = fitted(NUMBER, loss="quantile", quantile=LEVELS, solver=solver)
    for scale in (1.0, 30.0, 1e6):
        predicted = net.predict(scale * np.random.default_rng(1).normal(size=(500, 3)))
        assert predicted.shape == (500, 5)
        assert (np.diff(predicted, axis=1) >= 0).all()


def test_the_score_of_quantiles_is_the_mean_d2():
    net = fitted(NUMBER, loss="quantile", quantile=LEVELS)
    weight = np.arange(N) % 3
    predicted = net.predict(X)
    for w in (None, weight):
        each = [d2_pinball_score(NUMBER, p, sample_weight=w, alpha=q) for q, p in zip(LEVELS, predicted.T, strict=True)]
        assert net.score(X, NUMBER, w) == pytest.approx(np.mean(each))
    assert net.score(X, NUMBER) > 0.3


def test_one_level_in_a_sequence_and_one_alone():
    alone, listed = (fitted(NUMBER, loss="quantile", quantile=q) for q in (0.3, [0.3]))
    assert alone.predict(X).shape == (N,)
    assert listed.predict(X).shape == (N, 1)
    assert_allclose(alone.predict(X), listed.predict(X)[:, 0], rtol=1e-9)
    assert listed.score(X, NUMBER) == pytest.approx(d2_pinball_score(NUMBER, alone.predict(X), alpha=0.3))


def test_what_is_set_after_fit_changes_no_prediction():
    for before, after in ((LEVELS, 0.5), (0.5, LEVELS), ([0.3], 0.3)):
        net = fitted(NUMBER, loss="quantile", quantile=before)
        expected, score = net.predict(X), net.score(X, NUMBER)
        for change in ({"quantile": after}, {"loss": "squared_error"}):
            net.set_params(**change)
            assert_array_equal(net.predict(X), expected)
            assert net.score(X, NUMBER) == score


def test_the_loss_of_quantiles_is_the_mean_pinball():
    net = fitted(NUMBER, loss="quantile", quantile=np.array(LEVELS))
    z = (NUMBER[:, None] - net.predict(X)) / NUMBER.std()
    q = np.array(LEVELS)
    expected = np.maximum(q * z, (q - 1) * z).mean()
    assert net.backpropagate(X, NUMBER)[0] == pytest.approx(expected, rel=1e-10)


def test_coverage_of_quantiles_on_unseen_rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(4000, 1))
    y = np.sin(2 * X[:, 0]) + (0.2 + 0.3 * np.abs(X[:, 0])) * rng.normal(size=4000)
    parameters = PLAIN | {"batch_size": 100, "max_iter": 40, "hidden_layer_sizes": 20}
    net = SigmoidMLPRegressor(**parameters, loss="quantile", quantile=LEVELS).fit(X[:2000], y[:2000])
    below = (y[2000:, None] <= net.predict(X[2000:])).mean(axis=0)
    assert_allclose(below, LEVELS, atol=0.03)


@pytest.mark.parametrize("name", ["diabetes", "texture"])
def test_coverage_of_quantiles_on_real_tables(name):
    """Ten folds, two seeds: within three points of nominal. The texture of a tumour is told from its other means."""
    cancer = load_breast_cancer().data[:, :10]
    tables = {"diabetes": load_diabetes(return_X_y=True), "texture": (np.delete(cancer, 1, axis=1), cancer[:, 1])}
    X, y = tables[name]
    parameters = PLAIN | {"hidden_layer_sizes": 16, "max_iter": 40, "batch_size": 32, "alpha": 0.1, "averaging": 0.99}
    parameters |= {"early_stopping": True, "validation_fraction": 0.15, "learning_rate": "flat_cosine"}
    parameters |= {"learning_rate_init": 0.015, "loss": "quantile", "quantile": LEVELS, "n_iter_no_change": 12}
    below = []
    for seed in range(2):
        net = SigmoidMLPRegressor(**parameters | {"random_state": seed})
        predicted = cross_val_predict(net, X, y, cv=KFold(10, shuffle=True, random_state=seed))
        below.append((y[:, None] <= predicted).mean(axis=0))
    assert_allclose(np.mean(below, axis=0), LEVELS, atol=0.03)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.2, 0.5, 0.7), LEVELS])
def test_quantiles_start_at_the_targets_own(levels):
    parameters = {"learning_rate": lambda _: 0.0, "weight_decay": 0.0, "max_iter": 1, "loss": "quantile"}
    weight = 1.0 + np.arange(N) % 3
    for quantile in (levels, levels[0]):
        net = SigmoidMLPRegressor(**PLAIN | parameters, quantile=quantile).fit(X, NUMBER, weight)
        centred = net.intercepts_[-1] + 0.5 * net.coefs_[-1].sum(axis=0)  # what centres sigmoids of 1/2
        net.intercepts_ = (*net.intercepts_[:-1], centred)
        net.coefs_ = (*net.coefs_[:-1], np.zeros_like(net.coefs_[-1]))
        found = net.predict(X[:1]).ravel()
        repeated = np.repeat(NUMBER, weight.astype(int))
        assert_allclose(found, np.quantile(repeated, quantile, method="inverted_cdf").ravel(), rtol=1e-3)


def test_several_levels_take_one_target():
    with pytest.raises(ValueError, match=r"quantile=\(0.1, 0.9\) gives several levels and takes a y of one dimension"):
        fitted(np.column_stack([NUMBER, NUMBER]), loss="quantile", quantile=(0.1, 0.9))
    assert fitted(np.column_stack([NUMBER, NUMBER]), loss="quantile", quantile=0.1).predict(X).shape == (N, 2)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss, y, message",
    [
        ("poisson", np.where(np.arange(N) == 3, -1.0, COUNT), "loss='poisson' needs targets that are 0 or more.*-1"),
        ("poisson", np.zeros(N), "loss='poisson' needs targets.*not all 0"),
        ("poisson", np.column_stack([COUNT, np.zeros(N)]), "loss='poisson' needs targets.*not all 0"),
        ("gamma", COUNT, "loss='gamma' needs targets that are above 0.*minimum of 0"),
        ("squared_error", np.where(np.arange(N) == 3, np.nan, NUMBER), "y contains NaN"),
        ("squared_error", np.where(np.arange(N) == 3, np.inf, NUMBER), "y contains infinity"),
        ("squared_error", ["many"] * N, "could not convert string to float: 'many'"),
        ("squared_error", np.zeros((N, 2, 2)), r"y has shape \(120, 2, 2\)"),
        ("squared_error", NUMBER * 1j, "[Cc]omplex"),
        ("squared_error", NUMBER[:-1], "inconsistent numbers of samples"),
        ("squared_error", None, "requires y to be passed"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_unsuitable_targets_are_refused(loss, y, message, method):
    net = SigmoidMLPRegressor(**PLAIN, loss=loss)
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(net, method)(X, y)
    assert not hasattr(net, "coefs_")


def test_targets_of_rows_without_weight_do_not_count():
    y, weight = COUNT.copy(), np.ones(N)
    y[:2], weight[:2] = (-5.0, 7.0), 0.0
    one = SigmoidMLPRegressor(**PLAIN, loss="poisson").fit(X, y, weight)
    assert_array_equal(one.predict(X), SigmoidMLPRegressor(**PLAIN, loss="poisson").fit(X[2:], y[2:]).predict(X))
    with pytest.raises(ValueError, match="not all 0"):
        SigmoidMLPRegressor(**PLAIN, loss="poisson").fit(X, np.eye(N)[0], 1.0 - np.eye(N)[0])


def test_rare_events_are_not_all_held_out():
    for seed in range(10):
        y = np.where(np.arange(N) == seed, 3.0, 0.0)
        parameters = PLAIN | {"early_stopping": True, "validation_fraction": 0.5, "random_state": seed, "max_iter": 1}
        SigmoidMLPRegressor(**parameters, loss="poisson").fit(X, y)


def test_validation_targets_of_a_poisson_loss_may_all_be_zero():
    net = SigmoidMLPRegressor(**PLAIN | {"early_stopping": True, "max_iter": 2}, loss="poisson")
    net.fit(X, COUNT, X_val=X[:20], y_val=np.zeros(20))
    assert len(net.validation_scores_) == 2


def test_partial_fit_refuses_another_number_of_targets():
    with pytest.raises(ValueError, match=r"y has .* targets?|outputs|1 targets, but the regressor knows 2"):
        fitted(np.column_stack([NUMBER, NUMBER])).partial_fit(X, NUMBER)


def test_the_tag_positive_only_depends_on_the_loss():
    assert SigmoidMLPRegressor(loss="poisson").__sklearn_tags__().target_tags.positive_only
    assert not SigmoidMLPRegressor(loss="huber").__sklearn_tags__().target_tags.positive_only


@pytest.mark.parametrize("quantile, takes_several", [(0.3, True), ((0.1, 0.9), False), (None, True), ((), True)])
def test_several_quantile_levels_take_a_single_target(quantile, takes_several):
    net = SigmoidMLPRegressor(loss="quantile", quantile=quantile)  # those that are not valid have tags too
    assert net.__sklearn_tags__().target_tags.multi_output == takes_several


def test_the_regressor_learns_diabetes():
    X, y = load_diabetes(return_X_y=True)
    net = SigmoidMLPRegressor(**PLAIN | {"max_iter": 20, "alpha": 1.0}).fit(X[:300], y[:300])
    assert net.score(X[300:], y[300:]) > 0.4
