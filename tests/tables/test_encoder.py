"""Whole tables: the matrix they become, at once or one by one."""

import itertools
import pickle
import tracemalloc
from dataclasses import dataclass

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from sknet._tables.categories import CategoryColumn
from sknet._tables.column import Column
from sknet._tables.encoder import INPUTS_ENCODED_AT_ONCE, TableEncoder
from sknet._tables.formulas import InputDescription, MissingIndicator, Ramps, ScaledNumber
from sknet._tables.from_polars import as_pandas
from sknet._tables.numbers import BinnedColumn, NumberColumn
from tests.estimators.pairs import over_pairs
from tests.tables.examples import encoder_of

# --- column layout ---------------------------------------------------------------------------------------------------


NUMBER, FLAGGED = NumberColumn(1.0, 2.0, True), NumberColumn(0.5, 3.0, True, True, True)
BOTH = BinnedColumn(FLAGGED, (-1.0, 0.0, 2.0, 3.0))
UNSHIFTED, LETTERS = NumberColumn(0.0, 2.0, shift=False), CategoryColumn(("a", "b", "c"))


def test_bins_come_first_and_both_parts_are_in_the_order_of_the_columns():
    columns = (NUMBER, LETTERS, BOTH, FLAGGED)
    encoder = TableEncoder(None, columns)
    assert [starts.tolist() for starts in encoder.input_starts] == [[0, 0, 0, 3, 3], [3, 4, 7, 9, 11]]
    assert [np.arange(11)[encoder.inputs_of_column(j)].tolist() for j in range(4)] == [
        [3],
        [4, 5, 6],
        [0, 1, 2, 7, 8],
        [9, 10],
    ]
    assert [(type(each.formula), each.columns.tolist(), each.inputs.tolist()) for each in encoder.placed_formulas] == [
        (ScaledNumber, [0, 1, 2], [3, 7, 9]),
        (Ramps, [1], [0, 1, 2]),
        (MissingIndicator, [1, 2], [8, 10]),
    ]


@pytest.mark.parametrize(
    ("columns", "keeps_zeros"),
    [([UNSHIFTED] * 3, True), ([NUMBER] * 3, False), ([UNSHIFTED, FLAGGED], False), ([UNSHIFTED, LETTERS], False)],
)
def test_zeros_stay_zeros_if_all_inputs_are_numbers_that_are_only_multiplied(columns, keeps_zeros):
    assert TableEncoder(None, tuple(columns)).keeps_zeros == keeps_zeros


# --- encoding --------------------------------------------------------------------------------------------------------


SCALINGS_TESTED = ["robust", "standard", None]


def mixed_frame(n=40, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 10, n),
            "city": pd.Series(rng.choice(["London", "Paris", "Rome"], n), dtype=object),
            "income": rng.lognormal(10, 1, n),
            "sex": pd.Categorical(rng.choice(["f", "m"], n)),
            "member": rng.random(n) < 0.5,
            "plan": pd.Series(rng.choice(["x", "y", "z"], n), dtype="str"),
        }
    )
    frame.loc[3, "age"] = np.nan
    frame.loc[5, "city"] = None
    return frame


def variants(frame):
    """Hold the same table in other types."""
    arrow = frame.convert_dtypes(dtype_backend="pyarrow")
    return {
        "nullable": frame.convert_dtypes(),
        "arrow": arrow,
        "arrow dictionary": arrow.astype({"city": pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))}),
        "category": frame.astype({"city": "category", "plan": "category"}),
        "object": frame.astype(object),
        "polars": as_pandas(pl.DataFrame({name: polars_list(frame[name]) for name in frame})),
        "polars categorical": as_pandas(
            pl.DataFrame({name: polars_list(frame[name]) for name in frame}).with_columns(
                pl.col("city").cast(pl.Categorical), pl.col("sex").cast(pl.Enum(["m", "f"]))
            )
        ),
    }


def polars_list(column):
    return [None if pd.isna(value) else value for value in column.tolist()]


def test_the_order_of_columns_is_kept_and_every_input_has_a_name():
    encoder = encoder_of(mixed_frame())
    names = [
        "age",
        "age_missing",
        "city_London",
        "city_Paris",
        "city_Rome",
        "city_missing",
        "income",
        "sex_m",
        "member",
    ]
    assert encoder.feature_names == [*names, "plan_x", "plan_y", "plan_z"]
    assert encoder.n_inputs == 12


def test_no_two_inputs_have_the_same_name():
    frame = pd.DataFrame({"a": ["x", "y", "z"], "a_x": [1.0, 2, 3], "a_x_": [3.0, 2, 1]})
    for order in itertools.permutations(frame.columns):
        names = encoder_of(frame[[*order]]).feature_names
        assert len(set(names)) == len(names) == 5
        assert {"a_x", "a_y", "a_z"} <= set(names)


@pytest.mark.parametrize("name", variants(mixed_frame()))
def test_the_types_that_hold_a_table_do_not_matter(name):
    frame = mixed_frame()
    other = variants(frame)[name]
    encoder, twin = encoder_of(frame), encoder_of(other)
    assert encoder == twin
    for reader in (encoder, twin):
        np.testing.assert_array_equal(reader.encode(other, float), encoder.encode(frame, float))


@given(st.permutations(list(mixed_frame().columns)), st.integers(0, 100))
def test_a_permutation_of_the_columns_permutes_the_inputs(order, seed):
    frame = mixed_frame(15, seed)
    encoder, permuted = encoder_of(frame), encoder_of(frame[order])
    Z = pd.DataFrame(encoder.encode(frame, float), columns=encoder.feature_names)
    np.testing.assert_array_equal(permuted.encode(frame[order], float), Z[permuted.feature_names].to_numpy())


def test_new_categories_and_values_missing_only_later_are_unknown():
    train = pd.DataFrame({"n": [1.0, 2, 3], "c": ["a", "b", "c"]})
    encoder = encoder_of(train, input_scaling="standard")
    Z = encoder.encode(pd.DataFrame({"n": [np.nan, 2], "c": ["never", None]}), float)
    assert encoder.feature_names == ["n", "c_a", "c_b", "c_c"]
    assert not Z.any()


def test_a_category_of_integers_is_known_again_as_text_float_or_array():
    train = pd.DataFrame({"c": pd.Categorical([10, 2, 3, 2])})
    encoder = encoder_of(train)
    assert encoder.feature_names == ["c_2", "c_3", "c_10"]
    expected = encoder.encode(train, float)
    for other in (train.astype("int64"), train.astype("int64").astype(str), train.astype(float)):
        np.testing.assert_array_equal(encoder.encode(other, float), expected)
    np.testing.assert_array_equal(encoder.encode(train.to_numpy().astype(float), float), expected)


@pytest.mark.parametrize("chosen", [None, ["plan"]])
def test_text_that_is_not_chosen_as_a_category_is_an_error(chosen):
    with pytest.raises(ValueError, match=r"Column 'city' .*categorical_features"):
        encoder_of(mixed_frame(), categorical_features=chosen)


def test_chosen_columns_are_categories_whatever_they_hold():
    frame = pd.DataFrame({"n": [1, 2, 3], "m": [4.0, 5.5, np.nan], "day": pd.to_datetime(["2000-01-01"] * 3)})
    encoder = encoder_of(frame, categorical_features=["m", "day"])
    assert encoder.feature_names == ["n", "m_4", "m_5.5", "m_missing", "day_2000-01-01 00:00:00"]


# --- arrays


def float_array(n=50, d=6, missing=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-3, 4, d)
    X[rng.random(X.shape) < missing] = np.nan
    return X


@over_pairs(
    missing=[0, 0.1], dtype=[np.float32, np.float64], chosen=[None, [1, 4]], encoding=["raw", "piecewise_linear"]
)
def test_an_array_and_a_frame_of_it_have_the_same_inputs(missing, dtype, chosen, encoding):
    n = INPUTS_ENCODED_AT_ONCE // 6 + 50  # two blocks
    X = float_array(n, missing=missing).astype(dtype)
    X[:, [1, 4]] = np.round(X[:, [1, 4]] / np.nanmax(X[:, [1, 4]], axis=0))
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(6)])
    encoder, framed = (
        encoder_of(T, categorical_features=chosen, numeric_encoding=encoding, n_bins=3) for T in (X, frame)
    )
    assert encoder.feature_names == framed.feature_names
    Z = encoder.encode(X, dtype)
    by_column = encoder_of(
        frame.assign(z="text"), categorical_features=[*(chosen or []), 6], numeric_encoding=encoding, n_bins=3
    )
    np.testing.assert_array_equal(by_column.encode(frame.assign(z="text"), dtype)[:, :-1], Z)
    assert Z.dtype == dtype
    assert Z.shape == (n, encoder.n_inputs)
    np.testing.assert_array_equal(Z, framed.encode(frame, dtype))
    np.testing.assert_array_equal(Z, framed.encode(X, dtype))


def test_indicators_follow_their_columns():
    X = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0]])
    encoder = encoder_of(X, input_scaling=None)
    assert encoder.feature_names == ["x0", "x0_missing", "x1"]
    assert encoder.encode(X, float).tolist() == [[1, 0, 5], [2, 1, 6], [3, 0, 7]]


@pytest.mark.parametrize("missing", [0, 0.1])
@pytest.mark.parametrize("rows", [slice(3, 20), np.array([7, 2, 2, 40])])
@pytest.mark.parametrize("out_type", [np.float32, np.float64])
@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
def test_rows_of_a_memory_map_are_encoded_as_in_the_whole(tmp_path, missing, rows, out_type, encoding):
    np.save(tmp_path / "X.npy", float_array(missing=missing))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    encoder = encoder_of(X, numeric_encoding=encoding)
    out = np.empty((len(X[rows]), encoder.n_inputs), out_type)
    assert encoder.encode_rows_into(X, rows, out) is out
    np.testing.assert_array_equal(out, encoder.encode(np.array(X), out_type)[rows])


def test_the_input_is_never_changed():
    X = float_array()
    X.setflags(write=False)
    before = X.copy()
    encoder_of(X).encode(X, float)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("hold", [np.asarray, pd.DataFrame])
@pytest.mark.parametrize("scaling", SCALINGS_TESTED)
def test_encoding_takes_one_copy_and_learning_much_less(hold, scaling):
    X = np.random.default_rng(0).normal(size=(60_000, 40))
    held = hold(X)
    encoder, learning = measured(lambda: encoder_of(held, input_scaling=scaling))
    _, encoding_ = measured(lambda: encoder.encode(held, float))
    assert learning < 0.5 * X.nbytes
    assert encoding_ < 1.2 * X.nbytes


def measured(work):
    """Do it, and say how much memory NumPy asked for."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
def test_integer_arrays_are_encoded_as_the_floats_they_are(dtype, encoding):
    X = np.array([[0, 1], [3, 0], [9, 1], [1, 1]]).astype(dtype)
    encoder = encoder_of(X, numeric_encoding=encoding)
    np.testing.assert_array_equal(encoder.encode(X, float), encoder.encode(X.astype(float), float))


def test_the_type_of_the_result_can_be_asked_for():
    X = float_array()
    assert encoder_of(X).encode(X, np.float32).dtype == np.float32


def test_no_rows_give_no_rows():
    encoder = encoder_of(mixed_frame())
    assert encoder.encode(mixed_frame().iloc[:0], float).shape == (0, 12)


def test_values_beyond_single_precision_are_bent_or_refused():
    X = np.array([[1.0], [2.0], [3.0]])
    bent = encoder_of(X).encode(np.array([[1e300], [-1e300]]), np.float32)
    assert 200 < bent[0] == -bent[1] < 300
    for scaling in ("standard", None):
        with pytest.raises(ValueError, match=r"Column 'x0' of X holds values too large for float32.*dtype='float64'"):
            encoder_of(X, input_scaling=scaling).encode(np.array([[1e300]]), np.float32)


# --- infinity


@pytest.mark.parametrize("scaling", SCALINGS_TESTED)
@pytest.mark.parametrize("hold", [np.array, pd.DataFrame])
def test_infinity_is_refused_by_name(scaling, hold):
    fine = {"a": [1.0, 2.0, np.nan], "b": [3.0, 1.0, 2.0]}
    bad = {**fine, "b": [3.0, -np.inf, 2.0]}
    held = [hold(t) if hold is not np.array else np.column_stack(list(t.values())) for t in (fine, bad)]
    name = "x1" if hold is np.array else "b"
    with pytest.raises(ValueError, match=rf"Column '{name}' of X contains infinity"):
        encoder_of(held[1], input_scaling=scaling)
    with pytest.raises(ValueError, match=rf"Column '{name}' of X contains infinity"):
        encoder_of(held[0], input_scaling=scaling).encode(held[1], float)


# --- sparse matrices


@pytest.mark.parametrize("hold", [sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_stays_sparse(hold, dtype):
    dense = np.array([[0, 3.0, 0], [4.0, 0, 0], [0, 4.0, 0]])
    X = hold(dense)
    encoder = encoder_of(X)
    Z = encoder.encode(X, dtype)
    assert type(Z) is hold
    assert Z.dtype == dtype
    assert encoder.feature_names == ["x0", "x1", "x2"]
    np.testing.assert_allclose(Z.toarray(), dense / [np.sqrt(16 / 3), np.sqrt(25 / 3), 1], rtol=1e-6)
    assert (X.toarray() == dense).all()
    assert (encoder_of(X, input_scaling=None).encode(X, float).toarray() == dense).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_sparse_takes_no_missing_values(bad):
    X = sparse.csr_array(np.array([[0, bad], [1.0, 0]]))
    with pytest.raises(ValueError, match=r"Sparse X contains NaN or infinity in column 'x1'.*Impute"):
        encoder_of(X)
    with pytest.raises(ValueError, match=r"Sparse X contains NaN"):
        encoder_of(sparse.csr_array(np.eye(2))).encode(X, float)


def test_sparse_has_no_categories():
    X = sparse.csr_array(np.eye(2))
    with pytest.raises(ValueError, match=r"categorical_features=\[0\] cannot be used with sparse X.*None"):
        encoder_of(X, categorical_features=[0])
    assert encoder_of(X, categorical_features=None) == encoder_of(X)


# --- the encoder as a value


def test_an_encoder_is_small_travels_and_compares():
    X = np.random.default_rng(0).normal(size=(30, 1000))
    encoder = encoder_of(X)
    encoder.encode(X, float)  # what is found again is not pickled
    frozen = pickle.dumps(encoder)
    assert len(frozen) < 50 * 1000 + 2000
    assert pickle.loads(frozen) == encoder != encoder_of(X[:, ::-1])
    framed = encoder_of(mixed_frame())
    assert pickle.loads(pickle.dumps(framed)) == framed != encoder_of(mixed_frame(seed=1))
    assert framed != "encoder"
    with pytest.raises(AttributeError):
        encoder.names = ()


def test_an_encoder_is_made_of_its_columns():
    frame = mixed_frame()
    encoder = encoder_of(frame)
    again = TableEncoder(encoder.names, encoder.columns)
    np.testing.assert_array_equal(again.encode(frame, float), encoder.encode(frame, float))
    assert again.n_columns == len(again.columns) == 6
    assert again.column_names == tuple(frame)
    assert not again.is_numeric
    assert encoder_of(float_array()).is_numeric
    named = encoder_of(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 5.0]}))
    assert named.is_numeric
    assert named.column_names == named.names == ("a", "b")


@dataclass(frozen=True)
class Above(Column):
    """Whether a number is above a threshold: a kind of column of somebody's own."""

    threshold: float
    input_descriptions = (InputDescription("_high", "number"),)

    def encode_into(self, values, out, name, encoding_fold=None):
        out[:, 0] = np.asarray(values) > self.threshold


@pytest.mark.parametrize("hold", [np.asarray, lambda X: pd.DataFrame(X, columns=["x0", "x1"])])
def test_any_kind_of_column_has_its_place_in_the_input(hold):
    X = np.array([[1.0, 5.0], [4.0, np.nan]])
    encoder = TableEncoder(None, (Above(2.0), NumberColumn(5.0, 2.0, has_missing_indicator=True)))
    assert encoder.feature_names == ["x0_high", "x1", "x1_missing"]
    assert not encoder.is_numeric
    assert encoder.encode(hold(X), float).tolist() == [[0, 0, 0], [1, 0, 1]]


def test_a_table_without_numbers():
    X = np.array([[1.0, 2.0], [3.0, 2.0]])
    encoder = encoder_of(X, categorical_features=[0, 1])
    assert encoder.encode(X, float).tolist() == [[-1, 1], [1, 1]]
    assert not encoder.is_numeric


@pytest.mark.parametrize("largest", [1e39, 1e300])
def test_sparse_values_beyond_float32_are_scaled_in_float64(largest):
    X = sparse.csr_array(np.eye(4) * largest)
    assert np.isfinite(encoder_of(X).encode(X, np.float32).data).all()
    with pytest.raises(ValueError, match=r"Column 'x0' of X holds values too large for float32"):
        encoder_of(X, input_scaling=None).encode(X, np.float32)


def test_a_sparse_table_has_no_text():
    with pytest.raises(ValueError, match=r"text_features=\[0\] cannot be used with sparse X"):
        encoder_of(sparse.csr_array(np.eye(4)), text_features=[0])


# --- columns that are learnt together --------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("scaling", ["robust", "standard", None, "quantile"])
def test_columns_learnt_together_are_those_learnt_alone(scaling, weighted, monkeypatch):
    generator = np.random.default_rng(0)
    X = generator.normal(size=(60, 12)) * 10.0 ** np.arange(-6, 6)
    X[:, 1] = np.where(X[:, 1] > 0, X[:, 1], 0.0)  # quartiles coincide
    X[:, 2:4] = [3.5, np.nan]
    X[generator.random(X.shape) < np.arange(12) / 40] = np.nan
    table = pd.DataFrame(X).astype({5: np.float32, 6: np.float32})
    settings = {
        "input_scaling": scaling,
        "numeric_encoding": "piecewise_linear",
        "weight": generator.uniform(0.5, 2.0, 60) if weighted else None,
    }
    together = encoder_of(table, **settings)
    monkeypatch.setattr("sknet._tables.encoder.VALUES_LEARNT_AT_ONCE", 60)
    assert encoder_of(table, **settings) == together


def test_infinite_columns_of_a_block_are_all_named():
    X = np.zeros((5, 4))
    X[2, 1] = X[3, 3] = np.inf
    with pytest.raises(ValueError, match=r"(?s)'x1'.*'x3'"):
        encoder_of(X)
