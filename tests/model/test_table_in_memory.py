"""How rows in memory are encoded: once, or batch by batch. See also test_table_contract.py."""

import os
import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sknet import SigmoidMLPRegressor
from sknet._model import table_in_memory
from sknet._model.table_in_memory import choose_form
from tests.estimators.inside import model_of
from tests.model.examples import encoded_with, make_settings
from tests.model.limits import bytes_to_save, compact_bytes
from tests.network.pieces import as_array
from tests.tables.examples import column_settings, count_texts

SMALL_MEMORY = """
import resource
import sys

import numpy as np

from sknet import SigmoidMLPRegressor

def fit(X):
    parameters = eval(sys.argv[2])
    net = SigmoidMLPRegressor(8, max_iter=1, batch_size=256, early_stopping=True, random_state=0, **parameters)
    return net.fit(X, X[:, 0] - X[:, 1]).predict(X[-100:])

fit(np.random.default_rng(0).random((3000, 200)))  # everything is imported, BLAS has its buffers
X = np.load(sys.argv[1], mmap_mode="r")
with open("/proc/self/status", encoding="utf-8") as status:
    had = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (had + X.nbytes // 10, resource.RLIM_INFINITY))
assert np.isfinite(fit(X)).all()
try:
    np.array(X)
except MemoryError:
    print("limited")
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "X.npy"
    X = np.lib.format.open_memmap(path, "w+", np.float64, (100_000, 200))
    for start in range(0, len(X), 10_000):
        X[start : start + 10_000] = np.random.default_rng(start).random((10_000, 200))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a limit")
@pytest.mark.parametrize("parameters", [{"numeric_encoding": "raw"}, {"input_scaling": "standard"}])
def test_a_fit_to_a_memory_map_takes_less_than_a_tenth_of_its_memory(large, parameters):
    call = [sys.executable, "-c", SMALL_MEMORY, str(large), repr(parameters)]
    ended = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert ended.stdout == "limited\n", ended.stderr[-2000:]


rng = np.random.default_rng(0)
N, F64 = 1200, np.dtype(float)
X = rng.normal(size=(N, 3))
X[::7, 1] = np.nan
CITY = rng.permutation(np.arange(N) % 240)  # five rows each: none is rare
NUMBER = X[:, 0] + CITY % 2 + 0.1 * rng.normal(size=N)
CITIES = pd.DataFrame({"a": X[:, 0], "city": CITY.astype(str), "b": X[:, 1]})
SOME = np.array([5, 0, 77, 318, 40, 5])
SHORT = np.random.default_rng(1).integers(0, 200, (N, 12), dtype=np.uint8)
DATES = pd.DataFrame({name: pd.Timestamp(2020, 1, 1) + pd.to_timedelta(X[:, 0], unit="D") for name in "ab"})
FRAMES = {
    "short integers beside a number": (pd.DataFrame(SHORT).add_prefix("c").assign(number=X[:, 0]), "table"),
    "dates": (DATES, "table"),
    "short integers beside texts": (pd.DataFrame(SHORT).add_prefix("c").assign(city=CITY.astype(str)), "compact"),
}


def mapped(tmp_path):
    np.save(tmp_path / "X.npy", X)
    return np.load(tmp_path / "X.npy", mmap_mode="r")


def encoded_in(table, numeric_encoding="piecewise_linear"):
    """The table's encoding, and its rows encoded."""
    columns = column_settings(numeric_encoding=numeric_encoding, max_categories=None)
    return encoded_with(make_settings(table=columns), table, NUMBER)[:2]


def dense(inputs, batch, n_inputs):
    """A batch of the network's inputs as one array."""
    return as_array(inputs(batch), inputs.batch_format, n_inputs)


def is_compact(encoder, table):
    """Whether encoded rows are kept as compact rows."""
    form, _ = choose_form(encoder, table, np.dtype(np.float32))
    return form == "compact"


TABLES = {"dense": lambda _: X, "look-ups": lambda _: CITIES, "memory map": mapped}


@pytest.mark.parametrize("kind", TABLES)
def test_inputs_without_bins_equal_a_raw_encoding(kind, tmp_path):
    table = TABLES[kind](tmp_path)
    encoding, with_bins = encoded_in(table)
    encoding_of_raw, raw = encoded_in(table, "raw")
    n_bins, n_raw, rows = encoding.encoder.n_bins, encoding_of_raw.encoder.n_inputs, slice(0, N)
    expected = dense(raw.inputs, rows, n_raw)
    assert n_bins
    assert encoding.encoder.n_inputs == n_bins + n_raw
    assert_array_equal(dense(with_bins.inputs.without_first_inputs(n_bins), rows, n_raw), expected)
    assert_array_equal(dense(with_bins.inputs, rows, n_bins + n_raw)[:, n_bins:], expected)


def test_dates_with_default_bins_are_kept_as_compact_rows():
    encoding, _ = encoded_in(DATES)
    with compact_bytes(0):
        assert is_compact(encoding.encoder, DATES)


@pytest.mark.parametrize("kind", ["dense", "look-ups"])
@pytest.mark.parametrize("parameters", [{"early_stopping": "folds"}, {"early_stopping": True, "n_members": 2}])
def test_a_fit_from_compact_rows_has_the_same_weights(kind, parameters):
    table, weight = X if kind == "dense" else CITIES.assign(city="c" + CITIES["city"]), 1.0 + np.arange(N) % 2
    net = SigmoidMLPRegressor(8, max_iter=2, dtype="float32", max_categories=None, random_state=0, **parameters)
    net.set_params(numeric_encoding="auto" if "n_members" in parameters else "piecewise_linear")
    whole = clone(net).fit(table, NUMBER, sample_weight=weight)
    with compact_bytes(0):
        assert is_compact(model_of(whole).encoder.dense_encoder, table)
        compact = clone(net).fit(table, NUMBER, sample_weight=weight)
    for coef, expected in zip(compact.coefs_, whole.coefs_, strict=True):
        assert_allclose(coef, expected, rtol=0, atol=1e-5)  # products of a view may add in another order
    assert len(whole.coefs_[0]) > 3


def test_rows_of_short_integers_are_encoded_batch_by_batch():
    """Even compact rows would take nine times the memory of the table. The fit has the same weights."""
    rng = np.random.default_rng(1)
    table = rng.integers(0, 200, (N, 4), dtype=np.uint8)
    net = SigmoidMLPRegressor(8, max_iter=2, dtype="float32", numeric_encoding="piecewise_linear", random_state=0)
    whole = clone(net).fit(table, NUMBER)
    with compact_bytes(0), bytes_to_save(0), patch.object(table_in_memory, "encode_compact", None):
        for kind in (np.asarray, pd.DataFrame):
            assert_array_equal(clone(net).fit(kind(table), NUMBER).coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize(("n_columns", "form"), [(1, "table"), (2, "compact")])
def test_a_narrow_table_is_kept_only_as_it_is(n_columns, form):
    """Its targets and row indices take as much memory as the table, and compact rows would exceed three times it."""
    table = np.random.default_rng(1).normal(size=(N, n_columns))
    encoder = encoded_in(table)[0].encoder
    with compact_bytes(0), bytes_to_save(0):
        assert choose_form(encoder, table, np.dtype(np.float32))[0] == form


@pytest.mark.parametrize("name", FRAMES)
def test_a_frame_that_is_much_smaller_than_its_rows_is_encoded_batch_by_batch(name):
    frame, form = FRAMES[name]
    encoder = encoded_in(frame)[0].encoder.dense_encoder
    with compact_bytes(0), bytes_to_save(0):
        assert choose_form(encoder, frame, np.dtype(np.float32))[0] == form


@pytest.mark.parametrize("name", [name for name, (_, form) in FRAMES.items() if form == "table"])
def test_a_fit_to_a_frame_that_is_encoded_batch_by_batch_has_the_same_weights(name):
    frame, _ = FRAMES[name]
    net = SigmoidMLPRegressor(8, max_iter=2, dtype="float32", numeric_encoding="piecewise_linear", random_state=0)
    whole = clone(net).fit(frame, NUMBER)
    with compact_bytes(0), bytes_to_save(0), patch.object(table_in_memory, "encode_compact", None):
        assert_array_equal(clone(net).fit(frame, NUMBER).coefs_[0], whole.coefs_[0])


def test_sparse_rows_after_dense_ones_may_be_kept_compact():
    """An encoding with bins does not keep zeros, so sparse rows become dense."""
    rng = np.random.default_rng(1)
    net = SigmoidMLPRegressor(4, max_iter=2, numeric_encoding="piecewise_linear", random_state=0)
    dense, sparse = (clone(net).fit(X, NUMBER) for _ in range(2))
    more = np.round(np.abs(rng.normal(size=(100, X.shape[1]))))
    with compact_bytes(0):
        sparse.partial_fit(sp.csr_array(more), NUMBER[:100])
        dense.partial_fit(more, NUMBER[:100])
    assert_array_equal(sparse.coefs_[0], dense.coefs_[0])


# --- fits -------------------------------------------------------------------------------------------------


def test_booleans_equal_floats():
    rng = np.random.default_rng(1)
    table = rng.random((N, 4)) < 0.3
    net = SigmoidMLPRegressor(8, max_iter=2, random_state=0)
    assert_array_equal(clone(net).fit(table, NUMBER).coefs_[0], net.fit(table.astype(float), NUMBER).coefs_[0])
    assert_array_equal(net.predict(table), net.predict(table.astype(float)))


def test_texts_are_encoded_once_for_all_folds():
    """Folds encode other columns again, by target means without their own targets."""
    rng = np.random.default_rng(1)
    words = rng.choice(["red", "blue", "far", "near", "sun", "moon", "cat", "dog"], (N, 6))
    table = pd.DataFrame({"city": pd.Categorical(CITY), "note": [" ".join(line) for line in words]})
    net = SigmoidMLPRegressor(4, max_iter=1, early_stopping="folds", category_encoding="target", n_members=1)
    with count_texts() as n_encoded:
        net.fit(table, NUMBER)
    assert {"text", "target"} <= set(net.inputs_["kind"])
    assert sum(n_encoded) == N
