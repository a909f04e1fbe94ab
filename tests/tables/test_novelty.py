"""Columns far outside of what was learnt: shifted numbers and unknown levels, and nothing else."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sknet._tables.encoding import learn_encoder
from sknet._tables.novelty import far_columns

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(size=60), "c": ["x", "y", "z"] * 20})


@pytest.mark.parametrize("encoding", ["raw", "piecewise_linear"])
def test_far_columns_are_named(encoding):
    encoder = learn_encoder(FRAME, numeric_encoding=encoding, n_bins=4)
    assert far_columns(encoder, FRAME[::-1]) == []
    assert far_columns(encoder, FRAME.assign(a=FRAME["a"] + 100)) == ["a"]
    assert far_columns(encoder, FRAME.assign(c="new", b=np.nan)) == ["c"]
    assert far_columns(encoder, FRAME.assign(c=None)) == []


def test_arrays_and_sparse_rows():
    X = np.array(FRAME[["a", "b"]])
    assert far_columns(learn_encoder(X), X + np.array([0, 50])) == ["x1"]
    assert far_columns(learn_encoder(X, input_scaling=None), X + np.array([0, 50])) == []
    assert far_columns(learn_encoder(sparse.csr_array(X)), sparse.csr_array(X * 1000)) == []
