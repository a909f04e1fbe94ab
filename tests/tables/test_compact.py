"""Compact rows are the encoded rows, bit for bit."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sknet._tables.compact import encode_compact
from sknet._tables.encoder import INPUTS_ENCODED_AT_ONCE
from tests.tables.examples import encoder_of

rng = np.random.default_rng(0)
N = 200
F32 = np.dtype(np.float32)
FRAME = pd.DataFrame(
    {
        "x": rng.normal(size=N),
        "gaps": np.where(rng.random(N) < 0.2, np.nan, rng.normal(size=N)),
        "few": rng.integers(0, 5, N),
        "zeros": np.maximum(rng.normal(size=N), 0.0),
        "constant": 1.0,
        "flag": rng.random(N) < 0.5,
        "sex": rng.choice(["f", "m"], N),
        "sex, or not": rng.choice(np.array(["f", "m", None], dtype=object), N),
        "city": rng.choice([f"c{i}" for i in range(40)], N),
        "day": pd.Timestamp(2020, 1, 1) + pd.to_timedelta(rng.integers(0, 10**8, N), unit="s"),
        "tail": rng.standard_cauchy(N) ** 3,
    }
)
FRAME.loc[::7, "day"] = pd.NaT
UNSEEN = FRAME.iloc[::-1].assign(city="nowhere", x=1e6 * FRAME["x"], few=-1, zeros=np.nan)
BATCHES = (slice(0, 10), np.array([7, 3, 3, N - 1]), slice(5, 5), slice(0, N))
TARGET = rng.normal(size=(N, 2))


def assert_same(encoder, X, dtype=F32, encoding_fold=None):
    compact, whole = (
        encode_compact(encoder, X, dtype, encoding_fold),
        encoder.encode(X, dtype, encoding_fold=encoding_fold),
    )
    for batch in (*BATCHES, slice(len(X) - 30, len(X))):
        for first in (0, encoder.n_bins):
            out = np.full(whole[batch].shape, np.nan, dtype)
            compact.expand_into(batch, out, first)
            assert_array_equal(out[:, first:], whole[batch, first:])
    return compact


@pytest.mark.parametrize("rows", [FRAME, UNSEEN], ids=["of training", "unseen"])
@pytest.mark.parametrize(
    "how",
    [
        {"numeric_encoding": "piecewise_linear"},
        {"numeric_encoding": "piecewise_linear", "n_bins": 150, "max_categories": 5, "input_scaling": None},
        {"numeric_encoding": "piecewise_linear", "input_scaling": "quantile"},
        {"max_categories": None},
    ],
)
def test_compact_rows_of_every_kind_of_column_expand_to_encoded_rows(how, rows):
    encoder = encoder_of(FRAME, **how)
    n_at_once = INPUTS_ENCODED_AT_ONCE // encoder.n_inputs
    assert_same(encoder, pd.concat([rows] * (n_at_once // N + 2), ignore_index=True))  # several blocks


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32) | st.just(0.0), min_size=20, max_size=60),
    st.integers(2, 20),
)
def test_whatever_the_edges_are(values, n_bins):
    X = np.resize(np.array(values), N)[:, np.newaxis]
    encoder = encoder_of(X, numeric_encoding="piecewise_linear", n_bins=n_bins)
    assert_same(encoder, X)


def test_compact_rows_take_a_fraction_of_the_memory():
    """Of a number with 16 bins: itself, the next_fill and how many bins are full, for 17 inputs."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(N, 20))
    encoder = encoder_of(X, numeric_encoding="piecewise_linear", n_bins=16)
    compact = assert_same(encoder, X)
    arrays = (compact.uncompressed, compact.sign_inputs, compact.n_full, compact.next_fill, compact.category)
    assert sum(array.nbytes for array in arrays) == 9 * X.size == N * compact.layout.row_bytes(F32)
    assert encoder.n_inputs == 17 * 20
