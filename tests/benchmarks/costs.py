"""What predictions cost, with default parameters, beside boosted trees: their figure / ours.

    python -W ignore -m tests.benchmarks.costs [--rows N ...] [--threads N]

For models of N rows each: `predict` of one row and of 100,000 rows (processor seconds on one thread, the median of
rounds in turns), and the bytes of the file that each library itself writes. Then what a program pays before its first
prediction: a process that imports the library, loads the file and predicts a row, with its time and its memory.
The first table has 20 numbers in an array, the second is a data frame with eight numbers and four categories.
LightGBM and CatBoost are measured where they are installed.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import joblib
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

import sknet
from tests.benchmarks import by_rows
from tests.benchmarks.harness import in_turns, machine, on_cores

N_PREDICTED = 100_000
LEVELS = (3, 8, 20, 50)
"""How many values the categories have."""
COLD_STARTS = {
    "ours": "import sknet; model = sknet.load({file!r})",
    "HistGradientBoosting": "import joblib; model = joblib.load({file!r})",
    "LightGBM": "import lightgbm; model = lightgbm.Booster(model_file={file!r})",
    "CatBoost": "import catboost; model = catboost.CatBoost().load_model({file!r})",
}
"""How a program gets a model from its file."""
PEAK = "; print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
"""Prints the most memory that a process has had, in kilobytes. `getrusage` includes that of the process that forked."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.costs", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[500, 5_000, 50_000])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    with on_cores(options.threads), threadpool_limits(options.threads), TemporaryDirectory() as folder:
        print("\n".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
        for classify in (True, False):
            for n in options.rows:
                compare(n, classify, frame=False, threads=options.threads, folder=Path(folder))
            compare(options.rows[-1], classify, frame=True, threads=options.threads, folder=Path(folder))


def mixed_table(n: int, classify: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Eight numbers and four categories, half of which count."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({f"number {j}": rng.normal(size=n) for j in range(8)})
    value = np.sin(2.0 * X["number 0"]) + X["number 1"] * X["number 2"]
    for j, size in enumerate(LEVELS):
        codes = rng.integers(size, size=n)
        X[f"category {j}"] = pd.Categorical([f"level {code}" for code in codes])
        value += (j % 2) * rng.normal(size=size)[codes]
    noisy = value.to_numpy() + rng.normal(size=n)
    return X, (noisy > 0.3).astype(int) if classify else noisy


def models(classify: bool, threads: int, X: np.ndarray | pd.DataFrame) -> dict[str, Callable[[], object]]:
    """As in `by_rows`; CatBoost and HistGradientBoosting are told which columns are categories."""
    made = by_rows.models(classify, threads)
    if isinstance(X, pd.DataFrame):
        categories = list(X.columns[-len(LEVELS) :])
        for name in made.keys() & {"CatBoost", "HistGradientBoosting"}:
            of = {"CatBoost": "cat_features", "HistGradientBoosting": "categorical_features"}[name]
            made[name] = lambda make=made[name], of=of: make().set_params(**{of: categories})
    return made


def compare(n: int, classify: bool, *, frame: bool, threads: int, folder: Path) -> None:
    X, y = (mixed_table if frame else by_rows.table)(n + N_PREDICTED, classify)
    made = models(classify, threads, X)
    fitted = {name: make().fit(X[:n], y[:n]) for name, make in made.items()}
    what = f"{'classifier' if classify else 'regressor'}, {'data frame' if frame else 'array'}, {n:,} rows"
    clock = process_time if threads == 1 else perf_counter
    for rows, times, rounds in ((X[n : n + 1], 100, 15), (X[n:], 1, 5)):
        tasks = {name: repeated(model, rows, times) for name, model in fitted.items()}
        report(f"{what}: predict {len(rows):,}", {k: v / times for k, v in in_turns(tasks, rounds, clock).items()}, "s")
    files = {name: save(name, model, folder / name.replace(" ", "_")) for name, model in fitted.items()}
    report(f"{what}: file", {name: np.array([file.stat().st_size]) for name, file in files.items()}, "bytes")
    if not frame:
        row = f"; import numpy as np; model.predict(np.array({X[n : n + 1].tolist()}))"
        starts = {name: COLD_STARTS[name].format(file=str(file)) + row + PEAK for name, file in files.items()}
        peak = {}

        def start(name: str) -> None:
            peak[name] = np.array([float(subprocess.check_output([sys.executable, "-c", starts[name]]))])

        report(f"{what}: cold start", in_turns({name: lambda name=name: start(name) for name in starts}, 5), "s")
        report(f"{what}: memory of a cold start", peak, "kB")


def repeated(model: object, rows: np.ndarray | pd.DataFrame, times: int) -> Callable[[], object]:
    probabilities = getattr(model, "predict_proba", model.predict)
    return lambda: [probabilities(rows) for _ in range(times)]


def save(name: str, model: object, file: Path) -> Path:
    """Write the file that the library itself writes; HistGradientBoosting has none but joblib's."""
    if name == "ours":
        sknet.save(model, file)
    elif name == "LightGBM":
        model.booster_.save_model(file)
    elif name == "CatBoost":
        model.save_model(str(file))
    else:
        joblib.dump(model, file)
    return file


def report(what: str, figures: dict[str, np.ndarray], unit: str) -> None:
    ours = figures["ours"]
    ratios = [f"{name} {np.median(of / ours):.3g}" for name, of in figures.items() if name != "ours"]
    print(f"  {what}: {', '.join(ratios)} (ours {np.median(ours):.3g} {unit})", flush=True)


if __name__ == "__main__":
    main()
