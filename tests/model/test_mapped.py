"""Rows of a file as the network's input."""

import numpy as np
from numpy.testing import assert_array_equal

from sknet._model.mapped import MappedInputs
from sknet._tables.encoding import learn_encoder


def test_rows_of_a_file_are_encoded_batch_by_batch(tmp_path):
    X = np.random.default_rng(0).normal(size=(30, 3))
    X.tofile(tmp_path / "X")
    mapped = np.memmap(tmp_path / "X", X.dtype, "r", shape=X.shape)
    encoder = learn_encoder(X)
    inputs = MappedInputs(encoder, mapped, np.dtype(float), 10, None)
    whole = encoder.encode(X, float, ones=True)
    for batch in (slice(0, 10), slice(25, 30), np.array([7, 3, 28])):
        assert_array_equal(inputs(batch), whole[batch])
    assert inputs(slice(0, 10)) is not None and inputs.kind == "ones"
