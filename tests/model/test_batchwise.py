"""Rows of a file as the network's input."""

import os
import subprocess
import sys

import numpy as np
import pytest

SMALL_MEMORY = """
import resource
import sys

import numpy as np

from sknet import SigmoidMLPRegressor

def fit(X):
    parameters = eval(sys.argv[2])
    net = SigmoidMLPRegressor(8, max_iter=1, batch_size=256, early_stopping=True, random_state=0, **parameters)
    return net.fit(X, X[:, 0] - X[:, 1]).predict(X[-100:])

fit(np.random.default_rng(0).random((3000, 200)))  # everything is imported, BLAS has its buffers
X = np.load(sys.argv[1], mmap_mode="r")
with open("/proc/self/status", encoding="utf-8") as status:
    had = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
resource.setrlimit(resource.RLIMIT_DATA, (had + X.nbytes // 10, resource.RLIM_INFINITY))
assert np.isfinite(fit(X)).all()
try:
    np.array(X)
except MemoryError:
    print("limited")
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "X.npy"
    X = np.lib.format.open_memmap(path, "w+", np.float64, (100_000, 200))
    for start in range(0, len(X), 10_000):
        X[start : start + 10_000] = np.random.default_rng(start).random((10_000, 200))
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for a limit")
@pytest.mark.parametrize("parameters", [{"numeric_encoding": "raw"}, {"input_scaling": "standard"}])
def test_a_fit_has_room_in_a_tenth_of_its_table(large, parameters):
    call = [sys.executable, "-c", SMALL_MEMORY, str(large), repr(parameters)]
    ended = subprocess.run(call, capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"})
    assert ended.stdout == "limited\n", ended.stderr[-2000:]
