"""A table in a file as one value: its rows, and what goes through the file once."""

import numpy as np
import pandas as pd
import pytest

from sknet._stream.collected_targets import CollectedNumbers
from sknet._stream.packing import choose_format
from sknet._stream.scratch import ScratchFiles
from sknet._stream.stored import CheckedChunk, SourceWriter
from sknet._stream.stored_table import StoredTable
from tests.tables.examples import column_choices, encoder_of, encoding_parts_of

N = 90
FRAME = pd.DataFrame({"a": np.arange(float(N)), "b": [f"level {i % 7}" for i in range(N)]})
ROWS = np.array([3, 4, 50, 89])


@pytest.fixture
def table(tmp_path):
    with ScratchFiles(tmp_path) as files:
        choices = column_choices()
        writer = SourceWriter(files, CollectedNumbers(), lambda X: choose_format(X, choices, files), "source")
        for start in range(0, N, 40):
            part = FRAME.iloc[start : start + 40]
            writer.append(CheckedChunk(part, part["a"], None, None), part.iloc[:2])
        source = writer.finish()
        yield StoredTable(source.rows), source.y


def test_rows_are_chosen_by_their_places(table):
    X, y = table
    some = X[ROWS]
    assert (X.shape, some.shape, len(X[5:9])) == ((N, 2), (4, 2), 4)
    assert X.rows_in_memory(np.arange(N))["a"].tolist() == y.tolist()
    assert some.rows_in_memory(np.array([2, 0]))["a"].tolist() == y[[50, 3]].tolist()
    assert some[np.array([1, 3])].for_scorer()["a"].tolist() == y[[4, 89]].tolist()
    assert X.example_rows.equals(FRAME.iloc[:2])


def test_a_digest_tells_rows_apart(table):
    X, _ = table
    assert X.digest() == StoredTable(X.stored).digest()
    assert len({X.digest(), X[ROWS].digest(), X[ROWS[1:]].digest()}) == 3


def test_target_totals_are_those_of_memory(table):
    X, y = table
    in_memory, weight, target = X.rows_in_memory(np.arange(N)), 1.0 + y % 3, y[:, np.newaxis]
    encoder = encoder_of(in_memory, category_encoding="target", target=target)
    encoding_part = encoding_parts_of(target)
    for rows in (np.arange(N), np.arange(0, N, 2)):
        totals = X[rows].target_totals(encoder, y[rows, np.newaxis], np.copy, weight[rows], encoding_part[rows])
        found = encoder.with_target_totals(totals)
        expected = encoder.with_target_totals(
            encoder.target_totals(in_memory.iloc[rows], target[rows], weight[rows], encoding_part[rows])
        )
        np.testing.assert_allclose(found.encode(in_memory, float), expected.encode(in_memory, float))
