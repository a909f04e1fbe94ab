"""Contributions of columns: closed forms, their sum, and invariances."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Activation, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model import explain
from sknet._model.explain import MAX_BACKGROUND_ROWS, background_indices
from sknet._model.model import ROWS_PREDICTED_AT_ONCE

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 3))
Y = X[:, 0] + X[:, 1] ** 2 - X[:, 0] * X[:, 2]
QUICK = dict(max_iter=10, early_stopping=False, n_members=1, random_state=0)
EXACT = QUICK | dict(dtype="float64", numeric_encoding="raw", input_scaling=None, target_scaling=None)
TABLE = pd.DataFrame(
    {
        "number": X[:, 0],
        "holes": np.where(rng.random(N) < 0.2, np.nan, X[:, 1]),
        "color": rng.choice(["red", "green", "blue"], N),
        "word": pd.Series(rng.choice(["yes", "no", None], N), dtype=object),
        "when": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.uniform(0, 300 * 86400, N), unit="s"),
        "flag": rng.random(N) < 0.5,
    }
)
NUMBER = X[:, 0] * (TABLE["color"] == "red") + TABLE["when"].dt.month / 4 + TABLE["holes"].isna() + TABLE["flag"]
LABEL = np.digitize(NUMBER, NUMBER.quantile([0.3, 0.6]))


def square(z):
    np.square(z, out=z)


def times_two_z(z, delta):
    delta *= 2.0 * z


SQUARE = Activation("square", square, times_two_z, keeps="input")


def network_with(coefs, intercepts, activation):
    """A network with these weights, whose inputs are not scaled."""
    sizes = tuple(np.shape(W)[1] for W in coefs[:-1])
    net = SigmoidMLPRegressor(sizes, activation, **EXACT).fit(X, Y)
    net.coefs_, net.intercepts_ = [np.array(W, float) for W in coefs], [np.array(b, float) for b in intercepts]
    return net


# --- closed forms ----------------------------------------------------------------------------------------------------


def test_contributions_to_a_linear_model_are_slope_times_distance():
    net = SigmoidMLPRegressor((), **EXACT | {"input_scaling": "standard", "target_scaling": "standard"}).fit(X, Y)
    explanation = net.explain(X[:7], background=X[20:60])
    slopes = net.input_gradients(X[:7])
    assert_allclose(explanation.values, slopes * (X[:7] - X[20:60].mean(axis=0)), rtol=1e-9, atol=1e-12)
    assert_allclose(explanation.base_values, net.predict(X[20:60]).mean(), rtol=1e-9)


def test_contributions_to_a_sum_are_its_terms():
    rng = np.random.default_rng(1)
    W, V = np.kron(np.eye(3), [[1.0, -2.0]]), rng.normal(size=(6, 1))  # two units for each column
    net = network_with([W, V], [rng.normal(size=6), [0.5]], "tanh")
    explanation = net.explain(X[:9], background=X)

    def each(rows):
        return (np.tanh(rows @ W + net.intercepts_[0]) * V[:, 0]).reshape(-1, 3, 2).sum(axis=2)

    wanted = each(X[:9]) - each(X[background_indices(N)]).mean(axis=0)
    assert_allclose(explanation.values, wanted, rtol=1e-12, atol=1e-12)
    assert_allclose(explanation.base_values, net.predict(X[background_indices(N)]).mean(), rtol=1e-12)


def test_the_factors_of_a_product_share_it_equally():
    # x y = ((x + y)^2 - (x - y)^2) / 4; along a line, the integral of y dx is (x - x') (y + y') / 2
    net = network_with([[[1, 1], [1, -1], [0, 0]], [[0.25], [-0.25]]], [[0, 0], [0]], [SQUARE])
    (x, y), (x0, y0) = X[:5, :2, None].swapaxes(0, 1), X[background_indices(N)][:, :2].T
    contributions = net.explain(X[:5], background=X).values
    assert_allclose(contributions[:, 0], ((x - x0) * (y + y0) / 2).mean(axis=1), rtol=1e-10)
    assert_allclose(contributions[:, 1], ((y - y0) * (x + x0) / 2).mean(axis=1), rtol=1e-10)
    assert_array_equal(contributions[:, 2], 0.0)


def test_the_contribution_of_a_category_is_the_difference_of_outputs():
    table = TABLE[["color"]]
    net = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(table, NUMBER)
    explanation = net.explain(table[:30], background=table[50:])
    background = table[50:].iloc[background_indices(N - 50)]
    assert_allclose(explanation.values[:, 0], net.predict(table[:30]) - net.predict(background).mean(), rtol=1e-9)


# --- the sum ---------------------------------------------------------------------------------------------------------

EXPLAINED = {
    "numbers": (SigmoidMLPRegressor(**QUICK), 1e3 * NUMBER + 1e6),
    "members": (SigmoidMLPRegressor(**QUICK | {"n_members": 2}), NUMBER),
    "two targets": (SigmoidMLPRegressor(**QUICK), np.column_stack([NUMBER, 100.0 * X[:, 1]])),
    "quantiles": (SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=[0.1, 0.5, 0.9]), NUMBER),
    "a logarithm": (SigmoidMLPRegressor(**QUICK, loss="poisson"), np.exp(NUMBER)),
    "no hidden layer": (SigmoidMLPRegressor((), **QUICK), NUMBER),
    "a kink": (SigmoidMLPRegressor((20, 10), "relu", **QUICK), NUMBER),
    "a gate, deep": (SigmoidMLPRegressor((8, 20, 6), ["silu", "gelu", "tanh"], **QUICK), NUMBER),
    "two classes": (SigmoidMLPClassifier(**QUICK), LABEL > 0),
    "three classes": (SigmoidMLPClassifier(**QUICK), LABEL),
    "several outputs": (SigmoidMLPClassifier(**QUICK), np.column_stack([LABEL, LABEL > 0])),
    "target encoding": (SigmoidMLPClassifier(**QUICK, category_encoding="both"), LABEL),
}
NAMES = {
    "two targets": ["0", "1"],
    "quantiles": ["0.1", "0.5", "0.9"],
    "two classes": ["True"],
    "three classes": ["0", "1", "2"],
    "several outputs": ["0: 0", "0: 1", "0: 2", "1: 1"],
}


def outputs_of(net, table):
    """What contributions add up to, (n, k)."""
    if isinstance(net, SigmoidMLPClassifier):
        raw = net.decision_function(table)
        return np.column_stack(raw if isinstance(raw, list) else [raw])
    predicted = net.predict(table)
    return np.column_stack([np.log(predicted) if net.loss == "poisson" else predicted])


@pytest.mark.parametrize("case", EXPLAINED)
def test_contributions_add_up_to_output_minus_base_value(case):
    estimator, y = EXPLAINED[case]
    net = estimator.fit(TABLE, y)
    explanation = net.explain(TABLE[:40], background=TABLE[30:])
    outputs, background = outputs_of(net, TABLE[:40]), outputs_of(net, TABLE[30:])
    k = outputs.shape[1]
    assert explanation.output_names == NAMES.get(
        case, ["0"] * k if isinstance(net, SigmoidMLPRegressor) else ["0", "1", "2"]
    )
    assert explanation.values.shape == (40, 6) + (k,) * (k > 1)
    assert explanation.base_values.shape == (40,) + (k,) * (k > 1)
    assert explanation.values.dtype == net.coefs_[0].dtype
    assert_allclose(explanation.base_values.reshape(40, k), np.tile(background.mean(axis=0), (40, 1)), rtol=1e-5)
    gap = np.abs(explanation.values.reshape(40, 6, k).sum(axis=1) + explanation.base_values.reshape(40, k) - outputs)
    assert (gap.max(axis=0) <= 1e-3 * background.std(axis=0)).all()


# --- what they do not depend on --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [(6,), (6, 4)])
def test_contributions_to_an_output_do_not_depend_on_other_outputs(sizes):
    targets = np.column_stack([Y, X[:, 1], X[:, 2] ** 2])
    net = SigmoidMLPRegressor(sizes, **EXACT).fit(X, targets)
    of_all = net.explain(X[:9], background=X[20:60]).values
    for j in range(3):
        alone = SigmoidMLPRegressor(sizes, **EXACT).fit(X, targets[:, j])
        alone.coefs_ = [*net.coefs_[:-1], net.coefs_[-1][:, [j]]]
        alone.intercepts_ = [*net.intercepts_[:-1], net.intercepts_[-1][[j]]]
        # to what they add up to: a line may get more nodes where another output asks for them
        assert_allclose(of_all[:, :, j], alone.explain(X[:9], background=X[20:60]).values, atol=5e-4)


def test_a_row_that_is_its_own_background_has_contributions_of_zero():
    net = SigmoidMLPClassifier(**QUICK).fit(TABLE, LABEL)
    explanation = net.explain(TABLE[3:4], background=TABLE[3:4])
    assert_array_equal(explanation.values, 0.0)
    assert_allclose(explanation.base_values[0], net.decision_function(TABLE[3:4])[0], rtol=1e-6)


def test_the_order_of_columns_changes_nothing():
    rng = np.random.default_rng(1)
    net = network_with([rng.normal(size=(3, 8)), rng.normal(size=(8, 1))], [rng.normal(size=8), [0]], "sigmoid")
    order = [2, 0, 1]
    other = network_with([net.coefs_[0][order], net.coefs_[1]], net.intercepts_, "sigmoid")
    assert_allclose(other.explain(X[:, order]).values, net.explain(X).values[:, order], rtol=1e-9, atol=1e-12)


def test_renamed_categories_change_nothing():
    renamed = TABLE.assign(color=TABLE["color"].map({"blue": "b1", "green": "g2", "red": "r3"}))  # in the same order
    explanations = [SigmoidMLPRegressor(**QUICK).fit(table, NUMBER).explain(table[:25]) for table in (TABLE, renamed)]
    assert_array_equal(explanations[0].values, explanations[1].values)
    new_names = {"blue": "z", "green": "y", "red": "x"}
    net = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(TABLE[["number", "color"]], NUMBER)
    other = SigmoidMLPRegressor(**QUICK, dtype="float64").fit(
        TABLE[["number", "color"]].assign(color=TABLE["color"].map(new_names)), NUMBER
    )
    new = {f"color_{old}": f"color_{category}" for old, category in new_names.items()}
    names = [new.get(name, name) for name in net.network_feature_names_]
    where = [list(other.network_feature_names_).index(name) for name in names]  # which input each one is now
    first = np.empty_like(net.coefs_[0])
    first[where] = net.coefs_[0]
    other.coefs_, other.intercepts_ = [first, *net.coefs_[1:]], net.intercepts_
    explanation = other.explain(TABLE[["number", "color"]].assign(color=TABLE["color"].map(new_names))[:25])
    assert_allclose(explanation.values, net.explain(TABLE[["number", "color"]][:25]).values, rtol=1e-9, atol=1e-12)


def test_blocks_of_rows_and_of_columns_change_nothing(monkeypatch):
    rng = np.random.default_rng(1)
    many = rng.normal(size=(ROWS_PREDICTED_AT_ONCE + 70, 3))
    net = SigmoidMLPRegressor(4, **QUICK, dtype="float64").fit(X, Y)
    whole = net.explain(many, background=X[:25]).values
    monkeypatch.setattr(explain, "UNITS_COMPUTED_AT_ONCE", 1000)
    monkeypatch.setattr(explain, "MAX_KEPT_PARTIAL_SUMS", 10)
    assert_allclose(net.explain(many, background=X[:25]).values, whole, rtol=1e-9, atol=1e-12)
    assert_allclose(net.explain(many[-3:], background=X[:25]).values, whole[-3:], rtol=1e-9, atol=1e-12)


def test_contributions_of_sparse_rows_are_those_of_dense_ones():
    S = sp.random(60, 9, 0.3, "csr", random_state=0)
    net = SigmoidMLPClassifier(**QUICK).fit(S, np.arange(60) % 3)
    explanation = net.explain(S, background=S[:30])
    assert_allclose(
        explanation.values, net.explain(S.toarray(), background=S[:30].toarray()).values, rtol=1e-5, atol=1e-7
    )
    assert_array_equal(explanation.data, S.toarray())
    assert explanation.feature_names == [f"x{j}" for j in range(9)]


def test_a_column_far_from_zero_keeps_its_digits():
    net = SigmoidMLPRegressor(**QUICK | {"dtype": "float32"}).fit(X + np.array([1e5, 0.0, 0.0]), Y)
    near = SigmoidMLPRegressor(**QUICK | {"dtype": "float32"}).fit(X, Y)
    assert_allclose(net.explain(X + np.array([1e5, 0.0, 0.0])).values, near.explain(X).values, atol=2e-3)


# --- the background --------------------------------------------------------------------------------------------------


def test_the_background_has_at_most_100_rows_always_the_same():
    assert_array_equal(background_indices(MAX_BACKGROUND_ROWS), np.arange(MAX_BACKGROUND_ROWS))
    drawn = background_indices(5000)
    assert len(set(drawn)) == MAX_BACKGROUND_ROWS
    assert (np.diff(drawn) > 0).all()
    assert abs(drawn.mean() - 2500) < 500
    net = SigmoidMLPRegressor(4, **QUICK).fit(X, Y)
    assert_array_equal(net.explain(X).values, net.explain(X, background=X[background_indices(N)]).values)
