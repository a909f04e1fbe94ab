"""Times taken in turns, and the ratios of them."""

import gc
import importlib.util
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from math import exp, log
from time import perf_counter

import numpy as np
import scipy
import sklearn
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_info

HAS_TORCH, HAS_JAX = (importlib.util.find_spec(name) is not None for name in ("torch", "jax"))


@dataclass(frozen=True)
class Figure:
    """A ratio, and what it should be; `low` and `high` are its quartiles over the rounds."""

    name: str
    ratio: float
    low: float
    high: float
    target: str = ""
    note: str = ""

    def __str__(self) -> str:
        goal = f"   target {self.target}" if self.target else ""
        if self.target and not self.reached:
            goal += "   MISSED"
        return f"  {self.name:56s} {self.ratio:8.2f}  ({self.low:.2f} to {self.high:.2f}){goal}  {self.note}".rstrip()

    @property
    def reached(self) -> bool:
        """Whether the ratio, to two digits, is where it should be."""
        sign, bound = self.target.split()
        return round(self.ratio, 2) >= float(bound) if sign == ">=" else round(self.ratio, 2) <= float(bound)


def in_turns(
    tasks: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = perf_counter
) -> dict[str, np.ndarray]:
    """Seconds of each task in each round, (rounds,), after one round that is thrown away.

    Each round begins with another task: what one leaves in the caches falls on all alike. With `time.process_time` as
    the clock these are processor seconds, which other programs on the machine change little.
    """
    names = list(tasks)
    seconds = {name: np.empty(rounds) for name in names}
    for i in range(-1, rounds):
        for name in names[i % len(names) :] + names[: i % len(names)]:
            gc.collect()
            start = clock()
            tasks[name]()
            if i >= 0:
                seconds[name][i] = clock() - start
    return seconds


def ratio(name: str, above: np.ndarray, below: np.ndarray, target: str = "", note: str = "") -> Figure:
    """The median of the rounds' ratios: both times of a round were taken under the same load."""
    low, middle, high = np.quantile(above / below, [0.25, 0.5, 0.75])
    return Figure(name, float(middle), float(low), float(high), target, note)


def geometric_mean(name: str, figures: list[Figure], target: str = "") -> Figure:
    def mean(values: list[float]) -> float:
        return exp(sum(map(log, values)) / len(values))

    return Figure(
        name, mean([f.ratio for f in figures]), mean([f.low for f in figures]), mean([f.high for f in figures]), target
    )


@contextmanager
def unconverged() -> Iterator[None]:
    """Runs of a fixed number of epochs do not converge, and need not say so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


def machine() -> dict[str, str]:
    """What the figures depend on."""
    blas = [
        f"{b['internal_api']} {b['version']} {b.get('architecture')}"
        for b in threadpool_info()
        if b["user_api"] == "blas"
    ]
    threads = blas_threads()
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    if HAS_TORCH:
        import torch

        versions["torch"] = torch.__version__
        torch.set_num_threads(max(threads))
    if HAS_JAX:
        versions["jax"] = version("jax")
    return {
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "BLAS": "; ".join(sorted(set(blas))),
        "BLAS threads": ", ".join(map(str, threads)),
    }


def blas_threads() -> list[int]:
    """How many threads each BLAS has, without repetition."""
    return sorted({b["num_threads"] for b in threadpool_info() if b["user_api"] == "blas"})


@contextmanager
def on_cores(n: int) -> Iterator[None]:
    """Keep this thread, and those that it starts, on `n` cores: XLA makes as many threads as it finds cores."""
    if not hasattr(os, "sched_setaffinity"):  # not Linux
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(cores)[-n:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
