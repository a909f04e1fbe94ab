"""BLAS threads: one for small products, all for large ones, and none lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sknet import SigmoidMLPClassifier
from sknet._estimators.threads import one_thread_for_scipy, suitable_threads

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
    assert seen and all(threads == {1} for threads in seen) and blas_threads() == {2}


def test_scipys_own_blas_has_one_thread_beside_numpys():
    before = threadpool_info()
    with one_thread_for_scipy():
        for pool, then in zip(threadpool_info(), before, strict=True):
            folder = Path(pool["filepath"]).parent.name
            assert pool["num_threads"] == (1 if folder == "scipy.libs" else then["num_threads"])
    assert threadpool_info() == before
