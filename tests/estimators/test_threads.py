"""BLAS threads: one for small products, all for large ones, and none lost."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sknet import SigmoidMLPClassifier
from sknet._estimators.fitted import PREDICT_ROWS
from sknet._estimators.threads import PIECES, in_parts, one_thread_for_scipy, suitable_threads

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


# --- work that is shared out by rows


def parts_of(rows, piece):
    seen = []
    in_parts(lambda part: seen.append((part.start, part.stop, current_thread(), blas_threads())), rows, piece)
    return sorted(seen, key=lambda one: one[:2])


def test_many_rows_are_cut_in_as_many_parts_as_there_are_threads():
    parts = parts_of(slice(7, 7 + 2 * PIECES * 10), 10)
    assert [part[:2] for part in parts] == [(7, 47), (47, 87)]
    assert all(threads == {1} for *_, threads in parts) and blas_threads() == {2}
    assert main_thread() not in {part[2] for part in parts}


@pytest.mark.parametrize("limit", [1, 2])
def test_few_rows_or_one_thread_make_one_part(limit):
    with threadpool_limits(limit, user_api="blas"):
        parts = parts_of(slice(0, 2 * PIECES * 10 - (limit == 2)), 10)
    assert len(parts) == 1 and parts[0][:2] == (0, 2 * PIECES * 10 - (limit == 2))


def test_threads_start_no_threads():
    with ThreadPoolExecutor(1) as pool:
        ((start, stop, thread, _),) = pool.submit(parts_of, slice(0, 1000), 1).result()
    assert (start, stop) == (0, 1000) and thread is not main_thread()


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
