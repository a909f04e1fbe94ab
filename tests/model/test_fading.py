"""Which inputs share a gain, and how strongly gains are pulled down: made tables, and the opposite."""

from math import log

import numpy as np
import pandas as pd
import pytest

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model.encoding import Encoding
from sknet._model.fading import gain_groups, n_independent_columns, pull_on_inputs
from sknet._model.rows import Sample
from tests.model.examples import learn_encoding

RNG = np.random.default_rng(0)
LEVELS = 4
MIXED = pd.DataFrame({
    "number": RNG.normal(size=200),
    "gap": np.where(RNG.random(200) < 0.2, np.nan, RNG.normal(size=200)),
    "level": RNG.choice(list("uvwx"), 200),
})  # fmt: skip


@pytest.fixture(scope="module")
def encoder():
    """The encoder of a number, a number with missing values, and a category; with bins."""
    return learn_encoding(MIXED, numeric_encoding="piecewise_linear", n_bins=3).encoder


def n_columns_of(X):
    sample = Sample(X, np.zeros(len(X)), None)
    return n_independent_columns(learn_encoding(X, numeric_encoding="piecewise_linear").encoder, sample, seed=0)


NOISE = RNG.normal(size=(500, 40))


def test_columns_of_noise_are_independent():
    assert n_columns_of(NOISE) == pytest.approx(40, rel=0.02)


def test_more_columns_of_noise_than_rows_are_independent():
    assert n_columns_of(RNG.normal(size=(200, 400))) == pytest.approx(400, rel=0.05)


def test_equal_columns_count_as_one():
    assert n_columns_of(np.repeat(NOISE[:, :1], 30, axis=1)) == pytest.approx(1.0, rel=0.01)


def test_correlated_columns_count_as_the_directions_in_which_they_vary():
    X = NOISE[:, :1] + NOISE / 2  # with a correlation of 1 / (1 + 1/4)
    assert n_columns_of(X) == pytest.approx(40 / (1 + 39 * 0.8**2), rel=0.15)


def test_a_category_and_a_column_with_a_single_value_count_as_the_docs_say():
    X = pd.DataFrame(NOISE[:, :2]).assign(level=np.where(NOISE[:, 2] > 0, "a", "b"), constant=1.0)
    X.columns = X.columns.astype(str)
    assert n_columns_of(X) == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_correlated_columns_that_are_informative_together_are_kept(seed):
    """With a pull for a hundred independent columns, the networks learnt nothing: the error was above .9."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1_300, 1)) + 0.3 * rng.normal(size=(1_300, 100))
    y = X[:, :50].mean(axis=1) - X[:, 50:].mean(axis=1)
    y /= y.std()
    net = SigmoidMLPRegressor(random_state=seed).fit(X[:300], y[:300])
    assert np.sqrt(np.mean((net.predict(X[300:]) - y[300:]) ** 2)) < 0.6


def kinds_of(encoder):
    return np.array([description.kind for _, description in encoder.input_descriptions])


def pull_on_network(encoder, n_skipped_inputs, strength_per_row):
    groups = gain_groups(encoder, n_skipped_inputs)
    encoding = Encoding(encoder, head=None, compute_dtype=np.dtype(float), output_dtype=np.dtype(float))
    return pull_on_inputs(encoding, groups, n_skipped_inputs, strength_per_row)


def test_one_hot_inputs_of_a_column_share_a_gain_and_no_others_do(encoder):
    groups, kinds = gain_groups(encoder, 0), kinds_of(encoder)
    assert len(np.unique(groups[kinds == "level"])) == 1
    assert len(np.unique(groups)) == len(groups) - (LEVELS - 1)


def test_numbers_need_no_groups():
    assert gain_groups(learn_encoding(MIXED[["number"]], numeric_encoding="piecewise_linear").encoder, 0) is None


def test_a_network_that_skips_bins_has_the_groups_and_pulls_of_the_other_inputs(encoder):
    groups, skipped = gain_groups(encoder, 0), encoder.n_bins
    assert len(gain_groups(encoder, skipped)) == len(groups) - skipped
    same_pull = pull_on_network(encoder, 0, 0.02)[skipped:]
    np.testing.assert_array_equal(pull_on_network(encoder, skipped, 0.02), same_pull)


def test_the_pull_grows_with_the_columns_and_is_shared_by_one_hot_inputs(encoder):
    pull, kinds = pull_on_network(encoder, 0, 1.5 / 50), kinds_of(encoder)
    np.testing.assert_allclose(pull[kinds == "number"], 1.5 * log(3) / 50)
    np.testing.assert_array_equal(pull[kinds == "bin"], 0.0)
    np.testing.assert_allclose(pull[kinds == "level"].sum(), 1.5 * log(3) / 50)


def test_a_single_column_never_fades():
    assert not pull_on_network(
        learn_encoding(MIXED[["number"]], numeric_encoding="piecewise_linear").encoder, 0, 0.1
    ).any()


# --- made tables ------------------------------------------------------------------------------------------------------


def first_layer(net):
    """The root mean square of each input's weights."""
    return np.sqrt((net.coefs_[0] ** 2).mean(axis=1))


@pytest.mark.parametrize("seed", range(3))
def test_noise_fades_and_informative_columns_stay(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(1000, 60))
    y = X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * rng.normal(size=1000)
    size = first_layer(SigmoidMLPRegressor(random_state=seed, numeric_encoding="raw").fit(X, y))
    assert size[:2].min() > 10 * np.median(size[2:])
    without = first_layer(SigmoidMLPRegressor(random_state=seed, numeric_encoding="raw", input_gains=False).fit(X, y))
    assert without[:2].min() < 10 * np.median(without[2:])


@pytest.mark.parametrize("seed", range(3))
def test_a_category_of_noise_fades_beside_one_that_is_informative(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(8, size=(800, 12))
    table = pd.DataFrame({f"c{j}": pd.Categorical(codes[:, j]) for j in range(12)})
    y = codes[:, 0] % 3 + 0.5 * rng.normal(size=800)
    net = SigmoidMLPRegressor(random_state=seed).fit(table, y)
    size = pd.Series(first_layer(net)).groupby(net.inputs_["column"].to_numpy()).mean()
    assert size["c0"] > 5 * size.drop("c0").median()


@pytest.mark.parametrize(
    ("seed", "n_columns", "accuracy"), [(0, 30, 0.93), (1, 30, 0.93), (2, 30, 0.93), (0, 100, 0.85)]
)
def test_columns_that_are_informative_only_together_are_kept(seed, n_columns, accuracy):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5000, n_columns))
    y = X[:, 0] * X[:, 1] > 0
    assert SigmoidMLPClassifier(random_state=seed).fit(X[:2000], y[:2000]).score(X[2000:], y[2000:]) > accuracy


@pytest.mark.parametrize("seed", range(3))
def test_categories_that_are_informative_only_together_are_kept(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(4, size=(6000, 12))
    table = pd.DataFrame({f"c{j}": pd.Categorical(codes[:, j]) for j in range(12)})
    y = (codes[:, 0] + codes[:, 1]) % 2
    assert SigmoidMLPClassifier(random_state=seed).fit(table[:2000], y[:2000]).score(table[2000:], y[2000:]) > 0.95


@pytest.mark.parametrize("seed", [7, 8])
def test_a_weak_pair_of_columns_is_kept_beside_a_strong_one(seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1.0, 1.0, size=(8000, 32))
    strong, weak = X[:, 1] * np.sin(4.0 * X[:, 0]), X[:, 3] * np.sin(4.0 * X[:, 2])
    signal = strong / strong.std() + 0.13 * weak / weak.std()
    y = signal + 0.18 * rng.normal(size=8000)
    model = SigmoidMLPRegressor(n_members=1, random_state=seed).fit(X[:6000], y[:6000])
    assert np.sqrt(np.mean((model.predict(X[6000:]) - signal[6000:]) ** 2)) < 0.2


def test_the_unit_of_a_column_and_the_order_of_columns_do_not_decide_which_inputs_fade():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 20))
    y = X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=600)
    order = rng.permutation(20)
    nets = [SigmoidMLPRegressor(random_state=0, numeric_encoding="raw").fit(table, y) for table in (X, 1e3 * X + 5)]
    np.testing.assert_allclose(*map(first_layer, nets), rtol=0.05, atol=1e-3)
    size = first_layer(SigmoidMLPRegressor(random_state=0, numeric_encoding="raw").fit(X[:, order], y))
    assert {*order[np.argsort(size)[-2:]]} == {0, 1}
