"""Checkpoint files: whole or absent, without pickle, and only for the data they were made with."""

import io
import json
import os
import zipfile

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._storage import checkpoints
from sknet._storage.checkpoints import Origin, digest, fingerprint, read, write
from sknet._tables.rows import Rows
from sknet._training.state import State

rng = np.random.default_rng(0)
N = 60
X = rng.normal(size=(N, 3))
NUMBER = X[:, 0] - X[:, 1]
QUICK = dict(hidden_layer_sizes=3, max_iter=6, batch_size=20, learning_rate="cosine", random_state=0)
needs_callbacks = pytest.mark.skipif(not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


def origin(**changes):
    plain = dict(
        estimator="E", solver="adam", sizes=[3, 1], dtype="float64", seeds=[1, 2, 3], seen_before=0, data={"X": "a"}
    )
    return Origin(**plain | changes)


def state():
    return State(np.arange(4.0), (np.ones(4), np.zeros(4)), np.random.default_rng(1), step=5, epoch=2)


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_file_gives_back_what_was_written(path):
    write(path, origin(), state())
    saved = read(path)
    assert saved.origin == origin() and saved.path == str(path)
    again = State.from_arrays(saved.arrays)
    assert again.rng.random() == state().rng.random() and (again.step, again.epoch) == (5, 2)
    np.testing.assert_array_equal(again.theta, state().theta)


def test_a_file_holds_no_pickle_and_stands_alone_in_its_folder(path):
    write(path, origin(), state())
    write(path, origin(), state())
    assert os.listdir(path.parent) == [path.name]
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype.kind in "fU" for name in file.files)
    with zipfile.ZipFile(path) as file:
        assert all(name.endswith(".npy") for name in file.namelist())


@pytest.mark.parametrize("at", ["savez", "fsync", "replace"])
def test_a_failing_write_leaves_the_old_file(path, monkeypatch, at):
    write(path, origin(), state())
    before = path.read_bytes()
    order = []

    def spy(name, real):
        def call(*args, **kwargs):
            order.append(name)
            if name == at:
                raise OSError("the disk is full")
            return real(*args, **kwargs)

        return call

    monkeypatch.setattr(np, "savez", spy("savez", np.savez))
    monkeypatch.setattr(os, "fsync", spy("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", spy("replace", os.replace))
    with pytest.raises(OSError, match="the disk is full"):
        write(path, origin(seeds=[7, 7, 7]), state())
    assert order == ["savez", "fsync", "replace"][: len(order)] and order[-1] == at
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def one_array():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


NO_CHECKPOINTS = {
    "nothing": b"",
    "text": b"Dear diary",
    "an array": one_array(),
    "arrays": archive(theta=np.ones(3)),
    "another header": archive(header=np.array(json.dumps({"format": "a diary"}))),
    "a header that says too little": archive(header=np.array(json.dumps({"format": checkpoints.FORMAT}))),
    "a header that is no text": archive(header=np.ones(3)),
    "a pickle": archive(header=np.array([{}], dtype=object)),
}


@pytest.mark.parametrize("what", NO_CHECKPOINTS)
def test_a_file_that_is_no_checkpoint_is_refused(path, what):
    path.write_bytes(NO_CHECKPOINTS[what])
    with pytest.raises(ValueError, match=r"run\.npz is not a whole file written by sknet\.Checkpoint"):
        SigmoidMLPRegressor(**QUICK).resume(path, X, NUMBER)


def test_a_damaged_checkpoint_is_refused_wherever_it_is_damaged(path):
    write(path, origin(), state())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a whole file"):
            read(path)
    theta = whole.index(np.arange(4.0).tobytes())
    path.write_bytes(whole[:theta] + b"\x01" + whole[theta + 1 :])
    with pytest.raises(ValueError, match="is not a whole file"):
        read(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError):
        SigmoidMLPRegressor(**QUICK).resume(path, X, NUMBER)


# --- the fingerprint -------------------------------------------------------------------------------------------------

FRAME = pd.DataFrame({"a": [1.0, np.nan], "b": pd.Categorical(["x", "y"]), "c": pd.array([1, None], dtype="Int64")})
SAME = {
    "order in memory": (X, np.asfortranarray(X)),
    "a view": (X[::2], X[::2].copy()),
    "a frame": (FRAME, FRAME.copy()),
    "a frame put together in another way": (FRAME, pd.DataFrame({"a": [1.0, None]}).assign(b=FRAME.b, c=FRAME.c)),
    "strings": (np.array(["a", "ab"], dtype=object), np.array(["a", "".join(["a", "b"])], dtype=object)),
    "sparse": (sp.csr_matrix(X), sp.csr_matrix(X.copy())),
    "none": (None, None),
}
OTHER = {
    "a value": (X, X + np.eye(N, 3) * 1e-15),
    "the type": (X, X.astype(np.float32)),
    "the shape": (X, X.reshape(3, N)),
    "the order of rows": (X, X[::-1]),
    "a row beyond the first piece": (np.zeros(10**4), np.eye(1, 10**4, 9999)[0]),
    "a column's name": (FRAME, FRAME.rename(columns={"a": "A"})),
    "a category": (FRAME, FRAME.assign(b=["x", "z"])),
    "a missing value": (FRAME, FRAME.assign(c=pd.array([1, 0], dtype="Int64"))),
    "where strings end": (np.array(["a", "bc"], dtype=object), np.array(["ab", "c"], dtype=object)),
    "where zeros are": (sp.csr_matrix(np.eye(2)), sp.csr_matrix(np.eye(2)[::-1])),
    "weights or none": (None, np.ones(3)),
}


@pytest.mark.parametrize("what", SAME)
def test_the_same_data_have_the_same_digest(what):
    one, other = SAME[what]
    assert digest(one) == digest(other)


@pytest.mark.parametrize("what", OTHER)
def test_other_data_have_another_digest(what):
    one, other = OTHER[what]
    assert digest(one) != digest(other)


def test_polars_frames_have_a_digest():
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"a": [1.0, None], "b": ["x", "y"]})
    assert digest(frame) == digest(frame.clone()) != digest(frame.with_columns(a=pl.Series([1.0, 2.0])))


def test_a_fingerprint_names_what_differs():
    rows = Rows(X, NUMBER[:, np.newaxis])
    plain = fingerprint(rows, None)
    assert plain["the validation rows"] == "none" and plain["sample_weight or class_weight"] == "none"
    changes = {
        "X": (Rows(X + 1.0, rows.y), None),
        "y": (Rows(X, rows.y + 1.0), None),
        "sample_weight or class_weight": (Rows(X, rows.y, np.ones(N)), None),
    }
    for name, changed in changes.items():
        assert {key for key, value in fingerprint(*changed).items() if value != plain[key]} == {name}
    validated = fingerprint(rows, Rows(X[:9], rows.y[:9], np.ones(9)))
    names = {"the validation rows", "the validation targets", "the validation weights"}
    assert {key for key, value in validated.items() if value != plain[key]} == names


# --- what must fit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({"sizes": [3, 2, 1]}, r"run\.npz holds a network of layers \(3, 1\), and this one has \(3, 2, 1\): resume"),
        ({"data": {"X": "b"}}, r"run\.npz was written in training on other data: X differs"),
        ({"dtype": "float32"}, r"run\.npz holds a run in float64, and this one computes in float32: set dtype"),
    ],
)
def test_a_state_is_for_the_run_that_it_comes_from(path, now, message):
    write(path, origin(), state())
    saved = read(path)
    assert saved.state_for(origin(seeds=[9, 9, 9])).epoch == 2  # the seeds are the file's
    with pytest.raises(ValueError, match=message):
        saved.state_for(origin(**now))
