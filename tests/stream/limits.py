"""Sizes from which streams are treated in another way, made small for a while: `with held_out_rows(10): ...`"""

from contextlib import contextmanager
from unittest.mock import patch

from sknet._stream import records, storage, stored
from sknet._stream.stored import StoredTable


def held_out_rows(n):
    """The most rows of a stream that are held out."""
    return patch.object(StoredTable, "max_held_out", n)


@contextmanager
def pool_bytes(pool, encoded=2**23):
    """How much of a file is read at once, and how much is encoded at once."""
    with patch.object(records, "BYTES_READ_PER_POOL", pool), patch.object(stored, "BYTES_ENCODED_AT_ONCE", encoded):
        yield


def buffer_bytes(written):
    """How much is kept in memory before it is written to a file."""
    return patch.object(records, "WRITE_BUFFER_BYTES", written)


def categories_kept(n):
    """A stream keeps at most n categories of a column."""
    return patch.object(storage, "MAX_CATEGORIES_OF_COLUMN", n)
