"""Batches of rows in a file: every row once in an epoch, in batches of one size, mixed anew each time."""

from contextlib import nullcontext

import numpy as np
import pytest

from tests.model.examples import rows_with_targets
from tests.network.pieces import network_of, objective_of
from tests.stream.files import stored_table
from tests.stream.limits import pool_bytes
from tests.tables.examples import encoder_of
from tests.tables.limits import sample_rows

N, D = 500, 3
RNG = np.random.default_rng(0)
X, Y, WEIGHT = RNG.normal(size=(N, D)), RNG.normal(size=N), 1.0 + np.arange(N) % 2
ENCODER = encoder_of(X, input_scaling="standard")
NETWORK = network_of(D, 4, 1)
THETA = RNG.normal(size=NETWORK.layout.n_parameters)


@pytest.fixture
def table(tmp_path):
    with stored_table(X, tmp_path, chunk_rows=200) as table:
        yield table


def objectives_of(table, rows):
    """The objective of rows of a file, and that of the same rows in memory."""
    encoded = table.encode(ENCODER, np.dtype(float), None)[rows]
    y, weight = Y[rows, np.newaxis], WEIGHT[rows] / WEIGHT[rows].mean()
    Z = ENCODER.encode(table.rows_in_memory(rows), float, ones=True)
    objective = encoded.objective(NETWORK, rows_with_targets(encoded, y, weight))
    return objective, objective_of(NETWORK, Z, y, weight)[0]


@pytest.mark.parametrize("size", [1, 30, 64, 1000])
@pytest.mark.parametrize("small", [False, True])
@pytest.mark.parametrize("rows", [np.arange(N), np.arange(0, N, 3)], ids=["all", "some"])
def test_an_epoch_has_every_row_once(table, size, small, rows):
    with pool_bytes(100, encoded=500) if small else nullcontext():
        check_an_epoch(table, size, rows)


def check_an_epoch(table, size, rows):
    objective, local = objectives_of(table, rows)
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


def test_a_sample_of_many_rows_stands_for_their_targets(table):
    objective, local = objectives_of(table, np.arange(N))
    assert len(objective.known_targets[0]) == len(local.known_targets[0]) == N
    with sample_rows(100):
        assert [*map(len, objectives_of(table, np.arange(N))[0].known_targets)] == [100, 100]
        check_an_epoch(table, 64, np.arange(N))
