"""A fit on shards equals one in memory: the same encoders, the same steps, the same held-out rows."""

from functools import cache

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.dask.local_workers import calls_of, cut, distance, of_parts, parted
from tests.dask.mixed_table import LABELS, WEIGHT, N, X, y
from tests.estimators.inside import model_of
from tests.tables.limits import lookup_inputs, sample_rows

FIT = dict(n_members=1, hidden_layer_sizes=8, max_iter=20, batch_size=200, dtype="float64", dropout=0.0, random_state=0)


BINS = dict(numeric_encoding="piecewise_linear")
FITS = {
    "adam": (WEIGHT, dict(solver="adam")),
    "adam, bins": (None, dict(solver="adam", early_stopping=False, **BINS)),
    "adam, quantiles and means": (
        WEIGHT, dict(solver="adam", input_scaling="quantile", category_encoding="both", max_categories=10),
    ),
    "lbfgs, held out": (None, dict(solver="lbfgs", input_scaling="standard")),
    "monotone": (None, dict(solver="adam", monotonic_cst={"number": 1, "gaps": -1}, **BINS)),
    "sets": (None, dict(solver="adam", interaction_cst="no_interactions", **BINS)),
    "lbfgs, bins": (WEIGHT, dict(solver="lbfgs", early_stopping=False, **BINS)),
}  # fmt: skip


@cache
def fitted_in_memory(name):
    weight, parameters = FITS[name]
    return SigmoidMLPRegressor(**FIT | parameters).fit(X, y, weight)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_parts", [1, 2, 7])
@pytest.mark.parametrize("name", FITS)
def test_twenty_epochs_equal_those_in_memory(n_parts, name):
    one, (weight, parameters) = fitted_in_memory(name), FITS[name]
    many = SigmoidMLPRegressor(**FIT | parameters).fit(parted(X, n_parts), y, weight)
    assert one.n_iter_ == many.n_iter_
    assert one.resolved_params_ == many.resolved_params_
    assert distance(one, many) < 1e-8
    encoded = [model_of(net).encoder.encode(X, float) for net in (one, many)]
    assert_allclose(*encoded, rtol=1e-12)  # means of the target are added up part by part


@lookup_inputs(150)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(("n_parts", "encoding"), [(1, "one_hot"), (2, "both"), (7, "one_hot")])
def test_categories_are_looked_up_on_shards(n_parts, encoding, solver):
    rng = np.random.default_rng(1)
    wide = X.assign(**{f"c{i}": [f"l{k}" for k in rng.permutation(np.arange(N) % 90)] for i in range(2)})
    parameters = FIT | dict(solver=solver, category_encoding=encoding, max_iter=5)
    one = SigmoidMLPRegressor(**parameters).fit(wide, y, WEIGHT)
    parts = parted(wide, n_parts)
    many = SigmoidMLPRegressor(**parameters).fit(parts, y, WEIGHT)
    assert model_of(many).encoder.lookups is not None
    assert distance(one, many) < 1e-8
    assert_allclose(many.feature_importances_, one.feature_importances_, rtol=1e-6)


NUMBERS = X[["number", "gaps", "zeros"]].to_numpy()
GAPS = np.column_stack([y, -y])
GAPS[::3, 0], GAPS[1::3, 1] = np.nan, np.nan
OTHER_FITS = {
    "dates as text": (SigmoidMLPRegressor, X.assign(date=X["date"].dt.strftime("%Y-%m-%dT%H:%M")), y, {}, 1e-8),
    "single precision": (SigmoidMLPClassifier, X, LABELS, dict(dtype="float32", early_stopping=False), 1e-4),
    "rows in order": (SigmoidMLPRegressor, X, y, dict(max_iter=2, shuffle=False, early_stopping=False), 1e-10),
    "an array": (SigmoidMLPRegressor, NUMBERS, y, dict(max_iter=3), 1e-10),
    "missing targets": (SigmoidMLPRegressor, X, GAPS, {}, 1e-8),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("fit", OTHER_FITS)
def test_other_fits_equal_those_in_memory(fit):
    kind, table, target, parameters, most = OTHER_FITS[fit]
    one, many = (kind(**FIT | parameters).fit(rows, target) for rows in (table, parted(table, 7)))
    assert distance(one, many) < most


def test_classes_weights_and_scorers_are_used_as_in_memory():
    parameters = FIT | dict(
        max_iter=5, early_stopping=True, class_weight="balanced", scoring="accuracy", label_smoothing=0.05
    )
    one = SigmoidMLPClassifier(**parameters).fit(X, LABELS)
    many = SigmoidMLPClassifier(**parameters).fit(parted(X), LABELS)
    assert_array_equal(one.classes_, many.classes_)
    assert one.validation_scores_ == many.validation_scores_
    assert distance(one, many) < 1e-10
    assert_allclose(one.predict_proba(X), many.predict_proba(X), rtol=1e-9)


def test_groups_a_validation_set_and_intervals():
    groups = np.arange(N) // 10
    one = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(X, y, groups=groups)
    many = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(parted(X), y, groups=groups)
    assert distance(one, many) < 1e-10
    assert_allclose(one.predict_interval(X), many.predict_interval(X), rtol=1e-9)
    one = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(X[:500], y[:500], X_val=X[500:], y_val=y[500:])
    whole = parted(X)
    many = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(
        whole[np.arange(500)], y[:500], X_val=whole[np.arange(500, N)], y_val=y[500:]
    )
    assert distance(one, many) < 1e-10


def test_dropout_is_drawn_once_for_each_step():
    parameters = FIT | dict(max_iter=3, dropout=0.2)
    one, other = (SigmoidMLPRegressor(**parameters).fit(parted(X), y) for _ in range(2))
    assert distance(one, other) == 0.0
    plain = SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(parted(X), y)
    assert distance(one, plain) > 0.0


def test_infinity_is_refused_before_it_is_sent():
    with pytest.raises(ValueError, match="X contains infinity"):
        SigmoidMLPRegressor(**FIT).fit(parted(np.where(NUMBERS > 1.0, np.inf, NUMBERS)), y)


def test_a_warm_start_checks_the_table_and_goes_on():
    net = SigmoidMLPRegressor(**FIT | dict(max_iter=2, warm_start=True)).fit(parted(X), y)
    n_seen = net.t_
    assert net.fit(parted(X), y).t_ == 2 * n_seen
    with pytest.raises(ValueError, match="feature names"):
        net.fit(parted(X.rename(columns={"number": "other"})), y)


def test_a_batch_is_larger_by_default():
    column = np.random.default_rng(1).normal(size=(9000, 1))
    fits = [SigmoidMLPRegressor(max_iter=1, random_state=0, early_stopping=False) for _ in range(2)]
    sizes = [
        fit.fit(table, column[:, 0]).resolved_params_["batch_size"]
        for fit, table in zip(fits, (column, parted(column)), strict=True)
    ]
    assert sizes == [256, 281]


def test_the_table_is_given_up_before_the_first_step():
    table = parted(X)
    SigmoidMLPRegressor(**FIT | dict(max_iter=1)).fit(table, y)
    assert "futures" not in vars(table.partitions)
    assert calls_of(table).count("compute") == 1


def test_a_table_that_was_given_up_is_computed_again_where_it_is_needed():
    table = parted(X)
    one, again = (SigmoidMLPRegressor(**FIT | dict(max_iter=1)).fit(table, y) for _ in range(2))
    assert distance(one, again) == 0.0
    assert calls_of(table).count("compute") == 2


def test_partitions_may_be_empty():
    table = of_parts([X.iloc[:0], *cut(X, 4), X.iloc[:0]])
    one, many = (SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(rows, y) for rows in (X, table))
    assert distance(one, many) < 1e-10


def test_partitions_may_have_different_categories():
    first, other = X["text"].iloc[:250].astype("category"), X["text"].iloc[250:].astype("category")
    parts = [X.iloc[:250].assign(text=first.cat.remove_categories("z")), X.iloc[250:].assign(text=other)]
    whole = X.assign(text=X["text"].mask((X["text"] == "z") & (np.arange(N) < 250)).astype("category"))
    one, many = (SigmoidMLPRegressor(**FIT | dict(max_iter=3)).fit(rows, y) for rows in (whole, of_parts(parts)))
    assert model_of(one).encoder == model_of(many).encoder
    assert distance(one, many) < 1e-10


@pytest.mark.parametrize("encoding", ["one_hot", "target", "both"])
@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_a_large_table_is_encoded_from_the_same_sample_as_in_memory(n_parts, encoding):
    """Above 200,000 rows encoders are learnt from a sample, and target means are added up on the workers."""
    parameters = FIT | dict(max_iter=3, category_encoding=encoding, max_categories=10, input_scaling="quantile")
    table = parted(X, n_parts)
    with sample_rows(500):
        local, remote = (SigmoidMLPRegressor(**parameters).fit(rows, y, WEIGHT) for rows in (X, table))
    assert list(local.network_feature_names_) == list(remote.network_feature_names_)
    assert ("target_statistics" in calls_of(table)) == (encoding != "one_hot")
    assert distance(local, remote) < 1e-8
    assert_allclose(remote.predict(X), local.predict(X), rtol=1e-9, atol=1e-10)
