"""Tables in Markdown, and a plot, of the figures that `python -m tests.benchmarks --json FILE` wrote.

python -m tests.benchmarks.report FILE docs/benchmarks.png
"""

import json
import sys
from itertools import groupby
from pathlib import Path

import matplotlib.pyplot as plt

SERIES = {  # what a figure's name begins with: the label and colour of its bar
    "sigmoid, float64: ": ("scikit-learn, sigmoid", "#4c72b0"),
    "relu, float32: ": ("scikit-learn, relu", "#dd8452"),
    "eager: ": ("PyTorch, sigmoid", "#55a868"),
    "jitted: ": ("JAX, sigmoid", "#8172b3"),
}
WIDTH = 0.2


def main() -> None:
    runs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    for name, table in groupby(rows(runs), key=lambda row: row[0]):
        print(f"\n## {name}\n\n| figure | target |", *(f"{run['machine']['BLAS threads']} thread(s) |" for run in runs))
        print("|---|---|" + "---|" * len(runs))
        for _, figure, target, ratios in table:
            print(f"| {figure} | {target.replace('>=', '≥').replace('<=', '≤')} | {' | '.join(ratios)} |")
    plot(runs)


def rows(runs: list[dict]) -> list[tuple]:
    """Each figure of the first run, with what all runs found."""
    found = [{(f["table"], f["name"]): shown(f) for f in run["figures"]} for run in runs]
    first = runs[0]["figures"]
    return [
        (f["table"], f["name"], f["target"], [ratios.get((f["table"], f["name"]), "") for ratios in found])
        for f in first
    ]


def shown(f: dict) -> str:
    """The ratio, and beside a peer's how fast the products of both libraries are."""
    return f"{f['ratio']:.2f}" + (f" ({f['note']})" if f["note"] else "")


def by_shape(run: dict, start: str) -> dict[str, float]:
    """The ratios at each shape that the figures with this beginning found."""
    found = [f for f in run["figures"] if f["name"].startswith(start) and "mean" not in f["name"]]
    return {f["name"].removeprefix(start): f["ratio"] for f in found}


def plot(runs: list[dict]) -> None:
    figure, axes = plt.subplots(1, len(runs), figsize=(11, 4.2), sharey=True, layout="constrained", squeeze=False)
    for axis, run in zip(axes[0], runs, strict=True):
        for i, (start, (label, colour)) in enumerate(SERIES.items()):
            ratios = by_shape(run, start)
            places = [place + 1.05 * WIDTH * (i - (len(SERIES) - 1) / 2) for place in range(len(ratios))]
            bars = axis.bar(places, ratios.values(), WIDTH, label=label, color=colour)
            axis.bar_label(bars, fmt="%.1f", fontsize=6, padding=1)
        shapes = [shape.replace(" at ", "\nat ") for shape in by_shape(run, "sigmoid, float64: ")]
        axis.set_xticks(range(len(shapes)), shapes, rotation=30, ha="right", fontsize=8)
        axis.axhline(1.0, color="black", linewidth=0.8)
        axis.set_title(f"BLAS threads: {run['machine']['BLAS threads']}", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0, 0].set_ylabel("time of the other library / ours")
    axes[0, 0].legend(frameon=False, fontsize=8)  # the first run has every library that was measured
    figure.suptitle("Whole fits at equal architecture, epochs, batch size and solver", fontsize=11)
    figure.savefig(sys.argv[2], dpi=110)


if __name__ == "__main__":
    main()
