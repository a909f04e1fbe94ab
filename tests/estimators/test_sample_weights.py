"""A sample of weight 2 counts as two samples and one of weight 0 as none; class weights are sample weights."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import PredefinedSplit
from sklearn.utils.class_weight import compute_sample_weight

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 32
X = rng.normal(size=(N, 4))
X[::7, 1] = np.nan
WEIGHT = rng.integers(0, 4, N).astype(float)
WEIGHT[:3] = 0.0, 1.0, 2.0
TIMES = WEIGHT.astype(int)
LABEL = rng.integers(0, 3, N)
NUMBER = X[:, 0] - 0.5 * X[:, 2] + 0.1 * rng.normal(size=N)
TARGETS = {
    "binary": np.array(["no", "yes"])[(LABEL > 0).astype(int)],
    "multiclass": LABEL,
    "multilabel": rng.integers(0, 2, (N, 3)),
    "multioutput": np.column_stack([LABEL, rng.integers(5, 8, N)]),
}
CLASSIFIERS = [(loss, kind) for loss in ("log_loss", "squared_error") for kind in TARGETS]
REGRESSORS = {
    "squared_error": {},
    "absolute_error": {},
    "huber": {"huber_delta": 0.5},
    "quantile": {"quantile": 0.3},
    "quantiles": {"loss": "quantile", "quantile": (0.1, 0.5, 0.9)},
    "poisson": {},
    "gamma": {},
}
CASES = [
    *((SigmoidMLPClassifier, {"loss": loss}, TARGETS[kind]) for loss, kind in CLASSIFIERS),
    *((SigmoidMLPRegressor, {"loss": name, **more}, np.exp(NUMBER)) for name, more in REGRESSORS.items()),
    (SigmoidMLPRegressor, {"loss": "squared_error"}, np.column_stack([NUMBER, NUMBER**2])),
]
NAMES = [*(f"{loss}-{kind}" for loss, kind in CLASSIFIERS), *REGRESSORS, "two-outputs"]
of_every_loss = pytest.mark.parametrize("kind, loss, y", CASES, ids=NAMES)
PLAIN = dict(
    hidden_layer_sizes=5, activation="sigmoid", random_state=3, early_stopping=False, dtype="float64", alpha=0.1,
    max_iter=30, n_iter_no_change=np.inf, learning_rate="constant", learning_rate_init=0.01, shuffle=True,
    input_scaling="robust", dropout=0.0, weight_decay=0.0, tol=1e-4,
)  # fmt: skip


def weighted_and_repeated(kind, y, **parameters):
    """Fit once with weights and once with every row as often as its weight says, both in full batches."""
    rows = np.repeat(np.arange(N), TIMES)
    one = kind(**PLAIN | parameters | {"batch_size": int((TIMES > 0).sum())}).fit(X, y, WEIGHT)
    other = kind(**PLAIN | parameters | {"batch_size": len(rows)}).fit(X[rows], y[rows])
    return one, other, rows


def outputs(estimator):
    """Everything an estimator predicts, as one matrix."""
    method = getattr(estimator, "predict_proba", estimator.predict)
    found = method(X)
    return np.hstack(found) if isinstance(found, list) else found


@of_every_loss
def test_objective_and_gradient_are_those_of_repeated_rows(kind, loss, y):
    one, _, rows = weighted_and_repeated(kind, y, **loss, max_iter=2)
    value, coef_grads, intercept_grads = one.backpropagate(X, y, WEIGHT)
    expected, coef_wishes, intercept_wishes = one.backpropagate(X[rows], y[rows])
    assert value == pytest.approx(expected, rel=1e-12)
    for found, wish in zip(coef_grads + intercept_grads, coef_wishes + intercept_wishes, strict=True):
        assert_allclose(found, wish, rtol=0, atol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
@of_every_loss
def test_first_order_solvers_predict_as_from_repeated_rows(kind, loss, y, solver):
    one, other, _ = weighted_and_repeated(kind, y, **loss, solver=solver)
    assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-9)
    assert_allclose(outputs(one), outputs(other), rtol=1e-9, atol=1e-9)


@of_every_loss
def test_lbfgs_predicts_as_from_repeated_rows(kind, loss, y):
    smooth = loss["loss"] not in ("absolute_error", "quantile")
    one, other, _ = weighted_and_repeated(kind, y, **loss, solver="lbfgs", max_iter=30 if smooth else 10)
    assert one.n_iter_ == other.n_iter_ > 3
    assert_allclose(outputs(one), outputs(other), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_l1_penalty_is_weighted_in_step(solver, l1_ratio):
    one, other, _ = weighted_and_repeated(SigmoidMLPRegressor, NUMBER, solver=solver, alpha=1.0, l1_ratio=l1_ratio)
    assert_allclose(outputs(one), outputs(other), rtol=1e-8, atol=1e-9)


def test_every_scaling_is_weighted_in_step():
    for scaling in ("robust", "standard", None):
        one, other, _ = weighted_and_repeated(SigmoidMLPRegressor, NUMBER, input_scaling=scaling)
        assert_allclose(outputs(one), outputs(other), rtol=1e-9)


@of_every_loss
def test_rows_of_weight_zero_are_no_rows(kind, loss, y):
    parameters = PLAIN | loss | {"max_iter": 5, "batch_size": 7}  # the very same steps, in mini-batches too
    one = kind(**parameters).fit(X, y, WEIGHT)
    kept = WEIGHT > 0
    other = kind(**parameters).fit(X[kept], y[kept], WEIGHT[kept])
    assert_array_equal(outputs(one), outputs(other))
    assert one.loss_curve_ == other.loss_curve_
    assert one.t_ == 5 * kept.sum()


def test_a_class_that_only_weightless_rows_have_is_no_class():
    weight = (LABEL != 2).astype(float)
    fitted = SigmoidMLPClassifier(**PLAIN | {"max_iter": 2}).fit(X, LABEL, weight)
    assert_array_equal(fitted.classes_, [0, 1])


@pytest.mark.parametrize("factor", [1e-6, 1 / 3, 1e6])
def test_without_penalty_only_ratios_of_weights_matter(factor):
    parameters = PLAIN | {"alpha": 0.0, "max_iter": 10, "batch_size": 7}
    one = SigmoidMLPRegressor(**parameters).fit(X, NUMBER, WEIGHT)
    other = SigmoidMLPRegressor(**parameters).fit(X, NUMBER, WEIGHT * factor)
    assert_allclose(one.predict(X), other.predict(X), rtol=1e-9)


def test_a_single_number_is_the_weight_of_every_row():
    one = SigmoidMLPRegressor(**PLAIN | {"max_iter": 3}).fit(X, NUMBER, 2.0)
    other = SigmoidMLPRegressor(**PLAIN | {"max_iter": 3}).fit(X, NUMBER, np.full(N, 2.0))
    assert_array_equal(one.predict(X), other.predict(X))


@of_every_loss
def test_mini_batches_have_the_full_gradient_in_expectation(kind, loss, y):
    """Steps that next to nothing is lost by lead where the full gradient points, in an epoch as far as it is long.

    As every row is in a random batch with the same probability, the expected gradient of one batch is the full one.
    """
    n, rate = int((WEIGHT > 0.0).sum()), 1e-6
    few_rows = n // 4
    table, target, weight = (part[WEIGHT > 0.0][: 4 * few_rows] for part in (X, y, WEIGHT))
    steps = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": rate, "batch_size": few_rows}
    estimator = kind(**PLAIN | loss | steps | {"max_iter": 2}).fit(table, target, weight)
    expected, coefs, intercepts = estimator.backpropagate(table, target, weight)
    before = [part.copy() for part in estimator.coefs_ + estimator.intercepts_]
    estimator.partial_fit(table, target, weight)
    assert estimator.loss_ == pytest.approx(expected, rel=1e-5)
    for first, last, gradient in zip(before, estimator.coefs_ + estimator.intercepts_, coefs + intercepts, strict=True):
        assert_allclose((first - last) / (4 * rate), gradient, rtol=1e-4, atol=1e-6)


# --- class weights ---------------------------------------------------------------------------------------------------

SMALL = PLAIN | {"max_iter": 4, "batch_size": 8}


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_balanced_is_the_corresponding_sample_weights_bit_for_bit(kind, early_stopping):
    y = TARGETS[kind]
    parameters = SMALL | {"early_stopping": early_stopping, "validation_fraction": 0.4}
    one = SigmoidMLPClassifier(**parameters, class_weight="balanced").fit(X, y)
    other = SigmoidMLPClassifier(**parameters).fit(X, y, compute_sample_weight("balanced", y))
    assert_array_equal(outputs(one), outputs(other))
    assert one.loss_curve_ == other.loss_curve_


def test_balanced_counts_with_sample_weights():
    y = TARGETS["binary"]
    totals = {label: WEIGHT[y == label].sum() for label in ("no", "yes")}
    balanced = {label: WEIGHT.sum() / (2 * total) for label, total in totals.items()}
    one = SigmoidMLPClassifier(**SMALL, class_weight="balanced").fit(X, y, WEIGHT)
    other = SigmoidMLPClassifier(**SMALL).fit(X, y, WEIGHT * np.vectorize(balanced.get)(y))
    assert_array_equal(outputs(one), outputs(other))


def test_balanced_multilabel_and_multioutput_are_products():
    for kind in ("multilabel", "multioutput"):
        y = TARGETS[kind]
        one = SigmoidMLPClassifier(**SMALL, class_weight="balanced").fit(X, y)
        other = SigmoidMLPClassifier(**SMALL).fit(X, y, compute_sample_weight("balanced", y))
        assert_allclose(outputs(one), outputs(other), rtol=1e-9)


@pytest.mark.parametrize(
    "kind, class_weight, factor",
    [
        ("binary", {"yes": 3.0}, lambda y: np.where(y == "yes", 3.0, 1.0)),
        ("multiclass", {0: 2, 2: 0.5}, lambda y: np.array([2.0, 1.0, 0.5])[y]),
        ("multilabel", [{1: 2}, {0: 3}, {}], lambda y: np.where(y[:, 0], 2.0, 1.0) * np.where(y[:, 1], 1.0, 3.0)),
        ("multioutput", [{0: 2}, {5: 3}], lambda y: np.where(y[:, 0], 1.0, 2.0) * np.where(y[:, 1] == 5, 3.0, 1.0)),
    ],
)
def test_given_class_weights_multiply_the_sample_weights(kind, class_weight, factor):
    y = TARGETS[kind]
    one = SigmoidMLPClassifier(**SMALL, class_weight=class_weight).fit(X, y, WEIGHT)
    other = SigmoidMLPClassifier(**SMALL).fit(X, y, WEIGHT * factor(y))
    assert_array_equal(outputs(one), outputs(other))


def test_class_weights_are_in_backpropagate_and_partial_fit():
    y = TARGETS["binary"]
    factor = np.where(y == "yes", 3.0, 1.0)
    one, other = SigmoidMLPClassifier(**SMALL, class_weight={"yes": 3}), SigmoidMLPClassifier(**SMALL)
    one.partial_fit(X, y)
    other.partial_fit(X, y, sample_weight=factor)
    assert_array_equal(outputs(one), outputs(other))
    assert one.backpropagate(X, y)[0] == other.backpropagate(X, y, factor)[0]


RARE = np.where(np.arange(N) < 5, "rare", np.where(LABEL > 0, "yes", "no"))
NOT_RARE = (RARE != "rare").astype(float)


def test_a_label_that_only_rows_of_weight_0_have_leaves_the_other_rows_in_place():
    """What follows the rows as they were passed: `oof_prediction_`."""
    folds = SMALL | {"early_stopping": "folds", "learning_rate": "flat_cosine"}
    net = SigmoidMLPClassifier(**folds).fit(X, RARE, NOT_RARE)
    without = SigmoidMLPClassifier(**folds).fit(X[5:], RARE[5:], NOT_RARE[5:])  # weights of 1 round otherwise than none
    assert net.classes_.tolist() == ["no", "yes"]
    assert net.oof_prediction_.shape == (N, 2)
    assert np.isnan(net.oof_prediction_[:5]).all()
    assert_array_equal(net.oof_prediction_[5:], without.oof_prediction_)


def test_a_splitter_gets_the_rows_and_labels_as_they_were_passed():
    seen = []

    class Splitter:
        def get_n_splits(self, *args):
            return 1

        def split(self, table, y, groups=None):
            seen.append((len(table), y.tolist()))
            yield np.arange(0, N, 2), np.arange(1, N, 2)

    parameters = SMALL | {"learning_rate": "flat_cosine", "early_stopping": True, "validation_fraction": Splitter()}
    net = SigmoidMLPClassifier(**parameters).fit(X, RARE, NOT_RARE)
    assert seen == [(N, RARE.tolist())]
    same_split = PredefinedSplit(np.where(np.arange(N) % 2, 0, -1)[5:])
    without = SigmoidMLPClassifier(**parameters | {"validation_fraction": same_split})
    without.fit(X[5:], RARE[5:], NOT_RARE[5:])
    assert_array_equal(net.predict_proba(X), without.predict_proba(X))


def test_a_warm_start_may_have_a_label_that_only_rows_of_weight_0_have():
    net = SigmoidMLPClassifier(**SMALL, warm_start=True).fit(X, RARE, NOT_RARE)
    assert net.fit(X, RARE, NOT_RARE).classes_.tolist() == ["no", "yes"]
    with pytest.raises(ValueError, match="the same classes as in the previous call"):
        net.fit(X, RARE)


def test_a_class_of_weight_zero_counts_nowhere():
    y = TARGETS["multiclass"]
    one = SigmoidMLPClassifier(**SMALL, class_weight={2: 0}).fit(X, y)
    assert_array_equal(one.classes_, [0, 1, 2])
    assert one.t_ == 4 * (y != 2).sum()


# --- errors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "weight, message",
    [
        (np.where(np.arange(N) == 5, -2.5, 1.0), "sample_weight holds a negative weight, -2.5: weights must be 0 or"),
        (np.where(np.arange(N) == 5, np.nan, 1.0), "sample_weight contains NaN"),
        (np.where(np.arange(N) == 5, np.inf, 1.0), "sample_weight contains infinity"),
        (np.zeros(N), "sample_weight is zero for every row: at least one weight must be positive"),
        (np.full(N, 1e308), r"sample_weight adds up to more than a float holds.*1e\+308: divide it"),
        (np.ones(N - 1), r"sample_weight has shape \(31,\), expected \(32,\)"),
        (np.ones((N, 2)), r"sample_weight has shape \(32, 2\), expected \(32,\)"),
        (["heavy"] * N, "could not convert string to float: 'heavy'"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_unsuitable_sample_weights_are_refused(method, weight, message):
    for estimator, y in ((SigmoidMLPClassifier(), LABEL), (SigmoidMLPRegressor(), NUMBER)):
        with pytest.raises(ValueError, match=message):
            getattr(estimator, method)(X, y, sample_weight=weight)
        assert not hasattr(estimator, "coefs_")


@pytest.mark.parametrize("heavy", [slice(0, 16), slice(16, N)], ids=["trained on", "held out"])
def test_a_part_of_almost_no_weight_is_refused(heavy):
    weight, net = np.full(N, 1e-320), SigmoidMLPRegressor(early_stopping=True, max_iter=1)
    weight[heavy] = 1.0
    for n_members, first in ((1, -1), (2, 1)):
        net.set_params(validation_fraction=PredefinedSplit(np.repeat([first, 0], [16, N - 16])))
        with pytest.raises(ValueError, match="sample_weight adds up to .*e-319 in the rows trained on, or in those he"):
            net.set_params(n_members=n_members).fit(X, NUMBER, weight)


def test_folds_choose_the_same_under_weights_that_float32_does_not_hold():
    # a temperature and shares of members have priors, beside which little weight says little
    parameters = {"dtype": "float32", "alpha": 0.0, "early_stopping": "folds", "temperature_scaling": False}
    parameters["n_members"] = 1
    net = SigmoidMLPClassifier(4, max_iter=6, random_state=0, **parameters)
    one, other = (clone(net).fit(X, LABEL, np.full(N, scale)) for scale in (1.0, 2.0**-200))
    assert_array_equal(one.predict_proba(X), other.predict_proba(X))


@pytest.mark.parametrize(
    "kind, class_weight, message",
    [
        ("binary", {"maybe": 2}, r"class_weight has the keys \['maybe'\], and the classes are \['no', 'yes'\]"),
        ("binary", {"no": -1}, "class_weight holds.*-1.*0 or more"),
        ("binary", {"no": np.nan}, "class_weight holds.*nan"),
        ("binary", {"no": 0, "yes": 0}, "zero: one must be positive"),
        ("multilabel", {0: 2}, "class_weight=.*list of 3 dicts"),
        ("multioutput", [{0: 2}], "class_weight=.*list of 2 dicts"),
        ("multiclass", "even", "class_weight.*'balanced'"),
    ],
)
def test_unsuitable_class_weights_are_refused(kind, class_weight, message):
    with pytest.raises(ValueError, match=message):
        SigmoidMLPClassifier(class_weight=class_weight).fit(X, TARGETS[kind])
