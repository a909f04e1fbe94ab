"""Parameters: stored as they are given, told of in docstrings, and refused where they conflict."""

import inspect
from ast import literal_eval
from dataclasses import fields

import pytest
import sklearn.neural_network
from numpydoc.docscrape import ClassDoc, FunctionDoc
from sklearn.base import clone

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.parameters import (
    ClassifierParameters,
    CommonParameters,
    RegressorParameters,
    check_conflicts_with_solver,
)

KINDS = {SigmoidMLPClassifier: ClassifierParameters, SigmoidMLPRegressor: RegressorParameters}
COMMON = [field.name for field in fields(CommonParameters)]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_is_stored_and_nothing_else(kind):
    given = {field.name: object() for field in fields(KINDS[kind])}
    net = kind(**given)
    assert vars(net) == given
    assert net.get_params() == given
    assert set(given) == set(inspect.signature(kind).parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_clones_have_equal_parameters(kind):
    net = kind(hidden_layer_sizes=(3, 2), alpha=0.5, learning_rate="one_cycle")
    assert clone(net).get_params() == net.get_params()


@pytest.mark.parametrize("kind", KINDS)
def test_two_parameters_are_positional(kind):
    parameters = inspect.signature(kind).parameters
    positional = [name for name, p in parameters.items() if p.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert positional == ["hidden_layer_sizes", "activation"]


@pytest.mark.parametrize("kind", KINDS)
def test_estimators_compare_by_identity_and_print_as_scikit_learns_do(kind):
    assert kind() != kind()
    assert len({kind(), kind()}) == 2
    assert repr(kind(alpha=0.5)) == f"{kind.__name__}(alpha=0.5)"


def test_defaults_are_shared_but_for_those_of_the_task():
    one, other = SigmoidMLPClassifier().get_params(), SigmoidMLPRegressor().get_params()
    assert {name for name in COMMON if one[name] != other[name]} == {"loss"}


@pytest.mark.parametrize(
    ("kind", "theirs"),
    [
        (SigmoidMLPClassifier, sklearn.neural_network.MLPClassifier),
        (SigmoidMLPRegressor, sklearn.neural_network.MLPRegressor),
    ],
)
def test_every_parameter_of_scikit_learns_is_there(kind, theirs):
    assert set(theirs().get_params()) <= set(kind().get_params())


# --- docstrings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["partial_fit", "predict", "score"])
def test_both_classes_describe_their_methods_in_the_same_words(name):
    of_the_task = {"y", "y_val", "classes"}
    documented = [FunctionDoc(getattr(kind, name)) for kind in KINDS]
    ours, theirs = (
        {entry.name: entry[1:] for entry in doc["Parameters"] if entry.name not in of_the_task} for doc in documented
    )
    assert ours == theirs
    if name == "partial_fit":
        assert [part.replace("classifier", "regressor") for part in lines(documented[0])] == lines(documented[1])


def lines(doc):
    """What a docstring says beside the parameters."""
    parts = [doc["Summary"], doc["Extended Summary"], *(entry.desc for entry in doc["Returns"] + doc["Raises"])]
    return [line for part in parts for line in part]


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_documented_in_the_order_of_the_signature(kind):
    documented = [name.strip() for entry in ClassDoc(kind)["Parameters"] for name in entry.name.split(",")]
    assert documented == list(inspect.signature(kind).parameters)


@pytest.mark.parametrize("kind", KINDS)
def test_defaults_are_documented_as_they_are(kind):
    defaults = {name: p.default for name, p in inspect.signature(kind).parameters.items()}
    for entry in ClassDoc(kind)["Parameters"]:
        names = [name.strip() for name in entry.name.split(",")]
        values = defaults[names[0]] if len(names) == 1 else tuple(defaults[name] for name in names)
        assert literal_eval(entry.type.split("default=")[1]) == values, entry.name


@pytest.mark.parametrize("parameters", [{"dropout": 0.1}, {"max_norm": 2.0}, {"input_gains": True}])
def test_lbfgs_refuses_parameters_of_stochastic_solvers(parameters):
    resolved = {"solver": "lbfgs", "dropout": 0.0, "input_gains": False}
    with pytest.raises(ValueError, match="solver='lbfgs' does not go with"):
        check_conflicts_with_solver(SigmoidMLPRegressor(**resolved | parameters))
    check_conflicts_with_solver(SigmoidMLPRegressor(**resolved))
    check_conflicts_with_solver(SigmoidMLPRegressor(**parameters))
