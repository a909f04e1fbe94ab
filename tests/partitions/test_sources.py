"""Sources: every kind gives the same rows, and what is none of them is named."""

import time

import numpy as np
import pandas as pd
import pytest

from sknet._partitions import sources
from sknet._partitions.sources import Roles, chunks, first_of, tables

FRAME = pd.DataFrame({"a": np.arange(6.0), "c": list("xyxyxy"), "w": 1.0, "g": [0, 0, 1, 1, 2, 2], "y": [0, 1] * 3})
ROLES = Roles("y", "w", "g")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet")
    FRAME[:4].to_parquet(path / "part-0.parquet")
    FRAME[4:].to_parquet(path / "part-1.parquet")
    return path


def check(found, rest=("a", "c")):
    found = list(found)
    X = pd.concat([chunk.X.astype(object) for chunk in found])
    assert list(X.columns) == list(rest) and X["a"].tolist() == FRAME["a"].tolist()
    assert np.concatenate([chunk.y for chunk in found]).tolist() == FRAME["y"].tolist()
    if "w" not in rest:
        assert np.concatenate([chunk.weight for chunk in found]).tolist() == [1.0] * 6
        assert np.concatenate([chunk.groups for chunk in found]).tolist() == FRAME["g"].tolist()


def test_parquet_by_folder_glob_path_and_dataset(folder, monkeypatch):
    dataset = pytest.importorskip("pyarrow.dataset")
    monkeypatch.setattr(sources, "CHUNK_VALUES", 1)
    for source in (folder, str(folder), str(folder / "*.parquet"), dataset.dataset(folder)):
        check(chunks(source, ROLES))
    first, every = first_of(chunks(folder / "part-0.parquet", ROLES))
    assert len(first.X) == 4 and len(list(every)) == 1
    found = list(tables(folder, ["c"]))
    assert [list(X.columns) for X in found] == [["c"], ["c"]]


def test_arrow_reads_no_row_group_in_advance(tmp_path):
    """What Arrow reads while a chunk is being worked on would be held in memory, in the end the whole file."""
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, group, n_groups = tmp_path / "table.parquet", 2**16, 40
    parquet.write_table(
        pyarrow.table({"a": np.random.default_rng(0).random(group * n_groups)}), path, row_group_size=group
    )
    before, most = pyarrow.total_allocated_bytes(), 0
    for _ in tables(path, None):
        time.sleep(0.005)
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert most < 8 * group * 8


def test_partitions_and_filters_of_a_dataset(tmp_path):
    dataset = pytest.importorskip("pyarrow.dataset")
    FRAME.to_parquet(tmp_path, partition_cols=["c"])
    data = dataset.dataset(tmp_path, partitioning="hive")
    whole = pd.concat(tables(data, None))
    assert whole["c"].tolist() == list("xxxyyy") and whole["a"].tolist() == [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]
    assert pd.concat(tables(data.filter(dataset.field("a") > 3.0), None))["a"].tolist() == [4.0, 5.0]


def test_functions(folder):
    check(chunks(lambda: iter([FRAME[:1], FRAME[1:]]), ROLES))
    parts = [FRAME[:1], FRAME[1:]]
    check(chunks(lambda: ((X[["a", "c"]], X["y"], X["w"], X["g"]) for X in parts), Roles()))
    check(chunks(lambda: ((X[["a", "c", "w", "g"]], X["y"]) for X in parts), Roles(None, "w", "g")))
    check(chunks(lambda: ((X[["a", "c", "w", "g"]], X["y"]) for X in parts), Roles()), ("a", "c", "w", "g"))
    assert [len(X) for X in tables(lambda: iter([FRAME[:1], (FRAME[1:], None)]), ["a"])] == [1, 5]


def test_arrays(monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_VALUES", 4)
    X, y = np.arange(12).reshape(6, 2), FRAME["y"]
    found = list(chunks(X, Roles(y, np.ones(6))))
    np.testing.assert_array_equal(np.concatenate([chunk.X for chunk in found]), X)
    assert len(found) == 3 and sum(chunk.weight.sum() for chunk in found) == 6
    np.testing.assert_array_equal(np.concatenate(list(tables(X, None))), X)


@pytest.mark.parametrize(
    "source, roles, message",
    [
        (iter([]), Roles(), "read only once"),
        (np.ones((3, 1)), Roles(), "pass the array of its targets"),
        (np.ones((3, 1)), Roles("y"), "names a column"),
        (np.ones((3, 1)), Roles([1, 2]), "target has 2 rows and source 3"),
        ("nowhere.parquet", Roles("y"), "no such file"),
        ("nowhere/*.parquet", Roles("y"), "no such file"),
        (__file__, Roles("y"), "cannot be read as Parquet"),
        (lambda: None, Roles(), "no iterator"),
        (lambda: [1], Roles(), "of type int"),
        (lambda: [(1,)], Roles(), "1 parts"),
        (lambda: [([[1]], [1])], Roles("y"), "targets of their own"),
        (lambda: [FRAME], Roles("z"), "no column 'z': give one of"),
        (lambda: [FRAME], Roles(), "target is None: name the column of source that is to be predicted"),
        (lambda: [FRAME], Roles(3), "target=3 names no column of source: give one of"),
        (lambda: [FRAME], Roles(FRAME.columns[0], np.ones(3)), "sample_weight=array.* names no column of source"),
        (lambda: [FRAME], Roles([FRAME.columns[0]] * 2), "name a column twice.*: name each once"),
    ],
)
def test_what_is_no_source_is_named(source, roles, message):
    with pytest.raises((TypeError, ValueError, FileNotFoundError), match=message):
        list(chunks(source, roles))


def test_sparse_chunks_and_no_chunks_are_named():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="sparse"):
        list(chunks(lambda: [(sparse.csr_array(np.eye(2)), [0, 1])], Roles()))
    with pytest.raises(ValueError, match="gave no rows"):
        first_of(iter([]))


def test_parts_without_rows_are_passed_over(tmp_path):
    FRAME[:0].to_parquet(tmp_path / "a.parquet")
    FRAME.to_parquet(tmp_path / "b.parquet")
    assert [len(table) for table in tables(tmp_path, ["a"])] == [6]
