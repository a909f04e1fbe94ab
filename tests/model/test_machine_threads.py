"""Limits on BLAS threads, and threads for networks and for rows."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, get_ident, main_thread

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_info, threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model import machine
from sknet._model.machine import (
    MIN_BLOCKS_PER_THREAD,
    MIN_PRODUCT_FOR_BLAS_THREADS,
    MIN_PRODUCT_FOR_NETWORK_THREADS,
    limit_blas_threads,
    run_on_slices,
    threads_for_blocks,
    threads_for_networks,
)
from sknet._model.model import ROWS_PREDICTED_AT_ONCE
from tests.model.limits import thread_product

SMALL, LARGE = 1000, MIN_PRODUCT_FOR_BLAS_THREADS
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 3))
LABEL = (np.abs(X[:, 0]) > 0.7).astype(int)


def blas_threads():
    """The number of threads of NumPy's BLAS, or of the only BLAS."""
    return {
        pool["num_threads"]
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and Path(pool["filepath"]).parent.name != "scipy.libs"
    }


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS has one thread")
        yield
        assert blas_threads() == {2}


# --- how many BLAS has -----------------------------------------------------------------------------------------------


def test_small_products_get_one_blas_thread_and_large_ones_all():
    for product, expected in ((SMALL, {1}), (LARGE - 1, {1}), (LARGE, {2})):
        with limit_blas_threads(product):
            assert blas_threads() == expected
        assert blas_threads() == {2}


def test_an_error_resets_the_number_of_threads():
    for product in (SMALL, LARGE):
        with pytest.raises(ZeroDivisionError), limit_blas_threads(product):
            raise ZeroDivisionError


def test_nested_limits_keep_the_outer_limit():
    with limit_blas_threads(SMALL):
        with limit_blas_threads(LARGE):
            assert blas_threads() == {1}  # what is small by itself may ask for more, and does not get it
        with pytest.raises(ZeroDivisionError), limit_blas_threads(SMALL):
            raise ZeroDivisionError
        assert blas_threads() == {1}
    with limit_blas_threads(LARGE):
        with limit_blas_threads(SMALL):
            assert blas_threads() == {1}
        assert blas_threads() == {2}


def test_scipys_blas_always_has_one_thread():
    before = threadpool_info()
    with limit_blas_threads(LARGE):
        for pool, then in zip(threadpool_info(), before, strict=True):
            folder = Path(pool["filepath"]).parent.name
            assert pool["num_threads"] == (1 if folder == "scipy.libs" else then["num_threads"])
    assert threadpool_info() == before


@pytest.mark.parametrize("first, second", [(SMALL, SMALL), (SMALL, LARGE), (LARGE, SMALL)])
def test_overlapping_limits_reset_the_number_of_threads(first, second):
    """The limit that begins first ends first. Both are in the main thread, or each has a thread."""
    before = threadpool_info()
    with ThreadPoolExecutor(1) as worker, ThreadPoolExecutor(1) as other_worker:
        for call, other_call in [(run_here, run_here), (run_in(worker), run_in(other_worker))]:
            one, other = limit_blas_threads(first), limit_blas_threads(second)
            call(one.__enter__)
            other_call(other.__enter__)
            call(one.__exit__, None, None, None)
            assert blas_threads() == ({1} if second == SMALL else {2})
            other_call(other.__exit__, None, None, None)
            assert threadpool_info() == before


def run_here(function, *args):
    return function(*args)


def run_in(pool):
    return lambda *call: pool.submit(*call).result()


def test_the_main_thread_can_set_the_limit_after_a_fit_in_another_thread():
    with ThreadPoolExecutor(1) as worker:  # a thread that stays alive
        worker.submit(SigmoidMLPClassifier(2, max_iter=1, early_stopping=False).fit, X, LABEL).result()
        with threadpool_limits(1, user_api="blas"):
            assert blas_threads() == {1}


class PerThread:
    """A BLAS with a number of threads per thread, like OpenBLAS with OpenMP."""

    threading_layer = "openmp"

    def __init__(self):
        self.numbers = {}

    def get_num_threads(self):
        return self.numbers.get(get_ident(), 2)

    def set_num_threads(self, number):
        self.numbers[get_ident()] = number


def test_a_limit_per_thread_is_reset_in_each_thread(monkeypatch):
    controller = PerThread()
    limit = machine._OneThreadLimit(controller)
    monkeypatch.setattr(machine, "_blas_limits", lambda: (limit,))
    one, other = limit_blas_threads(SMALL), limit_blas_threads(SMALL)
    with ThreadPoolExecutor(1) as worker:
        one.__enter__()
        run_in(worker)(other.__enter__)
        assert {*controller.numbers.values()} == {1}
        one.__exit__(None, None, None)
        run_in(worker)(other.__exit__, None, None, None)
    assert {*controller.numbers.values()} == {2}


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("n_members", [1, 2])
def test_a_fit_resets_the_number_of_threads(n_members, fails):
    seen = set()

    def rate(done):
        seen.update(blas_threads())
        return np.nan if fails else 1.0

    net = SigmoidMLPClassifier(3, max_iter=2, learning_rate=rate, n_members=n_members)
    if fails:
        with pytest.raises(ValueError, match="learning_rate"):
            net.fit(X, LABEL)
    else:
        net.fit(X, LABEL)
    assert seen == {1}


# --- several networks ------------------------------------------------------------------------------------------------


def test_large_networks_train_in_threads():
    """At most as many threads as BLAS has, and only in the main thread. BLAS then has one thread."""

    def given(n_networks, product):
        with threads_for_networks(n_networks, product) as n_threads:
            return n_threads, blas_threads()

    asked = [
        (3, MIN_PRODUCT_FOR_NETWORK_THREADS),
        (3, LARGE),
        (1, MIN_PRODUCT_FOR_NETWORK_THREADS),
        (3, MIN_PRODUCT_FOR_NETWORK_THREADS - 1),
    ]
    assert [given(*each) for each in asked] == [(2, {1}), (2, {1}), (1, {1}), (1, {1})]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(given, 3, MIN_PRODUCT_FOR_NETWORK_THREADS).result()[0] == 1


@pytest.mark.parametrize("how", [{}, {"early_stopping": True}])
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_results_do_not_depend_on_the_number_of_threads(how, n_threads):
    """This holds for the networks of folds and for members."""
    workers = set()

    def rate(done):
        workers.add(get_ident())
        return 1.0 - done

    def fitted():
        workers.clear()
        return SigmoidMLPClassifier(4, max_iter=4, random_state=0, learning_rate=rate, n_members=3, **how).fit(X, LABEL)

    expected = fitted()
    with thread_product(0), threadpool_limits(n_threads, user_api="blas"):
        net = fitted()
    assert (get_ident() in workers) == (n_threads == 1)
    for one, other in zip(net.coefs_ + net.intercepts_, expected.coefs_ + expected.intercepts_, strict=True):
        assert_array_equal(one, other)


def test_a_scorer_is_called_in_the_main_thread():
    callers = set()

    def score(net, table, labels):
        callers.add(current_thread())
        return net.score(table, labels)

    with thread_product(0):
        SigmoidMLPClassifier(4, max_iter=3, n_members=2, scoring=score, random_state=0).fit(X, LABEL)
    assert callers == {main_thread()}


# --- rows ------------------------------------------------------------------------------------------------------------


def test_many_blocks_get_the_threads_of_blas():
    for n_blocks, expected in ((2 * MIN_BLOCKS_PER_THREAD, 2), (100, 2), (2 * MIN_BLOCKS_PER_THREAD - 1, 1)):
        with threads_for_blocks(n_blocks, SMALL) as n_threads:
            assert n_threads == expected
            assert blas_threads() == {1}
    with threads_for_blocks(2, LARGE) as n_threads:  # few blocks leave large products to BLAS
        assert n_threads == 1
        assert blas_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for_blocks(100, SMALL) as n_threads:
        assert n_threads == 1


def test_a_users_thread_starts_no_threads():
    def given():
        with threads_for_blocks(100, LARGE) as n_threads:
            return n_threads

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(given).result() == 1


@pytest.mark.parametrize("n_threads", [1, 2])
def test_slices_cover_all_rows_and_keep_errstate(n_threads):
    seen = []
    with np.errstate(over="ignore"):
        run_on_slices(
            lambda part: seen.append((part, current_thread(), np.geterr()["over"])), slice(7, 40), 10, n_threads
        )
    parts, workers, states = zip(*sorted(seen, key=lambda each: each[0].start), strict=True)
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(7, 40))
    assert (main_thread() in workers) == (n_threads == 1)
    assert set(states) == {"ignore"}


def test_predictions_are_the_same_in_threads():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(20 * ROWS_PREDICTED_AT_ONCE + 3, 3))
    net = SigmoidMLPClassifier(5, max_iter=2, early_stopping=False, random_state=0).fit(X, LABEL)
    in_threads = net.predict_proba(table)
    with threadpool_limits(1, user_api="blas"):
        assert_array_equal(net.predict_proba(table), in_threads)


def test_an_error_in_a_thread_is_raised():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(20 * ROWS_PREDICTED_AT_ONCE, 3))
    net = SigmoidMLPRegressor(3, max_iter=1, early_stopping=False, input_scaling=None, dtype="float32")
    net.fit(X, X[:, 0])
    table[-1, 1] = 1e300
    with pytest.raises(ValueError, match="Column 'x1' of X holds values too large"):
        net.predict(table)


WITHOUT_THREADS = """
from threading import Thread

def start(thread):
    raise RuntimeError("can't start new thread")

Thread.start = start

import numpy as np
from threadpoolctl import threadpool_limits
from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

X = np.random.default_rng(0).normal(size=(800, 100))
with threadpool_limits(2, user_api="blas"):  # as many as would let large networks and tables have threads
    net = SigmoidMLPRegressor((200, 200), n_members=2, max_iter=2, random_state=0).fit(X, X[:, 0])
    print(net.predict(np.tile(X, (100, 1))).shape)
    print(SigmoidMLPClassifier(max_iter=2, early_stopping="folds").fit(X, X[:, 0] > 0).predict_proba(X).shape)
"""


def test_fit_and_predict_work_if_no_thread_can_start():
    """As under Pyodide, which runs Python in a browser."""
    command = [sys.executable, "-W", "ignore", "-c", WITHOUT_THREADS]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split("\n")[:2]) == (0, ["(80000,)", "(800, 2)"]), done.stderr
