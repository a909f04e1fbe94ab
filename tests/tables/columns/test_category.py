"""Categories as inputs: which levels have one, what weights decide, and where all the others go."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sknet._tables.categories import MIN_VALUES_OF_IDENTIFIER, CategoryColumn, IdentifierColumn, learn_category
from sknet._tables.column import ColumnSettings

levels = st.sampled_from(["a", "b", "c", "d", None])


def learn(values, weight=None, most=100):
    settings = ColumnSettings(weight=None if weight is None else np.asarray(weight), max_categories=most)
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


def test_the_order_of_levels_does_not_depend_on_the_order_of_rows():
    """The text "nan" spells a float, with which no number can be compared."""
    for keys in itertools.permutations(["10", "2", "nan", "1"]):
        assert learn(keys).levels == ("1", "10", "2", "nan")


def test_rare_levels_share_an_input_with_unseen_ones():
    column = learn(["a", "b", "b", "c", "c", "d", None], most=4)
    assert column.levels == ("b", "c") and column.suffixes == ("_b", "_c", "_infrequent", "_missing")
    assert write(column, ["a", "never", "b", None]).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    without_missing = learn(["a", "b", "b", "c", "c", "d"], most=3)
    assert write(without_missing, [None]).tolist() == [[0, 0, 1]]


def test_weight_and_not_number_makes_a_level_frequent():
    assert learn(["a", "a", "b", "c"], most=2).levels == ("a",)
    assert learn(["a", "a", "b", "c"], [1, 1, 3, 1], most=2).levels == ("b",)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 499, 500, None])
@pytest.mark.parametrize("missing", [[], [None]])
def test_no_more_inputs_than_asked_for_that_of_infrequent_levels_included(most, missing):
    column = learn([*(f"user {i}" for i in range(500)), *missing] * 5, most=most)
    assert column.n_inputs == min(most or 501, 500 + len(missing))
    assert column.has_infrequent == (most is not None and most < 500 + len(missing))
    assert column.n_inputs == len(column.suffixes) == len(column.input_formulas)


def test_levels_of_few_rows_share_an_input_where_there_are_many():
    often, rare = np.repeat([f"often {i}" for i in range(40)], 5), np.repeat([f"rare {i}" for i in range(3)], 4)
    column = learn([*often, *rare])
    assert column.has_infrequent and set(column.levels) == set(often)
    assert write(column, ["rare 1", "never"])[:, -1].tolist() == [1, 1]
    assert "rare 0" in learn([*often, *rare[:4]]).levels  # it would be alone
    assert "rare 0" in learn([*often[:95], *rare]).levels  # of few values, rarer ones are kept
    assert "rare 0" in learn(["a", "b"] * 100 + [*rare]).levels  # and where there are few levels
    assert learn([*often[:100], "once", "only"]).levels == learn(often[:100]).levels


@pytest.mark.parametrize("most", [None, 10, 25])
def test_rare_levels_are_among_the_others_that_share_an_input(most):
    column = learn([*np.repeat([f"often {i}" for i in range(30)], 9), "once", "only", None], most=most)
    assert column.n_inputs == (most or 32) and len(column.levels) == column.n_inputs - 2


def test_if_all_levels_are_kept_none_is_rare():
    values = pd.Series([f"c{i // 2}" for i in range(400)])
    assert (
        len(learn_category(values, "c", ColumnSettings(keeps_all_categories=True, max_categories=None)).levels) == 200
    )


def test_a_column_of_rare_levels_has_the_input_of_the_infrequent_ones():
    column = learn([f"c{i // 2}" for i in range(400)])
    assert column == CategoryColumn((), has_infrequent=True, infrequent_share=1.0)


def test_the_target_does_not_decide_which_levels_have_an_input():
    values = pd.Series([f"c{i // 2}" for i in range(100)] + [f"often {i % 30}" for i in range(300)])
    targets = np.random.default_rng(0).normal(size=(2, 400, 1)), pd.factorize(values)[0][:, np.newaxis] * 1.0
    columns = {learn_category(values, "c", ColumnSettings(target=target)) for target in (*targets[0], targets[1])}
    assert columns == {learn_category(values, "c", ColumnSettings())}


def test_two_levels_need_a_single_input():
    assert learn(["no", "yes"], most=1).levels == ("no", "yes")


def test_values_that_all_differ_are_an_identifier():
    names = [f"user {i}" for i in range(MIN_VALUES_OF_IDENTIFIER)]
    assert learn(names) == IdentifierColumn() and learn(names).n_inputs == 0
    assert learn(names, np.full(len(names), 3.0)) == IdentifierColumn()
    with_missing = learn([*names, None])
    assert with_missing.suffixes == ("_missing",) and with_missing.input_formulas[0].kind == "missing"
    assert write(with_missing, ["user 3", None, "new"]).tolist() == [[0], [1], [0]]
    assert isinstance(learn(names[1:]), CategoryColumn) and isinstance(learn([*names, names[0]]), CategoryColumn)


@given(st.lists(st.tuples(levels, st.integers(1, 4)), min_size=1, max_size=30), st.integers(1, 4))
def test_weights_are_repetitions(sample, most):
    values, weight = zip(*sample, strict=True)
    repeated = [value for value, times in sample for _ in range(times)]
    column = learn(values, weight, most)
    assert column == learn(repeated, None, most) == learn(repeated, np.ones(len(repeated)), most)


@given(st.lists(st.tuples(levels, st.floats(0.1, 3)), min_size=1, max_size=20), st.randoms())
def test_the_order_of_the_rows_does_not_matter(sample, random):
    shuffled = random.sample(sample, len(sample))
    assert learn(*zip(*sample, strict=True), 3) == learn(*zip(*shuffled, strict=True), 3)


@given(st.lists(levels, min_size=1, max_size=20), st.permutations(["a", "b", "c", "d", "unused"]))
def test_declared_levels_count_in_any_order(values, declared):
    column = pd.Series(pd.Categorical(values, categories=declared))
    found = learn_category(column, "c", ColumnSettings())
    assert found.levels == ("a", "b", "c", "d", "unused") and found.has_missing == (None in values)
    out = np.zeros((len(values), found.n_inputs))
    found.write(column, out, "c")
    np.testing.assert_array_equal(out, write(found, values))


def test_declared_levels_that_no_row_has_are_the_first_to_share_an_input():
    column = pd.Series(pd.Categorical(["c", "d", "d"], categories=list("abcdef")))
    assert learn_category(column, "c", ColumnSettings(max_categories=3)).levels == ("c", "d")


def test_a_level_called_missing_keeps_its_name():
    assert learn(["missing", "x", None]).suffixes == ("_missing", "_x", "_missing_")
    assert learn(["missing", "missing_", None]).suffixes == ("_missing", "_missing_", "_missing__")
