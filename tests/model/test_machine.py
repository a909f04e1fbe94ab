"""What this machine has. BLAS threads: one for small products, all for large ones, and none lost. Memory."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model import machine
from sknet._model.machine import (
    COPIES,
    PIECES,
    in_parts,
    memory_limit,
    one_thread_for_scipy,
    refuse_beyond_memory,
    suitable_threads,
    threads_for_rows,
)
from sknet._model.model import PREDICT_ROWS

SMALL, LARGE = (200, (10, 20, 1)), (500, (1000, 1000, 1))


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS has one thread")
        yield


def test_small_products_have_one_thread_and_large_ones_all():
    with suitable_threads(*SMALL):
        assert blas_threads() == {1}
    with suitable_threads(*LARGE):
        assert blas_threads() == {2}
    assert blas_threads() == {2}


def test_an_error_lifts_the_limit():
    with pytest.raises(ZeroDivisionError), suitable_threads(*SMALL):
        raise ZeroDivisionError
    assert blas_threads() == {2}


def test_only_the_main_thread_sets_limits():
    def fit():
        with suitable_threads(*SMALL):
            return blas_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(fit).result() == {2}


def test_a_fit_leaves_the_threads_as_they_were():
    seen = []
    X = np.arange(40.0).reshape(20, 2)
    net = SigmoidMLPClassifier(3, max_iter=1, learning_rate=lambda t: seen.append(blas_threads()) or 1.0)
    net.fit(X, X[:, 0] > 20)
    assert seen and all(one == {1} for one in seen) and blas_threads() == {2}


# --- work that is shared out by rows


def test_many_pieces_get_as_many_threads_as_blas_has_and_blas_one():
    for n_pieces, expected in ((2 * PIECES, 2), (100, 2), (2 * PIECES - 1, 1)):
        with threads_for_rows(n_pieces, *SMALL) as n_threads:
            assert n_threads == expected and blas_threads() == {1}
        assert blas_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for_rows(100, *SMALL) as n_threads:
        assert n_threads == 1


def test_few_pieces_leave_large_products_to_blas():
    with threads_for_rows(2, *LARGE) as n_threads:
        assert n_threads == 1 and blas_threads() == {2}


def test_a_blas_that_is_not_known_counts_as_one_thread(monkeypatch):
    none = ThreadpoolController().select(internal_api="no such")
    monkeypatch.setattr(machine, "_controller", lambda: none)
    with threads_for_rows(100, *SMALL) as n_threads:
        assert n_threads == 1


def test_threads_start_no_threads():
    def asked():
        with threads_for_rows(100, *SMALL) as n_threads:
            return n_threads

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asked).result() == 1


def test_parts_are_all_rows_and_warnings_are_ignored_in_them_too():
    seen = []
    with np.errstate(over="ignore"):
        in_parts(lambda part: seen.append((part, current_thread(), np.geterr()["over"])), slice(7, 40), 10, 2)
    parts, workers, states = zip(*sorted(seen, key=lambda one: one[0].start), strict=True)
    assert parts == (slice(7, 17), slice(17, 27), slice(27, 37), slice(37, 40))
    assert main_thread() not in workers and set(states) == {"ignore"}


def test_one_thread_is_the_one_there_is():
    seen = []
    in_parts(lambda part: seen.append((part, current_thread())), slice(7, 40), 10, 1)
    assert seen == [(slice(7, 40), main_thread())]


def test_an_error_ends_the_work_early():
    done = []

    def work(part):
        done.append(part)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_parts(work, slice(0, 10_000), 1, 2)
    assert len(done) < 10_000


def test_predictions_are_the_same_in_threads():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20 * PREDICT_ROWS + 3, 4))
    net = SigmoidMLPClassifier(5, max_iter=2, early_stopping=False, random_state=0).fit(X[:500], X[:500, 0] > 0)
    in_threads = net.predict_proba(X), net.predict(X)
    with threadpool_limits(1, user_api="blas"):
        alone = net.predict_proba(X), net.predict(X)
    for one, other in zip(in_threads, alone, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_in_any_thread_is_the_users():
    X = np.random.default_rng(0).normal(size=(20 * PREDICT_ROWS, 2))
    net = SigmoidMLPClassifier(3, max_iter=1, early_stopping=False, input_scaling=None, dtype="float32")
    net.fit(X[:200], X[:200, 0] > 0)
    X[-1, 1] = 1e300
    with pytest.raises(ValueError, match="Column 'x1' of X holds values too large"):
        net.predict(X)
    assert blas_threads() == {2}


def test_scipys_own_blas_has_one_thread_beside_numpys():
    before = threadpool_info()
    with one_thread_for_scipy():
        for pool, then in zip(threadpool_info(), before, strict=True):
            folder = Path(pool["filepath"]).parent.name
            assert pool["num_threads"] == (1 if folder == "scipy.libs" else then["num_threads"])
    assert threadpool_info() == before


# --- memory


def test_what_cannot_fit_into_memory_is_refused_and_what_can_is_not(monkeypatch):
    pages = {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}
    monkeypatch.setattr("os.sysconf", pages.__getitem__)
    most = 1000 * 4096 // (8 * COPIES)
    refuse_beyond_memory("this", most, 8)
    with pytest.raises(ValueError, match=r"this makes 85,334 weights; to train them takes 0 GiB.*use smaller layers"):
        refuse_beyond_memory("this", most + 1, 8)
    refuse_beyond_memory("this", most + 1, 4)


def test_where_memory_is_unknown_nothing_is_refused(monkeypatch):
    def unknown(name):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr("os.sysconf", unknown)
    refuse_beyond_memory("this", 10**30, 8)


@pytest.mark.parametrize(
    "sizes", [10**9, (10**6, 10**6), 10**30, (10**200, 10**200), (3, 10**12)], ids=lambda sizes: str(sizes)[:20]
)  # fmt: skip
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_layers_that_cannot_fit_in_memory_are_refused(sizes, solver):
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(
        ValueError, match=r"hidden_layer_sizes.*( GiB: use smaller layers|more than 63 bits: give a smaller)"
    ):
        SigmoidMLPRegressor(sizes, solver=solver).fit(X, X[:, 0])


def test_absurd_depths_are_refused():
    X = np.arange(40.0).reshape(20, 2)
    with pytest.raises(ValueError, match="depth=1000000000000 makes .* weights"):
        SigmoidMLPRegressor(hidden_layer_sizes=1000, depth=10**12).fit(X, X[:, 0])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_the_outputs_of_a_batch_are_counted_before_anything_is_allocated(early_stopping, monkeypatch):
    monkeypatch.setattr("sknet._model.machine.memory_limit", lambda: 2**29)
    X = np.random.default_rng(0).normal(size=(4000, 1))
    wide = SigmoidMLPRegressor(30_000, batch_size=2000, early_stopping=early_stopping, dtype="float32")
    tracemalloc.start()
    with pytest.raises(ValueError, match="GiB: use smaller layers, or smaller batches"):
        wide.fit(X, X[:, 0])
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_a_limit_of_the_process_counts():
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (2**36, before[1]))
    try:
        assert memory_limit() <= 2**36
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
