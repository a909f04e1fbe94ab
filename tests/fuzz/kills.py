"""Kill checkpointed training at random instants, resume it, and compare with the run that nobody killed.

python tests/fuzz/kills.py --n 100 --seed 0
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, sleep

import numpy as np

TRAIN = """
import sys
import numpy as np
from sknet import Checkpoint, SigmoidMLPRegressor
rng = np.random.default_rng(0)
X = rng.normal(size=(400, 5)); y = X[:, 0] - X[:, 1]
net = SigmoidMLPRegressor((32, 16), max_iter={epochs}, batch_size=40, random_state=1, dropout=0.1)
sys.stdout.write("ready"); sys.stdout.flush()
net.set_callbacks(Checkpoint(sys.argv[1])).fit(X, y)
"""


def estimator_and_data(epochs):
    from sknet import SigmoidMLPRegressor

    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = X[:, 0] - X[:, 1]
    return SigmoidMLPRegressor((32, 16), max_iter=epochs, batch_size=40, random_state=1, dropout=0.1), X, y


def weights(net):
    return np.concatenate([part.ravel() for part in net.coefs_ + net.intercepts_])


def begin(path, epochs):
    """Start training in a process of its own, and wait until it begins."""
    child = subprocess.Popen([sys.executable, "-c", TRAIN.format(epochs=epochs), str(path)], stdout=subprocess.PIPE)
    child.stdout.read(5)
    return child


def duration(epochs):
    """How long an undisturbed run takes, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        child = begin(Path(folder) / "run.npz", epochs)
        started = perf_counter()
        child.wait()
        return perf_counter() - started


def attack(n, seed, epochs=60):
    """Kill n runs; return how many were resumed, and a line for each that did not end as it should."""
    net, X, y = estimator_and_data(epochs)
    expected, seconds = weights(net.fit(X, y)), duration(epochs)
    rng, wrong, resumed = np.random.default_rng(seed), [], 0
    for k in range(n):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run.npz"
            child = begin(path, epochs)
            sleep(rng.uniform(0.0, seconds))
            child.kill()
            child.wait()
            if not path.exists():
                continue  # before the first checkpoint
            found = estimator_and_data(epochs)[0].resume(path, X, y)
            resumed += 1
            if not np.array_equal(weights(found), expected):
                wrong.append(f"kill {k}: other weights")
            # a run that is killed while it writes leaves a temporary file, which stays
            left = sorted(p.name for p in Path(folder).iterdir() if p != path and p.suffix != ".part")
            if left:
                wrong.append(f"kill {k}: left {left}")
    return resumed, wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    resumed, wrong = attack(given.n, given.seed)
    print(f"{given.n} kills, {resumed} of them after the first checkpoint and resumed, {len(wrong)} wrong")
    print("\n".join(wrong))
