"""`partial_fit` goes on from an earlier call: what holds from then on, what may change, and what it warns of."""

import pickle
import warnings
from collections import OrderedDict, deque
from contextlib import nullcontext
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.utils.class_weight import compute_class_weight

import sknet
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from tests.estimators.data import SMALL

X = np.arange(400.0)[:, np.newaxis]
rng = np.random.default_rng(0)
TABLE = rng.normal(size=(60, 3))
NUMBER = TABLE[:, 0] + 0.1 * rng.normal(size=60)
LABEL = (NUMBER > 0.5).astype(int)
QUICK = SMALL | dict(max_iter=2, early_stopping=False)
FRAME = pd.DataFrame(TABLE, columns=list("abc"))


# --- after the end of the schedule -----------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["cosine", "flat_cosine", "one_cycle", "coslog4", lambda part: 1.0 - part])
def test_a_schedule_that_has_ended_gives_a_warning_once(schedule):
    net = SigmoidMLPRegressor(**QUICK | {"learning_rate": schedule})
    for _ in range(2):
        net.partial_fit(TABLE, NUMBER)
    with pytest.warns(UserWarning, match="after max_iter=2 calls.*Set max_iter .* or learning_rate='constant'"):
        deepcopy(net).partial_fit(TABLE, NUMBER)
    with pytest.warns(UserWarning, match="has fallen to 0"):
        net.partial_fit(TABLE, NUMBER)
    before = net.predict(TABLE)
    net.partial_fit(TABLE, -NUMBER)  # without another warning
    assert_allclose(net.predict(TABLE), before, atol=1e-4)
    net.set_params(max_iter=100).partial_fit(TABLE, -NUMBER)
    assert np.abs(net.predict(TABLE) - before).max() > 1e-3
    with pytest.warns(UserWarning, match="max_iter=3"):  # after a lower number, too
        net.set_params(max_iter=3).partial_fit(TABLE, NUMBER)


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive", lambda part: 1.0 - 0.9 * part])
def test_a_schedule_without_an_end_goes_on(schedule):
    net = SigmoidMLPRegressor(**QUICK | {"learning_rate": schedule})
    for _ in range(4):
        net.partial_fit(TABLE, NUMBER)
    before = net.predict(TABLE)
    assert np.abs(net.partial_fit(TABLE, -NUMBER).predict(TABLE) - before).max() > 1e-5


# --- a chunk unlike the first ----------------------------------------------------------------------------------------


def test_a_chunk_outside_the_first_gives_a_warning():
    net = SigmoidMLPRegressor(random_state=0).partial_fit(X[:20], X[:20, 0] % 2)
    with pytest.warns(RuntimeWarning, match=r"Columns \['x0'\] of X lie mostly outside"):
        net.partial_fit(X[380:], X[380:, 0] % 2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_rows_unlike_those_of_the_first_call_give_a_warning(method):
    net = SigmoidMLPRegressor(**QUICK, learning_rate="constant", warm_start=method == "fit")
    train = getattr(net, method)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "y lies mostly far|Columns")
        train(TABLE, NUMBER + 5.0)
        train(TABLE[:10], 1e6 * NUMBER[:10])  # few targets may be far by chance
        train(TABLE, 2.0 * NUMBER + 5.0)
    with pytest.warns(RuntimeWarning, match=f"y lies mostly far from the targets of the first call of {method}, "):
        train(TABLE, NUMBER + 1e6)
    with pytest.warns(RuntimeWarning, match=rf"Columns \['x1'\] of X lie mostly outside .* first call of {method}, "):
        train(np.add(TABLE, [0.0, 1000.0, 0.0]), NUMBER)


@pytest.mark.parametrize("constant", [0.0, 3.0])
def test_nothing_is_far_from_a_constant_target(constant):
    net = SigmoidMLPRegressor(**QUICK).partial_fit(TABLE, np.full(60, constant))
    with warnings.catch_warnings(action="error", category=RuntimeWarning):
        net.partial_fit(TABLE, NUMBER + 1000.0)


@pytest.mark.parametrize("input_scaling", ["robust", "standard"])
def test_a_column_with_one_value_first_is_learnt_from_when_a_second_one_comes(input_scaling):
    rows = np.random.default_rng(1).normal(size=(300, 2))
    table = pd.DataFrame({"number": rows[:, 0], "fixed": 7.0})
    table["day"] = pd.Timestamp("2026-01-01") + pd.to_timedelta(rows[:, 1], unit="D")
    y = rows[:, 0] + rows[:, 1]
    net = SigmoidMLPRegressor(learning_rate="constant", random_state=0, input_scaling=input_scaling)
    net.partial_fit(table[:1], y[:1])
    with pytest.warns(RuntimeWarning, match=r"Columns \['number', 'day'\] of X had a single value until now.*prepare"):
        again = pickle.loads(pickle.dumps(net)).partial_fit(table, y)
    with pytest.warns(RuntimeWarning):
        net.partial_fit(table, y)
    assert_array_equal(net.predict(table), again.predict(table))
    assert net.inputs_["scale"].tolist()[1] == 0.0  # "fixed" still says nothing
    for _ in range(40):
        net.partial_fit(table, y)
    assert net.score(table, y) > 0.8


@pytest.mark.parametrize("as_sparse", [sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("has_other_values", [False, True])
def test_a_column_with_one_value_in_a_dense_table_may_be_sparse_later(as_sparse, has_other_values):
    first = np.column_stack([TABLE[:, 0], np.full(60, 3.0), np.zeros(60)])
    second = np.column_stack([TABLE[:, 0], TABLE[:, 1] + 3.0, np.arange(60) % 7 == 0]) if has_other_values else first
    predicted = []
    for table in (second, as_sparse(second)):
        net = SigmoidMLPRegressor(random_state=0, dtype="float64").partial_fit(first, NUMBER)
        warns = pytest.warns(RuntimeWarning, match=r"Columns \['x1', 'x2'\] of X had a single value until now")
        with warns if has_other_values else nullcontext():
            net.partial_fit(table, NUMBER)
        predicted.append(net.predict(second))
    assert_array_equal(*predicted)


@pytest.mark.filterwarnings("ignore:y lies mostly far")
def test_a_second_value_changes_no_prediction_of_the_first():
    net = SigmoidMLPRegressor(learning_rate_init=1e-12, weight_decay=0.0, random_state=0, dtype="float64", alpha=0.0)
    net.partial_fit(TABLE[[0, 0]], NUMBER[:2])  # two targets: a single one would be predicted as it is
    before = net.predict(TABLE[:1])
    with pytest.warns(RuntimeWarning, match="until now"):
        net.partial_fit(TABLE, NUMBER)
    assert_allclose(net.predict(TABLE[:1]), before, rtol=1e-6)
    assert np.ptp(net.predict(TABLE)) > 0.0


def test_a_sample_of_all_rows_taught_the_encoders():
    net = stream.prepare(SigmoidMLPRegressor(random_state=0), X[::10], X[::10, 0])
    assert net.partial_fit(X[:20], X[:20, 0]).partial_fit(X[380:], X[380:, 0]).t_ == 40


# --- parameters that are set between two calls -----------------------------------------------------------------------


class Sum(sknet.Optimizer):
    """A step along the sum of all gradients so far."""

    n_moments = 1

    def update(self, gradient, moments, step):
        moments[0][:] += gradient
        gradient[:] = moments[0]
        return 0.1


@pytest.mark.parametrize("second", ["sgd", "lion", "adam", Sum()])
def test_another_solver_begins_its_moments_anew(second):
    """It continues as it would from these weights alone."""
    steady = QUICK | dict(
        learning_rate=lambda done: 1.0, learning_rate_init=1e-3, batch_size=60, shuffle=False, input_scaling=None,
        target_scaling=None, clip_norm=None, weight_decay=0.0,
    )  # fmt: skip
    net = SigmoidMLPRegressor(**steady, solver="rmsprop").partial_fit(TABLE, NUMBER).partial_fit(TABLE, NUMBER)
    weights = [W.copy() for W in net.coefs_], [b.copy() for b in net.intercepts_]
    alone = SigmoidMLPRegressor(**steady, solver=second, init=weights).partial_fit(TABLE, NUMBER)
    net.set_params(solver=second).partial_fit(TABLE, NUMBER)
    for one, other in zip(net.coefs_ + net.intercepts_, alone.coefs_ + alone.intercepts_, strict=True):
        assert_array_equal(one, other)
    net.partial_fit(TABLE, NUMBER)
    alone.partial_fit(TABLE, NUMBER)  # and the same solver goes on
    assert_array_equal(net.coefs_[0], alone.coefs_[0])


def test_an_equal_optimizer_of_the_users_goes_on():
    straight, made_again = (SigmoidMLPRegressor(**QUICK, solver=Sum()).partial_fit(TABLE, NUMBER) for _ in range(2))
    straight.partial_fit(TABLE, NUMBER)
    made_again.set_params(solver=Sum()).partial_fit(TABLE, NUMBER)
    assert_array_equal(straight.coefs_[0], made_again.coefs_[0])


@pytest.mark.parametrize("before, now", [(2, 3), (2, 1), (1, 2)])
def test_another_number_of_members_is_refused(before, now):
    net = SigmoidMLPRegressor(**QUICK | {"max_iter": 3}, n_members=before).fit(TABLE, NUMBER)
    for _ in range(2):
        with pytest.raises(ValueError, match=f"n_members={now} cannot take effect: .*n_members={before}"):
            net.set_params(n_members=now).partial_fit(TABLE, NUMBER)
        net.set_params(n_members=before).partial_fit(TABLE, NUMBER)
        if before == 1:  # from here on it may have begun with `partial_fit`, which takes any number for one
            break
    assert net.set_params(n_members="auto").partial_fit(TABLE, NUMBER).backpropagate(TABLE, NUMBER)[0] > 0.0


def test_a_first_increment_has_one_member_and_so_have_the_next():
    net = SigmoidMLPRegressor(**QUICK, n_members=3).partial_fit(TABLE, NUMBER).partial_fit(TABLE, NUMBER)
    assert net.resolved_params_["n_members"] == 1
    assert net.backpropagate(TABLE, NUMBER)[0] > 0.0


# --- lists and dicts of the user's -----------------------------------------------------------------------------------

LISTS = {
    "monotonic_cst": ({"a": 1}, lambda cst: cst.update(a=-1)),
    "interaction_cst": ([["a"], ["b", "c"]], lambda sets: sets.pop()),
    "categorical_features": (["b"], lambda names: names.append("c")),
    "activation": (["tanh"], lambda names: names.__setitem__(0, "relu")),
    "quantile": ([0.2, 0.8], lambda levels: levels.__setitem__(0, 0.5)),
    "dropout": ([0.1], lambda rates: rates.__setitem__(0, 0.9)),
    "hidden_layer_sizes": ([3], lambda sizes: sizes.append(2)),
    "class_weight": ({0: 1.0, 1: 2.0}, lambda weights: weights.update({1: 9.0})),
}


def fitted_with(name, value):
    kind = SigmoidMLPClassifier if name == "class_weight" else SigmoidMLPRegressor
    given = QUICK | {"loss": "quantile"} if name == "quantile" else QUICK
    table = FRAME.assign(b=pd.Categorical(["x", "y"] * 30)) if name == "categorical_features" else FRAME
    y = LABEL if name == "class_weight" else NUMBER
    return kind(**given | {name: value}).fit(table, y), table, y


@pytest.mark.parametrize("name", LISTS)
def test_changing_a_passed_list_after_fit_changes_no_prediction(name):
    value, change = LISTS[name]
    given = value.copy()
    net, table, _ = fitted_with(name, given)
    predicted = net.predict(table)
    change(given)
    assert net.resolved_params_[name] == value
    assert given != value
    change(net.resolved_params_[name])
    assert net.resolved_params_[name] == value
    assert_array_equal(net.predict(table), predicted)


@pytest.mark.parametrize("name", ["monotonic_cst", "interaction_cst", "categorical_features", "hidden_layer_sizes"])
def test_partial_fit_refuses_a_list_that_was_changed_in_place(name):
    value, change = LISTS[name]
    given = value.copy()
    net, table, y = fitted_with(name, given)
    change(given)
    with pytest.raises(ValueError, match=f"{name}="):
        net.partial_fit(table, y)


@pytest.mark.parametrize("sets", [
    [["a"], ["b", "c"]], [("a",), ("b", "c")], (["a"], ("b", "c")), [np.array(["a"]), {"b", "c"}],
], ids=["lists", "tuples", "a tuple", "an array and a set"])  # fmt: skip
def test_lists_of_lists_are_the_same_choice_as_lists_of_tuples(sets):
    net = SigmoidMLPRegressor(**QUICK, interaction_cst=[("a",), ("b", "c")], warm_start=True).fit(FRAME, NUMBER)
    assert len(net.set_params(interaction_cst=sets).fit(FRAME, NUMBER).loss_curve_) == 4
    with pytest.raises(ValueError, match="interaction_cst=.* cannot take effect"):
        net.set_params(interaction_cst=[sets[1], ["b"]]).fit(FRAME, NUMBER)


@pytest.mark.parametrize(("first", "same", "other"), [
    ([1, 0, 0], {"a": 1}, {"b": 1}), (None, [0, 0, 0], [0, 0, 1]), ({}, None, {"a": -1}),
    ({"a": -1, "b": 0}, {"a": -1}, None),
])  # fmt: skip
def test_forms_of_monotonic_cst_that_mean_the_same_are_the_same_choice(first, same, other):
    net = SigmoidMLPRegressor(**QUICK, monotonic_cst=first, warm_start=True).fit(FRAME, NUMBER)
    assert len(net.set_params(monotonic_cst=same).fit(FRAME, NUMBER).loss_curve_) == 4
    with pytest.raises(ValueError, match="monotonic_cst=.* cannot take effect"):
        net.set_params(monotonic_cst=other).fit(FRAME, NUMBER)


def test_lists_within_lists_are_copies_too():
    weights = [{0: 1.0}, {0: 2.0}]
    both = np.column_stack([LABEL, 1 - LABEL])
    net = SigmoidMLPClassifier(**QUICK, class_weight=weights).fit(TABLE, both)
    weights[0][0] = 7.0
    assert net.resolved_params_["class_weight"] == [{0: 1.0}, {0: 2.0}]


@pytest.mark.parametrize("name, value, kept", [
    ("monotonic_cst", OrderedDict(a=1), {"a": 1}), ("hidden_layer_sizes", pd.Series([3, 2]), [3, 2]),
    ("interaction_cst", [{"b", "a"}, frozenset("c")], [["a", "b"], ["c"]]),
    ("interaction_cst", [{"a", 2, 1}], [[1, 2, "a"]]),
    ("hidden_layer_sizes", deque([3, 2]), [3, 2]), ("hidden_layer_sizes", (3, 2), (3, 2)),
])  # fmt: skip
def test_other_sequences_and_mappings_are_kept_as_lists_and_dicts(name, value, kept):
    net, table, y = fitted_with(name, value)
    assert net.resolved_params_[name] == kept
    assert type(net.resolved_params_[name]) is type(kept)
    assert net.partial_fit(table, y).get_params()[name] is value


# --- class weights ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_weight", ["balanced", ["balanced", None]])
def test_balanced_weights_are_for_all_rows_at_once(class_weight):
    """Of a part of the rows they would be another at each call."""
    y = np.column_stack([LABEL, LABEL + 1]) if isinstance(class_weight, list) else LABEL
    net = SigmoidMLPClassifier(**QUICK, class_weight=class_weight)
    why = "partial_fit is not available with class_weight='balanced'.*compute_class_weight"
    for one in (net, clone(net).fit(TABLE, y)):
        with pytest.raises(AttributeError, match=f"^{why}"):
            one.partial_fit  # noqa: B018
        with pytest.raises(AttributeError, match=f"^{why}"):
            SigmoidMLPClassifier.partial_fit(one, TABLE, y)
        assert not hasattr(one, "partial_fit")
    with pytest.raises(AttributeError, match=why):
        stream.prepare(net, TABLE, y)


def test_balanced_weights_of_all_rows_can_be_given():
    weights = dict(enumerate(compute_class_weight("balanced", classes=np.unique(LABEL), y=LABEL)))
    net = SigmoidMLPClassifier(**QUICK, class_weight=weights).partial_fit(TABLE, LABEL)
    assert net.t_ == 60
