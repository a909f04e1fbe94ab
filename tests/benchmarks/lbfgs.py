"""L-BFGS at the same number of iterations and evaluations: scikit-learn's time / ours."""

from collections.abc import Iterator

from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.benchmarks.networks import Shape, ours, sklearns

TARGETS = {
    Shape((30, 100, 2), 0, 2_000, 60): ">= 2.5",
    Shape((64, 100, 10), 0, 1_800, 60): ">= 1.5",
    Shape((784, 256, 10), 0, 4_000, 20): ">= 1.05",
}


def figures(quick: bool) -> Iterator[Figure]:
    for shape, target in TARGETS.items():
        shape = shape.shorter(4) if quick else shape
        X, y = shape.data()
        # Evaluations are what costs time; both stop after as many, long before they converge.
        same = {"solver": "lbfgs", "max_fun": shape.epochs, "alpha": 1e-4}
        tasks = {
            "scikit-learn": sklearns(shape, X, y, **same, batch_size="auto"),
            "ours": ours(shape, X, y, **same, batch_size="auto"),
        }
        seconds = in_turns(tasks, 3 if quick else 5)
        yield ratio(shape.name.replace(" at 0", ""), seconds["scikit-learn"], seconds["ours"], target)
