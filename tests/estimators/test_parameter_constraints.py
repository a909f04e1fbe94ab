"""What each parameter may be, and what is said of a value that it may not be."""

import re
from pathlib import Path
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from numpydoc.docscrape import FunctionDoc
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions, validate_parameter_constraints

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.choices import names_of

X = np.random.default_rng(0).normal(size=(20, 3))
Y = (X[:, 0] > 0).astype(int)

BAD = {
    "hidden_layer_sizes": [0, -1, 2.5, None, (3, 0), (3, -1), (3, 1.5), ("a",)],
    "activation": ["sigmoidal", 3, None, ["tanh", "tan"], ["tanh"] * 3],
    "depth": [0, -1, 1.5, "two"],
    "n_members": [0, -1, 2.5, "three"],
    "loss": ["hinge", None, 1],
    "solver": ["adamw", None, 1],
    "alpha": [-1e-9, "small", None],
    "l1_ratio": [-0.1, 1.1, None],
    "weight_decay": [-0.1, "no"],
    "dropout": [-0.1, 1.0, None, [0.1] * 3, [1.0], [-0.1], "half"],
    "max_norm": [0.0, -1.0, "one"],
    "clip_norm": [0.0, -1.0, "one"],
    "label_smoothing": [-0.1, 1.0, None, "some"],
    "temperature_scaling": ["always", None, 2],
    "batch_size": [0, -1, 1.5, "all", None],
    "learning_rate": ["linear", None, 0.1],
    "learning_rate_init": [0.0, -0.1, None, "fast"],
    "power_t": [-0.1, None],
    "max_iter": [0, -1, 1.5, None],
    "shuffle": ["yes", 2],
    "random_state": ["seed", -1, 1.5],
    "tol": [-1e-9, None],
    "verbose": ["loud", -1],
    "warm_start": ["yes", None],
    "momentum": [-0.1, 1.1, None],
    "nesterovs_momentum": ["yes", None],
    "early_stopping": ["always", None, 2],
    "validation_fraction": [0.0, 1.0, -0.1, None, 3],
    "scoring": ["goodness", None, 1],
    "beta_1": [-0.1, 1.0, None],
    "beta_2": [-0.1, 1.0, None],
    "epsilon": [0.0, -1e-8, None],
    "n_iter_no_change": [0, -1, 2.5, None],
    "max_fun": [0, -1, 1.5, None],
    "huber_delta": [0.0, -1.0, None],
    "tweedie_power": [1.0, 2.0, 0.0, None],
    "quantile": [0.0, 1.0, None, [], [0.5, 0.5], [0.9, 0.1], [0.0, 0.5], [0.5, 1.0], ["low"]],
    "class_weight": ["fair", 2.0],
    "categorical_features": ["all", 1],
    "text_features": ["all", 1],
    "max_categories": [0, -1, 2.5, "all"],
    "text_components": [0, -1, 2.5, "all", None],
    "category_encoding": ["ordinal", None, 1],
    "numeric_encoding": ["binned", None, 1],
    "n_bins": [1, 0, 2.5, None],
    "input_gains": ["always", None, 2],
    "input_scaling": ["minmax", True],
    "monotonic_cst": ["up", 1, [1], [2, 0, 0], [0, 0, None], [[1, 0, 0]]],
    "interaction_cst": ["triples", 1, ["x0"], [0, 1], [[3]], [[-4]], [[1.5]], [["z"]], {0: [1]}, {0}],
    "target_scaling": ["robust", True],
    "init": ["zeros", 1, (1,), ([], []), ([np.ones((3, 2))], [np.ones(2)])],
    "dtype": ["float16", np.float32, None],
    "averaging": [-0.1, 1.0, None, "always"],
}
ALSO = {
    "huber_delta": {"loss": "huber"},
    "quantile": {"loss": "quantile"},
    "hidden_layer_sizes": {},
}
KINDS = {kind: kind._parameter_constraints for kind in (SigmoidMLPClassifier, SigmoidMLPRegressor)}


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_has_a_constraint_and_the_other_way_round(kind):
    assert set(KINDS[kind]) == set(kind().get_params())
    assert set(kind().get_params()) <= set(BAD)


@pytest.mark.parametrize("name", BAD)
def test_bad_values_are_named_and_leave_no_trace(name):
    for kind in KINDS:
        if name not in kind().get_params():
            continue
        for value in BAD[name]:
            net = kind(**{"max_iter": 1, **ALSO.get(name, {}), name: value})
            before = dict(vars(net))
            with pytest.raises((ValueError, TypeError), match=name) as caught:
                net.fit(X, Y)
            assert vars(net) == before
            told = str(caught.value)
            assert name == "init" or any(repr(part) in told for part in [value, *np.ravel(value).tolist()])


MAY_BE_BOOL = {
    "early_stopping", "input_gains", "nesterovs_momentum", "shuffle", "temperature_scaling", "verbose", "warm_start",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_bool_is_no_number_of_anything(kind):
    numbers = {"alpha", "batch_size", "depth", "dropout", "hidden_layer_sizes", "max_norm", "random_state", "tol"}
    for name in sorted(kind().get_params().keys() - MAY_BE_BOOL):
        for value in (True, np.bool_(True)):
            with pytest.raises(ValueError, match=rf"\b{name}\b.*True") as caught:
                kind(**{name: value}).fit(X, Y)
            assert name not in numbers or "is a bool, and a number is expected: give a number" in str(caught.value)
            assert "learning_rate_init=" not in str(caught.value) or name == "learning_rate_init"
    for name in sorted(kind().get_params().keys() & MAY_BE_BOOL - {"temperature_scaling"}):
        kind(**{"max_iter": 1, name: False}).fit(X, Y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [{3, 2}, frozenset({3})])
def test_a_set_is_no_sequence(kind, value):
    for name in ("hidden_layer_sizes", "activation", "dropout", "categorical_features", "init"):
        with pytest.raises(ValueError, match=rf"{name}=.* is a set, which has no order: give a list"):
            kind(**{name: value}).fit(X, Y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [0.01, 1, np.float32(0.5)])
def test_a_number_as_learning_rate_is_answered_with_the_other_parameter(kind, value):
    message = (
        rf"learning_rate={re.escape(repr(value))} .*give the number as learning_rate_init={re.escape(repr(value))}"
    )
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=message):
            getattr(kind(learning_rate=value), method)(X, Y)


# --- names and constraints --------------------------------------------------------------------------------------

NAMED = ["activation", "solver", "learning_rate", "init", "input_scaling", "loss"]


def paragraphs(kind):
    """The docstring of each parameter, by name."""
    return {
        name.strip(): f"{entry.type} {' '.join(entry.desc)}"
        for entry in FunctionDoc(kind)["Parameters"]
        for name in entry.name.split(",")
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_every_name_that_is_accepted_is_documented(kind, name):
    text = paragraphs(kind)[name]
    for value in names_of(name, kind):
        assert f'"{value}"' in text, f"the docstring of {kind.__name__} does not speak of {name}={value!r}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMED)
def test_names_that_are_documented_are_accepted(kind, name):
    """A default in quotes, an "auto", a name of a registry: whatever the docstring puts into quotes may be set."""
    text = paragraphs(kind)[name]
    for value in set(re.findall(r'"(\w+)"', text)):
        validate_parameter_constraints({name: KINDS[kind][name]}, {name: value}, kind.__name__)


@pytest.mark.parametrize("kind", KINDS)
def test_types_agree_with_constraints(kind):
    """The names in a parameter's `Literal` are those that its constraint accepts."""
    types = get_type_hints(kind.__init__)
    for name, constraints in KINDS[kind].items():
        literals = {part for part in flattened(types[name]) if isinstance(part, str)}
        options = [c.options for c in constraints if isinstance(c, StrOptions)]
        accepted = set().union(*options)
        if str in flattened(types[name]):
            continue  # names of a registry
        assert literals == accepted, name
        may_be_none = bool({None, "random_state"} & {c for c in constraints if c is None or isinstance(c, str)})
        assert (type(None) in flattened(types[name])) == may_be_none, name


def flattened(hint):
    """The members of unions, and the values of literals, in one list."""
    if get_origin(hint) in (Union, UnionType):
        return [part for member in get_args(hint) for part in flattened(member)]
    return list(get_args(hint)) if get_origin(hint) is Literal else [hint]


# --- what is positional ----------------------------------------------------------------------------------------------


def test_all_but_two_parameters_are_keywords():
    for kind in KINDS:
        assert kind((3,), "tanh").get_params()["activation"] == "tanh"
        with pytest.raises(TypeError, match="positional"):
            kind((3,), "tanh", "adam")


@pytest.mark.parametrize(
    "parameters",
    [
        {"early_stopping": np.bool_(False), "shuffle": np.bool_(True)},
        {"hidden_layer_sizes": np.int64(3), "depth": np.int32(2), "batch_size": np.int64(7)},
        {"hidden_layer_sizes": np.array([3, 2]), "dropout": np.array([0.1, 0.2]), "activation": np.array(["tanh"] * 2)},
        {"alpha": np.float32(0.1), "max_iter": np.int64(2), "learning_rate": np.str_("cosine")},
        {"n_iter_no_change": np.inf, "clip_norm": 1, "max_norm": 2},
    ],
)
def test_parameters_may_be_numpy_scalars(parameters):
    for kind in KINDS:
        net = clone(kind(**{"max_iter": 2, "learning_rate": "cosine", "solver": "adam", **parameters}))
        assert net.fit(X, Y).n_iter_ == 2


@pytest.mark.parametrize("name", ["alpha", "max_iter", "tol", "epsilon", "random_state", "max_fun"])
def test_integers_beyond_all_measure_are_named(name):
    with pytest.raises(ValueError, match=f"{name} holds an integer of more than 63 bits"):
        SigmoidMLPRegressor(**{name: 10**400}).fit(np.eye(3), np.arange(3.0))
    with pytest.raises(ValueError, match="dropout holds an integer"):
        SigmoidMLPRegressor(dropout=[10**400]).fit(np.eye(3), np.arange(3.0))


@pytest.mark.parametrize(("name", "value"), [("hidden_layer_sizes", 4), ("activation", "relu"), ("dropout", 0.5)])
def test_arrays_without_dimensions_are_told_from_numbers(name, value):
    with pytest.raises(ValueError, match=rf"{name}=array\(.*is a 0-d array: give {name}={value!r}"):
        SigmoidMLPRegressor(**{name: np.array(value)}).fit(np.eye(3), np.arange(3.0))


@pytest.mark.parametrize(
    "sizes, message",
    [
        ({}, r"=\{\} is a mapping: give a list of the units"), ({3: 4}, "is a mapping"), ([True], "holds True: give"),
        ([4, 2.5], r"=\[4, 2.5\] holds 2.5: give the units of each layer, as integers"), ([32, "a"], "holds 'a': give"),
        ([4, 0], r" must be > 0, got \[4, 0\]: leave a layer without units out"), ((-1,), " must be > 0, got"),
    ],
)  # fmt: skip
def test_sizes_are_whole_numbers_in_order(sizes, message):
    with pytest.raises(ValueError, match=f"hidden_layer_sizes.*{message}"):
        SigmoidMLPRegressor(sizes).fit(np.eye(10), np.arange(10.0))


def test_unsuitable_initial_weights_are_refused_after_fit():
    net = SigmoidMLPRegressor(4, max_iter=2).fit(np.eye(10), np.arange(10.0))
    net.set_params(init=([np.ones((2, 2))], [np.ones(2)]))
    for method in (net.partial_fit, net.backpropagate):
        with pytest.raises(ValueError, match="init gives weights of shapes"):
            method(np.eye(10), np.arange(10.0))


@pytest.mark.parametrize(("text", "remedy"), [
    ("poisson", "the name of a loss: write loss='poisson'."), ("100", r"text\."), ("relu", r"text\."),
])  # fmt: skip
def test_text_as_layers_is_answered_with_what_helps(text, remedy):
    message = f"an int, or one int for each layer, such as .96, 32.* Got '{text}' instead, which is {remedy}$"
    with pytest.raises(ValueError, match=message):
        SigmoidMLPRegressor(text).fit(np.eye(3), np.arange(3.0))


# --- suggestions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name", "value", "meant"), [
    (SigmoidMLPRegressor, "solver", "Adam", "adam"),
    (SigmoidMLPRegressor, "solver", "AdamW", "adam"),
    (SigmoidMLPRegressor, "activation", "sigmod", "sigmoid"),
    (SigmoidMLPRegressor, "activation", "swish", "silu"),
    (SigmoidMLPRegressor, "activation", ["Tanh", "relu"], "tanh"),
    (SigmoidMLPRegressor, "learning_rate", "cosine_flat", "flat_cosine"),
    (SigmoidMLPRegressor, "learning_rate", "onecycle", "one_cycle"),
    (SigmoidMLPRegressor, "learning_rate", "flatcosine", "flat_cosine"),
    (SigmoidMLPRegressor, "category_encoding", "onehot", "one_hot"),
    (SigmoidMLPRegressor, "category_encoding", "OneHot", "one_hot"),
    (SigmoidMLPRegressor, "numeric_encoding", "piecewiselinear", "piecewise_linear"),
    (SigmoidMLPRegressor, "loss", "squarederror", "squared_error"),
    (SigmoidMLPRegressor, "loss", "mse", "squared_error"),
    (SigmoidMLPRegressor, "loss", "MAE", "absolute_error"),
    (SigmoidMLPRegressor, "loss", "poisson_log", "poisson"),
    (SigmoidMLPRegressor, "loss", "RMSE", "squared_error"),
    (SigmoidMLPClassifier, "loss", "mse", "squared_error"),
    (SigmoidMLPClassifier, "loss", "binary:logistic", "log_loss"),
    (SigmoidMLPClassifier, "loss", "ce", "log_loss"),
    (SigmoidMLPClassifier, "loss", "logistic", "log_loss"),
    (SigmoidMLPClassifier, "loss", "binary_crossentropy", "log_loss"),
    (SigmoidMLPClassifier, "class_weight", "balance", "balanced"),
    (SigmoidMLPClassifier, "scoring", "accuracy_score", "accuracy"),
    (SigmoidMLPClassifier, "scoring", "auc", "roc_auc"),
    (SigmoidMLPClassifier, "scoring", "f1_score", "f1"),
    (SigmoidMLPClassifier, "scoring", "gini", "roc_auc"),
    (SigmoidMLPClassifier, "scoring", "aucpr", "average_precision"),
    (SigmoidMLPClassifier, "scoring", "logloss", "neg_log_loss"),
    (SigmoidMLPRegressor, "scoring", "rmse", "neg_root_mean_squared_error"),
    (SigmoidMLPRegressor, "scoring", "mae", "neg_mean_absolute_error"),
    (SigmoidMLPRegressor, "interaction_cst", "additive", "no_interactions"),
    (SigmoidMLPClassifier, "loss", "binomial", "log_loss"),
    (SigmoidMLPClassifier, "dtype", "float23", "float32"),
])  # fmt: skip
def test_a_misspelt_name_is_answered_with_what_it_means(kind, name, value, meant):
    sizes = [2, 2] if isinstance(value, list) else "auto"
    with pytest.raises(ValueError, match=rf"\b{name}\b.* Did you mean '{meant}'\?$"):
        kind(sizes, **{name: value}).fit(X, Y)


@pytest.mark.parametrize(("name", "title", "page"), [
    ("negative_binomial", "Counts and presence at sites", "sites"),
    ("fractional", "Shares from 0 to 1", "shares"),
    ("binomial", "Shares from 0 to 1", "shares"),
    ("Beta", "Shares from 0 to 1", "shares"),
])  # fmt: skip
def test_a_loss_that_a_page_defines_is_answered_with_this_page(name, title, page):
    text = Path(__file__).parents[2].joinpath("docs", "guide", f"{page}.md").read_text()
    assert text.startswith(f"# {title}\n")
    with pytest.raises(ValueError, match=f"The page '{title}' of the user guide defines a sknet.Loss"):
        SigmoidMLPRegressor(loss=name).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.mark.parametrize(
    ("kind", "loss", "other"),
    [(SigmoidMLPRegressor, "log_loss", SigmoidMLPClassifier), (SigmoidMLPClassifier, "poisson", SigmoidMLPRegressor)],
)
def test_a_loss_of_the_other_estimator_is_answered_with_its_name(kind, loss, other):
    with pytest.raises(ValueError, match=rf"Got '{loss}' instead. {other.__name__} has this loss.$"):
        kind(loss=loss).fit(X, Y)


@pytest.mark.parametrize(("name", "value"), [("activation", "zzz"), ("loss", "hinge"), ("loss", 3), ("alpha", -1.0)])
def test_nothing_is_suggested_that_is_not_near(name, value):
    with pytest.raises(ValueError, match=name) as caught:
        SigmoidMLPRegressor(**{name: value}).fit(X, Y)
    assert "Did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "name"), [(SigmoidMLPRegressor, "interaction_cst"), (SigmoidMLPClassifier, "class_weight")]
)
def test_none_as_text_is_answered_with_none(kind, name):
    with pytest.raises(ValueError, match=rf"'{name}' .* Got 'None' instead\. Did you mean None, without quotes\?$"):
        kind(**{name: "None"}).fit(X, Y)


def test_none_as_text_means_nothing_where_none_is_not_allowed():
    with pytest.raises(ValueError, match=r"'learning_rate' .* Got 'none' instead\.$"):
        SigmoidMLPClassifier(learning_rate="none").fit(X, Y)


def test_a_loss_of_the_other_task_is_not_suggested():
    with pytest.raises(ValueError, match=r"Got 'mae' instead\.$"):
        SigmoidMLPClassifier(loss="mae").fit(X, Y)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_a_function_as_a_loss_is_answered_with_the_class_that_takes_it(kind):
    with pytest.raises(ValueError, match=r"'loss' .* pass sknet\.Loss\(name, value, gradient\)\.$"):
        kind(loss=lambda raw, target: raw).fit(X, Y)


def test_names_are_listed_in_a_fixed_order():
    with pytest.raises(ValueError, match=r"a str among \{'adam', 'sgd', 'lion', 'rmsprop', 'lbfgs'\}"):
        SigmoidMLPRegressor(solver="newton").fit(X, Y)


@pytest.mark.parametrize(("parameters", "meant"), [
    ({"loss": "quantile", "quantile": 95}, "0.95"), ({"validation_fraction": 10}, "0.1"), ({"dropout": 20.0}, "0.2"),
])  # fmt: skip
def test_a_percentage_is_answered_with_its_fraction(parameters, meant):
    with pytest.raises(ValueError, match=rf"Did you mean {meant}\?$"):
        SigmoidMLPRegressor(**parameters).fit(X, Y)
