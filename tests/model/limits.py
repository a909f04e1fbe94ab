"""Context managers that change limits: `with memory_of(2**20): ...`"""

from unittest.mock import patch

from sknet._model import machine, table_in_memory


def memory_of(n_bytes):
    """The memory that this machine has."""
    return patch.object(machine, "memory_limit", lambda: n_bytes)


def compact_bytes(n):
    """The size of an encoded table from which it is kept as compact rows."""
    return patch.object(table_in_memory, "MIN_BYTES_TO_COMPACT", n)


def bytes_to_save(n):
    """The size of a table from which a fit takes at most three times its memory."""
    return patch.object(table_in_memory, "MIN_BYTES_TO_SAVE_MEMORY", n)


def blas_threads(n):
    """The threads that BLAS has."""
    return patch.object(machine, "n_blas_threads", lambda: n)


def thread_product(n):
    """The multiplications of a step from which networks have a thread each."""
    return patch.object(machine, "MIN_PRODUCT_FOR_NETWORK_THREADS", n)
