"""What both estimators do: nothing by halves, the same twice, and what they tell of it."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

from sknet import Activation, Checkpoint, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import fit_run
from tests.estimators.data import LABEL, NUMBER, QUICK, N, X, of_both, quiet
from tests.estimators.results import weights

OPEN_ENDED = QUICK | {"learning_rate": "constant"}


# --- nothing by halves -----------------------------------------------------------------------------------------------


class Explodes:
    """An activation that raises from a use on, or at that use alone."""

    def __init__(self, error, after=0, once=False):
        self.error, self.after, self.once = error, after, once

    def apply(self, z):
        self.after -= 1
        if self.after == -1 or (self.after < 0 and not self.once):
            raise self.error
        np.tanh(z, out=z)

    @staticmethod
    def backward(a, delta):
        delta *= 1.0 - a * a


def exploding(error, after=0, once=False):
    pieces = Explodes(error, after, once)
    return Activation("exploding", pieces.apply, pieces.backward)


def bad_scorer(estimator, X, y):
    raise RuntimeError("no score today")


BAD_ROWS = np.where(np.arange(N) == 3, -1.0, 1.0)
FAILURES = {
    "a parameter": ({"alpha": -1.0}, {}),
    "a parameter that only the making of networks checks": ({"activation": ["tanh"] * 3}, {}),
    "first weights": ({"init": ([np.ones((2, 2))], [np.ones(2)])}, {}),
    "columns": ({}, {"X": np.where(np.arange(4) == 2, np.inf, 1.0) * np.ones((N, 1))}),
    "a table": ({}, {"X": np.array([["a"] * 4] * N)}),
    "rows": ({}, {"X": X[:-1]}),
    "targets": ({}, {"y": np.full(N, np.nan)}),
    "no targets": ({}, {"y": None}),
    "weights": ({}, {"sample_weight": BAD_ROWS}),
    "categories": ({"categorical_features": [9]}, {}),
    "a validation set": ({"early_stopping": True}, {"X_val": X}),
    "a scorer": ({"early_stopping": True, "validation_fraction": 0.5, "scoring": bad_scorer}, {}),
    "memory": ({"hidden_layer_sizes": 10**9}, {}),
    "an activation": ({"activation": exploding(RuntimeError("no"), 1)}, {}),
    "diverging": ({"solver": "sgd", "learning_rate_init": 1e200, "activation": "relu", "max_iter": 20}, {}),
    "solver and dropout": ({"solver": "lbfgs", "dropout": 0.5}, {}),
    "Ctrl-C": ({"activation": exploding(KeyboardInterrupt(), 1)}, {}),
}


def state_of(net):
    """Everything an estimator holds, as bytes; an activation's functions are not what is compared."""
    return pickle.dumps({name: value for name, value in vars(net).items() if name not in ("activation", "scoring")})


@of_both
@pytest.mark.parametrize("what", FAILURES)
@pytest.mark.parametrize("fitted", [False, True])
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_after_a_failure_the_estimator_is_what_it_was(kind, y, what, fitted, method):
    parameters, arguments = FAILURES[what]
    arguments = {"X": X, "y": y, **arguments}
    if method == "partial_fit" and ("X_val" in arguments or parameters.keys() & {"scoring", "solver"}):
        pytest.skip("partial_fit knows nothing of it")
    net = kind(**QUICK)
    if fitted:
        net.fit(X, y)
        net.partial_fit(X, y)
        if method == "partial_fit" and what in ("categories", "first weights"):
            pytest.skip("looked at by the first call only, as in scikit-learn")
    net.set_params(**parameters)
    before = state_of(net)
    names = list(vars(net))
    with pytest.raises((ValueError, TypeError, RuntimeError, KeyboardInterrupt)):
        getattr(net, method)(**arguments)
    assert state_of(net) == before
    assert list(vars(net)) == names


@of_both
def test_a_failure_leaves_a_generator_where_it_was(kind, y):
    net = kind(**QUICK | {"random_state": np.random.RandomState(0)})
    for parameters in ({"activation": exploding(RuntimeError("no"), 1)}, {"hidden_layer_sizes": 10**9}):
        failing = clone(net).set_params(**parameters)
        before = state_of(failing)
        with pytest.raises((RuntimeError, ValueError)):
            failing.fit(X, y)
        assert state_of(failing) == before
    twice = [weights(net.fit(X, y)) for _ in range(2)]
    state = np.random.RandomState(0)
    for found in twice:
        assert_array_equal(found, weights(kind(**QUICK | {"random_state": state}).fit(X, y)))


@of_both
def test_a_diverging_run_says_so_within_an_epoch(kind, y):
    net = kind(**QUICK | {"solver": "sgd", "learning_rate_init": 1e200, "activation": "relu", "max_iter": 1000})
    with pytest.raises(ValueError, match=r"diverged in epoch 1 .*learning_rate_init=1e\+200: try learning_rate_init="):
        net.fit(X, y)


def test_warm_starts_fail_without_a_trace_too():
    net = SigmoidMLPClassifier(**QUICK, warm_start=True).fit(X, LABEL)
    before = state_of(net)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        net.fit(X, LABEL > 1)
    net.set_params(hidden_layer_sizes=9)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=9 with depth=1 makes hidden .*warm_start=False"):
        net.fit(X, LABEL)
    net.set_params(warm_start=False)
    with pytest.raises(ValueError, match="keep the layers, or call fit with warm_start=False"):
        net.partial_fit(X, LABEL)
    assert state_of(net.set_params(warm_start=True, hidden_layer_sizes=4)) == before
    net.set_params(warm_start=False, hidden_layer_sizes=9).fit(X, LABEL)


@of_both
def test_methods_raise_not_fitted_error_before_fit(kind, y):
    for method in ("predict", "activations"):
        with pytest.raises(NotFittedError):
            getattr(kind(), method)(X)
    with pytest.raises(NotFittedError):
        kind().backpropagate(X, y)
    with pytest.raises(NotFittedError):
        kind().score(X, y)


# --- parameters and targets are read once ----------------------------------------------------------------------------


@of_both
@pytest.mark.parametrize("method", ["fit", "partial_fit", "backpropagate"])
@pytest.mark.parametrize(
    "bad", [{"learning_rate_init": -1.0}, {"momentum": 7.0}, {"batch_size": 0}, {"alpha": True}, {"dropout": [0.1] * 3}]
)
def test_parameters_are_validated_on_fitted_estimators_too(kind, y, method, bad):
    net = kind(**QUICK).fit(X, y)
    (name,) = bad
    with pytest.raises((ValueError, TypeError), match=name):
        getattr(net.set_params(**bad), method)(X, y)


class Asked:
    """A target that counts how often it is asked for its values."""

    ndim = 1

    def __init__(self, y):
        self.y, self.n, self.dtype, self.shape = y, 0, y.dtype, y.shape

    def __len__(self):
        return len(self.y)

    def __array__(self, dtype=None, copy=None):
        self.n += 1
        return np.array(self.y, dtype=dtype)


class Calls:
    """A stand-in for a function that counts its calls with as many rows as y has."""

    def __init__(self, real):
        self.real, self.n = real, 0

    def __call__(self, values, *args, **kwargs):
        self.n += np.shape(values)[:1] == (N,)
        return self.real(values, *args, **kwargs)


@quiet
@of_both
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("scoring", ["loss", None])
def test_y_is_parsed_once(kind, y, method, solver, scoring, monkeypatch):
    if (method, solver) == ("partial_fit", "lbfgs"):
        pytest.skip("lbfgs has no partial_fit")
    factorized = Calls(pd.factorize)
    monkeypatch.setattr(pd, "factorize", factorized)
    parameters = QUICK | {"early_stopping": True, "validation_fraction": 0.3, "solver": solver}
    parameters |= {"scoring": scoring or ("accuracy" if kind is SigmoidMLPClassifier else "r2")}
    parameters |= {"class_weight": {"a": 2.0}} if kind is SigmoidMLPClassifier and not scoring else {}
    net = kind(**parameters)
    given = Asked(np.array(["a", "b", "c"], dtype=object)[y] if kind is SigmoidMLPClassifier else y)
    getattr(net, method)(X, given)
    assert given.n == 1
    assert factorized.n == (kind is SigmoidMLPClassifier)


# --- Ctrl-C ----------------------------------------------------------------------------------------------------------


class Interrupts:
    """A scorer that presses Ctrl-C at its n-th call."""

    def __init__(self, at):
        self.left = at

    def __call__(self, estimator, X, y):
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt
        return -float(self.left)


@of_both
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_ctrl_c_keeps_the_last_whole_epoch(kind, y, solver):
    parameters = QUICK | {"solver": solver, "early_stopping": True, "max_iter": 20, "tol": 0.0}
    parameters |= {"learning_rate": lambda _: 1.0}
    net = kind(**parameters, scoring=Interrupts(at=4), validation_fraction=0.3)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        net.fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == len(net.validation_scores_) == len(net.history_) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = kind(**parameters | {"max_iter": 3}, scoring=Interrupts(at=99), validation_fraction=0.3).fit(X, y)
    assert_array_equal(weights(net), weights(whole))
    assert set(vars(net)) == set(vars(whole))


@pytest.mark.parametrize("in_handler", [False, True])
def test_ctrl_c_after_training_keeps_all_epochs(in_handler, monkeypatch):
    """Wherever `fit` is called: an error that the user handles meanwhile is none of the fit's."""
    net, learn, calls = SigmoidMLPRegressor(**QUICK), fit_run.learn_importances, []

    def interrupted_once(*given):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return learn(*given)

    monkeypatch.setattr(fit_run, "learn_importances", interrupted_once)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        if in_handler:
            try:
                raise OSError
            except OSError:
                net.fit(X, NUMBER)
        else:
            net.fit(X, NUMBER)
    assert net.n_iter_ == QUICK["max_iter"]


def test_ctrl_c_in_the_middle_of_an_epoch():
    uses = 2 + 3 * 2 + 1  # two for the first weights, three steps an epoch
    net = SigmoidMLPRegressor(**QUICK | {"activation": exploding(KeyboardInterrupt(), uses, once=True)})
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        net.fit(X, NUMBER)
    same = SigmoidMLPRegressor(**QUICK | {"activation": "tanh"})
    for _ in range(2):
        same.partial_fit(X, NUMBER)
    assert net.n_iter_ == 2
    assert_allclose(net.loss_curve_, same.loss_curve_, rtol=0.5)


# --- the same twice --------------------------------------------------------------------------------------------------


@quiet
@of_both
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_the_same_seed_gives_the_same_bits(kind, y, solver):
    parameters = QUICK | {"solver": solver, "early_stopping": True, "validation_fraction": 0.3}
    parameters |= {} if solver == "lbfgs" else {"dropout": 0.2}
    one, other, third = (kind(**parameters | {"random_state": seed}).fit(X, y) for seed in (7, 7, 8))
    assert_array_equal(weights(one), weights(other))
    assert one.loss_curve_ == other.loss_curve_
    assert (weights(one) != weights(third)).any()


def test_without_shuffling_rows_come_in_their_order():
    one, other = (SigmoidMLPRegressor(**QUICK | {"shuffle": False, "batch_size": b}).fit(X, NUMBER) for b in (20, 20))
    assert_array_equal(weights(one), weights(other))
    mixed = SigmoidMLPRegressor(**QUICK | {"shuffle": True}).fit(X, NUMBER)
    assert (weights(one) != weights(mixed)).any()


@given(order=st.permutations(range(4)))
def test_permuted_features_give_permuted_weights(order):
    W = np.random.default_rng(1).normal(size=(4, 3))
    rest = [np.ones((3, 1))], [np.zeros(3), np.zeros(1)]
    parameters = QUICK | {"hidden_layer_sizes": 3, "alpha": 0.1}
    plain = SigmoidMLPRegressor(**parameters | {"init": ([W, *rest[0]], rest[1])}).fit(X, NUMBER)
    start = ([W[list(order)], *rest[0]], rest[1])
    mixed = SigmoidMLPRegressor(**parameters | {"init": start}).fit(X[:, list(order)], NUMBER)
    assert_allclose(mixed.coefs_[0], plain.coefs_[0][list(order)], rtol=1e-9, atol=1e-12)
    assert_allclose(mixed.predict(X[:, list(order)]), plain.predict(X), rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="module")
def fitted_to_labels():
    return SigmoidMLPClassifier(**QUICK).fit(X, LABEL)


@given(
    names=st.lists(st.text(min_size=1, max_size=5), min_size=3, max_size=3, unique=True).map(sorted),
    kind=st.sampled_from([str, object]),
)
def test_relabelled_classes_in_the_same_order_change_nothing_but_the_labels(fitted_to_labels, names, kind):
    plain = fitted_to_labels
    named = SigmoidMLPClassifier(**QUICK).fit(X, np.array(names, dtype=kind)[LABEL])
    assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(named.predict(X), np.array(names, dtype=object)[plain.predict(X)])


# --- warm start ------------------------------------------------------------------------------------------------------


@quiet
@of_both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_warm_start_is_a_new_run_from_the_old_weights(kind, y, solver):
    parameters = OPEN_ENDED | {"solver": solver, "warm_start": True}
    net = kind(**parameters).fit(X, y)
    before = [W.copy() for W in net.coefs_], [b.copy() for b in net.intercepts_]
    curve, t = list(net.loss_curve_), net.t_
    net.fit(X, y)
    again = kind(**parameters | {"warm_start": False, "init": before}).fit(X, y)
    assert_allclose(net.predict(X), again.predict(X), rtol=1e-9)
    assert net.loss_curve_[:3] == curve
    assert len(net.loss_curve_) == 6
    assert net.n_iter_ == 3
    assert net.t_ == 2 * t
    assert len(net.history_) == 6


@quiet
@pytest.mark.filterwarnings("ignore:.*this is a warm start:RuntimeWarning")
def test_set_params_between_warm_starts():
    net = SigmoidMLPRegressor(**QUICK | {"warm_start": True}).fit(X, NUMBER)
    for change in (
        {"solver": "sgd"}, {"solver": "lbfgs"}, {"solver": "rmsprop", "alpha": 1.0}, {"dropout": 0.3, "solver": "adam"},
        {"loss": "huber", "dropout": 0.0}, {"learning_rate": "adaptive"}, {"activation": "tanh"},
        {"early_stopping": True, "validation_fraction": 0.4}, {"max_iter": 1, "early_stopping": False},
    ):  # fmt: skip
        net.set_params(**change).fit(X, NUMBER)
        assert np.isfinite(net.predict(X)).all()
    assert net.n_iter_ == 1


CHANGED = [
    ({"input_scaling": "standard"}, "input_scaling='standard' cannot take effect.*learnt.*with input_scaling='robust'"),
    ({"numeric_encoding": "piecewise_linear"}, "numeric_encoding='piecewise_linear' cannot take effect"),
    ({"n_bins": 5}, "n_bins=5 cannot take effect"),
    ({"category_encoding": "target"}, "category_encoding='target' cannot take effect"),
    ({"max_categories": 3}, "max_categories=3 cannot take effect"),
    ({"categorical_features": None}, "categorical_features=None cannot take effect"),
    ({"text_components": 3}, "text_components=3 cannot take effect"),
    ({"dtype": "float32"}, "dtype='float32' cannot take effect.*with dtype='float64'.*warm_start=False"),
    ({"input_gains": False}, "input_gains=False cannot take effect"),
    ({"monotonic_cst": [1, 0, 0, 0]}, r"monotonic_cst=\[1, 0, 0, 0\] cannot take effect"),
    ({"interaction_cst": "no_interactions"}, "interaction_cst='no_interactions' cannot take effect"),
    ({"target_scaling": None}, "target_scaling=None cannot take effect"),
    ({"loss": "poisson"}, "loss='poisson' cannot follow the loss .*only one of them takes scaled targets"),
    ({"loss": "quantile", "quantile": [0.1, 0.9]}, "loss='quantile' cannot follow.*their numbers of outputs differ"),
]


@quiet
@pytest.mark.parametrize(("change", "message"), CHANGED)
@pytest.mark.parametrize("method", ["fit", "partial_fit", "backpropagate"])
def test_continued_training_refuses_changed_parameters_of_columns_and_targets(change, message, method):
    y = np.abs(NUMBER) + 1.0
    net = SigmoidMLPRegressor(**QUICK | {"warm_start": True, "dtype": "float64", "target_scaling": "standard"}).fit(
        X, y
    )
    before = net._fitted
    net.set_params(**change)
    with pytest.raises(ValueError, match=message):
        getattr(net, method)(X, y)
    assert net._fitted is before
    net.set_params(warm_start=False).fit(X, y)  # the remedy


class Fixed(SigmoidMLPClassifier):
    """A subclass with other parameters than ours."""

    def __init__(self, max_iter=2, n_members=1, *, note=None, random_state=None):
        super().__init__(4, max_iter=max_iter, n_members=n_members, random_state=random_state)
        self.note = note


@pytest.mark.parametrize(("n_members", "n_rows", "max_iter"), [(1, 40, 2), (2, 40, 2), (1, 1000, 8), (3, 1600, 8)])
def test_a_subclass_may_have_other_parameters(n_members, n_rows, max_iter):
    """From 1,000 training rows and eight epochs on encodings are compared, of which it does not know."""
    table, labels = np.random.default_rng(0).normal(size=(n_rows, 2)), np.arange(n_rows) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = Fixed(max_iter, n_members, note="mine", random_state=0).fit(table, labels)
    assert net.resolved_params_ == net.get_params()


class Few(SigmoidMLPClassifier):
    """A subclass with few parameters, as scikit-learn's users write them; `full` has them all."""

    def __init__(self, max_iter=2, *, warm_start=False, random_state=None):
        super().__init__(4, max_iter=max_iter, warm_start=warm_start, random_state=random_state, batch_size=10)

    def full(self):
        return SigmoidMLPClassifier(4, batch_size=10, **self.get_params())


def test_a_subclass_with_few_parameters_trains_on():
    def trained_on(net):
        net.partial_fit(X, LABEL).partial_fit(X, LABEL)
        return pickle.loads(pickle.dumps(net)).set_params(warm_start=True).fit(X, LABEL)

    few, full = trained_on(Few(random_state=0)), trained_on(Few(random_state=0).full())
    assert_array_equal(few.predict_proba(X), full.predict_proba(X))
    assert few.resolved_params_ == few.get_params()
    assert few.backpropagate(X, LABEL)[0] == full.backpropagate(X, LABEL)[0]


@pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.9"), reason="callbacks need 1.9")
def test_a_subclass_with_few_parameters_resumes(tmp_path):
    path = tmp_path / "run"
    whole = Few(4, random_state=0).set_callbacks(Checkpoint(path, every=3)).fit(X, LABEL)
    resumed = Few(4, random_state=0).resume(path, X, LABEL)
    assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))


def test_without_warm_start_a_fit_forgets():
    net = SigmoidMLPRegressor(**QUICK)
    first = weights(net.fit(X, NUMBER))
    assert_array_equal(weights(net.fit(X, NUMBER)), first)
    assert len(net.loss_curve_) == 3
    assert net.t_ == 3 * N


# --- what is told ----------------------------------------------------------------------------------------------------


@of_both
def test_fitted_attributes_agree_with_each_other(kind, y):
    net = kind(**QUICK).fit(X, y)
    assert net.n_iter_ == len(net.loss_curve_) == 3
    assert net.t_ == 3 * N
    assert net.loss_ == net.loss_curve_[-1]
    assert net.best_loss_ == min(net.loss_curve_)
    assert net.validation_scores_ is None
    assert net.best_validation_score_ is None
    assert net.n_features_in_ == 4
    assert net.n_layers_ == 3
    assert not hasattr(net, "feature_names_in_")
    assert net.n_outputs_ == net.coefs_[-1].shape[1] == (3 if kind is SigmoidMLPClassifier else 1)
    assert net.out_activation_ == ("softmax" if kind is SigmoidMLPClassifier else "identity")
    assert list(net.network_feature_names_) == ["x0", "x1", "x2", "x3"]


@of_both
def test_attributes_of_early_stopping(kind, y):
    net = kind(**QUICK | {"early_stopping": True, "validation_fraction": 0.3}).fit(X, y)
    assert net.best_loss_ is None
    assert net.best_validation_score_ == max(net.validation_scores_)
    assert len(net.validation_scores_) == net.n_iter_
    assert net.t_ == 42 * net.n_iter_


@of_both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_history_is_a_frame_with_one_row_an_epoch(kind, y, solver):
    parameters = QUICK | {"early_stopping": True, "validation_fraction": 0.3, "solver": solver, "scoring": "loss"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        net = kind(**parameters).fit(X, y)
    history = net.history_
    assert isinstance(history, pd.DataFrame)
    assert len(history) == net.n_iter_
    assert list(history) == [
        "loss", "validation_loss", "validation_score", "learning_rate", "gradient_norm", "seconds"
    ]  # fmt: skip
    assert list(history["loss"]) == net.loss_curve_
    assert list(history["validation_score"]) == net.validation_scores_
    assert_array_equal(history["validation_loss"], -history["validation_score"])
    assert (history["seconds"] >= 0).all()
    assert (history["gradient_norm"] > 0).all()
    assert history["learning_rate"].notna().all() == (solver == "adam")


def test_network_feature_names_of_encoded_columns():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0] * 20, "b": ["x", "y", "z"] * 20, "c": [True, False, True] * 20})
    net = SigmoidMLPRegressor(**QUICK).fit(frame, NUMBER)
    assert list(net.network_feature_names_) == ["a", "a_missing", "b_x", "b_y", "b_z", "c"]
    assert len(net.network_feature_names_) == net.coefs_[0].shape[0] == net.activations(frame)[0].shape[1]


@quiet
def test_verbose_prints_scikit_learns_lines(capsys):
    SigmoidMLPRegressor(**OPEN_ENDED | {"max_iter": 2}).fit(X, NUMBER)
    assert capsys.readouterr().out == ""
    net = SigmoidMLPRegressor(**OPEN_ENDED | {"max_iter": 2, "verbose": True}).fit(X, NUMBER)
    told = capsys.readouterr().out.splitlines()
    assert told == [f"Iteration {i}, loss = {loss:.8f}" for i, loss in enumerate(net.loss_curve_, 1)]


@quiet
def test_verbose_tells_scores_falling_rates_and_why_it_ended(capsys):
    parameters = OPEN_ENDED | {"verbose": 10, "max_iter": 50, "early_stopping": True, "validation_fraction": 0.3}
    net = SigmoidMLPRegressor(**parameters | {"tol": 10.0, "n_iter_no_change": 2}).fit(X, NUMBER)
    told = capsys.readouterr().out.splitlines()
    assert told[1] == f"Validation score: {net.validation_scores_[0]:f}"
    assert told[-1] == (
        "Validation score did not improve more than tol=10.000000 for 2 consecutive epochs. Stopping."
    )  # fmt: skip
    falling = parameters | {"tol": 10.0, "n_iter_no_change": 2, "learning_rate": "adaptive", "early_stopping": False}
    SigmoidMLPRegressor(**falling).fit(X, NUMBER)
    told = capsys.readouterr().out.splitlines()
    assert "No improvement. Setting learning rate to 0.002000" in told
    assert told[-1] == (
        "Training loss did not improve more than tol=10.000000 for 2 consecutive epochs. Stopping."
    )  # fmt: skip


def test_verbose_tells_of_a_rate_cut_in_the_call_that_makes_it(capsys):
    falling = {"learning_rate": "adaptive", "learning_rate_init": 0.01, "tol": 10.0, "n_iter_no_change": 1}
    net = SigmoidMLPRegressor(**QUICK | falling | {"verbose": True})
    cuts = []
    for _ in range(6):
        before = 0 if net._fitted is None else net._fitted.state.n_plateaus
        net.partial_fit(X, NUMBER)
        cuts.append(net._fitted.state.n_plateaus - before)
        assert capsys.readouterr().out.count("Setting learning rate to") == cuts[-1]
    assert cuts == [0, 0, 1, 0, 1, 0]


def test_feature_names_can_be_set_by_hand():
    net = SigmoidMLPRegressor(**QUICK).fit(pd.DataFrame(X, columns=list("abcd")), NUMBER)
    expected = net.predict(pd.DataFrame(X, columns=list("abcd")))
    net.feature_names_in_ = None  # as SHAP does
    assert not hasattr(net, "feature_names_in_")
    assert_array_equal(net.predict(X), expected)  # without a warning that names are missing
    net.feature_names_in_ = ["p", "q", "r", "s"]
    assert_array_equal(net.predict(pd.DataFrame(X, columns=list("pqrs"))), expected)
    with pytest.raises(ValueError, match=r"must hold 4 names, got shape \(1,\)"):
        net.feature_names_in_ = ["a"]


# --- at home in scikit-learn -----------------------------------------------------------------------------------------


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="scikit-learn 1.7 passes no weights to the score of a Pipeline, whatever it contains",
)
@of_both
def test_weights_are_routed_end_to_end(kind, y):
    weight = 1.0 + np.arange(N) % 3
    with config_context(enable_metadata_routing=True):
        net = kind(**QUICK).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), net)
        search = GridSearchCV(pipeline, {f"{kind.__name__.lower()}__alpha": [0.0, 1.0]}, cv=2)
        search.fit(X, y, sample_weight=weight)
        found = cross_validate(net, X, y, params={"sample_weight": weight}, cv=2, return_estimator=True)
    by_hand = kind(**QUICK).fit(*(part[found["estimator"][0].n_features_in_ * 0 :] for part in (X, y)), weight)
    assert search.best_estimator_[-1].t_ == by_hand.t_
    scaled = StandardScaler().fit(X, sample_weight=weight).transform(X)
    expected = clone(search.best_estimator_[-1]).fit(scaled, y, weight)
    assert_array_equal(weights(search.best_estimator_[-1]), weights(expected))


@of_both
def test_halving_searches_work_over_many_parameters(kind, y):
    choices = {
        "hidden_layer_sizes": [3, (4, 2)], "activation": ["relu", "sigmoid"], "alpha": [0.0, 1.0],
        "learning_rate": ["cosine", "one_cycle"], "dropout": [0.0, 0.2], "batch_size": [5, "auto"],
    }  # fmt: skip
    searched = HalvingRandomSearchCV(
        kind(**QUICK), choices, resource="max_iter", max_resources=4, n_candidates=4, cv=2, random_state=0
    ).fit(X, y)
    assert searched.best_params_["max_iter"] in (1, 2, 3, 4)
    deep = GridSearchCV(kind(**QUICK), {"depth": [1, 2], "hidden_layer_sizes": [2, 3]}, cv=2).fit(X, y)
    assert len(deep.best_estimator_.coefs_) == deep.best_params_["depth"] + 1
