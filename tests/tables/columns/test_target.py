"""Target encoding: scikit-learn's means, weights as repetitions, and no row that sees its own target."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import TargetEncoder

from sknet._tables.columns import ColumnSettings
from sknet._tables.columns.category import CategoryColumn, IdentifierColumn
from sknet._tables.columns.target import N_FOLDS, cross_fit_folds, learn_target

rng = np.random.default_rng(0)
N = 300
CITY = rng.choice([f"c{i}" for i in range(30)], N).astype(object)
TARGET = rng.normal(size=(N, 1)) + (CITY == "c3")[:, None]


def folds(target):
    return cross_fit_folds(target, np.arange(len(target)), len(target))


def learn(values, target, weight=None, encoding="target", most=100):
    settings = ColumnSettings(weight=weight, category_encoding=encoding, max_categories=most)
    return learn_target(pd.Series(values, dtype=object), "c", settings, target)


def write(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(pd.Series(values, dtype=object), out, "c")
    return out


@pytest.mark.parametrize("kind", ["continuous", "binary", "multiclass"])
def test_the_means_are_those_of_scikit_learn(kind):
    labels = {"continuous": TARGET[:, 0], "binary": TARGET[:, 0] > 0, "multiclass": np.digitize(TARGET[:, 0], [-1, 1])}
    y = labels[kind]
    target = np.eye(3)[y] if kind == "multiclass" else y.astype(float)[:, None]
    column = learn(CITY, target)
    theirs = TargetEncoder(target_type=kind).fit(CITY[:, None], y).transform(CITY[:, None])
    places = [column.levels.index(city) for city in CITY]
    np.testing.assert_allclose(column.means[0, places], theirs, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(write(column, CITY), (theirs - target.mean(axis=0)) / target.std(axis=0), atol=1e-9)


def test_missing_values_are_a_level_and_unseen_ones_are_the_mean():
    values = np.where(rng.random(N) < 0.2, None, CITY)
    target = TARGET + 5 * pd.isna(values)[:, None]
    found = write(learn(values, target), [None, "never"])
    assert found[0, 0] > 1 and found[1, 0] == 0
    assert write(learn(CITY, TARGET), [None]).tolist() == [[0]]


def test_weights_are_repetitions():
    weight = rng.integers(1, 4, N)
    weighted, repeated = learn(CITY, TARGET, weight * 1.0), learn(np.repeat(CITY, weight), np.repeat(TARGET, weight, 0))
    np.testing.assert_allclose(write(weighted, CITY), write(repeated, CITY), rtol=1e-9, atol=1e-12)


def test_training_rows_are_encoded_without_their_own_target():
    fold, column = folds(TARGET), learn(CITY, TARGET)
    out = np.zeros((N, 1))
    column.write_cross_fitted(pd.Series(CITY), fold, out)
    assert (np.bincount(fold, minlength=N_FOLDS) == N // N_FOLDS).all()
    for f in range(N_FOLDS):
        theirs = TargetEncoder(target_type="continuous").fit(CITY[fold != f, None], TARGET[fold != f, 0])
        expected = (theirs.transform(CITY[fold == f, None]) - TARGET.mean()) / TARGET.std()
        np.testing.assert_allclose(out[fold == f], expected, atol=1e-9)


def test_pure_noise_is_not_learnt_by_heart():
    identity = rng.permutation(np.repeat([f"user {i}" for i in range(N // 2)], 2))
    fitted = np.zeros((N, 1))
    column = learn(identity, TARGET)
    column.write_cross_fitted(pd.Series(identity), folds(TARGET), fitted)
    assert np.corrcoef(write(column, identity)[:, 0], TARGET[:, 0])[0, 1] > 0.5
    assert abs(np.corrcoef(fitted[:, 0], TARGET[:, 0])[0, 1]) < 0.2


def test_folds_have_their_share_of_each_label_and_stay():
    labels = np.repeat([0.0, 1.0], [N - 10, 10])[:, None]
    assert np.bincount(folds(labels)[-10:]).tolist() == [2] * N_FOLDS
    np.testing.assert_array_equal(folds(labels), folds(labels.copy()))


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


def test_inputs_tell_how_it_is_computed():
    column = learn([*CITY[1:], None], np.hstack([TARGET, TARGET**2]))
    assert column.suffixes == ("_target_0", "_target_1")
    for place, facts in enumerate(column.inputs):
        expected = [(facts.level.get(key, facts.centre) - facts.centre) * facts.scale for key in (*CITY, None, "never")]
        np.testing.assert_allclose(write(column, [*CITY, None, "never"])[:, place], expected, atol=1e-12)


def test_a_constant_target_says_nothing():
    assert not write(learn(CITY, np.ones((N, 1))), CITY).any()


def test_columns_compare():
    assert learn(CITY, TARGET) == learn(CITY, TARGET) != learn(CITY, -TARGET)
    assert learn(CITY, TARGET) != "a column"
