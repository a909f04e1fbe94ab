"""A model's file: whole or absent, in a public format, read by nobody else's word."""

import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import pytest

safetensors = pytest.importorskip("safetensors")

from sknet._storage import files  # noqa: E402
from sknet._storage.files import ModelFileError  # noqa: E402
from sknet._storage.pack import STORED_CLASSES  # noqa: E402
from tests.storage.forged import MINOR_VERSION, VERSION, forge  # noqa: E402
from tests.tables.examples import number_column  # noqa: E402

NUMBERS = (number_column(0.0, 1.0),)

TREE = {"a": (1, 2.5, "text", None, True), "weights": [np.arange(6.0).reshape(2, 3)]}


def write(path, value):
    files.write(path, value, STORED_CLASSES, "sknet.save")


def read(path, custom=None):
    return files.read(path, "sknet.save", STORED_CLASSES, lambda value: value, custom)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_a_file_gives_back_what_was_written(path):
    write(path, TREE)
    again = read(path)
    assert again["a"] == TREE["a"]
    assert type(again["a"]) is tuple
    assert type(again["weights"]) is list
    np.testing.assert_array_equal(again["weights"][0], TREE["weights"][0])
    assert again["weights"][0].flags.writeable


def test_a_file_is_valid_safetensors_with_settings_as_text(path):
    from safetensors.numpy import load_file

    write(path, TREE)
    assert any(np.array_equal(array, TREE["weights"][0]) for array in load_file(path).values())
    with safetensors.safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
    assert json.loads(metadata["settings"])["value"]["keys"] == list(TREE)
    assert (metadata["format"], metadata["version"], metadata["sknet"]) == ("sknet.safetensors", "1", MINOR_VERSION)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)), np.array(7.0), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.arange(3, dtype=">f8"),
        np.array([True, False]), np.arange(4, dtype=np.uint16), np.arange(8.0)[::2], np.array(["a", "bcd", "é"]),
        np.array(["x", "long text", ""], dtype=object), np.arange(3, dtype=np.float16), np.array("one"),
    ],
    ids=str,
)  # fmt: skip
def test_arrays_of_every_kind(path, array):
    write(path, {"array": array})
    again = read(path)["array"]
    assert again.shape == array.shape
    assert again.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(again, array)


# --- whole or absent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_write_leaves_the_old_file(path, monkeypatch, at, code):
    write(path, TREE)
    before = path.read_bytes()

    def fail(*args):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, at, fail)
    with pytest.raises(OSError) as caught:
        write(path, {"other": np.zeros(1000)})
    assert caught.value.errno == code
    assert not isinstance(caught.value, ModelFileError)
    assert str(path) in str(caught.value)
    assert os.strerror(code) in str(caught.value)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


LIMITED = """
import resource, signal, sys
import numpy as np
from sknet._storage.files import write
from sknet._storage.pack import STORED_CLASSES
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    write(sys.argv[1], {"other": np.zeros(100_000)}, STORED_CLASSES, "sknet.save")
except OSError as error:
    print("OSError", error.errno)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_system_that_stops_writing_leaves_the_old_file(path):
    write(path, TREE)
    before = path.read_bytes()
    run = subprocess.run([sys.executable, "-c", LIMITED, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["OSError", str(errno.EFBIG)]
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


WRITING = """
import sys
import numpy as np
from sknet._storage.files import write
from sknet._storage.pack import STORED_CLASSES
print("ready", flush=True)
for k in range(10**6):
    write(sys.argv[1], {"k": k, "weights": np.full(200_000, float(k))}, STORED_CLASSES, "sknet.save")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_process_leaves_a_whole_file(path):
    process = subprocess.Popen([sys.executable, "-c", WRITING, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    while not path.exists():
        time.sleep(0.01)
    time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    again = read(path)
    assert (again["weights"] == again["k"]).all()


def test_a_file_that_is_written_while_it_is_read_is_read_again(path, monkeypatch):
    write(path, {"k": 1, "weights": np.zeros(3)})
    first_step = files._check_header

    def let_another_write(file):
        first_step(file)
        monkeypatch.undo()
        write(path, {"k": 2, "weights": np.ones(500)})

    monkeypatch.setattr(files, "_check_header", let_another_write)
    assert read(path)["k"] == 2


def test_a_written_link_stays_a_link(path, tmp_path):
    write(path, TREE)
    link = tmp_path / "link"
    link.symlink_to(path)
    write(link, {"new": 1})
    assert link.is_symlink()
    assert read(path) == {"new": 1}


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_a_new_file_has_the_permissions_of_the_one_that_it_replaces(path, tmp_path):
    before = os.umask(0o022)
    try:
        write(path, TREE)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        for mode in (0o600, 0o400, 0o664):
            path.chmod(mode)
            write(path, {"k": mode})
            assert read(path) == {"k": mode}
            assert stat.S_IMODE(path.stat().st_mode) == mode
        link = tmp_path / "link"
        link.symlink_to(path)
        path.chmod(0o600)
        write(link, TREE)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_nobody_else_may_read_a_private_file_while_it_is_written(path, monkeypatch):
    write(path, TREE)
    path.chmod(0o600)
    modes = []
    monkeypatch.setattr(files.os, "fsync", lambda file: modes.append(stat.S_IMODE(os.fstat(file).st_mode)))
    write(path, TREE)
    assert modes == [0o600]


# --- what is refused -------------------------------------------------------------------------------------------------


def test_a_missing_file_stays_an_oserror(path):
    with pytest.raises(FileNotFoundError):
        read(path)
    with pytest.raises(IsADirectoryError):
        read(path.parent)


def test_a_changed_bit_is_noticed_wherever_it_is(path):
    write(path, TREE)
    whole = path.read_bytes()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(
            ModelFileError, match=r"model\.safetensors is not a whole file written by sknet\.save|Update sknet"
        ):
            read(path)


def test_a_cut_file_is_refused_wherever_it_is_cut(path):
    write(path, TREE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelFileError, match="is not a whole file"):
            read(path)


def test_a_piece_of_ones_own_is_named_and_must_be_passed(path):
    piece = lambda fraction: 1.0  # noqa: E731
    piece.__name__ = "my_schedule"
    write(path, {"schedule": piece})
    with pytest.raises(ModelFileError, match=r"my_schedule.*load\(path, custom=\{'my_schedule': \.\.\.\}\)"):
        read(path)
    assert read(path, {"my_schedule": piece, "another": 1})["schedule"] is piece


@pytest.mark.parametrize("custom", [["my_loss"], "my_loss", 3, np.sqrt])
def test_pieces_of_ones_own_that_are_no_mapping_are_refused(path, custom):
    write(path, TREE)
    with pytest.raises(TypeError, match=r"custom maps names to pieces of your own, as in custom=.*; got a \w+\."):
        read(path, custom)


def test_too_many_settings_are_refused_when_written(path):
    for many in ([[]] * 300_000, NUMBERS * 160_000):
        with pytest.raises(ValueError, match="too many settings"):
            write(path, {"many": many})
    assert not path.exists()


def test_a_table_of_a_hundred_thousand_columns(path):
    columns = tuple([number_column(0.0, float(k), bend=False, shift=False) for k in range(100_000)])
    names = tuple(f"w{k}" for k in range(100_000))
    write(path, {"columns": columns, "names": names})
    assert read(path) == {"columns": columns, "names": names}


def test_memory_is_that_of_the_file(path):
    code = (
        "import resource, sys; from sknet._storage.files import read\n"
        "from sknet._storage.pack import STORED_CLASSES\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "again = read(sys.argv[1], '', STORED_CLASSES, lambda value: value)\n"
        "used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before\n"
        "print(used * 1024, sum(a.nbytes for a in again['arrays']))"
    )
    write(path, {"arrays": [np.random.default_rng(k).random(2 * 10**6) for k in range(6)]})
    run = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    used, size = map(int, run.stdout.split())
    assert used < size + 64 * 2**20


def test_one_value_is_one_file_whose_tensors_lie_at_whole_words(path):
    write(path, {"a": True, "small": np.zeros(3, bool), "b": np.arange(3.0), "c": "é"})
    content = path.read_bytes()
    write(path, {"a": True, "small": np.zeros(3, bool), "b": np.arange(3.0), "c": "é"})
    header = int.from_bytes(content[:8], "little")
    assert path.read_bytes() == content
    assert header % 8 == 0
    assert content[8 + header :][:24] == np.arange(3.0).tobytes()


# --- what is no file, and versions -----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_is_refused(path):
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="is a pipe or a device: give the path of a file that sknet.save"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("is_link", [False, True], ids=["itself", "by a link"])
def test_a_pipe_is_not_replaced(path, tmp_path, is_link):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    if is_link:
        path.symlink_to(pipe)
    given = path if is_link else pipe
    names = sorted(os.listdir(tmp_path))
    with pytest.raises(OSError, match="written: it is a pipe, a device or another special file. Give another path"):
        write(given, TREE)
    with pytest.raises(OSError, match="cannot be written: it is a pipe"):
        files.check_writable(given)
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    assert sorted(os.listdir(tmp_path)) == names


def test_a_link_that_leads_to_itself_is_an_oserror_that_says_so(path):
    path.symlink_to(path)
    with pytest.raises(OSError, match="symbolic link"):
        read(path)


@pytest.mark.parametrize("version", [str(VERSION + 1), " 1", "1_0", "0", "-1", "one", "\u0661", "", "9" * 5000])
def test_a_later_version_says_so(path, version):
    write(path, TREE)
    forge(path, version=version, sknet="7.2")
    message = rf"by sknet 7\.2, in version {version[:20]} of the format: sknet {MINOR_VERSION} reads.*\. Update sknet"
    with pytest.raises(ModelFileError, match=message):
        read(path)


@pytest.mark.parametrize(("name", "version"), [("sknet", "10"), ("sknet", "1"), ("sknet model", "1")])
def test_a_format_before_version_1_says_so(path, name, version):
    from safetensors.numpy import save_file

    save_file({"t0": np.zeros(3)}, path, {"format": name, "version": version, "settings": "{}", "digest": "0" * 64})
    with pytest.raises(ModelFileError, match=r"from before version 1, which no release of sknet reads\. Fit and save"):
        read(path)


@pytest.mark.parametrize("writer", ["", "0", "0.1.0", "0.1rc1", " 0.1", "-1.0", "\u0661.0", "9" * 5000 + ".0"])
def test_the_sknet_that_wrote_a_file_is_two_numbers(path, writer):
    write(path, TREE)
    forge(path, sknet=writer)
    with pytest.raises(ModelFileError, match="is not a whole file written by sknet.save: .*not a version of sknet"):
        read(path)


@dataclass(frozen=True)
class Measured:
    """As version 1 of sknet has it."""

    mean: float
    scale: float = 1.0


@dataclass(frozen=True)
class MeasuredLater:
    """The same class in a later version."""

    mean: float
    scale: float = 1.0
    shift: float = 0.5
    names: tuple[str, ...] = ()


NOW, LATER = {"Measured": Measured}, {"Measured": MeasuredLater}


@pytest.mark.parametrize("n", [1, 5])  # one by one, and as arrays of fields
def test_a_field_that_is_newer_than_the_file_has_its_default(path, n):
    files.write(path, [Measured(float(k), 2.0) for k in range(n)], NOW, "sknet.save")
    again = files.read(path, "sknet.save", LATER, lambda value: value)
    assert again == [MeasuredLater(float(k), 2.0, 0.5, ()) for k in range(n)]


@pytest.mark.parametrize(
    ("values", "later", "field"),
    [
        (MeasuredLater(1.0, shift=0.5), LATER, r"Measured\.names|Measured\.shift"),
        ([MeasuredLater(1.0)] * 3, LATER, r"Measured\.names|Measured\.shift"),
        ([MeasuredLater(1.0)] * 3, {"Unknown": MeasuredLater}, "'Unknown'"),
    ],
)
def test_what_a_later_sknet_has_added_is_named_even_if_it_has_its_default(path, values, later, field):
    """To ignore what is not known could change predictions."""
    files.write(path, values, later, "sknet.save")
    with pytest.raises(ModelFileError, match=rf"not a whole file .*: it holds .*({field}), which is not known here"):
        files.read(path, "sknet.save", NOW, lambda value: value)
    forge(path, sknet="7.2")
    message = rf"written by sknet 7\.2, and sknet {MINOR_VERSION} cannot read it: it holds .*({field}).*\. Update sknet"
    with pytest.raises(ModelFileError, match=message):
        files.read(path, "sknet.save", NOW, lambda value: value)


@dataclass(frozen=True)
class MeasuredOnlyLater(Measured):
    """As a later version has it: all values of many are numbers."""

    shift: float = 0.5


def test_a_field_of_many_values_that_is_not_known_is_named(path):
    files.write(path, (MeasuredOnlyLater(1.0),) * 3, {"Measured": MeasuredOnlyLater}, "sknet.save")
    with pytest.raises(ModelFileError, match="it holds the array shift, which is not known here"):
        files.read(path, "sknet.save", NOW, lambda value: value)


def test_a_later_file_without_anything_new_is_read(path):
    write(path, TREE)
    forge(path, sknet="7.2")
    assert read(path)["a"] == TREE["a"]


def test_an_error_in_reading_a_value_is_an_error_of_the_file(path):
    def make(value):
        raise KeyError("no such loss")

    write(path, TREE)
    for writer, message in [(MINOR_VERSION, "is not a whole file written by sknet.save: 'no such loss'"),
                            ("7.2", "written by sknet 7.2, .*'no such loss'. Update")]:  # fmt: skip
        forge(path, sknet=writer)
        with pytest.raises(ModelFileError, match=message):
            files.read(path, "sknet.save", STORED_CLASSES, make)
