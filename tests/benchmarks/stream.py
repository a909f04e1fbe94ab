"""Fits from a stream: rows a second, peak memory as rows grow, and the log-loss beside a fit in memory.

    python -m tests.benchmarks.stream [rows in thousands ...]

Each fit runs in a process of its own, from a function that makes its chunks and from a Parquet file that is not in the
system's cache; both are sorted by the label, with 50 columns in float64.
"""

import os
import resource
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

N_COLUMNS, CHUNK, IN_MEMORY = 50, 20_000, 1_000_000
PARAMETERS = {"hidden_layer_sizes": 64, "max_iter": 4, "random_state": 0, "numeric_encoding": "raw"}
WEIGHTS = np.random.default_rng(0).normal(size=N_COLUMNS) / 3


def made(n, seed):
    """Return n rows and their labels."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_COLUMNS))
    raw = X @ WEIGHTS + np.sin(2 * X[:, 0]) * X[:, 1]
    return X, (rng.logistic(size=n) < raw).astype(int)


def chunks(n):
    """Yield the rows with label 0, then those with label 1; the same whenever it is called."""
    for label in (0, 1):
        for seed in range(n // CHUNK):
            X, y = made(CHUNK, seed)
            yield X[y == label], y[y == label]


def written(n, path):
    """Write the same rows to a Parquet file, of which nothing stays in the system's cache."""
    import pyarrow
    from pyarrow import parquet

    writer = None
    for X, y in chunks(n):
        table = pyarrow.table({f"x{j}": column for j, column in enumerate(X.T)} | {"label": y})
        writer = writer or parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    writer.close()
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def measure(way, n, path):
    """Print seconds of processor time, the growth of the peak in MiB, rows a second, and the log-loss on other rows."""
    from sklearn.metrics import log_loss

    from sknet import SigmoidMLPClassifier, stream

    net = SigmoidMLPClassifier(**PARAMETERS)
    made(CHUNK, 0)
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    if way == "memory":
        net.fit(*map(np.concatenate, zip(*chunks(n), strict=True)))
    elif way == "function":
        stream.fit(net, lambda: chunks(n))
    else:
        stream.fit(net, path, target="label")
    seconds = time.process_time() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    X, y = made(50_000, 10**6)
    X = pd.DataFrame(X, columns=[f"x{j}" for j in range(N_COLUMNS)]) if way == "parquet" else X
    print(seconds, peak, net.t_ / seconds, log_loss(y, net.predict_proba(X)))


def main(sizes):
    """Print a table."""
    print(f"{'rows':>10} {'table MiB':>10} {'way':>8} {'rows/s':>10} {'peak MiB':>9} {'log-loss':>9}")
    with TemporaryDirectory() as folder:
        for n in sizes:
            path = os.path.join(folder, "table.parquet")
            written(n, path)
            for way in ("memory", "function", "parquet") if n <= IN_MEMORY else ("function", "parquet"):
                call = [sys.executable, "-m", "tests.benchmarks.stream", "--measure", way, str(n), path]
                found = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
                _, peak, speed, loss = map(float, found)
                size = n * N_COLUMNS * 8 / 2**20
                print(f"{n:>10,} {size:>10.0f} {way:>8} {speed:>10,.0f} {peak:>9.0f} {loss:>9.4f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    else:
        main([1000 * int(arg) for arg in sys.argv[1:]] or [1_000_000, 2_000_000, 4_000_000])
