"""Sizes from which streams are treated in another way, made small for a while: `with held_out_rows(10): ...`"""

from unittest.mock import patch

from sknet._stream import records, stored
from sknet._stream.stored import StoredTable


def held_out_rows(n):
    """The most rows of a stream that are held out."""
    limits = StoredTable.limits._replace(max_held_out=n)
    return patch.object(StoredTable, "limits", limits)


def pool_bytes(pool, encoded):
    """How much of a file is read at once, and how much is encoded at once."""
    return patch.multiple(stored, BYTES_READ_PER_POOL=pool, BYTES_ENCODED_AT_ONCE=encoded)


def buffer_bytes(written, read=2**24):
    """How much is kept in memory before it is written to a file, and how much of that is read at once."""
    return patch.multiple(records, WRITE_BUFFER_BYTES=written, BYTES_READ_AT_ONCE=read)
