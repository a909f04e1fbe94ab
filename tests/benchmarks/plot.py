"""Draw the whole fits of a run: docs/benchmarks.png from the file that `--json` wrote.

python -m tests.benchmarks --threads 1 --only fits peers --json FILE
python -m tests.benchmarks.plot FILE
"""

import json
import sys
from pathlib import Path

import matplotlib
import numpy as np

SERIES = {
    "sigmoid, float64: ": "scikit-learn, sigmoid, float64",
    "relu, float32: ": "scikit-learn, relu, float32",
    "eager: ": "PyTorch, eager, sigmoid",
}


def main() -> None:
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))[0]["figures"]
    ratios = {f["name"]: f["ratio"] for f in figures if "mean" not in f["name"]}
    shapes = [name.removeprefix("relu, float32: ") for name in ratios if name.startswith("relu, float32: ")]
    figure, ax = plt.subplots(figsize=(8, 4.2))
    places = np.arange(len(shapes))
    for i, (prefix, label) in enumerate(SERIES.items()):
        values = [ratios.get(prefix + shape, np.nan) for shape in shapes]
        ax.barh(places + 0.27 * (i - 1), values, height=0.25, label=label)
    ax.axvline(1.0, color="0.3", linewidth=0.8)
    ax.set(yticks=places, yticklabels=shapes, xlabel="their time / ours, whole fits, one thread")
    ax.invert_yaxis()
    ax.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.4, 1.0), fontsize=9)
    figure.tight_layout()
    figure.savefig(Path(__file__).parents[2] / "docs" / "benchmarks.png", dpi=110)


if __name__ == "__main__":
    main()
