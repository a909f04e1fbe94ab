"""Whole fits with default parameters by the number of rows: the time of boosted trees / ours.

    python -W ignore -m tests.benchmarks.by_rows [--rows N ...] [--threads N] [--tuned]

20 columns of numbers, of which ten count. Fits are timed in turns, up to 100,000 rows the median of three rounds, in
processor seconds with one thread; errors are those on 20,000 other rows, theirs over ours: the error rate, or the root
mean squared error. LightGBM and CatBoost are measured where they are installed. With `--tuned`, LightGBM tuned by 20
settings is fitted once: it takes some hundred times as long as with its defaults.
"""

import argparse
import importlib.util
import os
from collections.abc import Callable
from time import perf_counter, process_time

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from sknet import SigmoidMLPClassifier, SigmoidMLPRegressor
from tests.benchmarks.harness import in_turns, machine, on_cores
from tests.benchmarks.tables.models import TunedLightGBM

N_TEST = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.by_rows", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=int, default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--tuned", action="store_true", help="LightGBM tuned by 20 settings as well, on one thread")
    options = parser.parse_args()
    with on_cores(options.threads), threadpool_limits(options.threads):
        print("\n".join(f"{key}: {value}" for key, value in machine().items()), flush=True)
        for classify in (True, False):
            for n in options.rows:
                compare(n, classify, options)


def table(n: int, classify: bool) -> tuple[np.ndarray, np.ndarray]:
    """Numbers in their own units, and a target that bends, has a threshold and an interaction."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 20))
    value = np.sin(2.0 * X[:, 0]) + X[:, 1] * X[:, 2] + (X[:, 3] > 0.5) + 0.5 * X[:, 4:10].sum(axis=1)
    noisy = value + rng.normal(size=n)
    return np.exp(0.5 * X) * 10.0 ** np.arange(-5, 15), (noisy > 0.3).astype(int) if classify else noisy


def models(classify: bool, threads: int) -> dict[str, Callable[[], object]]:
    """What makes each library's estimator with its default parameters."""
    found: dict[str, Callable[[], object]] = {
        "ours": lambda: (SigmoidMLPClassifier if classify else SigmoidMLPRegressor)(random_state=0),
        "HistGradientBoosting": HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor,
    }
    if importlib.util.find_spec("lightgbm"):
        import lightgbm

        kind = lightgbm.LGBMClassifier if classify else lightgbm.LGBMRegressor
        found["LightGBM"] = lambda: kind(verbose=-1, n_jobs=threads)
    if importlib.util.find_spec("catboost"):
        import catboost

        trees = catboost.CatBoostClassifier if classify else catboost.CatBoostRegressor
        found["CatBoost"] = lambda: trees(verbose=False, allow_writing_files=False, thread_count=threads)
    return found


def compare(n: int, classify: bool, options: argparse.Namespace) -> None:
    X, y = table(n + N_TEST, classify)
    fitted: dict[str, object] = {}

    def fit(name: str, make: Callable[[], object]) -> Callable[[], object]:
        return lambda: fitted.update({name: make().fit(X[:n], y[:n])})

    made = models(classify, options.threads)
    clock = process_time if options.threads == 1 else perf_counter
    seconds = in_turns({name: fit(name, make) for name, make in made.items()}, 1 if n > 100_000 else 3, clock)
    if options.tuned:
        made["LightGBM, tuned"] = lambda: TunedLightGBM(is_regression=not classify, seed=0)
        start = clock()
        fit("LightGBM, tuned", made["LightGBM, tuned"])()
        seconds["LightGBM, tuned"] = np.array([clock() - start])
    errors = {
        name: float(np.mean(model.predict(X[n:]) != y[n:]) if classify else np.std(model.predict(X[n:]) - y[n:]))
        for name, model in fitted.items()
    }
    for name in list(made)[1:]:
        time = float(np.median(seconds[name] / seconds["ours"]))
        what = "classification" if classify else "regression"
        print(
            f"  {what}, {n:,} rows, {name} / ours: time {time:.2f} (ours {np.median(seconds['ours']):.2f} s), "
            f"error {errors[name] / errors['ours']:.3f}, {fitted['ours'].n_iter_} epochs",
            flush=True,
        )


if __name__ == "__main__":
    main()
