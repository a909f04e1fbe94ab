"""How the cost grows from 50-100-10 at 200 with 10,000 rows: our time / that of the base."""

from collections.abc import Iterator
from dataclasses import replace

from tests.benchmarks.harness import Figure, in_turns, ratio
from tests.benchmarks.networks import Shape, ours, sklearns

BASE = Shape((50, 100, 10), 200, 10_000, 4)
VARIANTS = {
    "rows x 4": replace(BASE, rows=40_000),
    "rows x 16": replace(BASE, rows=160_000),
    "columns x 4": replace(BASE, sizes=(200, 100, 10)),
    "columns x 16": replace(BASE, sizes=(800, 100, 10)),
    "width x 4": replace(BASE, sizes=(50, 400, 10)),
    "width x 16": replace(BASE, sizes=(50, 1600, 10)),
    "depth x 2": replace(BASE, sizes=(50, 100, 100, 10)),
    "depth x 4": replace(BASE, sizes=(50, 100, 100, 100, 100, 10)),
    "classes x 4": replace(BASE, sizes=(50, 100, 40)),
    "classes x 16": replace(BASE, sizes=(50, 100, 160)),
}


def figures(quick: bool) -> Iterator[Figure]:
    base = ours(BASE, *BASE.data())
    for name, shape in VARIANTS.items():
        X, y = shape.data()
        tasks = {"base": base, "ours": ours(shape, X, y), "scikit-learn": sklearns(shape, X, y)}
        seconds = in_turns(tasks, 1 if quick else 3)
        peer = ratio("", seconds["scikit-learn"], seconds["ours"]).ratio
        yield ratio(name, seconds["ours"], seconds["base"], note=f"scikit-learn / ours: {peer:.1f}")
