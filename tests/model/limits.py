"""Sizes from which models are made in another way, changed for a while: `with memory_of(2**20): ...`"""

from unittest.mock import patch

from sknet._model import machine, threads


def memory_of(n_bytes):
    """The memory that this machine has."""
    return patch.object(machine, "memory_limit", lambda: n_bytes)


def thread_product(n):
    """The multiplications of a step from which networks have a thread each."""
    return patch.object(threads, "MIN_THREAD_PRODUCT", n)
