"""Sizes from which tables are treated in another way, made small for a while: `with lookup_inputs(10): ...`"""

from unittest.mock import patch

from sknet._tables import lookups, sampling

LOOKUP_INPUTS = lookups.MIN_LOOKUP_INPUTS


def sample_rows(n):
    """Columns are learnt from a sample of larger tables."""
    return patch.object(sampling, "SAMPLE_ROWS", n)


def lookup_inputs(n):
    """Categories that make so many one-hot inputs are looked up."""
    return patch.object(lookups, "MIN_LOOKUP_INPUTS", n)
