"""One fit in a process of its own, one row of the CSV: how wrong it is, its processor time and its peak memory."""

import ctypes
import gc
import json
import multiprocessing
import platform
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing.connection import Connection

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from tests.benchmarks.harness import processor
from tests.benchmarks.large_tables import made, rule
from tests.benchmarks.tables import measure as small
from tests.benchmarks.tables.models import MODELS as ALL
from tests.benchmarks.tables.models import PACKAGES
from tests.benchmarks.tables.sources import Table

ROWS = small.MEASURED / "large_tables.csv"
MACHINE = small.MEASURED / "large_tables.json"
COLUMNS = [
    *("table", "rows", "seed", "model", "n_train", "n_test", "error", "log_loss"),
    *("fit_seconds", "predict_seconds", "peak_mb", "fit_mb", "note"),
]
N_TEST = 50_000  # at most a quarter of a real table's rows
N_TEST_MADE, N_TEST_SMOOTH = 20_000, 4_000


def lightgbm_600(is_regression: bool, seed: int) -> BaseEstimator:
    """LightGBM's defaults, but 600 trees: it has many rows to learn from."""
    model = ALL["LightGBM"](is_regression, seed)
    model.steps[-1][1].set_params(n_estimators=600)
    return model


MODELS: dict[str, Callable[[bool, int], BaseEstimator]] = {
    "sknet": ALL["sknet"],
    "LightGBM": ALL["LightGBM"],
    "LightGBM, 600 trees": lightgbm_600,
    "HistGradientBoosting": ALL["HistGradientBoosting"],
    "CatBoost": ALL["CatBoost"],
    "RealMLP-TD": ALL["RealMLP-TD"],
    "RealMLP-TD, bagged": ALL["RealMLP-TD, bagged"],
}
NETWORKS = ("RealMLP-TD", "RealMLP-TD, bagged")
PACKAGE = {name: PACKAGES.get(name, "scikit-learn") for name in MODELS} | {"LightGBM, 600 trees": "lightgbm"}
MODULE = {"sknet-mlp": "sknet", "scikit-learn": "sklearn"}


def is_installed(model: str) -> bool:
    """Whether the model's package can be imported; sknet may lie in the current folder."""
    package = PACKAGE[model]
    return find_spec(MODULE.get(package, package)) is not None


@dataclass(frozen=True)
class Job:
    """A table, its number of rows (0: all that it has), a seed and a model."""

    table: str
    rows: int
    seed: int
    model: str

    @property
    def key(self) -> tuple[str, int, int, str]:
        return self.table, self.rows, self.seed, self.model


@dataclass(frozen=True)
class Data:
    table: Table
    train: np.ndarray
    test: np.ndarray
    truth: np.ndarray | None = None  # of the test rows


def data_of(job: Job) -> Data:
    """Return the rows to fit and to test, the same ones for every model."""
    if job.table in made.FUNCTIONS:
        n_test = N_TEST_SMOOTH if job.table.startswith("smooth/") else N_TEST_MADE
        table, truth = made.made(job.table, job.rows, job.seed, n_test)
        return Data(table, np.arange(job.rows), np.arange(job.rows, len(truth)), truth[job.rows :])
    table = rule.load(job.table)
    n = len(table.X)
    rng = np.random.default_rng(job.seed)
    some = np.sort(rng.permutation(n)[: job.rows]) if 0 < job.rows < n else np.arange(n)
    classes = None if table.is_regression else table.y.iloc[some].cat.codes
    if classes is not None and classes.value_counts().min() < 2:
        classes = None  # a class of one row, where only some rows are taken
    train, test = train_test_split(some, test_size=min(len(some) // 4, N_TEST), random_state=job.seed, stratify=classes)
    return Data(table, train, test)


def rows() -> pd.DataFrame:
    """Every row that has been measured."""
    if not ROWS.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(ROWS, keep_default_na=False, na_values=[""])


def forget(models: list[str]) -> None:
    """Leave out the rows of these models."""
    found = rows()
    if models:
        found[~found["model"].isin(models)].to_csv(ROWS, index=False)


def run(jobs: list[Job], seconds: float, until: float) -> None:
    """Run what the CSV lacks, each with so many processor seconds at most; jobs of one table stand together."""
    done = set(rows()[["table", "rows", "seed", "model"]].itertuples(index=False, name=None))
    last, data = None, None
    for job in jobs:
        if job.key in done or time.monotonic() > until:
            continue
        if last != job.key[:3]:
            data = None  # before the next one is read: only one is in memory
            last, data = job.key[:3], data_of(job)
        assert data is not None
        append(job, data, in_own_process(job, data, seconds))


def in_own_process(job: Job, data: Data, seconds: float) -> dict[str, object]:
    """Fit in a child that has the table already: what its memory grows by is the model's.

    The child is forked, so it begins with this process's memory. Nothing here has fitted a model, and no thread runs.
    """
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)  # a child would fill what reading the table left free, and seem to need less
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe(duplex=False)
    child = context.Process(target=answer, args=(send, job, data, seconds))
    child.start()
    send.close()
    try:
        result = receive.recv()
    except EOFError:  # it was ended
        result = {}
    child.join()
    if not result:
        late = child.exitcode == -signal.SIGXCPU
        result = {"note": f"no result after {seconds:.0f} s" if late else f"ended with exit code {child.exitcode}"}
    if isinstance(result, ImportError):
        raise result
    return result


def answer(send: Connection, job: Job, data: Data, seconds: float) -> None:
    """Send what `fit` finds; the system ends the process after so many processor seconds."""
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 5))
    send.send(fit(job, data))


def fit(job: Job, data: Data) -> dict[str, object] | ImportError:
    table = data.table
    X, y = table.X.iloc[data.train], table.y.iloc[data.train].to_numpy()
    X_test = table.X.iloc[data.test]
    y = np.asarray(y) if table.is_regression else np.asarray(y, dtype=object)
    small.quiet()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model = MODELS[job.model](table.is_regression, job.seed)  # imports its package
            before = peak_mb()
            start = time.process_time()
            model.fit(X, y)
            fitted = time.process_time()
            predicted = model.predict(X_test) if table.is_regression else model.predict_proba(X_test)
            ended = time.process_time()
    except ImportError as error:
        return error
    except Exception as error:  # a failure is a result too
        return {"note": f"{type(error).__name__}: {error}".replace("\n", " ")[:200]}
    stopped = any(issubclass(warning.category, ConvergenceWarning) for warning in said)
    return {
        "fit_seconds": fitted - start,
        "predict_seconds": ended - fitted,
        "peak_mb": peak_mb(),
        "fit_mb": peak_mb() - before,
        "note": "ConvergenceWarning" if stopped else "",
        **scores(data, predicted, model),
    }


def peak_mb() -> float:
    """The most memory that this process has had, in megabytes of 10**6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def scores(data: Data, predicted: np.ndarray, model: BaseEstimator) -> dict[str, float]:
    """As for the smaller tables; with a known truth, the root mean squared distance from it.

    Of a function this is divided by the function's standard deviation; of classes it is that of the probabilities.
    """
    table = data.table
    y = table.y.iloc[data.test].to_numpy()
    found = small.scores(table, predicted, y, model)
    if data.truth is not None and table.is_regression:
        found["error"] = float(np.sqrt(np.mean((np.ravel(predicted) - data.truth) ** 2)) / data.truth.std())
    elif data.truth is not None:
        second = list(map(str, model.classes_)).index("yes")
        found["error"] = float(np.sqrt(np.mean((predicted[:, second] - data.truth) ** 2)))
    return found


def append(job: Job, data: Data, result: dict[str, object]) -> None:
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    one = dict(zip(COLUMNS, job.key, strict=False)) | {"n_train": len(data.train), "n_test": len(data.test)} | result
    line = pd.DataFrame([one], columns=COLUMNS)
    digits = {"error": 5, "log_loss": 5, "fit_seconds": 3, "predict_seconds": 3, "peak_mb": 1, "fit_mb": 1}
    line = line.astype(dict.fromkeys(digits, float)).round(digits)
    line.to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)
    print(" ".join(str(value) for value in line.iloc[0]), flush=True)
    note_machine(job.model)


def note_machine(model: str) -> None:
    """Write beside the rows on what, with which versions and when a model was measured last."""
    known = json.loads(MACHINE.read_text(encoding="utf-8")) if MACHINE.exists() else {}
    package = PACKAGE[model]
    own = {"sknet": small.commit()} if model == "sknet" else {package: version(package)}
    known[model] = {
        "date": date.today().isoformat(),
        "machine": f"{processor()}, one thread, {platform.system()}, Python {platform.python_version()}",
        "versions": own | {name: version(name) for name in ("numpy", "pandas", "scikit-learn")},
    }
    MACHINE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
