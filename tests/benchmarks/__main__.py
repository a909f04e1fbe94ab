"""How fast sknet is next to its peers: `python -m tests.benchmarks` prints every ratio.

Each figure is a ratio of two times measured in turns, in one process: the median over several rounds, with its
quartiles. Everything is measured twice, in a process with one BLAS thread and in one with all.

    python -m tests.benchmarks [--quick] [--only NAME ...] [--threads N ...] [--json FILE]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path

TABLES = (
    "fits",
    "peers",
    "products",
    "floor",
    "lbfgs",
    "sparse",
    "categories",
    "predict",
    "saving",
    "search",
    "reach",
    "imports",
    "memory",
    "growth",
)
WITHOUT_THREADS = ("imports", "memory", "growth")  # measured once
ROOT = Path(__file__).parents[2]


def main() -> None:
    options = read_options()
    if options.child:
        measure(options)
        return
    if set(options.only) <= set(WITHOUT_THREADS):
        options.threads = options.threads[:1]
    results = [run_child(options, threads) for threads in options.threads]
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES, metavar="NAME", help=", ".join(TABLES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds and shorter runs")
    parser.add_argument("--threads", nargs="+", type=int, default=sorted({1, os.cpu_count() or 1}))
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    return parser.parse_args()


def run_child(options: argparse.Namespace, threads: int) -> dict:
    """Measure in a process of its own: BLAS reads its number of threads once."""
    first = threads == options.threads[0]
    only = [name for name in options.only if first or name not in WITHOUT_THREADS]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "MKL_"))}
    environment |= {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "figures.json")
        command = [sys.executable, "-m", "tests.benchmarks", "--child", str(file), "--only", *only]
        subprocess.run([*command, *["--quick"] * options.quick], cwd=ROOT, env=environment, check=True)
        return json.loads(file.read_text(encoding="utf-8"))


def measure(options: argparse.Namespace) -> None:
    from tests.benchmarks import harness

    machine = harness.machine()
    print("\n" + "\n".join(f"{key}: {value}" for key, value in machine.items()), flush=True)
    figures = []
    for name in options.only:
        table = import_module(f"tests.benchmarks.{name}")
        print(f"\n{table.__doc__.splitlines()[0]}", flush=True)
        for figure in table.figures(options.quick):
            print(figure, flush=True)
            figures.append({"table": name, **vars(figure)})
    Path(options.child).write_text(json.dumps({"machine": machine, "figures": figures}), encoding="utf-8")


if __name__ == "__main__":
    main()
