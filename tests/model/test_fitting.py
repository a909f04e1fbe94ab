"""From settings and rows to a trained model, without an estimator."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sknet._model.fitting import (
    FULL_BATCH_ROWS,
    MAX_ROWS,
    assemble,
    buffer_rows,
    encode_rows,
    evaluation,
    fit_model,
    learn_tables,
    penalties_of,
    prepare,
    solver_of,
)

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.facts import Facts
from sknet._estimators.resolve import resolve, target_settings
from sknet._model import fitting
from sknet._model.heads import learn_label_head, learn_number_head
from sknet._model.model import Network
from sknet._tables.rows import Rows
from sknet._training.lbfgs import LBFGS
from sknet._training.minibatch import MiniBatch
from sknet._training.result import StopReason

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] + 0.1 * rng.normal(size=N)
LABEL = (NUMBER > 0).astype(int)
F64 = np.dtype(float)
QUICK = dict(
    hidden_layer_sizes=4, max_iter=3, early_stopping=False, random_state=0, batch_size=20, dtype="float64",
    learning_rate="cosine", learning_rate_init=0.01, averaging=0.0, alpha=0.0,
)  # fmt: skip


def regressor(**parameters):
    return SigmoidMLPRegressor(**QUICK | parameters)


def parts(n=N, weight=None, validated=False, X=X, y=NUMBER, **parameters):
    """Settings, tables and rows of a regression, as an estimator would make them."""
    net = regressor(**parameters)
    head, values = learn_number_head(y[:n], target_settings(net))
    settings, _ = resolve(net, Facts(n, validated))
    rows = Rows(X[:n], values, weight)
    return settings, learn_tables(settings, head, rows, F64), rows


def first_network(run, seed):
    theta = run.first_state((seed, 0)).theta
    return Network(run.settings.network.activations, *run.layout.views(theta))


def fit(settings, tables, rows, *validation, seeds):
    return fit_model(settings, tables.head, rows, *validation, output_dtype=F64, seeds=seeds)


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


# --- a pure function -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_to_fit_is_a_pure_function_of_settings_rows_and_seeds(solver):
    settings, tables, rows = parts(solver=solver, max_iter=5)
    (one, result, state), (other, _, _) = (fit(settings, tables, rows, seeds=(1, 2)) for _ in range(2))
    assert_array_equal(one.outputs(X, np.copy), other.outputs(X, np.copy))
    assert result.n_epochs == state.epoch == len(state.history) == 5
    assert result.reason is (StopReason.MAX_ITER if solver == "lbfgs" else StopReason.FINISHED)
    third, _, _ = fit(settings, tables, rows, seeds=(3, 2))
    assert (third.outputs(X, np.copy) != one.outputs(X, np.copy)).any()


def test_the_second_seed_is_that_of_training():
    settings, tables, rows = parts()
    one, other = (fit(settings, tables, rows, seeds=(1, seed))[0] for seed in (2, 3))
    assert (one.outputs(X, np.copy) != other.outputs(X, np.copy)).any()
    full = replace(settings, solver=replace(settings.solver, batch_size=N, shuffle=False))
    one, other = (fit(full, tables, rows, seeds=(1, seed))[0] for seed in (2, 3))
    assert_array_equal(one.outputs(X, np.copy), other.outputs(X, np.copy))


def test_an_estimator_does_nothing_else():
    net = regressor().fit(X, NUMBER)
    first, _, training = net._fitted.seeds
    settings, tables, rows = parts()
    model, _, _ = fit(settings, tables, rows, seeds=(first, training))
    assert_array_equal(model.outputs(X, model.head.predict), net.predict(X))


def test_held_out_rows_choose_the_epoch():
    settings, tables, rows = parts(validated=True, learning_rate_init=0.5, max_iter=30, hidden_layer_sizes=30)
    noise = Rows(X, np.random.default_rng(4).normal(size=(N, 1)))
    model, _, state = fit(settings, tables, rows, noise, seeds=(1, 2))
    best = int(np.argmax([epoch.validation_score for epoch in state.history])) + 1
    assert best < len(state.history) and state.best.epoch == best
    assert_array_equal(model.network.packed(F64), state.best.theta)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_weights_are_divided_by_their_mean():
    _, tables, rows = parts(n=3, weight=np.array([1.0, 2.0, 3.0]))
    encoded = encode_rows(tables, rows, 3)
    assert encoded.total_weight == 6.0 and len(encoded.target) == 3
    assert_allclose(encoded.weight, [0.5, 1.0, 1.5])
    plain = encode_rows(tables, replace(rows, weight=None), 3)
    assert plain.weight is None and plain.total_weight == 3.0


def test_scales_are_learnt_from_the_training_rows_alone():
    settings, tables, rows = parts(n=40)
    again = learn_tables(settings, tables.head, rows, F64)
    assert again.encoder == tables.encoder and again.head == tables.head
    assert tables.head.numbers.scaler.mean[0] == pytest.approx(NUMBER[:40].mean())


def test_a_warm_start_keeps_what_was_learnt_of_the_tables():
    model = regressor().fit(X, NUMBER)._fitted.model
    settings, _, rows = parts()
    tables = prepare(settings, model.head, rows, output_dtype=F64, earlier=model).tables
    assert tables.encoder is model.encoder and tables.head is model.head
    assert (tables.compute_dtype, tables.output_dtype) == (F64, F64)


def test_batches_beyond_the_buffers_are_computed_piece_by_piece():
    X = np.random.default_rng(0).normal(size=(2 * MAX_ROWS + 100, 2))
    y = X[:, 0] ** 2
    net = regressor(batch_size=len(X)).fit(X, y)
    loss, coef_grads, _ = net.backpropagate(X, y)
    parts = [(slice(i, min(i + 1000, len(X)))) for i in range(0, len(X), 1000)]
    pieces = [(len(y[part]), net.backpropagate(X[part], y[part])) for part in parts]
    assert loss == pytest.approx(sum(n * piece[0] for n, piece in pieces) / len(X), rel=1e-12)
    assert_allclose(coef_grads[0], sum(n * piece[1][0] for n, piece in pieces) / len(X), atol=1e-14)


def test_how_many_rows_are_computed_at_once():
    large, y = np.zeros((10_000, 1)), np.arange(10_000.0)
    settings, _, rows = parts(X=large, y=y, n=10_000, batch_size=700)
    assert buffer_rows(settings, rows) == 700
    settings, _, rows = parts(X=large, y=y, n=10_000, batch_size=9_000)
    assert buffer_rows(settings, rows) == MAX_ROWS
    settings, _, rows = parts(X=large, y=y, n=10_000, solver="lbfgs")
    assert buffer_rows(settings, rows) == 500 <= FULL_BATCH_ROWS  # twenty equal parts
    assert buffer_rows(settings, replace(rows, X=sp.csr_array(large))) == 3334  # three


# --- first weights ---------------------------------------------------------------------------------------------------


def test_first_weights_from_a_function():
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
def test_functions_whose_weights_do_not_fit(init, message):
    with pytest.raises(ValueError, match=message):
        regressor(init=init).fit(X, NUMBER)


@pytest.mark.parametrize("loss", ["poisson", "gamma"])
def test_the_output_starts_at_the_log_of_the_weighted_mean(loss):
    y, weight = np.exp(NUMBER), 1.0 + np.arange(N) % 3
    zero = {"init": lambda fan_in, fan_out, rng: np.zeros((fan_in, fan_out)), "learning_rate": lambda _: 0.0}
    net = regressor(loss=loss, **zero).fit(X, y, weight)
    assert_allclose(net.intercepts_[-1], np.log(np.average(y, weights=weight)), rtol=1e-12)
    assert_allclose(net.predict(X), np.average(y, weights=weight), rtol=1e-12)


def test_given_weights_start_where_they_are():
    zero = [np.zeros((3, 4)), np.zeros((4, 1))], [np.zeros(4), np.zeros(1)]
    settings, tables, rows = parts(loss="poisson", y=np.exp(NUMBER), init=zero)
    network = first_network(assemble(settings, tables, rows), 0)
    assert not any(part.any() for part in network.coefs + network.intercepts)


# --- what is minimised, and by whom ----------------------------------------------------------------------------------


def test_alpha_is_shared_out_by_the_total_weight():
    settings, _, _ = parts(alpha=6.0, l1_ratio=0.25)
    found = penalties_of(settings, 12.0)
    assert (found.l2, found.l1) == (0.375, 0.125)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_gradient_is_that_of_the_whole_objective(solver):
    settings, tables, rows = parts(alpha=6.0, l1_ratio=0.25, solver=solver, hidden_layer_sizes=2)
    run = assemble(settings, tables, rows)
    network = first_network(run, 1)
    value, gradient = run.gradient(network)
    theta = network.packed(F64)
    for i in range(0, len(theta), 2):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        high, low = (
            run.gradient(replace(network, **dict(zip(("coefs", "intercepts"), run.layout.views(t), strict=True))))[0]
            for t in (theta + step, theta - step)
        )
        assert (high - low) / 2e-6 == pytest.approx(gradient[i], rel=1e-5, abs=1e-7)
    W = theta[: run.layout.n_weights]
    plain, _ = run.objective(theta, slice(0, N), np.zeros_like(theta))
    assert value > 0.1 * np.abs(W).sum() * 0.25 * 6.0 / N and value >= plain


def test_l1_and_norms_are_left_to_the_projection_where_steps_are_taken():
    settings, tables, rows = parts(alpha=6.0, l1_ratio=0.25)
    assert assemble(settings, tables, rows).problem.project is not None
    assert assemble(*parts(max_norm=1.0)).problem.limit is not None
    plain = assemble(*parts(alpha=6.0)).problem
    assert plain.project is None and plain.limit is None
    lbfgs = assemble(*parts(alpha=6.0, l1_ratio=0.25, solver="lbfgs"))
    assert lbfgs.problem.project is None and lbfgs.solver.l1 == 1.5 / N
    theta = np.ones(lbfgs.layout.n_parameters)
    assert lbfgs.problem.penalty(theta) == pytest.approx(0.5 * 4.5 / N * lbfgs.layout.n_weights)  # L2 alone


@pytest.mark.parametrize(
    ("parameters", "validated", "may_stop", "expected"),
    [
        ({"learning_rate": "constant"}, False, True, 7),
        ({"learning_rate": "constant"}, False, False, np.inf),
        ({"learning_rate": "cosine"}, False, True, np.inf),
        ({"learning_rate": "cosine"}, True, True, 7),
        ({"learning_rate": "cosine"}, True, False, np.inf),
        ({"solver": "lbfgs"}, False, True, 7),
        ({"solver": "lbfgs"}, True, True, 7),
    ],
)
def test_epochs_to_wait(parameters, validated, may_stop, expected):
    settings, _, _ = parts(n_iter_no_change=7, validated=validated, **parameters)
    solver = solver_of(settings, 0.0, validated, 3, may_stop)
    assert type(solver) is (LBFGS if "solver" in parameters else MiniBatch)
    assert solver.n_iter_no_change == expected


def test_a_run_until_an_epoch_keeps_the_schedules_length():
    solver = assemble(*parts(max_iter=9), until=2).solver
    assert (solver.n_epochs, solver.horizon) == (2, 9)


# --- held-out rows ---------------------------------------------------------------------------------------------------


def test_held_out_rows_are_evaluated_by_their_weighted_loss():
    settings, tables, rows = parts(validated=True)
    run = assemble(settings, tables, rows)
    weight = np.linspace(0.1, 2.0, 20)
    validation = Rows(X[:20], NUMBER[:20, np.newaxis], weight)
    evaluate = evaluation(settings, tables, run.layout, run.objective, validation, None)
    network = first_network(run, 1)
    loss, score, theta, _ = evaluate(network.packed(F64))
    model = run.trained(run.state_from(network, 0))
    raw, target = model.outputs(X[:20], np.copy), tables.head.targets(validation.y, F64)
    assert loss == pytest.approx(np.average(0.5 * (raw - target)[:, 0] ** 2, weights=weight), rel=1e-12)
    assert score == -loss
    assert_array_equal(theta, network.packed(F64))
    scored = evaluation(settings, tables, run.layout, run.objective, validation, lambda model: 0.25)
    assert scored(theta)[:2] == (loss, 0.25)


def test_a_temperature_scales_the_output_layer_that_is_kept():
    net = SigmoidMLPClassifier(**QUICK | {"early_stopping": True}, temperature_scaling=True)
    head, codes = learn_label_head(LABEL, target_settings(net))
    settings, _ = resolve(net, Facts(N, True))
    rows = Rows(X, codes)
    run = assemble(settings, learn_tables(settings, head, rows, F64), rows, Rows(X[:30], codes[:30]))
    network = first_network(run, 1)
    theta = network.packed(F64)
    _, _, kept, temperature = run.problem.evaluate(theta)
    (hidden, output), (b1, b2) = run.layout.views(kept)
    factor = output[0, 0] / network.coefs[1][0, 0]
    assert factor != 1.0 and temperature == pytest.approx(1.0 / factor, rel=1e-12)
    assert_allclose(output, factor * network.coefs[1], rtol=1e-12)
    assert_allclose(b2, factor * network.intercepts[1], rtol=1e-12)
    assert_array_equal(hidden, network.coefs[0])
    assert_array_equal(b1, network.intercepts[0])


def test_layers_beyond_memory_are_named_with_inputs_and_outputs(monkeypatch):
    monkeypatch.setattr("sknet._model.machine.memory_limit", lambda: 2**20)
    monkeypatch.setattr(fitting, "MANY_WEIGHTS", 1000)
    settings, tables, rows = parts(hidden_layer_sizes=(3000, 200))
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(3000, 200\) with 3 inputs and 1 outputs makes"):
        assemble(settings, tables, rows)


def test_what_is_kept_of_a_state_is_what_its_weights_do_not_say():
    settings, tables, rows = parts(max_iter=2)
    run = assemble(settings, tables, rows)
    state = run.first_state((0, 1))
    run.train(state)
    kept = run.kept(state)
    assert kept.theta.size == 0 and kept.epoch == 2 and kept.history == [] and len(kept.moments) == 2


@pytest.mark.parametrize(("init", "asked"), [("orthogonal", [0]), ("glorot_uniform", [])])
def test_a_qr_decomposition_has_one_thread(init, asked, monkeypatch):
    found, real = [], fitting.suitable_threads
    monkeypatch.setattr(fitting, "suitable_threads", lambda product: found.append(product) or real(product))
    assemble(*parts(init=init)).first_state((0, 1))
    assert found == asked


def test_the_last_of_several_layers_gets_the_bias():
    settings, tables, rows = parts(hidden_layer_sizes=(3, 2), loss="poisson", y=np.exp(NUMBER), activation="tanh")
    run = assemble(settings, tables, rows)
    _, second, output = run.layout.views(run.first_state((0, 1)).theta)[1]
    assert output == pytest.approx([np.log(np.exp(NUMBER).mean())], rel=1e-6) and (second == 0.0).all()


def test_a_warm_start_with_other_layers_is_refused():
    settings, tables, rows = parts()
    model = fit_model(settings, tables.head, rows, output_dtype=F64, seeds=(0, 1))[0]
    other, _, _ = parts(hidden_layer_sizes=5)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        prepare(other, tables.head, rows, output_dtype=F64, earlier=model)


@pytest.mark.parametrize(("n_validation", "n_at_once"), [(None, 20), (10, 20), (30, 30), (5000, MAX_ROWS)])
def test_memory_is_that_of_the_rows_computed_at_once(n_validation, n_at_once, monkeypatch):
    asked = []
    monkeypatch.setattr(fitting, "MANY_WEIGHTS", 0)
    monkeypatch.setattr(fitting, "refuse_beyond_memory", lambda *given: asked.append(given[1:]))
    settings, tables, rows = parts()
    many = Rows(np.zeros((n_validation or 0, 3)), np.zeros((n_validation or 0, 1)))
    assemble(settings, tables, rows, None if n_validation is None else many)
    assert asked == [(3 * 4 + 4 + 4 * 1 + 1, 8, n_at_once * (4 + 1))]
