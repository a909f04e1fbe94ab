"""Labels of every kind: there and back, whatever holds them; class weights; and the errors that name them."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.class_weight import compute_sample_weight

from sknet._tables.labels import MIN_ROWS_OF_COMBINATION, apply_class_weight, as_labels, learn_labels

# --- label arrays ----------------------------------------------------------------------------------------------------


BIG = [2**53, 2**53 + 1]


@pytest.mark.parametrize(
    "y",
    [
        BIG, pd.Series(BIG, dtype="Int64"), pd.Series(BIG, dtype="int64[pyarrow]"), pl.Series(BIG),
        pl.DataFrame({"y": BIG}), pl.Series(BIG, dtype=pl.UInt64), pl.Series(BIG, dtype=pl.Int128),
        pl.DataFrame({"y": pl.Series(BIG, dtype=pl.Int128)}), np.array(BIG, ">i8"),
    ],
    ids=str,
)  # fmt: skip
def test_integers_keep_all_their_digits(y):
    assert as_labels(y).tolist() == BIG
    assert as_labels(y).dtype.isnative


def test_polars_bools_stay_bools():
    assert as_labels(pl.DataFrame({"y": [True, False]})).dtype == bool


@pytest.mark.parametrize("y", [[1, "a"], (True, "a"), ["a", 1.5]])
def test_numbers_in_a_list_of_text_are_not_taken_for_text(y):
    with pytest.raises(ValueError, match="y mixes strings and other labels"):
        as_labels(y)


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.Series([(0, 1), (1, 1)]), r"y holds \(0, 1\), a tuple, as a label: make labels strings or numbers"),
        ([{1}, {2}], r"y holds \{1\}, a set, as a label"),
        (pl.Series([[0, 1], [1, 1]]), "a ndarray, as a label"),
        ([float("nan"), "a"], "y contains NaN: some labels are missing, that of row 0 first"),
        ([10**400, 1], "y holds labels such as an integer of 1329 bits"),
        ([0, object()], "y holds labels such as <object"),
        (np.array([0, np.inf], dtype=object), "infinity, which is not a label, in row 1 first"),
        (None, "y is None; give it the shape"),
        (np.array([1j, 2]), "Complex data not supported"),
        (np.empty((3, 0)), r"y has shape \(3, 0\)"),
        (pd.DataFrame(index=range(3)), r"y has shape \(3, 0\)"),
        (np.ma.masked_array([0, 1], [True, False]), "y is masked in row 0"),
    ],
)
def test_labels_that_would_be_misread_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        as_labels(y)


# --- labels ----------------------------------------------------------------------------------------------------------


TARGETS = {
    "binary": np.array([1, 0, 1, 1, 0, 0]),
    "strings": np.array(["no", "yes", "no", "yes", "no", "yes"]),
    "one class": np.array(["only"] * 6),
    "bools": np.array([True, False, True, False, True, True]),
    "minus one": np.array([-1.0, 1, 1, -1, 1, 1]),
    "multiclass": np.array([3, 1, 2, 3, 1, 7]),
    "objects": np.array(["c", "a", "b", "b", "a", "c"], dtype=object),
    "multilabel": np.array([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0], [0, 0, 1], [1, 0, 0]]),
    "multilabel bools": np.array([[1, 0], [0, 0], [1, 1], [0, 1], [0, 0], [1, 0]], dtype=bool),
    "multioutput": np.array([[1, 0, 5], [2, 0, 6], [3, 0, 5], [1, 0, 5], [2, 0, 6], [2, 0, 5]]),
    "multioutput strings": np.array([["a", "x"], ["b", "y"], ["c", "x"], ["a", "x"], ["a", "x"], ["a", "y"]]),
    "two valued outputs": np.array([[1, 2], [2, 1], [1, 1], [2, 2], [1, 2], [1, 2]]),
}
KINDS = {
    "binary": ("binary", 1),
    "strings": ("binary", 1),
    "one class": ("binary", 1),
    "bools": ("binary", 1),
    "minus one": ("binary", 1),
    "multiclass": ("multiclass", 4),
    "objects": ("multiclass", 3),
    "multilabel": ("multilabel", 3),
    "multilabel bools": ("multilabel", 2),
    "multioutput": ("multioutput", 5),
    "multioutput strings": ("multioutput", 4),
    "two valued outputs": ("multioutput", 2),
}
each_target = pytest.mark.parametrize("name", TARGETS)


def learn(y, classes=None):
    return learn_labels(y, classes)[0]


def targets(labels, y, *how, **more):
    return labels.smoothed_target_matrix(labels.codes(as_labels(y, warn=True)), *how, **more)


@each_target
def test_labels_tell_their_kind_and_number_of_outputs(name):
    labels = learn(TARGETS[name])
    assert (labels.target_type, labels.n_outputs) == KINDS[name]
    stops = [outputs.stop for outputs in labels.output_slices]
    assert [outputs.start for outputs in labels.output_slices] == [0, *stops[:-1]]
    assert stops[-1] == labels.n_outputs


@each_target
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_become_codes_and_targets_and_come_back(name, dtype):
    y, rows = TARGETS[name], np.array([4, 1, 1])
    labels, codes = learn_labels(y)
    assert codes.dtype.kind == "i"
    assert labels.exclusive == (labels.target_type != "multilabel")
    np.testing.assert_array_equal(labels.codes(as_labels(y, warn=True)), codes)
    for known, of_column, column in zip(labels.classes_by_column, codes.T, y.reshape(6, -1).T, strict=True):
        assert known.tolist() == sorted(known.tolist())
        np.testing.assert_array_equal(known[of_column], column)
    T = labels.smoothed_target_matrix(codes, dtype)
    assert T.shape == (6, labels.n_outputs)
    assert T.dtype == dtype
    assert set(np.unique(T)) <= {0, 1}
    for found, expected in (
        (labels.most_probable(T), y), (labels.decode(codes), y), (labels.decode(codes[rows]), y[rows])
    ):  # fmt: skip
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == y.dtype
        assert found.shape == expected.shape


@pytest.mark.parametrize(("n_classes", "n_bytes"), [(2, 1), (128, 1), (129, 2), (40_000, 4)])
def test_codes_take_as_few_bytes_as_possible(n_classes, n_bytes):
    y = np.arange(n_classes)
    labels, codes = learn_labels(y)
    assert codes.itemsize == labels.codes(y).itemsize == n_bytes
    np.testing.assert_array_equal(labels.decode(codes), y)


@each_target
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_have_scikit_learns_shape_and_stay_inside(name, dtype):
    labels = learn(TARGETS[name])
    found = labels.probabilities(targets(labels, TARGETS[name], dtype))
    found = found if labels.target_type == "multioutput" else [found]
    sizes = [3] if name == "multilabel" else [2] if name == "multilabel bools" else map(len, labels.classes_by_column)
    assert [p.shape for p in found] == [(6, size) for size in sizes]
    for p in found:
        assert p.dtype == dtype
        if labels.target_type != "multilabel":
            np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
        if p.shape[1] > 1:
            assert ((p > 0) & (p < 1)).all()


@given(st.lists(st.sampled_from(range(5)), min_size=1, max_size=20), st.permutations(["e", "a", "d", "b", "c"]))
def test_renaming_the_classes_permutes_the_columns(codes, names):
    numbers, texts = np.array(codes), np.array(names)[codes]
    by_number, by_text = learn(numbers), learn(texts)
    assert by_number.n_outputs == by_text.n_outputs
    if by_number.target_type == "multiclass":
        column = {text: j for j, text in enumerate(by_text.classes.tolist())}
        order = [column[names[code]] for code in by_number.classes]
        np.testing.assert_array_equal(targets(by_text, texts)[:, order], targets(by_number, numbers))


HELD = {
    "list": list,
    "object": lambda y: np.array(y, dtype=object),
    "Series": pd.Series,
    "object Series": lambda y: pd.Series(y, dtype=object),
    "category": lambda y: pd.Series(y, dtype="category"),
    "Categorical": pd.Categorical,
    "nullable": lambda y: pd.Series(y).convert_dtypes(),
    "arrow": lambda y: pd.Series(y).convert_dtypes(dtype_backend="pyarrow"),
    "Index": pd.Index,
    "polars": pl.Series,
    "StringDType": lambda y: np.array(y, dtype=np.dtypes.StringDType()) if isinstance(y[0], str) else np.array(y),
}


@pytest.mark.parametrize("hold", HELD.values(), ids=HELD)
@pytest.mark.parametrize("y", [["b", "a", "c"], [2, 1, 3], [True, False, True]], ids=["texts", "ints", "bools"])
def test_what_holds_the_labels_does_not_matter(hold, y):
    labels, plain = learn(hold(y)), learn(np.array(y))
    assert labels.classes.tolist() == plain.classes.tolist()
    np.testing.assert_array_equal(targets(labels, hold(y)), targets(plain, np.array(y)))
    np.testing.assert_array_equal(targets(plain, hold(y)), targets(plain, np.array(y)))


@pytest.mark.parametrize(
    "hold", [sparse.csr_array, sparse.csc_matrix, sparse.lil_array, pd.DataFrame, pl.DataFrame, list]
)
def test_what_holds_an_indicator_matrix_does_not_matter(hold):
    dense = TARGETS["multilabel"]
    labels = learn(hold(dense))
    assert labels.target_type == "multilabel"
    assert labels.classes.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(labels.most_probable(targets(labels, hold(dense))), dense)


@pytest.mark.parametrize(
    "make", [lambda a, b: pd.DataFrame({"a": a, "b": b}), lambda a, b: list(zip(a, b, strict=True))]
)
def test_outputs_may_be_of_different_types(make):
    y = make(["x", "y", "z", "x"], [1, 2, 1, 1])
    labels = learn(y)
    assert [known.tolist() for known in labels.classes] == [["x", "y", "z"], [1, 2]] or isinstance(y, list)
    decoded = labels.most_probable(targets(labels, y))
    assert decoded[:, 0].tolist() == ["x", "y", "z", "x"]
    if not isinstance(y, list):
        assert decoded[:, 1].tolist() == [1, 2, 1, 1]


@pytest.mark.parametrize("hold", [np.array, pd.DataFrame, list])
def test_a_column_vector_is_taken_as_flat_with_scikit_learns_warning(hold):
    y = hold([[1], [2], [3]])
    with pytest.warns(DataConversionWarning, match="column-vector"):
        labels, codes = learn_labels(y)
    assert labels.target_type == "multiclass"
    assert codes.tolist() == [[0], [1], [2]]
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert targets(labels, y).tolist() == np.eye(3).tolist()


# --- codes


@pytest.mark.parametrize(
    "y",
    [
        pd.Series(["b", None, "a"], dtype="str").fillna("c"),
        pd.DataFrame({"a": ["x", "y", "x"], "b": [1, 2, 1]}),
        pd.DataFrame({"a": [1, 2, 3], "b": [1.5, 2.5, 1.5]}).round(),
        [["a", "x"], ["b", "y"], ["c", "x"]],
        np.array([[1, 2], [3, 2], [1, 1]], dtype=object),
        sparse.csr_array(TARGETS["multilabel"]),
    ],
    ids=["Series", "text and numbers", "two types", "list", "objects", "sparse"],
)
def test_codes_give_back_what_as_labels_gives(y):
    labels, codes = learn_labels(y)
    taken, expected = labels.decode(codes), as_labels(y)
    assert taken.dtype == expected.dtype
    assert taken.tolist() == expected.tolist()


# --- smoothing and normalising


@pytest.mark.parametrize("name", ["binary", "multiclass", "multilabel", "multioutput"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_smoothing_spreads_a_share_over_the_labels_of_each_block(name, dtype):
    labels, codes = learn_labels(TARGETS[name])
    hard, soft = labels.smoothed_target_matrix(codes, dtype), labels.smoothed_target_matrix(codes, dtype, smoothing=0.1)
    assert soft.dtype == dtype
    for outputs in labels.output_slices:
        n_labels = {"multilabel": 2}.get(name, max(2, outputs.stop - outputs.start))
        np.testing.assert_allclose(soft[:, outputs], 0.9 * hard[:, outputs] + 0.1 / n_labels, rtol=1e-6)
        if name in ("multiclass", "multioutput") and n_labels > 2:
            np.testing.assert_allclose(soft[:, outputs].sum(axis=1), 1, rtol=1e-6)


def test_sigmoid_outputs_of_exclusive_classes_are_made_to_add_up_to_1():
    P = np.array([[0.2, 0.1, 0.1, 0.9], [0.0, 0.0, 0.0, 0.0], [0.9, 0.9, 0.9, 0.9]])
    before = P.copy()
    found = learn(TARGETS["multiclass"]).probabilities(P, normalize=True)
    np.testing.assert_allclose(found[0], P[0] / 1.3)
    np.testing.assert_allclose(found[1:], 0.25)
    several = learn(TARGETS["multioutput"]).probabilities(np.hstack([P[:, :3], P[:, 2:]]), normalize=True)
    np.testing.assert_allclose(several[0].sum(axis=1), 1)
    np.testing.assert_allclose(several[2][0], [0.1, 0.9])
    multilabel = learn(TARGETS["multilabel"]).probabilities(P[:, :3], normalize=True)
    np.testing.assert_allclose(multilabel, P[:, :3], atol=1e-300)
    np.testing.assert_array_equal(P, before)


# --- strata


def strata_of(y):
    labels, codes = learn_labels(y)
    return labels.strata(codes)


def test_strata_are_the_classes():
    assert strata_of(TARGETS["multiclass"]).tolist() == [2, 0, 1, 2, 0, 3]


@pytest.mark.parametrize("spread", [0, 1])
@pytest.mark.parametrize("rare", [[0, 0], [1, 1]])
def test_strata_of_several_labels_are_their_combinations_but_for_rare_ones(spread, rare):
    common = [pair for pair in ([0, 0], [0, 1], [1, 0], [1, 1]) if pair != rare]
    y = np.array(common * MIN_ROWS_OF_COMBINATION + [rare]) * (1 + spread) + spread
    strata = strata_of(y)
    assert len(np.unique(strata)) == 4
    assert (strata[:-1].reshape(-1, 3) == strata[:3]).all()
    too_few = np.array(common * (MIN_ROWS_OF_COMBINATION - 1))
    assert len(np.unique(strata_of(too_few))) == 1


# --- classes given beforehand


def test_classes_may_be_more_than_y_holds():
    labels = learn(["b", "a"], classes=["c", "a", "b"])
    assert labels.target_type == "multiclass"
    assert labels.classes.tolist() == ["a", "b", "c"]
    assert targets(labels, ["b"]).tolist() == [[0, 1, 0]]
    several = learn([[1, 5], [2, 6]], classes=[[1, 2, 3], [5, 6]])
    assert several.n_outputs == 4
    assert several.target_type == "multioutput"
    nested = learn([[1, 0], [0, 1]], classes=[[0, 1, 2], [0, 1]])
    assert nested.target_type == "multioutput"
    assert nested.n_outputs == 4
    assert learn([[1, 0], [0, 1]], classes=[0, 1]).target_type == "multilabel"


@pytest.mark.parametrize("y", [[[1, 0], [0, 1]], [[1, 5], [2, 6]]])
def test_classes_must_fit_the_columns(y):
    with pytest.raises(ValueError, match="classes has 3 entries, but y has 2 columns"):
        learn(y, classes=[0, 1, 2])


# --- errors


def test_unknown_labels_are_named_and_so_are_the_known_ones():
    labels = learn(["a", "b"])
    with pytest.raises(ValueError, match=r"labels \['c'\], which are not among the classes \['a', 'b'\]"):
        targets(labels, ["a", "c"])
    with pytest.raises(ValueError, match=r"labels \[3\], which are not among the classes \[5, 6\]"):
        learn([[1, 5], [2, 6]]).codes(as_labels([[1, 3]]))


@pytest.mark.parametrize("name", ["binary", "multilabel", "multioutput"])
def test_y_must_keep_its_shape(name):
    with pytest.raises(ValueError, match=r"y has shape \(2, 7\), but the classifier knows"):
        learn(TARGETS[name]).codes(as_labels(np.ones((2, 7))))


def test_indicators_are_0_and_1():
    with pytest.raises(ValueError, match="other values than 0 and 1"):
        learn(TARGETS["multilabel"]).codes(as_labels([[0, 1, 2]]))


MISSING = "Input y contains NaN"
REFUSED = [
    ([1.0, np.nan], MISSING), (["a", None], MISSING), (pd.Series([1, None], dtype="Int64"), MISSING),
    (pd.Series(["a", None], dtype="category"), MISSING), (pd.Series(["a", pd.NA], dtype="string"), MISSING),
    (pd.DataFrame({"a": [1, None], "b": ["x", None]}), MISSING), (pl.Series(["a", None]), MISSING),
    (np.array([1, "a"], dtype=object), "y mixes strings and other labels"), ([1.0, np.inf], "infinity"),
    *((y, "Unknown label type") for y in ([0.5, 1.0, 2.0], [[0.5, 1.0], [2.0, 1.0]], np.ones((2, 2, 2)))),
]  # fmt: skip


@pytest.mark.parametrize(("y", "message"), REFUSED, ids=str)
def test_missing_mixed_infinite_and_continuous_labels_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        learn(y)


def test_of_several_labels_in_a_row_some_may_be_missing():
    y = np.array([[1, None], [np.nan, "x"]], dtype=object)
    assert as_labels(y).tolist() == [[1, None], [None, "x"]]


# --- labels as values


@each_target
def test_labels_travel_and_compare(name):
    labels = learn(TARGETS[name])
    assert pickle.loads(pickle.dumps(labels)) == labels
    assert labels != learn([4, 5, 6, 7, 8, 9])
    assert labels != "labels"


def test_flat_labels_are_not_copied():
    y = TARGETS["binary"]
    assert as_labels(y) is y


def test_logarithms_for_indicators_have_scikit_learns_shape_already():
    labels, log_P = learn(TARGETS["multilabel"]), np.log([[0.5, 0.2, 0.9]])
    assert labels.log_probabilities(log_P) is log_P


# --- class weight ----------------------------------------------------------------------------------------------------


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
        (SINGLE, {0: np.float32(0.3), 1: np.int8(2), 2: 7}),
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


def test_labels_that_are_digits_have_weights_by_their_text():
    """scikit-learn looks these labels up as integers."""
    assert fold({"0": 3}, ["0", "1"]).tolist() == [3, 1]


def test_a_label_that_does_not_occur_may_have_a_weight():
    assert fold({"a": 2, "b": 3, "gone": 4}, ["a", "b"]).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("y", "class_weight", "message"),
    [
        (SINGLE, {"0": 1, "1": 2}, r"class_weight has the keys \['0', '1'\], and the classes are \[0, 1, 2\]: correct"),
        (SINGLE.astype(str), {0: 1}, r"class_weight has the keys \[0\], and the classes are \['0', '1', '2'\]"),
        (["yes", "no"], {"yes": 2, "N": 1}, r"class_weight has the keys \['N'\], and the classes are \['no', 'yes'\]"),
        (MULTIOUTPUT, [{"A": 2}, None], r"class_weight has the keys \['A'\], and the classes are \['a', 'b', 'c'\]"),
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
