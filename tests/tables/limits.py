"""Sizes from which tables are treated in another way, made small for a while: `with lookup_inputs(10): ...`"""

from unittest.mock import patch

from sknet._tables import lookups, sampling, splitting

LOOKUP_INPUTS = lookups.MIN_LOOKED_UP_INPUTS


def sample_rows(n, drawn_at_once=2**18):
    """Columns are learnt from a sample of larger tables."""
    return patch.multiple(sampling, SAMPLE_ROWS=n, ROWS_HASHED_AT_ONCE=drawn_at_once)


def large_table_rows(n):
    """Rows of larger tables are held out in a way that takes less memory."""
    return patch.object(splitting, "MIN_ROWS_TO_DRAW_BY_INTERVAL", n)


def lookup_inputs(n):
    """Categories that make n one-hot inputs are looked up."""
    return patch.object(lookups, "MIN_LOOKED_UP_INPUTS", n)
