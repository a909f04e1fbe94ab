"""Batches of rows in a file: every row once in an epoch, in batches of one size, mixed anew each time."""

import numpy as np
import pytest

from sknet._model.matrices import Samples
from sknet._network.activations import ACTIVATIONS
from sknet._network.inputs import DenseInputs
from sknet._network.layout import Layout
from sknet._network.objective import Objective
from sknet._network.penalties import ElasticNet
from sknet._network.regression import SQUARED_ERROR
from sknet._stream import encoded_in_file as training
from sknet._stream.collected_targets import CollectedNumbers
from sknet._stream.packing import ArrayFormat
from sknet._stream.scratch import ScratchFiles
from sknet._stream.stored import CheckedChunk, SourceWriter
from sknet._stream.stored_table import StoredTable
from sknet._tables import sampling
from sknet._tables.columns import ColumnSettings
from sknet._tables.encoding import learn_encoder

N, D = 500, 3
RNG = np.random.default_rng(0)
X, Y, WEIGHT = RNG.normal(size=(N, D)), RNG.normal(size=N), 1.0 + np.arange(N) % 2
ENCODER = learn_encoder(X, ColumnSettings(input_scaling="standard"))
NETWORK = Layout((D, 4, 1)), (ACTIVATIONS["tanh"],), SQUARED_ERROR, ElasticNet()
THETA = RNG.normal(size=NETWORK[0].n_parameters)


@pytest.fixture
def source(tmp_path):
    with ScratchFiles(tmp_path) as files:
        writer = SourceWriter(files, CollectedNumbers(), lambda X: ArrayFormat(D, X.dtype), "source")
        for rows in (slice(0, 200), slice(200, N)):
            writer.append(CheckedChunk(X[rows], Y[rows], WEIGHT[rows], None), X[:2])
        yield writer.finish()


def rows_and_objectives(source, rows):
    """Encoded rows of a file, their objective, and that of the same rows in memory."""
    encoded = StoredTable(source.rows).encode(ENCODER, np.dtype(float), None)[rows]
    y, weight, typical = source.y[rows, np.newaxis], source.weight[rows] / WEIGHT.mean(), encoded.typical_rows
    target = y if typical is None else y[typical]
    samples = Samples(encoded.inputs, y, np.copy, target, weight, weight.sum(), 64, typical)
    Z = ENCODER.encode(source.rows.take(rows), float, ones=True)
    local = Objective(*NETWORK, DenseInputs(Z, "ones"), y, weight, max_rows=N)
    return encoded, encoded.objective(*NETWORK, samples, ()), local


@pytest.mark.parametrize("size", [1, 30, 64, 1000])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("rows", [np.arange(N), np.arange(0, N, 3)], ids=["all", "some"])
def test_an_epoch_has_every_row_once(source, size, small, rows, monkeypatch):
    if small:
        monkeypatch.setattr(training, "POOL_BYTES", 100)
        monkeypatch.setattr(training, "ENCODED_BYTES", 500)
    _, objective, local = rows_and_objectives(source, rows)
    n, whole, part = len(rows), np.empty_like(THETA), np.empty_like(THETA)
    expected, epochs = local(THETA, slice(0, n), whole)[0], []
    for rng in (np.random.default_rng(0), np.random.default_rng(1), None):
        values, lengths, gradient = [], [], np.zeros_like(THETA)
        for batch in objective.batches(size, rng):
            values.append(objective(THETA, batch, part)[0])
            lengths.append(batch.stop - batch.start)
            gradient += part * lengths[-1] / n
        assert lengths == [size] * (n // size) + [n % size] * (n % size > 0)
        assert np.average(values, weights=lengths) == pytest.approx(expected)
        np.testing.assert_allclose(gradient, whole)
        epochs.append(values)
    assert size == 1000 or epochs[0] != epochs[1]


def test_held_out_rows_are_evaluated_as_in_memory(source):
    rows = np.arange(0, N, 5)
    encoded, objective, local = rows_and_objectives(source, rows)
    Z = ENCODER.encode(source.rows.take(rows), float, ones=True)
    expected = local.raw(THETA, DenseInputs(Z, "ones"), len(rows))
    np.testing.assert_allclose(objective.raw(THETA, encoded.inputs, len(rows)), expected)
    assert objective.penalty(THETA) == 0.0


def test_a_sample_of_many_rows_stands_for_their_targets(source, monkeypatch):
    encoded, _, _ = rows_and_objectives(source, np.arange(N))
    assert encoded.typical_rows is None
    monkeypatch.setattr(sampling, "SAMPLE_ROWS", 100)
    assert len(encoded.typical_rows) == 100
    test_an_epoch_has_every_row_once(source, 64, False, np.arange(N), monkeypatch)
