"""Columns of numbers: scales, normal scores and bins; weights are repetitions, no magnitude breaks them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import ndtri
from sklearn.preprocessing import QuantileTransformer

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._tables.formulas import QUANTILE_SHARES, ScaledNumber, scaled_arcsinh_inplace
from sknet._tables.numbers import BinnedColumn, NumberColumn, QuantileColumn, bin_edges, learn_sparse
from sknet._vectors import SortedColumns
from tests.tables.examples import column_settings, encoder_of, inputs_of, number_column, suffixes

# --- scales ----------------------------------------------------------------------------------------------------------


METHODS = ["robust", "standard", None]
values = st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: round(x, 3))
columns = st.lists(st.tuples(values | st.just(float("nan")), st.integers(1, 4)), min_size=1, max_size=30)


def weighted_and_repeated(column):
    x, w = (np.array(part) for part in zip(*column, strict=True))
    return x[:, None], w, np.repeat(x, w)[:, None]


def learn(X, method, weight=None):
    weight = None if weight is None else np.asarray(weight, dtype=float)
    return list(encoder_of(X, input_scaling=method, weight=weight).columns)


def stack(columns):
    """The scaled numbers of several columns as one formula."""
    return ScaledNumber.stack([column.formulas[0][0] for column in columns])


def learn_scaler(X, method, weight=None):
    return stack(learn(X, method, weight))


def apply(scaler, X, dtype=None):
    return scaler.encode(X, np.dtype(dtype or X.dtype), [f"x{j}" for j in range(X.shape[1])])


def scaled(X, method, weight=None, dtype=np.float64):
    return apply(learn_scaler(X, method, weight), np.array(X, dtype=dtype))


# --- columns


@given(columns, st.sampled_from(METHODS))
def test_integer_weights_equal_repeated_rows(column, method):
    x, w, repeated = weighted_and_repeated(column)
    if method == "robust":
        assert learn(x, method, w) == learn(repeated, method)
    weighted, plain = learn_scaler(x, method, w), learn_scaler(repeated, method)
    np.testing.assert_allclose(weighted.centre, plain.centre, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(weighted.factor, plain.factor, rtol=1e-9)
    assert learn(repeated, method) == learn(repeated, method, np.ones(len(repeated)))


def test_robust_is_median_and_quartile_range_with_bent_outliers():
    x = np.array([0.0, 1, 2, 3, 4, 5, 6, 700])[:, None]
    scaler = learn_scaler(x, "robust")
    assert (scaler.centre, scaler.factor, scaler.bend) == (3, 1 / 4, True)
    z = (x - 3) / 4
    np.testing.assert_allclose(apply(scaler, x.copy()), 3 * np.arcsinh(z / 3), rtol=1e-14)


def test_where_quartiles_coincide_robust_takes_the_other_values_and_silences_constants():
    X = np.column_stack([[5.0] * 9 + [9.0], [7.0] * 10, [np.nan] * 10])
    scaler = learn_scaler(X, "robust")
    assert scaler.centre.tolist() == [5, 7, 0]
    assert scaler.factor.tolist() == [1 / 4, 0, 0]
    assert (apply(scaler, np.array([[1e300, -1e300, 3.0]]))[0, 1:] == 0).all()


def test_a_zero_inflated_column_keeps_its_resolution():
    rng = np.random.default_rng(0)
    gain = np.where(rng.random(2000) < 0.9, 0.0, rng.lognormal(8, 1, 2000))
    gain[0] = 1e7
    scaler = learn_scaler(gain[:, None], "robust")
    Z = apply(scaler, np.quantile(gain[gain > 0], [0.1, 0.5, 0.9])[:, None].copy())
    assert scaler.centre == 0
    assert (np.diff(Z[:, 0]) > 0.5).all()


def test_standard_has_mean_zero_and_deviation_one_under_the_weights():
    rng = np.random.default_rng(0)
    X, w = rng.normal(5, 3, (50, 3)), rng.random(50)
    Z = scaled(X, "standard", w)
    np.testing.assert_allclose(w @ Z, 0, atol=1e-12)
    np.testing.assert_allclose(w @ Z**2 / w.sum(), 1, rtol=1e-12)


def test_without_scaling_only_missing_values_change_to_the_weighted_mean():
    X = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    scaler = learn_scaler(X, None, [3, 1, 5])
    assert scaler.centre.tolist() == [1.5, 0]
    assert apply(scaler, X.copy()).tolist() == [[1, 0], [3, 0], [1.5, 0]]


def test_the_description_of_an_unscaled_number_has_centre_0():
    (each,) = number_column(centre=7.0, shift=False).input_descriptions
    assert (each.centre, each.scale) == (0.0, 1.0)


@pytest.mark.parametrize("method", ["robust", "standard"])
def test_missing_values_become_zero(method):
    Z = scaled(np.array([[1.0], [np.nan], [5.0], [9.0]]), method)
    assert Z[1] == 0
    assert Z[0] < 0 < Z[3]


@pytest.mark.parametrize("method", ["robust", "standard"])
@pytest.mark.parametrize("magnitude", [1e300, 1.7e308, 1e-300, 1e-307, 1e9, 1e-30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_magnitude_does_not_matter(method, magnitude, dtype):
    x = np.linspace(-1, 1, 21)[:, None]
    Z = scaled_into(x * magnitude, method, dtype)
    np.testing.assert_allclose(Z, scaled(x, method), rtol=1e-6, atol=1e-7)


def scaled_into(X, method, dtype):
    return apply(learn_scaler(X, method), X, dtype)


def test_an_offset_costs_no_precision_in_single_precision():
    x = np.linspace(-1, 1, 21)[:, None]
    np.testing.assert_allclose(scaled_into(1e9 + x, "robust", np.float32), scaled(x, "robust"), atol=1e-6)


def test_a_constant_is_recognised_though_its_mean_rounds():
    scaler = learn_scaler(np.full((10, 1), 0.1), "standard", np.linspace(0.1, 1, 10))
    assert scaler.centre == 0.1
    assert scaler.factor == 0


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint64, np.bool_, np.float32])
def test_any_real_type_is_scaled(dtype):
    X = np.array([[0], [1], [0], [1], [1]], dtype=dtype)
    np.testing.assert_allclose(scaled_into(X, "standard", np.float32), scaled(X, "standard"), rtol=1e-6)


def test_single_precision_stays_single():
    X = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    scaler = learn_scaler(X, "robust")
    Z = apply(scaler, X.copy())
    assert Z.dtype == np.float32
    assert scaler.fits_float32
    np.testing.assert_allclose(Z, apply(scaler, X.astype(float)), rtol=1e-5, atol=1e-6)


def test_missing_values_are_scaled_and_too_large_ones_are_an_error():
    scaler = learn_scaler(np.array([[1.0], [2.0], [3.0]]), None)
    assert apply(scaler, np.array([[1.0], [np.nan]]), np.float32).tolist() == [[1.0], [2.0]]
    with pytest.raises(ValueError, match="Column 'x0' of X holds values too large for float32"):
        apply(scaler, np.array([[1.0], [1e200]]), np.float32)


@given(st.floats(-1e200, 1e200), st.floats(-1e200, 1e200))
def test_bent_outliers_keep_their_order_and_are_never_flat(a, b):
    Z = np.array([min(a, b), max(a, b), -min(a, b)])
    scaled_arcsinh_inplace(Z)
    assert Z[0] == -Z[2]
    assert Z[0] <= Z[1]
    assert np.abs(Z).max() < 1400
    if abs(a - b) > 1e-9 * max(abs(a), abs(b)):
        assert Z[0] < Z[1]


# --- the column


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_column_by_itself_is_encoded_as_in_the_stack(method, dtype):
    X = np.array([[1.0, 7.0], [np.nan, 9.0], [5.0, 8.0]])
    columns = learn(X, method)
    assert [suffixes(column) for column in columns] == [("", "_missing"), ("",)]
    assert [column.n_inputs for column in columns] == [2, 1]
    together = apply(stack(columns), X, dtype)
    for j, column in enumerate(columns):
        out = inputs_of(column, X[:, j], dtype)
        np.testing.assert_array_equal(out[:, 0], together[:, j])
        assert (out[:, 1:] == np.isnan(X[:, [j]])).all()


# --- quantile --------------------------------------------------------------------------------------------------------


rng = np.random.default_rng(0)
SKEWED = np.exp(2.0 * rng.normal(size=2000))
HALF = 0.5 * QUANTILE_SHARES[1]


def learn_scores(values, weight=None):
    X = np.asarray(values, dtype=float)[:, np.newaxis]
    return encoder_of(X, input_scaling="quantile", weight=weight).columns[0]


def test_scores_are_scikit_learns_within_a_level():
    theirs = QuantileTransformer(n_quantiles=len(QUANTILE_SHARES), output_distribution="uniform", subsample=None)
    expected = theirs.fit_transform(SKEWED[:, np.newaxis])[:, 0]
    shares = learn_scores(SKEWED).formulas[0][0].cdf(SKEWED)
    assert_allclose(
        shares, np.clip(expected, HALF, 1 - HALF), atol=HALF
    )  # quantiles are values of the sample, not between two
    assert abs(inputs_of(learn_scores(SKEWED), SKEWED).std() - 1) < 0.02
    assert abs(inputs_of(learn_scores(SKEWED), SKEWED).mean()) < 0.02


def test_order_is_kept_and_nothing_lies_beyond_the_ends():
    column, grid = learn_scores(SKEWED), np.linspace(-10, 2 * SKEWED.max(), 500)
    scores = inputs_of(column, grid)[:, 0]
    assert (np.diff(scores) >= 0).all()
    assert (np.diff(inputs_of(column, np.sort(SKEWED)[::40])[:, 0]) > 0).all()
    assert_allclose([scores[0], scores[-1]], [ndtri(HALF), -ndtri(HALF)])


def test_a_repeated_value_lies_in_the_middle_of_its_share():
    column = learn_scores([0.0] * 60 + [1.0, 2.0, 3.0, 4.0] * 10)
    assert_allclose(column.formulas[0][0].cdf(np.array([0.0])), 0.3, atol=1 / 256)
    assert_array_equal(inputs_of(learn_scores(np.full(9, 7.0)), [7.0]), [[0.0]])  # a constant says nothing


def test_missing_values_have_the_middle_score_and_an_indicator():
    column = learn_scores([np.nan, 1.0, 2.0, 3.0, np.nan])
    assert suffixes(column) == ("", "_missing")
    assert column.n_inputs == 2
    assert_array_equal(inputs_of(column, [np.nan, 2.0])[:, 1], [1.0, 0.0])
    assert inputs_of(column, [np.nan])[0, 0] == 0.0
    nothing = learn_scores([np.nan, np.nan])
    assert_array_equal(nothing.quantiles, np.zeros(len(QUANTILE_SHARES)))


@pytest.mark.parametrize("missing", [False, True])
def test_normal_scores_of_a_table_are_those_of_its_columns(missing):
    rng = np.random.default_rng(1)
    X = np.column_stack([SKEWED[:200], rng.normal(size=200)])
    X[::7, 1] = np.nan if missing else X[::7, 1]
    encoder = encoder_of(X, input_scaling="quantile")
    of_frame = encoder_of(pd.DataFrame(X, columns=["a", "b"]).assign(c=list("xy") * 100), input_scaling="quantile")
    Z = encoder.encode(X, np.float64)
    assert encoder.feature_names == ["x0", "x1", "x1_missing"][: Z.shape[1]]
    assert not encoder.is_numeric
    assert of_frame.columns[:2] == encoder.columns
    assert_array_equal(encoder.encode(X[:3], np.float64), Z[:3])
    assert isinstance(encoder.columns[0], QuantileColumn)


def test_a_fit_does_not_see_how_its_numbers_are_spread():
    rng = np.random.default_rng(1)
    X, y = np.exp(3 * rng.normal(size=(300, 2))), rng.normal(size=300)
    y += np.log(X[:, 0])
    one, other = (
        SigmoidMLPRegressor(5, input_scaling="quantile", max_iter=20, random_state=0, n_members=1).fit(T, y)
        for T in (X, np.log(X))
    )
    assert_allclose(one.predict(X), other.predict(np.log(X)), atol=0.15)
    assert one.score(X, y) > 0.6


# --- sparse ----------------------------------------------------------------------------------------------------------


def learn_sparse_scaler(X, method, weight=None):
    return stack(learn_sparse(X, column_settings(input_scaling=method), weight))


@given(st.integers(0, 10**6), st.sampled_from([sparse.csr_array, sparse.csr_matrix]))
def test_sparse_columns_are_divided_by_their_root_mean_square(seed, kind):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(12, 4)) * (rng.random((12, 4)) < 0.5) * [1e200, 1, 1e-200, 1]
    dense[:, 3] = 0
    w = rng.integers(1, 4, 12)
    scaler = learn_sparse_scaler(kind(dense), "robust", w)
    unit = dense / [1e200, 1, 1e-200, 1]
    rms = np.sqrt(w @ unit**2 / w.sum())
    expected = np.where(rms > 0, 1 / np.where(rms > 0, rms, 1) / [1e200, 1, 1e-200, 1], 1)
    np.testing.assert_allclose(scaler.factor, expected, rtol=1e-12)
    assert not scaler.centre.any()
    assert not scaler.bend
    assert not scaler.shift
    repeated = learn_sparse_scaler(kind(np.repeat(dense, w, axis=0)), "standard")
    np.testing.assert_allclose(scaler.factor, repeated.factor, rtol=1e-12)


def test_sparse_duplicates_count_as_their_sum_and_are_left_alone():
    X = sparse.csr_array((np.array([1.0, 2.0]), np.array([0, 0]), np.array([0, 2])), shape=(1, 1))
    assert learn_sparse_scaler(X, "robust").factor == 1 / 3
    assert X.nnz == 2


def test_sparse_without_scaling_is_left_alone():
    assert learn_sparse_scaler(sparse.csr_array(np.eye(2) * 7), None).factor.tolist() == [1, 1]


# --- bins ------------------------------------------------------------------------------------------------------------


NUMBERS = st.lists(
    st.tuples(st.integers(-5, 5) | st.floats(-1e6, 1e6).map(lambda x: round(x, 2)), st.integers(1, 4)), min_size=1
)


def edges_of(values, n_bins=4, weight=None):
    return bin_edges(SortedColumns.from_columns(np.asarray(values, dtype=float)[np.newaxis], weight), n_bins)[0]


def learn_bins(values):
    X = np.asarray(values, dtype=float)[:, np.newaxis]
    return encoder_of(X, numeric_encoding="piecewise_linear", n_bins=4).columns[0]


def test_edges_are_quantiles():
    assert edges_of(np.arange(101)) == pytest.approx([0, 25, 50, 75, 100], abs=1)


def test_few_values_are_all_edges():
    assert edges_of([3, 1, 2, 2, 2]).tolist() == [1, 2, 3]


def test_a_repeated_value_is_one_edge_and_the_others_share_the_rest():
    edges = edges_of([0] * 90 + list(range(1, 11)), n_bins=8)
    assert edges[0] == 0
    assert edges[1] == 1
    assert edges[-1] == 10
    assert len(edges) == 9
    amid = edges_of([*np.linspace(1, 2, 50), *[5] * 60, *np.linspace(7, 9, 50)], n_bins=6)
    assert 5 in amid
    assert len(amid) == 7
    assert amid[0] == 1
    assert amid[-1] == 9


def test_missing_values_count_nowhere():
    assert edges_of([np.nan, 3, 1, np.nan, 2]).tolist() == [1, 2, 3]
    assert learn_bins([np.nan] * 3) == NumberColumn(0.0, 0.0, True, True)


@given(NUMBERS, st.integers(2, 9))
def test_edges_increase_and_are_as_many_as_asked_for_at_most(sample, n_bins):
    values = np.array([value for value, _ in sample])
    edges = edges_of(values, n_bins)
    assert (np.diff(edges) > 0).all()
    assert 1 <= len(edges) <= n_bins + 1
    assert np.isin(edges, values).all()


@given(NUMBERS, st.integers(2, 9))
def test_integer_weights_equal_repeated_rows_in_bins(sample, n_bins):
    values, weight = (np.array(part, dtype=float) for part in zip(*sample, strict=True))
    repeated = np.repeat(values, weight.astype(int))
    np.testing.assert_array_equal(edges_of(values, n_bins, weight), edges_of(repeated, n_bins))


def test_a_bin_is_0_below_1_above_and_linear_between():
    column = BinnedColumn(NumberColumn(0.0, 1.0), (0.0, 1.0, 3.0))
    assert suffixes(column) == ("_bin1", "_bin2", "")
    assert (column.n_bins, column.n_inputs) == (2, 3)
    assert inputs_of(column, [-1, 0.5, 1, 2, 9])[:, :2].tolist() == [[0, 0], [0.5, 0], [1, 0], [1, 0.5], [1, 1]]


def test_a_missing_value_stands_for_the_centre():
    column = learn_bins([1, 2, 3, 4, np.nan])
    assert suffixes(column)[3:] == ("", "_missing")
    inputs = inputs_of(column, [np.nan, 2.0])
    assert (inputs[0, :3] == inputs[1, :3]).all()
    assert inputs[:, 3:].tolist() == [[0, 1], [0, 0]]


def test_a_column_of_two_values_has_no_bins():
    assert isinstance(learn_bins([0, 1, 1, 0]), NumberColumn)


@pytest.mark.parametrize("magnitude", [1e-300, 1e9, 1e300])
def test_bins_of_any_magnitude(magnitude):
    x = np.arange(1.0, 10.0)
    np.testing.assert_allclose(
        inputs_of(learn_bins(x * magnitude), x * magnitude), inputs_of(learn_bins(x), x), atol=1e-6
    )


def test_a_bin_whose_width_no_float_holds_is_0_below_it_and_1_above_it():
    values = np.array([-1.7e308, -1.2e308, 1.2e308, 1.6e308, 1.7e308])
    column = BinnedColumn(NumberColumn(0.0, 1e-308, True), (-1.7e308, -1.2e308, 1.2e308, 1.7e308))
    bins = inputs_of(column, values)[:, :3]
    assert np.allclose(bins, [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 0.8], [1, 1, 1]], rtol=1e-15)
    assert column.ramps.factor[1] == pytest.approx(0.5 / 1.2e308, rel=1e-6)
    assert np.isfinite(column.slopes(values, "c")).all()


def test_a_classifier_learns_from_bins_of_huge_numbers():
    rng = np.random.default_rng(0)
    X = rng.uniform(1.0, 1.7, (300, 1)) * np.where(rng.random((300, 1)) < 0.5, -1.0, 1.0) * 1e308
    net = SigmoidMLPClassifier(numeric_encoding="piecewise_linear", n_members=1, random_state=0).fit(X, X[:, 0] > 0)
    assert net.score(X, X[:, 0] > 0) == 1.0
