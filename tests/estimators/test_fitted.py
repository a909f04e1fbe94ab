"""What a fitted network does: its layers, its gradient."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from sknet import SigmoidMLPClassifier
from sknet._model.model import PREDICT_ROWS

rng = np.random.default_rng(0)
WIDE = rng.normal(size=(50, 3))
LABEL = np.digitize(WIDE[:, 0], [-0.5, 0.5])
QUICK = dict(
    hidden_layer_sizes=(5, 4), max_iter=3, early_stopping=False, random_state=0, batch_size=25, learning_rate="cosine",
)  # fmt: skip


def test_activations_lead_from_the_scaled_input_to_the_prediction():
    net = SigmoidMLPClassifier(**QUICK, activation=["tanh", "sigmoid"]).fit(WIDE, LABEL)
    layers = net.activations(WIDE)
    assert [layer.shape for layer in layers] == [(50, 3), (50, 5), (50, 4), (50, 3)] and len(layers) == net.n_layers_
    assert np.abs(layers[0]).max() < 3.0
    first, second = (layers[k] @ net.coefs_[k] + net.intercepts_[k] for k in (0, 1))
    assert_allclose(layers[1], np.tanh(first), atol=1e-12)
    assert_allclose(layers[2], expit(second), atol=1e-12)
    assert_allclose(layers[3], net.predict_proba(WIDE), atol=1e-12)


def test_many_rows_are_predicted_piece_by_piece():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    many = np.random.default_rng(1).normal(size=(2 * PREDICT_ROWS + 7, 3))
    P = net.predict_proba(many)
    for rows in (slice(0, 10), slice(PREDICT_ROWS - 5, PREDICT_ROWS + 5), slice(2 * PREDICT_ROWS, None)):
        assert_allclose(P[rows], net.predict_proba(many[rows]), rtol=1e-12)
        for whole, piece in zip(net.activations(many), net.activations(many[rows]), strict=True):
            assert_allclose(whole[rows], piece, rtol=1e-12)


def test_to_look_changes_nothing():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    before = {name: repr(value) for name, value in vars(net).items()}
    net.predict_proba(WIDE)
    net.activations(WIDE)
    net.backpropagate(WIDE, LABEL)
    _ = net.history_, net.network_feature_names_
    assert {name: repr(value) for name, value in vars(net).items()} == before


def test_backpropagate_leaves_its_answer_to_the_caller():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    _, first, _ = net.backpropagate(WIDE, LABEL)
    kept = [part.copy() for part in first]
    net.backpropagate(WIDE[:10], LABEL[:10])
    for part, expected in zip(first, kept, strict=True):
        assert_array_equal(part, expected)
        assert not any(np.shares_memory(part, W) for W in net.coefs_)


def test_weights_may_be_changed_by_hand():
    net = SigmoidMLPClassifier(**QUICK).fit(WIDE, LABEL)
    net.coefs_ = [np.zeros_like(W) for W in net.coefs_]
    net.intercepts_ = [np.zeros_like(b) for b in net.intercepts_]
    assert_allclose(net.predict_proba(WIDE), 1 / 3, rtol=1e-12)
