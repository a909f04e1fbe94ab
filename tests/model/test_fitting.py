"""From parameters to layers, first weights, batches, types and plans."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.assembly import MAX_ROWS, normalise
from sknet._estimators.automatic import FLOAT32_ROWS
from sknet._network.activations import ACTIVATIONS

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=N)
LABEL = (NUMBER > 0).astype(int)
QUICK = dict(
    hidden_layer_sizes=4, max_iter=3, early_stopping=False, random_state=0, batch_size=20, dtype="float64",
    learning_rate="cosine", learning_rate_init=0.01, averaging=0.0, alpha=0.0,
)  # fmt: skip


def regressor(**parameters):
    return SigmoidMLPRegressor(**QUICK | parameters)


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


# --- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, sizes",
    [
        ({"hidden_layer_sizes": 4}, [4]),
        ({"hidden_layer_sizes": 4, "depth": 3}, [4, 4, 4]),
        ({"hidden_layer_sizes": ()}, []),
        ({"hidden_layer_sizes": []}, []),
        ({"hidden_layer_sizes": [5, 2]}, [5, 2]),
        ({"hidden_layer_sizes": np.array([5, 2])}, [5, 2]),
    ],
)
def test_layers(parameters, sizes):
    net = regressor(**parameters).fit(X, NUMBER)
    assert [W.shape for W in net.coefs_] == list(zip([3, *sizes], [*sizes, 1], strict=True))
    assert [b.shape for b in net.intercepts_] == [(size,) for size in [*sizes, 1]]
    assert net.n_layers_ == len(sizes) + 2


def test_depth_goes_with_an_int():
    with pytest.raises(ValueError, match=r"depth=2 goes with an int; hidden_layer_sizes=\[5, 2\]"):
        regressor(hidden_layer_sizes=(5, 2), depth=2).fit(X, NUMBER)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_trains(name):
    net = regressor(activation=name, max_iter=60, learning_rate_init=0.03).fit(X, NUMBER)
    assert net.score(X, NUMBER) > 0.5


def test_logistic_is_sigmoid():
    one, other = (regressor(activation=name).fit(X, NUMBER) for name in ("logistic", "sigmoid"))
    assert_array_equal(weights(one), weights(other))


def test_one_activation_a_layer():
    net = regressor(hidden_layer_sizes=(4, 5), activation=["relu", ACTIVATIONS["tanh"]]).fit(X, NUMBER)
    _, first, second, _ = net.activations(X)
    assert first.min() >= 0.0 and (first == 0.0).any() and second.min() < 0.0 and np.abs(second).max() < 1.0
    same = regressor(hidden_layer_sizes=(4, 5), activation="relu").fit(X, NUMBER)
    each = regressor(hidden_layer_sizes=(4, 5), activation=("relu", "relu")).fit(X, NUMBER)
    assert_array_equal(weights(same), weights(each))


# --- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sizes", [10**9, (10**6, 10**6), 10**30, (10**200, 10**200), (3, 10**12)], ids=lambda sizes: str(sizes)[:20]
)  # fmt: skip
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_layers_that_cannot_fit_in_memory_are_refused(sizes, solver):
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=.* weights.* GiB: use smaller layers"):
        regressor(hidden_layer_sizes=sizes, solver=solver).fit(X, NUMBER)


def test_absurd_depths_are_refused():
    with pytest.raises(ValueError, match="depth|hidden_layer_sizes"):
        regressor(hidden_layer_sizes=1000, depth=10**12).fit(X, NUMBER)


# --- first weights ---------------------------------------------------------------------------------------------------


def test_init_from_given_weights():
    coefs = [rng.normal(size=(3, 4)), rng.normal(size=(4, 1))]
    intercepts = [rng.normal(size=4), rng.normal(size=1)]
    net = regressor(init=(coefs, intercepts), learning_rate=lambda _: 0.0).fit(X, NUMBER)
    for found, given in zip(net.coefs_ + net.intercepts_, coefs + intercepts, strict=True):
        assert_array_equal(found, given)
        assert not np.shares_memory(found, given)


def test_init_from_a_function():
    def ones(fan_in, fan_out, rng):
        return np.ones((fan_in, fan_out))

    net = regressor(init=ones, learning_rate=lambda _: 0.0).fit(X, NUMBER)
    assert all((W == 1.0).all() for W in net.coefs_)


@pytest.mark.parametrize(
    "init, message",
    [
        (([np.ones((3, 4))], [np.ones(4)]), "init gives weights of shapes.*this network has"),
        (([np.ones((3, 4)), np.ones((5, 1))], [np.ones(4), np.ones(1)]), "init gives weights of shapes"),
        (([np.ones((3, 4)), np.ones((4, 1))], [np.ones(4), np.ones((1, 1))]), "init gives weights of shapes"),
        (([np.full((3, 4), np.nan), np.ones((4, 1))], [np.ones(4), np.ones(1)]), "init gives.*are not finite"),
        ((1, 2, 3), r"init is a tuple of 3; it must be \(coefs, intercepts\)"),
        (lambda fan_in, fan_out, rng: np.ones((1, 1)), "init gives weights of shapes"),
        (lambda fan_in, fan_out, rng: np.full((fan_in, fan_out), np.inf), "init gives weights that are not finite"),
    ],
)  # fmt: skip
def test_first_weights_that_do_not_fit(init, message):
    with pytest.raises(ValueError, match=message):
        regressor(init=init).fit(X, NUMBER)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_output_starts_at_the_log_of_the_weighted_mean(loss):
    y, weight = np.exp(NUMBER), 1.0 + np.arange(N) % 3
    zero = {"init": lambda fan_in, fan_out, rng: np.zeros((fan_in, fan_out)), "learning_rate": lambda _: 0.0}
    net = regressor(loss=loss, **zero).fit(X, y, weight)
    assert_allclose(net.intercepts_[-1], np.log(np.average(y, weights=weight)), rtol=1e-12)
    assert_allclose(net.predict(X), np.average(y, weights=weight), rtol=1e-12)


# --- batches and types -----------------------------------------------------------------------------------------------


def test_a_batch_larger_than_the_table_is_clipped_with_scikit_learns_warning():
    message = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
    for fit in ("fit", "partial_fit"):
        with pytest.warns(UserWarning, match=message):
            clipped = getattr(regressor(batch_size=N + 1), fit)(X, NUMBER)
        assert_array_equal(weights(clipped), weights(getattr(regressor(batch_size=N), fit)(X, NUMBER)))


def test_no_warning_where_batches_do_not_count():
    regressor(batch_size="auto").fit(X, NUMBER)
    regressor(batch_size=1000, solver="lbfgs", max_iter=1000).fit(X, NUMBER)
    fitted = regressor(batch_size=20).fit(X, NUMBER)
    fitted.backpropagate(X[:3], NUMBER[:3])


def test_auto_batches_are_two_hundred_rows():
    X = np.random.default_rng(0).normal(size=(450, 2))
    auto, given = (regressor(batch_size=size).fit(X, X[:, 0]) for size in ("auto", 200))
    assert_array_equal(weights(auto), weights(given))


def test_batches_beyond_the_buffers_are_computed_piece_by_piece():
    X = np.random.default_rng(0).normal(size=(2 * MAX_ROWS + 100, 2))
    y = X[:, 0] ** 2
    net = regressor(batch_size=len(X)).fit(X, y)
    loss, coef_grads, _ = net.backpropagate(X, y)
    parts = [(slice(i, min(i + 1000, len(X)))) for i in range(0, len(X), 1000)]
    pieces = [(len(y[part]), net.backpropagate(X[part], y[part])) for part in parts]
    assert loss == pytest.approx(sum(n * piece[0] for n, piece in pieces) / len(X), rel=1e-12)
    assert_allclose(coef_grads[0], sum(n * piece[1][0] for n, piece in pieces) / len(X), atol=1e-14)


def test_auto_computes_large_tables_in_float32():
    for n, dtype in ((FLOAT32_ROWS - 1, "float64"), (FLOAT32_ROWS, "float32")):
        X = np.random.default_rng(0).normal(size=(n, 2))
        auto, given = (regressor(dtype=name).fit(X, X[:, 0]) for name in ("auto", dtype))
        assert_array_equal(weights(auto), weights(given))
    assert regressor(dtype="auto", solver="lbfgs", max_iter=1000).fit(X, X[:, 0])._arithmetic == np.float64


def test_weights_are_divided_by_their_mean():
    weight, total = normalise(np.array([1.0, 2.0, 3.0]), 3, np.dtype(float))
    assert total == 6.0
    assert_allclose(weight, [0.5, 1.0, 1.5])
    assert normalise(None, 3, np.dtype(float)) == (None, 3.0)


@pytest.mark.parametrize("given", [{"activation": [["relu"]]}, {"dropout": ["a"]}, {"init": (1, 2)}])
def test_an_error_names_the_parameter_whatever_it_holds(given):
    (name,) = given
    with pytest.raises(ValueError, match=name):
        SigmoidMLPClassifier((4,), **given).fit(X, LABEL)


# --- L-BFGS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"dropout": 0.1}, {"dropout": [0.1]}, {"max_norm": 1.0}])
def test_what_does_not_go_with_lbfgs(given):
    (name,) = given
    for kind in (SigmoidMLPRegressor, SigmoidMLPClassifier):
        with pytest.raises(ValueError, match=rf"{name}=.* does not go with solver='lbfgs'.*choose solver='adam'"):
            kind(solver="lbfgs", **given).fit(X, LABEL)


def test_what_lbfgs_ignores():
    plain = regressor(solver="lbfgs", max_iter=1000).fit(X, NUMBER)
    other = dict(batch_size=7, learning_rate="adaptive", learning_rate_init=9.0, momentum=0.1, shuffle=False)
    assert_array_equal(weights(plain), weights(regressor(solver="lbfgs", max_iter=1000, **other).fit(X, NUMBER)))


def test_zero_dropout_goes_with_lbfgs():
    regressor(solver="lbfgs", max_iter=1000, dropout=[0.0]).fit(X, NUMBER)
