"""BLAS has one thread for small products, all for large ones; whoever needs another number waits for its turn."""

import importlib.util
import multiprocessing
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import current_thread, main_thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from sknet._model import threads
from sknet._model.model import PREDICT_ROWS
from sknet._model.threads import (
    PIECES,
    SHARED_OUT,
    TURNS,
    Outside,
    Turns,
    give_way,
    in_parts,
    suitable_threads,
    threads_for_rows,
)

SMALL, LARGE = 1000, SHARED_OUT


def blas_threads():
    """Of NumPy's own BLAS, or of the only one."""
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
    assert not TURNS.holds and not TURNS.queue and TURNS.kind is None


def test_small_products_have_one_thread_and_large_ones_all():
    with suitable_threads(SMALL):
        assert blas_threads() == {1}
    with suitable_threads(LARGE):
        assert blas_threads() == {2}
    assert blas_threads() == {2}


def test_an_error_lifts_the_limit():
    with pytest.raises(ZeroDivisionError), suitable_threads(SMALL):
        raise ZeroDivisionError


def test_scipys_own_blas_has_one_thread_beside_numpys():
    before = threadpool_info()
    with suitable_threads(LARGE):
        for pool, then in zip(threadpool_info(), before, strict=True):
            folder = Path(pool["filepath"]).parent.name
            assert pool["num_threads"] == (1 if folder == "scipy.libs" else then["num_threads"])
    assert threadpool_info() == before


def test_a_fit_leaves_the_threads_as_they_were():
    seen = []
    X = np.arange(40.0).reshape(20, 2)
    net = SigmoidMLPClassifier(3, max_iter=1, learning_rate=lambda t: seen.append(blas_threads()) or 1.0)
    net.fit(X, X[:, 0] > 20)
    assert seen and all(one == {1} for one in seen)


# --- turns


class Worker:
    """A thread that takes a hold when it is told to, and gives it up when it is told to."""

    def __init__(self, product):
        self.product, self.taken, self.enough = product, threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._work)
        self.thread.start()

    def _work(self):
        with suitable_threads(self.product):
            self.threads = blas_threads()
            self.taken.set()
            self.enough.wait(10)

    def waits(self):
        while self.thread.is_alive() and not TURNS.queue and not self.taken.is_set():
            pass
        return not self.taken.wait(0.05)

    def end(self):
        self.enough.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_the_same_kind_of_work_goes_on_side_by_side():
    for product, n_threads in ((SMALL, 1), (LARGE, 2)):
        workers = [Worker(product) for _ in range(3)]
        assert all(worker.taken.wait(10) and worker.threads == {n_threads} for worker in workers)
        for worker in workers:
            assert blas_threads() == {n_threads}  # until the last one has ended
            worker.end()


@pytest.mark.parametrize(("first", "second"), [(SMALL, LARGE), (LARGE, SMALL)])
def test_other_work_waits_for_its_turn(first, second):
    with suitable_threads(first):
        waiting = Worker(second)
        assert waiting.waits()
        assert blas_threads() == {1 if first == SMALL else 2}
    assert waiting.taken.wait(10) and waiting.threads == {1 if second == SMALL else 2}
    waiting.end()


def test_whoever_comes_later_does_not_overtake():
    with suitable_threads(SMALL):
        large = Worker(LARGE)
        assert large.waits()
        small = Worker(SMALL)
        assert small.waits() and len(TURNS.queue) == 2
    assert large.taken.wait(10) and small.waits()
    large.end()
    assert small.taken.wait(10)
    small.end()


def test_work_within_work_has_its_own_number_and_waits_for_nobody_that_waits():
    with suitable_threads(SMALL):
        with suitable_threads(LARGE):
            assert blas_threads() == {2}
            other = Worker(SMALL)
            assert other.waits()
        assert other.taken.wait(10) and blas_threads() == {1}
        with suitable_threads(None):
            assert blas_threads() == {1}  # the other's
            other.end()
            assert blas_threads() == {2}
        assert blas_threads() == {1}


def test_a_long_fit_gives_way_between_steps():
    give_way()
    with suitable_threads(LARGE):
        small = Worker(SMALL)
        assert small.waits()
        small.enough.set()
        give_way()
        assert small.taken.is_set() and blas_threads() == {2}
    small.end()


def test_what_a_user_wrote_may_wait_for_other_threads():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 300))
    large = SigmoidMLPRegressor(400, batch_size=600, max_iter=1, early_stopping=False, dtype="float32")
    assert SHARED_OUT <= 600 * 300 * 400

    def score(estimator, X_held_out, y):
        thread = threading.Thread(target=large.fit, args=(X, X[:, 0]))
        thread.start()
        thread.join(30)
        assert not thread.is_alive()
        return 1.0

    SigmoidMLPRegressor(2, max_iter=2, early_stopping=True, scoring=score).fit(X[:, :2], X[:, 0])


def test_an_interrupt_leaves_nothing_behind_that_others_wait_for():
    for at in range(1, 40):
        _interrupted(at)
        for product, n_threads in (SMALL, 1), (LARGE, 2):
            other = Worker(product)
            assert other.taken.wait(10) and other.threads == {n_threads}
            other.end()


def _interrupted(at):
    """Take a small hold and give it up, with a Ctrl-C at one of the lines that do it."""
    lines, codes = iter(range(at)), (Turns.exchange.__code__, suitable_threads.__wrapped__.__code__)

    def trace(frame, event, argument):
        if frame.f_code in codes and event == "line" and next(lines, None) is None:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with suitable_threads(SMALL):
            pass
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")
@pytest.mark.parametrize("held", [SMALL, LARGE])
def test_a_forked_process_begins_anew(held):
    queue = multiprocessing.get_context("fork").SimpleQueue()

    def work():
        own = blas_threads()
        with suitable_threads(SMALL):
            queue.put([*own, *blas_threads(), len(TURNS.holds)])

    with suitable_threads(held):
        other = Worker(held)
        assert other.taken.wait(10)
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        process.join(30)
    other.end()
    assert process.exitcode == 0 and queue.get() == [2, 1, 1]


# --- what depends on the number


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


def test_small_fits_do_not_change_a_large_one():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 400)).astype(np.float32)
    large = SigmoidMLPRegressor((400, 400), batch_size=500, max_iter=3, random_state=0, early_stopping=False)
    alone = weights(large.fit(X, X[:, 0]))
    with threadpool_limits(1, user_api="blas"):
        other_number = weights(large.fit(X, X[:, 0]))
    if np.array_equal(alone, other_number):
        pytest.skip("this BLAS gives the same bits with one thread and with two")
    small = SigmoidMLPRegressor(2, max_iter=2, random_state=0, early_stopping=False)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(lambda: weights(large.fit(X, X[:, 0])))
        n_small = 0
        while not running.done():
            small.fit(X[:40, :2], X[:40, 0])
            n_small += 1
        np.testing.assert_array_equal(running.result(), alone)
    assert n_small > 1


def test_a_fit_in_any_thread_is_the_same():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 30)).astype(np.float32)
    net = SigmoidMLPRegressor((200, 50), max_iter=2, random_state=0)
    expected = weights(net.fit(X, X[:, 0]))
    with ThreadPoolExecutor(8) as pool:
        fits = [pool.submit(lambda: weights(SigmoidMLPRegressor(**net.get_params()).fit(X, X[:, 0]))) for _ in range(8)]
        for fit in fits:
            np.testing.assert_array_equal(fit.result(), expected)


@pytest.mark.parametrize("n_rows", [1, 40, 700, PREDICT_ROWS * 2 * PIECES])
def test_predictions_are_the_same_in_threads_beside_fits(n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, 60))
    net = SigmoidMLPRegressor((150, 100), max_iter=1, early_stopping=False, random_state=0).fit(X[:40], X[:40, 0])
    expected, done = net.predict(X), threading.Event()

    def fit():
        while not done.is_set():
            SigmoidMLPRegressor(2, max_iter=1, early_stopping=False).fit(X[:40, :2], X[:40, 0])

    with ThreadPoolExecutor(4) as pool:
        fits = pool.submit(fit)
        try:
            for found in pool.map(lambda _: net.predict(X), range(30)):
                np.testing.assert_array_equal(found, expected)
        finally:
            done.set()
        fits.result()


# --- work that is shared out by rows


def test_many_pieces_get_as_many_threads_as_blas_has_and_blas_one():
    for n_pieces, expected in ((2 * PIECES, 2), (100, 2), (2 * PIECES - 1, 1)):
        with threads_for_rows(n_pieces, SMALL) as n_threads:
            assert n_threads == expected and blas_threads() == {1}
        assert blas_threads() == {2}
    with threadpool_limits(1, user_api="blas"), threads_for_rows(100, SMALL) as n_threads:
        assert n_threads == 1


def test_few_pieces_leave_large_products_to_blas():
    with threads_for_rows(2, LARGE) as n_threads:
        assert n_threads == 1 and blas_threads() == {2}


def test_a_blas_that_is_not_known_counts_as_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "libraries", lambda: [])
    with threads_for_rows(100, SMALL) as n_threads:
        assert n_threads == 1


def test_threads_start_no_threads():
    def asked():
        with threads_for_rows(100, LARGE) as n_threads:
            return n_threads, blas_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asked).result() == (1, {1})  # as the main thread's parts have it


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


def test_a_system_that_cannot_fork_has_its_turns_too(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork")
    spec = importlib.util.spec_from_file_location("threads_without_fork", threads.__file__)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where its dataclasses look their types up
    spec.loader.exec_module(module)
    with module.suitable_threads(SMALL):
        assert blas_threads() == {1}


def test_an_observer_outside_is_told_all_and_its_word_counts():
    class Listener:
        def __init__(self):
            self.heard = []

        def begin(self, state):
            self.heard.append(("begin", state, *blas_threads()))

        def end(self, state):
            self.heard.append(("end", state, *blas_threads()))
            return state == "stop"

    with suitable_threads(SMALL):
        listener = Listener()
        outside = Outside(listener)
        outside.begin("state")
        assert [outside.end("state"), outside.end("stop")] == [False, True]
    assert listener.heard == [("begin", "state", 2), ("end", "state", 2), ("end", "stop", 2)]


def test_members_have_a_thread_each_where_steps_are_large():
    """As many as BLAS has at most, in the main thread alone; and BLAS has one for each."""

    def given(n_members, product):
        with threads.threads_for_members(n_members, product) as n_threads:
            return n_threads, blas_threads()

    large = 10**6
    asked = [(3, large), (1, large), (3, large - 1)]
    assert [given(*each) for each in asked] == [(2, {1}), (1, {1}), (1, {1})]
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(given, 3, large).result() == (1, {1})


def test_two_threads_share_what_one_does_alone():
    seen = []
    in_parts(seen.append, slice(0, 20), 10, 2)
    assert sorted(part.start for part in seen) == [0, 10]
