"""Targets of which some are missing in a row: they have no part in loss, gradient, scale, score or residuals."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import PredefinedSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream

rng = np.random.default_rng(0)
N = 300
X = rng.normal(size=(N, 3))
NUMBERS = np.column_stack([10.0 + X[:, 0], 100.0 * X[:, 1] ** 2])
GONE = rng.random((N, 2)) < 0.3
GONE[GONE.all(axis=1)] = [True, False]  # each row keeps one target
LABELS = (NUMBERS > [10.0, 50.0]).astype(int)
TEXT = np.column_stack([np.where(LABELS[:, 0], "a", "b").astype(object), np.digitize(NUMBERS[:, 1], [30.0, 90.0])])
QUICK = dict(hidden_layer_sizes=8, max_iter=30, random_state=0, learning_rate_init=0.02)
FULL = dict(QUICK, batch_size=N, shuffle=False, early_stopping=False, n_members=1, dtype="float64", max_iter=5)


def with_gaps(y, gap):
    return np.where(GONE, gap, y.astype(object))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile", "poisson"])
def test_what_is_missing_counts_in_no_loss_and_no_gradient(loss):
    """A row of two targets is the two rows that have one of them each, for half of each loss."""
    net = SigmoidMLPRegressor(**FULL, loss=loss).fit(X, NUMBERS)
    value, coefs, intercepts = net.set_params(alpha=0.0).backpropagate(X, NUMBERS)
    apart = [np.where([True, False], NUMBERS, np.nan), np.where([False, True], NUMBERS, np.nan)]
    doubled, coefs_of_both, intercepts_of_both = net.backpropagate(np.vstack([X, X]), np.vstack(apart))
    assert doubled == pytest.approx(value / 2.0, rel=1e-12)
    for one, both in zip([*coefs, *intercepts], [*coefs_of_both, *intercepts_of_both], strict=True):
        assert_allclose(both, one / 2.0, rtol=1e-9, atol=1e-13)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "options", [{}, {"early_stopping": False}, {"solver": "lbfgs", "learning_rate": "constant"}], ids=str
)
def test_values_where_a_target_is_missing_change_nothing(options):
    """As they would, were they read at all: another fit is the same bit for bit."""
    gaps = np.where(GONE, np.nan, NUMBERS)
    first = SigmoidMLPRegressor(**QUICK | options).fit(X, gaps)
    second = SigmoidMLPRegressor(**QUICK | options).fit(X, pd.DataFrame(gaps).astype("Float64"))
    assert_array_equal(first.predict(X), second.predict(X))
    assert first.score(X, gaps) > 0.6
    assert first.score(X, NUMBERS) > 0.6


def test_scale_score_and_intervals_are_those_of_the_targets_that_are_there():
    gaps = np.where(GONE, np.nan, NUMBERS)
    net = SigmoidMLPRegressor(**QUICK, input_gains=False).fit(X, gaps)  # it hardly overfits: all rows are as new ones
    scaler = net._fitted.model.head.regression_target.scaler
    assert_allclose(scaler.mean, np.nanmean(gaps, axis=0))
    assert_allclose(scaler.scale, np.nanstd(gaps, axis=0))
    predicted, present = net.predict(X), ~GONE
    r2 = [
        1.0 - np.sum((y - p)[rows] ** 2) / np.sum((y[rows] - y[rows].mean()) ** 2)
        for y, p, rows in zip(NUMBERS.T, predicted.T, present.T, strict=True)
    ]
    assert net.score(X, gaps) == pytest.approx(np.mean(r2))
    ends = net.predict_interval(X, coverage=0.8)
    inside = (ends[..., 0] <= NUMBERS) & (ends[..., 1] >= NUMBERS)
    assert inside.mean(axis=0) == pytest.approx(0.8, abs=0.12)
    assert net._fitted.residuals.of_all.effective_size == present.sum(axis=0).min()


@pytest.fixture(scope="module")
def fitted_to_nan():
    return SigmoidMLPClassifier(**QUICK).fit(X, np.where(GONE, np.nan, LABELS))


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA], ids=str)
def test_of_several_labels_some_may_be_missing(gap, fitted_to_nan):
    net = SigmoidMLPClassifier(**QUICK).fit(X, with_gaps(LABELS, gap))
    assert_array_equal(net.classes_, [0, 1])
    assert net.predict(X).dtype == int
    assert net.score(X, LABELS) > 0.85
    assert net.score(X, with_gaps(LABELS, gap)) >= net.score(X, LABELS)
    assert_array_equal(fitted_to_nan.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"loss": "squared_error"}], ids=str)
def test_of_several_outputs_some_labels_may_be_missing(options):
    gaps = pd.DataFrame(with_gaps(TEXT, None))
    net = SigmoidMLPClassifier(**QUICK, **options).fit(X, gaps)
    assert [classes.tolist() for classes in net.classes_] == [["a", "b"], [0, 1, 2]]
    assert net.score(X, gaps) > 0.8
    value, coefs, _ = net.backpropagate(X, gaps)
    assert np.isfinite(value)
    assert all(np.isfinite(coef).all() for coef in coefs)


def test_partial_fit_takes_chunks_in_which_a_target_is_missing_everywhere():
    net = SigmoidMLPRegressor(**QUICK).partial_fit(X, NUMBERS)
    net.partial_fit(X, np.where([False, True], np.nan, NUMBERS))
    labels = SigmoidMLPClassifier(**QUICK).partial_fit(X, LABELS, classes=[0, 1])
    labels.partial_fit(X, np.where([False, True], np.nan, LABELS))
    assert np.isfinite(net.predict(X)).all()
    assert np.isfinite(labels.predict_proba(X)).all()


def test_a_stream_has_gaps_too_and_intervals_that_end_at_0():
    gaps = np.where(GONE, np.nan, NUMBERS)

    def chunks():
        for start in range(0, N, 100):
            yield X[start : start + 100], gaps[start : start + 100]

    net = stream.fit(SigmoidMLPRegressor(**QUICK | {"batch_size": 32}), chunks)
    assert net.score(X, NUMBERS) > 0.5
    assert net.predict_interval(X, coverage=0.8)[:, 1].min() >= 0.0


def test_a_category_is_encoded_by_the_targets_that_are_there():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"town": pd.Categorical(rng.integers(0, 6, N).astype(str)), "x": X[:, 0]})
    y = np.column_stack([frame["town"].cat.codes, X[:, 0]]).astype(float)
    net = SigmoidMLPRegressor(**QUICK, category_encoding="target").fit(frame, np.where(GONE, np.nan, y))
    assert net.score(frame, y) > 0.8


WITH_CATEGORIES = pd.DataFrame({"town": np.arange(N) // 10 % 12, "x": X[:, 0]}).astype({"town": "category"})


@pytest.mark.parametrize("kind, y", [(SigmoidMLPRegressor, NUMBERS), (SigmoidMLPClassifier, LABELS)])
def test_a_chunk_without_a_target_keeps_the_target_means(kind, y):
    net = kind(**QUICK, category_encoding="target").partial_fit(WITH_CATEGORIES, y)
    before = net.activations(WITH_CATEGORIES)[0]
    net.partial_fit(WITH_CATEGORIES, np.where([False, True], np.nan, y))
    assert_array_equal(net.activations(WITH_CATEGORIES)[0], before)
    assert np.isfinite(net.predict(WITH_CATEGORIES)).all()


def test_a_fold_may_have_no_value_of_a_target_that_encodes_categories():
    fold = np.arange(N) % 2
    gaps = np.where((fold == 0)[:, np.newaxis] | [True, False], NUMBERS, np.nan)
    options = {"validation_fraction": PredefinedSplit(fold), "early_stopping": "folds", "category_encoding": "target"}
    net = SigmoidMLPRegressor(**QUICK | options).fit(WITH_CATEGORIES, gaps)
    assert np.isfinite(net.oof_prediction_).all()


NONE_IN_ROW = np.where(np.arange(N)[:, np.newaxis] == 3, np.nan, 1.0)


@pytest.mark.parametrize(
    ("estimator", "y", "message"),
    [
        (SigmoidMLPRegressor, NUMBERS * NONE_IN_ROW, "Input y contains NaN, in row 3: leave such"),
        (SigmoidMLPRegressor, NUMBERS[:, 0] * NONE_IN_ROW[:, 0], "Input y contains NaN, in row 3: leave such rows out"),
        (SigmoidMLPRegressor, NUMBERS * [1.0, np.nan], "y has no value in column 1: leave that column out"),
        (SigmoidMLPClassifier, LABELS * NONE_IN_ROW, "Input y contains NaN and nothing else in row 3: leave out rows"),
        (SigmoidMLPClassifier, LABELS[:, 0] * NONE_IN_ROW[:, 0], "some labels are missing, that of row 3 first"),
        (SigmoidMLPClassifier, LABELS * [1.0, np.nan], "y has no label in column 1: leave that column out"),
    ],
)
def test_rows_and_columns_without_any_target_are_named(estimator, y, message):
    with pytest.raises(ValueError, match=message):
        estimator().fit(X, y)
