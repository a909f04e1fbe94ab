"""Target encoding: means drawn to the common one, and no row that sees its own target."""

import numpy as np
import pandas as pd
import pytest
from sknet._tables.categories import CategoryColumn, IdentifierColumn, TargetColumn, learn_category
from sknet._tables.column import ColumnSettings
from sknet._tables.statistics import N_ENCODING_FOLDS, cross_fit_folds

rng = np.random.default_rng(0)
N = 300
CITY = rng.choice([f"c{i}" for i in range(30)], N).astype(object)
TARGET = rng.normal(size=(N, 1)) + 3 * (CITY == "c3")[:, None]
EFFECT = TARGET + rng.normal(size=30)[[int(city[1:]) for city in CITY]][:, None]


def parts(target):
    return cross_fit_folds(target, np.arange(len(target)), len(target))


def learn(values, target, weight=None, encoding="target", most=100):
    settings = ColumnSettings(weight=weight, category_encoding=encoding, max_categories=most, target=target)
    return learn_category(pd.Series(values, dtype=object), "c", settings)


def write(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(pd.Series(values, dtype=object), out, "c")
    return out


def means_by_hand(city, target):
    """Return each row's mean of its level, drawn to that of all rows by λ = nτ²/(nτ² + σ²)."""
    n = pd.Series(city).map(pd.Series(city).value_counts()).to_numpy()[:, np.newaxis]
    mean = pd.DataFrame(target).groupby(city).transform("mean").to_numpy()
    sizes = pd.Series(city).value_counts()
    size = len(city) - (sizes**2).sum() / len(city)
    within = ((target - mean) ** 2).sum(axis=0) / (len(city) - len(sizes))
    between = (((mean - target.mean(axis=0)) ** 2).sum(axis=0) - (len(sizes) - 1) * within) / size
    return target.mean(axis=0) + n * between / (n * between + within) * (mean - target.mean(axis=0))


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
def test_means_are_drawn_to_that_of_all_rows(kind):
    labels = {
        "continuous": EFFECT,
        "binary": (EFFECT > 0).astype(float),
        "multiclass": np.eye(3)[np.digitize(EFFECT[:, 0], [-1, 1])],
    }
    target = labels[kind]
    column, by_hand = learn(CITY, target), means_by_hand(CITY, target)
    places = [column.levels.index(city) for city in CITY]
    np.testing.assert_allclose(column.means[0, places], by_hand, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(write(column, CITY), (by_hand - target.mean(axis=0)) / target.std(axis=0), atol=1e-9)


def test_missing_values_are_a_level_and_unseen_ones_are_the_mean():
    values = np.where(rng.random(N) < 0.2, None, CITY)
    target = TARGET + 5 * pd.isna(values)[:, None]
    found = write(learn(values, target), [None, "never"])
    assert found[0, 0] > 1 and found[1, 0] == 0
    assert write(learn(CITY, TARGET), [None]).tolist() == [[0]]


def test_means_are_weighted_and_the_unit_of_weights_does_not_matter():
    weight = rng.integers(1, 4, N) * 1.0
    column = learn(CITY, EFFECT, weight)
    assert column.means[0, -1, 0] == pytest.approx(np.average(EFFECT[:, 0], weights=weight))
    np.testing.assert_allclose(write(column, CITY), write(learn(CITY, EFFECT, weight / 1e9), CITY), atol=1e-9)


def test_training_rows_are_encoded_without_their_own_target():
    encoding_fold, column = parts(EFFECT), learn(CITY, EFFECT)
    out = np.zeros((N, 1))
    column.write_cross_fitted(pd.Series(CITY), encoding_fold, out)
    assert (np.bincount(encoding_fold, minlength=N_ENCODING_FOLDS) == N // N_ENCODING_FOLDS).all()
    for f in range(N_ENCODING_FOLDS):
        others = dict(
            zip(
                CITY[encoding_fold != f],
                means_by_hand(CITY[encoding_fold != f], EFFECT[encoding_fold != f])[:, 0],
                strict=True,
            )
        )
        expected = [(others[city] - EFFECT.mean()) / EFFECT.std() for city in CITY[encoding_fold == f]]
        np.testing.assert_allclose(out[encoding_fold == f, 0], expected, atol=1e-9)


def test_pure_noise_is_not_learnt_by_heart():
    identity = rng.permutation(np.repeat([f"user {i}" for i in range(N // 2)], 2))
    assert abs(write(learn(identity, TARGET), identity)).max() < 0.5


def test_folds_have_their_share_of_each_label_and_stay():
    labels = np.repeat([0.0, 1.0], [N - 10, 10])[:, None]
    assert np.bincount(parts(labels)[-10:]).tolist() == [2] * N_ENCODING_FOLDS
    np.testing.assert_array_equal(parts(labels), parts(labels.copy()))


def test_no_input_has_the_name_of_a_level():
    one_hot = CategoryColumn(("target_0", "target_1", "x"))
    column = TargetColumn(one_hot.levels, np.zeros((1 + N_ENCODING_FOLDS, 5, 2)), np.ones(2), one_hot)
    assert column.suffixes == ("_target_0", "_target_1", "_x", "_target__0", "_target__1")


def test_beside_one_hot_only_where_levels_have_no_input():
    assert isinstance(learn(CITY, TARGET, encoding="both"), CategoryColumn)
    column = learn(CITY, TARGET, encoding="both", most=10)
    assert (
        column.one_hot.n_inputs == 10 and column.n_inputs == 11 and column.suffixes[-2:] == ("_infrequent", "_target")
    )
    np.testing.assert_array_equal(write(column, CITY)[:, -1:], write(learn(CITY, TARGET), CITY))
    np.testing.assert_array_equal(write(column, CITY)[:, :-1], write(column.one_hot, CITY))


def test_an_identifier_is_left_out():
    assert learn([f"u{i}" for i in range(N)], TARGET) == IdentifierColumn()


def test_a_constant_target_says_nothing():
    assert not write(learn(CITY, np.ones((N, 1))), CITY).any()
