"""Categories that are looked up: the fit is the one of one-hot inputs, without their matrix."""

import pickle
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import outside_training
from tests.tables.limits import lookup_inputs

rng = np.random.default_rng(0)
N = 2000
CITY = rng.permutation(np.arange(N) % 250)  # 8 rows each: none is rare
TABLE = pd.DataFrame({"x": rng.normal(size=N), "city": [f"c{i}" for i in CITY], "sex": rng.choice(["f", "m"], N)})
TABLE.loc[rng.random(N) < 0.05, ["x", "city"]] = None
NUMBER = rng.normal(size=250)[CITY] + TABLE["x"].fillna(0.0).to_numpy()
LABEL = np.digitize(NUMBER, [-1.0, 1.0])
QUICK = {"hidden_layer_sizes": 5, "max_iter": 3, "random_state": 0, "max_categories": None, "dtype": "float64"}
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Columns .* hold no category that fit has seen"),
    pytest.mark.filterwarnings("ignore:Column 'city' of X is text whose values are numbers"),
]

CONFIGURATIONS = [
    (SigmoidMLPRegressor, NUMBER, {}),
    (SigmoidMLPRegressor, NUMBER, {"solver": "lbfgs", "max_iter": 8}),
    (SigmoidMLPRegressor, NUMBER, {"hidden_layer_sizes": (), "l1_ratio": 0.5, "max_norm": 1.0}),
    (SigmoidMLPClassifier, LABEL, {"category_encoding": "both", "max_categories": 230}),
    (SigmoidMLPClassifier, LABEL, {"dropout": 0.3, "batch_size": 300, "activation": "relu"}),
]


@pytest.fixture(autouse=True)
def look_up_250_categories():
    with lookup_inputs(200):
        yield


def outputs(net, X):
    return net.predict_proba(X) if hasattr(net, "predict_proba") else net.predict(X)


@pytest.mark.parametrize("kind, y, how", CONFIGURATIONS)
def test_looked_up_is_multiplied(kind, y, how):
    rng = np.random.default_rng(1)
    weight = rng.uniform(0.5, 2.0, N)
    net = kind(**QUICK | how).fit(TABLE, y, weight)
    assert net._fitted.model.encoder.lookups is not None
    loss, coefs, intercepts = net.backpropagate(TABLE, y, weight)
    slopes = net.input_gradients(TABLE)
    unseen = TABLE.assign(city="nowhere")
    with lookup_inputs(10**6):
        multiplied = kind(**QUICK | how).fit(TABLE, y, weight)
    assert multiplied._fitted.model.encoder.lookups is None
    for table in (TABLE, TABLE[:1], unseen):
        assert_allclose(outputs(net, table), outputs(multiplied, table), rtol=1e-8)
    assert_allclose(net.activations(TABLE)[-1], multiplied.activations(TABLE)[-1], rtol=1e-8)
    assert_allclose(slopes, multiplied.input_gradients(TABLE), rtol=1e-7, atol=1e-12)
    expected = multiplied.backpropagate(TABLE, y, weight)
    assert_allclose(loss, expected[0], rtol=1e-8)
    for found, other in zip(coefs + intercepts, expected[1] + expected[2], strict=True):
        assert_allclose(found, other, rtol=1e-6, atol=1e-9)


def test_partial_fit_is_fit():
    how = QUICK | {"early_stopping": False, "numeric_encoding": "raw", "category_encoding": "one_hot", "max_iter": 4}
    net, whole = SigmoidMLPRegressor(**how), SigmoidMLPRegressor(**how).fit(TABLE, NUMBER)
    for _ in range(4):
        net = pickle.loads(pickle.dumps(net.partial_fit(TABLE, NUMBER)))
    for found, expected in zip(net.coefs_ + net.intercepts_, whole.coefs_ + whole.intercepts_, strict=True):
        assert_array_equal(found, expected)
    assert_array_equal(net.predict(TABLE), whole.predict(TABLE))
    many = pd.concat([TABLE] * 3, ignore_index=True)  # in blocks
    assert_allclose(net.predict(many)[:N], net.predict(TABLE), rtol=1e-12)


def test_there_is_no_matrix_of_zeros_and_ones():
    rng = np.random.default_rng(1)
    n, levels = 20_000, 2_000  # 320 MB
    city = rng.permutation(np.arange(n) % levels)
    table = pd.DataFrame({"x": rng.normal(size=n), "city": pd.Categorical([f"c{i}" for i in city])})
    net = SigmoidMLPRegressor(**QUICK | {"max_iter": 1, "hidden_layer_sizes": 2})
    tracemalloc.start()
    try:
        net.fit(table, table["x"] + city % 2).predict(table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert net.coefs_[0].shape[0] >= 2_000
    assert peak < 40e6


@outside_training
def test_predictions_that_overflow_name_a_column():
    net = SigmoidMLPRegressor(**QUICK | {"input_scaling": None, "activation": "identity"}).fit(TABLE, NUMBER)
    net.coefs_ = (net.coefs_[0] * 1e150, *net.coefs_[1:])
    with pytest.raises(ValueError, match="'x' of X lies farthest"):
        net.predict(TABLE.assign(x=1e200))
