"""`interaction_cst`: raw outputs are sums of a function of each set, however the network was trained."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.base import clone

import sknet
import sknet.stream
from sknet import Optimizer, SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.data import outside_training

RNG = np.random.default_rng(0)
N = 240
X = RNG.normal(size=(N, 4))
NUMBER = np.sin(2 * X[:, 0]) * X[:, 1] + X[:, 2] ** 2 + 0.1 * RNG.normal(size=N)
LABEL = np.digitize(NUMBER, [0.2, 1.0])
TABLE = pd.DataFrame({
    "a": np.where(RNG.random(N) < 0.2, np.nan, X[:, 0]), "b": X[:, 1], "c": X[:, 2],
    "town": RNG.choice(["x", "y", None], N), "day": pd.date_range("2024-01-01", periods=N),
    "said": RNG.choice(["a red apple", "one green pear", "some blue plums"], N) + pd.Series(np.arange(N).astype(str)),
})  # fmt: skip
FAST = {"hidden_layer_sizes": (9, 8), "max_iter": 4, "random_state": 0, "dtype": "float64"}
SETS = [[0, 1], [2]]  # and the fourth column alone


def raw_outputs(net, table):
    """What must be a sum: raw outputs, or predictions where these are raw outputs but for the scale."""
    if isinstance(net, SigmoidMLPClassifier):
        return np.asarray(net.decision_function(table))
    return np.log(net.predict(table)) if net.loss == "poisson" else net.predict(table)


def assert_sum_over(net, table, columns, atol=1e-9):
    """Two rows exchange what they have in these columns: what one output gains, the other one loses."""
    table = pd.DataFrame(table)
    other = table.iloc[::-1].set_axis(table.index)
    exchanged = [rows.copy() for rows in (table, other)]
    names = table.columns[columns]
    exchanged[0][names], exchanged[1][names] = other[names], table[names]
    before = raw_outputs(net, table) + raw_outputs(net, other)
    after = sum(raw_outputs(net, rows) for rows in exchanged)
    np.testing.assert_allclose(after, before, rtol=0, atol=atol * (1 + np.abs(before).max()))
    assert np.abs(raw_outputs(net, exchanged[0]) - raw_outputs(net, table)).max() > 1e-4  # the columns are used


def assert_sets_apart(net, sets=(0, 0, 1, 2), n_members=1):
    """All weights between units of different sets are 0, exactly; of joined members, in each."""
    owner = np.array(sets)
    has_input = owner[:, np.newaxis] == np.unique(owner)
    for W in net.coefs_[:-1]:
        of_each = W.shape[1] // n_members
        set_of_each_unit = np.tile(np.arange(of_each) * has_input.shape[1] // of_each, n_members)
        connected = has_input[:, set_of_each_unit]
        assert (W[~connected] == 0.0).all()
        assert (W[connected] != 0.0).mean() > 0.2
        has_input = set_of_each_unit[:, np.newaxis] == np.unique(owner)


class Noisy(Optimizer):
    """An optimizer that moves weights without a gradient, too."""

    def update(self, gradient, moments, step):
        gradient += 0.1
        return 1.0


TRAINED = {
    "adam": {},
    "decayed and averaged": {"weight_decay": 0.5, "averaging": 0.9, "dropout": 0.2},
    "bounded": {"max_norm": 0.7, "solver": "lion", "learning_rate_init": 0.001},
    "penalised": {"alpha": 1.0, "l1_ratio": 0.5},
    "momentum and clipping": {"solver": "sgd", "clip_norm": 0.1},
    "an optimizer of the user's": {"solver": Noisy(), "learning_rate_init": 0.01},
    "lbfgs": {"solver": "lbfgs"},
    "lbfgs, L1": {"solver": "lbfgs", "alpha": 0.1, "l1_ratio": 0.5},
    "scikit-learn's": {"learning_rate": "constant", "input_scaling": None},
    "drawn otherwise": {"init": "orthogonal", "activation": ["tanh", "relu"]},
    "folds": {"early_stopping": "folds", "n_members": 1},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", TRAINED)
def test_outputs_are_sums_and_weights_zeros(name):
    parameters = FAST | {"early_stopping": False, "numeric_encoding": "raw"} | TRAINED[name]
    net = SigmoidMLPRegressor(interaction_cst=SETS, **parameters).fit(X, NUMBER)
    assert_sets_apart(net)
    for columns in ([0, 1], [2], [3], [2, 3]):
        assert_sum_over(net, X, columns)


def test_columns_of_a_set_do_interact():
    net = SigmoidMLPRegressor(interaction_cst=SETS, **FAST | {"max_iter": 20}).fit(X, NUMBER)
    with pytest.raises(AssertionError):
        assert_sum_over(net, X, [0])


LOSSES = {
    "poisson": (SigmoidMLPRegressor, {"loss": "poisson"}, np.exp(NUMBER)),
    "absolute_error": (SigmoidMLPRegressor, {"loss": "absolute_error"}, NUMBER),
    "two targets": (SigmoidMLPRegressor, {}, np.column_stack([NUMBER, -X[:, 3]])),
    "two classes": (SigmoidMLPClassifier, {}, LABEL > 0),
    "three classes": (SigmoidMLPClassifier, {}, LABEL),
    "squared_error": (SigmoidMLPClassifier, {"loss": "squared_error"}, LABEL > 1),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("members", [{}, {"n_members": 3, "early_stopping": "folds"}])
def test_every_loss_with_members_and_bins(name, members):
    kind, parameters, y = LOSSES[name]
    net = kind(interaction_cst=SETS, **FAST | parameters | members).fit(X, y)
    for columns in ([0, 1], [2], [3]):
        assert_sum_over(net, X, columns)


def added_together(net, table):
    """What another town and another day change together, beyond what each changes alone."""
    town, day = ({name: TABLE[name].iloc[::-1].to_numpy()} for name in ("town", "day"))
    changes = {}, town, day, town | day
    first, second, third, fourth = (net.predict(table.assign(**change)) for change in changes)
    return first - second - third + fourth


@pytest.mark.parametrize("cst", ["no_interactions", "pairwise", [{"a", "town"}, {"day", "said"}]])
def test_all_inputs_of_a_column_are_in_its_set(cst):
    """A column's bins, levels, cycles, components of text and marks of missing values are in its sets."""
    sizes = {"hidden_layer_sizes": 18} if cst == "pairwise" else {}
    net = SigmoidMLPRegressor(interaction_cst=cst, text_features=["said"], **FAST | sizes).fit(TABLE, NUMBER)
    assert {formula["kind"] for formula in net.inputs_.to_dict("records")} >= {"number", "bin", "level", "date", "text"}
    if cst == "pairwise":
        np.testing.assert_allclose(added_together(net, TABLE), added_together(net, TABLE.assign(c=0.3)), atol=1e-9)
        return
    for columns in [[j] for j in range(6)] if cst == "no_interactions" else ([0, 3], [4, 5], [1, 2]):
        assert_sum_over(net, TABLE, columns)


def test_monotone_columns_use_units_of_their_own_set():
    """Also the last column, whose units come last."""
    cst = {"interaction_cst": "no_interactions", "monotonic_cst": [0, 0, 0, 1], "hidden_layer_sizes": (8, 8)}
    y = NUMBER + 2 * X[:, 3]
    net = SigmoidMLPRegressor(**FAST | cst | {"max_iter": 20}).fit(X, y)
    for columns in ([0], [1], [2], [3]):
        assert_sum_over(net, X, columns, atol=1e-7)  # raw outputs are rounded
    higher = X + 0.5 * np.eye(4)[3]
    assert (net.predict(higher) >= net.predict(X)).all()
    assert np.ptp(net.explain(X, X).values[:, 3]) > 1.0


def test_training_further_and_files_keep_the_constraint(tmp_path):
    net = SigmoidMLPRegressor(interaction_cst=[{0, 1}, {2}], **FAST, n_members=2).fit(X, NUMBER)
    sknet.save(net, tmp_path / "net")
    for other in (sknet.load(tmp_path / "net"), pickle.loads(pickle.dumps(net))):
        np.testing.assert_array_equal(other.predict(X), net.predict(X))
        for _ in range(2):
            other.partial_fit(X, np.roll(NUMBER, 1))
        for columns in ([0, 1], [2], [3]):
            assert_sum_over(other, X, columns)
        assert_sum_over(other.set_params(warm_start=True, early_stopping=False).fit(X, -NUMBER), X, [2])
    fresh = clone(net).partial_fit(X, NUMBER)
    assert_sets_apart(fresh)


def test_weights_set_by_hand_are_0_again_when_training_goes_on():
    net = SigmoidMLPRegressor(interaction_cst=SETS, **FAST).partial_fit(X, NUMBER)
    net.coefs_ = [np.full_like(W, 0.3) for W in net.coefs_]
    assert_sets_apart(net.partial_fit(X, NUMBER))


def test_a_resumed_run_equals_the_whole_run_and_needs_the_same_constraint(tmp_path):
    path = tmp_path / "run"
    parameters = FAST | {"interaction_cst": SETS, "early_stopping": False}
    whole = SigmoidMLPRegressor(**parameters).set_callbacks(sknet.Checkpoint(path)).fit(X, NUMBER)
    again = SigmoidMLPRegressor(**parameters).resume(path, X, NUMBER)
    np.testing.assert_array_equal(again.predict(X), whole.predict(X))
    with pytest.raises(ValueError, match="interaction_cst"):
        again.set_params(interaction_cst=[[0], [1]]).resume(path, X, NUMBER)


def test_the_constraint_holds_as_long_as_training_goes_on():
    net = SigmoidMLPRegressor(interaction_cst=[(1, 0), {2}], **FAST).partial_fit(X, NUMBER)
    assert net.resolved_params_["interaction_cst"] == [(1, 0), [2]]
    with pytest.raises(ValueError, match="interaction_cst=None cannot take effect"):
        net.set_params(interaction_cst=None).partial_fit(X, NUMBER)


def test_a_stream_keeps_the_constraint():
    frame = TABLE.assign(y=NUMBER)
    net = SigmoidMLPRegressor(interaction_cst=[["a", "town"], ["day"]], text_features=None, **FAST)
    sknet.stream.fit(net, lambda: (frame.drop(columns="said")[i : i + 70] for i in range(0, N, 70)), target="y")
    for columns in ([0, 3], [4], [1, 2]):
        assert_sum_over(net, TABLE.drop(columns="said"), columns)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("parameters", [{}, {"solver": "lbfgs"}, {"solver": "sgd", "alpha": 0.1, "l1_ratio": 0.3}])
def test_sparse_columns_of_different_sets_do_not_interact(parameters):
    """Of which a batch touches few: 400 columns, in two sets."""
    wide = sp.random_array((N, 400), density=0.02, rng=np.random.default_rng(1), format="csr")
    net = SigmoidMLPRegressor(interaction_cst=[range(200)], **FAST | {"batch_size": 16} | parameters).fit(wide, NUMBER)
    assert_sets_apart(net, [0] * 200 + [1] * 200)
    first, second = wide.copy(), wide.copy()
    first.data[first.indices >= 200] = 0.0
    second.data[second.indices < 200] = 0.0
    nothing = net.predict(wide * 0.0)
    np.testing.assert_allclose(net.predict(first) + net.predict(second), net.predict(wide) + nothing, atol=1e-9)


# --- how many units -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "y", "cst", "sizes"),
    [
        (SigmoidMLPRegressor, NUMBER, "no_interactions", (96, 32)),
        (SigmoidMLPRegressor, NUMBER, "pairwise", (96, 48)),
        (SigmoidMLPRegressor, NUMBER, None, (96, 32)),
        (SigmoidMLPClassifier, LABEL, [[j] for j in range(4)] * 5, (160,)),
    ],
)
def test_auto_gives_each_set_eight_units_in_each_layer(kind, y, cst, sizes):
    net = kind(interaction_cst=cst, max_iter=1, n_members=1, random_state=0).fit(X, y)
    assert net.resolved_params_["hidden_layer_sizes"] == sizes
    deep = kind(interaction_cst=cst, depth=2, max_iter=1, n_members=1, random_state=0).fit(X, y)
    assert deep.resolved_params_["hidden_layer_sizes"] == sizes[0]


def test_more_sets_than_units():
    wide = np.random.default_rng(0).normal(size=(60, 20))
    for sizes, smallest in (((200, 50), 50), (40, 40)):
        net = SigmoidMLPRegressor(sizes, interaction_cst="pairwise", max_iter=1)
        with pytest.raises(
            ValueError, match=f"190 sets of columns, and .* layer of {smallest} units.*190 units or more"
        ):
            net.fit(wide, wide[:, 0])
        assert not hasattr(net, "coefs_")


def test_one_unit_for_each_set_is_enough():
    net = SigmoidMLPRegressor(4, interaction_cst="no_interactions", max_iter=2, random_state=0).fit(X, NUMBER)
    assert (np.count_nonzero(net.coefs_[0][-4:], axis=0) == 1).all()


def test_a_linear_model_has_nothing_to_constrain():
    linear = {"hidden_layer_sizes": (), "max_iter": 3, "random_state": 0}
    free = SigmoidMLPRegressor(**linear).fit(X, NUMBER)
    apart = SigmoidMLPRegressor(**linear, interaction_cst="no_interactions").fit(X, NUMBER)
    np.testing.assert_array_equal(free.predict(X), apart.predict(X))


def test_one_set_of_all_columns_is_no_constraint():
    free = SigmoidMLPRegressor(**FAST).fit(X, NUMBER)
    for cst in ([range(4)], []):
        same = SigmoidMLPRegressor(**FAST, interaction_cst=list(map(list, cst))).fit(X, NUMBER)
        np.testing.assert_array_equal(free.predict(X), same.predict(X))


# --- gradients ------------------------------------------------------------------------------------------------------


def test_weights_that_stay_0_do_not_count_in_a_clipped_gradient():
    """A step of one full batch is as long as the limit, whatever the slopes of weights that cannot move."""
    parameters = FAST | {
        "max_iter": 1, "solver": "sgd", "momentum": 0.0, "clip_norm": 0.01, "batch_size": N, "early_stopping": False,
        "learning_rate": "constant", "learning_rate_init": 1.0, "alpha": 0.0, "n_members": 1,
    }  # fmt: skip
    net = SigmoidMLPRegressor(interaction_cst=SETS, **parameters).partial_fit(X, NUMBER)
    before = np.concatenate([*map(np.ravel, net.coefs_), *net.intercepts_])
    net.partial_fit(X, NUMBER)
    step = np.concatenate([*map(np.ravel, net.coefs_), *net.intercepts_]) - before
    assert np.linalg.norm(step) == pytest.approx(0.01)
    assert net.history_["gradient_norm"].iloc[-1] > 0.01


# --- explaining -----------------------------------------------------------------------------------------------------


@outside_training
@pytest.mark.parametrize("name", LOSSES)
def test_contributions_are_exact_and_the_same_for_every_background(name):
    kind, parameters, y = LOSSES[name]
    net = kind(interaction_cst="no_interactions", **FAST | parameters).fit(TABLE.drop(columns="said"), y)
    table = TABLE.drop(columns="said")[::5]
    one, other = (net.explain(table, background=table[rows]) for rows in (slice(0, 30), slice(30, None)))
    np.testing.assert_allclose(
        one.values - other.values, (one.values - other.values)[:1].repeat(len(table), 0), atol=1e-10
    )
    total = one.values.sum(axis=1) + one.base_values
    np.testing.assert_allclose(total, raw_outputs(net, table), rtol=1e-9, atol=1e-9)
    moved = net.explain(table.assign(b=7.0), background=table[:30]).values  # columns that stay contribute what they did
    np.testing.assert_allclose(np.delete(moved, 1, axis=1), np.delete(one.values, 1, axis=1), atol=1e-10)
