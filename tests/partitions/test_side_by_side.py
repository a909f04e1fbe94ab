"""Several networks on the same shards, members and those of folds: what they are in memory, whatever their timing."""

from time import sleep

import numpy as np
import pandas as pd
import pytest
from local_workers import LocalWorkers, calls_of, parted
from mixed_table import LABELS, WEIGHT, N, X, rng, y
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import KFold

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

FIT = dict(hidden_layer_sizes=6, max_iter=8, batch_size=100, dtype="float64", dropout=0.0, random_state=0)
MEMBERS = FIT | dict(n_members=3)
BY_TARGET = dict(category_encoding="both", max_categories=10, numeric_encoding="piecewise_linear")


def distance(one, other):
    """The largest difference of two fits' weights, of all networks."""
    pairs = zip(one._fitted.model.networks, other._fitted.model.networks, strict=True)
    both = [zip(a.coefs + a.intercepts, b.coefs + b.intercepts, strict=True) for a, b in pairs]
    return max(np.abs(a - b).max() for network in both for a, b in network)


# --- members


@pytest.mark.parametrize("n_parts", [1, 2, 7])
@pytest.mark.parametrize("parameters", [{}, BY_TARGET], ids=["plain", "bins and means"])
def test_members_are_those_of_memory(n_parts, parameters):
    one = SigmoidMLPRegressor(**MEMBERS | parameters).fit(X, y, WEIGHT)
    many = SigmoidMLPRegressor(**MEMBERS | parameters).fit(parted(X, n_parts), y, WEIGHT)
    assert distance(one, many) < 1e-8
    assert (one.n_iter_, one.t_, one.resolved_params_) == (many.n_iter_, many.t_, many.resolved_params_)
    assert_allclose([one.loss_, one.best_validation_score_], [many.loss_, many.best_validation_score_], rtol=1e-9)
    assert_allclose(many.oof_prediction_, one.oof_prediction_, rtol=1e-9, atol=1e-12)
    assert np.isnan(many.oof_prediction_[::17]).all()
    assert_allclose(many.predict_interval(X), one.predict_interval(X), rtol=1e-9)
    assert list(many.history_["member"]) == list(one.history_["member"])


@pytest.mark.parametrize("encoding", ["one_hot", "both"])
def test_members_have_classes_temperatures_and_scorers(encoding):
    by_target = dict(category_encoding=encoding, max_categories=10)
    parameters = MEMBERS | dict(scoring="accuracy", class_weight="balanced") | by_target
    one = SigmoidMLPClassifier(**parameters).fit(X, LABELS)
    many = SigmoidMLPClassifier(**parameters).fit(parted(X), LABELS)
    assert distance(one, many) < 1e-8
    assert [member.temperature_ for member in one.members_] == pytest.approx(
        [member.temperature_ for member in many.members_], rel=1e-9
    )
    assert one.best_validation_score_ == many.best_validation_score_
    assert [member.validation_scores_ for member in one.members_] == [
        member.validation_scores_ for member in many.members_
    ]
    assert_allclose(many.oof_prediction_, one.oof_prediction_, rtol=1e-9)


@pytest.mark.parametrize("how", ["groups", "splitter", "two outputs", "an array"])
def test_folds_are_those_of_memory(how):
    table, target, more, own = X, y, {}, {}
    if how == "groups":
        more = dict(groups=np.arange(N) // 7)
    elif how == "splitter":
        own = dict(validation_fraction=KFold(4, shuffle=True))
    elif how == "two outputs":
        target = np.column_stack([y, 2.0 * y - X["number"]])
    else:
        table = X[["number", "gaps"]].to_numpy()
    one = SigmoidMLPRegressor(**MEMBERS | own | dict(max_iter=3))
    many = SigmoidMLPRegressor(**MEMBERS | own | dict(max_iter=3))
    if how == "splitter":
        with pytest.warns(RuntimeWarning, match="4 members are trained"):
            one.fit(table, target)
        with pytest.warns(RuntimeWarning, match="4 members are trained"):
            many.fit(parted(table), target)
    else:
        one.fit(table, target, **more)
        many.fit(parted(table), target, **more)
    assert distance(one, many) < 1e-8
    assert_allclose(many.oof_prediction_, one.oof_prediction_, rtol=1e-9, atol=1e-12)


def test_a_warm_start_keeps_members_and_folds():
    fits = [SigmoidMLPRegressor(**MEMBERS | dict(max_iter=2, warm_start=True)) for _ in range(2)]
    for net, table in zip(fits, (X, parted(X)), strict=True):
        net.fit(table, y)
        net.fit(table if table is X else parted(X), y)
    assert distance(*fits) < 1e-8 and fits[0].t_ == fits[1].t_


def test_the_table_is_encoded_once_and_given_up():
    table = parted(X)
    SigmoidMLPRegressor(**MEMBERS | dict(max_iter=1)).fit(table, y)
    calls = calls_of(table)
    assert calls.count("encode") == 1 and calls.count("RunOfShard") == 3
    assert table.partitions._futures is None


def test_no_timing_changes_a_bit(monkeypatch):
    parameters = MEMBERS | dict(dropout=0.2, max_iter=3)
    one = SigmoidMLPRegressor(**parameters).fit(parted(X), y)
    run, delays = LocalWorkers.run, np.random.default_rng(0)
    monkeypatch.setattr(LocalWorkers, "run", lambda *given: sleep(delays.random() * 2e-3) or run(*given))
    other = SigmoidMLPRegressor(**parameters).fit(parted(X), y)
    assert distance(one, other) == 0.0
    assert_array_equal(one.oof_prediction_, other.oof_prediction_)


def test_a_member_that_diverges_leaves_the_estimator_as_it_was():
    net = SigmoidMLPRegressor(**MEMBERS | dict(max_iter=2)).fit(parted(X), y)
    before = net._fitted
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.set_params(learning_rate_init=1e200, solver="sgd", clip_norm=None).fit(parted(X), y)
    assert net._fitted is before


# --- folds


@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_folds_choose_what_they_choose_in_memory(n_parts):
    one = SigmoidMLPClassifier(**FIT).fit(X, LABELS, WEIGHT)
    many = SigmoidMLPClassifier(**FIT).fit(parted(X, n_parts), LABELS, WEIGHT)
    assert one.resolved_params_ == many.resolved_params_ and one.resolved_params_["early_stopping"] == "folds"
    assert one.n_iter_ == many.n_iter_ and many.temperature_ == pytest.approx(one.temperature_, rel=1e-9)
    assert distance(one, many) < 1e-8


def test_two_folds_of_a_middle_table():
    n = 700
    numbers = rng.normal(size=(n, 3))
    labels = (numbers[:, 0] > 0).astype(int)
    parameters = FIT | dict(early_stopping="folds", max_iter=5)
    one, many = (SigmoidMLPClassifier(**parameters).fit(table, labels) for table in (numbers, parted(numbers)))
    assert one.n_iter_ == many.n_iter_ and distance(one, many) < 1e-8


# --- encodings that are compared


@pytest.mark.parametrize(
    ("kind", "parameters", "expected"),
    [
        (SigmoidMLPRegressor, {}, "piecewise_linear"),
        (SigmoidMLPRegressor, dict(n_members=3), "piecewise_linear"),
        (SigmoidMLPClassifier, {}, "raw"),
        (SigmoidMLPClassifier, dict(early_stopping=True, scoring="neg_log_loss"), "raw"),
        (SigmoidMLPClassifier, dict(n_members=3, scoring="neg_log_loss"), "raw"),
    ],
    ids=["held out", "members", "folds", "held out, scorer", "members, scorer"],
)
def test_encodings_are_compared_as_in_memory(kind, parameters, expected):
    new = np.random.default_rng(0)
    n = 2_300 if "n_members" in parameters else 1_800  # of which 1,500 and more are trained on
    numbers = new.normal(size=(n, 3))
    target = np.abs(numbers[:, 0]) if expected != "raw" else numbers @ [1.0, 2.0, 3.0] > 0.0
    frame = pd.DataFrame(numbers, columns=list("abc")).assign(many=new.choice(120, n).astype(str))
    table = parted(frame)
    one, many = (kind(**FIT | parameters).fit(given, target) for given in (frame, table))
    assert one.resolved_params_ == many.resolved_params_ and one.resolved_params_["numeric_encoding"] == expected
    assert distance(one, many) < 1e-8
