"""Checkpoint files: whole or absent, without pickle, and only for the data they were made with."""

import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sknet import ModelFileError, SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._storage import checkpoints, files
from sknet._storage.checkpoints import Origin, digest, fingerprint, read, write
from sknet._tables.rows import Rows
from sknet._training.result import Epoch
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
        estimator="E",
        solver="adam",
        sizes=[3, 1],
        dtype="float64",
        seeds=[1, 2, 3],
        seen_before=0,
        data={"X": "a"},
        settings={"alpha": "1"},
    )
    return Origin(**plain | changes)


EPOCH = Epoch(1.0, 1.0, 1.0, 0.1, 1.0, 0.0)


def state():
    return State(
        np.arange(4.0), (np.ones(4), np.zeros(4)), np.random.default_rng(1), step=5, epoch=2, history=[EPOCH, EPOCH]
    )


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
        ({"sizes": [3, 2, 1]}, r"run\.npz holds a network of layers \(3, 1\), and this one has \(3, 2, 1\):.*encod"),
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


def test_a_file_with_other_content_and_right_checksums_is_refused(path):
    write(path, origin(), state())
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    changes = {"theta": arrays["theta"] + 1e-9, "best_score": np.array(3.0), "moment_1": np.ones(4)}
    for name, value in changes.items():
        path.write_bytes(archive(**arrays | {name: value}))
        with pytest.raises(ModelFileError, match=r"run\.npz is not a whole file.*its content is not what was written"):
            read(path)


def crafted(path, **changes):
    """A file whose digest is right and whose state is not."""
    base = state().to_arrays()
    text = json.loads(str(base["text"])) | {name: value for name, value in changes.items() if name in COUNTERS}
    arrays = base | {"text": np.array(json.dumps(text))} | {n: v for n, v in changes.items() if n not in COUNTERS}
    header = json.dumps({"format": checkpoints.FORMAT} | asdict(origin()))
    content = {"header": np.array(header), "digest": np.array(files.digest(header, arrays))}
    path.write_bytes(archive(**content | arrays))


COUNTERS = ("step", "epoch", "n_samples_seen", "plateaus", "n_no_improvement", "n_moments", "rng")


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": -1}, {"epoch": 3}, {"step": 1.5}, {"n_samples_seen": None}, {"plateaus": True},
        {"n_moments": 10**9}, {"rng": {}},
        {"theta": np.ones(5)}, {"theta": np.ones(4, np.float32)}, {"moment_0": np.ones((2, 2))},
        {"history": np.ones((3, 2))}, {"history": np.array(["a"])}, {"average": np.ones(3)},
        {"best_theta": np.ones(4)}, {"best_score": np.ones(2)}, {"best_theta": np.ones(4), "best": np.array([1.0])},
    ],
    ids=str,
)  # fmt: skip
def test_a_crafted_file_is_refused_by_the_same_error(path, changes):
    crafted(path, **changes)
    with pytest.raises(ModelFileError, match=r"run\.npz is not a whole file written by sknet\.Checkpoint"):
        read(path).state_for(origin())


def test_drafts_of_processes_that_are_no_more_are_removed_by_the_next_write_or_read(path):
    write(path, origin(), state())
    there = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead = path.with_name(f".run.npz.{files._process(int(there.stdout))}.{'0' * 32}")
    alive, elsewhere = files._process(os.getpid()), f"00000000-{int(there.stdout)}"
    others = [path.with_name(f".run.npz.{name}") for name in (f"{alive}.{'1' * 32}", f"{elsewhere}.{'2' * 32}", "old")]
    for act in (lambda: write(path, origin(), state()), lambda: read(path)):
        for draft in (dead, *others):
            draft.write_bytes(b"half")
        act()
        assert not dead.exists(), "its process was killed"
        assert all(other.exists() for other in others), "what another one writes, or somebody else's file"


def test_an_array_whose_header_is_cut_is_damage(tmp_path):
    header = b"{'descr': (1".ljust(117) + b"\n"
    with zipfile.ZipFile(tmp_path / "run.npz", "w") as file:
        file.writestr("theta.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(ModelFileError):
        read(tmp_path / "run.npz")


def test_a_file_of_another_version_is_named(path, monkeypatch):
    monkeypatch.setattr(checkpoints, "FORMAT", -1)
    write(path, origin(), state())
    monkeypatch.undo()
    with pytest.raises(ModelFileError, match="it is of another version"):
        read(path)


def test_an_array_that_says_it_is_larger_than_it_is(path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (1000,)})
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("theta.npy", header.getvalue() + bytes(80))
    with pytest.raises(ModelFileError, match=r"theta\.npy says that it is larger than it is"):
        read(path)


def test_text_longer_than_any_is_refused(path, monkeypatch):
    write(path, origin(), state())
    monkeypatch.setattr(checkpoints, "MAX_TEXT", 8)
    with pytest.raises(ModelFileError, match="holds more text than any"):
        read(path)


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        ({"a": 1, "b": 2.0}, {"a": 1.0, "b": 2}, {"a": 1, "b": 3.0}),
        ([1, "x", None], (1, "x", None), [1, "y", None]),
        (np.arange(3), [0, 1, 2], np.arange(1, 4)),
        (np.arange(99.0), np.arange(99.0), np.arange(99.0) + 1),
        (len, max, 3),
    ],
    ids=str,
)
def test_parameters_are_compared_by_what_they_say(value, same, other):
    texts = [checkpoints.described({"tried": one})["tried"] for one in (value, same, other)]
    assert texts[0] == texts[1] != texts[2] and len(texts[0]) < 60
