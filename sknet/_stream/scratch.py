"""Files that keep a table for the time of a fit: in one folder, without names, closed together.

A file without a name is removed by the system when it is closed, even where the process is killed.
"""

import errno
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from tempfile import TemporaryFile


class ScratchFiles(ExitStack):
    """Opens files in a folder, and closes all of them at the end of a `with` block.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def open(self) -> FileIO:
        """Open a new file for writing and reading, without a buffer."""
        return self.enter_context(TemporaryFile(dir=self._folder, buffering=0))

    def write(self, file: FileIO, content: bytes | memoryview) -> None:
        """Write all of the content at a file's position; an OSError names the folder that has no room for it."""
        left = memoryview(content)
        try:
            while len(left):  # a file without a buffer may take a part only
                left = left[file.write(left) :]
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            message = f"{self._folder} has no room for a copy of the table: pass a larger cache_dir"
            raise OSError(errno.ENOSPC, message) from error
