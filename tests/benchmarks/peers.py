"""Whole fits: PyTorch's and JAX's time / ours, where they are installed; beside it, how fast each one's products are.

The work is the same: a training loop written by hand neither scales the table nor penalises the weights, and so ours
does not either.

The rates are those of the matrix products of one step, forward and back, in float32, one product after the other and
nothing between them, in as many threads as the fits have. Where two rates differ, the ratio of the fits compares two
BLAS as well. At equal rates, which is the ratio times the quotient of the rates, it compares the code around them.
With one thread, times are processor seconds.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter, process_time

import numpy as np

from tests.benchmarks import networks, with_jax, with_torch
from tests.benchmarks.harness import (
    HAS_JAX,
    HAS_TORCH,
    Figure,
    blas_threads,
    geometric_mean,
    in_turns,
    on_cores,
    ratio,
)
from tests.benchmarks.networks import Shape, Task

FLOPS = 4e9
"""How many operations are timed at once for a library's rate: some 0.05 seconds a thread."""


@dataclass(frozen=True)
class Peer:
    """A library, and a way to use it."""

    name: str
    library: str
    installed: bool
    fit: Callable[[Shape, np.ndarray, np.ndarray], Task]
    products: Callable[[Shape, int], Task]
    target: str = ""
    mean_target: str = ""


EAGER = Peer(
    "eager", "PyTorch", HAS_TORCH, partial(with_torch.fit, compiled=False), with_torch.products, ">= 1", ">= 2.8"
)
PEERS = (
    EAGER,
    Peer("compiled", "PyTorch", HAS_TORCH, partial(with_torch.fit, compiled=True), with_torch.products),
    Peer("jitted", "JAX", HAS_JAX, with_jax.fit, with_jax.products),
)


def figures(quick: bool) -> Iterator[Figure]:
    with on_cores(max(blas_threads())):
        for peer in PEERS:
            if peer.installed:
                yield from compare(peer, quick)
            else:
                print(f"  {peer.name}: {peer.library} is not installed")
        if HAS_JAX:
            yield from (compilation(shape, quick) for shape in networks.ALL)


def compare(peer: Peer, quick: bool) -> Iterator[Figure]:
    """Compare whole fits at every shape."""
    done = []
    for shape in networks.ALL:
        try:
            done.append(compare_at(peer, shape, quick))
        except Exception as error:  # torch.compile needs a C++ compiler
            print(f"  {peer.name}: {shape.name}: does not run here: {str(error).splitlines()[0]}")
            break
        yield done[-1]
    if done:
        yield geometric_mean(f"{peer.name}: geometric mean", done, peer.mean_target)


def compare_at(peer: Peer, shape: Shape, quick: bool) -> Figure:
    shape_now = shape.shorter(4) if quick else shape
    X, y = shape_now.data()
    tasks = {peer.library: peer.fit(shape_now, X, y), "ours": networks.ours(shape_now, X, y, **networks.BARE)}
    seconds = in_turns(tasks, 3 if quick else 5, clock())
    found = ratio(f"{peer.name}: {shape.name}", seconds[peer.library], seconds["ours"], peer.target)
    theirs, numpys = rates(peer, shape, quick)
    note = f"products, GFLOP/s: {peer.library} {theirs:.1f}, NumPy {numpys:.1f}, time {numpys / theirs:.2f}"
    return replace(found, note=f"{note}; relative to products {found.ratio * theirs / numpys:.2f}")


def rates(peer: Peer, shape: Shape, quick: bool) -> tuple[float, float]:
    """Return how fast the peer's products are, and NumPy's, in GFLOP/s, by the median round."""
    n_steps = with_jax.STACKED * max(1, round(FLOPS / shape.steps(1).flops / with_jax.STACKED))
    tasks = {"theirs": peer.products(shape, n_steps), "NumPy": networks.products(shape.steps(n_steps))}
    seconds = in_turns(tasks, 3 if quick else 7, clock())
    flops = n_steps * shape.steps(1).flops
    theirs, numpys = (flops / float(np.median(seconds[name])) / 1e9 for name in tasks)
    return theirs, numpys


def clock() -> Callable[[], float]:
    """Processor seconds where there is one thread: other programs on the machine change them little."""
    return process_time if max(blas_threads()) == 1 else perf_counter


def compilation(shape: Shape, quick: bool) -> Figure:
    """Compare the time that JAX takes to compile, which its ratios leave out, to one of our whole fits."""
    X, y = shape.data()
    tasks = {"compilation": with_jax.compilation(shape, X, y), "ours": networks.ours(shape, X, y)}
    seconds = in_turns(tasks, 1 if quick else 3)
    note = f"{np.median(seconds['compilation']):.2f} s"
    return ratio(f"jitted, compilation alone: {shape.name}", seconds["compilation"], seconds["ours"], note=note)
