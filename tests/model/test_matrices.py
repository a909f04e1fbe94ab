"""A table is encoded once: some of its rows, or its inputs without bins, are what they would be by themselves."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._estimators.auto import Facts
from sknet._estimators.resolve import resolve, target_settings
from sknet._model import matrices
from sknet._model.heads import learn_label_head, learn_regression_head
from sknet._model.matrices import encode_rows, learn_encoding, make_samples
from sknet._tables.compact import CompactRows
from sknet._tables.rows import Rows
from sknet._tables.survey import ColumnSummary

rng = np.random.default_rng(0)
N, F64 = 1200, np.dtype(float)
X = rng.normal(size=(N, 3))
X[::7, 1] = np.nan
CITY = rng.permutation(np.arange(N) % 240)  # five rows each: none is rare
NUMBER = X[:, 0] + CITY % 2 + 0.1 * rng.normal(size=N)
CITIES = pd.DataFrame({"a": X[:, 0], "city": CITY.astype(str), "b": X[:, 1]})
SOME = np.array([5, 0, 77, 318, 40, 5])


def mapped(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


TABLES = {"dense": lambda _: X, "look-ups": lambda _: CITIES, "memory map": mapped}


def encoded(table, numeric_encoding="piecewise_linear", weight=None, **parameters):
    """The table's encoding, and its rows encoded."""
    net = SigmoidMLPRegressor(
        numeric_encoding=numeric_encoding, n_members=1, dtype="float64", max_categories=None, **parameters
    )
    head, values = learn_regression_head(NUMBER, target_settings(net))
    settings, _ = resolve(net, Facts(N, True, columns=ColumnSummary(2)))
    rows = Rows(table, values, weight, memory_mapped=isinstance(table, np.memmap))
    encoding = learn_encoding(settings, head, rows, F64)
    return encoding, encode_rows(encoding, rows, cross_fit=False), rows


def dense(inputs, batch, n_inputs):
    """A batch of the network's inputs, whatever form they have, as one array; without the column of ones."""
    Z = inputs(batch)
    if inputs.batch_format == "mixed":
        whole = np.zeros((len(Z.dense), n_inputs))
        whole[:, n_inputs - Z.one_hot.shape[1] :] = Z.one_hot.toarray()
        whole[:, Z.dense_inputs] += Z.dense
        return whole
    Z = Z.toarray() if sp.issparse(Z) else np.array(Z)
    return Z[:, :-1] if inputs.batch_format == "ones" else Z


@pytest.mark.parametrize("as_compact_rows", [False, True])
@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("without_bins", [False, True])
def test_rows_chosen_by_number_are_those_encoded_alone(kind, without_bins, as_compact_rows, tmp_path, monkeypatch):
    table = TABLES[kind](tmp_path)
    with monkeypatch.context() as lower_limit:
        if as_compact_rows:
            lower_limit.setattr(matrices, "MIN_COMPACT_BYTES", 0)
        encoding, all_rows, _ = encoded(table)
    alone = table.iloc[SOME] if kind == "look-ups" else np.asarray(table)[SOME]
    expected = encode_rows(encoding, Rows(alone, all_rows.y[SOME]), cross_fit=False)
    taken = all_rows.take(np.arange(N)[::-1]).take(N - 1 - SOME)  # some of some of the rows
    assert (taken.table.inputs.batch_format == "mixed") == (kind == "look-ups")
    n_skipped = encoding.encoder.n_bins if without_bins else 0
    n_inputs = encoding.encoder.n_inputs - n_skipped
    Z, Z_alone = (rows.table.inputs.without_first(n_skipped) for rows in (taken, expected))
    for batch in (slice(0, 4), slice(4, 6), np.array([3, 1])):
        assert dense(Z, batch, n_inputs).shape == (len(np.arange(6)[batch]), n_inputs)
        assert_array_equal(dense(Z, batch, n_inputs), dense(Z_alone, batch, n_inputs))
    assert_array_equal(taken.y, all_rows.y[SOME])


@pytest.mark.parametrize("kind", TABLES)
def test_without_bins_is_a_raw_encoding(kind, tmp_path):
    table = TABLES[kind](tmp_path)
    encoding, with_bins, _ = encoded(table)
    encoding_of_raw, raw, _ = encoded(table, "raw")
    n_bins, n_raw, rows = encoding.encoder.n_bins, encoding_of_raw.encoder.n_inputs, slice(0, N)
    expected = dense(raw.table.inputs, rows, n_raw)
    assert n_bins and encoding.encoder.n_inputs == n_bins + n_raw
    assert_array_equal(dense(with_bins.table.inputs.without_first(n_bins), rows, n_raw), expected)
    assert_array_equal(dense(with_bins.table.inputs, rows, n_bins + n_raw)[:, n_bins:], expected)


def test_weights_are_divided_by_their_mean_and_next_to_none_is_an_error():
    weight = np.where(np.arange(N) < 10, 1e-320, 1.0 + np.arange(N) % 3)
    encoding, rows, _ = encoded(X, weight=weight)
    samples = make_samples(encoding, rows.take(np.arange(20, 23)), 3)
    assert_allclose(samples.weight, weight[20:23] / weight[20:23].mean())
    assert samples.total_weight == weight[20:23].sum() and len(samples) == 3
    plain = make_samples(encoding, replace(rows, weight=None), 3)
    assert plain.weight is None and plain.total_weight == N
    with pytest.raises(ValueError, match="weight"):
        rows.take(np.arange(10))


def test_no_rows_target_is_in_its_own_cross_fitted_encoding():
    """A row's own label in the mean of its level would tell more of the label than the level does."""
    labels = np.random.default_rng(1).integers(0, 2, N) | (CITY % 4 == 0)
    net = SigmoidMLPClassifier(category_encoding="target", n_members=1, dtype="float64")
    head, codes = learn_label_head(labels, target_settings(net))
    settings, _ = resolve(net, Facts(N, "folds"))
    rows = Rows(CITIES[["city"]], codes)
    encoding = learn_encoding(settings, head, rows, F64)
    own, crossed = (
        dense(encode_rows(encoding, rows, cross_fit=cross_fit).table.inputs, slice(0, N), 1)[:, 0]
        for cross_fit in (False, True)
    )
    assert np.corrcoef(own, labels)[0, 1] > 0.1 + np.corrcoef(crossed, labels)[0, 1] > 0.2


def test_dates_with_default_bins_are_kept_as_compact_rows(monkeypatch):
    monkeypatch.setattr(matrices, "MIN_COMPACT_BYTES", 0)
    dates = pd.DataFrame({name: pd.Timestamp(2020, 1, 1) + pd.to_timedelta(X[:, 0], unit="D") for name in "ab"})
    encoding, _, _ = encoded(dates)
    assert matrices.is_compact(encoding.encoder, dates, np.dtype(np.float32))


@pytest.mark.parametrize("kind", ["dense", "look-ups"])
@pytest.mark.parametrize("parameters", [{"early_stopping": "folds"}, {"early_stopping": True, "n_members": 2}])
def test_a_fit_from_compact_rows_has_the_same_weights(kind, parameters, monkeypatch):
    table, weight = X if kind == "dense" else CITIES.assign(city="c" + CITIES["city"]), 1.0 + np.arange(N) % 2
    net = SigmoidMLPRegressor(8, max_iter=2, dtype="float32", max_categories=None, random_state=0, **parameters)
    net.set_params(numeric_encoding="auto" if "n_members" in parameters else "piecewise_linear")
    whole = clone(net).fit(table, NUMBER, sample_weight=weight)
    monkeypatch.setattr(matrices, "MIN_COMPACT_BYTES", 0)
    written = []
    monkeypatch.setattr(CompactRows, "write", spied(CompactRows.write, written))
    compact = clone(net).fit(table, NUMBER, sample_weight=weight)
    for coef, expected in zip(compact.coefs_, whole.coefs_, strict=True):
        assert_array_equal(coef, expected)
    assert written and len(whole.coefs_[0]) > 3


def spied(function, calls):
    def call(*arguments, **keywords):
        calls.append(arguments)
        return function(*arguments, **keywords)

    return call


def test_rows_of_short_integers_are_encoded_batch_by_batch(monkeypatch):
    """Even compact rows would take nine times the table; the fit has the same weights."""
    table = rng.integers(0, 200, (N, 4), dtype=np.uint8)
    net = SigmoidMLPRegressor(8, max_iter=2, dtype="float32", numeric_encoding="piecewise_linear", random_state=0)
    whole = clone(net).fit(table, NUMBER)
    monkeypatch.setattr(matrices, "MIN_COMPACT_BYTES", 0)
    for kind in (np.asarray, pd.DataFrame):
        assert (
            matrices.array_if_smaller_than_encoded(whole._fitted.model.encoder, kind(table), np.dtype(np.float32))
            is not None
        )
        assert_array_equal(clone(net).fit(kind(table), NUMBER).coefs_[0], whole.coefs_[0])


def test_booleans_are_bytes():
    table = rng.random((N, 4)) < 0.3
    net = SigmoidMLPRegressor(8, max_iter=2, random_state=0)
    assert_array_equal(clone(net).fit(table, NUMBER).coefs_[0], net.fit(table.astype(float), NUMBER).coefs_[0])
    assert_array_equal(net.predict(table), net.predict(table.astype(float)))
