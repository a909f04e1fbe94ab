"""Sizes from which streams are treated in another way, made small for a while: `with held_out_rows(10): ...`"""

from contextlib import contextmanager
from unittest.mock import patch

from sknet._stream import records as shuffled
from sknet._stream import stored_table
from sknet._stream import stored_table as encoded_on_read
from sknet._stream.stored_table import StoredTable


def held_out_rows(n):
    """The most rows of a stream that are held out."""
    limits = StoredTable.limits._replace(max_held_out=n)
    return patch.object(StoredTable, "limits", limits)


@contextmanager
def pool_bytes(pool, encoded):
    """How much of a file is read at once, and how much is encoded at once."""
    small_pools = patch.multiple(encoded_on_read, BYTES_READ_PER_POOL=pool, BYTES_ENCODED_AT_ONCE=encoded)
    with small_pools, patch.object(stored_table, "BYTES_READ_PER_POOL", pool):
        yield


def buffer_bytes(written, read=2**24):
    """How much is kept in memory before it is written to a file, and how much of that is read at once."""
    return patch.multiple(shuffled, WRITE_BUFFER_BYTES=written, BYTES_READ_AT_ONCE=read)
