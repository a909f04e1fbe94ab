"""Sources: every kind gives the same rows, and what is none of them is named."""

import numpy as np
import pandas as pd
import pytest

from sknet._stream.sources import VALUES_READ_AT_ONCE, Roles, read_chunks, read_chunks_to_predict

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
    assert list(X.columns) == list(rest)
    assert X["a"].tolist() == FRAME["a"].tolist()
    assert np.concatenate([chunk.y for chunk in found]).tolist() == FRAME["y"].tolist()
    if "w" not in rest:
        assert np.concatenate([chunk.weight for chunk in found]).tolist() == [1.0] * 6
        assert np.concatenate([chunk.groups for chunk in found]).tolist() == FRAME["g"].tolist()


def test_parquet_by_folder_glob_path_and_dataset(folder):
    dataset = pytest.importorskip("pyarrow.dataset")
    for source in (folder, str(folder), str(folder / "*.parquet"), dataset.dataset(folder)):
        check(read_chunks(source, ROLES))


def test_functions_give_chunks_with_their_roles(folder):
    check(read_chunks(lambda: iter([FRAME[:1], FRAME[1:]]), ROLES))
    parts = [FRAME[:1], FRAME[1:]]
    check(read_chunks(lambda: ((X[["a", "c"]], X["y"], X["w"], X["g"]) for X in parts), Roles()))
    check(read_chunks(lambda: ((X[["a", "c", "w", "g"]], X["y"]) for X in parts), Roles(None, "w", "g")))
    check(read_chunks(lambda: ((X[["a", "c", "w", "g"]], X["y"]) for X in parts), Roles()), ("a", "c", "w", "g"))
    check(read_chunks(lambda: ((X[["a", "c", "g"]], X["y"], X["w"]) for X in parts), Roles(None, None, "g")))
    found = read_chunks_to_predict(lambda: iter([FRAME[:1], (FRAME[1:], None)]), ["a"])
    assert [(chunk.number, chunk.X.shape) for chunk in found] == [(1, (1, 1)), (2, (5, 1))]


def test_arrays_are_read_in_chunks():
    X, y = np.zeros((6, VALUES_READ_AT_ONCE // 2), np.int8), FRAME["y"]
    X[:, 0] = np.arange(6)
    found = list(read_chunks(X, Roles(y, np.ones(6))))
    np.testing.assert_array_equal(np.concatenate([chunk.X for chunk in found]), X)
    assert len(found) == 3
    assert sum(chunk.weight.sum() for chunk in found) == 6
    np.testing.assert_array_equal(np.concatenate([chunk.X for chunk in read_chunks_to_predict(X, None)]), X)


@pytest.mark.parametrize(
    "source, roles, message",
    [
        (iter([]), Roles(), "read only once"),
        (np.ones((3, 1)), Roles(), "pass the array of its targets"),
        (np.ones((3, 1)), Roles("y"), "names a column"),
        (np.ones((3, 1)), Roles(0), "target=0 names a column"),
        (np.ones((3, 1)), Roles([1, 2]), "target has 2 rows and source 3"),
        ("nowhere.parquet", Roles("y"), "no such file"),
        ("nowhere/*.parquet", Roles("y"), "no such file"),
        (__file__, Roles("y"), "cannot be read as Parquet"),
        (lambda: None, Roles(), "no iterator"),
        (lambda: [1], Roles(), "gave a chunk 1: give"),
        (lambda: [(1,)], Roles(), r"gave a chunk \(1,\): give"),
        (lambda: [([[1]], [1])], Roles("y"), "targets of their own"),
        (lambda: [(FRAME, [0] * 6)], Roles(None, np.ones(6)), r"leave sample_weight out, .*\(X, y, sample_weight\)"),
        (lambda: [(FRAME, [0] * 6)], Roles(None, None, [1] * 6), r"leave groups out, .*\(X, y, None, groups\)"),
        (lambda: [(np.eye(2), [0, 1])], Roles(None, "w"), "sample_weight='w' is given"),
        (lambda: [(FRAME, [0] * 6, np.ones(6))], Roles(None, "w"), "bring their own sample_weight"),
        (lambda: [FRAME], Roles("z"), "no column 'z': give one of"),
        (lambda: [FRAME], Roles(), "target is None: name the column of source that is to be predicted"),
        (lambda: [FRAME], Roles(3), "target=3 names no column of source: give one of"),
        (lambda: [FRAME], Roles(FRAME.columns[0], np.ones(3)), "sample_weight=array.* names no column of source"),
        (lambda: [FRAME], Roles([FRAME.columns[0]] * 2), "name a column twice.*: name each once"),
    ],
)
def test_what_is_no_source_is_named(source, roles, message):
    with pytest.raises((TypeError, ValueError, FileNotFoundError), match=message):
        list(read_chunks(source, roles))


def test_sparse_chunks_are_named():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match="sparse"):
        list(read_chunks(lambda: [(sparse.csr_array(np.eye(2)), [0, 1])], Roles()))


def test_chunks_without_rows_are_skipped_and_counted():
    pieces = [FRAME[:0], FRAME[:1], pd.DataFrame(), (np.empty((0, 5)), []), FRAME[1:]]
    assert [(c.number, len(c.X)) for c in read_chunks(lambda: [*pieces[:3], pieces[4]], ROLES)] == [(2, 1), (4, 5)]
    assert [(c.number, len(c.X)) for c in read_chunks_to_predict(pieces, None)] == [(2, 1), (5, 5)]


@pytest.mark.parametrize("source", [lambda: [], lambda: [FRAME[:0]], np.empty((0, 2))])
def test_sources_without_rows_are_named(source):
    roles = Roles(np.empty(0)) if isinstance(source, np.ndarray) else ROLES
    with pytest.raises(ValueError, match="validation gave no rows"):
        list(read_chunks(source, roles, "validation"))
    with pytest.raises(ValueError, match="source gave no rows"):
        list(read_chunks_to_predict(source, None))


def test_polars_frames_lose_their_roles_too():
    polars = pytest.importorskip("polars")
    (chunk,) = read_chunks(lambda: [polars.DataFrame(FRAME)], Roles(["y", "g"], "w"))
    assert chunk.X.columns == ["a", "c"]
    assert chunk.y.columns == ["y", "g"]
    assert chunk.weight.to_list() == [1.0] * 6
