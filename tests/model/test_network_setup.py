"""The training of one network: its start, its objective, its solver, and the resulting network."""

import weakref
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPRegressor
from sknet._model.kept_state import pruned_state
from sknet._model.network_setup import (
    MAX_BUFFER_ROWS,
    ROWS_IN_CACHE,
    check_networks_fit_in_memory,
    make_network_setup,
    rows_per_block,
    train_side_by_side,
)
from tests.estimators import data
from tests.estimators.data import NUMBER, N
from tests.estimators.inside import model_of, seeds_of
from tests.model import examples
from tests.model.limits import memory_of
from tests.training.problems import NO_OBSERVER

LABEL = (NUMBER > 0).astype(int)
X = data.X[:, :3]
F64 = np.dtype(float)
QUICK = data.QUICK | {"alpha": 0.0, "numeric_encoding": "raw"}


def regressor(**parameters):
    return SigmoidMLPRegressor(**QUICK | parameters)


def encoded(weight=None, validated=False, X=X, y=NUMBER, kind=SigmoidMLPRegressor, **parameters):
    """Settings, the encoding and encoded rows, as an estimator would make them."""
    return examples.encoded(kind(**QUICK | parameters), X, y, weight, validated=validated)[:3]


def setup_of(validation=None, **parameters):
    return make_network_setup(*encoded(validated=validation is not None, **parameters), validation)


def trained(setup, seeds=(1, 2)):
    state = setup.first_state(seeds)
    result = train_side_by_side([setup], [state], NO_OBSERVER, None)
    return setup.make_network(state.theta_to_publish), result, state


def theta_of(network):
    return network.theta_vector(F64)


# --- a pure function -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_equal_settings_rows_and_seeds_give_equal_weights(solver):
    setup = setup_of(solver=solver, max_iter=5)
    network, result, state = trained(setup)
    assert_array_equal(theta_of(network), theta_of(trained(setup_of(solver=solver, max_iter=5))[0]))
    assert result.epochs_done == state.epoch == len(state.history) == 5
    assert result.reason.name == ("MAX_ITER" if solver == "lbfgs" else "FINISHED")
    assert (theta_of(trained(setup, seeds=(3, 2))[0]) != theta_of(network)).any()


def test_the_second_seed_is_used_in_training():
    one, other = (theta_of(trained(setup_of(), seeds=(1, seed))[0]) for seed in (2, 3))
    assert (one != other).any()
    one, other = (theta_of(trained(setup_of(batch_size=N, shuffle=False), seeds=(1, seed))[0]) for seed in (2, 3))
    assert_array_equal(one, other)


def test_an_estimator_with_one_member_has_the_weights_of_a_single_network():
    net = regressor().fit(X, NUMBER)
    first, _, training = seeds_of(net)
    assert_array_equal(theta_of(model_of(net).network), theta_of(trained(setup_of(), seeds=(first, training))[0]))


def test_a_network_without_bins_equals_one_of_raw_numbers():
    """Its weights of bins are 0, and its other weights are those of a table without bins."""
    settings, encoding, rows = encoded(numeric_encoding="piecewise_linear")
    network, _, _ = trained(make_network_setup(settings, encoding, rows, sees_bins=False))
    raw, _, _ = trained(setup_of())
    is_bin = np.array([each.kind == "bin" for _, each in encoding.encoder.input_descriptions])
    assert is_bin.any()
    assert not network.coefs[0][is_bin].any()
    assert_array_equal(network.coefs[0][~is_bin], raw.coefs[0])
    assert_array_equal(network.coefs[1], raw.coefs[1])


# --- rows computed at once -------------------------------------------------------------------------------------------


def test_large_batches_are_computed_block_by_block():
    X = np.random.default_rng(0).normal(size=(2 * MAX_BUFFER_ROWS + 100, 2))
    y = X[:, 0] ** 2
    net = regressor(batch_size=len(X)).fit(X, y)
    loss, coef_grads, _ = net.backpropagate(X, y)
    parts = [(slice(i, min(i + 1000, len(X)))) for i in range(0, len(X), 1000)]
    blocks = [(len(y[part]), net.backpropagate(X[part], y[part])) for part in parts]
    assert loss == pytest.approx(sum(n * block[0] for n, block in blocks) / len(X), rel=1e-12)
    assert_allclose(coef_grads[0], sum(n * block[1][0] for n, block in blocks) / len(X), atol=1e-14)


def test_blocks_have_at_most_a_batch_of_rows():
    table, y = np.zeros((10_000, 3)), np.arange(10_000.0)
    for batch_size, expected in ((700, 700), (9_000, MAX_BUFFER_ROWS)):
        settings, _, rows = encoded(X=table, y=y, batch_size=batch_size)
        assert rows_per_block(settings, len(rows)) == expected
    settings, _, rows = encoded(X=table, y=y, solver="lbfgs")
    assert rows_per_block(settings, len(rows)) == 500 <= ROWS_IN_CACHE  # twenty equal parts
    assert rows_per_block(settings, len(rows), is_sparse=True) == 3334  # three
    settings, encoding, rows = encoded(X=sp.csr_array(table), y=y, solver="lbfgs")
    assert make_network_setup(settings, encoding, rows).objective_settings.block_rows == 3334


def least_memory(settings, encoding, n_rows):
    """The least memory, up to 1,000 bytes, that raises no error."""
    too_few, enough = 0, 2**30
    while enough - too_few > 1000:
        middle = (too_few + enough) // 2
        try:
            with memory_of(middle):
                check_networks_fit_in_memory(settings, encoding, n_rows, 0, keeps_best=False)
            enough = middle
        except ValueError:
            too_few = middle
    return enough


def test_memory_counts_weights_and_the_rows_computed_at_once():
    units = 60_000
    settings, encoding, _ = encoded(hidden_layer_sizes=units)  # batches of 20
    theta_bytes, row_bytes = 8 * (5 * units + 1), 8 * (units + 1)
    least = least_memory(settings, encoding, 60)  # one evaluation takes up to 256 rows
    assert least > 4 * theta_bytes + 60 * row_bytes  # theta, its gradient and Adam's moments; the layers' outputs
    assert least_memory(settings, encoding, 50) + 10 * row_bytes <= least
    assert least_memory(settings, encoding, 256) == least_memory(settings, encoding, 10_000)
    with memory_of(least // 2), pytest.raises(ValueError, match="300,001 weights"):
        check_networks_fit_in_memory(settings, encoding, 60, 0, keeps_best=False)


def test_memory_counts_the_network_that_members_are_joined_to():
    settings, encoding, _ = encoded(hidden_layer_sizes=(100, 100), n_members=40, numeric_encoding="raw")
    assert least_memory(settings, encoding, 60) > 8 * (40 * 100) ** 2
    match = r"n_members=40 with .* joined to one network, makes 16,\d+,\d+ weights, .* use fewer or smaller"
    with memory_of(2**26), pytest.raises(ValueError, match=match):
        check_networks_fit_in_memory(settings, encoding, 60, 0, keeps_best=False)


def test_the_memory_error_names_inputs_and_outputs():
    match = r"hidden_layer_sizes=\(3000, 400\) with 3 inputs and 1 outputs makes"
    with memory_of(2**20), pytest.raises(ValueError, match=match):
        regressor(hidden_layer_sizes=(3000, 400)).fit(X, NUMBER)


# --- first weights ---------------------------------------------------------------------------------------------------


def test_init_may_be_a_function():
    def ones(fan_in, fan_out, rng):
        return np.ones((fan_in, fan_out))

    net = regressor(init=ones, learning_rate=lambda _: 0.0).fit(X, NUMBER)
    assert all((W == 1.0).all() for W in net.coefs_)


@pytest.mark.parametrize(
    "init, message",
    [
        (lambda fan_in, fan_out, rng: np.ones((1, 1)), "init gives weights of shapes"),
        (lambda fan_in, fan_out, rng: np.full((fan_in, fan_out), np.inf), "init gives weights that are not finite"),
    ],
)
def test_an_init_function_of_wrong_weights_raises(init, message):
    with pytest.raises(ValueError, match=message):
        regressor(init=init).fit(X, NUMBER)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
@pytest.mark.parametrize("sizes", [4, (3, 2)])
def test_the_output_bias_starts_at_the_log_of_the_weighted_mean(loss, sizes):
    y, weight = np.exp(NUMBER), 1.0 + np.arange(N) % 3
    zero = {"init": lambda fan_in, fan_out, rng: np.zeros((fan_in, fan_out)), "learning_rate": lambda _: 0.0}
    net = regressor(loss=loss, hidden_layer_sizes=sizes, **zero).fit(X, y, weight)
    assert_allclose(net.intercepts_[-1], np.log(np.average(y, weights=weight)), rtol=1e-12)
    assert not any(b.any() for b in net.intercepts_[:-1])
    assert_allclose(net.predict(X), np.average(y, weights=weight), rtol=1e-12)


def test_given_weights_get_no_bias_added():
    zero = [np.zeros((3, 4)), np.zeros((4, 1))], [np.zeros(4), np.zeros(1)]
    net = regressor(loss="poisson", init=zero, learning_rate=lambda _: 0.0).fit(X, np.exp(NUMBER))
    assert not any(part.any() for part in net.coefs_ + net.intercepts_)


# --- what is minimised, and by whom ----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_gradient_equals_finite_differences_of_the_objective(solver):
    setup = setup_of(alpha=6.0, l1_ratio=0.25, solver=solver, hidden_layer_sizes=2)
    network = setup.make_network(setup.first_state((1, 0)).theta)
    theta = theta_of(network)

    def objective(theta):
        coefs, intercepts = setup.layout.coefs_and_intercepts(theta)
        return setup.objective_and_gradient(replace(network, coefs=coefs, intercepts=intercepts))[0]

    value, gradient = setup.objective_and_gradient(network)
    for i in range(0, len(theta), 2):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        high, low = map(objective, (theta + step, theta - step))
        assert (high - low) / 2e-6 == pytest.approx(gradient[i], rel=1e-5, abs=1e-7)
    W = theta[: setup.layout.n_weights]
    plain, _ = setup_of(solver=solver, hidden_layer_sizes=2).objective_and_gradient(network)
    assert value - plain == pytest.approx(6.0 / N * (0.75 * W @ W / 2.0 + 0.25 * np.abs(W).sum()), rel=1e-12)


def test_the_solver_applies_l1_and_max_norm():
    assert setup_of(max_norm=1.0).problem.proximal.limit_norms is not None
    assert setup_of(alpha=6.0).problem.proximal.limit_norms is None
    assert setup_of(alpha=6.0).problem.proximal.l1 == 0.0
    for how in ({}, {"solver": "lbfgs"}):
        assert setup_of(alpha=6.0, l1_ratio=0.25, **how).problem.proximal.l1 == 1.5 / N


def test_fewer_epochs_keep_the_length_of_the_schedule():
    settings, *encoded_rows = encoded(max_iter=9)
    settings = replace(settings, solver=replace(settings.solver, n_epochs=2))
    solver = make_network_setup(settings, *encoded_rows).solver
    assert (solver.n_epochs, solver.schedule_epochs) == (2, 9)


# --- results ---------------------------------------------------------------------------------------------------------


def test_the_rows_of_a_trained_network_are_freed_at_once():
    """A cycle of references would keep a large table in memory until garbage is collected."""
    settings, encoding, rows = encoded(validated=True)
    setup = make_network_setup(settings, encoding, rows, rows.take(np.arange(20)))
    trained(setup)
    reference = weakref.ref(setup)
    del setup
    assert reference() is None


def test_a_temperature_scales_the_output_layer():
    setup = setup_of()
    theta = setup.first_state((1, 0)).theta
    network, scaled = setup.make_network(theta), setup.make_network(theta, 4.0)
    assert (network.temperature, scaled.temperature) == (1.0, 4.0)
    assert_array_equal(scaled.coefs[1], 0.25 * network.coefs[1])
    assert_array_equal(scaled.intercepts[1], 0.25 * network.intercepts[1])
    assert_array_equal(scaled.coefs[0], network.coefs[0])
    assert_array_equal(scaled.intercepts[0], network.intercepts[0])


def test_a_kept_state_lacks_the_published_weights():
    setup = setup_of(max_iter=2)
    _, _, state = trained(setup)
    kept = pruned_state(state, setup.layout.n_parameters, setup.encoding.output_dtype, from_published=False)
    assert_array_equal(kept.theta, state.theta[setup.layout.n_parameters :])  # the gains
    assert kept.theta.size == setup.layout.sizes[0]
    assert kept.epoch == 2
    assert kept.history == []
    assert len(kept.moments) == 2
