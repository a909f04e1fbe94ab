"""Categories as inputs: which levels have one, what weights decide, and where all the others go."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._tables.columns import ColumnSettings, category
from sknet._tables.columns.category import CategoryColumn, learn_category

levels = st.sampled_from(["a", "b", "c", "d", None])


def learn(values, weight=None):
    settings = ColumnSettings(weight=None if weight is None else np.asarray(weight))
    return learn_category(pd.Series(values, dtype=object), "c", settings)


def write(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.write(pd.Series(values, dtype=object), out, "c")
    return out


def test_each_level_has_an_input_and_so_have_missing_values():
    column = learn(["b", "a", None, "c"])
    assert column == CategoryColumn(("a", "b", "c"), has_infrequent=False, has_missing=True)
    assert column.suffixes == ("_a", "_b", "_c", "_missing") and column.n_inputs == 4
    assert write(column, ["c", None, "a", "never"]).tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0] * 4]


def test_two_levels_share_one_signed_input():
    column = learn(["no", "yes", "no"])
    assert (column.n_inputs, column.suffixes) == (1, ("_yes",))
    assert write(column, ["no", "yes", "perhaps", None]).tolist() == [[-1], [1], [0], [0]]


def test_two_levels_with_missing_values_do_not():
    column = learn(["no", "yes", None])
    assert write(column, ["no", "yes", None]).tolist() == np.eye(3).tolist()


def test_one_level_and_none():
    assert write(learn(["a", "a"]), ["a", "b"]).tolist() == [[1], [0]]
    assert write(learn([None, None]), [None, "b"]).tolist() == [[1], [0]]


def test_levels_that_spell_numbers_are_in_numerical_order():
    assert learn(["10", "9", "-1"]).levels == ("-1", "9", "10")
    assert learn(["10", "9", "x"]).levels == ("10", "9", "x")


def test_rare_levels_share_an_input_with_unseen_ones(monkeypatch):
    monkeypatch.setattr(category, "MAX_LEVELS", 2)
    column = learn(["a", "b", "b", "c", "c", "d", None])
    assert column.levels == ("b", "c") and column.suffixes == ("_b", "_c", "_infrequent", "_missing")
    assert write(column, ["a", "never", "b", None]).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    without_missing = learn(["a", "b", "b", "c", "c"])
    assert write(without_missing, [None]).tolist() == [[0, 0, 1]]


def test_weight_and_not_number_makes_a_level_frequent(monkeypatch):
    monkeypatch.setattr(category, "MAX_LEVELS", 1)
    assert learn(["a", "a", "b"]).levels == ("a",)
    assert learn(["a", "a", "b"], [1, 1, 3]).levels == ("b",)


def test_ten_thousand_levels_are_bounded():
    column = learn([f"user {i}" for i in range(10_000)])
    assert column.n_inputs == category.MAX_LEVELS + 1 and column.has_infrequent


def test_a_level_below_the_least_share_is_infrequent():
    weight = np.array([1.0, 1.0, 1.9e-4])
    assert learn(["a", "b", "c"], weight).has_infrequent
    assert not learn(["a", "b", "c"], weight * [1, 1, 1.1]).has_infrequent


@given(st.lists(st.tuples(levels, st.integers(1, 4)), min_size=1, max_size=30), st.integers(1, 4))
def test_weights_are_repetitions(sample, most):
    values, weight = zip(*sample, strict=True)
    repeated = [value for value, times in sample for _ in range(times)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(category, "MAX_LEVELS", most)
        column = learn(values, weight)
        assert column == learn(repeated) == learn(repeated, np.ones(len(repeated)))


@given(st.lists(st.tuples(levels, st.floats(0.1, 3)), min_size=1, max_size=20), st.randoms())
def test_the_order_of_the_rows_does_not_matter(sample, random):
    shuffled = random.sample(sample, len(sample))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(category, "MAX_LEVELS", 2)
        assert learn(*zip(*sample, strict=True)) == learn(*zip(*shuffled, strict=True))


@given(st.lists(levels, min_size=1, max_size=20), st.permutations(["a", "b", "c", "d", "unused"]))
def test_the_order_and_number_of_declared_categories_do_not_matter(values, declared):
    column = pd.Series(pd.Categorical(values, categories=declared))
    learnt = learn_category(column, "c", ColumnSettings())
    assert learnt == learn(values)
    out = np.zeros((len(values), learnt.n_inputs))
    learnt.write(column, out, "c")
    np.testing.assert_array_equal(out, write(learnt, values))


def test_a_level_called_missing_keeps_its_name():
    assert learn(["missing", "x", None]).suffixes == ("_missing", "_x", "_missing_")


def test_values_that_cannot_be_levels_are_refused_by_name():
    with pytest.raises(TypeError, match="Column 'c' of X cannot be a category: unhashable"):
        learn([[1], [2]])
