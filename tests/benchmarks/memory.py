"""Memory: what a fit allocates / the size of its table, at its peak, beside the table itself."""

import resource
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.benchmarks.harness import Figure, ratio
from tests.benchmarks.networks import FIXED, quietly

COLUMNS = 100


def figures(quick: bool) -> Iterator[Figure]:
    yield from default_fits()
    yield from narrow_fits()
    n = 50_000 if quick else 500_000
    for dtype in (np.float64, np.float32):
        X = np.random.default_rng(0).random((n, COLUMNS), dtype)
        allocated, size = peak_of(lambda: fit(X)), np.array([X.nbytes])  # noqa: B023
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


def default_fits() -> Iterator[Figure]:
    """Fits of all defaults but the number of epochs, which changes no allocation: with bins beside each number."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(130_000, 50))  # 52 MB
    single = rng.normal(size=(260_000, 50)).astype(np.float32)
    single[::9] = np.nan
    mixed = pd.DataFrame(rng.normal(size=(200_000, 25))).add_prefix("x")
    for j in range(10):
        mixed[f"c{j}"] = pd.Categorical(rng.integers(0, 3 + 9 * j, len(mixed)))
    mixed["date"] = pd.Timestamp(2020, 1, 1) + pd.to_timedelta(rng.integers(0, 10**8, len(mixed)), unit="s")
    mixed["text"] = rng.choice(np.array([f"level {i}" for i in range(30)], dtype=object), len(mixed))
    small = rng.integers(0, 256, (1_000_000, 50), dtype=np.uint8)
    wide = rng.normal(size=(10_000, 650))
    tables = {"float64": numbers, "float32, NaN": single, "mixed frame": mixed, "uint8": small, "10,000 x 650": wide}
    for name, X in tables.items():
        size = X.nbytes if isinstance(X, np.ndarray) else X.memory_usage().sum()
        model = SigmoidMLPClassifier(max_iter=1, random_state=0)
        y = np.arange(len(X)) % 2
        yield ratio(f"defaults, {name}", peak_of(lambda: model.fit(X, y)), np.array([size]), "<= 3")  # noqa: B023


def narrow_fits() -> Iterator[Figure]:
    """As `default_fits`, to tables of few columns, where targets and row indices take as much memory as the table."""
    rng = np.random.default_rng(0)
    for n, d, dtype in ((6_600_000, 1, "f8"), (3_300_000, 2, "f8"), (1_700_000, 4, "f8"), (2_700_000, 5, "f4")):
        X = rng.standard_normal((n, d), dtype=dtype)  # 53 MB
        size, number, weight = np.array([X.nbytes]), X[:, 0].astype(np.float64), rng.random(n)
        for name, fit_to in (
            ("numbers", lambda: SigmoidMLPRegressor(max_iter=1, random_state=0).fit(X, number)),  # noqa: B023
            ("weights", lambda: SigmoidMLPRegressor(max_iter=1, random_state=0).fit(X, number, weight)),  # noqa: B023
            ("classes", lambda: SigmoidMLPClassifier(max_iter=1, random_state=0).fit(X, number > 0.0)),  # noqa: B023
        ):
            yield ratio(f"defaults, {n:,} x {d} {dtype}, {name}", peak_of(fit_to), size, "<= 3")


def peak_of(task: Callable[[], object]) -> np.ndarray:
    """How many bytes a task allocates at its peak."""
    tracemalloc.start()
    quietly(task)()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return np.array([peak])


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
