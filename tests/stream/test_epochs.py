"""Batches of stored rows: every row once in an epoch, in batches of one size, mixed anew each time."""

import numpy as np
import pytest

from sknet._model.matrices import Encoding
from sknet._model.settings import ObjectiveSettings
from sknet._stream import epochs as training
from sknet._stream.epochs import EpochRows, StoredRows, TableInputs
from sknet._stream.scratch import ScratchFiles
from sknet._stream.stored import CheckedChunk, TableWriter
from sknet._tables.choices import ColumnChoices
from sknet._tables.encoding import learn_encoder

N = 500
X = np.arange(N, dtype=float)[:, np.newaxis]
WEIGHT = 1.0 + np.arange(N) % 2


class Recorder:
    def set_rows(self, inputs, target, weight):
        self.inputs, self.target, self.weight = inputs, target, weight


@pytest.fixture
def stored(tmp_path):
    with ScratchFiles(tmp_path) as files:
        writer = TableWriter(files, 0, choices=ColumnChoices(None), has_labels=True)
        for rows in (slice(0, 200), slice(200, N)):
            writer.append(CheckedChunk(X[rows], X[rows, 0] % 3, WEIGHT[rows], None))
        yield writer.finish()


def rows_of(stored, share=0.2):
    return StoredRows(stored, stored.learn_head(ObjectiveSettings("log_loss")), share)


def test_rows_are_trained_on_or_held_out(stored):
    rows = rows_of(stored)
    counted, held_out = rows.count(), rows.held_out()
    assert counted.n + counted.n_held_out == N and 60 < counted.n_held_out < 140 and len(held_out) == counted.n_held_out
    assert (np.diff(held_out.X[:, 0]) > 0).all() and (held_out.y[:, 0] == held_out.X[:, 0] % 3).all()
    seen = np.concatenate([rows.table(records)[:, 0] for records in rows.pools()])
    assert sorted([*seen, *held_out.X[:, 0]]) == X[:, 0].tolist()
    assert counted.total == pytest.approx(WEIGHT.sum() - held_out.weight.sum())


@pytest.mark.parametrize("size", [1, 30, 64, 1000])
@pytest.mark.parametrize("small", [False, True])
def test_an_epoch_has_every_row_once(stored, size, small, monkeypatch):
    if small:
        monkeypatch.setattr(training, "POOL_BYTES", 100)
        monkeypatch.setattr(training, "ENCODED_BYTES", 500)
    rows = rows_of(stored, 0.0)
    sample = rows.sample(0)
    assert (sample.rows.X == X).all() and (sample.rows.weight == WEIGHT).all() and (sample.row_numbers == X[:, 0]).all()
    encoder = learn_encoder(sample.rows.X, input_scaling="standard", weight=sample.rows.weight)
    assert encoder.columns[0].center == pytest.approx(np.average(X[:, 0], weights=WEIGHT))
    encoding = Encoding(encoder, rows.head, np.dtype(float), np.dtype(float))
    stream, seen, orders = EpochRows(rows, encoding, rows.count(), 0.0, 4096, sample), [], []
    for rng in (np.random.default_rng(0), np.random.default_rng(1), None):
        recorder, seen = Recorder(), []
        for batch in stream.batches(recorder, size, rng):
            values = recorder.inputs(batch)[:, 0] / encoder.columns[0].scale + encoder.columns[0].center
            assert (recorder.target[batch].argmax(axis=1) == np.round(values) % 3).all()
            np.testing.assert_allclose(recorder.weight[batch], (1.0 + np.round(values) % 2) / WEIGHT.mean())
            seen.append(np.round(values).astype(int).tolist())
        assert [len(batch) for batch in seen[:-1]] == [size] * (N // size if N % size else N // size - 1)
        orders.append([value for batch in seen for value in batch])
        assert sorted(orders[-1]) == list(range(N))
    assert orders[0] != orders[1]


def test_a_table_is_encoded_when_it_is_needed():
    encoder = learn_encoder(X)
    inputs = TableInputs(encoder, X, np.dtype(float))
    np.testing.assert_array_equal(inputs(slice(3, 9)), encoder.encode(X[3:9], float, ones=True))
