"""Stored rows: what is known of them, whatever the chunks they came in."""

import numpy as np
import pandas as pd
import pytest

from sknet._model.settings import TargetSettings
from sknet._partitions.stored import Checked, hashes, store

X = np.random.default_rng(0).normal(size=(60, 2))
LABELS = {
    "text": np.random.default_rng(1).choice(["b", "a", "c"], 60),
    "columns": np.random.default_rng(2).integers(0, 4, (60, 2)),
    "indicator": np.random.default_rng(3).integers(0, 2, (60, 3)),
}


def stored(folder, y, cuts=(), weight=None, groups=None, labels=True):
    folder.mkdir()
    pieces = [slice(a, b) for a, b in zip([0, *cuts], [*cuts, 60], strict=True)]
    take = lambda values, rows: None if values is None else values[rows]  # noqa: E731
    found = (Checked(X[rows], y[rows], take(weight, rows), take(groups, rows)) for rows in pieces)
    return store(found, folder, 7, categorical_features="from_dtype", labels=labels)


def records_of(found):
    records = np.concatenate([np.fromfile(path, found.dtype) for path in found.files])
    return records[np.argsort(records["row"])]


@pytest.mark.parametrize("name", list(LABELS))
@pytest.mark.parametrize("cuts", [(), (5, 30)])
def test_labels_come_back_as_the_codes_of_their_head(tmp_path, name, cuts):
    y = LABELS[name]
    found = stored(tmp_path / "a", y, cuts)
    head = found.head(TargetSettings("log_loss"))
    records = records_of(found)
    np.testing.assert_array_equal(found.reader(head)(records), head.read(y))
    np.testing.assert_array_equal(found.packing.unpack(records), X)


def test_chunks_change_nothing(tmp_path):
    one, other = stored(tmp_path / "a", LABELS["text"]), stored(tmp_path / "b", LABELS["text"], (1, 9))
    assert (one.digest, one.keys, one.n_rows) == (other.digest, other.keys, other.n_rows)
    assert one.digest != stored(tmp_path / "c", LABELS["text"][::-1]).digest


def test_rows_of_weight_zero_are_dropped_with_their_labels(tmp_path):
    y = np.where(np.arange(60) < 5, "gone", LABELS["text"])
    found = stored(tmp_path / "a", y, (20,), weight=(np.arange(60) >= 5) * 2.0)
    assert found.n_rows == 55 and records_of(found)["row"].tolist() == list(range(5, 60))
    assert found.head(TargetSettings("log_loss")).labels.classes.tolist() == ["a", "b", "c"]
    with pytest.raises(ValueError, match="no row of positive weight"):
        stored(tmp_path / "b", y, weight=np.zeros(60))


def test_numbers(tmp_path):
    found = stored(tmp_path / "a", X[:, 0], (7,), labels=False)
    head = found.head(TargetSettings("squared_error", scaling="standard"))
    np.testing.assert_array_equal(found.reader(head)(records_of(found))[:, 0], X[:, 0])


def test_rows_of_a_group_have_one_key(tmp_path):
    groups = np.arange(60) // 6
    keys = records_of(stored(tmp_path / "a", LABELS["text"], (20,), groups=groups))["key"]
    assert len(np.unique(keys)) == 10 and all(len(np.unique(keys[groups == g])) == 1 for g in range(10))
    assert (hashes(groups) == hashes(groups.astype(float))).all()
    text = groups.astype(str)
    assert (hashes(text) == hashes(pd.Series(text, dtype="category"))).all()


def test_weights_of_some_chunks_alone_are_refused(tmp_path):
    chunks = [Checked(X[:2], np.array([0, 1]), None, None), Checked(X[:2], np.array([0, 1]), np.ones(2), None)]
    with pytest.raises(ValueError, match="some have none"):
        store(iter(chunks), tmp_path, 0, categorical_features=None, labels=True)
