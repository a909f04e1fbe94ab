"""`n_members`: networks that are trained side by side and joined into one, as users see it."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

import sknet
import sknet.stream
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.estimators.choices import MEDIUM_TABLE_ROWS
from tests.estimators.data import stops_at

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 3))
NUMBER = np.abs(X[:, 0]) + 0.3 * rng.normal(size=N)
LABEL = np.digitize(NUMBER, [0.5, 1.0])
WEIGHT = rng.integers(1, 4, N).astype(float)
QUICK = dict(hidden_layer_sizes=4, max_iter=6, random_state=0, n_members=3, learning_rate_init=0.05)
HELD_OUT = QUICK | {"early_stopping": True}
KINDS = {SigmoidMLPClassifier: LABEL, SigmoidMLPRegressor: NUMBER}


def assert_same(one, other, table=X):
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(one.predict(table), other.predict(table))


# --- one network -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"early_stopping": False}])
def test_a_fit_leaves_one_network_of_the_members_widths(kind, parameters):
    net = kind(**QUICK | {"hidden_layer_sizes": (4, 2)}, **parameters).fit(X, KINDS[kind])
    n_inputs, n_outputs = len(net.inputs_), net.n_outputs_
    assert [W.shape for W in net.coefs_] == [(n_inputs, 12), (12, 6), (6, n_outputs)]
    assert [b.shape for b in net.intercepts_] == [(12,), (6,), (n_outputs,)]
    assert [layer.shape[1] for layer in net.activations(X)] == [n_inputs, 12, 6, n_outputs]
    assert net.n_layers_ == 4
    assert net.network_feature_names_.shape == (n_inputs,)
    assert net.resolved_params_["n_members"] == 3
    assert net.resolved_params_["hidden_layer_sizes"] == (4, 2)
    assert not hasattr(net, "members_")


@pytest.mark.parametrize("kind", KINDS)
def test_members_by_turns_see_raw_numbers_and_bins(kind):
    """What a member lacks has weights of 0; with an encoding that is set, all see the same inputs."""
    net = kind(**HELD_OUT).fit(X, KINDS[kind])
    is_bin = (net.inputs_["kind"] == "bin").to_numpy()
    assert [net.coefs_[0][is_bin, i : i + 4].any() for i in (0, 4, 8)] == [False, True, False]
    assert net.resolved_params_["numeric_encoding"] == "auto"
    for encoding, has_bins in (("raw", False), ("piecewise_linear", True)):
        net = kind(**HELD_OUT, numeric_encoding=encoding).fit(X, KINDS[kind])
        assert ("bin" in set(net.inputs_["kind"])) == has_bins
        assert net.coefs_[0].all()


@pytest.mark.parametrize("kind", KINDS)
def test_fitted_attributes_summarise_the_epochs_of_all_members(kind):
    net = kind(**HELD_OUT | {"max_iter": 40, "n_iter_no_change": 2, "learning_rate_init": 0.3}).fit(X, KINDS[kind])
    history, n_trained = net.history_, N - 18
    assert history.columns[0] == "member"
    assert list(history["member"].unique()) == [0, 1, 2]
    lengths = history.groupby("member").size()
    assert lengths.nunique() == 1  # they end together
    assert net.n_iter_ == lengths.max() == len(net.loss_curve_) == len(net.validation_scores_) < 40
    assert net.t_ == n_trained * lengths.sum()
    assert_allclose(net.loss_curve_, history.groupby(level="epoch")["loss"].mean())
    for _, of_member in history.groupby("member"):  # their mean raw output has one score
        assert_allclose(net.validation_scores_, of_member["validation_score"])
    assert net.loss_ == net.loss_curve_[-1]
    assert net.best_loss_ is None
    assert net.best_epoch_ == 1 + np.argmax(net.validation_scores_)
    assert net.best_validation_score_ == max(net.validation_scores_)


def test_members_train_as_if_alone_and_keep_the_best_epoch_of_their_mean():
    parameters = HELD_OUT | {"max_iter": 30, "learning_rate_init": 0.1, "dtype": "float64", "numeric_encoding": "raw"}
    parameters |= {"n_iter_no_change": np.inf, "learning_rate": lambda fraction: 1.0}
    pair = SigmoidMLPRegressor(**parameters | {"n_members": 2}).fit(X, NUMBER)
    alone = SigmoidMLPRegressor(**parameters | {"n_members": 1}).fit(X, NUMBER)
    first = pair.history_[pair.history_["member"] == 0]
    assert_array_equal(first["loss"], alone.history_["loss"])
    assert pair.best_epoch_ == 1 + np.argmax(first["validation_score"])
    shorter = SigmoidMLPRegressor(**parameters | {"n_members": 2, "max_iter": pair.best_epoch_}).fit(X, NUMBER)
    assert_array_equal(pair.coefs_[0], shorter.coefs_[0])
    assert_array_equal(pair.coefs_[1], shorter.coefs_[1])


def test_held_out_rows_choose_the_shares_of_members_with_and_without_bins():
    """A member that sees a step of the target predicts it better, and counts more than its equal share."""
    rng = np.random.default_rng(1)
    table = rng.uniform(size=(2000, 1))
    y = 5.0 * (table[:, 0] > 0.37) + rng.normal(scale=2.0, size=2000)
    validation = dict(X_val=table[:500], y_val=y[:500])
    parameters = HELD_OUT | {"n_members": 2, "dtype": "float64", "max_iter": 10, "n_bins": 32}
    pair = SigmoidMLPRegressor(**parameters).fit(table[500:], y[500:], **validation)
    alone = SigmoidMLPRegressor(**parameters | {"n_members": 1, "numeric_encoding": "raw"}).fit(
        table[500:], y[500:], **validation
    )
    assert_array_equal(pair.coefs_[0][~(pair.inputs_["kind"] == "bin").to_numpy(), :4], alone.coefs_[0])
    share = pair.coefs_[1][:4] / alone.coefs_[1]  # of the first, which sees no bins
    assert_allclose(share, share[0, 0], atol=1e-10)
    assert share[0, 0] < 0.4
    assert ((pair.predict(table[:500]) - y[:500]) ** 2).mean() < ((alone.predict(table[:500]) - y[:500]) ** 2).mean()


def test_the_published_temperature_suits_the_held_out_rows():
    """No other factor on the joint outputs would make their loss less, but for the prior on the temperature."""
    rng = np.random.default_rng(1)
    table, label = rng.normal(size=(1000, 3)), rng.integers(2, size=1000)
    label[table[:, 0] > 0.5] = 1
    parameters = HELD_OUT | {"n_members": 2, "dtype": "float64"}
    net = SigmoidMLPClassifier(**parameters).fit(table[300:], label[300:], X_val=table[:300], y_val=label[:300])
    losses = [
        log_loss(label[:300], 1.0 / (1.0 + np.exp(-factor * net.decision_function(table[:300]))))
        for factor in (0.9, 1.0, 1.1)
    ]
    assert losses[1] == min(losses)


@pytest.mark.parametrize("kind", KINDS)
def test_members_of_a_classifier_have_a_temperature(kind):
    temperature = kind(**HELD_OUT).fit(X, KINDS[kind]).temperature_
    assert (temperature == 1.0) == (kind is SigmoidMLPRegressor)


def test_another_size_is_told_in_the_units_of_a_member():
    net = SigmoidMLPRegressor(**QUICK, early_stopping=False).fit(X, KINDS[SigmoidMLPRegressor])
    net.set_params(hidden_layer_sizes=5)
    asked = r"hidden_layer_sizes=5 with depth=1 makes hidden layers of \[5\] units"
    with pytest.raises(ValueError, match=rf"{asked}, but training continues from a fit with \[4\]: keep the layers"):
        net.partial_fit(X, KINDS[SigmoidMLPRegressor])
    net.set_params(hidden_layer_sizes=2, depth=2)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=2 with depth=2 makes hidden layers of \[2, 2\] units"):
        net.partial_fit(X, KINDS[SigmoidMLPRegressor])
    assert net.set_params(hidden_layer_sizes=[4], depth=1).partial_fit(X, KINDS[SigmoidMLPRegressor]) is net


# --- "auto" ----------------------------------------------------------------------------------------------------------


def test_auto_is_two_wherever_rows_evaluate_the_epochs():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(MEDIUM_TABLE_ROWS, 2))
    y = table[:, 0] + rng.normal(size=MEDIUM_TABLE_ROWS) > 0.0
    plain = dict(max_iter=1, random_state=0, hidden_layer_sizes=2, early_stopping="folds")
    for n in (N, MEDIUM_TABLE_ROWS):
        net = SigmoidMLPClassifier(**plain).fit(table[:n], y[:n])
        assert net.resolved_params_["n_members"] == 2
        assert net.coefs_[0].shape[1] == 4
        assert "bin" in set(net.inputs_["kind"])
        assert "member" in net.history_
    assert SigmoidMLPClassifier(max_iter=1, random_state=0).fit(table[:60], y[:60]).resolved_params_["n_members"] == 1


WEIGHTS = [np.ones((3, 4)), np.ones((4, 1))], [np.ones(4), np.ones(1)]
ALONE = {
    "learning_rate": ({"learning_rate": "constant"}, X, r"learning_rate='constant'"),
    "init": ({"init": WEIGHTS}, X, r"init=\(coefs, intercepts\)"),
    "input_scaling": ({"input_scaling": None}, X, "input_scaling=None"),
    "sparse": ({}, sp.csr_array(X), "sparse X"),
    "lbfgs": ({"solver": "lbfgs"}, X, "solver='lbfgs'"),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", ALONE)
def test_settings_that_take_a_single_network_refuse_more(case):
    """ "auto" is 1 with it, and more is an error that names it and changes nothing."""
    parameters, table, name = ALONE[case]
    settings = QUICK | {"early_stopping": True} | parameters
    auto = SigmoidMLPRegressor(**settings | {"n_members": "auto"}).fit(table, NUMBER)
    assert auto.resolved_params_["n_members"] == 1
    net = SigmoidMLPRegressor(**settings)
    with pytest.raises(ValueError, match=f"n_members=3 does not go with {name}, .*set n_members=1"):
        net.fit(table, NUMBER)
    assert not hasattr(net, "coefs_")


def test_a_stream_takes_one_network():
    chunks = [(X[:60], NUMBER[:60]), (X[60:], NUMBER[60:])]
    with pytest.raises(ValueError, match="A stream does not go with n_members=3"):
        sknet.stream.fit(SigmoidMLPRegressor(**QUICK), lambda: iter(chunks))


@pytest.mark.skipif(not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")
def test_a_checkpoint_holds_all_members(tmp_path):
    path = tmp_path / "run"
    net = SigmoidMLPClassifier(**QUICK).set_callbacks(sknet.Checkpoint(path)).fit(X, LABEL)
    assert_same(SigmoidMLPClassifier(**QUICK).resume(path, X, LABEL), net)
    with pytest.raises(ValueError, match="was written with n_members=3, and this is a run with n_members=2"):
        SigmoidMLPClassifier(**QUICK | {"n_members": 2}).resume(path, X, LABEL)


# --- training on -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_members", [3, "auto"])
def test_a_warm_start_trains_the_joined_network(kind, n_members):
    net = kind(**HELD_OUT | {"n_members": n_members}, warm_start=True).fit(X, KINDS[kind])
    width, t = net.coefs_[0].shape[1], net.t_
    shapes, inputs = [W.shape for W in net.coefs_], net.inputs_
    net.fit(X, KINDS[kind])
    assert width == 4 * (2 if n_members == "auto" else 3)
    assert [W.shape for W in net.coefs_] == shapes
    assert net.inputs_.equals(inputs)
    assert net.t_ == t + (N - 18) * net.n_iter_
    assert len(net.history_) == len(net.loss_curve_)
    assert "member" not in net.history_
    assert net.coefs_[0][(inputs["kind"] == "bin").to_numpy()].all()  # what was 0 between the members learns, too
    with pytest.raises(ValueError, match="n_members=5 cannot take effect"):
        net.set_params(n_members=5).fit(X, KINDS[kind])


def test_increments_train_the_joined_network_and_a_first_one_has_one_member():
    net = SigmoidMLPRegressor(**QUICK | {"early_stopping": "folds"}).fit(X, NUMBER)
    before, t = [W.copy() for W in net.coefs_], net.t_
    assert net.oof_prediction_.shape == (N,)
    net.partial_fit(X[:50], NUMBER[:50])
    assert net.t_ == t + 50
    assert net.n_iter_ == 1
    assert net.resolved_params_["n_members"] == 3
    assert [W.shape for W in net.coefs_] == [W.shape for W in before]
    assert (net.coefs_[0] != before[0]).any()
    assert not hasattr(net, "oof_prediction_")
    assert net.best_validation_score_ is None
    with pytest.raises(ValueError, match="predict_interval needs rows that were held out"):
        net.predict_interval(X)
    first = SigmoidMLPRegressor(**QUICK).partial_fit(X, NUMBER)
    assert first.coefs_[0].shape[1] == 4
    assert first.resolved_params_["n_members"] == 1
    assert first.partial_fit(X, NUMBER).n_iter_ == 1


def test_pickles_between_increments_make_no_difference():
    straight = SigmoidMLPClassifier(**HELD_OUT).fit(X, LABEL)
    pickled = pickle.loads(pickle.dumps(straight))
    for _ in range(3):
        straight.partial_fit(X, LABEL)
        pickled = pickle.loads(pickle.dumps(pickled)).partial_fit(X, LABEL)
    assert_same(straight, pickled)


# --- tables, targets, weights ----------------------------------------------------------------------------------------

TARGETS = {
    "two classes": (SigmoidMLPClassifier, LABEL > 0, {}),
    "strings": (SigmoidMLPClassifier, np.array(["a", "b", "c"])[LABEL], {}),
    "multilabel": (SigmoidMLPClassifier, np.column_stack([LABEL > 0, LABEL > 1]).astype(int), {}),
    "several outputs": (SigmoidMLPClassifier, np.column_stack([LABEL, LABEL > 0]), {}),
    "two numbers": (SigmoidMLPRegressor, np.column_stack([NUMBER, -NUMBER]), {}),
    "levels": (SigmoidMLPRegressor, NUMBER, {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}),
}


@pytest.mark.parametrize("early_stopping", ["folds", True])
@pytest.mark.parametrize("case", TARGETS)
def test_every_kind_of_target_is_predicted_pickled_and_saved(case, early_stopping, tmp_path):
    kind, y, parameters = TARGETS[case]
    net = kind(**QUICK | parameters, early_stopping=early_stopping).fit(X, y, sample_weight=WEIGHT)
    wanted = net.predict_proba(X) if kind is SigmoidMLPClassifier else net.predict(X)
    if early_stopping == "folds":
        predicted = net.oof_prediction_
        assert np.shape(predicted) == np.shape(wanted) if case != "several outputs" else len(predicted) == len(wanted)
        assert all(np.isfinite(part).all() for part in predicted)
    if case == "levels":
        assert (np.diff(net.predict(X), axis=1) >= 0.0).all()
    sknet.save(net, tmp_path / "net.safetensors")
    for again in pickle.loads(pickle.dumps(net)), sknet.load(tmp_path / "net.safetensors"):
        assert_same(net, again)
        assert again.history_.equals(net.history_)
        assert again.n_iter_ == net.n_iter_
        assert again.best_validation_score_ == net.best_validation_score_
        if early_stopping == "folds":
            assert_array_equal(np.hstack(again.oof_prediction_), np.hstack(net.oof_prediction_))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}])
def test_rows_in_a_file_are_as_in_memory(kind, parameters, tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    nets = [kind(**QUICK | parameters, dtype="float64").fit(table, KINDS[kind]) for table in (X, mapped)]
    assert nets[0].n_iter_ == nets[1].n_iter_
    for one, other in zip(nets[0].coefs_, nets[1].coefs_, strict=True):
        # members without bins multiply a view in memory, an array from a file: some BLAS add up in another order
        assert_allclose(one, other, rtol=1e-9, atol=1e-12)  # of float64, so that training starts from errors of 1e-16


@pytest.mark.parametrize("kind", KINDS)
def test_categories_dates_and_missing_values(kind):
    frame = pd.DataFrame({
        "city": np.array(["a", "b", "c", None], object)[np.arange(N) % 4],
        "number": np.where(X[:, 0] > 1, np.nan, X[:, 0]),
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(N), unit="D"),
    })  # fmt: skip
    net = kind(**QUICK, category_encoding="target", early_stopping="folds").fit(frame, KINDS[kind])
    assert {"bin", "missing", "target", "date"} <= set(net.inputs_["kind"])
    assert np.isfinite(net.oof_prediction_).all()
    assert net.predict(frame.iloc[::-1]).shape == (N,)


def test_a_column_of_noise_reveals_no_held_out_targets():
    """Means of the target by category are cross-fitted for the folds' networks of all members."""
    new = np.random.default_rng(1)
    frame = pd.DataFrame({"town": [f"town {i}" for i in new.integers(0, 60, 240)]})
    y = new.normal(size=240)
    net = SigmoidMLPRegressor(**QUICK, category_encoding="target", early_stopping="folds").fit(frame, y)
    assert np.corrcoef(net.oof_prediction_, y)[0, 1] < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_weight_two_is_two_rows(kind):
    """In full batches; with the parameters that were resolved, as every "auto" counts rows."""
    parameters = QUICK | {"early_stopping": False, "dtype": "float64", "batch_size": 10**6, "max_iter": 20, "n_bins": 4}
    parameters["learning_rate_init"] = 0.01
    times, y = WEIGHT.astype(int), KINDS[kind]
    with pytest.warns(UserWarning, match="batch_size"):
        weighted = kind(**parameters).fit(X, y, sample_weight=WEIGHT)
        repeated = kind(**parameters).fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    assert weighted.inputs_["kind"].eq("bin").any()
    for one, other in zip(weighted.coefs_, repeated.coefs_, strict=True):
        assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_rows_of_weight_zero_are_as_if_absent():
    weight = np.where(np.arange(N) % 4, 1.0, 0.0)
    net = SigmoidMLPClassifier(**QUICK, early_stopping="folds").fit(X, LABEL, sample_weight=weight)
    rest = X[weight > 0], LABEL[weight > 0], weight[weight > 0]
    without = SigmoidMLPClassifier(**QUICK, early_stopping="folds").fit(*rest)
    assert_same(net, without)
    assert_array_equal(np.isnan(net.oof_prediction_).any(axis=1), weight == 0.0)


# --- the same again --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_members", ["auto", 3])
def test_resolved_parameters_give_the_same_fit(kind, n_members):
    net = kind(n_members=n_members, random_state=3, max_iter=8).fit(X, KINDS[kind])
    again = kind(**net.resolved_params_).fit(X, KINDS[kind])
    assert_same(net, again)
    assert again.resolved_params_ == net.resolved_params_


@pytest.mark.parametrize("kind", KINDS)
def test_what_diverges_leaves_the_estimator_as_it_was(kind):
    net = kind(**HELD_OUT).fit(X, KINDS[kind])
    before = net._fitted
    net.set_params(solver="sgd", learning_rate_init=1e200, activation="relu", clip_norm=None)
    with pytest.raises(ValueError, match="learning_rate_init"):
        net.fit(X, KINDS[kind])
    assert net._fitted is before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("parameters", [{"early_stopping": False}, {"early_stopping": True}])
def test_an_interrupt_leaves_whole_epochs_of_every_member(kind, parameters):
    """The first member has done three epochs, the second was at its third: the last whole epoch is the second."""
    n_trained = N - 18 if parameters["early_stopping"] else N  # one step an epoch
    net = kind(**QUICK | parameters, batch_size=n_trained, learning_rate=stops_at(3 * 2 + 2))
    with pytest.warns(UserWarning, match="interrupted by user"):
        net.fit(X, KINDS[kind])
    assert list(net.history_.groupby("member").size()) == [2, 2, 2]
    assert net.n_iter_ == 2
    assert net.predict(X).shape == (N,)
    assert net.coefs_[0].shape[1] == 12
    assert net.set_params(learning_rate="flat_cosine").partial_fit(X, KINDS[kind]).n_iter_ == 1
    net.set_params(learning_rate=stops_at(2))
    before = net._fitted
    with pytest.raises(KeyboardInterrupt):  # before each has done an epoch
        net.fit(X, KINDS[kind])
    assert net._fitted is before


# --- scikit-learn ----------------------------------------------------------------------------------------------------


def test_a_scorer_rates_all_members_together():
    rated = []

    def score(net, table, y):
        rated.append((net.coefs_[0].shape[1], len(table)))
        return net.score(table, y)

    net = SigmoidMLPClassifier(**QUICK | {"n_members": 2}, scoring=score).fit(X, LABEL)
    assert net.resolved_params_["early_stopping"] is True
    assert len(rated) == net.n_iter_
    assert set(rated) == {(2 * 4, 18)}
    assert net.history_["validation_score"].between(0.0, 1.0).all()


def test_a_search_over_the_number_of_members():
    grid = {"n_members": [1, 2, "auto"]}
    search = GridSearchCV(SigmoidMLPClassifier(max_iter=3, random_state=0), grid, cv=3).fit(X, LABEL)
    assert search.best_score_ > 0.3
    scores = search.cv_results_["mean_test_score"]
    assert scores[1] == scores[2]
