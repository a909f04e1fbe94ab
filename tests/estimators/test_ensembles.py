"""Several members in one estimator: folds, what is refused, warm starts, increments, interrupts, threads."""

import pickle
import threading

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, KFold, ShuffleSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, load, save
from sknet._model import threads

rng = np.random.default_rng(0)
X = rng.normal(size=(90, 3))
NUMBER = X[:, 0] + 0.3 * rng.normal(size=90)
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
WEIGHT = rng.integers(0, 3, 90).astype(float)
QUICK = dict(hidden_layer_sizes=4, max_iter=6, random_state=0, n_members=3)
KINDS = {SigmoidMLPClassifier: LABEL, SigmoidMLPRegressor: NUMBER}


def assert_same(one, other, table=X):
    assert_array_equal(one.predict(table), other.predict(table))
    for ours, theirs in zip(one.members_, other.members_, strict=True):
        for a, b in zip(ours.coefs_, theirs.coefs_, strict=True):
            assert_array_equal(a, b)


# --- what there is after a fit


@pytest.mark.parametrize("kind", KINDS)
def test_attributes_are_those_of_the_members(kind):
    net = kind(**QUICK).fit(X, KINDS[kind])
    members, y = net.members_, KINDS[kind]
    assert [type(member) for member in members] == [kind] * 3 and {member.n_members for member in members} == {1}
    assert net.n_iter_ == max(member.n_iter_ for member in members)
    assert net.t_ == sum(member.t_ for member in members) == sum(60 * member.n_iter_ for member in members)
    assert net.loss_ == pytest.approx(np.mean([member.loss_ for member in members]))
    assert net.best_loss_ is None and members[0].best_loss_ is None
    assert net.history_.columns[0] == "member"
    for number, member in enumerate(members):
        own = net.history_[net.history_["member"] == number].drop(columns="member")
        assert own.equals(member.history_)
        assert member.activations(X)[1].shape == (90, 4) and member.best_epoch_ > 0
        member.backpropagate(X, y)
    assert net.resolved_params_["n_members"] == 3 and members[0].resolved_params_["n_members"] == 1
    assert len(net.inputs_) == len(net.network_feature_names_) == 3
    assert len({member.coefs_[0].tobytes() for member in members}) == 3


ALONE = [
    "coefs_", "intercepts_", "loss_curve_", "validation_scores_", "best_epoch_", "temperature_",
]  # fmt: skip


@pytest.mark.parametrize("name", ALONE)
def test_what_one_network_has_is_asked_of_the_members(name):
    net = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    assert not hasattr(net, name)
    with pytest.raises(AttributeError, match=f"{name}.*members_"):
        getattr(net, name)
    with pytest.raises(AttributeError, match="members_|set by fit"):
        setattr(net, name, [])


def test_looking_inside_is_asked_of_the_members():
    net = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    with pytest.raises(AttributeError, match="activations.*members_"):
        net.activations(X)
    with pytest.raises(AttributeError, match="backpropagate.*members_"):
        net.backpropagate(X, LABEL)


def test_with_one_member_there_are_none_and_nothing_changes():
    plain = SigmoidMLPClassifier(max_iter=6, random_state=0).fit(X, LABEL)
    one = SigmoidMLPClassifier(max_iter=6, random_state=0, n_members=1).fit(X, LABEL)
    assert not hasattr(one, "members_") and not hasattr(one, "oof_prediction_")
    assert_array_equal(one.coefs_[0], plain.coefs_[0])
    assert "member" not in one.history_


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_fold_predictions_are_those_of_the_member_that_did_not_see_the_row(kind):
    splitter = KFold(3, shuffle=True, random_state=0)
    net = kind(**QUICK, validation_fraction=splitter).fit(X, KINDS[kind])
    predict = "predict_proba" if kind is SigmoidMLPClassifier else "predict"
    assert net.oof_prediction_.shape == getattr(net, predict)(X).shape
    for member, (_, held_out) in zip(net.members_, splitter.split(X), strict=True):
        assert_allclose(net.oof_prediction_[held_out], getattr(member, predict)(X[held_out]), rtol=1e-10)


def test_the_best_validation_score_is_that_of_the_out_of_fold_predictions():
    net = SigmoidMLPClassifier(**QUICK).fit(X, LABEL, sample_weight=WEIGHT + 1.0)
    loss = -np.log(net.oof_prediction_[np.arange(90), LABEL])
    assert net.best_validation_score_ == pytest.approx(-np.average(loss, weights=WEIGHT + 1.0), rel=1e-9)
    rated = SigmoidMLPClassifier(**QUICK, scoring="accuracy").fit(X, LABEL)
    assert rated.best_validation_score_ == pytest.approx((rated.oof_prediction_.argmax(axis=1) == LABEL).mean())
    framed = SigmoidMLPClassifier(**QUICK, scoring="accuracy").fit(pd.DataFrame(X), LABEL)
    assert framed.best_validation_score_ == rated.best_validation_score_


def test_rows_that_none_or_several_held_out():
    splitter = ShuffleSplit(3, test_size=0.3, random_state=1)
    net = SigmoidMLPRegressor(**QUICK, validation_fraction=splitter).fit(X, NUMBER)
    held_out = [part for _, part in splitter.split(X)]
    times = np.bincount(np.concatenate(held_out), minlength=90)
    assert {0, 1, 2} <= set(times)
    assert_array_equal(np.isnan(net.oof_prediction_), times == 0)
    row = int(np.flatnonzero(times == 2)[0])
    seers = [member for member, part in zip(net.members_, held_out, strict=True) if row in part]
    assert net.oof_prediction_[row] == pytest.approx(np.mean([one.predict(X[[row]])[0] for one in seers]))
    assert np.isfinite(net.best_validation_score_) and net.predict_interval(X).shape == (90, 2)


def test_rows_of_weight_zero_are_nobodys():
    net = SigmoidMLPClassifier(**QUICK).fit(X, LABEL, sample_weight=WEIGHT)
    assert net.oof_prediction_.shape == (90, 3)
    assert_array_equal(np.isnan(net.oof_prediction_).any(axis=1), WEIGHT == 0.0)
    without = SigmoidMLPClassifier(**QUICK).fit(X[WEIGHT > 0], LABEL[WEIGHT > 0], sample_weight=WEIGHT[WEIGHT > 0])
    assert_array_equal(net.predict_proba(X), without.predict_proba(X))


def test_intervals_come_from_out_of_fold_errors():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    ends = net.predict_interval(X, 0.8)
    errors = np.sort(np.abs(NUMBER - net.oof_prediction_))
    assert_allclose(np.diff(ends)[:, 0], 2.0 * errors[int(np.ceil(0.8 * 91)) - 1], rtol=1e-6)


TARGETS = {
    "two classes": (SigmoidMLPClassifier, LABEL > 0),
    "strings": (SigmoidMLPClassifier, np.array(["a", "b", "c"])[LABEL]),
    "multilabel": (SigmoidMLPClassifier, np.column_stack([LABEL > 0, LABEL > 1]).astype(int)),
    "several outputs": (SigmoidMLPClassifier, np.column_stack([LABEL, LABEL > 0])),
    "two numbers": (SigmoidMLPRegressor, np.column_stack([NUMBER, -NUMBER])),
    "levels": (SigmoidMLPRegressor, NUMBER),
}


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("case", TARGETS)
def test_every_kind_of_target_and_table(case, sparse, tmp_path):
    kind, y = TARGETS[case]
    levels = {"loss": "quantile", "quantile": [0.1, 0.9]} if case == "levels" else {}
    table = sp.csr_array(X) if sparse else X
    net = kind(**QUICK, **levels).fit(table, y, sample_weight=WEIGHT + 1.0)
    wanted = net.predict_proba(table) if kind is SigmoidMLPClassifier else net.predict(table)
    found = net.oof_prediction_
    assert isinstance(found, list) == isinstance(wanted, list) == (case == "several outputs")
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape and np.isfinite(a).all()
    save(net, tmp_path / "net.safetensors")
    for again in pickle.loads(pickle.dumps(net)), load(tmp_path / "net.safetensors"):
        assert_same(net, again, table)
        assert_array_equal(np.hstack(again.oof_prediction_), np.hstack(found))
        assert again.best_validation_score_ == net.best_validation_score_
        assert again.history_.equals(net.history_)


# --- folds


def test_folds_hold_ten_rows_at_least():
    with pytest.warns(RuntimeWarning, match="n_members=4: 3 members are trained, as 35 rows") as caught:
        net = SigmoidMLPRegressor(**QUICK | {"n_members": 4}).fit(X[:35], NUMBER[:35])
    assert caught[0].filename == __file__
    assert len(net.members_) == net.resolved_params_["n_members"] == 3
    assert len(SigmoidMLPRegressor(**QUICK).set_params(n_members=2).fit(X[:20], NUMBER[:20]).members_) == 2
    with pytest.raises(ValueError, match="n_members=3 needs two folds of 10 rows.*n_samples=19"):
        SigmoidMLPRegressor(**QUICK).fit(X[:19], NUMBER[:19])


def test_folds_are_stratified_and_differ_by_seed():
    y = np.r_[np.zeros(81, int), np.ones(9, int)]
    held = []
    nets = [SigmoidMLPClassifier(**QUICK | {"random_state": seed}).fit(X, y) for seed in (0, 0, 1)]
    assert_same(*nets[:2])
    for net in nets:
        assert [member.t_ // member.n_iter_ for member in net.members_] == [60, 60, 60]
        held.append(net.oof_prediction_)
    assert not np.array_equal(held[0], held[2])


def test_groups_stay_together():
    groups = np.arange(90) // 3
    y = rng.normal(size=30)[groups]  # what only its own group tells
    unique = np.eye(30)[groups] + 0.01 * rng.normal(size=(90, 30))
    how = QUICK | {"max_iter": 60, "hidden_layer_sizes": 16, "input_scaling": None}
    apart = SigmoidMLPRegressor(**how).fit(unique, y, groups=groups)
    mixed = SigmoidMLPRegressor(**how).fit(unique, y)
    assert np.corrcoef(mixed.oof_prediction_, y)[0, 1] > 0.8 > 0.4 > np.corrcoef(apart.oof_prediction_, y)[0, 1]
    with pytest.raises(ValueError, match=r"n_members=3 needs two folds.*in 1 groups"):
        SigmoidMLPRegressor(**QUICK).fit(X, NUMBER, groups=np.zeros(90))


def test_a_splitter_has_a_member_for_each_of_its_splits():
    with pytest.warns(RuntimeWarning, match="n_members=3: 5 members"):
        net = SigmoidMLPRegressor(**QUICK, validation_fraction=KFold(5)).fit(X, NUMBER)
    assert len(net.members_) == 5
    with pytest.raises(ValueError, match="makes 1 splits"):
        SigmoidMLPRegressor(**QUICK, validation_fraction=ShuffleSplit(1)).fit(X, NUMBER)


# --- what does not go with members

REFUSED = {
    "X_val": ({}, {"X_val": X, "y_val": LABEL}, "X_val and y_val"),
    "early_stopping": ({"early_stopping": False}, {}, "early_stopping=False"),
    "folds": ({"early_stopping": "folds"}, {}, "early_stopping='folds'"),
    "lbfgs": ({"solver": "lbfgs"}, {}, "solver='lbfgs'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused_by_name(case):
    parameters, given, message = REFUSED[case]
    net = SigmoidMLPClassifier(**QUICK, **parameters)
    with pytest.raises(ValueError, match=f"n_members=3 does not go with {message}"):
        net.fit(X, LABEL, **given)
    assert not hasattr(net, "classes_")


def test_checkpoints_hold_one_network(tmp_path):
    callback = pytest.importorskip("sklearn.callback")
    assert callback
    from sknet import Checkpoint

    net = SigmoidMLPClassifier(**QUICK)
    net.set_callbacks(Checkpoint(tmp_path / "run.npz"))
    with pytest.raises(ValueError, match="n_members=3 does not go with Checkpoint"):
        net.fit(X, LABEL)
    one = SigmoidMLPClassifier(**QUICK | {"n_members": 1})
    one.set_callbacks(Checkpoint(tmp_path / "run.npz")).fit(X, LABEL)
    with pytest.raises(ValueError, match="n_members=3: a checkpoint holds one network"):
        SigmoidMLPClassifier(**QUICK).resume(tmp_path / "run.npz", X, LABEL)


def test_a_member_that_diverges_leaves_the_estimator_as_it_was():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    before = net._fitted
    wild = {"solver": "sgd", "learning_rate": "constant", "learning_rate_init": 1e200, "activation": "relu"}
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.set_params(**wild).fit(X, NUMBER)
    assert net._fitted is before


# --- the same again


@pytest.mark.parametrize("kind", KINDS)
def test_resolved_parameters_give_the_same_fit(kind):
    net = kind(n_members=3, random_state=3, max_iter=8).fit(X, KINDS[kind])
    assert_same(net, kind(**net.resolved_params_).fit(X, KINDS[kind]))


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_the_number_of_threads_changes_no_bit(monkeypatch, n_threads):
    expected = SigmoidMLPClassifier(**QUICK).fit(X, LABEL)
    names = set()
    own = SigmoidMLPClassifier(**QUICK, learning_rate=lambda done: names.add(threading.get_ident()) or 1.0 - done)
    plain = SigmoidMLPClassifier(**QUICK, learning_rate=lambda done: 1.0 - done).fit(X, LABEL)
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 0)
    monkeypatch.setattr(threads, "blas_threads", lambda: n_threads)
    assert_same(expected, SigmoidMLPClassifier(**QUICK).fit(X, LABEL))
    assert_same(plain, own.fit(X, LABEL))
    assert (len(names) > 1) == (n_threads > 1)


# --- going on


def test_a_warm_start_keeps_members_and_folds():
    net = SigmoidMLPRegressor(**QUICK, warm_start=True).fit(X, NUMBER)
    first, seeds = net.members_, net._fitted.seeds
    net.fit(X, NUMBER)
    assert net._fitted.seeds[1] == seeds[1]
    assert [len(member.loss_curve_) for member in net.members_] == [6 + one.n_iter_ for one in net.members_]
    again = SigmoidMLPRegressor(**QUICK, warm_start=True).fit(X, NUMBER).fit(X, NUMBER)
    assert_same(net, again)
    assert net.t_ == 2 * sum(one.t_ for one in first)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (3, 1), (1, 3)])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_going_on_with_another_number_is_an_error(before, after, method):
    net = SigmoidMLPRegressor(**QUICK | {"n_members": before}, warm_start=True).fit(X, NUMBER)
    with pytest.raises(ValueError, match=f"training goes on from {before}"):
        getattr(net.set_params(n_members=after), method)(X, NUMBER)


def test_increments_train_every_member_on_all_rows():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    seen = net.t_
    net.partial_fit(X[:50], NUMBER[:50])
    assert net.t_ == seen + 3 * 50 and net.n_iter_ == 1
    assert not hasattr(net, "oof_prediction_")
    with pytest.raises(ValueError, match="predict_interval needs rows that were held out"):
        net.predict_interval(X)
    assert net.best_validation_score_ is None and net.best_loss_ is not None
    few = SigmoidMLPRegressor(**QUICK).partial_fit(X[:5], NUMBER[:5])  # there are no folds
    assert len(few.members_) == 3 and len({one.coefs_[0].tobytes() for one in few.members_}) == 3


def test_increments_are_whole_epochs_and_pickles_between_make_no_difference():
    straight, with_pickles = SigmoidMLPClassifier(**QUICK), SigmoidMLPClassifier(**QUICK)
    for _ in range(4):
        straight.partial_fit(X, LABEL, classes=[0, 1, 2])
        with_pickles = pickle.loads(pickle.dumps(with_pickles)).partial_fit(X, LABEL, classes=[0, 1, 2])
    assert_same(straight, with_pickles)
    first = straight.members_[0]
    seeded = SigmoidMLPClassifier(**first.get_params())
    seeded._seeds = lambda earlier: first._fitted.seeds
    for _ in range(4):
        seeded.partial_fit(X, LABEL)
    for a, b in zip(first.coefs_, seeded.coefs_, strict=True):
        assert_array_equal(a, b)


# --- interrupts


class Stopping:
    """A rate that is asked for at every step, with a Ctrl-C at one of them."""

    def __init__(self, at):
        self.left = at

    def __call__(self, done):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return 1.0


def test_an_interrupt_leaves_whole_epochs_of_every_member():
    batches = 2  # of 32 rows, in each epoch of 60
    net = SigmoidMLPRegressor(**QUICK, learning_rate=Stopping(batches * (2 * 3 + 1) + 1))
    with pytest.warns(UserWarning, match="interrupted"):
        net.fit(X, NUMBER)
    assert [member.n_iter_ for member in net.members_] == [3, 2, 2]
    assert np.isfinite(net.oof_prediction_).all() and net.predict_interval(X).shape == (90, 2)
    net.set_params(learning_rate="constant").partial_fit(X, NUMBER)
    assert [len(member.history_) for member in net.members_] == [4, 3, 3]


def test_before_all_have_done_an_epoch_it_is_raised_and_nothing_has_changed():
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    before = net._fitted
    for method in (net.fit, net.partial_fit):
        net.set_params(learning_rate=Stopping(4))
        with pytest.raises(KeyboardInterrupt):
            method(X, NUMBER)
        assert net._fitted is before


# --- scikit-learn


def test_callbacks_see_the_members_as_one_run():
    callback = pytest.importorskip("sklearn.callback")
    net = SigmoidMLPClassifier(**QUICK)
    monitor = callback.ScoringMonitor(scoring="accuracy")
    net.set_callbacks(monitor).fit(X, LABEL)
    log = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(log) == net.n_iter_ and log[-1] == pytest.approx(net.score(X, LABEL), abs=0.2)


def test_it_prints_a_line_per_round(capsys):
    net = SigmoidMLPClassifier(**QUICK, verbose=True).fit(X, LABEL)
    printed = capsys.readouterr().out
    assert printed.count("Iteration") == net.n_iter_ and printed.count("Validation score") == net.n_iter_
    SigmoidMLPClassifier(**QUICK, verbose=2).fit(X, LABEL)
    assert "epoch" in capsys.readouterr().out


def test_a_search_over_the_number_of_members():
    search = GridSearchCV(SigmoidMLPClassifier(max_iter=3, random_state=0), {"n_members": [1, 2]}, cv=2).fit(X, LABEL)
    assert search.best_score_ > 0.3
