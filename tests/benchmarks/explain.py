"""Processor time of `explain`, and how it grows: `OMP_NUM_THREADS=1 python -m tests.benchmarks.explain`.

Each line changes one thing of a base case: a regressor with defaults, fitted to 1,000 rows of 10 columns of numbers,
which explains 100 rows against a background of 100.
"""

from collections.abc import Iterator
from time import process_time

import numpy as np

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor

BASE = {"rows": 100, "background": 100, "columns": 10, "units": "auto", "activation": "sigmoid"}
ROUNDS = 3


def main() -> None:
    base = seconds(**BASE)
    ratio = base / seconds(**BASE, of="predict")
    print(f"base case: {1000 * base / BASE['rows']:.2f} ms a row, {ratio:.0f} times the time of predict", flush=True)
    for name, value in changes():
        print(f"{name}={value!r}: {seconds(**BASE | {name: value}) / base:.2f} times the base case", flush=True)


def changes() -> Iterator[tuple[str, object]]:
    for name, values in {
        "rows": (400,),
        "background": (25, 50, 1000),
        "columns": (5, 40),
        "units": ((192, 64), (96,)),
        "activation": ("relu",),
        "classes": (2, 3, 6),
    }.items():
        yield from ((name, value) for value in values)


def seconds(
    rows: int, background: int, columns: int, units: object, activation: str, classes: int = 0, of: str = "explain"
) -> float:
    """The least of a few rounds."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, columns))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]
    if classes:
        y = np.searchsorted(np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1]), y)
    estimator = SigmoidMLPClassifier if classes else SigmoidMLPRegressor
    model = estimator(units, activation, max_iter=30, random_state=0).fit(X, y)
    taken = []
    for _ in range(ROUNDS):
        start = process_time()
        model.explain(X[:rows], background=X[:background]) if of == "explain" else model.predict(X[:rows])
        taken.append(process_time() - start)
    return min(taken)


if __name__ == "__main__":
    main()
