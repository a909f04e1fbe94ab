"""Searches under joblib's backends: the same scores, one thread for each process; dask scatters the table once."""

import numpy as np
import pytest

pytestmark = pytest.mark.dask
distributed = pytest.importorskip("distributed")

from tests.benchmarks.dask_searches import BACKENDS, counted, made, searched, threads_under  # noqa: E402

X, y = made(1200)


@pytest.fixture(scope="module")
def expected():
    return searched(X, y, "sequential")[0]


@pytest.mark.filterwarnings("ignore")  # the backends' own
@pytest.mark.parametrize("backend", ["loky", "threading", "dask", "ray"])
def test_a_search_gives_the_same_scores_anywhere(backend, expected):
    if backend == "ray":
        pytest.importorskip("ray")
    with BACKENDS[backend](), counted(X.nbytes // 2) as sent:
        for one, other in zip(searched(X, y, backend)[0], expected, strict=True):
            np.testing.assert_array_equal(one, other)
        if backend != "threading":
            assert threads_under(backend, X, y) == 1
        if backend == "dask":
            assert not sent
            distributed.default_client().submit(np.sum, X).result()  # which does count
            assert sent
