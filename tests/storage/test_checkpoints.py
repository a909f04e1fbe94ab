"""Checkpoint files: whole or absent, without pickle, and only for the data they were made with."""

import os
import pickle
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from sknet import ModelFileError, SigmoidMLPClassifier, SigmoidMLPRegressor, save
from sknet._storage.checkpoints import (
    Origin,
    Progress,
    data_digests,
    describe_parameter,
    read_checkpoint,
    table_digest,
    write_checkpoint,
)
from tests.estimators.data import NUMBER, N, X
from tests.model.examples import rows_of
from tests.storage.forged import MINOR_VERSION, forge
from tests.training.problems import state_after

QUICK = dict(hidden_layer_sizes=3, max_iter=6, batch_size=20, learning_rate="cosine", random_state=0)
needs_callbacks = pytest.mark.skipif(not hasattr(SigmoidMLPClassifier, "set_callbacks"), reason="scikit-learn < 1.9")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


def origin(**changes):
    plain = dict(
        estimator="E",
        seeds=(1, 2, 3),
        seen_before=0,
        data={"X": "a"},
        settings={"alpha": "1"},
    )
    return Origin(**plain | changes)


def progress(state):
    """A run of one network, without folds."""
    return Progress(None, [state])


# --- the file --------------------------------------------------------------------------------------------------------


def test_a_file_gives_back_what_was_written(path):
    write_checkpoint(path, origin(), progress(state_after(2)))
    saved = read_checkpoint(path)
    assert saved.origin == origin()
    assert saved.path == str(path)
    (again,) = saved.progress.states
    assert again.rng.random() == state_after(2).rng.random()
    assert (again.step, again.epoch) == (5, 2)
    np.testing.assert_array_equal(again.theta, state_after(2).theta)


def test_a_file_is_one_of_safetensors_and_stands_alone_in_its_folder(path):
    safetensors = pytest.importorskip("safetensors.numpy")
    write_checkpoint(path, origin(), progress(state_after(2)))
    write_checkpoint(path, origin(), progress(state_after(2)))
    assert os.listdir(path.parent) == [path.name]
    np.testing.assert_array_equal(safetensors.load_file(path)["progress.states.0.theta"], state_after(2).theta)


def of_a_model():
    with TemporaryDirectory() as folder:
        save(SigmoidMLPRegressor(**QUICK).fit(X, NUMBER), f"{folder}/model")
        return Path(folder, "model").read_bytes()


NO_CHECKPOINTS = {"nothing": b"", "text": b"Dear diary", "a pickle": pickle.dumps({}), "a model": of_a_model()}


@pytest.mark.parametrize("what", NO_CHECKPOINTS)
def test_a_file_that_is_no_checkpoint_is_refused(path, what):
    path.write_bytes(NO_CHECKPOINTS[what])
    with pytest.raises(ValueError, match=r"run\.npz is not a whole file written by sknet\.Checkpoint"):
        SigmoidMLPRegressor(**QUICK).resume(path, X, NUMBER)


def test_a_damaged_checkpoint_is_refused_wherever_it_is_damaged(path):
    write_checkpoint(path, origin(), progress(state_after(2)))
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="is not a whole file"):
            read_checkpoint(path)
    theta = whole.index(np.arange(4.0).tobytes())
    path.write_bytes(whole[:theta] + b"\x01" + whole[theta + 1 :])
    with pytest.raises(ValueError, match="is not a whole file"):
        read_checkpoint(path)


def test_a_file_that_is_not_there(path):
    with pytest.raises(FileNotFoundError):
        SigmoidMLPRegressor(**QUICK).resume(path, X, NUMBER)


@pytest.mark.parametrize(("writer", "version"), [("0.0", "1"), ("0.2", "1"), ("0.10", "2"), ("1.1", "1")])
def test_only_the_minor_version_that_wrote_a_checkpoint_reads_it(path, writer, version):
    write_checkpoint(path, origin(), progress(state_after(2)))
    forge(path, sknet=writer, version=version)
    message = rf"run\.npz was written by sknet {writer}, and this is sknet {MINOR_VERSION}: .* Install sknet {writer},"
    with pytest.raises(ModelFileError, match=message):
        SigmoidMLPRegressor(**QUICK).resume(path, X, NUMBER)


# --- digests of the data ---------------------------------------------------------------------------------------------

FRAME = pd.DataFrame({"a": [1.0, np.nan], "b": pd.Categorical(["x", "y"]), "c": pd.array([1, None], dtype="Int64")})
ZONED = pd.DataFrame({"d": pd.to_datetime(["2026-03-29T03:30", None]).tz_localize("Europe/Berlin")})
SAME = {
    "order in memory": (X, np.asfortranarray(X)),
    "a view": (X[::2], X[::2].copy()),
    "a frame": (FRAME, FRAME.copy()),
    "a frame put together in another way": (FRAME, pd.DataFrame({"a": [1.0, None]}).assign(b=FRAME.b, c=FRAME.c)),
    "strings": (np.array(["a", "ab"], dtype=object), np.array(["a", "".join(["a", "b"])], dtype=object)),
    "dates in a time zone": (ZONED, ZONED.copy()),
    "sparse": (sp.csr_matrix(X), sp.csr_matrix(X.copy())),
    "none": (None, None),
}
OTHER = {
    "a value": (X, X + np.eye(*X.shape) * 1e-15),
    "the type": (X, X.astype(np.float32)),
    "the shape": (X, X.reshape(4, N)),
    "the order of rows": (X, X[::-1]),
    "a row beyond the first piece": (np.zeros(10**4), np.eye(1, 10**4, 9999)[0]),
    "a column's name": (FRAME, FRAME.rename(columns={"a": "A"})),
    "a category": (FRAME, FRAME.assign(b=["x", "z"])),
    "a missing value": (FRAME, FRAME.assign(c=pd.array([1, 0], dtype="Int64"))),
    "a time zone": (ZONED, ZONED.assign(d=ZONED["d"].dt.tz_convert("Africa/Tunis"))),
    "a date": (ZONED, ZONED + pd.Timedelta(1, "us")),
    "where strings end": (np.array(["a", "bc"], dtype=object), np.array(["ab", "c"], dtype=object)),
    "where zeros are": (sp.csr_matrix(np.eye(2)), sp.csr_matrix(np.eye(2)[::-1])),
    "weights or none": (None, np.ones(3)),
}


@pytest.mark.parametrize("what", SAME)
def test_the_same_data_have_the_same_digest(what):
    one, other = SAME[what]
    assert table_digest(one) == table_digest(other)


@pytest.mark.parametrize("what", OTHER)
def test_other_data_have_another_digest(what):
    one, other = OTHER[what]
    assert table_digest(one) != table_digest(other)


def test_digests_name_what_differs():
    rows = rows_of(X, NUMBER)
    plain = data_digests(rows, None)
    assert "the validation rows" not in plain
    assert plain["sample_weight or class_weight"] == "none"
    changes = {
        "X": (rows_of(X + 1.0, NUMBER), None),
        "y": (rows_of(X, NUMBER + 1.0), None),
        "sample_weight or class_weight": (rows_of(X, NUMBER, np.ones(N)), None),
        "groups": (rows_of(X, NUMBER, groups=np.arange(N)), None),
        "the folds": (rows, None, [(np.arange(9), np.arange(9, N))]),
    }
    for name, changed in changes.items():
        assert {key for key, value in data_digests(*changed).items() if value != plain[key]} == {name}
    validated = data_digests(rows, rows_of(X[:9], NUMBER[:9], np.ones(9)))
    names = {"the validation rows", "the validation targets", "the validation weights"}
    assert {key for key, value in validated.items() if value != plain.get(key)} == names


# --- what must fit ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ({"data": {"X": "b"}}, r"run\.npz was written in training on other data, which differ in X"),
        ({"settings": {"alpha": "2"}}, r"run\.npz was written with alpha=1, and this is a run with alpha=2: set it as"),
    ],
)
def test_a_state_is_for_the_run_that_it_comes_from(path, now, message):
    write_checkpoint(path, origin(), progress(state_after(2)))
    saved = read_checkpoint(path)
    saved.check_run(origin(seeds=(9, 9, 9)), has_folds=False)  # the seeds are the file's
    assert saved.states_or([state_after(2)]) == saved.progress.states
    with pytest.raises(ValueError, match=message):
        saved.check_run(origin(**now), has_folds=False)


@pytest.mark.parametrize("changes", [
    {"epoch": -1}, {"epoch": 3}, {"step": 1.5}, {"n_samples_seen": None}, {"n_plateaus": True}, {"rng": None},
    {"theta": np.ones(5)}, {"theta": np.ones(4, np.float32)}, {"moments": (np.ones((2, 2)), np.ones(4))},
    {"moments": ()}, {"history": [1.0, 2.0]}, {"average": np.ones(4)}, {"best": np.ones(5)},
    {"least_criterion": "least"},
], ids=str)  # fmt: skip
def test_a_crafted_file_is_refused_by_the_same_error(path, changes):
    write_checkpoint(path, origin(), progress(state_after(2, **changes)))
    with pytest.raises(ModelFileError, match=r"run\.npz is not a whole file written by sknet\.Checkpoint"):
        read_checkpoint(path).states_or([state_after(2)])


@pytest.mark.parametrize("seeds", [(1, 2), (1, 2, 2**32), (-1, 2, 3)])
def test_unsuitable_seeds_are_refused(path, seeds):
    write_checkpoint(path, origin(seeds=seeds), progress(state_after(2)))
    with pytest.raises(ModelFileError):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("value", "same", "other"),
    [
        ({"a": 1, "b": 2.0}, {"a": 1.0, "b": 2}, {"a": 1, "b": 3.0}),
        ({0: 1, 1: {"a": 2, "b": 3}}, {1: {"b": 3, "a": 2}, 0: 1}, {0: 1, 1: {"a": 3, "b": 2}}),
        ([1, "x", None], (1, "x", None), [1, "y", None]),
        (["x", "y"], list(np.array(["x", "y"])), ["y", "x"]),
        ([f"name {i}" for i in range(99)], np.array([f"name {i}" for i in range(99)], object), ["name 0"] * 99),
        ([False, True], np.array([False, True]), [0, 1]),
        (np.arange(3), [0, 1, 2], np.arange(1, 4)),
        (np.arange(999.0), list(range(999)), np.arange(999.0) + 1),
        (np.arange(20_000.0), np.arange(20_000.0), np.arange(20_000.0) + 1),
        (len, max, 3),
    ],
    ids=str,
)
def test_parameters_are_compared_by_what_they_say(value, same, other):
    texts = [describe_parameter(one) for one in (value, same, other)]
    assert texts[0] == texts[1] != texts[2]
    assert len(texts[0]) < 300
