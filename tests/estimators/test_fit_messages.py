"""What a fit says of itself: to whom it is said, and in whose numbers."""

import re
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from sknet._estimators.fit_messages import (
    END_REASON_MESSAGES,
    print_end_reason,
    warn_of_end_reason,
    warn_of_few_rows,
)
from tests.training.problems import ENDS, ended

X = np.random.default_rng(0).normal(size=(40, 2))
NET = SigmoidMLPRegressor(max_iter=7, tol=0.25, n_iter_no_change=3)


def said(parameters, result, *, quiet=False, during_folds=False):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_of_end_reason(parameters, result, quiet=quiet, during_folds=during_folds)
    return [(warning.category, str(warning.message)) for warning in caught]


def test_an_unfinished_run_is_a_convergence_warning():
    ((category, text),) = said(NET, ended("MAX_ITER", 7))
    assert category is ConvergenceWarning
    assert text.startswith("Stochastic Optimizer: Maximum iterations (7) reached")
    assert said(NET, ended("MAX_ITER", 7), quiet=True) == []
    lbfgs = SigmoidMLPRegressor(solver="lbfgs")
    ((category, text),) = said(lbfgs, ended("LINE_SEARCH", 4, message="no descent"))
    assert category is ConvergenceWarning
    assert "after 4 iteration(s): no descent. Increase max_iter or max_fun" in text


def test_an_interrupt_is_told():
    assert said(NET, ended("INTERRUPTED")) == [(UserWarning, "Training interrupted by user.")]
    assert said(NET, ended("LOSS_PLATEAU")) == said(NET, ended("CALLBACK")) == []
    for reason in ("INTERRUPTED", "CALLBACK"):  # the published members are then those of a fold
        ((category, text),) = said(NET, ended(reason), during_folds=True)
        assert category is UserWarning
        assert "the members of the first fold" in text
        assert "early_stopping=True" in text


@pytest.mark.parametrize("reason", ENDS)
def test_verbose_tells_the_ends_that_no_warning_tells(reason, capsys):
    print_end_reason(vars(NET), ended(reason), "fell no more")
    told = capsys.readouterr().out
    assert "folds" not in told
    assert told.endswith(" Stopping.\n") == (not said(NET, ended(reason)))
    if reason == "LOSS_PLATEAU":
        assert told.startswith("Training loss fell no more. ")


def test_every_reason_is_a_sentence_with_the_values_of_parameters():
    assert [reason.name for reason in END_REASON_MESSAGES] == ENDS
    for template in END_REASON_MESSAGES.values():
        sentence = template.format(**vars(NET), verdict="fell no more")
        assert "{" not in sentence
        assert sentence[0].isupper()


def test_groups_that_a_splitter_splits_are_told():
    groups = np.repeat(np.arange(20), 5)
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0, early_stopping="folds")
    ours = r"groups: validation_fraction=TimeSeriesSplit\(.* of one group to train on and to hold out"
    with pytest.warns(UserWarning, match=ours), pytest.warns(UserWarning, match="ignored by TimeSeriesSplit"):
        net.set_params(validation_fraction=TimeSeriesSplit(3)).fit(BIG, BIG[:, 0], groups=groups % 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.set_params(validation_fraction=GroupKFold(3)).fit(BIG, BIG[:, 0], groups=groups)
        net.set_params(validation_fraction=TimeSeriesSplit(3)).fit(BIG, BIG[:, 0])


def test_a_warning_points_at_the_users_line():
    with pytest.warns(ConvergenceWarning) as caught:
        SigmoidMLPRegressor(3, max_iter=1, learning_rate="constant", early_stopping=False).fit(X, X[:, 0])
    assert caught[0].filename == __file__
    with pytest.warns(RuntimeWarning, match="validation_fraction=0.1 of 40 rows leaves fewer than 10 rows"):
        warn_of_few_rows(40, 0.1)


@pytest.mark.parametrize("reason", ENDS)
def test_verbose_tells_of_the_epochs_that_folds_have_chosen_once_these_are_done(reason, capsys):
    print_end_reason(vars(NET) | {"early_stopping": "folds"}, ended(reason, 7), "fell no more")
    told = capsys.readouterr().out
    assert ("All 7 epochs that folds have chosen are done. Stopping." in told) == (reason == "FINISHED")


BIG = np.random.default_rng(1).normal(size=(100, 2))
SPREAD = np.where(np.arange(100) == 0, 1e300, 1e-10)


@pytest.mark.parametrize(("parameters", "weight", "message"), [
    ({"weight_decay": 1e300}, None, r"Large values of .* weight_decay \(1e\+300\)"),
    ({"weight_decay": 1e6, "solver": "sgd", "early_stopping": False}, None, r"weight_decay \(1e\+06\)"),
    ({"alpha": 1e9, "solver": "sgd", "clip_norm": None}, None, r"Large values of alpha \(1e\+09\)"),
    ({"learning_rate": lambda done: np.nan}, None, "with a rate of nan, which the function learning_rate made"),
    ({"learning_rate": lambda done: np.inf}, None, "with a rate of inf, which the function learning_rate made"),
    ({"dtype": "float64"}, SPREAD, "or sample_weight may also be the cause"),
    ({"learning_rate_init": 1e30, "activation": "relu", "clip_norm": None}, None, "with learning_rate_init=1e"),
])  # fmt: skip
def test_divergence_names_the_parameter_to_blame(parameters, weight, message):
    net = SigmoidMLPRegressor(**{"hidden_layer_sizes": 4, "max_iter": 50, "random_state": 0} | parameters)
    with pytest.raises(ValueError, match=message):
        net.fit(BIG, BIG[:, 0], sample_weight=weight)
    assert net._fitted is None


@pytest.mark.parametrize(("parameters", "remedies"), [
    ({}, "learning_rate_init=0.015 or clip_norm=1.0"),
    ({"clip_norm": 2}, "learning_rate_init=0.015 or clip_norm=1.0"),
    ({"clip_norm": 1.0}, "learning_rate_init=0.015"),
    ({"clip_norm": None, "input_scaling": None}, "learning_rate_init=0.015 or clip_norm=1.0 or input_scaling='robust'"),
    ({"clip_norm": None, "input_scaling": "standard"}, "learning_rate_init=0.015 or clip_norm=1.0"),
])  # fmt: skip
def test_no_remedy_for_divergence_is_set_already(parameters, remedies):
    how = {"learning_rate_init": 100.0, "solver": "sgd", "activation": "relu", "random_state": 0}
    with pytest.raises(ValueError, match=f"learning_rate_init=100: try {remedies}\\. Large"):
        SigmoidMLPRegressor(**how | parameters).fit(BIG, BIG[:, 0])


def test_a_huge_rate_is_not_answered_with_a_huge_rate():
    net = SigmoidMLPRegressor(learning_rate_init=1e6, max_iter=20, random_state=0)
    with pytest.raises(ValueError, match="learning_rate_init=1e.06: try learning_rate_init=0.015"):
        net.fit(BIG, BIG[:, 0])


@pytest.mark.parametrize(("rate", "remedy"), [(0.5, "0.015"), (0.1, "0.01"), (0.015, "0.0015")])
def test_a_rate_that_diverged_is_answered_with_a_tenth_but_at_most_the_default(rate, remedy):
    net = SigmoidMLPRegressor(solver="sgd", early_stopping=False, learning_rate_init=rate, weight_decay=1e9)
    with pytest.raises(ValueError, match=rf"learning_rate_init={rate}: try learning_rate_init={remedy} or "):
        net.fit(BIG, BIG[:, 0])


# --- no better than a constant ---------------------------------------------------------------------------------------

TABLE = np.random.default_rng(2).normal(size=(400, 3))
NOISE = np.random.default_rng(3).normal(size=400)
NOTHING_LEARNT = "learning_rate_init=100: the best epoch is no better than a constant prediction. Try 0.015,"


def fit_memory(net, X, y):
    return net.fit(X, y)


def fit_stream(net, X, y):
    return stream.fit(net, lambda: iter([pd.DataFrame(X, columns=list("abc")).assign(y=y)]), target="y")


@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("parameters", [{}, {"loss": "absolute_error"}, {"early_stopping": False}])
def test_a_rate_at_which_nothing_is_learnt_is_named(parameters, n_members):
    if n_members > 1 and "early_stopping" in parameters:
        pytest.skip("members are validated")
    parameters = {"input_gains": False, "n_members": n_members} | parameters  # gains diverge at such a rate
    net = SigmoidMLPRegressor(learning_rate_init=100, max_iter=20, random_state=0, **parameters)
    with pytest.warns(ConvergenceWarning, match=NOTHING_LEARNT):
        net.fit(TABLE, TABLE[:, 0])


def test_a_rate_at_which_nothing_is_learnt_of_a_stream_is_named():
    net = SigmoidMLPRegressor(learning_rate_init=100, max_iter=20, random_state=0)
    with pytest.warns(ConvergenceWarning, match=NOTHING_LEARNT):
        fit_stream(net, TABLE, TABLE[:, 0])


@pytest.mark.parametrize("fit", [fit_memory, fit_stream])
@pytest.mark.parametrize("net", [
    SigmoidMLPRegressor(random_state=0), SigmoidMLPClassifier(random_state=0),
    SigmoidMLPRegressor(random_state=0, loss="absolute_error", early_stopping=False, max_iter=30),
    SigmoidMLPRegressor(random_state=0, solver="lbfgs", alpha=1e6),
    SigmoidMLPRegressor(random_state=0, max_iter=2),  # too few steps to tell
])  # fmt: skip
def test_pure_noise_is_not_taken_for_a_bad_rate(net, fit):
    if fit is fit_stream and net.solver == "lbfgs":
        pytest.skip("a stream gives batches")
    fit(clone(net), TABLE, np.digitize(NOISE, [0.0]) if is_classifier(net) else NOISE)
    fit(clone(net), TABLE, np.arange(400) % 2 if is_classifier(net) else np.ones(400))


# --- rows that say nothing of the epochs -----------------------------------------------------------------------------


@pytest.mark.parametrize("parameters", [{"early_stopping": "folds"}, {"early_stopping": True}, {"n_members": 2}])
def test_groups_that_are_the_classes_are_told(parameters):
    y = np.digitize(TABLE[:, 0], [-0.5, 0.5])
    net = SigmoidMLPClassifier(4, max_iter=3, random_state=0, temperature_scaling=False, **parameters)
    with pytest.warns(UserWarning, match="groups: each group is a class of y.* Pass other groups, or none"):
        net.fit(TABLE, y, groups=np.array(["a", "b", "c"])[y])
    net.fit(TABLE, y, groups=np.where(np.arange(400) < 200, y, 3))


@pytest.mark.filterwarnings("ignore:groups")
def test_a_temperature_at_its_bound_is_told():
    y = (TABLE[:, 0] > 0.0).astype(int)
    net = SigmoidMLPClassifier(random_state=0)
    with pytest.warns(UserWarning, match="temperature_=20.1 is the limit of calibration"):
        net.fit(TABLE, y, groups=y)


@pytest.mark.parametrize("kind", [SigmoidMLPClassifier, SigmoidMLPRegressor])
def test_folds_and_rows_of_ones_own_do_not_go_together(kind):
    y = (TABLE[:, 0] > 0.0).astype(int)
    net = kind(early_stopping="folds")
    with pytest.raises(
        ValueError, match="X_val does not go with early_stopping='folds': .* or leave X_val and y_val out"
    ):
        net.fit(TABLE, y, X_val=TABLE, y_val=y)


# --- too little to learn from ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("fit", [fit_memory, fit_stream])
def test_a_single_class_is_told(fit):
    with pytest.warns(UserWarning, match="y has a single class, 'only': .* pass rows of other classes") as caught:
        net = fit(SigmoidMLPClassifier(max_iter=2), TABLE, np.array(["only"] * 400, dtype=object))
    assert len(caught) == 1
    assert net.classes_.tolist() == ["only"]


def test_a_class_of_a_single_row_is_told_if_rows_are_held_out():
    y = np.where(np.arange(400) == 3, "rare", np.where(np.arange(400) % 2, "a", "b"))
    net = SigmoidMLPClassifier(2, max_iter=2, random_state=0)
    for how in ("folds", True):
        with pytest.warns(UserWarning, match=r"y has a single row for each of the classes \['rare'\]\. .*: pass more"):
            net.set_params(early_stopping=how).fit(TABLE, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net.set_params(early_stopping=False).fit(TABLE, y)


@pytest.mark.parametrize(("rare", "has_hint"), [("2", False), (2, True)])
def test_numbers_as_classes_of_a_single_row_name_the_regressor(rare, has_hint):
    y = np.array([type(rare)(1)] * 399 + [rare])
    with pytest.warns(UserWarning, match="y has a single row") as caught:
        SigmoidMLPClassifier(2, max_iter=2, random_state=0).fit(TABLE, y)
    assert str(caught[0].message).endswith("For numbers, use SigmoidMLPRegressor.") == has_hint


def test_a_column_of_a_single_class_is_told():
    y = np.column_stack([np.arange(400) % 3, np.full(400, 7)])
    with pytest.warns(UserWarning, match="y has a single class, 7"):
        SigmoidMLPClassifier(max_iter=2, early_stopping=False).fit(TABLE, y)


@pytest.mark.parametrize("fit", [fit_memory, fit_stream])
def test_a_single_class_that_has_weight_is_told(fit):
    net = SigmoidMLPClassifier(max_iter=2, early_stopping=False, class_weight={0: 0, 1: 1})
    with pytest.warns(UserWarning, match="y has a single class of positive weight, 1: .* Check y and class_weight"):
        fit(net, TABLE, np.arange(400) % 2)


def test_a_label_with_a_single_class_that_has_weight_is_told():
    Y = np.column_stack([np.arange(400) % 2, np.arange(400) // 2 % 2])
    net = SigmoidMLPClassifier(max_iter=2, early_stopping=False, class_weight=[{0: 1, 1: 0}, {0: 1, 1: 2}])
    with pytest.warns(UserWarning, match="y has a single class of positive weight, 0"):
        net.fit(TABLE, Y)


def test_no_class_weight_makes_a_chunk_of_one_class_a_single_class():
    for class_weight in ({0: 1, 1: 2}, None):
        net = SigmoidMLPClassifier(class_weight=class_weight).partial_fit(TABLE[:20], np.zeros(20), classes=[0, 1])
        net.partial_fit(TABLE[20:40], np.ones(20))


def test_classes_that_are_still_to_come_are_no_single_class():
    net = SigmoidMLPClassifier().partial_fit(TABLE[:20], np.zeros(20), classes=[0, 1])
    net.partial_fit(TABLE[20:40], np.zeros(20))


# --- tables that are not what the defaults assume --------------------------------------------------------------------

FEW_EPOCHS = dict(hidden_layer_sizes=4, max_iter=3, random_state=0)


def hours(n=240):
    """Hourly measurements that grow, and a shop."""
    rng = np.random.default_rng(5)
    dates = pd.date_range("2026-01-01", periods=n, freq="h")
    X = pd.DataFrame({"date": dates, "x": rng.normal(size=n), "shop": rng.choice(list("ab"), n)})
    return X, np.linspace(0, 5, n) + X["x"].to_numpy() + rng.normal(size=n)


def visits():
    """Thirty patients with ten visits each, who differ."""
    rng = np.random.default_rng(6)
    patient = rng.permutation(np.repeat(np.arange(30) * 7 % 30 + 100, 10))
    X = pd.DataFrame({"patient": patient, "x": rng.normal(size=300)})
    return X, 2 * rng.normal(size=130)[patient] + X["x"].to_numpy() + 0.5 * rng.normal(size=300)


def as_polars(table):
    return pytest.importorskip("polars").from_pandas(table)


def with_numbered_columns(frame):
    return frame.set_axis(range(frame.shape[1]), axis=1)


def messages_of(net, X, y, **arguments):
    """The warnings of a fit of which these tests are."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net.fit(X, y, **arguments)
    assert all(warning.filename == __file__ for warning in caught)
    texts = [str(warning.message) for warning in caught if warning.category is UserWarning]
    told = (
        "near in time",
        "identifier",
        "stands for a missing",
        "stand for missing",
        "stands for missing",
        "another order",
        "do not rise",
        "are copies",
    )
    return [text for text in texts if any(words in text for words in told)]


def parameters_in(message):
    """The parameters that a message says to set, after the import it names."""
    names = {}
    for statement in re.findall(r"\((from [\w.]+ import \w+)\)", message):
        exec(statement, names)
    assignment = re.search(r"set (.*?[)\]])[ .]", message)[1]
    return eval(f"dict({assignment})", names)


def table_after(statement, message, X, y):
    """The table and targets that result from a statement in the message."""
    names = {"X": X, "y": y}
    for imported in re.findall(r"\((from [\w.]+ import \w+)\)", message):
        exec(imported, names)
    exec(re.search(statement, message)[0], names)
    return names["X"], names["y"]


def fit_as_in(message, net, X, y):
    """Call the `fit` of a message, with its arguments, and return the warnings of this file."""
    arguments = re.search(r"(fit\(.*?\))(?:\.| \(from|$)", message)[1]
    return eval(arguments, {"X": X, "y": y, "np": np, "fit": partial(messages_of, net)})


@pytest.mark.parametrize("as_dates", [lambda dates: dates, lambda dates: dates.astype(str)], ids=["dates", "text"])
@pytest.mark.parametrize("kind", [SigmoidMLPRegressor, SigmoidMLPClassifier])
def test_rows_in_the_order_of_time_are_told_and_the_remedies_work(kind, as_dates):
    X, y = hours()
    X = X.assign(date=as_dates(X["date"]))
    y = y if kind is SigmoidMLPRegressor else np.digitize(y, [1.0, 4.0])
    (message,) = messages_of(kind(**FEW_EPOCHS), X, y)
    assert "Column 'date' of X never falls from row to row" in message
    remedy = parameters_in(message)
    assert (
        str(remedy)
        == "{'validation_fraction': TimeSeriesSplit(gap=0, max_train_size=None, n_splits=4, test_size=None)}"
    )
    assert messages_of(kind(**FEW_EPOCHS, **remedy), X, y) == []
    shuffled, targets = table_after(r"X, y = shuffle\(.*?\)", message, X, y)
    assert messages_of(kind(**FEW_EPOCHS), shuffled, targets) == []


def test_the_latest_row_may_come_first():
    X, y = hours()
    (message,) = messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X[::-1], y[::-1])
    assert "Column 'date' of X never rises" in message
    turned, targets = table_after(r"X, y = X\[.*?\], y\[.*?\]", message, X[::-1], y[::-1])
    assert turned.equals(X)
    assert (targets == y).all()
    assert messages_of(SigmoidMLPRegressor(**FEW_EPOCHS, **parameters_in(message)), turned, targets) == []


@pytest.mark.parametrize("is_falling", [False, True])
@pytest.mark.parametrize(
    "parameters", [{"scoring": "r2"}, {"warm_start": True}, {"early_stopping": True, "solver": "lbfgs"}]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_where_no_splitter_is_possible_the_latest_rows_are_held_out(parameters, is_falling):
    X, y = (values[::-1] if is_falling else values for values in hours())
    (message,) = messages_of(SigmoidMLPRegressor(**FEW_EPOCHS, **parameters), X, y)
    net = SigmoidMLPRegressor(**FEW_EPOCHS, **parameters)
    assert fit_as_in(message, net, X, y) == []
    held_out = re.search(r"X_val=(X\[.*?\])", message)[1]
    assert eval(held_out, {"X": X})["date"].min() == hours()[0]["date"][192]


@pytest.mark.parametrize(
    "parameters", [{"early_stopping": True}, {"early_stopping": "folds"}, {"validation_fraction": 0.2}]
)
def test_rows_in_the_order_of_time_are_told_however_rows_are_held_out_at_random(parameters):
    assert len(messages_of(SigmoidMLPRegressor(**FEW_EPOCHS, **parameters), *hours())) == 1


def test_nothing_is_said_of_time_if_rows_are_not_held_out_at_random():
    X, y = hours()
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    assert messages_of(clone(net).set_params(validation_fraction=TimeSeriesSplit(3)), X, y) == []
    assert messages_of(clone(net).set_params(early_stopping=False), X, y) == []
    assert messages_of(net, X, y, X_val=X[-50:], y_val=y[-50:]) == []
    assert messages_of(net, X, y, groups=np.arange(len(y)) // 24) == []
    assert messages_of(net, X[:39], y[:39]) == []


@pytest.mark.filterwarnings("error")
def test_a_stream_and_partial_fit_do_not_ask():
    X, y = hours()
    SigmoidMLPRegressor(**FEW_EPOCHS).partial_fit(X, y)
    chunks = lambda: iter([X.assign(y=y)])  # noqa: E731
    stream.fit(SigmoidMLPRegressor(**FEW_EPOCHS, early_stopping=True), chunks, target="y")


@pytest.mark.filterwarnings("error:Column 'date':UserWarning")
def test_a_warning_of_time_that_is_an_error_leaves_the_estimator_as_it_was():
    X, y = hours()
    net = SigmoidMLPRegressor(**FEW_EPOCHS).fit(X[["x"]], y)
    before = net._fitted
    with pytest.raises(UserWarning, match="Column 'date' of X never falls"):
        net.fit(X, y)
    assert net._fitted is before


def test_an_identifier_is_told_and_the_remedies_work():
    X, y = visits()
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    (message,) = messages_of(net, X, y)
    assert "Column 'patient' of X is a number that behaves like an identifier" in message
    as_category = parameters_in(message)
    assert as_category == {"categorical_features": ["from_dtype", "patient"]}
    categories = clone(net).set_params(**as_category)
    assert messages_of(categories, X, y) == []
    assert set(categories.inputs_.query("kind == 'level'")["column"]) == {"patient"}
    by_group = clone(net)
    assert fit_as_in(message, by_group, X, y) == []
    assert by_group.feature_names_in_.tolist() == ["x"]


def test_an_identifier_in_an_array_is_told_by_its_index():
    X, y = visits()
    array = X[["x", "patient"]].to_numpy()
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    (message,) = messages_of(net, array, y)
    assert parameters_in(message) == {"categorical_features": [1]}
    assert messages_of(clone(net).set_params(categorical_features=[1]), array, y) == []
    assert fit_as_in(message, net, array, y) == []
    assert net.n_features_in_ == 1


@pytest.mark.parametrize("as_table", [with_numbered_columns, as_polars], ids=["numbered", "polars"])
def test_an_identifier_in_other_frames_is_told_and_the_remedies_work(as_table):
    X, y = visits()
    table = as_table(X)
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    (message,) = messages_of(net, table, y)
    assert messages_of(clone(net).set_params(**parameters_in(message)), table, y) == []
    assert fit_as_in(message, net, table, y) == []
    assert net.n_features_in_ == 1


def test_the_remedy_for_an_identifier_keeps_what_the_user_has_chosen():
    X, y = visits()
    X = X.assign(hospital=np.random.default_rng(0).integers(3, size=len(y)), patient=X["patient"].astype(float))
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    (message,) = messages_of(clone(net).set_params(categorical_features=["hospital"]), X, y)
    assert "make it a category: add 'patient' to categorical_features." in message
    (message,) = messages_of(clone(net).set_params(categorical_features=None), X, y)
    assert parameters_in(message) == {"categorical_features": ["patient"]}
    (message,) = messages_of(clone(net).set_params(early_stopping=False), X, y)
    assert message.endswith("leave the column out: fit(X[[c for c in X.columns if c != 'patient']], y).")
    (message,) = messages_of(net, X, y, groups=X["patient"])
    assert "groups=" not in message


def test_an_age_of_patients_is_told_unless_patients_are_the_groups():
    X, y = visits()
    net, patient = SigmoidMLPRegressor(**FEW_EPOCHS), X["patient"]
    X = X[["x"]].assign(age=np.random.default_rng(0).integers(20, 85, 130)[patient])
    (message,) = messages_of(net, X, y)
    assert message.endswith("several rows may be of one person: pass the persons as groups.")
    assert messages_of(net, X, y, groups=-patient) == []
    assert messages_of(net, X, y, groups=patient.astype(str)) == []


def test_nothing_is_said_of_a_number_on_which_the_target_depends_smoothly():
    X, _ = visits()
    assert messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X, (X["patient"] - 115) ** 2 / 50 + X["x"]) == []
    assert messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X, X["x"]) == []


# --- the target among the columns ------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_frame", [lambda table: table, as_polars], ids=["pandas", "polars"])
@pytest.mark.parametrize(("kind", "target"), [(SigmoidMLPRegressor, "x"), (SigmoidMLPClassifier, "shop")])
def test_a_column_that_is_the_target_is_told_and_the_remedy_works(kind, target, as_frame):
    table = as_frame(hours()[0][["x", "shop"]])
    net = kind(**FEW_EPOCHS)
    with pytest.warns(UserWarning, match=f"Column '{target}' of X is the target y, so .* Leave it out: fit") as caught:
        net.fit(table, table[target])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit_as_in(str(caught[0].message), net, table, table[target])
    assert net.feature_names_in_.tolist() == [name for name in ("x", "shop") if name != target]


@pytest.mark.filterwarnings("error:Column:UserWarning")
@pytest.mark.parametrize(
    "target_of",
    [
        lambda table: table["x"].shift(-1, fill_value=0.0),
        lambda table: table["x"].rename("y"),
        lambda table: table["x"].to_numpy(),
        lambda table: table.assign(shop=0.0),
    ],
    ids=["the next value", "another name", "an array", "several columns"],
)
def test_nothing_is_said_of_a_column_that_is_no_target_by_name_and_values(target_of):
    table = hours()[0][["x", "shop"]]
    SigmoidMLPRegressor(**FEW_EPOCHS).fit(table, target_of(table))


@pytest.mark.parametrize("text", ["nan", "<NA>", ""])
def test_a_class_that_is_the_text_of_a_missing_label_is_told_and_the_remedy_works(text):
    X, y = visits()
    labels = np.where(X["x"] > 1.0, text, np.where(y > 0.0, "high", "low"))
    net = SigmoidMLPClassifier(**FEW_EPOCHS)
    (message,) = messages_of(net, X[["x"]], labels)
    assert f"y has the class {text!r}." in message
    assert fit_as_in(message, net, X[["x"]], labels) == []
    assert net.classes_.tolist() == ["high", "low"]
    assert messages_of(net, X[["x"]], np.where(y > 0.0, "nanometre", "None")) == []


# --- numbers that stand for missing values ---------------------------------------------------------------------------


def ages_and_sizes():
    """Ages, a size that depends on them, and a number without a meaning; -999 stands for three ages."""
    rng = np.random.default_rng(8)
    age = rng.integers(18, 80, 120).astype(float)
    X = pd.DataFrame({"age": age, "x": rng.normal(size=120)})
    X.loc[[3, 5, 8], "age"] = -999.0
    return X, 0.1 * age + rng.normal(size=120)


@pytest.mark.parametrize(
    "as_table",
    [lambda X: X, with_numbered_columns, as_polars, pd.DataFrame.to_numpy],
    ids=["pandas", "numbered", "polars", "array"],
)
@pytest.mark.parametrize("kind", [SigmoidMLPRegressor, SigmoidMLPClassifier])
def test_a_code_for_missing_values_is_told_and_the_remedy_works(kind, as_table):
    frame, sizes = ages_and_sizes()
    X, y = as_table(frame), sizes if kind is SigmoidMLPRegressor else sizes > 5.0
    (message,) = messages_of(kind(**FEW_EPOCHS), X, y)
    assert "of X is -999 in 3 rows, and from 18 to 79 in all others. If" in message
    namespace = {"X": X, "np": np, "pl": pytest.importorskip("polars")}
    exec(re.search(r"X = .*\)", message)[0], namespace)
    net = kind(**FEW_EPOCHS)
    assert messages_of(net, namespace["X"], y) == []
    assert "missing" in net.inputs_["kind"].to_list()


def test_several_codes_are_told_at_once():
    X, y = ages_and_sizes()
    X.loc[[1, 2], "x"] = 9999.0
    (message,) = messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X, y)
    assert "Column 'age' of X is -999 in 3 rows" in message
    assert "Such numbers are also in ['x']." in message


def test_the_remedy_for_a_code_in_an_array_keeps_other_columns():
    frame, y = ages_and_sizes()
    X = frame.to_numpy(copy=True)
    X[:, 1] = np.linspace(-1005.0, -995.0, len(X)).round()
    (message,) = messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X, y)
    namespace = {"X": X, "np": np}
    exec(re.search(r"X = .*\)", message)[0], namespace)
    np.testing.assert_array_equal(namespace["X"][:, 1], X[:, 1])
    assert np.isnan(namespace["X"][:, 0]).sum() == 3


def test_a_code_for_missing_targets_is_told_and_the_remedy_works():
    X, y = ages_and_sizes()
    X["age"] = X["age"].clip(lower=18)
    y[:4] = -99.0
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    (message,) = messages_of(net, X, y)
    assert message.startswith("y is -99 in 4 rows, and from ")
    assert fit_as_in(message, net, X, y) == []
    (message,) = messages_of(net, X, np.column_stack([y, y**2]))
    assert "replace it by NaN" in message
    with pytest.raises(ValueError, match="If -99 stands for a missing target, leave these rows out"):
        SigmoidMLPRegressor(loss="poisson").fit(X, y)


# --- the order of rows -----------------------------------------------------------------------------------------------


def test_labels_in_another_order_are_told_and_the_remedy_works():
    X, y = hours()
    y = pd.Series(y)
    shuffled = X.sample(frac=1.0, random_state=0).drop(columns="date")
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    for names, arguments in (
        ("y .* of X ", dict(X=shuffled, y=y)),
        ("sample_weight .* of X ", dict(X=shuffled, y=y[shuffled.index], sample_weight=1.0 + y.abs())),
        (
            "y_val .* of X_val ",
            dict(X=shuffled, y=y[shuffled.index], X_val=shuffled[:40], y_val=y[shuffled.index[39::-1]]),
        ),
    ):
        with pytest.warns(UserWarning, match=f"^{names}in another order, .* pass .*[.]loc"):
            net.fit(**arguments)
    assert messages_of(net, shuffled, y.loc[shuffled.index]) == []


@pytest.mark.filterwarnings("error:.*another order")
@pytest.mark.parametrize(
    "target_of",
    [
        lambda y: y.reset_index(drop=True).set_axis(range(500, 740)),
        lambda y: y.to_list(),
        lambda y: y.set_axis([0] * 240),
        lambda y: y.sort_index(),
    ],
    ids=["other labels", "a list", "equal labels", "the same order"],
)
def test_nothing_is_said_of_labels_that_are_not_those_of_the_table(target_of):
    X, y = hours()
    SigmoidMLPRegressor(**FEW_EPOCHS).fit(X[["x", "shop"]], target_of(pd.Series(y)))


def test_weights_with_a_sum_of_1_are_told_and_the_remedy_works():
    X, y = visits()
    weight = np.random.default_rng(0).random(300)
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    with pytest.warns(
        UserWarning, match=r"sample_weight adds up to 1 in 300 rows.* alpha=0.01 .*divide them by their mean"
    ):
        net.fit(X[["x"]], y, weight / weight.sum())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "sample_weight")
        net.fit(X[["x"]], y, weight / weight.mean())
        net.set_params(alpha=0.0).fit(X[["x"]], y, weight / weight.sum())


# --- copies of rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("as_table", [lambda X: X, as_polars, pd.DataFrame.to_numpy], ids=["pandas", "polars", "array"])
@pytest.mark.parametrize("kind", [SigmoidMLPRegressor, SigmoidMLPClassifier])
def test_copies_of_rows_are_told_and_the_remedy_works(kind, as_table):
    rng = np.random.default_rng(3)
    rows = rng.choice(150, 300)  # as a bootstrap draws them
    X = pd.DataFrame({"x": rng.normal(size=150), "z": rng.normal(size=150)}).iloc[rows]
    y = X["x"].to_numpy() + 0.1 * rng.normal(size=150)[rows]
    y = y if kind is SigmoidMLPRegressor else y > 0.0
    table = as_table(X)
    net = kind(**FEW_EPOCHS)
    (message,) = messages_of(net, table, y)
    assert f"{300 - len(set(rows.tolist()))} of 300 rows are copies of others" in message
    groups = eval(re.search(r"groups=(.*?), or pass each", message)[1], {"X": table, "np": np})
    assert messages_of(net, table, y, groups=groups) == []
    assert messages_of(net.set_params(early_stopping=False), table, y) == []


# --- validation rows that are unlike those to train on ----------------------------------------------------------------


@pytest.mark.parametrize(("change", "message"), [
    (lambda X, y: (X[:150], y[:150]), "X_val holds the rows of X: .* Pass other rows, or leave X_val and y_val out"),
    (lambda X, y: (X[150:].assign(x=1000 * X["x"]), y[150:]), r"Columns \['x'\] of X_val lie mostly outside the range"),
    (lambda X, y: (X[150:], 1000 + y[150:]), "y_val lies mostly far from the values of y. Check the unit"),
], ids=["the same rows", "another unit of a column", "another unit of the target"])  # fmt: skip
def test_validation_rows_unlike_those_to_train_on_are_told(change, message):
    X, y = visits()
    X = X[["x"]].assign(z=X["x"] ** 2)
    X_val, y_val = change(X, y)
    net = SigmoidMLPRegressor(**FEW_EPOCHS)
    with pytest.warns(UserWarning, match=message):
        net.fit(X[:150], y[:150], X_val=X_val, y_val=y_val)
    with warnings.catch_warnings(action="error", category=UserWarning):
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        net.fit(X[:150], y[:150], X_val=X[150:], y_val=y[150:])


def test_a_share_of_groups_that_has_few_rows_is_told():
    X, y = visits()
    groups = np.where(np.arange(300) < 280, 0, np.arange(300))
    net = SigmoidMLPRegressor(**FEW_EPOCHS, early_stopping=True)
    with pytest.warns(UserWarning, match="a share of 0.15 of the groups has 4 rows only, since others are much larger"):
        net.fit(X[["x"]], y, groups=groups)
    with warnings.catch_warnings(action="error", category=UserWarning):
        warnings.filterwarnings("ignore", category=ConvergenceWarning)
        net.fit(X[["x"]], y, groups=np.arange(300))


def test_a_column_outside_its_range_is_told_after_a_fit_that_ended_before_its_first_iteration():
    X = np.random.default_rng(0).uniform(size=(60, 2))
    net = SigmoidMLPRegressor(solver="lbfgs", tol=1e9).fit(X, X[:, 0])
    assert net.n_iter_ == 0
    with pytest.warns(UserWarning, match="most values are now outside"):
        net.predict(X + 1)


NUMBERS = pd.RangeIndex(240)
TEXT = NUMBERS.astype(str)
PAIRS = pd.MultiIndex.from_arrays([TEXT, NUMBERS])


@pytest.mark.parametrize(
    "labels",
    [(NUMBERS, PAIRS), (NUMBERS, TEXT), (PAIRS, TEXT)],
    ids=["numbers and pairs", "numbers and text", "pairs and text"],
)
def test_labels_of_other_kinds_are_not_compared(labels):
    X, y = hours()
    X_labels, y_labels = labels
    SigmoidMLPRegressor(**FEW_EPOCHS).fit(X[["x", "shop"]].set_axis(X_labels), pd.Series(y, y_labels))


@pytest.mark.parametrize("again", ["partial_fit", "warm start"])
def test_the_range_of_the_first_of_several_calls_is_not_that_of_training(again):
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(60, 2))
    net = SigmoidMLPRegressor(max_iter=2, warm_start=again == "warm start", random_state=0)
    fit = net.fit if net.warm_start else net.partial_fit
    with warnings.catch_warnings(action="ignore"):
        fit(X, X[:, 0])
    with pytest.warns(UserWarning, match="most values are now outside"):
        net.predict(X + 1)
    with warnings.catch_warnings(action="ignore"):
        fit(X + 1, X[:, 0])
    with warnings.catch_warnings(action="error"):
        net.predict(X + 1)


def test_a_code_of_seven_digits_is_written_in_full():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": np.where(np.arange(300) % 10 == 0, 9999999.0, rng.uniform(0, 9, 300)), "b": rng.normal(size=300)}
    )
    message = messages_of(SigmoidMLPRegressor(**FEW_EPOCHS), X, rng.normal(size=300))[0]
    assert "X.replace({'a': 9999999}, np.nan)" in message


@pytest.mark.parametrize(
    "as_table", [lambda X: X, with_numbered_columns, as_polars], ids=["named", "numbered", "polars"]
)
def test_dates_that_do_not_rise_are_told_before_a_split_by_time(as_table):
    X, y = hours()
    order = np.random.default_rng(0).permutation(len(X))
    by_time = SigmoidMLPRegressor(**FEW_EPOCHS, validation_fraction=TimeSeriesSplit(4))
    X, y = as_table(X.iloc[order]), y[order]
    (message,) = messages_of(by_time, X, y)
    assert re.search("the dates of column '(date|0)' of X do not rise", message)
    namespace = {"X": X, "y": y, "np": np, "fit": partial(messages_of, by_time)}
    exec(re.search(r"order = [^;]*", message)[0], namespace)
    assert eval(re.search(r"fit\(.*\)", message)[0], namespace) == []


def test_dates_that_overlap_for_a_few_days_rise():
    """The rows are forecasts for 1 to 30 hours ahead, in the order of the hour in which they were made."""
    X, y = hours()
    ahead = np.random.default_rng(0).integers(1, 31, size=len(X))
    X["date"] += pd.to_timedelta(ahead, unit="h")
    by_time = SigmoidMLPRegressor(**FEW_EPOCHS, validation_fraction=TimeSeriesSplit(4))
    assert messages_of(by_time, X, y) == []
    X.loc[::7, "date"] = pd.NaT
    assert messages_of(by_time, X, y) == []
    (message,) = messages_of(by_time, X[::-1], y[::-1])
    assert "do not rise" in message
    two_series = np.argsort(np.arange(len(X)) % 2, kind="stable")
    (message,) = messages_of(by_time, X.iloc[two_series], y[two_series])
    assert "do not rise" in message


def test_one_column_of_rising_dates_is_enough():
    X, y = hours()
    X.insert(0, "birthday", X["date"].sample(frac=1.0, random_state=0).to_numpy())
    by_time = SigmoidMLPRegressor(**FEW_EPOCHS, validation_fraction=TimeSeriesSplit(4))
    assert messages_of(by_time, X, y) == []
