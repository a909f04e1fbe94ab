"""Categories: which have an input, how far a mean is trusted, and no row that sees its own target."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sknet._tables.categories import (
    MIN_VALUES_OF_IDENTIFIER,
    CategoryColumn,
    IdentifierColumn,
    TargetEncodedColumn,
    learn_category,
)
from sknet._tables.column import WeightsAndTarget
from sknet._tables.sampling import N_ENCODING_FOLDS, cross_fit_folds
from tests.tables.examples import column_settings, suffixes

# --- category --------------------------------------------------------------------------------------------------------


categories = st.sampled_from(["a", "b", "c", "d", None])


def learn(values, weight=None, most=100, **settings):
    """Learn from values, as objects unless they are a Series."""
    values = values if isinstance(values, pd.Series) else pd.Series(values, dtype=object)
    rows = WeightsAndTarget(None if weight is None else np.asarray(weight))
    return learn_category(values, "c", column_settings(max_categories=most, **settings), rows)


def write(column, values):
    out = np.zeros((len(values), column.n_inputs))
    column.encode_into(pd.Series(values, dtype=object), out, "c")
    return out


def test_each_category_has_an_input_and_so_have_missing_values():
    column = learn(["b", "a", None, "c"])
    assert column == CategoryColumn(("a", "b", "c"), has_infrequent=False, has_missing=True)
    assert suffixes(column) == ("_a", "_b", "_c", "_missing")
    assert column.n_inputs == 4
    assert write(column, ["c", None, "a", "never"]).tolist() == [[0, 0, 1, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0] * 4]


def test_two_categories_share_one_signed_input():
    column = learn(["no", "yes", "no"])
    assert (column.n_inputs, suffixes(column)) == (1, ("_yes",))
    assert write(column, ["no", "yes", "perhaps", None]).tolist() == [[-1], [1], [0], [0]]


def test_two_categories_with_missing_values_have_separate_inputs():
    column = learn(["no", "yes", None])
    assert write(column, ["no", "yes", None]).tolist() == np.eye(3).tolist()


def test_a_single_category_or_none_has_one_input():
    assert write(learn(["a", "a"]), ["a", "b"]).tolist() == [[1], [0]]
    assert write(learn([None, None]), [None, "b"]).tolist() == [[1], [0]]


def test_categories_that_spell_numbers_are_in_numerical_order():
    assert learn(["10", "9", "-1"]).categories == ("-1", "9", "10")
    assert learn(["10", "9", "x"]).categories == ("10", "9", "x")


def test_the_order_of_categories_does_not_depend_on_the_order_of_rows():
    """The text "nan" spells a float, with which no number can be compared."""
    for keys in itertools.permutations(["10", "2", "nan", "1"]):
        assert learn(keys).categories == ("1", "10", "2", "nan")


def test_infrequent_categories_share_an_input_with_unknown_ones():
    column = learn(["a", "b", "b", "c", "c", "d", None], most=4)
    assert column.categories == ("b", "c")
    assert suffixes(column) == ("_b", "_c", "_infrequent", "_missing")
    assert write(column, ["a", "never", "b", None]).tolist() == [[0, 0, 1, 0], [0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    without_missing = learn(["a", "b", "b", "c", "c", "d"], most=3)
    assert write(without_missing, [None]).tolist() == [[0, 0, 1]]


def test_the_weight_and_not_the_number_of_rows_makes_a_category_frequent():
    assert learn(["a", "a", "b", "c"], most=2).categories == ("a",)
    assert learn(["a", "a", "b", "c"], [1, 1, 3, 1], most=2).categories == ("b",)


@pytest.mark.parametrize("most", [1, 2, 3, 10, 499, 500, None])
@pytest.mark.parametrize("missing", [[], [None]])
def test_max_categories_limits_the_inputs_including_that_of_infrequent_categories(most, missing):
    column = learn([*(f"user {i}" for i in range(500)), *missing] * 5, most=most)
    assert column.n_inputs == min(most or 501, 500 + len(missing))
    assert column.has_infrequent == (most is not None and most < 500 + len(missing))
    assert column.n_inputs == len(suffixes(column)) == len(column.input_descriptions)


def test_categories_of_few_rows_share_an_input_where_there_are_many():
    often, rare = np.repeat([f"often {i}" for i in range(40)], 5), np.repeat([f"rare {i}" for i in range(3)], 4)
    column = learn([*often, *rare])
    assert column.has_infrequent
    assert set(column.categories) == set(often)
    assert write(column, ["rare 1", "never"])[:, -1].tolist() == [1, 1]
    assert "rare 0" in learn([*often, *rare[:4]]).categories  # it would be alone
    assert "rare 0" in learn([*often[:95], *rare]).categories  # of few values, rarer ones are kept
    assert "rare 0" in learn(["a", "b"] * 100 + [*rare]).categories  # and where there are few categories
    assert learn([*often[:100], "once", "only"]).categories == learn(often[:100]).categories


@pytest.mark.parametrize("most", [None, 10, 25])
def test_infrequent_categories_share_the_input_of_those_beyond_max_categories(most):
    column = learn([*np.repeat([f"often {i}" for i in range(30)], 9), "once", "only", None], most=most)
    assert column.n_inputs == (most or 32)
    assert len(column.categories) == column.n_inputs - 2


def test_if_all_categories_are_kept_none_is_infrequent():
    values = pd.Series([f"c{i // 2}" for i in range(400)])
    assert len(learn(values, most=None, keeps_all_categories=True).categories) == 200


def test_a_column_of_infrequent_categories_has_one_shared_input():
    column = learn([f"c{i // 2}" for i in range(400)])
    assert column == CategoryColumn((), has_infrequent=True, infrequent_share=1.0)


def test_the_target_does_not_decide_which_categories_have_an_input():
    values = pd.Series([f"c{i // 2}" for i in range(100)] + [f"often {i % 30}" for i in range(300)])
    targets = np.random.default_rng(0).normal(size=(2, 400, 1)), pd.factorize(values)[0][:, np.newaxis] * 1.0
    columns = {learn_means(values, target, encoding="one_hot") for target in (*targets[0], targets[1])}
    assert columns == {learn(values)}


def test_two_categories_need_a_single_input():
    assert learn(["no", "yes"], most=1).categories == ("no", "yes")


def test_values_that_all_differ_are_an_identifier():
    names = [f"user {i}" for i in range(MIN_VALUES_OF_IDENTIFIER)]
    assert learn(names) == IdentifierColumn()
    assert learn(names).n_inputs == 0
    assert learn(names, np.full(len(names), 3.0)) == IdentifierColumn()
    with_missing = learn([*names, None])
    assert suffixes(with_missing) == ("_missing",)
    assert with_missing.input_descriptions[0].kind == "missing"
    assert write(with_missing, ["user 3", None, "new"]).tolist() == [[0], [1], [0]]
    assert isinstance(learn(names[1:]), CategoryColumn)
    assert isinstance(learn([*names, names[0]]), CategoryColumn)


@given(st.lists(st.tuples(categories, st.integers(1, 4)), min_size=1, max_size=30), st.integers(1, 4))
def test_integer_weights_equal_repeated_rows(sample, most):
    values, weight = zip(*sample, strict=True)
    repeated = [value for value, times in sample for _ in range(times)]
    column = learn(values, weight, most)
    assert column == learn(repeated, None, most) == learn(repeated, np.ones(len(repeated)), most)


@given(st.lists(st.tuples(categories, st.floats(0.1, 3)), min_size=1, max_size=20), st.randoms())
def test_the_order_of_the_rows_does_not_matter(sample, random):
    shuffled = random.sample(sample, len(sample))
    assert learn(*zip(*sample, strict=True), 3) == learn(*zip(*shuffled, strict=True), 3)


@given(st.lists(categories, min_size=1, max_size=20), st.permutations(["a", "b", "c", "d", "unused"]))
def test_declared_categories_may_be_in_any_order(values, declared):
    column = pd.Series(pd.Categorical(values, categories=declared))
    found = learn(column)
    assert found.categories == ("a", "b", "c", "d", "unused")
    assert found.has_missing == (None in values)
    out = np.zeros((len(values), found.n_inputs))
    found.encode_into(column, out, "c")
    np.testing.assert_array_equal(out, write(found, values))


def test_declared_categories_without_rows_are_the_first_to_share_an_input():
    column = pd.Series(pd.Categorical(["c", "d", "d"], categories=list("abcdef")))
    assert learn(column, most=3).categories == ("c", "d")


def test_a_category_called_missing_keeps_its_name():
    assert suffixes(learn(["missing", "x", None])) == ("_missing", "_x", "_missing_")
    assert suffixes(learn(["missing", "missing_", None])) == ("_missing", "_missing_", "_missing__")


# --- target ----------------------------------------------------------------------------------------------------------


rng = np.random.default_rng(0)
N = 300
CITY = rng.choice([f"c{i}" for i in range(30)], N).astype(object)
TARGET = rng.normal(size=(N, 1)) + 3 * (CITY == "c3")[:, None]
EFFECT = TARGET + rng.normal(size=30)[[int(city[1:]) for city in CITY]][:, None]


def parts(target):
    return cross_fit_folds(target, np.arange(len(target)), len(target))


def learn_means(values, target, weight=None, encoding="target", most=100):
    settings = column_settings(category_encoding=encoding, max_categories=most)
    return learn_category(pd.Series(values, dtype=object), "c", settings, WeightsAndTarget(weight, target))


def means_by_hand(city, target):
    """Return each row's mean of its category, drawn to that of all rows by λ = nτ²/(nτ² + σ²)."""
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
    column, by_hand = learn_means(CITY, target), means_by_hand(CITY, target)
    slots = [column.categories.index(city) for city in CITY]
    np.testing.assert_allclose(column.means[0, slots], by_hand, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(write(column, CITY), (by_hand - target.mean(axis=0)) / target.std(axis=0), atol=1e-9)


def test_missing_values_have_a_mean_and_unknown_ones_get_that_of_all_rows():
    rng = np.random.default_rng(1)
    values = np.where(rng.random(N) < 0.2, None, CITY)
    target = TARGET + 5 * pd.isna(values)[:, None]
    found = write(learn_means(values, target), [None, "never"])
    assert found[0, 0] > 1
    assert found[1, 0] == 0
    assert write(learn_means(CITY, TARGET), [None]).tolist() == [[0]]


@pytest.mark.parametrize(
    ("values", "most"),
    [(["a", "b"] * 45 + ["c", "d"], 3), ([f"{i // 2}" for i in range(100)] + [f"o{i % 30}" for i in range(300)], 99)],
    ids=["many categories", "many rows"],
)  # fmt: skip
def test_with_both_means_are_added_where_many_categories_or_many_rows_share_an_input(values, most):
    target = np.arange(len(values))[:, np.newaxis] * 1.0
    assert isinstance(learn_means(values, target, encoding="both", most=most), TargetEncodedColumn)
    assert isinstance(learn_means(["a", "b", "c"] * 45, target[:135], encoding="both", most=most), CategoryColumn)


def test_means_are_weighted_and_the_unit_of_weights_does_not_matter():
    rng = np.random.default_rng(1)
    weight = rng.integers(1, 4, N) * 1.0
    column = learn_means(CITY, EFFECT, weight)
    assert column.means[0, -1, 0] == pytest.approx(np.average(EFFECT[:, 0], weights=weight))
    np.testing.assert_allclose(write(column, CITY), write(learn_means(CITY, EFFECT, weight / 1e9), CITY), atol=1e-9)


def test_training_rows_are_encoded_without_their_own_target():
    encoding_fold, column = parts(EFFECT), learn_means(CITY, EFFECT)
    out = np.zeros((N, 1))
    column.encode_into(pd.Series(CITY), out, "c", encoding_fold)
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
    rng = np.random.default_rng(1)
    identity = rng.permutation(np.repeat([f"user {i}" for i in range(N // 2)], 2))
    assert abs(write(learn_means(identity, TARGET), identity)).max() < 0.5


def test_folds_have_their_share_of_each_label_and_stay():
    labels = np.repeat([0.0, 1.0], [N - 10, 10])[:, None]
    assert np.bincount(parts(labels)[-10:]).tolist() == [2] * N_ENCODING_FOLDS
    np.testing.assert_array_equal(parts(labels), parts(labels.copy()))


def test_no_target_mean_has_the_name_of_a_category():
    one_hot = CategoryColumn(("target_0", "target_1", "x"))
    column = TargetEncodedColumn(np.zeros((1 + N_ENCODING_FOLDS, 5, 2)), np.ones(2), one_hot.categories, one_hot)
    assert suffixes(column) == ("_target_0", "_target_1", "_x", "_target__0", "_target__1")


def test_both_adds_target_means_only_where_categories_have_no_input():
    assert isinstance(learn_means(CITY, TARGET, encoding="both"), CategoryColumn)
    column = learn_means(CITY, TARGET, encoding="both", most=10)
    assert column.one_hot.n_inputs == 10
    assert column.n_inputs == 11
    assert suffixes(column)[-2:] == ("_infrequent", "_target")
    np.testing.assert_array_equal(write(column, CITY)[:, -1:], write(learn_means(CITY, TARGET), CITY))
    np.testing.assert_array_equal(write(column, CITY)[:, :-1], write(column.one_hot, CITY))


def test_an_identifier_is_left_out():
    assert learn_means([f"u{i}" for i in range(N)], TARGET) == IdentifierColumn()


def test_a_constant_target_gives_target_means_of_zero():
    assert not write(learn_means(CITY, np.ones((N, 1))), CITY).any()
