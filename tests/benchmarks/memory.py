"""Memory: what a fit allocates / the size of its table, at its peak."""

import resource
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sknet import SigmoidMLPClassifier
from tests.benchmarks.harness import Figure, ratio
from tests.benchmarks.networks import FIXED, quietly

COLUMNS = 100


def figures(quick: bool) -> Iterator[Figure]:
    n = 50_000 if quick else 500_000
    for dtype in (np.float64, np.float32):
        X = np.random.default_rng(0).random((n, COLUMNS), dtype)
        tracemalloc.start()
        fit(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        allocated, size = np.array([peak]), np.array([X.nbytes])
        yield ratio(f"in memory, {np.dtype(dtype)}, scaled copy in float32", allocated, size, "<= 1.5")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "table.npy")
        X = np.lib.format.open_memmap(file, "w+", np.float64, (n, COLUMNS))
        for start in range(0, n, 10_000):
            X[start : start + 10_000] = np.random.default_rng(start).random((10_000, COLUMNS))
        X.flush()
        allowed = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.memory", str(file)], check=True, capture_output=True, text=True
        )
        yield ratio("memory-mapped: memory allowed to it", np.array([float(allowed.stdout)]), np.array([1.0]), "<= 0.1")


def fit(X: np.ndarray) -> None:
    y = np.arange(len(X)) % 2
    model = SigmoidMLPClassifier(50, max_iter=1, batch_size=1000, random_state=0, **FIXED)
    quietly(lambda: model.fit(X, y))()


def fit_in_little_memory(file: str) -> float:
    """Fit a memory-mapped table where the process may allocate a tenth of its size, beside what it had before."""
    fit(np.random.default_rng(0).random((2000, COLUMNS)))  # everything is imported, BLAS has its buffers
    X = np.load(file, mmap_mode="r")
    with open("/proc/self/status", encoding="utf-8") as status:
        had = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (had + X.nbytes // 10, resource.RLIM_INFINITY))
    fit(X)
    return 0.1


if __name__ == "__main__":
    print(fit_in_little_memory(sys.argv[1]))
