"""Labels of every kind in, labels and probabilities out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import accuracy_score, log_loss

from sknet import Loss, SigmoidMLPClassifier
from tests.network.pieces import LOSSES as NETWORK_LOSSES

rng = np.random.default_rng(0)
N = 90
X = rng.normal(size=(N, 4))
SCORE = X[:, 0] - X[:, 1]
LABEL = np.digitize(SCORE, [-0.7, 0.7])
BINARY = (SCORE > 0).astype(int)
MULTILABEL = np.column_stack([BINARY, X[:, 2] > 0.3, X[:, 3] < 0]).astype(int)
MULTIOUTPUT = np.column_stack([LABEL, BINARY + 5])
QUICK = dict(
    hidden_layer_sizes=8, max_iter=40, early_stopping=False, random_state=0, batch_size=30, dtype="float64",
    learning_rate="cosine", learning_rate_init=0.03, averaging=0.0, alpha=1e-4,
)  # fmt: skip
LOSSES = ("log_loss", "squared_error")
KINDS = {"binary": BINARY, "multiclass": LABEL, "multilabel": MULTILABEL, "multioutput": MULTIOUTPUT}


def fitted(y, **parameters):
    return SigmoidMLPClassifier(**QUICK | parameters).fit(X, y)


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "y",
    [
        np.array(["no", "yes"])[BINARY],
        np.array(["no", "yes"], dtype=object)[BINARY],
        np.array(["no", "yes"], dtype=np.dtypes.StringDType())[BINARY],
        np.array(["a", "b", "c"])[LABEL],
        BINARY.astype(bool),
        BINARY.astype(float),
        BINARY.astype(np.int8) - 7,
        BINARY * 2 - 1,
        LABEL.astype(np.uint16) * 1000,
        pd.Series(np.array(["no", "yes"])[BINARY]),
        pd.Series(np.array(["no", "yes"])[BINARY], dtype="string"),
        pd.Series(np.array(["no", "yes"])[BINARY], dtype="category"),
        pd.Series(pd.Categorical.from_codes(BINARY, ["yes", "no"])),
        pd.Series(LABEL, dtype="Int64"),
        pd.Series(BINARY.astype(bool), dtype="boolean"),
        pd.Series(LABEL, dtype="int64[pyarrow]"),
        pl.Series(np.array(["no", "yes"])[BINARY]),
        pl.Series(LABEL),
        BINARY.tolist(),
        ["no" if b else "yes" for b in BINARY],
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
def test_labels_of_any_type_come_back_as_given(y):
    plain = np.asarray(y)
    net = fitted(y)
    assert_array_equal(net.classes_, np.unique(plain))
    predicted = net.predict(X)
    assert set(predicted.tolist()) <= set(plain.tolist())
    assert predicted.dtype.kind == net.classes_.dtype.kind
    assert net.score(X, y) == np.mean(predicted == plain) > 0.8
    same = fitted(np.unique(plain, return_inverse=True)[1])
    assert_array_equal(net.predict_proba(X), same.predict_proba(X))


@pytest.mark.filterwarnings("ignore:y has a single class")
@pytest.mark.parametrize("label", ["only", 3, True])
def test_a_single_class_has_probability_one(label):
    net = fitted(np.full(N, label))
    assert_array_equal(net.predict(X), label)
    assert_array_equal(net.predict_proba(X), np.ones((N, 1)))
    assert_array_equal(net.predict_log_proba(X), np.zeros((N, 1)))
    assert net.score(X, np.full(N, label)) == 1.0


@pytest.mark.parametrize(
    "y, message",
    [
        (X[:, 0], "Unknown label type: continuous.* continuous values. Use SigmoidMLPRegressor"),
        (np.where(np.arange(N) == 4, np.nan, BINARY), "y contains NaN"),
        (np.where(np.arange(N) == 4, np.inf, BINARY), "y contains infinity"),
        (pd.Series(["a", None, "b"] * 30), "y contains NaN"),
        (pd.Series([1, None, 0] * 30, dtype="Int64"), "y contains NaN"),
        (np.array(["a", 1, "b"] * 30, dtype=object), "y mixes strings and other labels"),
        (np.zeros((N, 2, 2)), "y has shape"),
        (None, "requires y to be passed"),
        (BINARY[:-1], "inconsistent numbers of samples"),
    ],
)
def test_values_that_cannot_be_labels_raise(y, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SigmoidMLPClassifier(**QUICK).fit(X, y)


def test_unknown_labels_later_are_named():
    net = fitted(np.array(["no", "yes"])[BINARY])
    with pytest.raises(ValueError, match="'maybe'.*'no', 'yes'"):
        net.backpropagate(X[:1], ["maybe"])
    net = SigmoidMLPClassifier(**QUICK).partial_fit(X, BINARY, classes=[0, 1])
    with pytest.raises(ValueError, match="7"):
        net.partial_fit(X, BINARY + 7)


def test_classes_of_partial_fit():
    net = SigmoidMLPClassifier(**QUICK | {"batch_size": "auto"})
    net.partial_fit(X[:5], np.zeros(5, int), classes=[2, 1, 0])
    assert_array_equal(net.classes_, [0, 1, 2])
    net.partial_fit(X, LABEL)
    net.partial_fit(X, LABEL, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        net.partial_fit(X, LABEL, classes=[0, 1])
    several = SigmoidMLPClassifier(**QUICK).partial_fit(X, MULTIOUTPUT, classes=[[0, 1, 2, 3], [5, 6]])
    assert [len(c) for c in several.classes_] == [4, 2]
    assert several.partial_fit(X, MULTIOUTPUT, classes=[[0, 1, 2, 3], [5, 6]]).t_ == 2 * len(X)
    labels = SigmoidMLPClassifier(**QUICK).partial_fit(X, MULTILABEL, classes=[0, 1, 2])
    assert_array_equal(labels.classes_, [0, 1, 2])


# --- multilabel and multi-output -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_several_labels_per_row_have_a_sigmoid_each(loss):
    net = fitted(MULTILABEL, loss=loss)
    assert net.n_outputs_ == 3
    assert net.out_activation_ == "logistic"
    assert_array_equal(net.classes_, [0, 1, 2])
    P = net.predict_proba(X)
    assert P.shape == (N, 3)
    assert_array_equal(net.predict(X), (P > 0.5).astype(int))
    assert_allclose(np.exp(net.predict_log_proba(X)), P, rtol=1e-12)
    assert net.score(X, MULTILABEL) == accuracy_score(MULTILABEL, net.predict(X)) > 0.6


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_array, sp.coo_array, sp.lil_matrix])
def test_a_sparse_indicator_matrix_is_learnt_as_the_dense_one(container):
    net = fitted(container(MULTILABEL))
    assert_array_equal(net.predict_proba(X), fitted(MULTILABEL).predict_proba(X))
    assert net.score(X, container(MULTILABEL)) == fitted(MULTILABEL).score(X, MULTILABEL)


@pytest.mark.parametrize("y", [MULTILABEL.astype(bool), MULTILABEL.astype(float), pd.DataFrame(MULTILABEL)])
def test_indicators_of_any_type(y):
    assert_array_equal(fitted(y).predict_proba(X), fitted(MULTILABEL).predict_proba(X))


@pytest.mark.parametrize("loss", LOSSES)
def test_multioutput(loss):
    net = fitted(MULTIOUTPUT, loss=loss)
    assert isinstance(net.classes_, list)
    assert_array_equal(net.classes_[0], [0, 1, 2])
    assert_array_equal(net.classes_[1], [5, 6])
    P = net.predict_proba(X)
    assert [p.shape for p in P] == [(N, 3), (N, 2)]
    predicted = net.predict(X)
    for j, p in enumerate(P):
        assert_array_equal(predicted[:, j], net.classes_[j][p.argmax(axis=1)])
    right = (predicted == MULTIOUTPUT).all(axis=1)
    weight = 1.0 + np.arange(N) % 2
    assert net.score(X, MULTIOUTPUT) == right.mean() > 0.6
    assert net.score(X, MULTIOUTPUT, weight) == pytest.approx(np.average(right, weights=weight))
    assert [np.ndim(z) for z in net.decision_function(X)] == [2, 1]
    assert [p.shape for p in net.predict_log_proba(X)] == [(N, 3), (N, 2)]


def test_multioutput_of_strings_and_frames():
    frame = pd.DataFrame({"size": np.array(["s", "m", "l"])[LABEL], "new": BINARY.astype(bool)})
    net = fitted(frame)
    assert [list(c) for c in net.classes_] == [["l", "m", "s"], [False, True]]
    assert set(net.predict(X)[:, 0]) <= {"s", "m", "l"}
    assert net.score(X, frame) > 0.6
    words = np.column_stack([np.array(["s", "m", "l"])[LABEL], np.array(["new", "old"])[BINARY]])
    assert_array_equal(fitted(words).predict(X)[:, 0], net.predict(X)[:, 0])


def test_the_loss_is_summed_over_labels_and_outputs():
    net = fitted(MULTILABEL, alpha=0.0)
    P = net.predict_proba(X)
    expected = -(MULTILABEL * np.log(P) + (1 - MULTILABEL) * np.log(1 - P)).sum(axis=1).mean()
    assert net.backpropagate(X, MULTILABEL)[0] == pytest.approx(expected, rel=1e-12)
    net = fitted(MULTIOUTPUT, alpha=0.0)
    losses = [log_loss(MULTIOUTPUT[:, j], p) for j, p in enumerate(net.predict_proba(X))]
    assert net.backpropagate(X, MULTIOUTPUT)[0] == pytest.approx(sum(losses), rel=1e-12)


def test_squared_error_is_half_the_squared_distance_of_the_sigmoid_outputs():
    for y in (BINARY, LABEL):
        net = fitted(y, alpha=0.0, loss="squared_error")
        outputs = net.activations(X)[-1]
        target = y[:, None] if outputs.shape[1] == 1 else np.eye(3)[y]
        expected = 0.5 * ((outputs - target) ** 2).sum(axis=1).mean()
        assert net.out_activation_ == "logistic"
        assert net.backpropagate(X, y)[0] == pytest.approx(expected, rel=1e-12)


# --- probabilities ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1.0, 1e3, 1e6])
def test_probabilities_are_inside_and_add_up(loss, kind, dtype, scale):
    net = fitted(KINDS[kind], loss=loss, max_iter=1)
    net.fit(X.astype(dtype), KINDS[kind])
    net.coefs_ = [(scale * W).astype(dtype) for W in net.coefs_]
    P, log_P = net.predict_proba(X.astype(dtype)), net.predict_log_proba(X.astype(dtype))
    for p, log_p in zip(P if isinstance(P, list) else [P], log_P if isinstance(log_P, list) else [log_P], strict=True):
        assert p.dtype == log_p.dtype == dtype
        assert p.shape == log_p.shape
        assert (p > 0).all()
        assert (p < 1).all()
        assert np.isfinite(log_p).all()
        if kind != "multilabel":
            assert_allclose(p.sum(axis=1), 1.0, rtol=1e-6 if dtype == np.float32 else 1e-12)


def test_one_sigmoid_for_two_classes_softmax_for_more():
    two, three = fitted(BINARY), fitted(LABEL)
    assert (two.n_outputs_, two.out_activation_) == (1, "logistic")
    assert (three.n_outputs_, three.out_activation_) == (3, "softmax")
    z = two.decision_function(X)
    assert z.shape == (N,)
    assert_allclose(two.predict_proba(X)[:, 1], 1 / (1 + np.exp(-z)), rtol=1e-12)
    assert_array_equal(two.predict(X), (z > 0).astype(int))
    Z = three.decision_function(X)
    assert fitted(LABEL, loss="squared_error").predict_proba(X).shape == (N, 3)
    assert_allclose(three.predict_proba(X), np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True), rtol=1e-12)
    assert_array_equal(three.predict(X), Z.argmax(axis=1))


def test_log_probabilities_are_precise_where_probabilities_end():
    net = fitted(BINARY)
    net.coefs_ = (*net.coefs_[:-1], net.coefs_[-1] * 300.0 / np.abs(net.decision_function(X)).max())
    log_p = net.predict_log_proba(X)
    assert log_p.min() < -100
    assert np.isfinite(log_p).all()
    z = net.decision_function(X)
    assert_allclose(log_p, -np.logaddexp(0.0, np.column_stack([z, -z])), rtol=1e-14)
    certain = (z > 40.0) & (z < 700.0)
    assert certain.any()
    assert_allclose(net.predict_proba(X)[certain, 0], np.exp(-z[certain]), rtol=1e-14)  # which 1 - p would make 0


def test_the_logarithms_of_a_loss_of_ones_own_are_those_of_its_probabilities():
    ours = NETWORK_LOSSES["squared_error on sigmoids"].loss
    own = Loss("own", ours.value, ours.gradient, ours.link.apply, "logistic")
    for loss in (own, replace(own, mirrored=True), replace(own, log_link=ours.link.log)):
        for y in (BINARY, LABEL) if loss.log_link is None else (BINARY,):
            net, same = fitted(y, loss=loss), fitted(y, loss="squared_error")
            assert_allclose(net.predict_proba(X), same.predict_proba(X), rtol=1e-12)
            assert_allclose(net.predict_log_proba(X), same.predict_log_proba(X), rtol=1e-9)


# --- it learns -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop"])
def test_the_classifier_learns_iris(loss, solver):
    X, y = load_iris(return_X_y=True)
    rate = {"adam": 0.03, "sgd": 0.3, "rmsprop": 0.02}[solver]
    net = SigmoidMLPClassifier(**QUICK | {"solver": solver, "loss": loss, "learning_rate_init": rate, "max_iter": 80})
    assert net.fit(X, y).score(X, y) > 0.94


def test_the_classifier_learns_digits():
    X, y = load_digits(return_X_y=True)
    net = SigmoidMLPClassifier(**QUICK | {"hidden_layer_sizes": 30, "max_iter": 10, "dtype": "float32"})
    assert net.fit(X[:1200], y[:1200]).score(X[1200:], y[1200:]) > 0.9


def test_the_classifier_learns_a_hundred_classes():
    y = np.arange(300) % 100
    X = np.eye(100)[y] + 0.1 * np.random.default_rng(0).normal(size=(300, 100))
    net = SigmoidMLPClassifier(**QUICK | {"hidden_layer_sizes": 50, "max_iter": 30}).fit(X, y)
    assert net.score(X, y) > 0.95
    assert net.predict_proba(X).shape == (300, 100)


def test_probabilities_add_up_where_every_sigmoid_vanishes():
    net = SigmoidMLPClassifier(**QUICK | {"max_iter": 2}, loss="squared_error").fit(X, LABEL)
    net.intercepts_ = (*net.intercepts_[:-1], np.full_like(net.intercepts_[-1], -1e4))
    assert_allclose(net.predict_proba(X).sum(axis=1), 1.0)
    assert np.isfinite(net.predict_log_proba(X)).all()


def test_classes_of_a_later_call_are_one_list():
    net = SigmoidMLPClassifier(**QUICK).partial_fit(X, LABEL)
    with pytest.raises(ValueError, match=r"classes=\[\[0, 1, 2\]\] has 2 dimensions: give a list of labels"):
        net.partial_fit(X, LABEL, classes=[[0, 1, 2]])
    with pytest.raises(ValueError, match=r"classes=\[\[0, 1, 2\]\] has 2 dimensions: give a list of labels"):
        SigmoidMLPClassifier(**QUICK).partial_fit(X, LABEL, classes=[[0, 1, 2]])


def test_a_limit_is_a_step_to_a_classifier_by_default():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 100, 1500), rng.normal(size=1500)])
    code = X[:, 0]
    inside = ((code >= 17) & (code < 23)) | ((code >= 58) & (code < 71))
    y = rng.random(1500) < np.where(inside, 0.97, 0.03)
    train, test = slice(0, 600), slice(600, None)
    settings = dict(max_iter=40, random_state=0, n_bins=12)
    steps, bins = (
        SigmoidMLPClassifier(**settings, **by).fit(X[train], y[train])
        for by in ({}, {"numeric_encoding": "piecewise_linear"})
    )
    assert steps.resolved_params_["numeric_encoding"] == "auto"
    assert 1 - steps.score(X[test], y[test]) < 0.5 * (1 - bins.score(X[test], y[test]))
    edges = steps.inputs_.query("column == 'x0' and kind == 'bin' and scale == 1").centre
    assert {16, 22, 57, 70} <= set(edges)
