"""Columns are learnt from a sample of rows, which is the same in memory, in files and on workers."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor, stream
from sknet._tables.sampling import hash_integers, sample_rows
from tests.dask.local_workers import parted
from tests.estimators.inside import model_of, seeds_of
from tests.tables import limits
from tests.tables.examples import encoder_of

N, SAMPLE = 600, 150
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"]).assign(
    city=[f"c{k}" for k in RNG.integers(0, 40, N)], sex=pd.Categorical(RNG.choice(["f", "m"], N), ["f", "m", "x"])
)
y = X[:, 0] + 2.0 * (FRAME["city"].str[1:].astype(int).to_numpy() % 2) + RNG.normal(size=N)


@pytest.fixture(autouse=True)
def small_sample():
    with limits.sample_rows(SAMPLE):
        yield


def net(**parameters):
    fixed = {"max_iter": 2, "early_stopping": False, "random_state": 3, "input_scaling": "quantile"}
    return SigmoidMLPRegressor(**fixed | {"max_categories": 5, "category_encoding": "both"} | parameters)


def test_a_sample_is_drawn_by_number_and_seed_without_replacement():
    rows = sample_rows(N, 0)
    assert len(rows) == SAMPLE
    assert (np.diff(rows) > 0).all()
    assert (rows != sample_rows(N, 1)).any()
    assert (sample_rows(SAMPLE, 0) == np.arange(SAMPLE)).all()
    counts = sum(np.bincount(sample_rows(N, seed), minlength=N) for seed in range(400))
    assert abs(counts - 400 * SAMPLE / N).max() < 5 * np.sqrt(400 * SAMPLE / N)


def test_integers_are_hashed_to_the_published_sequence_of_splitmix64():
    expected = np.array([0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F], np.uint64)
    np.testing.assert_array_equal(hash_integers(np.arange(3)), expected)


def test_it_does_not_matter_in_which_blocks_a_sample_is_drawn():
    expected = sample_rows(N, 5)
    with limits.sample_rows(SAMPLE, drawn_at_once=33):
        np.testing.assert_array_equal(sample_rows(N, 5), expected)


def test_an_encoder_is_that_of_the_sampled_rows():
    fitted = net(category_encoding="one_hot").fit(FRAME, y)
    rows = sample_rows(N, seeds_of(fitted)[1])
    expected = encoder_of(FRAME.iloc[rows], input_scaling="quantile", max_categories=5)
    assert model_of(fitted).encoder == expected
    assert model_of(fitted).head.regression_target.scaler.mean == pytest.approx(y[rows].mean())


def test_what_is_learnt_is_the_same_in_memory_in_files_and_on_shards(tmp_path):
    table = FRAME.drop(columns="sex")
    chunks = lambda: ((table.iloc[i : i + 77], y[i : i + 77]) for i in range(0, N, 77))  # noqa: E731
    pairs = [(net().fit(table, y), net().fit(parted(table, 4), y))]
    with limits.sample_rows(N):  # rows of a stream have other numbers: another sample of them
        pairs.append((net().fit(table, y), stream.fit(net(), chunks)))
    for in_memory, other in pairs:
        assert list(other.network_feature_names_) == list(in_memory.network_feature_names_)
        ours, theirs = (model_of(fitted).encoder.encode(table, float) for fitted in (in_memory, other))
        np.testing.assert_allclose(theirs, ours, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(other.loss_, in_memory.loss_, rtol=0.1)  # rows that are in the same folds
    np.save(tmp_path / "X.npy", X)
    mapped = net().fit(np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    assert_frame_equal(mapped.inputs_, net().fit(X, y).inputs_)


def test_categories_outside_of_the_sample_are_unknown_unless_their_type_declares_them():
    table = FRAME.assign(city=FRAME["city"].where(np.arange(N) > 0, "rare"))
    seed = next(seed for seed in range(99) if 0 not in sample_rows(N, seed))
    encoder = encoder_of(table.iloc[sample_rows(N, seed)], keeps_all_categories=True)
    assert not encoder.encode(table.iloc[:1], float)[0, 3:-3].any()
    assert encoder.feature_names[-3:] == ["sex_f", "sex_m", "sex_x"]


@pytest.mark.parametrize("encoding", ["target", "both"])
def test_categories_and_target_means_are_those_of_all_rows(encoding):
    table = pd.DataFrame({"city": [f"c{k}" for k in np.random.default_rng(1).integers(0, 200, N)]})
    fitted = net(category_encoding=encoding, input_scaling=None, target_scaling=None).fit(table, y)
    (means,) = fitted.inputs_.query("kind == 'target'")["level"]
    assert means.keys() - {None} == set(table["city"])
    for city in set(table["city"]):  # each mean lies between that of its rows and that of all
        ends = sorted([y[table["city"] == city].mean(), y.mean()])
        assert ends[0] - 1e-9 <= means[city] <= ends[1] + 1e-9


def test_missing_values_outside_of_the_sample_are_imputed():
    table = X.copy()
    outside = int(np.setdiff1d(np.arange(N), sample_rows(N, seeds_of(net().fit(X, y))[1]))[0])
    table[outside, 0] = np.nan
    fitted = net(input_scaling="robust", numeric_encoding="raw").fit(table, y)
    assert list(fitted.network_feature_names_) == ["x0", "x1", "x2"]
    assert np.isfinite(fitted.predict(table)).all()


def test_labels_are_those_of_all_rows():
    labels = np.where(np.arange(N) == 0, "rare", "common")
    labels[1:3] = "other"
    fitted = SigmoidMLPClassifier(max_iter=2, early_stopping=False, random_state=0).fit(X, labels)
    assert fitted.classes_.tolist() == ["common", "other", "rare"]
