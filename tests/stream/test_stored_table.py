"""A table in a file as one value. What all tables promise: test_table_contract."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from tests.model.examples import rows_with_targets
from tests.network.pieces import network_of, objective_of
from tests.stream.files import stored_table
from tests.stream.limits import pool_bytes
from tests.tables.examples import encoder_of
from tests.tables.limits import sample_rows

FRAME = pd.DataFrame({"a": np.arange(90.0), "b": [f"level {i % 7}" for i in range(90)]})


def test_a_scorer_gets_the_rows_and_a_message_the_first_of_the_source(tmp_path):
    with stored_table(FRAME, tmp_path) as table:
        some = table[np.array([3, 4, 50, 89])][np.array([1, 3])]
        assert some.for_scorer().equals(table.rows_in_memory(np.array([4, 89])))
        assert table.example_rows.equals(FRAME.iloc[:2])
        assert table.limits.is_sequential and table.limits.max_held_out < np.inf


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
