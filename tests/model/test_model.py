"""A model predicts raw tables, in blocks and in threads, and never changes."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model import model
from sknet._model.model import ROWS_PREDICTED_AT_ONCE, Network
from sknet._model.settings import TargetSettings
from tests.estimators.inside import model_of
from tests.model.examples import LABELS, draw_network, make_model
from tests.network.pieces import ACTIVATIONS

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=60)
LABEL = np.digitize(NUMBER, [-0.5, 0.5])
QUICK = dict(max_iter=3, early_stopping=False, random_state=0, batch_size=20)


def test_a_model_predicts_without_an_estimator():
    net = SigmoidMLPRegressor(4, **QUICK).fit(X, NUMBER)
    model = model_of(net)
    assert_array_equal(model.convert_raw_outputs(X, model.head.predict), net.predict(X))
    with pytest.raises(FrozenInstanceError):
        model.network = None


def test_replaced_weights_make_a_new_model():
    model = make_model(X, NUMBER)
    network = replace(model.network, intercepts=[b + 1.0 for b in model.network.intercepts])
    other = replace(model, network=network)
    shift = other.convert_raw_outputs(X, np.copy) - model.convert_raw_outputs(X, np.copy)
    assert not np.allclose(shift, 0.0)
    assert other.encoder is model.encoder


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("table", [np.float32, np.float64])
def test_outputs_have_the_float_type_of_the_training_table(dtype, table):
    model = model_of(SigmoidMLPRegressor(4, dtype=dtype, **QUICK).fit(X.astype(table), NUMBER))
    assert model.encoding.compute_dtype == dtype
    assert model.encoding.output_dtype == table
    assert model.convert_raw_outputs(X.astype(table), np.asarray).dtype == table
    assert {layer.dtype for layer in model.inputs_and_layer_outputs(X.astype(table))} == {np.dtype(table)}


@pytest.mark.parametrize(
    "n",
    [1, ROWS_PREDICTED_AT_ONCE - 1, ROWS_PREDICTED_AT_ONCE, ROWS_PREDICTED_AT_ONCE + 1, 9 * ROWS_PREDICTED_AT_ONCE + 5],
)
def test_blocks_of_rows_are_predicted_in_order(n):
    model = make_model(X, LABEL, n_outputs=3, target=LABELS, numeric_encoding="piecewise_linear")
    many = np.random.default_rng(n).normal(size=(n, 3))
    whole = model.convert_raw_outputs(many, np.asarray)
    assert whole.shape == (n, 3)
    for rows in (slice(0, 1), slice(n // 2, n // 2 + 1), slice(n - 1, n)):
        assert_allclose(whole[rows], model.convert_raw_outputs(many[rows], np.asarray), rtol=1e-12)


def test_every_kind_of_table_is_predicted_in_blocks():
    n = 2 * ROWS_PREDICTED_AT_ONCE + 7
    columns = {"a": np.arange(n) % 7 * 1.0, "b": pd.Categorical(np.array(["x", "y", "z"])[np.arange(n) % 3])}
    frame, dense = pd.DataFrame(columns), np.where(np.arange(3 * n).reshape(n, 3) % 5, 0.0, 1.0)
    for table in (frame, sp.csr_array(dense), dense):
        model = make_model(table[:200], np.arange(200.0) % 7, numeric_encoding="piecewise_linear")
        whole = model.convert_raw_outputs(table, model.head.predict)
        assert_allclose(whole[-9:], model.convert_raw_outputs(table[n - 9 :], model.head.predict), rtol=1e-12)


def test_activations_end_with_the_prediction():
    net = SigmoidMLPClassifier((5, 4), **QUICK).fit(X, LABEL)
    layers = model_of(net).inputs_and_layer_outputs(X)
    assert [layer.shape[1] for layer in layers] == [3, 5, 4, 3]
    assert_allclose(layers[-1], net.predict_proba(X), atol=1e-12)


def test_predict_changes_nothing():
    net = SigmoidMLPRegressor(4, input_scaling=None, dtype="float64", **QUICK).fit(X, NUMBER)
    before = [part.copy() for part in net.coefs_ + net.intercepts_]
    table = X.copy()
    table.flags.writeable = False
    net.predict(table)
    net.activations(table)
    for part, kept in zip(net.coefs_ + net.intercepts_, before, strict=True):
        assert_array_equal(part, kept)


def test_a_network_is_packed_in_the_order_of_its_layout():
    coefs, intercepts = [np.ones((3, 2)), np.full((2, 1), 2.0)], [np.full(2, 3.0), np.full(1, 4.0)]
    network = Network((ACTIVATIONS["tanh"],), coefs, intercepts)
    assert network.layout.sizes == (3, 2, 1)
    theta = network.theta_vector(np.dtype(np.float32))
    assert theta.dtype == np.float32
    assert sorted(theta) == [1.0] * 6 + [2.0] * 2 + [3.0] * 2 + [4.0]
    views = network.layout.coefs_and_intercepts(theta)
    for part, view in zip(coefs + intercepts, [*views[0], *views[1]], strict=True):
        assert_array_equal(part, view)
    raw = network.chain(1, np.dtype(float)).forward(np.array([[1.0, 2.0, 3.0]]))
    assert raw[0, 0] == pytest.approx(4.0 * np.tanh(9.0) + 4.0)


# --- sparse rows, whatever the model was fitted on -------------------------------------------------------------------

HOLES = np.where(np.abs(X) > 1.0, np.nan, X)


@pytest.mark.parametrize("scaling", ["robust", "standard", "quantile", None])
@pytest.mark.parametrize("numeric_encoding", ["raw", "steps"])
@pytest.mark.parametrize("training", [X, X + 5.0, HOLES], ids=["near zero", "far from zero", "missing values"])
def test_a_model_of_dense_rows_predicts_sparse_rows(scaling, training, numeric_encoding):
    model = make_model(training, NUMBER, input_scaling=scaling, numeric_encoding=numeric_encoding)
    many = np.tile(X * (X > 0), (40, 1))
    for rows in (many[:7], many):
        expected = model.convert_raw_outputs(rows, np.asarray)
        for form in (sp.csr_matrix, sp.csr_array):
            assert_allclose(model.convert_raw_outputs(form(rows), np.asarray), expected, atol=1e-12)
            for layer, same in zip(
                model.inputs_and_layer_outputs(form(rows)), model.inputs_and_layer_outputs(rows), strict=True
            ):
                assert_allclose(layer.toarray() if sp.issparse(layer) else layer, same, atol=1e-12)


@pytest.mark.parametrize("scaling", ["robust", None])
def test_a_model_of_sparse_rows_predicts_dense_rows(scaling):
    model = make_model(sp.csr_array(X), NUMBER, input_scaling=scaling)
    assert_allclose(
        model.convert_raw_outputs(X, np.asarray), model.convert_raw_outputs(sp.csr_array(X), np.asarray), atol=1e-12
    )


def test_sparse_rows_with_categories_raise():
    frame = pd.DataFrame({"a": X[:, 0], "city": ["x", "y"] * 30})
    model = make_model(frame, NUMBER)
    with pytest.raises(ValueError, match=r"Column 'city' held other things than numbers in fit.*pass X as it was"):
        model.convert_raw_outputs(sp.csr_array(X[:, :2]), np.asarray)


# --- what is too large -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2000])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_outputs_that_overflow_name_the_column(n, form):
    how = {"activation": "relu", "dtype": "float32", "input_scaling": "standard"}
    model = make_model(form(X), LABEL, n_outputs=3, target=LABELS, **how)
    rows = np.zeros((n, 3))
    rows[-1, 1] = 3e38
    with pytest.raises(ValueError, match=r"Column 'x1' of X.*input_scaling='robust'"):
        model.convert_raw_outputs(form(rows), np.asarray)
    with pytest.raises(ValueError, match=r"Column 'x1' of X.*input_scaling='robust'"):
        model.inputs_and_layer_outputs(form(rows))


def test_a_link_that_overflows_names_the_column():
    counts = {"of_target": TargetSettings("poisson")}
    model = make_model(X, np.exp(NUMBER), target=counts, activation="relu", n_units=20, input_scaling="standard")
    with pytest.raises(ValueError, match=r"too large for float64 numbers. Column 'x\d' of X lies farthest"):
        model.convert_raw_outputs(np.vstack([X, -X]) * 1e6, model.head.predict)


def test_weights_set_by_hand_to_nan_raise():
    net = SigmoidMLPRegressor(4, **QUICK).fit(X, NUMBER)
    net.intercepts_ = [np.full_like(b, np.nan) for b in net.intercepts_]
    with pytest.raises(ValueError, match="coefs_ or intercepts_ hold NaN or infinity"):
        net.predict(X)


def test_threads_share_long_tables_of_numbers_only(monkeypatch):
    asked, real = [], model.threads_for_blocks
    monkeypatch.setattr(model, "threads_for_blocks", lambda n, product: asked.append((n, product)) or real(n, product))
    X = np.random.default_rng(0).normal(size=(3 * ROWS_PREDICTED_AT_ONCE + 1, 2))
    make_model(X[:40], X[:40, 0], n_units=7).convert_raw_outputs(X, np.copy)
    mixed = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "x", "y")})
    make_model(mixed[:40], X[:40, 0], n_units=7).convert_raw_outputs(mixed, np.copy)
    assert asked == [(4, ROWS_PREDICTED_AT_ONCE * 2 * 7), (0, ROWS_PREDICTED_AT_ONCE * 2 * 7)]


# --- blocks of the joined network -------------------------------------------------------------------------------------


def joined_network():
    members = [draw_network(n, 20, 1, activation="sigmoid", seed=n) for n in (20, 50)]
    return model.join_networks([members[0].with_skipped_inputs(30), members[1]])


def test_a_joined_network_leaves_out_the_weights_between_its_networks():
    assert [len(blocks) for blocks in joined_network().blocks] == [2, 0]
