"""Several networks on the same shards, members and those of folds: what they are in memory, whatever their timing."""

from functools import cache
from time import sleep

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.dask.local_workers import LocalWorkers, calls_of, distance, parted
from tests.dask.mixed_table import LABELS, WEIGHT, N, X, y
from tests.estimators.inside import model_of
from tests.tables.limits import lookup_inputs, sample_rows

FIT = dict(
    hidden_layer_sizes=6, max_iter=8, batch_size=100, dtype="float64", dropout=0.0, random_state=0, n_members=1
)  # fmt: skip
TWO = FIT | dict(n_members=2)
FOLDS = dict(early_stopping="folds")
BY_TARGET = dict(category_encoding="both", max_categories=10)
KINDS = {SigmoidMLPRegressor: y, SigmoidMLPClassifier: LABELS}


def assert_same(remote, local):
    """Assert that two fits have trained the same networks, for as long."""
    assert remote.resolved_params_ == local.resolved_params_
    assert (remote.n_iter_, remote.t_, remote.best_epoch_) == (local.n_iter_, local.t_, local.best_epoch_)
    assert distance(remote, local) < 1e-8
    assert remote.loss_ == pytest.approx(local.loss_, rel=1e-8)
    assert_allclose(remote.history_.drop(columns="seconds"), local.history_.drop(columns="seconds"), rtol=1e-8)


# --- members


PAIRS = {"held out": {}, "held out, means": BY_TARGET, "folds": FOLDS}


@cache
def two_in_memory(name):
    return SigmoidMLPRegressor(**TWO | dict(early_stopping=True) | PAIRS[name]).fit(X, y, WEIGHT)


@pytest.mark.parametrize("n_parts", [1, 2, 7])
@pytest.mark.parametrize("name", PAIRS)
def test_two_members_one_without_bins_equal_those_trained_in_memory(n_parts, name):
    parameters, local = TWO | dict(early_stopping=True) | PAIRS[name], two_in_memory(name)
    table = parted(X, n_parts)
    remote = SigmoidMLPRegressor(**parameters).fit(table, y, WEIGHT)
    assert remote.resolved_params_["numeric_encoding"] == "auto"
    assert_same(remote, local)
    is_bin = (remote.inputs_["kind"] == "bin").to_numpy()
    assert is_bin.any()
    assert [remote.coefs_[0][is_bin, i : i + 6].any() for i in (0, 6)] == [False, True]
    assert_allclose(remote.predict_interval(X), local.predict_interval(X), rtol=1e-8)


@lookup_inputs(150)
def test_members_with_looked_up_categories_equal_those_in_memory():
    rng = np.random.default_rng(1)
    wide = X.assign(**{f"c{i}": [f"l{k}" for k in rng.permutation(np.arange(N) % 90)] for i in range(2)})
    parameters = TWO | FOLDS | dict(max_iter=4, categorical_features=["from_dtype", "c0", "c1"])
    local, remote = (SigmoidMLPRegressor(**parameters).fit(table, y) for table in (wide, parted(wide)))
    assert model_of(remote).encoder.lookups is not None
    assert_same(remote, local)


@pytest.mark.parametrize("encoding", ["one_hot", "both"])
def test_members_have_a_temperature_and_a_scorer(encoding):
    by_target = dict(category_encoding=encoding, max_categories=10)
    parameters = TWO | dict(early_stopping=True, scoring="accuracy", class_weight="balanced") | by_target
    local = SigmoidMLPClassifier(**parameters).fit(X, LABELS)
    remote = SigmoidMLPClassifier(**parameters).fit(parted(X), LABELS)
    assert_same(remote, local)
    assert remote.temperature_ == pytest.approx(local.temperature_, rel=1e-8)
    assert remote.validation_scores_ == pytest.approx(local.validation_scores_, rel=1e-12)


@pytest.mark.parametrize(("encoding", "n_times"), [("one_hot", 1), ("both", 2)])
def test_the_table_is_encoded_once_and_given_up(encoding, n_times):
    """Once more for the fold that is held out, where means of the target must not contain its own."""
    table = parted(X)
    SigmoidMLPRegressor(**TWO | FOLDS | dict(max_iter=1, category_encoding=encoding)).fit(table, y)
    calls = calls_of(table)
    assert calls.count("encode_shard") == n_times
    assert calls.count("NetworkOnShard") == 2 + 2  # of 600 rows, one fold is held out
    assert "futures" not in vars(table.partitions)


def test_delays_of_workers_change_no_result(monkeypatch):
    parameters = TWO | FOLDS | dict(dropout=0.2, max_iter=3)
    first = SigmoidMLPRegressor(**parameters).fit(parted(X), y)
    call, delays = LocalWorkers.map_tasks, np.random.default_rng(0)
    monkeypatch.setattr(LocalWorkers, "map_tasks", lambda *given: sleep(delays.random() * 2e-3) or call(*given))
    second = SigmoidMLPRegressor(**parameters).fit(parted(X), y)
    assert distance(first, second) == 0.0
    assert_array_equal(first.oof_prediction_, second.oof_prediction_)


def test_a_member_that_diverges_leaves_the_estimator_as_it_was():
    net = SigmoidMLPRegressor(**TWO | dict(max_iter=2)).fit(parted(X), y)
    before = net.coefs_
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.set_params(learning_rate_init=1e200, solver="sgd", clip_norm=None).fit(parted(X), y)
    assert net.coefs_ is before


def test_a_warm_start_goes_on_from_joined_members():
    parameters = TWO | dict(max_iter=2, warm_start=True, early_stopping=True)
    local, remote = SigmoidMLPRegressor(**parameters).fit(X, y), SigmoidMLPRegressor(**parameters).fit(parted(X), y)
    assert_same(remote.fit(parted(X), y), local.fit(X, y))


# --- folds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_folds_choose_the_same_epoch_as_in_memory(kind, n_parts):
    local = kind(**FIT | FOLDS).fit(X, KINDS[kind], WEIGHT)
    without_weight = np.nan if kind is SigmoidMLPRegressor else "no label"  # which nothing looks at
    remote = kind(**FIT | FOLDS).fit(parted(X, n_parts), np.where(WEIGHT > 0, KINDS[kind], without_weight), WEIGHT)
    assert_same(remote, local)
    assert remote.temperature_ == pytest.approx(local.temperature_, rel=1e-8)
    assert_allclose(remote.oof_prediction_, local.oof_prediction_, rtol=1e-8, atol=1e-10)
    assert np.isnan(remote.oof_prediction_[::17]).all()  # rows of weight 0
    if kind is SigmoidMLPRegressor:
        assert_allclose(remote.predict_interval(X), local.predict_interval(X), rtol=1e-8)


def test_predictions_of_counts_have_their_total_as_in_memory():
    counts, parameters, table = np.exp(y), TWO | FOLDS | {"loss": "poisson"}, X.drop(columns="many")
    local = SigmoidMLPRegressor(**parameters).fit(table, counts, WEIGHT)
    remote = SigmoidMLPRegressor(**parameters).fit(parted(table, 2), counts, WEIGHT)
    assert_same(remote, local)
    assert np.average(local.predict(table), weights=WEIGHT) == pytest.approx(
        np.average(counts, weights=WEIGHT), rel=1e-6
    )


@pytest.mark.parametrize("how", ["groups", "two outputs", "an array", "few rows", "means of a sample"])
def test_folds_of_other_tables(how):
    table, target, more, parameters, sample = X, y, {}, FIT | FOLDS | dict(max_iter=3), N
    if how == "groups":
        more = dict(groups=np.arange(N) // 7)
    elif how == "two outputs":
        target = np.column_stack([y, 2.0 * y - X["number"]])
    elif how == "an array":
        table = X[["number", "gaps"]].to_numpy()
    elif how == "few rows":
        table, target = X[:300], y[:300]
    else:
        parameters, sample = parameters | BY_TARGET, 250
    with sample_rows(sample):
        local = SigmoidMLPRegressor(**parameters).fit(table, target, **more)
        remote = SigmoidMLPRegressor(**parameters).fit(parted(table), target, **more)
    assert_same(remote, local)
    assert_allclose(remote.oof_prediction_, local.oof_prediction_, rtol=1e-8, atol=1e-10)


def test_a_splitter_gives_the_folds():
    parameters = FIT | dict(early_stopping=True, validation_fraction=KFold(4, shuffle=True, random_state=0), max_iter=3)
    local, remote = (SigmoidMLPRegressor(**parameters).fit(table, y) for table in (X, parted(X)))
    assert_same(remote, local)
    assert_allclose(remote.feature_importances_, local.feature_importances_, rtol=1e-6)
