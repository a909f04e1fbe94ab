"""How an epoch is evaluated on the held-out rows: by the loss, or by a scorer."""

import warnings
from copy import copy, deepcopy
from fractions import Fraction

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import balanced_accuracy_score, get_scorer, make_scorer

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators import fitted as fitted_module
from tests.estimators.data import outside_training, quiet
from tests.estimators.held_out import LABEL, LABEL_VAL, NUMBER, NUMBER_VAL, STOPPING, TARGETS, WEIGHT, X_VAL, X

# --- how an epoch is judged ------------------------------------------------------------------------------------------


@quiet
def test_loss_is_the_weighted_mean_loss_of_the_held_out_rows():
    weight = np.linspace(0.0, 2.0, 40)
    for kind, y, y_val in ((SigmoidMLPClassifier, LABEL, LABEL_VAL), (SigmoidMLPRegressor, NUMBER, NUMBER_VAL)):
        parameters = STOPPING | {"max_iter": 1, "alpha": 0.0}
        one = kind(**parameters).fit(X, y, X_val=X_VAL, y_val=y_val, sample_weight_val=weight)
        loss = one.backpropagate(X_VAL, y_val, weight)[0]
        assert one.validation_scores_[0] == pytest.approx(-loss, rel=1e-12)
        assert one.history_["validation_loss"][0] == pytest.approx(loss, rel=1e-12)


@quiet
@pytest.mark.parametrize("name", ["accuracy", "neg_log_loss", "roc_auc_ovr", "balanced_accuracy", "f1_macro"])
def test_scorers_of_classifiers(name):
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": name}).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    best = get_scorer(name)(fitted, X_VAL, LABEL_VAL)
    assert best == pytest.approx(max(fitted.validation_scores_), rel=1e-12)
    assert best == fitted.best_validation_score_


@quiet
@pytest.mark.parametrize(
    "kind, name",
    [
        *(("binary", name) for name in ("roc_auc", "neg_log_loss", "accuracy")),
        *(("multiclass", name) for name in ("roc_auc_ovr", "neg_log_loss", "neg_brier_score")),
        *(("multilabel", name) for name in ("roc_auc", "average_precision", "f1_samples")),
    ],
)
def test_scorers_of_every_kind_of_target(kind, name):
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": name, "max_iter": 3}).fit(X, TARGETS[kind])
    assert np.isfinite(fitted.validation_scores_).all()


@quiet
@pytest.mark.parametrize("name", ["r2", "neg_mean_absolute_error", "explained_variance"])
def test_scorers_of_regressors_see_the_targets_own_units(name):
    y, y_val = 1000.0 + 50.0 * NUMBER, 1000.0 + 50.0 * NUMBER_VAL
    fitted = SigmoidMLPRegressor(**STOPPING | {"scoring": name}).fit(X, y, X_val=X_VAL, y_val=y_val)
    assert fitted.best_validation_score_ == pytest.approx(get_scorer(name)(fitted, X_VAL, y_val), rel=1e-9)


@quiet
def test_scorers_are_weighted():
    weight = np.linspace(0.0, 2.0, 40)
    for scoring in ("accuracy", make_scorer(balanced_accuracy_score)):
        fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": scoring, "max_iter": 3})
        fitted.fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL, sample_weight_val=weight)
        scorer = get_scorer(scoring)
        assert fitted.best_validation_score_ == pytest.approx(scorer(fitted, X_VAL, LABEL_VAL, sample_weight=weight))


@quiet
def test_a_callable_scores_each_epoch():
    scores = iter([0.1, 0.5, 0.3, 0.2, 0.4, 0.1, 0.0])
    fitted = SigmoidMLPClassifier(**STOPPING | {"scoring": lambda estimator, X, y: next(scores)}).fit(X, LABEL)
    assert fitted.validation_scores_ == [0.1, 0.5, 0.3, 0.2, 0.4, 0.1]  # patience of 3 is used up at the fourth
    assert fitted.best_validation_score_ == 0.5
    assert fitted.n_iter_ == 6


@pytest.mark.parametrize("scoring", ["neg_max_error", make_scorer(lambda y, z: 0.0), lambda estimator, X, y: 0.0])
def test_a_scorer_that_takes_no_weights(scoring):
    with pytest.raises(ValueError, match=r"scoring=.*sample_weight"):
        SigmoidMLPRegressor(**STOPPING | {"scoring": scoring}).fit(X, NUMBER, WEIGHT)


def test_a_scorer_that_does_not_fit_the_target():
    with pytest.raises(ValueError):
        SigmoidMLPClassifier(**STOPPING | {"scoring": "roc_auc"}).fit(X, LABEL)


def no_number(estimator, X, y):
    return np.nan


@pytest.mark.parametrize("how", ["a scorer", "r2 of a single row"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_without_any_finite_score_the_loss_chooses_the_epoch_with_a_warning(how, solver):
    parameters = STOPPING | {"solver": solver, "max_iter": 15, "learning_rate": "cosine", "n_iter_no_change": 100}
    parameters |= {"scoring": no_number} if how == "a scorer" else {"scoring": "r2"}
    validation = {"X_val": X_VAL, "y_val": NUMBER_VAL} if how == "a scorer" else {"X_val": X[:1], "y_val": NUMBER[:1]}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        net = SigmoidMLPRegressor(**parameters).fit(X, NUMBER, **validation)
        same = SigmoidMLPRegressor(**parameters | {"scoring": "loss"}).fit(X, NUMBER, **validation)
    told = [str(warning.message) for warning in caught if "scoring=" in str(warning.message)]
    assert len(told) == 1
    assert "gave no score" in told[0]
    assert "validation loss" in told[0]
    assert np.isnan(net.validation_scores_).all()
    assert np.isnan(net.best_validation_score_)
    assert_array_equal(net.predict(X), same.predict(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "result", [None, "good", "0.5", np.ones(3), np.ones(1), 1j, {"r2": 0.5}, [[1], [1, 2]]], ids=str
)
def test_a_scorer_that_returns_no_number(result, solver):
    def score(estimator, X, y):
        return result

    with pytest.raises(TypeError, match=r"scoring=<function .*score.* returned .*: a scorer must return one number"):
        SigmoidMLPClassifier(**STOPPING | {"scoring": score, "solver": solver}).fit(X, LABEL)


@pytest.mark.parametrize("number", [1, np.float32(0.5), np.array(0.5), True, Fraction(1, 2)], ids=repr)
def test_a_scorer_that_returns_a_number_of_any_kind(number):
    parameters = STOPPING | {"scoring": lambda estimator, X, y: number, "max_iter": 1}
    assert quietly(SigmoidMLPClassifier(**parameters).fit, X, LABEL).validation_scores_ == [float(number)]


def quietly(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args)


FRAME = pd.DataFrame(X, columns=list("abcd")).assign(e=pd.Categorical(np.where(X[:, 1] > 0, "u", "v")))


@quiet
@pytest.mark.parametrize("table", [X, FRAME, sp.csr_array(X)], ids=["array", "frame", "sparse"])
def test_a_scorer_may_change_the_table(table):
    """As one that shuffles a column does: what it gets is what the network predicts of the table as it is then."""
    seen = []

    def score(net, rows, y):
        as_given = net.predict_proba(rows)
        seen.append((net.predict_proba(twice(rows)), as_given, net.predict_proba(rows)))
        return 0.0

    parameters = STOPPING | {"max_iter": 2, "scoring": score}
    net = SigmoidMLPClassifier(**parameters).fit(X=table, y=LABEL, X_val=table[:40], y_val=LABEL_VAL)
    last_doubled, last, again = seen[-1]
    assert_array_equal(last, again)
    assert_allclose(last, net.predict_proba(table[:40]), rtol=1e-12)
    assert_allclose(last_doubled, net.predict_proba(twice(table[:40])), rtol=1e-12)
    assert (last != last_doubled).any()


def twice(table):
    return table.assign(a=2 * table.a) if isinstance(table, pd.DataFrame) else 2 * table


@outside_training
@quiet
def test_a_scorer_may_change_the_table_in_place():
    seen = []

    def score(net, rows, y):
        seen.append((net.predict(rows), net.predict(np.asarray(rows) * 1.0)))
        rows[:] = 5.0
        seen.append((net.predict(rows), net.predict(rows + 0.0)))
        return 0.0

    SigmoidMLPRegressor(**STOPPING | {"max_iter": 2, "scoring": score}).fit(X, NUMBER)
    for predictions, expected in seen:
        assert_allclose(predictions, expected, rtol=1e-12)


@quiet
@pytest.mark.parametrize("copied", [copy, deepcopy])
def test_a_scorer_may_keep_copies(copied):
    """As one that keeps the best estimator does: it is a fitted one."""
    copies = []

    def score(net, rows, y):
        copies.append((copied(net), net.predict_proba(rows)))
        return 0.0

    parameters = STOPPING | {"max_iter": 2, "scoring": score}
    net = SigmoidMLPClassifier(**parameters).fit(X, LABEL, X_val=X_VAL, y_val=LABEL_VAL)
    for kept, expected in copies:
        assert_allclose(kept.predict_proba(X_VAL), expected, rtol=1e-12)
    assert_allclose(copies[-1][0].predict_proba(X), net.predict_proba(X), rtol=1e-12)


def test_a_type_error_inside_a_scorer_stays_what_it_is():
    def broken(estimator, X, y):
        return len(0)

    with pytest.raises(TypeError, match=r"^object of type 'int' has no len\(\)$"):
        SigmoidMLPRegressor(**STOPPING | {"scoring": broken}).fit(X, NUMBER)


# --- the score of predictions ----------------------------------------------------------------------------------------

TWO = np.column_stack([NUMBER, NUMBER])
WORDS = np.where(LABEL > 0, "yes", "no")


@quiet
@pytest.mark.parametrize(
    "kind, y, scored, message",
    [
        (SigmoidMLPClassifier, LABEL, LABEL[:-1], r"numbers of samples: X has \d+ rows and y \d+. Give each row a"),
        (SigmoidMLPRegressor, NUMBER, NUMBER[:-1], r"numbers of samples: X has \d+ rows and y \d+. Give each row a"),
        (SigmoidMLPRegressor, NUMBER, np.full(len(X), np.nan), "Input y contains NaN, in row 0: leave such rows out"),
        (SigmoidMLPRegressor, NUMBER, np.full(len(X), np.inf), "Input y contains infinity .* in row 0: leave such"),
        (SigmoidMLPRegressor, NUMBER, TWO, "y has 2 targets, but the regressor knows 1: give y that many columns"),
        (SigmoidMLPRegressor, TWO, NUMBER, "y has 1 targets, but the regressor knows 2: give y that many columns"),
        (SigmoidMLPRegressor, NUMBER, None, r"y has shape \(\): give it the shape"),
        (SigmoidMLPRegressor, NUMBER, np.empty((len(X), 0)), r"y has shape \(.*, 0\): give it the shape"),
        (SigmoidMLPClassifier, LABEL, None, "y is None; give it the shape"),
        (SigmoidMLPClassifier, LABEL, [], r"y 0. Give each row a target"),
        (SigmoidMLPClassifier, LABEL, np.column_stack([LABEL, LABEL]), "y has shape .*but predictions have .*the same"),
        (SigmoidMLPClassifier, LABEL, NUMBER + 0.25, "y holds .*but the classes are .*: give labels of their kind"),
        (SigmoidMLPClassifier, LABEL, WORDS, "y holds 'yes', but the classes are .*: give labels of their kind"),
        (SigmoidMLPClassifier, WORDS, LABEL, "y holds 1, but the classes are .*: give labels of their kind"),
    ],
)
def test_what_cannot_be_scored_is_named(kind, y, scored, message):
    fitted = kind(**STOPPING | {"max_iter": 1}).fit(X, y)
    with pytest.raises(ValueError, match=message):
        fitted.score(X, scored)


@quiet
def test_labels_that_are_new_count_as_wrong():
    fitted = SigmoidMLPClassifier(**STOPPING | {"max_iter": 1}).fit(X, LABEL)
    assert fitted.score(X, np.full(len(X), 7)) == 0.0
    assert fitted.score(X, fitted.predict(X).astype(float)[:, np.newaxis]) == 1.0


@pytest.mark.parametrize("name", ["accuracy", "roc_auc", "f1", "neg_log_loss"])
def test_a_scorer_of_classifiers_on_a_regressor_is_named(name):
    net = SigmoidMLPRegressor(**STOPPING | {"scoring": name})
    with pytest.raises(ValueError, match=f"scoring='{name}' cannot rate this regressor.*Choose a scorer of regressors"):
        net.fit(X, NUMBER, X_val=X_VAL, y_val=NUMBER_VAL)
    assert not hasattr(net, "coefs_")


def test_the_users_own_error_comes_through():
    def score(net, X, y):
        raise AttributeError("mine")

    with pytest.raises(AttributeError, match="mine"):
        SigmoidMLPRegressor(**STOPPING | {"scoring": score}).fit(X, NUMBER, X_val=X_VAL, y_val=NUMBER_VAL)


@quiet
@pytest.mark.parametrize("has_validation_set", [False, True], ids=["held out", "X_val"])
def test_a_scorer_gets_polars_rows_where_polars_rows_were_passed(has_validation_set):
    """A column of integers with one gap, and categories by the target's means, which differ in training rows."""
    number = [None, *range(1, len(X))]
    data = {"a": number, "b": X[:, 0], "c": np.where(X[:, 1] > 0.0, "x", "y")}
    tables_by_library, scores = {}, {}
    for library in (pl, pd):
        frame = library.DataFrame(data)

        tables = tables_by_library.setdefault(library, [])

        def scorer(net, table, y, sample_weight=None, tables=tables):
            tables.append(table)
            return -float(np.mean((net.predict(table) - y) ** 2))

        parameters = STOPPING | {"scoring": scorer, "max_iter": 2, "category_encoding": "target"}
        validation = {"X_val": frame[:40], "y_val": NUMBER_VAL} if has_validation_set else {}
        weight = (np.arange(len(X)) % 7 > 0).astype(float)
        net = SigmoidMLPRegressor(**parameters, categorical_features=["c"]).fit(frame, NUMBER, weight, **validation)
        scores[library] = net.validation_scores_
    assert all(
        isinstance(table, pl.DataFrame) and table.schema == pl.DataFrame(data).schema for table in tables_by_library[pl]
    )
    assert tables_by_library[pl][0]["b"].to_list() == tables_by_library[pd][0]["b"].to_list()
    assert scores[pl] == scores[pd]


TABLES = {
    "array": lambda frame, path: frame[["a", "b"]].to_numpy(),
    "CSR matrix": lambda frame, path: sp.csr_array(frame[["a", "b"]].fillna(0.0).to_numpy()),
    "pandas": lambda frame, path: frame,
    "polars": lambda frame, path: pl.DataFrame(frame.to_dict("list")),
    "memory map": lambda frame, path: [np.save(path, frame[["a", "b"]]), np.load(path, mmap_mode="r")][1],
}


@quiet
@pytest.mark.parametrize("table", TABLES)
def test_the_outputs_of_an_evaluated_epoch_are_not_computed_again_for_its_scorer(table, tmp_path, monkeypatch):
    frame = pd.DataFrame({"a": [np.nan, *range(1, len(X))], "b": X[:, 0], "c": np.where(X[:, 1] > 0.0, "x", "y")})
    rows, computed, scored = TABLES[table](frame, tmp_path / "X.npy"), [], []
    read = fitted_module.model_and_checked_table

    def scorer(net, table, y):
        scored.append(len(table) if hasattr(table, "columns") else table.shape[0])
        net.predict(table)
        return -float(np.mean((net.predict(table) - y) ** 2))

    monkeypatch.setattr(fitted_module, "model_and_checked_table", lambda *args: [computed.append(1), read(*args)][1])
    net = SigmoidMLPRegressor(**STOPPING | {"scoring": scorer, "max_iter": 3, "early_stopping": True})
    net.fit(rows, NUMBER)
    assert len(scored) == 3
    assert not computed


@quiet
def test_a_scorer_that_changes_its_polars_table_gets_other_outputs():
    seen = []

    def scorer(net, table, y):
        before = net.predict(table)
        table[0, "a"] = 100.0
        seen.append(np.flatnonzero(net.predict(table) != before).tolist())
        return 0.0

    net = SigmoidMLPRegressor(**STOPPING | {"scoring": scorer, "max_iter": 1, "early_stopping": True})
    net.fit(pl.DataFrame(X, schema=[*"abcdefgh"][: X.shape[1]]), NUMBER)
    assert 0 in seen[0]


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
@pytest.mark.parametrize("exponent", [-700, 700])
def test_scores_do_not_depend_on_the_unit_of_the_targets(exponent, loss):
    """Squares of such targets vanish or overflow."""
    X = np.random.default_rng(0).normal(size=(60, 2))
    parameters = dict(hidden_layer_sizes=3, max_iter=3, early_stopping=False, random_state=0, loss=loss)
    net = SigmoidMLPRegressor(**parameters, quantile=[0.1, 0.9] if loss == "quantile" else "auto")
    score = net.fit(X, X[:, 0]).score(X, X[:, 0])
    y = np.ldexp(X[:, 0], exponent)
    assert net.fit(X, y).score(X, y) == pytest.approx(score, rel=1e-6)
