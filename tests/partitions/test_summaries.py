"""Parts of a table give the encoder of the whole: every kind of column, weighted, and wherever the cuts are."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from sknet._model.settings import TableSettings
from sknet._partitions.summaries import FirstLook, Part, fold_of, learn_encoder, mixed
from sknet._tables import encoding
from sknet._tables.columns import distribution
from sknet._tables.kinds import count_kinds
from tests.partitions.parts import asking, cut

N = 400
CUTS = [[], [1], [130, 130, 250]]


def frame(seed=0):
    rng = np.random.default_rng(seed)
    days = pd.date_range("2024-01-01", periods=N, freq="7h")
    table = pd.DataFrame(
        {
            "smooth": rng.normal(5, 2, N),
            "single": rng.normal(size=N).astype(np.float32),
            "count": rng.poisson(2, N),
            "zeros": np.where(rng.random(N) < 0.8, 0.0, rng.normal(size=N)),
            "city": pd.Series(rng.choice(["a", "b", "c", "d"], N), dtype=object),
            "user": [f"u{i}" for i in range(N)],
            "plan": pd.Categorical(rng.choice(["x", "y"], N), categories=["z", "y", "x"]),
            "many": pd.Series(rng.integers(0, 60, N).astype(str), dtype="str"),
            "flag": rng.random(N) < 0.5,
            "day": days,
            "zoned": days.tz_localize("Europe/Paris"),
            "span": pd.to_timedelta(rng.integers(0, 10**6, N), unit="s"),
            "empty": np.nan,
        }
    )
    table.loc[[3, 200], ["smooth", "city", "day"]] = None
    return table


def settings(**others):
    return TableSettings("from_dtype", **{"input_scaling": "robust", "numeric_encoding": "piecewise_linear"} | others)


def learn_in_parts(how, parts):
    ask = asking(pickle.loads(pickle.dumps(parts)))
    return learn_encoder(ask, ask(FirstLook(how.categorical_features)), how)


def assert_same_inputs(found, expected):
    assert found.feature_names == expected.feature_names
    for (name, one), (_, other) in zip(found.inputs, expected.inputs, strict=True):
        assert one.kind == other.kind, name
        if isinstance(other.level, dict):
            assert list(one.level) == list(other.level)
            np.testing.assert_allclose(list(one.level.values()), list(other.level.values()), rtol=1e-11, atol=1e-12)
        else:
            assert one.level == other.level
        np.testing.assert_array_equal(one.edge, other.edge)
        np.testing.assert_allclose([one.centre, one.scale], [other.centre, other.scale], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("scaling", ["robust", "standard", "quantile", None])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_encoder_is_that_of_the_whole_table(cuts, scaling, weighted, monkeypatch):
    monkeypatch.setattr(distribution, "LISTED", 50)
    X, how = frame(), settings(input_scaling=scaling, max_categories=20)
    weight = np.random.default_rng(1).integers(1, 4, N) * 0.5 if weighted else None
    expected = encoding.learn_encoder(X, **vars(how), weight=weight)
    assert_same_inputs(learn_in_parts(how, cut(X, cuts, weight)), expected)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("encoding_", ["target", "both"])
def test_levels_are_encoded_by_the_target_of_the_whole_table(cuts, encoding_):
    X, how = frame(), settings(category_encoding=encoding_, max_categories=20)
    rng = np.random.default_rng(2)
    target, weight, fold = rng.normal(size=(N, 2)), rng.integers(1, 4, N) * 1.0, fold_of(np.arange(N))
    expected = encoding.learn_encoder(X, **vars(how), weight=weight, target=target, fold=fold)
    found = learn_in_parts(how, cut(X, cuts, weight, target, fold))
    assert_same_inputs(found, expected)
    for one, other in zip(found.columns, expected.columns, strict=True):
        if hasattr(other, "means"):
            np.testing.assert_allclose(one.means, other.means, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("chosen", ["from_dtype", [1]])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_arrays_in_parts(cuts, chosen, dtype):
    X = np.random.default_rng(0).integers(0, 9, size=(N, 3)).astype(dtype)
    how = TableSettings(chosen, "robust", numeric_encoding="piecewise_linear", n_bins=4)
    found = learn_in_parts(how, cut(X, cuts))
    assert found == encoding.learn_encoder(X, **vars(how))


def test_polars_frames_in_parts():
    X = pl.DataFrame({"a": np.arange(10.0), "c": ["x", "y"] * 5})
    how = settings(n_bins=3)
    found = learn_in_parts(how, [Part(X[:4]), Part(X[4:])])
    assert found == encoding.learn_encoder(X, **vars(how))


def test_a_column_may_be_empty_in_one_part_and_hold_anything_in_another():
    X = pd.DataFrame({"city": pd.Series([None] * 5 + ["a", "b"] * 5, dtype=object)})
    X["day"] = pd.Series([None] * 5 + list(pd.date_range("2024", periods=10, freq="D")), dtype=object)
    X["number"] = pd.Series([None] * 5 + [1.5, 2.5] * 5, dtype=object)
    how = settings()
    for cuts in ([5], [2, 4, 9]):
        assert learn_in_parts(how, cut(X, cuts)) == encoding.learn_encoder(X, **vars(how))


@pytest.mark.parametrize(
    "one, other, message",
    [
        ([1.5], ["a"], "'c'.*numbers in one part.*categories in another"),
        (pd.to_datetime(["2024"]), pd.to_datetime(["2024"]).tz_localize("UTC"), "'c'.*dates in UTC in another"),
        (pd.to_datetime(["2024"]), pd.to_timedelta([1], unit="s"), "'c'.*spans of time in another"),
    ],
)
def test_a_column_of_two_types_is_named(one, other, message):
    with pytest.raises(TypeError, match=message):
        learn_in_parts(settings(), [Part(pd.DataFrame({"c": one})), Part(pd.DataFrame({"c": other}))])


def test_other_columns_are_named():
    with pytest.raises(ValueError, match=r"\['a'\] in one, \['b'\] in another"):
        learn_in_parts(settings(), [Part(pd.DataFrame({"a": [1]})), Part(pd.DataFrame({"b": [1]}))])
    with pytest.raises(ValueError, match="2 in one, 3 in another"):
        learn_in_parts(settings(), [Part(np.ones((1, 2))), Part(np.ones((1, 3)))])


def test_what_cannot_be_read_is_named():
    with pytest.raises(TypeError, match="sparse"):
        learn_in_parts(settings(), [Part(sparse.csr_array(np.eye(2)))])
    with pytest.raises(ValueError, match="'x1' of X contains infinity"):
        learn_in_parts(settings(), [Part(np.ones((1, 2))), Part(np.array([[1.0, np.inf]]))])


@pytest.mark.parametrize("most", [3, 100])
def test_kinds_are_counted(most):
    X = frame()
    summary = asking(cut(X, [100]))(FirstLook("from_dtype"))
    assert summary.count_kinds(most) == count_kinds(X, "from_dtype", most)


def test_rows_are_dealt_out_evenly_and_alike_in_any_part():
    fold = fold_of(np.arange(10_000))
    assert np.bincount(fold).min() > 1900 and (fold_of(np.arange(5000, 5010)) == fold[5000:5010]).all()
    assert len(np.unique(mixed(np.arange(1000)))) == 1000 and (mixed(np.arange(5)) != mixed(np.arange(5), 1)).all()


def test_a_table_of_categories_alone():
    X, how = frame()[["city", "plan"]], settings(max_categories=20)
    assert_same_inputs(learn_in_parts(how, cut(X, [130])), encoding.learn_encoder(X, **vars(how)))
