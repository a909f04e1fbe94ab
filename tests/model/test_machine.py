"""Errors for networks and tables that do not fit in memory."""

import tracemalloc

import numpy as np
import pytest

from sknet import SigmoidMLPRegressor
from sknet._model import network_setup
from sknet._model.machine import LEAST_BYTES_PER_WEIGHT, MIN_NETWORK_BYTES, check_fits_in_memory, memory_limit
from tests.model.limits import memory_of


def test_networks_that_do_not_fit_in_memory_raise(monkeypatch):
    pages = {"SC_PHYS_PAGES": 10_000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    most = (10_000 * 4096 - MIN_NETWORK_BYTES) // LEAST_BYTES_PER_WEIGHT
    check_fits_in_memory("this", most)
    with pytest.raises(
        ValueError, match=r"this makes 3,411,969 weights, which take at least 1 GiB.*use smaller layers"
    ):
        check_fits_in_memory("this", most + 1)
    check_fits_in_memory("this", most + 1, 11 * most)


WIDE = {"hidden_layer_sizes": (500, 500), "n_members": 1}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("parameters", [
    {"early_stopping": False}, {"early_stopping": True}, {"early_stopping": "folds"},
    {"early_stopping": False, "n_members": 2}, {"early_stopping": True, "n_members": 2},
    {"solver": "sgd", "early_stopping": False}, {"solver": "sgd", "early_stopping": True},
    {"solver": "lbfgs", "early_stopping": False}, {"solver": "lbfgs", "early_stopping": True},
    # of bounds, which L1 has, SciPy makes lists; tracing them takes ten seconds with the sizes above
    {"solver": "lbfgs", "early_stopping": False, "alpha": 1.0, "l1_ratio": 0.5, "hidden_layer_sizes": (150, 150)},
    {"solver": "lbfgs", "early_stopping": False, "dtype": "float32"},
], ids=str)  # fmt: skip
def test_the_memory_that_is_asked_for_is_what_training_takes(parameters, monkeypatch):
    """It is at least two thirds of it, and more only by buffers that dropout needs."""
    asked_for = []
    monkeypatch.setattr(
        network_setup, "check_fits_in_memory", lambda what, n, n_bytes, **more: asked_for.append(n_bytes)
    )
    X = np.random.default_rng(0).normal(size=(64, 4))
    # three epochs, so that a better one is copied beside the best one so far
    quick = {"max_iter": 3, "numeric_encoding": "raw", "tol": 0, "random_state": 0}
    net = SigmoidMLPRegressor(**WIDE | quick | parameters)
    tracemalloc.start()
    net.fit(X, X[:, 0])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 2 / 3 <= asked_for[0] / peak <= 1.1


def test_nothing_raises_if_the_memory_is_unknown(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr("os.sysconf", unknown)
    check_fits_in_memory("this", 10**30)


@pytest.mark.parametrize(
    "sizes", [10**9, (10**6, 10**6), 10**30, (10**200, 10**200), (3, 10**12)], ids=lambda sizes: str(sizes)[:20]
)  # fmt: skip
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_layers_that_do_not_fit_in_memory_raise(sizes, solver):
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(
        ValueError, match=r"hidden_layer_sizes.*( GiB: use smaller layers|more than 63 bits: give a smaller)"
    ):
        SigmoidMLPRegressor(sizes, solver=solver).fit(X, X[:, 0])


@pytest.mark.parametrize("sizes", [(), (96, 32)])
@pytest.mark.parametrize("n_members", [10**8, 2**62])
def test_too_many_members_raise_before_anything_is_allocated(n_members, sizes):
    X = np.arange(40.0).reshape(20, 2)
    tracemalloc.start()
    with pytest.raises(ValueError, match=f"n_members={n_members} makes .*GiB: use fewer or smaller networks"):
        SigmoidMLPRegressor(sizes, n_members=n_members).fit(X, X[:, 0])
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("early_stopping, n_networks", [("folds", 24), (False, 6)])
def test_memory_counts_the_networks_of_all_members_and_folds(early_stopping, n_networks):
    """With few rows, six members train without each of four folds. Once these are done, their networks are freed."""
    X = np.random.default_rng(0).normal(size=(200, 2))
    net = SigmoidMLPRegressor(
        (500, 500), n_members=6, early_stopping=early_stopping, numeric_encoding="raw", max_iter=1, dtype="float32"
    )
    n_weights = n_networks * (3 * 500 + 501 * 500 + 501)
    match = f"n_members=6.* makes {n_weights:,} weights.*fewer or smaller networks"
    with memory_of(n_weights * 4 * 7), pytest.raises(ValueError, match=match):
        net.fit(X, X[:, 0])


def test_a_huge_depth_raises():
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(ValueError, match="depth=1000000000000 makes .* weights"):
        SigmoidMLPRegressor(hidden_layer_sizes=1000, depth=10**12).fit(X, X[:, 0])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_memory_counts_the_outputs_of_a_batch(early_stopping):
    X = np.random.default_rng(0).normal(size=(4000, 1))
    wide = SigmoidMLPRegressor(30_000, batch_size=2000, early_stopping=early_stopping, dtype="float32")
    tracemalloc.start()
    with memory_of(2**29), pytest.raises(ValueError, match="hidden_layer_sizes=.*GiB: use .*, or smaller batches"):
        wide.fit(X, X[:, 0])
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_table_that_does_not_fit_raises_before_it_is_encoded():
    X = np.random.default_rng(0).normal(size=(20_000, 60))
    net = SigmoidMLPRegressor(2, max_iter=1, batch_size=100, numeric_encoding="piecewise_linear")
    tracemalloc.start()
    match = r"20,000 rows of .* inputs; to keep .* sknet\.stream\.fit .*max_categories"
    with memory_of(2**25), pytest.raises(ValueError, match=match):
        net.fit(X, X[:, 0])
    assert tracemalloc.get_traced_memory()[1] < 4 * X.nbytes
    tracemalloc.stop()


def test_the_memory_limit_of_the_process_counts():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**36, before[1]))
    try:
        assert memory_limit() <= 2**36
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
