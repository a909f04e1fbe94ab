"""Rows of weight 0 may hold anything, through every door: NaN, infinity, labels that no other row has."""

from collections import deque

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from tests.estimators.data import LABEL, NUMBER, N, X

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
WEIGHT = rng.integers(0, 4, N).astype(float)
KEPT = WEIGHT > 0
SMALL = dict(hidden_layer_sizes=5, max_iter=4, batch_size=8, random_state=3, early_stopping=False)


def outputs(net):
    """Everything an estimator predicts."""
    return getattr(net, "predict_proba", net.predict)(X)


ZEROS = {
    "numbers": (SigmoidMLPRegressor, NUMBER, np.nan),
    "labels": (SigmoidMLPClassifier, LABEL, 7),
    "text": (SigmoidMLPClassifier, np.array(["no", "yes"], dtype=object)[np.minimum(LABEL, 1)], "maybe"),
    "missing label": (SigmoidMLPClassifier, LABEL.astype(float), np.nan),
}
FORMS = {
    "array": lambda values: values,
    "list": lambda values: values.tolist(),
    "sequence": lambda values: deque(values.tolist()),
    "frame": lambda values: (
        pd.Series(values, index=np.arange(len(values)) // 2) if values.ndim == 1 else pd.DataFrame(values)
    ),
}


@pytest.fixture(params=ZEROS)
def zeros(request):
    """An estimator's class, targets, and a table and targets that are other ones in rows of weight 0 only."""
    kind, y, bad = ZEROS[request.param]
    return kind, y, np.where(KEPT[:, np.newaxis], X, np.inf), np.where(KEPT, y, bad)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_nothing_depends_on_what_rows_of_weight_0_hold(zeros, form):
    kind, y, table, targets = zeros
    one, other = kind(**SMALL), kind(**SMALL)
    for method in ("fit", "partial_fit", "partial_fit"):
        getattr(one, method)(form(table), form(targets), sample_weight=WEIGHT)
        getattr(other, method)(form(X[KEPT]), form(y[KEPT]), sample_weight=WEIGHT[KEPT])
        assert_array_equal(outputs(one), outputs(other))
    expected = other.backpropagate(X[KEPT], y[KEPT], WEIGHT[KEPT])[0]
    assert one.backpropagate(form(table), form(targets), WEIGHT)[0] == expected
    expected = other.score(form(X[KEPT]), form(y[KEPT]), WEIGHT[KEPT])
    assert one.score(form(table), form(targets), WEIGHT) == pytest.approx(expected, rel=1e-12)


def test_nothing_depends_on_what_rows_of_weight_0_hold_beside_the_table(zeros):
    kind, y, table, targets = zeros
    parameters = SMALL | {"early_stopping": True}
    one, other = kind(**parameters), kind(**parameters)
    one.fit(X, y, X_val=table, y_val=targets, sample_weight_val=WEIGHT)
    other.fit(X, y, X_val=X[KEPT], y_val=y[KEPT], sample_weight_val=WEIGHT[KEPT])
    assert one.validation_scores_ == other.validation_scores_
    cut = np.flatnonzero(~KEPT)[:2]  # the second chunk has no row of positive weight
    for net in (one, other):
        net.set_params(early_stopping=False)
    pieces = [slice(0, cut[0]), slice(cut[0], cut[0] + 1), slice(cut[0] + 1, N)]
    stream.fit(one, lambda: ((table[rows], targets[rows], WEIGHT[rows]) for rows in pieces))
    stream.fit(other, lambda: iter([(X[KEPT], y[KEPT], WEIGHT[KEPT])]))
    assert_array_equal(outputs(one), outputs(other))


def test_a_memory_mapped_table_may_have_rows_of_weight_0(tmp_path):
    np.save(tmp_path / "X.npy", np.where(KEPT[:, np.newaxis], X, np.inf))
    one = SigmoidMLPRegressor(**SMALL).fit(np.load(tmp_path / "X.npy", mmap_mode="r"), NUMBER, WEIGHT)
    assert_array_equal(one.predict(X), SigmoidMLPRegressor(**SMALL).fit(X[KEPT], NUMBER[KEPT], WEIGHT[KEPT]).predict(X))
    weight = WEIGHT.copy()
    weight[np.flatnonzero(~KEPT)[-1]] = 1.0
    with pytest.raises(ValueError, match="Column 'x0' of X contains infinity"):
        SigmoidMLPRegressor(**SMALL).fit(np.load(tmp_path / "X.npy", mmap_mode="r"), NUMBER, weight)


def test_messages_count_rows_of_weight_0():
    y = np.where(np.arange(N) == 20, np.nan, NUMBER)
    weight = np.where(np.arange(N) < 5, 0.0, 1.0)
    for net in (SigmoidMLPRegressor(), SigmoidMLPClassifier()):
        with pytest.raises(ValueError, match="row 20"):
            net.fit(X, y, weight)
    with pytest.raises(ValueError, match="X has 60 rows and y 59"):
        SigmoidMLPRegressor().fit(X, NUMBER[1:], weight)
    groups = np.where(np.arange(N) == 20, None, "a")
    with pytest.raises(ValueError, match="groups has no group for row 20"):
        SigmoidMLPRegressor().fit(X, NUMBER, weight, groups=groups)


@pytest.mark.parametrize(
    "no_rows", [set(range(N)), dict.fromkeys(range(N)), "a" * N], ids=lambda value: type(value).__name__
)
def test_what_has_no_rows_is_refused_by_name(no_rows):
    weight = np.where(np.arange(N) < 5, 0.0, 1.0)
    for wrong, name in (((no_rows, NUMBER), "X"), ((X, no_rows), "y")):
        with pytest.raises((TypeError, ValueError), match=f"^{name}"):  # of a text: that it is no table
            SigmoidMLPRegressor().fit(*wrong, weight)
    with pytest.raises((TypeError, ValueError), match="^groups "):
        SigmoidMLPRegressor().fit(X, NUMBER, weight, groups=no_rows)
