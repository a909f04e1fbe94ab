"""Folds choose the epoch and the temperature on small tables, and one network is trained on all rows."""

import tracemalloc
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
    train_test_split,
)

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import planning
from tests.estimators.data import quiet, stops_at
from tests.estimators.held_out import LABEL, LABEL_VAL, NUMBER, NUMBER_VAL, TARGETS, WEIGHT, X_VAL, N, X


def falling(fraction):
    """A schedule whose end can be anywhere, as a function of one's own may be."""
    return 1.0 - 0.9 * fraction


FOLDS = dict(
    n_members=1, hidden_layer_sizes=4, max_iter=12, learning_rate=falling, learning_rate_init=0.05, random_state=0
)


def test_folds_do_not_stop_too_early_on_small_tables():
    """Seeds for which some seventeen held-out rows, separated by chance, chose one of the first epochs."""
    for load, seeds, most in ((load_iris, (11, 0), 0.06), (load_wine, (19, 19), 0.05)):
        table, labels = load(return_X_y=True)
        for split, seed in enumerate(seeds):
            parts = train_test_split(table, labels, stratify=labels, random_state=split)
            fitted = SigmoidMLPClassifier(random_state=seed).fit(parts[0], parts[2])
            assert fitted.resolved_params_["early_stopping"] == "folds"
            assert 1.0 - fitted.score(parts[1], parts[3]) <= most


@quiet  # some targets are noise
@pytest.mark.parametrize("kind", TARGETS)
def test_with_folds_one_network_is_trained_on_all_rows(kind):
    # without gains, since inputs fade only where rows evaluate the epochs
    fitted = SigmoidMLPClassifier(**FOLDS, input_gains=False).fit(X, TARGETS[kind])
    assert fitted.t_ == N * fitted.n_iter_
    assert fitted.n_iter_ <= fitted.best_epoch_ <= 12
    assert fitted.temperature_ != 1.0
    # the same epochs without folds lead to the same weights, but for the temperature in the last layer
    plain = fitted.resolved_params_ | dict(early_stopping=False, temperature_scaling=False, max_iter=fitted.n_iter_)
    plain["learning_rate"] = lambda fraction: falling(fraction * fitted.best_epoch_ / 12)
    other = SigmoidMLPClassifier(**plain).fit(X, TARGETS[kind])
    assert_allclose(fitted.coefs_[0], other.coefs_[0], rtol=1e-6)
    assert_allclose(fitted.coefs_[1] * fitted.temperature_, other.coefs_[1], rtol=1e-5)


def test_folds_train_the_published_regressor_on_all_rows():
    fitted = SigmoidMLPRegressor(**FOLDS, early_stopping="folds").fit(X, NUMBER)
    assert fitted.t_ == N * fitted.n_iter_
    assert fitted.temperature_ == 1.0
    assert SigmoidMLPRegressor(**FOLDS).fit(X, NUMBER).resolved_params_["early_stopping"] == "folds"


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize("n_members", [1, 2])
def test_the_history_has_the_joint_scores_of_the_folds(kind, n_members):
    """Their joint loss is the validation loss of an epoch; what was chosen is the best epoch."""
    fitted = kind(**FOLDS | {"n_members": n_members}).fit(X, LABEL if kind is SigmoidMLPClassifier else NUMBER)
    scores = fitted.validation_scores_
    assert fitted.n_iter_ == len(fitted.loss_curve_)
    assert fitted.best_epoch_ <= len(scores) <= 12
    assert fitted.best_validation_score_ == scores[fitted.best_epoch_ - 1]
    assert_array_equal(fitted.history_["validation_score"], scores * n_members)
    assert_array_equal(fitted.history_["validation_loss"], -np.array(scores * n_members))
    assert fitted.history_["loss"].notna().sum() == n_members * fitted.n_iter_
    assert ("member" in fitted.history_) == (n_members > 1)


def test_networks_that_learn_from_all_rows_take_as_many_steps_as_those_of_the_folds():
    """Of 90 rows of 120, three steps an epoch; of all of them, four: three quarters of the epochs."""
    rng = np.random.default_rng(0)
    table, y = rng.normal(size=(120, 3)), rng.normal(size=120)
    parameters = FOLDS | {"max_iter": 40, "batch_size": 30, "n_iter_no_change": 40, "learning_rate_init": 0.1}
    net = SigmoidMLPRegressor(**parameters).fit(table, y)
    assert net.best_epoch_ >= 25  # 75 steps at least
    assert net.n_iter_ == round(net.best_epoch_ * 3 / 4)
    rates = net.history_["learning_rate"].to_numpy()  # each step has the rate that it had among the folds
    last = falling((net.best_epoch_ - 1 / 3) / 40)
    assert rates[net.n_iter_ - 1] == pytest.approx(0.1 * last, rel=0.01)


@pytest.mark.parametrize("n_members", [1, 2])
def test_each_row_has_an_out_of_fold_prediction(n_members):
    """They are there where folds were asked for, of each row once on a small table.

    Their loss is near that of the chosen epoch: a row's own prediction is at the epoch that the other folds choose.
    """
    folds = FOLDS | {
        "n_members": n_members,
        "early_stopping": "folds",
        "dtype": "float64",
        "random_state": n_members % 2,
    }
    fitted = SigmoidMLPClassifier(**folds, label_smoothing=0.0).fit(X, LABEL, WEIGHT)
    p = fitted.oof_prediction_
    assert p.shape == (N, 3)
    assert np.isnan(p[WEIGHT == 0]).all()
    assert np.isfinite(p[WEIGHT > 0]).all()
    losses = -np.log(p[np.arange(N), LABEL])[WEIGHT > 0]
    score = -np.average(losses, weights=WEIGHT[WEIGHT > 0])
    assert score == pytest.approx(fitted.best_validation_score_, rel=0.1)
    number = SigmoidMLPRegressor(**folds).fit(X, NUMBER)
    assert number.oof_prediction_.shape == (N,)
    assert np.corrcoef(number.oof_prediction_, NUMBER)[0, 1] > 0.5
    for other in (SigmoidMLPClassifier(**FOLDS).fit(X, LABEL), fitted.partial_fit(X, LABEL)):
        with pytest.raises(AttributeError, match="only a fit with early_stopping='folds' keeps it"):
            other.oof_prediction_  # noqa: B018


@pytest.mark.parametrize(
    ("make", "n_events", "share"),
    [(SigmoidMLPClassifier, 59, 1.0), (SigmoidMLPClassifier, 60, 0.25),
     (partial(SigmoidMLPRegressor, loss="poisson"), 59, 1.0),
     (partial(SigmoidMLPRegressor, loss="poisson"), 60, 0.25), (SigmoidMLPRegressor, 59, 0.25)],
    ids=["rare class", "class", "rare count", "count", "number"],
)  # fmt: skip
def test_each_row_is_held_out_once_if_a_class_is_rare(make, n_events, share):
    y = (np.arange(600) < n_events).astype(int)
    net = make(**FOLDS | {"max_iter": 1, "early_stopping": "folds"}).fit(np.arange(600.0)[:, None], y)
    p = net.oof_prediction_.reshape(600, -1)[:, 0]
    assert np.isfinite(p).mean() == pytest.approx(share, abs=0.01)


def test_predictions_of_a_fold_do_not_depend_on_its_targets_where_these_encode_a_column():
    """Three rows a level: the means of a fold's training rows must not tell the labels of those that it holds out."""
    frame = pd.DataFrame({"city": [f"c{i % (N // 3)}" for i in range(N)], "number": X[:, 0]})
    group = np.random.default_rng(5).permutation(N) % 4  # one fold each
    label = LABEL > 0
    changed = label.copy()
    changed[group == 0] = label[group == 0][::-1]  # as many of each in all, by which means are scaled
    one_epoch = FOLDS | dict(max_iter=1, temperature_scaling=False, category_encoding="target", early_stopping="folds")
    first, second = (
        SigmoidMLPClassifier(**one_epoch).fit(frame, y, groups=group).oof_prediction_ for y in (label, changed)
    )
    assert_allclose(first[group == 0], second[group == 0], rtol=1e-6)
    assert (np.abs(first - second)[group != 0] > 1e-6).any()


def test_networks_of_folds_take_no_memory_while_others_learn_from_all_rows():
    """While a network trains, there are nine arrays as large as its weights.

    They are the weights, two moments and an average, a copy of each, and the gradient. Columns, of which there are few
    here, and what the first fit of a process imports take .9 more. With the folds' networks, it would be 15.
    """
    table = sp.random_array((200, 4_000), density=1e-2, rng=np.random.default_rng(0), format="csr")
    one_fold = dict(early_stopping="folds", validation_fraction=ShuffleSplit(1, random_state=0))
    net = SigmoidMLPClassifier(320, max_iter=2, random_state=0, **one_fold)
    tracemalloc.start()
    net.fit(table, np.arange(200) % 2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 11 * 4 * net.coefs_[0].size


@pytest.mark.parametrize(
    "parameters",
    [{"scoring": "accuracy"}, {"warm_start": True}, {"learning_rate": "constant"}, {"solver": "lbfgs"}],
)  # fmt: skip
def test_folds_or_held_out_rows(parameters):
    """What belongs to held-out rows makes "auto" hold some out, and is refused where folds are asked for."""
    name = next(iter(parameters))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = SigmoidMLPClassifier(**FOLDS | parameters).fit(X, LABEL)
    assert fitted.resolved_params_["early_stopping"] is True
    assert fitted.validation_scores_ is not None
    with pytest.raises(ValueError, match=rf"early_stopping='folds' does not go with {name}=.*early_stopping=True"):
        SigmoidMLPClassifier(**FOLDS | parameters, early_stopping="folds").fit(X, LABEL)
    with pytest.raises(ValueError, match=rf"=KFold.* gives folds, which do not go with {name}=.*give a fraction"):
        SigmoidMLPClassifier(**FOLDS | parameters, validation_fraction=KFold()).fit(X, LABEL)


def test_own_validation_rows_come_before_folds():
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    assert fitted.resolved_params_["early_stopping"] is True
    assert len(fitted.validation_scores_) == fitted.n_iter_


def test_folds_of_a_single_row_are_refused():
    with pytest.raises(ValueError, match="early_stopping='folds' takes two rows of positive weight at least"):
        SigmoidMLPClassifier(**FOLDS, early_stopping="folds").fit(X[:1], LABEL[:1])


def test_folds_that_diverge_name_the_rate():
    net = SigmoidMLPClassifier(**FOLDS | {"learning_rate_init": 1e30, "solver": "sgd", "clip_norm": None})
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.fit(X, LABEL)
    assert not hasattr(net, "coefs_")


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_an_interrupt_among_the_folds_leaves_the_first_folds_members(kind, n_members):
    y = LABEL if kind is SigmoidMLPClassifier else NUMBER
    net = kind(**FOLDS | {"n_members": n_members, "batch_size": N, "learning_rate": stops_at(1)})
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, y)
    assert not hasattr(net, "coefs_")
    with pytest.warns(UserWarning, match="interrupted by user.*first fold after epoch 2, trained"):
        net.set_params(learning_rate=stops_at(2 * 4 * n_members + 1)).fit(X, y)
    assert net.n_iter_ == len(net.validation_scores_) == 2
    assert net.coefs_[0].shape[1] == 4 * n_members
    assert net.predict(X).shape == (N,)
    assert not hasattr(net, "oof_prediction_")
    assert net.partial_fit(X, y).n_iter_ == 1


def test_an_interrupt_long_after_the_best_epoch_says_which_epoch_is_published():
    parameters = FOLDS | {"max_iter": 100, "n_iter_no_change": 100, "batch_size": 4, "learning_rate_init": 0.1}
    n_steps = sum(-(-(N - len(held_out)) // 4) for held_out in np.array_split(np.arange(N), 4))  # of an epoch of all
    net = SigmoidMLPRegressor(**parameters | {"learning_rate": stops_at(40 * n_steps + 1)})
    with pytest.warns(UserWarning, match="first fold after epoch 40, trained"):
        net.fit(X, NUMBER)
    assert net.n_iter_ == 40
    assert np.argmax(net.validation_scores_) < 38


def test_the_loss_at_weights_that_folds_have_helped_to_find():
    """Smoothed labels count, as they did in training."""
    fitted = SigmoidMLPClassifier(**FOLDS).fit(X, LABEL)
    smoothing = fitted.resolved_params_["label_smoothing"]
    loss = fitted.backpropagate(X, LABEL)[0]
    assert smoothing > 0.0
    assert loss == fitted.set_params(label_smoothing=smoothing).backpropagate(X, LABEL)[0]
    assert loss != fitted.set_params(label_smoothing=0.0).backpropagate(X, LABEL)[0]


# --- a splitter gives the folds --------------------------------------------------------------------------------------

BY_TIME = FOLDS | {"early_stopping": "folds", "validation_fraction": TimeSeriesSplit(4)}
FOLD = np.arange(N) % 3 - 1  # -1: in no test set


def rows_with_prediction(net, *data, **metadata):
    """Fit; return the numbers of the rows that have an out-of-fold prediction."""
    p = net.fit(*data, **metadata).oof_prediction_
    return np.flatnonzero(np.isfinite(p.reshape(N, -1)).all(axis=1))


@pytest.mark.parametrize("n_members", [1, 2])
def test_folds_of_a_splitter_choose_and_then_all_rows_are_learnt_from(n_members):
    # without gains, since inputs fade only where rows evaluate the epochs
    net = SigmoidMLPRegressor(**BY_TIME | {"n_members": n_members, "input_gains": False})
    assert_array_equal(rows_with_prediction(net, X, NUMBER), np.arange(N // 5, N))
    assert net.t_ == N * net.n_iter_ * n_members
    # what is chosen is trained on all rows: the same epochs without folds lead to the same weights
    plain = net.resolved_params_ | {"early_stopping": False, "validation_fraction": "auto", "max_iter": net.n_iter_}
    plain["learning_rate"] = lambda fraction: falling(fraction * net.best_epoch_ / 12)
    if n_members == 1:
        assert_allclose(net.coefs_[0], SigmoidMLPRegressor(**plain).fit(X, NUMBER).coefs_[0], rtol=1e-5)


@pytest.mark.parametrize("early_stopping", ["auto", True, "folds"])
@pytest.mark.parametrize("n", [30, N])
def test_a_splitter_means_folds_on_tables_of_any_size(early_stopping, n):
    net = SigmoidMLPClassifier(**BY_TIME | {"early_stopping": early_stopping}).fit(X[:n], LABEL[:n])
    assert net.resolved_params_["early_stopping"] == "folds"
    assert net.t_ == n * net.n_iter_
    again = SigmoidMLPClassifier(**net.resolved_params_).fit(X[:n], LABEL[:n])
    assert_array_equal(again.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_the_test_sets_of_splitters_mean_the_rows_passed_weightless_ones_too(weight):
    predefined = SigmoidMLPClassifier(**BY_TIME | {"validation_fraction": PredefinedSplit(FOLD)})
    positive = np.full(N, True) if weight is None else weight > 0
    assert_array_equal(rows_with_prediction(predefined, X, LABEL, weight), np.flatnonzero((FOLD >= 0) & positive))
    groups = np.arange(N) // 10
    first = GroupKFold(5)
    first.get_n_splits, splits = (lambda *given: 1), first.split
    first.split = lambda *given: list(splits(*given))[:1]
    [(_, held_out)] = first.split(X, LABEL, groups)
    by_group = SigmoidMLPClassifier(**BY_TIME | {"validation_fraction": first})
    expected = held_out[positive[held_out]]
    assert_array_equal(rows_with_prediction(by_group, X, LABEL, weight, groups=groups), expected)


def test_a_row_in_several_test_sets_keeps_its_first_prediction():
    """The mean of several networks would err less than the published one, and intervals would be too narrow."""
    halves = [(np.arange(75), np.arange(75, N)), (np.arange(75, N), np.arange(75)), (np.arange(50), np.arange(50, N))]
    nets = []
    for splits in halves[:2], halves:
        nets.append(SigmoidMLPRegressor(**BY_TIME | {"validation_fraction": Splits(splits), "max_iter": 1}))
        assert_array_equal(rows_with_prediction(nets[-1], X, NUMBER), np.arange(N))
    assert_allclose(nets[0].oof_prediction_, nets[1].oof_prediction_, rtol=1e-6)
    assert_allclose(nets[0].predict_interval(X), nets[1].predict_interval(X), rtol=1e-6)
    assert nets[0].validation_scores_ != nets[1].validation_scores_


class Splits:
    """A splitter of the splits that it is given."""

    def __init__(self, splits):
        self.splits = splits

    def get_n_splits(self):
        return len(self.splits)

    def split(self, X, y=None, groups=None):
        return iter(self.splits)


def test_a_splitter_chooses_the_temperature_and_sets_of_classes():
    net = SigmoidMLPClassifier(**BY_TIME | {"early_stopping": True}).fit(X, LABEL)
    assert net.temperature_ != 1.0
    assert net.predict_set(X).shape == (N, 3)
    assert not hasattr(net, "oof_prediction_")


@pytest.mark.parametrize("early_stopping", [True, "folds"])
def test_a_splitter_that_holds_out_few_rows_evaluates_nothing(early_stopping):
    """As few rows of a fraction do not: the best epoch for them is so by chance."""
    few = {"validation_fraction": Splits([(np.arange(5, N), np.arange(5)), (np.arange(9, N), np.arange(3, 9))])}
    net = SigmoidMLPRegressor(**BY_TIME | few | {"early_stopping": early_stopping})
    with pytest.warns(RuntimeWarning, match=rf"of {N} rows leaves fewer than 10 rows to hold out"):
        net.fit(X, NUMBER)
    assert not hasattr(net, "oof_prediction_")
    assert net.best_validation_score_ is None


def test_groups_are_routed_to_a_splitter():
    groups = np.arange(N) // 10
    with config_context(enable_metadata_routing=True):
        net = SigmoidMLPRegressor(**BY_TIME | {"validation_fraction": GroupKFold(3), "max_iter": 2})
        net.set_fit_request(groups=True)
        search = GridSearchCV(net, {"alpha": [0.0, 1.0]}, cv=GroupKFold(2)).fit(X, NUMBER, groups=groups)
    assert np.isfinite(search.best_estimator_.oof_prediction_).all()


@pytest.mark.parametrize("is_routed", [True, False])
@pytest.mark.parametrize(("kind", "y"), [(SigmoidMLPClassifier, LABEL), (SigmoidMLPRegressor, NUMBER)])
def test_routed_groups_reach_every_fit_of_a_search(kind, y, is_routed, monkeypatch):
    """As the guide says, they reach none without routing."""
    groups = np.arange(N) // 10
    groups_of_fits = []

    def draw_folds(n, strata, groups, seed, n_events):
        groups_of_fits.append(groups)
        return drawn_by(n, strata, groups, seed)

    drawn_by = planning.draw_folds
    monkeypatch.setattr(planning, "draw_folds", draw_folds)
    by_group = GroupKFold(2)
    with config_context(enable_metadata_routing=is_routed):
        net = kind(**FOLDS | {"max_iter": 2})
        if is_routed:
            net.set_fit_request(groups=True)
        GridSearchCV(net, {"alpha": [0.0, 1.0]}, cv=by_group).fit(X, y, groups=groups)
    inner = [groups[train] for train, _ in by_group.split(X, y, groups)]
    expected = [*inner, *inner, groups] if is_routed else [None] * 5  # two folds for each alpha, and the refit
    assert [None if found is None else found.tolist() for found in groups_of_fits] == [
        None if passed is None else passed.tolist() for passed in expected
    ]


@pytest.mark.parametrize(
    ("splitter", "parameters", "data", "message"),
    [
        (GroupKFold(5), {}, {}, "groups"),
        (GroupKFold(5), {}, {"groups": np.zeros(3)}, "groups"),
        (PredefinedSplit(np.zeros(N)), {}, {}, "leaves no rows to train on.*choose another splitter"),
        (PredefinedSplit(np.full(N, -1)), {}, {}, "makes no split"),
        (PredefinedSplit(np.where(np.arange(N + 9) < N, -1, 0)), {}, {}, "rows from 150 to 158"),
        (Splits([(np.arange(9), np.arange(9, N)), (np.arange(N), [])]), {}, {}, "leaves no rows to hold out"),
        (
            KFold(),
            {"early_stopping": False},
            {},
            "folds, which do not go with early_stopping=False: leave early_stopping",
        ),
        (
            KFold(),
            {"early_stopping": True},
            {"X_val": X_VAL, "y_val": NUMBER_VAL},
            "X_val does not go with validation_fraction=",
        ),
    ],
    ids=["no groups", "other groups", "all rows", "no rows", "more rows", "an empty part", "off", "rows of one's own"],
)
def test_unsuitable_splitters_raise(splitter, parameters, data, message):
    net = SigmoidMLPRegressor(**BY_TIME | {"validation_fraction": splitter} | parameters)
    with pytest.raises(ValueError, match=rf"(validation_fraction=)?(.|\n)*{message}"):
        net.fit(X, NUMBER, **data)
    assert not hasattr(net, "coefs_")


def test_partial_fit_asks_no_splitter():
    net = SigmoidMLPRegressor(**BY_TIME | {"early_stopping": False}).partial_fit(X, NUMBER)
    assert net.n_iter_ == 1
