"""One fit on a table of the third list, one row of the CSV."""

import json
import platform
import time
from datetime import date
from importlib.metadata import version

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.metrics import mean_tweedie_deviance, roc_auc_score
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from tests.benchmarks.harness import blas_threads, processor
from tests.benchmarks.tables import measure as earlier
from tests.benchmarks.third_draw import rule
from tests.benchmarks.third_draw.models import DEFAULTS, OWN_LOSSES, PACKAGES, STOPPED_EARLY, TUNED, Maker

ROWS = earlier.MEASURED / "third_draw.csv"
MACHINE = earlier.MEASURED / "third_draw.json"
COLUMNS = ["table", "split", "number", "model", "n_train"]
COLUMNS += ["error", "log_loss", "deviance", "fit_seconds", "predict_seconds", "note", "auc"]
POWERS = {"poisson": 1.0, "gamma": 2.0, "tweedie": 1.5}
LEAST = 1e-6
"""Share of the mean target below which a prediction counts as this much in a deviance."""


def rows() -> pd.DataFrame:
    if not ROWS.exists():
        return pd.DataFrame(columns=COLUMNS)
    return pd.read_csv(ROWS, keep_default_na=False, na_values=[""])


def models_for(loss: str, with_tuned: bool) -> dict[str, Maker]:
    return DEFAULTS | STOPPED_EARLY | OWN_LOSSES.get(loss, {}) | (TUNED if with_tuned else {})


def split(drawn: rule.Drawn, number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows to fit and rows to test; there is one split by time."""
    n = len(drawn.table.X)
    if drawn.groups is not None:
        cut = GroupShuffleSplit(1, test_size=earlier.TEST_SIZE, random_state=number)
        return next(cut.split(np.arange(n), groups=drawn.groups))
    if drawn.times is None:
        classes = None if drawn.table.is_regression else drawn.table.y
        train, test = train_test_split(np.arange(n), test_size=earlier.TEST_SIZE, random_state=number, stratify=classes)
        return train, test
    later = drawn.times >= n * (1 - earlier.TEST_SIZE)
    return None if number else (np.flatnonzero(~later), np.flatnonzero(later))


def table(name: str, number: int, models: list[str], until: float) -> None:
    """Fit each model to one split of a table, unless the CSV has the row."""
    found = rows()
    done = set(zip(found["table"], found["number"], found["model"], strict=True))
    models = [model for model in models if (name, number, model) not in done]
    if not models:
        return
    drawn = rule.load(name)
    makers, parts = models_for(drawn.loss, True), split(drawn, number)
    if parts is None:
        return
    for model in models:
        if model in makers and time.monotonic() < until:
            key = {"table": name, "split": drawn.split, "number": number, "model": model}
            append(key | fit(drawn, *parts, makers[model], number, model in TUNED))


def fit(
    drawn: rule.Drawn, train: np.ndarray, test: np.ndarray, make: Maker, seed: int, is_tuned: bool
) -> dict[str, object]:
    """Measure as before, and beside it the deviance of a positive target, or the area under the ROC curve."""
    kept = []

    def remembered(is_regression: bool, seed: int) -> BaseEstimator:
        kept.append(make(is_regression, seed))
        return kept[0]

    for_fit = {}
    if is_tuned and drawn.groups is not None:
        for_fit = {"groups": drawn.groups[train]}
        if hasattr(make(drawn.table.is_regression, seed), "steps"):
            for_fit = {"tuned__groups": drawn.groups[train]}
    one = earlier.fit(drawn.table, train, test, remembered, seed, **for_fit)
    if drawn.loss and "error" in one:
        y = drawn.table.y.iloc[test].to_numpy()
        predicted = np.ravel(kept[0].predict(drawn.table.X.iloc[test]))
        predicted = np.maximum(predicted, LEAST * drawn.table.y.mean())
        one["deviance"] = float(mean_tweedie_deviance(y, predicted, power=POWERS[drawn.loss]))
    if not drawn.table.is_regression and drawn.table.y.nunique() == 2 and "error" in one:
        is_second = drawn.table.y.iloc[test].astype(str) == str(kept[0].classes_[1])
        one["auc"] = float(roc_auc_score(is_second, kept[0].predict_proba(drawn.table.X.iloc[test])[:, 1]))
    return one


def append(one: dict[str, object]) -> None:
    line = pd.DataFrame([one], columns=COLUMNS)
    for name in ("error", "log_loss", "deviance", "fit_seconds", "predict_seconds", "auc"):
        line[name] = line[name].astype(float).map(lambda value: float(f"{value:.5g}"))
    line.to_csv(ROWS, mode="a", header=not ROWS.exists(), index=False)
    print(" ".join(str(value) for value in line.iloc[0]), flush=True)
    known = json.loads(MACHINE.read_text(encoding="utf-8")) if MACHINE.exists() else {}
    known[str(one["model"])] = conditions(str(one["model"]))
    MACHINE.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def conditions(model: str) -> dict[str, object]:
    """On what a model was run last, and with what."""
    package = PACKAGES.get(model.split(",")[0], "scikit-learn")
    own = {"commit": earlier.commit()} if package == "sknet-mlp" else {package: version(package)}
    return {
        "date": date.today().isoformat(),
        "machine": f"{processor()}, {platform.system()}, Python {platform.python_version()}",
        "threads": max(blas_threads()),
        "versions": own | {name: version(name) for name in ("numpy", "pandas", "scikit-learn")},
    }
