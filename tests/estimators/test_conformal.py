"""What `predict_interval` and `predict_set` have in common: they need rows that the last fit held out."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, load, save
from tests.estimators.data import HELD_OUT

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
NUMBER = X[:, 0] + 0.3 * rng.normal(size=300)
LABEL = np.array(["a", "b", "c"])[np.digitize(NUMBER, [-0.5, 0.7])]
INTERVAL = (SigmoidMLPRegressor, NUMBER, "predict_interval")
SET = (SigmoidMLPClassifier, LABEL, "predict_set")
of_both = pytest.mark.parametrize(("kind", "y", "method"), [INTERVAL, SET], ids=["interval", "set"])


def copies(net, folder):
    """The estimator, and what a pickle and a file make of it."""
    save(net, folder / "net.safetensors")
    return net, pickle.loads(pickle.dumps(net)), load(folder / "net.safetensors")


@of_both
@pytest.mark.parametrize("early_stopping", [True, "folds"])
@pytest.mark.parametrize("weight", [None, rng.integers(0, 3, 300)])
def test_pickles_and_files_keep_the_residuals(kind, y, method, weight, early_stopping, tmp_path):
    net = kind(**HELD_OUT | {"early_stopping": early_stopping}).fit(X, y, sample_weight=weight)
    for again in copies(net, tmp_path):
        assert_array_equal(getattr(again, method)(X), getattr(net, method)(X))


def few_rows(net, y):
    with pytest.warns(RuntimeWarning, match="leaves fewer than 10 rows to hold out"):
        net.set_params(early_stopping=True).fit(X[:20], y[:20])


OF_ALL = {
    "not held out": (
        lambda net, y: net.set_params(early_stopping=False).fit(X, y),
        "needs rows that were held out in the last call to fit, .*: early_stopping=False holds none out. Fit",
    ),
    "few rows": (
        few_rows, "there are none: early_stopping=True holds none out if validation_fraction is below 10 rows"
    ),
    "partial_fit": (lambda net, y: net.fit(X, y).partial_fit(X, y), "there are none: the last call was partial_fit"),
}  # fmt: skip
OF_SETS = {
    "indicators": (
        lambda net, y: net.fit(X, np.c_[y == "a", y == "b"].astype(int)),
        "predict_set takes one label per row, and y was multilabel: fit a classifier for each",
    ),
    "several outputs": (
        lambda net, y: net.fit(X, np.c_[y, y]), "takes one label per row, and y was multioutput: fit a classifier"
    ),
}  # fmt: skip
OF_INTERVALS = {
    "one level": (lambda net, y: net.set_params(loss="quantile", quantile=0.3).fit(X, y), "quantile=0.3 is a single"),
    "a median": (lambda net, y: net.set_params(loss="quantile").fit(X, y), "quantile='auto' is a single level"),
}


@pytest.mark.parametrize("early_stopping", [True, "folds"])
@pytest.mark.parametrize(
    ("case", "prepare", "message"),
    [
        *((case, *how) for case in (INTERVAL, SET) for how in OF_ALL.values()),
        *((SET, *how) for how in OF_SETS.values()),
        *((INTERVAL, *how) for how in OF_INTERVALS.values()),
    ],
)
def test_without_held_out_rows_the_error_names_the_remedy(case, prepare, message, early_stopping):
    kind, y, method = case
    net = kind(**HELD_OUT | {"early_stopping": early_stopping})
    prepare(net, y)
    with pytest.raises(ValueError, match=message):
        getattr(net, method)(X)


@of_both
def test_a_coverage_that_needs_more_held_out_rows_says_how_many(kind, y, method):
    net = kind(**HELD_OUT).fit(X, y, X_val=X[:8], y_val=y[:8])
    with pytest.raises(ValueError, match="coverage=0.9 needs at least 9 held-out rows"):
        getattr(net, method)(X)


def test_unequal_weights_make_held_out_rows_fewer():
    weight = np.where(np.arange(len(X)) < 3, 1e6, 1.0)
    net = SigmoidMLPRegressor(3, max_iter=5, random_state=0, early_stopping="folds").fit(X, X[:, 0], weight)
    with pytest.raises(ValueError, match="9 held-out rows, but there are 3.001 by their unequal weights"):
        net.predict_interval(X)


@of_both
def test_the_error_for_few_rows_names_what_holds_some_of_them_out(kind, y, method):
    """With the default, "auto", no row is held out, so that the remedy cannot be "auto"."""
    net = kind(3, max_iter=5, random_state=0).fit(X[:30], y[:30])
    named = (
        "there are none: early_stopping='auto' holds none out below 40 rows, or if validation_fraction is below 10 "
        "rows, and early_stopping=False never. Fit "
        "to the end with early_stopping='folds', or with early_stopping=True or X_val and y_val.$"
    )
    with pytest.raises(ValueError, match=named):
        getattr(net, method)(X)
    assert len(getattr(net.set_params(early_stopping="folds").fit(X[:30], y[:30]), method)(X)) == len(X)


@of_both
@pytest.mark.parametrize("early_stopping", [True, "folds"])
@pytest.mark.parametrize("name", ["coefs_", "intercepts_"])
def test_weights_that_are_set_by_hand_have_no_residuals(kind, y, method, name, early_stopping, tmp_path):
    """Intervals and sets would be those of the network before."""
    net = kind(**HELD_OUT | {"early_stopping": early_stopping})
    getattr(net.fit(X, y), method)(X)
    setattr(net, name, [-array for array in getattr(net, name)])
    for changed in copies(net, tmp_path):
        with pytest.raises(ValueError, match=f"{method} needs rows .*weights have been set by hand since"):
            getattr(changed, method)(X)


@of_both
@pytest.mark.parametrize("coverage", [0.0, 1.0, 1.5, -0.1, True, "0.9", None, float("nan"), 10**400])
def test_a_coverage_that_is_no_fraction_raises(kind, y, method, coverage):
    net = kind(**HELD_OUT).fit(X, y)
    with pytest.raises(ValueError, match="coverage="):
        getattr(net, method)(X, coverage)


@pytest.mark.parametrize(("percentage", "meant"), [(90, "0.9"), (2.5, "0.025"), (np.int64(95), "0.95")])
def test_a_percentage_is_answered_with_its_fraction(percentage, meant):
    net = SigmoidMLPClassifier(**HELD_OUT).fit(X, LABEL)
    intervals = SigmoidMLPRegressor(**HELD_OUT).fit(X, X[:, 0])
    for call in (
        lambda: net.predict_set(X, coverage=percentage),
        lambda: intervals.predict_interval(X, coverage=percentage),
        lambda: intervals.predict_quantiles(X, percentage),
    ):
        with pytest.raises(ValueError, match=rf"both excluded\. Did you mean {meant}\?$"):
            call()
    for other in (0.0, 1, 1.5, 100, "90", [90]):
        with pytest.raises(ValueError, match="both excluded.$"):
            net.predict_set(X, coverage=other)
