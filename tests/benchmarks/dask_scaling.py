"""Two dask workers beside one process and beside two that share nothing.

    python -m tests.benchmarks.dask_scaling [rows in thousands] [rounds]
    python -m tests.benchmarks.dask_scaling --members [rows in thousands] [rounds]

The control is two processes that each fit half of the rows, in half as large batches, at the same time: what two cores
of this machine can do at best. Seconds are those of the epochs after the first, as `history_` tells them; each fit has
one thread of BLAS for each process. The last table is what a step costs beside its work: a call to each of 1, 2, 4 and
8 worker processes, on however few cores.

With --members: whole fits of four members beside one network, and beside the same four trained one after the other.
"""

import os
import subprocess
import sys
import warnings
from time import perf_counter, process_time

import numpy as np

N_COLUMNS = 50
TASKS = {
    "L-BFGS, 50-64-1": {"hidden_layer_sizes": 64, "solver": "lbfgs", "max_iter": 8},
    "Adam, 50-512-512-1, 8,192 rows": {"hidden_layer_sizes": (512, 512), "max_iter": 3, "batch_size": 8192},
}
FIXED = {"random_state": 0, "early_stopping": False, "n_members": 1, "numeric_encoding": "raw", "dtype": "float32"}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SIZES = (100, 10_000, 300_000)


def parameters(task, n_processes):
    """Return a task's parameters, where a batch is shared by `n_processes` processes."""
    values = TASKS[task] | FIXED
    return values | {"batch_size": values["batch_size"] // n_processes} if "batch_size" in values else values


def made(n, seed):
    """Return n rows and their targets."""
    X = np.random.default_rng(seed).normal(size=(n, N_COLUMNS)).astype(np.float32)
    return X, X[:, 0] * X[:, 1] + X[:, 2]


def per_epoch(net):
    """Return the seconds of an epoch, but for the first."""
    return float(np.median(net.history_["seconds"].to_numpy()[1:]))


def alone(task, n, n_processes, seed):
    """Fit n rows in this process, and print the seconds of an epoch."""
    from sknet import SigmoidMLPRegressor

    print(per_epoch(SigmoidMLPRegressor(**parameters(task, n_processes)).fit(*made(n, seed))))


def processes(task, n, how_many):
    """Fit n rows by `how_many` processes that share nothing; return the seconds of an epoch of the slowest."""
    call = [sys.executable, "-m", "tests.benchmarks.dask_scaling", "--alone", task, str(n // how_many), str(how_many)]
    running = [
        subprocess.Popen([*call, str(i)], stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD)
        for i in range(how_many)
    ]
    return max(float(process.communicate()[0]) for process in running)


def on_cluster(task, n, client):
    """Fit n rows by a cluster's workers; return the seconds of an epoch."""
    import dask.array as da

    from sknet.dask import SigmoidMLPRegressor

    X = da.random.RandomState(0).normal(size=(n, N_COLUMNS), chunks=(n // 8, N_COLUMNS)).astype(np.float32)
    return per_epoch(SigmoidMLPRegressor(**parameters(task, 1)).fit(X, X[:, 0] * X[:, 1] + X[:, 2]))


def costs(fit, client):
    """Return the seconds of a call, and the processor seconds of this process and the workers."""

    def processors():
        return process_time() + sum(client.run(process_time).values())

    before, started = processors(), perf_counter()
    fit()
    return perf_counter() - started, processors() - before


def members(n, rounds):
    """Print how many times as long four members take as one network, at the same time and one after the other."""
    import dask.array as da
    import distributed

    from sknet.dask import SigmoidMLPRegressor
    from tests.dask.driver import NETWORKS_AT_ONCE, networks_at_once

    print(f"{'four members / one network':40} {'rows':>10} {'':>10} {'at once':>8} {'in turn':>8}")
    with cluster(2) as two_workers, distributed.Client(two_workers) as client:
        X = da.random.RandomState(0).normal(size=(n, N_COLUMNS), chunks=(n // 8, N_COLUMNS))
        X = X.astype(np.float32).persist()
        y = X[:, 0] * X[:, 1] + X[:, 2]
        for layers, batch_size, n_epochs in ((64, 2048, 20), ((512, 512), 8192, 4)):
            fixed = dict(max_iter=n_epochs, n_iter_no_change=np.inf, numeric_encoding="raw", random_state=0)
            ratios = []
            for _ in range(rounds + 1):
                seconds = []
                for n_members, n_networks_at_once in ((1, 1), (4, NETWORKS_AT_ONCE), (4, 1)):
                    net = SigmoidMLPRegressor(
                        layers, n_members=n_members, batch_size=batch_size, early_stopping=True, **fixed
                    )
                    with networks_at_once(n_networks_at_once):
                        seconds.append(costs(lambda net=net: net.fit(X, y), client))
                single, together, in_turn = np.array(seconds)
                ratios.append([together / single, in_turn / single])
            name, medians = f"50-{layers}-1, {batch_size:,} rows a step", np.median(ratios[1:], axis=0)
            for i, what in enumerate(("seconds", "processor")):
                print(f"{name:40} {n:>10,} {what:>10} {medians[0, i]:>8.2f} {medians[1, i]:>8.2f}", flush=True)


class Echo:
    """What stays on a worker."""

    def __init__(self, number):
        self.number = number

    def echo(self, theta):
        """Return as much as was sent."""
        return theta.copy()


def round_trip(client, n_parameters, times=60):
    """Return the median milliseconds of a call to each worker that is sent theta and returns as much."""
    from tests.dask.driver import cluster_of

    workers, theta, seconds = cluster_of(client), np.zeros(n_parameters), []
    objects = workers.keep(Echo, range(workers.n_threads))
    for _ in range(times):
        started = perf_counter()
        objects.call("echo", [(theta,)] * workers.n_threads)
        seconds.append(perf_counter() - started)
    workers.close()
    return 1e3 * float(np.median(seconds))


def cluster(n):
    """Return a cluster of n workers of one thread."""
    import distributed

    return distributed.LocalCluster(n_workers=n, threads_per_worker=1, dashboard_address=":0", silence_logs=50)


def main(n, rounds):
    """Print both tables."""
    import distributed

    print(f"{'':32} {'rows':>10} {'one s':>7} {'control':>8} {'dask':>6} {'dask/control':>13}")
    with cluster(2) as two_workers, distributed.Client(two_workers) as client:
        for task in TASKS:
            ratios = []
            for _ in range(rounds):
                one, two = processes(task, n, 1), processes(task, n, 2)
                ratios.append((one, one / two, one / on_cluster(task, n, client)))
            one, control, workers = np.median(ratios, axis=0)
            share = np.median([w / c for _, c, w in ratios])
            print(f"{task:32} {n:>10,} {one:>7.2f} {control:>8.2f} {workers:>6.2f} {share:>13.2f}", flush=True)
    trips()


def trips():
    """Print milliseconds of a round trip."""
    import distributed

    print(f"{'ms, by parameters':>20} " + " ".join(f"{p:>8,}" for p in SIZES))
    for n in (1, 2, 4, 8):
        with cluster(n) as workers, distributed.Client(workers) as client:
            print(f"{n:>12} workers " + " ".join(f"{round_trip(client, p):>8.1f}" for p in SIZES), flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    if sys.argv[1:2] == ["--alone"]:
        alone(sys.argv[2], *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["--trips"]:
        trips()
    elif sys.argv[1:2] == ["--members"]:
        members(1000 * int((sys.argv[2:] or ["200"])[0]), int((sys.argv[3:] or ["2"])[0]))
    else:
        main(1000 * int((sys.argv[1:] or ["200"])[0]), int((sys.argv[2:] or ["2"])[0]))
