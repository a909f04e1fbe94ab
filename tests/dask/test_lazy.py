"""Lazy predictions: what they say of themselves before they are computed, and the local ones bit for bit."""

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

pytestmark = pytest.mark.dask
dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")

from sknet._dask.collections import predict_lazily  # noqa: E402
from sknet.dask import SigmoidMLPRegressor as OnWorkers  # noqa: E402
from tests.estimators.data import SMALL  # noqa: E402
from tests.estimators.inside import publish  # noqa: E402

rng = np.random.default_rng(0)
N = 90
FRAME = pd.DataFrame({"a": rng.normal(size=N), "b": rng.choice(list("xyz"), N)}, index=np.arange(N) * 10)
ARRAY = rng.normal(size=(N, 3))
LABELS = rng.choice(["no", "maybe", "yes"], N)
NUMBERS = rng.normal(size=(N, 2))
LEVELS = dict(loss="quantile", quantile=[0.1, 0.5, 0.9])
CASES = {
    "labels": (SigmoidMLPClassifier(**SMALL), LABELS, ["predict", "predict_proba", "predict_set"]),
    "two labels": (SigmoidMLPClassifier(**SMALL), LABELS == "yes", ["predict", "predict_proba", "predict_set"]),
    "indicators": (SigmoidMLPClassifier(**SMALL), NUMBERS > 0, ["predict", "predict_proba"]),
    "several labels": (SigmoidMLPClassifier(**SMALL), np.c_[LABELS, LABELS[::-1]], ["predict", "predict_proba"]),
    "numbers": (SigmoidMLPRegressor(**SMALL), NUMBERS[:, 0], ["predict", "predict_interval"]),
    "several numbers": (SigmoidMLPRegressor(**SMALL), NUMBERS, ["predict", "predict_interval"]),
    "levels": (SigmoidMLPRegressor(**SMALL | LEVELS), NUMBERS[:, 0], ["predict", "predict_interval"]),
}
ARGUMENTS = {"predict_set": (0.9, False), "predict_interval": (0.9,)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("table", [FRAME, ARRAY, ARRAY.astype(np.float32)], ids=["frame", "array", "float32"])
def test_lazy_predictions_are_the_local_ones(case, table):
    net, y, methods = CASES[case]
    net.fit(table, y)
    framed = table is FRAME
    X = dd.from_pandas(FRAME, npartitions=3) if framed else da.from_array(table, chunks=(40, 2))
    pieces = (
        [X.get_partition(i).compute(scheduler="sync") for i in range(3)]
        if framed
        else [table[:40], table[40:80], table[80:]]
    )
    for method in methods:
        found = predict_lazily(net, X, method, *ARGUMENTS.get(method, ()))
        for i, lazy in enumerate(found if isinstance(found, list) else [found]):
            local = [getattr(net, method)(piece) for piece in pieces]
            local = np.concatenate([part[i] for part in local] if isinstance(found, list) else local)
            now = lazy.compute(scheduler="sync")
            if framed:
                assert lazy.divisions == X.divisions
                dd.utils.assert_eq(lazy, now, scheduler="sync")  # dtypes, names, index and divisions
                assert now.index.equals(FRAME.index)
                now = now.to_numpy().reshape(local.shape)
            else:
                assert (lazy.dtype, lazy.shape, lazy.chunks[0]) == (now.dtype, now.shape, (40, 40, 10))
            assert now.tobytes() == local.tobytes() or (now == local).all()


def test_columns_are_named():
    net = SigmoidMLPClassifier(**SMALL).fit(FRAME, LABELS)
    X = dd.from_pandas(FRAME, npartitions=3)
    assert list(predict_lazily(net, X, "predict_proba").columns) == ["maybe", "no", "yes"]
    assert list(predict_lazily(net, X, "predict_set", 0.9, False).columns) == ["maybe", "no", "yes"]
    net = SigmoidMLPRegressor(**SMALL).fit(FRAME, NUMBERS)
    ends = predict_lazily(net, X, "predict_interval", 0.9).columns
    assert list(ends) == [(0, "lower"), (0, "upper"), (1, "lower"), (1, "upper")]


@pytest.mark.parametrize("parameters", [{}, LEVELS], ids=["residuals", "quantiles"])
@pytest.mark.parametrize("table", [FRAME, ARRAY], ids=["frame", "array"])
def test_lazy_quantiles_are_the_local_ones(table, parameters):
    net = SigmoidMLPRegressor(**SMALL | parameters, early_stopping=True).fit(table, NUMBERS[:, 0])
    expected = net.predict_quantiles(table, [0.3, 0.5])
    X = dd.from_pandas(FRAME, npartitions=3) if table is FRAME else da.from_array(table, chunks=(40, 2))
    found = predict_lazily(net, X, "predict_quantiles", np.array([0.3, 0.5]))
    now = found.compute(scheduler="sync")
    np.testing.assert_allclose(now, expected, rtol=1e-5, atol=1e-6)  # of single precision
    assert now.shape == expected.shape
    if table is FRAME:
        dd.utils.assert_eq(found, now, scheduler="sync")
        assert list(now.columns) == [0.3, 0.5]


def test_empty_parts_and_other_tables():
    net = SigmoidMLPClassifier(**SMALL).fit(FRAME, LABELS)
    X = dd.from_pandas(FRAME, npartitions=3)
    none = predict_lazily(net, X[X["a"] > 100.0], "predict_proba").compute(scheduler="sync")
    assert none.shape == (0, 3)
    assert set(none.dtypes) == {np.dtype(float)}
    with pytest.raises(ValueError, match="feature names"):
        predict_lazily(net, X[["a"]], "predict")


@pytest.mark.parametrize("in_memory", [False, True], ids=["collections", "arrays"])
@pytest.mark.parametrize("kind", ["frame", "array"])
def test_rows_of_weight_0_may_hold_anything_in_score(kind, in_memory):
    table = FRAME if kind == "frame" else ARRAY
    y, weight = NUMBERS[:, 0].copy(), np.where(np.arange(N) % 4, 2.0, 0.0)
    local = SigmoidMLPRegressor(**SMALL, dtype="float64").fit(table, y)
    net, expected = OnWorkers(**SMALL), local.score(table, y, weight)
    publish(net, local)
    broken = table.copy()
    if kind == "frame":
        broken.iloc[::4, 0] = np.inf
    else:
        broken[::4] = np.inf
    y[::4] = np.nan
    given = dd.from_pandas(broken, npartitions=3) if kind == "frame" else da.from_array(broken, chunks=(35, 2))
    with dask.config.set(scheduler="sync"):
        of_rows = (y, weight) if in_memory else (da.from_array(y, chunks=35), da.from_array(weight, chunks=35))
        assert net.score(given, *of_rows) == pytest.approx(expected, rel=1e-12)
        with pytest.raises(ValueError, match=f"X has {N} rows, and sample_weight has 5"):
            net.score(given, y[:5], weight[:5])
