"""Whole fits: scikit-learn's time / ours."""

from collections.abc import Iterator

import numpy as np

from tests.benchmarks import networks
from tests.benchmarks.harness import Figure, geometric_mean, in_turns, ratio

SIGMOID = dict(zip(networks.ALL, (">= 6", ">= 5", ">= 4", "", ">= 2.3", ">= 2.3"), strict=True))
RELU = dict(zip(networks.ALL, (">= 2.5", ">= 2.5", ">= 2.5", "", ">= 1.2", ">= 1.2"), strict=True))


def figures(quick: bool) -> Iterator[Figure]:
    yield from compare("sigmoid, float64", SIGMOID, "sigmoid", "logistic", np.float64, quick)
    relu = []
    for figure in compare("relu, float32", RELU, "relu", "relu", np.float32, quick):
        relu.append(figure)
        yield figure
    yield geometric_mean("relu, float32: geometric mean", relu, ">= 2.2")


def compare(
    name: str, targets: dict, activation: str, scikit_learns_name: str, dtype: type, quick: bool
) -> Iterator[Figure]:
    for shape, target in targets.items():
        shape = shape.shorter(4) if quick else shape
        X, y = shape.data(dtype)
        tasks = {
            "scikit-learn": networks.sklearns(shape, X, y, activation=scikit_learns_name),
            "ours": networks.ours(shape, X, y, activation=activation),
        }
        seconds = in_turns(tasks, 3 if quick else 5)
        yield ratio(f"{name}: {shape.name}", seconds["scikit-learn"], seconds["ours"], target)
