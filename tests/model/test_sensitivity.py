"""Derivatives of predictions by numeric columns equal finite differences of `predict`."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Loss, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.model import ROWS_PREDICTED_AT_ONCE

rng = np.random.default_rng(0)
N = 80
TABLE = pd.DataFrame(
    {
        "number": rng.normal(size=N),
        "rounded": rng.integers(0, 4, N).astype(float),
        "skewed": rng.lognormal(3.0, 2.0, size=N),
        "holes": np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N)),
        "color": pd.Categorical(rng.choice(["red", "green", "blue"], N)),
        "code": [f"c{i}" for i in rng.integers(0, 30, N)],
        "when": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.uniform(0, 90 * 86400, N), unit="s"),
        "span": pd.to_timedelta(rng.uniform(0, 86400, N), unit="s"),
        "constant": np.ones(N),
        "flag": rng.random(N) < 0.5,
    }
)
NUMBERS = ["number", "rounded", "skewed", "holes", "constant"]
NUMBER = (TABLE["number"] + TABLE["color"].eq("red") + TABLE["span"].dt.total_seconds() / 4e4).to_numpy()
NUMBER = NUMBER + 2.0 * TABLE["code"].str.endswith("1").to_numpy()
LABEL = np.digitize(NUMBER, [0.3, 1.2])
QUICK = dict(
    hidden_layer_sizes=(7, 5), activation="tanh", max_iter=5, early_stopping=False, random_state=0, dtype="float64"
)  # fmt: skip


def slopes(predict, table, name, step):
    """Central differences of (n,) or (n, k) predictions by one column."""
    above, below = table.copy(), table.copy()
    length = pd.Timedelta(seconds=step) if table[name].dtype.kind in "mM" else step
    above[name], below[name] = table[name] + length, table[name] - length
    return (predict(above) - predict(below)) / (2.0 * step)


@pytest.mark.parametrize("numeric_encoding", ["raw", "piecewise_linear"])
@pytest.mark.parametrize("input_scaling", ["robust", "standard", "quantile", None])
def test_gradients_equal_finite_differences_for_every_kind_of_column(input_scaling, numeric_encoding):
    rng = np.random.default_rng(1)
    encoding = {"input_scaling": input_scaling, "numeric_encoding": numeric_encoding, "category_encoding": "target"}
    net = SigmoidMLPRegressor(**QUICK, **encoding, n_bins=5).fit(TABLE, 1000.0 * NUMBER)
    table = TABLE.copy()
    if input_scaling == "quantile":  # normal scores jump at the values of training, as each has several levels
        table[NUMBERS] += rng.uniform(-0.3, 0.3, (N, len(NUMBERS)))
        for name in ("when", "span"):
            table[name] += pd.to_timedelta(rng.uniform(0, 99, N), unit="s")
    gradients = net.input_gradients(table)
    assert gradients.shape == table.shape
    assert gradients.dtype == np.float64
    for name in [*NUMBERS, "when", "span"]:
        step = 1.0 if name in ("when", "span") else 1e-5
        wanted = slopes(net.predict, table, name, step)
        column_gradients = gradients[:, list(table).index(name)]
        near = np.isclose(column_gradients, wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max())
        # a step over a value of training, or over midnight, is no slope
        assert near.mean() >= (0.9 if name in ("when", "span") or input_scaling == "quantile" else 1.0), name
    assert input_scaling is None or not gradients[:, list(TABLE).index("constant")].any()
    assert np.isfinite(gradients[:, list(TABLE).index("flag")]).all()


def test_gradients_of_missing_values_are_zero_and_of_categories_nan():
    net = SigmoidMLPRegressor(**QUICK).fit(TABLE, NUMBER)
    gradients = pd.DataFrame(net.input_gradients(TABLE), columns=TABLE.columns)
    assert gradients[["color", "code"]].isna().all(axis=None)
    assert not gradients.drop(columns=["color", "code"]).isna().any(axis=None)
    assert (gradients["holes"].eq(0.0) == TABLE["holes"].isna()).all()


def own_link(raw):
    np.sinh(raw, out=raw)


OWN = Loss(
    "own", lambda raw, target: ((np.sinh(raw) - target) ** 2).mean(axis=1),
    lambda raw, target: 2.0 * (np.sinh(raw) - target) * np.cosh(raw) / raw.shape[1], link=own_link,
)  # fmt: skip
SMALL = TABLE[["number", "skewed", "holes"]]
TWO = np.column_stack([NUMBER, 50.0 * np.cos(NUMBER)])
REGRESSIONS = {
    "two outputs": (TWO, {"activation": ["relu", "silu"]}, (2,)),
    "a loss of one's own": (NUMBER, {"loss": OWN}, ()),
    "linear": (1e6 + 1e3 * NUMBER, {"hidden_layer_sizes": (), "activation": "sigmoid"}, ()),
}


@pytest.mark.parametrize("case", REGRESSIONS)
def test_gradients_have_the_units_of_predictions(case):
    y, more, outputs = REGRESSIONS[case]
    net = SigmoidMLPRegressor(**QUICK | more).fit(SMALL, y)
    gradients = net.input_gradients(SMALL)
    assert gradients.shape == (N, *outputs, 3)
    for j, name in enumerate(SMALL):
        wanted = slopes(net.predict, SMALL, name, 1e-4)
        assert_allclose(gradients[..., j], wanted, rtol=2e-4, atol=2e-6 * np.abs(wanted).max())


def joined(p):
    """The probabilities of the classes; for two classes, of the second one."""
    parts = p if isinstance(p, list) else [p]
    return np.hstack([part[:, 1:] if part.shape[1] == 2 else part for part in parts])


CLASSES = {
    "two classes": (LABEL > 0, {}, 1),
    "one sigmoid per class of several outputs": (np.column_stack([LABEL, LABEL > 0]), {"loss": "squared_error"}, 4),
}


@pytest.mark.parametrize("case", CLASSES)
def test_gradients_of_a_classifier_are_slopes_of_probabilities(case):
    y, more, k = CLASSES[case]
    net = SigmoidMLPClassifier(**QUICK | more).fit(SMALL, y)
    gradients = net.input_gradients(SMALL)
    assert gradients.shape == ((N, 3) if k == 1 else (N, k, 3))
    assert k == net.n_outputs_
    for j, name in enumerate(SMALL):
        wanted = slopes(lambda table: joined(net.predict_proba(table)), SMALL, name, 1e-4)
        assert_allclose(gradients[..., j].reshape(N, k), wanted, rtol=2e-4, atol=2e-6 * np.abs(wanted).max())


def test_the_gradient_at_the_edge_of_a_bin_is_the_mean_of_both_sides():
    X = np.repeat([0.0, 1.0, 3.0, 7.0], 20)[:, np.newaxis]
    net = SigmoidMLPRegressor(**QUICK, numeric_encoding="piecewise_linear").fit(X, np.sin(X[:, 0]))
    sides = [(net.predict(X + h) - net.predict(X)) / h for h in (1e-6, -1e-6)]
    assert not np.allclose(*sides, rtol=1e-2)
    assert_allclose(net.input_gradients(X)[:, 0], np.mean(sides, axis=0), rtol=1e-4, atol=1e-8)


def test_gradients_of_sparse_rows_are_those_of_dense_ones():
    X = sp.random(60, 9, 0.3, "csr", random_state=0)
    net = SigmoidMLPClassifier(**QUICK).fit(X, np.arange(60) % 3)
    assert_allclose(net.input_gradients(X), net.input_gradients(X.toarray()), rtol=1e-9)
    dense = SigmoidMLPClassifier(**QUICK).fit(X.toarray(), np.arange(60) % 3)
    assert_array_equal(dense.input_gradients(X), dense.input_gradients(X.toarray()))


def test_gradients_are_computed_in_float64_block_by_block():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2 * ROWS_PREDICTED_AT_ONCE + 3, 2)).astype(np.float32)
    net = SigmoidMLPRegressor(**QUICK | {"dtype": "float32"}).fit(X[:80], NUMBER)
    gradients = net.input_gradients(X)
    assert gradients.dtype == np.float32
    assert_allclose(
        gradients[ROWS_PREDICTED_AT_ONCE - 2 : ROWS_PREDICTED_AT_ONCE + 2],
        net.input_gradients(X[ROWS_PREDICTED_AT_ONCE - 2 :][:4]),
        1e-6,
    )
    with pytest.raises(ValueError, match="expecting 2 features"):
        net.input_gradients(X[:, :1])
