"""The memory of this machine, and errors for what does not fit."""

import os
from contextlib import suppress
from pathlib import Path

N_THETA_COPIES = 6
"""How many arrays of theta's length training may hold: theta, gradient, two moments, average and best epoch."""

N_LAYER_BUFFERS = 4
"""How many arrays of the size of a layer's outputs a batch may need: sums, gradient, dropout mask, dropped outputs."""

MIN_NETWORK_BYTES = 2**14
"""Bytes that the Python objects of a network in training take, in addition to its arrays."""

BYTES_THAT_ALWAYS_FIT = 2**25
"""Every machine has this much memory. It is not asked for its size then, which takes as long as a training step."""


def refuse_beyond_memory(what: str, n_weights: int, itemsize: int, n_outputs: int = 0, n_networks: int = 1) -> None:
    """Raise if training would need more memory than there is.

    `n_weights` and `n_outputs`, the layers' outputs for a batch, count all networks together.
    """
    needed = (N_THETA_COPIES * n_weights + N_LAYER_BUFFERS * n_outputs) * itemsize + n_networks * MIN_NETWORK_BYTES
    memory = memory_limit() if needed > BYTES_THAT_ALWAYS_FIT else None
    if memory is not None and needed > memory:
        needed_gib = -(-needed // 2**30)  # rounded up, in integers: it may be too large for a float
        remedy = "smaller layers" if n_networks == 1 else "fewer or smaller networks"
        raise ValueError(
            f"{what} makes {n_weights:,} weights; to train them takes {needed_gib:,} GiB, and this machine has "
            f"{memory / 2**30:,.1f} GiB: use {remedy}{', or smaller batches' if n_outputs else ''}."
        )


def refuse_large_table(n_rows: int, n_inputs: int, n_bytes: int) -> None:
    """Raise if encoded rows of this many bytes do not fit in the memory."""
    memory = memory_limit() if n_bytes > BYTES_THAT_ALWAYS_FIT else None
    if memory is not None and n_bytes > memory:
        raise ValueError(
            f"X becomes {n_rows:,} rows of {n_inputs:,} inputs; to keep them takes {n_bytes / 2**30:,.1f} GiB beside "
            f"X, and this machine has {memory / 2**30:,.1f} GiB: read X batch by batch, with sknet.stream.fit or from "
            "a memory-mapped array; or set a smaller max_categories, numeric_encoding='raw' or dtype='float32'."
        )


def memory_limit() -> int | None:
    """Return how many bytes of memory this process may use; None if unknown."""
    limits = []
    with suppress(ImportError, AttributeError, ValueError, OSError):  # not a POSIX system, or not Linux
        limits.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
        from resource import RLIM_INFINITY, RLIMIT_AS, getrlimit

        soft_limit, _ = getrlimit(RLIMIT_AS)  # set by `ulimit -v`; the hard limit is only the most it may be raised to
        limits += [soft_limit] if soft_limit != RLIM_INFINITY else []
        of_container = Path("/sys/fs/cgroup/memory.max")  # cgroup v2
        if of_container.is_file() and (limit := of_container.read_text().strip()).isdigit():  # "max" is no limit
            limits.append(int(limit))
    return min(limits, default=None)
