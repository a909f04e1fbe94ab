"""A target with a single value is predicted exactly, whatever the network has learnt."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import sknet
import sknet.stream
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import outside_training
from tests.tables.limits import sample_rows

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 3))
NEW = 3.0 * rng.normal(size=(40, 3))
WEIGHT = rng.random(150)
QUICK = {"max_iter": 5, "random_state": 0}
CONSTANT = np.full(150, 0.1)  # which float32 cannot hold
pytestmark = [pytest.mark.filterwarnings("ignore:.*converge"), outside_training]


def fitted(y=CONSTANT, weight=None, **parameters):
    return SigmoidMLPRegressor(**QUICK | parameters).fit(X, y, sample_weight=weight)


@pytest.mark.parametrize(("parameters", "weight"), [
    ({}, None), ({}, WEIGHT), ({"max_iter": 200}, None), ({"target_scaling": None}, None), ({"dtype": "float32"}, None),
    ({"early_stopping": True}, None), ({"early_stopping": False}, WEIGHT), ({"solver": "lbfgs"}, None),
    *(({"loss": name}, None) for name in ("absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie")),
])  # fmt: skip
def test_a_constant_target_is_predicted_exactly(parameters, weight):
    assert_array_equal(fitted(weight=weight, **parameters).predict(NEW), 0.1)


@pytest.mark.parametrize("value", [1.0, 0.0, -1e6, 1e-30, 1e20])
def test_its_size_does_not_matter(value):
    assert_array_equal(fitted(np.full(150, value)).predict(NEW.astype(np.float32)), value)


TANH_LOSS = sknet.Loss(
    "tanh",
    lambda raw, y: ((np.tanh(raw) - y) ** 2).mean(axis=1),
    lambda raw, y: 2.0 * (np.tanh(raw) - y) * (1.0 - np.tanh(raw) ** 2) / y.shape[1],
    link=lambda raw: np.tanh(raw, out=raw),
)
EXP_LOSS = sknet.Loss(
    "exp",
    lambda raw, y: ((np.exp(raw) - y) ** 2).mean(axis=1),
    lambda raw, y: 2.0 * (np.exp(raw) - y) * np.exp(raw) / y.shape[1],
    link=lambda raw: np.exp(raw, out=raw),
)


@pytest.mark.parametrize(("loss", "value"), [(TANH_LOSS, -0.5), (TANH_LOSS, 0.0), (EXP_LOSS, 0.0), (EXP_LOSS, 2.0)])
def test_a_loss_with_a_link_need_not_have_positive_constants(loss, value):
    net = fitted(np.column_stack([0.5 + 0.2 * np.tanh(X[:, 0]), np.full(150, value)]), loss=loss)
    assert_array_equal(net.predict(NEW)[:, 1], value)
    assert np.isfinite(net.explain(X).values).all()


def test_single_precision_rows_do_not_round_the_constant():
    net = SigmoidMLPRegressor(**QUICK).fit(X.astype(np.float32), CONSTANT)
    assert_array_equal(net.predict(NEW.astype(np.float32)), 0.1)


@pytest.mark.parametrize("parameters", [{}, {"target_scaling": None}, {"loss": "poisson"}])
def test_of_several_targets_only_the_constant_one_is_constant(parameters):
    y = np.column_stack([np.abs(X[:, 0]), CONSTANT])
    y[::3, 1] = np.nan
    predicted = fitted(y, **parameters).predict(NEW)
    assert_array_equal(predicted[:, 1], 0.1)
    assert np.ptp(predicted[:, 0]) > 0.0


@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}, {"target_scaling": None}])
def test_intervals_and_quantiles_are_the_constant_too(parameters):
    net = fitted(**parameters)
    assert_array_equal(net.predict_interval(NEW), 0.1)
    assert_array_equal(net.predict_quantiles(NEW, [0.2, 0.8]), 0.1)
    assert_array_equal(fitted(loss="quantile", quantile=[0.1, 0.5, 0.9]).predict(NEW), 0.1)


@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}])
def test_no_column_contributes(parameters):
    explanation = fitted(**parameters).explain(NEW, X)
    assert_array_equal(explanation.values, 0.0)
    assert_allclose(explanation.base_values, np.log(0.1) if parameters else 0.1, rtol=1e-12)


@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}, {"loss": "quantile", "quantile": [0.2, 0.8]}])
def test_all_columns_are_equally_important(parameters):
    assert_array_equal(fitted(**parameters).feature_importances_, np.full(3, 1 / 3))


def test_a_constant_target_beside_others_does_not_count_for_importances():
    net = fitted(np.column_stack([X[:, 0], CONSTANT]), max_iter=40)
    alone = net.explain(X).importance()
    assert_allclose(net.feature_importances_, alone / alone.sum(), atol=0.01)


def test_a_rare_other_value_is_no_constant():
    """All rows count, and not only the sample that columns are learnt from."""
    y = CONSTANT.copy()
    y[0] = 1.0
    with sample_rows(100):
        assert np.ptp(fitted(y).predict(NEW)) > 0.0


def test_saved_models_keep_the_constant(tmp_path):
    y = np.column_stack([X[:, 0], CONSTANT])
    net = fitted(y)
    sknet.save(net, tmp_path / "model.safetensors")
    assert_array_equal(sknet.load(tmp_path / "model.safetensors").predict(NEW), net.predict(NEW))


def test_a_stream_predicts_the_constant():
    net = sknet.stream.fit(
        SigmoidMLPRegressor(**QUICK), lambda: iter([(X[:70], CONSTANT[:70]), (X[70:], CONSTANT[70:])])
    )
    assert_array_equal(net.predict(NEW), 0.1)


def test_partial_fit_ends_the_constant_with_the_first_other_value():
    net = SigmoidMLPRegressor(**QUICK).partial_fit(X[:50], CONSTANT[:50])
    net.partial_fit(X[50:], CONSTANT[50:])
    assert_array_equal(net.predict(NEW), 0.1)
    net.partial_fit(X, X[:, 0])
    assert np.ptp(net.predict(NEW)) > 0.0
    net.partial_fit(X, CONSTANT)
    assert np.ptp(net.predict(NEW)) > 0.0  # it has seen other values


def test_a_warm_start_ends_the_constant_too():
    net = fitted(warm_start=True)
    with pytest.warns(RuntimeWarning, match="rows with other targets"):
        net.fit(X, X[:, 0])
    assert np.ptp(net.predict(NEW)) > 0.0


@pytest.mark.filterwarnings("ignore:y has a single class")
def test_an_output_with_a_single_class_has_the_probability_one():
    y = np.column_stack([X[:, 0] > 0.0, np.full(150, 7)]).astype(int)
    net = SigmoidMLPClassifier(**QUICK).fit(X, y)
    assert_array_equal(net.predict(NEW)[:, 1], 7)
    assert_array_equal(net.predict_proba(NEW)[1], 1.0)


@pytest.mark.export
@pytest.mark.parametrize("parameters", [{}, {"loss": "poisson"}])
def test_an_onnx_graph_predicts_the_constant(parameters):
    onnxruntime = pytest.importorskip("onnxruntime")
    from sknet.export import feeds_of, to_onnx

    net = fitted(np.full(150, 0.5), **parameters)
    session = onnxruntime.InferenceSession(to_onnx(net, X).SerializeToString())
    assert_array_equal(session.run(None, feeds_of(net, NEW))[0].ravel(), 0.5)
