"""Whole fits over their bare matrix products, in float32: our time / that of the products."""

from collections.abc import Iterator

from tests.benchmarks import networks
from tests.benchmarks.harness import Figure, in_turns, ratio


def figures(quick: bool) -> Iterator[Figure]:
    for shape in networks.ALL:
        shape_now = shape.shorter(4) if quick else shape
        X, y = shape_now.data()
        tasks = {
            "ours": networks.ours(shape_now, X, y, dtype="float32"),
            "products": networks.products(shape_now),
        }
        seconds = in_turns(tasks, 3 if quick else 7)
        target = "<= 1.15" if shape in networks.WIDE else ""
        yield ratio(f"sigmoid: {shape.name}", seconds["ours"], seconds["products"], target)
