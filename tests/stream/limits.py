"""Sizes from which streams are treated in another way, made small for a while: `with held_out_rows(10): ...`"""

from unittest.mock import patch

from sknet._stream import stored_table


def held_out_rows(n):
    """The most rows of a stream that are held out."""
    return patch.object(stored_table, "MAX_HELD_OUT", n)
