"""`sknet.stream` beside others that train on tables larger than memory: log-loss, seconds and peak memory.

    python -m tests.benchmarks.external_memory [rows in thousands]

The same table for all, sorted by the label, from a function that makes its chunks; each in a process of its own,
with two threads. What is not installed is left out. dask-ml's Incremental trains sknet's estimator by `partial_fit`,
block by block.
"""

import resource
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np

from tests.benchmarks.stream import CHUNK, N_COLUMNS, PARAMETERS, chunks, made

EPOCHS = PARAMETERS["max_iter"]


def by_stream(n, folder):
    from sknet import SigmoidMLPClassifier, stream

    return stream.fit(SigmoidMLPClassifier(**PARAMETERS), lambda: chunks(n), cache_dir=folder).predict_proba


def by_incremental(n, folder):
    import dask
    import dask.array as da
    from dask_ml.wrappers import Incremental

    from sknet import SigmoidMLPClassifier

    def block(label, seed):
        X, y = made(CHUNK, seed)
        return np.column_stack([X, y])[y == label]

    parts = [
        da.from_delayed(dask.delayed(block)(label, seed), (np.nan, N_COLUMNS + 1), float)
        for label in (0, 1)
        for seed in range(n // CHUNK)
    ]
    table = da.concatenate(parts)
    net = Incremental(SigmoidMLPClassifier(**PARAMETERS), shuffle_blocks=True, random_state=0)
    with dask.config.set(scheduler="sync"):
        for _ in range(EPOCHS):
            net.partial_fit(table[:, :-1], table[:, -1].astype(int), classes=[0, 1])
    return net.estimator_.predict_proba


def by_xgboost(n, folder):
    import xgboost

    class Chunks(xgboost.DataIter):
        def __init__(self):
            super().__init__(cache_prefix=f"{folder}/cache")
            self.reset()

        def reset(self):
            self._left = chunks(n)

        def next(self, input_data):
            chunk = next(self._left, None)
            if chunk is not None:
                input_data(data=chunk[0], label=chunk[1])
            return chunk is not None

    data = xgboost.ExtMemQuantileDMatrix(Chunks(), max_bin=256)
    trees = xgboost.train({"objective": "binary:logistic", "eta": 0.1, "nthread": 2, "seed": 0}, data, 200)
    return lambda X: trees.predict(xgboost.DMatrix(X))


def by_lightgbm(n, folder):
    import lightgbm

    table = np.lib.format.open_memmap(f"{folder}/table.npy", "w+", np.float64, (n, N_COLUMNS))
    label, start = np.empty(n), 0
    for X, y in chunks(n):
        table[start : start + len(y)], label[start : start + len(y)] = X, y
        start += len(y)
    table.flush()
    del table
    kept = np.load(f"{folder}/table.npy", mmap_mode="r")

    class Rows(lightgbm.Sequence):
        batch_size = 4096

        def __getitem__(self, rows):
            return np.array(kept[rows])

        def __len__(self):
            return n

    data = lightgbm.Dataset(Rows(), label)
    settings = {"objective": "binary", "learning_rate": 0.1, "num_threads": 2, "verbose": -1, "seed": 0}
    return lightgbm.train(settings, data, 200).predict


WAYS = {
    "sknet.stream": by_stream, "dask-ml Incremental": by_incremental, "XGBoost, external memory": by_xgboost,
    "LightGBM, Sequence": by_lightgbm,
}  # fmt: skip


def anonymous_peak(stop, found):
    """Note how much is in memory and in no file, until `stop` is set: what files hold may leave at any time."""
    while not stop.is_set():
        with open("/proc/self/status", encoding="utf-8") as status:
            found.append(next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024)
        time.sleep(0.02)


def measure(way, n):
    """Print seconds, the growth of the peak in MiB and the log-loss on other rows."""
    from threading import Event, Thread

    from sklearn.metrics import log_loss

    warnings.simplefilter("ignore")
    X, y = made(50_000, 10**6)
    stop, sizes = Event(), []
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    watcher = Thread(target=anonymous_peak, args=(stop, sizes))
    watcher.start()
    with tempfile.TemporaryDirectory() as folder:
        predict = WAYS[way](n, folder)
        after, seconds = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - start
    stop.set()
    watcher.join()
    p = predict(X)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(seconds, used, max(sizes) - sizes[0], log_loss(y, p if p.ndim == 1 else p[:, 1]))


def main(n):
    """Print a table."""
    print(f"{n:,} rows of {N_COLUMNS} columns, {n * N_COLUMNS * 8 / 2**20:,.0f} MiB")
    print(f"{'':26} {'seconds':>8} {'processor s':>12} {'peak MiB':>9} {'log-loss':>9}")
    for way in WAYS:
        call = [sys.executable, "-m", "tests.benchmarks.external_memory", "--measure", way, str(n)]
        ended = subprocess.run(call, capture_output=True, text=True)
        if ended.returncode:
            print(f"{way:26} {ended.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        seconds, used, peak, loss = map(float, ended.stdout.split())
        print(f"{way:26} {seconds:>8.1f} {used:>12.1f} {peak:>9.0f} {loss:>9.4f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2], int(sys.argv[3]))
    else:
        main(1000 * int((sys.argv[1:] or ["1000"])[0]))
