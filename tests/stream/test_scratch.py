"""Files for the time of a fit: without names, and full disks are named."""

import errno
from io import FileIO
from pathlib import Path

import pytest
from sknet._stream.records import ScratchFiles


def test_files_have_no_names_and_are_closed_together(tmp_path):
    with ScratchFiles(tmp_path) as files:
        one, other = files.open(), files.open()
        files.write(one, b"some bytes")
        one.seek(5)
        assert one.read(3) == b"byt" and other.read(1) == b"" and not list(tmp_path.iterdir())
    assert one.closed and other.closed


class FailingFile(FileIO):
    def __init__(self, path, error):
        super().__init__(path, "w")
        self.error = error

    def write(self, data):
        raise OSError(self.error, "as the system says")


@pytest.mark.parametrize("error, message", [
    (errno.ENOSPC, "folder has no room for a copy of the table: pass a larger cache_dir"),
    (errno.EIO, r"^\[Errno \d+\] as the system says$"),
])  # fmt: skip
def test_a_full_disk_is_named_and_another_error_stays_what_it_is(tmp_path, error, message):
    with FailingFile(tmp_path / "a", error) as file, pytest.raises(OSError, match=message) as caught:
        ScratchFiles(Path("folder")).write(file, b"abc")
    assert caught.value.errno == error


def test_what_is_written_in_parts_is_written_whole(tmp_path):
    class ShortFile(FileIO):
        def write(self, data):
            return super().write(data[:3])

    with ShortFile(tmp_path / "a", "w") as file:
        ScratchFiles(tmp_path).write(file, b"ten bytes!")
    assert (tmp_path / "a").read_bytes() == b"ten bytes!"
