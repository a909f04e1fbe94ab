"""Class weights are sample weights, as in scikit-learn, and a bad one is named with its remedy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.utils.class_weight import compute_sample_weight

from sknet._tables.labels import apply_class_weight, learn_labels

MULTILABEL = np.array([[1, 0], [0, 0], [1, 1], [0, 1], [0, 0], [1, 0]])
MULTIOUTPUT = np.array([["a", "x"], ["b", "y"], ["c", "x"], ["a", "x"], ["a", "x"], ["a", "y"]])
SINGLE = np.array([0, 2, 1, 1, 0, 0])


def fold(class_weight, y, sample_weight=None):
    return apply_class_weight(class_weight, *learn_labels(y), sample_weight)


@pytest.mark.parametrize(
    ("y", "class_weight"),
    [
        (SINGLE, "balanced"),
        (SINGLE.astype(str), "balanced"),
        (MULTILABEL, "balanced"),
        (MULTIOUTPUT, "balanced"),
        (SINGLE, {0: 0.3, 1: 2, 2: 7}),
        (SINGLE, {1: 2.5}),
        (SINGLE == 1, {True: 3, False: 0.5}),
        (np.array(list("xzyyxx")), {"x": 0.3, "y": 2, "z": 7}),
        (MULTILABEL, [{0: 1, 1: 5}, {0: 2, 1: 0.1}]),
        (MULTIOUTPUT, [{"a": 0.1, "b": 2, "c": 3}, {"x": 2, "y": 0.3}]),
    ],
)
def test_class_weights_are_scikit_learns_sample_weights_to_the_bit(y, class_weight):
    reference = compute_sample_weight(class_weight, y)
    np.testing.assert_array_equal(fold(class_weight, y), reference)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4)), min_size=1, max_size=20))
def test_balanced_counts_weights_as_repetitions(sample):
    y, w = (np.array(part) for part in zip(*sample, strict=True))
    folded, repeated = fold("balanced", y, w), fold("balanced", np.repeat(y, w))
    np.testing.assert_allclose(np.repeat(folded / w, w), repeated, rtol=1e-12)
    totals = [folded[y == label].sum() for label in np.unique(y)]
    np.testing.assert_allclose(totals, w.sum() / len(totals))


def test_balanced_takes_no_account_of_classes_without_weight():
    labels, codes = learn_labels(["a", "b", "b"], classes=["a", "b", "c"])
    assert apply_class_weight("balanced", labels, codes, [3, 1, 0]).tolist() == [2, 2, 0]
    assert apply_class_weight("balanced", labels, codes, [3, 0, 0]).tolist() == [3, 0, 0]


def test_no_class_weight_leaves_the_sample_weights():
    assert fold(None, SINGLE) is None
    assert fold(None, SINGLE, [1, 2, 3, 4, 5, 6]).tolist() == [1, 2, 3, 4, 5, 6]
    assert fold([None, {"y": 2}], MULTIOUTPUT).tolist() == [1, 2, 1, 1, 1, 2]


def test_sparse_indicators_have_class_weights():
    np.testing.assert_array_equal(fold("balanced", sparse.csr_array(MULTILABEL)), fold("balanced", MULTILABEL))


def test_a_label_that_does_not_occur_may_have_a_weight():
    assert fold({"a": 2, "b": 3, "gone": 4}, ["a", "b"]).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (SINGLE, {"0": 1, "1": 2}, r"keys \['0', '1'\], which are not labels of y, and no weight for \[0, 1, 2\]"),
        (SINGLE, {0: -1}, r"class_weight holds \{0: -1\}: weights must be finite numbers, 0 or more"),
        (SINGLE, {0: np.nan, 1: 1}, r"class_weight holds \{0: nan\}"),
        (SINGLE, {0: True, 1: 2}, r"class_weight holds \{0: True\}: .* no bools"),
        (SINGLE, {0: "big"}, r"class_weight holds \{0: 'big'\}"),
        (SINGLE, "even", "class_weight='even' is not understood: give a dict of label: weight, or 'balanced'"),
        (SINGLE, 3, "class_weight=3 does not fit y: give a dict, None or 'balanced'"),
        (MULTILABEL, {0: 1}, r"class_weight=\{0: 1\} does not fit y: give 'balanced', None or a list of 2 dicts"),
        (MULTIOUTPUT, [{}], "give 'balanced', None or a list of 2 dicts"),
        (MULTIOUTPUT, [{}, 2], "class_weight=2 is not understood"),
    ],
)
def test_a_bad_class_weight_is_named_with_its_remedy(y, class_weight, message):
    with pytest.raises(ValueError, match=message):
        fold(class_weight, y)
