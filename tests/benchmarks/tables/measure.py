"""One fit, one row of the CSV: what it was trained on, how wrong it is, how long it took."""

import json
import logging
import platform
import subprocess
import time
import warnings
from collections.abc import Callable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from tests.benchmarks.harness import processor
from tests.benchmarks.tables import second, sources
from tests.benchmarks.tables.models import MODELS, PACKAGES
from tests.benchmarks.tables.sources import Table

MEASURED = Path(__file__).parents[3] / "docs" / "measured"
ROWS = MEASURED / "tables.csv"
MACHINE = MEASURED / "tables.json"
TEST_SIZE = 0.25
SECOND = ", second draw"  # behind a model's name in MACHINE
COLUMNS = [
    "table",
    "split",
    "number",
    "model",
    "n_train",
    "error",
    "log_loss",
    "fit_seconds",
    "predict_seconds",
    "note",
]


def rows() -> pd.DataFrame:
    """Every row that has been measured; a package that was not there says nothing of its model."""
    if not ROWS.exists():
        return pd.DataFrame(columns=COLUMNS)
    found = pd.read_csv(ROWS, keep_default_na=False, na_values=[""])
    return found[~found["note"].fillna("").str.match("(ModuleNotFound|Import)Error")]


def is_installed(model: str) -> bool:
    """Whether this machine has the package that a model comes from."""
    try:
        version(PACKAGES.get(model, "scikit-learn"))
    except PackageNotFoundError:
        return False
    return True


def forget(models: list[str]) -> None:
    found = rows()
    if models:
        found[~found["model"].isin(models)].to_csv(ROWS, index=False)


def table(name: str, number: int, models: list[str], until: float) -> None:
    """Fit each model to this table's splits with this number, unless the CSV has the row."""
    found = rows()
    done = set(zip(found["table"], found["split"], found["number"], found["model"], strict=True))
    data = None
    for split in SPLITS:
        for model in models:
            if (name, split, number, model) in done or time.monotonic() > until:
                continue
            data = data or second.load(name)
            if (parts := SPLITS[split](data, number)) is not None:
                one = fit(data, *parts, MODELS[model], number)
                append({"table": name, "split": split, "number": number, "model": model, **one})


def random_rows(data: Table, number: int) -> tuple[np.ndarray, np.ndarray]:
    classes = None if data.is_regression else data.y
    train, test = train_test_split(np.arange(len(data.X)), test_size=TEST_SIZE, random_state=number, stratify=classes)
    return train, test


def whole_groups(data: Table, number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """No group has rows on both sides."""
    if data.groups is None:
        return None
    split = GroupShuffleSplit(1, test_size=TEST_SIZE, random_state=number)
    return next(split.split(data.X, groups=data.X[data.groups].astype(str)))


def later_rows(data: Table, number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The last quarter of the time is for testing: there is one such split."""
    if data.times is None or number > 0:
        return None
    times = data.X[data.times].to_numpy()
    later = times >= np.nanquantile(times, 1 - TEST_SIZE)
    return np.flatnonzero(~later), np.flatnonzero(later)


SPLITS = {"rows": random_rows, "groups": whole_groups, "time": later_rows}


def quiet() -> None:
    for name in ("lightning.pytorch", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)


def fit(
    data: Table,
    train: np.ndarray,
    test: np.ndarray,
    make: Callable[[bool, int], BaseEstimator],
    seed: int,
    **for_fit: object,
) -> dict[str, object]:
    """Fit one model, and compare what it predicts for the other rows with what was found there."""
    quiet()
    X_train, X_test = data.X.iloc[train], data.X.iloc[test]
    y_train, y_test = data.y.iloc[train].to_numpy(), data.y.iloc[test].to_numpy()
    one: dict[str, object] = {"n_train": len(train), "note": ""}
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            estimator = make(data.is_regression, seed)  # imports its package
            start = time.process_time()
            y_fit = np.asarray(y_train) if data.is_regression else np.asarray(y_train, dtype=object)
            estimator.fit(X_train, y_fit, **for_fit)
            fitted = time.process_time()
            predicted = estimator.predict(X_test) if data.is_regression else estimator.predict_proba(X_test)
            one |= {"fit_seconds": fitted - start, "predict_seconds": time.process_time() - fitted}
        if any(issubclass(warning.category, ConvergenceWarning) for warning in said):
            one["note"] = "ConvergenceWarning"
        return one | scores(data, predicted, y_test, estimator)
    except ImportError:  # part of a package is not there
        raise
    except Exception as error:  # a failure is a result too
        return one | {"note": f"{type(error).__name__}: {error}".replace("\n", " ")[:200]}


def scores(data: Table, predicted: np.ndarray, y: np.ndarray, estimator: object) -> dict[str, float]:
    """Error: the share of wrong classes, or the root mean squared error over the target's standard deviation."""
    if data.is_regression:
        return {"error": float(np.sqrt(np.mean((np.ravel(predicted) - y) ** 2)) / data.y.std(ddof=0))}
    y, classes = np.asarray(y, dtype=str), np.asarray(estimator.classes_, dtype=str)
    probabilities = np.clip(predicted, 1e-7, 1)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    error = np.mean(classes[probabilities.argmax(axis=1)] != y)
    every = np.unique(np.asarray(data.y, dtype=str))
    full = np.full((len(y), len(every)), 1e-7)  # a class that no training row has
    full[:, np.searchsorted(every, classes)] = probabilities
    return {"error": float(error), "log_loss": float(log_loss(y, full / full.sum(axis=1, keepdims=True), labels=every))}


def append(one: dict[str, object]) -> None:
    ROWS.parent.mkdir(exist_ok=True)
    line = pd.DataFrame([one], columns=COLUMNS)
    for name, digits in (("error", 5), ("log_loss", 5), ("fit_seconds", 3), ("predict_seconds", 4)):
        line[name] = line[name].astype(float).round(digits)
    line.to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)
    print(" ".join(str(value) for value in line.iloc[0]), flush=True)
    note_machine(str(one["model"]), str(one["table"]))


def note_machine(model: str, table: str) -> None:
    """Write beside the rows on what, with which versions and when each model was measured last in a draw."""
    known = json.loads(MACHINE.read_text(encoding="utf-8")) if MACHINE.exists() else {}
    machine = f"{processor()}, {platform.system()}, Python {platform.python_version()}"
    package = PACKAGES.get(model, "scikit-learn")
    own = {"commit": commit()} if package == "sknet-mlp" else {package: version(package)}
    versions = own | {name: version(name) for name in ("numpy", "pandas", "scikit-learn")}
    key = model if table.split("/")[0] in sources.LOADERS else f"{model}{SECOND}"
    known[key] = {"date": date.today().isoformat(), "machine": machine, "versions": versions}
    MACHINE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def commit() -> str:
    """The commit of this repository that is checked out."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(git, cwd=MEASURED, capture_output=True, text=True, check=False).stdout.strip()
