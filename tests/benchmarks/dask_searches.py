"""Searches under joblib's backends: the same scores, threads, and what travels.

    python -m tests.benchmarks.dask_searches [rows]

Seconds are those of a grid of eight fits after a first one that starts the processes. "sent" counts how often dask
pickled something of the table's size for a task.
"""

import sys
import warnings
from contextlib import contextmanager, nullcontext
from time import perf_counter

import joblib
import numpy as np
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # makes the next import possible
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_score
from threadpoolctl import threadpool_info

from sknet import SigmoidMLPClassifier

GRID = {"alpha": [0.01, 0.1], "learning_rate_init": [0.005, 0.02]}


def made(n):
    """Return n rows and their labels."""
    X = np.random.default_rng(0).normal(size=(n, 50))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def searched(X, y, backend):
    """Return the scores of three searches and the seconds of the first."""
    net = SigmoidMLPClassifier(16, max_iter=6, random_state=0, early_stopping=True)
    more = {"scatter": [X, y]} if backend == "dask" else {}
    with joblib.parallel_config(backend, n_jobs=2, **more):
        cross_val_score(net, X[:300], y[:300], cv=2)
        started = perf_counter()
        grid = GridSearchCV(net, GRID, cv=2, refit=False).fit(X, y)
        seconds = perf_counter() - started
        halving = HalvingRandomSearchCV(
            net, GRID, cv=2, random_state=0, n_candidates=4, min_resources=len(X) // 4, refit=False
        ).fit(X, y)
        scores = grid.cv_results_["mean_test_score"], halving.cv_results_["mean_test_score"]
        return (*scores, cross_val_score(net, X, y, cv=3)), seconds


def blas_threads(estimator, X, y):
    """A scorer: how many threads BLAS has in this process."""
    return max(info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas")


def threads_under(backend, X, y):
    """Return how many threads BLAS has in a task of a search."""
    net = SigmoidMLPClassifier(4, max_iter=1, random_state=0)
    with joblib.parallel_config(backend, n_jobs=2):
        return int(cross_val_score(net, X[:300], y[:300], cv=2, scoring=blas_threads).max())


@contextmanager
def counted(size):
    """Yield a list of the sizes of what distributed pickles, as far as it is that large."""
    import pickle

    import distributed.protocol.pickle as of_dask

    found, dumps = [], of_dask.dumps

    def counting(x, *arguments, buffer_callback=None, **more):
        buffers = []
        made = dumps(x, *arguments, buffer_callback=buffers.append if buffer_callback else None, **more)
        total = len(made) + sum(part.raw().nbytes for part in buffers if isinstance(part, pickle.PickleBuffer))
        if total >= size:
            found.append(total)
        for part in buffers:
            buffer_callback(part)
        return made

    of_dask.dumps = counting
    try:
        yield found
    finally:
        of_dask.dumps = dumps


@contextmanager
def ray_backend():
    """Start ray, and register it with joblib."""
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    register_ray()
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def dask_backend():
    """Start two workers."""
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=50) as cluster,
        distributed.Client(cluster),
    ):
        yield


BACKENDS = {
    "sequential": nullcontext, "loky": nullcontext, "threading": nullcontext, "dask": dask_backend, "ray": ray_backend,
}  # fmt: skip


def main(n):
    """Print a table."""
    X, y = made(n)
    expected = None
    print(f"{'':10} {'same':>6} {'seconds':>8} {'threads':>8} {'sent':>5}")
    for name, started in BACKENDS.items():
        try:
            with started():
                with counted(X.nbytes // 2) as sent:
                    scores, seconds = searched(X, y, name)
                threads = threads_under(name, X, y)
        except ImportError as error:
            print(f"{name:10} {error}")
            continue
        expected = expected or scores
        same = all(np.array_equal(one, other) for one, other in zip(expected, scores, strict=True))
        print(f"{name:10} {same!s:>6} {seconds:>8.1f} {threads:>8} {len(sent):>5}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int((sys.argv[1:] or ["20000"])[0]))
