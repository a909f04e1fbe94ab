"""A model that is trained on one type of table goes on with another: what follows is what the same type would give.

What a table's type may change is what is learnt from it first: a sparse table is never shifted. Each sequence is
therefore compared with one of the same methods whose tables all have the first table's type.
"""

from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.pairs import over_pairs
from tests.estimators.results import weights

N = 60
rng = np.random.default_rng(0)
VALUES = np.column_stack([rng.normal(size=(N, 2)), np.full(N, 3.0), rng.integers(1, 5, N), rng.normal(size=N)])
VALUES[::9, 4] = 0.0
LATER = np.column_stack([rng.normal(size=(N, 2)), rng.normal(size=N) + 3.0, rng.integers(0, 5, N), rng.normal(size=N)])
NUMBER = VALUES[:, 0] - VALUES[:, 3]
OF_KIND = {
    "classifier": (SigmoidMLPClassifier, np.where(NUMBER - np.median(NUMBER) > 0.0, "high", "low")),
    "regressor": (SigmoidMLPRegressor, NUMBER),
}
NAMES = list("abcde")
QUICK = dict(
    hidden_layer_sizes=4, max_iter=2, batch_size=20, learning_rate="constant", random_state=0, early_stopping=False,
    dtype="float64",
)  # fmt: skip

# scikit-learn warns where only one of two tables has names, we where a column had a single value until now
pytestmark = [
    pytest.mark.filterwarnings("ignore:X (does not have valid|has) feature names:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*had a single value until now:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """A function (type, values) -> the table of this type that has these values."""
    folder = tmp_path_factory.mktemp("maps")

    def memory_map(values):
        path = folder / f"{hash(values.tobytes())}.npy"
        np.save(path, values)
        return np.load(path, mmap_mode="r")

    makers = {
        "array": np.copy,
        "CSR": sp.csr_array,
        "pandas": lambda values: pd.DataFrame(values, columns=NAMES),
        "polars": lambda values: pl.DataFrame(values, schema=NAMES),
        "memory map": memory_map,
    }
    return cache(lambda kind, later=False: makers[kind](LATER if later else VALUES))


READ_AS = {"array": "array", "memory map": "array", "pandas": "frame", "polars": "frame", "CSR": "CSR"}
TYPES = list(READ_AS)
METHODS = list(product(["fit", "partial_fit"], repeat=2))


def trained(kind, methods, tables):
    """An estimator whose methods have been called one after the other, each with a table of its own."""
    make, y = OF_KIND[kind]
    net = make(**QUICK, warm_start=True)
    for method, table in zip(methods, tables, strict=True):
        getattr(net, method)(table, y)
    return net


def outputs(net, table):
    """What the estimator predicts, as floats."""
    return net.decision_function(table) if isinstance(net, SigmoidMLPClassifier) else net.predict(table)


def assert_same(found, expected, types):
    """Exactly; products of sparse matrices are rounded in another order, which some steps of training amplify."""
    if "CSR" in types:
        assert_allclose(found, expected, rtol=0.0, atol=np.sqrt(np.finfo(np.float64).eps) * np.abs(expected).max())
    else:
        assert_array_equal(found, expected)


@over_pairs(kind=list(OF_KIND), methods=METHODS, types=list(product(TYPES, TYPES)), type_predicted=TYPES)
def test_training_goes_on_with_a_table_of_another_type(kind, methods, types, type_predicted, tables):
    type_first, type_then = types
    types = {*types, type_predicted}
    net = trained(kind, methods, [tables(type_first), tables(type_then, later=True)])
    expected = trained(kind, methods, [tables(type_first), tables(type_first, later=True)])
    assert_same(weights(net), weights(expected), types)
    found = outputs(net, tables(type_predicted, later=True))
    assert_same(found, outputs(expected, tables(type_first, later=True)), types)


EXPLAINING = ["predict", "activations", "explain", "input_gradients", "score"]


@over_pairs(kind=list(OF_KIND), method=EXPLAINING, type_first=TYPES, type_then=TYPES)
def test_a_table_of_another_type_is_predicted_and_explained(kind, method, type_first, type_then, tables):
    net = trained(kind, ["fit"], [tables(type_first)])
    found, expected = (
        getattr(net, method)(tables(one, later=True), *([OF_KIND[kind][1]] if method == "score" else []))
        for one in (type_then, type_first)
    )
    found, expected = ([getattr(x, "values", x)] if not isinstance(x, list) else x for x in (found, expected))
    for one, other in zip(found, expected, strict=True):
        if kind == "classifier" and method == "predict":
            assert_array_equal(one, other)
        else:
            one, other = (x.toarray() if sp.issparse(x) else x for x in (one, other))
            assert_same(one, other, {type_first, type_then})


@pytest.mark.skipif(not hasattr(SigmoidMLPRegressor, "set_callbacks"), reason="scikit-learn < 1.9")
@pytest.mark.parametrize("type_first", TYPES)
@pytest.mark.parametrize("type_then", TYPES)
def test_a_run_is_resumed_with_an_equal_table_or_names_what_differs(type_first, type_then, tables, tmp_path):
    path, longer = tmp_path / "run.safetensors", QUICK | {"max_iter": 4}
    SigmoidMLPRegressor(**QUICK).set_callbacks(Checkpoint(path)).fit(tables(type_first), NUMBER)
    net = SigmoidMLPRegressor(**longer)
    if READ_AS[type_then] != READ_AS[type_first]:
        with pytest.raises(ValueError, match="was written in training on other data, which differ in X"):
            net.resume(path, tables(type_then), NUMBER)
        assert not hasattr(net, "coefs_")
        return
    net.resume(path, tables(type_then), NUMBER)
    whole = SigmoidMLPRegressor(**longer).fit(tables(type_first), NUMBER)
    assert_array_equal(weights(net), weights(whole))
    assert_array_equal(net.predict(tables(type_then)), whole.predict(tables(type_first)))


MIXED = {
    "number": VALUES[:, 0].tolist(),
    "town": rng.choice(["Rome", "Oslo", "Bern"], N).tolist(),
    "fixed": ["same"] * N,
    "day": (pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 400, N), unit="D")).to_pydatetime().tolist(),
    "flag": (VALUES[:, 1] > 0.0).tolist(),
    "count": rng.integers(0, 9, N).tolist(),
}
FRAMES = {
    "pandas": lambda: pd.DataFrame(MIXED),
    "pandas objects": lambda: pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in MIXED.items()}),
    "pandas categories": lambda: pd.DataFrame(MIXED).astype({"town": "category", "fixed": "category"}),
    "polars": lambda: pl.DataFrame(MIXED),
    "polars categories": lambda: pl.DataFrame(MIXED).with_columns(pl.col("town", "fixed").cast(pl.Categorical)),
}


@over_pairs(
    kind=list(OF_KIND), methods=METHODS, type_first=list(FRAMES), type_then=list(FRAMES), predicted=list(FRAMES)
)
def test_frames_of_several_libraries_follow_one_another(kind, methods, type_first, type_then, predicted):
    before, now, last = (FRAMES[name]() for name in (type_first, type_then, predicted))
    net, expected = (trained(kind, methods, tables) for tables in ((before, now), (before, before)))
    assert_array_equal(weights(net), weights(expected))
    assert_array_equal(outputs(net, last), outputs(expected, before))
