"""A fit on shards equals one in memory: the same encoders, the same steps, the same held-out rows."""

from types import SimpleNamespace

import numpy as np
import pytest
from local_shards import LocalShards, cut, parted
from mixed_table import LABELS, WEIGHT, N, X, rng, y
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._network.layout import Layout
from sknet._network.penalties import ElasticNet
from sknet._network.regression import SQUARED_ERROR
from sknet._network.sparse_layers import MixedRows
from sknet._partitions.pace import Pace
from sknet._partitions.training import RemoteInputs, ShardedObjective
from sknet._tables.columns.target import TargetColumn

FIT = dict(hidden_layer_sizes=8, max_iter=20, batch_size=200, dtype="float64", dropout=0.0, random_state=0)


def distance(one, other):
    """The largest difference of two fits' weights."""
    pairs = zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True)
    return max(np.abs(a - b).max() for a, b in pairs)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_parts", [1, 2, 7])
@pytest.mark.parametrize(
    ("weight", "parameters"),
    [
        (WEIGHT, dict(solver="adam")),
        (None, dict(solver="adam", early_stopping=False, numeric_encoding="piecewise_linear")),
        (WEIGHT, dict(solver="adam", input_scaling="quantile", category_encoding="both", max_categories=10)),
        (None, dict(solver="lbfgs", input_scaling="standard")),
        (WEIGHT, dict(solver="lbfgs", early_stopping=False, numeric_encoding="piecewise_linear")),
    ],
    ids=["adam", "adam, bins", "adam, quantiles and means", "lbfgs, held out", "lbfgs, bins"],
)
def test_twenty_epochs_equal_those_in_memory(n_parts, weight, parameters):
    one = SigmoidMLPRegressor(**FIT | parameters).fit(X, y, weight)
    many = SigmoidMLPRegressor(**FIT | parameters).fit(parted(X, n_parts), y, weight)
    assert one.n_iter_ == many.n_iter_ and one.resolved_params_ == many.resolved_params_
    assert distance(one, many) < 1e-8
    ours, theirs = one._fitted.model.encoder, many._fitted.model.encoder
    assert ours.feature_names == theirs.feature_names
    for ours_, theirs_ in zip(ours.columns, theirs.columns, strict=True):
        of_sums = parameters.get("input_scaling") == "standard" or isinstance(ours_, TargetColumn)
        assert of_sums or ours_ == theirs_
    assert_allclose(theirs.encode(X, float), ours.encode(X, float), rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("n_parts", "encoding"), [(1, "one_hot"), (2, "both"), (7, "one_hot")])
def test_levels_are_looked_up_on_shards_too(n_parts, encoding, solver):
    wide = X.assign(**{f"c{i}": rng.choice(90, N).astype(str) for i in range(2)})
    parameters = FIT | dict(solver=solver, category_encoding=encoding, max_iter=5)
    one = SigmoidMLPRegressor(**parameters).fit(wide, y, WEIGHT)
    given = parted(wide, n_parts)
    many = SigmoidMLPRegressor(**parameters).fit(given, y, WEIGHT)
    assert many._fitted.model.encoder.lookups is not None
    kept = [selected.inputs for shard in given.shards.shards for selected in shard._selected.values()]
    assert kept and all(isinstance(inputs, MixedRows) for inputs in kept)
    assert distance(one, many) < 1e-8


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_single_precision_is_near(n_parts):
    single = FIT | dict(dtype="float32", early_stopping=False)
    one = SigmoidMLPClassifier(**single).fit(X, LABELS)
    many = SigmoidMLPClassifier(**single).fit(parted(X, n_parts), LABELS)
    assert distance(one, many) < 1e-4


def test_classes_weights_and_scorers_are_those_of_memory():
    parameters = FIT | dict(
        max_iter=5, early_stopping=True, class_weight="balanced", scoring="accuracy", label_smoothing=0.05
    )
    one = SigmoidMLPClassifier(**parameters).fit(X, LABELS)
    many = SigmoidMLPClassifier(**parameters).fit(parted(X), LABELS)
    assert_array_equal(one.classes_, many.classes_)
    assert one.validation_scores_ == many.validation_scores_
    assert distance(one, many) < 1e-10
    assert_allclose(one.predict_proba(X), many.predict_proba(X), rtol=1e-9)


def test_groups_a_validation_set_and_intervals():
    groups = np.arange(N) // 10
    one = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(X, y, groups=groups)
    many = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(parted(X), y, groups=groups)
    assert distance(one, many) < 1e-10
    assert_allclose(one.predict_interval(X), many.predict_interval(X), rtol=1e-9)
    one = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    whole = parted(X)
    many = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(
        whole[np.arange(500)], y[:500], X_val=whole[np.arange(500, N)], y_val=y[500:]
    )
    assert distance(one, many) < 1e-10


def test_dropout_is_drawn_once_for_each_step():
    parameters = FIT | dict(max_iter=3, dropout=0.2)
    one, other = (SigmoidMLPRegressor(**parameters).fit(parted(X), y) for _ in range(2))
    assert distance(one, other) == 0.0
    plain = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(parted(X), y)
    assert distance(one, plain) > 0.0


def test_rows_in_order_are_batches_too():
    parameters = FIT | dict(max_iter=2, shuffle=False, early_stopping=False)
    one, many = (SigmoidMLPRegressor(**parameters).fit(table, y) for table in (X, parted(X)))
    assert distance(one, many) < 1e-10


def test_an_array_is_a_table_too():
    numbers = X[["number", "gaps", "zeros"]].to_numpy()
    parameters = FIT | dict(max_iter=3)
    one, many = (SigmoidMLPRegressor(**parameters).fit(table, y) for table in (numbers, parted(numbers)))
    assert distance(one, many) < 1e-10
    with pytest.raises(ValueError, match="X contains infinity"):
        SigmoidMLPRegressor(**parameters).fit(parted(np.where(numbers > 1.0, np.inf, numbers)), y)


def test_a_warm_start_checks_the_table_and_goes_on():
    net = SigmoidMLPRegressor(**FIT | dict(max_iter=2, warm_start=True)).fit(parted(X), y)
    n_seen = net.t_
    assert net.fit(parted(X), y).t_ == 2 * n_seen
    with pytest.raises(ValueError, match="feature names"):
        net.fit(parted(X.rename(columns={"number": "other"})), y)


def test_a_batch_is_larger_by_default():
    wide = np.tile(rng.normal(size=(9000, 1)), (1, 1))
    target = wide[:, 0]
    fits = [SigmoidMLPRegressor(max_iter=1, random_state=0, early_stopping=False) for _ in range(2)]
    sizes = [
        fit.fit(table, target).resolved_params_["batch_size"]
        for fit, table in zip(fits, (wide, parted(wide)), strict=True)
    ]
    assert sizes == [256, 281]


def test_the_table_is_given_up_before_the_first_step():
    table = parted(X)
    SigmoidMLPRegressor(**FIT | dict(max_iter=1)).fit(table, y)
    calls = table.shards.calls
    assert calls.index("release") < calls.index("step") and calls.count("release") == 1
    assert all(not shard._parts for shard in table.shards.shards)


def test_parts_may_be_empty_and_lie_in_any_order():
    parts = [*cut(X, 4), X.iloc[:0]]
    shards = LocalShards(parts, [[4, 3], [0, 2, 1]])
    table = parted(X)
    other = type(table)(shards, list(map(len, parts)), np.arange(N), X.iloc[:2], table.place)
    one, many = (SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(given, y) for given in (X, other))
    assert distance(one, many) < 1e-10


def test_a_step_that_is_too_small_is_told(monkeypatch):
    monkeypatch.setattr("sknet._partitions.training.perf_counter", iter(np.arange(1e6)).__next__)
    told = []
    SigmoidMLPRegressor(**FIT | dict(max_iter=8)).fit(parted(X, warn=told.append), y)
    assert len(told) == 1 and "batch_size" in told[0]


def test_the_penalty_is_that_in_memory_and_inputs_stay_where_they_are():
    layout, shards = Layout((1, 3, 1)), SimpleNamespace(call=lambda *arguments, **changes: {})
    inputs = RemoteInputs(SimpleNamespace(shards=shards, name="training", split=lambda values: [values]))
    penalty, theta = ElasticNet(l2=0.3, l1=0.2), np.random.default_rng(0).normal(size=layout.n_parameters)
    more = dict(n_rows=6, pace=Pace(print), first=iter([True]))
    objective = ShardedObjective(layout, (), SQUARED_ERROR, penalty, inputs, np.zeros((6, 1)), **more)
    w = theta[: layout.n_weights]
    assert objective.penalty(theta) == pytest.approx(0.2 * np.abs(w).sum() + 0.15 * (w**2).sum(), rel=1e-12)
    with pytest.raises(TypeError, match="these rows are on shards"):
        inputs(slice(0, 2))
