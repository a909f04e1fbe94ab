"""Kill a worker of a cluster at a random instant of a fit, and compare with the fit that lost none.

python -m tests.fuzz.lost_workers --n 20 --seed 0

Each fit must leave the same coefficients to the last bit, or end with a RuntimeError that says why; none may hang. This
program replaces killed workers.
"""

import argparse
import faulthandler
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from time import perf_counter, sleep

import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd

from sknet.dask import SigmoidMLPRegressor
from tests.dask.driver import at_call

FITS = {
    "adam": dict(solver="adam", n_members=1, early_stopping=False),
    "lbfgs": dict(solver="lbfgs", n_members=1, early_stopping=False),
    "members": dict(solver="adam", n_members=2, early_stopping=True),  # one with bins, one without
    "folds": dict(solver="adam", n_members=1, early_stopping="folds"),
}

HANGS = 300
"""After this many seconds a fit hangs: the stacks of all threads are printed, and the program ends."""


def table(n=4000):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=n), "b": rng.choice(list("xyz"), n), "c": rng.normal(size=n)})
    return dd.from_pandas(X.assign(y=X["a"] + (X["b"] == "x")), npartitions=4)


class Pool:
    """Workers without anybody who starts them again."""

    def __init__(self, address, n):
        self.address, self.n, self.running = address, n, []
        self._lock = threading.Lock()

    def fill(self):
        """Start workers until there are n."""
        call = [sys.executable, "-m", "distributed.cli.dask_worker", self.address, "--no-nanny", "--nthreads", "1"]
        with self._lock:  # the thread that kills fills it as well, and with one worker more there are other shards
            self.running = [worker for worker in self.running if worker.poll() is None]
            while len(self.running) < self.n:
                self.running.append(subprocess.Popen([*call, "--no-dashboard"], stderr=subprocess.DEVNULL))

    def stop(self):
        """Stop them all."""
        for worker in self.running:
            worker.terminate()
        for worker in self.running:
            worker.wait(30)


def attack(kind, n, rng, client, pool):
    """Fit n times, each time with a worker less; return how many fits were other ones."""
    data, wrong = table(), 0
    net = SigmoidMLPRegressor(16, max_iter=12, batch_size=500, dtype="float64", random_state=0, **FITS[kind])

    def fitted():
        faulthandler.dump_traceback_later(HANGS, exit=True)
        net.fit(data[["a", "b", "c"]], data["y"])
        faulthandler.cancel_dump_traceback_later()
        return [*net.coefs_, *net.intercepts_]

    def all_there():
        pool.fill()
        while len(client.nthreads()) < pool.n:  # as many workers, as many shards
            sleep(0.1)

    all_there()
    with at_call(1, lambda: None) as calls:
        undisturbed = fitted()
    for i in range(n):
        all_there()
        nth, victim, started = rng.randint(1, len(calls)), rng.choice(pool.running), perf_counter()
        delay = rng.random() * 0.02

        def kill(victim=victim):
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            pool.fill()

        with at_call(nth, threading.Timer(delay, kill).start):
            try:
                pairs = zip(undisturbed, fitted(), strict=True)
                outcome = "same" if all(np.array_equal(*pair) for pair in pairs) else "other"
            except RuntimeError as error:
                outcome = f"{error}"
        wrong += outcome == "other"
        print(
            f"{kind} {i:2d} killed at call {nth:2d}, {calls[nth - 1]}: {outcome}, {perf_counter() - started:.1f} s",
            flush=True,
        )
        victim.wait(30)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--fits", nargs="*", choices=FITS, default=[*FITS])
    arguments, wrong = parser.parse_args(), 0
    warnings.simplefilter("ignore")
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
    ):
        pool = Pool(cluster.scheduler_address, 2)
        try:
            for kind in arguments.fits:
                wrong += attack(kind, arguments.n, random.Random(arguments.seed), client, pool)
        finally:
            pool.stop()
    print(f"{wrong} fits were other ones")
    return wrong


if __name__ == "__main__":
    sys.exit(main() > 0)
