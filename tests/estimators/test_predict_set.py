"""`predict_set` of prediction_methods.py: sets of classes from rows that the last fit held out, or a named error."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPClassifier, stream
from tests.estimators.data import HELD_OUT

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
LABEL = rng.permutation(["a", "b", "c"])[np.digitize(X[:, 0] + 0.5 * rng.normal(size=300), [-0.5, 0.7])]


def covered(sets, codes):
    return sets[np.arange(len(codes)), codes]


def simulated(i, n):
    """Rows of the i-th kind of table: two to four classes, of one size or of several."""
    new = np.random.default_rng(i)
    table, edges = new.normal(size=(n, 4)), [[0.0], [-0.5, 0.5], [-1.0, 0.0, 1.2]][i % 3]
    return table, np.digitize(np.sin(2.0 * table[:, 0]) + table[:, 1] + 0.8 * new.normal(size=n), edges)


@pytest.mark.parametrize("n_members", [1, 2])
def test_thresholds_are_quantiles_of_the_probabilities_of_rows_of_ones_own(n_members):
    net = SigmoidMLPClassifier(**HELD_OUT, n_members=n_members, dtype="float64")
    net.fit(X[:200], LABEL[:200], X_val=X[200:], y_val=LABEL[200:])
    p, sets = net.predict_proba(X), net.predict_set(X, coverage=0.8)
    assert sets.shape == (300, 3)
    assert sets.dtype == bool
    for code, label in enumerate(net.classes_):
        p_of_class = p[200:][LABEL[200:] == label]
        residuals = np.sort(np.where(p_of_class.argmax(axis=1) == code, 0.0, 1.0 - p_of_class[:, code]))
        largest = residuals[int(np.ceil(0.8 * (len(p_of_class) + 1))) - 1]
        near = np.abs(1.0 - p[:, code] - largest) < 1e-9  # the quantile itself, up to rounding
        expected = (1.0 - p[:, code] <= largest) | (p.argmax(axis=1) == code)
        assert_array_equal(sets[~near, code], expected[~near])


@pytest.mark.parametrize("weight", [None, rng.integers(1, 4, 300).astype(float)])
def test_with_folds_prediction_sets_come_from_out_of_fold_predictions(weight):
    """All of them below 500 rows: each row once; weight or none, of each class by itself."""
    net = SigmoidMLPClassifier(4, max_iter=5, random_state=0, early_stopping="folds", input_gains=False)
    net.fit(X, LABEL, weight)
    p, codes = net.oof_prediction_, np.searchsorted(net.classes_, LABEL)
    largest = net._fitted.residuals.conformal_quantile(0.8)
    residuals = np.where(p == p.max(axis=1, keepdims=True), 0.0, 1.0 - p.astype(float))[np.arange(300), codes]
    residuals += np.sqrt(residuals * (1.0 - residuals) * (1 / 225 - 1 / 300))  # a fold's networks know fewer rows
    for code in range(3):
        rows = codes == code
        share = np.average((residuals <= largest[code] + 1e-9)[rows], weights=None if weight is None else weight[rows])
        assert share == pytest.approx(0.8, abs=0.03) or (largest[code] == 0.0 and share > 0.8)


def test_default_classifiers_cover_new_rows_of_each_class():
    shares = []
    for i in range(8):
        (table, y), n = simulated(i, 2400), (400, 700)[i % 2]
        net = SigmoidMLPClassifier(16, max_iter=30, random_state=i).fit(table[:n], y[:n])
        assert net.resolved_params_["early_stopping"] == "folds"
        assert net.resolved_params_["n_members"] == 2
        inside = covered(net.predict_set(table[n:]), y[n:])
        shares += [inside[y[n:] == code].mean() for code in range(y.max() + 1)]
    assert np.mean(shares) == pytest.approx(0.9, abs=0.03)
    assert min(shares) > 0.75  # from some 30 rows of a class, a share scatters by .05


def rare(seed, n):
    """Rows of a table with a class of one row in twenty, which overlaps with the others."""
    new = np.random.default_rng(seed)
    y = new.choice(3, n, p=[0.6, 0.35, 0.05])
    return new.normal(size=(n, 3)) + np.array([[0.0, 0, 0], [1.5, 0, 0], [0, 1.2, 0]])[y], y


def test_a_rare_class_is_covered_as_the_others_are():
    shares = []
    for seed in range(6):
        net = SigmoidMLPClassifier(8, max_iter=20, random_state=seed).fit(*rare(seed, 490))
        new, classes = rare(100 + seed, 6000)
        inside = covered(net.predict_set(new, 0.9, per_class=True), classes)
        shares.append([inside[classes == code].mean() for code in range(3)])
    # of m calibration rows, conformal sets cover 0.9 to 0.9 + 1 / (m + 1): the rare class has about 24
    coverage = np.mean(shares, axis=0)
    assert coverage[:2] == pytest.approx(0.9, abs=0.04)
    assert 0.86 < coverage[2] < 0.94 + 1 / 25


def test_a_class_of_too_few_rows_is_named():
    table, y = rare(0, 300)
    names = np.array(["frequent", "often", "rare"])[y]
    net = SigmoidMLPClassifier(**HELD_OUT).fit(table, names)
    assert_array_equal(net.predict_set(table, 0.6, per_class=np.True_), net.predict_set(table, 0.6))
    assert net.predict_set(table, 0.9).shape == (300, 3)
    with pytest.raises(
        ValueError, match=r"per_class=True with coverage=0.9 needs at least 9 held-out .*\(rare: \d\): lower the"
    ):
        net.predict_set(table, 0.9, per_class=True)
    for wrong in (1, "yes", None):
        with pytest.raises(TypeError, match="per_class=.*: give True or False"):
            net.predict_set(table, 0.6, per_class=wrong)


def test_sets_grow_with_the_coverage_and_hold_what_predict_says():
    for early_stopping in True, "folds":
        net = SigmoidMLPClassifier(**HELD_OUT | {"early_stopping": early_stopping}).fit(X, LABEL)
        nested = [net.predict_set(X, coverage) for coverage in (0.1, 0.5, np.float32(0.8), 0.9, 0.95)]
        assert all((small <= large).all() for small, large in pairwise(nested))
        assert covered(nested[0], np.searchsorted(net.classes_, net.predict(X))).all()
        assert nested[-1].sum() > nested[0].sum()


@pytest.mark.filterwarnings("ignore:y has a single class")
@pytest.mark.parametrize("y", [LABEL == "a", np.where(LABEL == "a", -1, 1), np.zeros(300)], ids=["bool", "int", "one"])
def test_two_classes_or_one_have_sets(y):
    net = SigmoidMLPClassifier(**HELD_OUT).fit(X, y)
    sets = net.predict_set(X)
    assert sets.shape == (300, len(net.classes_))
    assert sets.any(axis=1).all()
    if len(net.classes_) == 1:
        assert sets.all()


def test_squared_error_and_class_weights_have_sets_too():
    for options in {"loss": "squared_error"}, {"class_weight": "balanced"}, {"class_weight": {"a": 100.0}}:
        net = SigmoidMLPClassifier(**HELD_OUT | options).fit(X, LABEL)
        assert net.predict_set(X, 0.7).any(axis=1).all()


def test_a_stream_learns_and_predicts_sets(tmp_path):
    net = stream.fit(SigmoidMLPClassifier(**HELD_OUT | {"early_stopping": True}), lambda: [(X, LABEL)])
    assert_array_equal(np.concatenate(list(stream.predict(net, X, method="predict_set"))), net.predict_set(X))
