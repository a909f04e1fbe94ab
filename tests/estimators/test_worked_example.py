"""A 2-2-1 network of sigmoids, worked by hand: every number of it through public methods.

Two traps of textbook code are in it: the bias gradient is the sum of delta over the samples, and delta at the output is
a - y for the log-loss but (a - y) a (1 - a) for the squared error. Where the textbook's loss is a sum over the samples
instead of their mean, its gradient is the number of samples times ours, and so is a step's length.
"""

import numpy as np
import pytest

from sknet import SigmoidMLPClassifier

X, Y = [[1.0, 2.0], [3.0, 4.0]], [1, 0]
NEW_X, NEW_Y = [[2.0, 3.0], [4.0, 5.0]], [1, 0]
COEFS = [[[0.1, 0.2], [0.3, 0.4]], [[0.5], [0.6]]]
INTERCEPTS = [[0.1, 0.2], [0.3]]
OUTPUT = [0.7514017104309879, 0.7800753576814037]
MEAN_SQUARED_ERROR, HALF_OF_IT, CROSS_ENTROPY = 0.33515933661920416, 0.16757966830960208, 0.9001425978715403
RATE, N = 0.1, 2

# the mean over the samples, then their sum: gradients, parameters after one step, and outputs of the two tables then
WORKED = {
    ("log_loss", 1): {
        "gradient": [
            [[0.06847532131802599, 0.040268904993742236], [0.08243749764450603, 0.04484702259126323]],
            [[0.23875528176312946], [0.26207022002266467]],
            [0.013962176326480053, 0.004578117597521001],
            [0.2657385340561958],
        ],
        "after": [
            [[0.0931524678681974, 0.1959731095006258], [0.2917562502355494, 0.3955152977408737]],
            [[0.47612447182368706], [0.5737929779977335]],
            [0.098603782367352, 0.19954218824024791],
            [0.2734261465943804],
        ],
        "output": [0.738658002609509, 0.7668426007720628],
        "new_output": [0.7552449313624983, 0.7746493686591681],
    },
    ("log_loss", N): {
        "gradient": [
            [[0.13695064263605197, 0.08053780998748447], [0.16487499528901206, 0.08969404518252647]],
            [[0.4775105635262589], [0.5241404400453293]],
            [0.027924352652960106, 0.009156235195042002],
            [0.5314770681123916],
        ],
        "after": [
            [[0.0863049357363948, 0.19194621900125156], [0.28351250047109877, 0.3910305954817474]],
            [[0.4522489436473741], [0.547585955995467]],
            [0.09720756473470399, 0.19908437648049582],
            [0.24685229318876084],
        ],
        "output": [0.7255690115338088, 0.7531280585241064],
        "new_output": [0.7416971549652474, 0.7609325627741219],
    },
    ("squared_error", 1): {
        "gradient": [
            [[0.01154487663560777, 0.00670625936700884], [0.013737598371393472, 0.007289485981498216]],
            [[0.03965335036477261], [0.043504416407874426]],
            [0.0021927217357857022, 0.0005832266144893761],
            [0.04369527404523972],
        ],
        "after": [
            [[0.09884551233643923, 0.19932937406329912], [0.29862624016286066, 0.3992710514018502]],
            [[0.4960346649635227], [0.5956495583592125]],
            [0.09978072782642143, 0.19994167733855106],
            [0.29563047259547603],
        ],
        "output": [0.7493190195687747, 0.7779194890854289],
        "new_output": [0.7662315383624723, 0.7856922325549782],
    },
    ("squared_error", N): {
        "gradient": [
            [[0.02308975327121554, 0.01341251873401768], [0.027475196742786943, 0.014578971962996432]],
            [[0.07930670072954522], [0.08700883281574885]],
            [0.0043854434715714045, 0.0011664532289787522],
            [0.08739054809047944],
        ],
        "after": [
            [[0.09769102467287845, 0.19865874812659826], [0.29725248032572127, 0.3985421028037004]],
            [[0.4920693299270455], [0.591299116718425]],
            [0.09956145565284287, 0.19988335467710214],
            [0.291260945190952],
        ],
        "output": [0.7472265325269274, 0.7757500803826143],
        "new_output": [0.7640773812995495, 0.7835316133072066],
    },
}
each_case = pytest.mark.parametrize(("loss", "times"), WORKED)


def after_one_step(loss, rate):
    """One step of gradient descent on both samples, from the weights given."""
    init = [np.array(W) for W in COEFS], [np.array(b) for b in INTERCEPTS]
    net = SigmoidMLPClassifier(
        2, "sigmoid", loss=loss, solver="sgd", momentum=0.0, alpha=0.0, weight_decay=0.0, averaging=0.0,
        learning_rate="constant", learning_rate_init=rate, batch_size=2, max_iter=1, early_stopping=False,
        input_scaling=None, dtype="float64", init=init,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        return net.fit(X, Y)


def untrained(loss):
    """The weights given, to 1e-300: a step of no length."""
    return after_one_step(loss, 1e-300)


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_activations_equal_those_worked_by_hand(loss):
    net = untrained(loss)
    inputs, hidden, output = net.activations(X)
    by_hand = 1 / (1 + np.exp(-(np.array(X) @ COEFS[0] + INTERCEPTS[0])))
    assert_equal([inputs, hidden, output[:, 0]], [X, by_hand, OUTPUT])
    assert_equal(net.predict_proba(X).T, [1 - np.array(OUTPUT), OUTPUT])
    assert np.mean((output[:, 0] - Y) ** 2) == pytest.approx(MEAN_SQUARED_ERROR, abs=1e-12)


def test_losses_equal_those_worked_by_hand():
    for loss, value in (("log_loss", CROSS_ENTROPY), ("squared_error", HALF_OF_IT)):
        net = untrained(loss)
        assert net.loss_ == net.loss_curve_[0] == pytest.approx(value, abs=1e-12)
        assert net.backpropagate(X, Y)[0] == pytest.approx(value, abs=1e-12)


@each_case
def test_gradients_equal_those_worked_by_hand(loss, times):
    _, coef_grads, intercept_grads = untrained(loss).backpropagate(X, Y)
    assert_equal([times * gradient for gradient in (*coef_grads, *intercept_grads)], WORKED[loss, times]["gradient"])


@each_case
def test_weights_and_predictions_after_one_step_equal_those_worked_by_hand(loss, times):
    net, worked = after_one_step(loss, times * RATE), WORKED[loss, times]
    assert_equal([*net.coefs_, *net.intercepts_], worked["after"])
    assert_equal([net.activations(X)[-1][:, 0], net.predict_proba(X)[:, 1]], [worked["output"]] * 2)
    assert_equal([net.activations(NEW_X)[-1][:, 0], net.predict_proba(NEW_X)[:, 1]], [worked["new_output"]] * 2)
    assert net.predict(NEW_X).tolist() == [1, 1]
    assert net.score(NEW_X, NEW_Y) == 0.5
