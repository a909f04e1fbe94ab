"""Early stopping: which rows are held out, how an epoch is judged, which weights are kept."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sknet import Loss, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import quiet
from tests.estimators.held_out import (
    LABEL,
    LABEL_VAL,
    NUMBER,
    NUMBER_VAL,
    STOPPING,
    TARGETS,
    WEIGHT,
    X_VAL,
    N,
    X,
)

# --- which rows ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_the_held_out_part_has_its_share_of_every_label(kind, monkeypatch):
    y, seen = TARGETS[kind], {}

    def scorer(estimator, X, y):
        seen["y"] = y
        return 0.0

    SigmoidMLPClassifier(**STOPPING | {"scoring": scorer}).fit(X, y)
    assert len(seen["y"]) == 30
    for column, held_out in zip(y.reshape(N, -1).T, seen["y"].reshape(30, -1).T, strict=True):
        for label in np.unique(column):
            share = 0.2 * (column == label).sum()
            assert abs((held_out == label).sum() - share) <= (1 if y.ndim == 1 else 4)


@quiet
@pytest.mark.filterwarnings("ignore:y has a single row for each of the classes")
@pytest.mark.parametrize("counts", [[100, 30, 1, 1, 1], [5] * 30, [2] * 100, [149, 1]])
def test_early_stopping_takes_classes_of_few_rows(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    X = np.random.default_rng(1).normal(size=(len(y), 3))
    fitted = SigmoidMLPClassifier(**STOPPING).fit(X, y)
    assert len(fitted.classes_) == len(counts)
    assert len(fitted.validation_scores_) == fitted.n_iter_


@pytest.mark.parametrize("n", [1, 2, 9, 40])
def test_too_few_rows_to_hold_out(n):
    """A RuntimeWarning that says so; training is that without early stopping."""
    parameters = STOPPING | {"batch_size": 1}
    with pytest.warns(RuntimeWarning, match=rf"early_stopping.*validation_fraction=0.2 of {n} rows.*10 rows") as caught:
        one = SigmoidMLPRegressor(**parameters).fit(X[:n], NUMBER[:n])
    assert [warning.category for warning in caught] == [RuntimeWarning]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        other = SigmoidMLPRegressor(**parameters | {"early_stopping": False}).fit(X[:n], NUMBER[:n])
    assert_array_equal(one.predict(X), other.predict(X))
    assert one.validation_scores_ is None
    assert one.best_validation_score_ is None
    assert one.best_loss_ is not None


# --- the temperature


SCALED = STOPPING | {"learning_rate": "cosine", "label_smoothing": 0.1, "temperature_scaling": True}


def logits(net, X):
    """What the temperature divides, a column an output; those of a softmax but for a constant a row."""
    raw = net.activations(X)[-2] @ net.coefs_[-1] + net.intercepts_[-1]
    return raw - raw.mean(axis=1, keepdims=True) if net.out_activation_ == "softmax" else raw


@quiet
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("kind", TARGETS)
def test_the_temperature_scales_the_output_layer_and_nothing_else(kind, solver):
    y, once = TARGETS[kind], SCALED | {"solver": solver, "max_iter": 1}
    scaled, plain = (
        SigmoidMLPClassifier(**once | {"temperature_scaling": how}).fit(X, y, X_val=X[:40], y_val=y[:40])
        for how in (True, False)
    )
    factor = scaled.coefs_[-1].flat[0] / plain.coefs_[-1].flat[0]
    assert not 0.98 < factor < 1.02
    assert scaled.temperature_ == pytest.approx(1.0 / factor, rel=1e-12)
    assert plain.temperature_ == 1.0
    assert_allclose(scaled.coefs_[-1], factor * plain.coefs_[-1], rtol=1e-12)
    assert_allclose(scaled.intercepts_[-1], factor * plain.intercepts_[-1], rtol=1e-12)
    assert_array_equal(scaled.coefs_[0], plain.coefs_[0])
    assert_array_equal(scaled.predict(X), plain.predict(X))
    assert scaled.best_validation_score_ > plain.best_validation_score_


@pytest.mark.parametrize("weight", [np.ones(40), WEIGHT[:40]])
def test_no_other_temperature_is_better(weight):
    """Of rows that count so much that the prior does not."""
    net = SigmoidMLPClassifier(**SCALED).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL, sample_weight_val=1e9 * weight)

    def loss(factor):
        log_p = log_softmax(factor * logits(net, X_VAL), axis=1)[np.arange(40), LABEL_VAL]
        return -np.average(log_p, weights=weight)

    assert loss(1.0) < min(loss(0.99), loss(1.01))
    assert net.best_validation_score_ == pytest.approx(-loss(1.0), rel=1e-10)


def test_scorers_see_the_temperature():
    parameters = SCALED | {"scoring": "neg_log_loss"}
    net = SigmoidMLPClassifier(**parameters).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    assert_allclose(net.validation_scores_, -net.history_["validation_loss"], rtol=1e-10)


def test_by_default_every_epoch_is_judged_as_it_predicts():
    net = SigmoidMLPClassifier(random_state=0, max_iter=5, n_members=1).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    expected = get_scorer("neg_log_loss")(net, X_VAL, LABEL_VAL)
    assert net.best_validation_score_ == max(net.validation_scores_) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("conflict", [{"loss": "squared_error"}, {"max_norm": 1.0}, {"early_stopping": False}])
def test_temperature_scaling_conflicts_are_named(conflict):
    (name,) = conflict
    with pytest.raises(ValueError, match=f"temperature_scaling=True does not go with {name}="):
        SigmoidMLPClassifier(temperature_scaling=True, **conflict).fit(X, LABEL)


# --- the best epoch --------------------------------------------------------------------------------------------------


@quiet
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("scoring", ["loss", "r2"])
def test_the_best_epochs_weights_are_put_back_exactly(solver, scoring):
    parameters = STOPPING | {"solver": solver, "scoring": scoring, "hidden_layer_sizes": 30}
    parameters["learning_rate_init"] = 0.002 if solver == "rmsprop" else 0.1
    noise = np.random.default_rng(4).normal(size=40)
    one = SigmoidMLPRegressor(**parameters).fit(X, NUMBER, X_val=X_VAL, y_val=noise)
    best = int(np.argmax(one.validation_scores_)) + 1
    assert best < one.n_iter_
    again = SigmoidMLPRegressor(**parameters | {"max_iter": best}).fit(X, NUMBER, X_val=X_VAL, y_val=noise)
    for W, expected in zip(one.coefs_ + one.intercepts_, again.coefs_ + again.intercepts_, strict=True):
        assert_array_equal(W, expected)


def test_of_equal_epochs_the_latest_is_kept():
    """An accuracy on few rows soon stands still; the loss goes on falling."""
    scores = iter([0.5, 0.9, 0.9, 0.9, 0.8])
    parameters = STOPPING | {"max_iter": 5, "scoring": lambda *_: next(scores), "learning_rate": "cosine"}
    one = SigmoidMLPClassifier(**parameters).fit(X, LABEL)
    other = SigmoidMLPClassifier(
        **STOPPING | {"max_iter": 4, "learning_rate": lambda f: (1 + np.cos(0.8 * np.pi * f)) / 2}
    )
    other.set_params(scoring=lambda *_: 0.0).fit(X, LABEL)
    assert_allclose(one.predict_proba(X), other.predict_proba(X), rtol=1e-9)


def test_patience_is_counted_from_the_best_score_plus_tol():
    scores = iter([0.0, 0.05, 0.16, 0.2, 0.22, 0.24, 0.24, 0.24])
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": lambda *_: next(scores), "tol": 0.1}).fit(X, LABEL)
    assert fitted.n_iter_ == 7  # each of the last four is less than 0.1 above the best before it


def test_training_that_stops_on_the_score_has_no_best_loss():
    scores = iter([1.0] + [0.0] * 9)
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": lambda *_: next(scores)}).fit(X, LABEL)
    assert fitted.n_iter_ == 5
    assert fitted.best_loss_ is None


def test_the_best_score_is_that_of_the_chosen_epoch_even_if_an_earlier_call_had_a_higher_one():
    scores = iter([0.9, *[0.1] * 4, 0.5, *[0.2] * 4])
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": lambda *_: next(scores)}, warm_start=True).fit(X, LABEL)
    assert fitted.best_validation_score_ == 0.9
    fitted.fit(X, LABEL)
    assert fitted.validation_scores_[fitted.best_epoch_ - 1] == 0.5
    assert fitted.best_validation_score_ == 0.5


def test_scores_that_are_no_numbers_never_win():
    scores = iter([np.nan, 0.3, np.nan, np.nan, np.nan, np.nan])
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": lambda *_: next(scores)}).fit(X, LABEL)
    assert fitted.best_validation_score_ == 0.3


class SquaredError:
    """The value of a loss of one's own, which is NaN at one of its calls for so many rows."""

    def __init__(self, n_rows, nan_at):
        self.n_rows, self.n_left = n_rows, nan_at

    def __call__(self, raw, target):
        self.n_left -= len(raw) == self.n_rows
        is_nan = len(raw) == self.n_rows and self.n_left == 0
        return np.full(len(raw), np.nan) if is_nan else 0.5 * ((raw - target) ** 2).mean(axis=1)


@quiet  # training ends before it has converged
@pytest.mark.parametrize(
    ("early_stopping", "n_held_out", "first"), [("folds", N, 7), (True, 30, 1)], ids=["folds", "held-out rows"]
)
def test_an_epoch_whose_loss_is_nan_does_not_keep_later_ones_from_being_chosen(early_stopping, n_held_out, first):
    """The loss is NaN at the first epoch that may be chosen. With folds, it ends after step 75."""
    parameters = STOPPING | {"early_stopping": early_stopping, "batch_size": 10, "max_iter": 12}
    parameters |= {"learning_rate": "cosine"}  # folds need a schedule that ends
    nets = []
    for nan_at in (0, first):
        loss = Loss("mine", SquaredError(n_held_out, nan_at), lambda raw, target: (raw - target) / raw.shape[1])
        nets.append(SigmoidMLPRegressor(**parameters, loss=loss).fit(X, NUMBER))
    without, with_nan = nets
    assert np.flatnonzero(np.isnan(with_nan.validation_scores_)).tolist() == [first - 1]
    assert with_nan.best_epoch_ == without.best_epoch_ > first
    assert_array_equal(with_nan.predict(X), without.predict(X))


# --- partial_fit and warm start --------------------------------------------------------------------------------------


def test_partial_fit_neither_validates_nor_stops():
    on, off = (SigmoidMLPRegressor(**STOPPING | {"early_stopping": e, "tol": 1e9}) for e in (True, False))
    for _ in range(10):
        on.partial_fit(X, NUMBER)
        off.partial_fit(X, NUMBER)
    assert_array_equal(on.predict(X), off.predict(X))
    assert len(on.loss_curve_) == 10
    assert on.validation_scores_ is None


@quiet
def test_partial_fit_after_early_stopping_goes_on_from_the_best_epoch():
    fitted = SigmoidMLPRegressor(**STOPPING).fit(X, NUMBER)
    before = fitted.loss_curve_
    fitted.partial_fit(X, NUMBER)
    assert len(fitted.loss_curve_) == len(before) + 1
    assert fitted.n_iter_ == 1


@quiet
def test_the_best_epoch_after_a_warm_start_is_an_index_of_the_scores():
    net = SigmoidMLPRegressor(**STOPPING | {"warm_start": True, "max_iter": 5})
    first = net.fit(X, NUMBER).n_iter_
    scores = np.array(net.fit(X, NUMBER).validation_scores_)
    assert net.best_epoch_ == first + 1 + np.argmax(scores[first:])
    net.set_params(early_stopping=False).fit(X, NUMBER)
    assert net.best_epoch_ == len(net.loss_curve_)
    assert net.partial_fit(X, NUMBER).best_epoch_ == len(net.loss_curve_)


@quiet
def test_a_warm_start_holds_out_the_same_rows():
    seen = []

    def scorer(estimator, X, y):
        seen.append(X[:, 0])
        return -float(len(seen))

    fitted = SigmoidMLPRegressor(**STOPPING | {"warm_start": True, "scoring": scorer})
    fitted.set_params(random_state=None)
    for _ in range(3):
        fitted.fit(X, NUMBER)
    for rows in seen:
        assert_array_equal(rows, seen[0])
    again = pickle.loads(pickle.dumps(fitted.set_params(scoring="loss").fit(X, NUMBER)))
    again.set_params(scoring=scorer).fit(X, NUMBER)
    assert_array_equal(seen[-1], seen[0])
    other = SigmoidMLPRegressor(**STOPPING | {"scoring": scorer, "random_state": 7})
    other.fit(X, NUMBER)
    assert (seen[-1] != seen[0]).any()


# --- a validation set of one's own -----------------------------------------------------------------------------------


@quiet
def test_ones_own_validation_set_leaves_all_rows_to_training():
    fitted = SigmoidMLPRegressor(**STOPPING).fit(X, NUMBER, X_val=X_VAL, y_val=NUMBER_VAL)
    assert fitted.t_ == N * fitted.n_iter_
    assert len(fitted.validation_scores_) == fitted.n_iter_


@quiet
def test_ones_own_validation_set_turns_auto_on_even_if_small():
    fitted = SigmoidMLPRegressor(**STOPPING | {"early_stopping": "auto"}).fit(X, NUMBER, X_val=X[:2], y_val=NUMBER[:2])
    assert fitted.validation_scores_ is not None


@quiet
def test_ones_own_validation_set_of_any_kind():
    frame, labels = pd.DataFrame(X, columns=list("abcd")), pd.Series(TARGETS["binary"])
    one = SigmoidMLPClassifier(**STOPPING).fit(frame, labels, X_val=frame[:40], y_val=labels[:40])
    other = SigmoidMLPClassifier(**STOPPING).fit(X, labels, X_val=X[:40], y_val=labels[:40])
    assert_array_equal(one.predict_proba(frame), other.predict_proba(X))
    sparse = sp.csc_array(np.where(np.abs(X) > 1, X, 0.0))
    fitted = SigmoidMLPClassifier(**STOPPING).fit(sparse, LABEL, X_val=sparse.tocoo().tocsr()[:40], y_val=LABEL_VAL)
    assert fitted.validation_scores_ is not None


@pytest.mark.parametrize(
    "own, message",
    [
        ({"X_val": X_VAL}, "X_val is provided, but y_val was not provided. Give X_val and y_val"),
        ({"y_val": NUMBER_VAL}, "y_val is provided, but X_val was not provided. Give X_val and y_val"),
        ({"sample_weight_val": np.ones(40)}, "sample_weight_val is provided, but X_val was not provided."),
        ({"X_val": X_VAL[:, :3], "y_val": NUMBER_VAL}, "X has 3 features.*expecting 4"),
        ({"X_val": X_VAL, "y_val": NUMBER_VAL[:7]}, "X_val has 40 rows and y_val 7. Give each row a target"),
        ({"X_val": X_VAL[0], "y_val": NUMBER_VAL}, "^X_val: Expected 2D array, got 1D"),
        ({"X_val": pd.DataFrame(X_VAL * np.inf), "y_val": NUMBER_VAL}, "^X_val: Column '0' of X contains inf"),
        ({"X_val": X_VAL, "y_val": NUMBER_VAL, "sample_weight_val": -np.ones(40)}, "sample_weight_val holds a neg"),
        ({"X_val": X_VAL, "y_val": np.full(40, np.nan)}, "NaN"),
    ],
)
def test_unsuitable_validation_sets_are_refused(own, message):
    with pytest.raises(ValueError, match=message):
        SigmoidMLPRegressor(**STOPPING).fit(X, NUMBER, **own)


def test_ones_own_validation_set_wants_early_stopping():
    with pytest.raises(ValueError, match="X_val does not go with early_stopping=False: leave early_stopping"):
        SigmoidMLPRegressor(**STOPPING | {"early_stopping": False}).fit(X, NUMBER, X_val=X_VAL, y_val=NUMBER_VAL)


def test_unknown_labels_in_ones_own_validation_set():
    with pytest.raises(ValueError, match=r"y_val.*9|9.*classes"):
        SigmoidMLPClassifier(**STOPPING).fit(X, LABEL, X_val=X_VAL, y_val=np.full(40, 9))


@quiet
def test_in_a_pipeline_the_validation_set_is_transformed_as_the_training_set():
    with config_context(enable_metadata_routing=True):
        net = SigmoidMLPRegressor(**STOPPING).set_fit_request(X_val=True, y_val=True, sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, net, transform_input=["X_val"])
        pipeline.fit(X, NUMBER, X_val=X_VAL, y_val=NUMBER_VAL, sample_weight=WEIGHT + 1.0)
        scaler = StandardScaler().fit(X)
        by_hand = SigmoidMLPRegressor(**STOPPING)
        by_hand.fit(scaler.transform(X), NUMBER, WEIGHT + 1.0, X_val=scaler.transform(X_VAL), y_val=NUMBER_VAL)
    assert pipeline[-1].validation_scores_ == by_hand.validation_scores_
    assert_array_equal(pipeline.predict(X), by_hand.predict(scaler.transform(X)))


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_are_held_out_together():
    seen, groups = {}, np.arange(N) // 10

    def scorer(estimator, X, y):
        seen["x"] = X[:, 0]
        return 0.0

    net = SigmoidMLPRegressor(**STOPPING | {"scoring": scorer, "batch_size": 16}).fit(X, NUMBER, groups=groups)
    held_out = np.isin(X[:, 0], seen["x"])
    assert held_out.sum() == 30
    assert all(held_out[groups == g].all() or not held_out[groups == g].any() for g in groups)
    with pytest.raises(ValueError, match="groups holds a single group"):
        net.fit(X, NUMBER, groups=np.zeros(N))


@pytest.mark.parametrize(("parameters", "n", "validation", "why"), [
    ({"early_stopping": False}, N, {}, "early_stopping=False holds none of 150 rows out. Set early_stopping=True"),
    ({"early_stopping": "auto"}, 39, {}, "early_stopping='auto' holds none of 39 rows out. Set early_stopping=True"),
    ({}, N, {"X_val": X_VAL, "y_val": NUMBER_VAL}, "X_val and y_val evaluate the epochs. Leave groups out"),
])  # fmt: skip
@quiet
def test_groups_without_effect_are_told(parameters, n, validation, why):
    net = SigmoidMLPRegressor(**STOPPING | {"max_iter": 1} | parameters)
    with pytest.warns(UserWarning, match=f"groups has no effect, as {why}"):
        net.fit(X[:n], NUMBER[:n], groups=np.arange(n) // 10, **validation)


# --- weights ---------------------------------------------------------------------------------------------------------


@quiet
def test_validation_is_weighted_as_training_is():
    """With a validation set of one's own, weights are repeated rows in every epoch's score."""
    times, full = WEIGHT.astype(int), STOPPING | {"n_iter_no_change": 100}
    weight_val = np.arange(40) % 3
    one = SigmoidMLPRegressor(**full | {"batch_size": int((times > 0).sum())})
    one.fit(X, NUMBER, WEIGHT, X_val=X_VAL, y_val=NUMBER_VAL, sample_weight_val=weight_val)
    rows, rows_val = np.repeat(np.arange(N), times), np.repeat(np.arange(40), weight_val)
    other = SigmoidMLPRegressor(**full | {"batch_size": len(rows)})
    other.fit(X[rows], NUMBER[rows], X_val=X_VAL[rows_val], y_val=NUMBER_VAL[rows_val])
    assert_allclose(one.validation_scores_, other.validation_scores_, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_warm_start_says_where_it_may_hold_out_rows_that_it_has_seen():
    net = SigmoidMLPRegressor(**STOPPING | {"warm_start": True})
    net.fit(X[:-5], NUMBER[:-5]).fit(X[:-5], NUMBER[:-5])  # the same rows are held out
    with pytest.warns(
        RuntimeWarning,
        match=r"validation_fraction=.* of the rows is held out.*has held out other rows.*may have been trained on",
    ):
        net.fit(X, NUMBER)
    net.fit(X, NUMBER)
    net.fit(X, NUMBER, X_val=X[:20], y_val=NUMBER[:20])
    with pytest.warns(RuntimeWarning, match="the earlier call trained on all rows.*Pass X_val and y_val"):
        net.fit(X, NUMBER)
    net.set_params(validation_fraction=0.45)
    with pytest.warns(RuntimeWarning, match="validation_fraction=0.45"):
        net.fit(X, NUMBER)
    net.set_params(early_stopping=False).fit(X, NUMBER)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("changed", ["labels", "groups", "order"])
def test_a_warm_start_with_rows_held_out_by_other_labels_or_groups_says_so(changed):
    groups = np.arange(N) // 2
    labels, arguments = NUMBER > 0, {"groups": groups} if changed == "groups" else {}
    net = SigmoidMLPClassifier(**STOPPING | {"warm_start": True}).fit(X, labels, **arguments)
    net.fit(X, labels, **arguments)
    labels = labels.copy()
    if changed == "labels":
        labels[:6] ^= True
    elif changed == "order":
        labels = labels[::-1]
    else:
        arguments = {"groups": groups[::-1] // 2}
    with pytest.warns(RuntimeWarning, match="the earlier call has held out other rows"):
        net.fit(X, labels, **arguments)


def test_auto_trains_quietly_without_validation_where_too_few_rows_would_be_held_out():
    X = np.random.default_rng(0).normal(size=(1200, 2))
    net = SigmoidMLPRegressor((), max_iter=2, tol=0.0, validation_fraction=0.002, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        net.fit(X, X[:, 0])
    assert net.validation_scores_ is None
    assert net.t_ == 2 * 1200


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_warm_starts_on_a_table_that_grows_say_so_once():
    net = SigmoidMLPRegressor(**STOPPING | {"warm_start": True, "max_iter": 2}).fit(X[:60], NUMBER[:60])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for n in (80, 100, 120):
            net.fit(X[:n], NUMBER[:n])
    assert len([warning for warning in caught if "this is a warm start" in str(warning.message)]) == 1
