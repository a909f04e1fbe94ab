"""A parameter means the same in any container: a list, an array, a Series or an Index, whatever is done with it."""

from collections import OrderedDict, deque
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

import sknet
from sknet import Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from tests.estimators.data import QUICK, quiet
from tests.estimators.pairs import over_pairs

pytestmark = [quiet, pytest.mark.filterwarnings("ignore:.*learning rate has fallen to 0")]

rng = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {"a": rng.normal(size=60), "b": np.arange(60) % 3, "c": rng.normal(size=60), "d": np.arange(60) % 2}
)
NUMBER = (FRAME["a"] + FRAME["b"] - FRAME["c"]).to_numpy()
LABEL = (NUMBER > 1.0).astype(int)

# --- lists -----------------------------------------------------------------------------------------------------------

CONTAINERS = {
    "tuple": tuple,
    "deque": deque,
    "array": np.array,
    "Series": pd.Series,
    "Index": pd.Index,
}

PARAMETERS = {
    "names of categories": {"categorical_features": ["b", "d"]},
    "indices of categories": {"categorical_features": [1, 3]},
    "a mask of categories": {"categorical_features": [False, True, False, False]},
    "signs": {"monotonic_cst": [1, 0, -1, 0]},
    "sets": {"interaction_cst": [["a", "b"], ["c", "d"]]},
    "sizes": {"hidden_layer_sizes": [4, 3]},
    "activations": {"hidden_layer_sizes": (4, 3), "activation": ["relu", "tanh"]},
    "rates": {"hidden_layer_sizes": (4, 3), "dropout": [0.1, 0.2]},
    "levels": {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
}


def changed(parameters, container):
    """The parameters with their last list in a container, or the lists in it if there are some."""
    name, entries = list(parameters.items())[-1]
    has_lists = isinstance(entries[0], list)
    return parameters | {name: list(map(container, entries)) if has_lists else container(entries)}


def fit(plain, other, path):
    return SigmoidMLPRegressor(**QUICK | other).fit(FRAME, NUMBER)


def continue_training(plain, other, path):
    net = SigmoidMLPRegressor(**QUICK | other).partial_fit(FRAME, NUMBER).partial_fit(FRAME, NUMBER)
    return net.set_params(**plain).partial_fit(FRAME, NUMBER).set_params(**other).partial_fit(FRAME, NUMBER)


def start_warm(plain, other, path):
    net = SigmoidMLPRegressor(**QUICK | other, warm_start=True).fit(FRAME, NUMBER).fit(FRAME, NUMBER)
    return net.set_params(**plain).fit(FRAME, NUMBER).set_params(**other).fit(FRAME, NUMBER)


def resume(plain, other, path):
    SigmoidMLPRegressor(**QUICK | plain).set_callbacks(Checkpoint(path, every=2)).fit(FRAME, NUMBER)
    return SigmoidMLPRegressor(**QUICK | other).resume(path, FRAME, NUMBER)


def fit_a_loaded_one(plain, other, path):
    sknet.save(SigmoidMLPRegressor(**QUICK | other).fit(FRAME, NUMBER), path)
    return sknet.load(path).fit(FRAME, NUMBER)


def fit_as_resolved(plain, other, path):
    resolved = SigmoidMLPRegressor(**QUICK | other).fit(FRAME, NUMBER).resolved_params_
    return SigmoidMLPRegressor(**resolved).fit(FRAME, NUMBER)


def backpropagate(plain, other, path):
    net = SigmoidMLPRegressor(**QUICK | plain).partial_fit(FRAME, NUMBER).set_params(**other)
    net.backpropagate(FRAME, NUMBER)
    return net


def fit_a_stream(plain, other, path):
    net = SigmoidMLPRegressor(**QUICK | other)
    return stream.fit(net, lambda: iter([(FRAME[:40], NUMBER[:40]), (FRAME[40:], NUMBER[40:])]))


FLOWS = [
    fit, continue_training, start_warm, resume, fit_a_loaded_one, fit_as_resolved, backpropagate, fit_a_stream,
]  # fmt: skip


@over_pairs(parameter=PARAMETERS, container=CONTAINERS, flow=FLOWS)
def test_any_container_does_what_a_list_does(parameter, container, flow, tmp_path):
    plain = PARAMETERS[parameter]
    other = changed(plain, CONTAINERS[container])
    expected, found = (flow(plain, given, tmp_path / "file.npz") for given in (plain, other))
    assert_array_equal(found.predict(FRAME), expected.predict(FRAME))


# --- labels of a Series ----------------------------------------------------------------------------------------------

LABELLED = {
    "signs": {"monotonic_cst": pd.Series({"d": 0, "c": -1, "a": 1, "b": 0})},
    "a sign": {"monotonic_cst": pd.Series({"c": -1})},
    "a mask": {"categorical_features": pd.Series({"c": False, "b": True, "a": False, "d": False})},
    "a mask of objects": {
        "categorical_features": pd.Series({"c": False, "b": True, "a": False, "d": False}, dtype=object)
    },
    "sizes": {"hidden_layer_sizes": pd.Series({"first": 4, "second": 3})},
    "names": {"categorical_features": pd.Series({"first": "b", "second": "d"})},
}
BY_NAME = {
    "signs": {"monotonic_cst": {"a": 1, "b": 0, "c": -1, "d": 0}},
    "a sign": {"monotonic_cst": {"c": -1}},
    "a mask": {"categorical_features": ["b"]},
    "a mask of objects": {"categorical_features": ["b"]},
    "sizes": {"hidden_layer_sizes": [4, 3]},
    "names": {"categorical_features": ["b", "d"]},
}


@over_pairs(labelled=LABELLED, flow=FLOWS)
def test_the_labels_of_a_series_name_columns(labelled, flow, tmp_path):
    plain, other = BY_NAME[labelled], LABELLED[labelled]
    expected, found = (flow(plain, given, tmp_path / "file.npz") for given in (plain, other))
    assert_array_equal(found.predict(FRAME), expected.predict(FRAME))


def test_labels_of_text_name_columns():
    text = FRAME.assign(t=[f"word {i} and more" for i in range(60)])
    marked = pd.Series({"t": True, "a": False})
    net = SigmoidMLPRegressor(**QUICK, text_features=marked, text_components=2).fit(text, NUMBER)
    assert net.resolved_params_["text_features"] == ["t"]


def test_a_label_that_names_no_column_is_an_error():
    net = SigmoidMLPRegressor(**QUICK, monotonic_cst=pd.Series({"a": 1, "e": 1}))
    with pytest.raises(ValueError, match=r"monotonic_cst names \['e'\], but X has no such columns"):
        net.fit(FRAME, NUMBER)


def test_the_users_own_value_stays_the_parameter():
    signs = pd.Series({"c": -1, "a": 1})
    assert SigmoidMLPRegressor(**QUICK, monotonic_cst=signs).fit(FRAME, NUMBER).monotonic_cst is signs


def test_a_frame_is_no_list_of_columns():
    with pytest.raises(ValueError, match="(?s)categorical_features=.* is not understood: give 'from_dtype', None, or"):
        SigmoidMLPRegressor(**QUICK, categorical_features=FRAME[["b"]]).fit(FRAME, NUMBER)


# --- dicts and sets --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [
    {1: 2, 0: 1.0}, OrderedDict({1: 2.0, 0: 1}), {np.int64(1): np.float32(2.0), np.int64(0): 1.0},
], ids=["another order", "OrderedDict", "NumPy"])  # fmt: skip
def test_a_run_is_resumed_with_an_equal_dict(weights, tmp_path):
    path = tmp_path / "run.npz"
    expected = SigmoidMLPClassifier(**QUICK, class_weight={0: 1.0, 1: 2.0}).set_callbacks(Checkpoint(path, every=2))
    expected.fit(FRAME, LABEL)
    resumed = SigmoidMLPClassifier(**QUICK, class_weight=weights).resume(path, FRAME, LABEL)
    assert_array_equal(resumed.predict_proba(FRAME), expected.predict_proba(FRAME))


def test_training_continues_with_an_equal_mapping():
    net = SigmoidMLPRegressor(**QUICK, monotonic_cst=MappingProxyType({"a": 1, "c": -1})).partial_fit(FRAME, NUMBER)
    assert net.set_params(monotonic_cst={"c": -1, "a": 1}).partial_fit(FRAME, NUMBER).t_ == 120


def test_a_mask_is_not_the_choice_of_the_columns_0_and_1():
    net = SigmoidMLPRegressor(**QUICK, categorical_features=[0, 1]).partial_fit(FRAME[["b", "d"]], NUMBER)
    with pytest.raises(ValueError, match="categorical_features=.* cannot take effect"):
        net.set_params(categorical_features=[False, True]).partial_fit(FRAME[["b", "d"]], NUMBER)


@pytest.mark.parametrize(
    "names", [{"a", "b"}, frozenset("ab"), dict(a=1, b=2).keys()], ids=["set", "frozenset", "keys"]
)
def test_a_set_of_columns_is_refused(names):
    with pytest.raises(ValueError, match="categorical_features=.* is a set, which has no order: give a list"):
        SigmoidMLPRegressor(**QUICK, categorical_features=names).fit(FRAME, NUMBER)
