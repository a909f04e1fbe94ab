"""What is pickled is names and arrays, and comes back bit for bit, whole or in the middle of training."""

import copy
import io
import pickle
from dataclasses import dataclass, fields, is_dataclass

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

import sknet
from sknet import Activation, Interval, Loss, Optimizer, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.fitted import KINDS
from sknet._network.activations import ACTIVATIONS
from sknet._storage.models import KIND, pack, unpack
from sknet._tables.columns.number import NumberColumn
from sknet._training.result import Epoch
from sknet._training.state import History, State

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
    assert names_in(pickle.dumps(Epoch(*[0.0] * 6))) == {("sknet._training.result", "Epoch")}


# --- there and back --------------------------------------------------------------------------------------------------


def by_pickle(net):
    return pickle.loads(pickle.dumps(net))


def by_joblib(net):
    file = io.BytesIO()
    joblib.dump(net, file)
    file.seek(0)
    return joblib.load(file)


def assert_the_same(one, other, table):
    for part, same in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert part.dtype == same.dtype
        assert_array_equal(part, same)
    assert_array_equal(one.predict(table), other.predict(table))
    pd.testing.assert_frame_equal(one.history_.drop(columns="seconds"), other.history_.drop(columns="seconds"))
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "n_iter_", "t_", "n_features_in_"):
        assert getattr(one, name) == getattr(other, name)
    assert_array_equal(one.network_feature_names_, other.network_feature_names_)
    if hasattr(one, "classes_"):
        assert repr(one.classes_) == repr(other.classes_)


@of_every_case
@of_every_state
@pytest.mark.parametrize("travel", [by_pickle, copy.copy, copy.deepcopy, by_joblib])
def test_what_comes_back_is_the_same_and_trains_on_the_same(case, trained, travel):
    net, table, y = fitted(case, trained)
    other = travel(net)
    assert_the_same(net, other, table)
    assert other.history_.equals(net.history_)
    assert repr(other.resolved_params_) == repr(net.resolved_params_)
    if hasattr(net, "partial_fit"):
        assert_the_same(net.partial_fit(table, y), other.partial_fit(table, y), table)


@pytest.mark.parametrize("case", ["multiclass", "numbers"])
@pytest.mark.parametrize("travel", [by_pickle, copy.copy, copy.deepcopy, by_joblib])
def test_a_copy_that_trains_on_leaves_the_first_alone(case, travel):
    net, table, y = fitted(case, "fit and partial_fit")
    kept = pickle.dumps(net)
    travel(net).partial_fit(table, y).fit(table, y)
    assert pickle.dumps(net) == kept


def test_an_unfitted_estimator_comes_back_unfitted():
    for net in (SigmoidMLPClassifier(**QUICK), SigmoidMLPRegressor(**QUICK | OWN)):
        again = by_pickle(net)
        assert again.get_params() == net.get_params() and not hasattr(again, "coefs_")


# --- the codec -------------------------------------------------------------------------------------------------------


def plain(value):
    """Whether a packed value is made of plain things alone; class weights have labels as keys."""
    if isinstance(value, dict):
        return all(isinstance(key, str | int) for key in value) and all(map(plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    return value is None or isinstance(value, bool | int | float | str | np.ndarray | np.generic)


@of_every_case
def test_a_model_is_packed_into_plain_things(case):
    if case == "own pieces":
        pytest.skip("they stand as the objects they are")
    net, table, _ = fitted(case, "fit")
    packed = pack(net._fitted.model)
    assert packed[KIND] == "model" and plain(packed)
    model = unpack(packed)
    assert_array_equal(model.outputs(table, np.copy), net._fitted.model.outputs(table, np.copy))


def test_every_kind_has_one_name_and_is_frozen():
    assert len(set(KINDS.values())) == len(KINDS)
    for kind in KINDS.values():
        assert is_dataclass(kind) and kind.__dataclass_params__.frozen
        assert not {field.name for field in fields(kind) if field.init} & {KIND, "of"}


def test_activations_are_packed_by_name_and_those_of_the_user_as_they_are():
    assert pack(ACTIVATIONS["tanh"]) == {KIND: "activation", "name": "tanh"}
    assert unpack(pack(ACTIVATIONS["tanh"])) is ACTIVATIONS["tanh"]
    twin = Activation("tanh", softsign, softsign_backward)  # of the same name
    assert pack(twin) is twin


def test_a_history_is_one_array_per_figure():
    epochs = tuple(Epoch(float(k), np.nan, 0.5, 0.1, 1.0, 0.01) for k in range(3))
    packed = pack(History().extended(epochs))["epochs"]
    assert {name: packed[name].shape for name in vars(epochs[0])} == dict.fromkeys(vars(epochs[0]), (3,))
    assert repr(unpack(pack(History().extended(epochs)))) == repr(History().extended(epochs))
    assert unpack(pack(History())) == History()


def test_types_and_states_come_back():
    for dtype in (np.dtype(np.float32), np.dtype(np.float64)):
        assert unpack(pack(dtype)) == dtype
    state = State(np.arange(3.0), (np.ones(3),), np.random.default_rng(4), step=7, epoch=2, average=np.zeros(3))
    again = unpack(pack(state))
    assert again.rng.random() == np.random.default_rng(4).random() and (again.step, again.epoch) == (7, 2)
    assert_array_equal(again.average, state.average)


def test_an_unknown_kind_is_not_made():
    with pytest.raises(KeyError):
        unpack({KIND: "os.system", "command": "true"})


def test_numbers_of_another_type_than_meant_are_kept_one_by_one():
    columns = (NumberColumn(0, 1.0), NumberColumn(2, 1.0))
    assert all(part[KIND] == "number" for part in pack(columns, KINDS)) and pack(columns[:1] * 2, KINDS) is not columns


def test_rows_that_lack_a_field_and_what_is_no_history_are_refused():
    packed = pack((NumberColumn(0.0, 1.0), NumberColumn(2.0, 1.0)), KINDS)
    assert unpack(packed, KINDS) == (NumberColumn(0.0, 1.0), NumberColumn(2.0, 1.0))
    required = next(name for name in packed if name not in (KIND, "of"))
    with pytest.raises(TypeError, match="do not go with the fields"):
        unpack({name: part for name, part in packed.items() if name != required}, KINDS)


def test_what_is_no_history_is_refused():
    with pytest.raises(TypeError, match="a history is made of epochs"):
        unpack({KIND: "history", "epochs": (1.0, 2.0)})
