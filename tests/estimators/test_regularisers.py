"""Each regulariser has its exact effect, and on nothing else."""

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 40
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=N)
LABEL = rng.integers(0, 3, N)
STEP = dict(
    hidden_layer_sizes=4, solver="sgd", momentum=0.0, learning_rate="constant", learning_rate_init=0.5, max_iter=1,
    batch_size=N, alpha=0.0, early_stopping=False, dtype="float64", random_state=0, dropout=0.0,
)  # fmt: skip
BEFORE = STEP | {"learning_rate": lambda _: 0.0}
"""A step of size 0: the weights that training starts from."""


def weights(net):
    return np.concatenate([W.ravel() for W in net.coefs_])


def test_alpha_adds_its_share_to_the_loss_and_to_the_weights_gradient():
    net = SigmoidMLPRegressor(**BEFORE).fit(X, NUMBER)
    loss, coef_grads, intercept_grads = net.backpropagate(X, NUMBER)
    penalised = net.set_params(alpha=2.0).backpropagate(X, NUMBER)
    assert penalised[0] == pytest.approx(loss + 2.0 / (2 * N) * weights(net) @ weights(net), rel=1e-12)
    for W, plain, found in zip(net.coefs_, coef_grads, penalised[1], strict=True):
        assert_allclose(found, plain + 2.0 * W / N, atol=1e-14)
    for plain, found in zip(intercept_grads, penalised[2], strict=True):
        assert_array_equal(found, plain)


def test_l1_is_in_the_reported_loss():
    net = SigmoidMLPRegressor(**BEFORE).fit(X, NUMBER)
    loss = net.backpropagate(X, NUMBER)[0]
    net.set_params(alpha=2.0, l1_ratio=0.25)
    w = weights(net)
    expected = loss + 2.0 / N * (0.25 * np.abs(w).sum() + 0.75 / 2 * w @ w)
    assert net.backpropagate(X, NUMBER)[0] == pytest.approx(expected, rel=1e-12)
    assert net.set_params(solver="lbfgs").backpropagate(X, NUMBER)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("batch_size", [1, 7, N])
@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 3.0, N)])
def test_alpha_does_not_depend_on_the_batch_size(batch_size, weight):
    """Without data to learn from, a step of size r shrinks weights by 1 - r * alpha / sum of weights, whatever b."""
    total = N if weight is None else weight.sum()
    parameters = STEP | {"batch_size": batch_size, "target_scaling": None, "alpha": 3.0, "learning_rate_init": 0.1}
    start = ([np.full((3, 4), 0.7), np.zeros((4, 1))], [np.zeros(4), np.zeros(1)])
    net = SigmoidMLPRegressor(**parameters, init=start).fit(X, np.zeros(N), weight)
    steps = -(-N // batch_size)
    assert_allclose(net.coefs_[0], 0.7 * (1 - 0.1 * 3.0 / total) ** steps, rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
def test_weight_decay_shrinks_weights_only(solver):
    start = ([np.full((3, 4), 0.7), np.zeros((4, 1))], [np.ones(4), np.zeros(1)])
    parameters = STEP | {"solver": solver, "weight_decay": 0.1, "init": start, "target_scaling": None, "max_iter": 3}
    net = SigmoidMLPRegressor(**parameters).fit(X, np.zeros(N))  # gradients are 0: the decay stands alone
    assert_allclose(net.coefs_[0], 0.7 * (1 - 0.5 * 0.1) ** 3, rtol=1e-12)
    assert_array_equal(net.intercepts_[0], 1.0)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
@pytest.mark.parametrize(("averaging", "early_stopping"), [(0.0, False), (0.99, False), (0.99, True)])
def test_max_norm_limits_the_columns_of_the_weights(solver, averaging, early_stopping):
    """A mean of weights may be longer than allowed where they start so: the average is limited too."""
    parameters = STEP | {"solver": solver, "max_norm": 0.3, "max_iter": 5, "batch_size": 8, "averaging": averaging}
    parameters |= {"early_stopping": early_stopping, "validation_fraction": 0.3, "learning_rate_init": 0.01}
    net = SigmoidMLPRegressor(**parameters).fit(X, NUMBER)
    for _ in range(2):
        norms = np.concatenate([np.linalg.norm(W, axis=0) for W in net.coefs_])
        assert norms.max() <= 0.3 * (1 + 1e-12)
        assert np.isclose(norms, 0.3).any()
        net.partial_fit(X, NUMBER)


def test_max_norm_leaves_short_columns_and_biases_alone():
    free = SigmoidMLPRegressor(**STEP).fit(X, NUMBER)
    longest = max(np.linalg.norm(W, axis=0).max() for W in free.coefs_)
    bound = SigmoidMLPRegressor(**STEP, max_norm=longest + 1e-9).fit(X, NUMBER)
    assert_array_equal(weights(free), weights(bound))
    tight = SigmoidMLPRegressor(**STEP, max_norm=0.1).fit(X, NUMBER)
    assert_array_equal(tight.intercepts_[0], free.intercepts_[0])


def step_of(**more):
    before, after = SigmoidMLPRegressor(**BEFORE).fit(X, NUMBER), SigmoidMLPRegressor(**STEP, **more).fit(X, NUMBER)
    pairs = zip(after.coefs_ + after.intercepts_, before.coefs_ + before.intercepts_, strict=True)
    return np.concatenate([(new - old).ravel() for new, old in pairs])


def test_clip_norm_limits_the_gradient_as_a_whole():
    free = step_of()
    norm = np.linalg.norm(free) / 0.5
    assert_allclose(step_of(clip_norm=norm / 10), free / 10, atol=1e-14)
    assert_array_equal(step_of(clip_norm=norm * 1.01), free)


def test_history_has_the_norm_before_clipping():
    free, clipped = (SigmoidMLPRegressor(**STEP, clip_norm=c).fit(X, NUMBER).history_ for c in (None, 1e-3))
    assert free["gradient_norm"][0] == pytest.approx(clipped["gradient_norm"][0], rel=1e-12)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_label_smoothing_mixes_in_the_uniform_distribution(kind):
    rng = np.random.default_rng(1)
    y = {"binary": LABEL > 0, "multiclass": LABEL, "multilabel": rng.integers(0, 2, (N, 3))}[kind]
    net = SigmoidMLPClassifier(**BEFORE).fit(X, y)
    plain = net.backpropagate(X, y)[0]
    log_p = net.predict_log_proba(X)
    if kind == "multilabel":  # each label is smoothed between its two values
        p = net.predict_proba(X)
        uniform = -(np.log(p) + np.log(1 - p)).sum(axis=1).mean() / 2
    else:
        uniform = -log_p.mean()
    smooth = net.set_params(label_smoothing=0.2).backpropagate(X, y)[0]
    assert smooth == pytest.approx(0.8 * plain + 0.2 * uniform, rel=1e-10)


def test_label_smoothing_moves_the_optimum_and_not_the_labels():
    parameters = dict(hidden_layer_sizes=(), solver="lbfgs", alpha=0.0, tol=1e-8, early_stopping=False, max_iter=1000)
    group = np.arange(N) % 2
    net = SigmoidMLPClassifier(**parameters, label_smoothing=0.1).fit(group[:, None], group)
    assert_allclose(net.predict_proba([[0], [1]]), [[0.95, 0.05], [0.05, 0.95]], atol=1e-4)
    assert_array_equal(net.predict([[0], [1]]), [0, 1])


def test_validation_labels_are_not_smoothed():
    parameters = STEP | {"early_stopping": True, "label_smoothing": 0.3}
    net = SigmoidMLPClassifier(**parameters).fit(X, LABEL, X_val=X[1:], y_val=LABEL[1:])
    expected = -net.predict_log_proba(X)[np.arange(1, N), LABEL[1:]].mean()
    assert net.validation_scores_[0] == pytest.approx(-expected, rel=1e-10)


def test_smoothing_by_default_ends_with_the_validation():
    """What a temperature makes up for is done only where there is one."""
    parameters = STEP | {"early_stopping": True, "learning_rate": "cosine"}
    net = SigmoidMLPClassifier(**parameters).fit(X, LABEL, X_val=X[1:], y_val=LABEL[1:])
    automatic = net.backpropagate(X, LABEL)[0]
    assert automatic == net.set_params(label_smoothing=0.02).backpropagate(X, LABEL)[0]
    net.set_params(label_smoothing="auto").partial_fit(X, LABEL)
    automatic = net.backpropagate(X, LABEL)[0]
    assert automatic == net.set_params(label_smoothing=0.0).backpropagate(X, LABEL)[0]


def test_dropout_zeroes_units_and_keeps_the_mean():
    """Of a linear net without hidden structure the mean over many masks is the net without dropout."""
    start = ([np.full((1, 400), 0.01), np.full((400, 1), 1.0)], [np.zeros(400), np.zeros(1)])
    parameters = STEP | {"hidden_layer_sizes": 400, "activation": "identity", "init": start, "input_scaling": None}
    parameters |= {"target_scaling": None, "learning_rate": lambda _: 0.0, "batch_size": 1, "dropout": 0.5}
    net = SigmoidMLPRegressor(**parameters, loss="squared_error").fit(np.ones((N, 1)), np.zeros(N))
    # output: 400 * 0.01 * mask / 0.5, mean 4, variance 400 * 0.01^2 * (1/0.5 - 1) = 0.04; the loss is half its square
    assert net.loss_curve_[0] == pytest.approx((16 + 0.04) / 2, rel=0.05)
    assert net.backpropagate(np.ones((N, 1)), np.zeros(N))[0] == pytest.approx(8.0)  # dropout is off


def test_dropped_units_learn_nothing():
    parameters = STEP | {"batch_size": 1, "hidden_layer_sizes": 50, "dropout": 0.8}
    before = SigmoidMLPRegressor(**parameters | {"learning_rate": lambda _: 0.0}).fit(X[:1], NUMBER[:1])
    after = SigmoidMLPRegressor(**parameters, target_scaling=None).fit(X[:1], NUMBER[:1])
    moved = (after.coefs_[1] != before.coefs_[1]).ravel()
    assert 2 <= moved.sum() <= 20
    assert_array_equal(after.intercepts_[0][~moved], before.intercepts_[0][~moved])


def test_dropout_one_a_layer():
    parameters = STEP | {"hidden_layer_sizes": (5, 6), "max_iter": 2}
    one = SigmoidMLPRegressor(**parameters | {"dropout": 0.3}).fit(X, NUMBER)
    each = SigmoidMLPRegressor(**parameters | {"dropout": [0.3, 0.3]}).fit(X, NUMBER)
    first = SigmoidMLPRegressor(**parameters | {"dropout": [0.3, 0.0]}).fit(X, NUMBER)
    none = SigmoidMLPRegressor(**parameters | {"dropout": [0, 0]}).fit(X, NUMBER)
    assert_array_equal(weights(one), weights(each))
    assert (weights(one) != weights(first)).any()
    assert_array_equal(weights(none), weights(SigmoidMLPRegressor(**parameters).fit(X, NUMBER)))


def test_predictions_are_without_dropout():
    net = SigmoidMLPRegressor(**STEP | {"dropout": 0.5}).fit(X, NUMBER)
    assert_array_equal(net.predict(X), net.predict(X))
    assert_array_equal(net.predict(X), net.set_params(dropout=0.0).predict(X))


@pytest.mark.parametrize(("solver", "moved"), [("adam", 0.001 * 0.1), ("rmsprop", 0.001)])
def test_a_step_of_l1_spares_weights_that_no_batch_has_touched(solver, moved):
    """They have a second moment of 0, and move by the rate; in Adam's first step, times the root of 1 - beta_2."""
    table = sp.random(40, 300, density=0.02, random_state=0, format="csr")
    parameters = STEP | {
        "solver": solver,
        "batch_size": 4,
        "learning_rate_init": 0.001,
        "weight_decay": 0.0,
        "beta_2": 0.99,
    }
    nets = [
        SigmoidMLPClassifier(**parameters | more).partial_fit(table[:4], LABEL[:4], classes=[0, 1, 2])
        for more in ({}, {"alpha": 0.1, "l1_ratio": 1.0})
    ]
    untouched = np.setdiff1d(np.arange(300), table[:4].indices)
    before, after = (net.coefs_[0][untouched] for net in nets)
    assert_allclose(after, np.sign(before) * np.maximum(np.abs(before) - moved, 0.0), atol=1e-8)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
def test_the_optimum_of_l1_is_that_of_lbfgs(solver):
    """A linear model of a sparse table whose last columns are nearly always 0, by full batches."""
    rng = np.random.default_rng(1)
    table = rng.normal(size=(200, 6)) * (rng.random((200, 6)) < [1.0, 1.0, 1.0, 1.0, 0.02, 0.0])
    label = (table[:, 0] - table[:, 1] + 0.5 * rng.normal(size=200) > 0.0).astype(int)
    parameters = dict(
        hidden_layer_sizes=(), alpha=4.0, l1_ratio=0.8, input_scaling=None, early_stopping=False, dtype="float64",
        random_state=0,
    )  # fmt: skip
    best = SigmoidMLPClassifier(**parameters, solver="lbfgs", max_iter=1000, tol=1e-10).fit(sp.csr_matrix(table), label)
    steps = {"batch_size": 200, "max_iter": 1500, "weight_decay": 0.0, "learning_rate": "cosine"}
    rate = 1.0 if solver == "sgd" else 0.02
    net = SigmoidMLPClassifier(**parameters | steps, solver=solver, learning_rate_init=rate)
    net.fit(sp.csr_matrix(table), label)
    assert_allclose(net.coefs_[0], best.coefs_[0], atol=1e-3)
    zeros = net.coefs_[0] == 0.0
    assert_array_equal(zeros, best.coefs_[0] == 0.0)
    assert 1 <= zeros.sum() < 6
