"""Which rows are held out, by a share, a splitter or folds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedShuffleSplit,
    TimeSeriesSplit,
)

from sknet._tables.labels import learn_labels
from sknet._tables.raw_table import is_memory_mapped
from sknet._tables.splitting import (
    MIN_ROWS_HELD_OUT,
    MIN_ROWS_TO_DRAW_BY_INTERVAL,
    assign_folds,
    hold_out,
    merge_rare_strata,
    split_validation,
    splits_of_splitter,
)
from tests.model.examples import rows_of

rng = np.random.default_rng(0)
N_ROWS = 150
X = np.column_stack([np.arange(N_ROWS), rng.normal(size=N_ROWS)])
LABEL = np.digitize(X[:, 1], [-0.8, 0.8])
WEIGHT = rng.integers(0, 4, N_ROWS).astype(float)
TARGETS = {
    "binary": np.where(LABEL > 0, "yes", "no"),
    "multiclass": LABEL,
    "multilabel": rng.integers(0, 2, (N_ROWS, 3)),
    "multioutput": np.column_stack([LABEL, rng.integers(5, 8, N_ROWS)]),
}


def split_rows(share, weight=None, groups=None, seed=0):
    """Give the indices, in the whole table, of the rows to train on and of those held out."""
    rows = rows_of(X, X[:, 1:], weight, groups).without_zero_weights()
    return tuple(part.X.values[:, 0].astype(int) for part in partitions_of(rows, None, share, seed))


def partitions_of(rows, strata, share, seed):
    """Give the rows to train on, and those held out."""
    return [rows.take(numbers) for numbers in split_validation(len(rows), rows.groups, strata, share, seed)]


def splits(splitter, weight=None, groups=None, seed=0):
    """Give the same of each split of a splitter."""
    rows = rows_of(X, X[:, 1:], weight, groups).without_zero_weights()
    is_positive = np.ones(N_ROWS, bool) if weight is None else weight > 0
    found = splits_of_splitter(splitter, is_positive, seed, (X, X[:, 1], groups))
    return [tuple(rows.take(numbers).X.values[:, 0].astype(int) for numbers in split) for split in found]


class Splitter:
    """Give what it was given."""

    def __init__(self, train, held_out):
        self.parts = train, held_out

    def __repr__(self):
        return "Splitter()"

    def split(self, X, y, groups):
        yield self.parts


# --- a share ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TARGETS)
def test_the_held_out_part_has_its_share_of_every_label(kind):
    y = TARGETS[kind]
    labels, codes = learn_labels(y)
    train, held_out = partitions_of(rows_of(X, codes), labels.strata(codes), 0.2, 0)
    assert len(held_out) == 30
    assert len(train) == 120
    for column, part in zip(codes.T, held_out.y.T, strict=True):
        for code in np.unique(column):
            assert abs((part == code).sum() - 0.2 * (column == code).sum()) <= (1 if y.ndim == 1 else 4)


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=110),
    fraction=st.floats(0.02, 0.98),
    seed=st.integers(0, 5),
)
def test_any_class_counts_can_be_split(counts, fraction, seed):
    strata = np.repeat(np.arange(len(counts)), counts)
    parts = hold_out(len(strata), strata, fraction, seed)
    if parts is None:
        assert np.ceil(len(strata) * fraction) < 10 or np.ceil(len(strata) * fraction) == len(strata)
        return
    assert len(parts.held_out_indices) == np.ceil(len(strata) * fraction)
    assert_array_equal(np.sort(np.concatenate(parts)), np.arange(len(strata)))


def test_a_class_with_one_row_is_trained_on():
    strata = np.repeat([0, 1, 2], [60, 60, 1])
    for seed in range(20):
        train, _ = hold_out(121, strata, 0.2, seed)
        assert 120 in train


@pytest.mark.parametrize("fraction", [0.1, 0.37, 0.9])
def test_of_many_rows_each_class_has_its_share_held_out(fraction):
    counts = [MIN_ROWS_TO_DRAW_BY_INTERVAL - 300, 1, 250, 48, 2, 1]
    strata = np.random.default_rng(0).permutation(np.repeat(np.arange(6) * 7, counts))
    for seed in range(2):
        train, held_out = hold_out(len(strata), strata, fraction, seed)
        assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(len(strata)))
        found = np.bincount(strata[held_out] // 7, minlength=6)
        assert (np.abs(found - fraction * np.array(counts)) <= 2).all()
        assert found[1] == found[5] == 0
        assert_array_equal(held_out, hold_out(len(strata), strata, fraction, seed).held_out_indices)
    assert len(hold_out(len(strata), None, fraction, 0).held_out_indices) == np.ceil(len(strata) * fraction)


def test_where_nearly_all_classes_have_one_row_any_row_may_be_held_out():
    train, held_out = hold_out(30, np.arange(30), 0.5, 0)
    assert len(train) == len(held_out) == 15


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(1, 30))
def test_merged_strata_can_be_split(strata, most):
    merged = merge_rare_strata(np.array(strata), most)
    counts = np.bincount(merged)
    assert len(counts) <= max(most, 1)
    assert len(strata) == 1 or counts.min() >= 2
    kept = merged != merged.max()
    assert len(np.unique(np.array(strata)[kept])) == len(np.unique(merged[kept]))  # a stratum of its own is one class


@pytest.mark.parametrize("n", [1, 2, 9, 45])
def test_too_few_rows_are_not_split(n):
    assert split_validation(n, None, None, 0.2, 0) is None
    enough = split_validation(5 * MIN_ROWS_HELD_OUT, None, None, 0.2, 0)
    assert len(enough.held_out_indices) == MIN_ROWS_HELD_OUT


def test_the_same_seed_holds_out_the_same_rows():
    for one, other in zip(split_rows(0.2, seed=3), split_rows(0.2, seed=3), strict=True):
        assert_array_equal(one, other)
    assert (split_rows(0.2, seed=3)[1] != split_rows(0.2, seed=4)[1]).any()


def test_weights_and_targets_stay_with_their_rows():
    rows = rows_of(X, X[:, 1:], WEIGHT).without_zero_weights()
    for part in partitions_of(rows, None, 0.2, 0):
        assert_array_equal(part.weight, WEIGHT[part.X.values[:, 0].astype(int)])
        assert_array_equal(part.y[:, 0], part.X.values[:, 1])


def test_what_is_held_out_stays_in_its_file(tmp_path):
    np.save(tmp_path / "X.npy", X)
    rows = rows_of(np.load(tmp_path / "X.npy", mmap_mode="r"), X[:, 1:])
    train, held_out = partitions_of(rows, None, 0.2, 0)
    assert is_memory_mapped(train.X.values)
    assert is_memory_mapped(held_out.X.values)


# --- groups ----------------------------------------------------------------------------------------------------------


def test_groups_are_held_out_together():
    groups = np.arange(N_ROWS) // 10
    train, held_out = split_rows(0.2, groups=groups)
    assert len(held_out) == 30
    assert not set(groups[held_out]) & set(groups[train])


def test_groups_without_weight_are_no_part_of_the_share():
    groups = np.arange(N_ROWS) // 10
    weight = np.where(groups < 5, 1.0, 0.0)
    for seed in range(5):
        train, held_out = split_rows(0.2, weight, groups, seed)
        assert (len(train), len(held_out)) == (40, 10)


def test_a_share_that_is_all_groups_is_refused():
    groups = np.arange(N_ROWS) // 10
    with pytest.raises(
        ValueError, match=r"validation_fraction=0.999 of 15 groups holds all of them out: give a smaller"
    ):
        split_rows(0.999, groups=groups)
    train, _ = split_rows(0.93, groups=groups)
    assert len(train) == 10


def test_a_single_group_is_refused():
    with pytest.raises(ValueError, match="groups holds a single group"):
        split_rows(0.2, groups=np.zeros(N_ROWS))


# --- a splitter ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("most", [None, 20])
def test_all_splits_of_a_splitter_of_time(most):
    found = splits(TimeSeriesSplit(2, max_train_size=most))
    assert len(found) == 2
    for (train, held_out), n in zip(found, (50, 100), strict=True):
        assert_array_equal(train, np.arange(n - min(most or n, n), n))
        assert_array_equal(held_out, np.arange(n, n + 50))


def test_indices_of_a_predefined_split_count_rows_of_weight_0():
    fold = np.where(np.arange(N_ROWS) % 3, -1, 0)
    assert_array_equal(splits(PredefinedSplit(fold))[0][1], np.flatnonzero(fold == 0))
    [(train, held_out)] = splits(PredefinedSplit(fold), WEIGHT)
    assert_array_equal(held_out, np.flatnonzero((fold == 0) & (WEIGHT > 0)))
    assert_array_equal(train, np.flatnonzero((fold == -1) & (WEIGHT > 0)))


def test_a_splitter_of_groups_is_given_groups():
    groups = np.arange(N_ROWS) // 10
    for i, (_, held_out) in enumerate(GroupKFold(5).split(X, None, groups)):
        assert_array_equal(splits(GroupKFold(5), groups=groups)[i][1], held_out)
        kept = held_out[WEIGHT[held_out] > 0]
        assert_array_equal(splits(GroupKFold(5), WEIGHT, groups)[i][1], kept)


def test_a_stratified_splitter():
    codes = learn_labels(TARGETS["binary"])[1]
    how = StratifiedShuffleSplit(3, test_size=0.2, random_state=0)
    for _, held_out in splits_of_splitter(how, np.ones(N_ROWS, bool), 0, (X, TARGETS["binary"], None)):
        assert len(held_out) == 30
        assert abs((codes[held_out] == 1).sum() - 0.2 * codes.sum()) <= 1


def test_a_splitter_without_a_seed_splits_the_same_way_each_time():
    how = ShuffleSplit(2, test_size=0.3)
    for one, other in zip(splits(how, seed=3), splits(how, seed=3), strict=True):
        assert_array_equal(one[1], other[1])
    assert (splits(how, seed=3)[0][1] != splits(how, seed=4)[0][1]).any()
    assert how.random_state is None  # the user's own is left alone


def test_a_split_may_be_lists_or_short_integers():
    held_out = np.arange(N_ROWS) % 5 == 0
    rows = [np.flatnonzero(~held_out), np.flatnonzero(held_out)]
    for parts in ([part.tolist() for part in rows], [part.astype(np.uint8) for part in rows]):
        for found, expected in zip(splits(Splitter(*parts))[0], rows, strict=True):
            assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "how, message",
    [
        (PredefinedSplit(np.zeros(N_ROWS)), "no rows to train on"),
        (Splitter(np.arange(N_ROWS), []), "no rows to hold out.*leave such a split out"),
        (PredefinedSplit(np.full(N_ROWS, -1)), "no split"),
        (PredefinedSplit(np.where(np.arange(N_ROWS + 9) < N_ROWS, -1, 0)), "rows from 150 to 158: .* from 0 to 149"),
        (Splitter([0.0, 1.0], [2]), "rows of type float64.*integers"),
        (Splitter([0, 1], ["2"]), "rows of type .*integers"),
        (Splitter([[0], [1]], [2]), r"shape \(2, 1\).*one-dimensional"),
        (Splitter([True, False], [2]), "rows of type bool"),
        (Splitter([0, -1], [2]), "rows from -1 to 0: .*from 0 to 149"),
        (Splitter([0, 1], [2, -150]), "rows from -150 to 2"),
        (Splitter([0, 1, 2], [2, 3]), "row 2 2 times: .*must not overlap"),
        (Splitter([0, 1, 1], [2]), "row 1 2 times.*sample_weight"),
        (Splitter([0, 1], [4, 4, 4]), "row 4 3 times"),
    ],
    ids=str,
)
def test_unsuitable_splits_are_refused(how, message):
    with pytest.raises(ValueError, match=rf"validation_fraction=(.|\n)*{message}"):
        splits(how)


def test_a_split_whose_test_rows_weigh_nothing_is_refused():
    fold = np.where(WEIGHT > 0, np.arange(N_ROWS) % 2 * 2, 1)
    with pytest.raises(ValueError, match="no rows to hold out, of those of positive weight"):
        splits(PredefinedSplit(fold), WEIGHT)


def test_a_class_is_no_splitter():
    with pytest.raises(TypeError, match=r"validation_fraction=GroupKFold is a class: pass a splitter, GroupKFold\(\)"):
        splits(GroupKFold)


def test_a_splitter_of_groups_wants_groups():
    how = r"validation_fraction=GroupKFold\(.*\): The 'groups' parameter should not be None\. Pass them, with fit\("
    with pytest.raises(ValueError, match=how):
        splits(GroupKFold(5))


def test_a_splitter_that_cannot_split_these_rows_is_named():
    how = r"validation_fraction=KFold\(n_splits=300.*\): Cannot have .*\. Give another splitter"
    with pytest.raises(ValueError, match=f"(?s){how}"):
        splits(KFold(300))


def test_an_error_of_a_splitter_keeps_its_type():
    splitter = KFold()
    splitter.split = lambda X, y, groups: X.nothing()
    with pytest.raises(AttributeError, match="nothing"):
        splits(splitter)
    splitter.split = lambda X, y, groups: X + "a"
    with pytest.raises(TypeError, match=r"validation_fraction=KFold\("):
        splits(splitter)


# --- folds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [[100, 50], [7, 90, 1, 2], [1] * 9, [30]])
@pytest.mark.parametrize("n_folds", [2, 4])
def test_every_fold_has_its_share_of_every_stratum(counts, n_folds):
    strata = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    fold = assign_folds(len(strata), strata, None, n_folds, 3)
    assert np.ptp(np.bincount(fold, minlength=n_folds)) <= 1
    for stratum in range(len(counts)):
        assert np.ptp(np.bincount(fold[strata == stratum], minlength=n_folds)) <= 1
    assert_array_equal(fold, assign_folds(len(strata), strata, None, n_folds, 3))
    assert len(fold) < 20 or (fold != assign_folds(len(strata), strata, None, n_folds, 4)).any()


def test_groups_are_dealt_out_whole():
    groups = np.repeat(["a", "b", "c", "d", "e"], [3, 40, 2, 30, 25])
    fold = assign_folds(100, None, groups, 3, 0)
    of_group = {name: set(fold[groups == name]) for name in np.unique(groups)}
    assert all(len(folds) == 1 for folds in of_group.values())
    assert set.union(*(of_group[name] for name in "bde")) == {0, 1, 2}  # the largest have one each
    assert set(assign_folds(100, None, groups[::-1] > "c", 3, 0)) == {0, 1}
    with pytest.raises(ValueError, match="single group"):
        assign_folds(9, None, np.zeros(9), 3, 0)
