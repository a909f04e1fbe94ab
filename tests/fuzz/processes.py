"""Predict and fit in many threads and processes, and compare every bit.

    python -m tests.fuzz.processes [--n N]

N predictions in each of 8 threads on one model, beside fits in other threads; 8 fits at once, in threads and in
processes of loky; a fit after a fork and in a spawned process; and fits in processes whose hash seeds differ.
"""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

FIT = "from tests.fuzz.processes import digest; print(digest())"


def estimator_and_data():
    import pandas as pd

    from sknet import SigmoidMLPClassifier

    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["e"] = rng.choice([f"level {k}" for k in range(30)], 600)
    return SigmoidMLPClassifier((100, 50), max_iter=3, random_state=0), frame, np.where(X[:, 0] > 0, "yes", "no")


def digest(_=None):
    """A hash of all that a fit gives."""
    net, X, y = estimator_and_data()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit(X, y)
    parts = [*net.coefs_, *net.intercepts_, net.predict_proba(X)]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def predictions(n, n_threads=8):
    """How many of n predictions in each thread differ from those alone, while other threads fit."""
    net, X, y = estimator_and_data()
    net.fit(X, y)
    expected, done = net.predict_proba(X), threading.Event()

    def predict(_):
        return sum(not np.array_equal(net.predict_proba(X), expected) for _ in range(n))

    def fit():
        while not done.is_set():
            digest()

    with ThreadPoolExecutor(n_threads + 1) as pool:
        fits = pool.submit(fit)
        try:
            return sum(pool.map(predict, range(n_threads)))
        finally:
            done.set()
            fits.result()


def parallel_fits():
    """A line for each way of fitting at once whose result is another one."""
    from joblib import Parallel, delayed

    expected, found = digest(), {}
    for backend in ("threading", "loky"):
        found[backend] = Parallel(8 if backend == "threading" else 2, backend=backend)(
            delayed(digest)() for _ in range(8)
        )
    for way in multiprocessing.get_all_start_methods():
        with multiprocessing.get_context(way).Pool(2) as pool:
            found[way] = pool.map(digest, range(2))
    for seed in ("0", "1", "4242", "random"):
        command = [sys.executable, "-c", FIT]
        outcome = subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True)
        found[f"hash seed {seed}"] = [outcome.stdout.strip() or outcome.stderr[-300:]]
    return [
        f"{way}: {sum(one != expected for one in ones)} differ" for way, ones in found.items() if {*ones} != {expected}
    ]


def main():
    from tests.fuzz.judge import read_options

    options = read_options(__doc__, 1000)
    warnings.simplefilter("ignore")
    wrong = parallel_fits()
    print("8 fits in threads, 8 in loky, 2 in each kind of process, 4 hash seeds:", wrong or "all equal", flush=True)
    print(f"8 threads x {options.n} predictions beside fits: {predictions(options.n)} differ")


if __name__ == "__main__":
    main()
