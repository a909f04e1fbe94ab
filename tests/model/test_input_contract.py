"""The contract of inputs: every kind gives the same rows, with or without the first inputs."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sknet._model.table_in_memory import EncodedLocally, WrittenBatches
from tests.network.pieces import KINDS, OneHotAndDenseBatches, as_array, inputs_of, one_hot_and_dense_rows

N, D = 40, 6
X = np.random.default_rng(0).integers(0, 3, (N, D)).astype(float)
ORDER = np.random.default_rng(1).permutation(N)
WHERE_FROM = np.argsort(ORDER)  # X[ORDER][WHERE_FROM] is X


def written(values, batch_format):
    """Inputs that are written batch by batch, two rows at a time."""

    def write(batch, out, n_skipped_inputs):
        out[:, :n_skipped_inputs], out[:, n_skipped_inputs:] = (
            np.nan,
            values[batch, n_skipped_inputs:],
        )

    return WrittenBatches(write, values.shape[1], values.dtype, 2 * values.shape[1] + 2, batch_format)


def mixed_and_written(values):
    rows = one_hot_and_dense_rows(values)
    return OneHotAndDenseBatches(written(rows.dense, "dense"), rows.one_hot, rows.dense_inputs)


WHOLE = {
    **{kind: lambda values, kind=kind: inputs_of(values, kind) for kind in KINDS},
    "written": lambda values: written(values, "dense"),
    "written, with ones": lambda values: written(values, "ones"),
    "mixed, written": mixed_and_written,
}
INPUTS = {
    **{name: make(X) for name, make in WHOLE.items()},
    **{f"some rows, {name}": EncodedLocally(make(X[ORDER]), WHERE_FROM) for name, make in WHOLE.items()},
}
BATCHES = [slice(3, 7), np.array([7, 2, 2, 39]), slice(5, 5), slice(0, N), ORDER, np.array([0])]
every_kind = pytest.mark.parametrize("inputs", INPUTS.values(), ids=INPUTS)
with_and_without_the_first = pytest.mark.parametrize("n_skipped_inputs", [0, 1])


@every_kind
@with_and_without_the_first
def test_a_batch_has_its_rows_without_the_skipped_inputs(inputs, n_skipped_inputs):
    taken = inputs.without_first_inputs(n_skipped_inputs)
    assert taken.batch_format == inputs.batch_format
    for batch in BATCHES:
        found = as_array(taken(batch), taken.batch_format, D - n_skipped_inputs)
        assert_array_equal(found, X[batch][:, n_skipped_inputs:])


@every_kind
def test_skipping_twice_adds_up_and_changes_no_other_inputs(inputs):
    batch, (one, same) = (
        BATCHES[1],
        (
            inputs.without_first_inputs(1).without_first_inputs(0),
            inputs.without_first_inputs(0).without_first_inputs(1),
        ),
    )
    for taken in one, same:
        assert_array_equal(as_array(taken(batch), taken.batch_format, D - 1), X[batch][:, 1:])
    assert_array_equal(as_array(inputs(batch), inputs.batch_format, D), X[batch])


@every_kind
@with_and_without_the_first
def test_each_network_has_separate_buffers(inputs, n_skipped_inputs):
    one, other = (
        inputs.without_first_inputs(n_skipped_inputs),
        inputs.without_first_inputs(n_skipped_inputs),
    )
    Z = one(BATCHES[1])
    other(np.arange(4))
    assert_array_equal(as_array(Z, one.batch_format, D - n_skipped_inputs), X[BATCHES[1]][:, n_skipped_inputs:])
