"""What is pickled is names and arrays, and comes back bit for bit, whole or in the middle of training."""

import copy
import io
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from fractions import Fraction
from functools import cache
from numbers import Rational
from typing import Protocol

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

import sknet
from sknet import Activation, Interval, Loss, Optimizer, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._storage.pack import STORED_CLASSES, TYPE, hints_of, is_of_type, make_value, pack, unpack
from sknet._typing import Array, DType
from tests.network.pieces import ACTIVATIONS
from tests.tables.column_cases import CASES as COLUMNS
from tests.tables.examples import category_column, number_column, table_encoder
from tests.training.problems import best_epoch, epoch, same, state_after

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 80
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] - X[:, 1] + 0.1 * rng.normal(size=N)
CODES = np.digitize(NUMBER, [-0.5, 0.5])
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
FRAME["d"] = pd.Categorical(np.array(["low", "middle", "high"])[CODES])
FRAME["e"] = np.where(X[:, 0] > 0.0, "x", None)
FRAME.loc[::7, "a"] = np.nan


# --- pieces of the user's own ----------------------------------------------------------------------------------------


def softsign(z):
    z /= 1.0 + np.abs(z)


def softsign_backward(a, delta):
    delta *= (1.0 - np.abs(a)) ** 2


def squared(raw, target):
    return 0.5 * ((raw - target) ** 2).mean(axis=1)


def squared_gradient(raw, target):
    return (raw - target) / raw.shape[1]


def half(fraction):
    return 1.0 - 0.5 * fraction


def small(fan_in, fan_out, rng):
    return 0.1 * rng.normal(size=(fan_in, fan_out))


@dataclass(frozen=True)
class Momentum(Optimizer):
    decay: float = 0.9
    n_moments = 1

    def update(self, gradient, moments, step):
        moments[0][:] = self.decay * moments[0] + gradient
        gradient[:] = moments[0]
        return 1.0


OWN = {
    "activation": Activation("softsign", softsign, softsign_backward),
    "solver": Momentum(),
    "learning_rate": half,
    "init": small,
}
QUICK = dict(hidden_layer_sizes=4, max_iter=4, batch_size=20, random_state=0)
CASES = {
    "binary": (SigmoidMLPClassifier(**QUICK), X, np.array(["no", "yes"])[(CODES > 0).astype(int)]),
    "multiclass": (SigmoidMLPClassifier(**QUICK), X, CODES),
    "labels that are objects": (SigmoidMLPClassifier(**QUICK), X, np.array(["a", "b", "c"], dtype=object)[CODES]),
    "labels that are bools": (SigmoidMLPClassifier(**QUICK), X, CODES > 0),
    "multilabel": (SigmoidMLPClassifier(**QUICK), X, (X > 0.0).astype(int)),
    "multioutput": (SigmoidMLPClassifier(**QUICK), X, np.column_stack([CODES, CODES % 2 + 5])),
    "class weights": (SigmoidMLPClassifier(**QUICK, class_weight={0: 2.0, 1: 1.0, 2: 1.0}), X, CODES),
    "squared error": (SigmoidMLPClassifier(**QUICK, loss="squared_error"), X, CODES),
    "numbers": (SigmoidMLPRegressor(**QUICK), X, NUMBER),
    "without early stopping": (SigmoidMLPRegressor(**QUICK, early_stopping=False, averaging=0.9), X, NUMBER),
    "float32": (SigmoidMLPRegressor(**QUICK, dtype="float64"), X.astype(np.float32), NUMBER),
    "several outputs": (SigmoidMLPRegressor(**QUICK), X, np.column_stack([NUMBER, NUMBER**2])),
    "quantiles": (SigmoidMLPRegressor(**QUICK, loss="quantile", quantile=(0.1, 0.5, 0.9)), X, NUMBER),
    "huber": (SigmoidMLPRegressor(**QUICK, loss="huber", huber_delta=0.5), X, NUMBER),
    "poisson": (SigmoidMLPRegressor(**QUICK, loss="poisson"), X, np.exp(NUMBER)),
    "lbfgs": (SigmoidMLPRegressor(**QUICK | {"solver": "lbfgs"}), X, NUMBER),
    "categories": (SigmoidMLPClassifier(**QUICK), FRAME, CODES),
    "sparse": (SigmoidMLPRegressor(**QUICK), sp.csr_array(np.where(X > 0.5, X, 0.0)), NUMBER),
    "one activation per layer": (
        SigmoidMLPRegressor(**QUICK | {"hidden_layer_sizes": (4, 3)}, activation=["relu", "tanh"]), X, NUMBER,
    ),
    "own pieces": (
        SigmoidMLPRegressor(**QUICK | OWN, loss=Loss("own", squared, squared_gradient, targets=Interval(-99.0))),
        X, NUMBER,
    ),
}  # fmt: skip
of_every_case = pytest.mark.parametrize("case", CASES)
of_every_state = pytest.mark.parametrize("trained", ["fit", "partial_fit", "fit and partial_fit"])


def fitted(case, trained):
    """A fitted estimator of the test's own, its table and its targets."""
    return copy.deepcopy(fitted_once(case, trained))


@cache
def fitted_once(case, trained):
    net, table, y = copy.deepcopy(CASES[case])
    for method in trained.split(" and "):
        if not hasattr(net, method):
            pytest.skip("lbfgs has no partial_fit")
        getattr(net, method)(table, y)
    return net, table, y


# --- names and arrays ------------------------------------------------------------------------------------------------


class Names(pickle.Unpickler):
    """An unpickler that writes down every global that a pickle names."""

    def __init__(self, pickled):
        super().__init__(io.BytesIO(pickled))
        self.seen = set()

    def find_class(self, module, name):
        self.seen.add((module, name))
        return super().find_class(module, name)


def names_in(pickled):
    reader = Names(pickled)
    reader.load()
    return reader.seen


@of_every_case
@of_every_state
def test_a_pickle_names_numpy_and_what_is_public(case, trained):
    net, _, _ = fitted(case, trained)
    for protocol in (2, pickle.DEFAULT_PROTOCOL):
        foreign = {
            (module, name)
            for module, name in names_in(pickle.dumps(net, protocol))
            if module.split(".")[0] not in ("numpy", "builtins", "__builtin__", "_codecs", __name__)
        }
        assert {name for module, name in foreign if module == "sknet"} <= set(sknet.__all__)
        assert {module for module, _ in foreign} == {"sknet"}


def test_the_test_sees_a_private_name():
    private = type(epoch())
    assert names_in(pickle.dumps(epoch())) == {(private.__module__, private.__name__)}


# --- there and back --------------------------------------------------------------------------------------------------


def by_pickle(net):
    return pickle.loads(pickle.dumps(net))


def by_joblib(net):
    file = io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    return joblib.load(file)


def assert_the_same(one, other, table):
    for part, wanted in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert part.dtype == wanted.dtype
        assert_array_equal(part, wanted)
    assert_array_equal(one.predict(table), other.predict(table))
    pd.testing.assert_frame_equal(one.history_.drop(columns="seconds"), other.history_.drop(columns="seconds"))
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "n_iter_", "t_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name)
    assert_array_equal(one.network_feature_names_, other.network_feature_names_)
    if hasattr(one, "classes_"):
        assert repr(one.classes_) == repr(other.classes_)


@of_every_case
@of_every_state
def test_an_unpacked_estimator_is_equal_and_trains_alike(case, trained):
    net, table, y = fitted(case, trained)
    others = [by_pickle(net), copy.copy(net)]
    for other in others:
        assert_the_same(net, other, table)
        assert other.history_.equals(net.history_)
        assert repr(other.resolved_params_) == repr(net.resolved_params_)
    if hasattr(net, "partial_fit"):
        net.partial_fit(table, y)
        for other in others:
            assert_the_same(net, other.partial_fit(table, y), table)


@pytest.mark.parametrize("case", ["multiclass", "numbers"])
@pytest.mark.parametrize("travel", [by_pickle, copy.copy, copy.deepcopy, by_joblib])
def test_a_copy_is_equal_and_its_training_leaves_the_first_alone(case, travel):
    net, table, y = fitted(case, "fit and partial_fit")
    kept, other = pickle.dumps(net), travel(net)
    assert_the_same(net, other, table)
    other.partial_fit(table, y).fit(table, y)
    assert pickle.dumps(net) == kept


def test_an_unfitted_estimator_comes_back_unfitted():
    for net in (SigmoidMLPClassifier(**QUICK), SigmoidMLPRegressor(**QUICK | OWN)):
        again = by_pickle(net)
        assert again.get_params() == net.get_params()
        assert not hasattr(again, "coefs_")


# --- values, plain things and arrays ---------------------------------------------------------------------------------

NUMBERS = (number_column(1.0, 2.0), number_column(-0.0, 3.0, bend=False))
CATEGORIES = category_column("a", "b", has_missing=True)
EPOCHS = [epoch(1.0, 0.5, validation_loss=-np.inf), epoch(2.0, 0.5)]


@pytest.mark.parametrize("value", [
    NUMBERS, CATEGORIES, table_encoder(NUMBERS[0], CATEGORIES, names=("x", "y")), table_encoder(*NUMBERS), (),
    NUMBERS[:1], EPOCHS, (), np.dtype("f4"), ACTIVATIONS["mish"], {3: "x", "is": [1, (2, None)]},
    (number_column(0, 1.0), number_column(2, 1.0)), float("inf"), [True, "\ud800"],
])  # fmt: skip
def test_values_come_back_through_json(value):
    plain, arrays, pieces = pack(value)
    again = unpack((json.loads(json.dumps(plain)), arrays, pieces))
    assert again == value
    assert repr(again) == repr(value)
    assert pieces == []


@pytest.mark.parametrize("case", COLUMNS.values(), ids=COLUMNS)
def test_every_kind_of_column_comes_back_through_json(case):
    column = case.learn()
    plain, arrays, pieces = pack(column)
    again = unpack((json.loads(json.dumps(plain)), arrays, pieces))
    assert again == column
    assert type(again) is type(column)
    assert pieces == []


def test_values_of_one_kind_are_one_array_per_field():
    plain, arrays, _ = pack(NUMBERS)
    assert plain == {TYPE: "rows", "of": "NumberColumn"}
    assert {name: array.tolist() for name, array in arrays.items()}["factor"] == [2.0, 3.0]


def test_arrays_stand_under_the_path_that_leads_to_them():
    net = fitted("multiclass", "fit")[0]
    _, arrays, _ = net.__getstate__()["_fitted"]
    assert_array_equal(arrays["model.network.coefs.0"], net.coefs_[0])


def test_an_array_is_taken_once():
    twice = {TYPE: "NumberColumn", "centre.0": {TYPE: "array"}, "centre": [{TYPE: "array"}]}
    with pytest.raises(KeyError, match=r"centre\.0"):
        unpack((twice, {"centre.0": np.zeros(3)}, []))


def test_an_array_that_nothing_refers_to_is_named():
    with pytest.raises(TypeError, match=r"it holds the array model\.new, which is not known here"):
        unpack((None, {"model.new": np.zeros(3)}, []))


def test_no_more_rows_are_made_than_are_allowed():
    packed = pack((EPOCHS * 5, EPOCHS * 5))
    assert unpack(packed, max_rows=20) == (EPOCHS * 5, EPOCHS * 5)
    with pytest.raises(TypeError, match="or has too many"):
        unpack(packed, max_rows=19)


def test_random_states_come_back():
    source = np.random.RandomState(3)
    source.normal()
    again = unpack(pack(source))
    assert (again.normal(size=3) == source.normal(size=3)).all()


def test_the_state_of_training_comes_back():
    for best in (best_epoch(), best_epoch(1, np.ones(4), 0.5)):
        state = state_after(2, average=np.zeros(4), best=best, least_criterion=-0.5, n_plateaus=1)
        again = unpack(pack(state))
        assert same(again, state)
        assert again.rng.random() == state.rng.random()


def test_named_activations_are_stored_by_name_and_custom_ones_as_pieces():
    assert pack(ACTIVATIONS["tanh"])[0] == {TYPE: "activation", "name": "tanh"}
    twin = Activation("tanh", softsign, softsign_backward)  # of the same name
    assert pack(twin)[2] == [twin]
    assert unpack(pack(twin)) is twin


def test_no_field_has_the_name_that_says_the_kind():
    assert all(is_dataclass(kind) and TYPE not in hints_of(kind) for kind in STORED_CLASSES.values())


@pytest.mark.parametrize("plain", [
    {TYPE: "os.system", "command": "true"}, {TYPE: ["NumberColumn"]}, {"centre": 0.0}, {TYPE: "dtype", "name": "O"},
    {TYPE: "NumberColumn"}, {TYPE: "NumberColumn", "centre": "0", "factor": 1.0},
    {TYPE: "NumberColumn", "centre": 0.0, "factor": 1.0, "bend": 1}, {TYPE: "activation", "name": "__import__"},
    {TYPE: "NumberColumn", "centre": 0.0, "factor": 1.0, "other": 1}, {TYPE: "array"}, {TYPE: "piece", "number": 0},
    {TYPE: "rows", "of": "CategoryColumn"}, {TYPE: "rows", "of": "NumberColumn"}, {TYPE: "objects", "items": [1]},
    {TYPE: "list", "items": 3}, {TYPE: "dict", "keys": ["a"], "values": []}, {TYPE: "characters"},
    {TYPE: "Generator", "state": {TYPE: "dict", "keys": [], "values": []}},
], ids=str)  # fmt: skip
def test_what_is_no_value_is_refused(plain):
    with pytest.raises((KeyError, TypeError, ValueError, IndexError)):
        unpack((plain, {}, []))


@pytest.mark.parametrize(("key", "position"), [(np.zeros(3, np.uint32), 0), (np.zeros(624, np.uint32), 10**6)])
def test_an_invalid_random_state_is_refused(key, position):
    plain, arrays, _ = pack(np.random.RandomState(3))
    text = json.dumps(plain).replace("624", str(position))
    with pytest.raises(ValueError, match="is not the state of a random generator"):
        unpack((json.loads(text), dict.fromkeys(arrays, key), []))


class Anything(Protocol):
    """What a protocol asks for shows when the value is used."""


@pytest.mark.parametrize(("value", "hint"), [
    (1, int), (1.0, float), (1, float), (True, bool), ("a", str), (None, str | None), ("a", str | None), (1, object),
    ((1.0, 2.0), tuple[float, ...]), ((), tuple[float, ...]), ((1, "a"), tuple[int, str]), ([1], list[int]),
    ({"a": 1}, Mapping[str, int]), (np.zeros(2), Array), (np.dtype("f4"), DType),
    (Fraction(1, 2), Rational), (1, Anything),
])  # fmt: skip
def test_values_of_their_type_are_recognised(value, hint):
    assert is_of_type(value, hint)


@pytest.mark.parametrize(("value", "hint"), [
    (True, int), (-1, int), (True, float), ("1", float), (1, bool), (1, str | None), ([1.0], tuple[float, ...]),
    (("1", 2.0), tuple[float, ...]), ((1,), tuple[int, str]), ((1,), list[int]),
    ({1: 1}, Mapping[str, int]),
    ([0.0], Array), ("f4", DType), (0.5, Rational),
])  # fmt: skip
def test_values_of_another_type_are_recognised(value, hint):
    assert not is_of_type(value, hint)


@dataclass(frozen=True)
class Later:
    old: int
    new: str = "default"


def test_a_field_with_a_default_may_be_lacking_and_no_other():
    assert hints_of(Later) == {"old": int, "new": str}
    assert make_value(Later, {"old": 1}) == Later(1)
    for parts, message in [
        ({"new": "a"}, "'old'"),
        ({"old": 1, "other": 2}, r"it holds Later\.other, which is not known"),
    ]:
        with pytest.raises(TypeError, match=message):
            make_value(Later, parts)
    with pytest.raises(TypeError, match=r"Later\.old has the wrong type str"):
        make_value(Later, {"old": "1"})
