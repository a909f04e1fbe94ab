"""Stored rows: what is known of them, whatever the chunks they came in."""

from datetime import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sknet._model.settings import ObjectiveSettings
from sknet._stream.scratch import ScratchFiles
from sknet._stream.stored import CheckedChunk, TableWriter, hash_groups
from sknet._tables.choices import ColumnChoices

X = np.random.default_rng(0).normal(size=(60, 2))
LABELS = {
    "text": np.random.default_rng(1).choice(["b", "a", "c"], 60),
    "columns": np.random.default_rng(2).integers(0, 4, (60, 2)),
    "indicator": np.random.default_rng(3).integers(0, 2, (60, 3)),
}


@pytest.fixture
def files(tmp_path):
    with ScratchFiles(tmp_path) as files:
        yield files


def stored(files, y, cuts=(), weight=None, groups=None, labels=True):
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
    take = lambda values, rows: None if values is None else values[rows]  # noqa: E731
    writer = TableWriter(files, 7, choices=ColumnChoices(), has_labels=labels)
    for rows in pieces:
        writer.append(CheckedChunk(X[rows], y[rows], take(weight, rows), take(groups, rows)))
    assert writer.n_read == 60
    return writer.finish()


def records_of(found):
    records = np.concatenate(list(found.records.pools(1)))
    return records[np.argsort(records["row"])]


@pytest.mark.parametrize("name", list(LABELS))
@pytest.mark.parametrize("cuts", [(), (5, 30)])
def test_labels_come_back_as_the_codes_of_their_head(files, name, cuts):
    y = LABELS[name]
    found = stored(files, y, cuts)
    head = found.learn_head(ObjectiveSettings("log_loss"))
    records = records_of(found)
    np.testing.assert_array_equal(found.target_reader(head)(records), head.read(y))
    np.testing.assert_array_equal(found.format.unpack(records), X)


def test_chunks_change_nothing(files):
    one, other = stored(files, LABELS["text"]), stored(files, LABELS["text"], (1, 9))
    assert (one.digest, one.key_range, one.n_rows) == (other.digest, other.key_range, other.n_rows)
    assert one.digest != stored(files, LABELS["text"][::-1]).digest


def test_rows_of_weight_zero_are_dropped_with_their_labels(files):
    y = np.where(np.arange(60) < 5, "gone", LABELS["text"])
    found = stored(files, y, (20,), weight=(np.arange(60) >= 5) * 2.0)
    assert found.n_rows == 55 and records_of(found)["row"].tolist() == list(range(5, 60))
    assert found.learn_head(ObjectiveSettings("log_loss")).labels.classes.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no row of positive weight"):
        stored(files, y, weight=np.zeros(60))


def test_numbers(files):
    found = stored(files, X[:, 0], (7,), labels=False)
    head = found.learn_head(ObjectiveSettings("squared_error", scaling="standard"))
    np.testing.assert_array_equal(found.target_reader(head)(records_of(found))[:, 0], X[:, 0])


def test_rows_of_a_group_have_one_key(files):
    groups = np.arange(60) // 6
    keys = records_of(stored(files, LABELS["text"], (20,), groups=groups))["key"]
    assert len(np.unique(keys)) == 10 and all(len(np.unique(keys[groups == g])) == 1 for g in range(10))


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


def test_weights_of_some_chunks_alone_are_refused(files):
    writer = TableWriter(files, 0, choices=ColumnChoices(None), has_labels=True)
    writer.append(CheckedChunk(X[:2], np.array([0, 1]), None, None))
    with pytest.raises(ValueError, match="some have none"):
        writer.append(CheckedChunk(X[:2], np.array([0, 1]), np.ones(2), None))
