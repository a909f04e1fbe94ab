"""`import sknet` over `import sklearn.neural_network`, each in a process of its own."""

import subprocess
import sys
from collections.abc import Iterator

from tests.benchmarks.harness import Figure, in_turns, ratio


def figures(quick: bool) -> Iterator[Figure]:
    def start(what: str) -> object:
        return subprocess.run([sys.executable, "-c", f"import {what}"], check=True)

    tasks = {name: lambda name=name: start(name) for name in ("sknet", "sklearn.neural_network")}
    seconds = in_turns(tasks, 5 if quick else 15)
    yield ratio("import", seconds["sknet"], seconds["sklearn.neural_network"], "<= 1.15")
