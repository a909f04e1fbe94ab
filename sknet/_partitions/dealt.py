"""Records in files that rows were dealt out to at random: each file is a sample of all rows.

Rows that come sorted are thereby mixed: an epoch takes the files in a new order, and mixes the rows of each.

Conventions
-----------
records : (n,)     structured array
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sknet._tables.sampling import random_keys
from sknet._typing import Array, DType

Records = NDArray[np.void]

N_FILES = 128
"""How many files rows are dealt out to at once: all are open."""

MAX_BYTES = 2**24
"""A larger file is dealt out again."""

DEALT, DEALT_AGAIN = 0x5EED, 0x5EED2
"""What the numbers of rows are mixed with, so that files and held-out rows do not depend on each other."""


class Deal:
    """Deals records out to files in a folder.

    Parameters
    ----------
    folder : Path
        An empty one.
    dtype : dtype
        Of the records; a field "row" numbers the rows.
    """

    def __init__(self, folder: Path, dtype: DType, salt: int = DEALT) -> None:
        self._folder, self._dtype, self._salt = folder, dtype, salt
        self._stack = ExitStack()
        paths = [folder / f"{salt:x}.{i}" for i in range(N_FILES)]
        self._files = [self._stack.enter_context(path.open("wb")) for path in paths]

    def add(self, records: Records) -> None:
        """Deal records out."""
        place = (random_keys(records["row"], self._salt) % np.uint64(N_FILES)).astype(np.intp)
        order = np.argsort(place, kind="stable")
        ends = np.cumsum(np.bincount(place, minlength=N_FILES))
        dealt = records[order]
        try:
            for file, start, end in zip(self._files, [0, *ends[:-1]], ends, strict=True):
                dealt[start:end].tofile(file)
        except OSError as error:
            if error.errno == errno.ENOSPC or "written" in str(error):  # NumPy's own, without a number
                raise OSError(
                    errno.ENOSPC, f"{self._folder} has no room for a copy of the table: pass a larger cache_dir"
                ) from error
            raise

    def close(self) -> list[Path]:
        """Return the files with rows; those that are too large are dealt out once more."""
        self._stack.close()
        found = []
        for file in self._files:
            path = Path(file.name)
            size = path.stat().st_size
            if size > MAX_BYTES and self._salt == DEALT:
                found += self._again(path)
            elif size:
                found.append(path)
        return found

    def _again(self, path: Path) -> list[Path]:
        folder = path.with_suffix(path.suffix + ".more")
        folder.mkdir()
        deal = Deal(folder, self._dtype, DEALT_AGAIN)
        step = MAX_BYTES // self._dtype.itemsize + 1
        for start in range(0, path.stat().st_size // self._dtype.itemsize, step):
            deal.add(np.fromfile(path, self._dtype, step, offset=start * self._dtype.itemsize))
        path.unlink()
        return deal.close()


class DealtRecords:
    """Records in files.

    Parameters
    ----------
    files : list of Path
    dtype : dtype
        Of the records.
    keep : callable
        Which records are meant: records -> mask.
    """

    def __init__(self, files: list[Path], dtype: DType, keep: Callable[[Records], Array]) -> None:
        self._files, self._dtype, self._keep = files, dtype, keep
        self.itemsize = dtype.itemsize

    def __iter__(self) -> Iterator[Records]:
        return self.in_order(range(len(self._files)))

    def in_order(self, order: Iterator[int] | Array | range) -> Iterator[Records]:
        """Yield each file's records, the files in this order."""
        for place in order:
            records = np.fromfile(self._files[place], self._dtype)
            yield records[self._keep(records)]

    def pools(self, least: int, rng: np.random.Generator | None) -> Iterator[Records]:
        """Yield records of some files together, at least `least` of them but for the last time."""
        n = len(self._files)
        waiting: list[Records] = []
        for records in self.in_order(range(n) if rng is None else rng.permutation(n)):
            waiting.append(records)
            if sum(map(len, waiting)) >= least:
                yield joined(waiting)
                waiting = []
        if waiting:
            yield joined(waiting)


def joined(parts: list[Records]) -> Records:
    """Concatenate records, and let go of the parts."""
    found = parts[0] if len(parts) == 1 else np.concatenate(parts)
    parts.clear()
    return found
