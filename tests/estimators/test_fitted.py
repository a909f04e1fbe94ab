"""What a fitted network does: its layers, its gradient, and a small network worked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.fitted import PREDICT_ROWS

# --- a 2-2-1 network of sigmoids, worked by hand ---------------------------------------------------------------------

X = np.array([[1.0, 2.0], [3.0, 4.0]])
Y = np.array([1, 0])
COEFS = [np.array([[0.1, 0.2], [0.3, 0.4]]), np.array([[0.5], [0.6]])]
INTERCEPTS = [np.array([0.1, 0.2]), np.array([0.3])]
OUTPUT = [0.7514017104309879, 0.7800753576814037]
WORKED = {
    "log_loss": dict(
        loss=0.9001425978715403,
        coef_grads=[
            [[0.06847532131802599, 0.040268904993742236], [0.08243749764450603, 0.04484702259126323]],
            [[0.23875528176312946], [0.26207022002266467]],
        ],
        intercept_grads=[[0.013962176326480053, 0.004578117597521001], [0.2657385340561958]],
        coefs_after=[
            [[0.0931524678681974, 0.1959731095006258], [0.2917562502355494, 0.3955152977408737]],
            [[0.47612447182368706], [0.5737929779977335]],
        ],
        intercepts_after=[[0.098603782367352, 0.19954218824024791], [0.2734261465943804]],
        output_after=[0.738658002609509, 0.7668426007720628],
        new_output=[0.7552449313624983, 0.7746493686591681],
    ),
    "squared_error": dict(
        loss=0.16757966830960208,
        coef_grads=[
            [[0.01154487663560777, 0.00670625936700884], [0.013737598371393472, 0.007289485981498216]],
            [[0.03965335036477261], [0.043504416407874426]],
        ],
        intercept_grads=[[0.0021927217357857022, 0.0005832266144893761], [0.04369527404523972]],
        coefs_after=[
            [[0.09884551233643923, 0.19932937406329912], [0.29862624016286066, 0.3992710514018502]],
            [[0.4960346649635227], [0.5956495583592125]],
        ],
        intercepts_after=[[0.09978072782642143, 0.19994167733855106], [0.29563047259547603]],
        output_after=[0.7493190195687747, 0.7779194890854289],
        new_output=[0.7662315383624723, 0.7856922325549782],
    ),
}
BY_HAND = dict(
    hidden_layer_sizes=2, activation="sigmoid", solver="sgd", momentum=0.0, alpha=0.0, batch_size=2, max_iter=1,
    input_scaling=None, init=(COEFS, INTERCEPTS), early_stopping=False, dtype="float64", averaging=0.0,
    learning_rate_init=0.1,
)  # fmt: skip


def untrained(loss):
    return SigmoidMLPClassifier(**BY_HAND, loss=loss, learning_rate=lambda _: 0.0).fit(X, Y)


def stepped(loss, rate=1.0):
    return SigmoidMLPClassifier(**BY_HAND, loss=loss, learning_rate=lambda _: rate).fit(X, Y)


@pytest.mark.parametrize("loss", WORKED)
def test_the_worked_networks_forward_pass(loss):
    inputs, hidden, output = untrained(loss).activations(X)
    assert_array_equal(inputs, X)
    assert_allclose(hidden, expit(X @ COEFS[0] + INTERCEPTS[0]), rtol=0, atol=1e-12)
    assert_allclose(output[:, 0], OUTPUT, rtol=0, atol=1e-12)
    assert_allclose(untrained(loss).predict_proba(X)[:, 1], OUTPUT, rtol=0, atol=1e-12)
    assert np.mean((Y - output[:, 0]) ** 2) == pytest.approx(0.33515933661920416, abs=1e-12)


@pytest.mark.parametrize("loss", WORKED)
def test_the_worked_networks_gradient(loss):
    value, coef_grads, intercept_grads = untrained(loss).backpropagate(X, Y)
    wanted = WORKED[loss]
    assert value == pytest.approx(wanted["loss"], abs=1e-12)
    for found, expected in zip(coef_grads, wanted["coef_grads"], strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-12)
    for found, expected in zip(intercept_grads, wanted["intercept_grads"], strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", WORKED)
def test_the_worked_networks_step(loss):
    net, wanted = stepped(loss), WORKED[loss]
    assert net.loss_curve_ == [pytest.approx(wanted["loss"], abs=1e-12)]
    for found, expected in zip(net.coefs_, wanted["coefs_after"], strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-12)
    for found, expected in zip(net.intercepts_, wanted["intercepts_after"], strict=True):
        assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert_allclose(net.predict_proba(X)[:, 1], wanted["output_after"], rtol=0, atol=1e-12)
    new = [[2.0, 3.0], [4.0, 5.0]]
    assert_allclose(net.predict_proba(new)[:, 1], wanted["new_output"], rtol=0, atol=1e-12)
    assert_array_equal(net.predict(new), [1, 1])
    assert net.score(new, Y) == 0.5


def test_steps_in_the_sum_over_the_samples_are_steps_of_twice_the_rate():
    for loss, outputs in (
        ("log_loss", [0.7416971549652474, 0.7609325627741219]),
        ("squared_error", [0.7640773812995495, 0.7835316133072066]),
    ):
        net = stepped(loss, rate=2.0)
        assert_allclose(net.predict_proba([[2.0, 3.0], [4.0, 5.0]])[:, 1], outputs, rtol=0, atol=1e-12)


def test_the_worked_network_as_a_regressor():
    """A linear output and half the mean squared error, in one step by hand."""
    net = SigmoidMLPRegressor(**BY_HAND, learning_rate=lambda _: 0.0, target_scaling=None).fit(X, Y)
    hidden = expit(X @ COEFS[0] + INTERCEPTS[0])
    error = (hidden @ COEFS[1] + INTERCEPTS[1])[:, 0] - Y
    loss, coef_grads, intercept_grads = net.backpropagate(X, Y)
    assert loss == pytest.approx(np.mean(error**2) / 2, abs=1e-12)
    delta = error[:, None] * COEFS[1].T * hidden * (1 - hidden) / 2
    assert_allclose(coef_grads[1][:, 0], hidden.T @ error / 2, atol=1e-12)
    assert_allclose(coef_grads[0], X.T @ delta, atol=1e-12)
    assert_allclose(intercept_grads[0], delta.sum(axis=0), atol=1e-12)


# --- a look inside ---------------------------------------------------------------------------------------------------

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
