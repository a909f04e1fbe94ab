"""A source that is written to a file: what is known of it, whatever the chunks that it came in."""

from datetime import datetime
from decimal import Decimal
from functools import partial

import numpy as np
import pandas as pd
import pytest
from sknet._stream.records import ScratchFiles

from sknet._stream.packing import choose_format
from sknet._stream.stored import Chunk, CollectedLabels, SourceWriter, hash_groups
from tests.tables.examples import column_choices

X = np.random.default_rng(0).normal(size=(60, 2))
LABELS = np.random.default_rng(1).choice(["b", "a", "c"], 60)


@pytest.fixture
def files(tmp_path):
    with ScratchFiles(tmp_path) as files:
        yield files


def open_writer(files):
    choose = partial(choose_format, choices=column_choices(), files=files)
    return SourceWriter(files, CollectedLabels(), choose, "source")


def stored(files, y, cuts=(), weight=None, groups=None):
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
    take = lambda values, rows: None if values is None else values[rows]  # noqa: E731
    writer = open_writer(files)
    for rows in pieces:
        writer.append(Chunk(X[rows], y[rows], take(weight, rows), take(groups, rows)), X[rows][:2])
    return writer.finish()


def values_of(found):
    return found.rows.take(np.arange(len(found.rows.records)))


def test_chunks_change_nothing(files):
    one, other = stored(files, LABELS), stored(files, LABELS, (1, 9))
    assert one.rows.digest == other.rows.digest
    np.testing.assert_array_equal(values_of(one), values_of(other))
    np.testing.assert_array_equal(one.y, other.y)


def test_all_that_belongs_to_a_row_is_in_the_order_of_the_file(files):
    found = stored(files, X[:, 0].astype(str), (7, 30), weight=X[:, 0] ** 2, groups=np.arange(60))
    first = values_of(found)[:, 0]
    assert (first != X[:, 0]).any() and sorted(first) == sorted(X[:, 0])
    assert found.y.tolist() == first.astype(str).tolist() and (found.weight == first**2).all()
    row_of = {value: row for row, value in enumerate(X[:, 0].tolist())}
    assert (found.groups == hash_groups(np.arange(60))[[row_of[value] for value in first.tolist()]]).all()


def test_rows_of_weight_zero_are_dropped_with_their_labels(files):
    y = np.where(np.arange(60) < 5, "gone", LABELS)
    found = stored(files, y, (20,), weight=(np.arange(60) >= 5) * 2.0)
    assert len(found.y) == 55 and sorted(set(found.y)) == ["a", "b", "c"]
    assert sorted(values_of(found)[:, 0]) == sorted(X[5:, 0])
    with pytest.raises(ValueError, match="no row of positive weight"):
        stored(files, y, weight=np.zeros(60))


SAME = [
    (np.array([0, 1, -3]), np.array([0.0, 1.0, -3.0]), np.array([Decimal(0), True, np.float32(-3)], dtype=object)),
    (np.array([0.5, 1.0]), np.array([0.5, 1.0], np.float32), np.array([Decimal("0.50"), 1], dtype=object)),
    (np.array([2**63, 1], np.uint64), np.array([2.0**63, 1.0]), np.array([2**63, True], dtype=object)),
    (np.array(["x", "1"]), np.array(["x", "1"], dtype=object), pd.Series(["x", "1"], dtype="category")),
    (
        np.array(["2024-01-01", "2024-01-02"], "M8[D]"),
        np.array(["2024-01-01", "2024-01-02"], "M8[ns]"),
        np.array([datetime(2024, 1, 1), pd.Timestamp("2024-01-02")], dtype=object),
    ),
]


@pytest.mark.parametrize("chunks", SAME)
def test_a_group_has_one_hash_whatever_the_type_of_its_chunk(chunks):
    first, *others = [hash_groups(np.asarray(values)) for values in chunks]
    assert all((other == first).all() for other in others) and first[0] != first[1]
    assert hash_groups(np.asarray(chunks[0])[:1])[0] == first[0]


def test_different_groups_have_different_hashes():
    numbers = [0.0, 0.5, 4, -4, 2**53, 2**53 + 1, 2**61 - 1, 2.0**63, 2**64, 3e300, np.inf, "4", "x"]
    assert len(set(hash_groups(np.array(numbers, dtype=object)).tolist())) == len(numbers)
    assert len(set(hash_groups(np.array([2.0**63, 3e300, -3e300, np.inf, -np.inf, 1e-300])).tolist())) == 6


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [((np.ones(2), None), (None, None), "weights"), ((None, None), (None, X[:2, 0]), "groups")],
)
def test_what_only_some_chunks_have_is_refused(files, first, second, message):
    writer = open_writer(files)
    writer.append(Chunk(X[:2], np.array([0, 1]), *first), X[:2])
    with pytest.raises(ValueError, match=f"some have none: give all of them {message}"):
        writer.append(Chunk(X[:2], np.array([0, 1]), *second), X[:2])
