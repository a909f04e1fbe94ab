"""What "auto" becomes, once per fit; scikit-learn's schedules keep scikit-learn's training."""

from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import Interval, Loss, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import resolve as module
from sknet._estimators.resolve import (
    AUTO_RULES,
    LOSS_OPTIONS,
    AutoFacts,
    resolve,
    rules,
)
from tests.estimators.choices import (
    MEDIUM_TABLE_ROWS,
    MIN_EVALUATED_ROWS,
    OPEN_ENDED_SCHEDULES,
    SMALL_TABLE_ROWS,
    names_of,
)
from tests.estimators.data import LABEL, NUMBER, QUICK, N, X, outside_training
from tests.estimators.inside import settings_and_answers
from tests.estimators.results import weights
from tests.network.pieces import ACTIVATIONS
from tests.tables.examples import survey_of_numbers
from tests.training.problems import OPTIMIZERS

SOLVERS = names_of("solver")
FIRST_ORDER = [name for name in SOLVERS if name != "lbfgs"]
OWN_SCHEDULES = [name for name in names_of("learning_rate") if name not in OPEN_ENDED_SCHEDULES] + [float]


def resolved(net, n_rows=1000, validated=True):
    return settings_and_answers(net, AutoFacts(n_rows, validated))[1]


def settings(net, n_rows=1000, validated=True):
    return resolve(net, AutoFacts(n_rows, validated))[0]


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_every_parameter_that_may_be_auto_has_a_rule(kind):
    may_be_auto = {
        name for name, allowed in kind._parameter_constraints.items() if "'auto'" in str([*map(str, allowed)])
    }
    assert may_be_auto - LOSS_OPTIONS.keys() <= AUTO_RULES.keys()
    assert len(may_be_auto) >= 18


class Recorder:
    """Stands for parameters; notes the names of those that a rule reads."""

    def __init__(self, parameters):
        self._parameters = parameters
        self.names = set()

    @property
    def __class__(self):
        return type(self._parameters)

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(self._parameters, name)


@pytest.mark.parametrize("name", AUTO_RULES)
def test_a_rule_comes_after_those_of_the_parameters_that_it_reads(name):
    order = list(AUTO_RULES)
    kinds = [kind for kind in (SigmoidMLPClassifier, SigmoidMLPRegressor) if name in kind().get_params()]
    assert kinds
    for kind in kinds:
        for n_rows, validated in ((100, False), (1000, "folds"), (20_000, True)):
            for depth in (1, 2):
                p = module.resolved_copy(kind(depth=depth), AutoFacts(n_rows, validated, survey=survey_of_numbers(3)))
                recorder = Recorder(p)
                AUTO_RULES[name](recorder, AutoFacts(n_rows, validated, survey=survey_of_numbers(3)))
                assert recorder.names & AUTO_RULES.keys() - {name} <= {*order[: order.index(name)]}


def test_a_setting_without_a_parameter_of_its_name_raises():
    """Otherwise a renamed one would take its default in silence."""

    @dataclass
    class Misspelt:
        alpha: float
        l1_ration: float = 0.5

    with pytest.raises(TypeError, match=r"Misspelt'> takes \['l1_ration'\], which are no parameters"):
        module.make_from_parameters(Misspelt, SigmoidMLPRegressor())
    assert module.make_from_parameters(Misspelt, SigmoidMLPRegressor(alpha=2.0), l1_ration=1.0) == Misspelt(2.0, 1.0)


@pytest.mark.parametrize("schedule", names_of("learning_rate"))
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_setting_comes_from_a_parameter(solver, schedule):
    """`make_from_parameters` would raise for another."""
    for kind in (SigmoidMLPClassifier, SigmoidMLPRegressor):
        assert settings(kind(solver=solver, learning_rate=schedule)).solver.n_epochs > 0


def regressor(**parameters):
    return SigmoidMLPRegressor(**QUICK | parameters)


# --- what each "auto" becomes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", OPEN_ENDED_SCHEDULES)
@pytest.mark.parametrize("solver", FIRST_ORDER)
def test_scikit_learns_schedules_turn_off_regularisation_that_it_lacks(schedule, solver):
    answers = resolved(SigmoidMLPClassifier(learning_rate=schedule, solver=solver))
    assert answers.averaging == answers.weight_decay == answers.dropout == answers.label_smoothing == 0.0
    assert answers.clip_norm is None
    assert answers.temperature_scaling is False


@pytest.mark.parametrize("schedule", OWN_SCHEDULES)
def test_schedules_that_end_turn_on_averaging_and_what_each_solver_needs(schedule):
    nets = {solver: SigmoidMLPRegressor(learning_rate=schedule, solver=solver) for solver in ("adam", "sgd", "rmsprop")}
    by_solver = [resolved(net) for net in nets.values()]
    assert [one.weight_decay for one in by_solver] == [0.02, 0.0, 0.0]
    assert [one.clip_norm for one in by_solver] == [None, 10.0, None]
    assert [one.averaging for one in by_solver] == [0.99] * 3
    assert [resolved(net, validated=False).averaging for net in nets.values()] == [0.0] * 3


@pytest.mark.parametrize("solver", SOLVERS)
def test_dropout_needs_adam_and_rows_held_out(solver):
    net = SigmoidMLPClassifier(solver=solver)
    assert resolved(net).dropout == (0.1 if solver == "adam" else 0.0)
    assert resolved(net, validated=False).dropout == 0.0
    assert resolved(SigmoidMLPRegressor(solver=solver)).dropout == 0.0
    if solver != "lbfgs":
        assert resolved(net.set_params(dropout=[0.2]), validated=False).dropout == [0.2]


@pytest.mark.parametrize(
    "off", [{"solver": "lbfgs"}, {"loss": "squared_error"}, {"max_norm": 1.0}, {"temperature_scaling": False}]
)
def test_labels_are_smoothed_where_a_temperature_makes_up_for_it(off):
    net = SigmoidMLPClassifier()
    assert resolved(net).temperature_scaling is True
    assert resolved(net).label_smoothing == 0.02
    assert resolved(net, validated=False).temperature_scaling is False
    assert resolved(net, validated=False).label_smoothing == 0.0
    assert resolved(net.set_params(label_smoothing=0.3), validated=False).label_smoothing == 0.3
    without = resolved(SigmoidMLPClassifier(**off))
    assert not without.temperature_scaling
    assert without.label_smoothing == 0.0


def test_a_temperature_that_is_asked_for_needs_rows_held_out():
    net = SigmoidMLPClassifier(temperature_scaling=True, solver="lbfgs", learning_rate="constant")
    assert resolved(net).temperature_scaling is True
    assert resolved(net, validated=False).temperature_scaling is False


def test_given_parameters_are_kept():
    net = SigmoidMLPClassifier(averaging=0.5, weight_decay=0.1, clip_norm=2.0, learning_rate="constant", batch_size=7)
    answers = resolved(net, validated=False)
    assert (answers.averaging, answers.weight_decay, answers.clip_norm, answers.batch_size) == (0.5, 0.1, 2.0, 7)
    assert resolved(net, n_rows=5).batch_size == 5
    assert resolved(net.set_params(clip_norm=None)).clip_norm is None
    assert net.averaging == 0.5
    assert net.dropout == "auto"


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("auto", {5: 5, 199: 199, 200: 200, 10**6: 200}),
        ("proportional", {5: 5, 32: 32, 33: 32, 1055: 32, 1056: 33, 6400: 200, 8192: 256, 76_000: 256}),
        ("proportional", {90_000: 300, 300_000: 1000, 10**6: 1024}),
    ],
)
def test_named_batch_sizes(name, sizes):
    net = SigmoidMLPClassifier(batch_size=name)
    assert {n: resolved(net, n).batch_size for n in sizes} == sizes
    assert {n: settings(net, n).solver.batch_size for n in sizes} == sizes


def test_the_dtype_depends_on_rows_and_solver():
    few, many = SMALL_TABLE_ROWS - 1, SMALL_TABLE_ROWS
    assert settings(SigmoidMLPClassifier(), few).dtype == np.float64
    assert settings(SigmoidMLPClassifier(), many).dtype == np.float32
    assert settings(SigmoidMLPClassifier(), few, "folds").dtype == np.float32  # several networks
    assert settings(SigmoidMLPClassifier(solver="lbfgs"), many).dtype == np.float64
    assert settings(SigmoidMLPClassifier(dtype="float32"), few).dtype == np.float32


def test_auto_computes_large_tables_in_float32():
    for n, dtype in ((SMALL_TABLE_ROWS - 1, "float64"), (SMALL_TABLE_ROWS, "float32")):
        X = np.random.default_rng(0).normal(size=(n, 2))
        auto, by_name = (regressor(dtype=name).fit(X, X[:, 0]) for name in ("auto", dtype))
        assert_array_equal(weights(auto), weights(by_name))
        assert auto.resolved_params_["dtype"] == dtype
    lbfgs = regressor(dtype="auto", solver="lbfgs", max_iter=1000).fit(X, X[:, 0])
    assert lbfgs.resolved_params_["dtype"] == "float64"


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_auto_holds_out_of_large_tables_only():
    for n, validated in ((MIN_EVALUATED_ROWS - 1, False), (MIN_EVALUATED_ROWS, True)):
        X = np.random.default_rng(0).normal(size=(n, 2))
        net = regressor(early_stopping="auto", validation_fraction=0.3).fit(X, X[:, 0])
        assert (net.validation_scores_ is not None) == validated == net.resolved_params_["early_stopping"]


# --- what is resolved gives the same fit -----------------------------------------------------------------------------

OF_OTHER_LOSSES = set(module.LOSS_OPTIONS)


def table(n):
    X = np.random.default_rng(n).normal(size=(n, 3))
    return X, X[:, 0] + 0.3 * X[:, 1] ** 2


# Tables below and above the sizes at which batches, types and early stopping change; each solver and schedule.
FITS = [
    (20, {}),
    (20, {"early_stopping": True}),  # too few rows to hold out
    (39, {"solver": "sgd"}),
    (40, {}),
    (67, {"solver": "lbfgs", "early_stopping": True}),
    (120, {"learning_rate": "constant", "solver": "rmsprop"}),
    (120, {"learning_rate": "adaptive", "solver": "sgd", "early_stopping": False}),
    (300, {"learning_rate": "one_cycle", "hidden_layer_sizes": 4, "depth": 2}),
    (300, {"learning_rate": "invscaling", "batch_size": "auto", "early_stopping": True}),
    (499, {"solver": "lbfgs"}),
    (500, {"solver": "lbfgs", "early_stopping": False}),
    (500, {"learning_rate": "coslog4", "early_stopping": False, "dropout": 0.2}),
    (590, {"max_norm": 1.0}),
    (1200, {"solver": "sgd", "learning_rate": "cosine"}),
    (1200, {"batch_size": 5000, "early_stopping": False}),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*early_stopping:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1")
@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize(("n", "parameters"), FITS, ids=lambda value: str(value))
def test_what_every_auto_became_set_by_hand_gives_the_same_fit(n, parameters, kind):
    X, y = table(n)
    y = y if kind is SigmoidMLPRegressor else np.digitize(y, [-0.5, 0.5])
    net = kind(random_state=0, max_iter=5, **{"hidden_layer_sizes": 6, **parameters}).fit(X, y)
    answers = net.resolved_params_
    assert answers.keys() == net.get_params().keys()
    left = {name for name, value in answers.items() if isinstance(value, str) and value in ("auto", "proportional")}
    assert left <= OF_OTHER_LOSSES | ({"numeric_encoding"} if answers["n_members"] > 1 else set())  # both, by turns
    again = kind().set_params(**answers).fit(X, y)
    assert_array_equal(weights(again), weights(net))
    assert again.loss_curve_ == net.loss_curve_
    assert again.validation_scores_ == net.validation_scores_
    assert again.resolved_params_ == answers


@pytest.mark.parametrize(
    "options", [{"loss": "huber", "huber_delta": 0.5}, {"loss": "quantile", "quantile": (0.1, 0.9)}]
)
def test_options_of_the_chosen_loss_are_resolved_as_they_were_given(options):
    parameters = regressor(**options).fit(X, NUMBER).resolved_params_
    assert parameters.items() >= options.items()


# --- what settings are -----------------------------------------------------------------------------------------------


def leaves(value):
    """Every value in nested dataclasses and containers."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from leaves(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from leaves(part)
    elif isinstance(value, dict):
        yield from leaves(list(value.values()))
    else:
        yield value


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_no_resolved_setting_is_auto(kind, validated, solver):
    settings, _ = resolve(kind(solver=solver), AutoFacts(100, validated))
    words = {value for value in leaves(settings) if isinstance(value, str)}
    assert words
    assert not words & {"auto", "proportional"}


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_settings_are_frozen_to_the_last_part(kind):
    settings, _ = resolve(kind(), AutoFacts(100, True))
    parts = [part for field in fields(settings) if is_dataclass(part := getattr(settings, field.name))]
    assert len(parts) == 2
    for part in (settings, *parts):
        with pytest.raises(FrozenInstanceError):
            setattr(part, fields(part)[0].name, None)


# --- options of losses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quantile": 0.9}, r"quantile=0.9 belongs to loss='quantile', and loss='squared_error': set the loss"),
        ({"quantile": 0.5}, r"quantile=0.5 belongs to loss='quantile'"),
        ({"quantile": 0.9, "loss": "huber"}, r"quantile=0.9 belongs to loss='quantile', and loss='huber'"),
        ({"huber_delta": 2.0}, r"huber_delta=2.0 belongs to loss='huber', and loss='squared_error'.*leave huber_delta"),
    ],
)
@pytest.mark.parametrize("fitted", [False, True])
def test_an_option_of_another_loss_is_an_error(options, message, fitted):
    net = regressor()
    if fitted:
        net.fit(X, NUMBER)
    for method in ("fit", "partial_fit") + (("backpropagate",) if fitted else ()):
        with pytest.raises(ValueError, match=message):
            getattr(net.set_params(**options), method)(X, NUMBER)


@pytest.mark.parametrize("default", [{"loss": "huber"}, {"loss": "quantile"}])
def test_the_chosen_losses_options_have_a_default(default):
    assert np.isfinite(regressor(**default).fit(X, NUMBER).predict(X)).all()


def test_the_loss_of_parameters_is_none_if_they_are_not_valid():
    custom_loss = Loss("own", lambda raw, target: raw[:, 0], lambda raw, target: raw, targets=Interval(0.0))
    for loss, low in (("poisson", 0.0), ("gamma", 0.0), ("squared_error", -np.inf), (custom_loss, 0.0)):
        assert module.loss_if_valid(SigmoidMLPRegressor(loss=loss)).targets.low == low
    for parameters in ({"loss": "mse"}, {"loss": None}, {"loss": "quantile", "quantile": []}, {"quantile": 0.5}):
        assert module.loss_if_valid(SigmoidMLPRegressor(**parameters)) is None


# --- layers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "parameters, sizes",
    [
        ({"hidden_layer_sizes": 4}, (4,)),
        ({"hidden_layer_sizes": 4, "depth": 3}, (4, 4, 4)),
        ({"hidden_layer_sizes": ()}, ()),
        ({"hidden_layer_sizes": []}, ()),
        ({"hidden_layer_sizes": [5, 2]}, (5, 2)),
        ({"hidden_layer_sizes": np.array([5, 2])}, (5, 2)),
    ],
)
def test_hidden_layer_sizes_and_depth_give_the_shapes_of_the_weights(parameters, sizes):
    net = regressor(**parameters)
    assert settings(net).hidden_sizes == sizes
    net.fit(X, NUMBER)
    assert [W.shape for W in net.coefs_] == list(zip([4, *sizes], [*sizes, 1], strict=True))
    assert [b.shape for b in net.intercepts_] == [(size,) for size in [*sizes, 1]]
    assert net.n_layers_ == len(sizes) + 2


def test_depth_goes_with_an_int():
    with pytest.raises(ValueError, match=r"depth=2 goes with an int; hidden_layer_sizes=\[5, 2\]"):
        regressor(hidden_layer_sizes=(5, 2), depth=2).fit(X, NUMBER)


@pytest.mark.parametrize(("kind", "size"), [(SigmoidMLPClassifier, 128), (SigmoidMLPRegressor, 96)])
def test_depth_alone_means_so_many_layers_of_the_defaults_first_size(kind, size):
    assert settings(kind(depth=2)).hidden_sizes == (size, size)
    assert settings(kind(depth=3)).hidden_sizes == (size,) * 3


@pytest.mark.parametrize("name", names_of("activation"))
def test_every_activation_trains(name):
    net = regressor(activation=name, max_iter=60, learning_rate_init=0.03).fit(X, NUMBER)
    assert net.score(X, NUMBER) > 0.5


def test_logistic_is_sigmoid():
    one, other = (regressor(activation=name).fit(X, NUMBER) for name in ("logistic", "sigmoid"))
    assert_array_equal(weights(one), weights(other))


def test_one_activation_per_layer():
    net = regressor(hidden_layer_sizes=(4, 5), activation=["relu", ACTIVATIONS["tanh"]]).fit(X, NUMBER)
    _, first, second, _ = net.activations(X)
    assert first.min() >= 0.0
    assert (first == 0.0).any()
    assert second.min() < 0.0
    assert np.abs(second).max() < 1.0
    same = regressor(hidden_layer_sizes=(4, 5), activation="relu").fit(X, NUMBER)
    each = regressor(hidden_layer_sizes=(4, 5), activation=("relu", "relu")).fit(X, NUMBER)
    assert_array_equal(weights(same), weights(each))


@pytest.mark.parametrize("parameter", [{"activation": [["relu"]]}, {"dropout": ["a"]}, {"init": (1, 2)}])
def test_an_error_names_the_parameter_whatever_it_holds(parameter):
    (name,) = parameter
    with pytest.raises(ValueError, match=name):
        SigmoidMLPClassifier((4,), **parameter).fit(X, LABEL)


# --- solvers and schedules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_an_optimizer_is_made_with_its_own_options(name):
    parameters = dict(beta_1=0.5, beta_2=0.6, epsilon=1e-3, momentum=0.7, nesterovs_momentum=False)
    options = vars(settings(SigmoidMLPRegressor(solver=name, **parameters)).solver.optimizer)
    assert options
    assert options.items() <= parameters.items()


def test_an_optimizer_object_is_taken_as_it_is():
    optimizer = OPTIMIZERS["momentum"]
    solver_settings = settings(SigmoidMLPRegressor(solver=optimizer, momentum=0.9)).solver
    assert solver_settings.optimizer is optimizer
    # "auto" knows our names only
    assert solver_settings.weight_decay == 0.0
    assert solver_settings.clip_norm is None


def test_gains_learn_three_times_as_fast_as_weights():
    assert settings(SigmoidMLPRegressor()).solver.gain_rate == 3.0
    assert settings(SigmoidMLPClassifier(learning_rate_init=1.0)).solver.gain_rate == 3.0  # a multiple of the rate
    assert settings(SigmoidMLPRegressor(input_gains=False)).solver.gain_rate == 0.0


def test_power_t_is_the_exponent_of_invscaling():
    schedule = settings(SigmoidMLPRegressor(learning_rate="invscaling", power_t=0.25)).solver.schedule
    assert schedule.power_t == 0.25


# --- batches ---------------------------------------------------------------------------------------------------------


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
    auto, by_number = (regressor(batch_size=size).fit(X, X[:, 0]) for size in ("auto", 200))
    assert_array_equal(weights(auto), weights(by_number))


# --- L-BFGS ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", [{"dropout": 0.1}, {"dropout": [0.1]}, {"max_norm": 1.0}])
def test_parameters_that_do_not_go_with_lbfgs_raise(parameter):
    (name,) = parameter
    for kind in (SigmoidMLPRegressor, SigmoidMLPClassifier):
        with pytest.raises(ValueError, match=rf"solver='lbfgs' does not go with {name}=.*choose solver='adam'"):
            kind(4, solver="lbfgs", **parameter).fit(X, LABEL)


@pytest.mark.parametrize("parameter", [
    {"batch_size": 7}, {"learning_rate": "adaptive"}, {"learning_rate_init": 9.0}, {"momentum": 0.1},
    {"shuffle": False}, {"weight_decay": 1.0}, {"clip_norm": 1e-6}, {"averaging": 0.9},
], ids=lambda parameter: next(iter(parameter)))  # fmt: skip
def test_lbfgs_ignores_what_belongs_to_a_step(parameter):
    plain = regressor(solver="lbfgs", max_iter=1000).fit(X, NUMBER)
    assert_array_equal(weights(plain), weights(regressor(solver="lbfgs", max_iter=1000, **parameter).fit(X, NUMBER)))


def test_zero_dropout_goes_with_lbfgs():
    regressor(solver="lbfgs", max_iter=1000, dropout=[0.0]).fit(X, NUMBER)


# --- what the defaults give ------------------------------------------------------------------------------------------


@outside_training
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_repeated_rows_are_weighted_rows_at_the_defaults():
    times = np.arange(9) % 4 + 1
    rows = np.repeat(np.arange(9), times)[::-1]
    for solver in SOLVERS:
        weighted = SigmoidMLPClassifier(solver=solver, random_state=0).fit(X[:9], LABEL[:9], times)
        repeated = SigmoidMLPClassifier(solver=solver, random_state=0).fit(X[rows], LABEL[rows])
        assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-7)


def test_an_explosion_is_an_error_within_an_epoch():
    counts = np.exp(5 + X[:, 0]).round()
    net = SigmoidMLPRegressor(
        loss="poisson", solver="sgd", learning_rate_init=100.0, clip_norm=None, batch_size=5, dtype="float64",
        random_state=0,
    )  # fmt: skip
    with pytest.raises(
        ValueError, match=r"diverged in epoch 1 with learning_rate_init=100: try learning_rate_init=0.015"
    ):
        net.fit(X, counts)
    net.set_params(clip_norm="auto", learning_rate_init=0.015).fit(X, counts)
    assert net.score(X, counts) > 0.5


@pytest.mark.parametrize("cls", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_the_docstring_says_how_long_folds_wait(cls):
    text = " ".join(cls.__doc__.split())
    steady = rules.STEADY_FOLDS_PATIENCE
    of_classifier = (
        f"with folds it is {rules.FOLDS_PATIENCE} for a classifier ({steady} from {MEDIUM_TABLE_ROWS:,} rows on)"
    )
    assert f"{of_classifier} and {steady} for a regressor" in text


def test_options_of_an_optimizer_are_python_numbers():
    """A NumPy scalar of 32 bits would round what it is multiplied with."""
    settings, _ = resolve(SigmoidMLPClassifier(beta_2=np.float32(0.999), solver="adam"), AutoFacts(N, False))
    assert type(settings.solver.optimizer.beta_2) is float
