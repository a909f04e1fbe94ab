"""What may be passed as X: every type of array, matrix and frame, and what is refused."""

import tracemalloc
from datetime import datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 60
COUNTS = rng.integers(0, 9, (N, 4))
NUMBER = COUNTS[:, 0] - 0.5 * COUNTS[:, 1] + 0.1 * rng.normal(size=N)
X = COUNTS - 4.0
LABEL = np.greater(NUMBER, NUMBER.mean()).astype(int)
QUICK = dict(
    hidden_layer_sizes=5, max_iter=5, early_stopping=False, random_state=0, batch_size=20, dtype="float64",
    learning_rate="cosine", learning_rate_init=0.01, input_scaling="robust", averaging=0.0,
)  # fmt: skip


def predictions(X, **parameters):
    return SigmoidMLPRegressor(**QUICK | parameters).fit(X, NUMBER).predict(X)


# --- dense arrays ----------------------------------------------------------------------------------------------------

EXPECTED = predictions(COUNTS.astype(float))


@pytest.mark.parametrize(
    "dtype",
    [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)] + ["float16", "float64", "longdouble"],
)
def test_every_type_of_number_gives_the_same(dtype):
    outputs = predictions(COUNTS.astype(dtype))
    assert outputs.dtype == np.float64
    assert_array_equal(outputs, EXPECTED)


def test_float32_in_float32_out():
    outputs = predictions(COUNTS.astype(np.float32))
    assert outputs.dtype == np.float32
    assert_allclose(outputs, EXPECTED, rtol=1e-5, atol=1e-5)


def test_fitted_arrays_keep_the_inputs_type_whatever_the_arithmetic():
    for dtype in ("float32", "float64", "auto"):
        for X in (COUNTS.astype(np.float32), COUNTS.astype(np.float64)):
            net = SigmoidMLPClassifier(**QUICK | {"dtype": dtype}).fit(X, LABEL)
            assert {part.dtype for part in net.coefs_ + net.intercepts_} == {X.dtype}
            assert net.predict_proba(X).dtype == net.decision_function(X).dtype == X.dtype


def test_bool_lists_objects_order_and_byte_order():
    assert_array_equal(predictions(COUNTS > 3), predictions((COUNTS > 3).astype(float)))
    for same in (
        COUNTS.tolist(),
        COUNTS.astype(object),
        np.asfortranarray(COUNTS),
        COUNTS.astype(">f8"),
        np.repeat(COUNTS, 2, axis=0)[::2],
    ):
        assert_array_equal(predictions(same), EXPECTED)


@pytest.mark.parametrize("missing", [None, pd.NA, np.nan])
def test_missing_values_among_objects(missing):
    X, floats = COUNTS.astype(object), COUNTS.astype(float)
    X[3, 1], floats[3, 1] = missing, np.nan
    assert_array_equal(predictions(X), predictions(floats))


def test_input_is_neither_written_to_nor_kept():
    X, y = COUNTS.astype(float), NUMBER.copy()
    X.flags.writeable = y.flags.writeable = False
    net = SigmoidMLPRegressor(**QUICK | {"input_scaling": None, "target_scaling": None}).fit(X, y)
    net.predict(X)
    net.backpropagate(X, y)
    kept = [value for value in vars(net).values() if isinstance(value, np.ndarray)]
    assert not any(np.shares_memory(X, value) for value in kept + list(net.coefs_))


# --- memory maps -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    path = tmp_path_factory.mktemp("mapped") / "X.npy"
    np.save(path, np.random.default_rng(0).random((50_000, 100)))
    return np.load(path, mmap_mode="r")


@pytest.mark.parametrize("parameters", [
    {}, {"early_stopping": True}, {"early_stopping": True, "solver": "lbfgs"}, {"input_scaling": "standard"},
    {"input_scaling": None},
])  # fmt: skip
def test_a_memory_map_is_not_copied(mapped, parameters):
    y = np.asarray(mapped[:, 0])
    small = QUICK | {"max_iter": 1, "batch_size": 1000, "validation_fraction": 0.1}
    tracemalloc.start()
    net = SigmoidMLPRegressor(**small | parameters).fit(mapped, y)
    net.predict(mapped)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * mapped.nbytes


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int32", "bool", "longdouble"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_memory_map_is_an_array(tmp_path, dtype, early_stopping):
    X = (COUNTS > 3 if dtype == "bool" else COUNTS).astype(dtype)
    np.save(tmp_path / "X.npy", X)
    parameters = QUICK | {"early_stopping": early_stopping, "validation_fraction": 0.3, "scoring": "r2"}
    nets = [
        SigmoidMLPRegressor(**parameters).fit(source, NUMBER, np.arange(N) % 3)
        for source in (X, np.load(tmp_path / "X.npy", mmap_mode="r"))
    ]
    assert_array_equal(nets[0].predict(X), nets[1].predict(np.load(tmp_path / "X.npy", mmap_mode="r")))


def test_a_memory_map_with_missing_values_and_categories(tmp_path):
    X = COUNTS.astype(float)
    X[::5, 1] = np.nan
    np.save(tmp_path / "X.npy", X)
    parameters = QUICK | {"categorical_features": [2], "early_stopping": True, "validation_fraction": 0.3}
    nets = [
        SigmoidMLPRegressor(**parameters).fit(source, NUMBER)
        for source in (X, np.load(tmp_path / "X.npy", mmap_mode="r"))
    ]
    assert list(nets[0].network_feature_names_) == list(nets[1].network_feature_names_)
    assert_array_equal(nets[0].predict(X), nets[1].predict(X))


def test_a_validation_set_in_a_file_may_have_smaller_batches_than_the_training_part(tmp_path):
    X = np.random.default_rng(3).normal(size=(3000, 3))
    y, X_val = (X[:, 0] > 0).astype(int), X[:600]
    np.save(tmp_path / "val.npy", X_val)
    scores = [
        SigmoidMLPClassifier(4, max_iter=2, random_state=0).fit(X, y, X_val=val, y_val=y[:600]).validation_scores_
        for val in (X_val, np.load(tmp_path / "val.npy", mmap_mode="r"))
    ]
    assert scores[0] == scores[1]


# --- sparse matrices -------------------------------------------------------------------------------------------------

DENSE = np.where(COUNTS > 5, COUNTS, 0).astype(float)
FORMATS = ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]


@pytest.mark.parametrize("container", [*(f"{f}_matrix" for f in FORMATS), *(f"{f}_array" for f in FORMATS)])
def test_every_sparse_format(container):
    X = getattr(sp, container)(DENSE)
    expected = predictions(sp.csr_array(DENSE))
    assert_array_equal(predictions(X), expected)


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32"])
def test_sparse_tables_of_every_number_type_give_the_same(dtype):
    X = sp.csr_array(DENSE).astype(dtype)
    expected = predictions(sp.csr_array(DENSE.astype(dtype).astype(float)))
    assert_allclose(predictions(X), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop", "lbfgs"])
@pytest.mark.parametrize("hidden", [(), 5, (5, 3)])
def test_sparse_equals_dense_for_full_batches(solver, hidden):
    parameters = dict(
        solver=solver, hidden_layer_sizes=hidden, input_scaling=None, batch_size=N, max_iter=20, alpha=0.1
    )
    dense, sparse = predictions(DENSE, **parameters), predictions(sp.csr_array(DENSE), **parameters)
    assert_allclose(sparse, dense, rtol=1e-8, atol=1e-8)


def test_sparse_equals_dense_in_every_method():
    parameters = QUICK | {"input_scaling": None, "batch_size": N}
    X = sp.csr_array(DENSE)
    dense, sparse = (SigmoidMLPClassifier(**parameters).fit(Z, LABEL) for Z in (DENSE, X))
    assert_allclose(sparse.predict_proba(X), dense.predict_proba(X), atol=1e-9)
    assert_allclose(sparse.predict_proba(DENSE), dense.predict_proba(DENSE), atol=1e-9)
    assert sparse.backpropagate(X, LABEL)[0] == pytest.approx(dense.backpropagate(DENSE, LABEL)[0], rel=1e-9)
    assert_allclose(sparse.activations(X)[1], dense.activations(DENSE)[1], atol=1e-9)
    assert sparse.score(X, LABEL) == dense.score(DENSE, LABEL)


def test_sparse_mini_batches_learn():
    X = sp.random_array((300, 50), density=0.1, random_state=np.random.default_rng(0), format="csr")
    y = X @ np.random.default_rng(1).normal(size=50)
    parameters = QUICK | {"max_iter": 100, "learning_rate_init": 0.02, "n_iter_no_change": np.inf}
    for solver in ("adam", "sgd", "rmsprop"):
        assert SigmoidMLPRegressor(**parameters | {"solver": solver}).fit(X, y).score(X, y) > 0.8


# --- frames ----------------------------------------------------------------------------------------------------------

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize("frame", [pd.DataFrame, lambda X, columns: pl.DataFrame(X, schema=columns)])
def test_frames_of_numbers_are_arrays(frame):
    X = frame(COUNTS.astype(float), columns=NAMES)
    net = SigmoidMLPRegressor(**QUICK).fit(X, X["a"] * 0 + NUMBER)
    assert_array_equal(net.predict(X), EXPECTED)
    assert list(net.feature_names_in_) == NAMES
    assert list(net.network_feature_names_) == NAMES


def test_polars_and_pandas_frames_with_categories_are_the_same():
    columns = {"a": COUNTS[:, 0], "b": [f"level{k % 3}" for k in COUNTS[:, 1]], "c": COUNTS[:, 2] > 3}
    X, Z = pd.DataFrame(columns), pl.DataFrame(columns)
    expected = predictions(X)
    assert_array_equal(predictions(Z), expected)
    assert_array_equal(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER).predict(Z), expected)
    for early_stopping in (False, True):
        parameters = QUICK | {"early_stopping": early_stopping, "validation_fraction": 0.3, "scoring": "r2"}
        nets = [SigmoidMLPRegressor(**parameters).fit(frame, NUMBER, np.arange(N) % 3) for frame in (X, Z)]
        assert_array_equal(nets[0].predict(X), nets[1].predict(Z))


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda X: X[["b", "a", "c", "d"]], "Feature names must be in the same order as they were in fit"),
        (lambda X: X.rename(columns={"a": "z"}), "Feature names unseen at fit time"),
        (lambda X: X[["a", "b", "c"]], "Feature names seen at fit time, yet now missing"),
        (lambda X: X.assign(e=1.0), "Feature names unseen at fit time"),
    ],
)
@pytest.mark.parametrize("method", ["predict", "partial_fit", "backpropagate"])
def test_other_columns_are_scikit_learns_errors(change, message, method):
    X = pd.DataFrame(COUNTS.astype(float), columns=NAMES)
    net = SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    with pytest.raises(ValueError, match=message):
        getattr(net, method)(change(X), *([] if method == "predict" else [NUMBER]))


def test_names_on_one_side_only_warn_as_in_scikit_learn():
    X = pd.DataFrame(COUNTS.astype(float), columns=NAMES)
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but SigmoidMLPRegressor was fitted with"
    ):
        SigmoidMLPRegressor(**QUICK).fit(X, NUMBER).predict(COUNTS)
    with pytest.warns(UserWarning, match="X has feature names, but SigmoidMLPRegressor was fitted without"):
        SigmoidMLPRegressor(**QUICK).fit(COUNTS, NUMBER).predict(X)


# --- shapes and magnitudes -------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:y has a single class")
@pytest.mark.parametrize("solver", ["adam", "sgd", "rmsprop", "lbfgs"])
def test_tables_of_one_row_or_one_column_are_enough(solver):
    parameters = QUICK | {"solver": solver, "batch_size": 1}
    assert np.isfinite(SigmoidMLPRegressor(**parameters).fit([[2.0]], [3.0]).predict([[2.0]])).all()
    assert np.isfinite(SigmoidMLPRegressor(**parameters).fit(COUNTS[:, :1], NUMBER).predict([[2.0]])).all()
    net = SigmoidMLPClassifier(**parameters).fit([[2.0, 1.0]], ["only"])
    assert net.predict([[0.0, 0.0]]) == ["only"]
    assert net.predict_proba([[0.0, 0.0]]) == [[1.0]]


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("input_scaling", ["robust", "standard"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_huge_and_tiny_numbers_are_only_numbers(factor, input_scaling, dtype):
    outputs = predictions(COUNTS * factor, input_scaling=input_scaling, dtype=dtype)
    assert_allclose(outputs, predictions(COUNTS.astype(float), input_scaling=input_scaling, dtype=dtype), rtol=1e-4)


@pytest.mark.parametrize("factor", [1e-300, 1e-30, 1e30, 1e150])
def test_huge_and_tiny_targets_are_only_numbers(factor):
    net = SigmoidMLPRegressor(**QUICK).fit(COUNTS, NUMBER * factor)
    assert_allclose(net.predict(COUNTS) / factor, EXPECTED, rtol=1e-6)


def test_constant_columns_and_constant_targets():
    X = np.column_stack([COUNTS[:, 0], np.full(N, 7.0), np.full(N, 0.0)])
    assert np.isfinite(predictions(X)).all()
    assert_allclose(SigmoidMLPRegressor(**QUICK).fit(X, np.full(N, 5.0)).predict(X), 5.0, atol=2.0)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X, message",
    [
        (COUNTS * 1j, "^X: Complex data not supported: pass real and imaginary parts"),
        (COUNTS[:, :, None], "^X: .*dim 3.*Give a table of two dimensions"),
        (COUNTS[:, 0], "^X: Expected 2D array, got 1D array instead"),
        (
            pd.Series(COUNTS[:, 0]),
            r"^X is a Series.* X\.to_frame\(\)\.T if it is a row, or X\.to_frame\(\) if",
        ),
        ({"a": 1.0, "b": "x"}, r"^X is a dict, .*: pass pd\.DataFrame\(\[X\]\)\."),
        ({"a": [1.0, 2.0]}, r"^X is a dict, .*: pass pd\.DataFrame\(X\)\."),
        ([{"a": 1.0, "b": "x"}] * N, r"^X is a list of dicts, .*: pass pd\.DataFrame\(X\)\."),
        ([[1.0, 2.0]] * (N - 1) + [[3.0]], "^X: .*inhomogeneous.*Give a table of two dimensions"),
        (np.empty((0, 4)), r"0 sample\(s\)"),
        (np.empty((N, 0)), r"0 feature\(s\)"),
        (pd.DataFrame(index=range(N)), r"0 feature\(s\)"),
        (np.where(np.arange(4) == 2, np.inf, COUNTS), "'x2'.*infinity|infinity"),
        (np.full((N, 4), "word"), "could not convert string to float|dtype='numeric' is not compatible"),
        (np.array([["word", 1.0]] * N, dtype=object), "could not convert string to float: 'word'.*a data frame, or"),
        (pd.DataFrame(DENSE, columns=["a", "b", "a", "c"]), r"several columns with one name, \['a'\]"),
        (sp.csr_array(np.where(np.arange(4) == 2, np.nan, DENSE)), "Sparse X contains NaN.*'x2'"),
        (pd.DataFrame({"when": pd.period_range("2020", periods=N, freq="D")}), "Column 'when' of X holds period"),
        (pd.DataFrame({"z": COUNTS[:, 0] * 1j}), "Column 'z' of X holds complex"),
        (pd.DataFrame({"mixed": ["a", 1] * (N // 2)}), "Column 'mixed'"),
        (pd.DataFrame({"x": np.where(np.arange(N) == 3, np.inf, 1.0)}), "'x'.*infinity"),
        (pl.DataFrame({"when": [time(12)] * N}), "Column 'when' of X holds time"),
        (COUNTS[:-1], "inconsistent numbers of samples"),
        (None, "None|dtype"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_unsuitable_tables_are_refused(X, message):
    for net in (SigmoidMLPRegressor(**QUICK), SigmoidMLPClassifier(**QUICK)):
        with pytest.raises((ValueError, TypeError), match=message):
            net.fit(X, LABEL)
        assert vars(net) == vars(type(net)(**QUICK))


@pytest.mark.parametrize("method", ["predict", "activations", "partial_fit", "backpropagate"])
def test_another_number_of_columns_is_refused(method):
    net = SigmoidMLPRegressor(**QUICK).fit(COUNTS, NUMBER)
    with pytest.raises(ValueError, match="X has 3 features, but SigmoidMLPRegressor is expecting 4 features as input"):
        getattr(net, method)(COUNTS[:, :3], *([NUMBER] if method in ("partial_fit", "backpropagate") else []))


@pytest.mark.filterwarnings("ignore:X has feature names")
def test_errors_name_the_columns_of_a_frame_that_a_model_of_arrays_is_given():
    net = SigmoidMLPRegressor(**QUICK).partial_fit(COUNTS, NUMBER)
    frame = pd.DataFrame(COUNTS.astype(float), columns=list("abcd"))
    for bad in (frame.assign(b=np.inf), frame.assign(b=np.inf, c=frame["c"].astype("Float64"))):
        for call in (net.predict, net.activations, lambda X: net.partial_fit(X, NUMBER)):
            with pytest.raises(ValueError, match="Column 'b' of X contains infinity"):
                call(bad)
    assert_array_equal(net.predict(frame), net.predict(COUNTS))


def test_values_that_are_no_category_are_named():
    frame = pd.DataFrame({"a": NUMBER, "k": ["u", "v"] * (len(NUMBER) // 2)})
    net, bad = SigmoidMLPRegressor(**QUICK).fit(frame, NUMBER), frame.assign(k=[[1]] * len(frame))
    for call in (net.predict, net.input_gradients, lambda X: net.set_params(categorical_features=["k"]).fit(X, NUMBER)):
        with pytest.raises(TypeError, match="Column 'k' of X holds what is no category.*: make each value a string"):
            call(bad)


def test_infinity_is_refused_at_predict():
    net = SigmoidMLPRegressor(**QUICK).fit(COUNTS, NUMBER)
    with pytest.raises(ValueError, match="infinity"):
        net.predict(np.full((1, 4), np.inf))


def test_huge_values_at_predict_do_not_warn():
    X = np.random.default_rng(4).normal(size=(40, 2)).astype(np.float32)
    net = SigmoidMLPClassifier(4, max_iter=2, random_state=0).fit(X, X[:, 0] > 0)
    assert net.predict(np.full((4, 2), 3e38, dtype=np.float32)).shape == (4,)


@pytest.mark.parametrize("kind", ["array", "pandas", "polars"])
def test_a_float32_table_has_float32_predictions(kind):
    values = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    named = {"a": values[:, 0], "b": values[:, 1]}
    table = {"array": lambda: values, "pandas": lambda: pd.DataFrame(named), "polars": lambda: pl.DataFrame(named)}[
        kind
    ]()
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0).fit(table, values[:, 0])
    assert net.predict(table).dtype == np.float32
    assert net.coefs_[0].dtype == np.float32


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_whose_sum_overflows_do_not_warn(dtype):
    huge = np.finfo(dtype).max * np.resize(np.repeat([1, -1], 20), (N, 4)).astype(dtype)
    outputs = SigmoidMLPRegressor(**QUICK).fit(huge, NUMBER).predict(huge)
    assert np.isfinite(outputs).all()


# --- rows of a kind


def test_lbfgs_takes_several_outputs_of_text():
    labels = np.array([["a", "x"], ["b", "y"]] * 30, dtype=object)
    net = SigmoidMLPClassifier(5, solver="lbfgs", early_stopping=False, max_iter=5).fit(COUNTS, labels)
    assert net.predict(COUNTS).shape == labels.shape


# --- what would be misread -------------------------------------------------------------------------------------------


def with_one(value, dtype=None):
    table = X.astype(dtype or X.dtype)
    table[3, 1] = value
    return table


MISREAD = {
    "infinity": (with_one(np.inf), ValueError, "Column 'x1' of X contains infinity"),
    "infinity, sparse": (sp.csr_array(with_one(np.inf)), ValueError, "infinity in column 'x1'"),
    "infinity, COO": (sp.coo_array(with_one(np.inf)), ValueError, "infinity in column 'x1'"),
    "infinity, LIL": (sp.lil_array(with_one(np.inf)), ValueError, "infinity in column 'x1'"),
    "text": (with_one("pro", object), ValueError, "Column 'x1' of X .*numbers, but could not convert.*categorical_f"),
    "a dict": (with_one({}, object), TypeError, "Column 'x1' of X .*numbers, but float.*'dict'"),
    "400 digits": (with_one(10**400, object), ValueError, "Column 'x1' of X .*numbers, but int too large"),
    "dates": (X.astype("M8[s]"), TypeError, "X is an array of datetime64.*pass X as one"),
    "an Arrow table": (pa.table({"a": X[:, 0]}), TypeError, r"X is an Arrow table.*X\.to_pandas\(\)"),
    "a lazy frame": (pl.LazyFrame({"a": X[:, 0]}), TypeError, r"X is a lazy frame.*X\.collect\(\)"),
}


@pytest.mark.parametrize("what", MISREAD)
def test_tables_that_would_be_misread_are_refused_by_name(what):
    table, error, message = MISREAD[what]
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0)
    with pytest.raises(error, match=message):
        net.fit(table, NUMBER)
    net.fit(X, NUMBER)
    with pytest.raises(error, match=message):
        net.predict(table)
    with pytest.raises(error, match=f"X_val: .*{message}"):
        net.fit(X, NUMBER, X_val=table, y_val=NUMBER)


@pytest.mark.parametrize("rows", [[["a", 1.0], ["b", 2.5]], (("a", None), (None, 2.5))], ids=["lists", "tuples"])
def test_rows_with_text_in_lists_are_those_of_an_array(rows):
    rows, labels = rows * 20, [0, 1] * 20
    net = SigmoidMLPClassifier(3, max_iter=2, random_state=0, categorical_features=[0])
    expected = net.fit(np.array(rows, dtype=object), labels).predict_proba(np.array(rows, dtype=object))
    assert_array_equal(net.fit(rows, labels).predict_proba(rows), expected)
    with pytest.raises(ValueError, match="X"):
        net.predict([["a", 1.0], ["b"]])
    with pytest.raises(ValueError, match="Column 'x0' of X .*should hold numbers, but could not convert"):
        SigmoidMLPClassifier().fit([["a", 1.0], ["b", 2.5]] * 20, labels)


def test_none_in_a_list_of_rows_is_a_missing_number():
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0)
    rows = [[1.0, None], [2.0, 3.0], [None, 5.0]] * 20
    y = np.arange(60.0)
    missing = np.array([[np.nan if value is None else value for value in row] for row in rows])
    assert_array_equal(net.fit(rows, y).predict(rows), net.fit(missing, y).predict(missing))
    for text in ([["1", "2"], ["3", "4"]] * 20, [["1", 2.0], ["3", 4.0]] * 20):  # the same in lists as in arrays
        for X_text in (text, np.array(text)):
            with pytest.raises(ValueError, match="not compatible with arrays of bytes/strings"):
                net.fit(X_text, y[:40])


def test_masked_values_are_missing_ones():
    net = SigmoidMLPRegressor(3, max_iter=2, random_state=0)
    masked, missing = np.ma.masked_array(X, X > 1.0), np.where(X > 1.0, np.nan, X)
    expected = net.fit(missing, NUMBER).predict(missing)
    assert_array_equal(net.predict(masked), expected)
    assert_array_equal(net.fit(masked, NUMBER).predict(missing), expected)


def test_errors_name_the_validation_set():
    net = SigmoidMLPRegressor(3)
    with pytest.raises(ValueError, match="y_val: Input y contains NaN, in row 3: leave such rows out"):
        net.fit(X, NUMBER, X_val=X, y_val=with_one(np.nan)[:, 1])
    with pytest.raises(ValueError, match=r"X_val has \d+ rows and y_val 5"):
        net.fit(X, NUMBER, X_val=X, y_val=NUMBER[:5])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (True, "sample_weight=True is a bool"),
        (np.full(len(X), np.datetime64("2020")), "sample_weight should hold numbers, but holds datetime64"),
        (["a"] * len(X), "sample_weight should hold numbers, but row 0 holds 'a'"),
        (10**400, "sample_weight should hold numbers, but row 0 holds an integer of 1329 bits"),
        (np.full(len(X), 1e-320), "sample_weight adds up to .*e-319, so little that 1 over it overflows: multiply it"),
        (-np.ones(len(X)), "sample_weight holds a negative weight, -1"),
        (np.zeros(len(X)), "sample_weight is zero for every row"),
        (np.ones(5), r"sample_weight has shape \(5,\)"),
    ],
)
def test_unsuitable_weights_are_refused_by_fit_and_score(weight, message):
    for kind, y in ((SigmoidMLPRegressor, NUMBER), (SigmoidMLPClassifier, (NUMBER > 0).astype(int))):
        net = kind(3, max_iter=2, random_state=0)
        with pytest.raises((ValueError, TypeError), match=message):
            net.fit(X, y, sample_weight=weight)
        net.fit(X, y)
        with pytest.raises((ValueError, TypeError), match=message):
            net.score(X, y, weight)


def test_class_weights_must_have_a_sum_that_is_a_number():
    y = (NUMBER > 0).astype(int)
    for weight, message in ((1e308, "more than a float holds"), (1e-320, "almost nothing"), (10**400, "class_weight")):
        with pytest.raises(ValueError, match=message):
            SigmoidMLPClassifier(3, class_weight={0: weight, 1: weight}).fit(X, y)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([1, None], "groups has no group for row 1"),
        ([1.0, np.nan], "groups has no group for row 1"),
        ([{}, 1], "groups holds what cannot be compared"),
    ],
)
def test_unsuitable_groups_are_refused(groups, message):
    group_of_row = np.array((groups * len(X))[: len(X)], dtype=float if np.nan in groups else object)
    with pytest.raises((ValueError, TypeError), match=message):
        SigmoidMLPRegressor(3, early_stopping=True).fit(X, NUMBER, groups=group_of_row)


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda X, y, w: (X, y, np.where(w == 3, np.nan, w)), "sample_weight contains NaN, in row 2"),
        (lambda X, y, w: (X, y, np.where(w == 4, np.inf, w)), "sample_weight contains infinity, in row 3"),
        (lambda X, y, w: (X, y[:5]), f"X has {len(NUMBER)} rows and y 5"),
        (lambda X, y, w: (X, y[:0]), r"y has shape \(0,\): give"),
    ],
)
def test_messages_name_what_is_wrong_and_where(change, message):
    with pytest.raises(ValueError, match=message):
        SigmoidMLPRegressor(**QUICK).fit(*change(COUNTS.astype(float), NUMBER, 1.0 + np.arange(len(NUMBER))))


def test_lists_in_a_table_and_words_among_targets_are_named():
    X = COUNTS.astype(object)
    X[1, 1] = [1, 2]
    with pytest.raises(ValueError, match="Column 'x1' of X .*Give each value"):
        SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    with pytest.raises(ValueError, match="y should hold numbers, but row 0 holds 'a'"):
        SigmoidMLPRegressor(**QUICK).fit(COUNTS, NUMBER).score(COUNTS, ["a"] * len(NUMBER))


# --- what else an array may hold -------------------------------------------------------------------------------------


def test_objects_are_read_as_numbers_where_no_column_is_named():
    assert_array_equal(predictions(COUNTS.astype(object), categorical_features=None), EXPECTED)


@pytest.mark.parametrize("X", [[[10**400, 1]] * N, np.array([10**400] * N, dtype=object)])
def test_integers_that_no_float_holds_are_named(X):
    with pytest.raises(ValueError, match="int too large to convert to float"):
        predictions(X)


def test_names_that_are_text_in_part_are_refused():
    with pytest.raises(TypeError, match=r"\['int', 'str'\] as feature name"):
        predictions(pd.DataFrame(COUNTS, columns=["a", "b", 3, 4]))


@pytest.mark.parametrize("n_members", [1, 2])
def test_columns_may_have_any_name(n_members):
    """Also those of what a table in parts has, which a pandas frame shows as attributes."""
    names = ["place", "outputs", "count_kinds", "encoded"]
    parameters = dict(hidden_layer_sizes=3, max_iter=2, random_state=0, n_members=n_members)
    named, other = pd.DataFrame(X, columns=names), pd.DataFrame(X, columns=list("abcd"))
    for kind, target in (SigmoidMLPRegressor, NUMBER), (SigmoidMLPClassifier, LABEL):
        outputs = kind(**parameters).fit(named, target).predict(named)
        assert_array_equal(outputs, kind(**parameters).fit(other, target).predict(other))


BROKEN = np.array(["a", "b", "\ud800"], dtype=object)[np.arange(60) % 3]


@pytest.mark.parametrize("category_encoding", ["one_hot", "target"])
def test_a_category_with_half_a_surrogate_pair_is_refused(category_encoding):
    frame = pd.DataFrame({"n": np.arange(60.0), "k": pd.Series(BROKEN, dtype=object)})
    array = np.column_stack([np.arange(60.0).astype(object), BROKEN])
    for table, name, chosen in ((frame, "k", "from_dtype"), (array, "x1", [1])):
        net = SigmoidMLPRegressor(max_iter=2, category_encoding=category_encoding, categorical_features=chosen)
        with pytest.raises(ValueError, match=f"Column '{name}' of X holds text with .* surrogate pair: replace it"):
            net.fit(table, np.arange(60.0))


def test_a_column_name_with_half_a_surrogate_pair_is_refused():
    frame = pd.DataFrame(np.arange(60.0)[:, np.newaxis], columns=pd.Index(["\ud800"], dtype=object))
    with pytest.raises(ValueError, match=r"X.columns holds text with .* surrogate pair: replace it"):
        SigmoidMLPRegressor(max_iter=2).fit(frame, np.arange(60.0))


@pytest.mark.parametrize("dtype", [object, str])
def test_a_label_with_half_a_surrogate_pair_is_refused(dtype):
    with pytest.raises(ValueError, match="y holds text with the character .* half of a surrogate pair: replace it"):
        SigmoidMLPClassifier(max_iter=2).fit(np.arange(60.0)[:, np.newaxis], BROKEN.astype(dtype))


# --- objects that are no numbers -------------------------------------------------------------------------------------


def objects_of(value):
    values = np.empty(N, dtype=object)
    values[:] = [value, *[Decimal(1)] * (N - 1)]
    return values


@pytest.mark.parametrize("read", [
    lambda values: SigmoidMLPRegressor(**QUICK).fit(pd.DataFrame({"x0": values, "x1": NUMBER}), NUMBER),
    lambda values: SigmoidMLPRegressor(**QUICK).fit(np.column_stack([values, NUMBER]), NUMBER),
    lambda values: SigmoidMLPRegressor(**QUICK).fit(X[:, :1], NUMBER).predict(values[:, np.newaxis]),
    lambda values: SigmoidMLPRegressor(**QUICK).fit(
        pd.DataFrame({"x0": NUMBER}), NUMBER).predict(pd.DataFrame({"x0": values})),
])  # fmt: skip
def test_a_signalling_nan_is_named(read):
    with pytest.raises(ValueError, match="Column 'x0' of X .* should hold numbers|signaling NaN"):
        read(objects_of(Decimal("sNaN")))
    read(objects_of(None))
    read(objects_of(Decimal("NaN")))
    read(objects_of(Fraction(1, 3)))


def test_a_signalling_nan_beside_the_table_is_named():
    values = objects_of(Decimal("sNaN"))
    with pytest.raises(ValueError, match="y should hold numbers, but row 0 holds Decimal"):
        SigmoidMLPRegressor(**QUICK).fit(X, values)
    with pytest.raises(ValueError, match="sample_weight should hold numbers, but row 0 holds Decimal"):
        SigmoidMLPRegressor(**QUICK).fit(X, NUMBER, sample_weight=values)


def test_dates_beyond_nanoseconds():
    far = [datetime(9999, 12, 31), datetime(1, 1, 1)] * (N // 2)
    table = pd.DataFrame({"when": pd.Series(far, dtype=object), "b": NUMBER})
    assert np.isfinite(SigmoidMLPRegressor(**QUICK).fit(table, NUMBER).predict(table)).all()
    for beyond in (
        [timedelta.max] * N,
        [pd.Timestamp("2020-01-01 00:00:00.000000001"), datetime(9999, 1, 1)] * (N // 2),
    ):
        table["when"] = pd.Series(beyond, dtype=object)
        with pytest.raises(
            TypeError, match="Column 'when' of X cannot be read as dates.* make what is out of its range"
        ):
            SigmoidMLPRegressor(**QUICK).fit(table, NUMBER)


@pytest.mark.parametrize("y", [LABEL.astype([("a", int)]), LABEL.astype([("a", int)]).view("V8")])
def test_labels_with_fields_are_refused(y):
    with pytest.raises(ValueError, match="Unknown label type: y has the dtype .*: give it a column for each field"):
        SigmoidMLPClassifier(**QUICK).fit(X, y)


@pytest.mark.parametrize("X", [
    NUMBER, NUMBER.tolist(), NUMBER.astype(object), np.float64(3.0), LABEL.astype([("a", int)]),
])  # fmt: skip
def test_a_table_without_two_dimensions_is_not_printed(X):
    with pytest.raises(ValueError, match="X: Expected 2D array, got .* array instead. Reshape your data") as refused:
        SigmoidMLPRegressor(**QUICK).fit(X, NUMBER)
    assert len(str(refused.value)) < 300


def test_a_single_record_is_refused_with_what_predicts_it():
    table = pd.DataFrame({"a": COUNTS[:, 0], "b": ["x", "y"] * (N // 2)})
    net = SigmoidMLPRegressor(**QUICK).fit(table, NUMBER)
    record, row = table.iloc[0].to_dict(), table.iloc[0]
    for X in (record, [record], row):
        with pytest.raises(ValueError, match=r"^X is a .*: pass "):
            net.predict(X)
    for X in (pd.DataFrame([record]), row.to_frame().T):
        assert_array_equal(net.predict(X), net.predict(table[:1]))


@pytest.mark.parametrize("cell", [[1, 2], (1, 2), np.ones(2), {"a": 1}])
def test_collections_in_cells_are_named_with_a_remedy_that_helps(cell):
    table = pd.DataFrame({"a": pd.Series([cell] * N, dtype=object), "b": NUMBER})
    with pytest.raises(
        (TypeError, ValueError), match="Column 'a' of X .*Give each value of such a collection a column"
    ):
        SigmoidMLPRegressor(**QUICK).fit(table, NUMBER)


@pytest.mark.parametrize("path", ["table.csv", Path("table.csv")])
def test_a_path_is_answered_with_how_it_is_read(path):
    net = SigmoidMLPRegressor(max_iter=1).fit(np.eye(3), np.arange(3.0))
    for call in (lambda: SigmoidMLPRegressor().fit(path, [1.0]), lambda: net.predict(path)):
        with pytest.raises(TypeError, match="X is text or a path .*: give the values; pandas.read_csv reads"):
            call()


def test_a_formula_is_answered_with_what_to_pass():
    with pytest.raises(TypeError, match="X is a formula .*: give the columns on its right as X"):
        SigmoidMLPRegressor().fit("size ~ age + sex", [1.0])


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_columns_in_another_order_are_answered_with_the_order_of_fit(kind):
    frame = kind({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 2.0]})
    model = SigmoidMLPRegressor(max_iter=1).fit(frame, [0.0, 1.0, 2.0])
    with pytest.raises(
        ValueError, match=r"in the same order as they were in fit\.\s+Pass X\[model.feature_names_in_\]"
    ):
        model.predict(frame[["b", "a"]])
    assert np.array_equal(model.predict(frame[["b", "a"]][model.feature_names_in_]), model.predict(frame))


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_further_columns_are_answered_with_the_columns_of_fit(kind):
    frame = kind({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 2.0], "more": [1.0, 1.0, 1.0]})
    model = SigmoidMLPRegressor(max_iter=1).fit(frame[["a", "b"]], [0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match=r"unseen at fit time:\s+- more\s+Pass X\[model.feature_names_in_\]"):
        model.predict(frame)
    assert model.predict(frame[model.feature_names_in_]).shape == (3,)
    with pytest.raises(ValueError, match=r"seen at fit time, yet now missing:\s+- b\s*$"):
        model.predict(frame[["a", "more"]])
    with pytest.raises(ValueError, match="unseen at fit time") as caught:
        model.predict(kind({"a": [0.0], "c": [1.0]}))
    assert "feature_names_in_" not in str(caught.value)


def test_a_list_of_rows_with_dates_is_answered_with_the_frame_that_the_model_takes():
    days = pd.date_range("2020-01-01", periods=N)
    frame = pd.DataFrame({"a": np.arange(N) * 1.0, "t": days, "iso": days.strftime("%Y-%m-%d")})
    frame = frame.sample(frac=1.0, random_state=0, ignore_index=True)  # the rows are no time series
    net = SigmoidMLPRegressor(**QUICK).fit(frame, frame["a"].to_numpy())
    rows = frame.to_numpy().tolist()
    with (
        pytest.warns(UserWarning, match="X does not have valid feature names"),
        pytest.raises(ValueError, match=r"pass pd\.DataFrame\(X, columns=model\.feature_names_in_\)"),
    ):
        net.predict(rows)
    named = pd.DataFrame(rows, columns=net.feature_names_in_)
    assert_array_equal(net.predict(named), net.predict(frame))
    assert isinstance(rows[0][2], str)  # the user's rows are as they were
